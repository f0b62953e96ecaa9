//! One policy document alone.

use super::{Answer, IssuerChoice, Presented, aws, azure, google, leave_open};
use crate::admission::iam::Policy;
use crate::graph::{Gate, Graph, ProviderKind};
use crate::partial::Value;
use crate::pipeline::{self, Input, Request};
use crate::source::Sources;
use crate::source::walk::FileKind;
use crate::syntax::{json, yaml};
use crate::token::{Decision, Evaluation, Step, Truth};
use std::sync::Arc;

/// A decision about one document.
#[derive(Debug)]
pub struct Decided {
    /// The decision.
    pub evaluation: Evaluation,
    /// What its spans point into.
    pub sources: Arc<Sources>,
}

/// Decides a document: an IAM trust policy (or what `aws iam get-role` prints), a provider of a Google pool as gcloud
/// prints it, a federated identity credential, or Terraform with exactly one of these.
///
/// # Errors
/// A document that cannot be read, or is none of these, or several.
pub fn decide_document(path: &str, text: &str, presented: &Presented) -> Result<Decided, String> {
    let mut presented = presented.clone();
    if !presented.ready && presented.claims.string("iss").is_none() && presented.claims.string("arn").is_none() {
        presented.issuer = IssuerChoice::Any;
    }
    let sources = Arc::new(Sources::new());
    if let Some(document) = document(path, text, &sources)?
        && document.get("Statement").is_some()
    {
        let answer = aws::decide(&Policy::read(&document), &presented);
        return Ok(Decided { evaluation: leave_open(concluded(answer), &presented), sources });
    }
    let name = if FileKind::of(path).is_some() { path.to_owned() } else { format!("{path}.json") };
    let request = Request { input: Input::Memory(vec![(name, text.to_owned())]), ..Request::default() };
    let world = pipeline::read(&request).map_err(|e| e.to_string())?;
    let answer = only(path, &world.graph, &world.links.trust_providers, &presented)?;
    Ok(Decided { evaluation: leave_open(concluded(answer), &presented), sources: world.sources })
}

/// The one document of a JSON or YAML file; none for another format.
fn document(path: &str, text: &str, sources: &Arc<Sources>) -> Result<Option<Value>, String> {
    let parse = match FileKind::of(path) {
        Some(FileKind::Yaml) => yaml::parse,
        Some(FileKind::Json) | None => json::parse,
        Some(_) => return Ok(None),
    };
    let file = sources.add(path, text);
    let parsed = parse(&file);
    if let Some(problem) = parsed.problems.first() {
        let line = file.position(problem.span.start as usize).line;
        return Err(format!("{path}:{line}: {}", problem.message));
    }
    Ok(parsed.documents.into_iter().next())
}

/// The one gate of a graph: trusts first, else providers.
fn only(path: &str, graph: &Graph, providers: &[Vec<crate::graph::ProviderId>], presented: &Presented) -> Result<Answer, String> {
    match graph.trusts.as_slice() {
        [] => {}
        [trust] => {
            let linked = providers.first().map_or(&[][..], Vec::as_slice);
            return Ok(match &trust.gate {
                Gate::AwsPolicy(document) => aws::decide_trust(graph, linked, document, presented),
                Gate::GoogleMember { member, .. } => google::decide_member(graph, linked, member, presented),
                Gate::AzureCredential { issuer, subject, audiences, expression } => {
                    azure::decide(issuer.as_ref(), subject.as_ref(), audiences, expression.as_ref(), presented)
                }
            });
        }
        many => return Err(format!("`{path}` holds {} trusts: give a file with one, or scan the folder", many.len())),
    }
    let mut google = graph.providers.iter().filter_map(|p| if let ProviderKind::Google(g) = &p.kind { Some(g) } else { None });
    match (google.next(), google.next()) {
        (Some(provider), None) => Ok(google::decide_provider(provider, presented)),
        (Some(_), Some(_)) => Err(format!("`{path}` holds several providers: give a file with one")),
        (None, _) => {
            Err(format!("`{path}` is no IAM trust policy, no provider of a workload identity pool and no federated identity credential"))
        }
    }
}

/// Alone, a policy for other issuers refuses.
fn concluded(answer: Answer) -> Evaluation {
    let note = match answer {
        Answer::Decided(evaluation) => return evaluation,
        Answer::OtherIssuer => "the policy trusts other issuers than the token's",
        Answer::NotForTokens => "the policy lets no federated token in",
    };
    let step =
        Step { test: "issuer".to_owned(), outcome: Truth::False, expected: None, found: None, span: None, note: Some(note.to_owned()) };
    Evaluation { decision: Decision::Deny, trace: vec![step], reasons: Vec::new() }
}

//! One policy document alone.

use super::{Answer, IssuerChoice, Presented, aws, google, open, trusted};
use crate::admission::iam::Policy;
use crate::graph::links::Links;
use crate::graph::{Graph, Provider, ProviderId, ProviderKind};
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
        let policy = Policy::read(&document);
        let answer = open::decided(&presented, &|p| aws::decide_policy(&policy, p));
        return Ok(Decided { evaluation: concluded(answer), sources });
    }
    let name = if FileKind::of(path).is_some() { path.to_owned() } else { format!("{path}.json") };
    let request = Request { input: Input::Memory(vec![(name, text.to_owned())]), ..Request::default() };
    let world = pipeline::read(&request).map_err(|e| e.to_string())?;
    let answer = only(path, &world.graph, &world.links, &presented)?;
    Ok(Decided { evaluation: concluded(answer), sources: world.sources })
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
fn only(path: &str, graph: &Graph, links: &Links, presented: &Presented) -> Result<Answer, String> {
    match graph.trusts.as_slice() {
        [] => {}
        [trust] => return Ok(open::decided(presented, &|p| trusted(graph, links, 0, trust, p))),
        many => return Err(format!("`{path}` holds {} trusts: give a file with one, or scan the folder", many.len())),
    }
    let google = |(index, provider): (usize, &Provider)| match &provider.kind {
        ProviderKind::Google(_) => u32::try_from(index).ok().map(ProviderId),
        ProviderKind::AwsOidc { .. } => None,
    };
    let mut google = graph.providers.iter().enumerate().filter_map(google);
    match (google.next(), google.next()) {
        (Some(provider), None) => Ok(open::decided(presented, &|p| google::decide_provider(graph, links, provider, p))),
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
        Answer::NotForTokens => "the policy admits no federated token",
    };
    let step =
        Step { test: "issuer".to_owned(), outcome: Truth::False, expected: None, found: None, span: None, note: Some(note.to_owned()) };
    Evaluation { decision: Decision::Deny, trace: vec![step], reasons: Vec::new() }
}

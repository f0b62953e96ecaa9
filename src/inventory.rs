//! Every identity of a repository with whose tokens obtain it: the answer to "who can be what here?", correct trusts too.
//!
//! The views are those of the gate and the verdicts those of the search, as the checks use them; so the list and the findings agree.

use crate::admission::entra::Credential;
use crate::admission::exposure::{self, Class, Reachability, minimal, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher};
use crate::admission::iam::{self, Effect, Policy, PrincipalKind};
use crate::admission::search::Shared;
use crate::config::Config;
use crate::gate::{Inputs, IssuerView, aws, azure, google};
use crate::graph::links::Links;
use crate::graph::{Gate, Graph, Trust};
use crate::issuers::{Registry, Template, well_known_mistakes};
use crate::token::Token;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who is admitted, in one word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admits {
    /// Tenants that the trust does not name.
    AnyTenant,
    /// More than the trust names, within its tenant or cluster.
    WithinTenant,
    /// What the trust names and nothing else.
    Named,
    /// No token.
    Nobody,
    /// Not known.
    Undecided,
}

/// One way to an identity.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The identity, as reports name it.
    pub identity: String,
    /// `aws`, `google` or `azure`.
    pub cloud: &'static str,
    /// Whose tokens, or which principals.
    pub issuer: String,
    /// Who is admitted.
    pub admits: Admits,
    /// The same in words.
    pub who: String,
    /// What the trust asks of the claims, as it is written.
    pub conditions: Vec<String>,
    /// A token that is admitted, with the claims that the trust reads.
    pub example: Option<BTreeMap<String, serde_json::Value>>,
    /// What the identity may do, as far as the scan says it.
    pub permissions: Vec<String>,
    /// The file of the trust.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

/// The inventory, by identity and then in the order of the graph. Places are filled in by `locate`.
#[must_use]
pub fn inventory(graph: &Graph, links: &Links, config: &Config, locate: &dyn Fn(crate::place::Span) -> (String, usize)) -> Vec<Entry> {
    let registry: &Registry = &config.registry();
    let shared = Arc::new(Shared::default());
    let inputs = Inputs { graph, links, registry, shared: &shared };
    let mut out = Vec::new();
    for (index, trust) in graph.trusts.iter().enumerate() {
        let identity = graph.identity(trust.identity).map_or(&trust.origin.name, |i| &i.origin.name);
        let (path, line) = locate(trust.origin.span);
        let permissions = permissions(graph, trust);
        for (cloud, issuer, answer) in ways(&inputs, index, trust) {
            let Answer { admits, who, conditions, example } = answer;
            let conditions = conditions.into_iter().map(|c| c.told(config)).collect::<Vec<_>>();
            let (identity, permissions, path) = (identity.clone(), permissions.clone(), path.clone());
            out.push(Entry { identity, cloud, issuer, admits, who, conditions, example: example.map(claims), permissions, path, line });
        }
    }
    out.sort_by(|a, b| (&a.identity, &a.path, a.line).cmp(&(&b.identity, &b.path, b.line)));
    out
}

fn claims(token: Token) -> BTreeMap<String, serde_json::Value> {
    match token.to_json() {
        serde_json::Value::Object(members) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

fn permissions(graph: &Graph, trust: &Trust) -> Vec<String> {
    let own = graph.grants.iter().filter(|g| g.identity == Some(trust.identity));
    let named: BTreeSet<String> = own.map(|g| g.permission.to_string()).collect();
    named.into_iter().collect()
}

/// What is known of one way.
struct Answer {
    admits: Admits,
    who: String,
    conditions: Vec<Condition>,
    example: Option<Token>,
}

/// What is asked of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    text: String,
    /// The one value of the owner's id that is asked for.
    owner_id: Option<String>,
}

impl Condition {
    /// With the owner's name where the configuration says whose id it is.
    fn told(self, config: &Config) -> String {
        match self.owner_id.and_then(|id| config.tenants.github.owner_of(&id).map(str::to_owned)) {
            Some(owner) => format!("{} ({owner})", self.text),
            None => self.text,
        }
    }
}

impl Answer {
    fn of(admits: Admits, who: impl Into<String>) -> Self {
        Self { admits, who: who.into(), conditions: Vec::new(), example: None }
    }
}

type Way = (&'static str, String, Answer);

fn ways(inputs: &Inputs<'_>, index: usize, trust: &Trust) -> Vec<Way> {
    let providers = inputs.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    match &trust.gate {
        Gate::AwsPolicy(policy) => {
            let views = aws::views(inputs, inputs.graph.identity(trust.identity), policy, providers);
            let judged = views.iter().map(|view| {
                let (formula, templates) = view.with_audience(inputs);
                ("aws", view.recognised.iss.clone(), judge(inputs, view, &formula, &templates))
            });
            let mut out: Vec<Way> = judged.collect();
            out.extend(principals(policy, out.is_empty()));
            out
        }
        Gate::GoogleMember { member, role, .. } => {
            let mut out: Vec<Way> = Vec::new();
            for view in providers.iter().flat_map(|id| google::views(inputs, *id)) {
                let Some(formula) = view.combined(&trust.gate) else { continue };
                let templates = view.templates_for(&formula);
                out.push(("google", view.recognised.iss.clone(), judge(inputs, &view, &formula, &templates)));
            }
            if out.is_empty() {
                out.push(("google", format!("Google principal ({role})"), Answer::of(Admits::Named, format!("`{member}`"))));
            }
            out
        }
        Gate::AzureCredential { issuer, subject, audiences, expression } => {
            let Some(issuer) = issuer else {
                return vec![("azure", "unknown issuer".to_owned(), Answer::of(Admits::Undecided, "the issuer is not known"))];
            };
            let credential = Credential {
                issuer: issuer.clone(),
                subject: subject.clone(),
                audiences: audiences.clone(),
                expression: expression.clone(),
            };
            // Entra compares the issuer exactly: `azure::issuer_view` forgives what no token of the issuer carries.
            if let Some(mistake) = issuer.as_known().and_then(|url| well_known_mistakes(&url)) {
                return vec![(
                    "azure",
                    issuer.to_string(),
                    Answer::of(Admits::Nobody, format!("nobody: no token carries this issuer: {mistake}")),
                )];
            }
            match azure::issuer_view(inputs, trust, credential) {
                Some(view) => {
                    let (formula, templates) = view.with_audience();
                    vec![("azure", view.recognised.iss.clone(), judge(inputs, &view, &formula, &templates))]
                }
                None => vec![("azure", issuer.to_string(), Answer::of(Admits::Undecided, "the issuer or the subject is not known"))],
            }
        }
    }
}

/// Whoever brings no token: AWS accounts, services, logins of other kinds.
fn principals(policy: &Policy, alone: bool) -> Vec<Way> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut everyone = false;
    for principal in iam::principals(policy) {
        if principal.effect != Effect::Deny && !principal.brings_tokens() && !principal.negated {
            everyone |= principal.kind == PrincipalKind::Everyone;
            let text =
                if everyone { "any AWS principal that satisfies the conditions".to_owned() } else { format!("`{}`", principal.text) };
            named.insert(text);
        }
    }
    if named.is_empty() {
        let unknown = Answer::of(Admits::Undecided, "cannot determine whose tokens the role takes");
        return if alone { vec![("aws", "trust policy".to_owned(), unknown)] } else { Vec::new() };
    }
    let who = named.into_iter().collect::<Vec<_>>().join(", ");
    vec![("aws", "AWS principals".to_owned(), Answer::of(if everyone { Admits::Undecided } else { Admits::Named }, who))]
}

/// Who gets in through a view.
fn judge<V>(inputs: &Inputs<'_>, view: &IssuerView<'_, V>, formula: &Formula, templates: &[Template]) -> Answer {
    let issuer = &view.recognised.iss;
    let mut answer = match inputs.reachability(formula, templates) {
        Reachability::Unreachable => Answer::of(Admits::Nobody, "nobody: no token can satisfy this trust"),
        Reachability::Undecided => Answer::of(Admits::Undecided, "undecided: no token was found, and that there is none is not proven"),
        Reachability::Reachable(token) => match exposure::exposure_in(formula, &inputs.shared.templates(templates)) {
            Err(why) => Answer::of(Admits::Undecided, format!("undecided: {why}")),
            Ok(found) => {
                let (admits, who) = words(found.class, issuer);
                let likely = if found.certain && view.certain { "" } else { " (likely)" };
                let example = found.witness.unwrap_or(*token);
                Answer { admits, who: format!("{who}{likely}"), conditions: Vec::new(), example: Some(minimal(&example, formula)) }
            }
        },
    };
    answer.conditions = conditions(formula);
    answer
}

fn words(class: Class, issuer: &str) -> (Admits, String) {
    let words = match class {
        Class::AnyTenant => return (Admits::AnyTenant, format!("anyone who can get a token of {issuer}")),
        Class::TenantPrefix => return (Admits::AnyTenant, "any tenant whose name starts with a named one".to_owned()),
        Class::AnyNamespace => "any namespace of the cluster",
        Class::NamespacePrefix => "any namespace whose name starts with a named one",
        Class::AnyProject => "any project of the tenant",
        Class::ProjectPrefix => "any project whose name starts with a named one",
        Class::AnyRef => "any branch",
        Class::RefPrefix => "any branch whose name starts with a named one",
        Class::PullRequestTarget => "also runs of `pull_request_target`",
        Class::PullRequest => "also pull requests",
        Class::AnyEnvironment => "any environment",
        Class::EnvironmentPrefix => "any environment whose name starts with a named one",
        Class::TagAsBranch => "also tags that have the branch's name",
        Class::Preview => "also previews and speculative plans",
        Class::Intended => return (Admits::Named, "what it names and nothing else".to_owned()),
    };
    (Admits::WithinTenant, words.to_owned())
}

/// What is asked of the claims, beside the audience and the issuer.
fn conditions(formula: &Formula) -> Vec<Condition> {
    let mut out: Vec<Condition> = Vec::new();
    for occurrence in shape::tests(formula) {
        let claims = shape::claims(&occurrence.test.subject);
        // That a claim is there is what a mapping asks of each that it reads.
        if matches!(occurrence.test.matcher, Matcher::Present) && occurrence.positive {
            continue;
        }
        if claims.iter().all(|claim| claim == "aud" || claim == "azp" || claim == "iss") {
            continue;
        }
        let not = if occurrence.positive { "" } else { "not " };
        let owner_id = match &occurrence.test.matcher {
            Matcher::Exact(text) if claims.len() == 1 && claims.contains("repository_owner_id") => text.as_known(),
            _ => None,
        };
        let text = format!("{not}{} {}", claims.into_iter().collect::<Vec<_>>().join("+"), written(&occurrence.test.matcher));
        let condition = Condition { text, owner_id };
        if !out.contains(&condition) {
            out.push(condition);
        }
    }
    out
}

fn written(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Present => "is there".to_owned(),
        Matcher::Exact(text) => format!("= {text}"),
        Matcher::ExactIgnoreCase(text) => format!("= {text} (in any letter case)"),
        Matcher::Glob(parts) => {
            let part = |part: &GlobPart| match part {
                GlobPart::Literal(text) => text.to_string(),
                GlobPart::Star(_) => "*".to_owned(),
                GlobPart::One(_) => "?".to_owned(),
            };
            format!("like {}", parts.iter().map(part).collect::<String>())
        }
        Matcher::Prefix(text) => format!("starts with {text}"),
        Matcher::Suffix(text) => format!("ends with {text}"),
        Matcher::Contains(text) => format!("contains {text}"),
        Matcher::Regex(text) => format!("matches {text}"),
        Matcher::Size(..) => "has a length".to_owned(),
        Matcher::Order(_, text) => format!("is ordered by {text}"),
    }
}

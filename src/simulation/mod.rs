//! One token before the gates: which identities it gets, and for each that refuses, the test that failed.
//!
//! Everything is decided by the concrete evaluators of [`crate::admission`]; this module only asks them in the way in
//! which each cloud would be asked: with its customary audience, its own issuer comparison, its registered clients.

mod assertions;
mod audience;
mod aws;
mod azure;
mod document;
mod google;
mod job;
mod open;
mod preset;
mod subject;
mod token;

pub use assertions::{Assertion, Door, read as read_assertions};
pub use document::{Decided, decide_document};
pub use job::{Failed, JobOutcome, JobVerdict, TokenOutcome, jobs_named, simulate_job};
pub use preset::{Preset, service_account, spiffe_id};
pub use subject::of_subject;
pub use token::{GithubJob, read as read_token};

use crate::gate::issuer::{self, Difference, Sameness, compare, may_be};
use crate::graph::links::Links;
use crate::graph::{Gate, Graph, Trust};
use crate::issuers::{Recognised, Registry, StandsFor, Tenancy, registry};
use crate::partial::{Text, UnknownKind};
use crate::place::Span;
use crate::token::{Decision, Evaluation, Step, Token, Truth};
use std::borrow::Cow;
use std::sync::Arc;

/// Which issuer the token is from, when its `iss` is not to be taken literally.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IssuerChoice {
    /// The one in `iss`.
    #[default]
    Stated,
    /// Whatever cluster a trust names.
    Cluster,
    /// Whatever SPIRE server a trust names.
    Spire,
    /// Whatever the one policy names.
    Any,
}

impl IssuerChoice {
    /// Whether an issuer that is trusted is of this kind.
    fn fits(self, recognised: &Recognised<'_>) -> bool {
        match self {
            Self::Cluster => recognised.issuer.tenancy == Tenancy::Cluster,
            Self::Spire => recognised.issuer.stands_for == Some(StandsFor::Spiffe),
            Self::Stated | Self::Any => true,
        }
    }
}

/// Who mints tokens: the built-in registry, or one with the team's own issuers.
#[derive(Debug, Clone, Default)]
pub struct Issuers(Option<Arc<Registry>>);

impl Issuers {
    /// Those of a configuration.
    #[must_use]
    pub fn of(known: Cow<'_, Registry>) -> Self {
        match known {
            Cow::Borrowed(known) if std::ptr::eq(known, registry()) => Self(None),
            other => Self(Some(Arc::new(other.into_owned()))),
        }
    }
}

impl std::ops::Deref for Issuers {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        self.0.as_deref().unwrap_or(registry())
    }
}

/// What is presented to a gate.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// Who is known to mint tokens.
    pub issuers: Issuers,
    /// The claims, or ready IAM condition keys.
    pub claims: Token,
    /// The claims are ready condition keys.
    pub ready: bool,
    /// The audience is chosen for each cloud as is customary there.
    pub any_audience: bool,
    /// Whose token it is.
    pub issuer: IssuerChoice,
    /// The federated provider (or calling) ARN, where the token alone does not say it.
    pub principal: Option<String>,
    /// The STS action.
    pub action: Option<String>,
    /// The caller's own policies do not allow the call (only a trust in a whole AWS account asks for it).
    pub caller_denied: bool,
    /// Claims whose value was not provided: a test of one is not decided. What [`Presented::claims`] holds of them is an
    /// example.
    pub open_claims: Vec<String>,
    /// Those of them that the token may as well lack.
    pub optional_claims: Vec<String>,
    /// What a person has to know about the token.
    pub notes: Vec<String>,
    /// What a person has to know where something is not decided because of [`Presented::open_claims`].
    pub open_notes: Vec<String>,
}

/// What one gate says.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A decision with its trace.
    Decided(Evaluation),
    /// The gate takes the tokens of other issuers.
    OtherIssuer,
    /// The gate is not for tokens at all (AWS services and accounts, Google users).
    NotForTokens,
}

/// What an identity says to the token.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The identity's name.
    pub identity: String,
    /// `aws`, `google` or `azure`.
    pub cloud: &'static str,
    /// The member of a Google binding.
    pub via: Option<String>,
    /// The declaration of the trust.
    pub span: Span,
    /// The decision.
    pub evaluation: Evaluation,
}

/// Every identity's answer.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The trusts that the token's issuer concerns, in the order of the graph.
    pub verdicts: Vec<Verdict>,
    /// The names of the identities that trust other issuers only.
    pub other_issuers: Vec<String>,
}

impl Outcome {
    /// How many trusts decided so.
    #[must_use]
    pub fn count(&self, decision: Decision) -> usize {
        self.verdicts.iter().filter(|v| v.evaluation.decision == decision).count()
    }
}

/// Decides the token under every trust of a graph.
#[must_use]
pub fn simulate(graph: &Graph, links: &Links, presented: &Presented) -> Outcome {
    let mut out = Outcome::default();
    for (index, trust) in graph.trusts.iter().enumerate() {
        let (cloud, via) = match &trust.gate {
            Gate::AwsPolicy(_) => ("aws", None),
            Gate::GoogleMember { member, .. } => ("google", Some(member.to_string())),
            Gate::AzureCredential { .. } => ("azure", None),
        };
        let identity = graph.identity(trust.identity).map_or_else(|| trust.origin.name.clone(), |i| i.origin.name.clone());
        match open::decided(presented, &|p| trusted(graph, links, index, trust, p)) {
            Answer::Decided(evaluation) => out.verdicts.push(Verdict { identity, cloud, via, span: trust.origin.span, evaluation }),
            Answer::OtherIssuer if !out.other_issuers.contains(&identity) => out.other_issuers.push(identity),
            Answer::OtherIssuer | Answer::NotForTokens => {}
        }
    }
    let decided: Vec<&String> = out.verdicts.iter().map(|v| &v.identity).collect();
    out.other_issuers.retain(|name| !decided.contains(&name));
    out
}

/// Decides a token under one trust.
fn trusted(graph: &Graph, links: &Links, index: usize, trust: &Trust, presented: &Presented) -> Answer {
    let providers = links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    match &trust.gate {
        Gate::AwsPolicy(policy) => aws::decide_trust(graph, providers, trust, policy, presented),
        Gate::GoogleMember { member, .. } => google::decide_member(graph, links, providers, member, presented),
        Gate::AzureCredential { issuer, subject, audiences, expression } => {
            azure::decide(issuer.as_ref(), subject.as_ref(), audiences, expression.as_ref(), presented)
        }
    }
}

/// Decides the token before every Google provider: who enters the pools, whatever is bound there. The tests hold witnesses
/// against it.
#[cfg(any(test, feature = "internals"))]
#[must_use]
pub fn entering(graph: &Graph, links: &Links, presented: &Presented) -> Vec<(crate::graph::ProviderId, Evaluation)> {
    let mut out = Vec::new();
    for index in 0..graph.providers.len() {
        let id = crate::graph::ProviderId(u32::try_from(index).unwrap_or(u32::MAX));
        if let Answer::Decided(evaluation) = open::decided(presented, &|p| google::decide_provider(graph, links, id, p)) {
            out.push((id, evaluation));
        }
    }
    out
}

/// Whether a token is of an issuer.
enum Issued {
    /// It is; the token with its `iss`.
    Yes(Token),
    /// It may be: the issuer is not known whole.
    Perhaps(Token, Step),
    /// It is but for a slip.
    Nearly(Nearly),
    /// It is another one's.
    No,
}

/// An issuer that is trusted and the one of a token, which differ in a way that is a mistake.
struct Nearly {
    difference: Difference,
    trusted: String,
    iss: String,
    span: Option<Span>,
}

impl Nearly {
    fn step(&self) -> Step {
        Step {
            test: "issuer".to_owned(),
            outcome: Truth::False,
            expected: Some(self.trusted.clone()),
            found: Some(self.iss.clone()),
            span: self.span,
            note: Some(self.difference.to_string()),
        }
    }
}

/// Compares the token's issuer as the gate does.
fn issued(issuer: &Text, presented: &Presented) -> Issued {
    if presented.issuer != IssuerChoice::Stated {
        return chosen(issuer, presented);
    }
    let iss = presented.claims.string("iss").unwrap_or_default();
    match compare(issuer, iss) {
        Sameness::Same => Issued::Yes(presented.claims.clone()),
        Sameness::Other => Issued::No,
        Sameness::Nearly(difference) => {
            Issued::Nearly(Nearly { difference, trusted: issuer.to_string(), iss: iss.to_owned(), span: issuer.span() })
        }
        Sameness::Perhaps => {
            let step = Step {
                test: "issuer".to_owned(),
                outcome: Truth::Unknown,
                expected: Some(issuer.to_string()),
                found: Some(iss.to_owned()),
                span: issuer.span(),
                note: Some("the issuer that is trusted is not known".to_owned()),
            };
            Issued::Perhaps(presented.claims.clone(), step)
        }
    }
}

/// A token of whatever issuer of a kind is trusted: its `iss` is the one that the issuer's tokens have, as the gate tells it.
fn chosen(issuer: &Text, presented: &Presented) -> Issued {
    let known = issuer.as_known();
    // Nothing but a cluster has its issuer computed.
    if presented.issuer == IssuerChoice::Spire && issuer.atoms().any(|a| a.kind() == UnknownKind::IssuerHostPath) {
        return Issued::No;
    }
    let recognised = known.as_deref().and_then(|url| presented.issuers.recognise(url));
    let own = recognised.as_ref().map(|r| r.iss.clone());
    if recognised.is_some_and(|r| !presented.issuer.fits(&r)) {
        return Issued::No;
    }
    if let (Some(known), Some(iss)) = (&known, own)
        && *known != iss
    {
        return Issued::Nearly(Nearly { difference: issuer::difference(known, &iss), trusted: known.clone(), iss, span: issuer.span() });
    }
    let mut token = presented.claims.clone();
    token.set("iss", known.unwrap_or_else(|| issuer.to_string()));
    Issued::Yes(token)
}

/// Puts steps before those of an evaluation and lets them decide with it.
fn preceded(steps: Vec<Step>, evaluation: Evaluation) -> Evaluation {
    let all = steps.iter().fold(Truth::True, |t, s| t.and(s.outcome));
    let decision = match (all, evaluation.decision) {
        (Truth::False | Truth::Error, _) | (_, Decision::Deny) => Decision::Deny,
        (Truth::Unknown, _) | (_, Decision::Unknown) => Decision::Unknown,
        (Truth::True, Decision::Admit) => Decision::Admit,
    };
    let mut reasons = Vec::new();
    if decision == Decision::Unknown {
        reasons.extend(steps.iter().filter(|s| s.outcome == Truth::Unknown).map(|s| s.note.clone().unwrap_or_else(|| s.test.clone())));
        reasons.extend(evaluation.reasons);
    }
    let trace = steps.into_iter().chain(evaluation.trace).collect();
    Evaluation { decision, trace, reasons }
}

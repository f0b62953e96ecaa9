//! Google workload identity federation: what the providers admit, and what the bindings make of it.

mod attributes;
mod audience;
mod binding;
mod collision;
mod impersonation;
mod names;
mod provider;
mod subject;

pub use collision::collisions;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::privilege;
use crate::admission::cel::google::AWS_DEFAULT_MAPPING;
use crate::admission::cel::google::{GoogleView, condition_formula};
use crate::admission::exposure::{Life, life};
use crate::admission::formula::{Formula, Matcher, Subject, Test};
use crate::graph::{GoogleProvider, GoogleSource, Provider, ProviderId, ProviderKind, Setting, SubjectFormat};
use crate::issuers::{Recognised, Registry, Template, Tenancy};
use crate::partial::{Part, Text};
use crate::place::Span;
use crate::rules::issuer;
use crate::rules::subjects::{self, Subjects};
use crate::token::Truth;
use audience::Accepted;
use rayon::prelude::*;

/// A provider as the tokens of its issuer meet it, under one of the conditions that it may have.
pub(super) struct Seen<'a> {
    /// Its id.
    pub(super) id: ProviderId,
    /// The provider.
    pub(super) provider: &'a Provider,
    /// The issuer.
    pub(super) recognised: Recognised<'a>,
    /// The mapping and the condition.
    pub(super) view: GoogleView,
    /// The condition is known to be the only one there can be.
    pub(super) certain: bool,
    /// The same as the cloud holds it.
    pub(super) google: &'a GoogleProvider,
    /// Who enters the pool: the condition, for tokens with an audience that is accepted.
    pub(super) condition: Formula,
    /// The condition alone.
    pub(super) plain: Formula,
    /// The audiences; none for callers that have none.
    accepted: Option<Accepted>,
    /// Customised subjects of the scan.
    pub(super) formats: &'a [SubjectFormat],
}

impl Seen<'_> {
    /// The tokens that can matter for a formula.
    pub(super) fn templates(&self, formula: &Formula) -> Vec<Template> {
        self.tokens(formula).0
    }

    /// The same, with what is known of their subjects.
    pub(super) fn tokens(&self, formula: &Formula) -> (Vec<Template>, Subjects) {
        subjects::tokens(&self.recognised, formula, self.formats)
    }

    /// A gate for tokens with an audience that is accepted; `read` when the gate looks at the audience itself.
    pub(super) fn aimed(&self, gate: &Formula, read: bool) -> Formula {
        let Some(accepted) = &self.accepted else { return gate.clone() };
        let usual = with(gate, &accepted.usual);
        if !read || matches!(life(&usual, &self.templates(&usual)), Life::Alive(_)) { usual } else { with(gate, &accepted.any) }
    }

    /// Whose tokens the provider takes: an AWS provider is tied to one account.
    pub(super) fn tenancy(&self) -> Tenancy {
        if self.view.aws { Tenancy::Tenant } else { self.recognised.issuer.tenancy }
    }

    /// Whether the provider gives a value to `google.x` or `attribute.x`.
    pub(super) fn maps(&self, key: &str) -> bool {
        if self.view.aws && self.view.mapping.is_empty() {
            return AWS_DEFAULT_MAPPING.iter().any(|(k, _)| *k == key);
        }
        self.view.mapping.iter().any(|(k, _)| k == key)
    }

    /// Whether a span lies in the text of the attribute condition.
    pub(super) fn in_condition(&self, span: Span) -> bool {
        let parts = self.view.condition.iter().flat_map(|c| &c.parts).filter_map(Part::span);
        parts.into_iter().any(|p| p.file == span.file && p.start <= span.start && span.end <= p.end)
    }
}

/// Every finding about what Google providers admit.
#[must_use]
pub fn providers(context: &Context<'_>) -> Vec<Finding> {
    let all: Vec<u32> = (0..u32::try_from(context.graph.providers.len()).unwrap_or(u32::MAX)).collect();
    all.par_iter().flat_map_iter(|i| see(context, ProviderId(*i)).into_iter().flat_map(|seen| provider::check(context, &seen))).collect()
}

/// Every finding about what bindings make of it.
#[must_use]
pub fn bindings(context: &Context<'_>) -> Vec<Finding> {
    let privileged = privilege::privileged(context.graph);
    let check = |(i, trust): (usize, &crate::graph::Trust)| -> Vec<Finding> {
        binding::check(context, i, trust).into_iter().map(|f| privilege::weigh(f, trust.identity, &privileged)).collect()
    };
    context.graph.trusts.par_iter().enumerate().flat_map_iter(check).collect()
}

/// Names that are wrong by their form: members, audiences, pools and providers; subjects that do not last.
#[must_use]
pub fn names(context: &Context<'_>) -> Vec<Finding> {
    let mut out = names::check(context);
    out.extend(subject::check(context));
    out
}

/// Who may impersonate service accounts, and who should.
#[must_use]
pub fn impersonation(context: &Context<'_>) -> Vec<Finding> {
    impersonation::check(context)
}

/// An AWS provider takes callers of its account only, whatever the condition says.
fn within_account(condition: Formula, source: &GoogleSource) -> Formula {
    let GoogleSource::Aws { account } = source else { return condition };
    let test = Test {
        subject: Subject::Claim("account".to_owned()),
        matcher: Matcher::Exact(account.clone()),
        absent: Truth::Error,
        span: account.span(),
        trail: account.trail(),
        label: "account of the provider".to_owned(),
    };
    with(&condition, &Formula::Test(Box::new(test)))
}

/// The one and, at its end, the other.
fn with(gate: &Formula, last: &Formula) -> Formula {
    let mut parts = match gate {
        Formula::All(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    parts.push(last.clone());
    Formula::All(parts)
}

/// A provider under each of the conditions that it may have; empty when it admits nobody by being disabled, or when
/// nothing is known of its condition.
pub(super) fn see<'a>(context: &'a Context<'_>, id: ProviderId) -> Vec<Seen<'a>> {
    let Some(provider) = context.graph.provider(id) else { return Vec::new() };
    let ProviderKind::Google(google) = &provider.kind else { return Vec::new() };
    if google.disabled || google.mapping_open {
        return Vec::new();
    }
    let conditions: Vec<Option<Text>> = match &google.condition {
        Setting::Absent => vec![None],
        Setting::Set(text) => vec![Some(text.clone())],
        Setting::OneOf(all) => all.clone(),
        Setting::Unknown(_) => Vec::new(),
    };
    let certain = conditions.len() == 1;
    let views = conditions.into_iter().filter_map(|condition| {
        let aws = matches!(google.source, GoogleSource::Aws { .. });
        let mapping = google.mapping.iter().flatten().map(|(k, e)| (k.to_string(), e.clone())).collect();
        let mut view = GoogleView { mapping, aws, condition, string_claims: false };
        let formula = condition_formula(&view);
        let recognised = recognised(context.registry, &google.source, &formula)?;
        view.string_claims = recognised.issuer.tenancy != Tenancy::Unknown;
        let plain = within_account(condition_formula(&view), &google.source);
        let accepted = audience::accepted(context.graph, google, &recognised);
        let formats = &context.graph.subject_formats;
        let mut seen = Seen { id, provider, google, recognised, view, certain, condition: plain.clone(), plain, accepted, formats };
        seen.condition = seen.aimed(&seen.plain, audience::is_read(&seen.view));
        Some(seen)
    });
    views.collect()
}

fn recognised<'r>(registry: &'r Registry, source: &GoogleSource, formula: &Formula) -> Option<Recognised<'r>> {
    match source {
        GoogleSource::Aws { .. } => registry.aws(),
        GoogleSource::Oidc { issuer, .. } => {
            issuer::known(registry, issuer, &issuer::patterns(formula, "sub")).map(|k| registry.as_google_sees(k.recognised))
        }
        GoogleSource::Saml | GoogleSource::X509 | GoogleSource::Unknown => None,
    }
}

//! Providers of Google workload identity pools, as the tokens of their issuers meet them, and the members of bindings.

use super::audience::{Accepted, one_of, readable, test};
use super::{Inputs, IssuerView, issuer, subjects};
use crate::admission::cel::google::{AWS_DEFAULT_MAPPING, GoogleView, Member, condition_formula, member_formula, references};
use crate::admission::exposure::{Reachability, reachability, shape};
use crate::admission::formula::{Formula, Matcher, Subject, Test, TestOrigin};
use crate::graph::links::Links;
use crate::graph::{Gate, GoogleProvider, GoogleSource, Graph, Provider, ProviderId, ProviderKind, Setting};
use crate::issuers::{ClaimPart, Recognised, Registry, Role, Tenancy};
use crate::partial::{Part, Text, cut};
use crate::place::Span;
use crate::token::Truth;
use std::collections::BTreeSet;

/// The beginnings of a provider's own name in an audience
/// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers#Oidc>).
const OWN: [&str; 2] = ["https://iam.googleapis.com/projects/", "//iam.googleapis.com/projects/"];

/// A provider as the tokens of its issuer meet it, under one of the conditions that it may have.
pub type ProviderView<'a> = IssuerView<'a, PoolProvider<'a>>;

/// The provider that tokens come through.
#[derive(Debug, Clone)]
pub struct PoolProvider<'a> {
    /// Its id.
    pub id: ProviderId,
    /// The provider.
    pub provider: &'a Provider,
    /// The same as the cloud holds it.
    pub google: &'a GoogleProvider,
    /// The mapping and the condition.
    pub view: GoogleView,
    /// Who enters the pool: the condition, for tokens with an audience that is accepted.
    pub condition: Formula,
}

impl ProviderView<'_> {
    /// A formula for tokens with an audience that is accepted; `read` when it looks at the audience itself.
    fn with_audience(&self, formula: &Formula, read: bool) -> Formula {
        let Some(accepted) = &self.accepted else { return formula.clone() };
        let usual = and(formula, &accepted.usual);
        if !read || matches!(reachability(&usual, &self.templates_for(&usual)), Reachability::Reachable(_)) {
            usual
        } else {
            and(formula, &accepted.any)
        }
    }

    /// Binding and condition together: the member first, so that a finding points at it.
    #[must_use]
    pub fn combined(&self, gate: &Gate) -> Option<Formula> {
        let Gate::GoogleMember { member, .. } = gate else { return None };
        let member = member_formula(&Member::parse(member).ok()?, &self.via.view);
        if shape::tests(&member).iter().any(|o| shape::claims(&o.test.subject).contains("aud")) {
            return Some(self.with_audience(&Formula::All(vec![member, self.formula.clone()]), true));
        }
        Some(Formula::All(vec![member, self.via.condition.clone()]))
    }

    /// Whose tokens the provider takes: an AWS provider is tied to one account.
    #[must_use]
    pub fn tenancy(&self) -> Tenancy {
        if self.via.view.aws { Tenancy::Tenant } else { self.recognised.issuer.tenancy }
    }

    /// Whether the provider gives a value to `google.x` or `attribute.x`.
    #[must_use]
    pub fn maps(&self, key: &str) -> bool {
        if self.via.view.aws && self.via.view.mapping.is_empty() {
            return AWS_DEFAULT_MAPPING.iter().any(|(k, _)| *k == key);
        }
        self.via.view.mapping.iter().any(|(k, _)| k == key)
    }

    /// Whether a span lies in the text of the attribute condition.
    #[must_use]
    pub fn in_condition(&self, span: Span) -> bool {
        let parts = self.via.view.condition.iter().flat_map(|c| &c.parts).filter_map(Part::span);
        parts.into_iter().any(|p| p.file == span.file && p.start <= span.start && span.end <= p.end)
    }
}

/// A provider under each of the conditions that it may have; empty when it or its pool admits nobody by being disabled, or
/// when nothing is known of its condition.
#[must_use]
pub fn views<'a>(inputs: &Inputs<'a>, id: ProviderId) -> Vec<ProviderView<'a>> {
    let graph: &'a Graph = inputs.graph;
    let Some(provider) = graph.provider(id) else { return Vec::new() };
    let ProviderKind::Google(google) = &provider.kind else { return Vec::new() };
    if google.mapping_open || disabled(graph, inputs.links, id).is_some() {
        return Vec::new();
    }
    let conditions = conditions(google);
    let certain = conditions.len() == 1;
    conditions.into_iter().filter_map(|condition| view(inputs, id, provider, google, condition, certain)).collect()
}

/// What is turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disabled {
    /// The provider.
    Provider,
    /// Its pool: <https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools> (`disabled`).
    Pool,
}

/// Whether a provider exchanges no tokens because it, or every pool that it may be of, is disabled.
#[must_use]
pub fn disabled(graph: &Graph, links: &Links, id: ProviderId) -> Option<Disabled> {
    let ProviderKind::Google(google) = &graph.provider(id)?.kind else { return None };
    if google.disabled {
        return Some(Disabled::Provider);
    }
    let mut pools = links.pool_providers.iter().zip(&graph.pools).filter(|(row, _)| row.contains(&id)).map(|(_, pool)| pool).peekable();
    (pools.peek().is_some() && pools.all(|pool| pool.disabled)).then_some(Disabled::Pool)
}

/// Every condition that a provider may have; empty when nothing is known of it.
fn conditions(google: &GoogleProvider) -> Vec<Option<Text>> {
    match &google.condition {
        Setting::Absent => vec![None],
        Setting::Set(text) => vec![Some(text.clone())],
        Setting::OneOf(all) => all.clone(),
        Setting::Unknown(_) => Vec::new(),
    }
}

fn view<'a>(
    inputs: &Inputs<'a>,
    id: ProviderId,
    provider: &'a Provider,
    google: &'a GoogleProvider,
    condition: Option<Text>,
    certain: bool,
) -> Option<ProviderView<'a>> {
    let aws = matches!(google.source, GoogleSource::Aws { .. });
    let mapping = google.mapping.iter().flatten().map(|(k, e)| (k.to_string(), e.clone())).collect();
    let mut view = GoogleView { mapping, aws, condition, ..GoogleView::default() };
    let recognised = recognised(inputs.registry, &google.source, &condition_formula(&view))?;
    view.string_claims = !recognised.issuer.tenancy.is_free();
    view.truths = truths(&recognised);
    let formula = within_account(condition_formula(&view), &google.source);
    let accepted = accepted(inputs.graph, google, &recognised);
    let read = reads_audience(&view);
    let formats = &inputs.graph.subject_formats;
    let (templates, subjects) = subjects::tokens(&recognised, &formula, formats);
    let via = PoolProvider { id, provider, google, view, condition: formula.clone() };
    let mut out = IssuerView { via, recognised, certain, formula, templates, subjects, accepted, formats };
    out.via.condition = out.with_audience(&out.formula, read);
    Some(out)
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

/// The claims of an issuer that are truth values.
fn truths(recognised: &Recognised<'_>) -> BTreeSet<String> {
    recognised.issuer.truths().cloned().collect()
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
        origin: TestOrigin::Provider,
    };
    and(&condition, &Formula::Test(Box::new(test)))
}

/// The one and, at its end, the other.
fn and(formula: &Formula, last: &Formula) -> Formula {
    let mut parts = match formula {
        Formula::All(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    parts.push(last.clone());
    Formula::All(parts)
}

/// Which tokens a provider takes by their audience; none for a provider that is not asked for tokens with an audience.
fn accepted(graph: &Graph, google: &GoogleProvider, recognised: &Recognised<'_>) -> Option<Accepted> {
    let GoogleSource::Oidc { audiences, .. } = &google.source else { return None };
    let mut out = audiences_of(graph, google, audiences);
    if audiences.len() > 1 && chosen_freely(recognised) {
        out.usual = one_of(&audiences.iter().take(1).map(readable).collect::<Vec<_>>());
    }
    Some(out)
}

/// The audiences on a provider's list, else its own resource name with and without the scheme.
#[must_use]
pub fn audiences_of(graph: &Graph, google: &GoogleProvider, audiences: &[Text]) -> Accepted {
    if audiences.is_empty() {
        let mut own = Text::known("/locations/global/workloadIdentityPools/");
        own.push(&google.pool_name);
        own.push(&Text::known("/providers/"));
        own.push(&google.name);
        let number = project_number(graph, google);
        let whole = |start: &str| format!("{start}{}{}", number.as_deref().unwrap_or("PROJECT_NUMBER"), readable(&own));
        let named = |start: &&str| match &number {
            Some(_) if own.is_known() => test(Matcher::Exact(Text::known(whole(start)))),
            _ => Formula::All(vec![test(Matcher::Prefix(Text::known(start))), test(Matcher::Suffix(own.clone()))]),
        };
        return Accepted {
            usual: one_of(&[whole(OWN[0])]),
            any: Formula::Any(OWN.iter().map(named).collect()),
            certain: true,
            names: None,
        };
    }
    Accepted { names: None, ..Accepted::written(audiences) }
}

/// The number of the provider's project, when it is written.
fn project_number(graph: &Graph, google: &GoogleProvider) -> Option<String> {
    let pool = google.pool.and_then(|id| graph.pool(id))?;
    let named = pool.resource_name.as_ref().and_then(|name| cut::strip_prefix(name, "projects/"));
    let project = named.and_then(|rest| cut::split_once(&rest, "/")).map(|(project, _)| project);
    let digits = |t: &Text| t.as_known().filter(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit()));
    project.as_ref().and_then(digits).or_else(|| pool.project.as_ref().and_then(digits))
}

/// Whoever asks for a token of the issuer picks its audience, and it says nothing else.
fn chosen_freely(recognised: &Recognised<'_>) -> bool {
    let claims = ["aud".to_owned()].into();
    recognised.templates_for(&claims).iter().all(|t| match t.claim("aud") {
        Some([ClaimPart::Segment(index)]) => t.segments.get(*index).is_some_and(|s| s.role == Role::CallerChosen),
        _ => false,
    })
}

/// Whether the provider's own expressions look at the audience.
fn reads_audience(view: &GoogleView) -> bool {
    let mentions = |text: &Text| cut::flat(text).contains("aud");
    (view.condition.iter().any(mentions) || view.mapping.iter().any(|(_, e)| mentions(e)))
        && references(view).claims.iter().any(|r| r.name == "aud")
}

/// A custom role may hold the permission, and so may one that is not known.
#[must_use]
pub fn may_impersonate(role: &Text) -> bool {
    match role.as_known() {
        Some(known) => {
            !known.starts_with("roles/")
                || known == "roles/iam.workloadIdentityUser"
                || known == "roles/iam.serviceAccountTokenCreator"
                || known.contains("serviceAgent")
        }
        None => true,
    }
}

//! Tenants that a trust names and the configuration does not list (`[tenants]`): somebody else's, be it a slip or on purpose.

use super::{Context, Way};
use crate::admission::exposure::{Class, Exposure, Reachability, minimal, segment_is, spelled};
use crate::admission::formula::Formula;
use crate::admission::search::Candidate;
use crate::catalogue::{RuleId, Severity};
use crate::config::TenantConfig;
use crate::graph::Trust;
use crate::issuers::{Family, StandsFor, Tenancy};
use crate::place::Span;
use crate::rules::Finding;
use std::collections::BTreeSet;

/// Whether a name, or an id, is listed; none where the list cannot say.
type Has<'a> = Box<dyn Fn(&str, bool) -> Option<bool> + 'a>;

/// A list of the configuration, as the tokens of one issuer name its tenants.
struct List<'a> {
    /// The key of the configuration.
    key: &'static str,
    /// What a tenant is called.
    tenant: &'static str,
    /// The segment of the tokens that names it.
    segment: &'static str,
    /// The segment that holds its id.
    id: Option<&'static str>,
    /// Whether a value of the segments is listed; none where the list cannot say.
    has: Has<'a>,
    /// The names, for advice.
    names: Vec<&'a str>,
}

/// The tenants of a trust that are none of the team's, each with a token of it that gets in. Where anybody gets in, that is told.
pub(super) fn foreign(context: &Context<'_>, trust: &Trust, way: &Way<'_>, exposure: &Exposure) -> Vec<Finding> {
    let tenants = &context.config.tenants;
    if matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix) {
        return Vec::new();
    }
    if let Some(found) = of_url(context, trust, way, tenants) {
        return found.into_iter().collect();
    }
    let Some(list) = list(tenants, way) else { return Vec::new() };
    let named = spelled(&way.formula, &context.shared.templates(&way.templates));
    let found = |segment: &str, is_id: bool| -> Vec<Finding> {
        let mut told = BTreeSet::new();
        let candidates = named.get(segment).into_iter().flatten().filter(|c| c.complete && !c.text.is_empty());
        let others = candidates.filter(|c| (list.has)(&c.text, is_id) == Some(false) && told.insert(&c.text));
        others.filter_map(|c| finding(context, trust, way, &list, c, segment)).collect()
    };
    let by_name = found(list.segment, false);
    // a name and its id are one tenant
    if by_name.is_empty() { list.id.map(|id| found(id, true)).unwrap_or_default() } else { by_name }
}

/// The list that speaks of the tenants which the tokens of an issuer name.
fn list<'a>(tenants: &'a TenantConfig, way: &Way<'_>) -> Option<List<'a>> {
    let issuer = way.recognised.issuer;
    let shared = issuer.tenancy == Tenancy::Shared;
    let among = |all: &'a [String]| all.iter().map(String::as_str).collect::<Vec<_>>();
    match issuer.family {
        Some(Family::Github) if shared && !tenants.github.is_empty() => Some(List {
            key: "tenants.github",
            tenant: "owner",
            segment: "owner",
            id: Some("owner_id"),
            has: Box::new(|text, is_id| match is_id {
                false => Some(tenants.github.has(text)),
                true if tenants.github.owner_of(text).is_some() => Some(true),
                true => tenants.github.has_all_ids().then_some(false),
            }),
            names: tenants.github.names().collect(),
        }),
        Some(Family::Gitlab) if shared && !tenants.gitlab.is_empty() => Some(List {
            key: "tenants.gitlab",
            tenant: "group",
            segment: "group",
            id: None,
            has: Box::new(|text, _| Some(tenants.gitlab.iter().any(|own| own.eq_ignore_ascii_case(text)))),
            names: among(&tenants.gitlab),
        }),
        _ if issuer.stands_for == Some(StandsFor::AwsCallers) && !tenants.aws.is_empty() => Some(List {
            key: "tenants.aws",
            tenant: "account",
            segment: "account",
            id: None,
            has: Box::new(|text, _| Some(tenants.aws.iter().any(|own| own == text))),
            names: among(&tenants.aws),
        }),
        _ if issuer.stands_for == Some(StandsFor::Spiffe) && !tenants.trust_domains.is_empty() => Some(List {
            key: "tenants.trust-domains",
            tenant: "trust domain",
            segment: "trust_domain",
            id: None,
            has: Box::new(|text, _| Some(tenants.trust_domains.iter().any(|own| own == text))),
            names: among(&tenants.trust_domains),
        }),
        _ => None,
    }
}

/// An issuer whose URL is its tenant's: Entra. None where no list speaks of it.
fn of_url(context: &Context<'_>, trust: &Trust, way: &Way<'_>, tenants: &TenantConfig) -> Option<Option<Finding>> {
    let tenant = way.recognised.captures.get("tenant").filter(|_| way.recognised.issuer.family == Some(Family::Entra))?;
    if tenants.azure.is_empty() || !way.certain {
        return None;
    }
    if tenants.azure.iter().any(|own| own.eq_ignore_ascii_case(tenant)) {
        return Some(None);
    }
    let Reachability::Reachable(token) = context.reachability(&way.formula, &way.templates) else { return Some(None) };
    let message = message("Entra tenant", tenant, "tenants.azure");
    let found = Finding::new(RuleId::ForeignTenant, &trust.origin, way.url, &format!("tenants.azure|{tenant}"), message);
    let names: Vec<&str> = tenants.azure.iter().map(String::as_str).collect();
    Some(Some(found.severity(Severity::High).help(help("tenants.azure", tenant, &names)).witness(Some(minimal(&token, &way.formula)))))
}

fn finding(context: &Context<'_>, trust: &Trust, way: &Way<'_>, list: &List<'_>, named: &Candidate, segment: &str) -> Option<Finding> {
    let asked = Formula::All(vec![way.formula.clone(), segment_is(segment, &named.text)]);
    let Reachability::Reachable(token) = context.reachability(&asked, &way.templates) else { return None };
    let place: Option<Span> = named.span;
    let edge = format!("{}|{}", list.key, named.text);
    let what = if list.id == Some(segment) { format!("{} with the id", list.tenant) } else { list.tenant.to_owned() };
    let found = Finding::new(RuleId::ForeignTenant, &trust.origin, place, &edge, message(&what, &named.text, list.key));
    let found = found.severity(Severity::High).help(help(list.key, &named.text, &list.names));
    Some(found.witness(Some(minimal(&token, &way.formula))).certain(way.certain).along(&named.trail))
}

pub(in crate::rules::checks) fn message(what: &str, tenant: &str, key: &str) -> String {
    format!("the {what} `{tenant}` can obtain this identity, and `{key}` does not list it: it is none of yours")
}

pub(in crate::rules::checks) fn help(key: &str, tenant: &str, names: &[&str]) -> String {
    /// Most names that are proposed.
    const MAX_NAMED: usize = 3;
    let shown: Vec<String> = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
    let dots = if names.len() > MAX_NAMED { ", …" } else { "" };
    format!("write the tenant that you mean ({}{dots}), or add `{tenant}` to `{key}` where it is trusted on purpose", shown.join(", "))
}

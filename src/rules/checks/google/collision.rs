//! Two providers of one pool that can mint the same identity: the pool does not tell their tokens apart
//! (<https://cloud.google.com/iam/docs/best-practices-for-using-workload-identity-federation#dedicated-pool>).

use super::{Context, ProviderView, views};
use crate::admission::cel::google::{Member, Selector};
use crate::admission::exposure::{Reachability, minimal, reachability, shape};
use crate::admission::formula::{Formula, Matcher, Subject, TestOrigin};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{Gate, Trust};

use crate::rules::Finding;
use crate::token::Token;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Every binding whose member tokens of two issuers can be.
#[must_use]
pub fn collisions(context: &Context<'_>) -> Vec<Finding> {
    context.graph.trusts.par_iter().enumerate().filter_map(|(i, trust)| one(context, i, trust)).collect()
}

fn one(context: &Context<'_>, index: usize, trust: &Trust) -> Option<Finding> {
    let Gate::GoogleMember { member: text, .. } = &trust.gate else { return None };
    let providers = context.links.trust_providers.get(index).filter(|p| p.len() > 1)?;
    let member = Member::parse(text).ok()?;
    let value = match member.selector()? {
        Selector::Subject(value) | Selector::Group(value) | Selector::Attribute { value, .. } => value,
        // The whole pool is meant to be everybody; the rest are Google's own pools.
        _ => return None,
    };
    // A condition that is not known may keep the other issuer out.
    let seen: Vec<ProviderView<'_>> = providers.iter().flat_map(|id| views(context, *id)).filter(|s| s.certain).collect();
    let (first, _) = seen.iter().find_map(|s| mints(s, trust).map(|token| (s, token)))?;
    let same = |s: &&ProviderView<'_>| s.recognised.iss == first.recognised.iss;
    let foreign = seen.iter().filter(|s| !same(s)).find_map(|s| mints(s, trust).map(|token| (s, token)));
    // Of two providers of one issuer the second is another door for the same workloads, unless it is for another tenant's.
    let written = value.text.is_known();
    let partner = |s: &&ProviderView<'_>| same(s) && s.via.id != first.via.id && other_tenant(first, s, trust, written);
    let partner = || seen.iter().filter(partner).find_map(|s| mints(s, trust).map(|token| (s, token)));
    let name = &first.recognised.issuer.name;
    let (second, token, severity, message) = match foreign {
        Some((s, token)) => {
            let other = &s.recognised.issuer.name;
            let message = format!("tokens of {name} and of {other} can both be this member: the pool does not tell its providers apart");
            (s, token, Severity::High, message)
        }
        None => {
            let (s, token) = partner()?;
            let what = if s.via.view.aws { "accounts" } else { "tenants" };
            let message = format!(
                "the two providers admit different {what} of {name}, and tokens of both can be this member: the value does not name them"
            );
            (s, token, Severity::Medium, message)
        }
    };
    let finding = Finding::new(RuleId::ProviderCollision, &trust.origin, value.span.or_else(|| text.span()), &text.to_string(), message);
    let finding = finding.severity(severity).witness(Some(token)).along_text(text);
    let finding = finding
        .help("give each issuer a pool of its own, or begin the mapped value with the issuer (`'gitlab::' + assertion.project_path`)");
    Some(
        finding
            .related_to(first.via.provider.origin.span, "this provider's tokens can be the member")
            .related_to(second.via.provider.origin.span, "and this one's"),
    )
}

/// Two providers of one issuer are for different tenants, and the member does not say which is meant: of a value that is `written`
/// the tokens of both have shown it.
fn other_tenant(first: &ProviderView<'_>, second: &ProviderView<'_>, trust: &Trust, written: bool) -> bool {
    let Some(Formula::All(parts)) = first.combined(&trust.gate) else { return false };
    let member = parts.first().map(shape::tests).unwrap_or_default();
    if !first.via.view.aws && !written && member.iter().any(|o| shape::binds(o.test, &first.templates)) {
        return false;
    }
    let (own, other) = (tenants(first), tenants(second));
    // Values of one claim can be compared: a name and an id cannot.
    own.iter().any(|(claim, values)| {
        let others = other.get(claim);
        others.is_some_and(|o| !values.iter().any(|v| o.iter().any(|w| v.starts_with(w.as_str()) || w.starts_with(v.as_str()))))
    })
}

/// The values by which a provider names its tenants, by their claims.
fn tenants(seen: &ProviderView<'_>) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for occurrence in shape::tests(&seen.formula) {
        let test = occurrence.test;
        let tenant = if seen.via.view.aws { test.origin == TestOrigin::Provider } else { shape::binds(test, &seen.templates) };
        let (Subject::Claim(claim), true, true) = (&test.subject, occurrence.positive, tenant) else { continue };
        if let Matcher::Exact(value) | Matcher::Prefix(value) = &test.matcher {
            out.entry(claim.clone()).or_default().extend(value.as_known());
        }
    }
    out.retain(|_, values| !values.is_empty());
    out
}

/// A token of the provider's issuer that is the member.
fn mints(seen: &ProviderView<'_>, trust: &Trust) -> Option<Token> {
    let formula = seen.combined(&trust.gate)?;
    match reachability(&formula, &seen.templates_for(&formula)) {
        Reachability::Reachable(token) => Some(minimal(&token, &formula)),
        Reachability::Unreachable | Reachability::Undecided => None,
    }
}

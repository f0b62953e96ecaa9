//! Two providers of one pool that can mint the same identity: the pool does not tell their tokens apart
//! (<https://cloud.google.com/iam/docs/best-practices-for-using-workload-identity-federation#dedicated-pool>).

use super::{Context, ProviderView, views};
use crate::admission::cel::google::{Member, Selector};
use crate::admission::exposure::{Life, life, minimal};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{Gate, Trust};

use crate::rules::Finding;
use crate::token::Token;
use rayon::prelude::*;

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
    // Of two providers of one issuer the second is another door for the same workloads.
    let other = |s: &&ProviderView<'_>| s.recognised.iss != first.recognised.iss;
    let (second, token) = seen.iter().filter(other).find_map(|s| mints(s, trust).map(|token| (s, token)))?;
    let names = (&first.recognised.issuer.name, &second.recognised.issuer.name);
    let message = format!("tokens of {} and of {} can both be this member: the pool does not tell its providers apart", names.0, names.1);
    let finding = Finding::new(RuleId::ProviderCollision, &trust.origin, value.span.or_else(|| text.span()), &text.to_string(), message);
    let finding = finding.severity(Severity::High).witness(Some(token)).along_text(text);
    let finding = finding
        .help("give each issuer a pool of its own, or begin the mapped value with the issuer (`'gitlab::' + assertion.project_path`)");
    Some(
        finding
            .related_to(first.via.provider.origin.span, "this provider's tokens can be the member")
            .related_to(second.via.provider.origin.span, "and this one's"),
    )
}

/// A token of the provider's issuer that is the member.
fn mints(seen: &ProviderView<'_>, trust: &Trust) -> Option<Token> {
    let formula = seen.combined(&trust.gate)?;
    match life(&formula, &seen.templates_for(&formula)) {
        Life::Alive(token) => Some(minimal(&token, &formula)),
        Life::Dead | Life::Unknown => None,
    }
}

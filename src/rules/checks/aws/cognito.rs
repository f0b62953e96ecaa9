//! Roles of Cognito's identity pools.

use super::{FederatedView, RoleTrust};
use crate::admission::exposure::{Class, Reachability, shape};
use crate::admission::formula::Matcher;
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{PoolRole, PoolUser};
use crate::issuers::{Tag, Template};
use crate::partial::{Text, UnknownOrigin, cut};
use crate::rules::Finding;
use std::collections::BTreeSet;

/// Cognito's identity pools: anybody's pool, or guests
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html>).
pub(super) fn identity_pool(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let exposure = subject.context.exposure(&subject.trust.origin, &seen.formula, &seen.templates)?;
    let origin = &subject.trust.origin;
    if matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix) {
        let message = "anyone with an identity pool of their own can assume the role: no condition names yours";
        let finding = Finding::new(RuleId::IdentityPoolOpen, origin, subject.lacks(&seen.via.principal, &["aud"]), "pool", message)
            .severity(Severity::Critical);
        let help = "add `StringEquals` on `cognito-identity.amazonaws.com:aud` with the id of the identity pool";
        return Some(finding.help(help).witness(exposure.witness.clone()).certain(exposure.certain).along_text(&seen.via.principal));
    }
    if let Some(finding) = refused(subject, seen).or_else(|| of_another_pool(subject, seen)) {
        return Some(finding);
    }
    let (guests, others) = (users(seen, true), users(seen, false));
    let Reachability::Reachable(token) = subject.context.reachability(&seen.formula, &guests) else { return None };
    // A policy that takes guests and nobody else means them, and so does a pool that gives them the role.
    let given = given(subject).any(|role| role.user == PoolUser::Guest);
    let meant = given || matches!(subject.context.reachability(&seen.formula, &others), Reachability::Unreachable);
    let pools: Vec<Option<bool>> = pools(subject).collect();
    let severity = match () {
        () if meant => Severity::Info,
        () if pools.contains(&Some(true)) || reads_amr(seen) => Severity::High,
        () if !pools.is_empty() && pools.iter().all(|guests| *guests == Some(false)) => Severity::Low,
        () => Severity::Medium,
    };
    let message = match severity {
        Severity::Low => {
            "the trust admits unauthenticated identities: as soon as the identity pool gives some out, they can assume the role"
        }
        _ => "unauthenticated identities can assume the role: the identity pool gives it out without a login",
    };
    let finding = Finding::new(RuleId::IdentityPoolOpen, origin, subject.lacks(&seen.via.principal, &["amr"]), "guests", message);
    let finding = finding.severity(severity).certain(severity != Severity::Medium);
    let help = "add `ForAnyValue:StringLike` on `cognito-identity.amazonaws.com:amr` with `authenticated`";
    Some(finding.help(help).witness(Some(*token)).along_text(&seen.via.principal))
}

/// The tokens of guests, or those of users who have logged in, also where the trust does not tell them apart.
fn users(seen: &FederatedView<'_>, guests: bool) -> Vec<Template> {
    let mut claims: BTreeSet<String> = shape::read(&seen.formula);
    claims.insert("amr".to_owned());
    let templates = seen.recognised.templates_for(&claims).into_iter().filter(|t| t.is(Tag::Guest) == guests).collect();
    seen.via.request(templates, &seen.formula)
}

fn reads_amr(seen: &FederatedView<'_>) -> bool {
    shape::tests(&seen.formula).iter().any(|o| shape::claims(&o.test.subject).contains("amr"))
}

/// How identity pools give the role out.
fn given<'a>(subject: &'a RoleTrust<'_>) -> impl Iterator<Item = &'a PoolRole> {
    let rows = subject.context.graph.identity_pools.roles.iter().zip(&subject.context.links.pool_roles);
    rows.filter(|(_, roles)| roles.contains(&subject.trust.identity)).map(|(given, _)| given)
}

/// Whether the pools beside the role have guests.
fn pools(subject: &RoleTrust<'_>) -> impl Iterator<Item = Option<bool>> {
    let scope = &subject.trust.origin.scope;
    subject.context.graph.identity_pools.pools.iter().filter(move |p| p.origin.scope == *scope).map(|p| p.guests)
}

/// A pool gives the role to those whom its trust refuses
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html>).
fn refused(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let dead = |guests: bool| matches!(subject.context.reachability(&seen.formula, &users(seen, guests)), Reachability::Unreachable);
    let given = given(subject).find(|role| dead(role.user == PoolUser::Guest))?;
    let message = match given.user {
        PoolUser::Guest => {
            "the identity pool gives this role to identities that have not logged in, and its trust admits only those that have: no guest can assume it"
        }
        PoolUser::LoggedIn => {
            "the identity pool gives this role to identities that have logged in, and its trust admits only those that have not: none of them can assume it"
        }
    };
    let tests = shape::tests(&seen.formula);
    let test = tests.iter().map(|o| o.test).find(|t| shape::claims(&t.subject).contains("amr"));
    let span = test.and_then(|t| t.span).or_else(|| subject.lacks(&seen.via.principal, &["amr"]));
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, span, "pool role", message);
    let help = match given.user {
        PoolUser::Guest => "compare `cognito-identity.amazonaws.com:amr` with `unauthenticated`, or give guests no role",
        PoolUser::LoggedIn => "compare `cognito-identity.amazonaws.com:amr` with `authenticated`",
    };
    let certain = !given.origin.conditional && !given.origin.library;
    Some(finding.help(help).certain(certain).related_to(given.origin.span, "the identity pool gives it out here"))
}

/// A pool gives the role out, and the trust asks for another pool
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html>).
fn of_another_pool(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let tests = shape::tests(&seen.formula);
    let mut wanted = Vec::new();
    for occurrence in tests.iter().filter(|o| shape::claims(&o.test.subject).contains("aud")) {
        match &occurrence.test.matcher {
            Matcher::Exact(pool) if occurrence.positive => wanted.push((pool, occurrence.test)),
            Matcher::Present => {}
            _ => return None,
        }
    }
    let (first, test) = wanted.first()?;
    let other = |role: &&PoolRole| role.pool.as_ref().is_some_and(|pool| wanted.iter().all(|(asked, _)| are_two_pools(asked, pool)));
    // A pool whose id is not known may be the one.
    if !given(subject).all(|role| other(&role)) {
        return None;
    }
    let given = given(subject).next()?;
    let pool = given.pool.as_ref()?;
    let message = format!(
        "the identity pool `{pool}` gives this role out, and its trust asks for `{first}`, another pool: nobody who comes from the one that gives it out can assume the role"
    );
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, test.span, "other pool", message);
    let certain = !given.origin.conditional && !given.origin.library;
    let help = "compare `cognito-identity.amazonaws.com:aud` with the id of the pool that gives the role out";
    Some(finding.help(help).certain(certain).related_to(given.origin.span, "the identity pool gives it out here"))
}

/// Two ids that differ, or the ids of two pools that are declared.
fn are_two_pools(one: &Text, other: &Text) -> bool {
    if let (Some(one), Some(other)) = (one.as_known(), other.as_known()) {
        return one != other;
    }
    let declared = |text: &Text| match cut::only_atom(text)?.origin() {
        UnknownOrigin::Attribute(of) if is_pool(&of.resource) && of.attribute == "id" => Some(of.address.clone()),
        _ => None,
    };
    // What a count or a `for_each` declares has one address for all of its instances.
    matches!((declared(one), declared(other)), (Some(one), Some(other)) if one != other && !one.contains('[') && !other.contains('['))
}

fn is_pool(resource: &str) -> bool {
    matches!(resource, "aws_cognito_identity_pool" | "awscc_cognito_identity_pool")
}

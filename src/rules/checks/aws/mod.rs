//! IAM trust policies: who gets in, who never can, and the habits around them.

mod accounts;
mod actions;
mod advice;
mod audience;
mod beside;
mod broken;
mod certificates;
mod cognito;
mod deputy;
mod exposure;
mod hygiene;
pub(in crate::rules::checks) mod malformed;
mod principals;
mod providers;
mod redundant;
mod rejected;
mod requests;
mod saml;
mod saml_address;
mod services;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::format::{self, Customised};
use super::{fresh, privilege, reading};
use crate::catalogue::RuleId;
use crate::graph::addresses;
use crate::issuers::Trait;

use crate::admission::exposure::Reachability;
use crate::admission::iam::{self, Policy};
use crate::gate;
use crate::gate::aws::{FederatedView, key_name, named_by_allow};
use crate::graph::{Gate, Identity, IdentityId, ProviderId, Trust};
use crate::partial::{Text, Unknown, UnknownKind, UnknownOrigin, hops};
use crate::place::Span;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// One role's trust.
pub(super) struct RoleTrust<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) index: usize,
    pub(super) trust: &'a Trust,
    pub(super) policy: &'a Policy,
    /// The account that each scope is in, where something written says it.
    pub(super) accounts: &'a BTreeMap<String, String>,
    /// What stands beside it.
    pub(super) beside: &'a beside::Beside<'a>,
}

impl RoleTrust<'_> {
    /// The role.
    pub(super) fn role(&self) -> Option<&Identity> {
        self.context.graph.identity(self.trust.identity)
    }

    /// The providers that its principals mean.
    pub(super) fn providers(&self) -> &[ProviderId] {
        self.context.links.trust_providers.get(self.index).map_or(&[], Vec::as_slice)
    }

    /// Where something is missing: where a statement without a condition on any of these keys names the principal.
    pub(super) fn lacks(&self, principal: &Text, keys: &[&str]) -> Option<Span> {
        let has = |p: &iam::PrincipalRef| {
            let conditions = self.policy.statements.get(p.statement).map(|s| s.conditions.as_slice()).unwrap_or_default();
            conditions.iter().any(|c| key_name(&c.key).is_some_and(|k| keys.contains(&k.as_str())))
        };
        let all = named_by_allow(self.policy, principal);
        let place = all.iter().find(|p| !has(p)).or_else(|| all.first())?.named_at.or_else(|| principal.span())?;
        // The statement of a module's model has no place but its call: there the argument that gives the principal is meant.
        let origin = self.trust.origin.span;
        let trail = principal.trail();
        let argument = hops(&trail).find(|h| h.span.file == origin.file && h.kind.is_argument());
        Some(argument.filter(|_| place == origin).map_or(place, |h| h.span))
    }
}

/// Every finding about IAM trust policies.
#[must_use]
pub fn check(context: &Context<'_>) -> Vec<Finding> {
    let accounts = accounts::accounts_of_scopes(context.graph);
    let (privileged, readers) = (privilege::privileged(context.graph), reading::Readers::of(context.graph));
    let weigh = |trust: &Trust, f: Finding| reading::weigh(privilege::weigh(f, trust.identity, &privileged), trust.identity, &readers);
    let beside = beside::Beside::of(context.graph);
    let one = |(index, trust)| one(context, index, trust, &accounts, &beside).into_iter().map(|f| weigh(trust, f)).collect();
    let each: Vec<Vec<Finding>> = context.graph.trusts.par_iter().enumerate().map(one).collect();
    let mut findings = everywhere(context, each);
    findings.extend(providers::urls(context));
    findings.extend(requests::associations(context));
    findings.extend(certificates::revocation(context));
    findings
}

/// A role has one trust policy: several are what it may be. What breaks a trust, or is missing from it, counts only when
/// it is so in each of them.
fn everywhere(context: &Context<'_>, each: Vec<Vec<Finding>>) -> Vec<Finding> {
    const OF_ALL: [RuleId; 8] = [
        RuleId::NeverMatches,
        RuleId::IssuerMismatch,
        RuleId::LiteralWildcard,
        RuleId::UnsupportedClaim,
        RuleId::MissingAudience,
        RuleId::AudienceMismatch,
        RuleId::MalformedPrincipal,
        RuleId::RejectedPolicy,
    ];
    let policies = || context.graph.trusts.iter().zip(&each).filter(|(t, _)| matches!(t.gate, Gate::AwsPolicy(_)));
    let mut alternatives: BTreeMap<IdentityId, usize> = BTreeMap::new();
    let mut counts: BTreeMap<(IdentityId, RuleId), usize> = BTreeMap::new();
    for (trust, findings) in policies() {
        *alternatives.entry(trust.identity).or_default() += 1;
        for rule in OF_ALL.into_iter().filter(|rule| findings.iter().any(|f| f.rule == *rule)) {
            *counts.entry((trust.identity, rule)).or_default() += 1;
        }
    }
    let certain = |trust: &Trust, finding: &Finding| {
        OF_ALL
            .iter()
            .find(|rule| finding.rule == **rule)
            .is_none_or(|rule| counts.get(&(trust.identity, *rule)) == alternatives.get(&trust.identity))
    };
    let kept = |(trust, found): (&Trust, Vec<Finding>)| -> Vec<Finding> { found.into_iter().filter(|f| certain(trust, f)).collect() };
    context.graph.trusts.iter().zip(each).flat_map(kept).collect()
}

fn one<'a>(
    context: &'a Context<'a>,
    index: usize,
    trust: &'a Trust,
    accounts: &'a BTreeMap<String, String>,
    beside: &'a beside::Beside<'a>,
) -> Vec<Finding> {
    let Gate::AwsPolicy(policy) = &trust.gate else { return Vec::new() };
    let subject = RoleTrust { context, index, trust, policy, accounts, beside };
    let mut findings = broken::wrong_action(&subject);
    let misapplied = !findings.is_empty();
    findings.extend(malformed::principals(&subject));
    let public = principals::public(&subject);
    findings.extend(rejected::rejected(&subject, !public.is_empty()));
    findings.extend(public);
    findings.extend(actions::never_of_aws(&subject));
    findings.extend(actions::chained(&subject));
    // Where no call of the service succeeds, nothing is open to it.
    let before = findings.len();
    findings.extend(actions::missing(&subject));
    findings.extend(requests::impossible(&subject));
    findings.extend(certificates::unmapped(&subject));
    if findings.len() == before {
        findings.extend(services::roles_anywhere(&subject));
        findings.extend(services::pod_identity(&subject));
    }
    let whole = accounts::accounts(&subject);
    findings.extend(accounts::foreign(&subject, &whole));
    findings.extend(whole);
    findings.extend(redundant::operators(&subject));
    findings.extend(deputy::deputies(&subject));
    if !misapplied {
        findings.extend(saml::without_audience(&subject));
    }
    findings.extend(principals::unreachable(&subject));
    findings.extend(broken::other_accounts(&subject));
    findings.extend(saml_address::audience(&subject));
    let mut flawed: Vec<Text> = Vec::new();
    for principal in iam::principals(subject.policy).into_iter().filter(iam::PrincipalRef::brings_tokens) {
        if flawed.iter().any(|f| f.same(&principal.text)) {
            continue;
        }
        if let Some(finding) = providers::named(&subject, &principal.text) {
            flawed.push(principal.text);
            findings.extend(finding);
        }
    }
    let views = gate::aws::views(&context.inputs(), subject.role(), subject.policy, subject.providers());
    if views.is_empty() && flawed.is_empty() && findings.is_empty() {
        unseen(&subject);
    }
    for seen in views {
        if flawed.iter().any(|f| f.same(&seen.via.principal)) {
            continue;
        }
        let unreachable = matches!(context.reachability(&seen.formula, &seen.templates), Reachability::Unreachable);
        let known = &seen.recognised;
        let custom = format::customised(context, &trust.origin, known, &seen.formula, &seen.subjects, unreachable);
        if let Customised::Dead(finding) = custom {
            findings.push(*finding);
            continue;
        }
        if let Some(finding) = audience::no_client(&subject, &seen).filter(|_| !unreachable) {
            findings.push(finding);
            continue;
        }
        let dead = broken::dead(&subject, &seen, unreachable, misapplied);
        if seen.recognised.issuer.is(Trait::IdentityPools) && !unreachable {
            findings.extend(cognito::identity_pool(&subject, &seen));
            continue;
        }
        if let Some(pinned) = fresh::pinned(context, &seen.formula, &seen.templates).filter(|_| dead.is_empty() && !unreachable) {
            findings.push(broken::never_again(&subject, &seen, &pinned));
            continue;
        }
        if dead.is_empty() && !unreachable {
            let assumed = matches!(custom, Customised::Assumed(_));
            let mut exposed = exposure::web_identity(&subject, &seen);
            let audience = audience::missing(&subject, &seen);
            // Where nothing at all is tested, that is one omission.
            match (exposed.iter_mut().find(|f| f.rule == RuleId::MissingSubject), audience) {
                (Some(open), Some(audience)) => {
                    open.help = open.help.take().zip(audience.help).map(|(a, b)| format!("{a}; for the audience {b}"))
                }
                (_, audience) => findings.extend(audience),
            }
            // An issuer that only the keys tell may not be the one.
            let shown = iam::issuer_of_federated(&seen.via.principal).is_some();
            let sure = !assumed && shown && own_provider(&seen.via.principal);
            findings.extend(exposed.into_iter().map(|f| f.certain(sure)));
            match custom {
                Customised::Assumed(finding) => findings.push(*finding),
                _ => findings.extend(hygiene::subject_format(&subject, &seen)),
            }
            findings.extend(broken::dead_values(&subject, &seen));
        }
        // A truncated subject is one that somebody may have customised.
        findings.extend(dead.into_iter().map(|f| if f.rule == RuleId::NeverMatches { f.certain(!seen.subjects.truncated) } else { f }));
    }
    findings.into_iter().map(|f| Finding { witness: f.witness.map(iam::documented), ..f }).collect()
}

/// Notes a trust whose tokens nobody can tell: what mints them is not known.
fn unseen(subject: &RoleTrust<'_>) {
    let origin = &subject.trust.origin;
    let brings = |p: &iam::PrincipalRef| p.brings_tokens() && gate::aws::other_account(subject.role(), &p.text).is_none();
    let Some(principal) = iam::principals(subject.policy).into_iter().find(brings) else { return };
    let why = format!("cannot determine which tokens `{}` admits: what `{}` is a provider of is not known", origin.name, principal.text);
    subject.context.record_undecided(principal.span.unwrap_or(origin.span), why);
}

/// The provider may be taken to be in the role's account, where STS looks for it: not when the account is looked up
/// somewhere (`local.account_ids["shared"]`), which may be another one.
fn own_provider(principal: &Text) -> bool {
    let account = addresses::account_of_arn(principal);
    let own = |atom: &Unknown| atom.kind() == UnknownKind::AccountId || matches!(atom.origin(), UnknownOrigin::Variable);
    account.is_none_or(|account| account.atoms().all(own))
}

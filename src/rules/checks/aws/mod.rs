//! IAM trust policies: who gets in, who never can, and the habits around them.

mod advice;
mod broken;
mod exposure;
mod habits;
mod others;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::format::{self, Customised};
use super::privilege;
use crate::catalogue::RuleId;

use crate::admission::exposure::Life;
use crate::admission::formula::Formula;
use crate::admission::iam::{self, Effect, Policy, View, Viewer};
use crate::graph::{Gate, IdentityId, Trust, pieces};
use crate::issuers::Template;
use crate::partial::{Part, Text, Unknown, UnknownKind, hops};
use crate::place::Span;
use crate::rules::issuer::{self, Known};
use crate::rules::subjects::{self, Subjects};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The action of a web identity.
pub(super) const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// One role's trust.
pub(super) struct Subject<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) index: usize,
    pub(super) trust: &'a Trust,
    pub(super) policy: Policy,
    /// The account that each scope is in, where something written says it.
    pub(super) accounts: &'a BTreeMap<String, String>,
}

/// The trust as seen by the tokens of one issuer.
pub(in crate::rules::checks) struct Seen<'a> {
    /// The principal as written.
    pub(in crate::rules::checks) principal: Text,
    /// The issuer.
    pub(in crate::rules::checks) known: Known<'a>,
    /// Who gets in.
    pub(in crate::rules::checks) formula: Formula,
    /// The tokens of the issuer.
    pub(in crate::rules::checks) templates: Vec<Template>,
    /// What is known of their subjects.
    pub(in crate::rules::checks) subjects: Subjects,
}

impl Seen<'_> {
    /// Where something is missing: where a statement without a condition on any of these keys names the principal.
    pub(super) fn lacks(&self, subject: &Subject<'_>, keys: &[&str]) -> Option<Span> {
        let named = || iam::principals(&subject.policy).into_iter().filter(|p| p.effect == Effect::Allow && p.text.same(&self.principal));
        let has = |p: &iam::PrincipalRef| {
            let conditions = subject.policy.statements.get(p.statement).map(|s| s.conditions.as_slice()).unwrap_or_default();
            conditions.iter().any(|c| key_name(&c.key).is_some_and(|k| keys.contains(&k.as_str())))
        };
        let place = named().find(|p| !has(p)).or_else(|| named().next())?.named_at.or_else(|| self.principal.span())?;
        // The statement of a module's model has no place but its call: there the argument that gives the principal is meant.
        let origin = subject.trust.origin.span;
        let trail = self.principal.trail();
        let argument = hops(&trail).find(|h| h.span.file == origin.file && h.what.starts_with("argument `"));
        Some(argument.filter(|_| place == origin).map_or(place, |h| h.span))
    }
}

/// Every finding about IAM trust policies.
#[must_use]
pub fn check(context: &Context<'_>) -> Vec<Finding> {
    let accounts = others::accounts_of_scopes(context.graph);
    let privileged = privilege::privileged(context.graph);
    let weigh = |trust: &Trust, f: Finding| privilege::weigh(f, trust.identity, &privileged);
    let one = |(index, trust)| one(context, index, trust, &accounts).into_iter().map(|f| weigh(trust, f)).collect();
    let each: Vec<Vec<Finding>> = context.graph.trusts.par_iter().enumerate().map(one).collect();
    everywhere(context, each)
}

/// A role has one trust policy: several are what it may be. What breaks a trust, or is missing from it, counts only when
/// it is so in each of them.
fn everywhere(context: &Context<'_>, each: Vec<Vec<Finding>>) -> Vec<Finding> {
    const OF_ALL: [RuleId; 5] =
        [RuleId::NeverMatches, RuleId::IssuerMismatch, RuleId::LiteralWildcard, RuleId::UnsupportedClaim, RuleId::MissingAudience];
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

fn one(context: &Context<'_>, index: usize, trust: &Trust, accounts: &BTreeMap<String, String>) -> Vec<Finding> {
    let Gate::AwsPolicy(document) = &trust.gate else { return Vec::new() };
    let subject = Subject { context, index, trust, policy: Policy::read(document), accounts };
    let mut findings = broken::wrong_action(&subject);
    let misapplied = !findings.is_empty();
    findings.extend(exposure::public(&subject));
    findings.extend(others::rejected(&subject));
    findings.extend(others::roles_anywhere(&subject));
    findings.extend(others::pod_identity(&subject));
    findings.extend(others::accounts(&subject));
    findings.extend(broken::other_accounts(&subject));
    for seen in views(&subject) {
        let lifeless = matches!(context.life(&seen.formula, &seen.templates), Life::Dead);
        let known = &seen.known.recognised;
        let custom = format::customised(context, &trust.origin, known, &seen.formula, &seen.subjects, lifeless);
        if let Customised::Dead(finding) = custom {
            findings.push(*finding);
            continue;
        }
        let dead = broken::dead(&subject, &seen, lifeless, misapplied);
        if seen.known.recognised.issuer.id == "cognito" && !lifeless {
            findings.extend(others::identity_pool(&subject, &seen));
            continue;
        }
        if dead.is_empty() && !lifeless {
            let assumed = matches!(custom, Customised::Assumed(_));
            let mut exposed = exposure::web_identity(&subject, &seen);
            let audience = habits::audience(&subject, &seen);
            // Where nothing at all is tested, that is one omission.
            match (exposed.iter_mut().find(|f| f.rule == RuleId::MissingSubject), audience) {
                (Some(open), Some(audience)) => {
                    open.help = open.help.take().zip(audience.help).map(|(a, b)| format!("{a}; for the audience {b}"))
                }
                (_, audience) => findings.extend(audience),
            }
            let sure = !assumed && own_provider(&seen.principal);
            findings.extend(exposed.into_iter().map(|f| f.certain(sure)));
            match custom {
                Customised::Assumed(finding) => findings.push(*finding),
                _ => findings.extend(habits::subject_format(&subject, &seen)),
            }
            findings.extend(broken::dead_values(&subject, &seen));
        }
        // A truncated subject is one that somebody may have customised.
        findings.extend(dead.into_iter().map(|f| if f.rule == RuleId::NeverMatches { f.certain(!seen.subjects.truncated) } else { f }));
    }
    findings
}

/// The issuers that the policy lets in, each once, in order.
fn views<'a>(subject: &Subject<'a>) -> Vec<Seen<'a>> {
    let mut out: Vec<Seen<'a>> = Vec::new();
    let mut done: Vec<Text> = Vec::new();
    for principal in iam::principals(&subject.policy) {
        let elsewhere = broken::other_account(subject, &principal).is_some();
        let saml = || subject.policy.statements.get(principal.statement).is_some_and(only_saml);
        if !principal.brings_tokens() || elsewhere || saml() || done.iter().any(|d| d.same(&principal.text)) {
            continue;
        }
        done.push(principal.text.clone());
        out.extend(see(subject.context, &subject.policy, &principal.text));
    }
    out
}

/// The provider may be taken to be in the role's account, where STS looks for it: not when the account is looked up
/// somewhere (`local.account_ids["shared"]`), which may be another one.
fn own_provider(principal: &Text) -> bool {
    let account = pieces::account_of_arn(principal);
    let own = |atom: &Unknown| atom.kind() == UnknownKind::AccountId || atom.label().starts_with("${var.") && !atom.label().contains('[');
    account.is_none_or(|account| account.atoms().all(own))
}

/// The statement assumes with SAML and with nothing else: its principal, known or not, mints no tokens.
fn only_saml(statement: &iam::Statement) -> bool {
    let actions: Vec<String> = statement.actions.patterns.leaves().filter_map(|l| l.text()?.as_known()).map(|a| a.to_lowercase()).collect();
    let assumes: Vec<&String> = actions.iter().filter(|a| a.starts_with("sts:assumerole")).collect();
    !statement.actions.negated
        && !assumes.is_empty()
        && assumes.iter().all(|a| *a == "sts:assumerolewithsaml")
        && !actions.iter().any(|a| a == "*" || a == "sts:*")
}

/// The policy as the tokens of one federated principal meet it.
pub(in crate::rules::checks) fn see<'r>(context: &Context<'r>, policy: &Policy, principal: &Text) -> Option<Seen<'r>> {
    let host = iam::issuer_of_federated(principal).unwrap_or_else(|| principal.clone());
    let subjects: Vec<String> = subject_values(policy).iter().map(Text::known_prefix).collect();
    let known = issuer::known(context.registry, &host, &subjects)?;
    let keys: BTreeMap<String, String> = known
        .recognised
        .issuer
        .claim_names()
        .filter_map(|claim| known.recognised.issuer.aws_key_of(claim).map(|key| (key.to_lowercase(), claim.to_owned())))
        .chain([("sub".to_owned(), "sub".to_owned())])
        .collect();
    let azp = known.recognised.issuer.claim("azp").is_some();
    let claim_of = |key: &str| match key.to_lowercase().as_str() {
        "aud" => Some(if azp { "azp" } else { "aud" }.to_owned()),
        "oaud" => Some("aud".to_owned()),
        key => keys.get(key).cloned(),
    };
    let view = View { viewer: Viewer::Federated(principal.clone()), issuer: None, action: WEB_IDENTITY, claim_of: &claim_of };
    let formula = iam::formula(policy, &view);
    let (templates, subjects) = subjects::tokens(&known.recognised, &formula, &context.graph.subject_formats);
    Some(Seen { principal: principal.clone(), known, formula, templates, subjects })
}

/// The values that the policy compares any `…:sub` with.
pub(super) fn subject_values(policy: &Policy) -> Vec<Text> {
    let tests = policy.statements.iter().flat_map(|s| &s.conditions).filter(|c| key_name(&c.key).as_deref() == Some("sub"));
    tests.flat_map(|c| c.values.leaves()).flat_map(|l| l.choices.iter().cloned()).collect()
}

/// The part of a condition key after its issuer.
pub(super) fn key_name(key: &Text) -> Option<String> {
    match key.parts.last()? {
        Part::Literal { .. } => key.known_suffix().rsplit_once(':').map(|(_, name)| name.to_lowercase()),
        Part::Hole { .. } => None,
    }
}

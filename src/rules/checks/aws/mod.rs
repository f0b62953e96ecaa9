//! IAM trust policies: who gets in, who never can, and the habits around them.

mod broken;
mod exposure;
mod habits;
mod others;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::format::{self, Customised};

use crate::admission::exposure::Life;
use crate::admission::formula::Formula;
use crate::admission::iam::{self, Effect, Policy, PrincipalKind, View, Viewer};
use crate::graph::{Gate, IdentityId, Trust};
use crate::issuers::Template;
use crate::rules::issuer::{self, Known};
use crate::rules::subjects::{self, Subjects};
use crate::value::{Part, Text};
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

/// Every finding about IAM trust policies.
#[must_use]
pub fn check(context: &Context<'_>) -> Vec<Finding> {
    let each: Vec<Vec<Finding>> = context.graph.trusts.par_iter().enumerate().map(|(index, trust)| one(context, index, trust)).collect();
    everywhere(context, each)
}

/// A role has one trust policy: several are what it may be. What breaks a trust, or is missing from it, counts only when
/// it is so in each of them.
fn everywhere(context: &Context<'_>, each: Vec<Vec<Finding>>) -> Vec<Finding> {
    const OF_ALL: [&str; 5] = ["never-matches", "issuer-mismatch", "literal-wildcard", "unsupported-claim", "missing-audience"];
    let policies = || context.graph.trusts.iter().zip(&each).filter(|(t, _)| matches!(t.gate, Gate::AwsPolicy(_)));
    let mut alternatives: BTreeMap<IdentityId, usize> = BTreeMap::new();
    let mut counts: BTreeMap<(IdentityId, &'static str), usize> = BTreeMap::new();
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
    let keep: Vec<Vec<bool>> =
        context.graph.trusts.iter().zip(&each).map(|(trust, found)| found.iter().map(|f| certain(trust, f)).collect()).collect();
    each.into_iter().flatten().zip(keep.into_iter().flatten()).filter_map(|(finding, keep)| keep.then_some(finding)).collect()
}

fn one(context: &Context<'_>, index: usize, trust: &Trust) -> Vec<Finding> {
    let Gate::AwsPolicy(document) = &trust.gate else { return Vec::new() };
    let subject = Subject { context, index, trust, policy: Policy::read(document) };
    let mut findings = broken::wrong_action(&subject);
    findings.extend(exposure::public(&subject));
    findings.extend(others::rejected(&subject));
    findings.extend(others::roles_anywhere(&subject));
    findings.extend(others::pod_identity(&subject));
    findings.extend(others::accounts(&subject));
    for seen in views(&subject) {
        let lifeless = matches!(context.life(&seen.formula, &seen.templates), Life::Dead);
        let known = &seen.known.recognised;
        let custom = format::customised(context, &trust.origin, known, &seen.formula, &seen.subjects, lifeless);
        if let Customised::Dead(finding) = custom {
            findings.push(*finding);
            continue;
        }
        let dead = broken::dead(&subject, &seen, lifeless);
        if seen.known.recognised.issuer.id == "cognito" && !lifeless {
            findings.extend(others::identity_pool(&subject, &seen));
            continue;
        }
        if dead.is_empty() && !lifeless {
            let assumed = matches!(custom, Customised::Assumed(_));
            findings.extend(exposure::web_identity(&subject, &seen).into_iter().map(|f| f.certain(!assumed)));
            findings.extend(habits::audience(&subject, &seen));
            match custom {
                Customised::Assumed(finding) => findings.push(*finding),
                _ => findings.extend(habits::subject_format(&subject, &seen)),
            }
            findings.extend(broken::dead_values(&subject, &seen));
        }
        // A truncated subject is one that somebody may have customised.
        findings.extend(dead.into_iter().map(|f| if f.rule == "never-matches" { f.certain(!seen.subjects.truncated) } else { f }));
    }
    findings
}

/// The issuers that the policy lets in, each once, in order.
fn views<'a>(subject: &Subject<'a>) -> Vec<Seen<'a>> {
    let mut out: Vec<Seen<'a>> = Vec::new();
    let mut done: Vec<Text> = Vec::new();
    for principal in iam::principals(&subject.policy) {
        let federated = principal.kind == PrincipalKind::Federated && principal.effect == Effect::Allow && !principal.negated;
        let saml = || subject.policy.statements.get(principal.statement).is_some_and(only_saml);
        if !federated || iam::is_saml(&principal.text) || saml() || done.iter().any(|d| d.same(&principal.text)) {
            continue;
        }
        done.push(principal.text.clone());
        out.extend(see(subject.context, &subject.policy, &principal.text));
    }
    out
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

//! Roles that SAML users assume: for which service their assertions were made
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml>).

use super::RoleTrust;
use super::accounts::pinned;
use crate::admission::glob;
use crate::admission::iam::{self, Base, ConditionTest, Effect, PrincipalKind, PrincipalRef, Statement};
use crate::catalogue::{RuleId, Severity};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use crate::token::{Token, Truth};

const ACTION: &str = "sts:AssumeRoleWithSAML";
/// The recipient of an assertion.
const AUDIENCE: &str = "saml:aud";
/// Where another service of the same identity provider takes its assertions.
const ELSEWHERE: &str = "https://wiki.example.com/saml/acs";
/// What else says who the user is, or where the assertion comes from.
const OTHERS: [&str; 3] = ["saml:", "aws:requesttag/", "aws:principaltag/"];

/// Statements that take assertions for whichever service.
pub(super) fn without_audience(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let policy = subject.policy;
    if policy.open.is_some() || policy.statements.iter().any(refuses_elsewhere) {
        return Vec::new();
    }
    let of_saml = |p: &PrincipalRef| {
        p.kind == PrincipalKind::Federated
            && p.effect == Effect::Allow
            && !p.negated
            && cut::split_once(&p.text, ":saml-provider/").is_some()
    };
    let mut findings = Vec::new();
    for principal in iam::principals(policy).into_iter().filter(of_saml) {
        let Some(statement) = policy.statements.get(principal.statement).filter(|s| s.open_conditions.is_none() && takes_assertions(s))
        else {
            continue;
        };
        let tests = statement.conditions.iter().filter(|t| is_audience(t));
        let mut open = None;
        let mut narrowed = false;
        for test in tests {
            if takes_elsewhere(test) { open = open.or(Some(test)) } else { narrowed = true }
        }
        if narrowed {
            continue;
        }
        findings.push(finding(subject, &principal, statement, open));
    }
    findings
}

fn finding(subject: &RoleTrust<'_>, principal: &PrincipalRef, statement: &Statement, open: Option<&ConditionTest>) -> Finding {
    let what = match open {
        Some(test) => format!("`{}` refuses no assertion", test.label()),
        None => "no condition tests `SAML:aud`".to_owned(),
    };
    let message = format!("{what}: an assertion that the identity provider issues for another service is not told apart from one for AWS");
    let span = open.and_then(|t| t.key.span().or(t.span)).or(principal.span);
    let finding = Finding::new(RuleId::SamlWithoutAudience, &subject.trust.origin, span, &principal.text.to_string(), message);
    let mut witness = Token::default();
    witness.set("SAML:aud", ELSEWHERE);
    // Who else is asked for is asked of the user that the assertion names.
    let severity = if open.is_none() && pinned(statement, &OTHERS) { Severity::Low } else { Severity::Medium };
    let help = "add `StringEquals` on `SAML:aud` with `https://signin.aws.amazon.com/saml` (or the endpoint of your region or partition)";
    finding.severity(severity).help(help).witness(Some(witness)).along_text(&principal.text)
}

/// The statement's actions let users in with assertions.
fn takes_assertions(statement: &Statement) -> bool {
    let mut patterns = statement.actions.patterns.leaves().filter_map(|l| l.text()?.as_known());
    !statement.actions.negated && statement.maybe.is_none() && patterns.any(|p| iam::action_matches(&p, ACTION))
}

fn is_audience(test: &ConditionTest) -> bool {
    test.key.as_known().is_some_and(|k| k.eq_ignore_ascii_case(AUDIENCE))
}

/// An assertion for another service passes the test. Each assertion has the key, so `IfExists` and `ForAllValues` change nothing.
fn takes_elsewhere(test: &ConditionTest) -> bool {
    let Some(operator) = test.operator.filter(|_| test.maybe.is_none()) else { return false };
    let mut values = test.values.leaves().flat_map(|l| &l.choices);
    let takes = |text: &Text| text.as_known().is_some_and(|v| glob_matches(&v, ELSEWHERE));
    match operator.base {
        Base::StringLike => values.any(takes) != operator.negated,
        Base::StringEquals | Base::StringEqualsIgnoreCase => operator.negated,
        // A key of another type is told by its own rule.
        _ => false,
    }
}

/// A statement denies what is not for AWS.
fn refuses_elsewhere(statement: &Statement) -> bool {
    let refuses = |test: &ConditionTest| {
        let negated = test.operator.is_some_and(|o| o.negated && !o.if_exists && matches!(o.base, Base::StringEquals | Base::StringLike));
        let spared = test.values.leaves().flat_map(|l| &l.choices).any(|t| t.as_known().is_some_and(|v| glob_matches(&v, ELSEWHERE)));
        is_audience(test) && negated && !spared
    };
    statement.effect == Effect::Deny && statement.conditions.len() == 1 && statement.conditions.iter().all(refuses)
}

/// The pattern takes the text in.
fn glob_matches(pattern: &str, text: &str) -> bool {
    glob::matches(&glob::written(pattern), text, false) == Truth::True
}

//! Actions that have to be there, and actions that never apply to a service.

use super::RoleTrust;
use super::services::{PODS, ROLES_ANYWHERE};
use crate::admission::iam::{self, Effect, PrincipalKind, PrincipalRef, Statement, action_matches};
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Gate, Trust};
use crate::partial::Text;
use crate::rules::Finding;

const ASSUME: &str = "sts:AssumeRole";
const TAG: &str = "sts:TagSession";
/// What EKS calls with (<https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html>).
const OF_PODS: &[&str] = &[ASSUME, TAG];
/// What Roles Anywhere calls with (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>).
const OF_ROLES_ANYWHERE: &[&str] = &[ASSUME, TAG, "sts:SetSourceIdentity"];

/// The actions of a statement, where all are known.
fn known_actions(statement: &Statement) -> Option<Vec<String>> {
    let leaves: Vec<_> = statement.actions.patterns.leaves().collect();
    let open = statement.actions.patterns.choices.iter().any(|c| c.why_open().is_some());
    let known: Option<Vec<String>> = leaves.iter().map(|l| l.text()?.as_known()).collect();
    known.filter(|k| !open && !k.is_empty() && !statement.actions.negated)
}

/// Whom an allow statement may let in is known.
fn is_closed(subject: &RoleTrust<'_>) -> bool {
    let open = |s: &Statement| s.principals.why_open().is_some() || s.maybe.is_some() || s.effect == Effect::Unknown;
    subject.policy.open.is_none() && !subject.policy.statements.iter().any(open)
}

/// The statements that let a service in, with its place.
fn of_service<'s>(subject: &'s RoleTrust<'_>, service: &str) -> Vec<(&'s Statement, PrincipalRef)> {
    let named = |p: &PrincipalRef| p.kind == PrincipalKind::Service && p.effect == Effect::Allow && !p.negated && p.text.is_str(service);
    let found = iam::principals(subject.policy).into_iter().filter(named);
    found.filter_map(|p| subject.policy.statements.get(p.statement).map(|s| (s, p))).collect()
}

/// The services that call with several actions, where the trust lacks some of them: every call is refused.
pub(super) fn missing(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let of = [(PODS, OF_PODS, "EKS Pod Identity"), (ROLES_ANYWHERE, OF_ROLES_ANYWHERE, "Roles Anywhere")];
    of.into_iter().filter_map(|(service, needed, name)| lacking(subject, service, needed, name)).collect()
}

fn lacking(subject: &RoleTrust<'_>, service: &str, needed: &[&str], name: &str) -> Option<Finding> {
    let statements = of_service(subject, service);
    let (first, principal) = statements.first().filter(|_| is_closed(subject))?;
    let mut actions = Vec::new();
    for (statement, _) in &statements {
        actions.extend(known_actions(statement)?);
    }
    let absent: Vec<String> = needed
        .iter()
        .filter(|action| !actions.iter().any(|pattern| action_matches(pattern, action)))
        .map(|action| format!("`{action}`"))
        .collect();
    if absent.is_empty() {
        return None;
    }
    let list = absent.join(" and ");
    let message = format!("{name} needs {list} beside what the trust allows: its calls are refused, and no workload can assume the role");
    let all = needed.iter().map(|action| format!("`{action}`")).collect::<Vec<_>>().join(", ");
    let place = first.actions.patterns.leaves().next().and_then(|l| l.text().and_then(Text::span).or(l.span)).or(first.actions.span);
    let finding = Finding::new(RuleId::WrongAction, &subject.trust.origin, place.or(principal.span), service, message);
    Some(finding.help(format!("allow {all}")).along_text(&principal.text))
}

/// A statement for services or principals of AWS with an action that only tokens of an identity provider bring.
pub(super) fn never_of_aws(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, statement) in subject.policy.statements.iter().enumerate() {
        let principals = &statement.principals;
        let of_aws = |p: &iam::Principal| {
            let text = p.leaf.text().and_then(Text::as_known);
            matches!(p.kind, PrincipalKind::Service | PrincipalKind::Aws)
                && text.is_some_and(|t| t != "*" && ![PODS, ROLES_ANYWHERE].contains(&t.as_str()))
        };
        let whole = principals.why_open().is_none() && !principals.negated && !principals.items.is_empty();
        if statement.effect != Effect::Allow || !whole || !principals.items.iter().all(of_aws) {
            continue;
        }
        let Some(actions) = known_actions(statement) else { continue };
        let tokens = |a: &String| ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"].iter().any(|t| a.eq_ignore_ascii_case(t));
        if !actions.iter().any(tokens) || actions.iter().any(|a| action_matches(a, ASSUME)) {
            continue;
        }
        let alone = subject.policy.statements.iter().filter(|s| s.effect == Effect::Allow).count() == 1;
        let first = statement.actions.patterns.leaves().next();
        let place = first.and_then(|l| l.text().and_then(Text::span).or(l.span)).or(statement.span);
        let named = actions.first().cloned().unwrap_or_default();
        let message = format!(
            "`{named}` is for tokens of an identity provider, no service and no principal of AWS calls it: {} never applies",
            statement.name(index)
        );
        let finding = Finding::new(RuleId::WrongAction, &subject.trust.origin, place, &statement.name(index), message)
            .severity(if alone { Severity::High } else { Severity::Low })
            .help("use `sts:AssumeRole`, or remove the statement");
        findings.push(finding);
    }
    findings
}

/// A session of EKS Pod Identity carries transitive tags: a role that is assumed out of one needs `sts:TagSession` too
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining>).
pub(super) fn chained(subject: &RoleTrust<'_>) -> Vec<Finding> {
    if !is_closed(subject) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for principal in iam::principals(subject.policy) {
        if principal.kind != PrincipalKind::Aws || principal.effect != Effect::Allow || principal.negated {
            continue;
        }
        let Some(source) = subject.beside.of_pods(&subject.trust.origin.scope, &principal.text) else { continue };
        let named = |s: &&Statement| {
            s.effect == Effect::Allow && s.principals.items.iter().any(|p| p.leaf.choices.iter().any(|t| t.same(&principal.text)))
        };
        let mut actions = Vec::new();
        let mut all_known = true;
        for statement in subject.policy.statements.iter().filter(named) {
            match known_actions(statement) {
                Some(known) => actions.extend(known),
                None => all_known = false,
            }
        }
        let assumes = actions.iter().any(|a| action_matches(a, ASSUME));
        if !all_known || !assumes || actions.iter().any(|a| action_matches(a, TAG)) {
            continue;
        }
        let message = format!(
            "`{}` is a role of EKS Pod Identity, whose sessions carry transitive tags: without `{TAG}` this trust refuses them",
            source.origin.name
        );
        let finding = Finding::new(RuleId::WrongAction, &subject.trust.origin, principal.span, &principal.text.to_string(), message);
        findings.push(
            finding.severity(Severity::Medium).certain(false).help(format!("allow `{ASSUME}` and `{TAG}`")).along_text(&principal.text),
        );
    }
    findings
}

pub(super) fn trusts_pods(trust: &Trust) -> bool {
    let Gate::AwsPolicy(policy) = &trust.gate else { return false };
    iam::principals(policy).iter().any(|p| p.kind == PrincipalKind::Service && p.effect == Effect::Allow && p.text.is_str(PODS))
}

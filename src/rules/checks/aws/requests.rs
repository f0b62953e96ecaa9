//! Keys and values that the calls of a service never have: the tags of EKS Pod Identity, the source of Roles Anywhere.

use super::RoleTrust;
use super::services::{PODS, ROLES_ANYWHERE};
use crate::admission::glob;
use crate::admission::iam::{self, Base, ConditionTest, Effect, PrincipalKind, Statement};
use crate::catalogue::RuleId;
use crate::graph::{Association, Gate};
use crate::issuers::nearest;
use crate::partial::Text;
use crate::rules::Finding;
use crate::rules::engine::Context;
use crate::token::Truth;

/// The tags of a session of EKS Pod Identity (<https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html>).
const TAGS: [&str; 6] = [
    "kubernetes-namespace",
    "kubernetes-service-account",
    "kubernetes-pod-name",
    "kubernetes-pod-uid",
    "eks-cluster-arn",
    "eks-cluster-name",
];
const REQUEST_TAG: &str = "aws:requesttag/";
/// Resources of Roles Anywhere that no call names as its source.
const NO_SOURCES: [&str; 3] = ["profile/", "crl/", "subject/"];

/// The test refuses when its key is absent, and compares texts.
fn requires(test: &ConditionTest) -> bool {
    let texts = |base| matches!(base, Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike | Base::Arn);
    test.maybe.is_none()
        && test.operator.is_some_and(|o| !o.if_exists && !o.negated && o.set != Some(iam::SetOperator::ForAllValues) && texts(o.base))
}

fn lets_in(statement: &Statement, service: &str) -> bool {
    let named = |p: &iam::Principal| p.kind == PrincipalKind::Service && p.leaf.text().is_some_and(|t| t.is_str(service));
    statement.effect == Effect::Allow && !statement.principals.negated && statement.principals.items.iter().any(named)
}

/// Tests that no call of the service can meet.
pub(super) fn impossible(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for statement in &subject.policy.statements {
        for test in statement.conditions.iter().filter(|t| requires(t)) {
            if lets_in(statement, PODS) {
                findings.extend(unknown_tag(subject, test));
            }
            if lets_in(statement, ROLES_ANYWHERE) {
                findings.extend(no_source(subject, test));
            }
        }
    }
    findings
}

fn unknown_tag(subject: &RoleTrust<'_>, test: &ConditionTest) -> Option<Finding> {
    let key = test.key.as_known()?;
    let tag = key.to_ascii_lowercase().strip_prefix(REQUEST_TAG)?.to_owned();
    if TAGS.contains(&tag.as_str()) {
        return None;
    }
    let ends = |known: &&str| known.ends_with(&tag) || tag.ends_with(*known);
    let meant = nearest(&tag, TAGS.into_iter()).or_else(|| TAGS.into_iter().find(|t| ends(t)));
    let hint = meant.map(|m| format!("; did you mean `aws:RequestTag/{m}`?")).unwrap_or_default();
    let message = format!("EKS Pod Identity sets no session tag `{tag}`: the test never holds, and no pod can assume the role");
    let finding = Finding::new(RuleId::UnsupportedClaim, &subject.trust.origin, test.key.span().or(test.span), &key, message);
    let known = TAGS.map(|t| format!("`{t}`")).join(", ");
    Some(finding.help(format!("test one of the tags that it sets: {known}{hint}")).along_text(&test.key))
}

fn no_source(subject: &RoleTrust<'_>, test: &ConditionTest) -> Option<Finding> {
    if !test.key.as_known()?.eq_ignore_ascii_case("aws:SourceArn") {
        return None;
    }
    let values: Vec<&Text> = test.values.leaves().flat_map(|l| &l.choices).collect();
    let wrong = |text: &&&Text| {
        let known = text.as_known().unwrap_or_default();
        known.split(':').nth(5).is_some_and(|resource| NO_SOURCES.iter().any(|n| resource.starts_with(n)))
    };
    let first = values.iter().find(wrong).filter(|_| values.iter().all(|v| wrong(&v)))?;
    let message = format!(
        "`aws:SourceArn` of a call of Roles Anywhere is the trust anchor, `{first}` is none: no certificate can ever assume the role"
    );
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, first.span().or(test.span), &first.to_string(), message);
    Some(finding.help("write the ARN of the trust anchor: `arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/ID`").along_text(first))
}

/// Associations of EKS Pod Identity whose role does not take the pods of this ServiceAccount.
pub(super) fn associations(context: &Context<'_>) -> Vec<Finding> {
    let all = context.graph.associations.iter().enumerate();
    all.filter_map(|(index, association)| {
        let roles = context.links.association_roles.get(index).filter(|roles| !roles.is_empty())?;
        let mut why = None;
        for role in roles {
            let trusts = context.links.identity_trusts.get(role.index()).filter(|t| !t.is_empty())?;
            for trust in trusts.iter().filter_map(|id| context.graph.trust(*id)) {
                let Gate::AwsPolicy(policy) = &trust.gate else { return None };
                why = Some((refusal(policy, association)?, trust));
            }
        }
        let ((what, test), trust) = why?;
        let name = association.service_account.as_ref().map(|n| format!(" to `{n}`")).unwrap_or_default();
        let message = format!("the association gives a role{name} whose trust {what}: pods do not get it");
        let span = association.role.span().unwrap_or(association.origin.span);
        let finding = Finding::new(RuleId::OneSidedBinding, &association.origin, Some(span), "association", message)
            .help("let the trust name the service `pods.eks.amazonaws.com` with `sts:AssumeRole` and `sts:TagSession`, and the tags of this association")
            .certain(!trust.origin.conditional && !trust.origin.library && !association.origin.conditional);
        Some(finding.related_to(test.unwrap_or(trust.origin.span), "the trust of the role"))
    })
    .collect()
}

/// What in each statement refuses the pods of the association; none where one of them may let them in.
fn refusal(policy: &iam::Policy, association: &Association) -> Option<(String, Option<crate::place::Span>)> {
    if policy.open.is_some() {
        return None;
    }
    let mut found = ("does not let EKS Pod Identity in".to_owned(), None);
    for statement in policy.statements.iter().filter(|s| s.effect != Effect::Deny) {
        let unclear =
            statement.principals.why_open().is_some() || statement.principals.negated || !statement.principals.possible.is_empty();
        let alternatives =
            statement.principals.items.iter().any(|p| p.kind == PrincipalKind::Service && p.leaf.text().is_none_or(|t| !t.is_known()));
        if unclear || alternatives {
            return None;
        }
        if !lets_in(statement, PODS) {
            continue;
        }
        let other = statement.conditions.iter().filter(|t| requires(t)).find_map(|test| other_tag(test, association))?;
        found = other;
    }
    Some(found)
}

/// A tag that this association certainly has with another value.
fn other_tag(test: &ConditionTest, association: &Association) -> Option<(String, Option<crate::place::Span>)> {
    let key = test.key.as_known()?.to_ascii_lowercase();
    let own = match key.strip_prefix(REQUEST_TAG)? {
        "kubernetes-namespace" => association.namespace.as_ref(),
        "kubernetes-service-account" => association.service_account.as_ref(),
        "eks-cluster-name" => association.cluster.as_ref(),
        _ => None,
    }?
    .as_known()?;
    let list = match test.values.choices.as_slice() {
        [list] if list.why_open().is_none() => list,
        _ => return None,
    };
    let values: Option<Vec<String>> = list.items.iter().map(|leaf| leaf.text()?.as_known()).collect();
    let values = values?;
    // A pattern of `StringEquals` is its own text: what a glob takes, it takes at most.
    let any_case = test.operator.is_some_and(|o| o.base == Base::StringEqualsIgnoreCase);
    let fits = |value: &String| value.contains("${") || glob::matches(&glob::written(value), &own, any_case) != Truth::False;
    if values.is_empty() || values.iter().any(fits) {
        return None;
    }
    let span = list.items.first().and_then(|l| l.text().and_then(Text::span).or(l.span)).or(test.span);
    Some((format!("requires `{}` under `{}`, which is `{own}` here", values.join("`, `"), test.key), span))
}

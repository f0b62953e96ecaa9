//! Operators of a trust policy that change nothing: what they allow for never happens
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>).

use super::RoleTrust;
use crate::admission::iam::{self, ConditionTest, Effect, SetOperator};
use crate::catalogue::RuleId;
use crate::gate::aws::key_name;
use crate::rules::Finding;

/// Claims that each token of each issuer has, with one value.
const ALWAYS: [&str; 2] = ["sub", "aud"];

/// The first such operator of the policy.
pub(super) fn operators(subject: &RoleTrust<'_>) -> Option<Finding> {
    let allows = subject.policy.statements.iter().filter(|s| s.effect == Effect::Allow && only_tokens(s));
    let test = allows.flat_map(|s| &s.conditions).find(|t| is_redundant(t))?;
    let claim = key_name(&test.key)?;
    let operator = test.operator?;
    let (what, why) = match operator.set {
        Some(_) => ("set operators are for keys with several values", format!("`{claim}` has one")),
        None => ("`IfExists` is for keys that can be absent", format!("every token has `{claim}`")),
    };
    let message =
        format!("`{}` changes nothing: {what}, and {why}; readers take it for a hole, and one day it may be one", test.operator_text);
    let finding =
        Finding::new(RuleId::RedundantOperator, &subject.trust.origin, test.operator_text.span().or(test.span), &test.label(), message);
    let base = if operator.negated { "StringNotEquals` or `StringNotLike" } else { "StringEquals` or `StringLike" };
    Some(finding.help(format!("write `{base}`")).along_text(&test.operator_text))
}

/// The statement is for tokens of issuers and for nobody else, so that the claims are there.
fn only_tokens(statement: &iam::Statement) -> bool {
    let principals = &statement.principals;
    let federated = |p: &iam::Principal| {
        p.kind == iam::PrincipalKind::Federated && p.leaf.text().is_some_and(|t| iam::issuer_of_federated(t).is_some())
    };
    !principals.negated && principals.why_open().is_none() && !principals.items.is_empty() && principals.items.iter().all(federated)
}

fn is_redundant(test: &ConditionTest) -> bool {
    let always = key_name(&test.key).is_some_and(|name| ALWAYS.contains(&name.as_str()));
    let operator =
        test.operator.is_some_and(|o| o.if_exists || matches!(o.set, Some(SetOperator::ForAllValues | SetOperator::ForAnyValue)));
    always && operator && test.maybe.is_none()
}

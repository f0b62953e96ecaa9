//! Services that act for others: whose resources they act for when they assume the role
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html#cross-service-confused-deputy-prevention>).

use super::RoleTrust;
use crate::admission::iam::{self, Base, ConditionTest, Effect, PrincipalKind, PrincipalRef, SetOperator, Statement};
use crate::catalogue::{RuleId, Severity};
use crate::partial::Text;
use crate::rules::Finding;
use crate::token::Token;

/// Services whose own instructions put the source into the trust of the role that they assume, such as
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html>,
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>,
/// <https://docs.aws.amazon.com/appsync/latest/devguide/cross-service-confused-deputy-prevention.html>,
/// <https://docs.aws.amazon.com/transfer/latest/userguide/confused-deputy.html>,
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/cross-service-confused-deputy-prevention.html>.
/// Services that run the account's own code (EC2, Lambda, ECS) are not among them: nobody else's resource can name the role there.
const DEPUTIES: [&str; 11] =
    ["appsync", "bedrock", "codebuild", "config", "firehose", "logs", "pipes", "scheduler", "states", "transfer", "vpc-flow-logs"];

/// Keys that say for whose resource, account or organisation a service acts; Firehose sends the account as external id.
const SOURCES: [&str; 5] = ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "sts:externalid"];

/// The fields of an ARN, and the place of the account among them.
const FIELDS: usize = 6;
const ACCOUNT: usize = 4;
/// The service that calls, as it is told to the policy that it meets
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalservicename>).
const PRINCIPAL_SERVICE: &str = "aws:PrincipalServiceName";
/// An account that no policy names.
const OTHER: &str = "666666666666";

/// Statements by which a service may act for anybody.
pub(super) fn deputies(subject: &RoleTrust<'_>) -> Vec<Finding> {
    if subject.policy.open.is_some() || subject.policy.statements.iter().any(denies_by_source) {
        return Vec::new();
    }
    let named = |p: &PrincipalRef| p.kind == PrincipalKind::Service && p.effect == Effect::Allow && !p.negated;
    let mut findings: Vec<Finding> = Vec::new();
    for principal in iam::principals(subject.policy).into_iter().filter(named) {
        let Some(service) = principal.text.as_known().filter(|s| is_deputy(s)) else { continue };
        let Some(statement) = subject.policy.statements.get(principal.statement).filter(|s| s.open_conditions.is_none()) else { continue };
        let tests: Vec<&ConditionTest> = statement.conditions.iter().filter(|t| is_source(t)).collect();
        if tests.iter().any(|t| !takes_others(t)) {
            continue;
        }
        findings.push(finding(subject, &principal, &service, &tests));
    }
    findings
}

fn finding(subject: &RoleTrust<'_>, principal: &PrincipalRef, service: &str, open: &[&ConditionTest]) -> Finding {
    let (severity, what, span) = match open.first() {
        // Somebody meant to narrow it, and did not.
        Some(test) => (
            Severity::Medium,
            format!("`{}` is met by resources of every account", test.label()),
            test.values.leaves().next().and_then(|l| l.text().and_then(Text::span).or(l.span)).or_else(|| test.key.span()).or(test.span),
        ),
        None => (Severity::Low, "no condition says for whom".to_owned(), principal.span),
    };
    let message = format!(
        "`{service}` assumes the role on behalf of others, and {what}: only its own check of `iam:PassRole` keeps another account from having it act with this role"
    );
    let finding = Finding::new(RuleId::ConfusedDeputy, &subject.trust.origin, span, service, message);
    let help = "add `StringEquals` on `aws:SourceAccount` with your account, or `ArnLike` on `aws:SourceArn` with the resource that the service acts for";
    finding.severity(severity).help(help).witness(Some(call(service, open))).along_text(&principal.text)
}

/// The service's call for a resource of another account: with what the tests ask for, and without the keys that pass where they
/// are missing.
fn call(service: &str, open: &[&ConditionTest]) -> Token {
    let mut call = Token::default();
    call.set(PRINCIPAL_SERVICE, service);
    if open.is_empty() {
        call.set("aws:SourceAccount", OTHER);
    }
    for test in open {
        let (Some(key), Some(operator)) = (test.key.as_known(), test.operator) else { continue };
        if operator.negated || operator.if_exists || operator.set == Some(SetOperator::ForAllValues) {
            continue;
        }
        let of_arn = key.eq_ignore_ascii_case("aws:SourceArn");
        let mut texts = test.values.leaves().flat_map(|l| &l.choices).filter_map(Text::as_known);
        let value = if of_arn { texts.find(|v| any_account(&Text::known(v))).map(|v| of_another(&v)) } else { Some(OTHER.to_owned()) };
        call.set(&key, value.unwrap_or_else(|| format!("arn:aws:iam::{OTHER}:root")));
    }
    call
}

/// An ARN of another account that the pattern takes in.
fn of_another(pattern: &str) -> String {
    let mut fields: Vec<String> = pattern.splitn(FIELDS, ':').map(str::to_owned).collect();
    let whole = ["arn", "aws", "service", "region", OTHER, "name"];
    // A `*` that ends the pattern early stands for all the fields that follow.
    for missing in whole.get(fields.len()..).unwrap_or_default() {
        fields.push((*missing).to_owned());
    }
    for (field, sample) in fields.iter_mut().zip(whole) {
        *field = if only_wildcards(field) { sample.to_owned() } else { field.replace(['*', '?'], "x") };
    }
    fields.join(":")
}

/// `scheduler.amazonaws.com`, `logs.eu-west-1.amazonaws.com`.
fn is_deputy(service: &str) -> bool {
    let name = service.split('.').next().unwrap_or_default();
    let of_aws = service.ends_with(".amazonaws.com") || service.ends_with(".amazonaws.com.cn");
    of_aws && DEPUTIES.contains(&name)
}

fn is_source(test: &ConditionTest) -> bool {
    test.key.as_known().is_some_and(|k| SOURCES.contains(&k.to_ascii_lowercase().as_str()))
}

/// A call for a resource of another account passes: the test compares with a pattern that leaves the account open, or passes when
/// the service does not say for whom it acts.
fn takes_others(test: &ConditionTest) -> bool {
    let Some(operator) = test.operator.filter(|_| test.maybe.is_none()) else { return false };
    if operator.negated || operator.if_exists || operator.set == Some(SetOperator::ForAllValues) {
        return true;
    }
    let globbed = match operator.base {
        Base::StringLike | Base::Arn => true,
        Base::StringEquals | Base::StringEqualsIgnoreCase => false,
        // That the key is there says nothing about whose it is.
        _ => return true,
    };
    let arn = test.key.as_known().is_some_and(|k| k.eq_ignore_ascii_case("aws:SourceArn"));
    let mut values = test.values.leaves().flat_map(|l| &l.choices).peekable();
    globbed
        && values.peek().is_some()
        && values.any(|text| if arn { any_account(text) } else { text.as_known().is_some_and(|v| only_wildcards(&v)) })
}

fn only_wildcards(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| matches!(c, '*' | '?'))
}

/// The pattern of an ARN leaves the account open. A bucket's ARN has no account: its name is unique.
fn any_account(pattern: &Text) -> bool {
    let Some(known) = pattern.as_known() else { return false };
    let fields: Vec<&str> = known.splitn(FIELDS, ':').collect();
    match fields.get(ACCOUNT) {
        Some(account) => only_wildcards(account),
        // `*` before the account swallows it, unless digits that follow must be one.
        None => known.ends_with('*'),
    }
}

/// A statement denies calls for others.
fn denies_by_source(statement: &Statement) -> bool {
    let negated = |t: &ConditionTest| is_source(t) && t.operator.is_some_and(|o| o.negated);
    statement.effect == Effect::Deny && statement.conditions.iter().any(negated)
}

#[cfg(test)]
mod tests {
    use super::{any_account, is_deputy};
    use crate::partial::Text;

    #[test]
    fn the_account_of_a_pattern() {
        for open in ["arn:aws:scheduler:*:*:schedule/*", "*", "arn:aws:logs:eu-west-1:*:*", "arn:*"] {
            assert!(any_account(&Text::known(open)), "{open}");
        }
        for closed in ["arn:aws:scheduler:*:111122223333:*", "arn:aws:s3:::mill-exports", "arn:aws:logs:eu-west-1:111122223333:log-group:*"]
        {
            assert!(!any_account(&Text::known(closed)), "{closed}");
        }
    }

    #[test]
    fn services_by_name_and_region() {
        assert!(is_deputy("logs.eu-west-1.amazonaws.com"));
        assert!(is_deputy("scheduler.amazonaws.com"));
        assert!(!is_deputy("scheduler.example.com"));
        assert!(!is_deputy("ec2.amazonaws.com"));
    }
}

//! What holds for every input, for random IAM trust policies: of several issuers' tokens and of AWS callers, with statements
//! that deny, lists, operators of every kind, values that are not known.
//!
//! Where nothing is told of a policy that admits everybody's principal, no stranger gets in by the evaluator.

#![allow(clippy::expect_used)]

use super::invariants::{Scan, problems_of};
use fedlint::catalogue::RuleId;
use fedlint::simulation::{Presented, simulate};
use fedlint::token::{Decision, Token};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rayon::prelude::*;
use serde_json::{Value, json};

const HOSTS: [&str; 4] = [
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
    "sso.weir.example/realms/ci",
];

/// Policies of each run, and with `FEDLINT_ALL_CASES` set.
const CASES: usize = 48;
const MANY_CASES: usize = 600;

/// Where a value of a variable stands that nobody sets.
const OPEN: &str = "@OPEN@";

fn operator() -> impl Strategy<Value = &'static str> {
    select(vec![
        "StringLike",
        "StringLike",
        "StringEquals",
        "StringEquals",
        "StringNotLike",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringLikeIfExists",
        "StringNotEqualsIfExists",
        "ForAllValues:StringLike",
        "ForAnyValue:StringEquals",
        "ForAnyValue:StringNotLike",
    ])
}

fn subject() -> impl Strategy<Value = String> {
    select(vec![
        "repo:weir/sluice:*",
        "repo:weir/*",
        "repo:weir*",
        "repo:weir/sluice:ref:refs/heads/main",
        "repo:weir/sluice:environment:live",
        "repo:*/sluice:pull_request",
        "repo:weir@77/sluice@88:ref:refs/heads/*",
        "repo:@OPEN@:*",
        "repo:@OPEN@/sluice:ref:refs/heads/main",
        "project_path:weir/sluice:ref_type:branch:ref:main",
        "project_path:weir/*",
        "system:serviceaccount:gates:*",
        "system:serviceaccount:*:keeper",
        "system:serviceaccount:gates:keeper",
        "*",
        "r?po:*",
        "",
    ])
    .prop_map(str::to_owned)
}

/// A key, the host's own with `:` in front, and values for it.
fn key() -> impl Strategy<Value = (&'static str, Vec<String>)> {
    let subjects = proptest::collection::vec(subject(), 1..4).prop_map(|values| (":sub", values));
    let others = select(vec![
        (":aud", "sts.amazonaws.com"),
        (":aud", "*"),
        (":aud", OPEN),
        (":repository_owner_id", "77"),
        (":ref", "refs/heads/main"),
        (":job_workflow_ref", "weir/ci/.github/workflows/*"),
        (":email", "keeper@weir.example"),
        ("sts:RoleSessionName", "live"),
        ("sts:RoleSessionName", "${token.actions.githubusercontent.com:actor}"),
        ("sts:ExternalId", "5f1e"),
        ("sts:ExternalId", "*"),
        ("aws:PrincipalArn", "arn:aws:iam::*:role/gate-*"),
        ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/gate-*"),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:PrincipalOrgID", "o-a1b2c3d4e5"),
        ("aws:PrincipalTag/team", "water"),
        ("aws:RequestTag/team", "${aws:PrincipalTag/team}"),
        ("aws:UserAgent", "*terraform*"),
    ]);
    prop_oneof![3 => subjects, 3 => others.prop_map(|(key, value)| (key, vec![value.to_owned()]))]
}

/// Tests of which the values are no texts.
fn special() -> impl Strategy<Value = (&'static str, &'static str, Vec<String>)> {
    select(vec![
        ("Null", ":sub", "true"),
        ("Null", ":sub", "false"),
        ("Null", "sts:ExternalId", "false"),
        ("Bool", "aws:MultiFactorAuthPresent", "true"),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
        ("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
        ("DateLessThan", "aws:CurrentTime", "2031-01-01T00:00:00Z"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/gate-*"),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*"),
    ])
    .prop_map(|(operator, key, value)| (operator, key, vec![value.to_owned()]))
}

fn condition() -> impl Strategy<Value = Vec<(&'static str, &'static str, Vec<String>)>> {
    let plain = (operator(), key()).prop_map(|(operator, (key, values))| (operator, key, values));
    proptest::collection::vec(prop_oneof![5 => plain, 1 => special()], 0..4)
}

fn statement() -> impl Strategy<Value = Value> {
    let effect = select(vec!["Allow", "Allow", "Allow", "Deny"]);
    (effect, select(vec![0, 0, 0, 1, 2, 3, 4, 5]), condition(), any::<bool>()).prop_map(|(effect, who, tests, wide)| {
        let host = HOSTS.get(who).copied().unwrap_or("token.actions.githubusercontent.com");
        let federated = who < HOSTS.len();
        let principal = match who {
            4 => json!({"AWS": "*"}),
            5 => json!({"AWS": "arn:aws:iam::444455556666:root"}),
            _ => json!({"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")}),
        };
        let own = if federated { "sts:AssumeRoleWithWebIdentity" } else { "sts:AssumeRole" };
        let action = if wide && effect == "Deny" { "sts:*" } else { own };
        let principal = if wide && effect == "Deny" { json!("*") } else { principal };
        let mut condition = json!({});
        for (operator, key, values) in tests {
            let key = if key.starts_with(':') { format!("{host}{key}") } else { key.to_owned() };
            condition[operator][key] = if values.len() == 1 { json!(values[0]) } else { json!(values) };
        }
        json!({"Effect": effect, "Principal": principal, "Action": action, "Condition": condition})
    })
}

/// The policy in a role of Terraform: variables of IAM are escaped there, and what is not known is a variable of Terraform.
fn terraform(policy: &Value) -> String {
    let text = policy.to_string().replace("${", "$${").replace(OPEN, "${var.given}");
    format!(
        "variable \"given\" {{\n  type = string\n}}\nresource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = jsonencode({text})\n}}\n"
    )
}

/// Callers of an account and an organisation that no policy names, with everything that a caller may choose chosen well.
fn strangers() -> Vec<Presented> {
    let mut out = Vec::new();
    for (role, session, external, tag) in
        [("someone", "any", None, None), ("gate-9", "live", Some("5f1e"), Some("water")), ("gate-9", "other", Some("other"), None)]
    {
        let arn = format!("arn:aws:iam::999988887777:role/{role}");
        let mut claims = Token::default();
        claims.set("aws:PrincipalArn", arn.clone());
        claims.set("aws:PrincipalAccount", "999988887777");
        claims.set("aws:PrincipalOrgID", "o-zzzzzzzzzz");
        claims.set("aws:PrincipalType", "AssumedRole");
        claims.set("aws:userid", format!("AROA99999999999999999:{session}"));
        claims.set("sts:RoleSessionName", session);
        claims.set("aws:UserAgent", "terraform/1.9");
        claims.set("aws:SecureTransport", "true");
        claims.set("aws:SourceIp", "198.51.100.7");
        claims.set("aws:CurrentTime", "2026-11-28T12:00:00Z");
        for (key, value) in [("sts:ExternalId", external), ("aws:PrincipalTag/team", tag), ("aws:RequestTag/team", tag)] {
            if let Some(value) = value {
                claims.set(key, value);
            }
        }
        out.push(Presented { claims, ready: true, principal: Some(arn), ..Presented::default() });
    }
    out
}

/// A stranger of another account is admitted, and the run says so.
fn strangers_are_told(scan: &Scan) -> Vec<String> {
    let told = scan.run.findings.iter().any(|f| f.rule == RuleId::PublicPrincipal) || !scan.run.coverage.undecided.is_empty();
    let admits = |caller: &&Presented| {
        let outcome = simulate(&scan.estate.graph, &scan.estate.links, caller);
        outcome.verdicts.iter().any(|v| v.evaluation.decision == Decision::Admit)
    };
    let strangers = strangers();
    let admitted = strangers.iter().find(admits).filter(|_| !told);
    admitted.map(|caller| format!("nothing is told, and the role admits {}", caller.claims.to_json())).into_iter().collect()
}

fn judged(policy: &Value, known: bool) -> Vec<String> {
    let file = if known && !policy.to_string().contains(OPEN) {
        ("trust.json".to_owned(), policy.to_string())
    } else {
        ("main.tf".to_owned(), terraform(policy))
    };
    let scan = Scan::of("random", vec![file]);
    let mut problems = problems_of(&scan);
    problems.extend(strangers_are_told(&scan));
    problems
}

#[test]
fn random_policies_keep_the_invariants() {
    let cases = if std::env::var_os("FEDLINT_ALL_CASES").is_some() { MANY_CASES } else { CASES };
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let strategy = (proptest::collection::vec(statement(), 1..4), any::<bool>());
    let mut policies = Vec::new();
    for _ in 0..cases {
        let (statements, known) = strategy.new_tree(&mut runner).expect("a case").current();
        policies.push((json!({"Version": "2012-10-17", "Statement": statements}), known));
    }
    let one = |(policy, known): &(Value, bool)| {
        let problems = judged(policy, *known);
        (!problems.is_empty()).then(|| format!("{}\n{policy}", problems.join("\n")))
    };
    let problems: Vec<String> = policies.par_iter().filter_map(one).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The strangers are such as open gates admit: the property above is not empty.
#[test]
fn the_strangers_get_in_where_a_gate_is_open() {
    let policy = |condition: &Value| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}
        ]})
    };
    for open in [
        json!({}),
        json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/gate-*"}}),
        json!({"StringEquals": {"sts:ExternalId": "5f1e", "sts:RoleSessionName": "live", "aws:PrincipalTag/team": "water"}}),
    ] {
        let text = policy(&open);
        let mut scan = Scan::of("open", vec![("trust.json".to_owned(), text.to_string())]);
        assert_eq!(strangers_are_told(&scan), [""; 0], "{text}");
        scan.run.findings.clear();
        assert_eq!(strangers_are_told(&scan).len(), 1, "{text}");
    }
}

//! Who of the world's AWS accounts can assume a role: gates that any account can meet are open, gates that name an account,
//! an organisation or a principal are closed, and keys of the request are no claims of a token.

#![allow(clippy::expect_used)]

use super::invariants::Scan;
use super::witnesses;
use fedlint::catalogue::{Confidence, Severity};
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

fn run(policy: &serde_json::Value) -> Run {
    let files = vec![("trust.json".to_owned(), policy.to_string())];
    check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made")
}

fn statement(principal: &serde_json::Value, condition: &serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": condition}],
    })
}

/// The findings of a rule, with their severity and the witness's condition keys.
fn found(run: &Run, rule: &str) -> Vec<(Severity, Confidence, Vec<String>)> {
    let of = run.findings.iter().filter(|f| f.rule.as_str() == rule);
    of.map(|f| (f.severity, f.confidence, f.witness.iter().flat_map(|w| w.claims.keys().cloned()).collect())).collect()
}

#[test]
fn a_gate_that_any_account_can_meet_is_open() {
    let gates = [
        serde_json::json!({}),
        serde_json::json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy-*"}}),
        serde_json::json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy-*"}}),
        serde_json::json!({"StringLike": {"aws:PrincipalArn": "*"}}),
        serde_json::json!({"ArnLike": {"aws:PrincipalArn": "*"}}),
        serde_json::json!({"StringLike": {"sts:ExternalId": "*"}}),
        serde_json::json!({"StringEquals": {"sts:RoleSessionName": "deploy"}}),
        serde_json::json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        serde_json::json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalTag/team": "platform"}}),
        serde_json::json!({"StringEquals": {"aws:RequestTag/team": "platform"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalTag/team": "${aws:RequestTag/team}"}}),
        serde_json::json!({"StringLike": {"aws:UserAgent": "*terraform*"}}),
        serde_json::json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        serde_json::json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}}),
        serde_json::json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        serde_json::json!({"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}),
        serde_json::json!({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}),
        // A path may hold colons (`user/:iam::111122223333:user/ops/`), and only the ARN operators keep the fields apart.
        serde_json::json!({"StringLike": {"aws:PrincipalArn": "arn:*:iam::111122223333:user/ops/*"}}),
        serde_json::json!({"Bool": {"aws:ViaAWSService": "false"}, "StringLike": {"aws:userid": "*:deploy"}}),
    ];
    for gate in gates {
        let run = run(&statement(&serde_json::json!({"AWS": "*"}), &gate));
        let open = found(&run, "public-principal");
        assert_eq!(open.len(), 1, "{gate}: {:?}", run.findings.iter().map(|f| &f.message).collect::<Vec<_>>());
        assert_eq!(open[0].0, Severity::Critical, "{gate}");
        assert!(open[0].2.iter().any(|key| key == "aws:PrincipalArn"), "{gate}: {:?}", open[0].2);
    }
}

#[test]
fn a_gate_that_names_an_account_an_organisation_or_a_principal_is_closed() {
    let gates = [
        serde_json::json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        serde_json::json!({"StringEquals": {"AWS:principalorgid": ["o-a1b2c3d4e5", "o-f6g7h8i9j0"]}}),
        serde_json::json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalAccount": "111122223333"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalAccount": ["111122223333", "444455556666"]}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        serde_json::json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/ci"}}),
        serde_json::json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}),
        serde_json::json!({"ArnLike": {"aws:PrincipalArn": "arn:*:iam::111122223333:user/ops/*"}}),
        serde_json::json!({"StringLike": {"aws:userid": "AROA1234567890ABCDEFG:*"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "aws:PrincipalTag/team": "platform"}}),
        serde_json::json!({"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d4e5f60718"}}),
        // Only services of AWS have these.
        serde_json::json!({"Bool": {"aws:PrincipalIsAWSService": "true"}}),
        serde_json::json!({"StringEquals": {"aws:SourceAccount": "111122223333"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}),
    ];
    for gate in gates {
        let run = run(&statement(&serde_json::json!({"AWS": "*"}), &gate));
        let loud: Vec<_> = run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| &f.message).collect();
        assert!(loud.is_empty(), "{gate}: {loud:?}");
    }
}

#[test]
fn an_external_id_alone_is_less_than_a_secret_and_more_than_nothing() {
    let run = run(&statement(&serde_json::json!({"AWS": "*"}), &serde_json::json!({"StringEquals": {"sts:ExternalId": "7b2d8e1c"}})));
    let open = found(&run, "public-principal");
    assert_eq!(open.iter().map(|f| f.0).collect::<Vec<_>>(), [Severity::High]);
}

/// What a caller chooses well to get in is in the witness, and nothing that the policy does not read.
#[test]
fn the_witness_shows_what_the_caller_chooses() {
    let everybody = serde_json::json!({"AWS": "*"});
    let account = serde_json::json!({"AWS": "arn:aws:iam::444455556666:root"});
    let any_id = serde_json::json!({"StringLike": {"sts:ExternalId": "*"}});
    let cases = [
        (&everybody, "public-principal", any_id.clone(), "sts:ExternalId", None),
        (&account, "account-principal", any_id, "sts:ExternalId", None),
        (&account, "account-principal", serde_json::json!({"Null": {"sts:ExternalId": "false"}}), "sts:ExternalId", None),
        (
            &account,
            "account-principal",
            serde_json::json!({"StringNotEquals": {"sts:ExternalId": "old"}, "Null": {"sts:ExternalId": "false"}}),
            "sts:ExternalId",
            None,
        ),
        (
            &everybody,
            "public-principal",
            serde_json::json!({"StringEquals": {"sts:ExternalId": "7b2d8e1c"}}),
            "sts:ExternalId",
            Some("7b2d8e1c"),
        ),
        (&everybody, "public-principal", serde_json::json!({"StringLike": {"sts:ExternalId": "acme-*"}}), "sts:ExternalId", Some("acme-")),
        (
            &everybody,
            "public-principal",
            serde_json::json!({"StringEquals": {"sts:RoleSessionName": "deploy"}}),
            "sts:RoleSessionName",
            Some("deploy"),
        ),
        (
            &everybody,
            "public-principal",
            serde_json::json!({"StringEquals": {"aws:RequestTag/team": "platform"}}),
            "aws:RequestTag/team",
            Some("platform"),
        ),
    ];
    for (principal, rule, gate, key, begins) in cases {
        let policy = statement(principal, &gate);
        let scan = Scan::of("caller", vec![("trust.json".to_owned(), policy.to_string())]);
        let finding = scan.run.findings.iter().find(|f| f.rule.as_str() == rule).expect("the rule fires");
        let witness = finding.witness.as_ref().expect("it has a witness");
        let chosen = witness.string(key).unwrap_or_default();
        assert!(
            !chosen.is_empty() && !chosen.contains('*') && chosen.starts_with(begins.unwrap_or_default()),
            "{gate}: {}",
            witness.to_json()
        );
        let read = |name: &str| gate.to_string().contains(&format!("\"{name}\""));
        let more = witness.claims.keys().find(|name| !read(name) && !["aws:PrincipalArn", "aws:PrincipalAccount"].contains(&name.as_str()));
        assert_eq!(more, None, "{gate}: {}", witness.to_json());
        let mut problems = Vec::new();
        assert_eq!(witnesses::judge(&scan, &mut problems), (1, 0), "{gate}: {problems:?}");
    }
}

#[test]
fn what_depends_on_time_or_place_may_hold_for_a_stranger() {
    for gate in [
        serde_json::json!({"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}}),
        serde_json::json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
    ] {
        let run = run(&statement(&serde_json::json!({"AWS": "*"}), &gate));
        assert_eq!(found(&run, "public-principal").iter().map(|f| f.1).collect::<Vec<_>>(), [Confidence::Likely], "{gate}");
    }
}

#[test]
fn a_deny_for_everybody_outside_of_the_organisation_closes() {
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
            {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
             "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}},
        ],
    });
    assert!(found(&run(&policy), "public-principal").is_empty());
}

#[test]
fn an_account_is_narrowed_by_what_not_every_principal_of_it_has() {
    let account = serde_json::json!({"AWS": "arn:aws:iam::444455556666:root"});
    let whole = [
        serde_json::json!({}),
        serde_json::json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:*"}}),
        serde_json::json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/*"}}),
        serde_json::json!({"StringLike": {"sts:ExternalId": "*"}}),
        serde_json::json!({"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/retired"}}),
        serde_json::json!({"StringLike": {"sts:RoleSessionName": "*"}}),
    ];
    for gate in whole {
        assert_eq!(found(&run(&statement(&account, &gate)), "account-principal").len(), 1, "{gate}");
    }
    let narrowed = [
        serde_json::json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::444455556666:role/gateway-*"}}),
        serde_json::json!({"StringEquals": {"sts:ExternalId": "7b2d8e1c"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalTag/team": "platform"}}),
        serde_json::json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        serde_json::json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    ];
    for gate in narrowed {
        let run = run(&statement(&account, &gate));
        assert!(run.findings.is_empty(), "{gate}: {:?}", run.findings.iter().map(|f| &f.message).collect::<Vec<_>>());
    }
}

#[test]
fn principals_of_an_account_never_have_another_accounts_arn() {
    let gate = serde_json::json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/gateway"}});
    let run = run(&statement(&serde_json::json!({"AWS": "arn:aws:iam::444455556666:root"}), &gate));
    assert_eq!(found(&run, "never-matches").len(), 1);
}

fn web(host: &str, condition: &serde_json::Value) -> Run {
    let condition = condition.to_string().replace("{\":", &format!("{{\"{host}:")).replace(",\":", &format!(",\"{host}:"));
    let condition: serde_json::Value = serde_json::from_str(&condition).expect("a condition");
    run(&serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
            "Condition": condition,
        }],
    }))
}

const GITHUB: &str = "token.actions.githubusercontent.com";

#[test]
fn a_session_name_beside_the_audience_is_open_to_everybody_and_never_dead() {
    let run = web(GITHUB, &serde_json::json!({"StringEquals": {":aud": "sts.amazonaws.com", "sts:RoleSessionName": "deploy"}}));
    let open = found(&run, "missing-subject");
    assert_eq!(open.iter().map(|f| f.0).collect::<Vec<_>>(), [Severity::Critical]);
    assert!(open[0].2.iter().any(|key| key == "sts:RoleSessionName"), "{:?}", open[0].2);
    assert!(found(&run, "never-matches").is_empty());
}

#[test]
fn a_session_name_beside_an_exact_subject_is_right() {
    let exact = serde_json::json!({"StringEquals": {
        ":aud": "sts.amazonaws.com",
        ":sub": ["repo:octo-org/app:environment:production", "repo:octo-org@1/app@2:environment:production"],
        "sts:RoleSessionName": "${token.actions.githubusercontent.com:actor}",
    }});
    assert!(web(GITHUB, &exact).findings.is_empty());
}

#[test]
fn session_tags_are_claims_of_the_issuers_that_sign_them() {
    let tagged = serde_json::json!({"StringEquals": {":aud": "sts.amazonaws.com", ":sub": "SUBJECT", "aws:RequestTag/team": "platform"}});
    let with = |host: &str, subject: &str| {
        let condition = tagged.to_string().replace("SUBJECT", subject);
        web(host, &serde_json::from_str(&condition).expect("a condition"))
    };
    // A ServiceAccount's token has no tags: nobody can assume the role.
    let eks = with("oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", "system:serviceaccount:shop:cart");
    assert_eq!(found(&eks, "never-matches").len(), 1);
    let own = with("sso.example.com/realms/ci", "job-17");
    assert!(found(&own, "never-matches").is_empty());
}

#[test]
fn an_open_subject_stays_open_beside_a_test_of_the_network() {
    let subject = |pattern: &str| {
        web(
            GITHUB,
            &serde_json::json!({
                "StringEquals": {":aud": "sts.amazonaws.com"},
                "StringLike": {":sub": pattern},
                "IpAddress": {"aws:SourceIp": "203.0.113.0/24"},
            }),
        )
    };
    assert_eq!(found(&subject("repo:*"), "wildcard-subject").iter().map(|f| f.1).collect::<Vec<_>>(), [Confidence::Likely]);
    let narrow = subject("repo:octo-org/app:environment:production");
    assert!(narrow.findings.iter().all(|f| f.severity < Severity::Medium));
}

/// A caller picks a session's name that differs from what the token says as easily as one that agrees.
#[test]
fn an_open_subject_stays_open_beside_a_value_of_the_token_itself() {
    let beside = |operator: &str| {
        let gate = serde_json::json!({
            "StringEqualsIfExists": {":aud": "sts.amazonaws.com"},
            "StringLikeIfExists": {":sub": "repo:*"},
            operator: {"sts:RoleSessionName": "${token.actions.githubusercontent.com:actor}"},
        });
        found(&web(GITHUB, &gate), "wildcard-subject").iter().map(|f| f.1).collect::<Vec<_>>()
    };
    for operator in ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"] {
        assert_eq!(beside(operator), [Confidence::Likely], "{operator}");
    }
}

#[test]
fn actions_that_no_trust_policy_may_name_are_refused() {
    let with = |action: &str| {
        run(&serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:role/ci"}, "Action": ["sts:AssumeRole", action]}],
        }))
    };
    for action in ["sts:TagSessions", "sts:GetCallerIdentity", "s3:GetObject"] {
        assert_eq!(found(&with(action), "rejected-policy").len(), 1, "{action}");
    }
    for action in ["sts:TagSession", "STS:setsourceidentity", "sts:*", "sts:Assume*"] {
        assert!(found(&with(action), "rejected-policy").is_empty(), "{action}");
    }
}

#[test]
fn a_moment_is_today_for_whoever_asks() {
    let policy = |statements: serde_json::Value| serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    let allow = |condition: serde_json::Value| serde_json::json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition});
    let deny = |condition: serde_json::Value| serde_json::json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition});
    let likely = |statements: serde_json::Value| found(&run(&policy(statements)), "public-principal").len();
    for closed in [
        serde_json::json!([
            allow(serde_json::json!({})),
            deny(serde_json::json!({"DateLessThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}))
        ]),
        serde_json::json!([allow(serde_json::json!({"DateGreaterThan": {"aws:CurrentTime": "2999-01-01T00:00:00Z"}}))]),
        serde_json::json!([allow(serde_json::json!({"DateLessThanEquals": {"aws:CurrentTime": "2020-01-01"}}))]),
        serde_json::json!([allow(serde_json::json!({"NumericLessThan": {"aws:EpochTime": "1000000000"}}))]),
    ] {
        assert_eq!(likely(closed.clone()), 0, "{closed}");
    }
    for open in [
        serde_json::json!([
            allow(serde_json::json!({})),
            deny(serde_json::json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}))
        ]),
        serde_json::json!([allow(serde_json::json!({})), deny(serde_json::json!({"DateGreaterThan": {"aws:EpochTime": "32503680000"}}))]),
        serde_json::json!([allow(
            serde_json::json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}, "DateLessThan": {"aws:CurrentTime": "2999-01-01"}})
        )]),
    ] {
        assert_eq!(likely(open.clone()), 1, "{open}");
    }
}

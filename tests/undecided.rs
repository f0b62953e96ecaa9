//! What is too large to decide is said, never silently left out.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};

#[test]
fn a_gate_past_the_limits_is_undecided_and_hides_no_other() {
    let values: Vec<String> = (0..1100).map(|i| format!("\"repo:octo/a{i}*b{i}*c:*\"")).collect();
    let policy = |values: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}},
                "Condition": {{"StringLike": {{"token.actions.githubusercontent.com:sub": [{values}]}}}}}}]}}"#
        )
    };
    let files = vec![("huge.json".to_owned(), policy(&values.join(","))), ("open.json".to_owned(), policy("\"repo:*\""))];
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let open: Vec<&str> = run.coverage.undecided.iter().filter(|u| u.path == "huge.json").map(|u| u.why.as_str()).collect();
    assert!(open.iter().any(|why| why.contains("was not decided")), "{open:?}");
    assert!(run.findings.iter().any(|f| f.rule == "wildcard-subject" && f.identity.as_deref() == Some("open.json")));
}

//! Policy variables that the caller's own token fills: the witness is a token in which they agree.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>

use super::invariants::Scan;
use super::witnesses;
use fedlint::catalogue::Severity;

const HOST: &str = "token.actions.githubusercontent.com";

fn scan(conditions: &str, deny: Option<&str>) -> Scan {
    let conditions = conditions.replace("HOST", HOST);
    let more = deny.map_or(String::new(), |conditions| {
        let conditions = conditions.replace("HOST", HOST);
        format!(r#", {{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {{{conditions}}}}}"#)
    });
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
"Principal": {{"Federated": "arn:aws:iam::210987654321:oidc-provider/{HOST}"}}, "Action": "sts:AssumeRoleWithWebIdentity",
"Condition": {{"StringEquals": {{"{HOST}:aud": "sts.amazonaws.com"}}, {conditions}}}}}{more}]}}"#
    );
    Scan::of("tied.json", vec![("tied.json".to_owned(), text)])
}

/// The findings that bring a token, each admitted when it is presented.
fn witnesses(scan: &Scan) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let counts = witnesses::judge(scan, &mut problems);
    assert_eq!(problems, Vec::<String>::new());
    let found: Vec<_> = scan.run.findings.iter().filter(|f| f.severity >= Severity::Medium).collect();
    let with_token: Vec<_> =
        found.iter().filter_map(|f| Some((f.rule.to_string(), f.witness.as_ref()?.string("sub")?.to_owned()))).collect();
    assert_eq!(counts, (with_token.len(), 0), "each of them is admitted");
    with_token
}

#[test]
fn a_witness_is_a_token_whose_claims_agree() {
    let table = [
        (
            r#""StringLike": {"HOST:sub": "repo:potters/${HOST:environment}:*"}"#,
            "organization-wide",
            "repo:potters/production:environment:production",
        ),
        (
            r#""StringEqualsIgnoreCase": {"HOST:sub": "REPO:potters/${HOST:environment}:environment:kiln"}"#,
            "organization-wide",
            "repo:potters/kiln:environment:kiln",
        ),
        (r#""StringLike": {"HOST:sub": "repo:${HOST:repository}:*"}"#, "wildcard-subject", "repo:evil-corp/app:ref:refs/heads/main"),
        (
            r#""StringEquals": {"HOST:sub": "repo:potters/kiln:environment:${HOST:environment}"}"#,
            "any-environment",
            "repo:potters/kiln:environment:production",
        ),
        // Without the claim the default stands, and with it the claim does.
        (
            r#""StringLike": {"HOST:sub": "repo:potters/${HOST:environment, 'kiln'}:ref:*"}"#,
            "any-ref",
            "repo:potters/kiln:ref:refs/heads/feature/x",
        ),
        (
            r#""StringLike": {"HOST:sub": "repo:potters/*"}, "StringNotLike": {"HOST:sub": "repo:*/${HOST:actor}:*"}"#,
            "organization-wide",
            "repo:potters/app:ref:refs/heads/main",
        ),
    ];
    for (conditions, rule, subject) in table {
        assert_eq!(witnesses(&scan(conditions, None)), [(rule.to_owned(), subject.to_owned())], "{conditions}");
    }
    let denied =
        scan(r#""StringLike": {"HOST:sub": "repo:potters/*"}"#, Some(r#""StringLike": {"HOST:sub": "repo:potters/${HOST:actor}:*"}"#));
    assert_eq!(witnesses(&denied), [("organization-wide".to_owned(), "repo:potters/app:ref:refs/heads/main".to_owned())]);
}

#[test]
fn what_no_token_can_meet_brings_no_witness() {
    // Every subject begins with its own repository.
    let never = scan(r#""StringLike": {"HOST:sub": "repo:potters/*"}, "StringNotLike": {"HOST:sub": "repo:${HOST:repository}:*"}"#, None);
    assert_eq!(witnesses(&never), Vec::new());
    assert_eq!(never.run.coverage.undecided.len(), 1, "it is not proven by trying");
    // No branch is an environment's name: the two never stand in one token.
    let apart = scan(r#""StringLike": {"HOST:sub": "repo:potters/kiln:ref:refs/heads/${HOST:environment}"}"#, None);
    assert_eq!(witnesses(&apart), Vec::new());
}

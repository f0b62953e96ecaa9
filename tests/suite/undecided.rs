//! What is too large to decide is said, never silently left out.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};

#[test]
fn a_condition_past_the_limits_is_undecided_and_hides_no_other() {
    let provider = |name: &str, condition: &str| {
        let text = format!(
            "attributeCondition: {condition}\nattributeMapping:\n  google.subject: assertion.sub\n\
             name: projects/481516234299/locations/global/workloadIdentityPools/{name}-pool/providers/github\n\
             oidc:\n  issuerUri: https://token.actions.githubusercontent.com\nstate: ACTIVE\n"
        );
        (format!("{name}.yaml"), text)
    };
    // Deterministic, this pattern has more than a trillion states.
    let huge = provider("huge", "assertion.workflow.matches('^(a|b)*a(a|b){40}$') && assertion.actor.matches('^(a|b)*b(a|b){40}$')");
    let open = provider("open", "assertion.ref == 'refs/heads/main'");
    let run = check(&Request { input: Input::Memory(vec![huge, open]), ..Request::default() }).expect("the run is made");
    let why: Vec<&str> = run.coverage.undecided.iter().filter(|u| u.path == "huge.yaml").map(|u| u.why.as_str()).collect();
    assert!(why.iter().any(|why| why.starts_with("cannot determine which tokens")), "{why:?}");
    let path = |f: &fedlint::rules::Finding| run.sources.get(f.span.file).map(|s| s.path.clone());
    assert!(run.findings.iter().any(|f| f.rule.as_str() == "foreign-tenant" && path(f).as_deref() == Some("open.yaml")));
}

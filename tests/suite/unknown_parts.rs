//! Issuers that are not known, or not known whole.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

fn run(text: &str) -> Run {
    check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), text.to_owned())]), ..Request::default() }).expect("the run is made")
}

/// The rules at medium or above, with their severities.
fn found(text: &str) -> Vec<(String, Severity)> {
    let run = run(text);
    assert!(run.coverage.undecided.is_empty(), "{:?}", run.coverage.undecided);
    run.findings.into_iter().filter(|f| f.severity >= Severity::Medium).map(|f| (f.rule.to_string(), f.severity)).collect()
}

fn role(host: &str, condition: &str) -> String {
    format!(
        r#"
resource "aws_iam_role" "r" {{
  name = "r"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{host}" }}
      Condition = {{ {condition} }}
    }}]
  }})
}}
"#
    )
}

#[test]
fn an_unknown_issuer_needs_a_subject() {
    let own = |condition: &str| found(&role("sso.acme.example/realms/main", &condition.replace("KEY", "sso.acme.example/realms/main")));
    let medium = |rule: &str| vec![(rule.to_owned(), Severity::Medium)];
    let aud = r#"StringEquals = { "KEY:aud" = "ci" }"#;
    assert_eq!(own(aud), medium("missing-subject"));
    // one omission is one finding
    assert_eq!(own(""), medium("missing-subject"));
    assert_eq!(own(&format!("{aud}, StringLike = {{ \"KEY:sub\" = \"*\" }}")), medium("wildcard-subject"));
    assert_eq!(own(&format!("{aud}, StringEqualsIfExists = {{ \"KEY:sub\" = \"build\" }}")), []);
    assert_eq!(own(&format!("{aud}, \"ForAllValues:StringLike\" = {{ \"KEY:sub\" = \"*\" }}")), medium("wildcard-subject"));
    assert_eq!(own(r#"StringEquals = { "KEY:aud" = "ci", "KEY:sub" = "build" }"#), []);
    assert_eq!(own(r#"StringEquals = { "KEY:aud" = "ci" }, StringLike = { "KEY:sub" = "build-*" }"#), []);
    assert_eq!(own(r#"StringEquals = { "KEY:aud" = "ci", "KEY:email" = "ci@acme.example" }"#), []);
}

#[test]
fn a_placeholder_in_the_issuer_is_an_unknown() {
    // That it is one is told at low; whatever organisation it will be, all its projects get in.
    let condition = r#"StringEquals = { "oidc.circleci.com/org/<ORG_UUID>:aud" = "<ORG_UUID>" }"#;
    assert_eq!(found(&role("oidc.circleci.com/org/<ORG_UUID>", condition)), [("missing-subject".to_owned(), Severity::High)]);
}

/// The organisation of CircleCI's URL is in its subjects, too.
#[test]
fn an_organisation_that_is_not_known_is_the_same_in_url_and_subject() {
    let with = |url: &str, subject: &str| {
        let host = format!("oidc.circleci.com/org/{url}");
        let text = role(&host, &format!(r#"StringEquals = {{ "{host}:aud" = "{url}" }}, StringLike = {{ "{host}:sub" = "{subject}" }}"#));
        let run = run(&format!("variable \"org\" {{}}\n{text}"));
        assert!(run.coverage.undecided.is_empty(), "{:?}", run.coverage.undecided);
        let mut all: Vec<_> = run.findings.into_iter().filter(|f| f.severity >= Severity::Medium).collect();
        assert!(all.len() <= 1, "{all:?}");
        all.pop()
    };
    let uuid = "7d8cdf74-1111-4111-8111-274d963d358b";
    for org in ["${var.org}", "66666666-7777-4888-9999-aaaaaaaaaaaa"] {
        let open = with(org, &format!("org/{org}/project/{uuid}/user/*")).expect("any ref gets in");
        assert_eq!(open.rule.as_str(), "any-ref", "{org}");
        let help = open.help.unwrap_or_default();
        assert!(help.contains("/vcs-ref/refs/heads/main") && !help.contains("environment:production"), "{help}");
        let wide = with(org, &format!("org/{org}/project/*")).expect("any project gets in");
        assert_eq!(wide.rule.as_str(), "organization-wide", "{org}");
    }
    // The organisation is written in the subject and not in the URL: it may well be the same.
    let written = with("${var.org}", &format!("org/{uuid}/project/{uuid}/user/*")).expect("any ref gets in");
    assert_eq!(written.rule.as_str(), "any-ref");
}

/// An audience that only the caller knows is tested; one that takes any is not, whatever else is not known.
#[test]
fn an_audience_that_is_not_known_is_a_test_of_it() {
    const HOST: &str = "token.actions.githubusercontent.com";
    let with = |audience: &str| {
        let sub = format!(r#""{HOST}:sub" = ["repo:octo/app:environment:prod", "repo:octo@1/app@2:environment:prod"]"#);
        let text = role(HOST, &format!("StringEquals = {{ {sub} }}, {audience}"));
        found(&format!("variable \"aud\" {{ type = string }}\nvariable \"env\" {{}}\n{text}"))
    };
    for tested in [
        format!(r#"StringLike = {{ "{HOST}:aud" = var.aud }}"#),
        format!(r#"StringLike = {{ "{HOST}:aud" = "${{var.aud}}" }}"#),
        format!(r#"StringLike = {{ "{HOST}:aud" = "api-${{var.env}}" }}"#),
        format!(r#"StringLike = {{ "{HOST}:aud" = ["sts.amazonaws.com", lower(var.aud)] }}"#),
    ] {
        assert_eq!(with(&tested), [], "{tested}");
    }
    for any in [
        format!(r#"StringLike = {{ "{HOST}:aud" = ["*", "${{var.aud}}"] }}"#),
        format!(r#"StringNotEquals = {{ "{HOST}:aud" = "${{var.aud}}" }}"#),
        format!(r#"StringLike = {{ "{HOST}:aud" = "*" }}"#),
    ] {
        assert_eq!(with(&any), [("missing-audience".to_owned(), Severity::Medium)], "{any}");
    }
}

/// What one part of the gate names by its id, the other looks up: the unknown is that id, or the trust is not decided.
#[test]
fn an_unknown_may_be_what_another_test_asks_for() {
    let pool = |id: &str| {
        format!(
            r#"
resource "google_iam_workload_identity_pool" "p" {{ workload_identity_pool_id = "jobs-pool" }}
resource "google_iam_workload_identity_pool_provider" "p" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.p.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.repository_owner_id == '{id}'"
  attribute_mapping = {{
    "google.subject" = "assertion.sub"
    "attribute.run"  = "'owner:' + assertion.repository_owner_id + ':workflow:' + assertion.job_workflow_ref"
  }}
  oidc {{ issuer_uri = "https://token.actions.githubusercontent.com" }}
}}
resource "google_service_account" "s" {{ account_id = "image-copier" }}
data "github_organization" "o" {{ name = "octo-org" }}
resource "google_service_account_iam_member" "m" {{
  service_account_id = google_service_account.s.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.p.name}}/attribute.run/owner:${{data.github_organization.o.id}}:workflow:octo-org/ci/.github/workflows/copy.yml@refs/heads/main"
}}
"#
        )
    };
    assert_eq!(found(&pool("40961122")), []);
    // no owner has such an id: whatever the data source gives, nobody gets in, and that is not called open
    let run = run(&pool("not-a-number"));
    assert!(run.findings.iter().all(|f| f.witness.is_none()), "{:?}", run.findings);
}

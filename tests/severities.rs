//! What moves a rule's severity: two files that differ in one thing, two severities.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};
use fedlint::rules::Severity;

/// The severity of the only finding of a rule.
fn severity(rule: &str, files: &[(&str, &str)]) -> Severity {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let found: Vec<Severity> = run.findings.iter().filter(|f| f.rule == rule).map(|f| f.severity).collect();
    assert_eq!(found.len(), 1, "{rule}: {:?}", run.findings.iter().map(|f| (&f.rule, &f.message)).collect::<Vec<_>>());
    found[0]
}

const BOUND: &str = r#"
resource "google_service_account" "mailer" {
  project    = "bakery-data"
  account_id = "mailer"
}
resource "google_service_account_iam_member" "mailer" {
  service_account_id = google_service_account.mailer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/projects/481516234299/locations/global/workloadIdentityPools/ci-pool/attribute.repository_id/8086"
}
"#;

fn job(input: &str) -> String {
    format!(
        "on: push\npermissions: {{id-token: write}}\njobs:\n  mail:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: google-github-actions/auth@v3\n        \
         with:\n          workload_identity_provider: projects/481516234299/locations/global/workloadIdentityPools/ci-pool/providers/github\n          \
         service_account: mailer@bakery-data.iam.gserviceaccount.com\n{input}"
    )
}

#[test]
fn token_creator_is_a_matter_of_opinion_until_something_signs() {
    let with = |input: &str| severity("missing-token-creator", &[("main.tf", BOUND), (".github/workflows/mail.yml", &job(input))]);
    assert_eq!(with(""), Severity::Info);
    assert_eq!(with("          access_token_subject: baker@bakery.example\n"), Severity::Medium);
    // The chain begins at another account: this one needs nothing more.
    assert_eq!(with("          delegates: other@bakery-data.iam.gserviceaccount.com\n"), Severity::Info);
    assert_eq!(
        with("          delegates: mailer@bakery-data.iam.gserviceaccount.com,other@bakery-data.iam.gserviceaccount.com\n"),
        Severity::Medium
    );
}

#[test]
fn a_jwt_that_is_signed_in_terraform_needs_token_creator() {
    let jwt = "data \"google_service_account_jwt\" \"mail\" {\n  target_service_account = google_service_account.mailer.email\n  payload = jsonencode({sub: \"x\"})\n}\n";
    assert_eq!(severity("missing-token-creator", &[("main.tf", &format!("{BOUND}{jwt}"))]), Severity::Medium);
}

fn role(host: &str, subject: &str) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {format!("{host}:aud"): "x"}, "StringLike": {format!("{host}:sub"): subject}},
        }],
    })
    .to_string()
}

#[test]
fn who_can_make_up_the_name_decides_how_bad_a_prefix_is() {
    let prefix = |host: &str, subject: &str| severity("name-prefix", &[("trust.json", &role(host, subject))]);
    assert_eq!(prefix("token.actions.githubusercontent.com", "repo:octo/app*"), Severity::High);
    assert_eq!(prefix("token.actions.githubusercontent.com", "repo:octo/app:environment:prod*"), Severity::Medium);
    assert_eq!(prefix("app.terraform.io", "organization:acme:project:shop:workspace:web*"), Severity::Medium);
}

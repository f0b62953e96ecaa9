//! What is not known of a token keeps open what it decides, and nothing else.

#![allow(clippy::unwrap_used)]

use fedlint::pipeline::{Estate, Input, Request, check, read};
use fedlint::simulation::{GithubJob, Presented, decide_document, simulate};
use fedlint::token::{Claim, Decision, Evaluation};

fn scan(text: &str) -> Request {
    Request { input: Input::Memory(vec![("main.tf".to_owned(), text.to_owned())]), ..Request::default() }
}

fn job(repository: &str) -> Presented {
    GithubJob { repository, ..GithubJob::default() }.token().unwrap()
}

fn pool(pool: &str, mapping: &str, condition: &str, member: &str) -> String {
    format!(
        r#"
resource "google_iam_workload_identity_pool" "ovens" {{
  project                   = "bakery-data"
  workload_identity_pool_id = "ovens"
  {pool}
}}
resource "google_iam_workload_identity_pool_provider" "gh" {{
  project                            = "bakery-data"
  workload_identity_pool_id          = google_iam_workload_identity_pool.ovens.workload_identity_pool_id
  workload_identity_pool_provider_id = "gh"
  attribute_mapping = {{
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    {mapping}
  }}
  {condition}
  oidc {{ issuer_uri = "https://token.actions.githubusercontent.com" }}
}}
resource "google_service_account" "baker" {{
  project    = "bakery-data"
  account_id = "baker"
}}
resource "google_service_account_iam_member" "bind" {{
  service_account_id = google_service_account.baker.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ovens/{member}"
}}
"#
    )
}

fn only(text: &str, presented: &Presented) -> Evaluation {
    let scan: Estate = read(&scan(text)).unwrap();
    let mut outcome = simulate(&scan.graph, &scan.links, presented);
    assert_eq!(outcome.verdicts.len(), 1);
    outcome.verdicts.remove(0).evaluation
}

#[test]
fn a_refusal_by_a_known_claim_stays_a_refusal_beside_an_open_one() {
    let member = "attribute.repository/octo/app";
    let decision =
        |condition: &str| only(&pool("", "", &format!("attribute_condition = \"{condition}\""), member), &job("octo/app")).decision;
    // The owner's id was not provided; its name begins like that of the test that refuses.
    assert_eq!(decision("assertion.repository_owner_id == '1234' && assertion.repository == 'other/thing'"), Decision::Deny);
    assert_eq!(decision("assertion.repository == 'other/thing'"), Decision::Deny);
    assert_eq!(decision("assertion.repository_owner_id == '1234' && assertion.repository == 'octo/app'"), Decision::Unknown);
    assert_eq!(decision("assertion.repository_owner_id == '1234' || assertion.repository == 'octo/app'"), Decision::Admit);
    assert_eq!(decision("!(assertion.repository_owner_id == '1234') || assertion.repository == 'other/thing'"), Decision::Unknown);
    assert_eq!(decision("has(assertion.repository_owner_id)"), Decision::Admit);
}

#[test]
fn a_mapping_of_an_open_claim_has_a_value() {
    let id = "\"attribute.id\" = \"assertion.repository_id\"";
    let condition = "attribute_condition = \"assertion.repository == 'octo/app'\"";
    assert_eq!(only(&pool("", id, condition, "attribute.repository/octo/app"), &job("octo/app")).decision, Decision::Admit);
    assert_eq!(only(&pool("", id, condition, "attribute.id/77"), &job("octo/app")).decision, Decision::Unknown);
    let mapped = "attribute_condition = \"attribute.id == '77'\"";
    assert_eq!(only(&pool("", id, mapped, "attribute.repository/octo/app"), &job("octo/app")).decision, Decision::Unknown);
    assert_eq!(only(&pool("", id, mapped, "attribute.repository/octo/other"), &job("octo/app")).decision, Decision::Deny);
}

#[test]
fn the_same_holds_for_iam_and_entra() {
    let policy = |condition: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}}, "Condition": {condition}}}]}}"#
        )
    };
    let decision = |condition: &str| decide_document("trust.json", &policy(condition), &job("octo/app")).unwrap().evaluation.decision;
    let host = "token.actions.githubusercontent.com";
    let owner = |rest: &str| format!(r#"{{"StringEquals": {{"{host}:repository_owner_id": "1", {rest}}}}}"#);
    assert_eq!(decision(&owner(&format!(r#""{host}:repository": "octo/other""#))), Decision::Deny);
    assert_eq!(decision(&owner(&format!(r#""{host}:repository": "octo/app""#))), Decision::Unknown);
    let mut without = job("octo/app");
    without.claims.claims.insert("sub".to_owned(), Claim::Open { optional: false });
    let credential = |subject: &str, audience: &str| {
        format!(r#"{{"name": "c", "issuer": "https://{host}", "subject": "{subject}", "audiences": ["{audience}"]}}"#)
    };
    let decided = |audience: &str| {
        decide_document("credential.json", &credential("repo:octo/app:ref:refs/heads/main", audience), &without)
            .unwrap()
            .evaluation
            .decision
    };
    assert_eq!(decided("api://AzureADTokenExchange"), Decision::Unknown);
    assert_eq!(decided("api://elsewhere"), Decision::Deny);
}

#[test]
fn a_claim_that_was_left_out_is_told_only_where_it_decides() {
    let mut token = job("octo/app");
    token.open_claims.clear();
    let note = |condition: &str| {
        let evaluation = only(&pool("", "", &format!("attribute_condition = \"{condition}\""), "attribute.repository/octo/app"), &token);
        assert_eq!(evaluation.decision, Decision::Deny);
        evaluation.first_failure().and_then(|s| s.note.clone()).unwrap_or_default()
    };
    assert!(note("assertion.repository_owner_id == '1234'").contains("has `repository_owner_id`"));
    assert!(!note("assertion.repository_owner_id == '1234' && assertion.repository == 'other/thing'").contains("left out"));
}

#[test]
fn a_disabled_pool_or_provider_admits_nobody() {
    let whole = "*";
    let open = pool("", "", "", whole);
    let off = pool("disabled = true", "", "", whole);
    let provider_off = pool("", "", "disabled = true", whole);
    assert_eq!(only(&open, &job("octo/app")).decision, Decision::Admit);
    assert_eq!(only(&off, &job("octo/app")).decision, Decision::Deny);
    assert_eq!(only(&provider_off, &job("octo/app")).decision, Decision::Deny);
    let critical = |text: &str| {
        let run = check(&scan(text)).unwrap();
        run.findings.iter().filter(|f| f.witness.is_some()).map(|f| f.rule.as_str()).collect::<Vec<_>>()
    };
    assert!(!critical(&open).is_empty());
    assert_eq!(critical(&off), Vec::<&str>::new());
    assert_eq!(critical(&provider_off), Vec::<&str>::new());
    // Whether it is disabled is not known: it may be enabled.
    let variable = format!("variable \"off\" {{ type = bool }}\n{}", pool("disabled = var.off", "", "", whole));
    assert!(!critical(&variable).is_empty());
}

#[test]
fn a_session_may_be_of_a_role_under_a_path() {
    let policy = |role: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {{"AWS": "arn:aws:iam::444455556666:role/{role}"}}}}]}}"#
        )
    };
    let session = Presented {
        ready: true,
        principal: Some("arn:aws:sts::444455556666:assumed-role/deploy/x".to_owned()),
        action: Some("sts:AssumeRole".to_owned()),
        ..Presented::default()
    };
    let decision = |role: &str| decide_document("trust.json", &policy(role), &session).unwrap().evaluation.decision;
    assert_eq!(decision("deploy"), Decision::Admit);
    assert_eq!(decision("ci/deploy"), Decision::Unknown);
    assert_eq!(decision("ci/prod/deploy"), Decision::Unknown);
    assert_eq!(decision("ci/my-deploy"), Decision::Deny);
    assert_eq!(decision("deploy/other"), Decision::Deny);
}

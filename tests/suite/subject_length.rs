//! Google takes no `google.subject` above 127 bytes: such a token is neither a witness nor a way in.
//! <https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>

use super::invariants::Scan;
use super::witnesses;
use fedlint::catalogue::{Category, RuleId, Severity};

const ORGANISATION: &str = "9c47d1e8-5b30-4f62-a7d9-e10835c6fb24";
const PROJECT: &str = "27e5b09a-f413-4d86-8c2e-5a91d70b36cf";

/// A pool of CircleCI's organisation, whose members are all bound.
fn scan(mapping: &str, condition: &str) -> Scan {
    let text = format!(
        r#"
resource "google_iam_workload_identity_pool" "kilns" {{
  project                   = "potters-prod"
  workload_identity_pool_id = "kilns"
}}
resource "google_iam_workload_identity_pool_provider" "circle" {{
  project                            = "potters-prod"
  workload_identity_pool_id          = google_iam_workload_identity_pool.kilns.workload_identity_pool_id
  workload_identity_pool_provider_id = "circle"
  attribute_condition                = "{condition}"
  attribute_mapping                  = {{ "attribute.origin" = "assertion.sub", "google.subject" = "{mapping}" }}
  oidc {{
    issuer_uri        = "https://oidc.circleci.com/org/{ORGANISATION}"
    allowed_audiences = ["{ORGANISATION}"]
  }}
}}
resource "google_service_account" "glaze" {{
  project    = "potters-prod"
  account_id = "glaze"
}}
resource "google_service_account_iam_member" "glaze" {{
  service_account_id = google_service_account.glaze.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/projects/365279121639/locations/global/workloadIdentityPools/kilns/*"
}}
"#
    );
    Scan::of("main.tf", vec![("main.tf".to_owned(), text)])
}

/// The longest subject of a witness, each of which is admitted.
fn longest(scan: &Scan) -> usize {
    let mut problems = Vec::new();
    witnesses::judge(scan, &mut problems);
    assert_eq!(problems, Vec::<String>::new());
    let subjects = scan.run.findings.iter().filter_map(|f| f.witness.as_ref()?.string("sub"));
    subjects.map(str::len).max().unwrap_or_default()
}

#[test]
fn a_witness_is_no_longer_than_google_takes() {
    let condition = format!("assertion.sub.startsWith('org/{ORGANISATION}/project/{PROJECT}/')");
    assert!(longest(&scan("assertion.sub", &condition)) <= 127);
    // The claim alone is short, so that the subject of the token may be long.
    let of_branches = format!("{condition} && assertion.sub.contains('/vcs-ref/refs/heads/')");
    assert!(longest(&scan("assertion['oidc.circleci.com/project-id']", &of_branches)) > 127);
}

#[test]
fn subjects_that_are_all_too_long_let_nobody_in() {
    let of_branches =
        format!("assertion.sub.startsWith('org/{ORGANISATION}/project/{PROJECT}/') && assertion.sub.contains('/vcs-ref/refs/heads/')");
    let dead = |mapping: &str| {
        let scan = scan(mapping, &of_branches);
        scan.run.findings.iter().any(|f| f.rule == RuleId::NeverMatches && f.severity >= Severity::High)
    };
    assert!(dead("assertion.sub"));
    assert!(!dead("assertion['oidc.circleci.com/project-id']"));
}

#[test]
fn a_condition_on_the_branch_is_met_by_a_token_with_a_short_subject() {
    let condition =
        format!("assertion['oidc.circleci.com/project-id'] == '{PROJECT}' && assertion['oidc.circleci.com/vcs-ref'] == 'refs/heads/main'");
    let scan = scan("assertion.sub", &condition);
    let broken: Vec<_> = scan.run.findings.iter().filter(|f| f.category == Category::Broken).map(|f| f.rule).collect();
    assert_eq!(broken, []);
}

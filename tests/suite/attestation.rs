//! Workloads of Confidential Space, whom Google's attestation service vouches for
//! (<https://cloud.google.com/confidential-computing/confidential-space/docs/reference/token-claims>).

#![allow(clippy::expect_used)]

use fedlint::catalogue::{Confidence, Severity};
use fedlint::pipeline::{Input, Request, check};

/// What is told of a pool of attested workloads with this condition.
fn told(condition: &str) -> Vec<(String, bool)> {
    let text = format!(
        r#"
resource "google_iam_workload_identity_pool" "mill" {{
  project                   = "grain-data"
  workload_identity_pool_id = "mill-pool"
}}

resource "google_iam_workload_identity_pool_provider" "attested" {{
  project                            = "grain-data"
  workload_identity_pool_id          = google_iam_workload_identity_pool.mill.workload_identity_pool_id
  workload_identity_pool_provider_id = "attested"
  attribute_condition                = "{condition}"
  attribute_mapping                  = {{ "google.subject" = "assertion.submods.gce.instance_id" }}
  oidc {{
    issuer_uri        = "https://confidentialcomputing.googleapis.com"
    allowed_audiences = ["https://sts.googleapis.com"]
  }}
}}

resource "google_service_account" "mill" {{
  project    = "grain-data"
  account_id = "miller"
}}

resource "google_service_account_iam_member" "mill" {{
  service_account_id = google_service_account.mill.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.mill.name}}/*"
}}
"#
    );
    let input = Input::Memory(vec![("main.tf".to_owned(), text)]);
    let run = check(&Request { input, ..Request::default() }).expect("the run is made");
    let shown = run.findings.iter().filter(|f| f.severity >= Severity::Medium);
    shown.map(|f| (f.rule.to_string(), f.confidence == Confidence::Proven)).collect()
}

const DIGEST: &str = "sha256:0b6cf1e97e8a4d21f7cfa3d5a0c11b4412b1a8f70d3c8a71ee0d6a2f0f0c9b7d";

#[test]
fn the_code_or_the_project_tells_attested_workloads_apart() {
    for condition in [
        format!("assertion.swname == 'CONFIDENTIAL_SPACE' && assertion.submods.container.image_digest == '{DIGEST}'"),
        "assertion.swname == 'CONFIDENTIAL_SPACE' && 'loader@grain-data.iam.gserviceaccount.com' in assertion.google_service_accounts".to_owned(),
        "assertion.submods.gce.project_id in ['grain-data', 'grain-test'] && assertion.dbgstat == 'disabled-since-boot' && assertion.secboot == true"
            .to_owned(),
        "assertion.sub.startsWith('https://www.googleapis.com/compute/v1/projects/grain-data/')".to_owned(),
        "assertion.submods.container.image_reference == 'europe-docker.pkg.dev/grain-data/jobs/miller:2'".to_owned(),
    ] {
        assert_eq!(told(&condition), [], "{condition}");
    }
    for condition in ["assertion.swname == 'CONFIDENTIAL_SPACE'", "assertion.dbgstat == 'disabled-since-boot'"] {
        let told = told(condition);
        assert!(told.contains(&("foreign-tenant".to_owned(), true)), "{condition}: {told:?}");
    }
}

#[test]
fn no_project_has_a_dollar_in_its_id() {
    for condition in [
        "assertion.submods.gce.project_id == 'grain-data$'",
        "assertion.submods.gce.project_id == 'Grain_Data' && assertion.swname == 'CONFIDENTIAL_SPACE'",
        "assertion.swname == 'CONFIDENTIAL-SPACE' && assertion.submods.gce.project_id == 'grain-data'",
        "assertion.submods.gce.project_number == 'grain-data'",
    ] {
        assert_eq!(told(condition), [("never-matches".to_owned(), true)], "{condition}");
    }
}

/// Members that the page lists without a value, lists and objects of the workload, are there.
#[test]
fn documented_members_without_a_form_are_no_slips() {
    for condition in [
        "assertion.submods.container.env['MODE'] == 'grind' && assertion.submods.gce.project_id == 'grain-data'",
        "assertion.submods.nvidia_gpu.cc_mode == 'ON' && assertion.submods.gce.project_id == 'grain-data'",
        "'STABLE' in assertion.submods.confidential_space.support_attributes && assertion.submods.gce.project_id == 'grain-data'",
    ] {
        assert_eq!(told(condition), [], "{condition}");
    }
    let slip = "assertion.submods.gce.projectid == 'grain-data' && assertion.swname == 'CONFIDENTIAL_SPACE'";
    assert_eq!(told(slip), [("never-matches".to_owned(), false)]);
}

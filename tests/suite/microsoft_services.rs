//! Microsoft's services in a customer's AWS account and Google project: the set-up that Microsoft describes, and that without its gate
//! (<https://learn.microsoft.com/en-us/azure/sentinel/connect-aws>,
//! <https://learn.microsoft.com/en-us/azure/sentinel/connect-google-cloud-platform>).
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{self, Input, Request};

use fedlint::rules::Finding;

fn check(text: String) -> Vec<Finding> {
    let request = Request { input: Input::Memory(vec![("main.tf".to_owned(), text)]), ..Request::default() };
    pipeline::check(&request).unwrap().findings
}

/// A role for `sts.windows.net/<tenant>/` with this condition beside the audience.
fn role(tenant: &str, more: &str) -> Vec<Finding> {
    check(format!(
        r#"
resource "aws_iam_role" "sentinel" {{
  name = "OIDC_MicrosoftSentinelRole"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/sts.windows.net/{tenant}/" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ {more} }}
    }}]
  }})
}}
"#
    ))
}

const TENANT: &str = "33e01921-4d64-4f8c-a055-5bdaffd5e33d";

fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|f| f.severity).max()
}

#[test]
fn the_session_name_tells_the_customers_apart() {
    let good = |name: &str| {
        format!(
            "StringEquals = {{ \"sts.windows.net/{TENANT}/:aud\" = \"api://1462b192-27f7-4cb9-8523-0f4ecb54b47e\", \"sts:RoleSessionName\" = \"{name}\" }}"
        )
    };
    for name in [
        "MicrosoftSentinel_0f4ecb54-27f7-4cb9-8523-1462b192b47e",
        "MicrosoftDefenderForClouds_73A99466-AD05-4221-9f90-e7142aa2f6c1",
        "MicrosoftSentinel_111122223333",
    ] {
        let found = role(TENANT, &good(name));
        assert!(worst(&found) < Some(Severity::Medium), "{name}: {found:#?}");
    }
    let like =
        format!("StringLike = {{ \"sts.windows.net/{TENANT}/:aud\" = \"api://x\", \"sts:RoleSessionName\" = \"MicrosoftSentinel_*\" }}");
    assert_eq!(worst(&role(TENANT, &like)), Some(Severity::Critical));
    let none = format!("StringEquals = {{ \"sts.windows.net/{TENANT}/:aud\" = \"api://1462b192-27f7-4cb9-8523-0f4ecb54b47e\" }}");
    let found = role(TENANT, &none);
    assert!(found.iter().any(|f| f.severity == Severity::Critical && f.message.contains("sts:RoleSessionName")), "{found:#?}");
    // No service of this name.
    let typo = role(TENANT, &good("MicrosoftSentinel-0f4ecb54-27f7-4cb9-8523-1462b192b47e"));
    assert!(typo.iter().any(|f| f.rule.as_str() == "never-matches"), "{typo:#?}");
}

#[test]
fn a_pool_of_google_needs_no_condition_for_them() {
    let pool = |tenant: &str| {
        format!(
            r#"
resource "google_iam_workload_identity_pool" "pool" {{
  project                   = "acme"
  workload_identity_pool_id = "0123456789abcdef0123456789abcdef"
}}
resource "google_iam_workload_identity_pool_provider" "provider" {{
  project                            = "acme"
  workload_identity_pool_id          = google_iam_workload_identity_pool.pool.workload_identity_pool_id
  workload_identity_pool_provider_id = "sentinel-identity-provider"
  attribute_mapping                  = {{ "google.subject" = "assertion.sub" }}
  oidc {{
    allowed_audiences = ["api://2041288c-b303-4ca0-9076-9612db3beeb2"]
    issuer_uri        = "https://sts.windows.net/{tenant}"
  }}
}}
resource "google_service_account" "sentinel" {{
  project    = "acme"
  account_id = "sentinel"
}}
resource "google_service_account_iam_binding" "sentinel" {{
  service_account_id = google_service_account.sentinel.name
  role               = "roles/iam.workloadIdentityUser"
  members            = ["principalSet://iam.googleapis.com/projects/1234567/locations/global/workloadIdentityPools/0123456789abcdef0123456789abcdef/*"]
}}
"#
        )
    };
    let found = check(pool(TENANT));
    assert_eq!(worst(&found), Some(Severity::Low), "{found:#?}");
    // Another tenant is somebody's own, and everything in it gets in.
    let other = check(pool("11111111-2222-3333-4444-555555555555"));
    assert!(worst(&other) >= Some(Severity::Medium), "{other:#?}");
}

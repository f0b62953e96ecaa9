//! A member that names its project by the wrong one of its two names is nobody: whoever asks hears the same, and what the binding
//! opens once the name is mended is told with it.

use super::invariants::{Scan, problems_of};
use fedlint::catalogue::Severity;
use fedlint::rules::Finding;

const POOL: &str = r#"
resource "google_iam_workload_identity_pool" "ci" {
  project                   = "kiln-build"
  workload_identity_pool_id = "kiln-ci"
}
resource "google_iam_workload_identity_pool_provider" "forge" {
  project                            = "kiln-build"
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "forge"
  attribute_condition                = "assertion.repository_owner_id == '5120'"
  attribute_mapping = {
    "google.subject"          = "assertion.sub"
    "attribute.repository_id" = "assertion.repository_id"
  }
  oidc { issuer_uri = "https://token.actions.githubusercontent.com" }
}
resource "google_service_account" "glazer" {
  project    = "kiln-build"
  account_id = "glazer"
}
"#;

fn scan(binding: &str) -> Scan {
    Scan::of("names", vec![("main.tf".to_owned(), format!("{POOL}{binding}"))])
}

fn bound(members: &str) -> String {
    format!(
        "resource \"google_service_account_iam_binding\" \"glazer\" {{\n  service_account_id = google_service_account.glazer.name\n  \
         role = \"roles/iam.workloadIdentityUser\"\n  members = [{members}]\n}}\n"
    )
}

fn member(project: &str, selector: &str) -> String {
    format!("\"principalSet://iam.googleapis.com/projects/{project}/locations/global/workloadIdentityPools/kiln-ci/{selector}\"")
}

/// Rules at medium and above, and what each says of the time after it is mended.
fn told(scan: &Scan) -> Vec<(String, Option<String>)> {
    assert_eq!(problems_of(scan), Vec::<String>::new());
    let after = |f: &Finding| f.related.iter().find_map(|r| r.message.strip_prefix("mended, this is ").map(str::to_owned));
    let found = scan.run.findings.iter().filter(|f| f.severity >= Severity::Medium);
    found.map(|f| (f.rule.to_string(), after(f).map(|m| m.split(':').next().unwrap_or_default().to_owned()))).collect()
}

fn one(rule: &str, after: Option<&str>) -> (String, Option<String>) {
    (rule.to_owned(), after.map(str::to_owned))
}

#[test]
fn a_binding_that_nobody_can_use_is_not_open_too() {
    let by_id = member("kiln-build", "attribute.repository_id/90210");
    assert_eq!(told(&scan(&bound(&by_id))), [one("project-id-in-principal", Some("`any-ref`"))]);
    let whole = member("kiln-build", "*");
    assert_eq!(told(&scan(&bound(&whole))), [one("project-id-in-principal", Some("`whole-pool-principal`"))]);
    let pinned = member("kiln-build", "subject/repo:pots/kiln:ref:refs/heads/main").replace("principalSet", "principal");
    assert_eq!(told(&scan(&bound(&pinned))), [one("project-id-in-principal", None)]);
}

#[test]
fn the_member_beside_it_is_judged_for_itself() {
    let both = format!("{}, {}", member("kiln-build", "attribute.repository_id/90210"), member("481516", "attribute.repository_id/90211"));
    let mut found = told(&scan(&bound(&both)));
    found.sort();
    assert_eq!(found, [one("any-ref", None), one("project-id-in-principal", Some("`any-ref`"))]);
}

/// A value that other resources take as their project's id is likely one, and may be a number.
#[test]
fn what_is_only_likely_an_id_may_be_open() {
    let variable = "variable \"tenant\" { type = string }\nresource \"google_service_account\" \"other\" {\n  project = var.tenant\n  account_id = \"other\"\n}\n";
    let binding = format!("{variable}{}", bound(&member("${var.tenant}", "attribute.repository_id/90210")));
    let mut found = told(&scan(&binding));
    found.sort();
    assert_eq!(found, [one("any-ref", None), one("project-id-in-principal", None)]);
}

/// Advice is written as the file is.
#[test]
fn advice_speaks_the_language_of_the_file() {
    let script = "gcloud iam workload-identity-pools providers create-oidc forge --project=kiln-build --location=global \
                  --workload-identity-pool=kiln-ci --issuer-uri=https://token.actions.githubusercontent.com \
                  --attribute-mapping=google.subject=assertion.sub,attribute.repository_id=assertion.repository_id\n\
                  gcloud iam service-accounts add-iam-policy-binding glazer@kiln-build.iam.gserviceaccount.com \
                  --role=roles/iam.workloadIdentityUser \
                  --member=principalSet://iam.googleapis.com/projects/kiln-build/locations/global/workloadIdentityPools/kiln-ci/attribute.repository_id/90210\n";
    let helps = |name: &str, text: &str| {
        let scan = Scan::of("advice", vec![(name.to_owned(), text.to_owned())]);
        scan.run.findings.iter().filter_map(|f| f.help.clone()).collect::<Vec<_>>().join("\n")
    };
    let workflow = format!(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n{}",
        script.lines().map(|l| format!("          {l}\n")).collect::<String>()
    );
    for (name, text) in [("setup.sh", script), (".github/workflows/setup.yml", workflow.as_str())] {
        let all = helps(name, text);
        assert!(all.contains("`--attribute-condition=\"assertion.") && all.contains("gcloud projects describe"), "{name}: {all}");
        assert!(!all.contains("attribute_condition"), "{name}: {all}");
    }
    let manifest = "apiVersion: iam.cnrm.cloud.google.com/v1beta1\nkind: IAMWorkloadIdentityPoolProvider\nmetadata: { name: forge }\nspec:\n  \
                    location: global\n  projectRef: { external: kiln-build }\n  workloadIdentityPoolRef: { name: kiln-ci }\n  \
                    attributeMapping: { google.subject: assertion.sub }\n  oidc: { issuerUri: \"https://token.actions.githubusercontent.com\" }\n";
    let all = helps("provider.yaml", manifest);
    assert!(all.contains("`attributeCondition: \"assertion."), "{all}");
}

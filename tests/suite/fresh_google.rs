//! What repositories with Google's federation write, in scripts and in Terraform: places, words and unknowns.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;
use fedlint::rules::Finding;

fn run(files: &[(&str, &str)]) -> Run {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

fn serious(run: &Run) -> Vec<&Finding> {
    run.findings.iter().filter(|f| f.severity >= Severity::Medium).collect()
}

fn told(files: &[(&str, &str)]) -> Vec<String> {
    let run = run(files);
    let place = |f: &&Finding| {
        let (path, at) = run.sources.locate(f.span).unwrap();
        format!("{} {path}:{}", f.rule, at.line)
    };
    serious(&run).iter().map(place).collect()
}

fn module(condition: &str, member: &str) -> String {
    format!(
        r#"variable "owner" {{ type = string }}
variable "repository" {{ type = string }}
resource "google_iam_workload_identity_pool" "forge" {{
  project                   = "mill-data"
  workload_identity_pool_id = "forge-pool"
}}
resource "google_iam_workload_identity_pool_provider" "forge" {{
  project                            = "mill-data"
  workload_identity_pool_id          = google_iam_workload_identity_pool.forge.workload_identity_pool_id
  workload_identity_pool_provider_id = "forge-hub"
  attribute_condition                = "{condition}"
  attribute_mapping = {{
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }}
  oidc {{ issuer_uri = "https://token.actions.githubusercontent.com" }}
}}
resource "google_service_account_iam_member" "kiln" {{
  service_account_id = "projects/mill-data/serviceAccounts/kiln@mill-data.iam.gserviceaccount.com"
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.forge.name}}/{member}"
}}
"#
    )
}

/// Two unknowns of one project: the owner, and the whole name.
#[test]
fn an_owner_and_a_full_name_fit_together() {
    for condition in [
        "assertion.repository_owner == '${var.owner}'",
        "assertion.repository_owner == '${var.owner}' && assertion.repository == '${var.repository}'",
        "assertion.repository == '${var.repository}'",
    ] {
        let text = module(condition, "attribute.repository/${var.repository}");
        assert_eq!(told(&[("main.tf", &text)]), ["any-ref main.tf:21"], "{condition}");
    }
    let pinned = module(
        "assertion.repository_owner == '${var.owner}' && assertion.sub == 'repo:${var.repository}:ref:refs/heads/main'",
        "attribute.repository/${var.repository}",
    );
    assert_eq!(told(&[("main.tf", &pinned)]), [""; 0]);
}

/// A part of the name is enough wherever the value is from: the condition is the place, once for all values.
#[test]
fn the_method_is_the_mistake_where_a_part_is_enough() {
    for method in ["contains", "endsWith"] {
        let text = module(&format!("assertion.repository.{method}('${{var.repository}}')"), "attribute.repository/potters/kiln");
        let all = [
            ("main.tf", text.as_str()),
            ("envs/dev/dev.tfvars", "repository = \"potters/kiln\"\n"),
            ("envs/qa/qa.tfvars", "owner = \"potters\"\n"),
        ];
        let told = told(&all);
        let strangers: Vec<_> = told.iter().filter(|t| !t.starts_with("any-ref")).collect();
        assert_eq!(strangers, ["foreign-tenant main.tf:11"], "{method}");
    }
}

/// A workflow that is copied and filled in names no provider yet.
#[test]
fn a_template_of_a_login_is_no_mistake() {
    let workflow = |provider: &str| {
        format!(
            "on: push\npermissions: {{id-token: write, contents: read}}\nenv:\n  PROVIDER: '{provider}'\njobs:\n  build:\n    runs-on: ubuntu-latest\n    steps:\n      \
             - uses: google-github-actions/auth@v2\n        with:\n          workload_identity_provider: ${{{{ env.PROVIDER }}}}\n"
        )
    };
    for provider in ["REPLACE_PROVIDER", "<PROVIDER>", "__PROVIDER__"] {
        assert_eq!(told(&[(".github/workflows/build.yml", &workflow(provider))]), [""; 0], "{provider}");
    }
    assert_eq!(told(&[(".github/workflows/build.yml", &workflow("forge-pool"))]), ["malformed-principal .github/workflows/build.yml:4"]);
}

/// Advice and words are those of a script.
#[test]
fn a_script_has_no_resources_and_no_state() {
    let script = "gcloud projects add-iam-policy-binding mill-data --role=roles/iam.serviceAccountUser --member=serviceAccount:kiln@mill-data.iam.gserviceaccount.com\n\
                  gcloud iam service-accounts keys create key.json --iam-account=kiln@mill-data.iam.gserviceaccount.com\n";
    let of = run(&[("setup.sh", script)]);
    let all = serious(&of);
    assert_eq!(all.len(), 2);
    for finding in all {
        let words = format!("{} {}", finding.message, finding.help.clone().unwrap_or_default());
        assert!(!words.contains("google_service_account_iam_member") && !words.contains("the state"), "{words}");
    }
    let terraform = "resource \"google_service_account_key\" \"k\" {\n  service_account_id = \"kiln\"\n}\n";
    assert!(serious(&run(&[("main.tf", terraform)]))[0].message.contains("the state"));
}

const ACCOUNT: &str = r#"resource "google_service_account" "kiln" {
  project    = "mill-data"
  account_id = "kiln"
}
resource "google_service_account_iam_member" "kiln" {
  service_account_id = google_service_account.kiln.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:mill-data.svc.id.goog[pottery/kiln]"
}
"#;

/// A ServiceAccount that pods of the scan run as is made somewhere; one that nothing is like is likely made elsewhere.
#[test]
fn a_service_account_that_the_manifests_do_not_make() {
    let account = |name: &str| format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: pottery}}\n");
    let pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: pottery}\nspec: {serviceAccountName: kiln, containers: [{name: a, image: a}]}\n";
    let told = |files: &[(&str, &str)]| {
        let run = run(files);
        run.findings.iter().filter(|f| f.rule.as_str() == "one-sided-binding").map(|f| f.severity).collect::<Vec<_>>()
    };
    assert_eq!(told(&[("main.tf", ACCOUNT), ("k.yaml", &account("wheel"))]), [Severity::Low]);
    assert_eq!(told(&[("main.tf", ACCOUNT), ("k.yaml", &account("kiln-sa"))]), [Severity::Medium]);
    assert_eq!(told(&[("main.tf", ACCOUNT), ("k.yaml", &account("wheel")), ("p.yaml", pods)]), []);
    assert_eq!(told(&[("main.tf", ACCOUNT), ("k.yaml", &account("kiln"))]), [Severity::Medium]);
}

/// The issuer of one tenant says the tenant already.
#[test]
fn a_tenant_of_its_own_issuer_needs_no_test() {
    let text = module("true", "*").replace(
        "https://token.actions.githubusercontent.com",
        "https://login.microsoftonline.com/66666666-0000-4000-8000-000000000009/v2.0",
    );
    let text: String = text.lines().filter(|l| !l.contains("attribute_condition")).map(|l| format!("{l}\n")).collect();
    let of = run(&[("main.tf", &text)]);
    let found = of.findings.iter().find(|f| f.rule.as_str() == "missing-attribute-condition").unwrap();
    assert!(!found.help.clone().unwrap_or_default().contains("of the tenant"), "{:?}", found.help);
}

/// `abspath` of a relative path begins with the folder that Terraform runs in, and files are looked up from there.
#[test]
fn a_file_by_its_absolute_path_is_read() {
    let catalogue = r#"{"kiln": {"repository": "potters/kiln", "pool": "kiln-pool"}}"#;
    for path in ["${abspath(\"${path.module}/..\")}/catalogue.json", "${abspath(path.module)}/../catalogue.json", "../catalogue.json"] {
        let text = module("assertion.repository_owner == 'potters'", "attribute.repository/${local.all.kiln.repository}")
            + &format!("locals {{\n  all = jsondecode(file(\"{path}\"))\n}}\n");
        let of = run(&[("terraform/root/main.tf", &text), ("terraform/catalogue.json", catalogue)]);
        let found = of.findings.iter().find(|f| f.rule.as_str() == "any-ref").unwrap();
        let subject = found.witness.as_ref().unwrap().string("sub").unwrap();
        assert!(subject.starts_with("repo:potters/kiln:"), "{path}: {subject}");
    }
}

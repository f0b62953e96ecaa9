//! Variables that are empty: what is given later is not known, what a caller leaves out is empty.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

fn rules(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| format!("{} {}", f.rule, f.confidence.as_str())).collect()
}

fn role(subject: &str) -> String {
    format!(
        r#"
resource "aws_iam_role" "kiln" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }}
        StringLike   = {{ "token.actions.githubusercontent.com:sub" = "{subject}" }}
      }}
    }}]
  }})
}}
"#
    )
}

fn variables(names: &[&str]) -> String {
    names.iter().map(|name| format!("variable \"{name}\" {{\n  type    = string\n  default = \"\"\n}}\n")).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn an_empty_default_is_a_value_to_be_given() {
    for (names, subject, expected) in [
        (&["studio", "oven"][..], "repo:${var.studio}/${var.oven}:ref:refs/heads/main", ""),
        (&["oven"], "repo:${var.oven}:environment:glaze", ""),
        (&["oven"], "repo:${var.oven}:*", "any-ref"),
        (&["studio"], "repo:${var.studio}/*", "organization-wide"),
        (&["branch"], "repo:potters/kiln:ref:refs/heads/${var.branch}", ""),
        // Something optional behind a name is no part of its own.
        (&["suffix"], "repo:potters/kiln${var.suffix}:ref:refs/heads/main", ""),
    ] {
        let found = rules(&[("main.tf", &(variables(names) + &role(subject)))]);
        let found: Vec<&str> = found.iter().filter_map(|f| f.split(' ').next()).collect();
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(found, expected, "{subject}");
    }
}

#[test]
fn a_member_with_an_empty_default_is_one_to_be_given() {
    let text = variables(&["oven"])
        + r#"
resource "google_iam_workload_identity_pool" "kiln" {
  workload_identity_pool_id = "kiln"
}
resource "google_iam_workload_identity_pool_provider" "kiln" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.kiln.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping                  = { "google.subject" = "assertion.sub", "attribute.oven" = "assertion.repository" }
  attribute_condition                = "assertion.repository_owner_id == '5150' && assertion.ref == 'refs/heads/main'"
  oidc { issuer_uri = "https://token.actions.githubusercontent.com" }
}
resource "google_service_account" "kiln" {
  account_id = "kiln"
}
resource "google_service_account_iam_member" "kiln" {
  service_account_id = google_service_account.kiln.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.kiln.name}/attribute.oven/${var.oven}"
}
"#;
    assert_eq!(rules(&[("main.tf", &text)]), ["ref-claim-only proven"], "the condition alone is looked at");
    let written = text.replace("${var.oven}", "");
    assert_eq!(rules(&[("main.tf", &written)]), ["malformed-principal proven"], "nobody is to give this one");
}

#[test]
fn what_a_caller_leaves_out_is_empty() {
    let module = variables(&["oven"]) + &role("repo:potters/${var.oven}:ref:refs/heads/main");
    let found = |call: &str| rules(&[("main.tf", call), ("kiln/main.tf", &module)]);
    let dead = ["never-matches proven"];
    assert_eq!(found("module \"kiln\" {\n  source = \"./kiln\"\n}\n"), dead, "the call says nothing");
    assert_eq!(found("module \"kiln\" {\n  source = \"./kiln\"\n  oven   = \"\"\n}\n"), dead, "the call says so");
    let handed = variables(&["oven"]) + "module \"kiln\" {\n  source = \"./kiln\"\n  oven   = var.oven\n}\n";
    assert_eq!(found(&handed), NONE, "the root's own variable is still to be given");
    assert_eq!(rules(&[("main.tf", &module), ("terraform.tfvars", "oven = \"\"\n")]), NONE, "a form to be filled in");
    assert_eq!(rules(&[("main.tf", &module), ("terraform.tfvars", "oven = \"a b\"\n")]), dead, "a value");
}

#[test]
fn a_mark_for_the_url_of_a_provider_does_not_hide_that_its_role_is_open() {
    let text = r#"
variable "kiln_url" {
  default = "<KILN_URL>"
}
resource "aws_iam_openid_connect_provider" "kiln" {
  url            = var.kiln_url
  client_id_list = ["kiln"]
}
data "aws_iam_policy_document" "kiln" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.kiln.arn]
    }
  }
}
resource "aws_iam_role" "kiln" {
  assume_role_policy = data.aws_iam_policy_document.kiln.json
}
"#;
    assert_eq!(rules(&[("main.tf", text)]), ["missing-subject likely"]);
}

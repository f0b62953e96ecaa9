//! What public repositories showed once more: templates of credentials, modules of bindings, readers, keys of another provider.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

/// Rule, severity, file and line of each finding from a severity on.
fn found(files: &[(&str, &str)], least: Severity) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    let shown = |f: &fedlint::rules::Finding| {
        let (path, at) = run.sources.locate(f.span).unwrap();
        format!("{} {} {path}:{}", f.rule, f.severity.as_str(), at.line)
    };
    run.findings.iter().filter(|f| f.severity >= least).map(shown).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_credential_file_with_variables_of_the_shell_is_a_template() {
    let file = |subject: &str| {
        format!(
            "[{{\n  \"name\": \"kiln\",\n  \"issuer\": \"https://token.actions.githubusercontent.com\",\n  \"subject\": \"{subject}\",\n  \"audiences\": [\"api://AzureADTokenExchange\"]\n}}]\n"
        )
    };
    let rules = |subject: &str| found(&[("credentials.json", &file(subject))], Severity::Medium);
    assert_eq!(rules("repo:${KILN_REPO}:ref:refs/heads/main"), NONE);
    assert_eq!(rules("repo:${studio}/${oven}:environment:glaze"), NONE);
    assert_eq!(rules("repo:${KILN_REPO}:pull_request"), ["pull-request medium credentials.json:4"]);
    assert_eq!(rules("repo:$(kiln):ref:refs/heads/main"), ["never-matches high credentials.json:4"]);
}

fn accounts(member: &str) -> String {
    format!(
        r#"
locals {{
  oven = "glaze-oven"
}}
resource "google_service_account" "glaze" {{
  account_id = local.oven
  project    = "pottery-prod"
}}
resource "kubernetes_service_account" "glaze" {{
  metadata {{
    name      = local.oven
    namespace = "kiln"
    annotations = {{
      "iam.gke.io/gcp-service-account" = google_service_account.glaze.email
    }}
  }}
}}
module "glaze" {{
  source           = "terraform-google-modules/iam/google//modules/service_accounts_iam"
  service_accounts = [google_service_account.glaze.email]
  project          = "pottery-prod"
  bindings = {{
    "roles/iam.workloadIdentityUser" = ["{member}"]
  }}
}}
"#
    )
}

#[test]
fn bindings_of_the_iam_module_are_read() {
    let rules = |member: &str| found(&[("main.tf", &accounts(member))], Severity::Medium);
    assert_eq!(rules("serviceAccount:pottery-prod.svc.id.goog[kiln/glaze-oven]"), NONE);
    // The annotation is what is wrong, not the name that both accounts share.
    let other = rules("serviceAccount:pottery-prod.svc.id.goog[kiln/other-oven]");
    assert!(other.contains(&"one-sided-binding high main.tf:9".to_owned()), "{other:?}");
}

#[test]
fn rights_of_a_whole_project_are_read_from_the_iam_module() {
    let text = r#"
resource "google_service_account" "glaze" {
  account_id = "glaze"
  project    = "pottery-prod"
}
module "project" {
  source   = "terraform-google-modules/iam/google//modules/projects_iam"
  projects = ["pottery-prod"]
  bindings = {
    "roles/iam.serviceAccountTokenCreator" = ["serviceAccount:${google_service_account.glaze.email}"]
    "roles/storage.objectViewer"           = ["serviceAccount:${google_service_account.glaze.email}"]
  }
}
"#;
    let rules: Vec<String> = found(&[("main.tf", text)], Severity::Medium);
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert!(rules.iter().all(|r| r.starts_with("project-wide-impersonation high")), "{rules:?}");
}

fn role(condition: &str, actions: &str) -> String {
    format!(
        r#"
resource "aws_iam_openid_connect_provider" "ci" {{
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}}
resource "aws_iam_role" "plan" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = aws_iam_openid_connect_provider.ci.arn }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{
          {condition}
        }}
      }}
    }}]
  }})
}}
resource "aws_iam_role_policy" "plan" {{
  role = aws_iam_role.plan.id
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = {actions}, Resource = ["arn:aws:s3:::glaze", "*"] }}]
  }})
}}
"#
    )
}

#[test]
fn pull_requests_may_have_an_identity_that_only_reads() {
    let condition = r#""token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:potters/kiln:pull_request""#;
    for (actions, expected) in [
        (r#"["s3:GetObject", "s3:ListBucket", "ec2:Describe*"]"#, "low"),
        (r#"["s3:GetObject", "s3:PutObject"]"#, "medium"),
        (r#"["ssm:GetParameter"]"#, "medium"),
        (r#""s3:*""#, "medium"),
        (r#""*""#, "high"),
        ("var.actions", "medium"),
    ] {
        let text = format!("variable \"actions\" {{}}\n{}", role(condition, actions));
        let rules: Vec<String> =
            found(&[("main.tf", &text)], Severity::Low).into_iter().filter(|r| r.starts_with("pull-request ")).collect();
        assert_eq!(rules.len(), 1, "{actions}: {rules:?}");
        assert!(rules.iter().all(|r| r.starts_with(&format!("pull-request {expected} "))), "{actions}: {rules:?}");
    }
}

#[test]
fn what_a_declared_policy_holds_is_known() {
    let condition = r#""token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:potters/kiln:pull_request""#;
    let text = |actions: &str| {
        role(condition, "\"s3:GetObject\"")
            + &format!(
                "resource \"aws_iam_policy\" \"more\" {{\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = {actions}, Resource = \"*\" }}] }})\n}}\nresource \"aws_iam_role_policy_attachment\" \"more\" {{\n  role       = aws_iam_role.plan.name\n  policy_arn = aws_iam_policy.more.arn\n}}\nvariable \"actions\" {{}}\n"
            )
    };
    let medium = |actions: &str| found(&[("main.tf", &text(actions))], Severity::Medium).len();
    assert_eq!(medium("\"ec2:DescribeInstances\""), 0);
    assert_eq!(medium("\"ec2:RunInstances\""), 1);
    assert_eq!(medium("var.actions"), 1);
}

#[test]
fn a_key_of_another_provider_is_told_at_the_key() {
    for other in ["ci.pottery.example", "aws.workload.identity"] {
        let condition = format!(
            "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n          \"{other}:sub\" = \"repo:potters/kiln\""
        );
        let rules = found(&[("main.tf", &role(&condition, "\"s3:GetObject\""))], Severity::Medium);
        assert_eq!(rules, ["issuer-mismatch high main.tf:16"], "{other}");
    }
    // The client's name is used for the key, too: what is wrong is the key.
    let shared = "locals {\n  client = \"aws.workload.identity\"\n}\n".to_owned()
        + &role("\"${local.client}:sub\" = \"repo:potters/kiln:environment:glaze\"", "\"s3:GetObject\"");
    assert_eq!(found(&[("main.tf", &shared)], Severity::Medium), ["issuer-mismatch high main.tf:18"]);
}

#[test]
fn two_providers_that_read_one_secret_are_one_finding() {
    let text = |second: &str| {
        format!(
            "variable \"secret\" {{}}\nvariable \"other\" {{}}\nprovider \"azuread\" {{\n  client_id     = \"x\"\n  client_secret = var.secret\n}}\nprovider \"azurerm\" {{\n  client_id     = \"x\"\n  client_secret = {second}\n  features {{}}\n}}\n"
        )
    };
    let count = |second: &str| found(&[("main.tf", &text(second))], Severity::Medium).len();
    assert_eq!(count("var.secret"), 1);
    assert_eq!(count("var.other"), 2);
}

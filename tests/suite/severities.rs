//! What moves a rule's severity: two files that differ in one thing, two severities.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

/// The severity of the only finding of a rule.
fn severity(rule: &str, files: &[(&str, &str)]) -> Severity {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let found: Vec<Severity> = run.findings.iter().filter(|f| f.rule.as_str() == rule).map(|f| f.severity).collect();
    assert_eq!(found.len(), 1, "{rule}: {:?}", run.findings.iter().map(|f| (f.rule, &f.message)).collect::<Vec<_>>());
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

fn github_role(attached: &str) -> String {
    format!(
        r#"resource "aws_iam_role" "deploy" {{
  name = "deploy"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }}
        StringLike   = {{ "token.actions.githubusercontent.com:sub" = "repo:octo/app:*" }}
      }}
    }}]
  }})
}}
{attached}"#
    )
}

#[test]
fn any_branch_is_worse_where_the_identity_is_privileged() {
    let with = |attached: &str| severity("any-ref", &[("main.tf", &github_role(attached))]);
    let managed = |name: &str| {
        format!(
            "resource \"aws_iam_role_policy_attachment\" \"a\" {{\n  role = aws_iam_role.deploy.name\n  policy_arn = \"arn:aws:iam::aws:policy/{name}\"\n}}\n"
        )
    };
    let inline = |action: &str, resource: &str| {
        format!(
            "resource \"aws_iam_role_policy\" \"a\" {{\n  role = aws_iam_role.deploy.id\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", \
             Action = \"{action}\", Resource = \"{resource}\" }}] }})\n}}\n"
        )
    };
    assert_eq!(with(""), Severity::Medium);
    assert_eq!(with(&managed("AdministratorAccess")), Severity::High);
    assert_eq!(with(&managed("ReadOnlyAccess")), Severity::Medium);
    assert_eq!(with(&inline("*", "*")), Severity::High);
    assert_eq!(with(&inline("iam:*", "*")), Severity::High);
    assert_eq!(with(&inline("s3:*", "*")), Severity::Medium);
    assert_eq!(with(&inline("iam:*", "arn:aws:iam::111122223333:role/app-*")), Severity::Medium);
    // Whether it is attached is not known.
    let maybe = managed("AdministratorAccess").replace("{\n  role =", "{\n  count = var.admin ? 1 : 0\n  role =");
    assert_eq!(with(&format!("variable \"admin\" {{ type = bool }}\n{maybe}")), Severity::Medium);
}

#[test]
fn any_branch_of_a_project_s_editor_is_worse() {
    let with = |role: &str| {
        let text = format!(
            r#"{BOUND}
resource "google_iam_workload_identity_pool" "ci" {{
  project                   = "bakery-data"
  workload_identity_pool_id = "ci-pool"
}}
resource "google_iam_workload_identity_pool_provider" "github" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.repository_owner_id == '5150'"
  attribute_mapping = {{
    "google.subject"          = "assertion.sub"
    "attribute.repository_id" = "assertion.repository_id"
  }}
  oidc {{
    issuer_uri = "https://token.actions.githubusercontent.com"
  }}
}}
resource "google_project_iam_member" "mailer" {{
  project = "bakery-data"
  role    = "{role}"
  member  = "serviceAccount:${{google_service_account.mailer.email}}"
}}
"#
        );
        severity(
            "any-ref",
            &[(
                "main.tf",
                &text.replace(
                    "projects/481516234299/locations/global/workloadIdentityPools/ci-pool",
                    "${google_iam_workload_identity_pool.ci.name}",
                ),
            )],
        )
    };
    assert_eq!(with("roles/editor"), Severity::High);
    assert_eq!(with("roles/storage.objectViewer"), Severity::Medium);
}

#[test]
fn what_a_module_attaches_counts() {
    let with = |policies: &str| {
        let text = format!(
            "module \"deploy\" {{\n  source   = \"terraform-aws-modules/iam/aws//modules/iam-github-oidc-role\"\n  version  = \"~> 5.0\"\n  \
             subjects = [\"octo/app:*\"]\n  policies = {{ {policies} }}\n}}\n"
        );
        severity("any-ref", &[("main.tf", &text)])
    };
    assert_eq!(with("admin = \"arn:aws:iam::aws:policy/AdministratorAccess\""), Severity::High);
    assert_eq!(with("read = \"arn:aws:iam::aws:policy/ReadOnlyAccess\""), Severity::Medium);
}

/// The severity of `any-ref` for a role that holds what these declarations attach.
fn any_ref_of_aws(attached: &str) -> Severity {
    let trust = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
                "StringLike": {"token.actions.githubusercontent.com:sub": ["repo:bakery/app:*", "repo:bakery@1/app@2:*"]},
            },
        }],
    });
    let role = format!("resource \"aws_iam_role\" \"ci\" {{\n  name = \"ci\"\n  assume_role_policy = <<-JSON\n{trust}\nJSON\n}}\n");
    severity("any-ref", &[("main.tf", &format!("{role}{attached}"))])
}

fn inline(actions: &str, resource: &str) -> String {
    format!(
        "resource \"aws_iam_role_policy\" \"p\" {{\n  role = aws_iam_role.ci.name\n  policy = jsonencode({{ Version = \"2012-10-17\", \
         Statement = [{{ Effect = \"Allow\", Action = {actions}, Resource = {resource} }}] }})\n}}\n"
    )
}

fn attached(arn: &str) -> String {
    format!("resource \"aws_iam_role_policy_attachment\" \"a\" {{\n  role = aws_iam_role.ci.name\n  policy_arn = {arn}\n}}\n")
}

#[test]
fn any_branch_is_worse_where_the_role_can_raise_itself() {
    let privileged = [
        inline("\"IAM:*\"", "\"*\""),
        inline("[\"s3:GetObject\", \"iam:putRolePolicy\"]", "\"*\""),
        inline("\"iam:UpdateAssumeRolePolicy\"", "\"arn:aws:iam::111122223333:role/*\""),
        inline("[\"iam:PassRole\", \"lambda:*\"]", "\"*\""),
        attached("\"arn:aws:iam::aws:policy/PowerUserAccess\""),
        format!("data \"aws_iam_policy\" \"admin\" {{ name = \"AdministratorAccess\" }}\n{}", attached("data.aws_iam_policy.admin.arn")),
    ];
    for declarations in privileged {
        assert_eq!(any_ref_of_aws(&declarations), Severity::High, "{declarations}");
    }
    let plain = [
        inline("\"iam:Get*\"", "\"*\""),
        inline("\"iam:PassRole\"", "\"*\""),
        inline("\"lambda:*\"", "\"*\""),
        inline("\"iam:PutRolePolicy\"", "\"arn:aws:iam::111122223333:role/app\""),
        // A customer's own policy may be called so and allow little.
        attached("\"arn:aws:iam::111122223333:policy/AdministratorAccess\""),
    ];
    for declarations in plain {
        assert_eq!(any_ref_of_aws(&declarations), Severity::Medium, "{declarations}");
    }
}

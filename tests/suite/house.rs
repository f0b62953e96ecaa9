//! Inputs that a review of the whole code found wrong, each with what is right now.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};

/// Rule, severity, path and line of the findings at medium and above.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let memory = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(memory), ..Request::default() }).expect("the run is made");
    let shown = |f: &fedlint::rules::Finding| {
        let (path, at) = run.sources.locate(f.span).expect("a place");
        format!("{} {} {path}:{}", f.rule, f.severity, at.line)
    };
    run.findings.iter().filter(|f| f.severity >= fedlint::catalogue::Severity::Medium).map(shown).collect()
}

const SHARED: &str = r#"
locals {
  # fedlint: ignore[any-ref] only for the reader role
  subject = "repo:octo/app:*"
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [local.subject]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "reader" {
  name               = "reader"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
"#;

#[test]
fn a_comment_at_a_shared_literal_does_not_accept_what_an_administrator_makes_of_it() {
    let admin = r#"
resource "aws_iam_role" "admin" {
  name                = "admin"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
  assume_role_policy  = data.aws_iam_policy_document.trust.json
}
"#;
    assert_eq!(found(&[("main.tf", SHARED)]), [""; 0]);
    assert_eq!(found(&[("main.tf", SHARED), ("admin.tf", admin)]), ["any-ref high main.tf:4"]);
    // beside the role itself it is accepted
    let accepted = admin.replace("resource", "# fedlint: ignore[any-ref] the break-glass role\nresource");
    assert_eq!(found(&[("main.tf", SHARED), ("admin.tf", &accepted)]), [""; 0]);
}

const HOST: &str = "token.actions.githubusercontent.com";

#[test]
fn the_name_of_a_local_does_not_decide_whether_a_scheme_in_a_key_is_fatal() {
    for name in ["url", "issuer", "host"] {
        let text = format!(
            r#"
locals {{
  {name} = "https://{HOST}"
}}
resource "aws_iam_role" "ci" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{HOST}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{ "${{local.{name}}}:sub" = "repo:octo/app:environment:production" }} }}
    }}]
  }})
}}
"#
        );
        assert_eq!(found(&[("main.tf", &text)]), ["issuer-mismatch high main.tf:3"], "{name}");
    }
}

#[test]
fn a_test_that_any_account_can_meet_leaves_the_star_public() {
    let condition = |condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole","Condition":{condition}}}]}}"#
        )
    };
    for open in [
        r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy-*"}}"#,
        r#"{"StringLike":{"sts:ExternalId":"*"}}"#,
        r#"{"StringEquals":{"sts:RoleSessionName":"deploy"}}"#,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        r#"{"StringLike":{"aws:PrincipalArn":"*"}}"#,
    ] {
        assert_eq!(found(&[("trust.json", &condition(open))]), ["public-principal critical trust.json:1"], "{open}");
    }
    let closed = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#;
    assert_eq!(found(&[("trust.json", &condition(closed))]), [""; 0]);
}

#[test]
fn a_disabled_pool_lets_nobody_in() {
    let text = |disabled: &str| {
        format!(
            r#"
resource "google_iam_workload_identity_pool" "ci" {{
  workload_identity_pool_id = "ci-pool"
  {disabled}
}}
resource "google_iam_workload_identity_pool_provider" "gh" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping                  = {{ "google.subject" = "assertion.sub" }}
  oidc {{
    issuer_uri = "https://{HOST}"
  }}
}}
"#
        )
    };
    assert_eq!(found(&[("main.tf", &text("disabled = true"))]), [""; 0]);
    assert!(!found(&[("main.tf", &text(""))]).is_empty());
}

#[test]
fn the_letter_case_of_an_action_does_not_hide_an_administrator() {
    let text = |action: &str| {
        format!(
            r#"
resource "aws_iam_role" "ci" {{
  name = "ci"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{HOST}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringLike   = {{ "{HOST}:sub" = "repo:octo/app:*" }}
        StringEquals = {{ "{HOST}:aud" = "sts.amazonaws.com" }}
      }}
    }}]
  }})
}}
resource "aws_iam_role_policy" "p" {{
  role   = aws_iam_role.ci.name
  policy = jsonencode({{ Version = "2012-10-17", Statement = [{{ Effect = "Allow", Action = "{action}", Resource = "*" }}] }})
}}
"#
        )
    };
    for action in ["iam:*", "IAM:*", "*"] {
        assert_eq!(found(&[("main.tf", &text(action))]), ["any-ref high main.tf:11"], "{action}");
    }
    assert_eq!(found(&[("main.tf", &text("s3:GetObject"))]), ["any-ref medium main.tf:11"]);
}

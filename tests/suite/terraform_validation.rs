//! `validation` blocks through the whole pipeline: what a variable may not be is not held against a trust.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};

/// The rules that a role for GitHub with this subject breaks, when its variable `x` has this validation.
fn rules(subject: &str, validation: Option<&str>) -> Vec<String> {
    let validation = validation
        .map(|condition| format!("  validation {{\n    condition     = {condition}\n    error_message = \"no\"\n  }}\n"))
        .unwrap_or_default();
    let text = format!(
        r#"variable "x" {{
  type = string
{validation}}}
provider "aws" {{}}
resource "aws_iam_openid_connect_provider" "github" {{
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}}
resource "aws_iam_role" "ci" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = {{ Federated = aws_iam_openid_connect_provider.github.arn }}
      Condition = {{
        StringEquals = {{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }}
        StringLike   = {{ "token.actions.githubusercontent.com:sub" = "{subject}" }}
      }}
    }}]
  }})
}}
"#
    );
    let run = check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), text)]), ..Request::default() }).unwrap();
    let mut rules: Vec<String> = run.findings.iter().map(|f| f.rule.to_string()).collect();
    rules.sort();
    rules.dedup();
    rules
}

const MAIN: &str = "repo:${var.x}:ref:refs/heads/main";

fn breaks(subject: &str, validation: Option<&str>, rule: &str) -> bool {
    rules(subject, validation).iter().any(|r| r == rule)
}

#[test]
fn a_value_that_is_forbidden_brings_no_trust_to_life() {
    // without a slash the variable names no repository
    assert!(breaks(MAIN, Some(r#"can(regex("^[a-z]+$", var.x))"#), "never-matches"));
    assert!(!breaks(MAIN, None, "never-matches"));
    assert!(!breaks(MAIN, Some(r#"can(regex("^[a-z]+/[a-z]+$", var.x))"#), "never-matches"));
}

#[test]
fn a_pattern_that_is_allowed_is_one_that_may_be_given() {
    let subject = "repo:acme/app:${var.x}";
    assert!(breaks(subject, Some(r#"contains(["ref:refs/heads/main", "*"], var.x)"#), "any-ref"));
    assert!(!breaks(subject, Some(r#"contains(["ref:refs/heads/main", "environment:prod"], var.x)"#), "any-ref"));
    assert!(!breaks(subject, None, "any-ref"));
}

#[test]
fn what_every_allowed_value_opens_is_open() {
    let subject = "repo:${var.x}*";
    assert!(breaks(subject, Some(r#"contains(["acme", "octo"], var.x)"#), "tenant-prefix"));
    let repositories = Some(r#"contains(["acme/app:", "acme/lib:"], var.x)"#);
    assert!(breaks(subject, repositories, "any-ref") && !breaks(subject, repositories, "tenant-prefix"));
    // Of the values that may be given the worst counts: one of these names a repository whole, the other opens it to tenants.
    assert!(breaks(subject, Some(r#"contains(["acme", "octo/app:ref:refs/heads/main"], var.x)"#), "tenant-prefix"));
    assert!(!breaks(subject, Some(r#"contains(["octo/app:", "octo/app:ref:refs/heads/main"], var.x)"#), "tenant-prefix"));
}

/// The same unknown, of which a module knows more than the root that passes it on.
#[test]
fn what_a_module_demands_is_no_knowledge_of_its_caller() {
    let role = |name: &str| {
        format!(
            r#"
variable "o" {{ type = string }}
resource "aws_iam_role" "{name}" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:acme/app:${{var.o}}:main"
      }} }}
    }}]
  }})
}}
"#
        )
    };
    let demanding = role("inner").replace(
        "{ type = string }",
        "{\n  type = string\n  validation {\n    condition = contains([\"x:y\", \"z:w\"], var.o)\n    error_message = \"no\"\n  }\n}",
    );
    let main = format!("{}module \"m\" {{\n  source = \"./m\"\n  o = var.o\n}}\n", role("outer"));
    let files = vec![("main.tf".to_owned(), main), ("m/main.tf".to_owned(), demanding)];
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let dead: Vec<_> = run.findings.iter().filter(|f| f.rule.as_str() == "never-matches").filter_map(|f| f.identity.as_deref()).collect();
    assert_eq!(dead, ["module.m.aws_iam_role.inner"]);
}

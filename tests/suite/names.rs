//! What somebody calls a local, a variable or an argument decides nothing.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};

/// A condition key begins with a scheme that no key of AWS has.
fn mismatched(files: &[(&str, &str)]) -> bool {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    run.findings.iter().any(|f| f.rule.as_str() == "issuer-mismatch")
}

fn role(issuer: &str) -> String {
    format!(
        r#"resource "aws_iam_role" "deploy" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = {{ Federated = "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com" }}
      Condition = {{
        StringEquals = {{
          "${{{issuer}}}:aud" = "sts.amazonaws.com"
          "${{{issuer}}}:sub" = "repo:millpond/ledger:environment:live"
        }}
      }}
    }}]
  }})
}}
"#
    )
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";

#[test]
fn a_scheme_in_a_condition_key_is_found_whatever_its_local_is_called() {
    for name in ["url", "issuer", "host", "provider_url"] {
        let text = format!("locals {{\n  {name} = \"{GITHUB}\"\n}}\n{}", role(&format!("local.{name}")));
        assert!(mismatched(&[("main.tf", &text)]), "local `{name}`");
    }
}

#[test]
fn nor_does_the_name_of_an_argument_or_of_a_default() {
    for name in ["url", "host"] {
        let variable = format!("variable \"{name}\" {{}}\n{}", role(&format!("var.{name}")));
        let call = format!("module \"url\" {{\n  source = \"./ci\"\n  {name} = \"{GITHUB}\"\n}}\n");
        assert!(mismatched(&[("main.tf", &call), ("ci/main.tf", &variable)]), "argument `{name}`");
        let default = format!("variable \"{name}\" {{\n  default = \"{GITHUB}\"\n}}\n{}", role(&format!("var.{name}")));
        assert!(mismatched(&[("main.tf", &default)]), "default of `{name}`");
    }
}

/// IAM keeps a provider's URL without its scheme, and so does the state.
#[test]
fn the_url_of_a_provider_comes_without_its_scheme_through_any_name() {
    let provider = format!(
        "resource \"aws_iam_openid_connect_provider\" \"gh\" {{\n  url            = \"{GITHUB}\"\n  client_id_list = [\"sts.amazonaws.com\"]\n}}\n"
    );
    let direct = format!("{provider}{}", role("aws_iam_openid_connect_provider.gh.url"));
    assert!(!mismatched(&[("main.tf", &direct)]));
    let local = format!("{provider}locals {{\n  host = aws_iam_openid_connect_provider.gh.url\n}}\n{}", role("local.host"));
    assert!(!mismatched(&[("main.tf", &local)]));
    // The same through the output of a public module that fedlint knows.
    let module = format!(
        "module \"gh\" {{\n  source  = \"terraform-aws-modules/iam/aws//modules/iam-oidc-provider\"\n  version = \"6.2.1\"\n  url     = \"{GITHUB}\"\n}}\n{}",
        role("module.gh.url")
    );
    assert!(!mismatched(&[("main.tf", &module)]));
}

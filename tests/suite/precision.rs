//! Correct configurations that were once reported, each in small: they stay silent.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

/// The rules of the findings at `least` or above.
fn found(files: &[(&str, &str)], least: Severity) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    run.findings.iter().filter(|f| f.severity >= least).map(|f| f.rule.to_string()).collect()
}

/// An unknown switch gives the issuer or nothing: what only the impossible mixtures break is no defect.
#[test]
fn a_broken_alternative_is_no_broken_role() {
    let text = r#"
variable "on" { type = bool }
locals {
  host = var.on ? "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF" : ""
}
resource "aws_iam_role" "worker" {
  name = "worker"
  assume_role_policy = data.aws_iam_policy_document.worker.json
}
data "aws_iam_policy_document" "worker" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::111122223333:oidc-provider/${local.host}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:sub"
      values   = ["system:serviceaccount:shop:worker"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}
"#;
    assert_eq!(found(&[("main.tf", text)], Severity::Medium), Vec::<String>::new());
}

/// A SAML provider that is only a reference mints no web identity tokens.
#[test]
fn a_saml_statement_is_not_judged_as_web_identity() {
    let text = r#"
resource "aws_iam_saml_provider" "staff" {
  name                   = "staff"
  saml_metadata_document = "x"
}
resource "aws_iam_role" "people" {
  name = "people"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
      Principal = { Federated = aws_iam_saml_provider.staff.id }
      Condition = { StringEquals = { "SAML:aud" = "https://signin.aws.amazon.com/saml" } }
    }]
  })
}
# sts:AssumeRoleWithWebIdentity
"#;
    assert_eq!(found(&[("main.tf", text)], Severity::Medium), Vec::<String>::new());
}

/// A Google subject is the number of one account, wherever it lives.
#[test]
fn one_google_subject_is_not_a_whole_tenant() {
    let text = r#"
resource "aws_iam_role" "mirror" {
  name = "mirror"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "accounts.google.com" }
      Condition = { StringEquals = { "accounts.google.com:sub" = "100000000000000000001" } }
    }]
  })
}
"#;
    assert!(!found(&[("main.tf", text)], Severity::Low).iter().any(|r| r == "organization-wide"));
}

/// The text of a `templatefile` is judged where it is filled in, not as it lies there.
#[test]
fn an_unfilled_template_is_no_policy() {
    let template = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "${provider_arn}"},
  "Condition": {"StringEquals": {"${host}:aud": "sts.amazonaws.com", "${host}:sub": "repo:shop/api:ref:refs/heads/main"}}}]}"#;
    let files = [("templates/trust.json", template)];
    assert_eq!(found(&files, Severity::Medium), Vec::<String>::new());
}

/// The key of an unknown provider counts as its audience key.
#[test]
fn the_audience_of_an_unknown_provider_is_tested() {
    let text = r#"
variable "provider_arn" { type = string }
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.provider_arn }
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:shop/api:environment:production"
      } }
    }]
  })
}
"#;
    assert!(!found(&[("main.tf", text)], Severity::Low).iter().any(|r| r == "missing-audience"));
}

/// An AWS provider names its account: nobody else's roles come in.
#[test]
fn an_aws_provider_is_not_open_to_everybody() {
    let text = r#"
variable "account" { type = string }
resource "google_iam_workload_identity_pool" "aws" {
  workload_identity_pool_id = "aws-pool"
}
resource "google_iam_workload_identity_pool_provider" "aws" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.aws.workload_identity_pool_id
  workload_identity_pool_provider_id = "aws-account"
  aws {
    account_id = var.account
  }
}
"#;
    assert_eq!(found(&[("main.tf", text)], Severity::High), Vec::<String>::new());
}

/// What a test or an example of a module passes for an issuer is a word, and one word is one finding.
#[test]
fn a_word_in_place_of_an_issuer_is_told_once_and_low() {
    let module = r#"
variable "oidc_issuer_url" { type = string }
resource "azurerm_user_assigned_identity" "i" {
  for_each            = toset(["dns", "certs", "metrics"])
  name                = each.key
  resource_group_name = "g"
  location            = "westeurope"
}
resource "azurerm_federated_identity_credential" "dns" {
  name                = "dns"
  resource_group_name = "g"
  parent_id           = azurerm_user_assigned_identity.i["dns"].id
  audience            = ["api://AzureADTokenExchange"]
  issuer              = var.oidc_issuer_url
  subject             = "system:serviceaccount:dns:dns"
}
resource "azurerm_federated_identity_credential" "certs" {
  name                = "certs"
  resource_group_name = "g"
  parent_id           = azurerm_user_assigned_identity.i["certs"].id
  audience            = ["api://AzureADTokenExchange"]
  issuer              = var.oidc_issuer_url
  subject             = "system:serviceaccount:certs:certs"
}
"#;
    let root = |issuer: &str| format!("module \"aks\" {{\n  source          = \"../modules/aks\"\n  oidc_issuer_url = \"{issuer}\"\n}}\n");
    let run = |issuer: &str, least| found(&[("modules/aks/main.tf", module), ("validation/main.tf", &root(issuer))], least);
    assert_eq!(run("url", Severity::Medium), Vec::<String>::new());
    assert_eq!(run("url", Severity::Low), ["issuer-mismatch"]);
    // a URL without its scheme is meant
    assert_eq!(run("oidc.acme.example/aks", Severity::Medium), ["issuer-mismatch"]);
}

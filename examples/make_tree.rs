//! Writes a tree of Terraform files to measure with: every root has a local module call, a role with its policy
//! document, an Azure credential and files that are not about trust.
//!
//! `cargo run --release --example make_tree -- FOLDER [FILES]`; 10,000 files when no number is given.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

/// Files of one root.
const PER_ROOT: usize = 5;

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (Some(folder), wanted) = (arguments.first().map(PathBuf::from), arguments.get(1).map_or(Ok(10_000), |n| n.parse::<usize>())) else {
        eprintln!("usage: make_tree FOLDER [FILES]");
        return Ok(ExitCode::FAILURE);
    };
    let Ok(wanted) = wanted else {
        eprintln!("the number of files must be a number");
        return Ok(ExitCode::FAILURE);
    };
    fs::create_dir_all(folder.join("modules/role"))?;
    fs::write(folder.join("modules/role/main.tf"), MODULE)?;
    for i in 0..wanted.saturating_sub(1) / PER_ROOT {
        let root = folder.join(format!("team-{}/service-{i}", i % 50));
        fs::create_dir_all(&root)?;
        for (name, text) in root_files(i) {
            fs::write(root.join(name), text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

const MODULE: &str = r#"
variable "name" {
  type = string
}
variable "subjects" {
  type = list(string)
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = var.subjects
    }
  }
}
resource "aws_iam_role" "this" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
"#;

fn root_files(i: usize) -> [(&'static str, String); PER_ROOT] {
    let main = format!(
        r#"
module "role" {{
  source   = "../../modules/role"
  name     = "deploy-{i}"
  subjects = [for b in local.branches : "repo:acme/service-{i}:ref:refs/heads/${{b}}"]
}}
resource "azurerm_federated_identity_credential" "deploy" {{
  name      = "deploy-{i}"
  parent_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i{i}"
  audience  = ["api://AzureADTokenExchange"]
  issuer    = "https://token.actions.githubusercontent.com"
  subject   = "repo:acme/service-{i}:ref:refs/heads/${{local.branches[0]}}"
}}
"#
    );
    let network: String = (0..40)
        .map(|n| format!("resource \"aws_subnet\" \"s{n}\" {{\n  vpc_id     = aws_vpc.main.id\n  cidr_block = cidrsubnet(\"10.0.0.0/16\", 8, {n})\n}}\n"))
        .collect();
    [
        ("main.tf", main),
        ("locals.tf", "locals {\n  branches = [\"main\", \"release\"]\n}\n".to_owned()),
        ("network.tf", format!("resource \"aws_vpc\" \"main\" {{\n  cidr_block = \"10.0.0.0/16\"\n}}\n{network}")),
        ("outputs.tf", "output \"vpc\" {\n  value = aws_vpc.main.id\n}\n".to_owned()),
        ("versions.tf", "terraform {\n  required_version = \">= 1.5\"\n}\nprovider \"aws\" {\n  region = \"eu-west-1\"\n}\n".to_owned()),
    ]
}

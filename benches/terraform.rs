//! Parsing and evaluating Terraform: bytes and trust sites a second on a generated tree.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use divan::counter::{BytesCount, ItemsCount};
use fedlint::pipeline::{Input, Request, read};
use fedlint::source::Sources;
use fedlint::syntax::hcl;

/// Roots of the tree; each has one role, one policy document and one Azure credential.
const ROOTS: usize = 200;

fn main() {
    divan::main();
}

fn root(i: usize) -> String {
    format!(
        r#"
variable "owner" {{
  type    = string
  default = "shop"
}}
locals {{
  host     = "token.actions.githubusercontent.com"
  subjects = [for b in ["main", "release"] : "repo:${{var.owner}}/service-{i}:ref:refs/heads/${{b}}"]
}}
resource "aws_iam_role" "deploy" {{
  name               = "deploy-{i}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}}
data "aws_iam_policy_document" "trust" {{
  statement {{
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {{
      type        = "Federated"
      identifiers = [format("arn:aws:iam::%s:oidc-provider/%s", "111122223333", local.host)]
    }}
    condition {{
      test     = "StringEquals"
      variable = "${{local.host}}:aud"
      values   = ["sts.amazonaws.com"]
    }}
    condition {{
      test     = "StringLike"
      variable = "${{local.host}}:sub"
      values   = local.subjects
    }}
  }}
}}
resource "azurerm_federated_identity_credential" "deploy" {{
  name      = "deploy-{i}"
  parent_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i{i}"
  audience  = ["api://AzureADTokenExchange"]
  issuer    = "https://${{local.host}}"
  subject   = local.subjects[0]
}}
"#
    )
}

fn tree() -> Vec<(String, String)> {
    (0..ROOTS).map(|i| (format!("root-{i}/main.tf"), root(i))).collect()
}

#[divan::bench]
fn parse(bencher: divan::Bencher<'_, '_>) {
    let sources = Sources::new();
    let files: Vec<_> = tree().into_iter().map(|(path, text)| sources.add(path, text)).collect();
    let bytes: usize = files.iter().map(|f| f.text.len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| files.iter().map(|f| hcl::parse(f)).collect::<Vec<_>>());
}

#[divan::bench]
fn trust_sites(bencher: divan::Bencher<'_, '_>) {
    let request = Request { input: Input::Memory(tree()), ..Request::default() };
    let sites = read(&request).map_or(0, |world| world.graph.trusts.len());
    assert_eq!(sites, 2 * ROOTS, "each root has two trusts");
    bencher.counter(ItemsCount::new(sites)).bench(|| read(&request).map(|world| world.graph.trusts.len()));
}

# Roles for GitHub Actions, one for each repository and claim (gh_oidc_role). There is no condition on the audience.
variable "roles" {}
variable "org_name" { default = "cds-snc" }
variable "oidc_exists" { default = true }
variable "assume_policy" { default = "{}" }

data "aws_caller_identity" "current" {}

locals {
  by_name = { for r in var.roles : r.name => r }
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.oidc_exists ? 0 : 1
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each                = local.by_name
  source_policy_documents = [var.assume_policy]
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/token.actions.githubusercontent.com"]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${var.org_name}/${each.value.repo_name}:${each.value.claim}"]
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = local.by_name
  name               = each.value.name
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

output "roles" { value = aws_iam_role.this }

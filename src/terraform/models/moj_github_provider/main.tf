# GitHub's provider and a role (modernisation-platform-github-oidc-provider, from version 2).
variable "github_repositories" {}
variable "role_name" { default = "github-actions" }
variable "create_github_oidc_provider" { default = true }
variable "additional_managed_policies" { default = [] }

data "aws_caller_identity" "current" {}

locals {
  arn = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/token.actions.githubusercontent.com"
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = var.create_github_oidc_provider ? 1 : 0
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [local.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [for repository in var.github_repositories : "repo:${repository}"]
    }
  }
}

resource "aws_iam_role" "github" {
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# What the role may do decides how bad a loose gate is.
resource "aws_iam_role_policy_attachment" "given" {
  for_each   = toset(var.additional_managed_policies)
  role       = aws_iam_role.github.name
  policy_arn = each.value
}

output "github_actions_provider" { value = local.arn }
output "github_actions_role" { value = aws_iam_role.github.arn }
output "github_actions_role_trust_policy" { value = data.aws_iam_policy_document.trust.json }

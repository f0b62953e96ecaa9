# A role for one GitHub repository (github-oidc). Conditions with the same operator and key are put together.
variable "repo" { default = null }
variable "openid_connect_provider_arn" {}
variable "github_oidc_issuer" { default = "token.actions.githubusercontent.com" }
variable "repo_mainline_branch" { default = "main" }
variable "default_conditions" { default = ["allow_main", "deny_pull_request"] }
variable "github_environments" { default = ["*"] }
variable "conditions" { default = [] }
variable "account_ids" { default = [] }
variable "custom_principal_arns" { default = [] }
variable "role_name" { default = null }
variable "role_path" { default = "/github-actions/" }
variable "role_max_session_duration" { default = null }

locals {
  sub          = "${var.github_oidc_issuer}:sub"
  named        = length(var.github_environments) > 0 && var.repo != null
  environments = local.named ? [for e in var.github_environments : "repo:${var.repo}:environment:${e}"] : ["ensurethereisnotmatch"]
  offered = {
    allow_main        = { test = "StringLike", values = ["repo:${var.repo}:ref:refs/heads/${var.repo_mainline_branch}"] }
    allow_environment = { test = "StringLike", values = local.environments }
    allow_all         = { test = "StringLike", values = ["repo:${var.repo}:*"] }
    deny_pull_request = { test = "StringNotLike", values = ["repo:${var.repo}:pull_request"] }
  }
  chosen   = [for c in var.default_conditions : { test = local.offered[c].test, variable = local.sub, values = local.offered[c].values }]
  all      = concat(local.chosen, var.conditions)
  together = { for c in local.all : "${c.test}|${c.variable}" => c... }
  others   = concat([for a in var.account_ids : "arn:aws:iam::${a}:root"], var.custom_principal_arns)
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = length(local.others) > 0 ? ["accounts"] : []
    content {
      actions = ["sts:AssumeRole"]
      principals {
        type        = "AWS"
        identifiers = local.others
      }
    }
  }
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [var.openid_connect_provider_arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${var.github_oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    dynamic "condition" {
      for_each = local.together
      iterator = group
      content {
        test     = group.value[0].test
        variable = group.value[0].variable
        values   = flatten([for c in group.value : c.values])
      }
    }
  }
}

resource "aws_iam_role" "main" {
  count              = var.repo == null ? 0 : 1
  name               = var.role_name
  path               = var.role_path
  max_session_duration = var.role_max_session_duration
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

output "role" { value = try(aws_iam_role.main[0], null) }

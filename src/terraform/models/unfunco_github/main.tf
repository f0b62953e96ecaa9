# GitHub's provider and a role (oidc-github, from version 3). A subject without a suffix means the main branch.
variable "create" { default = true }
variable "create_iam_role" { default = true }
variable "create_oidc_provider" { default = true }
variable "github_subjects" { default = [] }
variable "default_subject" { default = "ref:refs/heads/main" }
variable "additional_audiences" { default = null }
variable "enterprise_slug" { default = "" }
variable "iam_role_name" { default = "GitHubActions" }
variable "iam_role_path" { default = "/" }
variable "iam_role_max_session_duration" { default = null }

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  present = var.create && length(var.github_subjects == null ? [] : var.github_subjects) > 0
  issuer  = var.enterprise_slug == "" ? "token.actions.githubusercontent.com" : "token.actions.githubusercontent.com/${var.enterprise_slug}"
  suffix  = ":${trimspace(var.default_subject)}"
  owners  = toset([for s in var.github_subjects : split("@", split("/", s)[0])[0]])
  arn = (
    var.create_oidc_provider ? aws_iam_openid_connect_provider.github[0].arn
    : "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local.issuer}"
  )
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [local.arn]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = [for s in var.github_subjects : strcontains(s, ":") ? "repo:${s}" : "repo:${s}${local.suffix}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = concat(["sts.amazonaws.com"], var.additional_audiences == null ? [] : var.additional_audiences)
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  count          = local.present && var.create_oidc_provider ? 1 : 0
  url            = "https://${local.issuer}"
  client_id_list = concat([for o in local.owners : "https://github.com/${o}"], ["sts.amazonaws.com"])
}

resource "aws_iam_role" "github" {
  count              = local.present && var.create_iam_role ? 1 : 0
  name               = var.iam_role_name
  path               = var.iam_role_path
  max_session_duration = var.iam_role_max_session_duration
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

output "assume_role_policy" { value = local.present ? data.aws_iam_policy_document.trust.json : "" }
output "iam_role_arn" { value = try(aws_iam_role.github[0].arn, "") }
output "iam_role_name" { value = try(aws_iam_role.github[0].name, "") }
output "oidc_provider_arn" { value = local.arn }

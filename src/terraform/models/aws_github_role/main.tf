# A role for GitHub Actions (iam-github-oidc-role, version 5).
variable "create" { default = true }
variable "name" { default = null }
variable "name_prefix" { default = null }
variable "path" { default = "/" }
variable "audience" { default = "sts.amazonaws.com" }
variable "subjects" { default = [] }
variable "subject_condition" { default = "StringLike" }
variable "provider_url" { default = "token.actions.githubusercontent.com" }
variable "additional_trust_policy_conditions" { default = [] }
variable "max_session_duration" { default = null }
variable "policies" { default = {} }

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  issuer = replace(var.provider_url, "https://", "")
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "GithubOidcAuth"
    actions = ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local.issuer}"]
    }
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "${local.issuer}:iss"
      values   = ["https://${local.issuer}"]
    }
    condition {
      test     = "ForAllValues:StringEquals"
      variable = "${local.issuer}:aud"
      values   = [var.audience]
    }
    condition {
      test     = var.subject_condition
      variable = "${local.issuer}:sub"
      values   = [for s in var.subjects : "repo:${trimprefix(s, "repo:")}"]
    }
    dynamic "condition" {
      for_each = var.additional_trust_policy_conditions
      iterator = extra
      content {
        test     = extra.value.test
        variable = extra.value.variable
        values   = extra.value.values
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count              = var.create ? 1 : 0
  name               = var.name
  name_prefix        = var.name_prefix
  path               = var.path
  max_session_duration = var.max_session_duration
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# What the role may do decides how bad a loose gate is.
resource "aws_iam_role_policy_attachment" "given" {
  for_each   = var.create ? var.policies : {}
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

output "arn" { value = try(aws_iam_role.this[0].arn, null) }
output "name" { value = try(aws_iam_role.this[0].name, null) }
output "path" { value = try(aws_iam_role.this[0].path, null) }

# A role for any OpenID Connect provider (iam-assumable-role-with-oidc, up to version 5).
variable "create_role" { default = false }
variable "provider_url" { default = "" }
variable "provider_urls" { default = [] }
variable "aws_account_id" { default = "" }
variable "role_name" { default = null }
variable "role_name_prefix" { default = null }
variable "role_path" { default = "/" }
variable "oidc_fully_qualified_subjects" { default = [] }
variable "oidc_subjects_with_wildcards" { default = [] }
variable "oidc_fully_qualified_audiences" { default = [] }
variable "provider_trust_policy_conditions" { default = [] }
variable "max_session_duration" { default = null }
variable "role_policy_arns" { default = [] }

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account = var.aws_account_id == "" ? data.aws_caller_identity.current.account_id : var.aws_account_id
  issuers = [for u in distinct(compact(concat(var.provider_urls, [var.provider_url]))) : replace(u, "https://", "")]
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = local.issuers
    iterator = issuer
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${local.account}:oidc-provider/${issuer.value}"]
      }
      dynamic "condition" {
        for_each = length(var.oidc_fully_qualified_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringEquals"
          variable = "${issuer.value}:sub"
          values   = var.oidc_fully_qualified_subjects
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_subjects_with_wildcards) > 0 ? ["sub"] : []
        content {
          test     = "StringLike"
          variable = "${issuer.value}:sub"
          values   = var.oidc_subjects_with_wildcards
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_fully_qualified_audiences) > 0 ? ["aud"] : []
        content {
          test     = "StringLike"
          variable = "${issuer.value}:aud"
          values   = var.oidc_fully_qualified_audiences
        }
      }
      dynamic "condition" {
        for_each = var.provider_trust_policy_conditions
        iterator = extra
        content {
          test     = extra.value.test
          variable = extra.value.variable
          values   = extra.value.values
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count              = var.create_role ? 1 : 0
  name               = var.role_name
  name_prefix        = var.role_name_prefix
  path               = var.role_path
  max_session_duration = var.max_session_duration
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# What the role may do decides how bad a loose gate is.
resource "aws_iam_role_policy_attachment" "given" {
  for_each   = var.create_role ? toset(var.role_policy_arns) : toset([])
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

output "iam_role_arn" { value = try(aws_iam_role.this[0].arn, "") }
output "iam_role_name" { value = try(aws_iam_role.this[0].name, "") }
output "iam_role_path" { value = try(aws_iam_role.this[0].path, "") }

# Three roles for principals of AWS, or for the users of a SAML provider (iam-assumable-roles and
# iam-assumable-roles-with-saml, below version 6).
variable "create_admin_role" { default = false }
variable "create_poweruser_role" { default = false }
variable "create_readonly_role" { default = false }
variable "admin_role_name" { default = "admin" }
variable "poweruser_role_name" { default = "poweruser" }
variable "readonly_role_name" { default = "readonly" }
variable "admin_role_requires_mfa" { default = true }
variable "poweruser_role_requires_mfa" { default = true }
variable "readonly_role_requires_mfa" { default = true }
variable "mfa_age" { default = 86400 }
variable "trusted_role_arns" { default = [] }
variable "trusted_role_services" { default = [] }
variable "provider_id" { default = "" }
variable "provider_ids" { default = [] }
variable "aws_saml_endpoint" { default = "https://signin.aws.amazon.com/saml" }

locals {
  providers = compact(concat([var.provider_id], var.provider_ids))
  requires_mfa = {
    admin     = var.admin_role_requires_mfa
    poweruser = var.poweruser_role_requires_mfa
    readonly  = var.readonly_role_requires_mfa
  }
  roles = merge(
    var.create_admin_role ? { admin = var.admin_role_name } : {},
    var.create_poweruser_role ? { poweruser = var.poweruser_role_name } : {},
    var.create_readonly_role ? { readonly = var.readonly_role_name } : {},
  )
}

data "aws_iam_policy_document" "trust" {
  for_each = local.roles
  dynamic "statement" {
    for_each = length(local.providers) == 0 ? ["aws"] : []
    content {
      actions = ["sts:AssumeRole"]
      principals {
        type        = "AWS"
        identifiers = var.trusted_role_arns
      }
      principals {
        type        = "Service"
        identifiers = var.trusted_role_services
      }
      dynamic "condition" {
        for_each = local.requires_mfa[each.key] ? ["mfa"] : []
        content {
          test     = "Bool"
          variable = "aws:MultiFactorAuthPresent"
          values   = ["true"]
        }
      }
      dynamic "condition" {
        for_each = local.requires_mfa[each.key] ? ["mfa"] : []
        content {
          test     = "NumericLessThan"
          variable = "aws:MultiFactorAuthAge"
          values   = [var.mfa_age]
        }
      }
    }
  }
  dynamic "statement" {
    for_each = length(local.providers) == 0 ? [] : ["saml"]
    content {
      actions = ["sts:AssumeRoleWithSAML"]
      principals {
        type        = "Federated"
        identifiers = local.providers
      }
      condition {
        test     = "StringEquals"
        variable = "SAML:aud"
        values   = flatten([var.aws_saml_endpoint])
      }
    }
  }
}

resource "aws_iam_role" "this" {
  for_each           = local.roles
  name               = each.value
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

output "admin_iam_role_arn" { value = try(aws_iam_role.this["admin"].arn, "") }
output "poweruser_iam_role_arn" { value = try(aws_iam_role.this["poweruser"].arn, "") }
output "readonly_iam_role_arn" { value = try(aws_iam_role.this["readonly"].arn, "") }

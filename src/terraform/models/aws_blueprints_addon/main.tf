# A chart with a role for its service accounts (eks-blueprints-addon).
variable "create" { default = true }
variable "create_role" { default = false }
variable "name" { default = "" }
variable "namespace" { default = null }
variable "role_name" { default = null }
variable "role_name_use_prefix" { default = true }
variable "role_path" { default = "/" }
variable "oidc_providers" { default = {} }
variable "assume_role_condition_test" { default = "StringEquals" }
variable "trust_policy_statements" { default = [] }

locals {
  namespace = coalesce(var.namespace, "default")
  role      = try(coalesce(var.role_name, var.name), "")
}

data "aws_iam_policy_document" "trust" {
  dynamic "statement" {
    for_each = var.oidc_providers
    iterator = cluster
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [cluster.value.provider_arn]
      }
      condition {
        test     = var.assume_role_condition_test
        variable = "${replace(cluster.value.provider_arn, "/^(.*provider/)/", "")}:sub"
        values   = ["system:serviceaccount:${try(cluster.value.namespace, local.namespace)}:${cluster.value.service_account}"]
      }
      condition {
        test     = var.assume_role_condition_test
        variable = "${replace(cluster.value.provider_arn, "/^(.*provider/)/", "")}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
  dynamic "statement" {
    for_each = var.trust_policy_statements == null ? [] : var.trust_policy_statements
    iterator = own
    content {
      sid     = try(own.value.sid, null)
      effect  = try(own.value.effect, null)
      actions = try(own.value.actions, null)
      dynamic "principals" {
        for_each = try(own.value.principals, null) == null ? [] : own.value.principals
        content {
          type        = principals.value.type
          identifiers = principals.value.identifiers
        }
      }
      dynamic "condition" {
        for_each = try(own.value.condition, null) == null ? [] : own.value.condition
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count              = var.create && var.create_role ? 1 : 0
  name               = var.role_name_use_prefix ? null : local.role
  name_prefix        = var.role_name_use_prefix ? "${local.role}-" : null
  path               = var.role_path
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

output "iam_role_arn" { value = try(aws_iam_role.this[0].arn, null) }
output "iam_role_name" { value = try(aws_iam_role.this[0].name, null) }
output "namespace" { value = local.namespace }

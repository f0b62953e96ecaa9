# A role for pods through the EKS Pod Identity agent (eks-pod-identity).
variable "create" { default = true }
variable "name" { default = "" }
variable "use_name_prefix" { default = true }
variable "path" { default = "/" }
variable "trust_policy_statements" { default = [] }
variable "trust_policy_conditions" { default = [] }
variable "associations" { default = {} }
variable "association_defaults" { default = {} }

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
    dynamic "condition" {
      for_each = var.trust_policy_conditions
      iterator = extra
      content {
        test     = extra.value.test
        variable = extra.value.variable
        values   = extra.value.values
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
        for_each = try(own.value.principals, [])
        content {
          type        = principals.value.type
          identifiers = principals.value.identifiers
        }
      }
      dynamic "condition" {
        for_each = try(own.value.conditions, own.value.condition, [])
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
  count              = var.create ? 1 : 0
  name               = var.use_name_prefix ? null : var.name
  name_prefix        = var.use_name_prefix ? "${var.name}-" : null
  path               = var.path
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_eks_pod_identity_association" "this" {
  for_each        = var.create ? var.associations : {}
  cluster_name    = try(coalesce(each.value.cluster_name), var.association_defaults.cluster_name, null)
  namespace       = try(coalesce(each.value.namespace), var.association_defaults.namespace, null)
  service_account = try(coalesce(each.value.service_account), var.association_defaults.service_account, null)
  role_arn        = aws_iam_role.this[0].arn
}

output "iam_role_arn" { value = try(aws_iam_role.this[0].arn, null) }
output "iam_role_name" { value = try(aws_iam_role.this[0].name, null) }

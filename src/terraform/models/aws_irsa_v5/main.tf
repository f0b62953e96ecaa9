# A role for Kubernetes service accounts (iam-role-for-service-accounts-eks, up to version 5).
variable "create_role" { default = true }
variable "role_name" { default = null }
variable "assume_role_condition_test" { default = "StringEquals" }
variable "oidc_providers" { default = {} }
variable "role_name_prefix" { default = null }
variable "role_path" { default = "/" }
variable "max_session_duration" { default = null }
variable "role_policy_arns" { default = {} }

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
        values   = [for account in cluster.value.namespace_service_accounts : "system:serviceaccount:${account}"]
      }
      condition {
        test     = var.assume_role_condition_test
        variable = "${replace(cluster.value.provider_arn, "/^(.*provider/)/", "")}:aud"
        values   = ["sts.amazonaws.com"]
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
  for_each   = var.create_role ? var.role_policy_arns : {}
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

output "iam_role_arn" { value = try(aws_iam_role.this[0].arn, "") }
output "iam_role_name" { value = try(aws_iam_role.this[0].name, "") }
output "iam_role_path" { value = try(aws_iam_role.this[0].path, "") }

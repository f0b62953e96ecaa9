# A team's role for its users and for the service accounts of its namespaces (eks-blueprints-teams).
variable "name" { default = "" }
variable "create_iam_role" { default = true }
variable "iam_role_name" { default = null }
variable "enable_admin" { default = false }
variable "users" { default = [] }
variable "namespaces" { default = {} }
variable "oidc_provider_arn" { default = "" }

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = var.users
    }
  }
  dynamic "statement" {
    for_each = var.enable_admin ? [] : ["irsa"]
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [var.oidc_provider_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "${replace(var.oidc_provider_arn, "/^(.*provider/)/", "")}:sub"
        values = [
          for key, it in var.namespaces : "system:serviceaccount:${try(it.name, key)}:${try(it.service_account.name, it.name, key)}"
        ]
      }
      condition {
        test     = "StringEquals"
        variable = "${replace(var.oidc_provider_arn, "/^(.*provider/)/", "")}:aud"
        values   = ["sts.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count              = var.create_iam_role ? 1 : 0
  name_prefix        = "${coalesce(var.iam_role_name, var.name, "team")}-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

output "iam_role_arn" { value = try(aws_iam_role.this[0].arn, null) }
output "iam_role_name" { value = try(aws_iam_role.this[0].name, null) }

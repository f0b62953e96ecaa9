# A role for service accounts of one cluster (eks-iam-role, from version 1). A missing namespace or name is a wildcard.
variable "enabled" { default = true }
variable "service_account_name" { default = null }
variable "service_account_namespace" { default = null }
variable "service_account_namespace_name_list" { default = [] }
variable "aws_account_number" { default = null }
variable "aws_partition" { default = "aws" }
variable "eks_cluster_oidc_issuer_url" {}

data "aws_caller_identity" "current" {}

locals {
  issuer  = replace(var.eks_cluster_oidc_issuer_url, "https://", "")
  account = coalesce(var.aws_account_number, data.aws_caller_identity.current.account_id)
  only_listed = (
    var.service_account_name == null && var.service_account_namespace == null && length(var.service_account_namespace_name_list) > 0
  )
  single   = local.only_listed ? [] : ["${try(coalesce(var.service_account_namespace), "*")}:${try(coalesce(var.service_account_name), "*")}"]
  accounts = concat(local.single, var.service_account_namespace_name_list)
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:${var.aws_partition}:iam::${local.account}:oidc-provider/${local.issuer}"]
    }
    condition {
      test     = "StringLike"
      variable = "${local.issuer}:sub"
      values   = formatlist("system:serviceaccount:%s", local.accounts)
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "service_account" {
  count              = var.enabled == false ? 0 : 1
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

output "service_account_role_name" { value = try(aws_iam_role.service_account[0].name, null) }
output "service_account_role_arn" { value = try(aws_iam_role.service_account[0].arn, null) }
output "service_account_name" { value = var.service_account_name }
output "service_account_namespace" { value = var.service_account_namespace }

# A chart's service account with a role of its own (helm-release): the role is the one of eks-iam-role.
variable "enabled" { default = true }
variable "iam_role_enabled" { default = false }
variable "aws_account_number" { default = null }
variable "aws_partition" { default = "aws" }
variable "eks_cluster_oidc_issuer_url" { default = "" }
variable "service_account_name" { default = null }
variable "service_account_namespace" { default = null }

module "role" {
  source  = "cloudposse/eks-iam-role/aws"
  version = "2.1.1"

  enabled                     = var.enabled == false ? false : var.iam_role_enabled
  aws_account_number          = var.aws_account_number
  aws_partition               = var.aws_partition
  eks_cluster_oidc_issuer_url = var.eks_cluster_oidc_issuer_url
  service_account_name        = var.service_account_name
  service_account_namespace   = var.service_account_namespace
}

output "service_account_role_arn" { value = module.role.service_account_role_arn }
output "service_account_role_name" { value = module.role.service_account_role_name }
output "service_account_name" { value = var.service_account_name }
output "service_account_namespace" { value = var.service_account_namespace }

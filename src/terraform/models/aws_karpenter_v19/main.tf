# Karpenter's role (eks//modules/karpenter, from version 18.31, below 20).
variable "create" { default = true }
variable "create_irsa" { default = true }
variable "cluster_name" { default = "" }
variable "irsa_name" { default = null }
variable "enable_pod_identity" { default = false }
variable "enable_irsa" { default = true }
variable "irsa_oidc_provider_arn" { default = "" }
variable "irsa_namespace_service_accounts" { default = ["karpenter:karpenter"] }
variable "irsa_assume_role_condition_test" { default = "StringEquals" }

module "role" {
  source  = "terraform-aws-modules/eks/aws//modules/karpenter"
  version = "20.0.0"

  create                          = var.create
  create_iam_role                 = var.create_irsa
  iam_role_name                   = var.irsa_name
  enable_pod_identity             = var.enable_pod_identity
  enable_irsa                     = var.enable_irsa
  irsa_oidc_provider_arn          = var.irsa_oidc_provider_arn
  irsa_namespace_service_accounts = var.irsa_namespace_service_accounts
  irsa_assume_role_condition_test = var.irsa_assume_role_condition_test
}

output "irsa_arn" { value = module.role.iam_role_arn }
output "irsa_name" { value = module.role.iam_role_name }

# A cluster and its OpenID Connect provider (eks, below version 18, where the provider had to be asked for).
variable "create" { default = true }
variable "enable_irsa" { default = false }
variable "cluster_name" { default = "" }
variable "name" { default = "" }
variable "openid_connect_audiences" { default = [] }

locals {
  cluster = coalesce(var.name, var.cluster_name, "cluster")
}

resource "aws_eks_cluster" "this" {
  count = var.create ? 1 : 0
  name  = local.cluster
}

resource "aws_iam_openid_connect_provider" "oidc_provider" {
  count          = var.create && var.enable_irsa ? 1 : 0
  url            = aws_eks_cluster.this[0].identity[0].oidc[0].issuer
  client_id_list = distinct(compact(concat(["sts.amazonaws.com"], var.openid_connect_audiences)))
}

output "cluster_name" { value = try(aws_eks_cluster.this[0].name, "") }
output "cluster_id" { value = try(aws_eks_cluster.this[0].name, "") }
output "cluster_arn" { value = try(aws_eks_cluster.this[0].arn, null) }
output "cluster_oidc_issuer_url" { value = try(aws_eks_cluster.this[0].identity[0].oidc[0].issuer, null) }
output "oidc_provider" { value = try(replace(aws_eks_cluster.this[0].identity[0].oidc[0].issuer, "https://", ""), null) }
output "oidc_provider_arn" { value = try(aws_iam_openid_connect_provider.oidc_provider[0].arn, null) }

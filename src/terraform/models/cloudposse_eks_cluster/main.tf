# A cluster and its OpenID Connect provider (eks-cluster); of the rest only what others refer to.
variable "enabled" { default = true }
variable "name" { default = "cluster" }
variable "oidc_provider_enabled" { default = false }

resource "aws_eks_cluster" "default" {
  count = var.enabled == false ? 0 : 1
  name  = var.name
}

resource "aws_iam_openid_connect_provider" "default" {
  count          = var.enabled == false ? 0 : (var.oidc_provider_enabled ? 1 : 0)
  url            = aws_eks_cluster.default[0].identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}

output "eks_cluster_id" { value = try(aws_eks_cluster.default[0].name, "") }
output "eks_cluster_identity_oidc_issuer" { value = try(aws_eks_cluster.default[0].identity[0].oidc[0].issuer, "") }
output "eks_cluster_identity_oidc_issuer_arn" { value = try(aws_iam_openid_connect_provider.default[0].arn, "") }

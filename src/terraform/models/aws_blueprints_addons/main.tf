# Charts with a role for the service accounts of each (eks-blueprints-addons).
variable "oidc_provider_arn" { default = "" }
variable "external_dns_route53_zone_arns" { default = [] }
variable "cert_manager_route53_hosted_zone_arns" { default = ["arn:aws:route53:::hostedzone/*"] }
variable "enable_aws_cloudwatch_metrics" { default = false }
variable "aws_cloudwatch_metrics" { default = {} }
variable "enable_aws_efs_csi_driver" { default = false }
variable "aws_efs_csi_driver" { default = {} }
variable "enable_aws_for_fluentbit" { default = false }
variable "aws_for_fluentbit" { default = {} }
variable "enable_aws_fsx_csi_driver" { default = false }
variable "aws_fsx_csi_driver" { default = {} }
variable "enable_aws_gateway_api_controller" { default = false }
variable "aws_gateway_api_controller" { default = {} }
variable "enable_aws_load_balancer_controller" { default = false }
variable "aws_load_balancer_controller" { default = {} }
variable "enable_aws_node_termination_handler" { default = false }
variable "aws_node_termination_handler" { default = {} }
variable "enable_aws_privateca_issuer" { default = false }
variable "aws_privateca_issuer" { default = {} }
variable "enable_cert_manager" { default = false }
variable "cert_manager" { default = {} }
variable "enable_cluster_autoscaler" { default = false }
variable "cluster_autoscaler" { default = {} }
variable "enable_external_dns" { default = false }
variable "external_dns" { default = {} }
variable "enable_external_secrets" { default = false }
variable "external_secrets" { default = {} }
variable "enable_karpenter" { default = false }
variable "karpenter" { default = {} }
variable "enable_velero" { default = false }
variable "velero" { default = {} }

locals {
  addons = {
    aws_cloudwatch_metrics = {
      enabled   = var.enable_aws_cloudwatch_metrics && try(var.aws_cloudwatch_metrics.create_role, true)
      name      = try(var.aws_cloudwatch_metrics.role_name, "aws-cloudwatch-metrics")
      namespace = try(var.aws_cloudwatch_metrics.namespace, "amazon-cloudwatch")
      accounts  = [try(var.aws_cloudwatch_metrics.service_account_name, "aws-cloudwatch-metrics")]
    }
    aws_efs_csi_driver = {
      enabled   = var.enable_aws_efs_csi_driver && try(var.aws_efs_csi_driver.create_role, true)
      name      = try(var.aws_efs_csi_driver.role_name, "aws-efs-csi-driver")
      namespace = try(var.aws_efs_csi_driver.namespace, "kube-system")
      accounts  = [try(var.aws_efs_csi_driver.controller_service_account_name, "efs-csi-controller-sa"), try(var.aws_efs_csi_driver.node_service_account_name, "efs-csi-node-sa")]
    }
    aws_for_fluentbit = {
      enabled   = var.enable_aws_for_fluentbit && try(var.aws_for_fluentbit.create_role, true)
      name      = try(var.aws_for_fluentbit.role_name, "aws-for-fluentbit")
      namespace = try(var.aws_for_fluentbit.namespace, "kube-system")
      accounts  = [try(var.aws_for_fluentbit.service_account_name, "aws-for-fluent-bit-sa")]
    }
    aws_fsx_csi_driver = {
      enabled   = var.enable_aws_fsx_csi_driver && try(var.aws_fsx_csi_driver.create_role, true)
      name      = try(var.aws_fsx_csi_driver.role_name, "aws-fsx-csi-driver")
      namespace = try(var.aws_fsx_csi_driver.namespace, "kube-system")
      accounts  = [try(var.aws_fsx_csi_driver.controller_service_account_name, "aws-fsx-csi-controller-sa"), try(var.aws_fsx_csi_driver.node_service_account_name, "aws-fsx-csi-node-sa")]
    }
    aws_gateway_api_controller = {
      enabled   = var.enable_aws_gateway_api_controller && try(var.aws_gateway_api_controller.create_role, true)
      name      = try(var.aws_gateway_api_controller.role_name, "aws-gateway-api-controller")
      namespace = try(var.aws_gateway_api_controller.namespace, "aws-application-networking-system")
      accounts  = [try(var.aws_gateway_api_controller.service_account_name, "gateway-api-controller")]
    }
    aws_load_balancer_controller = {
      enabled   = var.enable_aws_load_balancer_controller && try(var.aws_load_balancer_controller.create_role, true)
      name      = try(var.aws_load_balancer_controller.role_name, "aws-load-balancer-controller")
      namespace = try(var.aws_load_balancer_controller.namespace, "kube-system")
      accounts  = [try(var.aws_load_balancer_controller.service_account_name, "aws-load-balancer-controller-sa")]
    }
    aws_node_termination_handler = {
      enabled   = var.enable_aws_node_termination_handler && try(var.aws_node_termination_handler.create_role, true)
      name      = try(var.aws_node_termination_handler.role_name, "aws-node-termination-handler")
      namespace = try(var.aws_node_termination_handler.namespace, "aws-node-termination-handler")
      accounts  = [try(var.aws_node_termination_handler.service_account_name, "aws-node-termination-handler-sa")]
    }
    aws_privateca_issuer = {
      enabled   = var.enable_aws_privateca_issuer && try(var.aws_privateca_issuer.create_role, true)
      name      = try(var.aws_privateca_issuer.role_name, "aws-privateca-issuer")
      namespace = try(var.aws_privateca_issuer.namespace, try(var.cert_manager.namespace, "cert-manager"))
      accounts  = [try(var.aws_privateca_issuer.service_account_name, "aws-privateca-issuer-sa")]
    }
    cert_manager = {
      enabled   = var.enable_cert_manager && try(var.cert_manager.create_role, true) && length(var.cert_manager_route53_hosted_zone_arns) > 0
      name      = try(var.cert_manager.role_name, "cert-manager")
      namespace = try(var.cert_manager.namespace, "cert-manager")
      accounts  = [try(var.cert_manager.service_account_name, "cert-manager")]
    }
    cluster_autoscaler = {
      enabled   = var.enable_cluster_autoscaler && try(var.cluster_autoscaler.create_role, true)
      name      = try(var.cluster_autoscaler.role_name, "cluster-autoscaler")
      namespace = try(var.cluster_autoscaler.namespace, "kube-system")
      accounts  = [try(var.cluster_autoscaler.service_account_name, "cluster-autoscaler-sa")]
    }
    external_dns = {
      enabled   = var.enable_external_dns && try(var.external_dns.create_role, true) && length(var.external_dns_route53_zone_arns) > 0
      name      = try(var.external_dns.role_name, "external-dns")
      namespace = try(var.external_dns.namespace, "external-dns")
      accounts  = [try(var.external_dns.service_account_name, "external-dns-sa")]
    }
    external_secrets = {
      enabled   = var.enable_external_secrets && try(var.external_secrets.create_role, true)
      name      = try(var.external_secrets.role_name, "external-secrets")
      namespace = try(var.external_secrets.namespace, "external-secrets")
      accounts  = [try(var.external_secrets.service_account_name, "external-secrets-sa")]
    }
    karpenter = {
      enabled   = var.enable_karpenter && try(var.karpenter.create_role, true)
      name      = try(var.karpenter.role_name, "karpenter")
      namespace = try(var.karpenter.namespace, "karpenter")
      accounts  = [try(var.karpenter.service_account_name, "karpenter")]
    }
    velero = {
      enabled   = var.enable_velero && try(var.velero.create_role, true)
      name      = try(var.velero.role_name, "velero")
      namespace = try(var.velero.namespace, "velero")
      accounts  = [try(var.velero.service_account_name, "velero-server")]
    }
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = { for addon, it in local.addons : addon => it if it.enabled }
  dynamic "statement" {
    for_each = each.value.accounts
    iterator = account
    content {
      actions = ["sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = [var.oidc_provider_arn]
      }
      condition {
        test     = "StringEquals"
        variable = "${replace(var.oidc_provider_arn, "/^(.*provider/)/", "")}:sub"
        values   = ["system:serviceaccount:${each.value.namespace}:${account.value}"]
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
  for_each           = { for addon, it in local.addons : addon => it if it.enabled }
  name_prefix        = "${each.value.name}-"
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

output "aws_cloudwatch_metrics" { value = { iam_role_arn = try(aws_iam_role.this["aws_cloudwatch_metrics"].arn, null), iam_role_name = try(aws_iam_role.this["aws_cloudwatch_metrics"].name, null) } }
output "aws_efs_csi_driver" { value = { iam_role_arn = try(aws_iam_role.this["aws_efs_csi_driver"].arn, null), iam_role_name = try(aws_iam_role.this["aws_efs_csi_driver"].name, null) } }
output "aws_for_fluentbit" { value = { iam_role_arn = try(aws_iam_role.this["aws_for_fluentbit"].arn, null), iam_role_name = try(aws_iam_role.this["aws_for_fluentbit"].name, null) } }
output "aws_fsx_csi_driver" { value = { iam_role_arn = try(aws_iam_role.this["aws_fsx_csi_driver"].arn, null), iam_role_name = try(aws_iam_role.this["aws_fsx_csi_driver"].name, null) } }
output "aws_gateway_api_controller" { value = { iam_role_arn = try(aws_iam_role.this["aws_gateway_api_controller"].arn, null), iam_role_name = try(aws_iam_role.this["aws_gateway_api_controller"].name, null) } }
output "aws_load_balancer_controller" { value = { iam_role_arn = try(aws_iam_role.this["aws_load_balancer_controller"].arn, null), iam_role_name = try(aws_iam_role.this["aws_load_balancer_controller"].name, null) } }
output "aws_node_termination_handler" { value = { iam_role_arn = try(aws_iam_role.this["aws_node_termination_handler"].arn, null), iam_role_name = try(aws_iam_role.this["aws_node_termination_handler"].name, null) } }
output "aws_privateca_issuer" { value = { iam_role_arn = try(aws_iam_role.this["aws_privateca_issuer"].arn, null), iam_role_name = try(aws_iam_role.this["aws_privateca_issuer"].name, null) } }
output "cert_manager" { value = { iam_role_arn = try(aws_iam_role.this["cert_manager"].arn, null), iam_role_name = try(aws_iam_role.this["cert_manager"].name, null) } }
output "cluster_autoscaler" { value = { iam_role_arn = try(aws_iam_role.this["cluster_autoscaler"].arn, null), iam_role_name = try(aws_iam_role.this["cluster_autoscaler"].name, null) } }
output "external_dns" { value = { iam_role_arn = try(aws_iam_role.this["external_dns"].arn, null), iam_role_name = try(aws_iam_role.this["external_dns"].name, null) } }
output "external_secrets" { value = { iam_role_arn = try(aws_iam_role.this["external_secrets"].arn, null), iam_role_name = try(aws_iam_role.this["external_secrets"].name, null) } }
output "karpenter" { value = { iam_role_arn = try(aws_iam_role.this["karpenter"].arn, null), iam_role_name = try(aws_iam_role.this["karpenter"].name, null) } }
output "velero" { value = { iam_role_arn = try(aws_iam_role.this["velero"].arn, null), iam_role_name = try(aws_iam_role.this["velero"].name, null) } }

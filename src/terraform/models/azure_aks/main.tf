# A cluster whose issuer others refer to (Azure/aks).
variable "cluster_name" { default = null }
variable "prefix" { default = "" }
variable "oidc_issuer_enabled" { default = false }
variable "workload_identity_enabled" { default = false }

resource "azurerm_kubernetes_cluster" "main" {
  name                      = coalesce(var.cluster_name, "${var.prefix}-aks")
  oidc_issuer_enabled       = var.oidc_issuer_enabled
  workload_identity_enabled = var.workload_identity_enabled
}

output "aks_id" { value = azurerm_kubernetes_cluster.main.id }
output "aks_name" { value = azurerm_kubernetes_cluster.main.name }
output "oidc_issuer_url" { value = azurerm_kubernetes_cluster.main.oidc_issuer_url }

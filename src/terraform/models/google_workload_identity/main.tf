# A Google service account that one Kubernetes service account acts as (workload-identity).
variable "name" {}
variable "project_id" {}
variable "namespace" { default = "default" }
variable "gcp_sa_name" { default = null }
variable "use_existing_gcp_sa" { default = false }
variable "k8s_sa_name" { default = null }
variable "k8s_sa_project_id" { default = null }
variable "use_existing_k8s_sa" { default = false }
variable "annotate_k8s_sa" { default = true }

locals {
  kubernetes_name = var.k8s_sa_name == null ? var.name : var.k8s_sa_name
  google_name     = var.gcp_sa_name == null ? var.name : var.gcp_sa_name
  cluster_project = var.k8s_sa_project_id == null ? var.project_id : var.k8s_sa_project_id
  email           = "${substr(local.google_name, 0, 30)}@${var.project_id}.iam.gserviceaccount.com"
}

resource "google_service_account" "cluster_service_account" {
  count      = var.use_existing_gcp_sa ? 0 : 1
  account_id = substr(local.google_name, 0, 30)
  project    = var.project_id
}

resource "kubernetes_service_account" "main" {
  count = var.use_existing_k8s_sa ? 0 : 1
  metadata {
    name      = local.kubernetes_name
    namespace = var.namespace
    annotations = {
      "iam.gke.io/gcp-service-account" = local.email
    }
  }
}

resource "google_service_account_iam_member" "main" {
  service_account_id = "projects/${var.project_id}/serviceAccounts/${local.email}"
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${local.cluster_project}.svc.id.goog[${var.namespace}/${local.kubernetes_name}]"
}

output "k8s_service_account_name" { value = local.kubernetes_name }
output "k8s_service_account_namespace" { value = var.namespace }
output "gcp_service_account_email" { value = local.email }
output "gcp_service_account_fqn" { value = "serviceAccount:${local.email}" }

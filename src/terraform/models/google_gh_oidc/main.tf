# A workload identity pool with one provider, and who may act as which service account (gh-oidc).
variable "project_id" {}
variable "pool_id" {}
variable "provider_id" {}
variable "attribute_condition" { default = null }
variable "attribute_mapping" {
  default = {
    "google.subject"       = "assertion.sub"
    "attribute.actor"      = "assertion.actor"
    "attribute.aud"        = "assertion.aud"
    "attribute.repository" = "assertion.repository"
  }
}
variable "allowed_audiences" { default = [] }
variable "issuer_uri" { default = "https://token.actions.githubusercontent.com" }
variable "sa_mapping" { default = {} }

resource "google_iam_workload_identity_pool" "pool" {
  project                   = var.project_id
  workload_identity_pool_id = var.pool_id
  disabled                  = false
}

resource "google_iam_workload_identity_pool_provider" "provider" {
  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.pool.workload_identity_pool_id
  workload_identity_pool_provider_id = var.provider_id
  attribute_condition                = var.attribute_condition
  attribute_mapping                  = var.attribute_mapping
  oidc {
    allowed_audiences = var.allowed_audiences
    issuer_uri        = var.issuer_uri
  }
}

resource "google_service_account_iam_member" "use" {
  for_each           = var.sa_mapping
  service_account_id = each.value.sa_name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.pool.name}/${each.value.attribute}"
}

output "pool_name" { value = google_iam_workload_identity_pool.pool.name }
output "provider_name" { value = google_iam_workload_identity_pool_provider.provider.name }

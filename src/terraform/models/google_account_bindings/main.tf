# Who may do what with service accounts (terraform-google-modules/iam/google//modules/service_accounts_iam).
variable "service_accounts" { default = [] }
variable "project" { default = null }
variable "mode" { default = "additive" }
variable "bindings" { default = {} }

locals {
  grants = flatten([
    for account in var.service_accounts : [
      for role, members in var.bindings : [for member in members : { account = account, role = role, member = member }]
    ]
  ])
}

resource "google_service_account_iam_member" "this" {
  count              = length(local.grants)
  service_account_id = "projects/-/serviceAccounts/${local.grants[count.index].account}"
  role               = local.grants[count.index].role
  member             = local.grants[count.index].member
}

output "service_accounts" { value = distinct(local.grants[*].account) }
output "roles" { value = distinct(local.grants[*].role) }
output "members" { value = distinct(local.grants[*].member) }

# Who has which role in projects (terraform-google-modules/iam/google//modules/projects_iam).
variable "projects" { default = [] }
variable "mode" { default = "additive" }
variable "bindings" { default = {} }

locals {
  grants = flatten([
    for project in var.projects : [
      for role, members in var.bindings : [for member in members : { project = project, role = role, member = member }]
    ]
  ])
}

resource "google_project_iam_member" "this" {
  count   = length(local.grants)
  project = local.grants[count.index].project
  role    = local.grants[count.index].role
  member  = local.grants[count.index].member
}

output "projects" { value = distinct(local.grants[*].project) }
output "roles" { value = distinct(local.grants[*].role) }
output "members" { value = distinct(local.grants[*].member) }

# A project, who has roles in it (cloud-foundation-fabric//modules/project, below version 49).
variable "name" {}
variable "prefix" { default = null }
variable "iam" { default = {} }
variable "iam_bindings" { default = {} }
variable "iam_bindings_additive" { default = {} }
variable "iam_by_principals" { default = {} }
variable "iam_by_principals_additive" { default = {} }

locals {
  project_id = var.prefix == null ? var.name : "${var.prefix}-${var.name}"
  roles      = distinct(concat(keys(var.iam), flatten(values(var.iam_by_principals))))
  authoritative = {
    for role in local.roles : role => concat(
      lookup(var.iam, role, []),
      [for principal, roles in var.iam_by_principals : principal if contains(roles, role)]
    )
  }
  additive = flatten([for principal, roles in var.iam_by_principals_additive : [for role in roles : { member = principal, role = role }]])
}

resource "google_project" "this" {
  project_id = local.project_id
  name       = local.project_id
}

resource "google_project_iam_binding" "authoritative" {
  for_each = local.authoritative
  project  = local.project_id
  role     = each.key
  members  = each.value
}

resource "google_project_iam_binding" "bindings" {
  for_each = var.iam_bindings
  project  = local.project_id
  role     = each.value.role
  members  = each.value.members
  dynamic "condition" {
    for_each = try(each.value.condition, null) == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

resource "google_project_iam_member" "bindings" {
  for_each = var.iam_bindings_additive
  project  = local.project_id
  role     = each.value.role
  member   = each.value.member
  dynamic "condition" {
    for_each = try(each.value.condition, null) == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

resource "google_project_iam_member" "additive" {
  count   = length(local.additive)
  project = local.project_id
  role    = local.additive[count.index].role
  member  = local.additive[count.index].member
}

output "project_id" { value = google_project.this.project_id }
output "id" { value = google_project.this.project_id }
output "number" { value = google_project.this.number }


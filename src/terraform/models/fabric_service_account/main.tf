# A Google service account and who may act as it (cloud-foundation-fabric//modules/iam-service-account).
variable "name" {}
variable "prefix" { default = null }
variable "project_id" { default = null }
variable "iam" { default = {} }
variable "iam_bindings" { default = {} }
variable "iam_bindings_additive" { default = {} }
variable "iam_by_principals" { default = {} }
variable "iam_by_principals_additive" { default = {} }

locals {
  account = var.prefix == null ? split("@", var.name)[0] : "${var.prefix}-${split("@", var.name)[0]}"
  roles   = distinct(concat(keys(var.iam), flatten(values(var.iam_by_principals))))
  authoritative = {
    for role in local.roles : role => concat(
      lookup(var.iam, role, []),
      [for principal, roles in var.iam_by_principals : principal if contains(roles, role)]
    )
  }
  additive = flatten([for principal, roles in var.iam_by_principals_additive : [for role in roles : { member = principal, role = role }]])
}

resource "google_service_account" "this" {
  account_id = local.account
  project    = var.project_id
}

resource "google_service_account_iam_binding" "authoritative" {
  for_each           = local.authoritative
  service_account_id = google_service_account.this.name
  role               = each.key
  members            = each.value
}

resource "google_service_account_iam_binding" "bindings" {
  for_each           = var.iam_bindings
  service_account_id = google_service_account.this.name
  role               = each.value.role
  members            = each.value.members
  dynamic "condition" {
    for_each = try(each.value.condition, null) == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

resource "google_service_account_iam_member" "bindings" {
  for_each           = var.iam_bindings_additive
  service_account_id = google_service_account.this.name
  role               = each.value.role
  member             = each.value.member
  dynamic "condition" {
    for_each = try(each.value.condition, null) == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}

resource "google_service_account_iam_member" "additive" {
  count              = length(local.additive)
  service_account_id = google_service_account.this.name
  role               = local.additive[count.index].role
  member             = local.additive[count.index].member
}

output "email" { value = google_service_account.this.email }
output "iam_email" { value = google_service_account.this.member }
output "id" { value = google_service_account.this.id }
output "name" { value = google_service_account.this.name }

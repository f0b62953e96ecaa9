# A project, who has roles in it, and its workload identity pools (cloud-foundation-fabric//modules/project, from version 49).
variable "name" {}
variable "prefix" { default = null }
variable "iam" { default = {} }
variable "iam_bindings" { default = {} }
variable "iam_bindings_additive" { default = {} }
variable "iam_by_principals" { default = {} }
variable "iam_by_principals_additive" { default = {} }
variable "workload_identity_pools" {
  type = map(object({
    disabled = optional(bool)
    providers = optional(map(object({
      attribute_condition = optional(string)
      attribute_mapping   = optional(map(string), {})
      disabled            = optional(bool, false)
      identity_provider = object({
        aws = optional(object({ account_id = string }))
        oidc = optional(object({
          allowed_audiences = optional(list(string), [])
          issuer_uri        = optional(string)
          template          = optional(string)
        }))
        saml = optional(object({ idp_metadata_xml = string }))
      })
    })), {})
  }))
  default = {}
}

# What a provider maps and whom it believes when it is one of the named kinds.
locals {
  claims = {
    github = merge(
      { for claim in ["sub", "actor", "repository", "repository_owner", "ref", "workflow", "job_workflow_ref", "event_name"] : "attribute.${claim}" => "assertion.${claim}" },
      {
        "google.subject"          = "assertion.sub"
        "attribute.fast_sub"      = "\"repo:\" + assertion.repository + \":ref:\" + assertion.ref"
        "attribute.pr_review_sub" = "\"event:\" + assertion.event_name + \":workflow:\" + assertion.workflow"
      }
    )
    gitlab = merge(
      { for claim in ["sub", "environment", "environment_protected", "namespace_id", "namespace_path", "pipeline_id", "pipeline_source", "project_id", "project_path", "ref", "ref_protected", "ref_type"] : "attribute.${claim}" => "assertion.${claim}" },
      { "google.subject" = "assertion.sub", "attribute.repository" = "assertion.project_path" }
    )
    terraform = merge(
      { for claim in ["aud", "terraform_run_phase", "terraform_project_id", "terraform_project_name", "terraform_workspace_id", "terraform_workspace_name", "terraform_organization_id", "terraform_organization_name", "terraform_run_id", "terraform_full_workspace"] : "attribute.${claim}" => "assertion.${claim}" },
      { "google.subject" = "assertion.terraform_workspace_id" }
    )
    okta = { "google.subject" = "assertion.sub", "attribute.sub" = "assertion.sub" }
  }
  issuers = {
    github    = "https://token.actions.githubusercontent.com"
    gitlab    = "https://gitlab.com"
    terraform = "https://app.terraform.io"
  }
  providers = merge([
    for pool, it in var.workload_identity_pools : {
      for id, provider in it.providers : "${pool}/${id}" => merge(provider, { pool = pool, id = id })
    }
  ]...)
}

module "project" {
  source = "github.com/GoogleCloudPlatform/cloud-foundation-fabric//modules/project?ref=v48.0.0"

  name                       = var.name
  prefix                     = var.prefix
  iam                        = var.iam
  iam_bindings               = var.iam_bindings
  iam_bindings_additive      = var.iam_bindings_additive
  iam_by_principals          = var.iam_by_principals
  iam_by_principals_additive = var.iam_by_principals_additive
}

resource "google_iam_workload_identity_pool" "this" {
  for_each                  = var.workload_identity_pools
  project                   = module.project.project_id
  workload_identity_pool_id = each.key
  disabled                  = each.value.disabled
}

resource "google_iam_workload_identity_pool_provider" "this" {
  for_each                           = local.providers
  project                            = module.project.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.this[each.value.pool].workload_identity_pool_id
  workload_identity_pool_provider_id = each.value.id
  attribute_condition                = each.value.attribute_condition
  attribute_mapping                  = merge(try(local.claims[each.value.identity_provider.oidc.template], {}), each.value.attribute_mapping)
  disabled                           = each.value.disabled
  dynamic "aws" {
    for_each = each.value.identity_provider.aws == null ? [] : [each.value.identity_provider.aws]
    content {
      account_id = aws.value.account_id
    }
  }
  dynamic "oidc" {
    for_each = each.value.identity_provider.oidc == null ? [] : [each.value.identity_provider.oidc]
    content {
      issuer_uri        = coalesce(oidc.value.issuer_uri, try(local.issuers[oidc.value.template], null))
      allowed_audiences = oidc.value.allowed_audiences
    }
  }
  dynamic "saml" {
    for_each = each.value.identity_provider.saml == null ? [] : [each.value.identity_provider.saml]
    content {
      idp_metadata_xml = saml.value.idp_metadata_xml
    }
  }
}

output "project_id" { value = module.project.project_id }
output "id" { value = module.project.project_id }
output "number" { value = module.project.number }
output "workload_identity_pool_ids" { value = { for pool, it in google_iam_workload_identity_pool.this : pool => it.name } }
output "workload_identity_provider_ids" { value = { for provider, it in google_iam_workload_identity_pool_provider.this : provider => it.name } }

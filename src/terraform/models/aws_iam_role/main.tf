# A role with a trust policy of its own (iam-role, from version 6).
variable "create" { default = true }
variable "name" { default = null }
variable "use_name_prefix" { default = true }
variable "path" { default = null }
variable "source_trust_policy_documents" { default = [] }
variable "override_trust_policy_documents" { default = [] }
variable "trust_policy_permissions" { default = null }
variable "trust_policy_conditions" { default = [] }
variable "enable_oidc" { default = false }
variable "oidc_account_id" { default = null }
variable "oidc_provider_urls" { default = [] }
variable "oidc_subjects" { default = [] }
variable "oidc_wildcard_subjects" { default = [] }
variable "oidc_audiences" { default = [] }
variable "enable_github_oidc" { default = false }
variable "github_provider" { default = "token.actions.githubusercontent.com" }
variable "enable_bitbucket_oidc" { default = false }
variable "enable_saml" { default = false }
variable "saml_provider_ids" { default = [] }
variable "saml_endpoints" { default = ["https://signin.aws.amazon.com/saml"] }
variable "saml_trust_actions" { default = [] }
variable "max_session_duration" { default = null }
variable "policies" { default = {} }

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  issuers   = [for u in var.oidc_provider_urls : replace(u, "https://", "")]
  bitbucket = try(element(local.issuers, 0), null)
}

data "aws_iam_policy_document" "trust" {
  source_policy_documents   = var.source_trust_policy_documents
  override_policy_documents = var.override_trust_policy_documents

  dynamic "statement" {
    for_each = var.enable_oidc ? local.issuers : []
    iterator = issuer
    content {
      actions = ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${var.oidc_account_id == null ? data.aws_caller_identity.current.account_id : var.oidc_account_id}:oidc-provider/${issuer.value}"]
      }
      dynamic "condition" {
        for_each = length(var.oidc_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringEquals"
          variable = "${issuer.value}:sub"
          values   = var.oidc_subjects
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_wildcard_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringLike"
          variable = "${issuer.value}:sub"
          values   = var.oidc_wildcard_subjects
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_audiences) > 0 ? ["aud"] : []
        content {
          test     = "StringEquals"
          variable = "${issuer.value}:aud"
          values   = var.oidc_audiences
        }
      }
      dynamic "condition" {
        for_each = var.trust_policy_conditions
        iterator = extra
        content {
          test     = extra.value.test
          variable = extra.value.variable
          values   = extra.value.values
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.enable_github_oidc ? ["github"] : []
    content {
      sid     = "GithubOidcAuth"
      actions = ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${var.github_provider}"]
      }
      condition {
        test     = "ForAllValues:StringEquals"
        variable = "${var.github_provider}:iss"
        values   = ["https://${var.github_provider}"]
      }
      condition {
        test     = "ForAllValues:StringEquals"
        variable = "${var.github_provider}:aud"
        values   = coalescelist(var.oidc_audiences, ["sts.amazonaws.com"])
      }
      dynamic "condition" {
        for_each = length(var.oidc_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringEquals"
          variable = "${var.github_provider}:sub"
          values   = [for s in var.oidc_subjects : "repo:${trimprefix(s, "repo:")}"]
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_wildcard_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringLike"
          variable = "${var.github_provider}:sub"
          values   = [for s in var.oidc_wildcard_subjects : "repo:${trimprefix(s, "repo:")}"]
        }
      }
      dynamic "condition" {
        for_each = var.trust_policy_conditions
        iterator = extra
        content {
          test     = extra.value.test
          variable = extra.value.variable
          values   = extra.value.values
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.enable_bitbucket_oidc ? ["bitbucket"] : []
    content {
      sid     = "BitbucketOidcAuth"
      actions = ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]
      principals {
        type        = "Federated"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/${local.bitbucket}"]
      }
      condition {
        test     = "ForAllValues:StringEquals"
        variable = "${local.bitbucket}:aud"
        values   = coalescelist(var.oidc_audiences, ["sts.amazonaws.com"])
      }
      dynamic "condition" {
        for_each = length(var.oidc_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringEquals"
          variable = "${local.bitbucket}:sub"
          values   = var.oidc_subjects
        }
      }
      dynamic "condition" {
        for_each = length(var.oidc_wildcard_subjects) > 0 ? ["sub"] : []
        content {
          test     = "StringLike"
          variable = "${local.bitbucket}:sub"
          values   = var.oidc_wildcard_subjects
        }
      }
      dynamic "condition" {
        for_each = var.trust_policy_conditions
        iterator = extra
        content {
          test     = extra.value.test
          variable = extra.value.variable
          values   = extra.value.values
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.enable_saml ? ["saml"] : []
    content {
      actions = distinct(compact(concat(["sts:TagSession", "sts:AssumeRoleWithSAML"], var.saml_trust_actions)))
      principals {
        type        = "Federated"
        identifiers = var.saml_provider_ids
      }
      condition {
        test     = "StringEquals"
        variable = "SAML:aud"
        values   = var.saml_endpoints
      }
      dynamic "condition" {
        for_each = var.trust_policy_conditions
        iterator = extra
        content {
          test     = extra.value.test
          variable = extra.value.variable
          values   = extra.value.values
        }
      }
    }
  }

  dynamic "statement" {
    for_each = var.trust_policy_permissions == null ? {} : var.trust_policy_permissions
    iterator = own
    content {
      sid         = try(coalesce(own.value.sid, own.key), own.key)
      effect      = try(own.value.effect, null)
      actions     = try(own.value.actions, null)
      not_actions = try(own.value.not_actions, null)
      dynamic "principals" {
        for_each = try(own.value.principals, null) == null ? [] : own.value.principals
        content {
          type        = principals.value.type
          identifiers = principals.value.identifiers
        }
      }
      dynamic "not_principals" {
        for_each = try(own.value.not_principals, null) == null ? [] : own.value.not_principals
        content {
          type        = not_principals.value.type
          identifiers = not_principals.value.identifiers
        }
      }
      dynamic "condition" {
        for_each = try(own.value.condition, null) == null ? [] : own.value.condition
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}

resource "aws_iam_role" "this" {
  count              = var.create ? 1 : 0
  name               = var.use_name_prefix ? null : var.name
  name_prefix        = var.use_name_prefix ? "${var.name}-" : null
  path               = var.path
  max_session_duration = var.max_session_duration
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# What the role may do decides how bad a loose gate is.
resource "aws_iam_role_policy_attachment" "given" {
  for_each   = var.create ? var.policies : {}
  role       = aws_iam_role.this[0].name
  policy_arn = each.value
}

output "arn" { value = try(aws_iam_role.this[0].arn, null) }
output "name" { value = try(aws_iam_role.this[0].name, null) }

# A role for GitHub's workflows (modernisation-platform-github-oidc-role, from version 2.0.1; it takes the claim of the subject from 3.1 on).
variable "github_repositories" {}
variable "subject_claim" { default = "*" }
variable "role_name" { default = null }
variable "policy_arns" { default = [] }

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:oidc-provider/token.actions.githubusercontent.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [for repository in var.github_repositories : "repo:${repository}:${var.subject_claim}"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# What the role may do decides how bad a loose gate is.
resource "aws_iam_role_policy_attachment" "given" {
  for_each   = toset(var.policy_arns)
  role       = aws_iam_role.this.name
  policy_arn = each.value
}

output "role" { value = aws_iam_role.this.arn }
output "role_trust_policy" { value = data.aws_iam_policy_document.trust.json }

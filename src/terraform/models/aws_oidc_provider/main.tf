# An OpenID Connect provider, GitHub's unless told otherwise (iam-github-oidc-provider, iam-oidc-provider).
variable "create" { default = true }
variable "url" { default = "https://token.actions.githubusercontent.com" }
variable "client_id_list" { default = [] }

resource "aws_iam_openid_connect_provider" "this" {
  count          = var.create ? 1 : 0
  url            = var.url
  client_id_list = coalescelist(var.client_id_list, ["sts.amazonaws.com"])
}

output "arn" { value = try(aws_iam_openid_connect_provider.this[0].arn, null) }
output "url" { value = try(aws_iam_openid_connect_provider.this[0].url, null) }

//! Tests of the registry as a whole: documented examples of every vendor, recognition, invariants.

mod claims;
mod custom;
mod recognition;
mod tokens;

use super::registry::FILES;
use super::template::{Values, pointer};
use super::tokens::{Github, github, kubernetes, spiffe};
use super::*;
use crate::token::{Claim, Token};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

const UUID: &str = "66666666-0000-4000-8000-000000000001";

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn templates(url: &str) -> Vec<Template> {
    registry().recognise(url).unwrap_or_else(|| panic!("{url} is not recognised")).templates()
}

fn named(url: &str, name: &str) -> Template {
    templates(url).into_iter().find(|t| t.name.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{url} has no template {name}"))
}

fn everything() -> Vec<(String, Vec<Template>)> {
    registry().issuers().map(|i| (i.id.clone(), registry().as_issuer(&i.id, &example(i)).unwrap().templates())).collect()
}

/// A URL of the issuer, or any.
fn example(issuer: &Issuer) -> String {
    let urls = RECOGNISED.iter().find(|(_, id)| *id == issuer.id).map(|(url, _)| (*url).to_owned());
    urls.unwrap_or_else(|| "https://issuer.example".to_owned())
}

const RECOGNISED: &[(&str, &str)] = &[
    ("token.actions.githubusercontent.com", "github-actions"),
    ("https://token.actions.githubusercontent.com", "github-actions"),
    ("https://Token.Actions.GithubUserContent.com", "github-actions"),
    ("https://token.actions.githubusercontent.com/octocat-inc", "github-actions-enterprise"),
    ("https://token.actions.octocorp.ghe.com", "github-actions-ghe"),
    ("github.com/enterprises/octo", "github-enterprise-url"),
    ("https://ghes.example.com/_services/token", "github-enterprise-server"),
    ("vstoken.actions.githubusercontent.com", "github-vstoken"),
    ("oidc-configuration.audit-log.githubusercontent.com", "github-audit-log"),
    ("https://gitlab.com", "gitlab"),
    ("https://gitlab.example.com", "gitlab-self-managed"),
    ("https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc", "bitbucket"),
    ("https://oidc.circleci.com/org/66666666-0000-4000-8000-000000000001", "circleci"),
    ("https://oidc.circleci.com", "circleci-root"),
    ("https://token.actions.octocorp.ghe.com/octocorp", "github-actions-ghe"),
    ("https://identity.depot.dev", "depot"),
    ("https://eu-oidc.buddyusercontent.com", "buddy"),
    ("https://oidc.modal.com", "modal"),
    ("https://cloud.rwx.com/mint", "rwx"),
    ("https://app.warp.dev", "warp"),
    ("https://issuer.enforce.dev", "chainguard"),
    ("https://app.harness.io/ng/api/oidc/account/vpCkHKsDSxK9_KYfjCTMKA", "harness"),
    ("https://oidc.trigger.dev/acme", "trigger"),
    ("https://acme.semaphoreci.com", "semaphore"),
    (
        "https://ib.oic.prod-aks.azure.com/66666666-0000-4000-8000-000000000001/66666666-0000-4000-8000-000000000002/",
        "aks-identity-binding",
    ),
    ("https://login.partner.microsoftonline.cn/66666666-0000-4000-8000-000000000001/v2.0", "entra"),
    ("https://app.terraform.io", "hcp-terraform"),
    ("https://app.eu.terraform.io", "hcp-terraform-eu"),
    ("https://agent.buildkite.com", "buildkite"),
    ("https://agent.acme.buildkite.dev", "buildkite-other"),
    ("https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", "eks"),
    ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0123456789ABCDEF0123456789ABCDEF", "eks"),
    ("https://oidc-eks.us-east-1.api.aws/id/0123456789ABCDEF0123456789ABCDEF", "eks"),
    ("https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/prod", "gke"),
    ("https://westeurope.oic.prod-aks.azure.com/66666666-0000-4000-8000-000000000001/66666666-0000-4000-8000-000000000002/", "aks"),
    ("https://oidc.prod-aks.azure.com/66666666-0000-4000-8000-000000000001/", "aks"),
    ("https://kubernetes.default.svc.cluster.local", "kubernetes"),
    ("accounts.google.com", "google"),
    ("https://confidentialcomputing.googleapis.com", "confidential-space"),
    ("https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws", "aws-outbound"),
    ("cognito-identity.amazonaws.com", "cognito"),
    ("www.amazon.com", "login-with-amazon"),
    ("graph.facebook.com", "facebook"),
    ("https://vstoken.dev.azure.com/66666666-0000-4000-8000-000000000001", "azure-devops"),
    ("https://login.microsoftonline.com/66666666-0000-4000-8000-000000000001/v2.0", "entra"),
    ("https://sts.windows.net/66666666-0000-4000-8000-000000000001/", "entra-v1"),
    ("https://sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/", "sentinel"),
    ("https://api.pulumi.com/oidc/v2", "pulumi-v2"),
    ("https://studio.iterative.ai/api", "dvc-studio-iterative"),
    ("https://sts.windows.net/cab8a31a-1906-4287-a0d8-4eef66b95f6e/", "sentinel"),
    ("https://oidc.vercel.com", "vercel"),
    ("https://oidc.vercel.com/acme", "vercel-team"),
    ("https://api.pulumi.com/oidc", "pulumi"),
    ("https://acme.app.spacelift.io", "spacelift"),
    ("https://oidc.fly.io/my-org", "fly"),
    ("https://oidc.codefresh.io", "codefresh"),
    ("https://scalr.io", "scalr"),
    ("https://proidc.upbound.io", "upbound"),
    ("https://studio.datachain.ai/api", "dvc-studio"),
    ("https://tokens.cloud.shisho.dev", "shisho"),
    ("https://sandboxes.cloud", "sandboxes"),
    ("https://oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb", "turbonomic"),
    ("https://idcs-0123456789abcdef0123456789abcdef.identity.oraclecloud.com", "oci"),
];

const NOT_RECOGNISED: &[&str] = &[
    "",
    "https://",
    "http://token.actions.githubusercontent.com",
    "https://token.actions.githubusercontent.com.evil.example",
    "https://token.actions.githubusercontent.com//",
    "https://xtoken.actions.githubusercontent.com",
    "https://gitlab.com.evil.example",
    "https://api.pulumi.com",
    "https://oidc.eks.eu-west-1.amazonaws.com.evil.example/id/0123456789ABCDEF0123456789ABCDEF",
    "https://oidc.eks.eu-west-1.amazonaws.com/id/X-Y",
    "https://evil.example/oidc.vercel.com/acme",
    "https://auth.example.com",
    "https://token.actions.githubusercontent.com ",
];

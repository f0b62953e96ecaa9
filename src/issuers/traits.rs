//! What the registry says about an issuer or a template beside its tokens: closed sets of words, so that code asks for a
//! nature and never for a name.

use super::{Issuer, Template};
use serde::Deserialize;

/// Issuers of one product: what configures the product (a customised subject) is about all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// GitHub Actions, in the cloud and on a server of one's own.
    Github,
    /// GitLab, likewise.
    Gitlab,
    /// CircleCI.
    #[serde(rename = "circleci")]
    CircleCi,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Buildkite.
    Buildkite,
    /// HCP Terraform.
    HcpTerraform,
    /// Azure DevOps by its own issuer.
    AzureDevops,
    /// Entra ID, which mints for Azure DevOps too.
    Entra,
}

/// What an issuer stands for when no URL tells which one it is. At most one issuer of the registry has each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandsFor {
    /// The callers of a workload identity pool provider of the kind `aws`: no URL and no JWT.
    AwsCallers,
    /// Any Kubernetes cluster.
    Cluster,
    /// Any SPIFFE server.
    Spiffe,
    /// An issuer that nobody knows.
    Unknown,
}

/// What is particular about an issuer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trait {
    /// Identity pools of Amazon Cognito: the audience is the pool, and guests get tokens.
    IdentityPools,
    /// IAM knows it without a provider resource and keeps no list of clients: `aud` is the token's `azp`
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>).
    NoClientList,
    /// A subject is one account's: whose project or tenant it is in does not matter beside it.
    SubjectIsOneAccount,
    /// Jobs ask Entra's audience unless they are told otherwise (the login action's default).
    EntraAudienceByDefault,
}

/// The nature of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// The subject holds the ids of owner and repository.
    ImmutableIds,
    /// The session of an assumed role.
    RoleSession,
    /// Minted without a login.
    Guest,
}

impl Issuer {
    /// Whether the registry says this of it.
    #[must_use]
    pub fn is(&self, what: Trait) -> bool {
        self.traits.contains(&what)
    }
}

impl Template {
    /// Whether the registry says this of it.
    #[must_use]
    pub fn is(&self, what: Tag) -> bool {
        self.tags.contains(&what)
    }
}

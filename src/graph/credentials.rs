//! How workloads outside of Google Cloud log in: the provider that they name, and what a credential configuration says
//! beside it (<https://google.aip.dev/auth/4117>).

use super::Origin;
use crate::partial::{Text, cut};

/// Who asks to be let in to Google Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// A credential configuration (`external_account`), which names the provider by `//iam.googleapis.com/` and its name.
    Configuration,
    /// A job, which names it by its bare resource name.
    Job,
}

/// How a workload outside of Google Cloud logs in: an `external_account` file, or the step of a job.
#[derive(Debug, Clone)]
pub struct CredentialConfig {
    /// Where.
    pub origin: Origin,
    /// The provider as [`Login`] writes it.
    pub audience: Text,
    /// The e-mail of the service account that is impersonated, if any.
    pub impersonates: Option<Text>,
    /// What it is.
    pub login: Login,
    /// The audience of the token that it presents; none when that is not seen.
    pub asks: Option<Text>,
    /// The rest of an `external_account` configuration; none for a job, and for what only passes an audience on.
    pub external: Option<ExternalAccount>,
}

/// What an `external_account` configuration says beside provider and service account.
#[derive(Debug, Clone)]
pub struct ExternalAccount {
    /// `subject_token_type`.
    pub token_type: Option<Text>,
    /// `universe_domain`.
    pub universe: Option<Text>,
    /// The addresses that the client library calls, in order of their names.
    pub endpoints: Vec<(Endpoint, Text)>,
    /// Where the token of the workload comes from.
    pub source: TokenSource,
}

/// What an address of a configuration is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `token_url`: the workload's token is exchanged there.
    Token,
    /// `token_info_url`: the federated token is looked up there.
    TokenInfo,
    /// `service_account_impersonation_url`: the federated token is sent there.
    Impersonation,
    /// `credential_source.url` of a configuration that is not AWS's: the workload's token comes from there.
    SubjectToken,
    /// `credential_source.url` for AWS: the instance's credentials come from there.
    AwsCredentials,
    /// `credential_source.region_url`.
    AwsRegion,
    /// `credential_source.imdsv2_session_token_url`.
    AwsSession,
    /// `credential_source.regional_cred_verification_url`: the request that is signed with the AWS credentials.
    AwsVerification,
}

/// Where the token of a workload comes from (`credential_source`).
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// AWS credentials: of the environment, else of the instance's metadata.
    Aws {
        /// Sessions of version 2 of the metadata service are used.
        sessions: bool,
        /// `environment_id`.
        environment: Text,
    },
    /// A program prints it.
    Executable {
        /// `command`.
        command: Text,
    },
    /// It is in a file.
    File {
        /// `file`.
        path: Text,
    },
    /// A URL, a certificate, or what cannot be read.
    Other,
}

/// A provider as a login names it: `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`, behind
/// `//iam.googleapis.com/` in a configuration.
#[derive(Debug, Clone)]
pub struct ProviderName {
    /// The project: a number, or wrongly an id.
    pub project: Text,
    /// The pool's id.
    pub pool: Text,
    /// The provider's id; none when the name ends with the pool.
    pub provider: Option<Text>,
}

impl ProviderName {
    /// Reads a name with or without a host in front; none when it is of no such form.
    #[must_use]
    pub fn parse(text: &Text) -> Option<Self> {
        let path = cut::split_once(text, "projects/").map(|(_, rest)| rest)?;
        let (project, rest) = cut::split_once(&path, "/locations/")?;
        let (_, rest) = cut::split_once(&rest, "/workloadIdentityPools/")?;
        let (pool, provider) = match cut::split_once(&rest, "/providers/") {
            Some((pool, provider)) => (pool, Some(provider)),
            None => (rest, None),
        };
        Some(Self { project, pool, provider })
    }
}

//! The names under which clouds' tools look for credentials: variables of the environment, inputs of actions, settings of
//! operators. <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>,
//! <https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains>,
//! <https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/guides/service_principal_client_secret>,
//! <https://cloud.google.com/docs/authentication/application-default-credentials>

/// What a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The id of an access key.
    AwsKeyId,
    /// Its secret.
    AwsSecret,
    /// The token of a session: the key is temporary.
    AwsSession,
    /// Where requests go: it need not be AWS.
    AwsEndpoint,
    /// A file with profiles.
    AwsFile,
    /// The key of a Google service account, as JSON.
    GoogleKey,
    /// A file with credentials.
    GoogleFile,
    /// The password of an application.
    AzureSecret,
    /// The JSON of `az ad sp create-for-rbac`.
    AzureJson,
    /// A certificate of an application.
    AzureCertificate,
    /// Terraform logs in with a token.
    AzureFederated,
}

const NAMES: &[(&str, Part)] = &[
    ("aws_access_key_id", Part::AwsKeyId),
    ("aws_access_key", Part::AwsKeyId),
    ("aws_secret_access_key", Part::AwsSecret),
    ("aws_secret_key", Part::AwsSecret),
    ("aws_session_token", Part::AwsSession),
    ("aws_security_token", Part::AwsSession),
    ("aws_endpoint_url", Part::AwsEndpoint),
    ("aws_endpoint_url_s3", Part::AwsEndpoint),
    ("aws_s3_endpoint", Part::AwsEndpoint),
    ("aws_endpoint", Part::AwsEndpoint),
    ("s3_endpoint", Part::AwsEndpoint),
    ("s3_endpoint_url", Part::AwsEndpoint),
    ("aws_shared_credentials_file", Part::AwsFile),
    ("google_credentials", Part::GoogleKey),
    ("google_credentials_json", Part::GoogleKey),
    ("google_application_credentials_json", Part::GoogleKey),
    ("gcp_sa_key", Part::GoogleKey),
    ("gcp_service_account_key", Part::GoogleKey),
    ("gcloud_service_key", Part::GoogleKey),
    ("gcp_credentials_json", Part::GoogleKey),
    ("google_application_credentials", Part::GoogleFile),
    ("azure_client_secret", Part::AzureSecret),
    ("arm_client_secret", Part::AzureSecret),
    ("azure_credentials", Part::AzureJson),
    ("azure_client_certificate_path", Part::AzureCertificate),
    ("arm_client_certificate_path", Part::AzureCertificate),
    ("arm_client_certificate", Part::AzureCertificate),
    ("azure_federated_token_file", Part::AzureFederated),
    ("arm_use_oidc", Part::AzureFederated),
];

/// What a setting of this name holds, written with `-` or `_`, small or large.
pub(super) fn part(name: &str) -> Option<Part> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, part)| *part);
    // Programs name the endpoint of their storage in their own ways: `MLFLOW_S3_ENDPOINT_URL`.
    let endpoint = name.contains("s3_endpoint") || name.ends_with("_s3_url") || name.contains("minio_endpoint");
    known.or_else(|| endpoint.then_some(Part::AwsEndpoint))
}

#[cfg(test)]
mod tests {
    use super::{Part, part};

    #[test]
    fn a_name_is_known_with_dashes_and_in_any_letters() {
        for name in ["AWS_SECRET_ACCESS_KEY", "aws-secret-access-key", "Aws_Secret-Access_Key"] {
            assert_eq!(part(name), Some(Part::AwsSecret), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY_ID", "MY_AWS_SECRET_ACCESS_KEY", "aws.secret.access.key"] {
            assert_eq!(part(name), None, "{name}");
        }
    }
}

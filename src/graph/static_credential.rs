//! Long-lived credentials of a cloud: where they are made, kept, or handed to a workload instead of an identity. What is
//! secret about them is never part of a fact.

use super::Origin;
use crate::partial::{Text, Trail};
use crate::place::Span;

/// Whose credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Google,
    /// Microsoft Entra and Azure.
    Azure,
    /// The API of a Kubernetes cluster.
    Kubernetes,
}

/// What sort of credential it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CredentialKind {
    /// An access key of an IAM user (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html>).
    AccessKey,
    /// A key of a Google service account (<https://cloud.google.com/iam/docs/service-account-creds#key-types>).
    ServiceAccountKey,
    /// An HMAC key of Cloud Storage (<https://cloud.google.com/storage/docs/authentication/hmackeys>).
    HmacKey,
    /// A password of an application (<https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials>).
    ClientSecret,
    /// A certificate of an application.
    ClientCertificate,
    /// A Secret of type `kubernetes.io/service-account-token`
    /// (<https://kubernetes.io/docs/concepts/security/service-accounts/#get-a-token>).
    AccountToken,
}

/// How the credential stands where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stands {
    /// A declaration makes it.
    Made,
    /// A file keeps it.
    Kept,
    /// A workload gets it.
    Given,
    /// An operator works with it.
    Operated,
    /// A job of CI works with it.
    Job,
    /// Terraform works with it.
    Provider,
}

/// A federated way in beside the credential.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Where it is written.
    pub span: Option<Span>,
    /// The credential takes its place: it is found first, and the federated way is never used.
    pub shadowed: bool,
}

/// The name of a Kubernetes Secret, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// Its namespace; none when it is not written.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl SecretName {
    /// The two may be one Secret.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let spaces = self.namespace.as_ref().zip(other.namespace.as_ref());
        self.name == other.name && spaces.is_none_or(|(a, b)| a == b)
    }
}

/// A ServiceAccount that is bound to `cluster-admin`.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The binding.
    pub span: Span,
}

/// A long-lived credential.
#[derive(Debug, Clone)]
pub struct StaticCredential {
    /// Where.
    pub origin: Origin,
    /// Whose.
    pub cloud: Cloud,
    /// Which sort.
    pub kind: CredentialKind,
    /// How it stands there.
    pub stands: Stands,
    /// The secret itself is written in the file.
    pub written: bool,
    /// It is certain that it is one.
    pub certain: bool,
    /// The name under which it stands.
    pub span: Option<Span>,
    /// The way that came.
    pub trail: Trail,
    /// What stands beside it and needs no secret.
    pub beside: Option<Beside>,
    /// What tells that several places take the same secret: the variable that they all read.
    pub shared: Option<String>,
    /// The Secret that holds it.
    pub secret: Option<SecretName>,
    /// The ServiceAccount of the pods that get it (none in a name: `default`).
    pub account: Option<(Option<Text>, Text)>,
}

impl StaticCredential {
    /// A credential that nothing else is known of.
    #[must_use]
    pub fn new(origin: Origin, cloud: Cloud, kind: CredentialKind, stands: Stands) -> Self {
        Self {
            origin,
            cloud,
            kind,
            stands,
            written: false,
            certain: true,
            span: None,
            trail: None,
            beside: None,
            shared: None,
            secret: None,
            account: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SecretName;

    #[test]
    fn a_secret_is_another_where_name_or_namespace_differ() {
        let secret = |namespace: Option<&str>, name: &str| SecretName { namespace: namespace.map(str::to_owned), name: name.to_owned() };
        let own = secret(Some("shop"), "keys");
        assert!(own.may_be(&secret(Some("shop"), "keys")) && own.may_be(&secret(None, "keys")));
        assert!(!own.may_be(&secret(Some("shop-b"), "keys")) && !own.may_be(&secret(Some("shop"), "key")));
    }
}

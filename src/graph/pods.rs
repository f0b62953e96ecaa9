//! What the settings of pods say about identities: labels, tokens that they project, the node's identity.

use super::Seconds;
use crate::partial::Text;
use crate::place::Span;

/// The label that makes the webhook of AKS give a pod its token
/// (<https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html#pod>).
#[derive(Debug, Clone, Default)]
pub enum UseLabel {
    /// Certainly not there.
    #[default]
    Absent,
    /// `"true"`, a string.
    On(Option<Span>),
    /// Another value.
    Other(Text),
    /// A truth value where labels are strings: the API server refuses the object.
    NotText(Option<Span>),
    /// Not known.
    Unknown,
}

/// A token that a pod projects (<https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken>).
#[derive(Debug, Clone)]
pub struct ProjectedToken {
    /// Whom it is for; none: the API server.
    pub audience: Option<Text>,
    /// How long it lives.
    pub seconds: Option<Seconds>,
    /// Where the containers find it, as far as that is written.
    pub files: Vec<String>,
}

/// A way to an identity that its vendor has given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legacy {
    /// AAD Pod Identity (<https://github.com/Azure/aad-pod-identity>, archived 2023).
    AadPodIdentity,
    /// kube2iam and kiam: the annotation `iam.amazonaws.com/role`.
    NodeBroker,
}

/// Something that hands an identity out in a way that its vendor has given up.
#[derive(Debug, Clone)]
pub struct LegacyIdentity {
    /// Where.
    pub origin: super::Origin,
    /// Which.
    pub way: Legacy,
    /// The setting.
    pub span: Option<Span>,
}

/// What the settings of pods say.
#[derive(Debug, Clone, Default)]
pub struct PodSettings {
    /// The label of the pods.
    pub label: UseLabel,
    /// The same label on what makes the pods, where it does nothing.
    pub label_of_maker: Option<Span>,
    /// The label was read: the kind has a template whose labels the pods get.
    pub labelled: bool,
    /// The containers are told which client they are (`AZURE_CLIENT_ID`).
    pub told_client: bool,
    /// A volume of the Secrets Store, whose driver brings the token.
    pub secrets_store: bool,
    /// The tokens that the pods project.
    pub tokens: Vec<ProjectedToken>,
    /// The namespace is one of the system's, whose pods no webhook changes.
    pub system: bool,
    /// There may be more settings than these.
    pub open: bool,
}

//! What one setting alone says: a peer that is not verified, a secret, a configuration that is refused.

use crate::graph::Origin;
use crate::place::Span;

/// A peer that is taken for what it says it is.
#[derive(Debug, Clone)]
pub struct Unverified {
    /// Where.
    pub origin: Origin,
    /// Who.
    pub peer: Peer,
    /// The setting.
    pub span: Option<Span>,
}

/// The peers whose identity a setting lets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// The kubelet's certificate is not verified.
    Kubelet,
    /// The kubelet's port without authentication.
    KubeletReadOnly,
    /// The kubelet answers whoever asks.
    KubeletAnonymous,
    /// The chart's agents take the kubelet's certificate as it is: its documented default, said aloud.
    KubeletByChart,
    /// Vault's certificate is not verified.
    Vault,
    /// Signatures of images by any identity count.
    AnySigner,
    /// The log of signatures is not asked.
    UnloggedSignatures,
    /// Whoever asks for the bundles of the Workload API as a verifier need not be known.
    Verifier,
    /// A broker may ask for the SVIDs of whatever it names.
    Broker,
    /// Envoy is told not to look at SPIFFE ids.
    SecretDiscovery,
}

/// A secret that stands in a configuration.
#[derive(Debug, Clone)]
pub struct Secret {
    /// Where.
    pub origin: Origin,
    /// What it opens.
    pub kind: SecretKind,
    /// The setting that holds it.
    pub setting: &'static str,
    /// Where the secret is written.
    pub span: Option<Span>,
}

/// What the secrets in SPIRE's configuration open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The server's database.
    Database,
    /// A cloud's API.
    Cloud,
    /// Vault.
    Vault,
    /// Another service.
    Other,
}

/// One setting, or two that exclude each other, with which a program does not start or an object is rejected.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Where.
    pub origin: Origin,
    /// Why.
    pub kind: RefusalKind,
    /// The setting.
    pub span: Option<Span>,
}

/// Why a configuration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalKind {
    /// Two sources of the first bundle.
    TwoBundleSources,
    /// `insecure_bootstrap` beside a mode of bootstrapping again.
    InsecureRebootstrap,
    /// A bundle over http without a socket.
    PlainBundleUrl,
    /// A bundle over https through a socket.
    SecureUrlOverSocket,
    /// No source of the first bundle.
    NoBundleSource,
    /// A cluster of `k8s_psat` without accounts.
    NoAccounts,
    /// A star in an account of `k8s_psat`.
    StarAccount,
    /// `gcp_iit` without projects.
    NoProjects,
    /// `http_challenge` with `tofu` off and any port.
    EveryPort,
    /// The issuer of the discovery provider has no scheme.
    IssuerWithoutScheme,
    /// A ClusterFederatedTrustDomain of profile `https_web` that names the endpoint's id.
    NeedlessEndpointId,
    /// An entry without selectors.
    NoSelectors,
    /// A node entry that federates.
    FederatedNode,
}

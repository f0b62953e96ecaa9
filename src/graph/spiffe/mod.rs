//! SPIFFE and SPIRE: the servers and agents of a trust domain, who registers which workload, and whom the domain trusts.
//!
//! Configuration: <https://github.com/spiffe/spiffe.io>, <https://github.com/spiffe/spire/tree/main/doc>; the resources of
//! the controller manager: <https://github.com/spiffe/spire-controller-manager/tree/main/docs>.

mod entries;
mod settings;

use super::{Origin, Seconds, Setting};
use crate::partial::Text;
use crate::place::Span;

pub use entries::{ClusterIdentity, Controller, Federation, LabelAsks, LabelRequirement, LabelSelector, Registration, RegistrationSource};
pub use settings::{Peer, Refusal, RefusalKind, Secret, SecretKind, Unverified};

/// Everything that a scan says of SPIFFE.
#[derive(Debug, Default)]
pub struct Spiffe {
    /// SPIRE servers.
    pub servers: Vec<SpireServer>,
    /// SPIRE agents.
    pub agents: Vec<SpireAgent>,
    /// OIDC discovery providers.
    pub discoveries: Vec<DiscoveryProvider>,
    /// Registration entries.
    pub entries: Vec<Registration>,
    /// ClusterSPIFFEIDs.
    pub identities: Vec<ClusterIdentity>,
    /// Foreign trust domains whose bundles are fetched.
    pub federations: Vec<Federation>,
    /// Controller managers.
    pub controllers: Vec<Controller>,
    /// Trust domains that meshes are told of.
    pub meshes: Vec<Mesh>,
    /// Where SPIRE's programs are started, with their arguments.
    pub processes: Vec<Process>,
    /// Plugins that are programs of their own.
    pub plugins: Vec<ExternalPlugin>,
    /// Peers that are taken for what they say they are.
    pub unverified: Vec<Unverified>,
    /// Secrets that stand in a configuration.
    pub secrets: Vec<Secret>,
    /// What a program refuses when it starts, as far as one setting alone says so.
    pub refusals: Vec<Refusal>,
}

/// A truth value and where it is written.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// None when it is not known.
    pub on: Option<bool>,
    /// Where.
    pub span: Option<Span>,
}

impl Switch {
    /// Certainly on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.on == Some(true)
    }
}

/// A list of texts.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    /// The texts.
    pub texts: Vec<Text>,
    /// There may be others.
    pub open: bool,
    /// It is written, if only as an empty list.
    pub written: bool,
    /// Where.
    pub span: Option<Span>,
}

impl Listed {
    /// Certainly without any text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && !self.open
    }
}

/// The kind of key that signs tokens (<https://github.com/spiffe/spire/blob/main/doc/spire_server.md>, `jwt_key_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// RS256.
    Rsa,
    /// ES256.
    P256,
    /// ES384.
    P384,
}

/// What signs a server's tokens.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// None when it is not known.
    pub key: Option<KeyType>,
    /// The setting that says so; none for SPIRE's default.
    pub span: Option<Span>,
}

/// A SPIRE server.
#[derive(Debug, Clone)]
pub struct SpireServer {
    /// Where.
    pub origin: Origin,
    /// `trust_domain`.
    pub trust_domain: Option<Text>,
    /// `jwt_issuer`.
    pub issuer: Setting,
    /// What signs its tokens.
    pub key: SigningKey,
    /// `disable_jwt_svids`.
    pub no_tokens: Option<Switch>,
    /// `admin_ids`.
    pub admins: Vec<Text>,
    /// How agents prove who they are.
    pub attestors: Vec<ServerAttestor>,
    /// There may be others.
    pub attestors_open: bool,
    /// How long the SVIDs live that it issues.
    pub lifetimes: Vec<Lifetime>,
    /// `ca_ttl`.
    pub ca_lifetime: Option<Seconds>,
    /// `bundle_endpoint`.
    pub endpoint: Option<BundleEndpoint>,
}

/// Where a server gives its bundle to others.
#[derive(Debug, Clone)]
pub struct BundleEndpoint {
    /// The profile.
    pub profile: Profile,
    /// A certificate of the web is set up (`acme`, `serving_cert_file`); none when it is not known.
    pub certificate: Option<bool>,
    /// Where.
    pub span: Option<Span>,
}

/// How a bundle endpoint shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// `https_web`: a certificate of the web.
    Web,
    /// `https_spiffe`: an X.509 SVID.
    Spiffe,
    /// Not known.
    Unknown,
}

/// How long something lives.
#[derive(Debug, Clone)]
pub struct Lifetime {
    /// What.
    pub of: LifetimeOf,
    /// How long.
    pub seconds: Seconds,
}

/// What has a lifetime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifetimeOf {
    /// An X.509 SVID.
    Certificate,
    /// A JWT SVID.
    Token,
}

/// A node attestor of a server.
#[derive(Debug, Clone)]
pub struct ServerAttestor {
    /// Its name, as the agents' attestor is called.
    pub name: Text,
    /// Where.
    pub span: Option<Span>,
    /// What it asks for.
    pub kind: AttestorKind,
}

/// What the known node attestors ask for.
#[derive(Debug, Clone)]
pub enum AttestorKind {
    /// `k8s_psat` (<https://github.com/spiffe/spire/blob/main/doc/plugin_server_nodeattestor_k8s_psat.md>).
    ProjectedToken {
        /// The clusters.
        clusters: Vec<PsatCluster>,
        /// There may be others.
        open: bool,
    },
    /// `aws_iid` (<https://github.com/spiffe/spire/blob/main/doc/plugin_server_nodeattestor_aws_iid.md>).
    AwsInstance {
        /// `assume_role`.
        assume_role: Setting,
        /// `verify_organization` or a list of clusters says whose instances; none when it is not known.
        bounded: Option<bool>,
        /// `skip_block_device`: a document that was taken from a running instance counts too.
        skip_block_device: Option<Switch>,
    },
    /// `gcp_iit` (<https://github.com/spiffe/spire/blob/main/doc/plugin_server_nodeattestor_gcp_iit.md>).
    GoogleInstance {
        /// `projectid_allow_list`.
        projects: Listed,
    },
    /// `http_challenge` (<https://github.com/spiffe/spire/blob/main/doc/plugin_server_nodeattestor_http_challenge.md>).
    HttpChallenge {
        /// `allowed_dns_patterns`.
        patterns: Listed,
        /// A port below 1024, or one certain port, is asked for; none when it is not known.
        port_bound: Option<bool>,
        /// `tofu`.
        first_use: Option<Switch>,
    },
    /// `x509pop` (<https://github.com/spiffe/spire/blob/main/doc/plugin_server_nodeattestor_x509pop.md>).
    Certificate {
        /// An empty prefix: every SVID of the trust domain becomes an agent.
        any_svid: Option<Span>,
    },
    /// `join_token`.
    JoinToken,
    /// Any other.
    Other,
}

/// A cluster of `k8s_psat`.
#[derive(Debug, Clone)]
pub struct PsatCluster {
    /// Its name.
    pub name: Text,
    /// `service_account_allow_list`: `namespace:account`.
    pub accounts: Listed,
    /// `audience`.
    pub audience: Listed,
    /// A chart fills in the account of its own agent.
    pub charted: bool,
    /// Where.
    pub span: Option<Span>,
}

/// A SPIRE agent.
#[derive(Debug, Clone)]
pub struct SpireAgent {
    /// Where.
    pub origin: Origin,
    /// `trust_domain`.
    pub trust_domain: Option<Text>,
    /// `insecure_bootstrap`.
    pub insecure: Option<Switch>,
    /// `trust_bundle_path`.
    pub bundle_path: Setting,
    /// `trust_bundle_url`.
    pub bundle_url: Setting,
    /// `trust_bundle_unix_socket`.
    pub bundle_socket: Setting,
    /// `rebootstrap_mode`.
    pub rebootstrap: Setting,
    /// `join_token`.
    pub join_token: Setting,
    /// Its node attestor.
    pub attestor: Option<AgentAttestor>,
    /// A chart configures server and agent together.
    pub charted: bool,
}

/// The node attestor of an agent.
#[derive(Debug, Clone)]
pub struct AgentAttestor {
    /// Its name.
    pub name: Text,
    /// `cluster`, for `k8s_psat`.
    pub cluster: Setting,
    /// Where.
    pub span: Option<Span>,
}

/// An OIDC discovery provider (<https://github.com/spiffe/spire/blob/main/support/oidc-discovery-provider/README.md>).
#[derive(Debug, Clone)]
pub struct DiscoveryProvider {
    /// Where.
    pub origin: Origin,
    /// `domains`.
    pub domains: Listed,
    /// `jwt_issuer`.
    pub issuer: Setting,
    /// `workload_api.trust_domain`.
    pub trust_domain: Option<Text>,
    /// `server_path_prefix`.
    pub path_prefix: Setting,
    /// `insecure_addr`.
    pub insecure_address: Setting,
    /// `allow_insecure_scheme`.
    pub insecure_scheme: Option<Switch>,
}

/// A mesh that takes its identities from SPIRE, with the trust domain that it expects
/// (<https://istio.io/latest/docs/ops/integrations/spire/>).
#[derive(Debug, Clone)]
pub struct Mesh {
    /// Where.
    pub origin: Origin,
    /// `meshConfig.trustDomain`.
    pub trust_domain: Text,
}

/// Which of SPIRE's programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `spire-server`.
    Server,
    /// `spire-agent`.
    Agent,
}

/// One of SPIRE's programs as it is started: by a pod, a compose file, a script.
#[derive(Debug, Clone)]
pub struct Process {
    /// Where.
    pub origin: Origin,
    /// Which.
    pub program: Program,
    /// The namespace and the ServiceAccount of its pod.
    pub pod: Option<PodOf>,
    /// `-insecureBootstrap`.
    pub insecure: Option<Span>,
    /// `-joinToken`.
    pub join_token: Option<Text>,
}

/// Whose pod it is.
#[derive(Debug, Clone)]
pub struct PodOf {
    /// The namespace; none when the manifest does not say.
    pub namespace: Option<Text>,
    /// The ServiceAccount.
    pub account: Text,
}

/// A plugin that is a program of its own (<https://github.com/spiffe/spire/blob/main/doc/spire_server.md#plugin-configuration>).
#[derive(Debug, Clone)]
pub struct ExternalPlugin {
    /// Where.
    pub origin: Origin,
    /// `plugin_cmd`.
    pub command: Text,
    /// `plugin_checksum` is set; none when it is not known.
    pub checked: Option<bool>,
}

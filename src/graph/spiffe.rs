//! SPIFFE and SPIRE: the servers and agents of a trust domain, who registers which workload, and whom the domain trusts.
//!
//! Configuration: <https://github.com/spiffe/spiffe.io>, <https://github.com/spiffe/spire/tree/main/doc>; the resources of
//! the controller manager: <https://github.com/spiffe/spire-controller-manager/tree/main/docs>.

use super::{Origin, Seconds, Setting};
use crate::admission::spiffe::Selector;
use crate::partial::Text;
use crate::place::Span;

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
    /// `k8s_sat`, which SPIRE has no more.
    Removed,
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

/// Who says that a workload is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationSource {
    /// A file of entries, or what the server shows.
    File,
    /// `spire-server entry create`.
    Command,
    /// A ClusterStaticEntry.
    Manifest,
}

/// A registration entry (<https://spiffe.io/docs/latest/deploying/registering/>).
#[derive(Debug, Clone)]
pub struct Registration {
    /// Where.
    pub origin: Origin,
    /// What says so.
    pub source: RegistrationSource,
    /// The SPIFFE id.
    pub id: Text,
    /// The parent's id; none for a node entry of the command line.
    pub parent: Option<Text>,
    /// The selectors, all of which a workload has to have.
    pub selectors: Vec<Selector>,
    /// There may be others.
    pub selectors_open: bool,
    /// `-node`: its selectors are those of nodes.
    pub node: bool,
    /// `admin`.
    pub admin: Option<Switch>,
    /// `downstream`.
    pub downstream: Option<Switch>,
    /// `storeSVID`: a plugin puts the SVID into a store, its selectors name the store.
    pub stored: Option<Switch>,
    /// `federatesWith`.
    pub federates_with: Vec<Text>,
    /// How long its SVIDs live.
    pub lifetimes: Vec<Lifetime>,
    /// `className`, for a ClusterStaticEntry.
    pub class: Setting,
}

/// A requirement of a label selector
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>).
#[derive(Debug, Clone)]
pub struct LabelRequirement {
    /// The label.
    pub key: Text,
    /// What is asked of it.
    pub asks: LabelAsks,
}

/// What is asked of a label.
#[derive(Debug, Clone)]
pub enum LabelAsks {
    /// One of these values.
    In(Vec<Text>),
    /// None of these values; the label may be absent.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    Absent,
    /// Not known.
    Unknown,
}

/// A label selector.
#[derive(Debug, Clone, Default)]
pub struct LabelSelector {
    /// All of them are asked for.
    pub requirements: Vec<LabelRequirement>,
    /// There may be others.
    pub open: bool,
}

/// The label that holds a namespace's own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

impl LabelSelector {
    /// Certainly selects everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.open && self.requirements.is_empty()
    }

    /// Asks for a label that has to be set: what does not exclude certain objects only.
    #[must_use]
    pub fn opts_in(&self) -> bool {
        self.open || self.requirements.iter().any(|r| !matches!(r.asks, LabelAsks::NotIn | LabelAsks::Absent))
    }

    /// The namespaces that the selector names, when it names them.
    #[must_use]
    pub fn namespaces(&self) -> Option<&[Text]> {
        self.requirements.iter().find_map(|r| match &r.asks {
            LabelAsks::In(values) if r.key.is_str(NAMESPACE_NAME) => Some(values.as_slice()),
            _ => None,
        })
    }
}

/// A ClusterSPIFFEID: the ids of pods
/// (<https://github.com/spiffe/spire-controller-manager/blob/main/docs/clusterspiffeid-crd.md>).
#[derive(Debug, Clone)]
pub struct ClusterIdentity {
    /// Where.
    pub origin: Origin,
    /// `spiffeIDTemplate`: a Go template.
    pub template: Text,
    /// `podSelector`.
    pub pods: LabelSelector,
    /// `namespaceSelector`.
    pub namespaces: LabelSelector,
    /// `workloadSelectorTemplates`.
    pub selectors: Vec<Text>,
    /// `fallback`: only for pods that no other ClusterSPIFFEID selects.
    pub fallback: Option<Switch>,
    /// `admin`.
    pub admin: Option<Switch>,
    /// `downstream`.
    pub downstream: Option<Switch>,
    /// `className`.
    pub class: Setting,
    /// `federatesWith`.
    pub federates_with: Vec<Text>,
    /// How long its SVIDs live.
    pub lifetimes: Vec<Lifetime>,
    /// A chart sets what is not written: selectors of its own components, the class.
    pub charted: bool,
}

/// A foreign trust domain: a server's `federates_with`, a ClusterFederatedTrustDomain, `spire-server federation create`.
#[derive(Debug, Clone)]
pub struct Federation {
    /// Where.
    pub origin: Origin,
    /// The foreign trust domain.
    pub trust_domain: Text,
    /// Where its bundle is fetched.
    pub url: Option<Text>,
    /// How the endpoint shows who it is.
    pub profile: Profile,
    /// The id of the endpoint.
    pub endpoint_id: Setting,
    /// Where the profile is written.
    pub profile_span: Option<Span>,
    /// `className`, for a manifest; a server has none.
    pub class: Option<Setting>,
}

/// A controller manager (<https://github.com/spiffe/spire-controller-manager/blob/main/docs/spire-controller-manager-config.md>).
#[derive(Debug, Clone)]
pub struct Controller {
    /// Where.
    pub origin: Origin,
    /// `trustDomain`.
    pub trust_domain: Option<Text>,
    /// `className`.
    pub class: Setting,
    /// `watchClassless`.
    pub classless: Option<Switch>,
    /// `clusterName`.
    pub cluster: Option<Text>,
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

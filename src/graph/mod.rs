//! The trust graph: who mints, who is trusted, who gets what. Arenas with typed ids, filled by the readers, joined by links.
//!
//! Every fact keeps the [`Value`]/[`Text`] it was read from, so that a rule can point at the literal that is wrong.

pub mod addresses;
mod anywhere;
mod aws_links;
mod azure;
mod cluster;
mod credentials;
mod google_project;
mod identity_pools;
mod index;
mod instance;
pub mod job;
pub mod job_links;
pub mod links;
pub mod member;
mod pods;
mod policy_part;
pub mod render;
pub mod spiffe;
mod static_credential;
mod undecided;

use crate::admission::cel::google;
use crate::admission::iam::Policy;
use crate::partial::{Text, Trail, Unknown};
use crate::place::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use anywhere::{Authority, Profile, RolesAnywhere, TrustAnchor};
pub use azure::{AksCluster, IdKind, IdSink, IdUse, NodeIdentity, NodeWay, Reach, Repository, RoleGrant, Switch};
pub use cluster::{Cluster, NodeMetadata};
pub use credentials::{CredentialConfig, Endpoint, ExternalAccount, Login, ProviderName, TokenSource};
pub use google_project::{AuditConfig, EnabledApi, GoogleProjects, OrganizationPolicy};
pub use identity_pools::{IdentityPool, IdentityPools, PoolRole, PoolUser};
pub use instance::InstanceMetadata;
pub use job::{
    CiSystem, Conflict, Environment, FactOf, FactValue, ForeignCode, Job, JobAudience, JobIdentity, JobLogin, Minting, Named, NamedBy,
    NoToken, OwnRepository, Start, TokenFact, TokenSet,
};
pub use pods::{Legacy, LegacyIdentity, PodSettings, ProjectedToken, UseLabel};
pub use policy_part::PolicyPart;
pub use static_credential::{Administrator, Beside, Cloud, CredentialKind, SecretName, Stands, StaticCredential};
pub use undecided::{About, GoogleLevel, Undecided, UndecidedKind};

macro_rules! id {
    ($(#[$doc:meta] $name:ident),*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// The index into the arena.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}
id!(
    /// A [`Provider`].
    ProviderId,
    /// A [`Pool`].
    PoolId,
    /// An [`Identity`].
    IdentityId,
    /// A [`Workload`].
    WorkloadId,
    /// A [`Trust`].
    TrustId
);

/// Where a fact was declared.
#[derive(Debug, Clone)]
pub struct Origin {
    /// How a person names it: `aws_iam_role.deploy`, `module.a.google_service_account.x`, `ServiceAccount shop/api`. Whoever
    /// decides by what it is looks at `declared`.
    pub name: String,
    /// What declares it.
    pub declared: Declared,
    /// The block, document or object.
    pub span: Span,
    /// The evaluation it belongs to (a Terraform root folder, a manifest's file): references only hold inside one.
    pub scope: String,
    /// Judged with the defaults of a module that nobody calls.
    pub library: bool,
    /// Judged with a default that only stands in for what a caller passes; the same declaration is judged without it, too.
    pub stands_in: bool,
    /// May be absent.
    pub conditional: bool,
}

/// What declares a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// A block of Terraform, or a command of a script that does the same.
    Block {
        /// Its type: `aws_iam_role`.
        resource: Arc<str>,
        /// It is looked up and not made (`data`).
        looked_up: bool,
        /// The module that it stands in; empty for the root.
        module: Arc<str>,
    },
    /// An object of a manifest or of a template, by its kind or type, where it has one: `IAMServiceAccount`, `AWS::IAM::Role`.
    Object(Arc<str>),
    /// What a cloud's own tool printed: it exists as it stands there.
    Printed,
}

impl Origin {
    /// The block that it is: its type and the module that it stands in.
    #[must_use]
    pub fn block(&self) -> Option<(&str, &str)> {
        match &self.declared {
            Declared::Block { resource, module, .. } => Some((resource, module)),
            _ => None,
        }
    }

    /// It is looked up and not made here (`data`).
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        matches!(self.declared, Declared::Block { looked_up: true, .. })
    }

    /// It stands in a module that something calls.
    #[must_use]
    pub fn in_module(&self) -> bool {
        self.block().is_some_and(|(_, module)| !module.is_empty())
    }
}

/// A cloud's registration of somebody who mints tokens.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Where.
    pub origin: Origin,
    /// What.
    pub kind: ProviderKind,
}

/// The kinds of provider.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// `aws_iam_openid_connect_provider`. An unknown list of client ids is `None`.
    AwsOidc {
        /// The issuer URL, with or without scheme as written.
        url: Text,
        /// `client_id_list`.
        audiences: Option<Vec<Text>>,
        /// Its ARN as other resources see it.
        arn: Option<Text>,
    },
    /// A provider of a Google pool.
    Google(GoogleProvider),
}

/// A Google workload identity pool provider.
#[derive(Debug, Clone)]
pub struct GoogleProvider {
    /// Its pool, when it is in the scan.
    pub pool: Option<PoolId>,
    /// The pool's id as written.
    pub pool_name: Text,
    /// The project that it is in, as its own resource name has it; none where it has none.
    pub project: Option<Text>,
    /// The provider's id.
    pub name: Text,
    /// What it trusts.
    pub source: GoogleSource,
    /// `attribute_condition`; absent when it is certainly not there or empty.
    pub condition: Setting,
    /// `attribute_mapping`: key and expression; `None` when certainly absent (AWS gets the default mapping).
    pub mapping: Option<Vec<(Text, Text)>>,
    /// There may be more mappings than these.
    pub mapping_open: bool,
    /// `disabled: true`.
    pub disabled: bool,
    /// `jwks_json`: the keys of the issuer, when they are uploaded.
    pub keys: Option<Text>,
}

/// An optional string setting.
#[derive(Debug, Clone)]
pub enum Setting {
    /// Certainly not set.
    Absent,
    /// Set to this.
    Set(Text),
    /// One of these is set (an unknown condition chooses); `None` stands for "not set".
    OneOf(Vec<Option<Text>>),
    /// It is not known whether it is set, nor to what.
    Unknown(Unknown),
}

/// Whose tokens a Google provider takes.
#[derive(Debug, Clone)]
pub enum GoogleSource {
    /// An OIDC issuer.
    Oidc {
        /// `issuer_uri`.
        issuer: Text,
        /// `allowed_audiences`; empty means the provider's own resource name.
        audiences: Vec<Text>,
    },
    /// An AWS account.
    Aws {
        /// `account_id`.
        account: Text,
    },
    /// SAML metadata.
    Saml,
    /// A trust store of certificates.
    X509,
    /// Not readable.
    Unknown,
}

/// A Google workload identity pool.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Where.
    pub origin: Origin,
    /// Its id.
    pub name: Text,
    /// The project it is in, as written (an id or a number).
    pub project: Option<Text>,
    /// Where it is said to be.
    pub location: Option<Text>,
    /// The `name` attribute as other resources see it: `projects/<number>/locations/global/workloadIdentityPools/<id>`.
    pub resource_name: Option<Text>,
    /// `disabled: true`.
    pub disabled: bool,
    /// `mode`, where it is set.
    pub mode: Option<Text>,
}

/// Something that a workload can become.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Where.
    pub origin: Origin,
    /// What.
    pub kind: IdentityKind,
}

/// A number of seconds, and where it is written.
#[derive(Debug, Clone)]
pub struct Seconds {
    /// How many.
    pub value: u32,
    /// Where.
    pub span: Option<Span>,
    /// The way it came.
    pub trail: Trail,
}

/// The kinds of identity.
#[derive(Debug, Clone)]
pub enum IdentityKind {
    /// An IAM role.
    AwsRole {
        /// Its name (without path).
        name: Option<Text>,
        /// Its ARN as other resources see it.
        arn: Option<Text>,
        /// `max_session_duration`.
        max_session: Option<Seconds>,
    },
    /// A Google service account.
    GoogleServiceAccount {
        /// Its e-mail as far as it is known.
        email: Text,
    },
    /// A Google resource other than a service account that a federated principal is granted on directly.
    GoogleResource {
        /// `storage_bucket b`, `projects/p`, …
        what: String,
        /// Where it stands.
        level: GoogleLevel,
    },
    /// An Azure application or user-assigned managed identity.
    AzureIdentity {
        /// What its credentials hang on, as written (an id or a reference).
        parent: Text,
    },
}

/// A workload that wants an identity.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Where.
    pub origin: Origin,
    /// What.
    pub kind: WorkloadKind,
}

/// The annotation of the role that EKS gives a ServiceAccount's pods
/// (<https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>).
pub const AWS_ROLE: &str = "eks.amazonaws.com/role-arn";
/// The annotation of the service account that GKE gives them
/// (<https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity>).
pub const GOOGLE_ACCOUNT: &str = "iam.gke.io/gcp-service-account";
/// The annotation of the identity that AKS gives them
/// (<https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>).
pub const AZURE_CLIENT: &str = "azure.workload.identity/client-id";

/// The kinds of workload.
#[derive(Debug, Clone)]
pub enum WorkloadKind {
    /// A Kubernetes ServiceAccount, with the identities its annotations name.
    ServiceAccount {
        /// `metadata.namespace`; none when the manifest does not say.
        namespace: Option<Text>,
        /// `metadata.name`.
        name: Text,
        /// `eks.amazonaws.com/role-arn`.
        aws_role: Option<Text>,
        /// `eks.amazonaws.com/audience`.
        aws_audience: Option<Text>,
        /// `iam.gke.io/gcp-service-account`.
        google_service_account: Option<Text>,
        /// `azure.workload.identity/client-id`.
        azure_client: Option<Text>,
        /// Where the keys of these annotations are written.
        keys: BTreeMap<&'static str, Span>,
        /// The label that belongs on pods.
        azure_label: UseLabel,
        /// There may be other annotations than these, or other values of them: a patch, a chart or a template that is not
        /// in the scan has a say.
        open: bool,
    },
    /// Something outside of the scan puts objects into a namespace (a chart, a remote base): which ServiceAccounts are there
    /// is not known.
    External {
        /// The namespace; none when it may be any.
        namespace: Option<Text>,
    },
    /// A pod or a template of pods (Deployment, Job, …).
    Pods {
        /// `Deployment`, `Pod`, …
        kind: String,
        /// `metadata.namespace`.
        namespace: Option<Text>,
        /// `serviceAccountName`; none means `default`.
        service_account: Option<Text>,
        /// Where `hostNetwork: true` is written.
        host_network: Option<Span>,
        /// What else they say.
        settings: Box<PodSettings>,
    },
}

/// A trust: this identity may be had by tokens that the gate admits.
#[derive(Debug, Clone)]
pub struct Trust {
    /// Where.
    pub origin: Origin,
    /// The identity that is to be had.
    pub identity: IdentityId,
    /// The gate.
    pub gate: Gate,
}

/// What a trust asks of a token.
#[derive(Debug, Clone)]
pub enum Gate {
    /// An IAM trust policy.
    AwsPolicy(Arc<Policy>),
    /// A binding of a role to a member, on a service account or another resource.
    GoogleMember {
        /// The member string.
        member: Text,
        /// The role: `roles/iam.workloadIdentityUser`.
        role: Text,
        /// The IAM condition that is attached.
        condition: Option<BindingCondition>,
        /// How it is bound.
        style: BindingStyle,
    },
    /// An Azure federated identity credential.
    AzureCredential {
        /// `issuer`.
        issuer: Option<Text>,
        /// `subject`.
        subject: Option<Text>,
        /// `audiences`.
        audiences: Vec<Text>,
        /// `claimsMatchingExpression`.
        expression: Option<Text>,
    },
}

/// An IAM condition on a binding (<https://cloud.google.com/iam/docs/conditions-overview>).
#[derive(Debug, Clone)]
pub struct BindingCondition {
    /// The CEL expression; none when it cannot be read.
    pub expression: Option<Text>,
}

impl BindingCondition {
    /// Whether it never holds again.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let standing = self.expression.as_ref().map(|e| google::standing(e, crate::calendar::now()));
        matches!(standing, Some(google::Standing::Ended))
    }
}

impl Gate {
    /// Whether it is a binding that its condition has ended: nobody has anything by it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self, Self::GoogleMember { condition: Some(condition), .. } if condition.has_ended())
    }
}

/// How a Google binding is managed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingStyle {
    /// `_iam_member`: adds one.
    Member,
    /// `_iam_binding`: owns the role.
    Binding,
    /// `_iam_policy`: owns the whole policy.
    Policy,
    /// A policy as exported (`get-iam-policy`).
    Exported,
}

/// What an identity may do: a policy attached to it, a role granted to it.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Where.
    pub origin: Origin,
    /// The identity, when it is in the scan.
    pub identity: Option<IdentityId>,
    /// Who it is granted to, as written.
    pub principal: Text,
    /// What: `arn:aws:iam::aws:policy/AdministratorAccess`, `roles/owner`, an action pattern of a policy document
    /// (`s3:*`), or `NotAction iam:*` for a statement that allows everything but a pattern.
    pub permission: Text,
    /// On what: `projects/p`, `*`.
    pub scope: Option<Text>,
    /// What else the same statement names, beside the first.
    pub others: Vec<Text>,
    /// What is asked beside, all of it: the tests of a statement's `Condition` (`IpAddress aws:SourceIp 10.0.0.0/8`), the
    /// expression of an IAM condition.
    pub asks: Vec<Text>,
}

/// An EKS Pod Identity association: pods of this ServiceAccount get this role without any annotation
/// (<https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html>).
#[derive(Debug, Clone)]
pub struct Association {
    /// Where.
    pub origin: Origin,
    /// The name of the cluster.
    pub cluster: Option<Text>,
    /// The namespace.
    pub namespace: Option<Text>,
    /// The ServiceAccount.
    pub service_account: Option<Text>,
    /// The role's ARN as written.
    pub role: Text,
}

/// Somebody signs as a service account, or reaches another through it: rights that Token Creator has and Workload
/// Identity User has not (<https://cloud.google.com/iam/docs/service-account-permissions>).
#[derive(Debug, Clone)]
pub struct Signing {
    /// Where.
    pub origin: Origin,
    /// The e-mail of the account.
    pub account: Text,
    /// How a person says it.
    pub how: String,
}

/// Who says what the subjects of an issuer's tokens are made of: a customisation of GitHub or GitLab.
#[derive(Debug, Clone)]
pub struct SubjectFormat {
    /// Where.
    pub origin: Origin,
    /// The product whose issuers it is about.
    pub family: crate::issuers::Family,
    /// The project (a repository's name, a project's path); none for a whole organisation.
    pub project: Option<Text>,
    /// The claims.
    pub keys: SubjectKeys,
}

/// The claims of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectKeys {
    /// The issuer's default.
    Default,
    /// Those of the organisation.
    Organisation,
    /// These, in order.
    These(Vec<String>),
    /// Not known.
    Unknown,
}

/// An annotation of a ServiceAccount that nobody reads, because its key is nearly, but not, one that a cloud reads.
#[derive(Debug, Clone)]
pub struct Misspelt {
    /// The ServiceAccount.
    pub origin: Origin,
    /// The key as it is written.
    pub key: Text,
    /// The key that is meant.
    pub meant: &'static str,
}

/// A key of one of Terraform's objects that is written twice: Terraform keeps the last and drops the first without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key.
    pub key: String,
    /// The entry that is lost, from its key to the end of its value.
    pub lost: Span,
    /// The entry that stays.
    pub kept: Span,
}

/// The graph.
#[derive(Debug, Default)]
pub struct Graph {
    /// Providers.
    pub providers: Vec<Provider>,
    /// Google pools.
    pub pools: Vec<Pool>,
    /// Identities.
    pub identities: Vec<Identity>,
    /// Workloads.
    pub workloads: Vec<Workload>,
    /// Trusts.
    pub trusts: Vec<Trust>,
    /// Grants.
    pub grants: Vec<Grant>,
    /// What policies deny identities: each like a grant, whatever its conditions.
    pub denials: Vec<Grant>,
    /// Identities that a permissions boundary holds back: what their policies allow is not all theirs
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>).
    pub bounded: Vec<IdentityId>,
    /// Declarations that own, or add to, allow policies of Google Cloud.
    pub policy_parts: Vec<PolicyPart>,
    /// APIs, audit logs and organisation policies of Google Cloud.
    pub google_projects: GoogleProjects,
    /// IAM Roles Anywhere.
    pub anywhere: RolesAnywhere,
    /// Identity pools of Cognito.
    pub identity_pools: IdentityPools,
    /// EKS Pod Identity associations.
    pub associations: Vec<Association>,
    /// Keys of Terraform's objects that are written twice: all but the last are lost.
    pub duplicates: Vec<DuplicateKey>,
    /// GKE clusters.
    pub clusters: Vec<Cluster>,
    /// How instances of AWS serve the credentials of their roles, where they say so.
    pub instances: Vec<InstanceMetadata>,
    /// How node pools of GKE serve metadata, where they say so.
    pub node_metadata: Vec<NodeMetadata>,
    /// Credential configurations of workloads outside of Google Cloud.
    pub credential_configs: Vec<CredentialConfig>,
    /// Ids of Azure where some kind of id is wanted.
    pub id_uses: Vec<IdUse>,
    /// Roles of Azure and Entra that identities with credentials hold.
    pub role_grants: Vec<RoleGrant>,
    /// Credentials of Azure that certainly name no audience.
    pub without_audience: Vec<Origin>,
    /// AKS clusters.
    pub aks_clusters: Vec<AksCluster>,
    /// Repositories that Terraform declares.
    pub repositories: Vec<Repository>,
    /// Ways to identities that their vendors have given up.
    pub legacy_identities: Vec<LegacyIdentity>,
    /// Ways from pods to the identity of their node.
    pub node_identities: Vec<NodeIdentity>,
    /// Long-lived credentials.
    pub static_credentials: Vec<StaticCredential>,
    /// ServiceAccounts that are bound to `cluster-admin`.
    pub administrators: Vec<Administrator>,
    /// Signatures and delegations of Google service accounts.
    pub signings: Vec<Signing>,
    /// Annotations of ServiceAccounts that nobody reads.
    pub misspelt: Vec<Misspelt>,
    /// CI jobs.
    pub jobs: Vec<Job>,
    /// Deployment environments.
    pub environments: Vec<Environment>,
    /// Customised subjects of CI jobs.
    pub subject_formats: Vec<SubjectFormat>,
    /// SPIFFE and SPIRE.
    pub spiffe: spiffe::Spiffe,
    /// What could not be decided while reading, with the place and the reason.
    pub undecided: Vec<Undecided>,
}

macro_rules! arena {
    ($($push:ident $get:ident $field:ident $id:ident $item:ident),*) => {
        impl Graph {$(
            /// Adds one and returns its id.
            pub fn $push(&mut self, item: $item) -> $id {
                let id = $id(u32::try_from(self.$field.len()).unwrap_or(u32::MAX));
                self.$field.push(item);
                id
            }
            /// The one with this id.
            #[must_use]
            pub fn $get(&self, id: $id) -> Option<&$item> {
                self.$field.get(id.index())
            }
        )*}
    };
}
arena!(
    add_provider provider providers ProviderId Provider,
    add_pool pool pools PoolId Pool,
    add_identity identity identities IdentityId Identity,
    add_trust trust trusts TrustId Trust
);

impl Graph {
    /// Adds one and returns its id.
    pub fn add_workload(&mut self, workload: Workload) -> WorkloadId {
        let id = WorkloadId(u32::try_from(self.workloads.len()).unwrap_or(u32::MAX));
        self.workloads.push(workload);
        id
    }
}

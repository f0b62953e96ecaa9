//! Ids of Azure and Entra, which all look alike and are not: where one is wanted and another given. AKS clusters, and what they offer.

use super::Origin;
use crate::partial::Text;
use crate::place::Span;

/// What an id is an id of (<https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdKind {
    /// The client (application) id, which tokens and logins name.
    Client,
    /// The object id of a service principal or managed identity, which roles are assigned to.
    Principal,
    /// The object id of an application.
    ApplicationObject,
    /// The resource id that Terraform gives an application: `/applications/OBJECT_ID`.
    Application,
    /// The resource id of a managed identity.
    Resource,
    /// A bare GUID.
    Guid,
    /// The tenant.
    Tenant,
}

/// Who wants an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdSink {
    /// `principal_id` of a role assignment.
    RoleAssignment,
    /// `application_id` of a credential or password of an application.
    OfApplication,
    /// The identity that a credential belongs to.
    OfIdentity,
    /// `azure.workload.identity/client-id`.
    Annotation,
    /// A variable or secret of GitHub that logins read as the client id.
    Variable,
}

/// An id is given where some kind of id is wanted.
#[derive(Debug, Clone)]
pub struct IdUse {
    /// Where.
    pub origin: Origin,
    /// Who wants one.
    pub sink: IdSink,
    /// What is given.
    pub given: IdKind,
    /// As it is written: `azurerm_user_assigned_identity.x.principal_id`.
    pub shown: String,
    /// Where it is given.
    pub span: Option<Span>,
}

/// A role of Azure or of Entra that an identity holds.
#[derive(Debug, Clone)]
pub struct RoleGrant {
    /// Where.
    pub origin: Origin,
    /// Who holds it.
    pub identity: super::IdentityId,
    /// The role by its name, or by its id.
    pub role: Text,
    /// On how much.
    pub reach: Reach,
}

/// How far a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The whole tenant.
    Tenant,
    /// A management group.
    ManagementGroup,
    /// A subscription.
    Subscription,
    /// A resource group or a resource.
    Below,
    /// It is not known.
    Unknown,
}

/// An AKS cluster.
#[derive(Debug, Clone)]
pub struct AksCluster {
    /// Where.
    pub origin: Origin,
    /// It has an issuer of tokens; none when that is not known, or is the default of a version.
    pub issuer: Switch,
    /// Its workloads can have identities of Azure.
    pub workload_identity: Switch,
}

/// A setting of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off, as it is written.
    Off(Option<Span>),
    /// Not written, which the vendor takes as off.
    Absent,
    /// Not known.
    Unknown,
}

/// A repository that Terraform declares, with the letters that its forge writes into tokens.
#[derive(Debug, Clone)]
pub struct Repository {
    /// Where.
    pub origin: Origin,
    /// Its owner.
    pub owner: Option<String>,
    /// Its name.
    pub name: Text,
}

/// Pods can reach the identity of the node that they run on.
#[derive(Debug, Clone)]
pub struct NodeIdentity {
    /// Where.
    pub origin: Origin,
    /// How.
    pub way: NodeWay,
    /// The setting.
    pub span: Option<Span>,
}

/// How pods reach the identity of their node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeWay {
    /// The Secrets Store reads with the identity of the virtual machine
    /// (<https://azure.github.io/secrets-store-csi-driver-provider-azure/docs/configurations/identity-access-modes/user-assigned-msi-mode/>).
    MachineIdentity,
    /// The metadata service of EC2 answers over more than one hop
    /// (<https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html>).
    InstanceHops,
}

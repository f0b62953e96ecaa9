//! What reading could not decide: about what, of which kind, where and why.

use super::{IdentityId, WorkloadId};
use crate::place::Span;

/// Where a Google resource stands that roles are granted on. A role on a project, folder or organisation reaches every
/// service account in it; one on a bucket reaches none
/// (<https://cloud.google.com/iam/docs/resource-hierarchy-access-control>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GoogleLevel {
    /// A project, folder or organisation.
    Hierarchy,
    /// A resource inside of a project.
    Resource,
    /// The document does not say.
    Unknown,
}

/// What an undecided thing is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A declaration of which no fact was made.
    Declaration,
    /// An identity.
    Identity(IdentityId),
    /// A Google resource other than a service account.
    GoogleResource(GoogleLevel),
    /// A workload.
    Workload(WorkloadId),
}

/// What sort of thing is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndecidedKind {
    /// Who holds which role of Google Cloud on what.
    GoogleBinding,
    /// The annotations of a workload.
    Annotations,
    /// The trust policy of an identity.
    TrustPolicy,
    /// What an identity may do.
    Permissions,
    /// Anything else that could not be read.
    Unreadable,
}

/// Something that could not be decided. Its text is for people; whoever decides by it looks at the kind and at what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// What it is about.
    pub about: About,
    /// What sort of thing is not known.
    pub kind: UndecidedKind,
    /// Where.
    pub span: Option<Span>,
    /// Why, lower case.
    pub why: String,
}

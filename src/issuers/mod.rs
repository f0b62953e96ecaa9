//! Who mints tokens: one data-driven registry of issuers.
//!
//! An issuer is recognised by its URL. It mints tokens from finitely many [`Template`]s; a template is a set of
//! [`Segment`]s (strings over a small alphabet), and every claim is a sequence of literals and segments, so that
//! correlated claims (`sub` contains `repository`) are correlated by construction.

mod complement;
mod custom;
mod distance;
mod expand;
mod listed;
mod memo;
mod mistakes;
mod recognise;
mod registry;
mod schema;
pub mod template;
#[cfg(test)]
mod tests;
pub mod tokens;
mod traits;

pub use custom::{Fixed, Form, Keys};
pub use distance::nearest;
pub use mistakes::{Mistake, well_known_mistakes};
pub use recognise::Recognised;
pub use registry::{Registry, registry};
pub use schema::{Compared, Flexible, Issuer, SessionTags, Tenancy};
pub use traits::{Family, StandsFor, Tag, Trait};

use std::sync::Arc;

/// What a segment means for the question "whose token is it?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Names the tenant: an organisation, a group, a team. Its holder is a stranger unless the policy names it.
    Tenant,
    /// Names the tenant by an id that is never reused.
    TenantId,
    /// Names a repository, project or workspace inside the tenant (or a ServiceAccount of the cluster).
    Project,
    /// Names it by an id that is never reused.
    ProjectId,
    /// A namespace of the cluster that is the issuer: between tenant and project.
    Namespace,
    /// A branch, tag or other ref.
    Ref,
    /// A deployment environment.
    Environment,
    /// Chosen freely by whoever runs the job: session name, workflow name, requested audience.
    CallerChosen,
    /// New in each token: the id of a step, a job, a container.
    Run,
    /// Anything else.
    Other,
}

/// A variable part of a token.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its name, unique in the template: `owner`, `repository`, `ref`.
    pub name: String,
    /// What it means.
    pub role: Role,
    /// The strings it can be: a regular expression (RE2 syntax, matched whole, no anchors).
    pub alphabet: String,
    /// Readable strings for witnesses, the stranger's first (`evil-corp`). Each is within the alphabet.
    pub samples: Vec<String>,
    /// All that is documented, where the alphabet is only what has been seen: no proof rests on the alphabet then.
    pub guessed: Option<String>,
}

/// A piece of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimPart {
    /// These characters.
    Literal(String),
    /// The segment with this index in [`Template::segments`].
    Segment(usize),
}

/// What sort of event mints the token; the exposure classes ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// A job on a branch.
    Branch,
    /// A job on a tag.
    Tag,
    /// A job of a pull or merge request.
    PullRequest,
    /// A job of a pull request that runs with the target's rights (`pull_request_target`).
    PullRequestTarget,
    /// A job in a deployment environment.
    Environment,
    /// A plan or preview run.
    Preview,
    /// Anything else: pods, sessions, instances.
    Workload,
}

/// One shape of token. A copy shares what both have until one of them changes it.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its name: `branch`, `environment`, `pull-request`, `branch-immutable`.
    pub name: String,
    /// The event.
    pub context: Context,
    /// What it is beside that.
    pub tags: std::collections::BTreeSet<Tag>,
    /// The variable parts.
    pub segments: Arc<Vec<Segment>>,
    /// The claims: name and pieces. An absent claim is not listed.
    pub claims: Arc<Vec<(String, Vec<ClaimPart>)>>,
    /// The claims whose form the vendor does not document: no proof rests on what is said of them here.
    pub undocumented: Vec<String>,
    /// Claims that were asked for and that the registry does not list. Vendors add claims: their absence is likely, not proven.
    pub unlisted: Vec<String>,
}

//! Identity pools of Amazon Cognito, and the roles that they give out
//! (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html>).

use super::index::Index;
use super::links;
use super::{Graph, IdentityId, Origin};
use crate::partial::Text;

/// The identity pools of a scan.
#[derive(Debug, Clone, Default)]
pub struct IdentityPools {
    /// The pools.
    pub pools: Vec<IdentityPool>,
    /// The roles that they give out.
    pub roles: Vec<PoolRole>,
}

/// An identity pool.
#[derive(Debug, Clone)]
pub struct IdentityPool {
    /// Where.
    pub origin: Origin,
    /// Whether it gives identities to those who have not logged in; none when it is not known.
    pub guests: Option<bool>,
}

/// Whom a pool gives a role to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolUser {
    /// Those who have not logged in.
    Guest,
    /// Those who have.
    LoggedIn,
}

/// A role that a pool gives out.
#[derive(Debug, Clone)]
pub struct PoolRole {
    /// Where the role is named.
    pub origin: Origin,
    /// The id of the pool, as written.
    pub pool: Option<Text>,
    /// To whom.
    pub user: PoolUser,
    /// The role's ARN, as written.
    pub role: Text,
}

/// The roles of the scan that are given out, by index into [`IdentityPools::roles`].
pub(super) fn links(graph: &Graph, index: &Index) -> Vec<Vec<IdentityId>> {
    let given = graph.identity_pools.roles.iter();
    given.map(|given| links::roles(graph, index, &given.origin.scope, &given.role)).collect()
}

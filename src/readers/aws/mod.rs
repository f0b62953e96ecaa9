//! AWS: IAM roles, OIDC providers and what is attached to roles.

pub(super) mod anywhere;
pub(super) mod cloudformation;
pub(super) mod documents;
mod policy;
pub(super) mod terraform;
pub(super) mod tools;

use super::context::Reader;
use crate::admission::iam::Policy;
use crate::graph::{About, Gate, IdentityId, Origin, Trust, UndecidedKind};
use crate::partial::Value;
use std::sync::Arc;

/// One trust per document that the value may be.
fn trusts(reader: &mut Reader, origin: &Origin, identity: IdentityId, document: &Value) {
    let trees = reader.documents(
        document,
        &format!("the trust policy of `{}`", origin.name),
        About::Identity(identity),
        UndecidedKind::TrustPolicy,
    );
    let conditional = origin.conditional || trees.len() > 1;
    for tree in trees {
        let origin = Origin { conditional, ..origin.clone() };
        reader.graph.add_trust(Trust { origin, identity, gate: Gate::AwsPolicy(Arc::new(Policy::read(&tree))) });
    }
}

//! AWS: IAM roles, OIDC providers and what is attached to roles.

pub(super) mod anywhere;
pub(super) mod attachments;
pub(super) mod cloudformation;
pub(super) mod cognito;
pub(super) mod documents;
pub(super) mod eksctl;
pub(super) mod instances;
pub(super) mod objects;
mod policy;
pub(super) mod terraform;
pub(super) mod tools;

use super::context::Reader;
use crate::admission::iam::Policy;
use crate::graph::{About, Gate, IdentityId, Origin, ProviderKind, Trust, UndecidedKind};
use crate::partial::{Text, Value, blank};
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
        let tree = blank::opened(&tree).unwrap_or(tree);
        reader.graph.add_trust(Trust { origin, identity, gate: Gate::AwsPolicy(Arc::new(Policy::read(&tree))) });
    }
}

/// An OIDC provider.
fn oidc(url: &Text, audiences: Option<Vec<Text>>, arn: Option<Text>) -> ProviderKind {
    let opened = |text: &Text| blank::text_opened(text).unwrap_or_else(|| text.clone());
    ProviderKind::AwsOidc { url: opened(url), audiences, arn: arn.as_ref().map(opened) }
}

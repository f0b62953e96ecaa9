//! Policies that are attached to roles by declarations of their own, which may stand before the role or the policy.

use super::super::context::{Reader, address_key};
use super::policy;
use crate::graph::addresses;
use crate::graph::{Grant, IdentityId, Origin};
use crate::partial::{Text, Value, cut};

/// A policy and the role that it belongs to.
pub(in crate::readers) struct Attachment {
    /// Where.
    pub(super) origin: Origin,
    /// The role.
    pub(super) owner: Owner,
    /// The role's name, ARN or reference, as written.
    pub(super) role: Text,
    /// The policy.
    pub(super) policy: Attached,
}

/// The role that a policy belongs to.
pub(super) enum Owner {
    /// This one.
    Known(IdentityId),
    /// The one that its name, ARN or reference means.
    Named,
    /// The one that is declared as an object with this key.
    Object(String),
}

/// What is attached.
pub(super) enum Attached {
    /// A managed policy by its ARN, or by a reference to its declaration.
    Managed(Text),
    /// A policy that is declared as an object with this key.
    Object(String),
    /// A document.
    Inline(Value),
}

/// The key of a policy or role that is an object of this group, kind and name.
pub(super) fn object_key(group: &str, kind: &str, name: &str) -> String {
    format!("object|{group}|{kind}|{name}")
}

/// Keeps a policy for later.
pub(super) fn attach(reader: &mut Reader, attachment: Attachment) {
    reader.attachments.push(attachment);
}

/// Keeps the document of a managed policy under the ways that it is referred to.
pub(super) fn keep(reader: &mut Reader, origin: &Origin, name: Option<&Text>, arn: Option<&Text>, document: &Value) {
    let entry = (document.clone(), origin.clone());
    reader.policies.insert(address_key(&origin.scope, &origin.name), entry.clone());
    if let Some(arn) = arn {
        reader.policies.insert(format!("arn|{}", cut::key(arn)), entry.clone());
    }
    if let Some(name) = name {
        reader.policies.insert(format!("policy|{}|{}", origin.scope, cut::key(name)), entry);
    }
}

/// What all roles and policies are known for: the policies become grants.
pub(in crate::readers) fn resolve(reader: &mut Reader) {
    for Attachment { origin, owner, role, policy } in std::mem::take(&mut reader.attachments) {
        let identity = match owner {
            Owner::Known(identity) => Some(identity),
            Owner::Named => reader.role(&origin.scope, &role),
            Owner::Object(key) => reader.identity(&key),
        };
        match policy {
            Attached::Managed(arn) => managed(reader, &origin, identity, &role, arn),
            Attached::Inline(document) => policy::grants(reader, &origin, identity, &role, &document),
            Attached::Object(key) => {
                if let Some((document, declared)) = reader.policies.get(&key).cloned() {
                    policy::grants(reader, &declared, identity, &role, &document);
                }
            }
        }
    }
}

/// A managed policy: its ARN, and what its document allows when it is in the scan.
pub(super) fn managed(reader: &mut Reader, at: &Origin, identity: Option<IdentityId>, principal: &Text, arn: Text) {
    let span = arn.span().unwrap_or(at.span);
    let found = addresses::address(&arn).and_then(|a| reader.looked_up.get(&address_key(&at.scope, a)).cloned());
    let arn = found.unwrap_or(arn);
    let document = managed_document(reader, &at.scope, &arn);
    let origin = Origin { span, ..at.clone() };
    reader.graph.grants.push(Grant {
        origin,
        identity,
        principal: principal.clone(),
        permission: arn,
        scope: None,
        others: Vec::new(),
        asks: Vec::new(),
    });
    if let Some((document, declared)) = document {
        policy::grants(reader, &declared, identity, principal, &document);
    }
}

fn managed_document(reader: &Reader, scope: &str, arn: &Text) -> Option<(Value, Origin)> {
    let by_arn = reader.policies.get(&format!("arn|{}", cut::key(arn)));
    let by_name = || {
        let (_, name) = cut::rsplit_once(arn, "/").filter(|_| !cut::flat(arn).contains("::aws:policy/"))?;
        reader.policies.get(&format!("policy|{scope}|{}", cut::key(&name)))
    };
    let by_reference = || reader.policies.get(&address_key(scope, addresses::address(arn)?));
    by_arn.or_else(by_name).or_else(by_reference).cloned()
}

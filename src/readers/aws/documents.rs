//! AWS in JSON and YAML: trust policies alone and the answers of the `aws` command line
//! (<https://docs.aws.amazon.com/cli/latest/reference/iam/get-role.html>).

use super::super::context::{Object, Reader};
use super::super::shape::{blocks, field, listing, place, seconds, text_at};
use super::attachments::{Attached, Attachment, Owner, attach, keep, object_key};
use super::policy;
use crate::graph::{IdentityId, IdentityKind, Origin, Provider};
use crate::partial::{Text, Value, blank, cut, stand_in};

/// Reads an object when it is one of ours.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if field(value, "apiVersion").is_some() {
        super::objects::custom_resource(reader, object);
    } else if is_trust_policy(value) {
        trust_policy(reader, object);
    } else if let Some(role) = field(value, "Role").filter(|v| field(v, "AssumeRolePolicyDocument").is_some()) {
        exported_role(reader, object, role);
    } else if field(value, "RoleName").is_some() && field(value, "AssumeRolePolicyDocument").is_some() {
        exported_role(reader, object, value);
    } else if field(value, "Url").is_some() && value.get("ClientIDList").is_some() {
        provider(reader, object);
    } else {
        for key in ["Roles", "RoleDetailList"] {
            for role in blocks(value, key).0.into_iter().filter(|r| field(r, "AssumeRolePolicyDocument").is_some()) {
                exported_role(reader, object, role);
            }
        }
        for policy in blocks(value, "Policies").0.into_iter().filter(|p| field(p, "PolicyVersionList").is_some()) {
            managed_policy(reader, object, policy);
        }
        for listed in blocks(value, "OpenIDConnectProviderList").0 {
            listed_provider(reader, object, listed);
        }
    }
}

/// An object with statements that let somebody call STS: identity policies have no principals, resource policies of other
/// services have no `sts:` actions, and resource control policies name resources, which a trust policy may not.
fn is_trust_policy(value: &Value) -> bool {
    let sts = |statement: &&Value| {
        let actions = listing(field(statement, "Action")).texts;
        actions.iter().any(|a| cut::flat(a).to_ascii_lowercase().starts_with("sts:"))
    };
    let principal = |statement: &&Value| field(statement, "Principal").or_else(|| field(statement, "NotPrincipal")).is_some();
    blocks(value, "Statement").0.iter().any(|s| principal(s) && sts(s) && field(s, "Resource").is_none())
}

/// A principal or a condition key holds `${…}`, where IAM knows no policy variables: the text of a `templatefile`.
fn is_template(value: &Value) -> bool {
    let open = |t: &Text| cut::flat(t).contains("${");
    blocks(value, "Statement").0.iter().any(|s| {
        let principals = field(s, "Principal").map(Value::entries).unwrap_or_default();
        let tests = field(s, "Condition").map(Value::entries).unwrap_or_default();
        principals.iter().any(|p| listing(Some(&p.value)).texts.iter().any(open))
            || tests.iter().flat_map(|t| t.value.entries()).any(|t| open(&t.key))
    })
}

fn trust_policy(reader: &mut Reader, object: &Object) {
    if place(object.value).is_some_and(|span| reader.given.contains(&span.file)) {
        return;
    }
    // What nothing of the scan fills in is judged as it is (`pipeline::whole_json`).
    let template = is_template(object.value);
    if template && ![".tpl", ".tftpl"].iter().any(|end| object.file.ends_with(end)) {
        reader.undecided(place(object.value), "the policy is a template: it is judged where it is filled in");
        return;
    }
    let origin = object.origin(object.file);
    let kind = IdentityKind::AwsRole { name: None, arn: None, max_session: None };
    let identity = reader.add_identity(origin.clone(), kind);
    reader.alias(object_key("file", "policy", object.file), identity);
    // A policy that stands alone and holds words to be filled in is filled in somewhere.
    let opened = blank::opened(object.value).filter(|_| template);
    super::trusts(reader, &origin, identity, &opened.unwrap_or_else(|| stand_in::opened(object.value)));
}

pub(super) fn exported_role(reader: &mut Reader, object: &Object, role: &Value) {
    let (name, arn) = (text_at(role, "RoleName"), text_at(role, "Arn"));
    let shown = arn.as_ref().or(name.as_ref()).map_or_else(|| object.file.to_owned(), Text::to_string);
    let named = arn.as_ref().or(name.as_ref()).and_then(Text::span);
    let origin = object.printed_at(shown, role);
    let origin = Origin { span: named.unwrap_or(origin.span), ..origin };
    let kind = IdentityKind::AwsRole { name: name.clone(), arn, max_session: seconds(field(role, "MaxSessionDuration")) };
    let identity = reader.add_identity(origin.clone(), kind);
    if let Some(document) = field(role, "AssumeRolePolicyDocument") {
        super::trusts(reader, &origin, identity, document);
    }
    role_grants(reader, object, role, identity, &name.unwrap_or_else(|| Text::known(&origin.name)));
}

/// `AttachedManagedPolicies` and `RolePolicyList` of `get-account-authorization-details`.
fn role_grants(reader: &mut Reader, object: &Object, role: &Value, identity: IdentityId, principal: &Text) {
    for attached in blocks(role, "AttachedManagedPolicies").0 {
        let Some(arn) = text_at(attached, "PolicyArn") else { continue };
        let origin = object.printed_at(principal.to_string(), attached);
        attach(reader, Attachment { origin, owner: Owner::Known(identity), role: principal.clone(), policy: Attached::Managed(arn) });
    }
    if field(role, "PermissionsBoundary").is_some() {
        reader.graph.bounded.push(identity);
    }
    for inline in blocks(role, "RolePolicyList").0 {
        if let Some(document) = field(inline, "PolicyDocument") {
            policy::grants(reader, &object.printed_at(principal.to_string(), inline), Some(identity), principal, document);
        }
    }
}

/// A managed policy of `get-account-authorization-details`: the version that holds.
fn managed_policy(reader: &mut Reader, object: &Object, policy: &Value) {
    let Some(arn) = text_at(policy, "Arn") else { return };
    let versions = blocks(policy, "PolicyVersionList").0;
    let holds = |version: &&Value| field(version, "IsDefaultVersion").is_some_and(|v| v.as_bool() == Some(true));
    if let Some(document) = versions.into_iter().find(holds).and_then(|v| field(v, "Document")) {
        let origin = object.printed_at(arn.to_string(), policy);
        keep(reader, &origin, None, Some(&arn), document);
    }
}

/// `aws iam get-open-id-connect-provider`: it says everything but its own ARN.
fn provider(reader: &mut Reader, object: &Object) {
    let Some(url) = text_at(object.value, "Url") else { return };
    let clients = listing(object.value.get("ClientIDList"));
    let audiences = (!clients.open && !clients.odd).then_some(clients.texts);
    let origin = object.printed(format!("OIDC provider {url}"));
    reader.graph.add_provider(Provider { origin, kind: super::oidc(&url, audiences, None) });
}

fn listed_provider(reader: &mut Reader, object: &Object, listed: &Value) {
    let Some(arn) = text_at(listed, "Arn") else { return };
    match cut::split_once(&arn, ":oidc-provider/") {
        Some((_, url)) => {
            let origin = object.printed_at(format!("OIDC provider {url}"), listed);
            let kind = super::oidc(&url, None, Some(arn));
            reader.graph.add_provider(Provider { origin, kind });
        }
        None => reader.undecided(place(listed), format!("`{arn}` is not the ARN of an OIDC provider")),
    }
}

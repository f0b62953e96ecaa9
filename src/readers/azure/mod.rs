//! Azure: federated identity credentials of applications and user-assigned managed identities
//! (<https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>).

pub(super) mod bicep;
pub(super) mod clusters;
pub(super) mod ids;
pub(super) mod roles;

use super::context::{Object, Reader, origin};
use super::shape::{any_field, blocks, field, known_at, listing, place, text, text_at, unreadable};
use crate::graph::{About, Gate, IdentityId, IdentityKind, Origin, Trust, UndecidedKind};
use crate::partial::{Kind, Part, Text, Unknown, UnknownKind, Value, blank, cut, stand_in};
use crate::terraform::{Mode, Resource};

/// How deep nested ARM resources are followed.
const MAX_DEPTH: usize = 8;

/// The credentials of Terraform.
pub(super) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    let at = origin(resource);
    match resource.kind.as_str() {
        "azurerm_federated_identity_credential" => {
            credential(reader, at, any_field(body, &["user_assigned_identity_id", "parent_id"]), body);
        }
        "azuread_application_federated_identity_credential" | "azuread_application_flexible_federated_identity_credential" => {
            credential(reader, at, any_field(body, &["application_id", "application_object_id"]), body);
        }
        "azapi_resource" | "azapi_update_resource" => azapi(reader, resource),
        _ => {}
    }
}

fn azapi(reader: &mut Reader, resource: &Resource) {
    let body = &resource.body;
    let kind = known_at(body, "type").unwrap_or_default().to_ascii_lowercase();
    if !kind.contains("/federatedidentitycredentials@") {
        return;
    }
    let at = origin(resource);
    let Some(settings) = field(body, "body") else {
        reader.undecided(Some(at.span), format!("`{}` has no readable `body`", at.name));
        return;
    };
    for settings in reader.documents(settings, &format!("the body of `{}`", at.name), About::Declaration, UndecidedKind::TrustPolicy) {
        let properties = field(&settings, "properties").unwrap_or(&settings);
        credential(reader, at.clone(), field(body, "parent_id"), properties);
    }
}

/// One credential whose settings stand in `body`.
fn credential(reader: &mut Reader, origin: Origin, parent: Option<&Value>, body: &Value) {
    let opened = blank::opened(body);
    let body = opened.as_ref().unwrap_or(body);
    let parent = text(parent).unwrap_or_else(|| {
        let why = "the credential does not say what it belongs to";
        Text::hole(unreadable(Some(origin.span), "parent", why), None)
    });
    let list = listing(any_field(body, &["audiences", "audience"]));
    if list.open || list.odd {
        reader.undecided(
            any_field(body, &["audiences", "audience"]).and_then(place),
            format!("the audience of `{}` is unknown", origin.name),
        );
    }
    let expression =
        text(any_field(body, &["claims_matching_expression", "claimsMatchingExpression"]).map(|e| field(e, "value").unwrap_or(e)));
    let (issuer, subject) = (text_at(body, "issuer"), text_at(body, "subject"));
    for (name, missing) in [("issuer", issuer.is_none()), ("subject", subject.is_none() && expression.is_none())] {
        if missing {
            reader.undecided(Some(origin.span), format!("`{}` has no readable `{name}`", origin.name));
        }
    }
    if any_field(body, &["audiences", "audience"]).is_none() && !body.is_open() && issuer.is_some() {
        reader.graph.without_audience.push(origin.clone());
    }
    let identity = identity(reader, &origin, parent);
    let gate = Gate::AzureCredential { issuer, subject, audiences: list.texts, expression };
    reader.graph.add_trust(Trust { origin, identity, gate });
}

/// Credentials of one parent are ways into one identity.
fn identity(reader: &mut Reader, origin: &Origin, parent: Text) -> IdentityId {
    let known = reader.identity(&format!("azure|{}|{}", origin.scope, cut::key(&parent)));
    known.unwrap_or_else(|| {
        let named = Origin { name: parent.to_string(), ..origin.clone() };
        reader.add_identity(named, IdentityKind::AzureIdentity { parent })
    })
}

/// Credentials in JSON and YAML: loose files, what `az` lists, ARM templates, custom resources.
pub(super) fn document(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if field(value, "apiVersion").is_some() && field(value, "kind").is_some() {
        custom_resource(reader, object);
    } else if is_credential(value) {
        loose(reader, object, value);
    } else if let Some(properties) = field(value, "properties").filter(|p| is_credential(p)) {
        loose(reader, object, properties);
    } else if object.whole && field(value, "$schema").is_some() {
        arm(reader, object, value, None, MAX_DEPTH);
    } else {
        for listed in blocks(value, "value").0 {
            let properties = field(listed, "properties").unwrap_or(listed);
            if is_credential(properties) {
                loose(reader, object, properties);
            }
        }
    }
}

/// The keys that only a credential has together.
fn is_credential(value: &Value) -> bool {
    let claims = field(value, "subject").or_else(|| field(value, "claimsMatchingExpression")).is_some();
    claims && field(value, "issuer").is_some() && field(value, "audiences").is_some()
}

fn loose(reader: &mut Reader, object: &Object, properties: &Value) {
    // Scripts fill such files in (`envsubst`, `sed`) before they hand them to `az`.
    let opened = stand_in::opened(properties);
    let properties = &opened;
    let name = text_at(properties, "name").or_else(|| text_at(object.value, "name"));
    let shown = name.map_or_else(|| object.file.to_owned(), |n| n.to_string());
    let origin = object.origin_at(shown, properties);
    // What `az` lists says in its id whose credential it is
    // (<https://learn.microsoft.com/rest/api/managedidentity/federated-identity-credentials/list>).
    let id = text_at(properties, "id").or_else(|| text_at(object.value, "id"));
    let owner = id.as_ref().and_then(|id| cut::rsplit_once(id, "/federatedIdentityCredentials/")).map(|(owner, _)| owner);
    let owner = owner.unwrap_or_else(|| Text::known(format!("unknown identity of {}", object.file)));
    credential(reader, origin, Some(&Value::new(Kind::Text(owner), place(properties))), properties);
}

/// Azure Service Operator and Crossplane.
fn custom_resource(reader: &mut Reader, object: &Object) {
    if known_at(object.value, "kind").as_deref() != Some("FederatedIdentityCredential") {
        return;
    }
    let Some(spec) = field(object.value, "spec") else { return };
    let spec = field(spec, "forProvider").unwrap_or(spec);
    let name = text(object.value.at(&["metadata", "name"])).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let owner = spec.at(&["owner", "name"]).or_else(|| spec.at(&["owner", "armId"])).or_else(|| field(spec, "parentId"));
    credential(reader, object.origin(format!("FederatedIdentityCredential {name}")), owner, spec);
}

/// An ARM template: its resources, those inside them, and their names' parents.
fn arm(reader: &mut Reader, object: &Object, value: &Value, parent: Option<&Text>, depth: usize) {
    if depth == 0 {
        reader.undecided(place(value), "an ARM template nests its resources too deep");
        return;
    }
    for resource in arm_resources(value) {
        let kind = known_at(resource, "type").unwrap_or_default().to_ascii_lowercase();
        // Microsoft Graph's types carry their version
        let kind = kind.split('@').next().unwrap_or_default();
        if kind == "microsoft.resources/deployments"
            && let Some(template) = field(resource, "properties").and_then(|p| field(p, "template"))
        {
            arm(reader, object, template, None, depth - 1);
            continue;
        }
        let name = text_at(resource, "name").map(|n| expression(object, &n));
        if kind.ends_with("federatedidentitycredentials") {
            let Some(properties) = field(resource, "properties") else { continue };
            let shown = name.as_ref().map_or_else(|| object.file.to_owned(), Text::to_string);
            let own = name.as_ref().and_then(|n| cut::rsplit_once(n, "/")).map(|(parent, _)| parent);
            let owner = own.as_ref().or(parent).cloned().unwrap_or_else(|| Text::known(format!("unknown identity of {}", object.file)));
            let owner = Value::new(Kind::Text(owner), place(resource));
            let properties = arm_values(object, properties, MAX_DEPTH);
            credential(reader, object.origin_at(shown, resource), Some(&owner), &properties);
        }
        arm(reader, object, resource, name.as_ref(), depth - 1);
    }
}

/// The resources of a template: a list, or, since `languageVersion` 2.0, a map from symbolic names
/// (<https://learn.microsoft.com/azure/azure-resource-manager/templates/resource-declaration#use-symbolic-name>).
fn arm_resources(value: &Value) -> Vec<&Value> {
    match field(value, "resources").map(|r| &r.kind) {
        Some(Kind::Map { entries, .. }) => entries.iter().map(|e| &e.value).collect(),
        _ => blocks(value, "resources").0,
    }
}

/// The properties with ARM's `[expressions]` as unknowns.
fn arm_values(object: &Object, value: &Value, depth: usize) -> Value {
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(expression(object, text)),
        Kind::List { items, open } if depth > 0 => {
            Kind::List { items: items.iter().map(|v| arm_values(object, v, depth - 1)).collect(), open: *open }
        }
        Kind::Map { entries, open } if depth > 0 => {
            let entries =
                entries.iter().map(|e| crate::partial::Entry { key: e.key.clone(), value: arm_values(object, &e.value, depth - 1) });
            Kind::Map { entries: entries.collect(), open: *open }
        }
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

/// `[parameters('x')]` is evaluated by Azure; `[[x` is the text `[x`.
fn expression(object: &Object, text: &Text) -> Text {
    let whole = cut::flat(text);
    if !whole.starts_with('[') || whole.starts_with("[[") || !whole.ends_with(']') {
        return text.clone();
    }
    let key = format!("{}|{whole}", object.file);
    let atom = Unknown::new(key, UnknownKind::Any, whole, "Azure evaluates the expression", text.span());
    Text { parts: vec![Part::Hole { atom, span: text.span(), trail: text.trail() }] }
}

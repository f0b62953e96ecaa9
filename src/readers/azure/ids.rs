//! Which kind of id an argument wants, and which it is given: a reference to another resource's attribute says it.
//! <https://registry.terraform.io/providers/hashicorp/azuread/latest/docs/resources/application>,
//! <https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/user_assigned_identity>

use crate::graph::{IdKind, IdSink, IdUse, Origin};
use crate::partial::{AttributeOf, Value, cut};
use crate::readers::context::{Reader, origin};
use crate::readers::shape::{any_field, field, known_at, place, text};
use crate::terraform::{Mode, Resource};

/// The ids that a resource has, by type and attribute.
const SOURCES: &[(&str, &[(&str, IdKind)])] = &[
    (
        "azurerm_user_assigned_identity",
        &[("client_id", IdKind::Client), ("principal_id", IdKind::Principal), ("id", IdKind::Resource), ("tenant_id", IdKind::Tenant)],
    ),
    ("azuread_application", APPLICATION),
    ("azuread_application_registration", APPLICATION),
    (
        "azuread_service_principal",
        &[
            ("client_id", IdKind::Client),
            ("application_id", IdKind::Client),
            ("object_id", IdKind::Principal),
            ("application_tenant_id", IdKind::Tenant),
        ],
    ),
];

const APPLICATION: &[(&str, IdKind)] = &[
    ("client_id", IdKind::Client),
    ("application_id", IdKind::Client),
    ("object_id", IdKind::ApplicationObject),
    ("id", IdKind::Application),
];

/// The kind of id that an attribute of a resource is.
fn source(of: &AttributeOf) -> Option<IdKind> {
    let ids = SOURCES.iter().find(|(known, _)| *known == of.resource)?.1;
    ids.iter().find(|(name, _)| *name == of.attribute).map(|(_, kind)| *kind)
}

/// Notes an id that is given to a sink.
pub(in crate::readers) fn note(reader: &mut Reader, origin: &Origin, sink: IdSink, value: Option<&Value>) {
    let Some(text) = text(value) else { return };
    let span = value.and_then(place).or_else(|| text.span());
    let found = match cut::only_atom(&text) {
        Some(atom) => atom.attribute_of().and_then(|of| Some((source(of)?, format!("{}.{}", of.address, of.attribute)))),
        None => text.as_known().filter(|known| is_guid(known)).map(|known| (IdKind::Guid, known)),
    };
    if let Some((given, shown)) = found {
        reader.graph.id_uses.push(IdUse { origin: origin.clone(), sink, given, shown, span });
    }
}

/// A GUID and nothing else.
fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.bytes().enumerate().all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() })
}

/// The resources that want an id.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    let at = origin(resource);
    match resource.kind.as_str() {
        "azurerm_role_assignment" => note(reader, &at, IdSink::RoleAssignment, field(body, "principal_id")),
        "azuread_directory_role_assignment" | "azuread_app_role_assignment" => {
            note(reader, &at, IdSink::RoleAssignment, field(body, "principal_object_id"));
        }
        "azuread_application_federated_identity_credential"
        | "azuread_application_flexible_federated_identity_credential"
        | "azuread_application_password"
        | "azuread_application_certificate" => note(reader, &at, IdSink::OfApplication, field(body, "application_id")),
        "azurerm_federated_identity_credential" => {
            note(reader, &at, IdSink::OfIdentity, any_field(body, &["user_assigned_identity_id", "parent_id"]));
        }
        kind if kind.starts_with("github_actions_") || kind.starts_with("github_dependabot_") => variable(reader, &at, body),
        _ => {}
    }
}

/// Variables and secrets whose name says that logins read them as the client id.
fn variable(reader: &mut Reader, at: &Origin, body: &Value) {
    let Some(name) = known_at(body, "variable_name").or_else(|| known_at(body, "secret_name")) else { return };
    let name = name.to_ascii_uppercase();
    if ["AZURE_CLIENT_ID", "ARM_CLIENT_ID"]
        .iter()
        .any(|n| name == *n || name.starts_with(&format!("{n}_")) || name.ends_with(&format!("_{n}")))
    {
        note(reader, at, IdSink::Variable, any_field(body, &["value", "plaintext_value"]));
    }
}

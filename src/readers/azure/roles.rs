//! Roles of Azure and of Entra that identities hold
//! (<https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/role_assignment>,
//! <https://registry.terraform.io/providers/hashicorp/azuread/latest/docs/resources/directory_role_assignment>).

use crate::graph::{IdentityId, IdentityKind, Reach, RoleGrant};
use crate::partial::{AttributeOf, Text, UnknownOrigin, cut};
use crate::readers::context::{Reader, origin};
use crate::readers::shape::{any_field, field, text, text_at};
use crate::terraform::Resource;
use std::collections::BTreeMap;

/// How often one reference leads to the next: principal, application, identity.
const MAX_STEPS: usize = 4;

/// What references lead to, by root and address.
struct Known {
    /// The application of a service principal.
    applications: BTreeMap<(String, String), String>,
    /// The name of an Entra role.
    names: BTreeMap<(String, String), Text>,
    /// The identities that credentials belong to.
    identities: BTreeMap<(String, String), IdentityId>,
    /// The same where a script names them by a text.
    texts: BTreeMap<(String, String), IdentityId>,
}

/// The assignments whose holder has a federated credential in the scan.
pub(in crate::readers) fn bind(reader: &mut Reader, resources: &[Resource]) {
    let known = known(reader, resources);
    for resource in resources {
        let at = origin(resource);
        let body = &resource.body;
        let (principal, role, reach, bounded) = match resource.kind.as_str() {
            "azurerm_role_assignment" => {
                let role = any_field(body, &["role_definition_name", "role_definition_id"]);
                let bounded = field(body, "condition").is_some_and(|c| !c.is_null());
                (any_field(body, &["principal_id", "assignee"]), text(role), reach(text_at(body, "scope").as_ref()), bounded)
            }
            "azuread_directory_role_assignment" => {
                let role = text_at(body, "role_id");
                let named = role.as_ref().and_then(attribute).and_then(|of| known.names.get(&(at.scope.clone(), of.address.clone())));
                // A scope is an administrative unit, or one application.
                let bounded = any_field(body, &["directory_scope_id", "app_scope_id"]).is_some_and(|c| !c.is_null());
                (field(body, "principal_object_id"), named.cloned().or(role), Reach::Tenant, bounded)
            }
            _ => continue,
        };
        let (Some(principal), Some(role)) = (text(principal), role) else { continue };
        let Some(identity) = holder(&known, &at.scope, &principal) else { continue };
        let origin = crate::graph::Origin { conditional: at.conditional || bounded, ..at };
        reader.graph.role_grants.push(RoleGrant { origin, identity, role, reach });
    }
}

fn known(reader: &Reader, resources: &[Resource]) -> Known {
    let mut out = Known { applications: BTreeMap::new(), names: BTreeMap::new(), identities: BTreeMap::new(), texts: BTreeMap::new() };
    for resource in resources {
        let scope = origin(resource).scope;
        match resource.kind.as_str() {
            "azuread_service_principal" => {
                let of = text(any_field(&resource.body, &["client_id", "application_id"]));
                if let Some(of) = of.as_ref().and_then(attribute) {
                    out.applications.insert((scope, resource.address.clone()), of.address.clone());
                }
            }
            "azuread_directory_role" => {
                if let Some(name) = text(any_field(&resource.body, &["display_name", "template_id"])) {
                    out.names.insert((scope, resource.address.clone()), name);
                }
            }
            _ => {}
        }
    }
    for id in reader.graph.trusts.iter().map(|t| t.identity) {
        let Some(identity) = reader.graph.identity(id) else { continue };
        let IdentityKind::AzureIdentity { parent } = &identity.kind else { continue };
        if let Some(of) = parent.atoms().find_map(|atom| atom.attribute_of()) {
            out.identities.insert((identity.origin.scope.clone(), of.address.clone()), id);
        }
        out.texts.insert((identity.origin.scope.clone(), cut::key(named(parent))), id);
    }
    out
}

/// What a text is an attribute of.
fn attribute(text: &Text) -> Option<&AttributeOf> {
    cut::only_atom(text)?.attribute_of()
}

/// What a script asked the ids of, step by step: they all name one identity.
fn named(mut text: &Text) -> &Text {
    for _ in 0..MAX_STEPS {
        match cut::only_atom(text).map(crate::partial::Unknown::origin) {
            Some(UnknownOrigin::EntraId(of)) => text = of,
            _ => break,
        }
    }
    text
}

/// The identity that a principal is of.
fn holder(known: &Known, scope: &str, principal: &Text) -> Option<IdentityId> {
    if let Some(id) = known.texts.get(&(scope.to_owned(), cut::key(named(principal)))) {
        return Some(*id);
    }
    let mut at = (scope.to_owned(), attribute(principal)?.address.clone());
    for _ in 0..MAX_STEPS {
        if let Some(id) = known.identities.get(&at) {
            return Some(*id);
        }
        at.1 = known.applications.get(&at)?.clone();
    }
    None
}

/// How far a scope reaches (<https://learn.microsoft.com/azure/role-based-access-control/scope-overview>).
fn reach(scope: Option<&Text>) -> Reach {
    let Some(scope) = scope else { return Reach::Unknown };
    match attribute(scope).map(|of| (of.resource.as_str(), of.attribute.as_str())) {
        Some(("azurerm_subscription", "id")) => return Reach::Subscription,
        Some(("azurerm_management_group", "id")) => return Reach::ManagementGroup,
        Some(_) => return Reach::Below,
        None => {}
    }
    let flat = cut::flat(scope).to_ascii_lowercase();
    let parts: Vec<&str> = flat.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [""] if flat == "/" => Reach::Tenant,
        ["subscriptions", _] => Reach::Subscription,
        ["providers", "microsoft.management", "managementgroups", _] => Reach::ManagementGroup,
        ["subscriptions" | "providers", ..] => Reach::Below,
        _ => Reach::Unknown,
    }
}

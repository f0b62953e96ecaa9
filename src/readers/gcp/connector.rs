//! Config Connector: Google resources as Kubernetes objects
//! (<https://cloud.google.com/config-connector/docs/reference/resource-docs/iam/iampolicymember>).

use super::super::context::{Object, Reader, email};
use super::super::shape::{any_field, blocks, field, is_true, known_at, place, text, text_at};
use super::binding::{Binding, Target, bind_list, bind_value};
use super::{CAMEL, Registered, add_pool, add_provider};
use crate::graph::{BindingStyle, GoogleLevel, IdentityKind, Origin, Pool, UndecidedKind};
use crate::partial::{Text, Value, cut};

const GROUP: &str = "iam.cnrm.cloud.google.com/";

/// The kind, when it is one of Config Connector's IAM kinds.
fn kind(object: &Object) -> Option<String> {
    known_at(object.value, "apiVersion").filter(|v| v.starts_with(GROUP)).and_then(|_| known_at(object.value, "kind"))
}

/// Pools and service accounts.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    let Some(kind) = kind(object) else { return };
    let empty = Value::null();
    let spec = field(object.value, "spec").unwrap_or(&empty);
    let Some(id) = resource_id(object, spec) else { return };
    let project = project(object, spec);
    let origin = object.origin(format!("{kind} {}", display_name(object)));
    match kind.as_str() {
        "IAMServiceAccount" => {
            let email = email(&id, project.as_ref(), &format!("{}|{}", object.file, origin.name));
            reader.add_identity(origin, IdentityKind::GoogleServiceAccount { email });
        }
        "IAMWorkloadIdentityPool" => {
            let disabled = is_true(spec.get("disabled"));
            let (location, mode) = (text_at(spec, "location"), text_at(spec, "mode"));
            add_pool(reader, Pool { origin, name: id, project, location, resource_name: None, disabled, mode });
        }
        _ => {}
    }
}

/// Providers and bindings.
pub(in crate::readers) fn bind(reader: &mut Reader, object: &Object) {
    let Some(kind) = kind(object) else { return };
    let Some(spec) = field(object.value, "spec") else { return };
    let origin = object.origin(format!("{kind} {}", display_name(object)));
    match kind.as_str() {
        "IAMWorkloadIdentityPoolProvider" => provider(reader, object, spec, origin),
        "IAMPolicyMember" => {
            let target = target(reader, object, spec, &origin);
            let Some(binding) = binding(reader, spec, &target, &origin, BindingStyle::Member) else { return };
            member(reader, object, &target, &binding, spec);
        }
        "IAMPolicy" | "IAMPartialPolicy" => {
            let style = if kind == "IAMPolicy" { BindingStyle::Policy } else { BindingStyle::Member };
            let target = target(reader, object, spec, &origin);
            for block in blocks(spec, "bindings").0 {
                let origin = Origin { span: place(block).unwrap_or(origin.span), ..origin.clone() };
                let Some(binding) = binding(reader, block, &target, &origin, style) else { continue };
                if kind == "IAMPolicy" {
                    bind_list(reader, &target, &binding, field(block, "members"));
                } else {
                    blocks(block, "members").0.iter().for_each(|m| member(reader, object, &target, &binding, m));
                }
            }
        }
        _ => {}
    }
}

fn provider(reader: &mut Reader, object: &Object, spec: &Value, origin: Origin) {
    let Some(name) = resource_id(object, spec) else { return };
    let reference = field(spec, "workloadIdentityPoolRef").and_then(|r| any_field(r, &["name", "external"]));
    let pool_name = text(reference).unwrap_or_else(|| {
        let why = "`workloadIdentityPoolRef` names no pool";
        Text::hole(super::super::shape::unreadable(Some(origin.span), "pool", why), None)
    });
    // Objects refer to each other across files: any scope that declares the pool will do.
    let pool = reader.pool(object.file, &pool_name).or_else(|| {
        let all = reader.graph.pools.iter().position(|p| p.name.same(&pool_name))?;
        u32::try_from(all).ok().map(crate::graph::PoolId)
    });
    add_provider(reader, origin, spec, &CAMEL, Registered { pool, pool_name, project: None, name });
}

fn binding(reader: &mut Reader, value: &Value, target: &Target, origin: &Origin, style: BindingStyle) -> Option<Binding> {
    let Some(role) = text_at(value, "role") else {
        reader.undecided_about(
            target.about(),
            UndecidedKind::GoogleBinding,
            Some(origin.span),
            format!("`{}` has no readable `role`", origin.name),
        );
        return None;
    };
    let condition = field(value, "condition").map(super::binding::condition);
    Some(Binding { origin: origin.clone(), role, condition, style })
}

/// `member`, or `memberFrom.serviceAccountRef`.
fn member(reader: &mut Reader, object: &Object, target: &Target, binding: &Binding, value: &Value) {
    if let Some(member) = field(value, "member") {
        bind_value(reader, target, binding, member);
        return;
    }
    let from = value.at(&["memberFrom", "serviceAccountRef"]);
    match from.and_then(|r| any_field(r, &["name", "external"])).and_then(|v| text(Some(v))) {
        Some(account) => {
            let mut member = Text::known("serviceAccount:");
            member.push(&address(object, value, account));
            bind_value(reader, target, binding, &Value::new(crate::partial::Kind::Text(member), place(value)));
        }
        None => reader.undecided_about(
            target.about(),
            UndecidedKind::GoogleBinding,
            place(value),
            format!("who is bound by `{}` is unknown", binding.origin.name),
        ),
    }
}

fn target(reader: &mut Reader, object: &Object, spec: &Value, origin: &Origin) -> Target {
    let reference = field(spec, "resourceRef").or_else(|| field(spec, "resource"));
    let kind = reference.and_then(|r| known_at(r, "kind"));
    let level = match kind.as_deref() {
        Some("Project" | "Folder" | "Organization") => GoogleLevel::Hierarchy,
        Some(_) => GoogleLevel::Resource,
        None => GoogleLevel::Unknown,
    };
    let kind = kind.unwrap_or_else(|| "unknown resource".to_owned());
    let name = text(reference.and_then(|r| any_field(r, &["name", "external"])));
    match name {
        Some(name) if kind == "IAMServiceAccount" => {
            let account = address(object, spec, name);
            Target::ServiceAccount(reader.service_account_or_new(origin, &account))
        }
        Some(name) if level == GoogleLevel::Hierarchy => {
            let collection = format!("{}s/", kind.to_ascii_lowercase());
            let name = cut::strip_prefix(&name, &collection).unwrap_or(name);
            Target::Resource { what: format!("{collection}{name}"), level }
        }
        Some(name) => Target::Resource { what: format!("{kind} {name}"), level },
        None => Target::Resource { what: format!("{kind} of {}", object.file), level },
    }
}

/// The e-mail of an account that is named by its object or by its e-mail.
fn address(object: &Object, spec: &Value, account: Text) -> Text {
    if cut::flat(&account).contains('@') {
        return account;
    }
    email(&account, project(object, spec).as_ref(), object.file)
}

fn resource_id(object: &Object, spec: &Value) -> Option<Text> {
    text_at(spec, "resourceID").or_else(|| text(object.value.at(&["metadata", "name"])))
}

/// `spec.projectRef`, else the annotation, else the namespace (which is named after its project by convention only, so not).
pub(super) fn project(object: &Object, spec: &Value) -> Option<Text> {
    let reference = field(spec, "projectRef").and_then(|r| any_field(r, &["external", "name"]));
    let annotated = object.value.at(&["metadata", "annotations", "cnrm.cloud.google.com/project-id"]);
    let text = text(reference).or_else(|| text(annotated))?;
    Some(cut::strip_prefix(&text, "projects/").unwrap_or(text))
}

fn display_name(object: &Object) -> String {
    let part = |key| text(object.value.at(&["metadata", key]));
    let name = part("name").map_or_else(|| "?".to_owned(), |n| n.to_string());
    part("namespace").map_or(name.clone(), |n| format!("{n}/{name}"))
}

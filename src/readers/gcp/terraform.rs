//! The `google_*` resources of Terraform
//! (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/iam_workload_identity_pool_provider>).

use super::super::context::{Reader, email, origin};
use super::super::shape::{any_field, field, is_true, listing, place, text_at};
use super::binding::{Binding, Target, bind_list, bind_policy, bind_value};
use super::{Registered, SNAKE, add_pool, add_provider};
use crate::graph::{About, BindingStyle, GoogleLevel, IdentityKind, PolicyPart, Pool, Signing, UndecidedKind};
use crate::partial::{Text, Value, cut};
use crate::terraform::{Mode, Resource};
use std::collections::BTreeMap;

/// Pools, providers, service accounts, APIs.
pub(in crate::readers) fn declare(reader: &mut Reader, resource: &Resource) {
    match (resource.mode, resource.kind.as_str()) {
        (Mode::Managed | Mode::Data, "google_iam_workload_identity_pool") => pool(reader, resource),
        (Mode::Managed | Mode::Data, "google_service_account") => service_account(reader, resource),
        _ => {}
    }
}

/// Providers (which need their pools) and bindings.
pub(in crate::readers) fn bind(reader: &mut Reader, resource: &Resource) {
    let managed = resource.mode == Mode::Managed;
    let kind = resource.kind.as_str();
    if kind == "google_iam_workload_identity_pool_provider" && matches!(resource.mode, Mode::Managed | Mode::Data) {
        provider(reader, resource);
    } else if managed && let Some((family, style)) = iam_family(kind) {
        binding(reader, resource, family, style);
    } else if resource.mode == Mode::Data {
        signing(reader, resource);
    }
}

/// Data sources that sign as an account, or reach it through others
/// (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/data-sources/service_account_jwt>).
fn signing(reader: &mut Reader, resource: &Resource) {
    let tokens = ["google_service_account_access_token", "google_service_account_id_token", "google_service_account_jwt"];
    if !tokens.contains(&resource.kind.as_str()) {
        return;
    }
    let mut add = |account: Option<Text>, how: &str| {
        let account = account.map(|a| super::super::context::email_of(&a));
        reader.graph.signings.extend(account.map(|account| Signing { origin: origin(resource), account, how: how.to_owned() }));
    };
    if let Some(first) = listing(field(&resource.body, "delegates")).texts.into_iter().next() {
        add(Some(first), "it is the first of the `delegates`");
    } else if resource.kind == "google_service_account_jwt" {
        add(text_at(&resource.body, "target_service_account"), "a JWT is signed as it (`signJwt`)");
    }
}

fn iam_family(kind: &str) -> Option<(&str, BindingStyle)> {
    let styles = [("_iam_member", BindingStyle::Member), ("_iam_binding", BindingStyle::Binding), ("_iam_policy", BindingStyle::Policy)];
    let (end, style) = styles.into_iter().find(|(end, _)| kind.ends_with(end))?;
    kind.strip_prefix("google_").and_then(|k| k.strip_suffix(end)).map(|family| (family, style))
}

fn pool(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let body = &resource.body;
    let Some(name) = text_at(body, "workload_identity_pool_id") else {
        reader.undecided(Some(at.span), format!("`{}` has no readable `workload_identity_pool_id`", at.name));
        return;
    };
    let disabled = is_true(body.get("disabled"));
    let (project, location, resource_name) = (text_at(body, "project"), text_at(body, "location"), text_at(body, "name"));
    let mode = text_at(body, "mode");
    add_pool(reader, Pool { origin: at, name, project, location, resource_name, disabled, mode });
}

fn provider(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let body = &resource.body;
    let missing = |what: &str| super::super::shape::unreadable(Some(resource.span), what, "it is not written");
    let hole = |what: &str| Text::hole(missing(what), Some(resource.span));
    let pool_name = text_at(body, "workload_identity_pool_id").unwrap_or_else(|| hole("workload_identity_pool_id"));
    let name = text_at(body, "workload_identity_pool_provider_id").unwrap_or_else(|| hole("workload_identity_pool_provider_id"));
    let pool = reader.pool(&at.scope, &pool_name);
    if resource.mode == Mode::Data && any_field(body, &["oidc", "aws", "saml", "x509"]).is_none() {
        // A data source says only that the provider exists.
        reader.undecided(Some(at.span), format!("the settings of `{}` live in the cloud", at.name));
        return;
    }
    add_provider(reader, at, body, &SNAKE, Registered { pool, pool_name, project: None, name });
}

fn service_account(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let body = &resource.body;
    let project = text_at(body, "project");
    let key = format!("{}|{}", resource.root, resource.address);
    let of_id = |account: Text| {
        // A data source takes the e-mail or the whole name in the id's place.
        let account = super::super::context::email_of(&account);
        if cut::flat(&account).contains('@') { account } else { email(&account, project.as_ref(), &key) }
    };
    let Some(address) = text_at(body, "email").or_else(|| text_at(body, "account_id").map(of_id)) else {
        reader.undecided(Some(at.span), format!("`{}` has no readable `account_id`", at.name));
        return;
    };
    reader.add_identity(at, IdentityKind::GoogleServiceAccount { email: address });
}

fn binding(reader: &mut Reader, resource: &Resource, family: &str, style: BindingStyle) {
    let before = reader.graph.trusts.len();
    bind_on(reader, resource, family, style);
    part(reader, resource, family, style, before);
}

/// Which part of a policy the declaration manages.
fn part(reader: &mut Reader, resource: &Resource, family: &str, style: BindingStyle, before: usize) {
    // A command sets the policy once: what a later one adds stays.
    if resource.by_command && style != BindingStyle::Member {
        return;
    }
    let on = match target(reader, resource, family) {
        Some(Target::ServiceAccount(id)) => format!("account {}", id.0),
        // Without a name it is the provider's own project, which may be another one in each module.
        Some(Target::Resource { .. }) => match names(&resource.body, family) {
            Some(names) => format!("{family} {names}"),
            None => return,
        },
        None => return,
    };
    let body = &resource.body;
    let role = text_at(body, "role");
    if role.is_none() && style != BindingStyle::Policy {
        return;
    }
    let condition = super::block(body, "condition").map(super::binding::condition);
    let federated = reader.graph.trusts.len() > before;
    reader.graph.policy_parts.push(PolicyPart { origin: origin(resource), on, role, condition, style, federated });
}

fn bind_on(reader: &mut Reader, resource: &Resource, family: &str, style: BindingStyle) {
    let at = origin(resource);
    let body = &resource.body;
    let Some(target) = target(reader, resource, family) else {
        let about = About::GoogleResource(GoogleLevel::Unknown);
        reader.undecided_about(about, UndecidedKind::GoogleBinding, Some(at.span), format!("what `{}` binds on is unknown", at.name));
        return;
    };
    if style == BindingStyle::Policy {
        let Some(data) = field(body, "policy_data") else {
            reader.undecided_about(
                target.about(),
                UndecidedKind::GoogleBinding,
                Some(at.span),
                format!("`{}` has no readable `policy_data`", at.name),
            );
            return;
        };
        for policy in reader.documents(data, &format!("the policy of `{}`", at.name), target.about(), UndecidedKind::GoogleBinding) {
            bind_policy(reader, &target, &at, style, &policy);
        }
        return;
    }
    let Some(role) = text_at(body, "role") else {
        reader.undecided_about(
            target.about(),
            UndecidedKind::GoogleBinding,
            Some(at.span),
            format!("`{}` has no readable `role`", at.name),
        );
        return;
    };
    let condition = super::block(body, "condition").map(super::binding::condition);
    let binding = Binding { origin: at, role, condition, style };
    let lost = |reader: &mut Reader, argument: &str| {
        let (at, why) = (binding.origin.span, format!("`{}` has no readable `{argument}`", binding.origin.name));
        reader.undecided_about(target.about(), UndecidedKind::GoogleBinding, Some(at), why);
    };
    match style {
        BindingStyle::Member => match field(body, "member") {
            Some(member) => bind_value(reader, &target, &binding, member),
            None => lost(reader, "member"),
        },
        _ => match field(body, "members") {
            Some(members) => bind_list(reader, &target, &binding, Some(members)),
            None => lost(reader, "members"),
        },
    }
}

fn target(reader: &mut Reader, resource: &Resource, family: &str) -> Option<Target> {
    let body = &resource.body;
    if family == "service_account" {
        let at = origin(resource);
        let account = text_at(body, "service_account_id")?;
        return Some(Target::ServiceAccount(reader.service_account_or_new(&at, &account)));
    }
    let level = match family {
        "project" | "folder" | "organization" => GoogleLevel::Hierarchy,
        _ => GoogleLevel::Resource,
    };
    Some(Target::Resource { what: resource_name(body, family), level })
}

/// How a person names the resource that a `google_<family>_iam_*` is about: `projects/p`, `storage_bucket b`.
fn resource_name(body: &Value, family: &str) -> String {
    let collection = match family {
        "project" => Some("projects"),
        "folder" => Some("folders"),
        "organization" => Some("organizations"),
        _ => None,
    };
    let id = resource_id(body, family);
    if let Some(collection) = collection {
        let Some(id) = id.map(|t| t.to_string()) else { return format!("the default {family}") };
        return if id.starts_with(collection) { id } else { format!("{collection}/{id}") };
    }
    match id {
        Some(name) => format!("{family} {name}"),
        None => place(body).map_or_else(|| family.to_owned(), |s| format!("{family} at {}:{}", s.file.0, s.start)),
    }
}

/// Everything that names the resource that a `google_<family>_iam_*` is about: a table has its dataset, too.
fn names(body: &Value, family: &str) -> Option<String> {
    let id = resource_id(body, family)?;
    if matches!(family, "project" | "folder" | "organization") {
        return Some(cut::key(&id));
    }
    let of_binding =
        |key: &str| ["role", "member", "members", "condition", "policy_data", "id", "etag", "count", "for_each"].contains(&key);
    let named = body.entries().iter().filter_map(|e| Some((e.key.as_known()?, e.value.as_text()?))).filter(|(key, _)| !of_binding(key));
    let all: BTreeMap<String, String> = named.map(|(key, text)| (key, cut::key(&text))).collect();
    Some(all.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
}

/// What names the resource that a `google_<family>_iam_*` is about.
fn resource_id(body: &Value, family: &str) -> Option<Text> {
    let hierarchy = match family {
        "project" => Some("project"),
        "folder" => Some("folder"),
        "organization" => Some("org_id"),
        _ => None,
    };
    if let Some(key) = hierarchy {
        return text_at(body, key);
    }
    // The attribute that names the resource differs by type; it is the first that is none of the binding's own.
    let own = [
        "role",
        "member",
        "members",
        "condition",
        "policy_data",
        "project",
        "location",
        "region",
        "zone",
        "id",
        "etag",
        "count",
        "for_each",
    ];
    let name = body.entries().iter().find(|e| !own.contains(&e.key.to_string().as_str()) && e.value.as_text().is_some());
    name.and_then(|e| e.value.as_text())
}

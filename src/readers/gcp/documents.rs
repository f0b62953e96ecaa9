//! What `gcloud` prints as JSON or YAML
//! (<https://cloud.google.com/sdk/gcloud/reference/iam/workload-identity-pools/providers/describe>).

use super::super::context::{Object, Reader};
use super::super::shape::{any_field, blocks, field, is_true, known_at, text_at, unreadable};
use super::binding::{Target, bind_policy};
use super::{CAMEL, Registered, add_pool, add_provider};
use crate::graph::{BindingStyle, GoogleLevel, IdentityKind, Origin, Pool, ProviderKind};
use crate::partial::{Text, Unknown, UnknownKind, Value, cut};

/// Roles that are bound on service accounts only.
const ACCOUNT_ROLES: [&str; 4] = [
    "roles/iam.workloadIdentityUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountOpenIdTokenCreator",
    "roles/iam.serviceAccountUser",
];

/// What an asset of an export says of its resource: the resource as the API has it
/// (<https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel/exportAssets>).
fn inner<'v>(object: &Object<'v>) -> Option<Object<'v>> {
    any_field(object.value, &["assetType", "asset_type"])?;
    let value = object.value.at(&["resource", "data"])?;
    Some(Object { value, whole: false, ..*object })
}

/// Pools and service accounts.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    if let Some(resource) = inner(object) {
        declare(reader, &resource);
        return;
    }
    let value = object.value;
    if field(value, "kind").is_some() && field(value, "apiVersion").is_some() {
        return;
    }
    let Some(name) = text_at(value, "name") else { return };
    let flat = cut::flat(&name);
    if let Some((_, id)) = cut::rsplit_once(&name, "/workloadIdentityPools/").filter(|_| !flat.contains("/providers/")) {
        let project = cut::strip_prefix(&name, "projects/").and_then(|p| cut::split_once(&p, "/")).map(|(p, _)| p);
        let origin = object.printed(name.to_string());
        let (disabled, mode) = (is_true(value.get("disabled")) || is_deleted(value), text_at(value, "mode"));
        add_pool(reader, Pool { origin, name: id, project, location: None, resource_name: Some(name), disabled, mode });
    } else if flat.contains("/serviceAccounts/")
        && !flat.contains("/keys/")
        && let Some(email) = text_at(value, "email")
    {
        reader.add_identity(object.printed(email.to_string()), IdentityKind::GoogleServiceAccount { email });
    }
}

fn is_deleted(value: &Value) -> bool {
    known_at(value, "state").as_deref() == Some("DELETED")
}

/// Providers and policies.
pub(in crate::readers) fn bind(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if field(value, "kind").is_some() && field(value, "apiVersion").is_some() {
        return;
    }
    if let Some(resource) = inner(object) {
        bind(reader, &resource);
    }
    if is_provider(value) {
        provider(reader, object);
    } else if let Some(policy) = any_field(value, &["policy", "iamPolicy", "iam_policy"]).filter(|p| is_policy(p)) {
        asset(reader, object, policy);
    } else if is_policy(value) && (looks_exported(value) || names_policy(object)) {
        policy(reader, object);
    }
}

/// A provider by its name, or (in a file cut down by hand) by settings that nothing else has together.
fn is_provider(value: &Value) -> bool {
    let by_name = text_at(value, "name").is_some_and(|n| {
        let flat = cut::flat(&n);
        flat.contains("workloadIdentityPools/") && flat.contains("/providers/") && !flat.contains("/keys/")
    });
    let settings = ["attributeMapping", "attributeCondition"].iter().any(|k| value.get(k).is_some());
    let source = ["oidc", "aws", "saml", "x509"].iter().any(|k| field(value, k).is_some_and(|v| !v.entries().is_empty()));
    (by_name && (settings || source)) || (settings && source)
}

fn provider(reader: &mut Reader, object: &Object) {
    let value = object.value;
    let name = text_at(value, "name");
    let unnamed = |what: &str| Text::hole(unreadable(super::super::shape::place(value), what, "the document does not say it"), None);
    let (pool_path, id) = match name.as_ref().and_then(|n| cut::rsplit_once(n, "/providers/")) {
        Some((pool, id)) => (pool, id),
        None => (unnamed("pool"), name.clone().unwrap_or_else(|| unnamed("provider"))),
    };
    let pool = reader.pool(object.file, &pool_path);
    let project = cut::strip_prefix(&pool_path, "projects/").and_then(|p| cut::split_once(&p, "/")).map(|(p, _)| p);
    let pool_name = cut::rsplit_once(&pool_path, "workloadIdentityPools/").map_or(pool_path, |(_, id)| id);
    let named = name.as_ref().and_then(Text::span);
    let origin = object.printed(name.map_or_else(|| object.file.to_owned(), |n| n.to_string()));
    let origin = Origin { span: named.unwrap_or(origin.span), ..origin };
    add_provider(reader, origin, value, &CAMEL, Registered { pool, pool_name, project, name: id });
    // A deleted provider exchanges no tokens, and is kept for a while.
    if is_deleted(value)
        && let Some(ProviderKind::Google(google)) = reader.graph.providers.last_mut().map(|p| &mut p.kind)
    {
        google.disabled = true;
    }
}

fn is_policy(value: &Value) -> bool {
    blocks(value, "bindings").0.iter().any(|b| field(b, "role").is_some() && field(b, "members").is_some())
}

fn looks_exported(value: &Value) -> bool {
    // `--flatten=bindings[].members` prints one binding a document.
    if field(value, "bindings").is_some_and(|b| !b.entries().is_empty()) {
        return true;
    }
    field(value, "etag").is_some() || field(value, "version").is_some() || field(value, "auditConfigs").is_some()
}

fn names_policy(object: &Object) -> bool {
    let stem = object.stem().to_ascii_lowercase();
    stem.contains("iam") || stem.contains("policy") || stem.contains("gserviceaccount")
}

/// `gcloud asset search-all-iam-policies`, `gcloud asset list` and exports: here the resource is named.
fn asset(reader: &mut Reader, object: &Object, policy: &Value) {
    let named = |key: &str| text_at(object.value, key);
    let resource = named("resource").or_else(|| named("name").filter(|name| name.known_prefix().starts_with("//")));
    let origin = object.printed(resource.as_ref().map_or_else(|| object.file.to_owned(), |r| r.to_string()));
    let target = match &resource {
        Some(resource) if cut::flat(resource).contains("/serviceAccounts/") => {
            Target::ServiceAccount(reader.service_account_or_new(&origin, resource))
        }
        Some(resource) => Target::Resource { level: level(&resource.to_string()), what: resource.to_string() },
        None => unknown_resource(object),
    };
    bind_policy(reader, &target, &origin, BindingStyle::Exported, policy);
}

/// Where the resource of a full name stands: `//cloudresourcemanager.googleapis.com/projects/p`
/// (<https://cloud.google.com/asset-inventory/docs/asset-names>).
fn level(name: &str) -> GoogleLevel {
    let Some(path) = name.strip_prefix("//cloudresourcemanager.googleapis.com/") else { return GoogleLevel::Resource };
    let ids = ["projects/", "folders/", "organizations/"].into_iter().find_map(|kind| path.strip_prefix(kind));
    if ids.is_some_and(|id| !id.contains('/')) { GoogleLevel::Hierarchy } else { GoogleLevel::Resource }
}

fn unknown_resource(object: &Object) -> Target {
    Target::Resource { what: format!("unknown resource of {}", object.file), level: GoogleLevel::Unknown }
}

/// `get-iam-policy` does not say whose policy it is: the file's name may.
fn policy(reader: &mut Reader, object: &Object) {
    let name = subject_of(object);
    let origin = object.printed(name.clone().unwrap_or_else(|| object.file.to_owned()));
    let target = target(reader, object, &origin, name);
    bind_policy(reader, &target, &origin, BindingStyle::Exported, object.value);
}

fn target(reader: &mut Reader, object: &Object, origin: &Origin, name: Option<String>) -> Target {
    if is_of_project(object.value) {
        return Target::Resource { what: format!("the project of {}", object.file), level: GoogleLevel::Hierarchy };
    }
    let Some(name) = name else { return unknown_resource(object) };
    if name.contains('@') {
        return Target::ServiceAccount(reader.service_account_or_new(origin, &Text::known(name)));
    }
    let roles: Vec<String> = blocks(object.value, "bindings").0.iter().filter_map(|b| known_at(b, "role")).collect();
    if !roles.is_empty() && roles.iter().all(|r| ACCOUNT_ROLES.contains(&r.as_str())) {
        let why = "the policy does not say in which project its service account is";
        let project = Text::hole(Unknown::new(format!("{}|project", object.file), UnknownKind::ProjectId, "${project}", why, None), None);
        let email = super::super::context::email(&Text::known(name), Some(&project), object.file);
        return Target::ServiceAccount(reader.service_account_or_new(origin, &email));
    }
    // A bare name may be a project's.
    Target::Resource { what: name, level: GoogleLevel::Unknown }
}

/// A policy of a project, a folder or an organisation: only those have audit configurations, an owner, and the rights of
/// Google's own agents (<https://cloud.google.com/iam/docs/service-agents>).
fn is_of_project(value: &Value) -> bool {
    let binding = |b: &&Value| {
        let role = known_at(b, "role").unwrap_or_default();
        role == "roles/owner" || (role.starts_with("roles/") && role.ends_with(".serviceAgent"))
    };
    field(value, "auditConfigs").is_some() || blocks(value, "bindings").0.iter().any(binding)
}

/// `deploy@p.iam.gserviceaccount.com.yaml`, `deploy-iam-policy.json`, `iam-policy-deploy.yaml`.
fn subject_of(object: &Object) -> Option<String> {
    let stem = object.stem();
    let ends = ["-iam-policy", "_iam_policy", ".iam-policy", "-iam", "_iam", "-policy", "_policy", ".policy"];
    let starts = ["iam-policy-", "iam_policy_", "get-iam-policy-", "policy-"];
    let cut = ends.iter().find_map(|e| stem.strip_suffix(e)).or_else(|| starts.iter().find_map(|s| stem.strip_prefix(s)));
    let name = cut.filter(|n| !n.is_empty()).or_else(|| stem.contains('@').then_some(stem))?;
    // `get-iam-policy.yaml` names the command, not its subject.
    (!["get", "get-iam", "iam"].contains(&name)).then(|| name.to_owned())
}

//! APIs, audit logs and organisation policies
//! (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/google_project_service>).

use super::super::context::{Reader, origin};
use super::super::shape::{blocks, field, known_at, listing, place, text_at};
use crate::graph::{AuditConfig, EnabledApi, OrganizationPolicy};
use crate::partial::{Text, UnknownKind, Value, cut};
use crate::place::Span;
use crate::terraform::{Mode, Resource};

/// What Terraform manages of them.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    remember_id(reader, resource);
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    match resource.kind.as_str() {
        "google_project_service" => {
            if let Some(service) = text_at(body, "service") {
                reader.graph.google_projects.apis.push(EnabledApi { origin: origin(resource), project: text_at(body, "project"), service });
            }
        }
        "google_project_iam_audit_config" | "google_folder_iam_audit_config" | "google_organization_iam_audit_config" => {
            audit(reader, resource)
        }
        "google_org_policy_policy" => {
            policy(reader, resource, text_at(body, "name").and_then(|n| cut::rsplit_once(&n, "policies/")).map(|(_, c)| c))
        }
        "google_organization_policy" | "google_folder_organization_policy" | "google_project_organization_policy" => {
            let constraint = text_at(body, "constraint").map(|c| cut::strip_prefix(&c, "constraints/").unwrap_or(c));
            policy(reader, resource, constraint);
        }
        _ => {}
    }
}

/// `project = var.project_id`: every resource takes the id there, and some the number too, so that it is likely and no proof
/// (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/provider_reference#project-1>).
fn remember_id(reader: &mut Reader, resource: &Resource) {
    let argument = match resource.kind.as_str() {
        "google_project" => "project_id",
        "provider.google" | "provider.google-beta" => "project",
        kind if kind.starts_with("google_") => "project",
        _ => return,
    };
    if let Some(project) = text_at(&resource.body, argument) {
        remember(reader, &project);
    }
}

/// An unknown that is given where a project's id is taken.
pub(super) fn remember(reader: &mut Reader, project: &Text) {
    if let Some(atom) = cut::only_atom(project).filter(|atom| atom.kind() == UnknownKind::Any) {
        reader.graph.google_projects.ids.insert(atom.clone());
    }
}

fn audit(reader: &mut Reader, resource: &Resource) {
    let Some(service) = text_at(&resource.body, "service") else { return };
    let (logs, open) = blocks(&resource.body, "audit_log_config");
    let kinds: Vec<Option<String>> = logs.iter().map(|log| known_at(log, "log_type")).collect();
    let reads = match kinds.iter().any(|k| k.as_deref() == Some("DATA_READ")) {
        true => Some(true),
        false if open || kinds.iter().any(Option::is_none) => None,
        false => Some(false),
    };
    reader.graph.google_projects.audits.push(AuditConfig { origin: origin(resource), service, reads });
}

fn policy(reader: &mut Reader, resource: &Resource, constraint: Option<Text>) {
    let Some(constraint) = constraint else { return };
    let allows_all = allows_all(&resource.body);
    reader.graph.google_projects.policies.push(OrganizationPolicy { origin: origin(resource), constraint, allows_all });
}

/// `allow_all = "TRUE"` of a rule, `all = true` of a list, or the value `*` or `is:*`.
fn allows_all(body: &Value) -> Option<Span> {
    let rules = blocks(body, "spec").0.into_iter().flat_map(|spec| blocks(spec, "rules").0);
    for rule in rules {
        let all = field(rule, "allow_all").filter(|v| v.as_text().is_some_and(|t| cut::flat(&t).eq_ignore_ascii_case("true")));
        if let Some(span) = all.and_then(place).or_else(|| everything(rule, "values", "allowed_values")) {
            return Some(span);
        }
    }
    let lists = blocks(body, "list_policy").0.into_iter().flat_map(|list| blocks(list, "allow").0);
    for allow in lists {
        let all = field(allow, "all").filter(|v| v.as_bool() == Some(true));
        if let Some(span) = all.and_then(place).or_else(|| star(allow, "values")) {
            return Some(span);
        }
    }
    None
}

fn everything(rule: &Value, block: &str, key: &str) -> Option<Span> {
    blocks(rule, block).0.into_iter().find_map(|values| star(values, key))
}

fn star(values: &Value, key: &str) -> Option<Span> {
    listing(field(values, key)).texts.iter().find(|t| t.is_str("*") || t.is_str("is:*")).and_then(Text::span)
}

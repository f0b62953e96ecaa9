//! What CI systems are told about the subjects of their tokens: GitHub's customisation templates
//! (<https://docs.github.com/en/rest/actions/oidc>) and GitLab's `ci_id_token_sub_claim_components`
//! (<https://docs.gitlab.com/api/projects/>).

use super::super::context::{Object, Reader, origin};
use super::super::shape::{any_field, field, listing, place, text_at};
use crate::graph::{Origin, SubjectFormat, SubjectKeys};
use crate::issuers::Family;
use crate::partial::{Text, Value, cut};
use crate::terraform::{Mode, Resource};

/// The keys of the REST payload; a document with others is something else.
const PAYLOAD: [&str; 3] = ["use_default", "include_claim_keys", "use_immutable_subject"];

/// The customisations of Terraform.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    let at = origin(resource);
    match resource.kind.as_str() {
        "github_actions_organization_oidc_subject_claim_customization_template" => {
            let keys = keys(reader, &at, body, "include_claim_keys").unwrap_or(SubjectKeys::Default);
            add(reader, at, Family::Github, None, keys);
        }
        "github_actions_repository_oidc_subject_claim_customization_template" => {
            let Some(repository) = text_at(body, "repository") else { return };
            let keys = of_repository(reader, &at, body);
            add(reader, at, Family::Github, Some(repository), keys);
        }
        "gitlab_project" => {
            let Some(keys) = keys(reader, &at, body, "ci_id_token_sub_claim_components") else { return };
            // The path is made of the name where it is not written.
            let path = text_at(body, "path").or_else(|| text_at(body, "name").map(|n| slug(&n)));
            if let Some(path) = path {
                add(reader, at, Family::Gitlab, Some(path), keys);
            }
        }
        _ => {}
    }
}

/// The payload of GitHub's REST API in a file of its own: whose it is, nobody says.
pub(in crate::readers) fn document(reader: &mut Reader, object: &Object) {
    if field(object.value, "include_claim_keys").is_none() || !object.whole {
        return;
    }
    let known = |key: Option<String>| key.is_some_and(|k| PAYLOAD.contains(&k.as_str()));
    if !object.value.entries().iter().all(|e| known(e.key.as_known())) {
        return;
    }
    let at = object.origin(object.file_name());
    let keys = of_repository(reader, &at, object.value);
    if matches!(keys, SubjectKeys::These(_)) {
        add(reader, at, Family::Github, None, keys);
    }
}

fn add(reader: &mut Reader, origin: Origin, family: Family, project: Option<Text>, keys: SubjectKeys) {
    reader.graph.subject_formats.push(SubjectFormat { origin, family, project, keys });
}

/// `use_default`, else the keys, else the organisation's.
fn of_repository(reader: &mut Reader, origin: &Origin, body: &Value) -> SubjectKeys {
    let default = field(body, "use_default").map(Value::as_bool);
    match default {
        Some(Some(true)) => SubjectKeys::Default,
        Some(None) => SubjectKeys::Unknown,
        Some(Some(false)) | None => keys(reader, origin, body, "include_claim_keys").unwrap_or(SubjectKeys::Organisation),
    }
}

/// The claims under a key; none when they are certainly not set.
fn keys(reader: &mut Reader, origin: &Origin, body: &Value, key: &str) -> Option<SubjectKeys> {
    let value = any_field(body, &[key])?;
    let list = listing(Some(value));
    let known: Vec<String> = list.texts.iter().filter_map(Text::as_known).collect();
    if list.open || list.odd || known.len() < list.texts.len() {
        let why = format!("the claims of the subject that `{}` sets are not known", origin.name);
        reader.undecided(place(value).or(Some(origin.span)), why);
        return Some(SubjectKeys::Unknown);
    }
    (!known.is_empty()).then_some(SubjectKeys::These(known))
}

/// How GitLab makes a path of a name: lower case, and a `-` for what a path cannot hold.
fn slug(name: &Text) -> Text {
    let Some(known) = name.as_known() else { return name.clone() };
    let letters =
        known.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }).collect::<String>();
    let path = letters.trim_matches('-');
    if path == known { name.clone() } else { Text::known(if path.is_empty() { cut::flat(name) } else { path.to_owned() }) }
}

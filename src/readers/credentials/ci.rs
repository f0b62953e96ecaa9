//! Variables of the other systems of CI: GitLab, CircleCI, Azure Pipelines, Bitbucket, Buildkite.

use super::settings::{self, Setting, Source};
use super::value::Dialect;
use crate::graph::Stands;
use crate::partial::{Kind, Value};
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{field, known_at, place};

/// How deep pipelines are searched.
const MAX_DEPTH: usize = 16;

/// The file is a pipeline of CI.
pub(super) fn is_pipeline(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    is_github(path) || is_other(path, name)
}

fn is_github(path: &str) -> bool {
    path.contains(".github/workflows/") || path.ends_with("action.yml") || path.ends_with("action.yaml")
}

fn is_other(path: &str, name: &str) -> bool {
    name.ends_with(".gitlab-ci.yml")
        || name.ends_with(".gitlab-ci.yaml")
        || path.contains(".gitlab/")
        || path.contains(".circleci/")
        || path.contains(".buildkite/")
        || name.starts_with("azure-pipelines")
        || name.starts_with("bitbucket-pipelines")
}

/// Every map of names and values in the pipeline.
pub(super) fn read(reader: &mut Reader, object: &Object) {
    if is_github(object.file) {
        return;
    }
    let file = object.file;
    let top = object.value.entries();
    for job in top {
        let name = job.key.as_known().unwrap_or_default();
        let mut found = Vec::new();
        within(&job.value, file.contains(".circleci/"), &mut found, MAX_DEPTH);
        let mut seen = Vec::new();
        for found in found {
            if seen.contains(&(found.cloud, found.kind)) {
                continue;
            }
            seen.push((found.cloud, found.kind));
            reader.add_credential(super::of(object.origin_at(format!("{file}, {name}"), &job.value), Stands::Job, found));
        }
    }
}

fn within(value: &Value, circle: bool, out: &mut Vec<settings::Found>, depth: usize) {
    if depth == 0 {
        return;
    }
    match &value.kind {
        Kind::Map { entries, .. } => {
            let settings: Vec<Setting> = entries.iter().filter_map(|e| setting(&e.key.as_known()?, &e.value, circle)).collect();
            out.extend(settings::credentials(&settings, Dialect::Variables));
            entries.iter().for_each(|e| within(&e.value, circle, out, depth - 1));
        }
        Kind::List { items, .. } => {
            // `- name: X` with `value: y`, of Azure Pipelines
            let pairs: Vec<Setting> = items.iter().filter_map(|v| setting(&known_at(v, "name")?, field(v, "value")?, circle)).collect();
            out.extend(settings::credentials(&pairs, Dialect::Variables));
            items.iter().for_each(|v| within(v, circle, out, depth - 1));
        }
        _ => {}
    }
}

/// A variable. GitLab's may be a map with a `value`; CircleCI's orbs take the name of a variable as their argument
/// (<https://circleci.com/docs/reusing-config/#environment-variable-name>).
fn setting(name: &str, value: &Value, circle: bool) -> Option<Setting> {
    let value = field(value, "value").unwrap_or(value);
    let text = value.as_text()?;
    let by_name = circle && text.as_known().is_some_and(|t| super::names::part(&t).is_some() || is_variable(&t));
    let source = if by_name { Source::Secret(None) } else { Source::Value(text) };
    Setting::named(name, source, place(value))
}

fn is_variable(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

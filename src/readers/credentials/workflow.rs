//! Jobs of GitHub that log in with a key: inputs of actions and variables of the environment.

use super::names;
use super::settings::{self, Setting, Source};
use super::value::Dialect;
use crate::graph::{Beside, Cloud, Stands, StaticCredential};
use crate::partial::{Entry, Value, cut};
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{blocks, field, known_at, place, text_at};
use std::collections::BTreeMap;

/// Inputs of the clouds' own actions whose names say nothing by themselves.
const INPUTS: &[(&str, &str, names::Part)] = &[
    ("google-github-actions/auth@", "credentials_json", names::Part::GoogleKey),
    ("google-github-actions/setup-gcloud@", "service_account_key", names::Part::GoogleKey),
    ("google-github-actions/setup-gcloud@", "credentials_json", names::Part::GoogleKey),
    ("azure/login@", "creds", names::Part::AzureJson),
];

/// Settings of storage that is not AWS's, by the names that tools give them.
const ENDPOINT_WORDS: [&str; 3] = ["endpoint", "r2.cloudflarestorage", "s3-url"];

/// The jobs of a workflow, or the steps of a composite action.
pub(super) fn read(reader: &mut Reader, object: &Object) {
    let workflow = object.value;
    let federated = logins(workflow);
    for job in workflow.get("jobs").map(Value::entries).unwrap_or_default() {
        let name = job.key.as_known().unwrap_or_default();
        let shown = format!("job {name}");
        if elsewhere(&job.value) || workflow.get("env").is_some_and(elsewhere) {
            continue;
        }
        steps(reader, object, &shown, &job.value, &[workflow, &job.value], &federated);
    }
    if let Some(runs) = workflow.get("runs") {
        steps(reader, object, object.file, runs, &[], &federated);
    }
}

fn steps(reader: &mut Reader, object: &Object, shown: &str, holder: &Value, around: &[&Value], federated: &BTreeMap<Cloud, Beside>) {
    let mut found = Vec::new();
    for scope in around {
        let settings: Vec<Setting> = scope.get("env").map(Value::entries).unwrap_or_default().iter().filter_map(setting).collect();
        found.extend(settings::credentials(&settings, Dialect::Github));
    }
    for step in blocks(holder, "steps").0 {
        found.extend(settings::credentials(&inputs(step), Dialect::Github));
        let environment: Vec<Setting> = step.get("env").map(Value::entries).unwrap_or_default().iter().filter_map(setting).collect();
        found.extend(settings::credentials(&environment, Dialect::Github));
    }
    // One job that uses one key in several steps is one finding.
    let mut seen = Vec::new();
    for found in found {
        if seen.contains(&(found.cloud, found.kind)) {
            continue;
        }
        seen.push((found.cloud, found.kind));
        let beside = federated.get(&found.cloud).cloned();
        let origin = object.origin_at(format!("{}, {shown}", object.file), holder);
        let credential = super::of(origin, Stands::Job, found);
        let beside = credential.beside.clone().or(beside);
        reader.add_credential(StaticCredential { beside, ..credential });
    }
}

fn setting(entry: &Entry) -> Option<Setting> {
    Setting::entry(&entry.key, &entry.value)
}

/// The inputs of a step. `azure/login` ignores `creds` where an id is given
/// (<https://github.com/Azure/login#login-with-a-service-principal-secret>).
fn inputs(step: &Value) -> Vec<Setting> {
    let Some(with) = field(step, "with") else { return Vec::new() };
    let uses = known_at(step, "uses").unwrap_or_default().to_ascii_lowercase();
    let mut out: Vec<Setting> = with.entries().iter().filter_map(setting).collect();
    for (action, input, part) in INPUTS {
        let ignored =
            *part == names::Part::AzureJson && ["client-id", "tenant-id", "subscription-id"].iter().any(|i| field(with, i).is_some());
        if let Some(value) = with.get(input).filter(|_| uses.starts_with(action) && !ignored) {
            out.extend(value.as_text().map(|text| Setting::of(*part, Source::Value(text), place(value))));
        }
    }
    out
}

/// The steps that log in to a cloud by token, anywhere in the workflow.
fn logins(workflow: &Value) -> BTreeMap<Cloud, Beside> {
    let mut out = BTreeMap::new();
    for job in workflow.get("jobs").map(Value::entries).unwrap_or_default() {
        for step in blocks(&job.value, "steps").0 {
            let uses = known_at(step, "uses").unwrap_or_default().to_ascii_lowercase();
            let Some(with) = field(step, "with") else { continue };
            let keys = ["aws-access-key-id", "creds", "credentials_json"].iter().any(|k| field(with, k).is_some());
            let (cloud, input, keyed) = match () {
                () if uses.starts_with("aws-actions/configure-aws-credentials@") => (Cloud::Aws, "role-to-assume", keys),
                () if uses.starts_with("google-github-actions/auth@") => (Cloud::Google, "workload_identity_provider", keys),
                // an id makes the token the way, whatever stands beside it
                () if uses.starts_with("azure/login@") => (Cloud::Azure, "client-id", false),
                () => continue,
            };
            if let Some(value) = field(with, input).filter(|_| !keyed) {
                out.entry(cloud).or_insert(Beside { span: place(value), shadowed: false });
            }
        }
    }
    out
}

/// A job speaks to storage that is not AWS's: a setting or a command names an endpoint.
fn elsewhere(value: &Value) -> bool {
    const MAX_DEPTH: usize = 12;
    fn within(value: &Value, depth: usize) -> bool {
        let named = |text: &str| {
            let text = text.to_ascii_lowercase();
            ENDPOINT_WORDS.iter().any(|w| text.contains(w)) && !text.contains("amazonaws.com")
        };
        if depth == 0 {
            return false;
        }
        match &value.kind {
            crate::partial::Kind::Text(text) => named(&cut::flat(text)),
            crate::partial::Kind::Map { entries, .. } => entries.iter().any(|e| {
                let key = e.key.as_known().is_some_and(|k| named(&k));
                let own = text_at(value, &e.key.as_known().unwrap_or_default());
                (key && own.is_some_and(|t| !cut::flat(&t).contains("amazonaws.com"))) || within(&e.value, depth - 1)
            }),
            crate::partial::Kind::List { items, .. } => items.iter().any(|v| within(v, depth - 1)),
            _ => false,
        }
    }
    within(value, MAX_DEPTH)
}

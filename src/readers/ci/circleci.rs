//! CircleCI: steps that log in to AWS.

use super::super::context::{Object, Reader};
use super::super::shape::{field, place, text_at};
use super::build::{job, login, role, tokens};
use crate::graph::{CiSystem, JobAudience, Minting};
use crate::partial::Value;

/// The jobs of one file.
pub(super) fn read(reader: &mut Reader, object: &Object<'_>) {
    let is_of_circleci = object.file.starts_with(".circleci/") || object.file.contains("/.circleci/");
    let is_written = object.whole && !object.templated;
    if is_written && is_of_circleci && matches!(object.file_name(), "config.yml" | "config.yaml") {
        circleci(reader, object);
    }
}

/// `aws-cli/setup` takes the token that every job has, whose audience is the organisation
/// (<https://circleci.com/docs/openid-connect-tokens/>).
fn circleci(reader: &mut Reader, object: &Object<'_>) {
    for entry in field(object.value, "jobs").map(Value::entries).unwrap_or_default() {
        let Some(name) = entry.key.as_known() else { continue };
        for step in field(&entry.value, "steps").map(Value::items).unwrap_or_default() {
            let Some(call) = step.entries().iter().find(|e| e.key.as_known().is_some_and(|k| k.ends_with("/setup"))) else { continue };
            let Some(identity) = role(object, text_at(&call.value, "role_arn").or_else(|| text_at(&call.value, "role-arn"))) else {
                continue;
            };
            let span = call.key.span().or_else(|| place(step)).unwrap_or_else(super::super::shape::nowhere);
            let mut job = job(object.origin_at(format!("{}#{name}", object.file), &entry.value), &name, CiSystem::CircleCi, Minting::Yes);
            job.logins.push(login(span, identity, JobAudience::IssuerDefault, vec![tokens(Vec::new())]));
            reader.graph.jobs.push(job);
        }
    }
}

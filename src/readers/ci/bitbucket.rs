//! Bitbucket Pipelines: steps that ask for a token.

use super::super::context::{Object, Reader};
use super::super::shape::{field, is_true, place, text_at};
use super::build::{job, login, role, tokens};
use crate::graph::{CiSystem, Conflict, JobAudience, JobIdentity, Minting, NoToken};
use crate::partial::{Kind, Value, cut};
use crate::place::Span;

/// How deep stages and groups hold steps.
const MAX_DEPTH: usize = 6;

/// The jobs of one file.
pub(super) fn read(reader: &mut Reader, object: &Object<'_>) {
    if object.whole && !object.templated && object.file_name() == "bitbucket-pipelines.yml" {
        bitbucket(reader, object, field(object.value, "pipelines"), MAX_DEPTH);
    }
}

/// The steps of all pipelines (<https://support.atlassian.com/bitbucket-cloud/docs/step-options/#oidc>).
fn bitbucket(reader: &mut Reader, object: &Object<'_>, value: Option<&Value>, depth: usize) {
    let (Some(value), true) = (value, depth > 0) else { return };
    match &value.kind {
        Kind::List { items, .. } => items.iter().for_each(|item| bitbucket(reader, object, Some(item), depth - 1)),
        Kind::Map { entries, .. } => {
            for entry in entries {
                if entry.key.is_str("step") {
                    step(reader, object, &entry.value, entry.key.span());
                } else {
                    bitbucket(reader, object, Some(&entry.value), depth - 1);
                }
            }
        }
        _ => {}
    }
}

fn step(reader: &mut Reader, object: &Object<'_>, step: &Value, span: Option<Span>) {
    let oidc = is_true(field(step, "oidc"));
    let minting = if oidc { Minting::Yes } else { Minting::No { why: NoToken::StepWithoutOidc, span } };
    let name = text_at(step, "name").map_or_else(|| "step".to_owned(), |n| n.to_string());
    let mut job = job(object.origin_at(format!("{}#{name}", object.file), step), &name, CiSystem::Bitbucket, minting);
    for line in field(step, "script").map(Value::items).unwrap_or_default() {
        let variables = field(line, "variables");
        let pipe = variables.and_then(|v| text_at(v, "AWS_OIDC_ROLE_ARN"));
        let reads = line.as_text().is_some_and(|t| cut::flat(&t).contains("BITBUCKET_STEP_OIDC_TOKEN"));
        let Some(place) = place(line).or(span) else { continue };
        let identity = match pipe {
            Some(arn) => role(object, Some(arn)).unwrap_or(JobIdentity::Other),
            None if reads => JobIdentity::Other,
            None => continue,
        };
        let mut asked = login(place, identity, JobAudience::IssuerDefault, vec![tokens(Vec::new())]);
        let key = variables.and_then(|v| v.entries().iter().find(|e| e.key.is_str("AWS_ACCESS_KEY_ID")));
        asked.conflict = key.and_then(|e| e.key.span()).map(|span| (Conflict::AwsKeysInEnvironment, span));
        job.logins.push(asked);
    }
    if !job.logins.is_empty() {
        reader.graph.jobs.push(job);
    }
}

//! CircleCI, Bitbucket Pipelines and Buildkite.

use super::super::context::{Object, Reader};
use super::super::shape::{field, is_true, place, text_at};
use super::build::{job, login, named, tokens};
use crate::graph::{CiSystem, Conflict, FactValue, JobAudience, JobIdentity, Minting, NoToken, TokenFact, pieces};
use crate::partial::{Kind, Text, Value};
use crate::place::Span;

/// How deep stages and groups hold steps.
const MAX_DEPTH: usize = 6;

/// The jobs of one file.
pub(super) fn read(reader: &mut Reader, object: &Object<'_>) {
    if !object.whole || object.templated {
        return;
    }
    let inside = |folder: &str| object.file.starts_with(folder) || object.file.contains(&format!("/{folder}"));
    match object.file_name() {
        "bitbucket-pipelines.yml" => bitbucket(reader, object, field(object.value, "pipelines"), MAX_DEPTH),
        "config.yml" | "config.yaml" if inside(".circleci/") => circleci(reader, object),
        _ if inside(".buildkite/") || object.file_name() == "buildkite.yml" => buildkite(reader, object, object.value, MAX_DEPTH),
        _ => {}
    }
}

/// A role by its ARN, as far as it is written.
fn role(object: &Object<'_>, text: Option<Text>) -> Option<JobIdentity> {
    let text = text.filter(|t| pieces::flat(t).starts_with("arn:") && !pieces::flat(t).contains(['$', '<']))?;
    Some(JobIdentity::AwsRole(vec![named(object, text)]))
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
            let mut job = job(object.origin_at(format!("{}#{name}", object.file), &entry.value), CiSystem::CircleCi, Minting::Yes);
            job.logins.push(login(span, identity, JobAudience::IssuerDefault, vec![tokens(Vec::new())]));
            reader.graph.jobs.push(job);
        }
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
    let mut job = job(object.origin_at(format!("{}#{name}", object.file), step), CiSystem::Bitbucket, minting);
    for line in field(step, "script").map(Value::items).unwrap_or_default() {
        let variables = field(line, "variables");
        let pipe = variables.and_then(|v| text_at(v, "AWS_OIDC_ROLE_ARN"));
        let reads = line.as_text().is_some_and(|t| pieces::flat(&t).contains("BITBUCKET_STEP_OIDC_TOKEN"));
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

/// The plugin asks for the audience `sts.amazonaws.com`
/// (<https://github.com/buildkite-plugins/aws-assume-role-with-web-identity-buildkite-plugin>).
fn buildkite(reader: &mut Reader, object: &Object<'_>, holder: &Value, depth: usize) {
    for step in field(holder, "steps").filter(|_| depth > 0).map(Value::items).unwrap_or_default() {
        buildkite(reader, object, step, depth - 1);
        for plugin in field(step, "plugins").map(Value::items).unwrap_or_default() {
            let Some(call) = plugin.entries().iter().find(|e| e.key.as_known().is_some_and(|k| is_plugin(&k))) else { continue };
            let Some(identity) = role(object, text_at(&call.value, "role-arn")) else { continue };
            let audience = text_at(&call.value, "audience").unwrap_or_else(|| Text::known("sts.amazonaws.com"));
            let Some(span) = place(step) else { continue };
            let name =
                ["key", "label", "command"].iter().find_map(|k| text_at(step, k)).map_or_else(|| "step".to_owned(), |n| n.to_string());
            let facts = text_at(step, "branches").and_then(|b| branches(&b)).into_iter().collect();
            let mut job = job(object.origin_at(format!("{}#{name}", object.file), step), CiSystem::Buildkite, Minting::Yes);
            job.logins.push(login(span, identity, JobAudience::Known(audience), vec![tokens(facts)]));
            reader.graph.jobs.push(job);
        }
    }
}

fn is_plugin(name: &str) -> bool {
    let name = name.split('#').next().unwrap_or(name);
    name.rsplit('/').next() == Some("aws-assume-role-with-web-identity")
}

/// The branches that a step runs on: patterns with `*` and a space between
/// (<https://buildkite.com/docs/pipelines/configure/workflows/branch-configuration#branch-pattern-examples>).
fn branches(patterns: &Text) -> Option<TokenFact> {
    let known = patterns.as_known()?;
    let all: Vec<&str> = known.split_whitespace().collect();
    if all.is_empty() || all.iter().any(|p| p.starts_with('!')) {
        return None;
    }
    let regex = |pattern: &&str| pattern.split('*').map(super::github::literal).collect::<Vec<_>>().join(".*");
    let value = FactValue::Like(all.iter().map(regex).collect::<Vec<_>>().join("|"), format!("`{known}`"));
    Some(TokenFact::claim("build_branch", value, patterns.span()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branch_patterns() {
        let pattern = |text: &str| branches(&Text::known(text)).map(|f| f.value);
        assert_eq!(pattern("main release/*"), Some(FactValue::Like("main|release/.*".to_owned(), "`main release/*`".to_owned())));
        assert_eq!(pattern("!main"), None);
        assert!(is_plugin("aws-assume-role-with-web-identity#v1.4.0") && !is_plugin("docker#v5"));
    }
}

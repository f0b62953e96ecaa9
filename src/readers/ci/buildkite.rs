//! Buildkite: steps whose plugin logs in to AWS.

use super::super::context::{Object, Reader};
use super::super::shape::{field, place, text_at};
use super::build::{job, login, role, tokens};
use crate::graph::{CiSystem, FactValue, JobAudience, Minting, TokenFact};
use crate::partial::{Text, Value};

/// How deep groups hold steps.
const MAX_DEPTH: usize = 6;

/// The jobs of one file.
pub(super) fn read(reader: &mut Reader, object: &Object<'_>) {
    let inside = object.file.starts_with(".buildkite/") || object.file.contains("/.buildkite/");
    if object.whole && !object.templated && (inside || object.file_name() == "buildkite.yml") {
        buildkite(reader, object, object.value, MAX_DEPTH);
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
            let mut job = job(object.origin_at(format!("{}#{name}", object.file), step), &name, CiSystem::Buildkite, Minting::Yes);
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

//! GitLab CI: the ID tokens of a job, and what it does with them
//! (<https://docs.gitlab.com/ci/secrets/id_token_authentication/>).

use super::super::context::{Object, Reader};
use super::super::shape::{field, known_at, listing, place, text_at};
use super::build::{is, job, login, named};
use crate::graph::{CiSystem, FactValue, JobAudience, JobIdentity, Minting, NoToken, Start, TokenFact, TokenSet};
use crate::partial::{Kind, Text, Value, cut};
use std::collections::BTreeMap;

/// How deep jobs extend each other (GitLab allows eleven).
const MAX_EXTENDS: usize = 11;
/// Tokens that GitLab 17.0 removed (<https://docs.gitlab.com/update/deprecations/#old-versions-of-json-web-tokens-are-deprecated>).
const REMOVED: [&str; 3] = ["CI_JOB_JWT_V2", "CI_JOB_JWT_V1", "CI_JOB_JWT"];
/// Keys of a pipeline that are no jobs.
const KEYWORDS: [&str; 13] = [
    "default",
    "include",
    "stages",
    "variables",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "pages",
    "types",
];

/// The jobs of all pipelines.
pub(super) fn read(reader: &mut Reader, objects: &[Object<'_>]) {
    // What a command of the file writes (a credential configuration) has the file's name, too: the pipeline comes first.
    let mut files: BTreeMap<&str, &Object<'_>> = BTreeMap::new();
    for object in objects.iter().filter(|o| o.whole && !o.templated) {
        files.entry(object.file).or_insert(object);
    }
    for object in files.values() {
        if !matches!(object.file_name(), ".gitlab-ci.yml" | ".gitlab-ci.yaml") {
            continue;
        }
        let mut all = vec![*object];
        let root = object.file.strip_suffix(object.file_name()).unwrap_or_default();
        for path in included(object.value) {
            all.extend(files.get(format!("{root}{}", path.trim_start_matches('/')).as_str()).copied());
        }
        pipeline(reader, &all);
    }
}

/// Files of the repository that a pipeline includes.
fn included(pipeline: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let Some(include) = field(pipeline, "include") else { return out };
    for item in include.items() {
        let path = if matches!(item.kind, Kind::Map { .. }) { text_at(item, "local") } else { item.as_text() };
        out.extend(path.and_then(|p| p.as_known()).filter(|p| !p.contains("://")));
    }
    out
}

/// A job with what it extends.
struct Merged<'o>(Vec<&'o Value>);

impl<'o> Merged<'o> {
    fn of(job: &'o Value, all: &[&'o Object<'o>]) -> Self {
        let mut chain = vec![job];
        let mut next = job;
        for _ in 0..MAX_EXTENDS {
            // of several, the last stands first; only one is followed
            let names = listing(field(next, "extends")).texts;
            let Some(name) = names.last().and_then(Text::as_known) else { break };
            let Some(parent) = all.iter().rev().find_map(|o| field(o.value, &name)) else { break };
            chain.push(parent);
            next = parent;
        }
        Self(chain)
    }

    fn get(&self, key: &str) -> Option<&'o Value> {
        self.0.iter().find_map(|job| field(job, key))
    }
}

fn pipeline(reader: &mut Reader, all: &[&Object<'_>]) {
    let declared = all_tokens(all);
    if let Some(foreign) = all.iter().find(|o| foreign_include(o.value) || starts_another(o.value)) {
        // jobs of a file that is not read
        let origin = foreign.origin(format!("{}#include", foreign.file));
        let mut job = job(origin, "include", CiSystem::Gitlab, Minting::Unknown);
        job.runs.push((None, TokenSet { start: Start::Unknown, shown: "a pipeline".to_owned(), facts: Vec::new() }));
        reader.graph.jobs.push(job);
    }
    for object in all {
        for entry in object.value.entries() {
            let Some(name) = entry.key.as_known() else { continue };
            let is_job = !name.starts_with('.') && !KEYWORDS.contains(&name.as_str()) && matches!(entry.value.kind, Kind::Map { .. });
            if is_job {
                one(reader, object, all, &name, entry, &declared);
            }
        }
    }
}

/// The names of every ID token of the pipeline.
fn all_tokens(all: &[&Object<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    for object in all {
        for entry in object.value.entries() {
            let tokens = field(&entry.value, "id_tokens").map(Value::entries).unwrap_or_default();
            out.extend(tokens.iter().filter_map(|t| t.key.as_known()));
        }
    }
    out
}

fn one(reader: &mut Reader, object: &Object<'_>, all: &[&Object<'_>], name: &str, entry: &crate::partial::Entry, declared: &[String]) {
    let merged = Merged::of(&entry.value, all);
    let default = all.iter().find_map(|o| field(o.value, "default"));
    let tokens = merged.get("id_tokens").or_else(|| field(default?, "id_tokens"));
    let script = script(&merged, default);
    let known: Vec<String> = tokens.map(Value::entries).unwrap_or_default().iter().filter_map(|t| t.key.as_known()).collect();
    let identity = identity(object, all, &merged, &script);
    if identity.is_none() && known.is_empty() {
        return;
    }
    let span = entry.key.span().or_else(|| place(&entry.value)).unwrap_or_else(super::super::shape::nowhere);
    let mut origin = object.origin_at(format!("{}#{name}", object.file), &entry.value);
    origin.span = span;
    // what comes from elsewhere (`include` of a project, a template) may declare anything
    let open = all.iter().any(|o| foreign_include(o.value)) || tokens.is_some_and(Value::is_open);
    let variables = variables(all, &merged);
    let minting = minting(&script, &known, declared, &variables, tokens, open);
    let mut job = job(origin, name, CiSystem::Gitlab, minting);
    let environment = environment(&merged);
    let runs: Vec<TokenSet> = runs(&merged).into_iter().map(|set| in_environment(set, environment.as_ref())).collect();
    job.runs.extend(runs.iter().map(|set| (None, set.clone())));
    job.logins.extend(identity.map(|identity| login(span, identity, audience(tokens, &known, &script), runs)));
    reader.graph.jobs.push(job);
}

/// What the token says of the environment: its name, or nothing for a job that deploys nowhere
/// (<https://docs.gitlab.com/ci/secrets/id_token_authentication/#token-payload>). None where a variable is in the name.
fn environment(job: &Merged<'_>) -> Option<TokenFact> {
    let Some(value) = job.get("environment") else { return Some(TokenFact::claim("environment", FactValue::Absent, None)) };
    let text = if matches!(value.kind, Kind::Map { .. }) { text_at(value, "name")? } else { value.as_text()? };
    let known = text.as_known().filter(|name| !name.contains('$'))?;
    Some(is("environment", &known, text.span()))
}

fn in_environment(mut set: TokenSet, environment: Option<&TokenFact>) -> TokenSet {
    set.facts.extend(environment.cloned());
    set
}

/// A job starts a pipeline of another file or project.
fn starts_another(pipeline: &Value) -> bool {
    pipeline.entries().iter().any(|job| field(&job.value, "trigger").is_some())
}

fn foreign_include(pipeline: &Value) -> bool {
    let local = |item: &&Value| !matches!(item.kind, Kind::Map { .. }) || field(item, "local").is_some();
    field(pipeline, "include").is_some_and(|include| !include.items().iter().all(local))
}

fn script(job: &Merged<'_>, default: Option<&Value>) -> String {
    let mut out = String::new();
    let before = job.get("before_script").or_else(|| field(default?, "before_script"));
    for part in [before, job.get("script")].into_iter().flatten() {
        for line in listing(Some(part)).texts {
            out.push_str(&cut::flat(&line));
            out.push('\n');
        }
    }
    out
}

/// The variables of the pipeline and the job, the job's last.
fn variables(all: &[&Object<'_>], job: &Merged<'_>) -> BTreeMap<String, Text> {
    let mut out = BTreeMap::new();
    let global = all.iter().filter_map(|o| field(o.value, "variables"));
    let own = job.0.iter().rev().filter_map(|j| field(j, "variables"));
    for holder in global.chain(own) {
        for entry in holder.entries() {
            let value = if matches!(entry.value.kind, Kind::Map { .. }) { text_at(&entry.value, "value") } else { entry.value.as_text() };
            if let (Some(name), Some(value)) = (entry.key.as_known(), value) {
                out.insert(name, value);
            }
        }
    }
    out
}

/// Whether a script reads a variable.
fn reads(script: &str, name: &str) -> bool {
    [format!("${name}"), format!("${{{name}}}")].iter().any(|form| {
        script.match_indices(form.as_str()).any(|(at, _)| {
            let next = script.get(at + form.len()..).and_then(|rest| rest.chars().next());
            form.ends_with('}') || next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_')
        })
    })
}

fn minting(
    script: &str,
    own: &[String],
    declared: &[String],
    variables: &BTreeMap<String, Text>,
    tokens: Option<&Value>,
    open: bool,
) -> Minting {
    let no = |why: NoToken, span| Minting::No { why, span };
    if let Some(removed) = REMOVED.iter().find(|name| reads(script, name)) {
        return no(NoToken::Removed((*removed).to_owned()), None);
    }
    let without = tokens
        .map(Value::entries)
        .unwrap_or_default()
        .iter()
        .find(|t| matches!(t.value.kind, Kind::Map { open: false, .. }) && field(&t.value, "aud").is_none());
    if let Some(token) = without {
        return no(NoToken::NoAudience(token.key.to_string()), token.key.span());
    }
    let missing = declared.iter().find(|name| reads(script, name) && !own.contains(name) && !variables.contains_key(*name));
    match missing {
        Some(name) if !open => no(NoToken::TokenOfOtherJob(name.clone()), tokens.and_then(place)),
        None if !own.is_empty() => Minting::Yes,
        _ => Minting::Unknown,
    }
}

/// What a job asks for: a role by its web identity token, a provider of a Google pool.
fn identity(object: &Object<'_>, all: &[&Object<'_>], job: &Merged<'_>, script: &str) -> Option<JobIdentity> {
    let words: Vec<&str> = script.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).filter(|w| !w.is_empty()).collect();
    let after = |flag: &str| {
        let joined = words.iter().find_map(|w| w.strip_prefix(flag)?.strip_prefix('='));
        joined.or_else(|| words.iter().position(|w| *w == flag).and_then(|at| words.get(at + 1).copied()))
    };
    let written = |word: &&str| !word.contains(['$', '\0', '`']);
    let variables = variables(all, job);
    let aws = script.contains("WEB_IDENTITY") || script.contains("web-identity") || variables.contains_key("AWS_WEB_IDENTITY_TOKEN_FILE");
    if aws {
        let exported = words.iter().find_map(|w| w.strip_prefix("AWS_ROLE_ARN="));
        let word = after("--role-arn").filter(written).or(exported.filter(|w| written(w))).map(Text::known);
        let role = word.or_else(|| ["AWS_ROLE_ARN", "ROLE_ARN"].iter().find_map(|n| variables.get(*n).cloned()))?;
        return cut::flat(&role).starts_with("arn:").then(|| JobIdentity::AwsRole(vec![named(object, role)]));
    }
    if script.contains("create-cred-config") {
        let provider = words.iter().find(|w| w.starts_with("projects/") && w.contains("/workloadIdentityPools/") && written(w))?;
        let account = after("--service-account").filter(written).map(|a| vec![named(object, Text::known(a))]);
        return Some(JobIdentity::Google { provider: vec![named(object, Text::known(provider))], account });
    }
    None
}

/// The audiences of the token that the script reads, of all where it is not one.
fn audience(tokens: Option<&Value>, names: &[String], script: &str) -> JobAudience {
    let Some(tokens) = tokens else { return JobAudience::Unknown };
    let read: Vec<&String> = names.iter().filter(|n| reads(script, n)).collect();
    let mut all = Vec::new();
    for entry in tokens.entries() {
        if read.is_empty() || read.iter().any(|n| entry.key.is_str(n)) {
            let list = listing(field(&entry.value, "aud"));
            if list.open || list.odd || list.texts.iter().any(|t| cut::flat(t).contains('$')) {
                return JobAudience::Unknown;
            }
            all.extend(list.texts);
        }
    }
    if all.is_empty() { JobAudience::Unknown } else { JobAudience::AnyOf(all) }
}

/// The pipelines that a job is in: one set of tokens for each of its rules.
fn runs(job: &Merged<'_>) -> Vec<TokenSet> {
    let set = |facts: Vec<TokenFact>| {
        let merge = facts.iter().any(|f| f.value == FactValue::Is("merge_request_event".to_owned()));
        let (start, shown) = if merge { (Start::PullRequest, "a merge request") } else { (Start::Insider, "the pipeline") };
        TokenSet { start, shown: shown.to_owned(), facts }
    };
    if let Some(rules) = job.get("rules").filter(|r| !r.is_open()) {
        let mut out = Vec::new();
        for rule in rules.items() {
            if known_at(rule, "when").as_deref() == Some("never") {
                continue;
            }
            out.push(set(text_at(rule, "if").map(|condition| facts(&condition)).unwrap_or_default()));
        }
        if !out.is_empty() {
            return out;
        }
    }
    let only =
        job.get("only").map(|only| if matches!(only.kind, Kind::Map { .. }) { listing(field(only, "refs")) } else { listing(Some(only)) });
    match only.filter(|o| !o.open && !o.odd && !o.texts.is_empty()) {
        Some(only) => only.texts.iter().map(|name| set(only_facts(name))).collect(),
        None => vec![set(Vec::new())],
    }
}

fn only_facts(name: &Text) -> Vec<TokenFact> {
    let span = name.span();
    match name.as_known().as_deref() {
        Some("tags") => vec![is("ref_type", "tag", span)],
        Some("branches") => vec![is("ref_type", "branch", span)],
        Some("merge_requests") => vec![is("pipeline_source", "merge_request_event", span)],
        Some(known) if !known.contains(['/', '$', '*']) && !WORDS_OF_ONLY.contains(&known) => vec![is("ref", known, span)],
        _ => Vec::new(),
    }
}

/// Words of `only` that name no ref (<https://docs.gitlab.com/ci/yaml/deprecated_keywords/#onlyrefs--exceptrefs>).
const WORDS_OF_ONLY: [&str; 8] = ["api", "chat", "external", "external_pull_requests", "pipelines", "pushes", "schedules", "web"];

/// What a rule says of the ref; a choice says nothing here.
fn facts(condition: &Text) -> Vec<TokenFact> {
    let span = condition.span();
    let flat = cut::flat(condition);
    let mut out = Vec::new();
    if flat.contains("||") || flat.contains('(') {
        return out;
    }
    for part in flat.split("&&").map(str::trim) {
        let (name, value) = match part.split_once("==") {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part, None),
        };
        let quoted = value.and_then(|v| v.strip_prefix(['"', '\''])).and_then(|v| v.strip_suffix(['"', '\'']));
        match (name, quoted) {
            ("$CI_COMMIT_BRANCH", Some(branch)) => out.extend([is("ref_type", "branch", span), is("ref", branch, span)]),
            ("$CI_COMMIT_BRANCH", None) => out.push(is("ref_type", "branch", span)),
            ("$CI_COMMIT_TAG", Some(tag)) => out.extend([is("ref_type", "tag", span), is("ref", tag, span)]),
            ("$CI_COMMIT_TAG", None) => out.push(is("ref_type", "tag", span)),
            ("$CI_COMMIT_REF_NAME", Some(name)) => out.push(is("ref", name, span)),
            ("$CI_PIPELINE_SOURCE", Some(source)) => out.push(is("pipeline_source", source, span)),
            // a branch is never merged into itself
            ("$CI_MERGE_REQUEST_TARGET_BRANCH_NAME", Some(target)) => {
                out.push(TokenFact::claim("ref", FactValue::Not(super::github::literal(target)), span));
            }
            _ if part.starts_with("$CI_COMMIT_TAG =~") => out.push(is("ref_type", "tag", span)),
            _ if part.starts_with("$CI_COMMIT_BRANCH =~") => out.push(is("ref_type", "branch", span)),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_bind_refs() {
        let names = |text: &str| facts(&Text::known(text)).iter().map(|f| format!("{:?}", f.value)).collect::<Vec<_>>().join(" ");
        assert_eq!(names("$CI_COMMIT_BRANCH == \"main\""), "Is(\"branch\") Is(\"main\")");
        assert_eq!(names("$CI_COMMIT_TAG"), "Is(\"tag\")");
        assert_eq!(names("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"), "Is(\"branch\")");
        assert_eq!(names("$CI_COMMIT_TAG || $CI_COMMIT_BRANCH == \"main\""), "");
    }

    #[test]
    fn a_name_is_read_as_a_whole() {
        assert!(reads("echo $AWS_TOKEN > x", "AWS_TOKEN") && reads("echo \"${AWS_TOKEN}\"", "AWS_TOKEN"));
        assert!(!reads("echo $AWS_TOKEN_FILE", "AWS_TOKEN"));
    }
}

//! Jobs of GitHub that log in to Google Cloud (<https://github.com/google-github-actions/auth>).

use super::super::context::{Object, Reader, email_of};
use super::super::shape::{blocks, known_at, text_at};
use crate::graph::{CredentialConfig, Login, Signing};
use crate::partial::{Text, Unknown, UnknownKind, Value, cut};

/// The action that exchanges the job's token.
const ACTION: &str = "google-github-actions/auth@";

/// The owner of the actions that take a project's id as `project_id`
/// (<https://github.com/google-github-actions/setup-gcloud#inputs>).
const OWNER: &str = "google-github-actions/";

/// Longest input that is looked at: no resource name and no list of e-mails is longer.
const MAX_INPUT: usize = 4096;

/// The steps of a workflow's jobs, or of a composite action.
pub(in crate::readers) fn read(reader: &mut Reader, object: &Object) {
    if object.templated {
        return;
    }
    let workflow = object.value;
    for job in workflow.get("jobs").map(Value::entries).unwrap_or_default() {
        steps(reader, object, &job.value, &[&job.value, workflow]);
    }
    if let Some(runs) = workflow.get("runs") {
        steps(reader, object, runs, &[]);
    }
}

fn steps(reader: &mut Reader, object: &Object, holder: &Value, around: &[&Value]) {
    for step in blocks(holder, "steps").0 {
        let uses = known_at(step, "uses").filter(|u| u.starts_with(OWNER)).unwrap_or_default();
        let Some(with) = step.get("with").filter(|_| !uses.is_empty()) else { continue };
        let scopes: Vec<&Value> = std::iter::once(step).chain(around.iter().copied()).collect();
        let input = |name: &str| text_at(with, name).map(|text| expressions(object.file, &text, &scopes));
        if let Some(project) = input("project_id") {
            super::project::remember(reader, &project);
        }
        if !uses.starts_with(ACTION) {
            continue;
        }
        let account = input("service_account").map(|a| email_of(&a));
        let origin = object.origin_at(object.file, with);
        signing(reader, &origin, &input, account.as_ref());
        // What is still to be rendered (`${provider}` of Terraform's `templatefile`) is no workflow yet.
        let rendered = |text: &Text| !["${", "{{", "$("].iter().any(|mark| cut::flat(text).contains(mark));
        if let Some(provider) = input("workload_identity_provider").filter(rendered) {
            let login = Login::Job;
            let asks = Some(input("audience").unwrap_or_else(|| own(&provider)));
            reader.graph.credential_configs.push(CredentialConfig {
                origin,
                audience: provider,
                impersonates: account,
                login,
                asks,
                external: None,
            });
        }
    }
}

/// The audience that the action asks for unless it is told another one.
fn own(provider: &Text) -> Text {
    let mut out = Text::known("https://iam.googleapis.com/");
    out.push(provider);
    out
}

/// Domain-wide delegation signs as the account; a chain of delegates begins at its first
/// (<https://cloud.google.com/iam/docs/create-short-lived-credentials-delegated>).
fn signing(reader: &mut Reader, origin: &crate::graph::Origin, input: &dyn Fn(&str) -> Option<Text>, account: Option<&Text>) {
    if let (Some(_), Some(account)) = (input("access_token_subject"), account) {
        let how = "domain-wide delegation (`access_token_subject`) signs as it".to_owned();
        reader.graph.signings.push(Signing { origin: origin.clone(), account: account.clone(), how });
    }
    if let Some(delegates) = input("delegates") {
        let first = cut::split_once(&delegates, ",").map_or(delegates, |(first, _)| first);
        let how = "it is the first of the `delegates`".to_owned();
        reader.graph.signings.push(Signing { origin: origin.clone(), account: email_of(&first), how });
    }
}

/// `${{ … }}` is unknown, but for variables of the environment that the same file sets.
pub(in crate::readers) fn expressions(file: &str, text: &Text, scopes: &[&Value]) -> Text {
    let long = |text: &Text| cut::flat(text).len() > MAX_INPUT;
    if long(text) {
        return unknown(file, "a long text", text);
    }
    let mut out = Text::default();
    let mut rest = text.clone();
    while let Some((before, after)) = cut::split_once(&rest, "${{") {
        let Some((inner, behind)) = cut::split_once(&after, "}}") else { break };
        out.push(&before);
        let name = cut::flat(&inner).trim().to_owned();
        let set = name.strip_prefix("env.").and_then(|variable| {
            let value = scopes.iter().find_map(|scope| text_at(scope.get("env")?, variable))?;
            (!long(&value) && !cut::flat(&value).contains("${{")).then_some(value)
        });
        out.push(&set.unwrap_or_else(|| unknown(file, &name, &inner)));
        rest = behind;
    }
    out.push(&rest);
    out
}

fn unknown(file: &str, name: &str, written: &Text) -> Text {
    let label = format!("${{{{ {name} }}}}");
    let why = format!("`{label}` has its value when the job runs");
    let span = written.span();
    Text::hole(Unknown::new(format!("{file}|{name}"), UnknownKind::Any, label, why, span), span)
}

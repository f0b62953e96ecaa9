//! What starts a workflow, and what that says of its tokens
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows>).

use super::super::super::shape::{field, listing};
use super::filters::{Names, is_literal, literal};
use crate::graph::{FactValue, Start, TokenFact};
use crate::partial::{Kind, Text, Value};
use crate::place::Span;

/// Events that run on the default branch.
const ON_DEFAULT_BRANCH: [&str; 19] = [
    "schedule",
    "repository_dispatch",
    "workflow_run",
    "issues",
    "issue_comment",
    "discussion",
    "discussion_comment",
    "fork",
    "watch",
    "label",
    "milestone",
    "public",
    "check_run",
    "check_suite",
    "delete",
    "gollum",
    "branch_protection_rule",
    "page_build",
    "status",
];
/// Events that anybody with an account can bring about in a public repository.
const BY_OUTSIDERS: [&str; 9] =
    ["workflow_run", "issues", "issue_comment", "discussion", "discussion_comment", "fork", "watch", "gollum", "repository_dispatch"];

/// One event of a workflow.
#[derive(Debug, Clone)]
pub(super) struct Trigger {
    /// Its name; none when it is not known.
    pub(super) event: Option<String>,
    /// Who brings it about.
    pub(super) start: Start,
    /// How a person says it.
    pub(super) shown: String,
    /// What it says of the tokens.
    pub(super) facts: Vec<TokenFact>,
    /// The refs, where they are few and all known.
    pub(super) refs: Option<Vec<String>>,
    /// The branches that pull requests are for, where they are few and all known.
    pub(super) bases: Option<Vec<String>>,
}

impl Trigger {
    /// A workflow that is called from elsewhere.
    pub(super) fn unknown() -> Self {
        Self { event: None, start: Start::Unknown, shown: "a call from elsewhere".to_owned(), facts: Vec::new(), refs: None, bases: None }
    }
}

/// The settings of an event: `branches`, `tags`, `types`, `inputs`.
pub(super) struct Event<'v> {
    pub(super) name: String,
    pub(super) settings: Option<&'v Value>,
    pub(super) span: Option<Span>,
}

/// The events under `on`, which YAML 1.1 reads as a bool.
pub(super) fn events(workflow: &Value) -> Vec<Event<'_>> {
    let Some(on) = field(workflow, "on").or_else(|| field(workflow, "true")) else { return Vec::new() };
    match &on.kind {
        Kind::Map { entries, .. } => {
            let event = |name: String, e: &'_ crate::partial::Entry| (name, e.key.span());
            entries
                .iter()
                .filter_map(|e| e.key.as_known().map(|name| (event(name, e), &e.value)))
                .map(|((name, span), settings)| Event { name, settings: Some(settings), span })
                .collect()
        }
        _ => {
            let names = listing(Some(on)).texts;
            names.iter().filter_map(|t| t.as_known().map(|name| Event { name, settings: None, span: t.span() })).collect()
        }
    }
}

/// What an event says of the tokens: one trigger for each kind of ref.
pub(super) fn triggers(event: &Event<'_>) -> Vec<Trigger> {
    let name = event.name.as_str();
    match name {
        "push" => pushes(event),
        "pull_request" | "pull_request_review" | "pull_request_review_comment" => pull_requests(event),
        "pull_request_target" => vec![based(event, "refs/heads/.+", Start::PullRequestTarget)],
        "merge_group" => vec![queued(event)],
        "workflow_dispatch" | "create" | "deployment" | "deployment_status" => {
            vec![trigger(event, name, "refs/(?:heads|tags)/.+", Start::Insider)]
        }
        "release" | "registry_package" => vec![trigger(event, &format!("{name} of a tag"), "refs/tags/.+", Start::Insider)],
        _ if ON_DEFAULT_BRANCH.contains(&name) => {
            let start = if BY_OUTSIDERS.contains(&name) { Start::Outsider } else { Start::Insider };
            vec![trigger(event, name, "refs/heads/.+", start)]
        }
        _ => vec![trigger(event, name, "refs/.+", Start::Insider)],
    }
}

fn trigger(event: &Event<'_>, shown: &str, refs: &str, start: Start) -> Trigger {
    let facts = vec![
        TokenFact::claim("event_name", FactValue::Is(event.name.clone()), event.span),
        TokenFact::claim("ref", FactValue::Like(refs.to_owned(), shown.to_owned()), event.span),
    ];
    Trigger { event: Some(event.name.clone()), start, shown: format!("`{}`", event.name), facts, refs: None, bases: None }
}

/// The patterns under a key, and their place.
struct Patterns {
    known: Vec<String>,
    span: Option<Span>,
}

fn patterns(event: &Event<'_>, key: &str) -> Option<Patterns> {
    let list = listing(Some(field(event.settings?, key)?));
    let known: Vec<String> = list.texts.iter().filter_map(Text::as_known).collect();
    // what is not known may let anything in
    let whole = !list.open && !list.odd && known.len() == list.texts.len() && !known.is_empty();
    whole.then(|| Patterns { known, span: list.texts.first().and_then(Text::span) })
}

/// With `branches` alone no tag starts the workflow, and the reverse; with neither, both do.
fn pushes(event: &Event<'_>) -> Vec<Trigger> {
    let says = |key: &str| event.settings.is_some_and(|s| field(s, key).is_some());
    let branches = says("branches") || says("branches-ignore");
    let tags = says("tags") || says("tags-ignore");
    let mut out = Vec::new();
    if branches || !tags {
        out.push(pushed(event, "refs/heads/", "branches", "branch"));
    }
    if tags || !branches {
        out.push(pushed(event, "refs/tags/", "tags", "tag"));
    }
    out
}

fn pushed(event: &Event<'_>, prefix: &str, key: &str, what: &str) -> Trigger {
    let listed = patterns(event, key);
    let ignored = patterns(event, &format!("{key}-ignore"));
    let names = match (&listed, &ignored) {
        (Some(listed), _) => Names::listed(&listed.known),
        (None, Some(ignored)) => Names::ignored(&ignored.known),
        _ => Names::default(),
    };
    let mut out = trigger(event, "push", "", Start::Insider);
    let span = listed.as_ref().or(ignored.as_ref()).and_then(|p| p.span).or(event.span);
    let said: Vec<String> = listed.iter().flat_map(|l| &l.known).map(|n| format!("`{prefix}{n}`")).collect();
    let said = if said.is_empty() { format!("any {what}") } else { said.join(", ") };
    let (only, never) = names.behind(prefix);
    out.facts.pop();
    out.facts.push(TokenFact::claim("ref", FactValue::Like(only, said.clone()), span));
    out.facts.extend(never.map(|never| TokenFact::claim("ref", FactValue::Not(never), span)));
    out.shown = format!("`push` of {said}");
    out.refs = listed.filter(|l| l.known.iter().all(|n| is_literal(n))).map(|l| l.known.iter().map(|n| format!("{prefix}{n}")).collect());
    out
}

/// `refs/pull/N/merge`; what is closed by a merge runs on the branch that it was merged into.
fn pull_requests(event: &Event<'_>) -> Vec<Trigger> {
    let types = event.settings.and_then(|s| field(s, "types")).map(|t| listing(Some(t)));
    let closed = types.is_some_and(|t| t.open || t.texts.iter().any(|t| t.as_known().is_none_or(|k| k == "closed")));
    let refs = if closed { "refs/pull/[0-9]+/merge|refs/heads/.+" } else { "refs/pull/[0-9]+/merge" };
    let mut out = based(event, refs, Start::PullRequest);
    if let Some(fact) = out.facts.get_mut(1) {
        fact.value = FactValue::Like(format!("(?:{refs})"), "a pull request's merge ref".to_owned());
    }
    vec![out]
}

/// `branches` of a pull request are those that it is for.
fn based(event: &Event<'_>, refs: &str, start: Start) -> Trigger {
    let shown = if start == Start::PullRequestTarget { "the default branch" } else { "a pull request" };
    let mut out = trigger(event, shown, refs, start);
    if let Some(bases) = patterns(event, "branches") {
        let (only, _) = Names::listed(&bases.known).behind("");
        out.facts.push(TokenFact::claim("base_ref", FactValue::Like(only, bases.known.join(", ")), bases.span));
        out.bases = bases.known.iter().all(|n| is_literal(n)).then_some(bases.known);
    }
    out
}

/// <https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue>
fn queued(event: &Event<'_>) -> Trigger {
    let base = patterns(event, "branches").filter(|p| p.known.iter().all(|n| is_literal(n)));
    let base = base.map_or_else(|| ".+".to_owned(), |p| p.known.iter().map(|n| literal(n)).collect::<Vec<_>>().join("|"));
    let mut out = trigger(event, "the merge queue's own branch", &format!("refs/heads/gh-readonly-queue/(?:{base})/.+"), Start::Insider);
    out.shown = "`merge_group`, on the branch `gh-readonly-queue/…`".to_owned();
    out
}

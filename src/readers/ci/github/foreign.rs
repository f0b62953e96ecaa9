//! Code of a pull request in the folder of a run that has the rights of the repository
//! (<https://docs.github.com/en/actions/reference/security/securely-using-pull_request_target>).

use super::super::super::shape::{field, text_at};
use super::scope::Scope;
use super::steps::Step;
use crate::graph::ForeignCode;
use crate::partial::cut;
use crate::place::Span;

/// What names the head of a pull request in a checkout.
const HEADS: [&str; 7] = [
    "github.event.pull_request.head.",
    "github.head_ref",
    "github.event.pull_request.merge_commit_sha",
    "github.event.workflow_run.head_",
    "refs/pull/",
    "github.event.workflow_run.pull_requests",
    "github.event.issue.number",
];
/// Commands that fetch the head of a pull request.
const FETCHES: [&str; 5] = ["gh pr checkout", "hub pr checkout", "fetch origin pull/", "refs/pull/", "github.event.pull_request.head."];
/// Commands that put what was fetched into the folder.
const CHECKOUTS: [&str; 6] = ["git checkout", "git switch", "git reset", "git merge", "git worktree", "pr checkout"];

/// The first code of somebody outside that these steps fetch and then run; each step with whether it certainly runs.
pub(super) fn code(steps: &[(&Step<'_>, bool)], scope: &Scope<'_>, guarded: bool) -> Option<ForeignCode> {
    let mut fetched: Option<(Span, Option<String>, bool)> = None;
    for (step, certain) in steps {
        let Some((place, folder, unguarded)) = &fetched else {
            fetched = fetch(step, scope).map(|(span, folder)| (span, folder, *certain));
            continue;
        };
        if runs(step, folder.as_deref()) {
            let unguarded = *unguarded && *certain && !guarded;
            return Some(ForeignCode { fetched: *place, run: step.span, unguarded });
        }
    }
    None
}

/// Where a step fetches the head, and into which folder.
fn fetch(step: &Step<'_>, _scope: &Scope<'_>) -> Option<(Span, Option<String>)> {
    if step.uses.as_deref() == Some("actions/checkout") {
        let with = field(step.value, "with")?;
        let names_head = |key: &str| text_at(with, key).filter(|t| HEADS.iter().any(|head| cut::flat(t).contains(head)));
        let reference = names_head("ref").or_else(|| names_head("repository"))?;
        let folder = text_at(with, "path").and_then(|p| p.as_known()).filter(|p| p != "." && p != "./");
        return Some((reference.span().unwrap_or(step.span), folder));
    }
    let run = text_at(step.value, "run")?;
    let flat = cut::flat(&run);
    let fetches = FETCHES.iter().any(|f| flat.contains(f)) && CHECKOUTS.iter().any(|c| flat.contains(c));
    fetches.then(|| (run.span().unwrap_or(step.span), None))
}

/// The step runs what is in the folder: a command, or an action that is there.
fn runs(step: &Step<'_>, folder: Option<&str>) -> bool {
    if let Some(uses) = &step.uses {
        return uses.starts_with("./") && folder.is_none_or(|f| uses.contains(f));
    }
    let Some(run) = text_at(step.value, "run") else { return false };
    let flat = cut::flat(&run);
    let directory = text_at(step.value, "working-directory").map(|d| cut::flat(&d)).unwrap_or_default();
    folder.is_none_or(|f| flat.contains(f) || directory.contains(f)) && flat.lines().any(|line| !is_harmless(line))
}

/// A line that runs nothing of the folder.
fn is_harmless(line: &str) -> bool {
    let line = line.trim();
    let first = line.split_whitespace().next().unwrap_or_default();
    line.is_empty()
        || line.starts_with('#')
        || matches!(first, "echo" | "git" | "set" | "cd" | "cat" | "ls" | "gh" | "printf" | "export" | "jq")
}

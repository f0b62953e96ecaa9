//! GitHub's two subject formats, `repo:OWNER/REPO:…` and `repo:OWNER@OWNER_ID/REPO@REPO_ID:…`
//! (<https://docs.github.com/en/actions/reference/security/oidc>).

use crate::admission::exposure::{Life, shape};
use crate::admission::formula::{Formula, Matcher, Test};
use crate::graph::Origin;
use crate::issuers::Template;
use crate::rules::engine::Context;
use crate::rules::{Finding, Severity};

/// The finding when only one of the formats gets in.
#[must_use]
pub(super) fn stale(context: &Context<'_>, origin: &Origin, issuer: &str, formula: &Formula, templates: &[Template]) -> Option<Finding> {
    // Enterprise Server mints the classic form only.
    if !issuer.starts_with("github-actions") {
        return None;
    }
    let (immutable, classic): (Vec<Template>, Vec<Template>) = templates.iter().cloned().partition(is_immutable);
    let test = shape::tests(formula).into_iter().find(|o| o.positive && shape::claims(&o.test.subject).contains("sub"))?.test;
    // None when that is not decided.
    let admitted = |templates: &[Template]| match context.life(formula, templates) {
        Life::Alive(_) => Some(true),
        Life::Dead => Some(false),
        Life::Unknown(_) => None,
    };
    let takes = (admitted(&classic)?, admitted(&immutable)?);
    let known = context.config.github.immutable_subjects;
    let (message, help, broken) = match takes {
        (true, false) => (
            "only GitHub's classic subjects match: a repository that was created, renamed or transferred since 2026-07-15 emits \
             `repo:OWNER@OWNER_ID/REPO@REPO_ID:…` and does not get in",
            help(test, true),
            known == Some(true),
        ),
        (false, true) => (
            "only GitHub's immutable subjects match: a repository from before 2026-07-15 that has not opted in emits `repo:OWNER/REPO:…` and does not \
             get in",
            help(test, false),
            known == Some(false),
        ),
        _ => return None,
    };
    // The format that the team says it uses is the one that gets in.
    if known == Some(takes.1) {
        return None;
    }
    let severity = if broken { Severity::Medium } else { Severity::Low };
    Some(Finding::new("stale-subject-format", origin, test.span, "format", message).severity(severity).help(help).along(&test.trail))
}

fn is_immutable(template: &Template) -> bool {
    template.name.contains("immutable")
}

/// The other form beside the value, exact.
fn help(test: &Test, add_ids: bool) -> String {
    let value = match &test.matcher {
        Matcher::Exact(t) | Matcher::Prefix(t) | Matcher::Contains(t) => t.to_string(),
        Matcher::Glob(parts) => parts.iter().map(glob_text).collect(),
        _ => String::new(),
    };
    let other = value.strip_prefix("repo:").and_then(|rest| if add_ids { with_ids(rest) } else { without_ids(rest) });
    match other {
        Some(other) => {
            format!("add `{other}` as a value of its own beside `{value}`; do not widen the pattern to `OWNER*`, that lets strangers in")
        }
        None => "accept both forms, each as a value of its own; do not widen the pattern to `OWNER*`, that lets strangers in".to_owned(),
    }
}

fn glob_text(part: &crate::admission::formula::GlobPart) -> String {
    use crate::admission::formula::GlobPart;
    match part {
        GlobPart::Literal(t) => t.to_string(),
        GlobPart::Star(_) => "*".to_owned(),
        GlobPart::One(_) => "?".to_owned(),
    }
}

/// `octo/app:ref:…` gives `repo:octo@OWNER_ID/app@REPO_ID:ref:…`.
fn with_ids(rest: &str) -> Option<String> {
    let (owner, after) = rest.split_once('/')?;
    let (repository, context) = after.split_once(':').map_or((after, String::new()), |(r, c)| (r, format!(":{c}")));
    if repository == "*" {
        return Some(format!("repo:{owner}@OWNER_ID/*{context}"));
    }
    Some(format!("repo:{owner}@OWNER_ID/{repository}@REPO_ID{context}"))
}

/// `octo@1/app@2:ref:…` gives `repo:octo/app:ref:…`.
fn without_ids(rest: &str) -> Option<String> {
    let (owner, after) = rest.split_once('/')?;
    let (repository, context) = after.split_once(':').map_or((after, String::new()), |(r, c)| (r, format!(":{c}")));
    let name = |s: &str| s.split('@').next().unwrap_or(s).to_owned();
    Some(format!("repo:{}/{}{context}", name(owner), name(repository)))
}

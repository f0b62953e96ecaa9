//! Formats of subjects: GitHub's two, `repo:OWNER/REPO:…` and `repo:OWNER@OWNER_ID/REPO@REPO_ID:…`, and those that a tenant has
//! customised (<https://docs.github.com/en/actions/reference/security/oidc>).

use crate::admission::exposure::{Life, shape};
use crate::admission::formula::{Formula, Matcher, Test};
use crate::graph::Origin;
use crate::graph::SubjectFormat;
use crate::issuers::{Recognised, Template};
use crate::rules::engine::Context;
use crate::rules::subjects::Subjects;
use crate::rules::{Finding, Severity, issuer};

/// The finding when only one of the formats gets in.
#[must_use]
pub(super) fn stale(context: &Context<'_>, origin: &Origin, issuer: &str, formula: &Formula, templates: &[Template]) -> Option<Finding> {
    // Enterprise Server mints the classic form only.
    if !issuer.starts_with("github-actions") {
        return None;
    }
    let (immutable, classic): (Vec<Template>, Vec<Template>) = templates.iter().cloned().partition(is_immutable);
    let test = shape::tests(formula).into_iter().find(|o| o.positive && shape::claims(&o.test.subject).contains("sub"))?.test;
    let takes = (admitted(context, formula, &classic)?, admitted(context, formula, &immutable)?);
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

/// What a customised subject makes of a trust.
pub(super) enum Customised {
    /// Nothing.
    No,
    /// Nobody gets in, because the projects that are meant have subjects of another form.
    Dead(Box<Finding>),
    /// Somebody gets in only if a subject is customised as nothing in the scan says.
    Assumed(Box<Finding>),
}

/// Whether it is a customised subject that decides, `lifeless` being proved for the tokens with it.
#[must_use]
pub(super) fn customised(
    context: &Context<'_>,
    origin: &Origin,
    recognised: &Recognised<'_>,
    formula: &Formula,
    subjects: &Subjects,
    lifeless: bool,
) -> Customised {
    let facts: Vec<&SubjectFormat> = subjects.customised.iter().filter_map(|i| context.graph.subject_formats.get(*i)).collect();
    let decided = (lifeless && !facts.is_empty()) || (!lifeless && subjects.assumed);
    let Some(by_default) = decided.then(|| admitted(context, formula, &issuer::by_default(recognised, formula))).flatten() else {
        return Customised::No;
    };
    let test = || shape::tests(formula).into_iter().find(|o| o.positive && shape::claims(&o.test.subject).contains("sub")).map(|o| o.test);
    let Some(test) = test() else { return Customised::No };
    let finding = |message: String| {
        let finding = Finding::new("stale-subject-format", origin, test.span, "customised", message).along(&test.trail);
        facts.iter().fold(finding, |f, fact| f.related_to(fact.origin.span, "the subject's claims are chosen here"))
    };
    match (&subjects.wanted, by_default) {
        (None, false) => Customised::No,
        _ if lifeless => Customised::Dead(Box::new(stranded(&finding, &facts, recognised))),
        (Some(keys), false) => {
            let claims = keys.join("`, `");
            let message = format!(
                "only jobs whose subject is customised to `{claims}` get in; nothing in the scan says so, and the default subject is `{}`",
                issuer::example(&recognised.templates(), "sub")
            );
            let help = "keep the customisation beside the trust (for GitHub `github_actions_repository_oidc_subject_claim_customization_template`), \
                        or compare with the default subject";
            Customised::Assumed(Box::new(finding(message).severity(Severity::Low).certain(false).help(help)))
        }
        _ => Customised::No,
    }
}

/// The default form, or another one, is what the policy takes.
fn stranded(finding: &dyn Fn(String) -> Finding, facts: &[&SubjectFormat], recognised: &Recognised<'_>) -> Finding {
    let names: Vec<String> = facts.iter().filter_map(|f| f.project.as_ref()).map(|p| format!("`{p}`")).collect();
    let keys = facts.iter().find_map(|f| match &f.keys {
        crate::graph::SubjectKeys::These(keys) => Some(keys.iter().map(String::as_str).collect::<Vec<_>>()),
        _ => None,
    });
    let form = keys.map_or_else(|| recognised.templates(), |keys| recognised.custom(&keys));
    let example = issuer::example(&form, "sub");
    let message = format!("the subjects of {} are of the form `{example}` here, so no token matches and nobody gets in", names.join(", "));
    finding(message).severity(Severity::Medium).help(format!("compare with `{example}`, or give the default back (`use_default = true`)"))
}

/// Whether any of these templates gets in; none when that is not decided.
fn admitted(context: &Context<'_>, formula: &Formula, templates: &[Template]) -> Option<bool> {
    match context.life(formula, templates) {
        Life::Alive(_) => Some(true),
        Life::Dead => Some(false),
        Life::Unknown(_) => None,
    }
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

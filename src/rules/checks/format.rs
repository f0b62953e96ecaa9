//! Formats of subjects: GitHub's two, `repo:OWNER/REPO:…` and `repo:OWNER@OWNER_ID/REPO@REPO_ID:…`, and those that a tenant has
//! customised (<https://docs.github.com/en/actions/reference/security/oidc>).

use crate::admission::exposure::{Class, Reachability, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Test};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::subjects::Subjects;
use crate::graph::Origin;
use crate::graph::SubjectFormat;
use crate::issuers::{Recognised, Tag, Template};
use crate::place::Span;
use crate::rules::engine::Context;

use crate::gate::issuer;
use crate::partial::{Part, Text, cut, hops};
use crate::rules::Finding;

/// How a value of the other format is added.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// To a list of values.
    Value,
    /// In a credential of its own: one has one subject.
    Credential,
}

/// Most values that are looked at one by one.
const MAX_TESTS: usize = 128;
/// Most values that a help text names.
const MAX_NAMED: usize = 4;

/// The finding when only one of the formats gets in, where several values can stand side by side.
#[must_use]
pub(super) fn stale(context: &Context<'_>, origin: &Origin, formula: &Formula, templates: &[Template]) -> Option<Finding> {
    stale_beside(context, origin, formula, templates, Beside::Value)
}

/// The finding when only one of the formats gets in.
#[must_use]
pub(super) fn stale_beside(
    context: &Context<'_>,
    origin: &Origin,
    formula: &Formula,
    templates: &[Template],
    beside: Beside,
) -> Option<Finding> {
    // Where there is one form only, none is stale.
    if !templates.iter().any(is_immutable) {
        return None;
    }
    let (immutable, classic): (Vec<Template>, Vec<Template>) = templates.iter().cloned().partition(is_immutable);
    let takes = (admitted(context, formula, &classic)?, admitted(context, formula, &immutable)?);
    let known = context.config.github.immutable_subjects;
    let (message, add_ids, broken) = match takes {
        (true, false) => (
            "only GitHub's classic subjects match: a repository that was created, renamed or transferred since 2026-07-15 emits \
             `repo:OWNER@OWNER_ID/REPO@REPO_ID:…` and does not get in",
            true,
            known == Some(true),
        ),
        (false, true) => (
            "only GitHub's immutable subjects match: a repository from before 2026-07-15 that has not opted in emits `repo:OWNER/REPO:…` and does not \
             get in",
            false,
            known == Some(false),
        ),
        _ => return None,
    };
    // The format that the team says it uses is the one that gets in.
    if known == Some(takes.1) {
        return None;
    }
    let tests: Vec<&Test> = shape::tests(formula)
        .into_iter()
        .filter(|o| o.positive && shape::claims(&o.test.subject).contains("sub"))
        .map(|o| o.test)
        .collect();
    // Nobody invents an id: the repository mints this form, and its name alone would let in whoever takes the name over.
    if !add_ids && known.is_none() && tests.iter().any(|t| has_ids(&cut::flat(&pattern(t)))) {
        return None;
    }
    let (own, missing) = if add_ids { (&classic, &immutable) } else { (&immutable, &classic) };
    let only = |t: &&Test| admits(context, t, own) && !admits(context, t, missing);
    let mut one_sided: Vec<&Test> = Vec::new();
    for test in tests.iter().copied().take(MAX_TESTS).filter(only) {
        if !one_sided.iter().any(|t| pattern(t).same(&pattern(test))) {
            one_sided.push(test);
        }
    }
    let test = *one_sided.first().or_else(|| tests.first())?;
    // Where unrelated owners are admitted, the other form would be as open: the pattern is what has to change.
    let closed = context.exposed(formula, templates).is_ok_and(|e| !matches!(e.class, Class::AnyTenant | Class::TenantPrefix));
    let named = if closed { one_sided.as_slice() } else { &[] };
    let help = help(context, named, formula, missing, add_ids, beside);
    let severity = if broken { Severity::Medium } else { Severity::Low };
    let finding = Finding::new(RuleId::StaleSubjectFormat, origin, place(test, origin), "format", message)
        .severity(severity)
        .help(help)
        .merged_by("format");
    let finding = finding.along(&test.trail);
    Some(one_sided.iter().skip(1).fold(finding, |f, t| f.related(place(t, origin), "this value is of one format, too")))
}

fn admits(context: &Context<'_>, test: &Test, templates: &[Template]) -> bool {
    admitted(context, &Formula::Test(Box::new(test.clone())), templates) == Some(true)
}

/// Where `repo:OWNER/REPO` is written; in the call of a module that writes `repo:` itself, the argument.
fn place(test: &Test, origin: &Origin) -> Option<Span> {
    let text = pattern(test);
    let holds = |p: &Part| matches!(p, Part::Literal { text, .. } if text.contains("repo:"));
    let Some(at) = text.parts.iter().position(holds) else { return test.span };
    let own = |span: Option<Span>| span.filter(|s| *s != origin.span);
    let written = own(text.parts.get(at).and_then(Part::span)).and_then(|_| text.literal_from(at));
    let argument =
        || (at + 1..text.parts.len()).find_map(|i| own(text.parts.get(i).and_then(Part::span)).and_then(|_| text.literal_from(i)));
    // Inside of a module the repository is what its caller says.
    let given = |p: &Part| match p {
        Part::Literal { trail, .. } | Part::Hole { trail, .. } => hops(trail).filter(|h| h.kind.is_argument()).count(),
    };
    let own_arguments = text.parts.get(at).map_or(0, given);
    let from_call = text.parts.iter().skip(at + 1).position(|p| given(p) > own_arguments).filter(|_| origin.in_module());
    let called = from_call.and_then(|i| text.literal_from(at + 1 + i)).filter(|s| *s != origin.span);
    called.or(written).or_else(argument).or(test.span)
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

/// Whether it is a customised subject that decides, `unreachable` being proved for the tokens with it.
#[must_use]
pub(super) fn customised(
    context: &Context<'_>,
    origin: &Origin,
    recognised: &Recognised<'_>,
    formula: &Formula,
    subjects: &Subjects,
    unreachable: bool,
) -> Customised {
    let facts: Vec<&SubjectFormat> = subjects.customised.iter().filter_map(|i| context.graph.subject_formats.get(*i)).collect();
    let decided = (unreachable && !facts.is_empty()) || (!unreachable && subjects.assumed);
    let Some(by_default) = decided.then(|| admitted(context, formula, &issuer::by_default(recognised, formula))).flatten() else {
        return Customised::No;
    };
    let test = || shape::tests(formula).into_iter().find(|o| o.positive && shape::claims(&o.test.subject).contains("sub")).map(|o| o.test);
    let Some(test) = test() else { return Customised::No };
    let finding = |message: String| {
        let finding =
            Finding::new(RuleId::StaleSubjectFormat, origin, test.span, "customised", message).along(&test.trail).merged_by("format");
        facts.iter().fold(finding, |f, fact| f.related_to(fact.origin.span, "the subject's claims are chosen here"))
    };
    match (&subjects.wanted, by_default) {
        (None, false) => Customised::No,
        _ if unreachable => Customised::Dead(Box::new(stranded(&finding, &facts, recognised))),
        (Some(keys), false) => {
            let claims = keys.join("`, `");
            let message = format!(
                "only jobs whose subject is customised to `{claims}` are admitted; nothing in the scan says so, and the default subject is `{}`",
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
    let message = format!("the subjects of {} are of the form `{example}` here, so no token can ever match", names.join(", "));
    finding(message).severity(Severity::Medium).help(format!("compare with `{example}`, or give the default back (`use_default = true`)"))
}

/// Whether any of these templates gets in; none when that is not decided.
fn admitted(context: &Context<'_>, formula: &Formula, templates: &[Template]) -> Option<bool> {
    match context.reachability(formula, templates) {
        Reachability::Reachable(_) => Some(true),
        Reachability::Unreachable => Some(false),
        Reachability::Undecided => None,
    }
}

fn is_immutable(template: &Template) -> bool {
    template.is(Tag::ImmutableIds)
}

/// The values of the other form, exact, when they let it in.
fn help(context: &Context<'_>, values: &[&Test], formula: &Formula, missing: &[Template], add_ids: bool, beside: Beside) -> String {
    let others: Vec<(String, Option<String>)> = values
        .iter()
        .map(|test| {
            let value = pattern(test).to_string();
            let other = if add_ids { with_ids(&value).map(|other| known_owner(context, &value, other)) } else { without_ids(&value) };
            (value, other)
        })
        .collect();
    let never = "do not widen the pattern to `OWNER*`: that admits unrelated owners";
    let complete = others.iter().all(|(_, other)| other.is_some()) && !others.is_empty();
    if !complete
        || admitted(context, &widened(formula, &|t| values.iter().any(|v| pattern(v).same(&pattern(t))), add_ids), missing) != Some(true)
    {
        return format!("accept both forms in every test of the subject, each as a value of its own; {never}");
    }
    let named = others.iter().take(MAX_NAMED).map(|(value, other)| {
        let other = other.as_deref().unwrap_or_default();
        match beside {
            Beside::Value => format!("`{other}` beside `{value}`"),
            Beside::Credential => format!("`{other}`"),
        }
    });
    let named: Vec<String> = named.collect();
    let more = others.len().saturating_sub(MAX_NAMED);
    let more = if more == 0 { String::new() } else { format!(", and so on for the other {more}") };
    match beside {
        Beside::Value => {
            let each = if others.len() == 1 { "as a value of its own" } else { "each as a value of its own" };
            format!("add {}{more}, {each}; {never}", named.join(", "))
        }
        Beside::Credential => format!("a credential has one subject: add a second credential with the subject {}{more}", named.join(", ")),
    }
}

/// The formula with the other form beside each of these tests, whatever the ids are.
fn widened(formula: &Formula, stale: &dyn Fn(&Test) -> bool, add_ids: bool) -> Formula {
    let all = |parts: &[Formula]| parts.iter().map(|p| widened(p, stale, add_ids)).collect::<Vec<_>>();
    match formula {
        Formula::Test(test) if stale(test) => {
            // An unknown takes an id as well as a wildcard does.
            let value = pattern(test).fill(|_| "*".to_owned());
            let other = if add_ids { with_ids(&value) } else { without_ids(&value) };
            let Some(other) = other else { return formula.clone() };
            let open = if matches!(test.matcher, Matcher::Prefix(_)) { "*" } else { "" };
            let other = Test {
                matcher: Matcher::Glob(glob(&format!("{}{open}", other.replace("OWNER_ID", "*").replace("REPO_ID", "*")))),
                ..(**test).clone()
            };
            Formula::Any(vec![formula.clone(), Formula::Test(Box::new(other))])
        }
        Formula::All(parts) => Formula::All(all(parts)),
        Formula::Any(parts) => Formula::Any(all(parts)),
        Formula::Not(_) | Formula::Test(_) | Formula::Constant(..) | Formula::Deferred(_) => formula.clone(),
    }
}

fn glob(pattern: &str) -> Vec<GlobPart> {
    let mut out = Vec::new();
    for (i, piece) in pattern.split('*').enumerate() {
        if i > 0 {
            out.push(GlobPart::Star(None));
        }
        if !piece.is_empty() {
            out.push(GlobPart::Literal(Text::known(piece)));
        }
    }
    out
}

/// The pattern of a test as it is written, wildcards included.
fn pattern(test: &Test) -> Text {
    let mut out = Text::default();
    match &test.matcher {
        Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) | Matcher::Contains(t) => out.push(t),
        Matcher::Glob(parts) => {
            for part in parts {
                let (wildcard, span) = match part {
                    GlobPart::Literal(text) => {
                        out.push(text);
                        continue;
                    }
                    GlobPart::Star(span) => ("*", *span),
                    GlobPart::One(span) => ("?", *span),
                };
                // A wildcard came with what stands before it.
                let trail = match out.parts.last() {
                    Some(Part::Literal { trail, .. } | Part::Hole { trail, .. }) => trail.clone(),
                    None => test.trail.clone(),
                };
                out.parts.push(Part::Literal { text: wildcard.into(), span, trail });
            }
        }
        _ => {}
    }
    out
}

/// A number after an `@`.
fn has_ids(pattern: &str) -> bool {
    pattern.split('@').skip(1).any(|id| id.starts_with(|c: char| c.is_ascii_digit()))
}

/// `repo:octo/app:ref:…` gives `repo:octo@OWNER_ID/app@REPO_ID:ref:…`; a name that ends with a wildcard takes ids already.
fn with_ids(value: &str) -> Option<String> {
    let (owner, repository, context) = names(value)?;
    let id = |name: &str, id: &str| if name.ends_with('*') { name.to_owned() } else { format!("{name}@{id}") };
    Some(format!("{}/{}{context}", id(owner, "OWNER_ID"), id(repository, "REPO_ID")))
}

/// With the owner's id where the configuration knows it (`tenants.github`).
fn known_owner(context: &Context<'_>, value: &str, other: String) -> String {
    let owner = names(value).and_then(|(owner, _, _)| owner.strip_prefix("repo:"));
    match owner.and_then(|owner| context.config.tenants.github.id_of(owner)) {
        Some(id) => other.replacen("OWNER_ID", id, 1),
        None => other,
    }
}

/// `repo:octo@1/app@2:ref:…` gives `repo:octo/app:ref:…`.
fn without_ids(value: &str) -> Option<String> {
    let (owner, repository, context) = names(value)?;
    let name = |s: &str| s.split('@').next().unwrap_or(s).to_owned();
    Some(format!("{}/{}{context}", name(owner), name(repository)))
}

/// What stands before the first `/`, the name after it, and the rest with its colon. Colons inside of `${…}` do not count.
fn names(value: &str) -> Option<(&str, &str, &str)> {
    let (owner, after) = value.split_once('/')?;
    let mut depth = 0usize;
    let end = after.char_indices().find_map(|(i, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (c == ':' && depth == 0).then_some(i)
    });
    let end = end.unwrap_or(after.len());
    Some((owner, after.get(..end)?, after.get(end..)?))
}

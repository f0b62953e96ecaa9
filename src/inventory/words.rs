//! Who is admitted, in words.

use super::Admits;
use crate::admission::exposure::{Class, Exposure, Reachability, segment_test};
use crate::admission::formula::{Formula, Matcher};
use crate::admission::search::Candidate;
use crate::gate::Inputs;
use crate::issuers::{Context, Role, Segment, Template};
use crate::partial::Text;
use crate::token::Token;

/// Most of those who are named that are told one by one.
const MAX_NAMED: usize = 3;

pub(super) fn of_class(class: Class, issuer: &str) -> (Admits, String) {
    let words = match class {
        Class::AnyTenant => return (Admits::AnyTenant, format!("anyone who can get a token of {issuer}")),
        Class::TenantPrefix => return (Admits::AnyTenant, "any tenant whose name starts with a named one".to_owned()),
        Class::AnyNamespace => "any namespace of the cluster",
        Class::NamespacePrefix => "any namespace whose name starts with a named one",
        Class::AnyProject => "any project of the tenant",
        Class::ProjectPrefix => "any project whose name starts with a named one",
        Class::AnyRef => "any branch",
        Class::RefPrefix => "any branch whose name starts with a named one",
        Class::PullRequestTarget => "also runs of `pull_request_target`",
        Class::PullRequest => "also pull requests",
        Class::AnyEnvironment => "any environment",
        Class::EnvironmentPrefix => "any environment whose name starts with a named one",
        Class::TagAsBranch => "also tags that have the branch's name",
        Class::Preview => "also previews and speculative plans",
        Class::Intended => return (Admits::Named, "what it names and nothing else".to_owned()),
    };
    (Admits::WithinTenant, words.to_owned())
}

/// Those whom a trust names, when it admits nobody else: "jobs of environment `prod` in `octo/app`".
pub(super) fn named(inputs: &Inputs<'_>, formula: &Formula, templates: &[Template], found: &Exposure) -> Option<String> {
    let mut contexts: Vec<Context> = Vec::new();
    for template in templates.iter().filter(|t| t.context != Context::PullRequestTarget) {
        if !contexts.contains(&template.context) {
            contexts.push(template.context);
        }
    }
    let mut out: Vec<String> = Vec::new();
    for context in contexts {
        let own: Vec<Template> = templates.iter().filter(|t| t.context == context).cloned().collect();
        if !of_context(inputs, formula, &own, found, &mut out) {
            return None;
        }
        if out.len() > MAX_NAMED {
            out.truncate(MAX_NAMED);
            out.push("others that it names".to_owned());
            break;
        }
    }
    match out.split_last() {
        None => None,
        Some((only, [])) => Some(only.clone()),
        Some((last, before)) => Some(format!("{} and {last}", before.join(", "))),
    }
}

/// Those who are named with tokens of one kind of event; false where they cannot be told.
fn of_context(inputs: &Inputs<'_>, formula: &Formula, templates: &[Template], found: &Exposure, out: &mut Vec<String>) -> bool {
    let mut asked = formula.clone();
    while out.len() <= MAX_NAMED {
        let token = match inputs.reachability(&asked, templates) {
            Reachability::Reachable(token) => token,
            // What else there is, is not known.
            Reachability::Undecided => return false,
            Reachability::Unreachable => break,
        };
        let Some((words, told)) = one(&token, templates, found) else { return false };
        if out.contains(&words) {
            // the names alone do not tell them apart
            return false;
        }
        out.push(words);
        asked = Formula::All(vec![asked, told.negate()]);
    }
    true
}

/// One who is named, and the question whether a token is theirs.
fn one(token: &Token, templates: &[Template], found: &Exposure) -> Option<(String, Formula)> {
    let (template, values) = templates.iter().find_map(|t| Some((t, t.bind(token)?)))?;
    let mut tests = Vec::new();
    let mut told = |segment: &Segment| -> Option<String> {
        let candidates = found.named.get(&segment.name)?;
        let (text, matcher) = value(values.get(&segment.name)?, candidates)?;
        tests.push(segment_test(&segment.name, matcher));
        Some(text)
    };
    let mut of_role =
        |roles: &[Role]| -> Vec<String> { template.segments.iter().filter(|s| roles.contains(&s.role)).filter_map(&mut told).collect() };
    let whose = of_role(&[Role::Tenant, Role::Namespace, Role::Project]).join("/");
    let of = |what: &str| if whose.is_empty() { what.to_owned() } else { format!("{what} of `{whose}`") };
    let words = match template.context {
        Context::Environment => {
            let environment = of_role(&[Role::Environment]).join(":");
            let jobs =
                if environment.is_empty() { "jobs of an environment".to_owned() } else { format!("jobs of environment `{environment}`") };
            if whose.is_empty() { jobs } else { format!("{jobs} in `{whose}`") }
        }
        Context::Branch | Context::Tag => {
            let kind = if template.context == Context::Tag { "tag" } else { "branch" };
            let name = of_role(&[Role::Ref]).join("/");
            of(&if name.is_empty() { format!("jobs on a {kind}") } else { format!("{kind} `{name}`") })
        }
        Context::PullRequest => of("pull requests"),
        Context::PullRequestTarget => of("runs of `pull_request_target`"),
        Context::Preview => of("previews"),
        Context::Workload if whose.is_empty() => return None,
        Context::Workload if template.segments.iter().any(|s| s.role == Role::Namespace) => format!("ServiceAccount `{whose}`"),
        Context::Workload => format!("`{whose}`"),
    };
    // Nothing that is named can be told: the next question would be the same.
    (!tests.is_empty()).then(|| (words, Formula::All(tests)))
}

/// A value as the trust names it: whole, or by its beginning.
fn value(value: &str, candidates: &[Candidate]) -> Option<(String, Matcher)> {
    let same = |c: &&Candidate| c.complete && if c.ignore_case { c.text.eq_ignore_ascii_case(value) } else { c.text == value };
    if let Some(exact) = candidates.iter().find(same) {
        let text = Text::known(&exact.text);
        let matcher = if exact.ignore_case { Matcher::ExactIgnoreCase(text) } else { Matcher::Exact(text) };
        return Some((exact.text.clone(), matcher));
    }
    let begun = candidates.iter().filter(|c| !c.complete && !c.text.is_empty() && value.starts_with(&c.text));
    let longest = begun.max_by_key(|c| c.text.len())?;
    Some((format!("{}*", longest.text), Matcher::Prefix(Text::known(&longest.text))))
}

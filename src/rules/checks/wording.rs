//! Names and tokens as a reader should see them: the template's own text for what is not known, strangers that the advice
//! keeps out.

use crate::admission::exposure::{self, Exposure, Reachability, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use crate::admission::search::Candidate;
use crate::issuers::{Context, Template};
use crate::partial::Text;
use crate::rules::engine::Context as Checks;
use crate::token::{Token, Truth};

/// The beginning that a policy names, and a stranger's name that begins so.
#[must_use]
pub(super) fn beginning(formula: &Formula, exposure: &Exposure, named: &[&str], example: &[&str]) -> (String, String) {
    let value = example.iter().find_map(|n| exposure.segments.get(*n)).cloned().unwrap_or_default();
    // Of several named values the one that the witness extends.
    let extended = |name: &str| {
        let value = exposure.segments.get(name).map_or("", String::as_str);
        let known = || exposure.named.get(name).into_iter().flatten().filter(|c| !c.text.is_empty());
        known().find(|c| value.starts_with(&c.text)).or_else(|| known().next())
    };
    let Some(candidate) = named.iter().find_map(|n| extended(n)) else { return (String::new(), value) };
    match (as_written(formula, candidate), value.strip_prefix(&candidate.text)) {
        (Some(written), Some(more)) => (written.clone(), format!("{written}{more}")),
        _ => (candidate.text.clone(), value),
    }
}

/// What the pattern says of the segment, where that has an unknown in it: `hub-${var.environment}` and not what was made up.
fn as_written(formula: &Formula, candidate: &Candidate) -> Option<String> {
    let open = candidate.open_at?;
    let is = |part: &GlobPart| matches!(part, GlobPart::Star(Some(span)) | GlobPart::One(Some(span)) if *span == open);
    shape::tests(formula).into_iter().find_map(|o| {
        let Matcher::Glob(parts) = &o.test.matcher else { return None };
        let before = parts.get(..parts.iter().position(is)?)?;
        let mut text = Text::default();
        for part in before
            .iter()
            .rev()
            .map_while(|p| if let GlobPart::Literal(t) = p { Some(t) } else { None })
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            text.push(part);
        }
        let shown = text.to_string();
        let name = shown.get(start_of_name(&shown)..)?;
        (name.contains("${") && !text.is_known()).then(|| name.to_owned())
    })
}

/// After the last `:` or `/` that stands outside of `${…}`.
fn start_of_name(text: &str) -> usize {
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' | '/' if depth == 0 => start = at + 1,
            _ => {}
        }
    }
    start
}

/// What gets in beside the branches, by the same test: "; so do its tags and pull requests".
#[must_use]
pub(super) fn beside_branches(checks: &Checks<'_>, formula: &Formula, templates: &[Template], exposure: &Exposure) -> String {
    let tests = shape::tests(formula);
    let loose = exposure.admitting.iter().filter_map(|i| tests.get(*i)).map(|o| Formula::Test(Box::new(o.test.clone())));
    let gate = Formula::All(std::iter::once(formula.clone()).chain(loose).collect());
    let kinds = [(Context::PullRequest, "pull requests"), (Context::Tag, "tags"), (Context::Environment, "environments")];
    let enters = |context: Context| {
        let own: Vec<Template> = templates.iter().filter(|t| t.context == context).cloned().collect();
        !own.is_empty() && matches!(checks.reachability(&gate, &own), Reachability::Reachable(_))
    };
    let names: Vec<&str> = kinds.into_iter().filter(|(context, _)| enters(*context)).map(|(_, name)| name).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("; so do its {one}"),
        [first @ .., last] => format!("; so do its {} and {last}", first.join(", ")),
    }
}

/// A token of another branch than the one that everybody means to let in.
#[must_use]
pub(super) fn other_branch(checks: &Checks<'_>, formula: &Formula, templates: &[Template], exposure: &Exposure) -> Option<Token> {
    let usual = exposure.witness.as_ref()?;
    let (name, branch) = ["branch", "ref"].iter().find_map(|n| Some((*n, exposure.segments.get(*n)?)))?;
    let mut segments = templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.name == name);
    // The witness is of another branch already.
    if !segments.any(|s| s.samples.first() == Some(branch)) {
        return None;
    }
    let ends = |claim: &str| {
        Formula::Test(Box::new(Test {
            subject: Subject::Claim(claim.to_owned()),
            matcher: Matcher::Suffix(Text::known(branch)),
            absent: Truth::False,
            span: None,
            trail: None,
            label: claim.to_owned(),
            origin: crate::admission::formula::TestOrigin::Condition,
        }))
    };
    // By the same tests: of several values only the loose one is spoken of.
    let tests = shape::tests(formula);
    let same = exposure.admitting.iter().filter_map(|i| tests.get(*i)).map(|o| Formula::Test(Box::new(o.test.clone())));
    let other = Formula::All([formula.clone(), ends("sub").negate(), ends("ref").negate()].into_iter().chain(same).collect());
    let branches: Vec<Template> = templates.iter().filter(|t| t.context == Context::Branch).cloned().collect();
    let Reachability::Reachable(token) = checks.reachability(&other, &branches) else { return None };
    let token = exposure::minimal(&token, formula);
    // What the gate does not look at stays as it was found.
    ["iss", "aud"].into_iter().all(|claim| token.claims.get(claim) == usual.claims.get(claim)).then_some(token)
}

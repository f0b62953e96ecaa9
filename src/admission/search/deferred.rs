//! Tests that the search does not follow at first.
//!
//! Two strings that have to be equal, whatever they are, are no regular language: `repo:octo/${issuer:environment}:*`. The search
//! goes by a stand-in for such a test; a token that it finds, and that the test itself refuses, says which strings can meet: one
//! of them is put into the claim and into the pattern, and what is left is a question that automata answer. Nothing is proven by
//! it. A limit of length (Google takes no `google.subject` above 127 bytes) is asked for only when what was found is too long:
//! its automaton would make every search a hundred times larger.

use super::compile::Compiled;
use super::concrete::pattern_of;
use crate::admission::formula::{Comparison, Deferred, Exact, Formula, GlobPart, Matcher, PatternPart, Subject, Test, TestOrigin};
use crate::partial::Text;
use crate::token::{Claim, Token, Truth};
use std::collections::{BTreeMap, BTreeSet};

/// Most strings that are tried for one claim.
const MAX_STRINGS: usize = 12;
/// Deepest nesting that is looked at, as in [`super::compile`].
const MAX_DEPTH: usize = 128;

/// A pattern with what these claims say; none where one that has no default says nothing.
pub(super) fn with_claims(parts: &[PatternPart], claim: &dyn Fn(&str) -> Option<String>) -> Option<Vec<GlobPart>> {
    let part = |part: &PatternPart| match part {
        PatternPart::Glob(part) => Some(part.clone()),
        PatternPart::Claim(name, default) => claim(name).or_else(|| default.clone()).map(|text| GlobPart::Literal(Text::known(text))),
    };
    parts.iter().map(part).collect()
}

/// The exact test, where the claims say this.
fn exact(deferred: &Deferred, values: &BTreeMap<String, String>) -> Formula {
    let plain = |matcher| test(deferred.subject.clone(), matcher, deferred.absent);
    match &deferred.exact {
        Exact::Pattern { parts, ignore_case } => {
            let Some(parts) = with_claims(parts, &|name| values.get(name).cloned()) else { return Formula::FALSE };
            if !ignore_case {
                return plain(Matcher::Glob(parts));
            }
            match pattern_of(&parts) {
                Some(pattern) => plain(Matcher::Regex(format!("(?i){pattern}"))),
                None => Formula::unknown("a part of the pattern is not known"),
            }
        }
        // Characters are no more than bytes: what is longer in bytes alone is told by the evaluator.
        Exact::AtMost(bytes) => plain(Matcher::Size(Comparison::LessEqual, i64::try_from(*bytes).unwrap_or(i64::MAX))),
    }
}

/// Every such test of a formula, in order.
pub(super) fn all(formula: &Formula) -> Vec<&Deferred> {
    let mut out = Vec::new();
    let mut open = vec![formula];
    while let Some(formula) = open.pop() {
        match formula {
            Formula::Constant(..) | Formula::Test(_) => {}
            Formula::Not(inner) => open.push(inner),
            Formula::All(all) | Formula::Any(all) => open.extend(all.iter().rev()),
            Formula::Deferred(deferred) => out.push(&**deferred),
        }
    }
    out
}

/// The claims that tests of a formula have in their patterns.
#[must_use]
pub fn claims(formula: &Formula) -> BTreeSet<&str> {
    let mut out = BTreeSet::new();
    for deferred in all(formula) {
        if let Exact::Pattern { parts, .. } = &deferred.exact {
            out.extend(parts.iter().filter_map(|part| part.claim().map(|(name, _)| name)));
        }
    }
    out
}

/// The formula with the tests themselves, where none of them is against another claim: nothing else can satisfy it.
pub(super) fn exactly(formula: &Compiled) -> Option<Formula> {
    let alone = formula.sources().all(|source| claims(source).is_empty());
    alone.then(|| with_values(formula, &BTreeMap::new()))
}

/// The questions that are left of a formula once the claims in its patterns say a string of a token that was found: what the claims say
/// there first, then what else does.
pub(super) fn met(formula: &Compiled, token: &Token, segments: &[(String, String)]) -> Vec<Formula> {
    let names: BTreeSet<&str> = formula.sources().flat_map(claims).collect();
    let said: BTreeMap<String, String> = names
        .iter()
        .filter_map(
            |name| if let Some(Claim::String(text)) = token.claims.get(*name) { Some(((*name).to_owned(), text.clone())) } else { None },
        )
        .collect();
    let mut choices = vec![said.clone()];
    for name in names {
        let mut tried: BTreeSet<&str> = said.get(name).map(String::as_str).into_iter().collect();
        for (_, text) in segments {
            if tried.len() < MAX_STRINGS && !text.is_empty() && tried.insert(text) {
                choices.push(said.iter().map(|(n, t)| (n.clone(), if n == name { text.clone() } else { t.clone() })).collect());
            }
        }
    }
    choices.iter().map(|values| with_values(formula, values)).collect()
}

fn with_values(formula: &Compiled, values: &BTreeMap<String, String>) -> Formula {
    let says = values.iter().map(|(name, text)| test(Subject::Claim(name.clone()), Matcher::Exact(Text::known(text)), Truth::False));
    Formula::All(says.chain(formula.sources().map(|source| replaced(source, values, 0))).collect())
}

fn replaced(formula: &Formula, values: &BTreeMap<String, String>, depth: usize) -> Formula {
    if depth > MAX_DEPTH {
        return Formula::unknown("the condition is nested too deep");
    }
    let all = |list: &[Formula]| list.iter().map(|f| replaced(f, values, depth + 1)).collect();
    match formula {
        Formula::Constant(..) | Formula::Test(_) => formula.clone(),
        Formula::Not(inner) => replaced(inner, values, depth + 1).negate(),
        Formula::All(list) => Formula::All(all(list)),
        Formula::Any(list) => Formula::Any(all(list)),
        Formula::Deferred(deferred) => exact(deferred, values),
    }
}

fn test(subject: Subject, matcher: Matcher, absent: Truth) -> Formula {
    let label = String::new();
    Formula::Test(Box::new(Test { subject, matcher, absent, span: None, trail: None, label, origin: TestOrigin::Condition }))
}

//! Tests against other claims of the same token: `repo:octo/${token.actions.githubusercontent.com:environment}:*`.
//!
//! Two strings that have to be equal, whatever they are, are no regular language. The search goes by a stand-in for such a test;
//! a token that it finds, and that the test itself refuses, says which strings can meet: one of them is put into the claim and
//! into the pattern, and what is left is a question that automata answer. Nothing is proven by it.

use super::compile::Compiled;
use super::concrete::pattern_of;
use crate::admission::formula::{Formula, GlobPart, Matcher, Subject, Test, TestOrigin, Tied, TiedPart};
use crate::partial::Text;
use crate::token::{Claim, Token, Truth};
use std::collections::{BTreeMap, BTreeSet};

/// Most strings that are tried for one claim.
const MAX_STRINGS: usize = 12;
/// Deepest nesting that is looked at, as in [`super::compile`].
const MAX_DEPTH: usize = 128;

impl Tied {
    /// The pattern with what these claims say; none where one that has no default says nothing.
    pub(super) fn with_claims(&self, claim: &dyn Fn(&str) -> Option<String>) -> Option<Vec<GlobPart>> {
        let part = |part: &TiedPart| match part {
            TiedPart::Glob(part) => Some(part.clone()),
            TiedPart::Claim(name, default) => claim(name).or_else(|| default.clone()).map(|text| GlobPart::Literal(Text::known(text))),
        };
        self.pattern.iter().map(part).collect()
    }

    fn claims(&self) -> impl Iterator<Item = &str> {
        self.pattern.iter().filter_map(|part| part.claim().map(|(name, _)| name))
    }

    /// The exact test, where the claims say this.
    fn test(&self, values: &BTreeMap<String, String>) -> Formula {
        let Some(parts) = self.with_claims(&|name| values.get(name).cloned()) else { return Formula::FALSE };
        let matcher = if self.ignore_case {
            let Some(pattern) = pattern_of(&parts) else { return Formula::unknown("a part of the pattern is not known") };
            Matcher::Regex(format!("(?i){pattern}"))
        } else {
            Matcher::Glob(parts)
        };
        test(self.subject.clone(), matcher, self.absent)
    }
}

/// Whether a formula has such a test.
pub(super) fn is_in(formula: &Formula) -> bool {
    !claims(formula).is_empty()
}

/// The claims that tests of a formula have in their patterns.
#[must_use]
pub fn claims(formula: &Formula) -> BTreeSet<&str> {
    let mut out = BTreeSet::new();
    let mut open = vec![formula];
    while let Some(formula) = open.pop() {
        match formula {
            Formula::Constant(..) | Formula::Test(_) => {}
            Formula::Not(inner) => open.push(inner),
            Formula::All(all) | Formula::Any(all) => open.extend(all),
            Formula::Tied(tied) => out.extend(tied.claims()),
        }
    }
    out
}

/// The questions that are left of a formula once its tied claims say a string of a token that was found: what the claims say
/// there first, then what else does.
pub(super) fn untied(formula: &Compiled, token: &Token, segments: &[(String, String)]) -> Vec<Formula> {
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
        Formula::Tied(tied) => tied.test(values),
    }
}

fn test(subject: Subject, matcher: Matcher, absent: Truth) -> Formula {
    let label = String::new();
    Formula::Test(Box::new(Test { subject, matcher, absent, span: None, trail: None, label, origin: TestOrigin::Condition }))
}

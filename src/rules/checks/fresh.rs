//! Trusts that name a piece of a token which no later token has again: the id of one step, job, container or sandbox.

use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::{Formula, Matcher, Subject, Test, TestOrigin};
use crate::admission::search::{self, Candidate, Options};
use crate::issuers::{Role, Template};
use crate::partial::{Text, Trail};
use crate::place::Span;
use crate::rules::engine::Context;
use crate::token::Truth;
use std::collections::BTreeMap;

/// What is named, and where.
pub(super) struct Pinned {
    /// The segment: `step_id`.
    pub segment: String,
    /// The literal.
    pub span: Option<Span>,
    /// The way it came.
    pub trail: Trail,
}

/// The piece that every admitted token has to share with one that was minted before; none where a new token may be admitted.
pub(super) fn pinned(context: &Context<'_>, formula: &Formula, templates: &[Template]) -> Option<Pinned> {
    let segments = || templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == Role::Run).map(|s| s.name.as_str());
    segments().next()?;
    let options = Options::default();
    let mut named: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for template in templates {
        for (name, candidates) in search::literals_for_segment(formula, template, &options) {
            if segments().any(|segment| segment == name) {
                named.entry(name).or_default().extend(candidates.into_iter().filter(|c| c.complete && !c.text.is_empty()));
            }
        }
    }
    named.retain(|_, candidates| !candidates.is_empty());
    let (segment, first) = named.iter().find_map(|(name, all)| all.first().map(|c| (name.clone(), c.clone())))?;
    let again = named.iter().flat_map(|(name, all)| all.iter().map(|c| is(name, &c.text))).collect();
    let new = Formula::All(vec![formula.clone(), Formula::Not(Box::new(Formula::Any(again)))]);
    if !matches!(context.reachability(&new, templates), Reachability::Unreachable) {
        return None;
    }
    let test = shape::tests(formula).into_iter().filter(|o| o.positive).map(|o| o.test);
    let test = test.into_iter().find(|t| search_names(t, templates, &segment));
    let span = first.span.or_else(|| test.and_then(|t| t.span));
    Some(Pinned { segment, span, trail: first.trail })
}

/// The test itself names a value of the segment.
fn search_names(test: &Test, templates: &[Template], segment: &str) -> bool {
    let formula = Formula::Test(Box::new(test.clone()));
    templates.iter().any(|t| search::literals_for_segment(&formula, t, &Options::default()).contains_key(segment))
}

fn is(segment: &str, value: &str) -> Formula {
    Formula::Test(Box::new(Test {
        subject: Subject::Segment(segment.to_owned()),
        matcher: Matcher::Exact(Text::known(value)),
        absent: Truth::False,
        span: None,
        trail: None,
        label: segment.to_owned(),
        origin: TestOrigin::Condition,
    }))
}

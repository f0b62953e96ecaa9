//! Rules that are one CEL predicate over one normalized fact (`when:`, `on:`): no code beside their file.

use super::engine::Context;
use super::facts::{Fact, SORTS, facts};
use super::finding::Finding;
use crate::catalogue::Severity;
use crate::catalogue::{Rule, catalogue};
use cel::{Program, Value};

/// The name of a built-in rule's predicates in `CHECKS`.
pub const NAME: &str = "predicates";

/// A predicate that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// Not CEL.
    #[error("rule `{rule}`: `when` cannot be read: {why}")]
    Syntax {
        /// The rule.
        rule: String,
        /// Why.
        why: String,
    },
    /// `on:` names no sort of fact.
    #[error("rule `{rule}`: `on: {on}` is no sort of fact; there are {}", SORTS.iter().map(|(s, _)| *s).collect::<Vec<_>>().join(", "))]
    Sort {
        /// The rule.
        rule: String,
        /// What was written.
        on: String,
    },
    /// The predicate has no message.
    #[error("rule `{0}`: a rule with `when` needs `on` and `message`")]
    Incomplete(String),
}

/// A rule ready to be evaluated.
struct Predicate<'r> {
    rule: &'r Rule,
    on: &'r str,
    message: &'r str,
    program: Program,
    worse: Option<(Program, Severity)>,
}

impl std::fmt::Debug for Predicate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predicate").field("rule", &self.rule.meta.id).finish_non_exhaustive()
    }
}

/// Checks a rule file's predicate.
///
/// # Errors
/// See [`PredicateError`].
pub fn validate(rule: &Rule) -> Result<(), PredicateError> {
    compile(rule).map(|_| ())
}

fn compile(rule: &Rule) -> Result<Option<Predicate<'_>>, PredicateError> {
    let meta = &rule.meta;
    let Some(when) = &meta.when else { return Ok(None) };
    let (Some(on), Some(message)) = (&meta.on, &meta.message) else { return Err(PredicateError::Incomplete(meta.id.to_string())) };
    if !SORTS.iter().any(|(sort, _)| sort == on) {
        return Err(PredicateError::Sort { rule: meta.id.to_string(), on: on.clone() });
    }
    let program = |text: &str| Program::compile(text).map_err(|e| PredicateError::Syntax { rule: meta.id.to_string(), why: e.to_string() });
    let worse = meta.worse.as_ref().map(|w| program(&w.when).map(|p| (p, w.severity))).transpose()?;
    Ok(Some(Predicate { rule, on, message, program: program(when)?, worse }))
}

/// The findings of every rule with a predicate.
#[must_use]
pub fn check(context: &Context<'_>) -> Vec<Finding> {
    // Once for the run: the rule files are checked by the tests, so none is lost here.
    let predicates: Vec<Predicate<'_>> = catalogue().iter().filter_map(|r| compile(r).ok().flatten()).collect();
    if predicates.is_empty() {
        return Vec::new();
    }
    let facts = facts(context.graph, context.links);
    facts
        .iter()
        .flat_map(|fact| predicates.iter().filter(|p| p.on == fact.on && holds(&p.program, fact)).map(|p| finding(p, fact)))
        .collect()
}

/// True only when the predicate says so: an error (a field that is not known) is not a yes.
fn holds(program: &Program, fact: &Fact<'_>) -> bool {
    let mut scope = cel::Context::default();
    if scope.add_variable("fact", cel::to_value(&fact.fields).unwrap_or(Value::Null)).is_err() {
        return false;
    }
    matches!(program.execute(&scope), Ok(Value::Bool(true)))
}

fn finding(predicate: &Predicate<'_>, fact: &Fact<'_>) -> Finding {
    let place = predicate.rule.meta.at.as_deref().and_then(|at| fact.places.get(at));
    let (span, trail) = place.cloned().unwrap_or((None, None));
    let fill = |text: &str| {
        fact.fields.iter().fold(text.to_owned(), |out, (name, value)| {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            out.replace(&format!("{{{name}}}"), &shown)
        })
    };
    let found = Finding::new(predicate.rule.meta.id, fact.origin, span, fact.on, fill(predicate.message)).along(&trail);
    let worse = predicate.worse.as_ref().filter(|(program, _)| holds(program, fact));
    let found = match worse {
        Some((_, severity)) => found.severity(*severity),
        None => found,
    };
    match &predicate.rule.meta.help {
        Some(help) => found.help(fill(help)),
        None => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::parse;

    #[test]
    fn every_predicate_compiles() {
        for rule in catalogue() {
            assert_eq!(validate(rule), Ok(()));
        }
    }

    #[test]
    fn a_predicate_over_an_unknown_sort_is_refused() {
        let text = "---\nid: long-session\ntitle: t\ncategory: hygiene\nseverity: low\nsystems: [aws]\nreferences: []\nwhen: 'true'\non: nothing\nmessage: m\n---\n";
        let rule = parse("long-session", text).expect("the file is a rule");
        assert!(matches!(validate(&rule), Err(PredicateError::Sort { .. })));
    }
}

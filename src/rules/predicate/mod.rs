//! Rules that are one CEL predicate over one normalized fact (`when:`, `on:`): no code beside their file.

pub mod names;

use super::engine::Context;
use super::facts::{Fact, SORTS, facts};
use super::finding::Finding;
use crate::catalogue::Severity;
use crate::catalogue::{Rule, catalogue};
use cel::{Program, Value};
use std::collections::BTreeSet;

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
    #[error("rule `{rule}`: `on: {on}` is not a kind of fact; there are {}", SORTS.iter().map(|(s, _)| *s).collect::<Vec<_>>().join(", "))]
    Sort {
        /// The rule.
        rule: String,
        /// What was written.
        on: String,
    },
    /// A name that is not there: the rule would never speak.
    #[error("rule `{rule}`: `{part}`: {unknown} (facts of `{on}` have {})", fields_of(on).join(", "))]
    Name {
        /// The rule.
        rule: String,
        /// `when`, `worse`, `message`, `help`, `at`.
        part: &'static str,
        /// The sort of fact.
        on: String,
        /// What is not there, as it is told.
        unknown: String,
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

fn compile(rule: &Rule) -> Result<Option<Predicate<'_>>, PredicateError> {
    let meta = &rule.meta;
    let Some(when) = &meta.when else { return Ok(None) };
    let (Some(on), Some(message)) = (&meta.on, &meta.message) else { return Err(PredicateError::Incomplete(meta.id.to_string())) };
    if !SORTS.iter().any(|(sort, _)| sort == on) {
        return Err(PredicateError::Sort { rule: meta.id.to_string(), on: on.clone() });
    }
    let program = |text: &str| Program::compile(text).map_err(|e| PredicateError::Syntax { rule: meta.id.to_string(), why: e.to_string() });
    let worse = meta.worse.as_ref().map(|w| program(&w.when).map(|p| (p, w.severity))).transpose()?;
    let predicate = Predicate { rule, on, message, program: program(when)?, worse };
    known_names(&predicate)?;
    Ok(Some(predicate))
}

/// The fields of a sort of fact.
fn fields_of(on: &str) -> &'static [&'static str] {
    SORTS.iter().find(|(sort, _)| *sort == on).map_or(&[], |(_, fields)| fields)
}

/// Every field and function of the rule is there.
fn known_names(predicate: &Predicate<'_>) -> Result<(), PredicateError> {
    let (meta, fields) = (&predicate.rule.meta, fields_of(predicate.on));
    let worse = predicate.worse.as_ref().and_then(|(program, _)| names::unknown(program.expression(), fields));
    let at = meta.at.as_ref().filter(|at| !fields.contains(&at.as_str())).map(|at| names::Unknown::Field(at.clone()));
    let found = [
        ("when", names::unknown(predicate.program.expression(), fields)),
        ("worse", worse),
        ("message", names::unknown_placeholder(predicate.message, fields)),
        ("help", meta.help.as_ref().and_then(|help| names::unknown_placeholder(help, fields))),
        ("at", at),
    ];
    for (part, unknown) in found {
        if let Some(unknown) = unknown {
            let (rule, on) = (meta.id.to_string(), predicate.on.to_owned());
            return Err(PredicateError::Name { rule, part, on, unknown: unknown.to_string() });
        }
    }
    Ok(())
}

/// The findings of every rule with a predicate.
#[must_use]
pub fn check(context: &Context<'_>) -> Vec<Finding> {
    let facts = facts(context.graph, context.links);
    let sorts: BTreeSet<&str> = facts.iter().map(|fact| fact.on).collect();
    // Compiled for this run, and only where there is something to look at. The tests compile every rule file.
    let of_scan = |rule: &&Rule| rule.meta.on.as_deref().is_some_and(|on| sorts.contains(on));
    let predicates: Vec<Predicate<'_>> = catalogue().iter().filter(of_scan).filter_map(|r| compile(r).ok().flatten()).collect();
    let mut found = Vec::new();
    for fact in &facts {
        let mut of_sort = predicates.iter().filter(|p| p.on == fact.on).peekable();
        if of_sort.peek().is_none() {
            continue;
        }
        let Some(scope) = scope(fact) else { continue };
        found.extend(of_sort.filter(|p| holds(&p.program, &scope)).map(|p| finding(p, fact, &scope)));
    }
    found
}

/// True only when the predicate says so: an error (a field that is not known) is not a yes.
fn holds(program: &Program, scope: &cel::Context<'_, '_>) -> bool {
    matches!(program.execute(scope), Ok(Value::Bool(true)))
}

/// The fact as a variable.
fn scope(fact: &Fact<'_>) -> Option<cel::Context<'static, 'static>> {
    let mut scope = cel::Context::default();
    scope.add_variable(names::FACT, cel::to_value(&fact.fields).ok()?).ok()?;
    Some(scope)
}

fn finding(predicate: &Predicate<'_>, fact: &Fact<'_>, scope: &cel::Context<'_, '_>) -> Finding {
    let place = predicate.rule.meta.at.as_deref().and_then(|at| fact.places.get(at));
    let (span, trail) = place.cloned().unwrap_or((None, None));
    let fill = |text: &str| {
        let known = fact.fields.iter().fold(text.to_owned(), |out, (name, value)| {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            out.replace(&format!("{{{name}}}"), &shown)
        });
        fact.shown.iter().fold(known, |out, (name, shown)| out.replace(&format!("{{{name}}}"), shown))
    };
    let found = Finding::new(predicate.rule.meta.id, fact.origin, span, fact.on, fill(predicate.message)).along(&trail);
    let worse = predicate.worse.as_ref().filter(|(program, _)| holds(program, scope));
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
            assert_eq!(compile(rule).err(), None);
        }
    }

    fn refusal(front: &str) -> Option<String> {
        let text =
            format!("---\nid: long-session\ntitle: t\ncategory: hygiene\nseverity: low\nsystems: [aws]\nreferences: []\n{front}\n---\n");
        let rule = parse("long-session", &text).expect("the file is a rule");
        compile(&rule).err().map(|e| e.to_string())
    }

    #[test]
    fn a_predicate_over_an_unknown_sort_is_refused() {
        let told = refusal("when: 'true'\non: nothing\nmessage: m").expect("it is refused");
        assert!(told.contains("`on: nothing` is not a kind of fact"), "{told}");
    }

    #[test]
    fn a_misspelt_name_is_refused() {
        let good = "on: role\nmessage: 'm {name}'\nwhen: ";
        assert_eq!(refusal(&format!("{good}fact.federated && ['a'].exists(x, fact.name.startsWith(x))")), None);
        for (front, wanted) in [
            ("fact.federatd", "`when`: unknown field `federatd`"),
            ("has(fact.naem)", "unknown field `naem`"),
            ("fact.name.beginsWith('x')", "unknown function `beginsWith`"),
            ("role.federated", "unknown variable `role`"),
            ("fact.federated && ['a'].exists(x, fact.nam == x)", "unknown field `nam`"),
            ("fact.federated\nat: max", "`at`: unknown field `max`"),
            ("fact.federated\nhelp: '{sessions}'", "`help`: unknown field `sessions`"),
            ("fact.federated\nworse: { when: fact.max > 1, severity: high }", "`worse`: unknown field `max`"),
        ] {
            let told = refusal(&format!("{good}{front}")).expect(front);
            assert!(told.contains(wanted), "{front}: {told}");
        }
        let told = refusal("on: role\nwhen: 'true'\nmessage: '{nme}'").expect("it is refused");
        assert!(told.contains("`message`: unknown field `nme`"), "{told}");
    }
}

//! Rules that are one CEL predicate over one normalized fact (`when:`, `on:`): no code beside their file.

mod cost;
pub mod names;

use super::engine::Context;
use super::facts::{Fact, SORTS, WAY, facts, ways};
use super::finding::Finding;
use crate::catalogue::Severity;
use crate::catalogue::{Rule, catalogue};
use crate::config::ConfigError;
use crate::inventory;
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
    /// A rule of the user's own that may cost too much.
    #[error("rule `{rule}`: `{part}`: {why}")]
    Cost {
        /// The rule.
        rule: String,
        /// `when`, `worse`.
        part: &'static str,
        /// Why.
        why: String,
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
    /// What it may cost, of a rule of the user's own.
    shape: Option<cost::Shape>,
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
    let mut predicate = Predicate { rule, on, message, program: program(when)?, worse, shape: None };
    known_names(&predicate)?;
    if rule.file.is_some() {
        predicate.shape = Some(bounded(&predicate)?);
    }
    Ok(Some(predicate))
}

/// What a rule of the user's own may cost.
fn bounded(predicate: &Predicate<'_>) -> Result<cost::Shape, PredicateError> {
    let shape = |part: &'static str, program: &Program| {
        cost::shape(program.expression()).map_err(|why| PredicateError::Cost { rule: predicate.rule.meta.id.to_string(), part, why })
    };
    if let Some((worse, _)) = &predicate.worse {
        shape("worse", worse)?;
    }
    shape("when", &predicate.program)
}

impl PredicateError {
    /// The key of the front matter that is wrong, and what about it.
    fn told(&self) -> (&'static str, String) {
        match self {
            Self::Syntax { why, .. } => ("when", format!("`when` cannot be read: {}", why.lines().next().unwrap_or_default())),
            Self::Sort { on, .. } => {
                let kinds = SORTS.iter().map(|(sort, _)| *sort).collect::<Vec<_>>().join(", ");
                ("on", format!("`{on}` is not a kind of fact; there are {kinds}"))
            }
            Self::Name { part, on, unknown, .. } => (part, format!("{unknown} (facts of `{on}` have {})", fields_of(on).join(", "))),
            Self::Cost { part, why, .. } => (part, why.clone()),
            Self::Incomplete(_) => ("when", "a rule with `when` needs `on` and `message`".to_owned()),
        }
    }
}

/// Checks that rules of the user's own can be evaluated.
///
/// # Errors
/// The first that cannot, with the place in its file.
pub fn ready(rules: &[Rule]) -> Result<(), ConfigError> {
    for rule in rules {
        if let Err(error) = compile(rule) {
            let (key, message) = error.told();
            return Err(ConfigError::of_rule(rule, message, rule.place_of(key)));
        }
    }
    Ok(())
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
    let mut facts = facts(context.graph, context.links);
    if context.config.own.all().iter().any(|rule| rule.meta.on.as_deref() == Some(WAY)) {
        let locate = |span| context.sources.locate(span).map_or((String::new(), 0), |(path, at)| (path, at.line));
        facts.extend(ways(context.graph, inventory::entries(&context.inputs(), context.config, &locate)));
    }
    let sorts: BTreeSet<&str> = facts.iter().map(|fact| fact.on).collect();
    // Compiled for this run, and only where there is something to look at. The tests compile every rule file.
    let of_scan = |rule: &&Rule| rule.meta.on.as_deref().is_some_and(|on| sorts.contains(on));
    let rules = catalogue().iter().chain(context.config.own.all());
    let predicates: Vec<Predicate<'_>> = rules.filter(of_scan).filter_map(|r| compile(r).ok().flatten()).collect();
    let mut spent = 0;
    let mut found = Vec::new();
    for fact in &facts {
        let mut of_sort = predicates.iter().filter(|p| p.on == fact.on).peekable();
        if of_sort.peek().is_none() {
            continue;
        }
        let Some(scope) = scope(fact) else { continue };
        for predicate in of_sort {
            if may_cost(predicate, fact, &mut spent, context) && holds(&predicate.program, &scope) {
                found.push(finding(predicate, fact, &scope));
            }
        }
    }
    found
}

/// Whether a rule of the user's own is asked about a fact; what would take too long is undecided.
fn may_cost(predicate: &Predicate<'_>, fact: &Fact<'_>, spent: &mut u64, context: &Context<'_>) -> bool {
    let Some(shape) = predicate.shape else { return true };
    let steps = shape.steps(&fact.fields);
    let total = spent.saturating_add(steps);
    if steps > cost::MAX_FOR_FACT || total > cost::MAX_FOR_RUN {
        let why = format!("the rule `{}` was not asked about `{}`: it would take too many steps", predicate.rule.meta.id, fact.origin.name);
        context.record_undecided(fact.origin.span, why);
        return false;
    }
    *spent = total;
    true
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
        /// Longest text that the message of a rule of the user's own becomes.
        const MAX_FILLED: usize = 2_000;
        let filled = filled(text, fact);
        let long = predicate.shape.is_some() && filled.len() > MAX_FILLED;
        if long { filled.chars().take(MAX_FILLED).chain(['…']).collect() } else { filled }
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

/// The text with the fact's fields in the place of their names. A value is not looked through again: it may hold what looks like one.
fn filled(text: &str, fact: &Fact<'_>) -> String {
    let value = |name: &str| {
        let known = || fact.fields.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        fact.shown.get(name).cloned().or_else(known)
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}').and_then(|(name, tail)| Some((value(name)?, tail))) {
            Some((value, tail)) => {
                out.push_str(&value);
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out + rest
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

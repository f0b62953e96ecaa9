//! A policy with values for some of its unknowns.

use super::policy::{ConditionTest, Leaf, Policy, Principal, Statement, ValueList, Values};
use crate::partial::{Text, Unknown};

/// The value of an unknown, when it has one.
type Value<'a> = &'a dyn Fn(&Unknown) -> Option<String>;

impl Policy {
    /// The policy with the unknowns for which `value` gives a string replaced by it, in their places.
    #[must_use]
    pub fn resolved(&self, value: Value<'_>) -> Self {
        let statements = self.statements.iter().map(|s| statement(s, value)).collect();
        Self { version: self.version.as_ref().map(|v| v.resolved(value)), statements, ..self.clone() }
    }
}

fn statement(old: &Statement, value: Value<'_>) -> Statement {
    let mut new = old.clone();
    for principal in new.principals.items.iter_mut().chain(&mut new.principals.possible) {
        *principal = Principal { leaf: leaf(&principal.leaf, value), key: principal.key.resolved(value), kind: principal.kind };
    }
    new.actions.patterns = values(&old.actions.patterns, value);
    let test = |t: &ConditionTest| ConditionTest { key: t.key.resolved(value), values: values(&t.values, value), ..t.clone() };
    new.conditions = old.conditions.iter().map(test).collect();
    new
}

fn values(old: &Values, value: Value<'_>) -> Values {
    let list = |l: &ValueList| ValueList { items: l.items.iter().map(|i| leaf(i, value)).collect(), open: l.open.clone() };
    Values { choices: old.choices.iter().map(list).collect() }
}

/// What was not known at all may have been a list; its value is one string.
fn leaf(old: &Leaf, value: Value<'_>) -> Leaf {
    let choices: Vec<Text> = old.choices.iter().map(|t| t.resolved(value)).collect();
    let several = old.several.clone().filter(|_| !choices.iter().all(Text::is_known));
    Leaf { choices, several, ..old.clone() }
}

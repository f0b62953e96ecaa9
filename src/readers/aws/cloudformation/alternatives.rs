//! What a condition of the template chooses in a trust policy: each statement is read once for each way in which the
//! conditions may turn out, so that a principal is judged with the condition that comes with it
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html>).

use super::super::super::shape::field;
use super::MAX_DEPTH;
use super::template::Template;
use crate::partial::{Entry, Kind, Value};

/// Most ways in which one statement is read; one of more keeps its choices where they are written.
const MAX_WAYS: usize = 8;
/// Most conditions that choose in one statement.
const MAX_CHOICES: usize = 4;

impl Template<'_> {
    /// Takes a condition for true or false, and with it what that makes of others.
    pub(super) fn suppose(&self, name: &str, holds: bool) {
        self.suppose_condition(name, holds, MAX_DEPTH);
    }

    fn suppose_condition(&self, name: &str, holds: bool, depth: usize) {
        if self.supposed.borrow_mut().insert(name.to_owned(), holds).is_none()
            && let Some(expression) = self.conditions.and_then(|all| field(all, name))
        {
            self.suppose_expression(expression, holds, depth);
        }
    }

    /// All that a true `Fn::And` joins is true, and all that a false `Fn::Or` joins is false.
    fn suppose_expression(&self, expression: &Value, holds: bool, depth: usize) {
        let ([only], Some(depth)) = (expression.entries(), depth.checked_sub(1)) else { return };
        match (only.key.as_known().as_deref(), holds) {
            (Some("Condition"), _) => {
                if let Some(name) = only.value.as_str() {
                    self.suppose_condition(&name, holds, depth);
                }
            }
            (Some("Fn::Not"), _) => only.value.items().into_iter().for_each(|e| self.suppose_expression(e, !holds, depth)),
            (Some("Fn::And"), true) | (Some("Fn::Or"), false) => {
                only.value.items().into_iter().for_each(|e| self.suppose_expression(e, holds, depth));
            }
            _ => {}
        }
    }

    /// A policy document with its intrinsic functions made texts or unknowns, and one alternative for each way in which a
    /// statement may turn out.
    pub(super) fn document(&self, document: &Value) -> Value {
        let Kind::Map { entries, open } = &document.kind else { return self.resolve(document, MAX_DEPTH) };
        if entries.iter().all(|e| !e.key.is_str("Statement")) {
            return self.resolve(document, MAX_DEPTH);
        }
        let entry = |e: &Entry| {
            let value = if e.key.is_str("Statement") { self.statements(&e.value) } else { self.resolve(&e.value, MAX_DEPTH - 1) };
            Entry { key: e.key.clone(), value }
        };
        let entries = entries.iter().map(entry).filter(|e| !e.value.is_null()).collect();
        Value { kind: Kind::Map { entries, open: *open }, span: document.span, trail: document.trail.clone() }
    }

    fn statements(&self, value: &Value) -> Value {
        let Kind::List { items, open } = &value.kind else { return self.statement(value) };
        let items = items.iter().map(|item| self.statement(item)).filter(|item| !item.is_null()).collect();
        Value { kind: Kind::List { items, open: *open }, span: value.span, trail: value.trail.clone() }
    }

    fn statement(&self, value: &Value) -> Value {
        let mut ways = Vec::new();
        if !self.chooses_structure(value) || !self.each_way(value, &mut ways, MAX_CHOICES) {
            return self.resolve(value, MAX_DEPTH - 1);
        }
        Value { kind: Kind::OneOf(ways), span: value.span, trail: None }
    }

    /// A condition decides about more than a value that is tested: about who is named, or about what is there.
    fn chooses_structure(&self, statement: &Value) -> bool {
        let principal = field(statement, "Principal").and_then(|p| self.undecided_in(p, &|_| true, MAX_DEPTH));
        principal.or_else(|| self.undecided_in(statement, &is_structure, MAX_DEPTH)).is_some()
    }

    /// Reads a value once for each way in which its conditions may turn out; false when there are too many.
    fn each_way(&self, value: &Value, ways: &mut Vec<Value>, choices: usize) -> bool {
        let Some(name) = self.undecided_in(value, &|_| true, MAX_DEPTH) else {
            ways.push(self.resolve(value, MAX_DEPTH - 1));
            return ways.len() <= MAX_WAYS;
        };
        let Some(choices) = choices.checked_sub(1) else { return false };
        let before = self.supposed.borrow().clone();
        for holds in [true, false] {
            self.suppose(&name, holds);
            let whole = self.each_way(value, ways, choices);
            self.supposed.replace(before.clone());
            if !whole {
                return false;
            }
        }
        true
    }

    /// The first condition that is not known and chooses between values of which one is as `wanted`.
    fn undecided_in(&self, value: &Value, wanted: &dyn Fn(&Value) -> bool, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        match &value.kind {
            Kind::List { items, .. } => items.iter().find_map(|item| self.undecided_in(item, wanted, depth)),
            Kind::Map { entries, .. } => {
                if let [only] = entries.as_slice()
                    && only.key.is_str("Fn::If")
                {
                    return self.undecided_choice(&only.value, wanted, depth);
                }
                entries.iter().find_map(|e| self.undecided_in(&e.value, wanted, depth))
            }
            _ => None,
        }
    }

    fn undecided_choice(&self, argument: &Value, wanted: &dyn Fn(&Value) -> bool, depth: usize) -> Option<String> {
        let [name, then, otherwise] = argument.items().try_into().ok()?;
        let name = name.as_str()?;
        let within = |branch: &Value| self.undecided_in(branch, wanted, depth);
        match self.holds(&name, MAX_DEPTH) {
            Some(true) => within(then),
            Some(false) => within(otherwise),
            None if wanted(then) || wanted(otherwise) => Some(name),
            None => within(then).or_else(|| within(otherwise)),
        }
    }
}

/// It is no text and no list of texts, or it is nothing at all.
fn is_structure(value: &Value) -> bool {
    match &value.kind {
        Kind::Map { entries, .. } => match entries.as_slice() {
            [only] if only.key.is_str("Ref") => only.value.as_str().as_deref() == Some("AWS::NoValue"),
            [only] if only.key.known_prefix().starts_with("Fn::") => {
                only.key.is_str("Fn::If") && only.value.items().into_iter().skip(1).any(is_structure)
            }
            _ => true,
        },
        _ => false,
    }
}

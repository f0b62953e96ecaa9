//! Attributes, indexes and splats on values.

use super::EvalError;
use super::engine::{Evaluator, Result, Scope};
use super::reference::RefStep;
use super::values::{child, noun, one_of};
use crate::partial::{Kind, Part, Value};
use crate::syntax::hcl::{Expr, Step};
use crate::terraform::functions::canonical_number;

impl Evaluator<'_> {
    /// The value at the end of a chain of steps.
    pub(super) fn apply_steps(&self, value: Value, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Value> {
        if steps.is_empty() { Ok(value) } else { self.follow(&value, steps, expr, scope) }
    }

    /// [`Evaluator::apply_steps`] on a value that stays where it is: only the end is copied.
    pub(super) fn follow(&self, value: &Value, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Value> {
        let mut at = value;
        for (i, step) in steps.iter().enumerate() {
            let next = match step {
                RefStep::Attribute(name) => match at.get(name) {
                    Some(found) => {
                        at = found;
                        continue;
                    }
                    None => self.attribute(at, name, expr, scope)?,
                },
                RefStep::Index(key) => {
                    let key = self.eval(key, scope)?;
                    match element(at, &key) {
                        Some(found) => {
                            at = found;
                            continue;
                        }
                        None => self.index(at, &key, expr, scope)?,
                    }
                }
                RefStep::Splat(each) => self.splat(at, each, expr, scope)?,
            };
            return self.apply_steps(next, steps.get(i + 1..).unwrap_or(&[]), expr, scope);
        }
        self.copy(at, expr.span)
    }

    /// `value.name`
    pub(super) fn attribute(&self, value: &Value, name: &str, expr: &Expr, scope: &Scope) -> Result<Value> {
        self.each_alternative(value, expr, scope, |v| match &v.kind {
            Kind::Map { open, .. } => match v.get(name) {
                Some(found) => Ok(found.clone()),
                None if *open || v.entries().iter().any(|e| !e.key.is_known()) => Ok(self.unknown_result(expr, scope)),
                None => Err(EvalError::new(format!("the object has no attribute `{name}`"), Some(expr.span))),
            },
            Kind::Unknown(atom) => Ok(Value { kind: Kind::Unknown(child(atom, &format!(".{name}"))), ..v.clone() }),
            _ => Err(EvalError::new(format!("{} has no attribute `{name}`", noun(v)), Some(expr.span))),
        })
    }

    /// `value[key]`
    pub(super) fn index(&self, value: &Value, key: &Value, expr: &Expr, scope: &Scope) -> Result<Value> {
        self.each_alternative(value, expr, scope, |v| self.each_alternative(key, expr, scope, |k| self.index_one(v, k, expr, scope)))
    }

    fn index_one(&self, value: &Value, key: &Value, expr: &Expr, scope: &Scope) -> Result<Value> {
        if key.is_null() {
            return Err(EvalError::new("the index is null", Some(expr.span)));
        }
        match &value.kind {
            Kind::List { items, open } => {
                let Some(index) = key.as_text().and_then(|t| t.as_known()) else {
                    let any = items.iter().cloned().chain(open.then(|| self.unknown_result(expr, scope))).collect();
                    return Ok(one_of(any, || self.unknown_result(expr, scope)));
                };
                let found = canonical_number(&index).and_then(|n| n.parse::<usize>().ok()).and_then(|i| items.get(i));
                match found {
                    Some(item) => Ok(item.clone()),
                    None if *open => Ok(self.unknown_result(expr, scope)),
                    None => Err(EvalError::new(format!("the list of {} has no element `{index}`", items.len()), Some(expr.span))),
                }
            }
            Kind::Map { entries, open } => {
                let Some(text) = key.as_text() else {
                    return Err(EvalError::new(format!("{} is not a valid key", noun(key)), Some(expr.span)));
                };
                if let Some(found) = entries.iter().rev().find(|e| e.key.same(&text)) {
                    return Ok(found.value.clone());
                }
                if text.is_known() && !*open && entries.iter().all(|e| e.key.is_known()) {
                    return Err(EvalError::no_key(&text.to_string(), Some(expr.span)));
                }
                if text.is_known() || *open {
                    return Ok(self.unknown_result(expr, scope));
                }
                if let [Part::Hole { atom, .. }] = text.parts.as_slice() {
                    self.picks(atom, entries);
                }
                Ok(one_of(entries.iter().map(|e| e.value.clone()).collect(), || self.unknown_result(expr, scope)))
            }
            Kind::Unknown(atom) => {
                let step = match &key.kind {
                    Kind::Number(n) => format!("[{n}]"),
                    _ => format!("[{:?}]", Self::text_of(key, "the index")?.fill(|a| a.key().to_owned())),
                };
                Ok(Value { kind: Kind::Unknown(child(atom, &step)), ..value.clone() })
            }
            _ => Err(EvalError::new(format!("{} has no elements", noun(value)), Some(expr.span))),
        }
    }

    /// `value[*].a.b`: null gives nothing, a value that is no list is a list of itself.
    pub(super) fn splat(&self, value: &Value, steps: &[Step], expr: &Expr, scope: &Scope) -> Result<Value> {
        self.each_alternative(value, expr, scope, |v| {
            let (items, open) = match &v.kind {
                Kind::List { items, open } => (items.clone(), *open),
                Kind::Null => (Vec::new(), false),
                Kind::Unknown(_) => (Vec::new(), true),
                _ => (vec![v.clone()], false),
            };
            let items = items.into_iter().map(|item| self.steps(item, steps, expr, scope)).collect::<Result<Vec<_>>>()?;
            Ok(Value { kind: Kind::List { items, open }, ..v.clone() })
        })
    }

    /// The steps of a splat on one item.
    pub(super) fn steps(&self, value: Value, steps: &[Step], expr: &Expr, scope: &Scope) -> Result<Value> {
        let steps: Vec<RefStep<'_>> = steps
            .iter()
            .map(|s| match s {
                Step::Attribute(name) => RefStep::Attribute(name),
                Step::Index(key) => RefStep::Index(key),
            })
            .collect();
        self.apply_steps(value, &steps, expr, scope)
    }
}

/// The element under a known key.
fn element<'v>(value: &'v Value, key: &Value) -> Option<&'v Value> {
    match (&value.kind, &key.kind) {
        (Kind::List { items, .. }, Kind::Number(n)) => items.get(n.parse::<usize>().ok()?),
        (Kind::Map { .. }, Kind::Text(t)) => value.get(&t.as_known()?),
        _ => None,
    }
}

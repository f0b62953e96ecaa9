//! Collections: `for` expressions and what `for_each`, `count` and `dynamic` share with them.

use super::EvalError;
use super::collection::Collection;
use super::engine::{Evaluator, Result, Scope};
use super::values::{Entries, child, noun};
use crate::partial::{Entry, Kind, Text, Value};
use crate::place::Span;
use crate::syntax::hcl::{Expr, ForExpr};
use crate::terraform::functions::effective;
use std::sync::Arc;

/// Keys and values of a collection.
pub(super) struct Items {
    pub(super) pairs: Vec<(Value, Value)>,
    /// There may be more.
    pub(super) open: bool,
}

impl Evaluator<'_> {
    /// What iteration sees: lists by index, maps in order of their keys.
    pub(super) fn items(&self, value: &Value, span: Span) -> Result<Items> {
        self.charge_for(std::slice::from_ref(value), span)?;
        match &value.kind {
            Kind::List { items, open } => {
                let index = |i: usize| Value::new(Kind::Number(Arc::from(i.to_string())), None);
                Ok(Items { pairs: items.iter().enumerate().map(|(i, v)| (index(i), v.clone())).collect(), open: *open })
            }
            Kind::Map { entries, open } => {
                let pair = |e: Entry| (key_value(&e.key), e.value);
                Ok(Items { pairs: effective(entries).into_iter().map(pair).collect(), open: *open })
            }
            Kind::Unknown(_) => Ok(Items { pairs: Vec::new(), open: true }),
            Kind::OneOf(all) => {
                // what every alternative has is there for sure, the rest may be
                let all = all.iter().filter_map(|v| self.items(v, span).ok()).collect::<Vec<_>>();
                let in_all = |k: &Value, v: &Value| {
                    all.iter().all(|i| i.pairs.iter().any(|(a, b)| super::values::same(a, k) && super::values::same(b, v)))
                };
                let first = all.first().map(|i| i.pairs.clone()).unwrap_or_default();
                let pairs: Vec<_> = first.into_iter().filter(|(k, v)| in_all(k, v)).collect();
                let open = all.iter().any(|i| i.open || i.pairs.len() > pairs.len());
                Ok(Items { pairs, open })
            }
            _ => Err(EvalError::new(format!("{} is not a collection", noun(value)), Some(span))),
        }
    }

    /// `[for …]`, `{for …}`.
    pub(super) fn for_expression(&self, body: &ForExpr, expr: &Expr, scope: &Scope) -> Result<Value> {
        if body.group && body.result_key.is_none() {
            return Err(EvalError::new("`...` groups an object, not a tuple", Some(expr.span)));
        }
        let collection = self.eval(&body.collection, scope)?;
        let is_set = body.key.is_some() && self.collection(&body.collection, scope) == Some(Collection::Set);
        self.each_alternative(&collection, expr, scope, |c| self.for_over(c, body, is_set, expr, scope))
    }

    fn for_over(&self, collection: &Value, body: &ForExpr, is_set: bool, expr: &Expr, scope: &Scope) -> Result<Value> {
        let Items { mut pairs, mut open } = self.items(collection, body.collection.span)?;
        // an unknown list: one element stands for all, so that what is made of each keeps its literal shape
        if let Kind::Unknown(atom) = &collection.kind
            && body.result_key.is_none()
            && !self.is_strict()
        {
            let each = |step: &str| Value { kind: Kind::Unknown(child(atom, step)), ..collection.clone() };
            pairs.push((each("[*].key"), each("[*]")));
        }
        let (mut items, mut entries): (Vec<Value>, Entries) = (Vec::new(), Entries::default());
        for (key, value) in pairs {
            let key = if is_set { value.clone() } else { key };
            let mut inner = scope.bind(&body.value, value);
            if let Some(name) = &body.key {
                inner = inner.bind(name, key);
            }
            match self.keeps(body, &inner)? {
                Some(true) => {}
                Some(false) => continue,
                None => {
                    open = true;
                    continue;
                }
            }
            let Some(result_key) = &body.result_key else {
                items.push(self.eval_settled(&body.result, &inner)?);
                continue;
            };
            let key = self.eval(result_key, &inner)?;
            let Some(key) = key.as_text() else {
                if matches!(key.kind, Kind::OneOf(_)) {
                    open = true;
                    continue;
                }
                return Err(EvalError::new(format!("{} cannot be a key", noun(&key)), Some(result_key.span)));
            };
            let value = self.eval_settled(&body.result, &inner)?;
            add(&mut entries, key, value, body.group, result_key.span)?;
        }
        let kind = if body.result_key.is_some() { Kind::Map { entries: entries.into_list(), open } } else { Kind::List { items, open } };
        Ok(Value::new(kind, Some(expr.span)))
    }

    fn keeps(&self, body: &ForExpr, scope: &Scope) -> Result<Option<bool>> {
        let Some(condition) = &body.condition else { return Ok(Some(true)) };
        let value = self.eval_settled(condition, scope)?;
        let outcomes: Vec<Option<bool>> = value.alternatives().iter().map(|v| v.as_bool()).collect();
        if value.is_null() || matches!(value.kind, Kind::List { .. } | Kind::Map { .. }) {
            return Err(EvalError::new("the condition of the `for` expression is not a boolean", Some(condition.span)));
        }
        let first = outcomes.first().copied().flatten();
        Ok(if outcomes.iter().all(|o| *o == first) { first } else { None })
    }
}

fn add(entries: &mut Entries, key: Text, value: Value, group: bool, span: Span) -> Result<()> {
    match (entries.get(&key), group) {
        (Some(before), true) => {
            if let Kind::List { items, .. } = &mut before.value.kind {
                items.push(value);
            }
        }
        (Some(_), false) => return Err(EvalError::new(format!("the key `{key}` comes twice; `...` would group"), Some(span))),
        (None, true) => entries.set(Entry { key, value: Value::list(vec![value], None) }),
        (None, false) => entries.set(Entry { key, value }),
    }
    Ok(())
}

/// A map's key as a value.
pub(super) fn key_value(key: &Text) -> Value {
    Value { kind: Kind::Text(key.clone()), span: key.span(), trail: key.trail() }
}

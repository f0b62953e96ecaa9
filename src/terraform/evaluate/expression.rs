//! Expressions.

use super::engine::{Evaluator, Result, Scope};
use super::reference::RefStep;
use super::values::{Entries, noun, one_of};
use super::{EvalError, operators};
use crate::partial::{Entry, Kind, Text, Value};
use crate::syntax::hcl::{BinaryOperator as B, Expr, ExprKind as K, ObjectItem};
use crate::terraform::functions::{canonical_number, convertible, unified_with};
use std::sync::Arc;

impl Evaluator<'_> {
    /// The value of an expression.
    pub(super) fn eval(&self, expr: &Expr, scope: &Scope) -> Result<Value> {
        self.enter(expr.span)?;
        let out = self.eval_kind(expr, scope).map(|value| self.chosen(super::assume::apply(value, expr, scope), expr.span));
        self.leave();
        out.map_err(|e| EvalError { span: e.span.or(Some(expr.span)), ..e })
    }

    /// [`Evaluator::eval`], where an error costs this expression only.
    pub(super) fn eval_settled(&self, expr: &Expr, scope: &Scope) -> Result<Value> {
        let value = self.eval(expr, scope);
        self.settle(value, expr, scope)
    }

    fn eval_kind(&self, expr: &Expr, scope: &Scope) -> Result<Value> {
        let span = Some(expr.span);
        match &expr.kind {
            K::Null => Ok(Value::new(Kind::Null, span)),
            K::Bool(b) => Ok(Value::new(Kind::Bool(*b), span)),
            K::Number(n) => Ok(Value::new(Kind::Number(canonical_number(n).map_or_else(|| Arc::from(&**n), Arc::from)), span)),
            K::Template(template) => self.template(template, expr.span, scope),
            K::Variable(_) | K::Attribute(..) | K::Index(..) | K::Splat(..) => self.traversal(expr, scope),
            K::Tuple(items) => {
                let items = items.iter().map(|i| self.eval_settled(i, scope)).collect::<Result<Vec<_>>>()?;
                Ok(Value::list(items, span))
            }
            K::Object(items) => self.object(items, expr, scope),
            K::Call { name, args, expand } => self.call(name, args, *expand, expr, scope),
            K::Conditional(parts) => self.conditional(parts, expr, scope),
            K::Unary(operator, inner) => {
                let value = self.eval(inner, scope)?;
                self.each_alternative(&value, expr, scope, |v| operators::unary(*operator, v, &|| self.unknown_because(expr, scope, &[v])))
            }
            K::Binary(operator, parts) => {
                let [left_expr, right] = &**parts;
                let left = self.eval(left_expr, scope)?;
                if let Some(value) = operators::short_circuit(*operator, &left) {
                    return Ok(value);
                }
                let right_value = self.eval(right, scope)?;
                if matches!(operator, B::Equal | B::NotEqual) && self.differ_in_type(left_expr, right, scope) {
                    return Ok(Value::new(Kind::Bool(*operator == B::NotEqual), span));
                }
                let right = right_value;
                let value = self.each_alternative(&left, expr, scope, |l| {
                    self.each_alternative(&right, expr, scope, |r| {
                        operators::binary(*operator, l, r, &|| self.unknown_because(expr, scope, &[l, r]))
                    })
                })?;
                Ok(Value { span: value.span.or(span), ..value })
            }
            K::For(body) => self.for_expression(body, expr, scope),
            K::Parentheses(inner) => self.eval(inner, scope),
        }
    }

    /// The result of an operation that depends on an unknown.
    pub(super) fn unknown_result(&self, expr: &Expr, scope: &Scope) -> Value {
        self.unknown_because(expr, scope, &[])
    }

    /// [`Evaluator::unknown_result`] with the reason of the first unknown among `values`.
    pub(super) fn unknown_because(&self, expr: &Expr, scope: &Scope, values: &[&Value]) -> Value {
        let why = values.iter().find_map(|v| super::values::cause(v)).unwrap_or_else(|| "depends on a value that is not known".to_owned());
        Value::unknown(self.fresh_atom(scope, &describe(expr), &why, expr.span), Some(expr.span))
    }

    /// Applies `f` to each alternative. An alternative that fails is no world that can be; all failing is an error.
    pub(super) fn each_alternative(&self, value: &Value, expr: &Expr, scope: &Scope, f: impl Fn(&Value) -> Result<Value>) -> Result<Value> {
        let Kind::OneOf(all) = &value.kind else { return f(value) };
        let (mut good, mut error) = (Vec::new(), None);
        for v in all {
            match f(v) {
                Ok(v) => good.push(v),
                Err(e) => error = Some(e),
            }
        }
        match error {
            Some(error) if good.is_empty() => Err(error),
            _ => Ok(one_of(good, || self.unknown_result(expr, scope))),
        }
    }

    fn object(&self, items: &[ObjectItem], expr: &Expr, scope: &Scope) -> Result<Value> {
        let mut entries = Entries::default();
        for item in items {
            let key = self.eval(&item.key, scope)?;
            if key.is_null() {
                return Err(EvalError::new("the key of an object is null", Some(item.key.span)));
            }
            let key = match key.kind {
                Kind::OneOf(_) => self.unknown_result(&item.key, scope),
                _ => key,
            };
            let Some(key) = key.as_text() else {
                return Err(EvalError::new(format!("{} cannot be a key", noun(&key)), Some(item.key.span)));
            };
            let value = self.eval_settled(&item.value, scope)?;
            // the last of equal keys wins
            entries.set(Entry { key, value });
        }
        Ok(Value::map(entries.into_list(), Some(expr.span)))
    }

    fn conditional(&self, parts: &[Expr; 3], expr: &Expr, scope: &Scope) -> Result<Value> {
        let [condition, yes, no] = parts;
        let value = self.eval(condition, scope)?;
        let mut outcomes: Vec<Option<bool>> = Vec::new();
        for alternative in value.alternatives() {
            match (&alternative.kind, alternative.as_bool()) {
                (_, Some(b)) => outcomes.push(Some(b)),
                (Kind::Unknown(_), None) => outcomes.push(None),
                (Kind::Text(t), None) if !t.is_known() => outcomes.push(None),
                _ => return Err(EvalError::new(format!("the condition is {}, not a bool", noun(alternative)), Some(condition.span))),
            }
        }
        if outcomes.iter().all(|o| *o == Some(true)) {
            return self.taken(yes, no, scope);
        }
        if outcomes.iter().all(|o| *o == Some(false)) {
            return self.taken(no, yes, scope);
        }
        match (self.eval(yes, scope), self.eval(no, scope)) {
            (Ok(yes), Ok(no)) => {
                let both = vec![unified_with(yes.clone(), &no), unified_with(no, &yes)];
                Ok(one_of(both, || self.unknown_result(expr, scope)))
            }
            // a branch that cannot be evaluated is one that is never taken
            (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// The branch that is taken, in the type that both have in common; the other is looked at only where it can matter.
    fn taken(&self, taken: &Expr, other: &Expr, scope: &Scope) -> Result<Value> {
        let value = self.eval(taken, scope)?;
        if !convertible(&value) {
            return Ok(value);
        }
        match self.eval(other, scope) {
            Ok(other) => Ok(unified_with(value, &other)),
            Err(_) => Ok(value),
        }
    }

    /// References, indexes, splats: the longest chain that ends in a name, or in another expression.
    fn traversal(&self, expr: &Expr, scope: &Scope) -> Result<Value> {
        let mut steps: Vec<(RefStep<'_>, crate::place::Span)> = Vec::new();
        let mut at = expr;
        let base = loop {
            match &at.kind {
                K::Attribute(inner, name) => {
                    steps.push((RefStep::Attribute(name), at.span));
                    at = inner;
                }
                K::Index(inner, key) => {
                    steps.push((RefStep::Index(key), at.span));
                    at = inner;
                }
                K::Splat(inner, each) => {
                    steps.push((RefStep::Splat(each), at.span));
                    at = inner;
                }
                _ => break at,
            }
        };
        steps.reverse();
        let steps: Vec<RefStep<'_>> = steps.into_iter().map(|(s, _)| s).collect();
        if let K::Variable(root) = &base.kind {
            return self.reference(root, &steps, expr, scope);
        }
        let value = self.eval(base, scope)?;
        self.apply_steps(value, &steps, expr, scope)
    }

    /// The string of a value, alternatives first.
    pub(super) fn text_of(value: &Value, what: &str) -> Result<Text> {
        value.as_text().ok_or_else(|| EvalError::new(format!("{what} is {}, not a string", noun(value)), value.span))
    }
}

/// A short rendering of an expression for the label of an atom.
pub(super) fn describe(expr: &Expr) -> String {
    match &expr.kind {
        K::Variable(name) => name.to_string(),
        K::Attribute(base, name) => format!("{}.{name}", describe(base)),
        K::Index(base, key) => match &key.kind {
            K::Number(n) => format!("{}[{n}]", describe(base)),
            K::Template(t) => t.as_literal().map_or_else(|| format!("{}[…]", describe(base)), |k| format!("{}[{k:?}]", describe(base))),
            K::Variable(_) | K::Attribute(..) => format!("{}[{}]", describe(base), describe(key)),
            _ => format!("{}[…]", describe(base)),
        },
        K::Splat(base, _) => format!("{}[*]", describe(base)),
        K::Call { name, args, .. } => {
            let args: Vec<String> = args.iter().map(describe).collect();
            let all = args.join(", ");
            if all.chars().count() > 60 { format!("{name}(…)") } else { format!("{name}({all})") }
        }
        K::Parentheses(inner) => describe(inner),
        K::Template(t) => t.as_literal().map_or_else(|| "\"…\"".to_owned(), |t| format!("{t:?}")),
        K::Number(n) => n.to_string(),
        K::Bool(b) => b.to_string(),
        _ => "…".to_owned(),
    }
}

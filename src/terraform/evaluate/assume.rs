//! What is true inside a block because the block exists: `count = var.enabled ? 1 : 0` makes `var.enabled` true in it.
//!
//! Without this an unknown condition that is asked twice gives mixtures that no run of Terraform can give.

use super::engine::{Evaluator, Expansion, Instance, Scope};
use crate::partial::{Kind, Unknown, Value};
use crate::syntax::hcl::{BinaryOperator as B, Expr, ExprKind as K, UnaryOperator};
use std::rc::Rc;

/// Deepest nesting of a condition that is taken apart or compared.
const MAX_LEVELS: usize = 16;
/// Most conditions that are assumed for one block.
const MAX_ASSUMED: usize = 32;

/// Conditions whose outcome is known in a scope.
#[derive(Default)]
pub(super) struct Assumed {
    instance: Option<Rc<Instance>>,
    conditions: Vec<(Expr, bool)>,
    atoms: Vec<(Unknown, bool)>,
}

impl Assumed {
    fn outcome(&self, value: &Value, expr: &Expr, scope: &Scope) -> Option<bool> {
        let Kind::Unknown(atom) = &value.kind else { return None };
        if let Some((_, outcome)) = self.atoms.iter().find(|(a, _)| a == atom) {
            return Some(*outcome);
        }
        // names mean the same only in the same instance of a module, outside of `for`
        let here = scope.bindings.is_none() && self.instance.as_ref().is_some_and(|i| Rc::ptr_eq(i, &scope.instance));
        let found = self.conditions.iter().filter(|_| here).find(|(c, _)| same_expression(c, expr, 0));
        found.map(|(_, outcome)| *outcome)
    }
}

/// The value of an expression in its scope: an unknown that is assumed to be true is true.
pub(super) fn apply(value: Value, expr: &Expr, scope: &Scope) -> Value {
    let Some(assumed) = &scope.assumed else { return value };
    match assumed.outcome(&value, expr, scope) {
        Some(outcome) => Value { kind: Kind::Bool(outcome), ..value },
        None => value,
    }
}

impl Evaluator<'_> {
    /// Gives each instance that only one branch of `count = condition ? a : b` makes what that branch says.
    pub(super) fn assume_count(&self, expansion: &mut Expansion, expr: &Expr, scope: &Scope) {
        let Some([condition, yes, no]) = conditional(expr) else { return };
        let at_least = |branch: &Expr, wanted: usize| {
            let value = self.eval(branch, scope).ok();
            let known = |v: &Value| v.as_text().and_then(|t| t.as_known()).and_then(|n| n.parse::<f64>().ok());
            value.is_none_or(|v| v.alternatives().iter().any(|v| known(v).is_none_or(|n| n >= wanted as f64)))
        };
        self.assume(expansion, condition, scope, |i| (at_least(yes, i + 1), at_least(no, i + 1)));
    }

    /// The same for `for_each`.
    pub(super) fn assume_each(&self, expansion: &mut Expansion, expr: &Expr, scope: &Scope) {
        let Some([condition, yes, no]) = conditional(expr) else { return };
        let keys: Vec<Option<Value>> = expansion.items.iter().map(|i| i.key.clone()).collect();
        let has = |branch: &Expr, key: Option<&Value>| {
            let items = self.eval(branch, scope).ok().and_then(|v| {
                let is_list = matches!(v.kind, Kind::List { .. });
                self.items(&v, branch.span).ok().map(|items| (items, is_list))
            });
            items.is_none_or(|(items, is_list)| {
                let wanted = key.and_then(Value::as_text);
                let is = |k: &Value| wanted.as_ref().is_none_or(|w| k.as_text().is_none_or(|k| k.same(w)));
                items.open || items.pairs.iter().any(|(k, v)| is(if is_list { v } else { k }))
            })
        };
        self.assume(expansion, condition, scope, |i| {
            let key = keys.get(i).and_then(Option::as_ref);
            (has(yes, key), has(no, key))
        });
    }

    fn assume(&self, expansion: &mut Expansion, condition: &Expr, scope: &Scope, made: impl Fn(usize) -> (bool, bool)) {
        if !expansion.items.iter().any(|i| i.conditional) {
            return;
        }
        for (i, item) in expansion.items.iter_mut().enumerate().filter(|(_, item)| item.conditional) {
            let outcome = match made(i) {
                (true, false) => true,
                (false, true) => false,
                _ => continue,
            };
            let mut assumed = Assumed { instance: Some(Rc::clone(&scope.instance)), ..Assumed::default() };
            self.take_apart(condition, outcome, scope, 0, &mut assumed);
            item.scope.assumed = Some(Rc::new(assumed));
        }
    }

    /// `a && b` is true: so is each; `!a` is true: `a` is false; a local is what it was defined as.
    fn take_apart(&self, expr: &Expr, outcome: bool, scope: &Scope, level: usize, out: &mut Assumed) {
        if level >= MAX_LEVELS || out.conditions.len() >= MAX_ASSUMED {
            return;
        }
        match (&expr.kind, outcome) {
            (K::Parentheses(inner), _) => return self.take_apart(inner, outcome, scope, level + 1, out),
            (K::Unary(UnaryOperator::Not, inner), _) => self.take_apart(inner, !outcome, scope, level + 1, out),
            (K::Binary(B::And, parts), true) | (K::Binary(B::Or, parts), false) => {
                parts.iter().for_each(|part| self.take_apart(part, outcome, scope, level + 1, out));
            }
            (K::Attribute(base, name), _) if matches!(&base.kind, K::Variable(root) if &**root == "local") => {
                if let Some(local) = scope.instance.config.locals.get(&**name) {
                    self.take_apart(&local.value, outcome, scope, level + 1, out);
                }
            }
            _ => {}
        }
        if let Ok(Value { kind: Kind::Unknown(atom), .. }) = self.eval(expr, scope) {
            out.atoms.push((atom, outcome));
            out.conditions.push((expr.clone(), outcome));
        }
    }
}

/// The parts of `condition ? a : b`, also in parentheses and in `toset`.
fn conditional(expr: &Expr) -> Option<&[Expr; 3]> {
    let mut at = expr;
    for _ in 0..MAX_LEVELS {
        at = match &at.kind {
            K::Conditional(parts) => return Some(parts),
            K::Parentheses(inner) => inner,
            K::Call { name, args, expand: false } if matches!(&**name, "toset" | "tomap") => args.first()?,
            _ => return None,
        };
    }
    None
}

/// The same expression, wherever it is written; false where it is not sure.
fn same_expression(a: &Expr, b: &Expr, level: usize) -> bool {
    if level >= MAX_LEVELS {
        return false;
    }
    let same = |a: &Expr, b: &Expr| same_expression(a, b, level + 1);
    match (&a.kind, &b.kind) {
        (K::Parentheses(inner), _) => same(inner, b),
        (_, K::Parentheses(inner)) => same(a, inner),
        (K::Null, K::Null) => true,
        (K::Bool(x), K::Bool(y)) => x == y,
        (K::Number(x), K::Number(y)) | (K::Variable(x), K::Variable(y)) => x == y,
        (K::Template(x), K::Template(y)) => x.as_literal().is_some_and(|x| y.as_literal().is_some_and(|y| x == y)),
        (K::Attribute(x, m), K::Attribute(y, n)) => m == n && same(x, y),
        (K::Index(x, m), K::Index(y, n)) => same(x, y) && same(m, n),
        (K::Unary(m, x), K::Unary(n, y)) => m == n && same(x, y),
        (K::Binary(m, x), K::Binary(n, y)) => m == n && x.iter().zip(y.iter()).all(|(x, y)| same(x, y)),
        (K::Call { name: m, args: x, expand: p }, K::Call { name: n, args: y, expand: q }) => {
            m == n && p == q && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        _ => false,
    }
}

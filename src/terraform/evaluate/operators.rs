//! Operators, three-valued where a side is unknown.

use super::EvalError;
use super::values::{effective, noun};
use crate::partial::{Kind, Part, Text, Unknown, Value};
use crate::syntax::hcl::{BinaryOperator as B, UnaryOperator};
use crate::terraform::functions::Num;
use std::sync::Arc;

type Result<T> = std::result::Result<T, EvalError>;

/// 16 significant digits: Terraform computes with 512 bits and prints the shortest, so `0.1 + 0.2` is `0.3`.
fn number(value: f64) -> Arc<str> {
    let rounded = format!("{value:.15e}").parse::<f64>().unwrap_or(value);
    let rounded = if rounded == 0.0 { 0.0 } else { rounded };
    Arc::from(format!("{rounded}"))
}

fn as_number(value: &Value) -> Option<Num> {
    match &value.kind {
        Kind::Number(n) => Num::parse(n),
        Kind::Text(t) => Num::parse(&t.as_known()?),
        _ => None,
    }
}

fn as_integer(value: &Value) -> Option<i128> {
    if let Kind::Number(n) = &value.kind { n.parse().ok() } else { None }
}

fn is_unknown(value: &Value) -> bool {
    match &value.kind {
        Kind::Unknown(_) => true,
        Kind::Text(t) => !t.is_known(),
        _ => false,
    }
}

/// `!x`, `-x`.
pub(super) fn unary(operator: UnaryOperator, value: &Value, unknown: &dyn Fn() -> Value) -> Result<Value> {
    if is_unknown(value) {
        return Ok(unknown());
    }
    match operator {
        UnaryOperator::Not => match value.as_bool() {
            Some(b) => Ok(Value::new(Kind::Bool(!b), None)),
            None => Err(EvalError::new(format!("`!` needs a bool, not {}", noun(value)), value.span)),
        },
        UnaryOperator::Minus => match (as_integer(value), as_number(value)) {
            (Some(n), _) => Ok(Value::new(Kind::Number(Arc::from((-n).to_string())), None)),
            (None, Some(n)) => Ok(Value::new(Kind::Number(number(-n.as_f64())), None)),
            _ => Err(EvalError::new(format!("`-` needs a number, not {}", noun(value)), value.span)),
        },
    }
}

/// The result when the left side alone decides and the right side may not even be valid.
pub(super) fn short_circuit(operator: B, left: &Value) -> Option<Value> {
    let decided = match operator {
        B::And => false,
        B::Or => true,
        _ => return None,
    };
    (left.as_bool() == Some(decided)).then(|| Value::new(Kind::Bool(decided), None))
}

/// `a op b`.
pub(super) fn binary(operator: B, left: &Value, right: &Value, unknown: &dyn Fn() -> Value) -> Result<Value> {
    let bool = |b: bool| Ok(Value::new(Kind::Bool(b), None));
    match operator {
        B::Equal | B::NotEqual => match equal(left, right) {
            Some(same) => bool(same == (operator == B::Equal)),
            None => Ok(unknown()),
        },
        B::And | B::Or => logic(operator, left, right, unknown),
        _ if left.is_null() || right.is_null() => Err(EvalError::new("an operand is null", left.span.or(right.span))),
        _ if is_unknown(left) || is_unknown(right) => Ok(unknown()),
        _ => {
            let (Some(a), Some(b)) = (as_number(left), as_number(right)) else {
                let wrong = if as_number(left).is_none() { left } else { right };
                return Err(EvalError::new(format!("the operator needs numbers, not {}", noun(wrong)), wrong.span));
            };
            match operator {
                B::Less => bool(a < b),
                B::LessOrEqual => bool(a <= b),
                B::Greater => bool(a > b),
                B::GreaterOrEqual => bool(a >= b),
                _ => arithmetic(operator, right, a, b),
            }
        }
    }
}

fn arithmetic(operator: B, right: &Value, a: Num, b: Num) -> Result<Value> {
    if let (Some(x), Some(y)) = (a.as_integer(), b.as_integer()) {
        let exact = match operator {
            B::Add => x.checked_add(y),
            B::Subtract => x.checked_sub(y),
            B::Multiply => x.checked_mul(y),
            _ => None,
        };
        if let Some(exact) = exact {
            return Ok(Value::new(Kind::Number(Arc::from(exact.to_string())), None));
        }
    }
    let (a, b) = (a.as_f64(), b.as_f64());
    if matches!(operator, B::Divide | B::Modulo) && b == 0.0 {
        return Err(EvalError::new("division by zero", right.span));
    }
    let result = match operator {
        B::Add => a + b,
        B::Subtract => a - b,
        B::Multiply => a * b,
        B::Divide => a / b,
        _ => a % b,
    };
    Ok(Value::new(Kind::Number(number(result)), None))
}

fn logic(operator: B, left: &Value, right: &Value, unknown: &dyn Fn() -> Value) -> Result<Value> {
    let decided = operator == B::Or;
    for side in [left, right] {
        if side.as_bool().is_none() && !is_unknown(side) {
            return Err(EvalError::new(format!("the operator needs bools, not {}", noun(side)), side.span));
        }
    }
    match (left.as_bool(), right.as_bool()) {
        (Some(b), _) | (_, Some(b)) if b == decided => Ok(Value::new(Kind::Bool(decided), None)),
        (Some(_), Some(_)) => Ok(Value::new(Kind::Bool(!decided), None)),
        _ => Ok(unknown()),
    }
}

/// Whether two values are equal: Terraform compares types too (`1 == "1"` is false).
pub(super) fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (&a.kind, &b.kind) {
        (Kind::Unknown(x), Kind::Unknown(y)) => (x == y).then_some(true),
        (Kind::Unknown(x), Kind::Text(t)) | (Kind::Text(t), Kind::Unknown(x)) => forbidden(x, t),
        (Kind::Unknown(_), _) | (_, Kind::Unknown(_)) => None,
        (Kind::OneOf(all), other) | (other, Kind::OneOf(all)) => {
            let other = Value::new(other.clone(), None);
            let results: Vec<Option<bool>> = all.iter().map(|v| equal(v, &other)).collect();
            let first = results.first().copied().flatten()?;
            results.iter().all(|r| *r == Some(first)).then_some(first)
        }
        (Kind::Null, Kind::Null) => Some(true),
        (Kind::Bool(x), Kind::Bool(y)) => Some(x == y),
        (Kind::Number(x), Kind::Number(y)) => Some(x == y || Num::parse(x).is_some_and(|n| Num::parse(y) == Some(n))),
        (Kind::Text(x), Kind::Text(y)) => equal_text(x, y),
        (Kind::List { items: x, open: p }, Kind::List { items: y, open: q }) => {
            if *p || *q {
                return None;
            }
            if x.len() != y.len() { Some(false) } else { every(x.iter().zip(y).map(|(m, n)| equal(m, n))) }
        }
        (Kind::Map { entries: x, open: p }, Kind::Map { entries: y, open: q }) => {
            let (x, y) = (effective(x), effective(y));
            if *p || *q || x.iter().chain(&y).any(|e| !e.key.is_known()) {
                return None;
            }
            if x.len() != y.len() || x.iter().zip(&y).any(|(m, n)| !m.key.same(&n.key)) {
                return Some(false);
            }
            every(x.iter().zip(&y).map(|(m, n)| equal(&m.value, &n.value)))
        }
        _ => Some(false),
    }
}

fn every(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for result in results {
        match result {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

/// An unknown is not a string that its validation forbids.
fn forbidden(atom: &Unknown, text: &Text) -> Option<bool> {
    text.as_known().filter(|known| !atom.allows(known)).map(|_| false)
}

/// Partly known strings differ for sure when their known ends do.
fn equal_text(x: &Text, y: &Text) -> Option<bool> {
    if let ([Part::Hole { atom, .. }], other) | (other, [Part::Hole { atom, .. }]) = (x.parts.as_slice(), y.parts.as_slice()) {
        let other = Text { parts: other.to_vec() };
        if let Some(outcome) = forbidden(atom, &other) {
            return Some(outcome);
        }
    }
    if let (Some(x), Some(y)) = (x.as_known(), y.as_known()) {
        return Some(x == y);
    }
    if x.same(y) {
        return Some(true);
    }
    let (p, q) = (x.known_prefix(), y.known_prefix());
    let (s, t) = (x.known_suffix(), y.known_suffix());
    // a known string must have room for what is known of the other
    let lacks = |known: &Text, prefix: &str, suffix: &str| known.as_known().is_some_and(|k| !k.starts_with(prefix) || !k.ends_with(suffix));
    if lacks(x, &q, &t) || lacks(y, &p, &s) {
        return Some(false);
    }
    let differs = !(p.starts_with(&q) || q.starts_with(&p)) || !(s.ends_with(&t) || t.ends_with(&s));
    differs.then_some(false)
}

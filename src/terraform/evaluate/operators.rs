//! Operators, three-valued where a side is unknown.

use super::EvalError;
use super::values::noun;
use crate::partial::{Kind, Value};
use crate::syntax::hcl::{BinaryOperator as B, UnaryOperator};
use crate::terraform::functions::{Num, equal};
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

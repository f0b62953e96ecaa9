//! Arithmetic, conversions and the dispatch of functions.

use super::ast::Op;
use super::evaluate::{Evaluator, Outcome, error, overload};
use super::value::Value;
use super::{format, regex, strings, time};
use std::sync::Arc;

/// Steps that one compiled regular expression costs: a short pattern may still need much memory.
const REGEX_COST: usize = 1000;

/// The type with this name, as an identifier denotes it.
pub(super) fn type_named(name: &str) -> Option<&'static str> {
    ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"].into_iter().find(|t| *t == name)
}

/// A string as a value, charged for its length.
pub(super) fn text(ev: &Evaluator<'_>, s: String) -> Outcome {
    ev.charge(s.len() / 64)?;
    Ok(Value::String(s.into()))
}

/// `function(args)`.
pub(super) fn call(ev: &Evaluator<'_>, name: &str, args: &[Value]) -> Outcome {
    match (name, args) {
        ("size", [of]) => size(of),
        ("matches", [of, _]) => method(ev, of, "matches", args.get(1..).unwrap_or(&[])),
        ("type", [of]) => Ok(Value::Type(of.type_name())),
        ("dyn", [of]) => Ok(of.clone()),
        ("strings.quote", [Value::String(s)]) => text(ev, strings::quote(s)),
        ("int" | "uint" | "double" | "string" | "bool" | "bytes" | "timestamp" | "duration", [of]) => convert(ev, name, of),
        _ => error(format!("no function `{name}` with {} argument{}", args.len(), if args.len() == 1 { "" } else { "s" })),
    }
}

/// `of.method(args)`.
pub(super) fn method(ev: &Evaluator<'_>, of: &Value, name: &str, args: &[Value]) -> Outcome {
    match (name, of, args) {
        ("size", _, []) => size(of),
        ("matches", Value::String(s), [Value::String(pattern)]) => {
            ev.charge(REGEX_COST + s.len() / 64)?;
            let regex = regex::compile(pattern)?;
            Ok(Value::Bool(regex.is_match(s)))
        }
        ("format", Value::String(s), [Value::List(args)]) => format::format(ev, s, args),
        ("join", Value::List(items), _) => strings::join(ev, items, args),
        (_, Value::String(s), _) => strings::method(ev, s, name, args),
        _ => error(format!("no method `{name}` of {}", of.type_name())),
    }
}

fn size(of: &Value) -> Outcome {
    let n = match of {
        Value::String(s) => s.chars().count(),
        Value::Bytes(b) => b.len(),
        Value::List(l) => l.len(),
        Value::Map(m) => m.len(),
        other => return overload("size", &[other]),
    };
    Ok(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)))
}

/// `+ - * / %`; overflow and division by zero are errors.
pub(super) fn arithmetic(ev: &Evaluator<'_>, op: Op, a: &Value, b: &Value) -> Outcome {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => {
            let n = match op {
                Op::Add => x.checked_add(*y),
                Op::Subtract => x.checked_sub(*y),
                Op::Multiply => x.checked_mul(*y),
                Op::Divide => x.checked_div(*y),
                _ => x.checked_rem(*y),
            };
            n.map_or_else(|| error("integer overflow or division by zero"), |n| Ok(Value::Int(n)))
        }
        (Value::Uint(x), Value::Uint(y)) => {
            let n = match op {
                Op::Add => x.checked_add(*y),
                Op::Subtract => x.checked_sub(*y),
                Op::Multiply => x.checked_mul(*y),
                Op::Divide => x.checked_div(*y),
                _ => x.checked_rem(*y),
            };
            n.map_or_else(|| error("integer overflow or division by zero"), |n| Ok(Value::Uint(n)))
        }
        (Value::Double(x), Value::Double(y)) => match op {
            Op::Add => Ok(Value::Double(x + y)),
            Op::Subtract => Ok(Value::Double(x - y)),
            Op::Multiply => Ok(Value::Double(x * y)),
            Op::Divide => Ok(Value::Double(x / y)),
            _ => overload("%", &[a, b]),
        },
        (Value::String(x), Value::String(y)) if op == Op::Add => text(ev, format!("{x}{y}")),
        (Value::Bytes(x), Value::Bytes(y)) if op == Op::Add => {
            ev.charge((x.len() + y.len()) / 64)?;
            Ok(Value::Bytes(x.iter().chain(y.iter()).copied().collect()))
        }
        (Value::List(x), Value::List(y)) if op == Op::Add => {
            ev.charge((x.len() + y.len()) / 8)?;
            Ok(Value::List(Arc::new(x.iter().chain(y.iter()).cloned().collect())))
        }
        _ => time::arithmetic(op, a, b).unwrap_or_else(|| overload(&op.to_string(), &[a, b])),
    }
}

fn convert(ev: &Evaluator<'_>, to: &str, of: &Value) -> Outcome {
    let converted = match to {
        "int" => to_int(of).map(Value::Int),
        "uint" => to_uint(of).map(Value::Uint),
        "double" => to_double(of).map(Value::Double),
        "bool" => to_bool(of).map(Value::Bool),
        "bytes" => match of {
            Value::Bytes(_) => Some(of.clone()),
            Value::String(s) => Some(Value::Bytes(s.as_bytes().into())),
            _ => None,
        },
        "string" => match to_string(of) {
            Some(s) => return text(ev, s),
            None => None,
        },
        "timestamp" => time::timestamp(of),
        _ => time::duration(of),
    };
    converted.map_or_else(|| error(format!("{} cannot be converted to {to}", of.type_name())), Ok)
}

#[allow(clippy::cast_possible_truncation)]
fn to_int(of: &Value) -> Option<i64> {
    match of {
        Value::Int(n) => Some(*n),
        Value::Uint(n) => i64::try_from(*n).ok(),
        // Both bounds are excluded by the specification's tests: the doubles there may have been rounded.
        Value::Double(d) => (*d > -9_223_372_036_854_775_808.0 && *d < 9_223_372_036_854_775_808.0).then(|| d.trunc() as i64),
        Value::String(s) => s.parse().ok(),
        Value::Timestamp(seconds, _) => Some(*seconds),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn to_uint(of: &Value) -> Option<u64> {
    match of {
        Value::Uint(n) => Some(*n),
        Value::Int(n) => u64::try_from(*n).ok(),
        Value::Double(d) => (*d > -1.0 && *d < 18_446_744_073_709_551_616.0).then(|| d.trunc() as u64),
        Value::String(s) => s.parse().ok(),
        _ => None,
    }
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn to_double(of: &Value) -> Option<f64> {
    match of {
        Value::Double(d) => Some(*d),
        Value::Int(n) => Some(*n as f64),
        Value::Uint(n) => Some(*n as f64),
        Value::String(s) => s.parse().ok(),
        _ => None,
    }
}

fn to_bool(of: &Value) -> Option<bool> {
    match of {
        Value::Bool(b) => Some(*b),
        Value::String(s) => match &**s {
            "1" | "t" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn to_string(of: &Value) -> Option<String> {
    match of {
        Value::String(s) => Some(s.to_string()),
        Value::Int(n) => Some(n.to_string()),
        Value::Uint(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Double(d) => Some(format::double(*d)),
        Value::Bytes(b) => std::str::from_utf8(b).ok().map(str::to_owned),
        Value::Timestamp(s, n) => Some(time::show_timestamp(*s, *n)),
        Value::Duration(n) => Some(time::show_duration(*n)),
        _ => None,
    }
}

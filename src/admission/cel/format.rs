//! `format` of the strings extension (<https://pkg.go.dev/github.com/google/cel-go/ext#Strings>).

use super::evaluate::{Evaluator, Fault, Outcome, error};
use super::functions::{text, to_double};
use super::time;
use super::value::Value;

/// Most digits after the point.
const MAX_PRECISION: usize = 64;

/// A double as `string()` and `%s` print it.
pub(super) fn double(d: f64) -> String {
    if d.is_nan() {
        return "NaN".to_owned();
    }
    if d.is_infinite() {
        return if d > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = d.abs();
    if d != 0.0 && !(1e-4..1e21).contains(&magnitude) { scientific(&format!("{d:e}")) } else { d.to_string() }
}

/// Rust's `1e3` as C's `1e+03`.
fn scientific(s: &str) -> String {
    let Some((mantissa, exponent)) = s.split_once('e') else { return s.to_owned() };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `template.format(args)`.
pub(super) fn format(ev: &Evaluator<'_>, template: &str, args: &[Value]) -> Outcome {
    let mut out = String::new();
    let mut chars = template.chars().peekable();
    let mut next = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut precision = None;
        if chars.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(d) = chars.next_if(char::is_ascii_digit) {
                digits.push(d);
            }
            precision = digits.parse::<usize>().ok().filter(|p| *p <= MAX_PRECISION);
            if precision.is_none() {
                return error("malformed precision in a format");
            }
        }
        let Some(clause) = chars.next() else { return error("a format ends in `%`") };
        let Some(arg) = args.get(next) else { return error(format!("format argument {next} is missing")) };
        next += 1;
        let piece = one(clause, precision, arg)?;
        ev.charge(1 + piece.len() / 64)?;
        out.push_str(&piece);
    }
    text(ev, out)
}

fn one(clause: char, precision: Option<usize>, arg: &Value) -> Result<String, Fault> {
    let no = || error(format!("`%{clause}` does not apply to {}", arg.type_name()));
    let digits = precision.unwrap_or(6);
    match (clause, arg) {
        ('s', _) => string(arg),
        ('d', Value::Int(_) | Value::Uint(_)) => string(arg),
        ('d' | 'f' | 'e', Value::Double(d)) if !d.is_finite() => Ok(double(*d)),
        ('f', Value::Int(_) | Value::Uint(_) | Value::Double(_)) => to_double(arg).map_or_else(no, |d| Ok(format!("{d:.digits$}"))),
        ('e', Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            to_double(arg).map_or_else(no, |d| Ok(scientific(&format!("{d:.digits$e}"))))
        }
        ('b', Value::Bool(b)) => Ok(u8::from(*b).to_string()),
        ('b' | 'o' | 'x' | 'X', Value::Int(n)) => {
            let sign = if *n < 0 { "-" } else { "" };
            Ok(format!("{sign}{}", radix(clause, n.unsigned_abs())))
        }
        ('b' | 'o' | 'x' | 'X', Value::Uint(n)) => Ok(radix(clause, *n)),
        ('x' | 'X', Value::String(s)) => Ok(hex(clause, s.as_bytes())),
        ('x' | 'X', Value::Bytes(b)) => Ok(hex(clause, b)),
        ('d' | 'f' | 'e' | 'b' | 'o' | 'x' | 'X', _) => no(),
        _ => error(format!("`%{clause}` is not a clause of a format")),
    }
}

fn radix(clause: char, n: u64) -> String {
    match clause {
        'b' => format!("{n:b}"),
        'o' => format!("{n:o}"),
        'x' => format!("{n:x}"),
        _ => format!("{n:X}"),
    }
}

fn hex(clause: char, bytes: &[u8]) -> String {
    bytes.iter().map(|b| if clause == 'x' { format!("{b:02x}") } else { format!("{b:02X}") }).collect()
}

fn string(value: &Value) -> Result<String, Fault> {
    Ok(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        Value::Double(d) => double(*d),
        Value::String(s) => s.to_string(),
        Value::Bytes(b) => String::from_utf8_lossy(b).into_owned(),
        Value::Type(name) => (*name).to_owned(),
        Value::Timestamp(s, n) => time::show_timestamp(*s, *n),
        Value::Duration(n) => time::show_duration(*n),
        Value::Open { why, .. } => return Err(Fault::Unknown(why.to_string())),
        Value::List(items) => {
            let items: Result<Vec<String>, Fault> = items.iter().map(string).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(entries) => {
            let mut shown = Vec::new();
            for (key, value) in entries.iter() {
                shown.push((string(key)?, string(value)?));
            }
            shown.sort();
            let shown: Vec<String> = shown.into_iter().map(|(k, v)| format!("{k}: {v}")).collect();
            format!("{{{}}}", shown.join(", "))
        }
    })
}

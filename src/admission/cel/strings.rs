//! The string functions: the standard ones, the strings extension, and Google's `extract`
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference#extract>).

use super::evaluate::{Evaluator, Fault, Outcome, error};
use super::functions::text;
use super::value::Value;
use crate::admission::formula::extract;
use std::sync::Arc;

/// The two anchors of an `extract` template: before and after its `{placeholder}`.
pub(super) fn template(template: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = template.split_once('{')?;
    let (name, suffix) = rest.split_once('}')?;
    (!name.is_empty() && !name.contains('{')).then_some((prefix, suffix))
}

fn invalid<T>(name: &str, args: &[Value]) -> Result<T, Fault> {
    let types: Vec<&str> = args.iter().map(Value::type_name).collect();
    error(format!("no method `{name}` of string with ({})", types.join(", ")))
}

fn int(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The byte offset of code point `n`, `len` for one past the last.
fn offset(s: &str, n: i64) -> Result<usize, Fault> {
    let at = usize::try_from(n).ok().and_then(|n| s.char_indices().map(|(i, _)| i).chain(std::iter::once(s.len())).nth(n));
    at.map_or_else(|| error(format!("index {n} out of range")), Ok)
}

fn between(ev: &Evaluator<'_>, s: &str, start: i64, end: Option<i64>) -> Outcome {
    let from = offset(s, start)?;
    let to = end.map_or(Ok(s.len()), |e| offset(s, e))?;
    s.get(from..to).map_or_else(|| error("the end of a substring lies before its start"), |t| text(ev, t.to_owned()))
}

fn position(s: &str, byte: Option<usize>) -> Value {
    byte.and_then(|b| s.get(..b)).map_or(Value::Int(-1), |before| int(before.chars().count()))
}

/// `s.name(args)`.
pub(super) fn method(ev: &Evaluator<'_>, s: &str, name: &str, args: &[Value]) -> Outcome {
    ev.charge(s.len() / 64)?;
    match (name, args) {
        ("contains", [Value::String(x)]) => Ok(Value::Bool(s.contains(&**x))),
        ("startsWith", [Value::String(x)]) => Ok(Value::Bool(s.starts_with(&**x))),
        ("endsWith", [Value::String(x)]) => Ok(Value::Bool(s.ends_with(&**x))),
        ("lowerAscii", []) => text(ev, s.to_ascii_lowercase()),
        ("upperAscii", []) => text(ev, s.to_ascii_uppercase()),
        ("trim", []) => text(ev, s.trim().to_owned()),
        ("reverse", []) => text(ev, s.chars().rev().collect()),
        ("charAt", [Value::Int(n)]) => {
            let at = offset(s, *n)?;
            text(ev, s.get(at..).and_then(|r| r.chars().next()).map(String::from).unwrap_or_default())
        }
        ("substring", [Value::Int(start)]) => between(ev, s, *start, None),
        ("substring", [Value::Int(start), Value::Int(end)]) => between(ev, s, *start, Some(*end)),
        ("indexOf", [Value::String(x)]) => Ok(position(s, s.find(&**x))),
        ("indexOf", [Value::String(x), Value::Int(from)]) => {
            let from = offset(s, *from)?;
            Ok(position(s, s.get(from..).and_then(|r| r.find(&**x)).map(|i| i + from)))
        }
        ("lastIndexOf", [Value::String(x)]) => Ok(position(s, s.rfind(&**x))),
        ("lastIndexOf", [Value::String(x), Value::Int(from)]) => {
            let end = offset(s, *from)?.saturating_add(x.len()).min(s.len());
            // The occurrence starts at or before `from`; `end` may cut a character, so it is looked for from behind.
            let starts = s.char_indices().map(|(i, _)| i).chain(std::iter::once(s.len())).take_while(|i| i + x.len() <= end);
            Ok(position(s, starts.filter(|i| s.get(*i..).is_some_and(|r| r.starts_with(&**x))).last()))
        }
        ("replace", [Value::String(from), Value::String(to)]) => replace(ev, s, from, to, -1),
        ("replace", [Value::String(from), Value::String(to), Value::Int(n)]) => replace(ev, s, from, to, *n),
        ("split", [Value::String(by)]) => split(ev, s, by, -1),
        ("split", [Value::String(by), Value::Int(n)]) => split(ev, s, by, *n),
        ("extract", [Value::String(t)]) => match template(t) {
            Some((prefix, suffix)) => text(ev, extract(s, prefix, suffix)),
            None => error(format!("`{t}` is not a template of `extract`: it needs one `{{name}}`")),
        },
        _ => invalid(name, args),
    }
}

fn replace(ev: &Evaluator<'_>, s: &str, from: &str, to: &str, n: i64) -> Outcome {
    let count = usize::try_from(n).unwrap_or(usize::MAX);
    let hits = s.matches(from).take(count).count();
    ev.charge(hits.saturating_mul(to.len()) / 64)?;
    text(ev, s.replacen(from, to, count))
}

fn split(ev: &Evaluator<'_>, s: &str, by: &str, n: i64) -> Outcome {
    let pieces: Vec<&str> = match (n, by.is_empty()) {
        (0, _) => Vec::new(),
        (_, true) => {
            let ends: Vec<(usize, char)> = s.char_indices().collect();
            let limit = usize::try_from(n).unwrap_or(usize::MAX).min(ends.len());
            let mut out: Vec<&str> = ends.iter().take(limit.saturating_sub(1)).filter_map(|(i, c)| s.get(*i..i + c.len_utf8())).collect();
            if let Some((i, _)) = limit.checked_sub(1).and_then(|l| ends.get(l)) {
                out.extend(s.get(*i..));
            }
            out
        }
        (n, false) if n > 0 => s.splitn(usize::try_from(n).unwrap_or(usize::MAX), by).collect(),
        (_, false) => s.split(by).collect(),
    };
    ev.charge(pieces.len())?;
    Ok(Value::List(Arc::new(pieces.into_iter().map(Value::string).collect())))
}

/// `list.join(separator)`.
pub(super) fn join(ev: &Evaluator<'_>, items: &[Value], args: &[Value]) -> Outcome {
    let by = match args {
        [] => "",
        [Value::String(by)] => by,
        _ => return invalid("join", args),
    };
    let mut out = String::new();
    for (i, item) in items.iter().enumerate() {
        let Some(piece) = item.as_str() else { return error(format!("`join` does not apply to {}", item.type_name())) };
        if i > 0 {
            out.push_str(by);
        }
        out.push_str(piece);
        ev.charge((by.len() + piece.len()) / 64)?;
    }
    text(ev, out)
}

/// `strings.quote(s)`.
pub(super) fn quote(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

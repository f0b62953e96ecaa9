//! What a function sees of its call: typed access to the arguments, and identities of values.

use super::numbers::Num;
use super::{Files, MAX_DEPTH, MAX_ITEMS, MAX_TEXT};
use crate::partial::{Entry, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::Span;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Longest identity that is kept as it is; a longer one is replaced by its digest.
const MAX_KEY: usize = 1024;

/// Why a function gives no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// An argument is not known enough.
    Unknown,
    /// The result differs from run to run.
    Impure,
    /// Terraform rejects the call.
    Error(String),
}

/// What a family gives for a call: nothing when the function is not one of its own.
pub(super) type Answer = Option<Result<Value, Stop>>;

pub(super) fn fail<T>(message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Error(message.into()))
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) args: &'a [Value],
    pub(super) span: Option<Span>,
    pub(super) files: &'a dyn Files,
}

impl Call<'_> {
    pub(super) fn arg(&self, i: usize) -> Result<&Value, Stop> {
        self.args.get(i).ok_or_else(|| Stop::Error(format!("`{}` lacks argument {}", self.name, i + 1)))
    }

    fn wrong<T>(&self, i: usize, wanted: &str) -> Result<T, Stop> {
        fail(format!("argument {} of `{}`: {wanted} required", i + 1, self.name))
    }

    /// The argument as a string, holes kept.
    pub(super) fn text(&self, i: usize) -> Result<Text, Stop> {
        self.as_text(self.arg(i)?, i)
    }

    /// `value` as a string, holes kept; `i` names the argument in an error.
    pub(super) fn as_text(&self, value: &Value, i: usize) -> Result<Text, Stop> {
        match &value.kind {
            Kind::OneOf(_) => Err(Stop::Unknown),
            Kind::Null => fail(format!("argument {} of `{}` must not be null", i + 1, self.name)),
            Kind::Number(n) => {
                let text = Num::parse(n).map_or_else(|| n.to_string(), |n| n.to_string());
                Ok(Text { parts: vec![Part::Literal { text: text.into(), span: value.span, trail: value.trail.clone() }] })
            }
            _ => value.as_text().map_or_else(|| self.wrong(i, "a string is"), Ok),
        }
    }

    /// The argument as a wholly known string.
    pub(super) fn string(&self, i: usize) -> Result<String, Stop> {
        self.text(i)?.as_known().ok_or(Stop::Unknown)
    }

    pub(super) fn number(&self, i: usize) -> Result<Num, Stop> {
        self.as_number(self.arg(i)?, i)
    }

    pub(super) fn as_number(&self, value: &Value, i: usize) -> Result<Num, Stop> {
        match &value.kind {
            Kind::Number(n) => Num::parse(n).map_or_else(|| self.wrong(i, "a number is"), Ok),
            Kind::Text(t) => match t.as_known() {
                Some(known) => Num::parse(&known).map_or_else(|| self.wrong(i, "a number is"), Ok),
                None => Err(Stop::Unknown),
            },
            Kind::Unknown(_) | Kind::OneOf(_) => Err(Stop::Unknown),
            _ => self.wrong(i, "a number is"),
        }
    }

    /// The argument as a whole number.
    pub(super) fn integer(&self, i: usize) -> Result<i128, Stop> {
        self.number(i)?.as_integer().map_or_else(|| self.wrong(i, "a whole number is"), Ok)
    }

    /// The items of a list and whether there may be more.
    pub(super) fn list(&self, i: usize) -> Result<(Vec<Value>, bool), Stop> {
        match &self.arg(i)?.kind {
            Kind::List { items, open } => Ok((items.clone(), *open)),
            Kind::Unknown(_) | Kind::OneOf(_) => Err(Stop::Unknown),
            Kind::Null => fail(format!("argument {} of `{}` must not be null", i + 1, self.name)),
            _ => self.wrong(i, "a list is"),
        }
    }

    /// The items of a closed list.
    pub(super) fn closed_list(&self, i: usize) -> Result<Vec<Value>, Stop> {
        match self.list(i)? {
            (items, false) => Ok(items),
            _ => Err(Stop::Unknown),
        }
    }

    /// The entries of a map and whether there may be more.
    pub(super) fn map(&self, i: usize) -> Result<(Vec<Entry>, bool), Stop> {
        match &self.arg(i)?.kind {
            Kind::Map { entries, open } => Ok((entries.clone(), *open)),
            Kind::Unknown(_) | Kind::OneOf(_) => Err(Stop::Unknown),
            Kind::Null => fail(format!("argument {} of `{}` must not be null", i + 1, self.name)),
            _ => self.wrong(i, "a map is"),
        }
    }

    pub(super) fn text_value(&self, text: Text) -> Result<Value, Stop> {
        if length(&text) > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        Ok(Value { trail: text.trail(), kind: Kind::Text(text), span: self.span })
    }

    pub(super) fn string_value(&self, text: impl AsRef<str>) -> Result<Value, Stop> {
        let text = text.as_ref();
        if text.len() > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        let part = Part::Literal { text: text.into(), span: self.span.filter(|s| s.len() != text.len()), trail: None };
        Ok(Value::new(Kind::Text(Text { parts: vec![part] }), self.span))
    }

    pub(super) fn bool_value(&self, truth: bool) -> Result<Value, Stop> {
        Ok(Value::new(Kind::Bool(truth), self.span))
    }

    pub(super) fn number_value(&self, number: Num) -> Result<Value, Stop> {
        Ok(Value::new(Kind::Number(number.to_string().into()), self.span))
    }

    pub(super) fn list_value(&self, items: Vec<Value>, open: bool) -> Result<Value, Stop> {
        Ok(Value::new(Kind::List { items, open }, self.span))
    }

    pub(super) fn map_value(&self, entries: Vec<Entry>, open: bool) -> Result<Value, Stop> {
        Ok(Value::new(Kind::Map { entries, open }, self.span))
    }
}

/// Fails where a value holds more text than the text that is made of it may have: before it is made.
pub(super) fn bounded(value: &Value) -> Result<&Value, Stop> {
    fn fits(value: &Value, left: &mut usize) -> bool {
        let own = if let Kind::Text(text) = &value.kind { length(text) } else { 1 };
        let Some(rest) = left.checked_sub(own) else { return false };
        *left = rest;
        match &value.kind {
            Kind::List { items, .. } | Kind::OneOf(items) => items.iter().all(|v| fits(v, left)),
            Kind::Map { entries, .. } => entries.iter().all(|e| fits(&e.value, left)),
            _ => true,
        }
    }
    let mut left = MAX_TEXT;
    if fits(value, &mut left) { Ok(value) } else { Err(Stop::Unknown) }
}

/// Fails where a text is cut at more places than a list may have items: before they are looked for.
pub(super) fn few(text: &Text, needle: &str) -> Result<(), Stop> {
    let places = |part: &Part| if let Part::Literal { text, .. } = part { text.matches(needle).take(MAX_ITEMS + 1).count() } else { 0 };
    if text.parts.iter().map(places).sum::<usize>() > MAX_ITEMS { Err(Stop::Unknown) } else { Ok(()) }
}

/// How long a text is: what is written, and one for each hole.
pub(super) fn length(text: &Text) -> usize {
    text.parts.iter().map(|part| if let Part::Literal { text, .. } = part { text.len() } else { 1 }).sum()
}

/// The unknown that the function gives for an unknown, with what more the call says (`lower(<key>)`).
pub(super) fn derived(function: &str, atom: &Unknown, more: &[&str], kind: UnknownKind) -> Unknown {
    let quoted: String = more.iter().fold(String::new(), |mut out, m| {
        let _ = write!(out, ",{m:?}");
        out
    });
    let inner = atom.bare();
    let shown = quoted.replace(',', ", ");
    Unknown::new(format!("{function}({}{quoted})", atom.key()), kind, format!("${{{function}({inner}{shown})}}"), atom.why(), atom.span())
        .coming_from(UnknownOrigin::Call { function: function.into(), joined: atom.is_joined() })
}

/// The identity of a value: equal values have equal identities, whatever parts they are made of.
pub(super) fn key_of(value: &Value) -> String {
    let mut out = String::new();
    write_key(value, 0, &mut out);
    if out.len() <= MAX_KEY {
        return out;
    }
    super::hash::hex(&Sha256::digest(out.as_bytes()))
}

pub(super) fn text_key(text: &Text) -> String {
    key_of(&Value::new(Kind::Text(text.clone()), None))
}

fn write_key(value: &Value, depth: usize, out: &mut String) {
    if depth > MAX_DEPTH {
        out.push('…');
        return;
    }
    match &value.kind {
        Kind::Null => out.push_str("null"),
        Kind::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Kind::Number(n) => out.push_str(&Num::parse(n).map_or_else(|| n.to_string(), |n| n.to_string())),
        Kind::Text(t) => write_text_key(t, out),
        Kind::Unknown(atom) => out.push_str(atom.key()),
        Kind::List { items, open } => write_all(items.iter(), ('[', ']'), *open, depth, out),
        Kind::OneOf(all) => write_all(all.iter(), ('<', '>'), false, depth, out),
        Kind::Map { entries, open } => {
            out.push('{');
            for entry in entries {
                write_text_key(&entry.key, out);
                out.push('=');
                write_key(&entry.value, depth + 1, out);
                out.push(',');
            }
            out.push_str(if *open { "…}" } else { "}" });
        }
    }
}

fn write_all<'a>(items: impl Iterator<Item = &'a Value>, marks: (char, char), open: bool, depth: usize, out: &mut String) {
    out.push(marks.0);
    for item in items {
        write_key(item, depth + 1, out);
        out.push(',');
    }
    if open {
        out.push('…');
    }
    out.push(marks.1);
}

/// A text that is one hole has the identity of the unknown itself, as Terraform unwraps `"${x}"`.
fn write_text_key(text: &Text, out: &mut String) {
    let filled: Vec<&Part> = text.parts.iter().filter(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty())).collect();
    if let [Part::Hole { atom, .. }] = filled.as_slice() {
        out.push_str(atom.key());
        return;
    }
    out.push('"');
    for part in filled {
        match part {
            Part::Literal { text, .. } => out.extend(text.escape_default()),
            Part::Hole { atom, .. } => {
                let _ = write!(out, "${{{}}}", atom.key());
            }
        }
    }
    out.push('"');
}

/// A short form of a value for a person.
pub(super) fn label_of(value: &Value) -> String {
    const LONGEST: usize = 40;
    let shown = match &value.kind {
        Kind::Unknown(atom) => bare(atom.label()),
        Kind::Text(t) => match t.parts.as_slice() {
            [Part::Hole { atom, .. }] => bare(atom.label()),
            _ => format!("\"{t}\""),
        },
        Kind::Number(n) => n.to_string(),
        Kind::Bool(b) => b.to_string(),
        Kind::Null => "null".to_owned(),
        Kind::List { .. } => "[…]".to_owned(),
        Kind::Map { .. } => "{…}".to_owned(),
        Kind::OneOf(_) => "…".to_owned(),
    };
    if shown.chars().count() > LONGEST { shown.chars().take(LONGEST).chain(['…']).collect() } else { shown }
}

fn bare(label: &str) -> String {
    label.strip_prefix("${").and_then(|l| l.strip_suffix('}')).unwrap_or(label).to_owned()
}

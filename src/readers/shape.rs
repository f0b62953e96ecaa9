//! Reading expected shapes out of trees that may have any shape.

use crate::graph::Setting;
use crate::partial::{Kind, Text, Unknown, UnknownKind, Value, cut};
use crate::place::{FileId, Span};

/// How deep nested lists and alternatives are followed.
const MAX_DEPTH: usize = 12;

/// The place of a value: its own, else that of the first thing inside that has one.
pub(super) fn place(value: &Value) -> Option<Span> {
    place_within(value, MAX_DEPTH)
}

fn place_within(value: &Value, depth: usize) -> Option<Span> {
    if value.span.is_some() || depth == 0 {
        return value.span;
    }
    match &value.kind {
        Kind::Text(text) => text.span(),
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter().find_map(|v| place_within(v, depth - 1)),
        Kind::Map { entries, .. } => entries.iter().find_map(|e| e.key.span().or_else(|| place_within(&e.value, depth - 1))),
        _ => None,
    }
}

/// A place for facts that have none.
pub(super) fn nowhere() -> Span {
    Span { file: FileId(u32::MAX), start: 0, end: 0 }
}

/// The value under a key; `null` counts as absent. Looks into the alternatives' agreement only for maps.
pub(super) fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    value.get(key).filter(|v| !v.is_null())
}

/// The first of several keys that is set.
pub(super) fn any_field<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    keys.iter().find_map(|key| field(value, key))
}

/// One text: alternatives that agree are one, alternatives that differ are an unknown.
pub(super) fn text(value: Option<&Value>) -> Option<Text> {
    let value = value?;
    if let Kind::OneOf(all) = &value.kind {
        let mut texts: Vec<Text> = all.iter().filter(|v| !matches!(v.kind, Kind::OneOf(_))).filter_map(Value::as_text).collect();
        let first = texts.pop()?;
        return Some(if texts.iter().all(|t| t.same(&first)) { first } else { either(&first, value) });
    }
    value.as_text().filter(|t| !cut::is_empty(t))
}

fn either(first: &Text, value: &Value) -> Text {
    let span = place(value);
    let at = span.map_or_else(|| cut::key(first), |s| format!("{}:{}", s.file.0, s.start));
    let atom = Unknown::new(format!("|one of at {at}"), UnknownKind::Any, "${…}", "an unknown condition chooses it", span);
    Text::hole(atom, span)
}

/// One text under a key.
pub(super) fn text_at(value: &Value, key: &str) -> Option<Text> {
    text(field(value, key))
}

/// A known string under a key.
pub(super) fn known_at(value: &Value, key: &str) -> Option<String> {
    text_at(value, key)?.as_known()
}

/// Texts of a list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The texts that may be there.
    pub(super) texts: Vec<Text>,
    /// There may be more, or fewer, than these.
    pub(super) open: bool,
    /// Something in it is neither text nor unknown.
    pub(super) odd: bool,
}

/// The texts of a list or of a lone text.
pub(super) fn listing(value: Option<&Value>) -> Listing {
    let mut out = Listing::default();
    if let Some(value) = value {
        collect(value, &mut out, MAX_DEPTH, true);
    }
    out
}

fn collect(value: &Value, out: &mut Listing, depth: usize, top: bool) {
    match &value.kind {
        _ if depth == 0 => out.odd = true,
        Kind::Null => {}
        Kind::List { items, open } => {
            out.open |= open;
            out.odd |= !top;
            items.iter().for_each(|v| collect(v, out, depth - 1, false));
        }
        Kind::OneOf(all) => {
            out.open = true;
            all.iter().for_each(|v| collect(v, out, depth - 1, top));
        }
        // An unknown in the list's place is an unknown list; inside the list it is an unknown string.
        Kind::Unknown(_) if top => out.open = true,
        Kind::Map { .. } => out.odd = true,
        _ => out.texts.extend(value.as_text()),
    }
}

/// Nested blocks: the maps under a key, through lists and alternatives, and whether there may be others.
pub(super) fn blocks<'v>(value: &'v Value, key: &str) -> (Vec<&'v Value>, bool) {
    let mut found = Vec::new();
    let mut open = false;
    if let Some(value) = field(value, key) {
        collect_maps(value, &mut found, &mut open, MAX_DEPTH);
    }
    (found, open)
}

fn collect_maps<'v>(value: &'v Value, found: &mut Vec<&'v Value>, open: &mut bool, depth: usize) {
    match &value.kind {
        Kind::Map { .. } => found.push(value),
        Kind::List { items, open: more } if depth > 0 => {
            *open |= more;
            items.iter().for_each(|v| collect_maps(v, found, open, depth - 1));
        }
        Kind::OneOf(all) if depth > 0 => {
            *open = true;
            all.iter().for_each(|v| collect_maps(v, found, open, depth - 1));
        }
        Kind::Unknown(_) => *open = true,
        _ => {}
    }
}

/// An optional string. `open` is true when the map it was looked up in may hold more entries.
pub(super) fn setting(value: Option<&Value>, open: bool, what: &str) -> Setting {
    let Some(value) = value else {
        return if open { Setting::Unknown(unreadable(None, what, "the settings are not all known")) } else { Setting::Absent };
    };
    match &value.kind {
        Kind::Null => Setting::Absent,
        Kind::Unknown(atom) => Setting::Unknown(atom.clone()),
        Kind::OneOf(all) => alternatives(all, what),
        Kind::List { .. } | Kind::Map { .. } => Setting::Unknown(unreadable(place(value), what, "it is not a string")),
        _ => value.as_text().filter(|t| !cut::is_empty(t)).map_or(Setting::Absent, Setting::Set),
    }
}

fn alternatives(all: &[Value], what: &str) -> Setting {
    let mut out = Vec::new();
    for value in all {
        match &value.kind {
            Kind::Null => out.push(None),
            Kind::List { .. } | Kind::Map { .. } | Kind::OneOf(_) => {
                return Setting::Unknown(unreadable(place(value), what, "it is not a string"));
            }
            _ => out.push(value.as_text().filter(|t| !cut::is_empty(t))),
        }
    }
    Setting::OneOf(out)
}

/// An unknown for something that has no readable value.
pub(super) fn unreadable(span: Option<Span>, what: &str, why: &str) -> Unknown {
    let at = span.map_or_else(String::new, |s| format!(" at {}:{}", s.file.0, s.start));
    Unknown::new(format!("|{what}{at}"), UnknownKind::Any, "${?}", why, span)
}

/// Certainly true.
pub(super) fn is_true(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

/// A whole number.
pub(super) fn number(value: Option<&Value>) -> Option<u32> {
    text(value)?.as_known()?.trim().parse().ok()
}

/// A number of seconds with its place.
pub(super) fn seconds(value: Option<&Value>) -> Option<crate::graph::Seconds> {
    let text = text(value)?;
    let (span, trail) = (value.and_then(|v| v.span).or_else(|| text.span()), value.and_then(|v| v.trail.clone()).or_else(|| text.trail()));
    Some(crate::graph::Seconds { value: number(value)?, span, trail })
}

/// Undoes percent encoding; none when the result is not UTF-8.
pub(super) fn percent_decode(encoded: &str) -> Option<String> {
    let mut out = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(high * 16 + low);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

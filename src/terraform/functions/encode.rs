//! Writing: JSON, base64, URLs, UTF-16. <https://developer.hashicorp.com/terraform/language/functions/jsonencode>

use super::arguments::{Answer, Call, Stop, fail};
use super::collections::effective;
use super::numbers::Num;
use super::{MAX_DEPTH, MAX_TEXT, csv, json, yaml};
use crate::value::{Kind, Part, Text, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "jsonencode" => c.arg(0).and_then(jsonencode).and_then(|t| c.text_value(t)),
        "jsondecode" => c.text(0).and_then(|t| json::decode(&t, c.span)),
        "yamlencode" => c.arg(0).and_then(yaml::encode).and_then(|t| c.text_value(t)),
        "yamldecode" => c.text(0).and_then(|t| yaml::decode(&t, c.span)),
        "csvdecode" => csv::decode(c),
        "base64encode" => c.string(0).and_then(|s| c.string_value(STANDARD.encode(s))),
        "base64decode" => base64decode(c),
        "textencodebase64" => textencode(c),
        "textdecodebase64" => textdecode(c),
        "urlencode" => urlencode(c),
        "base64gzip" | "rsadecrypt" => Err(Stop::Unknown),
        _ => return None,
    })
}

fn jsonencode(value: &Value) -> Result<Text, Stop> {
    if matches!(value.kind, Kind::Unknown(_) | Kind::OneOf(_)) {
        return Err(Stop::Unknown);
    }
    Ok(render_json(value))
}

/// The value as Terraform's `jsonencode` writes it: keys sorted, no spaces, `<`, `>` and `&` escaped. Punctuation
/// is text without a place; each literal keeps its place, an escaped one the place of the whole piece; holes inside
/// strings stay, and an unknown that is no string stands as a hole without quotes.
#[must_use]
pub fn render_json(value: &Value) -> Text {
    let mut out = Text::default();
    write_json(value, 0, &mut out);
    out
}

fn write_json(value: &Value, depth: usize, out: &mut Text) {
    if depth > MAX_DEPTH {
        out.push(&Text::known("null"));
        return;
    }
    match &value.kind {
        Kind::Null => out.push(&Text::known("null")),
        Kind::Bool(b) => placed(value, if *b { "true" } else { "false" }, out),
        Kind::Number(n) => placed(value, &Num::parse(n).map_or_else(|| n.to_string(), |n| n.to_string()), out),
        Kind::Text(t) => out.push(&escaped(t, json_escape)),
        Kind::Unknown(atom) => out.parts.push(Part::Hole { atom: atom.clone(), span: value.span, trail: value.trail.clone() }),
        // A choice inside a document: the first alternative would hide the others, so it is an unknown.
        Kind::OneOf(_) => {
            let key = super::arguments::key_of(value);
            let atom = crate::value::Atom::new(key, crate::value::AtomKind::Any, "${…}", "one of several values", value.span);
            out.parts.push(Part::Hole { atom, span: value.span, trail: value.trail.clone() });
        }
        Kind::List { items, .. } => {
            out.push(&Text::known("["));
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(&Text::known(","));
                }
                write_json(item, depth + 1, out);
            }
            out.push(&Text::known("]"));
        }
        Kind::Map { entries, .. } => {
            out.push(&Text::known("{"));
            for (i, entry) in effective(entries).iter().enumerate() {
                if i > 0 {
                    out.push(&Text::known(","));
                }
                out.push(&escaped(&entry.key, json_escape));
                out.push(&Text::known(":"));
                write_json(&entry.value, depth + 1, out);
            }
            out.push(&Text::known("}"));
        }
    }
}

fn placed(value: &Value, text: &str, out: &mut Text) {
    out.parts.push(Part::Literal { text: text.into(), span: value.span, trail: value.trail.clone() });
}

/// The string in double quotes, as `%q` writes it.
pub(super) fn quoted(text: &Text) -> Text {
    escaped(text, json_escape)
}

fn escaped(text: &Text, escape: fn(&str) -> String) -> Text {
    let mut out = Text::known("\"");
    out.push(&super::pieces::map(text, escape, Clone::clone));
    out.push(&Text::known("\""));
    out
}

fn json_escape(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for ch in s.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{0}'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", ch as u32);
            }
            _ => out.push(ch),
        }
    }
    out
}

fn decoded(c: &Call<'_>) -> Result<Vec<u8>, Stop> {
    let text = c.string(0)?;
    if text.len() > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    STANDARD.decode(text.trim_end_matches(['\n', '\r'])).or_else(|_| fail("failed to decode base64 data"))
}

fn base64decode(c: &Call<'_>) -> Result<Value, Stop> {
    String::from_utf8(decoded(c)?)
        .map_or_else(|_| fail("the result of decoding the provided string is not valid UTF-8"), |s| c.string_value(s))
}

fn textencode(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, encoding) = (c.string(0)?, c.string(1)?);
    let bytes: Vec<u8> = match encoding.to_ascii_uppercase().as_str() {
        "UTF-8" => text.into_bytes(),
        "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => return Err(Stop::Unknown),
    };
    c.string_value(STANDARD.encode(bytes))
}

fn textdecode(c: &Call<'_>) -> Result<Value, Stop> {
    let bytes = decoded(c)?;
    let pairs = || bytes.chunks(2).map(|p| [p.first().copied().unwrap_or(0), p.get(1).copied().unwrap_or(0)]);
    let units: Vec<u16> = match c.string(1)?.to_ascii_uppercase().as_str() {
        "UTF-8" => return String::from_utf8(bytes).map_or_else(|_| fail("the text is not valid UTF-8"), |s| c.string_value(s)),
        "UTF-16LE" => pairs().map(u16::from_le_bytes).collect(),
        "UTF-16BE" => pairs().map(u16::from_be_bytes).collect(),
        _ => return Err(Stop::Unknown),
    };
    c.string_value(String::from_utf16_lossy(&units))
}

fn urlencode(c: &Call<'_>) -> Result<Value, Stop> {
    let escape = |s: &str| {
        let mut out = String::with_capacity(s.len());
        for b in s.bytes() {
            match b {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(b as char),
                b' ' => out.push('+'),
                _ => {
                    let _ = write!(out, "%{b:02X}");
                }
            }
        }
        out
    };
    let text = c.text(0)?;
    c.text_value(super::pieces::map(&text, escape, |a| super::arguments::derived("urlencode", a, &[], crate::value::AtomKind::Any)))
}

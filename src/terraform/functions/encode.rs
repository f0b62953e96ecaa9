//! Writing: JSON, base64, URLs, UTF-16. <https://developer.hashicorp.com/terraform/language/functions/jsonencode>

use super::arguments::{Answer, Call, Stop, bounded, fail};
use super::{MAX_TEXT, csv, json, yaml};
use crate::partial::{Kind, Text, Value};
use crate::terraform::json_text::render_json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "jsonencode" => c.arg(0).and_then(bounded).and_then(jsonencode).and_then(|t| c.text_value(t)),
        "jsondecode" => c.text(0).and_then(|t| json::decode(&t, c.span)),
        "yamlencode" => c.arg(0).and_then(bounded).and_then(yaml::encode).and_then(|t| c.text_value(t)),
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
    c.text_value(super::points::map(&text, escape, |a| super::arguments::derived("urlencode", a, &[], crate::partial::UnknownKind::Any)))
}

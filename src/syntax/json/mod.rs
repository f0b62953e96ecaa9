//! JSON files and JSON inside strings, as spanned trees.
//!
//! Files may be JSONC (comments, trailing commas): nobody's trust should go unread for a comment. JSON inside a string
//! ([`parse_text`]) is strict, for the cloud that receives the string is, and it may have holes: inside a JSON string
//! they stay holes of a [`Text`], in the place of a value they become unknown values.
//! Duplicate members are kept in order ([RFC 8259, 4](https://www.rfc-editor.org/rfc/rfc8259#section-4)).

mod flattened;
#[cfg(test)]
mod tests;

use crate::place::Span;

use crate::partial::{Entry, Kind, Part, Text, Value};
use crate::source::SourceFile;
use crate::syntax::{Parsed, Problem};
use flattened::Flattened;
use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::ops::Range;
use std::sync::Arc;

/// Most bytes of JSON that [`parse_text`] reads.
pub const MAX_TEXT_BYTES: usize = 4 << 20;

/// Most parts that the strings of one document are split into at their escapes; past it a string is one part.
const MAX_SPLITS: usize = 50_000;

/// Most values of one document: what each takes of memory is many times its text.
const MAX_PARTS: usize = 600_000;

/// What [`parse_text`] is willing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of literal text.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: MAX_TEXT_BYTES }
    }
}

/// Why a string is not JSON. Unlike a [`Problem`] it may have no place: the string may be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextProblem {
    /// Where, when the characters are written somewhere.
    pub span: Option<Span>,
    /// What, lower case, no full stop.
    pub message: String,
}

/// Reads a file of JSON or JSONC: one document, or none and a problem.
#[must_use]
pub fn parse(file: &SourceFile) -> Parsed {
    let flattened = Flattened::of_file(file);
    let lenient = ParseOptions::default();
    if is_too_wide(&file.text) {
        let span = Span::new(file.id, 0..file.text.len().min(1));
        return Parsed { documents: Vec::new(), problems: vec![Problem { span, message: too_wide() }] };
    }
    match parse_to_ast(&file.text, &CollectOptions::default(), &lenient) {
        Ok(result) => {
            let mut convert = Convert { flattened: &flattened, splits: MAX_SPLITS };
            Parsed { documents: result.value.iter().map(|v| convert.value(v)).collect(), problems: Vec::new() }
        }
        Err(_) if one_a_line(&file.text) => lines(file),
        Err(error) => {
            let range = clamp(&file.text, error.range().start..error.range().end);
            let message = sentence(&error.kind().to_string());
            Parsed { documents: Vec::new(), problems: vec![Problem { span: Span::new(file.id, range), message }] }
        }
    }
}

/// Whether a text is objects, one a line (<https://github.com/ndjson/ndjson-spec>).
fn one_a_line(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let object = |line: &str| line.starts_with('{') && line.ends_with('}');
    lines.by_ref().take(2).filter(|line| object(line)).count() == 2 && lines.all(object)
}

fn lines(file: &SourceFile) -> Parsed {
    let mut parsed = Parsed::default();
    let mut at = 0;
    for line in file.text.split_inclusive('\n') {
        let span = Span::new(file.id, at..at + line.len());
        at += line.len();
        if line.trim().is_empty() {
            continue;
        }
        match parse_text(&Text::literal(line, span), Limits::default()) {
            Ok(value) => parsed.documents.push(value),
            Err(problem) => parsed.problems.push(Problem { span: problem.span.unwrap_or(span), message: problem.message }),
        }
    }
    parsed
}

/// Reads the JSON in a string that may have holes.
///
/// Every string of the result keeps the spans and trails of the literal parts it came from, byte for byte where the
/// part maps so. A list that holds an unquoted hole is open: the hole may bring several items.
///
/// # Errors
/// When the string is no JSON, is empty, or is longer than `limits` allow.
pub fn parse_text(text: &Text, limits: Limits) -> Result<Value, TextProblem> {
    let flattened = Flattened::of_text(text);
    if flattened.flat.len() > limits.bytes {
        return Err(TextProblem { span: text.span(), message: format!("the JSON text is longer than {} bytes", limits.bytes) });
    }
    if is_too_wide(&flattened.flat) {
        return Err(TextProblem { span: text.span(), message: too_wide() });
    }
    let parsed = parse_to_ast(&flattened.flat, &CollectOptions::default(), &strict(false)).or_else(|first| {
        // A template may bring its own commas: `[ {…} ${extra} ]`.
        if flattened.unquoted_holes {
            parse_to_ast(&flattened.flat, &CollectOptions::default(), &strict(true)).map_err(|_| first)
        } else {
            Err(first)
        }
    });
    match parsed {
        Ok(result) => match &result.value {
            Some(value) => Ok(Convert { flattened: &flattened, splits: MAX_SPLITS }.value(value)),
            None => Err(TextProblem { span: text.span(), message: "the JSON text is empty".to_owned() }),
        },
        Err(error) => {
            let range = clamp(&flattened.flat, error.range().start..error.range().end);
            Err(TextProblem { span: flattened.place(range), message: sentence(&error.kind().to_string()) })
        }
    }
}

fn too_wide() -> String {
    format!("more than {MAX_PARTS} values")
}

/// Whether a text has more values than [`MAX_PARTS`]: commas, lists and objects outside of its strings.
fn is_too_wide(text: &str) -> bool {
    if text.len() <= MAX_PARTS {
        return false;
    }
    let mut parts = 0_usize;
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = match byte {
            b'"' | b'\'' => after_string(after, *byte),
            b'/' if after.starts_with(b"/") => after_mark(after, b"\n"),
            b'/' if after.starts_with(b"*") => after_mark(after, b"*/"),
            _ => {
                parts += usize::from(matches!(byte, b',' | b'[' | b'{'));
                after
            }
        };
    }
    parts > MAX_PARTS
}

fn after_mark<'t>(text: &'t [u8], mark: &[u8]) -> &'t [u8] {
    let end = memchr::memmem::find(text, mark).map_or(text.len(), |at| at + mark.len());
    text.get(end..).unwrap_or_default()
}

/// What follows a string that is open.
fn after_string(mut text: &[u8], quote: u8) -> &[u8] {
    while let Some(at) = memchr::memchr2(quote, b'\\', text) {
        let escape = text.get(at) == Some(&b'\\');
        text = text.get(at + if escape { 2 } else { 1 }..).unwrap_or_default();
        if !escape {
            return text;
        }
    }
    &[]
}

fn strict(commas: bool) -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: commas,
        allow_missing_commas: commas,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The parser's sentence in the style of the house.
fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect::<String>().trim_end_matches('.').to_owned())
}

/// A range that lies in the text, on character boundaries.
fn clamp(text: &str, range: Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(range.start);
    start..floor(range.end).max(start)
}

struct Convert<'a> {
    flattened: &'a Flattened,
    /// How many more parts strings may be split into.
    splits: usize,
}

impl Convert<'_> {
    // Recursion is bounded by the parser's own nesting limit of 512.
    fn value(&mut self, value: &ast::Value<'_>) -> Value {
        let range = value.range();
        let range = range.start..range.end;
        let kind = match value {
            ast::Value::NullKeyword(_) => Kind::Null,
            ast::Value::BooleanLit(b) => Kind::Bool(b.value),
            ast::Value::NumberLit(n) => Kind::Number(Arc::from(n.value)),
            ast::Value::StringLit(s) => match self.flattened.whole_hole(&range) {
                Some(atom) => Kind::Unknown(atom),
                None => Kind::Text(self.string(s)),
            },
            ast::Value::Array(array) => {
                let items: Vec<Value> = array.elements.iter().map(|v| self.value(v)).collect();
                let open = items.iter().any(brings_more);
                Kind::List { items, open }
            }
            ast::Value::Object(object) => {
                let entries = object.properties.iter().map(|p| Entry { key: self.key(&p.name), value: self.value(&p.value) });
                Kind::Map { entries: entries.collect(), open: false }
            }
        };
        Value { kind, span: self.flattened.place(range.clone()), trail: self.flattened.trail(range.start) }
    }

    fn key(&mut self, name: &ast::ObjectPropName<'_>) -> Text {
        match name {
            ast::ObjectPropName::String(s) => self.string(s),
            ast::ObjectPropName::Word(w) => self.flattened.text(w.range.start..w.range.end),
        }
    }

    fn string(&mut self, literal: &ast::StringLit<'_>) -> Text {
        let range = literal.range.start..literal.range.end;
        if let Some(atom) = self.flattened.whole_hole(&range) {
            return Text::hole(atom, self.flattened.place(range));
        }
        let inner = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
        let raw = self.flattened.flat.get(inner.clone()).unwrap_or_default();
        if !raw.contains('\\') {
            return self.flattened.text(inner);
        }
        self.unescaped(raw, inner.start).unwrap_or_else(|| {
            // Only lenient files get here (JSON5 escapes): the place of the string as a whole must do.
            let trail = self.flattened.trail(inner.start);
            let span = self.flattened.place(inner);
            Text { parts: vec![Part::Literal { text: Arc::from(literal.value.as_ref()), span, trail }] }
        })
    }

    /// The string between the quotes, split at its escapes so that what stands between them keeps its exact place.
    fn unescaped(&mut self, raw: &str, base: usize) -> Option<Text> {
        let mut text = Text::default();
        let mut at = 0;
        while let Some(found) = raw.get(at..)?.find('\\') {
            if self.splits == 0 {
                let (rest, start) = (decode_all(raw.get(at..)?)?, base + at);
                let span = self.flattened.place(start..base + raw.len());
                text.parts.push(Part::Literal { text: Arc::from(rest), span, trail: self.flattened.trail(start) });
                return Some(text);
            }
            self.splits -= 1;
            let escape = at + found;
            text.push(&self.flattened.text(base + at..base + escape));
            let (c, len) = decode(raw.get(escape..)?)?;
            let span = self.flattened.place(base + escape..base + escape + len);
            text.parts.push(Part::Literal { text: Arc::from(c.to_string()), span, trail: self.flattened.trail(base + escape) });
            at = escape + len;
        }
        text.push(&self.flattened.text(base + at..base + raw.len()));
        Some(text)
    }
}

/// An item that may stand for several or none: an unquoted hole, or `"${join("\",\"", …)}"`.
fn brings_more(item: &Value) -> bool {
    match &item.kind {
        Kind::Unknown(_) => true,
        Kind::Text(text) => matches!(text.parts.as_slice(), [Part::Hole { atom, .. }] if atom.is_joined()),
        _ => false,
    }
}

/// The character of the escape at the start of `raw`, and how long it is.
/// See [RFC 8259, 7](https://www.rfc-editor.org/rfc/rfc8259#section-7).
fn decode(raw: &str) -> Option<(char, usize)> {
    let plain = match raw.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(raw),
        _ => return None,
    };
    Some((plain, 2))
}

fn unicode(raw: &str) -> Option<(char, usize)> {
    let hex = |at: usize| {
        let digits = raw.get(at..at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    };
    let first = hex(2)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, 6));
    }
    let second = if raw.get(6..8)? == "\\u" { hex(8)? } else { return None };
    let low = second.checked_sub(0xdc00).filter(|n| *n < 0x400)?;
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)?, 12))
}

fn decode_all(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let (c, len) = decode(rest.get(at..)?)?;
        out.push(c);
        rest = rest.get(at + len..)?;
    }
    out.push_str(rest);
    Some(out)
}

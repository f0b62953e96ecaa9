//! JSON as a [`Text`]: rendering keeps the place of every character that came from a literal, reading finds it again.

use crate::partial::{Entry, Kind, Part, Text, Trail, Unknown, UnknownKind, Value};
use crate::terraform::functions::canonical_number;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Deepest nesting that is rendered or read.
const MAX_DEPTH: usize = 128;
/// Punctuation is collected into runs of about so many bytes: longer ones would be copied too often.
const MAX_RUN: usize = 64;

/// The JSON of a value, as Terraform's `jsonencode` writes it (keys in order, no space). What is unknown as a whole
/// is a hole outside quotes, also the rest of an open list or map.
#[must_use]
pub fn render_json(value: &Value) -> Text {
    let mut out = Text::default();
    render(value, &mut out, 0);
    out
}

fn push(out: &mut Text, text: &str) {
    if let Some(Part::Literal { text: last, span: None, trail: None }) = out.parts.last_mut()
        && last.len() < MAX_RUN
    {
        *last = Arc::from(format!("{last}{text}"));
        return;
    }
    out.parts.push(Part::Literal { text: Arc::from(text), span: None, trail: None });
}

fn push_hole(out: &mut Text, atom: Unknown, value: &Value) {
    out.parts.push(Part::Hole { atom, span: value.span, trail: value.trail.clone() });
}

/// The atom of what may follow in an open collection.
fn rest_of(value: &Value) -> Unknown {
    // what is known of the value tells it from others at the same place (another module instance)
    let mut hasher = DefaultHasher::new();
    format!("{:?}", value.kind).hash(&mut hasher);
    let place = value.span.map_or_else(String::new, |s| format!("{}:{}-{}", s.file.0, s.start, s.end));
    let key = format!("rest {place} {:x}", hasher.finish());
    Unknown::new(key, UnknownKind::Any, "${…}", "there may be more that is not known", value.span)
}

fn render(value: &Value, out: &mut Text, depth: usize) {
    if depth > MAX_DEPTH {
        push_hole(out, rest_of(value), value);
        return;
    }
    match &value.kind {
        Kind::Null => push(out, "null"),
        Kind::Bool(b) => placed(value, if *b { "true" } else { "false" }, out),
        Kind::Number(n) => placed(value, &canonical_number(n).unwrap_or_else(|| n.to_string()), out),
        Kind::Text(text) => push_quoted(text, out),
        Kind::Unknown(atom) => push_hole(out, atom.clone(), value),
        Kind::OneOf(_) => push_hole(out, rest_of(value), value),
        Kind::List { items, open } => {
            push(out, "[");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    push(out, ",");
                }
                render(item, out, depth + 1);
            }
            if *open {
                if !items.is_empty() {
                    push(out, ",");
                }
                push_hole(out, rest_of(value), value);
            }
            push(out, "]");
        }
        Kind::Map { entries, open } => render_map(value, entries, *open, out, depth),
    }
}

fn render_map(value: &Value, entries: &[Entry], open: bool, out: &mut Text, depth: usize) {
    // the last of equal keys, in order of the keys
    let sorted: BTreeMap<String, &Entry> = entries.iter().map(|e| (e.key.fill(|a| format!("\u{10ffff}{}", a.key())), e)).collect();
    push(out, "{");
    let mut first = true;
    for entry in sorted.into_values() {
        if !std::mem::take(&mut first) {
            push(out, ",");
        }
        push_quoted(&entry.key, out);
        push(out, ":");
        render(&entry.value, out, depth + 1);
    }
    if open {
        if !first {
            push(out, ",");
        }
        push(out, "\"");
        push_hole(out, rest_of(value), value);
        push(out, "\":");
        push_hole(out, rest_of(value), value);
    }
    push(out, "}");
}

/// A number or bool at its place.
fn placed(value: &Value, text: &str, out: &mut Text) {
    if value.span.is_none() && value.trail.is_none() {
        return push(out, text);
    }
    out.parts.push(Part::Literal { text: Arc::from(text), span: value.span, trail: value.trail.clone() });
}

/// The string in double quotes, as `jsonencode` and `%q` write it.
pub(crate) fn quoted(text: &Text) -> Text {
    let mut out = Text::default();
    push_quoted(text, &mut out);
    out
}

fn push_quoted(text: &Text, out: &mut Text) {
    push(out, "\"");
    for part in &text.parts {
        match part {
            Part::Hole { .. } => out.parts.push(part.clone()),
            Part::Literal { text, span, trail } => escaped(text, *span, trail, out),
        }
    }
    push(out, "\"");
}

/// Runs without escapes keep their exact place, an escape has the place of its character.
fn escaped(text: &str, span: Option<crate::place::Span>, trail: &Trail, out: &mut Text) {
    let exact = span.filter(|s| s.len() == text.len());
    let mut add = |piece: &str, range: std::ops::Range<usize>| {
        if !piece.is_empty() {
            let span = exact.map(|s| s.slice(range)).or(span);
            out.parts.push(Part::Literal { text: Arc::from(piece), span, trail: trail.clone() });
        }
    };
    let mut start = 0;
    for (i, c) in text.char_indices() {
        let Some(escape) = escape(c) else { continue };
        add(text.get(start..i).unwrap_or(""), start..i);
        start = i + c.len_utf8();
        add(&escape, i..start);
    }
    add(text.get(start..).unwrap_or(""), start..text.len());
}

fn escape(c: char) -> Option<String> {
    Some(match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
        c if u32::from(c) < 0x20 => format!("\\u{:04x}", u32::from(c)),
        _ => return None,
    })
}

/// Reads the JSON of a text with holes; none when it is no JSON.
pub(crate) fn read_json(text: &Text) -> Option<Value> {
    let mut reader = Reader { items: Vec::new(), at: 0 };
    for part in &text.parts {
        match part {
            Part::Hole { .. } => reader.items.push(Unit::Hole(part)),
            Part::Literal { text, .. } => reader.items.extend(text.char_indices().map(|(i, c)| Unit::Char(c, i, part))),
        }
    }
    let value = reader.value(0)?;
    reader.space();
    (reader.at == reader.items.len()).then_some(value)
}

/// A character with the part that it stands in, or a hole.
#[derive(Clone, Copy)]
enum Unit<'t> {
    Char(char, usize, &'t Part),
    Hole(&'t Part),
}

struct Reader<'t> {
    items: Vec<Unit<'t>>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<char> {
        if let Some(Unit::Char(c, ..)) = self.items.get(self.at) { Some(*c) } else { None }
    }

    fn eat(&mut self, c: char) -> Option<()> {
        (self.peek() == Some(c)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\n' | '\r' | '\t')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        if let Some(Unit::Hole(Part::Hole { atom, span, trail })) = self.items.get(self.at) {
            self.at += 1;
            return Some(Value { kind: Kind::Unknown(atom.clone()), span: *span, trail: trail.clone() });
        }
        match self.peek()? {
            '"' => {
                let text = self.string()?;
                let (span, trail) = (text.span(), text.trail());
                Some(Value { kind: Kind::Text(text), span, trail })
            }
            '{' => self.object(depth),
            '[' => self.array(depth),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Value> {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')) {
            word.push(c);
            self.at += 1;
        }
        let kind = match word.as_str() {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            n if n.parse::<f64>().is_ok() => Kind::Number(Arc::from(n)),
            _ => return None,
        };
        Some(Value::new(kind, None))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.eat('[')?;
        let mut items = Vec::new();
        self.space();
        if self.eat(']').is_some() {
            return Some(Value::list(items, None));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.eat(',').is_none() {
                self.eat(']')?;
                return Some(Value::list(items, None));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.eat('{')?;
        let mut entries = Vec::new();
        self.space();
        if self.eat('}').is_some() {
            return Some(Value::map(entries, None));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.eat(':')?;
            entries.push(Entry { key, value: self.value(depth + 1)? });
            self.space();
            if self.eat(',').is_none() {
                self.eat('}')?;
                return Some(Value::map(entries, None));
            }
        }
    }

    fn string(&mut self) -> Option<Text> {
        self.eat('"')?;
        let mut out = Text::default();
        // the run that is being collected: its part, start and characters
        let mut run: Option<(&'t Part, usize, String)> = None;
        loop {
            let unit = *self.items.get(self.at)?;
            self.at += 1;
            match unit {
                Unit::Hole(part) => {
                    flush(&mut run, &mut out);
                    out.parts.push(part.clone());
                }
                Unit::Char('"', ..) => {
                    flush(&mut run, &mut out);
                    return Some(out);
                }
                Unit::Char('\\', _, part) => {
                    flush(&mut run, &mut out);
                    let c = self.escape()?;
                    if let Part::Literal { span, trail, .. } = part {
                        out.parts.push(Part::Literal { text: Arc::from(c.to_string()), span: *span, trail: trail.clone() });
                    }
                }
                Unit::Char(c, i, part) => match &mut run {
                    Some((same, _, text)) if std::ptr::eq(*same, part) => text.push(c),
                    _ => {
                        flush(&mut run, &mut out);
                        run = Some((part, i, c.to_string()));
                    }
                },
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let mut code = 0;
                for _ in 0..4 {
                    code = code * 16 + self.peek()?.to_digit(16)?;
                    self.at += 1;
                }
                char::from_u32(code).unwrap_or('\u{fffd}')
            }
            other => other,
        })
    }
}

fn flush(run: &mut Option<(&Part, usize, String)>, out: &mut Text) {
    let Some((Part::Literal { text: whole, span, trail }, start, text)) = run.take() else { return };
    let span = if span.is_some_and(|s| s.len() == whole.len()) { span.map(|s| s.slice(start..start + text.len())) } else { *span };
    out.parts.push(Part::Literal { text: Arc::from(text), span, trail: trail.clone() });
}

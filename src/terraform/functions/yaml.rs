//! `yamlencode` and `yamldecode`. <https://developer.hashicorp.com/terraform/language/functions/yamldecode>

use super::arguments::{Stop, fail};
use super::collections::effective;
use super::encode::{quoted, render_json};
use super::{MAX_DEPTH, MAX_TEXT};
use crate::source::Span;
use crate::value::{Entry, Kind, Part, Text, Value};

/// The value in the layout that Terraform writes: keys and strings in double quotes, lists at their key's indent.
pub(super) fn encode(value: &Value) -> Result<Text, Stop> {
    let mut out = Text::default();
    block(value, 0, &mut out, 0)?;
    Ok(out)
}

fn block(value: &Value, indent: usize, out: &mut Text, depth: usize) -> Result<(), Stop> {
    if depth > MAX_DEPTH {
        return Err(Stop::Unknown);
    }
    let pad = " ".repeat(indent);
    match &value.kind {
        Kind::Map { entries, open: false } if !entries.is_empty() => {
            for (i, entry) in effective(entries).iter().enumerate() {
                if i > 0 {
                    out.push(&Text::known(&pad));
                }
                out.push(&quoted(&entry.key));
                out.push(&Text::known(":"));
                nested(&entry.value, indent, out, depth)?;
            }
            Ok(())
        }
        Kind::List { items, open: false } if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                out.push(&Text::known(if i > 0 { format!("{pad}- ") } else { "- ".to_owned() }));
                block(item, indent + 2, out, depth + 1)?;
            }
            Ok(())
        }
        Kind::OneOf(_) | Kind::Map { open: true, .. } | Kind::List { open: true, .. } => Err(Stop::Unknown),
        _ => {
            out.push(&scalar(value, &pad));
            out.push(&Text::known("\n"));
            Ok(())
        }
    }
}

/// What stands after `key:`.
fn nested(value: &Value, indent: usize, out: &mut Text, depth: usize) -> Result<(), Stop> {
    let (lead, inner) = match &value.kind {
        Kind::Map { entries, .. } if !entries.is_empty() => (format!("\n{}", " ".repeat(indent + 2)), indent + 2),
        Kind::List { items, .. } if !items.is_empty() => (format!("\n{}", " ".repeat(indent)), indent),
        _ => (" ".to_owned(), indent),
    };
    out.push(&Text::known(lead));
    block(value, inner, out, depth + 1)
}

/// A string of several lines is written as a literal block.
fn scalar(value: &Value, pad: &str) -> Text {
    let Kind::Text(text) = &value.kind else { return render_json(value) };
    match text.as_known().filter(|t| t.contains('\n')) {
        Some(known) => {
            let body = known.strip_suffix('\n');
            let mark = if body.is_some() { "|" } else { "|-" };
            let lines: String = body.unwrap_or(&known).split('\n').map(|l| format!("\n{pad}  {l}")).collect();
            Text::known(format!("{mark}{lines}"))
        }
        None => quoted(text),
    }
}

/// Decodes YAML. Strings that stand verbatim in a text with a place keep that place; a text with holes is read with
/// words in the place of the holes, which are put back afterwards.
pub(super) fn decode(text: &Text, span: Option<Span>) -> Result<Value, Stop> {
    let mut holes: Vec<(String, Part)> = Vec::new();
    let mut source = String::new();
    for part in &text.parts {
        match part {
            Part::Literal { text, .. } => source.push_str(text),
            Part::Hole { .. } => {
                let mark = format!("\u{e000}{}\u{e001}", holes.len());
                source.push_str(&mark);
                holes.push((mark, part.clone()));
            }
        }
    }
    if source.len() > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    let parsed: serde_json::Value = match serde_saphyr::from_str(&source) {
        Ok(parsed) => parsed,
        Err(_) if !holes.is_empty() => return Err(Stop::Unknown),
        Err(error) => return fail(format!("invalid YAML: {}", error.to_string().lines().next().unwrap_or("not understood"))),
    };
    let mut places = Places { text, span, holes, from: 0 };
    places.value(&parsed, 0)
}

struct Places<'a> {
    text: &'a Text,
    span: Option<Span>,
    holes: Vec<(String, Part)>,
    /// Where in the single literal the search for the next string begins.
    from: usize,
}

impl Places<'_> {
    fn value(&mut self, parsed: &serde_json::Value, depth: usize) -> Result<Value, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Unknown);
        }
        Ok(match parsed {
            serde_json::Value::Null => Value::new(Kind::Null, self.span),
            serde_json::Value::Bool(b) => Value::new(Kind::Bool(*b), self.span),
            serde_json::Value::Number(n) => {
                Value::new(Kind::Number(super::numbers::canonical(&n.to_string()).unwrap_or_else(|| n.to_string()).into()), self.span)
            }
            serde_json::Value::String(s) => self.string(s),
            serde_json::Value::Array(items) => {
                let items = items.iter().map(|v| self.value(v, depth + 1)).collect::<Result<_, _>>()?;
                Value::list(items, self.span)
            }
            serde_json::Value::Object(entries) => {
                let mut out = Vec::new();
                for (key, value) in entries {
                    let key = self.string(key).as_text().unwrap_or_else(|| Text::known(key));
                    out.push(Entry { key, value: self.value(value, depth + 1)? });
                }
                Value::map(out, self.span)
            }
        })
    }

    fn string(&mut self, s: &str) -> Value {
        let text = self.with_holes(s);
        let (span, trail) = (text.span().or(self.span), text.trail());
        if let [Part::Hole { atom, .. }] = text.parts.as_slice() {
            return Value { kind: Kind::Unknown(atom.clone()), span, trail };
        }
        Value { kind: Kind::Text(text), span, trail }
    }

    fn with_holes(&mut self, s: &str) -> Text {
        let mut parts = Vec::new();
        let mut rest = s;
        while let Some(at) = rest.find('\u{e000}') {
            let (before, after) = rest.split_at(at);
            if !before.is_empty() {
                parts.push(self.literal(before));
            }
            match self.holes.iter().find(|(mark, _)| after.starts_with(mark.as_str())) {
                Some((mark, hole)) => {
                    parts.push(hole.clone());
                    rest = after.get(mark.len()..).unwrap_or("");
                }
                None => break,
            }
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(self.literal(rest));
        }
        Text { parts }
    }

    /// The literal at its place, found by looking for it further on in the source.
    fn literal(&mut self, s: &str) -> Part {
        if let ([Part::Literal { text, trail, .. }], false) = (self.text.parts.as_slice(), s.is_empty()) {
            let found = text.get(self.from..).and_then(|t| t.find(s)).map(|at| at + self.from);
            if let Some(at) = found {
                self.from = at + s.len();
                return Part::Literal { text: s.into(), span: self.text.span_of(0, at..at + s.len()), trail: trail.clone() };
            }
        }
        Part::Literal { text: s.into(), span: self.span.filter(|p| p.len() != s.len()), trail: self.text.trail() }
    }
}

//! `yamlencode` and `yamldecode`. <https://developer.hashicorp.com/terraform/language/functions/yamldecode>

use super::arguments::{Stop, fail};
use super::equality::effective;
use super::{MAX_DEPTH, MAX_TEXT};
use crate::place::Span;

use crate::partial::{Entry, Kind, Part, Text, Value};
use crate::source::Sources;
use crate::syntax::yaml::parse;
use crate::terraform::json_text::{quoted, render_json};

/// The value in the layout that Terraform writes: keys and strings in double quotes, lists at their key's indent.
pub(super) fn encode(value: &Value) -> Result<Text, Stop> {
    let mut out = Text::default();
    block(value, 0, &mut out, 0)?;
    // A plain scalar at the root is closed by the end of its document, as the emitter of YAML does it.
    if matches!(value.kind, Kind::Number(_) | Kind::Bool(_) | Kind::Null) {
        out.push(&Text::known("...\n"));
    }
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

/// Decodes YAML with the reader of files. What stands verbatim in the text keeps its place to the byte; a text with
/// holes is read with words in the place of the holes, which are put back afterwards.
pub(super) fn decode(text: &Text, span: Option<Span>) -> Result<Value, Stop> {
    let mut documents = all(text, span)?;
    if documents.len() > 1 {
        return fail("invalid YAML: more than one document");
    }
    documents.pop().map_or_else(|| fail("invalid YAML: missing start of document"), Ok)
}

/// The documents of YAML that stands in a string; none when it cannot be read.
#[must_use]
pub fn yaml_documents(text: &Text) -> Option<Vec<Value>> {
    all(text, text.span()).ok()
}

fn all(text: &Text, span: Option<Span>) -> Result<Vec<Value>, Stop> {
    let mut source = String::new();
    let (mut pieces, mut holes) = (Vec::new(), Vec::new());
    for (i, part) in text.parts.iter().enumerate() {
        match part {
            Part::Literal { text, .. } => {
                pieces.push((source.len(), i));
                source.push_str(text);
            }
            Part::Hole { .. } => {
                let mark = format!("{MARK}{}\u{e001}", holes.len());
                source.push_str(&mark);
                holes.push((mark, part));
            }
        }
    }
    if source.len() > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    let file = Sources::new().add("yaml", source);
    let parsed = parse(&file);
    if let Some(problem) = parsed.problems.first() {
        return if holes.is_empty() { fail(format!("invalid YAML: {}", problem.message)) } else { Err(Stop::Unknown) };
    }
    let places = Places { source: &file.text, text, span, pieces, holes };
    parsed.documents.iter().map(|document| places.value(document, 0)).collect()
}

/// What a hole's word in the YAML begins with: a character of the private use area.
const MARK: char = '\u{e000}';

struct Places<'a> {
    /// The YAML.
    source: &'a str,
    text: &'a Text,
    span: Option<Span>,
    /// Where in the YAML a part of the text begins, and which.
    pieces: Vec<(usize, usize)>,
    holes: Vec<(String, &'a Part)>,
}

impl Places<'_> {
    fn value(&self, parsed: &Value, depth: usize) -> Result<Value, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Unknown);
        }
        let span = parsed.span.and_then(|s| self.place(s)).or(self.span);
        Ok(match &parsed.kind {
            Kind::Null => Value::new(Kind::Null, span),
            Kind::Bool(b) => Value::new(Kind::Bool(*b), span),
            Kind::Number(n) => Value::new(Kind::Number(super::numbers::canonical(n).map_or_else(|| n.clone(), Into::into)), span),
            Kind::Text(text) => match self.old_bool(text) {
                Some(b) => Value::new(Kind::Bool(b), span),
                None => self.string(text),
            },
            Kind::List { items, open: false } => {
                let items = items.iter().map(|v| self.value(v, depth + 1)).collect::<Result<_, _>>()?;
                Value::list(items, span)
            }
            Kind::Map { entries, open: false } => {
                let entry = |e: &Entry| Ok(Entry { key: self.shape(&e.key), value: self.value(&e.value, depth + 1)? });
                Value::map(entries.iter().map(entry).collect::<Result<_, _>>()?, span)
            }
            Kind::List { .. } | Kind::Map { .. } | Kind::OneOf(_) | Kind::Unknown(_) => return Err(Stop::Unknown),
        })
    }

    /// Terraform's YAML still knows the bools of YAML 1.1, where they are written without quotes.
    fn old_bool(&self, text: &Text) -> Option<bool> {
        let word = text.as_known()?;
        let truth = match word.as_str() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => true,
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => false,
            _ => return None,
        };
        let at = text.span()?.range();
        let before = self.source.get(..at.start)?.chars().next_back();
        let plain = self.source.get(at)? == word && !matches!(before, Some('"' | '\''));
        plain.then_some(truth)
    }

    fn string(&self, text: &Text) -> Value {
        let text = self.shape(text);
        let (span, trail) = (text.span().or(self.span), text.trail());
        if let [Part::Hole { atom, .. }] = text.parts.as_slice() {
            return Value { kind: Kind::Unknown(atom.clone()), span, trail };
        }
        Value { kind: Kind::Text(text), span, trail }
    }

    /// A string of the YAML with its holes and places.
    fn shape(&self, text: &Text) -> Text {
        let mut out = Text::default();
        for part in &text.parts {
            let Part::Literal { text, span, .. } = part else { continue };
            let exact = span.filter(|s| s.len() == text.len());
            let mut at = 0;
            while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
                if let Some((mark, hole)) = self.holes.iter().find(|(mark, _)| rest.starts_with(mark.as_str())) {
                    out.parts.push((*hole).clone());
                    at += mark.len();
                    continue;
                }
                let first = rest.chars().next().map_or(1, char::len_utf8);
                let end = at + rest.get(first..).and_then(|r| r.find(MARK)).map_or(rest.len(), |i| i + first);
                let place = exact.map(|s| s.slice(at..end)).or(*span);
                out.parts.push(self.literal(text.get(at..end).unwrap_or(""), place));
                at = end;
            }
        }
        if out.parts.is_empty() {
            out.parts.push(self.literal("", text.span()));
        }
        out
    }

    fn literal(&self, text: &str, place: Option<Span>) -> Part {
        let span = place.and_then(|s| self.place(s)).or(self.span);
        Part::Literal { text: text.into(), span, trail: self.text.trail() }
    }

    /// A place in the YAML as a place in the files.
    fn place(&self, span: Span) -> Option<Span> {
        let range = span.range();
        let piece = self.pieces.partition_point(|(start, _)| *start <= range.start).checked_sub(1)?;
        let (start, part) = *self.pieces.get(piece)?;
        let Part::Literal { text, .. } = self.text.parts.get(part)? else { return None };
        let (from, to) = (range.start - start, range.end - start);
        self.text.span_of(part, from.min(text.len())..to.min(text.len()))
    }
}

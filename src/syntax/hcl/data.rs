//! HCL as data: configuration files of programs (SPIRE's servers and agents) that nobody evaluates.
//!
//! Programs read them with [HCL 1](https://github.com/hashicorp/hcl/tree/hcl1), which takes a little more than HCL 2: what
//! differs is covered, byte for byte, before the parser of HCL 2 reads the text. A block is a map under its labels.

use super::ast::{Block, Body, Expr, ExprKind, ObjectItem, Template, TemplatePart, UnaryOperator};
use super::scan::Parser;
use crate::partial::cut::{self, flat, slice};
use crate::partial::{Entry, Kind, Text, Unknown, UnknownKind, Value};
use crate::place::{FileId, Span};

/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Deepest nesting that is converted.
const MAX_DEPTH: usize = 64;
/// Stands for a backslash that HCL 2 would take for the beginning of an escape it does not know.
const BACKSLASH: char = '\u{1}';

/// Reads a text as one map. What could not be read leaves the map open.
#[must_use]
pub fn parse_data(text: &Text) -> Value {
    let whole = flat(text);
    let span = text.span();
    if whole.len() > MAX_TEXT {
        return Value::new(Kind::Map { entries: Vec::new(), open: true }, span);
    }
    let lenient = lenient(&whole);
    let mut parser = Parser::new(&lenient, FileId(u32::MAX));
    let body = parser.file();
    let convert = Convert { text };
    let mut value = convert.body(&body, span, MAX_DEPTH);
    if !parser.problems.is_empty()
        && let Kind::Map { open, .. } = &mut value.kind
    {
        *open = true;
    }
    value
}

/// The same text with what only HCL 1 takes written as HCL 2 takes it, in as many bytes.
fn lenient(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut place = Place::Code;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match place {
            Place::String => {
                match c {
                    '\\' if !next.is_some_and(|n| "nrt\"\\uU".contains(n)) => out.push(BACKSLASH),
                    '\\' => {
                        out.push(c);
                        out.extend(chars.next());
                    }
                    _ => out.push(c),
                }
                if matches!(c, '"' | '\n') {
                    place = Place::Code;
                }
            }
            Place::Line => {
                out.push(c);
                if c == '\n' {
                    place = Place::Code;
                }
            }
            Place::Block => {
                out.push(c);
                if c == '*' && next == Some('/') {
                    out.extend(chars.next());
                    place = Place::Code;
                }
            }
            Place::Code => {
                match (c, next) {
                    ('"', _) => place = Place::String,
                    ('#', _) | ('/', Some('/')) => place = Place::Line,
                    ('/', Some('*')) => {
                        place = Place::Block;
                        out.push(c);
                        out.extend(chars.next());
                        continue;
                    }
                    ('$', Some('{')) => {
                        // `${NAME}` outside of a string.
                        out.push('_');
                        chars.next();
                        out.push('_');
                        while let Some(inner) = chars.next_if(|c| *c != '}' && *c != '\n') {
                            out.push(inner);
                        }
                        out.extend(chars.next_if_eq(&'}').map(|_| '_'));
                        continue;
                    }
                    _ => {}
                }
                // An unknown in the place of a value, or a variable of the environment: a name that nobody knows.
                out.push(if c == cut::HOLE || c == '$' { '_' } else { c });
            }
        }
    }
    out
}

#[derive(Clone, Copy)]
enum Place {
    Code,
    String,
    Line,
    Block,
}

struct Convert<'a> {
    text: &'a Text,
}

impl Convert<'_> {
    fn written(&self, span: Span) -> Text {
        slice(self.text, span.start as usize..span.end as usize)
    }

    fn place(&self, span: Span) -> Option<Span> {
        self.written(span).span()
    }

    fn body(&self, body: &Body, span: Option<Span>, depth: usize) -> Value {
        if depth == 0 {
            return Value::new(Kind::Map { entries: Vec::new(), open: true }, span);
        }
        let mut entries: Vec<(u32, Entry)> = Vec::new();
        for attribute in &body.attributes {
            let key = self.literal(&attribute.name, attribute.name_span);
            entries.push((attribute.name_span.start, Entry { key, value: self.value(&attribute.value, depth - 1) }));
        }
        for block in &body.blocks {
            entries.push((block.span.start, self.block(block, depth - 1)));
        }
        entries.sort_by_key(|(at, _)| *at);
        Value::map(entries.into_iter().map(|(_, e)| e).collect(), span)
    }

    /// `kind "label" { … }` as `kind = { label = { … } }`.
    fn block(&self, block: &Block, depth: usize) -> Entry {
        let place = self.place(block.span);
        let mut value = self.body(&block.body, place, depth);
        for label in block.labels.iter().rev() {
            let key = self.literal(&label.text, label.span);
            value = Value::map(vec![Entry { key, value }], place);
        }
        Entry { key: self.literal(&block.kind, block.header), value }
    }

    fn literal(&self, text: &str, span: Span) -> Text {
        let text = text.replace(BACKSLASH, "\\");
        self.place(span).map_or_else(|| Text::known(&text), |at| Text::literal(&text, at))
    }

    fn value(&self, expr: &Expr, depth: usize) -> Value {
        let place = self.place(expr.span);
        if depth == 0 {
            return self.unknown(expr, place);
        }
        let kind = match &expr.kind {
            ExprKind::Null => Kind::Null,
            ExprKind::Bool(b) => Kind::Bool(*b),
            ExprKind::Number(n) => Kind::Number(n.clone()),
            ExprKind::Template(template) => return self.template(template, expr, place),
            ExprKind::Tuple(items) => Kind::List { items: items.iter().map(|i| self.value(i, depth - 1)).collect(), open: false },
            ExprKind::Object(items) => {
                let entries = items.iter().map(|i| self.item(i, depth - 1)).collect();
                Kind::Map { entries, open: false }
            }
            ExprKind::Parentheses(inner) => return self.value(inner, depth - 1),
            ExprKind::Unary(UnaryOperator::Minus, inner) => match &inner.kind {
                ExprKind::Number(n) => Kind::Number(format!("-{n}").into()),
                _ => return self.unknown(expr, place),
            },
            _ => return self.unknown(expr, place),
        };
        Value::new(kind, place)
    }

    fn item(&self, item: &ObjectItem, depth: usize) -> Entry {
        let key = match &item.key.kind {
            ExprKind::Template(template) => match template.as_literal() {
                Some(text) => self.literal(&text, item.key.span),
                None => self.value(&item.key, depth).as_text().unwrap_or_default(),
            },
            ExprKind::Variable(name) => self.literal(name, item.key.span),
            _ => self.value(&item.key, depth).as_text().unwrap_or_default(),
        };
        Entry { key, value: self.value(&item.value, depth) }
    }

    fn template(&self, template: &Template, whole: &Expr, place: Option<Span>) -> Value {
        let mut text = Text::default();
        for part in &template.parts {
            match part {
                TemplatePart::Literal { text: literal, span } if span.len() == literal.len() && !literal.contains(BACKSLASH) => {
                    text.push(&self.written(*span));
                }
                TemplatePart::Literal { text: literal, span } => text.push(&self.literal(literal, *span)),
                TemplatePart::Interpolation(inner) => text.push(&self.hole(inner)),
                TemplatePart::If { .. } | TemplatePart::For { .. } => text.push(&self.hole(whole)),
            }
        }
        Value::new(Kind::Text(text), place)
    }

    fn hole(&self, expr: &Expr) -> Text {
        let written = self.written(expr.span);
        Text::hole(self.atom(expr, &flat(&written)), written.span())
    }

    fn atom(&self, expr: &Expr, shown: &str) -> Unknown {
        let place = self.place(expr.span);
        let name = shown.trim_matches('_');
        Unknown::new(
            format!("|environment {name}"),
            UnknownKind::Any,
            format!("${{{name}}}"),
            "it is filled in when the program starts",
            place,
        )
    }

    fn unknown(&self, expr: &Expr, place: Option<Span>) -> Value {
        let written = self.written(expr.span);
        let atom = written.atoms().next().cloned().unwrap_or_else(|| self.atom(expr, &flat(&written)));
        Value::unknown(atom, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        parse_data(&Text::literal(text, Span::new(FileId(0), 0..text.len())))
    }

    #[test]
    fn blocks_and_assignments_say_the_same() {
        for text in [
            "server {\n  trust_domain = \"a.example\"\n}\nplugins {\n  NodeAttestor \"k8s_psat\" {\n    plugin_data {\n      x = 1\n    }\n  }\n}",
            "server = {\n  trust_domain = \"a.example\"\n}\nplugins = {\n  NodeAttestor \"k8s_psat\" {\n    plugin_data = { x = 1 }\n  }\n}",
        ] {
            let value = read(text);
            let domain = value.at(&["server", "trust_domain"]).and_then(Value::as_str);
            if text.starts_with("server {") {
                assert_eq!(value.at(&["plugins", "NodeAttestor", "k8s_psat", "plugin_data", "x"]).map(|v| v.span.is_some()), Some(true));
            }
            assert_eq!(domain.as_deref(), Some("a.example"), "{text}");
        }
    }

    #[test]
    fn the_places_are_those_of_the_file() {
        let text = "a {\n  b = \"c\"\n}\n";
        let value = read(text);
        let b = value.at(&["a", "b"]).unwrap();
        assert_eq!(b.span.map(|s| &text[s.range()]), Some("\"c\""));
        assert_eq!(b.as_text().and_then(|t| t.span()).map(|s| &text[s.range()]), Some("c"));
    }

    #[test]
    fn what_the_environment_fills_in_is_unknown() {
        let value = read("a = \"x ${DSN} y\"\nb = $PORT\nd = ${HOST}\nc = \"p\\.q\"\n");
        let a = value.get("a").and_then(Value::as_text).unwrap();
        assert_eq!(a.to_string(), "x ${DSN} y");
        assert!(!a.is_known());
        assert!(matches!(value.get("b").map(|v| &v.kind), Some(Kind::Unknown(_))));
        assert_eq!(value.get("c").and_then(Value::as_str).as_deref(), Some("p\\.q"));
        assert!(!value.is_open());
    }

    #[test]
    fn what_is_not_read_leaves_the_map_open() {
        assert!(read("a = = b\n").is_open());
    }
}

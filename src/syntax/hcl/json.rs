//! Terraform's JSON syntax (<https://developer.hashicorp.com/terraform/language/syntax/json>): the same tree.

use super::ast::{Attribute, Block, Body, Expr, ExprKind as K, Label, ObjectItem, Template, TemplatePart};
use super::scan::{Parser, Result};
use crate::place::Span;
use std::sync::Arc;

/// Labels of the top-level blocks.
const LABELS: &[(&str, usize)] = &[
    ("resource", 2),
    ("data", 2),
    ("ephemeral", 2),
    ("module", 1),
    ("variable", 1),
    ("output", 1),
    ("provider", 1),
    ("locals", 0),
    ("terraform", 0),
    ("moved", 0),
    ("removed", 0),
    ("import", 0),
    ("check", 1),
];
/// Nested blocks that matter here. The JSON form does not tell a block from an argument, only the provider's schema does.
const NESTED: &[&str] = &[
    "statement",
    "principals",
    "not_principals",
    "condition",
    "oidc",
    "aws",
    "saml",
    "x509",
    "metadata",
    "subject",
    "binding",
    "workload_identity_config",
    "identity",
    "lifecycle",
    "dynamic",
    "content",
    "role_ref",
    "backend",
    "spec",
    "rule",
];

/// A whole file; `path` tells variables files from configuration.
pub(super) fn file(parser: &mut Parser<'_>, path: &str) -> Body {
    parser.newlines = false;
    let root = match value(parser) {
        Ok(root) => root,
        Err(problem) => {
            parser.problems.push(problem);
            return Body::default();
        }
    };
    let K::Object(items) = &root.kind else { return Body::default() };
    if path.ends_with(".tfvars.json") {
        return Body { attributes: items.iter().filter_map(attribute).collect(), blocks: Vec::new() };
    }
    let mut body = Body::default();
    for item in items {
        let Some(kind) = key_of(item) else { continue };
        if let Some((_, labels)) = LABELS.iter().find(|(name, _)| *name == kind) {
            blocks(&kind, *labels, Vec::new(), item.key.span, &item.value, &mut body.blocks);
        }
    }
    body
}

fn key_of(item: &ObjectItem) -> Option<String> {
    if let K::Template(t) = &item.key.kind { t.as_literal() } else { None }
}

fn attribute(item: &ObjectItem) -> Option<Attribute> {
    let name = key_of(item).filter(|k| k != "//")?;
    Some(Attribute { name: Arc::from(name), name_span: item.key.span, value: Arc::new(item.value.clone()) })
}

/// Objects under `labels` levels of names, each either one block or a list of blocks.
fn blocks(kind: &str, labels: usize, path: Vec<Label>, header: Span, value: &Expr, out: &mut Vec<Block>) {
    match &value.kind {
        K::Tuple(items) => items.iter().for_each(|v| blocks(kind, labels, path.clone(), header, v, out)),
        K::Object(items) if labels > 0 => {
            for item in items {
                let Some(name) = key_of(item) else { continue };
                let mut path = path.clone();
                path.push(Label { text: Arc::from(name), span: item.key.span });
                blocks(kind, labels - 1, path, item.key.span, &item.value, out);
            }
        }
        K::Object(items) => {
            let body = Arc::new(block_body(kind, items));
            out.push(Block { kind: Arc::from(kind), labels: path, body, header, span: value.span });
        }
        _ => {}
    }
}

fn block_body(kind: &str, items: &[ObjectItem]) -> Body {
    let mut body = Body::default();
    let all_attributes = matches!(kind, "locals" | "module" | "variable" | "output" | "metadata");
    for item in items {
        let Some(name) = key_of(item) else { continue };
        let nested = !all_attributes && NESTED.contains(&name.as_str()) && is_blocks(&item.value);
        if nested {
            let labels = usize::from(matches!(name.as_str(), "dynamic" | "backend"));
            blocks(&name, labels, Vec::new(), item.key.span, &item.value, &mut body.blocks);
        } else {
            body.attributes.extend(attribute(item));
        }
    }
    body
}

fn is_blocks(value: &Expr) -> bool {
    match &value.kind {
        K::Object(_) => true,
        K::Tuple(items) => items.iter().all(|i| matches!(i.kind, K::Object(_))),
        _ => false,
    }
}

fn value(p: &mut Parser<'_>) -> Result<Expr> {
    p.deeper(|p| {
        p.space();
        let start = p.at;
        let kind = match p.byte() {
            Some(b'"') => K::Template(string(p)?),
            Some(b'{') => K::Object(object(p)?),
            Some(b'[') => K::Tuple(array(p)?),
            Some(b't') if p.eat("true") => K::Bool(true),
            Some(b'f') if p.eat("false") => K::Bool(false),
            Some(b'n') if p.eat("null") => K::Null,
            Some(b'-' | b'0'..=b'9') => {
                let len = p.rest().bytes().take_while(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E')).count();
                let number = Arc::from(p.rest().get(..len).unwrap_or("0"));
                p.at += len;
                K::Number(number)
            }
            _ => return Err(p.problem("expected a json value")),
        };
        Ok(Expr { kind, span: p.span(start, p.at) })
    })
}

fn array(p: &mut Parser<'_>) -> Result<Vec<Expr>> {
    p.at += 1;
    let mut items = Vec::new();
    loop {
        p.space();
        if p.eat("]") {
            return Ok(items);
        }
        items.push(value(p)?);
        p.space();
        if !p.eat(",") {
            p.expect("]", "after the items")?;
            return Ok(items);
        }
    }
}

fn object(p: &mut Parser<'_>) -> Result<Vec<ObjectItem>> {
    p.at += 1;
    let mut items = Vec::new();
    loop {
        p.space();
        if p.eat("}") {
            break;
        }
        let key = value(p)?;
        p.space();
        p.expect(":", "after the key")?;
        items.push(ObjectItem { key, value: value(p)? });
        p.space();
        if !p.eat(",") {
            p.expect("}", "after the entries")?;
            break;
        }
    }
    p.note_duplicates(&items);
    Ok(items)
}

/// A JSON string, read as a template. Without escapes the spans stay exact; with them every piece has the string's.
fn string(p: &mut Parser<'_>) -> Result<Template> {
    let start = p.at;
    p.at += 1;
    let (mut out, mut escaped) = (String::new(), false);
    loop {
        match p.byte() {
            None => return Err(p.problem("the string is not closed")),
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                out.push(escape(p)?);
            }
            Some(_) => out.extend(p.bump()),
        }
    }
    let (inner, end) = (start + 1, p.at);
    p.at += 1;
    if !out.contains("${") && !out.contains("%{") && !escaped {
        let parts =
            if out.is_empty() { Vec::new() } else { vec![TemplatePart::Literal { text: Arc::from(out), span: p.span(inner, end) }] };
        return Ok(Template { parts });
    }
    let text = if escaped { out.as_str() } else { p.text.get(..end).unwrap_or("") };
    let mut sub = Parser::new(text, p.file_id());
    sub.depth = p.depth;
    if escaped {
        sub.fixed = Some(p.span(inner, end));
    } else {
        sub.at = inner;
    }
    sub.template_text()
}

fn escape(p: &mut Parser<'_>) -> Result<char> {
    p.at += 1;
    let c = match p.byte() {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(c @ (b'"' | b'\\' | b'/')) => c as char,
        Some(b'u') => {
            let hex = |at: usize| p.text.get(at..at + 4).and_then(|h| u32::from_str_radix(h, 16).ok());
            let Some(first) = hex(p.at + 1) else { return Err(p.problem("broken unicode escape")) };
            let mut len = 5;
            let mut code = first;
            if (0xd800..0xdc00).contains(&first)
                && let Some(second @ 0xdc00..0xe000) = hex(p.at + 7)
            {
                code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                len = 11;
            }
            p.at += len;
            return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
        }
        _ => return Err(p.problem("unknown escape in the string")),
    };
    p.at += 1;
    Ok(c)
}

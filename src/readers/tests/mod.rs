//! Readers against small trees. The helpers build what parsers and the evaluator would give, with places.

mod aws;
mod azure;
mod gcp;
mod hostile;
mod kubernetes;

use super::{Document, Input, read};
use crate::graph::Graph;
use crate::partial::{AttributeOf, Entry, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::{FileId, Span};
use crate::terraform::{Mode, Resource};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A new place for each value, so that places can be told apart.
fn fresh(length: usize) -> Span {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let start = NEXT.fetch_add(length + 1, Ordering::Relaxed) % 1_000_000;
    Span::new(FileId(0), start..start + length)
}

/// `${x.y}` in a string is an unknown with the key `root|x.y`; a string `${x}` alone is an unknown value.
pub(crate) fn text(written: &str) -> Text {
    let mut parts = Vec::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if !before.is_empty() {
            parts.extend(Text::literal(before, fresh(before.len())).parts);
        }
        parts.push(Part::Hole { atom: atom(name), span: Some(fresh(name.len())), trail: None });
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.extend(Text::literal(rest, fresh(rest.len())).parts);
    }
    Text { parts }
}

pub(crate) fn atom(name: &str) -> Unknown {
    let atom = Unknown::new(format!("root|{name}"), UnknownKind::Any, format!("${{{name}}}"), format!("`{name}` is not known"), None);
    let Some((address, _)) = name.rsplit_once('.') else { return atom };
    atom.coming_from(UnknownOrigin::Attribute(AttributeOf { address: address.to_owned(), ..AttributeOf::default() }.into()))
}

/// The tree of a JSON value.
pub(crate) fn value(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(b) => Kind::Bool(*b),
        serde_json::Value::Number(n) => Kind::Number(n.to_string().into()),
        serde_json::Value::String(s) => match text(s) {
            Text { parts } if matches!(parts.as_slice(), [Part::Hole { .. }]) => match parts.into_iter().next() {
                Some(Part::Hole { atom, .. }) => Kind::Unknown(atom),
                _ => Kind::Null,
            },
            text => Kind::Text(text),
        },
        serde_json::Value::Array(items) => Kind::List { items: items.iter().map(value).collect(), open: false },
        serde_json::Value::Object(map) => match map.get("$oneof") {
            Some(serde_json::Value::Array(all)) => Kind::OneOf(all.iter().map(value).collect()),
            _ => Kind::Map {
                entries: map.iter().map(|(k, v)| Entry { key: text(k), value: value(v) }).collect(),
                open: map.contains_key("$open"),
            },
        },
    };
    Value::new(kind, Some(fresh(10)))
}

/// Stands in for the JSON parser: holes survive as private-use characters.
pub(crate) fn embedded(text: &Text) -> Result<Value, String> {
    let mut atoms = Vec::new();
    let written = text.fill(|atom| {
        atoms.push(atom.clone());
        format!("${{{}}}", atom.key().trim_start_matches("root|"))
    });
    serde_json::from_str(&written).map(|json| value(&json)).map_err(|e| e.to_string())
}

/// A resource of the root `root`.
pub(crate) fn resource(address: &str, body: serde_json::Value) -> Resource {
    let plain = address.rsplit_once("module.").map_or(address, |(_, rest)| rest.split_once('.').map_or(rest, |(_, r)| r));
    let (mode, plain) = plain.strip_prefix("data.").map_or((Mode::Managed, plain), |rest| (Mode::Data, rest));
    let (kind, name) = plain.split_once('.').unwrap();
    Resource {
        mode,
        kind: kind.to_owned(),
        name: name.to_owned(),
        address: address.to_owned(),
        root: "root".to_owned(),
        body: value(&body),
        span: fresh(20),
        library: false,
        stands_in: false,
        conditional: false,
        by_command: false,
    }
}

/// The graph of these resources.
pub(crate) fn terraform(resources: &[Resource]) -> Graph {
    graph(resources, &[])
}

/// The graph of these documents.
pub(crate) fn documents(files: &[(&str, serde_json::Value)]) -> Graph {
    graph(&[], files)
}

/// The graph of both.
pub(crate) fn graph(resources: &[Resource], files: &[(&str, serde_json::Value)]) -> Graph {
    let values: Vec<(&str, Value)> = files.iter().map(|(file, json)| (*file, value(json))).collect();
    let documents: Vec<Document> =
        values.iter().map(|(file, value)| Document { file, value, templated: file.contains("/templates/") }).collect();
    let mut graph = Graph::default();
    read(&Input { resources, documents: &documents, embedded: &embedded, repository: None }, &mut graph);
    graph
}

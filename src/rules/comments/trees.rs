//! Suppressions that are data: JSON's `"//"` members and Kubernetes annotations. They cover the object they stand in.

use super::{ANNOTATION, Directive, MARK, Suppression, split_ids};
use crate::place::Span;
use crate::source::walk::FileKind;

use crate::partial::{Kind, Text, Value};
use crate::source::SourceFile;
use crate::syntax::{helm, json};
use std::ops::RangeInclusive;

/// Adds those of a JSON or YAML file.
pub(super) fn suppressions(file: &SourceFile, all: &mut Vec<Suppression>) {
    let parsed = match FileKind::of(&file.path) {
        Some(FileKind::Json | FileKind::TerraformJson | FileKind::TfvarsJson) => json::parse(file),
        Some(FileKind::Yaml) => helm::read(file, true, helm::ChartValues::default()).0,
        _ => return,
    };
    parsed.documents.iter().for_each(|document| visit(file, document, all));
}

// Recursion is bounded by the nesting limits of the parsers.
fn visit(file: &SourceFile, value: &Value, all: &mut Vec<Suppression>) {
    if let Kind::List { items, .. } | Kind::OneOf(items) = &value.kind {
        items.iter().for_each(|item| visit(file, item, all));
    }
    for entry in value.entries() {
        if entry.key.as_known().is_some_and(|k| k.starts_with("//")) {
            member(file, value, &entry.value, all);
        }
        visit(file, &entry.value, all);
    }
    if let Some(text) = value.at(&["metadata", "annotations", ANNOTATION]).and_then(Value::as_text) {
        annotation(file, value, &text, all);
    }
}

/// `"//": "fedlint: ignore[id] reason"`.
fn member(file: &SourceFile, object: &Value, note: &Value, all: &mut Vec<Suppression>) {
    let Some(directive) = note.as_str().and_then(|body| body.contains(MARK).then(|| Directive::read(body.trim())).flatten()) else {
        return;
    };
    if let Some(span) = note.span {
        all.push(directive.at(file, span.range(), lines(file, object.span.unwrap_or(span)), true));
    }
}

/// `id: reason`, several on lines or after `;`.
fn annotation(file: &SourceFile, object: &Value, text: &Text, all: &mut Vec<Suppression>) {
    let (Some(known), Some(span)) = (text.as_known(), text.span()) else { return };
    for one in known.split(['\n', ';']).map(str::trim).filter(|one| !one.is_empty()) {
        let (ids, reason) = one.split_once(':').unwrap_or((one, ""));
        let directive = Directive::new(split_ids(ids), reason);
        all.push(directive.at(file, span.range(), lines(file, object.span.unwrap_or(span)), true));
    }
}

fn lines(file: &SourceFile, span: Span) -> RangeInclusive<usize> {
    let range = span.range();
    file.position(range.start).line..=file.position(range.end).line
}

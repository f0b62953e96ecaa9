//! `replacements` (<https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/replacements/>).

use super::super::edit::{self, Change, Step};
use super::patch::Target;
use super::{Builder, Item};
use crate::partial::{Unknown, UnknownKind, Value};
use crate::readers::shape::{field, known_at, listing, place, text_at};

/// A value that is copied from one object into others.
pub(super) struct Replacement {
    rule: Value,
}

impl Builder<'_> {
    pub(super) fn replacements(&mut self, folder: &str, fields: &Value) -> Vec<Replacement> {
        let mut out = Vec::new();
        for entry in field(fields, "replacements").map(Value::items).unwrap_or_default() {
            match known_at(entry, "path") {
                Some(path) => {
                    let rules = self.fragment(folder, &path).unwrap_or_default();
                    out.extend(rules.into_iter().map(|rule| Replacement { rule }));
                }
                None => out.push(Replacement { rule: entry.clone() }),
            }
        }
        out
    }
}

impl Replacement {
    pub(super) fn apply(&self, items: &mut [Item]) {
        let value = self.source(items).unwrap_or_else(|| self.unknown());
        for target in field(&self.rule, "targets").map(Value::items).unwrap_or_default() {
            let select = target.get("select").map(Target::read);
            let rejected: Vec<Target> =
                field(target, "reject").map(Value::items).unwrap_or_default().into_iter().map(Target::read).collect();
            let options = field(target, "options");
            let creates = options.and_then(|o| o.get("create")).and_then(Value::as_bool) == Some(true);
            // A part of what is there is replaced: what comes out is not worked out.
            let partly = options.is_some_and(|o| o.get("delimiter").is_some());
            let new = if partly { self.unknown() } else { value.clone() };
            let paths = listing(target.get("fieldPaths")).texts;
            for item in items.iter_mut().filter(|i| select.as_ref().is_some_and(|t| t.means(i)) && !rejected.iter().any(|t| t.means(i))) {
                for path in &paths {
                    match path.as_known() {
                        Some(path) => {
                            edit::change(&mut item.value, &steps(&path), &Change::Put(&new, creates));
                        }
                        None => item.open = true,
                    }
                }
            }
        }
    }

    /// What is copied, when its object is here and it is taken whole.
    fn source(&self, items: &[Item]) -> Option<Value> {
        if let Some(value) = field(&self.rule, "sourceValue") {
            return Some(value.clone());
        }
        let source = field(&self.rule, "source")?;
        if source.at(&["options", "delimiter"]).is_some() {
            return None;
        }
        let target = Target::read(source);
        let path = known_at(source, "fieldPath").unwrap_or_else(|| "metadata.name".to_owned());
        let item = items.iter().find(|item| target.means(item))?;
        edit::find(&item.value, &steps(&path)).cloned()
    }

    fn unknown(&self) -> Value {
        let span = place(&self.rule);
        let at = span.map_or_else(String::new, |s| format!("{}:{}", s.file.0, s.start));
        let label = self.rule.get("source").and_then(|s| text_at(s, "fieldPath")).map_or_else(|| "…".to_owned(), |t| t.to_string());
        let atom =
            Unknown::new(format!("|replacement at {at}"), UnknownKind::Any, format!("${{{label}}}"), "a replacement fills it in", span);
        Value::unknown(atom, span)
    }
}

/// The steps of a field path: `spec.template.spec.containers.[name=main].env.0.value`.
fn steps(path: &str) -> Vec<Step> {
    let mut out = Vec::new();
    let mut part = String::new();
    let (mut inside, mut escaped) = (false, false);
    for c in path.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                part.push(c);
            }
            '\\' => escaped = true,
            '[' if part.is_empty() => inside = true,
            ']' if inside => {
                inside = false;
                out.push(bracket(&std::mem::take(&mut part)));
            }
            '.' if !inside => out.extend(plain(std::mem::take(&mut part))),
            c => part.push(c),
        }
    }
    out.extend(plain(part));
    out
}

fn plain(part: String) -> Option<Step> {
    match part.as_str() {
        "" => None,
        "*" => Some(Step::Each),
        _ => Some(Step::Name(part)),
    }
}

fn bracket(part: &str) -> Step {
    match part.split_once('=') {
        Some((key, value)) => Step::Where(key.to_owned(), value.to_owned()),
        None => Step::Name(part.to_owned()),
    }
}

//! What a chart's values say of a template: an action that is a plain reference (`{{ .Values.a.b }}`, `{{ toYaml .Values.a | nindent 4 }}`)
//! has the value of the files of values. What is computed, what the values leave empty and what stands in a branch that they switch
//! off stays unknown (<https://helm.sh/docs/chart_template_guide/values_files/>).

use super::mask::Action;
use crate::partial::{Entry, Kind, Part, Text, Value};
use crate::source::SourceFile;

/// How deep values nest.
const MAX_DEPTH: usize = 32;
/// Most plain references of a file that are looked up.
const MAX_REFERENCES: usize = 4_000;
/// Functions that write a value as it is.
const PLAIN: [&str; 7] = ["quote", "squote", "toString", "toYaml", "trim", "nindent", "indent"];

/// The values of a chart: `over` stands before `base`, a map is merged, and `null` takes a key away.
#[must_use]
pub fn merged(base: &Value, over: &Value) -> Value {
    merge(base, over, MAX_DEPTH)
}

fn merge(base: &Value, over: &Value, depth: usize) -> Value {
    let (Kind::Map { entries, open }, Kind::Map { entries: more, open: more_open }) = (&base.kind, &over.kind) else { return over.clone() };
    if depth == 0 {
        return over.clone();
    }
    let mut out: Vec<Entry> = Vec::new();
    for entry in entries {
        let Some(key) = entry.key.as_known() else { continue };
        match over.get(&key) {
            Some(value) if value.is_null() => {}
            Some(value) => out.push(Entry { key: entry.key.clone(), value: merge(&entry.value, value, depth - 1) }),
            None => out.push(entry.clone()),
        }
    }
    out.extend(more.iter().filter(|e| e.key.as_known().is_none_or(|key| base.get(&key).is_none())).cloned());
    Value::new(Kind::Map { entries: out, open: *open || *more_open }, over.span.or(base.span))
}

/// What an action refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reference {
    /// This path in the values.
    Path(Vec<String>),
    /// Nothing that is followed.
    Other,
}

/// The actions of a template, each with what it writes.
pub(super) struct Filling<'f> {
    file: &'f SourceFile,
    /// By the start of the action.
    references: Vec<(usize, Vec<String>)>,
    values: &'f Value,
    /// The actions that were filled in.
    pub(super) filled: Vec<(usize, String)>,
    /// How many nodes may still be put in.
    left: usize,
}

impl<'f> Filling<'f> {
    pub(super) fn new(file: &'f SourceFile, actions: &[Action], values: &'f Value, most: usize) -> Self {
        Self { file, references: references(&file.text, actions, values), values, filled: Vec::new(), left: most }
    }

    fn written(&mut self, at: usize) -> Option<Value> {
        let found = self.references.binary_search_by_key(&at, |(start, _)| *start).ok()?;
        let (_, path) = self.references.get(found)?;
        let value = lookup(self.values, path).filter(|value| says_something(value))?;
        self.left = self.left.checked_sub(nodes(value, self.left + 1))?;
        self.filled.push((at, format!("{:?}", value.span)));
        Some(value.clone())
    }

    fn start(&self, span: Option<crate::place::Span>) -> Option<usize> {
        span.filter(|s| s.file == self.file.id).map(|s| s.range().start)
    }

    /// Puts values in the place of unknowns. Recursion is bounded as the tree is.
    pub(super) fn fill(&mut self, value: &mut Value) {
        match &mut value.kind {
            Kind::Unknown(atom) => {
                let written = self.start(atom.span()).and_then(|at| self.written(at));
                if let Some(written) = written {
                    *value = written;
                }
            }
            Kind::Text(text) => self.text(text),
            Kind::List { items, .. } | Kind::OneOf(items) => items.iter_mut().for_each(|item| self.fill(item)),
            Kind::Map { entries, .. } => {
                for entry in entries {
                    self.text(&mut entry.key);
                    self.fill(&mut entry.value);
                }
            }
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
        }
    }

    fn text(&mut self, text: &mut Text) {
        let mut parts = Vec::new();
        for part in std::mem::take(&mut text.parts) {
            let at = if let Part::Hole { atom, .. } = &part { self.start(atom.span()) } else { None };
            match at.and_then(|at| self.written(at)).and_then(|value| value.as_text()) {
                Some(written) => parts.extend(written.parts),
                None => parts.push(part),
            }
        }
        text.parts = parts;
    }
}

/// How many nodes a value has; no more than `most` are counted.
#[must_use]
pub fn nodes(value: &Value, most: usize) -> usize {
    let mut count = 0;
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        count += 1;
        if count >= most {
            return most;
        }
        match &value.kind {
            Kind::List { items, .. } | Kind::OneOf(items) => left.extend(items),
            Kind::Map { entries, .. } => left.extend(entries.iter().map(|entry| &entry.value)),
            Kind::Text(_) | Kind::Unknown(_) | Kind::Null | Kind::Bool(_) | Kind::Number(_) => {}
        }
    }
    count
}

/// Values that a chart leaves empty are filled in by whoever installs it.
fn says_something(value: &Value) -> bool {
    match &value.kind {
        Kind::Null => false,
        Kind::Text(text) => !text.is_str(""),
        Kind::List { items, .. } => !items.is_empty(),
        Kind::Map { entries, .. } => !entries.is_empty(),
        Kind::Bool(_) | Kind::Number(_) => true,
        Kind::OneOf(_) | Kind::Unknown(_) => false,
    }
}

fn lookup<'v>(values: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(values, |value, key| value.get(key))
}

/// A block that an action opens.
struct Block {
    /// What `.` is in it.
    dot: Reference,
    /// What is in it is certainly not written.
    off: bool,
    /// What is around it is not.
    around: bool,
    /// The condition, where it is a plain reference.
    condition: Option<bool>,
}

/// The references of the actions that are written, by their places.
fn references(text: &str, actions: &[Action], values: &Value) -> Vec<(usize, Vec<String>)> {
    let mut out = Vec::new();
    let mut blocks: Vec<Block> = Vec::new();
    for action in actions {
        let Some(body) = text.get(action.range.clone()).and_then(|t| t.strip_prefix("{{")).and_then(|t| t.strip_suffix("}}")) else {
            continue;
        };
        let body = body.strip_prefix('-').unwrap_or(body);
        let body = body.strip_suffix('-').unwrap_or(body).trim();
        let (word, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
        let dot = blocks.last().map_or(Reference::Other, |b| b.dot.clone());
        let off = blocks.last().is_some_and(|b| b.off || b.around);
        match word {
            "if" | "with" | "range" | "define" | "block" => blocks.push(Block { around: off, ..opens(word, rest, dot, values) }),
            "end" => drop(blocks.pop()),
            "else" => {
                if let Some(block) = blocks.last_mut() {
                    // of `else if` only is known that the first was true
                    block.off = block.condition == Some(true);
                    block.dot = Reference::Other;
                }
            }
            _ => {
                if let (Reference::Path(path), false) = (reference(body, &dot), off || out.len() >= MAX_REFERENCES) {
                    out.push((action.range.start, path));
                }
            }
        }
    }
    out
}

fn opens(word: &str, rest: &str, dot: Reference, values: &Value) -> Block {
    let named = reference(rest, &dot);
    let truth = |path: &Vec<String>| lookup(values, path).map(is_true);
    let condition = match &named {
        Reference::Path(path) if word != "range" => truth(path),
        _ => None,
    };
    let dot = match word {
        "with" => named,
        "if" => dot,
        _ => Reference::Other,
    };
    // what a definition writes depends on who includes it
    let off = matches!(word, "define" | "block") || condition == Some(false);
    Block { dot, off, around: false, condition }
}

/// What Go's templates take for true.
fn is_true(value: &Value) -> bool {
    match &value.kind {
        Kind::Bool(truth) => *truth,
        Kind::Number(number) => number.parse() != Ok(0.0),
        _ => says_something(value),
    }
}

/// `.Values.a.b`, `toYaml .Values.a | nindent 4`, `.` in a `with`.
fn reference(body: &str, dot: &Reference) -> Reference {
    let mut stages = body.split('|').map(str::trim);
    let first = stages.next().unwrap_or_default();
    let plain = |stage: &str| stage.split_whitespace().next().is_some_and(|word| PLAIN.contains(&word));
    if !stages.all(plain) {
        return Reference::Other;
    }
    let words: Vec<&str> = first.split_whitespace().collect();
    let of = match words.as_slice() {
        [path] => path,
        ["toYaml" | "quote" | "squote" | "toString", path] => path,
        _ => return Reference::Other,
    };
    if *of == "." {
        return dot.clone();
    }
    let inside = match (of.strip_prefix(".Values.").or_else(|| of.strip_prefix("$.Values.")), dot) {
        (Some(path), _) => return path_of(&[], path),
        (None, Reference::Path(before)) => of.strip_prefix('.').map(|path| path_of(before, path)),
        (None, Reference::Other) => None,
    };
    inside.unwrap_or(Reference::Other)
}

fn path_of(before: &[String], path: &str) -> Reference {
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !path.split('.').all(word) {
        return Reference::Other;
    }
    Reference::Path(before.iter().cloned().chain(path.split('.').map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_references() {
        let dot = Reference::Path(vec!["account".to_owned()]);
        let path = |body: &str| match reference(body, &dot) {
            Reference::Path(path) => path.join("."),
            Reference::Other => String::new(),
        };
        for (body, expected) in [
            (".Values.account.name", "account.name"),
            ("$.Values.account.name | quote", "account.name"),
            ("toYaml .Values.account.annotations | nindent 4", "account.annotations"),
            (". | toYaml | nindent 4", "account"),
            ("toYaml .", "account"),
            (".name", "account.name"),
            (".Release.Namespace", "account.Release.Namespace"),
            (".Values.account.name | default \"x\"", ""),
            ("include \"kiln.name\" .", ""),
            ("printf \"%s\" .Values.account.name", ""),
            (".Values.account.name | trunc 63", ""),
        ] {
            assert_eq!(path(body), expected, "{body}");
        }
        assert_eq!(reference(".Release.Namespace", &Reference::Other), Reference::Other);
    }
}

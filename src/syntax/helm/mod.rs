//! YAML that a template engine fills in: Helm charts and other Go templates.
//!
//! Each `{{ … }}` is covered by filler of the same length, the rest is read as YAML, and what was covered becomes unknown:
//! a scalar keeps its literal neighbours, a map or list that an action may add to is open. Both branches of an `if` are
//! there; a key that both have is one of their values. See the
//! [actions of Go templates](https://pkg.go.dev/text/template#hdr-Actions).

mod fill;
mod mask;
#[cfg(test)]
mod tests;

use crate::place::Span;

use crate::partial::{Entry, Kind, MAX_ALTERNATIVES, Part, Text, Trail, Unknown, UnknownKind, Value};
use crate::source::SourceFile;
use crate::syntax::{Parsed, yaml};
use fill::Filling;
pub use fill::{merged, nodes};
use mask::Action;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// Most writing actions on lines of their own for which the map they add to is looked for; past it every map is open.
const MAX_ADDING: usize = 2_000;

/// The values that a chart may be installed with.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChartValues<'v> {
    /// Each set of them.
    pub sets: &'v [Value],
    /// Most nodes that all sets together put into one template; what would be more stays unknown. A line of a template can
    /// name the whole file of values.
    pub most: usize,
}

/// Whether the text holds an action.
#[must_use]
pub fn has_actions(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"{{").is_some_and(|at| text.get(at..).is_some_and(|rest| rest.contains("}}")))
}

/// Reads YAML that may be a template: in a chart's `templates` (`chart_template`) whatever has actions is one, elsewhere
/// what does not parse as it is and has actions. The second value says whether the file was read as a template.
#[must_use]
pub fn read(file: &SourceFile, chart_template: bool, values: ChartValues<'_>) -> (Parsed, bool) {
    if !has_actions(&file.text) {
        return (yaml::parse(file), false);
    }
    if chart_template {
        return (filled(file, values), true);
    }
    let raw = yaml::parse(file);
    if raw.problems.is_empty() {
        return (raw, false);
    }
    let masked = parse(file);
    if masked.problems.len() < raw.problems.len() { (masked, true) } else { (raw, false) }
}

/// Reads a template with each of several sets of values: a document for each that says something else of it.
fn filled(file: &SourceFile, values: ChartValues<'_>) -> Parsed {
    let (masked, actions) = mask::mask(&file.text);
    let mut parsed = unfolded(file, &masked, &actions);
    let most = values.most / values.sets.len().max(1);
    let mut fillings: Vec<Filling<'_>> = values.sets.iter().map(|values| Filling::new(file, &actions, values, most)).collect();
    let mut documents = Vec::new();
    for document in std::mem::take(&mut parsed.documents) {
        let mut seen: Vec<Vec<(usize, String)>> = Vec::new();
        for filling in &mut fillings {
            let mut copy = document.clone();
            filling.fill(&mut copy);
            let filled = std::mem::take(&mut filling.filled);
            if !seen.contains(&filled) {
                seen.push(filled);
                documents.push(copy);
            }
        }
        if fillings.is_empty() {
            documents.push(document);
        }
    }
    parsed.documents = documents;
    parsed
}

/// Reads a file as a template.
#[must_use]
pub fn parse(file: &SourceFile) -> Parsed {
    let (masked, actions) = mask::mask(&file.text);
    unfolded(file, &masked, &actions)
}

fn unfolded(file: &SourceFile, masked: &str, actions: &[Action]) -> Parsed {
    let mut parsed = yaml::parse_masked(file, masked);
    let unfold = Unfold { file, actions };
    let mut start = 0;
    for document in &mut parsed.documents {
        // What stands after a document up to the next separator may still add to it.
        let end = document.span.map_or(start, |s| unfold.document_end(s.range().end));
        unfold.value(document, start..end);
        unfold.open_adding(document, start..end);
        start = end;
    }
    parsed
}

struct Unfold<'a> {
    file: &'a SourceFile,
    actions: &'a [Action],
}

impl Unfold<'_> {
    fn document_end(&self, from: usize) -> usize {
        let rest = self.file.text.get(from..).unwrap_or_default();
        rest.find("\n---").map_or(self.file.text.len(), |i| from + i)
    }

    /// The actions that overlap `range`.
    fn over(&self, range: &Range<usize>) -> &[Action] {
        let first = self.actions.partition_point(|a| a.range.end <= range.start);
        let last = self.actions.partition_point(|a| a.range.start < range.end);
        self.actions.get(first..last).unwrap_or_default()
    }

    fn adding(&self, range: &Range<usize>) -> impl Iterator<Item = &Action> {
        self.over(range).iter().filter(|a| a.alone && a.writes)
    }

    fn atom(&self, action: &Action) -> Unknown {
        let label = self.file.text.get(action.range.clone()).unwrap_or_default().trim();
        let key = format!("{}#{}", self.file.path, action.range.start);
        Unknown::new(key, UnknownKind::Any, label, "a template fills it in", Some(self.span(action)))
    }

    fn span(&self, action: &Action) -> Span {
        Span::new(self.file.id, action.range.clone())
    }

    /// Replaces what was covered; `region` is all that can belong to the value. Recursion is bounded by [`yaml::MAX_DEPTH`].
    fn value(&self, value: &mut Value, region: Range<usize>) {
        match &mut value.kind {
            Kind::Text(text) => {
                self.text(text);
                let quoted = value.span.is_some_and(|s| self.is_quoted(s));
                if let ([Part::Hole { atom, .. }], false) = (text.parts.as_slice(), quoted) {
                    value.kind = Kind::Unknown(atom.clone());
                }
            }
            Kind::Null => {
                if let Some(action) = self.adding(&region).next() {
                    value.kind = Kind::Unknown(self.atom(action));
                    value.span = Some(self.span(action));
                }
            }
            Kind::List { items, .. } => {
                let starts: Vec<usize> = items.iter().map(|v| start_of(v.span)).collect();
                for (i, item) in items.iter_mut().enumerate() {
                    self.value(item, child_region(&starts, i, &region));
                }
            }
            Kind::Map { entries, .. } => {
                let starts: Vec<usize> = entries.iter().map(|e| start_of(e.key.span())).collect();
                for (i, entry) in entries.iter_mut().enumerate() {
                    self.text(&mut entry.key);
                    self.value(&mut entry.value, child_region(&starts, i, &region));
                }
                self.join_branches(entries);
            }
            Kind::Bool(_) | Kind::Number(_) | Kind::OneOf(_) | Kind::Unknown(_) => {}
        }
    }

    fn is_quoted(&self, span: Span) -> bool {
        let before = span.range().start.checked_sub(1).and_then(|i| self.file.text.as_bytes().get(i));
        matches!(before, Some(b'"' | b'\''))
    }

    /// Cuts the covered characters out of a text and puts holes in their place.
    fn text(&self, text: &mut Text) {
        if text.span().is_none_or(|s| self.over(&s.range()).is_empty()) {
            return;
        }
        let mut parts: Vec<Part> = Vec::new();
        for part in std::mem::take(&mut text.parts) {
            match part {
                Part::Literal { text, span: Some(span), trail } => self.cut(&text, span, &trail, &mut parts),
                other => parts.push(other),
            }
        }
        text.parts = parts;
    }

    fn cut(&self, text: &str, span: Span, trail: &Trail, parts: &mut Vec<Part>) {
        let base = span.range().start;
        let exact = span.len() == text.len();
        let mut at = 0;
        // A control action on a line of its own writes nothing: blanks stay in its place.
        for action in self.over(&span.range()).iter().filter(|a| !a.alone || a.writes) {
            let start = if exact { action.range.start.saturating_sub(base) } else { 0 };
            literal(text, span, trail, at..start, exact, parts);
            let hole = self.atom(action);
            // An action over several lines is one hole.
            if !matches!(parts.last(), Some(Part::Hole { atom, .. }) if *atom == hole) {
                parts.push(Part::Hole { atom: hole, span: Some(self.span(action)), trail: trail.clone() });
            }
            at = if exact { (action.range.end - base).min(text.len()) } else { text.len() };
        }
        literal(text, span, trail, at..text.len(), exact, parts);
    }

    /// A key that stands in several branches of an `if` has one of their values.
    fn join_branches(&self, entries: &mut Vec<Entry>) {
        let Some((first, last)) = entries.first().zip(entries.last()) else { return };
        let extent = start_of(first.key.span())..start_of(last.key.span());
        if !self.over(&extent).iter().any(|a| a.branches) {
            return;
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut joined: Vec<Entry> = Vec::new();
        for entry in std::mem::take(entries) {
            let known = entry.key.as_known();
            let before = known.as_ref().and_then(|k| seen.get(k)).and_then(|i| joined.get_mut(*i));
            match before {
                Some(other) if self.branch_between(&other.key, &entry.key) => alternative(&mut other.value, entry.value),
                _ => {
                    if let Some(key) = known {
                        seen.insert(key, joined.len());
                    }
                    joined.push(entry);
                }
            }
        }
        *entries = joined;
    }

    fn branch_between(&self, a: &Text, b: &Text) -> bool {
        self.over(&(start_of(a.span())..start_of(b.span()))).iter().any(|a| a.branches)
    }

    /// Opens the maps and lists that actions on lines of their own may add to.
    fn open_adding(&self, document: &mut Value, region: Range<usize>) {
        if self.adding(&region).count() > MAX_ADDING {
            open_all(document);
            return;
        }
        for action in self.adding(&region) {
            if !self.open_at(document, &region, action, false) {
                self.open_at(document, &region, action, true);
            }
        }
    }

    /// Opens what stands in the column of the action on the way down to it (`all`: everything on the way).
    fn open_at(&self, value: &mut Value, region: &Range<usize>, action: &Action, all: bool) -> bool {
        let column = self.column_of_children(value);
        let mut opened = false;
        let at = action.range.start;
        let inside = |range: &Range<usize>| range.start <= at && at < range.end;
        match &mut value.kind {
            Kind::List { items, open } => {
                let starts: Vec<usize> = items.iter().map(|v| start_of(v.span)).collect();
                // Behind the dash it belongs to the item whose other keys follow.
                let begins = self.file.text.get(mask::line_start(&self.file.text, at)..at).is_some_and(|t| t.trim() == "-");
                let child = (0..items.len()).find(|i| match starts.get(*i) {
                    Some(start) if begins => *start > at,
                    _ => inside(&child_region(&starts, *i, region)),
                });
                if let Some((i, item)) = child.and_then(|i| items.get_mut(i).map(|v| (i, v))) {
                    opened = self.open_at(item, &child_region(&starts, i, region), action, all);
                }
                if all || column == Some(action.column) {
                    *open = true;
                    opened = true;
                }
            }
            Kind::Map { entries, open } => {
                let starts: Vec<usize> = entries.iter().map(|e| start_of(e.key.span())).collect();
                let child = (0..entries.len()).find(|i| inside(&child_region(&starts, *i, region)));
                if let Some((i, entry)) = child.and_then(|i| entries.get_mut(i).map(|e| (i, e))) {
                    opened = self.open_at(&mut entry.value, &child_region(&starts, i, region), action, all);
                }
                if all || column == Some(action.column) {
                    *open = true;
                    opened = true;
                }
            }
            // `key:` followed by the action alone: already unknown.
            Kind::Unknown(atom) => opened = atom.span() == Some(self.span(action)),
            _ => {}
        }
        opened
    }

    /// The column that the keys of a block map or the dashes of a block list start in.
    fn column_of_children(&self, value: &Value) -> Option<usize> {
        let start = value.span?.range().start;
        let line = mask::line_start(&self.file.text, start);
        match &value.kind {
            Kind::List { .. } => {
                let before = self.file.text.get(line..start)?;
                before.rfind('-').or(Some(start - line).filter(|_| before.trim().is_empty()))
            }
            _ => Some(start - line),
        }
    }
}

fn start_of(span: Option<Span>) -> usize {
    span.map_or(0, |s| s.range().start)
}

/// From the start of a child to the start of the next one.
fn child_region(starts: &[usize], i: usize, region: &Range<usize>) -> Range<usize> {
    let start = starts.get(i).copied().unwrap_or(region.start);
    // A merged or aliased child stands elsewhere and owns nothing here.
    let end = starts.get(i + 1).copied().unwrap_or(region.end);
    start..end.max(start)
}

fn literal(text: &str, span: Span, trail: &Trail, range: Range<usize>, exact: bool, parts: &mut Vec<Part>) {
    if let Some(piece) = text.get(range.clone()).filter(|p| !p.is_empty()) {
        let span = if exact { span.slice(range) } else { span };
        parts.push(Part::Literal { text: Arc::from(piece), span: Some(span), trail: trail.clone() });
    }
}

fn alternative(value: &mut Value, other: Value) {
    if let Kind::OneOf(all) = &mut value.kind {
        if all.len() < MAX_ALTERNATIVES {
            all.push(other);
            return;
        }
        let span = value.span;
        let key = span.map_or_else(String::new, |s| format!("{}#{}", s.file.0, s.start));
        *value = Value::unknown(
            Unknown::new(format!("branches {key}"), UnknownKind::Any, "{{ if … }}", "too many branches of a template", span),
            span,
        );
    } else if !matches!(value.kind, Kind::Unknown(_)) {
        let first = std::mem::replace(value, Value::null());
        let span = first.span;
        *value = Value::new(Kind::OneOf(vec![first, other]), span);
    }
}

fn open_all(value: &mut Value) {
    match &mut value.kind {
        Kind::List { items, open } => {
            *open = true;
            items.iter_mut().for_each(open_all);
        }
        Kind::Map { entries, open } => {
            *open = true;
            entries.iter_mut().for_each(|e| open_all(&mut e.value));
        }
        Kind::OneOf(all) => all.iter_mut().for_each(open_all),
        _ => {}
    }
}

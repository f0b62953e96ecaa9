//! Small things that every part of the evaluator does with values.

use crate::partial::facts::Facts;
use crate::partial::{Entry, Hop, HopKind, Kind, MAX_ALTERNATIVES, Part, Text, Trail, Unknown, UnknownOrigin, Value};
use crate::place::Span;
use crate::syntax::hcl::Block;
use std::collections::HashMap;
use std::sync::Arc;

/// Most nodes of one value that get a hop; a larger value keeps the trails it has.
const MAX_HOP_NODES: usize = 20_000;

/// The value with one more step on its way.
pub(super) fn with_hop(mut value: Value, span: Span, kind: HopKind) -> Value {
    let mut budget = MAX_HOP_NODES;
    hop(&mut value, span, &Arc::new(kind), &mut budget);
    value
}

fn hop(value: &mut Value, span: Span, kind: &Arc<HopKind>, budget: &mut usize) {
    if *budget == 0 {
        return;
    }
    *budget -= 1;
    let step = |before: &Trail| -> Trail { Some(Arc::new(Hop { span, kind: Arc::clone(kind), before: before.clone() })) };
    value.trail = step(&value.trail);
    match &mut value.kind {
        Kind::Text(text) => text.parts.iter_mut().for_each(|part| match part {
            Part::Literal { trail, .. } | Part::Hole { trail, .. } => *trail = step(trail),
        }),
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter_mut().for_each(|v| hop(v, span, kind, budget)),
        Kind::Map { entries, .. } => entries.iter_mut().for_each(|e| hop(&mut e.value, span, kind, budget)),
        _ => {}
    }
}

/// The step of a value that `block` sets as its attribute.
pub(super) fn attribute_hop(block: &Block, address: impl Into<Arc<str>>, name: &str) -> HopKind {
    HopKind::Attribute { resource: resource_type(block), address: address.into(), name: name.into() }
}

/// The step of a document that the data source `block` writes.
pub(super) fn document_hop(block: &Block, address: impl Into<Arc<str>>) -> HopKind {
    HopKind::Document { resource: resource_type(block), address: address.into() }
}

fn resource_type(block: &Block) -> Arc<str> {
    block.labels.first().map_or_else(|| Arc::from(""), |l| Arc::from(&*l.text))
}

/// The value with everything that stands at `from` standing at `to`.
pub(super) fn placed(value: Value, from: Span, to: Span) -> Value {
    moved(value, from, to, true)
}

/// The same, and what is not known of it enters at `from` still.
pub(super) fn shown(value: Value, from: Span, to: Span) -> Value {
    moved(value, from, to, false)
}

fn moved(mut value: Value, from: Span, to: Span, entries: bool) -> Value {
    fn walk(value: &mut Value, from: Span, to: Span, moves: bool, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let place = |span: &mut Option<Span>| {
            if *span == Some(from) {
                *span = Some(to);
            }
        };
        let enters = |atom: &mut Unknown| {
            if moves && atom.span() == Some(from) {
                *atom = atom.moved(to);
            }
        };
        place(&mut value.span);
        match &mut value.kind {
            Kind::Text(text) => text.parts.iter_mut().for_each(|part| match part {
                Part::Literal { span, .. } => place(span),
                Part::Hole { atom, span, .. } => {
                    place(span);
                    enters(atom);
                }
            }),
            Kind::Unknown(atom) => enters(atom),
            Kind::List { items, .. } | Kind::OneOf(items) => items.iter_mut().for_each(|v| walk(v, from, to, moves, depth)),
            Kind::Map { entries, .. } => entries.iter_mut().for_each(|e| walk(&mut e.value, from, to, moves, depth)),
            _ => {}
        }
    }
    walk(&mut value, from, to, entries, super::MAX_VALUE_DEPTH);
    value
}

/// One of these values: flat, without repetitions; `fallback` when there are too many.
pub(super) fn one_of(values: Vec<Value>, fallback: impl FnOnce() -> Value) -> Value {
    let mut out: Vec<Value> = Vec::new();
    for value in values {
        let flat = if let Kind::OneOf(all) = value.kind { all } else { vec![value] };
        for v in flat {
            if !out.iter().any(|o| same(o, &v)) {
                out.push(v);
            }
        }
    }
    if out.len() > MAX_ALTERNATIVES || out.is_empty() {
        return fallback();
    }
    if out.len() == 1 { out.remove(0) } else { Value::new(Kind::OneOf(out), None) }
}

/// Equal as values, wherever they are written.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(x), Kind::Bool(y)) => x == y,
        (Kind::Number(x), Kind::Number(y)) => x == y,
        (Kind::Text(x), Kind::Text(y)) => x.same(y),
        (Kind::List { items: x, open: p }, Kind::List { items: y, open: q }) => p == q && all_same(x, y),
        (Kind::OneOf(x), Kind::OneOf(y)) => all_same(x, y),
        (Kind::Map { entries: x, open: p }, Kind::Map { entries: y, open: q }) => {
            p == q && x.len() == y.len() && x.iter().zip(y).all(|(m, n)| m.key.same(&n.key) && same(&m.value, &n.value))
        }
        (Kind::Unknown(x), Kind::Unknown(y)) => x == y,
        _ => false,
    }
}

/// [`same`] for values of two roots, whose unknowns are told apart by their identity inside of them.
pub(super) struct Alike<'a> {
    /// The root of the first value.
    pub(super) left: &'a str,
    /// The root of the second value.
    pub(super) right: &'a str,
}

impl Alike<'_> {
    pub(super) fn values(&self, a: &Value, b: &Value) -> bool {
        let all = |x: &[Value], y: &[Value]| x.len() == y.len() && x.iter().zip(y).all(|(a, b)| self.values(a, b));
        match (&a.kind, &b.kind) {
            (Kind::Text(x), Kind::Text(y)) => self.texts(x, y),
            (Kind::Unknown(x), Kind::Unknown(y)) => self.left_key(x) == self.right_key(y),
            (Kind::List { items: x, open: p }, Kind::List { items: y, open: q }) => p == q && all(x, y),
            (Kind::OneOf(x), Kind::OneOf(y)) => all(x, y),
            (Kind::Map { entries: x, open: p }, Kind::Map { entries: y, open: q }) => {
                let entries = || x.iter().zip(y).all(|(m, n)| self.texts(&m.key, &n.key) && self.values(&m.value, &n.value));
                p == q && x.len() == y.len() && entries()
            }
            _ => same(a, b),
        }
    }

    fn texts(&self, a: &Text, b: &Text) -> bool {
        // Between characters that no text holds.
        let marked = |key: String| format!("\0{key}\0");
        a.parts.len() == b.parts.len() && a.fill(|x| marked(self.left_key(x))) == b.fill(|y| marked(self.right_key(y)))
    }

    fn left_key(&self, atom: &Unknown) -> String {
        inside(self.left, atom)
    }

    fn right_key(&self, atom: &Unknown) -> String {
        inside(self.right, atom)
    }
}

/// The identity of an unknown whatever its root is called.
pub(super) fn inside(root: &str, atom: &Unknown) -> String {
    atom.key().replace(&format!("{root}|"), "|")
}

fn all_same(x: &[Value], y: &[Value]) -> bool {
    x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same(a, b))
}

/// Entries in the order that they came in, each key once.
#[derive(Default)]
pub(super) struct Entries {
    list: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl Entries {
    /// The entry with this key.
    pub(super) fn get(&mut self, key: &Text) -> Option<&mut Entry> {
        self.places.get(&identity(key)).and_then(|i| self.list.get_mut(*i))
    }

    /// Adds an entry; one with the same key gives way.
    pub(super) fn set(&mut self, entry: Entry) {
        match self.get(&entry.key) {
            Some(before) => *before = entry,
            None => {
                self.places.insert(identity(&entry.key), self.list.len());
                self.list.push(entry);
            }
        }
    }

    /// All of them.
    pub(super) fn into_list(self) -> Vec<Entry> {
        self.list
    }
}

/// Equal for texts of equal shape, however they are split into parts.
fn identity(text: &Text) -> String {
    let mut out = String::new();
    for part in &text.parts {
        match part {
            Part::Literal { text, .. } => out.push_str(text),
            Part::Hole { atom, .. } => out.extend(["\0", atom.key(), "\0"]),
        }
    }
    out
}

/// Every combination of the alternatives inside a value, up to a bound; none past it.
pub(super) fn combinations(value: &Value) -> Option<Vec<Value>> {
    let rebuild = |kind: Kind| Value { kind, span: value.span, trail: value.trail.clone() };
    match &value.kind {
        Kind::OneOf(all) => {
            let mut out = Vec::new();
            for v in all {
                out.extend(combinations(v)?);
            }
            (out.len() <= MAX_ALTERNATIVES).then_some(out)
        }
        Kind::List { items, open } => {
            let lists = product(items)?;
            Some(lists.into_iter().map(|items| rebuild(Kind::List { items, open: *open })).collect())
        }
        Kind::Map { entries, open } => {
            let values: Vec<Value> = entries.iter().map(|e| e.value.clone()).collect();
            let maps = product(&values)?;
            let entry = |(e, value): (&Entry, Value)| Entry { key: e.key.clone(), value };
            Some(
                maps.into_iter().map(|v| rebuild(Kind::Map { entries: entries.iter().zip(v).map(entry).collect(), open: *open })).collect(),
            )
        }
        _ => Some(vec![value.clone()]),
    }
}

pub(super) fn holds_alternatives(value: &Value, depth: usize) -> bool {
    match &value.kind {
        Kind::OneOf(_) => true,
        Kind::List { items, .. } => depth < super::MAX_DEPTH && items.iter().any(|v| holds_alternatives(v, depth + 1)),
        Kind::Map { entries, .. } => depth < super::MAX_DEPTH && entries.iter().any(|e| holds_alternatives(&e.value, depth + 1)),
        _ => false,
    }
}

/// A list with each combination of the lists that may stand in it; alternatives that are no lists stay where they are.
pub(super) fn lists(value: &Value) -> Option<Vec<Value>> {
    match &value.kind {
        Kind::OneOf(all) if all.iter().any(|v| matches!(v.kind, Kind::List { .. })) => {
            let mut out = Vec::new();
            for v in all {
                out.extend(lists(v)?);
            }
            (out.len() <= MAX_ALTERNATIVES).then_some(out)
        }
        Kind::List { items, open } => {
            let mut rows: Vec<Vec<Value>> = vec![Vec::with_capacity(items.len())];
            for item in items {
                let choices = lists(item)?;
                if rows.len().checked_mul(choices.len())? > MAX_ALTERNATIVES {
                    return None;
                }
                rows = match choices.as_slice() {
                    [only] => {
                        rows.iter_mut().for_each(|row| row.push(only.clone()));
                        rows
                    }
                    _ => rows.iter().flat_map(|row| choices.iter().map(|c| row.iter().cloned().chain([c.clone()]).collect())).collect(),
                };
            }
            let list = |items| Value { kind: Kind::List { items, open: *open }, span: value.span, trail: value.trail.clone() };
            Some(rows.into_iter().map(list).collect())
        }
        _ => Some(vec![value.clone()]),
    }
}

/// Every combination of the alternatives of several values, up to a bound.
pub(super) fn product(values: &[Value]) -> Option<Vec<Vec<Value>>> {
    let mut out: Vec<Vec<Value>> = vec![Vec::with_capacity(values.len())];
    for value in values {
        let choices = combinations(value)?;
        if let [only] = choices.as_slice() {
            out.iter_mut().for_each(|row| row.push(only.clone()));
            continue;
        }
        if out.len() * choices.len() > MAX_ALTERNATIVES {
            return None;
        }
        out = out.iter().flat_map(|row| choices.iter().map(|c| row.iter().cloned().chain([c.clone()]).collect())).collect();
    }
    Some(out)
}

/// An unknown inside another one: `${x}` and `name` give `${x.name}`.
pub(super) fn child(atom: &Unknown, step: &str) -> Unknown {
    let inner = atom.bare();
    let kind = crate::kinds::kind_of_attribute(step.trim_start_matches('.'));
    let own = atom.facts().items.as_deref().filter(|_| step.starts_with('[')).cloned();
    let kind = super::validation::narrowed(kind, own.as_ref());
    let facts = Facts { own, items: None };
    let origin = match atom.origin() {
        own @ UnknownOrigin::Attribute(_) => own.clone(),
        _ if step.starts_with('[') => UnknownOrigin::Element,
        own @ (UnknownOrigin::Variable | UnknownOrigin::Element) => own.clone(),
        _ => UnknownOrigin::Other,
    };
    Unknown::knowing(format!("{}{step}", atom.key()), kind, format!("${{{inner}{step}}}"), atom.why(), atom.span(), facts)
        .coming_from(origin)
}

/// A map entry with a known key.
pub(super) fn entry(key: &str, value: Value) -> Entry {
    Entry { key: Text::known(key), value }
}

/// So many bytes of text weigh as much as a node.
const BYTES_PER_NODE: usize = 64;

/// True when the value nests no deeper than `depth` and has no more nodes than are `left`. Long texts count as several.
pub(super) fn fits(value: &Value, depth: usize, left: &mut usize) -> bool {
    let own = match &value.kind {
        Kind::Text(text) => text.parts.iter().map(weight).sum(),
        _ => 1,
    };
    let Some(rest) = left.checked_sub(own).filter(|_| depth > 0) else { return false };
    *left = rest;
    match &value.kind {
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter().all(|v| fits(v, depth - 1, left)),
        Kind::Map { entries, .. } => entries.iter().all(|e| fits(&e.value, depth - 1, left)),
        _ => true,
    }
}

fn weight(part: &Part) -> usize {
    match part {
        Part::Literal { text, .. } => 1 + text.len() / BYTES_PER_NODE,
        Part::Hole { .. } => 1,
    }
}

/// Why a value is not known: the reason of its first unknown.
pub(super) fn cause(value: &Value) -> Option<String> {
    match &value.kind {
        Kind::Unknown(atom) => Some(atom.why().to_owned()),
        Kind::Text(text) => text.atoms().next().map(|a| a.why().to_owned()),
        Kind::OneOf(items) | Kind::List { items, .. } => items.iter().find_map(cause),
        Kind::Map { entries, .. } => {
            entries.iter().find_map(|e| e.key.atoms().next().map(|a| a.why().to_owned()).or_else(|| cause(&e.value)))
        }
        _ => None,
    }
}

/// What a value is called in a message.
pub(super) fn noun(value: &Value) -> &'static str {
    match value.kind {
        Kind::Null => "null",
        Kind::Bool(_) => "a bool",
        Kind::Number(_) => "a number",
        Kind::Text(_) => "a string",
        Kind::List { .. } => "a list",
        Kind::Map { .. } => "an object",
        Kind::OneOf(_) | Kind::Unknown(_) => "unknown",
    }
}

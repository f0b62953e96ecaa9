//! When two values are equal, and which entries of a map count.

use super::MAX_DEPTH;
use super::arguments::text_key;
use super::numbers::Num;
use crate::partial::{Entry, Kind, Part, Text, Unknown, Value};
use std::collections::HashMap;

/// Whether two values are equal: Terraform compares types too (`1 == "1"` is false).
pub(in crate::terraform) fn equal(a: &Value, b: &Value) -> Option<bool> {
    equal_at(a, b, 0)
}

fn equal_at(a: &Value, b: &Value, depth: usize) -> Option<bool> {
    if depth > MAX_DEPTH {
        return None;
    }
    match (&a.kind, &b.kind) {
        (Kind::Unknown(x), Kind::Unknown(y)) => (x == y).then_some(true),
        (Kind::Unknown(x), Kind::Text(t)) | (Kind::Text(t), Kind::Unknown(x)) => forbidden(x, t),
        (Kind::Unknown(_), _) | (_, Kind::Unknown(_)) => None,
        (Kind::OneOf(all), other) | (other, Kind::OneOf(all)) => {
            let other = Value::new(other.clone(), None);
            let results: Vec<Option<bool>> = all.iter().map(|v| equal_at(v, &other, depth + 1)).collect();
            let first = results.first().copied().flatten()?;
            results.iter().all(|r| *r == Some(first)).then_some(first)
        }
        (Kind::Null, Kind::Null) => Some(true),
        (Kind::Bool(x), Kind::Bool(y)) => Some(x == y),
        (Kind::Number(x), Kind::Number(y)) => Some(x == y || Num::parse(x).is_some_and(|n| Num::parse(y) == Some(n))),
        (Kind::Text(x), Kind::Text(y)) => equal_text(x, y),
        (Kind::List { items: x, open: p }, Kind::List { items: y, open: q }) => {
            if *p || *q {
                return None;
            }
            if x.len() != y.len() { Some(false) } else { every(x.iter().zip(y).map(|(m, n)| equal_at(m, n, depth + 1))) }
        }
        (Kind::Map { entries: x, open: p }, Kind::Map { entries: y, open: q }) => {
            let (x, y) = (effective(x), effective(y));
            if *p || *q || x.iter().chain(&y).any(|e| !e.key.is_known()) {
                return None;
            }
            if x.len() != y.len() || x.iter().zip(&y).any(|(m, n)| !m.key.same(&n.key)) {
                return Some(false);
            }
            every(x.iter().zip(&y).map(|(m, n)| equal_at(&m.value, &n.value, depth + 1)))
        }
        _ => Some(false),
    }
}

fn every(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for result in results {
        match result {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

/// An unknown is not a string that its validation forbids.
fn forbidden(atom: &Unknown, text: &Text) -> Option<bool> {
    text.as_known().filter(|known| !atom.allows(known)).map(|_| false)
}

/// Partly known strings differ for sure when their known ends do.
fn equal_text(x: &Text, y: &Text) -> Option<bool> {
    if let ([Part::Hole { atom, .. }], other) | (other, [Part::Hole { atom, .. }]) = (x.parts.as_slice(), y.parts.as_slice()) {
        let other = Text { parts: other.to_vec() };
        if let Some(outcome) = forbidden(atom, &other) {
            return Some(outcome);
        }
    }
    if let (Some(x), Some(y)) = (x.as_known(), y.as_known()) {
        return Some(x == y);
    }
    if x.same(y) {
        return Some(true);
    }
    let (p, q) = (x.known_prefix(), y.known_prefix());
    let (s, t) = (x.known_suffix(), y.known_suffix());
    // a known string must have room for what is known of the other
    let lacks = |known: &Text, prefix: &str, suffix: &str| known.as_known().is_some_and(|k| !k.starts_with(prefix) || !k.ends_with(suffix));
    if lacks(x, &q, &t) || lacks(y, &p, &s) {
        return Some(false);
    }
    let differs = !(p.starts_with(&q) || q.starts_with(&p)) || !(s.ends_with(&t) || t.ends_with(&s));
    differs.then_some(false)
}

/// The entries that count, sorted by key as Terraform keeps them; the last of equal keys wins. Entries whose key is
/// partly unknown stay, after the others.
pub(in crate::terraform) fn effective(entries: &[Entry]) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for entry in entries {
        let place = *places.entry(text_key(&entry.key)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(earlier) => *earlier = entry.clone(),
            None => kept.push(entry.clone()),
        }
    }
    kept.sort_by_key(|e| (!e.key.is_known(), e.key.as_known()));
    kept
}

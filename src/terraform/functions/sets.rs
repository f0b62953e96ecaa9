//! Set functions. A set is a sorted list without duplicates; where its items are not all known they keep their order.

use super::MAX_ITEMS;
use super::arguments::{Answer, Call, Stop, fail, key_of};
use super::equality::equal;
use super::numbers::Num;
use super::unify::{one_type, unified};
use crate::partial::{Kind, Value};
use std::cmp::Ordering;
use std::collections::HashSet;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "setunion" => setunion(c),
        "setintersection" => setintersection(c),
        "setsubtract" => setsubtract(c),
        "setproduct" => setproduct(c),
        "distinct" => c.list(0).and_then(|(items, open)| c.list_value(distinct(unified(items)), open)),
        "sort" => sort(c),
        _ => return None,
    })
}

/// The items sorted and without duplicates; items that are unknown or no scalars stay, after the others, in order.
pub(super) fn set_of(items: Vec<Value>) -> Vec<Value> {
    let mut items = distinct(items);
    items.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| order(a, b)));
    items
}

fn rank(value: &Value) -> u8 {
    match &value.kind {
        Kind::Bool(_) => 0,
        Kind::Number(_) => 1,
        Kind::Text(t) if t.is_known() => 2,
        _ => 3,
    }
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (&a.kind, &b.kind) {
        (Kind::Bool(x), Kind::Bool(y)) => x.cmp(y),
        (Kind::Number(x), Kind::Number(y)) => Num::parse(x).partial_cmp(&Num::parse(y)).unwrap_or(Ordering::Equal),
        (Kind::Text(x), Kind::Text(y)) if x.is_known() && y.is_known() => x.as_known().cmp(&y.as_known()),
        _ => Ordering::Equal,
    }
}

/// The items without those that are surely equal to an earlier one.
pub(super) fn distinct(items: Vec<Value>) -> Vec<Value> {
    let mut seen = HashSet::new();
    items.into_iter().filter(|v| seen.insert(key_of(v))).collect()
}

fn sort(c: &Call<'_>) -> Result<Value, Stop> {
    let (items, open) = c.list(0)?;
    let texts = items.iter().map(|v| c.as_text(v, 0).and_then(|t| c_text(c, v, t))).collect::<Result<Vec<_>, _>>()?;
    if open || texts.iter().any(|v| v.as_str().is_none()) {
        // Which comes first is not known, that they are there is.
        return c.list_value(texts, open);
    }
    let mut texts = texts;
    texts.sort_by_key(Value::as_str);
    c.list_value(texts, false)
}

fn c_text(c: &Call<'_>, value: &Value, text: crate::partial::Text) -> Result<Value, Stop> {
    let mut converted = c.text_value(text)?;
    converted.span = value.span;
    converted.trail.clone_from(&value.trail);
    Ok(converted)
}

fn setunion(c: &Call<'_>) -> Result<Value, Stop> {
    let (mut all, mut open) = (Vec::new(), false);
    for i in 0..c.args.len() {
        match c.list(i) {
            Ok((items, more)) => {
                all.extend(items);
                open |= more;
            }
            Err(Stop::Unknown) => open = true,
            Err(stop) => return Err(stop),
        }
    }
    let Some(all) = one_type(all) else {
        return fail("the sets given to `setunion` must have elements of the same type");
    };
    c.list_value(set_of(all), open)
}

/// Whether `item` is in the set, as far as it is known.
fn member(set: &(Vec<Value>, bool), item: &Value) -> Option<bool> {
    let mut sure = !set.1;
    for other in &set.0 {
        match equal(other, item) {
            Some(true) => return Some(true),
            None => sure = false,
            Some(false) => {}
        }
    }
    sure.then_some(false)
}

fn setintersection(c: &Call<'_>) -> Result<Value, Stop> {
    let sets = (0..c.args.len()).map(|i| c.list(i)).collect::<Result<Vec<_>, _>>()?;
    let Some((first, rest)) = sets.split_first() else { return Err(Stop::Unknown) };
    keep(c, first, |item| rest.iter().map(|s| member(s, item)).try_fold(true, |all, m| m.map(|m| all && m)))
}

fn setsubtract(c: &Call<'_>) -> Result<Value, Stop> {
    let (from, less) = (c.list(0)?, c.list(1)?);
    keep(c, &from, |item| member(&less, item).map(|m| !m))
}

/// The items that `wanted` keeps; one of which it is not known makes the whole unknown.
fn keep(c: &Call<'_>, set: &(Vec<Value>, bool), wanted: impl Fn(&Value) -> Option<bool>) -> Result<Value, Stop> {
    let mut kept = Vec::new();
    let mut open = set.1;
    for item in &set.0 {
        match wanted(item) {
            Some(true) => kept.push(item.clone()),
            Some(false) => {}
            None => open = true,
        }
    }
    if open && kept.is_empty() { Err(Stop::Unknown) } else { c.list_value(set_of(kept), open) }
}

/// Most parts of texts that a product copies.
const MAX_PARTS: usize = 20 * MAX_ITEMS;

/// What is copied of a value.
fn parts(value: &Value) -> usize {
    match &value.kind {
        Kind::Text(text) => text.parts.len(),
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter().map(parts).sum(),
        Kind::Map { entries, .. } => entries.iter().map(|e| parts(&e.value)).sum(),
        _ => 1,
    }
}

fn setproduct(c: &Call<'_>) -> Result<Value, Stop> {
    let (mut rows, mut open): (Vec<Vec<Value>>, bool) = (vec![Vec::new()], false);
    for i in 0..c.args.len() {
        let (items, more) = c.list(i)?;
        let items = unified(items);
        open |= more;
        // Each item is copied into each row, and each row for each item.
        let parts = |values: &[Value]| values.iter().map(parts).sum::<usize>();
        let copied = rows.len().saturating_mul(parts(&items));
        let again = items.len().saturating_mul(rows.iter().map(|row| parts(row)).sum());
        if rows.len().saturating_mul(items.len()) > MAX_ITEMS || copied.saturating_add(again) > MAX_PARTS {
            return Err(Stop::Unknown);
        }
        rows = rows.iter().flat_map(|row| items.iter().map(|item| row.iter().chain([item]).cloned().collect())).collect();
    }
    c.list_value(rows.into_iter().map(|row| Value::list(row, c.span)).collect(), open)
}

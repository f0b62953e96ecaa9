//! Lists and maps. <https://developer.hashicorp.com/terraform/language/functions>

use super::arguments::{Answer, Call, Stop, derived, fail, key_of, text_key};
use super::equality::{effective, equal};
use super::numbers::{Num, add};
use super::unify::{as_string, unified};
use super::{MAX_DEPTH, MAX_ITEMS, MAX_TEXT};
use crate::partial::{Entry, Kind, Text, Unknown, UnknownKind, Value};
use std::collections::HashSet;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "length" => length(c),
        "concat" => concat(c),
        "contains" => contains(c),
        "element" => element(c),
        "flatten" => flatten(c),
        "keys" => keys(c),
        "values" => values(c),
        "lookup" => lookup(c),
        "merge" => merge(c),
        "reverse" => reverse(c),
        "slice" => slice(c),
        "compact" => compact(c),
        "one" => one(c),
        "coalesce" => coalesce(c),
        "coalescelist" => coalescelist(c),
        "index" => index(c),
        "chunklist" => chunklist(c),
        "range" => range(c),
        "zipmap" => zipmap(c),
        "matchkeys" => matchkeys(c),
        "transpose" => transpose(c),
        "alltrue" => quantified(c, true),
        "anytrue" => quantified(c, false),
        _ => return None,
    })
}

fn length(c: &Call<'_>) -> Result<Value, Stop> {
    let n = match &c.arg(0)?.kind {
        Kind::Text(t) => t.as_known().ok_or(Stop::Unknown)?.chars().count(),
        Kind::List { items, open: false } => items.len(),
        Kind::Map { entries, open: false } => effective(entries).len(),
        Kind::List { .. } | Kind::Map { .. } | Kind::Unknown(_) | Kind::OneOf(_) => return Err(Stop::Unknown),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => return fail("argument of `length` must be a string, a list or a map"),
    };
    c.number_value(Num::Int(n as i128))
}

/// An argument that is unknown leaves the result open, the known items stay.
fn concat(c: &Call<'_>) -> Result<Value, Stop> {
    let (mut all, mut open, mut known) = (Vec::new(), false, false);
    for i in 0..c.args.len() {
        match c.list(i) {
            Ok((items, more)) => {
                known = true;
                all.extend(items);
                open |= more;
            }
            Err(Stop::Unknown) => open = true,
            Err(stop) => return Err(stop),
        }
    }
    if known && all.len() <= MAX_ITEMS { c.list_value(all, open) } else { Err(Stop::Unknown) }
}

fn contains(c: &Call<'_>) -> Result<Value, Stop> {
    let (items, open) = c.list(0)?;
    let wanted = c.arg(1)?;
    let mut sure = !open;
    for item in &items {
        match equal(item, wanted) {
            Some(true) => return c.bool_value(true),
            None => sure = false,
            Some(false) => {}
        }
    }
    if sure { c.bool_value(false) } else { Err(Stop::Unknown) }
}

/// The index wraps around in both directions, so that -1 is the last item
/// (<https://developer.hashicorp.com/terraform/language/functions/element>).
fn element(c: &Call<'_>) -> Result<Value, Stop> {
    let (items, open) = c.list(0)?;
    let i = c.integer(1)?;
    if items.is_empty() && !open {
        return fail("cannot use element function with an empty list");
    }
    if open {
        // Items that are not known may stand before this one: it, or another.
        let here = usize::try_from(i).ok().and_then(|i| items.get(i)).cloned().ok_or(Stop::Unknown)?;
        return one_of(c, vec![here, super::unknown(c.name, c.args, c.span, "an item of a list that is not wholly known")]);
    }
    let i = usize::try_from(i.rem_euclid(items.len() as i128)).map_err(|_| Stop::Unknown)?;
    items.get(i).cloned().ok_or(Stop::Unknown)
}

fn flatten(c: &Call<'_>) -> Result<Value, Stop> {
    fn walk(items: &[Value], depth: usize, out: &mut Vec<Value>, open: &mut bool) {
        for item in items {
            match &item.kind {
                Kind::List { items, open: more } if depth < MAX_DEPTH => {
                    *open |= more;
                    walk(items, depth + 1, out, open);
                }
                // An unknown item may be a list of any length, or itself an item.
                _ => out.push(item.clone()),
            }
        }
    }
    let (items, mut open) = c.list(0)?;
    let mut out = Vec::new();
    walk(&items, 0, &mut out, &mut open);
    if out.len() > MAX_ITEMS { Err(Stop::Unknown) } else { c.list_value(out, open) }
}

fn keys(c: &Call<'_>) -> Result<Value, Stop> {
    let (entries, open) = c.map(0)?;
    let items = effective(&entries).into_iter().map(|e| {
        let (span, trail) = (e.key.span(), e.key.trail());
        Value { kind: Kind::Text(e.key), span, trail }
    });
    c.list_value(items.collect(), open)
}

fn values(c: &Call<'_>) -> Result<Value, Stop> {
    let (entries, open) = c.map(0)?;
    c.list_value(effective(&entries).into_iter().map(|e| e.value).collect(), open)
}

fn lookup(c: &Call<'_>) -> Result<Value, Stop> {
    let (entries, open) = c.map(0)?;
    let key = c.text(1)?;
    if let Some(found) = entries.iter().rev().find(|e| e.key.same(&key)) {
        return Ok(found.value.clone());
    }
    if let Some(default) = c.args.get(2).filter(|_| !open) {
        if key.is_known() && entries.iter().all(|e| e.key.is_known()) {
            return Ok(default.clone());
        }
        // Which entry it is is not known: any of them, or the default.
        let mut choices: Vec<Value> = effective(&entries).into_iter().map(|e| e.value).collect();
        choices.push(default.clone());
        return one_of(c, choices);
    }
    if open || !key.is_known() || entries.iter().any(|e| !e.key.is_known()) {
        return Err(Stop::Unknown);
    }
    fail(format!("the given object has no attribute `{key}`"))
}

fn one_of(c: &Call<'_>, choices: Vec<Value>) -> Result<Value, Stop> {
    let mut choices = super::sets::distinct(choices);
    match choices.len() {
        1 => choices.pop().ok_or(Stop::Unknown),
        n if n <= crate::partial::MAX_ALTERNATIVES => Ok(Value::new(Kind::OneOf(choices), c.span)),
        _ => Err(Stop::Unknown),
    }
}

/// Shallow; the later argument wins; null arguments are skipped. An unknown argument may add or change any entry:
/// only what comes after it is sure.
fn merge(c: &Call<'_>) -> Result<Value, Stop> {
    let (mut out, mut open): (Vec<Entry>, bool) = (Vec::new(), false);
    for (i, arg) in c.args.iter().enumerate() {
        if arg.is_null() {
            continue;
        }
        match c.map(i) {
            Ok((entries, more)) => {
                let later: HashSet<String> = entries.iter().map(|e| text_key(&e.key)).collect();
                out.retain(|e| !later.contains(&text_key(&e.key)));
                if more {
                    out = doubtful(c, out, arg);
                }
                out.extend(entries);
                open |= more;
            }
            Err(Stop::Unknown) => {
                out = doubtful(c, out, arg);
                open = true;
            }
            Err(stop) => return Err(stop),
        }
    }
    if open && out.is_empty() { Err(Stop::Unknown) } else { c.map_value(out, open) }
}

/// Entries that a later unknown or open map may override: each is what it was, or what that map has under its key. What
/// the map holds for certain is put in their place afterwards.
fn doubtful(c: &Call<'_>, entries: Vec<Entry>, by: &Value) -> Vec<Entry> {
    let doubt = |e: Entry| {
        let other = match &by.kind {
            Kind::Unknown(atom) => Value::unknown(derived("lookup", atom, &[&e.key.to_string()], UnknownKind::Any), by.span),
            _ => open_entry(c, by, &e.key),
        };
        let place = e.value.span;
        Entry { key: e.key, value: Value::new(Kind::OneOf(vec![e.value, other]), place) }
    };
    entries.into_iter().map(doubt).collect()
}

/// What an open map may have under a key. Two open maps with the same known entries are not the same: the place tells
/// them apart.
fn open_entry(c: &Call<'_>, map: &Value, key: &Text) -> Value {
    let place = map.span.or(c.span).map(|s| format!("@{}:{}", s.file.0, s.start)).unwrap_or_default();
    let identity = format!("lookup({},{}){place}", key_of(map), text_key(key));
    let why = "an entry of a map that is not wholly known";
    Value::unknown(Unknown::new(identity, UnknownKind::Any, format!("${{lookup({{…}}, \"{key}\")}}"), why, map.span), map.span)
}

fn reverse(c: &Call<'_>) -> Result<Value, Stop> {
    let (mut items, open) = c.list(0)?;
    items.reverse();
    c.list_value(items, open)
}

fn slice(c: &Call<'_>) -> Result<Value, Stop> {
    let (items, open) = c.list(0)?;
    let (from, to) = (c.integer(1)?, c.integer(2)?);
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok()).filter(|(a, b)| a <= b);
    match range.and_then(|(a, b)| items.get(a..b)) {
        _ if open => Err(Stop::Unknown),
        Some(part) => c.list_value(part.to_vec(), false),
        None => fail("the indexes of `slice` are out of range"),
    }
}

fn compact(c: &Call<'_>) -> Result<Value, Stop> {
    let (items, open) = c.list(0)?;
    if items.iter().any(|v| matches!(v.kind, Kind::List { .. } | Kind::Map { .. })) {
        return fail("argument 1 of `compact`: a list of strings is required");
    }
    let keep = |v: &&Value| !v.is_null() && v.as_str().as_deref() != Some("");
    c.list_value(items.iter().filter(keep).cloned().map(as_string).collect(), open)
}

fn one(c: &Call<'_>) -> Result<Value, Stop> {
    let (items, open) = match &c.arg(0)?.kind {
        Kind::List { .. } => c.list(0)?,
        Kind::Null => return fail("the argument of `one` must not be null"),
        _ => return Err(Stop::Unknown),
    };
    match (items.as_slice(), open) {
        ([], false) => Ok(Value::new(Kind::Null, c.span)),
        // There may be more, but then Terraform refuses the configuration.
        ([only], _) => Ok(only.clone()),
        ([], true) => Err(Stop::Unknown),
        _ => fail("the argument of `one` must be a list, set, or tuple value with either zero or one elements"),
    }
}

/// Skips null and empty strings. An unknown may be either, so the later ones stay possible.
fn coalesce(c: &Call<'_>) -> Result<Value, Stop> {
    let mut possible: Vec<Value> = Vec::new();
    for value in unified(c.args.to_vec()) {
        match &value.kind {
            Kind::Null => {}
            Kind::Text(t) if t.as_known().as_deref() == Some("") => {}
            Kind::Unknown(_) => possible.push(value),
            Kind::Text(t) if t.parts.iter().all(|p| matches!(p, crate::partial::Part::Hole { .. })) => possible.push(value),
            _ => {
                possible.push(value);
                return one_of(c, possible);
            }
        }
    }
    if possible.is_empty() { fail("no non-null, non-empty-string arguments") } else { one_of(c, possible) }
}

fn coalescelist(c: &Call<'_>) -> Result<Value, Stop> {
    let mut possible: Vec<Value> = Vec::new();
    for value in c.args {
        match &value.kind {
            Kind::Null => {}
            Kind::List { items, open: false } if items.is_empty() => {}
            Kind::Map { entries, open: false } if entries.is_empty() => {}
            Kind::List { items, .. } if !items.is_empty() => {
                possible.push(value.clone());
                return one_of(c, possible);
            }
            Kind::List { .. } | Kind::Map { .. } | Kind::Unknown(_) | Kind::OneOf(_) => possible.push(value.clone()),
            _ => return fail("`coalescelist` takes lists only"),
        }
    }
    if possible.is_empty() { fail("no non-null, non-empty arguments") } else { one_of(c, possible) }
}

fn index(c: &Call<'_>) -> Result<Value, Stop> {
    let items = c.closed_list(0)?;
    let wanted = c.arg(1)?;
    for (i, item) in items.iter().enumerate() {
        match equal(item, wanted) {
            Some(true) => return c.number_value(Num::Int(i as i128)),
            Some(false) => {}
            None => return Err(Stop::Unknown),
        }
    }
    fail("item not found")
}

fn chunklist(c: &Call<'_>) -> Result<Value, Stop> {
    let items = unified(c.closed_list(0)?);
    let Ok(size) = usize::try_from(c.integer(1)?) else { return fail("the size argument must be positive") };
    let size = if size == 0 { items.len().max(1) } else { size };
    c.list_value(items.chunks(size).map(|part| Value::list(part.to_vec(), c.span)).collect(), false)
}

fn range(c: &Call<'_>) -> Result<Value, Stop> {
    let numbers = (0..c.args.len()).map(|i| c.number(i)).collect::<Result<Vec<_>, _>>()?;
    let zero = Num::Int(0);
    let (start, limit) = match numbers.as_slice() {
        [limit] => (zero, *limit),
        [start, limit, ..] => (*start, *limit),
        [] => return Err(Stop::Unknown),
    };
    let down = limit < start;
    let step = numbers.get(2).copied().unwrap_or(Num::Int(if down { -1 } else { 1 }));
    if step == zero {
        return fail("the step must not be zero");
    }
    if (down && step > zero) || (!down && step < zero) {
        return fail("the step leads away from the limit");
    }
    let (mut items, mut at) = (Vec::new(), start);
    while if down { at > limit } else { at < limit } {
        if items.len() >= 1024 {
            return fail("more than 1024 values were generated");
        }
        items.push(c.number_value(at)?);
        at = add(at, step).ok_or(Stop::Unknown)?;
    }
    c.list_value(items, false)
}

fn zipmap(c: &Call<'_>) -> Result<Value, Stop> {
    let (keys, values) = (c.closed_list(0)?, c.closed_list(1)?);
    if keys.len() != values.len() {
        return fail(format!("number of keys ({}) does not match number of values ({})", keys.len(), values.len()));
    }
    let entry = |(k, value): (&Value, Value)| Ok(Entry { key: c.as_text(k, 0)?, value });
    let entries = keys.iter().zip(values).map(entry).collect::<Result<Vec<_>, Stop>>()?;
    c.map_value(effective(&entries), false)
}

fn matchkeys(c: &Call<'_>) -> Result<Value, Stop> {
    let (values, keys, wanted) = (c.closed_list(0)?, c.closed_list(1)?, c.closed_list(2)?);
    if values.len() != keys.len() {
        return fail("length of keys and values should be equal");
    }
    let mut kept = Vec::new();
    for (value, key) in values.into_iter().zip(&keys) {
        let answers: Vec<Option<bool>> = wanted.iter().map(|w| equal(key, w)).collect();
        if answers.contains(&Some(true)) {
            kept.push(value);
        } else if answers.contains(&None) {
            return Err(Stop::Unknown);
        }
    }
    c.list_value(kept, false)
}

fn transpose(c: &Call<'_>) -> Result<Value, Stop> {
    let (entries, open) = c.map(0)?;
    if open {
        return Err(Stop::Unknown);
    }
    let mut out: Vec<(Text, Vec<Value>)> = Vec::new();
    for entry in effective(&entries) {
        let Kind::List { items, open: false } = &entry.value.kind else { return Err(Stop::Unknown) };
        for item in items {
            let (key, name) = (c.as_text(item, 0)?, Value::new(Kind::Text(entry.key.clone()), entry.key.span()));
            match out.iter_mut().find(|(k, _)| k.same(&key)) {
                Some((_, names)) => names.push(name),
                None => out.push((key, vec![name])),
            }
            if out.len() > MAX_ITEMS || out.len() > MAX_TEXT {
                return Err(Stop::Unknown);
            }
        }
    }
    let entries: Vec<Entry> = out.into_iter().map(|(key, names)| Entry { key, value: Value::list(names, c.span) }).collect();
    c.map_value(effective(&entries), false)
}

/// `alltrue` and `anytrue`: one item that decides is enough, even beside unknowns. Null counts as false.
fn quantified(c: &Call<'_>, all: bool) -> Result<Value, Stop> {
    let (items, open) = c.list(0)?;
    let mut sure = !open;
    for item in &items {
        match item.as_bool() {
            Some(b) if b != all => return c.bool_value(!all),
            Some(_) => {}
            None if item.is_null() && all => return c.bool_value(false),
            None if item.is_null() => {}
            None => sure = false,
        }
    }
    if sure { c.bool_value(all) } else { Err(Stop::Unknown) }
}

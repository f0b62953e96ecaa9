//! Changes to a tree: JSON patches (<https://www.rfc-editor.org/rfc/rfc6902>) and strategic merge patches
//! (<https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>).

use crate::partial::{Entry, Kind, Text, Value};

/// How deep patches are merged.
const MAX_DEPTH: usize = 64;

/// One step of a path into a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The entry of a map, or the item of a list by its number.
    Name(String),
    /// Every item of a list.
    Each,
    /// The items of a list whose entry has this value: `[name=main]`.
    Where(String, String),
}

/// What happens at the end of a path.
pub(super) enum Change<'a> {
    /// The value is put there; `true` makes what is missing on the way.
    Put(&'a Value, bool),
    /// A new item of a list before the one at the path, or at its end (`-`); an entry of a map.
    Add(&'a Value),
    /// What is there goes away.
    Remove,
}

/// Applies a change at a path; false when the path leads nowhere.
pub(super) fn change(value: &mut Value, path: &[Step], what: &Change) -> bool {
    let Some((step, rest)) = path.split_first() else {
        return match what {
            Change::Put(new, _) | Change::Add(new) => {
                *value = (*new).clone();
                true
            }
            Change::Remove => false,
        };
    };
    let creates = matches!(what, Change::Put(_, true));
    if value.is_null() && creates {
        value.kind = Kind::Map { entries: Vec::new(), open: false };
    }
    match (&mut value.kind, step) {
        (Kind::Map { entries, .. }, Step::Name(name)) => in_map(entries, name, rest, what, creates),
        (Kind::List { items, .. }, Step::Name(name)) => in_list(items, name, rest, what),
        (Kind::List { items, .. }, step) => {
            let mut done = false;
            for item in items.iter_mut().filter(|item| meets(item, step)) {
                done |= change(item, rest, what);
            }
            done
        }
        _ => false,
    }
}

fn meets(item: &Value, step: &Step) -> bool {
    match step {
        Step::Where(key, wanted) => item.get(key).and_then(Value::as_text).is_some_and(|t| t.is_str(wanted)),
        Step::Each => true,
        Step::Name(_) => false,
    }
}

fn in_map(entries: &mut Vec<Entry>, name: &str, rest: &[Step], what: &Change, creates: bool) -> bool {
    if rest.is_empty() {
        let before = entries.len();
        return match what {
            Change::Remove => {
                entries.retain(|e| !e.key.is_str(name));
                entries.len() < before
            }
            Change::Put(new, _) | Change::Add(new) => {
                put(entries, name, (*new).clone());
                true
            }
        };
    }
    if creates && !entries.iter().any(|e| e.key.is_str(name)) {
        put(entries, name, Value::map(Vec::new(), None));
    }
    let next = entries.iter_mut().rev().find(|e| e.key.is_str(name));
    next.is_some_and(|entry| change(&mut entry.value, rest, what))
}

/// Sets an entry of a map; one that is there keeps its place in the order.
pub(super) fn put(entries: &mut Vec<Entry>, name: &str, value: Value) {
    match entries.iter_mut().rev().find(|e| e.key.is_str(name)) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry { key: value.span.map_or_else(|| Text::known(name), |span| Text::literal(name, span)), value }),
    }
}

fn in_list(items: &mut Vec<Value>, name: &str, rest: &[Step], what: &Change) -> bool {
    if rest.is_empty() && name == "-" {
        if let Change::Add(new) = what {
            items.push((*new).clone());
            return true;
        }
        return false;
    }
    let Some(at) = name.parse::<usize>().ok().filter(|at| *at <= items.len()) else { return false };
    if !rest.is_empty() {
        return items.get_mut(at).is_some_and(|item| change(item, rest, what));
    }
    match what {
        Change::Add(new) => {
            items.insert(at, (*new).clone());
            true
        }
        Change::Put(new, _) => items.get_mut(at).map(|item| *item = (*new).clone()).is_some(),
        Change::Remove if at < items.len() => {
            items.remove(at);
            true
        }
        Change::Remove => false,
    }
}

/// The steps of a JSON pointer: `/metadata/annotations/iam.gke.io~1gcp-service-account`.
pub(super) fn pointer(path: &str) -> Vec<Step> {
    let unescape = |part: &str| Step::Name(part.replace("~1", "/").replace("~0", "~"));
    path.split('/').skip(1).map(unescape).collect()
}

/// Applies the operations of a JSON patch in order; false when one of them cannot be applied or read.
pub(super) fn json_patch(value: &mut Value, operations: &Value) -> bool {
    let mut done = true;
    for operation in operations.items() {
        done &= operate(value, operation).unwrap_or(false);
    }
    done
}

fn operate(value: &mut Value, operation: &Value) -> Option<bool> {
    let known = |key: &str| operation.get(key).and_then(Value::as_str);
    let path = pointer(&known("path")?);
    let new = operation.get("value");
    Some(match known("op")?.as_str() {
        "add" => change(value, &path, &Change::Add(new?)),
        "replace" => change(value, &path, &Change::Put(new?, false)),
        "remove" => change(value, &path, &Change::Remove),
        "test" => true,
        "copy" | "move" => {
            let from = pointer(&known("from")?);
            let source = find(value, &from)?.clone();
            if known("op").as_deref() == Some("move") {
                change(value, &from, &Change::Remove);
            }
            change(value, &path, &Change::Add(&source))
        }
        _ => false,
    })
}

/// The first value at a path.
pub(super) fn find<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    let Some((step, rest)) = path.split_first() else { return Some(value) };
    match (&value.kind, step) {
        (Kind::Map { .. }, Step::Name(name)) => find(value.get(name)?, rest),
        (Kind::List { items, .. }, Step::Name(name)) => find(items.get(name.parse::<usize>().ok()?)?, rest),
        (Kind::List { items, .. }, step) => items.iter().filter(|item| meets(item, step)).find_map(|item| find(item, rest)),
        _ => None,
    }
}

/// Merges a strategic patch into an object; false when the patch deletes the object.
pub(super) fn strategic(value: &mut Value, patch: &Value) -> bool {
    if directive(patch).as_deref() == Some("delete") {
        return false;
    }
    merge(value, patch, MAX_DEPTH);
    true
}

fn directive(patch: &Value) -> Option<String> {
    patch.get("$patch").and_then(Value::as_str)
}

fn merge(value: &mut Value, patch: &Value, depth: usize) {
    let (Kind::Map { entries, open }, Kind::Map { entries: changes, open: more }, true) = (&mut value.kind, &patch.kind, depth > 0) else {
        *value = patch.clone();
        return;
    };
    if directive(patch).as_deref() == Some("replace") {
        *value = patch.clone();
        return;
    }
    *open |= more;
    for change in changes.iter().filter(|c| !c.key.is_str("$patch")) {
        let Some(key) = change.key.as_known() else {
            *open = true;
            continue;
        };
        if change.value.is_null() || directive(&change.value).as_deref() == Some("delete") {
            entries.retain(|e| !e.key.is_str(&key));
            continue;
        }
        let Some(entry) = entries.iter_mut().rev().find(|e| e.key.is_str(&key)) else {
            entries.push(change.clone());
            continue;
        };
        match (&mut entry.value.kind, &change.value.kind, merge_key(&key)) {
            (Kind::List { items, open }, Kind::List { items: changes, open: more }, Some(name)) => {
                *open |= more;
                merge_items(items, changes, name, depth - 1);
            }
            _ => merge(&mut entry.value, &change.value, depth - 1),
        }
    }
}

/// What tells the items of a list apart (`patchMergeKey` of the API); other lists are replaced.
fn merge_key(list: &str) -> Option<&'static str> {
    match list {
        "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "ports" => Some("containerPort"),
        _ => None,
    }
}

fn merge_items(items: &mut Vec<Value>, changes: &[Value], key: &str, depth: usize) {
    for change in changes {
        let name = change.get(key).and_then(Value::as_text);
        let same = |item: &Value| match (item.get(key).and_then(Value::as_text), &name) {
            (Some(own), Some(name)) => own.same(name),
            _ => false,
        };
        if directive(change).as_deref() == Some("delete") {
            items.retain(|item| !same(item));
            continue;
        }
        match items.iter_mut().find(|item| same(item)) {
            Some(item) => merge(item, change, depth),
            None => items.push(change.clone()),
        }
    }
}

//! `patches`, `patchesStrategicMerge` and `patchesJson6902`
//! (<https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/patches/>).

use super::super::edit;
use super::{Builder, Item};
use crate::partial::{Kind, Text, Value};
use crate::readers::shape::{field, known_at, listing, text_at};
use crate::terraform::functions::yaml_documents;
use regex::Regex;

/// A patch with what it is for.
pub(super) struct Patch {
    target: Option<Target>,
    /// Fragments of objects, or the operations of a JSON patch; none when the patch cannot be read.
    content: Option<Vec<Value>>,
}

/// Which objects are meant. A part that is not written fits all.
pub(super) struct Target {
    kind: Option<String>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Option<String>,
    /// Something in it cannot be read.
    unclear: bool,
}

impl Builder<'_> {
    /// The patches of a kustomization in the order in which they are applied.
    pub(super) fn patches(&mut self, folder: &str, fields: &Value) -> Vec<Patch> {
        let mut out = Vec::new();
        for entry in listing(fields.get("patchesStrategicMerge")).texts {
            let content = self.content(folder, Some(&entry), None);
            out.push(Patch { target: None, content });
        }
        for key in ["patches", "patchesJson6902"] {
            for entry in field(fields, key).map(Value::items).unwrap_or_default() {
                let content = self.content(folder, text_at(entry, "path").as_ref(), field(entry, "patch"));
                out.push(Patch { target: field(entry, "target").map(Target::read), content });
            }
        }
        out
    }

    /// A patch by its path or as it stands there.
    fn content(&mut self, folder: &str, path: Option<&Text>, inline: Option<&Value>) -> Option<Vec<Value>> {
        if let Some(inline) = inline {
            return match &inline.kind {
                Kind::Text(text) => yaml_documents(text),
                Kind::Map { .. } | Kind::List { .. } => Some(vec![inline.clone()]),
                _ => None,
            };
        }
        let path = path?;
        let known = path.as_known()?;
        if known.contains('\n') {
            return yaml_documents(path);
        }
        // A file without a word of identity was not read: it cannot say anything about them.
        Some(self.fragment(folder, &known).unwrap_or_default())
    }
}

impl Patch {
    pub(super) fn apply(&self, items: &mut Vec<Item>) {
        let Some(content) = &self.content else {
            for item in items.iter_mut().filter(|item| self.target.as_ref().is_none_or(|t| t.may_mean(item))) {
                item.open = true;
            }
            return;
        };
        // The list of a JSON patch was taken apart when its file was read.
        let operations = content.iter().all(|v| v.get("op").is_some());
        for fragment in content {
            let list = matches!(fragment.kind, Kind::List { .. });
            items.retain_mut(|item| match &self.target {
                Some(target) if !target.means(item) => {
                    item.open |= target.unclear && target.may_mean(item);
                    true
                }
                Some(_) if list || operations => {
                    item.open |= !edit::json_patch(&mut item.value, fragment);
                    true
                }
                Some(_) => edit::strategic(&mut item.value, &without_identity(fragment)),
                None if names(fragment, item) => edit::strategic(&mut item.value, &without_identity(fragment)),
                None => true,
            });
        }
    }
}

/// A patch does not rename what it is for.
fn without_identity(fragment: &Value) -> Value {
    let mut out = fragment.clone();
    for key in ["name", "namespace"] {
        let path = [edit::Step::Name("metadata".to_owned()), edit::Step::Name(key.to_owned())];
        edit::change(&mut out, &path, &edit::Change::Remove);
    }
    out
}

/// A fragment names the object: its kind and one of the names that it has or had.
fn names(fragment: &Value, item: &Item) -> bool {
    let metadata = fragment.get("metadata");
    let name = metadata.and_then(|m| text_at(m, "name"));
    let called = |name: &Text| item.name().is_some_and(|n| n.same(name)) || name.as_known().is_some_and(|n| item.names.contains(&n));
    let space = metadata.and_then(|m| text_at(m, "namespace"));
    let there = match (space, item.namespace()) {
        (Some(asked), Some(own)) => asked.same(&own) || !item.names.is_empty(),
        _ => true,
    };
    known_at(fragment, "kind").is_some_and(|k| k == item.kind()) && name.as_ref().is_some_and(called) && there
}

impl Target {
    pub(super) fn read(value: &Value) -> Self {
        let known = |key: &str| text_at(value, key);
        let pattern = |key: &str| known(key).and_then(|t| t.as_known()).and_then(|k| Regex::new(&format!("^(?:{k})$")).ok());
        let lost = |key: &str, read: bool| known(key).is_some() && !read;
        let (name, namespace) = (pattern("name"), pattern("namespace"));
        let unclear = lost("name", name.is_some()) || lost("namespace", namespace.is_some()) || known("annotationSelector").is_some();
        let labels = known("labelSelector").map(|t| t.as_known().unwrap_or_default());
        Self { kind: known_at(value, "kind"), name, namespace, labels, unclear }
    }

    /// The object is meant for certain.
    pub(super) fn means(&self, item: &Item) -> bool {
        !self.unclear && self.may_mean(item) && self.labels.as_ref().is_none_or(|selector| labelled(item, selector) == Some(true))
    }

    /// The object may be meant.
    fn may_mean(&self, item: &Item) -> bool {
        let kind = item.kind();
        let kind = self.kind.as_ref().is_none_or(|k| *k == kind || k == ".*");
        let called = |pattern: &Regex| {
            let now = item.name().and_then(|n| n.as_known()).is_some_and(|n| pattern.is_match(&n));
            now || item.names.iter().any(|n| pattern.is_match(n))
        };
        let space = |pattern: &Regex| item.namespace().is_none_or(|n| n.as_known().is_none_or(|n| pattern.is_match(&n)));
        kind && self.name.as_ref().is_none_or(called)
            && self.namespace.as_ref().is_none_or(space)
            && self.labels.as_ref().is_none_or(|selector| labelled(item, selector) != Some(false))
    }
}

/// Whether an object's labels meet a selector of equalities; none for other selectors.
fn labelled(item: &Item, selector: &str) -> Option<bool> {
    let labels = item.value.at(&["metadata", "labels"]);
    let mut all = true;
    for clause in selector.split(',') {
        let (key, value) = clause.split_once('=')?;
        if key.ends_with('!') || key.contains(' ') {
            return None;
        }
        let value = value.trim_start_matches('=').trim();
        all &= labels.and_then(|l| text_at(l, key.trim())).is_some_and(|t| t.is_str(value));
    }
    Some(all)
}

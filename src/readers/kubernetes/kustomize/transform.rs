//! What a kustomization gives to all its objects: the namespace, name affixes, annotations, labels; and the ConfigMaps
//! and Secrets that it generates.

use super::super::edit::{self, Change, Step};
use super::super::pods::pod_path;
use super::Item;
use crate::partial::{Entry, Kind, Text, Value, cut};
use crate::readers::shape::{any_field, field, listing, text_at};

/// Kinds whose names no affix changes.
const KEPT: [&str; 3] = ["Namespace", "CustomResourceDefinition", "APIService"];

fn path(names: &[&str]) -> Vec<Step> {
    names.iter().map(|n| Step::Name((*n).to_owned())).collect()
}

fn text_value(text: &Text) -> Value {
    Value { kind: Kind::Text(text.clone()), span: text.span(), trail: text.trail() }
}

/// The namespace, the affixes, the annotations and labels.
pub(super) fn metadata(fields: &Value, items: &mut [Item]) {
    if let Some(namespace) = any_field(fields, &["namespace", "targetNamespace"]).and_then(Value::as_text) {
        for item in items.iter_mut().filter(|i| is_namespaced(&i.kind())) {
            edit::change(&mut item.value, &path(&["metadata", "namespace"]), &Change::Put(&text_value(&namespace), true));
        }
    }
    affixes(fields, items);
    let common = field(fields, "commonMetadata");
    let annotations = [fields.get("commonAnnotations"), common.and_then(|c| c.get("annotations"))];
    for map in annotations.into_iter().flatten() {
        add_all(items, "annotations", map, true);
    }
    for map in [fields.get("commonLabels"), common.and_then(|c| c.get("labels"))].into_iter().flatten() {
        add_all(items, "labels", map, true);
    }
    for entry in field(fields, "labels").map(Value::items).unwrap_or_default() {
        let yes = |key: &str| entry.get(key).and_then(Value::as_bool) == Some(true);
        if let Some(pairs) = entry.get("pairs") {
            add_all(items, "labels", pairs, yes("includeTemplates") || yes("includeSelectors"));
        }
    }
}

fn is_namespaced(kind: &str) -> bool {
    !kind.starts_with("Cluster") && !KEPT.contains(&kind)
}

/// The namespace of objects that name none.
pub(super) fn default_namespace(items: &mut [Item], namespace: &Text) {
    for item in items.iter_mut().filter(|i| is_namespaced(&i.kind()) && i.namespace().is_none()) {
        edit::change(&mut item.value, &path(&["metadata", "namespace"]), &Change::Put(&text_value(namespace), true));
    }
}

fn add_all(items: &mut [Item], field: &str, map: &Value, templates: bool) {
    for item in items {
        item.open |= map.is_open();
        let mut places = vec![path(&["metadata", field])];
        let before = pod_path(&item.kind()).filter(|_| templates).and_then(<[&str]>::split_last).map(|(_, before)| before);
        // Of a pod itself the metadata is that of the object.
        if let Some(before) = before.filter(|b| !b.is_empty()) {
            let mut names = before.to_vec();
            names.extend(["metadata", field]);
            places.push(path(&names));
        }
        for place in places {
            for entry in map.entries() {
                let Some(key) = entry.key.as_known() else {
                    item.open = true;
                    continue;
                };
                let mut place = place.clone();
                place.push(Step::Name(key));
                edit::change(&mut item.value, &place, &Change::Put(&entry.value, true));
            }
        }
    }
}

fn affixes(fields: &Value, items: &mut [Item]) {
    let (prefix, suffix) = (text_at(fields, "namePrefix"), text_at(fields, "nameSuffix"));
    if prefix.is_none() && suffix.is_none() {
        return;
    }
    let mut accounts: Vec<(Text, Text)> = Vec::new();
    for item in items.iter_mut() {
        let kind = item.kind();
        let Some(name) = item.name().filter(|_| !KEPT.contains(&kind.as_str())) else { continue };
        let mut renamed = prefix.clone().unwrap_or_default();
        renamed.push(&name);
        renamed.push(&suffix.clone().unwrap_or_default());
        item.names.extend(name.as_known());
        edit::change(&mut item.value, &path(&["metadata", "name"]), &Change::Put(&text_value(&renamed), false));
        if kind == "ServiceAccount" {
            accounts.push((name, renamed));
        }
    }
    // References follow the objects that the kustomization renames, and no others.
    for item in items {
        let Some(pods) = pod_path(&item.kind()) else { continue };
        for key in ["serviceAccountName", "serviceAccount"] {
            let mut place = path(pods);
            place.push(Step::Name(key.to_owned()));
            let named = edit::find(&item.value, &place).and_then(Value::as_text);
            let renamed = named.and_then(|n| accounts.iter().find(|(old, _)| old.same(&n)).map(|(_, new)| new.clone()));
            if let Some(new) = renamed {
                edit::change(&mut item.value, &place, &Change::Put(&text_value(&new), false));
            }
        }
    }
}

/// ConfigMaps and Secrets of literals. What files and environment files bring is not known.
pub(super) fn generate(index: usize, fields: &Value, items: &mut Vec<Item>) {
    for (key, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for entry in field(fields, key).map(Value::items).unwrap_or_default() {
            let Some(name) = text_at(entry, "name") else { continue };
            let pair = |text: &Text| {
                let (key, value) = cut::split_once(text, "=")?;
                Some(Entry { key, value: text_value(&value) })
            };
            let data: Vec<Entry> = listing(entry.get("literals")).texts.iter().filter_map(pair).collect();
            let open = any_field(entry, &["files", "envs", "env", "behavior"]).is_some();
            let data = Value::new(Kind::Map { entries: data, open }, entry.span);
            let of = |key: &str, value: Value| Entry { key: Text::known(key), value };
            let metadata = Value::map(vec![of("name", text_value(&name))], None);
            let data_key = if kind == "Secret" { "stringData" } else { "data" };
            let object =
                vec![of("apiVersion", Value::string("v1")), of("kind", Value::string(kind)), of("metadata", metadata), of(data_key, data)];
            items.push(Item { source: index, value: Value::map(object, entry.span), open, names: Vec::new() });
        }
    }
}

//! What the commands of scripts make, in the shapes that Terraform and manifests have: one reader for one meaning.

use super::call::Call;
use super::{aws, azure, gcloud, kubernetes, spire};
use crate::graph::{About, Undecided, UndecidedKind};
use crate::partial::{Entry, Kind, Text, Unknown, UnknownKind, Value, cut};
use crate::place::paths::folder_of;
use crate::place::{FileId, Span};
use crate::syntax::json;
use crate::terraform::{Mode, Resource};

/// How deep two settings are compared.
const MAX_DEPTH: usize = 16;

/// Looks into files that a command names.
pub(super) trait Content {
    /// The text of a file.
    fn text(&self, path: &Text) -> Option<Text>;
    /// The tree of a JSON or YAML file.
    fn tree(&self, path: &Text) -> Option<Value>;
}

/// What one record is: later commands change it.
struct Record {
    key: String,
    resource: Resource,
    /// It was created here; what is only updated may have more settings.
    removed: bool,
}

/// A manifest that commands put together.
struct Manifest {
    key: String,
    path: String,
    value: Value,
    conditional: bool,
}

/// Everything that the scripts of a scan make.
#[derive(Default)]
pub(super) struct Clouds {
    records: Vec<Record>,
    manifests: Vec<Manifest>,
    undecided: Vec<Undecided>,
    /// Files that the script reads in place and nobody has: told of a script that makes something.
    unread: Vec<Text>,
    /// Where the records of the script that runs begin.
    from: usize,
    manifests_from: usize,
}

/// What the scripts made, for the readers.
pub(super) struct Made {
    pub(super) resources: Vec<Resource>,
    pub(super) documents: Vec<(String, Value, bool)>,
    pub(super) undecided: Vec<Undecided>,
}

/// A resource to be.
pub(super) struct New<'a> {
    /// The type that Terraform has for it.
    pub(super) kind: &'a str,
    /// What it is, so that a later command finds it.
    pub(super) key: String,
    /// How a person names it.
    pub(super) shown: String,
    pub(super) entries: Vec<(&'static str, Value)>,
    /// There may be more settings than these.
    pub(super) open: bool,
}

impl Clouds {
    /// The next script: it changes nothing that another made.
    pub(super) fn begin(&mut self) {
        self.from = self.records.len();
        self.manifests_from = self.manifests.len();
    }

    pub(super) fn command(&mut self, call: &Call, content: &dyn Content) {
        spire::command(self, call, content);
        let Some(name) = call.fields.first().and_then(|f| f.known()) else { return };
        match name.rsplit('/').next().unwrap_or_default() {
            "gcloud" => gcloud::command(self, call, content),
            "aws" => aws::command(self, call, content),
            "az" => azure::command(self, call, content),
            "eksctl" => kubernetes::eksctl(self, call),
            "kubectl" | "oc" => kubernetes::kubectl(self, call),
            _ => {}
        }
    }

    pub(super) fn undecided(&mut self, span: Option<Span>, why: impl Into<String>) {
        self.undecided.push(Undecided { about: About::Declaration, kind: UndecidedKind::Unreadable, span, why: why.into() });
    }

    /// The script reads a file in place that is not in the scan: what it sets is not known.
    pub(super) fn unread(&mut self, path: &Text) {
        // A virtual environment of Python: it sets where programs are (<https://docs.python.org/3/library/venv.html#how-venvs-work>).
        if !cut::flat(path).ends_with("bin/activate") {
            self.unread.push(path.clone());
        }
    }

    /// The script is over.
    pub(super) fn end(&mut self) {
        let makes = self.records.len() > self.from || self.manifests.len() > self.manifests_from;
        for path in std::mem::take(&mut self.unread).into_iter().filter(|_| makes) {
            self.undecided(path.span(), format!("the script reads `{path}`, which is not in the scan"));
        }
    }

    /// A command creates it. What two branches of a script make alike is one.
    pub(super) fn create(&mut self, call: &Call, new: New) {
        let own = self.records.get_mut(self.from..).unwrap_or_default();
        let found = own.iter_mut().rev().find(|r| !r.removed && r.resource.kind == new.kind && r.key == new.key);
        if let Some(record) = found.filter(|r| new.entries.iter().all(|(key, value)| agrees(&r.resource.body, key, value))) {
            record.resource.conditional &= call.conditional;
            // What was brought up to date may have more settings; what is made here has these.
            set_open(&mut record.resource.body, new.open);
            for (key, value) in new.entries {
                if record.resource.body.get(key).is_none() {
                    set(&mut record.resource.body, key, value, true);
                }
            }
            return;
        }
        let resource = resource(call, new.kind, &new.shown, new.entries, new.open);
        self.records.push(Record { key: new.key, resource, removed: false });
    }

    /// A command changes it: what it sets replaces what was there.
    pub(super) fn update(&mut self, call: &Call, new: New) {
        let own = self.records.get_mut(self.from..).unwrap_or_default();
        let found = own.iter_mut().rev().find(|r| !r.removed && r.resource.kind == new.kind && r.key == new.key);
        let Some(record) = found else {
            // What was there before is not known.
            self.create(call, New { open: true, ..new });
            return;
        };
        let certain = !call.conditional || record.resource.conditional;
        for (key, value) in new.entries {
            set(&mut record.resource.body, key, value, certain);
        }
        if new.open {
            set_open(&mut record.resource.body, true);
        }
    }

    /// The setting of what a command of this script created.
    pub(super) fn setting(&self, kind: &str, key: &str, name: &str) -> Option<Value> {
        let own = self.records.get(self.from..).unwrap_or_default();
        let found = own.iter().rev().find(|r| !r.removed && r.resource.kind == kind && r.key == key)?;
        found.resource.body.get(name).cloned()
    }

    /// A command takes it away again.
    pub(super) fn remove(&mut self, call: &Call, kind: &str, key: &str) {
        if call.conditional {
            return;
        }
        let own = self.records.get_mut(self.from..).unwrap_or_default();
        own.iter_mut().filter(|r| r.resource.kind == kind && r.key == key).for_each(|r| r.removed = true);
    }

    /// A command replaces all of this kind that stand on a target, where `name` says on what.
    pub(super) fn replace(&mut self, call: &Call, kind: &str, name: &str, target: &Text) {
        if call.conditional {
            return;
        }
        let on_it = |r: &&mut Record| {
            r.resource.kind == kind && r.resource.body.get(name).and_then(Value::as_text).is_some_and(|text| text.same(target))
        };
        let own = self.records.get_mut(self.from..).unwrap_or_default();
        own.iter_mut().filter(on_it).for_each(|r| r.removed = true);
    }

    /// A manifest with these annotations; the same object gets more.
    pub(super) fn manifest(&mut self, call: &Call, key: String, value: impl FnOnce() -> Value, annotations: Vec<Entry>) {
        let own = self.manifests.get_mut(self.manifests_from..).unwrap_or_default();
        let at = own.iter().position(|m| m.key == key);
        let manifest = match at.and_then(|at| own.get_mut(at)) {
            Some(found) => found,
            None => {
                self.manifests.push(Manifest { key, path: call.path.clone(), value: value(), conditional: call.conditional });
                let Some(last) = self.manifests.last_mut() else { return };
                last
            }
        };
        let Kind::Map { entries, .. } = &mut manifest.value.kind else { return };
        let Some(metadata) = entries.iter_mut().find(|e| e.key.is_str("metadata")) else { return };
        let Kind::Map { entries, .. } = &mut metadata.value.kind else { return };
        if let Some(Kind::Map { entries, .. }) = entries.iter_mut().find(|e| e.key.is_str("annotations")).map(|e| &mut e.value.kind) {
            entries.extend(annotations);
        } else if !annotations.is_empty() {
            entries.push(entry("annotations", Value::map(annotations, call.span)));
        }
    }

    /// A document of its own.
    pub(super) fn document(&mut self, call: &Call, value: Value) {
        let key = format!("{}|{}", call.path, self.manifests.len());
        self.manifests.push(Manifest { key, path: call.path.clone(), value, conditional: call.conditional });
    }

    pub(super) fn finish(self) -> Made {
        Made {
            resources: self.records.into_iter().filter(|r| !r.removed).map(|r| r.resource).collect(),
            documents: self.manifests.into_iter().map(|m| (m.path, m.value, m.conditional)).collect(),
            undecided: self.undecided,
        }
    }
}

fn resource(call: &Call, kind: &str, shown: &str, entries: Vec<(&'static str, Value)>, open: bool) -> Resource {
    let entries = entries.into_iter().map(|(key, value)| entry(key, value)).collect();
    let span = call.span.unwrap_or(Span { file: FileId(u32::MAX), start: 0, end: 0 });
    Resource {
        mode: Mode::Managed,
        kind: kind.to_owned(),
        name: shown.to_owned(),
        address: shown.to_owned(),
        root: folder_of(&call.path).to_owned(),
        body: Value::new(Kind::Map { entries, open }, call.span),
        span,
        library: false,
        stands_in: false,
        conditional: call.conditional,
        by_command: true,
    }
}

/// Whether a setting says the same as what is there, or nothing is there yet.
fn agrees(body: &Value, key: &str, value: &Value) -> bool {
    body.get(key).is_none_or(|there| alike(there, value, 0))
}

/// Equal values, wherever they stand.
fn alike(one: &Value, other: &Value, depth: usize) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Map { entries: a, open: x }, Kind::Map { entries: b, open: y }) => {
            let same = |(a, b): (&Entry, &Entry)| a.key.same(&b.key) && alike(&a.value, &b.value, depth + 1);
            depth < MAX_DEPTH && x == y && a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (Kind::List { items: a, open: x }, Kind::List { items: b, open: y }) => {
            depth < MAX_DEPTH && x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b, depth + 1))
        }
        (Kind::Bool(a), Kind::Bool(b)) => a == b,
        _ => matches!((one.as_text(), other.as_text()), (Some(a), Some(b)) if a.same(&b)),
    }
}

fn set_open(body: &mut Value, whether: bool) {
    if let Kind::Map { open, .. } = &mut body.kind {
        *open = whether;
    }
}

/// Sets one entry; when it is not certain, what was there may still hold.
fn set(body: &mut Value, key: &str, value: Value, certain: bool) {
    let Kind::Map { entries, .. } = &mut body.kind else { return };
    let Some(old) = entries.iter_mut().find(|e| e.key.is_str(key)) else {
        let value = if certain { value } else { Value::new(Kind::OneOf(vec![Value::null(), value]), None) };
        entries.push(entry(key, value));
        return;
    };
    let same = matches!((old.value.as_text(), value.as_text()), (Some(a), Some(b)) if a.same(&b));
    if certain || same {
        old.value = value;
        return;
    }
    let before = std::mem::replace(&mut old.value, Value::null());
    let mut all = match before.kind {
        Kind::OneOf(all) => all,
        kind => vec![Value { kind, span: before.span, trail: before.trail }],
    };
    all.push(value);
    old.value = if all.len() > crate::partial::MAX_ALTERNATIVES {
        let why = "conditions decide which of many values it has";
        Value::unknown(Unknown::new(format!("|many {key}"), UnknownKind::Any, "${…}", why, None), None)
    } else {
        Value::new(Kind::OneOf(all), None)
    };
}

pub(super) fn entry(key: &str, value: Value) -> Entry {
    Entry { key: Text::known(key), value }
}

/// A text as a value: one unknown is an unknown.
pub(super) fn value(text: &Text) -> Value {
    match cut::only_atom(text) {
        Some(atom) => Value::unknown(atom.clone(), text.span()),
        None => Value::new(Kind::Text(text.clone()), text.span()),
    }
}

pub(super) fn values(texts: &[Text]) -> Value {
    Value::list(texts.iter().map(value).collect(), None)
}

/// A document that is given as text, or as a file with `file://`.
pub(super) fn document(text: &Text, content: &dyn Content) -> Value {
    let path = cut::strip_prefix(text, "file://").or_else(|| cut::strip_prefix(text, "fileb://"));
    let Some(path) = path else { return value(text) };
    match content.text(&path) {
        Some(text) => value(&text),
        None => {
            let why = format!("`{path}` is not in the scan");
            Value::unknown(
                Unknown::new(format!("|file {}", cut::key(&path)), UnknownKind::Any, text.to_string(), why, text.span()),
                text.span(),
            )
        }
    }
}

/// JSON in a text.
pub(super) fn json_tree(text: &Text) -> Option<Value> {
    json::parse_text(text, json::Limits::default()).ok()
}

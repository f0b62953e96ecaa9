//! Kustomizations as they build (<https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>): each root is
//! built with its bases, components and patches, and what it gives takes the place of the files that it lists. What
//! Flux and Argo CD deploy is built with what they add.
//!
//! An object that may be changed by something that is not in the scan, or that cannot be read, is [open](Manifest::open):
//! what it does not say is not known to be absent.

mod patch;
mod replace;
mod transform;

use super::deploy::{self, Deployment};
use super::substitute;
use crate::partial::{Kind, Text, Value, cut};
use crate::place::paths::{folder_of, join};
use crate::readers::context::Object;
use crate::readers::shape::{known_at, listing, text_at};
use std::collections::{BTreeMap, BTreeSet};

/// How deep kustomizations list kustomizations.
const MAX_DEPTH: usize = 16;
/// Most visits of kustomizations: many may list each other.
const MAX_VISITS: usize = 5_000;
/// Most objects that all builds give; past it objects stay as they are written.
const MAX_ITEMS: usize = 100_000;

/// An object as it is applied.
#[derive(Debug)]
pub(in crate::readers) struct Manifest {
    /// The object that it comes from, by its number.
    pub(in crate::readers) source: usize,
    pub(in crate::readers) value: Value,
    /// Something unread may add to it or change it.
    pub(in crate::readers) open: bool,
}

/// Something outside of the scan puts objects into a namespace: a remote base, a chart.
#[derive(Debug)]
pub(in crate::readers) struct External {
    /// The object that says so.
    pub(in crate::readers) source: usize,
    /// The namespace, when it is written.
    pub(in crate::readers) namespace: Option<Text>,
}

/// What the kustomizations make of the objects.
#[derive(Debug, Default)]
pub(in crate::readers) struct Built {
    pub(in crate::readers) manifests: Vec<Manifest>,
    /// Objects that are applied only as the manifests say: they are part of a build, or patches.
    pub(in crate::readers) consumed: BTreeSet<usize>,
    pub(in crate::readers) externals: Vec<External>,
}

/// An object on its way through the kustomizations.
#[derive(Debug, Clone)]
struct Item {
    source: usize,
    value: Value,
    open: bool,
    /// The names that it had on the way: patches may call it by any of them.
    names: Vec<String>,
}

impl Item {
    fn kind(&self) -> String {
        known_at(&self.value, "kind").unwrap_or_default()
    }

    fn name(&self) -> Option<Text> {
        self.value.get("metadata").and_then(|m| text_at(m, "name"))
    }

    fn namespace(&self) -> Option<Text> {
        self.value.get("metadata").and_then(|m| text_at(m, "namespace"))
    }
}

struct Builder<'a> {
    objects: &'a [Object<'a>],
    files: BTreeMap<&'a str, Vec<usize>>,
    kustomizations: BTreeMap<String, usize>,
    visits: usize,
    built: Built,
}

/// Builds every kustomization of the scan.
pub(in crate::readers) fn build(objects: &[Object]) -> Built {
    let mut builder = Builder::new(objects);
    if builder.kustomizations.is_empty() && !objects.iter().any(|o| deploy::deploys(o.value)) {
        return Built::default();
    }
    builder.run();
    builder.built
}

impl<'a> Builder<'a> {
    fn new(objects: &'a [Object<'a>]) -> Self {
        let mut files: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut kustomizations = BTreeMap::new();
        for (index, object) in objects.iter().enumerate() {
            files.entry(object.file).or_default().push(index);
            if matches!(object.file_name(), "kustomization.yaml" | "kustomization.yml" | "Kustomization") {
                kustomizations.insert(folder_of(object.file).to_owned(), index);
            }
        }
        Self { objects, files, kustomizations, visits: 0, built: Built::default() }
    }

    fn run(&mut self) {
        let listed = self.listed();
        let roots: Vec<String> = self.kustomizations.keys().filter(|f| !listed.contains(*f)).cloned().collect();
        let mut bundles: Vec<(String, Vec<Item>)> = Vec::new();
        for folder in roots {
            if !self.is_component(&folder) {
                let items = self.folder(&folder, MAX_DEPTH);
                bundles.push((folder, items));
            }
        }
        let deployments = self.deployments(&bundles);
        let mut deployed = BTreeSet::new();
        for deployment in &deployments {
            self.deploy(deployment, &mut deployed);
        }
        for (folder, mut items) in bundles {
            if !deployed.contains(&folder) {
                settle(&folder, &mut items);
                self.emit(items);
            }
        }
        // The pieces of a component that nobody uses here are used by somebody else.
        let unused: Vec<usize> = (0..self.objects.len()).filter(|i| self.in_unused_component(*i)).collect();
        for source in unused {
            let Some(object) = self.objects.get(source) else { continue };
            self.built.consumed.insert(source);
            self.built.manifests.push(Manifest { source, value: object.value.clone(), open: true });
        }
        self.built.manifests.sort_by_key(|m| m.source);
    }

    /// The folders that another kustomization lists.
    fn listed(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for (folder, index) in &self.kustomizations {
            let Some(object) = self.objects.get(*index) else { continue };
            for key in ["resources", "bases", "components"] {
                let paths = listing(object.value.get(key)).texts;
                out.extend(paths.iter().filter_map(Text::as_known).filter_map(|path| join(folder, &path)).filter(|f| f != folder));
            }
        }
        out
    }

    fn is_component(&self, folder: &str) -> bool {
        let object = self.kustomizations.get(folder).and_then(|i| self.objects.get(*i));
        object.and_then(|o| known_at(o.value, "kind")).as_deref() == Some("Component")
    }

    fn in_unused_component(&self, index: usize) -> bool {
        let Some(object) = self.objects.get(index) else { return false };
        let folder = folder_of(object.file);
        !self.built.consumed.contains(&index) && !self.kustomizations.values().any(|i| *i == index) && self.is_component(folder)
    }

    /// What Flux and Argo CD deploy: their objects may be built by kustomizations themselves.
    fn deployments(&self, bundles: &[(String, Vec<Item>)]) -> Vec<Deployment> {
        let mut out = Vec::new();
        for item in bundles.iter().flat_map(|(_, items)| items) {
            self.add_deployments(item.source, &item.value, &mut out);
        }
        for (index, object) in self.objects.iter().enumerate() {
            if !self.built.consumed.contains(&index) {
                self.add_deployments(index, object.value, &mut out);
            }
        }
        out
    }

    fn add_deployments(&self, index: usize, value: &Value, out: &mut Vec<Deployment>) {
        let Some(object) = self.objects.get(index) else { return };
        deploy::read(index, folder_of(object.file), value, out);
    }

    fn deploy(&mut self, deployment: &Deployment, deployed: &mut BTreeSet<String>) {
        let Some(base) = self.objects.get(deployment.source).map(|o| folder_of(o.file).to_owned()) else { return };
        for folder in self.folders_of(&base, &deployment.path) {
            let mut items = self.tree(&folder, deployed);
            self.apply(deployment.source, &folder, &deployment.fields, MAX_DEPTH, &mut items);
            if let Some(namespace) = &deployment.namespace {
                transform::default_namespace(&mut items, namespace);
            }
            for item in &mut items {
                item.open |= deployment.open;
                if let Some(variables) = &deployment.variables {
                    substitute::fill(&mut item.value, variables);
                }
            }
            self.emit(items);
        }
    }

    /// The folders that a deployment's path means: seen from the closest folder above it where there is such a path.
    /// A generated path (`apps/{{ name }}`) means all that it fits.
    fn folders_of(&self, base: &str, path: &Text) -> Vec<String> {
        let mut ancestor = base;
        loop {
            if let Some(found) = self.below(ancestor, path) {
                return found;
            }
            if ancestor.is_empty() {
                return Vec::new();
            }
            ancestor = folder_of(ancestor);
        }
    }

    fn below(&self, ancestor: &str, path: &Text) -> Option<Vec<String>> {
        if let Some(known) = path.as_known() {
            let folder = join(ancestor, known.trim_start_matches('/'))?;
            let inside = format!("{folder}/");
            let exists = folder.is_empty() || self.files.keys().any(|file| file.starts_with(&inside));
            return exists.then(|| vec![folder]);
        }
        let start = join(ancestor, &path.known_prefix())?;
        let end = path.known_suffix();
        let fits = |folder: &&String| folder.starts_with(&start) && folder.ends_with(&end) && folder.len() > start.len() + end.len();
        let found: Vec<String> = self.kustomizations.keys().filter(fits).cloned().collect();
        (!found.is_empty() && !start.is_empty()).then_some(found)
    }

    /// What a folder gives: its kustomization, or else all that is below it.
    fn tree(&mut self, folder: &str, deployed: &mut BTreeSet<String>) -> Vec<Item> {
        if self.kustomizations.contains_key(folder) {
            deployed.insert(folder.to_owned());
            return self.folder(folder, MAX_DEPTH);
        }
        let inside = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let below: Vec<String> = self.kustomizations.keys().filter(|f| f.starts_with(&inside)).cloned().collect();
        let mut items = Vec::new();
        for child in &below {
            let outer = below.iter().any(|other| other != child && child.starts_with(&format!("{other}/")));
            if !outer && !self.is_component(child) {
                deployed.insert(child.clone());
                items.extend(self.folder(child, MAX_DEPTH));
            }
        }
        let plain = |file: &&str| file.starts_with(&inside) && !below.iter().any(|k| file.starts_with(&format!("{k}/")));
        let files: Vec<&str> = self.files.keys().copied().filter(plain).collect();
        for file in files {
            self.file(file, &mut items);
        }
        items
    }

    fn file(&mut self, file: &str, items: &mut Vec<Item>) {
        for index in self.files.get(file).cloned().unwrap_or_default() {
            let Some(object) = self.objects.get(index).filter(|_| items.len() < MAX_ITEMS) else { continue };
            self.built.consumed.insert(index);
            let item = Item { source: index, value: object.value.clone(), open: false, names: Vec::new() };
            items.push(item);
        }
    }

    /// Builds the kustomization of a folder.
    fn folder(&mut self, folder: &str, depth: usize) -> Vec<Item> {
        let mut items = Vec::new();
        self.visits += 1;
        let Some(index) = self.kustomizations.get(folder).copied().filter(|_| depth > 0 && self.visits < MAX_VISITS) else { return items };
        let Some(object) = self.objects.get(index) else { return items };
        let fields = object.value;
        self.resources(index, folder, fields, depth, &mut items);
        self.apply(index, folder, fields, depth, &mut items);
        items
    }

    fn resources(&mut self, index: usize, folder: &str, fields: &Value, depth: usize, items: &mut Vec<Item>) {
        for key in ["resources", "bases"] {
            for path in listing(fields.get(key)).texts {
                let known = path.as_known().filter(|p| !is_remote(p));
                let Some(target) = known.and_then(|p| join(folder, &p)).filter(|target| !self.is_outside(target)) else {
                    self.external(index, fields);
                    continue;
                };
                if self.kustomizations.contains_key(&target) {
                    items.extend(self.folder(&target, depth - 1));
                } else {
                    self.file(&target, items);
                }
            }
        }
        if fields.get("helmCharts").is_some() || fields.get("generators").is_some() {
            self.external(index, fields);
        }
        items.truncate(MAX_ITEMS);
    }

    /// Whether a path climbs higher than every file of the scan.
    fn is_outside(&self, path: &str) -> bool {
        let climbs = |path: &str| path.split('/').take_while(|part| *part == "..").count();
        self.files.keys().all(|file| climbs(file) < climbs(path))
    }

    fn external(&mut self, source: usize, fields: &Value) {
        self.built.externals.push(External { source, namespace: text_at(fields, "namespace") });
    }

    /// Applies the fields of a kustomization, or those of what deploys it, to the objects.
    fn apply(&mut self, index: usize, folder: &str, fields: &Value, depth: usize, items: &mut Vec<Item>) {
        for path in listing(fields.get("components")).texts {
            let target = path.as_known().filter(|p| !is_remote(p)).and_then(|p| join(folder, &p));
            match target.and_then(|t| self.kustomizations.get(&t).copied().map(|i| (t, i))) {
                Some((target, component)) if depth > 1 && self.visits < MAX_VISITS => {
                    self.visits += 1;
                    let Some(object) = self.objects.get(component) else { continue };
                    let fields = object.value;
                    self.resources(component, &target, fields, depth - 1, items);
                    self.apply(component, &target, fields, depth - 1, items);
                }
                // What the component does to the objects is not known.
                _ => open_all(items),
            }
        }
        transform::generate(index, fields, items);
        for patch in self.patches(folder, fields) {
            patch.apply(items);
        }
        transform::metadata(fields, items);
        for replacement in self.replacements(folder, fields) {
            replacement.apply(items);
        }
        if fields.get("transformers").is_some() || fields.is_open() {
            open_all(items);
        }
    }

    /// The trees of a file that a kustomization names; none when it is not in the scan. They are no objects themselves.
    fn fragment(&mut self, folder: &str, path: &str) -> Option<Vec<Value>> {
        let indexes = self.files.get(join(folder, path)?.as_str())?.clone();
        self.built.consumed.extend(&indexes);
        Some(indexes.iter().filter_map(|i| self.objects.get(*i)).map(|o| o.value.clone()).collect())
    }

    fn emit(&mut self, items: Vec<Item>) {
        for item in items {
            let same = |m: &Manifest| m.source == item.source && m.open == item.open && same(&m.value, &item.value);
            if self.built.manifests.len() < MAX_ITEMS && !self.built.manifests.iter().rev().take(64).any(same) {
                self.built.manifests.push(Manifest { source: item.source, value: item.value, open: item.open });
            }
        }
    }
}

/// A root that looks like a base is changed by overlays that are not here.
fn settle(folder: &str, items: &mut [Item]) {
    let base = folder.split('/').any(|part| matches!(part, "base" | "bases" | "component" | "components"));
    for item in items {
        item.open |= base || item.namespace().is_none();
    }
}

fn open_all(items: &mut [Item]) {
    for item in items {
        item.open = true;
    }
}

fn is_remote(path: &str) -> bool {
    path.contains("://") || path.contains("?ref=") || path.starts_with("git@") || path.starts_with("github.com/")
}

/// Equal trees, wherever they are written.
fn same(left: &Value, right: &Value) -> bool {
    match (&left.kind, &right.kind) {
        (Kind::Map { entries: a, open: x }, Kind::Map { entries: b, open: y }) => {
            x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key.same(&b.key) && same(&a.value, &b.value))
        }
        (Kind::List { items: a, open: x }, Kind::List { items: b, open: y }) => {
            x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Kind::OneOf(a), Kind::OneOf(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => match (left.as_text(), right.as_text()) {
            (Some(a), Some(b)) => cut::key(&a) == cut::key(&b),
            (None, None) => left.is_null() && right.is_null(),
            _ => false,
        },
    }
}

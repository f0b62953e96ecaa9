//! Which Terraform folders are evaluated: those with a hit, and whoever calls them, directly or through others.

use crate::place::paths::{self, folder_of};
use crate::readers::scripts::ScriptFiles;
use crate::source::SourceFile;
use crate::source::walk::{FileKind, Loader, Scan, ScannedFile, matters};
use crate::terraform::evaluate::{ModuleFiles, unit_source, variable_files_by_root};
use crate::terraform::models::Library;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Most modules outside of what was scanned that are looked at.
const MAX_BESIDE: usize = 1_000;
/// Most files that are listed below one folder for `fileset`.
const MAX_LISTED: usize = 20_000;

/// The loader as the evaluator sees it.
pub(super) struct Files<'a> {
    loader: &'a Loader,
    /// The variable files that belong to each root, as they were walked.
    values: BTreeMap<String, Vec<String>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(scan: &'a Scan) -> Self {
        let terraform = |f: &&ScannedFile| f.kind.is_terraform() || matches!(f.kind, FileKind::Tfvars | FileKind::TfvarsJson);
        let paths: Vec<String> = scan.files.iter().filter(terraform).map(|f| f.path.clone()).collect();
        Self { loader: &scan.loader, values: variable_files_by_root(&paths) }
    }
}

impl ModuleFiles for Files<'_> {
    fn folder(&self, folder: &str) -> Vec<Arc<SourceFile>> {
        self.loader.module(folder, is_terraform)
    }

    fn read(&self, path: &str) -> Option<Arc<SourceFile>> {
        self.loader.load(path)
    }

    fn variable_files(&self, root: &str) -> Vec<String> {
        self.values.get(root).cloned().unwrap_or_default()
    }

    fn builtin(&self, path: &str, text: &str) -> Option<Arc<SourceFile>> {
        Some(self.loader.sources().add(path, text))
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let mut out = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for name in self.loader.list(&folder) {
                match name.strip_suffix('/') {
                    Some(child) => open.push(paths::inside(&folder, child)),
                    None => out.push(paths::inside(&folder, &name)),
                }
            }
            if out.len() > MAX_LISTED {
                break;
            }
        }
        out.sort();
        out
    }
}

/// A file of a Terraform module, by its name.
fn is_terraform(name: &str) -> bool {
    FileKind::of(name).is_some_and(|k| k.is_terraform() || matches!(k, FileKind::Tfvars | FileKind::TfvarsJson))
}

impl ScriptFiles for Files<'_> {
    fn read(&self, path: &str) -> Option<Arc<SourceFile>> {
        self.loader.load(path)
    }
}

/// The folders to evaluate.
pub(super) fn to_evaluate(scan: &Scan, models: &Library) -> Vec<String> {
    let mut wanted: BTreeSet<String> = scan
        .files
        .iter()
        .filter(|f| f.hit && (f.kind.is_terraform() || f.calls_local_module || is_unit(&f.path)))
        .map(|f| folder_of(&f.path).to_owned())
        .collect();
    wanted.extend(calling(scan, models));
    let mut callers = callers(scan);
    let beside = beside(scan, &mut callers);
    let mut open: Vec<String> = wanted.iter().chain(&beside).cloned().collect();
    while let Some(folder) = open.pop() {
        for caller in callers.get(&folder).into_iter().flatten() {
            if wanted.insert(caller.clone()) {
                open.push(caller.clone());
            }
        }
    }
    // A module beside the scan is judged where it is called, and not by itself.
    let scanned: BTreeSet<&str> = scan.files.iter().map(|f| folder_of(&f.path)).collect();
    wanted.retain(|folder| scanned.contains(folder.as_str()));
    wanted.into_iter().collect()
}

/// The called modules that stand outside of what was scanned and hold one of the words that matter; what they call in turn is
/// added to `callers`.
fn beside(scan: &Scan, callers: &mut BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let scanned: BTreeSet<&str> = scan.files.iter().map(|f| folder_of(&f.path)).collect();
    let mut open: Vec<String> = callers.keys().filter(|target| !scanned.contains(target.as_str())).cloned().collect();
    let mut seen: BTreeSet<String> = open.iter().cloned().collect();
    let mut out = Vec::new();
    while let Some(folder) = open.pop() {
        let mut hit = false;
        for file in scan.loader.module(&folder, is_terraform) {
            hit |= matters(&file.path, &file.text);
            for target in relative_sources(&folder, &file.text) {
                if seen.len() < MAX_BESIDE && !scanned.contains(target.as_str()) && seen.insert(target.clone()) {
                    open.push(target.clone());
                }
                callers.entry(target).or_default().insert(folder.clone());
            }
        }
        if hit {
            out.push(folder);
        }
    }
    out
}

/// The folders that a file's text calls by a relative path.
fn relative_sources(folder: &str, text: &str) -> Vec<String> {
    static SOURCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#""?source"?\s*[=:]\s*"(\.\.?/[^"$]*|\.\.?)""#).ok());
    let Some(pattern) = SOURCE.as_ref() else { return Vec::new() };
    let sources = pattern.captures_iter(text).filter_map(|found| found.get(1));
    sources.filter_map(|source| paths::join(folder, source.as_str())).collect()
}

/// The folders that call a module which only a user's model describes: no word says that they matter.
fn calling(scan: &Scan, models: &Library) -> Vec<String> {
    static SOURCE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#""?source"?\s*[=:]\s*"([^"$]+)""#).ok());
    let (Some(pattern), false) = (SOURCE.as_ref(), models.is_empty()) else { return Vec::new() };
    let calls = |file: &&ScannedFile| {
        let source = file.source.clone().or_else(|| scan.loader.load(&file.path));
        source.is_some_and(|s| pattern.captures_iter(&s.text).filter_map(|c| c.get(1)).any(|m| models.find(m.as_str(), None).is_some()))
    };
    let others = scan.files.iter().filter(|f| !f.hit && f.kind.is_terraform());
    others.filter(calls).map(|f| folder_of(&f.path).to_owned()).collect()
}

/// Who calls a folder as a module by a relative path.
fn callers(scan: &Scan) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in scan.files.iter().filter(|f| f.calls_local_module) {
        let Some(source) = file.source.clone().or_else(|| scan.loader.load(&file.path)) else { continue };
        let folder = folder_of(&file.path);
        for target in relative_sources(folder, &source.text) {
            out.entry(target).or_default().insert(folder.to_owned());
        }
    }
    // where a unit of Terragrunt computes its source, the evaluator knows it
    let files = Files::new(scan);
    for unit in scan.files.iter().filter(|f| is_unit(&f.path)) {
        let folder = folder_of(&unit.path);
        if let Some(target) = unit_source(&files, folder) {
            out.entry(target).or_default().insert(folder.to_owned());
        }
    }
    out
}

/// The file of a unit of Terragrunt, which calls a module.
fn is_unit(path: &str) -> bool {
    path == "terragrunt.hcl" || path.ends_with("/terragrunt.hcl")
}

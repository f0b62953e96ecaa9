//! The walk through a revision: the same files that a walk through its checkout would read, told in the same words.

use super::tree::{HISTORY, MAX_PEEKED, told_by_name};
use super::{Exclusion, FileKind, NEVER, Options, Read, ScanError, Skipped, finished, is_bare, is_markdown, is_script, matters};
use super::{explicit_kind, paths, read, unread};
use crate::place::paths::folder_of;
use crate::source::git::{Entry, EntryKind, Revision};
use crate::source::regular::{MAX_FILE_BYTES, one_line};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a walk found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) reads: Vec<Read>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) excluded: usize,
}

/// One walk.
struct Walk<'a> {
    revision: &'a Arc<Revision>,
    exclude: &'a Exclusion,
    working_directory: &'a Path,
    markdown: bool,
    /// Links to files count that lead below one of these folders.
    roots: Vec<String>,
}

/// A file on its way: its path in the revision, the path that it is shown under, and what it is.
struct Candidate<'a> {
    inside: &'a str,
    shown: String,
    entry: Entry,
}

pub(super) fn walk(options: &Options, revision: &Arc<Revision>, working_directory: &Path, exclude: &Exclusion) -> Result<Found, ScanError> {
    let here = [PathBuf::from(".")];
    let given = if options.roots.is_empty() { &here[..] } else { &options.roots };
    let mut roots = Vec::new();
    for root in given {
        let path = paths::absolute(working_directory, root);
        let inside = revision.inside(&path).ok_or_else(|| ScanError::NotFound(one_line(&root.to_string_lossy())))?;
        roots.push((revision.real(&inside).unwrap_or(inside), root.is_relative()));
    }
    let folders = roots.iter().map(|(inside, _)| inside.clone()).collect();
    let walk = Walk { revision, exclude, working_directory, markdown: options.markdown, roots: folders };
    let mut found = Found::default();
    for (inside, climb) in &roots {
        walk.root(inside, *climb, &mut found);
    }
    Ok(found)
}

impl Walk<'_> {
    fn root(&self, root: &str, climb: bool, found: &mut Found) {
        if let Some(entry) = self.revision.entry(root) {
            found.take(self.read(&Candidate { inside: root, shown: self.shown(root, climb), entry }, true));
            return;
        }
        let mut candidates = Vec::new();
        let mut programs = Vec::new();
        let mut left_out: BTreeSet<&str> = BTreeSet::new();
        let mut by_name: BTreeMap<&str, Vec<(&str, Entry)>> = BTreeMap::new();
        for (path, entry) in self.revision.below(root) {
            if let Some(end) = self.left_out(path, root, climb) {
                left_out.insert(end);
                continue;
            }
            if let Some(folder) = self.never_read(path, root) {
                by_name.entry(folder).or_default().push((path, entry));
                continue;
            }
            let shown = self.shown(path, climb);
            if self.kind(&shown).is_none() && !is_bare(&shown) && unread::is_candidate(Path::new(path)) {
                programs.push(unread::Candidate { path: shown, text: unread::Text::Revision(Arc::clone(self.revision), entry) });
                continue;
            }
            candidates.push(Candidate { inside: path, shown, entry });
        }
        found.excluded += left_out.len();
        let reads: Vec<_> = candidates.par_iter().map(|candidate| self.read(candidate, false)).collect();
        reads.into_iter().for_each(|read| found.take(read));
        for (folder, files) in by_name {
            found.skipped.extend(self.by_name(folder, &files, climb));
        }
        let below = |path: &str| root.is_empty() || path.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        for (path, entry) in self.revision.unnamed().iter().filter(|(path, _)| below(path)) {
            found.skipped.extend(self.unnamed(path, *entry, climb));
        }
        found.skipped.extend(unread::told(programs, &found.reads));
    }

    fn shown(&self, inside: &str, climb: bool) -> String {
        paths::shown(self.working_directory, &self.revision.root().join(inside), climb)
    }

    fn told(&self, inside: &str, climb: bool, reason: impl Into<String>) -> Skipped {
        Skipped { path: self.shown(inside, climb), reason: reason.into() }
    }

    /// The part of a path that an exclusion leaves out: the file, or a folder around it.
    fn left_out<'p>(&self, path: &'p str, root: &str, climb: bool) -> Option<&'p str> {
        if self.exclude.is_empty() {
            return None;
        }
        let holds = |part: &&str| self.exclude.holds(&self.revision.root().join(part), self.working_directory, climb);
        parts(path, root).into_iter().find(holds)
    }

    /// The folder around a path that is skipped by its name.
    fn never_read<'p>(&self, path: &'p str, root: &str) -> Option<&'p str> {
        let vendored = |folder: &str| self.revision.entry(&format!("{folder}/modules.txt")).is_some_and(|e| e.kind == EntryKind::File);
        let mut folders = parts(path, root);
        folders.pop();
        folders.into_iter().find(|folder| {
            let name = folder.rsplit('/').next().unwrap_or(folder);
            NEVER.contains(&name) || (name == "vendor" && vendored(folder))
        })
    }

    /// The kind of a file by its name.
    fn kind(&self, path: &str) -> Option<FileKind> {
        FileKind::of(path).or_else(|| (self.markdown && is_markdown(path)).then_some(FileKind::Markdown))
    }

    /// Reads a candidate; none for one that has no reader.
    fn read(&self, candidate: &Candidate<'_>, explicit: bool) -> Option<Result<Read, Skipped>> {
        let Candidate { inside, shown, entry } = candidate;
        let told = |reason: &str| Some(Err(Skipped { path: shown.clone(), reason: reason.to_owned() }));
        let wanted = if explicit { explicit_kind(shown) } else { self.kind(shown) };
        let mut entry = *entry;
        match entry.kind {
            EntryKind::Submodule => return told("a submodule: its files are in another repository, and were not read"),
            EntryKind::File => {}
            EntryKind::Link => match self.linked(inside) {
                Linked::File(target) => entry = target,
                Linked::Folder { walked: true } | Linked::Nothing => return None,
                Linked::Folder { walked: false } => {
                    return told("a link to a folder that is not below what is checked: it was not followed");
                }
                Linked::Outside if wanted.is_some() || explicit => {
                    return told("a link that leads out of the repository: it was not followed");
                }
                Linked::Outside => return None,
            },
        }
        if wanted.is_none() && !explicit && !is_bare(shown) {
            return None;
        }
        if wanted.is_none() && unread::is_candidate(Path::new(inside)) {
            return Some(Err(Skipped { reason: unread::refusal(shown), path: shown.clone() }));
        }
        let text = self.revision.bytes(entry, MAX_FILE_BYTES).and_then(read::text);
        if wanted.is_none() && !explicit {
            // A script without an extension says in its first line that it is one.
            let text = text.ok().filter(|text| is_script(text.as_bytes()))?;
            return finished(shown.clone(), Some(FileKind::Shell), Ok(text), false);
        }
        finished(shown.clone(), wanted, text, explicit)
    }

    /// What a link leads to.
    fn linked(&self, link: &str) -> Linked {
        let Some(real) = self.revision.real(link) else { return Linked::Outside };
        match self.revision.entry(&real) {
            Some(entry) if entry.kind == EntryKind::File => Linked::File(entry),
            Some(_) => Linked::Nothing,
            None if self.revision.is_folder(&real) => {
                let below = |root: &String| root.is_empty() || real == *root || real.starts_with(&format!("{root}/"));
                Linked::Folder { walked: self.roots.iter().any(below) }
            }
            None => Linked::Nothing,
        }
    }

    /// What is told of a folder that is skipped by its name.
    fn by_name(&self, folder: &str, files: &[(&str, Entry)], climb: bool) -> Option<Skipped> {
        if folder.rsplit('/').next().unwrap_or(folder) == HISTORY {
            return None;
        }
        let wanted: Vec<_> = files.iter().filter(|(path, _)| FileKind::of(path).is_some()).collect();
        let text = |entry: Entry| self.revision.bytes(entry, MAX_FILE_BYTES).and_then(read::text);
        let hits: Vec<&str> = wanted
            .iter()
            .take(MAX_PEEKED)
            .filter(|(path, entry)| text(*entry).is_ok_and(|text| matters(path, &text)))
            .map(|(path, _)| path.strip_prefix(folder).map_or(*path, |rest| rest.trim_start_matches('/')))
            .collect();
        let reason = told_by_name(hits.first().map(|first| (*first).to_owned()), hits.len(), wanted.len() > MAX_PEEKED)?;
        Some(self.told(folder, climb, reason))
    }

    /// What is told of a file whose name nothing can refer to.
    fn unnamed(&self, path: &str, entry: Entry, climb: bool) -> Option<Skipped> {
        let kind = self.kind(path)?;
        let text = self.revision.bytes(entry, MAX_FILE_BYTES).and_then(read::text);
        let reason = match text {
            Ok(text) if kind.is_terraform() || matters(path, &text) => {
                "its name is not UTF-8 or leads elsewhere, so it was not judged".to_owned()
            }
            Ok(_) => return None,
            Err(reason) => reason,
        };
        Some(self.told(&one_line(&path.replace("..", "…")), climb, reason))
    }
}

enum Linked {
    File(Entry),
    Folder { walked: bool },
    Nothing,
    Outside,
}

impl Found {
    fn take(&mut self, read: Option<Result<Read, Skipped>>) {
        match read {
            Some(Ok(read)) => self.reads.push(read),
            Some(Err(skip)) => self.skipped.push(skip),
            None => {}
        }
    }
}

/// The folders around a path below a root, outermost first, and the path.
fn parts<'p>(path: &'p str, root: &str) -> Vec<&'p str> {
    let start = if root.is_empty() { 0 } else { root.len() + 1 };
    let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > start);
    let mut out: Vec<&str> = ends.filter_map(|at| path.get(..at)).collect();
    out.push(path);
    debug_assert!(out.iter().all(|part| folder_of(part).len() <= path.len()));
    out
}

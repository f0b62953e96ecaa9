//! The walk through a folder: one task for each folder, its files in small groups.
//!
//! Links to folders are not followed, and nothing that hides a file is believed without being told: `.gitignore` hides what is not
//! tracked and nothing else, a folder that is skipped by its name is in the coverage when tracked files of it matter.

use super::patterns::{self, Patterns};
use super::tracked::Tracked;
use super::{FileKind, NEVER, Read, Root, Skipped, Walk, matters, paths, read, unread};
use crate::source::regular;
use rayon::Scope;
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How many files are read in one go.
const GROUP: usize = 32;
/// Most files of folders that are skipped by name whose words are looked for, in each of them.
pub(super) const MAX_PEEKED: usize = 2_000;
/// The folder that git itself keeps nothing of. Those of other version controls it does: `.hg/a.tf` is a file of the repository like another.
pub(super) const HISTORY: &str = ".git";

/// What a walk found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) reads: Vec<Read>,
    pub(super) skipped: Vec<Skipped>,
    /// How many files and folders `.gitignore` left out, none of them tracked.
    pub(super) ignored: usize,
    /// Files without a reader that may speak of trust.
    pub(super) unread: Vec<PathBuf>,
    /// Folders that were skipped by their name, as (spelled, canonical).
    by_name: Vec<(PathBuf, PathBuf)>,
}

/// One walk.
pub(super) struct Tree<'a> {
    walk: &'a Walk,
    root: &'a Root,
    /// The canonical path of the root's repository.
    repository: Option<PathBuf>,
    tracked: OnceLock<Option<Tracked>>,
    found: Mutex<Found>,
    ignored: AtomicUsize,
}

/// A folder on its way.
struct Folder {
    /// As it is shown, absolute.
    spelled: PathBuf,
    /// Without links.
    real: PathBuf,
    patterns: Option<Arc<Patterns>>,
    /// `.gitignore` leaves it out: only what is tracked is read.
    ignored: bool,
}

/// A file on its way.
struct Candidate {
    path: PathBuf,
    kind: FileType,
}

impl<'a> Tree<'a> {
    /// Walks the folder of a root.
    pub(super) fn walk(walk: &'a Walk, root: &'a Root) -> Found {
        let repository = paths::repository(&root.real);
        let tree = Self { walk, root, repository, tracked: OnceLock::new(), found: Mutex::default(), ignored: AtomicUsize::new(0) };
        let around = tree.repository.as_deref().filter(|_| !walk.no_gitignore);
        let patterns = around.and_then(|repository| Patterns::around(repository, &root.real, walk.gitignore_of.as_deref()));
        let top = Folder { spelled: root.path.clone(), real: root.real.clone(), patterns, ignored: false };
        rayon::scope(|scope| tree.folder(scope, top));
        let mut by_name = std::mem::take(&mut tree.found.lock().unwrap_or_else(PoisonError::into_inner).by_name);
        by_name.sort();
        let told: Vec<Skipped> = by_name.iter().filter_map(|(spelled, real)| tree.skipped_by_name(spelled, real)).collect();
        let mut found = tree.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.skipped.extend(told);
        found.ignored = tree.ignored.into_inner();
        found
    }

    fn folder<'s>(&'s self, scope: &Scope<'s>, folder: Folder) {
        let entries = match entries(&folder.spelled) {
            Ok(entries) => entries,
            Err(e) => return self.skip(&folder.spelled, regular::reason(&e)),
        };
        let has = |name: &str| entries.iter().any(|(entry, _)| entry == name);
        // A repository within the repository has an index of its own.
        let foreign = has(".git") && self.repository.as_ref().is_some_and(|r| *r != folder.real);
        let mut patterns = folder.patterns.filter(|_| !foreign);
        let of = self.walk.gitignore_of.as_deref();
        if let Some(repository) = self.repository.as_deref().filter(|_| !foreign && !self.walk.no_gitignore)
            && (of.is_some() || has(patterns::FILE_NAME))
        {
            patterns = patterns::in_folder(patterns, repository, &folder.real, of);
        }
        let mut group = Vec::new();
        for (name, kind) in entries {
            let (path, real) = (folder.spelled.join(&name), folder.real.join(&name));
            if self.walk.is_excluded(&path, self.root.climb) {
                continue;
            }
            if kind.is_dir() && is_never_read(&name, &path) {
                if name != HISTORY {
                    self.lock(|found| found.by_name.push((path, real)));
                }
                continue;
            }
            let ignored = folder.ignored || patterns.as_ref().is_some_and(|p| p.ignores(&real, kind.is_dir()));
            if ignored && self.is_hidden(&real, kind.is_dir()) {
                self.ignored.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if kind.is_dir() {
                let next = Folder { spelled: path, real, patterns: patterns.clone(), ignored };
                scope.spawn(move |scope| self.folder(scope, next));
                continue;
            }
            group.push(Candidate { path, kind });
            if group.len() == GROUP {
                let group = std::mem::take(&mut group);
                scope.spawn(move |_| self.files(group));
            }
        }
        self.files(group);
    }

    /// Whether nothing of an ignored path is tracked. What is tracked cannot be told without an index: then nothing is hidden.
    fn is_hidden(&self, real: &Path, is_folder: bool) -> bool {
        let (Some(tracked), Some(path)) = (self.tracked(), self.inside(real)) else { return false };
        if is_folder { tracked.below(&path).next().is_none() } else { !tracked.holds(&path) }
    }

    fn tracked(&self) -> Option<&Tracked> {
        self.tracked.get_or_init(|| Tracked::read(self.repository.as_deref()?)).as_ref()
    }

    /// A canonical path as the index writes it.
    fn inside(&self, real: &Path) -> Option<Vec<u8>> {
        let inside = real.strip_prefix(self.repository.as_ref()?).ok()?.as_os_str().as_encoded_bytes();
        let slash = |b: &u8| if std::path::MAIN_SEPARATOR == '\\' && *b == b'\\' { b'/' } else { *b };
        Some(inside.iter().map(slash).collect())
    }

    fn files(&self, group: Vec<Candidate>) {
        for candidate in group {
            match self.file(&candidate) {
                Some(Ok(read)) => self.lock(|found| found.reads.push(read)),
                Some(Err(skip)) => self.lock(|found| found.skipped.push(skip)),
                None => {}
            }
        }
    }

    fn file(&self, candidate: &Candidate) -> Option<Result<Read, Skipped>> {
        let Candidate { path, kind } = candidate;
        if kind.is_symlink() {
            let real = path.canonicalize().ok()?;
            if let Some(reason) = self.refused(path, &real) {
                return Some(Err(self.told(path, reason)));
            }
            if !real.is_file() {
                return None;
            }
        }
        let Some(read) = self.walk.read(path, self.root.climb, false) else {
            if unread::is_candidate(path) {
                self.lock(|found| found.unread.push(path.clone()));
            }
            return None;
        };
        if path.to_str().is_none() && read.as_ref().is_ok_and(|r| r.file.hit || r.file.kind.is_terraform()) {
            // It has no path that anything could refer to.
            return Some(Err(self.told(path, "its name is not UTF-8, so it was not judged".to_owned())));
        }
        Some(read)
    }

    /// Why a link is not followed; none for one to a file of the roots, which is how environments share a Terraform file, and
    /// for one to a folder that is walked anyway.
    fn refused(&self, link: &Path, real: &Path) -> Option<String> {
        if real.is_dir() {
            let walked = self.walk.roots.iter().any(|root| root.folder && real.starts_with(&root.real));
            return (!walked).then(|| "a link to a folder that is not below what is checked: it was not followed".to_owned());
        }
        let inside = self.walk.boundaries.iter().any(|b| real.starts_with(b));
        let wanted = || FileKind::of(&link.to_string_lossy()).is_some();
        (!inside && wanted()).then(|| "a link that leads out of the repository: it was not followed".to_owned())
    }

    /// What is told of a folder that is skipped by its name: how many of its files hold one of the words that matter. Of a
    /// repository only what it tracks counts: the rest is what tools put there.
    fn skipped_by_name(&self, spelled: &Path, real: &Path) -> Option<Skipped> {
        let files: Vec<PathBuf> = match self.repository.as_ref().map(|_| self.tracked()) {
            Some(Some(tracked)) => {
                let (inside, root) = (self.inside(real)?, self.repository.as_ref()?);
                let names = tracked.below(&inside).filter_map(|name| std::str::from_utf8(name).ok());
                names.filter(|name| FileKind::of(name).is_some()).take(MAX_PEEKED + 1).map(|name| root.join(name)).collect()
            }
            _ => below(real),
        };
        let looked = files.iter().take(MAX_PEEKED);
        let hits: Vec<&PathBuf> =
            looked.filter(|file| read::file(file).is_ok_and(|text| matters(&file.to_string_lossy(), &text))).collect();
        let first = hits.first().and_then(|file| file.strip_prefix(real).ok()).map(|file| file.to_string_lossy().into_owned());
        let reason = told_by_name(first, hits.len(), files.len() > MAX_PEEKED)?;
        Some(self.told(spelled, reason))
    }

    fn skip(&self, path: &Path, reason: String) {
        let skip = self.told(path, reason);
        self.lock(|found| found.skipped.push(skip));
    }

    fn told(&self, path: &Path, reason: String) -> Skipped {
        Skipped { path: paths::shown(&self.walk.working_directory, path, self.root.climb), reason }
    }

    fn lock(&self, change: impl FnOnce(&mut Found)) {
        change(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Why a folder was skipped by its name, where that matters: `first` of its `hits` files with words of trust; `more` than were looked at.
pub(super) fn told_by_name(first: Option<String>, hits: usize, more: bool) -> Option<String> {
    let of = if more { format!(" (of the first {MAX_PEEKED})") } else { String::new() };
    match (first, more) {
        (Some(first), _) => Some(format!(
            "a folder that is skipped by its name, with {hits} files{of} that may hold trusts, as `{first}`: they were not judged"
        )),
        (None, true) => Some(format!("a folder that is skipped by its name: of its files only the first {MAX_PEEKED} were looked at")),
        (None, false) => None,
    }
}

/// What is in a folder.
fn entries(folder: &Path) -> std::io::Result<Vec<(OsString, FileType)>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        out.push((entry.file_name(), entry.file_type()?));
    }
    Ok(out)
}

/// The files below a folder that have a reader, through no link; a few more than are looked at.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let (Some(folder), true) = (open.pop(), out.len() <= MAX_PEEKED) {
        let mut inside = entries(&folder).unwrap_or_default();
        inside.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in inside {
            let path = folder.join(name);
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() && FileKind::of(&path.to_string_lossy()).is_some() {
                out.push(path);
            }
        }
    }
    out.truncate(MAX_PEEKED + 1);
    out
}

fn is_never_read(name: &OsStr, path: &Path) -> bool {
    NEVER.iter().any(|never| name == *never) || (name == "vendor" && path.join("modules.txt").is_file())
}

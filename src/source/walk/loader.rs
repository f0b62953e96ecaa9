//! Reading further files while the run goes on: siblings, modules, `file()`. Never outside the repositories of the scanned
//! roots; of a root without a repository, never outside of it but for the modules that it calls.

use super::{paths, read};
use crate::place::paths::normal;
use crate::source::git::{EntryKind, Revision};
use crate::source::{SourceFile, Sources, regular};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many folders above a scanned one a module may stand in, where no repository says where the project ends.
const MAX_CLIMB: usize = 4;
/// Most names that [`Loader::list`] gives of one folder.
const MAX_LISTED: usize = 10_000;

/// Reads files of the scanned roots on demand. Cheap to share; loading is safe from several threads.
#[derive(Debug)]
pub struct Loader {
    sources: Arc<Sources>,
    from: From,
}

#[derive(Debug)]
enum From {
    Disk {
        working_directory: PathBuf,
        /// Canonical folders that everything read must stand in: the repositories of the roots, or the roots themselves.
        boundaries: Vec<PathBuf>,
        /// Canonical folders whose Terraform files may be read as modules: above roots that stand in no repository.
        modules: Vec<PathBuf>,
    },
    Memory(BTreeMap<String, Arc<str>>),
    Revision {
        working_directory: PathBuf,
        revision: Arc<Revision>,
    },
}

impl Loader {
    pub(super) fn disk(sources: Arc<Sources>, working_directory: PathBuf, boundaries: Vec<PathBuf>, rootless: &[PathBuf]) -> Self {
        let modules = rootless.iter().filter_map(|root| root.ancestors().take(MAX_CLIMB + 1).filter(|a| a.parent().is_some()).last());
        let modules = modules.map(Path::to_path_buf).collect();
        Self { sources, from: From::Disk { working_directory, boundaries, modules } }
    }

    pub(super) fn memory(sources: Arc<Sources>, files: BTreeMap<String, Arc<str>>) -> Self {
        Self { sources, from: From::Memory(files) }
    }

    pub(super) fn revision(sources: Arc<Sources>, working_directory: PathBuf, revision: Arc<Revision>) -> Self {
        Self { sources, from: From::Revision { working_directory, revision } }
    }

    /// The files read so far.
    #[must_use]
    pub fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// The file at `path` (relative to the working directory, `.` and `..` allowed), read when it was not yet.
    ///
    /// None when there is no such file, when it (or what it links to) stands outside the scanned roots, and when it is
    /// too large or no text.
    #[must_use]
    pub fn load(&self, path: &str) -> Option<Arc<SourceFile>> {
        let path = normal(path)?;
        if let Some(file) = self.sources.by_path(&path) {
            return Some(file);
        }
        let text: Arc<str> = match &self.from {
            From::Memory(files) => Arc::clone(files.get(&path)?),
            From::Disk { .. } => Arc::from(read::file(&self.inside(&path)?).ok()?),
            From::Revision { revision, .. } => {
                let entry = revision.entry(&self.in_revision(&path)?)?;
                Arc::from(revision.bytes(entry, regular::MAX_FILE_BYTES).and_then(read::text).ok()?)
            }
        };
        Some(self.sources.add(path, text))
    }

    /// The names in a folder, sorted; a folder's name ends with `/`. Empty when it is not in the scanned roots.
    #[must_use]
    pub fn list(&self, folder: &str) -> Vec<String> {
        let Some(folder) = normal(folder) else { return Vec::new() };
        match &self.from {
            From::Memory(files) => {
                let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
                children(files.keys().filter_map(|path| path.strip_prefix(&prefix)))
            }
            From::Revision { revision, .. } => {
                let Some(inside) = self.in_revision(&folder) else { return Vec::new() };
                let start = if inside.is_empty() { 0 } else { inside.len() + 1 };
                let files = revision.below(&inside).filter(|(_, entry)| entry.kind != EntryKind::Submodule);
                children(files.filter_map(|(path, _)| path.get(start..)))
            }
            From::Disk { .. } => self.inside(&folder).map(|p| names(&p)).unwrap_or_default(),
        }
    }

    /// The files of a Terraform module that a relative source leads to, those that `wanted` takes by name. Beside the scanned
    /// roots the folder may stand a few levels above them when no repository says where the project ends, so that what is
    /// found does not depend on the folder that fedlint was started in. No link is followed there.
    #[must_use]
    pub fn module(&self, folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<Arc<SourceFile>> {
        let within = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let names = self.list(folder);
        let mut files: Vec<_> = names.iter().filter(|n| wanted(n)).filter_map(|n| self.load(&within(n))).collect();
        if let (true, Some(beside)) = (names.is_empty(), self.beside(folder)) {
            for name in self::names(&beside).iter().filter(|n| wanted(n)) {
                let Some(path) = normal(&within(name)) else { continue };
                let known = self.sources.by_path(&path);
                let file = beside.join(name);
                let read = || file.symlink_metadata().ok().filter(|m| m.is_file()).and_then(|_| read::file(&file).ok());
                files.extend(known.or_else(|| read().map(|text| self.sources.add(path, Arc::from(text)))));
            }
        }
        files
    }

    /// What a path leads to in the revision.
    fn in_revision(&self, path: &str) -> Option<String> {
        let From::Revision { working_directory, revision } = &self.from else { return None };
        revision.real(&revision.inside(&paths::absolute(working_directory, Path::new(path)))?)
    }

    /// A folder above the roots, spelled without links.
    fn beside(&self, folder: &str) -> Option<PathBuf> {
        let From::Disk { working_directory, modules, .. } = &self.from else { return None };
        let spelled = paths::absolute(&working_directory.canonicalize().ok()?, Path::new(folder));
        let real = spelled.canonicalize().ok()?;
        (real == spelled && modules.iter().any(|m| real.starts_with(m))).then_some(real)
    }

    /// The canonical path of what stands at `path`, when that is in the scanned roots.
    fn inside(&self, path: &str) -> Option<PathBuf> {
        let From::Disk { working_directory, boundaries, .. } = &self.from else { return None };
        let real = working_directory.join(path).canonicalize().ok()?;
        boundaries.iter().any(|b| real.starts_with(b)).then_some(real)
    }
}

/// The names at the top of paths; a folder's name ends with `/`.
fn children<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<String> {
    let names: BTreeSet<String> =
        paths.map(|rest| rest.split_once('/').map_or_else(|| rest.to_owned(), |(first, _)| format!("{first}/"))).collect();
    names.into_iter().take(MAX_LISTED).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
        Some(if is_folder { format!("{name}/") } else { name })
    };
    let mut all: Vec<String> = entries.filter_map(Result::ok).take(MAX_LISTED).filter_map(name).collect();
    all.sort_unstable();
    all
}

//! Which files are read.
//!
//! One parallel walk reads each candidate once, tests it for the few words that matter and keeps the text of those that
//! have one. The rest stays on disk until something refers to it ([`Loader`]).

mod kind;
mod loader;
mod paths;
mod patterns;
mod read;
mod revision;
#[cfg(test)]
mod tests;
mod tracked;
mod tree;
mod unread;

pub use kind::{FileKind, calls_local_module, is_markdown, is_script, matters};
pub use loader::Loader;
pub use paths::{repository, repository_folder, shown_folder};

use crate::place::paths::{folder_of, normal};
use crate::source::git::Revision;
use crate::source::{SourceFile, Sources, regular};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tree::{Found, Tree};

/// Folders that hold no source of the repository.
const NEVER: [&str; 17] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    "node_modules",
    "bower_components",
    ".terraform",
    ".terragrunt-cache",
    ".venv",
    "site-packages",
    "__pycache__",
    ".tox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".gradle",
    ".direnv",
];

/// What to walk.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folders to walk and files to read whatever their name. Empty means the working directory.
    pub roots: Vec<PathBuf>,
    /// Globs of paths (as they are shown) to leave out; `*` crosses no `/`, `**` does, a folder leaves out what is in it.
    pub exclude: Vec<String>,
    /// Further globs, of paths from a folder (absolute): what a configuration file says.
    pub exclude_in: Option<(PathBuf, Vec<String>)>,
    /// Read what `.gitignore` leaves out, too: whoever wrote the tree wrote that file.
    pub no_gitignore: bool,
    /// Take the `.gitignore` files of this revision, and none of the disk.
    pub gitignore_of: Option<Arc<Revision>>,
    /// Read the fenced blocks of Markdown, too.
    pub markdown: bool,
    /// What paths are relative to; none means the process's.
    pub working_directory: Option<PathBuf>,
    /// Read the files of this revision and none of the disk.
    pub revision: Option<Arc<Revision>>,
}

impl Options {
    /// The folder that paths are relative to.
    fn here(&self) -> Result<PathBuf, ScanError> {
        let process = || std::env::current_dir().map_err(ScanError::WorkingDirectory);
        Ok(match &self.working_directory {
            Some(folder) if folder.is_absolute() => paths::absolute(folder, Path::new("")),
            Some(folder) => paths::absolute(&process()?, folder),
            None => process()?,
        })
    }
}

/// A candidate that was read.
#[derive(Debug, Clone)]
pub struct ScannedFile {
    /// As it is shown: relative to the working directory, with `/`.
    pub path: String,
    /// By its name; an explicit file of an unknown name is guessed by its content.
    pub kind: FileKind,
    /// It holds one of the words that matter, or was named explicitly.
    pub hit: bool,
    /// A Terraform file that may call a module by a relative path.
    pub calls_local_module: bool,
    /// It stands in the `templates` of a Helm chart.
    pub chart_template: bool,
    /// Its text, for hits.
    pub source: Option<Arc<SourceFile>>,
}

/// A path that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// As it is shown.
    pub path: String,
    /// Lower case, no full stop.
    pub reason: String,
}

/// What a walk found, everything in the order of the paths.
#[derive(Debug)]
pub struct Scan {
    /// The candidates that were read.
    pub files: Vec<ScannedFile>,
    /// What could not be.
    pub skipped: Vec<Skipped>,
    /// How many files and folders an exclusion left out.
    pub excluded: usize,
    /// How many files and folders `.gitignore` left out, none of them tracked.
    pub ignored: usize,
    /// How many files were read.
    pub read_count: usize,
    /// Reads further files.
    pub loader: Loader,
}

/// Why there is no scan.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// An argument names nothing.
    #[error("no such file or folder: `{0}`")]
    NotFound(String),
    /// The pattern is not a valid glob.
    #[error("`{pattern}` is not a glob: {why}")]
    Glob {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// The process has no working directory.
    #[error("the working directory cannot be read: {0}")]
    WorkingDirectory(#[source] std::io::Error),
    /// The user's models of modules cannot be used.
    #[error("the models of modules cannot be used: {0}")]
    Models(String),
    /// The configuration of a part of the tree, or a rule of the user's own, cannot be used.
    #[error("{0}")]
    Configuration(String),
}

/// A file between reading and its place in [`Sources`].
struct Read {
    file: ScannedFile,
    text: Option<String>,
    /// A large file that matters: it is read again when all are known, so that how many are kept does not depend on threads.
    large: bool,
}

/// From this size on a file is a large one.
const LARGE: usize = 1 << 20;
/// Most bytes of large files that are kept.
const MAX_LARGE: usize = 64 << 20;

impl Scan {
    /// Walks the roots. The texts of hits are added to `sources`, in the order of their paths.
    ///
    /// # Errors
    /// When a root does not exist or an exclusion is not a valid glob. An unreadable path below a root is only skipped.
    pub fn run(options: &Options, sources: &Arc<Sources>) -> Result<Self, ScanError> {
        if let Some(revision) = &options.revision {
            return Self::of_revision(options, revision, sources);
        }
        let walk = Walk::new(options)?;
        let mut reads = Vec::new();
        let mut skipped = Vec::new();
        let mut folders = Vec::new();
        for root in &walk.roots {
            if root.folder {
                folders.push(root);
            } else {
                match walk.read(&root.path, root.climb, true) {
                    Some(Ok(read)) => reads.push(read),
                    Some(Err(skip)) => skipped.push(skip),
                    None => {}
                }
            }
        }
        let mut ignored = 0;
        let mut unread = Vec::new();
        for root in folders {
            let Found { reads: more, skipped: not, ignored: hidden, unread: programs, .. } = Tree::walk(&walk, root);
            unread.extend(programs.into_iter().map(|path| unread::Candidate::disk(&walk.working_directory, path, root.climb)));
            reads.extend(more);
            skipped.extend(not);
            ignored += hidden;
        }
        skipped.extend(unread::told(unread, &reads));
        let loader = Loader::disk(Arc::clone(sources), walk.working_directory, walk.boundaries, &walk.rootless);
        let mut scan = Self::assemble(reads, skipped, loader);
        scan.excluded = walk.excluded.load(Ordering::Relaxed);
        scan.ignored = ignored;
        Ok(scan)
    }

    fn of_revision(options: &Options, revision: &Arc<Revision>, sources: &Arc<Sources>) -> Result<Self, ScanError> {
        let working_directory = options.here()?;
        let exclude = Exclusion::new(options)?;
        let found = revision::walk(options, revision, &working_directory, &exclude)?;
        let loader = Loader::revision(Arc::clone(sources), working_directory, Arc::clone(revision));
        let mut scan = Self::assemble(found.reads, found.skipped, loader);
        scan.excluded = found.excluded;
        Ok(scan)
    }

    /// A scan of files that are only in memory, as (path, text); of Markdown when `markdown` says so. All are kept as hits or not like files on disk;
    /// a later file with the same path is ignored.
    #[must_use]
    pub fn from_memory(files: Vec<(String, String)>, markdown: bool, sources: &Arc<Sources>) -> Self {
        let mut all: BTreeMap<String, Arc<str>> = BTreeMap::new();
        for (path, text) in files {
            if let Some(path) = normal(&path) {
                all.entry(path).or_insert_with(|| Arc::from(read::without_mark(text)));
            }
        }
        let reads = all.iter().filter_map(|(path, text)| {
            let documentation = || (markdown && is_markdown(path)).then_some(FileKind::Markdown);
            let kind = FileKind::of(path)
                .or_else(documentation)
                .or_else(|| (is_bare(path) && is_script(text.as_bytes())).then_some(FileKind::Shell))?;
            Some(judge(path.clone(), kind, text.to_string(), false))
        });
        let reads: Vec<Read> = reads.collect();
        let programs = all.iter().filter(|(path, _)| unread::is_candidate(Path::new(path)));
        let programs = programs.map(|(path, text)| unread::Candidate { path: path.clone(), text: unread::Text::Memory(text.to_string()) });
        let skipped = unread::told(programs.collect(), &reads);
        let loader = Loader::memory(Arc::clone(sources), all);
        Self::assemble(reads, skipped, loader)
    }

    fn assemble(mut reads: Vec<Read>, mut skipped: Vec<Skipped>, loader: Loader) -> Self {
        // An explicit file that a root holds too is one file: the explicit one, which is a hit, comes first.
        reads.sort_by(|a, b| a.file.path.cmp(&b.file.path).then(b.file.hit.cmp(&a.file.hit)));
        reads.dedup_by(|b, a| a.file.path == b.file.path);
        let charts: BTreeSet<String> = reads.iter().filter_map(|r| chart_folder(&r.file.path)).collect();
        let read_count = reads.len();
        let mut files = Vec::new();
        let mut kept = 0;
        for Read { mut file, text, large } in reads {
            file.chart_template = in_templates(&file.path, &charts);
            if large && kept < MAX_LARGE {
                file.source = loader.load(&file.path);
                kept += file.source.as_ref().map_or(0, |source| source.text.len());
            } else {
                file.source = text.map(|t| loader.sources().add(file.path.clone(), t));
            }
            if file.hit && file.source.is_none() {
                let reason = format!("the files of more than {} MiB are together more than {} MiB", LARGE >> 20, MAX_LARGE >> 20);
                skipped.push(Skipped { path: file.path, reason });
            } else {
                files.push(file);
            }
        }
        skipped.sort_unstable();
        skipped.dedup();
        Self { excluded: 0, ignored: 0, read_count, files, skipped, loader }
    }

    /// The files that matter.
    pub fn hits(&self) -> impl Iterator<Item = &ScannedFile> {
        self.files.iter().filter(|f| f.hit)
    }
}

/// `a/b` for `a/b/Chart.yaml`.
fn chart_folder(path: &str) -> Option<String> {
    (path.rsplit('/').next()? == "Chart.yaml").then(|| folder_of(path).to_owned())
}

/// Whether the path stands below `templates` of one of the charts.
fn in_templates(path: &str, charts: &BTreeSet<String>) -> bool {
    let mut folder = folder_of(path);
    while !folder.is_empty() {
        let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        if name == "templates" && charts.contains(parent) {
            return true;
        }
        folder = parent;
    }
    false
}

/// What the words of a file make of it.
fn judge(path: String, kind: FileKind, text: String, explicit: bool) -> Read {
    let hit = explicit || matters(&path, &text);
    let terragrunt = path.ends_with("terragrunt.hcl");
    let calls_local_module = (kind.is_terraform() || terragrunt) && calls_local_module(&text);
    let file = ScannedFile { path, kind, hit, calls_local_module, chart_template: false, source: None };
    Read { file, text: hit.then_some(text), large: false }
}

struct Root {
    /// Absolute.
    path: PathBuf,
    /// Without links.
    real: PathBuf,
    folder: bool,
    /// It was given relative to the working directory, so it is shown so even outside of it.
    climb: bool,
}

struct Walk {
    working_directory: PathBuf,
    roots: Vec<Root>,
    /// Canonical folders that everything read must stand in.
    boundaries: Vec<PathBuf>,
    /// Those of them that no repository is around.
    rootless: Vec<PathBuf>,
    exclude: Exclusion,
    /// How many paths the exclusions left out.
    excluded: AtomicUsize,
    /// See [`Options::no_gitignore`].
    no_gitignore: bool,
    /// See [`Options::gitignore_of`].
    gitignore_of: Option<Arc<Revision>>,
    /// See [`Options::markdown`].
    markdown: bool,
}

/// What is left out.
struct Exclusion {
    /// Of paths as they are shown.
    shown: GlobSet,
    /// Of paths from a folder.
    within: Option<(PathBuf, GlobSet)>,
}

impl Exclusion {
    fn new(options: &Options) -> Result<Self, ScanError> {
        let within = options.exclude_in.as_ref().map(|(folder, patterns)| Ok((folder.clone(), globs(patterns)?))).transpose()?;
        Ok(Self { shown: globs(&options.exclude)?, within })
    }

    fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.within.as_ref().is_none_or(|(_, globs)| globs.is_empty())
    }

    fn holds(&self, path: &Path, base: &Path, climb: bool) -> bool {
        if !self.shown.is_empty() && self.shown.is_match(paths::shown(base, path, climb)) {
            return true;
        }
        self.within.as_ref().is_some_and(|(folder, globs)| path.strip_prefix(folder).is_ok_and(|inside| globs.is_match(inside)))
    }
}

impl Walk {
    fn new(options: &Options) -> Result<Self, ScanError> {
        let working_directory = options.here()?;
        let here = [PathBuf::from(".")];
        let given = if options.roots.is_empty() { &here[..] } else { &options.roots };
        let mut roots = Vec::new();
        let (mut boundaries, mut rootless) = (Vec::new(), Vec::new());
        for root in given {
            let path = paths::absolute(&working_directory, root);
            let not_found = || ScanError::NotFound(regular::one_line(&root.to_string_lossy()));
            let real = path.canonicalize().map_err(|_| not_found())?;
            let folder = real.is_dir();
            // The siblings of an explicit file belong to its module.
            let own = if folder { real.clone() } else { real.parent().map_or_else(|| real.clone(), Path::to_path_buf) };
            match paths::repository(&own) {
                Some(repository) => boundaries.push(repository),
                None => {
                    rootless.push(own.clone());
                    boundaries.push(own);
                }
            }
            roots.push(Root { path, real, folder, climb: root.is_relative() });
        }
        let (exclude, no_gitignore, markdown) = (Exclusion::new(options)?, options.no_gitignore, options.markdown);
        let (gitignore_of, excluded) = (options.gitignore_of.clone(), AtomicUsize::new(0));
        Ok(Self { working_directory, roots, boundaries, rootless, exclude, excluded, no_gitignore, gitignore_of, markdown })
    }

    /// Whether an exclusion leaves this path out; it is counted.
    fn is_excluded(&self, path: &Path, climb: bool) -> bool {
        let excluded = self.exclude.holds(path, &self.working_directory, climb);
        if excluded {
            self.excluded.fetch_add(1, Ordering::Relaxed);
        }
        excluded
    }

    /// Reads a candidate; none for a file that has no reader.
    fn read(&self, disk_path: &Path, climb: bool, explicit: bool) -> Option<Result<Read, Skipped>> {
        let path = paths::shown(&self.working_directory, disk_path, climb);
        let documentation = || ((explicit || self.markdown) && is_markdown(&path)).then_some(FileKind::Markdown);
        let wanted = FileKind::of(&path).or_else(documentation);
        // A script without an extension says in its first line that it is one.
        let wanted = wanted.or_else(|| (!explicit && is_bare(&path) && read::begins_as_script(disk_path)).then_some(FileKind::Shell));
        if wanted.is_none() && !explicit {
            return None;
        }
        if wanted.is_none() && unread::is_candidate(disk_path) {
            return Some(Err(Skipped { reason: unread::refusal(&path), path }));
        }
        finished(path, wanted, read::file(disk_path), explicit)
    }
}

/// The kind of a file that was named, by its name.
fn explicit_kind(path: &str) -> Option<FileKind> {
    FileKind::of(path).or_else(|| is_markdown(path).then_some(FileKind::Markdown))
}

/// A candidate whose text was read, or not.
fn finished(path: String, wanted: Option<FileKind>, text: Result<String, String>, explicit: bool) -> Option<Result<Read, Skipped>> {
    Some(match text {
        Ok(text) => {
            let Some(kind) = wanted.or_else(|| guess(&text)) else {
                let reason = "neither JSON nor YAML nor a script by what is in it: there is no reader for it".to_owned();
                return Some(Err(Skipped { path, reason }));
            };
            let mut read = judge(path, kind, text, explicit);
            read.large = read.text.as_ref().is_some_and(|text| text.len() >= LARGE);
            read.text = read.text.filter(|_| !read.large);
            Ok(read)
        }
        Err(reason) => Err(Skipped { path, reason }),
    })
}

/// A name without extension.
fn is_bare(path: &str) -> bool {
    !path.rsplit('/').next().unwrap_or(path).contains('.')
}

/// The kind of an explicit file that its name does not tell; none when its text does not either.
fn guess(text: &str) -> Option<FileKind> {
    match text.trim_start().as_bytes().first() {
        Some(b'{' | b'[') => Some(FileKind::Json),
        _ if text.starts_with("#!") => Some(FileKind::Shell),
        _ => text.lines().any(is_of_yaml).then_some(FileKind::Yaml),
    }
}

/// A line as a map or a list of YAML has it: `key:`, `key: value`, `- item`.
fn is_of_yaml(line: &str) -> bool {
    let bare = line.trim_start();
    let key = bare.split_once(':').filter(|(_, value)| value.is_empty() || value.starts_with(' '));
    bare.starts_with("- ") || key.is_some_and(|(key, _)| !key.is_empty() && !key.contains(' '))
}

fn globs(patterns: &[String]) -> Result<GlobSet, ScanError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let wrong = |e: &globset::Error| ScanError::Glob { pattern: pattern.clone(), why: e.kind().to_string() };
        let bare = pattern.trim_start_matches("./").trim_end_matches('/');
        set.add(GlobBuilder::new(bare).literal_separator(true).build().map_err(|e| wrong(&e))?);
    }
    set.build().map_err(|e| ScanError::Glob { pattern: patterns.join(", "), why: e.kind().to_string() })
}

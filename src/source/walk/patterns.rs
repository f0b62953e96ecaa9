//! What a repository's `.gitignore` files leave out. They are text of whoever wrote the repository: each is read like any other
//! file, through no link and up to a size, and none above the repository's root is looked at.
//! <https://git-scm.com/docs/gitignore>

use crate::place::paths;
use crate::source::git::Revision;
use crate::source::regular;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::Path;
use std::sync::Arc;

/// Largest file of patterns that is obeyed, in bytes.
const MAX_BYTES: u64 = 64 << 10;
/// Most patterns of one file.
const MAX_PATTERNS: usize = 1_000;
/// Most folders above each other with patterns.
const MAX_LEVELS: usize = 32;

/// The patterns of a folder, and those of the folders above it.
#[derive(Debug)]
pub(super) struct Patterns {
    own: Gitignore,
    above: Option<Arc<Self>>,
    level: usize,
}

/// The name of the files.
pub(super) const FILE_NAME: &str = ".gitignore";

impl Patterns {
    /// Those that hold above `folder`, which stands in `repository` (both canonical); of a revision where one is given.
    pub(super) fn around(repository: &Path, folder: &Path, revision: Option<&Revision>) -> Option<Arc<Self>> {
        let exclude = || below(None, repository, &repository.join(".git/info/exclude"));
        let mut patterns = if revision.is_some() { None } else { exclude() };
        let mut above: Vec<&Path> = folder.ancestors().skip(1).take_while(|a| a.starts_with(repository)).collect();
        above.reverse();
        for folder in above {
            patterns = in_folder(patterns, repository, folder, revision);
        }
        patterns
    }

    /// Whether git would not look at this path.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        let mut level = Some(self);
        while let Some(patterns) = level {
            let matched = patterns.own.matched(path, is_folder);
            if !matched.is_none() {
                return matched.is_ignore();
            }
            level = patterns.above.as_deref();
        }
        false
    }
}

/// The patterns above, and those of a folder of the repository (both canonical).
pub(super) fn in_folder(
    above: Option<Arc<Patterns>>,
    repository: &Path,
    folder: &Path,
    revision: Option<&Revision>,
) -> Option<Arc<Patterns>> {
    let Some(revision) = revision else { return below(above, folder, &folder.join(FILE_NAME)) };
    let inside = folder.strip_prefix(repository).ok().and_then(Path::to_str).map(|path| path.replace(std::path::MAIN_SEPARATOR, "/"));
    let entry = inside.and_then(|folder| revision.entry(&paths::inside(&folder, FILE_NAME)));
    let text = entry.and_then(|entry| String::from_utf8(revision.bytes(entry, MAX_BYTES).ok()?).ok());
    with(above, folder, text)
}

/// The patterns above, and those of a file that speaks of `folder`. One that is too large to be meant well is not obeyed:
/// what it would hide is read.
fn below(above: Option<Arc<Patterns>>, folder: &Path, file: &Path) -> Option<Arc<Patterns>> {
    // Git follows no link here either.
    let plain = file.symlink_metadata().is_ok_and(|m| m.is_file());
    let text = if plain { regular::text(file, MAX_BYTES, None).ok() } else { None };
    with(above, folder, text)
}

fn with(above: Option<Arc<Patterns>>, folder: &Path, text: Option<String>) -> Option<Arc<Patterns>> {
    let level = above.as_ref().map_or(0, |a| a.level + 1);
    let few = |text: &String| level < MAX_LEVELS && text.lines().count() <= MAX_PATTERNS;
    let Some(text) = text.filter(few) else { return above };
    let mut builder = GitignoreBuilder::new(folder);
    for line in text.lines() {
        // A line that is no pattern ignores nothing.
        let _ = builder.add_line(None, line);
    }
    match builder.build() {
        Ok(own) if !own.is_empty() => Some(Arc::new(Patterns { own, above, level })),
        _ => above,
    }
}

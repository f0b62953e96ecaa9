//! What a repository's `.gitignore` files leave out. They are text of whoever wrote the repository: each is read like any other
//! file, through no link and up to a size, and none above the repository's root is looked at.
//! <https://git-scm.com/docs/gitignore>

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
    /// Those that hold above and in `folder`, which stands in `repository` (both canonical).
    pub(super) fn around(repository: &Path, folder: &Path) -> Option<Arc<Self>> {
        let mut patterns = below(None, repository, &repository.join(".git/info/exclude"));
        let mut above: Vec<&Path> = folder.ancestors().skip(1).take_while(|a| a.starts_with(repository)).collect();
        above.reverse();
        for folder in above {
            patterns = below(patterns, folder, &folder.join(FILE_NAME));
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

/// The patterns above, and those of a file that speaks of `folder`. One that is too large to be meant well is not obeyed:
/// what it would hide is read.
pub(super) fn below(above: Option<Arc<Patterns>>, folder: &Path, file: &Path) -> Option<Arc<Patterns>> {
    let level = above.as_ref().map_or(0, |a| a.level + 1);
    // Git follows no link here either.
    let plain = file.symlink_metadata().is_ok_and(|m| m.is_file());
    let text = if plain && level < MAX_LEVELS { regular::text(file, MAX_BYTES, None).ok() } else { None };
    let Some(text) = text.filter(|text| text.lines().count() <= MAX_PATTERNS) else { return above };
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

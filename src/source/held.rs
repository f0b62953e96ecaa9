//! Where the files stand that a configuration names (a baseline, models, the configuration itself): on disk, or in a revision.

use super::git::Revision;
use super::regular;
use std::path::Path;

/// Where files stand.
#[derive(Debug, Clone, Copy)]
pub enum Held<'a> {
    /// On disk; with a folder (canonical), really below it.
    Disk(Option<&'a Path>),
    /// In a revision, whatever the disk holds.
    Revision(&'a Revision),
}

impl Held<'_> {
    /// The text of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// Why it is not read, lower case; never with a word of the file.
    pub fn text(&self, path: &Path, limit: u64) -> Result<String, String> {
        match self {
            Self::Disk(root) => regular::text(path, limit, *root),
            Self::Revision(revision) => revision.text(&std::path::absolute(path).map_err(|e| regular::reason(&e))?, limit),
        }
    }

    /// Whether a path goes through no link, so that what an error shows of the file is what the path says.
    #[must_use]
    pub fn is_plain(&self, path: &Path) -> bool {
        match self {
            Self::Disk(_) => regular::is_plain(path),
            Self::Revision(revision) => {
                let inside = std::path::absolute(path).ok().and_then(|path| revision.inside(&path));
                inside.is_some_and(|inside| revision.real(&inside).as_ref() == Some(&inside))
            }
        }
    }

    /// Whether something stands there under this name, be it a file or not.
    #[must_use]
    pub fn is_there(&self, path: &Path) -> bool {
        match self {
            Self::Disk(_) => path.symlink_metadata().is_ok(),
            Self::Revision(revision) => revision.inside(path).is_some_and(|path| revision.entry(&path).is_some()),
        }
    }

    /// The names in a folder, in no order.
    ///
    /// # Errors
    /// Why it is not read, lower case.
    pub fn names(&self, folder: &Path) -> Result<Vec<String>, String> {
        match self {
            Self::Disk(root) => {
                let real = folder.canonicalize().map_err(|e| regular::reason(&e))?;
                if root.is_some_and(|root| !real.starts_with(root)) {
                    return Err("it leads out of the repository, and links are not followed there".to_owned());
                }
                let entries = std::fs::read_dir(folder).map_err(|e| regular::reason(&e))?;
                Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
            }
            Self::Revision(revision) => {
                let folder = std::path::absolute(folder).ok().and_then(|folder| revision.real(&revision.inside(&folder)?));
                let folder = folder.ok_or_else(|| "it leads out of the repository".to_owned())?;
                let start = folder.len() + usize::from(!folder.is_empty());
                let names = revision.below(&folder).filter_map(|(path, _)| path.get(start..));
                Ok(names.filter(|name| !name.contains('/')).map(str::to_owned).collect())
            }
        }
    }
}

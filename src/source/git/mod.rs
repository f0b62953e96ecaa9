//! Revisions of a git repository, read from its objects: no checkout, no process, no setting of git.
//!
//! Whoever wrote the repository may be an enemy. Of git's folder only the names of revisions and the objects are read: what
//! `.git/config` says (includes, filters, commands, remotes) is never looked at, nothing is fetched, and every object and list has a
//! limit. <https://git-scm.com/docs/gitrepository-layout>

mod history;
mod objects;
mod refs;
mod revision;

pub use revision::{Entry, EntryKind, Revision};

use crate::source::regular;
use gix_hash::ObjectId;
use objects::Objects;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repository with its history.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The folder of its files, absolute, as it is spelled.
    root: PathBuf,
    /// Where git keeps what belongs to this checkout.
    own: PathBuf,
    /// Where git keeps what all checkouts share.
    common: PathBuf,
    objects: Arc<Objects>,
}

impl Repository {
    /// The repository that a folder stands in.
    ///
    /// # Errors
    /// There is none, or its objects cannot be read.
    pub fn around(folder: &Path) -> Result<Self, String> {
        let shown = || regular::one_line(&folder.to_string_lossy());
        let root = super::walk::repository(folder).ok_or_else(|| format!("`{}` stands in no git repository", shown()))?;
        let own = git_folder(&root).ok_or_else(|| format!("`{}` is no folder of git", shown_git(&root)))?;
        // A further work tree shares the objects and the names of the first (<https://git-scm.com/docs/git-worktree>).
        let common = match regular::text(&own.join("commondir"), MAX_LINE, None) {
            Ok(text) => own.join(text.trim()),
            Err(_) => own.clone(),
        };
        if common.join("reftable").is_dir() {
            return Err("git keeps the names of this repository's revisions in a reftable, which is not read".to_owned());
        }
        let objects = Arc::new(Objects::open(&common.join("objects"))?);
        Ok(Self { root, own, common, objects })
    }

    /// The files of a revision: a name of a branch, a tag or a remote's branch, a hash or its beginning, with `~N`, `^N` behind it.
    ///
    /// # Errors
    /// The repository does not hold it, or it has more files than are listed.
    pub fn revision(&self, name: &str) -> Result<Revision, String> {
        let commit = self.commit(name)?;
        Revision::of(name, commit, self.root.clone(), Arc::clone(&self.objects))
    }

    /// The same for the newest commit that two revisions come from.
    ///
    /// # Errors
    /// As [`Repository::revision`]; there is none, or the clone does not go back to it.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Revision, String> {
        let (first, second) = (self.commit(one)?, self.commit(other)?);
        let base = history::merge_base(&self.objects, first, second)?;
        let base = base.ok_or_else(|| {
            let (one, other) = (regular::one_line(one), regular::one_line(other));
            format!("`{one}` and `{other}` have no commit in common: in a shallow clone, fetch the whole history (`fetch-depth: 0`)")
        })?;
        Revision::of(&format!("{one}...{other}"), base, self.root.clone(), Arc::clone(&self.objects))
    }

    fn commit(&self, name: &str) -> Result<ObjectId, String> {
        refs::commit(self, name)
    }
}

/// Longest file of one line that git writes.
const MAX_LINE: u64 = 4 << 10;

fn shown_git(root: &Path) -> String {
    regular::one_line(&root.join(".git").to_string_lossy())
}

/// The folder that git keeps its files in. A work tree or a submodule has a file `.git` that names it.
#[must_use]
pub fn git_folder(repository: &Path) -> Option<PathBuf> {
    let git = repository.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = regular::text(&git, MAX_LINE, None).ok()?;
    Some(repository.join(text.strip_prefix("gitdir:")?.trim()))
}

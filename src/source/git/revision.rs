//! The files of one revision.

use super::history;
use super::objects::Objects;
use crate::place::paths::{self, normal};
use crate::source::regular::{self, MAX_FILE_BYTES};
use gix_hash::ObjectId;
use gix_object::{Kind, TreeRefIter};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most files of a revision: a tree of a few kilobytes can name more than there are atoms.
const MAX_FILES: usize = 1_000_000;
/// Most folders, for the same reason.
const MAX_FOLDERS: usize = 200_000;
/// Most folders in each other.
const MAX_DEPTH: usize = 128;
/// Largest list of one folder.
const MAX_LIST: u64 = 32 << 20;
/// Most links on the way to a file.
const MAX_LINKS: usize = 16;
/// Longest target of a link.
const MAX_TARGET: u64 = 4 << 10;

/// What stands under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// Another repository: its files are not in this one.
    Submodule,
}

/// A name in a revision.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    id: ObjectId,
}

/// The files of one revision, each read when it is asked for.
#[derive(Debug)]
pub struct Revision {
    /// As it was named.
    name: String,
    commit: ObjectId,
    root: PathBuf,
    entries: BTreeMap<String, Entry>,
    /// Names that are no UTF-8, or that no file can have, as they can be shown.
    unnamed: Vec<(String, Entry)>,
    objects: Arc<Objects>,
}

/// Two revisions of one commit hold the same files.
impl PartialEq for Revision {
    fn eq(&self, other: &Self) -> bool {
        self.commit == other.commit && self.root == other.root
    }
}
impl Eq for Revision {}

impl Revision {
    pub(super) fn of(name: &str, commit: ObjectId, root: PathBuf, objects: Arc<Objects>) -> Result<Self, String> {
        let tree = history::commit(&objects, commit)?.tree;
        let mut out = Self { name: name.to_owned(), commit, root, entries: BTreeMap::new(), unnamed: Vec::new(), objects };
        out.list_all(tree)?;
        Ok(out)
    }

    /// As it was named.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of its commit.
    #[must_use]
    pub fn commit(&self) -> String {
        self.commit.to_hex().to_string()
    }

    /// The folder of the repository, absolute: where the files would stand.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All names, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), *entry))
    }

    /// The names below a folder (`""` for all), in order.
    pub fn below(&self, folder: &str) -> impl Iterator<Item = (&str, Entry)> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = self.entries.range(prefix.clone()..);
        from.take_while(move |(path, _)| path.starts_with(&prefix)).map(|(path, entry)| (path.as_str(), *entry))
    }

    /// What has a name that nothing can refer to.
    #[must_use]
    pub fn unnamed(&self) -> &[(String, Entry)] {
        &self.unnamed
    }

    /// The entry with this path.
    #[must_use]
    pub fn entry(&self, path: &str) -> Option<Entry> {
        self.entries.get(path).copied()
    }

    /// Whether there is a folder with this path.
    #[must_use]
    pub fn is_folder(&self, path: &str) -> bool {
        path.is_empty() || self.below(path).next().is_some()
    }

    /// An absolute path as the revision names it; none outside of the repository.
    #[must_use]
    pub fn inside(&self, path: &Path) -> Option<String> {
        let inside = paths::tidy(path).strip_prefix(&self.root).ok()?.to_str()?.to_owned();
        normal(&inside.replace(std::path::MAIN_SEPARATOR, "/")).filter(|path| !path.starts_with(".."))
    }

    /// What a path leads to when its links are followed, all of them within the revision; none when one leads out of it.
    #[must_use]
    pub fn real(&self, path: &str) -> Option<String> {
        let mut path = normal(path)?;
        'links: for _ in 0..=MAX_LINKS {
            if path == ".." || path.starts_with("../") || path.starts_with('/') {
                return None;
            }
            let ends = path.match_indices('/').map(|(at, _)| at).chain(std::iter::once(path.len()));
            for end in ends {
                let (head, rest) = path.split_at(end);
                let Some(entry) = self.entry(head).filter(|entry| entry.kind == EntryKind::Link) else { continue };
                let target = self.objects.read(entry.id, Kind::Blob, MAX_TARGET).ok()?;
                let target = String::from_utf8(target).ok()?;
                path = paths::join(paths::folder_of(head), &format!("{target}{rest}"))?;
                continue 'links;
            }
            return Some(path);
        }
        None
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// Why it is not read, lower case.
    pub fn bytes(&self, entry: Entry, limit: u64) -> Result<Vec<u8>, String> {
        match entry.kind {
            EntryKind::File => self.objects.read(entry.id, Kind::Blob, limit.min(MAX_FILE_BYTES)),
            EntryKind::Link | EntryKind::Submodule => Err("not a regular file".to_owned()),
        }
    }

    /// The text of a file that a configuration names, links followed within the revision.
    ///
    /// # Errors
    /// Why it is not read, lower case.
    pub fn text(&self, path: &Path, limit: u64) -> Result<String, String> {
        let real = self.inside(path).and_then(|path| self.real(&path));
        let real = real.ok_or_else(|| "it leads out of the repository, and links are not followed there".to_owned())?;
        let entry = self.entry(&real).ok_or_else(|| "not found".to_owned())?;
        String::from_utf8(self.bytes(entry, limit)?).map_err(|_| "not UTF-8".to_owned())
    }

    /// Lists the tree. A revision that is too large is an error: of a part of it nothing could be said.
    fn list_all(&mut self, tree: ObjectId) -> Result<(), String> {
        let shown = regular::one_line(&self.name);
        let mut open = vec![(Vec::new(), tree, 0)];
        let mut folders = 0;
        while let Some((folder, id, depth)) = open.pop() {
            folders += 1;
            if folders > MAX_FOLDERS || depth > MAX_DEPTH || self.entries.len() + self.unnamed.len() > MAX_FILES {
                return Err(format!(
                    "`{shown}` has more than {MAX_FILES} files, {MAX_FOLDERS} folders, or {MAX_DEPTH} folders in each other: it is not read"
                ));
            }
            let at = || regular::one_line(&String::from_utf8_lossy(&folder));
            let list = self.objects.read(id, Kind::Tree, MAX_LIST).map_err(|why| format!("`{shown}`, folder `{}`: {why}", at()))?;
            for entry in TreeRefIter::from_bytes(&list, id.kind()) {
                let entry = entry.map_err(|_| format!("`{shown}`, folder `{}`: git's list cannot be read", at()))?;
                let mut path = folder.clone();
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(entry.filename);
                let kind = match entry.mode.kind() {
                    gix_object::tree::EntryKind::Tree => {
                        open.push((path, entry.oid.to_owned(), depth + 1));
                        continue;
                    }
                    gix_object::tree::EntryKind::Link => EntryKind::Link,
                    gix_object::tree::EntryKind::Commit => EntryKind::Submodule,
                    gix_object::tree::EntryKind::Blob | gix_object::tree::EntryKind::BlobExecutable => EntryKind::File,
                };
                let found = Entry { kind, id: entry.oid.to_owned() };
                match String::from_utf8(path) {
                    Ok(path) if normal(&path).as_deref() == Some(path.as_str()) && !path.starts_with("..") => {
                        self.entries.insert(path, found);
                    }
                    Ok(path) => self.unnamed.push((path, found)),
                    Err(e) => self.unnamed.push((String::from_utf8_lossy(e.as_bytes()).into_owned(), found)),
                }
            }
        }
        self.unnamed.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(())
    }
}

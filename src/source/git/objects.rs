//! The objects of a repository: commits, trees, blobs. Each has a limit, also what it is a delta of.

use crate::source::regular;
use gix_hash::{Kind as Hash, ObjectId};
use gix_object::{Find as _, Kind};
use gix_odb::{HandleArc, Header as _, Store};
use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes that are made ready at once for one object, what it is a delta of included.
const MAX_ALLOCATION: usize = 64 << 20;

/// The objects, shared between threads.
pub(super) struct Objects {
    handle: Mutex<HandleArc>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

impl Objects {
    pub(super) fn open(folder: &Path) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("the objects of the repository cannot be read: {}", regular::reason(&e));
        let options = gix_odb::store::init::Options { alloc_limit_bytes: Some(MAX_ALLOCATION), ..Default::default() };
        let store = Store::at_opts(folder.to_path_buf(), Hash::Sha1, &mut std::iter::empty(), options).map_err(failed)?;
        let mut handle = Arc::new(store).to_handle_arc();
        // What `.git/refs/replace` puts in the place of an object is nobody's revision.
        handle.ignore_replacements = true;
        Ok(Self { handle: Mutex::new(gix_odb::Cache::from(handle)) })
    }

    /// The bytes of an object of this kind.
    ///
    /// # Errors
    /// Why it is not read, lower case.
    pub(super) fn read(&self, id: ObjectId, kind: Kind, limit: u64) -> Result<Vec<u8>, String> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || "not in this clone".to_owned();
        let broken = |_| "git's object cannot be read".to_owned();
        let header = gix_odb::Header::try_header(&*handle, &id).map_err(broken)?.ok_or_else(missing)?;
        if header.kind() != kind {
            return Err(format!("not a {kind}, but a {}", header.kind()));
        }
        if header.size() > limit {
            return Err(regular::too_large(limit));
        }
        let mut buffer = Vec::new();
        let data = handle.try_find(&id, &mut buffer).map_err(broken)?.ok_or_else(missing)?;
        if data.data.len() as u64 > limit {
            return Err(regular::too_large(limit));
        }
        Ok(data.data.to_vec())
    }

    /// The kind of an object; none when it is not there.
    pub(super) fn kind(&self, id: ObjectId) -> Option<Kind> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        handle.try_header(&id).ok().flatten().map(|header| header.kind())
    }

    /// The objects whose hash begins so.
    pub(super) fn beginning(&self, hex: &str) -> Vec<ObjectId> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(prefix) = gix_hash::Prefix::from_hex(hex) else { return Vec::new() };
        let mut found = HashSet::new();
        let _ = handle.lookup_prefix(prefix, Some(&mut found));
        found.into_iter().collect()
    }
}

//! Commits and what they come from.

use super::objects::Objects;
use gix_hash::ObjectId;
use gix_object::{CommitRefIter, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// Largest commit.
const MAX_COMMIT: u64 = 1 << 20;
/// Most commits that are walked.
pub(super) const MAX_COMMITS: usize = 1_000_000;

/// What is needed of a commit.
pub(super) struct Commit {
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    /// Seconds since 1970, as whoever made the commit wrote it.
    seconds: i64,
}

pub(super) fn commit(objects: &Objects, id: ObjectId) -> Result<Commit, String> {
    let bytes = objects.read(id, Kind::Commit, MAX_COMMIT).map_err(|why| format!("commit {}: {why}", id.to_hex_with_len(12)))?;
    let broken = || format!("commit {} cannot be read", id.to_hex_with_len(12));
    let all = || CommitRefIter::from_bytes(&bytes, id.kind());
    let tree = all().tree_id().map_err(|_| broken())?;
    let seconds = all().committer().ok().and_then(|c| c.time().ok()).map_or(0, |time| time.seconds);
    Ok(Commit { tree, parents: all().parent_ids().collect(), seconds })
}

const ONE: u8 = 1;
const OTHER: u8 = 2;
const STALE: u8 = 4;

/// The best commit that both come from: one that is an ancestor of no other such commit; of several the newest
/// (<https://git-scm.com/docs/git-merge-base>). What the clone does not hold is where it ends.
pub(super) fn merge_base(objects: &Objects, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, String> {
    if one == other {
        return Ok(Some(one));
    }
    let mut flags: BTreeMap<ObjectId, u8> = BTreeMap::new();
    let mut open: BTreeSet<(i64, ObjectId)> = BTreeSet::new();
    let mut common: BTreeSet<(i64, ObjectId)> = BTreeSet::new();
    for (id, flag) in [(one, ONE), (other, OTHER)] {
        *flags.entry(id).or_default() |= flag;
        open.insert((commit(objects, id)?.seconds, id));
    }
    let mut walked = 0;
    while let Some((seconds, id)) = open.pop_last() {
        walked += 1;
        if walked > MAX_COMMITS {
            return Err(format!("the history has more than {MAX_COMMITS} commits: name the base itself"));
        }
        let mut flag = flags.get(&id).copied().unwrap_or_default();
        if flag == ONE | OTHER {
            common.insert((seconds, id));
            flag |= STALE;
        }
        let Ok(found) = commit(objects, id) else { continue };
        for parent in found.parents {
            let known = flags.entry(parent).or_default();
            if *known | flag != *known {
                *known |= flag;
                let seconds = commit(objects, parent).map_or(i64::MIN, |c| c.seconds);
                open.insert((seconds, parent));
            }
        }
        let stale = |(_, id): &(i64, ObjectId)| flags.get(id).is_some_and(|flag| flag & STALE != 0);
        if !common.is_empty() && open.iter().all(stale) {
            break;
        }
    }
    common.retain(|(_, id)| flags.get(id).is_some_and(|flag| flag & STALE == 0));
    Ok(common.pop_last().map(|(_, id)| id))
}

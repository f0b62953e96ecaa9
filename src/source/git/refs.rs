//! Names of revisions. <https://git-scm.com/docs/gitrevisions>

use super::{MAX_LINE, Repository, history};
use crate::source::regular;
use gix_hash::ObjectId;
use gix_object::{Kind, TagRefIter};
use std::path::Path;

/// Largest list of packed names.
const MAX_PACKED: u64 = 64 << 20;
/// Most names that lead to another, and most tags of tags.
const MAX_HOPS: usize = 16;
/// Largest tag.
const MAX_TAG: u64 = 1 << 20;
/// Shortest beginning of a hash.
const SHORTEST: usize = 4;
/// Digits of a hash.
const WHOLE: usize = 40;

/// Where a short name may stand, in git's order.
const PLACES: [(&str, &str); 6] =
    [("", ""), ("refs/", ""), ("refs/tags/", ""), ("refs/heads/", ""), ("refs/remotes/", ""), ("refs/remotes/", "/HEAD")];

/// The commit of a name with what follows it.
pub(super) fn commit(repository: &Repository, text: &str) -> Result<ObjectId, String> {
    let shown = regular::one_line(text);
    let (name, steps) = text.split_at(text.find(['~', '^']).unwrap_or(text.len()));
    let unknown = || {
        format!("`{shown}` is no revision of this repository: a branch, a tag or a commit is; one of another repository has to be fetched")
    };
    let named = named(repository, if name == "@" { "HEAD" } else { name })?.ok_or_else(unknown)?;
    let mut commit = peeled(repository, named).ok_or_else(|| format!("`{shown}` is no commit, or the clone does not have it"))?;
    let mut rest = steps;
    while let Some(mark) = rest.chars().next() {
        rest = rest.get(1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("{commit}").filter(|_| mark == '^') {
            rest = after;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, after) = rest.split_at(digits);
        let count: usize = if count.is_empty() { 1 } else { count.parse().map_err(|_| unknown())? };
        rest = after;
        commit = step(repository, commit, mark, count).map_err(|why| format!("`{shown}`: {why}"))?.ok_or_else(unknown)?;
    }
    Ok(commit)
}

/// `~N`: the first parent, N times; `^N`: the Nth parent.
fn step(repository: &Repository, commit: ObjectId, mark: char, count: usize) -> Result<Option<ObjectId>, String> {
    let parent = |of: ObjectId, index: usize| Ok::<_, String>(history::commit(&repository.objects, of)?.parents.get(index).copied());
    match (mark, count) {
        ('~' | '^', 0) => Ok(Some(commit)),
        ('^', n) => parent(commit, n - 1),
        ('~', n) if n <= history::MAX_COMMITS => {
            let mut at = commit;
            for _ in 0..n {
                let Some(next) = parent(at, 0)? else { return Ok(None) };
                at = next;
            }
            Ok(Some(at))
        }
        _ => Ok(None),
    }
}

fn named(repository: &Repository, name: &str) -> Result<Option<ObjectId>, String> {
    let is_hex = name.len() >= SHORTEST && name.len() <= WHOLE && name.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex && name.len() == WHOLE {
        return Ok(ObjectId::from_hex(name.as_bytes()).ok());
    }
    if is_name(name) {
        for (before, after) in PLACES {
            if let Some(id) = reference(repository, &format!("{before}{name}{after}"), MAX_HOPS) {
                return Ok(Some(id));
            }
        }
    }
    if !is_hex {
        return Ok(None);
    }
    let commits: Vec<ObjectId> = repository.objects.beginning(name).into_iter().filter(|id| peeled(repository, *id).is_some()).collect();
    match commits.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(format!("several commits begin with `{name}`: write more of the hash")),
    }
}

/// A name that cannot lead out of git's folder (<https://git-scm.com/docs/git-check-ref-format>).
fn is_name(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    let bad = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    !name.is_empty() && name.split('/').all(part) && !name.contains(bad) && !name.contains("..") && !name.contains("@{")
}

/// What a whole name leads to.
fn reference(repository: &Repository, name: &str, hops: usize) -> Option<ObjectId> {
    let shared = name.starts_with("refs/");
    let folder = if shared { &repository.common } else { &repository.own };
    let Some(text) = loose(folder, name) else { return packed(repository, name) };
    // FETCH_HEAD has more behind the hash.
    let line = text.lines().next().unwrap_or_default();
    match line.strip_prefix("ref:") {
        Some(other) if hops > 0 && is_name(other.trim()) => reference(repository, other.trim(), hops - 1),
        Some(_) => None,
        None => ObjectId::from_hex(line.split_whitespace().next()?.as_bytes()).ok(),
    }
}

fn loose(folder: &Path, name: &str) -> Option<String> {
    let root = folder.canonicalize().ok()?;
    regular::text(&root.join(name), MAX_LINE, Some(&root)).ok()
}

/// A name in git's list of names.
fn packed(repository: &Repository, name: &str) -> Option<ObjectId> {
    let text = regular::text(&repository.common.join("packed-refs"), MAX_PACKED, None).ok()?;
    let line = text.lines().find(|line| line.split_once(' ').is_some_and(|(_, known)| known == name))?;
    ObjectId::from_hex(line.split_once(' ')?.0.as_bytes()).ok()
}

/// The commit that an object is, or that a tag stands for.
fn peeled(repository: &Repository, mut id: ObjectId) -> Option<ObjectId> {
    for _ in 0..MAX_HOPS {
        match repository.objects.kind(id)? {
            Kind::Commit => return Some(id),
            Kind::Tag => {
                let tag = repository.objects.read(id, Kind::Tag, MAX_TAG).ok()?;
                id = TagRefIter::from_bytes(&tag, id.kind()).target_id().ok()?;
            }
            _ => return None,
        }
    }
    None
}

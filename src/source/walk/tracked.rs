//! Which files a repository tracks: the names in git's index.
//! <https://git-scm.com/docs/index-format>

use crate::source::git::git_folder;
use crate::source::regular;
use std::ops::Range;
use std::path::Path;

/// Largest index that is read: half a million files.
const MAX_INDEX: u64 = 128 << 20;
/// Bytes of an entry before its name: times, modes, the hash (SHA-1), flags.
const FIXED: usize = 62;
/// Where the flags of an entry stand.
const FLAGS: usize = 60;
/// The flag of an entry with two more bytes of flags.
const EXTENDED: u16 = 0x4000;

/// The paths of the tracked files, from the repository's root, with `/`.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    /// All names, one after the other.
    text: Vec<u8>,
    /// Where each stands, in the order of git: by bytes.
    names: Vec<Range<usize>>,
}

impl Tracked {
    /// What a repository tracks; none when that cannot be told: there is no index, or one of a form that is not read.
    pub(super) fn read(repository: &Path) -> Option<Self> {
        let bytes = regular::bytes(&git_folder(repository)?.join("index"), MAX_INDEX).ok()?;
        parse(&bytes)
    }

    /// Whether this file is tracked.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.names.get(self.first(path)).and_then(|name| self.text.get(name.clone())) == Some(path)
    }

    /// The tracked files below a folder.
    pub(super) fn below<'a>(&'a self, folder: &[u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let prefix = if folder.is_empty() { Vec::new() } else { [folder, b"/"].concat() };
        let names = self.names.get(self.first(&prefix)..).unwrap_or_default();
        names.iter().filter_map(|name| self.text.get(name.clone())).take_while(move |name| name.starts_with(&prefix))
    }

    /// How many names stand before this one.
    fn first(&self, path: &[u8]) -> usize {
        self.names.partition_point(|name| self.text.get(name.clone()).is_some_and(|name| name < path))
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn parse(bytes: &[u8]) -> Option<Tracked> {
    let (version, count) = (number(bytes, 4)?, number(bytes, 8)?);
    if !bytes.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let mut tracked = Tracked::default();
    let mut at = 12;
    for _ in 0..count {
        at = entry(bytes, at, version, &mut tracked)?;
    }
    // What follows is optional, but for an index that is split: the rest of its names is elsewhere.
    let is_split = bytes.get(at..at + 4) == Some(b"link");
    (!is_split).then_some(tracked)
}

/// Reads the entry at `at`; where the next one starts.
fn entry(bytes: &[u8], at: usize, version: u32, tracked: &mut Tracked) -> Option<usize> {
    let flags = u16::from_be_bytes(bytes.get(at + FLAGS..at + FIXED)?.try_into().ok()?);
    let fixed = if flags & EXTENDED == 0 { FIXED } else { FIXED + 2 };
    let mut start = at + fixed;
    let last = tracked.names.last().cloned().unwrap_or(0..0);
    let mut name = Vec::new();
    if version == 4 {
        let (cut, after) = varint(bytes, start)?;
        name.extend_from_slice(tracked.text.get(last.start..last.end.checked_sub(cut)?)?);
        start = after;
    }
    let rest = bytes.get(start..)?;
    let length = memchr::memchr(0, rest)?;
    name.extend_from_slice(rest.get(..length)?);
    // Names are in order: what is not is no index, or one with longer hashes.
    if name.is_empty() || tracked.text.get(last)? > name.as_slice() {
        return None;
    }
    let from = tracked.text.len();
    tracked.text.extend_from_slice(&name);
    tracked.names.push(from..tracked.text.len());
    Some(if version == 4 { start + length + 1 } else { at + ((fixed + length + 8) & !7) })
}

/// A number of git's variable width, and where it ends.
fn varint(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut byte = *bytes.get(at)?;
    let mut value = usize::from(byte & 127);
    while byte & 128 != 0 {
        at += 1;
        byte = *bytes.get(at)?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 127))?;
    }
    Some((value, at + 1))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An index with these names, as git writes it.
    pub(in crate::source::walk) fn index(version: u32, names: &[&str]) -> Vec<u8> {
        let mut out = b"DIRC".to_vec();
        out.extend(version.to_be_bytes());
        out.extend(u32::try_from(names.len()).unwrap().to_be_bytes());
        let mut last = "";
        for name in names {
            let start = out.len();
            out.extend([0; FLAGS]);
            out.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            if version == 4 {
                let common = last.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
                out.push(u8::try_from(last.len() - common).unwrap());
                out.extend(&name.as_bytes()[common..]);
                out.push(0);
            } else {
                out.extend(name.bytes());
                out.extend(vec![0; 8 - (out.len() - start) % 8]);
            }
            last = name;
        }
        out
    }

    const NAMES: [&str; 5] = [".gitignore", "a.tf", "infra/deep/x.tf", "infra/main.tf", "infrastructure/y.tf"];

    #[test]
    fn names_of_every_version_are_read() {
        for version in [2, 3, 4] {
            let tracked = parse(&index(version, &NAMES)).unwrap();
            assert!(NAMES.iter().all(|name| tracked.holds(name.as_bytes())), "{version}");
            assert!(!tracked.holds(b"infra") && !tracked.holds(b"infra/main.tf2") && !tracked.holds(b""));
            assert_eq!(tracked.below(b"infra").collect::<Vec<_>>(), [&b"infra/deep/x.tf"[..], b"infra/main.tf"]);
            assert_eq!(tracked.below(b"").count(), 5);
            assert_eq!(tracked.below(b"z").count(), 0);
        }
    }

    #[test]
    fn what_is_no_index_is_unknown() {
        let good = index(2, &NAMES);
        let mut split = good.clone();
        split.extend(b"link\0\0\0\0");
        let mut foreign = good.clone();
        foreign[7] = 9;
        for bytes in [&b""[..], b"DIRC", &split, &foreign, &good[..good.len() - 20], &index(2, &["b", "a"])] {
            assert!(parse(bytes).is_none());
        }
        // A count that promises more than there is.
        let mut many = good;
        many[8..12].fill(0xff);
        assert!(parse(&many).is_none());
    }
}

//! Paths by their letters, with `/` between folders: the one place that joins them and takes `.` and `..` out. No disk is asked.

use std::path::{Component, Path, PathBuf};

/// `path` without `.`, `..` and doubled slashes; none when an absolute path climbs above its start.
#[must_use]
pub fn normal(path: &str) -> Option<String> {
    let (parts, climbs) = parts(path);
    match (path.starts_with('/'), climbs) {
        (true, true) => None,
        (true, false) => Some(format!("/{}", parts.join("/"))),
        (false, _) => Some(parts.join("/")),
    }
}

/// A relative `path` seen from `folder`, normal; none when it is absolute. Where reading ends is the loader's business: it knows the
/// repository, and a path that climbs out of the working directory may still lie in it.
#[must_use]
pub fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') { None } else { normal(&inside(folder, path)) }
}

/// `name` in `folder`, as it is written.
#[must_use]
pub fn inside(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The folder of a file, `""` for one at the top.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The shortest equal path, as Go's `filepath.Clean` gives it (<https://pkg.go.dev/path/filepath#Clean>).
#[must_use]
pub fn clean(path: &str) -> String {
    let joined = parts(path).0.join("/");
    match (path.starts_with('/'), joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// A path on disk without `.` and `..`; links are not resolved.
#[must_use]
pub fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

/// The parts that stay, and whether an absolute path climbed above its start (where such a `..` is left out).
fn parts(path: &str) -> (Vec<&str>, bool) {
    let absolute = path.starts_with('/');
    let (mut out, mut climbs) = (Vec::new(), false);
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if out.last().is_some_and(|last| *last != "..") => drop(out.pop()),
            ".." if absolute => climbs = true,
            part => out.push(part),
        }
    }
    (out, climbs)
}

#[cfg(test)]
mod tests {
    use super::{clean, folder_of, inside, join, normal};

    #[test]
    fn a_path_is_read_by_its_letters() {
        assert_eq!(normal("a/./b//../c").as_deref(), Some("a/c"));
        assert_eq!(normal("../../a").as_deref(), Some("../../a"));
        assert_eq!(normal("a/../../b").as_deref(), Some("../b"));
        assert_eq!(normal("/a/../b").as_deref(), Some("/b"));
        assert_eq!(normal("/a/../.."), None);
        assert_eq!(join("../k8s/overlay", "../base").as_deref(), Some("../k8s/base"));
        assert_eq!(join("../a", "../../b").as_deref(), Some("../../b"));
        assert_eq!(join("a", "/b"), None);
        assert_eq!((inside("", "b"), inside("a", "b")), ("b".to_owned(), "a/b".to_owned()));
        assert_eq!((folder_of("a/b/c"), folder_of("c"), folder_of("/c")), ("a/b", "", ""));
        assert_eq!((clean("/../a/"), clean("a/.."), clean("")), ("/a".to_owned(), ".".to_owned(), ".".to_owned()));
    }
}

//! Paths of folders and files as the scan shows them.

use crate::source::walk::normal;

/// `path` without `.`, `..` and doubled slashes; none when an absolute path climbs above its start.
pub(super) fn normalise(path: &str) -> Option<String> {
    normal(path)
}

/// `path` seen from `folder`; none when it is absolute. Where reading ends is the loader's business: it knows the repository,
/// and a path that climbs out of the working directory may still lie in it.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    if folder.is_empty() { normal(path) } else { normal(&format!("{folder}/{path}")) }
}

/// How `folder` is called from `root`: `path.module`.
pub(super) fn relative(root: &str, folder: &str) -> String {
    let split = |p: &str| p.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (split(root), split(folder));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut out: Vec<String> = vec!["..".to_owned(); from.len() - common];
    out.extend(to.into_iter().skip(common));
    if out.is_empty() { ".".to_owned() } else { out.join("/") }
}

//! Paths inside the scanned root.

/// Resolves `.`, `..` and doubled slashes of a relative path; none when it leaves the root.
pub(super) fn normalise(path: &str) -> Option<String> {
    let mut out: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                out.pop()?;
            }
            _ => out.push(part),
        }
    }
    Some(out.join("/"))
}

/// `path` seen from `folder`; none when it leaves the root.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') { None } else { normalise(&format!("{folder}/{path}")) }
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

//! Paths of folders and files as the scan shows them.

pub(super) use crate::place::paths::{join, normal};

/// How `folder` is called from `root`: `path.module`.
pub(super) fn relative(root: &str, folder: &str) -> String {
    let split = |p: &str| p.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (split(root), split(folder));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut out: Vec<String> = vec!["..".to_owned(); from.len() - common];
    out.extend(to.into_iter().skip(common));
    if out.is_empty() { ".".to_owned() } else { out.join("/") }
}

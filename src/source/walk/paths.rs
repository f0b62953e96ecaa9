//! Paths as fedlint shows them: relative to the working directory, with `/`.

use crate::place::paths::tidy;
use std::path::{Component, Path, PathBuf};

/// `path` on disk, absolute and without `.` and `..` (by its letters, links not resolved).
pub(super) fn absolute(working_directory: &Path, path: &Path) -> PathBuf {
    tidy(&working_directory.join(path))
}

/// The root of the repository that a folder stands in: the nearest folder above it, or itself, with a `.git`.
#[must_use]
pub fn repository(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|above| above.join(".git").exists()).map(Path::to_path_buf)
}

/// Where a folder stands in its repository, as `infra/prod`, `""` for the root; none outside of repositories.
#[must_use]
pub fn repository_folder(folder: &Path) -> Option<String> {
    folder.strip_prefix(repository(folder)?).ok().map(slashes)
}

/// An absolute path as it is shown: relative to the working directory, climbing with `..` where `climb` says so,
/// else absolute.
pub(super) fn shown(working_directory: &Path, path: &Path, climb: bool) -> String {
    if let Ok(inside) = path.strip_prefix(working_directory) {
        return slashes(inside);
    }
    if !climb {
        return slashes(path);
    }
    let (here, there): (Vec<Component<'_>>, Vec<Component<'_>>) = (working_directory.components().collect(), path.components().collect());
    let same = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
    let mut out = PathBuf::new();
    here.iter().skip(same).for_each(|_| out.push(".."));
    there.iter().skip(same).for_each(|c| out.push(c));
    slashes(&out)
}

/// A folder as the start of the paths that are shown of it: with a slash at the end, and empty for the working directory.
#[must_use]
pub fn shown_folder(working_directory: &Path, folder: &Path, climb: bool) -> String {
    let shown = shown(working_directory, folder, climb);
    if shown.is_empty() || shown.ends_with('/') { shown } else { shown + "/" }
}

fn slashes(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}

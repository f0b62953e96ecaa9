//! Files that are named by what is read (a configuration, a baseline, a model): only regular ones, of bounded size, and where a
//! root is given only those that really stand in it. A link in a checked tree can lead to `/proc/self/environ` or `/dev/zero`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file that somebody writes by hand: a configuration, an index of models.
pub const MAX_SETTINGS: u64 = 1 << 20;
/// Largest other file.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// The bytes of a regular file of at most `limit` bytes.
///
/// # Errors
/// Why it is not read, lower case.
pub fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    // Asked before it is opened: opening a named pipe waits for a writer, and a device may do anything.
    let metadata = std::fs::metadata(path).map_err(|e| reason(&e))?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if metadata.len() > limit {
        return Err(too_large(limit));
    }
    let file = File::open(path).map_err(|e| reason(&e))?;
    if !file.metadata().is_ok_and(|m| m.is_file()) {
        return Err("not a regular file".to_owned());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // The file may have grown since, and what the system makes up (`/proc`) has no length.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|e| reason(&e))?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// The text of such a file. With `root` (canonical), what the path really leads to must stand below it.
///
/// # Errors
/// Why it is not read, lower case; never with a word of the file.
pub fn text(path: &Path, limit: u64, root: Option<&Path>) -> Result<String, String> {
    if let Some(root) = root {
        let real = path.canonicalize().map_err(|e| reason(&e))?;
        if !real.starts_with(root) {
            return Err("it leads out of the repository, and links are not followed there".to_owned());
        }
    }
    String::from_utf8(bytes(path, limit)?).map_err(|_| "not UTF-8".to_owned())
}

/// Whether a path goes through no link, so that what an error shows of the file is what the path says.
#[must_use]
pub fn is_plain(path: &Path) -> bool {
    let Ok(absolute) = std::path::absolute(path) else { return false };
    let folder = absolute.parent().and_then(|p| p.canonicalize().ok());
    let real = absolute.canonicalize().ok();
    match (folder, absolute.file_name(), real) {
        (Some(folder), Some(name), Some(real)) => folder.join(name) == real,
        _ => false,
    }
}

/// What an error of the system says, in few words.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound => "not found".to_owned(),
        kind => kind.to_string(),
    }
}

/// A name of a file or a word of one in a message: on one line, its control characters shown.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// Why a file of more than `limit` bytes is not read.
pub(super) fn too_large(limit: u64) -> String {
    format!("larger than {}", size(limit))
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

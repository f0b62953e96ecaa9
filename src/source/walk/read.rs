//! From bytes on disk to text, or the reason why not.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest file that is read, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 16 << 20;

/// How many bytes at the start are searched for a NUL, which text does not have.
const BINARY_PROBE: usize = 8192;
/// What a file encrypted by git-crypt starts with.
const GIT_CRYPT: &[u8] = b"\0GITCRYPT";

/// Reads a file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// The reason why the file is skipped, lower case.
pub(super) fn file(path: &Path) -> Result<String, String> {
    let reason = |e: &std::io::Error| match e.kind() {
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::NotFound => "not found".to_owned(),
        kind => kind.to_string(),
    };
    let metadata = std::fs::metadata(path).map_err(|e| reason(&e))?;
    if !metadata.is_file() {
        // A named pipe would never end.
        return Err("not a regular file".to_owned());
    }
    let too_large = || format!("larger than {} MiB", MAX_FILE_BYTES >> 20);
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // The file may have grown since.
    let mut limited = File::open(path).map_err(|e| reason(&e))?.take(MAX_FILE_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(|e| reason(&e))?;
    if bytes.len() as u64 > MAX_FILE_BYTES { Err(too_large()) } else { text(bytes) }
}

/// Whether the first line of a file says that a shell runs it.
pub(super) fn begins_as_script(path: &Path) -> bool {
    const LINE: u64 = 128;
    // A named pipe would never begin.
    if !std::fs::metadata(path).is_ok_and(|m| m.is_file()) {
        return false;
    }
    let mut line = Vec::new();
    let read = File::open(path).map(|file| file.take(LINE).read_to_end(&mut line));
    matches!(read, Ok(Ok(_))) && super::is_script(&line)
}

/// The text of the bytes of a file, without a byte order mark.
///
/// # Errors
/// The reason why the file is skipped, lower case.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(GIT_CRYPT) {
        return Err("encrypted by git-crypt".to_owned());
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("encoded as UTF-16, not UTF-8".to_owned());
    }
    let probe = bytes.get(..BINARY_PROBE).unwrap_or(&bytes);
    if memchr::memchr(0, probe).is_some() {
        return Err("binary".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
    Ok(without_mark(text))
}

/// The text without its byte order mark.
pub(super) fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

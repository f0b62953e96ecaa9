//! From bytes on disk to text, or the reason why not.

use crate::source::regular;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest file that is read, in bytes.
pub(super) use crate::source::regular::MAX_FILE_BYTES;

/// How many bytes at the start are searched for a NUL, which text does not have.
const BINARY_PROBE: usize = 8192;
/// What a file encrypted by git-crypt starts with.
const GIT_CRYPT: &[u8] = b"\0GITCRYPT";

/// Reads a file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// The reason why the file is skipped, lower case.
pub(super) fn file(path: &Path) -> Result<String, String> {
    text(regular::bytes(path, MAX_FILE_BYTES)?)
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

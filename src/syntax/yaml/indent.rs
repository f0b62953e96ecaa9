//! Quoted scalars that go on at a lower column than YAML allows.
//!
//! YAML 1.2.2 wants the further lines of a quoted scalar indented more than the block that it stands in
//! (<https://yaml.org/spec/1.2.2/#741-double-quoted-style>), and the parser refuses the document. libyaml, go-yaml and
//! so kubectl, Helm and Kustomize read it. The line breaks of such a scalar are blanked, byte for byte, before the
//! parser sees it; what the scalar says is then read from its own text.

use granit_parser::{Event, Parser};
use std::ops::Range;

/// Most scalars of one file that are mended; each costs another pass.
pub(super) const MAX_MENDED: usize = 16;

/// Blanks the line breaks of the quoted scalar that holds the byte `at`, the first scalar behind `after`.
/// Gives the range of the scalar; nothing when there is none.
pub(super) fn mend(text: &mut String, after: usize, at: usize) -> Option<Range<usize>> {
    let start = opening(text.as_bytes(), after)?;
    let end = closing(text.as_bytes(), start)?;
    if !(start..end).contains(&at) {
        return None;
    }
    let mut bytes = std::mem::take(text).into_bytes();
    for byte in bytes.get_mut(start..end).unwrap_or_default() {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    // Only ASCII was replaced by ASCII.
    *text = String::from_utf8(bytes).unwrap_or_default();
    Some(start..end)
}

/// What a quoted scalar says that is a document of its own, where nothing forbids any indentation.
pub(super) fn alone(written: &str) -> Option<String> {
    for event in Parser::new_from_str(written) {
        if let Ok((Event::Scalar(text, ..), _)) = event {
            return Some(text.into_owned());
        }
    }
    None
}

/// The first quote behind `after` that is in no comment.
fn opening(bytes: &[u8], after: usize) -> Option<usize> {
    let mut comment = false;
    let mut before = b' ';
    for (i, byte) in bytes.iter().enumerate().skip(after) {
        match byte {
            b'\n' => comment = false,
            b'#' if before.is_ascii_whitespace() => comment = true,
            b'"' | b'\'' if !comment => return Some(i),
            _ => {}
        }
        before = *byte;
    }
    None
}

/// The byte behind the closing quote of the scalar that opens at `start`.
fn closing(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = *bytes.get(start)?;
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        let escaped = *byte == b'\\' && quote == b'"' || *byte == quote && quote == b'\'' && bytes.get(at + 1) == Some(&quote);
        if escaped {
            at += 2;
        } else if *byte == quote {
            return Some(at + 1);
        } else {
            at += 1;
        }
    }
    None
}

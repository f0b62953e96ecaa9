//! Cutting and comparing strings that are only partly known, without losing the places of what is known.
//!
//! A [`Text`] is looked at through its *flat* form: the literal characters with one NUL for each hole. Byte offsets of the
//! flat form name places in the text, so every cut keeps spans and trails.

use super::{Part, Text, Unknown};
use crate::place::Span;
use std::ops::Range;
use std::sync::Arc;

/// What stands for a hole in the flat form.
pub const HOLE: char = '\0';

/// The flat form: literal characters, one NUL per hole.
#[must_use]
pub fn flat(text: &Text) -> String {
    text.fill(|_| HOLE.to_string())
}

/// The identity of a text as one string: equal for two texts exactly when they are [`Text::same`].
#[must_use]
pub fn key(text: &Text) -> String {
    text.fill(|atom| format!("{HOLE}{}{HOLE}", atom.key()))
}

/// The part of a text that `range` of its flat form covers.
#[must_use]
pub fn slice(text: &Text, range: Range<usize>) -> Text {
    let mut parts = Vec::new();
    let mut at = 0;
    for part in &text.parts {
        let length = match part {
            Part::Literal { text, .. } => text.len(),
            Part::Hole { .. } => HOLE.len_utf8(),
        };
        let (from, to) = (range.start.max(at), range.end.min(at + length));
        if from < to {
            parts.extend(piece(part, from - at..to - at));
        }
        at += length;
    }
    Text { parts }
}

/// A literal cut down to `range` of its bytes, its place too; a hole as it is.
#[must_use]
pub fn piece(part: &Part, range: Range<usize>) -> Option<Part> {
    match part {
        Part::Hole { .. } => Some(part.clone()),
        Part::Literal { text, span, trail } => {
            let piece = text.get(range.clone())?;
            let span = span.map(|s| if s.len() == text.len() { s.slice(range) } else { s });
            Some(Part::Literal { text: Arc::from(piece), span, trail: trail.clone() })
        }
    }
}

/// The part of a text from byte `start` of its flat form on.
#[must_use]
pub fn tail(text: &Text, start: usize) -> Text {
    slice(text, start..usize::MAX)
}

/// The text without a literal prefix.
#[must_use]
pub fn strip_prefix(text: &Text, prefix: &str) -> Option<Text> {
    let whole = flat(text);
    whole.starts_with(prefix).then(|| slice(text, prefix.len()..whole.len()))
}

/// What stands before and after the first occurrence of `needle` among the literal characters.
#[must_use]
pub fn split_once(text: &Text, needle: &str) -> Option<(Text, Text)> {
    let whole = flat(text);
    let at = whole.find(needle)?;
    Some((slice(text, 0..at), slice(text, at + needle.len()..whole.len())))
}

/// What stands before and after the last occurrence of `needle` among the literal characters.
#[must_use]
pub fn rsplit_once(text: &Text, needle: &str) -> Option<(Text, Text)> {
    let whole = flat(text);
    let at = whole.rfind(needle)?;
    Some((slice(text, 0..at), slice(text, at + needle.len()..whole.len())))
}

/// The text without trailing slashes.
#[must_use]
pub fn trim_slashes(text: &Text) -> Text {
    let whole = flat(text);
    slice(text, 0..whole.trim_end_matches('/').len())
}

/// The atom of a text that is one hole and nothing else.
#[must_use]
pub fn only_atom(text: &Text) -> Option<&Unknown> {
    let mut atoms = text.atoms();
    let first = atoms.next()?;
    (atoms.next().is_none() && flat(text).len() == HOLE.len_utf8()).then_some(first)
}

/// Where the first hole of an atom is interpolated.
#[must_use]
pub fn hole_span(text: &Text, atom: &Unknown) -> Option<Span> {
    text.parts.iter().find_map(|part| match part {
        Part::Hole { atom: own, span, .. } if own == atom => *span,
        _ => None,
    })
}

/// True for a text whose first characters are not known.
#[must_use]
pub fn starts_unknown(text: &Text) -> bool {
    flat(text).starts_with(HOLE)
}

/// True for a text without any character or hole.
#[must_use]
pub fn is_empty(text: &Text) -> bool {
    flat(text).is_empty()
}

/// An issuer URL as clouds compare it with ARNs and condition keys: without scheme and trailing slash.
#[must_use]
pub fn without_scheme(url: &Text) -> Text {
    let bare = strip_prefix(url, "https://").or_else(|| strip_prefix(url, "http://"));
    trim_slashes(bare.as_ref().unwrap_or(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::UnknownKind;
    use crate::place::FileId;

    fn arn() -> Text {
        let atom = Unknown::new("infra||data.aws_caller_identity.me.account_id", UnknownKind::AccountId, "${account}", "not static", None);
        let mut text = Text::literal("arn:aws:iam::", Span::new(FileId(0), 10..23));
        text.push(&Text::hole(atom, None));
        text.push(&Text::literal(":role/a/b", Span::new(FileId(0), 40..49)));
        text
    }

    #[test]
    fn a_cut_keeps_places_and_holes() {
        let (before, after) = split_once(&arn(), ":role").unwrap();
        assert_eq!(before.to_string(), "arn:aws:iam::${account}");
        assert_eq!(after.as_known().as_deref(), Some("/a/b"));
        assert_eq!(after.span(), Some(Span::new(FileId(0), 45..49)));
    }

    #[test]
    fn the_key_is_the_shape() {
        let mut other = Text::known("arn:aws");
        other.push(&Text::known(":iam::"));
        let atom = Unknown::new("infra||data.aws_caller_identity.me.account_id", UnknownKind::Any, "x", "y", None);
        other.push(&Text::hole(atom, None));
        other.push(&Text::known(":role/a/b"));
        assert!(arn().same(&other));
        assert_eq!(key(&arn()), key(&other));
        assert_ne!(key(&arn()), key(&Text::known("arn:aws:iam:::role/a/b")));
    }

    #[test]
    fn schemes_and_slashes_go() {
        assert_eq!(without_scheme(&Text::known("https://a.example/x/")).as_known().as_deref(), Some("a.example/x"));
        assert_eq!(without_scheme(&Text::known("a.example")).as_known().as_deref(), Some("a.example"));
    }
}

//! Words that a later step replaces by a value (`<ACCOUNT_ID>`, `__OWNER__`, `{{ cluster }}`, `@@REGION@@`, `${REPO}`), in files that are
//! there to be filled in.

use super::{Entry, Kind, Part, Text, Unknown, UnknownKind, Value, cut};
use std::ops::Range;

/// What stands around such a word.
const MARKS: [(&str, &str); 5] = [("<", ">"), ("__", "__"), ("{{", "}}"), ("@@", "@@"), ("${", "}")];
/// Longest word.
const MAX_WORD: usize = 64;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 64;

/// The first of the words in a text, with its marks.
#[must_use]
pub fn first(text: &Text) -> Option<String> {
    text.parts.iter().find_map(|part| match part {
        Part::Literal { text, .. } => next(text, 0).and_then(|range| text.get(range)).map(str::to_owned),
        Part::Hole { .. } => None,
    })
}

/// The tree with the words as unknowns.
#[must_use]
pub fn opened(value: &Value) -> Value {
    within(value, MAX_DEPTH)
}

fn within(value: &Value, depth: usize) -> Value {
    if depth == 0 {
        return value.clone();
    }
    let all = |items: &[Value]| items.iter().map(|v| within(v, depth - 1)).collect::<Vec<_>>();
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(open(text)),
        Kind::List { items, open } => Kind::List { items: all(items), open: *open },
        Kind::OneOf(items) => Kind::OneOf(all(items)),
        Kind::Map { entries, open: more } => {
            let entry = |e: &Entry| Entry { key: open(&e.key), value: within(&e.value, depth - 1) };
            Kind::Map { entries: entries.iter().map(entry).collect(), open: *more }
        }
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

/// The text with the words as unknowns.
#[must_use]
pub fn open(text: &Text) -> Text {
    let mut out = Text::default();
    for part in &text.parts {
        let Part::Literal { text: literal, span, trail } = part else {
            out.parts.push(part.clone());
            continue;
        };
        if text.parts.len() == 1 && is_capitals(literal) {
            let atom = Unknown::new(format!("|{literal}"), UnknownKind::Any, &**literal, "a later step fills it in", *span);
            return Text { parts: vec![Part::Hole { atom, span: *span, trail: trail.clone() }] };
        }
        let mut start = 0;
        while let Some(range) = next(literal, start) {
            out.parts.extend(cut::piece(part, start..range.start).filter(|_| range.start > start));
            let at = span.map(|s| if s.len() == literal.len() { s.slice(range.clone()) } else { s });
            let word = literal.get(range.clone()).unwrap_or_default();
            let atom = Unknown::new(format!("|{word}"), UnknownKind::Any, word, "a later step fills it in", at);
            out.parts.push(Part::Hole { atom, span: at, trail: trail.clone() });
            start = range.end;
        }
        if start < literal.len() || start == 0 {
            out.parts.extend(cut::piece(part, start..literal.len()));
        }
    }
    out
}

/// A whole value in capitals that is two words or more: `SUBJECT_CLAIM`.
fn is_capitals(text: &str) -> bool {
    text.contains('_')
        && text.len() <= MAX_WORD
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The next word at or after a byte, its marks included.
fn next(text: &str, from: usize) -> Option<Range<usize>> {
    MARKS.iter().filter_map(|(open, close)| marked(text, from, open, close)).min_by_key(|range| range.start)
}

fn marked(text: &str, from: usize, open: &str, close: &str) -> Option<Range<usize>> {
    let mut at = from;
    while let Some(found) = text.get(at..)?.find(open) {
        let start = at + found + open.len();
        let word = text.get(start..).and_then(|rest| rest.split_once(close)).map_or("", |(word, _)| word);
        // A name within `__` is one in capitals: `__init__` is one of Python's.
        let capitals = |w: &str| open != "__" || w.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let plain = |w: &str| w.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' '));
        if !word.trim().is_empty() && word.len() <= MAX_WORD && plain(word) && capitals(word) {
            return Some(at + found..start + word.len() + close.len());
        }
        at = start;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_filled_in_are_unknown() {
        for (text, flat) in [
            ("repo:<OWNER>/<repo name>:*", "repo:\0/\0:*"),
            ("repo:__OWNER__/__REPO_2__:ref", "repo:\0/\0:ref"),
            ("{{ org }}/x@@REGION@@", "\0/x\0"),
            ("repo:bakery/__init__:*", "repo:bakery/__init__:*"),
            ("a < b > c", "a \0 c"),
            ("x<>y <<z", "x<>y <<z"),
            ("repo:${ORG}/${repo_name}:*", "repo:\0/\0:*"),
            ("arn:aws:s3:::box/${aws:username}/*", "arn:aws:s3:::box/${aws:username}/*"),
            ("SUBJECT_CLAIM", "\0"),
            ("repo:bakery/MY_OVENS:*", "repo:bakery/MY_OVENS:*"),
            ("", ""),
        ] {
            assert_eq!(cut::flat(&open(&Text::known(text))), flat, "{text}");
        }
        assert_eq!(first(&Text::known("repo:<OWNER>/x")).as_deref(), Some("<OWNER>"));
        assert_eq!(first(&Text::known("repo:bakery/x")), None);
    }
}

//! What somebody or something is still to fill in: `<CLUSTER_NAME>`, `{{ .Values.host }}`, `ACCOUNT_ID`. It is no text that a cloud ever
//! compares, so it becomes an unknown: equal marks are equal unknowns, however much space is around the name in them.

use super::{Entry, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value, cut};
use std::ops::Range;

/// How deep a tree is gone through.
const MAX_DEPTH: usize = 48;
/// The longest mark, in bytes.
const MAX_MARK: usize = 160;

/// Who fills a mark in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// A template engine: `{{ name }}`.
    Rendered,
    /// A person: `<NAME>`, `ACCOUNT_ID`.
    Written,
}

/// The last words of a name in capitals that asks for what identifies something: `PROJECT_ID`, `CLUSTER_NAME`.
const ASKED: [&str; 8] = ["ID", "NAME", "NUMBER", "HOST", "HOSTNAME", "ARN", "UUID", "SLUG"];
/// Whole names of the kind that vendors' pages have in their examples, and that end otherwise.
const NAMES: [&str; 14] = [
    "GITHUB_ORG",
    "GITHUB_ORGANIZATION",
    "GITHUB_OWNER",
    "GITHUB_REPO",
    "GITHUB_REPOSITORY",
    "GITHUB_USER",
    "ISSUER_URL",
    "OIDC_ISSUER",
    "OIDC_ISSUER_URL",
    "OIDC_PROVIDER",
    "OIDC_URL",
    "AWS_ACCOUNT",
    "SERVICE_ACCOUNT",
    "TRUST_DOMAIN",
];
/// How a name in capitals begins that asks for the reader's own.
const YOURS: &str = "YOUR_";
/// What a key of a tag ends with before its name, which a team may well write in capitals.
const TAG: &str = "Tag/";

/// The tree with its marks as unknowns; none where it has no mark.
#[must_use]
pub fn opened(value: &Value) -> Option<Value> {
    within(value, MAX_DEPTH)
}

fn within(value: &Value, depth: usize) -> Option<Value> {
    if depth == 0 {
        return None;
    }
    let all = |values: &[Value]| -> Option<Vec<Value>> {
        let opened: Vec<Option<Value>> = values.iter().map(|v| within(v, depth - 1)).collect();
        let any = opened.iter().any(Option::is_some);
        any.then(|| opened.into_iter().zip(values).map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect())
    };
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(text_opened(text)?),
        Kind::List { items, open } => Kind::List { items: all(items)?, open: *open },
        Kind::OneOf(values) => Kind::OneOf(all(values)?),
        Kind::Map { entries, open } => {
            let opened: Vec<(Option<Text>, Option<Value>)> =
                entries.iter().map(|e| (text_opened(&e.key), within(&e.value, depth - 1))).collect();
            if opened.iter().all(|(key, value)| key.is_none() && value.is_none()) {
                return None;
            }
            let entry = |((key, value), old): ((Option<Text>, Option<Value>), &Entry)| Entry {
                key: key.unwrap_or_else(|| old.key.clone()),
                value: value.unwrap_or_else(|| old.value.clone()),
            };
            Kind::Map { entries: opened.into_iter().zip(entries).map(entry).collect(), open: *open }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Unknown(_) => return None,
    };
    Some(Value { kind, span: value.span, trail: value.trail.clone() })
}

/// The text with its marks as holes; none where it has no mark. A mark may be in several pieces: `jsonencode` escapes `<`.
#[must_use]
pub fn text_opened(text: &Text) -> Option<Text> {
    if !text.parts.iter().any(|p| matches!(p, Part::Literal { text, .. } if text.contains(['<', '{', '_']))) {
        return None;
    }
    let flat = cut::flat(text);
    let mut out = Text::default();
    let mut done = 0;
    while let Some((range, blank)) = flat.get(done..).and_then(next) {
        let (from, to) = (done + range.start, done + range.end);
        out.push(&cut::slice(text, done..from));
        let mark = cut::slice(text, from..to);
        let span = mark.span();
        out.parts.push(Part::Hole { atom: atom(flat.get(from..to)?, blank, span), span, trail: mark.trail() });
        done = to;
    }
    (done > 0).then(|| {
        out.push(&cut::tail(text, done));
        out
    })
}

fn atom(mark: &str, blank: Blank, span: Option<crate::place::Span>) -> Unknown {
    let bare: String = mark.chars().filter(|c| !c.is_whitespace()).collect();
    let why = match blank {
        Blank::Rendered => "a template engine fills it in",
        Blank::Written => "somebody has to fill it in",
    };
    Unknown::new(format!("blank|{bare}"), UnknownKind::Any, mark, why, span).coming_from(UnknownOrigin::Blank(blank))
}

/// The first mark of a text.
fn next(text: &str) -> Option<(Range<usize>, Blank)> {
    let rendered = between(text, "{{", "}}", |inner| !inner.trim().is_empty() && !inner.contains(['{', '\n', cut::HOLE]));
    let written = [between(text, "<", ">", is_name), capitals(text)].into_iter().flatten().min_by_key(|range| range.start);
    match (rendered, written) {
        (Some(a), Some(b)) if b.start < a.start => Some((b, Blank::Written)),
        (Some(a), _) => Some((a, Blank::Rendered)),
        (None, b) => b.map(|range| (range, Blank::Written)),
    }
}

/// The first name in capitals that asks for a value.
fn capitals(text: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(underscore) = text.get(from..)?.find('_').map(|at| at + from) {
        let of_word = |c: char| c.is_alphanumeric() || c == '_' || c == cut::HOLE;
        let before = text.get(..underscore)?.char_indices().rev().find(|(_, c)| !of_word(*c));
        let start = before.map_or(0, |(at, c)| at + c.len_utf8());
        let end = text.get(underscore..)?.find(|c| !of_word(c)).map_or(text.len(), |at| at + underscore);
        let start = start - usize::from(text.get(..start).is_some_and(|before| before.ends_with('$')));
        let tag = text.get(..start).is_some_and(|before| before.ends_with(TAG));
        if !tag && text.get(start..end).is_some_and(asks) {
            return Some(start..end);
        }
        from = end;
    }
    None
}

/// Whether a word is a name in capitals that stands for a value. `MY_OVENS` may well be what somebody calls a repository, and
/// `$MY_OVENS` is what a shell was to replace.
fn asks(word: &str) -> bool {
    if let Some(variable) = word.strip_prefix('$') {
        return variable.len() > 2 && variable.starts_with(|c: char| c.is_ascii_uppercase()) && is_capitals(variable);
    }
    let plain = is_capitals(word);
    let last = word.rsplit('_').next().unwrap_or_default();
    plain
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && (ASKED.contains(&last) || NAMES.contains(&word) || (word.starts_with(YOURS) && !last.is_empty()))
}

/// The first range from `open` to the `close` that follows, with something between them that is asked for.
fn between(text: &str, open: &str, close: &str, asked: impl Fn(&str) -> bool) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find(open).map(|at| at + from) {
        let inner = at + open.len();
        let end = text.get(inner..)?.find(close).map(|end| end + inner);
        if let Some(end) = end.filter(|end| end - inner <= MAX_MARK && text.get(inner..*end).is_some_and(&asked)) {
            return Some(at..end + close.len());
        }
        from = inner;
    }
    None
}

/// What stands between the brackets of a mark: words.
fn is_name(inner: &str) -> bool {
    let begins = inner.starts_with(|c: char| c.is_ascii_alphabetic());
    begins && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.' | '/' | '\''))
}

fn is_capitals(word: &str) -> bool {
    word.len() <= MAX_MARK && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The first mark of these texts that a person left, with the text.
pub fn first_written<'t>(texts: impl Iterator<Item = &'t Text>) -> Option<(&'t Unknown, &'t Text)> {
    let written = |atom: &&Unknown| matches!(atom.origin(), UnknownOrigin::Blank(Blank::Written));
    texts.into_iter().find_map(|text| text.atoms().find(written).map(|atom| (atom, text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{FileId, Span};

    fn opened(text: &str) -> Option<Text> {
        text_opened(&Text::literal(text, Span::new(FileId(0), 100..100 + text.len())))
    }

    #[test]
    fn marks_become_holes_in_their_places() {
        let text = opened("system:serviceaccount:<NAME SPACE>:{{.App}}-x").unwrap();
        assert_eq!(text.parts.len(), 5);
        assert_eq!(text.atoms().map(Unknown::label).collect::<Vec<_>>(), ["<NAME SPACE>", "{{.App}}"]);
        assert_eq!(text.parts.get(1).and_then(Part::span), Some(Span::new(FileId(0), 122..134)));
        assert_eq!(text.known_suffix(), "-x");
    }

    #[test]
    fn the_same_name_is_the_same_unknown_whatever_space_is_around_it() {
        assert!(opened("{{ .Cluster.ID }}.{{.Zone}}").unwrap().same(&opened("{{.Cluster.ID}}.{{ .Zone }}").unwrap()));
        assert!(!opened("<a>").unwrap().same(&opened("<b>").unwrap()));
    }

    #[test]
    fn comparisons_and_what_has_no_name_are_text() {
        for text in ["a < b && c > d", "x <5> y", "<>", "{{}}", "repo:octo/app:*", "<", "{{ a", "a->b <", "<a&b>"] {
            assert!(opened(text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_in_capitals_that_ask_for_a_value_are_holes() {
        for (text, flat) in [
            ("oidc.example.net/org/ORGANIZATION_ID:aud", "oidc.example.net/org/\0:aud"),
            ("repo:YOUR_ORG/YOUR_REPO:ref:refs/heads/main", "repo:\0/\0:ref:refs/heads/main"),
            ("arn:aws:iam::ACCOUNT_ID:oidc-provider/OIDC_HOSTNAME", "arn:aws:iam::\0:oidc-provider/\0"),
            ("spiffe://TRUST_DOMAIN/ns/payments", "spiffe://\0/ns/payments"),
            ("arn:aws:iam::$OVEN_ACCOUNT:oidc-provider/$MY_OVENS", "arn:aws:iam::\0:oidc-provider/\0"),
        ] {
            assert_eq!(opened(text).map(|t| cut::flat(&t)).as_deref(), Some(flat), "{text}");
        }
        for text in [
            "repo:bakery/MY_OVENS:*",
            "aws:PrincipalTag/COST_ID",
            "repo:bakery/FINAL_PROJECT:*",
            "project_id",
            "x_ID",
            "OVEN_ID2",
            "_ID",
            "YOUR_",
        ] {
            assert!(opened(text).is_none(), "{text}");
        }
    }
}

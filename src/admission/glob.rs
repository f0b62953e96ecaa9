//! The one matcher of `*` and `?`: IAM's values and actions, Entra's `matches`, and the check of each witness use it.
//! Its oracle in tests is the regex crate.

use super::formula::GlobPart;
use crate::partial::{Part, Text, Unknown, UnknownKind};
use crate::token::Truth;

/// Longest pattern, in units, and longest text, in bytes, that are matched; what is longer is unknown
/// (IAM's quota for a whole trust policy is 4096 characters at most).
pub(crate) const MAX_PATTERN: usize = 4096;

/// A unit of a pattern that is ready to be matched.
#[derive(Debug, Clone)]
pub(crate) enum Unit {
    /// One character.
    Char(char),
    /// Any run.
    Star,
    /// Any one character.
    One,
    /// A fixed unknown string of this kind.
    Hole(UnknownKind),
}

/// Does `text` match the whole pattern? False when the literal skeleton cannot match, unknown when it does so only through a hole.
#[must_use]
pub(crate) fn matches(pattern: &[Unit], text: &str, ignore_case: bool) -> Truth {
    if pattern.len() > MAX_PATTERN || text.len() > MAX_PATTERN {
        return Truth::Unknown;
    }
    let text: Vec<char> = text.chars().collect();
    // `reach[i]`: the pattern so far can end before character `i`. One row per unit: bounded by length times length.
    let mut reach = vec![false; text.len() + 1];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    let mut holes = false;
    for unit in pattern {
        reach = match unit {
            Unit::Star => spread(&reach, |_| true, &text),
            Unit::Hole(kind) => {
                holes = true;
                spread(&reach, |c| allowed(*kind, c), &text)
            }
            Unit::One => step(&reach, |_| true, &text),
            Unit::Char(p) => step(&reach, |c| c == *p || (ignore_case && c.to_lowercase().eq(p.to_lowercase())), &text),
        };
        if !reach.contains(&true) {
            return Truth::False;
        }
    }
    match (reach.last().copied().unwrap_or(false), holes) {
        (false, _) => Truth::False,
        (true, true) => Truth::Unknown,
        (true, false) => Truth::True,
    }
}

/// A pattern as people write it: `*` and `?` are wildcards wherever they stand.
#[must_use]
pub(crate) fn written(pattern: &str) -> Vec<Unit> {
    let unit = |c| match c {
        '*' => Unit::Star,
        '?' => Unit::One,
        c => Unit::Char(c),
    };
    pattern.chars().map(unit).collect()
}

/// The parts of a formula's glob, with the unknowns filled in.
#[must_use]
pub(crate) fn filled(parts: &[GlobPart], fill: &dyn Fn(&Unknown) -> String) -> Vec<Unit> {
    units(parts, |text| text.fill(fill).chars().map(Unit::Char).collect())
}

/// The parts of a formula's glob, its unknowns as holes.
#[must_use]
pub(crate) fn with_holes(parts: &[GlobPart]) -> Vec<Unit> {
    units(parts, literal)
}

/// A text without wildcards, its unknowns as holes.
#[must_use]
pub(crate) fn literal(text: &Text) -> Vec<Unit> {
    let mut out = Vec::new();
    for part in &text.parts {
        match part {
            Part::Literal { text, .. } => out.extend(text.chars().map(Unit::Char)),
            Part::Hole { atom, .. } => out.push(Unit::Hole(atom.kind())),
        }
    }
    out
}

fn units(parts: &[GlobPart], literal: impl Fn(&Text) -> Vec<Unit>) -> Vec<Unit> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            GlobPart::Literal(text) => out.extend(literal(text)),
            GlobPart::Star(_) => out.push(Unit::Star),
            GlobPart::One(_) => out.push(Unit::One),
        }
    }
    out
}

fn step(reach: &[bool], fits: impl Fn(char) -> bool, text: &[char]) -> Vec<bool> {
    std::iter::once(false).chain(reach.iter().zip(text).map(|(r, c)| *r && fits(*c))).collect()
}

fn spread(reach: &[bool], fits: impl Fn(char) -> bool, text: &[char]) -> Vec<bool> {
    let mut running = false;
    let mut out = Vec::with_capacity(reach.len());
    for (i, r) in reach.iter().enumerate() {
        let continues = running && i.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|c| fits(*c));
        running = *r || continues;
        out.push(running);
    }
    out
}

/// The characters that a hole of this kind can have.
fn allowed(kind: UnknownKind, c: char) -> bool {
    match kind {
        UnknownKind::AccountId | UnknownKind::ProjectNumber => c.is_ascii_digit(),
        UnknownKind::ProjectId | UnknownKind::Region | UnknownKind::Partition => c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
        UnknownKind::Guid => c.is_ascii_hexdigit() || c == '-' || c == '{' || c == '}',
        UnknownKind::Word => !matches!(c, '/' | ':' | '@' | '*'),
        UnknownKind::Any | UnknownKind::IssuerHostPath | UnknownKind::Arn | UnknownKind::Number | UnknownKind::ServiceAccountEmail => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PATTERN, Truth, Unit, UnknownKind, matches, written};
    use proptest::prelude::*;

    #[test]
    fn a_word_that_is_not_known_has_no_separator_in_it() {
        let word = [Unit::Hole(UnknownKind::Word)];
        assert_eq!(matches(&word, "team-a", false), Truth::Unknown);
        for text in ["a/b", "a:b", "a@b", "a*"] {
            assert_eq!(matches(&word, text, false), Truth::False, "{text}");
            assert_eq!(matches(&[Unit::Hole(UnknownKind::Any)], text, false), Truth::Unknown, "{text}");
        }
    }

    #[test]
    fn what_is_longer_than_a_policy_is_unknown() {
        let long = |length: usize| matches(&[Unit::Star], &"a".repeat(length), false);
        assert_eq!((long(MAX_PATTERN), long(MAX_PATTERN + 1)), (Truth::True, Truth::Unknown));
    }

    #[test]
    fn holes_leave_it_open_and_take_only_their_characters() {
        let account = [Unit::Char('a'), Unit::Hole(UnknownKind::AccountId), Unit::Char('z')];
        assert_eq!(matches(&account, "a12z", false), Truth::Unknown);
        assert_eq!(matches(&account, "a1bz", false), Truth::False);
        assert_eq!(matches(&account, "A12Z", true), Truth::Unknown);
        assert_eq!(matches(&account, "A12Z", false), Truth::False);
    }

    proptest! {
        #[test]
        fn globs_agree_with_a_regular_expression(pattern in "[abA*?é]{0,6}", text in "[abAé]{0,8}", ignore_case in any::<bool>()) {
            let body: String = pattern.chars().map(|c| match c { '*' => ".*".to_owned(), '?' => ".".to_owned(), c => c.to_string() }).collect();
            let regex = regex::RegexBuilder::new(&format!("^{body}$")).case_insensitive(ignore_case).build().unwrap();
            prop_assert_eq!(matches(&written(&pattern), &text, ignore_case) == Truth::True, regex.is_match(&text));
        }
    }
}

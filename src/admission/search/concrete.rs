//! A formula on one token, by plain string functions: the check on every witness that the automata find.

use super::HoleMode;
use super::deferred::with_claims;
use crate::admission::formula::{Comparison, Deferred, Exact, Formula, GlobPart, Matcher, Subject, Test, extract};
use crate::admission::glob;
use crate::language::re2_to_rust;
use crate::partial::{Part, Text, Unknown, UnknownKind};
use crate::token::{Claim, Token, Truth};
use std::cmp::Ordering;

/// Most bytes of a compiled regular expression here.
const REGEX_SIZE: usize = 1 << 22;

/// The truth of a formula on a token; `fill` says what a hole stands for. [`Subject::Segment`] is absent: a token by
/// itself has no segments.
#[must_use]
pub fn evaluate(formula: &Formula, token: &Token, fill: &dyn Fn(&Unknown) -> String) -> Truth {
    evaluate_in(formula, token, &[], &HoleMode::Fill(fill))
}

/// As [`evaluate`], for a token of which the template's segments are known.
#[must_use]
pub fn evaluate_in(formula: &Formula, token: &Token, segments: &[(String, String)], holes: &HoleMode<'_>) -> Truth {
    match formula {
        Formula::Constant(truth, _) => *truth,
        Formula::Test(test) => evaluate_test(test, token, segments, holes),
        Formula::Not(inner) => evaluate_in(inner, token, segments, holes).not(),
        Formula::All(all) => all.iter().fold(Truth::True, |t, f| t.and(evaluate_in(f, token, segments, holes))),
        Formula::Any(all) => all.iter().fold(Truth::False, |t, f| t.or(evaluate_in(f, token, segments, holes))),
        Formula::Deferred(deferred) => evaluate_deferred(deferred, token, segments, holes),
    }
}

fn evaluate_deferred(deferred: &Deferred, token: &Token, segments: &[(String, String)], holes: &HoleMode<'_>) -> Truth {
    let strings = match value_of(&deferred.subject, token, segments) {
        Value::Absent => return deferred.absent,
        Value::Other => return Truth::Unknown,
        Value::Strings(all) => all,
    };
    let of_token = |name: &str| match token.claims.get(name) {
        Some(Claim::String(text)) => Some(text.clone()),
        _ => None,
    };
    match &deferred.exact {
        Exact::Pattern { parts, ignore_case } => match with_claims(parts, &of_token) {
            Some(parts) => strings.iter().fold(Truth::False, |t, s| t.or(globs(&parts, s, *ignore_case, holes))),
            None => Truth::False,
        },
        Exact::AtMost(bytes) if strings.iter().all(|s| s.len() <= *bytes) => Truth::True,
        Exact::AtMost(_) => Truth::Error,
    }
}

fn globs(parts: &[GlobPart], s: &str, ignore_case: bool, holes: &HoleMode<'_>) -> Truth {
    match holes {
        HoleMode::Fill(fill) => glob::matches(&glob::filled(parts, fill), s, ignore_case),
        HoleMode::Any => glob::matches(&glob::with_holes(parts), s, ignore_case),
    }
}

fn evaluate_test(test: &Test, token: &Token, segments: &[(String, String)], holes: &HoleMode<'_>) -> Truth {
    match value_of(&test.subject, token, segments) {
        Value::Absent => test.absent,
        Value::Other => {
            if matches!(test.matcher, Matcher::Present) {
                Truth::True
            } else {
                Truth::Unknown
            }
        }
        Value::Strings(all) => all.iter().fold(Truth::False, |t, s| t.or(matches(&test.matcher, s, holes))),
    }
}

enum Value {
    Absent,
    /// There, but no string.
    Other,
    /// One string, or the items of a list.
    Strings(Vec<String>),
}

fn value_of(subject: &Subject, token: &Token, segments: &[(String, String)]) -> Value {
    let mapped = |of: &Subject, f: &dyn Fn(&str) -> Option<String>| match value_of(of, token, segments) {
        Value::Strings(all) => match all.first().and_then(|s| f(s)) {
            Some(s) => Value::Strings(vec![s]),
            None => Value::Absent,
        },
        other => other,
    };
    match subject {
        Subject::Segment(name) => segments.iter().find(|(n, _)| n == name).map_or(Value::Absent, |(_, v)| Value::Strings(vec![v.clone()])),
        Subject::AnyItem(name) => match token.claims.get(name) {
            None => Value::Absent,
            Some(Claim::List(all)) => Value::Strings(all.clone()),
            Some(Claim::String(one)) => Value::Strings(vec![one.clone()]),
            Some(Claim::Json(_) | Claim::Open { .. }) => Value::Other,
        },
        Subject::Concat(all) => {
            let mut out = String::new();
            for piece in all {
                match value_of(piece, token, segments) {
                    Value::Strings(s) => out.extend(s.first().map(String::as_str)),
                    other => return other,
                }
            }
            Value::Strings(vec![out])
        }
        Subject::Extract { of, prefix, suffix } => mapped(of, &|s| Some(extract(s, prefix, suffix))),
        Subject::Split { of, separator, index } => mapped(of, &|s| s.split(separator.as_str()).nth(*index).map(str::to_owned)),
        Subject::Lower(of) => mapped(of, &|s| Some(s.to_ascii_lowercase())),
        Subject::Upper(of) => mapped(of, &|s| Some(s.to_ascii_uppercase())),
        Subject::Replace { of, from, to } => mapped(of, &|s| Some(s.replace(from.as_str(), to))),
        Subject::Claim(_) | Subject::Member(..) | Subject::Literal(_) => match subject.of(token) {
            Ok(None) => Value::Absent,
            Ok(Some(s)) => Value::Strings(vec![s]),
            Err(_) => Value::Other,
        },
    }
}

/// Whether the formula refuses every token whose claim has this value, whatever the others and the unknowns are; false when that
/// takes a search to tell.
#[must_use]
pub fn refuses(formula: &Formula, claim: &str, value: &str) -> bool {
    match formula {
        Formula::Constant(truth, _) => *truth == Truth::False,
        Formula::Test(test) => {
            matches!(&test.subject, Subject::Claim(name) if name == claim) && matches(&test.matcher, value, &HoleMode::Any) == Truth::False
        }
        Formula::All(parts) => parts.iter().any(|part| refuses(part, claim, value)),
        Formula::Any(parts) => parts.iter().all(|part| refuses(part, claim, value)),
        Formula::Deferred(deferred) => refuses(&deferred.searched, claim, value),
        Formula::Not(_) => false,
    }
}

fn matches(matcher: &Matcher, s: &str, holes: &HoleMode<'_>) -> Truth {
    let fill = match holes {
        HoleMode::Fill(fill) => fill,
        HoleMode::Any if has_holes(matcher) => return possibly(matcher, s),
        HoleMode::Any => &(|_: &Unknown| String::new()) as &dyn Fn(&Unknown) -> String,
    };
    let filled = |text: &Text| text.fill(fill);
    match matcher {
        Matcher::Present => Truth::True,
        Matcher::Exact(t) => (s == filled(t)).into(),
        Matcher::ExactIgnoreCase(t) => s.eq_ignore_ascii_case(&filled(t)).into(),
        Matcher::Prefix(t) => s.starts_with(&filled(t)).into(),
        Matcher::Suffix(t) => s.ends_with(&filled(t)).into(),
        Matcher::Contains(t) => s.contains(&filled(t)).into(),
        Matcher::Glob(parts) => glob::matches(&glob::filled(parts, fill), s, false),
        Matcher::Regex(pattern) => regex(&re2_to_rust(pattern), s),
        Matcher::Size(op, n) => compares(*op, i64::try_from(s.chars().count()).unwrap_or(i64::MAX).cmp(n)).into(),
        Matcher::Order(op, t) => compares(*op, s.cmp(&filled(t))).into(),
    }
}

fn regex(pattern: &str, s: &str) -> Truth {
    let built = regex::RegexBuilder::new(pattern).size_limit(REGEX_SIZE).build();
    built.map_or(Truth::Unknown, |r| r.is_match(s).into())
}

/// Does an ordering satisfy a comparison?
pub(super) fn compares(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
        Comparison::Equal => order.is_eq(),
    }
}

/// True when the pattern has an unknown part.
pub(super) fn has_holes(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Exact(t)
        | Matcher::ExactIgnoreCase(t)
        | Matcher::Prefix(t)
        | Matcher::Suffix(t)
        | Matcher::Contains(t)
        | Matcher::Order(_, t) => !t.is_known(),
        Matcher::Glob(parts) => parts.iter().any(|p| matches!(p, GlobPart::Literal(t) if !t.is_known())),
        Matcher::Present | Matcher::Regex(_) | Matcher::Size(..) => false,
    }
}

/// The strings that an unknown of a kind can be, as an expression in RE2 syntax; all strings when nothing is known.
fn kind_pattern(kind: UnknownKind) -> &'static str {
    match kind {
        UnknownKind::AccountId => "[0-9]{12}",
        UnknownKind::ProjectNumber => "[0-9]+",
        UnknownKind::ProjectId => "[a-z][a-z0-9-]{4,28}[a-z0-9]",
        UnknownKind::Word => "[^/:@*]*",
        UnknownKind::Any
        | UnknownKind::Partition
        | UnknownKind::Region
        | UnknownKind::IssuerHostPath
        | UnknownKind::Arn
        | UnknownKind::Guid
        | UnknownKind::Number
        | UnknownKind::ServiceAccountEmail => "(?s:.*)",
    }
}

/// The strings that an unknown can be: those that its validation lists, else those of its kind.
pub(super) fn hole_pattern(atom: &Unknown) -> std::borrow::Cow<'static, str> {
    // Validations that contradict each other say nothing of the value.
    match atom.values().filter(|all| !all.is_empty()) {
        Some(all) => format!("(?:{})", all.iter().map(|v| regex::escape(v)).collect::<Vec<_>>().join("|")).into(),
        None => kind_pattern(atom.kind()).into(),
    }
}

/// A test with holes that may be anything: unknown where some filling matches.
fn possibly(matcher: &Matcher, s: &str) -> Truth {
    let widened = |text: &Text| -> String {
        let part = |p: &Part| match p {
            Part::Literal { text, .. } => regex::escape(text),
            Part::Hole { atom, .. } => format!("(?:{})", hole_pattern(atom)),
        };
        text.parts.iter().map(part).collect()
    };
    let pattern = match matcher {
        Matcher::Exact(t) => format!("^(?:{})$", widened(t)),
        Matcher::ExactIgnoreCase(t) => format!("(?i)^(?:{})$", widened(t)),
        Matcher::Prefix(t) => format!("^(?:{})", widened(t)),
        Matcher::Suffix(t) => format!("(?:{})$", widened(t)),
        Matcher::Contains(t) => widened(t),
        Matcher::Glob(parts) => glob_pattern(parts, &widened),
        _ => return Truth::Unknown,
    };
    match regex(&pattern, s) {
        Truth::False => Truth::False,
        _ => Truth::Unknown,
    }
}

/// A glob as an expression in RE2 syntax.
fn glob_pattern(parts: &[GlobPart], literal: &dyn Fn(&Text) -> String) -> String {
    let one = |p: &GlobPart| match p {
        GlobPart::Literal(t) => literal(t),
        GlobPart::Star(_) => "(?s:.*)".to_owned(),
        GlobPart::One(_) => "(?s:.)".to_owned(),
    };
    format!("^(?:{})$", parts.iter().map(one).collect::<String>())
}

/// [`glob_pattern`] of a glob without unknowns.
pub(super) fn pattern_of(parts: &[GlobPart]) -> Option<String> {
    let known = |p: &GlobPart| if let GlobPart::Literal(t) = p { t.is_known() } else { true };
    parts.iter().all(known).then(|| glob_pattern(parts, &|t| regex::escape(&t.as_known().unwrap_or_default())))
}

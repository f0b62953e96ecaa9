//! A policy value taken apart: literal characters, wildcards, policy variables, holes.

use crate::admission::glob::{self, Unit};
use crate::partial::{Part, Text, Trail, Unknown};
use crate::place::Span;
use crate::token::Truth;

/// A piece of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// One character.
    Char(char, Option<Span>, Trail),
    /// `*`
    Star(Option<Span>),
    /// `?`
    One(Option<Span>),
    /// An unknown string.
    Hole(Unknown, Option<Span>),
    /// `${key}` or `${key, 'default'}`.
    Variable {
        /// The condition key.
        key: Text,
        /// The default.
        default: Option<Text>,
        /// Where it is written.
        span: Option<Span>,
    },
}

/// How a policy value is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// `*` and `?` are wildcards.
    pub(super) wildcards: bool,
    /// `${…}` are policy variables.
    pub(super) variables: bool,
}

/// Takes a value apart: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.
#[must_use]
pub(super) fn pieces(text: &Text, reading: Reading) -> Vec<Piece> {
    let units = units(text);
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        if reading.variables
            && is_char(units.get(at), '$')
            && is_char(units.get(at + 1), '{')
            && let Some(length) = units.get(at + 2..).and_then(|rest| rest.iter().position(|u| is_char(Some(u), '}')))
        {
            let inner = units.get(at + 2..at + 2 + length).unwrap_or(&[]);
            out.push(variable(inner, unit.span()));
            at += length + 3;
            continue;
        }
        out.push(match unit {
            Piece::Char('*', span, _) if reading.wildcards => Piece::Star(*span),
            Piece::Char('?', span, _) if reading.wildcards => Piece::One(*span),
            other => other.clone(),
        });
        at += 1;
    }
    out
}

impl Piece {
    fn span(&self) -> Option<Span> {
        match self {
            Self::Char(_, span, _) | Self::Star(span) | Self::One(span) | Self::Hole(_, span) => *span,
            Self::Variable { span, .. } => *span,
        }
    }
}

fn is_char(unit: Option<&Piece>, expected: char) -> bool {
    matches!(unit, Some(Piece::Char(c, _, _)) if *c == expected)
}

fn units(text: &Text) -> Vec<Piece> {
    let mut out = Vec::new();
    for (index, part) in text.parts.iter().enumerate() {
        match part {
            Part::Literal { text: literal, trail, .. } => {
                out.extend(literal.char_indices().map(|(i, c)| Piece::Char(c, text.span_of(index, i..i + c.len_utf8()), trail.clone())));
            }
            Part::Hole { atom, span, .. } => out.push(Piece::Hole(atom.clone(), *span)),
        }
    }
    out
}

/// What stands between `${` and `}`: an escaped character or a variable.
fn variable(inner: &[Piece], span: Option<Span>) -> Piece {
    if let [Piece::Char(c @ ('*' | '?' | '$'), at, trail)] = inner {
        return Piece::Char(*c, *at, trail.clone());
    }
    let comma = inner.iter().position(|u| is_char(Some(u), ','));
    let (key, default) = match comma {
        None => (inner, None),
        Some(at) => (inner.get(..at).unwrap_or(&[]), Some(quoted(inner.get(at + 1..).unwrap_or(&[])))),
    };
    Piece::Variable { key: to_text(trim(key, ' ')), default, span }
}

/// The default value without its quotes.
fn quoted(units: &[Piece]) -> Text {
    let units = trim(units, ' ');
    match units {
        [first, middle @ .., last] if is_char(Some(first), '\'') && is_char(Some(last), '\'') => to_text(middle),
        other => to_text(other),
    }
}

fn trim(mut units: &[Piece], c: char) -> &[Piece] {
    while let [first, rest @ ..] = units {
        if !is_char(Some(first), c) {
            break;
        }
        units = rest;
    }
    while let [rest @ .., last] = units {
        if !is_char(Some(last), c) {
            break;
        }
        units = rest;
    }
    units
}

/// Characters and holes as a text again; runs of characters that stand side by side become one part.
#[must_use]
pub(super) fn to_text(units: &[Piece]) -> Text {
    let mut parts: Vec<Part> = Vec::new();
    let mut run = String::new();
    let mut place: Option<Span> = None;
    let mut way: Trail = None;
    let flush = |run: &mut String, place: &mut Option<Span>, way: &mut Trail, parts: &mut Vec<Part>| {
        if !run.is_empty() {
            parts.push(Part::Literal { text: std::mem::take(run).into(), span: place.take(), trail: way.take() });
        }
    };
    for unit in units {
        match unit {
            Piece::Char(c, span, trail) => {
                let joined = match (place, span) {
                    (Some(a), Some(b)) if a.file == b.file && a.end == b.start => Some(Span { end: b.end, ..a }),
                    (None, None) => None,
                    // Escapes: every character of the piece has the span of the whole piece.
                    (Some(a), Some(b)) if a == *b => Some(a),
                    _ => {
                        flush(&mut run, &mut place, &mut way, &mut parts);
                        *span
                    }
                };
                run.push(*c);
                place = joined;
                way.clone_from(trail);
            }
            Piece::Hole(atom, span) => {
                flush(&mut run, &mut place, &mut way, &mut parts);
                parts.push(Part::Hole { atom: atom.clone(), span: *span, trail: None });
            }
            Piece::Star(_) | Piece::One(_) | Piece::Variable { .. } => {}
        }
    }
    flush(&mut run, &mut place, &mut way, &mut parts);
    Text { parts }
}

/// A text as a pattern of characters and holes.
#[must_use]
pub(super) fn plain(text: &Text) -> Vec<Unit> {
    units(text)
        .into_iter()
        .map(|u| match u {
            Piece::Char(c, ..) => Unit::Char(c),
            Piece::Hole(atom, _) => Unit::Hole(atom.kind()),
            Piece::Star(_) | Piece::One(_) | Piece::Variable { .. } => Unit::Star,
        })
        .collect()
}

/// Are two texts the same string? Unknown when a hole decides.
#[must_use]
pub(super) fn equal(a: &Text, b: &Text) -> Truth {
    if a.same(b) {
        return Truth::True;
    }
    match (a.as_known(), b.as_known()) {
        (Some(a), Some(b)) => (a == b).into(),
        (None, Some(known)) => glob::matches(&plain(a), &known, false),
        (Some(known), None) => glob::matches(&plain(b), &known, false),
        (None, None) => {
            let (pa, pb) = (a.known_prefix(), b.known_prefix());
            let (sa, sb) = (a.known_suffix(), b.known_suffix());
            let prefixes = pa.starts_with(&pb) || pb.starts_with(&pa);
            let suffixes = sa.ends_with(&sb) || sb.ends_with(&sa);
            if prefixes && suffixes { Truth::Unknown } else { Truth::False }
        }
    }
}

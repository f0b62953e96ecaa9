//! A string that is known in part: literals and holes.

use super::provenance::{Trail, hops};
use super::unknown::Unknown;
use crate::place::Span;
use std::fmt;
use std::sync::Arc;

/// A piece of a [`Text`].
#[derive(Debug, Clone)]
pub enum Part {
    /// Known characters. When `span` is as long as `text`, byte `i` of the text stands at byte `i` of the span;
    /// otherwise (escapes) the span covers the piece as a whole.
    Literal {
        /// The characters.
        text: Arc<str>,
        /// Where they are written; none for computed text.
        span: Option<Span>,
        /// The way they came.
        trail: Trail,
    },
    /// An unknown string, without wildcards.
    Hole {
        /// The unknown.
        atom: Unknown,
        /// Where it is interpolated.
        span: Option<Span>,
        /// The way it came.
        trail: Trail,
    },
}

/// A string, known in part or whole. Adjacent literals are not merged: each keeps its place.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// The pieces in order.
    pub parts: Vec<Part>,
}

impl Text {
    /// A known string without a place.
    #[must_use]
    pub fn known(text: impl AsRef<str>) -> Self {
        Self { parts: vec![Part::Literal { text: Arc::from(text.as_ref()), span: None, trail: None }] }
    }

    /// A known string written at `span`.
    #[must_use]
    pub fn literal(text: impl AsRef<str>, span: Span) -> Self {
        Self { parts: vec![Part::Literal { text: Arc::from(text.as_ref()), span: Some(span), trail: None }] }
    }

    /// A string of which nothing but the atom's identity is known.
    #[must_use]
    pub fn hole(atom: Unknown, span: Option<Span>) -> Self {
        Self { parts: vec![Part::Hole { atom, span, trail: None }] }
    }

    /// The whole string, when it is known.
    #[must_use]
    pub fn as_known(&self) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal { text, .. } => out.push_str(text),
                Part::Hole { .. } => return None,
            }
        }
        Some(out)
    }

    /// True when the whole string is known and is this one; compares without building it.
    #[must_use]
    pub fn is_str(&self, other: &str) -> bool {
        let mut rest = other;
        for part in &self.parts {
            let Part::Literal { text, .. } = part else { return false };
            let Some(after) = rest.strip_prefix(&**text) else { return false };
            rest = after;
        }
        rest.is_empty()
    }

    /// True when no part is a hole.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Literal { .. }))
    }

    /// The atoms of the holes, in order.
    pub fn atoms(&self) -> impl Iterator<Item = &Unknown> {
        self.parts.iter().filter_map(|p| match p {
            Part::Hole { atom, .. } => Some(atom),
            Part::Literal { .. } => None,
        })
    }

    /// The literal characters before the first hole.
    #[must_use]
    pub fn known_prefix(&self) -> String {
        let literal = |p: &Part| if let Part::Literal { text, .. } = p { Some(text.to_string()) } else { None };
        self.parts.iter().map_while(literal).collect()
    }

    /// The literal characters after the last hole.
    #[must_use]
    pub fn known_suffix(&self) -> String {
        let mut tail: Vec<&str> = Vec::new();
        for part in self.parts.iter().rev() {
            match part {
                Part::Literal { text, .. } => tail.push(text),
                Part::Hole { .. } => break,
            }
        }
        tail.into_iter().rev().collect()
    }

    /// The string with each hole replaced by what `fill` gives for it.
    pub fn fill(&self, mut fill: impl FnMut(&Unknown) -> String) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal { text, .. } => out.push_str(text),
                Part::Hole { atom, .. } => out.push_str(&fill(atom)),
            }
        }
        out
    }

    /// The text with the holes for which `value` gives a string replaced by it, in their places.
    #[must_use]
    pub fn resolved(&self, value: &dyn Fn(&Unknown) -> Option<String>) -> Self {
        let part = |part: &Part| match part {
            Part::Hole { atom, span, trail } => match value(atom) {
                Some(known) => Part::Literal { text: known.into(), span: *span, trail: trail.clone() },
                None => part.clone(),
            },
            Part::Literal { .. } => part.clone(),
        };
        Self { parts: self.parts.iter().map(part).collect() }
    }

    /// Appends another text.
    pub fn push(&mut self, other: &Text) {
        self.parts.extend(other.parts.iter().cloned());
    }

    /// The bytes `range` of the shape (literals only count; a hole has length 0), each part with its narrowed span.
    /// Returns the span of the first literal byte in the range: the place to underline for "this `*`".
    #[must_use]
    pub fn span_of(&self, literal_part: usize, range: std::ops::Range<usize>) -> Option<Span> {
        match self.parts.get(literal_part)? {
            Part::Literal { text, span: Some(span), .. } if span.len() == text.len() => Some(span.slice(range)),
            Part::Literal { span, .. } | Part::Hole { span, .. } => *span,
        }
    }

    /// Where the first occurrence of the characters `needle` inside one literal part is written.
    #[must_use]
    pub fn find_span(&self, needle: &str) -> Option<Span> {
        self.parts.iter().enumerate().find_map(|(i, part)| match part {
            Part::Literal { text, .. } => text.find(needle).and_then(|at| self.span_of(i, at..at + needle.len())),
            Part::Hole { .. } => None,
        })
    }

    /// The place of the text as a whole: from its first to its last part when they stand in one file in order,
    /// else the first part's.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.joint_span().or_else(|| self.parts.iter().find_map(Part::span))
    }

    /// Where most of the text is written: as [`Text::span`], but of pieces from several places the longest literal's.
    #[must_use]
    pub fn written_span(&self) -> Option<Span> {
        let written = |part: &Part| match part {
            Part::Literal { text, span: Some(span), .. } if span.len() == text.len() => Some(*span),
            Part::Literal { .. } | Part::Hole { .. } => None,
        };
        self.joint_span().or_else(|| self.parts.iter().rev().filter_map(written).max_by_key(|s| s.len())).or_else(|| self.span())
    }

    /// Where the literal is written that a part belongs to: from that part to the last after it that came the same way, what
    /// is interpolated included.
    #[must_use]
    pub fn literal_from(&self, part: usize) -> Option<Span> {
        let way = |part: &Part| match part {
            Part::Literal { trail, .. } | Part::Hole { trail, .. } => hops(trail).count(),
        };
        let own = self.parts.get(part)?;
        let first = own.span()?;
        let mut same =
            self.parts.iter().skip(part).take_while(|p| way(p) >= way(own)).filter(|p| way(p) == way(own)).filter_map(Part::span);
        let last = same.by_ref().filter(|s| s.file == first.file && s.start >= first.start).max_by_key(|s| s.end).unwrap_or(first);
        Some(Span { end: first.end.max(last.end), ..first })
    }

    /// From the first to the last part, when they stand in one file in order.
    fn joint_span(&self) -> Option<Span> {
        let spans: Vec<Span> = self.parts.iter().filter_map(Part::span).collect();
        let (first, last) = (spans.first()?, spans.last()?);
        let together = spans.iter().zip(spans.iter().skip(1)).all(|(a, b)| a.file == b.file && a.end <= b.start);
        (together && first.file == last.file).then_some(Span { file: first.file, start: first.start, end: last.end })
    }

    /// The longest trail among the parts: how the text came here.
    #[must_use]
    pub fn trail(&self) -> Trail {
        self.parts
            .iter()
            .map(|p| match p {
                Part::Literal { trail, .. } | Part::Hole { trail, .. } => trail.clone(),
            })
            .max_by_key(|t| hops(t).count())
            .flatten()
    }

    /// Equal shape: the same characters and the same atoms in the same order, however split into parts.
    #[must_use]
    pub fn same(&self, other: &Text) -> bool {
        self.shape() == other.shape()
    }

    fn shape(&self) -> Vec<Result<String, &str>> {
        let mut out: Vec<Result<String, &str>> = Vec::new();
        for part in &self.parts {
            match (part, out.last_mut()) {
                (Part::Literal { text, .. }, Some(Ok(last))) => last.push_str(text),
                (Part::Literal { text, .. }, _) => {
                    if !text.is_empty() {
                        out.push(Ok(text.to_string()));
                    }
                }
                (Part::Hole { atom, .. }, _) => out.push(Err(atom.key())),
            }
        }
        out
    }
}

impl Part {
    /// Where the part is written.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self {
            Part::Literal { span, .. } | Part::Hole { span, .. } => *span,
        }
    }
}

/// The shape as a person reads it: `repo:${var.org}/*`.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal { text, .. } => f.write_str(text)?,
                Part::Hole { atom, .. } => f.write_str(atom.label())?,
            }
        }
        Ok(())
    }
}

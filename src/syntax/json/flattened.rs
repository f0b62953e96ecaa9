//! The flat text that the JSON parser sees, and the way back from its offsets to places, trails and holes.

use crate::place::Span;

use crate::partial::{Part, Text, Trail, Unknown};
use crate::source::SourceFile;
use std::ops::Range;
use std::sync::Arc;

/// What stands for a hole inside a JSON string.
const INSIDE: &str = "?";
/// What stands for a hole in the place of a JSON value.
const OUTSIDE: &str = "\"?\"";

/// One part of the text, with its range in the flat text.
struct Piece {
    flat: Range<usize>,
    span: Option<Span>,
    trail: Trail,
    /// The unknown, when the piece is a hole.
    hole: Option<Unknown>,
}

/// A text laid flat.
pub(super) struct Flattened {
    /// The characters, fillers in the place of holes.
    pub(super) flat: Arc<str>,
    pieces: Vec<Piece>,
    /// A hole stands outside of every JSON string.
    pub(super) unquoted_holes: bool,
}

impl Flattened {
    pub(super) fn of_file(file: &SourceFile) -> Self {
        let span = Some(Span::new(file.id, 0..file.text.len()));
        let piece = Piece { flat: 0..file.text.len(), span, trail: None, hole: None };
        Self { flat: Arc::clone(&file.text), pieces: vec![piece], unquoted_holes: false }
    }

    pub(super) fn of_text(text: &Text) -> Self {
        let mut flat = String::new();
        let mut pieces = Vec::with_capacity(text.parts.len());
        let mut unquoted_holes = false;
        let mut quotes = Quotes::default();
        for part in &text.parts {
            let start = flat.len();
            let (span, trail, hole) = match part {
                Part::Literal { text, span, trail } => {
                    quotes.advance(text);
                    flat.push_str(text);
                    (span, trail, None)
                }
                Part::Hole { atom, span, trail } => {
                    unquoted_holes |= !quotes.inside;
                    flat.push_str(if quotes.inside { INSIDE } else { OUTSIDE });
                    (span, trail, Some(atom.clone()))
                }
            };
            pieces.push(Piece { flat: start..flat.len(), span: *span, trail: trail.clone(), hole });
        }
        Self { flat: Arc::from(flat), pieces, unquoted_holes }
    }

    /// The pieces that `range` touches.
    fn touched(&self, range: &Range<usize>) -> &[Piece] {
        let first = self.pieces.partition_point(|p| p.flat.end <= range.start);
        let last = self.pieces.partition_point(|p| p.flat.start < range.end);
        self.pieces.get(first..last).unwrap_or_default()
    }

    /// The unknown that stands exactly at `range`.
    pub(super) fn whole_hole(&self, range: &Range<usize>) -> Option<Unknown> {
        self.touched(range).iter().find(|p| p.flat == *range).and_then(|p| p.hole.clone())
    }

    /// Where the flat bytes `range` are written: from the first to the last when these stand in one file in order.
    pub(super) fn place(&self, range: Range<usize>) -> Option<Span> {
        let touched = self.touched(&range);
        let first = touched.iter().find_map(|p| p.place(&range))?;
        let last = touched.iter().rev().find_map(|p| p.place(&range))?;
        let together = first.file == last.file && first.start <= last.start && first.end <= last.end;
        Some(if together { Span { file: first.file, start: first.start, end: last.end } } else { first })
    }

    /// The way the character at `at` came.
    pub(super) fn trail(&self, at: usize) -> Trail {
        self.touched(&(at..at + 1)).first().and_then(|p| p.trail.clone())
    }

    /// The text of `range`, in which no escape stands.
    pub(super) fn text(&self, range: Range<usize>) -> Text {
        if range.is_empty() {
            // The empty string has a place too: between its quotes.
            let span = self.place(range.start.saturating_sub(1)..range.start).map(|s| Span { start: s.end, ..s });
            return Text { parts: vec![Part::Literal { text: Arc::from(""), span, trail: self.trail(range.start) }] };
        }
        let parts = self.touched(&range).iter().filter_map(|piece| {
            let (span, trail) = (piece.place(&range), piece.trail.clone());
            match &piece.hole {
                Some(atom) => Some(Part::Hole { atom: atom.clone(), span, trail }),
                None => {
                    let inside = piece.flat.start.max(range.start)..piece.flat.end.min(range.end);
                    let text = self.flat.get(inside).filter(|t| !t.is_empty())?;
                    Some(Part::Literal { text: Arc::from(text), span, trail })
                }
            }
        });
        Text { parts: parts.collect() }
    }
}

impl Piece {
    /// Where what it has of `range` is written.
    fn place(&self, range: &Range<usize>) -> Option<Span> {
        let span = self.span?;
        if self.hole.is_some() || span.len() != self.flat.len() {
            return Some(span);
        }
        let start = range.start.max(self.flat.start) - self.flat.start;
        let end = range.end.min(self.flat.end).saturating_sub(self.flat.start);
        Some(span.slice(start..end.max(start)))
    }
}

/// Whether the end of the text so far stands inside a JSON string.
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

impl Quotes {
    fn advance(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.inside => self.escaped = true,
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }
}

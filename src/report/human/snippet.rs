//! A line of a file, cut to the terminal around the place that matters. The cost depends on the terminal and not on the file.

use super::style::Style;
use crate::place::Span;
use crate::source::SourceFile;
use std::ops::Range;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How wide a tabulator is shown.
const TAB: &str = "    ";

/// A line as it is shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The line's number, from 1.
    pub(super) line: usize,
    /// What is shown of it.
    pub(super) text: String,
    /// Columns before the marked part, and how wide that is.
    pub(super) before: usize,
    /// At least 1.
    pub(super) marked: usize,
}

/// The first line of a span, in at most `room` columns.
pub(super) fn excerpt(file: &SourceFile, span: Span, room: usize, style: Style) -> Excerpt {
    let line = file.position(span.start as usize).line;
    let text = file.line(line);
    let start = (span.start as usize).saturating_sub(file.line_start(line));
    let end = start.saturating_add(span.len());
    cut(line, text, start..end, room, style)
}

/// A line with the part `marked` (bytes) in at most `room` columns.
pub(super) fn cut(line: usize, text: &str, marked: Range<usize>, room: usize, style: Style) -> Excerpt {
    let start = boundary(text, marked.start);
    let end = boundary(text, marked.end).max(start);
    let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
    let inside = after.get(..end - start).unwrap_or(after);
    let left = Part::collect(before.chars().rev(), room);
    let right = Part::collect(after.chars(), room);
    let wide = left.width + right.width;
    let (left, right) = if left.whole && right.whole && wide <= room {
        (left, right)
    } else if before.starts_with([' ', '\t']) {
        // The indentation says least.
        let indent = before.len() - before.trim_start().len();
        let rest = text.get(indent..).unwrap_or(text);
        return cut(line, rest, start - indent..end - indent, room, style);
    } else {
        // A third of the room is for what leads to the place, more where little follows it.
        let dots = style.ellipsis().width();
        let lead = if right.whole && right.width < room - room / 3 { room - right.width } else { room / 3 };
        let left = if left.whole && left.width <= lead { left } else { left.shortened(lead.saturating_sub(dots)) };
        let rest = room - left.width - if left.whole { 0 } else { dots };
        let right = if right.whole && right.width <= rest { right } else { right.shortened(rest.saturating_sub(dots)) };
        (left, right)
    };
    let mut shown = String::new();
    if !left.whole {
        shown.push_str(style.ellipsis());
    }
    shown.extend(left.pieces.iter().rev().map(String::as_str));
    let before = shown.width();
    shown.extend(right.pieces.iter().map(String::as_str));
    let wide: usize = inside.chars().zip(&right.pieces).map(|(_, piece)| piece.width()).sum();
    if !right.whole {
        shown.push_str(style.ellipsis());
    }
    Excerpt { line, text: shown.trim_end().to_owned(), before, marked: wide.max(1) }
}

/// The nearest character boundary at or below `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Characters on one side of the place, nearest first.
struct Part {
    pieces: Vec<String>,
    width: usize,
    /// Nothing of the line is missing on this side.
    whole: bool,
}

impl Part {
    fn collect(chars: impl Iterator<Item = char>, room: usize) -> Self {
        let mut part = Self { pieces: Vec::new(), width: 0, whole: true };
        for c in chars {
            let piece = harmless(c);
            let wide = piece.width();
            if part.width + wide > room {
                part.whole = false;
                break;
            }
            part.width += wide;
            part.pieces.push(piece);
        }
        part
    }

    fn shortened(mut self, room: usize) -> Self {
        self.whole = false;
        while self.width > room {
            let Some(last) = self.pieces.pop() else { break };
            self.width -= last.width();
        }
        self
    }
}

/// A character of a scanned file, without power over the terminal.
fn harmless(c: char) -> String {
    match c {
        '\t' => TAB.to_owned(),
        c if super::super::is_unsafe(c) => '\u{fffd}'.to_string(),
        c if c.width().is_none() => ' '.to_string(),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, marked: Range<usize>, room: usize) -> (String, String) {
        let cut = cut(1, text, marked, room, Style::default());
        assert!(cut.text.width() <= room, "{} columns: {}", cut.text.width(), cut.text);
        let marked: String = cut.text.chars().skip(cut.before).take(cut.marked).collect();
        (cut.text, marked)
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        assert_eq!(shown("a = \"repo:octo*\"", 14..15, 40), ("a = \"repo:octo*\"".to_owned(), "*".to_owned()));
        assert_eq!(shown("\ta = 1", 1..2, 40), ("    a = 1".to_owned(), "a".to_owned()));
    }

    #[test]
    fn a_long_line_keeps_the_place_whole() {
        let line = format!("{}HERE{}", "x".repeat(5_000), "y".repeat(5_000));
        for room in [20, 40, 80, 200] {
            let (text, marked) = shown(&line, 5_000..5_004, room);
            assert_eq!(marked, "HERE", "{text}");
            assert!(text.starts_with('…') && text.ends_with('…'));
        }
        let (text, marked) = shown(&line, 0..4, 30);
        assert_eq!((marked.as_str(), text.starts_with('…')), ("xxxx", false));
        assert_eq!(shown("                    a = 12345", 24..29, 10), ("a = 12345".to_owned(), "12345".to_owned()));
        let (text, marked) = shown(&line, 10_000..10_004, 30);
        assert_eq!((marked.as_str(), text.ends_with('…')), ("yyyy", false));
    }

    #[test]
    fn wide_characters_and_controls_keep_the_mark_in_place() {
        let cut = cut(1, "猫\u{1b}[31m = x", 11..12, 40, Style::default());
        assert_eq!((cut.text.as_str(), cut.before, cut.marked), ("猫\u{fffd}[31m = x", 10, 1));
    }

    #[test]
    fn any_place_is_taken() {
        for text in ["", "é", "a\u{301}b", "\u{202e}abc"] {
            for start in 0..6 {
                for end in 0..8 {
                    let cut = cut(1, text, start..end, 40, Style::default());
                    assert!(cut.marked >= 1);
                }
            }
        }
    }
}

//! How the human report looks: colours, characters, columns.

use crate::catalogue::Severity;
use std::fmt::Write as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Widest line of prose: longer ones are hard to read, however wide the terminal is.
const MAX_PROSE: usize = 120;
/// Narrowest terminal that is laid out for.
const MIN_WIDTH: usize = 40;

/// How to render.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// With links to the rules' pages (OSC 8).
    pub links: bool,
    /// With characters beyond ASCII.
    pub unicode: bool,
    /// Columns.
    pub width: usize,
    /// Findings below this severity are only counted.
    pub shown: Severity,
    /// Every place and everything that is undecided, instead of the first few.
    pub verbose: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, links: false, unicode: true, width: 100, shown: Severity::Info, verbose: false }
    }
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Severity(Severity),
    Strong,
    Faint,
    Added,
    Removed,
}

impl Style {
    /// Columns that a snippet may fill.
    pub(super) fn columns(self) -> usize {
        self.width.max(MIN_WIDTH)
    }

    /// Columns that prose may fill.
    pub(super) fn prose(self) -> usize {
        self.columns().min(MAX_PROSE)
    }

    /// The text in its tone, where colours are wanted.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Severity(Severity::Critical) => "1;35",
            Tone::Severity(Severity::High) => "1;31",
            Tone::Severity(Severity::Medium) => "1;33",
            Tone::Severity(Severity::Low) => "36",
            Tone::Severity(Severity::Info) => "94",
            Tone::Removed => "31",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Added => "32",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// The text, leading to a page where the terminal can show that.
    pub(super) fn link(self, url: &str, text: &str) -> String {
        if self.links { format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\") } else { text.to_owned() }
    }

    /// The mark for what was left out of a line.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// The line beside a snippet.
    pub(super) fn bar(self) -> &'static str {
        if self.unicode { "│" } else { "|" }
    }

    /// What leads to a place.
    pub(super) fn arrow(self) -> &'static str {
        if self.unicode { "╭▸" } else { "-->" }
    }

    /// What underlines the guilty literal.
    pub(super) fn mark(self) -> &'static str {
        if self.unicode { "━" } else { "^" }
    }

    /// The finished report in the characters that the terminal can show.
    pub(super) fn finish(self, text: String) -> String {
        if self.unicode || text.is_ascii() { text } else { ascii(&text) }
    }
}

/// Text for a terminal that shows only ASCII. What has no plain form keeps its width.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '…' => out.push_str("..."),
            '–' | '—' => out.push('-'),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            '·' | '×' => out.push('x'),
            c => out.push_str(&"?".repeat(c.width().unwrap_or(1))),
        }
    }
    out
}

/// Appends words, broken at spaces: the first line goes on after `used` columns, further ones start with `indent` spaces.
pub(super) fn wrap(out: &mut String, text: &str, used: usize, indent: usize, width: usize) {
    let mut column = used;
    let mut first = true;
    for line in text.split('\n') {
        if !first {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        }
        let mut start = true;
        for word in line.split_whitespace() {
            let wide = word.width();
            if !start && column + 1 + wide > width {
                let _ = write!(out, "\n{:indent$}", "");
                column = indent;
            } else if !start {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += wide;
            start = false;
        }
        first = false;
    }
}

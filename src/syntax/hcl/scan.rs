//! The cursor: bytes, space, comments, words.

use super::{Duplicate, MAX_NESTING, MAX_PARTS};
use crate::place::{FileId, Span};
use crate::syntax::Problem;
use std::cell::Cell;
use std::sync::Arc;

pub(super) type Result<T> = std::result::Result<T, Problem>;

/// A parser over one text.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    /// Newlines end an expression here (attributes and object entries, not parentheses).
    pub(super) newlines: bool,
    pub(super) depth: usize,
    /// How many blocks are open, and how many may be.
    pub(super) blocks: usize,
    pub(super) most_blocks: usize,
    /// Where the text stands when it is not the file itself (an unescaped JSON string): every span is this one.
    pub(super) fixed: Option<Span>,
    pub(super) problems: Vec<Problem>,
    /// How many expressions and blocks were made.
    pub(super) made: Cell<usize>,
    pub(super) duplicates: Vec<Duplicate>,
    file: FileId,
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str, file: FileId) -> Self {
        Self {
            text,
            at: 0,
            newlines: true,
            depth: 0,
            blocks: 0,
            most_blocks: MAX_NESTING,
            fixed: None,
            problems: Vec::new(),
            made: Cell::new(0),
            duplicates: Vec::new(),
            file,
        }
    }

    pub(super) fn file_id(&self) -> FileId {
        self.file
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        self.fixed.unwrap_or_else(|| Span::new(self.file, start..end))
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn looking_at(&self, what: &str) -> bool {
        self.text.as_bytes().get(self.at..).is_some_and(|b| b.starts_with(what.as_bytes()))
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Moves on by one character.
    pub(super) fn bump(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub(super) fn eat(&mut self, what: &str) -> bool {
        let hit = self.looking_at(what);
        if hit {
            self.at += what.len();
        }
        hit
    }

    pub(super) fn problem(&self, message: impl Into<String>) -> Problem {
        let end = self.rest().chars().next().map_or(self.at, |c| self.at + c.len_utf8());
        Problem { span: self.span(self.at, end), message: message.into() }
    }

    pub(super) fn expect(&mut self, what: &str, context: &str) -> Result<()> {
        if self.eat(what) { Ok(()) } else { Err(self.problem(format!("expected `{what}` {context}"))) }
    }

    /// Counts an expression or a block.
    pub(super) fn count(&self) {
        self.made.set(self.made.get() + 1);
    }

    /// More was made than is kept of a file.
    pub(super) fn is_full(&self) -> bool {
        self.made.get() > MAX_PARTS
    }

    /// One level deeper; the caller lowers `depth` again.
    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_NESTING {
            return Err(self.problem(format!("nested deeper than {MAX_NESTING} levels")));
        }
        if self.is_full() {
            return Err(self.problem(format!("more than {MAX_PARTS} expressions and blocks")));
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }

    /// Runs `inner` with newlines as tokens or as space.
    pub(super) fn with_newlines<T>(&mut self, newlines: bool, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = std::mem::replace(&mut self.newlines, newlines);
        let out = inner(self);
        self.newlines = before;
        out
    }

    /// Skips space and comments, and newlines where they do not matter.
    pub(super) fn space(&mut self) {
        let newlines = !self.newlines;
        self.skip(newlines);
    }

    /// Skips space, comments and newlines.
    pub(super) fn lines(&mut self) {
        self.skip(true);
    }

    fn skip(&mut self, newlines: bool) {
        loop {
            match self.byte() {
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'\r') if newlines || self.looking_at("\r\n") => self.at += 1,
                Some(b'\n') if newlines => self.at += 1,
                Some(b'#') => self.line_end(),
                Some(b'/') if self.looking_at("//") => self.line_end(),
                Some(b'/') if self.looking_at("/*") => self.at = self.rest().find("*/").map_or(self.text.len(), |i| self.at + i + 2),
                _ => return,
            }
        }
    }

    /// Moves to the end of the line, before its newline.
    pub(super) fn line_end(&mut self) {
        self.at = memchr::memchr(b'\n', self.rest().as_bytes()).map_or(self.text.len(), |i| self.at + i);
    }

    /// An identifier at the cursor.
    pub(super) fn word(&mut self) -> Option<Arc<str>> {
        let rest = self.rest();
        let len = word_len(rest);
        let word = rest.get(..len).filter(|w| !w.is_empty())?;
        self.at += len;
        Some(Arc::from(word))
    }

    /// The identifier at the cursor without moving.
    pub(super) fn peek_word(&self) -> &'t str {
        let rest = self.rest();
        rest.get(..word_len(rest)).unwrap_or("")
    }
}

fn word_len(text: &str) -> usize {
    let mut chars = text.char_indices();
    match chars.next() {
        Some((_, c)) if c == '_' || c.is_alphabetic() => {}
        _ => return 0,
    }
    chars.find(|(_, c)| !(*c == '_' || *c == '-' || c.is_alphanumeric())).map_or(text.len(), |(i, _)| i)
}

//! Ignore comments: what a person wrote beside a finding to accept it.
//!
//! ```text
//! # fedlint: ignore[wildcard-subject, missing-audience] reviewed in #123 (until 2027-01-01)
//! ```
//! in HCL (also after `//` and in `/* */`), YAML and shell; as the member `"//": "fedlint: ignore[id] reason"` in JSON; as
//! the annotation `fedlint.dev/ignore: "id: reason"` on a Kubernetes object.

mod others;
#[cfg(test)]
mod tests;
mod trees;

pub use others::{Foreign, foreign};

use crate::calendar;
use crate::place::Span;
use crate::source::SourceFile;
use crate::source::walk::FileKind;
use std::ops::{Range, RangeInclusive};

/// What a comment for fedlint starts with.
pub(crate) const MARK: &str = "fedlint:";
/// The Kubernetes annotation.
pub(crate) const ANNOTATION: &str = "fedlint.dev/ignore";
/// Most suppressions that are read of one file.
pub const MAX_SUPPRESSIONS: usize = 10_000;
/// How far back the start of a block comment is looked for, in bytes.
const BLOCK_COMMENT_REACH: usize = 4096;
/// How many lines below a comment the line it speaks of is looked for.
const MAX_GAP: usize = 200;

/// One suppression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The rules it silences, as written. Empty when it names none: then it silences nothing, and is worth a note.
    pub ids: Vec<String>,
    /// Why, in the person's words; may be empty.
    pub reason: String,
    /// The last day it holds, as `2027-01-01`; none for always.
    pub until: Option<String>,
    /// Where it is written, from the mark to the end of the reason.
    pub span: Span,
    /// The lines it covers, from 1: its own, and the line or object it speaks of.
    pub lines: RangeInclusive<usize>,
    /// It stands on a line of its own before what it speaks of: when the last covered line opens a block, it speaks of
    /// all of the block.
    pub standalone: bool,
    /// What stands where `ignore` belongs: then it silences nothing, and is worth a note.
    pub unknown_word: Option<String>,
}

impl Suppression {
    /// Whether its last day is before `today` (`2027-01-01`).
    #[must_use]
    pub fn is_over(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }
}

/// The suppressions of a file, in the order of the file.
#[must_use]
pub fn suppressions(file: &SourceFile) -> Vec<Suppression> {
    let marked = memchr::memmem::find(file.text.as_bytes(), MARK.as_bytes()).is_some();
    let annotated = memchr::memmem::find(file.text.as_bytes(), ANNOTATION.as_bytes()).is_some();
    let mut all = if marked { in_comments(file) } else { Vec::new() };
    if marked || annotated {
        trees::suppressions(file, &mut all);
    }
    all.sort_by_key(|s| (s.span.start, s.span.end));
    all.truncate(MAX_SUPPRESSIONS);
    all
}

/// How a file writes comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Style {
    hash: bool,
    slashes: bool,
}

impl Style {
    fn of(path: &str) -> Self {
        match FileKind::of(path) {
            Some(FileKind::Json | FileKind::TerraformJson | FileKind::TfvarsJson) => Self { hash: false, slashes: true },
            Some(FileKind::Yaml | FileKind::Shell) => Self { hash: true, slashes: false },
            _ => Self { hash: true, slashes: true },
        }
    }

    /// Whether a comment starts right before `at`, and where.
    fn opener(self, text: &str, at: usize) -> Option<usize> {
        let before = text.get(..at)?.trim_end_matches([' ', '\t']);
        let stands_free = |start: usize| start == 0 || text.as_bytes().get(start - 1).is_some_and(u8::is_ascii_whitespace);
        if self.hash && before.ends_with('#') {
            let start = before.trim_end_matches('#').len();
            return (self.slashes || stands_free(start)).then_some(start);
        }
        if !self.slashes {
            return None;
        }
        if before.ends_with("//") {
            return Some(before.trim_end_matches('/').len());
        }
        if before.ends_with("/*") || before.ends_with("/**") {
            return Some(before.trim_end_matches('*').len() - 1);
        }
        // A later line of a block comment.
        let line = before.trim_end_matches('*').trim_end_matches([' ', '\t']);
        if !(line.is_empty() || line.ends_with('\n')) {
            return None;
        }
        let mut reach = line.len().saturating_sub(BLOCK_COMMENT_REACH);
        while !line.is_char_boundary(reach) {
            reach += 1;
        }
        let near = line.get(reach..)?;
        let open = near.rfind("/*")?;
        near.get(open..)?.find("*/").is_none().then_some(line.len())
    }

    fn is_comment(self, line: &str) -> bool {
        (self.hash && line.starts_with('#')) || (self.slashes && ["//", "/*", "*/", "* "].iter().any(|c| line.starts_with(c)))
    }
}

fn in_comments(file: &SourceFile) -> Vec<Suppression> {
    let style = Style::of(&file.path);
    let places = memchr::memmem::find_iter(file.text.as_bytes(), MARK.as_bytes());
    places.take(MAX_SUPPRESSIONS).filter_map(|at| in_comment(file, style, at)).collect()
}

fn in_comment(file: &SourceFile, style: Style, at: usize) -> Option<Suppression> {
    let opener = style.opener(&file.text, at)?;
    let line = file.position(at).line;
    let rest = file.text.get(at..)?;
    let end = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let rest = rest.get(..end)?;
    let body = if style.slashes { rest.split("*/").next().unwrap_or(rest) } else { rest }.trim_end();
    let directive = Directive::read(body)?;
    let before = file.text.get(..opener)?;
    let own_start = before.rfind('\n').map_or(0, |i| i + 1);
    let standalone = before.get(own_start..)?.trim().is_empty() && rest.split_once("*/").is_none_or(|(_, after)| after.trim().is_empty());
    let last = if standalone { next_line(file, style, line) } else { line };
    Some(directive.at(file, at..at + body.len(), line..=last, standalone))
}

/// The next line that is neither blank nor a comment; the line itself when there is none near.
fn next_line(file: &SourceFile, style: Style, line: usize) -> usize {
    let candidates = line + 1..=file.line_count().min(line + MAX_GAP);
    let speaks = |n: &usize| {
        let text = file.line(*n).trim();
        !text.is_empty() && !style.is_comment(text)
    };
    candidates.into_iter().find(speaks).unwrap_or(line)
}

/// What a suppression says, wherever it is written.
#[derive(Debug, PartialEq, Eq)]
struct Directive {
    ids: Vec<String>,
    reason: String,
    until: Option<String>,
    unknown_word: Option<String>,
}

impl Directive {
    /// Reads `fedlint: ignore[id, id] reason (until 2027-01-01)`. Another word before a bracket is meant as a directive.
    fn read(body: &str) -> Option<Self> {
        let body = body.strip_prefix(MARK)?.trim_start();
        let word: &str = body.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).next().unwrap_or_default();
        if word != "ignore" {
            let bracket = body.get(word.len()..).is_some_and(|rest| rest.trim_start().starts_with('['));
            let unknown = Self { unknown_word: Some(word.to_owned()), ..Self::new(Vec::new(), "") };
            return (bracket && !word.is_empty()).then_some(unknown);
        }
        let rest = body.strip_prefix("ignore")?;
        let (ids, reason) = match rest.trim_start().strip_prefix('[').and_then(|r| r.split_once(']')) {
            Some((ids, reason)) => (split_ids(ids), reason),
            None if rest.is_empty() || rest.starts_with([' ', '\t', '[']) => (Vec::new(), rest),
            None => return None,
        };
        Some(Self::new(ids, reason))
    }

    fn new(ids: Vec<String>, reason: &str) -> Self {
        let (reason, until) = take_until(reason);
        let reason = reason.trim().trim_start_matches(['-', ':', '–', '—']).trim().to_owned();
        Self { ids, reason, until, unknown_word: None }
    }

    fn at(self, file: &SourceFile, range: Range<usize>, lines: RangeInclusive<usize>, standalone: bool) -> Suppression {
        let span = Span::new(file.id, range);
        Suppression { ids: self.ids, reason: self.reason, until: self.until, span, lines, standalone, unknown_word: self.unknown_word }
    }
}

fn split_ids(ids: &str) -> Vec<String> {
    ids.split([',', ' ', '\t']).map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// Takes `(until 2027-01-01)`, or `until 2027-01-01` at the end, out of a reason. What is no date stays in the reason.
fn take_until(reason: &str) -> (String, Option<String>) {
    let bracketed = reason.find("(until ").and_then(|start| {
        let inside = reason.get(start + "(until ".len()..)?;
        let (date, after) = inside.split_once(')')?;
        let rest = format!("{} {}", reason.get(..start)?.trim_end(), after.trim_start());
        calendar::is_date(date.trim()).then(|| (rest, date.trim().to_owned()))
    });
    let bare = || {
        let (rest, date) = reason.trim_end().rsplit_once("until ")?;
        let alone = rest.is_empty() || rest.ends_with([' ', '\t', ',', ';']);
        (alone && calendar::is_date(date.trim())).then(|| (rest.trim_end_matches([' ', '\t', ',', ';']).to_owned(), date.trim().to_owned()))
    };
    bracketed.or_else(bare).map_or_else(|| (reason.to_owned(), None), |(rest, date)| (rest, Some(date)))
}

//! Covering template actions so that the rest is YAML, at the same offsets.

use std::ops::Range;

/// What stands for each byte of an action that shares its line.
const FILLER: u8 = b'H';
/// Most actions of one file; past it the rest stays uncovered.
const MAX_ACTIONS: usize = 200_000;

/// One `{{ … }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    /// Its place, braces included.
    pub(super) range: Range<usize>,
    /// Nothing but actions and blanks stands on its lines, or it writes whole lines below a key, or the first lines of a
    /// list's item: it was covered by blanks.
    pub(super) alone: bool,
    /// It may write something (it is no `if`, `end`, comment or assignment).
    pub(super) writes: bool,
    /// It separates branches (`else`).
    pub(super) branches: bool,
    /// The column that what it writes starts in, from 0: that of its `nindent` or `indent`, else its own.
    pub(super) column: usize,
    /// It stands alone on its lines inside a block scalar, whose text may start in this column.
    block: Option<usize>,
}

/// The masked text, as long as `text` and with the same line ends, and the actions in order.
pub(super) fn mask(text: &str) -> (String, Vec<Action>) {
    let mut actions = find(text);
    find_alone(text, &mut actions);
    find_blocks(text, &mut actions);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for action in &actions {
        let bytes = text.as_bytes();
        out.extend_from_slice(bytes.get(at..action.range.start).unwrap_or_default());
        let filler = if action.alone { b' ' } else { FILLER };
        let covered = bytes.get(action.range.clone()).unwrap_or_default();
        // A block scalar's text starts in its own column, wherever the action stands.
        let pad = action.block.map_or(0, |column| column.saturating_sub(action.range.start - line_start(text, action.range.start)));
        // What goes on in further lines would stand in columns of its own.
        let first = covered.iter().position(|b| *b == b'\n').unwrap_or(covered.len());
        out.extend(covered.iter().enumerate().map(|(i, b)| match b {
            b'\n' | b'\r' => *b,
            _ if i < pad || i > first => b' ',
            _ => filler,
        }));
        at = action.range.end;
    }
    out.extend_from_slice(text.as_bytes().get(at..).unwrap_or_default());
    // Only whole characters were replaced, by ASCII.
    (String::from_utf8(out).unwrap_or_else(|_| text.to_owned()), actions)
}

fn find(text: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut at = 0;
    while let Some(found) = memchr::memmem::find(text.as_bytes().get(at..).unwrap_or_default(), b"{{") {
        let start = at + found;
        let Some(end) = end_of(text.as_bytes(), start + 2) else { break };
        if actions.len() >= MAX_ACTIONS {
            break;
        }
        let body = text.get(start + 2..end.saturating_sub(2)).unwrap_or_default();
        let word = first_word(body);
        let branches = word == "else";
        actions.push(Action {
            range: start..end,
            alone: false,
            writes: writes(body, word),
            branches,
            column: column(text, start, body),
            block: None,
        });
        at = end;
    }
    actions
}

/// One past the `}}` of the action whose inside starts at `at`: not one in a string or a comment.
fn end_of(bytes: &[u8], mut at: usize) -> Option<usize> {
    let comment = bytes.get(at..)?;
    let skip = if comment.starts_with(b"- /*") {
        4
    } else if comment.starts_with(b"/*") {
        2
    } else {
        0
    };
    if skip > 0 {
        at += skip + memchr::memmem::find(bytes.get(at + skip..)?, b"*/")? + 2;
    }
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at + 2),
            b'"' | b'`' | b'\'' => at = end_of_string(bytes, at)?,
            _ => at += 1,
        }
    }
    None
}

/// One past the closing quote; a string that does not end on its line is no string (an apostrophe).
fn end_of_string(bytes: &[u8], open: usize) -> Option<usize> {
    let quote = *bytes.get(open)?;
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b if *b == quote => return Some(at + 1),
            b'\\' if quote != b'`' => at += 2,
            b'\n' if quote != b'`' => return Some(open + 1),
            _ => at += 1,
        }
    }
    Some(open + 1)
}

fn first_word(body: &str) -> &str {
    let body = body.strip_prefix('-').unwrap_or(body).trim_start();
    let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(body.len());
    body.get(..end).unwrap_or_default()
}

fn writes(body: &str, word: &str) -> bool {
    let inside = body.strip_prefix('-').unwrap_or(body).trim_start();
    let control = ["if", "else", "end", "range", "with", "define", "block", "break", "continue"].contains(&word);
    let assigns = inside.starts_with('$') && (inside.contains(":=") || inside.contains(" = "));
    !(control || assigns || inside.starts_with("/*"))
}

fn column(text: &str, start: usize, body: &str) -> usize {
    let asked = body.rfind("indent ").and_then(|i| body.get(i + "indent ".len()..)).map(str::trim_start);
    let digits = asked.map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count()).unwrap_or(0);
    if let Some(n) = asked.and_then(|rest| rest.get(..digits)).and_then(|d| d.parse().ok()) {
        return n;
    }
    start - line_start(text, start)
}

pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.as_bytes().get(..at).and_then(|b| memchr::memrchr(b'\n', b)).map_or(0, |i| i + 1)
}

/// Marks the actions that stand alone, or with other actions, on their lines.
fn find_alone(text: &str, actions: &mut [Action]) {
    let blank = |range: Range<usize>| text.get(range).is_some_and(|t| t.bytes().all(|b| matches!(b, b' ' | b'\t' | b'\r')));
    let mut first = 0;
    while let Some(start) = actions.get(first).map(|a| a.range.start) {
        let mut last = first;
        while let (Some(a), Some(b)) = (actions.get(last), actions.get(last + 1)) {
            if !blank(a.range.end..b.range.start) {
                break;
            }
            last += 1;
        }
        let end = actions.get(last).map_or(start, |a| a.range.end);
        let line_end = text.as_bytes().get(end..).and_then(|b| memchr::memchr(b'\n', b)).map_or(text.len(), |i| end + i);
        let before = line_start(text, start)..start;
        // `key: {{- … | nindent 4 }}` writes lines of its own below the key.
        let below = first == last && is_nindent(text, start..end) && text.get(before.clone()).is_some_and(|t| t.trim_end().ends_with(':'));
        // `- {{ toYaml $item }}`, with further keys of the item on the next lines.
        let column = start - before.start;
        let item = text.get(before.clone()).is_some_and(|t| t.trim() == "-");
        let goes_on = first == last && item && content_column(text, line_end, column.saturating_sub(1)) == Some(column);
        let alone = (blank(before) || below || goes_on) && blank(end..line_end);
        for action in actions.get_mut(first..=last).unwrap_or_default() {
            action.alone = alone;
        }
        first = last + 1;
    }
}

fn is_nindent(text: &str, range: Range<usize>) -> bool {
    text.get(range).is_some_and(|action| action.contains("nindent "))
}

/// Turns the actions that write into block scalars from blanks into filler: what they write is part of a text, and a text
/// without it would be a wrong one.
fn find_blocks(text: &str, actions: &mut [Action]) {
    let mut block: Option<Block> = None;
    let mut next = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let first = next;
        while actions.get(next).is_some_and(|a| a.range.start < end) {
            next += 1;
        }
        let alone = first < next && actions.get(first).is_some_and(|a| a.alone);
        let continued = first > 0 && actions.get(first - 1).is_some_and(|a| a.range.end > at);
        let trimmed = line.trim();
        match &mut block {
            _ if trimmed.is_empty() || continued => {}
            Some(inside) if alone => {
                for action in actions.get_mut(first..next).unwrap_or_default() {
                    inside.take(text, action, at);
                }
            }
            Some(inside) if indent_of(line) > inside.column => inside.empty = false,
            _ if alone => {}
            _ => block = opens_block(line).map(|column| Block { column, content: content_column(text, end, column), empty: true }),
        }
        at = end;
    }
}

/// A block scalar that is being passed.
struct Block {
    /// The column of its key: its text stands to the right.
    column: usize,
    /// The column of its text, when it has a line that is no action.
    content: Option<usize>,
    /// No line of its text was seen yet.
    empty: bool,
}

impl Block {
    fn take(&mut self, text: &str, action: &mut Action, line: usize) {
        // The first line must not be blanks: they could reach further right than the text.
        let inside = action.column > self.column || (self.empty && self.content.is_some());
        if !inside || !(action.writes || self.empty) {
            return;
        }
        let column = self.content.unwrap_or(self.column + 1);
        if action.range.end <= line + column {
            return;
        }
        let blank_before = text.get(line + column..action.range.start).is_some_and(|t| t.trim().is_empty());
        if self.empty && action.range.start > line + column && blank_before {
            action.range.start = line + column;
        }
        action.alone = false;
        action.block = Some(column);
        self.empty = false;
    }
}

/// The column of the first line from `at` on that is neither blank nor an action, when it is right of `column`.
fn content_column(text: &str, at: usize, column: usize) -> Option<usize> {
    let mut lines = text.get(at..)?.lines();
    let first = lines.find(|l| !l.trim().is_empty() && !l.trim_start().starts_with("{{"))?;
    Some(indent_of(first)).filter(|c| *c > column)
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The column of the key whose block scalar a line opens (`key: |-`, `- >2`).
fn opens_block(line: &str) -> Option<usize> {
    let code = line.find(" #").and_then(|i| line.get(..i)).unwrap_or(line).trim_end();
    let head = code.trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
    let before = head.strip_suffix(['|', '>'])?;
    if !(before.ends_with(": ") || before.ends_with("- ")) || code.len() - head.len() > 2 {
        return None;
    }
    let mut column = indent_of(line);
    while let Some(rest) = line.get(column..).and_then(|l| l.strip_prefix("- ")) {
        if rest.trim_start().starts_with(['|', '>']) {
            break;
        }
        column += 2 + indent_of(rest);
    }
    Some(column)
}

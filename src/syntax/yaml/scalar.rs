//! Scalars: their type, and where each of their characters is written.

use crate::partial::{Kind, Part, Text};
use crate::place::{FileId, Span};
use granit_parser::ScalarStyle;
use std::ops::Range;
use std::sync::Arc;

/// Most parts that the scalars of one file are split into; past it a scalar is one part.
const MAX_SPLITS: usize = 100_000;

/// What a plain scalar is in the [core schema](https://yaml.org/spec/1.2.2/#1032-tag-resolution); none for a string.
pub(super) fn typed(text: &str) -> Option<Kind> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Kind::Null),
        "true" | "True" | "TRUE" => Some(Kind::Bool(true)),
        "false" | "False" | "FALSE" => Some(Kind::Bool(false)),
        _ if is_number(text) => Some(Kind::Number(Arc::from(text))),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    let all = |digits: &str, ok: fn(u8) -> bool| !digits.is_empty() && digits.bytes().all(ok);
    if let Some(octal) = text.strip_prefix("0o") {
        return all(octal, |b| (b'0'..=b'7').contains(&b));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return all(hex, |b| b.is_ascii_hexdigit());
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| all(e.strip_prefix(['-', '+']).unwrap_or(e), |b| b.is_ascii_digit()));
    digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent_ok
}

/// True for a tag of the YAML repository (`!!str`, `!<tag:yaml.org,2002:str>`) with one of these names.
pub(super) fn is_core_tag(tag: &str, names: &[&str]) -> bool {
    let bare = tag.trim_start_matches("!<").trim_end_matches('>');
    let name = bare.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix("!!"));
    name.is_some_and(|n| names.contains(&n))
}

/// A scalar's text with the places of its pieces, and the extent of its content without quotes and header.
pub(super) struct Placed {
    pub(super) text: Text,
    pub(super) tight: Range<usize>,
}

/// Splits scalars into parts whose bytes stand one for one in the file.
pub(super) struct Splitter {
    file: FileId,
    left: usize,
}

impl Splitter {
    pub(super) fn new(file: FileId) -> Self {
        Self { file, left: MAX_SPLITS }
    }

    /// The places of the characters of `text`, which the parser read at `raw`.
    pub(super) fn split(&mut self, source: &str, raw: Range<usize>, style: ScalarStyle, text: &str) -> Placed {
        let written = source.get(raw.clone()).unwrap_or_default();
        let quoted = match style {
            ScalarStyle::SingleQuoted => Some('\''),
            ScalarStyle::DoubleQuoted => Some('"'),
            _ => None,
        };
        let tight = match quoted {
            Some(q) if written.len() >= 2 && written.starts_with(q) && written.ends_with(q) => raw.start + 1..raw.end - 1,
            Some(_) => raw.clone(),
            None => trimmed(written, raw.start),
        };
        let inner = source.get(tight.clone()).unwrap_or_default();
        if inner == text {
            return Placed { text: Text::literal(text, Span::new(self.file, tight.clone())), tight };
        }
        let mut parts = Parts { file: self.file, source, left: &mut self.left, parts: Vec::new() };
        let done = match style {
            ScalarStyle::SingleQuoted => parts.escapes(&tight, '\'', single),
            ScalarStyle::DoubleQuoted => parts.escapes(&tight, '\\', double),
            ScalarStyle::Plain => parts.folded(&tight, text, true),
            // A text of line breaks alone has nothing to point at, and the parser gives its header for its extent.
            _ if text.trim().is_empty() => None,
            ScalarStyle::Literal => parts.literal(&body(source, &raw), text),
            ScalarStyle::Folded => parts.folded(&body(source, &raw), text, false),
        };
        let split = Text { parts: parts.parts };
        // The parser's text decides: a split that says anything else is not used.
        if done.is_some() && split.as_known().as_deref() == Some(text) {
            let content = split.span().map_or(tight.clone(), Span::range);
            let tight = if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) { content } else { tight };
            return Placed { text: split, tight };
        }
        // Equal length would say "byte for byte", which it is not.
        let whole = if tight.len() == text.len() { raw } else { tight.clone() };
        let part = if whole.len() == text.len() { None } else { Some(Span::new(self.file, whole)) };
        Placed { text: Text { parts: vec![Part::Literal { text: Arc::from(text), span: part, trail: None }] }, tight }
    }
}

fn trimmed(written: &str, start: usize) -> Range<usize> {
    let lead = written.len() - written.trim_start().len();
    let len = written.trim().len();
    start + lead..start + lead + len
}

/// The lines of a block scalar below its header (`|-`, `>2 # why`). The parser's extent starts at the first character that
/// is no blank; blank lines before it belong to the text too.
fn body(source: &str, raw: &Range<usize>) -> Range<usize> {
    let mut start = line_start(source, raw.start);
    while let Some(before) = start.checked_sub(1) {
        let line = line_start(source, before);
        if source.get(line..before).is_none_or(|l| !l.trim().is_empty()) {
            break;
        }
        start = line;
    }
    start..raw.end
}

fn line_start(source: &str, at: usize) -> usize {
    source.get(..at).and_then(|s| s.rfind('\n')).map_or(0, |i| i + 1)
}

struct Parts<'a> {
    file: FileId,
    source: &'a str,
    left: &'a mut usize,
    parts: Vec<Part>,
}

impl Parts<'_> {
    fn push(&mut self, text: &str, range: Range<usize>) -> Option<()> {
        if text.is_empty() {
            return Some(());
        }
        *self.left = self.left.checked_sub(1)?;
        let span = Some(Span::new(self.file, range));
        self.parts.push(Part::Literal { text: Arc::from(text), span, trail: None });
        Some(())
    }

    /// A quoted scalar on one line: runs between escapes, each escape a part of its own.
    fn escapes(&mut self, tight: &Range<usize>, mark: char, decode: fn(&str) -> Option<(String, usize)>) -> Option<()> {
        let inner = self.source.get(tight.clone())?;
        if inner.contains('\n') {
            return None;
        }
        let mut at = 0;
        while let Some(found) = inner.get(at..)?.find(mark) {
            let escape = at + found;
            self.push(inner.get(at..escape)?, tight.start + at..tight.start + escape)?;
            let (text, len) = decode(inner.get(escape..)?)?;
            self.push(&text, tight.start + escape..tight.start + escape + len)?;
            at = escape + len;
        }
        self.push(inner.get(at..)?, tight.start + at..tight.end)
    }

    /// A literal block scalar: each line of the text is the end of a line of the file.
    fn literal(&mut self, body: &Range<usize>, text: &str) -> Option<()> {
        let mut at = body.start;
        let mut lines = self.source.get(body.clone())?.split_inclusive('\n');
        for wanted in text.split_inclusive('\n') {
            let content = wanted.trim_end_matches('\n');
            let Some(line) = lines.next() else {
                // Line breaks that the file does not have (a last line without one).
                return if content.is_empty() { self.push(wanted, at..at) } else { None };
            };
            let bare = line.trim_end_matches('\n').trim_end_matches('\r');
            let start = at + bare.strip_suffix(content).map(str::len)?;
            let break_len = line.len() - bare.len();
            let content_end = start + content.len();
            if wanted.len() > content.len() && break_len == 1 {
                self.push(wanted, start..content_end + 1)?;
            } else {
                self.push(content, start..content_end)?;
                if wanted.len() > content.len() {
                    self.push("\n", content_end..content_end + break_len)?;
                }
            }
            at += line.len();
        }
        Some(())
    }

    /// A folded scalar: lines joined by a space, blank lines by line feeds.
    fn folded(&mut self, body: &Range<usize>, text: &str, plain: bool) -> Option<()> {
        let mut cursor = 0;
        let mut at = body.start;
        let mut last_end = body.start;
        for line in self.source.get(body.clone())?.split_inclusive('\n') {
            let bare = line.trim_end_matches(['\n', '\r']);
            let bare = if plain { bare.trim_end() } else { bare };
            let word = if plain { bare.trim_start() } else { bare.trim_start_matches(' ') };
            if !word.is_empty() {
                let rest = text.get(cursor..)?;
                let gap =
                    if !self.parts.is_empty() && rest.starts_with(' ') { 1 } else { rest.len() - rest.trim_start_matches('\n').len() };
                let indent = rest.get(gap..)?.bytes().take_while(|b| *b == b' ').count();
                let content = rest.get(gap..gap + indent + word.len())?;
                let start = at + bare.strip_suffix(content).map(str::len)?;
                self.push(rest.get(..gap)?, last_end.min(start)..start)?;
                self.push(content, start..start + content.len())?;
                cursor += gap + content.len();
                last_end = start + content.len();
            }
            at += line.len();
        }
        self.push(text.get(cursor..)?, last_end..body.end.max(last_end))
    }
}

/// The escape of a single quoted scalar.
fn single(raw: &str) -> Option<(String, usize)> {
    raw.starts_with("''").then(|| ("'".to_owned(), 2))
}

/// The escape at the start of `raw`, see [YAML 1.2.2, 5.7](https://yaml.org/spec/1.2.2/#57-escaped-characters).
fn double(raw: &str) -> Option<(String, usize)> {
    let mark = raw.chars().nth(1)?;
    let hex = |len: usize| {
        let digits = raw.get(2..2 + len)?;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?).map(|c| (c.to_string(), 2 + len))
    };
    let c = match mark {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '/' | '\\' => mark,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        'x' => return hex(2),
        'u' => return hex(4),
        'U' => return hex(8),
        _ => return None,
    };
    Some((c.to_string(), 1 + mark.len_utf8()))
}

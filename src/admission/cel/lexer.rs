//! Characters to words. Literals keep their holes and the place of each piece.

use super::parser::Problem;
use crate::partial::{Part, Text, Trail, Unknown};
use crate::place::Span;
use std::ops::Range;
use std::sync::Arc;

/// Longest source that is read, in bytes; Google takes 4,096 characters.
pub(super) const MAX_SOURCE: usize = 1 << 16;

/// Stands for a hole in the flat text. It is a hole only at the offsets that [`Source`] remembers.
const HOLE: char = '\u{10FFFE}';

/// A word.
#[derive(Debug, Clone)]
pub(super) enum Word {
    Ident(String),
    /// `` `a-b` ``
    Quoted(String),
    Int(u64),
    Uint(u64),
    Double(f64),
    String(Text),
    Bytes(Vec<u8>),
    Hole(Unknown),
    Sign(&'static str),
    End,
}

/// A word and its bytes.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) word: Word,
    pub(super) range: Range<usize>,
}

/// The flat text of a [`Text`] and the way back to places.
pub(super) struct Source<'a> {
    text: &'a Text,
    flat: String,
    pieces: Vec<Range<usize>>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a Text) -> Self {
        let mut flat = String::new();
        let mut pieces = Vec::new();
        for part in &text.parts {
            let start = flat.len();
            match part {
                Part::Literal { text, .. } => flat.push_str(text),
                Part::Hole { .. } => flat.push(HOLE),
            }
            pieces.push(start..flat.len());
        }
        Self { text, flat, pieces }
    }

    pub(super) fn len(&self) -> usize {
        self.flat.len()
    }

    fn piece_at(&self, at: usize) -> Option<(usize, &Range<usize>)> {
        let index = self.pieces.partition_point(|p| p.end <= at);
        self.pieces.get(index).map(|p| (index, p))
    }

    fn hole_at(&self, at: usize) -> Option<&'a Unknown> {
        let (index, piece) = self.piece_at(at)?;
        match self.text.parts.get(index)? {
            Part::Hole { atom, .. } if piece.start == at => Some(atom),
            _ => None,
        }
    }

    /// The place of a range of the flat text.
    pub(super) fn span(&self, range: Range<usize>) -> Option<Span> {
        let last = range.end.saturating_sub(1).max(range.start);
        let Some((first_index, first)) = self.piece_at(range.start.min(self.flat.len().saturating_sub(1))) else {
            return self.text.span();
        };
        let (last_index, last_piece) = self.piece_at(last).unwrap_or((first_index, first));
        let local =
            |piece: &Range<usize>| range.start.max(piece.start) - piece.start..range.end.min(piece.end).max(piece.start) - piece.start;
        let start = self.text.span_of(first_index, local(first))?;
        if first_index == last_index {
            return Some(start);
        }
        let end = self.text.span_of(last_index, local(last_piece))?;
        let together = start.file == end.file && start.start <= end.end;
        Some(if together { Span { file: start.file, start: start.start, end: end.end } } else { start })
    }

    fn trail(&self, at: usize) -> Trail {
        match self.piece_at(at).and_then(|(i, _)| self.text.parts.get(i)) {
            Some(Part::Literal { trail, .. } | Part::Hole { trail, .. }) => trail.clone(),
            None => None,
        }
    }
}

/// Splits the source into words, the last one [`Word::End`].
pub(super) fn words(source: &Source<'_>) -> Result<Vec<Token>, Problem> {
    let mut lexer = Lexer { source, at: 0 };
    let mut out = Vec::new();
    loop {
        let token = lexer.next()?;
        let end = matches!(token.word, Word::End);
        out.push(token);
        if end {
            return Ok(out);
        }
    }
}

struct Lexer<'s, 'a> {
    source: &'s Source<'a>,
    at: usize,
}

const SIGNS: [&str; 24] =
    ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}", "+", "-", "*", "/", "%"];

impl Lexer<'_, '_> {
    fn rest(&self) -> &str {
        self.source.flat.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn fail<T>(&self, range: Range<usize>, message: impl Into<String>) -> Result<T, Problem> {
        Err(Problem { message: message.into(), span: self.source.span(range), unknown: false })
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']).len();
            self.at += blank;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if blank == 0 {
                return;
            }
        }
    }

    fn next(&mut self) -> Result<Token, Problem> {
        self.skip_blank();
        let start = self.at;
        let token = |word, end| Token { word, range: start..end };
        let Some(c) = self.peek() else { return Ok(token(Word::End, start)) };
        if let Some(atom) = self.source.hole_at(start) {
            self.at += HOLE.len_utf8();
            return self.lone_hole(start, atom).map(|w| token(w, self.at));
        }
        if let Some((raw, bytes, skip)) = string_start(self.rest()) {
            self.at += skip;
            let word = self.string(start, raw, bytes)?;
            return Ok(token(word, self.at));
        }
        if c.is_ascii_alphabetic() || c == '_' {
            let rest = self.rest();
            let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let name = rest.get(..len).unwrap_or("").to_owned();
            self.at += len;
            if self.source.hole_at(self.at).is_some() {
                return self.straddle();
            }
            return Ok(token(Word::Ident(name), self.at));
        }
        if c.is_ascii_digit() || (c == '.' && self.rest().chars().nth(1).is_some_and(|d| d.is_ascii_digit())) {
            let word = self.number(start)?;
            if self.source.hole_at(self.at).is_some() {
                return self.straddle();
            }
            return Ok(token(word, self.at));
        }
        if c == '`' {
            return self.quoted(start);
        }
        if let Some(sign) = SIGNS.iter().find(|s| self.rest().starts_with(**s)) {
            self.at += sign.len();
            return Ok(token(Word::Sign(sign), self.at));
        }
        self.strange(start, c)
    }

    fn strange(&self, start: usize, c: char) -> Result<Token, Problem> {
        let range = start..start + c.len_utf8();
        match c {
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{00ab}' | '\u{00bb}' => {
                self.fail(range, format!("typographic quote `{c}`: a string needs `'` or `\"`"))
            }
            '=' => self.fail(range, "`=` is not an operator: equality is `==`"),
            '&' => self.fail(range, "`&` is not an operator: conjunction is `&&`"),
            '|' => self.fail(range, "`|` is not an operator: disjunction is `||`"),
            ';' => self.fail(range, "`;` does not belong in an expression"),
            _ => self.fail(range, format!("unexpected character `{}`", c.escape_debug())),
        }
    }

    /// A hole outside of strings is an operand, unless it is glued to a name or a number.
    fn lone_hole(&self, start: usize, atom: &Unknown) -> Result<Word, Problem> {
        let glued = self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '\'' || c == '"');
        if glued || self.source.hole_at(self.at).is_some() {
            let span = self.source.span(start..self.at);
            return Err(Problem { message: format!("`{}` is only part of the syntax around it", atom.label()), span, unknown: true });
        }
        Ok(Word::Hole(atom.clone()))
    }

    fn straddle<T>(&self) -> Result<T, Problem> {
        let label = self.source.hole_at(self.at).map_or("", Unknown::label);
        let span = self.source.span(self.at..self.at + HOLE.len_utf8());
        Err(Problem { message: format!("`{label}` is only part of the syntax around it"), span, unknown: true })
    }

    fn quoted(&mut self, start: usize) -> Result<Token, Problem> {
        self.at += 1;
        let rest = self.rest();
        let Some(len) = rest.find('`') else { return self.fail(start..start + 1, "quoted field name is not closed") };
        let name = rest.get(..len).unwrap_or("").to_owned();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        if name.is_empty() || !name.chars().all(legal) {
            return self.fail(start..start + len + 2, format!("`{name}` cannot be a quoted field name"));
        }
        self.at += len + 1;
        Ok(Token { word: Word::Quoted(name), range: start..self.at })
    }

    fn number(&mut self, start: usize) -> Result<Word, Problem> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let unsigned = |at: usize| matches!(bytes.get(at), Some(b'u' | b'U'));
        if rest.starts_with("0x") || rest.starts_with("0X") {
            let len = 2 + bytes.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count();
            let value = u64::from_str_radix(rest.get(2..len).unwrap_or(""), 16);
            let uint = unsigned(len);
            return self.integer(start, len, uint, value.ok());
        }
        let mut len = digits(0);
        let mut double = false;
        if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
            double = true;
            len += 1 + digits(len + 1);
        }
        if matches!(bytes.get(len), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
            let exponent = digits(len + 1 + sign);
            if exponent > 0 {
                double = true;
                len += 1 + sign + exponent;
            }
        }
        if double {
            let value: Option<f64> = rest.get(..len).and_then(|t| t.parse().ok());
            self.at += len;
            return value.map_or_else(|| self.fail(start..start + len, "malformed number"), |v| Ok(Word::Double(v)));
        }
        let value = rest.get(..len).and_then(|t| t.parse::<u64>().ok());
        let uint = unsigned(len);
        self.integer(start, len, uint, value)
    }

    fn integer(&mut self, start: usize, len: usize, uint: bool, value: Option<u64>) -> Result<Word, Problem> {
        self.at += len + usize::from(uint);
        match value {
            Some(n) if uint => Ok(Word::Uint(n)),
            // One more than the greatest integer is kept for `-9223372036854775808`; the parser rejects it elsewhere.
            Some(n) if n <= 1 << 63 => Ok(Word::Int(n)),
            _ => self.fail(start..self.at, "integer out of range"),
        }
    }

    fn string(&mut self, start: usize, raw: bool, bytes: bool) -> Result<Word, Problem> {
        let Some(quote) = self.peek() else { return self.fail(start..self.at, "string is not closed") };
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let close = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.at += close.len();
        let mut out = Pieces::new(self.source, bytes);
        loop {
            let rest = self.rest();
            if rest.starts_with(&close) {
                self.at += close.len();
                return Ok(out.finish());
            }
            let Some(c) = rest.chars().next() else {
                return self.fail(start..start + 1, "string is not closed");
            };
            if let Some(atom) = self.source.hole_at(self.at) {
                if bytes {
                    return self.straddle();
                }
                out.hole(self.at, atom);
                self.at += c.len_utf8();
            } else if c == '\\' && !raw {
                self.escape(&mut out, bytes)?;
            } else if (c == '\n' || c == '\r') && close.len() == 1 {
                return self.fail(start..start + 1, "string is not closed on its line");
            } else {
                out.plain(self.at, c);
                self.at += c.len_utf8();
            }
        }
    }

    fn escape(&mut self, out: &mut Pieces<'_, '_>, bytes: bool) -> Result<(), Problem> {
        let start = self.at;
        let rest = self.rest();
        let Some(c) = rest.chars().nth(1) else { return self.fail(start..start + 1, "string is not closed") };
        let (len, radix, skip) = match c {
            'x' | 'X' => (2, 16, 2),
            'u' if !bytes => (4, 16, 2),
            'U' if !bytes => (8, 16, 2),
            '0'..='3' => (3, 8, 1),
            _ => {
                let plain = match c {
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    '\\' | '\'' | '"' | '`' | '?' => c,
                    _ => {
                        let range = start..start + 1 + c.len_utf8();
                        return self.fail(
                            range,
                            format!("unknown escape `\\{}` (a regular expression needs `\\\\` or a raw string)", c.escape_debug()),
                        );
                    }
                };
                self.at += 1 + c.len_utf8();
                out.escaped(start..self.at, u32::from(plain));
                return Ok(());
            }
        };
        let digits = rest.get(skip..skip + len).filter(|d| d.chars().all(|c| c.is_digit(radix)));
        let code = digits.and_then(|d| u32::from_str_radix(d, radix).ok());
        let legal = |code: &u32| if bytes { *code < 256 } else { char::from_u32(*code).is_some() };
        let Some(code) = code.filter(legal) else {
            return self.fail(start..start + skip, "malformed escape");
        };
        self.at += skip + len;
        out.escaped(start..self.at, code);
        Ok(())
    }
}

/// Prefix letters of a string literal: raw, bytes, and how many characters stand before the quote.
fn string_start(rest: &str) -> Option<(bool, bool, usize)> {
    let (mut raw, mut bytes) = (false, false);
    for (i, c) in rest.chars().take(3).enumerate() {
        match c {
            '\'' | '"' => return Some((raw, bytes, i)),
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes => bytes = true,
            _ => return None,
        }
    }
    None
}

/// The pieces of a string literal as they come.
struct Pieces<'s, 'a> {
    source: &'s Source<'a>,
    parts: Vec<Part>,
    bytes: Option<Vec<u8>>,
    run: String,
    run_start: usize,
}

impl<'s, 'a> Pieces<'s, 'a> {
    fn new(source: &'s Source<'a>, bytes: bool) -> Self {
        Self { source, parts: Vec::new(), bytes: bytes.then(Vec::new), run: String::new(), run_start: 0 }
    }

    fn flush(&mut self) {
        if !self.run.is_empty() {
            let text: Arc<str> = std::mem::take(&mut self.run).into();
            let span = self.source.span(self.run_start..self.run_start + text.len());
            let trail = self.source.trail(self.run_start);
            self.parts.push(Part::Literal { text, span, trail });
        }
    }

    fn plain(&mut self, at: usize, c: char) {
        if let Some(bytes) = &mut self.bytes {
            let mut buffer = [0; 4];
            bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            return;
        }
        // A run stays inside one part of the source, so that its span has its length.
        let crosses = self.source.piece_at(at).is_some_and(|(_, piece)| piece.start == at);
        if crosses {
            self.flush();
        }
        if self.run.is_empty() {
            self.run_start = at;
        }
        self.run.push(c);
    }

    fn escaped(&mut self, range: Range<usize>, code: u32) {
        if let Some(bytes) = &mut self.bytes {
            bytes.push(u8::try_from(code).unwrap_or(b'?'));
            return;
        }
        self.flush();
        let text = char::from_u32(code).map(String::from).unwrap_or_default();
        let trail = self.source.trail(range.start);
        self.parts.push(Part::Literal { text: text.into(), span: self.source.span(range), trail });
    }

    fn hole(&mut self, at: usize, atom: &Unknown) {
        self.flush();
        let trail = self.source.trail(at);
        self.parts.push(Part::Hole { atom: atom.clone(), span: self.source.span(at..at + HOLE.len_utf8()), trail });
    }

    fn finish(mut self) -> Word {
        if let Some(bytes) = self.bytes {
            return Word::Bytes(bytes);
        }
        self.flush();
        Word::String(Text { parts: self.parts })
    }
}

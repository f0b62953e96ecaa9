//! Words: quotes, variables, substitutions.

use super::ShellError;
use super::ast::{Index, Operation, Parameter, Piece, Word};
use super::parser::Parser;
use std::ops::Range;

type Parsed<T> = Result<T, ShellError>;

/// Where pieces end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// At a blank or an operator.
    Blank,
    /// At the closing double quote.
    Quote,
    /// At the `}` of a variable; inside double quotes or not.
    Brace { quoted: bool },
    /// At the end of a here-document.
    End,
}

impl Until {
    fn quoted(self) -> bool {
        matches!(self, Self::Quote | Self::End | Self::Brace { quoted: true })
    }

    /// Whether a character that is special elsewhere is none here.
    fn ordinary(self, byte: u8) -> bool {
        match byte {
            b'\'' => self.quoted(),
            b'"' => self == Self::End,
            b'(' => self != Self::Blank,
            _ => false,
        }
    }
}

impl Parser<'_> {
    /// The word that begins here, if one does.
    pub(super) fn word(&mut self) -> Parsed<Option<Word>> {
        let start = self.at;
        let mut pieces = Vec::new();
        self.nested(|p| p.pieces(Until::Blank, &mut pieces))?;
        Ok((self.at > start).then_some(Word { pieces, range: start..self.at }))
    }

    /// The pieces of a here-document that is expanded.
    pub(super) fn expanded(&mut self, pieces: &mut Vec<Piece>) -> Parsed<()> {
        self.nested(|p| p.pieces(Until::End, pieces))
    }

    fn pieces(&mut self, until: Until, out: &mut Vec<Piece>) -> Parsed<()> {
        let quoted = until.quoted();
        let mut start = self.at;
        loop {
            let Some(byte) = self.peek() else {
                return match until {
                    Until::Blank | Until::End => {
                        self.push_text(out, start..self.at, quoted);
                        Ok(())
                    }
                    Until::Quote => Err(self.error("a double quote is not closed")),
                    Until::Brace { .. } => Err(self.error("`${` is not closed")),
                };
            };
            let ends = match until {
                Until::Blank => byte.is_ascii_whitespace() || b";&|<>()".contains(&byte),
                Until::Quote => byte == b'"',
                Until::Brace { .. } => byte == b'}',
                Until::End => false,
            };
            let substituted = until == Until::Blank && self.at == start && out.is_empty() && matches!(byte, b'<' | b'>');
            if substituted && self.byte(1) == Some(b'(') {
                let from = self.at;
                self.at += 2;
                self.list()?;
                self.close(")")?;
                out.push(Piece::Unknown { range: from..self.at });
                start = self.at;
                continue;
            }
            if ends && !(byte == b'(' && self.at > start && self.is_pattern()) {
                self.push_text(out, start..self.at, quoted);
                return Ok(());
            }
            match byte {
                b'\\' | b'$' | b'`' | b'"' | b'\'' | b'(' if !until.ordinary(byte) => {
                    self.push_text(out, start..self.at, quoted);
                    if !self.special(byte, until, out)? {
                        let from = self.at;
                        self.at += 1;
                        self.push_text(out, from..self.at, quoted);
                    }
                    start = self.at;
                }
                _ => self.at += 1,
            }
        }
    }

    /// `@(a|b)`, `?(…)`: a pattern of bash.
    fn is_pattern(&self) -> bool {
        self.at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at)).is_some_and(|b| b"@?*+!".contains(b))
    }

    fn push_text(&self, out: &mut Vec<Piece>, range: Range<usize>, quoted: bool) {
        if !range.is_empty() {
            out.push(Piece::Text { range, quoted });
        }
    }

    fn close(&mut self, end: &str) -> Parsed<()> {
        if self.eat(end) { Ok(()) } else { Err(self.error("a substitution is not closed")) }
    }

    /// What begins with a special character; false when it is an ordinary one here.
    fn special(&mut self, byte: u8, until: Until, out: &mut Vec<Piece>) -> Parsed<bool> {
        match byte {
            b'\\' => self.escape(until, out),
            b'\'' if !until.quoted() => {
                let inside = self.at + 1;
                let Some(length) = self.text.get(inside..self.end).and_then(|rest| rest.find('\'')) else {
                    return Err(self.error("a single quote is not closed"));
                };
                out.push(Piece::Text { range: inside..inside + length, quoted: true });
                self.at = inside + length + 1;
            }
            b'"' if matches!(until, Until::Blank | Until::Brace { .. }) => self.double_quoted(out)?,
            b'`' => self.backquoted(until, out)?,
            b'$' => return self.dollar(until, out),
            b'(' if until == Until::Blank => {
                let from = self.at;
                let Some(length) = self.rest().find(')') else { return Err(self.error("a pattern is not closed")) };
                self.at += length + 1;
                out.push(Piece::Unknown { range: from..self.at });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn double_quoted(&mut self, out: &mut Vec<Piece>) -> Parsed<()> {
        self.at += 1;
        let empty = out.len();
        self.nested(|p| p.pieces(Until::Quote, out))?;
        if out.len() == empty {
            out.push(Piece::Text { range: self.at..self.at, quoted: true });
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self, until: Until, out: &mut Vec<Piece>) {
        let next = self.byte(1);
        if next == Some(b'\n') {
            self.at += 2;
            return;
        }
        if next == Some(b'\r') && self.byte(2) == Some(b'\n') {
            self.at += 3;
            return;
        }
        let taken = match until {
            Until::Blank | Until::Brace { quoted: false } => next.is_some(),
            Until::End => next.is_some_and(|b| b"$`\\".contains(&b)),
            Until::Quote | Until::Brace { quoted: true } => next.is_some_and(|b| b"$`\\\"}".contains(&b)),
        };
        let from = self.at + usize::from(taken);
        let length = self.text.get(from..self.end).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        self.push_text(out, from..from + length, true);
        self.at = from + length;
    }

    fn backquoted(&mut self, until: Until, out: &mut Vec<Piece>) -> Parsed<()> {
        let from = self.at;
        let inside = from + 1;
        let mut at = inside;
        let mut escaped = false;
        loop {
            match self.text.as_bytes().get(at) {
                _ if at >= self.end => return Err(self.error("a backquote is not closed")),
                None => return Err(self.error("a backquote is not closed")),
                Some(b'`') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += 2;
                }
                Some(_) => at += 1,
            }
        }
        let range = from..at + 1;
        if escaped {
            out.push(Piece::Unknown { range });
        } else {
            let end = std::mem::replace(&mut self.end, at);
            self.at = inside;
            let list = self.list();
            let complete = self.at == at;
            self.end = end;
            let list = list?;
            if !complete {
                return Err(self.error("a substitution is not closed"));
            }
            out.push(Piece::Command { list, range, quoted: until.quoted() });
        }
        self.at = at + 1;
        Ok(())
    }

    fn dollar(&mut self, until: Until, out: &mut Vec<Piece>) -> Parsed<bool> {
        let from = self.at;
        let quoted = until.quoted();
        match self.byte(1) {
            Some(b'(') if self.byte(2) == Some(b'(') => {
                let Some(length) = self.rest().find("))") else { return Err(self.error("a calculation is not closed")) };
                self.at += length + 2;
                out.push(Piece::Unknown { range: from..self.at });
            }
            Some(b'(') => {
                self.at += 2;
                let list = self.list()?;
                self.close(")")?;
                out.push(Piece::Command { list, range: from..self.at, quoted });
            }
            Some(b'{') => {
                self.at += 2;
                let (parameter, operation) = self.nested(|p| p.parameter(quoted))?;
                out.push(Piece::Parameter { parameter, operation, range: from..self.at, quoted });
            }
            Some(b'\'') if !quoted => self.decoded(out)?,
            Some(b'"') if until == Until::Blank => {
                self.at += 1;
                self.double_quoted(out)?;
            }
            Some(byte) if byte.is_ascii_alphanumeric() || b"_@*#?$!-".contains(&byte) => {
                self.at += 1;
                let name = self.name();
                let parameter = Parameter { name, index: Index::Whole };
                out.push(Piece::Parameter { parameter, operation: Operation::Value, range: from..self.at, quoted });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A name, one digit or one special character.
    fn name(&mut self) -> String {
        let rest = self.rest();
        let first = rest.as_bytes().first().copied().unwrap_or_default();
        let length = if first.is_ascii_alphabetic() || first == b'_' {
            rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
        } else {
            1
        };
        self.at += length;
        rest.get(..length).unwrap_or_default().to_owned()
    }

    /// What stands between `${` and `}`.
    fn parameter(&mut self, quoted: bool) -> Parsed<(Parameter, Operation)> {
        let first = self.peek().unwrap_or_default();
        // The length `${#x}`, the name `${!x}`: calculated. `${#}` and `${!}` are variables.
        if matches!(first, b'#' | b'!') && self.byte(1) != Some(b'}') {
            let parameter = Parameter { name: String::new(), index: Index::Unknown };
            self.skip_braces(quoted)?;
            return Ok((parameter, Operation::Other));
        }
        let name = if first.is_ascii_digit() {
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            let name = self.rest().get(..digits).unwrap_or_default().to_owned();
            self.at += digits;
            name
        } else {
            self.name()
        };
        let index = self.index();
        let parameter = Parameter { name, index };
        let operation = match self.peek() {
            Some(b'}') => Operation::Value,
            Some(b':') if matches!(self.byte(1), Some(b'-' | b'=' | b'?' | b'+')) => {
                self.at += 1;
                self.operation(quoted)?
            }
            Some(b'-' | b'=' | b'?' | b'+' | b'#' | b'%') => self.operation(quoted)?,
            _ => {
                self.skip_braces(quoted)?;
                return Ok((parameter, Operation::Other));
            }
        };
        if !self.eat("}") {
            return Err(self.error("`${` is not closed"));
        }
        Ok((parameter, operation))
    }

    fn operation(&mut self, quoted: bool) -> Parsed<Operation> {
        let operator = self.peek().unwrap_or_default();
        self.at += 1;
        if matches!(operator, b'#' | b'%') && self.peek() == Some(operator) {
            self.at += 1;
        }
        let start = self.at;
        let mut pieces = Vec::new();
        self.pieces(Until::Brace { quoted }, &mut pieces)?;
        let word = Word { pieces, range: start..self.at };
        Ok(match operator {
            b'-' | b'=' => Operation::Default(word),
            b'?' => Operation::Required,
            b'+' => Operation::Alternative(word),
            b'#' => Operation::WithoutPrefix(word),
            _ => Operation::WithoutSuffix(word),
        })
    }

    fn index(&mut self) -> Index {
        if self.peek() != Some(b'[') {
            return Index::Whole;
        }
        let Some(close) = self.rest().find(']') else { return Index::Unknown };
        let inside = self.rest().get(1..close).unwrap_or_default();
        self.at += close + 1;
        match inside {
            "@" | "*" => Index::All,
            digits => digits.parse().map_or(Index::Unknown, Index::Number),
        }
    }

    /// To behind the `}` that closes.
    fn skip_braces(&mut self, quoted: bool) -> Parsed<()> {
        let mut pieces = Vec::new();
        self.pieces(Until::Brace { quoted }, &mut pieces)?;
        self.at += 1;
        Ok(())
    }

    /// `$'…'` with the escapes of C.
    fn decoded(&mut self, out: &mut Vec<Piece>) -> Parsed<()> {
        let from = self.at;
        let inside = from + 2;
        let mut text = String::new();
        let mut known = true;
        let mut rest = self.text.get(inside..self.end).unwrap_or_default().char_indices();
        loop {
            let Some((at, c)) = rest.next() else { return Err(self.error("a single quote is not closed")) };
            match c {
                '\'' => {
                    self.at = inside + at + 1;
                    break;
                }
                '\\' => match rest.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(c @ ('\\' | '\'' | '"' | '?')) => text.push(c),
                    Some(_) => known = false,
                    None => return Err(self.error("a single quote is not closed")),
                },
                c => text.push(c),
            }
        }
        let range = from..self.at;
        out.push(if known { Piece::Decoded { text, range } } else { Piece::Unknown { range } });
        Ok(())
    }
}

//! `jsondecode` over a text with holes: every string keeps its place, a hole inside a string stays a hole, a hole
//! in the place of a value is that unknown. <https://developer.hashicorp.com/terraform/language/functions/jsondecode>

use super::MAX_DEPTH;
use super::arguments::{Stop, fail};
use super::numbers::Num;
use crate::partial::{Entry, Kind, Part, Text, Value};
use crate::place::Span;

pub(super) fn decode(text: &Text, span: Option<Span>) -> Result<Value, Stop> {
    let mut reader = Reader { text, part: 0, at: 0, fallback: span };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.peek().is_some() { fail("extraneous data after the JSON value") } else { Ok(value) }
}

struct Reader<'a> {
    text: &'a Text,
    part: usize,
    at: usize,
    fallback: Option<Span>,
}

/// What comes next: a byte of a literal, or a hole.
#[derive(Clone, Copy)]
enum Next<'a> {
    Byte(u8),
    Hole(&'a Part),
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<Next<'a>> {
        loop {
            match self.text.parts.get(self.part)? {
                Part::Literal { text, .. } => match text.as_bytes().get(self.at) {
                    Some(byte) => return Some(Next::Byte(*byte)),
                    None => {
                        self.part += 1;
                        self.at = 0;
                    }
                },
                hole @ Part::Hole { .. } => return Some(Next::Hole(hole)),
            }
        }
    }

    fn advance(&mut self) {
        match self.text.parts.get(self.part) {
            Some(Part::Hole { .. }) => self.part += 1,
            _ => self.at += 1,
        }
    }

    fn blanks(&mut self) {
        while let Some(Next::Byte(b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.advance();
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let here = matches!(self.peek(), Some(Next::Byte(b)) if b == byte);
        if here {
            self.advance();
        }
        here
    }

    /// The place of the bytes `from..to` of the current literal part.
    fn place(&self, part: usize, from: usize, to: usize) -> Option<Span> {
        match self.text.parts.get(part) {
            Some(Part::Literal { span: Some(_), .. }) => self.text.span_of(part, from..to),
            _ => self.fallback,
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Stop> {
        if depth > MAX_DEPTH {
            return Err(Stop::Unknown);
        }
        self.blanks();
        let (part, from) = (self.part, self.at);
        let mut value = match self.peek() {
            None => return fail("unexpected end of the JSON text"),
            Some(Next::Hole(Part::Hole { atom, span, trail })) => {
                self.advance();
                return Ok(Value { kind: Kind::Unknown(atom.clone()), span: *span, trail: trail.clone() });
            }
            Some(Next::Hole(_)) => return Err(Stop::Unknown),
            Some(Next::Byte(b'{')) => self.object(depth)?,
            Some(Next::Byte(b'[')) => self.array(depth)?,
            Some(Next::Byte(b'"')) => {
                let text = self.string()?;
                let trail = text.trail();
                Value { span: text.span().or(self.fallback), kind: Kind::Text(text), trail }
            }
            Some(Next::Byte(_)) => self.word()?,
        };
        if !matches!(value.kind, Kind::Text(_)) && self.part == part {
            value.span = self.place(part, from, self.at);
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Value, Stop> {
        self.eat(b'{');
        let mut entries = Vec::new();
        if !self.eat(b'}') {
            loop {
                self.blanks();
                let key = match self.peek() {
                    Some(Next::Byte(b'"')) => self.string()?,
                    Some(Next::Hole(_)) => return Err(Stop::Unknown),
                    _ => return fail("a JSON object key must be a string"),
                };
                if !self.eat(b':') {
                    return self.stuck("missing `:` after a JSON object key");
                }
                entries.push(Entry { key, value: self.value(depth + 1)? });
                if self.eat(b',') {
                    continue;
                }
                if self.eat(b'}') {
                    break;
                }
                return self.stuck("missing `,` or `}` in a JSON object");
            }
        }
        Ok(Value::map(entries, self.fallback))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Stop> {
        self.eat(b'[');
        let mut items = Vec::new();
        if !self.eat(b']') {
            loop {
                items.push(self.value(depth + 1)?);
                if self.eat(b',') {
                    continue;
                }
                if self.eat(b']') {
                    break;
                }
                return self.stuck("missing `,` or `]` in a JSON array");
            }
        }
        Ok(Value::list(items, self.fallback))
    }

    /// A hole in the place of punctuation may hold it.
    fn stuck<T>(&mut self, message: &str) -> Result<T, Stop> {
        if matches!(self.peek(), Some(Next::Hole(_))) { Err(Stop::Unknown) } else { fail(message) }
    }

    fn string(&mut self) -> Result<Text, Stop> {
        self.eat(b'"');
        let mut parts: Vec<Part> = Vec::new();
        loop {
            match self.peek() {
                None => return fail("unterminated JSON string"),
                Some(Next::Hole(hole)) => {
                    parts.push(hole.clone());
                    self.advance();
                }
                Some(Next::Byte(b'"')) => {
                    self.advance();
                    break;
                }
                Some(Next::Byte(b'\\')) => {
                    let (part, from) = (self.part, self.at);
                    let text = self.escape()?;
                    parts.push(self.literal(part, from, self.at, Some(text)));
                }
                Some(Next::Byte(_)) => {
                    let (part, from) = (self.part, self.at);
                    while self.part == part && matches!(self.peek_here(), Some(b) if b != b'"' && b != b'\\') {
                        self.at += 1;
                    }
                    parts.push(self.literal(part, from, self.at, None));
                }
            }
        }
        if parts.is_empty() {
            parts.push(Part::Literal { text: "".into(), span: self.fallback.filter(|s| !s.is_empty()), trail: None });
        }
        Ok(Text { parts })
    }

    fn peek_here(&self) -> Option<u8> {
        match self.text.parts.get(self.part)? {
            Part::Literal { text, .. } => text.as_bytes().get(self.at).copied(),
            Part::Hole { .. } => None,
        }
    }

    fn literal(&self, part: usize, from: usize, to: usize, decoded: Option<String>) -> Part {
        let (text, trail) = match self.text.parts.get(part) {
            Some(Part::Literal { text, trail, .. }) => {
                (decoded.unwrap_or_else(|| text.get(from..to).unwrap_or("").to_owned()), trail.clone())
            }
            _ => (decoded.unwrap_or_default(), None),
        };
        Part::Literal { text: text.into(), span: self.place(part, from, to), trail }
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        match self.peek() {
            Some(Next::Byte(b)) => {
                self.advance();
                Ok(b)
            }
            Some(Next::Hole(_)) => Err(Stop::Unknown),
            None => fail("unterminated JSON string"),
        }
    }

    fn escape(&mut self) -> Result<String, Stop> {
        self.byte()?;
        Ok(match self.byte()? {
            b'n' => "\n".to_owned(),
            b't' => "\t".to_owned(),
            b'r' => "\r".to_owned(),
            b'b' => "\u{8}".to_owned(),
            b'f' => "\u{c}".to_owned(),
            b'u' => {
                let unit = self.hex4()?;
                let mut units = vec![unit];
                if (0xd800..0xdc00).contains(&unit) && self.peek_here() == Some(b'\\') {
                    self.byte()?;
                    self.byte()?;
                    units.push(self.hex4()?);
                }
                String::from_utf16_lossy(&units)
            }
            b @ (b'"' | b'\\' | b'/') => (b as char).to_string(),
            _ => return fail("invalid escape in a JSON string"),
        })
    }

    fn hex4(&mut self) -> Result<u16, Stop> {
        let mut unit = 0u16;
        for _ in 0..4 {
            let digit = (self.byte()? as char).to_digit(16).and_then(|d| u16::try_from(d).ok());
            let Some(digit) = digit else { return fail("invalid \\u escape in a JSON string") };
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    fn word(&mut self) -> Result<Value, Stop> {
        let mut word = String::new();
        while let Some(Next::Byte(b)) = self.peek() {
            if !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
                break;
            }
            word.push(b as char);
            self.advance();
        }
        if matches!(self.peek(), Some(Next::Hole(_))) {
            return Err(Stop::Unknown);
        }
        let kind = match word.as_str() {
            "null" => Kind::Null,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            _ => match Num::parse(&word) {
                Some(n) => Kind::Number(n.to_string().into()),
                None => return fail(format!("invalid JSON at `{word}`")),
            },
        };
        Ok(Value::new(kind, self.fallback))
    }
}

//! RE2 expressions: translation to the syntax of the `regex` family and to an [`Nfa`].

use super::TooLarge;
use super::nfa::{Nfa, NodeId, When};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// An RE2 expression in the syntax of the `regex` crate: RE2's `\d`, `\s`, `\w` and `\b` are ASCII, and inside brackets
/// `[`, `&&`, `--`, `~~` have no meaning of their own (<https://github.com/google/re2/wiki/Syntax>).
pub(crate) fn to_rust(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('s') => out.push_str(r"[\t\n\x0C\r ]"),
                Some('S') => out.push_str(r"[^\t\n\x0C\r ]"),
                Some('b') if !bracket => out.push_str(r"(?-u:\b)"),
                Some('B') if !bracket => out.push_str(r"(?-u:\B)"),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' if bracket && chars.peek() == Some(&':') => out.push('['),
            '[' if bracket => out.push_str("\\["),
            '[' => {
                bracket = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket that comes first is a character of the class.
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            ']' if bracket && out.ends_with(':') && out.rfind("[:").is_some_and(|i| i + 2 < out.len()) => out.push(']'),
            ']' => {
                bracket = false;
                out.push(']');
            }
            '&' | '~' if bracket => out.extend(['\\', c]),
            '-' if bracket && chars.peek() == Some(&'-') => out.push_str("\\-"),
            _ => out.push(c),
        }
    }
    out
}

impl Nfa {
    /// An RE2 expression, matched from here.
    pub(crate) fn regex(&mut self, from: NodeId, pattern: &str) -> Result<NodeId, TooLarge> {
        let syntax = |e: &dyn std::fmt::Display| {
            let text = e.to_string();
            TooLarge::Syntax(text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
        };
        let hir = regex_syntax::ParserBuilder::new().build().parse(&to_rust(pattern)).map_err(|e| syntax(&e))?;
        self.hir(from, &hir)
    }

    fn hir(&mut self, from: NodeId, hir: &Hir) -> Result<NodeId, TooLarge> {
        match hir.kind() {
            HirKind::Empty => Ok(from),
            HirKind::Literal(text) => match std::str::from_utf8(&text.0) {
                Ok(text) => self.literal(from, text),
                Err(_) => Err(TooLarge::Unsupported("bytes that are not text")),
            },
            HirKind::Class(Class::Unicode(class)) => {
                self.set(from, class.iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect())
            }
            HirKind::Class(Class::Bytes(class)) => {
                self.set(from, class.iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect())
            }
            HirKind::Look(look) => {
                let when = match look {
                    Look::Start => When::Start,
                    Look::End => When::End,
                    Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF => {
                        return Err(TooLarge::Unsupported("multi-line anchors"));
                    }
                    _ => return Err(TooLarge::Unsupported("word boundaries")),
                };
                let to = self.node()?;
                self.link(from, to, when);
                Ok(to)
            }
            HirKind::Repetition(repeat) => self.repeat(from, &repeat.sub, repeat.min, repeat.max),
            HirKind::Capture(group) => self.hir(from, &group.sub),
            HirKind::Concat(all) => all.iter().try_fold(from, |at, h| self.hir(at, h)),
            HirKind::Alternation(all) => {
                let to = self.node()?;
                for one in all {
                    // A node of its own, so that a loop at one branch's start is not shared with the others.
                    let start = self.node()?;
                    self.join(from, start);
                    let end = self.hir(start, one)?;
                    self.join(end, to);
                }
                Ok(to)
            }
        }
    }

    fn repeat(&mut self, from: NodeId, sub: &Hir, min: u32, max: Option<u32>) -> Result<NodeId, TooLarge> {
        let mut at = from;
        for _ in 0..min {
            // A node for each round also bounds the rounds of an empty expression.
            let start = self.node()?;
            self.join(at, start);
            at = self.hir(start, sub)?;
        }
        let to = self.node()?;
        let Some(max) = max else {
            let head = self.node()?;
            self.join(at, head);
            let end = self.hir(head, sub)?;
            self.join(end, head);
            self.join(head, to);
            return Ok(to);
        };
        for _ in min..max {
            self.join(at, to);
            let start = self.node()?;
            self.join(at, start);
            at = self.hir(start, sub)?;
        }
        self.join(at, to);
        Ok(to)
    }
}

//! RE2 syntax for the `regex` crate, where the two differ
//! (<https://github.com/google/re2/wiki/Syntax>): RE2's Perl classes and `\b` are ASCII, its bracket classes know no
//! nesting and no set operations, `\Q…\E` quotes.

use super::evaluate::Fault;
use regex::{Regex, RegexBuilder};

/// Longest pattern that is compiled, in bytes.
const MAX_PATTERN: usize = 4096;
/// Most memory of a compiled pattern, in bytes.
const MAX_COMPILED: usize = 2 << 20;

/// The pattern in the syntax of the `regex` crate with the meaning it has in RE2.
///
/// # Errors
/// The pattern is not RE2.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = pattern.chars().peekable();
    let mut class: Option<usize> = None;
    while let Some(c) = chars.next() {
        match (c, class) {
            ('\\', _) => {
                let Some(escaped) = chars.next() else { return Err("it ends in `\\`".to_owned()) };
                let (open, close) = if class.is_some() { ("", "") } else { ("[", "]") };
                match escaped {
                    'd' => out.push_str(&format!("{open}0-9{close}")),
                    'w' => out.push_str(&format!("{open}0-9A-Za-z_{close}")),
                    's' => out.push_str(&format!("{open}\\t\\n\\x0C\\r {close}")),
                    'D' => out.push_str("[^0-9]"),
                    'W' => out.push_str("[^0-9A-Za-z_]"),
                    'S' => out.push_str("[^\\t\\n\\x0C\\r ]"),
                    'b' | 'B' if class.is_none() => out.push_str(&format!("(?-u:\\{escaped})")),
                    'Q' => {
                        let mut quoted = String::new();
                        while let Some(q) = chars.next() {
                            if q == '\\' && chars.next_if_eq(&'E').is_some() {
                                break;
                            }
                            quoted.push(q);
                        }
                        out.push_str(&regex::escape(&quoted));
                    }
                    'C' | 'Z' | 'G' | '<' | '>' => return Err(format!("`\\{escaped}` is not supported")),
                    '1'..='9' => return Err("RE2 has no back references".to_owned()),
                    _ => {
                        out.push('\\');
                        out.push(escaped);
                    }
                }
                class = class.map(|n| n + 1);
            }
            ('[', None) => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                class = Some(0);
            }
            ('[', Some(n)) => {
                if chars.peek() == Some(&':') {
                    out.push_str("[:");
                    chars.next();
                    for p in chars.by_ref() {
                        out.push(p);
                        if p == ']' {
                            break;
                        }
                    }
                } else {
                    out.push_str("\\[");
                }
                class = Some(n + 1);
            }
            (']', Some(0)) => {
                out.push_str("\\]");
                class = Some(1);
            }
            (']', Some(_)) => {
                out.push(']');
                class = None;
            }
            ('&' | '~', Some(n)) => {
                out.push('\\');
                out.push(c);
                class = Some(n + 1);
            }
            ('-', Some(n)) if chars.peek() == Some(&'-') => {
                out.push_str("\\-");
                class = Some(n + 1);
            }
            ('(', None) if chars.peek() == Some(&'?') => {
                out.push('(');
                out.push('?');
                chars.next();
                if matches!(chars.peek(), Some('=' | '!' | '#' | 'x' | 'u' | 'R')) {
                    return Err("RE2 has no such group".to_owned());
                }
            }
            (_, state) => {
                out.push(c);
                class = state.map(|n| n + 1);
            }
        }
    }
    Ok(out)
}

/// Compiles an RE2 pattern.
///
/// # Errors
/// The pattern is none ([`Fault::Error`]), or larger than is compiled here ([`Fault::Unknown`]).
pub(super) fn compile(pattern: &str) -> Result<Regex, Fault> {
    if pattern.len() > MAX_PATTERN {
        return Err(Fault::Unknown("the regular expression is longer than is read".to_owned()));
    }
    let malformed = |why: String| Fault::Error(format!("malformed regular expression: {why}"));
    let translated = translate(pattern).map_err(malformed)?;
    RegexBuilder::new(&translated).size_limit(MAX_COMPILED).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => Fault::Unknown("the regular expression is larger than is compiled".to_owned()),
        other => {
            let text = other.to_string();
            malformed(text.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned())
        }
    })
}

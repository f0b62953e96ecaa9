//! YAML 1.2 files as spanned trees.
//!
//! Scalars are typed by the [core schema](https://yaml.org/spec/1.2.2/#103-core-schema) (so `on` is a string and `"true"`
//! too), duplicate keys stay in order, merge keys `<<` are resolved with the map's own keys winning. After a syntax
//! error the reader goes on with the next document; what was read of the broken one is kept with its maps and lists
//! open, so that nobody takes an absence in it for a fact.

mod builder;
mod indent;
mod scalar;
#[cfg(test)]
mod tests;

use crate::place::Span;

use crate::source::SourceFile;
use crate::syntax::{Parsed, Problem};
use builder::Builder;
use granit_parser::{ErrorKind, Event, Parser};
use std::ops::Range;

/// Most nodes of one file; past it the rest is not read.
pub const MAX_NODES: usize = 400_000;
/// Most nodes that the aliases of one file may copy; past it an alias is an unknown.
pub const MAX_ALIAS_NODES: usize = 100_000;
/// Deepest nesting of the tree, aliases included.
pub const MAX_DEPTH: usize = 512;
/// Most problems that are told of one file.
const MAX_PROBLEMS: usize = 50;
/// Longest simple key in characters: more than YAML's 1024, for minified JSON inside YAML.
const MAX_KEY: usize = 4096;

/// Reads a YAML file: its documents in order and what could not be read.
#[must_use]
pub fn parse(file: &SourceFile) -> Parsed {
    parse_masked(file, &file.text)
}

/// Reads `text` in the place of the text of `file`; both must have the same length and line ends.
pub(super) fn parse_masked(file: &SourceFile, text: &str) -> Parsed {
    let mut mended = String::new();
    let mut scalars: Vec<Range<usize>> = Vec::new();
    loop {
        let scanned = if scalars.is_empty() { text } else { &mended };
        match pass(file, text, scanned, &scalars) {
            Ok(parsed) => return parsed,
            Err(Outdented { after, at }) => {
                if scalars.is_empty() {
                    text.clone_into(&mut mended);
                }
                // A range that is given up is kept too, so that the pass does not stop there again.
                let scalar = indent::mend(&mut mended, after, at).unwrap_or(at..at);
                scalars.push(scalar);
            }
        }
    }
}

/// A quoted scalar that goes on at a lower column than YAML allows: the end of what was read before, and the line's start.
struct Outdented {
    after: usize,
    at: usize,
}

/// Reads `scanned`, which is `text` but for the line breaks of the quoted `scalars`.
fn pass(file: &SourceFile, text: &str, scanned: &str, scalars: &[Range<usize>]) -> Result<Parsed, Outdented> {
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        simple_key_max_lookahead: MAX_KEY,
    };
    let mut parser = Parser::new_from_str_with_options(scanned, options).keep_tags(true);
    let mut builder = Builder::new(file, text, scalars);
    let mut after = 0;
    while let Some(next) = parser.next_event() {
        match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                after = span.byte_range().map_or(after, |r| r.end.max(after));
                if !builder.event(event, &span) {
                    break;
                }
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0);
                let outdented = matches!(error.kind(), ErrorKind::InvalidQuotedScalarIndent);
                if outdented && scalars.len() < indent::MAX_MENDED && !scalars.iter().any(|s| s.contains(&at) || s.start == at) {
                    return Err(Outdented { after, at });
                }
                builder.problem(at..at, sentence(&error.info()));
                builder.abandon();
                let more = parser.proceed_next_document().unwrap_or(false);
                if !more || builder.parsed.problems.len() >= MAX_PROBLEMS {
                    break;
                }
            }
        }
    }
    builder.abandon();
    Ok(builder.parsed)
}

/// The parser's sentence in the style of the house.
fn sentence(message: &str) -> String {
    let mut chars = message.lines().next().unwrap_or_default().chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect::<String>().trim_end_matches('.').to_owned())
}

/// A range that lies in the text, on character boundaries.
fn clamp(text: &str, range: Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(range.start);
    start..floor(range.end).max(start)
}

impl Builder<'_> {
    fn problem(&mut self, range: Range<usize>, message: String) {
        if self.parsed.problems.len() < MAX_PROBLEMS {
            let range = clamp(self.text, range);
            self.parsed.problems.push(Problem { span: Span::new(self.file.id, range), message });
        }
    }
}

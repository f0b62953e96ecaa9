//! Fenced code blocks of Markdown (<https://spec.commonmark.org/0.31.2/#fenced-code-blocks>).

use crate::partial::{Part, Text};
use crate::place::Span;
use crate::source::SourceFile;
use std::sync::Arc;

/// A fenced block.
#[derive(Debug, Clone)]
pub struct Fence {
    /// The first word of its info string, in small letters.
    pub language: String,
    /// What stands in it, each line without the indentation of the fence.
    pub text: Text,
    /// The same, with the fences.
    pub span: Span,
}

/// The lines of a file, each with its place and its end of line.
struct Lines<'f> {
    text: &'f str,
    at: usize,
}

impl<'f> Iterator for Lines<'f> {
    type Item = (usize, &'f str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let start = self.at;
        self.at += length;
        Some((start, rest.get(..length)?))
    }
}

/// The fenced blocks of a file, in order. One that nobody closes ends with the file.
#[must_use]
pub fn fences(file: &SourceFile) -> Vec<Fence> {
    let mut lines = Lines { text: &file.text, at: 0 };
    let mut out = Vec::new();
    while let Some((start, line)) = lines.next() {
        let Some(opening) = Opening::of(line) else { continue };
        let mut text = Text::default();
        let mut end = start + line.len();
        for (at, inner) in lines.by_ref() {
            end = at + inner.len();
            if opening.closed_by(inner) {
                break;
            }
            push(&mut text, file, at, inner, opening.indent);
        }
        out.push(Fence { language: opening.language, text, span: Span::new(file.id, start..end) });
    }
    out
}

/// A line that opens a block.
struct Opening {
    indent: usize,
    mark: char,
    length: usize,
    language: String,
}

impl Opening {
    fn of(line: &str) -> Option<Self> {
        // A fence within a list is indented as far as the list is.
        let bare = line.trim_start_matches([' ', '\t']);
        let mark = bare.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = bare.chars().take_while(|c| *c == mark).count();
        let info = bare.get(length..)?.trim();
        // Backticks in the info string make it code within a line.
        if length < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        let word = info.split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | '}')).find(|w| !w.is_empty());
        let language = word.unwrap_or_default().trim_start_matches('.').to_ascii_lowercase();
        Some(Self { indent: line.len() - bare.len(), mark, length, language })
    }

    fn closed_by(&self, line: &str) -> bool {
        let bare = line.trim();
        bare.len() >= self.length && bare.chars().all(|c| c == self.mark)
    }
}

/// Adds a line, less the indentation of its block. Lines that follow each other in the file are one part.
fn push(text: &mut Text, file: &SourceFile, at: usize, line: &str, indent: usize) {
    let blank = line.bytes().take(indent).take_while(|b| matches!(b, b' ' | b'\t')).count();
    let kept = line.get(blank..).unwrap_or_default();
    let start = at + blank;
    if let Some(Part::Literal { text: before, span: Some(span), .. }) = text.parts.last_mut()
        && span.end as usize == start
    {
        *before = Arc::from(format!("{before}{kept}"));
        *span = Span::new(file.id, span.start as usize..start + kept.len());
        return;
    }
    text.push(&Text::literal(kept, Span::new(file.id, start..start + kept.len())));
}

#[cfg(test)]
mod tests {
    use super::fences;
    use crate::source::Sources;

    #[test]
    fn blocks_are_found_with_their_places() {
        let sources = Sources::new();
        let text =
            "# A\n\n```bash title\naws a \\\n  b\n```\n\n- x\n\n   ~~~ YAML\n   a: 1\n     b\n   ~~~~\n``` no ` fence\n````\n```\nlast\n";
        let file = sources.add("a.md", text);
        let found: Vec<(String, String, String)> = fences(&file)
            .into_iter()
            .map(|f| (f.language, f.text.to_string(), f.text.span().map_or_else(String::new, |s| sources.snippet(s))))
            .collect();
        let row = |language: &str, text: &str, written: &str| (language.to_owned(), text.to_owned(), written.to_owned());
        assert_eq!(
            found,
            [
                row("bash", "aws a \\\n  b\n", "aws a \\\n  b\n"),
                row("yaml", "a: 1\n  b\n", "a: 1\n     b\n"),
                row("", "```\nlast\n", "```\nlast\n"),
            ]
        );
    }
}

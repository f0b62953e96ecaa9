//! Recipes of Makefiles (<https://www.gnu.org/software/make/manual/make.html>).

use super::expand::placed;
use super::machine::Machine;
use super::state::State;
use super::{Clouds, ScriptFiles, Section, unit};
use crate::partial::{Text, Unknown, UnknownKind, cut};
use crate::place::Span;
use crate::source::SourceFile;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// How deep variables name each other.
const MAX_DEPTH: usize = 16;
/// How many references one file expands.
const MAX_REFERENCES: usize = 20_000;
/// Longest text after expansion.
const MAX_TEXT: usize = 256 * 1024;

/// By its name.
pub(super) fn is(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower == "makefile" || lower == "gnumakefile" || lower.ends_with(".mk")
}

/// One section a target.
pub(super) fn sections(file: &SourceFile, files: &dyn ScriptFiles) -> Vec<Section> {
    let mut reader = Makefile { file, files, variables: BTreeMap::new(), target: Text::default(), first: Text::default(), references: 0 };
    let mut out = Vec::new();
    let mut recipe: Option<Text> = None;
    for range in lines(&file.text) {
        let line = file.text.get(range.clone()).unwrap_or_default();
        if line.starts_with('\t') && recipe.is_some() {
            if let Some(recipe) = &mut recipe {
                reader.command(&range, recipe);
            }
            continue;
        }
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') || reader.variable(&range) {
            continue;
        }
        if let Some((target, prerequisites)) = line.split_once(':') {
            out.extend(recipe.replace(Text::default()));
            let first = prerequisites.split_whitespace().next().unwrap_or_default();
            reader.target = Text::known(target.split_whitespace().next().unwrap_or_default());
            reader.first = Text::known(first);
        }
    }
    out.extend(recipe);
    let section = |text: Text| Section { text, variables: Vec::new(), continues: true };
    out.into_iter().filter(|text| !cut::is_empty(text)).map(section).collect()
}

/// Lines with those that continue them.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut continued = false;
    for line in text.split_inclusive('\n') {
        let range = at..at + line.trim_end_matches(['\n', '\r']).len();
        at += line.len();
        match out.last_mut().filter(|_| continued) {
            Some(last) => last.end = range.end,
            None => out.push(range),
        }
        continued = line.trim_end_matches(['\n', '\r']).ends_with('\\');
    }
    out
}

struct Makefile<'a> {
    file: &'a SourceFile,
    files: &'a dyn ScriptFiles,
    variables: BTreeMap<String, Text>,
    target: Text,
    first: Text,
    references: usize,
}

impl Makefile<'_> {
    fn literal(&self, range: Range<usize>) -> Text {
        Text::literal(self.file.text.get(range.clone()).unwrap_or_default(), Span::new(self.file.id, range))
    }

    /// A line of a recipe, without the signs for make.
    fn command(&mut self, range: &Range<usize>, recipe: &mut Text) {
        let line = self.file.text.get(range.clone()).unwrap_or_default();
        let signs = line.len() - line.trim_start_matches(['\t', ' ', '@', '-', '+']).len();
        let text = self.expand(&self.literal(range.start + signs..range.end), MAX_DEPTH);
        if cut::flat(recipe).len() + cut::flat(&text).len() < MAX_TEXT {
            recipe.push(&text);
            recipe.push(&Text::known("\n"));
        }
    }

    /// `NAME = value`, `:=`, `?=`, `+=`.
    fn variable(&mut self, range: &Range<usize>) -> bool {
        let line = self.file.text.get(range.clone()).unwrap_or_default();
        let Some(equals) = line.find('=') else { return false };
        let before = line.get(..equals).unwrap_or_default();
        let name = before.trim_end_matches([':', '?', '+', '!']).trim();
        let name = name.strip_prefix("export ").or_else(|| name.strip_prefix("override ")).unwrap_or(name).trim();
        let names = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || !name.chars().all(names) {
            return false;
        }
        let after = line.get(equals + 1..).unwrap_or_default();
        let blanks = after.len() - after.trim_start().len();
        let value = self.literal(range.start + equals + 1 + blanks..range.start + equals + 1 + after.trim_end().len().max(blanks));
        if before.ends_with('+') {
            let mut whole = self.variables.get(name).cloned().unwrap_or_default();
            whole.push(&Text::known(" "));
            whole.push(&value);
            self.variables.insert(name.to_owned(), whole);
        } else {
            self.variables.insert(name.to_owned(), value);
        }
        true
    }

    /// The text with make's variables filled in.
    fn expand(&mut self, text: &Text, depth: usize) -> Text {
        let flat = cut::flat(text);
        let mut out = Text::default();
        let mut at = 0;
        while let Some(found) = flat.get(at..).and_then(|rest| rest.find('$')) {
            let dollar = at + found;
            out.push(&cut::slice(text, at..dollar));
            let Some((end, value)) = self.reference(text, &flat, dollar, depth) else {
                out.push(&cut::slice(text, dollar..flat.len()));
                return out;
            };
            out.push(&value);
            at = end;
        }
        out.push(&cut::slice(text, at..flat.len()));
        out
    }

    /// What a `$` stands for, and where it ends.
    fn reference(&mut self, text: &Text, flat: &str, dollar: usize, depth: usize) -> Option<(usize, Text)> {
        self.references += 1;
        let next = flat.get(dollar + 1..)?.chars().next()?;
        let single = dollar + 1 + next.len_utf8();
        let close = match next {
            '$' => return Some((single, cut::slice(text, dollar..dollar + 1))),
            '@' => return Some((single, self.target.clone())),
            '<' => return Some((single, self.first.clone())),
            '(' => ')',
            '{' => '}',
            _ => return Some((single, self.unknown(&next.to_string(), text))),
        };
        let mut open = 0_usize;
        let mut end = None;
        for (at, c) in flat.get(dollar + 1..)?.char_indices() {
            if c == next {
                open += 1;
            } else if c == close {
                open -= 1;
                if open == 0 {
                    end = Some(dollar + 1 + at);
                    break;
                }
            }
        }
        let end = end?;
        let inside = cut::slice(text, dollar + 2..end);
        let used = cut::slice(text, dollar..end + 1).span();
        let value =
            if depth == 0 || self.references > MAX_REFERENCES { self.unknown("…", &inside) } else { self.named(&inside, depth - 1) };
        Some((end + 1, placed(value, used)))
    }

    fn named(&mut self, inside: &Text, depth: usize) -> Text {
        let flat = cut::flat(inside);
        if let Some(command) = flat.strip_prefix("shell ") {
            let command = cut::slice(inside, flat.len() - command.len()..flat.len());
            let command = self.expand(&command, depth);
            return self.output(command);
        }
        match self.variables.get(flat.as_str()).cloned() {
            Some(value) => self.expand(&value, depth),
            None => self.unknown(&flat, inside),
        }
    }

    /// What a command prints.
    fn output(&self, command: Text) -> Text {
        let Ok(unit) = unit(&self.file.path, command.clone()) else { return self.unknown("shell", &command) };
        let unit = Arc::new(unit);
        let mut clouds = Clouds::default();
        let mut machine = Machine::new(self.files, Arc::clone(&unit), State::default(), &mut clouds);
        let printed = machine.list(&unit.list, None);
        let flat = cut::flat(&printed);
        cut::slice(&printed, 0..flat.trim_end_matches('\n').len())
    }

    fn unknown(&self, name: &str, written: &Text) -> Text {
        let label = format!("$({name})");
        let key = format!("{}|$({})", self.file.path, cut::key(written));
        let why = format!("`{label}` has its value when make runs");
        Text::hole(Unknown::new(key, UnknownKind::Any, label, why, written.span()), written.span())
    }
}

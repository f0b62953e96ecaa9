//! Words to arguments (<https://www.gnu.org/software/bash/manual/html_node/Shell-Expansions.html>).

use super::call::{Field, spaced};
use super::machine::Machine;
use super::state::Variable;
use crate::partial::cut::{self, HOLE};
use crate::partial::{Part, Text, UnknownKind};
use crate::place::Span;
use crate::syntax::shell::ast::{Index, List, Operation, Parameter, Piece, Word};
use std::ops::Range;

/// Most words that one word becomes.
const MAX_FIELDS: usize = 1024;

/// The words that are being put together.
#[derive(Default)]
struct Fields {
    done: Vec<Field>,
    current: Text,
    /// There is a word, even an empty one.
    begun: bool,
    /// All of the current word is an unknown outside of quotes.
    open: bool,
}

impl Fields {
    fn push(&mut self, text: &Text, open: bool) {
        self.open = open && (!self.begun || self.open);
        self.begun = true;
        self.current.push(text);
    }

    fn end(&mut self) {
        if self.begun && self.done.len() < MAX_FIELDS {
            self.done.push(Field { text: std::mem::take(&mut self.current), open: self.open });
        }
        self.begun = false;
        self.open = false;
    }

    /// A value outside of quotes: blanks end words.
    fn split(&mut self, text: &Text) {
        let flat = cut::flat(text);
        let mut start = 0;
        for (at, c) in flat.char_indices() {
            if c.is_ascii_whitespace() {
                self.part(text, start..at);
                self.end();
                start = at + 1;
            }
        }
        self.part(text, start..flat.len());
    }

    fn part(&mut self, text: &Text, range: Range<usize>) {
        if !range.is_empty() {
            let part = cut::slice(text, range);
            let open = part.parts.iter().all(|p| matches!(p, Part::Hole { .. }));
            self.push(&part, open);
        }
    }
}

impl Machine<'_> {
    /// The words that a word becomes.
    pub(super) fn expand(&mut self, word: &Word) -> Vec<Field> {
        let mut fields = Fields::default();
        for piece in &word.pieces {
            self.piece(piece, &mut fields);
        }
        fields.end();
        fields.done
    }

    /// The word as one text: in assignments, here-documents and redirections nothing is split.
    pub(super) fn join(&mut self, word: &Word) -> Text {
        let mut out = Text::default();
        for piece in &word.pieces {
            match piece {
                Piece::Text { range, .. } => out.push(&cut::slice(&self.unit.text, range.clone())),
                Piece::Decoded { text, range } => out.push(&self.decoded(text, range)),
                Piece::Parameter { parameter, operation, range, .. } => {
                    let text = match self.elements(parameter, operation) {
                        Some(all) => spaced(&all),
                        None => self.parameter(parameter, operation, range),
                    };
                    out.push(&text);
                }
                Piece::Command { list, range, .. } => out.push(&self.substituted(list, range)),
                Piece::Unknown { range } => out.push(&self.calculated(range)),
            }
        }
        out
    }

    fn piece(&mut self, piece: &Piece, fields: &mut Fields) {
        match piece {
            Piece::Text { range, .. } => fields.push(&cut::slice(&self.unit.text, range.clone()), false),
            Piece::Decoded { text, range } => fields.push(&self.decoded(text, range), false),
            Piece::Unknown { range } => fields.push(&self.calculated(range), false),
            Piece::Command { list, range, quoted } => {
                let text = self.substituted(list, range);
                if *quoted { fields.push(&text, false) } else { fields.split(&text) }
            }
            Piece::Parameter { parameter, operation, range, quoted } => {
                if let Some(all) = self.elements(parameter, operation) {
                    // `"$*"` is one word.
                    let one = *quoted && parameter.name == "*" && !all.iter().any(|f| f.open);
                    elements(fields, if one { vec![Field::new(spaced(&all))] } else { all });
                    return;
                }
                let text = self.parameter(parameter, operation, range);
                if *quoted { fields.push(&text, false) } else { fields.split(&text) }
            }
        }
    }

    fn decoded(&self, text: &str, range: &Range<usize>) -> Text {
        self.span(range).map_or_else(|| Text::known(text), |span| Text::literal(text, span))
    }

    fn calculated(&self, range: &Range<usize>) -> Text {
        let written = cut::slice(&self.unit.text, range.clone());
        let label = written.to_string();
        self.hole(&cut::key(&written), UnknownKind::Any, label, "the shell calculates it".to_owned(), self.span(range))
    }

    fn substituted(&mut self, list: &List, range: &Range<usize>) -> Text {
        let before = self.state.clone();
        self.steps += 1 + before.size() / 16;
        let ended = self.ended;
        let mut printed = self.list(list, None);
        self.state.leave(before);
        self.ended = ended;
        let flat = cut::flat(&printed);
        printed = cut::slice(&printed, 0..flat.trim_end_matches('\n').len());
        placed(printed, self.span(range))
    }

    /// All elements of an array or all arguments, where they are asked for.
    fn elements(&self, parameter: &Parameter, operation: &Operation) -> Option<Vec<Field>> {
        if !matches!(operation, Operation::Value | Operation::Default(_) | Operation::Alternative(_)) {
            return None;
        }
        if parameter.name == "@" || parameter.name == "*" {
            let given = self.state.arguments.clone();
            return Some(given.unwrap_or_else(|| vec![Field::open(self.argument("@", None))]));
        }
        if parameter.index != Index::All {
            return None;
        }
        match self.state.variables.get(&parameter.name) {
            Some(Variable::List(all)) => Some(all.clone()),
            Some(Variable::Text(text)) => Some(vec![Field::new(text.clone())]),
            None => Some(vec![Field::open(self.unset(&parameter.name, None))]),
        }
    }

    fn unset(&self, name: &str, span: Option<Span>) -> Text {
        let why = format!("the script does not set `{name}`");
        self.hole(&format!("${name}"), UnknownKind::Any, format!("${{{name}}}"), why, span)
    }

    /// The value of a variable; none when the script does not set it.
    fn value(&self, parameter: &Parameter, span: Option<Span>) -> Option<Text> {
        if let Ok(number) = parameter.name.parse::<usize>() {
            if number == 0 {
                return None;
            }
            let given = self.state.arguments.as_ref()?;
            return Some(given.get(number - 1).map_or_else(Text::default, |f| f.text.clone()));
        }
        let number = match parameter.index {
            Index::Number(number) => number,
            Index::Whole => 0,
            Index::All | Index::Unknown => return None,
        };
        let text = match self.state.variables.get(&parameter.name)? {
            Variable::Text(text) => text.clone(),
            Variable::List(all) if all.iter().any(|f| f.open) => return None,
            Variable::List(all) => all.get(number).map_or_else(Text::default, |f| f.text.clone()),
        };
        Some(placed(text, span))
    }

    fn parameter(&mut self, parameter: &Parameter, operation: &Operation, range: &Range<usize>) -> Text {
        let span = self.span(range);
        let value = self.value(parameter, span);
        let unknown = |machine: &Self| match parameter.name.as_bytes().first() {
            Some(b'1'..=b'9') => machine.argument(&parameter.name, span),
            _ => machine.unset(&parameter.name, span),
        };
        match operation {
            Operation::Value | Operation::Required => value.unwrap_or_else(|| unknown(self)),
            Operation::Default(word) => match value.filter(|v| !cut::is_empty(v)) {
                Some(value) => value,
                None => {
                    let text = self.join(word);
                    if cut::is_empty(&text) { unknown(self) } else { placed(text, span) }
                }
            },
            Operation::Alternative(word) => match value {
                Some(value) if value.is_known() && cut::is_empty(&value) => Text::default(),
                Some(value) if value.is_known() => self.join(word),
                _ => self.calculated(range),
            },
            Operation::WithoutPrefix(word) => {
                let (pattern, value) = (self.join(word).as_known(), value.unwrap_or_else(|| unknown(self)));
                self.cut(&value, pattern, range, cut::strip_prefix)
            }
            Operation::WithoutSuffix(word) => {
                let (pattern, value) = (self.join(word).as_known(), value.unwrap_or_else(|| unknown(self)));
                self.cut(&value, pattern, range, |value, pattern| {
                    let flat = cut::flat(value);
                    flat.ends_with(pattern).then(|| cut::slice(value, 0..flat.len() - pattern.len()))
                })
            }
            Operation::Other => self.calculated(range),
        }
    }

    /// A value without its beginning or end, where that is written.
    fn cut(&self, value: &Text, pattern: Option<String>, range: &Range<usize>, cut: impl Fn(&Text, &str) -> Option<Text>) -> Text {
        let plain = pattern.filter(|p| !p.contains(['*', '?', '[', HOLE]));
        match plain.map(|p| (cut(value, &p), value.is_known())) {
            Some((Some(rest), _)) => rest,
            Some((None, true)) => value.clone(),
            _ => self.calculated(range),
        }
    }
}

fn elements(fields: &mut Fields, all: Vec<Field>) {
    for (at, field) in all.into_iter().enumerate() {
        if at > 0 {
            fields.end();
        }
        fields.push(&field.text, field.open);
    }
}

/// A short value stands where it is used; the lines of a document stand where they are written.
pub(super) fn placed(text: Text, span: Option<Span>) -> Text {
    let lines = text.parts.iter().any(|p| matches!(p, Part::Literal { text, .. } if text.contains('\n')));
    let Some(used) = span.filter(|_| !lines) else { return text };
    let part = |part: Part| match part {
        Part::Literal { text, trail, .. } => Part::Literal { text, span: Some(used), trail },
        Part::Hole { atom, trail, .. } => Part::Hole { atom, span: Some(used), trail },
    };
    Text { parts: text.parts.into_iter().map(part).collect() }
}

//! Variables, functions and files of a script while it runs.

use super::call::Field;
use super::choices::{Choice, MAX_CHOICES};
use super::machine::Function;
use crate::partial::{Part, Text, Unknown, UnknownKind, cut};
use std::collections::BTreeMap;

/// Longest text that a variable or a file keeps.
const MAX_TEXT: usize = 256 * 1024;
/// Most pieces of a text.
const MAX_PARTS: usize = 4096;

/// The value of a variable.
#[derive(Debug, Clone)]
pub(super) enum Variable {
    /// A text.
    Text(Text),
    /// An array.
    List(Vec<Field>),
}

impl Variable {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.same(b),
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.open == b.open && a.text.same(&b.text)),
            _ => false,
        }
    }
}

/// Everything that commands change.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) functions: BTreeMap<String, Function>,
    /// `$1`, `$2`, …; none when they come from outside.
    pub(super) arguments: Option<Vec<Field>>,
    /// The function that runs.
    pub(super) frame: String,
    /// What local variables were before.
    pub(super) locals: Vec<(String, Option<Variable>)>,
    /// The folder that was entered, relative to the script's.
    pub(super) folder: Option<String>,
    /// `exit` was run.
    pub(super) exits: bool,
    /// `break` was run.
    pub(super) breaks: bool,
    written: BTreeMap<String, Text>,
    /// What the unknowns may be that a condition made of two values.
    pub(super) choices: BTreeMap<String, Choice>,
}

impl State {
    pub(super) fn set(&mut self, name: &str, value: Variable) {
        let value = match value {
            Variable::Text(text) if too_long(&text) => Variable::Text(long(name)),
            Variable::Text(text) => Variable::Text(called(text, name)),
            value => value,
        };
        self.variables.insert(name.to_owned(), value);
    }

    /// A variable of the function that runs.
    pub(super) fn local(&mut self, name: &str) {
        if !self.frame.is_empty() {
            let before = self.variables.get(name).cloned();
            self.locals.push((name.to_owned(), before));
        }
    }

    pub(super) fn restore(&mut self, locals: Vec<(String, Option<Variable>)>) {
        for (name, before) in locals.into_iter().rev() {
            match before {
                Some(value) => self.variables.insert(name, value),
                None => self.variables.remove(&name),
            };
        }
    }

    /// How much there is to copy.
    pub(super) fn size(&self) -> usize {
        self.variables.len() + self.functions.len() + self.written.len()
    }

    pub(super) fn write(&mut self, path: &Text, text: &Text, append: bool) {
        let key = file_key(path);
        let mut whole = if append { self.written.get(&key).cloned().unwrap_or_default() } else { Text::default() };
        whole.push(text);
        if too_long(&whole) {
            whole = long(&key);
        }
        self.written.insert(key, whole);
    }

    pub(super) fn written(&self, path: &Text) -> Option<&Text> {
        self.written.get(&file_key(path))
    }

    /// A program was given a file that the script wrote: it may have changed it.
    pub(super) fn touch(&mut self, path: &Text, serial: usize) {
        let key = file_key(path);
        if let Some(text) = self.written.get_mut(&key) {
            let why = format!("a command changes `{path}`");
            *text = Text::hole(Unknown::new(format!("{key}|{serial}"), UnknownKind::Any, format!("the text of `{path}`"), why, None), None);
        }
    }

    /// After a subshell: what it wrote stays, what it set does not.
    pub(super) fn leave(&mut self, before: Self) {
        let written = std::mem::take(&mut self.written);
        *self = Self { written, ..before };
    }

    /// Keeps both values of a variable that a condition sets.
    fn choose(&mut self, atom: &Unknown, condition: &str, name: &str, other: &Self) {
        let (Some(Variable::Text(yes)), Some(Variable::Text(no))) = (self.variables.get(name), other.variables.get(name)) else { return };
        if self.choices.len() < MAX_CHOICES {
            let choice = Choice { condition: condition.to_owned(), values: [yes.clone(), no.clone()] };
            self.choices.insert(atom.key().to_owned(), choice);
        }
    }

    /// Both ways are possible: what differs is unknown.
    pub(super) fn merge(&mut self, other: Self, key: &str) {
        let mut names: Vec<&String> = self.variables.keys().chain(other.variables.keys()).collect();
        names.sort();
        names.dedup();
        let differs = |name: &&String| match (self.variables.get(*name), other.variables.get(*name)) {
            (Some(a), Some(b)) => !a.same(b),
            _ => true,
        };
        let unsure: Vec<String> = names.into_iter().filter(differs).cloned().collect();
        for name in unsure {
            let atom =
                Unknown::new(format!("{key}|{name}"), UnknownKind::Any, format!("${{{name}}}"), "a condition decides its value", None);
            self.choose(&atom, key, &name, &other);
            let list = [&*self, &other].iter().any(|s| matches!(s.variables.get(&name), Some(Variable::List(_))));
            let text = Text::hole(atom, None);
            let value = if list { Variable::List(vec![Field::open(text)]) } else { Variable::Text(text) };
            self.variables.insert(name, value);
        }
        for (path, text) in other.written {
            match self.written.get(&path) {
                Some(own) if own.same(&text) => {}
                // Written in one way only: who reads it later comes the same way.
                None => {
                    self.written.insert(path, text);
                }
                Some(_) => {
                    let atom = Unknown::new(
                        format!("{key}|{path}"),
                        UnknownKind::Any,
                        format!("the text of `{path}`"),
                        "a condition decides it",
                        None,
                    );
                    self.written.insert(path, Text::hole(atom, None));
                }
            }
        }
        for (atom, choice) in other.choices {
            self.choices.entry(atom).or_insert(choice);
        }
        self.functions.extend(other.functions);
        if self.folder != other.folder {
            self.folder = None;
        }
    }
}

/// An argument or the output of a command, on its own: people know it by the variable that takes it.
fn called(text: Text, name: &str) -> Text {
    let [Part::Hole { atom, span, trail }] = text.parts.as_slice() else { return text };
    let atom = atom.called(format!("${{{name}}}"));
    Text { parts: vec![Part::Hole { atom, span: *span, trail: trail.clone() }] }
}

fn file_key(path: &Text) -> String {
    cut::key(path).trim_start_matches("./").to_owned()
}

fn too_long(text: &Text) -> bool {
    text.parts.len() > MAX_PARTS || cut::flat(text).len() > MAX_TEXT
}

fn long(name: &str) -> Text {
    Text::hole(Unknown::new(format!("|long {name}"), UnknownKind::Any, format!("${{{name}}}"), "it is too long", None), None)
}

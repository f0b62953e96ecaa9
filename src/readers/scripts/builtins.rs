//! Simple commands: what the shell itself does, the few programs whose output is what they are given, and the rest.

use super::answers;
use super::call::{Call, Field};
use super::handed_on::{HandedOn, handed_on, unwrapped};
use super::machine::{Machine, Unit};
use super::state::Variable;
use crate::partial::{Text, UnknownKind, cut};
use crate::syntax::shell;
use crate::syntax::shell::ast::{Argument, Assigned, Assignment, Command, List, Piece, Simple, Word};
use std::sync::Arc;

/// Commands that read files and leave them as they are.
const READERS: [&str; 24] = [
    "aws",
    "gcloud",
    "az",
    "spire-server",
    "spire-agent",
    "kubectl",
    "eksctl",
    "echo",
    "printf",
    "cat",
    "chmod",
    "rm",
    "ls",
    "jq",
    "test",
    "[",
    "head",
    "grep",
    "wc",
    "diff",
    "base64",
    "curl",
    "stat",
    "oc",
];

impl Machine<'_> {
    pub(super) fn simple(&mut self, simple: &Simple, command: &Command, input: Option<&Text>) -> Text {
        if simple.words.is_empty() {
            for assignment in &simple.assignments {
                self.assign(assignment);
            }
            return Text::default();
        }
        let mut fields: Vec<Field> = Vec::new();
        let mut arrays = Vec::new();
        for argument in &simple.words {
            match argument {
                // What a declaration sets is not split into words.
                Argument::Word(word) if self.sets(word) && fields.first().and_then(Field::known).is_some_and(|n| is_declaration(&n)) => {
                    let text = self.join(word);
                    fields.push(Field::new(text));
                }
                Argument::Word(word) => fields.extend(self.expand(word)),
                Argument::Array(assignment) => arrays.push(assignment),
            }
        }
        let declares = fields.first().and_then(Field::known).is_some_and(|n| is_declaration(&n));
        if declares {
            for assignment in arrays {
                self.state.local(&assignment.name);
                self.assign(assignment);
            }
        }
        self.invoke(fields, command, input)
    }

    /// A word that begins as an assignment does: `NAME=…`.
    fn sets(&self, word: &Word) -> bool {
        let Some(Piece::Text { range, quoted: false }) = word.pieces.first() else { return false };
        cut::flat(&cut::slice(&self.unit.text, range.clone())).contains('=')
    }

    fn assign(&mut self, assignment: &Assignment) {
        let name = &assignment.name;
        if assignment.indexed {
            let text = self.hole(
                &format!("${name}[]"),
                UnknownKind::Any,
                format!("${{{name}}}"),
                "its elements are not followed".to_owned(),
                None,
            );
            self.state.set(name, Variable::List(vec![Field::open(text)]));
            return;
        }
        let value = match &assignment.value {
            Assigned::Word(word) => {
                let text = self.join(word);
                match self.state.variables.get(name).filter(|_| assignment.append) {
                    Some(Variable::Text(before)) => {
                        let mut whole = before.clone();
                        whole.push(&text);
                        Variable::Text(whole)
                    }
                    Some(Variable::List(_)) | None => Variable::Text(text),
                }
            }
            Assigned::Array(words) => {
                let mut all = match self.state.variables.get(name).filter(|_| assignment.append) {
                    Some(Variable::List(before)) => before.clone(),
                    Some(Variable::Text(before)) => vec![Field::new(before.clone())],
                    None => Vec::new(),
                };
                for word in words {
                    all.extend(self.expand(word));
                }
                Variable::List(all)
            }
        };
        self.state.set(name, value);
    }

    fn invoke(&mut self, fields: Vec<Field>, command: &Command, input: Option<&Text>) -> Text {
        let fields = unwrapped(fields);
        let Some((first, arguments)) = fields.split_first() else { return Text::default() };
        let name = first.known().map(|n| n.rsplit('/').next().unwrap_or(&n).to_owned()).unwrap_or_default();
        if let Some(printed) = self.call_function(&name, Some(arguments.to_vec()), input) {
            return printed;
        }
        if let Some(printed) = self.builtin(&name, arguments, command, input) {
            return printed;
        }
        match handed_on(&fields) {
            Some(HandedOn::Script(script, arguments)) => self.script(script, arguments, input),
            Some(HandedOn::Command { fields, certain: true }) => self.program(fields, command, input),
            Some(HandedOn::Command { fields, certain: false }) => self.branch(|machine| machine.program(fields, command, input)),
            None => self.program(fields, command, input),
        }
    }

    /// A program.
    fn program(&mut self, fields: Vec<Field>, command: &Command, input: Option<&Text>) -> Text {
        let Some((first, arguments)) = fields.split_first() else { return Text::default() };
        let name = first.known().map(|n| n.rsplit('/').next().unwrap_or(&n).to_owned()).unwrap_or_default();
        if !READERS.contains(&name.as_str()) {
            self.serial += 1;
            for field in arguments {
                self.state.touch(&field.text, self.serial);
            }
        }
        let span = self.span(&command.range);
        let call = Call { path: self.unit.path.clone(), fields, span, conditional: self.conditional, input: input.cloned() };
        self.give(&call);
        answers::printed(self, &call)
    }

    /// What the shell does itself; none for other programs.
    fn builtin(&mut self, name: &str, arguments: &[Field], command: &Command, input: Option<&Text>) -> Option<Text> {
        match name {
            "echo" => return Some(echo(arguments)),
            "printf" => return printf(arguments),
            "cat" => return Some(self.cat(arguments, command, input)),
            "tee" => {
                let text = input.cloned().unwrap_or_default();
                for field in arguments.iter().filter(|f| !cut::flat(&f.text).starts_with('-')) {
                    self.state.write(&field.text, &text, false);
                }
                return Some(text);
            }
            "sed" => return self.sed(arguments, command, input),
            "envsubst" => return arguments.is_empty().then(|| self.envsubst(&input.cloned().unwrap_or_default())),
            "export" | "local" | "declare" | "readonly" | "typeset" => self.declare(name, arguments),
            "unset" => arguments.iter().filter_map(Field::known).for_each(|n| {
                self.state.variables.remove(&n);
            }),
            "." | "source" => {
                if let Some(path) = arguments.first() {
                    self.source(&path.text);
                }
            }
            "read" if whole_input(arguments).is_some() && input.is_some() => {
                let name = whole_input(arguments).unwrap_or_default();
                self.state.set(&name, Variable::Text(trimmed(&input.cloned().unwrap_or_default())));
            }
            "read" | "mapfile" | "readarray" | "getopts" => self.read(arguments),
            "set" => {
                if let Some(at) = arguments.iter().position(|f| f.known().as_deref() == Some("--")) {
                    self.state.arguments = arguments.get(at + 1..).map(<[Field]>::to_vec);
                }
            }
            "shift" => self.shift(arguments),
            "cd" | "pushd" => {
                let folder = arguments.first().and_then(Field::known);
                self.state.folder = folder.filter(|f| !f.starts_with(['/', '~', '-']));
            }
            "exit" => {
                self.ended = true;
                self.state.exits = true;
            }
            "return" => self.ended = true,
            "break" => {
                if !self.conditional {
                    self.state.breaks = true;
                }
            }
            "mv" | "cp" => self.copy(arguments),
            ":" | "true" | "false" | "[" | "test" | "popd" | "trap" | "wait" | "sleep" | "continue" | "mkdir" | "rm" | "chmod" => {}
            _ => return None,
        }
        Some(Text::default())
    }

    fn declare(&mut self, how: &str, arguments: &[Field]) {
        for field in arguments {
            let Some((name, value)) = cut::split_once(&field.text, "=") else {
                if let Some(name) = field.known().filter(|n| how != "export" && !n.starts_with('-')) {
                    self.state.local(&name);
                }
                continue;
            };
            let Some(name) = name.as_known() else { continue };
            if how == "local" || how == "declare" || how == "typeset" {
                self.state.local(&name);
            }
            self.state.set(&name, Variable::Text(value));
        }
    }

    fn read(&mut self, arguments: &[Field]) {
        let names: Vec<String> = arguments.iter().filter_map(Field::known).filter(|n| !n.starts_with('-')).collect();
        for name in names {
            self.serial += 1;
            let why = format!("`{name}` is read while the script runs");
            let text = self.hole(&format!("{}|read {name}", self.serial), UnknownKind::Any, format!("${{{name}}}"), why, None);
            self.state.set(&name, Variable::Text(text));
        }
    }

    fn shift(&mut self, arguments: &[Field]) {
        let count = arguments.first().and_then(Field::known).and_then(|n| n.parse::<usize>().ok()).unwrap_or(1);
        match &mut self.state.arguments {
            Some(given) => {
                given.drain(..count.min(given.len()));
            }
            // What comes from outside has other numbers now.
            None => {
                self.serial += 1;
                let frame = self.state.frame.split('+').next().unwrap_or_default().to_owned();
                self.state.frame = format!("{frame}+{}", self.serial);
            }
        }
    }

    fn copy(&mut self, arguments: &[Field]) {
        let paths: Vec<&Field> = arguments.iter().filter(|f| !cut::flat(&f.text).starts_with('-')).collect();
        let [from, to] = paths.as_slice() else { return };
        let text = self.content(&from.text).unwrap_or_else(|| self.unread(&from.text, &(0..0)));
        self.state.write(&to.text, &text, false);
    }

    fn cat(&mut self, arguments: &[Field], command: &Command, input: Option<&Text>) -> Text {
        let files: Vec<&Field> = arguments.iter().filter(|f| f.known().is_none_or(|k| k == "-" || !k.starts_with('-'))).collect();
        if files.is_empty() {
            return input.cloned().unwrap_or_default();
        }
        let mut out = Text::default();
        for file in files {
            if file.known().as_deref() == Some("-") {
                out.push(&input.cloned().unwrap_or_default());
                continue;
            }
            let text = self.content(&file.text).unwrap_or_else(|| self.unread(&file.text, &command.range));
            out.push(&text);
        }
        out
    }

    /// `envsubst` fills in `$NAME` and `${NAME}`
    /// (<https://www.gnu.org/software/gettext/manual/html_node/envsubst-Invocation.html>).
    fn envsubst(&mut self, text: &Text) -> Text {
        let Ok(word) = shell::document(&cut::flat(text)) else {
            return self.unread(&Text::known("envsubst"), &(0..0));
        };
        let unit = Unit { path: self.unit.path.clone(), text: text.clone(), list: List::default() };
        let before = std::mem::replace(&mut self.unit, Arc::new(unit));
        let out = self.join(&word);
        self.unit = before;
        out
    }
}

/// The variable of `read -r -d '' NAME`, which takes all that it is given
/// (<https://www.gnu.org/software/bash/manual/bash.html#index-read>).
fn whole_input(arguments: &[Field]) -> Option<String> {
    let at = arguments.iter().position(|f| f.known().is_some_and(|k| k.starts_with('-') && k.ends_with('d')))?;
    arguments.get(at + 1)?.known().filter(|delimiter| delimiter.is_empty() || delimiter == "\\0")?;
    match arguments.get(at + 2..)? {
        [name] => name.known(),
        _ => None,
    }
}

/// Without the white space around it, as `read` leaves it.
fn trimmed(text: &Text) -> Text {
    let flat = cut::flat(text);
    let start = flat.len() - flat.trim_start().len();
    cut::slice(text, start..flat.trim_end().len())
}

fn is_declaration(name: &str) -> bool {
    matches!(name, "export" | "local" | "declare" | "readonly" | "typeset")
}

fn echo(arguments: &[Field]) -> Text {
    let mut out = Text::default();
    let flag = |f: &Field| matches!(f.known().as_deref(), Some("-n" | "-e" | "-E" | "-ne" | "-en"));
    let flags = arguments.iter().take_while(|f| flag(f)).count();
    for (at, field) in arguments.iter().skip(flags).enumerate() {
        if at > 0 {
            out.push(&Text::known(" "));
        }
        out.push(&field.text);
    }
    out.push(&Text::known("\n"));
    out
}

/// `printf` with a format of `%s` and text.
fn printf(arguments: &[Field]) -> Option<Text> {
    let (format, mut values) = arguments.split_first().map(|(f, v)| (f, v.iter()))?;
    let mut rest = format.text.clone();
    let mut out = Text::default();
    while let Some((before, after)) = cut::split_once(&rest, "%s") {
        out.push(&before);
        out.push(&values.next().map(|f| f.text.clone()).unwrap_or_default());
        rest = after;
    }
    out.push(&rest);
    if values.next().is_some() || cut::flat(&format.text).replace("%s", "").contains('%') {
        return None;
    }
    let mut text = Text::default();
    let mut rest = out;
    while let Some((before, after)) = cut::split_once(&rest, "\\n") {
        text.push(&before);
        text.push(&Text::known("\n"));
        rest = after;
    }
    text.push(&rest);
    Some(text)
}

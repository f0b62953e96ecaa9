//! What a script does, as far as it is written: the commands in the order in which they would run, with their arguments.
//!
//! Nothing is run. A variable that the script does not set, the output of a program, what a condition decides: each is an
//! unknown with an identity, so that two uses of it are equal and no verdict rests on its value.

use super::ScriptFiles;
use super::call::{Call, Field};
use super::choices;
use super::clouds::Clouds;
use super::state::{State, Variable};
use crate::partial::{Part, Text, Unknown, UnknownKind, cut};
use crate::place::Span;
use crate::place::paths::inside;
use crate::source::SourceFile;
use crate::syntax::shell::ast::{Command, CommandKind, Item, List, Redirect, RedirectKind, When, Word};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// Most commands that one script runs: loops and calls repeat them.
const MAX_STEPS: usize = 20_000;
/// How deep functions, sourced files and branches nest.
const MAX_CALLS: usize = 24;
/// How often the body of a loop is looked at.
const MAX_ROUNDS: usize = 64;

/// A text with its commands. Ranges of the commands are ranges of the flat text.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) path: String,
    pub(super) text: Text,
    pub(super) list: List,
}

/// A function with the text that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) unit: Arc<Unit>,
    pub(super) body: Arc<Command>,
}

/// Runs one script.
pub(super) struct Machine<'a> {
    pub(super) files: &'a dyn ScriptFiles,
    pub(super) unit: Arc<Unit>,
    pub(super) state: State,
    pub(super) clouds: &'a mut Clouds,
    /// What comes next may not run.
    pub(super) conditional: bool,
    /// The script, or the function, is over.
    pub(super) ended: bool,
    pub(super) steps: usize,
    depth: usize,
    called: BTreeSet<String>,
    /// The places of the calls that led here, for unknown arguments.
    pub(super) serial: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(files: &'a dyn ScriptFiles, unit: Arc<Unit>, state: State, clouds: &'a mut Clouds) -> Self {
        Self { files, unit, state, clouds, conditional: false, ended: false, steps: 0, depth: 0, called: BTreeSet::new(), serial: 0 }
    }

    /// The whole script, then the functions that nobody called: others may.
    pub(super) fn run(&mut self) {
        let unit = Arc::clone(&self.unit);
        self.list(&unit.list, None);
        let idle: Vec<String> = self.state.functions.keys().filter(|name| !self.called.contains(*name)).cloned().collect();
        for name in idle {
            if self.called.contains(&name) {
                continue;
            }
            self.ended = false;
            self.conditional = true;
            // What the script itself was given is not what the function gets.
            self.state.arguments = None;
            self.call_function(&name, None, None);
        }
    }

    pub(super) fn exhausted(&self) -> bool {
        self.steps > MAX_STEPS
    }

    /// The place in the file of a range of the unit's text.
    pub(super) fn span(&self, range: &Range<usize>) -> Option<Span> {
        cut::slice(&self.unit.text, range.clone()).span()
    }

    pub(super) fn hole(&self, key: &str, kind: UnknownKind, label: String, why: String, span: Option<Span>) -> Text {
        Text::hole(Unknown::new(format!("{}|{key}", self.unit.path), kind, label, why, span), span)
    }

    /// Runs a list; what it prints is returned.
    pub(super) fn list(&mut self, list: &List, input: Option<&Text>) -> Text {
        let mut out = Text::default();
        if self.depth >= MAX_CALLS {
            return out;
        }
        self.depth += 1;
        let mut start = 0;
        for item in &list.items {
            if self.ended || self.exhausted() {
                break;
            }
            if item.when == When::Always {
                start = out.parts.len();
            }
            match item.when {
                // What follows a test runs when the test succeeds; what follows a command is expected to run.
                When::Always => out.push(&self.pipeline(item, input)),
                When::Succeeded if !self.tested(list, item) => out.push(&self.pipeline(item, input)),
                When::Succeeded | When::Failed => {
                    let printed = self.branch(|machine| machine.pipeline(item, input));
                    // What printed something is expected to have succeeded: `$(create … || show …)` prints once.
                    if item.when != When::Failed || out.parts.len() == start {
                        out.push(&printed);
                    }
                }
            }
        }
        self.depth -= 1;
        out
    }

    /// Whether the item depends on a test that stands before it.
    fn tested(&self, list: &List, item: &Item) -> bool {
        let Some(at) = list.items.iter().position(|i| std::ptr::eq(i, item)) else { return true };
        let before = list.items.get(..at).unwrap_or_default().iter().rev();
        for earlier in before {
            if earlier.when == When::Failed || earlier.pipeline.first().is_some_and(|c| self.is_test(c)) {
                return true;
            }
            if earlier.when == When::Always {
                break;
            }
        }
        false
    }

    fn is_test(&self, command: &Command) -> bool {
        use crate::syntax::shell::ast::Argument;
        match &command.kind {
            CommandKind::Test => true,
            CommandKind::Simple(simple) => match simple.words.first() {
                Some(Argument::Word(word)) => {
                    let name = cut::flat(&cut::slice(&self.unit.text, word.range.clone()));
                    matches!(name.as_str(), "[" | "test" | "grep" | "command" | "which" | "type" | "false")
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Runs what may not run: what it changes is unknown afterwards.
    pub(super) fn branch<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.state.clone();
        let result = self.alternative(run);
        let ended = std::mem::take(&mut self.ended);
        if ended {
            self.state = before;
        } else {
            let other = std::mem::replace(&mut self.state, before);
            self.merge(other);
        }
        result
    }

    fn alternative<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        self.steps += 1 + self.state.size() / 16;
        let conditional = std::mem::replace(&mut self.conditional, true);
        let result = run(self);
        self.conditional = conditional;
        result
    }

    /// The state after one of two ways.
    fn merge(&mut self, other: State) {
        self.serial += 1;
        let path = format!("{}|{}", self.unit.path, self.serial);
        self.state.merge(other, &path);
    }

    /// Runs exactly one of several ways, or perhaps none.
    fn choose<'l>(&mut self, ways: impl Iterator<Item = &'l List>, none: bool, input: Option<&Text>) -> Text {
        let before = self.state.clone();
        let mut out = Text::default();
        let mut after: Option<State> = none.then(|| before.clone());
        let mut all_ended = !none;
        for way in ways {
            self.state = before.clone();
            out.push(&self.alternative(|machine| machine.list(way, input)));
            if std::mem::take(&mut self.ended) {
                continue;
            }
            all_ended = false;
            let this = std::mem::replace(&mut self.state, before.clone());
            after = match after {
                None => Some(this),
                Some(earlier) => {
                    self.state = earlier;
                    self.merge(this);
                    Some(std::mem::replace(&mut self.state, before.clone()))
                }
            };
        }
        self.state = after.unwrap_or(before);
        self.ended = all_ended;
        out
    }

    fn pipeline(&mut self, item: &Item, input: Option<&Text>) -> Text {
        let mut printed = Text::default();
        for (at, command) in item.pipeline.iter().enumerate() {
            let given = if at == 0 { input } else { Some(&printed) };
            printed = self.command(command, given);
        }
        printed
    }

    pub(super) fn command(&mut self, command: &Command, input: Option<&Text>) -> Text {
        self.steps += 1;
        if self.exhausted() {
            return Text::default();
        }
        let given = self.redirected_input(&command.redirects);
        let input = given.as_ref().or(input);
        let printed = match &command.kind {
            CommandKind::Simple(simple) => self.simple(simple, command, input),
            CommandKind::Group(list) => self.list(list, input),
            CommandKind::Subshell(list) => {
                let before = self.state.clone();
                self.steps += before.size() / 16;
                let out = self.list(list, input);
                self.state.leave(before);
                self.ended = false;
                out
            }
            CommandKind::If { branches, otherwise } => {
                for (condition, _) in branches {
                    self.list(condition, input);
                }
                let ways = branches.iter().map(|(_, body)| body).chain(otherwise);
                self.choose(ways, otherwise.is_none(), input)
            }
            CommandKind::Loop(condition, body) => self.branch(|machine| {
                machine.list(condition, input);
                machine.list(body, input)
            }),
            CommandKind::For { name, words, body } => self.iterate(name, words.as_deref(), body, input),
            CommandKind::Case { arms, .. } => {
                let catches_all = |patterns: &Vec<Word>| patterns.iter().any(|p| self.text_of(&p.range) == "*");
                let none = !arms.iter().any(|(patterns, _)| catches_all(patterns));
                self.choose(arms.iter().map(|(_, body)| body), none, input)
            }
            CommandKind::Function { name, body } => {
                let function = Function { unit: Arc::clone(&self.unit), body: Arc::clone(body) };
                self.state.functions.insert(name.clone(), function);
                Text::default()
            }
            CommandKind::Test => Text::default(),
        };
        self.redirected_output(&command.redirects, printed)
    }

    fn text_of(&self, range: &Range<usize>) -> String {
        cut::flat(&cut::slice(&self.unit.text, range.clone()))
    }

    fn redirected_input(&mut self, redirects: &[Redirect]) -> Option<Text> {
        let mut input = None;
        for redirect in redirects.iter().filter(|r| !r.other) {
            match redirect.kind {
                RedirectKind::HereDocument => input = Some(self.join(&redirect.target)),
                RedirectKind::HereString => input = Some(self.join(&redirect.target)),
                RedirectKind::Read => {
                    let path = self.join(&redirect.target);
                    let text = self.content(&path);
                    input = Some(text.unwrap_or_else(|| self.unread(&path, &redirect.target.range)));
                }
                _ => {}
            }
        }
        input
    }

    /// The unknown text of a file.
    pub(super) fn unread(&self, path: &Text, range: &Range<usize>) -> Text {
        let (key, label) = (format!("file {}", cut::key(path)), format!("the text of `{path}`"));
        self.hole(&key, UnknownKind::Any, label, format!("`{path}` is not in the scan"), self.span(range))
    }

    fn redirected_output(&mut self, redirects: &[Redirect], printed: Text) -> Text {
        for redirect in redirects.iter().filter(|r| !r.other) {
            let append = redirect.kind == RedirectKind::Append;
            // `>&2`: messages for who runs the script.
            if redirect.kind == RedirectKind::Other && cut::flat(&self.join(&redirect.target)) == "2" {
                return Text::default();
            }
            if redirect.kind == RedirectKind::Write || append {
                let path = self.join(&redirect.target);
                self.state.write(&path, &printed, append);
                return Text::default();
            }
        }
        printed
    }

    fn iterate(&mut self, name: &str, words: Option<&[Word]>, body: &List, input: Option<&Text>) -> Text {
        let fields = match words {
            Some(words) => words.iter().flat_map(|w| self.expand(w)).collect(),
            None => self.state.arguments.clone().unwrap_or_else(|| vec![Field::open(self.argument("@", None))]),
        };
        let known = fields.len() <= MAX_ROUNDS && !fields.iter().any(|f| f.open || is_pattern(&f.text));
        let mut out = Text::default();
        if known {
            for field in fields {
                self.state.set(name, Variable::Text(field.text));
                out.push(&self.list(body, input));
                if std::mem::take(&mut self.state.breaks) {
                    break;
                }
            }
            return out;
        }
        self.serial += 1;
        let key = format!("{}|each {name}", self.serial);
        let why = format!("what the loop gives to `{name}` is not written here");
        let value = self.hole(&key, UnknownKind::Any, format!("${{{name}}}"), why, None);
        self.branch(|machine| {
            machine.state.set(name, Variable::Text(value));
            machine.list(body, input)
        })
    }

    /// An argument of a script or function that nobody gives here.
    pub(super) fn argument(&self, name: &str, span: Option<Span>) -> Text {
        let key = format!("{}|${name}", self.state.frame);
        self.hole(&key, UnknownKind::Any, format!("${name}"), format!("`${name}` is an argument that is not given here"), span)
    }

    pub(super) fn call_function(&mut self, name: &str, arguments: Option<Vec<Field>>, input: Option<&Text>) -> Option<Text> {
        let function = self.state.functions.get(name)?.clone();
        self.called.insert(name.to_owned());
        if self.depth >= MAX_CALLS || self.exhausted() {
            return Some(Text::default());
        }
        self.depth += 1;
        self.steps += 1;
        let unit = std::mem::replace(&mut self.unit, function.unit);
        let frame = std::mem::replace(&mut self.state.frame, name.to_owned());
        let before = std::mem::replace(&mut self.state.arguments, arguments);
        let locals = std::mem::take(&mut self.state.locals);
        let out = self.command(&function.body, input);
        let locals = std::mem::replace(&mut self.state.locals, locals);
        self.state.restore(locals);
        self.state.arguments = before;
        self.state.frame = frame;
        self.unit = unit;
        // `return` ends the function, `exit` the script.
        if !std::mem::take(&mut self.state.exits) {
            self.ended = false;
        }
        self.depth -= 1;
        Some(out)
    }

    /// Reads another file's commands in place.
    pub(super) fn source(&mut self, path: &Text) {
        let Some(file) = self.file(path) else {
            self.clouds.unread(path);
            return;
        };
        let Some(unit) = super::unit_of(&file) else { return };
        self.within(unit, None);
    }

    /// Runs a text as a script of its own: `bash -c TEXT`.
    pub(super) fn script(&mut self, text: Text, arguments: Vec<Field>, input: Option<&Text>) -> Text {
        let Ok(unit) = super::unit(&self.unit.path, text) else { return Text::default() };
        let before = self.state.arguments.replace(arguments);
        let printed = self.within(unit, input);
        self.state.arguments = before;
        // `exit` and `return` end that script alone.
        self.state.exits = false;
        self.ended = false;
        printed
    }

    fn within(&mut self, unit: Unit, input: Option<&Text>) -> Text {
        if self.depth >= MAX_CALLS {
            return Text::default();
        }
        self.depth += 1;
        let unit = Arc::new(unit);
        let before = std::mem::replace(&mut self.unit, Arc::clone(&unit));
        let printed = self.list(&unit.list, input);
        self.unit = before;
        self.depth -= 1;
        printed
    }

    /// The file on disk that a path names: beside the script, or below the folder that the scan began in.
    pub(super) fn file(&self, path: &Text) -> Option<Arc<SourceFile>> {
        let known = path.as_known().or_else(|| beside_the_script(path))?;
        let known = known.trim_start_matches("./");
        if known.is_empty() || known.starts_with(['/', '~']) {
            return None;
        }
        let mut folder = self.unit.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut candidates = Vec::new();
        if let Some(entered) = &self.state.folder {
            candidates.push(inside(&inside(folder, entered), known));
        }
        loop {
            candidates.push(inside(folder, known));
            if folder.is_empty() {
                break;
            }
            folder = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        candidates.iter().find_map(|candidate| self.files.read(candidate))
    }

    /// The text of a file: as the script wrote it, else as it is in the scan.
    pub(super) fn content(&self, path: &Text) -> Option<Text> {
        if let Some(written) = self.state.written(path) {
            return Some(written.clone());
        }
        let file = self.file(path)?;
        Some(Text::literal(&*file.text, Span::new(file.id, 0..file.text.len())))
    }

    /// Gives a command to those who know what it means.
    pub(super) fn give(&mut self, call: &Call) {
        let mut clouds = std::mem::take(self.clouds);
        let ways = choices::ways(&call.fields, &self.state.choices);
        if ways.is_empty() {
            clouds.command(call, self);
        }
        for fields in ways {
            clouds.command(&Call { fields, conditional: true, ..call.clone() }, self);
        }
        *self.clouds = clouds;
    }
}

/// A path that begins with one unknown folder, as `$(dirname "$0")/trust.json`: scripts find their own files so.
fn beside_the_script(path: &Text) -> Option<String> {
    let [Part::Hole { .. }, rest @ ..] = path.parts.as_slice() else { return None };
    let rest = Text { parts: rest.to_vec() }.as_known()?;
    rest.strip_prefix('/').map(str::to_owned)
}

/// Whether the shell may put names of files here.
fn is_pattern(text: &Text) -> bool {
    cut::flat(text).contains('*')
}

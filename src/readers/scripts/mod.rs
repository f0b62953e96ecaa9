//! Scripts that set trust up: `gcloud`, `aws`, `az`, `eksctl`, `kubectl` in shell scripts, Makefiles, Dockerfiles and the
//! `run` blocks of workflows.
//!
//! A command becomes the resource that Terraform has for the same thing, or a manifest, so that there is one reader for one
//! meaning. Commands run in the order of the file: a later one replaces what an earlier one set.

mod answers;
mod aws;
mod azure;
mod builtins;
mod call;
mod choices;
mod clouds;
mod dockerfile;
mod expand;
mod gcloud;
mod handed_on;
mod kubernetes;
mod machine;
mod makefile;
mod markdown;
mod sed;
mod spire;
mod state;
mod workflow;

use super::Document;
use crate::graph::Undecided;
use crate::partial::{Text, Value, cut};
use crate::place::Span;
use crate::source::SourceFile;
use crate::source::walk::is_markdown;
use crate::syntax::shell::{self, ShellError};
use crate::syntax::{Problem, json, yaml};
use crate::terraform::Resource;
use clouds::{Clouds, Content};
use machine::{Machine, Unit};
use state::{State, Variable};
use std::sync::Arc;

/// Longest script that is read, in bytes.
const MAX_SCRIPT: usize = 1 << 20;

/// Reads the files that scripts name.
pub trait ScriptFiles {
    /// The file at a path relative to the working directory, when it is in the scan.
    fn read(&self, path: &str) -> Option<Arc<SourceFile>>;
}

/// What the scripts of a scan make.
#[derive(Debug, Default)]
pub struct Scripts {
    /// As if Terraform had made it.
    pub resources: Vec<Resource>,
    /// Documents with the path of their script and whether they may not be made.
    pub documents: Vec<(String, Value, bool)>,
    /// What is seen and not known.
    pub undecided: Vec<Undecided>,
    /// Scripts that could not be read.
    pub problems: Vec<Problem>,
}

/// One script of a file that may hold several.
struct Section {
    text: Text,
    /// What is set before it begins.
    variables: Vec<(String, Text)>,
    /// It follows the one before in the same place: files that were written are still there.
    continues: bool,
}

/// Reads scripts: files by their names, and the commands in workflows.
#[must_use]
pub fn read(scripts: &[Arc<SourceFile>], documents: &[Document], files: &dyn ScriptFiles) -> Scripts {
    let mut clouds = Clouds::default();
    let mut problems = Vec::new();
    for file in scripts {
        let sections = sections(file, files);
        run(&file.path, &sections, files, &mut clouds, &mut problems);
    }
    for document in documents.iter().filter(|d| !d.templated) {
        for sections in workflow::sections(document) {
            run(document.file, &sections, files, &mut clouds, &mut problems);
        }
    }
    let made = clouds.finish();
    Scripts { resources: made.resources, documents: made.documents, undecided: made.undecided, problems }
}

/// The scripts in a file.
fn sections(file: &SourceFile, files: &dyn ScriptFiles) -> Vec<Section> {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    match name {
        _ if makefile::is(name) => makefile::sections(file, files),
        _ if dockerfile::is(name) => dockerfile::sections(file),
        _ if is_markdown(name) => markdown::sections(file),
        _ => vec![Section { text: whole(file), variables: Vec::new(), continues: false }],
    }
}

fn whole(file: &SourceFile) -> Text {
    Text::literal(&*file.text, Span::new(file.id, 0..file.text.len()))
}

fn run(path: &str, sections: &[Section], files: &dyn ScriptFiles, clouds: &mut Clouds, problems: &mut Vec<Problem>) {
    clouds.begin();
    let mut kept = State::default();
    for section in sections {
        let unit = match unit(path, section.text.clone()) {
            Ok(unit) => unit,
            Err(error) => {
                let at = cut::slice(&section.text, error.at..error.at + 1).span().or_else(|| section.text.span());
                problems.extend(at.map(|span| Problem { span, message: format!("the script is not read: {error}") }));
                continue;
            }
        };
        let mut state = if section.continues { std::mem::take(&mut kept) } else { State::default() };
        state.variables.clear();
        for (name, value) in &section.variables {
            state.set(name, Variable::Text(value.clone()));
        }
        let mut machine = Machine::new(files, Arc::new(unit), state, clouds);
        machine.run();
        if machine.exhausted() {
            let span = section.text.span();
            machine.clouds.undecided(span, "the script repeats too much: the rest of it was not read");
        }
        kept = machine.state;
    }
    clouds.end();
}

/// A text with its commands.
fn unit(path: &str, text: Text) -> Result<Unit, ShellError> {
    let flat = cut::flat(&text);
    if flat.len() > MAX_SCRIPT {
        return Err(ShellError { at: 0, message: "it is too long" });
    }
    let list = shell::parse(&flat)?;
    Ok(Unit { path: path.to_owned(), text, list })
}

/// A file that a script reads in place.
fn unit_of(file: &SourceFile) -> Option<Unit> {
    unit(&file.path, whole(file)).ok()
}

/// The tree of a JSON or YAML file.
fn tree(file: &SourceFile) -> Option<Value> {
    let parsed = if file.path.ends_with(".json") { json::parse(file) } else { yaml::parse(file) };
    parsed.documents.into_iter().next()
}

/// What commands see of files: as the script wrote them, else as they are in the scan.
impl Content for Machine<'_> {
    fn text(&self, path: &Text) -> Option<Text> {
        self.content(path)
    }

    fn tree(&self, path: &Text) -> Option<Value> {
        match self.state.written(path) {
            Some(text) => clouds::json_tree(text),
            None => tree(&*self.file(path)?),
        }
    }
}

//! `fedlint diff`.

mod human;
mod markdown;

use super::args::{Diff, DiffFailOn, DiffFormat, Inputs};
use super::{CLEAN, CliError, FINDINGS, check, print};
use crate::config::{Config, TenantConfig};
use crate::difference::{Difference, Side, compare};
use crate::issuers::Registry;
use crate::pipeline::{self, Request};
use crate::report::{Own, harmless};
use crate::rules::engine::Selection;
use crate::source::git::{EntryKind, Repository, Revision};
use crate::source::regular;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The report of `fedlint diff --format json`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Report<'a> {
    /// The version of the contract.
    version: u32,
    /// The first state.
    base: State,
    /// The second state.
    head: State,
    /// How much changed.
    summary: Summary,
    /// What changed.
    #[serde(flatten)]
    difference: &'a Difference,
}

/// A state of the repository.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
struct State {
    /// As it was named: a revision, `working tree`.
    name: String,
    /// The hash of the commit; null for the working tree.
    commit: Option<String>,
    /// How many files were read.
    files_read: usize,
    /// How many trusts there are.
    trusts: usize,
}

/// How much changed.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
struct Summary {
    /// Identities with a change.
    identities: usize,
    /// How many ways newly let somebody in.
    newly: usize,
    /// How many ways let somebody in no longer.
    no_longer: usize,
    /// Workloads that are newly registered with an identity.
    newly_registered: usize,
    /// New permissions.
    new_permissions: usize,
    /// New findings.
    new_findings: usize,
    /// Findings that are gone.
    resolved_findings: usize,
    /// What was not decided, and was decided before or is written otherwise.
    undecided: usize,
}

impl Summary {
    fn of(difference: &Difference) -> Self {
        let sum = |count: &dyn Fn(&crate::difference::Change) -> usize| difference.identities.iter().map(count).sum();
        Self {
            identities: difference.identities.len(),
            newly: sum(&|c| c.newly.len()),
            no_longer: sum(&|c| c.no_longer.len()),
            newly_registered: difference.newly_registered.len(),
            new_permissions: sum(&|c| c.new_permissions.len()),
            new_findings: difference.new_findings.len(),
            resolved_findings: difference.resolved_findings.len(),
            undecided: difference.undecided.len(),
        }
    }
}

pub(super) fn run(arguments: &Diff) -> Result<u8, CliError> {
    let here = std::env::current_dir()?;
    let failed = |why: String| CliError::Run(why);
    let (head, path) = head_and_path(arguments, &here)?;
    let folder = if path.is_dir() { here.join(&path) } else { here.join(&path).parent().unwrap_or(&here).to_path_buf() };
    let repository = Repository::around(&crate::place::paths::tidy(&folder)).map_err(failed)?;
    let base = match (arguments.merge_base, head.as_deref()) {
        (true, head) => repository.merge_base(&arguments.base, head.unwrap_or("HEAD")),
        (false, _) => repository.revision(&arguments.base),
    };
    let base = Arc::new(base.map_err(failed)?);
    let head = head.map(|name| repository.revision(&name).map(Arc::new).map_err(failed)).transpose()?;
    let states = Both::new(arguments, &path, base, head)?;
    let (old, new) = (states.read(true)?, states.read(false)?);
    if old.run.coverage.files_read + new.run.coverage.files_read == 0 {
        let shown = regular::one_line(&path.to_string_lossy());
        return Err(CliError::Run(format!("nothing to compare in `{shown}`: no Terraform, JSON or YAML file was read in either state")));
    }
    let (registry, tenants) = (states.request.config.registry(), &states.request.config.tenants);
    let difference = check::with_progress(|| compare(old.side(&registry, tenants), new.side(&registry, tenants)));
    let report = Report { version: 1, base: old.state, head: new.state, summary: Summary::of(&difference), difference: &difference };
    write(arguments, &report)?;
    Ok(verdict(arguments.fail_on, &difference))
}

fn verdict(fail_on: DiffFailOn, difference: &Difference) -> u8 {
    let fails = match fail_on {
        DiffFailOn::Newly => difference.admits_more(),
        DiffFailOn::Permissions => difference.admits_more() || difference.permits_more(),
        DiffFailOn::Undecided => {
            difference.admits_more() || difference.permits_more() || !difference.undecided.is_empty() || !difference.unread.is_empty()
        }
        DiffFailOn::Never => false,
    };
    if fails { FINDINGS } else { CLEAN }
}

/// What the arguments mean: a second one that is no revision and is a path is the path.
fn head_and_path(arguments: &Diff, here: &Path) -> Result<(Option<String>, PathBuf), CliError> {
    let (Some(head), None) = (&arguments.head, &arguments.path) else {
        return Ok((arguments.head.clone(), arguments.path.clone().unwrap_or_else(|| PathBuf::from("."))));
    };
    let known = Repository::around(here).map_err(CliError::Run).and_then(|r| r.revision(head).map_err(CliError::Run));
    match known {
        Ok(_) => Ok((Some(head.clone()), PathBuf::from("."))),
        Err(_) if here.join(head).exists() => Ok((None, PathBuf::from(head))),
        Err(why) => Err(why),
    }
}

/// The two states, and what both are read with.
struct Both {
    base: Arc<Revision>,
    head: Option<Arc<Revision>>,
    request: Request,
}

/// A state that was read.
struct Read {
    estate: pipeline::Estate,
    run: crate::report::Run,
    state: State,
}

impl Read {
    fn side<'a>(&'a self, registry: &'a Registry, tenants: &'a TenantConfig) -> Side<'a> {
        Side { estate: &self.estate, run: &self.run, registry, tenants }
    }
}

impl Both {
    fn new(arguments: &Diff, path: &Path, base: Arc<Revision>, head: Option<Arc<Revision>>) -> Result<Self, CliError> {
        let inputs = Inputs {
            paths: vec![path.to_path_buf()],
            stdin_filename: None,
            exclude: arguments.exclude.clone(),
            markdown: false,
            config: arguments.config.clone(),
            isolated: arguments.isolated,
        };
        // A change does not say by which words it is judged: the base's configuration holds on both sides.
        let config = match (&arguments.config, arguments.isolated) {
            (Some(_), _) | (_, true) => check::config(&inputs)?,
            _ => Config::of_revision(&base, path)?,
        };
        let selection = Selection { no_comments: true, min_severity: config.min_severity, ..Selection::default() };
        let request = check::request(&inputs, config, selection)?;
        Ok(Self { base, head, request })
    }

    fn read(&self, base: bool) -> Result<Read, CliError> {
        let revision = if base { Some(&self.base) } else { self.head.as_ref() };
        let mut request = self.request.clone();
        request.revision = revision.cloned();
        if revision.is_none() {
            // The working tree may hold the files of submodules; a revision has none of them.
            request.exclude.extend(self.submodules());
        }
        let failed = |e: crate::source::walk::ScanError| CliError::Run(e.to_string());
        let estate = check::with_progress(|| pipeline::read(&request)).map_err(&failed)?;
        let run = pipeline::judge(&request, &estate).map_err(failed)?;
        let state = State {
            name: revision.map_or("working tree".to_owned(), |r| r.name().to_owned()),
            commit: revision.map(|r| r.commit()),
            files_read: run.coverage.files_read,
            trusts: run.coverage.trusts,
        };
        Ok(Read { estate, run, state })
    }

    fn submodules(&self) -> Vec<String> {
        let here = std::env::current_dir().unwrap_or_default();
        let all = self.base.entries().filter(|(_, entry)| entry.kind == EntryKind::Submodule);
        let shown = |path: &str| crate::source::walk::shown_folder(&here, &self.base.root().join(path), true);
        all.map(|(path, _)| globset::escape(shown(path).trim_end_matches('/'))).collect()
    }
}

fn write(arguments: &Diff, report: &Report<'_>) -> Result<(), CliError> {
    let mut outputs: Vec<(DiffFormat, Option<PathBuf>)> = Vec::new();
    for text in &arguments.output {
        let named = text.split_once('=').and_then(|(name, file)| Some((clap::ValueEnum::from_str(name, false).ok()?, file)));
        let (format, file) = named.unwrap_or((arguments.format, text));
        outputs.push((format, (file != "-").then(|| PathBuf::from(file))));
    }
    if outputs.is_empty() {
        outputs.push((arguments.format, None));
    }
    for (format, file) in outputs {
        let text = match format {
            DiffFormat::Human => human::render(report),
            DiffFormat::Json => serde_json::to_string_pretty(report)? + "\n",
            DiffFormat::Markdown => markdown::render(report),
        };
        match file {
            None => print(&text)?,
            Some(file) => {
                let failed = |e| CliError::Run(format!("cannot write the report to `{}`: {e}", file.display()));
                std::fs::write(&file, harmless(&text, Own::Nothing)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// The words for a state.
fn named(state: &State) -> String {
    let short = state.commit.as_deref().and_then(|commit| commit.get(..12));
    match short {
        Some(short) if state.commit.as_deref() != Some(&state.name) => format!("`{}` ({short})", state.name),
        Some(short) => short.to_owned(),
        None => format!("the {}", state.name),
    }
}

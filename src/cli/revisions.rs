//! `check --base` and `--since`: what another revision says of the findings.

use super::CliError;
use super::args::{Check, Inputs};
use super::check::with_progress;
use crate::catalogue::Severity;
use crate::pipeline::{self, Request};
use crate::place::paths::tidy;
use crate::report::{Run, count};
use crate::rules::baseline::Baseline;
use crate::rules::engine::place_key;
use crate::rules::fingerprint::problem;
use crate::rules::{Finding, Suppressed, SuppressedBy};
use crate::source::git::{Repository, Revision};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The revisions that a check is made against.
#[derive(Debug, Default)]
pub(super) struct Against {
    /// Whose configuration, ignore comments and `.gitignore` count.
    pub(super) base: Option<Arc<Revision>>,
    /// Whose findings are not reported again.
    pub(super) since: Option<Arc<Revision>>,
}

impl Against {
    pub(super) fn open(arguments: &Check) -> Result<Self, CliError> {
        let open = |name: &Option<String>| {
            let Some(name) = name else { return Ok(None) };
            let repository = repository(&arguments.inputs)?;
            repository.revision(name).map(|revision| Some(Arc::new(revision))).map_err(CliError::Run)
        };
        Ok(Self { base: open(&arguments.base)?, since: open(&arguments.since)? })
    }

    /// Takes out of the findings what the base has accepted beside the same problem, and what was there before.
    pub(super) fn apply(&self, request: &Request, run: &mut Run) -> Result<(), CliError> {
        if let Some(base) = &self.base {
            let mut then = of(request, base);
            then.selection.no_comments = false;
            Waived::of(&check(&then)?).apply(run);
            run.setup.config_path = run.setup.config_path.take().map(|path| format!("{path} of {}", base.name()));
            run.setup.notes.push(format!("configuration, ignore comments and .gitignore are those of `{}`", base.name()));
        }
        if let Some(since) = &self.since {
            let then = check(&of(request, since))?;
            let known = Baseline::of(&then.findings, &then.sources);
            let compared = known.compare(std::mem::take(&mut run.findings), &run.sources);
            run.findings = compared.kept;
            if !compared.suppressed.is_empty() {
                let findings = count(compared.suppressed.len(), "finding");
                run.setup.notes.push(format!(
                    "{findings} that `{}` has as well {} not reported",
                    since.name(),
                    are(compared.suppressed.len())
                ));
            }
        }
        Ok(())
    }
}

fn are(n: usize) -> &'static str {
    if n == 1 { "is" } else { "are" }
}

/// The repository of what is read.
fn repository(inputs: &Inputs) -> Result<Repository, CliError> {
    let here = std::env::current_dir()?;
    let mut found: Option<PathBuf> = None;
    for path in &inputs.paths {
        if path == Path::new("-") {
            return Err(CliError::Run("standard input is in no revision: name a file or a folder".to_owned()));
        }
        let whole = tidy(&here.join(path));
        let folder = if whole.is_dir() { whole } else { whole.parent().map(Path::to_path_buf).unwrap_or_default() };
        let root = crate::source::walk::repository(&folder);
        if found.is_some() && found != root {
            return Err(CliError::Run("the paths are in several repositories: compare them one by one".to_owned()));
        }
        found = Some(root.unwrap_or(folder));
    }
    Repository::around(&found.unwrap_or(here)).map_err(CliError::Run)
}

/// The same request of a revision.
fn of(request: &Request, revision: &Arc<Revision>) -> Request {
    Request { revision: Some(Arc::clone(revision)), baseline: None, ..request.clone() }
}

fn check(request: &Request) -> Result<Run, CliError> {
    with_progress(|| pipeline::check(request)).map_err(|e| CliError::Run(e.to_string()))
}

/// What a revision's comments accept.
struct Waived {
    known: Baseline,
    /// By problem: how severe it was, and why it is accepted.
    words: BTreeMap<String, (Severity, String, Option<String>)>,
}

impl Waived {
    fn of(run: &Run) -> Self {
        let accepted: Vec<&Suppressed> = run.suppressed.iter().filter(|s| s.by == SuppressedBy::Comment).collect();
        let findings: Vec<Finding> = accepted.iter().map(|s| s.finding.clone()).collect();
        let mut words: BTreeMap<String, (Severity, String, Option<String>)> = BTreeMap::new();
        for one in accepted {
            let word = (one.finding.severity, one.reason.clone(), one.until.clone());
            words.entry(problem(&one.finding, &run.sources)).and_modify(|known| known.0 = known.0.min(word.0)).or_insert(word);
        }
        Self { known: Baseline::of(&findings, &run.sources), words }
    }

    /// A comment accepts what it stood beside: not what a change makes worse of it.
    fn apply(&self, run: &mut Run) {
        let compared = self.known.compare(std::mem::take(&mut run.findings), &run.sources);
        run.findings = compared.kept;
        for mut one in compared.suppressed {
            match self.words.get(&problem(&one.finding, &run.sources)) {
                Some((severity, reason, until)) if one.finding.severity <= *severity => {
                    (one.by, one.reason, one.until) = (SuppressedBy::Comment, reason.clone(), until.clone());
                    run.suppressed.push(one);
                }
                _ => run.findings.push(one.finding),
            }
        }
        let sources = Arc::clone(&run.sources);
        run.findings.sort_by_cached_key(|finding| place_key(finding, &sources));
    }
}

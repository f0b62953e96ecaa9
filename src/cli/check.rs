//! `fedlint check`.

use super::args::{Check, Inputs};
use super::revisions::Against;
use super::{CLEAN, CliError, FAILED, FINDINGS, output, repository};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::config::Config;
use crate::pipeline::{self, Input, Request};
use crate::report::{Run, count};
use crate::rules::Finding;
use crate::rules::baseline::Baseline;
use crate::rules::engine::Selection;
use crate::source::held::Held;
use crate::source::regular;
use crate::source::walk::repository_folder;
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run that takes longer shows that it works.
const PROGRESS_AFTER: Duration = Duration::from_millis(500);
/// Most bytes that are read from standard input.
const MAX_STDIN: u64 = 16 << 20;

pub(super) fn run(arguments: &Check) -> Result<u8, CliError> {
    let against = Against::open(arguments)?;
    let config = in_force(arguments, &against)?;
    let selection = selection(arguments, &config)?;
    let baseline = match &arguments.baseline {
        Some(named) => Some(read_baseline(named, Held::Disk(None))?),
        None => configured_baseline(&config)?,
    };
    let mut request = request(&arguments.inputs, config, selection)?;
    if arguments.gate {
        request.repository = repository::own(&arguments.inputs, &request.config, false);
    }
    request.baseline = baseline;
    request.overview = output::wants_overview(arguments)?;
    request.no_gitignore = arguments.gate && against.base.is_none();
    request.gitignore_of.clone_from(&against.base);
    let mut run = read(&arguments.inputs, &request)?;
    against.apply(&request, &mut run)?;
    run.setup.repository_folder = std::env::current_dir().ok().and_then(|here| repository_folder(&here));
    run.setup.gate = arguments.gate;
    output::write(arguments, &run, least(arguments, &run))?;
    Ok(verdict(arguments, &run))
}

/// The severity from which on a finding fails the run, where this configuration speaks.
fn fail_on(arguments: &Check, config: &Config) -> Severity {
    arguments.fail_on.or(config.fail_on).unwrap_or(Severity::Medium)
}

/// The least of them.
fn least(arguments: &Check, run: &Run) -> Severity {
    let config = &run.setup.config;
    std::iter::once(config).chain(&config.parts).map(|config| fail_on(arguments, config)).min().unwrap_or(Severity::Medium)
}

/// The configuration of a check: at the gate only one that is named, or that of the base.
fn in_force(arguments: &Check, against: &Against) -> Result<Config, CliError> {
    let inputs = &arguments.inputs;
    match &against.base {
        _ if inputs.isolated || inputs.config.is_some() || !arguments.gate => config(inputs),
        None => Ok(Config::default()),
        Some(base) => {
            let folders = folders(inputs);
            let first = folders.first().map_or(Path::new("."), PathBuf::as_path);
            let mut config = Config::of_revision(base, first)?;
            if folders.iter().skip(1).any(|folder| Config::of_revision(base, folder).is_ok_and(|other| other.path != config.path)) {
                return Err(CliError::Run(format!(
                    "the paths have different configurations in `{}`: check them one by one, or name one with `--config`",
                    base.name()
                )));
            }
            config.see(&folders);
            Ok(config)
        }
    }
}

fn verdict(arguments: &Check, run: &Run) -> u8 {
    if arguments.exit_zero {
        return CLEAN;
    }
    let (skipped, undecided) = (run.coverage.files_skipped.len(), run.coverage.open().count());
    let mut open = Vec::new();
    if skipped > 0 {
        open.push(format!("{} not read, or not read whole", count(skipped, "place")));
    }
    if undecided > 0 {
        open.push(format!("{} not decided", count(undecided, "place")));
    }
    let flag = if arguments.gate { "--gate" } else { "--strict" };
    if (arguments.strict || arguments.gate) && !open.is_empty() {
        let _ = writeln!(anstream::stderr(), "fedlint: {}, and {flag} is set", open.join(", "));
        return FAILED;
    }
    if arguments.fail_on_undecided && undecided > 0 {
        let _ = writeln!(anstream::stderr(), "fedlint: {} not decided, and --fail-on-undecided is set", count(undecided, "place"));
        return FINDINGS;
    }
    let fails = |f: &Finding| {
        let file = run.sources.get(f.span.file);
        let config = file.map_or(&run.setup.config, |file| run.setup.config.at(&file.path));
        f.severity >= fail_on(arguments, config)
    };
    if run.findings.iter().any(fails) { FINDINGS } else { CLEAN }
}

/// Reads and judges; nothing read is no answer.
pub(super) fn read(inputs: &Inputs, request: &Request) -> Result<Run, CliError> {
    let run = with_progress(|| pipeline::check(request)).map_err(|e| CliError::Run(e.to_string()))?;
    if run.coverage.files_read == 0 {
        return Err(CliError::Run(nothing_read(inputs, &run)));
    }
    Ok(run)
}

/// The baseline that the configuration names: it must stand in the configuration's repository.
pub(super) fn configured_baseline(config: &Config) -> Result<Option<Baseline>, CliError> {
    config.baseline.as_deref().map(|path| read_baseline(path, config.held())).transpose()
}

fn read_baseline(path: &Path, held: Held<'_>) -> Result<Baseline, CliError> {
    let wrong = |why: String| CliError::Run(format!("cannot read the baseline `{}`: {why}", path.display()));
    let text = held.text(path, regular::MAX_FILE_BYTES).map_err(wrong)?;
    let hidden = "what the link leads to is no baseline (a file that is linked to is not shown)";
    Baseline::parse(&text).map_err(|why| wrong(if held.is_plain(path) { why } else { hidden.to_owned() }))
}

fn nothing_read(inputs: &Inputs, run: &Run) -> String {
    let paths: Vec<String> = inputs.paths.iter().map(|p| format!("`{}`", regular::one_line(&p.to_string_lossy()))).collect();
    let excluded = match run.coverage.files_excluded {
        0 => String::new(),
        n => format!(
            " ({} left out by exclusions{})",
            count(n, "path"),
            run.setup.config_path.as_ref().map(|p| format!(", see `{p}`")).unwrap_or_default()
        ),
    };
    let reasons: Vec<String> = run
        .coverage
        .files_skipped
        .iter()
        .map(|s| format!("\n  {}: {}", regular::one_line(&s.path), regular::one_line(&s.reason)))
        .collect();
    format!(
        "nothing to check in {}: no Terraform, JSON or YAML file was read{excluded}; name the folder of the infrastructure{}",
        paths.join(", "),
        reasons.concat()
    )
}

/// The configuration of a command that reads files: one for the whole run.
pub(super) fn config(inputs: &Inputs) -> Result<Config, CliError> {
    if inputs.isolated {
        return Ok(Config::default());
    }
    let folders = folders(inputs);
    let first = folders.first().map_or(Path::new("."), PathBuf::as_path);
    if inputs.config.is_none() {
        one_configuration(&folders)?;
    }
    let mut config = Config::load(inputs.config.as_deref(), first)?;
    config.speak_of(first);
    config.reads_parts = inputs.config.is_none();
    config.see(&folders);
    Ok(config)
}

/// The folders of what is read.
fn folders(inputs: &Inputs) -> Vec<PathBuf> {
    let here = || PathBuf::from(".");
    let folder = |path: &PathBuf| {
        if path.is_dir() {
            return path.clone();
        }
        path.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(here, Path::to_path_buf)
    };
    if inputs.paths.iter().any(|p| p == Path::new("-")) { vec![here()] } else { inputs.paths.iter().map(folder).collect() }
}

/// Paths with different configurations are not read together: one of them would be judged under another's word.
fn one_configuration(folders: &[PathBuf]) -> Result<(), CliError> {
    let Some(first) = folders.first() else { return Ok(()) };
    let found = Config::discover(first);
    let told = |path: &Option<PathBuf>| path.as_ref().map_or("none".to_owned(), |p| format!("`{}`", p.display()));
    for other in folders.iter().skip(1) {
        let another = Config::discover(other);
        if another != found {
            return Err(CliError::Run(format!(
                "`{}` and `{}` have different configurations ({} and {}): check the folder above both, check them one by one, or name one with `--config`",
                first.display(),
                other.display(),
                told(&found),
                told(&another)
            )));
        }
    }
    Ok(())
}

fn selection(arguments: &Check, config: &Config) -> Result<Selection, CliError> {
    let ids = |names: &[String], flag: &str| -> Result<BTreeSet<RuleId>, CliError> {
        names.iter().map(|n| Ok(config.known_rule(n, &format!("`{flag}`"))?.meta.id)).collect()
    };
    Ok(Selection {
        select: ids(&arguments.select, "--select")?,
        ignore: ids(&arguments.ignore, "--ignore")?,
        min_severity: arguments.min_severity,
        min_confidence: arguments.min_confidence,
        no_ignores: arguments.no_ignores,
        no_comments: arguments.gate,
    })
}

/// The request of a command that reads files; `-` is standard input.
pub(super) fn request(inputs: &Inputs, config: Config, selection: Selection) -> Result<Request, CliError> {
    let stdin = inputs.paths.iter().any(|p| p == Path::new("-"));
    let input = if stdin {
        if inputs.paths.len() > 1 {
            return Err(CliError::Run("`-` cannot be combined with other paths".to_owned()));
        }
        let Some(name) = &inputs.stdin_filename else {
            return Err(CliError::Run("reading standard input needs `--stdin-filename NAME`: its ending tells the format".to_owned()));
        };
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(MAX_STDIN + 1)
            .read_to_string(&mut text)
            .map_err(|e| CliError::Run(format!("cannot read standard input: {e}")))?;
        if text.len() as u64 > MAX_STDIN {
            return Err(CliError::Run(format!("standard input is larger than {} MiB: name the file instead", MAX_STDIN >> 20)));
        }
        Input::Memory(vec![(name.clone(), text)])
    } else if inputs.stdin_filename.is_some() {
        return Err(CliError::Run("`--stdin-filename` names what comes on standard input: give the path `-` with it".to_owned()));
    } else {
        Input::Paths(inputs.paths.clone())
    };
    let repository = repository::own(inputs, &config, true).filter(|_| matches!(input, Input::Paths(_)));
    Ok(Request {
        input,
        exclude: inputs.exclude.clone(),
        no_gitignore: false,
        gitignore_of: None,
        markdown: inputs.markdown,
        config,
        selection,
        baseline: None,
        repository,
        overview: false,
        revision: None,
    })
}

/// Shows a spinner on a terminal when the work takes longer than half a second.
pub(super) fn with_progress<T>(work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let bar = ProgressBar::hidden();
    if let Ok(style) = ProgressStyle::with_template("{spinner} reading and judging ({elapsed})") {
        bar.set_style(style);
    }
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let shown = bar.clone();
    let ticker = std::thread::spawn(move || {
        if wait.recv_timeout(PROGRESS_AFTER).is_err() {
            shown.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            while wait.recv_timeout(Duration::from_millis(100)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                shown.tick();
            }
        }
    });
    let result = work();
    drop(done);
    let _ = ticker.join();
    bar.finish_and_clear();
    result
}

//! `fedlint check`.

use super::args::{Check, Colour, Format, Inputs};
use super::{CLEAN, CliError, FAILED, FINDINGS, print};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::config::{Config, known_rule};
use crate::pipeline::{self, Input, Request};
use crate::report::{Run, human, json, sarif};
use crate::rules::engine::Selection;
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
    let config = config(&arguments.inputs)?;
    let fail_on = arguments.fail_on.or(config.fail_on).unwrap_or(Severity::Medium);
    let selection = selection(arguments, &config)?;
    let request = request(&arguments.inputs, config, selection)?;
    let run = with_progress(|| pipeline::check(&request)).map_err(|e| CliError::Run(e.to_string()))?;
    if run.coverage.files_read == 0 {
        return Err(CliError::Run(nothing_read(&arguments.inputs, &run)));
    }
    write(arguments, &render(arguments, &run)?)?;
    let unparsed = arguments.strict && !run.coverage.files_skipped.is_empty();
    if unparsed {
        let _ = writeln!(
            anstream::stderr(),
            "fedlint: {} could not be read whole, and --strict is set",
            count(run.coverage.files_skipped.len(), "file")
        );
        return Ok(FAILED);
    }
    let failed = !arguments.exit_zero && run.findings.iter().any(|f| f.severity >= fail_on);
    Ok(if failed { FINDINGS } else { CLEAN })
}

fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

fn nothing_read(inputs: &Inputs, run: &Run) -> String {
    let paths: Vec<String> = inputs.paths.iter().map(|p| format!("`{}`", p.display())).collect();
    let reasons: Vec<String> = run.coverage.files_skipped.iter().map(|s| format!("\n  {}: {}", s.path, s.reason)).collect();
    format!(
        "nothing to check in {}: no Terraform, JSON or YAML file was read; name the folder of the infrastructure{}",
        paths.join(", "),
        reasons.concat()
    )
}

/// The configuration of a command that reads files.
pub(super) fn config(inputs: &Inputs) -> Result<Config, CliError> {
    if inputs.isolated {
        return Ok(Config::default());
    }
    let folder = inputs.paths.first().filter(|p| p.is_dir()).map_or_else(|| PathBuf::from("."), Clone::clone);
    Ok(Config::load(inputs.config.as_deref(), &folder)?)
}

fn selection(arguments: &Check, config: &Config) -> Result<Selection, CliError> {
    let ids = |names: &[String], flag: &str| -> Result<BTreeSet<RuleId>, CliError> {
        names.iter().map(|n| Ok(known_rule(n, &format!("`{flag}`"))?.meta.id)).collect()
    };
    Ok(Selection {
        select: ids(&arguments.select, "--select")?,
        ignore: ids(&arguments.ignore, "--ignore")?,
        min_severity: arguments.min_severity.or(config.min_severity),
        min_confidence: arguments.min_confidence.or(config.min_confidence),
        no_ignores: arguments.no_ignores,
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
    Ok(Request { input, exclude: inputs.exclude.clone(), config, selection })
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

fn render(arguments: &Check, run: &Run) -> Result<String, CliError> {
    Ok(match arguments.format {
        Format::Json => json::render(run)?,
        Format::Sarif => sarif::render(run)?,
        Format::Human => {
            let terminal = arguments.output.is_none() && std::io::stdout().is_terminal();
            let wanted = match arguments.color {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            };
            let style = human::Style { colour: wanted, links: wanted && terminal, width: 110 };
            human::render(run, style)
        }
    })
}

fn write(arguments: &Check, text: &str) -> Result<(), CliError> {
    match &arguments.output {
        None => print(text, arguments.color),
        Some(path) => {
            std::fs::write(path, text).map_err(|e| CliError::Run(format!("cannot write the report to `{}`: {e}", path.display())))
        }
    }
}

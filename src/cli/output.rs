//! Where the reports of `fedlint check` go, and in which format.

use super::args::{Check, Colour, Format};
use super::terminal::terminal;
use super::{CliError, print};
use crate::catalogue::Severity;
use crate::report::{Run, concise, github, gitlab, human, json, junit, markdown, narrated, sarif};
use clap::ValueEnum as _;
use std::path::PathBuf;

/// One report.
struct Output {
    format: Format,
    /// None for standard output.
    file: Option<PathBuf>,
}

/// Writes the reports that were asked for.
pub(super) fn write(arguments: &Check, run: &Run, fail_on: Severity) -> Result<(), CliError> {
    for Output { format, file } in outputs(arguments)? {
        let text = render(arguments, run, fail_on, format, file.is_some())?;
        match file {
            None => {
                let coloured = format == Format::Human && terminal(arguments.color, false).colour;
                print(&text, if coloured { Colour::Always } else { Colour::Never })?;
            }
            Some(path) => {
                std::fs::write(&path, text).map_err(|e| CliError::Run(format!("cannot write the report to `{}`: {e}", path.display())))?;
            }
        }
    }
    Ok(())
}

fn outputs(arguments: &Check) -> Result<Vec<Output>, CliError> {
    let mut out: Vec<Output> = arguments.output.iter().map(|text| output(text, arguments.format)).collect();
    if out.is_empty() {
        out.push(Output { format: arguments.format, file: None });
    }
    if out.iter().filter(|o| o.file.is_none()).count() > 1 {
        return Err(CliError::Run("two reports on standard output cannot be told apart: write one of them to a file".to_owned()));
    }
    Ok(out)
}

/// `sarif=results.sarif`, or a file for the format of `--format`. A file whose name starts like that is written `./sarif=x`.
fn output(text: &str, format: Format) -> Output {
    let named = text.split_once('=').and_then(|(name, file)| Some((Format::from_str(name, false).ok()?, file)));
    let (format, file) = named.unwrap_or((format, text));
    Output { format, file: (file != "-").then(|| PathBuf::from(file)) }
}

fn render(arguments: &Check, run: &Run, fail_on: Severity, format: Format, to_file: bool) -> Result<String, CliError> {
    Ok(match format {
        Format::Human => human::render(run, style(arguments, run, fail_on, to_file)),
        Format::Narrated => narrated::render(run),
        Format::Concise => concise::render(run),
        Format::Json => json::render(run)?,
        Format::Jsonl => json::render_lines(run)?,
        Format::Sarif => sarif::render(run)?,
        Format::Github => github::render(run),
        Format::Gitlab => gitlab::render(run)?,
        Format::Junit => junit::render(run, fail_on),
        Format::Markdown => markdown::render(run),
    })
}

fn style(arguments: &Check, run: &Run, fail_on: Severity, to_file: bool) -> human::Style {
    let terminal = terminal(arguments.color, to_file);
    // Whoever says from where on they want to see findings sees them; what fails the run is shown in any case.
    let asked = arguments.min_severity.or(run.setup.config.min_severity);
    let usual = asked.unwrap_or(Severity::Medium.min(fail_on));
    human::Style {
        colour: terminal.colour && !to_file,
        links: terminal.colour && terminal.is_terminal,
        unicode: terminal.unicode,
        width: terminal.width,
        shown: if arguments.verbose { Severity::Info } else { usual },
        verbose: arguments.verbose,
    }
}

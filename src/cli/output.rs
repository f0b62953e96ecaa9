//! Where the reports of `fedlint check` go, and in which format.

use super::args::{Check, Colour};
use super::terminal::terminal;
use super::{CliError, print_as_it_is};
use crate::catalogue::Severity;
use crate::report::{Format, Own, Run, View, format_named, harmless, human};
use std::path::PathBuf;

/// One report.
struct Output {
    format: &'static Format,
    /// None for standard output.
    file: Option<PathBuf>,
}

/// Writes the reports that were asked for.
pub(super) fn write(arguments: &Check, run: &Run, fail_on: Severity) -> Result<(), CliError> {
    for Output { format, file } in outputs(arguments)? {
        let style = style(arguments, run, fail_on, file.is_some());
        let text = (format.render)(run, &View { fail_on, style })?;
        let own = match format.name {
            "github" => Own::Commands,
            _ if style.colour => Own::Colours,
            _ => Own::Nothing,
        };
        let text = harmless(&text, own);
        match file {
            None => {
                print_as_it_is(&text, if style.colour { Colour::Always } else { Colour::Never })?;
            }
            Some(path) => {
                std::fs::write(&path, text).map_err(|e| CliError::Run(format!("cannot write the report to `{}`: {e}", path.display())))?;
            }
        }
    }
    Ok(())
}

/// Whether one of the reports shows the estate.
pub(super) fn wants_overview(arguments: &Check) -> Result<bool, CliError> {
    Ok(outputs(arguments)?.iter().any(|output| output.format.overview))
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
fn output(text: &str, format: &'static Format) -> Output {
    let named = text.split_once('=').and_then(|(name, file)| Some((format_named(name)?, file)));
    let (format, file) = named.unwrap_or((format, text));
    Output { format, file: (file != "-").then(|| PathBuf::from(file)) }
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

//! The command line: arguments, and one file per command.

mod adopt;
pub mod args;
mod check;
mod configuration;
pub mod diff;
mod eval;
mod explain;
mod graph;
mod inventory;
mod output;
mod packaged;
mod reach;
mod repository;
mod revisions;
mod simulate;
mod simulate_job;
mod terminal;
mod test;
mod test_rules;

use crate::report::{Own, harmless};
use args::{Arguments, Command};
use clap::Parser as _;
use std::io::Write as _;
use std::process::ExitCode;

/// Exit code: nothing at or above `--fail-on`.
pub const CLEAN: u8 = 0;
/// Exit code: findings.
pub const FINDINGS: u8 = 1;
/// Exit code: the run itself failed.
pub const FAILED: u8 = 2;

/// What stops a run.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Bad configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The run could not be made.
    #[error("{0}")]
    Run(String),
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    /// A report could not be rendered.
    #[error("cannot render the report: {0}")]
    Render(#[from] serde_json::Error),
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { FAILED } else { CLEAN });
        }
    };
    match dispatch(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(CLEAN),
        Err(error) => {
            let text = crate::report::printable_lines(&error.to_string());
            let _ = writeln!(anstream::stderr(), "fedlint: {}", harmless(&text, Own::Nothing));
            ExitCode::from(FAILED)
        }
    }
}

fn dispatch(arguments: &Arguments) -> Result<u8, CliError> {
    match &arguments.command {
        Command::Check(check) => check::run(check),
        Command::Baseline(baseline) => adopt::baseline(baseline),
        Command::Waivers(waivers) => adopt::waivers(waivers),
        Command::Config(config) => configuration::show(config),
        Command::Init(init) => configuration::init(init),
        Command::Inventory(arguments) => inventory::run(arguments),
        Command::Who(arguments) => inventory::who(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Reach(arguments) => reach::run(arguments),
        Command::Graph(graph) => graph::run(graph),
        Command::Simulate(simulate) => simulate::run(simulate),
        Command::Test(test) => test::run(test),
        Command::Eval(eval) => eval::run(eval),
        Command::Explain(explain) => explain::explain(explain),
        Command::Rules(rules) => explain::rules(rules),
        Command::Completions { shell } => packaged::completions(*shell),
        Command::Man => packaged::man(),
    }
}

/// Writes to standard output what has no power over who reads it.
fn print(text: &str) -> Result<(), CliError> {
    print_as_it_is(&harmless(text, Own::Nothing), args::Colour::Never)
}

/// Writes to standard output a text that is known to be harmless; colours are taken out where they are not wanted.
fn print_as_it_is(text: &str, colour: args::Colour) -> Result<(), CliError> {
    let choice = match colour {
        args::Colour::Auto => anstream::ColorChoice::Auto,
        args::Colour::Always => anstream::ColorChoice::Always,
        args::Colour::Never => anstream::ColorChoice::Never,
    };
    let mut out = anstream::AutoStream::new(std::io::stdout(), choice).lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

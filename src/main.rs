//! The fedlint command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    fedlint::command_line()
}

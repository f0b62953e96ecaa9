//! What a package installs beside the program: `fedlint completions`, `fedlint man`.

use super::args::{Arguments, Colour};
use super::{CLEAN, CliError, print_as_it_is};
use clap::CommandFactory as _;

pub(super) fn completions(shell: clap_complete::Shell) -> Result<u8, CliError> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "fedlint", &mut out);
    print_as_it_is(&String::from_utf8_lossy(&out), Colour::Never)?;
    Ok(CLEAN)
}

pub(super) fn man() -> Result<u8, CliError> {
    let mut out = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut out)?;
    print_as_it_is(&String::from_utf8_lossy(&out), Colour::Never)?;
    Ok(CLEAN)
}

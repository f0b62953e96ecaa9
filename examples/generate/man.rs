//! The manual pages: one for the program, one for each command.

use clap::CommandFactory as _;
use fedlint::cli::args::Arguments;
use std::collections::BTreeMap;
use std::io;

pub(crate) fn pages() -> io::Result<BTreeMap<String, String>> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    // Gives every command its full name.
    program.build();
    let mut out = BTreeMap::from([page(&program)?]);
    for command in program.get_subcommands() {
        out.extend([page(command)?]);
    }
    Ok(out)
}

/// The path and the text of a page.
fn page(command: &clap::Command) -> io::Result<(String, String)> {
    let man = clap_mangen::Man::new(command.clone()).source(concat!("fedlint ", env!("CARGO_PKG_VERSION"))).manual("fedlint");
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((format!("docs/man/{}", man.get_filename()), String::from_utf8_lossy(&text).into_owned()))
}

//! Writes the examples of the rule files as small repositories, `FOLDER/bad/RULE/N` and `FOLDER/good/RULE/N`, to measure
//! other tools with them (docs/comparison.md).
//!
//! `cargo run --example rule_examples -- FOLDER`

#![allow(clippy::print_stderr)]

use fedlint::catalogue::catalogue;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

fn main() -> io::Result<ExitCode> {
    let Some(folder) = env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: rule_examples FOLDER");
        return Ok(ExitCode::FAILURE);
    };
    for rule in catalogue() {
        for (number, example) in rule.examples.iter().enumerate() {
            let kind = if example.bad { "bad" } else { "good" };
            let repository = folder.join(kind).join(rule.meta.id.as_str()).join(number.to_string());
            for file in &example.files {
                let path = repository.join(&file.path);
                fs::create_dir_all(path.parent().unwrap_or(&repository))?;
                fs::write(path, &file.text)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

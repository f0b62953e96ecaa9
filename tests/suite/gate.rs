//! The gate of a pull request: the checked tree is hostile, whoever set up the gate is not. Each test is a row of the table in
//! `docs/security.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder, findings, json, run};
use serde_json::Value;
use std::process::Command;

/// A repository with these files, all of them tracked; none where there is no git.
fn repository(files: &[(&str, &str)]) -> Option<Folder> {
    let folder = Folder::new();
    files.iter().for_each(|(path, text)| folder.write(path, text.as_bytes()));
    track(&folder).then_some(folder)
}

/// Makes a folder a repository that tracks all that is in it.
fn track(folder: &Folder) -> bool {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "init.defaultBranch=main", "-c", "core.excludesFile="]).args(arguments).current_dir(folder.path());
        git.output().is_ok_and(|out| out.status.success())
    };
    let done = git(&["init", "--quiet"]) && git(&["add", "--force", "--all", "."]);
    if !done {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: there is no git");
        }
    }
    done
}

/// The exit code and the report.
fn checked(folder: &Folder, more: &[&str]) -> (i32, Value) {
    let out = run(folder, &[&["check", ".", "--format", "json"], more].concat(), None);
    (out.status.code().unwrap(), json(&out))
}

fn found(report: &Value, path: &str) -> bool {
    findings(report).iter().any(|f| f["path"] == path && f["rule"] == "missing-subject")
}

fn told(report: &Value, words: &str) -> bool {
    report["coverage"]["files_skipped"].to_string().contains(words)
}

#[test]
fn gitignore_hides_nothing_that_is_tracked() {
    let call = "module \"m\" {\n  source = \"./infra\"\n}\n";
    for files in [
        &[(".gitignore", "infra/\n"), ("infra/bad.tf", BAD)][..],
        &[("infra/.gitignore", "*\n"), ("infra/bad.tf", BAD)],
        &[(".gitignore", "*\n!main.tf\n"), ("main.tf", call), ("infra/bad.tf", BAD)],
    ] {
        let Some(folder) = repository(files) else { return };
        for more in [&[][..], &["--gate"]] {
            let (code, report) = checked(&folder, more);
            assert!(code == 1 && found(&report, "infra/bad.tf"), "{files:?}: {report}");
        }
    }
}

#[test]
fn gitignore_hides_no_module_that_scanned_code_calls() {
    let call = "module \"m\" {\n  source = \"./infra\"\n}\n";
    let Some(folder) = repository(&[(".gitignore", "infra/\n"), ("main.tf", call)]) else { return };
    folder.write("infra/bad.tf", BAD.as_bytes());
    let (code, report) = checked(&folder, &[]);
    assert!(code == 1 && found(&report, "infra/bad.tf"), "{report}");
    assert_eq!(report["coverage"]["files_ignored"], 1);
}

#[test]
fn what_is_skipped_by_its_name_is_told_and_fails_the_gate() {
    for name in ["node_modules", ".terraform", "site-packages", "vendor", ".svn", ".hg", ".jj"] {
        let path = format!("{name}/x/bad.tf");
        let Some(folder) = repository(&[("vendor/modules.txt", ""), (&path, BAD), ("main.tf", "locals {}\n")]) else { return };
        let (code, report) = checked(&folder, &[]);
        assert!(code == 0 && told(&report, "skipped by its name, with 1 files"), "{name}: {report}");
        assert_eq!(checked(&folder, &["--gate"]).0, 2);
        // whoever called it by its path asked for it
        let call = format!("module \"m\" {{\n  source = \"./{name}/x\"\n}}\n");
        folder.write("main.tf", call.as_bytes());
        assert!(found(&checked(&folder, &[]).1, &path), "{name}");
    }
}

#[test]
fn the_configuration_of_the_tree_rules_only_outside_of_the_gate() {
    for configuration in [
        "exclude = [\"infra/**\"]",
        "[rules.missing-subject]\nseverity = \"off\"",
        "[rules.missing-subject]\nseverity = \"info\"",
        "fail-on = \"critical\"\n[rules.missing-subject]\nseverity = \"high\"",
        "min-confidence = \"proven\"\nmin-severity = \"critical\"\n[rules.missing-subject]\nseverity = \"low\"",
        "[[ignore]]\nrule = \"missing-subject\"\nreason = \"x\"",
        "this is not TOML",
    ] {
        let folder = Folder::new();
        folder.write("infra/bad.tf", BAD.as_bytes());
        folder.write("main.tf", b"locals {}\n");
        folder.write("fedlint.toml", configuration.as_bytes());
        let (code, report) = checked(&folder, &["--gate"]);
        assert!(code == 1 && found(&report, "infra/bad.tf"), "{configuration}: {report}");
        assert!(report["configuration"].is_null() && report["setup"]["gate"] == true);
        let plain = run(&folder, &["check", ".", "--format", "json"], None);
        assert_ne!(plain.status.code(), Some(1), "{configuration}");
        if plain.status.code() == Some(0) {
            // what is not reported is told, with who said so
            let report = json(&plain);
            assert_eq!(report["configuration"], "fedlint.toml");
            let counts = [&report["setup"]["unreported"], &report["coverage"]["files_excluded"]];
            let some = counts.iter().any(|n| n.as_u64() > Some(0)) || !report["suppressed"].as_array().unwrap().is_empty();
            assert!(some || found(&report, "infra/bad.tf"), "{configuration}: {report}");
        }
    }
}

#[test]
fn rules_that_are_off_are_named_in_every_report() {
    let folder = Folder::new();
    folder.write("bad.tf", BAD.as_bytes());
    folder.write("fedlint.toml", b"[rules.missing-subject]\nseverity = \"off\"\n[rules.CKV_AWS_358]\nseverity = \"off\"\n");
    for format in ["human", "narrated", "concise", "json", "jsonl", "sarif", "github", "junit", "markdown"] {
        let out = run(&folder, &["check", ".", "--format", format], None);
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains("fedlint.toml") && text.contains("missing-subject"), "{format}: {text}");
    }
}

#[test]
fn a_trusted_configuration_from_elsewhere_speaks_of_the_checked_tree() {
    let own = Folder::new();
    own.write(
        "fedlint.toml",
        b"exclude = [\"sandbox/**\"]\n[[ignore]]\nrule = \"missing-subject\"\npath = \"known/**\"\nreason = \"known\"\n",
    );
    let folder = Folder::new();
    for path in ["sandbox/bad.tf", "known/bad.tf", "new/bad.tf"] {
        folder.write(path, format!("# fedlint: ignore[missing-subject] mine\n{BAD}").as_bytes());
    }
    folder.write("fedlint.toml", b"exclude = [\"**\"]\n");
    let path = own.path().join("fedlint.toml").display().to_string();
    let (code, report) = checked(&folder, &["--gate", "--config", &path]);
    let paths: Vec<&str> = findings(&report).iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!((code, paths), (1, vec!["new/bad.tf"]), "{report}");
    assert_eq!(report["suppressed"][0]["path"], "known/bad.tf");
    assert_eq!(report["coverage"]["files_excluded"], 1);
}

#[test]
fn ignore_comments_are_counted_and_not_obeyed_by_the_gate() {
    let folder = Folder::new();
    folder.write("bad.tf", format!("# fedlint: ignore[CKV_AWS_358] mine\n{BAD}").as_bytes());
    let (code, report) = checked(&folder, &[]);
    assert_eq!((code, report["suppressed"].as_array().map(Vec::len)), (0, Some(1)), "{report}");
    let human = run(&folder, &["check", "."], None);
    assert!(String::from_utf8_lossy(&human.stdout).contains("suppressed: 1 by comments"));
    let (code, report) = checked(&folder, &["--gate"]);
    assert!(code == 1 && found(&report, "bad.tf") && report["suppressed"].as_array().unwrap().is_empty(), "{report}");
}

#[test]
fn nothing_above_the_repository_is_obeyed() {
    let Some(folder) = repository(&[("bad.tf", BAD)]) else { return };
    let above = Folder::new();
    let moved = above.path().join("r");
    std::fs::rename(folder.path(), &moved).unwrap();
    above.write(".gitignore", b"*\n");
    above.write("fedlint.toml", b"[rules.missing-subject]\nseverity = \"off\"\n");
    let (code, report) = checked(&above, &["--config", "fedlint.toml"]);
    assert!(code == 0 && !found(&report, "r/bad.tf"), "the file itself is good");
    let inside = |path: &str| json(&run(&above, &["check", path, "--format", "json"], None));
    assert!(found(&inside("r"), "r/bad.tf"));
    // without a repository what is given is the root
    std::fs::remove_dir_all(moved.join(".git")).unwrap();
    let report = inside("r");
    assert!(found(&report, "r/bad.tf") && report["configuration"].is_null(), "{report}");
}

#[test]
fn what_was_not_read_fails_the_gate() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(BAD.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin = [b"# caf\xe9\n".as_slice(), BAD.as_bytes()].concat();
    let padded = format!("{BAD}# {}", "x".repeat(17 << 20));
    let deep = BAD.replace("\"2012-10-17\"", &format!("{}\"2012-10-17\"{}", "(".repeat(5_000), ")".repeat(5_000)));
    for bytes in [utf16, latin, padded.into_bytes(), deep.into_bytes(), [b"# \0\n".as_slice(), BAD.as_bytes()].concat()] {
        let folder = Folder::new();
        folder.write("bad.tf", &bytes);
        folder.write("main.tf", b"locals {}\n");
        let (_, report) = checked(&folder, &[]);
        assert!(found(&report, "bad.tf") || told(&report, "bad.tf"), "{report}");
        assert_ne!(checked(&folder, &["--gate"]).0, 0);
        assert_eq!(checked(&folder, &["--gate", "--exit-zero"]).0, 0);
    }
}

#[cfg(unix)]
#[test]
fn names_and_links_that_hide_files_are_told() {
    use std::os::unix::ffi::OsStrExt as _;
    let elsewhere = Folder::new();
    elsewhere.write("bad.tf", BAD.as_bytes());
    let folder = Folder::new();
    folder.write("main.tf", b"locals {}\n");
    std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"n\xff.tf")), BAD).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("infra")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("bad.tf"), folder.path().join("link.tf")).unwrap();
    let (code, report) = checked(&folder, &[]);
    for words in ["not UTF-8", "a link to a folder", "a link that leads out"] {
        assert!(told(&report, words), "{words}: {report}");
    }
    assert_eq!((code, checked(&folder, &["--gate"]).0), (0, 2));
}

#[test]
fn what_was_not_decided_fails_when_that_is_asked_for() {
    let policy = "variable \"p\" {\n  type = string\n}\nresource \"aws_iam_role\" \"open\" {\n  assume_role_policy = var.p\n}\n";
    let condition = "resource \"google_iam_workload_identity_pool_provider\" \"p\" {\n  workload_identity_pool_id = \"pool\"\n  workload_identity_pool_provider_id = \"prov\"\n  attribute_mapping = { \"google.subject\" = \"assertion.sub\" }\n  attribute_condition = \"assertion.repository_owner_id == '5150' || assertion.sub.matches('.*a.{20}.*')\"\n  oidc {\n    issuer_uri = \"https://token.actions.githubusercontent.com\"\n  }\n}\n";
    for text in [policy, condition] {
        let folder = Folder::new();
        folder.write("a.tf", text.as_bytes());
        let (code, report) = checked(&folder, &[]);
        assert!(code == 0 && !report["coverage"]["undecided"].as_array().unwrap().is_empty(), "{report}");
        assert_eq!(checked(&folder, &["--fail-on-undecided"]).0, 1);
        assert_eq!(checked(&folder, &["--strict"]).0, 2);
        assert_eq!(checked(&folder, &["--gate"]).0, 2);
    }
    // what is decided is decided: a good role passes the gate, and one that is switched off is told
    let good = BAD.replace(
        "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"",
        "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\", \"token.actions.githubusercontent.com:sub\" = \"repo:octo@5150/app@77:environment:production\"",
    );
    let off = good.replace("\"bad\"", "\"off\"").replacen("{\n", "{\n  count = var.on == \"yes\" ? 1 : 0\n", 1);
    let folder = Folder::new();
    folder.write("a.tf", format!("variable \"on\" {{\n  default = \"no\"\n}}\n{good}{off}").as_bytes());
    let (code, report) = checked(&folder, &["--gate"]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["coverage"]["undecided"][0]["cause"], "absent", "{report}");
}

#[test]
fn files_of_other_tools_and_other_spellings_hide_nothing() {
    let returns = BAD.replace("\"bad\"", "\"old\"").replace('\n', "\r");
    let newer = BAD.replace("\"bad\"", "\"new\"");
    for (name, text) in
        [(".ignore", "*\n"), (".fedlintignore", "*\n"), (".terraformignore", "*\n"), (".rgignore", "*\n"), (".git/info/exclude", "*\n")]
    {
        let Some(folder) = repository(&[("infra/bad.tf", BAD), ("old.tf", &returns), ("new.tofu", &newer)]) else { return };
        folder.write(name, text.as_bytes());
        for more in [&[][..], &["--gate"]] {
            let (code, report) = checked(&folder, more);
            let all = ["infra/bad.tf", "old.tf", "new.tofu"].iter().all(|path| found(&report, path));
            assert!(code == 1 && all, "{name}: {report}");
        }
    }
}

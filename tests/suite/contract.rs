//! The contract of the reports: the fields of the JSON form, the places of SARIF, fingerprints that do not move with
//! lines, and the same bytes from every run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder, check, findings, json, run, run_with};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn brightloaf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos/brightloaf")
}

fn report(format: &str) -> Value {
    json(&run_with(&brightloaf(), &["check", ".", "--isolated", "--format", format], None, &[]))
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn json_has_the_fields_of_version_1() {
    let report = report("json");
    assert_eq!(
        keys(&report),
        BTreeSet::from(["version", "tool", "configuration", "setup", "findings", "suppressed", "coverage", "summary"])
    );
    assert_eq!(report["version"], 1);
    assert_eq!(
        keys(&report["coverage"]),
        BTreeSet::from(["files_read", "files_excluded", "files_ignored", "files_skipped", "trusts", "undecided"])
    );
    assert_eq!(keys(&report["summary"]), BTreeSet::from(["critical", "high", "medium", "low", "info"]));
    assert!(!findings(&report).is_empty());
    for finding in findings(&report) {
        let fields = [
            "rule",
            "category",
            "severity",
            "confidence",
            "path",
            "line",
            "column",
            "end_line",
            "end_column",
            "identity",
            "message",
            "label",
            "help",
            "edit",
            "witness",
            "related",
            "fingerprint",
        ];
        assert_eq!(keys(finding), BTreeSet::from(fields));
        assert!(["exposure", "broken", "hygiene"].contains(&finding["category"].as_str().unwrap()));
        assert!(["proven", "likely"].contains(&finding["confidence"].as_str().unwrap()));
        for related in finding["related"].as_array().unwrap() {
            assert_eq!(keys(related), BTreeSet::from(["path", "line", "column", "message"]));
        }
    }
    let counted: u64 = report["summary"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(counted as usize, findings(&report).len());
}

#[test]
fn every_place_lies_in_its_file() {
    for finding in findings(&report("json")) {
        let text = std::fs::read_to_string(brightloaf().join(finding["path"].as_str().unwrap())).unwrap();
        let lines: Vec<&str> = text.split('\n').collect();
        let (line, column) = (number(&finding["line"]), number(&finding["column"]));
        let (end_line, end_column) = (number(&finding["end_line"]), number(&finding["end_column"]));
        assert!((line, column) <= (end_line, end_column), "{finding}");
        for (line, column) in [(line, column), (end_line, end_column)] {
            assert!(line >= 1 && line <= lines.len() && column >= 1 && column <= lines[line - 1].chars().count() + 1, "{finding}");
        }
    }
}

#[test]
fn sarif_points_at_rules_and_places() {
    let log = report("sarif");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), findings(&report("json")).len());
    for result in results {
        assert_eq!(rules[number(&result["ruleIndex"])]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["fedlint/v2"].as_str().unwrap().len(), 32);
        let related = result["relatedLocations"].as_array().map_or(&[][..], Vec::as_slice);
        let ids: BTreeSet<usize> = related.iter().map(|r| number(&r["id"])).collect();
        assert_eq!(ids.len(), related.len());
        for location in result["locations"].as_array().unwrap().iter().chain(related) {
            let place = &location["physicalLocation"];
            let region = &place["region"];
            let at = |name: &str| number(&region[name]);
            assert!(at("startLine") >= 1 && at("startColumn") >= 1);
            assert!((at("startLine"), at("startColumn")) <= (at("endLine"), at("endColumn")), "{region}");
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.starts_with('/') && uri.bytes().all(|b| b.is_ascii_graphic()), "{uri}");
        }
    }
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let prints = |text: &str| {
        let folder = Folder::new();
        folder.write("main.tf", text.as_bytes());
        let report = json(&check(&folder, &[]));
        let prints: Vec<String> = findings(&report).iter().map(|f| f["fingerprint"].as_str().unwrap().to_owned()).collect();
        let lines: Vec<usize> = findings(&report).iter().map(|f| number(&f["line"])).collect();
        (prints, lines)
    };
    let (before, lines) = prints(BAD);
    let (after, moved) = prints(&format!("\n\n# more\n{BAD}"));
    assert!(!before.is_empty());
    assert_eq!(before, after);
    assert_eq!(lines.iter().map(|l| l + 3).collect::<Vec<_>>(), moved);
    let (other, _) = prints(&BAD.replace("\"bad\"", "\"other\""));
    assert_ne!(before, other, "another role is another problem");
}

#[test]
fn every_run_gives_the_same_bytes() {
    let forms: [&[&str]; 4] = [
        &["check", ".", "--isolated", "--format", "json"],
        &["check", ".", "--isolated", "--format", "sarif"],
        &["check", ".", "--isolated", "--color", "never"],
        &["graph", ".", "--isolated"],
    ];
    for form in forms {
        let once = |threads: &str| run_with(&brightloaf(), form, None, &[("RAYON_NUM_THREADS", threads)]).stdout;
        let first = once("4");
        assert!(!first.is_empty());
        assert_eq!(first, once("4"), "{form:?}");
        assert_eq!(first, once("1"), "{form:?}");
    }
}

/// The rules that are found in a file of this text.
fn rules(path: &str, text: &str) -> Vec<(String, String)> {
    let folder = Folder::new();
    folder.write(path, text.as_bytes());
    let report = json(&check(&folder, &[]));
    let pair = |f: &Value| (f["rule"].as_str().unwrap().to_owned(), f["message"].as_str().unwrap().to_owned());
    findings(&report).iter().map(pair).collect()
}

#[test]
fn ignore_comments_hide_their_finding_and_no_other() {
    assert_eq!(rules("a.tf", BAD).len(), 1);
    let first = "resource \"aws_iam_role\" \"bad\" {";
    let condition = "      Condition = {";
    for comment in ["# ", "// ", "/* "] {
        let close = if comment == "/* " { " */" } else { "" };
        let note = format!("{comment}fedlint: ignore[missing-subject] known{close}");
        for text in [
            format!("{note}\n{BAD}"),
            BAD.replace(first, &format!("{first} {note}")),
            BAD.replace(condition, &format!("      {note}\n{condition}")),
        ] {
            let found = rules("a.tf", &text);
            let placed = text.find("fedlint:") < text.find("Condition");
            assert!(placed && !found.iter().any(|(_, m)| m.contains("is not a rule")), "{found:?}");
            if !text.contains(&format!("{note}\n{condition}")) {
                assert!(found.is_empty(), "{text}\n{found:?}");
            }
        }
    }
    let unknown = rules("a.tf", &format!("# fedlint: ignore[no-such-rule] x\n{BAD}"));
    assert!(unknown.iter().any(|(r, _)| r == "missing-subject"));
    assert!(unknown.iter().any(|(r, m)| r == "unused-suppression" && m.contains("`no-such-rule` is not a rule")), "{unknown:?}");
}

#[test]
fn an_ignore_comment_ends_with_its_date() {
    let dated = |date: &str| rules("a.tf", &format!("# fedlint: ignore[missing-subject] known (until {date})\n{BAD}"));
    assert!(dated("2999-01-01").is_empty());
    let over = dated("2020-01-01");
    assert!(over.iter().any(|(r, _)| r == "missing-subject"), "{over:?}");
    assert!(over.iter().any(|(r, m)| r == "unused-suppression" && m.contains("2020-01-01")), "{over:?}");
}

#[test]
fn ignores_in_json_and_yaml() {
    let policy = |note: &str| {
        format!(
            "{{{note}\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\",\n\"Principal\": {{\"Federated\": \"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"}},\n\"Action\": \"sts:AssumeRoleWithWebIdentity\",\n\"Condition\": {{\"StringEquals\": {{\"token.actions.githubusercontent.com:aud\": \"sts.amazonaws.com\"}}}}}}]}}\n"
        )
    };
    assert_eq!(rules("a.json", &policy("")).len(), 1);
    assert_eq!(rules("a.json", &policy("\"//\": \"fedlint: ignore[missing-subject] known\",\n")), Vec::new());
}

#[test]
fn messages_name_the_place_and_what_to_do() {
    let folder = Folder::new();
    folder.write("a.tf", BAD.as_bytes());
    folder.write("bad.toml", b"fail-on = \"hihg\"\n");
    folder.write("rule.toml", b"[rules.wildcard-subjct]\nseverity = \"off\"\n");
    folder.write("empty/readme.txt", b"nothing\n");
    let cases: [(&[&str], &[&str]); 14] = [
        (&["check", "nowhere"], &["`nowhere`", "no such file or folder"]),
        (&["check", "empty"], &["`empty`", "name the folder"]),
        (&["check", ".", "--exclude", "["], &["`[` is not a glob"]),
        (&["check", ".", "--select", "wildcrd-subject"], &["`--select`", "did you mean `wildcard-subject`"]),
        (&["check", ".", "--ignore", "zzzzzzzz"], &["`--ignore`", "`fedlint rules`"]),
        (&["check", ".", "--config", "rule.toml"], &["`rule.toml`", "did you mean `wildcard-subject`"]),
        (&["check", ".", "--config", "bad.toml"], &["`bad.toml`", "line 1, column 11", "`high`"]),
        (&["check", ".", "--config", "gone.toml"], &["`gone.toml`", "cannot read"]),
        (&["check", ".", "--isolated", "--config", "bad.toml"], &["--isolated", "cannot be used with"]),
        (&["check", ".", "--wat"], &["--wat"]),
        (&["check", "-"], &["--stdin-filename"]),
        (&["check", ".", "--stdin-filename", "a.tf"], &["--stdin-filename", "`-`"]),
        (&["check", ".", "--output", "gone/x"], &["`gone/x`", "cannot write"]),
        (&["explain", "wildcard-subjct"], &["did you mean `wildcard-subject`"]),
    ];
    for (arguments, parts) in cases {
        let out = run(&folder, arguments, None);
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}: {said}");
        for part in parts {
            assert!(said.contains(part), "{arguments:?} should say {part}: {said}");
        }
        assert!(!said.trim_end().ends_with('.') || said.starts_with("error:"), "{said}");
    }
    let piped = run(&folder, &["check", "-", "--stdin-filename", "x.tf", "--format", "json"], Some(BAD.as_bytes()));
    assert_eq!(piped.status.code(), Some(1));
    assert_eq!(findings(&json(&piped))[0]["path"], "x.tf");
}

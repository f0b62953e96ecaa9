//! Names, paths and values of the checked tree have no power over who reads a report: no line of it is a command of a job's runner,
//! no character of it moves a cursor or reorders text, and no line is told that is not ours. One test for each form of output.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder, run};

/// What a name may be made of to be taken for something else.
const EVIL: &str = "x\n::error file=a,line=1::pwned\n0 findings\r\t\u{1b}[31m\u{7}\u{85}\u{202e}\u{2066}\u{2028} ##[add-mask]pwned ##vso[task.setvariable]x %0A::set-output";

/// As [`EVIL`], for a name of a file.
const PATH: &str = "x\n::error file=a::pwned\n\u{1b}[31m\u{202e} ##[group]pwned";

fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7}', "\\u0007").replace("\\u001b", "\u{1b}")
}

/// A tree with the text in every place that reports speak of.
fn evil() -> Folder {
    let folder = Folder::new();
    let name = literal(EVIL);
    let sub = format!("StringLike = {{ \"token.actions.githubusercontent.com:sub\" = {} }}", literal(&format!("repo:{EVIL}*")));
    let role = BAD.replace("\"bad\"", &name).replace("Condition = {", &format!("Condition = {{ {sub},"));
    folder.write(&format!("{PATH}.tf"), role.as_bytes());
    folder.write("::error::pwned.tf", BAD.as_bytes());
    folder.write("##[error]pwned.json", b"{\"AssumeRoleWithWebIdentity\": [}");
    let commented = BAD.replace("\"bad\"", "\"accepted\"").replacen(
        "resource",
        &format!("# fedlint: ignore[missing-subject] {}\nresource", EVIL.replace(['\n', '\r'], " ")),
        1,
    );
    folder.write("accepted.tf", commented.as_bytes());
    let account = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {}\n  namespace: {}\n  annotations:\n    eks.amazonaws.com/role-arn: {}\n",
        serde_json::Value::from(EVIL),
        serde_json::Value::from(EVIL),
        serde_json::Value::from(EVIL)
    );
    folder.write("sa.yaml", account.as_bytes());
    let provider = format!(
        "resource \"google_iam_workload_identity_pool_provider\" {name} {{\n  workload_identity_pool_id = {name}\n  workload_identity_pool_provider_id = \"p\"\n  attribute_mapping = {{ \"google.subject\" = {name} }}\n  attribute_condition = {name}\n  oidc {{\n    issuer_uri = {}\n  }}\n}}\nresource \"aws_iam_role\" \"open\" {{\n  assume_role_policy = data.external.x[{name}]\n}}\n",
        literal(&format!("https://{EVIL}"))
    );
    folder.write("provider.tf", provider.as_bytes());
    folder
}

/// No line of the text is a command, and nothing in it is invisible or moves.
fn harmless(text: &str, what: &str) {
    for (at, c) in text.char_indices() {
        let bad = (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
        assert!(!bad, "{what}: {c:?} in {:?}", text[..at].lines().last());
    }
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::"), "{what}: {line}");
        assert!(!line.trim_start().starts_with("0 findings"), "{what}: {line}");
        for command in ["##[", "##vso["] {
            assert!(!line.contains(command), "{what}: {line}");
        }
    }
}

fn told(folder: &Folder, arguments: &[&str]) -> String {
    let out = run(folder, arguments, None);
    harmless(&String::from_utf8_lossy(&out.stderr), &format!("errors of {arguments:?}"));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(!text.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    text
}

fn form(arguments: &[&str]) {
    harmless(&told(&evil(), arguments), &format!("{arguments:?}"));
}

#[test]
fn the_human_report_is_harmless() {
    form(&["check", ".", "--verbose"]);
    form(&["check", ".", "--no-ignores", "--color", "never"]);
}

#[test]
fn colours_are_the_only_escapes_of_a_coloured_report() {
    let text = told(&evil(), &["check", ".", "--verbose", "--color", "always"]);
    let plain = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap().replace_all(&text, "").into_owned();
    harmless(&plain, "without colours");
    assert!(!text.contains("\u{1b}[31mx"), "{text}");
}

#[test]
fn the_narrated_report_is_harmless() {
    form(&["check", ".", "--format", "narrated"]);
}

#[test]
fn the_concise_report_is_harmless() {
    form(&["check", ".", "--format", "concise"]);
}

#[test]
fn the_json_reports_are_harmless_and_json() {
    for format in ["json", "jsonl", "sarif", "gitlab"] {
        let text = told(&evil(), &["check", ".", "--format", format]);
        harmless(&text, format);
        let whole = serde_json::from_str::<serde_json::Value>(&text).is_ok();
        let lines = text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        assert!(if format == "jsonl" { lines } else { whole }, "{format}: {text}");
    }
}

#[test]
fn annotations_are_ours_alone() {
    let text = told(&evil(), &["check", ".", "--format", "github"]);
    for line in text.lines() {
        assert!(
            ["::error file=", "::warning file=", "::notice file=", "::notice title=fedlint::"].iter().any(|own| line.starts_with(own)),
            "{line}"
        );
        assert!(line.matches("::").count() >= 2 && !line.contains("##["), "{line}");
        let properties = line.trim_start_matches("::").split("::").next().unwrap();
        assert!(properties.starts_with("notice title") || properties.contains(",line="), "{line}");
        harmless(&line.replacen("::", "", 1), "github");
    }
}

#[test]
fn the_junit_report_is_harmless() {
    form(&["check", ".", "--format", "junit"]);
}

#[test]
fn the_markdown_report_is_harmless() {
    form(&["check", ".", "--format", "markdown"]);
}

#[test]
fn reports_in_files_are_harmless() {
    let folder = evil();
    for format in ["human", "narrated", "concise", "json", "sarif", "gitlab", "junit", "markdown", "html"] {
        let out = run(&folder, &["check", ".", "--output", &format!("{format}=report.out")], None);
        harmless(&String::from_utf8_lossy(&out.stderr), format);
        harmless(&std::fs::read_to_string(folder.path().join("report.out")).unwrap(), format);
    }
}

#[test]
fn the_graphs_are_harmless() {
    for format in ["json", "dot", "mermaid"] {
        form(&["graph", ".", "--format", format]);
    }
}

#[test]
fn the_inventory_is_harmless() {
    for format in ["human", "csv", "json"] {
        form(&["inventory", ".", "--format", format]);
        form(&["who", "aws_iam_role.bad", ".", "--format", format]);
    }
    let asked = run(&evil(), &["who", EVIL, "."], None);
    harmless(&String::from_utf8_lossy(&asked.stderr), "who");
}

#[test]
fn simulations_and_waivers_are_harmless() {
    for format in ["human", "json"] {
        form(&["simulate", ".", "--github", "octo/app", "--format", format]);
        form(&["waivers", ".", "--format", format]);
        form(&["eval", ".", &literal(EVIL), "--format", format]);
        form(&["eval", ".", &format!("local[{}]", literal(EVIL)), "--format", format]);
    }
}

#[test]
fn errors_are_harmless() {
    let folder = evil();
    folder.write("fedlint.toml", format!("[rules.{}]\nseverity = \"off\"\n", serde_json::Value::from(EVIL)).as_bytes());
    for arguments in [&["check", "."][..], &["config"], &["explain", EVIL], &["check", EVIL], &["check", ".", "--select", EVIL]] {
        let out = run(&folder, arguments, None);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        harmless(&String::from_utf8_lossy(&out.stderr), &format!("{arguments:?}"));
        harmless(&String::from_utf8_lossy(&out.stdout), &format!("{arguments:?}"));
    }
}

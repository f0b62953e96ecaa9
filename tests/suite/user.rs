//! What people do with fedlint in the first days: adopt it, configure it from another folder, accept findings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder, findings, json, run, run_with};
use serde_json::Value;
use std::collections::BTreeSet;

/// A trust policy whose wildcard follows the owner's name, with a place for a note.
fn policy(note: &str) -> String {
    format!(
        "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{{{note}\n    \"Effect\": \"Allow\",\n    \"Principal\": {{\"Federated\": \"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"}},\n    \"Action\": \"sts:AssumeRoleWithWebIdentity\",\n    \"Condition\": {{\n      \"StringEquals\": {{\"token.actions.githubusercontent.com:aud\": \"sts.amazonaws.com\"}},\n      \"StringLike\": {{\"token.actions.githubusercontent.com:sub\": \"repo:octo*:environment:production\"}}\n    }}\n  }}]\n}}\n"
    )
}

fn report(folder: &Folder, arguments: &[&str]) -> Value {
    json(&run(folder, &[&["check"], arguments, &["--format", "json"]].concat(), None))
}

fn rules(report: &Value) -> Vec<String> {
    findings(report).iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect()
}

fn prints(report: &Value) -> BTreeSet<String> {
    findings(report).iter().map(|f| f["fingerprint"].as_str().unwrap().to_owned()).collect()
}

fn text(folder: &Folder, arguments: &[&str]) -> String {
    String::from_utf8(run(folder, arguments, None).stdout).unwrap()
}

#[test]
fn a_minified_line_is_shown_around_its_place() {
    let folder = Folder::new();
    let line = policy("").replace('\n', "");
    folder.write("trust.json", format!("{{\"x\": \"{}\", \"Policy\": {line}}}\n", "y".repeat(100_000)).as_bytes());
    folder.write("short.json", line.as_bytes());
    let out = text(&folder, &["check", "short.json", "--color", "never"]);
    assert!(out.contains("short.json:1:") && out.contains("repo:octo*:environment") && out.contains('…'), "{out}");
    for wide in ["60", "80", "160"] {
        let out = run_with(folder.path(), &["check", "short.json"], None, &[("COLUMNS", wide)]).stdout;
        let out = String::from_utf8(out).unwrap();
        let width: usize = wide.parse().unwrap();
        assert!(out.lines().filter(|l| l.contains('│')).all(|l| l.chars().count() <= width), "{out}");
    }
}

#[test]
fn a_finding_takes_at_most_twelve_lines() {
    let folder = Folder::new();
    folder.write("trust.json", policy("").as_bytes());
    folder.write("main.tf", BAD.as_bytes());
    let out = text(&folder, &["check", "."]);
    for block in out.split("\n\n").filter(|block| block.starts_with("critical[")) {
        assert!(block.lines().count() <= 12, "{block}");
    }
}

#[test]
fn without_a_locale_of_utf8_the_report_is_ascii() {
    let folder = Folder::new();
    folder.write("trüst.json", policy("").as_bytes());
    let plain = run_with(folder.path(), &["check", "."], None, &[("LC_ALL", "C")]).stdout;
    assert!(plain.is_ascii(), "{}", String::from_utf8_lossy(&plain));
    let coloured = |environment: &[(&str, &str)]| run_with(folder.path(), &["check", "."], None, environment).stdout.contains(&0x1b);
    assert!(coloured(&[("NO_COLOR", ""), ("FORCE_COLOR", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")]) && !coloured(&[("NO_COLOR", ""), ("TERM", "dumb")]));
}

#[test]
fn exclusions_are_relative_to_the_file_that_says_them() {
    let folder = Folder::new();
    // the repository says how far up a configuration is looked for
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    folder.write("fedlint.toml", b"exclude = [\"envs/dev/**\"]\n");
    folder.write("envs/dev/main.tf", BAD.as_bytes());
    folder.write("envs/prod/main.tf", BAD.as_bytes());
    let at = |folder: &std::path::Path, path: &str| {
        let report = json(&run_with(folder, &["check", path, "--format", "json"], None, &[]));
        findings(&report).iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let root = folder.path();
    assert_eq!(at(root, "."), ["envs/prod/main.tf"]);
    assert_eq!(at(&root.join("envs"), "."), ["prod/main.tf"]);
    assert_eq!(at(&root.join("envs/prod"), ".."), ["main.tf"]);
    let name = root.file_name().unwrap().to_str().unwrap();
    assert_eq!(at(root.parent().unwrap(), name), [format!("{name}/envs/prod/main.tf")]);
}

#[test]
fn two_paths_with_different_configurations_are_refused() {
    let folder = Folder::new();
    folder.write("a/fedlint.toml", b"[rules.missing-subject]\nseverity = \"off\"\n");
    folder.write("a/main.tf", BAD.as_bytes());
    folder.write("b/main.tf", BAD.as_bytes());
    let out = run(&folder, &["check", "a", "b"], None);
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2));
    assert!(said.contains("different configurations") && said.contains("fedlint.toml") && said.contains("--config"), "{said}");
    assert_eq!(run(&folder, &["check", "a", "b", "--isolated"], None).status.code(), Some(1));
    assert_eq!(run(&folder, &["check", "a"], None).status.code(), Some(0));
}

#[test]
fn fingerprints_are_unique_and_survive_what_changes_nothing() {
    let folder = Folder::new();
    folder.write("a/trust.json", policy("").as_bytes());
    folder.write("b/trust.json", policy("").as_bytes());
    folder.write("envs/dev/main.tf", BAD.as_bytes());
    folder.write("envs/prod/main.tf", BAD.as_bytes());
    let before = report(&folder, &["."]);
    assert_eq!(prints(&before).len(), findings(&before).len());
    // Renamed files and folders, moved lines, another format.
    let moved = Folder::new();
    moved.write("c/deploy.json", policy("").replace("\n    ", " ").as_bytes());
    moved.write("d/e/trust.json", policy("").as_bytes());
    moved.write("live/dev/roles.tf", format!("# more\n\n{BAD}").as_bytes());
    moved.write("live/prod/main.tf", BAD.replace("  ", "\t").as_bytes());
    assert_eq!(prints(&report(&moved, &["."])), prints(&before));
}

#[test]
fn old_findings_are_adopted_with_two_commands() {
    let folder = Folder::new();
    let role = |n: usize| BAD.replace("\"bad\"", &format!("\"role{n}\""));
    let fifty: String = (0..50).map(role).collect();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    folder.write("main.tf", fifty.as_bytes());
    assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(1));
    assert_eq!(run(&folder, &["baseline"], None).status.code(), Some(0));
    let check = &["check", ".", "--baseline", "fedlint-baseline.json"][..];
    assert_eq!(run(&folder, check, None).status.code(), Some(0));
    // The file moves and its blocks change places: nothing is new. One more role is.
    std::fs::remove_file(folder.path().join("main.tf")).unwrap();
    let reversed: String = (0..51).rev().map(role).collect();
    folder.write("infra/roles.tf", reversed.as_bytes());
    let report = json(&run(&folder, &[check, &["--format", "json"]].concat(), None));
    let new: Vec<&str> = findings(&report).iter().filter_map(|f| f["identity"].as_str()).collect();
    assert_eq!(new, ["aws_iam_role.role50"]);
    // As a key of the configuration, from another folder.
    folder.write("fedlint.toml", b"baseline = \"fedlint-baseline.json\"\n");
    let inside = json(&run_with(&folder.path().join("infra"), &["check", ".", "--format", "json"], None, &[]));
    assert_eq!(findings(&inside).len(), 1);
    // What was mended is told.
    folder.write("infra/roles.tf", role(3).as_bytes());
    assert!(text(&folder, check).contains("49 entries of the baseline are not found any more"));
    assert_eq!(run(&folder, &["check", ".", "--baseline", "gone.json"], None).status.code(), Some(2));
}

/// What is known of one path is not used up by the same mistake at another.
#[test]
fn a_copy_of_an_adopted_finding_is_new_where_the_copy_is() {
    let folder = Folder::new();
    folder.write("b.json", policy("").as_bytes());
    assert_eq!(run(&folder, &["baseline"], None).status.code(), Some(0));
    folder.write("a.json", policy("").as_bytes());
    let report = report(&folder, &[".", "--baseline", "fedlint-baseline.json"]);
    let new: Vec<&str> = findings(&report).iter().filter_map(|f| f["path"].as_str()).collect();
    assert_eq!(new, ["a.json"]);
}

#[test]
fn ignores_of_the_configuration() {
    let folder = Folder::new();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    folder.write("a/trust.json", policy("").as_bytes());
    folder.write("b/trust.json", policy("").as_bytes());
    let with = |entry: &str| {
        folder.write("fedlint.toml", format!("[[ignore]]\nrule = \"tenant-prefix\"\nreason = \"known\"\n{entry}\n").as_bytes());
        rules(&report(&folder, &["."]))
    };
    assert_eq!(with(""), Vec::<String>::new());
    assert_eq!(with("path = \"a\""), ["tenant-prefix"]);
    assert_eq!(with("path = \"*/trust.json\"\nuntil = \"2999-01-01\""), Vec::<String>::new());
    assert_eq!(with("identity = \"*trust.json\""), Vec::<String>::new());
    assert_eq!(with("until = \"2020-01-01\""), ["tenant-prefix", "tenant-prefix", "unused-suppression"]);
    assert_eq!(with("path = \"c/**\""), ["tenant-prefix", "tenant-prefix", "unused-suppression"]);
    // A part of the repository cannot tell that an entry is unused.
    assert_eq!(rules(&report(&folder, &["a"])), ["tenant-prefix"]);
    for wrong in [
        "rule = \"no-such\"\nreason = \"x\"",
        "rule = \"any-ref\"\nreason = \" \"",
        "rule = \"any-ref\"",
        "rule = \"any-ref\"\nreason = \"x\"\nuntil = \"soon\"",
    ] {
        folder.write("fedlint.toml", format!("[[ignore]]\n{wrong}\n").as_bytes());
        assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn waivers_are_listed_with_reasons_and_what_they_hide() {
    let folder = Folder::new();
    folder.write("main.tf", format!("# fedlint: ignore[missing-subject] reviewed by ann (until 2999-01-01)\n{BAD}").as_bytes());
    folder.write("other.tf", b"# fedlint: ignore[any-ref] nothing here\nlocals {}\n");
    folder.write("trust.json", policy("").as_bytes());
    folder.write("fedlint.toml", b"[[ignore]]\nrule = \"tenant-prefix\"\nreason = \"a sandbox\"\n");
    let out = text(&folder, &["waivers"]);
    for part in ["reviewed by ann", "until 2999-01-01", "a sandbox", "fedlint.toml:1", "missing-subject", "unused other.tf:1"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let list = json(&run(&folder, &["waivers", "--format", "json"], None));
    assert_eq!(list["waivers"].as_array().unwrap().len(), 3);
    let human = text(&folder, &["check", "."]);
    assert!(
        human.contains("suppressed: 1 by comments, 1 by the configuration") && human.contains("configuration: `fedlint.toml`"),
        "{human}"
    );
}

#[test]
fn a_directive_that_is_none_is_told_and_a_date_needs_no_brackets() {
    let found = |note: &str| {
        let folder = Folder::new();
        folder.write("main.tf", format!("# fedlint: {note}\n{BAD}").as_bytes());
        rules(&report(&folder, &["."]))
    };
    assert_eq!(found("ignore[missing-subject] until 2999-01-01"), Vec::<String>::new());
    for over in [
        "ignore[missing-subject] until 2020-01-01",
        "ignore[missing-subject] known, until 2020-01-01",
        "disable[missing-subject] x",
        "ignore-file[missing-subject] x",
    ] {
        assert_eq!(found(over), ["unused-suppression", "missing-subject"], "{over}");
    }
    assert_eq!(found("see the wiki"), ["missing-subject"]);
}

#[test]
fn sarif_has_the_configured_severities_the_accepted_findings_and_what_is_open() {
    let folder = Folder::new();
    folder.write("trust.json", policy("").as_bytes());
    folder.write("main.tf", format!("# fedlint: ignore[missing-subject] reviewed\n{BAD}").as_bytes());
    folder.write("broken.tf", b"resource \"aws_iam_role\" \"x\" {\n  assume_role_policy = var.policy\n");
    folder.write("fedlint.toml", b"[rules.tenant-prefix]\nseverity = \"info\"\n[rules.any-ref]\nseverity = \"off\"\n");
    let log = json(&run(&folder, &["check", ".", "--format", "sarif"], None));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = |id: &str| rules.iter().find(|r| r["id"] == id).unwrap();
    assert_eq!(rule("tenant-prefix")["defaultConfiguration"]["level"], "note");
    assert_eq!(rule("tenant-prefix")["properties"]["security-severity"], "1.0");
    assert_eq!(rule("any-ref")["defaultConfiguration"]["enabled"], false);
    let results = run["results"].as_array().unwrap();
    let accepted: Vec<&Value> = results.iter().filter(|r| r.get("suppressions").is_some()).collect();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0]["suppressions"][0]["kind"], "inSource");
    assert_eq!(accepted[0]["suppressions"][0]["justification"], "reviewed");
    for result in results {
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().contains(':'));
    }
    assert!(!run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().is_empty());
    for relationship in rules.iter().filter_map(|r| r["relationships"].as_array()).flatten() {
        let target = &relationship["target"];
        let component = usize::try_from(target["toolComponent"]["index"].as_u64().unwrap()).unwrap();
        let index = usize::try_from(target["index"].as_u64().unwrap()).unwrap();
        assert_eq!(run["taxonomies"][component]["taxa"][index]["id"], target["id"]);
    }
}

#[test]
fn several_reports_of_one_run() {
    let folder = Folder::new();
    folder.write("main.tf", BAD.as_bytes());
    let arguments =
        ["check", ".", "--output", "sarif=out.sarif", "--output", "gitlab=quality.json", "-o", "junit=junit.xml", "-o", "github=-"];
    let out = run(&folder, &arguments, None);
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.starts_with("::error file=main.tf,line=6,") && said.contains("title=missing-subject (critical)::"), "{said}");
    let file = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let log: Value = serde_json::from_str(&file("out.sarif")).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let quality: Value = serde_json::from_str(&file("quality.json")).unwrap();
    assert_eq!((&quality[0]["severity"], &quality[0]["location"]["lines"]["begin"]), (&Value::from("blocker"), &Value::from(6)));
    assert!(file("junit.xml").contains("<failure type=\"critical\""));
    assert_eq!(run(&folder, &["check", ".", "-o", "json=-", "-o", "github=-"], None).status.code(), Some(2));
    let lines = text(&folder, &["check", ".", "--format", "jsonl"]);
    let kinds: Vec<String> =
        lines.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["finding", "summary"]);
    assert_eq!(text(&folder, &["check", ".", "--format", "concise"]).lines().count(), 2);
    assert!(text(&folder, &["check", ".", "--format", "markdown"]).starts_with("## fedlint: 1 critical in 1 trust\n"));
}

#[test]
fn names_of_files_have_no_power_over_any_report() {
    let folder = Folder::new();
    let name = "a\u{1b}[31m\n::error::x\u{202e}b.tf";
    folder.write(name, BAD.as_bytes());
    for format in fedlint::report::FORMATS.iter().map(|f| f.name) {
        let out = text(&folder, &["check", ".", "--format", format]);
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{format}: {out}");
        assert!(!out.lines().any(|l| l.starts_with("::error::")), "{format}: {out}");
    }
}

#[test]
fn every_format_says_where_and_which_rule() {
    let folder = Folder::new();
    folder.write("main.tf", BAD.as_bytes());
    for format in fedlint::report::FORMATS.iter().map(|f| f.name) {
        let out = text(&folder, &["check", ".", "--format", format]);
        assert!(out.contains("main.tf") && out.contains("missing-subject"), "{format}: {out}");
    }
}

#[test]
fn low_findings_are_counted_and_shown_when_asked_for() {
    let folder = Folder::new();
    folder.write("trust.json", policy("").replace("octo*", "octo/app").as_bytes());
    let arguments = |more: &[&str]| text(&folder, &[&["check", "."], more].concat());
    let usual = arguments(&[]);
    assert!(usual.contains("stale-subject-format (not shown)") && !usual.contains("low[stale-subject-format]"), "{usual}");
    for more in [&["--verbose"][..], &["--severity", "low"], &["--fail-on", "low"]] {
        assert!(arguments(more).contains("low[stale-subject-format]"), "{more:?}");
    }
}

#[test]
fn a_first_configuration_says_the_defaults() {
    let folder = Folder::new();
    folder.write("main.tf", BAD.as_bytes());
    assert_eq!(run(&folder, &["init"], None).status.code(), Some(0));
    assert_eq!(run(&folder, &["init"], None).status.code(), Some(2));
    assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(1));
    let shown = text(&folder, &["config"]);
    assert!(
        shown.starts_with("# fedlint.toml\n")
            && shown.contains("fail-on = \"medium\"")
            && shown.contains("min-severity = \"info\"  # default"),
        "{shown}"
    );
    assert!(text(&Folder::new(), &["config"]).starts_with("# no fedlint.toml in"));
}

#[test]
fn a_template_that_names_identities_is_told() {
    let folder = Folder::new();
    folder.write("main.tf", BAD.as_bytes());
    folder.write("sa.tftpl", b"kind: ServiceAccount\nmetadata:\n  annotations:\n    iam.gke.io/gcp-service-account: ${email}\n");
    let report = report(&folder, &["."]);
    assert_eq!(report["coverage"]["files_skipped"][0]["path"], "sa.tftpl");
}

/// Entra compares issuers exactly: what `check` proves to be dead is dead in the inventory, too.
#[test]
fn an_issuer_that_no_token_carries_admits_nobody() {
    let folder = Folder::new();
    let credential = r#"[{"name": "main", "issuer": "https://token.actions.githubusercontent.com/", "subject": "repo:octo/app:ref:refs/heads/main", "audiences": ["api://AzureADTokenExchange"]}]"#;
    folder.write("credentials.json", credential.as_bytes());
    folder.write("right/credentials.json", credential.replace(".com/", ".com").as_bytes());
    let list = json(&run(&folder, &["inventory", "--format", "json"], None));
    let admits: Vec<_> = list["identities"].as_array().unwrap().iter().map(|e| e["admits"].as_str().unwrap()).collect();
    assert_eq!(admits, ["nobody", "named"]);
}

#[test]
fn the_inventory_tells_who_is_admitted() {
    let folder = Folder::new();
    folder.write("open.tf", BAD.as_bytes());
    folder.write("good.json", policy("").replace("octo*:environment:production", "octo/app:environment:production").as_bytes());
    folder.write("dead.json", policy("").replace("repo:octo*", "repository:octo").as_bytes());
    let list = json(&run(&folder, &["inventory", "--format", "json"], None));
    let entry = |name: &str| list["identities"].as_array().unwrap().iter().find(|e| e["identity"] == name).cloned().unwrap();
    assert_eq!(entry("aws_iam_role.bad")["admits"], "any-tenant");
    assert_eq!(entry("good.json")["admits"], "named");
    assert!(entry("good.json")["conditions"].to_string().contains("sub = repo:octo/app:environment:production"), "{list}");
    assert_eq!(entry("dead.json")["admits"], "nobody");
    assert!(entry("good.json")["example"]["sub"].as_str().unwrap().starts_with("repo:octo/app:environment:production"));
    let table = text(&folder, &["inventory", "--format", "csv"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    let one = text(&folder, &["who", "aws_iam_role.bad"]);
    assert!(one.contains("anyone who can get a token of") && !one.contains("good.json"), "{one}");
    let wrong = run(&folder, &["who", "aws_iam_role.bda"], None);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `aws_iam_role.bad`"));
}

#[test]
fn an_identity_is_asked_for_by_any_of_its_names() {
    let folder = Folder::new();
    folder.write("main.tf", BAD.replace("  assume_role_policy", "  name = \"tide-deploy\"\n  assume_role_policy").as_bytes());
    folder.write("sa.tf", b"resource \"google_service_account\" \"ci\" {\n  project    = \"tide-data\"\n  account_id = \"ci\"\n}\nresource \"google_service_account_iam_member\" \"ci\" {\n  service_account_id = google_service_account.ci.name\n  role   = \"roles/iam.workloadIdentityUser\"\n  member = \"principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/attribute.repository/octo/app\"\n}\n");
    let names = [
        "aws_iam_role.bad",
        "tide-deploy",
        "arn:aws:iam::111122223333:role/tide-deploy",
        "google_service_account.ci",
        "ci@tide-data.iam.gserviceaccount.com",
    ];
    for name in names {
        let out = run(&folder, &["who", name, "."], None);
        assert_eq!(out.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(String::from_utf8_lossy(&out.stdout).contains("1 way"), "{name}");
    }
    let near = run(&folder, &["who", "tide-deploi", "."], None);
    assert!(String::from_utf8_lossy(&near.stderr).contains("did you mean `tide-deploy`?"), "{}", String::from_utf8_lossy(&near.stderr));
}

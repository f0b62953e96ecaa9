//! Rules of the users' own (`custom-rules`): like any other rule, bounded, and never at the gate.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{BAD, Folder, findings, json, run};
use serde_json::Value;
use std::time::{Duration, Instant};

const PROVIDER: &str = "resource \"aws_iam_openid_connect_provider\" \"p\" {\n  url = \"https://gitlab.com\"\n  client_id_list = [\"sts.amazonaws.com\", \"b\"]\n}\n";

fn rule(id: &str, when: &str) -> String {
    format!(
        "---\nid: {id}\ntitle: no gitlab.com\ncategory: exposure\nseverity: high\non: aws-provider\nat: url\nwhen: \"{when}\"\nmessage: \"`{{url}}` is not ours\"\nhelp: trust another\n---\n## What\n\nx\n\n## Why\n\nx\n\n## Bad\n\n```hcl main.tf\nresource \"aws_iam_openid_connect_provider\" \"p\" {{\n  url = \"https://gitlab.com\" # expect: {id}\n}}\n```\n\n## Good\n\n```hcl main.tf\nresource \"aws_iam_openid_connect_provider\" \"p\" {{\n  url = \"https://git.example\"\n}}\n```\n\n## Fix\n\nx\n"
    )
}

fn with(configuration: &str, rules: &[(&str, String)]) -> Folder {
    let folder = Folder::new();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    folder.write("main.tf", PROVIDER.as_bytes());
    folder.write("fedlint.toml", format!("custom-rules = \"own\"\n{configuration}").as_bytes());
    folder.write("own/README.md", b"# our rules\n");
    for (name, text) in rules {
        folder.write(&format!("own/{name}.md"), text.as_bytes());
    }
    folder
}

fn told(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let report = json(&run(folder, &[&["check", ".", "--format", "json"], arguments].concat(), None));
    findings(&report).iter().map(|f| format!("{} {} {}:{}", f["severity"], f["rule"], f["path"], f["line"]).replace('"', "")).collect()
}

#[test]
fn a_rule_of_ones_own_is_a_rule_like_any_other() {
    let good = || [("octo-x", rule("octo-x", "fact.url.contains('gitlab.com')"))];
    let folder = with("", &good());
    assert_eq!(told(&folder, &[]), ["high octo-x main.tf:2"]);
    assert_eq!(told(&folder, &["--select", "octo-x"]), ["high octo-x main.tf:2"]);
    assert_eq!(told(&folder, &["--ignore", "octo-x"]), Vec::<String>::new());
    assert_eq!(told(&with("[rules.octo-x]\nseverity = \"low\"\n", &good()), &[]), ["low octo-x main.tf:2"]);
    assert_eq!(told(&with("[[ignore]]\nrule = \"octo-x\"\nreason = \"known\"\n", &good()), &[]), Vec::<String>::new());
    folder.write("main.tf", format!("# fedlint: ignore[octo-x] known\n{PROVIDER}").as_bytes());
    assert_eq!(told(&folder, &[]), Vec::<String>::new());
    folder.write("main.tf", PROVIDER.as_bytes());
    // reports
    let log = json(&run(&folder, &["check", ".", "--format", "sarif"], None));
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let own = rules.iter().position(|r| r["id"] == "octo-x").unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleIndex"], Value::from(own));
    for format in fedlint::report::FORMATS.iter().map(|f| f.name) {
        let out = run(&folder, &["check", ".", "--format", format], None).stdout;
        assert!(String::from_utf8_lossy(&out).contains("octo-x"), "{format}");
    }
    let text = |arguments: &[&str]| String::from_utf8(run(&folder, arguments, None).stdout).unwrap();
    assert!(text(&["rules"]).contains("octo-x") && text(&["explain", "octo-x"]).contains("no gitlab.com"));
    assert!(text(&["rules", "--format", "json"]).contains("\"octo-x\""));
    // the baseline knows it
    run(&folder, &["baseline"], None);
    assert_eq!(told(&folder, &["--baseline", "fedlint-baseline.json"]), Vec::<String>::new());
    // a part of a repository reads the rules of the file above it
    folder.write("infra/main.tf", PROVIDER.as_bytes());
    let inside = json(&crate::support::run_with(&folder.path().join("infra"), &["check", ".", "--format", "json"], None, &[]));
    assert_eq!(findings(&inside)[0]["rule"], "octo-x");
}

/// Whoever wrote the tree wrote its rules.
#[test]
fn the_gate_takes_rules_from_the_named_configuration_alone() {
    let folder = with("", &[("octo-x", rule("octo-x", "true"))]);
    assert_eq!(told(&folder, &["--gate"]), Vec::<String>::new());
    let elsewhere = with("", &[("octo-y", rule("octo-y", "true"))]);
    let config = elsewhere.path().join("fedlint.toml");
    assert_eq!(told(&folder, &["--gate", "--config", config.to_str().unwrap()]), ["high octo-y main.tf:2"]);
}

#[test]
fn what_is_wrong_is_shown_in_its_file() {
    for (name, text, parts) in [
        ("octo-x", rule("octo-x", "fact.uri.contains('x')"), &["own/octo-x.md", "line 8", "unknown field `uri`", "8 | when: ", "^^^^"][..]),
        ("octo-x", rule("octo-x", "fact.url.("), &["line 8", "cannot be read"]),
        ("octo-x", rule("octo-x", "true").replace("on: aws-provider", "on: nothing"), &["line 6", "not a kind of fact"]),
        ("octo-x", rule("octo-x", "true").replace("severity: high", "severity: loud"), &["line 5"]),
        ("octo-x", rule("octo-x", "true").replace("help:", "halp:"), &["line 10", "unknown field `halp`"]),
        ("any-ref", rule("any-ref", "true"), &["line 2", "fedlint's own rule `any-ref`"]),
        ("octo-y", rule("octo-x", "true"), &["line 2", "call it `octo-x.md`"]),
        ("octo-x", rule("octo-x", "fact.url.matches(fact.name)"), &["line 8", "written out"]),
        ("octo-x", rule("octo-x", "fact.url.matches('(a{500}){500}')"), &["line 8", "`matches` cannot be used"]),
        ("octo-x", rule("octo-x", "[1].exists(a, [1].exists(b, [1].exists(c, c > b)))"), &["line 8", "nested deeper"]),
    ] {
        let folder = with("", &[(name, text)]);
        for arguments in [&["check", "."][..], &["rules"]] {
            let out = run(&folder, arguments, None);
            let said = String::from_utf8_lossy(&out.stderr).into_owned();
            assert!(out.status.code() == Some(2) && parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
        }
    }
    let unknown = with("[rules.octo-z]\nseverity = \"off\"\n", &[("octo-x", rule("octo-x", "true"))]);
    let said = String::from_utf8_lossy(&run(&unknown, &["check", "."], None).stderr).into_owned();
    assert!(said.contains("`octo-z`") && said.contains("did you mean `octo-x`") && said.contains("line 2"), "{said}");
}

/// Nothing that a rule says makes a run long: what would is refused, or undecided and told.
#[test]
fn rules_that_cost_much_are_bounded() {
    let started = Instant::now();
    let deep = format!("{}true{}", "(".repeat(2000), ")".repeat(2000));
    let long = format!("fact.url == '{}'", "x".repeat(5000));
    for (when, ends) in [(deep.as_str(), 2), (long.as_str(), 2), ("fact.audiences.exists(a, fact.audiences.exists(b, a + b == 'x'))", 0)] {
        let folder = with("", &[("octo-x", rule("octo-x", when))]);
        let many: Vec<String> = (0..3_000).map(|n| format!("\"client-{n}\"")).collect();
        folder.write("main.tf", PROVIDER.replace("\"b\"", &many.join(", ")).as_bytes());
        let out = run(&folder, &["check", ".", "--format", "json"], None);
        assert_eq!(out.status.code(), Some(ends), "{}", String::from_utf8_lossy(&out.stderr));
        if ends == 0 {
            let undecided = json(&out)["coverage"]["undecided"].to_string();
            assert!(undecided.contains("`octo-x` was not asked"), "{undecided}");
        }
    }
    let folder = with("", &[("octo-x", rule("octo-x", "true"))]);
    folder.write("own/octo-y.md", "x".repeat(300 << 10).as_bytes());
    assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(2));
    let folder = with("", &[]);
    (0..300).for_each(|n| folder.write(&format!("own/octo-{n}.md"), rule(&format!("octo-{n}"), "true").as_bytes()));
    assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(2));
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[cfg(unix)]
#[test]
fn rules_stay_in_the_repository_and_show_nothing_of_what_a_link_leads_to() {
    let outside = Folder::new();
    outside.write("octo-s.md", b"a secret\n");
    let folder = with("", &[]);
    std::os::unix::fs::symlink(outside.path().join("octo-s.md"), folder.path().join("own/octo-s.md")).unwrap();
    let out = run(&folder, &["check", "."], None);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.code() == Some(2) && !said.contains("secret") && said.contains("leads out of the repository"), "{said}");
    folder.write("fedlint.toml", format!("custom-rules = \"{}\"\n", outside.path().display()).as_bytes());
    assert_eq!(run(&folder, &["check", "."], None).status.code(), Some(2));
}

#[test]
fn examples_are_run() {
    let good = rule("octo-x", "fact.url.contains('gitlab.com')");
    let test = |text: String| {
        let out = run(&with("", &[("octo-x", text)]), &["rules", "--test"], None);
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    assert_eq!(test(good.clone()), (Some(0), "2 examples of 1 rule: 2 passed, 0 failed\n".to_owned()));
    for (text, why) in [
        (good.replace("contains('gitlab.com')", "contains('nothing')"), "main.tf:2: octo-x is marked and not found"),
        (good.replace("contains('gitlab.com')", "contains('git')"), "octo-x (Good): main.tf:2: octo-x is found and not marked"),
        (good.replace(" # expect: octo-x", ""), "no line is marked"),
        (good.split("## Good").next().unwrap().to_owned(), "no example under `## Good`"),
    ] {
        let (code, out) = test(text);
        assert!(code == Some(1) && out.contains(why), "{out}");
    }
    let none = Folder::new();
    none.write("main.tf", PROVIDER.as_bytes());
    assert_eq!(run(&none, &["rules", "--test"], None).status.code(), Some(2));
}

/// A rule about another kind of fact.
fn about(on: &str, when: &str, message: &str) -> String {
    rule("octo-x", when)
        .replace("on: aws-provider", &format!("on: {on}"))
        .replace("at: url\n", "")
        .replace("message: \"`{url}`", &format!("message: \"{message}"))
}

#[test]
fn rules_about_who_is_admitted_and_about_jobs() {
    let repository = |text: String| {
        let folder = with("", &[("octo-x", text)]);
        folder.write("main.tf", BAD.as_bytes());
        let workflow = "on: [issue_comment, push]\npermissions: {id-token: write}\njobs:\n  deploy:\n    environment: live\n    runs-on: x\n    steps: [{run: make}]\n  test:\n    runs-on: x\n    permissions: {}\n    steps: [{run: make}]\n";
        folder.write(".github/workflows/deploy.yml", workflow.as_bytes());
        told(&folder, &["--select", "octo-x"])
    };
    let of_way = |when: &str| repository(about("way", when, "{identity} {issuer}"));
    assert_eq!(of_way("fact.admits == 'any-tenant'"), ["high octo-x main.tf:1"]);
    assert_eq!(of_way("fact.admits == 'named'"), Vec::<String>::new());
    assert_eq!(of_way("fact.token.sub.startsWith('repo:') && fact.cloud == 'aws'"), ["high octo-x main.tf:1"]);
    let of_job = |when: &str| repository(about("job", when, "{id} {system}"));
    assert_eq!(of_job("fact.token && fact.outsiders && 'live' in fact.environments"), ["high octo-x .github/workflows/deploy.yml:4"]);
    assert_eq!(of_job("!fact.token && fact.system == 'GitHub'"), ["high octo-x .github/workflows/deploy.yml:8"]);
    assert_eq!(of_job("fact.repository == 'octo/app'"), Vec::<String>::new());
}

//! The attacker and the newcomer at the finished binary: whatever a repository holds, there is no panic and no hang, one
//! broken file hides no other's findings, and the exit codes are those of the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{Folder, check, findings, json, run};

/// A role that anybody gets into: what must be found beside every attack.
const BAD: &str = crate::support::BAD;

/// Checks a folder with these files and a bad role beside them; the bad role must be found, and the run must end.
fn survives(files: &[(&str, &[u8])]) -> serde_json::Value {
    let folder = Folder::new();
    for (path, bytes) in files {
        folder.write(path, bytes);
    }
    folder.write("zz/bad.tf", BAD.as_bytes());
    let report = json(&check(&folder, &[]));
    assert!(
        findings(&report).iter().any(|f| f["path"] == "zz/bad.tf" && f["rule"] == "missing-subject"),
        "the bad role is hidden by {:?}",
        files.iter().map(|(p, _)| *p).collect::<Vec<_>>()
    );
    report
}

fn skipped(report: &serde_json::Value) -> usize {
    report["coverage"]["files_skipped"].as_array().map_or(0, Vec::len)
}

fn role(expression: &str) -> String {
    format!("resource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = {expression}\n}}\n")
}

/// Locals that each use the one before: `a0` is `first`, `aN` is `next` with `@` for its predecessor.
fn chain(first: &str, next: &str, count: usize) -> String {
    let mut text = format!("locals {{\n  a0 = {first}\n");
    for i in 1..=count {
        text.push_str(&format!("  a{i} = {}\n", next.replace('@', &format!("local.a{}", i - 1))));
    }
    format!("{text}}}\n{}", role(&format!("jsonencode(local.a{count})")))
}

const DEEP: usize = 100_000;

#[test]
fn deep_documents_are_skipped_with_a_reason() {
    let json = format!("{{\"AssumeRoleWithWebIdentity\":{}{}}}", "[".repeat(DEEP), "]".repeat(DEEP));
    let yaml = format!("kind: ServiceAccount\neks.amazonaws.com/role-arn: {}{}\n", "[".repeat(DEEP), "]".repeat(DEEP));
    let report = survives(&[("a.json", json.as_bytes()), ("b.yaml", yaml.as_bytes())]);
    assert_eq!(skipped(&report), 2, "{}", report["coverage"]);
}

#[test]
fn deep_hcl_hides_nothing() {
    let nests = [("(", "1", ")"), ("[", "", "]"), ("{a=", "1", "}"), ("f(", "", ")"), ("!", "true", ""), ("true ? 1 : ", "1", "")];
    for (open, middle, close) in nests {
        let text = role(&format!("{}{middle}{}", open.repeat(DEEP), close.repeat(DEEP)));
        assert!(skipped(&survives(&[("a.tf", text.as_bytes())])) > 0, "`{open}` is not in the coverage");
    }
}

#[test]
fn alias_bombs_do_not_grow() {
    let mut text = String::from("kind: ServiceAccount\n# eks.amazonaws.com/role-arn\na0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..30 {
        let before = format!("*a{}", i - 1);
        text.push_str(&format!("a{i}: &a{i} [{}]\n", [before.as_str(); 9].join(",")));
    }
    survives(&[("a.yaml", text.as_bytes())]);
    survives(&[("a.yaml", b"kind: ServiceAccount\n# eks.amazonaws.com/role-arn\nmetadata: &a {annotations: *a, labels: {<<: *a}}\n")]);
}

#[test]
fn values_that_double_stop_at_a_limit() {
    let nexts = ["\"${@}${@}\"", "join(\",\", [@, @])", "format(\"%s%s\", @, @)", "concat([@], [@])", "{ l = @, r = @ }", "jsonencode(@)"];
    for next in nexts {
        survives(&[("a.tf", chain("\"x\\\"\\\\\"", next, 60).as_bytes())]);
    }
    survives(&[("a.tf", chain("\"x\"", "[@]", 5_000).as_bytes())]);
}

#[test]
fn huge_counts_and_ranges_stop_at_a_limit() {
    survives(&[("a.tf", BAD.replacen("{\n", "{\n  count = 1000000000\n", 1).as_bytes())]);
    survives(&[("a.tf", BAD.replacen("{\n", "{\n  count = 1e300\n", 1).as_bytes())]);
    for expression in [
        "jsonencode([for i in range(1000000000): i])",
        "format(\"%1000000000d %.999999999f\", 1, 1.0)",
        "indent(1000000000, \"a\\nb\")",
        "regex(\"(a+)+$\", \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\")",
        "regex(\"(((((a{100}){100}){100}){100}){100})\", \"a\")",
    ] {
        survives(&[("a.tf", role(expression).as_bytes())]);
    }
}

#[test]
fn cycles_end() {
    let module = |source: &str| format!("module \"m\" {{\n  source = \"{source}\"\n}}\n{BAD}");
    survives(&[("a.tf", module("./").as_bytes())]);
    survives(&[("a/a.tf", module("../b").as_bytes()), ("b/b.tf", module("../a").as_bytes())]);
    survives(&[("a.tf", format!("locals {{\n  a = local.b\n  b = local.a\n}}\n{}", role("local.a")).as_bytes())]);
    survives(&[("a.tf", role("templatefile(\"t.tpl\", {})").as_bytes()), ("t.tpl", b"${templatefile(\"t.tpl\", {})}")]);
}

/// A trust policy for GitHub with this condition on `sub`.
fn policy(conditions: &serde_json::Value) -> String {
    serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }]})
    .to_string()
}

#[test]
fn patterns_that_blow_up_stop_at_a_limit() {
    let sub = "token.actions.githubusercontent.com:sub";
    let stars: Vec<String> = (0..50).map(|i| format!("repo:o/{}*{i}", "*a?b".repeat(60))).collect();
    let marks: Vec<String> = (0..20).map(|i| format!("repo:*a{}", "?".repeat(20 + i))).collect();
    let values: Vec<String> = (0..20_000).map(|i| format!("repo:o/r{i}:*")).collect();
    for values in [stars, marks, values] {
        survives(&[("a.json", policy(&serde_json::json!({"StringLike": {sub: values}})).as_bytes())]);
    }
}

#[test]
fn conditions_of_google_stop_at_a_limit() {
    let provider = |condition: &str| {
        format!(
            "resource \"google_iam_workload_identity_pool_provider\" \"p\" {{\n  workload_identity_pool_id = \"pool\"\n  workload_identity_pool_provider_id = \"prov\"\n  attribute_mapping = {{ \"google.subject\" = \"assertion.sub\" }}\n  attribute_condition = {}\n  oidc {{\n    issuer_uri = \"https://token.actions.githubusercontent.com\"\n  }}\n}}\n",
            serde_json::Value::from(condition)
        )
    };
    let deep = format!("{}true{}", "(".repeat(2040), ")".repeat(2040));
    let tests: Vec<String> =
        (0..60).map(|i| format!("(assertion.sub.contains('a{i}') || assertion.repository.matches('.*b{i}.*c'))")).collect();
    let stars = format!("assertion.sub.matches('{}')", "(a*)*".repeat(300));
    for condition in [deep, "!".repeat(4090) + "true", tests.join(" && "), stars] {
        survives(&[("a.tf", provider(&condition).as_bytes())]);
    }
}

/// A provider of Google with this mapping and condition.
fn google_provider(mapping: &[(String, String)], condition: &str) -> String {
    let rows: String = mapping.iter().map(|(k, e)| format!("    \"{k}\" = {}\n", serde_json::Value::from(e.as_str()))).collect();
    format!(
        "resource \"google_iam_workload_identity_pool_provider\" \"p\" {{\n  workload_identity_pool_id = \"pool\"\n  workload_identity_pool_provider_id = \"prov\"\n  attribute_mapping = {{\n{rows}  }}\n  attribute_condition = {}\n  oidc {{\n    issuer_uri = \"https://token.actions.githubusercontent.com\"\n  }}\n}}\n",
        serde_json::Value::from(condition)
    )
}

fn rules(report: &serde_json::Value) -> Vec<String> {
    findings(report).iter().filter(|f| f["path"] == "a.tf").filter_map(|f| f["rule"].as_str().map(str::to_owned)).collect()
}

#[test]
fn mappings_that_go_in_a_circle_are_told_and_hide_nothing() {
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> { pairs.iter().map(|(k, e)| ((*k).to_owned(), (*e).to_owned())).collect() };
    let long: Vec<(String, String)> = (0..2_000).map(|i| (format!("attribute.a{i}"), format!("attribute.a{}", (i + 1) % 2_000))).collect();
    for mapping in [
        own(&[("google.subject", "google.subject")]),
        own(&[("google.subject", "assertion.sub"), ("attribute.sub", "attribute.sub")]),
        own(&[
            ("google.subject", "attribute['b']"),
            ("attribute.b", "'x' + attribute.c"),
            ("attribute.c", "has(assertion.x) ? google['subject'] : 'y'"),
        ]),
        long,
    ] {
        let report = survives(&[("a.tf", google_provider(&mapping, "assertion.repository_owner_id == '5150'").as_bytes())]);
        let found = rules(&report);
        assert!(!found.is_empty() && found.iter().all(|r| r == "rejected-policy"), "{found:?}");
    }
}

#[test]
fn what_is_deeper_than_is_read_is_unknown_and_no_verdict() {
    let subject = [("google.subject".to_owned(), "assertion.sub".to_owned())];
    let chain: Vec<(String, String)> = std::iter::once(("google.subject".to_owned(), "attribute.a0".to_owned()))
        .chain(
            (0..40)
                .map(|i| (format!("attribute.a{i}"), if i == 39 { "assertion.sub".to_owned() } else { format!("attribute.a{}", i + 1) })),
        )
        .collect();
    let owner = "assertion.repository_owner_id == '5150'";
    let deep = format!("{}{owner}{}", "(".repeat(150), ")".repeat(150));
    let wide = format!("assertion.sub.matches('{}')", "(octo/app){500}".repeat(60));
    for text in [google_provider(&subject, &deep), google_provider(&subject, &wide), google_provider(&chain, owner)] {
        let report = survives(&[("a.tf", text.as_bytes())]);
        assert!(rules(&report).is_empty(), "{:?}", rules(&report));
        assert_eq!(report["coverage"]["undecided"].as_array().map(Vec::len), Some(1), "{}", report["coverage"]);
    }
}

#[test]
fn actions_and_keys_of_any_shape_are_read() {
    let statement = |action: &str, key: &str| {
        serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
            "Action": action,
            "Condition": {"StringEquals": {key: "repo:octo/app:ref:refs/heads/main"}},
        }]})
        .to_string()
    };
    let stars = format!("sts:AssumeRole{}x", "*".repeat(100));
    let stars = statement(&stars, "token.actions.githubusercontent.com:sub");
    // Letters that grow when they are made small.
    let letters = statement("sts:AssumeRoleWithWebIdentity", "x:\u{130}\u{130}\u{130}");
    survives(&[("stars.json", stars.as_bytes()), ("letters.json", letters.as_bytes())]);
}

#[test]
fn many_statements_that_never_apply_cost_what_they_are() {
    let one = |i: usize| {
        serde_json::json!({
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/{i:032X}")},
        })
    };
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": (0..200).map(one).collect::<Vec<_>>()}).to_string();
    survives(&[("many.json", policy.as_bytes())]);
}

#[test]
fn bytes_that_are_no_text_are_counted() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(BAD.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let bom = [b"\xef\xbb\xbf".as_slice(), BAD.replace('\n', "\r\n").as_bytes()].concat();
    let crypt = [b"\0GITCRYPT\0".as_slice(), BAD.as_bytes()].concat();
    let report = survives(&[
        ("bom.tf", &bom),
        ("crypt.tf", &crypt),
        ("empty.json", b""),
        ("empty.tf", b""),
        ("empty.yaml", b""),
        ("wide.tf", &utf16),
    ]);
    assert!(findings(&report).iter().any(|f| f["path"] == "bom.tf"), "a BOM and CRLF hide a finding");
    assert!(skipped(&report) >= 1, "{}", report["coverage"]);
}

#[test]
fn long_lines_and_many_files_are_read() {
    let line = format!("# {}\n{BAD}", "x".repeat(5_000_000));
    let report = survives(&[("a.tf", line.as_bytes())]);
    assert!(findings(&report).iter().any(|f| f["path"] == "a.tf"));
    let names: Vec<String> = (0..2000).map(|i| format!("d{}/f{i}.tf", i % 50)).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), b"resource \"aws_iam_role\" \"t\" {}\n".as_slice())).collect();
    survives(&files);
}

#[test]
fn broken_files_are_counted_and_strict_makes_them_fail() {
    let folder = Folder::new();
    folder.write("a.tf", format!("resource \"aws_iam_role\" {{{{{{\n{BAD}").as_bytes());
    folder.write("b.json", b"{\"AssumeRoleWithWebIdentity\": [}");
    let report = json(&check(&folder, &[]));
    assert!(findings(&report).iter().any(|f| f["path"] == "a.tf"), "what follows a broken block is lost");
    assert_eq!(check(&folder, &[]).status.code(), Some(1));
    assert_eq!(check(&folder, &["--exit-zero"]).status.code(), Some(0));
    assert_eq!(check(&folder, &["--strict"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_root_is_read() {
    use std::os::unix::fs::symlink;
    let outside = Folder::new();
    outside.write("o.tf", BAD.replace("\"bad\"", "\"outside\"").as_bytes());
    outside.write("secret", b"from-outside-the-root");
    let folder = Folder::new();
    folder.write("a.tf", format!("{}module \"m\" {{\n  source = \"./out\"\n}}\n{BAD}", role("file(\"secret\")")).as_bytes());
    folder.write("b.tf", role("file(\"/etc/passwd\")").replace("\"r\"", "\"r2\"").as_bytes());
    folder.write("c.tf", role("file(\"../../../../../../../../etc/passwd\")").replace("\"r\"", "\"r3\"").as_bytes());
    std::fs::create_dir(folder.path().join("dir.tf")).unwrap();
    for (target, link) in [
        (outside.path().join("o.tf"), "o.tf"),
        (outside.path().join("secret"), "secret"),
        (outside.path().to_path_buf(), "out"),
        ("/nowhere/at/all".into(), "dangling.tf"),
        (".".into(), "loop"),
    ] {
        symlink(target, folder.path().join(link)).unwrap();
    }
    let out = check(&folder, &[]);
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(text.contains("aws_iam_role.bad"));
    assert!(!text.contains("aws_iam_role.outside") && !text.contains("from-outside") && !text.contains("root:"), "{text}");
}

#[cfg(unix)]
#[test]
fn control_characters_are_shown_and_not_obeyed() {
    let folder = Folder::new();
    folder.write("a\u{1b}[31m %#\nb.tf", BAD.replace("\"bad\"", "\"b\u{1b}[31mad\u{202e}\u{7}\"").as_bytes());
    let sub = serde_json::json!({"StringLike": {"token.actions.githubusercontent.com:sub": "repo:\u{1b}]0;pwned\u{7}*"}});
    folder.write("p.json", policy(&sub).as_bytes());
    for arguments in [&["check", ".", "--color", "never"][..], &["graph", ".", "--format", "dot"], &["graph", ".", "--format", "mermaid"]] {
        let out = run(&folder, arguments, None);
        assert!(!out.stdout.iter().any(|b| matches!(b, 0x1b | 0x07)), "{arguments:?}: {}", String::from_utf8_lossy(&out.stdout));
        assert!(!String::from_utf8_lossy(&out.stdout).contains('\u{202e}'), "{arguments:?}");
    }
    let sarif = json(&run(&folder, &["check", ".", "--format", "sarif"], None));
    let uris: Vec<String> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().to_owned())
        .collect();
    assert!(uris.iter().any(|u| u == "a%1B%5B31m%20%25%23%0Ab.tf"), "{uris:?}");
}

/// ServiceAccounts that all name one ARN, and roles of its name in so many clusters: each pair is a question.
#[test]
fn accounts_that_share_an_arn_meet_each_role_of_its_name() {
    let issuer = |i: usize| format!("oidc.eks.eu-west-1.amazonaws.com/id/{i:032X}");
    let role = |i: usize| {
        let statement = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{}", issuer(i))},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                format!("{}:sub", issuer(i)): format!("system:serviceaccount:team:sa-{i}"),
                format!("{}:aud", issuer(i)): "sts.amazonaws.com",
            }},
        }]});
        let text = serde_json::Value::from(statement.to_string());
        format!("resource \"aws_iam_role\" \"r{i}\" {{\n  name = \"shared\"\n  assume_role_policy = {text}\n}}\n")
    };
    let account = |i: usize| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: sa-{i}\n  namespace: team\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/shared\n"
        )
    };
    let roles: String = (0..40).map(role).collect();
    let accounts: Vec<String> = (0..80).map(account).collect();
    let report = survives(&[("a.tf", roles.as_bytes()), ("sa.yaml", accounts.join("---\n").as_bytes())]);
    // those that one of the roles is for are fine, the others get none
    let refused: Vec<&serde_json::Value> = findings(&report).iter().filter(|f| f["rule"] == "one-sided-binding").collect();
    assert_eq!(refused.len(), 40, "{report}");
    assert!(refused.iter().all(|f| (40..80).any(|i| f["message"].to_string().contains(&format!("sa-{i}`")))), "{refused:?}");
}

/// Members times providers: a pool's bindings are each asked of each of its providers.
#[test]
fn members_of_a_pool_of_many_providers_are_judged() {
    let mut text = String::from("resource \"google_iam_workload_identity_pool\" \"p\" {\n  workload_identity_pool_id = \"pool\"\n}\n");
    for i in 0..8 {
        let provider = google_provider(
            &[
                ("google.subject".to_owned(), "assertion.sub".to_owned()),
                ("attribute.repository".to_owned(), "assertion.repository".to_owned()),
            ],
            &format!("assertion.repository_owner_id == '{}'", 5150 + i),
        );
        text.push_str(&provider.replace("\"p\" {", &format!("\"p{i}\" {{")).replace("\"prov\"", &format!("\"prov-{i}\"")));
    }
    for i in 0..12 {
        let member =
            "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/pool/attribute.repository";
        text.push_str(&format!(
            "resource \"google_service_account_iam_member\" \"m{i}\" {{\n  service_account_id = \"projects/x/serviceAccounts/s{i}@x.iam.gserviceaccount.com\"\n  role = \"roles/iam.workloadIdentityUser\"\n  member = \"{member}/octo/app-{i}\"\n}}\n"
        ));
    }
    let report = survives(&[("a.tf", text.as_bytes())]);
    let told = rules(&report).iter().filter(|rule| *rule == "any-ref").count();
    assert_eq!(told, 12, "{report}");
    assert!(report["coverage"]["undecided"].as_array().unwrap().is_empty(), "{}", report["coverage"]);
}

/// What the table of attacks has and no other test: many modules, scans of very many files of one size, charts of one line.
#[test]
fn wide_modules_and_charts_end() {
    let mut files: Vec<(String, String)> = Vec::new();
    for level in 0..3 {
        let calls: String = (0..6).map(|i| format!("module \"n{i}\" {{\n  source = \"../m{}\"\n}}\n", level + 1)).collect();
        files.push((format!("m{level}/main.tf"), calls));
    }
    files.push(("m3/main.tf".to_owned(), BAD.replace("\"bad\"", "\"leaf\"")));
    files.push(("c/Chart.yaml".to_owned(), "name: c\nversion: 1.0.0\n".to_owned()));
    let line = format!("kind: ServiceAccount\n# eks.amazonaws.com/role-arn\nx: {}\n", "{{ if x }}".repeat(20_000));
    files.push(("c/templates/a.yaml".to_owned(), line));
    let nested: String = (0..40)
        .map(|i| format!("data \"aws_iam_policy_document\" \"d{i}\" {{\n  source_policy_documents = [data.aws_iam_policy_document.d{0}.json, data.aws_iam_policy_document.d{0}.json]\n}}\n", i + 1))
        .collect();
    let last = "data \"aws_iam_policy_document\" \"d40\" {\n  statement {\n    actions = [\"sts:AssumeRoleWithWebIdentity\"]\n  }\n}\n";
    files.push(("d/a.tf".to_owned(), format!("{nested}{last}{}", role("data.aws_iam_policy_document.d0.json"))));
    let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let report = survives(&files);
    assert!(findings(&report).iter().any(|f| f["path"] == "m3/main.tf"), "{report}");
    let undecided = report["coverage"]["undecided"].to_string();
    assert!(undecided.contains("d/a.tf"), "{undecided}");
}

/// Large files are bounded together, not only each by itself.
#[test]
fn large_files_are_bounded_together() {
    let text = format!("# AssumeRoleWithWebIdentity\n{}", format!("# {}\n", "x".repeat(78)).repeat(100_000));
    let names: Vec<String> = (0..12).map(|i| format!("c{i:02}.tf")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), text.as_bytes())).collect();
    let report = survives(&files);
    assert!(report["coverage"]["files_skipped"].to_string().contains("together more than"), "{}", report["coverage"]["files_skipped"]);
}

#[test]
fn what_is_no_principal_is_nobodys_account() {
    let policy = |arn: &str| {
        serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}]})
            .to_string()
    };
    let found = |arn: &str| {
        let folder = Folder::new();
        folder.write("a.json", policy(arn).as_bytes());
        let report = json(&check(&folder, &[]));
        findings(&report).iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("arn:aw//s:iam::111122223333:root"), ["malformed-principal"]);
    assert_eq!(found("arn:aws-eusc:iam::111122223333:root"), ["account-principal"]);
}

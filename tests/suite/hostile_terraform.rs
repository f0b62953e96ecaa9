//! Terraform that is written to keep its reader busy: every one of these ends, says what it did not decide, and hides
//! nothing that stands beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder, check, findings, json};
use std::fmt::Write as _;

/// Checks these files with a bad role beside them; the run must end and the bad role be found. How long it takes is measured in `benches/`.
fn survives(name: &str, files: &[(&str, &str)]) -> serde_json::Value {
    let folder = Folder::new();
    files.iter().for_each(|(path, text)| folder.write(path, text.as_bytes()));
    folder.write("zz/bad.tf", BAD.as_bytes());
    let report = json(&check(&folder, &[]));
    let found = findings(&report).iter().any(|f| f["path"] == "zz/bad.tf" && f["rule"] == "missing-subject");
    assert!(found, "the bad role is hidden by {name}");
    report
}

fn says(report: &serde_json::Value, list: &str, words: &str) -> bool {
    report["coverage"][list].to_string().contains(words)
}

#[test]
fn beginnings_without_an_end_are_read_in_linear_time() {
    let block = "resource \"aws_iam_role\" \"x\" {";
    let beginnings = ["", " x = <<EOT", " /*", " a = \"${", " a = {", " a = f(", " a = \"%{ if x }", " a = [", " a = \"", " a = (1 +"];
    for rest in beginnings {
        let text =
            format!("# AssumeRoleWithWebIdentity\n{}", format!("{block}{rest}\n").repeat(if rest.is_empty() { 20_000 } else { 5_000 }));
        let report = survives(rest, &[("a.tf", &text)]);
        assert!(!report["coverage"]["files_skipped"].as_array().unwrap().is_empty(), "`{rest}` is in the coverage");
    }
    // one beginning that runs to the end before many that break early
    let text = format!("# AssumeRoleWithWebIdentity\n{block}\n  a = <<E\n{}", "resource x {\n".repeat(50_000));
    let report = survives("a heredoc", &[("a.tf", &text)]);
    assert!(says(&report, "files_skipped", "the heredoc is not closed by `E`"));
}

#[test]
fn a_file_that_is_broken_all_over_still_gives_its_good_blocks() {
    // the broken ones are no reason to lose what comes after them
    let text = format!("{}{}", "resource \"aws_iam_role\" \"x\" {\n".repeat(2_000), BAD.replace("\"bad\"", "\"after\""));
    let report = survives("broken blocks", &[("a.tf", &text)]);
    assert!(findings(&report).iter().any(|f| f["path"] == "a.tf" && f["rule"] == "missing-subject"), "{}", report["coverage"]["trusts"]);
    let problems = report["coverage"]["files_skipped"].as_array().unwrap();
    assert!(problems.len() < 300, "{} problems are told of one file", problems.len());
}

#[test]
fn loops_in_templates_stop_at_a_limit() {
    let looped = |levels: usize, items: usize, body: &str| {
        let open: String = (0..levels).fold(String::new(), |mut out, i| {
            let _ = write!(out, "%{{ for x{i} in local.a }}");
            out
        });
        let close = "%{ endfor }".repeat(levels);
        format!(
            "variable \"v\" {{}}\nlocals {{\n  a = range({items})\n}}\nresource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = \"{open}{body}{close}\"\n}}\n"
        )
    };
    for (levels, items, body) in [
        (8, 100, "x"),
        (8, 100, ""),
        (2, 1000, "text ${x0} and ${x1} more"),
        (3, 1000, "%{ if true }abc%{ else }def%{ endif }"),
        // each turn doubles what the text may be
        (4, 1000, "%{ if var.v == x0 }abc%{ else }def%{ endif }"),
        (4, 1000, "${var.v == x0 ? 1 : 2}"),
    ] {
        let report = survives(body, &[("a.tf", &looped(levels, items, body))]);
        let limited = says(&report, "undecided", "evaluation steps") || says(&report, "undecided", "more than can be kept");
        assert!(limited, "`{body}` is in the coverage: {}", report["coverage"]);
    }
}

#[test]
fn modules_that_multiply_stop_at_a_limit() {
    let mut files: Vec<(String, String)> = Vec::new();
    for level in 0..8 {
        let call = format!("module \"n\" {{\n  source = \"../m{}\"\n  count  = 100\n}}\n", level + 1);
        files.push((format!("m{level}/main.tf"), call));
    }
    let leaf = "resource \"google_project_iam_member\" \"x\" {\n  project = \"p\"\n  role = \"roles/viewer\"\n  member = \"user:a@example.com\"\n}\n";
    files.push(("m8/main.tf".to_owned(), leaf.to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let report = survives("100^8 modules", &files);
    assert!(says(&report, "undecided", "instances"), "{}", report["coverage"]);
}

#[test]
fn long_lists_of_keys_and_of_conditions_are_read_in_linear_time() {
    let keys: Vec<String> = (0..100_000).map(|i| format!("k{i} = {i}")).collect();
    let report = survives(
        "keys",
        &[(
            "a.tf",
            &format!(
                "locals {{\n  a = {{ {} }}\n}}\nresource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = jsonencode(local.a)\n}}\n",
                keys.join(", ")
            ),
        )],
    );
    assert!(says(&report, "undecided", "too large"), "{}", report["coverage"]);
    let grouped = "locals {\n  a = { for i in range(20000) : \"k${i}\" => i }\n  b = { for i in range(20000) : \"k\" => i... }\n}\nresource \"aws_iam_role\" \"r\" {\n  assume_role_policy = jsonencode([local.a, local.b])\n}\n";
    survives("a for with keys", &[("a.tf", grouped)]);
    let validation = |i: usize| format!("  validation {{\n    condition = can(regex(\"^(a|b){{1,{}}}$\", var.v))\n  }}\n", i % 60 + 1);
    let validations: String = (0..2_000).map(validation).collect();
    let role = BAD.replace("\"sts.amazonaws.com\"", "\"${var.v}\"");
    survives("validations", &[("a.tf", &format!("variable \"v\" {{\n{validations}}}\n{role}"))]);
}

#[test]
fn units_of_terragrunt_that_depend_on_each_other_end() {
    let module =
        "variable \"a\" {}\noutput \"o\" {\n  value = var.a\n}\nresource \"aws_iam_role\" \"r\" {\n  assume_role_policy = var.a\n}\n";
    let mut files: Vec<(String, String)> = vec![("modules/m/main.tf".to_owned(), module.to_owned())];
    // each unit depends on all the others
    for unit in 0..12 {
        let mut text = "terraform {\n  source = \"../../modules/m\"\n}\n".to_owned();
        let others: Vec<usize> = (0..12).filter(|o| *o != unit).collect();
        for other in &others {
            let _ = write!(text, "dependency \"u{other}\" {{\n  config_path = \"../u{other}\"\n}}\n");
        }
        let inputs: Vec<String> = others.iter().map(|o| format!("${{dependency.u{o}.outputs.o}}")).collect();
        let _ = write!(text, "inputs = {{\n  a = \"{}\"\n}}\n", inputs.join(""));
        files.push((format!("live/u{unit}/terragrunt.hcl"), text));
    }
    // a file that reads itself, a unit that includes itself
    let own = "locals {\n  me = read_terragrunt_config(\"own.hcl\")\n}\ninputs = {\n  a = local.me.locals.me\n}\n";
    files.push(("live/own/own.hcl".to_owned(), own.to_owned()));
    let unit = "include {\n  path = \"terragrunt.hcl\"\n}\nterraform {\n  source = \"../../modules/m\"\n}\ninputs = merge(read_terragrunt_config(\"own.hcl\").inputs, {})\n";
    files.push(("live/own/terragrunt.hcl".to_owned(), unit.to_owned()));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    survives("units", &files);
}

#[test]
fn a_heavy_neighbour_takes_nothing_away() {
    let heavy = "[for a in range(1000): [for b in range(1000): [for c in range(1000): 1]]]";
    let inline = |name: &str| format!("resource \"aws_iam_role\" \"{name}\" {{\n  assume_role_policy = jsonencode({heavy})\n}}\n");
    let local =
        format!("locals {{\n  z = {heavy}\n}}\nresource \"aws_iam_role\" \"aaa\" {{\n  assume_role_policy = jsonencode(local.z)\n}}\n");
    let many: String = (0..40).map(|i| inline(&format!("a{i:02}"))).collect();
    let count = "resource \"aws_iam_role\" \"aaa\" {\n  count = 15000\n  assume_role_policy = jsonencode([for i in range(1000): i])\n}\n"
        .to_owned();
    let dynamic = "data \"aws_iam_policy_document\" \"d\" {\n  dynamic \"statement\" {\n    for_each = range(1000)\n    content {\n      dynamic \"condition\" {\n        for_each = range(1000)\n        content {\n          test     = \"StringLike\"\n          variable = \"a\"\n          values   = range(1000)\n        }\n      }\n    }\n  }\n}\nresource \"aws_iam_role\" \"aaa\" {\n  assume_role_policy = data.aws_iam_policy_document.d.json\n}\n".to_owned();
    // what is written out beside it, directly or in a local, is judged
    let through = BAD.replace("\"bad\"", "\"through\"").replace("\"sts:AssumeRoleWithWebIdentity\"", "local.action");
    let through = format!("locals {{\n  action = \"sts:AssumeRoleWithWebIdentity\"\n}}\n{through}");
    for (name, text) in [("a local", local), ("forty of them", many), ("a count", count), ("dynamic blocks", dynamic)] {
        let report = survives(name, &[("infra/a.tf", &text), ("infra/bad.tf", BAD), ("infra/through.tf", &through)]);
        for path in ["infra/bad.tf", "infra/through.tf"] {
            let found = findings(&report).iter().any(|f| f["path"] == path && f["rule"] == "missing-subject");
            assert!(found, "{name} hides {path}: {}", report["coverage"]);
        }
        assert!(!report["coverage"]["undecided"].as_array().unwrap().is_empty(), "{name} is in the coverage");
    }
}

#[test]
fn texts_that_would_be_too_large_are_not_made() {
    let big = "locals {\n  k = join(\"\", [for i in range(1000): \"xxxxxxxxxx\"])\n  b = join(\"\", [for i in range(90): local.k])\n}\n";
    let groups = "$0".repeat(1_000);
    let verbs = "%[1]s".repeat(5_000);
    for expression in [
        "replace(local.b, \"\", local.b)",
        "replace(local.b, \"/x/\", local.b)",
        "replace(local.b, \"/x*/\", local.b)",
        &format!("replace(local.b, \"/.*/\", \"{groups}\")"),
        "replace(\"${var.a}x${var.a}x${var.a}x\", \"x\", local.b)",
        &format!("format(\"{verbs}\", local.b)"),
        "jsonencode(regexall(\"\", local.b))",
        "jsonencode([for i in range(1000): replace(local.b, \"x\", \"y\")])",
        "jsonencode([for i in range(1000): [for j in range(100): length(split(\"x\", local.b))]])",
        "jsonencode([for i in range(1000): local.b])",
        "join(local.b, [for i in range(1000): \"x\"])",
        "jsonencode(formatlist(\"%s%s\", local.b, [for i in range(1000): local.b]))",
        "jsonencode(setproduct([local.b, local.b], range(1000)))",
        "base64encode(base64encode(base64encode(local.b)))",
        "jsonencode(chunklist([for i in range(1000): local.b], 1))",
        "\"%{ for i in range(1000) }${local.b}%{ endfor }\"",
    ] {
        let text = format!("variable \"a\" {{}}\n{big}resource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = {expression}\n}}\n");
        let report = survives(expression, &[("a.tf", &text)]);
        assert!(!report["coverage"]["undecided"].as_array().unwrap().is_empty(), "{expression} is in the coverage");
    }
}

#[test]
fn files_of_very_many_parts_are_told() {
    let ones = format!("resource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = [{}]\n}}\n", "1,".repeat(1_000_000));
    let holes = format!("resource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = \"{}\"\n}}\n", "${a}".repeat(500_000));
    let locals: String = (0..400_000).fold("locals {\n  x = \"AssumeRoleWithWebIdentity\"\n".to_owned(), |mut out, i| {
        let _ = writeln!(out, "  a{i} = {i}");
        out
    });
    let blocks = format!("# AssumeRoleWithWebIdentity\n{}", "locals {}\n".repeat(600_000));
    let json = format!("{{\"AssumeRoleWithWebIdentity\": [{}1]}}", "1,".repeat(1_500_000));
    let nested = format!("{{\"AssumeRoleWithWebIdentity\": // \"\n [{}1]}}", "[],".repeat(800_000));
    for (name, path, text) in [
        ("ones", "a.tf", ones),
        ("holes", "a.tf", holes),
        ("locals", "a.tf", locals + "}\n"),
        ("blocks", "a.tf", blocks),
        ("json", "a.json", json),
        ("nested json", "a.json", nested),
    ] {
        let report = survives(name, &[(path, &text)]);
        assert!(says(&report, "files_skipped", "more than"), "{name}: {}", report["coverage"]["files_skipped"]);
    }
}

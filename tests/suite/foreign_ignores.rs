//! Ignore comments of other tools' equivalent checks (`foreign-ignores`): on request, never at the gate.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{BAD, Folder, findings, json, run};
use serde_json::Value;

const POOL: &str = "resource \"google_iam_workload_identity_pool_provider\" \"p\" {\n  workload_identity_pool_id = \"ci\"\n  workload_identity_pool_provider_id = \"gh\"\n  attribute_mapping = { \"google.subject\" = \"assertion.sub\" }\n  oidc { issuer_uri = \"https://token.actions.githubusercontent.com\" }\n}\n";

fn report(text: &str, configuration: &str, arguments: &[&str]) -> Value {
    let folder = Folder::new();
    folder.write("main.tf", text.as_bytes());
    folder.write("fedlint.toml", configuration.as_bytes());
    json(&run(&folder, &[&["check", ".", "--format", "json"], arguments].concat(), None))
}

fn hidden(text: &str, configuration: &str, arguments: &[&str]) -> Vec<String> {
    let report = report(text, configuration, arguments);
    let all = report["suppressed"].as_array().unwrap();
    all.iter().map(|s| format!("{} {}", s["rule"].as_str().unwrap(), s["suppression"]["by"].as_str().unwrap_or_default())).collect()
}

#[test]
fn comments_of_other_tools_hold_when_they_are_asked_for() {
    let inside = |comment: &str| BAD.replacen("{\n", &format!("{{\n  {comment}\n"), 1);
    let checkov = "foreign-ignores = [\"checkov\"]\n";
    let trivy = "foreign-ignores = [\"trivy\", \"tfsec\", \"semgrep\"]\n";
    let skip = inside("#checkov:skip=CKV_AWS_358:only our runners have the provider");
    assert_eq!(hidden(&skip, checkov, &[]).len(), 1);
    for (text, configuration) in [
        // not asked for, another tool's, another check, outside of the block
        (skip.clone(), ""),
        (skip.clone(), trivy),
        (inside("#checkov:skip=CKV_AWS_60:x"), checkov),
        (inside("#checkov:skip=CKV_AWS_3580:x"), checkov),
        (format!("#checkov:skip=CKV_AWS_358:x\n{BAD}"), checkov),
    ] {
        assert_eq!(hidden(&text, configuration, &[]), Vec::<String>::new(), "{text}");
    }
    for (comment, holds) in [
        ("#trivy:ignore:AVD-GCP-0068", true),
        ("# trivy:ignore:google-iam-no-conditions-workload-identity-pool-provider", true),
        ("#trivy:ignore:AVD-GCP-0068:exp:2999-01-01", true),
        ("#trivy:ignore:AVD-GCP-0068:exp:2020-01-01", false),
        ("#trivy:ignore:AVD-GCP-0068:exp:soon", false),
        ("#trivy:ignore:AVD-GCP-0069", false),
        ("#tfsec:ignore:google-iam-no-conditions-workload-identity-pool-provider", true),
    ] {
        assert_eq!(!hidden(&format!("{comment}\n{POOL}"), trivy, &[]).is_empty(), holds, "{comment}");
    }
    let semgrep = "# nosemgrep: terraform.aws.security.unrestricted-github-oidc-policy.unrestricted-github-oidc-policy";
    assert_eq!(hidden(&format!("{semgrep}\n{BAD}"), trivy, &[]).len(), 1);
    // told with its reason, by its tool
    let all = report(&skip, checkov, &[]);
    assert!(all["suppressed"].to_string().contains("only our runners have the provider (checkov CKV_AWS_358)"), "{all}");
    assert_eq!(findings(&all).iter().filter(|f| f["rule"] == "unused-suppression").count(), 0);
    // a comment of another tool that hides nothing is no business of ours
    let idle = inside("#checkov:skip=CKV_AWS_61:x");
    assert!(findings(&report(&idle, checkov, &[])).iter().all(|f| f["rule"] != "unused-suppression"));
}

#[test]
fn the_gate_obeys_none_of_them() {
    let skip = BAD.replacen("{\n", "{\n  #checkov:skip=CKV_AWS_358:x\n", 1);
    let folder = Folder::new();
    folder.write("main.tf", skip.as_bytes());
    folder.write("fedlint.toml", b"foreign-ignores = [\"checkov\"]\n");
    let rules = |arguments: &[&str]| {
        let report = json(&run(&folder, &[&["check", ".", "--format", "json"], arguments].concat(), None));
        findings(&report).iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rules(&[]), Vec::<String>::new());
    for arguments in [&["--gate"][..], &["--gate", "--config", "fedlint.toml"], &["--no-ignores"]] {
        assert_eq!(rules(arguments), ["missing-subject"], "{arguments:?}");
    }
    folder.write("fedlint.toml", b"foreign-ignores = [\"lint\"]\n");
    let out = run(&folder, &["check", "."], None);
    assert!(out.status.code() == Some(2) && String::from_utf8_lossy(&out.stderr).contains("unknown variant `lint`"));
}

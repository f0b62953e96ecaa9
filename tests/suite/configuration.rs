//! Each key of the configuration has an effect, and a key without a row here fails the test.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{BAD, Folder, check, findings, json};
use std::collections::BTreeSet;

const OWN: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/ci.example.com"},
  "Condition": {"StringEquals": {"ci.example.com:aud": "sts.amazonaws.com"}}}]}"#;
/// Only the classic form of the subject.
const CLASSIC: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
  "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
    "token.actions.githubusercontent.com:sub": "repo:octo/app:environment:production"}}}]}"#;

const WORKFLOW: &str = "on: push\npermissions: {id-token: write}\njobs:\n  deploy:\n    environment: production\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: 'arn:aws:iam::111122223333:role/ci', aws-region: eu-west-1}\n";

/// The keys, each with a configuration that sets it.
pub(crate) const KEYS: [(&str, &str); 21] = [
    ("fail-on", "fail-on = \"critical\""),
    ("min-severity", "min-severity = \"critical\""),
    ("min-confidence", "min-confidence = \"proven\""),
    ("exclude", "exclude = [\"*.json\"]"),
    ("markdown", "markdown = true"),
    ("models", "models = \"nowhere\""),
    ("custom-rules", "custom-rules = \"nowhere\""),
    ("repository", "repository = \"octo/other\""),
    ("foreign-ignores", "foreign-ignores = [\"checkov\"]"),
    ("baseline", "baseline = \"nowhere.json\""),
    ("issuers.trusted", "issuers.trusted = [\"https://ci.example.com\"]"),
    ("issuers.files", "issuers.files = [\"nowhere.yaml\"]"),
    ("tenants.github", "tenants.github = [\"somebody\"]"),
    ("tenants.gitlab", "tenants.gitlab = [\"somebody\"]"),
    ("tenants.aws", "tenants.aws = [\"999900001111\"]"),
    ("tenants.google.octo-data", "tenants.google = { octo-data = \"481516234299\" }"),
    ("tenants.azure", "tenants.azure = [\"11111111-3f5c-4c0e-9a2f-5d1c6f7e0b11\"]"),
    ("tenants.trust-domains", "tenants.trust-domains = [\"other.example\"]"),
    ("rules.missing-subject.severity", "[rules.missing-subject]\nseverity = \"info\""),
    ("ignore", "[[ignore]]\nrule = \"missing-subject\"\nreason = \"known\""),
    ("github.immutable-subjects", "[github]\nimmutable-subjects = true"),
];

/// A role for the tokens of an issuer with this subject.
fn role(host: &str, subject: &str) -> String {
    CLASSIC.replace("token.actions.githubusercontent.com", host).replace("repo:octo/app:environment:production", subject)
}

/// Trusts that name a tenant of each vendor.
fn tenants(folder: &Folder) {
    folder.write("tenants/gitlab.json", role("gitlab.com", "project_path:octo/app:ref_type:branch:ref:main").as_bytes());
    let entra = "sts.windows.net/8b52f2a8-3f5c-4c0e-9a2f-5d1c6f7e0b11/";
    folder.write("tenants/entra.json", role(entra, "66666666-0000-4000-8000-000000000009").as_bytes());
    folder.write("tenants/spire.json", role("spire.octo.example", "spiffe://octo.example/ns/shop/sa/api").as_bytes());
    let account = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::222233334444:role/x"}}]}"#;
    folder.write("tenants/account.json", account.as_bytes());
    let binding = "resource \"google_service_account_iam_member\" \"m\" {\n  service_account_id = \"projects/octo-data/serviceAccounts/a@octo-data.iam.gserviceaccount.com\"\n  role = \"roles/iam.workloadIdentityUser\"\n  member = \"principal://iam.googleapis.com/projects/octo-data/locations/global/workloadIdentityPools/ci/subject/x\"\n}\n";
    folder.write("tenants/main.tf", binding.as_bytes());
}

/// The exit code and what is told: rule, severity, message.
fn told(configuration: &str) -> (Option<i32>, Vec<String>) {
    let folder = Folder::new();
    folder.write("own.json", OWN.as_bytes());
    folder.write("classic.json", CLASSIC.as_bytes());
    // Who can assume this role depends on a variable that nobody sets: likely, not proven.
    let some = "resource \"aws_iam_role\" \"bad\" {\n  count = var.branch == \"x\" ? 1 : 0";
    let role = BAD.replace("resource \"aws_iam_role\" \"bad\" {", some);
    let any_ref = "\"sts.amazonaws.com\" }\n        StringLike = { \"token.actions.githubusercontent.com:sub\" = \"repo:octo/app:*\" }";
    let role = role.replace("\"sts.amazonaws.com\" }", any_ref);
    folder.write("library/main.tf", format!("variable \"branch\" {{ type = string }}\n{role}").as_bytes());
    folder.write("SETUP.md", format!("The role trusts:\n\n```json\n{OWN}\n```\n").as_bytes());
    // A job that logs in to a role which only trusts the jobs of `octo/app`.
    folder.write(
        "jobs/main.tf",
        format!("resource \"aws_iam_role\" \"ci\" {{\n  name = \"ci\"\n  assume_role_policy = <<EOT\n{CLASSIC}\nEOT\n}}\n").as_bytes(),
    );
    folder.write(".github/workflows/deploy.yml", WORKFLOW.as_bytes());
    // A comment of another tool.
    let skipped = "resource \"aws_iam_role\" \"audit\" {\n  #checkov:skip=CKV_AWS_61:known\n  assume_role_policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = { AWS = \"arn:aws:iam::444455556666:root\" } }] })\n}\n";
    folder.write("skipped/main.tf", skipped.as_bytes());
    tenants(&folder);
    folder.write("fedlint.toml", configuration.as_bytes());
    let out = check(&folder, &[]);
    if out.stdout.is_empty() {
        return (out.status.code(), Vec::new());
    }
    let report = json(&out);
    let told = findings(&report).iter().map(|f| format!("{} {} {} {} {}", f["rule"], f["severity"], f["path"], f["message"], f["help"]));
    (out.status.code(), told.collect())
}

#[test]
fn every_key_has_an_effect() {
    let default = told("");
    for (key, configuration) in KEYS {
        assert_ne!(told(configuration), default, "{key}");
    }
}

#[test]
fn every_key_has_a_row() {
    fn leaves(value: &toml::Value, path: &str, out: &mut BTreeSet<String>) {
        let Some(table) = value.as_table() else {
            out.insert(path.to_owned());
            return;
        };
        for (key, value) in table {
            leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, out);
        }
    }
    let whole: String = KEYS.iter().map(|(_, text)| format!("{text}\n")).collect();
    let config = fedlint::config::Config::parse("fedlint.toml", &whole).expect("all of them together are a configuration");
    // A key that nobody sets is left out when it is written: every field is set here, so a new one is missed only if it has
    // no row, and then this destructuring does not compile.
    let fedlint::config::Config {
        fail_on: _,
        min_severity: _,
        min_confidence: _,
        exclude: _,
        markdown: _,
        models: _,
        rules: _,
        issuers,
        github,
        ignore: _,
        baseline: _,
        repository: _,
        path: _,
        folder: _,
        root: _,
        is_whole: _,
        described: _,
        custom_rules: _,
        foreign_ignores: _,
        own: _,
        reads_parts: _,
        parts: _,
        tenants,
        revision: _,
    } = config.clone();
    let fedlint::config::IssuerConfig { trusted: _, files: _ } = issuers;
    let fedlint::config::TenantConfig { github: _, gitlab: _, aws: _, google: _, azure: _, trust_domains: _ } = tenants;
    let fedlint::config::GithubConfig { immutable_subjects: _ } = github;
    let mut found = BTreeSet::new();
    leaves(&toml::Value::try_from(&config).unwrap(), "", &mut found);
    assert_eq!(found, KEYS.iter().map(|(key, _)| (*key).to_owned()).collect());
}

#[test]
fn an_issuer_of_ones_own_is_low_and_a_known_one_cannot_be_claimed() {
    let own = |told: Vec<String>| told.into_iter().filter(|t| t.contains("own.json")).collect::<Vec<_>>();
    let (_, before) = told("");
    assert!(own(before)[0].starts_with("\"missing-subject\" \"medium\""));
    for url in ["https://ci.example.com", "ci.example.com", "https://CI.example.com/"] {
        let (_, after) = told(&format!("[issuers]\ntrusted = [\"{url}\"]"));
        assert!(own(after)[0].starts_with("\"missing-subject\" \"low\""), "{url}");
    }
    let (_, other) = told("[issuers]\ntrusted = [\"https://ci.example.com/other\"]");
    assert!(own(other)[0].starts_with("\"missing-subject\" \"medium\""));
    for wrong in ["https://token.actions.githubusercontent.com", "http://ci.example.com", "https://gitlab.com"] {
        assert_eq!(told(&format!("[issuers]\ntrusted = [\"{wrong}\"]")), (Some(2), Vec::new()), "{wrong}");
    }
}

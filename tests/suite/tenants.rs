//! `[tenants]` and `[issuers] files`: what a team knows makes verdicts sharper and hides nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{Folder, findings, json, run};
use serde_json::{Value, json as value};

const GITHUB: &str = "token.actions.githubusercontent.com";
const LISTED: &str = "[tenants]\ngithub = { octo-org = 4417, octo-labs = 5120 }\naws = [\"111122223333\", \"222233334444\"]\n";

/// A trust policy for tokens of an issuer.
fn federated(host: &str, condition: &Value) -> String {
    let condition = condition.to_string().replace("{H}", host);
    let provider = format!("arn:aws:iam::111122223333:oidc-provider/{host}");
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {{"Federated": "{provider}"}}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {condition}}}]}}"#
    )
}

fn subject(sub: &str) -> String {
    let operator = if sub.contains('*') { "StringLike" } else { "StringEquals" };
    let audience = value!({"{H}:aud": "sts.amazonaws.com"});
    let condition = match operator {
        "StringLike" => value!({"StringEquals": audience, "StringLike": {"{H}:sub": sub}}),
        _ => value!({"StringEquals": {"{H}:aud": "sts.amazonaws.com", "{H}:sub": sub}}),
    };
    federated(GITHUB, &condition)
}

/// Rule, severity and the witness of each finding at medium and above.
fn found(policy: &str, configuration: &str, arguments: &[&str]) -> Vec<(String, String, Value)> {
    let folder = Folder::new();
    folder.write("trust.json", policy.as_bytes());
    folder.write("fedlint.toml", configuration.as_bytes());
    let report = json(&run(&folder, &[&["check", ".", "--format", "json", "--min-severity", "medium"], arguments].concat(), None));
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    findings(&report).iter().map(|f| (text(&f["rule"]), text(&f["severity"]), f["witness"].clone())).collect()
}

fn rules(policy: &str, configuration: &str) -> Vec<String> {
    found(policy, configuration, &[]).into_iter().map(|(rule, severity, _)| format!("{severity} {rule}")).collect()
}

#[test]
fn an_owner_that_is_not_listed_is_foreign() {
    let none: [&str; 0] = [];
    for (sub, expected) in [
        ("repo:octo-org/app:environment:prod", &none[..]),
        ("repo:Octo-Labs/app:environment:prod", &none),
        ("repo:octo-org@4417/app@1:environment:prod", &none),
        // a slip of the keyboard is somebody's name
        ("repo:octo-orgs/app:environment:prod", &["high foreign-tenant"]),
        ("repo:vendor@9/app@1:environment:prod", &["high foreign-tenant"]),
        // the name is ours and the id is not
        ("repo:octo-org@9999/app@1:environment:prod", &["high foreign-tenant"]),
    ] {
        assert_eq!(rules(&subject(sub), LISTED), expected, "{sub}");
        assert_eq!(rules(&subject(sub), ""), none, "{sub}");
    }
}

#[test]
fn an_id_that_is_not_listed_is_foreign_where_all_ids_are_known() {
    let policy = |id: &str| {
        let pins = value!({"{H}:aud": "sts.amazonaws.com", "{H}:repository_owner_id": id, "{H}:environment": "prod"});
        federated(GITHUB, &value!({"StringEquals": pins, "StringLike": {"{H}:sub": "repo:*:environment:prod"}}))
    };
    let foreign = |id: &str, configuration: &str| rules(&policy(id), configuration).contains(&"high foreign-tenant".to_owned());
    assert!(foreign("9", LISTED) && !foreign("4417", LISTED));
    assert!(!foreign("9", "[tenants]\ngithub = [\"octo-org\"]\n"), "whose id it is cannot be said");
}

/// What a stranger gets is told whatever is listed, and the stranger is one.
#[test]
fn a_list_takes_no_finding_away() {
    for sub in ["repo:octo*", "repo:*:environment:prod", "repo:*/app:environment:prod"] {
        let (before, after) = (found(&subject(sub), "", &[]), found(&subject(sub), LISTED, &[]));
        let names =
            |all: &[(String, String, Value)]| all.iter().map(|(rule, severity, _)| (rule.clone(), severity.clone())).collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "{sub}");
        let owner = after[0].2["sub"].as_str().unwrap().trim_start_matches("repo:").split(['/', '@']).next().unwrap().to_owned();
        assert!(!["octo-org", "octo-labs"].contains(&owner.as_str()), "{sub}: {owner}");
    }
    // the gate reads nothing of the checked tree
    let evil = "[tenants]\ngithub = [\"evil\"]\n";
    assert_eq!(found(&subject("repo:octo-org/app:environment:prod"), evil, &["--gate"]).len(), 0);
    assert_eq!(found(&subject("repo:octo-org/app:environment:prod"), evil, &[]).len(), 1);
}

/// An owner that only a variable says may be one of ours.
#[test]
fn what_is_not_known_is_not_foreign() {
    let folder = Folder::new();
    let policy = subject("repo:ORG/app:environment:prod").replace("ORG", "${var.org}");
    let role = format!(
        "variable \"org\" {{ type = string }}\nresource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = <<EOT\n{policy}\nEOT\n}}\n"
    );
    folder.write("main.tf", role.as_bytes());
    folder.write("fedlint.toml", LISTED.as_bytes());
    let report = json(&run(&folder, &["check", ".", "--format", "json"], None));
    assert!(findings(&report).iter().all(|f| f["rule"] != "foreign-tenant"), "{report}");
}

#[test]
fn accounts_that_are_listed_and_accounts_that_are_not() {
    let policy = |principal: &str, more: &str| {
        format!(
            r#"{{"Role": {{"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "AssumeRolePolicyDocument": {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {{"AWS": "{principal}"}}{more}}}]}}}}}}"#
        )
    };
    let none: [&str; 0] = [];
    let external = r#", "Condition": {"StringEquals": {"sts:ExternalId": "7b2d8e1c-0f6a-4f43-9d3b-6f9f3f1f2a10"}}"#;
    for (principal, more, before, after) in [
        ("arn:aws:iam::222233334444:root", "", &["medium account-principal"][..], &none[..]),
        ("arn:aws:iam::999900001111:root", "", &["medium account-principal"], &["high account-principal"]),
        ("arn:aws:iam::999900001111:role/x", "", &none, &["high foreign-tenant"]),
        ("arn:aws:iam::999900001111:root", external, &none, &["high foreign-tenant"]),
        ("arn:aws:iam::222233334444:role/x", "", &none, &none),
        // the role's own account needs no entry
        ("arn:aws:iam::111122223333:role/x", "", &none, &none),
    ] {
        assert_eq!(rules(&policy(principal, more), ""), before, "{principal}");
        assert_eq!(rules(&policy(principal, more), LISTED), after, "{principal}");
    }
    let witness = found(&policy("arn:aws:iam::999900001111:role/x", ""), LISTED, &[])[0].2.clone();
    assert_eq!(witness["aws:PrincipalAccount"], "999900001111");
}

/// A pool's provider: an Entra tenant, an AWS account, a group of GitLab.
#[test]
fn providers_of_google_pools() {
    let pool = |source: &str, condition: &str, member: &str| {
        format!(
            "resource \"google_iam_workload_identity_pool\" \"p\" {{\n  workload_identity_pool_id = \"pool\"\n  project = \"octo-data\"\n}}\nresource \"google_iam_workload_identity_pool_provider\" \"p\" {{\n  workload_identity_pool_id = google_iam_workload_identity_pool.p.workload_identity_pool_id\n  workload_identity_pool_provider_id = \"provider\"\n  attribute_condition = \"{condition}\"\n  attribute_mapping = {{ \"google.subject\" = \"assertion.sub\", \"attribute.project\" = \"assertion.project_path\" }}\n  {source}\n}}\nresource \"google_service_account\" \"a\" {{\n  account_id = \"deployer\"\n  project = \"octo-data\"\n}}\nresource \"google_service_account_iam_member\" \"m\" {{\n  service_account_id = google_service_account.a.name\n  role = \"roles/iam.workloadIdentityUser\"\n  member = \"{member}\"\n}}\n"
        )
    };
    let told = |text: &str, configuration: &str| {
        let folder = Folder::new();
        folder.write("main.tf", text.as_bytes());
        folder.write("fedlint.toml", configuration.as_bytes());
        let report = json(&run(&folder, &["check", ".", "--format", "json"], None));
        let wanted = ["foreign-tenant", "project-id-in-principal"];
        let all = findings(&report).iter().filter(|f| wanted.contains(&f["rule"].as_str().unwrap()));
        all.map(|f| format!("{} {}", f["rule"].as_str().unwrap(), f["help"].as_str().unwrap())).collect::<Vec<_>>()
    };
    let member = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.p.name}/attribute.project/octo-group/app";
    let gitlab = "oidc { issuer_uri = \"https://gitlab.com\" }";
    let condition = "assertion.project_path.startsWith('octo-group/') && assertion.ref == 'main' && assertion.ref_type == 'branch'";
    assert_eq!(told(&pool(gitlab, condition, member), "[tenants]\ngitlab = [\"octo-group\"]\n"), Vec::<String>::new());
    assert_eq!(told(&pool(gitlab, condition, member), "[tenants]\ngitlab = [\"other\"]\n").len(), 1);
    let entra = "oidc { issuer_uri = \"https://login.microsoftonline.com/8b52f2a8-3f5c-4c0e-9a2f-5d1c6f7e0b11/v2.0\" }";
    let text = pool(
        entra,
        "assertion.sub == '66666666-0000-4000-8000-000000000009'",
        "principal://iam.googleapis.com/${google_iam_workload_identity_pool.p.name}/subject/66666666-0000-4000-8000-000000000009",
    )
    .replace(", \"attribute.project\" = \"assertion.project_path\"", "");
    assert_eq!(told(&text, "[tenants]\nazure = [\"8B52F2A8-3f5c-4c0e-9a2f-5d1c6f7e0b11\"]\n"), Vec::<String>::new());
    assert_eq!(told(&text, "[tenants]\nazure = [\"11111111-3f5c-4c0e-9a2f-5d1c6f7e0b11\"]\n").len(), 1);
    // the number of a project
    let by_id =
        "principalSet://iam.googleapis.com/projects/octo-data/locations/global/workloadIdentityPools/pool/attribute.project/octo-group/app";
    let advice = told(&pool(gitlab, condition, by_id), "[tenants]\ngoogle = { octo-data = 481516234299 }\n");
    assert!(advice.len() == 1 && advice[0].contains("`481516234299`"), "{advice:?}");
}

#[test]
fn advice_and_inventory_carry_what_is_listed() {
    let folder = Folder::new();
    folder.write("trust.json", subject("repo:octo-org/app:environment:prod").as_bytes());
    let pins = value!({"{H}:aud": "sts.amazonaws.com", "{H}:repository_owner_id": "5120"});
    folder.write("id.json", federated(GITHUB, &value!({"StringEquals": pins})).as_bytes());
    folder.write("fedlint.toml", LISTED.as_bytes());
    let report = json(&run(&folder, &["check", ".", "--format", "json"], None));
    let help = findings(&report).iter().find(|f| f["rule"] == "stale-subject-format").unwrap()["help"].to_string();
    assert!(help.contains("repo:octo-org@4417/app@REPO_ID"), "{help}");
    let list = String::from_utf8(run(&folder, &["inventory"], None).stdout).unwrap();
    assert!(list.contains("repository_owner_id = 5120 (octo-labs)"), "{list}");
}

#[test]
fn files_of_issuers_are_read_from_where_they_are_named_and_redefine_nobody() {
    let folder = Folder::new();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    let issuers =
        "issuers:\n  - id: corp\n    like: gitlab\n    name: Corp GitLab\n    tenancy: tenant\n    host: {exact: [git.corp.example]}\n";
    folder.write("settings/issuers.yaml", issuers.as_bytes());
    folder.write("settings/fedlint.toml", b"[issuers]\nfiles = [\"issuers.yaml\"]\n");
    let policy = federated("git.corp.example", &value!({"StringEquals": {"{H}:aud": "sts.amazonaws.com", "{H}:sub": "project:octo"}}));
    folder.write("infra/trust.json", policy.as_bytes());
    let check = |arguments: &[&str]| json(&run(&folder, &[&["check", "infra", "--format", "json"], arguments].concat(), None));
    let rules = |report: &Value| findings(report).iter().map(|f| f["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    // no token of a GitLab has this subject
    assert_eq!(rules(&check(&["--config", "settings/fedlint.toml"])), ["never-matches"]);
    assert_eq!(rules(&check(&[])), Vec::<String>::new());
    for (text, why) in [
        (
            "issuers: [{id: x, like: github-actions, host: {exact: [token.actions.githubusercontent.com]}, tenancy: own}]",
            "known without being told",
        ),
        ("issuers: [{id: x, like: gitlab, host: {exact: [a.example]}, stands_for: unknown}]", "stands for its hosts alone"),
        ("issuers: [{id: x, like: gitlab}]", "`host` is missing"),
        ("issuers: [{id: gitlab, host: {exact: [a.example]}}]", "defined twice"),
    ] {
        folder.write("settings/issuers.yaml", text.as_bytes());
        let out = run(&folder, &["check", "infra", "--config", "settings/fedlint.toml"], None);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains(why) && said.contains("settings/issuers.yaml"), "{said}");
    }
    // a pattern that fits everything takes no URL that is known
    folder.write("settings/issuers.yaml", b"issuers: [{id: x, like: github-actions, tenancy: own, host: {pattern: '.*'}}]");
    folder.write("infra/trust.json", subject("repo:*").as_bytes());
    assert!(rules(&check(&["--config", "settings/fedlint.toml"])).contains(&"wildcard-subject".to_owned()));
}

#[test]
fn simulate_reach_and_test_know_the_issuers_of_the_configuration() {
    let folder = Folder::new();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    let issuers =
        "issuers:\n  - id: corp\n    like: gitlab\n    name: Corp GitLab\n    tenancy: tenant\n    host: {exact: [git.corp.example]}\n";
    folder.write("issuers.yaml", issuers.as_bytes());
    folder.write("fedlint.toml", b"[issuers]\nfiles = [\"issuers.yaml\"]\n");
    let subject = "project_path:octo/app:ref_type:branch:ref:main";
    let policy = federated("git.corp.example", &value!({"StringEquals": {"{H}:aud": "sts.amazonaws.com", "{H}:sub": subject}}));
    folder.write("infra/trust.json", policy.as_bytes());
    let said = |arguments: &[&str]| {
        let out = run(&folder, arguments, None);
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    let of = ["--issuer", "https://git.corp.example"];
    let simulate = |more: &[&str]| said(&[&["simulate", "infra"], &of[..], more].concat());
    assert!(simulate(&["--subject", subject]).contains("1 admitted"), "{}", simulate(&["--subject", subject]));
    for told in [simulate(&["--subject", "project:octo"]), said(&["reach", "project:octo", "infra", of[0], of[1]])] {
        assert!(told.contains("no token of Corp GitLab has the subject"), "{told}");
    }
    // Without the file the issuer is one that nobody describes: any subject may be.
    assert!(simulate(&["--subject", "project:octo", "--isolated"]).contains("1 refused"));
    // A claim that every token of a GitLab has and this one lacks is told.
    let provider = r#"{"name": "projects/1/locations/global/workloadIdentityPools/ci/providers/corp", "oidc": {"issuerUri": "https://git.corp.example"},
        "attributeMapping": {"google.subject": "assertion.sub"}, "attributeCondition": "assertion.namespace_id == '7'"}"#;
    folder.write("provider.json", provider.as_bytes());
    let token = value!({"iss": "https://git.corp.example", "sub": subject, "aud": "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/corp"});
    let assertion = value!([{"name": "one", "policy": "provider.json", "token": token, "expect": "admit"}]);
    folder.write("trust.test.json", assertion.to_string().as_bytes());
    let told = said(&["test", "trust.test.json"]);
    assert!(told.contains("namespace_id") && told.contains("1 failed"), "{told}");
}

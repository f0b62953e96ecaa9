//! `fedlint diff` on repositories that `git` makes here; skipped with a notice where there is no `git`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use crate::support::Folder;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// A repository of git.
pub(crate) struct Repository {
    pub(crate) folder: Folder,
}

impl Repository {
    /// None where there is no `git`.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            eprintln!("skipped: there is no `git` here");
            return None;
        }
        let out = Self { folder: Folder::new() };
        out.git(&["init", "--quiet", "--initial-branch=main", "."]);
        Some(out)
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(self.folder.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.com"), ("DATE", "1700000000 +0000")] {
            git.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let done = git.output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.folder.write(path, text.as_bytes());
    }

    /// Commits all that is there, under the name of a branch too.
    pub(crate) fn commit(&self, branch: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", branch]);
        self.git(&["branch", "--force", branch]);
    }

    /// The whole tree is these files.
    pub(crate) fn state(&self, branch: &str, files: &[(&str, &str)]) {
        self.git(&["rm", "-r", "--quiet", "--ignore-unmatch", "."]);
        for (path, text) in files {
            self.write(path, text);
        }
        self.commit(branch);
    }

    pub(crate) fn fedlint(&self, arguments: &[&str]) -> Output {
        let mut fedlint = Command::new(env!("CARGO_BIN_EXE_fedlint"));
        fedlint.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1").env_remove("GITHUB_REPOSITORY");
        fedlint.output().unwrap()
    }

    /// The difference as JSON, and the exit code.
    pub(crate) fn diff(&self, arguments: &[&str]) -> (Value, i32) {
        let done = self.fedlint(&[&["diff", "--format", "json"], arguments].concat());
        let text = String::from_utf8(done.stdout).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&done.stderr)));
        (json, done.status.code().unwrap())
    }
}

const PROVIDER: &str = r#"
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}
"#;

/// A role whose trust has these conditions.
fn role(address: &str, name: &str, conditions: &str) -> String {
    format!(
        r#"
resource "aws_iam_role" "{address}" {{
  name = "{name}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = {{ Federated = aws_iam_openid_connect_provider.github.arn }}
      Condition = {{ {conditions} }}
    }}]
  }})
}}
"#
    )
}

const AUD: &str = r#""token.actions.githubusercontent.com:aud" = "sts.amazonaws.com""#;

fn subject(operator: &str, subject: &str) -> String {
    if operator == "StringEquals" {
        return format!("StringEquals = {{ {AUD}, \"token.actions.githubusercontent.com:sub\" = {subject} }}");
    }
    format!(
        r#"StringEquals = {{ {AUD} }}
        {operator} = {{ "token.actions.githubusercontent.com:sub" = {subject} }}"#
    )
}

fn of_main(subjects: &str) -> String {
    let operator = if subjects.contains('*') { "StringLike" } else { "StringEquals" };
    PROVIDER.to_owned() + &role("deploy", "deploy", &subject(operator, subjects))
}

const MAIN: &str = r#""repo:saltmarsh/heron:ref:refs/heads/main""#;

/// Two states that are one file each.
fn two(before: &str, after: &str) -> Option<(Value, i32)> {
    let repository = Repository::new()?;
    repository.state("base", &[("main.tf", before)]);
    repository.state("head", &[("main.tf", after)]);
    Some(repository.diff(&["base", "head"]))
}

fn subjects(difference: &Value, which: &str) -> Vec<String> {
    let all = difference["identities"].as_array().unwrap().iter().flat_map(|i| i[which].as_array().unwrap());
    all.map(|admitted| admitted["token"]["sub"].as_str().or(admitted["who"].as_str()).unwrap_or_default().to_owned()).collect()
}

/// Every list is empty.
fn is_empty(difference: &Value) -> bool {
    let lists = difference.as_object().unwrap().iter().filter(|(name, _)| *name != "assumed");
    lists.filter_map(|(_, value)| value.as_array()).all(Vec::is_empty)
}

#[test]
fn a_new_wildcard_lets_somebody_in() {
    let Some((difference, code)) = two(&of_main(MAIN), &of_main(r#""repo:saltmarsh/*:ref:refs/heads/main""#)) else { return };
    let newly = subjects(&difference, "newly");
    assert_eq!(code, 1);
    assert!(newly.len() == 1 && newly[0].starts_with("repo:saltmarsh/") && newly[0] != MAIN.trim_matches('"'), "{newly:?}");
    assert!(subjects(&difference, "no_longer").is_empty());
    assert_eq!(difference["identities"][0]["newly"][0]["confidence"], "proven");
    let schema = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diff.schema.json")).unwrap();
    let (schema, mut wrong) = (serde_json::from_str(&schema).unwrap(), Vec::new());
    crate::report_schema::errors(&schema, &schema, &difference, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(!difference["new_findings"].as_array().unwrap().is_empty());
}

#[test]
fn a_narrowed_trust_keeps_somebody_out() {
    let Some((difference, code)) = two(&of_main(r#""repo:saltmarsh/heron:*""#), &of_main(MAIN)) else { return };
    assert_eq!((code, subjects(&difference, "newly").len()), (0, 0));
    let gone = subjects(&difference, "no_longer");
    assert!(gone.len() == 1 && gone[0].starts_with("repo:saltmarsh/heron:"), "{gone:?}");
    assert!(!difference["resolved_findings"].as_array().unwrap().is_empty());
}

#[test]
fn another_branch_is_both() {
    let Some((difference, code)) = two(&of_main(MAIN), &of_main(r#""repo:saltmarsh/heron:ref:refs/heads/next""#)) else { return };
    assert_eq!(code, 1);
    assert_eq!(subjects(&difference, "newly"), ["repo:saltmarsh/heron:ref:refs/heads/next"]);
    assert_eq!(subjects(&difference, "no_longer"), ["repo:saltmarsh/heron:ref:refs/heads/main"]);
}

#[test]
fn what_changes_no_admitted_set_is_no_difference() {
    let Some(repository) = Repository::new() else { return };
    let two_subjects = r#"["repo:saltmarsh/heron:ref:refs/heads/main", "repo:saltmarsh/stork:ref:refs/heads/main"]"#;
    let other = role("audit", "audit", &subject("StringEquals", MAIN));
    let base = of_main(two_subjects) + &other;
    repository.state("base", &[("infra/main.tf", &base)]);
    let swapped = r#"["repo:saltmarsh/stork:ref:refs/heads/main", "repo:saltmarsh/heron:ref:refs/heads/main"]"#;
    let like = role("deploy", "deploy", &subject("StringLike", two_subjects));
    let local = "locals { who = [\"repo:saltmarsh/heron:ref:refs/heads/main\", \"repo:saltmarsh/stork:ref:refs/heads/main\"] }\n";
    let by_local = local.to_owned() + &role("deploy", "deploy", &subject("StringEquals", "local.who"));
    let module = r#"module "roles" {
  source   = "./modules/role"
  provider_arn = aws_iam_openid_connect_provider.github.arn
  subjects = ["repo:saltmarsh/heron:ref:refs/heads/main", "repo:saltmarsh/stork:ref:refs/heads/main"]
}
"#;
    let in_module = role("this", "deploy", &subject("StringEquals", "var.subjects"))
        .replace("aws_iam_openid_connect_provider.github.arn", "var.provider_arn")
        + "variable \"subjects\" {}\nvariable \"provider_arn\" {}\n";
    let each = role("all", "${each.key}", &subject("StringEquals", "each.value"));
    let each = each.replacen("  name", "  for_each = { deploy = local.who, audit = [local.who[0]] }\n  name", 1);
    let moved = "moved {\n  from = aws_iam_role.deploy\n  to   = aws_iam_role.renamed\n}\n";
    let renamed = role("renamed", "deploy", &subject("StringEquals", two_subjects));
    let states: [(&str, Vec<(&str, String)>); 8] = [
        ("blocks in another order", vec![("infra/main.tf", other.clone() + &of_main(two_subjects))]),
        ("files and folders renamed", vec![("terraform/roles.tf", base.clone())]),
        ("values in another order", vec![("infra/main.tf", of_main(swapped) + &other)]),
        ("a pattern without wildcard", vec![("infra/main.tf", PROVIDER.to_owned() + &like + &other)]),
        ("a local", vec![("infra/main.tf", PROVIDER.to_owned() + &by_local), ("infra/audit.tf", other.clone())]),
        ("a module", vec![("infra/main.tf", PROVIDER.to_owned() + module + &other), ("infra/modules/role/main.tf", in_module)]),
        ("for_each", vec![("infra/main.tf", PROVIDER.to_owned() + local + &each)]),
        ("a moved address", vec![("infra/main.tf", PROVIDER.to_owned() + &renamed + &other + moved)]),
    ];
    for (what, files) in states {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        repository.state("head", &files);
        let (difference, code) = repository.diff(&["base", "head"]);
        assert!(is_empty(&difference) && code == 0, "{what}: {difference:#}");
        assert_eq!(difference["undecided_as_before"], 0, "{what}: {difference:#}");
    }
}

#[test]
fn an_unknown_that_stands_elsewhere_is_the_same() {
    let Some(repository) = Repository::new() else { return };
    let text = of_main(r#""repo:${var.organisation}/heron:ref:refs/heads/main*""#) + "variable \"organisation\" {}\n";
    repository.state("base", &[("infra/main.tf", &text)]);
    repository.state("head", &[("terraform/live/main.tf", &text)]);
    let (difference, code) = repository.diff(&["base", "head"]);
    assert!(is_empty(&difference) && code == 0, "{difference:#}");
    assert_eq!(difference["assumed"].as_array().unwrap().len(), 1);
    // beside it a subject more is told, and that nobody is kept out is proven whatever the unknown is
    let more = text.replace(
        "\"repo:${var.organisation}/heron:ref:refs/heads/main*\"",
        "[\"repo:${var.organisation}/heron:ref:refs/heads/main*\", \"repo:saltmarsh/stork:*\"]",
    );
    repository.state("head", &[("infra/main.tf", &more)]);
    let (difference, code) = repository.diff(&["base", "head"]);
    assert_eq!((code, subjects(&difference, "newly").len(), subjects(&difference, "no_longer").len()), (1, 1, 0), "{difference:#}");
    assert!(difference["undecided"].as_array().unwrap().is_empty(), "{difference:#}");
}

#[test]
fn an_unknown_that_became_known_is_undecided() {
    let unknown = of_main(r#""repo:${var.project}:ref:refs/heads/main*""#) + "variable \"project\" {}\n";
    let Some((difference, code)) = two(&unknown, &of_main(r#""repo:saltmarsh/heron:ref:refs/heads/main*""#)) else { return };
    assert_eq!((code, subjects(&difference, "newly").len()), (0, 0), "{difference:#}");
    let open = difference["undecided"].as_array().unwrap();
    assert!(!open.is_empty() && open[0]["identity"] == "aws_iam_role.deploy", "{difference:#}");
    // what is wide whatever the unknown is, is told
    let Some((difference, code)) = two(&unknown, &of_main(r#""repo:*""#)) else { return };
    assert_eq!(code, 1, "{difference:#}");
}

#[test]
fn a_trust_that_is_not_known_before_and_after_is_counted() {
    let policy =
        "variable \"policy\" {}\nresource \"aws_iam_role\" \"deploy\" {\n  name = \"deploy\"\n  assume_role_policy = var.policy\n}\n";
    let Some((difference, code)) = two(policy, &format!("{policy}# nothing\n")) else { return };
    assert!(is_empty(&difference) && code == 0, "{difference:#}");
    assert!(difference["undecided_as_before"].as_u64().unwrap() > 0, "{difference:#}");
}

#[test]
fn new_and_removed_identities_are_told_with_who_gets_in() {
    let Some(repository) = Repository::new() else { return };
    let audit = role("audit", "audit", &subject("StringEquals", MAIN));
    repository.state("one", &[("main.tf", &of_main(MAIN))]);
    repository.state("both", &[("main.tf", &(of_main(MAIN) + &audit))]);
    let (difference, code) = repository.diff(&["one", "both"]);
    assert_eq!((code, difference["identities"][0]["status"].as_str()), (1, Some("new")));
    assert_eq!(subjects(&difference, "newly"), ["repo:saltmarsh/heron:ref:refs/heads/main"]);
    let (difference, code) = repository.diff(&["both", "one"]);
    assert_eq!((code, difference["identities"][0]["status"].as_str()), (0, Some("removed")));
    assert_eq!(subjects(&difference, "no_longer"), ["repo:saltmarsh/heron:ref:refs/heads/main"]);
}

#[test]
fn new_permissions_behind_a_trust_are_told() {
    let attached = |arn: &str| {
        format!("resource \"aws_iam_role_policy_attachment\" \"a\" {{\n  role = aws_iam_role.deploy.name\n  policy_arn = \"{arn}\"\n}}\n")
    };
    let before = of_main(MAIN) + &attached("arn:aws:iam::aws:policy/ReadOnlyAccess");
    let after = of_main(MAIN) + &attached("arn:aws:iam::aws:policy/AdministratorAccess");
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("main.tf", &before)]);
    repository.state("head", &[("main.tf", &after)]);
    let (difference, code) = repository.diff(&["base", "head"]);
    assert_eq!(code, 0);
    assert_eq!(difference["identities"][0]["new_permissions"][0], "arn:aws:iam::aws:policy/AdministratorAccess");
    assert_eq!(difference["identities"][0]["removed_permissions"][0], "arn:aws:iam::aws:policy/ReadOnlyAccess");
    assert_eq!(repository.diff(&["base", "head", "--fail-on", "permissions"]).1, 1);
    assert_eq!(repository.diff(&["head", "base", "--fail-on", "never"]).1, 0);
}

#[test]
fn a_new_issuer_and_its_provider_are_told() {
    let gitlab = r#"
resource "aws_iam_openid_connect_provider" "gitlab" {
  url            = "https://gitlab.com"
  client_id_list = ["sts.amazonaws.com"]
}
resource "aws_iam_role" "mirror" {
  name = "mirror"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.gitlab.arn }
      Condition = { StringEquals = {
        "gitlab.com:aud" = "sts.amazonaws.com"
        "gitlab.com:sub" = "project_path:saltmarsh/heron:ref_type:branch:ref:main"
      } }
    }]
  })
}
"#;
    let Some((difference, code)) = two(&of_main(MAIN), &(of_main(MAIN) + gitlab)) else { return };
    assert_eq!(code, 1);
    assert_eq!(difference["new_issuers"][0], "https://gitlab.com");
    assert_eq!(difference["new_providers"][0], "AWS OIDC provider gitlab.com");
}

#[test]
fn a_provider_that_takes_another_audience_lets_more_in() {
    let open = PROVIDER.to_owned()
        + &role("deploy", "deploy", &format!(r#"StringEquals = {{ "token.actions.githubusercontent.com:sub" = {MAIN} }}"#));
    let wider = open.replace(r#"["sts.amazonaws.com"]"#, r#"["sts.amazonaws.com", "elsewhere"]"#);
    let Some((difference, code)) = two(&open, &wider) else { return };
    assert_eq!(code, 1, "{difference:#}");
    assert_eq!(difference["identities"][0]["newly"][0]["token"]["aud"], "elsewhere");
    assert_eq!(difference["changed_providers"][0]["new_audiences"][0], "elsewhere");
}

#[test]
fn google_and_azure_are_compared_as_well() {
    let google = r#"
resource "google_iam_workload_identity_pool" "ci" {
  workload_identity_pool_id = "ci"
}
resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping   = { "google.subject" = "assertion.sub", "attribute.repository" = "assertion.repository" }
  attribute_condition = "assertion.repository_owner == 'saltmarsh'"
  oidc { issuer_uri = "https://token.actions.githubusercontent.com" }
}
resource "google_service_account" "deploy" {
  account_id = "deploy"
  project    = "heron-prod"
}
resource "google_service_account_iam_member" "deploy" {
  service_account_id = google_service_account.deploy.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci.name}/attribute.repository/saltmarsh/heron"
}
"#;
    let wide = google.replace("assertion.repository_owner == 'saltmarsh'", "assertion.repository_owner.startsWith('saltmarsh')");
    let wider = wide.replace("/attribute.repository/saltmarsh/heron", "/*");
    // the member names the repository: what the condition lets through beside it changes nothing
    let Some((difference, code)) = two(google, &wide) else { return };
    assert_eq!((code, subjects(&difference, "newly").len()), (0, 0), "{difference:#}");
    let Some((difference, code)) = two(&wide, &wider) else { return };
    assert_eq!((code, subjects(&difference, "newly").len()), (1, 1), "{difference:#}");
    let azure = |address: &str, subject: &str| {
        format!(
            r#"
resource "azurerm_user_assigned_identity" "{address}" {{
  name = "deploy"
}}
resource "azurerm_federated_identity_credential" "{address}" {{
  name      = "github"
  parent_id = azurerm_user_assigned_identity.{address}.id
  issuer    = "https://token.actions.githubusercontent.com"
  audience  = ["api://AzureADTokenExchange"]
  subject   = "{subject}"
}}
"#
        )
    };
    let one = azure("deploy", "repo:saltmarsh/heron:environment:prod");
    let Some((difference, code)) = two(&one, &azure("renamed", "repo:saltmarsh/heron:environment:prod")) else { return };
    assert!(is_empty(&difference) && code == 0, "{difference:#}");
    let Some((difference, code)) = two(&one, &azure("deploy", "repo:saltmarsh/heron:environment:test")) else { return };
    assert_eq!((code, subjects(&difference, "newly")), (1, vec!["repo:saltmarsh/heron:environment:test".to_owned()]));
}

#[test]
fn services_and_accounts_are_named() {
    let takes = |principal: &str| {
        format!(
            "resource \"aws_iam_role\" \"r\" {{\n  name = \"r\"\n  assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = {{ {principal} }} }}] }})\n}}\n"
        )
    };
    let Some((difference, code)) =
        two(&takes("Service = \"ec2.amazonaws.com\""), &takes("Service = [\"ec2.amazonaws.com\", \"lambda.amazonaws.com\"]"))
    else {
        return;
    };
    assert_eq!((code, subjects(&difference, "newly")), (1, vec!["the AWS service `lambda.amazonaws.com`".to_owned()]));
    let one = takes("AWS = \"arn:aws:iam::111122223333:role/ci\"");
    let Some((difference, code)) = two(&one, &takes("AWS = \"arn:aws:iam::111122223333:root\"")) else { return };
    assert_eq!((code, difference["identities"][0]["newly"].as_array().unwrap().len()), (1, 1), "{difference:#}");
    let Some((difference, code)) = two(&one, &one.replace("{ Effect", "{ Sid = \"x\", Effect")) else { return };
    assert!(is_empty(&difference) && code == 0, "{difference:#}");
}

#[test]
fn the_working_tree_is_the_other_state() {
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("infra/main.tf", &of_main(MAIN)), (".gitignore", "cache/\n")]);
    assert_eq!(repository.diff(&["base"]).1, 0);
    repository.write("infra/main.tf", &of_main(r#""repo:saltmarsh/heron:*""#));
    assert_eq!(repository.diff(&["base"]).1, 1);
    assert_eq!(repository.diff(&["base", "infra"]).1, 1);
    // a revision is a revision, whatever the disk holds
    assert_eq!(repository.diff(&["base", "HEAD", "infra"]).1, 0);
    assert_eq!(repository.fedlint(&["diff", "base", "HEAD", "elsewhere"]).status.code(), Some(2));
}

#[test]
fn nothing_of_the_working_tree_gets_into_a_revision() {
    let Some(repository) = Repository::new() else { return };
    let call = |source: &str| format!("{PROVIDER}module \"roles\" {{\n  source = \"{source}\"\n  who = {MAIN}\n}}\n");
    let module = role("this", "deploy", &subject("StringEquals", "var.who")).replace(
        "aws_iam_openid_connect_provider.github.arn",
        "\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"",
    ) + "variable \"who\" {}\n";
    repository.state("base", &[("live/main.tf", &call("../modules/role")), ("modules/role/main.tf", &module)]);
    repository.state("head", &[("live/main.tf", &call("../modules/role")), ("modules/role/main.tf", &module), ("note", "x")]);
    // the module is deleted and the configuration hides all, on disk alone
    std::fs::remove_dir_all(repository.folder.path().join("modules")).unwrap();
    repository.write("live/extra.auto.tfvars", "who = \"repo:*\"\n");
    repository.write("fedlint.toml", "exclude = [\"**\"]\n");
    let (difference, code) = repository.diff(&["base", "head", "live"]);
    assert!(is_empty(&difference) && code == 0, "{difference:#}");
    assert_eq!(difference["head"]["trusts"], 1, "{difference:#}");
    // in a revision the deleted module takes its role away
    repository.git(&["rm", "-r", "--quiet", "--cached", "modules"]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    let (difference, _) = repository.diff(&["base", "HEAD", "live"]);
    assert_eq!(difference["identities"][0]["status"], "removed", "{difference:#}");
}

#[test]
fn the_configuration_is_that_of_the_base() {
    let Some(repository) = Repository::new() else { return };
    repository
        .state("base", &[("main.tf", &of_main(MAIN)), ("sandbox/main.tf", "# empty\n"), ("fedlint.toml", "exclude = [\"sandbox\"]\n")]);
    let wide = of_main(r#""repo:saltmarsh/*""#);
    repository.state("head", &[("main.tf", &wide), ("sandbox/main.tf", &wide), ("fedlint.toml", "exclude = [\"**\"]\n")]);
    let (difference, code) = repository.diff(&["base", "head"]);
    assert_eq!((code, difference["identities"].as_array().unwrap().len()), (1, 1), "{difference:#}");
    assert_eq!(repository.diff(&["base", "head", "--isolated"]).0["identities"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_file_of_the_repository_is_told() {
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("main.tf", &of_main(MAIN)), ("shared/a.tf", "# a\n")]);
    let path = repository.folder.path();
    std::os::unix::fs::symlink("/etc/passwd", path.join("outside.tf")).unwrap();
    std::os::unix::fs::symlink("shared/a.tf", path.join("inside.tf")).unwrap();
    std::os::unix::fs::symlink("loop.tf", path.join("loop.tf")).unwrap();
    std::fs::write(path.join("huge.tf"), vec![b' '; 17 << 20]).unwrap();
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"not\xffutf8.tf");
    std::fs::write(path.join(name), of_main(MAIN)).unwrap();
    repository.git(&["update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,vendored"]);
    repository.commit("head");
    let (difference, code) = repository.diff(&["base", "main"]);
    let unread: Vec<&str> = difference["unread"].as_array().unwrap().iter().map(|u| u["path"].as_str().unwrap()).collect();
    for expected in ["huge.tf", "outside.tf", "loop.tf"] {
        assert!(unread.contains(&expected), "{expected}: {difference:#}");
    }
    assert!(unread.iter().any(|path| path.contains("utf8.tf")) && !unread.contains(&"inside.tf"), "{unread:?}");
    assert_eq!(code, 0);
    assert_eq!(repository.diff(&["base", "main", "--fail-on", "undecided"]).1, 1);
    assert!(!difference.to_string().contains("root:"));
}

#[test]
fn a_submodule_is_of_another_repository() {
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("main.tf", &of_main(MAIN))]);
    repository.git(&["update-index", "--add", "--cacheinfo", "160000,0123456789012345678901234567890123456789,vendored"]);
    repository.git(&["commit", "--quiet", "--message", "x"]);
    let (difference, _) = repository.diff(&["base", "HEAD"]);
    assert_eq!(difference["unread"][0]["path"], "vendored", "{difference:#}");
    // its files lie in the working tree, and are not taken for files of the change
    repository.write("vendored/main.tf", &of_main(r#""repo:*""#));
    let (difference, code) = repository.diff(&["HEAD"]);
    assert!(code == 0 && difference["identities"].as_array().unwrap().is_empty(), "{difference:#}");
}

#[test]
fn a_tree_that_is_a_bomb_is_refused() {
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("main.tf", &of_main(MAIN))]);
    let blob = repository.git(&["hash-object", "-w", "main.tf"]);
    let mut entry = format!("100644 blob {blob}\tmain.tf\n");
    let mut tree = String::new();
    for _ in 0..10 {
        tree = made(&repository, &entry);
        entry = (0..10).fold(String::new(), |mut out, i| {
            let _ = writeln!(out, "040000 tree {tree}\td{i}");
            out
        });
    }
    let commit = repository.git(&["commit-tree", &tree, "-m", "bomb"]);
    let done = repository.fedlint(&["diff", "base", &commit]);
    assert_eq!(done.status.code(), Some(2), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stderr).contains("is not read"));
}

fn made(repository: &Repository, entries: &str) -> String {
    use std::io::Write as _;
    let mut git = Command::new("git");
    git.arg("mktree").current_dir(repository.folder.path()).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = git.spawn().unwrap();
    child.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[test]
fn the_merge_base_leaves_out_what_the_base_has_got_since() {
    let Some(repository) = Repository::new() else { return };
    repository.state("start", &[("main.tf", &of_main(r#""repo:saltmarsh/heron:*""#))]);
    repository.git(&["checkout", "--quiet", "-b", "feature"]);
    repository.write("other.txt", "x");
    repository.commit("topic");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.state("narrow", &[("main.tf", &of_main(MAIN))]);
    // directly the feature is wider than what main is by now; from where it began, it changed nothing
    assert_eq!(repository.diff(&["main", "topic"]).1, 1);
    assert_eq!(repository.diff(&["main", "topic", "--merge-base"]).1, 0);
    repository.git(&["checkout", "--quiet", "--orphan", "alone"]);
    repository.commit("orphan");
    let done = repository.fedlint(&["diff", "main", "orphan", "--merge-base"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("no commit in common"));
}

#[test]
fn revisions_are_named_as_git_names_them() {
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("main.tf", &of_main(MAIN))]);
    let first = repository.git(&["rev-parse", "HEAD"]);
    repository.state("head", &[("main.tf", &of_main(r#""repo:saltmarsh/heron:*""#))]);
    repository.git(&["tag", "--annotate", "v1", "-m", "x"]);
    repository.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    for names in [
        [first.as_str(), "HEAD"],
        [&first[..8], "@"],
        ["HEAD~1", "v1"],
        ["HEAD^", "v1^{commit}"],
        ["main~", "origin/main"],
        ["refs/heads/base", "head~0"],
    ] {
        assert_eq!(repository.diff(&names).1, 1, "{names:?}");
    }
    repository.git(&["pack-refs", "--all"]);
    repository.git(&["gc", "--quiet", "--prune=now"]);
    assert_eq!(repository.diff(&["base", "v1"]).1, 1);
    for name in ["nowhere", "../../etc/passwd", "HEAD~9", "--output=x", "", "main^5", "a..b", "HEAD@{1}"] {
        let done = repository.fedlint(&["diff", "--", name]);
        assert_eq!(done.status.code(), Some(2), "{name}");
    }
    // a further work tree has its own HEAD and the names of the first
    repository.git(&["worktree", "add", "--quiet", "--detach", "tree", "base"]);
    let mut fedlint = Command::new(env!("CARGO_BIN_EXE_fedlint"));
    let done = fedlint.args(["diff", "HEAD", "main"]).current_dir(repository.folder.path().join("tree")).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn git_settings_are_not_looked_at() {
    let Some(repository) = Repository::new() else { return };
    repository.state("base", &[("main.tf", &of_main(MAIN)), (".gitattributes", "*.tf filter=evil diff=evil\n")]);
    let mark = repository.folder.path().join("ran");
    let config = repository.folder.path().join(".git/config");
    let run = format!("touch {}", mark.display());
    let text = format!(
        "[core]\n\tfsmonitor = {run}\n\tpager = {run}\n[filter \"evil\"]\n\tsmudge = {run}\n\tclean = {run}\n[include]\n\tpath = /dev/zero\n"
    );
    std::fs::write(config, text).unwrap();
    let mut fedlint = Command::new(env!("CARGO_BIN_EXE_fedlint"));
    let done = fedlint.args(["diff", "base", "main"]).current_dir(repository.folder.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(!mark.exists());
}

#[test]
fn the_comment_is_short_and_harmless() {
    let Some(repository) = Repository::new() else { return };
    let roles = |subject: &str| {
        (0..200).fold(PROVIDER.to_owned(), |mut out, i| {
            out.push_str(&role(&format!("r{i}"), &format!("role-{i}"), &self::subject("StringLike", subject)));
            out
        })
    };
    repository.state("base", &[("main.tf", &roles(MAIN))]);
    repository.state("head", &[("main.tf", &roles(r#""repo:saltmarsh/team-*""#))]);
    let done = repository.fedlint(&["diff", "base", "head", "--format", "markdown", "--output", "human=diff.txt", "--output", "-"]);
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(text.starts_with("<!-- fedlint diff -->\n") && text.len() < 65_536 && text.contains("more, which"), "{}", text.len());
    assert!(!text.contains("<img>\n") && std::fs::read_to_string(repository.folder.path().join("diff.txt")).unwrap().contains("newly"));
}

#[test]
fn outside_of_a_repository_nothing_can_be_compared() {
    let folder = Folder::new();
    folder.write("main.tf", of_main(MAIN).as_bytes());
    let mut fedlint = Command::new(env!("CARGO_BIN_EXE_fedlint"));
    let done = fedlint.args(["diff", "main"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(Path::new(folder.path()).exists());
}

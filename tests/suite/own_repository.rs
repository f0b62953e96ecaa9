//! What the checked repository is called, and what that says of its jobs.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use crate::support::Folder;
use serde_json::Value;
use std::process::Command;

const ROLE: &str = r#"resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222233334444:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:wharf/crane:environment:live", "repo:wharf@7001/crane@7002:environment:live"]
      } }
    }]
  })
}
"#;
const WORKFLOW: &str = "on: push\npermissions: {id-token: write}\njobs:\n  a:\n    environment: live\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: 'arn:aws:iam::222233334444:role/deploy', aws-region: eu-west-1}\n";

/// A repository with this remote.
fn repository(remote: &str) -> Folder {
    let folder = Folder::new();
    folder.write("main.tf", ROLE.as_bytes());
    folder.write(".github/workflows/deploy.yml", WORKFLOW.as_bytes());
    folder.write(".git/config", format!("[remote \"origin\"]\n\turl = {remote}\n").as_bytes());
    folder
}

/// Severity and rule of the findings; the environment of the test's own runner says nothing.
fn told(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    let mut fedlint = Command::new(env!("CARGO_BIN_EXE_fedlint"));
    fedlint.args(["check", "--format", "json", "--exit-zero"]).args(arguments).current_dir(folder.path());
    for name in ["GITHUB_WORKSPACE", "GITHUB_REPOSITORY", "CI_PROJECT_DIR", "CI_PROJECT_PATH"] {
        fedlint.env_remove(name);
    }
    fedlint.envs(environment.iter().copied());
    let report: Value = serde_json::from_slice(&fedlint.output().unwrap().stdout).unwrap();
    let one = |f: &Value| format!("{} {}", f["severity"].as_str().unwrap(), f["rule"].as_str().unwrap());
    report["findings"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn the_remote_is_told_at_low_and_has_no_letter_case() {
    assert_eq!(told(&repository("git@github.com:wharf/crane.git"), &[], &[]), Vec::<String>::new());
    assert_eq!(told(&repository("https://github.com/Wharf/CRANE"), &[], &[]), Vec::<String>::new());
    // a clone of a fork
    assert_eq!(told(&repository("git@github.com:somebody/crane.git"), &[], &[]), ["low job-not-admitted"]);
    // a mirror on another forge, and a host that only this machine knows
    assert_eq!(told(&repository("git@gitlab.com:wharf/mirror.git"), &[], &[]), Vec::<String>::new());
    assert_eq!(told(&repository("git@work:somebody/crane.git"), &[], &[]), Vec::<String>::new());
}

#[test]
fn the_configuration_is_believed() {
    let folder = repository("git@github.com:wharf/crane.git");
    folder.write("fedlint.toml", b"repository = \"wharf/hoist\"\n");
    assert_eq!(told(&folder, &[], &[]), ["high job-not-admitted"]);
    folder.write("fedlint.toml", b"repository = \"Wharf/crane\"\n");
    assert_eq!(told(&folder, &[], &[]), ["high job-not-admitted"]);
    folder.write("fedlint.toml", b"repository = \"wharf/crane\"\n");
    assert_eq!(told(&folder, &[], &[]), Vec::<String>::new());
}

#[test]
fn the_job_counts_only_for_its_own_checkout() {
    let folder = repository("git@github.com:wharf/crane.git");
    let own = folder.path().canonicalize().unwrap();
    let job = |workspace: &str| told(&folder, &[], &[("GITHUB_WORKSPACE", workspace), ("GITHUB_REPOSITORY", "wharf/hoist")]);
    assert_eq!(job(&own.to_string_lossy()), ["low job-not-admitted"]);
    assert_eq!(job("/"), Vec::<String>::new());
    assert_eq!(job(""), Vec::<String>::new());
}

#[test]
fn the_tree_does_not_say_it_at_the_gate() {
    let folder = repository("git@github.com:somebody/crane.git");
    assert_eq!(told(&folder, &["--gate"], &[]), Vec::<String>::new());
}

#[test]
fn only_the_workflows_of_the_repository_are_its_jobs() {
    let folder = repository("git@github.com:somebody/crane.git");
    std::fs::remove_dir_all(folder.path().join(".github")).unwrap();
    folder.write("template/.github/workflows/deploy.yml", WORKFLOW.as_bytes());
    assert_eq!(told(&folder, &[], &[]), Vec::<String>::new());
}

#[test]
fn a_path_seen_from_below_is_of_the_same_repository() {
    let folder = repository("git@github.com:somebody/crane.git");
    folder.write("docs/x.md", b"x");
    let mut fedlint = Command::new(env!("CARGO_BIN_EXE_fedlint"));
    fedlint.args(["check", "--format", "json", "--exit-zero", ".."]).current_dir(folder.path().join("docs"));
    fedlint.env_remove("GITHUB_WORKSPACE").env_remove("CI_PROJECT_DIR");
    let report: Value = serde_json::from_slice(&fedlint.output().unwrap().stdout).unwrap();
    assert_eq!(report["findings"][0]["rule"], "job-not-admitted");
}

/// What is told of a role for this subject beside a workflow that is started and ends like this.
fn unused(subject: &str, on: &str, more: &str) -> Vec<String> {
    let folder = repository("git@github.com:wharf/crane.git");
    folder.write("fedlint.toml", b"repository = \"wharf/crane\"\n");
    let other = ROLE.replace("deploy", "other").replace("environment:live", subject);
    folder.write("other.tf", other.as_bytes());
    folder.write(".github/workflows/deploy.yml", format!("{}{more}", WORKFLOW.replace("on: push", on)).as_bytes());
    told(&folder, &["--min-severity", "low"], &[])
}

#[test]
fn a_trust_that_no_job_can_use_is_told_at_low() {
    let main = "on: {push: {branches: [main]}}";
    let orphan = ["low orphan-trust"];
    assert_eq!(unused("ref:refs/heads/legacy", main, ""), orphan);
    assert_eq!(unused("environment:staging", main, ""), orphan);
    // the job runs in an environment, so its subject names no ref
    assert_eq!(unused("ref:refs/heads/main", main, ""), orphan);
    let elsewhere = "  b:\n    uses: wharf/shared/.github/workflows/release.yml@v3\n    permissions: {id-token: write}\n";
    assert_eq!(unused("environment:staging", main, elsewhere), Vec::<String>::new());
    assert_eq!(unused("ref:refs/heads/main", main, elsewhere), Vec::<String>::new());
    assert_eq!(unused("ref:refs/heads/legacy", main, elsewhere), orphan);
    let plain = "  b:\n    runs-on: ubuntu-24.04\n    steps: [{run: ./deploy.sh}]\n";
    assert_eq!(unused("ref:refs/heads/legacy", "on: push", plain), Vec::<String>::new());
    assert_eq!(unused("ref:refs/tags/v1", "on: {push: {tags: ['v*']}}", plain), Vec::<String>::new());
    // another repository's jobs are not here
    assert_eq!(unused("environment:live\", \"repo:wharf/hoist:environment:live", main, ""), Vec::<String>::new());
}

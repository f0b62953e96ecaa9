//! CI jobs and the trusts that they ask: a careful repository, the same with planted faults, and small ones.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use std::fs;
use std::path::{Path, PathBuf};

/// Rule, file, line, severity.
type Found = (String, String, usize, Severity);

fn findings(files: Vec<(String, String)>) -> Vec<Found> {
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let one = |f: &fedlint::rules::Finding| {
        let file = run.sources.get(f.span.file).expect("the file is there");
        (f.rule.to_string(), file.path.clone(), file.position(f.span.start as usize).line, f.severity)
    };
    run.findings.iter().map(one).filter(|f| f.3 >= Severity::Low).collect()
}

fn files(root: &Path, folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(root, &path, out);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
            out.push((name, fs::read_to_string(&path).expect("text")));
        }
    }
}

fn repository(name: &str) -> Vec<Found> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos").join(name);
    let mut all = Vec::new();
    files(&root, &root, &mut all);
    findings(all)
}

#[test]
fn a_careful_team_is_left_alone() {
    // HCP Terraform's own form for both phases: its speculative plans are told, low.
    let expected = [("pull-request".to_owned(), "infra/workspace.tf".to_owned(), 37, Severity::Low)];
    assert_eq!(repository("saltmarsh"), expected);
}

#[test]
fn planted_faults_are_found_and_nothing_else() {
    let expected = [
        ("job-cannot-mint-token", ".github/actions/cloud/action.yml", 6, Severity::High),
        ("job-not-admitted", ".github/workflows/_publish.yml", 10, Severity::High),
        ("untrusted-checkout", ".github/workflows/preview.yml", 9, Severity::Critical),
        ("job-not-admitted", ".github/workflows/site.yml", 13, Severity::Medium),
        ("job-not-admitted", ".gitlab-ci.yml", 6, Severity::High),
        ("pull-request", "infra/preview.tf", 15, Severity::Medium),
        ("job-not-admitted", "infra/workspace.tf", 19, Severity::High),
        ("pull-request", "infra/workspace.tf", 37, Severity::Low),
    ];
    let expected: Vec<Found> = expected.map(|(rule, path, line, severity)| (rule.to_owned(), path.to_owned(), line, severity)).to_vec();
    assert_eq!(repository("saltmarsh-faults"), expected);
}

/// A role for the environment `live`, and a workflow that logs in to it.
fn one_job(folder: &str, workflow: &str) -> Vec<String> {
    let role = r#"resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222233334444:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:saltmarsh/heron:environment:live", "repo:saltmarsh@7001/heron@7002:environment:live"]
      } }
    }]
  })
}
"#;
    let login = "    runs-on: ubuntu-24.04\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: 'arn:aws:iam::222233334444:role/deploy', aws-region: eu-west-1}\n";
    let files = vec![
        ("infra/main.tf".to_owned(), role.to_owned()),
        (format!("{folder}.github/workflows/deploy.yml"), format!("permissions: {{id-token: write}}\n{workflow}{login}")),
    ];
    findings(files).into_iter().map(|f| f.0).collect()
}

#[test]
fn what_only_the_run_knows_is_no_mistake() {
    let none: [&str; 5] = [
        "on: push\njobs:\n  a:\n    environment: ${{ vars.STAGE }}\n",
        "on: {workflow_dispatch: {inputs: {stage: {type: choice, options: [qa, live]}}}}\njobs:\n  a:\n    environment: ${{ inputs.stage }}\n",
        "on: push\njobs:\n  a:\n    environment: ${{ github.ref == 'refs/heads/main' && 'live' || 'qa' }}\n",
        "on: [push, pull_request]\njobs:\n  a:\n    environment: live\n",
        "on: workflow_call\njobs:\n  a:\n    environment: live\n",
    ];
    for workflow in none {
        assert_eq!(one_job("", workflow), Vec::<String>::new(), "{workflow}");
    }
}

#[test]
fn what_is_known_of_every_run_counts() {
    let some: [&str; 4] = [
        "on: push\njobs:\n  a:\n    environment: ${{ github.event_name == 'schedule' && 'live' || 'qa' }}\n",
        "on: push\nenv: {STAGE: qa}\njobs:\n  a:\n    environment: ${{ env.STAGE }}\n",
        "on: workflow_call\njobs:\n  a:\n",
        "on: {workflow_dispatch: {inputs: {stage: {type: choice, options: [qa, test]}}}}\njobs:\n  a:\n    environment: ${{ inputs.stage }}\n",
    ];
    for workflow in some {
        assert_eq!(one_job("", workflow), ["job-not-admitted"], "{workflow}");
    }
}

#[test]
fn an_example_is_a_repository_of_its_own() {
    assert_eq!(one_job("examples/aws/", "on: push\njobs:\n  a:\n"), Vec::<String>::new());
}

#[test]
fn the_owner_of_a_variable_is_that_of_its_provider() {
    let files = |owner: &str| {
        vec![
            ("infra/main.tf".to_owned(), r#"resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222233334444:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:Saltmarsh/heron:environment:live", "repo:Saltmarsh@7001/heron@7002:environment:live"]
      } }
    }]
  })
}
resource "github_actions_variable" "role" {
  repository    = "heron"
  variable_name = "ROLE"
  value         = aws_iam_role.deploy.arn
}
"#.to_owned() + &format!("provider \"github\" {{\n  owner = \"{owner}\"\n}}\n")),
            (".github/workflows/deploy.yml".to_owned(), "on: push\npermissions: {id-token: write}\njobs:\n  a:\n    environment: live\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: '${{ vars.ROLE }}', aws-region: eu-west-1}\n".to_owned()),
        ]
    };
    let rules = |owner: &str| findings(files(owner)).into_iter().map(|f| f.0).collect::<Vec<_>>();
    assert_eq!(rules("Saltmarsh"), Vec::<String>::new());
    assert_eq!(rules("saltmarsh"), ["job-not-admitted"]);
}

//! `fedlint simulate --job`: each token of a job at each trust of the scan.

#![allow(clippy::unwrap_used, clippy::panic)]

use fedlint::config::Config;
use fedlint::issuers::registry;
use fedlint::pipeline::{Estate, Input, Request, read};
use fedlint::simulation::{JobOutcome, TokenOutcome, jobs_named, simulate_job};

const TRUSTS: &str = r#"
locals {
  github = "token.actions.githubusercontent.com"
  trusts = {
    live  = { "${local.github}:aud" = "sts.amazonaws.com", "${local.github}:sub" = "repo:wharf/crane:environment:live" }
    main  = { "${local.github}:aud" = "sts.amazonaws.com", "${local.github}:sub" = "repo:wharf/crane:ref:refs/heads/main" }
    other = { "${local.github}:aud" = "sts.amazonaws.com", "${local.github}:sub" = "repo:wharf/hoist:environment:live" }
    quay  = { "${local.github}:aud" = "quay.example", "${local.github}:sub" = "repo:wharf/crane:environment:live" }
    part  = { "${local.github}:aud" = "sts.amazonaws.com", "${local.github}:sub" = var.subject }
  }
}
variable "subject" { type = string }
resource "aws_iam_role" "ci" {
  for_each = local.trusts
  name     = each.key
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222233334444:oidc-provider/${local.github}" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = each.value }
    }]
  })
}
resource "azuread_application_federated_identity_credential" "crane" {
  application_id = "/applications/00000000-0000-0000-0000-000000000001"
  display_name   = "crane"
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = "https://token.actions.githubusercontent.com"
  subject        = "repo:wharf/crane:environment:live"
}
"#;

const LOGIN: &str = "    runs-on: ubuntu-24.04\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: 'arn:aws:iam::222233334444:role/live', aws-region: eu-west-1}\n";

fn estate(workflow: &str) -> Estate {
    let files = vec![("infra/main.tf".to_owned(), TRUSTS.to_owned()), (".github/workflows/deploy.yml".to_owned(), workflow.to_owned())];
    let config = Config::parse("fedlint.toml", "repository = \"wharf/crane\"").unwrap();
    read(&Request { input: Input::Memory(files), config, ..Request::default() }).unwrap()
}

/// Each trust with the decision, and for a refusal the claim with what is presented and wanted.
fn told(token: &TokenOutcome) -> Vec<String> {
    let one = |v: &fedlint::simulation::JobVerdict| {
        let failed = v.failed.as_ref().map_or(String::new(), |f| {
            let values = f.failing.as_ref().map_or(String::new(), |v| format!("{:?} not {:?}", v.presented, v.wanted));
            format!(" {}: {}", f.claim, values.replace("Some(", "").replace([')', '"'], ""))
        });
        let name = if v.named { "*" } else { "" };
        format!("{}{name} {}{failed}", v.identity.trim_start_matches("aws_iam_role."), v.decision)
    };
    let mut all: Vec<String> = token.verdicts.iter().map(one).collect();
    all.sort();
    all
}

fn outcomes<'a>(estate: &'a Estate, name: &str) -> Vec<JobOutcome<'a>> {
    let found = jobs_named(&estate.graph, name);
    found.into_iter().map(|(index, job)| simulate_job(&estate.graph, &estate.links, registry(), index, job)).collect()
}

#[test]
fn each_trust_says_what_it_does_with_the_token_and_why() {
    let estate = estate(&format!(
        "on: {{push: {{branches: [main]}}}}\npermissions: {{id-token: write}}\njobs:\n  deploy:\n    environment: live\n{LOGIN}"
    ));
    let all = outcomes(&estate, ".github/workflows/deploy.yml#deploy");
    let [outcome] = all.as_slice() else { panic!("one job") };
    assert!(outcome.no_token.is_none());
    let [token] = outcome.tokens.as_slice() else { panic!("one token") };
    assert_eq!(token.audience.as_deref(), Some("sts.amazonaws.com"));
    assert_eq!(
        told(token),
        [
            "/applications/00000000-0000-0000-0000-000000000001 deny aud: sts.amazonaws.com not api://AzureADTokenExchange",
            "ci[\"live\"]* admit",
            "ci[\"main\"] deny environment: repo:wharf/crane:environment:live not repo:wharf/crane:ref:refs/heads/main",
            "ci[\"other\"] deny repository: repo:wharf/crane:environment:live not repo:wharf/hoist:environment:live",
            "ci[\"part\"] unknown",
            "ci[\"quay\"] deny aud: sts.amazonaws.com not quay.example",
        ]
    );
}

#[test]
fn every_event_and_entry_has_its_token() {
    let estate = estate(&format!(
        "on: {{push: {{branches: [main]}}, pull_request: }}\npermissions: {{id-token: write}}\njobs:\n  deploy:\n    strategy: {{matrix: {{stage: [live, qa]}}}}\n    environment: ${{{{ matrix.stage }}}}\n{LOGIN}"
    ));
    let all = outcomes(&estate, "deploy.yml#deploy");
    let shown: Vec<(String, Option<String>)> = all[0].tokens.iter().map(|t| (t.started_by.clone(), t.entry.clone())).collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    let live = |t: &TokenOutcome| told(t).iter().any(|line| line == "ci[\"live\"]* admit");
    assert_eq!(all[0].tokens.iter().map(live).collect::<Vec<_>>(), [true, true, false, false]);
}

#[test]
fn a_job_without_permission_is_told_and_one_without_a_login_may_ask_for_any_audience() {
    let without = estate(&format!("on: push\njobs:\n  deploy:\n    environment: live\n{LOGIN}"));
    let all = outcomes(&without, "deploy.yml#deploy");
    assert!(all[0].no_token.as_ref().is_some_and(|(why, _)| !why.is_empty()));
    let silent = estate(
        "on: push\npermissions: {id-token: write}\njobs:\n  deploy:\n    environment: live\n    runs-on: ubuntu-24.04\n    steps: [{run: make}]\n",
    );
    let all = outcomes(&silent, "deploy.yml#deploy");
    let told = told(&all[0].tokens[0]);
    assert!(told.contains(&"ci[\"quay\"] admit".to_owned()) && told.contains(&"ci[\"live\"] admit".to_owned()), "{told:?}");
}

#[test]
fn a_name_is_a_whole_path_or_its_end() {
    let estate = estate(&format!("on: push\njobs:\n  deploy:\n{LOGIN}"));
    let named = |name: &str| jobs_named(&estate.graph, name).len();
    assert_eq!(["deploy", "deploy.yml#deploy", "./.github/workflows/deploy.yml#deploy"].map(named), [1, 1, 1]);
    assert_eq!(["ploy", "eploy.yml#deploy", "deploy.yml#deplo", "deploy.yml", ""].map(named), [0, 0, 0, 0, 0]);
}

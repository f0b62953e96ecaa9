//! Customised subjects of GitHub and GitLab: what the scan says about them decides what a trust lets in.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::{Confidence, Severity};
use fedlint::pipeline::{self, Input, Request};

use fedlint::rules::Finding;

const ROLE: &str = r#"
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/HOST" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        OPERATOR = { "HOST:aud" = "AUDIENCE", "HOST:sub" = SUBJECT }
      }
    }]
  })
}
"#;
const GITHUB: &str = "token.actions.githubusercontent.com";

fn check(files: &[(&str, String)]) -> Vec<Finding> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect();
    let request = Request { input: Input::Memory(files), ..Request::default() };
    pipeline::check(&request).unwrap().findings
}

fn role(host: &str, operator: &str, subject: &str) -> String {
    let audience = if host == GITHUB { "sts.amazonaws.com" } else { "https://gitlab.com" };
    ROLE.replace("HOST", host).replace("AUDIENCE", audience).replace("OPERATOR", operator).replace("SUBJECT", &format!("{subject:?}"))
}

fn github(operator: &str, subject: &str, more: &str) -> Vec<Finding> {
    check(&[("main.tf", role(GITHUB, operator, subject)), ("github.tf", more.to_owned())])
}

fn rules(findings: &[Finding]) -> Vec<(&str, Severity, Confidence)> {
    findings.iter().filter(|f| f.severity > Severity::Info).map(|f| (f.rule.as_str(), f.severity, f.confidence)).collect()
}

fn repository(keys: &str) -> String {
    format!(
        "resource \"github_actions_repository_oidc_subject_claim_customization_template\" \"app\" {{\n  repository = \"app\"\n  use_default = \
         false\n  include_claim_keys = {keys}\n}}\n"
    )
}

const MEDIUM_STALE: (&str, Severity, Confidence) = ("stale-subject-format", Severity::Medium, Confidence::Proven);
const LOW_STALE: (&str, Severity, Confidence) = ("stale-subject-format", Severity::Low, Confidence::Likely);

/// The beginning of a customised subject says as much of its claims as the whole one.
#[test]
fn the_beginning_of_a_customised_subject_is_not_called_dead() {
    let provider = |condition: &str| {
        format!(
            "resource \"google_iam_workload_identity_pool_provider\" \"p\" {{\n  workload_identity_pool_id = \"jobs-pool\"\n  \
             workload_identity_pool_provider_id = \"github\"\n  attribute_condition = \"{condition}\"\n  \
             attribute_mapping = {{ \"google.subject\" = \"assertion.sub\" }}\n  oidc {{ issuer_uri = \"https://{GITHUB}\" }}\n}}\n"
        )
    };
    for beginning in ["repo:octo/app:workflow:", "repo:octo/app:job_workflow_ref:octo/ci/", "repository_owner_id:5:repository_id:"] {
        let found = check(&[("main.tf", provider(&format!("assertion.sub.startsWith('{beginning}')")))]);
        assert!(found.iter().all(|f| f.rule.as_str() != "never-matches"), "{beginning}: {found:#?}");
        assert!(rules(&found).contains(&LOW_STALE), "{beginning}: {found:#?}");
    }
    // No claim is called so, and a name in the wrong place makes no subject.
    for wrong in ["repo:octo/app:no_claim:", "refs/heads/"] {
        let found = check(&[("main.tf", provider(&format!("assertion.sub.startsWith('{wrong}')")))]);
        assert!(found.iter().any(|f| f.rule.as_str() == "never-matches"), "{wrong}: {found:#?}");
    }
}

#[test]
fn the_default_subject_of_a_customised_repository_is_dead() {
    let custom = repository(r#"["repo", "context", "job_workflow_ref"]"#);
    for subject in ["repo:octo/app:ref:refs/heads/main", "repo:octo/app:environment:production", "repo:octo@5/app@8:ref:refs/heads/main"] {
        let found = github("StringEquals", subject, &custom);
        assert_eq!(rules(&found), [MEDIUM_STALE], "{subject}: {found:#?}");
        assert!(found[0].message.contains("job_workflow_ref"), "{}", found[0].message);
        assert!(!found[0].related.is_empty());
    }
    // Another repository keeps its default subject.
    let other = github("StringEquals", "repo:octo/other:environment:production", &custom);
    assert!(!rules(&other).contains(&MEDIUM_STALE) && other.iter().all(|f| f.rule.as_str() != "never-matches"), "{other:#?}");
}

#[test]
fn the_customised_subject_is_what_gets_in() {
    let custom = repository(r#"["repo", "context", "job_workflow_ref"]"#);
    let whole = "repo:octo/app:environment:production:job_workflow_ref:octo/wf/.github/workflows/deploy.yml@refs/heads/main";
    let found = github("StringEquals", whole, &custom);
    // The classic form of the repository is all that is left to say.
    assert!(rules(&found).iter().all(|r| r.0 == "stale-subject-format" && r.1 == Severity::Low), "{found:#?}");
    assert!(!found.iter().any(|f| f.message.contains("nothing in the scan")), "{found:#?}");
    let any =
        github("StringLike", "repo:octo/app:environment:*:job_workflow_ref:octo/wf/.github/workflows/deploy.yml@refs/heads/main", &custom);
    assert!(any.iter().any(|f| f.rule.as_str() == "any-environment" && f.confidence == Confidence::Proven), "{any:#?}");
}

#[test]
fn what_drops_the_repository_lets_others_in() {
    let custom = repository(r#"["repository_owner"]"#);
    let found = github("StringEquals", "repository_owner:octo", &custom);
    assert!(found.iter().any(|f| f.rule.as_str() == "organization-wide"), "{found:#?}");
    let found = github("StringEquals", "environment:production", &repository(r#"["environment"]"#));
    assert!(found.iter().any(|f| f.severity == Severity::Critical), "{found:#?}");
}

#[test]
fn without_a_customisation_in_the_scan_a_customised_subject_is_not_called_dead() {
    for subject in [
        "repo:octo/app:environment:prod:job_workflow_ref:octo/wf/.github/workflows/d.yml@refs/heads/main",
        "repository_owner_id:123:repository_id:456:pull_request",
        "repository_owner:octo:repository_visibility:internal:workflow:deploy",
        "repository_id:456",
        "job_workflow_ref:octo/wf/.github/workflows/d.yml@refs/heads/main",
    ] {
        let found = github("StringEquals", subject, "");
        assert!(!found.iter().any(|f| f.rule.as_str() == "never-matches"), "{subject}: {found:#?}");
        assert!(rules(&found).contains(&LOW_STALE), "{subject}: {found:#?}");
        assert!(found.iter().all(|f| f.severity <= Severity::Low || f.confidence == Confidence::Likely), "{subject}: {found:#?}");
    }
    let found = github("StringLike", "repository_owner_id:123:*", "");
    assert!(found.iter().any(|f| f.rule.as_str() == "organization-wide" && f.confidence == Confidence::Likely), "{found:#?}");
}

#[test]
fn what_no_customisation_makes_stays_dead() {
    for subject in ["repo:octo/app:pull-request", "repo:octo/app:branch:main", "octo/app", "repo:octo/app:ref:main:job_workflow_ref:x"] {
        let found = github("StringEquals", subject, "");
        assert!(found.iter().any(|f| f.rule.as_str() == "never-matches"), "{subject}: {found:#?}");
    }
    // `include_claim_keys = ["repo"]` would make this one, so it is not proved to be dead.
    let found = github("StringEquals", "repo:octo/app", "");
    assert_eq!(rules(&found), [("never-matches", Severity::High, Confidence::Likely)], "{found:#?}");
}

#[test]
fn one_repository_opts_into_the_organisations_template() {
    let organisation = "resource \"github_actions_organization_oidc_subject_claim_customization_template\" \"o\" {\n  include_claim_keys = [\"repo\", \"context\", \"actor\"]\n}\n";
    let opted = repository("null");
    let both = format!("{organisation}{opted}");
    assert_eq!(rules(&github("StringEquals", "repo:octo/app:ref:refs/heads/main", &both)), [MEDIUM_STALE]);
    // Whether another one has opted in is not known: neither form is dead.
    for subject in ["repo:octo/other:ref:refs/heads/main", "repo:octo/other:ref:refs/heads/main:actor:mona"] {
        let found = github("StringEquals", subject, &both);
        assert!(found.iter().all(|f| f.rule.as_str() != "never-matches" && f.severity <= Severity::Low), "{subject}: {found:#?}");
    }
    // The default, said so.
    let default = "resource \"github_actions_repository_oidc_subject_claim_customization_template\" \"app\" {\n  repository = \"app\"\n  use_default = true\n}\n";
    let found = github("StringEquals", "repo:octo/app:ref:refs/heads/main:actor:mona", &format!("{organisation}{default}"));
    assert_eq!(rules(&found), [MEDIUM_STALE], "{found:#?}");
}

#[test]
fn a_customisation_whose_claims_are_not_known_proves_nothing() {
    let custom = format!("variable \"keys\" {{}}\n{}", repository("var.keys"));
    let found = github("StringEquals", "repo:octo/app:ref:refs/heads/main", &custom);
    assert!(found.iter().all(|f| f.severity <= Severity::Low), "{found:#?}");
}

#[test]
fn a_payload_of_the_api_counts_as_said() {
    let payload = r#"{"use_default": false, "include_claim_keys": ["repo", "context", "actor"]}"#;
    let subject = "repo:octo/app:ref:refs/heads/main:actor:mona";
    let found = check(&[("main.tf", role(GITHUB, "StringEquals", subject)), ("oidc.json", payload.to_owned())]);
    assert!(!found.iter().any(|f| f.message.contains("nothing in the scan")), "{found:#?}");
}

#[test]
fn other_clouds_judge_by_the_same_tokens() {
    let custom = repository(r#"["repo", "context", "job_workflow_ref"]"#);
    let azure = "resource \"azuread_application_federated_identity_credential\" \"c\" {\n  application_id = \"/applications/00000000-0000-0000-0000-000000000001\"\n  \
                 display_name = \"c\"\n  audiences = [\"api://AzureADTokenExchange\"]\n  issuer = \"https://token.actions.githubusercontent.com\"\n  subject = \
                 \"SUBJECT\"\n}\n";
    let default = azure.replace("SUBJECT", "repo:octo/app:environment:production");
    assert_eq!(rules(&check(&[("main.tf", format!("{default}{custom}"))])), [MEDIUM_STALE]);
    let whole = azure.replace("SUBJECT", "repo:octo/app:environment:p:job_workflow_ref:octo/wf/.github/workflows/d.yml@refs/heads/main");
    assert!(rules(&check(&[("main.tf", format!("{whole}{custom}"))])).iter().all(|r| r.1 == Severity::Low));
    assert!(rules(&check(&[("main.tf", whole)])).contains(&LOW_STALE));
    let google = r#"
resource "google_iam_workload_identity_pool_provider" "p" {
  workload_identity_pool_id          = "pool"
  workload_identity_pool_provider_id = "github"
  attribute_mapping                  = { "google.subject" = "assertion.sub" }
  attribute_condition                = "assertion.sub == 'repo:octo/app:environment:production'"
  oidc { issuer_uri = "https://token.actions.githubusercontent.com" }
}
"#;
    let found = check(&[("main.tf", format!("{google}{custom}"))]);
    assert!(rules(&found).contains(&MEDIUM_STALE), "{found:#?}");
}

#[test]
fn gitlab_projects_choose_their_claims() {
    let project = "resource \"gitlab_project\" \"app\" {\n  name = \"App\"\n  ci_id_token_sub_claim_components = [\"project_path\", \"ref_type\", \"ref\", \"environment_protected\"]\n}\n";
    let judge = |subject: &str, more: &str| check(&[("main.tf", format!("{}{more}", role("gitlab.com", "StringEquals", subject)))]);
    let default = "project_path:octo/app:ref_type:branch:ref:main";
    assert_eq!(rules(&judge(default, project)), [MEDIUM_STALE]);
    assert_eq!(rules(&judge(default, "")), []);
    let whole = "project_path:octo/app:ref_type:branch:ref:main:environment_protected:true";
    assert_eq!(rules(&judge(whole, project)), []);
    assert_eq!(rules(&judge(whole, "")), [LOW_STALE]);
    assert_eq!(rules(&judge("project_path:octo/other:ref_type:branch:ref:main", project)), []);
}

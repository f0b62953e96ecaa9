//! Inputs that a review of the whole code found wrong, each with what is right now.

#![allow(clippy::expect_used, clippy::panic)]

use fedlint::config::Config;
use fedlint::pipeline::{Input, Request, check, read};
use fedlint::simulation::{GithubJob, simulate};
use fedlint::token::Decision;

/// Rule, severity, path and line of the findings at medium and above.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    found_with("", files)
}

fn request(configuration: &str, files: &[(&str, &str)]) -> Request {
    let input = Input::Memory(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect());
    let config = Config::parse("fedlint.toml", configuration).expect("a configuration");
    Request { input, config, ..Request::default() }
}

fn found_with(configuration: &str, files: &[(&str, &str)]) -> Vec<String> {
    let run = check(&request(configuration, files)).expect("the run is made");
    let shown = |f: &fedlint::rules::Finding| {
        let (path, at) = run.sources.locate(f.span).expect("a place");
        format!("{} {} {path}:{}", f.rule, f.severity, at.line)
    };
    run.findings.iter().filter(|f| f.severity >= fedlint::catalogue::Severity::Medium).map(shown).collect()
}

const SHARED: &str = r#"
locals {
  # fedlint: ignore[any-ref] only for the reader role
  subject = "repo:octo/app:*"
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"]
    }
    condition {
      test     = "StringLike"
      variable = "token.actions.githubusercontent.com:sub"
      values   = [local.subject]
    }
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "reader" {
  name               = "reader"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
"#;

#[test]
fn a_comment_at_a_shared_literal_does_not_accept_what_an_administrator_makes_of_it() {
    let admin = r#"
resource "aws_iam_role" "admin" {
  name                = "admin"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
  assume_role_policy  = data.aws_iam_policy_document.trust.json
}
"#;
    assert_eq!(found(&[("main.tf", SHARED)]), [""; 0]);
    assert_eq!(found(&[("main.tf", SHARED), ("admin.tf", admin)]), ["any-ref high main.tf:4"]);
    // beside the role itself it is accepted
    let accepted = admin.replace("resource", "# fedlint: ignore[any-ref] the break-glass role\nresource");
    assert_eq!(found(&[("main.tf", SHARED), ("admin.tf", &accepted)]), [""; 0]);
}

const HOST: &str = "token.actions.githubusercontent.com";

#[test]
fn the_name_of_a_local_does_not_decide_whether_a_scheme_in_a_key_is_fatal() {
    for name in ["url", "issuer", "host"] {
        let text = format!(
            r#"
locals {{
  {name} = "https://{HOST}"
}}
resource "aws_iam_role" "ci" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{HOST}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{ "${{local.{name}}}:sub" = "repo:octo/app:environment:production" }} }}
    }}]
  }})
}}
"#
        );
        assert_eq!(found(&[("main.tf", &text)]), ["issuer-mismatch high main.tf:3"], "{name}");
    }
}

#[test]
fn a_test_that_any_account_can_meet_leaves_the_star_public() {
    let condition = |condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole","Condition":{condition}}}]}}"#
        )
    };
    for open in [
        r#"{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy-*"}}"#,
        r#"{"StringLike":{"sts:ExternalId":"*"}}"#,
        r#"{"StringEquals":{"sts:RoleSessionName":"deploy"}}"#,
        r#"{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
        r#"{"StringLike":{"aws:PrincipalArn":"*"}}"#,
    ] {
        assert_eq!(found(&[("trust.json", &condition(open))]), ["public-principal critical trust.json:1"], "{open}");
    }
    let closed = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}"#;
    assert_eq!(found(&[("trust.json", &condition(closed))]), [""; 0]);
}

#[test]
fn a_disabled_pool_lets_nobody_in() {
    let text = |disabled: &str| {
        format!(
            r#"
resource "google_iam_workload_identity_pool" "ci" {{
  workload_identity_pool_id = "ci-pool"
  {disabled}
}}
resource "google_iam_workload_identity_pool_provider" "gh" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping                  = {{ "google.subject" = "assertion.sub" }}
  oidc {{
    issuer_uri = "https://{HOST}"
  }}
}}
"#
        )
    };
    assert_eq!(found(&[("main.tf", &text("disabled = true"))]), [""; 0]);
    assert!(!found(&[("main.tf", &text(""))]).is_empty());
}

#[test]
fn the_letter_case_of_an_action_does_not_hide_an_administrator() {
    let text = |action: &str| {
        format!(
            r#"
resource "aws_iam_role" "ci" {{
  name = "ci"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{HOST}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringLike   = {{ "{HOST}:sub" = "repo:octo/app:*" }}
        StringEquals = {{ "{HOST}:aud" = "sts.amazonaws.com" }}
      }}
    }}]
  }})
}}
resource "aws_iam_role_policy" "p" {{
  role   = aws_iam_role.ci.name
  policy = jsonencode({{ Version = "2012-10-17", Statement = [{{ Effect = "Allow", Action = "{action}", Resource = "*" }}] }})
}}
"#
        )
    };
    for action in ["iam:*", "IAM:*", "*"] {
        assert_eq!(found(&[("main.tf", &text(action))]), ["any-ref high main.tf:11"], "{action}");
    }
    assert_eq!(found(&[("main.tf", &text("s3:GetObject"))]), ["any-ref medium main.tf:11"]);
}

const CREDENTIAL: &str = r#"{"type": "external_account",
  "audience": "//iam.googleapis.com/projects/210987654321/locations/global/workloadIdentityPools/kiln/providers/forge",
  "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/baker@clay-works.iam.gserviceaccount.com:generateAccessToken"}"#;
const BAKER: &str = "resource \"google_service_account\" \"baker\" {\n  project    = \"clay-works\"\n  account_id = \"baker\"\n}\n";

#[test]
fn what_is_undecided_of_something_else_hides_no_missing_grant() {
    let expected = ["unbound-impersonation high login.json:3"];
    let of = |more: &str| found(&[("main.tf", &format!("{BAKER}variable \"given\" {{}}\n{more}")), ("login.json", CREDENTIAL)]);
    assert_eq!(of(""), expected);
    // Texts about these speak of a policy, of members and of who is bound.
    assert_eq!(of("resource \"aws_iam_role\" \"other\" {\n  name = \"other\"\n  assume_role_policy = var.given\n}\n"), expected);
    let bucket = "resource \"google_storage_bucket_iam_binding\" \"logs\" {\n  bucket = \"logs\"\n  role = \"roles/owner\"\n  members = var.given\n}\n";
    assert_eq!(of(bucket), expected);
    // The members of the account itself may be the ones.
    let own = "resource \"google_service_account_iam_binding\" \"b\" {\n  service_account_id = google_service_account.baker.name\n  role = \"roles/iam.workloadIdentityUser\"\n  members = var.given\n}\n";
    assert_eq!(of(own), [""; 0]);
}

#[test]
fn an_issuer_that_is_trusted_in_the_configuration_is_ones_own() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/runner.kiln.example"},
  "Condition": {"StringEquals": {"runner.kiln.example:aud": "sts.amazonaws.com"}}}]}"#;
    assert_eq!(found(&[("trust.json", policy)]), ["missing-subject medium trust.json:2"]);
    let trusted = "[issuers]\ntrusted = [\"https://runner.kiln.example\"]\n";
    assert_eq!(found_with(trusted, &[("trust.json", policy)]), [""; 0]);
    let another = "[issuers]\ntrusted = [\"https://runner.kiln.example.org\"]\n";
    assert_eq!(found_with(another, &[("trust.json", policy)]), ["missing-subject medium trust.json:2"]);
}

#[test]
fn a_gitlab_of_ones_own_takes_flexible_credentials_as_gitlab_com_does() {
    let credential = |issuer: &str, more: &str| {
        let text = format!(
            r#"
resource "azuread_application_flexible_federated_identity_credential" "ci" {{
  application_id             = "/applications/5b0c1d2e-0000-4000-8000-0000000000aa"
  display_name               = "ci"
  audience                   = "api://AzureADTokenExchange"
  issuer                     = "{issuer}"
  claims_matching_expression = "claims['sub'] matches 'project_path:clay/kiln:ref_type:branch:ref:main'{more}"
}}
"#
        );
        found(&[("main.tf", &text)])
    };
    for issuer in ["https://gitlab.com", "https://gitlab.kiln.com", "https://gitlab.kiln.ca", "https://gitlab.example.com"] {
        assert_eq!(credential(issuer, " and claims['project_id'] eq '4711'"), [""; 0], "{issuer}");
        assert_eq!(credential(issuer, ""), ["rejected-policy medium main.tf:7"], "{issuer}");
    }
    // Entra takes no flexible credential of another issuer.
    assert_eq!(credential("https://git.kiln.org", " and claims['project_id'] eq '4711'"), ["rejected-policy medium main.tf:6"]);
}

#[test]
fn a_pool_member_of_gke_is_a_cluster_or_one_account_and_is_told_once() {
    let member = |member: &str| {
        let text = format!(
            "{BAKER}resource \"google_service_account_iam_member\" \"m\" {{\n  service_account_id = google_service_account.baker.name\n  \
             role = \"roles/iam.workloadIdentityUser\"\n  member = \"{member}\"\n}}\n"
        );
        let run = check(&request("", &[("main.tf", &text)])).expect("the run is made");
        let shown = run.findings.iter().filter(|f| f.severity >= fedlint::catalogue::Severity::Medium);
        shown.map(|f| (f.rule.to_string(), f.message.clone())).collect::<Vec<_>>()
    };
    let pool = "iam.googleapis.com/projects/210987654321/locations/global/workloadIdentityPools/clay-works.svc.id.goog";
    let cluster = "https://container.googleapis.com/v1/projects/clay-works/locations/europe-west4/clusters/kiln";
    let of_cluster = member(&format!("principalSet://{pool}/kubernetes.cluster/{cluster}"));
    let [(rule, message)] = of_cluster.as_slice() else { panic!("{of_cluster:?}") };
    assert_eq!(rule, "default-service-account");
    assert!(message.contains(&format!("of the cluster `{cluster}`")), "{message}");
    let uid = "9c1b2c3d-0000-4000-8000-0000000000bb";
    let of_set = member(&format!("principalSet://{pool}/kubernetes.serviceaccount.uid/{uid}"));
    let [(rule, _)] = of_set.as_slice() else { panic!("{of_set:?}") };
    assert_eq!(rule, "malformed-principal");
    assert_eq!(member(&format!("principal://{pool}/kubernetes.serviceaccount.uid/{uid}")), []);
}

#[test]
fn what_a_map_that_is_not_known_may_overwrite_is_not_known() {
    let text = |merged: &str| {
        format!(
            r#"
variable "own" {{ type = map(string) }}
locals {{
  subjects = merge({merged})
}}
resource "aws_iam_role" "ci" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{HOST}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{
        "{HOST}:aud" = "sts.amazonaws.com"
        "{HOST}:sub" = local.subjects.deploy
      }} }}
    }}]
  }})
}}
"#
        )
    };
    let (given, own) = (r#"{ deploy = "repo:clay/kiln:*" }"#, "{ for name, subject in var.own : name => subject }");
    let dead = ["literal-wildcard high main.tf:4"];
    assert_eq!(found(&[("main.tf", &text(given))]), dead);
    // What stands last is kept.
    assert_eq!(found(&[("main.tf", &text(&format!("{own}, {given}")))]), dead);
    let open = check(&request("", &[("main.tf", &text(&format!("{given}, {own}")))])).expect("the run is made");
    let proven = open.findings.iter().find(|f| f.confidence == fedlint::catalogue::Confidence::Proven);
    assert!(proven.is_none(), "{proven:?}");
}

#[test]
fn the_name_of_a_module_s_argument_does_not_decide_whether_a_scheme_in_a_key_is_fatal() {
    for name in ["host", "url", "issuer_url"] {
        let inner = format!(
            r#"
variable "{name}" {{}}
resource "aws_iam_role" "ci" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{HOST}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{
        "${{var.{name}}}:aud" = "sts.amazonaws.com"
        "${{var.{name}}}:sub" = "repo:clay/kiln:environment:production"
      }} }}
    }}]
  }})
}}
"#
        );
        let call = |value: &str| format!("module \"ci\" {{\n  source = \"./role\"\n  {name} = \"{value}\"\n}}\n");
        let run = |value: &str| found(&[("main.tf", &call(value)), ("role/main.tf", &inner)]);
        assert_eq!(run(&format!("https://{HOST}")), ["issuer-mismatch high main.tf:3"], "{name}");
        assert_eq!(run(HOST), [""; 0], "{name}");
    }
}

#[test]
fn a_claim_that_was_not_given_opens_no_refusal_by_another() {
    let decision = |condition: &str| {
        let text = format!(
            r#"
resource "google_iam_workload_identity_pool" "kiln" {{
  workload_identity_pool_id = "kiln-pool"
}}
resource "google_iam_workload_identity_pool_provider" "gh" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.kiln.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping = {{
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }}
  attribute_condition = "{condition}"
  oidc {{ issuer_uri = "https://{HOST}" }}
}}
{BAKER}
resource "google_service_account_iam_member" "m" {{
  service_account_id = google_service_account.baker.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.kiln.name}}/attribute.repository/clay/kiln"
}}
"#
        );
        let world = read(&request("", &[("main.tf", &text)])).expect("the facts are read");
        let job = GithubJob { repository: "clay/kiln", ..GithubJob::default() }.token().expect("a job's token");
        let all = simulate(&world.graph, &world.links, &job);
        all.verdicts.first().map(|v| v.evaluation.decision)
    };
    // The id of the owner is not given with the name of a repository.
    assert_eq!(decision("assertion.repository_owner_id == '77' && assertion.repository == 'other/thing'"), Some(Decision::Deny));
    assert_eq!(decision("assertion.repository == 'other/thing'"), Some(Decision::Deny));
    assert_eq!(decision("assertion.repository_owner_id == '77' && assertion.repository == 'clay/kiln'"), Some(Decision::Unknown));
    assert_eq!(decision("assertion.repository == 'clay/kiln'"), Some(Decision::Admit));
}

//! Where a finding points, whom it names, and what it advises: an identity is never lost, an advice can be followed.

#![allow(clippy::expect_used, clippy::panic)]

use fedlint::catalogue::{Confidence, Severity};
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

use fedlint::rules::Finding;

fn run(files: &[(&str, &str)]) -> Run {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made")
}

fn of<'r>(run: &'r Run, rule: &str) -> Vec<&'r Finding> {
    run.findings.iter().filter(|f| f.rule.as_str() == rule).collect()
}

fn only<'r>(run: &'r Run, rule: &str) -> &'r Finding {
    match of(run, rule).as_slice() {
        [one] => one,
        other => panic!("{} findings of `{rule}` in {:#?}", other.len(), run.findings),
    }
}

/// `file:line` and the text that is underlined.
fn place(run: &Run, finding: &Finding) -> (String, String) {
    let (path, position) = run.sources.locate(finding.span).expect("the place is in a file");
    (format!("{path}:{}", position.line), run.sources.snippet(finding.span))
}

fn names(findings: &[&Finding]) -> Vec<String> {
    findings.iter().filter_map(|f| f.identity.clone()).collect()
}

fn help(finding: &Finding) -> &str {
    finding.help.as_deref().unwrap_or_default()
}

const PROVIDER: &str = r#"resource "aws_eks_cluster" "c" { name = "c" }
resource "aws_iam_openid_connect_provider" "p" {
  client_id_list = ["sts.amazonaws.com"]
  url            = aws_eks_cluster.c.identity[0].oidc[0].issuer
}
locals { host = replace(aws_iam_openid_connect_provider.p.url, "https://", "") }
"#;

/// A role of a cluster with these conditions.
fn role(name: &str, principal: &str, conditions: &str) -> String {
    format!(
        r#"resource "aws_iam_role" "{name}" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = {{ Federated = {principal} }}
      Condition = {{ StringEquals = {{ {conditions} }} }}
    }}]
  }})
}}
"#
    )
}

const ARN: &str = "aws_iam_openid_connect_provider.p.arn";
const AUD: &str = r#""${local.host}:aud" = "sts.amazonaws.com""#;
const SUB: &str = r#""${local.host}:sub" = "system:serviceaccount:shop:api""#;

#[test]
fn an_empty_value_is_shown_with_its_quotes() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
  "Condition": {"StringNotLike": {"token.actions.githubusercontent.com:sub": ""}}}]}"#;
    let run = run(&[("trust.json", policy)]);
    assert_eq!(place(&run, only(&run, "inverted-condition")), ("trust.json:3".to_owned(), "\"\"".to_owned()));
}

#[test]
fn a_missing_subject_is_shown_in_the_statement_that_misses_it() {
    let good = role("aaa", ARN, &format!("{AUD}\n{SUB}"));
    let files = [("p.tf", PROVIDER), ("a.tf", &good), ("y.tf", &role("yyy", ARN, AUD)), ("z.tf", &role("zzz", ARN, AUD))];
    let run = run(&files);
    let found = of(&run, "missing-subject");
    assert_eq!(names(&found), ["aws_iam_role.yyy", "aws_iam_role.zzz"]);
    let places: Vec<_> = found.iter().map(|f| place(&run, f)).collect();
    assert_eq!(places, [("y.tf:7".to_owned(), ARN.to_owned()), ("z.tf:7".to_owned(), ARN.to_owned())]);
}

#[test]
fn a_principal_that_nobody_sets_is_shown_where_the_statement_names_it() {
    // The declaration of the variable lets nobody in: it is on the way.
    for principal in ["var.arn", "\"arn:aws:iam::111122223333:oidc-provider/${var.arn}\"", "lower(var.arn)"] {
        let text = role("r", principal, "\"${var.url}:aud\" = \"sts.amazonaws.com\"");
        let run = run(&[("main.tf", &text), ("v.tf", "variable \"arn\" {}\nvariable \"url\" {}\n")]);
        for finding in run.findings.iter().filter(|f| f.rule.as_str() == "missing-subject") {
            let (at, _) = place(&run, finding);
            assert_eq!(at, "main.tf:7", "{principal}: {finding:?}");
        }
    }
}

#[test]
fn a_principal_that_comes_from_elsewhere_is_shown_where_the_statement_names_it() {
    let shared = "locals { arn = aws_iam_openid_connect_provider.p.arn }\n";
    let good = role("aaa", "local.arn", &format!("{AUD}\n{SUB}"));
    let files = [("p.tf", PROVIDER), ("l.tf", shared), ("a.tf", &good), ("z.tf", &role("zzz", "local.arn", AUD))];
    let run = run(&files);
    assert_eq!(place(&run, only(&run, "missing-subject")), ("z.tf:7".to_owned(), "Federated".to_owned()));
}

#[test]
fn a_policy_document_names_its_principal_under_identifiers() {
    let text = r#"data "aws_iam_policy_document" "t" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [module.cluster.arn]
    }
  }
}
resource "aws_iam_role" "r" { assume_role_policy = data.aws_iam_policy_document.t.json }
module "cluster" { source = "./cluster" }
"#;
    let outputs = "output \"arn\" { value = aws_iam_openid_connect_provider.p.arn }\n";
    let run = run(&[("main.tf", text), ("cluster/p.tf", PROVIDER), ("cluster/o.tf", outputs)]);
    assert_eq!(place(&run, only(&run, "missing-subject")), ("main.tf:6".to_owned(), "identifiers".to_owned()));
}

#[test]
fn two_roles_that_share_a_literal_are_two_findings() {
    let files = [
        ("l.tf", "locals { subject = \"repo:octo/app:*\" }\n"),
        ("a.tf", &role("admin", GITHUB, GITHUB_CONDITIONS)),
        ("r.tf", &role("reader", GITHUB, GITHUB_CONDITIONS)),
    ]
    .map(|(p, t)| (p, t.replace("StringEquals", "StringLike")));
    let run = run(&files.each_ref().map(|(p, t)| (*p, t.as_str())));
    let found = of(&run, "any-ref");
    assert_eq!(names(&found), ["aws_iam_role.admin", "aws_iam_role.reader"]);
    assert!(found.iter().all(|f| place(&run, f).0 == "l.tf:1"));
}

const GITHUB: &str = "\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"";
const GITHUB_CONDITIONS: &str =
    "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n\"token.actions.githubusercontent.com:sub\" = local.subject";

#[test]
fn instances_of_one_declaration_are_one_finding_that_keeps_the_worst_and_names_the_others() {
    let inner = role("r", GITHUB, GITHUB_CONDITIONS);
    let inner = format!("locals {{ subject = var.subject }}\nvariable \"subject\" {{}}\n{}", inner.replace("StringEquals", "StringLike"));
    let call = |name: &str| format!("module \"{name}\" {{\n  source = \"./role\"\n  subject = local.wide\n}}\n");
    let calls = format!("locals {{ wide = \"repo:octo/app:*\" }}\n{}{}{}", call("b"), call("a"), call("c"));
    let run = run(&[("main.tf", &calls), ("role/main.tf", &inner)]);
    let finding = only(&run, "any-ref");
    assert_eq!(finding.identity.as_deref(), Some("module.a.aws_iam_role.r"));
    assert!(finding.message.ends_with("(and 2 more instances)"), "{}", finding.message);
    let related: Vec<&str> = finding.related.iter().map(|r| r.message.as_str()).collect();
    for other in ["module.b.aws_iam_role.r", "module.c.aws_iam_role.r"] {
        assert!(related.iter().any(|r| r.contains(other)), "{other} in {related:?}");
    }
}

#[test]
fn a_comment_at_one_instance_accepts_that_one_only() {
    let inner = role("r", GITHUB, GITHUB_CONDITIONS);
    let inner = format!("locals {{ subject = var.subject }}\nvariable \"subject\" {{}}\n{}", inner.replace("StringEquals", "StringLike"));
    let call = |name: &str, comment: &str| format!("module \"{name}\" {{\n  source = \"./role\"\n  subject = local.wide {comment}\n}}\n");
    let accepted = "# fedlint: ignore[any-ref] reviewed";
    let calls = format!("locals {{ wide = \"repo:octo/app:*\" }}\n{}{}", call("a", accepted), call("b", ""));
    let run = run(&[("main.tf", &calls), ("role/main.tf", &inner)]);
    let finding = only(&run, "any-ref");
    assert_eq!(finding.identity.as_deref(), Some("module.b.aws_iam_role.r"));
    assert!(!finding.message.contains("more instance"), "{}", finding.message);
    assert!(of(&run, "unused-suppression").is_empty());
}

#[test]
fn a_right_over_all_service_accounts_is_shown_at_the_role() {
    let text = r#"resource "google_service_account" "ci" {
  project    = "px-one"
  account_id = "sa-one"
}
resource "google_project_iam_member" "a" {
  project = "px-one"
  for_each = toset(["roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser"])
  role    = each.value
  member  = google_service_account.ci.member
}
"#;
    let run = run(&[("main.tf", text)]);
    let found: Vec<_> = of(&run, "project-wide-impersonation").into_iter().map(|f| (place(&run, f).1, f.severity)).collect();
    let wanted = [("roles/iam.serviceAccountTokenCreator", Severity::High), ("roles/iam.serviceAccountUser", Severity::Medium)];
    assert_eq!(found, wanted.map(|(role, severity)| (role.to_owned(), severity)));
}

/// The findings about a role of GitHub with this test of the subject.
fn subject(operator: &str, value: &str) -> Run {
    let conditions = format!(
        "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n\"token.actions.githubusercontent.com:sub\" = {value}"
    );
    run(&[("main.tf", &role("r", GITHUB, &conditions).replace("StringEquals", operator))])
}

#[test]
fn every_value_of_one_format_is_named_with_its_other_form() {
    let run = subject("StringEquals", r#"["repo:octo/app:ref:refs/heads/main", "repo:octo/app:ref:refs/heads/next"]"#);
    let finding = only(&run, "stale-subject-format");
    for branch in ["main", "next"] {
        let form = format!("`repo:octo@OWNER_ID/app@REPO_ID:ref:refs/heads/{branch}`");
        assert!(help(finding).contains(&form), "{}", help(finding));
    }
}

#[test]
fn a_value_that_has_its_other_form_beside_it_is_not_named() {
    let run =
        subject("StringEquals", r#"["repo:octo/app:environment:a", "repo:octo@1/app@2:environment:a", "repo:octo/app:environment:b"]"#);
    assert!(of(&run, "stale-subject-format").is_empty());
}

#[test]
fn a_subject_with_ids_is_never_told_to_do_without() {
    assert!(of(&subject("StringLike", r#""repo:octo@2203574/app@1333267581:*""#), "stale-subject-format").is_empty());
    assert_eq!(of(&subject("StringLike", r#""repo:octo@*/app@*:*""#), "stale-subject-format").len(), 1);
}

#[test]
fn a_form_that_another_test_refuses_is_not_advised() {
    // The second test takes no ids either: both have to change.
    let text = role(
        "r",
        GITHUB,
        r#""token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:octo/app:environment:a"] }
        StringLike = { "token.actions.githubusercontent.com:sub" = ["*:*/app:*"]"#,
    );
    let run = run(&[("main.tf", &text)]);
    let finding = only(&run, "stale-subject-format");
    assert!(help(finding).contains("`*:*/app@REPO_ID:*` beside `*:*/app:*`"), "{}", help(finding));
    assert!(help(finding).contains("`repo:octo@OWNER_ID/app@REPO_ID:environment:a`"), "{}", help(finding));
}

#[test]
fn no_form_is_advised_that_lets_unrelated_owners_in() {
    for value in ["repo:*/app:environment:a", "repo:octo*/app:environment:a", "*:*/app:*"] {
        let run = subject("StringLike", &format!("\"{value}\""));
        for finding in of(&run, "stale-subject-format") {
            assert!(!help(finding).contains("REPO_ID"), "{value}: {}", help(finding));
        }
    }
}

#[test]
fn the_format_is_shown_where_it_is_written() {
    let text = role(
        "r",
        GITHUB,
        "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n\
         \"token.actions.githubusercontent.com:sub\" = \"repo:${var.repository}:environment:production\"",
    );
    let variable = "variable \"repository\" { default = \"octo/application-with-a-long-name\" }\n";
    let run = run(&[("main.tf", &text), ("variables.tf", variable)]);
    let (place, text) = place(&run, only(&run, "stale-subject-format"));
    assert_eq!((place.as_str(), text.as_str()), ("main.tf:9", "repo:${var.repository}:environment:production"));
}

#[test]
fn in_the_call_of_a_known_module_the_argument_is_shown() {
    let text = r#"module "deploy" {
  source   = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  version  = "5.60.0"
  subjects = ["octo/app:ref:refs/heads/main"]
}
"#;
    let run = run(&[("main.tf", text)]);
    let (place, text) = place(&run, only(&run, "stale-subject-format"));
    assert_eq!((place.as_str(), text.as_str()), ("main.tf:4", "octo/app:ref:refs/heads/main"));
}

#[test]
fn roles_of_one_call_are_one_finding_about_the_format() {
    let text = r#"module "roles" {
  source = "github.com/cds-snc/terraform-modules//gh_oidc_role?ref=v9.6.4"
  roles = [
    { name = "one", repo_name = "first", claim = "ref:refs/heads/main-branch" },
    { name = "two", repo_name = "second-repository", claim = "ref:refs/heads/main" },
  ]
}
"#;
    let run = run(&[("main.tf", text)]);
    let finding = only(&run, "stale-subject-format");
    assert_eq!(place(&run, finding), ("main.tf:4".to_owned(), "first".to_owned()));
    assert!(finding.message.contains("1 more instance"), "{}", finding.message);
}

#[test]
fn a_credential_of_azure_gets_a_second_one() {
    let text = r#"resource "azurerm_federated_identity_credential" "c" {
  name      = "ci"
  parent_id = "/subscriptions/x"
  issuer    = "https://token.actions.githubusercontent.com"
  audience  = ["api://AzureADTokenExchange"]
  subject   = "repo:octo/app:environment:production"
}
"#;
    let run = run(&[("main.tf", text)]);
    let help = help(only(&run, "stale-subject-format"));
    assert!(help.contains("add a second credential") && !help.contains("as a value"), "{help}");
}

#[test]
fn the_audience_is_advised_with_the_key_as_the_policy_writes_it() {
    let text = role("r", "var.arn", "\"${replace(var.url, \"https://\", \"\")}:sub\" = \"system:serviceaccount:shop:api\"");
    let variables = "variable \"arn\" {}\nvariable \"url\" {}\n";
    let run = run(&[("main.tf", &text), ("variables.tf", variables)]);
    let help = help(only(&run, "missing-audience"));
    assert!(help.contains("add `\"${replace(var.url, \"https://\", \"\")}:aud\": \"sts.amazonaws.com\"`"), "{help}");
}

#[test]
fn a_policy_document_is_advised_a_block() {
    let text = r#"data "aws_iam_policy_document" "t" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.p.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.host}:sub"
      values   = ["system:serviceaccount:shop:api"]
    }
  }
}
resource "aws_iam_role" "r" { assume_role_policy = data.aws_iam_policy_document.t.json }
"#;
    let run = run(&[("main.tf", text), ("p.tf", PROVIDER)]);
    let finding = only(&run, "missing-audience");
    assert_eq!(finding.severity, Severity::Low);
    let wanted =
        "add a `condition` block with `test = \"StringEquals\"`, `variable = \"${local.host}:aud\"` and `values = [\"sts.amazonaws.com\"]`";
    assert_eq!(help(finding), wanted);
}

#[test]
fn the_call_of_a_known_module_is_advised_its_argument() {
    let text = r#"module "irsa" {
  source                        = "terraform-aws-modules/iam/aws//modules/iam-assumable-role-with-oidc"
  version                       = "5.30.0"
  create_role                   = true
  provider_url                  = aws_iam_openid_connect_provider.p.url
  oidc_fully_qualified_subjects = ["system:serviceaccount:shop:api"]
}
module "ci" {
  source = "github.com/cds-snc/terraform-modules//gh_oidc_role?ref=v9.6.4"
  roles  = [{ name = "one", repo_name = "first", claim = "environment:production" }]
}
"#;
    let run = run(&[("main.tf", text), ("p.tf", PROVIDER)]);
    let found = of(&run, "missing-audience");
    let helps: Vec<&str> = found.iter().map(|f| help(f)).collect();
    assert_eq!(helps.len(), 2, "{helps:?}");
    assert!(helps.iter().any(|h| h.contains("`oidc_fully_qualified_audiences = [\"sts.amazonaws.com\"]`")), "{helps:?}");
    assert!(helps.iter().any(|h| h.contains("the module has no argument for the audience")), "{helps:?}");
    assert!(found.iter().any(|f| place(&run, f) == ("main.tf:5".to_owned(), "provider_url".to_owned())));
}

#[test]
fn tokens_of_google_accounts_have_a_key_of_their_own_for_the_audience() {
    let google = |condition: &str| {
        let text = role("r", "\"accounts.google.com\"", condition);
        run(&[("main.tf", &text)])
    };
    let pinned = google("\"accounts.google.com:sub\" = \"106789012345678901234\"");
    let finding = only(&pinned, "missing-audience");
    assert_eq!(finding.severity, Severity::Low);
    assert!(help(finding).contains("accounts.google.com:oaud") && !finding.message.contains("client list"), "{finding:?}");
}

#[test]
fn the_only_client_id_is_the_value_that_is_advised() {
    let text = r#"data "aws_secretsmanager_secret_version" "c" { secret_id = "ci" }
locals { secret = jsondecode(data.aws_secretsmanager_secret_version.c.secret_string) }
resource "aws_iam_openid_connect_provider" "c" {
  url            = "https://oidc.circleci.com/org/${local.secret.organisation}"
  client_id_list = [local.secret.organisation]
}
"#;
    let key = "\"oidc.circleci.com/org/${local.secret.organisation}:sub\" = \"org/${local.secret.organisation}/project/p/user/u\"";
    let text = format!("{text}{}", role("r", "aws_iam_openid_connect_provider.c.arn", key));
    let run = run(&[("main.tf", &text)]);
    let help = help(only(&run, "missing-audience"));
    assert!(!help.contains('<') && help.contains("oidc.circleci.com/org/${local.secret.organisation}:aud"), "{help}");
}

#[test]
fn a_provider_whose_url_has_alternatives_is_found_by_its_address() {
    let provider = r#"locals { ids = { a = "1972AFFBD0701A0D1FD291E34F7D1287", b = "801920EDEF91E3CAB03E04C03A2DE2BB" } }
resource "aws_iam_openid_connect_provider" "p" {
  url            = "https://oidc.eks.eu-west-2.amazonaws.com/id/${local.ids[terraform.workspace]}"
  client_id_list = ["sts.amazonaws.com"]
}
"#;
    let document = r#"data "aws_iam_policy_document" "t" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.p.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "oidc.eks.eu-west-2.amazonaws.com/id/${local.ids[terraform.workspace]}:sub"
      values   = ["system:serviceaccount:shop:api"]
    }
  }
}
resource "aws_iam_role" "r" { assume_role_policy = data.aws_iam_policy_document.t.json }
"#;
    let run = run(&[("p.tf", provider), ("main.tf", document)]);
    assert_eq!(only(&run, "missing-audience").severity, Severity::Low);
}

#[test]
fn one_omission_is_one_finding() {
    let text = role("r", ARN, "").replace("Condition = { StringEquals = {  } }", "");
    let run = run(&[("main.tf", &text), ("p.tf", PROVIDER)]);
    assert!(of(&run, "missing-audience").is_empty());
    let help = help(only(&run, "missing-subject"));
    let key = "${replace(aws_iam_openid_connect_provider.p.url, \"https://\", \"\")}";
    assert!(help.contains(&format!("{key}:sub")) && help.contains(&format!("{key}:aud")), "{help}");
}

#[test]
fn a_key_that_cannot_be_read_may_be_the_audience() {
    let text = role(
        "r",
        GITHUB,
        "(var.key) = \"sts.amazonaws.com\"\n\"token.actions.githubusercontent.com:sub\" = \"repo:octo/app:environment:a\"",
    );
    let run = run(&[("main.tf", &text), ("v.tf", "variable \"key\" {}\n")]);
    assert!(of(&run, "missing-audience").is_empty());
}

#[test]
fn both_branches_of_a_condition_are_one_role() {
    let text = r#"AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Create: { Type: String }
Conditions:
  Own: !Equals [!Ref Create, 'yes']
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: sts:AssumeRoleWithWebIdentity
            Principal:
              Federated: !If
                - Own
                - arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com
                - arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com
            Condition:
              StringEquals:
                token.actions.githubusercontent.com:sub: repo:octo/app:environment:production
"#;
    let run = run(&[("role.yml", text)]);
    assert!(help(only(&run, "missing-audience")).contains("\"token.actions.githubusercontent.com:aud\""));
}

#[test]
fn a_long_session_is_shown_at_its_number_with_the_worst_instance() {
    let inner =
        role("r", GITHUB, GITHUB_CONDITIONS).replace("  assume_role_policy", "  max_session_duration = var.seconds\n  assume_role_policy");
    let inner = format!("locals {{ subject = \"repo:octo/app:environment:a\" }}\nvariable \"seconds\" {{}}\n{inner}");
    let calls = "module \"a\" {\n  source   = \"./role\"\n  for_each = { short = 7200, long = 43200, middle = 10800 }\n  seconds  = each.value\n}\n\
                 module \"b\" {\n  source  = \"./role\"\n  seconds = 12 * 60 * 60\n}\n";
    let run = run(&[("main.tf", calls), ("role/main.tf", &inner)]);
    let found: Vec<_> =
        of(&run, "long-session").iter().map(|f| (place(&run, f), f.severity, f.identity.clone().unwrap_or_default())).collect();
    let at = |line: &str, text: &str| (format!("main.tf:{line}"), text.to_owned());
    let wanted = [
        (at("3", "7200"), Severity::Low, "module.a[\"short\"].aws_iam_role.r".to_owned()),
        (at("3", "43200"), Severity::Medium, "module.a[\"long\"].aws_iam_role.r".to_owned()),
        (at("3", "10800"), Severity::Low, "module.a[\"middle\"].aws_iam_role.r".to_owned()),
        (at("8", "12 * 60 * 60"), Severity::Medium, "module.b.aws_iam_role.r".to_owned()),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn the_worst_of_several_instances_is_kept() {
    let text = r#"module "a" {
  source               = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  version              = "5.60.0"
  for_each             = { short = 2, long = 12 }
  subjects             = ["octo/app:environment:a", "octo@1/app@2:environment:a"]
  max_session_duration = each.value * 3600
}
"#;
    let run = run(&[("main.tf", text)]);
    let finding = only(&run, "long-session");
    assert_eq!((finding.severity, place(&run, finding).0.as_str()), (Severity::Medium, "main.tf:6"));
    assert!(finding.message.contains("43200") && finding.message.ends_with("(and 1 more instance)"), "{}", finding.message);
}

#[test]
fn an_empty_external_id_opens_nothing() {
    let text = r#"locals { ids = { production = "abcdef", test = "" } }
resource "aws_iam_role" "r" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = "arn:aws:iam::464622532012:root" }
      Condition = { StringEquals = { "sts:ExternalId" = local.ids[terraform.workspace] } }
    }]
  })
}
"#;
    assert!(of(&run(&[("main.tf", text)]), "account-principal").is_empty());
    assert_eq!(
        of(&run(&[("main.tf", &text.replace("\"abcdef\"", "\"*\"").replace("StringEquals", "StringLike"))]), "account-principal").len(),
        1
    );
}

#[test]
fn the_right_action_is_not_advised_without_the_condition_that_it_needs() {
    let text = role("r", ARN, AUD).replace("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole");
    let open = run(&[("main.tf", &text), ("p.tf", PROVIDER)]);
    let finding = only(&open, "wrong-action");
    assert!(help(finding).contains("${local.host}:sub"), "{}", help(finding));
    let text = role("r", ARN, &format!("{AUD}\n{SUB}")).replace("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole");
    let closed = run(&[("main.tf", &text), ("p.tf", PROVIDER)]);
    assert_eq!(help(only(&closed, "wrong-action")), "use `sts:AssumeRoleWithWebIdentity`");
}

#[test]
fn a_key_of_an_unknown_host_that_keeps_its_scheme_is_dead() {
    let cluster = "data \"aws_caller_identity\" \"current\" {}\ndata \"aws_eks_cluster\" \"c\" { name = \"x\" }\n";
    let issuer = "data.aws_eks_cluster.c.identity[0].oidc[0].issuer";
    let arn = format!(
        "\"arn:aws:iam::${{data.aws_caller_identity.current.account_id}}:oidc-provider/${{replace({issuer}, \"https://\", \"\")}}\""
    );
    let with = |key: &str| {
        let conditions = format!("\"{key}:sub\" = \"system:serviceaccount:shop:api\"\n\"{key}:aud\" = \"sts.amazonaws.com\"");
        run(&[("main.tf", &format!("{cluster}{}", role("r", &arn, &conditions)))])
    };
    let dead = with(&format!("${{{issuer}}}"));
    let found = of(&dead, "issuer-mismatch");
    assert_eq!(found.len(), 2);
    for finding in found {
        assert!(help(finding).contains(&format!("${{replace({issuer}, \"https://\", \"\")}}:")), "{}", help(finding));
        assert!(place(&dead, finding).1.contains("issuer}:"), "{:?}", place(&dead, finding));
    }
    assert!(with(&format!("${{replace({issuer}, \"https://\", \"\")}}")).findings.is_empty());
    // The attribute of a provider comes without its scheme.
    let own = role("r", ARN, &format!("{AUD}\n{SUB}").replace("local.host", "aws_iam_openid_connect_provider.p.url"));
    assert!(run(&[("main.tf", &own), ("p.tf", PROVIDER)]).findings.is_empty());
}

#[test]
fn an_account_whose_number_is_not_known_is_named_all_the_same() {
    let with = |account: &str| {
        let text = format!(
            "data \"aws_caller_identity\" \"me\" {{}}\nvariable \"other\" {{}}\n{}",
            role("r", "x", "").replace("Federated = x", &format!("AWS = \"arn:aws:iam::${{{account}}}:root\""))
        );
        run(&[("main.tf", &text.replace("sts:AssumeRoleWithWebIdentity", "sts:AssumeRole").replace("StringEquals = {  }", ""))])
    };
    let other = with("var.other");
    let finding = only(&other, "account-principal");
    assert_eq!((finding.severity, finding.confidence), (Severity::Info, Confidence::Likely));
    assert!(finding.message.contains("`${var.other}`"), "{}", finding.message);
    assert_eq!(place(&other, finding).1, "arn:aws:iam::${var.other}:root");
    assert_eq!(only(&with("data.aws_caller_identity.me.account_id"), "account-principal").severity, Severity::Info);
}

#[test]
fn a_provider_of_another_account_lets_nobody_in() {
    let text = |account: &str| {
        format!(
            r#"{{"Role": {{"RoleName": "ci", "Arn": "arn:aws:iam::111122223333:role/ci", "AssumeRolePolicyDocument": {{"Version": "2012-10-17", "Statement": [{{
  "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {{"Federated": "arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com"}},
  "Condition": {{"StringLike": {{"token.actions.githubusercontent.com:sub": "repo:octo/app:*"}}}}
}}]}}}}}}"#
        )
    };
    let run_of = |account: &str| run(&[("role.json", &text(account))]);
    let elsewhere = run_of("444455556666");
    let rules: Vec<&str> = elsewhere.findings.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(rules, ["issuer-mismatch"], "{:#?}", elsewhere.findings);
    assert!(!of(&run_of("111122223333"), "any-ref").is_empty());
}

#[test]
fn an_account_that_is_looked_up_makes_nothing_certain() {
    let with = |account: &str| {
        let arn = format!("\"arn:aws:iam::${{{account}}}:oidc-provider/token.actions.githubusercontent.com\"");
        let conditions = GITHUB_CONDITIONS.replace("local.subject", "\"repo:octo/app:*\"");
        let text = role("r", &arn, &conditions).replace("StringEquals", "StringLike");
        let head = "provider \"aws\" {}\ndata \"aws_caller_identity\" \"me\" {}\nvariable \"account_id\" {}\nvariable \"accounts\" { type = map(string) }\n";
        only(&run(&[("main.tf", &format!("{head}{text}"))]), "any-ref").confidence
    };
    assert_eq!(with("var.accounts[\"shared\"]"), Confidence::Likely);
    assert_eq!(with("data.aws_caller_identity.me.account_id"), Confidence::Proven);
    assert_eq!(with("var.account_id"), Confidence::Proven);
}

#[test]
fn an_unknown_is_shown_as_it_is_written() {
    let conditions = "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n\
                      \"token.actions.githubusercontent.com:sub\" = \"repo:octo/app:environment:hub-${terraform.workspace}*\"";
    let run = run(&[("main.tf", &role("r", GITHUB, conditions).replace("StringEquals", "StringLike"))]);
    let message = &only(&run, "name-prefix").message;
    assert!(
        message.contains("starts with `hub-${terraform.workspace}`") && message.contains("such as `hub-${terraform.workspace}-"),
        "{message}"
    );
}

#[test]
fn any_branch_says_what_else_gets_in_and_shows_another_branch() {
    let all = subject("StringLike", "[\"repo:octo/app:*\", \"repo:octo@1/app@2:*\"]");
    let finding = only(&all, "any-ref");
    assert!(finding.message.ends_with("; so do its pull requests, tags and environments"), "{}", finding.message);
    let branches = subject("StringLike", "[\"repo:octo/app:ref:refs/heads/*\", \"repo:octo@1/app@2:ref:refs/heads/*\"]");
    let narrow = only(&branches, "any-ref");
    assert!(narrow.message.ends_with("without review"), "{}", narrow.message);
    for finding in [finding, narrow] {
        let token = finding.witness.as_ref().and_then(|w| w.string("sub")).unwrap_or_default().to_owned();
        assert!(token.contains(":ref:refs/heads/") && !token.ends_with("/main"), "{token}");
    }
}

#[test]
fn a_stranger_has_one_dash() {
    let run = subject("StringLike", "\"repo:octo/pr-*:ref:refs/heads/main\"");
    let message = &only(&run, "name-prefix").message;
    assert!(message.contains("`pr-evil`"), "{message}");
}

#[test]
fn a_repository_that_the_caller_of_a_module_gives_is_shown_in_the_call() {
    let conditions = "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n\
                      \"token.actions.githubusercontent.com:sub\" = \"repo:${var.repository}:environment:production\"";
    let inner = format!("variable \"repository\" {{}}\n{}", role("r", GITHUB, conditions));
    let call = "module \"ci\" {\n  source     = \"./role\"\n  repository = \"octo/app\"\n}\n";
    let run = run(&[("main.tf", call), ("role/main.tf", &inner)]);
    assert_eq!(place(&run, only(&run, "stale-subject-format")), ("main.tf:3".to_owned(), "octo/app".to_owned()));
}

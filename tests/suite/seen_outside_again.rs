//! What public repositories showed a third time: defaults that stand in for values, names in capitals, keys that begin with an ARN,
//! other projects, modules that nobody has read.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::{Confidence, Severity};
use fedlint::pipeline::{Input, Request, check};
use fedlint::rules::Finding;

fn findings(files: &[(&str, &str)]) -> Vec<(Finding, String)> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    let place = |f: &Finding| run.sources.locate(f.span).map(|(path, at)| format!("{path}:{}", at.line)).unwrap();
    run.findings.iter().map(|f| (f.clone(), place(f))).collect()
}

/// Rule, severity, file and line of each finding from a severity on.
fn found(files: &[(&str, &str)], least: Severity) -> Vec<String> {
    let shown = |(f, at): &(Finding, String)| format!("{} {} {at}", f.rule, f.severity.as_str());
    findings(files).iter().filter(|(f, _)| f.severity >= least).map(shown).collect()
}

const NONE: [&str; 0] = [];

fn role(principal: &str, condition: &str) -> String {
    format!(
        r#"
resource "aws_iam_role" "kiln" {{
  name = "kiln"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = {principal} }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ {condition} }}
    }}]
  }})
}}
"#
    )
}

fn of_github(subject: &str) -> String {
    let condition = format!(
        "StringLike = {{ \"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\", \"token.actions.githubusercontent.com:sub\" = {subject} }}"
    );
    role("\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"", &condition)
}

const APPLIED: &str = "provider \"aws\" {\n  region = \"eu-west-1\"\n}\n";

#[test]
fn an_empty_default_of_a_root_stands_in_for_a_list() {
    let variable = "variable \"ovens\" {\n  type    = list(string)\n  default = []\n  nullable = false\n}\n";
    let text = format!("{APPLIED}{variable}{}", of_github("[for o in var.ovens : \"repo:pottery/${o}:ref:refs/heads/main\"]"));
    let all = findings(&[("main.tf", &text)]);
    let told: Vec<_> = all.iter().filter(|(f, _)| f.rule.as_str() == "never-matches").map(|(f, _)| (f.severity, f.confidence)).collect();
    assert_eq!(told, [(Severity::Low, Confidence::Likely)]);
    // A list that is written empty in the trust itself is nobody's argument.
    let written = format!("{APPLIED}{}", of_github("[]"));
    assert_eq!(found(&[("main.tf", &written)], Severity::Medium), ["never-matches high main.tf:13"]);
    // What is wrong whatever the list holds stays.
    let wrong = format!(
        "{APPLIED}{variable}{}",
        of_github("concat([for o in var.ovens : \"repo:pottery/${o}:*\"], [])").replace(":aud", ":audience")
    );
    assert!(!found(&[("main.tf", &wrong)], Severity::Low).is_empty());
}

#[test]
fn an_empty_map_of_tags_hides_no_broken_trust() {
    let library = |tags: &str| {
        let tagged =
            of_github("\"repo:pottery/kiln:ref:refs/heads/*\"").replace("StringLike", "StringEquals").replace("name = \"kiln\"", tags);
        format!("variable \"tags\" {{\n  default = {{}}\n}}\n{tagged}")
    };
    let rules = |text: String| found(&[("main.tf", &text)], Severity::High);
    assert_eq!(rules(library("name = \"kiln\"\n  tags = var.tags")), rules(library("name = \"kiln\"\n  tags = {}")));
    assert!(!rules(library("name = \"kiln\"\n  tags = var.tags")).is_empty());
}

#[test]
fn a_role_behind_a_switch_of_a_module_call_is_judged_as_it_may_be() {
    let call = |default: &str| {
        format!(
            "{APPLIED}variable \"deploys\" {{\n  type    = bool\n  default = {default}\n}}\nmodule \"kiln\" {{\n  source = \"./kiln\"\n  count  = var.deploys ? 1 : 0\n}}\n"
        )
    };
    let inner = of_github("\"repo:*\"");
    let rules = |default: &str| {
        let files = [("main.tf", call(default)), ("kiln/main.tf", inner.clone())];
        let all = findings(&[(files[0].0, &files[0].1), (files[1].0, &files[1].1)]);
        all.iter()
            .filter(|(f, _)| f.severity >= Severity::High)
            .map(|(f, at)| format!("{} {:?} {at}", f.rule, f.confidence))
            .collect::<Vec<_>>()
    };
    assert_eq!(rules("true"), ["wildcard-subject Proven kiln/main.tf:10"]);
    assert_eq!(rules("false"), ["wildcard-subject Likely kiln/main.tf:10"]);
}

#[test]
fn names_in_capitals_are_values_to_fill_in() {
    let trust = |org: &str, project: &str| {
        format!(
            r#"{{
  "Version": "2012-10-17",
  "Statement": [{{
    "Effect": "Allow",
    "Principal": {{ "Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.circleci.com/org/{org}" }},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {{
      "StringEquals": {{ "oidc.circleci.com/org/{org}:aud": "{org}" }},
      "StringLike": {{ "oidc.circleci.com/org/{org}:sub": "org/{org}/project/{project}/user/4c1f0a52-7d0e-4d58-9f0a-6f2f3b0c9a11" }}
    }}
  }}]
}}
"#
        )
    };
    let rules = |org: &str, project: &str| found(&[("trust.json", &trust(org, project))], Severity::Low);
    assert_eq!(rules("ORGANIZATION_ID", "PROJECT_ID"), ["never-matches low trust.json:5"]);
    assert_eq!(rules("YOUR_ORG_ID", "YOUR_PROJECT"), ["never-matches low trust.json:5"]);
    assert_eq!(found(&[("main.tf", &of_github("\"repo:GITHUB_ORG/GITHUB_REPO:*\""))], Severity::Medium), ["any-ref medium main.tf:10"]);
    // A repository may well have a name in capitals.
    assert_eq!(found(&[("main.tf", &of_github("\"repo:pottery/FINAL_KILN:*\""))], Severity::Medium), ["any-ref medium main.tf:10"]);
}

#[test]
fn a_condition_key_does_not_begin_with_an_arn() {
    let keyed = |key: &str| {
        let condition =
            format!("StringEquals = {{ \"{key}:sub\" = \"system:serviceaccount:kiln:glaze\", \"{key}:aud\" = \"sts.amazonaws.com\" }}");
        let declared = "variable \"provider_arn\" {\n  type = string\n}\nvariable \"issuer_host\" {\n  type = string\n}\n";
        let text = format!("{declared}{}", role("var.provider_arn", &condition));
        found(&[("main.tf", &text)], Severity::Medium)
    };
    assert_eq!(keyed("${var.provider_arn}"), ["issuer-mismatch high main.tf:16"]);
    assert_eq!(keyed("${replace(var.provider_arn, \"https://\", \"\")}"), ["issuer-mismatch high main.tf:16"]);
    assert_eq!(keyed("${replace(var.provider_arn, \"/^(.*provider/)/\", \"\")}"), NONE);
    assert_eq!(keyed("${var.issuer_host}"), NONE);
}

fn account(project: &str) -> String {
    format!(
        r#"
resource "google_iam_workload_identity_pool" "kiln" {{
  project                   = "pottery-seed"
  workload_identity_pool_id = "kiln-pool"
}}
resource "google_iam_workload_identity_pool_provider" "kiln" {{
  project                            = "pottery-seed"
  workload_identity_pool_id          = google_iam_workload_identity_pool.kiln.workload_identity_pool_id
  workload_identity_pool_provider_id = "kiln-ci"
  attribute_mapping                  = {{ "google.subject" = "assertion.sub", "attribute.repository" = "assertion.repository" }}
  attribute_condition                = "assertion.repository_owner_id == '4711'"
  oidc {{
    issuer_uri = "https://token.actions.githubusercontent.com"
  }}
}}
resource "google_service_account" "kiln" {{
  project    = "pottery-seed"
  account_id = "kiln-seed"
}}
resource "google_service_account_iam_member" "kiln" {{
  service_account_id = google_service_account.kiln.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.kiln.name}}/attribute.repository/pottery/kiln"
}}
resource "google_project_iam_member" "kiln" {{
  project = "{project}"
  role    = "roles/iam.serviceAccountAdmin"
  member  = "serviceAccount:${{google_service_account.kiln.email}}"
}}
"#
    )
}

#[test]
fn a_right_in_another_project_keeps_no_account() {
    let told = |project: &str| found(&[("main.tf", &account(project))], Severity::High).iter().any(|f| f.starts_with("self-escalation"));
    assert!(told("pottery-seed"));
    assert!(!told("pottery-shop"));
}

#[test]
fn the_advice_of_one_branch_keeps_pull_requests_out() {
    let text = account("pottery-shop");
    let all = findings(&[("main.tf", &text)]);
    let help = all.iter().find(|(f, _)| f.rule.as_str() == "any-ref").and_then(|(f, _)| f.help.clone()).unwrap();
    assert!(help.contains("assertion.sub == 'repo:OWNER/REPOSITORY:ref:refs/heads/main'"), "{help}");
    let applied = text.replace("== '4711'", "== '4711' && assertion.sub == 'repo:pottery/kiln:ref:refs/heads/main'");
    assert_eq!(found(&[("main.tf", &applied)], Severity::Medium), NONE);
}

#[test]
fn a_module_that_nobody_has_read_may_bind_the_account_that_it_is_handed() {
    let annotated = |module: &str| {
        let text = format!(
            r#"
resource "google_service_account" "glaze" {{
  project    = "pottery-prod"
  account_id = "glaze-oven"
}}
resource "kubernetes_service_account" "glaze" {{
  metadata {{
    name        = "glaze"
    namespace   = "kiln"
    annotations = {{ "iam.gke.io/gcp-service-account" = google_service_account.glaze.email }}
  }}
}}
module "other" {{
  source = "pottery/other/google"
  {module}
}}
"#
        );
        found(&[("main.tf", &text)], Severity::Medium)
    };
    assert_eq!(annotated("account = \"somebody\""), ["one-sided-binding high main.tf:10"]);
    assert_eq!(annotated("account = google_service_account.glaze.email"), NONE);
    assert_eq!(annotated("accounts = [{ name = google_service_account.glaze.name }]"), NONE);
}

#[test]
fn one_name_of_examples_is_told_once() {
    let server = "server {\n  trust_domain = \"example.org\"\n  data_dir = \"/run/kiln\"\n}\nplugins {\n  NodeAttestor \"join_token\" {\n    plugin_data {}\n  }\n}\n";
    let told = found(&[("a/server.conf", server), ("b/server.conf", server)], Severity::Low);
    assert_eq!(told.iter().filter(|f| f.starts_with("placeholder-trust-domain")).count(), 1, "{told:?}");
}

#[test]
fn roles_of_one_document_are_one_finding_of_pods() {
    let text = r#"
data "aws_iam_policy_document" "pods" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]
    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "glaze" {
  name               = "glaze"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}
resource "aws_iam_role" "clay" {
  name               = "clay"
  assume_role_policy = data.aws_iam_policy_document.pods.json
}
"#;
    let told = found(&[("main.tf", text)], Severity::Info);
    assert_eq!(told.iter().filter(|f| f.starts_with("pod-identity-unscoped")).count(), 1, "{told:?}");
}

#[test]
fn a_role_of_a_service_principal_is_the_applications() {
    let script = |assignee: &str| {
        format!(
            r#"#!/bin/bash
APP_ID=$(az ad app create --display-name kiln --query appId -o tsv)
OBJECT_ID=$(az ad app show --id "$APP_ID" --query id -o tsv)
SP_ID=$(az ad sp create --id "$APP_ID" --query id -o tsv 2>/dev/null || az ad sp show --id "$APP_ID" --query id -o tsv)
az ad app federated-credential create --id "$OBJECT_ID" --parameters '{{
  "name": "kiln",
  "issuer": "https://token.actions.githubusercontent.com",
  "subject": "repo:pottery/kiln:pull_request",
  "audiences": ["api://AzureADTokenExchange"]
}}'
az role assignment create {assignee} --role "Owner" --scope "/subscriptions/$SUBSCRIPTION"
"#
        )
    };
    let rules = |assignee: &str| found(&[("setup.sh", &script(assignee))], Severity::Medium);
    let privileged = ["pull-request high setup.sh:8"];
    assert_eq!(rules("--assignee \"$APP_ID\""), privileged);
    assert_eq!(rules("--assignee-object-id \"$SP_ID\" --assignee-principal-type ServicePrincipal"), privileged);
    assert_eq!(rules("--assignee \"$(az ad sp show --id \"$APP_ID\" --query objectId -o tsv)\""), privileged);
    assert_eq!(rules("--assignee \"$SOMEBODY\""), ["pull-request medium setup.sh:8"]);
}

#[test]
fn what_a_function_says_to_its_reader_is_not_what_it_prints() {
    let script = |to: &str| {
        format!(
            r#"#!/bin/bash
ask() {{
  echo -n "Which account [$1]: "{to}
  echo "kiln-seed"
}}
NAME=$(ask "kiln-seed")
gcloud iam service-accounts add-iam-policy-binding "glaze@pottery-prod.iam.gserviceaccount.com" \
  --role roles/iam.workloadIdentityUser \
  --member "serviceAccount:pottery-prod.svc.id.goog[kiln/$NAME]"
"#
        )
    };
    let rules = |to: &str| found(&[("setup.sh", &script(to))], Severity::Medium);
    assert_eq!(rules(" >&2"), NONE);
    assert_eq!(rules(" 1>&2"), NONE);
    assert!(!rules("").is_empty());
}

#[test]
fn a_made_up_part_of_a_subject_is_told_and_not_the_callers_name() {
    let module = r#"
variable "owner" {}
variable "repository" {}
resource "azuread_application" "kiln" {
  display_name = "kiln"
}
resource "azuread_application_federated_identity_credential" "kiln" {
  application_id = azuread_application.kiln.id
  display_name   = "kiln"
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = "https://token.actions.githubusercontent.com"
  subject        = "repo:${var.owner}/${var.repository}:fired"
}
"#;
    let call =
        |owner: &str| format!("module \"kiln\" {{\n  source     = \"./kiln\"\n  owner      = \"{owner}\"\n  repository = \"oven\"\n}}\n");
    let rules = |owner: &str, module: &str| found(&[("main.tf", &call(owner)), ("kiln/main.tf", module)], Severity::Medium);
    assert_eq!(rules("pottery", module), ["never-matches high kiln/main.tf:12"]);
    // A name that cannot be one is still told where the caller wrote it.
    assert_eq!(rules("pottery/", &module.replace(":fired", ":environment:fired")), ["never-matches high main.tf:3"]);
}

#[test]
fn a_run_of_the_named_branch_is_no_wider_than_the_branch() {
    let text = account("pottery-seed").replace("== '4711'", "== '4711' && assertion.ref == 'refs/heads/main'");
    let told = found(&[("main.tf", &text)], Severity::Low);
    assert!(
        told.iter().any(|f| f.starts_with("ref-claim-only medium")) && told.iter().any(|f| f.starts_with("self-escalation low")),
        "{told:?}"
    );
}

#[test]
fn a_pool_that_is_one_unknown_is_listed() {
    let text = "variable \"pool\" {}\nresource \"google_service_account\" \"kiln\" {\n  account_id = \"kiln-oven\"\n}\n\
                resource \"google_service_account_iam_member\" \"kiln\" {\n  service_account_id = google_service_account.kiln.name\n  role = \"roles/iam.workloadIdentityUser\"\n  \
                member = \"principalSet://iam.googleapis.com/${var.pool}/attribute.repository/pottery/kiln\"\n}\n";
    let run = check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), text.to_owned())]), ..Request::default() }).unwrap();
    assert_eq!(run.coverage.undecided.len(), 1, "{:?}", run.coverage.undecided);
}

#[test]
fn keys_of_a_provider_are_told_where_it_takes_them() {
    let text = "data \"sops_file\" \"kiln\" {\n  source_file = \"kiln.yaml\"\n}\nlocals {\n  keys = yamldecode(data.sops_file.kiln.raw)\n}\n\
                provider \"aws\" {\n  region = \"eu-west-1\"\n  access_key = local.keys.id\n  secret_key = local.keys.secret\n}\n";
    let told = found(&[("main.tf", text)], Severity::Medium);
    assert_eq!(told, ["static-credential medium main.tf:9"]);
}

#[test]
fn one_door_of_the_default_account_is_one_finding() {
    let text = "#!/bin/bash\ngcloud iam service-accounts add-iam-policy-binding \"glaze@pottery-prod.iam.gserviceaccount.com\" \\\n  --role roles/iam.workloadIdentityUser \\\n  \
                --member \"serviceAccount:pottery-prod.svc.id.goog[default/default]\"\n\
                kubectl annotate serviceaccount --namespace default default iam.gke.io/gcp-service-account=glaze@pottery-prod.iam.gserviceaccount.com\n";
    let told = found(&[("setup.sh", text)], Severity::Medium);
    assert_eq!(told.iter().filter(|f| f.starts_with("default-service-account")).count(), 1, "{told:?}");
}

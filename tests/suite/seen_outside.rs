//! What people write in their repositories and the first readers did not expect.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

/// Rule, file, line, severity, and the token that shows it.
#[derive(Debug)]
struct Found {
    rule: String,
    file: String,
    line: usize,
    severity: Severity,
    message: String,
    witness: String,
}

fn found(files: &[(&str, &str)], least: Severity) -> Vec<Found> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let one = |f: &fedlint::rules::Finding| {
        let file = run.sources.get(f.span.file).expect("the file is there");
        Found {
            rule: f.rule.to_string(),
            file: file.path.clone(),
            line: file.position(f.span.start as usize).line,
            severity: f.severity,
            message: f.message.clone(),
            witness: f.witness.as_ref().map(|w| format!("{:?}", w.claims)).unwrap_or_default(),
        }
    };
    run.findings.iter().filter(|f| f.severity >= least).map(one).collect()
}

fn rules(files: &[(&str, &str)]) -> Vec<(String, Severity)> {
    found(files, Severity::Medium).into_iter().map(|f| (f.rule, f.severity)).collect()
}

const NONE: Vec<(String, Severity)> = Vec::new();

#[test]
fn a_variable_of_kustomize_in_a_template_of_ids_is_filled_in_later() {
    let identity = |namespace: &str| {
        format!(
            "apiVersion: spire.spiffe.io/v1alpha1\nkind: ClusterSPIFFEID\nmetadata: {{name: ovens}}\nspec:\n  spiffeIDTemplate: spiffe://bakery.example/ns/{namespace}/sa/ovens\n  podSelector: {{matchLabels: {{app: ovens}}}}\n"
        )
    };
    assert_eq!(rules(&[("k8s/id.yaml", &identity("$(BAKERY_NAMESPACE)"))]), NONE);
    assert_eq!(rules(&[("k8s/id.yaml", &identity("a b"))]), [("invalid-spiffe-id".to_owned(), Severity::Medium)]);
}

#[test]
fn a_password_that_is_filled_in_later_is_none() {
    let server = |password: &str| {
        format!(
            "server {{\n  trust_domain = \"bakery.example\"\n  data_dir = \"/run\"\n}}\nplugins {{\n  DataStore \"sql\" {{\n    plugin_data {{\n      database_type = \"postgres\"\n      connection_string = \"dbname=spire user=spire password={password} host=pg\"\n    }}\n  }}\n}}\n"
        )
    };
    for stands_in in ["__DB_PASSWORD__", "<password>", "CHANGE_ME", "@@DB_PASSWORD@@"] {
        assert_eq!(rules(&[("server.conf", &server(stands_in))]), NONE, "{stands_in}");
    }
    assert_eq!(rules(&[("server.conf", &server("Zq8vT2kLm4"))]), [("static-credential".to_owned(), Severity::High)]);
}

#[test]
fn a_secret_from_the_store_inside_of_json_is_not_written_in_the_file() {
    let login = |secret: &str| {
        format!(
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: azure/login@v2\n        with:\n          creds: '{{\"clientId\":\"${{{{ vars.ID }}}}\",\"clientSecret\":\"{secret}\",\"tenantId\":\"x\"}}'\n"
        )
    };
    for from_elsewhere in ["${{ secrets.CLIENT_SECRET }}", "${{ env.CLIENT_SECRET }}"] {
        let all = rules(&[(".github/workflows/a.yml", &login(from_elsewhere))]);
        assert_eq!(all, [("static-credential".to_owned(), Severity::Medium)], "{from_elsewhere}");
    }
    let all = rules(&[(".github/workflows/a.yml", &login("Zq8vT2kLm4"))]);
    assert_eq!(all, [("static-credential".to_owned(), Severity::Critical)]);
}

#[test]
fn what_the_defaults_of_a_repository_give_to_a_called_workflow_is_not_known() {
    let called = "on: workflow_call\njobs:\n  ship:\n    runs-on: ubuntu-24.04\n    permissions: {id-token: write}\n    steps:\n      - uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: '${{ secrets.ROLE }}', aws-region: eu-west-1}\n";
    let caller = |permissions: &str| format!("on: push\n{permissions}jobs:\n  call:\n    uses: ./.github/workflows/ship.yml\n");
    let of = |permissions: &str| {
        let caller = caller(permissions);
        let files = [(".github/workflows/ship.yml", called), (".github/workflows/call.yml", caller.as_str())];
        found(&files, Severity::Low).into_iter().map(|f| (f.rule, f.severity, f.message)).collect::<Vec<_>>()
    };
    let silent = of("");
    assert_eq!(silent.iter().map(|f| (f.0.as_str(), f.1)).collect::<Vec<_>>(), [("job-cannot-mint-token", Severity::Low)]);
    assert!(silent.iter().all(|f| f.2.contains("`${{ secrets.ROLE }}`")), "{silent:?}");
    assert_eq!(of("permissions: {contents: read}\n").iter().map(|f| f.1).collect::<Vec<_>>(), [Severity::High]);
    assert_eq!(of("permissions: {id-token: write}\n"), Vec::new());
}

const PULL: &str = r#"
resource "azurerm_user_assigned_identity" "ci" {
  name = "ci"
}
resource "azurerm_federated_identity_credential" "pull" {
  name      = "pull"
  parent_id = azurerm_user_assigned_identity.ci.id
  audience  = ["api://AzureADTokenExchange"]
  issuer    = "https://token.actions.githubusercontent.com"
  subject   = "repo:bakery/ovens:pull_request"
}
data "azurerm_subscription" "current" {}
"#;

#[test]
fn pull_requests_that_own_a_subscription_are_worse() {
    let with = |role: &str| rules(&[("main.tf", &format!("{PULL}{role}"))]).into_iter().map(|f| f.1).collect::<Vec<_>>();
    let assigned = |role: &str, scope: &str, more: &str| {
        format!(
            "resource \"azurerm_role_assignment\" \"ci\" {{\n  principal_id         = azurerm_user_assigned_identity.ci.principal_id\n  role_definition_name = \"{role}\"\n  scope                = {scope}\n{more}}}\n"
        )
    };
    let subscription = "data.azurerm_subscription.current.id";
    for scope in [subscription, "\"/subscriptions/7d0a2a1e-6a3f-4a55-9b8f-2f0f7a1c9d11\""] {
        for role in ["Contributor", "Owner", "User Access Administrator"] {
            assert_eq!(with(&assigned(role, scope, "")), [Severity::High], "{role} {scope}");
        }
    }
    // An identity that only reads is what the rule asks for: it is told at low.
    assert_eq!(with(&assigned("Reader", subscription, "")), []);
    assert_eq!(with(&assigned("Contributor", "\"/subscriptions/x/resourceGroups/ovens\"", "")), [Severity::Medium]);
    // A condition says which roles may be given away.
    assert_eq!(with(&assigned("Owner", subscription, "  condition = \"x\"\n")), [Severity::Medium]);
    let entra = "resource \"azuread_directory_role\" \"admin\" {\n  display_name = \"Privileged Role Administrator\"\n}\nresource \"azuread_directory_role_assignment\" \"ci\" {\n  role_id             = azuread_directory_role.admin.template_id\n  principal_object_id = azurerm_user_assigned_identity.ci.principal_id\n}\n";
    assert_eq!(with(entra), [Severity::High]);
}

#[test]
fn a_service_principal_holds_the_roles_of_its_application() {
    let text = r#"
resource "azuread_application" "ci" {
  display_name = "ci"
}
resource "azuread_service_principal" "ci" {
  client_id = azuread_application.ci.client_id
}
resource "azuread_application_federated_identity_credential" "pull" {
  application_id = azuread_application.ci.id
  display_name   = "pull"
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = "https://token.actions.githubusercontent.com"
  subject        = "repo:bakery/ovens:pull_request"
}
resource "azurerm_role_assignment" "ci" {
  principal_id         = azuread_service_principal.ci.object_id
  role_definition_name = "Contributor"
  scope                = "/subscriptions/7d0a2a1e-6a3f-4a55-9b8f-2f0f7a1c9d11"
}
"#;
    let all = found(&[("main.tf", text)], Severity::Medium);
    assert_eq!(all.iter().map(|f| f.severity).collect::<Vec<_>>(), [Severity::High]);
    assert!(all.iter().all(|f| f.message.contains("`Contributor` of a subscription")), "{all:?}");
    let script = "APP_ID=$(az ad app create --display-name ci --query appId -o tsv)\naz ad app federated-credential create --id $APP_ID --parameters '{\"name\":\"pull\",\"issuer\":\"https://token.actions.githubusercontent.com\",\"subject\":\"repo:bakery/ovens:pull_request\",\"audiences\":[\"api://AzureADTokenExchange\"]}'\naz role assignment create --assignee $APP_ID --role Contributor --scope /subscriptions/$SUBSCRIPTION\n";
    assert_eq!(rules(&[("setup.sh", script)]), [("pull-request".to_owned(), Severity::High)]);
}

#[test]
fn a_policy_that_something_fills_in_is_judged_as_it_will_be() {
    let policy = |subject: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
"Principal": {{"Federated": "arn:aws:iam::<ACCOUNT>:oidc-provider/token.actions.githubusercontent.com"}},
"Action": "sts:AssumeRoleWithWebIdentity",
"Condition": {{"StringLike": {{"token.actions.githubusercontent.com:sub": "{subject}"}}, "StringEquals": {{"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}}}}}]}}"#
        )
    };
    for path in ["trust.json", "trust.json.tpl"] {
        for subject in ["repo:<OWNER>/<REPO>:*", "repo:__OWNER__/__REPO__:*"] {
            assert_eq!(rules(&[(path, &policy(subject))]), [("any-ref".to_owned(), Severity::Medium)], "{path} {subject}");
        }
        assert_eq!(rules(&[(path, &policy("SUBJECT_CLAIM"))]), NONE, "{path}");
        assert_eq!(rules(&[(path, &policy("repo:__OWNER__/__REPO__:ref:refs/heads/main"))]), NONE, "{path}");
    }
    // A role that is made of it: what it opens once it is filled in is what matters, and the mark is not told beside it.
    let script = |subject: &str| {
        let policy = policy(subject).replace("<ACCOUNT>", "111122223333");
        format!(
            "cat > trust.json <<'EOF'\n{policy}\nEOF\naws iam create-role --role-name ovens --assume-role-policy-document file://trust.json\n"
        )
    };
    let of = |subject: &str| found(&[("setup.sh", &script(subject))], Severity::Low);
    let rules_of = |all: &[Found]| all.iter().map(|f| f.rule.clone()).collect::<Vec<_>>();
    assert_eq!(rules_of(&of("repo:<OWNER>/<REPO>:*")), ["any-ref"]);
    // Where it would open nothing, the role is made as it stands and nobody gets in: the mark is told.
    let dead = of("repo:<OWNER>/<REPO>:ref:refs/heads/main");
    assert_eq!(rules_of(&dead), ["never-matches"]);
    assert!(
        dead.first().is_some_and(|f| f.severity == Severity::Medium && f.message.starts_with("`<OWNER>` stands in for a value")),
        "{dead:?}"
    );
}

#[test]
fn a_here_document_that_is_read_into_a_variable_is_its_value() {
    let script = "read -r -d '' TRUST <<EOF\n{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Federated\": \"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"}, \"Action\": \"sts:AssumeRoleWithWebIdentity\", \"Condition\": {\"StringEquals\": {\"token.actions.githubusercontent.com:aud\": \"sts.amazonaws.com\"}}}]}\nEOF\necho \"${TRUST}\" > trust.json\naws iam create-role --role-name ovens --assume-role-policy-document file://trust.json\n";
    let all = found(&[("setup.sh", script)], Severity::Medium);
    assert_eq!(all.iter().map(|f| (f.rule.as_str(), f.file.as_str())).collect::<Vec<_>>(), [("missing-subject", "setup.sh")]);
}

#[test]
fn a_repository_that_is_bound_whole_is_told_where_it_is_bound() {
    let text = r#"locals {
  repository = "bakery/ovens"
}
resource "google_iam_workload_identity_pool" "ci" {
  workload_identity_pool_id = "ci-pool"
}
resource "google_iam_workload_identity_pool_provider" "ci" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }
  attribute_condition = "assertion.repository == '${local.repository}'"
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}
resource "google_artifact_registry_repository_iam_member" "ci" {
  repository = "images"
  role       = "roles/artifactregistry.writer"
  member     = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci.name}/attribute.repository/${local.repository}"
}
"#;
    let all = found(&[("main.tf", text)], Severity::Medium);
    assert_eq!(all.iter().map(|f| (f.rule.as_str(), f.line)).collect::<Vec<_>>(), [("any-ref", 23)]);
    assert!(all.iter().all(|f| f.witness.contains("refs/heads/feature/x")), "{all:?}");
}

#[test]
fn an_issuer_that_a_variable_holds_is_the_one_of_the_keys() {
    let text = r#"variable "host" {
  type = string
}
resource "aws_iam_openid_connect_provider" "ci" {
  url            = "https://${var.host}"
  client_id_list = ["sts.amazonaws.com"]
}
resource "aws_iam_role" "ci" {
  name = "ci"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.ci.arn }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "repo:bakery/ovens:*" }
      }
    }]
  })
}
"#;
    let all = found(&[("main.tf", text)], Severity::Medium);
    assert_eq!(all.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), ["any-ref"]);
    assert!(all.iter().all(|f| f.witness.contains("https://token.actions.githubusercontent.com")), "{all:?}");
}

#[test]
fn a_file_of_example_values_is_applied_by_nobody() {
    let main = r#"variable "subject" {
  type = string
}
resource "aws_iam_role" "ci" {
  name = "ci"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = var.subject
      } }
    }]
  })
}
"#;
    assert_eq!(rules(&[("main.tf", main), ("terraform.example.tfvars", "subject = \"fill me in\"\n")]), NONE);
    assert_eq!(rules(&[("main.tf", main), ("live.tfvars", "subject = \"fill me in\"\n")]), [("never-matches".to_owned(), Severity::High)]);
}

#[test]
fn an_id_of_a_form_that_only_its_issuer_knows_is_filled_in() {
    let text = r#"variable "account" {
  type = string
}
resource "aws_iam_role" "loader" {
  name = "loader"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "accounts.google.com" }
      Condition = { StringEquals = {
        "accounts.google.com:oaud" = "https://bakery.example"
        "accounts.google.com:sub"  = var.account
      } }
    }]
  })
}
"#;
    let files = vec![("main.tf".to_owned(), text.to_owned())];
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    assert_eq!(run.coverage.undecided.iter().map(|u| u.why.clone()).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_flag_takes_the_unknown_word_that_stands_behind_it_without_quotes() {
    let pool = "gcloud iam workload-identity-pools create $POOL --project=$PROJECT --location=global\n";
    let provider = |more: &str| {
        format!(
            "{pool}gcloud iam workload-identity-pools providers create-oidc $PROVIDER --project $PROJECT --location global --workload-identity-pool $POOL --attribute-mapping google.subject=assertion.sub --issuer-uri https://token.actions.githubusercontent.com{more}\n"
        )
    };
    let open = [("missing-attribute-condition".to_owned(), Severity::High)];
    assert_eq!(rules(&[("setup.sh", &provider(""))]), open);
    let named = " --attribute-condition \"assertion.repository_owner_id == '4711'\"";
    assert_eq!(rules(&[("setup.sh", &provider(named))]), NONE);
    // Beside the operand it may be any flag.
    assert_eq!(rules(&[("setup.sh", &provider(" $MORE").replace("$PROVIDER", "forge"))]), NONE);
    let credential = "az ad app federated-credential create --id $APP_ID --parameters '{\"name\":\"pull\",\"issuer\":\"https://token.actions.githubusercontent.com\",\"subject\":\"repo:bakery/ovens:pull_request\",\"audiences\":[\"api://AzureADTokenExchange\"]}'\n";
    assert_eq!(rules(&[("setup.sh", credential)]), [("pull-request".to_owned(), Severity::Medium)]);
}

#[test]
fn a_template_that_sed_fills_in_is_judged_filled_in() {
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
"Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
"Action": "sts:AssumeRoleWithWebIdentity",
"Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "SUBJECT_CLAIM"}, "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}}]}"#;
    let script = |subject: &str| {
        format!(
            "POLICY=$(sed -e \"s|SUBJECT_CLAIM|{subject}|g\" trust.tpl)\naws iam create-role --role-name ovens --assume-role-policy-document \"${{POLICY}}\"\n"
        )
    };
    let of = |subject: &str| rules(&[("trust.tpl", policy), ("setup.sh", &script(subject))]);
    assert_eq!(of("repo:bakery/ovens:ref:refs/heads/main"), NONE);
    assert_eq!(of("repo:bakery/ovens:*"), [("any-ref".to_owned(), Severity::Medium)]);
    assert_eq!(of("repo:bakery*"), [("tenant-prefix".to_owned(), Severity::Critical)]);
}

#[test]
fn a_provider_that_is_made_only_if_it_is_not_given_is_one_provider() {
    let template = |subject: &str| {
        format!(
            "AWSTemplateFormatVersion: 2010-09-09\nParameters:\n  ProviderArn: {{Type: String, Default: ''}}\nConditions:\n  Create: !Equals [!Ref ProviderArn, '']\nResources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Statement:\n          - Effect: Allow\n            Action: sts:AssumeRoleWithWebIdentity\n            Principal:\n              Federated: !If [Create, !Ref Provider, !Ref ProviderArn]\n            Condition:\n              StringEquals:\n                token.actions.githubusercontent.com:aud: sts.amazonaws.com\n              StringLike:\n                token.actions.githubusercontent.com:sub: {subject}\n  Provider:\n    Type: AWS::IAM::OIDCProvider\n    Condition: Create\n    Properties:\n      Url: https://token.actions.githubusercontent.com\n      ClientIdList: [sts.amazonaws.com]\n"
        )
    };
    let open = found(&[("t.yaml", &template("repo:bakery/ovens:*"))], Severity::Medium);
    assert_eq!(open.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(), ["any-ref"]);
    assert!(open.iter().all(|f| f.message.contains("so do its pull requests, tags and environments")), "{open:?}");
    assert_eq!(rules(&[("t.yaml", &template("repo:bakery/ovens:ref:refs/heads/main"))]), NONE);
}

#[test]
fn keys_of_another_storage_are_no_keys_of_aws() {
    let deployment = |endpoint: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: ovens}}\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n          image: a\n          env:\n{endpoint}            - name: AWS_ACCESS_KEY_ID\n              valueFrom: {{secretKeyRef: {{name: store, key: id}}}}\n            - name: AWS_SECRET_ACCESS_KEY\n              valueFrom: {{secretKeyRef: {{name: store, key: secret}}}}\n"
        )
    };
    let own = "            - name: LOAVES_S3_ENDPOINT_URL\n              valueFrom: {configMapKeyRef: {name: store, key: url}}\n";
    assert_eq!(rules(&[("k8s/a.yaml", &deployment(own))]), NONE);
    assert_eq!(rules(&[("k8s/a.yaml", &deployment(""))]), [("static-credential".to_owned(), Severity::Medium)]);
}

#[test]
fn a_member_that_nobody_can_be_becomes_no_account() {
    let text = |mapping: &str| {
        format!(
            r#"resource "google_iam_workload_identity_pool" "ci" {{
  workload_identity_pool_id = "ci-pool"
}}
resource "google_iam_workload_identity_pool_provider" "ci" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping                  = {{ "google.subject" = "assertion.sub"{mapping} }}
  attribute_condition                = "assertion.sub == 'repo:bakery@77/ovens@8086:ref:refs/heads/main'"
  oidc {{
    issuer_uri = "https://token.actions.githubusercontent.com"
  }}
}}
resource "google_project_iam_member" "ci" {{
  project = "bakery-data"
  role    = "roles/iam.workloadIdentityUser"
  member  = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.ci.name}}/attribute.repository/bakery/ovens"
}}
"#
        )
    };
    assert_eq!(rules(&[("main.tf", &text(""))]), [("unmapped-attribute".to_owned(), Severity::High)]);
    let mapped = rules(&[("main.tf", &text(", \"attribute.repository\" = \"assertion.repository\""))]);
    assert_eq!(mapped, [("project-wide-impersonation".to_owned(), Severity::Critical)]);
}

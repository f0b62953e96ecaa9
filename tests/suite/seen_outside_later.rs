//! What public repositories showed once more: templates of credentials, modules of bindings, readers, keys of another provider.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

/// Rule, severity, file and line of each finding from a severity on.
fn found(files: &[(&str, &str)], least: Severity) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    let shown = |f: &fedlint::rules::Finding| {
        let (path, at) = run.sources.locate(f.span).unwrap();
        format!("{} {} {path}:{}", f.rule, f.severity.as_str(), at.line)
    };
    run.findings.iter().filter(|f| f.severity >= least).map(shown).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_credential_file_with_variables_of_the_shell_is_a_template() {
    let file = |subject: &str| {
        format!(
            "[{{\n  \"name\": \"kiln\",\n  \"issuer\": \"https://token.actions.githubusercontent.com\",\n  \"subject\": \"{subject}\",\n  \"audiences\": [\"api://AzureADTokenExchange\"]\n}}]\n"
        )
    };
    let rules = |subject: &str| found(&[("credentials.json", &file(subject))], Severity::Medium);
    assert_eq!(rules("repo:${KILN_REPO}:ref:refs/heads/main"), NONE);
    assert_eq!(rules("repo:${studio}/${oven}:environment:glaze"), NONE);
    assert_eq!(rules("repo:${KILN_REPO}:pull_request"), ["pull-request medium credentials.json:4"]);
    assert_eq!(rules("repo:$(kiln):ref:refs/heads/main"), ["never-matches high credentials.json:4"]);
}

fn accounts(member: &str) -> String {
    format!(
        r#"
locals {{
  oven = "glaze-oven"
}}
resource "google_service_account" "glaze" {{
  account_id = local.oven
  project    = "pottery-prod"
}}
resource "kubernetes_service_account" "glaze" {{
  metadata {{
    name      = local.oven
    namespace = "kiln"
    annotations = {{
      "iam.gke.io/gcp-service-account" = google_service_account.glaze.email
    }}
  }}
}}
module "glaze" {{
  source           = "terraform-google-modules/iam/google//modules/service_accounts_iam"
  service_accounts = [google_service_account.glaze.email]
  project          = "pottery-prod"
  bindings = {{
    "roles/iam.workloadIdentityUser" = ["{member}"]
  }}
}}
"#
    )
}

#[test]
fn bindings_of_the_iam_module_are_read() {
    let rules = |member: &str| found(&[("main.tf", &accounts(member))], Severity::Medium);
    assert_eq!(rules("serviceAccount:pottery-prod.svc.id.goog[kiln/glaze-oven]"), NONE);
    // The annotation is what is wrong, not the name that both accounts share.
    let other = rules("serviceAccount:pottery-prod.svc.id.goog[kiln/other-oven]");
    assert!(other.contains(&"one-sided-binding high main.tf:14".to_owned()), "{other:?}");
}

#[test]
fn rights_of_a_whole_project_are_read_from_the_iam_module() {
    let text = r#"
resource "google_service_account" "glaze" {
  account_id = "glaze"
  project    = "pottery-prod"
}
module "project" {
  source   = "terraform-google-modules/iam/google//modules/projects_iam"
  projects = ["pottery-prod"]
  bindings = {
    "roles/iam.serviceAccountTokenCreator" = ["serviceAccount:${google_service_account.glaze.email}"]
    "roles/storage.objectViewer"           = ["serviceAccount:${google_service_account.glaze.email}"]
  }
}
"#;
    let rules: Vec<String> = found(&[("main.tf", text)], Severity::Medium);
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert!(rules.iter().all(|r| r.starts_with("project-wide-impersonation high")), "{rules:?}");
}

fn role(condition: &str, actions: &str) -> String {
    format!(
        r#"
resource "aws_iam_openid_connect_provider" "ci" {{
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}}
resource "aws_iam_role" "plan" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = aws_iam_openid_connect_provider.ci.arn }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{
          {condition}
        }}
      }}
    }}]
  }})
}}
resource "aws_iam_role_policy" "plan" {{
  role = aws_iam_role.plan.id
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = {actions}, Resource = ["arn:aws:s3:::glaze", "*"] }}]
  }})
}}
"#
    )
}

#[test]
fn pull_requests_may_have_an_identity_that_only_reads() {
    let condition = r#""token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:potters/kiln:pull_request""#;
    for (actions, expected) in [
        (r#"["s3:GetObject", "s3:ListBucket", "ec2:Describe*"]"#, "low"),
        (r#"["s3:GetObject", "s3:PutObject"]"#, "medium"),
        (r#"["ssm:GetParameter"]"#, "medium"),
        (r#""s3:*""#, "medium"),
        (r#""*""#, "high"),
        ("var.actions", "medium"),
    ] {
        let text = format!("variable \"actions\" {{}}\n{}", role(condition, actions));
        let rules: Vec<String> =
            found(&[("main.tf", &text)], Severity::Low).into_iter().filter(|r| r.starts_with("pull-request ")).collect();
        assert_eq!(rules.len(), 1, "{actions}: {rules:?}");
        assert!(rules.iter().all(|r| r.starts_with(&format!("pull-request {expected} "))), "{actions}: {rules:?}");
    }
}

#[test]
fn what_a_declared_policy_holds_is_known() {
    let condition = r#""token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
          "token.actions.githubusercontent.com:sub" = "repo:potters/kiln:pull_request""#;
    let text = |actions: &str| {
        role(condition, "\"s3:GetObject\"")
            + &format!(
                "resource \"aws_iam_policy\" \"more\" {{\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = {actions}, Resource = \"*\" }}] }})\n}}\nresource \"aws_iam_role_policy_attachment\" \"more\" {{\n  role       = aws_iam_role.plan.name\n  policy_arn = aws_iam_policy.more.arn\n}}\nvariable \"actions\" {{}}\n"
            )
    };
    let medium = |actions: &str| found(&[("main.tf", &text(actions))], Severity::Medium).len();
    assert_eq!(medium("\"ec2:DescribeInstances\""), 0);
    assert_eq!(medium("\"ec2:RunInstances\""), 1);
    assert_eq!(medium("var.actions"), 1);
}

#[test]
fn a_key_of_another_provider_is_told_at_the_key() {
    for other in ["ci.pottery.example", "aws.workload.identity"] {
        let condition = format!(
            "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"\n          \"{other}:sub\" = \"repo:potters/kiln\""
        );
        let rules = found(&[("main.tf", &role(&condition, "\"s3:GetObject\""))], Severity::Medium);
        assert_eq!(rules, ["issuer-mismatch high main.tf:16"], "{other}");
    }
    // The client's name is used for the key, too: what is wrong is the key.
    let shared = "locals {\n  client = \"aws.workload.identity\"\n}\n".to_owned()
        + &role("\"${local.client}:sub\" = \"repo:potters/kiln:environment:glaze\"", "\"s3:GetObject\"");
    assert_eq!(found(&[("main.tf", &shared)], Severity::Medium), ["issuer-mismatch high main.tf:18"]);
}

#[test]
fn two_providers_that_read_one_secret_are_one_finding() {
    let text = |second: &str| {
        format!(
            "variable \"secret\" {{}}\nvariable \"other\" {{}}\nprovider \"azuread\" {{\n  client_id     = \"x\"\n  client_secret = var.secret\n}}\nprovider \"azurerm\" {{\n  client_id     = \"x\"\n  client_secret = {second}\n  features {{}}\n}}\n"
        )
    };
    let count = |second: &str| found(&[("main.tf", &text(second))], Severity::Medium).len();
    assert_eq!(count("var.secret"), 1);
    assert_eq!(count("var.other"), 2);
}

#[test]
fn a_family_of_branches_hides_no_environment_and_no_pull_request_beside_it() {
    let with = |subjects: &str| {
        let condition = format!(
            "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\" }},\n        StringLike = {{ \"token.actions.githubusercontent.com:sub\" = [{subjects}]"
        );
        found(&[("main.tf", &role(&condition, "\"ec2:RunInstances\""))], Severity::Medium)
    };
    let family = "\"repo:potters/kiln:ref:refs/heads/feature/*\"";
    assert_eq!(with(family), NONE);
    assert_eq!(with(&format!("{family}, \"repo:potters/kiln:environment:glaze\"")), NONE);
    assert_eq!(with(&format!("{family}, \"repo:potters/kiln:environment:*\"")), ["any-environment high main.tf:16"]);
    assert_eq!(with(&format!("\"repo:potters/kiln:environment:*\", {family}")), ["any-environment high main.tf:16"]);
    assert_eq!(with(&format!("{family}, \"repo:potters/kiln:pull_request\"")), ["pull-request medium main.tf:16"]);
    assert_eq!(with(&format!("{family}, \"repo:potters/kiln:ref:refs/heads/fire*\"")), ["name-prefix medium main.tf:16"]);
}

fn circle(condition: &str, issuer: &str) -> String {
    format!(
        "resource \"google_iam_workload_identity_pool\" \"kiln\" {{\n  project                   = \"pottery-prod\"\n  workload_identity_pool_id = \"kiln\"\n}}\nresource \"google_iam_workload_identity_pool_provider\" \"kiln\" {{\n  project = \"pottery-prod\"\n  workload_identity_pool_id          = google_iam_workload_identity_pool.kiln.workload_identity_pool_id\n  workload_identity_pool_provider_id = \"circle\"\n  attribute_mapping = {{\n    \"google.subject\" = \"assertion.sub\"\n    \"attribute.project\" = \"assertion['oidc.circleci.com/project-id']\"\n  }}\n  attribute_condition = \"{condition}\"\n  oidc {{\n    issuer_uri        = \"https://{issuer}/org/77777777-0000-4000-8000-00000000000a\"\n    allowed_audiences = [\"77777777-0000-4000-8000-00000000000a\"]\n  }}\n}}\nresource \"google_service_account\" \"kiln\" {{\n  project    = \"pottery-prod\"\n  account_id = \"kiln-deploy\"\n}}\nresource \"google_service_account_iam_member\" \"kiln\" {{\n  service_account_id = google_service_account.kiln.name\n  role               = \"roles/iam.workloadIdentityUser\"\n  member             = \"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.kiln.name}}/attribute.project/66666666-0000-4000-8000-00000000000a\"\n}}\n"
    )
}

/// The subject of CircleCI's second token is too long for Google, so that only the first gets in, and says its branch in a claim.
#[test]
fn any_branch_of_circleci_is_told_at_google_with_advice_that_works() {
    let project = "assertion['oidc.circleci.com/project-id'] == '66666666-0000-4000-8000-00000000000a'";
    let run =
        check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), circle(project, "oidc.circleci.com"))]), ..Request::default() })
            .unwrap();
    let any = run.findings.iter().find(|f| f.rule.as_str() == "any-ref").unwrap();
    let help = any.help.clone().unwrap_or_default();
    assert!(help.contains("assertion['oidc.circleci.com/vcs-ref'] == 'refs/heads/main'") && !help.contains("/subject/"), "{help}");
    let advised = format!("{project} && assertion['oidc.circleci.com/vcs-ref'] == 'refs/heads/main'");
    assert_eq!(found(&[("main.tf", &circle(&advised, "oidc.circleci.com"))], Severity::Medium), NONE);
}

#[test]
fn what_an_unknown_issuer_says_is_not_what_it_documents() {
    let text = circle("assertion['oidc.circleci.com/vcs-ref'] == 'refs/heads/main'", "circle.pottery.example");
    let run = check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), text)]), ..Request::default() }).unwrap();
    let told: Vec<String> = run.coverage.undecided.iter().map(|u| u.why.clone()).collect();
    assert!(told.iter().any(|t| t.contains("what the issuer's tokens hold as `oidc.circleci.com/")), "{told:?}");
    assert!(told.iter().all(|t| !t.contains("documents")), "{told:?}");
}

#[test]
fn a_comment_at_one_binding_accepts_that_one() {
    let binding = |name: &str, comment: &str| {
        format!(
            "resource \"google_service_account\" \"{name}\" {{\n  project    = \"pottery-prod\"\n  account_id = \"kiln-{name}\"\n}}\nresource \"google_service_account_iam_member\" \"{name}\" {{\n  service_account_id = google_service_account.{name}.name\n  role               = \"roles/iam.workloadIdentityUser\"\n  {comment}\n  member             = \"principal://iam.googleapis.com/projects/501/locations/global/workloadIdentityPools/kiln/subject/repo:potters/kiln:environment:{name}\"\n}}\n"
        )
    };
    let told = |first: &str, second: &str, third: &str| {
        let text = binding("one", first) + &binding("two", second) + &binding("three", third);
        let found = found(&[("main.tf", &text)], Severity::Info);
        found.into_iter().filter(|f| f.starts_with("missing-token-creator")).collect::<Vec<_>>()
    };
    let comment = "# fedlint: ignore[missing-token-creator] it signs nothing";
    assert_eq!(told("", "", ""), ["missing-token-creator info main.tf:9"]);
    assert_eq!(told(comment, "", ""), ["missing-token-creator info main.tf:19"]);
    assert_eq!(told("", comment, ""), ["missing-token-creator info main.tf:9"]);
    assert_eq!(told(comment, comment, ""), ["missing-token-creator info main.tf:29"]);
    assert_eq!(told(comment, comment, comment), NONE);
}

#[test]
fn of_two_statements_the_one_without_a_subject_is_told() {
    let statement = |condition: &str| {
        format!(
            "{{ Effect = \"Allow\", Action = \"sts:AssumeRoleWithWebIdentity\", Principal = {{ Federated = \"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\" }}, Condition = {{ StringEquals = {{ \"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\" }}{condition} }} }}"
        )
    };
    let told = |statements: &[String]| {
        let text = format!(
            "resource \"aws_iam_role\" \"kiln\" {{\n  assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [\n{}\n] }})\n}}\n",
            statements.join(",\n")
        );
        found(&[("main.tf", &text)], Severity::Medium)
    };
    let subject = |subject: &str| statement(&format!(", StringLike = {{ \"token.actions.githubusercontent.com:sub\" = \"{subject}\" }}"));
    let pinned = || subject("repo:potters/kiln:environment:glaze");
    assert_eq!(told(&[pinned(), pinned()]), NONE);
    assert_eq!(told(&[statement(""), pinned()]), ["missing-subject critical main.tf:3"]);
    assert_eq!(told(&[pinned(), statement("")]), ["missing-subject critical main.tf:4"]);
    assert_eq!(told(&[pinned(), subject("repo:*")]), ["wildcard-subject critical main.tf:4"]);
    assert_eq!(told(&[subject("repo:*"), pinned()]), ["wildcard-subject critical main.tf:3"]);
}

const PEACH: &str = "resource peach 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {\n  name: 'peach-ci'\n}\nresource trust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = {\n  parent: peach\n  name: 'gh'\n  properties: {\n    issuer: 'https://token.actions.githubusercontent.com'\n    subject: 'repo:potters/kiln:pull_request'\n    audiences: ['api://AzureADTokenExchange']\n  }\n}\noutput principalId string = peach.properties.principalId\n";
const OWNER: &str = "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635')";

fn assigned(principal: &str, role: &str) -> String {
    format!(
        "resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{\n  name: guid(subscription().id, 'kiln')\n  properties: {{\n    principalId: {principal}\n    principalType: 'ServicePrincipal'\n    roleDefinitionId: {role}\n  }}\n}}\n"
    )
}

/// The severity of the pull requests' credential in `ci/peach.bicep`, with these other files.
fn by_role(main: &str, grants: &str, peach: &str) -> Vec<String> {
    found(&[("main.bicep", main), ("ci/grants.bicep", grants), ("ci/peach.bicep", &format!("{PEACH}{peach}"))], Severity::Medium)
}

#[test]
fn a_role_that_another_module_assigns_is_the_identitys() {
    let call = "targetScope = 'subscription'\nmodule peach 'ci/peach.bicep' = {\n  scope: resourceGroup('kiln')\n  name: 'peach'\n}\n";
    let high = ["pull-request high ci/peach.bicep:9"];
    let medium = ["pull-request medium ci/peach.bicep:9"];
    let grants = |role: &str| format!("targetScope = 'subscription'\nparam holder string\n{}", assigned("holder", role));
    let handed = format!(
        "{call}module grants 'ci/grants.bicep' = {{\n  name: 'grants'\n  params: {{\n    holder: peach.outputs.principalId\n  }}\n}}\n"
    );
    assert_eq!(by_role(&handed, &grants(OWNER), ""), high);
    assert_eq!(by_role(&format!("{call}{}", assigned("peach.outputs.principalId", OWNER)), "", ""), high);
    let looked_up = "resource owner 'Microsoft.Authorization/roleDefinitions@2022-04-01' existing = {\n  scope: subscription()\n  name: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635'\n}\n";
    assert_eq!(by_role(&format!("{call}{looked_up}{}", assigned("peach.outputs.principalId", "owner.id")), "", ""), high);
    // A reader, another output, nobody's call, a role in a resource group, a role under a condition.
    let reader = OWNER.replace("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "acdd72a7-3385-48ef-bd42-f606fba81ae7");
    assert_eq!(by_role(&handed, &grants(&reader), ""), medium);
    assert_eq!(by_role(&handed.replace("outputs.principalId", "outputs.other"), &grants(OWNER), ""), medium);
    assert_eq!(by_role(call, &grants(OWNER), ""), medium);
    assert_eq!(by_role(&handed, &grants(OWNER).replace("targetScope = 'subscription'\n", ""), ""), medium);
    assert_eq!(by_role(&handed, &grants(OWNER).replace("= {\n  name: guid", "= if (later) {\n  name: guid"), ""), medium);
    assert_eq!(by_role("", "", &assigned("peach.properties.principalId", OWNER)), medium);
    let own = format!("targetScope = 'subscription'\n{PEACH}{}", assigned("peach.properties.principalId", OWNER));
    assert_eq!(found(&[("ci.bicep", &own)], Severity::Medium), ["pull-request high ci.bicep:10"]);
}

#[test]
fn roles_of_the_iam_module_ask_for_a_second_factor_unless_told_otherwise() {
    let call = |module: &str, more: &str| {
        let text = format!(
            "module \"kiln\" {{\n  source  = \"terraform-aws-modules/iam/aws//modules/{module}\"\n  version = \"5.39.0\"\n  trusted_role_arns = [\"arn:aws:iam::444455556666:root\"]\n  {more}\n}}\n"
        );
        let found = found(&[("main.tf", &text)], Severity::Info);
        found.into_iter().filter(|f| f.starts_with("account-principal")).collect::<Vec<_>>()
    };
    let told = ["account-principal low main.tf:4"];
    assert_eq!(call("iam-assumable-role", "create_role = true"), NONE);
    assert_eq!(call("iam-assumable-role", "create_role = true\n  role_requires_mfa = false"), told);
    assert_eq!(call("iam-assumable-role", "create_role = true\n  role_requires_mfa = false\n  role_sts_externalid = \"c0ffee\""), NONE);
    assert_eq!(call("iam-assumable-roles", "create_admin_role = true\n  create_readonly_role = true"), NONE);
    assert_eq!(
        call("iam-assumable-roles", "create_admin_role = true\n  create_readonly_role = true\n  readonly_role_requires_mfa = false"),
        told
    );
}

#[test]
fn a_template_of_a_policy_that_nothing_fills_in_is_judged_with_its_holes() {
    let policy = |subject: &str| {
        format!(
            "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{{\n    \"Effect\": \"Allow\",\n    \"Principal\": {{\"Federated\": \"arn:aws:iam::${{ACCOUNT}}:oidc-provider/token.actions.githubusercontent.com\"}},\n    \"Action\": \"sts:AssumeRoleWithWebIdentity\",\n    \"Condition\": {{\"StringLike\": {{\n      \"token.actions.githubusercontent.com:aud\": \"sts.amazonaws.com\",\n      \"token.actions.githubusercontent.com:sub\": \"{subject}\"\n    }}}}\n  }}]\n}}\n"
        )
    };
    let with = |subject: &str, terraform: &str| {
        found(&[("roles/trust.json.tpl", &policy(subject)), ("roles/main.tf", terraform)], Severity::Medium)
    };
    assert_eq!(with("repo:${OWNER}/${NAME}:pull_request", ""), ["pull-request medium roles/trust.json.tpl:9"]);
    assert_eq!(with("repo:${OWNER}/${NAME}:*", ""), ["any-ref medium roles/trust.json.tpl:9"]);
    assert_eq!(with("repo:${OWNER}/${NAME}:environment:glaze", ""), NONE);
    // Where Terraform fills in templates, it is judged as it is filled in.
    let filled = "resource \"aws_iam_role\" \"kiln\" {\n  assume_role_policy = templatefile(\"${path.module}/trust.json.tpl\", { ACCOUNT = \"111122223333\", OWNER = \"potters\", NAME = \"kiln\" })\n}\n";
    assert_eq!(with("repo:${OWNER}/${NAME}:*", filled).len(), 1);
    assert_eq!(with("repo:${OWNER}/${NAME}:environment:glaze", filled), NONE);
}

#[test]
fn advice_for_gitlab_names_a_project_of_a_group() {
    let text = "resource \"aws_iam_role\" \"kiln\" {\n  assume_role_policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"sts:AssumeRoleWithWebIdentity\", Principal = { Federated = \"arn:aws:iam::111122223333:oidc-provider/gitlab.com\" }, Condition = { StringEquals = { \"gitlab.com:aud\" = \"https://gitlab.com\" }, StringLike = { \"gitlab.com:sub\" = \"project_path:potters/kiln:ref_type:branch:ref:*\" } } }] })\n}\n";
    let run = check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), text.to_owned())]), ..Request::default() }).unwrap();
    let help = run.findings.iter().find(|f| f.rule.as_str() == "any-ref").and_then(|f| f.help.clone()).unwrap();
    assert!(help.contains("`project_path:GROUP/PROJECT:ref_type:branch:ref:main`"), "{help}");
}

#[test]
fn a_family_of_branches_is_meant_whatever_else_its_jobs_are() {
    let gitlab = |subject: &str| {
        let text = format!(
            "resource \"aws_iam_role\" \"kiln\" {{\n  assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRoleWithWebIdentity\", Principal = {{ Federated = \"arn:aws:iam::111122223333:oidc-provider/gitlab.com\" }}, Condition = {{ StringEquals = {{ \"gitlab.com:aud\" = \"https://gitlab.com\" }}, StringLike = {{ \"gitlab.com:sub\" = \"{subject}\" }} }} }}] }})\n}}\n"
        );
        found(&[("main.tf", &text)], Severity::Medium)
    };
    assert_eq!(gitlab("project_path:potters/kiln:ref_type:branch:ref:release/*"), NONE);
    assert_eq!(gitlab("project_path:potters/kiln:ref_type:branch:ref:*").len(), 1);
    let github = format!(
        "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\" }},\n        StringLike = {{ \"token.actions.githubusercontent.com:sub\" = \"repo:potters/kiln:*\", \"token.actions.githubusercontent.com:ref\" = \"refs/heads/{}*\"",
        "release/"
    );
    let told = found(&[("main.tf", &role(&github, "\"s3:GetObject\""))], Severity::Medium);
    assert!(told.iter().all(|t| !t.starts_with("any-environment")), "{told:?}");
}

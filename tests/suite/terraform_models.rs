//! Calls of well-known modules that are not on disk: what a correct call opens and what a careless one does.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

/// What stands beside a call: a cluster, its provider, GitHub's provider.
const AROUND: &str = r#"
provider "aws" {}
resource "aws_eks_cluster" "main" { name = "main" }
resource "aws_iam_openid_connect_provider" "cluster" {
  url            = aws_eks_cluster.main.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}
"#;

fn run(call: &str) -> Run {
    let files = vec![("main.tf".to_owned(), call.to_owned()), ("around.tf".to_owned(), AROUND.to_owned())];
    check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

/// A call of `source` (with a version after a space) with these arguments.
fn call(source: &str, arguments: &str) -> String {
    let (source, version) = source.split_once(' ').map_or((source, String::new()), |(s, v)| (s, format!("version = \"{v}\"")));
    format!("module \"it\" {{\n  source = \"{source}\"\n  {version}\n  {arguments}\n}}\n")
}

fn trusts(run: &Run) -> usize {
    run.coverage.trusts
}

/// The rules at medium or above with the text that each points at in the call.
fn serious(run: &Run) -> Vec<(String, String)> {
    let serious = run.findings.iter().filter(|f| f.severity >= Severity::Medium);
    let mut found: Vec<(String, String)> = serious
        .map(|f| {
            assert_eq!(run.sources.locate(f.span).unwrap().0, "main.tf", "{}", f.rule.as_str());
            (f.rule.to_string(), run.sources.snippet(f.span))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

const ARN: &str = "aws_iam_openid_connect_provider.cluster.arn";
const ISSUER: &str = "aws_eks_cluster.main.identity[0].oidc[0].issuer";

#[test]
fn correct_calls_make_trusts_and_no_finding() {
    let irsa = format!("{{ main = {{ provider_arn = {ARN}, service_account = \"dns\" }} }}");
    let cases: Vec<(&str, String, usize)> = vec![
        ("aws-ia/eks-blueprints-addon/aws 1.1.1", format!("create_role = true\n  name = \"dns\"\n  namespace = \"dns\"\n  oidc_providers = {irsa}"), 1),
        (
            "aws-ia/eks-blueprints-addons/aws ~> 1.0",
            format!("oidc_provider_arn = {ARN}\n  enable_cert_manager = true\n  enable_velero = true\n  velero = {{ namespace = \"backup\" }}"),
            2,
        ),
        (
            "aws-ia/eks-blueprints-teams/aws ~> 1.1",
            format!("name = \"red\"\n  users = [\"arn:aws:iam::111122223333:role/red\"]\n  oidc_provider_arn = {ARN}\n  namespaces = {{ red = {{}} }}"),
            1,
        ),
        (
            "cloudposse/helm-release/aws 0.10.0",
            format!("iam_role_enabled = true\n  eks_cluster_oidc_issuer_url = {ISSUER}\n  service_account_name = \"a\"\n  service_account_namespace = \"b\""),
            1,
        ),
        ("terraform-aws-modules/eks/aws//modules/karpenter ~> 19.0", format!("cluster_name = \"main\"\n  irsa_oidc_provider_arn = {ARN}"), 1),
        (
            "terraform-aws-modules/eks/aws//modules/karpenter ~> 20.0",
            format!("cluster_name = \"main\"\n  enable_irsa = true\n  irsa_oidc_provider_arn = {ARN}"),
            1,
        ),
        (
            "github.com/ministryofjustice/modernisation-platform-github-oidc-role?ref=v4.0.0",
            "role_name = \"ci\"\n  github_repositories = [\"acme/app\"]\n  subject_claim = \"environment:prod\"".to_owned(),
            1,
        ),
        (
            "Azure/avm-res-managedidentity-userassignedidentity/azurerm 0.3.4",
            "name = \"ci\"\n  federated_identity_credentials = {\n    gh = {\n      name = \"gh\"\n      issuer = \"https://token.actions.githubusercontent.com\"\n      audience = [\"api://AzureADTokenExchange\"]\n      subject = \"repo:acme/app:environment:prod\"\n    }\n  }".to_owned(),
            1,
        ),
    ];
    for (source, arguments, expected) in cases {
        let run = run(&call(source, &arguments));
        assert_eq!(serious(&run), [], "{source}");
        assert!(trusts(&run) >= expected, "{source}: {} trusts, {:?}", trusts(&run), run.coverage.undecided);
        assert_eq!(run.coverage.undecided, [], "{source}");
    }
}

#[test]
fn careless_calls_are_found_at_the_argument() {
    let found = |source: &str, arguments: &str| serious(&run(&call(source, arguments)));
    let has = |found: &[(String, String)], rule: &str, text: &str| found.iter().any(|(r, t)| r == rule && t.contains(text));

    let moj = |version: &str, repositories: &str| {
        found(
            &format!("github.com/ministryofjustice/modernisation-platform-github-oidc-role?ref={version}"),
            &format!("role_name = \"ci\"\n  github_repositories = {repositories}"),
        )
    };
    // the same call: until version 2 the suffix had to be given, later every ref is let in
    let old = moj("v1.0.0", "[\"acme/app:ref:refs/heads/main\"]");
    assert_eq!(old, []);
    let new = moj("v4.0.0", "[\"acme/app\"]");
    assert!(new.iter().any(|(rule, _)| rule == "any-ref"), "{new:?}");
    let all = moj("v4.0.0", "[\"*\"]");
    assert!(has(&all, "wildcard-subject", "*"), "{all:?}");

    let helm = found(
        "cloudposse/helm-release/aws",
        &format!("iam_role_enabled = true\n  eks_cluster_oidc_issuer_url = {ISSUER}\n  service_account_name = \"a\""),
    );
    assert!(has(&helm, "wildcard-subject", "module"), "a missing namespace is any namespace: {helm:?}");
    // a namespace that is not known is not a missing one
    let unknown = format!(
        "variable \"where\" {{}}\n{}",
        call(
            "cloudposse/helm-release/aws",
            &format!(
                "iam_role_enabled = true\n  eks_cluster_oidc_issuer_url = {ISSUER}\n  service_account_name = \"a\"\n  service_account_namespace = var.where"
            )
        )
    );
    let unknown = run(&unknown);
    assert_eq!(serious(&unknown), []);
    assert_eq!(trusts(&unknown), 1);

    let pool = |condition: &str| {
        let arguments = format!(
            "name = \"acme-ci\"\n  workload_identity_pools = {{\n    delivery = {{\n      providers = {{\n        github = {{\n          {condition}\n          identity_provider = {{ oidc = {{ template = \"github\" }} }}\n        }}\n      }}\n    }}\n  }}"
        );
        found("github.com/GoogleCloudPlatform/cloud-foundation-fabric//modules/project?ref=v53.0.0", &arguments)
    };
    assert_eq!(pool("attribute_condition = \"assertion.repository_owner_id == '596977'\""), []);
    let open = pool("");
    assert!(!open.is_empty(), "a provider without a condition");
}

#[test]
fn a_service_account_of_fabric_is_bound_to_the_pool_that_is_written() {
    let source = "git::https://github.com/GoogleCloudPlatform/cloud-foundation-fabric.git//modules/iam-service-account?ref=v40.0.0";
    let member = |member: &str| {
        let provider = "resource \"google_iam_workload_identity_pool\" \"ci\" {\n  workload_identity_pool_id = \"ci\"\n}\n\
             resource \"google_iam_workload_identity_pool_provider\" \"github\" {\n  workload_identity_pool_id = google_iam_workload_identity_pool.ci.workload_identity_pool_id\n  workload_identity_pool_provider_id = \"github\"\n  attribute_mapping = { \"google.subject\" = \"assertion.sub\", \"attribute.repository\" = \"assertion.repository\" }\n  attribute_condition = \"assertion.repository_owner_id == '596977'\"\n  oidc { issuer_uri = \"https://token.actions.githubusercontent.com\" }\n}\n";
        let arguments = format!(
            "project_id = \"acme-ci\"\n  name = \"ci\"\n  iam = {{\n    \"roles/iam.workloadIdentityUser\" = [\"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.ci.name}}/{member}\"]\n  }}"
        );
        run(&format!("{provider}{}", call(source, &arguments)))
    };
    let whole = member("*");
    assert!(whole.findings.iter().any(|f| f.rule.as_str() == "whole-pool-principal"), "{:?}", whole.findings);
    let one = member("attribute.repository/acme/app");
    assert!(!one.findings.iter().any(|f| f.rule.as_str() == "whole-pool-principal"), "{:?}", one.findings);
    assert_eq!(trusts(&one), 1);
}

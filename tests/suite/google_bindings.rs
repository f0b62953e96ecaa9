//! What bindings make of pools: several providers, unknowns, severities, advice; and who is no workload at all.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

use fedlint::rules::Finding;

fn run(text: &str) -> Run {
    check(&Request { input: Input::Memory(vec![("main.tf".to_owned(), text.to_owned())]), ..Request::default() }).expect("the run is made")
}

fn provider(name: &str, settings: &str) -> String {
    format!(
        "resource \"google_iam_workload_identity_pool_provider\" \"{name}\" {{\n  workload_identity_pool_id = google_iam_workload_identity_pool.ci.workload_identity_pool_id\n  \
         workload_identity_pool_provider_id = \"{name}\"\n  {settings}\n}}\n"
    )
}

fn forge(name: &str, condition: &str) -> String {
    provider(
        name,
        &format!(
            "attribute_mapping = {{ \"google.subject\" = \"assertion.sub\", \"attribute.actor\" = \"assertion.actor\", \"attribute.repository\" = \"assertion.repository\" }}\n  \
             attribute_condition = \"{condition}\"\n  oidc {{ issuer_uri = \"https://token.actions.githubusercontent.com\" }}"
        ),
    )
}

fn bound(providers: &str, member: &str) -> Run {
    run(&format!(
        "resource \"google_iam_workload_identity_pool\" \"ci\" {{\n  workload_identity_pool_id = \"ci-pool\"\n}}\n{providers}\n\
         resource \"google_service_account\" \"ci\" {{\n  account_id = \"ci\"\n}}\n\
         resource \"google_service_account_iam_member\" \"ci\" {{\n  service_account_id = google_service_account.ci.name\n  role = \"roles/iam.workloadIdentityUser\"\n  \
         member = \"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.ci.name}}/{member}\"\n}}\n"
    ))
}

fn only(run: &Run, rule: &str) -> Finding {
    let found: Vec<&Finding> = run.findings.iter().filter(|f| f.rule.as_str() == rule).collect();
    assert_eq!(found.len(), 1, "{rule}: {:?}", run.findings.iter().map(|f| (f.rule, &f.message)).collect::<Vec<_>>());
    found.into_iter().next().cloned().expect("one finding")
}

/// Of several providers with a repository each, all but one shut the member out: that is decided.
/// A condition that pins the owner alone is right, and says nothing of what a binding leaves to the caller.
#[test]
fn a_binding_by_what_the_caller_picks_is_told_beside_a_condition_on_the_owner() {
    let found = |mapping: &str, member: &str| {
        let text = format!(
            r#"
resource "google_iam_workload_identity_pool" "p" {{ workload_identity_pool_id = "weir-pool" }}
resource "google_iam_workload_identity_pool_provider" "g" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.p.workload_identity_pool_id
  workload_identity_pool_provider_id = "gate"
  attribute_condition                = "assertion.repository_owner_id == '77'"
  attribute_mapping = {{
    "google.subject" = "assertion.sub"
    "attribute.x"    = "{mapping}"
  }}
  oidc {{ issuer_uri = "https://token.actions.githubusercontent.com" }}
}}
resource "google_service_account" "a" {{ account_id = "keeper" }}
resource "google_service_account_iam_member" "m" {{
  service_account_id = google_service_account.a.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.p.name}}/attribute.x/{member}"
}}
"#
        );
        let request = Request { input: Input::Memory(vec![("main.tf".to_owned(), text)]), ..Request::default() };
        let run = check(&request).expect("the run is made");
        run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| f.rule.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("assertion.workflow", "deploy"), ["attacker-chosen-claim"]);
    assert_eq!(found("assertion.job_workflow_ref.extract('{file}@')", "weir/ci/.github/workflows/x.yml"), ["reusable-workflow-only"]);
    assert_eq!(found("assertion.job_workflow_ref", "weir/ci/.github/workflows/x.yml@refs/heads/main"), [""; 0]);
    assert_eq!(found("assertion.repository + ':' + assertion.workflow", "weir/sluice:deploy"), ["any-ref"]);
}

#[test]
fn a_pool_of_several_providers_is_decided() {
    let providers: String = ["app", "site", "docs"].iter().map(|r| forge(r, &format!("assertion.repository == 'octo/{r}'"))).collect();
    let run = bound(&providers, "attribute.repository/octo/app");
    assert!(run.coverage.undecided.is_empty(), "{:?}", run.coverage.undecided);
    let help = only(&run, "any-ref").help.unwrap_or_default();
    assert!(help.contains("subject/repo:OWNER/REPOSITORY:ref:refs/heads/main") && help.contains("assertion.sub =="), "{help}");
}

/// The same unknown account in the provider and in the member is one account.
#[test]
fn an_unknown_account_is_twelve_digits() {
    let aws = provider(
        "aws-hub",
        "aws { account_id = var.account }\n  attribute_condition = \"assertion.arn.startsWith('arn:aws:sts::${var.account}:assumed-role/')\"\n  \
         attribute_mapping = { \"google.subject\" = \"assertion.arn\", \"attribute.aws_role\" = \"assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + assertion.arn.extract('assumed-role/{role}/')\" }",
    );
    let with = |member: &str| bound(&format!("variable \"account\" {{}}\n{aws}"), member);
    let good = with("attribute.aws_role/arn:aws:sts::${var.account}:assumed-role/deploy");
    assert!(good.coverage.undecided.is_empty(), "{:?}", good.coverage.undecided);
    assert!(good.findings.iter().all(|f| f.severity < Severity::Medium), "{:?}", good.findings);
    let pool = with("*");
    assert!(pool.coverage.undecided.is_empty(), "{:?}", pool.coverage.undecided);
    let help = only(&pool, "whole-pool-principal").help.unwrap_or_default();
    assert!(help.contains("attribute.aws_role/"), "{help}");
}

/// The binding of a whole pool is as bad as what its provider leaves open.
#[test]
fn a_whole_pool_is_no_worse_than_its_cause() {
    let whole = |condition: &str| only(&bound(&forge("app", condition), "*"), "whole-pool-principal");
    assert_eq!(whole("assertion.repository_owner_id == '5150'").severity, Severity::High);
    assert_eq!(whole("assertion.repository_id == '8086'").severity, Severity::Medium);
    assert_eq!(whole("assertion.ref == 'refs/heads/main'").severity, Severity::Critical);
    let help = whole("assertion.repository_owner_id == '5150'").help.unwrap_or_default();
    assert!(help.contains("attribute.repository/VALUE"), "{help}");
    let unmapped = "attribute_mapping = { \"google.subject\" = \"assertion.sub\" }\n  attribute_condition = \"assertion.terraform_organization_name == 'acme'\"\n  \
                    oidc { issuer_uri = \"https://app.terraform.io\" }";
    let help = only(&bound(&provider("tfc", unmapped), "*"), "whole-pool-principal").help.unwrap_or_default();
    assert!(help.contains("/subject/") && !help.contains("repository"), "{help}");
}

fn granted(member: &str) -> Vec<Severity> {
    let run = run(&format!(
        "resource \"google_project_iam_member\" \"m\" {{\n  project = \"bakery-data\"\n  role = \"roles/iam.serviceAccountTokenCreator\"\n  member = \"{member}\"\n}}\n"
    ));
    run.findings.iter().filter(|f| f.rule.as_str() == "project-wide-impersonation").map(|f| f.severity).collect()
}

#[test]
fn googles_own_agents_are_no_alarm() {
    assert_eq!(granted("serviceAccount:service-481516234299@gcp-sa-pubsub.iam.gserviceaccount.com"), [Severity::Info]);
    assert_eq!(granted("serviceAccount:service-${data.google_project.p.number}@gcp-sa-pubsub.iam.gserviceaccount.com"), [Severity::Info]);
    assert_eq!(granted("serviceAccount:service-481516234299@serverless-robot-prod.iam.gserviceaccount.com"), [Severity::Info]);
    assert_eq!(granted("serviceAccount:service-48@bakery-data.iam.gserviceaccount.com"), [Severity::High]);
    // Builds of users run as this one.
    assert_eq!(granted("serviceAccount:481516234299@cloudbuild.gserviceaccount.com"), [Severity::High]);
}

#[test]
fn viewers_of_a_dataset_do_not_fill_the_coverage() {
    let undecided = |kind: &str, role: &str, member: &str| {
        let text = format!(
            "variable \"who\" {{}}\nresource \"{kind}\" \"b\" {{\n  project = \"p\"\n  dataset_id = \"d\"\n  role = \"{role}\"\n  members = [\"{member}\"]\n}}\n"
        );
        run(&text).coverage.undecided.len()
    };
    let dataset = "google_bigquery_dataset_iam_binding";
    assert_eq!(undecided(dataset, "roles/bigquery.dataViewer", "projectReaders:p"), 0);
    assert_eq!(undecided(dataset, "roles/bigquery.dataViewer", "${var.who}"), 0);
    assert_eq!(undecided("google_project_iam_binding", "roles/iam.serviceAccountTokenCreator", "${var.who}"), 1);
    assert_eq!(undecided("google_project_iam_binding", "roles/iam.workloadIdentityUser", "${var.who}"), 1);
}

#[test]
fn templates_of_manifests_are_named_when_they_hold_identities() {
    let template = |annotation: &str| {
        let text = format!("kind: ServiceAccount\nmetadata:\n  name: api\n  annotations:\n    {annotation}: ${{id}}\n");
        let files = vec![("flux.yaml.tpl".to_owned(), text)];
        check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made").coverage.files_skipped.len()
    };
    assert_eq!(template("azure.workload.identity/client-id"), 1);
    assert_eq!(template("eks.amazonaws.com/role-arn"), 1);
    assert_eq!(template("serviceaccount.example.com/colour"), 0);
}

/// A claim whose parts stand in another order than in the subject is decided, and at once.
#[test]
fn a_workflow_that_is_pinned_by_its_ref_is_decided() {
    let whole = |condition: &str| bound(&forge("forge", condition), "*");
    let rules = |run: &Run| -> Vec<&'static str> {
        run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| f.rule.as_str()).collect()
    };
    let exact = whole("assertion.workflow_ref == 'octo/app/.github/workflows/deploy.yml@refs/heads/main'");
    assert!(rules(&exact).is_empty() && exact.coverage.undecided.is_empty(), "{:?} {:?}", rules(&exact), exact.coverage.undecided);
    let begun = whole("assertion.workflow_ref.startsWith('octo')");
    assert!(rules(&begun).contains(&"tenant-prefix"), "{:?} {:?}", rules(&begun), begun.coverage.undecided);
    let owner = whole("assertion.workflow_ref.startsWith('octo/')");
    assert!(!rules(&owner).contains(&"tenant-prefix") && owner.coverage.undecided.is_empty(), "{:?}", rules(&owner));
}

/// The nested claims of a cluster's tokens, in both spellings.
#[test]
fn nested_claims_of_kubernetes_are_known() {
    for claim in
        ["assertion['kubernetes.io']['namespace']", "assertion['kubernetes.io'].namespace", "assertion[\\\"kubernetes.io\\\"].namespace"]
    {
        let eks = provider(
            "eks",
            &format!(
                "attribute_mapping = {{ \"google.subject\" = \"assertion.sub\", \"attribute.namespace\" = \"{claim}\", \"attribute.pod\" = \"assertion['kubernetes.io']['pod']['name']\" }}\n  \
                 oidc {{ issuer_uri = \"https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF\" }}"
            ),
        );
        let dead = |run: &Run| run.findings.iter().any(|f| ["never-matches", "unreachable-value"].contains(&f.rule.as_str()));
        let open = bound(&eks, "attribute.namespace/shop");
        assert!(!dead(&open), "{claim}: {:?}", open.findings);
    }
}

/// Owners that are named by alternatives, or without regard to case, are no strangers; what lies beside them is one.
#[test]
fn owners_by_alternatives_and_in_any_case_are_named() {
    let critical = |condition: &str| bound(&forge("forge", condition), "*").findings.iter().any(|f| f.severity == Severity::Critical);
    for condition in [
        "assertion.repository.matches('^octo/app$|^hubot/site$')",
        "assertion.repository.matches('^(?:octo|hubot)/')",
        "assertion.sub.matches('^repo:(octo/app|hubot/site):')",
        "assertion.repository.matches('(?i)^octo/')",
        "assertion.repository_owner.lowerAscii() in ['octo', 'hubot']",
        "assertion.repository_owner.upperAscii() == 'OCTO'",
    ] {
        assert!(!critical(condition), "{condition}");
    }
    for condition in [
        "assertion.repository.matches('^octo/app$|hubot/site')",
        "assertion.repository.matches('(?i)octo/')",
        "assertion.repository.lowerAscii().startsWith('octo')",
    ] {
        assert!(critical(condition), "{condition}");
    }
}

/// What is said of a member of a GKE workload pool on a service account.
fn of_workload_pool(scheme: &str, selector: &str) -> Vec<(&'static str, String)> {
    let found = run(&format!(
        "resource \"google_service_account\" \"oven\" {{\n  project = \"bakery-data\"\n  account_id = \"oven\"\n}}\n\
         resource \"google_service_account_iam_member\" \"oven\" {{\n  service_account_id = google_service_account.oven.name\n  \
         role = \"roles/iam.workloadIdentityUser\"\n  member = \"{scheme}://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/\
         bakery-data.svc.id.goog/{selector}\"\n}}\n"
    ));
    found.findings.into_iter().filter(|f| f.severity >= Severity::Medium).map(|f| (f.rule.as_str(), f.message)).collect()
}

#[test]
fn one_cluster_is_not_the_whole_pool_and_a_uid_is_one_account() {
    let url = "https://container.googleapis.com/v1/projects/bakery-data/locations/europe-west1/clusters/ovens";
    let found = of_workload_pool("principalSet", &format!("kubernetes.cluster/{url}"));
    assert!(matches!(found.as_slice(), [("default-service-account", message)] if message.contains(url)), "{found:?}");
    assert!(of_workload_pool("principal", "kubernetes.serviceaccount.uid/0a1b2c3d-0000-4000-8000-000000000001").is_empty());
    // Written as a set it is nobody: that is one finding, and not that everybody has the identity.
    let found = of_workload_pool("principalSet", "kubernetes.serviceaccount.uid/0a1b2c3d-0000-4000-8000-000000000001");
    assert!(matches!(found.as_slice(), [("malformed-principal", _)]), "{found:?}");
    let found = of_workload_pool("principalSet", "*");
    assert!(
        matches!(found.as_slice(), [("default-service-account", message)] if message.contains("the clusters of the project")),
        "{found:?}"
    );
}

/// What ended lets nobody in; what is limited in time or to resources may.
#[test]
fn conditions_on_bindings() {
    let limited = |expression: &str| {
        let provider = forge("github", "assertion.repository_owner_id == '42'");
        let text = format!(
            "resource \"google_iam_workload_identity_pool\" \"ci\" {{\n  workload_identity_pool_id = \"ci-pool\"\n}}\n{provider}\nresource \"google_service_account\" \"ci\" {{\n  \
             account_id = \"ci\"\n}}\nresource \"google_service_account_iam_binding\" \"ci\" {{\n  service_account_id = google_service_account.ci.name\n  role = \
             \"roles/iam.workloadIdentityUser\"\n  members = [\"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.ci.name}}/*\"]\n  condition {{\n    title = \
             \"limited\"\n    expression = \"{expression}\"\n  }}\n}}\n"
        );
        let run = run(&text);
        run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| f.rule.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(limited("request.time < timestamp('2022-06-30T00:00:00Z')"), Vec::<String>::new());
    assert_eq!(limited("request.time < timestamp('2999-06-30T00:00:00Z')"), ["whole-pool-principal"]);
    assert_eq!(limited("resource.name.endsWith('/x') || request.time < timestamp('2022-06-30T00:00:00Z')"), ["whole-pool-principal"]);
    assert_eq!(limited("assertion.ref == 'refs/heads/main'"), ["rejected-policy"]);
    assert_eq!(limited("request.time <"), ["rejected-policy"]);
}

/// What a derived value equals is said of the claim: the same tenants are named, and the same strangers found.
#[test]
fn derived_values_are_read_as_their_claims() {
    let rules = |condition: &str| {
        let run = bound(&forge("github", condition), "attribute.repository/octo/app");
        run.findings.iter().filter(|f| f.severity >= Severity::High).map(|f| f.rule.to_string()).collect::<Vec<_>>()
    };
    let main = "assertion.ref == 'refs/heads/main'";
    for closed in [
        "assertion.repository.split('/')[0] == 'octo'",
        "assertion.repository.extract('{owner}/') == 'octo'",
        "assertion.repository.indexOf('octo/') == 0",
        "assertion.repository.substring(0, 5) == 'octo/'",
    ] {
        assert_eq!(rules(&format!("{closed} && {main}")), Vec::<String>::new(), "{closed}");
    }
    for open in [
        "assertion.repository.indexOf('octo/') >= 0",
        "assertion.repository.substring(0, 4) == 'octo'",
        "assertion.repository.indexOf('octo') > -1",
    ] {
        let run = run(&format!(
            "{}{}",
            "resource \"google_iam_workload_identity_pool\" \"ci\" {\n  workload_identity_pool_id = \"ci-pool\"\n}\n",
            forge("github", &format!("{open} && {main}"))
        ));
        assert!(run.findings.iter().any(|f| matches!(f.rule.as_str(), "foreign-tenant" | "tenant-prefix")), "{open}: {:?}", run.findings);
    }
}

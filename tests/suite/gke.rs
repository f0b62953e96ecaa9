//! GKE: clusters, pools, and the two sides of a ServiceAccount's identity.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    run.findings.iter().filter(|f| f.severity >= Severity::Low).map(|f| f.rule.to_string()).collect()
}

fn account(annotation: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: quern\n  namespace: mill\n  annotations:\n    iam.gke.io/gcp-service-account: {annotation}\n"
    )
}

/// Addresses of service accounts, and what is to be filled in yet.
#[test]
fn annotations() {
    for right in [
        "quern@mill-data.iam.gserviceaccount.com",
        "quern@mill-data.mill.example.iam.gserviceaccount.com",
        "501-compute@developer.gserviceaccount.com",
        "mill-data@appspot.gserviceaccount.com",
        "GSA_NAME@GSA_PROJECT.iam.gserviceaccount.com",
        "\"${GSA}\"",
        "\"<service account>\"",
    ] {
        assert_eq!(found(&[("k.yaml", &account(right))]), Vec::<String>::new(), "{right}");
    }
    for wrong in [
        "quern",
        "projects/mill-data/serviceAccounts/quern@mill-data.iam.gserviceaccount.com",
        "quern@501.iam.gserviceaccount.com",
        "quern@mill-data.gserviceaccount.com",
    ] {
        assert_eq!(found(&[("k.yaml", &account(wrong))]), ["malformed-principal"], "{wrong}");
    }
}

fn grant(project: &str) -> String {
    format!(
        "resource \"google_service_account\" \"q\" {{\n  project = \"mill-data\"\n  account_id = \"quern\"\n}}\nresource \"google_service_account_iam_member\" \"q\" {{\n  \
         service_account_id = google_service_account.q.name\n  role = \"roles/iam.workloadIdentityUser\"\n  member = \"serviceAccount:{project}.svc.id.goog[mill/quern]\"\n}}\n"
    )
}

fn cluster(name: &str, project: &str, settings: &str) -> String {
    format!("resource \"google_container_cluster\" \"{name}\" {{\n  project = \"{project}\"\n  name = \"{name}\"\n{settings}\n}}\n")
}

const WI: &str = "  workload_identity_config {\n    workload_pool = \"mill-data.svc.id.goog\"\n  }";

/// Which clusters the workloads are for is known by the project of their pool.
#[test]
fn clusters_without_a_pool() {
    let asks = account("quern@mill-data.iam.gserviceaccount.com");
    let of = |clusters: &str| found(&[("main.tf", &format!("variable \"on\" {{}}\n{}{clusters}", grant("mill-data"))), ("k.yaml", &asks)]);
    assert_eq!(of(&cluster("a", "mill-data", "")), ["workload-identity-disabled"]);
    assert_eq!(of(&cluster("a", "mill-data", WI)), Vec::<String>::new());
    assert_eq!(of(&cluster("a", "mill-data", "  enable_autopilot = true")), Vec::<String>::new());
    assert_eq!(of(&cluster("a", "mill-data", "  enable_autopilot = var.on")), Vec::<String>::new());
    assert_eq!(
        of(&format!("{}{}", cluster("a", "mill-data", ""), cluster("b", "mill-data", WI))),
        Vec::<String>::new(),
        "the other cluster is meant"
    );
    assert_eq!(of(&cluster("a", "mill-shop", "")), Vec::<String>::new(), "a cluster of another project");
    // Both by their places: the grant stands before the cluster.
    let wrong = cluster("a", "mill-shop", WI);
    assert_eq!(of(&wrong), ["one-sided-binding", "workload-identity-disabled"]);
    let before = found(&[("main.tf", &format!("{wrong}{}", grant("mill-data"))), ("k.yaml", &asks)]);
    assert_eq!(before, ["workload-identity-disabled", "one-sided-binding"]);
}

/// The pool is of the cluster's project, wherever the service account is.
#[test]
fn grants_for_the_wrong_project() {
    let asks = account("quern@mill-data.iam.gserviceaccount.com");
    let shop = WI.replace("mill-data", "mill-shop");
    let of = |project: &str| found(&[("main.tf", &format!("{}{}", grant(project), cluster("a", "mill-shop", &shop))), ("k.yaml", &asks)]);
    assert_eq!(of("mill-shop"), Vec::<String>::new());
    assert_eq!(of("mill-data"), ["one-sided-binding"]);
    assert_eq!(of("mill-staging"), Vec::<String>::new(), "a cluster that is not in the scan");
}

#[test]
fn an_annotation_by_reference_is_told_where_it_is_written() {
    let text = |value: &str| {
        format!(
            "resource \"google_service_account\" \"quern\" {{\n  project    = \"mill-data\"\n  account_id = \"mill-quern\"\n}}\nlocals {{\n  quern = google_service_account.quern.email\n}}\nresource \"kubernetes_service_account_v1\" \"quern\" {{\n  metadata {{\n    name      = \"quern\"\n    namespace = \"mill\"\n    annotations = {{\n      \"iam.gke.io/gcp-service-account\" = {value}\n    }}\n  }}\n}}\n"
        )
    };
    for value in ["google_service_account.quern.email", "local.quern", "\"mill-quern@mill-data.iam.gserviceaccount.com\""] {
        let input = Input::Memory(vec![("main.tf".to_owned(), text(value))]);
        let run = check(&Request { input, ..Request::default() }).expect("the run is made");
        let found = run.findings.iter().find(|f| f.rule.as_str() == "one-sided-binding").expect("it is told");
        assert_eq!(run.sources.locate(found.span).map(|(_, at)| at.line), Some(13), "{value}");
    }
}

#[test]
fn a_service_account_that_a_default_switches_off_may_be_there() {
    let text = |default: &str| {
        format!(
            "variable \"objects\" {{\n  default = {default}\n}}\nresource \"google_service_account\" \"quern\" {{\n  project    = \"mill-data\"\n  account_id = \"mill-quern\"\n}}\nresource \"google_service_account_iam_member\" \"quern\" {{\n  service_account_id = google_service_account.quern.name\n  role               = \"roles/iam.workloadIdentityUser\"\n  member             = \"serviceAccount:mill-data.svc.id.goog[mill/quern]\"\n}}\nresource \"kubernetes_manifest\" \"quern\" {{\n  count = var.objects ? 1 : 0\n  manifest = {{\n    apiVersion = \"v1\"\n    kind       = \"ServiceAccount\"\n    metadata = {{\n      name        = \"quern\"\n      namespace   = \"mill\"\n      annotations = {{ \"iam.gke.io/gcp-service-account\" = google_service_account.quern.email }}\n    }}\n  }}\n}}\n"
        )
    };
    let pods = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: other\n  namespace: mill\n";
    for default in ["false", "true"] {
        assert_eq!(found(&[("main.tf", &text(default)), ("pods.yaml", pods)]), Vec::<String>::new(), "{default}");
    }
    let without = text("false").replace("name        = \"quern\"", "name        = \"another\"");
    assert_eq!(found(&[("main.tf", &without), ("pods.yaml", pods)]).first().map(String::as_str), Some("one-sided-binding"));
}

use super::{documents, resource, terraform};
use crate::graph::WorkloadKind;
use serde_json::json;

fn account(name: &str, annotations: serde_json::Value) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "shop", "annotations": annotations}})
}

#[test]
fn annotations_of_all_clouds() {
    let annotations = json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a", "eks.amazonaws.com/audience": "x",
        "iam.gke.io/gcp-service-account": "a@p.iam.gserviceaccount.com", "azure.workload.identity/client-id": "00000000-0000-0000-0000-000000000000"});
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [account("api", annotations), {"kind": "ServiceAccountList", "items": [account("b", json!(null))]}]});
    let graph = documents(&[("k/sa.yaml", list)]);
    let WorkloadKind::ServiceAccount { namespace, name, aws_role, aws_audience, google_service_account, azure_client, .. } =
        &graph.workloads[0].kind
    else {
        panic!("no account")
    };
    assert_eq!((namespace.as_ref().unwrap().to_string(), name.to_string()), ("shop".to_owned(), "api".to_owned()));
    assert!([aws_role, aws_audience, google_service_account, azure_client].iter().all(|a| a.is_some()));
    assert_eq!(graph.workloads[0].origin.name, "ServiceAccount shop/api");
    assert_eq!(graph.workloads.len(), 2);
}

#[test]
fn pods_and_their_templates() {
    let spec = json!({"serviceAccountName": "api", "containers": []});
    let meta = json!({"name": "w"});
    let graph = documents(&[(
        "w.yaml",
        json!([
            {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": {"spec": spec}}},
            {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}},
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": {"spec": {}}}},
            {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": []}},
        ]),
    )]);
    let accounts: Vec<Option<String>> = graph
        .workloads
        .iter()
        .filter_map(|w| match &w.kind {
            WorkloadKind::Pods { service_account, .. } => Some(service_account.as_ref().map(|t| t.to_string())),
            _ => None,
        })
        .collect();
    assert_eq!(accounts, [Some("api".to_owned()), Some("api".to_owned()), Some("api".to_owned()), None]);
}

#[test]
fn kustomizations_give_namespaces_and_names() {
    let sa = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "api"}});
    let shown =
        |files: &[(&str, serde_json::Value)]| -> Vec<String> { documents(files).workloads.iter().map(|w| w.origin.name.clone()).collect() };
    let base = ("k/base/kustomization.yaml", json!({"resources": ["./sa.yaml"]}));
    let prod = ("k/prod/kustomization.yaml", json!({"namespace": "prod", "namePrefix": "x-", "resources": ["../base"]}));
    let dev = ("k/dev/kustomization.yaml", json!({"namespace": "dev", "resources": ["../base", "../../../outside"]}));
    let file = ("k/base/sa.yaml", sa.clone());
    assert_eq!(shown(&[base.clone(), prod.clone(), file.clone()]), ["ServiceAccount prod/x-api"]);
    // Two overlays of one base are two accounts; what lies outside may bring others.
    assert_eq!(shown(&[base, prod, dev, file]), ["Kustomization", "ServiceAccount dev/api", "ServiceAccount prod/x-api"]);
    // Seen from a folder beside them, the same files lie in the scan.
    let above = [
        ("../base/kustomization.yaml", json!({"resources": ["sa.yaml"]})),
        ("../prod/kustomization.yaml", json!({"namespace": "prod", "resources": ["../base"]})),
        ("../base/sa.yaml", sa),
    ];
    assert_eq!(shown(&above), ["ServiceAccount prod/api"]);
}

#[test]
fn kustomizations_in_a_circle_end() {
    let one = ("a/kustomization.yaml", json!({"namespace": "n", "resources": ["../b"]}));
    let two = ("b/kustomization.yaml", json!({"resources": ["../a"]}));
    assert!(documents(&[one, two]).workloads.is_empty());
}

#[test]
fn templates_stay_unknown() {
    let sa = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "${.Values.name}", "annotations": {"eks.amazonaws.com/role-arn": "${.Values.arn}"}}});
    let graph = documents(&[("chart/templates/sa.yaml", sa)]);
    assert!(graph.workloads[0].origin.conditional);
    assert!(matches!(&graph.workloads[0].kind, WorkloadKind::ServiceAccount { aws_role: Some(arn), .. } if !arn.is_known()));
}

#[test]
fn service_accounts_of_terraform() {
    let metadata = json!([{"name": "api", "namespace": "shop", "annotations": {"eks.amazonaws.com/role-arn": "${aws_iam_role.a.arn}"}}]);
    let graph = terraform(&[
        resource("kubernetes_service_account_v1.a", json!({"metadata": metadata})),
        resource(
            "kubernetes_manifest.b",
            json!({"manifest": account("b", json!({"iam.gke.io/gcp-service-account": "x@y.iam.gserviceaccount.com"}))}),
        ),
        resource("kubernetes_service_account.c", json!({"metadata": "${var.m}"})),
    ]);
    assert_eq!(graph.workloads.len(), 2);
    assert_eq!(graph.undecided.len(), 1);
}

fn annotated(graph: &crate::graph::Graph) -> Vec<(String, Option<String>, bool)> {
    let account = |w: &crate::graph::Workload| match &w.kind {
        WorkloadKind::ServiceAccount { aws_role, open, .. } => {
            Some((w.origin.name.clone(), aws_role.as_ref().map(ToString::to_string), *open))
        }
        _ => None,
    };
    graph.workloads.iter().filter_map(account).collect()
}

#[test]
fn patches_annotate_replace_and_remove() {
    let sa = (
        "k/base/sa.yaml",
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "api", "annotations": {"eks.amazonaws.com/role-arn": "dev"}}}),
    );
    let base = ("k/base/kustomization.yaml", json!({"resources": ["sa.yaml"]}));
    let overlay = |patch: serde_json::Value| {
        ("k/prod/kustomization.yaml", json!({"namespace": "prod", "resources": ["../base"], "patches": [patch]}))
    };
    let role = |patch: serde_json::Value| annotated(&documents(&[base.clone(), overlay(patch), sa.clone()]));
    let target = json!({"kind": "ServiceAccount", "name": "a.*"});
    let strategic = json!({"patch": "{kind: ServiceAccount, metadata: {name: api, annotations: {eks.amazonaws.com/role-arn: prod}}}"});
    assert_eq!(role(strategic), [("ServiceAccount prod/api".to_owned(), Some("prod".to_owned()), false)]);
    let removal = json!({"target": target, "patch": "- {op: remove, path: /metadata/annotations/eks.amazonaws.com~1role-arn}"});
    assert_eq!(role(removal), [("ServiceAccount prod/api".to_owned(), None, false)]);
    // A patch that cannot be read may say anything.
    let unreadable = json!({"target": target, "patch": "[{"});
    assert_eq!(role(unreadable), [("ServiceAccount prod/api".to_owned(), Some("dev".to_owned()), true)]);
}

#[test]
fn a_base_without_its_overlay_is_open() {
    let sa = ("k/base/sa.yaml", json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "api"}}));
    let base = ("k/base/kustomization.yaml", json!({"resources": ["sa.yaml"]}));
    assert_eq!(annotated(&documents(&[base, sa])), [("ServiceAccount api".to_owned(), None, true)]);
}

#[test]
fn flux_moves_and_fills_in() {
    let sa = (
        "apps/sa.yaml",
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "api", "namespace": "default",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::$${account}:role/api"}}}),
    );
    let flux = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "apps"},
        "spec": {"path": "./apps", "targetNamespace": "shop", "postBuild": {"substitute": {"account": "111122223333"}}}});
    let graph = documents(&[sa, ("clusters/prod/apps.yaml", flux)]);
    assert_eq!(annotated(&graph)[0].0, "ServiceAccount shop/api");
}

#[test]
fn terraform_that_annotates_an_account_opens_it() {
    let sa = ("sa.yaml", account("api", json!({})));
    let annotations = resource(
        "kubernetes_annotations.a",
        json!({"kind": "ServiceAccount", "metadata": [{"name": "api", "namespace": "shop"}], "annotations": {"x": "y"}}),
    );
    assert!(annotated(&super::graph(&[annotations], &[sa]))[0].2);
}

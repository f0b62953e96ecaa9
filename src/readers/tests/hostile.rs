//! Any shape at all: readers may find nothing, they may not fall over.

use super::{graph, resource};
use crate::graph::{links, render};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// Keys that readers ask for, so that odd values come where strings, lists and blocks are expected.
const KEYS: [&str; 46] = [
    "kind",
    "apiVersion",
    "metadata",
    "name",
    "namespace",
    "annotations",
    "spec",
    "template",
    "items",
    "Statement",
    "Principal",
    "Federated",
    "Action",
    "Effect",
    "Role",
    "Roles",
    "RoleDetailList",
    "RoleName",
    "Arn",
    "AssumeRolePolicyDocument",
    "AttachedManagedPolicies",
    "Resources",
    "Type",
    "Properties",
    "Fn::Sub",
    "Fn::Join",
    "Ref",
    "Url",
    "ClientIDList",
    "bindings",
    "role",
    "members",
    "etag",
    "policy",
    "resource",
    "oidc",
    "issuerUri",
    "attributeMapping",
    "issuer",
    "subject",
    "audiences",
    "$schema",
    "resources",
    "type",
    "properties",
    "$oneof",
];
const STRINGS: [&str; 16] = [
    "",
    "ServiceAccount",
    "Deployment",
    "CronJob",
    "v1",
    "List",
    "AWS::IAM::Role",
    "AWS::IAM::OIDCProvider",
    "IAMPolicyMember",
    "iam.cnrm.cloud.google.com/v1beta1",
    "sts:AssumeRole",
    "projects/1/locations/global/workloadIdentityPools/p/providers/r",
    "${x.y}",
    "a${Z}b}${",
    "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*",
    "%7B%22",
];
const TYPES: [&str; 21] = [
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_policy_attachment",
    "aws_iam_policy",
    "aws_iam_openid_connect_provider",
    "aws_eks_pod_identity_association",
    "google_iam_workload_identity_pool",
    "google_iam_workload_identity_pool_provider",
    "google_service_account",
    "google_service_account_iam_member",
    "google_service_account_iam_binding",
    "google_service_account_iam_policy",
    "google_project_iam_member",
    "google_storage_bucket_iam_binding",
    "azurerm_federated_identity_credential",
    "azuread_application_federated_identity_credential",
    "azapi_resource",
    "kubernetes_service_account",
    "kubernetes_manifest",
    "kubernetes_default_service_account",
];
const ATTRIBUTES: [&str; 26] = [
    "name",
    "name_prefix",
    "path",
    "arn",
    "assume_role_policy",
    "inline_policy",
    "managed_policy_arns",
    "role",
    "roles",
    "policy",
    "policy_arn",
    "url",
    "client_id_list",
    "service_account_id",
    "account_id",
    "email",
    "member",
    "members",
    "condition",
    "policy_data",
    "attribute_mapping",
    "attribute_condition",
    "oidc",
    "parent_id",
    "metadata",
    "manifest",
];

fn leaf() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        prop::sample::select(&STRINGS[..]).prop_map(Json::from),
        prop::sample::select(&STRINGS[..]).prop_map(|s| json!(json!({"Statement": [{"Action": s}]}).to_string())),
    ]
}

fn tree(keys: &'static [&'static str]) -> impl Strategy<Value = Json> {
    leaf().prop_recursive(5, 64, 6, move |inner| {
        let entry = (prop::sample::select(keys), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Json::from),
            prop::collection::vec(entry, 0..6).prop_map(|all| Json::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Json> {
    let value = prop_oneof![tree(&KEYS), tree(&ATTRIBUTES)];
    prop::collection::vec((prop::sample::select(&ATTRIBUTES[..]), value), 0..6)
        .prop_map(|all| Json::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
}

fn check(resources: &[crate::terraform::Resource], files: &[(&str, Json)]) {
    let graph = graph(resources, files);
    let links = links::links(&graph);
    assert_eq!(links.trust_providers.len(), graph.trusts.len());
    assert!(graph.trusts.iter().all(|t| graph.identity(t.identity).is_some()));
    let notes = render::Notes::default();
    let drawn = render::json(&graph, &links, &notes);
    assert!(serde_json::from_str::<Json>(&drawn).is_ok());
    assert!(!render::dot(&graph, &links, &notes).is_empty() && !render::mermaid(&graph, &links, &notes).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_document(one in tree(&KEYS), other in tree(&KEYS)) {
        check(&[], &[("a/x-iam-policy.yaml", one.clone()), ("a/kustomization.yaml", one), ("a/templates/y.json", other)]);
    }

    #[test]
    fn any_resource(kind in prop::sample::select(&TYPES[..]), other in prop::sample::select(&TYPES[..]), one in body(), two in body()) {
        check(&[resource(&format!("{kind}.a"), one), resource(&format!("data.{other}.b"), two.clone()), resource(&format!("{other}.c"), two)], &[]);
    }
}

#[test]
fn deep_nesting_ends() {
    let mut list = json!("x");
    let mut template = json!("x");
    for _ in 0..300 {
        list = json!({"kind": "List", "apiVersion": "v1", "items": [list]});
        template = json!({"Fn::Join": ["", [template]]});
    }
    let role = json!({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": template}}}});
    check(&[], &[("a.json", list), ("b.json", role)]);
}

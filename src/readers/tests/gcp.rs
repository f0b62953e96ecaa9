use super::{documents, resource, terraform};
use crate::graph::{BindingStyle, Gate, GoogleProvider, GoogleSource, Graph, IdentityKind, ProviderKind, Setting};
use serde_json::json;

fn google(graph: &Graph) -> Vec<&GoogleProvider> {
    graph.providers.iter().filter_map(|p| if let ProviderKind::Google(g) = &p.kind { Some(g) } else { None }).collect()
}

fn members(graph: &Graph) -> Vec<(String, String, BindingStyle)> {
    let member = |t: &crate::graph::Trust| match &t.gate {
        Gate::GoogleMember { member, style, .. } => {
            Some((graph.identity(t.identity).unwrap().origin.name.clone(), member.to_string(), *style))
        }
        _ => None,
    };
    graph.trusts.iter().filter_map(member).collect()
}

const MEMBER: &str = "principalSet://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/attribute.repository/o/r";

#[test]
fn a_pool_and_its_provider() {
    let graph = terraform(&[
        resource(
            "google_iam_workload_identity_pool_provider.gh",
            json!({
            "workload_identity_pool_id": "${google_iam_workload_identity_pool.ci.workload_identity_pool_id}",
            "workload_identity_pool_provider_id": "github", "attribute_condition": "assertion.repository_owner == 'o'",
            "attribute_mapping": {"google.subject": "assertion.sub", "attribute.repository": "assertion.repository"},
            "oidc": [{"issuer_uri": "https://token.actions.githubusercontent.com", "allowed_audiences": ["x"]}]}),
        ),
        resource("google_iam_workload_identity_pool.ci", json!({"workload_identity_pool_id": "ci", "project": "p", "disabled": true})),
    ]);
    let provider = google(&graph)[0];
    assert!(provider.pool.is_some());
    assert!(matches!(&provider.condition, Setting::Set(t) if t.to_string().contains("repository_owner")));
    assert_eq!(provider.mapping.as_ref().unwrap().len(), 2);
    assert!(!provider.mapping_open && !provider.disabled);
    assert!(matches!(&provider.source, GoogleSource::Oidc { audiences, .. } if audiences.len() == 1));
    assert!(graph.pools[0].disabled);
    assert!(graph.undecided.is_empty(), "{:?}", graph.undecided);
}

#[test]
fn conditions_that_are_absent_unknown_or_one_of_several() {
    let provider = |condition: serde_json::Value| {
        let body = json!({"workload_identity_pool_id": "p", "workload_identity_pool_provider_id": "r", "attribute_condition": condition, "aws": [{"account_id": 123}]});
        let graph = terraform(&[resource("google_iam_workload_identity_pool_provider.x", body)]);
        google(&graph)[0].clone()
    };
    assert!(matches!(provider(json!(null)).condition, Setting::Absent));
    assert!(matches!(provider(json!("")).condition, Setting::Absent));
    assert!(matches!(provider(json!("${var.c}")).condition, Setting::Unknown(_)));
    assert!(matches!(provider(json!([1])).condition, Setting::Unknown(_)));
    assert!(matches!(provider(json!({"$oneof": ["a == b", null]})).condition, Setting::OneOf(all) if all.len() == 2 && all[1].is_none()));
    let aws = provider(json!(null));
    assert!(matches!(&aws.source, GoogleSource::Aws { account } if account.to_string() == "123"));
    assert!(aws.mapping.is_none());
}

#[test]
fn an_unknown_mapping_is_open() {
    let body = json!({"attribute_mapping": "${var.m}", "oidc": [{"issuer_uri": "https://x"}]});
    let graph = terraform(&[resource("google_iam_workload_identity_pool_provider.x", body)]);
    assert!(google(&graph)[0].mapping_open);
    let body = json!({"attribute_mapping": {"$oneof": [{"google.subject": "assertion.sub", "attribute.a": "1"}, {"google.subject": "assertion.sub"}]},
        "oidc": [{"issuer_uri": "https://x"}]});
    let graph = terraform(&[resource("google_iam_workload_identity_pool_provider.x", body)]);
    assert_eq!(google(&graph)[0].mapping.as_ref().unwrap().len(), 1);
    assert!(google(&graph)[0].mapping_open);
}

#[test]
fn bindings_on_a_service_account_by_every_way_to_name_it() {
    let account = resource("google_service_account.sa", json!({"account_id": "deploy", "project": "my-project"}));
    for id in [
        "projects/my-project/serviceAccounts/deploy@my-project.iam.gserviceaccount.com",
        "projects/-/serviceAccounts/${google_service_account.sa.email}",
        "${google_service_account.sa.name}",
        "${google_service_account.sa.id}",
        "deploy@my-project.iam.gserviceaccount.com",
        "projects/${var.p}/serviceAccounts/deploy@${var.p}.iam.gserviceaccount.com",
    ] {
        let body = json!({"service_account_id": id, "role": "roles/iam.workloadIdentityUser", "member": MEMBER});
        let graph = terraform(&[resource("google_service_account_iam_member.m", body), account.clone()]);
        assert_eq!(graph.identities.len(), 1, "{id}");
        assert_eq!(members(&graph), [("google_service_account.sa".to_owned(), MEMBER.to_owned(), BindingStyle::Member)]);
    }
}

#[test]
fn an_account_that_is_not_declared_is_the_bindings_own() {
    let body = json!({"service_account_id": "projects/p/serviceAccounts/x@p-12345.iam.gserviceaccount.com", "role": "r", "members": [MEMBER, "user:a@b"]});
    let graph = terraform(&[resource("google_service_account_iam_binding.b", body)]);
    assert_eq!(members(&graph).len(), 1);
    assert!(
        matches!(&graph.identities[0].kind, IdentityKind::GoogleServiceAccount { email, .. } if email.to_string() == "x@p-12345.iam.gserviceaccount.com")
    );
}

#[test]
fn direct_access_and_roles_of_accounts() {
    let graph = terraform(&[
        resource("google_service_account.sa", json!({"account_id": "deploy", "project": "my-project"})),
        resource(
            "google_project_iam_member.o",
            json!({"project": "my-project", "role": "roles/owner", "member": "serviceAccount:${google_service_account.sa.email}"}),
        ),
        resource("google_storage_bucket_iam_member.b", json!({"bucket": "b", "role": "roles/storage.admin", "member": MEMBER})),
        resource(
            "google_storage_bucket_iam_binding.c",
            json!({"bucket": "b", "role": "roles/storage.viewer", "members": [MEMBER], "condition": [{"title": "t"}]}),
        ),
        resource("google_storage_bucket_iam_member.public", json!({"bucket": "b", "role": "roles/storage.viewer", "member": "allUsers"})),
    ]);
    assert_eq!(graph.grants[0].permission.to_string(), "roles/owner");
    assert_eq!(graph.grants[0].scope.as_ref().unwrap().to_string(), "projects/my-project");
    assert!(graph.grants[0].identity.is_some());
    assert_eq!(graph.trusts.len(), 2);
    assert_eq!(graph.trusts[0].identity, graph.trusts[1].identity);
    assert!(
        matches!(&graph.identity(graph.trusts[0].identity).unwrap().kind, IdentityKind::GoogleResource { what, .. } if what == "storage_bucket b")
    );
    assert!(matches!(&graph.trusts[1].gate, Gate::GoogleMember { condition: Some(_), .. }));
    assert_eq!(graph.grants.iter().filter(|g| g.permission.to_string().contains("storage")).count(), 2);
    assert_eq!(graph.grants.iter().map(|g| g.origin.conditional).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn policies_in_strings_and_unknown_members() {
    let policy = json!({"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": [MEMBER]}, {"members": ["x"]}]}).to_string();
    let graph = terraform(&[
        resource(
            "google_service_account_iam_policy.p",
            json!({"service_account_id": "a@p.iam.gserviceaccount.com", "policy_data": policy}),
        ),
        resource(
            "google_service_account_iam_binding.b",
            json!({"service_account_id": "a@p.iam.gserviceaccount.com", "role": "r", "members": "${var.members}"}),
        ),
        resource(
            "google_service_account_iam_member.m",
            json!({"service_account_id": "a@p.iam.gserviceaccount.com", "role": "r", "member": "${var.member}"}),
        ),
    ]);
    assert_eq!(graph.identities.len(), 1);
    assert_eq!(members(&graph).len(), 2);
    assert_eq!(members(&graph)[0].2, BindingStyle::Policy);
    assert_eq!(graph.undecided.len(), 3, "{:?}", graph.undecided);
}

#[test]
fn what_gcloud_prints() {
    let name = "projects/123/locations/global/workloadIdentityPools/ci/providers/gh";
    let provider = json!({"name": name, "state": "ACTIVE", "attributeCondition": "true", "attributeMapping": {"google.subject": "assertion.sub"},
        "oidc": {"issuerUri": "https://token.actions.githubusercontent.com"}});
    let pool = json!({"name": "projects/123/locations/global/workloadIdentityPools/ci", "state": "ACTIVE"});
    let policy = json!({"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": [MEMBER]}], "etag": "x", "version": 1});
    let graph = documents(&[
        ("providers.json", json!([provider])),
        ("pool.json", pool),
        ("deploy-iam-policy.json", policy.clone()),
        ("deploy@my-project.iam.gserviceaccount.com.json", policy.clone()),
        ("get-iam-policy.json", policy.clone()),
        (
            "sa.json",
            json!({"name": "projects/my-project/serviceAccounts/deploy@my-project.iam.gserviceaccount.com", "email": "deploy@my-project.iam.gserviceaccount.com", "projectId": "my-project"}),
        ),
        (
            "assets.json",
            json!([{"resource": "//iam.googleapis.com/projects/my-project/serviceAccounts/deploy@my-project.iam.gserviceaccount.com", "policy": policy},
            {"resource": "//storage.googleapis.com/b", "policy": {"bindings": [{"role": "r", "members": [MEMBER]}]}}]),
        ),
    ]);
    assert_eq!(google(&graph).len(), 1);
    assert_eq!(google(&graph)[0].name.to_string(), "gh");
    assert_eq!(google(&graph)[0].pool_name.to_string(), "ci");
    assert_eq!(graph.pools.len(), 1);
    let names: Vec<String> = members(&graph).into_iter().map(|(identity, ..)| identity).collect();
    let e = "deploy@my-project.iam.gserviceaccount.com";
    assert_eq!(names, ["deploy", e, "unknown resource of get-iam-policy.json", e, "//storage.googleapis.com/b"]);
}

#[test]
fn a_policy_document_of_another_tool_is_none_of_ours() {
    let rbac = json!({"bindings": [{"subject": "x"}], "version": 1});
    let graph = documents(&[("x.json", rbac), ("y.json", json!({"bindings": [{"role": "admin", "members": ["a"]}]}))]);
    assert!(graph.trusts.is_empty() && graph.grants.is_empty() && graph.undecided.is_empty());
}

#[test]
fn config_connector() {
    let meta = |name: &str| json!({"name": name, "namespace": "infra", "annotations": {"cnrm.cloud.google.com/project-id": "my-project"}});
    let api = "iam.cnrm.cloud.google.com/v1beta1";
    let member = "serviceAccount:my-project.svc.id.goog[shop/api]";
    let graph = documents(&[(
        "kcc.yaml",
        json!([
            {"apiVersion": api, "kind": "IAMPolicyMember", "metadata": meta("m"), "spec": {"member": member, "role": "roles/iam.workloadIdentityUser", "resourceRef": {"kind": "IAMServiceAccount", "name": "deploy"}}},
            {"apiVersion": api, "kind": "IAMPartialPolicy", "metadata": meta("pp"), "spec": {"resourceRef": {"kind": "Project", "external": "projects/my-project"},
                "bindings": [{"role": "roles/owner", "members": [{"memberFrom": {"serviceAccountRef": {"name": "deploy"}}}]}]}},
            {"apiVersion": api, "kind": "IAMServiceAccount", "metadata": meta("deploy"), "spec": {}},
            {"apiVersion": api, "kind": "IAMWorkloadIdentityPoolProvider", "metadata": meta("gh"), "spec": {"workloadIdentityPoolRef": {"name": "ci"}, "attributeCondition": true,
                "attributeMapping": {"google.subject": "true"}, "oidc": {"issuerUri": "https://x"}}},
            {"apiVersion": api, "kind": "IAMWorkloadIdentityPool", "metadata": meta("ci"), "spec": {"location": "global"}},
        ]),
    )]);
    assert_eq!(members(&graph), [("IAMServiceAccount infra/deploy".to_owned(), member.to_owned(), BindingStyle::Member)]);
    assert!(graph.grants[0].identity.is_some(), "{:?}", graph.grants);
    assert!(google(&graph)[0].pool.is_some());
    assert!(matches!(&google(&graph)[0].condition, Setting::Set(t) if t.to_string() == "true"));
}

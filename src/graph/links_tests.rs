use super::*;
use crate::partial::{Unknown, UnknownKind};
use crate::readers::tests::{documents, graph, resource, terraform};
use serde_json::json;

const HOST: &str = "oidc.eks.eu-west-1.amazonaws.com/id/ABC";

fn trust(federated: &str) -> serde_json::Value {
    json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": [federated]}}]})
}

fn account(namespace: Option<&str>, name: &str, key: &str, value: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace, "annotations": {key: value}}})
}

#[test]
fn a_federated_arn_finds_its_provider() {
    let provider = |url: &str| resource("aws_iam_openid_connect_provider.k", json!({"url": url, "client_id_list": []}));
    let role = |arn: &str| resource("aws_iam_role.a", json!({"name": "a", "assume_role_policy": trust(arn)}));
    let linked = |url: &str, arn: &str| !links(&terraform(&[provider(url), role(arn)])).trust_providers[0].is_empty();
    assert!(linked(&format!("https://{HOST}"), &format!("arn:aws:iam::111122223333:oidc-provider/{HOST}")));
    assert!(!linked("https://gitlab.com", &format!("arn:aws:iam::111122223333:oidc-provider/{HOST}")));
    assert!(linked("https://${cluster.issuer}", "arn:aws:iam::${me.account}:oidc-provider/${cluster.issuer}"));
    assert!(!linked("https://${cluster.issuer}", "arn:aws:iam::1:oidc-provider/${other.issuer}"));
    assert!(linked("${cluster.url}", "${aws_iam_openid_connect_provider.k.arn}"));
    assert!(!linked("${cluster.url}", "${aws_iam_openid_connect_provider.other.arn}"));
}

#[test]
fn another_account_is_another_provider() {
    let body =
        json!({"url": format!("https://{HOST}"), "client_id_list": [], "arn": format!("arn:aws:iam::111111111111:oidc-provider/{HOST}")});
    let role = resource("aws_iam_role.a", json!({"assume_role_policy": trust(&format!("arn:aws:iam::222222222222:oidc-provider/{HOST}"))}));
    let graph = terraform(&[resource("aws_iam_openid_connect_provider.k", body), role]);
    assert!(links(&graph).trust_providers[0].is_empty());
}

/// The same issuer is registered in several roots: a role takes the provider that it names, else its own root's.
#[test]
fn the_provider_that_is_named_is_meant() {
    let of = |root: &str, address: &str, body: serde_json::Value| crate::terraform::Resource {
        root: root.to_owned(),
        ..resource(address, body)
    };
    let provider = |root: &str, account: &str| {
        let arn = format!("arn:aws:iam::${{{account}}}:oidc-provider/{HOST}");
        of(root, "aws_iam_openid_connect_provider.k", json!({"url": format!("https://{HOST}"), "client_id_list": [], "arn": arn}))
    };
    let role = |root: &str, arn: &str| of(root, "aws_iam_role.a", json!({"assume_role_policy": trust(arn)}));
    let linked = |arn: &str| {
        let graph = terraform(&[provider("a", "a.account"), provider("b", "b.account"), role("b", arn)]);
        links(&graph).trust_providers[0].iter().map(|id| graph.provider(*id).unwrap().origin.scope.clone()).collect::<Vec<_>>()
    };
    assert_eq!(linked(&format!("arn:aws:iam::${{a.account}}:oidc-provider/{HOST}")), ["a"]);
    assert_eq!(linked(&format!("arn:aws:iam::111122223333:oidc-provider/{HOST}")), ["b"]);
}

#[test]
fn the_number_of_a_project_belongs_to_its_id() {
    let unknown = |key: &str, kind| Unknown::new(key, kind, key, "", None);
    let of = |id: Text| {
        let number = unknown(&format!("number {id}"), UnknownKind::ProjectNumber).coming_from(UnknownOrigin::ProjectNumber(id));
        Text::hole(number, None)
    };
    let number = |id: &str| of(Text::known(id));
    let same = |a: &Text, b: &Text| same_project(Some(a), Some(b)) && same_project(Some(b), Some(a));
    assert!(same(&number("bakery-data"), &Text::known("bakery-data")));
    assert!(!same(&number("bakery-data"), &Text::known("bakery-ops")));
    assert!(!same(&number("bakery-data"), &number("bakery-ops")));
    let open = of(Text::hole(unknown("var.project", UnknownKind::Any), None));
    assert!(same(&open, &Text::known("bakery-ops")) && same(&open, &number("bakery-ops")));
    assert!(same(&number("bakery-data"), &Text::known("481516234299")));
    assert!(!same(&Text::known("bakery-data"), &Text::known("bakery-ops")));
}

#[test]
fn irsa_in_both_directions() {
    let role = resource("aws_iam_role.a", json!({"name": "api", "path": "/team/", "assume_role_policy": trust("x")}));
    let linked = |arn: &str| {
        let graph = graph(std::slice::from_ref(&role), &[("sa.json", account(Some("shop"), "api", "eks.amazonaws.com/role-arn", arn))]);
        let links = links(&graph);
        assert_eq!(links.workload_identities[0].is_empty(), links.identity_workloads[0].is_empty());
        !links.workload_identities[0].is_empty()
    };
    assert!(linked("arn:aws:iam::111122223333:role/team/api"));
    assert!(!linked("arn:aws:iam::111122223333:role/api"));
    assert!(!linked("arn:aws:iam::111122223333:role/team/other"));
    assert!(!linked("${.Values.arn}"));
}

#[test]
fn accounts_that_are_written_must_agree() {
    let body = json!({"name": "api", "arn": "arn:aws:iam::111111111111:role/api", "assume_role_policy": trust("x")});
    let sa = account(None, "api", "eks.amazonaws.com/role-arn", "arn:aws:iam::222222222222:role/api");
    assert!(links(&graph(&[resource("aws_iam_role.a", body)], &[("sa.json", sa)])).workload_identities[0].is_empty());
}

#[test]
fn gke_in_both_directions() {
    let member = |ns: &str| {
        json!({"service_account_id": "${google_service_account.g.name}", "role": "roles/iam.workloadIdentityUser",
               "member": format!("serviceAccount:my-project.svc.id.goog[{ns}/api]")})
    };
    let resources = |ns: &str| {
        [
            resource("google_service_account.g", json!({"account_id": "g", "project": "my-project"})),
            resource("google_service_account_iam_member.m", member(ns)),
        ]
    };
    let linked = |ns: &str, own: Option<&str>| {
        let sa = account(own, "api", "iam.gke.io/gcp-service-account", "g@my-project.iam.gserviceaccount.com");
        let links = links(&graph(&resources(ns), &[("sa.json", sa)]));
        assert_eq!(links.workload_identities[0], [IdentityId(0)]);
        assert_eq!(links.trust_workloads[0].is_empty(), links.workload_trusts[0].is_empty());
        !links.trust_workloads[0].is_empty()
    };
    assert!(linked("shop", Some("shop")));
    assert!(linked("shop", None));
    assert!(linked("shop", Some("${.Release.Namespace}")));
    assert!(!linked("shop", Some("web")));
}

#[test]
fn a_member_finds_its_pool_and_providers() {
    let linked = |member: &str| {
        let graph = terraform(&[
            resource(
                "google_iam_workload_identity_pool.ci",
                json!({"workload_identity_pool_id": "ci", "project": "my-project", "name": "projects/${n.number}/locations/global/workloadIdentityPools/ci"}),
            ),
            resource(
                "google_iam_workload_identity_pool_provider.gh",
                json!({"workload_identity_pool_id": "ci", "workload_identity_pool_provider_id": "gh", "oidc": [{"issuer_uri": "https://x"}]}),
            ),
            resource("google_storage_bucket_iam_member.m", json!({"bucket": "b", "role": "r", "member": member})),
        ]);
        let links = links(&graph);
        assert_eq!(links.pool_providers[0], [ProviderId(0)]);
        assert_eq!(links.trust_pools[0].is_empty(), links.trust_providers[0].is_empty());
        !links.trust_pools[0].is_empty()
    };
    let written = |project: &str, pool: &str| {
        format!("principalSet://iam.googleapis.com/projects/{project}/locations/global/workloadIdentityPools/{pool}/*")
    };
    assert!(linked(&written("123", "ci")));
    assert!(linked(&written("${n.number}", "ci")));
    assert!(linked(&written("my-project", "ci")));
    assert!(linked("principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci.name}/attribute.repository/o/r"));
    assert!(!linked(&written("other-project", "ci")));
    assert!(!linked(&written("123", "cd")));
}

#[test]
fn whom_a_statement_denies_is_not_linked() {
    let policy = |effect: &str| {
        json!({"Statement": [
            {"Effect": effect, "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/a"}},
            {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/b"}}]})
    };
    let named = |effect: &str| -> Vec<String> {
        let graph = terraform(&[resource("aws_iam_role.a", json!({"name": "a", "assume_role_policy": policy(effect)}))]);
        let Gate::AwsPolicy(policy) = &graph.trusts[0].gate else { panic!("an AWS policy") };
        federated(policy).into_iter().map(ToString::to_string).collect()
    };
    assert_eq!(named("Allow"), ["arn:aws:iam::1:oidc-provider/a", "arn:aws:iam::1:oidc-provider/b"]);
    assert_eq!(named("Deny"), ["arn:aws:iam::1:oidc-provider/b"]);
}

#[test]
fn whom_one_of_several_lists_names_is_linked() {
    let (a, b) = ("arn:aws:iam::1:oidc-provider/a", "arn:aws:iam::1:oidc-provider/b");
    let of_statement = json!({"$oneof": [{"Federated": a}, {"Federated": b}]});
    for principal in [json!({"Federated": {"$oneof": [[a], [a, b]]}}), of_statement] {
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": principal}]});
        let graph = terraform(&[resource("aws_iam_role.a", json!({"name": "a", "assume_role_policy": policy}))]);
        let Gate::AwsPolicy(policy) = &graph.trusts[0].gate else { panic!("an AWS policy") };
        assert!(policy.statements[0].principals.items.is_empty());
        assert!(federated(policy).iter().any(|t| t.as_known().as_deref() == Some(b)), "{principal}");
    }
}

#[test]
fn a_name_of_too_many_accounts_is_noted() {
    let of = |count: usize| {
        let all: Vec<(String, serde_json::Value)> =
            (0..count).map(|i| (format!("{i:04}.json"), account(Some(&format!("n{i}")), "api", "x", "y"))).collect();
        let mut files: Vec<(&str, serde_json::Value)> = all.iter().map(|(p, v)| (p.as_str(), v.clone())).collect();
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"serviceAccountName": "api"}});
        files.push(("pod.json", pod));
        let links = links(&documents(&files));
        (links.pods_accounts[count].len(), links.cut.len())
    };
    assert_eq!(of(MAX_ROW), (MAX_ROW, 0));
    assert_eq!(of(MAX_ROW + 1), (MAX_ROW, 1));
}

#[test]
fn pods_without_an_account_run_as_the_default_one() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": []}});
    let links = links(&documents(&[("a.json", account(Some("shop"), "default", "x", "y")), ("c.json", pod)]));
    assert_eq!(links.pods_accounts[1], [WorkloadId(0)]);
}

#[test]
fn pods_run_as_accounts_and_identities_have_grants() {
    let pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": {"serviceAccountName": "api"}});
    let links_of = links(&documents(&[("a.json", account(Some("shop"), "api", "x", "y")), ("b.json", pod)]));
    assert_eq!(links_of.account_pods[0], [WorkloadId(1)]);
    assert_eq!(links_of.pods_accounts[1], [WorkloadId(0)]);
    let role =
        resource("aws_iam_role.a", json!({"name": "a", "assume_role_policy": trust("x"), "managed_policy_arns": ["arn:1", "arn:2"]}));
    let association = json!({"namespace": "shop", "service_account": "api", "role_arn": "${aws_iam_role.a.arn}"});
    let graph =
        graph(&[role, resource("aws_eks_pod_identity_association.x", association)], &[("a.json", account(Some("shop"), "api", "x", "y"))]);
    let links = links(&graph);
    assert_eq!(links.identity_grants[0], [0, 1]);
    assert_eq!(links.identity_trusts[0], [TrustId(0)]);
    assert_eq!(links.association_roles[0], [IdentityId(0)]);
    assert_eq!(links.workload_identities[0], [IdentityId(0)]);
}

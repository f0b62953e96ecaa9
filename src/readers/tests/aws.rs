use super::{documents, resource, terraform};
use crate::graph::{Gate, Graph, IdentityKind, ProviderKind};
use crate::partial::Text;
use serde_json::json;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",
  "Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
  "Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:o/r:*"}}}]}"#;

fn trust() -> serde_json::Value {
    serde_json::from_str(TRUST).unwrap()
}

fn policies(graph: &Graph) -> Vec<&crate::admission::iam::Policy> {
    graph.trusts.iter().filter_map(|t| if let Gate::AwsPolicy(p) = &t.gate { Some(&**p) } else { None }).collect()
}

fn permissions(graph: &Graph) -> Vec<String> {
    graph.grants.iter().map(|g| g.permission.to_string()).collect()
}

#[test]
fn a_role_with_a_policy_in_a_string() {
    let body = json!({"name": "deploy", "path": "/ci/", "max_session_duration": 7200, "assume_role_policy": TRUST});
    let graph = terraform(&[resource("aws_iam_role.deploy", body)]);
    let IdentityKind::AwsRole { name, arn, max_session } = &graph.identities[0].kind else { panic!("no role") };
    assert_eq!(name.as_ref().unwrap().to_string(), "deploy");
    assert!(arn.as_ref().unwrap().to_string().ends_with(":role/ci/deploy"));
    assert_eq!(max_session.as_ref().map(|s| s.value), Some(7200));
    assert_eq!(graph.identities[0].origin.name, "aws_iam_role.deploy");
    assert_eq!(policies(&graph)[0].statements.len(), 1);
    assert!(!graph.trusts[0].origin.conditional);
    assert!(graph.undecided.is_empty());
}

#[test]
fn each_alternative_is_a_conditional_trust() {
    let graph = terraform(&[resource("aws_iam_role.a", json!({"assume_role_policy": {"$oneof": [TRUST, "{}", null]}}))]);
    assert_eq!(graph.trusts.len(), 2);
    assert!(graph.trusts.iter().all(|t| t.origin.conditional));
}

#[test]
fn an_unknown_policy_is_a_trust_that_is_undecided() {
    for written in ["${var.policy}", "{ not json", "[]"] {
        let graph = terraform(&[resource("aws_iam_role.a", json!({"assume_role_policy": written}))]);
        assert_eq!(graph.trusts.len(), 1, "{written}");
        assert!(policies(&graph)[0].open.is_some());
        assert_eq!(graph.undecided.len(), 1);
        assert!(graph.undecided[0].why.contains("aws_iam_role.a"), "{:?}", graph.undecided);
        assert!(graph.undecided[0].span.is_some());
    }
}

#[test]
fn grants_of_all_kinds_reach_the_role() {
    let inline = r#"{"Statement":{"Effect":"Allow","Action":["s3:*","iam:PassRole"],"Resource":"*"}}"#;
    let deny = r#"{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    let own = r#"{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":["arn:aws:s3:::b","*"]}]}"#;
    let graph = terraform(&[
        resource(
            "aws_iam_role_policy_attachment.admin",
            json!({"role": "${aws_iam_role.a.name}", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ),
        resource("aws_iam_role_policy.p", json!({"role": "a-role", "policy": inline})),
        resource("aws_iam_role_policy.d", json!({"role": "a-role", "policy": deny})),
        resource("aws_iam_policy.own", json!({"name": "own", "policy": own})),
        resource("aws_iam_policy_attachment.x", json!({"roles": ["a-role"], "policy_arn": "${aws_iam_policy.own.arn}"})),
        resource(
            "aws_iam_role.a",
            json!({"name": "a-role", "assume_role_policy": TRUST, "managed_policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "inline_policy": [{"name": "i", "policy": {"Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": {}}]}}]}),
        ),
    ]);
    assert!(graph.grants.iter().all(|g| g.identity.is_some()), "{:?}", graph.grants);
    assert_eq!(
        permissions(&graph),
        [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "s3:*",
            "iam:PassRole",
            "${aws_iam_policy.own.arn}",
            "NotAction iam:*",
            "ec2:*",
            "arn:aws:iam::aws:policy/ReadOnlyAccess"
        ]
    );
    assert_eq!(graph.grants[4].scope.as_ref().map(Text::to_string).as_deref(), Some("*"));
    assert!(graph.grants[5].origin.conditional);
}

#[test]
fn attachments_of_unknown_roles_are_noted() {
    let graph = terraform(&[resource("aws_iam_policy_attachment.x", json!({"roles": [], "policy_arn": "${x.arn}"}))]);
    assert_eq!(graph.undecided.len(), 1);
    let graph = terraform(&[resource("aws_iam_role_policy_attachment.x", json!({"role": "elsewhere", "policy_arn": "arn:x"}))]);
    assert_eq!(graph.grants[0].identity, None);
}

#[test]
fn oidc_providers() {
    let graph = terraform(&[
        resource(
            "aws_iam_openid_connect_provider.gh",
            json!({"url": "https://token.actions.githubusercontent.com", "client_id_list": ["sts.amazonaws.com"]}),
        ),
        resource("aws_iam_openid_connect_provider.k", json!({"url": "${aws_eks_cluster.c.url}", "client_id_list": "${var.clients}"})),
        resource("data.aws_iam_openid_connect_provider.d", json!({"arn": "arn:aws:iam::1:oidc-provider/gitlab.com"})),
        resource("aws_iam_openid_connect_provider.broken", json!({"url": null})),
    ]);
    let read: Vec<(String, Option<usize>)> = graph
        .providers
        .iter()
        .filter_map(|p| match &p.kind {
            ProviderKind::AwsOidc { url, audiences, .. } => Some((url.to_string(), audiences.as_ref().map(Vec::len))),
            ProviderKind::Google(_) => None,
        })
        .collect();
    let expected = [("https://token.actions.githubusercontent.com", Some(1)), ("${aws_eks_cluster.c.url}", None), ("gitlab.com", None)];
    assert_eq!(read, expected.map(|(u, n)| (u.to_owned(), n)));
    assert_eq!(graph.undecided.len(), 2);
}

#[test]
fn a_trust_policy_alone_is_named_by_its_file() {
    let identity_policy = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]});
    let bucket_policy = json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}]});
    let graph = documents(&[("iam/trust.json", trust()), ("iam/identity.json", identity_policy), ("iam/bucket.json", bucket_policy)]);
    assert_eq!(graph.trusts.len(), 1);
    assert_eq!(graph.trusts[0].origin.name, "iam/trust.json");
    assert_eq!(graph.trusts[0].origin.scope, "iam/trust.json");
}

#[test]
fn what_the_command_line_prints() {
    let encoded =
        TRUST.replace('\n', "").replace('%', "%25").replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace(' ', "%20");
    let role = |name: &str, policy: serde_json::Value| json!({"RoleName": name, "Arn": format!("arn:aws:iam::1:role/{name}"), "MaxSessionDuration": 3600, "AssumeRolePolicyDocument": policy});
    let mut detail = role("detail", trust());
    detail["AttachedManagedPolicies"] = json!([{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess"}]);
    detail["RolePolicyList"] =
        json!([{"PolicyName": "y", "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]);
    let graph = documents(&[
        ("get-role.json", json!({"Role": role("one", json!(encoded))})),
        ("list-roles.json", json!({"Roles": [role("two", trust()), role("three", trust())]})),
        ("details.json", json!({"RoleDetailList": [detail]})),
        (
            "provider.json",
            json!({"Url": "token.actions.githubusercontent.com", "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": []}),
        ),
        ("providers.json", json!({"OpenIDConnectProviderList": [{"Arn": "arn:aws:iam::1:oidc-provider/gitlab.com"}]})),
    ]);
    let names: Vec<&str> = graph.identities.iter().map(|i| i.origin.name.as_str()).collect();
    assert_eq!(names, ["arn:aws:iam::1:role/one", "arn:aws:iam::1:role/two", "arn:aws:iam::1:role/three", "arn:aws:iam::1:role/detail"]);
    assert!(policies(&graph).iter().all(|p| p.statements.len() == 1));
    assert_eq!(permissions(&graph), ["*", "arn:aws:iam::aws:policy/PowerUserAccess"]);
    assert_eq!(graph.providers.len(), 2);
    assert!(graph.undecided.is_empty(), "{:?}", graph.undecided);
}

#[test]
fn cloudformation_intrinsics_are_unknowns_with_an_identity() {
    let template = json!({"Resources": {
        "Provider": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": "https://gitlab.com", "ClientIdList": ["https://gitlab.com"]}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "ci", "AssumeRolePolicyDocument": {"Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": {"Ref": "Provider"}},
             "Condition": {"StringLike": {"gitlab.com:sub": {"Fn::Sub": "project_path:${Group}/*:ref_type:branch:ref:main"}}}}]},
            "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}}]}},
        "Text": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Fn::Sub": TRUST.replace("111122223333", "${AWS::AccountId}")}}},
        "Behind": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Fn::GetAtt": ["CfnJson", "Value"]}}},
    }});
    let graph = documents(&[("stack.json", template)]);
    assert_eq!(graph.trusts.len(), 3);
    let ProviderKind::AwsOidc { arn: Some(arn), .. } = &graph.providers[0].kind else { panic!("no provider") };
    let statement = &policies(&graph)[0].statements[0];
    assert!(statement.principals.items[0].leaf.text().unwrap().same(arn));
    let sub = statement.conditions[0].values.leaves().next().unwrap().text().unwrap();
    assert_eq!(sub.known_prefix(), "project_path:");
    assert_eq!(sub.known_suffix(), "/*:ref_type:branch:ref:main");
    assert_eq!(policies(&graph)[1].statements.len(), 1);
    assert!(policies(&graph)[2].open.is_some());
    assert_eq!(permissions(&graph), ["s3:*"]);
}

#[test]
fn pod_identity_associations() {
    let body = json!({"cluster_name": "c", "namespace": "shop", "service_account": "api", "role_arn": "${aws_iam_role.a.arn}"});
    let graph = terraform(&[resource("aws_eks_pod_identity_association.x", body)]);
    assert_eq!(graph.associations[0].namespace.as_ref().map(Text::to_string).as_deref(), Some("shop"));
}

#[test]
fn roles_as_kubernetes_objects() {
    let role = |api: &str, spec: serde_json::Value| json!({"apiVersion": api, "kind": "Role", "metadata": {"name": "r"}, "spec": spec});
    let graph = documents(&[
        ("crossplane.yaml", role("iam.aws.upbound.io/v1beta1", json!({"forProvider": {"assumeRolePolicy": TRUST}}))),
        ("ack.yaml", role("iam.services.k8s.aws/v1alpha1", json!({"name": "n", "assumeRolePolicyDocument": TRUST}))),
        ("rbac.yaml", role("rbac.authorization.k8s.io/v1", json!({"assumeRolePolicyDocument": TRUST}))),
        (
            "provider.yaml",
            json!({"apiVersion": "iam.aws.upbound.io/v1beta1", "kind": "OpenIDConnectProvider", "metadata": {"name": "p"},
            "spec": {"forProvider": {"url": "https://gitlab.com", "clientIdList": ["x"]}}}),
        ),
    ]);
    assert_eq!(policies(&graph).iter().filter(|p| p.statements.len() == 1).count(), 2);
    assert_eq!(graph.providers.len(), 1);
}

#[test]
fn a_resource_control_policy_trusts_nobody() {
    let rcp = json!({"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity", "Resource": "*"}]});
    assert!(documents(&[("rcp.json", rcp)]).trusts.is_empty());
}

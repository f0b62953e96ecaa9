//! Kinds of input that repositories have which nobody here had looked at before, rebuilt small: the verdict and its place, or silence.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use fedlint::rules::Finding;

/// Rule, severity, place and identity of every finding above information.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let memory = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(memory), ..Request::default() }).expect("the run is made");
    let shown = |f: &Finding| {
        let (path, at) = run.sources.locate(f.span).expect("a place");
        format!("{} {} {path}:{}:{} {}", f.rule, f.severity, at.line, at.column, f.identity.as_deref().unwrap_or("-"))
    };
    run.findings.iter().filter(|f| f.severity > Severity::Info).map(shown).collect()
}

const NOTHING: [&str; 0] = [];

// What a patch adds

const CONTROLLER: &str = "apiVersion: v1
kind: ServiceAccount
metadata: {name: git-sync, namespace: delivery}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: git-sync, namespace: delivery}
spec:
  selector: {matchLabels: {app: gs}}
  template:
    metadata: {labels: {app: gs}}
    spec: {serviceAccountName: git-sync, containers: [{name: main, image: registry.example/gs}]}
";
const GRANT: &str = "apiVersion: iam.cnrm.cloud.google.com/v1beta1
kind: IAMPartialPolicy
metadata: {name: keys, namespace: infra}
spec:
  bindings:
    - members: [{member: 'serviceAccount:marten-9.svc.id.goog[delivery/git-sync]'}]
      role: roles/iam.workloadIdentityUser
  resourceRef: {apiVersion: iam.cnrm.cloud.google.com/v1beta1, kind: IAMServiceAccount, name: key-reader}
";
const ANNOTATED: &str = "apiVersion: v1
kind: ServiceAccount
metadata:
  name: git-sync
  namespace: delivery
  annotations: {iam.gke.io/gcp-service-account: key-reader@marten-9.iam.gserviceaccount.com}
";

#[test]
fn a_patch_that_annotates_is_applied() {
    let inline = format!(
        "resources: [base.yaml]\npatches:\n  - target: {{kind: ServiceAccount, name: git-sync}}\n    patch: |\n{}",
        ANNOTATED.lines().map(|line| format!("      {line}\n")).collect::<String>()
    );
    let operations = "resources: [base.yaml]
patches:
  - target: {kind: ServiceAccount, name: git-sync}
    patch: |
      - op: add
        path: /metadata/annotations
        value: {iam.gke.io/gcp-service-account: key-reader@marten-9.iam.gserviceaccount.com}
";
    for kustomization in [inline.as_str(), "resources: [base.yaml]\npatches:\n  - path: annotated.yaml\n", operations] {
        let files = [
            ("sync/kustomization.yaml", kustomization),
            ("sync/base.yaml", CONTROLLER),
            ("sync/annotated.yaml", ANNOTATED),
            ("grant.yaml", GRANT),
        ];
        assert_eq!(found(&files), NOTHING, "{kustomization}");
    }
    // Without one the grant is one-sided.
    let plain = [("sync/kustomization.yaml", "resources: [base.yaml]\n"), ("sync/base.yaml", CONTROLLER), ("grant.yaml", GRANT)];
    assert_eq!(found(&plain).len(), 1);
}

#[test]
fn the_values_of_an_application_annotate_the_account_of_its_chart() {
    let grant = "resource \"google_service_account\" \"vault\" {
  account_id = \"vault-unseal\"
  project    = \"marten-9\"
}
resource \"google_service_account_iam_binding\" \"vault\" {
  service_account_id = google_service_account.vault.name
  role               = \"roles/iam.workloadIdentityUser\"
  members            = [\"serviceAccount:marten-9.svc.id.goog[secrets/vault]\"]
}
";
    let other = "apiVersion: v1
kind: ServiceAccount
metadata: {name: other, namespace: secrets, annotations: {iam.gke.io/gcp-service-account: other@marten-9.iam.gserviceaccount.com}}
";
    let application = r"apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: vault, namespace: argocd}
spec:
  destination: {name: in-cluster, namespace: secrets}
  source:
    repoURL: https://charts.example.com
    chart: vault
    targetRevision: 0.28.0
    helm:
      parameters:
        - {name: 'server.serviceAccount.annotations.iam\.gke\.io/gcp-service-account', value: vault-unseal@marten-9.iam.gserviceaccount.com}
";
    assert_eq!(found(&[("iam.tf", grant), ("other.yaml", other), ("app.yaml", application)]), NOTHING);
}

// What is still to be filled in

fn role(principal: &str, condition: &str) -> String {
    format!(
        "resource \"aws_iam_role\" \"app\" {{
  assume_role_policy = jsonencode({{
    Version = \"2012-10-17\"
    Statement = [{{
      Effect    = \"Allow\"
      Action    = \"sts:AssumeRoleWithWebIdentity\"
      Principal = {{ Federated = {principal} }}
      Condition = {condition}
    }}]
  }})
}}
"
    )
}

const CLUSTER: &str = "module \"cluster\" {
  source       = \"terraform-aws-modules/eks/aws\"
  version      = \"20.0.0\"
  cluster_name = \"<NAME>\"
}
";

fn of_cluster(subject: &str) -> String {
    let condition = format!(
        "{{ StringEquals = {{
        \"${{module.cluster.oidc_provider}}:aud\" = \"sts.amazonaws.com\"
        \"${{module.cluster.oidc_provider}}:sub\" = \"{subject}\"
      }} }}"
    );
    format!("{CLUSTER}{}", role("module.cluster.oidc_provider_arn", &condition))
}

#[test]
fn a_mark_that_somebody_has_to_fill_in_is_told_as_one_at_its_place() {
    let marked = found(&[("main.tf", &of_cluster("system:serviceaccount:control:controller-<NAME>"))]);
    assert_eq!(marked, ["never-matches low main.tf:15:91 aws_iam_role.app"]);
    let several = found(&[("main.tf", &of_cluster("system:serviceaccount:<your namespace>:<YOUR_APP>"))]);
    assert_eq!(several, ["never-matches low main.tf:15:72 aws_iam_role.app"]);
    // The whole subject is one.
    assert_eq!(found(&[("main.tf", &of_cluster("<SUBJECT>"))]), ["never-matches low main.tf:15:50 aws_iam_role.app"]);
}

#[test]
fn a_mark_of_a_template_engine_is_an_unknown() {
    for subject in [
        "system:serviceaccount:jobs:render-{{ context.name }}-run",
        "system:serviceaccount:{{ .Release.Namespace }}:{{.Values.account}}",
        "{{ subject }}",
    ] {
        assert_eq!(found(&[("main.tf", &of_cluster(subject))]), NOTHING, "{subject}");
    }
    // What is around it is judged.
    let open = found(&[("main.tf", &of_cluster("system:serviceaccount:{{ namespace }}:*").replace("StringEquals", "StringLike"))]);
    assert_eq!(open, ["wildcard-subject medium main.tf:15:88 aws_iam_role.app"]);
}

#[test]
fn a_mark_in_place_of_a_providers_arn_is_told_at_the_callers_argument() {
    let module = "variable \"provider_arn\" { type = string }
module \"role\" {
  source    = \"terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks\"
  version   = \"5.55.0\"
  role_name = \"disks\"
  oidc_providers = {
    main = {
      provider_arn               = var.provider_arn
      namespace_service_accounts = [\"kube-system:disks\"]
    }
  }
}
";
    let example = |arn: &str| format!("module \"this\" {{\n  source       = \"../../modules/disks\"\n  provider_arn = \"{arn}\"\n}}\n");
    let marked = found(&[("modules/disks/main.tf", module), ("examples/basic/main.tf", &example("<eks-provider-arn>"))]);
    assert_eq!(marked, ["never-matches low examples/basic/main.tf:3:19 module.this.module.role.aws_iam_role.this[0]"]);
    let rendered = found(&[("modules/disks/main.tf", module), ("examples/basic/main.tf", &example("{{ provider_arn }}"))]);
    assert_eq!(rendered, NOTHING);
}

#[test]
fn an_example_that_passes_an_empty_arn_proves_nothing() {
    let module = "variable \"provider_arn\" { type = string }
locals { id = split(\"/\", var.provider_arn)[3] }
data \"aws_region\" \"current\" {}
resource \"aws_iam_role\" \"scaler\" {
  name = \"scaler\"
  assume_role_policy = templatefile(\"${path.module}/trust.json\", { arn = var.provider_arn, region = data.aws_region.current.name, id = local.id })
}
";
    let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": "${arn}"}, "Action": "sts:AssumeRoleWithWebIdentity",
 "Condition": {"StringEquals": {"oidc.eks.${region}.amazonaws.com/id/${id}:aud": "sts.amazonaws.com", "oidc.eks.${region}.amazonaws.com/id/${id}:sub": "system:serviceaccount:kube-system:scaler"}}}]}"#;
    let example = "module \"small\" {\n  source       = \"../../modules/scaler\"\n  provider_arn = \"\"\n}\n";
    let files = [("modules/scaler/main.tf", module), ("modules/scaler/trust.json", trust), ("examples/small/main.tf", example)];
    assert_eq!(found(&files), NOTHING);
}

#[test]
fn marks_of_one_name_link_a_provider_whatever_space_is_in_them() {
    let template = |key: &str| {
        format!(
            "Resources:
  Issuer:
    Type: AWS::IAM::OIDCProvider
    Properties: {{ClientIdList: [sts.amazonaws.com], Url: 'https://{{{{.Cluster.ID}}}}.{{{{.Values.zone}}}}'}}
  Scaler:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {{Federated: !Sub 'arn:aws:iam::${{AWS::AccountId}}:oidc-provider/{{{{.Cluster.ID}}}}.{{{{.Values.zone}}}}'}}
            Action: ['sts:AssumeRoleWithWebIdentity']
            Condition:
              StringEquals:
                '{key}:sub': system:serviceaccount:kube-system:scaler
"
        )
    };
    // The provider is linked: it has one client.
    let linked = found(&[("t.yaml", &template("{{ .Cluster.ID }}.{{ .Values.zone }}"))]);
    assert_eq!(linked, ["missing-audience low t.yaml:12:42 Scaler"]);
    assert_eq!(found(&[("t.yaml", &template("{{.Cluster.ID}}.{{.Values.zone}}"))]), linked);
}

#[test]
fn marks_at_the_other_clouds_are_told_alike() {
    let azure = |subject: &str| {
        format!(
            "resource \"azurerm_federated_identity_credential\" \"ci\" {{
  name      = \"ci\"
  parent_id = \"/subscriptions/x/y\"
  audience  = [\"api://AzureADTokenExchange\"]
  issuer    = \"https://token.actions.githubusercontent.com\"
  subject   = \"{subject}\"
}}
"
        )
    };
    assert_eq!(
        found(&[("main.tf", &azure("repo:<org>/<repo>:ref:refs/heads/main"))]),
        ["never-matches low main.tf:6:21 azurerm_federated_identity_credential.ci"]
    );
    assert_eq!(found(&[("main.tf", &azure("repo:{{ org }}/{{ repo }}:environment:prod"))]), NOTHING);
    let google = |condition: &str| {
        format!(
            "resource \"google_iam_workload_identity_pool_provider\" \"ci\" {{
  workload_identity_pool_id          = \"ci-pool\"
  workload_identity_pool_provider_id = \"github\"
  attribute_condition                = \"{condition}\"
  attribute_mapping                  = {{ \"google.subject\" = \"assertion.sub\" }}
  oidc {{ issuer_uri = \"https://token.actions.githubusercontent.com\" }}
}}
"
        )
    };
    let told = found(&[("main.tf", &google("assertion.sub == 'repo:<ORG>/app:ref:refs/heads/main'"))]);
    assert!(told.contains(&"never-matches low main.tf:4:64 google_iam_workload_identity_pool_provider.ci".to_owned()), "{told:?}");
}

// Links

const HOST: &str = "token.actions.githubusercontent.com";

#[test]
fn a_provider_of_another_state_is_linked() {
    let shared = "terraform {
  backend \"s3\" {
    bucket = \"state-of-marten\"
    key    = \"shared.tfstate\"
    region = \"eu-west-1\"
  }
}
resource \"aws_iam_openid_connect_provider\" \"github\" {
  url            = \"https://token.actions.githubusercontent.com\"
  client_id_list = [\"sts.amazonaws.com\"]
}
output \"github_arn\" { value = aws_iam_openid_connect_provider.github.arn }
";
    let state = "data \"terraform_remote_state\" \"shared\" {
  backend = \"s3\"
  config  = { bucket = \"state-of-marten\", key = \"shared.tfstate\", region = \"eu-west-1\" }
}
";
    let condition = format!(
        "{{ StringEquals = {{ \"{HOST}:sub\" = [\"repo:marten/app:environment:live\", \"repo:marten@9/app@8:environment:live\"] }} }}"
    );
    let app = format!("{state}{}", role("data.terraform_remote_state.shared.outputs.github_arn", &condition));
    assert_eq!(found(&[("shared/main.tf", shared), ("app/main.tf", &app)]), ["missing-audience low app/main.tf:11:21 aws_iam_role.app"]);
}

#[test]
fn a_missing_subject_is_told_where_the_statement_names_the_provider() {
    let eks = "module \"eks\" {\n  source  = \"terraform-aws-modules/eks/aws\"\n  version = \"21.8.0\"\n  name    = \"c\"\n}\n";
    let open = role("module.eks.oidc_provider_arn", "{ StringEquals = { \"${module.eks.oidc_provider}:aud\" = \"sts.amazonaws.com\" } }");
    assert_eq!(found(&[("eks.tf", eks), ("database.tf", &open)]), ["missing-subject high database.tf:7:21 aws_iam_role.app"]);
}

#[test]
fn the_whole_pool_of_a_cluster_is_not_one_workload() {
    let pool = |issuer: &str, role: &str| {
        format!(
            "resource \"azurerm_kubernetes_cluster\" \"c\" {{
  name                      = \"c\"
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
}}
resource \"google_service_account\" \"probe\" {{ account_id = \"probe\" }}
resource \"google_project_iam_member\" \"probe\" {{
  project = \"marten-9\"
  role    = \"{role}\"
  member  = \"serviceAccount:${{google_service_account.probe.email}}\"
}}
resource \"google_iam_workload_identity_pool\" \"p\" {{ workload_identity_pool_id = \"cluster\" }}
resource \"google_iam_workload_identity_pool_provider\" \"p\" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.p.workload_identity_pool_id
  workload_identity_pool_provider_id = \"cluster\"
  attribute_mapping                  = {{ \"google.subject\" = \"assertion.sub\" }}
  oidc {{ issuer_uri = {issuer} }}
}}
resource \"google_service_account_iam_member\" \"m\" {{
  service_account_id = google_service_account.probe.id
  role               = \"roles/iam.workloadIdentityUser\"
  member             = \"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.p.name}}/*\"
}}
"
        )
    };
    let whole = |issuer: &str, role: &str| -> Vec<String> {
        found(&[("main.tf", &pool(issuer, role))]).into_iter().filter(|f| f.starts_with("whole-pool-principal")).collect()
    };
    let cluster = "azurerm_kubernetes_cluster.c.oidc_issuer_url";
    let high = ["whole-pool-principal high main.tf:22:103 google_service_account_iam_member.m"];
    assert_eq!(whole(cluster, "roles/owner"), high);
    assert_eq!(whole(cluster, "roles/browser"), high);
    // Nobody knows who else gets tokens from an issuer that nobody knows.
    let unknown = ["whole-pool-principal medium main.tf:22:103 google_service_account_iam_member.m"];
    assert_eq!(whole("\"https://id.marten.example/realms/main\"", "roles/browser"), unknown);
}

// Terms that were too many for the search

#[test]
fn an_attribute_that_joins_claims_is_decided() {
    let provider = |member: &str| {
        format!(
            "resource \"google_iam_workload_identity_pool\" \"p\" {{ workload_identity_pool_id = \"github\" }}
resource \"google_iam_workload_identity_pool_provider\" \"p\" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.p.workload_identity_pool_id
  workload_identity_pool_provider_id = \"github\"
  attribute_condition                = \"assertion.repository_owner_id == '40044455'\"
  attribute_mapping = {{
    \"google.subject\" = \"\\\"repository:\\\" + assertion.repository_id + \\\":workflow:\\\" + assertion.workflow\"
    \"attribute.run\"  = \"\\\"event:\\\" + assertion.event_name + \\\":owner:\\\" + assertion.repository_owner_id + \\\":workflow:\\\" + assertion.job_workflow_ref\"
  }}
  oidc {{ issuer_uri = \"https://token.actions.githubusercontent.com\" }}
}}
resource \"google_service_account\" \"w\" {{ account_id = \"mirror\" }}
data \"github_organization\" \"o\" {{ name = \"marten\" }}
resource \"google_service_account_iam_member\" \"push\" {{
  service_account_id = google_service_account.w.name
  role               = \"roles/iam.workloadIdentityUser\"
  member             = \"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.p.name}}/attribute.run/{member}\"
}}
"
        )
    };
    for owner in ["40044455", "${data.github_organization.o.id}"] {
        let member = format!("event:push:owner:{owner}:workflow:marten/ci/.github/workflows/mirror.yml@refs/heads/main");
        assert_eq!(found(&[("main.tf", &provider(&member))]), NOTHING, "{owner}");
    }
    // Another owner's id than the condition's.
    let dead = found(&[("main.tf", &provider("event:push:owner:1:workflow:marten/ci/.github/workflows/mirror.yml@refs/heads/main"))]);
    assert!(dead.iter().any(|f| f.starts_with("never-matches medium main.tf:17:")), "{dead:?}");
}

// Who is privileged

#[test]
fn rights_that_can_raise_themselves_make_any_branch_high() {
    let trust = "resource \"aws_iam_openid_connect_provider\" \"github\" {
  url            = \"https://token.actions.githubusercontent.com\"
  client_id_list = [\"sts.amazonaws.com\"]
}
data \"aws_iam_policy_document\" \"trust\" {
  statement {
    actions = [\"sts:AssumeRoleWithWebIdentity\"]
    condition {
      test     = \"StringLike\"
      variable = \"token.actions.githubusercontent.com:sub\"
      values   = [\"repo:marten/app:*\", \"repo:marten@9/app@8:*\"]
    }
    condition {
      test     = \"StringEquals\"
      variable = \"token.actions.githubusercontent.com:aud\"
      values   = [\"sts.amazonaws.com\"]
    }
    principals {
      type        = \"Federated\"
      identifiers = [aws_iam_openid_connect_provider.github.arn]
    }
  }
}
resource \"aws_iam_role\" \"ci\" { assume_role_policy = data.aws_iam_policy_document.trust.json }
";
    let attached = |head: &str, arn: &str| {
        let files = format!(
            "{trust}{head}resource \"aws_iam_role_policy_attachment\" \"a\" {{\n  role       = aws_iam_role.ci.name\n  policy_arn = {arn}\n}}\n"
        );
        found(&[("main.tf", &files)])
    };
    let written = |actions: &str| {
        format!(
            "data \"aws_iam_policy_document\" \"own\" {{\n  statement {{\n    actions   = [{actions}]\n    resources = [\"*\"]\n  }}\n}}\nresource \"aws_iam_policy\" \"own\" {{\n  name   = \"own\"\n  policy = data.aws_iam_policy_document.own.json\n}}\n"
        )
    };
    let high = ["any-ref high main.tf:11:36 aws_iam_role.ci"];
    for actions in [
        "\"iam:AttachRolePolicy\", \"iam:CreateRole\"",
        "\"IAM:*\"",
        "\"iam:PutRolePolicy\"",
        "\"iam:*OpenID*\", \"iam:UpdateAssumeRolePolicy\"",
    ] {
        assert_eq!(attached(&written(actions), "aws_iam_policy.own.arn"), high, "{actions}");
    }
    assert_eq!(attached("", "\"arn:aws:iam::aws:policy/PowerUserAccess\""), high);
    assert_eq!(attached("data \"aws_iam_policy\" \"power\" { name = \"PowerUserAccess\" }\n", "data.aws_iam_policy.power.arn"), high);
    // Reading raises nobody.
    let medium = ["any-ref medium main.tf:11:36 aws_iam_role.ci"];
    assert_eq!(attached(&written("\"iam:Get*\", \"iam:List*\", \"s3:GetObject\""), "aws_iam_policy.own.arn"), medium);
}

// Schemes

#[test]
fn a_providers_url_is_no_part_of_an_arn() {
    let provider = "variable \"issuer\" { description = \"URL of the cluster's issuer\" }
variable \"account\" {}
resource \"aws_iam_openid_connect_provider\" \"p\" {
  url            = var.issuer
  client_id_list = [\"sts.amazonaws.com\"]
}
";
    let of = |host: &str| {
        let condition =
            format!("{{ StringEquals = {{ \"{host}:sub\" = \"system:serviceaccount:a:b\", \"{host}:aud\" = \"sts.amazonaws.com\" }} }}");
        format!("{provider}{}", role(&format!("\"arn:aws:iam::${{var.account}}:oidc-provider/{host}\""), &condition))
    };
    assert_eq!(found(&[("main.tf", &of("${var.issuer}"))]), ["issuer-mismatch high main.tf:13:78 aws_iam_role.app"]);
    assert_eq!(found(&[("main.tf", &of("${replace(var.issuer, \"https://\", \"\")}"))]), NOTHING);
    // The provider adds the scheme itself.
    let bare = of("${var.issuer}").replace("url            = var.issuer", "url            = \"https://${var.issuer}\"");
    assert_eq!(found(&[("main.tf", &bare)]), NOTHING);
}

// Kubernetes

#[test]
fn labels_and_annotations_are_strings() {
    let account = |label: &str| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: keeper\n  namespace: ops\n  annotations:\n    azure.workload.identity/client-id: 8245a0a5-6b4f-48af-9a7c-c99b1db3cde3\n  labels:\n    azure.workload.identity/use: {label}\n"
        )
    };
    let told = ["workload-label medium sa.yaml:9:34 ServiceAccount ops/keeper"];
    assert_eq!(found(&[("sa.yaml", &account("true"))]), told);
    assert_eq!(found(&[("sa.yaml", &account("true")), ("kustomization.yaml", "resources: [sa.yaml]\n")]), told);
}

#[test]
fn an_address_without_its_domain_is_none() {
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: dump\n  namespace: ops\n  annotations: {iam.gke.io/gcp-service-account: dump@marten-9.iam.gserviceaccount}\n";
    assert_eq!(found(&[("sa.yaml", account)]), ["malformed-principal high sa.yaml:6:49 ServiceAccount ops/dump"]);
}

#[test]
fn a_quoted_scalar_that_goes_on_further_left_is_read() {
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: default\n  namespace: ops\n  annotations:\n    note: \"one line\n  another\"\n    iam.gke.io/gcp-service-account: x@marten-9.iam.gserviceaccount.com\n";
    assert_eq!(found(&[("sa.yaml", account)]), ["default-service-account high sa.yaml:4:9 ServiceAccount ops/default"]);
}

#[test]
fn a_subject_with_name_and_namespace_swapped_is_one_sided() {
    let text = "locals {
  account   = \"pipeline\"
  namespace = \"data\"
}
resource \"azurerm_kubernetes_cluster\" \"aks\" {
  name                      = \"aks\"
  oidc_issuer_enabled       = true
  workload_identity_enabled = true
}
resource \"azurerm_user_assigned_identity\" \"d\" {
  name                = \"d\"
  resource_group_name = \"rg\"
  location            = \"we\"
}
resource \"azurerm_federated_identity_credential\" \"d\" {
  name                = \"d\"
  resource_group_name = \"rg\"
  audience            = [\"api://AzureADTokenExchange\"]
  issuer              = azurerm_kubernetes_cluster.aks.oidc_issuer_url
  parent_id           = azurerm_user_assigned_identity.d.id
  subject             = \"system:serviceaccount:${local.account}:${local.namespace}\"
}
resource \"kubernetes_service_account\" \"d\" {
  metadata {
    name        = local.account
    namespace   = local.namespace
    annotations = { \"azure.workload.identity/client-id\" = azurerm_user_assigned_identity.d.client_id }
  }
}
";
    assert_eq!(found(&[("main.tf", text)]), ["one-sided-binding high main.tf:27:22 kubernetes_service_account.d"]);
    let right = text.replace("${local.account}:${local.namespace}", "${local.namespace}:${local.account}");
    assert_eq!(found(&[("main.tf", &right)]), NOTHING);
}

// Keys of the request

fn statement(host: &str, condition: &str) -> String {
    format!(
        "{{\"Version\": \"2012-10-17\", \"Statement\": [\n {{\"Effect\": \"Allow\", \"Principal\": {{\"Federated\": \"arn:aws:iam::111122223333:oidc-provider/{host}\"}}, \"Action\": \"sts:AssumeRoleWithWebIdentity\",\n  \"Condition\": {condition}}}]}}"
    )
}

#[test]
fn the_name_of_a_session_closes_nothing_and_kills_nothing() {
    let live = format!(
        r#"{{"StringEquals": {{"{HOST}:aud": "sts.amazonaws.com", "{HOST}:sub": ["repo:marten/app:environment:live", "repo:marten@9/app@8:environment:live"], "sts:RoleSessionName": "ship"}}}}"#
    );
    assert_eq!(found(&[("t.json", &statement(HOST, &live))]), NOTHING);
    let pattern = live.replace(", \"sts:RoleSessionName\": \"ship\"}", "}, \"StringLike\": {\"sts:RoleSessionName\": \"ship-*\"}");
    assert_eq!(found(&[("t.json", &statement(HOST, &pattern))]), NOTHING);
    let open = format!(r#"{{"StringEquals": {{"{HOST}:aud": "sts.amazonaws.com", "sts:RoleSessionName": "ship"}}}}"#);
    assert_eq!(found(&[("t.json", &statement(HOST, &open))]), ["missing-subject critical t.json:2:50 t.json"]);
    let entra = "sts.windows.net/11111111-2222-3333-4444-555555555555/";
    let tenant = format!(r#"{{"StringEquals": {{"{entra}:aud": "api://x", "sts:RoleSessionName": "ship"}}}}"#);
    assert_eq!(found(&[("t.json", &statement(entra, &tenant))]), ["missing-subject high t.json:2:50 t.json"]);
    let pinned = tenant.replace("\"sts:", &format!("\"{entra}:sub\": \"66666666-0000-4000-8000-000000000001\", \"sts:"));
    assert_eq!(found(&[("t.json", &statement(entra, &pinned))]), NOTHING);
}

/// Microsoft's own tenant mints for every customer, and the session's name is the customer's tag that it documents.
#[test]
fn the_documented_trust_of_a_service_is_left_alone() {
    let defender = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/";
    let named = format!(
        r#"{{"StringEquals": {{"{defender}:aud": "api://4d8bed1f-eee7-4d8e-b0dc-8462049a4479", "sts:RoleSessionName": "MicrosoftDefenderForClouds_11111111-2222-3333-4444-555555555555"}}}}"#
    );
    assert_eq!(found(&[("t.json", &statement(defender, &named))]), NOTHING);
    let open = format!(r#"{{"StringEquals": {{"{defender}:aud": "api://4d8bed1f-eee7-4d8e-b0dc-8462049a4479"}}}}"#);
    assert_eq!(found(&[("t.json", &statement(defender, &open))]), ["missing-subject critical t.json:2:50 t.json"]);
}

#[test]
fn googles_other_audience_is_an_audience_and_no_subject() {
    let text = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "accounts.google.com"},
 "Condition": {"StringEquals": {"accounts.google.com:oaud": "marten-live-1f2e3d4c5b6a7988"}}}]}"#;
    assert_eq!(found(&[("t.json", text)]), ["missing-subject critical t.json:1:132 t.json"]);
    let pinned = text
        .replace("\"accounts.google.com:oaud\"", "\"accounts.google.com:sub\": \"106660000000000000001\", \"accounts.google.com:oaud\"");
    assert_eq!(found(&[("t.json", &pinned)]), NOTHING);
}

#[test]
fn a_principal_that_is_written_twice_is_told_where_it_is_lost() {
    let text = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root", "AWS": "arn:aws:iam::444455556666:user/ci"}, "Action": "sts:AssumeRole"}]}"#;
    assert_eq!(found(&[("t.json", text)]), ["rejected-policy medium t.json:1:76 t.json"]);
}

// Advice and files

#[test]
fn advice_writes_no_verb_of_format_into_a_key() {
    let text = "resource \"aws_eks_cluster\" \"this\" { name = \"c\" }
resource \"aws_iam_openid_connect_provider\" \"p\" {
  url            = aws_eks_cluster.this.identity[0].oidc[0].issuer
  client_id_list = [\"sts.amazonaws.com\"]
}
locals { issuer = replace(aws_eks_cluster.this.identity[0].oidc[0].issuer, \"https://\", \"\") }
data \"aws_iam_policy_document\" \"t\" {
  statement {
    actions = [\"sts:AssumeRoleWithWebIdentity\"]
    condition {
      test     = \"StringEquals\"
      variable = format(\"%s:sub\", local.issuer)
      values   = [\"system:serviceaccount:nodes:scaler\"]
    }
    principals {
      type        = \"Federated\"
      identifiers = [aws_iam_openid_connect_provider.p.arn]
    }
  }
}
resource \"aws_iam_role\" \"r\" { assume_role_policy = data.aws_iam_policy_document.t.json }
";
    let memory = Input::Memory(vec![("main.tf".to_owned(), text.to_owned())]);
    let run = check(&Request { input: memory, ..Request::default() }).expect("the run is made");
    let help = run.findings.iter().find_map(|f| f.help.clone()).unwrap_or_default();
    assert!(help.contains("${replace(aws_iam_openid_connect_provider.p.url, \"https://\", \"\")}:aud") && !help.contains('%'), "{help}");
    assert_eq!(found(&[("main.tf", text)]), ["missing-audience low main.tf:17:22 aws_iam_role.r"]);
}

#[test]
fn a_policy_that_an_old_data_source_renders_is_judged_in_its_file() {
    let main = format!(
        "data \"template_file\" \"trust\" {{
  template = file(\"${{path.module}}/trust.tpl\")
  vars     = {{ arn = \"arn:aws:iam::111122223333:oidc-provider/{HOST}\", repository = \"marten\" }}
}}
resource \"aws_iam_role\" \"r\" {{ assume_role_policy = data.template_file.trust.rendered }}
"
    );
    let trust = format!(
        "{{\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRoleWithWebIdentity\", \"Principal\": {{\"Federated\": \"${{arn}}\"}},\n \"Condition\": {{\"StringEquals\": {{\"{HOST}:aud\": \"sts.amazonaws.com\"}}, \"StringLike\": {{\"{HOST}:sub\": \"repo:*/app:*\"}}}}}}]}}"
    );
    assert_eq!(
        found(&[("main.tf", &main), ("trust.tpl", &trust)]),
        ["stale-subject-format low trust.tpl:2:157 aws_iam_role.r", "wildcard-subject critical trust.tpl:2:162 aws_iam_role.r"]
    );
}

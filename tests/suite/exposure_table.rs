//! What each issuer's policies let in: a table of hand-made trusts with the class that a person would give them.
#![allow(clippy::unwrap_used)]

use crate::common::{aws, google, policy};
use fedlint::admission::exposure::Class::{
    AnyEnvironment, AnyNamespace, AnyProject, AnyRef, AnyTenant, EnvironmentPrefix, Intended, NamespacePrefix, Preview, ProjectPrefix,
    PullRequest, PullRequestTarget, RefPrefix, TagAsBranch, TenantPrefix,
};
use fedlint::admission::exposure::{Class, exposure};
use serde_json::{Value, json};

const GITHUB: &str = "token.actions.githubusercontent.com";
const EKS: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const GKE: &str = "container.googleapis.com/v1/projects/acme/locations/europe-west1/clusters/prod";
const AKS: &str = "westeurope.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-2222-3333-4444-555555555555";
const BITBUCKET: &str = "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
const TERRAFORM: &str = "app.terraform.io";
const CIRCLECI: &str = "oidc.circleci.com/org/5034460f-c7c4-4c43-9457-de07e2029e7b";

fn like(sub: &str) -> Value {
    json!({"StringLike": {":sub": sub}})
}

fn equals(sub: &str) -> Value {
    json!({"StringEquals": {":sub": sub}})
}

/// Judges every row, and says all that differ.
fn judge(rows: &[(&str, Value, Class)]) {
    let mut wrong = Vec::new();
    for (host, condition, class) in rows {
        let (formula, templates, _) = aws(host, &policy(host, condition));
        match exposure(&formula, &templates) {
            Ok(e) if e.class == *class => {
                let told = e.witness.is_none() == (*class == Intended);
                if !told {
                    wrong.push(format!("{host} {condition}: a witness goes with a class, none with {Intended:?}"));
                }
            }
            Ok(e) => wrong.push(format!("{host} {condition}: {:?}, not {class:?}; {:?}", e.class, e.witness.map(|w| w.to_json()))),
            Err(why) => wrong.push(format!("{host} {condition}: undecided, {why}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn github_subjects() {
    judge(&[
        (GITHUB, json!({"StringEquals": {":aud": "sts.amazonaws.com"}}), AnyTenant),
        (GITHUB, like("repo:*"), AnyTenant),
        (GITHUB, like("repo:octo*/app:ref:refs/heads/main"), TenantPrefix),
        (GITHUB, like("repo:octo*:ref:refs/heads/main"), TenantPrefix),
        (GITHUB, like("repo:octo/*"), AnyProject),
        (GITHUB, like("repo:octo/app*:ref:refs/heads/main"), ProjectPrefix),
        (GITHUB, like("repo:octo/app*"), ProjectPrefix),
        (GITHUB, like("repo:octo/app:*"), AnyRef),
        (GITHUB, like("repo:octo/app:ref:refs/heads/*"), AnyRef),
        (GITHUB, like("repo:octo/app:ref:refs/heads/main*"), RefPrefix),
        // `refs/heads/a/main` too
        (GITHUB, like("repo:octo/app:ref:refs/*/main"), AnyRef),
        (GITHUB, equals("repo:octo/app:ref:refs/heads/main"), Intended),
        (GITHUB, equals("repo:octo/app:ref:refs/tags/v1"), Intended),
        (GITHUB, equals("repo:octo/app:pull_request"), PullRequest),
        (GITHUB, equals("repo:octo/app:environment:production"), Intended),
        (GITHUB, like("repo:octo/app:environment:*"), AnyEnvironment),
        (GITHUB, like("repo:octo/app:environment:prod*"), EnvironmentPrefix),
        (GITHUB, json!({"StringEquals": {":sub": ["repo:octo/app:ref:refs/heads/main", "repo:octo/app:ref:refs/tags/v1"]}}), Intended),
        (GITHUB, json!({"StringLike": {":sub": ["repo:a/x:ref:refs/heads/main", "repo:b/*"]}}), AnyProject),
        (GITHUB, json!({"StringLike": {":sub": ["repo:a/x:*", "repo:*/x:ref:refs/heads/main"]}}), AnyTenant),
    ]);
}

#[test]
fn github_ids_and_immutable_subjects() {
    judge(&[
        (GITHUB, equals("repo:octo@5150/app@8086:ref:refs/heads/main"), Intended),
        (GITHUB, like("repo:octo@5150/app@8086:*"), AnyRef),
        (GITHUB, like("repo:octo@5150/*"), AnyProject),
        (GITHUB, like("repo:octo@*"), AnyProject),
        (GITHUB, json!({"StringEquals": {":repository_owner_id": "5150"}}), AnyProject),
        (GITHUB, json!({"StringEquals": {":repository_id": "8086"}}), AnyRef),
        (GITHUB, json!({"StringEquals": {":repository_id": "8086", ":environment": "production"}}), Intended),
        (GITHUB, json!({"StringEquals": {":repository_id": "8086", ":ref": "refs/heads/main"}}), PullRequestTarget),
        (GITHUB, json!({"StringLike": {":repository_id": "80*"}}), AnyTenant),
        (GITHUB, json!({"StringEquals": {":job_workflow_ref": "octo/w/.github/workflows/d.yml@refs/heads/main"}}), AnyTenant),
    ]);
}

#[test]
fn lenient_operators() {
    judge(&[
        (GITHUB, json!({"StringEqualsIfExists": {":environment": "production"}}), AnyTenant),
        (GITHUB, json!({"ForAllValues:StringEquals": {":sub": "repo:octo/app:ref:refs/heads/main"}}), Intended),
        (GITHUB, json!({"StringNotEquals": {":sub": "repo:octo/app:pull_request"}}), AnyTenant),
        (GITHUB, json!({"StringNotLike": {":sub": "repo:octo/*"}}), AnyTenant),
    ]);
}

#[test]
fn gitlab() {
    let sub = |s: &str| like(&format!("project_path:{s}"));
    judge(&[
        ("gitlab.com", json!({"StringEquals": {":aud": "https://gitlab.com"}}), AnyTenant),
        ("gitlab.com", sub("octo*"), TenantPrefix),
        ("gitlab.com", sub("octo/*"), AnyProject),
        ("gitlab.com", sub("octo/app:*"), AnyRef),
        ("gitlab.com", sub("octo/sub/app:*"), AnyRef),
        ("gitlab.com", sub("octo/app:ref_type:branch:ref:*"), AnyRef),
        ("gitlab.com", sub("octo/app:ref_type:*:ref:main"), TagAsBranch),
        ("gitlab.com", sub("octo/app:ref_type:branch:ref:main"), Intended),
        ("gitlab.com", sub("octo/sub/app:ref_type:branch:ref:main"), Intended),
        ("gitlab.com", sub("octo/app:ref_type:tag:ref:v1"), Intended),
        ("gitlab.com", sub("*/app:ref_type:branch:ref:main"), AnyTenant),
    ]);
}

#[test]
fn terraform_and_other_shared_issuers() {
    judge(&[
        ("app.terraform.io", json!({"StringEquals": {":aud": "aws.workload.identity"}}), AnyTenant),
        ("app.terraform.io", like("organization:*"), AnyTenant),
        ("app.terraform.io", like("organization:acme*"), TenantPrefix),
        ("app.terraform.io", like("organization:acme:*"), AnyProject),
        ("app.terraform.io", like("organization:acme:project:p:workspace:w:run_phase:*"), Preview),
        ("app.terraform.io", equals("organization:acme:project:p:workspace:w:run_phase:apply"), Intended),
        ("app.terraform.io", like("organization:*:project:p:workspace:w:run_phase:apply"), AnyTenant),
        ("app.eu.terraform.io", like("organization:acme:*"), AnyProject),
        // a workspace below a named project: one that begins alike, all of them, one by its name alone
        ("app.terraform.io", like("organization:acme:project:p:workspace:w*"), ProjectPrefix),
        ("app.terraform.io", like("organization:acme:project:p:workspace:w*:run_phase:apply"), ProjectPrefix),
        ("app.terraform.io", like("organization:acme:project:p:workspace:*"), Preview),
        ("app.terraform.io", like("organization:acme:project:p*:workspace:w:run_phase:*"), Preview),
        ("app.terraform.io", like("organization:acme:project:*:workspace:w:run_phase:*"), Preview),
        ("app.terraform.io", like("organization:acme:project:p*"), ProjectPrefix),
        (
            "app.terraform.io",
            json!({"StringLike": {":sub": ["organization:acme:project:p:workspace:*", "organization:acme:project:q:workspace:w:run_phase:*"]}}),
            Preview,
        ),
        (
            "app.terraform.io",
            json!({"StringLike": {":sub": ["organization:acme:project:p:workspace:*", "organization:acme:project:q:workspace:w*"]}}),
            ProjectPrefix,
        ),
        ("agent.buildkite.com", json!({"StringEquals": {":aud": "sts.amazonaws.com"}}), AnyTenant),
        ("agent.buildkite.com", like("organization:acme:*"), AnyProject),
        ("agent.buildkite.com", like("organization:acme*"), TenantPrefix),
        ("agent.buildkite.com", like("organization:acme:pipeline:web:*"), AnyRef),
        ("agent.buildkite.com", like("organization:acme:pipeline:web:ref:refs/heads/main:commit:*:step:*"), Intended),
        ("oidc.vercel.com", like("owner:*"), AnyTenant),
        ("oidc.vercel.com", like("owner:acme:*"), AnyProject),
        ("oidc.vercel.com", equals("owner:acme:project:web:environment:production"), Intended),
        ("oidc.codefresh.io", like("account:*"), AnyTenant),
        ("scalr.io", like("account:acme:*"), AnyProject),
        ("scalr.io", like("account:*"), AnyTenant),
        ("proidc.upbound.io", like("mcp:*"), AnyTenant),
        ("proidc.upbound.io", equals("mcp:acme/prod:provider:provider-aws"), Intended),
        ("api.pulumi.com/oidc", like("pulumi:deploy:org:*"), AnyTenant),
        ("api.pulumi.com/oidc", like("pulumi:deploy:org:acme:*"), AnyProject),
        ("tokens.cloud.shisho.dev", like("job:*"), AnyTenant),
        ("studio.datachain.ai/api", like("credentials:acme/*"), AnyProject),
        ("studio.datachain.ai/api", equals("credentials:acme/app"), Intended),
    ]);
}

#[test]
fn issuers_of_one_tenant() {
    judge(&[
        (CIRCLECI, like("org/5034460f-c7c4-4c43-9457-de07e2029e7b/project/*"), AnyProject),
        (CIRCLECI, like("org/5034460f-c7c4-4c43-9457-de07e2029e7b/project/11111111-1111-4111-8111-111111111111/user/*"), AnyRef),
        (BITBUCKET, like("*:*"), AnyProject),
        (BITBUCKET, like("{11111111-1111-4111-8111-111111111111}:*"), AnyRef),
    ]);
}

#[test]
fn clusters() {
    let row = |host: &'static str, sub: &str, class: Class| (host, like(&format!("system:serviceaccount:{sub}")), class);
    judge(&[
        row(EKS, "*", AnyNamespace),
        row(EKS, "*:app", AnyNamespace),
        row(EKS, "prod*:app", NamespacePrefix),
        row(EKS, "prod:*", AnyProject),
        row(EKS, "prod:app*", ProjectPrefix),
        row(EKS, "prod:app", Intended),
        (EKS, json!({"StringEquals": {":aud": "sts.amazonaws.com"}}), AnyNamespace),
        row(GKE, "prod:*", AnyProject),
        row(GKE, "prod:app", Intended),
        row(AKS, "*:app", AnyNamespace),
        row(AKS, "prod:app", Intended),
    ]);
}

#[test]
fn conditions_of_google() {
    let rows: &[(&str, &str, Class, bool)] = &[
        (GITHUB, "assertion.repository_owner == 'octo'", AnyProject, false),
        (GITHUB, "assertion.repository.startsWith('octo/')", AnyProject, false),
        (GITHUB, "assertion.repository.startsWith('octo')", TenantPrefix, false),
        (GITHUB, "assertion.ref == 'refs/heads/main'", AnyTenant, false),
        (GITHUB, "assertion.sub.contains('environment:prod')", AnyTenant, false),
        (GITHUB, "assertion.repository == 'octo/app'", AnyRef, false),
        (GITHUB, "assertion.repository == 'octo/app' && assertion.ref == 'refs/heads/main'", PullRequestTarget, false),
        (
            GITHUB,
            "assertion.repository == 'octo/app' && assertion.ref == 'refs/heads/main' && assertion.event_name == 'push'",
            Intended,
            false,
        ),
        (GITHUB, "assertion.repository == 'octo/app' && assertion.environment == 'production'", Intended, false),
        (GITHUB, "assertion.sub == 'repo:octo/app:ref:refs/heads/main'", Intended, false),
        (GITHUB, "assertion.repository_owner == 'octo' && assertion.workflow == 'deploy'", AnyProject, true),
        (GITHUB, "assertion.workflow == 'deploy'", AnyTenant, true),
        (GITHUB, "assertion.repository_owner == 'octo' && assertion.aud == 'x'", AnyProject, false),
        ("aws", "assertion.account == '123456789012' && assertion.arn.contains('-prod-')", AnyProject, true),
        ("aws", "assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/deploy/')", Intended, false),
        ("aws", "assertion.arn.startsWith('arn:aws:sts::123456789012:assumed-role/deploy')", ProjectPrefix, false),
        ("aws", "assertion.account == '123456789012'", AnyProject, false),
        (GKE, "assertion.sub.startsWith('system:serviceaccount:prod')", NamespacePrefix, false),
        (TERRAFORM, "assertion.sub.startsWith('organization:acme:project:p:workspace:w')", ProjectPrefix, false),
        (TERRAFORM, "assertion.sub.startsWith('organization:acme:project:p:workspace:w:')", Preview, false),
        (
            TERRAFORM,
            "assertion.terraform_project_id == 'prj-1234567890123456' && assertion.terraform_workspace_name.startsWith('w')",
            ProjectPrefix,
            false,
        ),
        (
            TERRAFORM,
            "assertion.terraform_workspace_id == 'ws-1234567890123456' && assertion.terraform_workspace_name.startsWith('w')",
            Preview,
            false,
        ),
        (GITHUB, "assertion.repository_id == '8086' && assertion.repository.startsWith('octo/app')", AnyRef, false),
    ];
    let mut wrong = Vec::new();
    for (host, condition, class, chosen) in rows {
        let (_, formula, templates, _) = google(host, condition);
        match exposure(&formula, &templates) {
            Ok(e) if e.class == *class && e.caller_chosen == *chosen => {}
            Ok(e) => {
                let witness = e.witness.map(|w| w.to_json());
                wrong.push(format!("{condition}: {:?}, chosen {}, not {class:?}, {chosen}; {witness:?}", e.class, e.caller_chosen));
            }
            Err(why) => wrong.push(format!("{condition}: undecided, {why}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

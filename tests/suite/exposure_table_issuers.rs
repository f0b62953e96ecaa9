//! What the policies of the rarer issuers let in: hand-made trusts with the class that a person would give them. The forms are those
//! of the vendors' own pages (see `reference` in the registry).
#![allow(clippy::unwrap_used)]

use crate::common::{ACTION, aws, google, policy, provider};
use fedlint::admission::exposure::Class::{
    AnyEnvironment, AnyNamespace, AnyProject, AnyRef, AnyTenant, EnvironmentPrefix, Intended, Preview, ProjectPrefix, TagAsBranch,
    TenantPrefix,
};
use fedlint::admission::exposure::{Class, Reachability, exposure, reachability};
use fedlint::admission::formula::Formula;
use fedlint::admission::iam::{self, Policy, View, Viewer};
use fedlint::gate::issuer;
use fedlint::issuers::{Template, registry};
use fedlint::partial::Text;
use serde_json::{Value, json};

fn like(sub: &str) -> Value {
    json!({"StringLike": {":sub": sub}})
}

fn equals(sub: &str) -> Value {
    json!({"StringEquals": {":sub": sub}})
}

fn audience(aud: &str) -> Value {
    json!({"StringEquals": {":aud": aud}})
}

/// Judges every row, and says all that differ.
fn judge(rows: &[(&str, Value, Class)]) {
    let mut wrong = Vec::new();
    for (host, condition, class) in rows {
        let (formula, templates, _) = aws(host, &policy(host, condition));
        wrong.extend(differs(&format!("{host} {condition}"), &formula, &templates, *class));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn differs(row: &str, formula: &Formula, templates: &[Template], class: Class) -> Option<String> {
    match exposure(formula, templates) {
        Ok(e) if e.class == class && e.witness.is_none() == (class == Intended) => None,
        Ok(e) => Some(format!("{row}: {:?}, not {class:?}; {:?}", e.class, e.witness.map(|w| w.to_json()))),
        Err(why) => Some(format!("{row}: undecided, {why}")),
    }
}

/// Policies that nobody can satisfy.
fn dead(rows: &[(&str, Value)]) {
    for (host, condition) in rows {
        let (formula, templates, _) = aws(host, &policy(host, condition));
        assert!(matches!(reachability(&formula, &templates), Reachability::Unreachable), "{host} {condition}");
    }
}

const FLY: &str = "oidc.fly.io/acme";
const SPACELIFT: &str = "acme.app.spacelift.io";

#[test]
fn platforms_with_an_issuer_for_each_tenant() {
    judge(&[
        (FLY, audience("sts.amazonaws.com"), AnyProject),
        (FLY, like("acme:*"), AnyProject),
        (FLY, like("acme:web*"), ProjectPrefix),
        (FLY, like("acme:web:*"), Intended),
        (FLY, equals("acme:web:winter-smoke-42"), Intended),
        (SPACELIFT, audience(SPACELIFT), AnyProject),
        (SPACELIFT, like("space:*"), AnyProject),
        (SPACELIFT, like("space:production:*"), Preview),
        (SPACELIFT, like("*:stack:infra:*"), Preview),
        (SPACELIFT, like("space:production:stack:infra:run_type:TRACKED:scope:write"), Intended),
        ("acme.app.us.spacelift.io", audience("acme.app.us.spacelift.io"), AnyProject),
        ("oidc.vercel.com/acme", audience("https://vercel.com/acme"), AnyProject),
        ("oidc.vercel.com/acme", like("owner:acme:project:web:environment:*"), AnyEnvironment),
        ("oidc.vercel.com/acme", equals("owner:acme:project:web:environment:production"), Intended),
    ]);
    dead(&[(FLY, like("other:*")), ("oidc.vercel.com/acme", equals("owner:other:project:web:environment:production"))]);
}

#[test]
fn platforms_that_share_their_issuer() {
    let pulumi = "api.pulumi.com/oidc";
    let codefresh = "oidc.codefresh.io";
    let account = "account:5f30ebd30312313ae7f17948";
    let pipeline = format!("{account}:pipeline:64de5cd47626b3ca134e760a");
    judge(&[
        // The audience names the organisation, so it closes the tenant.
        (pulumi, audience("acme"), AnyProject),
        (pulumi, audience("aws:acme"), AnyProject),
        (pulumi, like("pulumi:*"), AnyTenant),
        (pulumi, like("pulumi:deploy:org:acme*"), TenantPrefix),
        (pulumi, like("pulumi:deploy:org:acme:project:web:*"), Preview),
        (pulumi, like("pulumi:deploy:org:acme:project:web:stack:prod:operation:*:scope:write"), Preview),
        (pulumi, like("pulumi:environments:org:acme:env:*"), AnyEnvironment),
        (pulumi, equals("pulumi:environments:org:acme:env:web/prod"), Intended),
        (pulumi, equals("pulumi:environments:org:acme:env:prod"), Intended),
        (pulumi, like("pulumi:environments:pulumi.organization.login:*"), AnyTenant),
        (pulumi, like("pulumi:environments:pulumi.organization.login:acme:*"), AnyEnvironment),
        (
            pulumi,
            equals("pulumi:environments:pulumi.organization.login:acme:currentEnvironment.name:web/prod:pulumi.user.login:a"),
            Intended,
        ),
        ("api.pulumi.com/oidc/v2", like("pulumi:org:*"), AnyTenant),
        ("api.pulumi.com/oidc/v2", like("pulumi:org:0123-ab:*"), AnyProject),
        ("api.pulumi.com/oidc/v2", equals("pulumi:org:0123-ab:env:4567-cd"), Intended),
        (codefresh, audience("https://g.codefresh.io"), AnyTenant),
        (codefresh, like("account:*"), AnyTenant),
        (codefresh, like(&format!("{account}:*")), AnyProject),
        (codefresh, like(&format!("{pipeline}:*")), AnyRef),
        (codefresh, like(&format!("{pipeline}:scm_repo_url:https://github.com/acme/web:scm_user_name:*:scm_ref:main")), Intended),
        (codefresh, equals(&pipeline), Intended),
        (codefresh, equals(&format!("{pipeline}:initiator:mona")), Intended),
        ("scalr.io", audience("aws.scalr-run-workload"), AnyTenant),
        ("scalr.io", like("account:acme*"), TenantPrefix),
        ("scalr.io", like("account:acme:environment:prod:*"), AnyProject),
        ("scalr.io", like("account:acme:environment:prod:workspace:web*"), ProjectPrefix),
        ("scalr.io", equals("account:acme:environment:prod:workspace:web"), Intended),
        ("proidc.upbound.io", audience("sts.amazonaws.com"), AnyTenant),
        ("proidc.upbound.io", like("mcp:acme*"), TenantPrefix),
        ("proidc.upbound.io", like("mcp:acme/*"), AnyProject),
        ("proidc.upbound.io", like("mcp:acme/prod:*"), Intended),
        ("proidc.upbound.io", equals("mcp:acme/prod:function:discovery"), Intended),
        ("studio.iterative.ai/api", equals("credentials:acme/web"), Intended),
        ("studio.iterative.ai/api", like("credentials:*"), AnyTenant),
        ("sandboxes.cloud", audience("acme"), Intended),
        ("sandboxes.cloud", like("*"), AnyTenant),
        ("tokens.cloud.shisho.dev", like("job:acme:*"), AnyProject),
        ("oidc.vercel.com", audience("https://vercel.com/acme"), AnyProject),
        ("oidc.vercel.com", like("owner:acme*"), TenantPrefix),
        ("oidc.vercel.com", like("owner:acme:project:web*"), ProjectPrefix),
        ("oidc.vercel.com", like("owner:acme:project:web:environment:pre*"), EnvironmentPrefix),
        // An audience that the function asked for says nothing of the team.
        ("oidc.vercel.com", audience("sts.amazonaws.com"), AnyTenant),
        (
            "oidc.vercel.com",
            json!({"StringEquals": {":aud": "sts.amazonaws.com", ":sub": "owner:acme:project:web:environment:production"}}),
            Intended,
        ),
    ]);
    dead(&[
        (pulumi, equals("pulumi:deploy:org:acme:project:web:stack:prod:operation:deploy:scope:write")),
        (codefresh, equals("account:acme:pipeline:web")),
        ("scalr.io", equals("account:acme:workspace:web")),
    ]);
}

#[test]
fn buildkite() {
    let host = "agent.buildkite.com";
    let id = "0184990a-477b-4fa8-9968-496074483cee";
    judge(&[
        (host, audience("sts.amazonaws.com"), AnyTenant),
        (host, json!({"StringEquals": {":organization_slug": "acme"}}), AnyProject),
        (host, json!({"StringEquals": {":organization_id": id}}), AnyProject),
        (host, json!({"StringEquals": {":cluster_id": id}}), AnyProject),
        (host, json!({"StringEquals": {":pipeline_id": id}}), AnyRef),
        (host, json!({"StringEquals": {":pipeline_slug": "web"}}), AnyTenant),
        (host, like("organization:acme:pipeline:web*"), ProjectPrefix),
        (host, like("organization:acme:pipeline:web:ref:refs/heads/main:*"), Intended),
        // `--subject-claim pipeline_id`
        (host, equals(id), AnyRef),
        // The build of a tag can have any branch.
        (host, json!({"StringEquals": {":sub": id, ":build_branch": "main"}}), TagAsBranch),
    ]);
    dead(&[(host, equals("organization:acme:pipeline:web:ref:refs/heads/main"))]);
}

#[test]
fn accounts_and_tenants() {
    let cognito = "cognito-identity.amazonaws.com";
    let pool = "eu-west-1:12345678-dead-beef-cafe-123456790ab0";
    let entra = "sts.windows.net/11111111-2222-3333-4444-555555555555/";
    let id = "66666666-2222-3333-4444-555555555555";
    let ado = "vstoken.dev.azure.com/11111111-2222-3333-4444-555555555555";
    let v2 = "login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
    let outbound = "a103a2cc-b461-473d-84fe-6c4f6d45af88.tokens.sts.global.api.aws";
    judge(&[
        ("accounts.google.com", json!({"StringEquals": {":oaud": "sts.amazonaws.com"}}), AnyTenant),
        ("accounts.google.com", equals("106123456789012345678"), Intended),
        ("accounts.google.com", json!({"StringEquals": {":aud": "106123456789012345678"}}), Intended),
        ("accounts.google.com", json!({"StringEquals": {":google/organization_number": "123456789"}}), AnyProject),
        (cognito, json!({"ForAnyValue:StringLike": {":amr": "authenticated"}}), AnyTenant),
        (cognito, audience(pool), Intended),
        (entra, audience("api://my-app"), AnyProject),
        (entra, equals(id), Intended),
        // AWS takes `azp`, the client, for the audience of a token that has one.
        (v2, audience(id), Intended),
        (v2, equals(id), Intended),
        (v2, equals(&format!("/eid1/c/pub/t/AAAAAAAAAAAAAAAAAAAAAA/a/BBBBBBBBBBBBBBBBBBBBBB/sc/{id}/{id}")), Intended),
        (ado, audience("api://AzureADTokenExchange"), AnyProject),
        (ado, like("sc://contoso/*"), AnyProject),
        (ado, like("sc://contoso/web/*"), Intended),
        (ado, equals("sc://contoso/web/azure-prod"), Intended),
        // A pipeline that asks without a service connection.
        (ado, equals("p://contoso/web/build"), Intended),
        (outbound, audience("api://x"), AnyProject),
        (outbound, like("arn:aws:iam::111122223333:*"), AnyProject),
        // Every role below the path `deploy/`, too.
        (outbound, like("arn:aws:iam::111122223333:role/deploy*"), AnyProject),
        (outbound, equals("arn:aws:iam::111122223333:role/deploy"), Intended),
        (outbound, equals("arn:aws:iam::111122223333:role/ci/deploy"), Intended),
    ]);
    dead(&[
        ("accounts.google.com", equals("deploy@acme.iam.gserviceaccount.com")),
        (outbound, equals("arn:aws:sts::111122223333:assumed-role/deploy/session")),
    ]);
}

#[test]
fn spire_and_a_cluster_of_ones_own() {
    // Their URLs do not give them away; what the checks see of them is the same.
    let rows = [
        ("spire", "spiffe://*", AnyProject),
        ("spire", "spiffe://acme.example/*", AnyProject),
        ("spire", "spiffe://acme.example/ns/prod/sa/app*", ProjectPrefix),
        ("spire", "spiffe://acme.example/ns/prod/sa/app", Intended),
        ("kubernetes", "system:serviceaccount:*:app", AnyNamespace),
        ("kubernetes", "system:serviceaccount:prod:app", Intended),
    ];
    let host = "oidc.acme.example";
    for (id, sub, class) in rows {
        let known = registry().as_issuer(id, host).unwrap();
        let written: Policy = policy(host, &like(sub));
        let claim_of = |key: &str| (key == "sub").then(|| "sub".to_owned());
        let viewer = Viewer::Federated(Text::known(provider(host)));
        let formula = iam::formula(&written, &View { viewer, issuer: None, action: ACTION, claim_of: &claim_of });
        assert_eq!(differs(sub, &formula, &issuer::templates(&known, &formula), class), None);
    }
}

#[test]
fn conditions_of_google_on_other_issuers() {
    let rows: &[(&str, &str, Class)] = &[
        ("agent.buildkite.com", "assertion.organization_slug == 'acme'", AnyProject),
        ("agent.buildkite.com", "assertion.pipeline_slug == 'web'", AnyTenant),
        ("agent.buildkite.com", "assertion.organization_slug == 'acme' && assertion.pipeline_slug == 'web'", AnyRef),
        ("app.terraform.io", "assertion.sub.startsWith('organization:acme:')", AnyProject),
        ("app.terraform.io", "assertion.terraform_organization_name == 'acme' && assertion.terraform_workspace_name == 'web'", Preview),
        ("api.pulumi.com/oidc", "assertion.sub.startsWith('pulumi:deploy:org:acme:')", AnyProject),
        (SPACELIFT, "assertion.spaceId == 'production'", Preview),
        (FLY, "assertion.app_name == 'web'", Intended),
        ("oidc.vercel.com/acme", "assertion.project == 'web' && assertion.environment == 'production'", Intended),
        (
            "login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
            "assertion.azp == '66666666-2222-3333-4444-555555555555'",
            Intended,
        ),
    ];
    let mut wrong = Vec::new();
    for (host, condition, class) in rows {
        let (_, formula, templates, _) = google(host, condition);
        wrong.extend(differs(condition, &formula, &templates, *class));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The trust policies of the vendors' own pages, narrowed as they say: nothing to report at medium or above.
#[test]
fn what_the_vendors_recommend_is_silent() {
    use fedlint::catalogue::Severity;
    use fedlint::pipeline::{self, Input, Request};
    let id = "0184990a-477b-4fa8-9968-496074483cee";
    let rows = [
        (FLY, "sts.amazonaws.com", "acme:web:*".to_owned()),
        (SPACELIFT, SPACELIFT, "space:production:stack:infra:run_type:TRACKED:scope:write".to_owned()),
        ("oidc.vercel.com/acme", "https://vercel.com/acme", "owner:acme:project:web:environment:production".to_owned()),
        ("oidc.vercel.com", "https://vercel.com/acme", "owner:acme:project:web:environment:production".to_owned()),
        ("agent.buildkite.com", "sts.amazonaws.com", "organization:acme:pipeline:web:ref:refs/heads/main:commit:*:step:*".to_owned()),
        ("api.pulumi.com/oidc", "acme", "pulumi:deploy:org:acme:project:web:stack:prod:operation:*:scope:write".to_owned()),
        ("api.pulumi.com/oidc", "aws:acme", "pulumi:environments:org:acme:env:web/prod".to_owned()),
        ("proidc.upbound.io", "sts.amazonaws.com", "mcp:acme/prod:provider:provider-aws".to_owned()),
        ("scalr.io", "aws.scalr-run-workload", "account:acme:environment:prod:workspace:web".to_owned()),
        ("studio.datachain.ai/api", "sts.amazonaws.com", "credentials:acme/web".to_owned()),
        (
            "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
            "ari:cloud:bitbucket::workspace/x",
            format!("{{{id}}}:{{{id}}}:*"),
        ),
        (
            "vstoken.dev.azure.com/11111111-2222-3333-4444-555555555555",
            "api://AzureADTokenExchange",
            "sc://contoso/web/azure-prod".to_owned(),
        ),
        ("accounts.google.com", "106123456789012345678", "106123456789012345678".to_owned()),
    ];
    for (host, aud, sub) in rows {
        let operator = if sub.contains('*') { "StringLike" } else { "StringEquals" };
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Federated": provider(host)},
                "Action": ACTION,
                "Condition": {operator: {format!("{host}:aud"): aud, format!("{host}:sub"): sub}},
            }],
        });
        let role = json!({"RoleName": "deploy", "Arn": "arn:aws:iam::111122223333:role/deploy", "AssumeRolePolicyDocument": document});
        let files = vec![("role.json".to_owned(), json!({"Role": role}).to_string())];
        let run = pipeline::check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
        assert_eq!(run.coverage.trusts, 1, "{host}");
        let loud: Vec<_> = run.findings.iter().filter(|f| f.severity >= Severity::Medium).collect();
        assert!(loud.is_empty(), "{host} {sub}: {loud:#?}");
    }
}

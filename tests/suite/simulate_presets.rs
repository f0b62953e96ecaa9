//! Presets of `fedlint simulate`: a token for every issuer of the registry, near misses of the issuer, customised subjects.
#![allow(clippy::unwrap_used, clippy::panic)]

use crate::support::{Folder, run};
use fedlint::issuers::{Tenancy, registry};
use fedlint::pipeline::{Estate, Input, Request, read};
use fedlint::simulation::{GithubJob, IssuerChoice, Outcome, Presented, decide_document, of_subject, simulate};
use fedlint::token::Decision;
use serde_json::{Value, json};

/// A URL of each issuer that has one.
fn urls() -> Vec<String> {
    [
        "token.actions.githubusercontent.com",
        "token.actions.githubusercontent.com/octo-inc",
        "token.actions.octocorp.ghe.com",
        "github.example.com/_services/token",
        "gitlab.com",
        "gitlab.example.com",
        "api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
        "oidc.circleci.com/org/5034460f-c7c4-4c43-9457-de07e2029e7b",
        "app.terraform.io",
        "app.eu.terraform.io",
        "agent.buildkite.com",
        "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
        "container.googleapis.com/v1/projects/acme/locations/europe-west1/clusters/prod",
        "westeurope.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-2222-3333-4444-555555555555/",
        "a103a2cc-b461-473d-84fe-6c4f6d45af88.tokens.sts.global.api.aws",
        "vstoken.dev.azure.com/11111111-2222-3333-4444-555555555555",
        "login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
        "sts.windows.net/11111111-2222-3333-4444-555555555555/",
        "oidc.vercel.com",
        "oidc.vercel.com/acme",
        "api.pulumi.com/oidc",
        "api.pulumi.com/oidc/v2",
        "acme.app.spacelift.io",
        "oidc.fly.io/acme",
        "oidc.codefresh.io",
        "scalr.io",
        "proidc.upbound.io",
        "studio.datachain.ai/api",
        "tokens.cloud.shisho.dev",
        "sandboxes.cloud",
    ]
    .map(|host| format!("https://{host}"))
    .to_vec()
}

#[test]
fn every_issuer_has_a_preset_by_subject() {
    for url in urls() {
        let known = registry().recognise(&url).unwrap();
        assert_ne!(known.issuer.tenancy, Tenancy::Unknown, "{url}");
        let host = url.strip_prefix("https://").unwrap();
        for template in known.templates() {
            let token = template.instantiate(&std::collections::BTreeMap::new());
            let Some(subject) = token.string("sub") else { continue };
            let presented = of_subject(&Default::default(), &url, subject).unwrap_or_else(|e| panic!("{url} {}: {e}", template.name));
            assert_eq!(presented.claims.string("iss"), Some(url.as_str()), "{url}");
            let policy = json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {"StringEquals": {format!("{host}:sub"): subject}},
                }],
            });
            let decided = decide_document("policy.json", &policy.to_string(), &presented).unwrap();
            assert_eq!(decided.evaluation.decision, Decision::Admit, "{url} {subject}");
        }
        if known.templates().iter().all(|t| t.claim("sub").is_some_and(|parts| parts.len() > 1)) {
            assert!(of_subject(&Default::default(), &url, "nonsense of no issuer").is_err(), "{url}");
        }
    }
}

#[test]
fn what_follows_from_a_subject_is_there_and_the_rest_is_open() {
    let presented = of_subject(
        &Default::default(),
        "https://agent.buildkite.com",
        "organization:acme:pipeline:web:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:deploy",
    )
    .unwrap();
    assert_eq!(presented.claims.string("organization_slug"), Some("acme"));
    assert_eq!(presented.claims.string("build_branch"), Some("main"));
    assert!(presented.open_claims.iter().any(|c| c == "job_id") && presented.claims.string("job_id").is_none());
    let gitlab = of_subject(&Default::default(), "https://gitlab.com", "project_path:acme/web:ref_type:branch:ref:main").unwrap();
    assert_eq!((gitlab.claims.string("project_path"), gitlab.claims.string("namespace_path")), (Some("acme/web"), Some("acme")));
    // A merge request's pipeline has the same subject.
    assert!(gitlab.open_claims.iter().any(|c| c == "pipeline_source"));
    let custom =
        of_subject(&Default::default(), "https://token.actions.githubusercontent.com", "repo:octo/app:environment:prod:actor:mona")
            .unwrap();
    assert_eq!((custom.claims.string("environment"), custom.claims.string("actor")), (Some("prod"), Some("mona")));
    let own = of_subject(&Default::default(), "https://ci.acme.example", "anything").unwrap();
    assert_eq!(own.claims.string("sub"), Some("anything"));
}

fn estate(files: &[(&str, &str)]) -> Estate {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    read(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

fn outcome(estate: &Estate, presented: &Presented) -> Outcome {
    simulate(&estate.graph, &estate.links, presented)
}

fn credential(issuer: &str, subject: &str) -> String {
    json!({"name": "c", "issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"]}).to_string()
}

#[test]
fn a_near_miss_of_the_issuer_says_what_differs() {
    let job = GithubJob { repository: "octo/app", reference: "refs/heads/main", ..GithubJob::default() };
    let rows = [
        ("https://token.actions.githubusercontent.com/", "has a slash at the end"),
        ("token.actions.githubusercontent.com", "`https://` is missing"),
        ("http://token.actions.githubusercontent.com", "the scheme differs"),
        ("https://Token.Actions.githubusercontent.com", "upper and lower case"),
    ];
    for (issuer, what) in rows {
        let estate = estate(&[("c.json", &credential(issuer, "repo:octo/app:ref:refs/heads/main"))]);
        let outcome = outcome(&estate, &job.token().unwrap());
        let verdict = outcome.verdicts.first().unwrap_or_else(|| panic!("{issuer}: {outcome:?}"));
        let step = verdict.evaluation.first_failure().unwrap();
        assert_eq!(verdict.evaluation.decision, Decision::Deny, "{issuer}");
        assert!(step.test == "issuer" && step.note.as_deref().unwrap().contains(what), "{issuer}: {step:?}");
    }
}

#[test]
fn a_cluster_says_its_issuer_as_it_does_however_it_is_written() {
    let written = "https://westeurope.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-2222-3333-4444-555555555555";
    let pod = |issuer: &str| {
        let estate = estate(&[("c.json", &credential(issuer, "system:serviceaccount:prod:app"))]);
        let claims = fedlint::issuers::tokens::kubernetes("https://kubernetes.default.svc", "prod", "app").unwrap();
        let presented = Presented { claims, any_audience: true, issuer: IssuerChoice::Cluster, ..Presented::default() };
        outcome(&estate, &presented).verdicts.first().unwrap().evaluation.clone()
    };
    assert_eq!(pod(&format!("{written}/")).decision, Decision::Admit);
    let refused = pod(written);
    assert_eq!(refused.decision, Decision::Deny);
    assert!(refused.first_failure().unwrap().note.as_deref().unwrap().contains("slash"), "{refused:?}");
}

#[test]
fn google_takes_entra_without_the_slash() {
    let provider = "attributeMapping:\n  google.subject: assertion.sub\nname: projects/1/locations/global/workloadIdentityPools/p/providers/q\noidc:\n  \
                    allowedAudiences: [api://AzureADTokenExchange]\n  issuerUri: https://sts.windows.net/11111111-2222-3333-4444-555555555555\nstate: ACTIVE\n";
    let presented = of_subject(
        &Default::default(),
        "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
        "66666666-2222-3333-4444-555555555555",
    )
    .unwrap();
    let decided = decide_document("q.yaml", provider, &presented).unwrap();
    assert_eq!(decided.evaluation.decision, Decision::Admit, "{:?}", decided.evaluation);
}

#[test]
fn aws_does_not_know_a_provider_with_another_slash() {
    let host = "sts.windows.net/11111111-2222-3333-4444-555555555555";
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {format!("{host}:sub"): "66666666-2222-3333-4444-555555555555"}},
        }],
    });
    let presented = of_subject(&Default::default(), &format!("https://{host}/"), "66666666-2222-3333-4444-555555555555").unwrap();
    let decided = decide_document("policy.json", &policy.to_string(), &presented).unwrap();
    assert_eq!(decided.evaluation.decision, Decision::Deny);
    assert!(decided.evaluation.first_failure().unwrap().note.as_deref().unwrap().contains("slash"));
}

#[test]
fn a_wildcard_under_an_exact_operator_is_told() {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:octo/app:*"}},
        }],
    });
    let job = GithubJob { repository: "octo/app", ..GithubJob::default() };
    let decided = decide_document("policy.json", &policy.to_string(), &job.token().unwrap()).unwrap();
    assert!(decided.evaluation.first_failure().unwrap().note.as_deref().unwrap().contains("StringLike"));
}

#[test]
fn a_job_of_a_customised_repository_has_the_customised_subject() {
    let role = |subject: &str| {
        format!(
            r#"
resource "aws_iam_role" "deploy" {{
  name = "deploy"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{ "token.actions.githubusercontent.com:sub" = "{subject}" }} }}
    }}]
  }})
}}
resource "github_actions_repository_oidc_subject_claim_customization_template" "app" {{
  repository         = "app"
  use_default        = false
  include_claim_keys = ["repository_owner", "environment"]
}}
"#
        )
    };
    let judge = |subject: &str, environment: Option<&str>| {
        let estate = estate(&[("main.tf", &role(subject))]);
        let mut presented = GithubJob { repository: "octo/app", environment, ..GithubJob::default() }.token().unwrap();
        presented.customise(&estate.graph, &estate.sources);
        assert!(presented.notes.iter().any(|n| n.contains("customised (main.tf:")), "{:?}", presented.notes);
        let outcome = outcome(&estate, &presented);
        let evaluation = &outcome.verdicts.first().unwrap().evaluation;
        (evaluation.decision, format!("{:?} {evaluation:#?}", presented.claims.string("sub")))
    };
    // Without an environment there is no such subject.
    let rows = [
        ("repository_owner:octo:environment:production", Some("production"), Decision::Admit),
        ("repo:octo/app:environment:production", Some("production"), Decision::Deny),
        ("repo:octo/app:ref:refs/heads/main", None, Decision::Unknown),
    ];
    for (subject, environment, decision) in rows {
        let (found, told) = judge(subject, environment);
        assert_eq!(found, decision, "{subject}: {told}");
    }
}

#[test]
fn a_cluster_is_no_spire_server() {
    let text = r#"
resource "aws_eks_cluster" "c" {
  name = "c"
}
resource "aws_iam_openid_connect_provider" "c" {
  url            = aws_eks_cluster.c.identity[0].oidc[0].issuer
  client_id_list = ["sts.amazonaws.com"]
}
resource "aws_iam_role" "app" {
  name = "app"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = aws_iam_openid_connect_provider.c.arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "${replace(aws_eks_cluster.c.identity[0].oidc[0].issuer, "https://", "")}:sub" = "system:serviceaccount:prod:app" } }
    }]
  })
}
"#;
    let estate = estate(&[("main.tf", text)]);
    let claims = fedlint::issuers::tokens::spiffe("https://spire.invalid", "spiffe://acme.example/app").unwrap();
    let svid = Presented { claims, any_audience: true, issuer: IssuerChoice::Spire, ..Presented::default() };
    assert_eq!(outcome(&estate, &svid).other_issuers, ["aws_iam_role.app"]);
    let claims = fedlint::issuers::tokens::kubernetes("https://kubernetes.default.svc", "prod", "app").unwrap();
    let pod = Presented { claims, any_audience: true, issuer: IssuerChoice::Cluster, ..Presented::default() };
    assert_eq!(outcome(&estate, &pod).count(Decision::Admit), 1);
}

#[test]
fn a_claim_that_was_left_out_is_told() {
    let host = "token.actions.githubusercontent.com";
    let files = [(
        "main.tf",
        r#"
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "token.actions.githubusercontent.com:repository_id" = "8086" } }
    }]
  })
}
"#,
    )];
    let mut presented = Presented::default();
    presented.claims.set("iss", format!("https://{host}"));
    presented.claims.set("aud", "sts.amazonaws.com");
    presented.claims.set("sub", "repo:octo/app:ref:refs/heads/main");
    let refused = outcome(&estate(&files), &presented);
    let evaluation = &refused.verdicts.first().unwrap().evaluation;
    assert_eq!(evaluation.decision, Decision::Deny);
    let note = evaluation.first_failure().unwrap().note.clone().unwrap_or_default();
    assert!(note.contains("every token of GitHub Actions has `repository_id`"), "{note}");
}

#[test]
fn a_correct_trust_is_admitted_with_the_audience_that_the_vendor_mints_or_the_trusts_own() {
    let folder = Folder::new();
    let ids = ["11111111-2222-3333-4444-555555555555", "66666666-2222-3333-4444-555555555555"];
    let circle = format!("oidc.circleci.com/org/{}", ids[0]);
    let project = format!("org/{}/project/{}/user/{}", ids[0], ids[1], ids[1]);
    let steps = format!("{{{}}}:{{{}}}", ids[0], ids[1]);
    let cases = [
        (circle.as_str(), project.as_str(), ids[0], "admit"),
        (
            "api.bitbucket.org/2.0/workspaces/octo/pipelines-config/identity/oidc",
            steps.as_str(),
            "ari:cloud:bitbucket::workspace/33333333-2222-3333-4444-555555555555",
            "admit",
        ),
        ("app.terraform.io", "organization:octo:project:web:workspace:prod:run_phase:apply", "aws.workload.identity", "admit"),
        ("oidc.vercel.com/octo", "owner:octo:project:web:environment:production", "https://vercel.com/octo", "admit"),
        ("octo.app.spacelift.io", "space:root:stack:web:run_type:TRACKED:scope:write", "octo.app.spacelift.io", "admit"),
        ("gitlab.com", "project_path:octo/app:ref_type:branch:ref:main", "sts.amazonaws.com", "admit"),
        // what the tools of AWS ask for is no choice of the trust's
        ("token.actions.githubusercontent.com", "repo:octo/app:ref:refs/heads/main", "elsewhere", "deny"),
    ];
    for (host, subject, audience, expected) in cases {
        let condition = json!({"StringEquals": {format!("{host}:aud"): audience, format!("{host}:sub"): subject}});
        let principal = json!({"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")});
        let statement =
            json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition});
        folder.write("trust.json", json!({"Version": "2012-10-17", "Statement": [statement]}).to_string().as_bytes());
        let issuer = format!("https://{host}");
        let token = ["--issuer", &issuer, "--subject", subject, "--format", "json"];
        for (at, place) in [["--policy", "trust.json"].as_slice(), &["."]].into_iter().enumerate() {
            let out = run(&folder, &[&["simulate"], place, &token[..]].concat(), None);
            let answer: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
            let answer = if at == 0 { &answer } else { &answer["identities"][0] };
            assert!(
                answer["decision"] == expected || (expected == "unknown" && answer["decision"] != "admit"),
                "{host} {audience}: {answer:#}"
            );
        }
    }
}

//! `fedlint simulate` and `fedlint test` through their library: one token against documents and repositories.
#![allow(clippy::unwrap_used, clippy::panic)]

use fedlint::pipeline::{Estate, Input, Request, read};
use fedlint::simulation::{
    Assertion, Door, GithubJob, IssuerChoice, Issuers, Outcome, Presented, decide_document, read_assertions, read_token, simulate,
};
use fedlint::token::{Decision, Token};
use serde_json::{Value, json};

/// The hand-made cases in the shape that users write.
fn converted() -> String {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/conformance/aws-trust-cases.json")).unwrap();
    let convert = |case: &Value| {
        let expect = match (case["doc"].as_str(), case["expected"].as_str()) {
            (Some("disputed"), _) => "unknown",
            (_, Some("Allowed")) => "admit",
            _ => "deny",
        };
        let allowed = case.get("identityPolicies").and_then(Value::as_array).is_none_or(|p| !p.is_empty());
        json!({
            "name": case["id"], "context": case["context"], "principal": case["principal"], "action": case["action"],
            "policy": case["policy"], "expect": expect, "caller_allowed": allowed,
        })
    };
    Value::Array(all.iter().map(convert).collect()).to_string()
}

fn decide(assertion: &Assertion) -> Decision {
    let Door::Inline(policy) = &assertion.door else { panic!("an inline policy") };
    decide_document("policy.json", policy, &assertion.presented).unwrap().evaluation.decision
}

#[test]
fn the_hand_made_cases_pass_as_assertions() {
    let assertions = read_assertions("cases.json", &converted(), &Issuers::default()).unwrap();
    assert_eq!(assertions.len(), 92);
    let wrong: Vec<String> =
        assertions.iter().filter(|a| decide(a) != a.expect).map(|a| format!("{}: {} instead of {}", a.name, decide(a), a.expect)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn assertions_are_read_in_every_form() {
    let json = r#"[{"name": "a", "token": {"sub": "x"}, "policy": "p.json", "expect": "deny"}]"#;
    let yaml = "- name: a\n  token: {sub: x}\n  policy: p.json\n  expect: deny\n";
    let line = r#"{"name": "a", "token": {"sub": "x"}, "policy": "p.json", "expect": "deny"}"#;
    for (path, text) in [("t.json", json), ("t.yaml", yaml), ("t.jsonl", line), ("t.txt", &format!("{line}\n\n{line}\n"))] {
        let all = read_assertions(path, text, &Issuers::default()).unwrap();
        let first = all.first().unwrap();
        assert_eq!((first.name.as_str(), &first.door, first.expect), ("a", &Door::File("p.json".to_owned()), Decision::Deny), "{path}");
        assert_eq!(first.presented.claims.string("sub"), Some("x"));
    }
}

#[test]
fn unusable_assertions_say_which_and_why() {
    let bad = [
        (r#"[{"name": "a", "token": {}, "policy": "p"}]"#, "`a`: `expect` is missing"),
        (r#"[{"name": "a", "token": {}, "policy": "p", "expect": "allow"}]"#, "`expect` is `allow`"),
        (r#"[{"name": "a", "policy": "p", "expect": "deny"}]"#, "`token` (claims), `context`"),
        (r#"[{"name": "a", "token": {}, "expect": "deny"}]"#, "`policy` or `identity` is missing"),
        (r#"[{"name": "a", "token": {}, "context": {}, "policy": "p", "expect": "deny"}]"#, "exclude each other"),
        (r#"[{"name": "a", "token": {}, "policy": "p", "expect": "deny", "polcy": "q"}]"#, "`a`: unknown field `polcy`"),
        (r#"[{"github": "octo/app", "token": {}, "policy": "p", "expect": "deny"}]"#, "exclude `github`"),
        (r#"[{"github": "octo/app", "spiffe": "spiffe://a/b", "policy": "p", "expect": "deny"}]"#, "exclude each other"),
        (r#"[{"environment": "live", "token": {}, "policy": "p", "expect": "deny"}]"#, "`environment` is said beside"),
        (r#"[{"subject": "x", "policy": "p", "expect": "deny"}]"#, "`subject` is that of an `issuer`"),
        (r#"[{"github": "octo", "policy": "p", "expect": "deny"}]"#, "write `owner/repository`"),
        (r#"[3]"#, "assertion 1 is not an object"),
        ("[]", "no assertions"),
        ("{", "t.json"),
    ];
    for (text, message) in bad {
        let error = read_assertions("t.json", text, &Issuers::default()).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn an_assertion_says_whose_token_it_is_as_simulate_does() {
    let policy = |host: &str, subject: &str| {
        let condition = json!({"StringEquals": {format!("{host}:aud"): "sts.amazonaws.com", format!("{host}:sub"): subject}});
        let principal = json!({"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{host}")});
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]})
    };
    let (github, cluster) = ("token.actions.githubusercontent.com", "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF");
    let live = policy(github, "repo:octo/app:environment:live");
    let cart = policy(cluster, "system:serviceaccount:shop:cart");
    let file = json!([
        {"github": "octo/app", "environment": "live", "policy": live, "expect": "admit"},
        {"github": "octo/app", "ref": "refs/heads/main", "policy": live, "expect": "deny"},
        {"github": "octo/app", "environment": "live", "audience": "elsewhere", "policy": live, "expect": "deny"},
        {"issuer": format!("https://{github}"), "subject": "repo:octo/app:environment:live", "policy": live, "expect": "admit"},
        {"kubernetes": "shop/cart", "policy": cart, "expect": "admit"},
        {"kubernetes": "shop/till", "policy": cart, "expect": "deny"},
        {"spiffe": "spiffe://tide.example/cart", "policy": cart, "expect": "deny"},
    ]);
    for assertion in read_assertions("t.json", &file.to_string(), &Issuers::default()).unwrap() {
        assert_eq!(decide(&assertion), assertion.expect, "{} {:?}", assertion.name, assertion.presented);
    }
}

#[test]
fn a_token_is_claims_or_keys_or_a_jwt() {
    assert_eq!(read_token(r#"{"iss": "https://a", "sub": "b"}"#).unwrap().claims.string("sub"), Some("b"));
    assert!(read_token(r#"{"context": {"a.b:sub": "c"}}"#).unwrap().ready);
    let jwt = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2EiLCJzdWIiOiJiIn0.";
    let read = read_token(jwt).unwrap();
    assert_eq!(read.claims.string("sub"), Some("b"));
    assert!(read.notes.iter().any(|n| n.contains("signature")));
    for text in ["", "a.b", "a.%%.c", "eyJ.W10.x", "{"] {
        assert!(read_token(text).is_err(), "{text}");
    }
}

fn job(repository: &str) -> GithubJob<'_> {
    GithubJob { repository, owner_id: Some("1"), repository_id: Some("2"), ..GithubJob::default() }
}

fn estate(files: &[(&str, &str)]) -> Estate {
    let files = files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
    read(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

fn outcome(estate: &Estate, presented: &Presented) -> Outcome {
    simulate(&estate.graph, &estate.links, presented)
}

const PROVIDER: &str = r#"{
 "name": "projects/1/locations/global/workloadIdentityPools/ci/providers/gh",
 "attributeMapping": {"google.subject": "assertion.sub", "attribute.owner": "assertion.repository_owner"},
 "attributeCondition": "assertion.repository_owner_id == '1' && assertion.ref == 'refs/heads/main'",
 "oidc": {"issuerUri": "https://token.actions.githubusercontent.com"}
}"#;

#[test]
fn a_provider_alone_says_which_conjunct_failed() {
    let admitted = decide_document("provider.json", PROVIDER, &job("a/b").token().unwrap()).unwrap();
    assert_eq!(admitted.evaluation.decision, Decision::Admit, "{admitted:#?}");
    let other = GithubJob { reference: "refs/heads/dev", ..job("a/b") }.token().unwrap();
    let refused = decide_document("provider.json", PROVIDER, &other).unwrap();
    let step = refused.evaluation.first_failure().unwrap();
    assert_eq!((step.expected.as_deref(), step.found.as_deref()), (Some("refs/heads/main"), Some("refs/heads/dev")));
    assert_eq!(refused.sources.locate(step.span.unwrap()).unwrap().1.line, 4);
}

#[test]
fn an_id_that_was_not_given_is_not_known() {
    let token = GithubJob { repository: "a/b", ..GithubJob::default() }.token().unwrap();
    let decided = decide_document("provider.json", PROVIDER, &token).unwrap();
    assert_eq!(decided.evaluation.decision, Decision::Unknown);
    let policy = trust(json!({"StringEquals": {"token.actions.githubusercontent.com:repository_owner_id": "1"}}));
    let decided = decide_document("trust.json", &policy, &token).unwrap();
    assert_eq!(decided.evaluation.decision, Decision::Unknown);
    assert!(decided.evaluation.reasons.iter().any(|r| r.contains("repository_owner_id") && r.contains("not provided")), "{decided:#?}");
}

fn trust(condition: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
        "Condition": condition,
    }]})
    .to_string()
}

#[test]
fn what_the_request_decides_is_not_known() {
    let token = job("a/b").token().unwrap();
    for condition in [
        json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"StringLike": {"sts:RoleSessionName": "a*"}}),
    ] {
        let decided = decide_document("trust.json", &trust(condition.clone()), &token).unwrap();
        assert_eq!(decided.evaluation.decision, Decision::Unknown, "{condition}: {decided:#?}");
    }
    let secure = trust(json!({"Bool": {"aws:SecureTransport": "true"}}));
    assert_eq!(decide_document("trust.json", &secure, &token).unwrap().evaluation.decision, Decision::Admit);
    let external = trust(json!({"StringEquals": {"sts:ExternalId": "x"}}));
    assert_eq!(decide_document("trust.json", &external, &token).unwrap().evaluation.decision, Decision::Deny);
}

#[test]
fn a_credential_compares_byte_by_byte() {
    let credential = r#"{"name": "c", "issuer": "https://token.actions.githubusercontent.com", "subject": "repo:a/b:ref:refs/heads/main",
        "audiences": ["api://AzureADTokenExchange"]}"#;
    let decision = |presented: &Presented| decide_document("credential.json", credential, presented).unwrap().evaluation;
    assert_eq!(decision(&job("a/b").token().unwrap()).decision, Decision::Admit);
    let upper = decision(&job("A/b").token().unwrap());
    assert_eq!(upper.decision, Decision::Deny);
    assert_eq!(upper.first_failure().unwrap().found.as_deref(), Some("repo:A/b:ref:refs/heads/main"));
    let audience = decision(&GithubJob { audience: Some("sts.amazonaws.com"), ..job("a/b") }.token().unwrap());
    assert_eq!(audience.first_failure().unwrap().found.as_deref(), Some("sts.amazonaws.com"));
}

const REPOSITORY: &str = r#"
resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }
      Condition = { StringEquals = { "token.actions.githubusercontent.com:sub" = "repo:a/b:ref:refs/heads/main" } }
    }]
  })
}
resource "aws_iam_role" "gitlab" {
  name = "gitlab"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/gitlab.com" }
      Condition = { StringEquals = { "gitlab.com:sub" = "project_path:a/b:ref_type:branch:ref:main" } }
    }]
  })
}
resource "google_iam_workload_identity_pool" "ci" {
  project                   = "acme-ci"
  workload_identity_pool_id = "ci"
}
resource "google_iam_workload_identity_pool_provider" "github" {
  project                            = "acme-ci"
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_mapping   = { "google.subject" = "assertion.sub", "attribute.repository" = "assertion.repository" }
  attribute_condition = "assertion.repository_owner == 'a'"
  oidc { issuer_uri = "https://token.actions.githubusercontent.com" }
}
resource "google_service_account" "deploy" {
  project    = "acme-ci"
  account_id = "deploy"
}
resource "google_service_account_iam_member" "deploy" {
  service_account_id = google_service_account.deploy.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.ci.name}/attribute.repository/a/b"
}
"#;

fn decisions(outcome: &Outcome) -> Vec<(&str, Decision)> {
    outcome.verdicts.iter().map(|v| (v.identity.as_str(), v.evaluation.decision)).collect()
}

#[test]
fn every_identity_of_a_repository_answers() {
    let estate = estate(&[("main.tf", REPOSITORY)]);
    let own = outcome(&estate, &job("a/b").token().unwrap());
    assert_eq!(decisions(&own), [("aws_iam_role.deploy", Decision::Admit), ("google_service_account.deploy", Decision::Admit)], "{own:#?}");
    assert_eq!(own.other_issuers, ["aws_iam_role.gitlab"]);
    let sibling = outcome(&estate, &job("a/c").token().unwrap());
    assert_eq!(sibling.count(Decision::Deny), 2);
    let lines: Vec<usize> = sibling
        .verdicts
        .iter()
        .map(|v| estate.sources.locate(v.evaluation.first_failure().unwrap().span.unwrap()).unwrap().1.line)
        .collect();
    assert_eq!(lines, [14, 49], "the subject of the role, the member of the binding");
    let stranger = outcome(&estate, &job("e/b").token().unwrap());
    let google = stranger.verdicts.iter().find(|v| v.cloud == "google").unwrap();
    assert!(google.evaluation.first_failure().unwrap().test.contains("repository_owner"), "the condition comes before the member");
}

#[test]
fn an_audience_that_is_no_client_of_the_provider_is_refused() {
    let estate = estate(&[("main.tf", REPOSITORY)]);
    let own = outcome(&estate, &GithubJob { audience: Some("else"), ..job("a/b") }.token().unwrap());
    let role = own.verdicts.iter().find(|v| v.cloud == "aws").unwrap();
    assert!(role.evaluation.first_failure().unwrap().test.contains("client ids"), "{role:#?}");
    let google = own.verdicts.iter().find(|v| v.cloud == "google").unwrap();
    assert!(google.evaluation.first_failure().unwrap().test.contains("audiences"), "{google:#?}");
}

#[test]
fn a_slash_at_the_end_of_the_issuer_is_said() {
    let policy = PROVIDER.replace("githubusercontent.com\"", "githubusercontent.com/\"");
    let decided = decide_document("provider.json", &policy, &job("a/b").token().unwrap()).unwrap();
    assert_eq!(decided.evaluation.first_failure().unwrap().test, "issuer");
}

#[test]
fn a_pod_has_the_identity_of_its_own_service_account() {
    let member = r#"
resource "google_service_account" "api" {
  project    = "acme"
  account_id = "api"
}
resource "google_service_account_iam_member" "api" {
  service_account_id = google_service_account.api.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:acme.svc.id.goog[shop/api]"
}
"#;
    let estate = estate(&[("main.tf", member)]);
    let pod = |sub: &str, iss: &str, issuer: IssuerChoice| {
        let mut claims = Token::default();
        claims.set("iss", iss);
        claims.set("sub", sub);
        outcome(&estate, &Presented { claims, any_audience: true, issuer, ..Presented::default() })
    };
    let own = "https://container.googleapis.com/v1/projects/acme/locations/europe-west1/clusters/c";
    let api = "system:serviceaccount:shop:api";
    assert_eq!(pod(api, own, IssuerChoice::Stated).count(Decision::Admit), 1);
    assert_eq!(pod(api, "", IssuerChoice::Cluster).count(Decision::Admit), 1);
    assert_eq!(pod("system:serviceaccount:shop:web", own, IssuerChoice::Stated).count(Decision::Deny), 1);
    let foreign = own.replace("/acme/", "/acme-evil/");
    assert_eq!(pod(api, &foreign, IssuerChoice::Stated).verdicts.len(), 0);
}

#[test]
fn a_file_that_is_no_policy_is_said_to_be_none() {
    let token = job("a/b").token().unwrap();
    assert!(decide_document("x.json", "{\"a\": 1}", &token).unwrap_err().contains("is no IAM trust policy"));
    assert!(decide_document("x.json", "{", &token).is_err());
    assert!(GithubJob { repository: "no-slash", ..GithubJob::default() }.token().is_err());
    assert!(GithubJob { repository: "a/b", immutable: true, ..GithubJob::default() }.token().is_err());
}

#[test]
fn a_pod_of_whatever_cluster_gets_the_role_whose_issuer_is_known_only_after_apply() {
    let irsa = include_str!("../../fixtures/repos/brightloaf/infra/aws/irsa.tf");
    let estate = estate(&[("irsa.tf", irsa)]);
    let claims = |account: &str| fedlint::issuers::tokens::kubernetes("https://kubernetes.default.svc", "shop", account).unwrap();
    let pod =
        |account: &str| Presented { claims: claims(account), issuer: IssuerChoice::Cluster, any_audience: true, ..Presented::default() };
    let decision = |account: &str| {
        let all = outcome(&estate, &pod(account)).verdicts;
        all.iter().find(|v| v.identity == "aws_iam_role.payments").map(|v| v.evaluation.decision)
    };
    assert_eq!(decision("payments"), Some(Decision::Admit));
    assert_eq!(decision("other"), Some(Decision::Deny));
}

//! Logins of workloads outside of Google Cloud: where configurations are found, what they name and ask for.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};

fn found(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let mut rules: Vec<String> = run.findings.iter().map(|f| f.rule.to_string()).collect();
    rules.dedup();
    rules
}

fn configuration(audience: &str, more: &str) -> String {
    format!(
        r#"{{"type": "external_account", "audience": "{audience}", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token", {more}}}"#
    )
}

const RIGHT: &str = "//iam.googleapis.com/projects/501/locations/global/workloadIdentityPools/mill-pool/providers/cluster";
const BY_ID: &str = "//iam.googleapis.com/projects/mill-data/locations/global/workloadIdentityPools/mill-pool/providers/cluster";
const FILE: &str = r#""credential_source": {"file": "/var/run/mill/token"}"#;

/// A configuration is one wherever it is written.
#[test]
fn configurations_inside_of_other_things() {
    let map = |text: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: gcp\ndata:\n  c.json: |\n    {text}\n");
    assert_eq!(found(&[("k.yaml", &map(&configuration(BY_ID, FILE)))]), ["project-id-in-principal"]);
    assert_eq!(found(&[("k.yaml", &map(&configuration(RIGHT, FILE)))]), Vec::<String>::new());
    let secret = map(&configuration(BY_ID, FILE)).replace("ConfigMap", "Secret").replace("data:", "stringData:");
    assert_eq!(found(&[("k.yaml", &secret)]), ["project-id-in-principal"]);
    let terraform = |audience: &str| {
        format!(
            "resource \"google_secret_manager_secret_version\" \"c\" {{\n  secret = \"c\"\n  secret_data = jsonencode({{\n    type = \"external_account\"\n    audience = \"{audience}\"\n    \
             subject_token_type = \"urn:ietf:params:oauth:token-type:jwt\"\n    credential_source = {{ file = \"/t\" }}\n  }})\n}}\n"
        )
    };
    assert_eq!(found(&[("main.tf", &terraform(BY_ID))]), ["project-id-in-principal"]);
    assert_eq!(found(&[("main.tf", &terraform(RIGHT))]), Vec::<String>::new());
}

/// The libraries of other clouds and of one's own machine are not Google's, and are meant.
#[test]
fn addresses_that_are_meant() {
    for source in [
        r#""credential_source": {"url": "http://169.254.169.254/metadata/identity/oauth2/token?resource=api://x"}"#,
        r#""credential_source": {"url": "http://localhost:8080/token"}"#,
        r#""credential_source": {"url": "https://ci.mill.example/token"}"#,
        r#""credential_source": {"file": "/t"}, "service_account_impersonation_url": "${URL}""#,
    ] {
        assert_eq!(found(&[("c.json", &configuration(RIGHT, source))]), Vec::<String>::new(), "{source}");
    }
    for source in [
        r#""credential_source": {"url": "http://ci.mill.example/token"}"#,
        r#""credential_source": {"file": "/t"}, "service_account_impersonation_url": "https://iamcredentials.googleapis.com@mill.example/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken""#,
        r#""credential_source": {"file": "/t"}, "token_info_url": "http://sts.googleapis.com/v1/introspect""#,
        r#""credential_source": {"file": "/t"}, "universe_domain": "mill.example", "service_account_impersonation_url": "https://iamcredentials.mill.example/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken""#,
    ] {
        assert_eq!(found(&[("c.json", &configuration(RIGHT, source))]), ["untrusted-credential-config"], "{source}");
    }
}

fn provider(id: &str, audiences: &str) -> String {
    format!(
        "resource \"google_iam_workload_identity_pool\" \"p\" {{\n  project = \"mill-data\"\n  workload_identity_pool_id = \"mill-pool\"\n}}\n\
         resource \"google_iam_workload_identity_pool_provider\" \"{id}\" {{\n  project = \"mill-data\"\n  workload_identity_pool_id = \
         google_iam_workload_identity_pool.p.workload_identity_pool_id\n  workload_identity_pool_provider_id = \"{id}\"\n  attribute_condition = \
         \"assertion.repository_id == '42' && assertion.ref == 'refs/heads/main' && assertion.event_name == 'push'\"\n  attribute_mapping = {{ \"google.subject\" = \
         \"assertion.sub\" }}\n  oidc {{\n    issuer_uri = \"https://token.actions.githubusercontent.com\"\n    allowed_audiences = [{audiences}]\n  }}\n}}\n"
    )
}

fn job(provider: &str, more: &str) -> String {
    format!(
        "on: push\npermissions:\n  id-token: write\njobs:\n  grind:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: google-github-actions/auth@v3\n        with:\n          \
         workload_identity_provider: {provider}\n{more}"
    )
}

/// A provider that the pool lacks is one only where the pool and its providers are known.
#[test]
fn providers_that_are_not_there() {
    let login =
        |project: &str, id: &str| job(&format!("projects/{project}/locations/global/workloadIdentityPools/mill-pool/providers/{id}"), "");
    let of = |terraform: &str, login: &str| found(&[("main.tf", terraform), (".github/workflows/grind.yml", login)]);
    assert_eq!(of(&provider("cluster", ""), &login("501", "clutser")), ["dangling-reference"]);
    assert_eq!(of(&provider("cluster", ""), &login("501", "cluster")), Vec::<String>::new());
    assert_eq!(of(&provider("cluster", ""), &login("501", "${{ vars.PROVIDER }}")), Vec::<String>::new());
    let unknown = format!("variable \"id\" {{}}\n{}", provider("cluster", "").replace("provider_id = \"cluster\"", "provider_id = var.id"));
    assert_eq!(of(&unknown, &login("501", "clutser")), Vec::<String>::new());
    // A pool of this name in another project: the members of the declared one write another number.
    let bound = format!(
        "{}resource \"google_service_account\" \"a\" {{\n  project = \"mill-data\"\n  account_id = \"mill-loader\"\n}}\nresource \"google_service_account_iam_member\" \"a\" {{\n  \
         service_account_id = google_service_account.a.name\n  role = \"roles/iam.workloadIdentityUser\"\n  member = \
         \"principal://iam.googleapis.com/projects/501/locations/global/workloadIdentityPools/mill-pool/subject/repo:mill/flour:ref:refs/heads/main\"\n}}\n",
        provider("cluster", "")
    );
    assert!(of(&bound, &login("501", "clutser")).contains(&"dangling-reference".to_owned()));
    assert!(!of(&bound, &login("502", "clutser")).contains(&"dangling-reference".to_owned()));
}

/// The audience that a job asks for, and what the provider accepts.
#[test]
fn audiences_of_jobs() {
    let name = "projects/501/locations/global/workloadIdentityPools/mill-pool/providers/cluster";
    let of = |audiences: &str, more: &str| {
        found(&[("main.tf", &provider("cluster", audiences)), (".github/workflows/grind.yml", &job(name, more))])
    };
    let asks = |audience: &str| format!("          audience: {audience}\n");
    assert_eq!(of("", ""), Vec::<String>::new());
    assert_eq!(of("", &asks(&format!("//iam.googleapis.com/{name}"))), Vec::<String>::new());
    assert_eq!(of("", &asks("https://mill.example")), ["audience-mismatch"]);
    assert_eq!(of("\"https://mill.example\"", &asks("https://mill.example")), Vec::<String>::new());
    assert_eq!(of("\"https://mill.example\"", &asks("${{ vars.AUDIENCE }}")), Vec::<String>::new());
    assert_eq!(of(&format!("\"https://iam.googleapis.com/{name}\""), ""), Vec::<String>::new());
    assert_eq!(of("\"https://mill.example\"", ""), ["audience-mismatch"]);
}

//! Checks at the edge of what they ask: exactly at a bound and one beside it, in another letter case, with another separator.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

/// Rules and severities of the findings at low or above.
fn found(files: &[(&str, &str)]) -> Vec<(String, Severity)> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    run.findings.iter().filter(|f| f.severity >= Severity::Low).map(|f| (f.rule.to_string(), f.severity)).collect()
}

/// The severities of the findings of one rule.
fn of(rule: &str, files: &[(&str, &str)]) -> Vec<Severity> {
    found(files).into_iter().filter(|(found, _)| found == rule).map(|(_, severity)| severity).collect()
}

/// A role for the jobs of a repository with these ends of their subjects, by its name and by its ids.
fn role(name: &str, operator: &str, repository: &str, ends: &[&str]) -> String {
    let (owner, repo) = repository.split_once('/').expect("owner and name");
    let both = |end: &&str| [format!("\"repo:{owner}/{repo}:{end}\""), format!("\"repo:{owner}@7001/{repo}@7002:{end}\"")];
    let all: Vec<String> = ends.iter().flat_map(both).collect();
    format!(
        r#"resource "aws_iam_role" "{name}" {{
  name = "{name}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::222233334444:oidc-provider/token.actions.githubusercontent.com" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }}
        {operator} = {{ "token.actions.githubusercontent.com:sub" = [{}] }}
      }}
    }}]
  }})
}}
"#,
        all.join(", ")
    )
}

fn administrator(role: &str) -> String {
    format!(
        "resource \"aws_iam_role_policy_attachment\" \"{role}\" {{\n  role       = aws_iam_role.{role}.name\n  policy_arn = \"arn:aws:iam::aws:policy/AdministratorAccess\"\n}}\n"
    )
}

/// A workflow whose only job logs in.
fn workflow(on: &str, job: &str, steps: &str, role: &str) -> String {
    format!(
        "on: {on}\npermissions: {{id-token: write, contents: read}}\njobs:\n  deploy:\n    runs-on: ubuntu-24.04\n{job}    steps:\n{steps}      - uses: aws-actions/configure-aws-credentials@v5\n        with: {{role-to-assume: '{role}', aws-region: eu-west-1}}\n      - run: make deploy\n"
    )
}

const ROLE: &str = "arn:aws:iam::222233334444:role/deploy";
const WORKFLOW: &str = ".github/workflows/deploy.yml";

#[test]
fn a_negated_test_pins_no_trust_anchor() {
    let policy = |operator: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{
  "Effect": "Allow",
  "Principal": {{"Service": "rolesanywhere.amazonaws.com"}},
  "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
  "Condition": {{
    "StringEquals": {{"aws:PrincipalTag/x509Subject/CN": "build.example.com"}},
    "{operator}": {{"aws:SourceArn": "arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/0b3e6b4e-7c1c-4f43-9d3b-6f9f3f1f2a10"}}
  }}
}}]}}"#
        )
    };
    for (operator, count) in [("ArnEquals", 0), ("ArnNotEquals", 1), ("ArnEqualsIfExists", 1)] {
        assert_eq!(of("roles-anywhere-unpinned", &[("trust.json", &policy(operator))]).len(), count, "{operator}");
    }
}

#[test]
fn the_tags_of_an_association_have_a_letter_case_where_the_operator_has() {
    let files = |operator: &str, namespace: &str| {
        format!(
            r#"resource "aws_iam_role" "api" {{
  name = "api"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Service = "pods.eks.amazonaws.com" }}
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {{ {operator} = {{ "aws:RequestTag/kubernetes-namespace" = "{namespace}", "aws:RequestTag/eks-cluster-name" = "bakery" }} }}
    }}]
  }})
}}

resource "aws_eks_pod_identity_association" "api" {{
  cluster_name    = "bakery"
  namespace       = "shop"
  service_account = "api"
  role_arn        = aws_iam_role.api.arn
}}
"#
        )
    };
    for (operator, namespace, count) in [
        ("StringEquals", "shop", 0),
        ("StringEquals", "Shop", 1),
        ("StringLike", "sh?p", 0),
        ("StringLike", "Sh*", 1),
        ("StringEqualsIgnoreCase", "Shop", 0),
        ("StringEqualsIgnoreCase", "Ship", 1),
    ] {
        let text = files(operator, namespace);
        assert_eq!(of("one-sided-binding", &[("main.tf", &text)]).len(), count, "{operator} {namespace}");
    }
}

#[test]
fn four_roles_in_a_chain_are_followed_to_an_administrator() {
    let chain = |hops: usize| {
        let mut text = role("r0", "StringLike", "octo/app", &["ref:refs/heads/*"]);
        for next in 1..=hops {
            let before = next - 1;
            text += &format!(
                r#"resource "aws_iam_role" "r{next}" {{
  name               = "r{next}"
  assume_role_policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Principal = {{ AWS = aws_iam_role.r{before}.arn }}, Action = "sts:AssumeRole" }}]
  }})
}}
resource "aws_iam_role_policy" "r{before}" {{
  role   = aws_iam_role.r{before}.name
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "sts:AssumeRole", Resource = aws_iam_role.r{next}.arn }}]
  }})
}}
"#
            );
        }
        text + &administrator(&format!("r{hops}"))
    };
    for (hops, severity) in [(0, Severity::High), (1, Severity::High), (4, Severity::High), (5, Severity::Medium)] {
        assert_eq!(of("any-ref", &[("main.tf", &chain(hops))]), [severity], "{hops}");
    }
}

#[test]
fn a_variable_is_of_one_repository_and_not_of_those_whose_names_end_alike() {
    let variable = "resource \"github_actions_variable\" \"role\" {\n  repository    = \"heron\"\n  variable_name = \"DEPLOY_ROLE\"\n  value         = \"arn:aws:iam::222233334444:role/deploy\"\n}\n";
    let login = workflow("push", "    environment: live\n", "", "${{ vars.DEPLOY_ROLE }}");
    for (repository, count) in [("saltmarsh/heron", 0), ("saltmarsh/blueheron", 1), ("saltmarsh/blue-heron", 1)] {
        let text = role("deploy", "StringEquals", repository, &["environment:live"]) + variable;
        assert_eq!(of("job-not-admitted", &[("main.tf", &text), (WORKFLOW, &login)]).len(), count, "{repository}");
    }
}

#[test]
fn the_variable_of_an_environment_is_found_by_its_name_in_any_letters() {
    let roles = role("deploy", "StringEquals", "saltmarsh/heron", &["environment:live"])
        + &role("other", "StringEquals", "saltmarsh/heron", &["environment:qa"]);
    let variables = |environment: &str| {
        format!(
            "resource \"github_actions_environment_variable\" \"role\" {{\n  repository    = \"heron\"\n  environment   = \"{environment}\"\n  variable_name = \"DEPLOY_ROLE\"\n  value         = \"arn:aws:iam::222233334444:role/deploy\"\n}}\nresource \"github_actions_variable\" \"role\" {{\n  repository    = \"heron\"\n  variable_name = \"DEPLOY_ROLE\"\n  value         = \"arn:aws:iam::222233334444:role/other\"\n}}\n"
        )
    };
    let login = workflow("push", "    environment: live\n", "", "${{ vars.DEPLOY_ROLE }}");
    for (environment, count) in [("live", 0), ("Live", 0), ("alive", 1)] {
        let text = format!("{roles}{}", variables(environment));
        assert_eq!(of("job-not-admitted", &[("main.tf", &text), (WORKFLOW, &login)]).len(), count, "{environment}");
    }
}

/// What an environment is declared with, and whether pull requests get to the administrator behind it.
#[test]
fn an_environment_protects_by_what_stands_before_it() {
    let trust = role("deploy", "StringEquals", "octo/app", &["environment:review"]) + &administrator("deploy");
    let login = workflow("pull_request", "    environment: review\n", "", ROLE);
    let environment = |name: &str, settings: &str| {
        format!("resource \"github_repository_environment\" \"e\" {{\n  repository  = \"app\"\n  environment = \"{name}\"\n{settings}}}\n")
    };
    let reviewers = "  reviewers {\n    teams = [31]\n  }\n";
    for (declared, count) in [
        (String::new(), 1),
        (environment("review", reviewers), 0),
        (environment("Review", reviewers), 0),
        (environment("reviews", reviewers), 1),
        (environment("review", ""), 1),
        (environment("review", "  wait_timer = 0\n"), 1),
        (environment("review", "  wait_timer = 1\n"), 0),
    ] {
        let text = format!("{trust}{declared}");
        assert_eq!(of("privileged-pull-request", &[("main.tf", &text), (WORKFLOW, &login)]).len(), count, "{declared}");
    }
}

#[test]
fn a_trust_that_names_pull_requests_is_told_once() {
    let trust = role("deploy", "StringEquals", "octo/app", &["environment:review", "pull_request"]);
    let text = trust + &administrator("deploy");
    let login = workflow("pull_request", "    environment: review\n", "", ROLE);
    let files: [(&str, &str); 2] = [("main.tf", &text), (WORKFLOW, &login)];
    assert_eq!((of("pull-request", &files).len(), of("privileged-pull-request", &files).len()), (1, 0));
}

#[test]
fn events_that_anybody_brings_about_run_what_they_fetch() {
    let trust = role("deploy", "StringEquals", "octo/app", &["ref:refs/heads/main"]);
    let fetch = "      - run: gh pr checkout ${{ github.event.issue.number }}\n";
    for (on, count) in [("issue_comment", 1), ("workflow_run", 1), ("schedule", 0), ("push", 0)] {
        let login = workflow(on, "", fetch, ROLE);
        assert_eq!(of("untrusted-checkout", &[("main.tf", &trust), (WORKFLOW, &login)]).len(), count, "{on}");
    }
}

#[test]
fn a_push_is_of_branches_or_of_tags_where_one_alone_is_named() {
    let branch = role("deploy", "StringEquals", "octo/app", &["ref:refs/heads/main"]);
    let tag = role("deploy", "StringEquals", "octo/app", &["ref:refs/tags/v1"]);
    for (filter, of_branch, of_tag) in [
        ("push", 0, 0),
        ("{push: {tags: ['v*']}}", 1, 0),
        ("{push: {branches: [main]}}", 0, 1),
        ("{push: {branches: [main], tags: ['v*']}}", 0, 0),
        ("{push: {branches-ignore: [wip]}}", 0, 1),
    ] {
        let login = workflow(filter, "", "", ROLE);
        let count = |trust: &str| of("job-not-admitted", &[("main.tf", trust), (WORKFLOW, &login)]).len();
        assert_eq!((count(&branch), count(&tag)), (of_branch, of_tag), "{filter}");
    }
}

#[test]
fn an_application_has_at_most_twenty_credentials() {
    let credentials = |count: usize| {
        let one = |n: usize| {
            format!(
                "resource \"azuread_application_federated_identity_credential\" \"c{n}\" {{\n  application_id = azuread_application.ci.id\n  display_name   = \"c{n}\"\n  audiences      = [\"api://AzureADTokenExchange\"]\n  issuer         = \"https://token.actions.githubusercontent.com\"\n  subject        = \"environment:e{n}\"\n}}\n"
            )
        };
        let all: String = (0..count).map(one).collect();
        format!("resource \"azuread_application\" \"ci\" {{\n  display_name = \"ci\"\n}}\n{all}")
    };
    assert_eq!(of("rejected-policy", &[("main.tf", &credentials(20))]), []);
    assert_eq!(of("rejected-policy", &[("main.tf", &credentials(21))]), [Severity::Medium]);
}

#[test]
fn tokens_of_pods_live_a_day_without_a_word_and_a_week_with_a_quiet_one() {
    let pod = |seconds: u32| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: exporter, namespace: reports}}\nspec:\n  serviceAccountName: exporter\n  containers: [{{name: exporter, image: 'registry.example/exporter:1.0.0'}}]\n  volumes:\n    - name: token\n      projected:\n        sources:\n          - serviceAccountToken: {{path: token, audience: sts.amazonaws.com, expirationSeconds: {seconds}}}\n"
        )
    };
    let day = 24 * 3600;
    for (seconds, severities) in
        [(day, vec![]), (day + 1, vec![Severity::Low]), (7 * day - 1, vec![Severity::Low]), (7 * day, vec![Severity::Medium])]
    {
        assert_eq!(of("long-session", &[("pod.yaml", &pod(seconds))]), severities, "{seconds}");
    }
}

/// A server of SPIRE with these settings.
fn server(settings: &str) -> String {
    format!(
        "server {{\n  trust_domain = \"td.example\"\n  data_dir = \"/d\"\n{settings}}}\nplugins {{\n  NodeAttestor \"x509pop\" {{\n    plugin_data {{\n      ca_bundle_path = \"/ca.pem\"\n    }}\n  }}\n}}\n"
    )
}

#[test]
fn lifetimes_of_svids_are_judged_at_their_bounds() {
    for (settings, severities) in [
        ("default_jwt_svid_ttl = \"1h\"", vec![]),
        ("default_jwt_svid_ttl = \"1h1s\"", vec![Severity::Low]),
        ("default_jwt_svid_ttl = \"11h59m59s\"", vec![Severity::Low]),
        ("default_jwt_svid_ttl = \"12h\"", vec![Severity::Medium]),
        ("default_x509_svid_ttl = \"24h\"", vec![]),
        ("default_x509_svid_ttl = \"24h1s\"", vec![Severity::Low]),
        ("default_x509_svid_ttl = \"167h59m59s\"", vec![Severity::Low]),
        ("default_x509_svid_ttl = \"168h\"", vec![Severity::Medium]),
        ("ca_ttl = \"24h\"\n  default_x509_svid_ttl = \"4h\"", vec![]),
        ("ca_ttl = \"24h\"\n  default_x509_svid_ttl = \"4h1s\"", vec![Severity::Low]),
    ] {
        assert_eq!(of("long-session", &[("server.conf", &server(&format!("  {settings}\n")))]), severities, "{settings}");
    }
}

#[test]
fn one_id_for_two_accounts_or_namespaces_is_told() {
    let entries = |first: [&str; 2], second: [&str; 2]| {
        let one = |[namespace, account]: [&str; 2]| {
            format!(
                "{{\"spiffe_id\": \"spiffe://td.example/a\", \"parent_id\": \"spiffe://td.example/nodes/n\", \"selectors\": [{{\"type\": \"k8s\", \"value\": \"ns:{namespace}\"}}, {{\"type\": \"k8s\", \"value\": \"sa:{account}\"}}]}}"
            )
        };
        format!("{{\"entries\": [{}, {}]}}", one(first), one(second))
    };
    for (second, count) in [(["shop", "api"], 0), (["shop", "web"], 1), (["shop-b", "api"], 1)] {
        assert_eq!(of("spiffe-id-collapse", &[("entries.json", &entries(["shop", "api"], second))]).len(), count, "{second:?}");
    }
}

#[test]
fn files_of_one_deployment_are_at_most_two_folders_apart() {
    let entry = "{\"entries\": [{\"spiffe_id\": \"spiffe://other.example/a\", \"selectors\": [{\"type\": \"k8s\", \"value\": \"ns:a\"}, {\"type\": \"k8s\", \"value\": \"sa:a\"}]}]}";
    for (path, count) in [("root/a/b/entries.json", 1), ("x/y/entries.json", 1), ("root/a/b/c/entries.json", 0), ("x/y/z/entries.json", 0)]
    {
        assert_eq!(of("spire-mismatch", &[("root/server.conf", &server("")), (path, entry)]).len(), count, "{path}");
    }
}

#[test]
fn a_join_token_of_sixteen_characters_is_one_and_a_shorter_word_stands_in() {
    let agent = |token: &str| {
        format!(
            "agent {{\n  trust_domain = \"td.example\"\n  server_address = \"s\"\n  join_token = \"{token}\"\n  trust_bundle_path = \"/b\"\n}}\n"
        )
    };
    for (token, severity) in [("0f1e2d3c4b5a6978", Severity::High), ("0f1e2d3c4b5a697", Severity::Low)] {
        assert_eq!(of("spire-insecure-bootstrap", &[("agent.conf", &agent(token))]), [severity], "{token}");
    }
}

#[test]
fn keys_over_http_stay_on_the_machine_itself() {
    let provider = |address: &str| format!("domains = [\"oidc.td.example\"]\ninsecure_addr = \"{address}\"\n");
    for (address, count) in
        [("127.0.0.1:8080", 0), ("localhost:8080", 0), ("[::1]:8080", 0), (":8080", 1), ("0.0.0.0:8080", 1), ("128.0.0.1:8080", 1)]
    {
        assert_eq!(of("spire-insecure-federation", &[("oidc.conf", &provider(address))]).len(), count, "{address}");
    }
}

//! SPIRE: two repositories with exact findings, and small ones for the forms that settings, entries and objects have.

#![allow(clippy::expect_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use std::fs;
use std::path::{Path, PathBuf};

/// Rule, file, line, severity.
type Found = (String, String, usize, Severity);

fn findings(files: Vec<(String, String)>) -> Vec<Found> {
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let one = |f: &fedlint::rules::Finding| {
        let file = run.sources.get(f.span.file).expect("the file is there");
        (f.rule.to_string(), file.path.clone(), file.position(f.span.start as usize).line, f.severity)
    };
    run.findings.iter().map(one).collect()
}

fn files(root: &Path, folder: &Path, out: &mut Vec<(String, String)>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(root, &path, out);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
            out.push((name, fs::read_to_string(&path).expect("text")));
        }
    }
}

fn repository(name: &str) -> Vec<Found> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos").join(name);
    let mut all = Vec::new();
    files(&root, &root, &mut all);
    findings(all)
}

#[test]
fn a_careful_team_is_left_alone() {
    let loud: Vec<Found> = repository("heronmere").into_iter().filter(|f| f.3 >= Severity::Low).collect();
    assert_eq!(loud, Vec::new());
}

#[test]
fn planted_faults_are_found_and_nothing_else() {
    let expected = [
        ("spire-jwt-key-type", "cloud/main.tf", 35, Severity::Medium),
        ("issuer-mismatch", "cloud/main.tf", 51, Severity::High),
        ("spire-weak-node-attestation", "cloud/values.yaml", 11, Severity::High),
        ("rejected-spire-configuration", "edge/agent.conf", 6, Severity::Medium),
        ("spire-privileged-entry", "entries/nested.json", 9, Severity::High),
        ("invalid-spiffe-id", "entries/register.sh", 9, Severity::Medium),
        ("spire-broad-selector", "entries/register.sh", 12, Severity::Medium),
        ("long-session", "entries/register.sh", 12, Severity::Medium),
        ("spire-mismatch", "k8s/agent.yaml", 18, Severity::Medium),
        ("spire-insecure-bootstrap", "k8s/agent.yaml", 27, Severity::Medium),
        ("spire-insecure-bootstrap", "k8s/agent.yaml", 51, Severity::High),
        ("spire-mismatch", "k8s/identities.yaml", 6, Severity::Medium),
        ("spiffe-id-collapse", "k8s/identities.yaml", 7, Severity::High),
        ("spire-federation-incomplete", "k8s/identities.yaml", 25, Severity::Low),
        ("spire-broad-selector", "k8s/identities.yaml", 36, Severity::Low),
        ("issuer-mismatch", "root/oidc-discovery-provider.conf", 3, Severity::Medium),
        ("long-session", "root/server.conf", 9, Severity::Medium),
        ("spire-privileged-entry", "root/server.conf", 12, Severity::High),
        ("spire-federation-incomplete", "root/server.conf", 27, Severity::Medium),
        ("spire-weak-node-attestation", "root/server.conf", 49, Severity::High),
        ("spire-weak-node-attestation", "root/server.conf", 56, Severity::Medium),
        ("spire-weak-node-attestation", "root/server.conf", 66, Severity::Medium),
        ("spire-insecure-bootstrap", "root/server.conf", 73, Severity::High),
    ];
    let expected: Vec<Found> = expected.map(|(rule, path, line, severity)| (rule.to_owned(), path.to_owned(), line, severity)).to_vec();
    let found: Vec<Found> = repository("heronmere-faults").into_iter().filter(|f| f.3 >= Severity::Low).collect();
    assert_eq!(found, expected);
}

fn server(settings: &str, attestors: &str) -> String {
    format!(
        "server {{\n  trust_domain = \"td.example\"\n  data_dir = \"/d\"\n{settings}\n}}\nplugins {{\n  KeyManager \"memory\" {{\n    plugin_data {{}}\n  }}\n{attestors}\n}}\n"
    )
}

const X509POP: &str = "  NodeAttestor \"x509pop\" {\n    plugin_data {\n      ca_bundle_path = \"/ca.pem\"\n    }\n  }";

fn credential(issuer: &str) -> String {
    format!(
        "resource \"azuread_application_federated_identity_credential\" \"spire\" {{\n  application_id = \"/applications/1\"\n  display_name = \"spire\"\n  audiences = [\"api://AzureADTokenExchange\"]\n  issuer = \"{issuer}\"\n  subject = \"spiffe://td.example/ns/a/sa/b\"\n}}\n"
    )
}

fn identity(spec: &str) -> String {
    format!("apiVersion: spire.spiffe.io/v1alpha1\nkind: ClusterSPIFFEID\nmetadata:\n  name: x\nspec:\n{spec}")
}

fn alias(selectors: &str) -> String {
    format!("#!/bin/sh\nspire-server entry create -node -spiffeID spiffe://td.example/nodes/a {selectors}\n")
}

fn mesh(domain: &str) -> String {
    format!(
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata:\n  name: mesh\nspec:\n  meshConfig:\n    trustDomain: {domain}\n"
    )
}

/// An agent with something in its attestor of pods.
fn agent(data: &str) -> String {
    format!(
        "agent {{\n trust_domain = \"td.example\"\n server_address = \"s\"\n trust_bundle_path = \"/b\"\n}}\nplugins {{\n WorkloadAttestor \"k8s\" {{\n plugin_data {{\n {data}\n }}\n }}\n}}\n"
    )
}

const GCP_IIT: &str = "  NodeAttestor \"gcp_iit\" {\n    plugin_data {\n      projectid_allow_list = [\"td-run\"]\n    }\n  }";

const NS_SA: &str = "  spiffeIDTemplate: 'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}'\n";
const CONTROLLER: &str =
    "apiVersion: spire.spiffe.io/v1alpha1\nkind: ControllerManagerConfig\nmetadata:\n  name: c\nclusterName: a\ntrustDomain: td.example\n";

/// A name, its files, and the rule that it breaks.
type Case = (&'static str, Vec<(&'static str, String)>, Option<&'static str>);

/// Name, files, the rule that fires at medium or above (and no other), or none.
fn cases() -> Vec<Case> {
    let https = "https://oidc.td.example";
    let issuer = "  jwt_issuer = \"https://oidc.td.example\"";
    let entry = |body: &str| format!("{{\"entries\": [{{\"spiffe_id\": \"spiffe://td.example/a\", {body}}}]}}");
    let create = |flags: &str| {
        format!("#!/bin/sh\nspire-server entry create -parentID spiffe://td.example/nodes/a -spiffeID spiffe://td.example/a {flags}\n")
    };
    vec![
        ("no issuer", vec![("server.conf", server("", X509POP)), ("main.tf", credential(https))], Some("issuer-mismatch")),
        ("another issuer", vec![("server.conf", server(issuer, X509POP)), ("main.tf", credential("https://other.td.example"))], Some("issuer-mismatch")),
        ("default key", vec![("server.conf", server(issuer, X509POP)), ("main.tf", credential(https))], Some("spire-jwt-key-type")),
        (
            "no tokens",
            vec![("server.conf", server(&format!("{issuer}\n  jwt_key_type = \"rsa-2048\"\n  disable_jwt_svids = true"), X509POP)), ("main.tf", credential(https))],
            Some("spire-jwt-key-type"),
        ),
        ("issuer of the environment", vec![("server.conf", server("  jwt_issuer = \"${ISSUER}\"", X509POP)), ("main.tf", credential(https))], None),
        ("another class", vec![("c.yaml", format!("{CONTROLLER}className: a\n")), ("i.yaml", identity(&format!("{NS_SA}  podSelector: {{matchLabels: {{a: b}}}}\n")))], Some("spire-mismatch")),
        ("classless is served", vec![("c.yaml", format!("{CONTROLLER}className: a\nwatchClassless: true\n")), ("i.yaml", identity(&format!("{NS_SA}  podSelector: {{matchLabels: {{a: b}}}}\n")))], None),
        ("an expression reads the namespace", vec![("i.yaml", identity("  spiffeIDTemplate: 'spiffe://td.example/{{ printf \"%s\" .PodMeta.Namespace | lower }}/x'\n  podSelector: {matchLabels: {a: b}}\n"))], None),
        ("only what excludes", vec![("i.yaml", identity(&format!("{NS_SA}  namespaceSelector:\n    matchExpressions: [{{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}}]\n")))], None),
        ("filled in from the environment", vec![("i.yaml", identity("  spiffeIDTemplate: 'spiffe://${TRUST_DOMAIN}/a'\n  podSelector: {matchLabels: {a: b}}\n  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: a}}\n"))], None),
        ("account alone", vec![("e.json", entry("\"selectors\": [{\"type\": \"k8s\", \"value\": \"sa:a\"}]"))], Some("spire-broad-selector")),
        ("a digest", vec![("e.json", entry("\"selectors\": [{\"type\": \"k8s\", \"value\": \"container-image:r.example/a@sha256:00\"}]"))], None),
        ("an attestor nobody knows", vec![("e.json", entry("\"selectors\": [{\"type\": \"nitro\", \"value\": \"x\"}]"))], None),
        ("a path that is filled in", vec![("e.json", entry("\"parent_id\": \"spiffe://td.example/spire/agent/<node>\", \"selectors\": [{\"type\": \"unix\", \"value\": \"path:/a\"}, {\"type\": \"unix\", \"value\": \"user:a\"}]"))], None),
        ("given to read", vec![("r.sh", "#!/bin/sh\nspire-server entry create -data - <<EOF\n{\"entries\": [{\"spiffe_id\": \"spiffe://td.example/a\", \"selectors\": [{\"type\": \"unix\", \"value\": \"uid:0\"}]}]}\nEOF\n".to_owned())], Some("spire-broad-selector")),
        ("a flag with a value", vec![("r.sh", create("-selector k8s:ns:a -selector k8s:sa:a -admin=false"))], None),
        ("selectors of a variable", vec![("r.sh", create("$SELECTORS"))], None),
        ("another attestor", vec![("server.conf", server("", X509POP)), ("e.json", entry("\"parent_id\": \"spiffe://td.example/spire/agent/k8s_psat/a/b\", \"selectors\": [{\"type\": \"unix\", \"value\": \"path:/a\"}, {\"type\": \"unix\", \"value\": \"user:a\"}]"))], Some("spire-mismatch")),
        ("far away", vec![("a/b/c/d/server.conf", server("", X509POP)), ("x/y/z/e.json", entry("\"selectors\": [{\"type\": \"k8s\", \"value\": \"ns:a\"}, {\"type\": \"k8s\", \"value\": \"sa:a\"}]").replace("td.example", "other.example"))], None),
        ("a join token of the environment", vec![("agent.conf", "agent {\n  trust_domain = \"td.example\"\n  server_address = \"s\"\n  join_token = \"$JOIN_TOKEN\"\n  trust_bundle_path = \"/b\"\n}\n".to_owned())], None),
        ("a join token", vec![("agent.conf", "agent {\n  trust_domain = \"td.example\"\n  server_address = \"s\"\n  join_token = \"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\"\n  trust_bundle_path = \"/b\"\n}\n".to_owned())], Some("spire-insecure-bootstrap")),
        ("a socket", vec![("oidc.conf", "domains = [\"oidc.td.example\"]\nlisten_socket_path = \"/run/oidc.sock\"\nallow_insecure_scheme = true\n".to_owned())], None),
        (
            "a chart of Flux",
            vec![("r.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: spire}\nspec:\n  chart: {spec: {chart: spire}}\n  values:\n    spire-server:\n      nodeAttestor:\n        httpChallenge: {enabled: true}\n".to_owned())],
            Some("spire-weak-node-attestation"),
        ),
        (
            "a chart of Argo CD",
            vec![("a.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: spire}\nspec:\n  source:\n    chart: spire\n    helm:\n      values: |\n        spire-server:\n          upstreamAuthority:\n            vault: {enabled: true, insecureSkipVerify: true}\n".to_owned())],
            Some("spire-insecure-bootstrap"),
        ),
        ("a compose file", vec![("compose.yaml", "services:\n  agent:\n    image: ghcr.io/spiffe/spire-agent:1.15.3\n    command: run -config /a.conf -insecureBootstrap\n".to_owned())], Some("spire-insecure-bootstrap")),
        ("a star in an account", vec![("server.conf", server("", "  NodeAttestor \"k8s_psat\" {\n    plugin_data {\n      clusters = { \"a\" = { service_account_allow_list = [\"spire:*\"] } }\n    }\n  }"))], Some("rejected-spire-configuration")),
        ("an anchored pattern", vec![("server.conf", server("", "  NodeAttestor \"http_challenge\" {\n    plugin_data {\n      allowed_dns_patterns = [\"^a\\.td\\.example$\"]\n    }\n  }"))], None),
        (
            "an alias of another attestor",
            vec![("server.conf", server("", X509POP)), ("r.sh", alias("-selector aws_iid:tag:role:a"))],
            Some("spire-mismatch"),
        ),
        (
            "an alias of another project",
            vec![
                ("server.conf", server("", GCP_IIT)),
                ("r.sh", alias("-selector gcp_iit:project-id:other -selector gcp_iit:sa:a@other.example")),
            ],
            Some("spire-mismatch"),
        ),
        (
            "an alias of the project",
            vec![
                ("server.conf", server("", GCP_IIT)),
                ("r.sh", alias("-selector gcp_iit:project-id:td-run -selector gcp_iit:sa:a@td-run.example")),
            ],
            None,
        ),
        (
            "a mesh of another trust domain",
            vec![("c.yaml", CONTROLLER.to_owned()), ("istio.yaml", mesh("cluster.local"))],
            Some("spire-mismatch"),
        ),
        ("a mesh of the trust domain", vec![("c.yaml", CONTROLLER.to_owned()), ("istio.yaml", mesh("td.example"))], None),
        (
            "a permissive broker",
            vec![("agent.conf", agent("experimental {\n broker {\n access_policy = \"permissive\"\n }\n }"))],
            Some("spire-insecure-bootstrap"),
        ),
        (
            "every signer",
            vec![("agent.conf", agent("sigstore {\n allowed_identities = { \".*\" = [\".*\"] }\n }"))],
            Some("spire-insecure-bootstrap"),
        ),
        (
            "one signer",
            vec![("agent.conf", agent("sigstore {\n allowed_identities = { \"https://i.example\" = [\".*@td.example\"] }\n }"))],
            None,
        ),
        (
            "capital letters",
            vec![("server.conf", server("", X509POP).replace("td.example", "TD.example"))],
            Some("invalid-spiffe-id"),
        ),
        ("a rehearsal", vec![("test/r.sh", create("-selector unix:uid:0 -admin"))], None),
        ("no configuration of SPIRE", vec![("nginx.conf", "server {\n  listen 80;\n  server_name spire.td.example;\n}\n".to_owned())], None),
    ]
}

#[test]
fn each_form_is_judged_as_it_is_meant() {
    let mut problems = Vec::new();
    for (name, files, rule) in cases() {
        let found = findings(files.into_iter().map(|(path, text)| (path.to_owned(), text)).collect());
        let loud: Vec<&Found> = found.iter().filter(|f| f.3 >= Severity::Medium).collect();
        let right = match rule {
            Some(rule) => !loud.is_empty() && loud.iter().all(|f| f.0 == rule),
            None => loud.is_empty(),
        };
        if !right {
            problems.push(format!("{name}: expected {rule:?}, found {loud:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_a_chart_adds_to_an_entry_of_its_values_is_told_at_the_entry() {
    let values = "global:\n  spire:\n    trustDomain: tallowmere.example\nspire-server:\n  controllerManager:\n    identities:\n      clusterSPIFFEIDs:\n        default:\n          enabled: true\n";
    let found = findings(vec![("spire/values.yaml".to_owned(), values.to_owned())]);
    let every: Vec<_> = found.iter().filter(|f| f.0 == "spiffe-id-for-every-pod").map(|f| f.2).collect();
    assert_eq!(every, [8], "{found:?}");
}

//! Both sides of every link: a repository of a team on three clouds whose sides meet, and one fault after the other planted in it.
//!
//! A row is one edit and all that fedlint has to say of it at low and above: alone it gives exactly this, and all faults together
//! give exactly the sum.

#![allow(clippy::expect_used, clippy::panic)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A link, the file that is changed, what stands there and what comes instead; and what is told: the rule, the file and the text of the
/// line, as it is after the change.
struct Fault {
    link: &'static str,
    file: &'static str,
    old: &'static str,
    new: &'static str,
    told: &'static [(&'static str, &'static str, &'static str)],
    /// It stands in the way of another fault: it is only planted alone.
    alone: bool,
}

const AWS: &str = "infra/aws.tf";
const AZURE: &str = "infra/azure.tf";
const GOOGLE: &str = "infra/google.tf";
const GITHUB: &str = "infra/github.tf";
const DEPLOY: &str = ".github/workflows/deploy.yml";
const PUBLISH: &str = ".github/workflows/_publish.yml";
const ACCOUNTS: &str = "k8s/base/accounts.yaml";
const AGENT: &str = "spire/agent.conf";
const ENTRIES: &str = "spire/entries.json";

const fn fault(
    link: &'static str,
    file: &'static str,
    old: &'static str,
    new: &'static str,
    told: &'static [(&'static str, &'static str, &'static str)],
) -> Fault {
    Fault { link, file, old, new, told, alone: false }
}

const fn alone(fault: Fault) -> Fault {
    Fault { alone: true, ..fault }
}

const FAULTS: &[Fault] = &[
    alone(fault(
        "L1 the path of the role is missing",
        ACCOUNTS,
        "role/pods/kiln",
        "role/kiln",
        &[("one-sided-binding", ACCOUNTS, "eks.amazonaws.com/role-arn: arn:aws:iam::483920175566:role/kiln")],
    )),
    fault(
        "L2 the trust is for another namespace",
        AWS,
        "\"system:serviceaccount:harbour:kiln\"",
        "\"system:serviceaccount:harbor:kiln\"",
        &[("one-sided-binding", ACCOUNTS, "eks.amazonaws.com/role-arn: arn:aws:iam::483920175566:role/pods/kiln")],
    ),
    alone(fault(
        "L2 the overlay puts everything elsewhere",
        "k8s/overlays/live/kustomization.yaml",
        "namespace: harbour",
        "namespace: harbor",
        &[
            ("one-sided-binding", GOOGLE, "member             = \"serviceAccount:tidewater-run.svc.id.goog[harbour/press]\""),
            ("one-sided-binding", ACCOUNTS, "eks.amazonaws.com/role-arn: arn:aws:iam::483920175566:role/pods/kiln"),
            ("one-sided-binding", ACCOUNTS, "iam.gke.io/gcp-service-account: press@tidewater-run.iam.gserviceaccount.com"),
        ],
    )),
    fault(
        "L3 another service account is annotated",
        ACCOUNTS,
        "press@tidewater-run.iam",
        "presses@tidewater-run.iam",
        &[("one-sided-binding", GOOGLE, "member             = \"serviceAccount:tidewater-run.svc.id.goog[harbour/press]\"")],
    ),
    alone(fault(
        "L4 the binding is for another account",
        GOOGLE,
        "svc.id.goog[harbour/press]",
        "svc.id.goog[harbour/printer]",
        &[
            ("one-sided-binding", GOOGLE, "member             = \"serviceAccount:tidewater-run.svc.id.goog[harbour/printer]\""),
            ("one-sided-binding", ACCOUNTS, "iam.gke.io/gcp-service-account: press@tidewater-run.iam.gserviceaccount.com"),
        ],
    )),
    alone(fault(
        "L5 an object id for a client id",
        AZURE,
        "azurerm_user_assigned_identity.ledger.client_id",
        "azurerm_user_assigned_identity.ledger.principal_id",
        &[("malformed-principal", AZURE, "\"azure.workload.identity/client-id\" = azurerm_user_assigned_identity.ledger.principal_id")],
    )),
    fault(
        "L6 the credential is for another account",
        AZURE,
        "system:serviceaccount:books:ledger",
        "system:serviceaccount:books:ledgers",
        &[
            ("one-sided-binding", AZURE, "\"azure.workload.identity/client-id\" = azurerm_user_assigned_identity.ledger.client_id"),
            ("orphan-trust", AZURE, "subject             = \"system:serviceaccount:books:ledgers\""),
        ],
    ),
    alone(fault(
        "L7 the credential is another identity's",
        AZURE,
        "parent_id           = azurerm_user_assigned_identity.ledger.id",
        "parent_id           = azurerm_user_assigned_identity.deploy.id",
        &[
            ("one-sided-binding", AZURE, "\"azure.workload.identity/client-id\" = azurerm_user_assigned_identity.ledger.client_id"),
            ("shared-identity", AZURE, "resource \"azurerm_federated_identity_credential\" \"deploy\" {"),
        ],
    )),
    alone(fault(
        "L7 a client id for the parent",
        AZURE,
        "parent_id           = azurerm_user_assigned_identity.ledger.id",
        "parent_id           = azurerm_user_assigned_identity.ledger.client_id",
        &[("malformed-principal", AZURE, "parent_id           = azurerm_user_assigned_identity.ledger.client_id")],
    )),
    fault(
        "L8 the assignment names a client id",
        AZURE,
        "azurerm_user_assigned_identity.deploy.principal_id",
        "azurerm_user_assigned_identity.deploy.client_id",
        &[("malformed-principal", AZURE, "principal_id         = azurerm_user_assigned_identity.deploy.client_id")],
    ),
    fault(
        "L9 the variable names another identity",
        GITHUB,
        "azurerm_user_assigned_identity.deploy.client_id",
        "azurerm_user_assigned_identity.ledger.client_id",
        &[("job-not-admitted", DEPLOY, "- uses: azure/login@v2")],
    ),
    fault(
        "L10 the job names another role",
        DEPLOY,
        "role/ci/pilot-deploy",
        "role/ci/pilot-publish",
        &[("job-not-admitted", DEPLOY, "- uses: aws-actions/configure-aws-credentials@v5")],
    ),
    fault(
        "L11 the pool has no provider of this name",
        DEPLOY,
        "forges/providers/github",
        "forges/providers/git-hub",
        &[(
            "dangling-reference",
            DEPLOY,
            "workload_identity_provider: projects/618203947715/locations/global/workloadIdentityPools/forges/providers/git-hub",
        )],
    ),
    alone(fault(
        "L12 the condition is for another branch",
        GOOGLE,
        "assertion.ref == 'refs/heads/main'",
        "assertion.ref == 'refs/heads/trunk'",
        &[("job-not-admitted", DEPLOY, "- uses: google-github-actions/auth@v3")],
    )),
    fault(
        "L13 nothing protects the environment",
        GITHUB,
        "  reviewers {\n    teams = [4418]\n  }\n  deployment_branch_policy {\n    protected_branches     = true\n    custom_branch_policies = false\n  }\n",
        "",
        &[
            (
                "unprotected-environment",
                AWS,
                "\"${local.github}:sub\" = [\"repo:tidewater/pilot:environment:live\", \"repo:tidewater@30518842/pilot@741905263:environment:live\"]",
            ),
            ("unprotected-environment", AZURE, "subject             = \"repo:tidewater@30518842/pilot@741905263:environment:live\""),
        ],
    ),
    fault(
        "L14 the trust is for another workflow",
        AWS,
        "_publish.yml@refs/tags/v*",
        "_release.yml@refs/tags/v*",
        &[("job-not-admitted", PUBLISH, "- uses: aws-actions/configure-aws-credentials@v5")],
    ),
    fault(
        "L15 the job asks for another audience",
        ".gitlab-ci.yml",
        "aud: https://gitlab.com",
        "aud: sts.amazonaws.com",
        &[("job-not-admitted", ".gitlab-ci.yml", "mirror:")],
    ),
    alone(fault(
        "L16 the agent is of another trust domain",
        AGENT,
        "\"id.tidewater.example\"",
        "\"id.tidewaters.example\"",
        &[("spire-mismatch", AGENT, "trust_domain      = \"id.tidewaters.example\"")],
    )),
    fault(
        "L17 the agent's cluster is called otherwise",
        AGENT,
        "cluster = \"harbour\"",
        "cluster = \"harbor\"",
        &[("spire-mismatch", AGENT, "cluster = \"harbor\"")],
    ),
    fault(
        "L18 the parent is no alias",
        ENTRIES,
        "\"parent_id\": \"spiffe://id.tidewater.example/nodes/harbour\"",
        "\"parent_id\": \"spiffe://id.tidewater.example/nodes/harbor\"",
        &[("spire-mismatch", ENTRIES, "\"parent_id\": \"spiffe://id.tidewater.example/nodes/harbor\",")],
    ),
    fault(
        "L19 discovery names another issuer",
        "spire/discovery.conf",
        "jwt_issuer = \"https://oidc.tidewater.example\"",
        "jwt_issuer = \"https://oidc.tidewaters.example\"",
        &[("issuer-mismatch", "spire/discovery.conf", "jwt_issuer = \"https://oidc.tidewaters.example\"")],
    ),
    alone(fault(
        "L19 the server signs as another issuer",
        "spire/server.conf",
        "jwt_issuer   = \"https://oidc.tidewater.example\"",
        "jwt_issuer   = \"https://jwt.tidewater.example\"",
        &[
            ("issuer-mismatch", AWS, "\"oidc.tidewater.example:sub\" = \"spiffe://id.tidewater.example/ns/harbour/sa/kiln\""),
            ("issuer-mismatch", "spire/discovery.conf", "jwt_issuer = \"https://oidc.tidewater.example\""),
        ],
    )),
    fault(
        "L20 the entry is for no account",
        ENTRIES,
        "\"sa:kiln\"",
        "\"sa:kilns\"",
        &[("orphan-trust", ENTRIES, "{\"type\": \"k8s\", \"value\": \"sa:kilns\"}")],
    ),
    fault(
        "L21 the subject is customised otherwise",
        GITHUB,
        "[\"repo\", \"context\", \"job_workflow_ref\"]",
        "[\"repo\", \"context\"]",
        &[(
            "stale-subject-format",
            AWS,
            "\"repo:tidewater/soundings:ref:refs/heads/main:job_workflow_ref:tidewater/pilot/.github/workflows/_publish.yml@refs/heads/main\",",
        )],
    ),
    fault(
        "L22 the chart names its account otherwise",
        "charts/crane/values.yaml",
        "name: crane\n",
        "name: cranes\n",
        &[
            ("one-sided-binding", "charts/crane/values-live.yaml", "eks.amazonaws.com/role-arn: arn:aws:iam::483920175566:role/pods/crane"),
            ("orphan-trust", AWS, "\"${local.eks}:sub\" = \"system:serviceaccount:harbour:crane\""),
        ],
    ),
    alone(fault(
        "the called workflow may not mint a token",
        PUBLISH,
        "      id-token: write\n",
        "",
        &[("job-cannot-mint-token", PUBLISH, "- uses: aws-actions/configure-aws-credentials@v5")],
    )),
    alone(fault(
        "the condition reads a claim that AWS has no key for",
        AWS,
        "\"gitlab.com:sub\" = \"project_path:tidewater/pilot:ref_type:branch:ref:main\"",
        "\"gitlab.com:namespace_path\" = \"tidewater\"",
        &[("unsupported-claim", AWS, "\"gitlab.com:namespace_path\" = \"tidewater\"")],
    )),
    fault(
        "the kubelet is not verified",
        AGENT,
        "kubelet_ca_path = \"/run/kubelet/ca.crt\"",
        "skip_kubelet_verification = true",
        &[("spire-insecure-bootstrap", AGENT, "skip_kubelet_verification = true")],
    ),
    fault(
        "SPIRE's provider has another client",
        AWS,
        "client_id_list = [\"aws-tidewater\"]",
        "client_id_list = [\"sts.amazonaws.com\"]",
        &[("audience-mismatch", AWS, "\"oidc.tidewater.example:aud\" = \"aws-tidewater\"")],
    ),
    fault(
        "a credential has two audiences",
        AZURE,
        "[\"api://AzureADTokenExchange\"]\n  issuer              = azurerm_kub",
        "[\"api://AzureADTokenExchange\", \"sts.amazonaws.com\"]\n  issuer              = azurerm_kub",
        &[("audience-mismatch", AZURE, "audience            = [\"api://AzureADTokenExchange\", \"sts.amazonaws.com\"]")],
    ),
    fault(
        "a stored secret beside the federated login",
        DEPLOY,
        "        with:\n          client-id:",
        "        with:\n          creds: ${{ secrets.AZURE_CREDENTIALS }}\n          client-id:",
        &[("conflicting-credentials", DEPLOY, "creds: ${{ secrets.AZURE_CREDENTIALS }}")],
    ),
    fault(
        "a key in the environment of a pod",
        "k8s/base/kiln.yaml",
        "          image: registry.tidewater.example/kiln:4.2.0\n",
        "          image: registry.tidewater.example/kiln:4.2.0\n          env:\n            - name: AWS_SECRET_ACCESS_KEY\n              valueFrom: {secretKeyRef: {name: kiln, key: secret}}\n",
        &[("static-credential", "k8s/base/kiln.yaml", "- name: AWS_SECRET_ACCESS_KEY")],
    ),
    fault(
        "the whole pool impersonates",
        GOOGLE,
        "attribute.environment/live\"",
        "*\"",
        &[(
            "whole-pool-principal",
            GOOGLE,
            "member             = \"principalSet://iam.googleapis.com/projects/618203947715/locations/global/workloadIdentityPools/forges/*\"",
        )],
    ),
    alone(fault(
        "the provider takes another audience",
        GOOGLE,
        "issuer_uri = \"https://token.actions.githubusercontent.com\"",
        "issuer_uri        = \"https://token.actions.githubusercontent.com\"\n    allowed_audiences = [\"https://iam.googleapis.com/deploy\"]",
        &[(
            "audience-mismatch",
            DEPLOY,
            "workload_identity_provider: projects/618203947715/locations/global/workloadIdentityPools/forges/providers/github",
        )],
    )),
    fault(
        "an alias for every node of the cluster",
        ENTRIES,
        "        {\"type\": \"k8s_psat\", \"value\": \"cluster:harbour\"},\n        {\"type\": \"k8s_psat\", \"value\": \"agent_ns:spire\"},\n        {\"type\": \"k8s_psat\", \"value\": \"agent_sa:spire-agent\"}",
        "        {\"type\": \"k8s_psat\", \"value\": \"cluster:harbour\"}",
        &[("spire-broad-selector", ENTRIES, "{\"type\": \"k8s_psat\", \"value\": \"cluster:harbour\"}")],
    ),
    fault(
        "the cluster has no issuer",
        AZURE,
        "oidc_issuer_enabled       = true",
        "oidc_issuer_enabled       = false",
        &[("workload-identity-disabled", AZURE, "oidc_issuer_enabled       = false")],
    ),
    fault(
        "the server is believed at first contact",
        AGENT,
        "trust_bundle_path = \"/run/spire/bundle/bundle.crt\"",
        "insecure_bootstrap = true",
        &[("spire-insecure-bootstrap", AGENT, "insecure_bootstrap = true")],
    ),
    alone(fault(
        "a token that never expires",
        ACCOUNTS,
        "    iam.gke.io/gcp-service-account: press@tidewater-run.iam.gserviceaccount.com\n",
        "    iam.gke.io/gcp-service-account: press@tidewater-run.iam.gserviceaccount.com\n---\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/service-account-token\nmetadata:\n  name: kiln-token\n  annotations:\n    kubernetes.io/service-account.name: kiln\n",
        &[("static-credential", ACCOUNTS, "type: kubernetes.io/service-account-token")],
    )),
    alone(fault(
        "every tenant of GitLab",
        AWS,
        "        StringEquals = {\n          \"gitlab.com:aud\" = \"https://gitlab.com\"\n          \"gitlab.com:sub\" = \"project_path:tidewater/pilot:ref_type:branch:ref:main\"\n        }",
        "        StringEquals = { \"gitlab.com:aud\" = \"https://gitlab.com\" }",
        &[("missing-subject", AWS, "Principal = { Federated = aws_iam_openid_connect_provider.gitlab.arn }")],
    )),
];

fn files(root: &Path, folder: &Path, out: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path: PathBuf = entry.path();
        if path.is_dir() {
            files(root, &path, out);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
            out.insert(name, fs::read_to_string(&path).expect("text"));
        }
    }
}

fn repository() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos/tidewater");
    let mut out = BTreeMap::new();
    files(&root, &root, &mut out);
    out
}

fn plant(files: &mut BTreeMap<String, String>, fault: &Fault) {
    let text = files.get_mut(fault.file).unwrap_or_else(|| panic!("{}: no file {}", fault.link, fault.file));
    assert_eq!(text.matches(fault.old).count(), 1, "{}: `{}` stands once in {}", fault.link, fault.old, fault.file);
    *text = text.replace(fault.old, fault.new);
}

/// Rule, file, text of the line.
type Told = (String, String, String);

fn told(files: &BTreeMap<String, String>) -> Vec<Told> {
    let input = Input::Memory(files.iter().map(|(path, text)| (path.clone(), text.clone())).collect());
    let run = check(&Request { input, ..Request::default() }).expect("the run is made");
    let one = |f: &fedlint::rules::Finding| {
        let file = run.sources.get(f.span.file).expect("the file is there");
        let line = file.position(f.span.start as usize).line;
        let text = file.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        (f.rule.to_string(), file.path.clone(), text)
    };
    let mut out: Vec<Told> = run.findings.iter().filter(|f| f.severity >= Severity::Low).map(one).collect();
    out.sort();
    out
}

fn expected(faults: &[&Fault]) -> Vec<Told> {
    let own = |(rule, file, line): &(&str, &str, &str)| ((*rule).to_owned(), (*file).to_owned(), (*line).to_owned());
    let mut out: Vec<Told> = faults.iter().flat_map(|f| f.told.iter().map(own)).collect();
    out.sort();
    out
}

#[test]
fn both_sides_meet() {
    assert_eq!(told(&repository()), Vec::<Told>::new());
}

#[test]
fn every_fault_alone_is_told_where_it_is() {
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let mut files = repository();
        plant(&mut files, fault);
        let (found, expected) = (told(&files), expected(&[fault]));
        if found != expected {
            wrong.push(format!("{}:\n  told     {found:?}\n  expected {expected:?}", fault.link));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn twenty_five_faults_give_exactly_those() {
    let planted: Vec<&Fault> = FAULTS.iter().filter(|f| !f.alone).collect();
    assert_eq!(planted.len(), 25);
    let mut files = repository();
    planted.iter().for_each(|fault| plant(&mut files, fault));
    assert_eq!(told(&files), expected(&planted));
}

#[test]
fn every_link_has_a_fault() {
    let links: BTreeSet<&str> = FAULTS.iter().filter_map(|f| f.link.split(' ').next()).collect();
    let missing: Vec<String> = (1..=22).map(|n| format!("L{n}")).filter(|link| !links.contains(link.as_str())).collect();
    assert_eq!(missing, Vec::<String>::new());
}

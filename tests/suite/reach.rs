//! `fedlint reach` says what a workload obtains; `fedlint who` and `fedlint inventory` say the same from the other side.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{Folder, json, run};
use serde_json::Value;
use std::path::Path;

const GITHUB: &str = "token.actions.githubusercontent.com";

fn role(name: &str, statement: &str, more: &str) -> String {
    format!(
        r#"{{"RoleName": "{name}", "Arn": "arn:aws:iam::111122223333:role/{name}", "AssumeRolePolicyDocument": {{"Version": "2012-10-17", "Statement": [{statement}]}}{more}}}"#
    )
}

fn web(host: &str, subject: &str) -> String {
    format!(
        r#"{{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/{host}"}}, "Condition": {{"StringEquals": {{"{host}:aud": "sts.amazonaws.com", "{host}:sub": "{subject}"}}}}}}"#
    )
}

fn chained(principal: &str, more: &str) -> String {
    format!(r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {{"AWS": "{principal}"}}{more}}}"#)
}

fn allows(action: &str, resource: &str) -> String {
    let document =
        format!(r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}]}}"#);
    format!(r#", "RolePolicyList": [{{"PolicyName": "p", "PolicyDocument": {document}}}]"#)
}

/// identity, link, decision and the way of each identity that is obtained.
fn told(report: &Value) -> Vec<String> {
    let all = report["workloads"].as_array().unwrap().iter().flat_map(|w| w["identities"].as_array().unwrap());
    let short = |v: &Value| v.as_str().unwrap_or_default().rsplit("role/").next().unwrap().to_owned();
    all.map(|r| {
        let through: Vec<String> = r["through"].as_array().unwrap().iter().map(short).collect();
        format!("{} {} {} [{}]", short(&r["identity"]), r["link"].as_str().unwrap(), r["decision"].as_str().unwrap(), through.join(" "))
    })
    .collect()
}

fn reach(folder: &Path, arguments: &[&str]) -> Value {
    json(&crate::support::run_with(folder, &[&["reach"], arguments, &["--format", "json"]].concat(), None, &[]))
}

#[test]
fn a_job_with_what_its_roles_lead_to() {
    let folder = Folder::new();
    let subject = "repo:octo/app:environment:production";
    let (deploy, account) = ("arn:aws:iam::111122223333:role/deploy", "arn:aws:iam::111122223333:root");
    let roles = [
        role("deploy", &web(GITHUB, subject), &allows("sts:AssumeRole", "arn:aws:iam::111122223333:role/by-*")),
        role("other", &web(GITHUB, "repo:octo/app:environment:staging"), ""),
        role("named", &chained(deploy, ""), &allows("s3:*", "*")),
        // further on
        role("last", &chained("arn:aws:iam::111122223333:role/named", ""), ""),
        // the account decides, and the role may call for the one
        role("by-account", &chained(account, ""), ""),
        role("not-by-account", &chained(account, ""), ""),
        // named, and never as it asks
        role("never", &chained(deploy, r#", "Condition": {"StringEquals": {"aws:PrincipalAccount": "999900001111"}}"#), ""),
        role("with-id", &chained(deploy, r#", "Condition": {"StringEquals": {"sts:ExternalId": "octo-7b2d"}}"#), ""),
        role(
            "back",
            &format!(
                "{}, {}",
                web("gitlab.com", "project_path:o/p:ref_type:branch:ref:main"),
                chained("arn:aws:iam::111122223333:role/last", "")
            ),
            "",
        ),
    ];
    folder.write("roles.json", format!(r#"{{"RoleDetailList": [{}]}}"#, roles.join(", ")).as_bytes());
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    folder.write("fedlint.toml", b"repository = \"octo/app\"\n");
    let step = "uses: aws-actions/configure-aws-credentials@v5\n        with: {role-to-assume: 'arn:aws:iam::111122223333:role/deploy', aws-region: eu-west-1}";
    let workflow = format!(
        "on: {{push: {{branches: [main]}}}}\npermissions: {{id-token: write}}\njobs:\n  deploy:\n    environment: production\n    runs-on: ubuntu-24.04\n    steps:\n      - {step}\n  silent:\n    permissions: {{}}\n    runs-on: ubuntu-24.04\n    steps:\n      - {step}\n"
    );
    folder.write(".github/workflows/deploy.yml", workflow.as_bytes());
    let report = reach(folder.path(), &[".github/workflows/deploy.yml#deploy"]);
    assert_eq!(
        told(&report),
        [
            "deploy token admit []",
            "named role-chain admit [deploy]",
            "by-account role-chain admit [deploy]",
            "with-id role-chain admit [deploy]",
            "last role-chain admit [deploy named]",
            "back role-chain admit [deploy named last]",
        ]
    );
    let first = &report["workloads"][0]["identities"][0];
    assert!(first["named"] == true && first["token"].as_str().unwrap().contains(subject), "{first}");
    assert_eq!(report["workloads"][0]["identities"][1]["permissions"], serde_json::json!(["s3:*"]));
    // no token, nothing
    let silent = reach(folder.path(), &[".github/workflows/deploy.yml#silent"]);
    assert_eq!(told(&silent), Vec::<String>::new());
    assert!(silent["workloads"][0]["notes"][0].as_str().unwrap().contains("gets no token"), "{silent}");
    let human = String::from_utf8(run(&folder, &["reach", ".github/workflows/deploy.yml#deploy"], None).stdout).unwrap();
    assert!(human.contains("6 identities: 1 by its own tokens, 5 through others, 0 unknown") && human.contains("may     s3:*"), "{human}");
    for (workload, why) in [("deploy.yml#no", "no job `deploy.yml#no`"), ("repo:octo/app:ref:refs/heads/main", "needs its `--issuer`")] {
        let out = run(&folder, &["reach", workload], None);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.code() == Some(2) && said.contains(why), "{said}");
    }
}

#[test]
fn a_service_account_a_spiffe_id_and_a_subject() {
    let folder = Folder::new();
    let eks = "oidc.eks.eu-west-1.amazonaws.com/id/1F2E3D4C5B6A79880011223344556677";
    let roles = [
        role("irsa", &web(eks, "system:serviceaccount:shop:api"), ""),
        role("svid", &web("spire.octo.example", "spiffe://octo.example/ns/shop/sa/api"), ""),
        role("ci", &web("gitlab.com", "project_path:octo/app:ref_type:branch:ref:main"), ""),
        role(
            "pods",
            r#"{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Principal": {"Service": "pods.eks.amazonaws.com"}}"#,
            "",
        ),
    ];
    folder.write("roles.json", format!(r#"{{"RoleDetailList": [{}]}}"#, roles.join(", ")).as_bytes());
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: api\n  namespace: shop\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/irsa\n    iam.gke.io/gcp-service-account: shop@octo-data.iam.gserviceaccount.com\n";
    folder.write("account.yaml", account.as_bytes());
    let binding = |on: &str, role: &str, member: &str| {
        format!(
            "resource \"google_service_account_iam_member\" \"m{}\" {{\n  service_account_id = google_service_account.{on}.name\n  role = \"{role}\"\n  member = \"{member}\"\n}}\n",
            member.len()
        )
    };
    let google = [
        "resource \"google_service_account\" \"shop\" {\n  account_id = \"shop\"\n  project = \"octo-data\"\n}\nresource \"google_service_account\" \"admin\" {\n  account_id = \"admin\"\n  project = \"octo-data\"\n}\n".to_owned(),
        binding("shop", "roles/iam.workloadIdentityUser", "serviceAccount:octo-data.svc.id.goog[shop/api]"),
        binding("admin", "roles/iam.serviceAccountTokenCreator", "serviceAccount:${google_service_account.shop.email}"),
        "resource \"google_project_iam_member\" \"p\" {\n  project = \"octo-data\"\n  role = \"roles/owner\"\n  member = \"serviceAccount:${google_service_account.admin.email}\"\n}\n".to_owned(),
        "resource \"aws_eks_pod_identity_association\" \"a\" {\n  cluster_name = \"c\"\n  namespace = \"shop\"\n  service_account = \"api\"\n  role_arn = \"arn:aws:iam::111122223333:role/pods\"\n}\n".to_owned(),
    ];
    folder.write("main.tf", google.concat().as_bytes());
    let report = reach(folder.path(), &["shop/api"]);
    let all = told(&report);
    for wanted in [
        "irsa token admit []",
        "pods pod-identity admit []",
        "google_service_account.admin impersonation admit [google_service_account.shop]",
    ] {
        assert!(all.iter().any(|line| line == wanted), "{wanted}: {all:?}");
    }
    assert!(all.iter().any(|line| line.starts_with("google_service_account.shop ") && line.ends_with(" admit []")), "{all:?}");
    assert!(!all.iter().any(|line| line.starts_with("svid") || line.starts_with("ci")), "{all:?}");
    let identities = report["workloads"][0]["identities"].as_array().unwrap();
    let of = |name: &str| identities.iter().find(|i| i["identity"].as_str().unwrap().ends_with(name)).unwrap();
    assert!(of("role/irsa")["named"] == true && of(".admin")["permissions"].to_string().contains("roles/owner"), "{report}");
    assert_eq!(told(&reach(folder.path(), &["spiffe://octo.example/ns/shop/sa/api"])), ["svid token admit []"]);
    let subject = "project_path:octo/app:ref_type:branch:ref:main";
    assert_eq!(told(&reach(folder.path(), &[subject, "--issuer", "https://gitlab.com"])), ["ci token admit []"]);
    assert_eq!(told(&reach(folder.path(), &["shop/other"])), Vec::<String>::new());
    // another cluster's
    let other = "https://oidc.eks.eu-west-1.amazonaws.com/id/00000000000000000000000000000000";
    assert!(!told(&reach(folder.path(), &["shop/api", "--issuer", other])).iter().any(|line| line.starts_with("irsa")));
}

/// Who is told to obtain an identity obtains it, and what a workload is told to obtain is not told to be obtained by nobody.
#[test]
fn reach_and_who_agree() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut compared = 0;
    for name in [
        "audit",
        "simulate/repository",
        "repos/saltmarsh",
        "repos/saltmarsh-faults",
        "repos/heronmere",
        "repos/brightloaf",
        "repos/tidewater",
    ] {
        let folder = fixtures.join(name);
        let list = json(&crate::support::run_with(&folder, &["inventory", "--format", "json"], None, &[]));
        let entries = list["identities"].as_array().unwrap();
        for entry in entries.iter().filter(|e| e["admits"] != "nobody" && e["admits"] != "undecided").take(6) {
            let (Some(sub), Some(iss)) = (entry["example"]["sub"].as_str(), entry["example"]["iss"].as_str()) else { continue };
            // claims that do not follow from the subject are not decided, and told so
            let out = crate::support::run_with(&folder, &["reach", sub, "--issuer", iss, "--format", "json"], None, &[]);
            if out.status.code() == Some(2) {
                continue;
            }
            let report = json(&out);
            let reached = report["workloads"][0]["identities"].as_array().unwrap();
            assert!(reached.iter().any(|r| r["identity"] == entry["identity"]), "{name}: {sub} of {iss}: {entry}\n{report}");
            for found in reached.iter().filter(|r| r["decision"] == "admit" && r["link"] == "token") {
                let of = entries.iter().filter(|e| e["identity"] == found["identity"]);
                assert!(of.clone().any(|e| e["admits"] != "nobody"), "{name}: {found}");
            }
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}

//! `fedlint diff` on what is no token of a trust: registered workloads, conditions of permissions, and the names of a token that ids pin.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::diff::Repository;
use serde_json::Value;

/// Two states of these files.
fn two(files: &[(&str, &str)], changed: &[(&str, &str)]) -> Option<(Value, i32)> {
    let repository = Repository::new()?;
    repository.state("base", files);
    repository.state("head", changed);
    Some(repository.diff(&["base", "head"]))
}

fn who(difference: &Value, which: &str) -> Vec<String> {
    let all = difference[which].as_array().unwrap().iter();
    all.map(|one| format!("{}: {}", one["kind"].as_str().unwrap(), one["who"].as_str().unwrap())).collect()
}

const PODS: &str = r#"
resource "aws_eks_pod_identity_association" "shop" {
  cluster_name    = "tide"
  namespace       = "shop"
  service_account = "cart"
  role_arn        = aws_iam_role.cart.arn
}
resource "aws_iam_role" "cart" {
  name = "cart"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}
"#;

#[test]
fn another_service_account_of_pod_identity_is_told() {
    let Some((difference, code)) = two(&[("main.tf", PODS)], &[("main.tf", &PODS.replace("\"cart\"\n  role_arn", "\"till\"\n  role_arn"))])
    else {
        return;
    };
    assert_eq!(code, 1, "{difference:#}");
    let one = |name: &str| format!("pod-identity: ServiceAccount `{name}` of namespace `shop` in cluster `tide` obtains `role cart`");
    assert_eq!(who(&difference, "newly_registered"), [one("till")]);
    assert_eq!(who(&difference, "no_longer_registered"), [one("cart")]);
    assert_eq!(difference["summary"]["newly_registered"], 1);
    // A file with another name, a role with another address and a local in between change nothing.
    let moved = PODS.replace("aws_iam_role.cart.arn", "local.role").replace("\"cart\" {", "\"basket\" {");
    let moved = moved + "locals { role = aws_iam_role.basket.arn }\n";
    let Some((difference, code)) = two(&[("main.tf", PODS)], &[("pods/roles.tf", &moved)]) else { return };
    assert_eq!((code, who(&difference, "newly_registered").len()), (0, 0), "{difference:#}");
}

#[test]
fn holders_of_certificates_and_entries_of_spire_are_told() {
    let profile = |role: &str| {
        format!(
            "resource \"aws_rolesanywhere_profile\" \"racks\" {{\n  name = \"racks\"\n  role_arns = [\"arn:aws:iam::111122223333:role/{role}\"]\n}}\n"
        )
    };
    let entry = |selector: &str| {
        format!(
            "{{\"entries\": [{{\"spiffe_id\": \"spiffe://tide.example/cart\", \"parent_id\": \"spiffe://tide.example/node\", \"selectors\": [{{\"type\": \"k8s\", \"value\": \"ns:{selector}\"}}]}}]}}\n"
        )
    };
    let base = [("main.tf", profile("racks")), ("entries.json", entry("shop"))];
    let head = [("main.tf", profile("admin")), ("entries.json", entry("till"))];
    let base: Vec<(&str, &str)> = base.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let head: Vec<(&str, &str)> = head.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let Some((difference, code)) = two(&base, &head) else { return };
    assert_eq!(code, 1, "{difference:#}");
    let newly = who(&difference, "newly_registered");
    assert_eq!(newly.len(), 2, "{difference:#}");
    assert_eq!(newly[0], "roles-anywhere: holders of certificates obtain `arn:aws:iam::111122223333:role/admin`");
    assert!(newly[1].starts_with("spiffe: workloads with `k8s:ns:till`") && newly[1].ends_with("obtain `spiffe://tide.example/cart`"));
    assert_eq!(who(&difference, "no_longer_registered").len(), 2);
}

fn reading(condition: &str) -> String {
    let role = r#"
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud"                 = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub"                 = "repo:saltmarsh/heron:environment:live"
      } }
    }]
  })
}
"#;
    format!(
        "{role}resource \"aws_iam_role_policy\" \"read\" {{\n  role = aws_iam_role.deploy.name\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"s3:GetObject\", Resource = \"arn:aws:s3:::tide/*\"{condition} }}] }})\n}}\n"
    )
}

#[test]
fn a_permission_that_loses_its_condition_is_new_and_one_that_gets_one_is_not() {
    let of = |ips: &str| format!(", Condition = {{ IpAddress = {{ \"aws:SourceIp\" = [{ips}] }} }}");
    let changes = |before: &str, after: &str| {
        let (difference, _) = two(&[("main.tf", &reading(before))], &[("main.tf", &reading(after))])?;
        let identity = &difference["identities"][0];
        let list =
            |which: &str| identity[which].as_array().map(|all| all.iter().map(|p| p.as_str().unwrap().to_owned()).collect::<Vec<_>>());
        Some((list("new_permissions").unwrap_or_default(), list("removed_permissions").unwrap_or_default()))
    };
    let (one, two) = (of("\"192.0.2.1/32\""), of("\"192.0.2.1/32\", \"198.51.100.1/32\""));
    let always = "s3:GetObject on arn:aws:s3:::tide/*";
    let Some(lost) = changes(&one, "") else { return };
    assert_eq!(lost, (vec![always.to_owned()], Vec::new()));
    assert_eq!(changes("", &one).unwrap(), (Vec::new(), vec![always.to_owned()]));
    let (new, gone) = changes(&one, &two).unwrap();
    assert_eq!(new, [format!("{always} if IpAddress aws:SourceIp 192.0.2.1/32 198.51.100.1/32")]);
    assert_eq!(gone, [format!("{always} if IpAddress aws:SourceIp 192.0.2.1/32")]);
    // the same values in another order
    assert_eq!(changes(&two, &of("\"198.51.100.1/32\", \"192.0.2.1/32\"")).unwrap(), (Vec::new(), Vec::new()));
}

const BY_IDS: &str = r#"
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud"                 = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:repository_owner_id" = "4417"
        "token.actions.githubusercontent.com:environment"         = "live"
      } }
    }]
  })
}
"#;

#[test]
fn a_trust_that_ids_pin_is_shown_with_no_strangers_name() {
    let subject = |configuration: &str, policy: &str| {
        let base = [("fedlint.toml", configuration), ("main.tf", "# nothing\n")];
        let (difference, code) = two(&base, &[base[0], ("main.tf", policy)])?;
        assert_eq!(code, 1, "{difference:#}");
        Some(difference["identities"][0]["newly"][0]["token"]["sub"].as_str().unwrap().to_owned())
    };
    let Some(known) = subject("[tenants]\ngithub = { saltmarsh = 4417, other = 12 }\n", BY_IDS) else { return };
    assert!(known.starts_with("repo:saltmarsh/"), "{known}");
    let unknown = subject("", BY_IDS).unwrap();
    assert!(unknown.starts_with("repo:octo-org/octo-repo:"), "{unknown}");
    // whoever is let in by no id is a stranger, whatever the configuration lists
    let open = BY_IDS.lines().filter(|line| !line.contains("repository_owner_id")).collect::<Vec<_>>().join("\n");
    let stranger = subject("[tenants]\ngithub = { saltmarsh = 4417 }\n", &open).unwrap();
    assert!(!stranger.contains("saltmarsh") && !stranger.contains("octo-org"), "{stranger}");
}

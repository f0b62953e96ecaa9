//! What is known of claims: their facts, the condition keys that AWS makes of them, how tokens are read back.

use super::*;

#[test]
fn claims_have_to_agree() {
    let t = named("token.actions.githubusercontent.com", "branch");
    let token = t.instantiate(&Values::new());
    for (claim, other) in [
        ("repository", "evil-corp/other"),
        ("repository_owner", "octo-org"),
        ("ref", "refs/heads/x"),
        ("workflow_ref", "a/b/.github/workflows/x.yml@refs/heads/main"),
        ("iss", "https://gitlab.com"),
    ] {
        let mut changed = token.clone();
        changed.set(claim, other);
        assert!(!t.matches(&changed), "{claim}");
        assert_eq!(t.complete(&changed), None, "{claim}");
    }
    let mut partial = token.clone();
    partial.claims.remove("run_id");
    assert!(!t.matches(&partial));
    assert_eq!(t.complete(&partial), Some(token));
}

#[test]
fn lists_and_numbers_are_read() {
    let google = named("accounts.google.com", "service-account");
    let typed = registry().by_id("google").unwrap().typed(google.instantiate(&Values::new()));
    assert_eq!(typed.claims["email_verified"], Claim::Json(true.into()));
    let cognito =
        registry().by_id("cognito").unwrap().typed(named("cognito-identity.amazonaws.com", "unauthenticated").instantiate(&Values::new()));
    assert_eq!(cognito.claims["amr"], Claim::List(vec!["unauthenticated".to_owned()]));
    let mut token = named("gitlab.com", "branch").instantiate(&Values::new());
    token.claims.insert("aud".to_owned(), Claim::List(vec!["a".to_owned(), "b".to_owned()]));
    assert!(named("gitlab.com", "branch").matches(&token));
}

#[test]
fn members_of_objects() {
    assert_eq!(pointer(&["https://sts.amazonaws.com/", "aws_account"]), "/https:~1~1sts.amazonaws.com~1/aws_account");
    let t = named("https://a.tokens.sts.global.api.aws", "role");
    assert!(t.member(&["https://sts.amazonaws.com/", "aws_account"]).is_some());
    let token = kubernetes("https://issuer.example", "ns", "sa").unwrap();
    let Claim::Json(object) = &token.claims["kubernetes.io"] else { panic!("{token:?}") };
    assert_eq!(object["namespace"], "ns");
    assert_eq!(object["serviceaccount"]["name"], "sa");
    assert_eq!(token.string("iss"), Some("https://issuer.example"));
}

#[test]
fn facts_of_claims() {
    let github = registry().by_id("github-actions").unwrap();
    let fact = |name: &str| *github.claim(name).unwrap_or_else(|| panic!("{name}"));
    assert!(fact("environment").optional && fact("environment").caller_chosen);
    assert!(fact("enterprise_id").optional && fact("enterprise_id").tenant_binding);
    assert!(!fact("sub").optional && fact("sub").tenant_binding && fact("sub").mutable_name);
    assert!(fact("repository_owner_id").tenant_binding && !fact("repository_owner_id").mutable_name);
    assert!(fact("aud").caller_chosen && fact("head_ref").caller_chosen && fact("workflow").caller_chosen);
    assert!(!fact("repository").caller_chosen && !fact("job_workflow_ref").tenant_binding);
    assert!(github.claim("repo_property_team").is_some());
    assert_eq!(github.claim("repositry"), None);
    assert_eq!(github.nearest_claim("repositry"), Some("repository"));
    assert_eq!(github.nearest_claim("enviroment"), Some("environment"));
    assert_eq!(github.nearest_claim("completely_else"), None);
    let server = registry().by_id("github-enterprise-server").unwrap();
    assert_eq!((server.tenancy, server.aws_key_of("repository"), server.aws_required.as_deref()), (Tenancy::Tenant, None, None));
    assert!(server.facts().contains_key("repository") && !named("ghes.example.com/_services/token", "branch").name.contains("immutable"));
    assert!(templates("ghes.example.com/_services/token").iter().all(|t| !t.name.contains("immutable")));
}

#[test]
fn condition_keys() {
    let github = registry().recognise("token.actions.githubusercontent.com").unwrap();
    assert_eq!(github.aws_key("Repository").as_deref(), Some("token.actions.githubusercontent.com:repository"));
    assert_eq!(github.aws_key("sub").as_deref(), Some("token.actions.githubusercontent.com:sub"));
    assert_eq!(github.aws_key("repository_owner"), None);
    assert_eq!(registry().by_id("facebook").unwrap().aws_key_of("sub"), None);
    assert_eq!(registry().generic("https://x.example").unwrap().issuer.aws_key_of("aud"), Some("aud"));
}

/// AWS's own list of condition keys and the registry say the same.
#[test]
fn condition_keys_agree_with_the_list_of_aws() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/sts-condition-keys.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("notice: the list of condition keys is not here, nothing compared");
        return;
    };
    let keys: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for key in keys.values().filter_map(|k| k["key"].as_str()) {
        let filled = key.replace("${OrgId}", UUID).replace("${OciUniqueIdentifier}", "0123456789abcdef0123456789abcdef");
        let filled =
            ["${Domain}", "${EnterpriseName}", "${SubPath}", "${subpath}", "${Subpath}"].iter().fold(filled, |k, p| k.replace(p, "acme"));
        let Some((prefix, claim)) = filled.split_once(':') else { continue };
        if ["aws", "sts", "iam", "saml"].contains(&prefix) {
            continue;
        }
        let known = registry().recognise(prefix).unwrap_or_else(|| panic!("{key}: {prefix} is not recognised"));
        assert_eq!(known.issuer.aws_key_of(claim), Some(claim), "{key}");
        listed.entry(known.issuer.id.clone()).or_default().insert(claim.to_owned());
    }
    assert!(listed.len() >= 10, "{listed:?}");
    for issuer in registry().issuers() {
        let own: BTreeSet<String> = issuer.aws_claims.iter().cloned().collect();
        assert_eq!(own, listed.remove(&issuer.id).unwrap_or_default(), "{}", issuer.id);
    }
}

#[test]
fn aws_for_google() {
    let aws = registry().aws().unwrap();
    let role = aws.templates().into_iter().find(|t| t.name == "assumed-role").unwrap();
    let token = role.instantiate(&values(&[("account", "123456789012"), ("role", "deploy"), ("session", "ci")]));
    assert_eq!(token.string("arn"), Some("arn:aws:sts::123456789012:assumed-role/deploy/ci"));
    assert_eq!(token.string("account"), Some("123456789012"));
    assert_eq!(token.string("userid"), Some("AROA66666666666666666:ci"));
}

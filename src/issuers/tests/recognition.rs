//! Which issuer a URL is, what is nearly one, and that the registry is whole.

use super::*;
use crate::issuers::recognise::host_path;
use crate::issuers::schema::{File, RegistryError};

#[test]
fn every_file_loads_with_all_checks() {
    let mut registry = Registry::default();
    for (name, json) in FILES {
        let path = format!("{}/src/issuers/registry/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let yaml = std::fs::read_to_string(path).unwrap();
        // What the build makes of the file says the same.
        let written: File = serde_saphyr::from_str(&yaml).unwrap();
        assert_eq!(format!("{written:?}"), format!("{:?}", Registry::written(json).unwrap()), "{name}");
        registry.add(written, true).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let ids = |r: &Registry| r.issuers().map(|i| i.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&registry), ids(super::registry()));
}

#[test]
fn urls_are_recognised() {
    for (url, id) in RECOGNISED {
        assert_eq!(registry().recognise(url).map(|r| r.issuer.id.as_str()), Some(*id), "{url}");
    }
    for url in NOT_RECOGNISED {
        assert!(registry().recognise(url).is_none(), "{url}");
    }
    // One host needs no example: its URL is the host itself.
    let itself = |i: &&Issuer| i.host.exact.iter().all(|host| registry().recognise(host).is_some_and(|r| r.issuer.id == i.id));
    let exact = registry().issuers().filter(|i| !i.host.exact.is_empty() && i.host.pattern.is_none()).filter(itself);
    let ids: BTreeSet<&str> = RECOGNISED.iter().map(|(_, id)| *id).chain(exact.map(|i| i.id.as_str())).collect();
    let hostless = ["aws", "aws-principal", "spire", "generic", "microsoft-services"];
    let untested: Vec<&str> = registry().issuers().map(|i| i.id.as_str()).filter(|i| !ids.contains(i) && !hostless.contains(i)).collect();
    assert!(untested.is_empty(), "no URL for {untested:?}");
}

/// Who said so: every issuer has a page that defines its tokens.
#[test]
fn every_issuer_has_its_page() {
    let without: Vec<&str> = registry().issuers().filter(|i| i.reference.is_none()).map(|i| i.id.as_str()).collect();
    assert_eq!(without, ["generic"]);
}

/// Facts change: an entry that nobody has compared with its page for a year is named, and so is one that never was.
#[test]
fn entries_are_dated() {
    let days = |date: &str| -> Option<i64> {
        let mut parts = date.split('-').map(|p| p.parse::<i64>());
        let (y, m, d) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        (y > 2000 && (1..=12).contains(&m) && (1..=31).contains(&d)).then_some(y * 365 + m * 30 + d)
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs() / 86_400);
    let today = 1970 * 365 + i64::try_from(now).unwrap_or_default() * 365 / 366;
    for issuer in registry().issuers() {
        match &issuer.checked {
            None => println!("notice: `{}` was never compared with its page since the dates were kept", issuer.id),
            Some(date) => {
                let on = days(date).unwrap_or_else(|| panic!("{}: `{date}` is no date", issuer.id));
                if today - on > 365 {
                    println!("notice: `{}` was last compared with its page on {date}", issuer.id);
                }
            }
        }
        if let Some(retires) = &issuer.retires {
            assert!(days(&retires.on).is_some() && retires.page.starts_with("https://"), "{}", issuer.id);
        }
    }
}

/// Each kind of issuer that code asks for by what it stands for is there once.
#[test]
fn one_issuer_stands_for_each_kind() {
    for kind in [StandsFor::AwsCallers, StandsFor::Cluster, StandsFor::Spiffe, StandsFor::Unknown] {
        assert_eq!(registry().issuers().filter(|i| i.stands_for == Some(kind)).count(), 1, "{kind:?}");
    }
}

#[test]
fn captures_and_slashes() {
    let eks = registry().recognise("oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF").unwrap();
    assert_eq!(eks.captures.get("region").map(String::as_str), Some("eu-west-1"));
    assert!(eks.is_exact());
    let aks = format!("https://westeurope.oic.prod-aks.azure.com/{UUID}/{UUID}");
    let short = registry().recognise(&aks).unwrap();
    assert!(!short.is_exact());
    assert_eq!(short.iss, format!("{aks}/"));
    assert!(registry().recognise(&format!("{aks}/")).unwrap().is_exact());
    let github = registry().recognise("https://token.actions.githubusercontent.com/").unwrap();
    assert!(!github.is_exact());
    assert_eq!(github.templates()[0].instantiate(&Values::new()).string("iss"), Some("https://token.actions.githubusercontent.com"));
}

#[test]
fn hosts_have_no_letter_case_and_paths_have() {
    let path = "/id/0123456789ABCDEF0123456789ABCDEF";
    let eks = registry().recognise(&format!("OIDC.eks.EU-west-1.amazonaws.com{path}")).unwrap();
    assert_eq!((eks.iss.as_str(), eks.is_exact()), (format!("https://oidc.eks.eu-west-1.amazonaws.com{path}").as_str(), false));
    let other = registry().recognise(&format!("oidc.eks.eu-west-1.amazonaws.com{}", path.to_lowercase())).unwrap();
    assert_ne!(other.iss, eks.iss);
}

#[test]
fn a_url_has_at_most_2048_bytes_behind_its_scheme() {
    let url = |length: usize| format!("https://x.example/{}", "a".repeat(length - "x.example/".len()));
    assert!(host_path(&url(2048)).is_some() && host_path(&url(2049)).is_none());
}

#[test]
fn kinds_that_a_url_does_not_show() {
    let git = registry().as_issuer("gitlab-self-managed", "https://git.example.com").unwrap();
    assert_eq!(git.templates().len(), templates("gitlab.com").len());
    assert_eq!(git.templates()[0].instantiate(&Values::new()).string("iss"), Some("https://git.example.com"));
    assert!(registry().as_issuer("vercel-team", "https://vercel.example").is_none());
    assert!(registry().as_issuer("no-such-issuer", "https://x.example").is_none());
    assert_eq!(registry().generic("https://x.example").unwrap().issuer.tenancy, Tenancy::Unknown);
}

#[test]
fn mistakes_are_told() {
    let rows = [
        ("http://token.actions.githubusercontent.com", "scheme"),
        ("https://token.actions.githubusercontent.com/", "too many"),
        ("https://token.actions.githubusercontent.com.evil.example", "somebody else"),
        ("https://token.actions.githubuserconten.com", "similar"),
        ("https://token.action.githubusercontent.com", "similar"),
        ("https://gitlab.co", "similar"),
        ("https://gitlab.com/.well-known/openid-configuration", "discovery"),
        (" https://gitlab.com", "white space"),
        ("https://GitLab.com", "lower case"),
        ("HTTPS://gitlab.com", "lower case"),
        ("https://gitlab.com-login.example", "somebody else"),
        // Of a long host two slips are one, of a short host not.
        ("https://tokn.actions.githubuserconten.com", "similar"),
        ("https://github.com", "product's address"),
        ("https://sts.windows.net/66666666-0000-4000-8000-000000000001", "missing"),
    ];
    for (url, expected) in rows {
        let message = well_known_mistakes(url).map(|m| m.to_string());
        assert!(message.as_ref().is_some_and(|m| m.contains(expected)), "{url}: {message:?}");
    }
    for url in [
        "https://token.actions.githubusercontent.com",
        "https://auth.example.com",
        "https://github.com/login/oauth",
        "",
        "gitlab.com",
        "https://tokn.action.githubuserconten.com",
        "https://gitla.co",
        "https://gitlab.comx.example",
    ] {
        assert_eq!(well_known_mistakes(url), None, "{url}");
    }
    for (url, _) in RECOGNISED.iter().filter(|(u, _)| !u.contains("Token")) {
        assert_eq!(well_known_mistakes(url), None, "{url}");
    }
}

/// The shared issuers are those of AWS's controls, with the claim that they require.
#[test]
fn shared_issuers_agree_with_the_controls_of_aws() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/issuers.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("notice: the list of shared issuers is not here, nothing compared");
        return;
    };
    let data: serde_json::Value = serde_json::from_str(&text).unwrap();
    let shared = data["shared"].as_array().unwrap();
    assert!(shared.len() >= 17);
    for row in shared {
        let known = registry().recognise(row["host"].as_str().unwrap()).unwrap_or_else(|| panic!("{row}"));
        assert_eq!(known.issuer.tenancy, Tenancy::Shared, "{row}");
        assert_eq!(known.issuer.aws_required.as_deref(), row["required"].as_str(), "{row}");
        assert!(!known.issuer.binds.is_empty(), "{row}");
    }
}

#[test]
fn users_add_issuers() {
    let yaml =
        "issuers:\n  - id: corp\n    like: gitlab\n    name: Corp GitLab\n    tenancy: tenant\n    host: {exact: [git.corp.example]}\n";
    let extended = registry().with_extra(yaml).unwrap();
    let corp = extended.recognise("https://git.corp.example").unwrap();
    assert_eq!(
        (corp.issuer.name.as_str(), corp.issuer.tenancy, corp.issuer.aws_required.as_deref()),
        ("Corp GitLab", Tenancy::Tenant, None)
    );
    assert_eq!(corp.templates().len(), templates("gitlab.com").len());
    assert!(registry().recognise("https://git.corp.example").is_none());
    let elsewhere = yaml.replace("git.corp.example", "code.corp.example");
    assert_eq!(extended.with_extra(&elsewhere).err(), Some(RegistryError::Duplicate("corp".to_owned())));
    let faults = [
        ("issuers: 3", "not an issuer file"),
        ("issuers: [{id: x, colour: red}]", "not an issuer file"),
        ("issuers: [{id: x, host: {exact: [x.example]}, like: y}]", "not defined before"),
        ("issuers: [{id: x}]", "`host` is missing"),
        ("issuers: [{id: x, host: {exact: [gitlab.com]}}]", "known without being told"),
        ("issuers: [{id: x, host: {exact: [x.example]}, stands_for: cluster}]", "stands for its hosts alone"),
        ("issuers: [{id: x, host: {pattern: '('}}]", "host pattern"),
        (
            "issuers: [{id: x, host: {exact: [x.example]}, templates: [{name: t, context: workload, claims: {sub: '{a}'}}]}]",
            "segment `a` is missing",
        ),
        (
            "issuers: [{id: x, host: {exact: [x.example]}, segments: {a: {role: tenant, alphabet: '[a-z]+', samples: ['1']}}, templates: [{name: t, context: workload, claims: {sub: '{a}'}}]}]",
            "not in its alphabet",
        ),
        (
            "issuers: [{id: x, host: {exact: [x.example]}, segments: {a: {like: a}}, templates: [{name: t, context: workload, claims: {sub: '{a}'}}]}]",
            "like itself",
        ),
        (
            "issuers: [{id: x, host: {exact: [x.example]}, define: {d: '{#d}'}, templates: [{name: t, context: workload, claims: {sub: '{#d}'}}]}]",
            "too deep",
        ),
        (
            "issuers: [{id: x, host: {exact: [x.example]}, templates: [{name: t, context: workload}, {name: t, context: workload}]}]",
            "twice",
        ),
    ];
    for (yaml, expected) in faults {
        let message = registry().with_extra(yaml).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains(expected), "{yaml}: {message}");
    }
}

#[test]
fn the_order_is_the_same_every_time() {
    let names = || everything().into_iter().map(|(id, ts)| format!("{id} {ts:?}")).collect::<Vec<_>>();
    assert_eq!(names(), names());
}

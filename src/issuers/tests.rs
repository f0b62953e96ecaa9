//! Tests of the registry as a whole: documented examples of every vendor, recognition, invariants.

use super::registry::FILES;
use super::template::{Values, pointer};
use super::tokens::{Github, github, kubernetes, spiffe};
use super::*;
use crate::admission::{Claim, Token};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

const UUID: &str = "66666666-0000-4000-8000-000000000001";

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn templates(url: &str) -> Vec<Template> {
    registry().recognise(url).unwrap_or_else(|| panic!("{url} is not recognised")).templates()
}

fn named(url: &str, name: &str) -> Template {
    templates(url).into_iter().find(|t| t.name.split(' ').next() == Some(name)).unwrap_or_else(|| panic!("{url} has no template {name}"))
}

fn everything() -> Vec<(String, Vec<Template>)> {
    registry().issuers().map(|i| (i.id.clone(), registry().as_issuer(&i.id, &example(i)).unwrap().templates())).collect()
}

/// A URL of the issuer, or any.
fn example(issuer: &Issuer) -> String {
    let urls = RECOGNISED.iter().find(|(_, id)| *id == issuer.id).map(|(url, _)| (*url).to_owned());
    urls.unwrap_or_else(|| "https://issuer.example".to_owned())
}

const RECOGNISED: &[(&str, &str)] = &[
    ("token.actions.githubusercontent.com", "github-actions"),
    ("https://token.actions.githubusercontent.com", "github-actions"),
    ("https://Token.Actions.GithubUserContent.com", "github-actions"),
    ("https://token.actions.githubusercontent.com/octocat-inc", "github-actions-enterprise"),
    ("https://token.actions.octocorp.ghe.com", "github-actions-ghe"),
    ("github.com/enterprises/octo", "github-enterprise-url"),
    ("https://ghes.example.com/_services/token", "github-enterprise-server"),
    ("vstoken.actions.githubusercontent.com", "github-vstoken"),
    ("oidc-configuration.audit-log.githubusercontent.com", "github-audit-log"),
    ("https://gitlab.com", "gitlab"),
    ("https://gitlab.example.com", "gitlab-self-managed"),
    ("https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc", "bitbucket"),
    ("https://oidc.circleci.com/org/66666666-0000-4000-8000-000000000001", "circleci"),
    ("https://app.terraform.io", "hcp-terraform"),
    ("https://app.eu.terraform.io", "hcp-terraform-eu"),
    ("https://agent.buildkite.com", "buildkite"),
    ("https://agent.acme.buildkite.dev", "buildkite-other"),
    ("https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF", "eks"),
    ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0123456789ABCDEF0123456789ABCDEF", "eks"),
    ("https://oidc-eks.us-east-1.api.aws/id/0123456789ABCDEF0123456789ABCDEF", "eks"),
    ("https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/prod", "gke"),
    ("https://westeurope.oic.prod-aks.azure.com/66666666-0000-4000-8000-000000000001/66666666-0000-4000-8000-000000000002/", "aks"),
    ("https://oidc.prod-aks.azure.com/66666666-0000-4000-8000-000000000001/", "aks"),
    ("https://kubernetes.default.svc.cluster.local", "kubernetes"),
    ("accounts.google.com", "google"),
    ("https://abc123-def456-ghi789-jkl012.tokens.sts.global.api.aws", "aws-outbound"),
    ("cognito-identity.amazonaws.com", "cognito"),
    ("www.amazon.com", "login-with-amazon"),
    ("graph.facebook.com", "facebook"),
    ("https://vstoken.dev.azure.com/66666666-0000-4000-8000-000000000001", "azure-devops"),
    ("https://login.microsoftonline.com/66666666-0000-4000-8000-000000000001/v2.0", "entra"),
    ("https://sts.windows.net/66666666-0000-4000-8000-000000000001/", "entra-v1"),
    ("https://sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d/", "sentinel"),
    ("https://api.pulumi.com/oidc/v2", "pulumi-v2"),
    ("https://studio.iterative.ai/api", "dvc-studio-iterative"),
    ("https://sts.windows.net/cab8a31a-1906-4287-a0d8-4eef66b95f6e/", "sentinel"),
    ("https://oidc.vercel.com", "vercel"),
    ("https://oidc.vercel.com/acme", "vercel-team"),
    ("https://api.pulumi.com/oidc", "pulumi"),
    ("https://acme.app.spacelift.io", "spacelift"),
    ("https://oidc.fly.io/my-org", "fly"),
    ("https://oidc.codefresh.io", "codefresh"),
    ("https://scalr.io", "scalr"),
    ("https://proidc.upbound.io", "upbound"),
    ("https://studio.datachain.ai/api", "dvc-studio"),
    ("https://tokens.cloud.shisho.dev", "shisho"),
    ("https://sandboxes.cloud", "sandboxes"),
    ("https://oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb", "turbonomic"),
    ("https://idcs-0123456789abcdef0123456789abcdef.identity.oraclecloud.com", "oci"),
];

const NOT_RECOGNISED: &[&str] = &[
    "",
    "https://",
    "http://token.actions.githubusercontent.com",
    "https://token.actions.githubusercontent.com.evil.example",
    "https://token.actions.githubusercontent.com//",
    "https://xtoken.actions.githubusercontent.com",
    "https://gitlab.com.evil.example",
    "https://api.pulumi.com",
    "https://oidc.eks.eu-west-1.amazonaws.com.evil.example/id/0123456789ABCDEF0123456789ABCDEF",
    "https://oidc.eks.eu-west-1.amazonaws.com/id/X-Y",
    "https://evil.example/oidc.vercel.com/acme",
    "https://auth.example.com",
    "https://token.actions.githubusercontent.com ",
];

#[test]
fn every_file_loads_with_all_checks() {
    let mut registry = Registry::default();
    for (name, yaml) in FILES {
        registry = registry.with_extra(yaml).unwrap_or_else(|e| panic!("{name}: {e}"));
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
    let ids: BTreeSet<&str> = RECOGNISED.iter().map(|(_, id)| *id).collect();
    let hostless = ["aws", "spire", "generic", "microsoft-services"];
    let untested: Vec<&str> = registry().issuers().map(|i| i.id.as_str()).filter(|i| !ids.contains(i) && !hostless.contains(i)).collect();
    assert!(untested.is_empty(), "no URL for {untested:?}");
}

/// Who said so: every issuer has a page that defines its tokens.
#[test]
fn every_issuer_has_its_page() {
    let without: Vec<&str> = registry().issuers().filter(|i| i.reference.is_none()).map(|i| i.id.as_str()).collect();
    assert_eq!(without, ["generic"]);
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
        ("https://sts.windows.net/66666666-0000-4000-8000-000000000001", "missing"),
    ];
    for (url, expected) in rows {
        let message = well_known_mistakes(url);
        assert!(message.as_ref().is_some_and(|m| m.contains(expected)), "{url}: {message:?}");
    }
    for url in ["https://token.actions.githubusercontent.com", "https://auth.example.com", "https://github.com", "", "gitlab.com"] {
        assert_eq!(well_known_mistakes(url), None, "{url}");
    }
    for (url, _) in RECOGNISED.iter().filter(|(u, _)| !u.contains("Token")) {
        assert_eq!(well_known_mistakes(url), None, "{url}");
    }
}

/// The documented subject of each vendor: template, values, subject.
#[test]
fn documented_subjects() {
    let gh = "token.actions.githubusercontent.com";
    let octo: &[(&str, &str)] = &[("owner", "octo-org"), ("repository", "octo-repo"), ("owner_id", "65"), ("repository_id", "74")];
    type Row<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str);
    let rows: &[Row<'_>] = &[
        (gh, "branch", [octo, &[("branch", "demo-branch")]].concat(), "repo:octo-org/octo-repo:ref:refs/heads/demo-branch"),
        (gh, "tag", [octo, &[("tag", "demo-tag")]].concat(), "repo:octo-org/octo-repo:ref:refs/tags/demo-tag"),
        (gh, "pull-request", octo.to_vec(), "repo:octo-org/octo-repo:pull_request"),
        (gh, "pull-request-merged", octo.to_vec(), "repo:octo-org/octo-repo:pull_request"),
        (gh, "pull-request-target", octo.to_vec(), "repo:octo-org/octo-repo:pull_request"),
        (gh, "environment", [octo, &[("environment", "Production")]].concat(), "repo:octo-org/octo-repo:environment:Production"),
        (gh, "branch-immutable", octo.to_vec(), "repo:octo-org@65/octo-repo@74:ref:refs/heads/main"),
        (
            gh,
            "environment-colon",
            [octo, &[("environment", "a"), ("environment_tail", "b")]].concat(),
            "repo:octo-org/octo-repo:environment:a%3Ab",
        ),
        (
            "gitlab.com",
            "branch",
            vec![("group", "mygroup"), ("project", "myproject")],
            "project_path:mygroup/myproject:ref_type:branch:ref:main",
        ),
        (
            "gitlab.com",
            "tag",
            vec![("group", "g"), ("subgroups", "/s/t"), ("project", "p"), ("tag", "v1")],
            "project_path:g/s/t/p:ref_type:tag:ref:v1",
        ),
        (
            "app.terraform.io",
            "apply",
            vec![("organization", "my-org"), ("project", "Default Project"), ("workspace", "my-workspace")],
            "organization:my-org:project:Default Project:workspace:my-workspace:run_phase:apply",
        ),
        (
            "agent.buildkite.com",
            "branch",
            vec![("organization", "acme-inc"), ("pipeline", "super-duper-app")],
            "organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main:commit:9f3182061f1e2cca4702c368cbc039b7dc9d4485:step:build",
        ),
        (
            "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
            "step",
            vec![("repository_id", UUID), ("step_id", UUID)],
            "{66666666-0000-4000-8000-000000000001}:{66666666-0000-4000-8000-000000000001}",
        ),
        (
            "https://oidc.circleci.com/org/66666666-0000-4000-8000-000000000001",
            "v1",
            vec![("project_id", UUID), ("user_id", UUID)],
            "org/66666666-0000-4000-8000-000000000001/project/66666666-0000-4000-8000-000000000001/user/66666666-0000-4000-8000-000000000001",
        ),
        (
            "https://oidc.vercel.com/acme",
            "production",
            vec![("project", "acme_website")],
            "owner:acme:project:acme_website:environment:production",
        ),
        (
            "https://api.pulumi.com/oidc",
            "environment",
            vec![("organization", "contoso"), ("environment", "dev")],
            "pulumi:environments:org:contoso:env:dev",
        ),
        (
            "https://acme.app.spacelift.io",
            "tracked",
            vec![("space", "legacy"), ("caller", "infra")],
            "space:legacy:stack:infra:run_type:TRACKED:scope:write",
        ),
        (
            "https://oidc.fly.io/example",
            "machine",
            vec![("app", "weather-cat"), ("machine", "winter-smoke-9")],
            "example:weather-cat:winter-smoke-9",
        ),
        (
            "https://scalr.io",
            "run",
            vec![("account", "mainiacp"), ("environment", "dev"), ("workspace", "app")],
            "account:mainiacp:environment:dev:workspace:app",
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
            "service-account",
            vec![("namespace", "default"), ("service_account", "my-sa")],
            "system:serviceaccount:default:my-sa",
        ),
        (
            "https://vstoken.dev.azure.com/66666666-0000-4000-8000-000000000001",
            "service-connection",
            vec![("organization", "contoso"), ("project", "web"), ("connection", "prod")],
            "sc://contoso/web/prod",
        ),
        (
            "https://a.tokens.sts.global.api.aws",
            "role",
            vec![("role", "DataProcessingRole")],
            "arn:aws:iam::123456789012:role/DataProcessingRole",
        ),
        ("oidc-configuration.audit-log.githubusercontent.com", "stream", vec![("enterprise", "octo")], "https://github.com/octo"),
    ];
    for (url, name, pairs, sub) in rows {
        let template = named(url, name);
        let token = template.instantiate(&values(pairs));
        assert_eq!(token.string("sub"), Some(*sub), "{url} {name}");
        assert!(template.matches(&token), "{url} {name}: {token:?}");
    }
}

#[test]
fn invariants_of_every_template() {
    for (id, templates) in everything() {
        assert!(!templates.is_empty(), "{id}");
        let mut names = BTreeSet::new();
        for t in &templates {
            assert!(names.insert(t.name.clone()), "{id}: {} twice", t.name);
            let mut claims = BTreeSet::new();
            let mut used = BTreeSet::new();
            for (claim, parts) in &t.claims {
                assert!(claims.insert(claim), "{id} {}: claim {claim} twice", t.name);
                for part in parts {
                    if let ClaimPart::Segment(i) = part {
                        assert!(*i < t.segments.len());
                        used.insert(*i);
                    }
                }
            }
            assert_eq!(used.len(), t.segments.len(), "{id} {}: a segment is in no claim", t.name);
            let mut segments = BTreeSet::new();
            assert!(t.segments.iter().all(|s| segments.insert(&s.name) && !s.samples.is_empty()), "{id} {}", t.name);
        }
    }
}

#[test]
fn every_alphabet_takes_its_samples_and_the_search_can_build_it() {
    let mut seen = BTreeSet::new();
    for (id, templates) in everything() {
        for segment in templates.iter().flat_map(|t| &t.segments) {
            if !seen.insert((segment.alphabet.clone(), segment.samples.clone())) {
                continue;
            }
            let regex = Regex::new(&format!("^(?:{})$", segment.alphabet)).unwrap();
            for sample in &segment.samples {
                assert!(regex.is_match(sample), "{id} {}: {sample}", segment.name);
            }
        }
    }
    assert!(seen.len() > 80);
}

#[test]
fn alphabets_are_tight() {
    let t = named("token.actions.githubusercontent.com", "branch");
    let is = |segment: &str, text: &str| Regex::new(&format!("^(?:{})$", t.segment(segment).unwrap().alphabet)).unwrap().is_match(text);
    for bad in ["", "-a", "a-", "a--b", "a/b", "a:b", "a@b", "a_", "_a", "a\n", &"a".repeat(40)] {
        assert!(!is("owner", bad), "owner {bad}");
    }
    assert!(is("owner", &"a".repeat(39)) && is("owner", "a-b") && is("owner", "octocat_octo"));
    for bad in ["", "a/b", "a@1", "a:b", &"a".repeat(101)] {
        assert!(!is("repository", bad), "repository {bad}");
    }
    for bad in ["", "a b", "a:b", "a..b", "a~", "a^", "a?", "a*", "a[", "a\\", "/a", "a/", "a//b", ".a", "a/.b", "a."] {
        assert!(!is("branch", bad), "branch {bad}");
    }
    assert!(is("branch", "feature/a.b@c") && is("branch", "gh-readonly-queue/main/pr-1-abc") && is("branch", "é"));
}

#[test]
fn samples_are_members_and_strangers_come_first() {
    for (id, templates) in everything() {
        for t in &templates {
            let token = t.instantiate(&Values::new());
            assert!(t.matches(&token), "{id} {}: {token:?}", t.name);
            let typed = registry().by_id(&id).unwrap().typed(token);
            assert!(t.matches(&typed), "{id} {} typed: {typed:?}", t.name);
        }
    }
    let token = named("token.actions.githubusercontent.com", "branch").instantiate(&Values::new());
    assert_eq!(token.string("sub"), Some("repo:evil-corp/app:ref:refs/heads/main"));
}

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
fn reading_backtracks_within_bounds() {
    let t = named("gitlab.com", "branch");
    let mut token = Token::default();
    token.set("sub", "project_path:g/s/t/p:ref_type:branch:ref:a/b");
    let bound = t.bind(&token).unwrap();
    assert_eq!((bound["group"].as_str(), bound["subgroups"].as_str(), bound["project"].as_str()), ("g", "/s/t", "p"));
    token.set("sub", format!("project_path:{}:ref_type:branch:ref:", "a/".repeat(3000)));
    assert_eq!(t.bind(&token), None);
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
fn presets() {
    let job = Github { owner: "o", repository: "r", ..Github::default() };
    let sub = |job: &Github<'_>| github(job).and_then(|t| t.string("sub").map(str::to_owned));
    assert_eq!(sub(&job).as_deref(), Some("repo:o/r:ref:refs/heads/main"));
    assert_eq!(sub(&Github { ids: Some(("1", "2")), ..job.clone() }).as_deref(), Some("repo:o@1/r@2:ref:refs/heads/main"));
    assert_eq!(sub(&Github { environment: Some("prod"), ..job.clone() }).as_deref(), Some("repo:o/r:environment:prod"));
    assert_eq!(
        sub(&Github { environment: Some("prod"), reference: "refs/tags/v1", ..job.clone() }).as_deref(),
        Some("repo:o/r:environment:prod")
    );
    assert_eq!(sub(&Github { reference: "refs/tags/v1", ..job.clone() }).as_deref(), Some("repo:o/r:ref:refs/tags/v1"));
    let target = github(&Github { event: "pull_request_target", ..job.clone() }).unwrap();
    assert_eq!((target.string("sub"), target.string("ref")), (Some("repo:o/r:pull_request"), Some("refs/heads/main")));
    let pull = github(&Github { event: "pull_request", reference: "refs/pull/7/merge", ..job.clone() }).unwrap();
    assert_eq!((pull.string("sub"), pull.string("ref")), (Some("repo:o/r:pull_request"), Some("refs/pull/7/merge")));
    assert_eq!(github(&Github { owner: "a/b", ..job.clone() }), None);
    assert_eq!(github(&Github { issuer: "gitlab.com", ..job }), None);
    let id = "spiffe://example.org/ns/default/sa/app";
    assert_eq!(spiffe("https://oidc.example.org", id).unwrap().string("sub"), Some(id));
    for bad in [
        "spiffe://Example.org/a",
        "spiffe://example.org/",
        "spiffe://example.org/a//b",
        "spiffe://example.org/../a",
        "spiffe://example.org/a/.",
        "https://example.org/a",
    ] {
        assert_eq!(spiffe("https://oidc.example.org", bad), None, "{bad}");
    }
    assert_eq!(kubernetes("https://issuer.example", "a:b", "sa"), None);
}

#[test]
fn customised_subjects() {
    let github = registry().recognise("token.actions.githubusercontent.com").unwrap();
    let first = |keys: &[&str], name: &str| {
        let t = github.custom(keys).into_iter().find(|t| t.name.split(' ').next() == Some(name)).unwrap();
        t.instantiate(&values(&[("owner", "my_org".replace('_', "-").as_str()), ("repository", "r")])).string("sub").unwrap().to_owned()
    };
    assert_eq!(
        first(&["repository_owner_id", "repository_id", "context"], "pull-request"),
        "repository_owner_id:666000001:repository_id:666000002:pull_request"
    );
    assert_eq!(
        first(&["repository_owner", "repository_visibility", "workflow"], "branch"),
        "repository_owner:my-org:repository_visibility:public:workflow:deploy"
    );
    assert_eq!(first(&["repo", "context"], "branch-immutable"), "repo:my-org@666000001/r@666000002:ref:refs/heads/main");
    assert!(github.custom(&["environment"]).iter().all(|t| t.context == Context::Environment));
    assert!(github.custom(&["no_such_claim"]).is_empty());
}

#[test]
fn templates_that_a_policy_cannot_tell_apart_are_one() {
    let github = registry().recognise("token.actions.githubusercontent.com").unwrap();
    let names = |claims: &[&str]| {
        let claims = claims.iter().map(|c| (*c).to_owned()).collect();
        github.templates_for(&claims).into_iter().map(|t| t.name).collect::<Vec<_>>()
    };
    let by_sub = names(&["sub"]);
    assert_eq!(by_sub.iter().filter(|n| n.starts_with("branch")).collect::<Vec<_>>(), ["branch", "branch-immutable"]);
    assert!(names(&["sub", "job_workflow_ref"]).contains(&"branch-reusable".to_owned()));
    assert!(names(&["enterprise_id"]).contains(&"branch-enterprise".to_owned()));
    assert!(by_sub.len() < github.templates().len() / 3);
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
    assert_eq!(extended.with_extra(yaml).err(), Some(RegistryError::Duplicate("corp".to_owned())));
    let faults = [
        ("issuers: 3", "not an issuer file"),
        ("issuers: [{id: x, colour: red}]", "not an issuer file"),
        ("issuers: [{id: x, like: y}]", "not defined before"),
        ("issuers: [{id: x, host: {pattern: '('}}]", "host pattern"),
        ("issuers: [{id: x, templates: [{name: t, context: workload, claims: {sub: '{a}'}}]}]", "segment `a` is missing"),
        (
            "issuers: [{id: x, segments: {a: {role: tenant, alphabet: '[a-z]+', samples: ['1']}}, templates: [{name: t, context: workload, claims: {sub: '{a}'}}]}]",
            "not in its alphabet",
        ),
        ("issuers: [{id: x, segments: {a: {like: a}}, templates: [{name: t, context: workload, claims: {sub: '{a}'}}]}]", "like itself"),
        ("issuers: [{id: x, define: {d: '{#d}'}, templates: [{name: t, context: workload, claims: {sub: '{#d}'}}]}]", "too deep"),
        ("issuers: [{id: x, templates: [{name: t, context: workload}, {name: t, context: workload}]}]", "twice"),
    ];
    for (yaml, expected) in faults {
        let message = registry().with_extra(yaml).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains(expected), "{yaml}: {message}");
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

#[test]
fn the_order_is_the_same_every_time() {
    let names = || everything().into_iter().map(|(id, ts)| format!("{id} {ts:?}")).collect::<Vec<_>>();
    assert_eq!(names(), names());
}

/// The subjects of the hand-made cases are ones that the issuers mint.
#[test]
fn subjects_of_the_cases_are_members() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/aws-trust-cases.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("notice: the hand-made cases are not here, nothing compared");
        return;
    };
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let contexts = cases.iter().filter_map(|c| c["context"].as_object());
    let keys = contexts.flat_map(|c| c.iter().filter_map(|(k, v)| Some((k.strip_suffix(":sub")?.to_owned(), v.as_str()?.to_owned()))));
    let mut subjects: BTreeSet<(String, String)> = keys.collect();
    // a customised subject, and stand-ins for ids
    subjects.retain(|(_, sub)| !sub.contains("job_workflow_ref") && !["us-east-1:x", "1142", "666"].contains(&sub.as_str()));
    assert!(subjects.len() > 15);
    for (issuer, sub) in subjects {
        let mut token = Token::default();
        token.set("sub", sub.as_str());
        assert!(templates(&issuer).iter().any(|t| t.bind(&token).is_some()), "{issuer} {sub}");
    }
}

#[test]
fn a_pattern_says_which_claims_it_is_made_of() {
    use super::Form;
    let form = |host: &str, pattern: &str, open: bool| registry().recognise(host).unwrap().form(pattern, open);
    let github = |pattern: &str| form("token.actions.githubusercontent.com", pattern, false);
    let custom = |keys: &[&str]| Form::Custom(keys.iter().map(|k| (*k).to_owned()).collect());
    for default in [
        "repo:o/r:ref:refs/heads/main",
        "repo:o/r:*",
        "repo:o/r*",
        "repo:*",
        "*",
        "repo:o/r:pull-request",
        "repo:o/r:ref:refs/heads/*",
        "o/r",
        "repo:o/r:environment:a:b",
    ] {
        assert_eq!(github(default), Form::Default, "{default}");
    }
    assert_eq!(github("repo:o/r"), Form::Truncated(vec!["repo".to_owned()]));
    assert_eq!(
        github("repo:o/r:environment:p:job_workflow_ref:o/w/.github/workflows/f.yml@*"),
        custom(&["repo", "context", "job_workflow_ref"])
    );
    assert_eq!(github("repo:o/r:*:actor:mona"), custom(&["repo", "context", "actor"]));
    assert_eq!(github("repository_owner_id:1:*"), custom(&["repository_owner_id", "repo", "context"]));
    assert_eq!(github("repository_owner_id:1*"), custom(&["repository_owner_id"]));
    assert_eq!(github("repo:o/r:environment:p:ref:refs/heads/main"), custom(&["repo", "context", "ref"]));
    assert_eq!(github("repo:o/r:repo_property_tier:gold"), custom(&["repo", "repo_property_tier"]));
    assert_eq!(form("token.actions.githubusercontent.com", "repository_owner:o:env", true), custom(&["repository_owner"]));
    assert_eq!(form("token.actions.githubusercontent.com", "repo:o/r:environ", true), Form::Default);
    assert_eq!(form("gitlab.com", "project_path:g/p:ref_type:branch:ref:main", false), Form::Default);
    assert_eq!(form("gitlab.com", "project_path:g/p:ref_type:branch:*", false), Form::Default);
    assert_eq!(form("gitlab.com", "project_path:g/p:ref:main", false), custom(&["project_path", "ref"]));
    // Nobody can choose the claims of these.
    assert_eq!(form("app.terraform.io", "organization:o:extra:x", false), Form::Default);
}

#[test]
fn a_project_with_a_form_of_its_own_has_no_other_tokens() {
    use super::Fixed;
    use std::collections::BTreeSet;
    let claims = BTreeSet::from(["sub".to_owned()]);
    let fixed = |project: &str, keys: &[&str]| Fixed { project: project.to_owned(), keys: keys.iter().map(|k| (*k).to_owned()).collect() };
    let mints = |host: &str, project: &str, keys: &[&str], sub: &str| {
        let issuer = registry().recognise(host).unwrap();
        let mut token = Token::default();
        token.set("sub", sub);
        issuer.templates_with(&claims, &[fixed(project, keys)], &[]).iter().any(|t| t.bind(&token).is_some())
    };
    let github = |sub: &str| mints("token.actions.githubusercontent.com", "octo/my-app", &["repo", "actor"], sub);
    assert!(!github("repo:octo/my-app:ref:refs/heads/main") && !github("repo:octo@1/my-app@2:ref:refs/heads/main"));
    assert!(github("repo:octo/my-app:actor:mona") && github("repo:octo@1/my-app@2:actor:mona"));
    for other in [
        "octo/my-apps",
        "octo/my-ap",
        "octo/my",
        "octo/app",
        "octo/MY-app",
        "octo2/my-app",
        "oct/my-app",
        "evil-corp/my-app",
        "octo-evil/my-app",
    ] {
        assert!(github(&format!("repo:{other}:ref:refs/heads/main")), "{other}");
    }
    let gitlab = |sub: &str| mints("gitlab.com", "g/sub/p", &["project_path", "ref"], sub);
    assert!(!gitlab("project_path:g/sub/p:ref_type:branch:ref:main") && gitlab("project_path:g/sub/p:ref:main"));
    for other in ["g/p", "g/sub/deeper/p", "g/sub/q", "h/sub/p"] {
        assert!(gitlab(&format!("project_path:{other}:ref_type:branch:ref:main")), "{other}");
    }
}

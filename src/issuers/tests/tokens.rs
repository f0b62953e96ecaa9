//! The tokens of every issuer: documented subjects, alphabets, samples, presets.

use super::*;

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
            for (claim, parts) in t.claims.iter() {
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
        for segment in templates.iter().flat_map(|t| t.segments.iter()) {
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

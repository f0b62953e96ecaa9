//! How long decisions take: the queries that a run makes most.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use fedlint::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use fedlint::admission::search::{Compiled, Options, Templates, search};
use fedlint::issuers::{ClaimPart, Context, Role, Segment, Template};
use fedlint::partial::Text;
use fedlint::token::Truth;
use std::collections::BTreeSet;

fn main() {
    divan::main();
}

fn segment(name: &str, role: Role, alphabet: &str, sample: &str) -> Segment {
    Segment { name: name.into(), role, alphabet: alphabet.into(), samples: vec![sample.into()], guessed: None }
}

fn templates() -> Vec<Template> {
    let lit = |t: &str| ClaimPart::Literal(t.to_owned());
    let seg = ClaimPart::Segment;
    let owner = || segment("owner", Role::Tenant, "[A-Za-z0-9](-?[A-Za-z0-9]){0,38}", "evil-corp");
    let repository = || segment("repository", Role::Project, r"[\w.-]{1,100}", "app");
    let shape = |name: &str, last: Option<Segment>, middle: &str| {
        let mut sub = vec![lit("repo:"), seg(0), lit("/"), seg(1), lit(middle)];
        sub.extend(last.is_some().then_some(seg(2)));
        Template {
            tags: BTreeSet::new(),
            undocumented: Vec::new(),
            unlisted: Vec::new(),
            name: name.into(),
            context: Context::Branch,
            segments: std::sync::Arc::new([owner(), repository()].into_iter().chain(last).collect()),
            claims: std::sync::Arc::new(vec![
                ("sub".into(), sub),
                ("repository".into(), vec![seg(0), lit("/"), seg(1)]),
                ("repository_owner".into(), vec![seg(0)]),
            ]),
        }
    };
    vec![
        shape("branch", Some(segment("ref", Role::Ref, r"refs/heads/[\w./-]{1,100}", "refs/heads/main")), ":ref:"),
        shape("pull-request", None, ":pull_request"),
        shape("environment", Some(segment("environment", Role::Environment, "[^:]{1,100}", "production")), ":environment:"),
    ]
}

fn test(subject: Subject, matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test {
        subject,
        matcher,
        absent: Truth::False,
        span: None,
        trail: None,
        label: "test".into(),
        origin: fedlint::admission::formula::TestOrigin::Condition,
    }))
}

fn sub(matcher: Matcher) -> Formula {
    test(Subject::Claim("sub".into()), matcher)
}

fn foreign(formula: Formula) -> Formula {
    let ours = test(Subject::Segment("owner".into()), Matcher::Exact(Text::known("my-org")));
    Formula::All(vec![formula, ours.negate()])
}

/// One query, nothing of it known before.
fn run(bencher: divan::Bencher<'_, '_>, formula: Formula) {
    let all = templates();
    bencher.with_inputs(|| Templates::new(&all)).bench_refs(|templates| {
        let options = Options::default();
        Compiled::new(&formula, &options).search(templates, &options)
    });
}

#[divan::bench]
fn witness_of_an_open_prefix(bencher: divan::Bencher<'_, '_>) {
    run(bencher, foreign(sub(Matcher::Prefix(Text::known("repo:my-org")))));
}

#[divan::bench]
fn proof_of_a_closed_glob(bencher: divan::Bencher<'_, '_>) {
    let parts = vec![GlobPart::Literal(Text::known("repo:my-org/")), GlobPart::Star(None)];
    run(bencher, foreign(sub(Matcher::Glob(parts))));
}

#[divan::bench]
fn proof_of_contradicting_wildcards(bencher: divan::Bencher<'_, '_>) {
    let all = [":ref:refs/heads/main", ":environment:production"].map(|t| sub(Matcher::Suffix(Text::known(t))));
    run(bencher, Formula::All(all.to_vec()));
}

#[divan::bench]
fn proof_with_floating_words(bencher: divan::Bencher<'_, '_>) {
    let all = ["infra", "prod", "main"].map(|t| sub(Matcher::Contains(Text::known(t))));
    let tenant = test(Subject::Claim("repository_owner".into()), Matcher::Exact(Text::known("my-org")));
    run(bencher, foreign(Formula::All(all.into_iter().chain([tenant]).collect())));
}

#[divan::bench]
fn hundred_subjects(bencher: divan::Bencher<'_, '_>) {
    let one = |i: usize| sub(Matcher::Exact(Text::known(format!("repo:my-org/service-{i}:ref:refs/heads/main"))));
    run(bencher, foreign(Formula::Any((0..100).map(one).collect())));
}

#[divan::bench]
fn everything_from_scratch(bencher: divan::Bencher<'_, '_>) {
    let (all, formula) = (templates(), foreign(sub(Matcher::Prefix(Text::known("repo:my-org")))));
    bencher.bench(|| search(&formula, &all, &Options::default()));
}

#[path = "../tests/suite/common/mod.rs"]
mod common;

/// The exposure of a whole trust: what a run asks of each role and binding.
mod exposures {
    use super::common::{aws, google, policy, tree};
    use fedlint::admission::exposure::{Reachability, exposure, exposure_in, reachability_in};
    use fedlint::admission::formula::Formula;
    use fedlint::admission::iam::Policy;
    use fedlint::admission::search::Shared;
    use fedlint::issuers::{Template, registry};
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const GITHUB: &str = "token.actions.githubusercontent.com";

    fn of(bencher: divan::Bencher<'_, '_>, condition: &Value) {
        let (formula, templates, _) = aws(GITHUB, &policy(GITHUB, condition));
        bencher.bench(|| exposure(&formula, &templates));
    }

    #[divan::bench]
    fn one_exact_subject(bencher: divan::Bencher<'_, '_>) {
        of(bencher, &json!({"StringEquals": {":sub": "repo:octo/app:ref:refs/heads/main", ":aud": "sts.amazonaws.com"}}));
    }

    #[divan::bench]
    fn one_open_subject(bencher: divan::Bencher<'_, '_>) {
        of(bencher, &json!({"StringLike": {":sub": "repo:octo*:ref:refs/heads/main"}}));
    }

    fn subjects(bencher: divan::Bencher<'_, '_>, count: usize) {
        let subjects: Vec<String> = (0..count).map(|i| format!("repo:octo/service-{i}:ref:refs/heads/main")).collect();
        of(bencher, &json!({"StringEquals": {":sub": subjects}}));
    }

    #[divan::bench]
    fn hundred_exact_subjects(bencher: divan::Bencher<'_, '_>) {
        subjects(bencher, 100);
    }

    #[divan::bench]
    fn thousand_exact_subjects(bencher: divan::Bencher<'_, '_>) {
        subjects(bencher, 1_000);
    }

    /// A trust that is like one judged before, with what a run remembers.
    #[divan::bench]
    fn the_same_subject_again(bencher: divan::Bencher<'_, '_>) {
        let condition = json!({"StringEquals": {":sub": "repo:octo/app:ref:refs/heads/main", ":aud": "sts.amazonaws.com"}});
        let (formula, templates, _) = aws(GITHUB, &policy(GITHUB, &condition));
        let shared = Arc::new(Shared::default());
        bencher.bench(|| exposure_in(&formula, &shared.templates(&templates)));
    }

    /// A name, the formula and the templates of a trust.
    type Case = (String, Formula, Vec<Template>);

    /// The lines or elements of a file of shared data.
    fn data(name: &str) -> Vec<Value> {
        let path = format!("{}/../shared/data/{name}", env!("CARGO_MANIFEST_DIR"));
        let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
        match serde_json::from_str(&text) {
            Ok(Value::Array(all)) => all,
            _ => text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect(),
        }
    }

    /// The conditions found in public repositories, those of issuers with a host of their own.
    fn real() -> Vec<Case> {
        let case = |row: &Value| {
            let host = match row["issuer"].as_str()? {
                "github" => GITHUB,
                "gitlab" => "gitlab.com",
                "tfc" => "app.terraform.io",
                "aws" => "aws",
                _ => return None,
            };
            let condition = row["concrete"].as_str()?.to_owned();
            let (_, formula, templates, _) = google(host, &condition);
            Some((condition, formula, templates))
        };
        data("gcp-conditions.jsonl").iter().filter_map(case).collect()
    }

    /// The trust policies of the conformance data, each as the tokens of its principal meet it.
    fn trusts(name: &str) -> Vec<Case> {
        let case = |row: &Value| {
            let text = row["policy"].to_string().replace("123456789012", "111122223333");
            let policy = Policy::read(&tree(&serde_json::from_str(&text).ok()?));
            let host = row["principal"].as_str()?.split_once("oidc-provider/")?.1;
            registry().recognise(host)?;
            let (formula, templates, _) = aws(host, &policy);
            Some((text, formula, templates))
        };
        data(name).iter().filter_map(case).collect()
    }

    #[divan::bench(sample_count = 5, sample_size = 1)]
    fn real_conditions(bencher: divan::Bencher<'_, '_>) {
        let all = real();
        bencher.counter(divan::counter::ItemsCount::new(all.len())).bench(|| all.iter().filter(|(_, f, t)| exposure(f, t).is_ok()).count());
    }

    /// Cases of which each is decided several times are decided so often; the fastest time counts.
    const ROUNDS: usize = 3;

    /// The slowest of many, as its own time: both questions of a trust, nothing of it known before.
    fn worst(what: &str, rounds: usize, all: impl Iterator<Item = Case>) -> Duration {
        let time = |(name, formula, templates): Case| {
            let (mut time, mut decided) = (Duration::MAX, None);
            for _ in 0..rounds {
                let start = Instant::now();
                let shared = Arc::new(Shared::default());
                let lives = reachability_in(&formula, &shared.templates(&templates));
                let exposes = exposure_in(&formula, &shared.templates(&templates));
                time = time.min(start.elapsed());
                decided = Some((lives, exposes));
            }
            let Some((lives, exposes)) = decided else { return (time, true, name) };
            let open = matches!(lives, Reachability::Undecided) || (exposes.is_err() && !matches!(lives, Reachability::Unreachable));
            (time, open, name)
        };
        let mut times: Vec<(Duration, bool, String)> = all.map(time).collect();
        times.sort();
        let open = times.iter().filter(|(_, open, _)| *open).count();
        let sum: Duration = times.iter().map(|(d, ..)| *d).sum();
        eprintln!("{} of {what}: {sum:?} together, {open} not decided; the slowest:", times.len());
        for (duration, _, name) in times.iter().rev().take(3) {
            eprintln!("  {duration:?} {}", name.chars().take(300).collect::<String>());
        }
        times.pop().map_or(Duration::ZERO, |(duration, ..)| duration)
    }

    #[divan::bench(sample_count = 1, sample_size = 1)]
    fn slowest_real_condition() -> Duration {
        worst("the real conditions", ROUNDS, real().into_iter())
    }

    #[divan::bench(sample_count = 1, sample_size = 1)]
    fn slowest_trust_policy() -> Duration {
        worst("the trust policies made by hand", ROUNDS, trusts("aws-trust-cases.json").into_iter())
    }

    #[divan::bench(sample_count = 1, sample_size = 1)]
    fn slowest_random_trust_policy() -> Duration {
        worst("the random trust policies", ROUNDS, trusts("aws-trust-random.jsonl").into_iter())
    }

    /// Random policies from a fixed seed.
    fn random(count: u64) -> impl Iterator<Item = Case> {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut next = move |n: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % n as u64).unwrap_or(0)
        };
        let owners = ["octo", "octo*", "*", "o??o", "*-corp*"];
        let repositories = ["app", "app*", "*", "*-infra-*", "a?p"];
        let contexts = ["ref:refs/heads/main", "*", "ref:refs/heads/*release*", "environment:prod*", "pull_request", "*main*"];
        let operators = ["StringLike", "StringNotLike", "StringLikeIfExists", "ForAllValues:StringLike"];
        let one = move |_| {
            let mut condition = json!({});
            for _ in 0..=next(3) {
                let subjects: Vec<String> = (0..=next(6))
                    .map(|_| {
                        let (o, r, c) = (owners[next(5)], repositories[next(5)], contexts[next(6)]);
                        format!("repo:{o}/{r}:{c}")
                    })
                    .collect();
                condition[operators[next(4)]][":sub"] = json!(subjects);
            }
            let (formula, templates, _) = aws(GITHUB, &policy(GITHUB, &condition));
            (condition.to_string(), formula, templates)
        };
        (0..count).map(one)
    }

    #[divan::bench(sample_count = 1, sample_size = 1)]
    fn slowest_of_ten_thousand_random_policies() -> Duration {
        worst("ten thousand random policies", 1, random(10_000))
    }
}

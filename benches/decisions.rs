//! How long decisions take: the queries that a run makes most.

use fedlint::admission::Truth;
use fedlint::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use fedlint::admission::search::{Compiled, Options, Templates, search};
use fedlint::issuers::{ClaimPart, Context, Role, Segment, Template};
use fedlint::value::Text;

fn main() {
    divan::main();
}

fn segment(name: &str, role: Role, alphabet: &str, sample: &str) -> Segment {
    Segment { name: name.into(), role, alphabet: alphabet.into(), samples: vec![sample.into()] }
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
            name: name.into(),
            context: Context::Branch,
            segments: [owner(), repository()].into_iter().chain(last).collect(),
            claims: vec![
                ("sub".into(), sub),
                ("repository".into(), vec![seg(0), lit("/"), seg(1)]),
                ("repository_owner".into(), vec![seg(0)]),
            ],
        }
    };
    vec![
        shape("branch", Some(segment("ref", Role::Ref, r"refs/heads/[\w./-]{1,100}", "refs/heads/main")), ":ref:"),
        shape("pull-request", None, ":pull_request"),
        shape("environment", Some(segment("environment", Role::Environment, "[^:]{1,100}", "production")), ":environment:"),
    ]
}

fn test(subject: Subject, matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test { subject, matcher, absent: Truth::False, span: None, trail: None, label: "test".into() }))
}

fn sub(matcher: Matcher) -> Formula {
    test(Subject::Claim("sub".into()), matcher)
}

fn foreign(formula: Formula) -> Formula {
    let ours = test(Subject::Segment("owner".into()), Matcher::Exact(Text::known("my-org")));
    Formula::All(vec![formula, ours.negate()])
}

fn run(bencher: divan::Bencher<'_, '_>, formula: Formula) {
    let templates = Templates::new(&templates());
    bencher.bench(|| {
        let options = Options::default();
        Compiled::new(&formula, &options).search(&templates, &options)
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

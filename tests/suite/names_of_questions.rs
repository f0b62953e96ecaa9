//! Questions that differ in names alone are answered once: the answers are those of the questions as they are written, to the
//! letter, whatever was asked before.

#![allow(clippy::expect_used)]

use fedlint::admission::exposure::{exposure_in, reachability_in};
use fedlint::admission::formula::{Formula, GlobPart, Matcher, Subject, Test, TestOrigin};
use fedlint::admission::search::{Names, Shared};
use fedlint::gate::issuer::templates;
use fedlint::issuers::{Registry, Template, registry};
use fedlint::partial::Text;
use fedlint::place::{FileId, Span};
use fedlint::token::Truth;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOSTS: [&str; 5] = [
    "token.actions.githubusercontent.com",
    "gitlab.com",
    "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF",
    "agent.buildkite.com",
    "app.terraform.io",
];

/// Questions of each run, and with `FEDLINT_ALL_CASES` set.
const CASES: usize = 250;
const MANY_CASES: usize = 12_000;

/// What may be taken for something else: beginnings and ends of one another, words of issuers, samples, stand-ins.
const WORDS: [&str; 47] = [
    "weir",
    "weirs",
    "we",
    "sluice",
    "gates",
    "gate",
    "keeper",
    "eeper",
    "water",
    "25",
    "7",
    "1025",
    "2024",
    "v12",
    "v1",
    "k8s",
    "2fa",
    "Weir",
    "WEIR",
    "main",
    "refs",
    "heads",
    "app",
    "apple",
    "evil",
    "corp",
    "corpgates",
    "octo",
    "org",
    "devil",
    "evilcorp",
    "qjkz",
    "qjkzs",
    "9213",
    "0",
    "007",
    "true",
    "public",
    "production",
    "default",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmn",
    "a",
    "ünder",
    "push",
    "3A",
    "3Aweir",
    "%3Aweir",
];

/// Names of the usual kind.
const NAMES: [&str; 16] = [
    "weir", "sluice", "penstock", "spillway", "tailrace", "headgate", "intake", "forebay", "17", "2031", "404", "v3", "k9", "stage",
    "live", "blue",
];

fn name() -> impl Strategy<Value = String> {
    let of = |words: Vec<&'static str>| {
        (proptest::collection::vec(select(words), 1..4), select(vec!["-", "-", "_", "."])).prop_map(|(words, by)| words.join(by))
    };
    let id = select(vec!["66666666-0000-4000-8000-000000000001", "714a629c0b401fdce83e847fc9589983fc6f46bc", "666000001", "65"]);
    prop_oneof![6 => of(NAMES.to_vec()), 3 => of(WORDS.to_vec()), 1 => id.prop_map(str::to_owned)]
}

/// A name, or what begins or ends with it.
fn piece() -> impl Strategy<Value = String> {
    (name(), select(vec!["", "", "", "", "", "", "*", "-*", "^*", "^*-", "?"]), any::<bool>()).prop_map(|(name, star, whole)| match star {
        "^*" if whole => format!("*{name}"),
        "^*-" if whole => format!("*-{name}"),
        "?" if !whole => name,
        star if star.starts_with('^') => name,
        star => format!("{name}{star}"),
    })
}

fn claim() -> impl Strategy<Value = (&'static str, String)> {
    let subject = (piece(), piece(), piece(), select(vec![0, 1, 2, 3, 4, 5, 6, 7, 8])).prop_map(|(a, b, c, form)| match form {
        0 | 1 => format!("repo:{a}/{b}:ref:refs/heads/{c}"),
        2 if b.len() % 3 == 0 => format!("repo:{a}/{b}:environment:{c}%3A{a}"),
        2 => format!("repo:{a}/{b}:environment:{c}"),
        3 => format!("repo:{a}/{b}:*"),
        4 => format!("repo:{a}/*"),
        5 => format!("project_path:{a}/{b}:ref_type:branch:ref:{c}"),
        6 => format!("system:serviceaccount:{a}:{b}"),
        7 => format!("organization:{a}:project:{b}:workspace:{c}:run_phase:apply"),
        _ => format!("repo:{a}/{b}:pull_request"),
    });
    let two = (piece(), piece()).prop_map(|(a, b)| format!("{a}/{b}"));
    let workflow = (piece(), piece(), piece()).prop_map(|(a, b, c)| format!("{a}/{b}/.github/workflows/{c}.yml@refs/heads/main"));
    prop_oneof![
        8 => subject.prop_map(|text| ("sub", text)),
        2 => two.prop_map(|text| ("repository", text)),
        2 => piece().prop_map(|text| ("repository_owner", text)),
        1 => workflow.prop_map(|text| ("job_workflow_ref", text)),
        1 => piece().prop_map(|text| ("ref", format!("refs/heads/{text}"))),
        2 => (select(vec!["environment", "workflow", "aud", "project_path", "namespace_path", "repository_owner_id", "repository_id", "actor"]), piece()),
    ]
}

fn glob(pattern: &str, file: u32) -> Matcher {
    let place = |at: usize, len: usize| Span::new(FileId(file), at..at + len);
    let (mut parts, mut at) = (Vec::new(), 0);
    for piece in pattern.split_inclusive(['*', '?']) {
        let literal = piece.trim_end_matches(['*', '?']);
        if !literal.is_empty() {
            parts.push(GlobPart::Literal(Text::literal(literal, place(at, literal.len()))));
        }
        match piece.get(literal.len()..) {
            Some("*") => parts.push(GlobPart::Star(Some(place(at + literal.len(), 1)))),
            Some("?") => parts.push(GlobPart::One(Some(place(at + literal.len(), 1)))),
            _ => {}
        }
        at += piece.len();
    }
    Matcher::Glob(parts)
}

fn test() -> impl Strategy<Value = Formula> {
    let how = select(vec![0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5]);
    (claim(), how, 0..4_u32, any::<bool>()).prop_map(|((claim, pattern), how, file, error)| {
        let plain = pattern.replace(['*', '?'], "");
        let text = Text::literal(&plain, Span::new(FileId(file), 0..plain.len()));
        let matcher = match how {
            1 => Matcher::Exact(text),
            2 => Matcher::Prefix(text),
            3 => Matcher::ExactIgnoreCase(text),
            4 => Matcher::Contains(text),
            5 => Matcher::Suffix(text),
            _ => glob(&pattern, file),
        };
        Formula::Test(Box::new(Test {
            subject: Subject::Claim(claim.to_owned()),
            matcher,
            absent: if error { Truth::Error } else { Truth::False },
            span: Some(Span::new(FileId(file), 0..1)),
            trail: None,
            label: format!("test of {claim}"),
            origin: TestOrigin::Condition,
        }))
    })
}

fn formula() -> impl Strategy<Value = Formula> {
    let tests = || proptest::collection::vec(test(), 1..4);
    prop_oneof![
        4 => test(),
        3 => tests().prop_map(Formula::All),
        2 => tests().prop_map(Formula::Any),
        1 => (tests(), test()).prop_map(|(mut all, not)| {
            all.push(not.negate());
            Formula::All(all)
        }),
        1 => (tests(), tests()).prop_map(|(any, all)| Formula::All(vec![Formula::Any(any), Formula::Any(all)])),
    ]
}

fn random(count: usize) -> Vec<(usize, Formula)> {
    let mut runner = TestRunner::deterministic();
    let one = (select((0..HOSTS.len()).collect::<Vec<_>>()), formula());
    (0..count).map(|_| one.new_tree(&mut runner).expect("a tree").current()).collect()
}

fn tokens(registry: &'static Registry, host: usize, formula: &Formula) -> Vec<Template> {
    let host = HOSTS.get(host).copied().expect("a host");
    templates(&registry.recognise(host).expect("an issuer"), formula)
}

/// The answers to a question, with stand-ins for names or without.
fn answers(shared: &Arc<Shared>, formula: &Formula, templates: &[Template], by_name: bool) -> String {
    let ready = || if by_name { shared.templates(templates) } else { shared.templates(templates).as_written() };
    format!("{:#?}\n{:#?}", reachability_in(formula, &ready()), exposure_in(formula, &ready()))
}

#[test]
fn answers_do_not_depend_on_stand_ins() {
    let count = if std::env::var_os("FEDLINT_ALL_CASES").is_some() { MANY_CASES } else { CASES };
    let registry = registry();
    let shared: Arc<Shared> = Arc::default();
    let questions = random(count);
    let wrong: Vec<String> = questions
        .par_iter()
        .filter_map(|(host, formula)| {
            let templates = tokens(registry, *host, formula);
            let (by_name, as_written) = (answers(&shared, formula, &templates, true), answers(&Arc::default(), formula, &templates, false));
            (by_name != as_written).then(|| format!("{formula:#?}\n{by_name}\n{as_written}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {count}: {}", wrong.len(), wrong.first().map_or("", String::as_str));
    let named = |(host, formula): &&(usize, Formula)| {
        let templates = shared.templates(&tokens(registry, *host, formula));
        !Names::of(formula, &templates).is_empty()
    };
    let named = questions.par_iter().filter(named).count();
    assert!(named * 4 > count, "{named} of {count} have names");
}

/// Roles of one make: all but the first are answered by the first.
#[test]
fn one_answer_serves_all_names() {
    let registry = registry();
    let shared: Arc<Shared> = Arc::default();
    let subject = |text: &str| {
        Formula::Test(Box::new(Test {
            subject: Subject::Claim("sub".to_owned()),
            matcher: glob(text, 0),
            absent: Truth::False,
            span: None,
            trail: None,
            label: "sub".to_owned(),
            origin: TestOrigin::Condition,
        }))
    };
    let mut stand_ins: BTreeMap<String, usize> = BTreeMap::new();
    for (owner, repository) in [("weir", "sluice"), ("penstock", "spillway-intake"), ("forebay", "tailrace"), ("headgate", "live")] {
        for context in ["ref:refs/heads/main", "environment:production", "*", "pull_request"] {
            let formula = subject(&format!("repo:{owner}/{repository}:{context}"));
            let templates = tokens(registry, 0, &formula);
            let names = Names::of(&formula, &shared.templates(&templates));
            *stand_ins.entry(format!("{:?}", names.question(&formula))).or_default() += 1;
            assert_eq!(answers(&shared, &formula, &templates, true), answers(&Arc::default(), &formula, &templates, false));
        }
    }
    let most = stand_ins.values().copied().max();
    assert_eq!((stand_ins.len(), most), (8, Some(3)), "{stand_ins:#?}");
}

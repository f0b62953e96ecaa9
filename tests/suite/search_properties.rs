//! Properties of the decision procedure: it agrees with an independent automata library on languages, and with plain
//! enumeration of every token on formulas.
#![allow(clippy::expect_used)]

use fedlint::admission::formula::{Comparison, Formula, GlobPart, Matcher, Subject, Test};
use fedlint::admission::search::concrete::evaluate_in;
use fedlint::admission::search::{HoleMode, Options, Outcome, literals_for_segment, placeholder, search};
use fedlint::issuers::{ClaimPart, Context, Role, Segment, Template};
use fedlint::language::{Language, Piece};
use fedlint::partial::{Text, Unknown, UnknownKind};
use fedlint::token::{Token, Truth};
use proptest::prelude::*;
use regexsolver::Term;
use std::sync::Arc;

/// A glob over a small alphabet.
fn glob_pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![4 => Just('a'), 3 => Just('b'), 2 => Just('/'), 2 => Just('*'), 1 => Just('?')], 0..9)
        .prop_map(|chars| chars.into_iter().collect())
}

fn language(glob: &str) -> Language {
    let units: Vec<String> = glob.chars().map(String::from).collect();
    let piece = |unit| match unit {
        "*" => Piece::Star,
        "?" => Piece::One,
        literal => Piece::Literal(literal),
    };
    let pieces: Vec<Piece<'_>> = units.iter().map(|u| piece(u.as_str())).collect();
    Language::glob(&pieces).expect("small")
}

fn term(glob: &str) -> Term {
    let pattern: String = glob
        .chars()
        .map(|c| match c {
            '*' => "(.|\n)*".to_owned(),
            '?' => "(.|\n)".to_owned(),
            c => c.to_string(),
        })
        .collect();
    Term::from_pattern(&pattern).expect("valid")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn languages_agree_with_another_library(a in glob_pattern(), b in glob_pattern()) {
        let (la, lb, ta, tb) = (language(&a), language(&b), term(&a), term(&b));
        prop_assert_eq!(la.included_in(&lb).unwrap(), ta.subset(&tb).unwrap(), "{} within {}", a, b);
        let common = la.common(&lb).unwrap();
        prop_assert_eq!(common.is_none(), ta.intersection([&tb]).unwrap().is_empty().unwrap(), "{} and {}", a, b);
        if let Some(text) = common {
            prop_assert!(la.contains(&text) && lb.contains(&text));
        }
        if let Some(text) = la.outside(&lb).unwrap() {
            prop_assert!(la.contains(&text) && !lb.contains(&text));
        }
    }

    #[test]
    fn expressions_agree_with_the_regex_crate(pattern in "(\\^)?[ab/]{0,2}([ab]|\\[ab\\]\\+|\\(a\\|b/\\)\\*|a\\?|\\.|b\\{1,2\\}){0,3}(\\$)?", text in "[ab/]{0,6}") {
        let expected = regex::Regex::new(&pattern).unwrap().is_match(&text);
        prop_assert_eq!(Language::regex_search(&pattern).unwrap().contains(&text), expected, "{} on {}", pattern, text);
    }
}

const SMALL: &str = "[aB]{1,2}";

fn segment(name: &str, alphabet: &str, sample: &str) -> Segment {
    Segment { name: name.into(), role: Role::Tenant, alphabet: alphabet.into(), samples: vec![sample.into()], guessed: None }
}

/// A template with few enough tokens to try them all.
fn template() -> Template {
    let lit = |t: &str| ClaimPart::Literal(t.to_owned());
    let seg = ClaimPart::Segment;
    Template {
        name: "small".into(),
        context: Context::Branch,
        tags: std::collections::BTreeSet::new(),
        undocumented: Vec::new(),
        unlisted: Vec::new(),
        segments: Arc::new(vec![segment("owner", SMALL, "B"), segment("repository", "a(/a)?|B", "a"), segment("unused", "x|y", "x")]),
        claims: Arc::new(vec![
            ("sub".into(), vec![lit("o:"), seg(0), lit("/"), seg(1)]),
            ("owner".into(), vec![seg(0)]),
            ("path".into(), vec![seg(1), lit("@"), seg(0)]),
            ("twice".into(), vec![seg(0), seg(0)]),
            ("other".into(), vec![seg(2)]),
        ]),
    }
}

/// Every token of [`template`] with its segments.
fn every_token() -> Vec<(Token, Vec<(String, String)>)> {
    let owners = ["a", "B", "aa", "aB", "Ba", "BB"];
    let mut out = Vec::new();
    for owner in owners {
        for repository in ["a", "a/a", "B"] {
            for unused in ["x", "y"] {
                let mut token = Token::default();
                token.set("sub", format!("o:{owner}/{repository}"));
                token.set("owner", owner);
                token.set("path", format!("{repository}@{owner}"));
                token.set("twice", format!("{owner}{owner}"));
                token.set("other", unused);
                let segments = [("owner", owner), ("repository", repository), ("unused", unused)];
                out.push((token, segments.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec()));
            }
        }
    }
    out
}

fn small_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[aBo:/@]{0,3}",
        1 => Just("o:a/".to_owned()),
        1 => Just("o:aB/a".to_owned()),
        1 => Just("a/a@".to_owned()),
        1 => Just("aBaB".to_owned()),
    ]
}

fn subject() -> impl Strategy<Value = Subject> {
    let claim = || {
        prop_oneof![
            3 => Just("sub"), 2 => Just("owner"), 2 => Just("path"), 1 => Just("twice"), 1 => Just("other"), 1 => Just("missing")
        ]
        .prop_map(|n| Subject::Claim(n.to_owned()))
    };
    let leaf = prop_oneof![
        6 => claim(),
        1 => Just(Subject::Segment("owner".into())),
        1 => Just(Subject::Segment("nobody".into())),
        1 => small_text().prop_map(Subject::Literal),
    ];
    let cut = || prop_oneof![Just("a"), Just("/"), Just("o:"), Just("@"), Just("aB"), Just("aa")];
    let edge = || prop_oneof![Just(""), Just("a"), Just("/"), Just("o:"), Just("@")];
    leaf.prop_recursive(3, 6, 2, move |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            (boxed(), edge(), edge()).prop_map(|(of, p, s)| Subject::Extract { of, prefix: p.into(), suffix: s.into() }),
            (boxed(), cut(), 0usize..3).prop_map(|(of, s, index)| Subject::Split { of, separator: s.into(), index }),
            (boxed(), cut(), edge()).prop_map(|(of, f, t)| Subject::Replace { of, from: f.into(), to: t.into() }),
            boxed().prop_map(Subject::Lower),
            boxed().prop_map(Subject::Upper),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(Subject::Concat),
        ]
    })
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let text = || {
        prop_oneof![
            8 => small_text().prop_map(Text::known),
            1 => (small_text(), small_text()).prop_map(|(a, b)| {
                let mut text = Text::known(a);
                text.push(&Text::hole(Unknown::new("var.a", UnknownKind::Word, "${var.a}", "no default", None), None));
                text.push(&Text::known(b));
                text
            }),
        ]
    };
    let comparison = || {
        prop_oneof![
            Just(Comparison::Less),
            Just(Comparison::LessEqual),
            Just(Comparison::Greater),
            Just(Comparison::GreaterEqual),
            Just(Comparison::Equal)
        ]
    };
    let part = prop_oneof![3 => text().prop_map(GlobPart::Literal), 2 => Just(GlobPart::Star(None)), 1 => Just(GlobPart::One(None))];
    prop_oneof![
        1 => Just(Matcher::Present),
        4 => text().prop_map(Matcher::Exact),
        1 => text().prop_map(Matcher::ExactIgnoreCase),
        2 => text().prop_map(Matcher::Prefix),
        2 => text().prop_map(Matcher::Suffix),
        2 => text().prop_map(Matcher::Contains),
        3 => proptest::collection::vec(part, 0..4).prop_map(Matcher::Glob),
        1 => prop_oneof![Just("^o:a"), Just("(a|B)+$"), Just("a.?/"), Just("[^aB]"), Just("\\w@")].prop_map(|p| Matcher::Regex(p.to_owned())),
        1 => (comparison(), -1i64..7).prop_map(|(op, n)| Matcher::Size(op, n)),
        1 => (comparison(), small_text().prop_map(Text::known)).prop_map(|(op, t)| Matcher::Order(op, t)),
    ]
}

fn formula() -> impl Strategy<Value = Formula> {
    let absent = prop_oneof![4 => Just(Truth::Error), 2 => Just(Truth::False), 1 => Just(Truth::True)];
    let test = (subject(), matcher(), absent).prop_map(|(subject, matcher, absent)| {
        Formula::Test(Box::new(Test {
            subject,
            matcher,
            absent,
            span: None,
            trail: None,
            label: "test".into(),
            origin: fedlint::admission::formula::TestOrigin::Condition,
        }))
    });
    let leaf = prop_oneof![12 => test, 1 => Just(Formula::unknown("not known")), 1 => Just(Formula::Constant(Truth::Error, None))];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Formula::negate),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Formula::All),
            proptest::collection::vec(inner, 0..4).prop_map(Formula::Any),
        ]
    })
}

/// The truths that the formula has over every token.
fn truths(formula: &Formula, holes: &HoleMode<'_>) -> Vec<Truth> {
    every_token().iter().map(|(token, segments)| evaluate_in(formula, token, segments, holes)).collect()
}

/// What the engine may say, judged by enumeration. It may only say "unknown" on its own account where a derived string
/// is joined with others, which it does not model.
fn check(formula: &Formula, outcome: &Outcome, truths: &[Truth], modelled: bool) -> Result<(), TestCaseError> {
    match outcome {
        Outcome::Witness(w) => {
            prop_assert!(w.certain && truths.contains(&Truth::True), "{:?}", formula);
            let known = every_token().into_iter().any(|(token, segments)| token == w.token && segments == w.segments);
            prop_assert!(known, "not a token of the template: {:?}", w);
        }
        Outcome::Proof => prop_assert!(!truths.contains(&Truth::True) && !truths.contains(&Truth::Unknown), "{:?}", formula),
        Outcome::Unknown(why) => {
            prop_assert!(!modelled || !truths.contains(&Truth::True), "{}: {:?}", why, formula);
            prop_assert!(!modelled || truths.contains(&Truth::Unknown), "{}: {:?}", why, formula);
        }
    }
    Ok(())
}

fn modelled(formula: &Formula) -> bool {
    fn plain(subject: &Subject) -> bool {
        match subject {
            Subject::Concat(all) => all.iter().all(|s| matches!(s, Subject::Claim(_) | Subject::Segment(_) | Subject::Literal(_))),
            Subject::Extract { of, .. } | Subject::Split { of, .. } | Subject::Replace { of, .. } => plain(of),
            Subject::Lower(of) | Subject::Upper(of) => plain(of),
            _ => true,
        }
    }
    match formula {
        Formula::Constant(..) => true,
        Formula::Test(test) => plain(&test.subject),
        Formula::Not(inner) => modelled(inner),
        Formula::Deferred(_) => false,
        Formula::All(all) | Formula::Any(all) => all.iter().all(modelled),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn the_search_agrees_with_trying_every_token(formula in formula()) {
        for holes in [HoleMode::Fill(&placeholder), HoleMode::Any] {
            let outcome = search(&formula, &[template()], &Options { holes });
            check(&formula, &outcome, &truths(&formula, &holes), modelled(&formula))?;
        }
    }

    /// What is said to be fixed by a conjunction is what every admitted token has.
    #[test]
    fn complete_alignments_hold_in_admitted_tokens(matcher in matcher()) {
        let test = Test { subject: Subject::Claim("sub".into()), matcher, absent: Truth::Error, span: None, trail: None, label: "test".into(), origin: fedlint::admission::formula::TestOrigin::Condition };
        let test = Formula::Test(Box::new(test));
        let options = Options::default();
        let found = literals_for_segment(&test, &template(), &options);
        // Runs between wildcards only suggest; a pattern without wildcards in front fixes.
        if let Formula::Test(t) = &test && matches!(t.matcher, Matcher::Exact(_) | Matcher::Prefix(_) | Matcher::Suffix(_)) {
            for (token, segments) in every_token() {
                if evaluate_in(&test, &token, &segments, &options.holes) == Truth::True {
                    for (name, value) in &segments {
                        for fixed in found.get(name).into_iter().flatten().filter(|c| c.complete) {
                            prop_assert_eq!(&fixed.text, value, "{:?}", test);
                        }
                    }
                }
            }
        }
    }
}

//! Properties of verdicts on random trusts: every witness gets in by the clouds' own evaluators and is a token that the
//! issuer mints; where a verdict claims a proof, tokens made by enumeration find no stranger; every question ends.
#![allow(clippy::unwrap_used)]

use crate::common::{ACTION, aws, google, policy, provider};
use fedlint::admission::cel::google::evaluate_provider;
use fedlint::admission::exposure::{Class, exposure};
use fedlint::admission::iam::{Policy, Request, Requester, context_of, evaluate};
use fedlint::admission::search::{Options, Outcome, search};
use fedlint::issuers::template::Values;
use fedlint::issuers::{Context, Recognised, Template};
use fedlint::token::{Decision, Token};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const GITHUB: &str = "token.actions.githubusercontent.com";

fn subject() -> impl Strategy<Value = String> {
    let owner = select(vec!["octo", "octo*", "*", "oct?", "octo@5150"]);
    let repository = select(vec!["app", "app*", "*", "a??", "app@8086"]);
    let context = select(vec![
        "ref:refs/heads/main",
        "ref:refs/heads/*",
        "*",
        "pull_request",
        "environment:production",
        "environment:*",
        "ref:refs/tags/v*",
        "re*main",
    ]);
    let whole = (owner, repository, context).prop_map(|(o, r, c)| format!("repo:{o}/{r}:{c}"));
    prop_oneof![8 => whole, 1 => select(vec!["*", "repo:*", "repo:octo/*", "repo:octo*:ref:refs/heads/main", "*:environment:production"]).prop_map(str::to_owned)]
}

fn operator() -> impl Strategy<Value = &'static str> {
    select(vec![
        "StringLike",
        "StringLike",
        "StringLike",
        "StringEquals",
        "StringNotLike",
        "StringLikeIfExists",
        "ForAllValues:StringLike",
        "ForAnyValue:StringLike",
        "StringEqualsIgnoreCase",
    ])
}

/// Operator, key, values.
fn test() -> impl Strategy<Value = (&'static str, &'static str, Vec<String>)> {
    let subjects = proptest::collection::vec(subject(), 1..4).prop_map(|values| (":sub", values));
    let other = select(vec![
        (":repository_id", "8086"),
        (":repository_owner_id", "5150"),
        (":ref", "refs/heads/main"),
        (":environment", "production"),
        (":workflow", "deploy"),
        (":aud", "sts.amazonaws.com"),
        (":job_workflow_ref", "octo/w/.github/workflows/d.yml@*"),
    ]);
    let other = other.prop_map(|(key, value)| (key, vec![value.to_owned()]));
    (operator(), prop_oneof![3 => subjects, 2 => other]).prop_map(|(o, (k, v))| (o, k, v))
}

fn condition() -> impl Strategy<Value = Value> {
    proptest::collection::vec(test(), 1..4).prop_map(|tests| {
        let mut out = json!({});
        for (operator, key, values) in tests {
            out[operator][key] = json!(values);
        }
        out
    })
}

fn decides(policy: &Policy, token: &Token, known: &Recognised<'_>) -> Decision {
    let context = context_of(token, &known.host_path, &|claim| known.issuer.aws_key_of(claim).is_some());
    let request = Request { action: ACTION.to_owned(), principal: Requester::Federated(provider(GITHUB)), context, caller_allowed: true };
    evaluate(policy, &request).decision
}

/// Tokens of a template with ours or a stranger's value in each segment that matters.
fn tokens(template: &Template) -> Vec<(Values, Token)> {
    let choices: &[(&str, &[&str])] = &[
        ("owner", &["octo", "evil", "octo-evil"]),
        ("owner_id", &["5150", "777"]),
        ("repository", &["app", "other", "app-evil"]),
        ("repository_id", &["8086", "778"]),
        ("branch", &["main", "x", "evil-main"]),
        ("environment", &["production", "x"]),
    ];
    let mut all = vec![Values::new()];
    for (segment, values) in choices.iter().filter(|(name, _)| template.segment(name).is_some()) {
        let with = |v: &&str, base: &Values| {
            let mut base = base.clone();
            base.insert((*segment).to_owned(), (*v).to_owned());
            base
        };
        all = all.iter().flat_map(|base| values.iter().map(|v| with(v, base)).collect::<Vec<_>>()).collect();
    }
    // Names and ids go together: ours with ours.
    let consistent = |v: &Values| {
        let ours = |name: &str, own: &str| v.get(name).is_none_or(|x| x == own);
        let named = |name: &str| v.get(name).map(String::as_str);
        (named("owner") == Some("octo")) == ours("owner_id", "5150")
            && (named("owner") == Some("octo") && named("repository") == Some("app")) == ours("repository_id", "8086")
    };
    all.into_iter()
        .filter(|v| template.segment("owner_id").is_none() || consistent(v))
        .map(|v| (v.clone(), template.instantiate(&v)))
        .collect()
}

/// The class at which this token would be a stranger's, at the mildest.
fn stranger(values: &Values, template: &Template) -> Option<Class> {
    let is = |name: &str, ours: &str| values.get(name).is_none_or(|v| v == ours);
    if !is("owner", "octo") {
        Some(Class::TenantPrefix)
    } else if !is("repository", "app") {
        Some(Class::ProjectPrefix)
    } else if template.context == Context::Branch && !is("branch", "main") {
        Some(Class::RefPrefix)
    } else {
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn witnesses_get_in_and_proofs_hold(condition in condition()) {
        let policy = policy(GITHUB, &condition);
        let (formula, templates, known) = aws(GITHUB, &policy);
        match search(&formula, &templates, &Options::default()) {
            Outcome::Witness(w) => {
                prop_assert_eq!(decides(&policy, &w.token, &known), Decision::Admit, "{:?}", &w.token);
                prop_assert!(templates[w.template].matches(&w.token), "not minted: {:?}", &w.token);
            }
            Outcome::Proof => {
                for (_, token) in templates.iter().flat_map(tokens) {
                    prop_assert_ne!(decides(&policy, &token, &known), Decision::Admit, "nobody, but {:?}", token);
                }
            }
            Outcome::Unknown(why) => prop_assert!(!why.contains("disagree"), "{}", why),
        }
        let Ok(exposure) = exposure(&formula, &templates) else { return Ok(()) };
        if let Some(witness) = &exposure.witness {
            prop_assert_eq!(decides(&policy, witness, &known), Decision::Admit, "{:?} {:?}", exposure.class, witness);
            prop_assert!(templates.iter().any(|t| t.bind(witness).is_some()), "not minted: {:?}", witness);
            prop_assert!(witness.claims.len() <= 10, "a long witness: {:?}", witness);
        }
        for template in &templates {
            for (values, token) in tokens(template) {
                let worse = stranger(&values, template).is_some_and(|class| class < exposure.class);
                prop_assert!(!worse || decides(&policy, &token, &known) != Decision::Admit, "{:?}, but {:?}", exposure.class, token);
            }
        }
    }

    #[test]
    fn witnesses_of_conditions_get_in(tests in proptest::collection::vec(cel(), 1..4), any in any::<bool>()) {
        let condition = tests.join(if any { " || " } else { " && " });
        let (view, formula, templates, known) = google(GITHUB, &condition);
        if let Ok(exposure) = exposure(&formula, &templates)
            && let Some(witness) = exposure.witness
        {
            let decision = evaluate_provider(&view, &known.issuer.typed(witness.clone())).evaluation.decision;
            prop_assert_eq!(decision, Decision::Admit, "{} {:?} {:?}", condition, exposure.class, witness);
        }
    }
}

fn cel() -> impl Strategy<Value = String> {
    let claim = select(vec!["sub", "repository", "repository_owner", "ref", "workflow", "environment", "job_workflow_ref", "event_name"]);
    let text =
        select(vec!["octo", "octo/app", "octo/", "refs/heads/main", "repo:octo/app:ref:refs/heads/main", "push", "production", "main"]);
    let shape = select(vec!["==", "!=", "startsWith", "endsWith", "contains", "matches", "!startsWith", "in", "extract"]);
    (claim, text, shape).prop_map(|(claim, text, shape)| match shape {
        "==" | "!=" => format!("assertion.{claim} {shape} '{text}'"),
        "in" => format!("assertion.{claim} in ['{text}', 'other']"),
        "extract" => format!("assertion.{claim}.extract('{{x}}/') == 'octo'"),
        "!startsWith" => format!("!assertion.{claim}.startsWith('{text}')"),
        method => format!("assertion.{claim}.{method}('{text}')"),
    })
}

#[test]
fn a_hundred_subjects_end() {
    let subjects: Vec<String> = (0..100).map(|i| format!("repo:octo/service-{i}:ref:refs/heads/main")).collect();
    let (formula, templates, _) = aws(GITHUB, &policy(GITHUB, &json!({"StringEquals": {":sub": subjects}})));
    assert_eq!(exposure(&formula, &templates).unwrap().class, Class::Intended);
}

#[test]
fn a_witness_holds_what_the_gate_reads_and_is_readable() {
    let (formula, templates, _) = aws(GITHUB, &policy(GITHUB, &json!({"StringLike": {":sub": "repo:brightloaf*:ref:refs/heads/main"}})));
    let witness = exposure(&formula, &templates).unwrap().witness.unwrap();
    assert_eq!(witness.string("sub"), Some("repo:brightloaf-evil/app:ref:refs/heads/main"));
    assert_eq!(witness.claims.keys().collect::<Vec<_>>(), ["aud", "iss", "sub"]);
}

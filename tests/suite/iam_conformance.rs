//! The IAM engine against policies with known answers: hand-made ones and random ones on which independent evaluators
//! agree; and the formula against the concrete evaluator.
#![allow(clippy::unwrap_used, clippy::panic)]

use fedlint::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use fedlint::admission::iam::{Policy, Request, Requester, View, Viewer, evaluate, formula, issuer_of_federated};
use fedlint::partial::{Entry, Kind, Text, Unknown, UnknownKind, Value};
use fedlint::token::{Claim, Decision, Token, Truth};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// A JSON document as a tree, every string of it known.
fn tree(value: &serde_json::Value) -> Value {
    tree_with(value, &|s| Text::known(s))
}

fn tree_with(value: &serde_json::Value, text: &dyn Fn(&str) -> Text) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(b) => Kind::Bool(*b),
        serde_json::Value::Number(n) => Kind::Number(Arc::from(n.to_string())),
        serde_json::Value::String(s) => Kind::Text(text(s)),
        serde_json::Value::Array(items) => Kind::List { items: items.iter().map(|i| tree_with(i, text)).collect(), open: false },
        serde_json::Value::Object(map) => {
            Kind::Map { entries: map.iter().map(|(k, v)| Entry { key: Text::known(k), value: tree_with(v, text) }).collect(), open: false }
        }
    };
    Value::new(kind, None)
}

struct Case {
    id: String,
    policy: Policy,
    request: Request,
    expected: Decision,
    doc: String,
}

fn case(json: &serde_json::Value) -> Case {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let identity = json.get("identityPolicies").and_then(|p| p.as_array());
    Case {
        id: text("id"),
        policy: Policy::read(&tree(&json["policy"])),
        request: Request {
            action: text("action"),
            principal: Requester::parse(&text("principal")),
            context: Token::from_json(json["context"].as_object().unwrap()),
            caller_allowed: identity.is_none_or(|p| !p.is_empty()),
        },
        expected: if json["expected"] == "Allowed" { Decision::Admit } else { Decision::Deny },
        doc: text("doc"),
    }
}

fn hand_made() -> Vec<Case> {
    let all: Vec<serde_json::Value> = serde_json::from_str(include_str!("../../fixtures/conformance/aws-trust-cases.json")).unwrap();
    all.iter().map(case).collect()
}

fn random() -> Vec<Case> {
    include_str!("../../fixtures/conformance/aws-trust-random.jsonl").lines().map(|l| case(&serde_json::from_str(l).unwrap())).collect()
}

#[test]
fn hand_made_cases_give_their_decision() {
    let cases = hand_made();
    assert!(cases.len() > 80);
    let mut unknown = Vec::new();
    for case in cases {
        let evaluation = evaluate(&case.policy, &case.request);
        if case.doc == "disputed" && evaluation.decision == Decision::Unknown {
            assert!(!evaluation.reasons.is_empty(), "{}: an unknown needs its reason", case.id);
            unknown.push(case.id);
            continue;
        }
        assert_eq!(evaluation.decision, case.expected, "{}: {evaluation:#?}", case.id);
        match evaluation.decision {
            Decision::Deny => assert!(evaluation.first_failure().is_some(), "{}: no failing test in {evaluation:#?}", case.id),
            _ => assert!(evaluation.first_failure().is_none(), "{}: a failing test in {evaluation:#?}", case.id),
        }
    }
    assert_eq!(unknown, ["multivalue-without-set-operator"]);
}

#[test]
fn random_cases_give_their_decision() {
    let cases = random();
    assert_eq!(cases.len(), 1500);
    let mut wrong = Vec::new();
    for case in &cases {
        let evaluation = evaluate(&case.policy, &case.request);
        if evaluation.decision != case.expected {
            wrong.push(format!("{}: {} instead of {} {:?}", case.id, evaluation.decision, case.expected, evaluation.reasons));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_formula_agrees_on_the_cases() {
    let mut decided = 0;
    let cases: Vec<Case> = hand_made().into_iter().chain(random()).filter(|c| c.request.caller_allowed).collect();
    for case in &cases {
        let Some(truth) = formula_truth(&case.policy, &case.request) else { continue };
        let decision = evaluate(&case.policy, &case.request).decision;
        if agree(truth, decision) == Some(false) {
            panic!("{}: the formula says {truth:?}, the evaluator {decision}", case.id);
        }
        decided += usize::from(agree(truth, decision).is_some());
    }
    assert!(decided * 100 > cases.len() * 85, "only {decided} of {} were decided by both", cases.len());
}

/// None when one of them does not know.
fn agree(truth: Truth, decision: Decision) -> Option<bool> {
    match (truth, decision) {
        (Truth::Unknown, _) | (_, Decision::Unknown) => None,
        (truth, decision) => Some((truth == Truth::True) == (decision == Decision::Admit)),
    }
}

/// The policy's formula for the request's principal, on the token that its context came from.
fn formula_truth(policy: &Policy, request: &Request) -> Option<Truth> {
    let viewer = match &request.principal {
        Requester::Federated(arn) => Viewer::Federated(Text::known(arn)),
        Requester::Aws(arn) => Viewer::Aws(arn.clone()),
        Requester::Service(name) => Viewer::Service(name.clone()),
        Requester::Issuer(host) => Viewer::Issuer(Text::known(host)),
    };
    let issuer = match &viewer {
        Viewer::Federated(arn) => issuer_of_federated(arn)?.as_known()?.to_lowercase(),
        _ => "-".to_owned(),
    };
    let mut token = Token::default();
    for (key, claim) in &request.context.claims {
        let key = key.to_lowercase();
        let name = key.strip_prefix(&format!("{issuer}:")).map_or(key.clone(), str::to_owned);
        token.claims.insert(name, claim.clone());
    }
    let view = View { viewer, issuer: None, action: &request.action, claim_of: &|name| Some(name.to_owned()) };
    Some(truth_of(&formula(policy, &view), &token))
}

fn truth_of(formula: &Formula, token: &Token) -> Truth {
    match formula {
        Formula::Constant(truth, _) => *truth,
        Formula::Test(test) => truth_of_test(test, token),
        Formula::Not(inner) => truth_of(inner, token).not(),
        Formula::Deferred(deferred) => truth_of(&deferred.searched, token),
        Formula::All(all) => all.iter().fold(Truth::True, |t, f| t.and(truth_of(f, token))),
        Formula::Any(all) => all.iter().fold(Truth::False, |t, f| t.or(truth_of(f, token))),
    }
}

fn truth_of_test(test: &Test, token: &Token) -> Truth {
    if let Subject::AnyItem(name) = &test.subject {
        return match token.claims.get(name) {
            None => test.absent,
            Some(Claim::List(items)) => items.iter().any(|i| matches(&test.matcher, i)).into(),
            Some(Claim::String(s)) => matches(&test.matcher, s).into(),
            Some(Claim::Json(_) | Claim::Open { .. }) => Truth::Unknown,
        };
    }
    match test.subject.of(token) {
        Ok(None) => test.absent,
        Ok(Some(s)) => matches(&test.matcher, &s).into(),
        Err(_) => Truth::Unknown,
    }
}

fn matches(matcher: &Matcher, subject: &str) -> bool {
    match matcher {
        Matcher::Present => true,
        Matcher::Exact(text) => text.as_known().unwrap() == subject,
        Matcher::ExactIgnoreCase(text) => text.as_known().unwrap().eq_ignore_ascii_case(subject),
        Matcher::Regex(regex) => regex::Regex::new(regex).unwrap().is_match(subject),
        Matcher::Glob(parts) => {
            let pieces = parts.iter().map(|part| match part {
                GlobPart::Literal(text) => regex::escape(&text.as_known().unwrap()),
                GlobPart::Star(_) => ".*".to_owned(),
                GlobPart::One(_) => ".".to_owned(),
            });
            regex::Regex::new(&format!("(?s)^{}$", pieces.collect::<String>())).unwrap().is_match(subject)
        }
        other => panic!("IAM has no {other:?}"),
    }
}

const GITHUB: &str = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";

fn operator() -> impl Strategy<Value = String> {
    let base = prop::sample::select(vec![
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "ArnLike",
        "ArnNotEquals",
        "Bool",
        "NumericEquals",
        "NumericLessThan",
        "DateGreaterThan",
        "NotIpAddress",
        "BinaryEquals",
        "Null",
        "Nonsense",
    ]);
    let set = prop::sample::select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let end = prop::sample::select(vec!["", "", "IfExists"]);
    (set, base, end).prop_map(|(set, base, end)| format!("{set}{base}{end}"))
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "token.actions.githubusercontent.com:sub",
        "TOKEN.actions.githubusercontent.com:Sub",
        "token.actions.githubusercontent.com:amr",
        "token.actions.githubusercontent.com:ref",
        "https://token.actions.githubusercontent.com:sub",
        "gitlab.com:sub",
        "sts:RoleSessionName",
        "aws:SourceIp",
        "aws:SecureTransport",
        "plain",
    ])
}

fn pattern() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "A",
        ":",
        "*",
        "?",
        "true",
        "false",
        "1",
        "${*}",
        "${?}",
        "${",
        "}",
        "arn:aws:iam::1:role/",
        "é",
        "",
        "${token.actions.githubusercontent.com:sub}",
        "${token.actions.githubusercontent.com:ref, 'a'}",
        "${gitlab.com:sub, 'b'}",
        "${gitlab.com:sub}",
        "${aws:SourceIp}",
        "${plain}",
    ]);
    prop::collection::vec(piece, 0..4).prop_map(|p| p.concat())
}

fn statement() -> impl Strategy<Value = serde_json::Value> {
    let condition = (operator(), key(), prop::collection::vec(pattern(), 0..3)).prop_map(|(o, k, v)| (o, json!({ k: v })));
    let principal =
        prop::sample::select(vec![json!({"Federated": GITHUB}), json!("*"), json!({"AWS": "*"}), json!({"Federated": ["x", GITHUB]})]);
    let action = prop::sample::select(vec!["sts:AssumeRoleWithWebIdentity", "sts:*", "STS:Assume?ole*", "sts:AssumeRole"]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Deny"]);
    (prop::collection::vec(condition, 0..3), principal, action, effect, any::<bool>()).prop_map(
        |(conditions, principal, action, effect, not)| {
            let condition: serde_json::Map<String, serde_json::Value> = conditions.into_iter().collect();
            let name = if not && effect == "Deny" { "NotAction" } else { "Action" };
            json!({"Effect": effect, "Principal": principal, name: action, "Condition": condition})
        },
    )
}

fn context() -> impl Strategy<Value = serde_json::Value> {
    let value = prop::sample::select(vec![
        "a",
        "ab",
        "A",
        "a:b",
        "b",
        "*",
        "true",
        "1",
        "arn:aws:iam::1:role/a",
        "arn:aws:iam::1:role/a:b",
        "é",
        "",
    ]);
    let one = || prop::option::of(value.clone());
    (one(), one(), prop::option::of(prop::collection::vec(value.clone(), 0..3)), one()).prop_map(|(sub, r#ref, amr, session)| {
        let mut map = serde_json::Map::new();
        let host = "token.actions.githubusercontent.com";
        for (name, value) in [(format!("{host}:sub"), sub), (format!("{host}:ref"), r#ref), ("sts:RoleSessionName".to_owned(), session)] {
            if let Some(value) = value {
                map.insert(name, json!(value));
            }
        }
        if let Some(amr) = amr.filter(|a| !a.is_empty()) {
            map.insert(format!("{host}:amr"), json!(amr));
        }
        map.insert("aws:SecureTransport".to_owned(), json!("true"));
        json!(map)
    })
}

/// A value of another claim stands as any text in the formula, and its operator's letter case holds for the rest of it.
#[test]
fn a_variable_in_a_value_that_ignores_case_is_compared_without_case() {
    for (value, subject, decision) in [
        ("${token.actions.githubusercontent.com:ref, 'a'}A", "a", Decision::Admit),
        ("B${token.actions.githubusercontent.com:ref}a", "bA", Decision::Admit),
        ("b.${token.actions.githubusercontent.com:ref}", "B-", Decision::Deny),
    ] {
        let condition = json!({"StringEqualsIgnoreCase": {"token.actions.githubusercontent.com:sub": value}});
        let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": GITHUB},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]});
        let policy = Policy::read(&tree(&document));
        let request = github(&json!({
            "token.actions.githubusercontent.com:sub": subject, "token.actions.githubusercontent.com:ref": ""
        }));
        assert_eq!(evaluate(&policy, &request).decision, decision, "{value}");
        let truth = formula_truth(&policy, &request).unwrap();
        assert_ne!(agree(truth, decision), Some(false), "{value}: {truth:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn formula_and_evaluator_agree(statements in prop::collection::vec(statement(), 1..4), context in context(), new in any::<bool>()) {
        let version = if new { "2012-10-17" } else { "2008-10-17" };
        let document = json!({"Version": version, "Statement": statements});
        let policy = Policy::read(&tree(&document));
        let request = github(&context);
        let evaluation = evaluate(&policy, &request);
        let truth = formula_truth(&policy, &request).unwrap();
        prop_assert_ne!(agree(truth, evaluation.decision), Some(false), "formula {:?}, evaluator {:?}\n{}", truth, evaluation, document);
        prop_assert_eq!(evaluation.decision == Decision::Unknown, !evaluation.reasons.is_empty());
        if evaluation.decision == Decision::Deny {
            prop_assert!(evaluation.first_failure().is_some());
        }
    }

    /// What is decided in spite of a hole is what would be decided without it.
    #[test]
    fn a_hole_never_changes_a_decision(
        statements in prop::collection::vec(statement(), 1..3),
        context in context(),
        fill in prop::sample::select(vec!["a", "b", ":", "ab", "", "A"]),
    ) {
        let mut document = json!({"Version": "2012-10-17", "Statement": statements});
        mark(&mut document);
        let request = github(&context);
        let filled = Policy::read(&tree_with(&document, &|s| Text::known(s.replace(MARK, fill))));
        let holed = Policy::read(&tree_with(&document, &|s| with_hole(s)));
        let (known, with_hole) = (evaluate(&filled, &request).decision, evaluate(&holed, &request).decision);
        prop_assert!(with_hole == Decision::Unknown || with_hole == known, "{} with a hole, {} without\n{}", with_hole, known, document);
    }

    /// What is decided in spite of an open list, or of a choice, holds whatever else is in it.
    #[test]
    fn what_may_be_there_never_changes_a_decision(
        statements in prop::collection::vec(statement(), 1..3),
        context in context(),
        extra in pattern(),
        choice in any::<bool>(),
    ) {
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let request = github(&context);
        let plain = tree(&document);
        let (mut unsure, mut with_extra) = (plain.clone(), plain.clone());
        each_value_list(&mut unsure, &|list| if choice { one_of(list, &extra) } else { opened(list) });
        each_value_list(&mut with_extra, &|list| extended(list, &extra));
        let unsure = Policy::read(&unsure);
        let decision = evaluate(&unsure, &request).decision;
        let truth = formula_truth(&unsure, &request).unwrap();
        for real in [&plain, &with_extra] {
            let known = evaluate(&Policy::read(real), &request).decision;
            prop_assert!(known == Decision::Unknown || decision == Decision::Unknown || decision == known, "{} for {}\n{}", decision, known, document);
            prop_assert_ne!(agree(truth, known), Some(false), "formula {:?} for {}\n{}", truth, known, document);
        }
    }

    #[test]
    fn any_tree_is_read(document in any_json()) {
        let policy = Policy::read(&tree(&document));
        let request = Request {
            action: "sts:AssumeRole".to_owned(),
            principal: Requester::parse("123456789012"),
            context: Token::default(),
            caller_allowed: true,
        };
        prop_assert_ne!(evaluate(&policy, &request).decision, Decision::Admit);
    }
}

fn github(context: &serde_json::Value) -> Request {
    Request {
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        principal: Requester::Federated(GITHUB.to_owned()),
        context: Token::from_json(context.as_object().unwrap()),
        caller_allowed: true,
    }
}

const MARK: char = '\u{1}';

/// Puts the place of a hole into every condition value that has no variable in it.
fn mark(document: &mut serde_json::Value) {
    for statement in document["Statement"].as_array_mut().unwrap() {
        for keys in statement["Condition"].as_object_mut().unwrap().values_mut() {
            for value in keys.as_object_mut().unwrap().values_mut().flat_map(|v| v.as_array_mut().unwrap()) {
                let text = value.as_str().unwrap();
                if !text.contains('$') {
                    let at = text.char_indices().nth(1).map_or(text.len(), |(i, _)| i);
                    *value = json!(format!("{}{MARK}{}", &text[..at], &text[at..]));
                }
            }
        }
    }
}

fn with_hole(text: &str) -> Text {
    let mut out = Text::default();
    for (i, piece) in text.split(MARK).enumerate() {
        if i > 0 {
            out.push(&Text::hole(Unknown::new("x", UnknownKind::Any, "x", "it is a variable", None), None));
        }
        out.push(&Text::known(piece));
    }
    out
}

/// Changes every list that stands under a condition key.
fn each_value_list(document: &mut Value, change: &dyn Fn(&Value) -> Value) {
    match &mut document.kind {
        Kind::Map { entries, .. } => {
            for entry in entries {
                if entry.key.as_known().is_some_and(|k| k == "Condition") {
                    change_lists(&mut entry.value, change);
                } else {
                    each_value_list(&mut entry.value, change);
                }
            }
        }
        Kind::List { items, .. } => items.iter_mut().for_each(|i| each_value_list(i, change)),
        _ => {}
    }
}

fn change_lists(value: &mut Value, change: &dyn Fn(&Value) -> Value) {
    if let Kind::Map { entries, .. } = &mut value.kind {
        entries.iter_mut().for_each(|e| change_lists(&mut e.value, change));
    } else {
        *value = change(value);
    }
}

fn opened(list: &Value) -> Value {
    let items = list.items().into_iter().cloned().collect();
    Value::new(Kind::List { items, open: true }, None)
}

fn extended(list: &Value, extra: &str) -> Value {
    Value::list(list.items().into_iter().cloned().chain([Value::string(extra)]).collect(), None)
}

fn one_of(list: &Value, extra: &str) -> Value {
    Value::new(Kind::OneOf(vec![list.clone(), extended(list, extra)]), None)
}

/// Trees that look a little like a policy, without anybody in `Principal`.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i32>().prop_map(|n| json!(n)),
        pattern().prop_map(|s| json!(s)),
    ];
    let word = prop::sample::select(vec![
        "Version",
        "Statement",
        "Effect",
        "Allow",
        "Principal",
        "Action",
        "Condition",
        "StringLike",
        "Null",
        "Sid",
    ]);
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| json!(v)),
            prop::collection::vec((word.clone(), inner), 0..5)
                .prop_map(|v| json!(v.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<serde_json::Map<_, _>>())),
        ]
    })
}

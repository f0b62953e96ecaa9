//! Reading, holes, traces; the conformance suite is in `tests/suite/iam_conformance.rs`.

use super::*;
use crate::admission::formula::{Formula, Matcher, Subject, Test};
use crate::partial::{Entry, Hop, HopKind, Kind, Part, Text, Trail, Unknown, UnknownKind, Value};
use crate::place::{FileId, Span};
use crate::token::{Claim, Decision, Token, Truth};
use serde_json::json;
use std::sync::Arc;

const GITHUB: &str = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
const HOST: &str = "token.actions.githubusercontent.com";

fn tree(value: &serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(b) => Kind::Bool(*b),
        serde_json::Value::Number(n) => Kind::Number(Arc::from(n.to_string())),
        serde_json::Value::String(s) => Kind::Text(holes(s)),
        serde_json::Value::Array(items) => Kind::List { items: items.iter().map(tree).collect(), open: false },
        serde_json::Value::Object(map) => {
            Kind::Map { entries: map.iter().map(|(k, v)| Entry { key: holes(k), value: tree(v) }).collect(), open: false }
        }
    };
    Value::new(kind, None)
}

/// `<name>` becomes a hole, `<account>` one of that kind.
fn holes(text: &str) -> Text {
    let mut out = Text::default();
    for (i, piece) in text.split(['<', '>']).enumerate() {
        if i % 2 == 1 {
            let kind = if piece == "account" { UnknownKind::AccountId } else { UnknownKind::Any };
            out.push(&Text::hole(Unknown::new(piece, kind, format!("${{{piece}}}"), "it is a variable", None), None));
        } else if !piece.is_empty() {
            out.push(&Text::known(piece));
        }
    }
    if out.parts.is_empty() { Text::known("") } else { out }
}

fn unknown(name: &str) -> Value {
    Value::unknown(Unknown::new(name, UnknownKind::Any, name, "it is a variable", None), None)
}

fn allow(condition: serde_json::Value) -> serde_json::Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Federated": GITHUB}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}]})
}

fn request(context: serde_json::Value) -> Request {
    Request {
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        principal: Requester::parse(GITHUB),
        context: Token::from_json(context.as_object().unwrap()),
        caller_allowed: true,
    }
}

fn decide(policy: &serde_json::Value, context: serde_json::Value) -> Decision {
    evaluate(&Policy::read(&tree(policy)), &request(context)).decision
}

fn sub(value: &str) -> serde_json::Value {
    json!({format!("{HOST}:sub"): value})
}

fn like(pattern: &str) -> serde_json::Value {
    allow(json!({"StringLike": {format!("{HOST}:sub"): pattern}}))
}

#[test]
fn a_hole_refuses_what_its_literals_exclude_and_else_is_unknown() {
    let policy = like("repo:<org>/app:*");
    assert_eq!(decide(&policy, sub("repo:acme/app:ref:refs/heads/main")), Decision::Unknown);
    assert_eq!(decide(&policy, sub("repo:acme/other:ref:refs/heads/main")), Decision::Deny);
    assert_eq!(decide(&policy, sub("project_path:acme/app:x")), Decision::Deny);
    let account = like("x-<account>-y");
    assert_eq!(decide(&account, sub("x-12-y")), Decision::Unknown);
    assert_eq!(decide(&account, sub("x-ab-y")), Decision::Deny);
}

#[test]
fn a_second_value_without_holes_still_admits() {
    let policy = allow(json!({"StringLike": {format!("{HOST}:sub"): ["repo:<org>/*", "repo:evil/*"]}}));
    assert_eq!(decide(&policy, sub("repo:evil/x:pull_request")), Decision::Admit);
}

#[test]
fn a_key_with_holes_is_the_principals_issuer_and_the_trace_says_so() {
    let policy = Policy::read(&tree(&allow(json!({"StringEquals": {"<url>:sub": "a"}}))));
    let evaluation = evaluate(&policy, &request(sub("a")));
    assert_eq!(evaluation.decision, Decision::Admit);
    assert!(evaluation.trace.iter().any(|s| s.note.as_deref().is_some_and(|n| n.contains("own issuer"))));
    assert_eq!(evaluate(&policy, &request(sub("b"))).decision, Decision::Deny);
    // Literal pieces that are not the issuer's make it another issuer's key.
    assert_eq!(decide(&allow(json!({"StringEquals": {"oidc.eks.<region>:sub": "a"}})), sub("a")), Decision::Deny);
    assert_eq!(decide(&allow(json!({"StringEquals": {"https://<url>:sub": "a"}})), sub("a")), Decision::Deny);
}

#[test]
fn https_in_a_key_counts_unless_it_is_the_url_of_an_iam_provider() {
    let attribute = |resource: &str, name: &str| HopKind::Attribute {
        resource: resource.into(),
        address: format!("{resource}.url").into(),
        name: name.into(),
    };
    let came =
        |kind: HopKind, before: Trail| -> Trail { Some(Arc::new(Hop { span: Span::new(FileId(0), 0..1), kind: Arc::new(kind), before })) };
    let provider = || came(attribute("aws_iam_openid_connect_provider", "url"), None);
    let argument = HopKind::Argument { name: "url".into(), module: "url".into() };
    // Names decide nothing, whatever they are; that it is the attribute of a provider does, wherever it passed through.
    let cases = [
        (None, Truth::False),
        (came(HopKind::Local("url".into()), None), Truth::False),
        (came(HopKind::VariableDefault("provider.url".into()), None), Truth::False),
        (came(argument.clone(), None), Truth::False),
        (came(attribute("aws_cognito_user_pool", "url"), None), Truth::False),
        (came(attribute("aws_iam_openid_connect_provider", "arn"), None), Truth::False),
        (provider(), Truth::True),
        (came(HopKind::Local("issuer".into()), provider()), Truth::True),
        (came(argument, provider()), Truth::True),
    ];
    for (trail, expected) in cases {
        let part = Part::Literal { text: Arc::from(format!("https://{HOST}")), span: None, trail: trail.clone() };
        assert_eq!(matching::same_issuer(&Text { parts: vec![part] }, &Text::known(HOST)), expected, "{trail:?}");
    }
}

#[test]
fn the_first_failure_is_of_the_statement_that_came_nearest() {
    let mut policy = like("repo:acme/*");
    let other = json!({"Effect": "Allow", "Principal": {"Federated": "accounts.google.com"}, "Action": "sts:AssumeRoleWithWebIdentity"});
    policy["Statement"].as_array_mut().unwrap().insert(0, other);
    let evaluation = evaluate(&Policy::read(&tree(&policy)), &request(sub("repo:evil/x")));
    let step = evaluation.first_failure().unwrap();
    assert_eq!(step.test, format!("StringLike {HOST}:sub"));
    assert_eq!((step.expected.as_deref(), step.found.as_deref()), (Some("repo:acme/*"), Some("repo:evil/x")));
}

#[test]
fn unknown_parts_are_never_a_yes_or_a_no() {
    let host = format!("{HOST}:sub");
    let mut value = tree(&like("repo:acme/*"));
    let open = |value: &mut Value, path: &[&str], to: Value| {
        let mut at = value;
        for key in path {
            at = match &mut at.kind {
                Kind::Map { entries, .. } => &mut entries.iter_mut().find(|e| e.key.as_known().as_deref() == Some(*key)).unwrap().value,
                Kind::List { items, .. } => items.first_mut().unwrap(),
                _ => panic!("no such path"),
            };
        }
        *at = to;
    };
    for path in [&["Statement", "0", "Condition"][..], &["Statement", "0", "Principal"], &["Statement", "0", "Action"], &["Statement"], &[]]
    {
        let mut changed = value.clone();
        open(&mut changed, path, unknown("x"));
        let evaluation = evaluate(&Policy::read(&changed), &request(sub("repo:acme/a")));
        assert_eq!(evaluation.decision, Decision::Unknown, "{path:?}");
        assert!(evaluation.reasons.iter().any(|r| !r.is_empty()), "{path:?}");
    }
    // Values: an alternative that admits and one that refuses.
    let both = |a: &str, b: &str| Value::new(Kind::OneOf(vec![Value::string(a), Value::string(b)]), None);
    open(&mut value, &["Statement", "0", "Condition", "StringLike", &host], both("repo:*", "repo:acme/*"));
    let policy = Policy::read(&value);
    assert_eq!(evaluate(&policy, &request(sub("repo:acme/a"))).decision, Decision::Admit);
    assert_eq!(evaluate(&policy, &request(sub("repo:evil/a"))).decision, Decision::Unknown);
    assert_eq!(evaluate(&policy, &request(sub("other"))).decision, Decision::Deny);
}

#[test]
fn what_iam_rejects_is_told() {
    let kinds = |policy: serde_json::Value| {
        let mut kinds: Vec<ProblemKind> = Policy::read(&tree(&policy)).problems.iter().map(|p| p.kind).collect();
        kinds.sort_unstable();
        kinds
    };
    let one = |statement: serde_json::Value| json!({"Version": "2012-10-17", "Statement": statement});
    let action = "sts:AssumeRoleWithWebIdentity";
    assert_eq!(kinds(like("x")), []);
    assert_eq!(kinds(one(json!({"Effect": "Allow", "Principal": "*", "Action": action}))), [ProblemKind::PrincipalStar]);
    assert_eq!(kinds(one(json!({"Effect": "Deny", "NotPrincipal": {"AWS": "x"}, "Action": action}))), [ProblemKind::NotPrincipal]);
    assert_eq!(kinds(one(json!({"Effect": "Allow", "Principal": {"AWS": "x"}, "Action": "s3:*"}))), [ProblemKind::NonStsAction]);
    assert_eq!(
        kinds(one(json!({"Principal": {"Aws": "x"}, "Action": "STS:AssumeRole", "Resource": "*"}))),
        [ProblemKind::UnknownPrincipalKind, ProblemKind::Resource, ProblemKind::BadEffect]
    );
    assert_eq!(
        kinds(one(json!({"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Action": action}))),
        [ProblemKind::CognitoWithoutCondition]
    );
    assert_eq!(kinds(allow(json!({"StringMatches": {"a:b": "c"}}))), [ProblemKind::UnknownOperator]);
    assert_eq!(kinds(allow(json!({"stringlike": {"a:b": "c"}}))), [ProblemKind::OperatorCase]);
    assert_eq!(kinds(allow(json!({"NullIfExists": {"a:b": "true"}}))), [ProblemKind::InvalidNull]);
    assert_eq!(kinds(allow(json!({"StringLike": {"a:b": []}}))), [ProblemKind::EmptyValues]);
    assert_eq!(kinds(like(&"x".repeat(2100))), [ProblemKind::TooLong]);
    assert_eq!(kinds(json!({"Version": "2020-01-01", "Statement": []})), [ProblemKind::BadVersion]);
}

#[test]
fn of_duplicate_keys_the_last_counts_and_the_first_is_told() {
    let entry = |key: &str, at: usize, value: &str| Entry {
        key: Text::literal(key, Span::new(FileId(0), at..at + 3)),
        value: Value::new(
            Kind::Map { entries: vec![Entry { key: Text::known(format!("{HOST}:sub")), value: Value::string(value) }], open: false },
            None,
        ),
    };
    let mut document = tree(&like("x"));
    let Kind::Map { entries, .. } = &mut document.kind else { panic!("a map") };
    let Kind::List { items, .. } = &mut entries[1].value.kind else { panic!("a list") };
    let Kind::Map { entries, .. } = &mut items[0].kind else { panic!("a map") };
    let twice = vec![entry("StringEquals", 10, "lost"), entry("StringEquals", 50, "kept")];
    entries[3].value = Value::new(Kind::Map { entries: twice, open: false }, None);
    let policy = Policy::read(&document);
    assert_eq!(policy.problems.len(), 1);
    assert_eq!((policy.problems[0].kind, policy.problems[0].span), (ProblemKind::DuplicateKey, Some(Span::new(FileId(0), 10..13))));
    assert_eq!(evaluate(&policy, &request(sub("kept"))).decision, Decision::Admit);
    assert_eq!(evaluate(&policy, &request(sub("lost"))).decision, Decision::Deny);
}

#[test]
fn variables_need_the_new_version_and_null_ones_match_nothing() {
    let variable = format!("${{{HOST}:repository}}");
    let mut policy = like(&format!("repo:{variable}:*"));
    let context = json!({format!("{HOST}:sub"): "repo:a/b:x", format!("{HOST}:repository"): "a/b"});
    assert_eq!(decide(&policy, context.clone()), Decision::Admit);
    assert_eq!(decide(&policy, sub("repo:a/b:x")), Decision::Deny);
    policy["Version"] = json!("2008-10-17");
    assert_eq!(decide(&policy, context), Decision::Deny);
    let fallback = like("repo:${aws:PrincipalTag/org, 'acme'}/*");
    assert_eq!(decide(&fallback, sub("repo:acme/x")), Decision::Admit);
    let negated = allow(json!({"StringNotEquals": {format!("{HOST}:sub"): "${aws:PrincipalTag/org}"}}));
    assert_eq!(decide(&negated, sub("x")), Decision::Admit);
    // A wildcard in a resolved value is a plain character.
    let star = json!({format!("{HOST}:sub"): "repo:a:x", format!("{HOST}:repository"): "*"});
    assert_eq!(decide(&like(&format!("repo:{variable}:*")), star), Decision::Deny);
}

#[test]
fn numbers_dates_addresses_and_booleans() {
    let test = |operator: &str, expected: serde_json::Value, found: &str| {
        decide(&allow(json!({operator: {"aws:Key": expected}})), json!({"AWS:key": found}))
    };
    let table = [
        ("NumericLessThanEquals", json!(3600), "900", Decision::Admit),
        ("NumericLessThanEquals", json!("3600"), "3601", Decision::Deny),
        ("NumericNotEquals", json!(["1", "2"]), "2", Decision::Deny),
        ("NumericEquals", json!("1"), "one", Decision::Unknown),
        ("DateGreaterThan", json!("2024-02-29T23:59:59Z"), "2024-03-01T00:00:00+00:00", Decision::Admit),
        ("DateLessThan", json!("2020-01-01T00:00:00+02:00"), "2019-12-31T22:00:00Z", Decision::Deny),
        ("DateEquals", json!("1970-01-02"), "86400", Decision::Admit),
        ("IpAddress", json!("10.0.0.0/8"), "10.255.0.1", Decision::Admit),
        ("IpAddress", json!(["10.0.0.0/8", "2001:db8::/32"]), "2001:db8::1", Decision::Admit),
        ("NotIpAddress", json!("203.0.113.7"), "203.0.113.7", Decision::Deny),
        ("IpAddress", json!("0.0.0.0/0"), "1.2.3.4", Decision::Admit),
        ("Bool", json!(true), "TRUE", Decision::Admit),
        ("Bool", json!("false"), "true", Decision::Deny),
        ("BinaryEquals", json!("QmluYXJ5"), "QmluYXJ5", Decision::Admit),
        ("ArnLike", json!("arn:aws:iam::*:role/x*"), "arn:aws:iam::1:role/xy", Decision::Admit),
        ("ArnLike", json!("arn:aws:*:role/x"), "arn:aws:iam::1:role/x", Decision::Unknown),
        ("ArnNotEquals", json!("arn:aws:iam::1:role/x"), "arn:aws:iam::2:role/x", Decision::Admit),
    ];
    for (operator, expected, found, decision) in table {
        assert_eq!(test(operator, expected.clone(), found), decision, "{operator} {expected} {found}");
    }
}

#[test]
fn undocumented_corners_are_unknown() {
    let missing = |operator: &str| decide(&allow(json!({operator: {"aws:Key": "x"}})), json!({}));
    assert_eq!(missing("ForAnyValue:StringEqualsIfExists"), Decision::Unknown);
    assert_eq!(missing("ForAnyValue:StringNotEquals"), Decision::Deny);
    assert_eq!(missing("ForAllValues:StringEquals"), Decision::Admit);
    let list = |operator: &str| decide(&allow(json!({operator: {"aws:Key": "x"}})), json!({"aws:key": ["x", "y"]}));
    assert_eq!(list("StringEquals"), Decision::Unknown);
    assert_eq!(list("ForAnyValue:StringNotEquals"), Decision::Admit);
    assert_eq!(list("ForAllValues:StringNotEquals"), Decision::Deny);
    assert_eq!(decide(&allow(json!({"StringNotEquals": {"aws:Key": "z"}})), json!({"aws:key": ["x", "y"]})), Decision::Admit);
}

#[test]
fn an_account_delegates_and_a_session_is_its_role() {
    let policy = |principal: &str| json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}});
    let by = |principal: &str, caller: &str, caller_allowed: bool| {
        let request =
            Request { action: "sts:AssumeRole".to_owned(), principal: Requester::parse(caller), context: Token::default(), caller_allowed };
        evaluate(&Policy::read(&tree(&policy(principal))), &request).decision
    };
    let role = "arn:aws:iam::111122223333:role/x";
    assert_eq!(by("111122223333", role, true), Decision::Admit);
    assert_eq!(by("arn:aws:iam::111122223333:root", role, true), Decision::Admit);
    assert_eq!(by("arn:aws:iam::111122223333:root", role, false), Decision::Deny);
    assert_eq!(by("arn:aws-eusc:iam::111122223333:root", "arn:aws-eusc:iam::111122223333:role/app", true), Decision::Admit);
    assert_eq!(by("arn:aws:iam::<account>:root", role, true), Decision::Unknown);
    assert_eq!(by("444455556666", role, true), Decision::Deny);
    assert_eq!(by(role, "arn:aws:sts::111122223333:assumed-role/x/session", false), Decision::Admit);
    assert_eq!(by("arn:aws:iam::111122223333:role/*", role, true), Decision::Deny);
}

#[test]
fn claims_become_keys() {
    let token = Token::from_json(
        json!({"aud": ["u"], "azp": "1142", "sub": "s", "amr": "authenticated", "ref_protected": true, "event_name": "push"})
            .as_object()
            .unwrap(),
    );
    let context = context_of(&token, "accounts.google.com", &|c| c != "event_name");
    assert_eq!(context.string("accounts.google.com:aud"), Some("1142"));
    assert_eq!(context.string("accounts.google.com:oaud"), Some("u"));
    assert_eq!(context.string("accounts.google.com:ref_protected"), Some("true"));
    assert_eq!(context.claims.get("accounts.google.com:amr"), Some(&Claim::List(vec!["authenticated".to_owned()])));
    assert!(!context.claims.contains_key("accounts.google.com:event_name") && !context.claims.contains_key("accounts.google.com:azp"));
}

#[test]
fn principals_know_their_issuer() {
    let issuer = |t: &str| issuer_of_federated(&holes(t)).map(|t| t.to_string());
    assert_eq!(issuer(GITHUB).as_deref(), Some(HOST));
    assert_eq!(
        issuer("arn:<p>:iam::<account>:oidc-provider/oidc.eks.<r>.amazonaws.com/id/X").as_deref(),
        Some("oidc.eks.${r}.amazonaws.com/id/X")
    );
    assert_eq!(issuer("arn:aws:iam::1:oidc-provider/<url>").as_deref(), Some("${url}"));
    assert_eq!(issuer("accounts.google.com").as_deref(), Some("accounts.google.com"));
    assert_eq!(issuer("<arn>"), None);
    assert!(is_saml(&holes("arn:aws:iam::<account>:saml-provider/adfs")) && !is_saml(&holes(GITHUB)));
    let policy =
        Policy::read(&tree(&json!({"Statement": [{"Effect": "Deny", "Principal": {"AWS": ["1", "2"], "Service": "s"}, "Action": "*"}]})));
    let all: Vec<_> = principals(&policy).into_iter().map(|p| (p.kind, p.text.to_string(), p.effect, p.statement)).collect();
    let deny = |kind, text: &str| (kind, text.to_owned(), Effect::Deny, 0);
    assert_eq!(all, [deny(PrincipalKind::Aws, "1"), deny(PrincipalKind::Aws, "2"), deny(PrincipalKind::Service, "s")]);
}

#[test]
fn an_issuer_asks_without_an_account() {
    let policy = |arn: &str| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:*",
            "Condition": {"StringEquals": {format!("{HOST}:sub"): "a"}}}})
    };
    let by = |arn: &str, context: serde_json::Value| {
        let request = Request { principal: Requester::Issuer(HOST.to_owned()), ..request(context) };
        evaluate(&Policy::read(&tree(&policy(arn))), &request).decision
    };
    assert_eq!(by("arn:aws:iam::<account>:oidc-provider/token.actions.githubusercontent.com", sub("a")), Decision::Admit);
    assert_eq!(by(GITHUB, sub("b")), Decision::Deny);
    assert_eq!(by("arn:aws:iam::1:oidc-provider/gitlab.com", sub("a")), Decision::Deny);
    assert_eq!(by("<provider>", sub("a")), Decision::Unknown);
    // The formula for a principal that is not known, with the issuer told apart.
    let claim_of = |name: &str| Some(name.to_owned());
    let viewer = Viewer::Federated(holes("<provider>"));
    let view = View { viewer, issuer: Some(Text::known(HOST)), action: "sts:AssumeRoleWithWebIdentity", claim_of: &claim_of };
    let formula = formula(&Policy::read(&tree(&policy("<provider>"))), &view);
    assert!(unknowns_in(&formula) == 0 && tests_in(&formula).len() == 1);
}

#[test]
fn keys_that_differ_in_letter_case_are_no_duplicates() {
    let policy = allow(json!({"StringLike": {format!("{HOST}:sub"): "a*", format!("{HOST}:SUB"): "*b"}}));
    assert!(Policy::read(&tree(&policy)).problems.is_empty());
    assert_eq!(decide(&policy, sub("ab")), Decision::Admit);
    assert_eq!(decide(&policy, sub("aa")), Decision::Deny);
    assert_eq!(decide(&policy, sub("bb")), Decision::Deny);
}

fn tests_in(formula: &Formula) -> Vec<Test> {
    match formula {
        Formula::Test(test) => vec![(**test).clone()],
        Formula::Not(inner) => tests_in(inner),
        Formula::Deferred(deferred) => tests_in(&deferred.searched),
        Formula::All(all) | Formula::Any(all) => all.iter().flat_map(tests_in).collect(),
        Formula::Constant(..) => Vec::new(),
    }
}

fn unknowns_in(formula: &Formula) -> usize {
    match formula {
        Formula::Constant(truth, _) => usize::from(*truth == Truth::Unknown),
        Formula::Not(inner) => unknowns_in(inner),
        Formula::Deferred(deferred) => unknowns_in(&deferred.searched),
        Formula::All(all) | Formula::Any(all) => all.iter().map(unknowns_in).sum(),
        Formula::Test(_) => 0,
    }
}

fn github_formula(policy: &serde_json::Value) -> Formula {
    let claim_of = |name: &str| ["sub", "aud", "repository"].contains(&name).then(|| name.to_owned());
    let view =
        View { viewer: Viewer::Issuer(Text::known(HOST)), issuer: None, action: "sts:AssumeRoleWithWebIdentity", claim_of: &claim_of };
    formula(&Policy::read(&tree(policy)), &view)
}

#[test]
fn the_formula_points_at_the_literal_and_its_star() {
    let span = |range| Span::new(FileId(3), range);
    let text = Text::literal("repo:acme/*", span(100..111));
    let mut document = tree(&like("x"));
    let Kind::Map { entries, .. } = &mut document.kind else { panic!("a map") };
    let Kind::List { items, .. } = &mut entries[1].value.kind else { panic!("a list") };
    let Kind::Map { entries, .. } = &mut items[0].kind else { panic!("a map") };
    let key = Entry { key: Text::known(format!("{HOST}:SUB")), value: Value::new(Kind::Text(text), Some(span(99..112))) };
    let inner = Value::new(Kind::Map { entries: vec![key], open: false }, None);
    entries[3].value = Value::new(Kind::Map { entries: vec![Entry { key: Text::known("StringLike"), value: inner }], open: false }, None);
    let claim_of = |name: &str| Some(name.to_owned());
    let view =
        View { viewer: Viewer::Federated(Text::known(GITHUB)), issuer: None, action: "sts:AssumeRoleWithWebIdentity", claim_of: &claim_of };
    let tests = tests_in(&formula(&Policy::read(&document), &view));
    let [test] = tests.as_slice() else { panic!("one test") };
    assert_eq!((test.subject.clone(), test.absent, test.span), (Subject::Claim("sub".to_owned()), Truth::False, Some(span(100..111))));
    let Matcher::Glob(parts) = &test.matcher else { panic!("a glob") };
    let [crate::admission::formula::GlobPart::Literal(head), crate::admission::formula::GlobPart::Star(star)] = parts.as_slice() else {
        panic!("two parts")
    };
    assert_eq!((head.as_known().as_deref(), head.span(), *star), (Some("repo:acme/"), Some(span(100..110)), Some(span(110..111))));
}

#[test]
fn keys_that_are_never_there_become_constants() {
    let of = |condition| github_formula(&allow(condition));
    let open = of(json!({"StringNotEquals": {"https://token.actions.githubusercontent.com:sub": "x"}}));
    assert!(tests_in(&open).is_empty() && unknowns_in(&open) == 0);
    let dead = of(json!({"StringEquals": {format!("{HOST}:repository_owner"): "acme"}}));
    assert!(tests_in(&dead).is_empty() && unknowns_in(&dead) == 0);
    assert_eq!(unknowns_in(&of(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))), 1);
    assert_eq!(unknowns_in(&of(json!({"Bool": {"aws:SecureTransport": true}}))), 0);
    let assumed = tests_in(&of(json!({"StringEquals": {"<url>:sub": "x"}})));
    assert!(assumed.iter().any(|t| t.subject == Subject::Claim("sub".to_owned()) && t.label.contains("taken as")));
}

#[test]
fn a_variable_of_the_same_claim_is_presence_and_of_another_is_unknown() {
    let itself = github_formula(&like(&format!("${{{HOST}:sub}}")));
    assert!(matches!(tests_in(&itself).as_slice(), [Test { matcher: Matcher::Present, .. }]) && unknowns_in(&itself) == 0);
    assert_eq!(unknowns_in(&github_formula(&like(&format!("repo:${{{HOST}:repository}}:*")))), 1);
    // Never in the request: nothing matches, or the default does.
    let never = github_formula(&like("repo:${gitlab.com:sub}"));
    assert!(unknowns_in(&never) == 0 && tests_in(&never).iter().all(|t| matches!(t.matcher, Matcher::Present)));
    let fallback = tests_in(&github_formula(&like("repo:${gitlab.com:sub, 'a'}")));
    assert!(matches!(fallback.as_slice(), [Test { matcher: Matcher::Exact(text), .. }] if text.as_known().as_deref() == Some("repo:a")));
}

/// `AssumeRoleWithWebIdentity` has no such parameter
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).
#[test]
fn an_external_id_is_never_there_for_web_identities() {
    let formula = |condition: serde_json::Value| github_formula(&allow(condition));
    let known = |f: &Formula| tests_in(f).is_empty() && unknowns_in(f) == 0;
    assert!(known(&formula(json!({"StringEquals": {"sts:ExternalId": "x"}}))), "no claim can help");
    let chosen = formula(json!({"StringEquals": {"sts:RoleSessionName": "x"}}));
    assert_eq!(tests_in(&chosen).len(), 1, "the caller chooses it");
}

#[test]
fn hostile_sizes_end() {
    let policy = like(&"*a".repeat(2000));
    let _ = decide(&policy, sub(&"a".repeat(4000)));
    assert_eq!(decide(&like(&"*a".repeat(5000)), sub("a")), Decision::Unknown);
    let mut deep = json!("x");
    for _ in 0..200 {
        deep = json!([deep]);
    }
    assert!(Policy::read(&tree(&json!({"Statement": deep}))).open.is_some());
}

use super::ast::ExprKind;
use super::*;
use crate::partial::{Part, Text, Unknown, UnknownKind};
use crate::place::{FileId, Span};
use proptest::prelude::*;

fn run(source: &str) -> Result<Value, Fault> {
    evaluate(&parse(&Text::known(source)).expect(source), &Scope::default())
}

fn truth(source: &str) -> Option<bool> {
    match run(source) {
        Ok(Value::Bool(b)) => Some(b),
        _ => None,
    }
}

fn atom() -> Unknown {
    Unknown::new("var.org", UnknownKind::Any, "${var.org}", "variable `org` has no default", None)
}

/// `before${var.org}after`, written from byte 100 on, the hole 10 bytes long.
fn holed(before: &str, after: &str) -> Text {
    let span = |from: usize, len: usize| Some(Span::new(FileId(0), from..from + len));
    let literal = |text: &str, from: usize| Part::Literal { text: text.into(), span: span(from, text.len()), trail: None };
    let hole = Part::Hole { atom: atom(), span: span(100 + before.len(), 10), trail: None };
    Text { parts: vec![literal(before, 100), hole, literal(after, 110 + before.len())] }
}

#[test]
fn a_hole_in_a_string_keeps_its_shape_and_places() {
    let expr = parse(&holed("assertion.sub.startsWith('repo:", "/')")).unwrap();
    let ExprKind::Method { args, .. } = &expr.kind else { panic!("{expr}") };
    let text = args[0].as_text().unwrap();
    assert_eq!(text.to_string(), "repo:${var.org}/");
    assert_eq!(text.parts.len(), 3);
    assert_eq!(text.parts[0].span().unwrap().range(), 126..131);
    assert_eq!(text.parts[2].span().unwrap().range(), 141..142);
    assert_eq!(expr.span.unwrap().range(), 100..144);
}

#[test]
fn a_hole_is_an_operand_or_a_problem_that_may_be_none() {
    assert!(matches!(parse(&holed("a == ", "")).unwrap().kind, ExprKind::Binary { .. }));
    for (before, after) in [("assertion.", " == 'x'"), ("assertion.re", "x"), ("a == ", "1"), ("a ", " b")] {
        assert!(parse(&holed(before, after)).unwrap_err().unknown, "{before}|{after}");
    }
}

#[test]
fn a_hole_is_absorbed_like_an_error_and_excluded_by_its_ends() {
    let value = |before: &str, after: &str| evaluate(&parse(&holed(before, after)).unwrap(), &Scope::default());
    assert!(matches!(value("'x' == '", "'"), Err(Fault::Unknown(_))));
    assert!(matches!(value("'x' == 'y", "'"), Ok(Value::Bool(false))));
    assert!(matches!(value("true || 'x' == '", "'"), Ok(Value::Bool(true))));
    assert!(matches!(value("1/0 == 1 || 'x' == '", "'"), Err(Fault::Unknown(_))));
}

#[test]
fn problems_are_named_at_their_place() {
    let text = |s: &str| Text::literal(s, Span::new(FileId(0), 0..s.len()));
    for (source, message, range) in [
        ("a == ‘x’", "typographic quote", 5..8),
        ("(a == 'x'", "not closed", 0..1),
        ("a == 'x", "string is not closed", 5..6),
        ("a = 'x'", "equality is `==`", 2..3),
        ("a == 'x' )", "closes nothing", 9..10),
        ("a && ", "expression ends", 5..5),
        ("a.matches('\\.x')", "unknown escape", 11..13),
        ("Foo{a: 1}", "message literals", 3..4),
        ("x.exists(1, true)", "must be a name", 9..10),
    ] {
        let problem = parse(&text(source)).expect_err(source);
        assert!(problem.message.contains(message), "{source}: {}", problem.message);
        assert!(!problem.unknown);
        if source != "a && " {
            assert_eq!(problem.span.unwrap().range(), range, "{source}");
        }
    }
}

#[test]
fn depth_and_work_are_bounded() {
    for deep in ["(".repeat(100_000), "!".repeat(60_000), "[".repeat(50_000), "a+".repeat(20_000), "-".repeat(60_000)] {
        assert!(parse(&Text::known(format!("{deep}a"))).is_err());
    }
    let chain = vec!["true"; 5_000].join(" && ");
    assert_eq!(truth(&chain), Some(true));
    let items = vec!["1"; 100].join(",");
    let mut nested = "true".to_owned();
    for name in ["a", "b", "c", "d"] {
        nested = format!("[{items}].all({name}, {nested})");
    }
    assert!(matches!(run(&nested), Err(Fault::Unknown(_))));
}

#[test]
fn matches_is_re2_on_a_substring() {
    for (source, wanted) in [
        ("'xab'.matches('a')", true),
        ("'xab'.matches('^a')", false),
        ("'٣'.matches(r'\\d')", false),
        ("'é'.matches(r'\\w')", false),
        ("'-'.matches(r'[\\w-]')", true),
        ("'&'.matches('[a&&b]')", true),
        ("'['.matches('[[]')", true),
        ("']'.matches('[]a]')", true),
        ("'a.b'.matches(r'\\Qa.b\\E')", true),
        ("'aXb'.matches(r'\\Qa.b\\E')", false),
        ("'b'.matches('[[:alpha:]]')", true),
        ("'a+c'.matches('[+--]')", true),
    ] {
        assert_eq!(truth(source), Some(wanted), "{source}");
    }
    assert!(matches!(run("'a'.matches('(?=a)')"), Err(Fault::Error(_))));
    assert!(matches!(run("'a'.matches('(')"), Err(Fault::Error(_))));
}

#[test]
fn extract_is_googles() {
    let arn = "'arn:aws:sts::1:assumed-role/R/S'";
    for (template, wanted) in
        [("assumed-role/{r}/", "R"), ("/assumed-role/{r}/", ""), ("{a}assumed-role/", "arn:aws:sts::1:"), ("R/{s}", "S")]
    {
        assert_eq!(truth(&format!("{arn}.extract('{template}') == '{wanted}'")), Some(true), "{template}");
    }
    assert!(run("'a'.extract('a')").is_err());
}

#[test]
fn an_expression_reads_again_from_its_display() {
    for source in ["a.b['c'].d(1, 'x') == {'k': [1u, 2.5]}[k] ? !(a && b) || c : -(1 + 2) * 3 in [4]", "has(a.b) && [1].exists(x, x > 0)"] {
        let shown = parse(&Text::known(source)).unwrap().to_string();
        assert_eq!(parse(&Text::known(&shown)).unwrap().to_string(), shown);
    }
}

fn atom_strategy() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-3]",
        "'[ab]{0,2}'".prop_map(String::from),
        Just("x".to_owned()),
        Just("s".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        Just("[1, 'a']".to_owned()),
        Just("m.k".to_owned()),
        Just("m.none".to_owned()),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    atom_strategy().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), "==|!=|<|<=|&&|\\|\\||\\+|-|\\*|/|%| in ", inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), "startsWith|endsWith|contains", inner.clone()).prop_map(|(a, f, b)| format!("({a}).{f}({b})")),
            (inner.clone(), "exists|all", inner.clone()).prop_map(|(a, f, b)| format!("[{a}].{f}(v, v == {b})")),
            inner.prop_map(|a| format!("size({a})")),
        ]
    })
}

/// The other evaluator's value in ours, for the types that the expressions above can have.
fn theirs(value: &cel::Value) -> Option<Value> {
    Some(match value {
        cel::Value::Bool(b) => Value::Bool(*b),
        cel::Value::Int(n) => Value::Int(*n),
        cel::Value::String(s) => Value::string(s.as_str()),
        cel::Value::List(items) => Value::List(std::sync::Arc::new(items.iter().map(theirs).collect::<Option<_>>()?)),
        _ => return None,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn values_agree_with_another_evaluator(source in expression()) {
        let map = Value::Map(std::sync::Arc::new(vec![(Value::string("k"), Value::string("ab"))]));
        let variables = [("x", Value::Int(2)), ("s", Value::string("ab")), ("m", map)].map(|(k, v)| (k.to_owned(), Ok(v)));
        let ours = evaluate(&parse(&Text::known(&source)).unwrap(), &Scope { variables: variables.into(), container: String::new() });
        let mut context = cel::Context::default();
        context.add_variable("x", 2_i64).unwrap();
        context.add_variable("s", "ab").unwrap();
        context.add_variable("m", std::collections::HashMap::from([("k", "ab")])).unwrap();
        let other = cel::Program::compile(&source).ok().and_then(|p| p.execute(&context).ok()).as_ref().and_then(theirs);
        if let (Ok(ours), Some(other)) = (&ours, &other) {
            prop_assert!(ours.equals(other), "{}: {:?} and {:?}", source, ours, other);
        }
    }

    #[test]
    fn anything_can_be_read_and_evaluated(source in "(assertion|\\.|[a-z]{1,3}|'|\"\"\"|\\\\|==|&&|\\(|\\)|\\[|\\]|[0-9.eux]|%|[ -~]|é|‘)*") {
        if let Ok(expr) = parse(&Text::known(&source)) {
            let _ = evaluate(&expr, &Scope::default());
            let _ = expr.to_string();
        }
    }

    #[test]
    fn holes_never_break_the_reader(before in "[ -~]{0,12}", after in "[ -~]{0,12}") {
        if let Ok(expr) = parse(&holed(&before, &after)) {
            let _ = evaluate(&expr, &Scope::default());
        }
    }

    #[test]
    fn any_pattern_compiles_or_is_refused(pattern in "[\\[\\]\\\\dwQE&~^()?:a|*+{}0-9-]{0,10}") {
        let _ = super::regex::compile(&pattern);
    }
}

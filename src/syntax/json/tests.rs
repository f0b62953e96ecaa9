use super::*;
use crate::partial::{Hop, Unknown, UnknownKind};
use crate::source::Sources;
use proptest::prelude::*;

fn one(text: &str) -> (Sources, Value) {
    let sources = Sources::new();
    let file = sources.add("a.json", text);
    let parsed = parse(&file);
    assert_eq!(parsed.problems, Vec::new());
    (sources, parsed.documents.into_iter().next().unwrap())
}

fn hole(name: &str) -> Part {
    Part::Hole { atom: Unknown::new(name, UnknownKind::Any, format!("${{{name}}}"), "", None), span: None, trail: None }
}

fn joined(name: &str) -> Part {
    let atom = Unknown::new(name, UnknownKind::Any, format!("${{{name}}}"), "", None);
    let atom = atom.coming_from(crate::partial::UnknownOrigin::Call { function: "join".into(), joined: true });
    Part::Hole { atom, span: None, trail: None }
}

fn spelled(sources: &Sources, start: usize, text: &str, file: &SourceFile) -> Part {
    let span = Span::new(file.id, start..start + text.len());
    assert_eq!(sources.snippet(span), text);
    Part::Literal { text: Arc::from(text), span: Some(span), trail: None }
}

#[test]
fn every_node_has_its_place_and_duplicates_stay() {
    let (sources, value) = one("{ // c\n \"a\": [1, true, null], \"a\": \"x*\",}");
    assert_eq!(value.entries().len(), 2);
    assert_eq!(value.get("a").unwrap().as_str().unwrap(), "x*");
    let text = value.get("a").unwrap().as_text().unwrap();
    let star = text.find_span("*").unwrap();
    assert_eq!((sources.snippet(star).as_str(), star.len()), ("*", 1));
    let list = &value.entries()[0].value;
    assert_eq!(sources.snippet(list.span.unwrap()), "[1, true, null]");
    assert_eq!(list.items().iter().map(|v| sources.snippet(v.span.unwrap())).collect::<Vec<_>>(), ["1", "true", "null"]);
    assert_eq!(sources.snippet(value.entries()[0].key.span().unwrap()), "a");
}

#[test]
fn what_stands_between_escapes_keeps_its_exact_place() {
    let (sources, value) = one(r#"{"a": "é\/b:*\u00e9\ud83d\ude00c*"}"#);
    let text = value.get("a").unwrap().as_text().unwrap();
    assert_eq!(text.as_known().unwrap(), "é/b:*é😀c*");
    for part in &text.parts {
        let Part::Literal { text, span: Some(span), .. } = part else { panic!() };
        let written = sources.snippet(*span);
        assert!(written == **text || written.starts_with('\\'), "{written} {text}");
    }
    assert_eq!(text.find_span("*").unwrap().start as usize, r#"{"a": "é\/b:"#.len());
}

#[test]
fn a_broken_file_gives_a_problem_with_a_place() {
    let sources = Sources::new();
    let file = sources.add("a.json", "{\"a\": [1, }");
    let parsed = parse(&file);
    assert!(parsed.documents.is_empty());
    assert_eq!(parsed.problems.len(), 1);
    assert!(parsed.problems[0].message.chars().next().unwrap().is_lowercase());
    let empty = sources.add("b.json", " ");
    assert!(parse(&empty).documents.is_empty() && parse(&empty).problems.is_empty());
}

#[test]
fn deep_nesting_is_an_error_not_an_overflow() {
    let sources = Sources::new();
    let deep = sources.add("deep.json", "[".repeat(200_000));
    assert_eq!(parse(&deep).problems.len(), 1);
    let near = sources.add("near.json", format!("{}{}", "[".repeat(500), "]".repeat(500)));
    assert_eq!(parse(&near).documents.len(), 1);
}

#[test]
fn holes_inside_and_in_the_place_of_values() {
    let sources = Sources::new();
    let source = r#"{"Resource": @, "sub": "repo:@/*", "l": [@, "b"], "@": 1}"#;
    let file = sources.add("t", source);
    let mut text = Text::default();
    let mut at = 0;
    for (i, literal) in source.split('@').enumerate() {
        if i > 0 {
            text.parts.push(hole(&format!("h{i}")));
            at += 1;
        }
        text.parts.push(spelled(&sources, at, literal, &file));
        at += literal.len();
    }
    let value = parse_text(&text, Limits::default()).unwrap();
    assert!(matches!(&value.get("Resource").unwrap().kind, Kind::Unknown(a) if a.key() == "h1"));
    let sub = value.get("sub").unwrap().as_text().unwrap();
    assert_eq!(sub.to_string(), "repo:${h2}/*");
    assert_eq!(sources.snippet(sub.find_span("*").unwrap()), "*");
    let list = value.get("l").unwrap();
    assert!(list.is_open() && list.items().len() == 2);
    assert_eq!(value.entries()[3].key.to_string(), "${h4}");
    assert_eq!(sources.snippet(value.span.unwrap()), source);
}

#[test]
fn a_hole_may_bring_its_own_comma_and_a_join_more_items() {
    let literal = |t: &str| Part::Literal { text: Arc::from(t), span: None, trail: None };
    let text = Text { parts: vec![literal("[\"a\" "), hole("extra"), literal("]")] };
    let value = parse_text(&text, Limits::default()).unwrap();
    assert!(value.is_open());
    let joined = Text { parts: vec![literal("[\""), joined("join(\"x\", l)"), literal("\"]")] };
    assert!(parse_text(&joined, Limits::default()).unwrap().is_open());
    let plain = Text { parts: vec![literal("[\""), hole("var.x"), literal("\"]")] };
    assert!(!parse_text(&plain, Limits::default()).unwrap().is_open());
}

#[test]
fn json_in_a_json_string_keeps_its_places_and_trails() {
    let (sources, value) = one(r#"{"doc": "{\"sub\":\"repo:a\\/b:*\"}"}"#);
    let mut text = value.get("doc").unwrap().as_text().unwrap();
    let hop = Some(Arc::new(Hop { span: value.span.unwrap(), kind: Arc::new(crate::partial::HopKind::Local("x".into())), before: None }));
    for part in &mut text.parts {
        if let Part::Literal { trail, .. } = part {
            *trail = hop.clone();
        }
    }
    let inner = parse_text(&text, Limits::default()).unwrap();
    let sub = inner.get("sub").unwrap().as_text().unwrap();
    assert_eq!(sub.as_known().unwrap(), "repo:a/b:*");
    assert_eq!(sources.snippet(sub.find_span("*").unwrap()), "*");
    assert_eq!(crate::partial::hops(&sub.trail()).count(), 1);
}

#[test]
fn json_in_strings_is_strict_and_bounded() {
    for bad in ["{a: 1}", "// c\n1", "[1,]", "'a'", "0x1", "", "{\"a\" 1}", "[1 2]", "\"\\x41\""] {
        assert!(parse_text(&Text::known(bad), Limits::default()).is_err(), "{bad}");
    }
    assert!(parse_text(&Text::known("[1, 2]"), Limits { bytes: 3 }).is_err());
    assert!(parse_text(&Text::known("[1, 2]"), Limits::default()).is_ok());
}

#[test]
fn many_escapes_stay_cheap_and_right() {
    let raw = "\\n".repeat(MAX_SPLITS + 10);
    let (_, value) = one(&format!("[\"{raw}x\"]"));
    let text = value.items()[0].as_text().unwrap();
    assert!(text.parts.len() <= 2 * MAX_SPLITS + 2);
    assert_eq!(text.as_known().unwrap(), format!("{}x", "\n".repeat(MAX_SPLITS + 10)));
}

fn check(sources: &Sources, value: &Value) {
    let place = |span: Option<Span>| {
        let span = span.unwrap();
        assert!(sources.get(span.file).unwrap().text.get(span.range()).is_some(), "{span:?}");
    };
    place(value.span);
    if let Kind::Text(text) = &value.kind {
        text.parts.iter().for_each(|p| place(p.span()));
    }
    for entry in value.entries() {
        entry.key.parts.iter().for_each(|p| place(p.span()));
        check(sources, &entry.value);
    }
    if let Kind::List { items, .. } = &value.kind {
        items.iter().for_each(|v| check(sources, v));
    }
}

proptest! {
    #[test]
    fn any_input_is_taken(text in r#"([\[\]{},:"\\ \n/*'éA0-9]|true|null|"a\\n"|\\u00e9|\\ud83d){0,40}"#) {
        let sources = Sources::new();
        let file = sources.add("a.json", text.clone());
        let parsed = parse(&file);
        parsed.documents.iter().for_each(|d| check(&sources, d));
        for problem in &parsed.problems {
            prop_assert!(file.text.get(problem.span.range()).is_some());
        }
        if let Some(strict) = serde_json::from_str::<serde_json::Value>(&text).ok().filter(serde_json::Value::is_string) {
            prop_assert_eq!(parsed.documents[0].as_str().unwrap(), strict.as_str().unwrap());
        }
        let _ = parse_text(&Text::literal(&text, Span::new(file.id, 0..text.len())), Limits::default());
    }

    #[test]
    fn strings_round_trip(s in any::<String>()) {
        let (_, value) = one(&serde_json::to_string(&s).unwrap());
        prop_assert_eq!(value.as_str().unwrap(), s);
    }
}

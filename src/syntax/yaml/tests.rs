use super::*;
use crate::partial::{Kind, Part, Text, Value, hops};
use crate::source::Sources;
use proptest::prelude::*;

fn read(text: &str) -> (Sources, Parsed) {
    let sources = Sources::new();
    let file = sources.add("a.yaml", text);
    let parsed = parse(&file);
    check_all(&sources, &parsed);
    (sources, parsed)
}

fn one(text: &str) -> (Sources, Value) {
    let (sources, parsed) = read(text);
    assert_eq!(parsed.problems, Vec::new());
    assert_eq!(parsed.documents.len(), 1);
    (sources, parsed.documents.into_iter().next().unwrap())
}

fn check_all(sources: &Sources, parsed: &Parsed) {
    parsed.documents.iter().for_each(|d| check(sources, d));
    for problem in &parsed.problems {
        assert!(sources.get(problem.span.file).unwrap().text.get(problem.span.range()).is_some());
    }
}

/// Every span lies in its file, and a part as long as its span says what is written there.
fn check(sources: &Sources, value: &Value) {
    let text_of = |span: Span| sources.get(span.file).unwrap().text.get(span.range()).map(str::to_owned).unwrap();
    let check_text = |text: &Text| {
        for part in &text.parts {
            match part {
                Part::Literal { text, span: Some(span), .. } if span.len() == text.len() && !text.trim().is_empty() => {
                    assert_eq!(text_of(*span), **text);
                }
                part => drop(part.span().map(text_of)),
            }
        }
    };
    text_of(value.span.unwrap());
    match &value.kind {
        Kind::Text(text) => check_text(text),
        Kind::List { items, .. } => items.iter().for_each(|v| check(sources, v)),
        Kind::Map { entries, .. } => entries.iter().for_each(|e| {
            check_text(&e.key);
            check(sources, &e.value);
        }),
        _ => {}
    }
}

fn written(sources: &Sources, value: &Value) -> String {
    sources.snippet(value.span.unwrap())
}

#[test]
fn scalars_are_typed_and_placed() {
    let (sources, v) = one(
        "é: \"é-app\" # c\nb: 'x*'\nc: plain text  # c\nd: true\ne: \"true\"\nf: ~\ng:\nh: 0x1F\ni: -1.5e3\non: yes\nj: 012345\nk: 1.2.3\n",
    );
    let text = |k: &str| v.get(k).unwrap().as_str().unwrap();
    assert_eq!([text("é"), text("b"), text("c"), text("e"), text("on"), text("k")], ["é-app", "x*", "plain text", "true", "yes", "1.2.3"]);
    for key in ["é", "b", "c", "e", "on", "k"] {
        assert_eq!(written(&sources, v.get(key).unwrap()), text(key));
    }
    assert!(matches!(v.get("d").unwrap().kind, Kind::Bool(true)));
    assert!(v.get("f").unwrap().is_null() && v.get("g").unwrap().is_null());
    for key in ["h", "i", "j"] {
        assert!(matches!(&v.get(key).unwrap().kind, Kind::Number(n) if **n == written(&sources, v.get(key).unwrap())), "{key}");
    }
    assert_eq!(sources.snippet(v.entries()[0].key.span().unwrap()), "é");
}

#[test]
fn collections_reach_from_their_first_to_their_last_character() {
    let (sources, v) = one("a:\n  - x: 1\n    y: \"2\"\n  - [p, {q: r} ]\nb: {s: t,\n  u: v }\n");
    assert_eq!(written(&sources, v.get("a").unwrap().items()[0]), "x: 1\n    y: \"2\"");
    assert_eq!(written(&sources, v.get("a").unwrap().items()[1]), "[p, {q: r} ]");
    assert_eq!(written(&sources, v.get("b").unwrap()), "{s: t,\n  u: v }");
    assert!(written(&sources, v.get("a").unwrap()).ends_with("{q: r} ]"));
}

#[test]
fn block_scalars_keep_the_place_of_each_line() {
    for (eol, style) in [("\n", "|"), ("\r\n", "|"), ("\n", "|2-"), ("\n", ">"), ("\r\n", ">-"), ("\n", "|+ # c")] {
        let source = ["a: @", "  {", "    \"sub\": \"é*\",", "", "", "  folded", "  more", "    deep?", "  }", "b: 1", ""]
            .join(eol)
            .replace('@', style);
        let (sources, v) = one(&source);
        let text = v.get("a").unwrap().as_text().unwrap();
        let star = text.find_span("*").unwrap();
        assert_eq!(sources.snippet(star), "*", "{style:?} {eol:?}");
        assert_eq!(sources.snippet(text.find_span("deep?").unwrap()), "deep?");
        assert!(text.parts.len() > 5, "{style:?} {eol:?} {text:?}");
        assert!(written(&sources, v.get("a").unwrap()).starts_with('{'));
    }
}

#[test]
fn block_scalars_that_start_with_a_mark_or_with_blank_lines() {
    for source in [": >\n\n  \n  > q*\n\n  r\n", "a: |\n\n  |\n  b*\n", "a: |2\n\n   b*\n  c\n"] {
        let (sources, v) = one(source);
        let text = v.entries()[0].value.as_text().unwrap();
        assert!(text.as_known().unwrap().starts_with('\n'));
        assert_eq!(sources.snippet(text.find_span("*").unwrap()), "*", "{source:?}");
    }
}

#[test]
fn json_in_a_block_scalar_can_be_read_in_place() {
    let (sources, v) = one("a: |\n  {\"s\":\n    [\"x*\"]}\nb: \"{\\\"s\\\": [\\\"x*\\\"]}\"\n");
    for key in ["a", "b"] {
        let json =
            crate::syntax::json::parse_text(&v.get(key).unwrap().as_text().unwrap(), crate::syntax::json::Limits::default()).unwrap();
        let star = json.get("s").unwrap().items()[0].as_text().unwrap().find_span("*").unwrap();
        assert_eq!(sources.snippet(star), "*");
    }
}

#[test]
fn escapes_and_folds_split_into_exact_parts() {
    let (sources, v) = one("a: \"x\\ty\\u00e9*\"\nb: 'it''s *'\nc: one\n  two*\n  three\nd: \"q\n  r\\n*\"\n");
    assert_eq!(v.get("a").unwrap().as_str().unwrap(), "x\tyé*");
    assert_eq!(v.get("b").unwrap().as_str().unwrap(), "it's *");
    assert_eq!(v.get("c").unwrap().as_str().unwrap(), "one two* three");
    assert_eq!(v.get("d").unwrap().as_str().unwrap(), "q r\n*");
    for key in ["a", "b", "c"] {
        assert_eq!(sources.snippet(v.get(key).unwrap().as_text().unwrap().find_span("*").unwrap()), "*", "{key}");
    }
}

#[test]
fn duplicates_stay_in_order_and_the_last_counts() {
    let (_, v) = one("a: 1\na: 2\n");
    assert_eq!(v.entries().len(), 2);
    assert_eq!(v.get("a").unwrap().as_text().unwrap().as_known().unwrap(), "2");
}

#[test]
fn aliases_copy_with_the_way_they_came() {
    let (sources, v) = one("a: &x {k: v*}\nb: *x\n");
    let copy = v.get("b").unwrap();
    assert_eq!(copy.at(&["k"]).unwrap().as_str().unwrap(), "v*");
    assert_eq!(written(&sources, copy), "{k: v*}");
    assert_eq!(sources.snippet(hops(&copy.trail).next().unwrap().span), "*x");
}

#[test]
fn merge_keys_yield_to_own_keys_and_to_earlier_merges() {
    let (_, v) = one("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  c: 3\nq: {\"<<\": {a: 1}}\nw:\n  a: 9\n  <<: *x\n");
    let get = |m: &str, k: &str| v.at(&[m, k]).map(|v| v.as_text().unwrap().as_known().unwrap());
    assert_eq!([get("z", "a"), get("z", "b"), get("z", "c")].map(Option::unwrap), ["1", "1", "3"]);
    assert_eq!(v.get("z").unwrap().entries().len(), 3);
    assert!(get("q", "a").is_none());
    assert_eq!(get("w", "a").unwrap(), "9");
}

#[test]
fn alias_bombs_and_cycles_cost_nothing() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for i in 1..=12 {
        let alias = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [alias.as_str(); 9].join(",")));
    }
    let (_, v) = one(&bomb);
    assert_eq!(v.entries().len(), 13);
    let (_, cycle) = one("a: &a [*a]\n");
    assert!(matches!(cycle.get("a").unwrap().items()[0].kind, Kind::Unknown(_)));
    let (_, parsed) = read("a: *nobody\nb: 1\n");
    assert_eq!((parsed.problems.len(), parsed.documents[0].entries().len()), (1, 2));
}

#[test]
fn a_broken_document_hides_no_other_and_stays_open() {
    let (sources, parsed) = read("ok: 1\n---\nname: x\nbad: [1, 2\nmore: {\n---\nok: 2\n");
    assert_eq!(parsed.problems.len(), 1);
    assert!(!sources.snippet(parsed.problems[0].span).contains('\n'));
    let first = &parsed.documents[0];
    assert!(first.get("ok").is_some() && !first.is_open());
    let broken = &parsed.documents[1];
    assert!(broken.get("name").is_some() && broken.is_open());
    assert!(parsed.documents[2].get("ok").is_some());
}

#[test]
fn many_documents_line_ends_and_empty_input() {
    let (_, parsed) = read("# c\r\n---\r\na: 1\r\n---\r\nb: \"x\"\r\n...\r\n");
    assert_eq!(parsed.documents.len(), 2);
    assert_eq!(parsed.documents[1].get("b").unwrap().as_str().unwrap(), "x");
    for empty in ["", "# only a comment\n", "\u{feff}"] {
        assert!(read(empty).1.problems.is_empty(), "{empty:?}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let (_, parsed) = read(&"[".repeat(100_000));
    assert!(!parsed.problems.is_empty());
    let mut nested = "&a0 x\n".to_owned();
    nested = format!("k0: {nested}");
    for i in 1..40 {
        nested.push_str(&format!("k{i}: &a{i} {}*a{} {}\n", "[ ".repeat(100), i - 1, "]".repeat(100)));
    }
    let (_, v) = one(&nested);
    assert!(depth(&v) <= MAX_DEPTH + 1);
    let (_, many) = read(&"- a\n".repeat(MAX_NODES + 10));
    assert!(many.documents[0].is_open() && many.problems.len() == 1);
}

fn depth(value: &Value) -> usize {
    let inner = value.entries().iter().map(|e| depth(&e.value)).max();
    let items = if let Kind::List { items, .. } = &value.kind { items.iter().map(depth).max() } else { None };
    1 + inner.or(items).unwrap_or(0)
}

#[test]
fn tags() {
    let (sources, v) =
        one("a: !Sub 'x*'\nb: !GetAtt r.Arn\nc: !!str 1\nd: !vault abc\ne: !Join [\"\", [a, !Ref b]]\nf: !reference [x, y]\n");
    assert_eq!(v.at(&["a", "Fn::Sub"]).unwrap().as_str().unwrap(), "x*");
    assert_eq!(sources.snippet(v.at(&["a", "Fn::Sub"]).unwrap().as_text().unwrap().find_span("*").unwrap()), "*");
    assert_eq!(v.at(&["b", "Fn::GetAtt"]).unwrap().as_str().unwrap(), "r.Arn");
    assert_eq!(v.get("c").unwrap().as_str().unwrap(), "1");
    assert!(matches!(v.get("d").unwrap().kind, Kind::Unknown(_)));
    assert!(matches!(v.get("f").unwrap().kind, Kind::Unknown(_)));
    assert!(v.at(&["e", "Fn::Join"]).unwrap().items()[1].items()[1].get("Ref").is_some());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_input_is_taken(text in r#"(a: |- |[\[\]{},:"'\\ \n&*!#?|>%@é<A0-9-]|\r\n|\n  |<<: |\*a|&a |---\n|\\u00e9|: \|\n |: >\n  |!Sub |'x'''|\u{feff}){0,60}"#) {
        read(&text);
    }

    #[test]
    fn any_unicode_is_taken(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn plain_scalars_stand_where_they_say(words in proptest::collection::vec("[a-zé][a-zé0-9/*:@.-]{0,12}[a-z]", 1..8)) {
        let source: String = words.iter().enumerate().map(|(i, w)| format!("k{i}:  {w}   # c\n")).collect();
        let (sources, v) = one(&source);
        for (entry, word) in v.entries().iter().zip(&words) {
            prop_assert_eq!(&written(&sources, &entry.value), word);
            if let Some(text) = entry.value.as_str() {
                prop_assert_eq!(&text, word);
            }
        }
    }

    #[test]
    fn literal_blocks_round_trip(mut lines in proptest::collection::vec("[ -~é]{0,20}", 1..8)) {
        lines.insert(0, "x".to_owned()); // a text of blanks alone has no place for each of them
        let source = format!("a: |2\n{}", lines.iter().map(|l| format!("  {l}\n")).collect::<String>());
        let (_, v) = one(&source);
        let text = v.get("a").unwrap().as_text().unwrap();
        let (read, wanted) = (text.as_known().unwrap(), lines.iter().map(|l| format!("{l}\n")).collect::<String>());
        prop_assert_eq!(read.trim_end_matches('\n'), wanted.trim_end_matches('\n'));
        for part in &text.parts {
            let Part::Literal { text, span: Some(span), .. } = part else { panic!() };
            prop_assert_eq!(text.len(), span.len());
        }
    }
}

/// kubectl, Helm and Kustomize read these, and so what stands behind them counts.
#[test]
fn quoted_scalars_may_go_on_at_any_column() {
    let cases = [
        ("a:\n  note: \"first line\n second\"\n  b: x\n", "first line second"),
        ("a:\n  note: 'it''s\n\n second'\n  b: x\n", "it's\nsecond"),
        ("a:\n  note: # why \"not\"\n    \"one \\\n two \\\"\n three\"\n  b: x\n", "one two \" three"),
        ("a:\r\n  note: \"first\r\n second\"\r\n  b: x\r\n", "first second"),
        ("a:\n  note: \"first\nsecond\nthird\nfourth\"\n  b: x\n", "first second third fourth"),
        ("a:\n  - note: \"first\n second\"\n    b: x\n", "first second"),
    ];
    for (text, said) in cases {
        let (sources, v) = one(text);
        let a = v.get("a").unwrap();
        let map = a.items().first().copied().unwrap_or(a);
        assert_eq!(map.get("note").unwrap().as_str().as_deref(), Some(said), "{text:?}");
        let b = map.get("b").unwrap();
        assert_eq!((b.as_str().as_deref(), written(&sources, b)), (Some("x"), "x".to_owned()), "{text:?}");
    }
}

#[test]
fn what_is_no_scalar_stays_a_problem() {
    // an unclosed quote, and more outdented scalars than are mended
    let (_, unclosed) = read("a:\n  note: \"first\n second\n  b: x\n");
    assert_eq!(unclosed.problems.len(), 1);
    let many: String = (0..40).map(|i| format!("  n{i}: \"one\n two\"\n")).collect();
    let (_, parsed) = read(&format!("a:\n{many}"));
    assert_eq!(parsed.problems.len(), 1);
    assert!(parsed.documents.first().is_some_and(|d| d.get("a").is_some_and(|a| a.is_open())));
}

use super::*;

fn glob(pattern: &str) -> Language {
    let pieces: Vec<String> = pattern.chars().map(String::from).collect();
    let pieces: Vec<Piece<'_>> = pieces
        .iter()
        .map(|p| match p.as_str() {
            "*" => Piece::Star,
            "?" => Piece::One,
            other => Piece::Literal(other),
        })
        .collect();
    Language::glob(&pieces).unwrap()
}

#[test]
fn globs_cross_every_character_and_count_code_points() {
    let g = glob("repo:*/?");
    assert!(g.contains("repo:a/b\nc/é"));
    assert!(!g.contains("repo:a/"));
    assert!(!g.contains("xrepo:a/b"));
    assert_eq!(glob("repo:*/?").shortest().as_deref(), Some("repo:/a"));
}

#[test]
fn inclusion_comes_with_a_shortest_counterexample() {
    let narrow = glob("repo:acme/*");
    assert_eq!(narrow.outside(&glob("repo:*")).unwrap(), None);
    assert_eq!(glob("repo:acme*").outside(&narrow).unwrap().as_deref(), Some("repo:acme"));
    assert_eq!(glob("a*").common(&glob("*b")).unwrap().as_deref(), Some("ab"));
    assert_eq!(glob("a*").common(&glob("b*")).unwrap(), None);
    assert!(glob("a?c").included_in(&glob("a*")).unwrap());
}

#[test]
fn regular_expressions_search_and_anchor_like_re2() {
    let search = |p: &str, t: &str| Language::regex_search(p).unwrap().contains(t);
    assert!(search("acme", "xacmey"));
    assert!(!search("^acme$", "acme\n"));
    assert!(search("^(acme|other)/", "other/app"));
    assert!(search("^$", ""));
    assert!(!search("^$", "a"));
    assert!(search("a$|^b", "bx"));
    assert!(!search(r"\d", "٣"), "RE2's digits are ASCII");
    assert!(search(r"^[\w.-]{2,3}$", "a.b"));
    assert!(search(r"^[[:alpha:]]+$", "abc"));
    assert!(search("[^]a]", "b") && !search("[^]a]", "]"));
    assert!(search("^[[]$", "["));
    assert!(matches!(Language::regex_search(r"\bfoo"), Err(TooLarge::Unsupported(_))));
    assert!(matches!(Language::regex_search("("), Err(TooLarge::Syntax(_))));
}

#[test]
fn blow_ups_are_refused_not_waited_for() {
    let pattern = format!("*a{}", "?".repeat(20));
    let pieces: Vec<Piece<'_>> = pattern
        .chars()
        .map(|c| match c {
            '*' => Piece::Star,
            '?' => Piece::One,
            _ => Piece::Literal("a"),
        })
        .collect();
    assert_eq!(Language::glob(&pieces).unwrap_err(), TooLarge::Limit);
    assert_eq!(Language::regex_search("(a{1000}){1000}").unwrap_err(), TooLarge::Limit);
}

#[test]
fn derived_strings_are_judged_through_the_original() {
    let judged = |dfa: &Dfa, text: &str| dfa.out(dfa.run(dfa.start(), text));
    let role = glob("app");
    let extract = role.0.of_extract("role/", "/").unwrap();
    for text in ["x:role/app/s", "role/app/", "role/app", "role/apple/x", "rolerole/app/", "role/x/role/app/", ""] {
        let expected = crate::admission::formula::extract(text, "role/", "/") == "app";
        assert_eq!(judged(&extract, text) == Out::Yes, expected, "{text}");
    }
    let empty = glob("").0.of_extract("{", "}").unwrap();
    assert_eq!(judged(&empty, "nothing"), Out::Yes);
    let split = role.0.of_split("::", 1).unwrap();
    for text in ["a::app", "a::app::b", "a:::app", "app", "a::", "a::app:"] {
        let expected = text.split("::").nth(1).map_or(Out::Absent, |p| if p == "app" { Out::Yes } else { Out::No });
        assert_eq!(judged(&split, text), expected, "{text}");
    }
    let replace = glob("axb").0.of_replace("aa", "x").unwrap();
    for text in ["aaab", "aaa", "axb", "aaaab", "aab"] {
        assert_eq!(judged(&replace, text) == Out::Yes, text.replace("aa", "x") == "axb", "{text}");
    }
    let lower = role.0.of_case(false).unwrap();
    assert_eq!(judged(&lower, "ApP"), Out::Yes);
}

#[test]
fn lengths_and_orders() {
    let judged = |dfa: &Dfa, text: &str| dfa.out(dfa.run(dfa.start(), text)) == Out::Yes;
    for n in [-2i64, -1, 0, 1, 3] {
        for text in ["", "é", "ab", "abc", "abcd"] {
            let size = i64::try_from(text.chars().count()).unwrap();
            let dfa = Dfa::of_size(n, std::cmp::Ordering::is_lt).unwrap();
            assert_eq!(judged(&dfa, text), size < n, "{text} < {n}");
            let dfa = Dfa::of_size(n, std::cmp::Ordering::is_eq).unwrap();
            assert_eq!(judged(&dfa, text), size == n, "{text} == {n}");
        }
    }
    for other in ["", "abc", "b", "é"] {
        let dfa = Dfa::of_order(other, std::cmp::Ordering::is_le).unwrap();
        for text in ["", "ab", "abc", "abcd", "abd", "b", "é", "\u{10ffff}"] {
            assert_eq!(judged(&dfa, text), text <= other, "{text} <= {other}");
        }
    }
}

#[test]
fn a_glob_of_many_stars_is_about_as_large_as_its_text() {
    let many = glob(&format!("repo:{}*7", "*a?b".repeat(60)));
    assert!(many.0.len() < 2_000, "{} states", many.0.len());
    assert!(many.contains(&format!("repo:{}7", "xaab".repeat(60))));
    assert!(!many.contains(&format!("repo:{}7", "xaab".repeat(59))));
    assert!(many.contains(&format!("repo:a{}7", "aab".repeat(60))), "a star gives back what it read too early");
}

#[test]
fn a_list_of_words_is_just_these_words() {
    let words = ["", "a", "ab", "abc", "xbc", "xb", "b", "abcabc", "cab", "éa"];
    for marked in 0..words.len() {
        for skipped in 0..words.len() {
            let list: Vec<(&str, bool)> =
                words.iter().enumerate().filter(|(i, _)| *i != skipped).map(|(i, w)| (*w, i == marked && i > 0)).collect();
            let mut nfa = Nfa::new();
            let (start, end) = (nfa.node().unwrap(), nfa.node().unwrap());
            nfa.words(start, end, &mut list.iter().map(|(w, begins)| (w.chars().collect(), *begins)).collect()).unwrap();
            let language = Language(Arc::new(nfa.determinise(start, end).unwrap()));
            for text in words.iter().flat_map(|w| [(*w).to_owned(), format!("{w}c"), format!("c{w}"), format!("{w}abc")]) {
                let expected = list.iter().any(|(w, begins)| text == *w || (*begins && text.starts_with(w)));
                assert_eq!(language.contains(&text), expected, "`{text}` in {list:?}");
            }
        }
    }
}

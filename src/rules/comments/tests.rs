use super::*;
use crate::source::Sources;
use proptest::prelude::*;

fn read(path: &str, text: &str) -> Vec<Suppression> {
    let sources = Sources::new();
    let file = sources.add(path, text);
    let all = suppressions(&file);
    for s in &all {
        assert!(file.text.get(s.span.range()).is_some() && *s.lines.start() >= 1 && *s.lines.end() <= file.line_count());
    }
    all
}

fn brief(path: &str, text: &str) -> Vec<(String, String, RangeInclusive<usize>, bool)> {
    read(path, text).into_iter().map(|s| (s.ids.join("+"), s.reason, s.lines, s.standalone)).collect()
}

fn expect(ids: &str, reason: &str, lines: RangeInclusive<usize>, standalone: bool) -> (String, String, RangeInclusive<usize>, bool) {
    (ids.to_owned(), reason.to_owned(), lines, standalone)
}

#[test]
fn hcl_comments_of_every_form() {
    let text = "a = 1 # fedlint: ignore[x, y] why not\n\n# fedlint: ignore[z] known\n# more words\n\nresource \"a\" \"b\" {\n  c = 2 // fedlint:ignore[q]\n  /* fedlint: ignore[r] block */\n  d = 3\n  e = 4 /* fedlint: ignore[s] */\n  /*\n   * fedlint: ignore[t] later line\n   */\n  f = 5\n}\n";
    assert_eq!(
        brief("a.tf", text),
        [
            expect("x+y", "why not", 1..=1, false),
            expect("z", "known", 3..=6, true),
            expect("q", "", 7..=7, false),
            expect("r", "block", 8..=9, true),
            expect("s", "", 10..=10, false),
            expect("t", "later line", 12..=14, true),
        ]
    );
}

#[test]
fn yaml_and_shell_comments() {
    let text = "a: b # fedlint: ignore[x] r\r\n# fedlint: ignore[y] s\r\n# other\r\nc:\r\n  d: e\r\n";
    assert_eq!(brief("a.yaml", text), [expect("x", "r", 1..=1, false), expect("y", "s", 2..=4, true)]);
    assert_eq!(brief("a.sh", "spire-server x # fedlint: ignore[x] r"), [expect("x", "r", 1..=1, false)]);
    assert!(read("a.yaml", "a: b// fedlint: ignore[x] r\nb: c# fedlint: ignore[x]\nd: \"fedlint: ignore[x]\"\n").is_empty());
}

#[test]
fn json_members_cover_their_object() {
    let text =
        "{\n  \"Statement\": [\n    {\n      \"//\": \"fedlint: ignore[x] r\",\n      \"Effect\": \"Allow\"\n    },\n    {}\n  ]\n}\n";
    assert_eq!(brief("a.json", text), [expect("x", "r", 3..=6, true)]);
    assert_eq!(brief("b.json", "{\n // fedlint: ignore[x] r\n \"a\": 1}"), [expect("x", "r", 2..=3, true)]);
}

#[test]
fn annotations_cover_their_object() {
    let text = "kind: A\n---\nkind: ServiceAccount\nmetadata:\n  name: x\n  annotations:\n    fedlint.dev/ignore: \"x, y: r (until 2027-02-03); z: s\"\n---\nkind: B\n";
    let all = read("a.yaml", text);
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].ids.join("+").as_str(), all[0].reason.as_str(), all[0].until.as_deref()), ("x+y", "r", Some("2027-02-03")));
    assert_eq!((all[1].ids.join("+").as_str(), all[1].lines.clone()), ("z", 3..=7));
    let templated = "kind: A\nmetadata:\n  name: {{ .x }}\n  annotations:\n    fedlint.dev/ignore: \"x: r\"\n";
    assert_eq!(read("t.yaml", templated).len(), 1);
}

#[test]
fn until_holds_through_its_day() {
    let all =
        read("a.tf", "# fedlint: ignore[x] see (#12) (until 2027-01-01) please\na = 1\n# fedlint: ignore[x] (until tomorrow)\nb = 1\n");
    assert_eq!((all[0].until.as_deref(), all[0].reason.as_str()), (Some("2027-01-01"), "see (#12) please"));
    assert!(covers(&all[0], "x", 2, "2027-01-01") && !covers(&all[0], "x", 2, "2027-01-02"));
    assert!(!covers(&all[0], "y", 2, "2026-01-01") && !covers(&all[0], "x", 3, "2026-01-01"));
    assert_eq!((all[1].until.as_deref(), all[1].reason.as_str()), (None, "(until tomorrow)"));
    for wrong in ["2027-13-01", "2027-1-1", "2027-01-32", "27-01-01", "+027-01-01", "2027-01"] {
        assert!(!calendar::is_date(wrong), "{wrong}");
    }
}

#[test]
fn without_ids_it_silences_nothing_and_other_words_are_none() {
    let all = read("a.tf", "a = 1 # fedlint: ignore\nb = 1 # fedlint: ignore this\nc = 1 # fedlint: ignored[x]\nd = 1 # fedlint: hello\n");
    // The third is meant as a directive and is worth a note.
    let told: Vec<_> = all.iter().map(|s| (s.ids.len(), s.unknown_word.as_deref())).collect();
    assert_eq!(told, [(0, None), (0, None), (0, Some("ignored"))]);
    assert!(!covers(&all[0], "x", 1, "2026-01-01"));
    assert!(read("a.tf", "# fedlint: ignore[x] at the end of the file")[0].lines == (1..=1));
}

proptest! {
    #[test]
    fn any_input_is_taken(text in r#"(fedlint: |ignore|\[x\]|[#/*é \n:{}"\],-]|//|/\*|\*/|\(until 2027-01-01\)|fedlint.dev/ignore: |"//": "|\r\n|a: ){0,40}"#, path in "(a.tf|a.yaml|a.json|a.sh|a.conf)") {
        read(&path, &text);
    }
}

/// Whether a comment silences the rule on the line (from 1) on the day.
fn covers(comment: &Suppression, rule: &str, line: usize, today: &str) -> bool {
    comment.lines.contains(&line) && comment.ids.iter().any(|id| id == rule) && !comment.is_over(today)
}

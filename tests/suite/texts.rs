//! No code decides by a text that was made for people: labels of unknowns, messages, notes, names of declarations.
//!
//! This reads the code for what looks like it and compares with a list of what is left, each with its reason: a new one
//! fails here. What to do instead: a variant or a field for what is to be decided, with `Display` for the text.

#![allow(clippy::expect_used)]

use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What is left, as path and piece of code, with the reason.
const LEFT: &[(&str, &str, &str)] = &[
    ("src/partial/unknown.rs", "self.label().strip_prefix(", "the label without `${` and `}`, for other labels and for examples"),
    (
        "src/admission/exposure/fill.rs",
        "atom.bare().rsplit(",
        "an example for a value that nobody knows bears its name, so that a witness can be read",
    ),
    ("src/admission/search/mod.rs", "atom.bare().rsplit(", "the same"),
    ("src/rules/checks/aws/advice.rs", "provider.origin.name.get(", "cuts the module's part off an address to show the rest in an advice"),
    (
        "src/rules/checks/google/impersonation.rs",
        "what",
        "the name of a resource of Google Cloud as an export writes it: a format of Google's",
    ),
    ("src/simulation/google.rs", "all.reasons.contains(", "one reason is told once"),
    (
        "src/difference/matching.rs",
        "a.identity.origin.name == b",
        "two revisions of a declaration whose name is not known share its address, by which Terraform itself knows it",
    ),
    ("src/terraform/evaluate/engine.rs", "u.why == w", "one limit is told once, however often it is reached"),
];

/// Parsers, readers of the user's own data, and what only shows.
const NOT_READ: [&str; 9] = [
    "src/syntax/",
    "src/language/",
    "src/source/",
    "src/readers/",
    "src/report/",
    "src/cli/",
    "src/catalogue/",
    "src/rules/comments/",
    "src/admission/cel/",
];

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The code of a file on one line, without its tests and comments.
fn code(text: &str) -> String {
    let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    own.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect()
}

/// A text for people, and what one does with it to decide by it.
fn suspicious() -> [Regex; 3] {
    let people = r"(?:\.(?:label|why|bare)\(\)|\.(?:label|why|message|note|test|help|summary|reasons)\b|origin\.name\b|\b(?:t|template|issuer)\.name\b|\bwhat\b)";
    let kept = r"(?:\.as_str\(\)|\.as_deref\(\)|\.as_ref\(\)|\.clone\(\)|\.to_string\(\))*";
    let search = "contains|starts_with|ends_with|strip_prefix|strip_suffix|split_once|rsplit_once|split|rsplit|find|rfind|matches\
                  |trim_start_matches|trim_end_matches|trim_matches|eq_ignore_ascii_case|to_lowercase|to_ascii_lowercase|get";
    let searched = format!(r#"{people}{kept}\.(?:{search})\((?:[^|]|$)"#);
    let compared = format!(r#"{people}{kept}\s(?:==|!=)\s[^.]"#);
    // What is shown of a value that is not wholly known has the label of the unknown in it.
    let shown = format!(r#"\.to_string\(\)(?:\.to_(?:ascii_)?lowercase\(\))?\.(?:{search})\((?:[^|]|$)"#);
    [&searched, &compared, &shown].map(|r| Regex::new(r).expect("a pattern"))
}

#[test]
fn nobody_decides_by_a_text_for_people() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&root.join("src"), &mut all);
    let patterns = suspicious();
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for path in all {
        let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
        let tests = name.ends_with("tests.rs") || name.contains("/tests/");
        if tests || NOT_READ.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let code = code(&fs::read_to_string(&path).expect("readable"));
        for found in patterns.iter().flat_map(|p| p.find_iter(&code)) {
            let before = code.get(..found.start()).unwrap_or_default();
            let from = before.char_indices().rev().nth(30).map_or(0, |(at, _)| at);
            let piece = code.get(from..found.end()).unwrap_or_default();
            match LEFT.iter().position(|(file, part, _)| *file == name && piece.contains(part)) {
                Some(index) => {
                    used.insert(index);
                }
                None => problems.push(format!("{name}: …{piece}…")),
            }
        }
    }
    assert!(problems.is_empty(), "decide by a type, not by a text for people:\n{}", problems.join("\n"));
    let stale: Vec<_> = LEFT.iter().enumerate().filter(|(index, _)| !used.contains(index)).map(|(_, left)| left).collect();
    assert!(stale.is_empty(), "no longer so, take them off the list: {stale:?}");
}

#[test]
fn the_patterns_see_what_they_are_for() {
    let [searched, compared, shown] = suspicious();
    for bad in [
        r#"atom.label().contains("join(")"#,
        r#"message.contains("x") || f.message.contains("belongs")"#,
        r#"identity.origin.name.starts_with("module.")"#,
        r#"t.name.contains("immutable")"#,
        r#"step.test.as_str().starts_with("member")"#,
    ] {
        assert!(searched.is_match(bad), "{bad}");
    }
    assert!(compared.is_match(r#"if test.label == "allowed audiences" {"#));
    for bad in [r#"e.to_string().contains("assertion.sub")"#, "url.to_string().to_lowercase().ends_with(&host)"] {
        assert!(shown.is_match(bad), "{bad}");
    }
    for good in ["graph.trusts.iter().find(|t| t.identity == id)", "names.contains(name)", r#"claim.starts_with("sub")"#] {
        assert!(!searched.is_match(good) && !compared.is_match(good) && !shown.is_match(good), "{good}");
    }
}

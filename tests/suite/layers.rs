//! The order of the modules in `ARCHITECTURE.md` holds: no import runs upward, and the table tells of every module.

#![allow(clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of the table, the lowest first.
fn table() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md")).expect("the file is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `src/")?.split_once('`'));
    rows.map(|(module, _)| module.trim_end_matches(".rs").to_owned()).collect()
}

/// A file of `src` that is no test: its path below `src`, and its lines.
struct Code {
    path: String,
    lines: Vec<String>,
}

impl Code {
    /// The top-level module that the file belongs to.
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// How many `super::` lead from the file to the root of the crate.
    fn depth(&self) -> usize {
        let whole = self.path.trim_end_matches(".rs").trim_end_matches("/mod");
        whole.split('/').count()
    }

    /// The top-level modules that the code names.
    fn uses(&self) -> BTreeSet<String> {
        let text = self.lines.join("\n");
        let climbed = "super::".repeat(self.depth());
        let mut out = BTreeSet::new();
        for root in ["crate::", climbed.as_str()] {
            for (at, _) in text.match_indices(root) {
                let goes_on = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') || text[..at].ends_with("super::");
                if !goes_on {
                    out.extend(named(&text[at + root.len()..]));
                }
            }
        }
        out
    }
}

/// The names that a path begins with: one, or those of a group in braces.
fn named(path: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let mut names = Vec::new();
    let (mut depth, mut begins) = (1, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            _ if begins && !c.is_whitespace() => {
                names.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The code of `src` without what `#[cfg(test)]` leaves out.
fn code() -> Vec<Code> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    collect(&src, "", &mut files);
    let mut tests = BTreeSet::new();
    let mut all = Vec::new();
    for (path, text) in files {
        let (lines, modules) = without_tests(&text);
        let beside = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let below = path.strip_suffix("mod.rs").map_or_else(|| format!("{}/", path.trim_end_matches(".rs")), str::to_owned);
        tests.extend(modules.iter().flat_map(|m| [format!("{below}{m}"), format!("{beside}{m}")]));
        all.push(Code { path, lines });
    }
    all.retain(|c| !["lib.rs", "main.rs"].contains(&c.path.as_str()));
    all.retain(|c| !tests.iter().any(|t| c.path == format!("{t}.rs") || c.path.starts_with(&format!("{t}/"))));
    all
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.insert(name, std::fs::read_to_string(entry.path()).expect("text"));
        }
    }
}

/// The lines that are no comment and not for tests alone, and the modules in files of their own that are.
fn without_tests(text: &str) -> (Vec<String>, Vec<String>) {
    let mut kept = Vec::new();
    let mut modules = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        if line.trim() != "#[cfg(test)]" {
            kept.push(line.to_owned());
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let closes = |l: &str| l.len() - l.trim_start().len() == indent && l.trim_start().starts_with(['}', ')', ']']);
        let mut item = lines.next();
        let mut path = None;
        while item.is_some_and(|l| l.trim_start().starts_with("#[")) {
            path = item.and_then(|l| l.trim().strip_prefix("#[path = \"")?.strip_suffix(".rs\"]")).or(path);
            item = lines.next();
        }
        let Some(first) = item else { break };
        if let Some(module) = first.trim().strip_suffix(';').and_then(|l| l.rsplit_once("mod ")) {
            modules.push(path.unwrap_or(module.1).to_owned());
        }
        if !first.trim_end().ends_with([';', '}']) {
            lines.by_ref().find(|l| closes(l));
        }
    }
    (kept, modules)
}

#[test]
fn the_table_tells_of_every_module_and_of_no_other() {
    let table = table();
    let real: BTreeSet<String> = code().iter().map(|c| c.module().to_owned()).collect();
    let told: BTreeSet<String> = table.iter().cloned().collect();
    assert_eq!(told.len(), table.len(), "a module has two rows");
    assert_eq!(told, real, "ARCHITECTURE.md (left) and src (right) differ");
}

#[test]
fn the_crate_lists_its_modules_in_the_order_of_the_table() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).expect("the file is there");
    let listed = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    assert_eq!(listed.collect::<Vec<_>>(), table());
}

#[test]
fn no_import_runs_upward() {
    let table = table();
    let level = |module: &str| table.iter().position(|m| m == module);
    let mut wrong = Vec::new();
    for file in code() {
        for used in file.uses() {
            if let (Some(own), Some(other)) = (level(file.module()), level(&used))
                && other > own
            {
                wrong.push(format!("src/{} uses {used}, which stands above it", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_test_sees_imports() {
    let file = |path: &str, text: &str| Code { path: path.to_owned(), lines: without_tests(text).0 };
    let uses = |path: &str, text: &str| file(path, text).uses().into_iter().collect::<Vec<_>>();
    assert_eq!(uses("graph/links.rs", "use crate::{place::Span, rules::{engine, Finding}, token};"), ["place", "rules", "token"]);
    assert_eq!(uses("graph/links.rs", "fn f() -> super::super::rules::Finding {}"), ["rules"]);
    assert_eq!(
        uses("graph/mod.rs", "use super::rules::Finding;\n// crate::cli\n#[cfg(test)]\nmod tests {\n    use crate::readers;\n}"),
        ["rules"]
    );
    assert_eq!(uses("graph/a/b.rs", "use super::super::links;"), Vec::<String>::new(), "within the module");
    assert_eq!(without_tests("#[cfg(test)]\n#[path = \"a_tests.rs\"]\npub(crate) mod tests;\nuse crate::a;").1, ["a_tests"]);
}

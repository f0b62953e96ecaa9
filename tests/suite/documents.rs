//! Every command in the documentation runs here, and what a page shows is what the program prints.
//!
//! A page says in a comment which folder its commands run in (`<!-- fixture: fixtures/audit -->`, with a folder in it as a
//! second word; an empty one otherwise); a fenced block with a file's name after its language is written there first. In
//! blocks of `console` each `$ …` is a line of shell, followed by its output, in which a line `…` stands for any lines; a
//! comment `# exit code 1` is held too. In blocks of `sh` only the lines that call fedlint are run.
//! `DOCUMENTS=overwrite cargo test --test suite documents::` writes the outputs anew.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::Folder;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README, SECURITY and the pages of docs/, by their paths; `eval.md` has a test of its own.
fn pages() -> Vec<String> {
    let listed = std::fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let docs = listed.filter(|n| n.ends_with(".md") && n != "eval.md").map(|n| format!("docs/{n}"));
    let mut out: Vec<String> = docs.chain(["README.md", "SECURITY.md", "CONTRIBUTING.md"].map(str::to_owned)).collect();
    out.sort();
    out
}

/// The folder that the commands of a page run in.
struct Place {
    folder: Folder,
    inside: PathBuf,
}

impl Place {
    fn empty() -> Self {
        Self { folder: Folder::new(), inside: PathBuf::new() }
    }

    /// A copy of a fixture, so that commands may write.
    fn fixture(words: &str) -> Self {
        let mut words = words.split_whitespace();
        let fixture = root().join(words.next().expect("the comment names a folder"));
        let place = Self { folder: Folder::new(), inside: words.next().map(PathBuf::from).unwrap_or_default() };
        copy(&fixture, place.folder.path());
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.inside.join(name);
        self.folder.write(&path.to_string_lossy(), text.as_bytes());
    }

    /// What a line of shell prints, and its exit code.
    fn run(&self, line: &str) -> (String, Option<i32>) {
        let built = Path::new(env!("CARGO_BIN_EXE_fedlint")).parent().unwrap();
        let paths = format!("{}:{}", built.display(), std::env::var("PATH").unwrap_or_default());
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-c", line]).current_dir(self.folder.path().join(&self.inside));
        bash.env("PATH", paths).env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8").env_remove("COLUMNS");
        let done = bash.output().expect("bash runs");
        let text = String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        (lines.join("\n").trim_end().to_owned(), done.status.code())
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// A page as it should be, and how many commands of it were run.
fn printed(name: &str, page: &str) -> (String, usize) {
    let (mut out, mut commands, mut place) = (String::new(), 0, Place::empty());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        if let Some(words) = line.strip_prefix("<!-- fixture: ") {
            place = Place::fixture(words.trim_end_matches("-->"));
        }
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
        match (info, info.split_once(' ')) {
            ("console", _) => commands += console(name, &place, &block, &mut out),
            ("sh", _) => commands += shell(name, &place, &block),
            (_, Some((_, file))) => place.write(file, &(block.join("\n") + "\n")),
            _ => {}
        }
        if info != "console" {
            block.iter().for_each(|l| out.push_str(&format!("{l}\n")));
        }
        out.push_str("```\n");
    }
    (out, commands)
}

/// Writes a block with the outputs that its commands have.
fn console(name: &str, place: &Place, block: &[&str], out: &mut String) -> usize {
    let mut commands = 0;
    let mut lines = block.iter().peekable();
    while let Some(line) = lines.next() {
        let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("{name}: `{line}` is the output of no command"));
        let mut shown = Vec::new();
        while let Some(line) = lines.next_if(|l| !l.starts_with("$ ")) {
            shown.push(*line);
        }
        let (text, code) = place.run(command);
        held(name, command, code, &text);
        let kept = shown.join("\n");
        let _ = writeln!(out, "{line}");
        let text = if fits(&shown, &text) { kept } else { text };
        if !text.is_empty() {
            let _ = writeln!(out, "{text}");
        }
        commands += 1;
    }
    commands
}

/// Runs the lines of a block that call fedlint.
fn shell(name: &str, place: &Place, block: &[&str]) -> usize {
    let mut commands = 0;
    for line in block.iter().filter(|l| l.starts_with("fedlint ")) {
        let (text, code) = place.run(line);
        held(name, line, code, &text);
        commands += 1;
    }
    commands
}

/// The exit code is what the line says; a line that says none does not fail.
fn held(name: &str, command: &str, code: Option<i32>, text: &str) {
    match command.split_once("# exit code ") {
        Some((_, wanted)) => assert_eq!(code.map(|c| c.to_string()).as_deref(), Some(wanted.trim()), "{name}: {command}\n{text}"),
        None => assert!(matches!(code, Some(0 | 1)), "{name}: {command}: {code:?}\n{text}"),
    }
}

/// Whether the shown lines are the output; `…` alone on a line stands for any lines.
fn fits(shown: &[&str], text: &str) -> bool {
    let lines: Vec<&str> = if text.is_empty() { Vec::new() } else { text.lines().collect() };
    let parts: Vec<&[&str]> = shown.split(|l| l.trim() == "…").collect();
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return lines == *first;
    }
    if lines.len() < first.len() + last.len() || !lines.starts_with(first) || !lines.ends_with(last) {
        return false;
    }
    let mut rest = lines.get(first.len()..lines.len() - last.len()).unwrap_or_default();
    for part in parts.get(1..parts.len() - 1).unwrap_or_default() {
        let Some(at) = (0..rest.len()).find(|at| rest.get(*at..).is_some_and(|r| r.starts_with(part))) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    true
}

#[test]
fn the_pages_show_what_the_program_prints() {
    let overwrite = std::env::var_os("DOCUMENTS").is_some_and(|v| v == "overwrite");
    for name in pages() {
        let path = root().join(&name);
        let page = std::fs::read_to_string(&path).unwrap();
        let (fresh, commands) = printed(&name, &page);
        let wanted = page.lines().filter(|l| l.starts_with("$ ")).count();
        assert!(commands >= wanted, "{name}: {commands} of {wanted} commands were run");
        if overwrite {
            std::fs::write(&path, &fresh).unwrap();
        } else {
            let (old, new): (Vec<&str>, Vec<&str>) = (page.lines().collect(), fresh.lines().collect());
            let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
            let told = "is stale: `DOCUMENTS=overwrite cargo test --test suite documents::`";
            assert!(page == fresh, "{name}:{} {told}: {:?}, and the program prints {:?}", same + 1, old.get(same), new.get(same));
        }
    }
}

#[test]
fn every_use_has_a_page_that_runs() {
    for name in ["README", "docs/hook", "docs/gate", "docs/audit", "docs/test", "docs/simulate", "docs/report", "docs/verdicts"] {
        let page = std::fs::read_to_string(root().join(format!("{name}.md"))).unwrap();
        assert!(page.lines().any(|l| l.starts_with("$ fedlint ")), "{name}.md shows no command");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for name in pages() {
        let path = root().join(&name);
        let page = std::fs::read_to_string(&path).unwrap();
        for target in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(path.with_file_name("").join(file).exists(), "{name}: `{target}` leads nowhere");
            }
        }
    }
}

#[test]
fn an_ellipsis_stands_for_any_lines() {
    for (shown, text, fit) in [
        ("a\nb", "a\nb", true),
        ("a\n…", "a\nb\nc", true),
        ("…\nc", "a\nb\nc", true),
        ("a\n…\nc", "a\nb\nc", true),
        ("…\nb\n…", "a\nb\nc", true),
        ("…\nx\n…", "a\nb\nc", false),
        ("a\n…\nb", "a\nb\nc", false),
        ("a\n…\na", "a", false),
    ] {
        assert_eq!(fits(&shown.lines().collect::<Vec<_>>(), text), fit, "{shown:?} {text:?}");
    }
}

/// The assertions that the page on `fedlint test` shows are those of the fixture.
#[test]
fn the_assertions_of_the_page_are_the_fixtures() {
    let page = std::fs::read_to_string(root().join("docs/test.md")).unwrap();
    let file = std::fs::read_to_string(root().join("fixtures/simulate/repository/trust-tests.yaml")).unwrap();
    let shown = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let bare = |text: &str| text.lines().map(|l| l.split("   #").next().unwrap().trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(bare(shown), bare(&file));
}

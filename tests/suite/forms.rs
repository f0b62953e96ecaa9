//! Every form in which trust is written, wrong and right: `fixtures/forms/*.md` says how.

#![allow(clippy::expect_used, clippy::panic)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use std::collections::BTreeSet;

/// What is expected: a severity (where one is named), a rule, and a text that the line of the finding holds.
#[derive(Debug, Clone)]
struct Expected {
    severity: Option<String>,
    rule: String,
    at: String,
}

/// One text that takes the place of the mark, and what comes of it.
#[derive(Debug, Clone, Default)]
struct Variant {
    text: String,
    expected: Vec<Expected>,
}

/// A form.
#[derive(Debug, Default)]
struct Form {
    name: String,
    bad: Variant,
    good: Variant,
    markdown: bool,
    files: Vec<(String, String)>,
}

/// The text between the next two backticks, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    text.split_once('`')?.1.split_once('`')
}

/// `` `TEXT` is `[SEVERITY ]RULE` at `PLACE` ``, the parts after the text as they are there.
fn read(line: &str, variant: &mut Variant) {
    let (text, rest) = quoted(line).expect("a text in backticks");
    text.clone_into(&mut variant.text);
    let Some((rule, rest)) = rest.strip_prefix(" is ").and_then(quoted) else { return };
    let (severity, rule) = rule.split_once(' ').map_or((None, rule), |(severity, rule)| (Some(severity.to_owned()), rule));
    let at = rest.strip_prefix(" at ").and_then(quoted).map_or(text, |(at, _)| at);
    variant.expected.push(Expected { severity, rule: rule.to_owned(), at: at.to_owned() });
}

fn forms(page: &str) -> Vec<Form> {
    let mut out: Vec<Form> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            out.push(Form { name: name.to_owned(), ..Form::default() });
        }
        let Some(form) = out.last_mut() else { continue };
        if let Some(spec) = line.strip_prefix("- bad ") {
            read(spec, &mut form.bad);
        } else if let Some(spec) = line.strip_prefix("- good ") {
            read(spec, &mut form.good);
        } else if line == "- with `--markdown`" {
            form.markdown = true;
        } else if line.starts_with("```") {
            let info = line.trim_start_matches('`');
            let fence = line.strip_suffix(info).expect("a fence");
            let path = info.split_whitespace().nth(1).expect("a fence names a file");
            let text: Vec<&str> = lines.by_ref().take_while(|l| *l != fence).collect();
            form.files.push((path.to_owned(), text.join("\n") + "\n"));
        }
    }
    out
}

/// What a form with this text gives, held against what is expected; what differs is told.
fn judge(form: &Form, variant: &Variant) -> Option<String> {
    let files: Vec<(String, String)> = form.files.iter().map(|(path, text)| (path.clone(), text.replace('§', &variant.text))).collect();
    let request = Request { input: Input::Memory(files), markdown: form.markdown, ..Request::default() };
    let run = check(&request).expect("the run is made");
    let severities: BTreeSet<&str> = variant.expected.iter().filter_map(|e| e.severity.as_deref()).collect();
    let least = ["info", "low"].into_iter().find(|s| severities.contains(s)).unwrap_or("medium");
    let levels = [("info", Severity::Info), ("low", Severity::Low), ("medium", Severity::Medium)];
    let least = levels.iter().find(|(name, _)| *name == least).map_or(Severity::Medium, |(_, severity)| *severity);
    let line = |f: &fedlint::rules::Finding| {
        let file = run.sources.get(f.span.file)?;
        let number = file.position(f.span.start as usize).line;
        file.text.lines().nth(number.checked_sub(1)?).map(|l| l.trim().to_owned())
    };
    let found = run.findings.iter().filter(|f| f.severity >= least);
    let mut left: Vec<(String, String, String)> =
        found.map(|f| (f.rule.to_string(), f.severity.to_string(), line(f).unwrap_or_default())).collect();
    let mut missing = Vec::new();
    for expected in &variant.expected {
        let fits = |(rule, severity, line): &(String, String, String)| {
            *rule == expected.rule && expected.severity.as_ref().is_none_or(|s| s == severity) && line.contains(&expected.at)
        };
        match left.iter().position(fits) {
            Some(at) => drop(left.remove(at)),
            None => missing.push(expected.clone()),
        }
    }
    let differs = !missing.is_empty() || !left.is_empty();
    differs.then(|| format!("{} with `{}`: missing {missing:?}, not expected {left:?}", form.name, variant.text))
}

fn page(name: &str) {
    let path = format!("{}/fixtures/forms/{name}.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the page is there");
    let forms = forms(&text);
    assert!(forms.len() > 20, "{} forms", forms.len());
    for form in &forms {
        assert!(!form.bad.expected.is_empty() && !form.good.text.is_empty() && !form.files.is_empty(), "{}", form.name);
    }
    let wrong: Vec<String> = forms.iter().flat_map(|form| [judge(form, &form.bad), judge(form, &form.good)]).flatten().collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn aws_is_read_in_each_form() {
    page("aws");
}

#[test]
fn google_is_read_in_each_form() {
    page("google");
}

#[test]
fn scripts_are_read_in_each_form() {
    page("scripts");
}

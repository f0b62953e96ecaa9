//! `fedlint rules --test`: the examples of the user's own rules, each a small repository, through the whole pipeline.

use super::{CLEAN, CliError, FINDINGS, print};
use crate::catalogue::{Example, Rule, RuleId};
use crate::config::Config;
use crate::pipeline::{Input, Request, check};
use crate::report::{count, printable};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A finding of one of the rules: file, line, rule.
type Place = (String, usize, String);

pub(super) fn run(config: &Config) -> Result<u8, CliError> {
    if config.own.all().is_empty() {
        return Err(CliError::Run("there are no rules of your own: `custom-rules` of fedlint.toml names their folder".to_owned()));
    }
    let (mut passed, mut failed, mut out) = (0_usize, 0_usize, String::new());
    for rule in config.own.all() {
        let examples = rule.own_examples();
        let shows = |bad: bool| examples.iter().any(|example| example.bad == bad);
        for (bad, heading) in [(true, "Bad"), (false, "Good")] {
            if !shows(bad) {
                failed += 1;
                let _ = writeln!(out, "{}: no example under `## {heading}`", rule.meta.id);
            }
        }
        for example in &examples {
            match differences(config, rule, example)? {
                told if told.is_empty() => passed += 1,
                told => {
                    failed += 1;
                    out.push_str(&told);
                }
            }
        }
    }
    let _ = writeln!(
        out,
        "{} of {}: {passed} passed, {failed} failed",
        count(passed + failed, "example"),
        count(config.own.all().len(), "rule")
    );
    print(&out)?;
    Ok(if failed == 0 { CLEAN } else { FINDINGS })
}

/// What an example says and the rules do not, and the reverse. Only rules of the user's own count.
fn differences(config: &Config, rule: &Rule, example: &Example) -> Result<String, CliError> {
    let files = example.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect();
    // what the team knows holds in examples, too; what it accepts does not
    let (own, tenants, issuers) = (config.own.clone(), config.tenants.clone(), config.issuers.clone());
    let config = Config { own, tenants, issuers, github: config.github.clone(), described: config.described.clone(), ..Config::default() };
    let run = check(&Request { input: Input::Memory(files), config, ..Request::default() }).map_err(|e| CliError::Run(e.to_string()))?;
    let place = |f: &crate::rules::Finding| -> Option<Place> {
        let (path, at) = run.sources.locate(f.span)?;
        matches!(f.rule, RuleId::Own(_)).then(|| (path, at.line, f.rule.to_string()))
    };
    let found: BTreeSet<Place> = run.findings.iter().filter_map(place).collect();
    let marks = |file: &crate::catalogue::ExampleFile| {
        file.expected.iter().map(|(line, id)| (file.path.clone(), *line, id.clone())).collect::<Vec<_>>()
    };
    let expected: BTreeSet<Place> = example.files.iter().flat_map(marks).collect();
    let heading = if example.bad { "Bad" } else { "Good" };
    let title = if example.title.is_empty() { String::new() } else { format!(", \u{201c}{}\u{201d}", printable(&example.title)) };
    let mut out = String::new();
    let mut tell = |(path, line, id): &Place, what: &str| {
        let _ = writeln!(out, "{} ({heading}{title}): {}:{line}: {} {what}", rule.meta.id, printable(path), printable(id));
    };
    expected.difference(&found).for_each(|place| tell(place, "is marked and not found"));
    found.difference(&expected).for_each(|place| tell(place, "is found and not marked"));
    if example.bad && !expected.iter().any(|(_, _, id)| id == rule.meta.id.as_str()) {
        let _ = writeln!(out, "{} (Bad{title}): no line is marked with `# expect: {}`", rule.meta.id, rule.meta.id);
    }
    for open in run.coverage.undecided.iter().filter(|u| u.cause == crate::report::Cause::Verdict) {
        let _ = writeln!(out, "  not decided: {}:{}: {}", printable(&open.path), open.line, printable(&open.why));
    }
    Ok(if expected == found && !out.lines().any(|line| !line.starts_with("  ")) { String::new() } else { out })
}

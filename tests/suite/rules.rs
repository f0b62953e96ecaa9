//! Every rule file is executable: each bad example gives its rule at the marked line and nothing unexpected at medium or
//! above, each good one is silent at medium or above under all rules and does not give the rule itself.

#![allow(clippy::expect_used)]

use fedlint::catalogue::{Example, Rule, RuleId, Severity, catalogue, files, parse};
use fedlint::pipeline::{Input, Request, check};

use fedlint::rules::checks::CHECKS;
use fedlint::rules::engine::Selection;
use fedlint::rules::{Finding, predicate};
use std::collections::BTreeSet;

/// Rule, file, line.
type Mark = (String, String, usize);

/// Exposures that are not about the tokens of one issuer.
const WITHOUT_WITNESS: [RuleId; 13] = [
    RuleId::DefaultServiceAccount,
    RuleId::IdentitySameness,
    RuleId::NodeIdentityExposed,
    RuleId::OrphanTrust,
    RuleId::PodIdentityUnscoped,
    RuleId::RolesAnywhereUnpinned,
    RuleId::SpireInsecureBootstrap,
    RuleId::SpireInsecureFederation,
    RuleId::SpirePrivilegedEntry,
    RuleId::SpireWeakNodeAttestation,
    RuleId::UnknownIssuer,
    RuleId::UntrustedCredentialConfig,
    RuleId::WholePoolPrincipal,
];

fn run(example: &Example) -> (Vec<Finding>, Vec<Mark>) {
    let files = example.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let mark = |f: &Finding| {
        let file = run.sources.get(f.span.file).expect("the file is there");
        (f.rule.to_string(), file.path.clone(), file.position(f.span.start as usize).line)
    };
    let marks = run.findings.iter().map(mark).collect();
    (run.findings, marks)
}

fn expected(example: &Example) -> BTreeSet<Mark> {
    example.files.iter().flat_map(|f| f.expected.iter().map(|(line, id)| (id.clone(), f.path.clone(), *line))).collect()
}

fn judge(rule: &Rule, example: &Example, problems: &mut Vec<String>) {
    let (findings, marks) = run(example);
    let place = format!("rules/{}.md, {} example `{}`", rule.meta.id, if example.bad { "bad" } else { "good" }, example.title);
    let expected = expected(example);
    for mark in &expected {
        if !marks.contains(mark) {
            problems.push(format!("{place}: expected {mark:?}, found {marks:?}"));
        }
    }
    for (finding, mark) in findings.iter().zip(&marks) {
        let own = finding.rule == rule.meta.id;
        if !expected.contains(mark) && (finding.severity >= Severity::Medium || own) {
            problems.push(format!("{place}: unexpected {mark:?}: {}", finding.message));
        }
        let exposure = finding.category == fedlint::catalogue::Category::Exposure;
        if exposure && own && !WITHOUT_WITNESS.contains(&finding.rule) && finding.witness.is_none() {
            problems.push(format!("{place}: no witness for {mark:?}"));
        }
    }
    if example.bad && !expected.iter().any(|(id, ..)| *id == rule.meta.id.as_str()) {
        problems.push(format!("{place}: no line is marked with `{}`", rule.meta.id));
    }
    if !example.bad && !expected.is_empty() {
        problems.push(format!("{place}: a good example expects findings"));
    }
}

#[test]
fn every_example_holds() {
    let mut problems = Vec::new();
    for (name, text) in files() {
        if let Err(error) = parse(name, text) {
            problems.push(error);
        }
    }
    for rule in catalogue() {
        for bad in [true, false] {
            if !rule.examples.iter().any(|e| e.bad == bad) {
                problems.push(format!("rules/{}.md: no {} example", rule.meta.id, if bad { "bad" } else { "good" }));
            }
        }
        for section in ["What", "Why", "Fix"] {
            if rule.section(section).is_none_or(str::is_empty) {
                problems.push(format!("rules/{}.md: no section `{section}`", rule.meta.id));
            }
        }
        if rule.meta.references.is_empty() {
            problems.push(format!("rules/{}.md: no references", rule.meta.id));
        }
        for example in &rule.examples {
            judge(rule, example, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The marks of one rule in a run that asks for it alone, or for all.
fn marks_of(example: &Example, rule: RuleId, alone: bool) -> Vec<(usize, String)> {
    let files = example.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
    let select = if alone { BTreeSet::from([rule]) } else { BTreeSet::new() };
    let selection = Selection { select, ..Selection::default() };
    let run = check(&Request { input: Input::Memory(files), selection, ..Request::default() }).expect("the run is made");
    run.findings.iter().filter(|f| f.rule == rule).map(|f| (f.span.start as usize, f.message.clone())).collect()
}

#[test]
fn a_rule_alone_is_found_by_the_checks_that_its_file_names() {
    let mut problems = Vec::new();
    for rule in catalogue() {
        for example in &rule.examples {
            let found: BTreeSet<RuleId> = run(example).0.iter().map(|f| f.rule).collect();
            for id in found {
                if marks_of(example, id, true) != marks_of(example, id, false) {
                    problems.push(format!("rules/{}.md, `{}`: `{id}` alone is found by other checks", rule.meta.id, example.title));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_named_check_is_there_and_every_check_is_named() {
    let known: BTreeSet<&str> = CHECKS.iter().map(|(name, _)| *name).chain(["suppressions"]).collect();
    let mut named: BTreeSet<&str> = BTreeSet::from([predicate::NAME]);
    for rule in catalogue() {
        for name in &rule.meta.check {
            assert!(known.contains(name.as_str()), "rules/{}.md: unknown check `{name}`", rule.meta.id);
            named.insert(name);
        }
    }
    assert_eq!(known, named);
}

/// The example with the changes that the section `Fix` shows: in each hunk the `-` lines become the `+` lines.
fn mended(example: &Example, rule: &Rule) -> Result<Example, String> {
    let mut mended = example.clone();
    let mut lines = rule.section("Fix").unwrap_or_default().lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("```diff ") else { continue };
        let file = mended.files.iter_mut().find(|f| f.path == path).ok_or_else(|| format!("no file `{path}`"))?;
        let (mut old, mut new) = (String::new(), String::new());
        for line in lines.by_ref().take_while(|l| *l != "```").chain(["-"]) {
            if line.starts_with('-') && (!new.is_empty() || line == "-") {
                if !file.text.contains(&old) {
                    return Err(format!("`{path}` has no line `{}`", old.trim()));
                }
                file.text = file.text.replacen(&old, &new, 1);
                (old, new) = (String::new(), String::new());
            }
            match line.split_at_checked(1) {
                Some(("-", text)) => old = old + text + "\n",
                Some(("+", text)) => new = new + text + "\n",
                _ => return Err(format!("`{line}` is no line of a change")),
            }
        }
    }
    if mended == *example { Err("the section `Fix` shows no change (```diff FILE)".to_owned()) } else { Ok(mended) }
}

#[test]
fn the_advice_ends_the_finding_and_brings_no_other() {
    let mut problems = Vec::new();
    for rule in catalogue() {
        let Some(bad) = rule.examples.iter().find(|e| e.bad) else { continue };
        match mended(bad, rule) {
            Err(why) => problems.push(format!("rules/{}.md: {why}", rule.meta.id)),
            Ok(mended) => {
                let left = run(&mended).0;
                for finding in left.iter().filter(|f| f.rule == rule.meta.id || f.severity >= Severity::Medium) {
                    problems.push(format!("rules/{}.md: after the change: {} {}", rule.meta.id, finding.rule, finding.message));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

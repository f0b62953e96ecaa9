//! A finding points at the literal that causes it and lists the way from there, through locals, templates and modules.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;
use std::path::PathBuf;

fn brightloaf() -> Run {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos/brightloaf");
    check(&Request { input: Input::Paths(vec![root]), ..Request::default() }).expect("the run is made")
}

fn text(run: &Run, span: fedlint::place::Span) -> (String, String, usize) {
    let file = run.sources.get(span.file).expect("the file");
    let name = file.path.rsplit('/').next().unwrap_or_default().to_owned();
    (run.sources.snippet(span), name, file.position(span.start as usize).line)
}

#[test]
fn a_star_in_a_local_that_a_module_turns_into_a_role_is_found_where_it_is_written() {
    let run = brightloaf();
    let finding = run.findings.iter().find(|f| f.rule.as_str() == "tenant-prefix").expect("the prefix is found");
    assert_eq!(text(&run, finding.span), ("*".to_owned(), "github.tf".to_owned(), 5));
    let way: Vec<&str> = finding.related.iter().map(|r| r.message.as_str()).collect();
    let at = |what: &str| way.iter().position(|w| w.contains(what)).unwrap_or_else(|| panic!("no `{what}` in {way:?}"));
    assert!(at("local `release_refs`") < at("argument `subjects` of module `release`"), "{way:?}");
    assert!(at("argument `subjects`") < at("module.release.aws_iam_role.this"), "{way:?}");
    assert_eq!(finding.identity.as_deref(), Some("module.release.aws_iam_role.this"));
}

#[test]
fn the_fixture_has_its_problems_and_no_other_at_medium_or_above() {
    let run = brightloaf();
    let mut found: Vec<(String, String, usize)> = run
        .findings
        .iter()
        .filter(|f| f.severity >= fedlint::catalogue::Severity::Medium)
        .map(|f| {
            let (_, file, line) = text(&run, f.span);
            (f.rule.to_string(), file, line)
        })
        .collect();
    found.sort();
    let rules: Vec<&str> = found.iter().map(|(r, ..)| r.as_str()).collect();
    let wanted = [
        "foreign-tenant",
        "literal-wildcard",
        "missing-attribute-condition",
        "missing-subject",
        "one-sided-binding",
        "project-id-in-principal",
        "tenant-prefix",
        "whole-pool-principal",
        "wildcard-subject",
    ];
    for rule in wanted {
        assert!(rules.contains(&rule), "`{rule}` is missing in {found:?}");
    }
    let others: Vec<_> = found.iter().filter(|(r, ..)| !wanted.contains(&r.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
}

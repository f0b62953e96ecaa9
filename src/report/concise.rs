//! `--format concise`: one line for each finding, for editors and `grep`.

use super::json::{Place, place};
use super::{Run, Summary, count, printable};
use crate::catalogue::Confidence;
use std::fmt::Write as _;

/// Renders the findings, then how many there are.
#[must_use]
pub fn render(run: &Run) -> String {
    let mut out = String::new();
    for finding in &run.findings {
        let Place { path, line, column, .. } = place(&run.sources, finding.span);
        let likely = if finding.confidence == Confidence::Likely { " (likely)" } else { "" };
        let about = finding.identity.as_deref().filter(|name| *name != path);
        let identity = about.map(|name| format!("{}: ", printable(name))).unwrap_or_default();
        let (path, message) = (printable(&path), printable(&finding.message));
        let _ = writeln!(out, "{path}:{line}:{column}: {}[{}]{likely}: {identity}{message}", finding.severity, finding.rule);
    }
    let Summary { critical, high, medium, low, info } = Summary::of(&run.findings);
    let open = run.coverage.undecided.len() + run.coverage.files_skipped.len();
    let open = if open > 0 { format!("; {} not read or not decided", count(open, "place")) } else { String::new() };
    let total = count(run.findings.len(), "finding");
    let under = under(run);
    let _ = writeln!(out, "{total}: {critical} critical, {high} high, {medium} medium, {low} low, {info} info{open}{under}");
    out
}

/// Under whose word, and what is not reported by it.
fn under(run: &Run) -> String {
    let told = super::told(run);
    if told.is_empty() { String::new() } else { format!("; {}", told.join("; ")) }
}

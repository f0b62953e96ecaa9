//! `--format github`: annotations of a GitHub Actions job, the worst first (GitHub shows ten of each level).
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use super::json::{Place, place};
use super::{Run, count, printable};
use crate::catalogue::Severity;
use crate::rules::Finding;
use std::fmt::Write as _;

/// Renders one workflow command for each finding.
#[must_use]
pub fn render(run: &Run) -> String {
    let mut findings: Vec<&Finding> = run.findings.iter().collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let mut out = String::new();
    for finding in findings {
        let Place { path, line, column, end_line, end_column } = place(&run.sources, finding.span);
        let mut text = printable(&finding.message);
        if let Some(identity) = &finding.identity {
            text = format!("{}: {text}", printable(identity));
        }
        if let Some(help) = &finding.help {
            let _ = write!(text, "\nwhat to do: {}", printable(help));
        }
        if let Some(witness) = &finding.witness {
            let _ = write!(text, "\nthis token is admitted: {}", printable(&witness.to_json().to_string()));
        }
        let path = property(&printable(&run.repository_path(&path)));
        let title = property(&format!("{} ({})", finding.rule, finding.severity));
        // A column beside several lines is not taken.
        let columns = if line == end_line { format!(",col={column},endColumn={end_column}") } else { String::new() };
        let level = level(finding.severity);
        let _ = writeln!(out, "::{level} file={path},line={line},endLine={end_line}{columns},title={title}::{}", data(&text));
    }
    let open = run.coverage.undecided.len() + run.coverage.files_skipped.len();
    if open > 0 {
        let text = format!("{} not read or not decided: no verdict there is no good verdict", count(open, "place"));
        let _ = writeln!(out, "::notice title=fedlint::{}", data(&text));
    }
    let told = super::told(run);
    if !told.is_empty() {
        let _ = writeln!(out, "::notice title=fedlint::{}", data(&told.join("; ")));
    }
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

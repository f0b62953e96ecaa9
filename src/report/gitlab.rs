//! `--format gitlab`: a Code Quality report. <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use super::json::{Place, place};
use super::{Run, printable};
use crate::catalogue::Severity;
use serde_json::{Value, json};

/// Renders the findings as a JSON list.
///
/// # Errors
/// Only what `serde_json` may report.
pub fn render(run: &Run) -> Result<String, serde_json::Error> {
    let issue = |finding: &crate::rules::Finding| {
        let Place { path, line, end_line, .. } = place(&run.sources, finding.span);
        let identity = finding.identity.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        json!({
            "description": printable(&format!("{identity}{}", finding.message)),
            "check_name": finding.rule,
            "fingerprint": finding.fingerprint,
            "severity": level(finding.severity),
            "location": {"path": printable(&run.repository_path(&path)), "lines": {"begin": line, "end": end_line}},
        })
    };
    let issues: Vec<Value> = run.findings.iter().map(issue).collect();
    serde_json::to_string_pretty(&issues).map(|text| text + "\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
        Severity::Info => "info",
    }
}

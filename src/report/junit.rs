//! `--format junit`: a test report, in which each finding is a failed test and each accepted one a skipped test.
//! <https://github.com/testmoapp/junitxml>

use super::json::{Place, place};
use super::{Run, printable, told};
use crate::catalogue::Severity;
use crate::rules::Finding;
use std::fmt::Write as _;

/// Renders the run as one suite; findings below `fail_on` are passed tests that say what was found.
#[must_use]
pub fn render(run: &Run, fail_on: Severity) -> String {
    let failures = run.findings.iter().filter(|f| f.severity >= fail_on).count();
    let skipped = run.suppressed.len();
    // A suite without a test is taken for a run that did not happen.
    let tests = (run.findings.len() + skipped).max(1);
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" errors=\"0\"");
    let mut out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"fedlint\" {counts}>\n");
    let _ = writeln!(out, "  <testsuite name=\"fedlint\" {counts}>");
    let told = told(run);
    if !told.is_empty() {
        let value = escaped(&told.join("; "));
        let _ = writeln!(out, "    <properties>\n      <property name=\"fedlint\" value=\"{value}\"/>\n    </properties>");
    }
    for finding in &run.findings {
        let kind = if finding.severity >= fail_on { "failure" } else { "system-out" };
        case(&mut out, run, finding, kind, &finding.message);
    }
    for suppressed in &run.suppressed {
        let reason = if suppressed.reason.is_empty() { "accepted" } else { suppressed.reason.as_str() };
        case(&mut out, run, &suppressed.finding, "skipped", reason);
    }
    if run.findings.is_empty() && run.suppressed.is_empty() {
        out.push_str("    <testcase classname=\"fedlint\" name=\"no findings\"/>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, run: &Run, finding: &Finding, kind: &str, message: &str) {
    let Place { path, line, column, .. } = place(&run.sources, finding.span);
    let path = run.repository_path(&path);
    let identity = finding.identity.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let name = escaped(&format!("{}{identity} at {path}:{line}:{column}", finding.rule));
    let _ = writeln!(out, "    <testcase classname=\"{}\" name=\"{name}\" file=\"{0}\" line=\"{line}\">", escaped(&path));
    let details = escaped(&details(finding));
    let message = escaped(message);
    match kind {
        "system-out" => {
            let _ = writeln!(out, "      <system-out>{}: {message}\n{details}</system-out>", finding.severity);
        }
        "skipped" => {
            let _ = writeln!(out, "      <skipped message=\"{message}\"/>");
        }
        _ => {
            let _ = writeln!(out, "      <{kind} type=\"{}\" message=\"{message}\">{details}</{kind}>", finding.severity);
        }
    }
    out.push_str("    </testcase>\n");
}

fn details(finding: &Finding) -> String {
    let help = finding.help.as_ref().map(|help| format!("what to do: {help}")).unwrap_or_default();
    let token = finding.witness.as_ref().map(|w| format!("this token is admitted: {}", w.to_json())).unwrap_or_default();
    [help, token].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" - ")
}

/// Text of an element or an attribute. What XML 1.0 cannot hold is shown by its number.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push_str(&c.escape_unicode().to_string()),
            c => out.push(c),
        }
    }
    out
}

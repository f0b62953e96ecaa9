//! `--format json`: the contract of version 1, additive only.

use super::{Coverage, Run, Summary, fingerprint};
use crate::catalogue::{Category, Confidence, Severity};
use crate::place::{Position, Span};

use crate::rules::Finding;

use crate::source::Sources;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    findings: Vec<Item<'a>>,
    coverage: &'a Coverage,
    summary: Summary,
}

#[derive(Serialize)]
struct Item<'a> {
    rule: &'a str,
    category: Category,
    severity: Severity,
    confidence: Confidence,
    #[serde(flatten)]
    place: Place,
    identity: Option<&'a str>,
    message: &'a str,
    help: Option<&'a str>,
    witness: Option<serde_json::Value>,
    related: Vec<RelatedItem<'a>>,
    fingerprint: String,
}

#[derive(Serialize)]
struct RelatedItem<'a> {
    path: String,
    line: usize,
    column: usize,
    message: &'a str,
}

/// A place as reports name it.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// The file.
    pub path: String,
    /// First line, from 1.
    pub line: usize,
    /// First column in code points, from 1.
    pub column: usize,
    /// Last line.
    pub end_line: usize,
    /// One past the last column.
    pub end_column: usize,
}

/// The place of a span.
#[must_use]
pub fn place(sources: &Sources, span: Span) -> Place {
    let Some(file) = sources.get(span.file) else {
        return Place { path: String::new(), line: 1, column: 1, end_line: 1, end_column: 1 };
    };
    let Position { line, column } = file.position(span.start as usize);
    let end = file.position(span.end as usize);
    Place { path: file.path.clone(), line, column, end_line: end.line, end_column: end.column }
}

/// Renders the run as one JSON object.
///
/// # Errors
/// Only what `serde_json` may report.
pub fn render(run: &Run) -> Result<String, serde_json::Error> {
    let findings = run.findings.iter().map(|f| item(run, f)).collect();
    let document = Document { version: 1, findings, coverage: &run.coverage, summary: Summary::of(&run.findings) };
    serde_json::to_string_pretty(&document).map(|mut s| {
        s.push('\n');
        s
    })
}

fn item<'a>(run: &Run, finding: &'a Finding) -> Item<'a> {
    let related = finding.related.iter().map(|r| {
        let p = place(&run.sources, r.span);
        RelatedItem { path: p.path, line: p.line, column: p.column, message: &r.message }
    });
    Item {
        rule: finding.rule.as_str(),
        category: finding.category,
        severity: finding.severity,
        confidence: finding.confidence,
        place: place(&run.sources, finding.span),
        identity: finding.identity.as_deref(),
        message: &finding.message,
        help: finding.help.as_deref(),
        witness: finding.witness.as_ref().map(crate::token::Token::to_json),
        related: related.collect(),
        fingerprint: fingerprint(finding),
    }
}

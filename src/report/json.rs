//! `--format json` and `jsonl`: the contract of version 1, additive only (`docs/report.schema.json`).

use super::{Coverage, Run, Summary, harmless_json};
use crate::catalogue::{Category, Confidence, Severity};
use crate::place::{Position, Span};
use crate::rules::{Finding, Suppressed, SuppressedBy};
use crate::source::Sources;
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: Tool,
    configuration: Option<&'a str>,
    setup: serde_json::Value,
    findings: Vec<Item<'a>>,
    suppressed: Vec<SuppressedItem<'a>>,
    coverage: &'a Coverage,
    summary: Summary,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
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
    label: Option<&'a str>,
    help: Option<&'a str>,
    edit: Option<EditItem<'a>>,
    witness: Option<serde_json::Value>,
    related: Vec<RelatedItem<'a>>,
    fingerprint: &'a str,
}

#[derive(Serialize)]
struct EditItem<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

#[derive(Serialize)]
struct RelatedItem<'a> {
    path: String,
    line: usize,
    column: usize,
    message: &'a str,
}

#[derive(Serialize)]
struct SuppressedItem<'a> {
    rule: &'a str,
    severity: Severity,
    #[serde(flatten)]
    place: Place,
    identity: Option<&'a str>,
    message: &'a str,
    by: &'static str,
    reason: &'a str,
    until: Option<&'a str>,
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

/// By whose word, as reports write it.
#[must_use]
pub fn suppressed_by(by: SuppressedBy) -> &'static str {
    match by {
        SuppressedBy::Comment => "comment",
        SuppressedBy::Configuration => "configuration",
        SuppressedBy::Baseline => "baseline",
    }
}

/// Renders the run as one JSON object.
///
/// # Errors
/// Only what `serde_json` may report.
pub fn render(run: &Run) -> Result<String, serde_json::Error> {
    let document = Document {
        version: 1,
        tool: TOOL,
        configuration: run.setup.config_path.as_deref(),
        setup: setup(run),
        findings: run.findings.iter().map(|f| item(run, f)).collect(),
        suppressed: run.suppressed.iter().map(|s| suppressed(run, s)).collect(),
        coverage: &run.coverage,
        summary: Summary::of(&run.findings),
    };
    serde_json::to_string_pretty(&document).map(|text| harmless_json(text + "\n"))
}

/// Under whose word the run stands.
pub(super) fn setup(run: &Run) -> serde_json::Value {
    let mut setup = json!({"gate": run.setup.gate, "rules_off": run.setup.off(), "unreported": run.setup.unreported});
    let part = |(path, off): (&str, Vec<crate::catalogue::RuleId>)| json!({"configuration": path, "rules_off": off});
    let parts: Vec<serde_json::Value> = run.setup.parts().into_iter().map(part).collect();
    if let (Some(setup), false) = (setup.as_object_mut(), parts.is_empty()) {
        setup.insert("parts".to_owned(), json!(parts));
    }
    setup
}

const TOOL: Tool = Tool { name: "fedlint", version: env!("CARGO_PKG_VERSION") };

/// Renders the run as one JSON object a line, each with its `type`; the summary is the last.
///
/// # Errors
/// Only what `serde_json` may report.
pub fn render_lines(run: &Run) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    let mut line = |kind: &str, value: serde_json::Value| {
        let mut object = serde_json::Map::from_iter([("type".to_owned(), json!(kind))]);
        if let serde_json::Value::Object(members) = value {
            object.extend(members);
        }
        out.push_str(&serde_json::Value::Object(object).to_string());
        out.push('\n');
    };
    for finding in &run.findings {
        line("finding", serde_json::to_value(item(run, finding))?);
    }
    for one in &run.suppressed {
        line("suppressed", serde_json::to_value(suppressed(run, one))?);
    }
    for undecided in &run.coverage.undecided {
        line("undecided", serde_json::to_value(undecided)?);
    }
    for skipped in &run.coverage.files_skipped {
        line("skipped", serde_json::to_value(skipped)?);
    }
    let Coverage { files_read, files_excluded, files_ignored, trusts, .. } = run.coverage;
    let (summary, configuration) = (Summary::of(&run.findings), &run.setup.config_path);
    let counts = json!({"files_read": files_read, "files_excluded": files_excluded, "files_ignored": files_ignored, "trusts": trusts});
    let setup = setup(run);
    line(
        "summary",
        json!({"version": 1, "tool": TOOL, "configuration": configuration, "setup": setup, "coverage": counts, "summary": summary}),
    );
    Ok(harmless_json(out))
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
        label: finding.label.as_deref(),
        help: finding.help.as_deref(),
        edit: finding.edit.as_ref().map(|edit| EditItem { place: place(&run.sources, edit.span), text: &edit.text }),
        witness: finding.witness.as_ref().map(crate::token::Token::to_json),
        related: related.collect(),
        fingerprint: &finding.fingerprint,
    }
}

fn suppressed<'a>(run: &Run, one: &'a Suppressed) -> SuppressedItem<'a> {
    let finding = &one.finding;
    SuppressedItem {
        rule: finding.rule.as_str(),
        severity: finding.severity,
        place: place(&run.sources, finding.span),
        identity: finding.identity.as_deref(),
        message: &finding.message,
        by: suppressed_by(one.by),
        reason: &one.reason,
        until: one.until.as_deref(),
    }
}

//! `--format sarif`: SARIF 2.1.0 for code scanning.
//!
//! Every rule is listed with its help (so that indices are stable), the trust path is a code flow, and the fingerprint
//! comes from the edge, not from the line. <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>,
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

use super::json::{Place, place};
use super::{Run, fingerprint};
use crate::catalogue::{Confidence, Severity};
use crate::catalogue::{Rule, catalogue};
use crate::place::Span;

use crate::rules::Finding;
use crate::token::Claim;
use serde_json::{Value, json};

/// Most locations that code scanning keeps for one result.
const MAX_LOCATIONS: usize = 100;

/// Renders the run as one SARIF log.
///
/// # Errors
/// Only what `serde_json` may report.
pub fn render(run: &Run) -> Result<String, serde_json::Error> {
    let rules = catalogue();
    let results: Vec<Value> = run.findings.iter().map(|f| result(run, rules, f)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "fedlint",
                "informationUri": "https://github.com/fedlint/fedlint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(descriptor).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": "fedlint/"},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the working directory of the run"}}},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notifications(run)}],
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).map(|mut s| {
        s.push('\n');
        s
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub sorts security results by this number (0.0 to 10.0).
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    }
}

fn descriptor(rule: &Rule) -> Value {
    let meta = &rule.meta;
    let mut tags = vec!["security".to_owned(), meta.category.to_string()];
    for (framework, ids) in &meta.frameworks {
        tags.extend(
            ids.iter()
                .map(|id| if framework == "cwe" { format!("external/cwe/{}", id.to_lowercase()) } else { format!("{framework}/{id}") }),
        );
    }
    tags.truncate(10);
    let what = rule.section("What").unwrap_or(&meta.title);
    let name: String = meta.id.as_str().split('-').map(capitalised).collect();
    json!({
        "id": meta.id,
        "name": name,
        "shortDescription": {"text": sentence(&meta.title)},
        "fullDescription": {"text": what},
        "help": {"text": format!("{what}\n\n{}", rule.section("Fix").unwrap_or_default()), "markdown": rule.body.trim()},
        "helpUri": rule.meta.id.help_uri(),
        "defaultConfiguration": {"level": level(meta.severity)},
        "properties": {"tags": tags, "precision": "high", "security-severity": security_severity(meta.severity)},
    })
}

fn sentence(text: &str) -> String {
    capitalised(text) + "."
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// A member of an object; what is no object stays as it is.
fn set(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(key.to_owned(), value);
    }
}

fn result(run: &Run, rules: &[Rule], finding: &Finding) -> Value {
    let index = rules.iter().position(|r| r.meta.id == finding.rule);
    let related: Vec<Value> = finding
        .related
        .iter()
        .take(MAX_LOCATIONS)
        .enumerate()
        .map(|(i, r)| {
            let mut location = location(run, r.span, Some(&r.message));
            set(&mut location, "id", json!(i + 1));
            location
        })
        .collect();
    let mut value = json!({
        "ruleId": finding.rule.as_str(),
        "level": level(finding.severity),
        "kind": "fail",
        "message": {"text": message(finding)},
        "locations": [location(run, finding.span, None)],
        "partialFingerprints": {"fedlint/v1": fingerprint(finding)},
        "properties": {
            "category": finding.category, "severity": finding.severity, "confidence": finding.confidence, "identity": finding.identity,
            "security-severity": security_severity(finding.severity),
            "witness": finding.witness.as_ref().map(crate::token::Token::to_json),
        },
    });
    if let Some(index) = index {
        set(&mut value, "ruleIndex", json!(index));
    }
    if !related.is_empty() {
        set(&mut value, "codeFlows", json!([{"threadFlows": [{"locations": flow(run, finding)}]}]));
        set(&mut value, "relatedLocations", json!(related));
    }
    value
}

/// From the literal along the way it takes to the trust.
fn flow(run: &Run, finding: &Finding) -> Vec<Value> {
    let start = std::iter::once(json!({"location": location(run, finding.span, Some(&finding.message))}));
    let hops = finding.related.iter().take(MAX_LOCATIONS).map(|r| json!({"location": location(run, r.span, Some(&r.message))}));
    start.chain(hops).collect()
}

fn message(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    if finding.confidence == Confidence::Likely {
        text.push_str(" (likely: it depends on a value that is not known statically)");
    }
    if let Some(witness) = &finding.witness {
        text.push_str("\n\nthis token is admitted:\n");
        for (name, claim) in &witness.claims {
            let shown = match claim {
                Claim::String(s) => s.clone(),
                Claim::List(items) => items.join(", "),
                Claim::Json(v) => v.to_string(),
                Claim::Open { .. } => "…".to_owned(),
            };
            text.push_str(&format!("- {name}: {shown}\n"));
        }
    }
    if let Some(help) = &finding.help {
        text.push_str(&format!("\n\nwhat to do: {help}"));
    }
    // Brackets would be read as links to related locations.
    text.replace('[', "\\[").replace(']', "\\]")
}

fn location(run: &Run, span: Span, message: Option<&str>) -> Value {
    let Place { path, line, column, end_line, end_column } = place(&run.sources, span);
    let snippet = run.sources.snippet(span);
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&path), "uriBaseId": "SRCROOT"},
            "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column, "snippet": {"text": snippet}},
        },
    });
    if let Some(message) = message {
        set(&mut value, "message", json!({"text": message}));
    }
    value
}

/// A relative path as a URI reference: everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/');
    path.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn notifications(run: &Run) -> Vec<Value> {
    run.coverage
        .files_skipped
        .iter()
        .map(|s| {
            json!({
                "level": "note",
                "message": {"text": s.reason},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(s.path.split(':').next().unwrap_or(&s.path)), "uriBaseId": "SRCROOT"}}}],
            })
        })
        .collect()
}

//! `--format sarif`: SARIF 2.1.0 for code scanning.
//!
//! Every rule is listed with its help (so that indices are stable), the trust path is a code flow, and the fingerprint
//! comes from the edge, not from the line. <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>,
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

use super::json::{Place, place, setup, suppressed_by};
use super::line_hash::line_hashes;
use super::{Run, harmless_json, printable};
use crate::catalogue::{Confidence, Rule, Severity};
use crate::place::{FileId, Span};
use crate::rules::{Finding, Suppressed, SuppressedBy};
use crate::token::Claim;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most locations that code scanning keeps for one result.
const MAX_LOCATIONS: usize = 100;

/// Renders the run as one SARIF log.
///
/// # Errors
/// Only what `serde_json` may report.
pub fn render(run: &Run) -> Result<String, serde_json::Error> {
    let rules: &[&Rule] = &run.setup.config.all_rules().collect::<Vec<_>>();
    let taxonomies = taxonomies(rules);
    let mut log = Log { run, rules, hashes: BTreeMap::new() };
    let mut results: Vec<Value> = run.findings.iter().map(|f| log.result(f)).collect();
    results.extend(run.suppressed.iter().map(|s| log.suppressed(s)));
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "fedlint",
                "informationUri": "https://github.com/fedlint/fedlint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| descriptor(run, rule, &taxonomies)).collect::<Vec<_>>(),
                "notifications": [
                    notification(UNREAD, "A file, or a part of one, was not read."),
                    notification(UNDECIDED, "No verdict: static reading ends here."),
                ],
                "supportedTaxonomies": taxonomies.keys().enumerate().map(|(index, name)| json!({"name": name, "index": index})).collect::<Vec<_>>(),
            }},
            "taxonomies": taxonomies.iter().map(|(name, ids)| taxonomy(name, ids)).collect::<Vec<_>>(),
            "automationDetails": {"id": "fedlint/"},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {"SRCROOT": {"description": {"text": "The root of the repository, or the working directory where there is none."}}},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notifications(run)}],
            "properties": {"configuration": run.setup.config_path, "setup": setup(run)},
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).map(|text| harmless_json(text + "\n"))
}

fn notification(id: &str, text: &str) -> Value {
    let help = format!("{text} What is not read and not decided is neither safe nor wrong.");
    json!({"id": id, "shortDescription": {"text": text}, "fullDescription": {"text": text}, "help": {"text": help}})
}

/// The ids of notifications.
const UNREAD: &str = "unread";
const UNDECIDED: &str = "undecided";

/// The frameworks that rules speak of, each with what they name of it.
type Taxonomies = BTreeMap<&'static str, BTreeSet<String>>;

fn framework(name: &str) -> Option<&'static str> {
    Some(match name {
        "cwe" => "CWE",
        "owasp-nhi" => "OWASP NHI Top 10",
        "nist-csf" => "NIST CSF",
        _ => return None,
    })
}

fn taxonomies(rules: &[&Rule]) -> Taxonomies {
    let mut out = Taxonomies::new();
    for (name, ids) in rules.iter().flat_map(|rule| &rule.meta.frameworks) {
        if let Some(name) = framework(name) {
            out.entry(name).or_default().extend(ids.iter().cloned());
        }
    }
    out
}

fn taxonomy(name: &str, ids: &BTreeSet<String>) -> Value {
    let (organisation, uri) = match name {
        "CWE" => ("MITRE", "https://cwe.mitre.org"),
        "NIST CSF" => ("NIST", "https://www.nist.gov/cyberframework"),
        _ => ("OWASP", "https://owasp.org/www-project-non-human-identities-top-10/2025/"),
    };
    let taxa: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    json!({
        "name": name, "organization": organisation, "informationUri": uri,
        "shortDescription": {"text": format!("{name}.")},
        "taxa": taxa,
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

fn descriptor(run: &Run, rule: &Rule, taxonomies: &Taxonomies) -> Value {
    let meta = &rule.meta;
    // What the configuration says of a rule is what code scanning shows.
    let configured = run.setup.config.level(meta.id);
    let severity = configured.map_or(meta.severity, |level| level.severity().unwrap_or(meta.severity));
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
    let mut value = json!({
        "id": meta.id,
        "shortDescription": {"text": sentence(&meta.title)},
        "fullDescription": {"text": what},
        "help": {"text": format!("{what}\n\n{}", rule.section("Fix").unwrap_or_default()), "markdown": rule.body.trim()},
        "defaultConfiguration": {"level": level(severity)},
        "properties": {"tags": tags, "precision": "high", "security-severity": security_severity(severity)},
    });
    if let Some(uri) = meta.id.help_uri() {
        set(&mut value, "helpUri", json!(uri));
    }
    // A name that says no more than the id is left out.
    if !name.eq_ignore_ascii_case(meta.id.as_str()) {
        set(&mut value, "name", json!(name));
    }
    if configured.is_some_and(|level| level.severity().is_none()) {
        set(&mut value, "defaultConfiguration", json!({"level": level(severity), "enabled": false}));
    }
    let relationships: Vec<Value> = relationships(meta.frameworks.iter(), taxonomies);
    if !relationships.is_empty() {
        set(&mut value, "relationships", json!(relationships));
    }
    value
}

fn relationships<'a>(frameworks: impl Iterator<Item = (&'a String, &'a Vec<String>)>, taxonomies: &Taxonomies) -> Vec<Value> {
    let mut out = Vec::new();
    for (name, ids) in frameworks {
        let Some(name) = framework(name) else { continue };
        let (Some(component), Some(taxa)) = (taxonomies.keys().position(|n| *n == name), taxonomies.get(name)) else { continue };
        for id in ids {
            let index = taxa.iter().position(|taxon| taxon == id);
            let target = json!({"id": id, "index": index, "toolComponent": {"name": name, "index": component}});
            out.push(json!({"target": target, "kinds": ["superset"]}));
        }
    }
    out
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

/// The results of a run, and what they share.
struct Log<'a> {
    run: &'a Run,
    rules: &'a [&'a Rule],
    /// Of the files with a finding: the hashes of their lines.
    hashes: BTreeMap<FileId, Vec<String>>,
}

impl Log<'_> {
    fn result(&mut self, finding: &Finding) -> Value {
        let run = self.run;
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
            "partialFingerprints": self.fingerprints(finding),
            "properties": {
                "category": finding.category, "severity": finding.severity, "confidence": finding.confidence, "identity": finding.identity,
                "security-severity": security_severity(finding.severity),
                "witness": finding.witness.as_ref().map(crate::token::Token::to_json),
            },
        });
        if let Some(index) = self.rules.iter().position(|r| r.meta.id == finding.rule) {
            set(&mut value, "ruleIndex", json!(index));
        }
        if !related.is_empty() {
            set(&mut value, "codeFlows", json!([{"threadFlows": [{"locations": flow(run, finding)}]}]));
            set(&mut value, "relatedLocations", json!(related));
        }
        if let Some(edit) = &finding.edit {
            let Place { path, line, column, end_line, end_column } = place(&run.sources, edit.span);
            let region = json!({"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column});
            let replacement = json!({"deletedRegion": region, "insertedContent": {"text": edit.text}});
            let change = json!({"artifactLocation": artifact(run, &path), "replacements": [replacement]});
            let description = sentence(finding.help.as_deref().unwrap_or("mend the literal"));
            set(&mut value, "fixes", json!([{"description": {"text": description}, "artifactChanges": [change]}]));
        }
        value
    }

    /// What was accepted stays in the log, with who accepted it and why.
    fn suppressed(&mut self, one: &Suppressed) -> Value {
        let mut value = self.result(&one.finding);
        let kind = if one.by == SuppressedBy::Comment { "inSource" } else { "external" };
        let until = one.until.as_ref().map(|until| format!(" (until {until})")).unwrap_or_default();
        let reason = if one.reason.is_empty() { suppressed_by(one.by) } else { one.reason.as_str() };
        let mut suppression = json!({"kind": kind, "status": "accepted", "justification": format!("{reason}{until}")});
        if let Some(span) = one.span {
            set(&mut suppression, "location", location(self.run, span, None));
        }
        set(&mut value, "suppressions", json!([suppression]));
        value
    }

    fn fingerprints(&mut self, finding: &Finding) -> Value {
        let mut value = json!({"fedlint/v2": finding.fingerprint});
        if let Some(file) = self.run.sources.get(finding.span.file) {
            let line = file.position(finding.span.start as usize).line;
            let hashes = self.hashes.entry(file.id).or_insert_with(|| line_hashes(&file.text));
            if let Some(hash) = hashes.get(line - 1) {
                set(&mut value, "primaryLocationLineHash", json!(hash));
            }
        }
        value
    }
}

/// Where a file is, from the repository's root; what is outside of it by its whole path.
fn artifact(run: &Run, path: &str) -> Value {
    let path = run.repository_path(path);
    if path.starts_with('/') {
        json!({"uri": format!("file://{}", uri(&path))})
    } else {
        json!({"uri": uri(&path), "uriBaseId": "SRCROOT"})
    }
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
    let lines: Vec<String> = text.split('\n').map(printable).collect();
    bracketed(&lines.join("\n"))
}

/// Brackets would be read as links to related locations.
fn bracketed(text: &str) -> String {
    text.replace('[', "\\[").replace(']', "\\]")
}

fn location(run: &Run, span: Span, message: Option<&str>) -> Value {
    let Place { path, line, column, end_line, end_column } = place(&run.sources, span);
    let snippet = run.sources.snippet(span);
    let mut value = json!({
        "physicalLocation": {
            "artifactLocation": artifact(run, &path),
            "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column, "snippet": {"text": snippet}},
        },
    });
    if let Some(message) = message {
        set(&mut value, "message", json!({"text": bracketed(&printable(message))}));
    }
    value
}

/// A relative path as a URI reference: everything but unreserved characters and `/` is percent-encoded.
fn uri(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/');
    path.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn notifications(run: &Run) -> Vec<Value> {
    let unread = run.coverage.files_skipped.iter().map(|s| {
        json!({
            "level": "warning",
            "descriptor": {"id": UNREAD, "index": 0},
            "message": {"text": printable(&s.reason)},
            "locations": [{"physicalLocation": {"artifactLocation": artifact(run, &s.path)}}],
        })
    });
    let undecided = run.coverage.undecided.iter().map(|u| {
        let mut value = json!({
            "level": "note",
            "descriptor": {"id": UNDECIDED, "index": 1},
            "message": {"text": printable(&u.why)},
            "properties": {"cause": u.cause},
        });
        if !u.path.is_empty() {
            let mut physical = json!({"artifactLocation": artifact(run, &u.path)});
            if u.line > 0 {
                set(&mut physical, "region", json!({"startLine": u.line}));
            }
            set(&mut value, "locations", json!([{"physicalLocation": physical}]));
        }
        value
    });
    unread.chain(undecided).collect()
}

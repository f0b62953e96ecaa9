//! The end of the report: how many findings of which severity and rule, what was left out, and under which configuration.

use super::super::{Run, configurations, count, printable};
use super::style::{Style, Tone, wrap};
use crate::catalogue::Severity;
use crate::rules::{Finding, SuppressedBy};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr as _;

pub(super) fn render(out: &mut String, run: &Run, style: Style) {
    let looked = format!("{} judged, {} read", count(run.coverage.trusts, "trust"), count(run.coverage.files_read, "file"));
    let total = if run.findings.is_empty() { "no findings".to_owned() } else { count(run.findings.len(), "finding") };
    let _ = writeln!(out, "{} ({looked})", style.paint(Tone::Strong, &total));
    for severity in Severity::ALL.into_iter().rev() {
        let of: Vec<&Finding> = run.findings.iter().filter(|f| f.severity == severity).collect();
        if !of.is_empty() {
            severity_line(out, severity, &of, style);
        }
    }
    if run.findings.iter().any(|f| f.severity < style.shown) {
        line(out, "", "what is not shown above is shown by `--verbose`", style);
    }
    left_out(out, run, style);
}

/// `  high      2  one-sided-binding 2`.
fn severity_line(out: &mut String, severity: Severity, of: &[&Finding], style: Style) {
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in of {
        *rules.entry(finding.rule.as_str()).or_default() += 1;
    }
    let mut rules: Vec<(&str, usize)> = rules.into_iter().collect();
    rules.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let named: Vec<String> = rules.iter().map(|(rule, n)| if *n == 1 { (*rule).to_owned() } else { format!("{rule} x{n}") }).collect();
    let hidden = if severity < style.shown { " (not shown)" } else { "" };
    let label = format!("{:<9}{:>4}  ", severity.to_string(), of.len());
    let mut text = format!("  {}", style.paint(Tone::Severity(severity), &label));
    wrap(&mut text, &format!("{}{hidden}", named.join(", ")), 2 + label.width(), 2 + label.width(), style.prose());
    let _ = writeln!(out, "{text}");
}

/// What was not reported, and by whose word.
fn left_out(out: &mut String, run: &Run, style: Style) {
    let by = |wanted: SuppressedBy| run.suppressed.iter().filter(|s| s.by == wanted).count();
    let mut parts = Vec::new();
    for (by, what) in [
        (by(SuppressedBy::Comment), "by comments"),
        (by(SuppressedBy::Configuration), "by the configuration"),
        (by(SuppressedBy::Baseline), "by the baseline"),
    ] {
        if by > 0 {
            parts.push(format!("{by} {what}"));
        }
    }
    if !parts.is_empty() {
        line(out, "suppressed", &format!("{} (`fedlint waivers` lists them)", parts.join(", ")), style);
    }
    if run.setup.unreported > 0 {
        let why = "of rules that are off or not selected, or below what is reported";
        line(out, "unreported", &format!("{} {why}", count(run.setup.unreported, "finding")), style);
    }
    if run.coverage.files_excluded > 0 {
        line(out, "excluded", &count(run.coverage.files_excluded, "path"), style);
    }
    if run.coverage.files_ignored > 0 {
        let ignored = format!("{} that `.gitignore` leaves out and git does not track", count(run.coverage.files_ignored, "path"));
        line(out, "ignored", &ignored, style);
    }
    if let Some(text) = configuration(run) {
        line(out, "configuration", &text, style);
    }
    if run.setup.gate {
        line(out, "gate", "no configuration, ignore comment or `.gitignore` of the checked tree was obeyed", style);
    }
    for note in &run.setup.notes {
        line(out, "note", &printable(note), style);
    }
}

/// The configuration that ruled, with the rules that it switches off.
fn configuration(run: &Run) -> Option<String> {
    configurations(run, &|path| format!("`{}`", printable(path)), &|rule| format!("`{rule}`"))
}

fn line(out: &mut String, label: &str, text: &str, style: Style) {
    let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
    let mut block = format!("  {}", style.paint(Tone::Faint, &label));
    wrap(&mut block, text, 2 + label.width(), 4, style.prose());
    let _ = writeln!(out, "{block}");
}

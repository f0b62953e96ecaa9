//! Reports: what a run found, in the forms that people and machines read.

pub mod human;
pub mod json;
pub mod sarif;

use crate::catalogue::Severity;

use crate::rules::Finding;
use crate::source::Sources;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A file that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Something that could not be decided, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Undecided {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// What the run looked at.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// How many files were read.
    pub files_read: usize,
    /// Files, or parts of files, that were not.
    pub files_skipped: Vec<Skipped>,
    /// How many trusts were judged.
    pub trusts: usize,
    /// What stayed open.
    pub undecided: Vec<Undecided>,
}

/// Everything a report is made from. Findings are in their final order.
#[derive(Debug)]
pub struct Run {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The coverage.
    pub coverage: Coverage,
    /// The files the spans point into.
    pub sources: Arc<Sources>,
}

/// How many findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Critical.
    pub critical: usize,
    /// High.
    pub high: usize,
    /// Medium.
    pub medium: usize,
    /// Low.
    pub low: usize,
    /// Info.
    pub info: usize,
}

impl Summary {
    /// Counts the findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            *match finding.severity {
                Severity::Critical => &mut summary.critical,
                Severity::High => &mut summary.high,
                Severity::Medium => &mut summary.medium,
                Severity::Low => &mut summary.low,
                Severity::Info => &mut summary.info,
            } += 1;
        }
        summary
    }

    /// How many in all.
    #[must_use]
    pub fn total(self) -> usize {
        self.critical + self.high + self.medium + self.low + self.info
    }
}

/// A finding's identity over time: the same for the same problem when lines move, 32 hexadecimal digits.
#[must_use]
pub fn fingerprint(finding: &Finding) -> String {
    let digest = Sha256::digest(format!("fedlint/v1\0{}\0{}", finding.rule, finding.edge));
    digest.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

/// Text from a scanned file, safe for a terminal: control characters (and the bidirectional overrides that reorder
/// text) are shown, not obeyed.
#[must_use]
pub fn printable(text: &str) -> String {
    let unsafe_char =
        |c: char| (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.chars().any(unsafe_char) {
        return text.to_owned();
    }
    text.chars().map(|c| if unsafe_char(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

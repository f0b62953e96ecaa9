//! The baseline: the findings of a day, which later runs do not report again.
//!
//! An entry is a problem and the path it was at. A finding at the same path takes it first, then one that moved to another; so
//! a second finding like one that is known is new, and a file that was renamed is not.

use super::finding::{Finding, Suppressed, SuppressedBy};
use super::fingerprint::problem;
use crate::source::Sources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version that is written and read.
const VERSION: u32 = 1;

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    findings: Vec<Known>,
}

/// One finding that was there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Where it was.
    pub path: String,
    /// Its rule: for people, and so that a baseline can be reviewed.
    pub rule: String,
    /// What it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// The problem.
    pub problem: String,
}

/// What a baseline made of the findings.
#[derive(Debug, Default)]
pub struct Compared {
    /// New.
    pub kept: Vec<Finding>,
    /// Known.
    pub suppressed: Vec<Suppressed>,
    /// Entries that no finding has any more.
    pub gone: usize,
}

impl Baseline {
    /// The findings as a baseline.
    #[must_use]
    pub fn of(findings: &[Finding], sources: &Sources) -> Self {
        let mut findings: Vec<Known> = findings.iter().map(|f| known(f, sources)).collect();
        findings.sort();
        Self { version: VERSION, findings }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Why it is no baseline.
    pub fn parse(text: &str) -> Result<Self, String> {
        let baseline: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if baseline.version != VERSION {
            return Err(format!("version {} is not known: write it anew with `fedlint baseline`", baseline.version));
        }
        Ok(baseline)
    }

    /// The file's text.
    ///
    /// # Errors
    /// Only what `serde_json` may report.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// How many findings it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.findings.len()
    }

    /// It holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Takes out what is known.
    #[must_use]
    pub fn compare(&self, findings: Vec<Finding>, sources: &Sources) -> Compared {
        let keys: Vec<Known> = findings.iter().map(|f| known(f, sources)).collect();
        let mut left: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for entry in &self.findings {
            left.entry(&entry.problem).or_default().push(&entry.path);
        }
        let mut is_known = vec![false; findings.len()];
        for same_path in [true, false] {
            for (key, known) in keys.iter().zip(&mut is_known).filter(|(_, known)| !**known) {
                let Some(paths) = left.get_mut(key.problem.as_str()) else { continue };
                if let Some(at) = paths.iter().position(|path| !same_path || *path == key.path) {
                    paths.swap_remove(at);
                    *known = true;
                }
            }
        }
        let mut out = Compared { gone: left.values().map(Vec::len).sum(), ..Compared::default() };
        for (finding, known) in findings.into_iter().zip(is_known) {
            if known {
                let reason = "in the baseline".to_owned();
                out.suppressed.push(Suppressed { finding, by: SuppressedBy::Baseline, reason, until: None, span: None });
            } else {
                out.kept.push(finding);
            }
        }
        out
    }
}

fn known(finding: &Finding, sources: &Sources) -> Known {
    Known {
        path: sources.get(finding.span.file).map(|f| f.path.clone()).unwrap_or_default(),
        rule: finding.rule.to_string(),
        identity: finding.identity.clone(),
        problem: problem(finding, sources),
    }
}

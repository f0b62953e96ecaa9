//! A finding's identity over time: the same for the same problem when lines move, blocks change places or a file gets another
//! name, and no other finding of the run has it.

use super::finding::Finding;
use crate::source::Sources;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The problem alone: two folders with the same mistake have the same.
#[must_use]
pub fn problem(finding: &Finding, sources: &Sources) -> String {
    // A bare document is named by its path, and a file that is renamed has the same problem as before.
    let path = finding.declared.and_then(|span| sources.get(span.file)).map(|file| file.path.clone());
    let edge = path.and_then(|path| finding.edge.strip_prefix(path.as_str())).unwrap_or(&finding.edge);
    hash(&format!("fedlint/v2\0{}\0{edge}", finding.rule))
}

/// Gives every finding its fingerprint; of those with the same problem, the first keeps the problem's.
pub fn assign(findings: &mut [Finding], sources: &Sources) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let problem = problem(finding, sources);
        let before = seen.entry(problem.clone()).or_default();
        finding.fingerprint = if *before == 0 { problem } else { hash(&format!("{problem}\0{before}")) };
        *before += 1;
    }
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().take(16).map(|b| format!("{b:02x}")).collect()
}

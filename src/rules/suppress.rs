//! `fedlint: ignore[id] reason`: findings that their owners have accepted.

use super::finding::{Confidence, Finding, Related};
use super::{Category, catalogue};
use crate::config::{Config, Level};
use crate::source::comments::{Suppression, suppressions};
use crate::source::{SourceFile, Sources};
use std::sync::Arc;

/// A comment of a file.
struct Comment {
    file: Arc<SourceFile>,
    suppression: Suppression,
    used: bool,
}

/// Takes out what comments hide; a comment that hides nothing is a finding of its own.
#[must_use]
pub fn apply(findings: Vec<Finding>, sources: &Sources, config: &Config) -> Vec<Finding> {
    let mut comments: Vec<Comment> = sources
        .all()
        .into_iter()
        .flat_map(|file| {
            suppressions(&file).into_iter().map(move |suppression| Comment { file: Arc::clone(&file), suppression, used: false })
        })
        .collect();
    let mut kept: Vec<Finding> = findings.into_iter().filter(|f| !hidden(f, sources, &mut comments)).collect();
    if config.rules.get("unused-suppression").is_none_or(|r| r.severity != Level::Off) {
        kept.extend(comments.iter().filter(|c| !c.used).map(unused));
    }
    kept
}

/// A comment hides a finding that names one of its rules and has any place on its lines.
fn hidden(finding: &Finding, sources: &Sources, comments: &mut [Comment]) -> bool {
    let places: Vec<(u32, usize, usize)> = std::iter::once(finding.span)
        .chain(finding.related.iter().map(|r| r.span))
        .filter_map(|span| {
            sources.get(span.file).map(|f| (span.file.0, f.position(span.start as usize).line, f.position(span.end as usize).line))
        })
        .collect();
    let mut hit = false;
    for comment in comments.iter_mut() {
        let names =
            comment.suppression.ids.iter().any(|id| id == &finding.rule || catalogue::find(id).is_some_and(|r| r.meta.id == finding.rule));
        let covers = places.iter().any(|(file, first, _)| comment.file.id.0 == *file && comment.suppression.lines.contains(first));
        if names && covers {
            comment.used = true;
            hit = true;
        }
    }
    hit
}

fn unused(comment: &Comment) -> Finding {
    let ids = comment.suppression.ids.join(", ");
    let unknown: Vec<&String> = comment.suppression.ids.iter().filter(|id| catalogue::find(id).is_none()).collect();
    let why = match unknown.first() {
        Some(id) => format!("`{id}` is not a rule, so this comment hides nothing"),
        None => format!("no finding of `{ids}` is here, so this comment hides nothing today and may hide something tomorrow"),
    };
    let meta = catalogue::find("unused-suppression").map(|r| &r.meta);
    Finding {
        rule: "unused-suppression".to_owned(),
        category: meta.map_or(Category::Hygiene, |m| m.category),
        severity: meta.map_or(super::Severity::Low, |m| m.severity),
        confidence: Confidence::Proven,
        span: comment.suppression.span,
        identity: None,
        message: why,
        help: Some("remove the comment".to_owned()),
        witness: None,
        related: Vec::<Related>::new(),
        edge: format!("{}|{ids}", comment.file.path),
    }
}

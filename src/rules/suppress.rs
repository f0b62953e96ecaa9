//! `fedlint: ignore[id] reason`: findings that their owners have accepted.

use super::comments::{Suppression, suppressions};
use super::finding::{Finding, Related};
use crate::catalogue;
use crate::catalogue::Confidence;
use crate::catalogue::RuleId;
use crate::config::{Config, Level};
use crate::source::{SourceFile, Sources};
use std::sync::Arc;

/// A comment of a file.
struct Comment {
    file: Arc<SourceFile>,
    suppression: Suppression,
    used: bool,
}

/// What the rule files call this in `check:`; it runs after all others.
pub const NAME: &str = "suppressions";

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
    let today = crate::calendar::today();
    let mut kept: Vec<Finding> = findings.into_iter().filter(|f| !hidden(f, sources, &mut comments, &today)).collect();
    if config.level(RuleId::UnusedSuppression) != Some(Level::Off) {
        kept.extend(comments.iter().filter(|c| !c.used).map(|c| unused(c, &today)));
    }
    kept
}

/// A comment hides a finding that names one of its rules and has any place on its lines.
fn hidden(finding: &Finding, sources: &Sources, comments: &mut [Comment], today: &str) -> bool {
    let places: Vec<(u32, usize, usize)> = std::iter::once(finding.span)
        .chain(finding.related.iter().map(|r| r.span))
        .filter_map(|span| {
            sources.get(span.file).map(|f| (span.file.0, f.position(span.start as usize).line, f.position(span.end as usize).line))
        })
        .collect();
    let mut hit = false;
    for comment in comments.iter_mut().filter(|c| !c.suppression.is_over(today)) {
        let names = comment.suppression.ids.iter().any(|id| RuleId::named(id) == Some(finding.rule));
        let covers = places.iter().any(|(file, first, _)| comment.file.id.0 == *file && comment.suppression.lines.contains(first));
        if names && covers {
            comment.used = true;
            hit = true;
        }
    }
    hit
}

fn unused(comment: &Comment, today: &str) -> Finding {
    let ids = comment.suppression.ids.join(", ");
    let unknown: Vec<&String> = comment.suppression.ids.iter().filter(|id| catalogue::find(id).is_none()).collect();
    let why = match unknown.first() {
        None if comment.suppression.ids.is_empty() => {
            "this comment names no rule, so it hides nothing: write `fedlint: ignore[rule] reason`".to_owned()
        }
        None if comment.suppression.is_over(today) => {
            format!("this comment held until {}: it hides nothing any more", comment.suppression.until.as_deref().unwrap_or_default())
        }
        Some(id) => format!("`{id}` is not a rule, so this comment hides nothing"),
        None => format!("no finding of `{ids}` is here, so this comment hides nothing today and may hide something tomorrow"),
    };
    Finding {
        rule: RuleId::UnusedSuppression,
        category: RuleId::UnusedSuppression.category(),
        severity: RuleId::UnusedSuppression.severity(),
        confidence: Confidence::Proven,
        span: comment.suppression.span,
        identity: None,
        declared: None,
        library: false,
        message: why,
        help: Some("remove the comment".to_owned()),
        witness: None,
        related: Vec::<Related>::new(),
        edge: format!("{}|{ids}", comment.file.path),
        merge_key: None,
    }
}

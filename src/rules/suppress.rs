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
    let today = today();
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

/// The day in UTC, as `2027-01-01`; a clock before 1970 is its first day.
fn today() -> String {
    const DAY: u64 = 24 * 60 * 60;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    date(since / DAY)
}

/// The date so many days after 1970-01-01, counted in eras of 400 years that begin with March.
fn date(days: u64) -> String {
    const ERA: u64 = 146_097;
    let days = days + 719_468;
    let (era, of_era) = (days / ERA, days % ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / (ERA - 1)) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
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

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(19_783), "2024-03-01");
        assert_eq!(date(20_818), "2026-12-31");
        assert_eq!(date(20_819), "2027-01-01");
    }
}

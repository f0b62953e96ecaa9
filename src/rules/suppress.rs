//! Findings that their owners have accepted: by `fedlint: ignore[id] reason` beside them, or by `[[ignore]]` in the configuration.

use super::comments::{Foreign, Suppression, foreign, suppressions};
use super::finding::{Finding, MergeIn, Suppressed, SuppressedBy};
use crate::catalogue::{Confidence, RuleId, Severity};
use crate::config::{Config, Ignore, Level};
use crate::place::Span;
use crate::source::{SourceFile, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A comment of a file.
struct Comment {
    file: Arc<SourceFile>,
    suppression: Suppression,
    used: bool,
}

/// A comment of another tool.
struct Other {
    file: Arc<SourceFile>,
    foreign: Foreign,
}

/// An `[[ignore]]` of the configuration.
struct Entry<'a> {
    ignore: &'a Ignore,
    /// The file that says it.
    config: &'a Config,
    used: bool,
}

/// What remains of the findings, and what was accepted.
#[derive(Debug, Default)]
pub struct Accepted {
    /// Reported.
    pub kept: Vec<Finding>,
    /// Not reported.
    pub suppressed: Vec<Suppressed>,
}

/// Takes out what was accepted; an acceptance that hides nothing is a finding of its own.
#[must_use]
pub fn apply(findings: Vec<Finding>, sources: &Sources, config: &Config, no_comments: bool) -> Accepted {
    let today = crate::calendar::today();
    let mut comments = if no_comments { Vec::new() } else { comments(sources, config) };
    let others = if no_comments { Vec::new() } else { others(sources, config) };
    let all = std::iter::once(config).chain(&config.parts);
    let mut entries: Vec<Entry<'_>> =
        all.flat_map(|config| config.ignore.iter().map(move |ignore| Entry { ignore, config, used: false })).collect();
    let mut out = Accepted::default();
    let least = least(&findings);
    for finding in findings {
        let worse = least.get(&(finding.rule, finding.span)).is_some_and(|least| finding.severity > *least);
        let by_comment = hidden(&finding, sources, &mut comments, &today, worse);
        let by_comment = by_comment.or_else(|| by_another(&finding, sources, &others, &today).filter(|_| !worse));
        match by_comment.or_else(|| configured(&finding, sources, config, &mut entries, &today)) {
            Some(word) => out.suppressed.push(word.on(finding)),
            None => out.kept.push(finding),
        }
    }
    let told = |config: &Config| config.level(RuleId::UnusedSuppression) != Some(Level::Off);
    let idle = comments.iter().filter(|c| !c.used && told(config.at(&c.file.path)));
    out.kept.extend(idle.map(|c| unused(c, config, &today)));
    let idle = entries.iter().filter(|e| !e.used && told(e.config));
    out.kept.extend(idle.filter_map(|e| unused_entry(e.ignore, e.config, sources, &today)));
    out
}

fn comments(sources: &Sources, config: &Config) -> Vec<Comment> {
    let of = |file: Arc<SourceFile>| {
        let all = suppressions(&file);
        all.into_iter().map(move |suppression| Comment { file: Arc::clone(&file), suppression, used: false })
    };
    sources.all().into_iter().filter(|file| !config.leaves_out(&file.path)).flat_map(of).collect()
}

/// The comments of the tools that the configuration asks for.
fn others(sources: &Sources, config: &Config) -> Vec<Other> {
    let asked = |file: &Arc<SourceFile>| &config.at(&file.path).foreign_ignores;
    let files = sources.all().into_iter().filter(|file| !asked(file).is_empty() && !config.leaves_out(&file.path));
    files.flat_map(|file| foreign(&file, asked(&file)).into_iter().map(move |foreign| Other { file: Arc::clone(&file), foreign })).collect()
}

/// A comment of another tool hides what its check finds, too, on its lines.
fn by_another(finding: &Finding, sources: &Sources, others: &[Other], today: &str) -> Option<Word> {
    let line = |span: Span| sources.get(span.file).map(|file| (span.file, file.position(span.start as usize).line));
    let places: Vec<_> = std::iter::once(finding.span).chain(finding.related.iter().map(|r| r.span)).filter_map(line).collect();
    let covers = |other: &&Other| places.iter().any(|(file, line)| other.file.id == *file && other.foreign.lines.contains(line));
    let word = others.iter().filter(|other| other.foreign.is_about(finding) && !other.foreign.is_over(today)).find(covers)?;
    let Foreign { tool, check, reason, until, span, .. } = &word.foreign;
    let space = if reason.is_empty() { "" } else { " " };
    let reason = format!("{reason}{space}({tool} {check})");
    Some(Word { by: SuppressedBy::Comment, reason, until: until.clone(), span: Some(*span) })
}

/// Who accepted a finding.
struct Word {
    by: SuppressedBy,
    reason: String,
    until: Option<String>,
    span: Option<Span>,
}

impl Word {
    fn on(self, finding: Finding) -> Suppressed {
        Suppressed { finding, by: self.by, reason: self.reason, until: self.until, span: self.span }
    }
}

/// The least severity of what is found at a literal that several identities share. A comment there accepts that much for each
/// of them: not what tomorrow's administrator makes of the same literal. Beside the identity itself a comment accepts all.
fn least(findings: &[Finding]) -> BTreeMap<(RuleId, Span), Severity> {
    type Shared = (BTreeSet<Option<Span>>, Severity);
    let mut all: BTreeMap<(RuleId, Span), Shared> = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.declared.is_some()) {
        let (declared, least) = all.entry((finding.rule, finding.span)).or_insert_with(|| (BTreeSet::new(), finding.severity));
        declared.insert(finding.declared);
        *least = finding.severity.min(*least);
    }
    all.into_iter().filter(|(_, (declared, _))| declared.len() > 1).map(|(place, (_, least))| (place, least)).collect()
}

/// A comment hides a finding that names one of its rules and has any place on its lines; one that is worse than what others
/// make of the same literal, only beside the identity.
fn hidden(finding: &Finding, sources: &Sources, comments: &mut [Comment], today: &str, worse: bool) -> Option<Word> {
    let line = |span: Span| Some((span.file.0, sources.get(span.file)?.position(span.start as usize).line));
    let declared = finding.declared.and_then(line);
    let places: Vec<(u32, usize)> = std::iter::once(finding.span)
        .chain(finding.related.iter().map(|r| r.span))
        .filter_map(|span| sources.get(span.file).map(|f| (span.file.0, f.position(span.start as usize).line)))
        .collect();
    let mut word = None;
    for comment in comments.iter_mut().filter(|c| !c.suppression.is_over(today)) {
        let names = comment.suppression.ids.iter().any(|id| finding.rule.is_called(id));
        let covers = places.iter().any(|(file, line)| comment.file.id.0 == *file && comment.suppression.lines.contains(line));
        if names && covers {
            comment.used = true;
            let on = |(file, line): (u32, usize)| comment.file.id.0 == file && comment.suppression.lines.contains(&line);
            if worse && !declared.is_some_and(on) {
                continue;
            }
            let Suppression { reason, until, span, .. } = &comment.suppression;
            let (reason, until, span) = (reason.clone(), until.clone(), Some(*span));
            word.get_or_insert(Word { by: SuppressedBy::Comment, reason, until, span });
        }
    }
    word
}

/// An entry of the configuration hides what all its words fit.
fn configured(finding: &Finding, sources: &Sources, config: &Config, entries: &mut [Entry<'_>], today: &str) -> Option<Word> {
    let file = sources.get(finding.span.file);
    let config = file.as_ref().map_or(config, |file| config.at(&file.path));
    let path = file.and_then(|f| config.from_here(&f.path));
    let mut word = None;
    for entry in entries.iter_mut().filter(|e| std::ptr::eq(e.config, config) && !e.ignore.is_over(today)) {
        if entry.ignore.fits(finding.rule, path.as_deref(), finding.identity.as_deref()) {
            entry.used = true;
            let Ignore { reason, until, .. } = entry.ignore;
            let (reason, until) = (reason.clone(), until.clone());
            let file = config.path.as_deref().and_then(|path| sources.by_path(path));
            let span = file.map(|file| Span::new(file.id, entry.ignore.range.clone()));
            word.get_or_insert(Word { by: SuppressedBy::Configuration, reason, until, span });
        }
    }
    word
}

fn unused(comment: &Comment, config: &Config, today: &str) -> Finding {
    let Suppression { ids, until, span, unknown_word, .. } = &comment.suppression;
    let names = ids.join(", ");
    let unknown = ids.iter().find(|id| config.known_rule(id, "").is_err());
    let why = if let Some(word) = unknown_word {
        format!("`{word}` is not a directive, so this comment hides nothing: write `fedlint: ignore[rule] reason`")
    } else if ids.is_empty() {
        "this comment names no rule, so it hides nothing: write `fedlint: ignore[rule] reason`".to_owned()
    } else if comment.suppression.is_over(today) {
        format!("this comment held until {}: it hides nothing any more", until.as_deref().unwrap_or_default())
    } else if let Some(id) = unknown {
        format!("`{id}` is not a rule, so this comment hides nothing")
    } else {
        format!("no finding of `{names}` is here, so this comment hides nothing today and may hide something tomorrow")
    };
    finding(*span, why, "remove the comment", format!("|{names}"))
}

/// An entry that hides nothing, as far as the run can know: one that looks at a part of the repository cannot.
fn unused_entry(ignore: &Ignore, config: &Config, sources: &Sources, today: &str) -> Option<Finding> {
    let file = sources.by_path(config.path.as_deref()?)?;
    let rule = &ignore.rule;
    let why = if ignore.is_over(today) {
        format!("this entry held until {}: it hides nothing any more", ignore.until.as_deref().unwrap_or_default())
    } else if config.is_whole {
        format!("no finding of `{rule}` fits this entry, so it hides nothing today and may hide something tomorrow")
    } else {
        return None;
    };
    let span = Span::new(file.id, ignore.range.clone());
    Some(finding(span, why, "remove the entry", format!("[[ignore]]|{rule}|{:?}|{:?}", ignore.path, ignore.identity)))
}

fn finding(span: Span, message: String, help: &str, edge: String) -> Finding {
    Finding {
        rule: RuleId::UnusedSuppression,
        category: RuleId::UnusedSuppression.category(),
        severity: RuleId::UnusedSuppression.severity(),
        confidence: Confidence::Proven,
        span,
        identity: None,
        declared: None,
        library: false,
        stands_in: false,
        message,
        label: None,
        help: Some(help.to_owned()),
        edit: None,
        witness: None,
        related: Vec::new(),
        edge,
        merge_key: None,
        yields: false,
        merge_in: MergeIn::Declaration,
        fingerprint: String::new(),
    }
}

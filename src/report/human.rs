//! `--format human`: for a person at a terminal, rendered by miette.

use super::{Run, Summary, printable};
use crate::catalogue::{Confidence, Severity};
use crate::place::Span;

use crate::rules::Finding;
use crate::token::{Claim, Token};

use crate::source::SourceFile;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// Longest line that a snippet shows whole; a longer one (minified JSON) is left out of the snippet.
const MAX_SNIPPET_LINE: usize = 400;

/// How to render.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// With links to the rules' pages.
    pub links: bool,
    /// Columns.
    pub width: usize,
}

/// Renders the findings, then the coverage and the summary.
#[must_use]
pub fn render(run: &Run, style: Style) -> String {
    let theme = if style.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(style.width).with_links(style.links).with_context_lines(1);
    let mut out = String::new();
    for finding in &run.findings {
        let _ = handler.render_report(&mut out, &Rendered::new(run, finding));
        out.push('\n');
    }
    out.push_str(&footer(run));
    out
}

/// A finding as miette wants it.
struct Rendered<'a> {
    finding: &'a Finding,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    related: Vec<RelatedPlace>,
    url: Option<String>,
    title: String,
    help: Option<String>,
}

impl<'a> Rendered<'a> {
    fn new(run: &Run, finding: &'a Finding) -> Self {
        let file = run.sources.get(finding.span.file);
        let mut labels = vec![LabeledSpan::new_primary_with_span(None, finding.span.range())];
        let mut related = Vec::new();
        for place in &finding.related {
            let message = printable(&place.message);
            if place.span.file == finding.span.file {
                let range = shown(file.as_deref(), place.span);
                // The brace that opens a whole document shows nothing.
                if !overlaps(place.span, finding.span) && range.len() > 1 {
                    labels.push(LabeledSpan::new_with_span(Some(message), range));
                }
            } else if let Some(other) = run.sources.get(place.span.file) {
                let span = shown(Some(&other), place.span);
                related.push(RelatedPlace { message, source: named(&other), span });
            }
        }
        let likely = if finding.confidence == Confidence::Likely { " (likely)" } else { "" };
        let identity = finding.identity.as_ref().map(|i| format!("{}: ", printable(i))).unwrap_or_default();
        Self {
            finding,
            source: file.as_ref().map(named),
            labels,
            related,
            url: Some(finding.rule.help_uri()),
            title: format!("{}{likely}: {identity}{}", finding.severity, printable(&finding.message)),
            help: help(finding),
        }
    }
}

/// A block's header is shown by its first line only.
fn shown(file: Option<&SourceFile>, span: Span) -> std::ops::Range<usize> {
    let range = span.range();
    let text = file.and_then(|f| f.text.get(range.clone())).unwrap_or("");
    let first = text.find(['\n', '\r']).unwrap_or(text.len());
    range.start..range.start + first.max(usize::from(!text.is_empty()))
}

fn overlaps(a: Span, b: Span) -> bool {
    a.file == b.file && a.start == b.start && a.end == b.end
}

/// The file with control characters made harmless, byte for byte, and over-long lines cut.
fn named(file: &Arc<SourceFile>) -> NamedSource<String> {
    // Each replacement has as many bytes as what it replaces, so that spans stay true.
    let harmless = |c: char| match c {
        '\n' | '\t' | '\r' => c,
        c if c.is_ascii_control() => ' ',
        c if c.is_control() => '\u{a0}',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    let text: String = file.text.chars().map(harmless).collect();
    NamedSource::new(printable(&file.path), text)
}

impl fmt::Debug for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl std::error::Error for Rendered<'_> {}

impl Diagnostic for Rendered<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(&self.finding.rule))
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Critical | Severity::High => miette::Severity::Error,
            Severity::Medium => miette::Severity::Warning,
            Severity::Low | Severity::Info => miette::Severity::Advice,
        })
    }
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }
    fn url<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.url.as_ref().map(|u| Box::new(u) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        let short = self.source.as_ref().filter(|s| {
            let text = s.inner();
            let range = self.finding.span.range();
            let start = text.get(..range.start).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1);
            let end = text.get(start..).and_then(|t| t.find('\n')).unwrap_or(text.len() - start.min(text.len()));
            end <= MAX_SNIPPET_LINE
        });
        short.map(|s| s as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
    fn related<'b>(&'b self) -> Option<Box<dyn Iterator<Item = &'b dyn Diagnostic> + 'b>> {
        if self.related.is_empty() { None } else { Some(Box::new(self.related.iter().map(|r| r as &dyn Diagnostic))) }
    }
}

/// A place in another file.
struct RelatedPlace {
    message: String,
    source: NamedSource<String>,
    span: std::ops::Range<usize>,
}

impl fmt::Debug for RelatedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for RelatedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RelatedPlace {}

impl Diagnostic for RelatedPlace {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, self.span.clone()))))
    }
}

/// What to do, and the token that shows why.
fn help(finding: &Finding) -> Option<String> {
    let witness = finding.witness.as_ref().map(witness_block);
    match (&finding.help, witness) {
        (Some(help), Some(witness)) => Some(format!("{}\n\n{witness}", printable(help))),
        (Some(help), None) => Some(printable(help)),
        (None, witness) => witness,
    }
}

fn witness_block(witness: &Token) -> String {
    let width = witness.claims.keys().map(String::len).max().unwrap_or(0);
    let mut out = String::from("this token is admitted:");
    for (name, claim) in &witness.claims {
        let value = match claim {
            Claim::String(s) => s.clone(),
            Claim::List(items) => items.join(", "),
            Claim::Json(v) => v.to_string(),
            Claim::Open { .. } => "…".to_owned(),
        };
        let _ = write!(out, "\n  {name:width$}  {}", printable(&value));
    }
    out
}

fn footer(run: &Run) -> String {
    let coverage = &run.coverage;
    let mut out = String::new();
    for skipped in &coverage.files_skipped {
        let _ = writeln!(out, "not read: {}: {}", printable(&skipped.path), printable(&skipped.reason));
    }
    for open in &coverage.undecided {
        let _ = writeln!(out, "undecided: {}:{}: {}", printable(&open.path), open.line, printable(&open.why));
    }
    let summary = Summary::of(&run.findings);
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let _ = writeln!(
        out,
        "{}: {} critical, {} high, {} medium, {} low, {} info ({} judged, {} read)",
        plural(summary.total(), "finding"),
        summary.critical,
        summary.high,
        summary.medium,
        summary.low,
        summary.info,
        plural(coverage.trusts, "trust"),
        plural(coverage.files_read, "file"),
    );
    out
}

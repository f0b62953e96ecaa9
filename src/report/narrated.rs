//! `--format narrated`: whole sentences for screen readers, by `miette`.

use super::harmless::same_length;
use super::{Run, printable};
use crate::catalogue::{Confidence, Severity};
use crate::place::{Position, Span};
use crate::rules::Finding;
use crate::source::SourceFile;
use miette::{Diagnostic, LabeledSpan, MietteError, MietteSpanContents, NarratableReportHandler, SourceCode, SourceSpan, SpanContents};
use std::fmt;

/// Renders each finding, then how many there are.
#[must_use]
pub fn render(run: &Run) -> String {
    let handler = NarratableReportHandler::new().with_context_lines(0);
    let mut out = String::new();
    for finding in &run.findings {
        let _ = handler.render_report(&mut out, &Rendered::new(run, finding));
        out.push('\n');
    }
    let mut summary = String::new();
    super::human::summarise(&mut summary, run);
    out + &summary
}

/// A finding as `miette` wants it.
struct Rendered<'a> {
    finding: &'a Finding,
    line: Option<Line>,
    title: String,
    help: Option<String>,
}

impl<'a> Rendered<'a> {
    fn new(run: &Run, finding: &'a Finding) -> Self {
        let file = run.sources.get(finding.span.file);
        let likely = if finding.confidence == Confidence::Likely { " (likely)" } else { "" };
        let identity = finding.identity.as_ref().map(|i| format!("{}: ", printable(i))).unwrap_or_default();
        let token = finding.witness.as_ref().map(|w| format!("this token is admitted: {}", printable(&w.to_json().to_string())));
        let help = finding.help.as_deref().map(printable);
        Self {
            finding,
            line: file.map(|file| Line::new(&file, finding.span)),
            title: format!("{}{likely}: {identity}{}", finding.severity, printable(&finding.message)),
            help: if help.is_none() && token.is_none() { None } else { Some(help.into_iter().chain(token).collect::<Vec<_>>().join("\n")) },
        }
    }
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
        self.finding.rule.help_uri().map(|uri| Box::new(uri) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.line.as_ref().map(|line| line as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.finding.label.as_deref().map(printable);
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(label, self.line.as_ref()?.marked()))))
    }
}

/// One line of a file: `miette` is shown no more, so that a finding does not copy its file, and nothing that has power over a
/// terminal.
struct Line {
    path: String,
    /// The part of the line around the place, and where it starts in the file.
    text: String,
    start: usize,
    at: Position,
    span: Span,
}

/// Longest line that is read out, in bytes on each side of the place.
const REACH: usize = 200;

impl Line {
    fn new(file: &SourceFile, span: Span) -> Self {
        let at = span.start as usize;
        let number = file.position(at).line;
        let line = file.line(number);
        let start = file.line_start(number);
        let inside = at.saturating_sub(start);
        let mut from = inside.saturating_sub(REACH).min(line.len());
        let mut to = (inside + span.len() + REACH).min(line.len());
        while !line.is_char_boundary(from) {
            from -= 1;
        }
        while !line.is_char_boundary(to) {
            to += 1;
        }
        let text = same_length(line.get(from..to).unwrap_or(""));
        Self { path: printable(&file.path), text, start: start + from, at: file.position(start + from), span }
    }

    /// The place, as far as it lies in the window.
    fn marked(&self) -> SourceSpan {
        let end = self.start + self.text.len();
        let from = (self.span.start as usize).clamp(self.start, end);
        let to = (self.span.end as usize).clamp(from, end);
        (from, to - from).into()
    }
}

impl SourceCode for Line {
    fn read_span<'a>(&'a self, _: &SourceSpan, _: usize, _: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let span = (self.start, self.text.len()).into();
        let Position { line, column } = self.at;
        Ok(Box::new(MietteSpanContents::new_named(self.path.clone(), self.text.as_bytes(), span, line - 1, column - 1, 1)))
    }
}

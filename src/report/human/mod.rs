//! `--format human`: for a person at a terminal.
//!
//! The renderer is our own. `miette`'s frames take three times the lines and copy the whole file for each finding, and
//! `annotate-snippets` maps all lines of a source before it draws one; here a finding costs what is shown of it. `miette` stays the
//! protocol of errors and of the narrated report (`super::narrated`).

mod coverage;
mod snippet;
mod style;
mod summary;

pub use style::Style;

use super::{Run, printable};
use crate::catalogue::Confidence;
use crate::place::Span;
use crate::rules::{Edit, Finding, Related};
use crate::source::SourceFile;
use crate::token::{Claim, Token};
use snippet::excerpt;
use std::fmt::Write as _;
use style::{Tone, wrap};
use unicode_width::UnicodeWidthStr as _;

/// Most further places of a finding that are shown unless everything is asked for.
const MAX_PLACES: usize = 3;

/// Renders the findings, then the coverage and the summary.
#[must_use]
pub fn render(run: &Run, style: Style) -> String {
    let mut out = String::new();
    for finding in run.findings.iter().filter(|f| f.severity >= style.shown) {
        Block { run, finding, style, gutter: gutter(run, finding) }.render(&mut out);
        out.push('\n');
    }
    coverage::render(&mut out, run, style);
    summary::render(&mut out, run, style);
    style.finish(out)
}

/// Appends the coverage and the summary alone.
pub(super) fn summarise(out: &mut String, run: &Run) {
    let style = Style { verbose: true, ..Style::default() };
    coverage::render(out, run, style);
    summary::render(out, run, style);
}

/// The width of the line numbers.
fn gutter(run: &Run, finding: &Finding) -> usize {
    let place = run.sources.locate(finding.span);
    place.map_or(1, |(_, at)| at.line.to_string().len()).max(2)
}

/// One finding on its way to the terminal.
struct Block<'a> {
    run: &'a Run,
    finding: &'a Finding,
    style: Style,
    gutter: usize,
}

impl Block<'_> {
    fn render(&self, out: &mut String) {
        self.headline(out);
        if let Some(file) = self.run.sources.get(self.finding.span.file) {
            self.place(out, &file);
            self.snippet(out, &file);
        }
        self.places(out);
        if let Some(witness) = &self.finding.witness {
            self.witness(out, witness);
        }
        if let Some(help) = &self.finding.help {
            self.note(out, "help", &printable(help));
        }
        if let Some(edit) = &self.finding.edit {
            self.edit(out, edit);
        }
    }

    /// `critical[tenant-prefix]: what is wrong`.
    fn headline(&self, out: &mut String) {
        let Finding { rule, severity, confidence, .. } = self.finding;
        let likely = if *confidence == Confidence::Likely { " (likely)" } else { "" };
        let plain = format!("{severity}[{rule}]{likely}: ");
        let id = rule.help_uri().map_or_else(|| rule.to_string(), |uri| self.style.link(&uri, rule.as_str()));
        let _ = write!(out, "{}{likely}: ", self.style.paint(Tone::Severity(*severity), &format!("{severity}[{id}]")));
        let mut text = String::new();
        wrap(&mut text, &printable(&self.finding.message), plain.width(), 2, self.style.prose());
        let lines: Vec<String> = text.lines().map(|line| self.style.paint(Tone::Strong, line)).collect();
        out.push_str(&lines.join("\n"));
        out.push('\n');
    }

    /// `--> main.tf:11:80 in aws_iam_role.deploy (line 1)`; on two lines where one is too short.
    fn place(&self, out: &mut String, file: &SourceFile) {
        let at = file.position(self.finding.span.start as usize);
        let arrow = self.style.arrow();
        let place = format!("{}:{}:{}", printable(&file.path), at.line, at.column);
        let _ = write!(out, "{:1$}{2} {place}", "", self.gutter, self.style.paint(Tone::Faint, arrow));
        if let Some(identity) = self.finding.identity.as_deref().filter(|name| *name != file.path) {
            let identity = printable(identity);
            let declared = self.declared(file, at.line);
            let used = self.gutter + arrow.width() + 1 + place.width();
            if used + " in ".len() + identity.width() + declared.width() > self.style.columns() {
                let _ = write!(out, "\n{:1$} {2}", "", self.gutter, self.style.paint(Tone::Faint, self.style.bar()));
            }
            let _ = write!(out, " in {}{declared}", self.style.paint(Tone::Strong, &identity));
        }
        out.push('\n');
    }

    /// Where the identity is declared, unless that is the place itself.
    fn declared(&self, file: &SourceFile, line: usize) -> String {
        match self.finding.declared.and_then(|span| self.run.sources.locate(span)) {
            Some((path, there)) if path != file.path => format!(" ({}:{})", printable(&path), there.line),
            Some((_, there)) if there.line != line => format!(" (line {})", there.line),
            _ => String::new(),
        }
    }

    /// The line with the guilty literal, marked.
    fn snippet(&self, out: &mut String, file: &SourceFile) {
        let room = self.style.columns().saturating_sub(self.gutter + 3);
        let shown = excerpt(file, self.finding.span, room, self.style);
        if shown.text.is_empty() {
            return;
        }
        let bar = self.style.paint(Tone::Faint, self.style.bar());
        let number = self.style.paint(Tone::Faint, &format!("{:>1$}", shown.line, self.gutter));
        let _ = writeln!(out, "{number} {bar} {}", shown.text);
        let tone = Tone::Severity(self.finding.severity);
        let _ = write!(out, "{:1$} {bar} {2:3$}", "", self.gutter, "", shown.before);
        out.push_str(&self.style.paint(tone, &self.style.mark().repeat(shown.marked)));
        if let Some(label) = &self.finding.label {
            let (label, column) = (printable(label), self.gutter + 3 + shown.before + shown.marked + 1);
            if column + label.width() > self.style.columns() {
                let _ = write!(out, "\n{:1$} {bar} {2:3$}", "", self.gutter, "", self.indent_of(&label, shown.before));
            } else {
                out.push(' ');
            }
            out.push_str(&self.style.paint(tone, &label));
        }
        out.push('\n');
    }

    /// Where a label starts that has no room after its mark: below the mark, or further left.
    fn indent_of(&self, label: &str, before: usize) -> usize {
        before.min(self.style.columns().saturating_sub(self.gutter + 3 + label.width()))
    }

    /// The other places, one line each.
    fn places(&self, out: &mut String) {
        let declaration = self.finding.declared;
        let wanted = |r: &&Related| Some(r.span) != declaration && r.span != self.finding.span;
        let places: Vec<&Related> = self.finding.related.iter().filter(wanted).collect();
        let most = if self.style.verbose || places.len() == MAX_PLACES + 1 { places.len() } else { MAX_PLACES };
        for place in places.iter().take(most) {
            let at = place_of(self.run, place.span);
            let used = self.gutter + 3 + at.width() + 1;
            let mut line = format!("{:1$} = {2} ", "", self.gutter, self.style.paint(Tone::Faint, &at));
            wrap(&mut line, &printable(&place.message), used, self.gutter + 5, self.style.prose());
            let _ = writeln!(out, "{line}");
        }
        if places.len() > most {
            let _ = writeln!(out, "{:1$} = and {2} more places", "", self.gutter, places.len() - most);
        }
    }

    /// The token as JSON that can be copied, and shown to `fedlint simulate --token`.
    fn witness(&self, out: &mut String, witness: &Token) {
        let label = "token: ";
        let indent = self.gutter + 1;
        let mut column = indent + label.width() + 1;
        let _ = write!(out, "{:indent$}{}{{", "", self.style.paint(Tone::Strong, label));
        for (at, (name, claim)) in telling_first(witness).into_iter().enumerate() {
            let shown = printable(&format!("{}: {}", json(name), claim_json(claim)));
            // A comma and a brace follow.
            if at > 0 && column + 1 + shown.width() + 1 > self.style.columns() {
                column = indent + label.width() + 1;
                let _ = write!(out, ",\n{:column$}", "");
            } else if at > 0 {
                out.push_str(", ");
                column += 2;
            }
            column += shown.width();
            out.push_str(&shown);
        }
        out.push_str("}\n");
    }

    fn note(&self, out: &mut String, label: &str, text: &str) {
        let indent = self.gutter + 1;
        let start = indent + label.width() + 2;
        let mut block = format!("{:indent$}{} ", "", self.style.paint(Tone::Strong, &format!("{label}:")));
        wrap(&mut block, text, start, start, self.style.prose());
        let _ = writeln!(out, "{block}");
    }

    /// The line before and after the edit.
    fn edit(&self, out: &mut String, edit: &Edit) {
        let Some(file) = self.run.sources.get(edit.span.file) else { return };
        let line = file.position(edit.span.start as usize).line;
        let text = file.line(line);
        let start = (edit.span.start as usize).saturating_sub(file.line_start(line));
        let end = start + edit.span.len();
        let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else { return };
        let new = format!("{before}{}{after}", edit.text);
        let room = self.style.columns().saturating_sub(self.gutter + 3);
        let old = snippet::cut(line, text, start..end, room, self.style).text;
        let new = snippet::cut(line, &new, start..start + edit.text.len(), room, self.style).text;
        for (sign, text, tone) in [("-", old, Tone::Removed), ("+", new, Tone::Added)] {
            let number = self.style.paint(Tone::Faint, &format!("{:>1$}", line, self.gutter));
            let _ = writeln!(out, "{number} {}", self.style.paint(tone, &format!("{sign} {text}")));
        }
    }
}

/// The claims of a token, the subject before all others and what every token has at the end.
fn telling_first(token: &Token) -> Vec<(&String, &Claim)> {
    let rank = |name: &str| match name {
        "sub" => 0,
        "aud" => 2,
        "iss" => 3,
        _ => 1,
    };
    let mut claims: Vec<(&String, &Claim)> = token.claims.iter().collect();
    claims.sort_by_key(|(name, _)| rank(name));
    claims
}

fn claim_json(claim: &Claim) -> String {
    match claim {
        Claim::String(text) => json(text),
        Claim::List(items) => serde_json::Value::from(items.clone()).to_string(),
        Claim::Json(value) => value.to_string(),
        Claim::Open { .. } => "null".to_owned(),
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `path:line:column`.
fn place_of(run: &Run, span: Span) -> String {
    run.sources.locate(span).map(|(path, at)| format!("{}:{}:{}", printable(&path), at.line, at.column)).unwrap_or_default()
}

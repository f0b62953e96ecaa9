//! String templates: quoted strings, heredocs, template files.

use super::ast::{Expr, ExprKind, Template, TemplatePart};
use super::scan::{Parser, Result};
use crate::place::Span;
use std::sync::Arc;

/// How the characters of a template are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Between quotes, with backslash escapes.
    Quoted,
    /// Raw, up to byte `end` of the text; leading space of each line is cut by `indent` bytes.
    Raw { end: usize, indent: usize },
}

/// What ended a run of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    End,
    Else,
    EndIf,
    EndFor,
}

/// The parts of one run while they are collected.
#[derive(Default)]
struct Run {
    parts: Vec<TemplatePart>,
    /// The next literal piece loses its leading space (`~}`).
    trim_next: bool,
}

impl Run {
    fn push(&mut self, text: &str, span: Span, quoted: bool) {
        let mut text = text;
        let mut span = span;
        if self.trim_next {
            let trimmed = text.trim_start();
            if span.len() == text.len() {
                span = span.slice(text.len() - trimmed.len()..text.len());
            }
            // In a heredoc a piece is a line: the marker eats this line's space, not the next line's indent.
            self.trim_next = quoted && trimmed.is_empty();
            text = trimmed;
        }
        if !text.is_empty() {
            self.parts.push(TemplatePart::Literal { text: Arc::from(text), span });
        }
    }

    /// `%{~`: the piece before loses its trailing space.
    fn trim_last(&mut self, quoted: bool) {
        while let Some(TemplatePart::Literal { text, span }) = self.parts.last_mut() {
            let trimmed = text.trim_end();
            if trimmed.is_empty() {
                self.parts.pop();
                if quoted {
                    continue;
                }
            } else if trimmed.len() < text.len() {
                if span.len() == text.len() {
                    *span = span.slice(0..trimmed.len());
                }
                *text = Arc::from(trimmed);
            }
            return;
        }
    }
}

impl Parser<'_> {
    /// A quoted template, at its opening quote.
    pub(super) fn quoted(&mut self) -> Result<Template> {
        self.at += 1;
        let (template, _) = self.with_newlines(false, |p| p.deeper(|p| p.run(Style::Quoted, true)))?;
        Ok(template)
    }

    /// The whole text as a template.
    pub(super) fn template_text(&mut self) -> Result<Template> {
        self.newlines = false;
        let style = Style::Raw { end: self.text.len(), indent: 0 };
        Ok(self.run(style, true)?.0)
    }

    /// `<<EOT` or `<<-EOT`.
    pub(super) fn heredoc(&mut self) -> Result<Expr> {
        let start = self.at;
        self.at += 2;
        let flush = self.eat("-");
        let Some(marker) = self.word() else { return Err(self.problem("expected the heredoc's marker")) };
        self.eat("\r");
        if !self.eat("\n") {
            return Err(self.problem("expected a newline after the heredoc's marker"));
        }
        let body_start = self.at;
        let Some((body_end, marker_end)) = self.find_marker(&marker) else {
            self.at = start;
            let problem = self.problem(format!("the heredoc is not closed by `{marker}`"));
            // so far it was read
            self.at = self.text.len();
            return Err(problem);
        };
        let indent = if flush { common_indent(self.text.get(body_start..body_end).unwrap_or("")) } else { 0 };
        let style = Style::Raw { end: body_end, indent };
        let (template, _) = self.with_newlines(false, |p| p.deeper(|p| p.run(style, true)))?;
        self.at = marker_end;
        Ok(Expr { kind: ExprKind::Template(template), span: self.span(start, marker_end) })
    }

    /// End of the body and end of the marker line's marker: the first line that is the marker alone.
    fn find_marker(&self, marker: &str) -> Option<(usize, usize)> {
        let mut at = self.at;
        loop {
            let rest = self.text.get(at..)?;
            let line = rest.split('\n').next().unwrap_or("");
            if line.trim() == marker {
                let lead = line.len() - line.trim_start().len();
                return Some((at, at + lead + marker.len()));
            }
            at += line.len() + 1;
            if at > self.text.len() {
                return None;
            }
        }
    }

    /// Parts up to the end of the template (`top`) or the directive that ends this run.
    fn run(&mut self, style: Style, top: bool) -> Result<(Template, (Stop, bool))> {
        let quoted = style == Style::Quoted;
        let mut run = Run::default();
        loop {
            self.literal(style, &mut run)?;
            if quoted && self.eat("\"") || matches!(style, Style::Raw { end, .. } if self.at >= end) {
                if top {
                    return Ok((Template { parts: merge(run.parts) }, (Stop::End, false)));
                }
                return Err(self.problem("the template directive is not closed"));
            }
            if self.eat("${") {
                if self.eat("~") {
                    run.trim_last(quoted);
                }
                let expr = self.with_newlines(false, Self::expression)?;
                run.trim_next = self.close_sequence()?;
                run.parts.push(TemplatePart::Interpolation(expr));
            } else if self.eat("%{") {
                if self.eat("~") {
                    run.trim_last(quoted);
                }
                if let Some((stop, trim)) = self.directive(style, &mut run)? {
                    if top {
                        return Err(self.problem("unexpected template directive"));
                    }
                    return Ok((Template { parts: merge(run.parts) }, (stop, trim)));
                }
            } else {
                return Err(self.problem("the string is not closed"));
            }
        }
    }

    /// Eats `}` or `~}`; true for the latter.
    fn close_sequence(&mut self) -> Result<bool> {
        self.lines();
        let trim = self.eat("~");
        self.expect("}", "to close the template sequence")?;
        Ok(trim)
    }

    /// A directive after `%{`. Some for one that ends the run it stands in, with whether it trims what follows.
    fn directive(&mut self, style: Style, run: &mut Run) -> Result<Option<(Stop, bool)>> {
        self.lines();
        let word = self.peek_word();
        let stop = match word {
            "else" => Some(Stop::Else),
            "endif" => Some(Stop::EndIf),
            "endfor" => Some(Stop::EndFor),
            _ => None,
        };
        if let Some(stop) = stop {
            self.at += word.len();
            return Ok(Some((stop, self.close_sequence()?)));
        }
        match word {
            "if" => self.deeper(|p| p.if_directive(style, run))?,
            "for" => self.deeper(|p| p.for_directive(style, run))?,
            _ => return Err(self.problem("unknown template directive")),
        }
        Ok(None)
    }

    fn sub_run(&mut self, style: Style, trim: bool) -> Result<(Template, (Stop, bool))> {
        if !trim {
            return self.run(style, false);
        }
        // A leading trim of the inner run: skip the space that it would cut.
        let rest = self.rest();
        let line = rest.split_inclusive('\n').next().unwrap_or("");
        self.at += line.len() - line.trim_start().len();
        self.run(style, false)
    }

    fn if_directive(&mut self, style: Style, run: &mut Run) -> Result<()> {
        self.at += 2;
        let condition = self.with_newlines(false, Self::expression)?;
        let trim = self.close_sequence()?;
        let (yes, (mut stop, mut trim)) = self.sub_run(style, trim)?;
        let mut no = Template::default();
        if stop == Stop::Else {
            (no, (stop, trim)) = self.sub_run(style, trim)?;
        }
        if stop != Stop::EndIf {
            return Err(self.problem("expected `endif`"));
        }
        run.trim_next = trim;
        run.parts.push(TemplatePart::If { condition, yes, no });
        Ok(())
    }

    fn for_directive(&mut self, style: Style, run: &mut Run) -> Result<()> {
        let (key, value, collection) = self.with_newlines(false, Self::for_intro)?;
        let trim = self.close_sequence()?;
        let (body, (stop, trim)) = self.sub_run(style, trim)?;
        if stop != Stop::EndFor {
            return Err(self.problem("expected `endfor`"));
        }
        run.trim_next = trim;
        run.parts.push(TemplatePart::For { key, value, collection, body });
        Ok(())
    }

    /// Literal characters up to a sequence or the end.
    fn literal(&mut self, style: Style, run: &mut Run) -> Result<()> {
        let quoted = style == Style::Quoted;
        let (end, indent) = if let Style::Raw { end, indent } = style { (end, indent) } else { (self.text.len(), 0) };
        self.cut_indent(end, indent);
        let mut start = self.at;
        while self.at < end {
            let byte = self.byte().unwrap_or(0);
            let escape = matches!(byte, b'$' | b'%') && (self.looking_at("$${") || self.looking_at("%%{"));
            if escape || (quoted && byte == b'\\') {
                self.flush(start, run, quoted);
                let from = self.at;
                let text = if escape {
                    self.at += 3;
                    format!("{}{{", byte as char)
                } else {
                    unescape(self)?.to_string()
                };
                let span = self.span(from, self.at);
                run.push(&text, span, quoted);
                start = self.at;
            } else if self.looking_at("${") || self.looking_at("%{") || (quoted && byte == b'"') {
                break;
            } else if byte == b'\n' {
                if quoted {
                    return Err(self.problem("the string is not closed on its line"));
                }
                self.at += 1;
                self.flush(start, run, quoted);
                self.cut_indent(end, indent);
                start = self.at;
            } else {
                self.bump();
            }
        }
        self.flush(start, run, quoted);
        Ok(())
    }

    fn flush(&self, start: usize, run: &mut Run, quoted: bool) {
        if let Some(text) = self.text.get(start..self.at).filter(|t| !t.is_empty()) {
            run.push(text, self.span(start, self.at), quoted);
        }
    }

    /// At the start of a line: skips its indent.
    fn cut_indent(&mut self, end: usize, indent: usize) {
        let line_start = self.at == 0 || self.text.as_bytes().get(self.at.wrapping_sub(1)) == Some(&b'\n');
        if indent == 0 || !line_start {
            return;
        }
        let space = self.rest().bytes().take(indent).take_while(|b| matches!(b, b' ' | b'\t')).count();
        self.at = (self.at + space).min(end);
    }
}

/// Leading space that every line with content has.
fn common_indent(body: &str) -> usize {
    let lead = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    body.lines().filter(|l| !l.trim().is_empty()).map(lead).min().unwrap_or(0)
}

/// Joins neighbours that also stand together in the file.
fn merge(parts: Vec<TemplatePart>) -> Vec<TemplatePart> {
    let mut out: Vec<TemplatePart> = Vec::with_capacity(parts.len());
    for part in parts {
        if let (Some(TemplatePart::Literal { text: a, span: sa }), TemplatePart::Literal { text: b, span: sb }) = (out.last_mut(), &part)
            && sa.end == sb.start
            && sa.len() == a.len()
            && sb.len() == b.len()
        {
            *a = Arc::from(format!("{a}{b}"));
            sa.end = sb.end;
            continue;
        }
        out.push(part);
    }
    out
}

/// A backslash escape at the cursor.
pub(super) fn unescape(parser: &mut Parser<'_>) -> Result<char> {
    parser.at += 1;
    let c = match parser.byte() {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'u') => return unicode(parser, 4),
        Some(b'U') => return unicode(parser, 8),
        _ => return Err(parser.problem("unknown escape in the string")),
    };
    parser.at += 1;
    Ok(c)
}

fn unicode(parser: &mut Parser<'_>, digits: usize) -> Result<char> {
    let code = parser.text.get(parser.at + 1..parser.at + 1 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(c) = code.and_then(char::from_u32) else { return Err(parser.problem("broken unicode escape in the string")) };
    parser.at += 1 + digits;
    Ok(c)
}

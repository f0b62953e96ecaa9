//! The findings, the worst first: what is wrong, where, the token that proves it, what to do.

use super::super::Run;
use super::super::json::{Place, place};
use super::marks::Marks;
use super::page::Page;
use crate::catalogue::{Confidence, Severity, find};
use crate::rules::{Edit, Finding};
use crate::source::SourceFile;

/// Most characters of a line that stand before a marked part, in it, and after it.
const ROOM: usize = 160;
/// Up to how many findings stand open when the page is opened.
const MAX_OPEN: usize = 4;

pub(super) fn render(page: &mut Page, run: &Run, marks: &Marks) {
    let few = run.findings.len() <= MAX_OPEN;
    for severity in Severity::ALL.into_iter().rev() {
        let of = || run.findings.iter().enumerate().filter(|(_, f)| f.severity == severity);
        if of().next().is_none() {
            continue;
        }
        let name = severity.as_str();
        page.ours("<section class=\"group\" data-group=\"").text(name).ours("\"><h3 class=\"").text(name).ours("\">").text(name);
        page.ours(" <span class=\"count\">").number(of().count()).ours("</span></h3>\n");
        for (at, finding) in of() {
            one(page, run, marks, at, finding, few);
        }
        page.ours("</section>\n");
    }
}

fn one(page: &mut Page, run: &Run, marks: &Marks, at: usize, finding: &Finding, open: bool) {
    let Place { path, line, column, .. } = place(&run.sources, finding.span);
    let severity = finding.severity.as_str();
    page.ours("<details class=\"finding ").text(severity).ours("\" id=\"f").number(at).ours("\" data-s=\"").text(severity);
    page.ours("\" data-c=\"").text(&systems(marks, at, finding)).ours(if open { "\" open>" } else { "\">" });
    page.ours("<summary><span class=\"head\"><span class=\"badge ")
        .text(severity)
        .ours("\">")
        .text(severity)
        .ours("</span> <code class=\"rule\">");
    page.text(finding.rule.as_str()).ours("</code>");
    if finding.confidence == Confidence::Likely {
        page.ours(" <span class=\"likely\">likely</span>");
    }
    page.ours(" <span class=\"at\">").path(&path).ours(":").number(line).ours(":").number(column).ours("</span></span>");
    page.ours("<span class=\"what\">").message(&finding.message).ours("</span></summary>\n<div class=\"body\">");
    identity(page, run, marks, at, finding, &path);
    if let Some(file) = run.sources.get(finding.span.file) {
        snippet(page, finding, &file);
    }
    proof(page, finding);
    remedy(page, run, finding);
    places(page, run, finding);
    page.ours("<p class=\"more\">");
    // A rule of the team's own has no page of ours.
    if let Some(uri) = finding.rule.help_uri() {
        page.ours("<a href=\"").text(&uri).ours("\" rel=\"noreferrer noopener\">About <code>").text(finding.rule.as_str());
        page.ours("</code></a> ");
    }
    page.ours("<span>fingerprint <code>").text(&finding.fingerprint).ours("</code></span></p>");
    page.ours("</div></details>\n");
}

/// Of whose cloud it is: that of the identity, else what the rule is for.
fn systems(marks: &Marks, at: usize, finding: &Finding) -> String {
    match marks.system(at) {
        Some(system) => system.to_owned(),
        None => find(finding.rule.as_str()).map(|rule| rule.meta.systems.join(" ")).unwrap_or_default(),
    }
}

fn identity(page: &mut Page, run: &Run, marks: &Marks, at: usize, finding: &Finding, path: &str) {
    let Some(name) = finding.identity.as_deref().filter(|name| *name != path) else { return };
    page.ours("<p class=\"where\">in <b>").text(name).ours("</b>");
    if let Some((path, declared)) = finding.declared.and_then(|span| run.sources.locate(span)) {
        page.ours(", declared at <span class=\"at\">").path(&path).ours(":").number(declared.line).ours("</span>");
    }
    if let Some(node) = marks.node(at) {
        page.ours(" <button type=\"button\" class=\"link scripted\" data-node=\"").number(node).ours("\">Show in the graph</button>");
    }
    page.ours("</p>");
}

/// The line with the guilty literal marked, and those beside it.
fn snippet(page: &mut Page, finding: &Finding, file: &SourceFile) {
    let line = file.position(finding.span.start as usize).line;
    page.ours("<pre class=\"code\">");
    let last = file.line_count();
    for beside in line.saturating_sub(1).max(1)..=line.saturating_add(1).min(last) {
        let text = file.line(beside).trim_end();
        page.ours(if beside == line { "<span class=\"line hit\">" } else { "<span class=\"line\">" });
        page.ours("<span class=\"n\">").number(beside).ours("</span> ");
        if beside == line {
            let start = (finding.span.start as usize).saturating_sub(file.line_start(line));
            marked(page, text, start, finding.span.len());
        } else {
            page.text(&head(text, ROOM));
        }
        page.ours("</span>\n");
    }
    page.ours("</pre>");
    if let Some(label) = &finding.label {
        page.ours("<p class=\"label\">").message(label).ours("</p>");
    }
}

/// A line with a part of it marked; of a long one what is near.
fn marked(page: &mut Page, line: &str, start: usize, len: usize) {
    let (before, rest) = split(line, start);
    let (inside, after) = split(rest, len);
    page.text(&tail(before, ROOM)).ours("<mark>");
    page.text(if inside.is_empty() { " " } else { inside }.chars().take(ROOM).collect::<String>().as_str()).ours("</mark>");
    page.text(&head(after, ROOM));
}

fn split(text: &str, mut at: usize) -> (&str, &str) {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.split_at_checked(at).unwrap_or((text, ""))
}

fn head(text: &str, room: usize) -> String {
    match text.char_indices().nth(room) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn tail(text: &str, room: usize) -> String {
    match text.char_indices().rev().nth(room) {
        Some((at, c)) => format!("…{}", text.get(at + c.len_utf8()..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn proof(page: &mut Page, finding: &Finding) {
    let Some(witness) = &finding.witness else { return };
    let token = serde_json::to_string_pretty(&witness.to_json()).unwrap_or_default();
    page.ours("<h4>This token is admitted <button type=\"button\" class=\"link scripted copy\">Copy</button></h4><pre class=\"token\">");
    for line in token.lines() {
        page.text(line).ours("\n");
    }
    page.ours("</pre>");
}

fn remedy(page: &mut Page, run: &Run, finding: &Finding) {
    if finding.help.is_none() && finding.edit.is_none() {
        return;
    }
    page.ours("<h4>What to do</h4>");
    if let Some(help) = &finding.help {
        page.ours("<p>").message(help).ours("</p>");
    }
    if let Some(edit) = &finding.edit {
        change(page, run, edit);
    }
}

/// The line before and after the edit.
fn change(page: &mut Page, run: &Run, edit: &Edit) {
    let Some(file) = run.sources.get(edit.span.file) else { return };
    let line = file.position(edit.span.start as usize).line;
    let text = file.line(line).trim_end();
    let start = (edit.span.start as usize).saturating_sub(file.line_start(line));
    let (before, rest) = split(text, start);
    let (old, after) = split(rest, edit.span.len());
    let (before, after) = (tail(before, ROOM), head(after, ROOM));
    page.ours("<pre class=\"code change\">");
    for (sign, class, part) in [("-", "out", old), ("+", "in", edit.text.as_str())] {
        page.ours("<span class=\"line ").text(class).ours("\"><span class=\"n\">").text(sign).ours("</span> ").text(&before).ours("<mark>");
        page.text(&head(part, ROOM)).ours("</mark>").text(&after).ours("</span>\n");
    }
    page.ours("</pre>");
}

fn places(page: &mut Page, run: &Run, finding: &Finding) {
    let others = || finding.related.iter().filter(|r| Some(r.span) != finding.declared && r.span != finding.span);
    if others().next().is_none() {
        return;
    }
    page.ours("<h4>Other places of it</h4><ul class=\"places\">");
    for related in others() {
        let at = place(&run.sources, related.span);
        page.ours("<li><span class=\"at\">")
            .text(&at.path)
            .ours(":")
            .number(at.line)
            .ours("</span> ")
            .message(&related.message)
            .ours("</li>");
    }
    page.ours("</ul>");
}

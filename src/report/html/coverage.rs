//! What was read and what was not, what is not decided, what was accepted, and under which configuration.

use super::super::json::{Place, place, suppressed_by};
use super::super::{Cause, Run, Undecided, configurations, count};
use super::page::Page;
use std::collections::BTreeMap;

pub(super) fn render(page: &mut Page, run: &Run) {
    let coverage = &run.coverage;
    page.ours("<dl class=\"facts\">");
    fact(page, "Trusts judged", &coverage.trusts.to_string());
    fact(page, "Files read", &coverage.files_read.to_string());
    fact(page, "Excluded", &count(coverage.files_excluded, "path"));
    fact(page, "Left out by .gitignore", &count(coverage.files_ignored, "path"));
    let named = configurations(run, &|path| format!("`{path}`"), &|rule| format!("`{rule}`"));
    fact(page, "Configuration", named.as_deref().unwrap_or("none: the defaults"));
    if run.setup.unreported > 0 {
        let why = "of rules that are off or not selected, or below what is reported";
        fact(page, "Unreported", &format!("{} {why}", count(run.setup.unreported, "finding")));
    }
    if run.setup.gate {
        fact(page, "Gate", "no configuration, ignore comment or .gitignore of the checked tree was obeyed");
    }
    for note in &run.setup.notes {
        fact(page, "Note", note);
    }
    page.ours("</dl>\n");
    undecided(page, run);
    unread(page, run);
    suppressed(page, run);
}

fn fact(page: &mut Page, name: &'static str, text: &str) {
    page.ours("<div><dt>").ours(name).ours("</dt><dd>").message(text).ours("</dd></div>");
}

fn undecided(page: &mut Page, run: &Run) {
    let mut causes: BTreeMap<Cause, Vec<&Undecided>> = BTreeMap::new();
    for one in &run.coverage.undecided {
        causes.entry(one.cause).or_default().push(one);
    }
    if causes.is_empty() {
        page.ours("<p class=\"good\">Every trust that was read was decided.</p>\n");
    }
    for (cause, all) in causes {
        begin(page, "Undecided: ", cause.describe(), all.len());
        for one in all {
            item(page, &one.path, one.line, &one.why);
        }
        page.ours("</ul></details>\n");
    }
}

fn unread(page: &mut Page, run: &Run) {
    if run.coverage.files_skipped.is_empty() {
        return;
    }
    begin(page, "Not read", "", run.coverage.files_skipped.len());
    for skipped in &run.coverage.files_skipped {
        item(page, &skipped.path, 0, &skipped.reason);
    }
    page.ours("</ul></details>\n");
}

fn suppressed(page: &mut Page, run: &Run) {
    if run.suppressed.is_empty() {
        return;
    }
    begin(page, "Suppressed", "", run.suppressed.len());
    for one in &run.suppressed {
        let Place { path, line, .. } = place(&run.sources, one.finding.span);
        page.ours("<li><span class=\"at\">").path(&path).ours(":").number(line).ours("</span> <span class=\"badge ");
        page.text(one.finding.severity.as_str()).ours("\">").text(one.finding.severity.as_str()).ours("</span> <code>");
        page.text(one.finding.rule.as_str()).ours("</code> ").message(&one.finding.message);
        page.ours(" <span class=\"soft\">by the ").text(suppressed_by(one.by));
        if let Some(until) = &one.until {
            page.ours(", until ").text(until);
        }
        if !one.reason.is_empty() {
            page.ours(": ").text(&one.reason);
        }
        page.ours("</span></li>\n");
    }
    page.ours("</ul></details>\n");
}

fn begin(page: &mut Page, title: &'static str, what: &'static str, n: usize) {
    page.ours("<details class=\"cover\"><summary>").ours(title).ours(what).ours(" <span class=\"count\">").number(n);
    page.ours("</span></summary><ul class=\"places\">\n");
}

fn item(page: &mut Page, path: &str, line: usize, why: &str) {
    page.ours("<li>");
    if !path.is_empty() {
        page.ours("<span class=\"at\">").path(path);
        if line > 0 {
            page.ours(":").number(line);
        }
        page.ours("</span> ");
    }
    page.message(why).ours("</li>\n");
}

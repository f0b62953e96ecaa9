//! `--format html`: one page for people, without anything from elsewhere: findings, the picture of who trusts whom, the inventory, the
//! coverage.
//!
//! The checked tree is hostile and the reader's browser obeys what a page says. So markup is only what the program itself holds
//! ([`page::Page::ours`]), every other text is escaped, data for the script is JSON without `<`, the script makes elements and never
//! markup, and the page's policy (<https://www.w3.org/TR/CSP3/>) lets no script run and no style hold but ours, by their hashes.

mod coverage;
mod findings;
mod graph;
mod inventory;
mod layout;
mod marks;
mod page;

use super::overview::Overview;
use super::{Run, Summary, count};
use crate::catalogue::Severity;
use crate::inventory::Admits;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marks::Marks;
use page::Page;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Renders the page.
#[must_use]
pub fn render(run: &Run) -> String {
    let empty = Overview::default();
    let overview = run.overview.as_ref().unwrap_or(&empty);
    let marks = Marks::of(run, overview);
    let mut page = Page::default();
    head(&mut page);
    top(&mut page, run, overview);
    page.ours(
        "<main>\n<section id=\"graph\" aria-labelledby=\"graph-title\"><div class=\"title\"><h2 id=\"graph-title\">Who trusts whom</h2>\
         <p class=\"status\" id=\"graph-status\" role=\"status\"></p></div>\n",
    );
    page.ours(PICTURE);
    page.ours("</section>\n<section id=\"findings\" aria-labelledby=\"findings-title\"><div class=\"title\"><h2 id=\"findings-title\">Findings</h2>");
    page.ours("<p class=\"status\" id=\"findings-status\" role=\"status\"></p></div>\n");
    if run.findings.is_empty() {
        page.ours("<p class=\"good\">No findings in ").text(&count(run.coverage.trusts, "trust")).ours(".</p>\n");
    }
    findings::render(&mut page, run, &marks);
    page.ours("<button type=\"button\" class=\"further scripted\" id=\"findings-further\" hidden>Show more findings</button></section>\n");
    page.ours(
        "<section id=\"inventory\" aria-labelledby=\"inventory-title\"><div class=\"title\"><h2 id=\"inventory-title\">Inventory</h2>",
    );
    page.ours("<p class=\"status\" id=\"inventory-status\" role=\"status\"></p></div>\n");
    inventory::render(&mut page, run, overview, &marks);
    page.ours(
        "<button type=\"button\" class=\"further scripted\" id=\"inventory-further\" hidden>Show more identities</button></section>\n",
    );
    page.ours(
        "<section id=\"coverage\" aria-labelledby=\"coverage-title\"><div class=\"title\"><h2 id=\"coverage-title\">Coverage</h2></div>\n",
    );
    coverage::render(&mut page, run);
    page.ours("</section>\n</main>\n<footer>fedlint ").text(env!("CARGO_PKG_VERSION"));
    page.ours(", a static reading of files: no cloud was asked.</footer>\n");
    graph::render(&mut page, run, overview, &marks);
    page.ours("<script>").ours(SCRIPT).ours("</script>\n</body></html>\n");
    page.finish()
}

fn head(page: &mut Page) {
    page.ours("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.ours("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.text(&hash(STYLE)).ours("'; script-src 'sha256-").text(&hash(SCRIPT));
    page.ours("'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'\">");
    page.ours(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">",
    );
    page.ours("<meta name=\"referrer\" content=\"no-referrer\"><title>fedlint report</title>\n<style>")
        .ours(STYLE)
        .ours("</style></head>\n<body>");
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// The headline, and what all parts of the page are filtered by.
fn top(page: &mut Page, run: &Run, overview: &Overview) {
    page.ours("<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n<header><div class=\"brand\"><h1>fedlint <span>trust report</span></h1>");
    page.ours("<button type=\"button\" id=\"theme\" class=\"scripted\">Dark</button></div>\n<p class=\"lead\"><b>");
    let findings = if run.findings.is_empty() { "No findings".to_owned() } else { count(run.findings.len(), "finding") };
    page.text(&findings).ours("</b> in ").text(&count(run.coverage.trusts, "trust")).ours(" of ");
    page.text(&count(run.coverage.files_read, "file")).ours("</p>\n");
    page.ours("<nav aria-label=\"Parts\"><a href=\"#graph\">Graph</a><a href=\"#findings\">Findings</a>");
    page.ours("<a href=\"#inventory\">Inventory</a><a href=\"#coverage\">Coverage</a></nav></header>\n");
    page.ours(
        "<noscript><p class=\"notice\">Without its script this page has no graph, search or filter; all else is here.</p></noscript>\n",
    );
    page.ours("<form class=\"filters scripted\" id=\"filters\" role=\"search\"><label class=\"search\"><span>Search</span>");
    page.ours(
        "<input type=\"search\" id=\"search\" placeholder=\"name, file, claim…\" autocomplete=\"off\" spellcheck=\"false\"></label>\n",
    );
    let summary = Summary::of(&run.findings);
    page.ours("<fieldset><legend>Findings</legend>");
    for severity in Severity::ALL.into_iter().rev() {
        let n = match severity {
            Severity::Critical => summary.critical,
            Severity::High => summary.high,
            Severity::Medium => summary.medium,
            Severity::Low => summary.low,
            Severity::Info => summary.info,
        };
        chip(page, "severity", severity.as_str(), severity.as_str(), "", n);
    }
    page.ours("</fieldset>\n<fieldset><legend>Trusts</legend>");
    for admits in [Admits::AnyTenant, Admits::WithinTenant, Admits::Named, Admits::Nobody, Admits::Undecided] {
        let n = overview.entries.iter().filter(|entry| entry.admits == admits).count();
        chip(page, "admits", inventory::word(admits), inventory::phrase(admits), inventory::mark(admits), n);
    }
    page.ours("</fieldset>\n<fieldset id=\"systems\"><legend>Systems</legend></fieldset></form>\n");
}

/// A filter that is on or off.
fn chip(page: &mut Page, of: &'static str, value: &'static str, name: &'static str, mark: &'static str, n: usize) {
    page.ours("<button type=\"button\" class=\"chip ").ours(value).ours("\" aria-pressed=\"false\" data-of=\"").ours(of);
    page.ours("\" data-value=\"").ours(value).ours(if n == 0 { "\" disabled>" } else { "\">" });
    if !mark.is_empty() {
        page.ours("<span aria-hidden=\"true\">").ours(mark).ours("</span> ");
    }
    page.ours(name).ours(" <b>").number(n).ours("</b></button>");
}

const PICTURE: &str = "<div class=\"tools scripted\"><label><input type=\"checkbox\" id=\"permissions\"> permissions</label>\
<label><input type=\"checkbox\" id=\"workloads\" checked> workloads</label>\
<button type=\"button\" id=\"whole\" hidden>Back to all</button>\
<span class=\"hint\">Arrow keys walk, Enter shows, Escape leaves</span></div>\n\
<div class=\"picture scripted\" id=\"picture\"></div>\n\
<div class=\"under scripted\"><ul class=\"legend\">\
<li class=\"any-tenant\"><i></i>▲ open to other tenants</li><li class=\"within-tenant\"><i></i>△ wider than named</li>\
<li class=\"named\"><i></i>● as named</li><li class=\"nobody\"><i></i>✕ nobody</li><li class=\"undecided\"><i></i>? undecided</li>\
<li class=\"uses\"><i></i>a workload asks</li></ul>\
<button type=\"button\" class=\"further\" id=\"graph-further\" hidden>Show more</button></div>\n\
<aside id=\"details\" class=\"scripted\" aria-live=\"polite\" aria-label=\"Details\" hidden></aside>\n";

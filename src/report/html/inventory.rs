//! Every identity with who is admitted: a table to sort and to search.

use super::super::Run;
use super::super::overview::{Overview, Path};
use super::marks::{Marks, system};
use super::page::Page;
use crate::inventory::{Admits, Entry};

/// Most permissions of one row.
const MAX_PERMISSIONS: usize = 6;
/// Most conditions of one row.
const MAX_CONDITIONS: usize = 12;

pub(super) fn render(page: &mut Page, run: &Run, overview: &Overview, marks: &Marks) {
    let permissions = overview.entries.iter().any(|entry| !entry.permissions.is_empty());
    page.ours(if permissions {
        "<table id=\"inventory-table\"><thead><tr>"
    } else {
        "<table id=\"inventory-table\" class=\"bare\"><thead><tr>"
    });
    for (name, column) in
        [("Identity", "0"), ("Who can obtain it", "1"), ("Issuer", "2"), ("Conditions", "3"), ("Permissions", "4"), ("Place", "5")]
    {
        page.ours("<th scope=\"col\"><button type=\"button\" class=\"sort\" data-column=\"").text(column).ours("\">");
        page.text(name).ours("</button></th>");
    }
    page.ours("</tr></thead>\n<tbody>\n");
    for (entry, path) in overview.entries.iter().zip(&overview.paths) {
        row(page, run, marks, entry, path);
    }
    page.ours("</tbody></table>\n");
}

fn row(page: &mut Page, run: &Run, marks: &Marks, entry: &Entry, path: &Path) {
    let issuer = entry.issuer.strip_prefix("https://").unwrap_or(&entry.issuer);
    let node = path.nodes.last().copied().unwrap_or_default();
    let worst = marks.worst(run, node);
    page.ours("<tr data-c=\"").text(system(entry.cloud)).ours("\" data-a=\"").text(word(entry.admits)).ours("\" data-s=\"");
    page.text(worst.map_or("", crate::catalogue::Severity::as_str)).ours("\"><th scope=\"row\" data-label=\"Identity\">");
    page.ours("<button type=\"button\" class=\"link name\" data-node=\"").number(node).ours("\">").name(&entry.identity).ours("</button>");
    if let Some(worst) = worst {
        page.ours(" <span class=\"badge ").text(worst.as_str()).ours("\">").text(worst.as_str()).ours("</span>");
    }
    page.ours("</th><td data-label=\"Admits\"><span class=\"admits ").text(word(entry.admits)).ours("\">");
    page.text(mark(entry.admits)).ours("</span> ").message(&entry.who);
    page.ours("</td><td data-label=\"Issuer\">").path(issuer).ours("</td><td data-label=\"Conditions\">");
    list(page, &entry.conditions, MAX_CONDITIONS);
    page.ours("</td><td data-label=\"Permissions\">");
    list(page, &entry.permissions, MAX_PERMISSIONS);
    page.ours("</td><td data-label=\"Place\"><span class=\"at\">").path(&entry.path).ours(":").number(entry.line);
    page.ours("</span></td></tr>\n");
}

fn list(page: &mut Page, items: &[String], most: usize) {
    if items.is_empty() {
        page.ours("<span class=\"none\">–</span>");
        return;
    }
    page.ours("<ul>");
    for item in items.iter().take(most) {
        page.ours("<li><code>").path(item).ours("</code></li>");
    }
    if items.len() > most {
        page.ours("<li>and ").number(items.len() - most).ours(" more</li>");
    }
    page.ours("</ul>");
}

/// As the data of the script has it.
pub(super) fn word(admits: Admits) -> &'static str {
    match admits {
        Admits::AnyTenant => "any-tenant",
        Admits::WithinTenant => "within-tenant",
        Admits::Named => "named",
        Admits::Nobody => "nobody",
        Admits::Undecided => "undecided",
    }
}

/// For people.
pub(super) fn phrase(admits: Admits) -> &'static str {
    match admits {
        Admits::AnyTenant => "open to other tenants",
        Admits::WithinTenant => "wider than named",
        Admits::Named => "as named",
        Admits::Nobody => "nobody (dead)",
        Admits::Undecided => "undecided",
    }
}

/// A sign beside the colour.
pub(super) fn mark(admits: Admits) -> &'static str {
    match admits {
        Admits::AnyTenant => "▲",
        Admits::WithinTenant => "△",
        Admits::Named => "●",
        Admits::Nobody => "✕",
        Admits::Undecided => "?",
    }
}

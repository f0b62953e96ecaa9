//! `fedlint diff --format markdown`: a comment on a pull request.

use super::human::who;
use super::{Report, named};
use crate::difference::{Admitted, Change, Status, Sureness};
use crate::report::count;
use crate::report::markdown::{MAX_TEXT, code, escaped, fenced, html};
use std::fmt::Write as _;

/// The first line: the comment is found by it and written anew.
const MARK: &str = "<!-- fedlint diff -->";

pub(super) fn render(report: &Report<'_>) -> String {
    let difference = report.difference;
    let mut out = format!("{MARK}\n### {}\n\n", headline(report));
    let mut blocks: Vec<String> = difference.identities.iter().filter(|c| !c.newly.is_empty()).map(|c| identity(c, true)).collect();
    blocks.extend(difference.identities.iter().filter(|c| c.newly.is_empty()).map(|c| identity(c, false)));
    let mut lines = Vec::new();
    lines.extend(difference.new_providers.iter().map(|name| format!("- new provider {}", code(name))));
    lines.extend(difference.removed_providers.iter().map(|name| format!("- removed provider {}", code(name))));
    for change in &difference.changed_providers {
        lines.extend(change.new_audiences.iter().map(|a| format!("- {} takes tokens for {}", code(&change.provider), code(a))));
        lines.extend(change.removed_audiences.iter().map(|a| format!("- {} takes no tokens for {}", code(&change.provider), code(a))));
    }
    let registered = |words: &str, one: &crate::difference::Registered| {
        format!("- {} {words} by {}: {}", code(&format!("{}:{}", one.path, one.line)), one.kind.words(), escaped(&one.who))
    };
    let mut others: Vec<String> = difference.newly_registered.iter().map(|one| registered("🔴 newly", one)).collect();
    others.extend(difference.no_longer_registered.iter().map(|one| registered("no longer", one)));
    blocks.extend(folded("workloads that obtain an identity without a trust", &others));
    lines.extend(difference.new_issuers.iter().map(|url| format!("- tokens of {} are taken", code(url))));
    lines.extend(difference.removed_issuers.iter().map(|url| format!("- tokens of {} are taken no longer", code(url))));
    blocks.extend(folded("providers and issuers", &lines));
    let finding = |f: &crate::difference::Problem| {
        format!("- {} **{}** {}: {}", code(&format!("{}:{}", f.path, f.line)), f.severity, code(&f.rule), escaped(&f.message))
    };
    blocks.extend(folded(
        &count(difference.new_findings.len(), "new finding"),
        &difference.new_findings.iter().map(finding).collect::<Vec<_>>(),
    ));
    let resolved: Vec<String> = difference.resolved_findings.iter().map(finding).collect();
    blocks.extend(folded(&count(resolved.len(), "resolved finding"), &resolved));
    let mut open: Vec<String> = Vec::new();
    for u in &difference.undecided {
        open.push(format!("- {} {}: {}", code(&format!("{}:{}", u.path, u.line)), code(&u.identity), escaped(&u.why)));
    }
    open.extend(difference.unread.iter().map(|u| format!("- {} was not read: {}", code(&u.path), escaped(&u.reason))));
    blocks.extend(folded("not decided, or not read", &open));
    for (at, block) in blocks.iter().enumerate() {
        if out.len() + block.len() > MAX_TEXT {
            let _ = writeln!(out, "\nand {} more, which `fedlint diff` lists\n", count(blocks.len() - at, "part"));
            break;
        }
        out.push_str(block);
    }
    let mut told = vec![format!("from {} to {}", escaped(&named(&report.base)), escaped(&named(&report.head)))];
    if difference.undecided_as_before > 0 {
        told.push(format!("{} undecided before and after, and written as before", count(difference.undecided_as_before, "way")));
    }
    let assumed = difference.assumed.iter().take(3).map(|text| escaped(text));
    told.extend(assumed);
    let _ = writeln!(out, "<sub>{}</sub>", told.join(" · "));
    out
}

fn headline(report: &Report<'_>) -> String {
    let sums = &report.summary;
    if report.difference.is_empty() {
        return "fedlint: nothing changes in who is admitted".to_owned();
    }
    let mut parts = Vec::new();
    let said = [
        (sums.newly + sums.newly_registered, format!("{} newly let in", sums.newly + sums.newly_registered)),
        (sums.no_longer, format!("{} no longer let in", sums.no_longer)),
        (sums.new_permissions, count(sums.new_permissions, "new permission")),
        (sums.new_findings, count(sums.new_findings, "new finding")),
        (sums.resolved_findings, format!("{} resolved", sums.resolved_findings)),
        (sums.undecided, format!("{} undecided", sums.undecided)),
    ];
    for (n, words) in said {
        if n > 0 {
            parts.push(words);
        }
    }
    format!("fedlint: {}", if parts.is_empty() { "trust changes".to_owned() } else { parts.join(", ") })
}

fn identity(change: &Change, open: bool) -> String {
    let status = match change.status {
        Status::Changed => "",
        Status::New => "new ",
        Status::Removed => "removed ",
    };
    let (open, mark) = if open { (" open", "🔴 ") } else { ("", "") };
    let name = html(&format!("`{}`", change.identity.replace('`', "'")));
    let mut out =
        format!("<details{open}><summary>{mark}{status}{name}</summary>\n\n{}\n\n", code(&format!("{}:{}", change.path, change.line)));
    for (words, list) in [("newly gets in", &change.newly), ("no longer gets in", &change.no_longer)] {
        for admitted in list {
            out.push_str(&block(words, admitted));
        }
    }
    for (words, list) in [("may now", &change.new_permissions), ("may no longer", &change.removed_permissions)] {
        if !list.is_empty() {
            let shown: Vec<String> = list.iter().take(20).map(|p| code(p)).collect();
            let more = if list.len() > 20 { format!(" and {} more", list.len() - 20) } else { String::new() };
            let _ = writeln!(out, "{words}: {}{more}\n", shown.join(", "));
        }
    }
    out.push_str("</details>\n\n");
    out
}

fn block(words: &str, admitted: &Admitted) -> String {
    let likely = if admitted.confidence == Sureness::Likely { " (likely)" } else { "" };
    match &admitted.token {
        Some(token) => format!("{words}{likely}:\n\n{}\n", fenced("json", &serde_json::to_string_pretty(token).unwrap_or_default())),
        None => format!("{words}{likely}: {}\n\n", escaped(&who(admitted))),
    }
}

fn folded(title: &str, lines: &[String]) -> Option<String> {
    const MOST: usize = 30;
    if lines.is_empty() {
        return None;
    }
    let mut out = format!("<details><summary>{title}</summary>\n\n");
    for line in lines.iter().take(MOST) {
        let _ = writeln!(out, "{line}");
    }
    if lines.len() > MOST {
        let _ = writeln!(out, "- and {} more", lines.len() - MOST);
    }
    out.push_str("\n</details>\n\n");
    Some(out)
}

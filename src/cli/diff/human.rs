//! `fedlint diff` for people.

use super::{Report, named};
use crate::difference::{Admitted, Change, Status, Sureness};
use crate::report::{count, printable};
use std::fmt::Write as _;

/// Most permissions of one identity that are listed.
const MAX_PERMISSIONS: usize = 8;

pub(super) fn render(report: &Report<'_>) -> String {
    let difference = report.difference;
    let mut out = String::new();
    let _ = writeln!(out, "who is admitted, from {} to {}\n", printable(&named(&report.base)), printable(&named(&report.head)));
    for change in &difference.identities {
        identity(&mut out, change);
    }
    let mut lines = Vec::new();
    lines.extend(difference.new_providers.iter().map(|name| format!("+ provider {name}")));
    lines.extend(difference.removed_providers.iter().map(|name| format!("- provider {name}")));
    for change in &difference.changed_providers {
        lines.extend(change.new_audiences.iter().map(|a| format!("+ {} takes tokens for `{a}`", change.provider)));
        lines.extend(change.removed_audiences.iter().map(|a| format!("- {} takes no tokens for `{a}`", change.provider)));
    }
    for (mark, list) in [("+", &difference.newly_registered), ("-", &difference.no_longer_registered)] {
        lines.extend(list.iter().map(|one| format!("{mark} {}:{}: {}: {}", one.path, one.line, one.kind.words(), one.who)));
    }
    lines.extend(difference.new_issuers.iter().map(|url| format!("+ tokens of {url}")));
    lines.extend(difference.removed_issuers.iter().map(|url| format!("- tokens of {url}")));
    for (mark, findings) in [("+", &difference.new_findings), ("-", &difference.resolved_findings)] {
        let line = |f: &crate::difference::Problem| format!("{mark} {}:{}: {}[{}]: {}", f.path, f.line, f.severity, f.rule, f.message);
        lines.extend(findings.iter().map(line));
    }
    for open in &difference.undecided {
        let issuer = if open.issuer.is_empty() { String::new() } else { format!(" by tokens of {}", open.issuer) };
        lines.push(format!(
            "? {}:{}: whether more or less gets in at {}{issuer} is undecided: {}",
            open.path, open.line, open.identity, open.why
        ));
    }
    lines.extend(difference.unread.iter().map(|u| format!("? {}: not read: {}", u.path, u.reason)));
    for line in &lines {
        let _ = writeln!(out, "{}", printable(line));
    }
    if !lines.is_empty() {
        out.push('\n');
    }
    for assumed in &difference.assumed {
        let _ = writeln!(out, "{}", printable(assumed));
    }
    summary(&mut out, report);
    out
}

fn identity(out: &mut String, change: &Change) {
    let status = match change.status {
        Status::Changed => "",
        Status::New => "new: ",
        Status::Removed => "removed: ",
    };
    let _ = writeln!(out, "{status}{}  {}:{}", printable(&change.identity), printable(&change.path), change.line);
    for (mark, words, list) in [('+', "newly gets in", &change.newly), ('-', "no longer   ", &change.no_longer)] {
        for admitted in list {
            let likely = if admitted.confidence == Sureness::Likely { "  (likely)" } else { "" };
            let _ = writeln!(out, "  {mark} {words}  {}{likely}", printable(&who(admitted)));
        }
    }
    for (mark, words, list) in [('+', "may", &change.new_permissions), ('-', "may not", &change.removed_permissions)] {
        for permission in list.iter().take(MAX_PERMISSIONS) {
            let _ = writeln!(out, "  {mark} {words}  {}", printable(permission));
        }
        if list.len() > MAX_PERMISSIONS {
            let _ = writeln!(out, "  {mark} {words}  {} more", list.len() - MAX_PERMISSIONS);
        }
    }
    out.push('\n');
}

/// A token on one line, its subject first; or who is named.
pub(super) fn who(admitted: &Admitted) -> String {
    let Some(token) = admitted.token.as_ref().and_then(|t| t.as_object()) else {
        return admitted.who.clone().unwrap_or_default();
    };
    let value = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let rank = |name: &str| match name {
        "sub" => 0,
        "iss" => 2,
        "aud" => 3,
        _ => 1,
    };
    let mut claims: Vec<(&String, &serde_json::Value)> = token.iter().collect();
    claims.sort_by_key(|(name, _)| (rank(name), name.as_str()));
    let pairs: Vec<String> = claims.into_iter().map(|(name, v)| format!("{name}={}", value(v))).collect();
    pairs.join("  ")
}

fn summary(out: &mut String, report: &Report<'_>) {
    let (difference, sums) = (report.difference, &report.summary);
    if difference.is_empty() {
        let _ = writeln!(
            out,
            "nothing changed in who is admitted: {} before, {} after",
            count(report.base.trusts, "trust"),
            report.head.trusts
        );
    } else {
        let _ = writeln!(
            out,
            "{}: {} newly let in, {} no longer, {}; {} new, {} resolved, {} undecided",
            count(sums.identities, "changed identity").replace("identitys", "identities"),
            sums.newly + sums.newly_registered,
            sums.no_longer,
            count(sums.new_permissions, "new permission"),
            count(sums.new_findings, "finding"),
            sums.resolved_findings,
            sums.undecided,
        );
    }
    if difference.undecided_as_before > 0 {
        let _ = writeln!(out, "{} not decided before and after, and written as before", count(difference.undecided_as_before, "way"));
    }
}

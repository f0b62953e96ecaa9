//! What was not read and what was not decided, by cause, what matters most first.

use super::super::{Cause, Run, Undecided, count, printable};
use super::style::{Style, Tone, wrap};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most places of one cause unless everything is asked for.
const MAX_PLACES: usize = 3;

pub(super) fn render(out: &mut String, run: &Run, style: Style) {
    let mut causes: BTreeMap<Cause, Vec<&Undecided>> = BTreeMap::new();
    for undecided in &run.coverage.undecided {
        causes.entry(undecided.cause).or_default().push(undecided);
    }
    for (cause, all) in &causes {
        let lines: Vec<(String, &str)> = all.iter().map(|u| (place(u), u.why.as_str())).collect();
        group(out, &format!("undecided: {}", cause.describe()), &lines, style);
    }
    let skipped: Vec<(String, &str)> = run.coverage.files_skipped.iter().map(|s| (printable(&s.path), s.reason.as_str())).collect();
    if !skipped.is_empty() {
        group(out, "not read", &skipped, style);
    }
}

fn place(undecided: &Undecided) -> String {
    match (undecided.path.as_str(), undecided.line) {
        ("", _) => String::new(),
        (path, 0) => printable(path),
        (path, line) => format!("{}:{line}", printable(path)),
    }
}

fn group(out: &mut String, title: &str, lines: &[(String, &str)], style: Style) {
    let _ = writeln!(out, "{} ({})", style.paint(Tone::Strong, title), count(lines.len(), "place"));
    let most = if style.verbose || lines.len() == MAX_PLACES + 1 { lines.len() } else { MAX_PLACES };
    for (place, why) in lines.iter().take(most) {
        let mut line = String::from("  ");
        let text = if place.is_empty() { printable(why) } else { format!("{place}: {}", printable(why)) };
        wrap(&mut line, &text, 2, 4, style.prose());
        let _ = writeln!(out, "{line}");
    }
    if lines.len() > most {
        let _ = writeln!(out, "  and {} more (`--verbose` lists them)", lines.len() - most);
    }
    out.push('\n');
}

//! `--format markdown`: the step summary of a job, or a comment on a pull request.

use super::json::{Place, place};
use super::{Run, Summary, count, printable};
use crate::catalogue::{Confidence, Severity};
use crate::rules::Finding;
use std::fmt::Write as _;

/// Most characters: a comment may have 65,536 (<https://github.com/orgs/community/discussions/27190>), and others write too.
pub(crate) const MAX_TEXT: usize = 60_000;
/// Most undecided places that are named.
const MAX_OPEN: usize = 20;

/// Renders the findings, the worst first.
#[must_use]
pub fn render(run: &Run) -> String {
    let mut out = format!("## fedlint: {}\n\n", headline(run));
    let mut findings: Vec<&Finding> = run.findings.iter().collect();
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    for (at, finding) in findings.iter().enumerate() {
        let block = block(run, finding);
        if out.len() + block.len() > MAX_TEXT {
            let _ = writeln!(out, "\nand {} more, which the log of the job lists\n", findings.len() - at);
            break;
        }
        out.push_str(&block);
    }
    coverage(&mut out, run);
    out
}

fn headline(run: &Run) -> String {
    let summary = Summary::of(&run.findings);
    if run.findings.is_empty() {
        return format!("no findings in {}", count(run.coverage.trusts, "trust"));
    }
    let of =
        [(summary.critical, "critical"), (summary.high, "high"), (summary.medium, "medium"), (summary.low, "low"), (summary.info, "info")];
    let parts: Vec<String> = of.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    format!("{} in {}", parts.join(", "), count(run.coverage.trusts, "trust"))
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🟣",
        Severity::High => "🔴",
        Severity::Medium => "🟡",
        Severity::Low => "🔵",
        Severity::Info => "⚪",
    }
}

fn block(run: &Run, finding: &Finding) -> String {
    let Place { path, line, column, .. } = place(&run.sources, finding.span);
    let likely = if finding.confidence == Confidence::Likely { ", likely" } else { "" };
    let identity = finding.identity.as_deref().filter(|name| *name != path);
    let identity = identity.map(|name| format!(" in {}", code(name))).unwrap_or_default();
    let at = code(&format!("{}:{line}:{column}", run.repository_path(&path)));
    let severity = finding.severity;
    let mut out = format!(
        "<details><summary>{} <b>{severity}{likely}</b> {}: {}</summary>\n\n",
        mark(severity),
        match finding.rule.help_uri() {
            Some(uri) => format!("<a href=\"{uri}\">{}</a>", finding.rule),
            None => code(finding.rule.as_str()),
        },
        html(&finding.message)
    );
    let _ = writeln!(out, "{at}{identity}\n");
    let source = run.sources.get(finding.span.file).map(|f| shortened(f.line(line).trim())).unwrap_or_default();
    if !source.is_empty() {
        let _ = writeln!(out, "{}", fenced("", &source));
    }
    if let Some(witness) = &finding.witness {
        let token = serde_json::to_string_pretty(&witness.to_json()).unwrap_or_default();
        let _ = writeln!(out, "This token is admitted:\n\n{}", fenced("json", &token));
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(out, "**What to do:** {}\n", escaped(help));
    }
    out.push_str("</details>\n\n");
    out
}

fn coverage(out: &mut String, run: &Run) {
    let mut open: Vec<String> = Vec::new();
    let mut undecided: Vec<_> = run.coverage.undecided.iter().collect();
    undecided.sort_by_key(|u| u.cause);
    for u in undecided {
        open.push(format!("{}: {}", code(&format!("{}:{}", run.repository_path(&u.path), u.line)), escaped(&u.why)));
    }
    open.extend(run.coverage.files_skipped.iter().map(|s| format!("{}: not read: {}", code(&s.path), escaped(&s.reason))));
    if !open.is_empty() {
        let _ = writeln!(out, "<details><summary>{} not read or not decided</summary>\n", count(open.len(), "place"));
        for line in open.iter().take(MAX_OPEN) {
            let _ = writeln!(out, "- {line}");
        }
        if open.len() > MAX_OPEN {
            let _ = writeln!(out, "- and {} more", open.len() - MAX_OPEN);
        }
        out.push_str("\n</details>\n\n");
    }
    let mut told = vec![format!("{} read", count(run.coverage.files_read, "file"))];
    told.extend(super::told(run).iter().map(|text| escaped(text)));
    let _ = writeln!(out, "<sub>{}</sub>", told.join(" · "));
}

/// A long line, without its end.
fn shortened(text: &str) -> String {
    const MAX: usize = 200;
    if text.chars().count() <= MAX { text.to_owned() } else { text.chars().take(MAX).collect::<String>() + "…" }
}

/// The longest run of backticks in a text.
fn ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A code span that its text cannot leave.
pub(crate) fn code(text: &str) -> String {
    let text = printable(text);
    let fence = "`".repeat(ticks(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A code block that its text cannot leave.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat((ticks(text) + 1).max(3));
    let text: Vec<String> = text.lines().map(printable).collect();
    format!("{fence}{language}\n{}\n{fence}\n", text.join("\n"))
}

/// Our own message as HTML, in which backticks become code.
pub(crate) fn html(text: &str) -> String {
    let text = printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return text.replace('`', "&#96;");
    }
    let wrap = |(at, part): (usize, &&str)| if at % 2 == 1 { format!("<code>{part}</code>") } else { (*part).to_owned() };
    parts.iter().enumerate().map(wrap).collect()
}

/// Our own message as Markdown: its backticks stay code, all else is text.
pub(crate) fn escaped(text: &str) -> String {
    let text = printable(text);
    if text.matches('`').count() % 2 == 1 {
        return plain(&text).replace('`', "\\`");
    }
    let part = |(at, part): (usize, &str)| if at % 2 == 1 { format!("`{part}`") } else { plain(part) };
    text.split('`').enumerate().map(part).collect()
}

fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '*' | '_' | '[' | ']' | '|' | '\\' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_file_stays_text() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
        assert_eq!(escaped("the name `a*b` of @team <b>"), "the name `a*b` of &#64;team &lt;b>");
        assert_eq!(escaped("odd ` tick *x*"), "odd \\` tick \\*x\\*");
        assert_eq!(html("`<img>` & `b`"), "<code>&lt;img&gt;</code> &amp; <code>b</code>");
        assert!(fenced("", "```\nx").starts_with("````\n"));
    }
}

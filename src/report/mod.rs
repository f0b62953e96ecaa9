//! Reports: what a run found, in the forms that people and machines read.

pub mod concise;
pub mod github;
pub mod gitlab;
mod harmless;
pub mod html;
pub mod human;
pub mod json;
pub mod junit;
mod line_hash;
pub mod markdown;
pub mod narrated;
pub mod overview;
pub mod sarif;

pub use harmless::{Own, harmless};

use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::config::{Config, Level};
use crate::place::paths::normal;
use crate::rules::{Finding, Suppressed};
use crate::source::Sources;
use serde::Serialize;
use std::sync::Arc;

/// How a report is looked at: what a format may want to know beside the run.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// From which severity on findings fail the run.
    pub fail_on: Severity,
    /// What the reader's terminal can show, and how much was asked for.
    pub style: human::Style,
}

/// A format of reports.
#[derive(Debug)]
pub struct Format {
    /// As `--format` takes it.
    pub name: &'static str,
    /// For whom or for what it is.
    pub about: &'static str,
    /// The whole report; an error when it cannot be written as JSON.
    pub render: Render,
    /// It shows the estate as well ([`Run::overview`]).
    pub overview: bool,
}

/// Every format; the first is the usual one. A new format is its file and its line here.
pub static FORMATS: [Format; 11] = [
    format("human", "For people: the place, the token that is admitted, what to do", |run, view| Ok(human::render(run, view.style))),
    format("narrated", "For screen readers: whole sentences", |run, _| Ok(narrated::render(run))),
    format("concise", "One line for each finding", |run, _| Ok(concise::render(run))),
    format("json", "One JSON object", |run, _| json::render(run)),
    format("jsonl", "One JSON object on each line", |run, _| json::render_lines(run)),
    format("sarif", "SARIF 2.1.0, for code scanning", |run, _| sarif::render(run)),
    format("github", "Annotations of GitHub Actions", |run, _| Ok(github::render(run))),
    format("gitlab", "Code Quality report of GitLab", |run, _| gitlab::render(run)),
    format("junit", "JUnit XML", |run, view| Ok(junit::render(run, view.fail_on))),
    format("markdown", "A step summary, or a comment on a pull request", |run, _| Ok(markdown::render(run))),
    Format {
        overview: true,
        ..format("html", "One page for a browser: graph, findings, inventory, coverage", |run, _| Ok(html::render(run)))
    },
];

type Render = fn(&Run, &View) -> Result<String, serde_json::Error>;

const fn format(name: &'static str, about: &'static str, render: Render) -> Format {
    Format { name, about, render, overview: false }
}

/// A format by its name.
#[must_use]
pub fn format_named(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// A file that was not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// Its path.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What stays open because something could not be decided, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A trust was read, and who it admits is not known.
    Verdict,
    /// The trust policy of an identity could not be read.
    TrustPolicy,
    /// Who holds a role on what could not be read.
    Binding,
    /// What an identity may do could not be read.
    Permissions,
    /// As whom a workload runs could not be read.
    Workload,
    /// What belongs together could not be told.
    Links,
    /// A value of Terraform.
    Value,
    /// Anything else that could not be read.
    Unreadable,
    /// What is declared and switched off, whatever values the scan has for it.
    Absent,
}

impl Cause {
    /// For people: what is not known.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Verdict => "who can obtain these identities",
            Self::TrustPolicy => "trust policies",
            Self::Binding => "who holds these roles",
            Self::Permissions => "what these identities may do",
            Self::Workload => "as whom these workloads run",
            Self::Links => "what belongs together",
            Self::Value => "values of Terraform",
            Self::Unreadable => "declarations",
            Self::Absent => "what is switched off",
        }
    }
}

/// Something that could not be decided, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Undecided {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
    /// What stays open by it.
    pub cause: Cause,
}

/// What the run looked at.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Coverage {
    /// How many files were read.
    pub files_read: usize,
    /// How many files and folders were left out by an exclusion.
    pub files_excluded: usize,
    /// How many files and folders `.gitignore` left out; none that the repository tracks.
    pub files_ignored: usize,
    /// Files, or parts of files, that were not.
    pub files_skipped: Vec<Skipped>,
    /// How many trusts were judged.
    pub trusts: usize,
    /// What stayed open.
    pub undecided: Vec<Undecided>,
}

/// Everything a report is made from. Findings are in their final order.
#[derive(Debug)]
pub struct Run {
    /// The findings.
    pub findings: Vec<Finding>,
    /// What was found and accepted by a comment, the configuration or the baseline.
    pub suppressed: Vec<Suppressed>,
    /// The coverage.
    pub coverage: Coverage,
    /// The files the spans point into.
    pub sources: Arc<Sources>,
    /// Under which configuration.
    pub setup: Setup,
    /// The estate, where the request asked for it.
    pub overview: Option<overview::Overview>,
}

/// What the run was told.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The configuration in force.
    pub config: Config,
    /// The file that it comes from.
    pub config_path: Option<String>,
    /// Nothing that the checked tree says was obeyed.
    pub gate: bool,
    /// How many findings are not reported because a rule is off, or not selected, or because of their severity or confidence.
    pub unreported: usize,
    /// Where the working directory stands in its repository, as `infra/prod`; what services show is found from the root.
    pub repository_folder: Option<String>,
    /// What else the reader should know of how the run was made.
    pub notes: Vec<String>,
}

impl Setup {
    /// The rules that the configuration switches off, in order.
    #[must_use]
    pub fn off(&self) -> Vec<RuleId> {
        off(&self.config)
    }

    /// The files that speak of parts of the tree, with the rules that each switches off.
    #[must_use]
    pub fn parts(&self) -> Vec<(&str, Vec<RuleId>)> {
        self.config.parts.iter().filter_map(|part| Some((part.path.as_deref()?, off(part)))).collect()
    }
}

/// The rules that a configuration switches off.
fn off(config: &Config) -> Vec<RuleId> {
    let off = config.rules.iter().filter(|(_, settings)| settings.severity == Level::Off);
    let mut off: Vec<RuleId> = off.filter_map(|(id, _)| config.known_rule(id, "").ok().map(|rule| rule.meta.id)).collect();
    off.sort_unstable();
    off.dedup();
    off
}

/// The files that ruled, each with the rules that it switches off: `a/fedlint.toml` (off: any-ref). None where there was no file.
pub(super) fn configurations(run: &Run, code: &dyn Fn(&str) -> String, rule: &dyn Fn(RuleId) -> String) -> Option<String> {
    let own = run.setup.config_path.as_deref().map(|path| (path, run.setup.off()));
    let all = own.into_iter().chain(run.setup.parts()).map(|(path, off)| {
        let off: Vec<String> = off.into_iter().map(rule).collect();
        let off = if off.is_empty() { String::new() } else { format!(" (off: {})", off.join(", ")) };
        format!("{}{off}", code(path))
    });
    let all: Vec<String> = all.collect();
    (!all.is_empty()).then(|| all.join(", "))
}

impl Coverage {
    /// What stays open of who can obtain which identity: where nothing was decided, or a limit was reached on the way.
    pub fn open(&self) -> impl Iterator<Item = &Undecided> {
        self.undecided.iter().filter(|u| match u.cause {
            Cause::Verdict | Cause::TrustPolicy | Cause::Binding | Cause::Links | Cause::Value | Cause::Unreadable => true,
            Cause::Permissions | Cause::Workload | Cause::Absent => false,
        })
    }
}

impl Run {
    /// A path as it is seen from the repository's root.
    #[must_use]
    pub fn repository_path(&self, path: &str) -> String {
        let Some(folder) = self.setup.repository_folder.as_deref().filter(|folder| !folder.is_empty()) else { return path.to_owned() };
        let inside = if path.starts_with('/') { None } else { normal(&format!("{folder}/{path}")) };
        inside.filter(|inside| !inside.starts_with("..")).unwrap_or_else(|| path.to_owned())
    }
}

/// How many findings of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Critical.
    pub critical: usize,
    /// High.
    pub high: usize,
    /// Medium.
    pub medium: usize,
    /// Low.
    pub low: usize,
    /// Info.
    pub info: usize,
}

impl Summary {
    /// Counts the findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            *match finding.severity {
                Severity::Critical => &mut summary.critical,
                Severity::High => &mut summary.high,
                Severity::Medium => &mut summary.medium,
                Severity::Low => &mut summary.low,
                Severity::Info => &mut summary.info,
            } += 1;
        }
        summary
    }
}

/// Under whose word a run stands and what is not reported by it, for formats that have a line for it. Empty where nothing is said.
fn told(run: &Run) -> Vec<String> {
    let mut out = Vec::new();
    if !run.suppressed.is_empty() {
        out.push(format!("{} suppressed", count(run.suppressed.len(), "finding")));
    }
    if run.setup.unreported > 0 {
        out.push(format!("{} of rules that are off or not selected, or below what is reported", count(run.setup.unreported, "finding")));
    }
    if run.coverage.files_excluded > 0 {
        out.push(format!("{} excluded", count(run.coverage.files_excluded, "path")));
    }
    if let Some(all) = configurations(run, &|path| format!("`{}`", printable(path)), &|rule| rule.to_string()) {
        out.push(format!("configuration {all}"));
    }
    if run.setup.gate {
        out.push("a gate: nothing that the checked tree says was obeyed".to_owned());
    }
    out
}

/// `1 file`, `2 files`.
#[must_use]
pub fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// Whether a character has power over a terminal: controls, and the marks that reorder text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON in which what has power over a terminal is written by its number: its strings stay what they are.
fn harmless_json(text: String) -> String {
    let escape = |c: char| is_unsafe(c) && c != '\n';
    if !text.chars().any(escape) {
        return text;
    }
    text.chars().map(|c| if escape(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

/// As [`printable`], with line ends and tabulators kept: for text of our own that quotes a file.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(|line| line.split('\t').map(printable).collect::<Vec<_>>().join("\t")).collect::<Vec<_>>().join("\n")
}

/// Text from a scanned file, safe for a terminal and for a line of a report: control characters, line ends too, and the marks
/// that reorder text are shown, not obeyed.
#[must_use]
pub fn printable(text: &str) -> String {
    if !text.chars().any(is_unsafe) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_unsafe(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

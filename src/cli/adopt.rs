//! `fedlint baseline`, `fedlint waivers`: what a team accepts, and what it has accepted.

use super::args::{AnswerFormat, Baseline, Inputs, Waivers};
use super::check::{config, configured_baseline, read, request};
use super::{CLEAN, CliError, print};
use crate::catalogue::RuleId;
use crate::report::json::{Place, place, suppressed_by};
use crate::report::{Run, count, printable, printable_lines};
use crate::rules::baseline;
use crate::rules::engine::Selection;
use crate::rules::{Suppressed, SuppressedBy};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where the baseline is written unless something else is said.
const BASELINE: &str = "fedlint-baseline.json";

pub(super) fn baseline(arguments: &Baseline) -> Result<u8, CliError> {
    let config = config(&arguments.inputs)?;
    let file = arguments.output.clone().or_else(|| config.baseline.clone()).unwrap_or_else(|| PathBuf::from(BASELINE));
    let configured = config.baseline.as_deref() == Some(&file);
    let run = read(&arguments.inputs, &request(&arguments.inputs, config, Selection::default())?)?;
    let baseline = baseline::Baseline::of(&run.findings, &run.sources);
    let text = baseline.render()?;
    if file == Path::new("-") {
        print(&text)?;
        return Ok(CLEAN);
    }
    let shown = file.display();
    std::fs::write(&file, text).map_err(|e| CliError::Run(format!("cannot write the baseline to `{shown}`: {e}")))?;
    let mut told = format!("{} written to `{shown}`\n", count(baseline.len(), "finding"));
    if !configured {
        let _ = writeln!(
            told,
            "`fedlint check --baseline {shown}` reports what is new; `baseline = \"{shown}\"` in fedlint.toml does so always"
        );
    }
    let _ = anstream::stderr().write_all(printable_lines(&told).as_bytes());
    Ok(CLEAN)
}

pub(super) fn waivers(arguments: &Waivers) -> Result<u8, CliError> {
    let run = accepted(&arguments.inputs)?;
    let waivers = collect(&run);
    let text = match arguments.format {
        AnswerFormat::Human => human(&waivers),
        AnswerFormat::Json => {
            let list: Vec<Value> = waivers.iter().map(Waiver::to_json).collect();
            serde_json::to_string_pretty(&json!({"version": 1, "waivers": list}))? + "\n"
        }
    };
    print(&text)?;
    Ok(CLEAN)
}

fn accepted(inputs: &Inputs) -> Result<Run, CliError> {
    let config = config(inputs)?;
    let baseline = configured_baseline(&config)?;
    let mut request = request(inputs, config, Selection::default())?;
    request.baseline = baseline;
    read(inputs, &request)
}

/// One word of acceptance and what it hides.
#[derive(Debug)]
struct Waiver {
    by: &'static str,
    place: Option<Place>,
    reason: String,
    until: Option<String>,
    hides: Vec<String>,
    /// Why it hides nothing.
    unused: Option<String>,
}

impl Waiver {
    fn to_json(&self) -> Value {
        let (path, line) = self.place.as_ref().map(|p| (p.path.as_str(), p.line)).unzip();
        json!({
            "by": self.by, "path": path, "line": line, "reason": self.reason, "until": self.until, "hides": self.hides, "unused": self.unused,
        })
    }
}

/// One word of acceptance: whose, where it is written, and why.
type Word = (SuppressedBy, Option<(String, usize)>, String);

fn collect(run: &Run) -> Vec<Waiver> {
    let mut grouped: BTreeMap<Word, Waiver> = BTreeMap::new();
    for Suppressed { finding, by, reason, until, span } in &run.suppressed {
        let written = span.map(|span| place(&run.sources, span));
        let key = (*by, written.as_ref().map(|p| (p.path.clone(), p.line)), reason.clone());
        let at = place(&run.sources, finding.span);
        let identity = finding.identity.as_deref().filter(|name| *name != at.path).map(|name| format!(" of {name}")).unwrap_or_default();
        let hides = format!("{}[{}]{identity} at {}:{}", finding.severity, finding.rule, at.path, at.line);
        let new = || {
            let (reason, until) = (reason.clone(), until.clone());
            Waiver { by: suppressed_by(*by), place: written, reason, until, hides: Vec::new(), unused: None }
        };
        grouped.entry(key).or_insert_with(new).hides.push(hides);
    }
    let mut out: Vec<Waiver> = grouped.into_values().collect();
    for finding in run.findings.iter().filter(|f| f.rule == RuleId::UnusedSuppression) {
        let place = Some(place(&run.sources, finding.span));
        let unused = Some(finding.message.clone());
        out.push(Waiver { by: "nothing", place, reason: String::new(), until: None, hides: Vec::new(), unused });
    }
    out
}

fn human(waivers: &[Waiver]) -> String {
    let mut out = String::new();
    for waiver in waivers {
        let at = waiver.place.as_ref().map(|p| format!(" {}:{}", printable(&p.path), p.line)).unwrap_or_default();
        let until = waiver.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        if let Some(why) = &waiver.unused {
            let _ = writeln!(out, "unused{at}: {}", printable(why));
            continue;
        }
        let reason = if waiver.reason.is_empty() { "no reason is given".to_owned() } else { printable(&waiver.reason) };
        let _ = writeln!(out, "{}{at}{until}: {reason}", waiver.by);
        for hidden in &waiver.hides {
            let _ = writeln!(out, "  hides {}", printable(hidden));
        }
    }
    let unused = waivers.iter().filter(|w| w.unused.is_some()).count();
    let hidden: usize = waivers.iter().map(|w| w.hides.len()).sum();
    let _ = writeln!(out, "{}, {} hidden, {unused} unused", count(waivers.len() - unused, "waiver"), count(hidden, "finding"));
    out
}

//! `fedlint simulate`.

use super::args::{AnswerFormat, Inputs, Simulate};
use super::check::{config, request, with_progress};
use super::{CLEAN, CliError, print};
use crate::pipeline::{self, Estate};
use crate::place::Span;
use crate::report::printable;
use crate::rules::engine::Selection;
use crate::simulation::{Decided, Issuers, Outcome, Presented, Preset, Verdict, decide_document, read_token, simulate};
use crate::token::{Decision, Evaluation, Step, Truth};

use crate::source::Sources;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

/// Most bytes of a token or a policy.
const MAX_BYTES: u64 = 4 << 20;
/// Most issuers' identities that are named one by one.
const MAX_NAMED: usize = 3;

pub(super) fn run(arguments: &Simulate) -> Result<u8, CliError> {
    if let Some(name) = &arguments.job {
        return super::simulate_job::run(arguments, name);
    }
    let known = Issuers::of(config(&arguments.inputs)?.registry());
    let mut presented = presented(arguments, &known).map_err(CliError::Run)?;
    if let Some(path) = &arguments.policy {
        presented.principal.clone_from(&arguments.principal);
        presented.action.clone_from(&arguments.action);
        let text = read_file(path)?;
        let decided = decide_document(&name(path), &text, &presented).map_err(CliError::Run)?;
        let text = match arguments.format {
            AnswerFormat::Human => one_human(&presented, &decided),
            AnswerFormat::Json => pretty(&one_json(&decided))?,
        };
        print(&text)?;
        return Ok(CLEAN);
    }
    if !presented.ready && presented.claims.string("iss").is_none() && presented.claims.string("arn").is_none() {
        return Err(CliError::Run("the token has no `iss`: nobody can say whose it is".to_owned()));
    }
    let estate = estate(&arguments.inputs)?;
    if arguments.github.is_some() {
        presented.customise(&estate.graph, &estate.sources);
    }
    let outcome = simulate(&estate.graph, &estate.links, &presented);
    let text = match arguments.format {
        AnswerFormat::Human => human(&estate, &presented, &outcome),
        AnswerFormat::Json => pretty(&as_json(&estate, &presented, &outcome))?,
    };
    print(&text)?;
    Ok(CLEAN)
}

/// Reads the repository; nothing read is no answer.
pub(super) fn estate(inputs: &Inputs) -> Result<Estate, CliError> {
    let config = config(inputs)?;
    let request = request(inputs, config, Selection::default())?;
    let estate = with_progress(|| pipeline::read(&request)).map_err(|e| CliError::Run(e.to_string()))?;
    if estate.coverage.files_read == 0 {
        return Err(CliError::Run("no Terraform, JSON or YAML file was read; name the folder of the infrastructure".to_owned()));
    }
    Ok(estate)
}

fn presented(arguments: &Simulate, known: &Issuers) -> Result<Presented, String> {
    if let Some(path) = &arguments.token {
        let text = read_file(path).map_err(|e| e.to_string())?;
        let mut presented = Presented { issuers: known.clone(), ..read_token(&text)? };
        if let Some(audience) = &arguments.audience {
            presented.claims.set("aud", audience.clone());
            presented.any_audience = false;
        }
        return Ok(presented);
    }
    let preset = Preset {
        github: arguments.github.clone(),
        reference: Some(arguments.reference.clone()),
        event: Some(arguments.event.clone()),
        environment: arguments.environment.clone(),
        owner_id: arguments.owner_id.clone(),
        repository_id: arguments.repository_id.clone(),
        immutable: arguments.immutable,
        kubernetes: arguments.kubernetes.clone(),
        spiffe: arguments.spiffe.clone(),
        subject: arguments.subject.clone(),
        issuer: arguments.issuer.clone(),
        audience: arguments.audience.clone(),
    };
    preset.token(known)
}

/// The text of a file; `-` is standard input.
pub(super) fn read_file(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
    };
    read.map_err(|e| CliError::Run(format!("cannot read `{}`: {e}", path.display())))?;
    Ok(text)
}

/// A path as reports write it.
pub(super) fn name(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

pub(super) fn pretty(value: &Value) -> Result<String, CliError> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

pub(super) fn place(sources: &Sources, span: Option<Span>) -> Option<(String, usize)> {
    span.and_then(|s| sources.locate(s)).map(|(path, at)| (path, at.line))
}

fn step_json(sources: &Sources, step: &Step) -> Value {
    let outcome = match step.outcome {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Error => "error",
        Truth::Unknown => "unknown",
    };
    let at = place(sources, step.span);
    let mut object = json!({ "test": step.test, "outcome": outcome, "expected": step.expected, "found": step.found, "note": step.note });
    if let (Some(object), Some((path, line))) = (object.as_object_mut(), at) {
        object.insert("path".to_owned(), json!(path));
        object.insert("line".to_owned(), json!(line));
    }
    object
}

fn trace_json(sources: &Sources, evaluation: &Evaluation) -> Vec<Value> {
    evaluation.trace.iter().map(|step| step_json(sources, step)).collect()
}

/// The test that decided a refusal.
fn failed(evaluation: &Evaluation) -> Option<&Step> {
    evaluation.first_failure().filter(|_| evaluation.decision == Decision::Deny)
}

fn one_json(decided: &Decided) -> Value {
    let Decided { evaluation, sources } = decided;
    json!({
        "decision": evaluation.decision.to_string(),
        "trace": trace_json(sources, evaluation),
        "failed": failed(evaluation).map(|step| step_json(sources, step)),
        "reasons": evaluation.reasons,
    })
}

fn as_json(estate: &Estate, presented: &Presented, outcome: &Outcome) -> Value {
    let verdict = |v: &Verdict| {
        let (path, line) = place(&estate.sources, Some(v.span)).unzip();
        json!({
            "identity": v.identity, "cloud": v.cloud, "member": v.via, "path": path, "line": line,
            "decision": v.evaluation.decision.to_string(),
            "failed": failed(&v.evaluation).map(|step| step_json(&estate.sources, step)),
            "reasons": v.evaluation.reasons,
            "trace": trace_json(&estate.sources, &v.evaluation),
        })
    };
    json!({
        "version": 1,
        "token": presented.claims.to_json(),
        "notes": presented.notes.iter().chain(&presented.open_notes).collect::<Vec<_>>(),
        "identities": outcome.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "other_issuers": outcome.other_issuers,
        "summary": {
            "admit": outcome.count(Decision::Admit), "deny": outcome.count(Decision::Deny), "unknown": outcome.count(Decision::Unknown),
            "other_issuers": outcome.other_issuers.len(),
        },
    })
}

/// The token, and what to know about it; `open`: something is not decided.
fn header(presented: &Presented, open: bool) -> String {
    let mut out = format!("token: {}\n", printable(&presented.describe()));
    for note in presented.notes.iter().chain(presented.open_notes.iter().filter(|_| open)) {
        let _ = writeln!(out, "note: {}", printable(note));
    }
    out.push('\n');
    out
}

fn one_human(presented: &Presented, decided: &Decided) -> String {
    let mut out = header(presented, decided.evaluation.decision == Decision::Unknown);
    let _ = writeln!(out, "{}", decided.evaluation.decision);
    out.push_str(&explanation(&decided.sources, &decided.evaluation));
    out
}

fn human(estate: &Estate, presented: &Presented, outcome: &Outcome) -> String {
    let mut out = header(presented, outcome.count(Decision::Unknown) > 0);
    let mut sorted: Vec<&Verdict> = outcome.verdicts.iter().collect();
    sorted.sort_by_key(|v| match v.evaluation.decision {
        Decision::Admit => 0,
        Decision::Unknown => 1,
        Decision::Deny => 2,
    });
    for verdict in sorted {
        let place = place(&estate.sources, Some(verdict.span)).map_or(String::new(), |(path, line)| format!("  {path}:{line}"));
        let _ = writeln!(out, "{:8} {}{}", verdict.evaluation.decision.to_string(), printable(&verdict.identity), printable(&place));
        if let Some(member) = &verdict.via {
            let _ = writeln!(out, "         through {}", printable(member));
        }
        out.push_str(&explanation(&estate.sources, &verdict.evaluation));
    }
    if !outcome.verdicts.is_empty() {
        out.push('\n');
    }
    if let Some(line) = others(&outcome.other_issuers) {
        let _ = writeln!(out, "{}", printable(&line));
    }
    let (admitted, refused, unknown) = (outcome.count(Decision::Admit), outcome.count(Decision::Deny), outcome.count(Decision::Unknown));
    let _ = writeln!(out, "{admitted} admitted, {refused} refused, {unknown} unknown");
    out
}

/// Whoever trusts other issuers, in one line.
pub(super) fn others(names: &[String]) -> Option<String> {
    let shown: Vec<&str> = names.iter().take(MAX_NAMED).map(String::as_str).collect();
    let dots = if names.len() > MAX_NAMED { ", …" } else { "" };
    match names.len() {
        0 => None,
        1 => Some(format!("1 identity trusts other issuers: {}", shown.join(", "))),
        n => Some(format!("{n} identities trust other issuers: {}{dots}", shown.join(", "))),
    }
}

/// Why: the test that failed, or what is not known.
pub(super) fn explanation(sources: &Sources, evaluation: &Evaluation) -> String {
    let mut out = String::new();
    match evaluation.decision {
        Decision::Admit => {}
        Decision::Deny => {
            if let Some(step) = evaluation.first_failure() {
                out.push_str(&step_human(sources, step));
            }
        }
        Decision::Unknown => {
            for reason in &evaluation.reasons {
                let _ = writeln!(out, "         not known: {}", printable(reason));
            }
        }
    }
    out
}

/// One test in a few lines.
pub(super) fn step_human(sources: &Sources, step: &Step) -> String {
    let at = place(sources, step.span).map_or(String::new(), |(path, line)| format!(" at {path}:{line}"));
    let mut out = format!("         {}{at}\n", printable(&step.test));
    if let Some(expected) = &step.expected {
        let _ = writeln!(out, "           expected {}", printable(expected));
    }
    if let Some(found) = &step.found {
        let _ = writeln!(out, "           found    {}", printable(found));
    } else if step.expected.is_some() {
        out.push_str("           found    nothing: the token does not hold it\n");
    }
    if let Some(note) = &step.note {
        let _ = writeln!(out, "           {}", printable(note));
    }
    out
}

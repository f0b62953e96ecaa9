//! `fedlint simulate --job`.

use super::args::{AnswerFormat, Simulate};
use super::simulate::{estate, others, place, pretty};
use super::{CLEAN, CliError, print};
use crate::graph::{CiSystem, Graph, Job, NamedBy};
use crate::pipeline::Estate;
use crate::place::Span;
use crate::report::printable;
use crate::simulation::{Failed, JobOutcome, JobVerdict, TokenOutcome, jobs_named, simulate_job};
use crate::source::Sources;
use crate::token::Decision;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Most jobs that are named when the one that was asked for is not there.
const MAX_NAMED: usize = 10;

pub(super) fn run(arguments: &Simulate, name: &str) -> Result<u8, CliError> {
    let config = super::check::config(&arguments.inputs)?;
    let estate = estate(&arguments.inputs)?;
    let registry = config.registry();
    let found = jobs_named(&estate.graph, name);
    if found.is_empty() {
        return Err(CliError::Run(missing(&estate.graph, name)));
    }
    let outcomes: Vec<JobOutcome<'_>> =
        found.into_iter().map(|(index, job)| simulate_job(&estate.graph, &estate.links, &registry, index, job)).collect();
    let text = match arguments.format {
        AnswerFormat::Human => outcomes.iter().map(|outcome| human(&estate, outcome)).collect::<Vec<_>>().join("\n"),
        AnswerFormat::Json => {
            let jobs: Vec<Value> = outcomes.iter().map(|outcome| as_json(&estate.sources, outcome)).collect();
            pretty(&json!({ "version": 1, "jobs": jobs }))?
        }
    };
    print(&text)?;
    Ok(CLEAN)
}

pub(super) fn missing(graph: &Graph, name: &str) -> String {
    let mut all: Vec<&str> = graph.jobs.iter().map(|job| job.origin.name.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    let dots = if all.len() > MAX_NAMED { ", …" } else { "" };
    let shown: Vec<String> = all.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
    let there = if shown.is_empty() { "no job of a CI system is".to_owned() } else { format!("{}{dots} are", shown.join(", ")) };
    format!("no job `{name}` in what was read: {there}; write `FILE#JOB`")
}

fn said_by(by: NamedBy) -> &'static str {
    match by {
        NamedBy::Configuration => "configuration",
        NamedBy::Environment => "CI environment",
        NamedBy::Remote => "git remote",
    }
}

/// The repository, where the system's tokens name one.
fn repository(job: &Job) -> String {
    match &job.repository {
        Some(own) => format!(", of `{}` ({})", own.name, said_by(own.by)),
        None if matches!(job.system, CiSystem::Github | CiSystem::Gitlab) => ", of a repository whose name is not known".to_owned(),
        None => String::new(),
    }
}

fn at(sources: &Sources, span: Option<Span>) -> String {
    place(sources, span).map_or(String::new(), |(path, line)| format!("{path}:{line}"))
}

fn human(estate: &Estate, outcome: &JobOutcome<'_>) -> String {
    let (sources, job) = (&estate.sources, outcome.job);
    let mut out = String::new();
    let _ = writeln!(out, "job {}  {}", printable(&job.origin.name), printable(&at(sources, Some(job.origin.span))));
    let _ = writeln!(out, "    {} job{}", job.system.name(), printable(&repository(job)));
    if let Some((caller, span)) = &job.caller {
        let _ = writeln!(out, "    called by {} at {}", printable(caller), printable(&at(sources, Some(*span))));
    }
    if let Some((why, span)) = &outcome.no_token {
        let place = Some(at(sources, *span)).filter(|p| !p.is_empty()).map_or(String::new(), |p| format!(" ({p})"));
        let _ = writeln!(out, "    gets no token: {}{}; with one it would be:", printable(why), printable(&place));
    }
    if outcome.tokens.is_empty() {
        out.push_str("    nothing starts it\n");
    }
    for token in &outcome.tokens {
        out.push('\n');
        out.push_str(&token_human(sources, token));
    }
    out
}

fn token_human(sources: &Sources, token: &TokenOutcome) -> String {
    let entry = token.entry.as_ref().map_or(String::new(), |e| format!(" ({e})"));
    let mut out = format!("token of {}{}\n", printable(&token.started_by), printable(&entry));
    for step in &token.steps {
        let _ = writeln!(out, "         asked for at {}", printable(&at(sources, Some(*step))));
    }
    let audience = token.audience.as_ref().map_or("any".to_owned(), |a| format!("`{a}`"));
    let mut known = vec![format!("aud {audience}")];
    known.extend(token.claims.iter().map(|k| match &k.value {
        Some(value) => format!("{} `{value}`", k.claim),
        None => format!("no {}", k.claim),
    }));
    let _ = writeln!(out, "         {}", printable(&known.join(", ")));
    for verdict in &token.verdicts {
        out.push_str(&verdict_human(sources, verdict));
    }
    if let Some(line) = others(&token.other_issuers) {
        let _ = writeln!(out, "{}", printable(&line));
    }
    let count = |decision: Decision| token.verdicts.iter().filter(|v| v.decision == decision).count();
    let (admitted, refused, unknown) = (count(Decision::Admit), count(Decision::Deny), count(Decision::Unknown));
    let _ = writeln!(out, "{admitted} admitted, {refused} refused, {unknown} unknown");
    out
}

fn verdict_human(sources: &Sources, verdict: &JobVerdict) -> String {
    let named = if verdict.named { "  (the job names it)" } else { "" };
    let likely = if verdict.certain || verdict.decision == Decision::Unknown { "" } else { "  (likely)" };
    let (identity, place) = (printable(&verdict.identity), at(sources, Some(verdict.span)));
    let mut out = format!("{:8} {identity}  {}{named}{likely}\n", verdict.decision.to_string(), printable(&place));
    if let Some(member) = &verdict.via {
        let _ = writeln!(out, "         through {}", printable(member));
    }
    if let Some(subject) = verdict.token.as_ref().and_then(|token| token.string("sub")) {
        let _ = writeln!(out, "         with sub `{}`", printable(subject));
    }
    if let Some(failed) = &verdict.failed {
        out.push_str(&failed_human(sources, failed));
    }
    if let Some(reason) = verdict.reason {
        let _ = writeln!(out, "         {reason}");
    }
    out
}

fn failed_human(sources: &Sources, failed: &Failed) -> String {
    let mut out = format!("         {}", printable(&failed.claim));
    let (wanted, presented) = (at(sources, failed.wanted_at), at(sources, failed.presented_at));
    if !wanted.is_empty() {
        let _ = write!(out, " at {}", printable(&wanted));
    }
    if !presented.is_empty() {
        let _ = write!(out, ", presented at {}", printable(&presented));
    }
    out.push('\n');
    if let Some(failing) = &failed.failing {
        let name = if failing.claim == failed.claim { String::new() } else { format!("{} ", failing.claim) };
        let value = |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |v| format!("{name}{v}"));
        let _ = writeln!(out, "           expected {}", printable(&value(&failing.wanted)));
        let _ = writeln!(out, "           found    {}", printable(&value(&failing.presented)));
    }
    out
}

fn place_json(sources: &Sources, span: Option<Span>) -> Value {
    place(sources, span).map_or(Value::Null, |(path, line)| json!({ "path": path, "line": line }))
}

fn as_json(sources: &Sources, outcome: &JobOutcome<'_>) -> Value {
    let job = outcome.job;
    json!({
        "job": job.origin.name,
        "place": place_json(sources, Some(job.origin.span)),
        "system": job.system.name(),
        "repository": job.repository.as_ref().map(|own| json!({ "name": own.name, "source": said_by(own.by) })),
        "called_by": job.caller.as_ref().map(|(name, span)| json!({ "job": name, "place": place_json(sources, Some(*span)) })),
        "no_token": outcome.no_token.as_ref().map(|(why, span)| json!({ "why": why, "place": place_json(sources, *span) })),
        "tokens": outcome.tokens.iter().map(|token| token_json(sources, token)).collect::<Vec<_>>(),
    })
}

fn token_json(sources: &Sources, token: &TokenOutcome) -> Value {
    let claims = token.claims.iter().map(|k| json!({ "claim": k.claim, "value": k.value, "place": place_json(sources, k.span) }));
    json!({
        "started_by": token.started_by,
        "entry": token.entry,
        "audience": token.audience,
        "steps": token.steps.iter().map(|span| place_json(sources, Some(*span))).collect::<Vec<_>>(),
        "claims": claims.collect::<Vec<_>>(),
        "identities": token.verdicts.iter().map(|verdict| verdict_json(sources, verdict)).collect::<Vec<_>>(),
        "other_issuers": token.other_issuers,
    })
}

fn verdict_json(sources: &Sources, verdict: &JobVerdict) -> Value {
    let failed = verdict.failed.as_ref().map(|failed| {
        let failing = failed.failing.as_ref();
        json!({
            "claim": failed.claim,
            "compared": failing.map(|f| &f.claim),
            "expected": failing.and_then(|f| f.wanted.as_ref()),
            "found": failing.and_then(|f| f.presented.as_ref()),
            "expected_at": place_json(sources, failed.wanted_at),
            "found_at": place_json(sources, failed.presented_at),
        })
    });
    json!({
        "identity": verdict.identity, "cloud": verdict.cloud, "member": verdict.via, "place": place_json(sources, Some(verdict.span)),
        "named": verdict.named, "decision": verdict.decision.to_string(), "certain": verdict.certain,
        "token": verdict.token.as_ref().map(crate::token::Token::to_json),
        "failed": failed, "reason": verdict.reason,
    })
}

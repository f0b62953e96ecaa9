//! `fedlint reach`: the mirror of `fedlint who`.

use super::args::{AnswerFormat, Reach};
use super::simulate::{estate, place, pretty};
use super::{CLEAN, CliError, print};
use crate::pipeline::Estate;
use crate::reach::{self, Link, Reached};
use crate::report::printable;
use crate::simulation::{Issuers, Presented, jobs_named, of_subject, service_account, simulate, simulate_job, spiffe_id};
use crate::token::Decision;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Most permissions that are named of one identity.
const MAX_PERMISSIONS: usize = 3;

/// One workload with what it obtains.
struct Answer {
    workload: String,
    reached: Vec<Reached>,
    notes: Vec<String>,
}

pub(super) fn run(arguments: &Reach) -> Result<u8, CliError> {
    let config = super::check::config(&arguments.inputs)?;
    let registry = config.registry();
    let world = estate(&arguments.inputs)?;
    let facts = reach::Estate { graph: &world.graph, links: &world.links, registry: &registry };
    let answers = answers(arguments, &world, facts)?;
    let text = match arguments.format {
        AnswerFormat::Human => answers.iter().map(|answer| human(&world, answer)).collect::<Vec<_>>().join("\n"),
        AnswerFormat::Json => {
            pretty(&json!({ "version": 1, "workloads": answers.iter().map(|a| as_json(&world, a)).collect::<Vec<_>>() }))?
        }
    };
    print(&text)?;
    Ok(CLEAN)
}

/// A job that others call is several workloads.
fn answers(arguments: &Reach, world: &Estate, facts: reach::Estate<'_>) -> Result<Vec<Answer>, CliError> {
    let (name, issuer) = (arguments.workload.as_str(), arguments.issuer.as_deref());
    let known = Issuers::of(Cow::Borrowed(facts.registry));
    let of = |presented: &Presented, reached: Vec<Reached>| {
        let notes = std::iter::once(format!("token: {}", presented.describe())).chain(presented.notes.iter().cloned()).collect();
        vec![Answer { workload: name.to_owned(), reached, notes }]
    };
    if name.starts_with("spiffe://") {
        let presented = Presented { issuers: known, ..spiffe_id(name, issuer).map_err(CliError::Run)? };
        return Ok(of(&presented, reach::of_tokens(facts, &asked(world, &presented))));
    }
    let jobs = if issuer.is_none() { jobs_named(&world.graph, name) } else { Vec::new() };
    if !jobs.is_empty() || name.contains('#') {
        if jobs.is_empty() {
            return Err(CliError::Run(super::simulate_job::missing(&world.graph, name)));
        }
        let answer = |(index, job)| {
            let outcome = simulate_job(facts.graph, facts.links, facts.registry, index, job);
            let notes = outcome.no_token.iter().map(|(why, _)| format!("it gets no token: {why}")).collect();
            let caller = job.caller.as_ref().map_or(String::new(), |(caller, _)| format!(" called by {caller}"));
            let reached = if outcome.no_token.is_some() { Vec::new() } else { reach::of_job(facts, &outcome) };
            Answer { workload: format!("{}{caller}", job.origin.name), reached, notes }
        };
        return Ok(jobs.into_iter().map(answer).collect());
    }
    if let Some((namespace, account)) = name.split_once('/').filter(|(_, rest)| !rest.contains('/') && !name.contains(':')) {
        let presented = Presented { issuers: known, ..service_account(name, issuer).map_err(CliError::Run)? };
        return Ok(of(&presented, reach::of_service_account(facts, &asked(world, &presented), namespace, account)));
    }
    let Some(issuer) = issuer else {
        let why = "a job is written `FILE#JOB`, a ServiceAccount `namespace/name`, a SPIFFE id with `spiffe://`, and a subject needs its `--issuer`";
        return Err(CliError::Run(format!("`{}` is no workload of what was read: {why}", printable(name))));
    };
    let mut presented = of_subject(&known, issuer, name).map_err(CliError::Run)?;
    presented.notes.extend(presented.open_notes.clone());
    Ok(of(&presented, reach::of_tokens(facts, &asked(world, &presented))))
}

/// The workload's token with the audience that is customary, and with each that a trust takes where the workload chooses it.
fn asked(world: &Estate, presented: &Presented) -> Vec<reach::Asked> {
    let mut out = vec![(None, simulate(&world.graph, &world.links, presented))];
    if !presented.chooses_audience() {
        return out;
    }
    for audience in reach::audiences(&world.graph) {
        let mut other = presented.clone();
        other.claims.set("aud", audience.clone());
        other.any_audience = false;
        out.push((Some(audience), simulate(&world.graph, &world.links, &other)));
    }
    out
}

fn link(link: Link) -> &'static str {
    match link {
        Link::Token => "its token is admitted",
        Link::PodIdentity => "an EKS Pod Identity association",
        Link::Cluster => "a binding of the cluster's ServiceAccount",
        Link::RoleChain => "the role's trust takes it",
        Link::Impersonation => "it may impersonate the account",
    }
}

fn human(world: &Estate, answer: &Answer) -> String {
    let mut out = format!("{}\n", printable(&answer.workload));
    for note in &answer.notes {
        let _ = writeln!(out, "  {}", printable(note));
    }
    for reached in &answer.reached {
        let indent = "  ".repeat(reached.through.len() + 1);
        let at = place(&world.sources, Some(reached.span)).map_or(String::new(), |(path, line)| format!("  {path}:{line}"));
        let mark = if reached.through.is_empty() { "" } else { "-> " };
        let _ = writeln!(out, "{indent}{mark}{}{}", printable(&reached.identity), printable(&at));
        let mut by = link(reached.link).to_owned();
        if let Some(from) = reached.through.last() {
            let _ = write!(by, ", from {from}");
        }
        if let Some(member) = &reached.member {
            let _ = write!(by, ", as {member}");
        }
        let likely = if reached.certain { "" } else { " (likely)" };
        let named = if reached.named { " (the workload names it)" } else { "" };
        let _ = writeln!(out, "{indent}  by      {}{likely}{named}", printable(&by));
        if let Some(by) = &reached.by {
            let _ = writeln!(out, "{indent}  token   {}", printable(by));
        }
        for reason in reached.reasons.iter().filter(|_| reached.decision == Decision::Unknown) {
            let _ = writeln!(out, "{indent}  unknown {}", printable(reason));
        }
        if reached.reasons.is_empty() && reached.decision == Decision::Unknown {
            let _ = writeln!(out, "{indent}  unknown whether it is admitted");
        }
        if !reached.permissions.is_empty() {
            let shown: Vec<String> = reached.permissions.iter().take(MAX_PERMISSIONS).map(|p| printable(p)).collect();
            let more = reached.permissions.len().saturating_sub(MAX_PERMISSIONS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(out, "{indent}  may     {}{more}", shown.join(", "));
        }
    }
    let of = |test: &dyn Fn(&Reached) -> bool| answer.reached.iter().filter(|r| test(r)).count();
    let admitted = |r: &Reached| r.decision == Decision::Admit;
    let _ = writeln!(
        out,
        "{}: {} by its own tokens, {} through others, {} unknown",
        if answer.reached.len() == 1 { "1 identity".to_owned() } else { format!("{} identities", answer.reached.len()) },
        of(&|r| admitted(r) && r.through.is_empty()),
        of(&|r| admitted(r) && !r.through.is_empty()),
        of(&|r| !admitted(r)),
    );
    out
}

fn as_json(world: &Estate, answer: &Answer) -> Value {
    let identity = |reached: &Reached| {
        let (path, line) = place(&world.sources, Some(reached.span)).unzip();
        json!({
            "identity": reached.identity, "cloud": reached.cloud, "path": path, "line": line, "decision": reached.decision.to_string(),
            "certain": reached.certain, "link": reached.link, "through": reached.through, "member": reached.member, "token": reached.by,
            "named": reached.named, "permissions": reached.permissions, "reasons": reached.reasons,
        })
    };
    json!({ "workload": answer.workload, "notes": answer.notes, "identities": answer.reached.iter().map(identity).collect::<Vec<_>>() })
}

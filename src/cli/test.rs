//! `fedlint test`.

use super::args::{Inputs, Test};
use super::check::config;
use super::simulate::{estate, name, read_file, step_human};
use super::{CLEAN, CliError, FINDINGS, print};
use crate::pipeline::Estate;
use crate::report::printable;
use crate::simulation::{Assertion, Door, Issuers, Presented, decide_document, read_assertions, simulate};
use crate::source::Sources;
use crate::source::regular;
use crate::source::walk;
use crate::token::{Decision, Evaluation};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// What came out of an assertion.
struct Answered {
    evaluation: Evaluation,
    sources: Arc<Sources>,
}

pub(super) fn run(arguments: &Test) -> Result<u8, CliError> {
    let mut repository = Repository { root: &arguments.root, estate: None };
    let known = Issuers::of(config(&repository.inputs())?.registry());
    let (mut passed, mut failed, mut out) = (0_usize, 0_usize, String::new());
    for file in &arguments.files {
        let path = name(file);
        let assertions = read_assertions(&path, &read_file(file)?, &known).map_err(CliError::Run)?;
        for assertion in &assertions {
            let answered = answer(file, assertion, &mut repository)?;
            if answered.evaluation.decision == assertion.expect {
                passed += 1;
            } else {
                failed += 1;
                out.push_str(&difference(&path, assertion, &answered));
            }
        }
    }
    let _ = writeln!(out, "{passed} passed, {failed} failed");
    print(&out)?;
    Ok(if failed == 0 { CLEAN } else { FINDINGS })
}

fn answer(file: &Path, assertion: &Assertion, repository: &mut Repository<'_>) -> Result<Answered, CliError> {
    let told = |e: String| CliError::Run(format!("{}: `{}`: {e}", name(file), assertion.name));
    let document = |path: &str, text: &str| {
        let decided = decide_document(path, text, &assertion.presented).map_err(told)?;
        Ok(Answered { evaluation: decided.evaluation, sources: decided.sources })
    };
    match &assertion.door {
        Door::Inline(text) => document("policy.json", text),
        Door::File(policy) => {
            let path = file.parent().map_or_else(|| Path::new(policy).to_path_buf(), |folder| folder.join(policy));
            let shown = name(&path);
            // The file of assertions names it: it must stand in the same repository.
            let folder = file.parent().and_then(|folder| folder.join(".").canonicalize().ok());
            let root = folder.as_deref().and_then(walk::repository);
            let text = regular::text(&path, regular::MAX_SETTINGS, root.as_deref());
            document(&shown, &text.map_err(|why| CliError::Run(format!("cannot read `{shown}`: {why}")))?)
        }
        Door::Identity(identity) => {
            let estate = repository.estate()?;
            let mut presented = assertion.presented.clone();
            if assertion.of_github {
                presented.customise(&estate.graph, &estate.sources);
            }
            let evaluation = of_identity(estate, identity, &presented).map_err(told)?;
            Ok(Answered { evaluation, sources: Arc::clone(&estate.sources) })
        }
    }
}

/// The scanned repository, read when the first assertion names an identity.
struct Repository<'a> {
    root: &'a Path,
    estate: Option<Estate>,
}

impl Repository<'_> {
    fn inputs(&self) -> Inputs {
        Inputs {
            paths: vec![self.root.to_path_buf()],
            stdin_filename: None,
            exclude: Vec::new(),
            markdown: false,
            config: None,
            isolated: false,
        }
    }

    fn estate(&mut self) -> Result<&Estate, CliError> {
        if self.estate.is_none() {
            self.estate = Some(estate(&self.inputs())?);
        }
        self.estate.as_ref().ok_or_else(|| CliError::Run("the repository was not read".to_owned()))
    }
}

/// An identity's answer: one trust that admits is enough.
fn of_identity(estate: &Estate, identity: &str, presented: &Presented) -> Result<Evaluation, String> {
    let outcome = simulate(&estate.graph, &estate.links, presented);
    let own = outcome.verdicts.into_iter().filter(|v| v.identity == identity).map(|v| v.evaluation);
    let best = own.min_by_key(|e| match e.decision {
        Decision::Admit => 0,
        Decision::Unknown => 1,
        Decision::Deny => 2,
    });
    if let Some(evaluation) = best {
        return Ok(evaluation);
    }
    if !estate.graph.identities.iter().any(|i| i.origin.name == identity) {
        let near = estate.graph.identities.iter().map(|i| i.origin.name.as_str()).find(|n| n.contains(identity) || identity.contains(n));
        let hint = near.map_or(String::new(), |n| format!("; there is `{n}`"));
        return Err(format!("the repository has no identity `{identity}`{hint}"));
    }
    // It trusts nobody, or other issuers only.
    Ok(Evaluation { decision: Decision::Deny, trace: Vec::new(), reasons: Vec::new() })
}

fn difference(path: &str, assertion: &Assertion, answered: &Answered) -> String {
    let evaluation = &answered.evaluation;
    let mut out = format!("{path}: {}: expected {}, got {}\n", printable(&assertion.name), assertion.expect, evaluation.decision);
    for step in &evaluation.trace {
        let outcome = match step.outcome {
            crate::token::Truth::True => "true",
            crate::token::Truth::False => "false",
            crate::token::Truth::Error => "error",
            crate::token::Truth::Unknown => "unknown",
        };
        let _ = writeln!(out, "       {outcome}:");
        out.push_str(&step_human(&answered.sources, step));
    }
    for reason in &evaluation.reasons {
        let _ = writeln!(out, "         not known: {}", printable(reason));
    }
    if evaluation.trace.is_empty() && evaluation.decision == Decision::Deny {
        out.push_str("         the identity trusts other issuers than the token's\n");
    }
    out
}

//! Tokens that are not known whole: claims whose value was not provided, or that were left out.
//!
//! What is open goes into the evaluators as such ([`Claim::Open`]), which decide with three values: a refusal by another
//! test stays a refusal, whatever the open claim would be.

use super::{Answer, Presented};
use crate::token::{Claim, Decision, Evaluation, Truth};

/// The answer of a gate to a token that may have open claims.
pub(super) fn decided(presented: &Presented, decide: &dyn Fn(&Presented) -> Answer) -> Answer {
    let opened = opened(presented);
    let mut evaluation = match decide(&opened) {
        Answer::Decided(evaluation) => evaluation,
        other => return other,
    };
    // An example that is admitted shows how the token gets in.
    let has_example = presented.open_claims.iter().any(|claim| presented.claims.claims.contains_key(claim));
    if evaluation.decision == Decision::Unknown
        && has_example
        && let Answer::Decided(example) = decide(&with_examples(presented))
        && example.decision == Decision::Admit
    {
        return Answer::Decided(example);
    }
    if evaluation.decision == Decision::Deny && !presented.ready {
        tell_missing(&mut evaluation, &opened, decide);
    }
    Answer::Decided(evaluation)
}

/// The token with every open claim open.
fn opened(presented: &Presented) -> Presented {
    let mut out = presented.clone();
    for name in &presented.open_claims {
        let optional = presented.optional_claims.contains(name);
        out.claims.claims.insert(name.clone(), Claim::Open { optional });
    }
    out
}

/// The token with the examples that it has, and open where it has none.
fn with_examples(presented: &Presented) -> Presented {
    let mut out = opened(presented);
    out.claims.claims.extend(presented.claims.claims.clone());
    out
}

/// A token by hand that lacks a claim which every token of its issuer has: when the claim could decide otherwise, the refusal
/// says so.
fn tell_missing(evaluation: &mut Evaluation, presented: &Presented, decide: &dyn Fn(&Presented) -> Answer) {
    let Some(known) = presented.claims.string("iss").and_then(|iss| presented.issuers.recognise(iss)) else { return };
    let absent = |name: &&str| {
        let always = known.issuer.claim(name).is_some_and(|facts| !facts.optional);
        always && !presented.claims.claims.contains_key(*name) && !matches!(*name, "iss" | "aud" | "sub")
    };
    let refuses = |names: &[&str]| {
        let mut filled = presented.clone();
        filled.claims.claims.extend(names.iter().map(|name| ((*name).to_owned(), Claim::Open { optional: false })));
        match decide(&filled) {
            Answer::Decided(evaluation) => evaluation.decision == Decision::Deny,
            Answer::OtherIssuer | Answer::NotForTokens => true,
        }
    };
    let missing: Vec<&str> = known.issuer.claim_names().filter(absent).collect();
    if missing.is_empty() || refuses(&missing) {
        return;
    }
    // Several may be needed together.
    let alone = missing.iter().copied().find(|name| !refuses(&[name]));
    let Some(name) = alone.or_else(|| {
        missing.iter().copied().find(|name| {
            let others: Vec<&str> = missing.iter().copied().filter(|other| other != name).collect();
            refuses(&others)
        })
    }) else {
        return;
    };
    let note = format!("every token of {} has `{name}`, and this one has not: was it left out?", known.issuer.name);
    if let Some(step) = evaluation.trace.iter_mut().find(|s| matches!(s.outcome, Truth::False | Truth::Error)) {
        step.note = Some(step.note.take().map_or_else(|| note.clone(), |own| format!("{own}; {note}")));
    }
}

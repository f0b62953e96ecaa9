//! The audience of a token that nobody gave one: the customary one of the cloud, else the one that the trust asks for, where the
//! issuer mints it.

use super::{Answer, Presented};
use crate::token::{Decision, Step, Truth};

/// Most audiences of a trust that are tried.
const MAX_AUDIENCES: usize = 16;

/// The trust's answer, `first` with the customary audience. Where whoever asks for the token has to say its audience, or the issuer
/// puts the tenant's own there, a correct workload asks for what the trust wants.
pub(super) fn of_trust(presented: &Presented, wanted: &[String], first: Answer, decide: &dyn Fn(&Presented) -> Answer) -> Answer {
    match &first {
        Answer::Decided(evaluation) if presented.any_audience && evaluation.decision != Decision::Admit => {}
        _ => return first,
    }
    for audience in wanted.iter().take(MAX_AUDIENCES).filter(|audience| is_minted(presented, audience)) {
        let mut asked = presented.clone();
        asked.claims.set("aud", audience.clone());
        asked.any_audience = false;
        asked.open_claims.retain(|claim| claim != "aud");
        let Answer::Decided(mut evaluation) = decide(&asked) else { continue };
        if evaluation.decision == Decision::Admit {
            let note = format!("with the audience `{audience}`, which the trust asks for");
            let (expected, found) = (Some(audience.clone()), Some(audience.clone()));
            evaluation.trace.push(Step {
                test: "audience".to_owned(),
                outcome: Truth::True,
                expected,
                found,
                span: None,
                note: Some(note),
            });
            return Answer::Decided(evaluation);
        }
    }
    first
}

/// Whether a token of the issuer that is known so far can have this audience.
fn is_minted(presented: &Presented, audience: &str) -> bool {
    let Some(iss) = presented.claims.string("iss") else { return false };
    let Some(recognised) = presented.issuers.recognise(iss) else { return false };
    let mut token = presented.claims.clone();
    token.set("aud", audience);
    recognised.templates().iter().any(|template| template.bind(&token).is_some())
}

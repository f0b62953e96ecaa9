//! Entra's federated identity credentials.

use super::{Answer, Issued, Presented, issued, preceded};
use crate::admission::entra::{Credential, evaluate};
use crate::partial::{Text, Unknown, UnknownKind};
use crate::token::{Evaluation, Token};

/// The audience that Entra's own tools ask for.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Decides a credential; what is not there is not known.
pub(super) fn decide(
    issuer: Option<&Text>,
    subject: Option<&Text>,
    audiences: &[Text],
    expression: Option<&Text>,
    presented: &Presented,
) -> Answer {
    if presented.ready {
        return Answer::NotForTokens;
    }
    let unknown =
        || Text::hole(Unknown::new("credential|issuer", UnknownKind::Any, "${issuer}", "the credential's issuer is not known", None), None);
    let issuer = issuer.cloned().unwrap_or_else(unknown);
    let credential =
        Credential { issuer: issuer.clone(), subject: subject.cloned(), audiences: audiences.to_vec(), expression: expression.cloned() };
    match issued(&issuer, presented) {
        Issued::No => Answer::OtherIssuer,
        Issued::Nearly(nearly) => Answer::Decided(preceded(vec![nearly.step()], decided(&credential, presented.claims.clone(), presented))),
        // The evaluator says itself that an issuer with unknowns is not decided.
        Issued::Yes(token) | Issued::Perhaps(token, _) => Answer::Decided(decided(&credential, token, presented)),
    }
}

fn decided(credential: &Credential, mut token: Token, presented: &Presented) -> Evaluation {
    if presented.any_audience {
        token.set("aud", AUDIENCE);
    }
    evaluate(credential, &token)
}

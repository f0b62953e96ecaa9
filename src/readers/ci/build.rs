//! What the readers of CI systems other than GitHub share.

use super::super::context::Object;
use crate::graph::{CiSystem, FactValue, Job, JobAudience, JobIdentity, JobLogin, Minting, Named, Origin, Start, TokenFact, TokenSet};
use crate::partial::{Text, cut};
use crate::place::Span;

/// A job that logs in nowhere yet.
pub(super) fn job(origin: Origin, id: &str, system: CiSystem, minting: Minting) -> Job {
    Job {
        origin,
        id: id.to_owned(),
        system,
        caller: None,
        repository: None,
        minting,
        runs: Vec::new(),
        logins: Vec::new(),
        unused_permission: None,
    }
}

/// A login with one set of tokens.
pub(super) fn login(span: Span, identity: JobIdentity, audience: JobAudience, runs: Vec<TokenSet>) -> JobLogin {
    JobLogin { span, identity, audience, runs, entry: None, optional: false, ambient: false, conflict: None, foreign: Vec::new() }
}

/// Tokens of which this is known.
pub(super) fn tokens(facts: Vec<TokenFact>) -> TokenSet {
    TokenSet { start: Start::Insider, shown: "the pipeline".to_owned(), facts }
}

/// A name that is written in a file.
pub(super) fn named(object: &Object<'_>, text: Text) -> Named {
    Named { text, scope: object.file.to_owned(), repository: None }
}

/// A claim with this value.
pub(super) fn is(claim: &str, value: &str, span: Option<Span>) -> TokenFact {
    TokenFact::claim(claim, FactValue::Is(value.to_owned()), span)
}

/// A role by its ARN, as far as it is written.
pub(super) fn role(object: &Object<'_>, text: Option<Text>) -> Option<JobIdentity> {
    let text = text.filter(|t| cut::flat(t).starts_with("arn:") && !cut::flat(t).contains(['$', '<']))?;
    Some(JobIdentity::AwsRole(vec![named(object, text)]))
}

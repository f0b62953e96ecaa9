//! Who gets in: predicates over tokens, exactly as the clouds evaluate them.
//!
//! Two ways lead to an answer and check each other. The *concrete evaluators* ([`iam`], [`cel`], [`entra`], [`spiffe`])
//! decide one token under one policy with the cloud's own semantics and a trace. The *formula* ([`formula`]) is the same
//! policy as a boolean combination of string tests, which [`search`] walks together with an issuer's token templates to
//! find a witness or to prove that there is none.

pub mod cel;
pub mod entra;
pub mod exposure;
pub mod formula;
mod given;
pub(crate) mod glob;
pub mod iam;
pub mod search;
#[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "the readers of SPIRE that bring it facts are being built"))]
pub mod spiffe;

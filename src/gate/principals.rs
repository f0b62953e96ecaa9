//! IAM trust policies as the principals of AWS accounts meet them: an issuer like the others, whose tokens are condition keys.

use crate::admission::exposure::shape;
use crate::admission::formula::Formula;
use crate::admission::iam::{self, Effect, Policy, Statement, View, Viewer};
use crate::issuers::{Registry, SessionTags, Template};
use std::collections::BTreeSet;

/// What a principal calls
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
pub const ASSUME_ROLE: &str = "sts:AssumeRole";
/// The keys that say who calls.
pub const WHO: [&str; 2] = ["aws:principalaccount", "aws:principalarn"];

/// One statement, with every deny, as the principals of AWS accounts meet it.
#[derive(Debug, Clone)]
pub struct PrincipalView {
    /// What the statement asks of a caller.
    pub formula: Formula,
    /// The same when the tests hold that depend on when and where the request is made.
    pub lenient: Formula,
    /// The callers that differ in what the formula reads.
    pub templates: Vec<Template>,
}

impl PrincipalView {
    /// The view of the statement with this index.
    #[must_use]
    pub fn of(registry: &Registry, policy: &Policy, index: usize) -> Option<Self> {
        let tags = iam::session_tags(policy, SessionTags::Any);
        let kept = |i: usize, s: &Statement| i == index || s.effect != Effect::Allow;
        let statements = policy.statements.iter().enumerate().filter(|(i, s)| kept(*i, s)).map(|(_, s)| s.clone()).collect();
        let policy = Policy { statements, problems: Vec::new(), ..policy.clone() };
        let view = View { viewer: Viewer::Principals, issuer: None, action: ASSUME_ROLE, claim_of: &|_| None };
        let formula = iam::formula(&policy, &view);
        let read = read(&formula).into_iter().chain(WHO.map(str::to_owned)).collect();
        let templates = iam::with_request_keys(registry.aws_principals()?.templates_for(&read), &formula, &view.viewer, tags);
        Some(Self { formula, lenient: iam::lenient_formula(&policy, &view), templates })
    }
}

/// The keys that a formula reads.
#[must_use]
pub fn read(formula: &Formula) -> BTreeSet<String> {
    shape::read(formula)
}

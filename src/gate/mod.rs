//! Trusts as tokens meet them: whose tokens a trust takes, what it asks of them, and which audience the cloud accepts.
//!
//! A trust of the graph is turned into views here, once. The checks and the simulation are users of the same views, so
//! that they agree on who is asked, and what.

pub mod audience;
pub mod aws;
pub mod azure;
pub mod google;
pub mod issuer;
pub mod jobs;
pub mod principals;
pub mod subjects;

use crate::admission::exposure::{self, Reachability};
use crate::admission::formula::Formula;
use crate::admission::search::Shared;
use crate::graph::links::Links;
use crate::graph::{Graph, SubjectFormat};
use crate::issuers::{Recognised, Registry, Template};
use audience::Accepted;
use std::sync::Arc;
use subjects::Subjects;

/// What views are made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The facts.
    pub graph: &'a Graph,
    /// What belongs together.
    pub links: &'a Links,
    /// Who mints tokens.
    pub registry: &'a Registry,
    /// What the decisions of the run share.
    pub shared: &'a Arc<Shared>,
}

impl Inputs<'_> {
    /// Whether any token of these templates satisfies a formula.
    #[must_use]
    pub fn reachability(&self, formula: &Formula, templates: &[Template]) -> Reachability {
        exposure::reachability_in(formula, &self.shared.templates(templates))
    }
}

/// A trust as the tokens of one issuer meet it. `via` is what the cloud reads them through: a federated principal, a
/// provider of a pool, a credential.
#[derive(Debug, Clone)]
pub struct IssuerView<'a, V> {
    /// What the tokens are read through.
    pub via: V,
    /// The issuer.
    pub recognised: Recognised<'a>,
    /// The view is the only one there can be: the issuer is told by its URL, the condition is known.
    pub certain: bool,
    /// What the trust asks of a token, as it is written: without the audience that the cloud accepts.
    pub formula: Formula,
    /// The tokens of the issuer that differ in what the formula reads.
    pub templates: Vec<Template>,
    /// What is known of their subjects.
    pub subjects: Subjects,
    /// The audiences that the cloud accepts beside the formula; none where it accepts any, or where they are not known.
    pub accepted: Option<Accepted>,
    /// Customised subjects of the scan.
    pub formats: &'a [SubjectFormat],
}

impl<V> IssuerView<'_, V> {
    /// The tokens that can matter for a formula.
    #[must_use]
    pub fn templates_for(&self, formula: &Formula) -> Vec<Template> {
        self.tokens(formula).0
    }

    /// The same, with what is known of their subjects.
    #[must_use]
    pub fn tokens(&self, formula: &Formula) -> (Vec<Template>, Subjects) {
        subjects::tokens(&self.recognised, formula, self.formats)
    }
}

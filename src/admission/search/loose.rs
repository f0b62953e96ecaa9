//! Tokens that nobody has documented: what a proof must not rest on.
//!
//! A registry knows the tokens that vendors describe. Where a vendor says no more of a claim than that it is there, where a
//! list of values grows, and where a claim, or a member of one, is one that nobody lists, "no token has it" is likely and not proven.

use super::resolve::{Prepared, Templates};
use crate::issuers::{ClaimPart, Role, Segment, Template};
use std::sync::Arc;

/// Whatever a string can hold.
const ANYTHING: &str = r"[^\x00-\x1f\x7f]*";

impl Templates {
    /// The same templates with all that is not documented left open; none when all of it is.
    #[must_use]
    pub fn loosened(&self) -> Option<Self> {
        let objects = |t: &Template| t.claims.iter().any(|(name, _)| name.starts_with('/'));
        let named = |t: &Template| !t.undocumented.is_empty() || !t.unlisted.is_empty() || objects(t);
        let guessed = |t: &Template| t.segments.iter().any(|s| s.guessed.is_some()) || named(t);
        if !self.templates().any(guessed) {
            return None;
        }
        let all = self.templates().map(|t| Arc::new(Prepared::new(loose(t), true))).collect();
        Some(Self::ready(all, Arc::default(), Arc::clone(&self.shared), self.budget.clone()))
    }
}

fn loose(template: &Template) -> Template {
    let mut out = template.clone();
    for segment in Arc::make_mut(&mut out.segments).iter_mut() {
        if let Some(wider) = segment.guessed.take() {
            segment.alphabet = wider;
        }
    }
    for claim in &template.undocumented {
        let index = out.segments.len();
        let Some((_, parts)) = Arc::make_mut(&mut out.claims).iter_mut().find(|(name, _)| name == claim) else { continue };
        *parts = vec![ClaimPart::Segment(index)];
        Arc::make_mut(&mut out.segments).push(Segment {
            name: format!("undocumented {claim}"),
            role: Role::Other,
            alphabet: ANYTHING.to_owned(),
            samples: Vec::new(),
            guessed: None,
        });
    }
    out
}

//! Claims that the vendor documents and no template mints: they are there with any value, or not there at all.

use super::schema::Kind;
use super::template::root;
use super::{ClaimPart, Issuer, Role, Segment, Template};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most such claims that are told apart one by one; a further one is in every token.
const MAX_OPTIONAL: usize = 3;

impl Issuer {
    /// These templates with and without the listed claims among those that are read, and with the names of the claims that
    /// nobody lists.
    pub(super) fn with_listed(&self, templates: Vec<Template>, claims: &BTreeSet<String>) -> Vec<Template> {
        let minted = |claim: &str| templates.iter().any(|t| t.claims.iter().any(|(name, _)| root(name) == claim));
        let mut unlisted = Vec::new();
        let mut free = Vec::new();
        for claim in claims.iter().filter(|c| !minted(c)) {
            match self.claim(claim) {
                Some(_) => free.push(claim),
                None if self.source.closed => {}
                None => unlisted.push(claim.clone()),
            }
        }
        let mut out = templates;
        out.iter_mut().for_each(|t| t.unlisted.clone_from(&unlisted));
        for (place, claim) in free.into_iter().enumerate() {
            let optional = place < MAX_OPTIONAL && self.claim(claim).is_some_and(|facts| facts.optional);
            let without = if optional { out.clone() } else { Vec::new() };
            out.iter_mut().for_each(|t| self.add(t, claim));
            out.extend(without);
        }
        out
    }

    fn add(&self, template: &mut Template, claim: &str) {
        let facts = self.claim(claim).copied().unwrap_or_default();
        let (alphabet, sample) = match facts.kind {
            Kind::String | Kind::List => (r"[^\x00-\x1f\x7f]*", "other"),
            Kind::Number => ("0|-?[1-9][0-9]*", "1"),
            Kind::Bool => ("true|false", "false"),
        };
        Arc::make_mut(&mut template.claims).push((claim.to_owned(), vec![ClaimPart::Segment(template.segments.len())]));
        Arc::make_mut(&mut template.segments).push(Segment {
            name: format!("value of {claim}"),
            role: if facts.caller_chosen { Role::CallerChosen } else { Role::Other },
            alphabet: alphabet.to_owned(),
            samples: vec![sample.to_owned()],
            guessed: None,
        });
    }
}

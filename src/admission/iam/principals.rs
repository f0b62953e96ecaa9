//! Who is named, and which issuer a federated principal stands for.

use super::pattern::equal;
use super::policy::{Effect, Policy, PrincipalKind, Statement};
use super::principal_shape::malformed;
use crate::partial::{Part, Text, cut, hops};
use crate::place::Span;
use crate::token::Truth;

/// Identity providers that IAM knows without a provider resource
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).
pub const BUILT_IN_HOSTS: [&str; 4] = ["accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"];

/// A principal of a policy.
#[derive(Debug, Clone)]
pub struct PrincipalRef {
    /// Its kind.
    pub kind: PrincipalKind,
    /// What it says.
    pub text: Text,
    /// Where.
    pub span: Option<Span>,
    /// Where the statement names it: its text when that is written there, else the key that it stands under.
    pub named_at: Option<Span>,
    /// What the statement does.
    pub effect: Effect,
    /// The statement's index in [`Policy::statements`].
    pub statement: usize,
    /// It stands under `NotPrincipal`.
    pub negated: bool,
    /// It is one of several alternatives.
    pub alternative: bool,
}

impl PrincipalRef {
    /// It lets in who shows a token of an OpenID Connect provider, or may: no SAML provider is written, and nothing that IAM
    /// refuses.
    #[must_use]
    pub fn brings_tokens(&self) -> bool {
        let federated = self.kind == PrincipalKind::Federated && self.effect == Effect::Allow && !self.negated;
        federated && !is_saml(&self.text) && malformed(self.kind, &self.text).is_none()
    }
}

/// Every principal that the policy names, in order.
#[must_use]
pub fn principals(policy: &Policy) -> Vec<PrincipalRef> {
    let mut out = Vec::new();
    for (index, statement) in policy.statements.iter().enumerate() {
        for principal in &statement.principals.items {
            let choices = &principal.leaf.choices;
            out.extend(choices.iter().map(|text| PrincipalRef {
                kind: principal.kind,
                text: text.clone(),
                span: written(statement, &principal.key, text).or_else(|| text.span()).or(principal.leaf.span),
                named_at: written(statement, &principal.key, text).or_else(|| principal.key.span()),
                effect: statement.effect,
                statement: index,
                negated: statement.principals.negated,
                alternative: choices.len() > 1 || statement.maybe.is_some(),
            }));
        }
    }
    out
}

/// The federated principals that the policy lets in, or may let in, as they are written. Whom a statement denies, it does not
/// let in (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_effect.html>).
#[must_use]
pub fn federated(policy: &Policy) -> Vec<&Text> {
    let lets_in = policy.statements.iter().filter(|s| s.effect != Effect::Deny && !s.principals.negated);
    let named = lets_in.flat_map(|s| s.principals.items.iter().chain(&s.principals.possible));
    named.filter(|p| p.kind == PrincipalKind::Federated).flat_map(|p| &p.leaf.choices).collect()
}

/// The pieces that stand in the statement itself: they came no farther than the key, and the value of a variable that nobody
/// sets, whose place is its declaration, stands elsewhere.
fn written(statement: &Statement, key: &Text, text: &Text) -> Option<Span> {
    let way = hops(&key.trail()).count();
    let outer = statement.span.filter(|whole| key.span().is_some_and(|key| whole.contains(key)));
    let inside = |span: Span| match (outer, key.span()) {
        (Some(whole), _) => whole.contains(span),
        // Of a block only the header may be known: its values stand after their key.
        (None, Some(key)) => span.file == key.file && span.start >= key.start,
        (None, None) => true,
    };
    let here = |part: &&Part| match part {
        Part::Literal { trail, .. } => hops(trail).count() <= way,
        Part::Hole { trail, span, .. } => hops(trail).count() <= way && span.is_none_or(inside),
    };
    let mut spans = text.parts.iter().filter(here).filter_map(Part::span);
    let first = spans.next()?;
    let last = spans.filter(|s| s.file == first.file && s.start >= first.start).max_by_key(|s| s.end).unwrap_or(first);
    Some(Span { end: first.end.max(last.end), ..first })
}

/// The issuer's host and path of a federated principal: what stands after `:oidc-provider/`, or a built-in host.
/// None for SAML and for a text that does not show it.
#[must_use]
pub fn issuer_of_federated(text: &Text) -> Option<Text> {
    if let Some(known) = text.as_known()
        && BUILT_IN_HOSTS.contains(&known.as_str())
    {
        return Some(text.clone());
    }
    cut::split_once(text, ":oidc-provider/").map(|(_, issuer)| issuer).filter(|t| !t.parts.is_empty())
}

/// Does a federated principal stand for this issuer, in whatever account?
pub(super) fn stands_for(text: &Text, host: &Text) -> Truth {
    match issuer_of_federated(text) {
        Some(issuer) => equal(&issuer, host),
        None if text.is_known() || is_saml(text) => Truth::False,
        None => Truth::Unknown,
    }
}

/// True for the ARN of a SAML provider.
#[must_use]
pub fn is_saml(text: &Text) -> bool {
    cut::split_once(text, ":saml-provider/").is_some()
}

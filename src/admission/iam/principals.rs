//! Who is named, and which issuer a federated principal stands for.

use super::pattern::equal;
use super::policy::{Effect, Policy, PrincipalKind};
use crate::partial::{Part, Text, hops};
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
    /// It lets in who shows a token of an OpenID Connect provider, or may: no SAML provider is written.
    #[must_use]
    pub fn brings_tokens(&self) -> bool {
        self.kind == PrincipalKind::Federated && self.effect == Effect::Allow && !self.negated && !is_saml(&self.text)
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
                span: written(&principal.key, text).or_else(|| text.span()).or(principal.leaf.span),
                named_at: written(&principal.key, text).or_else(|| principal.key.span()),
                effect: statement.effect,
                statement: index,
                negated: statement.principals.negated,
                alternative: choices.len() > 1 || statement.maybe.is_some(),
            }));
        }
    }
    out
}

/// The pieces that stand in the statement itself: they came no farther than the key.
fn written(key: &Text, text: &Text) -> Option<Span> {
    let way = hops(&key.trail()).count();
    let here = |part: &&Part| match part {
        Part::Literal { trail, .. } | Part::Hole { trail, .. } => hops(trail).count() <= way,
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
    after(text, ":oidc-provider/").filter(|t| !t.parts.is_empty())
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
    after(text, ":saml-provider/").is_some()
}

/// The part of the text after the first `marker` of its literal characters; the marker may run over several literals.
fn after(text: &Text, marker: &str) -> Option<Text> {
    // A hole becomes a character that no marker contains, so that byte offsets tell the parts apart.
    let shape = text.fill(|_| "\u{0}".to_owned());
    let start = shape.find(marker)? + marker.len();
    Some(tail(text, start))
}

/// The text from byte `start` of its shape on, a hole counting one byte.
pub(super) fn tail(text: &Text, start: usize) -> Text {
    let mut at = 0;
    let mut out = Text::default();
    for (index, part) in text.parts.iter().enumerate() {
        let length = match part {
            Part::Literal { text, .. } => text.len(),
            Part::Hole { .. } => 1,
        };
        if at >= start {
            out.parts.push(part.clone());
        } else if at + length > start
            && let Part::Literal { text: literal, trail, .. } = part
            && let Some(rest) = literal.get(start - at..)
        {
            out.parts.push(Part::Literal { text: rest.into(), span: text.span_of(index, start - at..literal.len()), trail: trail.clone() });
        }
        at += length;
    }
    out
}

/// The text up to byte `end` of its shape, a hole counting one byte.
pub(super) fn head(text: &Text, end: usize) -> Text {
    let mut at = 0;
    let mut out = Text::default();
    for (index, part) in text.parts.iter().enumerate() {
        match part {
            Part::Literal { text: literal, trail, .. } => {
                let cut = end.saturating_sub(at).min(literal.len());
                if let Some(piece) = literal.get(..cut)
                    && !piece.is_empty()
                {
                    out.parts.push(Part::Literal { text: piece.into(), span: text.span_of(index, 0..cut), trail: trail.clone() });
                }
                at += literal.len();
            }
            Part::Hole { .. } => {
                if at < end {
                    out.parts.push(part.clone());
                }
                at += 1;
            }
        }
    }
    out
}

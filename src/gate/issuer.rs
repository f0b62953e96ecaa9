//! Which issuer a trust means, also when its URL is not known statically.

use crate::admission::exposure::{fill::Filler, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher};
use crate::issuers::{Recognised, Registry, StandsFor, Template};
use crate::partial::{Part, Text, Unknown, UnknownKind};
use std::collections::BTreeSet;

/// An issuer and how it was told.
#[derive(Debug, Clone)]
pub struct Known<'r> {
    /// The issuer.
    pub recognised: Recognised<'r>,
    /// It was told by its URL, not by a hint.
    pub certain: bool,
}

/// The issuer behind a URL or host and path, `subjects` being patterns that the trust compares `sub` with.
#[must_use]
pub fn known<'r>(registry: &'r Registry, url: &Text, subjects: &[String]) -> Option<Known<'r>> {
    let bare = bare(url);
    let filled = bare.fill(stand_in);
    if bare.is_known()
        && let Some(recognised) = registry.recognise(&filled)
    {
        return Some(Known { recognised, certain: true });
    }
    let prefix = bare.known_prefix();
    let by_url = registry.by_url_prefix(&prefix);
    let hinted = by_url.or_else(|| subjects.iter().find_map(|s| registry.by_subject_prefix(s))).map(|i| i.id.as_str());
    let named = |id| named_by(registry, id, &bare, subjects).or_else(|| registry.as_issuer(id, &filled));
    // An unknown that is known to be an issuer comes from a cluster: nothing else has its issuer computed.
    let computed = hinted.is_none() && bare.parts.len() == 1 && bare.atoms().any(|a| a.kind() == UnknownKind::IssuerHostPath);
    let cluster = || computed.then(|| registry.standing_for(StandsFor::Cluster, &filled)).flatten();
    let recognised = hinted.and_then(named).or_else(cluster).or_else(|| registry.generic(&filled))?;
    Some(Known { recognised, certain: false })
}

/// What an unknown of the URL is taken for: the same that the search fills in where it stands in a pattern.
fn stand_in(atom: &Unknown) -> String {
    match atom.kind() {
        UnknownKind::IssuerHostPath => "cluster-issuer.example.com".to_owned(),
        _ => Filler::default().value(atom),
    }
}

/// The issuer whose one unknown is what a subject pattern writes in its place: `oidc.circleci.com/org/${ORG}` beside
/// `org/7d8cdf74-…/project/…`.
fn named_by<'r>(registry: &'r Registry, id: &str, bare: &Text, subjects: &[String]) -> Option<Recognised<'r>> {
    /// A name that stands in no subject by itself.
    const MARK: &str = "x0x0x0x0x0x0";
    if bare.atoms().count() != 1 {
        return None;
    }
    let guess = registry.as_issuer(id, &bare.fill(|_| MARK.to_owned()))?;
    let templates = guess.templates();
    let sub = templates.iter().find_map(|t| t.claim("sub").map(|parts| t.text(parts)))?;
    let (before, after) = sub.split_once(MARK)?;
    let after: String = after.chars().take(1).collect();
    let written = subjects.iter().find_map(|s| s.strip_prefix(before).filter(|_| !after.is_empty())?.split_once(&after));
    let (name, _) = written.filter(|(name, _)| !name.is_empty() && !name.contains(['*', '?', ':', '/']))?;
    registry.as_issuer(id, &bare.fill(|_| name.to_owned()))
}

/// Without `https://`.
fn bare(url: &Text) -> Text {
    let mut out = url.clone();
    if let Some(Part::Literal { text, .. }) = out.parts.first_mut()
        && let Some(rest) = text.strip_prefix("https://")
    {
        *text = rest.into();
    }
    out.parts.retain(|part| !matches!(part, Part::Literal { text, .. } if text.is_empty()));
    out
}

/// How a token's issuer stands to one that is trusted. Google and Entra compare them character by character
/// (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// It is the one.
    Same,
    /// It may be the one: what is trusted is not known whole.
    Perhaps,
    /// It is the one but for a slip, and so it is not.
    Nearly(Difference),
    /// It is another one.
    Other,
}

/// How an issuer that is trusted differs from the one of a token that it is nearly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// What is trusted has no scheme.
    NoScheme,
    /// Another scheme.
    Scheme,
    /// What is trusted ends with a slash that the token's issuer has not.
    SlashTooMany,
    /// What is trusted lacks the slash at the end.
    SlashMissing,
    /// The letter case.
    LetterCase,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self {
            Self::NoScheme => "`https://` is missing in what is trusted",
            Self::Scheme => "the scheme differs",
            Self::SlashTooMany => "what is trusted has a slash at the end that the token's issuer has not",
            Self::SlashMissing => "the slash at the end of the token's issuer is missing in what is trusted",
            Self::LetterCase => "they differ in upper and lower case",
        };
        write!(f, "nearly: {what}, and issuers are compared character by character")
    }
}

/// Compares the issuer of a token with one that is trusted.
#[must_use]
pub fn compare(trusted: &Text, iss: &str) -> Sameness {
    match trusted.as_known() {
        None if may_be(trusted, iss) => Sameness::Perhaps,
        None => Sameness::Other,
        Some(known) if known == iss => Sameness::Same,
        Some(known) if without_scheme_and_slash(&known).eq_ignore_ascii_case(without_scheme_and_slash(iss)) => {
            Sameness::Nearly(difference(&known, iss))
        }
        Some(_) => Sameness::Other,
    }
}

/// How two issuers differ that are the same but for a slip.
#[must_use]
pub fn difference(trusted: &str, iss: &str) -> Difference {
    let scheme = |url: &str| url.split_once("://").map(|(scheme, _)| scheme.to_owned());
    match (scheme(trusted), scheme(iss)) {
        (None, _) => return Difference::NoScheme,
        (own, other) if own != other => return Difference::Scheme,
        _ => {}
    }
    match (trusted.ends_with('/'), iss.ends_with('/')) {
        (true, false) => Difference::SlashTooMany,
        (false, true) => Difference::SlashMissing,
        _ => Difference::LetterCase,
    }
}

/// Without the scheme and a slash at the end.
#[must_use]
pub fn without_scheme_and_slash(url: &str) -> &str {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    rest.strip_suffix('/').unwrap_or(rest)
}

/// Whether a text with holes can be this string, by its ends.
#[must_use]
pub fn may_be(text: &Text, string: &str) -> bool {
    let (prefix, suffix) = (text.known_prefix(), text.known_suffix());
    string.len() >= prefix.len() + suffix.len() && string.starts_with(&prefix) && string.ends_with(&suffix)
}

/// The templates that can matter for a formula: those that differ in the claims it reads, where nobody has customised a subject.
#[cfg(any(test, feature = "internals"))]
#[must_use]
pub fn templates(recognised: &Recognised<'_>, formula: &Formula) -> Vec<Template> {
    super::subjects::tokens(recognised, formula, &[]).0
}

/// The same with the default subject alone, whatever the formula asks for.
#[must_use]
pub fn by_default(recognised: &Recognised<'_>, formula: &Formula) -> Vec<Template> {
    let mut claims: BTreeSet<String> = shape::read(formula);
    claims.insert("sub".to_owned());
    recognised.templates_for(&claims)
}

/// The patterns that a formula compares a claim with, as text.
#[must_use]
pub fn patterns(formula: &Formula, claim: &str) -> Vec<String> {
    let compared = shape::tests(formula).into_iter().filter(|o| shape::claims(&o.test.subject).contains(claim));
    compared
        .filter_map(|o| match &o.test.matcher {
            Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) => Some(t.known_prefix()),
            Matcher::Glob(parts) => match parts.first() {
                Some(GlobPart::Literal(t)) => Some(t.known_prefix()),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// The form of a claim in the issuer's first template: `repo:{owner}/{repository}:ref:refs/heads/{branch}`.
#[must_use]
pub fn example(templates: &[Template], claim: &str) -> String {
    let text = templates.first().and_then(|t| t.claim(claim).map(|parts| t.text(parts))).unwrap_or_default();
    // Braces around a name already say that it stands for a value.
    text.replace("{{", "{").replace("}}", "}")
}

//! From a URL to an issuer, and from an issuer to the tokens it mints.

use super::distance::nearest;
use super::registry::{Entry, Registry};
use super::schema::{ClaimFacts, Flexible, Issuer, Kind, Slash};
use super::template::root;
use super::{StandsFor, Template, expand};
use crate::token::{Claim, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The claims that AWS offers as condition keys for every OIDC provider.
const AWS_DEFAULT_CLAIMS: [&str; 5] = ["sub", "aud", "amr", "email", "oaud"];
/// Longer URLs are no issuers (Entra and Google stop earlier).
const MAX_URL: usize = 2048;

/// An issuer that is known by its URL.
#[derive(Debug, Clone)]
pub struct Recognised<'a> {
    /// The issuer.
    pub issuer: &'a Issuer,
    /// The variable parts of the URL: `region`, `cluster`, `slug`.
    pub captures: BTreeMap<String, String>,
    /// The URL as it was written, without `https://`: what AWS puts before the colon of a condition key.
    pub host_path: String,
    /// The `iss` of the issuer's tokens. It differs from `https://` and [`Recognised::host_path`] when the URL has a
    /// slash too many or too few: such a trust admits nobody where issuers are compared exactly.
    pub iss: String,
}

impl Registry {
    /// The issuer that this URL names, with or without `https://`; a slash too many or too few is forgiven (see
    /// [`Recognised::iss`]), any other scheme is not.
    #[must_use]
    pub fn recognise(&self, url: &str) -> Option<Recognised<'_>> {
        let host_path = host_path(url)?;
        let bare = lower_host(host_path.strip_suffix('/').unwrap_or(host_path));
        let found = self.find(&bare)?;
        Some(recognised(&found.0.issuer, found.1, host_path, &bare))
    }

    /// This URL as an issuer of a kind that its URL does not show: a self-managed GitLab, a SPIRE server, a cluster.
    /// None for an unknown id, or when the issuer's tokens repeat a part of the URL that this one does not have.
    #[must_use]
    pub fn as_issuer(&self, id: &str, url: &str) -> Option<Recognised<'_>> {
        let issuer = self.by_id(id)?;
        let host_path = host_path(url).unwrap_or(url);
        let bare = lower_host(host_path.strip_suffix('/').unwrap_or(host_path));
        let entry = self.entries().iter().find(|e| e.issuer.id == id)?;
        let found = captures(entry, &bare);
        let whole = found.is_some() || issuer.host.pattern.is_none();
        let recognised = recognised(issuer, found.unwrap_or_default(), host_path, &bare);
        // without the parts of the URL that its tokens repeat, there is nothing to say about them
        (whole || !recognised.templates().is_empty()).then_some(recognised)
    }

    /// An issuer that the registry does not know: a free `sub`, and nobody can say who else gets tokens from it.
    /// None only when the registry has none that stands for it.
    #[must_use]
    pub fn generic(&self, url: &str) -> Option<Recognised<'_>> {
        self.standing_for(StandsFor::Unknown, url)
    }

    fn find(&self, bare: &str) -> Option<(&Entry, BTreeMap<String, String>)> {
        let exact = self.entries().iter().rev().find(|e| e.issuer.host.exact.iter().any(|h| h == bare));
        if let Some(entry) = exact {
            return Some((entry, BTreeMap::new()));
        }
        // a pattern of the users' own never takes a URL that is known without it
        let by_pattern = |own: bool| self.entries().iter().rev().filter(move |e| e.own == own);
        by_pattern(false).chain(by_pattern(true)).find_map(|entry| captures(entry, bare).map(|c| (entry, c)))
    }
}

/// Without the scheme; none for another scheme, an empty or an overlong URL.
pub(super) fn host_path(url: &str) -> Option<&str> {
    let rest = match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
        Some(_) => return None,
        None => url,
    };
    (!rest.is_empty() && rest.len() <= MAX_URL && !rest.contains(char::is_whitespace)).then_some(rest)
}

/// The host and path of a URL as issuers are told apart by: the host in small letters, no slash at the end.
pub(super) fn bare_host_path(url: &str) -> Option<String> {
    host_path(url).map(|bare| lower_host(bare.strip_suffix('/').unwrap_or(bare)))
}

fn lower_host(bare: &str) -> String {
    match bare.split_once('/') {
        Some((host, path)) => format!("{}/{path}", host.to_ascii_lowercase()),
        None => bare.to_ascii_lowercase(),
    }
}

fn captures(entry: &Entry, bare: &str) -> Option<BTreeMap<String, String>> {
    if !bare.contains(&entry.issuer.host.hint) {
        return None;
    }
    let pattern = entry.pattern()?;
    if pattern.except.as_ref().is_some_and(|e| e.is_match(bare)) {
        return None;
    }
    let found = pattern.regex.captures(bare)?;
    let names = pattern.regex.capture_names().flatten();
    Some(names.filter_map(|n| found.name(n).map(|m| (n.to_owned(), m.as_str().to_owned()))).collect())
}

fn recognised<'a>(issuer: &'a Issuer, captures: BTreeMap<String, String>, host_path: &str, bare: &str) -> Recognised<'a> {
    let canonical = issuer.host.canonical.as_deref().unwrap_or(bare);
    let iss = match issuer.slash {
        Slash::Forbidden => format!("https://{canonical}"),
        Slash::Required => format!("https://{canonical}/"),
        Slash::Any => format!("https://{host_path}"),
    };
    Recognised { issuer, captures, host_path: host_path.to_owned(), iss }
}

impl Recognised<'_> {
    /// Whether the URL is, byte by byte, the one in the issuer's tokens.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.iss.strip_prefix("https://") == Some(self.host_path.as_str())
    }

    /// Every token that the issuer mints by its own defaults.
    #[must_use]
    pub fn templates(&self) -> Vec<Template> {
        self.expanded().to_vec()
    }

    fn expanded(&self) -> Arc<Vec<Template>> {
        // the same sources were expanded when the registry was read, so an error cannot come up here
        let expand =
            |parts: &BTreeMap<String, String>| expand::templates(&self.issuer.source, parts, &|_| Some(String::new())).unwrap_or_default();
        self.issuer.expanded.get((self.placeholders(), None), expand)
    }

    /// Like [`Recognised::templates`], but of templates that do not differ in these claims only the first: enough for a policy that
    /// reads no other claim.
    #[must_use]
    pub fn templates_for(&self, claims: &BTreeSet<String>) -> Vec<Template> {
        let different = |_: &BTreeMap<String, String>| {
            let mut seen = BTreeSet::new();
            let templates = self.expanded().iter().filter(|t| seen.insert((t.context, shape(t, claims)))).cloned().collect();
            self.issuer.with_listed(templates, claims)
        };
        self.issuer.expanded.get((self.placeholders(), Some(claims.clone())), different).to_vec()
    }

    /// The audience of a token for which nobody has asked for one; none where it names what only the token tells.
    #[must_use]
    pub fn default_audience(&self) -> Option<String> {
        let mut audience = self.issuer.audiences.get("default")?.clone();
        for (name, value) in &self.captures {
            audience = audience.replace(&format!("<{name}>"), value);
        }
        (!audience.contains('<')).then_some(audience)
    }

    /// What Entra's flexible credentials may test with this issuer; none when Entra takes none for it.
    #[must_use]
    pub fn flexible(&self) -> Option<&Flexible> {
        let host = self.iss.strip_prefix("https://")?;
        let taken = |hosts: &String| regex::Regex::new(&format!("^(?:{hosts})$")).is_ok_and(|r| r.is_match(host));
        self.issuer.entra.as_ref().filter(|f| f.hosts.as_ref().is_none_or(taken))
    }

    /// The full condition key under which AWS offers a claim: `token.actions.githubusercontent.com:sub`.
    #[must_use]
    pub fn aws_key(&self, claim: &str) -> Option<String> {
        self.issuer.aws_key_of(claim).map(|key| format!("{}:{key}", self.host_path))
    }

    pub(super) fn placeholders(&self) -> BTreeMap<String, String> {
        let mut captures = self.captures.clone();
        captures.insert("issuer".to_owned(), self.iss.clone());
        captures
    }
}

/// The text of these claims with the names of their segments: equal for templates that mint the same.
pub(super) fn shape(template: &Template, claims: &BTreeSet<String>) -> Vec<String> {
    let wanted = |name: &str| claims.contains(&root(name));
    template.claims.iter().filter(|(name, _)| wanted(name)).map(|(name, parts)| format!("{name} {}", template.text(parts))).collect()
}

impl Issuer {
    /// What is known of a claim; none when the issuer has no such claim.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&ClaimFacts> {
        self.facts().get(name).or_else(|| {
            let family = self.facts().iter().find(|(k, _)| k.strip_suffix('*').is_some_and(|head| name.starts_with(head)));
            family.map(|(_, facts)| facts)
        })
    }

    /// The names of its claims, in order. A name that ends with `*` stands for a family; a name that starts with `/`
    /// is a JSON Pointer into a claim that is an object.
    pub fn claim_names(&self) -> impl Iterator<Item = &str> {
        self.facts().keys().map(String::as_str)
    }

    /// The claim that somebody who wrote `name` may have meant.
    #[must_use]
    pub fn nearest_claim(&self, name: &str) -> Option<&str> {
        nearest(name, self.claim_names().filter(|n| !n.ends_with('*') && !n.starts_with('/')))
    }

    /// The part after the colon of the condition key under which AWS offers a claim; none when AWS does not.
    #[must_use]
    pub fn aws_key_of(&self, claim: &str) -> Option<&str> {
        let own = self.aws_claims.iter().map(String::as_str);
        let default = AWS_DEFAULT_CLAIMS.iter().copied().filter(|_| self.aws_default_claims);
        own.chain(default).find(|k| k.eq_ignore_ascii_case(claim))
    }

    /// The claims that are truth values.
    pub fn truths(&self) -> impl Iterator<Item = &String> {
        self.facts().iter().filter(|(_, facts)| facts.kind == Kind::Bool).map(|(name, _)| name)
    }

    /// Gives claims that are numbers, booleans or lists their JSON type: templates only know strings.
    #[must_use]
    pub fn typed(&self, mut token: Token) -> Token {
        for (name, claim) in &mut token.claims {
            let (Claim::String(text), Some(facts)) = (&*claim, self.claim(name)) else { continue };
            let typed = match facts.kind {
                Kind::String => None,
                Kind::List => Some(Claim::List(vec![text.clone()])),
                Kind::Number | Kind::Bool => serde_json::from_str(text).ok().map(Claim::Json),
            };
            if let Some(typed) = typed {
                *claim = typed;
            }
        }
        token
    }
}

//! Issuer URLs that look right and are not.

use super::distance::distance;
use super::recognise::host_path;
use super::registry;
use std::fmt;

/// Shorter hosts are not compared: two short names are near each other by chance.
const MIN_HOST: usize = 8;
/// From this length on, two differences are still a slip or a trick.
const LONG_HOST: usize = 16;

/// What is wrong with an issuer's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// White space around the URL.
    WhiteSpace(String),
    /// Another scheme than `https`.
    Scheme {
        /// The one that is written.
        written: String,
        /// The issuer that is meant.
        issuer: String,
    },
    /// No scheme at all.
    NoScheme(String),
    /// The address of the discovery document of this issuer.
    Discovery(String),
    /// This issuer ends with a slash.
    SlashMissing(String),
    /// This issuer does not end with a slash.
    SlashTooMany(String),
    /// The letters of this issuer's host are small.
    LetterCase(String),
    /// It differs from this issuer otherwise.
    Differs(String),
    /// The address of the product, whose tokens come from this issuer.
    Website(String),
    /// A path that stands for many tenants at Entra: tokens name their own.
    ManyTenants(String),
    /// A host that begins like a known one and is another's.
    Foreign {
        /// The host.
        host: String,
        /// The known one.
        real: String,
    },
    /// A host that is spelled nearly like a known one.
    Similar {
        /// The host.
        host: String,
        /// The known one.
        real: String,
    },
}

impl Mistake {
    /// The URL is somebody's, though not the issuer's that it looks like.
    #[must_use]
    pub fn is_look_alike(&self) -> bool {
        matches!(self, Self::Foreign { .. } | Self::Similar { .. })
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WhiteSpace(issuer) => write!(f, "`{issuer}` is written with white space around it, which is part of the issuer"),
            Self::Scheme { written, issuer } => write!(f, "the scheme is `{written}`; the issuer is `{issuer}`"),
            Self::NoScheme(issuer) => write!(f, "the scheme is missing: the issuer is `{issuer}`"),
            Self::Discovery(issuer) => write!(f, "this is the discovery document; the issuer is `{issuer}`"),
            Self::SlashMissing(issuer) => write!(f, "the slash at the end is missing: the issuer is `{issuer}`"),
            Self::SlashTooMany(issuer) => write!(f, "the slash at the end is too many: the issuer is `{issuer}`"),
            Self::LetterCase(issuer) => write!(f, "the issuer is written in lower case: `{issuer}`"),
            Self::Differs(issuer) => write!(f, "the issuer of these tokens is `{issuer}`, compared character by character"),
            Self::Website(issuer) => write!(f, "this is the product's address; its tokens come from `{issuer}`"),
            Self::ManyTenants(path) => {
                write!(f, "`{path}` stands for many tenants, and each token names its own: the issuer ends with a tenant's id")
            }
            Self::Foreign { host, real } => write!(f, "`{host}` only starts like `{real}`: it belongs to somebody else"),
            Self::Similar { host, real } => write!(f, "`{host}` is not `{real}`, only similar"),
        }
    }
}

/// What is wrong with an issuer's URL; none when nothing is, or when the URL is like none that is known.
#[must_use]
pub fn well_known_mistakes(url: &str) -> Option<Mistake> {
    let trimmed = url.trim();
    if trimmed != url && registry().recognise(trimmed).is_some() {
        return Some(Mistake::WhiteSpace(trimmed.to_owned()));
    }
    if let Some((scheme, rest)) = url.split_once("://").filter(|(s, _)| !s.eq_ignore_ascii_case("https")) {
        let issuer = registry().recognise(rest)?.iss;
        return Some(Mistake::Scheme { written: scheme.to_owned(), issuer });
    }
    let host_path = host_path(url)?;
    if let Some(mistake) = address(host_path) {
        return Some(mistake);
    }
    let discovery = host_path.split_once("/.well-known").map(|(head, _)| head);
    if let Some(known) = discovery.and_then(|head| registry().recognise(head)) {
        return Some(Mistake::Discovery(known.iss));
    }
    let host = host_path.split('/').next()?;
    if let Some(known) = registry().recognise(url) {
        let lower = host.to_ascii_lowercase();
        return match (known.iss.ends_with('/'), host_path.ends_with('/')) {
            (true, false) => Some(Mistake::SlashMissing(known.iss)),
            (false, true) => Some(Mistake::SlashTooMany(known.iss)),
            _ if lower != host || url.split_once("://").is_some_and(|(scheme, _)| scheme != "https") => {
                Some(Mistake::LetterCase(known.iss))
            }
            // a name for self-managed installations can still be a slip of the shared one
            _ => look_alike(&lower),
        };
    }
    look_alike(&host.to_ascii_lowercase())
}

/// Addresses that people know and tokens do not.
fn address(host_path: &str) -> Option<Mistake> {
    /// Products by their hosts, with the issuer of their tokens.
    const WEBSITES: [(&str, &str); 6] = [
        ("github.com", "https://token.actions.githubusercontent.com"),
        ("www.github.com", "https://token.actions.githubusercontent.com"),
        ("api.github.com", "https://token.actions.githubusercontent.com"),
        ("www.gitlab.com", "https://gitlab.com"),
        ("bitbucket.org", "https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc"),
        ("buildkite.com", "https://agent.buildkite.com"),
    ];
    let (host, path) = host_path.split_once('/').unwrap_or((host_path, ""));
    let host = host.to_ascii_lowercase();
    // Below the address there are issuers: `https://github.com/login/oauth` is that of people's tokens.
    if let Some((_, issuer)) = WEBSITES.iter().find(|(site, _)| *site == host).filter(|_| path.trim_matches('/').is_empty()) {
        return Some(Mistake::Website((*issuer).to_owned()));
    }
    let entra = ["login.microsoftonline.com", "sts.windows.net"].contains(&host.as_str());
    let first = path.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let many = entra && ["common", "organizations", "consumers"].contains(&first.as_str());
    many.then_some(Mistake::ManyTenants(first))
}

fn look_alike(host: &str) -> Option<Mistake> {
    let exact = registry().issuers().flat_map(|i| i.host.exact.iter()).filter_map(|h| h.split('/').next());
    let known: Vec<&str> = exact.filter(|h| h.len() >= MIN_HOST).collect();
    if known.contains(&host) {
        return None;
    }
    if let Some(real) = known.iter().find(|h| host.strip_prefix(**h).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('-'))) {
        return Some(Mistake::Foreign { host: host.to_owned(), real: (*real).to_owned() });
    }
    let near = known.iter().find(|h| {
        let limit = if h.len() >= LONG_HOST { 2 } else { 1 };
        distance(host, h).is_some_and(|d| d <= limit)
    });
    near.map(|real| Mistake::Similar { host: host.to_owned(), real: (*real).to_owned() })
}

//! Issuer URLs that look right and are not.

use super::distance::distance;
use super::recognise::host_path;
use super::registry;

/// Shorter hosts are not compared: two short names are near each other by chance.
const MIN_HOST: usize = 8;
/// From this length on, two differences are still a slip or a trick.
const LONG_HOST: usize = 16;

/// What is wrong with an issuer's URL, for a person; none when nothing is, or when the URL is like none that is known.
#[must_use]
pub fn well_known_mistakes(url: &str) -> Option<String> {
    let trimmed = url.trim();
    if trimmed != url && registry().recognise(trimmed).is_some() {
        return Some(format!("`{trimmed}` is written with white space around it, which is part of the issuer"));
    }
    if let Some((scheme, rest)) = url.split_once("://").filter(|(s, _)| !s.eq_ignore_ascii_case("https")) {
        let known = registry().recognise(rest)?;
        return Some(format!("the scheme is `{scheme}`; the issuer is `{}`", known.iss));
    }
    let host_path = host_path(url)?;
    let discovery = host_path.split_once("/.well-known").map(|(head, _)| head);
    if let Some(known) = discovery.and_then(|head| registry().recognise(head)) {
        return Some(format!("this is the discovery document; the issuer is `{}`", known.iss));
    }
    let host = host_path.split('/').next()?;
    if let Some(known) = registry().recognise(url) {
        let lower = host.to_ascii_lowercase();
        return match (known.iss.ends_with('/'), host_path.ends_with('/')) {
            (true, false) => Some(format!("the slash at the end is missing: the issuer is `{}`", known.iss)),
            (false, true) => Some(format!("the slash at the end is too many: the issuer is `{}`", known.iss)),
            _ if lower != host => Some(format!("the issuer is written in lower case: `{}`", known.iss)),
            // a name for self-managed installations can still be a slip of the shared one
            _ => look_alike(&lower),
        };
    }
    look_alike(&host.to_ascii_lowercase())
}

fn look_alike(host: &str) -> Option<String> {
    let exact = registry().issuers().flat_map(|i| i.host.exact.iter()).filter_map(|h| h.split('/').next());
    let known: Vec<&str> = exact.filter(|h| h.len() >= MIN_HOST).collect();
    if known.contains(&host) {
        return None;
    }
    if let Some(real) = known.iter().find(|h| host.strip_prefix(**h).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('-'))) {
        return Some(format!("`{host}` only starts like `{real}`: it belongs to somebody else"));
    }
    let near = known.iter().find(|h| {
        let limit = if h.len() >= LONG_HOST { 2 } else { 1 };
        distance(host, h).is_some_and(|d| d <= limit)
    });
    near.map(|real| format!("`{host}` is not `{real}`, only similar"))
}

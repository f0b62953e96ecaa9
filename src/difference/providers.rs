//! Providers of both states.

use super::{Difference, ProviderChange, State};
use crate::graph::{GoogleSource, Provider, ProviderKind};
use crate::partial::{Text, cut};
use std::collections::{BTreeMap, BTreeSet};

/// A provider by its name, with the audiences that it takes; none where they are not known.
type All = BTreeMap<String, Option<BTreeSet<String>>>;

pub(super) fn compare(before: &State<'_>, after: &State<'_>, out: &mut Difference) {
    let (old, new) = (all(before), all(after));
    out.new_providers = new.keys().filter(|name| !old.contains_key(*name)).cloned().collect();
    out.removed_providers = old.keys().filter(|name| !new.contains_key(*name)).cloned().collect();
    for (name, now) in &new {
        let (Some(Some(then)), Some(now)) = (old.get(name), now) else { continue };
        let only = |these: &BTreeSet<String>, others: &BTreeSet<String>| these.difference(others).cloned().collect::<Vec<_>>();
        let (new_audiences, removed_audiences) = (only(now, then), only(then, now));
        if !new_audiences.is_empty() || !removed_audiences.is_empty() {
            out.changed_providers.push(ProviderChange { provider: name.clone(), new_audiences, removed_audiences });
        }
    }
}

fn all(state: &State<'_>) -> All {
    let mut out = All::new();
    for provider in state.side.estate.graph.providers.iter().filter(|p| !p.origin.is_looked_up()) {
        let (name, audiences) = named(provider);
        // Several of one name are several accounts: what one of them takes is taken.
        match (out.remove(&name), audiences) {
            (None, audiences) => out.insert(name, audiences),
            (Some(Some(mut known)), Some(more)) => {
                known.extend(more);
                out.insert(name, Some(known))
            }
            (Some(_), _) => out.insert(name, None),
        };
    }
    out
}

fn named(provider: &Provider) -> (String, Option<BTreeSet<String>>) {
    let shown = |all: &[Text]| all.iter().map(ToString::to_string).collect();
    match &provider.kind {
        ProviderKind::AwsOidc { url, audiences, .. } => {
            // Of a URL that is not wholly known, what is not known is the same where it is written alike.
            let host = cut::trim_slashes(&cut::without_scheme(url));
            let host = host.as_known().map_or_else(|| host.to_string(), |known| known.to_lowercase());
            (format!("AWS OIDC provider {host}"), audiences.as_deref().map(shown))
        }
        ProviderKind::Google(google) => {
            let audiences = match &google.source {
                GoogleSource::Oidc { audiences, .. } => Some(shown(audiences)),
                _ => None,
            };
            (format!("Google provider {}/{}", google.pool_name, google.name), audiences)
        }
    }
}

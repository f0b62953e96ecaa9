//! Which OIDC providers of AWS a trust policy means.

use super::index::{Index, by_reference};
use super::links::{own_scope, same_account};
use super::{Graph, ProviderId, ProviderKind};
use crate::partial::{Text, cut};

/// The providers that a `Federated` ARN means: the one that it names or refers to, else those of the same issuer that are
/// not certainly another account's, of the own scope where there are some.
pub(super) fn providers(graph: &Graph, index: &Index, scope: &str, arn: &Text) -> Vec<ProviderId> {
    let aws = |id: &ProviderId| graph.provider(*id).is_some_and(|p| matches!(p.kind, ProviderKind::AwsOidc { .. }));
    let exact = index.provider_arns.get(&cut::key(arn)).cloned().unwrap_or_default();
    let exact = if exact.is_empty() { by_reference(&index.provider_addresses, scope, arn) } else { exact };
    if exact.iter().any(aws) {
        let found = own_scope(exact.into_iter().filter(aws).collect(), |id| graph.provider(*id).map(|p| &p.origin), scope);
        return with_declared(graph, index, arn, found);
    }
    let named = cut::split_once(arn, ":oidc-provider/").map(|(_, url)| url);
    let mut found = named.map(|url| of_issuer(graph, index, &url, arn)).unwrap_or_default();
    let other = index.provider_arns.get(&cut::key(arn)).cloned().unwrap_or_default();
    let other = if other.is_empty() { by_reference(&index.provider_addresses, scope, arn) } else { other };
    // The URL of a provider that has alternatives is an unknown of that provider.
    let url = || cut::split_once(arn, ":oidc-provider/").map(|(_, url)| by_reference(&index.provider_addresses, scope, &url));
    let other = if other.is_empty() && found.is_empty() { url().unwrap_or_default() } else { other };
    for provider in other {
        let aws = graph.provider(provider).is_some_and(|p| matches!(p.kind, ProviderKind::AwsOidc { .. }));
        if aws && !found.contains(&provider) {
            found.push(provider);
        }
    }
    with_declared(graph, index, arn, own_scope(found, |id| graph.provider(*id).map(|p| &p.origin), scope))
}

/// Beside providers that are only looked up, those of their issuers that the scan declares.
fn with_declared(graph: &Graph, index: &Index, arn: &Text, mut found: Vec<ProviderId>) -> Vec<ProviderId> {
    let looked_up = |id: &ProviderId| graph.provider(*id).is_some_and(|p| p.origin.is_looked_up());
    if !found.iter().all(looked_up) {
        return found;
    }
    let url = |id: &ProviderId| match graph.provider(*id).map(|p| &p.kind) {
        Some(ProviderKind::AwsOidc { url, .. }) => Some(cut::without_scheme(url)),
        _ => None,
    };
    let urls: Vec<Text> = found.iter().filter_map(url).collect();
    let others = urls.iter().flat_map(|url| of_issuer(graph, index, url, arn));
    found.extend(others.filter(|id| !looked_up(id)));
    found
}

/// The providers of an issuer, but for those that are certainly of another account than an ARN.
fn of_issuer(graph: &Graph, index: &Index, url: &Text, arn: &Text) -> Vec<ProviderId> {
    let issuer = cut::key(&cut::trim_slashes(url)).to_lowercase();
    let mut found = index.issuers.get(&issuer).cloned().unwrap_or_default();
    found.retain(|id| match graph.provider(*id).map(|p| &p.kind) {
        Some(ProviderKind::AwsOidc { arn: Some(own), .. }) => same_account(own, arn),
        _ => true,
    });
    found
}

//! Pools that take tokens of several issuers or accounts
//! (<https://cloud.google.com/iam/docs/best-practices-for-using-workload-identity-federation#dedicated-pool>).

use super::Context;
use crate::catalogue::RuleId;
use crate::gate::issuer;
use crate::graph::{GoogleSource, ProviderKind};
use crate::rules::Finding;
use std::collections::BTreeMap;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (index, pool) in context.graph.pools.iter().enumerate() {
        let ids = context.links.pool_providers.get(index).map_or(&[][..], Vec::as_slice);
        let mut sources = BTreeMap::new();
        for provider in ids.iter().filter_map(|id| context.graph.provider(*id)) {
            let ProviderKind::Google(google) = &provider.kind else { continue };
            // What is there in one variant only may take the place of another.
            if google.disabled || provider.origin.conditional || provider.origin.library {
                continue;
            }
            if let Some(source) = source(&google.source) {
                sources.entry(source).or_insert(provider.origin.span);
            }
        }
        if pool.disabled || sources.len() < 2 {
            continue;
        }
        let named: Vec<String> = sources.keys().map(|s| format!("`{s}`")).collect();
        let message = format!(
            "the pool takes tokens of {}: whoever is bound by an attribute is whoever has it at any of them, so each mapping has to keep them apart",
            named.join(" and ")
        );
        let finding = Finding::new(RuleId::MixedPool, &pool.origin, None, "mixed", message);
        let finding = sources.values().fold(finding, |f, span| f.related_to(*span, "one of its providers"));
        out.push(finding.help("give each issuer and each account a pool of its own"));
    }
    out
}

/// Whose tokens a provider takes, when that is known.
fn source(source: &GoogleSource) -> Option<String> {
    match source {
        GoogleSource::Oidc { issuer, .. } => Some(issuer::without_scheme_and_slash(&issuer.as_known()?).to_owned()),
        GoogleSource::Aws { account } => Some(format!("account {}", account.as_known()?)),
        GoogleSource::Saml | GoogleSource::X509 | GoogleSource::Unknown => None,
    }
}

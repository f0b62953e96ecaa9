//! Issuers that nobody knows: neither the registry nor the configuration says who gets tokens from them.

use super::Context;
use crate::catalogue::RuleId;
use crate::gate::issuer;
use crate::graph::{Gate, GoogleSource, Origin, ProviderKind, Setting};
use crate::issuers::Tenancy;
use crate::partial::Text;
use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// One finding for each issuer.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let own = served(context);
    let mut first: BTreeMap<String, Finding> = BTreeMap::new();
    for (origin, url) in trusted(context) {
        let Some(known) = url.as_known() else { continue };
        let Some(host) = unknown(context, url).filter(|host| !own.contains(host)) else { continue };
        match first.remove(&host) {
            Some(finding) => first.insert(host, finding.related_to(origin.span, "trusted here, too")),
            None => first.insert(host, finding(origin, url, &known)),
        };
    }
    first.into_values().collect()
}

/// The issuers that SPIRE serves as, where the scan sets it up.
fn served(context: &Context<'_>) -> BTreeSet<String> {
    let spiffe = &context.graph.spiffe;
    let set = |setting: &Setting| if let Setting::Set(text) = setting { text.as_known() } else { None };
    let issuers = spiffe.servers.iter().filter_map(|s| set(&s.issuer)).chain(spiffe.discoveries.iter().filter_map(|d| set(&d.issuer)));
    let domains = spiffe.discoveries.iter().flat_map(|d| &d.domains.texts).filter_map(Text::as_known);
    issuers.chain(domains).map(|i| issuer::without_scheme_and_slash(&i).to_ascii_lowercase()).collect()
}

/// The issuers of the scan, with what trusts them.
fn trusted<'a>(context: &'a Context<'_>) -> Vec<(&'a Origin, &'a Text)> {
    let mut out = Vec::new();
    for provider in &context.graph.providers {
        match &provider.kind {
            ProviderKind::AwsOidc { url, .. } => out.push((&provider.origin, url)),
            ProviderKind::Google(google) => {
                if let GoogleSource::Oidc { issuer, .. } = &google.source {
                    out.push((&provider.origin, issuer));
                }
            }
        }
    }
    for trust in &context.graph.trusts {
        if let Gate::AzureCredential { issuer: Some(issuer), .. } = &trust.gate {
            out.push((&trust.origin, issuer));
        }
    }
    out
}

/// The host and path of an issuer that is a URL and that nobody knows.
fn unknown(context: &Context<'_>, url: &Text) -> Option<String> {
    let known = issuer::known(context.registry, url, &[])?;
    let host = issuer::without_scheme_and_slash(&known.recognised.host_path).to_ascii_lowercase();
    // What is no host name has its own rules.
    let is_host =
        host.split('/').next().is_some_and(|h| h.contains('.') && h.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b)));
    (known.recognised.issuer.tenancy == Tenancy::Unknown && is_host).then_some(host)
}

fn finding(origin: &Origin, url: &Text, known: &str) -> Finding {
    let message = format!(
        "`{known}` is not an issuer that is known: whoever runs it decides whose tokens are admitted, and what its tokens look like cannot be checked"
    );
    let finding = Finding::new(RuleId::UnknownIssuer, origin, url.span(), known, message);
    finding
        .help("when it is your own, list it in `fedlint.toml`: `[issuers] trusted = [\"https://…\"]`; otherwise find out who added it, and why")
        .along_text(url)
}

//! SPIRE as an issuer toward clouds: the issuer's name, the key that signs, the trust domain.
//!
//! A server is the issuer of a trust when its `jwt_issuer` is the trust's URL, or when the trust names ids of its trust
//! domain. Which algorithms are taken: Entra RS256 (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>),
//! Google Cloud RS256 and ES256 (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-providers>).

use super::{near, set};
use crate::catalogue::{RuleId, Severity};
use crate::gate::{aws, google, issuer};
use crate::graph::spiffe::{DiscoveryProvider, KeyType, SpireServer};
use crate::graph::{Gate, GoogleSource, Origin, ProviderId, ProviderKind, Setting};
use crate::partial::{Text, cut};
use crate::place::Span;
use crate::rules::Finding;
use crate::rules::engine::Context;
use std::collections::BTreeSet;

/// Who takes the tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cloud {
    Aws,
    Azure,
    Google,
}

impl Cloud {
    fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Entra",
            Self::Google => "Google Cloud",
        }
    }

    fn takes(self, key: KeyType) -> bool {
        match self {
            Self::Aws => true,
            Self::Azure => key == KeyType::Rsa,
            Self::Google => key != KeyType::P384,
        }
    }
}

/// A trust of a cloud in an issuer.
struct CloudTrust<'a> {
    cloud: Cloud,
    origin: &'a Origin,
    issuer: Text,
    /// The trust domains of the ids that it names.
    domains: BTreeSet<String>,
    /// Where an id is written.
    subject: Option<Span>,
}

/// Every finding about SPIRE's tokens and clouds.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let spiffe = &context.graph.spiffe;
    let mut out: Vec<Finding> = spiffe.discoveries.iter().filter_map(|d| discovery(context, d).or_else(|| unreachable(d))).collect();
    if spiffe.servers.is_empty() {
        return out;
    }
    let mut told: BTreeSet<(Span, &'static str)> = BTreeSet::new();
    for trust in trusts(context) {
        out.extend(judge(&spiffe.servers, &trust).filter(|f| told.insert((f.span, f.rule.as_str()))));
    }
    out
}

fn trusts<'a>(context: &'a Context<'_>) -> Vec<CloudTrust<'a>> {
    let mut out = Vec::new();
    for trust in &context.graph.trusts {
        match &trust.gate {
            Gate::AzureCredential { issuer: Some(issuer), subject, .. } => {
                let domains = subject.iter().filter_map(spiffe_domain).collect();
                let subject = subject.as_ref().and_then(Text::span);
                out.push(CloudTrust { cloud: Cloud::Azure, origin: &trust.origin, issuer: issuer.clone(), domains, subject });
            }
            Gate::AwsPolicy(policy) => {
                for test in policy.statements.iter().flat_map(|s| &s.conditions) {
                    if aws::key_name(&test.key).as_deref() != Some("sub") {
                        continue;
                    }
                    let Some((issuer, _)) = cut::rsplit_once(&test.key, ":") else { continue };
                    let subjects: Vec<Text> = test.values.leaves().flat_map(|l| l.choices.iter().cloned()).collect();
                    let domains = subjects.iter().filter_map(spiffe_domain).collect();
                    let subject = subjects.first().and_then(Text::span);
                    out.push(CloudTrust { cloud: Cloud::Aws, origin: &trust.origin, issuer, domains, subject });
                }
            }
            Gate::AzureCredential { .. } | Gate::GoogleMember { .. } => {}
        }
    }
    let inputs = context.inputs();
    for (index, provider) in context.graph.providers.iter().enumerate() {
        let ProviderKind::Google(pool) = &provider.kind else { continue };
        let GoogleSource::Oidc { issuer: url, .. } = &pool.source else { continue };
        let id = ProviderId(u32::try_from(index).unwrap_or(u32::MAX));
        let patterns = google::views(&inputs, id).into_iter().flat_map(|v| issuer::patterns(&v.formula, "sub"));
        let domains = patterns.filter_map(|p| spiffe_domain(&Text::known(p))).collect();
        out.push(CloudTrust { cloud: Cloud::Google, origin: &provider.origin, issuer: url.clone(), domains, subject: None });
    }
    out
}

/// The trust domain of an id or of the beginning of one; a star makes it no name.
fn spiffe_domain(id: &Text) -> Option<String> {
    let written = id.known_prefix();
    let rest = written.strip_prefix("spiffe://")?;
    let (domain, _) = rest.split_once('/')?;
    (!domain.is_empty() && !domain.contains(['*', '?'])).then(|| domain.to_owned())
}

/// An issuer without what clouds and people write differently: scheme, case, the slash at the end.
fn plain(url: &str) -> String {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    bare.trim_end_matches('/').to_ascii_lowercase()
}

fn judge(servers: &[SpireServer], trust: &CloudTrust<'_>) -> Option<Finding> {
    let url = trust.issuer.as_known()?;
    let named = |server: &SpireServer| set(&server.issuer).and_then(Text::as_known);
    let joined: Vec<&SpireServer> = servers.iter().filter(|s| named(s).is_some_and(|own| plain(&own) == plain(&url))).collect();
    let Some(first) = joined.first() else { return other_issuer(servers, trust, &url) };
    let own = named(first)?;
    // AWS keeps an issuer without its scheme.
    if trust.cloud != Cloud::Aws && joined.iter().all(|s| named(s).is_some_and(|own| own != url)) {
        let message = format!(
            "the SPIRE server signs tokens with issuer `{own}`, and {} compares it exactly: no token satisfies this trust",
            trust.cloud.name()
        );
        let finding = Finding::new(RuleId::IssuerMismatch, trust.origin, trust.issuer.span(), &url, message);
        let finding = finding.help(format!("write `{own}`")).along_text(&trust.issuer);
        return Some(finding.related(set(&first.issuer).and_then(Text::span), "the server's issuer"));
    }
    if let Some(finding) = no_tokens(&joined, trust).or_else(|| key(&joined, trust)) {
        return Some(finding);
    }
    let domains: Option<Vec<String>> = joined.iter().map(|s| s.trust_domain.as_ref()?.as_known()).collect();
    let domains = domains?;
    if trust.domains.is_empty() || trust.domains.iter().any(|d| domains.contains(d)) {
        return None;
    }
    let (named, own) = (trust.domains.first()?, domains.first()?);
    let message =
        format!("the trust names ids of `{named}`, and the server behind this issuer signs ids of `{own}` only: no token satisfies it");
    let finding = Finding::new(RuleId::SpireMismatch, trust.origin, trust.subject, named, message).certain(false);
    Some(finding.related(first.trust_domain.as_ref().and_then(Text::span), "the server's trust domain"))
}

/// The trust names ids of a trust domain whose servers have another issuer, or none.
fn other_issuer(servers: &[SpireServer], trust: &CloudTrust<'_>, url: &str) -> Option<Finding> {
    let of_domain = |s: &&SpireServer| s.trust_domain.as_ref().and_then(Text::as_known).is_some_and(|d| trust.domains.contains(&d));
    let all: Vec<&SpireServer> = servers.iter().filter(of_domain).collect();
    let first = all.first()?;
    let mut names = Vec::new();
    for server in &all {
        match &server.issuer {
            Setting::Absent => {}
            Setting::Set(text) => names.push(text.as_known()?),
            Setting::OneOf(_) | Setting::Unknown(_) => return None,
        }
    }
    let (message, span) = match names.first() {
        Some(own) => (
            format!("the SPIRE server of this trust domain signs tokens with issuer `{own}`, not `{url}`: no token satisfies this trust"),
            set(&first.issuer).and_then(Text::span),
        ),
        None => (
            "the SPIRE server of this trust domain sets no `jwt_issuer`: its tokens have no issuer, and no token satisfies this trust"
                .to_owned(),
            first.trust_domain.as_ref().and_then(Text::span),
        ),
    };
    let finding = Finding::new(RuleId::IssuerMismatch, trust.origin, trust.issuer.span(), url, message).certain(false);
    let finding =
        finding.severity(Severity::Medium).help("set the server's `jwt_issuer` to the URL that the cloud trusts").along_text(&trust.issuer);
    Some(finding.related(span, "the server"))
}

fn place(trust: &CloudTrust<'_>) -> Option<Span> {
    trust.issuer.span().or(trust.subject)
}

fn no_tokens(servers: &[&SpireServer], trust: &CloudTrust<'_>) -> Option<Finding> {
    let off = servers.first()?.no_tokens.filter(|s| s.is_on())?;
    if !servers.iter().all(|s| s.no_tokens.is_some_and(|n| n.is_on())) {
        return None;
    }
    let message = "the SPIRE server behind this issuer signs no JWT-SVIDs: no token ever satisfies this trust";
    let finding = Finding::new(RuleId::SpireJwtKeyType, trust.origin, place(trust), "no tokens", message);
    Some(
        finding
            .help("remove `disable_jwt_svids`, or use X.509-SVIDs (AWS Roles Anywhere)")
            .related(off.span, "tokens are switched off here"),
    )
}

/// The server signs with a key whose algorithm the cloud does not take.
fn key(servers: &[&SpireServer], trust: &CloudTrust<'_>) -> Option<Finding> {
    let first = servers.first()?;
    let refused = |s: &SpireServer| s.key.key.is_some_and(|key| !trust.cloud.takes(key));
    if !servers.iter().all(|s| refused(s)) {
        return None;
    }
    let (algorithm, wanted) = match first.key.key? {
        KeyType::Rsa => ("RS256", "rsa-2048"),
        KeyType::P256 => ("ES256", "rsa-2048"),
        KeyType::P384 if trust.cloud == Cloud::Google => ("ES384", "ec-p256` or `rsa-2048"),
        KeyType::P384 => ("ES384", "rsa-2048"),
    };
    let message = format!(
        "the SPIRE server signs tokens with {algorithm}, which {} does not take: no token satisfies this trust",
        trust.cloud.name()
    );
    let finding = Finding::new(RuleId::SpireJwtKeyType, trust.origin, place(trust), algorithm, message);
    let span = first.key.span.or_else(|| set(&first.issuer).and_then(Text::span));
    let what = if first.key.span.is_some() { "the key type" } else { "the server signs with its default, `ec-p256`" };
    Some(finding.help(format!("set the server's `jwt_key_type` to `{wanted}`")).related(span, what))
}

/// The discovery document is not where the issuer says: another host, another path.
fn unreachable(provider: &DiscoveryProvider) -> Option<Finding> {
    let own = set(&provider.issuer)?;
    let known = own.as_known()?;
    let (_, rest) = known.split_once("://")?;
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(a, p)| (a, p.trim_end_matches('/')));
    let host = authority.split(':').next().unwrap_or_default();
    let domains = &provider.domains;
    let told = !domains.open && !domains.texts.is_empty() && domains.texts.iter().all(|d| d.as_known().is_some_and(|d| !d.contains('*')));
    let why = if told && !domains.texts.iter().any(|d| d.is_str(host)) {
        format!("the provider answers for other names than `{host}`")
    } else {
        let prefix = match &provider.path_prefix {
            Setting::Absent => String::new(),
            Setting::Set(text) => text.as_known()?.trim_matches('/').to_owned(),
            Setting::OneOf(_) | Setting::Unknown(_) => return None,
        };
        if prefix == path || domains.open {
            return None;
        }
        format!("the provider serves below `/{prefix}`, not below `/{path}`")
    };
    let message = format!("the discovery document of `{known}` is not found: {why}");
    // A proxy may change both.
    let finding =
        Finding::new(RuleId::IssuerMismatch, &provider.origin, own.span(), &known, message).severity(Severity::Low).certain(false);
    Some(finding.help("let `jwt_issuer`, `domains` and `server_path_prefix` name the same URL").along_text(own))
}

/// The discovery document names another issuer than the tokens do.
fn discovery(context: &Context<'_>, provider: &DiscoveryProvider) -> Option<Finding> {
    let own = set(&provider.issuer)?;
    let known = own.as_known().filter(|u| u.contains("://"))?;
    let same = |s: &&SpireServer| match (&s.trust_domain, &provider.trust_domain) {
        (Some(server), Some(wanted)) => server.same(wanted) || !server.is_known() || !wanted.is_known(),
        _ => true,
    };
    let servers = &context.graph.spiffe.servers;
    let mut near: Vec<&SpireServer> = servers.iter().filter(|s| near(context, s.origin.span, provider.origin.span)).filter(same).collect();
    let mut names = Vec::new();
    for server in &near {
        names.push(set(&server.issuer)?.as_known()?);
    }
    if names.contains(&known) {
        return None;
    }
    // Of several the one whose file is nearest is told.
    let apart = |s: &SpireServer| super::apart(context, s.origin.span, provider.origin.span);
    near.sort_by_key(|s| apart(s));
    let first = near.first()?;
    let text = set(&first.issuer)?;
    let issuer = text.as_known()?;
    let message =
        format!("the discovery document names issuer `{known}`, the server signs tokens with `{issuer}`: clouds refuse the tokens");
    let finding =
        Finding::new(RuleId::IssuerMismatch, &provider.origin, own.span(), &known, message).severity(Severity::Medium).certain(false);
    Some(finding.help("set both to the same URL, character by character").along_text(own).related(text.span(), "the server's issuer"))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn scheme_letter_case_and_a_last_slash_make_no_other_issuer() {
        for same in ["https://oidc.td.example", "https://oidc.td.example/", "HTTPS://OIDC.td.example", "oidc.td.example"] {
            assert_eq!(plain(same), "oidc.td.example", "{same}");
        }
        assert_ne!(plain("https://oidc.td.example/a"), plain("https://oidc.td.example"));
    }
}

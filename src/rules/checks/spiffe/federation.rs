//! Federation: whose bundles are fetched, and from whom; who gives out the keys of the trust domain.

use super::{domain_of, id_problem, set};
use crate::catalogue::{RuleId, Severity};
use crate::graph::spiffe::{DiscoveryProvider, Federation, Profile, SpireServer};
use crate::graph::{Origin, Setting};
use crate::partial::Text;
use crate::place::Span;
use crate::rules::Finding;
use crate::rules::engine::Context;

/// Every finding about federation and discovery.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let spiffe = &context.graph.spiffe;
    let mut out: Vec<Finding> = spiffe.federations.iter().flat_map(|f| foreign(context, f)).collect();
    out.extend(spiffe.servers.iter().filter_map(endpoint));
    let entries = spiffe.entries.iter().map(|e| (&e.origin, &e.federates_with, domain_of(&e.id)));
    let identities = spiffe.identities.iter().map(|i| {
        let template = crate::admission::spiffe::template::IdTemplate::parse(&i.template);
        (&i.origin, &i.federates_with, template.trust_domain())
    });
    for (origin, with, own) in entries.chain(identities) {
        out.extend(with.iter().filter_map(|domain| undeclared(context, origin, domain, own.as_deref())));
    }
    out.extend(spiffe.discoveries.iter().filter_map(discovery));
    out
}

fn incomplete(origin: &Origin, span: Option<Span>, edge: &str, message: impl Into<String>) -> Finding {
    Finding::new(RuleId::SpireFederationIncomplete, origin, span, edge, message)
}

fn foreign(context: &Context<'_>, federation: &Federation) -> Vec<Finding> {
    let mut out = Vec::new();
    let shown = &federation.trust_domain;
    if let Some(url) = &federation.url {
        let written = url.known_prefix();
        let why = match () {
            () if written.starts_with("http://") => Some("it is not https"),
            () if url.is_known() && !written.contains("://") => Some("it has no scheme"),
            () if url.is_known() && authority(&written).contains('@') => Some("it holds user information"),
            () => None,
        };
        if let Some(why) = why {
            let message = format!("the bundle endpoint `{url}` of `{shown}` is refused: {why}; its bundle is never fetched");
            let finding = Finding::new(RuleId::RejectedSpireConfiguration, &federation.origin, url.span(), &url.to_string(), message);
            out.push(finding.help("write `https://HOST:PORT`").along_text(url));
        }
    }
    match &federation.endpoint_id {
        Setting::Absent if federation.profile == Profile::Spiffe => {
            let message = format!("`https_spiffe` of `{shown}` does not name the endpoint's id: nothing says whose certificate is right");
            let span = federation.profile_span.or_else(|| shown.span());
            out.push(
                incomplete(&federation.origin, span, &shown.to_string(), message)
                    .help("set the SPIFFE id of the endpoint: `spiffe://DOMAIN/spire/server`"),
            );
        }
        Setting::Set(id) => out.extend(endpoint_id(context, federation, id)),
        _ => {}
    }
    let own = context.graph.spiffe.servers.iter().filter(|s| s.origin.span == federation.origin.span).find_map(|s| s.trust_domain.as_ref());
    if let (Some(own), Some(other)) = (own.and_then(Text::as_known), federation.trust_domain.as_known())
        && own == other
    {
        let message = format!("`{other}` is the server's own trust domain: a federation with itself changes nothing");
        out.push(incomplete(&federation.origin, shown.span(), &other, message).severity(Severity::Low).help("remove it"));
    }
    out
}

/// The part of a URL between its scheme and its path.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn endpoint_id(context: &Context<'_>, federation: &Federation, id: &Text) -> Option<Finding> {
    let known = id.as_known()?;
    if let Some(why) = id_problem(&known) {
        let message = format!("`{known}` is no valid SPIFFE id for a bundle endpoint: {why}");
        return Some(Finding::new(RuleId::InvalidSpiffeId, &federation.origin, id.span(), &known, message).along_text(id));
    }
    let (domain, foreign) = (domain_of(id)?, federation.trust_domain.as_known()?);
    let spiffe = &context.graph.spiffe;
    let federated = spiffe.federations.iter().any(|f| f.trust_domain.is_str(&domain) || !f.trust_domain.is_known());
    let own = spiffe.servers.iter().any(|s| s.trust_domain.as_ref().is_none_or(|d| d.is_str(&domain) || !d.is_known()));
    if domain == foreign || federated || own || federation.profile != Profile::Spiffe {
        return None;
    }
    let message = format!(
        "the endpoint shows an id of `{domain}`, whose bundle nobody fetches: its certificate can only be verified with a bundle set by hand"
    );
    let finding = incomplete(&federation.origin, id.span(), &known, message).severity(Severity::Low);
    Some(finding.help(format!("federate with `{domain}` too")).along_text(id))
}

fn endpoint(server: &SpireServer) -> Option<Finding> {
    let endpoint = server.endpoint.as_ref()?;
    if endpoint.profile != Profile::Web || endpoint.certificate != Some(false) {
        return None;
    }
    let message = "the bundle endpoint has profile `https_web` and no certificate: the server does not start";
    let finding = incomplete(&server.origin, endpoint.span, "bundle endpoint", message);
    Some(finding.help("add `acme { … }` or `serving_cert_file { … }`, or use `https_spiffe`"))
}

/// An id that is to be used toward a trust domain whose bundle nobody fetches.
fn undeclared(context: &Context<'_>, origin: &Origin, with: &Text, own: Option<&str>) -> Option<Finding> {
    let domain = domain_of(with).filter(|_| with.is_known())?;
    if own == Some(domain.as_str()) {
        let message = format!("`{domain}` is the id's own trust domain: a federation with itself changes nothing");
        return Some(incomplete(origin, with.span(), &domain, message).severity(Severity::Low).help("remove it"));
    }
    // With no relation in the scan they are set up elsewhere.
    let near = |f: &&Federation| super::near(context, f.origin.span, origin.span);
    let mut known = context.graph.spiffe.federations.iter().filter(near).peekable();
    known.peek()?;
    let names: Vec<&Federation> = known.collect();
    if names.iter().any(|f| f.trust_domain.is_str(&domain) || !f.trust_domain.is_known()) {
        return None;
    }
    let message =
        format!("nobody fetches the bundle of `{domain}`: the server refuses an entry that federates with a trust domain it does not know");
    let finding = incomplete(origin, with.span(), &domain, message).severity(Severity::Low).certain(false);
    let help = format!("federate with `{domain}`, or correct the name");
    Some(
        names
            .iter()
            .take(3)
            .fold(finding.help(help).along_text(with), |f, n| f.related(n.trust_domain.span(), "a trust domain that is known")),
    )
}

/// Keys over http.
fn discovery(provider: &DiscoveryProvider) -> Option<Finding> {
    let message = "the keys are given out over plain http: who stands between the cloud and this address puts other keys in their place";
    let help = "serve with a certificate (`acme`, `serving_cert_file`), or listen on a socket behind a proxy that ends TLS";
    if let Some(address) = set(&provider.insecure_address) {
        let local = ["127.", "localhost", "[::1]"].iter().any(|l| address.known_prefix().starts_with(l));
        if local || !address.is_known() {
            return None;
        }
        let finding = Finding::new(RuleId::SpireInsecureFederation, &provider.origin, address.span(), "insecure address", message);
        return Some(finding.severity(Severity::Medium).help(help).along_text(address));
    }
    let scheme = provider.insecure_scheme.filter(|s| s.is_on())?;
    let finding = Finding::new(RuleId::SpireInsecureFederation, &provider.origin, scheme.span, "insecure scheme", message);
    Some(finding.severity(Severity::Low).help(help))
}

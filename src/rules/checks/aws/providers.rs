//! Identity providers whose URL is not the `iss` of their tokens: none is accepted through them
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).

use super::{Context, RoleTrust};
use crate::admission::iam;
use crate::catalogue::RuleId;
use crate::graph::{Declared, Provider, ProviderKind};
use crate::issuers::{Recognised, Registry};
use crate::partial::{Text, UnknownKind, UnknownOrigin, cut};
use crate::rules::Finding;

/// What is wrong with an issuer's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UrlFlaw {
    /// No `https://`.
    Scheme,
    /// It is the address of a document of the issuer.
    Document,
    /// A query or a fragment.
    Query,
    /// A slash at the end that the tokens do not have.
    Slash,
    /// A slash is missing at the end.
    NoSlash,
}

const WELL_KNOWN: &str = "/.well-known/";

/// What is wrong with the host and path of an issuer.
fn flaw(registry: &Registry, host_path: &str) -> Option<(UrlFlaw, Option<String>)> {
    if let Some((issuer, _)) = host_path.split_once(WELL_KNOWN) {
        return Some((UrlFlaw::Document, Some(issuer.to_owned())));
    }
    if host_path.contains(['?', '#']) {
        return Some((UrlFlaw::Query, None));
    }
    let recognised = registry.recognise(host_path)?;
    slash(&recognised).map(|flaw| (flaw, recognised.iss.strip_prefix("https://").map(str::to_owned)))
}

fn slash(recognised: &Recognised<'_>) -> Option<UrlFlaw> {
    match (recognised.host_path.ends_with('/'), recognised.iss.ends_with('/')) {
        (true, false) => Some(UrlFlaw::Slash),
        (false, true) => Some(UrlFlaw::NoSlash),
        _ => None,
    }
}

/// Every provider of the scan whose URL can be no issuer.
pub(super) fn urls(context: &Context<'_>) -> Vec<Finding> {
    context.graph.providers.iter().filter_map(|provider| url(context, provider)).collect()
}

fn url(context: &Context<'_>, provider: &Provider) -> Option<Finding> {
    let ProviderKind::AwsOidc { url, .. } = &provider.kind else { return None };
    let registered = matches!(provider.origin.declared, Declared::Printed | Declared::Block { looked_up: true, .. });
    let known = url.as_known().filter(|known| !known.is_empty())?;
    let (flaw, issuer) = match known.split_once("://") {
        // As IAM tells a provider that exists: without its scheme.
        None if registered => flaw(context.registry, &known)?,
        None => (UrlFlaw::Scheme, Some(known.clone())),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => flaw(context.registry, rest)?,
        Some((_, rest)) => (UrlFlaw::Scheme, Some(rest.to_owned())),
    };
    let message = format!("`{known}` is not the issuer of any token, {}: no token is accepted through this provider", what(flaw));
    let finding = Finding::new(RuleId::IssuerMismatch, &provider.origin, url.span(), &known, message).along_text(url);
    Some(finding.help(help(issuer)))
}

/// The provider that a trust names is one whose URL can be no issuer: the finding, none where the provider has its own.
pub(super) fn named(subject: &RoleTrust<'_>, principal: &Text) -> Option<Option<Finding>> {
    let host = iam::issuer_of_federated(principal)?;
    if let Some(finding) = uncut(subject, principal, &host) {
        return Some(Some(finding));
    }
    let host = host.as_known()?;
    let (flaw, issuer) = flaw(subject.context.registry, &host)?;
    let told = subject.providers().iter().filter_map(|id| subject.context.graph.provider(*id)).any(|p| url(subject.context, p).is_some());
    if told {
        return Some(None);
    }
    let message = format!("`{host}` is not the issuer of any token, {}: no token can ever satisfy this trust", what(flaw));
    let named = iam::principals(subject.policy).into_iter().find(|p| p.text.same(principal));
    let span = named.and_then(|p| p.span).or_else(|| principal.span());
    Some(Some(Finding::new(RuleId::IssuerMismatch, &subject.trust.origin, span, &host, message).along_text(principal).help(help(issuer))))
}

/// The ARN names its provider by the whole unknown that the provider has for its URL. AWS takes URLs with `https://` only, and an
/// ARN has them without it.
fn uncut(subject: &RoleTrust<'_>, principal: &Text, host: &Text) -> Option<Finding> {
    let unknown = cut::only_atom(host)?;
    // What stands in for a value is filled in at each place by itself.
    let blank = matches!(unknown.origin(), UnknownOrigin::Blank(_));
    let open = !blank && matches!(unknown.kind(), UnknownKind::Any | UnknownKind::Word);
    let declares = |provider: &&Provider| {
        let ProviderKind::AwsOidc { url, .. } = &provider.kind else { return false };
        matches!(provider.origin.declared, Declared::Block { looked_up: false, .. }) && cut::only_atom(url) == Some(unknown)
    };
    let mut providers = subject.providers().iter().filter_map(|id| subject.context.graph.provider(*id));
    let provider = providers.find(declares).filter(|_| open)?;
    let label = unknown.label();
    let message = format!(
        "`{label}` is the URL of the provider, which begins with `https://`, and an ARN names it without that: no token can ever satisfy this trust"
    );
    let span = cut::hole_span(host, unknown).or_else(|| principal.span());
    let finding = Finding::new(RuleId::IssuerMismatch, &subject.trust.origin, span, label, message).along_text(principal);
    let help = format!("cut the scheme in the ARN and in the condition keys: `${{replace({}, \"https://\", \"\")}}`", unknown.bare());
    Some(finding.help(help).related_to(provider.origin.span, "the provider that is meant"))
}

fn what(flaw: UrlFlaw) -> &'static str {
    match flaw {
        UrlFlaw::Scheme => "AWS takes `https://` URLs only",
        UrlFlaw::Document => "it is the address of one of the issuer's documents",
        UrlFlaw::Query => "an issuer has neither query nor fragment",
        UrlFlaw::Slash => "the `iss` of its tokens has no slash at the end",
        UrlFlaw::NoSlash => "the `iss` of its tokens ends with a slash",
    }
}

fn help(issuer: Option<String>) -> String {
    match issuer {
        Some(issuer) => format!("register `https://{issuer}`, and name that provider and its keys in the trust policy"),
        None => "register the `iss` of the tokens as it is".to_owned(),
    }
}

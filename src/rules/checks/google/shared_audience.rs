//! Audiences that other services have too: a token that was made for one of them is taken here as well.

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::gate::issuer;
use crate::graph::{Gate, GoogleSource, Origin, ProviderKind};
use crate::issuers::{ClaimPart, Recognised, Role, Tenancy};
use crate::partial::Text;
use crate::rules::Finding;
use std::collections::BTreeMap;

/// Audiences of the API server of a cluster: each pod has a token for it that it did not ask for
/// (<https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>, `--api-audiences`).
const API_SERVER: [&str; 4] = [
    "https://kubernetes.default.svc",
    "https://kubernetes.default.svc.cluster.local",
    "https://kubernetes.default",
    "kubernetes.default.svc",
];
/// Audiences of other clouds' token services.
const ELSEWHERE: [&str; 3] = ["sts.amazonaws.com", "api://AzureADTokenExchange", "https://sts.amazonaws.com"];

/// Who takes an audience.
struct Taker<'a> {
    origin: &'a Origin,
    issuer: &'a Text,
    audience: &'a Text,
    /// It is a provider of Google's, which has an audience of its own that nobody shares.
    google: bool,
}

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let takers = takers(context);
    let mut by_audience: BTreeMap<(String, String), Vec<&Taker<'_>>> = BTreeMap::new();
    for taker in &takers {
        if let (Some(issuer), Some(audience)) = (taker.issuer.as_known(), taker.audience.as_known()) {
            let issuer = issuer::without_scheme_and_slash(&issuer).to_ascii_lowercase();
            by_audience.entry((issuer, audience)).or_default().push(taker);
        }
    }
    let mut out = Vec::new();
    for ((_, audience), all) in &by_audience {
        let Some(first) = all.iter().find(|t| t.google).or_else(|| all.first()) else { continue };
        let Some(known) = issuer::known(context.registry, first.issuer, &[]) else { continue };
        if known.recognised.issuer.tenancy == Tenancy::Cluster && API_SERVER.contains(&audience.as_str()) {
            out.push(api_server(first, audience));
        } else if first.google && chosen(&known.recognised) {
            // The one audience that an issuer's users ever ask for is its own, whoever else takes it.
            let usual = &known.recognised.issuer.audiences;
            if usual.len() != 1 || !usual.values().any(|a| a == audience) {
                out.extend(elsewhere(first, audience, all));
            }
        }
    }
    out
}

fn takers<'a>(context: &'a Context<'_>) -> Vec<Taker<'a>> {
    let mut out = Vec::new();
    for provider in &context.graph.providers {
        let (issuer, audiences, google) = match &provider.kind {
            ProviderKind::AwsOidc { url, audiences, .. } => (url, audiences.as_deref().unwrap_or_default(), false),
            ProviderKind::Google(google) => match &google.source {
                GoogleSource::Oidc { issuer, audiences } if !google.disabled => (issuer, audiences.as_slice(), true),
                _ => continue,
            },
        };
        out.extend(audiences.iter().map(|audience| Taker { origin: &provider.origin, issuer, audience, google }));
    }
    for trust in &context.graph.trusts {
        if let Gate::AzureCredential { issuer: Some(issuer), audiences, .. } = &trust.gate {
            out.extend(audiences.iter().map(|audience| Taker { origin: &trust.origin, issuer, audience, google: false }));
        }
    }
    out
}

/// Whoever asks for a token says whom it is for: another audience can be had.
fn chosen(recognised: &Recognised<'_>) -> bool {
    recognised.templates().iter().all(|t| match t.claim("aud") {
        Some([ClaimPart::Segment(index)]) => t.segments.get(*index).is_some_and(|s| s.role == Role::CallerChosen),
        _ => false,
    })
}

fn api_server(taker: &Taker<'_>, audience: &str) -> Finding {
    let message = format!(
        "`{audience}` is the audience of the cluster's own API: the token that every pod has for it is taken here, and so is one that a pod sends to \
         the API server"
    );
    let finding = Finding::new(RuleId::SharedAudience, taker.origin, taker.audience.span(), audience, message);
    finding.help("accept an audience of this trust's own, and project a token for it into the pods that need it").along_text(taker.audience)
}

fn elsewhere(taker: &Taker<'_>, audience: &str, all: &[&Taker<'_>]) -> Option<Finding> {
    let mut others = all.iter().filter(|t| t.origin.span != taker.origin.span).peekable();
    let message = match others.peek() {
        Some(other) => format!(
            "`{}` takes tokens of this issuer for `{audience}`, too: a token that was made for one of them opens both",
            other.origin.name
        ),
        None if ELSEWHERE.contains(&audience) => {
            format!("`{audience}` is the audience of another cloud: a token that was made for it is taken here")
        }
        None => return None,
    };
    let finding = Finding::new(RuleId::SharedAudience, taker.origin, taker.audience.span(), audience, message).severity(Severity::Low);
    let finding = others.fold(finding, |f, t| f.related_to(t.origin.span, "takes the same audience"));
    Some(
        finding
            .help("leave `allowed_audiences` empty: the provider's own name is the audience that nothing else has")
            .along_text(taker.audience),
    )
}

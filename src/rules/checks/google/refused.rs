//! Providers that Google refuses to create: expressions that cannot be read, mappings without end
//! (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>).

use super::spelling::Spelling;
use super::{Context, attributes, limits};
use crate::admission::cel::google::{GoogleView, circles};
use crate::admission::cel::{Problem, parse};
use crate::catalogue::{Confidence, RuleId, Severity};
use crate::graph::{GoogleProvider, GoogleSource, Provider, ProviderId, ProviderKind, Setting};
use crate::issuers::{Mistake, well_known_mistakes};
use crate::partial::Text;
use crate::rules::Finding;

pub(super) fn check(context: &Context<'_>, id: ProviderId) -> Vec<Finding> {
    let Some(provider) = context.graph.provider(id) else { return Vec::new() };
    let ProviderKind::Google(google) = &provider.kind else { return Vec::new() };
    let view = view(google);
    let mut out: Vec<Finding> = expressions(provider, &view);
    out.extend(in_circles(context, provider, &view));
    out.extend(limits::check(context, provider, google));
    out.extend(in_managed_pool(context, provider, google));
    out.extend(mistaken(provider, google));
    out.extend(attributes::in_assertion(provider, google, &view));
    out
}

/// A pool that manages identities by itself takes no provider
/// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools#Mode>).
fn in_managed_pool(context: &Context<'_>, provider: &Provider, google: &GoogleProvider) -> Option<Finding> {
    let pool = context.graph.pool(google.pool?)?;
    let mode = pool.mode.as_ref().filter(|m| matches!(m.as_known().as_deref(), Some("TRUST_DOMAIN" | "SYSTEM_TRUST_DOMAIN")))?;
    let message = format!("the pool of this provider has the mode `{mode}` and takes no providers: Google refuses the provider");
    let finding = Finding::new(RuleId::RejectedPolicy, &provider.origin, mode.span(), "mode", message).along_text(mode);
    Some(finding.help("put the provider into a pool of its own, with the mode `FEDERATION_ONLY`"))
}

/// An issuer that looks right: no token has it, or somebody else's have
/// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers#Oidc>, `issuerUri`).
fn mistaken(provider: &Provider, google: &GoogleProvider) -> Option<Finding> {
    let GoogleSource::Oidc { issuer, .. } = &google.source else { return None };
    let mistake = well_known_mistakes(&issuer.as_known()?)?;
    let certain = match mistake {
        // The scheme has its own finding, and an inner slash is not known to matter to Google.
        Mistake::Scheme { .. } | Mistake::NoScheme(_) | Mistake::SlashTooMany(_) | Mistake::SlashMissing(_) | Mistake::LetterCase(_) => {
            return None;
        }
        Mistake::Foreign { .. } | Mistake::Similar { .. } => false,
        _ => true,
    };
    let message = format!("{mistake}: no token of the issuer that is meant is admitted to the pool");
    let finding = Finding::new(RuleId::IssuerMismatch, &provider.origin, issuer.span(), "issuer", message).along_text(issuer);
    let finding = if certain { finding } else { finding.severity(Severity::Medium) };
    Some(finding.certain(certain).help("write the issuer as it stands in the `iss` claim of the tokens"))
}

/// Google certainly refuses the provider: nobody comes through it.
pub(super) fn is_refused(context: &Context<'_>, id: ProviderId) -> bool {
    check(context, id).iter().any(|f| f.rule == RuleId::RejectedPolicy && f.confidence == Confidence::Proven)
}

/// The mapping as it is written, with the condition where there is one and no other.
fn view(google: &GoogleProvider) -> GoogleView {
    let mapping = google.mapping.iter().flatten().map(|(k, e)| (k.to_string(), e.clone())).collect();
    let condition = if let Setting::Set(text) = &google.condition { Some(text.clone()) } else { None };
    GoogleView { mapping, condition, ..GoogleView::default() }
}

/// Whether every expression of a provider can be evaluated at all: what cannot is told by [`check`].
pub(super) fn is_readable(view: &GoogleView) -> bool {
    let wrong = |e: &Text| parse(e).is_err_and(|p| !p.unknown);
    !view.mapping.iter().any(|(_, e)| wrong(e)) && !view.condition.iter().any(wrong) && circles(view).is_empty()
}

/// Expressions that are not CEL.
fn expressions(provider: &Provider, view: &GoogleView) -> Vec<Finding> {
    let finding = |what: &str, edge: &str, text: &Text, problem: Problem| {
        let message = format!("{what} is no CEL expression ({}): Google refuses the provider", problem.message);
        Finding::new(RuleId::RejectedPolicy, &provider.origin, problem.span.or_else(|| text.span()), edge, message)
            .help("correct the expression; strings stand in `'…'`, and every bracket is closed")
            .along_text(text)
    };
    let broken = |text: &Text| parse(text).err().filter(|p| !p.unknown);
    let mapping = view.mapping.iter().filter_map(|(k, e)| Some(finding(&format!("the mapping of `{k}`"), k, e, broken(e)?)));
    let condition = view.condition.iter().filter_map(|e| Some(finding("the condition", "condition", e, broken(e)?)));
    mapping.chain(condition).collect()
}

/// Mappings that refer to themselves: one finding, whatever the length of the circle.
fn in_circles(context: &Context<'_>, provider: &Provider, view: &GoogleView) -> Option<Finding> {
    let all = circles(view);
    let (key, span) = all.first()?;
    let over = match all.get(1..) {
        Some([(other, _), ..]) => format!(" by way of `{other}`"),
        _ => String::new(),
    };
    let message =
        format!("the mapping of `{key}` refers to itself{over}: Google refuses the provider, and no token ever has a value for it");
    let claim = key.split_once('.').map_or(key.as_str(), |(_, name)| name);
    let claim = if key == "google.subject" { "sub" } else { claim };
    let finding = Finding::new(RuleId::RejectedPolicy, &provider.origin, *span, key, message);
    Some(finding.help(format!(
        "map a claim of the token: `{}`",
        Spelling::of(context.sources, &provider.origin).mapping(key, &format!("assertion.{claim}"))
    )))
}

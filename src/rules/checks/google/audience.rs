//! Audiences that no token of the issuer is for.

use super::{Context, ProviderView};
use crate::admission::exposure::Reachability;
use crate::admission::formula::Formula;
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::GoogleSource;
use crate::issuers::{ClaimPart, Template};
use crate::partial::Text;
use crate::rules::Finding;

/// No token of the issuer is for an audience that is accepted, though the condition lets some in.
pub(super) fn unsatisfiable(context: &Context<'_>, seen: &ProviderView<'_>) -> Option<Finding> {
    let dead = |formula: &Formula| matches!(context.reachability(formula, &seen.templates_for(formula)), Reachability::Unreachable);
    if seen.accepted.is_none() || !dead(&seen.via.condition) || dead(&seen.formula) {
        return None;
    }
    let name = &seen.recognised.issuer.name;
    let span = match &seen.via.google.source {
        GoogleSource::Oidc { audiences, .. } => audiences.first().and_then(Text::span),
        _ => None,
    };
    let templates = seen.templates_for(&seen.via.condition);
    // What the issuer's tokens are for where it is always the same, else what its vendor says is usual.
    let literal = |part: &ClaimPart| if let ClaimPart::Literal(text) = part { Some(text.clone()) } else { None };
    let fixed = |t: &Template| t.claim("aud").and_then(|parts| parts.iter().map(literal).collect::<Option<String>>());
    let usual = || seen.recognised.issuer.audiences.get("default").filter(|a| !a.contains('<')).cloned();
    let minted = templates.iter().find_map(fixed).or_else(usual);
    let message = format!("no token of {name} is for an audience that this provider accepts: no token is ever admitted to the pool");
    let finding = Finding::new(RuleId::AudienceMismatch, &seen.via.provider.origin, span, "audience", message);
    let help = minted.map_or_else(
        || "put the audience of the tokens into `allowed_audiences`".to_owned(),
        |aud| format!("put the audience of the tokens into `allowed_audiences`: `{aud}`"),
    );
    Some(finding.severity(Severity::Medium).certain(false).help(help))
}

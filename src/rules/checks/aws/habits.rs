//! What works but should be better: the audience, the two formats of GitHub's subject.

use super::{Seen, Subject};
use crate::admission::exposure::shape;
use crate::admission::iam::{self, Effect, Statement};
use crate::graph::ProviderKind;
use crate::rules::{Finding, Severity};
use crate::value::Text;

/// No test of the audience.
pub(super) fn audience(subject: &Subject<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let claims = ["aud", "azp"];
    let tested = shape::tests(&seen.formula)
        .iter()
        .any(|o| o.positive && shape::claims(&o.test.subject).iter().any(|c| claims.contains(&c.as_str())));
    // Where the provider is not known, its keys are not either: a key of that name will do.
    if tested || keys_named(subject, seen, &["aud", "oaud", "azp"]) {
        return None;
    }
    let single = registered_audiences(subject, &seen.principal).is_some_and(|n| n == 1);
    let severity = if single { Severity::Low } else { Severity::Medium };
    let host = crate::admission::iam::issuer_of_federated(&seen.principal).map_or_else(String::new, |t| t.to_string());
    let wanted = seen.known.recognised.issuer.audiences.get("aws").cloned().unwrap_or_else(|| "sts.amazonaws.com".to_owned());
    let why = if single {
        "the provider's client list decides, today with one value"
    } else {
        "every audience that the provider's client list holds, now or later, opens this role"
    };
    Some(
        Finding::new(
            "missing-audience",
            &subject.trust.origin,
            seen.principal.span(),
            &host,
            format!("no condition tests the audience: {why}"),
        )
        .severity(severity)
        .help(format!("add `\"{host}:aud\": \"{wanted}\"` under `StringEquals`"))
        .along_text(&seen.principal),
    )
}

/// A statement for this principal tests a key with one of these names, whoever's it is.
fn keys_named(subject: &Subject<'_>, seen: &Seen<'_>, names: &[&str]) -> bool {
    let principal = |s: &&Statement| s.principals.items.iter().any(|p| p.leaf.choices.iter().any(|t| t.same(&seen.principal)));
    let allow = subject.policy.statements.iter().filter(|s| s.effect == Effect::Allow).filter(principal);
    let unknown = iam::issuer_of_federated(&seen.principal).is_none_or(|host| !host.is_known());
    unknown && allow.flat_map(|s| &s.conditions).any(|c| super::key_name(&c.key).is_some_and(|n| names.contains(&n.as_str())))
}

/// How many audiences the provider takes, when it is in the scan.
fn registered_audiences(subject: &Subject<'_>, principal: &Text) -> Option<usize> {
    let providers = subject.context.links.trust_providers.get(subject.index)?;
    let mut lists = providers.iter().filter_map(|id| match &subject.context.graph.provider(*id)?.kind {
        ProviderKind::AwsOidc { audiences, url, .. } => Some((url, audiences.as_ref().map(Vec::len))),
        ProviderKind::Google(_) => None,
    });
    let host = crate::admission::iam::issuer_of_federated(principal)?;
    // With one provider the link is enough; with several the URL tells them apart.
    if providers.len() == 1 { lists.next()?.1 } else { lists.find(|(url, _)| url.to_string().ends_with(&host.to_string()))?.1 }
}

/// GitHub's classic and immutable subjects: only one of them gets in.
pub(super) fn subject_format(subject: &Subject<'_>, seen: &Seen<'_>) -> Option<Finding> {
    super::super::format::stale(subject.context, &subject.trust.origin, &seen.known.recognised.issuer.id, &seen.formula, &seen.templates)
}

//! What works but should be better: the audience, the two formats of GitHub's subject.

use super::advice::{self, Wanted};
use super::{FederatedView, RoleTrust};
use crate::admission::exposure::shape;
use crate::admission::formula::Matcher;
use crate::admission::iam;
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::aws::key_name;
use crate::issuers::Trait;

use crate::partial::{Text, hops};
use crate::rules::Finding;

/// No test of the audience.
pub(super) fn audience(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let claims = ["aud", "azp"];
    let tested = shape::tests(&seen.formula)
        .iter()
        .any(|o| o.positive && shape::claims(&o.test.subject).iter().any(|c| claims.contains(&c.as_str())));
    // Where the provider is not known, its keys are not either: a key of that name will do.
    if tested || keys_named(subject, seen, &["aud", "oaud", "azp"]) || unreadable(subject, seen) {
        return None;
    }
    let (severity, why, help) =
        if seen.recognised.issuer.is(Trait::NoClientList) { google(subject, seen) } else { registered(subject, seen) };
    let message = format!("no condition tests the audience: {why}");
    let host = iam::issuer_of_federated(&seen.via.principal).map_or_else(String::new, |t| t.to_string());
    let place = subject.lacks(&seen.via.principal, &["aud", "oaud", "azp"]);
    let finding = Finding::new(RuleId::MissingAudience, &subject.trust.origin, place, &host, message).severity(severity);
    let key = provider_of(&seen.via.principal).unwrap_or(host);
    Some(finding.help(help).along_text(&seen.via.principal).merged_by(key))
}

/// Two issuers without an audience are two facts, one provider whose URL differs from workspace to workspace is one: the
/// address of the provider that a principal is computed from.
fn provider_of(principal: &Text) -> Option<String> {
    let trail = principal.trail();
    hops(&trail).find(|hop| hop.kind.is_aws_provider_url()).map(|hop| hop.kind.to_string())
}

/// The audience is one of the client ids that a provider lists.
fn registered(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> (Severity, &'static str, String) {
    let audiences = subject.context.audiences(subject.index, &seen.via.principal);
    let single = match audiences {
        Some([one]) => Some(one.to_string()),
        _ => None,
    };
    let (severity, why) = match single {
        Some(_) => (Severity::Low, "the provider's client list decides, today with one value"),
        None => (Severity::Medium, "every audience that the provider's client list holds, now or later, opens this role"),
    };
    let usual = seen.recognised.issuer.audiences.get("aws").filter(|a| !a.contains('<')).cloned();
    let value = single.or(usual).unwrap_or_else(|| "AUDIENCE".to_owned());
    (severity, why, advice::add(subject, &seen.via.principal, &Wanted { claim: "aud", value: &value }))
}

/// Google's own tokens: there is no client list, and `aud` is the claim `azp`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>).
fn google(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> (Severity, &'static str, String) {
    let one = |test: &crate::admission::formula::Test| {
        let exact = matches!(&test.matcher, Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) if t.is_known());
        exact && shape::claims(&test.subject).contains("sub")
    };
    let pinned = shape::tests(&seen.formula).iter().any(|o| o.positive && one(o.test));
    let (severity, why) = if pinned {
        (Severity::Low, "a service that this account sends an ID token to can open the role with it")
    } else {
        (Severity::Medium, "an ID token that is meant for any other service opens the role as well")
    };
    (
        severity,
        why,
        advice::add(subject, &seen.via.principal, &Wanted { claim: "oaud", value: "AUDIENCE" })
            + ", with the audience that the workload requests",
    )
}

/// A statement for this principal has a condition whose key is not known: it may be the one.
fn unreadable(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> bool {
    advice::statements(subject, &seen.via.principal).any(|s| {
        let ends_unknown = |c: &iam::ConditionTest| key_name(&c.key).is_none() && !c.key.is_known();
        s.open_conditions.is_some() || s.conditions.iter().any(ends_unknown)
    })
}

/// A statement for this principal tests a key with one of these names, whoever's it is.
fn keys_named(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, names: &[&str]) -> bool {
    let unknown = iam::issuer_of_federated(&seen.via.principal).is_none_or(|host| !host.is_known());
    let named = |c: &iam::ConditionTest| key_name(&c.key).is_some_and(|n| names.contains(&n.as_str()));
    unknown && advice::statements(subject, &seen.via.principal).flat_map(|s| &s.conditions).any(named)
}

/// GitHub's classic and immutable subjects: only one of them gets in.
pub(super) fn subject_format(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    super::super::format::stale(subject.context, &subject.trust.origin, &seen.formula, &seen.templates)
}

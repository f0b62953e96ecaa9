//! Whom a token is for: the audience that a policy asks for against the clients of its provider, and policies that ask for none.

use super::advice::{self, Wanted};
use super::{FederatedView, RoleTrust};
use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::{Formula, Matcher, Test};
use crate::admission::iam;
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::audience::test as for_audience;
use crate::gate::aws::{self, key_name};
use crate::graph::ProviderKind;
use crate::issuers::{Tenancy, Trait};
use crate::partial::{Text, hops};
use crate::rules::Finding;

/// An audience that nobody registers: a token for it is for somebody else.
const ELSEWHERE: &str = "urn:audience-of-another-service";

/// The claims that hold the audience, by the names of AWS's keys and of the tokens.
const AUDIENCES: [&str; 3] = ["aud", "oaud", "azp"];

/// No audience that the policy asks for is a client of the provider: STS refuses each of its tokens
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).
pub(super) fn no_client(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let accepted = seen.accepted.as_ref()?;
    let names = accepted.names.as_ref()?;
    let tests = shape::tests(&seen.formula);
    // Where each test asks for a client, whatever is wrong, it is not that none is asked for.
    let is_client = |text: &Text| text.as_known().is_some_and(|value| names.contains(&value));
    let for_client = |o: &&shape::Occurrence<'_>| o.positive && matches!(&o.test.matcher, Matcher::Exact(text) if is_client(text));
    if tests.iter().filter(|o| of_audience(o.test)).all(|o| for_client(&o)) {
        return None;
    }
    let formula = Formula::All(vec![seen.formula.clone(), accepted.any.clone()]);
    let templates = seen.via.request(seen.templates_for(&formula), &formula);
    if !matches!(subject.context.reachability(&formula, &templates), Reachability::Unreachable) {
        return None;
    }
    let test = tests.iter().find(|o| o.positive && of_audience(o.test))?.test;
    let clients = names.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the trust asks for an audience that the provider does not have: its clients are {clients}, so STS refuses every token that the trust admits"
    );
    let finding = Finding::new(RuleId::AudienceMismatch, &subject.trust.origin, test.span, &seen.recognised.host_path, message);
    let help = "compare `…:aud` with a client id of the provider, or add the audience to the provider's client ids";
    Some(finding.help(help).certain(accepted.certain).along(&test.trail))
}

/// No test of the audience, or one that refuses none.
pub(super) fn missing(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let tests = shape::tests(&seen.formula);
    let tested = tests.iter().find(|o| o.positive && of_audience(o.test)).map(|o| o.test);
    // Where the provider is not known, its keys are not either: a key of that name will do.
    if tested.is_none() && (keys_named(subject, seen) || unreadable(subject, seen)) {
        return None;
    }
    if tested.is_some() && !takes_any(subject, seen) {
        return None;
    }
    let (severity, why, help) =
        if seen.recognised.issuer.is(Trait::NoClientList) { google(subject, seen) } else { registered(subject, seen) };
    let (what, place, help) = match tested {
        Some(test) => {
            let all: Vec<&Test> = tests.iter().map(|o| o.test).filter(|t| of_audience(t)).collect();
            let star = all.iter().find_map(|t| super::super::verdict::star(t));
            ("the test of the audience refuses none", star.or(test.span), "write the audience that the workload requests".to_owned())
        }
        None => ("no condition tests the audience", subject.lacks(&seen.via.principal, &AUDIENCES), help),
    };
    let message = format!("{what}: {why}");
    let host = iam::issuer_of_federated(&seen.via.principal).map_or_else(String::new, |t| t.to_string());
    let finding = Finding::new(RuleId::MissingAudience, &subject.trust.origin, place, &host, message).severity(severity);
    let key = linked(subject, seen).or_else(|| provider_of(&seen.via.principal)).unwrap_or(host);
    Some(finding.help(help).along_text(&seen.via.principal).merged_in_file(key))
}

fn of_audience(test: &Test) -> bool {
    shape::claims(&test.subject).iter().any(|c| matches!(c.as_str(), "aud" | "azp"))
}

/// A token for somebody else passes, where the issuer mints one, whatever the values are that are not known: an audience
/// that only the caller of a module knows is tested all the same.
fn takes_any(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> bool {
    let elsewhere = for_audience(Matcher::Exact(Text::known(ELSEWHERE)));
    let both = Formula::All(vec![seen.formula.clone(), elsewhere.clone()]);
    let templates = seen.via.request(seen.templates_for(&both), &both);
    subject.context.always_admits(&seen.formula, &elsewhere, &templates)
}

/// Two issuers without an audience are two facts, one provider whose URL differs from workspace to workspace is one: the
/// address of the provider that a principal is computed from.
fn provider_of(principal: &Text) -> Option<String> {
    let trail = principal.trail();
    hops(&trail).find(|hop| hop.kind.is_aws_provider_url()).map(|hop| hop.kind.to_string())
}

/// The one provider of the scan that a principal means, whether by reference or by its URL.
fn linked(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<String> {
    let host = iam::issuer_of_federated(&seen.via.principal)?;
    let providers = subject.providers().iter().filter_map(|id| subject.context.graph.provider(*id));
    let mut own = providers.filter(|p| matches!(&p.kind, ProviderKind::AwsOidc { url, .. } if aws::is_of(url, &host)));
    let first = own.next()?;
    // Of all worlds of a root: its declaration is one.
    own.next().is_none().then(|| format!("{:?}", first.origin.span))
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
        // A pod's token names its ServiceAccount whatever service it is for.
        None if seen.recognised.issuer.tenancy == Tenancy::Cluster && (names_subject(seen) || compares_subject(subject, seen)) => {
            (Severity::Low, "a service that the pod sends a token to can use it here, when the provider lists that service's audience")
        }
        None => (Severity::Medium, "every audience that the provider's client list holds, now or later, opens this role"),
    };
    let usual = seen.recognised.issuer.audiences.get("aws").filter(|a| !a.contains('<')).cloned();
    let value = single.or(usual).unwrap_or_else(|| "AUDIENCE".to_owned());
    (severity, why, advice::add(subject, &seen.via.principal, &Wanted { claim: "aud", value: &value }))
}

/// Google's own tokens: there is no client list, and `aud` is the claim `azp`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>).
fn google(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> (Severity, &'static str, String) {
    let (severity, why) = if names_subject(seen) {
        (Severity::Low, "a service that this account sends an ID token to can open the role with it")
    } else {
        (Severity::Medium, "an ID token that is meant for any other service opens the role as well")
    };
    let wanted = Wanted { claim: "oaud", value: "AUDIENCE" };
    (severity, why, advice::add(subject, &seen.via.principal, &wanted) + ", with the audience that the workload requests")
}

/// Every test of the subject names one, whole.
fn names_subject(seen: &FederatedView<'_>) -> bool {
    let tests = shape::tests(&seen.formula);
    let mut of_subject = tests.iter().filter(|o| shape::claims(&o.test.subject).contains("sub")).peekable();
    let exact = |o: &shape::Occurrence<'_>| o.positive && matches!(&o.test.matcher, Matcher::Exact(_) | Matcher::ExactIgnoreCase(_));
    of_subject.peek().is_some() && of_subject.all(exact)
}

/// Each statement for this principal compares the subject exactly, whatever the values are.
fn compares_subject(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> bool {
    let exact = |c: &iam::ConditionTest| {
        let operator = c.operator.is_some_and(|o| o.base == iam::Base::StringEquals && o.set.is_none() && !o.negated && !o.if_exists);
        operator && key_name(&c.key).as_deref() == Some("sub")
    };
    let mut statements = advice::statements(subject, &seen.via.principal).peekable();
    statements.peek().is_some() && statements.all(|s| s.conditions.iter().any(exact))
}

/// A statement for this principal has a condition whose key is not known: it may be the one.
fn unreadable(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> bool {
    advice::statements(subject, &seen.via.principal).any(|s| {
        let ends_unknown = |c: &iam::ConditionTest| key_name(&c.key).is_none() && !c.key.is_known();
        s.open_conditions.is_some() || s.conditions.iter().any(ends_unknown)
    })
}

/// A statement for this principal tests a key with one of these names, whoever's it is.
fn keys_named(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> bool {
    let unknown = iam::issuer_of_federated(&seen.via.principal).is_none_or(|host| !host.is_known());
    let named = |c: &iam::ConditionTest| key_name(&c.key).is_some_and(|n| AUDIENCES.contains(&n.as_str()));
    unknown && advice::statements(subject, &seen.via.principal).flat_map(|s| &s.conditions).any(named)
}

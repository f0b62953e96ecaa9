//! Attributes that a condition or a binding asks for: mapped at all, and mapped to what is asked for?

use super::{Context, ProviderView};
use crate::admission::cel::google::{
    AWS_DEFAULT_MAPPING, GoogleView, MAX_SUBJECT, Member, MemberKind, Selector, evaluate_provider, member_formula, references,
};
use crate::admission::cel::value::Value;
use crate::admission::exposure::{Reachability, reachability, shape};
use crate::admission::formula::{Comparison, Formula, Matcher, Subject, Test, TestOrigin};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{Gate, GoogleProvider, GoogleSource, Provider, ProviderKind, Trust};
use crate::issuers::{Tag, Template};

use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::BTreeSet;

/// Names that the condition uses and the mapping does not give: the condition cannot be evaluated, which refuses the token.
pub(super) fn in_condition(seen: &ProviderView<'_>) -> Vec<Finding> {
    if seen.via.view.condition.is_none() || has_unknown_key(seen.via.google) {
        return Vec::new();
    }
    let all = references(&seen.via.view).attributes;
    let guarded: BTreeSet<&str> = all.iter().filter(|r| r.has).map(|r| r.name.as_str()).collect();
    let mut reported = BTreeSet::new();
    let missing = all.iter().filter(|r| r.mapping.is_none() && !r.has && !seen.maps(&r.name) && !guarded.contains(r.name.as_str()));
    missing
        .filter(|r| reported.insert(r.name.clone()))
        .map(|r| {
            let name = &r.name;
            let lost = if lost_default(&seen.via.view.mapping, seen.via.view.aws, name) { LOST } else { "" };
            let message = format!(
                "the condition reads `{name}`, which the provider does not map{lost}: it cannot be evaluated, and the token is refused"
            );
            let span = r.span.filter(|s| seen.in_condition(*s)).or_else(|| seen.via.view.condition.as_ref().and_then(Text::span));
            Finding::new(RuleId::UnmappedAttribute, &seen.via.provider.origin, span, name, message).help(map_it(name, seen.via.view.aws))
        })
        .collect()
}

/// What an attribute of the mapping is called is not known: it may be any.
fn has_unknown_key(google: &GoogleProvider) -> bool {
    google.mapping.iter().flatten().any(|(key, _)| !key.is_known())
}

/// The same for providers whose assertions are not modelled (SAML, X.509).
pub(super) fn in_assertion(provider: &Provider, google: &GoogleProvider, view: &GoogleView) -> Vec<Finding> {
    let unread = google.mapping_open || has_unknown_key(google);
    let condition = view.condition.as_ref().filter(|_| matches!(google.source, GoogleSource::Saml | GoogleSource::X509) && !unread);
    let Some(condition) = condition else { return Vec::new() };
    let mapped = |name: &str| view.mapping.iter().any(|(key, _)| key == name);
    let mut reported = BTreeSet::new();
    let all = references(view).attributes;
    let missing = all.iter().filter(|r| r.mapping.is_none() && !r.has && !mapped(&r.name));
    let missing = missing.filter(|r| !all.iter().any(|other| other.has && other.name == r.name) && reported.insert(r.name.clone()));
    missing
        .map(|r| {
            let name = &r.name;
            let message =
                format!("the condition reads `{name}`, which the provider does not map: it cannot be evaluated, and everybody is refused");
            let finding = Finding::new(RuleId::UnmappedAttribute, &provider.origin, r.span.or_else(|| condition.span()), name, message);
            finding.help(map_it(name, false))
        })
        .collect()
}

const LOST: &str = " (AWS's default mapping is lost once any mapping is given)";

fn lost_default(mapping: &[(String, Text)], aws: bool, key: &str) -> bool {
    aws && !mapping.is_empty() && AWS_DEFAULT_MAPPING.iter().any(|(k, _)| *k == key)
}

fn map_it(key: &str, aws: bool) -> String {
    let claim = key.strip_prefix("attribute.").unwrap_or(key);
    let expression = match (aws, claim) {
        (true, "aws_role") => "assertion.arn.extract('assumed-role/{role}/')".to_owned(),
        (true, "aws_account" | "account") => "assertion.account".to_owned(),
        _ => format!("assertion.{claim}"),
    };
    format!("map it in the provider (`\"{key}\" = \"{expression}\"`) or use an attribute that is mapped")
}

/// The mapping key that a member asks for, and the value.
pub(super) fn asked(member: &Member) -> Option<(String, &Text)> {
    if !matches!(member.kind, MemberKind::Pool { .. }) {
        return None;
    }
    match member.selector()? {
        Selector::Attribute { name, value } => Some((format!("attribute.{}", name.text.as_known()?), &value.text)),
        Selector::Group(value) => Some(("google.groups".to_owned(), &value.text)),
        Selector::Subject(value) => Some(("google.subject".to_owned(), &value.text)),
        _ => None,
    }
}

/// A binding on what no provider of the pool gives.
pub(super) fn in_binding(
    context: &Context<'_>,
    index: usize,
    trust: &Trust,
    member: &Member,
    seen: &[ProviderView<'_>],
) -> Option<Finding> {
    let (key, value) = asked(member)?;
    let ids = context.links.trust_providers.get(index)?;
    let providers: Vec<&Provider> = ids.iter().filter_map(|id| context.graph.provider(*id)).collect();
    if providers.is_empty() {
        return None;
    }
    if key != "google.subject"
        && let Some(mapped) = providers.iter().map(|p| keys(p)).collect::<Option<Vec<_>>>()
        && !mapped.iter().flatten().any(|k| *k == key)
    {
        return Some(unmapped(trust, member, &key, &providers));
    }
    let all_seen = ids.iter().all(|id| seen.iter().any(|s| s.via.id == *id));
    if !all_seen || seen.is_empty() || !seen.iter().all(|s| s.maps(&key) && !s.recognised.issuer.tenancy.is_free()) {
        return None;
    }
    unreachable(trust, member, &key, value, seen)
}

/// The keys that a provider maps, when all of them are known.
fn keys(provider: &Provider) -> Option<Vec<String>> {
    let ProviderKind::Google(google) = &provider.kind else { return None };
    if google.mapping_open {
        return None;
    }
    match (&google.mapping, &google.source) {
        (Some(mapping), _) => mapping.iter().map(|(k, _)| k.as_known()).collect(),
        (None, GoogleSource::Aws { .. }) => Some(AWS_DEFAULT_MAPPING.iter().map(|(k, _)| (*k).to_owned()).collect()),
        // Every other provider has to have a mapping: what was read is only a part of it.
        (None, _) => None,
    }
}

fn unmapped(trust: &Trust, member: &Member, key: &str, providers: &[&Provider]) -> Finding {
    let aws = |p: &&&Provider| matches!(&p.kind, ProviderKind::Google(g) if matches!(g.source, GoogleSource::Aws { .. }));
    let default = AWS_DEFAULT_MAPPING.iter().any(|(k, _)| *k == key) && providers.iter().any(|p| aws(&p));
    let lost = if default { LOST } else { "" };
    let message = format!("no provider of the pool maps `{key}`{lost}: no identity has it, and the binding can never be used");
    let needle = key.rsplit('.').next().unwrap_or(key);
    let span = member.text.find_span(key).or_else(|| member.text.find_span(needle)).or_else(|| member.text.span());
    let finding = Finding::new(RuleId::UnmappedAttribute, &trust.origin, span, &member.text.to_string(), message)
        .help(map_it(key, providers.iter().any(|p| aws(&p))))
        .along_text(&member.text);
    providers.iter().fold(finding, |f, p| f.related_to(p.origin.span, "this provider fills the pool"))
}

/// Longer than the subject of a token may be.
fn too_long(subject: &str) -> bool {
    subject.len() > MAX_SUBJECT
}

/// A value that no mapping can have.
fn unreachable(trust: &Trust, member: &Member, key: &str, value: &Text, seen: &[ProviderView<'_>]) -> Option<Finding> {
    let finding = |message: String, help: String| {
        let span = value.span().or_else(|| member.text.span());
        let finding = Finding::new(RuleId::UnreachableValue, &trust.origin, span, &member.text.to_string(), message)
            .help(help)
            .along_text(&member.text);
        seen.iter().fold(finding.certain(seen.iter().all(|s| s.certain)), |f, s| {
            f.related_to(s.via.provider.origin.span, "the mapping is made here")
        })
    };
    let first = seen.first()?;
    if key == "google.subject"
        && let Some(known) = value.as_known().filter(|v| too_long(v))
    {
        let message =
            format!("the subject has {} bytes, and Google refuses tokens whose `google.subject` has more than {MAX_SUBJECT}", known.len());
        return Some(finding(message, "bind an attribute instead of the whole subject".to_owned()));
    }
    if !seen.iter().all(|s| dead(s, member, key)) {
        return None;
    }
    let message = if seen.iter().all(|s| empty_extract(s, key).is_some()) {
        format!("`{key}` is always empty, because its `extract` finds nothing in any token: the binding can never be used")
    } else {
        let example = example(first, key).map(|e| format!("; its values are like `{e}`")).unwrap_or_default();
        format!("the mapping can never give `{key}` the value `{value}`{example}: the binding can never be used")
    };
    let found = finding(message, help(first, key));
    // A repository may have its subjects made of other claims, which no file of the repository says.
    Some(if customised(first, key) { found.severity(Severity::Medium).certain(false) } else { found })
}

fn help(seen: &ProviderView<'_>, key: &str) -> String {
    if seen.via.view.aws && key == "attribute.aws_role" {
        return "an STS ARN is `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`: map `assertion.arn.extract('assumed-role/{role}/')` and bind the role's \
                name, or use the default mapping and bind the ARN without its session"
            .to_owned();
    }
    format!("bind a value of the form that the mapping of `{key}` makes, or change the mapping")
}

/// The subject can be customised.
fn customised(seen: &ProviderView<'_>, key: &str) -> bool {
    let reads = |e: &Text| cut::flat(e).contains("assertion.sub");
    seen.recognised.customisable() && seen.via.view.mapping.iter().any(|(k, e)| k == key && reads(e))
}

/// A value of the attribute, for people.
fn example(seen: &ProviderView<'_>, key: &str) -> Option<String> {
    let Reachability::Reachable(token) = reachability(&seen.via.condition, &seen.templates_for(&seen.via.condition)) else { return None };
    match evaluate_provider(&seen.via.view, &token).attributes.get(key) {
        Some(Ok(Value::String(s))) if !s.is_empty() => Some(s.to_string()),
        _ => None,
    }
}

/// No token of the provider's issuer has the member's value, whatever the condition says.
fn dead(seen: &ProviderView<'_>, member: &Member, key: &str) -> bool {
    if default_role(seen, member, key) {
        return true;
    }
    let formula = member_formula(member, &seen.via.view);
    let is_dead = |f: &Formula, t: &[Template]| matches!(reachability(f, t), Reachability::Unreachable);
    let mut account = formula.clone();
    if seen.via.view.aws
        && let Formula::All(parts) = &seen.via.condition
        && let Some(test) = parts.last()
    {
        // The account is the provider's.
        account = Formula::All(vec![formula.clone(), test.clone()]);
    }
    let templates = seen.templates_for(&account);
    if is_dead(&account, &templates) {
        return true;
    }
    // A path of an IAM user can look like anything; when the mapping cuts a role's name out, roles are meant.
    let both = Formula::All(vec![formula, seen.via.condition.clone()]);
    seen.via.view.aws
        && extracts(seen, key).is_some()
        && is_dead(&account, &sessions(seen, &account))
        && is_dead(&both, &seen.templates_for(&both))
}

/// The default mapping of `attribute.aws_role` gives a whole ARN, and never a bare name.
fn default_role(seen: &ProviderView<'_>, member: &Member, key: &str) -> bool {
    let value = asked(member).and_then(|(_, value)| value.as_known());
    let bare = |v: &String| !v.starts_with("arn:") && !v.contains("assumed-role/");
    seen.via.view.aws && seen.via.view.mapping.is_empty() && key == "attribute.aws_role" && value.as_ref().is_some_and(bare)
}

/// The tokens of role sessions for AWS, all for others.
fn sessions(seen: &ProviderView<'_>, formula: &Formula) -> Vec<Template> {
    let mut templates = seen.templates_for(formula);
    if seen.via.view.aws {
        templates.retain(|t| t.is(Tag::RoleSession));
    }
    templates
}

/// The test that stands for the mapping of a key, when it is one `extract`.
fn extracts<'s>(seen: &'s ProviderView<'_>, key: &str) -> Option<&'s Test> {
    let tests = shape::tests(&seen.via.condition);
    tests
        .into_iter()
        .map(|o| o.test)
        .find(|t| matches!(&t.origin, TestOrigin::Mapping(of) if of == key) && matches!(t.subject, Subject::Extract { .. }))
}

/// The test of a mapping whose `extract` finds nothing in any token.
fn empty_extract<'s>(seen: &'s ProviderView<'_>, key: &str) -> Option<&'s Test> {
    let test = extracts(seen, key)?;
    let some = Formula::Test(Box::new(Test { matcher: Matcher::Size(Comparison::Greater, 0), ..test.clone() }));
    let templates = sessions(seen, &some);
    (!templates.is_empty() && matches!(reachability(&some, &templates), Reachability::Unreachable)).then_some(test)
}

/// Mappings that are always empty, where no binding and no condition shows it already.
pub(super) fn empty_extracts(context: &Context<'_>, seen: &ProviderView<'_>) -> Vec<Finding> {
    if seen.recognised.issuer.tenancy.is_free() {
        return Vec::new();
    }
    let used: BTreeSet<String> = references(&seen.via.view).attributes.into_iter().map(|r| r.name).collect();
    let bound = |key: &str| {
        let rows = context.links.trust_providers.iter().zip(&context.graph.trusts);
        rows.filter(|(row, _)| row.contains(&seen.via.id)).any(|(_, trust)| match &trust.gate {
            Gate::GoogleMember { member, .. } => Member::parse(member).ok().and_then(|m| asked(&m).map(|(k, _)| k == key)).unwrap_or(false),
            _ => false,
        })
    };
    let keys = seen.via.view.mapping.iter().map(|(k, _)| k).filter(|k| !used.contains(*k) && !bound(k));
    keys.filter_map(|key| {
        let test = empty_extract(seen, key)?;
        let name = &seen.recognised.issuer.name;
        let message = format!("`{key}` is always empty: no token of {name} holds what this `extract` looks for");
        let finding = Finding::new(RuleId::UnreachableValue, &seen.via.provider.origin, test.span, key, message)
            .help(help(seen, key))
            .along(&test.trail);
        Some(if customised(seen, key) { finding.severity(Severity::Medium).certain(false) } else { finding })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::too_long;

    #[test]
    fn a_subject_of_127_bytes_is_the_longest() {
        assert!(!too_long(&"s".repeat(127)));
        assert!(too_long(&"s".repeat(128)));
        assert!(too_long(&"é".repeat(64)), "bytes, not characters");
    }
}

//! What a provider admits on its own: the condition is the door of the pool.

use super::super::format::{self, Customised};
use super::super::guilty;
use super::super::verdict;
use super::spelling::Spelling;
use super::{Context, ProviderView, attributes, audience};
use crate::admission::cel::google::{Member, Selector, references};
use crate::admission::exposure::{Class, Exposure, Reachability, family, shape};
use crate::admission::formula::{Formula, Matcher, Test, TestOrigin};
use crate::admission::search;
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::Gate;
use crate::issuers::{Family, Role, Template, Tenancy};
use crate::place::Span;

use crate::partial::{Text, Trail};
use crate::rules::Finding;
use crate::token::Truth;

pub(super) fn check(context: &Context<'_>, seen: &ProviderView<'_>) -> Vec<Finding> {
    let unmet = audience::unsatisfiable(context, seen);
    let mut findings: Vec<Finding> = match (&seen.via.view.condition, unmet) {
        (_, Some(unmet)) => vec![unmet],
        (None, None) => missing(context, seen).into_iter().collect(),
        (Some(_), None) => with_condition(context, seen),
    };
    findings.extend(attributes::in_condition(seen));
    findings.extend(attributes::empty_extracts(context, seen));
    findings.into_iter().map(|f| f.certain(seen.certain)).collect()
}

/// No attribute condition at all.
fn missing(context: &Context<'_>, seen: &ProviderView<'_>) -> Option<Finding> {
    let name = &seen.recognised.issuer.name;
    let templates = seen.templates_for(&seen.via.condition);
    let exposure = context.exposed(&seen.via.condition, &templates).ok();
    let (severity, message) = match seen.tenancy() {
        Tenancy::Shared if !strangers(context, seen).is_empty() => (
            Severity::Critical,
            format!(
                "anyone who can get a token from {name} is admitted to the pool, and a binding lets unrelated tenants impersonate an account"
            ),
        ),
        Tenancy::Shared => (
            Severity::High,
            format!(
                "anyone who can get a token from {name} is admitted to the pool; only the bindings stand between them and your identities"
            ),
        ),
        Tenancy::Tenant if seen.via.view.aws => {
            (Severity::Medium, "every role and user of the AWS account is admitted to the pool".to_owned())
        }
        Tenancy::Tenant => (Severity::Medium, format!("every workload of the tenant at {name} is admitted to the pool")),
        Tenancy::Service => (
            Severity::Low,
            format!(
                "whatever {name} does, for whichever customer, enters the pool: the service keeps its customers apart, the condition does not"
            ),
        ),
        Tenancy::Cluster => (Severity::Low, "every ServiceAccount of the cluster is admitted to the pool".to_owned()),
        Tenancy::Own => {
            (Severity::Low, format!("every workload that {name}, an issuer of your own, gives a token to is admitted to the pool"))
        }
        Tenancy::Unknown => (Severity::Medium, "every token of this issuer is admitted to the pool".to_owned()),
    };
    let finding = Finding::new(RuleId::MissingAttributeCondition, &seen.via.provider.origin, None, "condition", message).severity(severity);
    let finding = finding.help(example(context, seen)).witness(exposure.and_then(|e| e.witness));
    Some(strangers(context, seen).into_iter().fold(finding, |f, i| match context.graph.trusts.get(i) {
        Some(trust) => f.related_to(trust.origin.span, "this binding lets an unrelated tenant have the identity"),
        None => f,
    }))
}

fn example(context: &Context<'_>, seen: &ProviderView<'_>) -> String {
    let spelling = Spelling::of(context.sources, &seen.via.provider.origin);
    let issuer = seen.recognised.issuer;
    let Some(condition) = &issuer.condition else {
        let name = spelling.name("attribute_condition");
        let of = if seen.tenancy() == Tenancy::Shared { "of the tenant and of the workloads" } else { "of the workloads" };
        return format!("add `{name}` with a test {of} that may enter");
    };
    let how = match issuer.family {
        Some(Family::Github) => " (`gh api users/OWNER --jq .id` prints it)",
        _ => "",
    };
    format!("add `{}`{how}", spelling.setting("attribute_condition", condition))
}

/// The bindings (by index) through which a stranger has an identity.
fn strangers(context: &Context<'_>, seen: &ProviderView<'_>) -> Vec<usize> {
    if seen.via.view.aws {
        return Vec::new();
    }
    bound(context, seen)
        .into_iter()
        .filter(|i| {
            let Some(formula) = context.graph.trusts.get(*i).and_then(|t| seen.combined(&t.gate)) else { return false };
            let templates = seen.templates_for(&formula);
            context.exposed(&formula, &templates).is_ok_and(|e| matches!(e.class, Class::AnyTenant | Class::TenantPrefix))
        })
        .collect()
}

/// The bindings of the provider's pool.
fn bound(context: &Context<'_>, seen: &ProviderView<'_>) -> Vec<usize> {
    let rows = context.links.trust_providers.iter().enumerate();
    rows.filter(|(i, row)| {
        row.contains(&seen.via.id) && matches!(context.graph.trusts.get(*i).map(|t| &t.gate), Some(Gate::GoogleMember { .. }))
    })
    .map(|(i, _)| i)
    .collect()
}

fn with_condition(context: &Context<'_>, seen: &ProviderView<'_>) -> Vec<Finding> {
    let (templates, subjects) = seen.tokens(&seen.via.condition);
    let unreachable = matches!(context.reachability(&seen.via.condition, &templates), Reachability::Unreachable);
    match format::customised(context, &seen.via.provider.origin, &seen.recognised, &seen.via.condition, &subjects, unreachable) {
        Customised::Dead(finding) => return vec![*finding],
        Customised::Assumed(finding) => {
            let exposed = exposed(context, seen, &templates).into_iter().map(|f| f.certain(false));
            return exposed.chain([*finding]).collect();
        }
        Customised::No if unreachable => return never(context, seen).into_iter().map(|f| f.certain(!subjects.truncated)).collect(),
        Customised::No => {}
    }
    if let Some(finding) = unlisted(context, seen, &templates) {
        return vec![finding];
    }
    exposed(context, seen, &templates)
}

/// A claim that the vendor does not document decides: likely a slip, and no proof that its tokens lack it.
fn unlisted(context: &Context<'_>, seen: &ProviderView<'_>, templates: &[Template]) -> Option<Finding> {
    let (claim, test) = unlisted_claim(seen, &seen.formula, templates)?;
    if !matches!(context.reachability(&seen.via.condition, templates), Reachability::Undecided)
        || !context.likely_dead(&seen.via.condition, templates)
    {
        return None;
    }
    let name = &seen.recognised.issuer.name;
    let what = if matches!(test.origin, TestOrigin::Mapping(_)) {
        "the mapping has no value and no token enters"
    } else {
        "no token satisfies this condition"
    };
    let message = format!("{name} documents no claim `{claim}`: if its tokens lack it, {what}");
    let finding = Finding::new(RuleId::NeverMatches, &seen.via.provider.origin, test.span, "unlisted claim", message).certain(false);
    Some(
        match seen.recognised.issuer.nearest_claim(&claim).filter(|near| !claim.starts_with(&format!("{near}."))) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None if unlisted_member(seen, test, templates).is_some() => {
                finding.help(format!("the documented members are {}", shape::members(&claim, templates)))
            }
            // the registry may be behind the vendor
            None => finding.severity(Severity::Low).help(format!("compare with a token of {name}, or test a claim that is documented")),
        }
        .along(&test.trail),
    )
}

fn unlisted_member(seen: &ProviderView<'_>, test: &Test, templates: &[Template]) -> Option<String> {
    shape::unlisted_member(&test.subject, templates, &|pointer| seen.recognised.issuer.claim(pointer).is_some())
}

/// The first claim, or member of one, that a test asks for and the vendor does not document.
pub(super) fn unlisted_claim<'f>(seen: &ProviderView<'_>, formula: &'f Formula, templates: &[Template]) -> Option<(String, &'f Test)> {
    if seen.tenancy() == Tenancy::Unknown {
        return None;
    }
    let claims = &templates.first()?.unlisted;
    let unlisted = |test: &'f Test| {
        let claim = claims.iter().find(|claim| shape::claims(&test.subject).contains(*claim)).cloned();
        claim.or_else(|| unlisted_member(seen, test, templates)).map(|claim| (claim, test))
    };
    shape::tests(formula).into_iter().filter(|o| o.positive).find_map(|o| unlisted(o.test))
}

/// What the condition lets in.
fn exposed(context: &Context<'_>, seen: &ProviderView<'_>, templates: &[Template]) -> Vec<Finding> {
    let Some(exposure) = context.exposure(&seen.via.provider.origin, &seen.via.condition, templates) else { return Vec::new() };
    // The account of an AWS provider is its tenant: no condition has to repeat it.
    if !seen.via.view.aws && matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix) {
        return vec![foreign(context, seen, &exposure)];
    }
    // What the condition alone gets wrong whatever is bound; the rest is the bindings' matter.
    let verdict = verdict::inside(context, &seen.formula, templates, &exposure, seen.tenancy() == Tenancy::Cluster);
    let cut_short = |rule: RuleId| rule == RuleId::NamePrefix && !family(&exposure.named, Role::Project, templates);
    let own = verdict.filter(|v| CONDITION_RULES.contains(&v.rule) || (cut_short(v.rule) && everyone_is_bound(context, seen)));
    own.map(|v| v.finding(&seen.via.provider.origin, "condition", &exposure)).into_iter().collect()
}

/// A binding of the whole pool leaves nothing but the condition.
fn everyone_is_bound(context: &Context<'_>, seen: &ProviderView<'_>) -> bool {
    bound(context, seen).into_iter().any(|i| match context.graph.trusts.get(i).map(|t| &t.gate) {
        Some(Gate::GoogleMember { member, .. }) => Member::parse(member).is_ok_and(|m| matches!(m.selector(), Some(Selector::Everyone(_)))),
        _ => false,
    })
}

/// The rules about gates inside a tenant that a condition answers for by itself.
pub(super) const CONDITION_RULES: [RuleId; 4] =
    [RuleId::RefClaimOnly, RuleId::RefTypeConfusion, RuleId::AttackerChosenClaim, RuleId::ReusableWorkflowOnly];

/// A stranger enters the pool although there is a condition.
fn foreign(context: &Context<'_>, seen: &ProviderView<'_>, exposure: &Exposure) -> Finding {
    let templates = seen.templates_for(&seen.via.condition);
    if let Some(verdict) = verdict::any_caller(&seen.formula, exposure) {
        return verdict.finding(&seen.via.provider.origin, "condition", exposure);
    }
    let mut tests = shape::tests(&seen.via.condition);
    tests.retain(|o| o.test.origin != TestOrigin::Audience);
    // That a claim is there is asked of every claim that is read, and tests nobody.
    let tested = |o: &&shape::Occurrence<'_>| !matches!(o.test.matcher, Matcher::Present) && shape::binds(o.test, &templates);
    let binding: Vec<_> = tests.iter().filter(tested).collect();
    let name = &seen.recognised.issuer.name;
    let vacuous = tests.is_empty() || shape::vacuous(&seen.via.condition, &templates, &|t| t.origin != TestOrigin::Audience);
    let (rule, message) = if vacuous {
        (
            RuleId::VacuousCondition,
            format!("the condition never refuses a token: anyone who can get a token from {name} is admitted to the pool"),
        )
    } else if exposure.class == Class::TenantPrefix {
        (
            RuleId::TenantPrefix,
            "the prefix ends inside the tenant's name, so any tenant whose name starts with yours is admitted to the pool".to_owned(),
        )
    } else if !binding.is_empty() && binding.iter().all(|o| !o.positive) {
        (
            RuleId::InvertedCondition,
            format!("every tenant at {name} except those named here is admitted to the pool: the only test of the tenant is a negation"),
        )
    } else {
        (RuleId::ForeignTenant, format!("an unrelated tenant of {name} is admitted to the pool: any tenant can satisfy the condition"))
    };
    let (span, trail) = place(seen, exposure, rule == RuleId::InvertedCondition);
    let bindings = bound(context, seen);
    let filtered = !bindings.is_empty() && strangers(context, seen).is_empty();
    let severity = match seen.tenancy() {
        _ if filtered => Severity::Medium,
        Tenancy::Shared | Tenancy::Unknown => Severity::Critical,
        // At an issuer of one's own the other tenant is no stranger.
        Tenancy::Tenant | Tenancy::Cluster | Tenancy::Service => Severity::High,
        Tenancy::Own => Severity::Low,
    };
    let note = if filtered { "; the bindings in this scan still name the tenant" } else { "" };
    Finding::new(rule, &seen.via.provider.origin, span, "condition", format!("{message}{note}"))
        .severity(severity)
        .help("tie the condition to the tenant first (for GitHub `assertion.repository_owner_id == '…'`), then narrow it")
        .witness(exposure.witness.clone())
        .certain(exposure.certain)
        .along(&trail)
}

/// The literal of the condition that lets the stranger in, never one of the mapping: the open end of a name, else a test
/// that the witness passes, else the test that should have kept it out.
fn place(seen: &ProviderView<'_>, exposure: &Exposure, negated: bool) -> (Option<Span>, Trail) {
    let templates = seen.templates_for(&seen.via.condition);
    let (span, trail) = verdict::place(&seen.formula, &templates, exposure, &[Role::Tenant, Role::TenantId]);
    if exposure.class == Class::TenantPrefix && span.is_some_and(|s| seen.in_condition(s)) {
        return (span, trail);
    }
    let tests: Vec<_> = shape::tests(&seen.via.condition)
        .into_iter()
        .filter(|o| !matches!(o.test.matcher, Matcher::Present) && o.test.span.is_some_and(|s| seen.in_condition(s)))
        .collect();
    let passes = |test: &Test| {
        let formula = Formula::Test(Box::new(test.clone()));
        exposure.witness.as_ref().is_some_and(|w| search::evaluate(&formula, w, &|atom| search::placeholder(atom)) == Truth::True)
    };
    let excluding = || tests.iter().find(|o| !o.positive && shape::binds(o.test, &templates));
    let admitting = || tests.iter().find(|o| o.positive && passes(o.test));
    let found = if negated { excluding().or_else(admitting) } else { admitting().or_else(excluding) }.or_else(|| tests.first());
    match found {
        // Where a part of the name is enough, the method is the mistake, whatever value it is given.
        Some(o) if matches!(o.test.matcher, Matcher::Contains(_) | Matcher::Suffix(_)) => {
            (before_value(seen, o.test).or(o.test.span), o.test.trail.clone())
        }
        Some(o) => (o.test.span, o.test.trail.clone()),
        None => (seen.via.view.condition.as_ref().and_then(Text::span), seen.via.view.condition.as_ref().and_then(Text::trail)),
    }
}

/// What stands before a test's value in the condition, where the value is from elsewhere: `assertion.sub.contains('`.
fn before_value(seen: &ProviderView<'_>, test: &Test) -> Option<Span> {
    let parts = &seen.via.view.condition.as_ref()?.parts;
    let at = parts.iter().position(|p| p.span().is_some() && p.span() == test.span)?;
    parts.get(at.checked_sub(1)?)?.span()
}

/// The condition holds for no token.
fn never(context: &Context<'_>, seen: &ProviderView<'_>) -> Option<Finding> {
    // An attribute that is not mapped has its own rule.
    if references(&seen.via.view).attributes.iter().any(|r| !seen.maps(&r.name)) {
        return None;
    }
    // The claims of an issuer that nobody knows may be any.
    if seen.tenancy().is_free() {
        return None;
    }
    let name = &seen.recognised.issuer.name;
    let templates = seen.templates_for(&seen.formula);
    let tests: Vec<_> = shape::tests(&seen.formula).into_iter().filter(|o| o.positive).map(|o| o.test).collect();
    let dead = tests
        .iter()
        .find(|t| matches!(context.reachability(&Formula::Test(Box::new((**t).clone())), &templates), Reachability::Unreachable));
    let whole = seen.via.view.condition.as_ref().and_then(Text::span);
    let Some(test) = dead else {
        let message = format!(
            "no token of {name} satisfies this condition: its tests contradict each other, so no token is ever admitted to the pool"
        );
        return Some(
            Finding::new(RuleId::NeverMatches, &seen.via.provider.origin, whole, "condition", message)
                .help("all parts of an `&&` have to hold at once"),
        );
    };
    let starred = match &test.matcher {
        Matcher::Exact(text) => text.find_span("*").map(|star| (star, text)),
        _ => None,
    };
    if let Some((star, text)) = starred {
        let message = format!("`==` is an exact match, and no token contains the `*` of `{text}`: no token is ever admitted to the pool");
        let finding = Finding::new(RuleId::LiteralWildcard, &seen.via.provider.origin, Some(star), "condition", message);
        return Some(
            finding.help("use `startsWith` with the whole name and its delimiter, or compare a claim that is exact").along(&test.trail),
        );
    }
    let message = format!("no token of {name} can ever satisfy `{}`: no token is ever admitted to the pool", test.label);
    let sample = crate::gate::issuer::example(&templates, "sub");
    let dead = |t: &Test| matches!(context.reachability(&Formula::Test(Box::new(t.clone())), &templates), Reachability::Unreachable);
    let (span, trail) = guilty::place(test, &dead);
    let finding = Finding::new(RuleId::NeverMatches, &seen.via.provider.origin, span.or(whole), "condition", message);
    Some(finding.help(format!("{name} mints subjects of the form `{sample}`")).along(&trail))
}

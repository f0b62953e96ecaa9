//! Who gets in that should not.

use super::advice::{self, Wanted};
use super::{FederatedView, RoleTrust};
use crate::admission::exposure::{Class, Exposure, Reachability, minimal, shape};
use crate::admission::formula::{Formula, Matcher, Subject as FormulaSubject};
use crate::admission::iam::{self, Effect, Policy};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::aws::{issuer_view, named_by_allow, own_claim};
use crate::issuers::{Role, Template, Tenancy, Trait};
use crate::partial::{Part, Text};
use crate::rules::advice::{delimited_tenant, named_tenant, names_branch, one_branch};
use crate::rules::checks::verdict::{self, Verdict};

use crate::rules::Finding;
use crate::token::{Token, Truth};
use std::collections::BTreeSet;

/// The worst exposure to the tokens of one issuer.
pub(super) fn web_identity(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Vec<Finding> {
    if seen.recognised.issuer.tenancy.is_free() {
        return unknown_issuer(subject, seen).into_iter().collect();
    }
    let (formula, templates) = seen.with_audience(&subject.context.inputs());
    let Some(exposure) = decided(subject, seen, &formula, &templates) else { return Vec::new() };
    let tenancy = seen.recognised.issuer.tenancy;
    let one_account = seen.recognised.issuer.is(Trait::SubjectIsOneAccount) && shape::tests(&seen.formula).iter().any(|o| names_one(o));
    let verdict = match exposure.class {
        // A Google subject is one account's number: which project the account lives in does not matter.
        Class::AnyProject | Class::AnyNamespace if one_account => None,
        Class::AnyTenant | Class::TenantPrefix => Some(match alone(subject, seen, &exposure) {
            Some((policy, own, exposure)) => {
                let idle = idle(&own).filter(|_| unbound(&own));
                idle.unwrap_or_else(|| foreign(&RoleTrust { policy: &policy, ..*subject }, &own, &exposure))
            }
            None => foreign(subject, seen, &exposure),
        }),
        Class::AnyNamespace | Class::AnyProject | Class::AnyRef if unbound(seen) => Some(unbound_verdict(subject, seen, tenancy)),
        // What stays open in the one formula holds in the other.
        _ => {
            let formula = if exposure.certain { &seen.formula } else { &seen.via.lenient };
            verdict::inside(subject.context, formula, &seen.templates, &exposure, tenancy == Tenancy::Cluster)
        }
    };
    let by_branch = |v: Verdict| match v.rule {
        // Where no subject names a branch, there is none to pin: what remains is a choice of environments.
        RuleId::AnyRef if !names_branch(&seen.templates) => {
            Verdict { help: one_branch(&seen.templates, true), severity: v.severity.min(Severity::Low), ..v }
        }
        RuleId::AnyRef => Verdict { help: one_branch(&seen.templates, true), ..v },
        // AWS makes no key of the event's name.
        RuleId::RefClaimOnly => Verdict { help: "test `sub`, or a protected environment".to_owned(), ..v },
        _ => v,
    };
    let verdict = verdict.map(by_branch);
    let edge = seen.recognised.host_path.clone();
    let mut findings: Vec<Finding> = verdict.into_iter().map(|v| v.finding(&subject.trust.origin, &edge, &exposure)).collect();
    findings.extend(default_service_account(subject, seen, &exposure, tenancy));
    findings
}

/// Who gets in; where tests stay open that may hold for anybody, who gets in when they do.
fn decided(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, formula: &Formula, templates: &[Template]) -> Option<Exposure> {
    let context = subject.context;
    if let Ok(exposure) = context.exposed(formula, templates) {
        return Some(exposure);
    }
    match context.exposed(&seen.via.lenient, templates) {
        Ok(exposure) => {
            let witness = exposure.witness.map(|w| without_own_values(subject, w));
            Some(Exposure { certain: false, witness, ..exposure })
        }
        Err(_) => context.exposure(&subject.trust.origin, formula, templates),
    }
}

/// A test that is not of the audience, in a statement of which none is of the tenant: any tenant satisfies it.
fn idle(own: &FederatedView<'_>) -> Option<Verdict> {
    let tests = shape::tests(&own.formula);
    let test = tests.iter().find(|o| o.positive && !of_audience(o.test))?.test;
    Some(Verdict {
        rule: RuleId::ForeignTenant,
        severity: stranger(own.recognised.issuer.tenancy),
        span: test.span,
        trail: test.trail.clone(),
        message: any_tenant(&own.recognised.issuer.name),
        help: TENANT_FIRST.to_owned(),
        witness: None,
    })
}

/// A condition that says nothing of the tenant.
const TENANT_FIRST: &str = "tie the condition to the tenant first, then narrow it";

fn any_tenant(issuer: &str) -> String {
    format!("an unrelated tenant of {issuer} is admitted although there is a condition: any tenant can satisfy it")
}

/// Of several statements that name the principal the one that lets strangers in by itself: the mistake is there, and not in the
/// tests of those beside it.
fn alone<'a>(subject: &RoleTrust<'a>, seen: &FederatedView<'_>, whole: &Exposure) -> Option<(Policy, FederatedView<'a>, Exposure)> {
    let named: BTreeSet<usize> = named_by_allow(subject.policy, &seen.via.principal).iter().map(|p| p.statement).collect();
    if named.len() < 2 {
        return None;
    }
    let inputs = subject.context.inputs();
    for index in named {
        let kept = |i: usize, s: &iam::Statement| i == index || s.effect != Effect::Allow;
        let statements = subject.policy.statements.iter().enumerate().filter(|(i, s)| kept(*i, s)).map(|(_, s)| s.clone()).collect();
        let policy = Policy { statements, problems: Vec::new(), ..subject.policy.clone() };
        let Some(own) = issuer_view(&inputs, &policy, &seen.via.principal, subject.providers()) else { continue };
        let (formula, templates) = own.with_audience(&inputs);
        let found = subject.context.exposed(&formula, &templates);
        let found = found.or_else(|_| subject.context.exposed(&own.via.lenient, &templates));
        if let Some(exposure) = found.ok().filter(|e| e.class == whole.class) {
            return Some((policy, own, exposure));
        }
    }
    None
}

/// The witness without the keys of the request that the policy compares with values of the token itself: the caller picks
/// them when the token is there.
fn without_own_values(subject: &RoleTrust<'_>, mut witness: Token) -> Token {
    for test in subject.policy.statements.iter().flat_map(|s| &s.conditions) {
        let variable = |text: &Text| text.find_span("${").is_some() || text.as_known().is_some_and(|known| known.contains("${"));
        let key = test.key.as_known().map(|key| key.to_lowercase()).filter(|key| key.starts_with("sts:") || key.starts_with("aws:"));
        if let Some(key) = key.filter(|_| test.values.leaves().flat_map(|l| &l.choices).any(variable)) {
            witness.claims.remove(&key);
        }
    }
    witness
}

/// An issuer that nobody knows: who else gets tokens from it cannot be said, so a gate has to look at more than the audience.
fn unknown_issuer(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let host = iam::issuer_of_federated(&seen.via.principal);
    if let Some(finding) = host.as_ref().and_then(|host| placeholder(subject, seen, host)) {
        return Some(finding);
    }
    let (formula, templates) = seen.with_audience(&subject.context.inputs());
    let Reachability::Reachable(token) = subject.context.reachability(&formula, &templates) else { return None };
    let tests = shape::tests(&seen.formula);
    let gates: Vec<_> = tests.iter().filter(|o| !of_audience(o.test)).collect();
    let verdict = if gates.is_empty() {
        unbound_verdict(subject, seen, seen.recognised.issuer.tenancy)
    } else if shape::vacuous(&seen.formula, &seen.templates, &|test| !of_audience(test)) {
        let starred = gates.iter().find(|o| o.positive && verdict::star(o.test).is_some());
        let first = starred.or_else(|| gates.first())?;
        let (rule, help) = match starred {
            Some(_) => (RuleId::WildcardSubject, "write the exact subject of the workload under `StringEquals`"),
            None => (RuleId::VacuousCondition, "use `StringEquals` without `ForAllValues:` or `IfExists` on a claim that every token has"),
        };
        Verdict {
            rule,
            witness: None,
            severity: Severity::Medium,
            span: verdict::star(first.test).or(first.test.span),
            trail: first.test.trail.clone(),
            message: "the condition never refuses a token: every token of this issuer is admitted".to_owned(),
            help: help.to_owned(),
        }
    } else {
        return None;
    };
    let known = host.is_some_and(|host| host.is_known());
    let finding = Finding::new(verdict.rule, &subject.trust.origin, verdict.span, &seen.recognised.host_path, verdict.message);
    let witness = minimal(&token, &formula);
    Some(finding.severity(verdict.severity).help(verdict.help).witness(Some(witness)).certain(known).along(&verdict.trail))
}

/// The test looks at nothing but whom the token is for, or from where.
fn of_audience(test: &crate::admission::formula::Test) -> bool {
    shape::claims(&test.subject).iter().all(|claim| matches!(claim.as_str(), "aud" | "azp" | "iss"))
}

/// The issuer's URL still holds what somebody was to fill in: `oidc.circleci.com/org/<ORG>`.
fn placeholder(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, host: &crate::partial::Text) -> Option<Finding> {
    let known = host.as_known().filter(|h| h.contains(['<', '>', '{', '}', ' ', '"', '|']))?;
    let holds = |p: &&Part| matches!(p, Part::Literal { text, .. } if text.contains(['<', '>', '{', '}', ' ', '"', '|']));
    let span = host.parts.iter().find(holds).and_then(Part::span);
    let message = format!("`{known}` is a placeholder, not the URL of an issuer: no token can ever satisfy this trust");
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, span.or_else(|| seen.via.principal.span()), &known, message);
    Some(finding.help("write the issuer as it stands in the `iss` of its tokens, without `https://`").along_text(&seen.via.principal))
}

/// An exact subject, whole.
fn names_one(occurrence: &shape::Occurrence<'_>) -> bool {
    let exact = matches!(&occurrence.test.matcher, Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) if t.is_known());
    occurrence.positive && exact && matches!(&occurrence.test.subject, FormulaSubject::Claim(name) if &**name == "sub")
}

/// No test sees who the workload is.
pub(super) fn unbound(seen: &FederatedView<'_>) -> bool {
    !shape::tests(&seen.formula).iter().any(|o| shape::binds(o.test, &seen.templates))
}

fn unbound_verdict(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, tenancy: Tenancy) -> Verdict {
    let name = &seen.recognised.issuer.name;
    let (severity, who) = match tenancy {
        Tenancy::Shared => (Severity::Critical, format!("anyone who can get a token from {name} can assume the role")),
        Tenancy::Cluster => (Severity::High, "every ServiceAccount of the cluster can assume the role".to_owned()),
        Tenancy::Tenant | Tenancy::Service => (Severity::High, format!("every workload of the tenant at {name} can assume the role")),
        Tenancy::Own => (Severity::Low, format!("every workload that {name}, an issuer of your own, gives a token to can assume the role")),
        Tenancy::Unknown => (Severity::Medium, "every token of this issuer is admitted".to_owned()),
    };
    let refused = seen.recognised.issuer.aws_required.as_ref();
    let refused =
        refused.map(|key| format!("; AWS refuses to create this today without a condition on `{key}`, but keeps it where it exists"));
    Verdict {
        rule: RuleId::MissingSubject,
        severity,
        span: subject.lacks(&seen.via.principal, &["sub"]),
        trail: seen.via.principal.trail(),
        message: format!("{who}: no condition says whose tokens these are{}", refused.unwrap_or_default()),
        help: advice::add(subject, &seen.via.principal, &Wanted { claim: "sub", value: "SUBJECT" })
            + ", with the exact subject of the workload",
        witness: None,
    }
}

/// How bad a tenant is that the policy does not name: at an issuer of one's own he is no stranger.
fn stranger(tenancy: Tenancy) -> Severity {
    match tenancy {
        Tenancy::Shared | Tenancy::Unknown => Severity::Critical,
        Tenancy::Tenant | Tenancy::Cluster | Tenancy::Service => Severity::High,
        Tenancy::Own => Severity::Low,
    }
}

/// A stranger gets in: which mistake lets him?
fn foreign(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, exposure: &Exposure) -> Verdict {
    let tests = shape::tests(&seen.formula);
    let binding: Vec<_> = tests.iter().filter(|o| shape::binds(o.test, &seen.templates)).collect();
    if binding.is_empty() {
        let ignored = ignored_test(subject, seen);
        return ignored.unwrap_or_else(|| unbound_verdict(subject, seen, seen.recognised.issuer.tenancy));
    }
    if let Some(verdict) = verdict::any_caller(&seen.formula, exposure) {
        return verdict;
    }
    let name = &seen.recognised.issuer.name;
    let (span, trail) = verdict::place(&seen.formula, &seen.templates, exposure, &[Role::Tenant, Role::TenantId]);
    let severity = stranger(seen.recognised.issuer.tenancy);
    let verdict = |rule, message: String, help: &str| Verdict {
        rule,
        severity,
        span,
        trail: trail.clone(),
        message,
        help: help.to_owned(),
        witness: None,
    };
    if exposure.class == Class::TenantPrefix {
        return verdict(
            RuleId::TenantPrefix,
            "the wildcard follows the tenant's name without a delimiter, so any tenant whose name starts with yours is admitted".to_owned(),
            &delimited_tenant(seen.recognised.issuer),
        );
    }
    if binding.iter().all(|o| !o.positive) {
        let inverted = verdict(
            RuleId::InvertedCondition,
            format!("every tenant at {name} except those named here is admitted: the only test of the tenant is a negation"),
            "name who is admitted with `StringEquals` or `StringLike`; put exceptions into a `Deny` statement",
        );
        let negation = binding.first().map(|o| (o.test.span, o.test.trail.clone()));
        let (span, trail) = negation.unwrap_or((inverted.span, inverted.trail));
        return Verdict { span, trail, ..inverted };
    }
    // `*` refuses nobody either, but the mistake is the wildcard: the operator does its work.
    let wildcard = |o: &&shape::Occurrence<'_>| o.positive && o.test.absent != Truth::True && verdict::star(o.test).is_some();
    let open = || {
        verdict(
            RuleId::WildcardSubject,
            format!("anyone who can get a token from {name} is admitted: the tenant's part of the subject is a wildcard"),
            &named_tenant(seen.recognised.issuer),
        )
    };
    if binding.iter().copied().find(wildcard).is_some() {
        return open();
    }
    let binds = |test: &crate::admission::formula::Test| shape::binds(test, &seen.templates);
    if shape::vacuous(&seen.formula, &seen.templates, &binds) {
        return verdict(
            RuleId::VacuousCondition,
            format!("the condition on the tenant refuses nobody, so anyone who can get a token from {name} can assume the role"),
            "use `StringEquals` without `ForAllValues:` or `IfExists` on a claim that every token has",
        );
    }
    if tests.iter().any(|o| o.positive && verdict::star(o.test).is_some()) {
        return open();
    }
    verdict(RuleId::ForeignTenant, any_tenant(name), TENANT_FIRST)
}

/// A condition that looks like a gate but tests a key that is never there: it holds for everybody.
fn ignored_test(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Verdict> {
    let issuer = iam::issuer_of_federated(&seen.via.principal)?;
    let allow = subject.policy.statements.iter().filter(|s| s.effect == Effect::Allow);
    let test = allow.flat_map(|s| &s.conditions).find(|c| {
        let lenient = c.operator.is_some_and(|o| o.if_exists || o.set == Some(iam::SetOperator::ForAllValues));
        let claim = own_claim(&c.key, &issuer);
        lenient && claim.is_some_and(|claim| claim != "aud" && claim != "oaud")
    })?;
    let leaf = test.values.leaves().next();
    Some(Verdict {
        rule: RuleId::VacuousCondition,
        severity: Severity::Critical,
        span: test.key.span().or(test.span),
        trail: leaf.and_then(|l| l.trail.clone()),
        message: format!(
            "`{}` always holds: the key can be absent, and an absent key passes this operator, so any tenant of {} is admitted",
            test.label(),
            seen.recognised.issuer.name
        ),
        help: "use `StringEquals` without `ForAllValues:` or `IfExists` on a claim that every token has, such as `sub`".to_owned(),
        witness: None,
    })
}

/// The namespace's `default` ServiceAccount is named.
fn default_service_account(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, exposure: &Exposure, tenancy: Tenancy) -> Option<Finding> {
    if tenancy != Tenancy::Cluster || exposure.class != Class::Intended {
        return None;
    }
    let names = seen.templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == Role::Project).map(|s| &s.name);
    let candidate = names.filter_map(|n| exposure.named.get(n)).flatten().find(|c| c.complete && c.text == "default")?;
    let message = "every pod of the namespace that names no ServiceAccount runs as `default`, and so becomes this role";
    let finding = Finding::new(RuleId::DefaultServiceAccount, &subject.trust.origin, candidate.span, &seen.recognised.host_path, message);
    Some(finding.severity(Severity::Medium).help("give the workload a ServiceAccount of its own and name that").along(&candidate.trail))
}

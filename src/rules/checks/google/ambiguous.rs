//! Attributes that tell nobody apart: a constant, or values that are joined so that two tokens have the same one.

use super::ProviderView;
use super::attributes::asked;
use crate::admission::cel::google::{Member, member_formula};
use crate::admission::exposure::{Exposure, shape};
use crate::admission::formula::{Formula, Matcher, Subject};
use crate::catalogue::RuleId;
use crate::graph::Trust;
use crate::issuers::{ClaimPart, Role, Template};
use crate::rules::Finding;
use crate::rules::checks::verdict::Verdict;
use crate::token::Truth;
use std::collections::BTreeSet;

/// The verdict about a binding, when it is the mapping of the bound attribute that lets the others in.
pub(super) fn mapping(seen: &ProviderView<'_>, trust: &Trust, member: &Member, exposure: &Exposure, verdict: &Verdict) -> Option<Finding> {
    let (key, value) = asked(member)?;
    let expression = seen.via.view.mapping.iter().find(|(k, _)| *k == key).map(|(_, e)| e)?;
    let (what, help) = match member_formula(member, &seen.via.view) {
        Formula::Constant(Truth::True, _) => {
            let what =
                format!("the mapping gives `{key}` the same value for every token, so the binding tells nobody apart: {}", verdict.message);
            (what, "map a claim that differs from workload to workload, such as `assertion.repository_id`")
        }
        formula if joins_names(&formula, seen) && widens(verdict) => {
            let other = other(&formula, exposure).map(|o| format!(" {o} has the same value `{value}`,")).unwrap_or_default();
            let what = format!("`{key}` joins values without a delimiter that none of them can hold:{other} and so the identity");
            (what, "put a delimiter between the values that none of them can hold (`assertion.repository + ':' + assertion.ref`)")
        }
        _ => return None,
    };
    let finding = Finding::new(RuleId::AmbiguousMapping, &trust.origin, expression.span(), &member.text.to_string(), what);
    let finding = finding.severity(verdict.severity).help(help).witness(verdict.witness.clone().or_else(|| exposure.witness.clone()));
    let finding = finding.certain(exposure.certain && seen.certain).along_text(expression);
    Some(finding.related(member.text.span(), "this binding has the value"))
}

/// Other projects have the value.
fn widens(verdict: &Verdict) -> bool {
    matches!(verdict.rule, RuleId::OrganizationWide | RuleId::NamePrefix)
}

/// The value names a project and something beside it.
fn joins_names(formula: &Formula, seen: &ProviderView<'_>) -> bool {
    shape::tests(formula).iter().any(|o| match (&o.test.subject, &o.test.matcher) {
        (Subject::Concat(parts), Matcher::Exact(_)) => {
            let claims = parts.iter().filter(|p| !matches!(p, Subject::Literal(_))).count();
            claims > 1 && shape::claims(&o.test.subject).iter().any(|claim| names_project(claim, &seen.templates))
        }
        _ => false,
    })
}

fn names_project(claim: &str, templates: &[Template]) -> bool {
    templates.iter().any(|t| {
        let parts = t.claim(claim).unwrap_or_default();
        parts.iter().any(|p| matches!(p, ClaimPart::Segment(i) if t.segments.get(*i).is_some_and(|s| s.role == Role::Project)))
    })
}

/// The values of the other token that make the same one.
fn other(formula: &Formula, exposure: &Exposure) -> Option<String> {
    let token = exposure.witness.as_ref()?;
    let tests = shape::tests(formula);
    let claims: BTreeSet<String> = tests.iter().flat_map(|o| shape::claims(&o.test.subject)).collect();
    let shown: Vec<String> = claims.iter().filter_map(|c| token.string(c).map(|v| format!("`{c}` = `{v}`"))).collect();
    (!shown.is_empty()).then(|| shown.join(" with "))
}

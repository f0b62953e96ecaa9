//! Tenants that are pinned by a name alone: who registers the name after it was given up has the same tokens but for their ids.

use super::{Context, Judged, Way};
use crate::admission::exposure::{Class, Exposure, Reachability, minimal};
use crate::admission::search::Candidate;
use crate::catalogue::RuleId;
use crate::graph::{Gate, Trust};
use crate::issuers::{ClaimPart, Role, Segment, Tag, Template, Tenancy};
use crate::place::Span;
use crate::rules::Finding;
use crate::token::Token;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A token of somebody who took a name over.
pub(super) struct Recycled {
    token: Token,
    /// The issuer, for people.
    issuer: String,
    /// Claims that hold an id of the tenant.
    ids: Vec<String>,
    /// Where the name stands.
    named: Option<Span>,
    certain: bool,
}

/// One finding for each evaluation: which way a team pins its tenants is one decision.
pub(super) fn check(context: &Context<'_>, judged: &[Judged]) -> Vec<Finding> {
    let mut first: BTreeMap<&str, Finding> = BTreeMap::new();
    for (trust, recycled) in context.graph.trusts.iter().zip(judged).filter_map(|(t, j)| j.recycled.as_ref().map(|r| (t, r))) {
        let scope = trust.origin.scope.as_str();
        let found = match first.remove(scope) {
            Some(finding) => finding.related_to(trust.origin.span, format!("`{}` is pinned by names, too", trust.origin.name)),
            None => finding(trust, recycled),
        };
        first.insert(scope, found);
    }
    first.into_values().collect()
}

fn finding(trust: &Trust, recycled: &Recycled) -> Finding {
    let (name, ids) = (&recycled.issuer, recycled.ids.join("`, `"));
    let message = format!(
        "the tenant is pinned by its name alone: after a rename or a deletion at {name} somebody else can register the name, and their tokens satisfy this trust"
    );
    let finding = Finding::new(RuleId::RecyclableName, &trust.origin, None, "names", message);
    let help = format!("test an id beside the name, which is never given out twice: `{ids}`");
    let finding = finding.help(help).witness(Some(recycled.token.clone())).certain(recycled.certain);
    finding.related(recycled.named, "the name that is pinned")
}

/// A token of somebody who has the names and none of the ids. Entra is not asked: it compares exact subjects, and wants ids
/// elsewhere.
pub(super) fn recycled(context: &Context<'_>, trust: &Trust, way: &Way<'_>, exposure: &Exposure) -> Option<Recycled> {
    let ids = testable(trust, way)?;
    let names: Vec<&Candidate> =
        exposure.named.iter().filter(|(segment, _)| is_name(&way.templates, segment)).flat_map(|(_, all)| all).collect();
    let named = names.iter().find_map(|name| name.span);
    if way.recognised.issuer.tenancy != Tenancy::Shared
        || matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix)
        || names.is_empty()
    {
        return None;
    }
    // Whose repository is new has subjects with ids, where there are such.
    let immutable = way.templates.iter().any(|t| t.is(Tag::ImmutableIds));
    let of_strangers = way.templates.iter().filter(|t| t.is(Tag::ImmutableIds) || !immutable);
    let templates: Vec<Template> = of_strangers.filter(|t| t.segments.iter().any(is_tenant)).map(with_other_ids).collect();
    let Reachability::Reachable(token) = context.reachability(&way.formula, &templates) else { return None };
    let token = minimal(&token, &way.formula);
    Some(Recycled { token, issuer: way.recognised.issuer.name.clone(), ids, named, certain: way.certain })
}

fn is_tenant(segment: &Segment) -> bool {
    segment.role == Role::TenantId
}

/// The policy names a tenant by a name.
fn is_name(templates: &[Template], name: &str) -> bool {
    templates.iter().flat_map(|t| t.segments.iter()).any(|s| s.name == name && s.role == Role::Tenant)
}

/// The ids are those of nobody that a policy names.
fn with_other_ids(template: &Template) -> Template {
    let mut out = template.clone();
    for segment in Arc::make_mut(&mut out.segments).iter_mut().filter(|s| matches!(s.role, Role::TenantId | Role::ProjectId)) {
        if let Some(value) = segment.samples.first().cloned() {
            segment.alphabet = regex::escape(&value);
            segment.samples = vec![value];
        }
    }
    out
}

/// The claims that are an id of the tenant and nothing else.
fn id_claims(templates: &[Template]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for template in templates {
        for (name, parts) in template.claims.iter() {
            let [ClaimPart::Segment(index)] = parts.as_slice() else { continue };
            if template.segments.get(*index).is_some_and(is_tenant) && !out.contains(name) {
                out.push(name.clone());
            }
        }
    }
    out
}

/// The ids of the tenant that the cloud can test: AWS only sees the claims that it makes keys of.
fn testable(trust: &Trust, way: &Way<'_>) -> Option<Vec<String>> {
    let mut ids = id_claims(&way.templates);
    match trust.gate {
        Gate::AwsPolicy(_) => ids.retain(|id| way.recognised.issuer.aws_claims.contains(id)),
        Gate::GoogleMember { .. } => {}
        Gate::AzureCredential { .. } => return None,
    }
    (!ids.is_empty()).then_some(ids)
}

//! What to do about a gate, in the words of its issuer and its cloud.

use crate::issuers::{ClaimPart, Context, Role, Template};

/// How a trust is to name one branch, for issuers whose subjects are not GitHub's.
#[must_use]
pub fn one_branch(issuer: &str, templates: &[Template]) -> Option<String> {
    if issuer.starts_with("github") {
        return None;
    }
    Some(match branch_subject(templates) {
        Some(subject) => format!("pin the branch: `sub` is `{subject}`"),
        None => "pin the ref, or name what runs by a claim that says which revision it is".to_owned(),
    })
}

/// The same for a member of a Google pool.
#[must_use]
pub fn one_branch_of_a_pool(issuer: &str, templates: &[Template]) -> String {
    let (subject, test) = if issuer.starts_with("github") {
        (Some("repo:OWNER/REPO:ref:refs/heads/main".to_owned()), Some("assertion.ref == 'refs/heads/main'"))
    } else {
        let has_ref = templates.iter().any(|t| t.context == Context::Branch && t.claim("ref").is_some());
        (branch_subject(templates), has_ref.then_some("assertion.ref == 'main'"))
    };
    let subject = subject.unwrap_or_else(|| "SUBJECT".to_owned());
    let test = test.map(|t| format!(", or add `{t}` to the provider's `attribute_condition`")).unwrap_or_default();
    format!("bind one subject (`principal://…/subject/{subject}`){test}")
}

/// The subject of a job on `main`.
fn branch_subject(templates: &[Template]) -> Option<String> {
    let template = templates.iter().find(|t| t.context == Context::Branch)?;
    let piece = |part: &ClaimPart| match part {
        ClaimPart::Literal(text) => text.clone(),
        ClaimPart::Segment(index) => match template.segments.get(*index) {
            Some(segment) if segment.role == Role::Ref => "main".to_owned(),
            Some(segment) => segment.name.to_uppercase(),
            None => String::new(),
        },
    };
    Some(template.claim("sub")?.iter().map(piece).collect())
}

/// The attribute that names a workload best, of those that a provider of a pool maps: key and expression in, key out.
#[must_use]
pub fn attribute<'m>(mapping: impl Iterator<Item = (&'m str, String)>, templates: &[Template]) -> Option<&'m str> {
    let rank = |expression: &str| -> Option<u8> {
        let claim = expression.trim().strip_prefix("assertion.")?;
        if claim.starts_with("arn.extract(") {
            return Some(0);
        }
        let roles = templates.iter().filter_map(|t| t.claim(claim).map(|parts| (t, parts))).flat_map(|(t, parts)| {
            parts.iter().filter_map(|p| if let ClaimPart::Segment(i) = p { t.segments.get(*i).map(|s| s.role) } else { None })
        });
        roles
            .filter_map(|role| match role {
                Role::ProjectId => Some(0),
                Role::Project => Some(1),
                Role::Environment | Role::Namespace => Some(2),
                Role::TenantId | Role::Tenant => Some(3),
                _ => None,
            })
            .min()
    };
    let ranked = mapping.filter(|(key, _)| key.starts_with("attribute.")).filter_map(|(key, e)| rank(&e).map(|r| (r, key)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, key)| key)
}

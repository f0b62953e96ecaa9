//! What to do about a gate, in the words of its issuer and its cloud.

use crate::admission::cel::google::MAX_SUBJECT;
use crate::issuers::{ClaimPart, Context, Issuer, Role, Template};

/// How a tenant's name is to end in the subjects of its issuer.
#[must_use]
pub fn delimited_tenant(issuer: &Issuer) -> String {
    match tenants(issuer).as_slice() {
        [] => "end the name with the delimiter that follows it in the subject".to_owned(),
        [one] => format!("end the name with its delimiter ({one})"),
        several => format!("end the name with its delimiter ({}: each a value of its own)", several.join(", ")),
    }
}

/// Where a tenant's name belongs in the subjects of its issuer.
#[must_use]
pub fn named_tenant(issuer: &Issuer) -> String {
    match tenants(issuer).first() {
        None => "write the tenant's name where the wildcard is".to_owned(),
        Some(first) => format!("write the tenant's name where the wildcard is ({first})"),
    }
}

/// `repo:OWNER/…`: what of a subject binds the tenant, as the registry has it.
fn tenants(issuer: &Issuer) -> Vec<String> {
    let subjects = issuer.binds.iter().filter(|bind| bind.claim == "sub");
    subjects.map(|bind| format!("`{}`", with_names(&bind.pattern).replace('*', "…"))).collect()
}

/// `<owner>` as `OWNER`.
fn with_names(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, name, after)) = rest.split_once('<').and_then(|(b, r)| r.split_once('>').map(|(n, a)| (b, n, a))) {
        out.push_str(before);
        out.push_str(&name.to_uppercase());
        rest = after;
    }
    out + rest
}

/// How a trust is to name one branch, or what stands in its place where the issuer's subject names none. `patterns` says that
/// the cloud compares with wildcards.
#[must_use]
pub fn one_branch(templates: &[Template], patterns: bool) -> String {
    let pinned = |role: Role| pinning(templates, role, patterns);
    match (pinned(Role::Ref), pinned(Role::Environment)) {
        (Some(branch), Some(environment)) => {
            format!("pin the branch (`{branch}`) or, better, an environment with a protection rule (`{environment}`)")
        }
        (Some(branch), None) => format!("pin the branch: `sub` is `{branch}`"),
        (None, Some(environment)) => {
            format!("the subject names no branch: pin a deployment environment that only the branch may use (`{environment}`)")
        }
        (None, None) => "pin the ref, or name what runs by a claim that says which revision it is".to_owned(),
    }
}

/// Whether some subject of these tokens names the branch.
#[must_use]
pub fn names_branch(templates: &[Template]) -> bool {
    pinning(templates, Role::Ref, true).is_some()
}

/// The same for a member of a Google pool, whose provider writes its condition under the name `setting`.
#[must_use]
pub fn one_branch_of_a_pool(templates: &[Template], setting: &str) -> String {
    // A ref alone takes in runs of pull requests that carry the ref of their target.
    if let Some(subject) = pinning(templates, Role::Ref, false).filter(|_| fits_a_pool(templates)) {
        return format!(
            "bind one subject (`principal://…/subject/{subject}`), or add `assertion.sub == '{subject}'` to the provider's `{setting}`"
        );
    }
    let claim = |t: &Template| {
        let (name, parts) = t.claims.iter().find(|(name, parts)| name != "sub" && holds(t, parts, Role::Ref) && parts.len() <= 2)?;
        Some((name.clone(), filled(t, parts, false)))
    };
    let branch = templates.iter().filter(|t| t.context == Context::Branch);
    match branch.filter_map(claim).min_by_key(|(name, _)| name.len()) {
        Some((name, value)) => format!("add `{} == '{value}'` to the provider's `{setting}`", asserted(&name)),
        None => "bind one subject (`principal://…/subject/SUBJECT`)".to_owned(),
    }
}

/// A claim as conditions spell it: a name that is no identifier stands in brackets.
fn asserted(claim: &str) -> String {
    let is_identifier = claim.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_identifier { format!("assertion.{claim}") } else { format!("assertion['{claim}']") }
}

/// A subject with its branch is no longer than Google takes, names of usual length in it.
fn fits_a_pool(templates: &[Template]) -> bool {
    let length = |t: &Template| -> Option<usize> {
        let parts = t.claim("sub").filter(|parts| t.context == Context::Branch && holds(t, parts, Role::Ref))?;
        let part = |part: &ClaimPart| match part {
            ClaimPart::Literal(text) => text.len(),
            ClaimPart::Segment(index) => t.segments.get(*index).and_then(|s| s.samples.first()).map_or(0, String::len),
        };
        Some(parts.iter().map(part).sum())
    };
    templates.iter().filter_map(length).min().is_some_and(|shortest| shortest <= MAX_SUBJECT)
}

/// The subject that names a branch or an environment: `main`, `production`.
fn pinning(templates: &[Template], role: Role, patterns: bool) -> Option<String> {
    let context = if role == Role::Environment { Context::Environment } else { Context::Branch };
    let of = |t: &Template| t.claim("sub").filter(|parts| holds(t, parts, role)).map(|parts| filled(t, parts, patterns));
    templates.iter().filter(|t| t.context == context).find_map(of)
}

fn holds(template: &Template, parts: &[ClaimPart], role: Role) -> bool {
    let is = |part: &ClaimPart| matches!(part, ClaimPart::Segment(i) if template.segments.get(*i).is_some_and(|s| s.role == role));
    parts.iter().any(is)
}

/// A claim with names to fill in; with patterns, what is another one in each run is a wildcard.
fn filled(template: &Template, parts: &[ClaimPart], patterns: bool) -> String {
    let piece = |part: &ClaimPart| match part {
        ClaimPart::Literal(text) => text.clone(),
        ClaimPart::Segment(index) => match template.segments.get(*index) {
            Some(segment) if segment.role == Role::Ref => "main".to_owned(),
            // What is not there in every subject is left out (the subgroups of GitLab).
            Some(segment) if segment.samples.first().is_some_and(String::is_empty) => String::new(),
            Some(segment) if patterns && matches!(segment.role, Role::Other | Role::Run | Role::CallerChosen) => "*".to_owned(),
            Some(segment) => segment.name.to_uppercase(),
            None => String::new(),
        },
    };
    parts.iter().map(piece).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuers::registry;

    #[test]
    fn a_branch_is_pinned_where_the_subject_with_it_is_too_long_for_a_pool() {
        let of = |url: &str| one_branch_of_a_pool(&registry().recognise(url).unwrap().templates(), "attribute_condition");
        assert_eq!(
            of("https://oidc.circleci.com/org/77777777-0000-4000-8000-00000000000a"),
            "add `assertion['oidc.circleci.com/vcs-ref'] == 'refs/heads/main'` to the provider's `attribute_condition`"
        );
        assert!(of("https://token.actions.githubusercontent.com").contains("assertion.sub == 'repo:OWNER/REPOSITORY:ref:refs/heads/main'"));
    }

    #[test]
    fn a_tenant_is_named_in_the_words_of_its_issuer() {
        let of = |id: &str| registry().by_id(id).unwrap();
        assert_eq!(
            delimited_tenant(of("github-actions")),
            "end the name with its delimiter (`repo:OWNER/…`, `repo:OWNER@OWNER_ID/…`: each a value of its own)"
        );
        assert_eq!(delimited_tenant(of("buildkite")), "end the name with its delimiter (`organization:ORGANIZATION:…`)");
        assert_eq!(named_tenant(of("gitlab")), "write the tenant's name where the wildcard is (`project_path:GROUP/…`)");
        assert_eq!(named_tenant(of("generic")), "write the tenant's name where the wildcard is");
    }
}

//! What an identity may do: a loose gate in front of an administrator is worse than one in front of a reader.

use super::privilege_aws;
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{Grant, Graph, IdentityId};
use crate::partial::Text;

use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Rules whose findings are worse when the identity is privileged.
const WORSE: [RuleId; 2] = [RuleId::AnyRef, RuleId::PullRequest];
/// Roles of Google Cloud that let their holder do anything, or grant themselves any right, on a project, a folder or an organisation
/// (<https://cloud.google.com/iam/docs/roles-overview>).
const ROLES: [&str; 8] = [
    "roles/owner",
    "roles/editor",
    "roles/iam.securityAdmin",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountKeyAdmin",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/resourcemanager.projectIamAdmin",
    "roles/resourcemanager.organizationAdmin",
];

/// Whether a role of Google Cloud lets its holder become a service account, or anything else.
pub(super) fn becomes_somebody(role: &Text) -> bool {
    const ACCOUNTS: [&str; 3] =
        ["roles/iam.workloadIdentityUser", "roles/iam.serviceAccountOpenIdTokenCreator", "roles/iam.serviceAccountUser"];
    role.as_known().is_none_or(|r| ROLES.contains(&r.as_str()) || ACCOUNTS.contains(&r.as_str()))
}

/// For each privileged identity the grant that makes it so.
pub(super) type Privileged<'g> = BTreeMap<IdentityId, &'g Grant>;

/// The identities of the scan that are privileged, by their first grant that says so. A grant that may not hold says nothing.
pub(super) fn privileged(graph: &Graph) -> Privileged<'_> {
    let certain: Vec<&Grant> = graph.grants.iter().filter(|g| !g.origin.conditional).collect();
    let mut out = BTreeMap::new();
    for grant in certain.iter().copied().filter(|g| is_privilege(g)) {
        if let Some(identity) = grant.identity {
            out.entry(identity).or_insert(grant);
        }
    }
    let running: BTreeSet<IdentityId> = certain.iter().filter(|g| privilege_aws::runs_code(g)).filter_map(|g| g.identity).collect();
    for grant in certain.iter().copied().filter(|g| privilege_aws::passes_roles(g)) {
        if let Some(identity) = grant.identity.filter(|id| running.contains(id)) {
            out.entry(identity).or_insert(grant);
        }
    }
    out
}

fn is_privilege(grant: &Grant) -> bool {
    let Some(permission) = grant.permission.as_known() else { return privilege_aws::alone(grant) };
    let scope = grant.scope.as_ref().map(ToString::to_string);
    if permission.starts_with("roles/") {
        let above =
            |s: &String| ["projects/", "folders/", "organizations/"].iter().any(|k| s.starts_with(k) && s.matches('/').count() == 1);
        return ROLES.contains(&permission.as_str()) && scope.as_ref().is_some_and(above);
    }
    privilege_aws::alone(grant)
}

/// The finding, worse when the identity behind the gate is privileged.
pub(super) fn weigh(finding: Finding, identity: IdentityId, privileged: &Privileged<'_>) -> Finding {
    let Some(grant) = privileged.get(&identity).filter(|_| WORSE.contains(&finding.rule)) else { return finding };
    let name = grant.permission.to_string();
    let short = name.rsplit_once(":policy/").map_or(name.as_str(), |(_, short)| short).to_owned();
    let message = format!("{}; and it is privileged (`{short}`)", finding.message);
    Finding { message, ..finding }.severity(Severity::High).related_to(grant.origin.span, "this makes it privileged")
}

#[cfg(test)]
mod tests {
    use super::is_privilege;
    use crate::graph::{Grant, Origin};
    use crate::place::{FileId, Span};

    fn grant(permission: &str, scope: &str) -> Grant {
        let origin = Origin {
            name: "g".to_owned(),
            declared: crate::graph::Declared::Printed,
            span: Span::new(FileId(0), 0..0),
            scope: String::new(),
            library: false,
            conditional: false,
        };
        let scope = Some(Text::known(scope));
        Grant { origin, identity: None, principal: Text::known("p"), permission: Text::known(permission), scope }
    }

    #[test]
    fn a_role_counts_on_a_project_and_not_on_a_resource_inside_of_one() {
        for above in ["projects/shop", "folders/123", "organizations/9"] {
            assert!(is_privilege(&grant("roles/owner", above)), "{above}");
        }
        for inside in ["projects/shop/serviceAccounts/ci@shop.iam.gserviceaccount.com", "projects/shop/secrets/x", "buckets/b", "shop"] {
            assert!(!is_privilege(&grant("roles/owner", inside)), "{inside}");
        }
        assert!(!is_privilege(&grant("roles/viewer", "projects/shop")));
    }
}

//! What an identity may do: a loose gate in front of an administrator is worse than one in front of a reader.

use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{Grant, Graph, IdentityId};

use crate::rules::Finding;
use std::collections::BTreeMap;

/// Rules whose findings are worse when the identity is privileged.
const WORSE: [RuleId; 2] = [RuleId::AnyRef, RuleId::PullRequest];
/// AWS managed policies that let their holder do anything, or give himself any right
/// (<https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html>).
const POLICIES: [&str; 3] = ["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];
/// Roles of Google Cloud that do the same on a project, a folder or an organisation
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

/// For each privileged identity the grant that makes it so.
pub(super) type Privileged<'g> = BTreeMap<IdentityId, &'g Grant>;

/// The identities of the scan that are privileged, by their first grant that says so. A grant that may not hold says nothing.
pub(super) fn privileged(graph: &Graph) -> Privileged<'_> {
    let mut out = BTreeMap::new();
    for grant in graph.grants.iter().filter(|g| !g.origin.conditional && is_privilege(g)) {
        if let Some(identity) = grant.identity {
            out.entry(identity).or_insert(grant);
        }
    }
    out
}

fn is_privilege(grant: &Grant) -> bool {
    let Some(permission) = grant.permission.as_known() else { return false };
    let scope = grant.scope.as_ref().map(ToString::to_string);
    if permission.starts_with("roles/") {
        let above =
            |s: &String| ["projects/", "folders/", "organizations/"].iter().any(|k| s.starts_with(k) && s.matches('/').count() == 1);
        return ROLES.contains(&permission.as_str()) && scope.as_ref().is_some_and(above);
    }
    let managed = permission.rsplit_once(":policy/").map(|(_, name)| name);
    managed.is_some_and(|name| POLICIES.contains(&name))
        || (scope.as_deref() == Some("*") && (matches!(permission.as_str(), "*" | "*:*" | "iam:*") || permission.starts_with("NotAction ")))
}

/// The finding, worse when the identity behind the gate is privileged.
pub(super) fn weigh(finding: Finding, identity: IdentityId, privileged: &Privileged<'_>) -> Finding {
    let Some(grant) = privileged.get(&identity).filter(|_| WORSE.contains(&finding.rule)) else { return finding };
    let name = grant.permission.to_string();
    let short = name.rsplit_once(":policy/").map_or(name.as_str(), |(_, short)| short).to_owned();
    let message = format!("{}; and it is privileged (`{short}`)", finding.message);
    Finding { message, ..finding }.severity(Severity::High).related_to(grant.origin.span, "this makes it privileged")
}

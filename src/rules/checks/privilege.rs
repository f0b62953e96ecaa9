//! What an identity may do: a loose gate in front of an administrator is worse than one in front of a reader.

use super::{privilege_aws, privilege_azure, reading};
use crate::admission::iam::{self, Effect, Policy, PrincipalKind};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::addresses;
use crate::graph::{Gate, Grant, Graph, IdentityId, IdentityKind};
use crate::partial::Text;

use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Rules whose findings are worse when the identity is privileged, and how bad they are then.
const WORSE: [(RuleId, Severity); 4] = [
    (RuleId::AnyRef, Severity::High),
    (RuleId::PullRequest, Severity::High),
    (RuleId::ConfusedDeputy, Severity::Medium),
    (RuleId::PodIdentityUnscoped, Severity::Medium),
];
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
    chains(graph, &certain, &mut out);
    out
}

/// Most roles that are assumed one after another.
const MAX_CHAIN: usize = 4;

/// Who may assume a privileged role that trusts them is privileged, too
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>).
fn chains<'g>(graph: &Graph, certain: &[&'g Grant], out: &mut Privileged<'g>) {
    let arn = |id: IdentityId| match &graph.identity(id)?.kind {
        IdentityKind::AwsRole { arn, .. } => arn.as_ref(),
        _ => None,
    };
    let mut policies: BTreeMap<IdentityId, Vec<&Policy>> = BTreeMap::new();
    for trust in &graph.trusts {
        if let Gate::AwsPolicy(policy) = &trust.gate {
            policies.entry(trust.identity).or_default().push(policy);
        }
    }
    let trusts = |target: IdentityId, source: &Text| {
        let mut named = policies.get(&target).into_iter().flatten().flat_map(|policy| iam::principals(policy));
        named.any(|p| p.kind == PrincipalKind::Aws && p.effect == Effect::Allow && !p.negated && addresses::same_role(&p.text, source))
    };
    let assumes: Vec<&Grant> = certain.iter().copied().filter(|g| privilege_aws::assumes_roles(g)).collect();
    if assumes.is_empty() {
        return;
    }
    for _ in 0..MAX_CHAIN {
        let mut found = Vec::new();
        let targets = Targets::of(graph, out);
        for grant in &assumes {
            let Some(source) = grant.identity.filter(|id| !out.contains_key(id)) else { continue };
            let (Some(own), Some(scope)) = (arn(source), &grant.scope) else { continue };
            let reached = |id: IdentityId| scope.is_str("*") || arn(id).is_some_and(|target| addresses::same_role(target, scope));
            let target = targets.of_grant(grant, scope).iter().find(|id| reached(**id) && trusts(**id, own));
            found.extend(target.and_then(|id| out.get(id)).map(|by| (source, *by)));
        }
        if found.is_empty() {
            break;
        }
        out.extend(found);
    }
}

/// Privileged roles by the evaluation that they are of, and by what their ARNs say of them there.
struct Targets {
    here: BTreeMap<String, Vec<IdentityId>>,
    named: BTreeMap<(String, String), Vec<IdentityId>>,
}

impl Targets {
    fn of(graph: &Graph, privileged: &Privileged<'_>) -> Self {
        let mut out = Self { here: BTreeMap::new(), named: BTreeMap::new() };
        for id in privileged.keys() {
            let Some(identity) = graph.identity(*id) else { continue };
            let scope = &identity.origin.scope;
            out.here.entry(scope.clone()).or_default().push(*id);
            if let IdentityKind::AwsRole { arn: Some(arn), .. } = &identity.kind {
                out.named.entry((scope.clone(), addresses::role_key(arn))).or_default().push(*id);
            }
        }
        out
    }

    /// Those that a grant may reach.
    fn of_grant(&self, grant: &Grant, scope: &Text) -> &[IdentityId] {
        let root = grant.origin.scope.clone();
        let found = if scope.is_str("*") { self.here.get(&root) } else { self.named.get(&(root, addresses::role_key(scope))) };
        found.map_or(&[], Vec::as_slice)
    }
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
    let worse = WORSE.iter().find(|(rule, _)| *rule == finding.rule);
    let (Some(grant), Some((_, severity))) = (privileged.get(&identity), worse) else { return finding };
    let name = grant.permission.to_string();
    let short = name.rsplit_once(":policy/").map_or(name.as_str(), |(_, short)| short).to_owned();
    let through = if grant.identity == Some(identity) { "" } else { " through a role that it may assume" };
    let message = format!("{}; and it is privileged{through} (`{short}`)", finding.message);
    Finding { message, ..finding }.severity(*severity).related_to(grant.origin.span, "this makes it privileged")
}

/// The same for the roles of Azure and Entra.
pub(super) fn weigh_azure(graph: &Graph, findings: Vec<(IdentityId, Finding)>) -> Vec<Finding> {
    let (privileged, readers) = (privilege_azure::privileged(graph), reading::Readers::of(graph));
    let weigh = |(identity, finding): (IdentityId, Finding)| {
        let Some((grant, name)) = privileged.get(&identity).filter(|_| WORSE.iter().any(|(rule, _)| *rule == finding.rule)) else {
            return reading::weigh(finding, identity, &readers);
        };
        let message = format!("{}; and it is privileged ({})", finding.message, privilege_azure::shown(grant, name));
        Finding { message, ..finding }.severity(Severity::High).related_to(grant.origin.span, "this makes it privileged")
    };
    findings.into_iter().map(weigh).collect()
}

#[cfg(test)]
mod tests {
    use super::is_privilege;
    use crate::graph::{Grant, Origin};
    use crate::partial::Text;
    use crate::place::{FileId, Span};

    fn grant(permission: &str, scope: &str) -> Grant {
        let origin = Origin {
            name: "g".to_owned(),
            declared: crate::graph::Declared::Printed,
            span: Span::new(FileId(0), 0..0),
            scope: String::new(),
            library: false,
            stands_in: false,
            conditional: false,
        };
        let scope = Some(Text::known(scope));
        Grant {
            origin,
            identity: None,
            principal: Text::known("p"),
            permission: Text::known(permission),
            scope,
            others: Vec::new(),
            asks: Vec::new(),
        }
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

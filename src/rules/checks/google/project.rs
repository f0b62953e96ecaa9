//! What stands around federation in a project or an organisation. Each is told once, as information, and only where the scan
//! manages the like: what it does not manage at all is managed elsewhere.

use super::Context;
use super::impersonation::{is_external, member_and_role};
use crate::catalogue::{RuleId, Severity};
use crate::gate::google::may_impersonate;
use crate::graph::{EnabledApi, IdentityKind, Pool, PoolId};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::BTreeSet;

/// APIs that exchange tokens (<https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#prepare>).
const IAM: &str = "iam.googleapis.com";
const STS: &str = "sts.googleapis.com";
const CREDENTIALS: &str = "iamcredentials.googleapis.com";
/// A configuration of audit logs for everything.
const ALL: &str = "allServices";

/// Constraints that keep keys from being made (<https://cloud.google.com/iam/docs/service-accounts-org-policies>).
const KEYS: [&str; 2] = ["iam.disableServiceAccountKeyCreation", "iam.managed.disableServiceAccountKeyCreation"];
/// Constraints that say whose tokens pools may take
/// (<https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers#restrict-provider-config>).
const PROVIDERS: [&str; 2] = ["iam.workloadIdentityPoolProviders", "iam.managed.workloadIdentityPoolProviders"];

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let federated = !context.graph.pools.is_empty();
    let bound = impersonating(context);
    let is_bound = |index: usize| bound.contains(&PoolId(u32::try_from(index).unwrap_or(u32::MAX)));
    let pools = context.graph.pools.iter().enumerate();
    let mut out: Vec<Finding> = pools.filter_map(|(i, pool)| apis(context, pool, is_bound(i))).collect();
    if federated {
        out.extend(logs(context));
        out.extend(policies(context));
    }
    out
}

/// The project's APIs are managed here, and one that federation calls is not among them.
fn apis(context: &Context<'_>, pool: &Pool, is_bound: bool) -> Option<Finding> {
    let same = |a: &EnabledApi| {
        let key = |p: &Option<Text>| p.as_ref().map(cut::key);
        a.origin.scope == pool.origin.scope && key(&a.project) == key(&pool.project)
    };
    let enabled: Vec<&EnabledApi> = context.graph.google_projects.apis.iter().filter(|a| same(a)).collect();
    let first = enabled.first()?;
    let known: Option<Vec<String>> = enabled.iter().map(|a| a.service.as_known()).collect();
    let known = known?;
    let mut needed = vec![IAM, STS];
    if is_bound {
        needed.push(CREDENTIALS);
    }
    needed.retain(|api| !known.iter().any(|k| k == api));
    if needed.is_empty() {
        return None;
    }
    let named = needed.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the APIs of this project are enabled here, and {named} is not among them: where nobody enabled it by hand, logins through the pool fail"
    );
    let finding = Finding::new(RuleId::MissingApi, &pool.origin, None, "apis", message).certain(false);
    Some(finding.help("add a `google_project_service` for each").related_to(first.origin.span, "one of the APIs that are enabled"))
}

/// The pools of which somebody impersonates a service account.
fn impersonating(context: &Context<'_>) -> BTreeSet<PoolId> {
    let mut out = BTreeSet::new();
    for (trust, pools) in context.graph.trusts.iter().zip(&context.links.trust_pools) {
        let account = context.graph.identity(trust.identity).is_some_and(|i| matches!(i.kind, IdentityKind::GoogleServiceAccount { .. }));
        if account && member_and_role(trust).is_some_and(|(member, role)| is_external(member) && may_impersonate(role)) {
            out.extend(pools.iter().copied());
        }
    }
    out
}

/// Audit logs are configured here, and exchanges of tokens are in none of them.
fn logs(context: &Context<'_>) -> Option<Finding> {
    let audits = &context.graph.google_projects.audits;
    let first = audits.first()?;
    let covers = |service: &str| {
        let of = |text: &Text| !text.is_known() || text.is_str(ALL) || text.is_str(service);
        audits.iter().any(|a| of(&a.service) && a.reads != Some(false))
    };
    let missing: Vec<String> = [STS, IAM].into_iter().filter(|s| !covers(s)).map(|s| format!("`{s}`")).collect();
    if missing.is_empty() {
        return None;
    }
    let message = format!(
        "data access logs are configured here, and not for {}: who exchanged which token, and for which account, is not written down",
        missing.join(" and ")
    );
    let finding = Finding::new(RuleId::MissingAuditLog, &first.origin, None, "audit", message);
    Some(finding.certain(false).help(
        "add `google_project_iam_audit_config` with `DATA_READ` for `sts.googleapis.com` and `iam.googleapis.com`, or for `allServices`",
    ))
}

/// Organisation policies are managed here, and none of them keeps keys or providers within bounds.
fn policies(context: &Context<'_>) -> Vec<Finding> {
    let all = &context.graph.google_projects.policies;
    let mut out = Vec::new();
    for policy in all {
        let providers = policy.constraint.as_known().is_some_and(|c| PROVIDERS.contains(&c.as_str()));
        if let Some(span) = policy.allows_all.filter(|_| providers) {
            let message = "the policy on providers lets every issuer through: whoever may administer a pool decides whose tokens it takes";
            let finding = Finding::new(RuleId::OrgPolicyGap, &policy.origin, Some(span), "open", message).severity(Severity::Low);
            out.push(finding.help("list the issuers that are meant (`https://token.actions.githubusercontent.com`)"));
        }
    }
    let Some(first) = all.first() else { return out };
    let set = |names: &[&str]| all.iter().any(|p| p.constraint.as_known().is_none_or(|c| names.contains(&c.as_str())));
    let missing: Vec<String> =
        [&KEYS, &PROVIDERS].into_iter().filter(|names| !set(*names)).filter_map(|n| n.first()).map(|n| format!("`{n}`")).collect();
    if !missing.is_empty() {
        let message = format!(
            "organisation policies are managed here, and {} is not among them: federation is in use, and nothing keeps keys or other issuers from being added beside it",
            missing.join(" and ")
        );
        let finding = Finding::new(RuleId::OrgPolicyGap, &first.origin, None, "absent", message);
        out.push(finding.certain(false).help("set them for the organisation, where they are not set elsewhere"));
    }
    out
}

//! Clusters of one project: a ServiceAccount of the same name in any of them is the same identity
//! (<https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#identity_sameness>).

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::graph::member::{self, Accounts, Member};
use crate::graph::{Cluster, Gate, Setting, Trust};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

const SUFFIX: &str = ".svc.id.goog";
/// Words in the names of clusters that say what they are for, and what each of them says.
const STAGES: [(&str, &str); 14] = [
    ("prod", "production"),
    ("production", "production"),
    ("prd", "production"),
    ("live", "production"),
    ("dev", "development"),
    ("develop", "development"),
    ("development", "development"),
    ("test", "test"),
    ("testing", "test"),
    ("qa", "test"),
    ("stage", "staging"),
    ("staging", "staging"),
    ("stg", "staging"),
    ("sandbox", "sandbox"),
];

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut clusters: BTreeMap<String, Vec<&Cluster>> = BTreeMap::new();
    for cluster in context.graph.clusters.iter().filter(|c| !c.origin.conditional && !c.origin.library) {
        if let Some(pool) = pool(cluster) {
            clusters.entry(pool).or_default().push(cluster);
        }
    }
    let mut out = Vec::new();
    for (pool, members) in clusters.iter().filter(|(_, c)| c.len() > 1) {
        let bound = |trust: &&Trust| is_bound(trust, pool);
        let Some(trust) = context.graph.trusts.iter().find(bound) else { continue };
        out.push(finding(pool, members, trust));
    }
    out
}

/// The pool of a cluster, as a key.
fn pool(cluster: &Cluster) -> Option<String> {
    match &cluster.pool {
        Setting::Set(pool) => cut::key(pool).into(),
        Setting::Absent if cluster.autopilot == Some(true) => {
            let mut pool = cluster.project.clone()?;
            pool.push(&Text::known(SUFFIX));
            Some(cut::key(&pool))
        }
        _ => None,
    }
}

/// The binding names ServiceAccounts of the pool, and no cluster.
fn is_bound(trust: &Trust, pool: &str) -> bool {
    let Gate::GoogleMember { member, .. } = &trust.gate else { return false };
    let Member::Kubernetes { mut project, accounts } = member::parse(member) else { return false };
    project.push(&Text::known(SUFFIX));
    let anywhere = matches!(accounts, Accounts::One { .. } | Accounts::Namespace(_) | Accounts::Pool);
    anywhere && cut::key(&project) == pool
}

/// What the name of a cluster says it is for.
fn stage(cluster: &Cluster) -> Option<&'static str> {
    let name = cluster.name.as_ref()?.as_known()?;
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .find_map(|word| STAGES.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, s)| *s))
}

fn finding(pool: &str, clusters: &[&Cluster], trust: &Trust) -> Finding {
    let stages: BTreeSet<&str> = clusters.iter().filter_map(|c| stage(c)).collect();
    let count = clusters.len();
    let (severity, why) = if stages.len() > 1 {
        let named = stages.iter().copied().collect::<Vec<_>>().join(" and ");
        (Severity::Medium, format!("they are for {named}, and a pod of the weaker one has the identities of the other"))
    } else {
        (Severity::Info, "a pod of any of them has the identity".to_owned())
    };
    let message = format!(
        "{count} clusters share the workload pool, so a namespace and a ServiceAccount of these names in each of them are one identity: {why}"
    );
    let Gate::GoogleMember { member, .. } = &trust.gate else {
        return Finding::new(RuleId::IdentitySameness, &trust.origin, None, pool, message);
    };
    let finding = Finding::new(RuleId::IdentitySameness, &trust.origin, member.span(), pool, message);
    let finding = clusters.iter().fold(finding, |f, c| f.related_to(c.origin.span, "one of the clusters"));
    let help =
        "keep clusters of different trust in projects of their own, or bind one cluster's accounts (`…/kubernetes.cluster/https://…`)";
    finding.severity(severity).help(help).along_text(member)
}

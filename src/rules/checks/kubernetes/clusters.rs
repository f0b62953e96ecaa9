//! What GKE clusters offer to the workloads that want an identity
//! (<https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity>).

use super::{Account, Context};
use crate::catalogue::{RuleId, Severity};
use crate::graph::member::{self, Member};
use crate::graph::{Cluster, Gate, NodeMetadata, Setting, Workload, WorkloadKind};
use crate::partial::{Text, cut};
use crate::rules::Finding;

const SUFFIX: &str = ".svc.id.goog";

pub(super) fn check(context: &Context<'_>, accounts: &[Account<'_>]) -> Vec<Finding> {
    let clusters = &context.graph.clusters;
    let wanted = wanted(context, accounts);
    let mut out: Vec<Finding> = clusters.iter().filter_map(|c| foreign_pool(c).or_else(|| without_pool(context, c, &wanted))).collect();
    if wanted.any || clusters.iter().any(|c| offers(c) != Some(false)) {
        out.extend(context.graph.node_metadata.iter().filter_map(exposed));
    }
    out.extend(context.graph.workloads.iter().enumerate().filter_map(|(i, pods)| host_network(context, accounts, i, pods)));
    out
}

/// Who wants identities of GKE.
struct Wanted<'a> {
    /// Somebody does.
    any: bool,
    /// The projects whose pools bindings name.
    projects: Vec<Text>,
    /// A ServiceAccount that asks for one.
    account: Option<&'a Workload>,
}

fn wanted<'a>(context: &Context<'_>, accounts: &[Account<'a>]) -> Wanted<'a> {
    let mut projects = Vec::new();
    for trust in &context.graph.trusts {
        let Gate::GoogleMember { member, .. } = &trust.gate else { continue };
        if let Member::Kubernetes { project, .. } = member::parse(member) {
            projects.push(project);
        }
    }
    let account = accounts.iter().find(|a| a.google.is_some()).map(|a| a.workload);
    Wanted { any: account.is_some() || !projects.is_empty(), projects, account }
}

/// Whether the cluster gives its pods identities: none when that is not known.
fn offers(cluster: &Cluster) -> Option<bool> {
    match (&cluster.pool, cluster.autopilot) {
        (Setting::Set(_), _) | (_, Some(true)) => Some(true),
        (Setting::Absent, Some(false)) => Some(false),
        _ => None,
    }
}

/// A text that can be compared with an id of a project.
fn id(project: &Text) -> Option<String> {
    project.as_known().filter(|p| p.starts_with(|c: char| c.is_ascii_lowercase()))
}

/// The pool is not that of the cluster's project.
fn foreign_pool(cluster: &Cluster) -> Option<Finding> {
    let Setting::Set(pool) = &cluster.pool else { return None };
    let known = pool.as_known()?;
    let project = cluster.project.as_ref().and_then(id);
    let (message, help) = match (known.strip_suffix(SUFFIX), project) {
        (Some(own), Some(project)) if own != project => (
            format!(
                "the cluster is of project `{project}` and cannot use the workload pool `{known}`: it is refused, and no pod gets an identity of it"
            ),
            format!("write `{project}{SUFFIX}`"),
        ),
        (None, _) => (
            format!("`{known}` is not a workload pool: it is refused, and no pod gets an identity of it"),
            format!("write `PROJECT_ID{SUFFIX}` with the id of the cluster's project"),
        ),
        _ => return None,
    };
    let finding = Finding::new(RuleId::WorkloadIdentityDisabled, &cluster.origin, pool.span(), "pool", message);
    Some(finding.help(help).certain(!cluster.origin.conditional && !cluster.origin.library).along_text(pool))
}

/// The cluster has no workload pool, and somebody counts on it.
fn without_pool(context: &Context<'_>, cluster: &Cluster, wanted: &Wanted<'_>) -> Option<Finding> {
    if offers(cluster) != Some(false) {
        return None;
    }
    let project = cluster.project.as_ref();
    let same = |other: &Text| project.is_some_and(|p| p.same(other));
    let bound = wanted.projects.iter().any(same);
    // The workloads may be for another cluster: one of the same project, or of any where nothing says which is meant.
    let others = context.graph.clusters.iter().filter(|c| offers(c) != Some(false));
    let instead = if bound { others.filter(|c| c.project.as_ref().is_none_or(same)).count() } else { others.count() };
    if instead > 0 || !(bound || wanted.account.is_some() && wanted.projects.iter().all(|p| !p.is_known())) {
        return None;
    }
    let message = "the cluster has no `workload_identity_config`: its pods get the identity of their node, and none of those that are granted to \
                   ServiceAccounts";
    let severity = if bound { Severity::High } else { Severity::Medium };
    let finding = Finding::new(RuleId::WorkloadIdentityDisabled, &cluster.origin, None, "cluster", message).severity(severity);
    let finding = finding.certain(bound && !cluster.origin.conditional && !cluster.origin.library);
    let finding = finding.related(cluster.name.as_ref().and_then(Text::span), "the cluster");
    let help = format!("set the workload pool `PROJECT_ID{SUFFIX}` on the cluster, and `GKE_METADATA` on its older node pools");
    Some(
        wanted.account.into_iter().fold(finding.help(help), |f, w| f.related_to(w.origin.span, "this ServiceAccount asks for an identity")),
    )
}

/// The metadata of the machine is served to pods, with the token of the node's service account in it
/// (<https://cloud.google.com/kubernetes-engine/docs/how-to/protecting-cluster-metadata>).
fn exposed(nodes: &NodeMetadata) -> Option<Finding> {
    let mode = nodes.mode.as_known()?;
    // The names of today and those of the beta.
    if !["GCE_METADATA", "EXPOSE", "EXPOSED", "UNSECURE"].contains(&mode.as_str()) {
        return None;
    }
    let message = format!(
        "`{mode}` gives the pods of this node pool the metadata of the machine: each of them has the node's service account, and no identity of its own"
    );
    let finding = Finding::new(RuleId::NodeIdentityExposed, &nodes.origin, nodes.mode.span(), "metadata", message);
    Some(finding.severity(Severity::Medium).help("write `GKE_METADATA`").along_text(&nodes.mode))
}

/// Pods on the host's network reach the metadata of the machine past GKE's own server.
fn host_network(context: &Context<'_>, accounts: &[Account<'_>], index: usize, pods: &Workload) -> Option<Finding> {
    let WorkloadKind::Pods { host_network: Some(span), .. } = &pods.kind else { return None };
    let linked = context.links.pods_accounts.get(index)?;
    let account = accounts.iter().find(|a| linked.contains(&a.id) && a.google.is_some() && a.namespace.is_some())?;
    let message = format!(
        "pods on the host's network get the identity of their node, and not the one that the ServiceAccount `{}` references",
        account.shown()
    );
    let finding = Finding::new(RuleId::WorkloadIdentityDisabled, &pods.origin, Some(*span), "host network", message);
    let finding = finding.severity(Severity::Medium).certain(!account.open && !pods.origin.conditional);
    let help = "take the workload off the host's network, or log in with a credential configuration and a projected token";
    Some(finding.help(help).related_to(account.workload.origin.span, "the ServiceAccount"))
}

/// The pools of all clusters of the scan, when all are known: the ids of their projects.
pub(super) fn pools(context: &Context<'_>) -> Option<Vec<String>> {
    let of = |cluster: &Cluster| match (&cluster.pool, cluster.project.as_ref()) {
        _ if offers(cluster) != Some(true) => None,
        (_, Some(project)) => id(project),
        (Setting::Set(pool), None) => cut::rsplit_once(pool, SUFFIX).and_then(|(project, _)| id(&project)),
        _ => None,
    };
    let all: Vec<String> = context.graph.clusters.iter().map(of).collect::<Option<_>>()?;
    (!all.is_empty()).then_some(all)
}

//! Trusts, and entries of SPIRE, for ServiceAccounts that are not there: who may create one of that name obtains the identity.

use super::{Context, Judged, Way};
use crate::admission::exposure::{Class, Exposure};
use crate::catalogue::RuleId;
use crate::graph::spiffe::Registration;
use crate::graph::{Origin, Workload, WorkloadKind};
use crate::issuers::{Role, Tenancy};
use crate::partial::{Text, cut};
use crate::place::Span;
use crate::rules::Finding;

/// The ServiceAccount that a trust is for.
pub(super) struct Account {
    namespace: String,
    name: String,
    span: Option<Span>,
}

pub(super) fn check(context: &Context<'_>, judged: &[Judged]) -> Vec<Finding> {
    // Somebody outside of the scan may put the account anywhere.
    let fills = |w: &Workload| matches!(&w.kind, WorkloadKind::External { namespace } if namespace.as_ref().is_none_or(|n| !n.is_known()));
    if context.graph.workloads.iter().any(fills) {
        return Vec::new();
    }
    let all = context.graph.trusts.iter().zip(judged).filter_map(|(t, j)| j.account.as_ref().map(|a| (t, a)));
    let mut out: Vec<Finding> =
        all.filter(|(_, a)| missing(context, &a.namespace, &a.name)).map(|(t, a)| finding(&t.origin, "trust", a)).collect();
    for entry in context.graph.spiffe.entries.iter().filter(|e| !e.selectors_open) {
        let selected = selected(entry).filter(|a| missing(context, &a.namespace, &a.name));
        out.extend(selected.map(|a| finding(&entry.origin, "entry", &a)));
    }
    out
}

/// The ServiceAccount whose pods an entry of SPIRE is for.
fn selected(entry: &Registration) -> Option<Account> {
    let value = |property: &str| {
        let all = entry.selectors.iter().filter(|s| s.kind == "k8s");
        all.filter_map(|s| Some((cut::strip_prefix(&s.value, property)?.as_known()?, s.span))).next()
    };
    let ((namespace, _), (name, span)) = (value("ns:")?, value("sa:")?);
    Some(Account { namespace, name, span })
}

/// The one ServiceAccount that the tokens of a cluster's way are of.
pub(super) fn account(way: &Way<'_>, exposure: &Exposure) -> Option<Account> {
    if way.recognised.issuer.tenancy != Tenancy::Cluster || exposure.class != Class::Intended {
        return None;
    }
    let named = |role: Role| {
        let segment = way.templates.iter().flat_map(|t| t.segments.iter()).find(|s| s.role == role)?;
        match exposure.named.get(&segment.name)?.as_slice() {
            [one] if one.complete => Some((one.text.clone(), one.span)),
            _ => None,
        }
    };
    let ((namespace, _), (name, span)) = (named(Role::Namespace)?, named(Role::Project)?);
    Some(Account { namespace, name, span })
}

/// The namespace is kept in the scan, and the account is certainly not in it.
fn missing(context: &Context<'_>, namespace: &str, name: &str) -> bool {
    let mut kept = false;
    for workload in &context.graph.workloads {
        match &workload.kind {
            WorkloadKind::ServiceAccount { namespace: own, name: account, .. } => {
                let Some(own) = own.as_ref().and_then(Text::as_known) else {
                    // Without a namespace it goes where it is applied to.
                    if account.as_known().is_none_or(|a| a == name) {
                        return false;
                    }
                    continue;
                };
                let Some(account) = account.as_known() else { return false };
                if own == namespace && account == name {
                    return false;
                }
                kept |= own == namespace && !workload.origin.conditional && !workload.origin.library;
            }
            WorkloadKind::External { namespace: Some(own) } if own.is_str(namespace) => return false,
            WorkloadKind::External { .. } | WorkloadKind::Pods { .. } => {}
        }
    }
    // Each namespace has this one by itself.
    kept && name != "default"
}

fn finding(origin: &Origin, what: &str, account: &Account) -> Finding {
    let Account { namespace, name, span } = account;
    let message = format!(
        "the {what} is for the ServiceAccount `{name}` of the namespace `{namespace}`, and the manifests of that namespace have none of this name: whoever may create it there obtains the identity"
    );
    let finding = Finding::new(RuleId::OrphanTrust, origin, *span, &format!("{namespace}/{name}"), message);
    finding.certain(false).help(format!("remove the {what}, or correct the name"))
}

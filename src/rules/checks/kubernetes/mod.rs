//! Kubernetes ServiceAccounts and the identities of the clouds: both sides have to name each other.

mod aks;
mod annotations;
mod clusters;
mod default;
mod directory;
mod gke;
mod irsa;
mod nodes;
mod roles;
mod sameness;
mod tokens;

use super::super::engine::Context;
use super::super::finding::Finding;
use crate::graph::{UseLabel, Workload, WorkloadId, WorkloadKind};
use crate::partial::Text;
use crate::place::Span;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A ServiceAccount with what it says of itself.
#[derive(Clone, Copy)]
struct Account<'a> {
    id: WorkloadId,
    workload: &'a Workload,
    namespace: Option<&'a Text>,
    name: &'a Text,
    aws_role: Option<&'a Text>,
    aws_audience: Option<&'a Text>,
    google: Option<&'a Text>,
    azure: Option<&'a Text>,
    label: &'a UseLabel,
    keys: &'a BTreeMap<&'static str, Span>,
    /// What it does not say may be said elsewhere, and what it says may be replaced.
    open: bool,
}

impl Account<'_> {
    /// `shop/api`, with a word for a namespace that is not written.
    fn whole(&self) -> String {
        self.namespace.map_or_else(|| format!("NAMESPACE/{}", self.name), |n| format!("{n}/{}", self.name))
    }

    /// Where an annotation is wrong: its value when that is written there, else its key. A value that comes from elsewhere is
    /// right there, and wrong here.
    fn place(&self, key: &str, value: &Text) -> Option<Span> {
        let own = self.workload.origin.span;
        let here = value.span().filter(|s| s.file == own.file && own.start <= s.start && s.end <= own.end);
        here.or_else(|| self.keys.get(key).copied()).or(Some(own))
    }

    /// `shop/api`, as far as it is written.
    fn shown(&self) -> String {
        self.namespace.map_or_else(|| self.name.to_string(), |n| format!("{n}/{}", self.name))
    }
}

/// Every finding about ServiceAccounts.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let accounts = accounts(context);
    let directory = directory::Directory::new(context, &accounts);
    let roles = roles::Roles::new(context);
    let mut findings: Vec<Finding> = accounts
        .par_iter()
        .flat_map_iter(|account| {
            let google = gke::annotation(context, &directory, account).or_else(|| gke::address(account));
            let azure = aks::annotation(context, &directory, account).into_iter().chain(aks::account_label(account));
            let sides = irsa::annotation(context, &roles, account).into_iter().chain(google).chain(azure);
            sides.chain(default::annotation(context, &directory, account)).chain(annotations::role(account))
        })
        .collect();
    findings.extend(annotations::misspelt(context));
    findings.extend(clusters::check(context, &accounts));
    let by_id: BTreeMap<usize, &Account<'_>> = accounts.iter().map(|a| (a.id.index(), a)).collect();
    findings.extend(context.graph.workloads.iter().enumerate().filter_map(|(i, w)| aks::labels(context, &by_id, i, w)));
    findings.extend(aks::disabled(context));
    findings.extend(nodes::exposed(context));
    findings.extend(nodes::legacy(context));
    findings.extend(sameness::check(context));
    findings.extend(tokens::long(context));
    findings.extend(default::associations(context));
    findings.extend(context.graph.trusts.par_iter().flat_map_iter(|trust| default::member(context, trust)).collect::<Vec<_>>());
    findings.extend(context.graph.trusts.par_iter().flat_map_iter(|trust| gke::binding(context, &directory, trust)).collect::<Vec<_>>());
    findings
}

fn accounts<'a>(context: &'a Context<'_>) -> Vec<Account<'a>> {
    let all = context.graph.workloads.iter().enumerate();
    all.filter_map(|(index, workload)| match &workload.kind {
        WorkloadKind::ServiceAccount {
            namespace,
            name,
            aws_role,
            aws_audience,
            google_service_account,
            azure_client,
            keys,
            azure_label: label,
            open,
        } => Some(Account {
            id: WorkloadId(u32::try_from(index).unwrap_or(u32::MAX)),
            workload,
            namespace: namespace.as_ref(),
            name,
            aws_role: aws_role.as_ref(),
            aws_audience: aws_audience.as_ref(),
            google: google_service_account.as_ref(),
            azure: azure_client.as_ref(),
            keys,
            label,
            open: *open,
        }),
        WorkloadKind::Pods { .. } | WorkloadKind::External { .. } => None,
    })
    .collect()
}

/// Whether two texts are the same string: none when an unknown keeps that open.
fn equal(left: &Text, right: &Text) -> Option<bool> {
    if left.same(right) {
        return Some(true);
    }
    (left.is_known() && right.is_known()).then_some(false)
}

//! ServiceAccounts and the grants on Google service accounts by what they are called, so that each meets only those that it may
//! mean: a scan may have fifty thousand of both.

use super::gke::impersonates;
use super::{Account, Context};
use crate::graph::{Gate, GoogleLevel, IdentityKind, Trust, TrustId, WorkloadKind};
use crate::partial::{Text, cut};
use std::collections::{BTreeMap, BTreeSet};

/// The directory.
pub(super) struct Directory<'a> {
    accounts: &'a [Account<'a>],
    /// By namespace and name, where both are written.
    by_name: BTreeMap<(String, String), Vec<usize>>,
    by_namespace: BTreeMap<String, Vec<usize>>,
    /// By name, whatever is known of their namespace.
    named: BTreeMap<String, Vec<usize>>,
    /// Those whose namespace or name is not written.
    vague: Vec<usize>,
    by_google: BTreeMap<String, Vec<usize>>,
    /// Those that reference a Google service account that is not known.
    vague_google: Vec<usize>,
    /// Namespaces that a chart or a remote base fills; none for any.
    external: BTreeSet<Option<String>>,
    grants: Grants,
    /// The first credential of Azure for each subject of a ServiceAccount.
    azure: BTreeMap<String, usize>,
    /// The trusts of Google service accounts by their addresses.
    google: BTreeMap<String, Vec<usize>>,
    /// The pools of the scan's clusters, where all are known.
    pub(super) pools: Option<Vec<String>>,
}

/// Grants that let somebody act as a service account, by the part of its address before the `@`.
#[derive(Default)]
struct Grants {
    by_local: BTreeMap<String, Vec<usize>>,
    /// On accounts whose name is not known.
    vague: Vec<usize>,
    /// On what is above accounts: projects, folders, organisations.
    above: Vec<usize>,
}

/// What stands before the `@` of an address.
pub(super) fn local(email: &Text) -> Text {
    cut::split_once(email, "@").map_or_else(|| email.clone(), |(local, _)| local)
}

impl<'a> Directory<'a> {
    pub(super) fn new(context: &Context<'_>, accounts: &'a [Account<'a>]) -> Self {
        let mut out = Self {
            accounts,
            by_name: BTreeMap::new(),
            by_namespace: BTreeMap::new(),
            named: BTreeMap::new(),
            vague: Vec::new(),
            by_google: BTreeMap::new(),
            vague_google: Vec::new(),
            external: BTreeSet::new(),
            grants: Grants::default(),
            azure: BTreeMap::new(),
            google: BTreeMap::new(),
            pools: super::clusters::pools(context),
        };
        for (index, account) in accounts.iter().enumerate() {
            let (namespace, name) = (account.namespace.and_then(Text::as_known), account.name.as_known());
            if let Some(namespace) = &namespace {
                out.by_namespace.entry(namespace.clone()).or_default().push(index);
            }
            if let Some(name) = &name {
                out.named.entry(name.clone()).or_default().push(index);
            }
            match (namespace, name) {
                (Some(namespace), Some(name)) => out.by_name.entry((namespace, name)).or_default().push(index),
                _ => out.vague.push(index),
            }
            match account.google.map(Text::as_known) {
                Some(Some(email)) => out.by_google.entry(email).or_default().push(index),
                Some(None) => out.vague_google.push(index),
                None => {}
            }
        }
        for workload in &context.graph.workloads {
            if let WorkloadKind::External { namespace } = &workload.kind {
                out.external.insert(namespace.as_ref().and_then(Text::as_known));
            }
        }
        for (index, trust) in context.graph.trusts.iter().enumerate() {
            if let Gate::AzureCredential { subject: Some(subject), .. } = &trust.gate {
                out.azure.entry(cut::key(subject)).or_insert(index);
            }
            if let Some(IdentityKind::GoogleServiceAccount { email, .. }) = context.graph.identity(trust.identity).map(|i| &i.kind) {
                out.google.entry(cut::key(email)).or_default().push(index);
            }
        }
        for (index, trust) in context.graph.trusts.iter().enumerate().filter(|(_, trust)| lets_in(trust)) {
            match context.graph.identity(trust.identity).map(|identity| &identity.kind) {
                Some(IdentityKind::GoogleServiceAccount { email, .. }) => match local(email).as_known() {
                    Some(local) => out.grants.by_local.entry(local).or_default().push(index),
                    None => out.grants.vague.push(index),
                },
                // A role on a bucket makes nobody a service account.
                Some(IdentityKind::GoogleResource { level, .. }) if *level != GoogleLevel::Resource => out.grants.above.push(index),
                _ => {}
            }
        }
        out
    }

    fn at(&self, indexes: &[usize]) -> impl Iterator<Item = &'a Account<'a>> {
        let accounts = self.accounts;
        indexes.iter().filter_map(move |index| accounts.get(*index)).collect::<Vec<_>>().into_iter()
    }

    /// The accounts that may have this name in this namespace, in their order.
    pub(super) fn may_be(&self, namespace: &str, name: &str) -> Vec<&'a Account<'a>> {
        let is = |text: &Text, known: &str| text.as_known().is_none_or(|t| t == known);
        let may_be = |a: &&Account<'_>| a.namespace.is_none_or(|n| is(n, namespace)) && is(a.name, name);
        let mut all: Vec<usize> = self.by_name.get(&(namespace.to_owned(), name.to_owned())).cloned().unwrap_or_default();
        all.extend(&self.vague);
        all.sort_unstable();
        self.at(&all).filter(may_be).collect()
    }

    /// Whether an account has this name in this namespace.
    pub(super) fn has(&self, namespace: &str, name: &str) -> bool {
        self.by_name.contains_key(&(namespace.to_owned(), name.to_owned()))
    }

    /// Some account's namespace or name is not written.
    pub(super) fn is_vague(&self) -> bool {
        !self.vague.is_empty()
    }

    /// The accounts of a namespace.
    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = &'a Account<'a>> {
        self.at(self.by_namespace.get(namespace).map_or(&[], Vec::as_slice))
    }

    /// The accounts of a name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &'a Account<'a>> {
        self.at(self.named.get(name).map_or(&[], Vec::as_slice))
    }

    /// The accounts that may reference a Google service account by this address.
    pub(super) fn asking(&self, email: &Text) -> impl Iterator<Item = &'a Account<'a>> {
        match email.as_known() {
            Some(known) => self.at(self.by_google.get(&known).map_or(&[], Vec::as_slice)),
            None => self.at(&self.vague_google),
        }
    }

    /// The first credential of Azure whose subject is this.
    pub(super) fn credential(&self, subject: &Text) -> Option<usize> {
        self.azure.get(&cut::key(subject)).copied()
    }

    /// The trusts of the Google service accounts of this address.
    pub(super) fn trusts_of(&self, email: &Text) -> &[usize] {
        self.google.get(&cut::key(email)).map_or(&[], Vec::as_slice)
    }

    /// A chart or a remote base may bring ServiceAccounts into the namespace.
    pub(super) fn is_external(&self, namespace: &str) -> bool {
        self.external.contains(&None) || self.external.contains(&Some(namespace.to_owned()))
    }

    /// The grants that may be for whoever acts as a service account of this address, and those on these identities beside, in
    /// their order.
    pub(super) fn grants(&self, email: Option<&Text>, beside: &[TrustId]) -> Vec<usize> {
        let mut all: Vec<usize> = beside.iter().map(|id| id.index()).collect();
        all.extend(&self.grants.above);
        match email.map(|email| local(email).as_known()) {
            Some(Some(local)) => {
                all.extend(self.grants.by_local.get(&local).into_iter().flatten());
                all.extend(&self.grants.vague);
            }
            Some(None) => {
                all.extend(self.grants.by_local.values().flatten());
                all.extend(&self.grants.vague);
            }
            None => {}
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A grant of today that lets its member act as a service account.
pub(super) fn lets_in(trust: &Trust) -> bool {
    matches!(&trust.gate, Gate::GoogleMember { role, .. } if impersonates(role)) && !trust.gate.has_ended()
}

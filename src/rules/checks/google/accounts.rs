//! Service accounts by their address, and who is bound to them: a scan may have ten thousand of both.

use super::Context;
use super::impersonation::{CREATOR, above, is_role, member_and_role};
use crate::graph::{GoogleLevel, IdentityId, IdentityKind, Signing, Trust};
use crate::partial::{Text, cut};
use std::collections::{BTreeMap, BTreeSet};

/// The accounts of a scan.
pub(super) struct Accounts<'a> {
    context: &'a Context<'a>,
    by_email: BTreeMap<String, Vec<IdentityId>>,
    /// Those whose project is not known, by what stands before the `@`.
    open: BTreeMap<String, Vec<IdentityId>>,
    /// Those whose address is not known, by what stands before the `@`; none where that is not known either.
    vague: BTreeMap<Option<String>, Vec<IdentityId>>,
    /// The members of a role that signs, or may be one, granted on an account, and those on what is above accounts.
    creators: BTreeMap<IdentityId, BTreeMap<String, Vec<usize>>>,
    creators_above: BTreeMap<String, Vec<usize>>,
    /// The grants above accounts.
    pub(super) above: Vec<usize>,
    /// The first signature as an account.
    signings: BTreeMap<IdentityId, &'a Signing>,
}

/// What stands before the `@` of an address, where it is written.
fn local(email: &Text) -> Option<String> {
    cut::split_once(email, "@").and_then(|(local, _)| local.as_known())
}

impl<'a> Accounts<'a> {
    pub(super) fn new(context: &'a Context<'a>) -> Self {
        let mut out = Self {
            context,
            by_email: BTreeMap::new(),
            open: BTreeMap::new(),
            vague: BTreeMap::new(),
            creators: BTreeMap::new(),
            creators_above: BTreeMap::new(),
            above: Vec::new(),
            signings: BTreeMap::new(),
        };
        for (index, identity) in context.graph.identities.iter().enumerate() {
            let IdentityKind::GoogleServiceAccount { email } = &identity.kind else { continue };
            let id = IdentityId(u32::try_from(index).unwrap_or(u32::MAX));
            out.by_email.entry(cut::key(email)).or_default().push(id);
            if let Some((local, domain)) = cut::split_once(email, "@")
                && !domain.is_known()
            {
                out.open.entry(cut::key(&local)).or_default().push(id);
            }
            if !email.is_known() {
                out.vague.entry(local(email)).or_default().push(id);
            }
        }
        for (index, trust) in context.graph.trusts.iter().enumerate() {
            out.trust(index, trust);
        }
        for signing in &context.graph.signings {
            for id in out.of(&signing.account) {
                out.signings.entry(id).or_insert(signing);
            }
        }
        out
    }

    fn trust(&mut self, index: usize, trust: &Trust) {
        let identity = self.context.graph.identity(trust.identity);
        let wide = matches!(identity.map(|i| &i.kind), Some(IdentityKind::GoogleResource { level, .. }) if *level != GoogleLevel::Resource);
        if wide {
            self.above.push(index);
        }
        // A role that cannot be read may be the one.
        let Some((member, _)) = member_and_role(trust).filter(|(_, role)| is_role(role, CREATOR) || !role.is_known()) else { return };
        self.creators.entry(trust.identity).or_default().entry(cut::key(member)).or_default().push(index);
        if identity.is_some_and(|i| above(i).is_some()) {
            self.creators_above.entry(cut::key(member)).or_default().push(index);
        }
    }

    /// The service accounts of this e-mail; with an unknown project, the only one of this name.
    pub(super) fn of(&self, email: &Text) -> Vec<IdentityId> {
        if let Some(exact) = self.by_email.get(&cut::key(email)) {
            return exact.clone();
        }
        let near = cut::split_once(email, "@").and_then(|(local, _)| self.open.get(&cut::key(&local)));
        near.filter(|ids| ids.len() == 1).cloned().unwrap_or_default()
    }

    /// Those that may be the account of this e-mail because theirs is not known: which one a `for_each` over unknown names makes.
    pub(super) fn may_be(&self, email: &Text) -> Vec<IdentityId> {
        match local(email) {
            None => self.vague.values().flatten().copied().collect(),
            own => [own, None].iter().filter_map(|name| self.vague.get(name)).flatten().copied().collect(),
        }
    }

    /// Another grant than this one lets the member sign as the identity: on it, or above it.
    pub(super) fn may_sign(&self, index: usize, identity: IdentityId, member: &Text) -> bool {
        let member = cut::key(member);
        let on_it = self.creators.get(&identity).and_then(|rows| rows.get(&member));
        on_it.into_iter().chain(self.creators_above.get(&member)).flatten().any(|other| *other != index)
    }

    /// Where the scan signs as the account.
    pub(super) fn signing(&self, account: IdentityId) -> Option<&'a Signing> {
        self.signings.get(&account).copied()
    }

    /// The grants on any of these identities, and those above accounts.
    pub(super) fn grants(&self, ids: &BTreeSet<IdentityId>) -> impl Iterator<Item = &'a Trust> {
        let links = self.context.links;
        let on_them = ids.iter().flat_map(|id| links.identity_trusts.get(id.index()).into_iter().flatten()).map(|id| id.index());
        on_them.chain(self.above.iter().copied()).filter_map(|index| self.context.graph.trusts.get(index))
    }
}

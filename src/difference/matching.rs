//! Which identity of one state is which of the other: by what it is, not by where it is written.

use super::State;
use super::decide::canonical;
use super::ways::{All, Ways};
use crate::graph::addresses::account_of_arn;
use crate::graph::{Identity, IdentityId, IdentityKind};
use std::collections::BTreeSet;

/// A pair; one side is none where the identity is not there.
type Pair = (Option<IdentityId>, Option<IdentityId>);

/// What one of them is called is not known.
fn unsure(a: &Known<'_>, b: &Known<'_>) -> bool {
    !a.whole || !b.whole
}

/// What an identity is called, where that is known whole.
pub(super) fn known_name(identity: &Identity) -> Option<String> {
    match &identity.kind {
        IdentityKind::AwsRole { name, arn, .. } => {
            let of_arn = || arn.as_ref().and_then(|arn| arn.as_known()?.rsplit('/').next().map(str::to_owned));
            name.as_ref().and_then(|name| name.as_known()).or_else(of_arn).map(|name| format!("role {name}"))
        }
        IdentityKind::GoogleServiceAccount { email } => email.as_known(),
        IdentityKind::GoogleResource { what, .. } => Some(what.clone()),
        IdentityKind::AzureIdentity { parent } => parent.as_known(),
    }
}

/// Whether two identities are one.
type Same = dyn Fn(&Known<'_>, &Known<'_>) -> bool;

/// An identity as the other state may know it.
struct Known<'a> {
    id: IdentityId,
    identity: &'a Identity,
    ways: &'a Ways<'a>,
    /// Its kind and name, unknown parts as they are written.
    name: String,
    /// Every part of the name is known.
    whole: bool,
    account: Option<String>,
}

impl<'a> Known<'a> {
    fn new(id: IdentityId, identity: &'a Identity, ways: &'a Ways<'a>) -> Self {
        let (name, whole, account) = match &identity.kind {
            IdentityKind::AwsRole { name, arn, .. } => {
                let account = arn.as_ref().and_then(account_of_arn).and_then(|a| a.as_known()).filter(|a| !a.is_empty());
                let of_arn = || arn.as_ref().and_then(|arn| arn.as_known()?.rsplit('/').next().map(str::to_owned));
                match (name.as_ref().and_then(|n| n.as_known()).or_else(of_arn), name) {
                    (Some(known), _) => (format!("role {known}"), true, account),
                    (None, Some(name)) => (format!("role {name}"), false, account),
                    (None, None) => (format!("role {}", identity.origin.name), false, account),
                }
            }
            IdentityKind::GoogleServiceAccount { email } => (format!("account {email}"), email.is_known(), None),
            IdentityKind::GoogleResource { what, level } => (format!("resource {level:?} {what}"), true, None),
            IdentityKind::AzureIdentity { parent } => (format!("azure {parent}"), parent.is_known(), None),
        };
        Self { id, identity, ways, name, whole, account }
    }

    fn may_be(&self, other: &Self) -> bool {
        let same_kind = std::mem::discriminant(&self.identity.kind) == std::mem::discriminant(&other.identity.kind);
        let accounts = self.account.is_none() || other.account.is_none() || self.account == other.account;
        same_kind && accounts
    }

    /// How near two identities of one name are written: of several, the nearest is meant.
    fn near(&self, other: &Self) -> usize {
        let (a, b) = (&self.identity.origin, &other.identity.origin);
        usize::from(self.account.is_some() && self.account == other.account) * 8
            + usize::from(a.scope == b.scope) * 4
            + usize::from(a.name == b.name) * 2
            + usize::from(self.gates() == other.gates())
    }

    /// Everything that its trusts ask, as text.
    fn gates(&self) -> BTreeSet<String> {
        self.ways.decided.iter().map(|way| format!("{} {}", way.key, canonical(&way.formula))).collect()
    }
}

pub(super) fn pairs(before: &State<'_>, old: &All<'_>, after: &State<'_>, new: &All<'_>) -> Vec<Pair> {
    let known = |state: &State<'_>, all: &'_ All<'_>| -> Vec<IdentityId> {
        all.keys().filter(|id| state.side.estate.graph.identity(**id).is_some()).copied().collect()
    };
    let (old_ids, new_ids) = (known(before, old), known(after, new));
    let one = |id: &IdentityId| Some(Known::new(*id, before.side.estate.graph.identity(*id)?, old.get(id)?));
    let other = |id: &IdentityId| Some(Known::new(*id, after.side.estate.graph.identity(*id)?, new.get(id)?));
    let mut left: Vec<Known<'_>> = old_ids.iter().filter_map(one).collect();
    let mut right: Vec<Known<'_>> = new_ids.iter().filter_map(other).collect();
    let mut out = Vec::new();
    let rules: [&Same; 4] = [
        &|a, b| a.name == b.name,
        // Where a name is not known, the declaration says which is meant, and then what is asked.
        &|a, b| unsure(a, b) && a.identity.origin.scope == b.identity.origin.scope && a.identity.origin.name == b.identity.origin.name,
        &|a, b| unsure(a, b) && a.identity.origin.name == b.identity.origin.name,
        &|a, b| unsure(a, b) && !a.gates().is_empty() && a.gates() == b.gates(),
    ];
    for same in rules {
        matched(&mut left, &mut right, same, &mut out);
    }
    out.extend(left.iter().map(|k| (Some(k.id), None)));
    out.extend(right.iter().map(|k| (None, Some(k.id))));
    out
}

fn matched(left: &mut Vec<Known<'_>>, right: &mut Vec<Known<'_>>, same: &Same, out: &mut Vec<Pair>) {
    let mut candidates: Vec<(usize, usize, usize)> = Vec::new();
    for (i, a) in left.iter().enumerate() {
        let fits = right.iter().enumerate().filter(|(_, b)| a.may_be(b) && same(a, b));
        candidates.extend(fits.map(|(j, b)| (usize::MAX - a.near(b), i, j)));
    }
    candidates.sort_unstable();
    let (mut done_left, mut done_right) = (BTreeSet::new(), BTreeSet::new());
    for (_, i, j) in candidates {
        if done_left.contains(&i) || done_right.contains(&j) {
            continue;
        }
        done_left.insert(i);
        done_right.insert(j);
        out.push((left.get(i).map(|k| k.id), right.get(j).map(|k| k.id)));
    }
    let mut at = 0..;
    left.retain(|_| at.next().is_none_or(|i| !done_left.contains(&i)));
    let mut at = 0..;
    right.retain(|_| at.next().is_none_or(|j| !done_right.contains(&j)));
}

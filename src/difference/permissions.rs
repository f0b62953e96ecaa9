//! What identities may do, as a list that two states can be compared by.

use super::State;
use super::ways::Ways;
use std::collections::BTreeSet;

/// The permissions of an identity with what they are on, where that is known: a name of Terraform says nothing by itself.
pub(super) fn of(state: &State<'_>, ways: &Ways<'_>) -> BTreeSet<String> {
    let Some(identity) = ways.identity else { return BTreeSet::new() };
    let own = state.side.estate.graph.grants.iter().filter(|grant| grant.identity == Some(identity));
    let mut out = BTreeSet::new();
    for grant in own {
        let known = grant.scope.iter().chain(&grant.others).filter_map(|scope| scope.as_known());
        let on: BTreeSet<String> = known.collect();
        if on.is_empty() {
            out.insert(grant.permission.to_string());
        }
        out.extend(on.into_iter().map(|on| format!("{} on {on}", grant.permission)));
    }
    out
}

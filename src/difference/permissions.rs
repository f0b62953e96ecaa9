//! What identities may do, as lists that two states can be compared by.

use super::State;
use super::ways::Ways;
use crate::graph::Reach;
use crate::partial::cut;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked beside a permission, all of it; nothing is asked of one that holds always.
type Asked = BTreeSet<String>;

/// The permissions of an identity with what they are on, and under which conditions they hold.
#[derive(Default)]
pub(super) struct Permissions(BTreeMap<String, BTreeSet<Asked>>);

impl Permissions {
    /// Of what is known: a name of Terraform says nothing by itself.
    pub(super) fn of(state: &State<'_>, ways: &Ways<'_>) -> Self {
        let mut out = Self::default();
        let Some(identity) = ways.identity else { return out };
        let graph = &state.side.estate.graph;
        for grant in graph.grants.iter().filter(|grant| grant.identity == Some(identity)) {
            let known = grant.scope.iter().chain(&grant.others).filter_map(|scope| scope.as_known());
            let on: BTreeSet<String> = known.collect();
            let asked: Asked = grant.asks.iter().map(cut::flat).collect();
            if on.is_empty() {
                out.add(grant.permission.to_string(), asked.clone());
            }
            for on in on {
                out.add(format!("{} on {on}", grant.permission), asked.clone());
            }
        }
        for grant in graph.role_grants.iter().filter(|grant| grant.identity == identity) {
            let on = match grant.reach {
                Reach::Tenant => " on the tenant",
                Reach::ManagementGroup => " on a management group",
                Reach::Subscription => " on a subscription",
                Reach::Below => " below a subscription",
                Reach::Unknown => "",
            };
            out.add(format!("{}{on}", grant.role), Asked::new());
        }
        out
    }

    fn add(&mut self, permission: String, asked: Asked) {
        self.0.entry(permission).or_default().insert(asked);
    }

    /// What is permitted here and not there: a permission that holds there under the same conditions, or under fewer, is not new.
    pub(super) fn beyond(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for (permission, all) in &self.0 {
            let there = other.0.get(permission);
            for asked in all.iter().filter(|asked| !there.is_some_and(|known| known.iter().any(|fewer| fewer.is_subset(asked)))) {
                let tests = asked.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
                out.push(if tests.is_empty() { permission.clone() } else { format!("{permission} if {tests}") });
            }
        }
        out
    }
}

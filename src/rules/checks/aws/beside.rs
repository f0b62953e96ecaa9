//! What stands beside a role's trust in the scan, by the trust: keys that Terraform drops, roles of pods. A scan may have ten thousand of
//! each.

use super::actions::trusts_pods;
use crate::admission::iam;
use crate::graph::addresses;
use crate::graph::{DuplicateKey, Gate, Graph, IdentityKind, Trust};
use crate::partial::Text;
use crate::place::FileId;
use std::collections::BTreeMap;

/// The neighbours.
pub(in crate::rules::checks) struct Beside<'a> {
    graph: &'a Graph,
    /// The entries that stay of keys that are there twice, with a condition of the trust in them; by the index of the trust.
    lost: BTreeMap<usize, Vec<usize>>,
    /// The first trust of each role that EKS Pod Identity gives out, by evaluation and ARN.
    pods: BTreeMap<(&'a str, String), Vec<usize>>,
}

impl<'a> Beside<'a> {
    pub(super) fn of(graph: &'a Graph) -> Self {
        let mut pods: BTreeMap<(&str, String), Vec<usize>> = BTreeMap::new();
        for (index, trust) in graph.trusts.iter().enumerate().filter(|(_, trust)| trusts_pods(trust)) {
            if let Some(arn) = arn(graph, trust) {
                pods.entry((trust.origin.scope.as_str(), addresses::role_key(arn))).or_default().push(index);
            }
        }
        Self { graph, lost: lost(graph), pods }
    }

    /// Keys of the trust's conditions that are there twice.
    pub(super) fn lost(&self, trust: usize) -> impl Iterator<Item = &'a DuplicateKey> {
        let graph = self.graph;
        self.lost.get(&trust).into_iter().flatten().filter_map(move |index| graph.duplicates.get(*index))
    }

    /// The trust of a role of pods that this ARN names in an evaluation.
    pub(super) fn of_pods(&self, scope: &'a str, named: &Text) -> Option<&'a Trust> {
        let graph = self.graph;
        let all = self.pods.get(&(scope, addresses::role_key(named))).into_iter().flatten();
        let mut all = all.filter_map(|index| graph.trusts.get(*index));
        all.find(|trust| arn(graph, trust).is_some_and(|arn| addresses::same_role(arn, named)))
    }
}

fn arn<'g>(graph: &'g Graph, trust: &Trust) -> Option<&'g Text> {
    match graph.identity(trust.identity).map(|identity| &identity.kind) {
        Some(IdentityKind::AwsRole { arn, .. }) => arn.as_ref(),
        _ => None,
    }
}

/// For each trust the duplicates that one of its conditions stands in, in their order.
fn lost(graph: &Graph) -> BTreeMap<usize, Vec<usize>> {
    let of_conditions: Vec<usize> = graph
        .duplicates
        .iter()
        .enumerate()
        .filter(|(_, d)| iam::Operator::parse(&d.key).is_some() || d.key.contains(':'))
        .map(|(index, _)| index)
        .collect();
    let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    if of_conditions.is_empty() {
        return out;
    }
    // what begins in an entry and ends in it, by where it begins
    let mut places: BTreeMap<(FileId, u32), Vec<(u32, usize)>> = BTreeMap::new();
    for (index, trust) in graph.trusts.iter().enumerate() {
        let Gate::AwsPolicy(policy) = &trust.gate else { continue };
        for condition in policy.statements.iter().flat_map(|s| &s.conditions) {
            if let Some(span) = condition.span.or_else(|| condition.key.span()) {
                places.entry((span.file, span.start)).or_default().push((span.end, index));
            }
        }
    }
    for duplicate in of_conditions {
        let Some(kept) = graph.duplicates.get(duplicate).map(|d| d.kept) else { continue };
        for (_, inside) in places.range((kept.file, kept.start)..=(kept.file, kept.end)) {
            for (_, trust) in inside.iter().filter(|(end, _)| *end <= kept.end) {
                let row = out.entry(*trust).or_default();
                if row.last() != Some(&duplicate) {
                    row.push(duplicate);
                }
            }
        }
    }
    out
}

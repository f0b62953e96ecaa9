//! Which findings are about which nodes of the picture.

use super::super::Run;
use super::super::overview::{Node, NodeKind, Overview};
use crate::catalogue::Severity;
use crate::place::Span;
use crate::rules::Finding;
use std::collections::HashMap;

#[derive(Default)]
pub(super) struct Marks {
    /// The node of each finding.
    nodes: Vec<Option<usize>>,
    systems: Vec<Option<&'static str>>,
    /// The findings of each node.
    pub(super) findings: Vec<Vec<usize>>,
}

impl Marks {
    pub(super) fn of(run: &Run, overview: &Overview) -> Self {
        let mut by_span: HashMap<Span, usize> = HashMap::new();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (at, node) in overview.nodes.iter().enumerate() {
            if matches!(node.kind, NodeKind::Identity | NodeKind::Provider | NodeKind::Workload) {
                by_name.entry(&node.label).or_insert(at);
                by_span.extend(node.span.map(|span| (span, at)));
            }
        }
        let find = |finding: &Finding| {
            let declared = finding.declared.and_then(|span| by_span.get(&span));
            // Two instances of one block have one span: the name says which is meant.
            let named = finding.identity.as_deref().and_then(|name| by_name.get(name));
            let same = |node: &usize| overview.nodes.get(*node).is_some_and(|n| finding.declared.is_none() || n.span == finding.declared);
            named.filter(|node| same(node)).or(declared).copied()
        };
        let nodes: Vec<Option<usize>> = run.findings.iter().map(find).collect();
        let mut findings = vec![Vec::new(); overview.nodes.len()];
        for (at, node) in nodes.iter().enumerate() {
            if let Some(row) = node.and_then(|node| findings.get_mut(node)) {
                row.push(at);
            }
        }
        // What a job or a pod is told is a matter of both sides: the rule says of which.
        let cloud = |node: &Node| (node.kind != NodeKind::Workload).then(|| system(node.system));
        let systems = nodes.iter().map(|node| node.and_then(|at| overview.nodes.get(at)).and_then(cloud)).collect();
        Self { nodes, systems, findings }
    }

    pub(super) fn node(&self, finding: usize) -> Option<usize> {
        self.nodes.get(finding).copied().flatten()
    }

    pub(super) fn system(&self, finding: usize) -> Option<&'static str> {
        self.systems.get(finding).copied().flatten()
    }

    /// The worst severity of a node's findings.
    pub(super) fn worst(&self, run: &Run, node: usize) -> Option<Severity> {
        self.findings.get(node)?.iter().filter_map(|at| run.findings.get(*at)).map(|f| f.severity).max()
    }
}

/// A cloud as the rules' files name it.
pub(super) fn system(name: &'static str) -> &'static str {
    if name == "google" { "gcp" } else { name }
}

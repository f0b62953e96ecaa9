//! Identities of nodes that pods can have, and ways to identities that their vendors have given up.

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Legacy, NodeWay};
use crate::rules::Finding;

/// Pods can reach the identity of their node.
pub(super) fn exposed(context: &Context<'_>) -> Vec<Finding> {
    let finding = |node: &crate::graph::NodeIdentity| {
        let (message, help) = match node.way {
            NodeWay::MachineIdentity => (
                "secrets are read with the identity of the virtual machine, which every pod of the node has as well",
                "use workload identity: `clientID` of an identity with a federated credential for this ServiceAccount",
            ),
            NodeWay::InstanceHops => (
                "the metadata service answers requests from pods (more than one hop), so each of them can have the node's role",
                "set the hop limit to 1",
            ),
        };
        Finding::new(RuleId::NodeIdentityExposed, &node.origin, node.span, "node", message).severity(Severity::Low).help(help)
    };
    context.graph.node_identities.iter().map(finding).collect()
}

/// Ways to identities that their vendors have given up.
pub(super) fn legacy(context: &Context<'_>) -> Vec<Finding> {
    let finding = |legacy: &crate::graph::LegacyIdentity| {
        let (message, help) = match legacy.way {
            Legacy::AadPodIdentity => (
                "AAD Pod Identity is given up and archived since 2023: nobody mends it, and a pod that answers first can pose as its broker",
                "use workload identity: a federated credential for the ServiceAccount, its client id as annotation, the label on the pods",
            ),
            Legacy::NodeBroker => (
                "kube2iam and kiam hand out every role that the node can assume: a pod that reaches past the broker has them all",
                "give the ServiceAccount a role (`eks.amazonaws.com/role-arn`, or EKS Pod Identity)",
            ),
        };
        Finding::new(RuleId::LegacyPodIdentity, &legacy.origin, legacy.span, "legacy", message).help(help)
    };
    context.graph.legacy_identities.iter().map(finding).collect()
}

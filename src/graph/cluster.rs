//! GKE clusters and their node pools, as far as workloads get identities from them
//! (<https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity>).

use super::{Origin, Setting};
use crate::partial::Text;

/// A GKE cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Where.
    pub origin: Origin,
    /// Its name.
    pub name: Option<Text>,
    /// Its project, as written.
    pub project: Option<Text>,
    /// An Autopilot cluster, which always has its project's pool; none when that is not known.
    pub autopilot: Option<bool>,
    /// `workload_pool`.
    pub pool: Setting,
}

/// What serves the metadata of the nodes to the pods of a node pool (`workload_metadata_config`).
#[derive(Debug, Clone)]
pub struct NodeMetadata {
    /// The cluster's or node pool's declaration.
    pub origin: Origin,
    /// `mode`.
    pub mode: Text,
}

//! AKS clusters, and what they offer their workloads.
//! <https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs/resources/kubernetes_cluster>

use crate::graph::{AksCluster, Switch};
use crate::partial::Value;
use crate::readers::context::{Reader, origin};
use crate::readers::shape::{field, place};
use crate::terraform::{Mode, Resource};

/// One resource.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode == Mode::Managed && resource.kind == "azurerm_kubernetes_cluster" {
        let switch = |key: &str| switch(&resource.body, key);
        let (issuer, workload_identity) = (switch("oidc_issuer_enabled"), switch("workload_identity_enabled"));
        reader.graph.aks_clusters.push(AksCluster { origin: origin(resource), issuer, workload_identity });
    }
}

fn switch(body: &Value, key: &str) -> Switch {
    match field(body, key) {
        Some(value) => match value.as_bool() {
            Some(true) => Switch::On,
            Some(false) => Switch::Off(place(value)),
            None => Switch::Unknown,
        },
        None if body.is_open() => Switch::Unknown,
        None => Switch::Absent,
    }
}

//! GKE clusters and node pools: of Terraform, of `gcloud container clusters describe`, of Config Connector
//! (<https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters>).

use super::super::context::{Object, Reader, origin};
use super::super::shape::{any_field, blocks, field, known_at, setting, text, text_at};
use crate::graph::{Cluster, NodeMetadata, Origin, Setting};
use crate::partial::{Text, Value, cut};
use crate::terraform::{Mode, Resource};

/// The names that one dialect gives to the settings.
struct Names {
    identity: &'static str,
    pool: &'static [&'static str],
    node: &'static str,
    metadata: &'static str,
}

const SNAKE: Names = Names {
    identity: "workload_identity_config",
    // The second is the name in old versions of the provider.
    pool: &["workload_pool", "identity_namespace"],
    node: "node_config",
    metadata: "workload_metadata_config",
};
const CONNECTOR: Names = Names {
    identity: "workloadIdentityConfig",
    pool: &["workloadPool", "identityNamespace"],
    node: "nodeConfig",
    metadata: "workloadMetadataConfig",
};
const CAMEL: Names = Names { node: "config", ..CONNECTOR };

/// `google_container_cluster` and `google_container_node_pool`.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    let body = &resource.body;
    match resource.kind.as_str() {
        "google_container_cluster" if resource.mode == Mode::Managed => {
            let autopilot = truth(body.get("enable_autopilot"), body.is_open());
            let pool = pool(body, &SNAKE);
            let at = origin(resource);
            nodes(reader, &at, body, &SNAKE);
            for block in blocks(body, "node_pool").0 {
                nodes(reader, &at, block, &SNAKE);
            }
            reader.graph.clusters.push(Cluster {
                origin: at,
                name: text_at(body, "name"),
                project: text_at(body, "project"),
                autopilot,
                pool,
            });
        }
        "google_container_node_pool" if resource.mode == Mode::Managed => nodes(reader, &origin(resource), body, &SNAKE),
        _ => {}
    }
}

/// A described cluster, or an object of Config Connector.
pub(in crate::readers) fn document(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if field(value, "apiVersion").is_some() {
        connector(reader, object);
        return;
    }
    let Some(link) = text_at(value, "selfLink").filter(|_| any_field(value, &["currentMasterVersion", "nodePools"]).is_some()) else {
        return;
    };
    let Some((_, rest)) = cut::split_once(&link, "/projects/").filter(|_| cut::flat(&link).contains("/clusters/")) else { return };
    let project = cut::split_once(&rest, "/").map(|(project, _)| project);
    let at = object.origin(link.to_string());
    let autopilot = field(value, "autopilot").map_or(Some(false), |a| truth(a.get("enabled"), a.is_open()));
    for block in blocks(value, "nodePools").0 {
        nodes(reader, &at, block, &CAMEL);
    }
    reader.graph.clusters.push(Cluster { origin: at, name: text_at(value, "name"), project, autopilot, pool: pool(value, &CAMEL) });
}

/// <https://cloud.google.com/config-connector/docs/reference/resource-docs/container/containercluster>
fn connector(reader: &mut Reader, object: &Object) {
    if !known_at(object.value, "apiVersion").is_some_and(|v| v.starts_with("container.cnrm.cloud.google.com/")) {
        return;
    }
    let Some(spec) = field(object.value, "spec") else { return };
    let kind = known_at(object.value, "kind").unwrap_or_default();
    let name = text(object.value.at(&["metadata", "name"])).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let at = object.origin(format!("{kind} {name}"));
    nodes(reader, &at, spec, &CONNECTOR);
    if kind == "ContainerCluster" {
        let autopilot = truth(spec.get("enableAutopilot"), spec.is_open());
        let project = super::connector::project(object, spec);
        reader.graph.clusters.push(Cluster {
            origin: at,
            name: text(object.value.at(&["metadata", "name"])),
            project,
            autopilot,
            pool: pool(spec, &CONNECTOR),
        });
    }
}

fn truth(value: Option<&Value>, open: bool) -> Option<bool> {
    match value.filter(|v| !v.is_null()) {
        Some(value) => value.as_bool(),
        None => (!open).then_some(false),
    }
}

fn pool(body: &Value, names: &Names) -> Setting {
    let Some(block) = super::block(body, names.identity) else { return setting(None, body.is_open(), names.identity) };
    let written = any_field(block, names.pool);
    // A block without a pool is not read wholly.
    setting(written, written.is_none() || block.is_open(), names.identity)
}

/// How a node pool serves metadata.
fn nodes(reader: &mut Reader, origin: &Origin, body: &Value, names: &Names) {
    let config = super::block(body, names.node).and_then(|node| super::block(node, names.metadata));
    let Some(mode): Option<Text> = config.and_then(|c| text(any_field(c, &["mode", "node_metadata", "nodeMetadata"]))) else { return };
    reader.graph.node_metadata.push(NodeMetadata { origin: origin.clone(), mode });
}

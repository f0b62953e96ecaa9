//! Ways to identities that their vendors have given up, and ways to the identity of the node.

use super::pods::pod_path;
use crate::graph::{Legacy, LegacyIdentity, NodeIdentity, NodeWay};
use crate::partial::Value;
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{field, known_at, number, place, text};

/// Reads an object.
pub(super) fn read(reader: &mut Reader, object: &Object, kind: &str) {
    let value = object.value;
    let api = known_at(value, "apiVersion").unwrap_or_default();
    let group = api.split('/').next().unwrap_or_default();
    let name = text(value.at(&["metadata", "name"])).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let origin = object.origin(format!("{kind} {name}"));
    let mut legacy = |way: Legacy, at: Option<&Value>| {
        reader.graph.legacy_identities.push(LegacyIdentity { origin: origin.clone(), way, span: at.and_then(place) });
    };
    match (group, kind) {
        ("aadpodidentity.k8s.io", "AzureIdentity") => legacy(Legacy::AadPodIdentity, field(value, "kind")),
        ("secrets-store.csi.x-k8s.io", "SecretProviderClass") => {
            let azure = value.at(&["spec", "provider"]).and_then(Value::as_str).as_deref() == Some("azure");
            let on = |key: &str| value.at(&["spec", "parameters", key]).filter(|v| azure && v.as_bool() == Some(true));
            if let Some(at) = on("usePodIdentity") {
                legacy(Legacy::AadPodIdentity, Some(at));
            }
            if let Some(at) = on("useVMManagedIdentity") {
                reader.graph.node_identities.push(NodeIdentity { origin, way: NodeWay::MachineIdentity, span: place(at) });
            }
        }
        ("external-secrets.io", "SecretStore" | "ClusterSecretStore") => {
            let kind = value.at(&["spec", "provider", "azurekv", "authType"]);
            if kind.and_then(Value::as_str).as_deref() == Some("ManagedIdentity") {
                legacy(Legacy::AadPodIdentity, kind);
            }
        }
        ("karpenter.k8s.aws", "EC2NodeClass") => {
            let hops = value.at(&["spec", "metadataOptions", "httpPutResponseHopLimit"]);
            if number(hops).is_some_and(|h| h > 1) {
                reader.graph.node_identities.push(NodeIdentity { origin, way: NodeWay::InstanceHops, span: hops.and_then(place) });
            }
        }
        _ => {
            let Some(template) = pod_path(kind).and_then(<[&str]>::split_last).and_then(|(_, path)| value.at(path)) else { return };
            if let Some(label) = template.at(&["metadata", "labels", "aadpodidbinding"]) {
                legacy(Legacy::AadPodIdentity, Some(label));
            }
            if let Some(role) = template.at(&["metadata", "annotations", "iam.amazonaws.com/role"]) {
                legacy(Legacy::NodeBroker, Some(role));
            }
        }
    }
}

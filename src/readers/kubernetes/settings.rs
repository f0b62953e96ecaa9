//! The settings of pods that have to do with identities.

use super::pods::{pod_path, pod_spec};
use crate::graph::{PodSettings, ProjectedToken, UseLabel};
use crate::partial::{Kind, Value};
use crate::readers::context::Object;
use crate::readers::shape::{blocks, field, known_at, place, seconds, text, text_at};

/// The label that the webhook of AKS looks for.
pub(super) const USE: &str = "azure.workload.identity/use";

/// Namespaces whose pods the webhook of AKS leaves alone.
const SYSTEM: [&str; 2] = ["kube-system", "gatekeeper-system"];

/// Reads the settings of the pods that an object makes.
pub(super) fn read(object: &Object, kind: &str) -> PodSettings {
    let value = object.value;
    let Some(spec) = pod_spec(value, kind) else { return PodSettings::default() };
    let template = template(value, kind);
    let labels = template.and_then(|t| t.at(&["metadata", "labels"]));
    let containers: Vec<&Value> = ["initContainers", "containers"].iter().flat_map(|list| blocks(spec, list).0).collect();
    let variables = containers.iter().flat_map(|c| blocks(c, "env").0);
    let told_client = variables.into_iter().any(|v| known_at(v, "name").as_deref() == Some("AZURE_CLIENT_ID"));
    let volumes = blocks(spec, "volumes").0;
    let driver = |v: &&Value| v.get("csi").and_then(|c| known_at(c, "driver")).as_deref() == Some("secrets-store.csi.k8s.io");
    let namespace = text(value.at(&["metadata", "namespace"])).and_then(|t| t.as_known());
    let own = value.at(&["metadata", "labels", USE]).filter(|v| !v.is_null());
    PodSettings {
        label: label(labels),
        label_of_maker: own.filter(|_| kind != "Pod").and_then(place),
        labelled: template.is_some(),
        told_client,
        secrets_store: volumes.iter().any(driver),
        tokens: volumes.iter().flat_map(|v| tokens(v, spec)).collect(),
        system: namespace.is_some_and(|n| SYSTEM.contains(&n.as_str())),
        open: object.open || object.templated || spec.is_open() || template.is_some_and(Value::is_open),
    }
}

/// What the pods are made from; none for kinds that give their pods labels in other ways.
fn template<'v>(value: &'v Value, kind: &str) -> Option<&'v Value> {
    let plain = matches!(
        kind,
        "Pod"
            | "Deployment"
            | "StatefulSet"
            | "DaemonSet"
            | "ReplicaSet"
            | "ReplicationController"
            | "Job"
            | "CronJob"
            | "DeploymentConfig"
    );
    let path = pod_path(kind).filter(|_| plain)?;
    value.at(path.split_last()?.1)
}

/// The label among others.
pub(super) fn label(labels: Option<&Value>) -> UseLabel {
    let Some(labels) = labels.filter(|l| !l.is_null()) else { return UseLabel::Absent };
    match labels.get(USE) {
        Some(value) => match &value.kind {
            Kind::Bool(_) | Kind::Number(_) => UseLabel::NotText(place(value)),
            Kind::Text(text) => match text.as_known().as_deref() {
                Some("true") => UseLabel::On(place(value)),
                Some(_) => UseLabel::Other(text.clone()),
                None => UseLabel::Unknown,
            },
            Kind::Null => UseLabel::Absent,
            _ => UseLabel::Unknown,
        },
        None if labels.is_open() => UseLabel::Unknown,
        None => UseLabel::Absent,
    }
}

/// The tokens of a volume, and the files that the containers of a pod find them in
/// (<https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken>).
fn tokens(volume: &Value, spec: &Value) -> Vec<ProjectedToken> {
    let Some(projected) = field(volume, "projected") else { return Vec::new() };
    let sources = blocks(projected, "sources").0;
    let tokens = sources.into_iter().filter_map(|s| field(s, "serviceAccountToken"));
    let folders = mounts(volume, spec);
    let files = |token: &Value| -> Vec<String> {
        let Some(name) = known_at(token, "path") else { return Vec::new() };
        folders.iter().map(|folder| format!("{}/{name}", folder.trim_end_matches('/'))).collect()
    };
    let token =
        |t: &Value| ProjectedToken { audience: text_at(t, "audience"), seconds: seconds(field(t, "expirationSeconds")), files: files(t) };
    tokens.map(token).collect()
}

/// Where the containers mount a volume.
fn mounts(volume: &Value, spec: &Value) -> Vec<String> {
    let Some(name) = known_at(volume, "name") else { return Vec::new() };
    let mut out = Vec::new();
    for container in ["containers", "initContainers"].into_iter().flat_map(|key| blocks(spec, key).0) {
        let own = blocks(container, "volumeMounts").0.into_iter().filter(|m| known_at(m, "name").as_deref() == Some(name.as_str()));
        out.extend(own.filter_map(|m| known_at(m, "mountPath")));
    }
    out
}

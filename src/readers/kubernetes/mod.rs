//! Kubernetes manifests: ServiceAccounts with the identities that their annotations name, and the pods that run as them.

pub(super) mod kustomize;

use super::context::{Object, Reader, origin};
use super::shape::{any_field, blocks, field, known_at, place, text, text_at};
use crate::graph::{About, Origin, UndecidedKind, Workload, WorkloadKind, pieces};
use crate::partial::{Text, Value};
use crate::terraform::{Mode, Resource};

/// Kinds that hold a template of pods at `spec.template.spec`.
const TEMPLATED: [&str; 9] =
    ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "Rollout", "Service", "DeploymentConfig"];
/// Kinds that name the ServiceAccount at `spec.serviceAccountName`.
const DIRECT: [&str; 5] = ["Pod", "Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "TaskRun"];

/// Reads a manifest.
pub(super) fn document(reader: &mut Reader, object: &Object) {
    let value = object.value;
    let (Some(kind), true) = (known_at(value, "kind"), field(value, "apiVersion").is_some()) else { return };
    if kind == "ServiceAccount" {
        service_account(reader, object);
        return;
    }
    let Some(pods) = pod_spec(value, &kind) else { return };
    let (name, namespace) = names(reader, object);
    let Some(name) = name else { return };
    let account = text(any_field(pods, &["serviceAccountName", "serviceAccount"]));
    let account = account.map(|a| reader.namespaces.get(object.file).map_or(a.clone(), |o| o.rename(&a)));
    let origin = object.origin(shown(&kind, namespace.as_ref(), &name));
    let kind = WorkloadKind::Pods { kind, namespace, name, service_account: account };
    reader.graph.add_workload(Workload { origin, kind });
}

/// Where the pod's settings stand.
fn pod_spec<'v>(value: &'v Value, kind: &str) -> Option<&'v Value> {
    let spec = field(value, "spec")?;
    if TEMPLATED.contains(&kind) {
        return spec.at(&["template", "spec"]);
    }
    match kind {
        "CronJob" => spec.at(&["jobTemplate", "spec", "template", "spec"]),
        "CronWorkflow" => field(spec, "workflowSpec"),
        "PipelineRun" => field(spec, "taskRunTemplate").or(Some(spec)),
        _ => DIRECT.contains(&kind).then_some(spec),
    }
}

fn names(reader: &Reader, object: &Object) -> (Option<Text>, Option<Text>) {
    let metadata = field(object.value, "metadata");
    let name = metadata.and_then(|m| text(any_field(m, &["name", "generateName"])));
    let namespace = metadata.and_then(|m| text_at(m, "namespace"));
    match reader.namespaces.get(object.file) {
        Some(overlay) => (name.map(|n| overlay.rename(&n)), overlay.namespace.clone().or(namespace)),
        None => (name, namespace),
    }
}

fn shown(kind: &str, namespace: Option<&Text>, name: &Text) -> String {
    namespace.map_or_else(|| format!("{kind} {name}"), |n| format!("{kind} {n}/{name}"))
}

fn service_account(reader: &mut Reader, object: &Object) {
    let (name, namespace) = names(reader, object);
    let Some(name) = name else {
        reader.undecided(place(object.value), "a ServiceAccount has no readable name");
        return;
    };
    let annotations = object.value.at(&["metadata", "annotations"]);
    let origin = object.origin(shown("ServiceAccount", namespace.as_ref(), &name));
    add(reader, origin, namespace, name, annotations);
}

fn add(reader: &mut Reader, origin: Origin, namespace: Option<Text>, name: Text, annotations: Option<&Value>) {
    let open = annotations.filter(|a| a.is_open());
    let unknown = open.map(|u| (place(u).or(Some(origin.span)), format!("the annotations of `{}` are not all known", origin.name)));
    let annotation = |key: &str| annotations.and_then(|a| text_at(a, key)).filter(|t| !pieces::is_empty(t));
    let kind = WorkloadKind::ServiceAccount {
        namespace,
        name,
        aws_role: annotation("eks.amazonaws.com/role-arn"),
        aws_audience: annotation("eks.amazonaws.com/audience"),
        google_service_account: annotation("iam.gke.io/gcp-service-account"),
        azure_client: annotation("azure.workload.identity/client-id"),
    };
    let id = reader.graph.add_workload(Workload { origin, kind });
    if let Some((span, why)) = unknown {
        reader.undecided_about(About::Workload(id), UndecidedKind::Annotations, span, why);
    }
}

/// `kubernetes_service_account(_v1)` of Terraform
/// (<https://registry.terraform.io/providers/hashicorp/kubernetes/latest/docs/resources/service_account>).
pub(super) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    match resource.kind.as_str() {
        "kubernetes_service_account"
        | "kubernetes_service_account_v1"
        | "kubernetes_default_service_account"
        | "kubernetes_default_service_account_v1" => {
            let at = origin(resource);
            let (metadata, open) = blocks(&resource.body, "metadata");
            let Some(metadata) = metadata.first().filter(|_| !open) else {
                reader.undecided(Some(at.span), format!("the metadata of `{}` is unknown", at.name));
                return;
            };
            let default = resource.kind.contains("default_service_account").then(|| Text::known("default"));
            // The provider puts what names no namespace into `default`.
            let namespace = text_at(metadata, "namespace").or_else(|| Some(Text::known("default")));
            let Some(name) = text(any_field(metadata, &["name", "generate_name"])).or(default) else {
                reader.undecided(Some(at.span), format!("`{}` has no readable name", at.name));
                return;
            };
            add(reader, at, namespace, name, metadata.get("annotations").filter(|a| !a.is_null()));
        }
        "kubernetes_manifest" => manifest(reader, resource),
        _ => {}
    }
}

/// A manifest in Terraform's `kubernetes_manifest`.
fn manifest(reader: &mut Reader, resource: &Resource) {
    let Some(value) = field(&resource.body, "manifest") else { return };
    let value = value.clone();
    let object = Object { file: &resource.root, value: &value, templated: resource.conditional, whole: false };
    document(reader, &object);
}

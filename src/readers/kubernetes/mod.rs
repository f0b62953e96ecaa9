//! Kubernetes manifests: ServiceAccounts with the identities that their annotations name, and the pods that run as them.

mod deploy;
mod edit;
pub(super) mod kustomize;
mod legacy;
pub(super) mod pods;
mod settings;
mod substitute;

use super::azure;
use super::context::{Object, Reader, origin};
use super::shape::{any_field, blocks, field, known_at, place, text, text_at};
use crate::graph::{
    AWS_ROLE, AZURE_CLIENT, About, GOOGLE_ACCOUNT, IdSink, Misspelt, Origin, UndecidedKind, UseLabel, Workload, WorkloadKind,
};
use crate::partial::{Text, Unknown, UnknownKind, Value, cut};
use crate::terraform::functions::yaml_documents;
use crate::terraform::{Mode, Resource};
use pods::pod_spec;
use substitute::unfilled;

/// Reads a manifest.
pub(super) fn document(reader: &mut Reader, object: &Object) {
    let value = object.value;
    let (Some(kind), true) = (known_at(value, "kind"), field(value, "apiVersion").is_some()) else { return };
    if kind == "ServiceAccount" {
        service_account(reader, object);
        return;
    }
    if !object.templated {
        legacy::read(reader, object, &kind);
    }
    if kind == "DeploymentRuntimeConfig" {
        runtime_config(reader, object);
        return;
    }
    for namespace in deploy::charts(value, &kind) {
        let origin = object.origin(kind.clone());
        reader.graph.add_workload(Workload { origin, kind: WorkloadKind::External { namespace } });
    }
    let Some(pods) = pod_spec(value, &kind) else { return };
    let (name, namespace) = names(object);
    let Some(name) = name else { return };
    let account = text(any_field(pods, &["serviceAccountName", "serviceAccount"])).map(|a| unfilled(&a));
    let host_network = pods.get("hostNetwork").filter(|v| v.as_bool() == Some(true)).and_then(place);
    let origin = object.origin(shown(&kind, namespace.as_ref(), &name));
    let settings = Box::new(settings::read(object, &kind));
    let kind = WorkloadKind::Pods { kind, namespace, service_account: account, host_network, settings };
    reader.graph.add_workload(Workload { origin, kind });
}

/// The settings of the pods that an object makes.
pub(super) fn pods_of(value: &Value) -> Option<&Value> {
    pod_spec(value, &known_at(value, "kind")?)
}

/// How a person names the object that makes pods, its namespace, and the ServiceAccount of the pods; none where it is unknown.
pub(super) fn account_of(object: &Object, pods: &Value) -> (String, Option<Text>, Option<Text>) {
    let (name, namespace) = names(object);
    let kind = known_at(object.value, "kind").unwrap_or_default();
    let shown = shown(&kind, namespace.as_ref(), &name.unwrap_or_default());
    let account = match any_field(pods, &["serviceAccountName", "serviceAccount"]) {
        None if pods.is_open() || object.open => None,
        None => Some(Text::known("default")),
        some => text(some).map(|a| unfilled(&a)),
    };
    (shown, namespace, account)
}

/// What puts objects from outside of the scan into a namespace.
pub(super) fn externals(reader: &mut Reader, written: &[Object], built: &kustomize::Built) {
    for external in &built.externals {
        let Some(object) = written.get(external.source) else { continue };
        let origin = object.origin("Kustomization");
        reader.graph.add_workload(Workload { origin, kind: WorkloadKind::External { namespace: external.namespace.clone() } });
    }
}

fn names(object: &Object) -> (Option<Text>, Option<Text>) {
    let metadata = field(object.value, "metadata");
    let name = metadata.and_then(|m| text(any_field(m, &["name", "generateName"]))).map(|t| unfilled(&t));
    let namespace = metadata.and_then(|m| text_at(m, "namespace")).map(|t| unfilled(&t));
    (name, namespace)
}

fn shown(kind: &str, namespace: Option<&Text>, name: &Text) -> String {
    namespace.map_or_else(|| format!("{kind} {name}"), |n| format!("{kind} {n}/{name}"))
}

fn service_account(reader: &mut Reader, object: &Object) {
    let (name, namespace) = names(object);
    let Some(name) = name else {
        reader.undecided(place(object.value), "a ServiceAccount has no readable name");
        return;
    };
    let annotations = object.value.at(&["metadata", "annotations"]);
    let origin = object.origin(shown("ServiceAccount", namespace.as_ref(), &name));
    let label = settings::label(object.value.at(&["metadata", "labels"]));
    add(reader, origin, (namespace, name), annotations, label, object.open);
}

/// The ServiceAccount that Crossplane makes for a provider
/// (<https://docs.crossplane.io/latest/concepts/providers/#runtime-configuration>).
fn runtime_config(reader: &mut Reader, object: &Object) {
    let Some(template) = object.value.at(&["spec", "serviceAccountTemplate", "metadata"]) else { return };
    let origin = object.origin_at("ServiceAccount of a DeploymentRuntimeConfig", template);
    let made = || Unknown::new(format!("{}|made account", object.file), UnknownKind::Word, "${name}", "Crossplane makes the name", None);
    let name = text_at(template, "name").map_or_else(|| Text::hole(made(), None), |name| unfilled(&name));
    add(reader, origin, (None, name), template.get("annotations"), UseLabel::Unknown, object.open);
}

/// The keys of annotations by which a ServiceAccount gets an identity of a cloud.
const IDENTITY_KEYS: [&str; 3] = [AWS_ROLE, GOOGLE_ACCOUNT, AZURE_CLIENT];

/// The key that a key nearly is: `_` for `-`, other letters, the hyphen left out.
fn meant(key: &str) -> Option<&'static str> {
    let plain = |key: &str| key.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_ascii_lowercase();
    IDENTITY_KEYS.into_iter().find(|known| *known != key && plain(known) == plain(key))
}

/// A ServiceAccount that a tool makes with these annotations.
pub(super) fn made(reader: &mut Reader, origin: Origin, names: (Option<Text>, Text), annotations: &Value, open: bool) {
    add(reader, origin, names, Some(annotations), UseLabel::Unknown, open);
}

/// Adds a ServiceAccount. `open`: there may be annotations that are not written here, or other values of them.
fn add(
    reader: &mut Reader,
    origin: Origin,
    (namespace, name): (Option<Text>, Text),
    annotations: Option<&Value>,
    azure_label: UseLabel,
    open: bool,
) {
    let unknown = annotations.filter(|a| a.is_open());
    let unknown = unknown.map(|u| (place(u).or(Some(origin.span)), format!("the annotations of `{}` are not all known", origin.name)));
    for entry in annotations.map(Value::entries).unwrap_or_default() {
        let known = entry.key.as_known();
        if let Some(meant) = known.as_deref().and_then(meant).filter(|meant| annotations.and_then(|a| a.get(meant)).is_none()) {
            reader.graph.misspelt.push(Misspelt { origin: origin.clone(), key: entry.key.clone(), meant });
        }
    }
    let annotation = |key: &str| annotations.and_then(|a| text_at(a, key)).filter(|t| !cut::is_empty(t)).map(|t| unfilled(&t));
    let key = |known: &'static str| {
        let entry = annotations.map(Value::entries).unwrap_or_default().iter().rev().find(|e| e.key.is_str(known));
        Some((known, entry?.key.span()?))
    };
    let kind = WorkloadKind::ServiceAccount {
        namespace,
        name,
        aws_role: annotation(AWS_ROLE),
        aws_audience: annotation("eks.amazonaws.com/audience"),
        google_service_account: annotation(GOOGLE_ACCOUNT),
        azure_client: annotation(AZURE_CLIENT),
        keys: IDENTITY_KEYS.into_iter().filter_map(key).collect(),
        azure_label,
        open: open || annotations.is_some_and(Value::is_open),
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
            let annotations = metadata.get("annotations").filter(|a| !a.is_null());
            let client = annotations.and_then(|a| field(a, "azure.workload.identity/client-id"));
            azure::ids::note(reader, &at, IdSink::Annotation, client);
            add(reader, at, (namespace, name), annotations, settings::label(metadata.get("labels")), false);
        }
        "kubernetes_manifest" => manifest(reader, resource),
        "kubectl_manifest" => kubectl(reader, resource),
        "helm_release" => {
            // Helm puts a release that names no namespace into `default`.
            let namespace = text_at(&resource.body, "namespace").or_else(|| Some(Text::known("default")));
            reader.graph.add_workload(Workload { origin: origin(resource), kind: WorkloadKind::External { namespace } });
        }
        _ => {}
    }
}

/// A manifest in Terraform's `kubernetes_manifest`.
fn manifest(reader: &mut Reader, resource: &Resource) {
    let Some(value) = field(&resource.body, "manifest") else { return };
    let value = value.clone();
    let object = Object { file: &resource.root, value: &value, templated: resource.conditional, whole: false, open: false };
    document(reader, &object);
}

/// A manifest as YAML in `kubectl_manifest` (<https://registry.terraform.io/providers/alekc/kubectl/latest/docs/resources/kubectl_manifest>).
fn kubectl(reader: &mut Reader, resource: &Resource) {
    let Some(body) = text_at(&resource.body, "yaml_body") else { return };
    let at = origin(resource);
    let Some(documents) = yaml_documents(&body) else {
        reader.undecided(Some(at.span), format!("the manifest of `{}` is not readable YAML", at.name));
        return;
    };
    for value in &documents {
        let object = Object { file: &resource.root, value, templated: resource.conditional, whole: false, open: false };
        document(reader, &object);
    }
}

/// `kubernetes_annotations` changes accounts that others declare: what they say of themselves is not all
/// (<https://registry.terraform.io/providers/hashicorp/kubernetes/latest/docs/resources/annotations>).
pub(super) fn annotate(reader: &mut Reader, resource: &Resource) {
    let accounts = matches!(resource.kind.as_str(), "kubernetes_annotations");
    if !accounts || known_at(&resource.body, "kind").is_some_and(|k| k != "ServiceAccount") {
        return;
    }
    let (metadata, open) = blocks(&resource.body, "metadata");
    let metadata = metadata.first().filter(|_| !open);
    let written = |key: &str| metadata.and_then(|m| text_at(m, key)).and_then(|t| t.as_known());
    let (name, namespace) = (written("name"), written("namespace"));
    let may_be = |own: &Text, other: &Option<String>| match (own.as_known(), other) {
        (Some(own), Some(other)) => own == *other,
        _ => true,
    };
    for workload in &mut reader.graph.workloads {
        if let WorkloadKind::ServiceAccount { namespace: space, name: own, open, .. } = &mut workload.kind {
            *open |= may_be(own, &name) && space.as_ref().is_none_or(|s| may_be(s, &namespace));
        }
    }
}

//! SPIFFE and SPIRE: configuration files, also inside of ConfigMaps and of charts' values, registration entries, the
//! controller manager's resources.

mod agent;
mod chart;
mod controller;
mod discovery;
mod entries;
mod plugins;
mod processes;
mod server;
mod shape;

use super::context::{Object, Reader, origin};
use super::shape::{field, known_at, listing, place};
use crate::graph::Origin;
use crate::graph::spiffe::{Federation, Mesh, Profile, Program, RegistrationSource};
use crate::partial::{Text, Value, cut};
use crate::place::Span;
use crate::source::SourceFile;
use crate::syntax::{hcl, json};
use crate::terraform::functions::yaml_documents;
use crate::terraform::{Mode, Resource};

/// Version of what a script asks `spire-server` for, as a document.
pub(super) const COMMAND: &str = "spire-server";

/// The tree of a configuration file in HCL or JSON; none when the file is no configuration of SPIRE's.
#[must_use]
pub fn config_file(file: &SourceFile) -> Option<Value> {
    let text = Text::literal(&*file.text, Span::new(file.id, 0..file.text.len()));
    let value = config_tree(&text)?;
    is_config(&value).then_some(value)
}

/// HCL or JSON.
fn config_tree(text: &Text) -> Option<Value> {
    if cut::flat(text).trim_start().starts_with('{') {
        return json::parse_text(text, json::Limits::default()).ok();
    }
    Some(hcl::parse_data(text))
}

fn is_config(value: &Value) -> bool {
    let settles = |name: &str, keys: [&str; 3]| shape::section(value, name).is_some_and(|s| keys.iter().any(|key| s.get(key).is_some()));
    let has_plugins = value.get("plugins").is_some();
    settles("server", ["trust_domain", "data_dir", "bind_port"])
        && (has_plugins || settles("server", ["trust_domain", "trust_domain", "ca_ttl"]))
        || settles("agent", ["trust_domain", "server_address", "data_dir"])
        || discovery::is(value)
}

/// Reads a document or object.
pub(super) fn document(reader: &mut Reader, object: &Object) {
    let value = object.value;
    match known_at(value, "kind").as_deref() {
        _ if controller::read(reader, object, value) => {}
        Some("ConfigMap") => config_map(reader, object, field(value, "data")),
        Some("Entry") if known_at(value, "apiVersion").as_deref() == Some(COMMAND) => {
            if let Some(spec) = field(value, "spec") {
                entries::one(reader, object, spec, RegistrationSource::Command);
            }
        }
        Some("Federation") if known_at(value, "apiVersion").as_deref() == Some(COMMAND) => federation(reader, object, value),
        Some("Agent") if known_at(value, "apiVersion").as_deref() == Some(COMMAND) => {
            let arguments = listing(value.get("arguments")).texts;
            processes::process(reader, object.origin("spire-agent"), Program::Agent, None, &arguments);
        }
        Some("HelmRelease" | "HelmChart" | "Application" | "ApplicationSet") => installed(reader, object),
        Some("IstioOperator" | "Istio") => {
            let config = value.at(&["spec", "meshConfig"]).or_else(|| value.at(&["spec", "values", "meshConfig"]));
            mesh(reader, object, config);
        }
        Some(_) if value.get("apiVersion").is_some() => processes::pods(reader, object),
        _ => plain(reader, object),
    }
}

/// A document that is no object of Kubernetes.
fn plain(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if entries::is(value) {
        entries::file(reader, object, value);
    } else if is_config(value) {
        config(reader, &object.origin(object.file_name()), value);
    } else if let Some(releases) = field(value, "releases") {
        // A helmfile with values in it.
        for release in releases.items() {
            for values in release.get("values").map(Value::items).unwrap_or_default() {
                chart::values(reader, &object.origin_at(object.file_name(), values), values);
            }
        }
    } else if let Some(charts) = field(value, "helmCharts") {
        for values in charts.items().iter().filter_map(|c| c.get("valuesInline")) {
            chart::values(reader, &object.origin_at(object.file_name(), values), values);
        }
    } else if !chart::values(reader, &object.origin(object.file_name()), value) {
        processes::compose(reader, object);
    }
}

/// A configuration: of a server, an agent, a discovery provider.
fn config(reader: &mut Reader, origin: &Origin, value: &Value) {
    let value = shape::expanded(value);
    server::read(reader, origin, &value);
    agent::read(reader, origin, &value);
    if discovery::is(&value) {
        discovery::read(reader, origin, &value);
    }
}

fn config_map(reader: &mut Reader, object: &Object, data: Option<&Value>) {
    for entry in data.map(Value::entries).unwrap_or_default() {
        let (name, Some(text)) = (entry.key.to_string(), entry.value.as_text()) else { continue };
        let is = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if is(&[".conf", ".hcl", ".json"]) {
            let Some(tree) = config_tree(&text) else {
                reader.undecided(text.span(), format!("`{name}` of a ConfigMap is not readable"));
                continue;
            };
            let origin = object.origin_at(format!("{name} of the ConfigMap"), &entry.value);
            if is_config(&tree) {
                config(reader, &origin, &tree);
            } else if entries::is(&tree) {
                entries::file(reader, object, &tree);
            }
        } else if name == "mesh" {
            // The configuration of Istio's control plane.
            for tree in yaml_documents(&text).unwrap_or_default() {
                mesh(reader, object, Some(&tree));
            }
        } else if is(&[".yaml", ".yml"])
            && cut::flat(&text).contains("spire.spiffe.io")
            && let Some(documents) = yaml_documents(&text)
        {
            for value in &documents {
                controller::read(reader, object, value);
            }
        }
    }
}

/// The trust domain that a mesh expects.
fn mesh(reader: &mut Reader, object: &Object, config: Option<&Value>) {
    let Some(trust_domain) = config.and_then(|c| shape::text(c, "trustDomain")) else { return };
    reader.graph.spiffe.meshes.push(Mesh { origin: object.origin("meshConfig"), trust_domain });
}

/// `spire-server federation create`.
fn federation(reader: &mut Reader, object: &Object, value: &Value) {
    let Some(spec) = field(value, "spec") else { return };
    let Some(trust_domain) = shape::text(spec, "trustDomain") else { return };
    let kind = shape::text(spec, "profile");
    let profile = match kind.as_ref().and_then(Text::as_known).as_deref() {
        Some("https_web") => Profile::Web,
        Some("https_spiffe") => Profile::Spiffe,
        _ => Profile::Unknown,
    };
    reader.graph.spiffe.federations.push(Federation {
        origin: object.origin(format!("federation with {trust_domain}")),
        trust_domain,
        url: shape::text(spec, "url"),
        profile,
        endpoint_id: shape::setting(spec, "endpointId"),
        profile_span: kind.and_then(|k| k.span()),
        class: None,
    });
}

/// The values of objects that install a chart.
fn installed(reader: &mut Reader, object: &Object) {
    let Some(spec) = field(object.value, "spec") else { return };
    let spec = spec.at(&["template", "spec"]).unwrap_or(spec);
    let mut trees: Vec<Value> = spec.get("values").filter(|v| !v.entries().is_empty()).cloned().into_iter().collect();
    let mut texts = vec![spec.get("valuesContent")];
    let sources = [spec.get("source"), spec.get("sources")].into_iter().flatten();
    for helm in sources.flat_map(Value::items).filter_map(|s| s.get("helm")) {
        trees.extend(helm.get("valuesObject").cloned());
        texts.push(helm.get("values"));
    }
    for text in texts.into_iter().flatten().filter_map(Value::as_text) {
        trees.extend(yaml_documents(&text).unwrap_or_default());
    }
    for tree in &trees {
        let span = place(tree).map(|span| Origin { span, ..object.origin("") });
        chart::values(reader, &span.unwrap_or_else(|| object.origin("")), tree);
    }
}

/// SPIRE in Terraform: charts, manifests and ConfigMaps.
pub(super) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    let at = origin(resource);
    match resource.kind.as_str() {
        "helm_release" => {
            for text in listing(body.get("values")).texts {
                for tree in yaml_documents(&text).unwrap_or_default() {
                    chart::values(reader, &at, &tree);
                }
            }
        }
        "kubernetes_manifest" => {
            if let Some(value) = field(body, "manifest") {
                document(reader, &within(resource, value));
            }
        }
        "kubectl_manifest" => {
            let text = shape::text(body, "yaml_body");
            for value in text.and_then(|t| yaml_documents(&t)).unwrap_or_default() {
                document(reader, &within(resource, &value));
            }
        }
        "kubernetes_config_map" | "kubernetes_config_map_v1" => config_map(reader, &within(resource, body), field(body, "data")),
        _ => {}
    }
}

fn within<'a>(resource: &'a Resource, value: &'a Value) -> Object<'a> {
    Object { file: &resource.root, value, templated: resource.conditional, whole: false, open: false }
}

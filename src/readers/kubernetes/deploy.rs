//! What deploys folders of manifests and adds to them: Flux's `Kustomization`
//! (<https://fluxcd.io/flux/components/kustomize/kustomizations/>) and Argo CD's `Application` and `ApplicationSet`
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/>).

use super::substitute::Variables;
use crate::partial::{Part, Text, Unknown, UnknownKind, Value, cut};
use crate::readers::shape::{field, known_at, text_at};

/// A folder that is deployed.
pub(super) struct Deployment {
    /// The object that says so, by its number.
    pub(super) source: usize,
    /// The folder, as it is written.
    pub(super) path: Text,
    /// Fields as a kustomization has them, which are applied on top.
    pub(super) fields: Value,
    /// The namespace of objects that name none.
    pub(super) namespace: Option<Text>,
    /// Something else may change the objects.
    pub(super) open: bool,
    /// The variables that are filled in afterwards.
    pub(super) variables: Option<Variables>,
}

/// The object deploys a folder.
pub(super) fn deploys(value: &Value) -> bool {
    let (Some(api), Some(kind)) = (known_at(value, "apiVersion"), known_at(value, "kind")) else { return false };
    match api.split('/').next() {
        Some("kustomize.toolkit.fluxcd.io") => kind == "Kustomization",
        Some("argoproj.io") => matches!(kind.as_str(), "Application" | "ApplicationSet"),
        _ => false,
    }
}

/// Reads what an object deploys.
pub(super) fn read(source: usize, _folder: &str, value: &Value, out: &mut Vec<Deployment>) {
    if !deploys(value) {
        return;
    }
    let Some(spec) = field(value, "spec") else { return };
    match known_at(value, "kind").as_deref() {
        Some("Kustomization") => flux(source, spec, out),
        Some("ApplicationSet") => {
            if let Some(spec) = spec.at(&["template", "spec"]) {
                application(source, spec, out);
            }
        }
        _ => application(source, spec, out),
    }
}

fn flux(source: usize, spec: &Value, out: &mut Vec<Deployment>) {
    let path = text_at(spec, "path").unwrap_or_else(|| Text::known("."));
    let variables = field(spec, "postBuild").map(Variables::read);
    out.push(Deployment { source, path, fields: spec.clone(), namespace: None, open: false, variables });
}

fn application(source: usize, spec: &Value, out: &mut Vec<Deployment>) {
    let namespace = spec.get("destination").and_then(|d| text_at(d, "namespace")).map(|t| generated(&t));
    for origin in sources(spec) {
        let Some(path) = text_at(origin, "path") else { continue };
        let fields = origin.get("kustomize").cloned().unwrap_or_else(|| Value::map(Vec::new(), origin.span));
        out.push(Deployment {
            source,
            path: generated(&path),
            fields,
            namespace: namespace.clone(),
            open: origin.get("plugin").is_some(),
            variables: None,
        });
    }
}

/// The sources of an Application.
pub(super) fn sources(spec: &Value) -> Vec<&Value> {
    let mut all: Vec<&Value> = field(spec, "source").into_iter().collect();
    all.extend(field(spec, "sources").map(Value::items).unwrap_or_default());
    all
}

/// What a generator fills in (`{{ path }}`) is unknown.
pub(super) fn generated(text: &Text) -> Text {
    let mut out = Text::default();
    let mut rest = text.clone();
    while let Some((before, after)) = cut::split_once(&rest, "{{") {
        let Some((name, after)) = cut::split_once(&after, "}}") else { break };
        out.push(&before);
        let label = format!("{{{{{name}}}}}");
        let at = name.span().map_or_else(String::new, |s| format!("{}:{}", s.file.0, s.start));
        let atom = Unknown::new(format!("|generated {label} {at}"), UnknownKind::Any, label, "a generator fills it in", name.span());
        out.push(&Text::hole(atom, name.span()));
        rest = after;
    }
    out.push(&rest);
    // An empty literal before or behind a hole says nothing.
    if out.parts.len() > 1 {
        out.parts.retain(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty()));
    }
    out
}

/// The namespaces into which an object puts a chart: Flux's `HelmRelease`, Argo CD's sources with a chart, `HelmChart` of
/// K3s. None stands for one that is not written.
pub(super) fn charts(value: &Value, kind: &str) -> Vec<Option<Text>> {
    let Some(spec) = field(value, "spec") else { return Vec::new() };
    let own = || value.get("metadata").and_then(|m| text_at(m, "namespace"));
    match kind {
        "HelmRelease" | "HelmChart" => vec![text_at(spec, "targetNamespace").or_else(own).map(|t| generated(&t))],
        "Application" | "ApplicationSet" if deploys(value) => {
            let template = spec.at(&["template", "spec"]).filter(|_| kind == "ApplicationSet").unwrap_or(spec);
            let namespace = template.get("destination").and_then(|d| text_at(d, "namespace")).map(|t| generated(&t));
            // What lies in another repository is not known either.
            sources(template).iter().map(|_| namespace.clone()).collect()
        }
        _ => Vec::new(),
    }
}

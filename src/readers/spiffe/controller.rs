//! The controller manager's configuration and resources
//! (<https://github.com/spiffe/spire-controller-manager/tree/main/docs>).

use super::entries;
use super::server::refuse;
use super::shape::{expanded, lifetime, listed, setting, switch, text};
use crate::graph::spiffe::{
    ClusterIdentity, Controller, Federation, LabelAsks, LabelRequirement, LabelSelector, LifetimeOf, Profile, RefusalKind,
    RegistrationSource,
};
use crate::graph::{Origin, Setting};
use crate::partial::{Text, Value};
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{field, known_at, text_at};

/// The group of the resources.
const GROUP: &str = "spire.spiffe.io/";

/// Reads a resource; false when it is none of the controller manager's.
pub(super) fn read(reader: &mut Reader, object: &Object, value: &Value) -> bool {
    let (Some(version), Some(kind)) = (known_at(value, "apiVersion"), known_at(value, "kind")) else { return false };
    if !version.starts_with(GROUP) {
        return false;
    }
    let name = value.at(&["metadata", "name"]).and_then(Value::as_text).map_or_else(|| kind.clone(), |n| format!("{kind} {n}"));
    let origin = object.origin_at(name, value);
    // Static manifests may be filled in from the environment (`expandEnvStaticManifests`).
    let value = &expanded(value);
    let spec = field(value, "spec").unwrap_or(value);
    match kind.as_str() {
        "ControllerManagerConfig" => controller(reader, &origin, value),
        "ClusterSPIFFEID" => identity(reader, &origin, spec, object.open, false),
        "ClusterStaticEntry" => entries::one(reader, object, spec, RegistrationSource::Manifest),
        "ClusterFederatedTrustDomain" => federated(reader, &origin, spec),
        _ => {}
    }
    true
}

fn controller(reader: &mut Reader, origin: &Origin, value: &Value) {
    reader.graph.spiffe.controllers.push(Controller {
        origin: origin.clone(),
        trust_domain: text(value, "trustDomain"),
        class: setting(value, "className"),
        classless: switch(value, "watchClassless"),
        cluster: text(value, "clusterName"),
    });
}

/// What a pod is called that no template is written for.
const CHARTED_TEMPLATE: &str = "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}";

/// A ClusterSPIFFEID, or one that a chart's values describe.
pub(super) fn identity(reader: &mut Reader, origin: &Origin, spec: &Value, open: bool, charted: bool) {
    let template = text_at(spec, "spiffeIDTemplate").or_else(|| charted.then(|| Text::known(CHARTED_TEMPLATE)));
    let Some(template) = template else { return };
    let lifetimes = [("ttl", LifetimeOf::Certificate), ("jwtTtl", LifetimeOf::Token), ("jwtTTL", LifetimeOf::Token)];
    reader.graph.spiffe.identities.push(ClusterIdentity {
        origin: origin.clone(),
        template,
        pods: labels(spec.get("podSelector"), open || spec.is_open()),
        namespaces: labels(spec.get("namespaceSelector"), open || spec.is_open()),
        selectors: listed(spec, &["workloadSelectorTemplates"]).texts,
        fallback: switch(spec, "fallback"),
        admin: switch(spec, "admin"),
        downstream: switch(spec, "downstream"),
        class: setting(spec, "className"),
        federates_with: listed(spec, &["federatesWith"]).texts,
        lifetimes: lifetimes.into_iter().filter_map(|(key, of)| lifetime(spec, key, of)).collect(),
        charted,
    });
}

/// A label selector.
fn labels(value: Option<&Value>, open: bool) -> LabelSelector {
    let Some(value) = value.filter(|v| !v.is_null()) else { return LabelSelector { requirements: Vec::new(), open } };
    let mut out = LabelSelector { requirements: Vec::new(), open: open || value.is_open() };
    if let Some(labels) = field(value, "matchLabels") {
        out.open |= labels.is_open();
        for entry in labels.entries() {
            let asks = entry.value.as_text().map_or(LabelAsks::Unknown, |v| LabelAsks::In(vec![v]));
            out.requirements.push(LabelRequirement { key: entry.key.clone(), asks });
        }
    }
    if let Some(expressions) = field(value, "matchExpressions") {
        out.open |= expressions.is_open();
        for expression in expressions.items() {
            let Some(key) = text_at(expression, "key") else { continue };
            let values = listed(expression, &["values"]);
            let asks = match known_at(expression, "operator").as_deref() {
                Some("In") if !values.open => LabelAsks::In(values.texts),
                Some("NotIn") => LabelAsks::NotIn,
                Some("Exists") => LabelAsks::Exists,
                Some("DoesNotExist") => LabelAsks::Absent,
                _ => LabelAsks::Unknown,
            };
            out.requirements.push(LabelRequirement { key, asks });
        }
    }
    out
}

/// A ClusterFederatedTrustDomain, or one that a chart's values describe.
pub(super) fn federated(reader: &mut Reader, origin: &Origin, spec: &Value) {
    let Some(trust_domain) = text(spec, "trustDomain") else { return };
    let profile = field(spec, "bundleEndpointProfile");
    let kind = profile.and_then(|p| text(p, "type"));
    let profile_kind = match kind.as_ref().and_then(Text::as_known).as_deref() {
        Some("https_web") => Profile::Web,
        Some("https_spiffe") => Profile::Spiffe,
        _ => Profile::Unknown,
    };
    let endpoint_id = profile.map_or(Setting::Absent, |p| setting(p, "endpointSPIFFEID"));
    if profile_kind == Profile::Web
        && let Setting::Set(id) = &endpoint_id
    {
        refuse(reader, origin, RefusalKind::NeedlessEndpointId, id.span());
    }
    reader.graph.spiffe.federations.push(Federation {
        origin: origin.clone(),
        trust_domain,
        url: text(spec, "bundleEndpointURL"),
        profile: profile_kind,
        endpoint_id,
        profile_span: kind.and_then(|k| k.span()),
        class: Some(setting(spec, "className")),
    });
}

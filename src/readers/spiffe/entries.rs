//! Registration entries: files for `spire-server entry create -data` and what `entry show -output json` prints
//! (<https://github.com/spiffe/spire/blob/main/doc/spire_server.md#spire-server-entry-create>), commands, ClusterStaticEntries.

use super::server::refuse;
use super::shape::{expanded, lifetime, listed, setting, switch, text};
use crate::admission::spiffe::Selector;
use crate::graph::spiffe::{LifetimeOf, RefusalKind, Registration, RegistrationSource};
use crate::graph::{Origin, Setting};
use crate::partial::{Kind, Text, Value, cut};
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{any_field, field, place};

/// Whether a document is a file of entries.
pub(super) fn is(value: &Value) -> bool {
    let entries = value.get("entries").map(Value::items).unwrap_or_default();
    entries.iter().any(|e| e.get("spiffe_id").is_some() && e.get("selectors").is_some())
}

/// Reads a file of entries.
pub(super) fn file(reader: &mut Reader, object: &Object, value: &Value) {
    for entry in value.get("entries").map(Value::items).unwrap_or_default() {
        one(reader, object, entry, RegistrationSource::File);
    }
}

/// Names of the settings in files and in manifests.
const ID: &[&str] = &["spiffe_id", "spiffeID"];
const PARENT: &[&str] = &["parent_id", "parentID"];

/// Reads one entry; the object is what it stands in.
pub(super) fn one(reader: &mut Reader, object: &Object, entry: &Value, source: RegistrationSource) {
    let entry = &expanded(entry);
    let Some(id) = any_field(entry, ID).and_then(id) else {
        reader.undecided(place(entry), "a registration entry has no readable SPIFFE id");
        return;
    };
    let origin = object.origin_at(id.to_string(), entry);
    let (selectors, selectors_open) = selectors(entry.get("selectors"), entry.is_open());
    let switches = |keys: [&str; 2]| keys.into_iter().find_map(|key| switch(entry, key));
    let lifetimes = [
        ("x509_svid_ttl", LifetimeOf::Certificate),
        ("x509SVIDTTL", LifetimeOf::Certificate),
        ("jwt_svid_ttl", LifetimeOf::Token),
        ("jwtSVIDTTL", LifetimeOf::Token),
    ];
    let node = switch(entry, "node").is_some_and(|s| s.is_on());
    let federates_with = listed(entry, &["federates_with", "federatesWith"]).texts;
    if selectors.is_empty() && !selectors_open {
        refuse(reader, &origin, RefusalKind::NoSelectors, id.span());
    }
    if node && let Some(first) = federates_with.first() {
        refuse(reader, &origin, RefusalKind::FederatedNode, first.span());
    }
    let entry = Registration {
        origin,
        source,
        id,
        parent: any_field(entry, PARENT).and_then(self::id),
        selectors,
        selectors_open,
        node,
        admin: switch(entry, "admin"),
        downstream: switch(entry, "downstream"),
        stored: switches(["store_svid", "storeSVID"]),
        federates_with,
        lifetimes: lifetimes.into_iter().filter_map(|(key, of)| lifetime(entry, key, of)).collect(),
        class: if source == RegistrationSource::Manifest { setting(entry, "className") } else { Setting::Absent },
    };
    reader.graph.spiffe.entries.push(entry);
}

/// An id as a string, or in two parts as the server shows it.
fn id(value: &Value) -> Option<Text> {
    if let Kind::Map { .. } = value.kind {
        let (domain, path) = (text(value, "trust_domain")?, text(value, "path").unwrap_or_default());
        let mut id = Text::known("spiffe://");
        id.push(&domain);
        id.push(&path);
        return Some(id);
    }
    value.as_text()
}

/// `{"type": "k8s", "value": "ns:a"}` or `k8s:ns:a`.
fn selectors(value: Option<&Value>, open: bool) -> (Vec<Selector>, bool) {
    let Some(value) = value else { return (Vec::new(), open) };
    let mut more = value.is_open();
    let mut out = Vec::new();
    for item in value.items() {
        let span = place(item);
        let selector = match &item.kind {
            Kind::Map { .. } => {
                let kind = text(item, "type").and_then(|t| t.as_known());
                let value = field(item, "value").and_then(Value::as_text);
                kind.zip(value).map(|(kind, value)| Selector { kind, value, span })
            }
            _ => item.as_text().and_then(|t| of_text(&t)),
        };
        match selector {
            Some(selector) => out.push(selector),
            None => more = true,
        }
    }
    (out, more)
}

fn of_text(text: &Text) -> Option<Selector> {
    let (kind, value) = cut::split_once(text, ":")?;
    let kind = kind.as_known().filter(|k| !k.is_empty())?;
    Some(Selector { kind, value, span: text.span() })
}

/// The origin of a Terraform resource or a document for one thing in it.
pub(super) fn named(origin: &Origin, name: impl Into<String>) -> Origin {
    Origin { name: name.into(), ..origin.clone() }
}

//! Credentials that files keep: Secrets and ConfigMaps, keys as JSON, configuration files inside of them.

use super::settings::{self, Found, Setting, Source};
use super::value::{self, Dialect, Held};
use crate::graph::{Administrator, Cloud, CredentialKind, SecretName, Stands, StaticCredential};
use crate::partial::{Text, Value, cut};
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{blocks, field, known_at, nowhere, place, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How deep configuration files are followed.
const MAX_DEPTH: usize = 16;

/// What a Secret of the scan holds.
#[derive(Debug, Clone)]
pub(in crate::readers) struct Kept {
    name: SecretName,
    keys: Vec<String>,
    /// A configuration that takes a token, and no key.
    federated: bool,
}

/// The keys of a Secret, as far as it is in the scan.
pub(super) fn keys(reader: &Reader, secret: &SecretName) -> Vec<String> {
    reader.secrets.iter().filter(|s| s.name.may_be(secret)).flat_map(|s| s.keys.iter().cloned()).collect()
}

/// The Secret holds a configuration that takes a token.
pub(super) fn is_federated(reader: &Reader, secret: &SecretName) -> bool {
    reader.secrets.iter().any(|s| s.name.may_be(secret) && s.federated)
}

/// The Secrets of the scan, for those who take them whole.
pub(in crate::readers) fn remember(reader: &mut Reader, object: &Object) {
    let kind = known_at(object.value, "kind").unwrap_or_default();
    if !matches!(kind.as_str(), "Secret" | "SealedSecret") || object.templated {
        return;
    }
    let Some(name) = secret_name(object) else { return };
    let (mut keys, mut federated) = (Vec::new(), false);
    for path in [&["data"][..], &["stringData"], &["spec", "encryptedData"]] {
        for entry in object.value.at(path).map(Value::entries).unwrap_or_default() {
            keys.extend(entry.key.as_known());
            let tree = content(&entry.value, path.contains(&"data")).and_then(|t| value::tree(&t));
            federated |= tree.is_some_and(|t| known_at(&t, "type").as_deref() == Some("external_account"));
        }
    }
    reader.secrets.push(Kept { name, keys, federated });
}

fn secret_name(object: &Object) -> Option<SecretName> {
    let namespace = text(object.value.at(&["metadata", "namespace"])).and_then(|t| t.as_known());
    let name = text(object.value.at(&["metadata", "name"]))?.as_known()?;
    Some(SecretName { namespace, name })
}

/// A Secret or ConfigMap.
pub(super) fn manifest(reader: &mut Reader, object: &Object, kind: &str) {
    if object.templated || !matches!(kind, "Secret" | "ConfigMap") {
        return;
    }
    let Some(name) = secret_name(object) else { return };
    let shown = name.namespace.as_ref().map_or_else(|| format!("{kind} {}", name.name), |n| format!("{kind} {n}/{}", name.name));
    let origin = object.origin(shown);
    if known_at(object.value, "type").as_deref() == Some("kubernetes.io/service-account-token") {
        let account = text(object.value.at(&["metadata", "annotations", "kubernetes.io/service-account.name"]));
        let span = field(object.value, "type").and_then(place);
        let space = text(object.value.at(&["metadata", "namespace"]));
        reader.add_credential(StaticCredential {
            span,
            account: account.map(|name| (space, name)),
            secret: Some(name),
            ..StaticCredential::new(origin, Cloud::Kubernetes, CredentialKind::AccountToken, Stands::Made)
        });
        return;
    }
    let secret = (kind == "Secret").then_some(name);
    for (field, encoded) in [("data", kind == "Secret"), ("stringData", false)] {
        let entries = object.value.get(field).map(Value::entries).unwrap_or_default();
        let texts: Vec<(&Text, Text)> = entries.iter().filter_map(|e| Some((&e.key, content(&e.value, encoded)?))).collect();
        let named = |(key, text): &(&Text, Text)| Setting::named(&key.as_known()?, Source::Value(text.clone()), text.span());
        let settings: Vec<Setting> = texts.iter().filter_map(named).collect();
        let mut found = settings::credentials(&settings, Dialect::Manifest);
        for (_, text) in &texts {
            found.extend(inside(text));
        }
        found.dedup_by_key(|f| (f.cloud, f.kind, f.span));
        for found in found {
            // A ConfigMap that names a Secret keeps no key.
            let stands = if found.written || secret.is_some() { Stands::Kept } else { Stands::Operated };
            reader.add_credential(super::of(origin.clone(), stands, Found { secret: secret.clone(), ..found }));
        }
    }
}

/// The text of an entry; `data` of a Secret is base64.
fn content(value: &Value, encoded: bool) -> Option<Text> {
    let text = value.as_text()?;
    if !encoded {
        return Some(text);
    }
    let known = text.as_known()?;
    let decoded = STANDARD.decode(known.split_whitespace().collect::<String>()).ok().and_then(|b| String::from_utf8(b).ok())?;
    Some(text.span().or(value.span).map_or_else(|| Text::known(&decoded), |span| Text::literal(&decoded, span)))
}

/// The credentials in a file that is kept as a text: JSON, YAML, profiles of AWS.
pub(super) fn inside(text: &Text) -> Vec<Found> {
    if let Some(tree) = value::tree(text) {
        return within(&tree, text, MAX_DEPTH);
    }
    let mut settings = Vec::new();
    for line in cut::flat(text).lines() {
        if let Some((name, value)) = line.split_once('=') {
            settings.extend(Setting::named(name.trim(), Source::Value(Text::known(value.trim())), text.span()));
        }
    }
    settings::credentials(&settings, Dialect::Manifest).into_iter().filter(|f| f.written).collect()
}

/// The credentials in a configuration.
fn within(tree: &Value, text: &Text, depth: usize) -> Vec<Found> {
    let found = |cloud, kind, written, at: Option<&Value>| Found {
        cloud,
        kind,
        written,
        span: at.and_then(place).or_else(|| text.span()),
        trail: None,
        secret: None,
        federated: None,
    };
    if value::is_google_key(tree) {
        return vec![found(Cloud::Google, CredentialKind::ServiceAccountKey, true, field(tree, "private_key"))];
    }
    let mut out = Vec::new();
    if let Some(key) = ["access_key", "accessKey", "aws_access_key_id", "accessKeyId", "access_key_id", "accessKeyID"]
        .iter()
        .find_map(|k| field(tree, k).filter(|v| v.as_str().is_some_and(|v| value::is_key_id(&v))))
    {
        out.push(found(Cloud::Aws, CredentialKind::AccessKey, true, Some(key)));
    }
    // `azure.json` of external-dns and of the cloud provider: `aadClientSecret`
    let held = |secret: &Value| secret.as_text().map(|text| value::held(&text, Dialect::Manifest));
    let kept = |secret: &&Value| matches!(held(secret), Some(Held::Written | Held::Reference)) && field(tree, "tenantId").is_some();
    if let Some(secret) = field(tree, "aadClientSecret").filter(kept) {
        let written = held(secret) == Some(Held::Written);
        out.push(found(Cloud::Azure, CredentialKind::ClientSecret, written, Some(secret)));
    }
    if let Some(reference) = super::operators::bucket(tree) {
        out.push(found(Cloud::Aws, CredentialKind::AccessKey, false, Some(reference)));
    }
    if depth > 0 {
        for value in tree.entries().iter().map(|e| &e.value).chain(if tree.entries().is_empty() { tree.items() } else { Vec::new() }) {
            if !value.entries().is_empty() || matches!(value.kind, crate::partial::Kind::List { .. }) {
                out.extend(within(value, text, depth - 1));
            }
        }
    }
    out
}

/// A binding of `cluster-admin` (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles>).
pub(super) fn administrators(reader: &mut Reader, object: &Object) {
    let role = text(object.value.at(&["roleRef", "name"])).and_then(|t| t.as_known());
    if role.as_deref() != Some("cluster-admin") || object.templated {
        return;
    }
    for subject in blocks(object.value, "subjects").0 {
        let account = known_at(subject, "kind").as_deref() == Some("ServiceAccount");
        if let (true, Some(namespace), Some(name)) = (account, known_at(subject, "namespace"), known_at(subject, "name")) {
            let span = place(object.value).or_else(|| place(subject)).unwrap_or_else(nowhere);
            reader.graph.administrators.push(Administrator { namespace, name, span });
        }
    }
}

/// A JSON or YAML file of its own that is a key.
pub(super) fn loose(reader: &mut Reader, object: &Object) {
    if !value::is_google_key(object.value) {
        return;
    }
    let span = field(object.value, "private_key").and_then(place);
    reader.add_credential(StaticCredential {
        written: true,
        span,
        ..StaticCredential::new(object.origin(object.file), Cloud::Google, CredentialKind::ServiceAccountKey, Stands::Kept)
    });
}

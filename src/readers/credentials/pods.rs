//! Credentials that the containers of pods get: variables of their environment, files of a Secret.

use super::files;
use super::names::Part;
use super::settings::{self, Setting, Source};
use super::value::Dialect;
use crate::graph::{Cloud, CredentialKind, Origin, SecretName, Stands, StaticCredential};
use crate::partial::{Text, Value};
use crate::readers::context::{Object, Reader};
use crate::readers::kubernetes::pods::pod_spec;
use crate::readers::shape::{any_field, blocks, field, known_at, place, text, text_at};

/// The pods of a manifest. Templates of charts bring what their values switch on: nothing is known of them.
pub(super) fn read(reader: &mut Reader, object: &Object, kind: &str) {
    let Some(spec) = pod_spec(object.value, kind).filter(|_| !object.templated) else { return };
    let namespace = text(object.value.at(&["metadata", "namespace"])).and_then(|t| t.as_known());
    let name = text(object.value.at(&["metadata", "name"])).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let shown = namespace.as_ref().map_or_else(|| format!("{kind} {name}"), |n| format!("{kind} {n}/{name}"));
    let pods = Pods { object, spec, namespace, origin: object.origin(shown) };
    let mut seen = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in blocks(spec, list).0 {
            for found in settings::credentials(&pods.environment(reader, container), Dialect::Manifest) {
                if seen.contains(&(found.cloud, found.kind)) {
                    continue;
                }
                seen.push((found.cloud, found.kind));
                let credential = super::of(pods.origin.clone(), Stands::Given, found);
                reader.add_credential(StaticCredential { account: pods.account(), ..credential });
            }
            for credential in pods.mounted(reader, container) {
                if !seen.contains(&(credential.cloud, credential.kind)) {
                    seen.push((credential.cloud, credential.kind));
                    reader.add_credential(credential);
                }
            }
        }
    }
    for credential in pods.published() {
        reader.add_credential(credential);
    }
}

struct Pods<'a> {
    object: &'a Object<'a>,
    spec: &'a Value,
    namespace: Option<String>,
    origin: Origin,
}

impl Pods<'_> {
    fn account(&self) -> Option<(Option<Text>, Text)> {
        let account = text(any_field(self.spec, &["serviceAccountName", "serviceAccount"])).unwrap_or_else(|| Text::known("default"));
        Some((text(self.object.value.at(&["metadata", "namespace"])), account))
    }

    fn secret(&self, name: String) -> SecretName {
        SecretName { namespace: self.namespace.clone(), name }
    }

    /// The variables of a container: its own, and the keys of the Secrets that it takes whole.
    fn environment(&self, reader: &Reader, container: &Value) -> Vec<Setting> {
        let mut out = Vec::new();
        for variable in blocks(container, "env").0 {
            let Some(name) = known_at(variable, "name") else { continue };
            let reference = variable.at(&["valueFrom", "secretKeyRef"]);
            let source = match (text_at(variable, "value"), reference) {
                (Some(text), _) => Source::Value(text),
                (None, Some(reference)) => Source::Secret(known_at(reference, "name").map(|n| self.secret(n))),
                (None, None) => Source::Unclear,
            };
            out.extend(Setting::named(&name, source, place(variable)));
        }
        for from in blocks(container, "envFrom").0 {
            let prefix = known_at(from, "prefix").unwrap_or_default();
            let Some(name) = from.get("secretRef").and_then(|r| known_at(r, "name")) else { continue };
            let secret = self.secret(name);
            for key in files::keys(reader, &secret) {
                out.extend(Setting::named(&format!("{prefix}{key}"), Source::Secret(Some(secret.clone())), place(from)));
            }
        }
        out
    }

    /// Files of a Secret to which a variable points.
    fn mounted(&self, reader: &Reader, container: &Value) -> Vec<StaticCredential> {
        let mut out = Vec::new();
        for variable in blocks(container, "env").0 {
            let named = known_at(variable, "name").and_then(|n| super::names::part(&n));
            let (cloud, kind) = match named {
                Some(Part::AwsFile) => (Cloud::Aws, CredentialKind::AccessKey),
                Some(Part::GoogleFile | Part::GoogleKey) => (Cloud::Google, CredentialKind::ServiceAccountKey),
                _ => continue,
            };
            let Some(path) = known_at(variable, "value") else { continue };
            let Some(secret) = self.secret_at(container, &path) else { continue };
            if files::is_federated(reader, &secret) {
                continue;
            }
            out.push(StaticCredential {
                span: place(variable),
                secret: Some(secret),
                account: self.account(),
                ..StaticCredential::new(self.origin.clone(), cloud, kind, Stands::Given)
            });
        }
        out
    }

    /// The Secret whose file is mounted at a path. A projected volume that brings a token too is a federated one.
    fn secret_at(&self, container: &Value, path: &str) -> Option<SecretName> {
        let mount = blocks(container, "volumeMounts").0.into_iter().find(|m| {
            let at = known_at(m, "mountPath").unwrap_or_default();
            !at.is_empty() && path.strip_prefix(at.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })?;
        let wanted = known_at(mount, "name")?;
        let volume = blocks(self.spec, "volumes").0.into_iter().find(|v| known_at(v, "name").as_deref() == Some(&wanted))?;
        if let Some(name) = volume.get("secret").and_then(|s| known_at(s, "secretName")) {
            return Some(self.secret(name));
        }
        let sources = blocks(volume.get("projected")?, "sources").0;
        if sources.iter().any(|s| field(s, "serviceAccountToken").is_some()) {
            return None;
        }
        sources.iter().find_map(|s| known_at(s.get("secret")?, "name")).map(|name| self.secret(name))
    }

    /// The Secret with a service principal that a volume of the Secrets Store gets
    /// (<https://azure.github.io/secrets-store-csi-driver-provider-azure/docs/configurations/identity-access-modes/service-principal-mode/>).
    fn published(&self) -> Vec<StaticCredential> {
        let mut out = Vec::new();
        for volume in blocks(self.spec, "volumes").0 {
            let Some(csi) = volume.get("csi") else { continue };
            let driver = known_at(csi, "driver").as_deref() == Some("secrets-store.csi.k8s.io");
            let Some(reference) = field(csi, "nodePublishSecretRef").filter(|_| driver) else { continue };
            out.push(StaticCredential {
                span: place(reference),
                secret: known_at(reference, "name").map(|n| self.secret(n)),
                account: self.account(),
                ..StaticCredential::new(self.origin.clone(), Cloud::Azure, CredentialKind::ClientSecret, Stands::Given)
            });
        }
        out
    }
}

//! Operators that work with a key where they could take a token. Each row of the table is an object of the operator and the
//! settings that name the key.

use super::settings;
use super::value::{self, Dialect, Held};
use crate::graph::{Cloud, CredentialKind, SecretName, Stands, StaticCredential};
use crate::partial::{Kind, Value};
use crate::readers::context::{Object, Reader};
use crate::readers::shape::{any_field, blocks, field, known_at, place, text, text_at};

/// How deep objects are searched for buckets and lists of variables.
const MAX_DEPTH: usize = 16;

/// A credential that an operator's object names.
struct Named<'v> {
    cloud: Cloud,
    kind: CredentialKind,
    at: &'v Value,
}

fn access_key(at: &Value) -> Named<'_> {
    Named { cloud: Cloud::Aws, kind: CredentialKind::AccessKey, at }
}

fn google_key(at: &Value) -> Named<'_> {
    Named { cloud: Cloud::Google, kind: CredentialKind::ServiceAccountKey, at }
}

fn client_secret(at: &Value) -> Named<'_> {
    Named { cloud: Cloud::Azure, kind: CredentialKind::ClientSecret, at }
}

/// An object of an operator.
pub(super) fn read(reader: &mut Reader, object: &Object, kind: &str) {
    if object.templated {
        return;
    }
    let api = known_at(object.value, "apiVersion").unwrap_or_default();
    let group = api.split('/').next().unwrap_or_default();
    let Some(spec) = field(object.value, "spec") else { return };
    let named = match (group, kind) {
        ("external-secrets.io", "SecretStore" | "ClusterSecretStore") => external_secrets(spec),
        ("cert-manager.io", "Issuer" | "ClusterIssuer") => cert_manager(spec),
        ("iam.cnrm.cloud.google.com", "IAMServiceAccountKey") => vec![google_key(object.value)],
        ("storage.cnrm.cloud.google.com", "StorageHMACKey") => {
            vec![Named { kind: CredentialKind::HmacKey, ..google_key(object.value) }]
        }
        ("infrastructure.cluster.x-k8s.io", "AWSClusterStaticIdentity") => field(spec, "secretRef").map(access_key).into_iter().collect(),
        ("infrastructure.cluster.x-k8s.io", "AzureClusterIdentity") => cluster_identity(spec),
        ("keda.sh", "TriggerAuthentication" | "ClusterTriggerAuthentication") => keda(spec),
        ("velero.io", "BackupStorageLocation" | "VolumeSnapshotLocation") => velero(spec),
        ("argoproj.io", "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" | "CronWorkflow") => buckets(spec, MAX_DEPTH),
        (_, "ProviderConfig" | "ClusterProviderConfig") => crossplane(group, spec),
        _ => Vec::new(),
    };
    let name = text(object.value.at(&["metadata", "name"])).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let stands = if kind.ends_with("Key") { Stands::Made } else { Stands::Operated };
    let namespace = text(object.value.at(&["metadata", "namespace"])).and_then(|t| t.as_known());
    for named in named {
        let secret = known_at(named.at, "name").filter(|_| stands == Stands::Operated);
        let namespace = known_at(named.at, "namespace").or_else(|| namespace.clone());
        reader.add_credential(StaticCredential {
            span: place(named.at),
            secret: secret.map(|name| SecretName { namespace, name }),
            ..StaticCredential::new(object.origin(format!("{kind} {name}")), named.cloud, named.kind, stands)
        });
    }
}

/// <https://external-secrets.io/latest/provider/aws-secrets-manager/>, `/google-secrets-manager/`, `/azure-key-vault/`. Azure's
/// `authType` is a service principal unless another is named; with a token the references hold ids only.
fn external_secrets(spec: &Value) -> Vec<Named<'_>> {
    let mut out = Vec::new();
    let Some(provider) = field(spec, "provider") else { return out };
    out.extend(
        provider
            .at(&["aws", "auth", "secretRef"])
            .filter(|r| field(r, "sessionTokenSecretRef").is_none())
            .map(|r| access_key(inner(r, "accessKeyIDSecretRef"))),
    );
    out.extend(provider.at(&["gcpsm", "auth", "secretRef"]).map(|r| google_key(inner(r, "secretAccessKeySecretRef"))));
    if let Some(vault) = field(provider, "azurekv") {
        let principal = known_at(vault, "authType").is_none_or(|t| t == "ServicePrincipal") && !vault.is_open();
        let reference = field(vault, "authSecretRef").filter(|_| principal);
        let secret = reference.and_then(|r| any_field(r, &["clientSecret", "clientCertificate"]));
        out.extend(secret.map(client_secret));
    }
    out
}

/// The reference below a key, else what holds it.
fn inner<'v>(value: &'v Value, key: &str) -> &'v Value {
    field(value, key).unwrap_or(value)
}

/// <https://cert-manager.io/docs/configuration/acme/dns01/>
fn cert_manager(spec: &Value) -> Vec<Named<'_>> {
    let mut out = Vec::new();
    let Some(acme) = field(spec, "acme") else { return out };
    for solver in blocks(acme, "solvers").0 {
        let Some(dns) = field(solver, "dns01") else { continue };
        if let Some(route53) = field(dns, "route53") {
            out.extend(any_field(route53, &["accessKeyIDSecretRef", "secretAccessKeySecretRef", "accessKeyID"]).map(access_key));
        }
        out.extend(dns.at(&["cloudDNS", "serviceAccountSecretRef"]).map(google_key));
        out.extend(dns.at(&["azureDNS", "clientSecretSecretRef"]).map(client_secret));
    }
    out
}

/// <https://docs.crossplane.io/latest/packages/providers/> of the three clouds: a Secret, a file or a variable instead of the
/// identity that the provider runs as.
fn crossplane<'v>(group: &str, spec: &'v Value) -> Vec<Named<'v>> {
    let mut parts = group.split('.');
    let first = parts.next().unwrap_or_default();
    let family = ["upbound.io", "crossplane.io"].iter().any(|end| group.ends_with(end));
    let Some(credentials) = field(spec, "credentials").filter(|_| family) else { return Vec::new() };
    let stored = matches!(known_at(credentials, "source").as_deref(), Some("Secret" | "Environment" | "Filesystem"));
    if !stored {
        return Vec::new();
    }
    let at = any_field(credentials, &["secretRef", "env", "fs"]).unwrap_or(credentials);
    match first {
        "aws" => vec![access_key(at)],
        "gcp" => vec![google_key(at)],
        "azure" | "azuread" => vec![client_secret(at)],
        _ => Vec::new(),
    }
}

/// <https://capz.sigs.k8s.io/topics/identities>
fn cluster_identity(spec: &Value) -> Vec<Named<'_>> {
    let kind = match known_at(spec, "type").as_deref() {
        Some("ServicePrincipal" | "ManualServicePrincipal") => CredentialKind::ClientSecret,
        Some("ServicePrincipalCertificate") => CredentialKind::ClientCertificate,
        _ => return Vec::new(),
    };
    field(spec, "clientSecret").map(|at| Named { kind, ..client_secret(at) }).into_iter().collect()
}

/// Parameters of scalers that are keys of AWS (<https://keda.sh/docs/latest/authentication-providers/aws/>) and of Google.
fn keda(spec: &Value) -> Vec<Named<'_>> {
    let references = blocks(spec, "secretTargetRef").0;
    let of = |wanted: &[&str]| references.iter().copied().find(|r| known_at(r, "parameter").is_some_and(|p| wanted.contains(&p.as_str())));
    if of(&["awsSessionToken"]).is_some() {
        return Vec::new();
    }
    let aws = of(&["awsAccessKeyID", "awsSecretAccessKey"]).map(access_key);
    aws.into_iter().chain(of(&["GoogleApplicationCredentials"]).map(google_key)).collect()
}

/// <https://velero.io/docs/main/api-types/backupstoragelocation/>: the credentials of a location are a file.
fn velero(spec: &Value) -> Vec<Named<'_>> {
    let Some(credential) = field(spec, "credential") else { return Vec::new() };
    if spec.at(&["config", "s3Url"]).is_some() {
        return Vec::new();
    }
    match known_at(spec, "provider").as_deref().map(|p| p.trim_start_matches("velero.io/")) {
        Some("aws") => vec![access_key(credential)],
        Some("gcp") => vec![google_key(credential)],
        Some("azure") => vec![client_secret(credential)],
        _ => Vec::new(),
    }
}

/// A bucket of AWS that is opened with a key of a Secret: artifacts of Argo Workflows
/// (<https://argo-workflows.readthedocs.io/en/latest/configure-artifact-repository/>).
pub(super) fn bucket(tree: &Value) -> Option<&Value> {
    let key = any_field(tree, &["accessKeySecret"])?;
    let endpoint = text_at(tree, "endpoint");
    let aws = endpoint.is_some_and(|e| value::is_aws_endpoint(&e));
    // The key is not looked at where the SDK finds an identity.
    let by_sdk = field(tree, "useSDKCreds").is_some_and(|v| v.as_bool() == Some(true) || v.as_str().is_some_and(|s| s == "true"));
    (aws && !by_sdk && field(tree, "secretKeySecret").is_some()).then_some(key)
}

fn buckets(value: &Value, depth: usize) -> Vec<Named<'_>> {
    let mut out: Vec<Named<'_>> = bucket(value).map(access_key).into_iter().collect();
    if depth == 0 {
        return out;
    }
    match &value.kind {
        Kind::Map { entries, .. } => entries.iter().for_each(|e| out.extend(buckets(&e.value, depth - 1))),
        Kind::List { items, .. } => items.iter().for_each(|v| out.extend(buckets(v, depth - 1))),
        _ => {}
    }
    out
}

/// The values of a chart: lists of variables, and the settings of charts that everybody uses.
pub(super) fn values(reader: &mut Reader, object: &Object) {
    let name = object.file_name();
    if !name.ends_with(".yaml") && !name.ends_with(".yml") {
        return;
    }
    let origin = || object.origin(object.file);
    if let Some(at) = velero_chart(object.value) {
        reader.add_credential(StaticCredential {
            span: place(at.at),
            ..StaticCredential::new(origin(), at.cloud, at.kind, Stands::Operated)
        });
    }
    let mut lists = Vec::new();
    environments(object.value, &mut lists, MAX_DEPTH);
    for list in lists {
        for found in settings::credentials(&list, Dialect::Manifest) {
            reader.add_credential(super::of(origin(), Stands::Operated, found));
        }
    }
}

/// The chart of Velero writes a Secret, or takes one, unless it is told not to
/// (<https://github.com/vmware-tanzu/helm-charts/blob/main/charts/velero/values.yaml>).
fn velero_chart(values: &Value) -> Option<Named<'_>> {
    let locations = blocks(values.get("configuration")?, "backupStorageLocation").0;
    let credentials = values.get("credentials").filter(|c| c.get("useSecret").and_then(Value::as_bool) != Some(false))?;
    let at = any_field(credentials, &["existingSecret", "secretContents"])?;
    let elsewhere = locations.iter().any(|l| l.at(&["config", "s3Url"]).is_some());
    let providers: Vec<String> = locations.iter().filter_map(|l| known_at(l, "provider")).collect();
    let all = |cloud: &str| !providers.is_empty() && providers.iter().all(|p| p == cloud);
    match () {
        () if all("aws") && !elsewhere => Some(access_key(at)),
        () if all("gcp") => Some(google_key(at)),
        () if all("azure") => Some(client_secret(at)),
        () => None,
    }
}

/// The lists of variables below a value: `env: [{name, value | valueFrom}]`.
fn environments(value: &Value, out: &mut Vec<Vec<settings::Setting>>, depth: usize) {
    match &value.kind {
        Kind::List { items, .. } => {
            let variables: Vec<settings::Setting> = items.iter().filter_map(variable).collect();
            if !variables.is_empty() {
                out.push(variables);
            }
            if depth > 0 {
                items.iter().for_each(|v| environments(v, out, depth - 1));
            }
        }
        Kind::Map { entries, .. } if depth > 0 => entries.iter().for_each(|e| environments(&e.value, out, depth - 1)),
        _ => {}
    }
}

fn variable(item: &Value) -> Option<settings::Setting> {
    let name = known_at(item, "name")?;
    let source = match (text_at(item, "value"), item.at(&["valueFrom", "secretKeyRef"])) {
        (Some(text), _) if value::held(&text, Dialect::Manifest) != Held::Unclear => settings::Source::Value(text),
        (None, Some(reference)) => settings::Source::Secret(known_at(reference, "name").map(|name| SecretName { namespace: None, name })),
        _ => return None,
    };
    settings::Setting::named(&name, source, place(item))
}

//! Credential configurations of workloads outside of Google Cloud (`gcloud iam workload-identity-pools create-cred-config`),
//! wherever they are: in files of their own, in ConfigMaps and Secrets, in what Terraform writes
//! (<https://google.aip.dev/auth/4117>).

use super::super::context::{Object, Reader, email_of, origin};
use super::super::shape::{field, known_at, place, text_at};
use crate::graph::{CredentialConfig, Endpoint, ExternalAccount, Login, Origin, TokenSource};
use crate::partial::{Kind, Value, cut};
use crate::terraform::{Mode, Resource};

/// How deep a tree is searched for configurations.
const MAX_DEPTH: usize = 8;

/// Longest text that is parsed as a configuration.
const MAX_TEXT: usize = 64 * 1024;

/// A file whose type is `external_account`, and objects of Kubernetes that hold one or name a provider.
pub(in crate::readers) fn read(reader: &mut Reader, object: &Object) {
    let value = object.value;
    let found = |value: &Value| object.origin_at(object.file, value);
    match known_at(value, "kind").as_deref() {
        Some("ConfigMap") => search(reader, &found, field(value, "data"), MAX_DEPTH),
        Some("Secret") => search(reader, &found, field(value, "stringData"), MAX_DEPTH),
        Some("SecretStore" | "ClusterSecretStore") => store(reader, object),
        _ => configuration(reader, object.origin(object.file), value),
    }
}

/// Resources of Terraform that write one somewhere.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    let keys: &[&str] = match resource.kind.as_str() {
        "kubernetes_config_map" | "kubernetes_config_map_v1" | "kubernetes_secret" | "kubernetes_secret_v1" => &["data"],
        "local_file" | "local_sensitive_file" => &["content"],
        "google_secret_manager_secret_version" => &["secret_data"],
        "aws_secretsmanager_secret_version" => &["secret_string"],
        "aws_ssm_parameter" => &["value", "insecure_value"],
        _ => return,
    };
    if resource.mode != Mode::Managed {
        return;
    }
    let at = origin(resource);
    let found = |value: &Value| Origin { span: place(value).unwrap_or(at.span), ..at.clone() };
    keys.iter().for_each(|key| search(reader, &found, field(&resource.body, key), MAX_DEPTH));
}

/// Every configuration in the texts of a tree.
fn search(reader: &mut Reader, found: &dyn Fn(&Value) -> Origin, value: Option<&Value>, depth: usize) {
    let Some(value) = value.filter(|_| depth > 0) else { return };
    match &value.kind {
        Kind::Map { entries, .. } => entries.iter().for_each(|e| search(reader, found, Some(&e.value), depth - 1)),
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter().for_each(|v| search(reader, found, Some(v), depth - 1)),
        Kind::Text(text) => {
            let flat = cut::flat(text);
            if flat.len() <= MAX_TEXT
                && flat.contains("external_account")
                && let Some(parsed) = reader.json(text)
            {
                configuration(reader, found(value), &parsed);
            }
        }
        _ => {}
    }
}

/// One configuration.
fn configuration(reader: &mut Reader, origin: Origin, value: &Value) {
    if known_at(value, "type").as_deref() != Some("external_account") {
        return;
    }
    let Some(audience) = text_at(value, "audience") else { return };
    let url = text_at(value, "service_account_impersonation_url");
    let impersonates = url.and_then(|url| cut::rsplit_once(&email_of(&url), ":").map(|(email, _)| email));
    let external = Some(external(value));
    reader.graph.credential_configs.push(CredentialConfig {
        origin,
        audience,
        impersonates,
        login: Login::Configuration,
        asks: None,
        external,
    });
}

fn external(value: &Value) -> ExternalAccount {
    let empty = Value::null();
    let source = field(value, "credential_source").unwrap_or(&empty);
    let environment = text_at(source, "environment_id");
    let token = if environment.is_some() { Endpoint::AwsCredentials } else { Endpoint::SubjectToken };
    let named = [
        (Endpoint::Token, value, "token_url"),
        (Endpoint::TokenInfo, value, "token_info_url"),
        (Endpoint::Impersonation, value, "service_account_impersonation_url"),
        (token, source, "url"),
        (Endpoint::AwsRegion, source, "region_url"),
        (Endpoint::AwsSession, source, "imdsv2_session_token_url"),
        (Endpoint::AwsVerification, source, "regional_cred_verification_url"),
    ];
    let endpoints = named.into_iter().filter_map(|(what, holder, key)| Some((what, text_at(holder, key)?))).collect();
    let command = field(source, "executable").and_then(|e| text_at(e, "command"));
    let source = match (environment, command) {
        // What may hold more than can be read may have it.
        (Some(environment), _) => {
            TokenSource::Aws { environment, sessions: source.get("imdsv2_session_token_url").is_some() || source.is_open() }
        }
        (None, Some(command)) => TokenSource::Executable { command },
        (None, None) => text_at(source, "file").map_or(TokenSource::Other, |path| TokenSource::File { path }),
    };
    ExternalAccount { token_type: text_at(value, "subject_token_type"), universe: text_at(value, "universe_domain"), endpoints, source }
}

/// External Secrets hands the audience of its store to Google
/// (<https://external-secrets.io/latest/provider/google-secrets-manager/>).
fn store(reader: &mut Reader, object: &Object) {
    let path = ["spec", "provider", "gcpsm", "auth", "workloadIdentityFederation"];
    let Some(federation) = object.value.at(&path) else { return };
    let Some(audience) = text_at(federation, "audience") else { return };
    let origin = object.origin_at(object.file, federation);
    let login = Login::Configuration;
    reader.graph.credential_configs.push(CredentialConfig { origin, audience, impersonates: None, login, asks: None, external: None });
}

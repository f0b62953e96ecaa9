//! Credentials that Terraform makes, and those that it works with.

use super::names::Part;
use super::settings::{self, Setting, Source};
use super::value::{self, Dialect};
use crate::graph::{Beside, Cloud, CredentialKind, SecretName, Stands, StaticCredential};
use crate::partial::{Value, cut};
use crate::readers::context::{Reader, origin};
use crate::readers::shape::{any_field, blocks, field, is_true, known_at, place, text, text_at};
use crate::terraform::{Mode, Resource};

/// One resource, or the configuration of a provider.
pub(in crate::readers) fn resource(reader: &mut Reader, resource: &Resource) {
    match (resource.mode, resource.kind.as_str()) {
        (Mode::Provider, kind) => provider(reader, resource, kind),
        (Mode::Managed, "aws_iam_access_key")
            // An inactive key opens nothing.
            if known_at(&resource.body, "status").is_none_or(|s| s != "Inactive") => {
                made(reader, resource, Cloud::Aws, CredentialKind::AccessKey, &["user"]);
            }
        (Mode::Managed, "google_service_account_key") => {
            // A public key that is uploaded has its private half elsewhere.
            made(reader, resource, Cloud::Google, CredentialKind::ServiceAccountKey, &["service_account_id"]);
        }
        (Mode::Managed, "google_storage_hmac_key") => {
            made(reader, resource, Cloud::Google, CredentialKind::HmacKey, &["service_account_email"]);
        }
        (Mode::Managed, "azuread_application_password" | "azuread_service_principal_password") => {
            made(reader, resource, Cloud::Azure, CredentialKind::ClientSecret, PARENTS);
        }
        (Mode::Managed, "azuread_application_certificate" | "azuread_service_principal_certificate") => {
            made(reader, resource, Cloud::Azure, CredentialKind::ClientCertificate, PARENTS);
        }
        (Mode::Managed, "kubernetes_secret" | "kubernetes_secret_v1") => secret(reader, resource),
        _ => {}
    }
}

const PARENTS: &[&str] = &["application_id", "application_object_id", "service_principal_id"];

fn made(reader: &mut Reader, resource: &Resource, cloud: Cloud, kind: CredentialKind, parents: &[&str]) {
    let at = origin(resource);
    let parent = any_field(&resource.body, parents);
    let beside = text(parent).and_then(|parent| reader.federated_beside(&at.scope, &parent));
    reader.add_credential(StaticCredential {
        beside: beside.map(|span| Beside { span: Some(span), shadowed: false }),
        ..StaticCredential::new(at, cloud, kind, Stands::Made)
    });
}

/// A Secret that Terraform makes: a token of a ServiceAccount, or keys.
fn secret(reader: &mut Reader, resource: &Resource) {
    let body = &resource.body;
    let at = origin(resource);
    let metadata = blocks(body, "metadata").0.into_iter().next();
    let name = metadata.and_then(|m| known_at(m, "name"));
    // The provider puts what names no namespace into `default`.
    let namespace = metadata.and_then(|m| text_at(m, "namespace")).map_or(Some("default".to_owned()), |t| t.as_known());
    let secret = name.map(|name| SecretName { namespace, name });
    if known_at(body, "type").as_deref() == Some("kubernetes.io/service-account-token") {
        let account = metadata.and_then(|m| text(m.at(&["annotations", "kubernetes.io/service-account.name"])));
        reader.add_credential(StaticCredential {
            span: field(body, "type").and_then(place),
            account: account.map(|name| (metadata.and_then(|m| text_at(m, "namespace")), name)),
            secret,
            ..StaticCredential::new(at, Cloud::Kubernetes, CredentialKind::AccountToken, Stands::Made)
        });
        return;
    }
    let entries = field(body, "data").map(Value::entries).unwrap_or_default();
    let settings: Vec<Setting> = entries.iter().filter_map(|e| Setting::entry(&e.key, &e.value)).collect();
    for found in settings::credentials(&settings, Dialect::Manifest) {
        reader.add_credential(StaticCredential { secret: secret.clone(), ..super::of(at.clone(), Stands::Kept, found) });
    }
}

/// The configuration of a provider.
fn provider(reader: &mut Reader, resource: &Resource, kind: &str) {
    let body = &resource.body;
    let setting = |part: Part, name: &str| {
        let value = field(body, name)?;
        let source = match text(Some(value)) {
            // A variable that the one who applies fills in: the secret is not in the file.
            Some(text) if !text.is_known() => Source::Secret(None),
            Some(text) => Source::Value(text),
            None => Source::Unclear,
        };
        // What is worked out elsewhere is told where the provider takes it.
        let argument = body.entries().iter().find(|e| e.key.is_str(name)).and_then(|e| e.key.span());
        let at = if matches!(source, Source::Value(_)) { place(value) } else { argument.or_else(|| place(value)) };
        Some(Setting::of(part, source, at))
    };
    let settings: Vec<Option<Setting>> = match kind {
        "aws" => {
            if emulated(body) {
                return;
            }
            let token = field(body, "token").map(|v| Setting::of(Part::AwsSession, Source::Unclear, place(v)));
            vec![setting(Part::AwsKeyId, "access_key"), setting(Part::AwsSecret, "secret_key"), token]
        }
        "google" | "google-beta" => {
            let path =
                text_at(body, "credentials").is_some_and(|t| t.as_known().is_some_and(|k| value::tree(&t).is_none() && !k.is_empty()));
            if path {
                return;
            }
            vec![setting(Part::GoogleKey, "credentials")]
        }
        "azurerm" | "azuread" | "azapi" | "azurestack" | "msgraph" => {
            vec![setting(Part::AzureSecret, "client_secret"), setting(Part::AzureCertificate, "client_certificate_path")]
        }
        _ => return,
    };
    let settings: Vec<Setting> = settings.into_iter().flatten().collect();
    let token = field(body, "use_oidc").filter(|v| is_true(Some(v))).and_then(place);
    let shared = ["secret_key", "credentials", "client_secret", "client_certificate_path"].iter().find_map(|name| shared(body, name));
    for found in settings::credentials(&settings, Dialect::Manifest) {
        let beside = token.map(|span| Beside { span: Some(span), shadowed: false });
        reader.add_credential(StaticCredential { beside, shared: shared.clone(), ..super::of(origin(resource), Stands::Provider, found) });
    }
}

/// The identity of a secret that is not written here: two providers that read one variable log in with one secret.
fn shared(body: &Value, name: &str) -> Option<String> {
    text_at(body, name).filter(|t| !t.is_known()).map(|t| format!("{name}|{}", cut::key(&t)))
}

/// An emulator or another vendor's storage: requests go to endpoints of one's own
/// (<https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/custom-service-endpoints>).
fn emulated(body: &Value) -> bool {
    let (endpoints, _) = blocks(body, "endpoints");
    let elsewhere = |v: &Value| text(Some(v)).is_none_or(|t| !value::is_aws_endpoint(&t));
    endpoints.iter().flat_map(|e| e.entries()).any(|e| !e.value.is_null() && elsewhere(&e.value))
        || is_true(field(body, "skip_credentials_validation"))
}

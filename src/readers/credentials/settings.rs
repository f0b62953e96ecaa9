//! Settings that stand together (the environment of a container, the inputs of a step): the credentials among them.

use super::names::{self, Part};
use super::value::{self, Dialect, Held};
use crate::graph::{Cloud, CredentialKind, SecretName};
use crate::partial::{Text, Trail, Value};
use crate::place::Span;

/// A setting whose name says what it holds.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    part: Part,
    source: Source,
    span: Option<Span>,
    trail: Trail,
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// It is written.
    Value(Text),
    /// A key of a Secret.
    Secret(Option<SecretName>),
    /// Something else.
    Unclear,
}

impl Setting {
    /// A setting of this name, when it is one that matters.
    pub(super) fn named(name: &str, source: Source, span: Option<Span>) -> Option<Self> {
        names::part(name).map(|part| Self::of(part, source, span))
    }

    pub(super) fn of(part: Part, source: Source, span: Option<Span>) -> Self {
        let trail = if let Source::Value(text) = &source { text.trail() } else { None };
        Self { part, source, span, trail }
    }

    /// A name and its value in a map.
    pub(super) fn entry(key: &Text, value: &Value) -> Option<Self> {
        let name = key.as_known()?;
        let source = value.as_text().map_or(Source::Unclear, Source::Value);
        Self::named(&name, source, value.span.or_else(|| key.span()))
    }

    fn held(&self, dialect: Dialect) -> Held {
        match &self.source {
            Source::Value(text) if self.part == Part::AzureJson => of_client(text, dialect),
            Source::Value(text) => value::held(text, dialect),
            Source::Secret(_) => Held::Reference,
            Source::Unclear => Held::Unclear,
        }
    }
}

/// JSON of a client says by its `clientSecret` what it holds: one that comes from anywhere is a long-lived secret
/// (<https://github.com/Azure/login#login-with-a-service-principal-secret>).
fn of_client(text: &Text, dialect: Dialect) -> Held {
    let secret = value::tree(text).and_then(|tree| tree.get("clientSecret").and_then(Value::as_text));
    match secret.map(|secret| value::held(&secret, dialect)) {
        Some(Held::Unclear) => Held::Reference,
        Some(held) => held,
        None => value::held(text, dialect),
    }
}

/// A credential among the settings.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) cloud: Cloud,
    pub(super) kind: CredentialKind,
    pub(super) written: bool,
    pub(super) span: Option<Span>,
    pub(super) trail: Trail,
    pub(super) secret: Option<SecretName>,
    /// A setting beside it says that a token is used.
    pub(super) federated: Option<Span>,
}

/// The credentials among settings that stand together.
pub(super) fn credentials(settings: &[Setting], dialect: Dialect) -> Vec<Found> {
    let mut out: Vec<Found> = aws(settings, dialect).into_iter().collect();
    out.extend(one(settings, &[Part::GoogleKey], dialect, Cloud::Google, CredentialKind::ServiceAccountKey));
    let azure = one(settings, &[Part::AzureSecret, Part::AzureJson], dialect, Cloud::Azure, CredentialKind::ClientSecret)
        .or_else(|| one(settings, &[Part::AzureCertificate], dialect, Cloud::Azure, CredentialKind::ClientCertificate));
    let token = settings.iter().find(|s| s.part == Part::AzureFederated && s.held(dialect) != Held::Placeholder);
    out.extend(azure.map(|found| Found { federated: token.and_then(|t| t.span), ..found }));
    out
}

/// An access key: its id or its secret comes from a store, or the id is written. A session's is temporary, one for another
/// endpoint is not AWS's.
fn aws(settings: &[Setting], dialect: Dialect) -> Option<Found> {
    let find = |part: Part| settings.iter().find(|s| s.part == part);
    let elsewhere = settings.iter().filter(|s| s.part == Part::AwsEndpoint);
    if find(Part::AwsSession).is_some()
        || elsewhere.into_iter().any(|s| !matches!(&s.source, Source::Value(text) if value::is_aws_endpoint(text)))
    {
        return None;
    }
    let (id, secret) = (find(Part::AwsKeyId), find(Part::AwsSecret));
    let written = id.is_some_and(|s| matches!(&s.source, Source::Value(t) if t.as_known().is_some_and(|k| value::is_key_id(&k))));
    let state = |setting: Option<&Setting>| setting.map(|s| s.held(dialect));
    let known = match (state(id), state(secret)) {
        _ if written => true,
        // An id in another form is of another system, or of an emulator.
        (Some(Held::Written | Held::Placeholder), _) | (_, Some(Held::Placeholder)) => false,
        (Some(Held::Reference), _) | (_, Some(Held::Reference)) => true,
        _ => false,
    };
    let at = id.filter(|s| written || s.held(dialect) == Held::Reference).or(secret)?;
    known.then(|| Found {
        cloud: Cloud::Aws,
        kind: CredentialKind::AccessKey,
        written,
        span: at.span,
        trail: at.trail.clone(),
        secret: secret_of(at).or_else(|| secret.and_then(secret_of)),
        federated: None,
    })
}

fn secret_of(setting: &Setting) -> Option<SecretName> {
    if let Source::Secret(name) = &setting.source { name.clone() } else { None }
}

fn one(settings: &[Setting], parts: &[Part], dialect: Dialect, cloud: Cloud, kind: CredentialKind) -> Option<Found> {
    let mut all = settings.iter().filter(|s| parts.contains(&s.part)).map(|s| (s, s.held(dialect)));
    let (setting, held) = all.find(|(s, held)| match held {
        Held::Reference => true,
        Held::Written => is_credential(s),
        Held::Placeholder | Held::Unclear => false,
    })?;
    let path = kind == CredentialKind::ClientCertificate;
    Some(Found {
        cloud,
        kind,
        written: held == Held::Written && !path,
        span: setting.span,
        trail: setting.trail.clone(),
        secret: secret_of(setting),
        federated: None,
    })
}

/// What is written is a credential: JSON that holds a key, a password, the path of a certificate, and no path of a file whose
/// content nobody sees.
fn is_credential(setting: &Setting) -> bool {
    let Source::Value(text) = &setting.source else { return false };
    match setting.part {
        Part::GoogleKey => value::tree(text).is_some_and(|t| value::is_google_key(&t)),
        Part::AzureJson => value::tree(text).is_some_and(|t| t.get("clientSecret").is_some_and(|s| !s.is_null())),
        _ => true,
    }
}

//! The configuration of a SPIRE server (<https://github.com/spiffe/spire/blob/main/doc/spire_server.md>).

use super::plugins;
use super::shape::{is_open, lifetime, listed, named, section, setting, switch, text};
use crate::graph::spiffe::{BundleEndpoint, Federation, KeyType, LifetimeOf, Profile, Refusal, RefusalKind, SigningKey, SpireServer};
use crate::graph::{Origin, Setting};
use crate::partial::Value;
use crate::readers::context::Reader;
use crate::readers::shape::place;

/// The settings of a server: `server { … }` beside `plugins { … }`.
pub(super) fn read(reader: &mut Reader, origin: &Origin, config: &Value) {
    let Some(server) = section(config, "server") else { return };
    let empty = Value::map(Vec::new(), None);
    let plugins = section(config, "plugins").unwrap_or(&empty);
    let federation = section(server, "federation");
    let attestors_open = config.is_open() || section(config, "plugins").is_none() || is_open(plugins, "NodeAttestor");
    let lifetimes = [("default_x509_svid_ttl", LifetimeOf::Certificate), ("default_jwt_svid_ttl", LifetimeOf::Token)];
    let attestors = plugins::server_attestors(reader, origin, plugins);
    reader.graph.spiffe.servers.push(SpireServer {
        origin: origin.clone(),
        trust_domain: text(server, "trust_domain"),
        issuer: setting(server, "jwt_issuer"),
        key: signing_key(server),
        no_tokens: switch(server, "disable_jwt_svids"),
        admins: listed(server, &["admin_ids"]).texts,
        attestors,
        attestors_open,
        lifetimes: lifetimes.into_iter().filter_map(|(key, of)| lifetime(server, key, of)).collect(),
        ca_lifetime: lifetime(server, "ca_ttl", LifetimeOf::Certificate).map(|l| l.seconds),
        endpoint: federation.and_then(endpoint),
    });
    plugins::common(reader, origin, plugins);
    for (trust_domain, body) in federation.map(|f| named(f, "federates_with")).unwrap_or_default() {
        let (profile, endpoint_id, profile_span) = profile(body, "bundle_endpoint_profile");
        reader.graph.spiffe.federations.push(Federation {
            origin: origin.clone(),
            trust_domain: trust_domain.clone(),
            url: text(body, "bundle_endpoint_url"),
            profile,
            endpoint_id,
            profile_span: profile_span.or_else(|| trust_domain.span()),
            class: None,
        });
    }
}

/// `jwt_key_type`, else `ca_key_type`, else P-256.
fn signing_key(server: &Value) -> SigningKey {
    for key in ["jwt_key_type", "ca_key_type"] {
        match setting(server, key) {
            Setting::Absent => {}
            Setting::Set(text) => return SigningKey { key: text.as_known().and_then(|k| key_type(&k)), span: text.span() },
            Setting::OneOf(_) | Setting::Unknown(_) => return SigningKey { key: None, span: None },
        }
    }
    SigningKey { key: Some(KeyType::P256), span: None }
}

/// The key types that SPIRE knows.
pub(super) fn key_type(name: &str) -> Option<KeyType> {
    Some(match name {
        "rsa-2048" | "rsa-4096" => KeyType::Rsa,
        "ec-p256" => KeyType::P256,
        "ec-p384" => KeyType::P384,
        _ => return None,
    })
}

fn endpoint(federation: &Value) -> Option<BundleEndpoint> {
    let body = section(federation, "bundle_endpoint")?;
    let (kind, _, span) = profile(body, "profile");
    let web = named(body, "profile").into_iter().find(|(name, _)| name.is_str("https_web")).map(|(_, web)| web);
    let certificate = match web {
        // Older servers take `acme` without a profile.
        None => None,
        Some(web) if web.is_open() => None,
        Some(web) => Some(["acme", "serving_cert_file"].iter().any(|key| web.get(key).is_some_and(|v| !v.is_null()))),
    };
    Some(BundleEndpoint { profile: kind, certificate, span: span.or_else(|| place(body)) })
}

/// `profile "https_web" { … }`, `bundle_endpoint_profile "https_spiffe" { … }`.
fn profile(body: &Value, key: &str) -> (Profile, Setting, Option<crate::place::Span>) {
    let mut all = named(body, key);
    let Some((name, inner)) = all.pop() else { return (Profile::Unknown, Setting::Absent, None) };
    let kind = match name.as_known().as_deref() {
        Some("https_web") => Profile::Web,
        Some("https_spiffe") => Profile::Spiffe,
        _ => Profile::Unknown,
    };
    (kind, setting(inner, "endpoint_spiffe_id"), name.span())
}

/// Notes that a program refuses a setting.
pub(super) fn refuse(reader: &mut Reader, origin: &Origin, kind: RefusalKind, span: Option<crate::place::Span>) {
    reader.graph.spiffe.refusals.push(Refusal { origin: origin.clone(), kind, span });
}

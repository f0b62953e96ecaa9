//! Google Cloud: workload identity pools and providers, service accounts, and who is bound to what.

mod binding;
pub(super) mod clusters;
pub(super) mod connector;
pub(super) mod credentials;
pub(super) mod documents;
pub(super) mod project;
pub(super) mod terraform;
pub(super) mod workflow;

use super::context::Reader;
use super::shape::{any_field, field, is_true, listing, place, setting, text, unreadable};
use crate::graph::{GoogleProvider, GoogleSource, Origin, Pool, PoolId, Provider, ProviderKind};
use crate::partial::{Kind, Text, Value, blank};

/// The names that one dialect gives to a provider's settings.
struct Names {
    condition: &'static str,
    mapping: &'static str,
    issuer: &'static str,
    audiences: &'static str,
    account: &'static str,
    keys: &'static str,
}

/// Terraform.
const SNAKE: Names = Names {
    condition: "attribute_condition",
    mapping: "attribute_mapping",
    issuer: "issuer_uri",
    audiences: "allowed_audiences",
    account: "account_id",
    keys: "jwks_json",
};
/// The API, gcloud and Config Connector
/// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>).
const CAMEL: Names = Names {
    condition: "attributeCondition",
    mapping: "attributeMapping",
    issuer: "issuerUri",
    audiences: "allowedAudiences",
    account: "accountId",
    keys: "jwksJson",
};

/// Where a provider is registered.
struct Registered {
    pool: Option<PoolId>,
    pool_name: Text,
    project: Option<Text>,
    name: Text,
}

/// Adds a provider whose settings stand in `body`.
fn add_provider(reader: &mut Reader, origin: Origin, body: &Value, names: &Names, at: Registered) {
    let Registered { pool, pool_name, project, name } = at;
    let opened = blank::opened(body);
    let body = opened.as_ref().unwrap_or(body);
    let source = source(reader, &origin, body, names);
    let condition = setting(body.get(names.condition), body.is_open(), names.condition);
    let (mapping, mapping_open) = mapping(reader, &origin, body, names);
    let disabled = is_true(body.get("disabled"));
    let keys = block(body, "oidc").and_then(|oidc| field(oidc, names.keys)).and_then(|v| text(Some(v)));
    let provider = GoogleProvider { pool, pool_name, project, name, source, condition, mapping, mapping_open, disabled, keys };
    reader.graph.add_provider(Provider { origin, kind: ProviderKind::Google(provider) });
}

/// A nested block: in Terraform a list of one map, elsewhere a map.
fn block<'v>(body: &'v Value, key: &str) -> Option<&'v Value> {
    let value = field(body, key)?;
    match &value.kind {
        Kind::List { items, open } => items.iter().find(|v| !v.is_null()).or(open.then_some(value)),
        _ => Some(value),
    }
}

fn source(reader: &mut Reader, origin: &Origin, body: &Value, names: &Names) -> GoogleSource {
    if let Some(oidc) = block(body, "oidc") {
        if let Some(issuer) = field(oidc, names.issuer).and_then(|v| text(Some(v))) {
            let audiences = listing(field(oidc, names.audiences));
            let mut texts = audiences.texts;
            if audiences.open || audiences.odd {
                let span = field(oidc, names.audiences).and_then(place);
                reader.undecided(span, format!("the audiences of `{}` are not all known", origin.name));
                // An empty list would mean the provider's own name.
                texts.push(Text::hole(unreadable(span, "allowed_audiences", "it is not all known"), span));
            }
            return GoogleSource::Oidc { issuer, audiences: texts };
        }
        reader.undecided(place(oidc).or(Some(origin.span)), format!("the issuer of `{}` is unknown", origin.name));
        return GoogleSource::Unknown;
    }
    if let Some(aws) = block(body, "aws") {
        if let Some(account) = field(aws, names.account).and_then(|v| text(Some(v))) {
            return GoogleSource::Aws { account };
        }
        reader.undecided(place(aws).or(Some(origin.span)), format!("the AWS account of `{}` is unknown", origin.name));
        return GoogleSource::Unknown;
    }
    match any_field(body, &["saml", "x509"]) {
        Some(_) if field(body, "saml").is_some() => GoogleSource::Saml,
        Some(_) => GoogleSource::X509,
        None => {
            reader.undecided(Some(origin.span), format!("what `{}` trusts is unknown", origin.name));
            GoogleSource::Unknown
        }
    }
}

/// Key and expression of every mapping, and whether there may be more.
type Mapping = (Option<Vec<(Text, Text)>>, bool);

fn mapping(reader: &mut Reader, origin: &Origin, body: &Value, names: &Names) -> Mapping {
    let Some(value) = body.get(names.mapping) else {
        return if body.is_open() { (Some(Vec::new()), true) } else { (None, false) };
    };
    let what = format!("the attribute mapping of `{}`", origin.name);
    match &value.kind {
        Kind::Null => (None, false),
        Kind::Map { entries, open } if entries.is_empty() && !open => (None, false),
        Kind::Map { .. } => {
            let (pairs, open) = pairs(reader, value, &what);
            (Some(pairs), open)
        }
        Kind::OneOf(all) => {
            // What every alternative maps alike is certain; the rest may or may not be there.
            let mut every = all.iter().map(|v| pairs(reader, v, &what).0);
            let mut common = every.next().unwrap_or_default();
            for other in every {
                common.retain(|(k, e)| other.iter().any(|(k2, e2)| k.same(k2) && e.same(e2)));
            }
            reader.undecided(place(value), format!("{what} depends on an unknown condition"));
            (Some(common), true)
        }
        Kind::Unknown(atom) => {
            reader.undecided(place(value), format!("{what} is unknown: {}", atom.why()));
            (Some(Vec::new()), true)
        }
        _ => {
            reader.undecided(place(value), format!("{what} is not a map"));
            (Some(Vec::new()), true)
        }
    }
}

fn pairs(reader: &mut Reader, value: &Value, what: &str) -> (Vec<(Text, Text)>, bool) {
    let mut open = value.is_open();
    let mut out: Vec<(Text, Text)> = Vec::new();
    for entry in value.entries() {
        // The last of two equal keys is the one that holds.
        out.retain(|(key, _)| !key.same(&entry.key));
        match text(Some(&entry.value)) {
            Some(expression) => out.push((entry.key.clone(), expression)),
            None if entry.value.is_null() => {}
            None => {
                open = true;
                let span = place(&entry.value);
                let atom = unreadable(span, what, "it is not a string");
                out.push((entry.key.clone(), Text::hole(atom, span)));
                reader.undecided(span, format!("{what} gives `{}` no readable expression", entry.key));
            }
        }
    }
    (out, open)
}

/// Adds a pool and remembers it.
fn add_pool(reader: &mut Reader, pool: Pool) {
    let id = reader.graph.add_pool(pool);
    reader.index_pool(id);
}

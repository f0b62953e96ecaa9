//! Values of the SPIRE charts (<https://github.com/spiffe/helm-charts-hardened>): in values files, in the objects and
//! resources that install a chart. What the values do not say the chart says, and other files of values may say more.

use super::agent::bootstrap;
use super::entries::named;
use super::plugins::{http_challenge, refuse_accounts, refuse_every_port};
use super::server::key_type;
use super::shape::{key_span, lifetime, listed, section, setting, switch, text};
use super::{controller, plugins};
use crate::graph::spiffe::{
    AttestorKind, DiscoveryProvider, KeyType, LifetimeOf, Listed, Peer, PsatCluster, ServerAttestor, SigningKey, SpireAgent, SpireServer,
    Switch, Unverified,
};
use crate::graph::{Origin, Setting};
use crate::partial::{Entry, Text, Value};
use crate::readers::context::Reader;
use crate::readers::shape::is_true;

const SERVER: &str = "spire-server";
const AGENT: &str = "spire-agent";
const DISCOVERY: &str = "spiffe-oidc-discovery-provider";

/// Whether a tree is values of the chart.
fn is(values: &Value) -> bool {
    let map = |v: &Value| !v.entries().is_empty();
    [SERVER, AGENT, DISCOVERY].iter().any(|key| values.get(key).is_some_and(map)) || values.at(&["global", "spire"]).is_some_and(map)
}

/// Reads values, also those of a chart that has SPIRE's as a dependency.
pub(super) fn values(reader: &mut Reader, origin: &Origin, values: &Value) -> bool {
    let below = values.entries().iter().map(|e| &e.value).find(|v| [SERVER, AGENT].iter().any(|key| v.get(key).is_some()));
    let Some(values) = Some(values).filter(|v| is(v)).or_else(|| below.filter(|v| is(v))) else { return false };
    let origin = named(origin, "values of the SPIRE chart");
    let empty = Value::map(Vec::new(), None);
    let global = values.at(&["global", "spire"]).unwrap_or(&empty);
    let part = |name: &str| values.get(name).filter(|part| part.get("enabled").and_then(Value::as_bool) != Some(false));
    if let Some(settings) = part(SERVER) {
        server(reader, &origin, global, settings);
    } else if values.get(SERVER).is_none() && text(global, "trustDomain").is_some() {
        server(reader, &origin, global, &empty);
    }
    if let Some(settings) = part(AGENT) {
        agent(reader, &origin, global, settings);
    }
    if let Some(settings) = part(DISCOVERY) {
        discovery(reader, &origin, global, settings);
    }
    true
}

/// What the chart or other values may set is unknown, not absent.
fn charted(map: &Value, key: &str) -> Setting {
    match setting(map, key) {
        Setting::Absent => Setting::Unknown(crate::readers::shape::unreadable(None, key, "the chart sets it")),
        set => set,
    }
}

fn first_text(maps: &[&Value], key: &str) -> Option<Text> {
    maps.iter().find_map(|map| text(map, key))
}

fn server(reader: &mut Reader, origin: &Origin, global: &Value, settings: &Value) {
    let key = match setting(settings, "caKeyType") {
        // The chart's default is rsa-2048.
        Setting::Absent => SigningKey { key: Some(KeyType::Rsa), span: None },
        Setting::Set(text) => SigningKey { key: text.as_known().and_then(|k| key_type(&k)), span: text.span() },
        Setting::OneOf(_) | Setting::Unknown(_) => SigningKey { key: None, span: None },
    };
    let support = switch(settings, "jwtSVIDSupport");
    let lifetimes = [("defaultX509SvidTTL", LifetimeOf::Certificate), ("defaultJwtSvidTTL", LifetimeOf::Token)];
    let issuer = if text(global, "jwtIssuer").is_some() { setting(global, "jwtIssuer") } else { charted(settings, "jwtIssuer") };
    let server = SpireServer {
        origin: origin.clone(),
        trust_domain: first_text(&[global, settings], "trustDomain"),
        issuer,
        key,
        no_tokens: support.map(|s| Switch { on: s.on.map(|on| !on), span: s.span }),
        admins: Vec::new(),
        attestors: attestors(reader, origin, settings),
        attestors_open: true,
        lifetimes: lifetimes.into_iter().filter_map(|(key, of)| lifetime(settings, key, of)).collect(),
        ca_lifetime: None,
        endpoint: None,
    };
    reader.graph.spiffe.servers.push(server);
    if let Some(vault) = settings.at(&["upstreamAuthority", "vault"]).filter(|v| is_true(v.get("insecureSkipVerify"))) {
        let span = key_span(vault, "insecureSkipVerify");
        reader.graph.spiffe.unverified.push(Unverified { origin: origin.clone(), peer: Peer::Vault, span });
    }
    plugins::chart_secrets(reader, origin, settings);
    if let Some(identities) = settings.at(&["controllerManager", "identities"]) {
        for entry in identities.get("clusterSPIFFEIDs").map(Value::entries).unwrap_or_default() {
            identity(reader, origin, entry);
        }
        for entry in identities.get("clusterFederatedTrustDomains").map(Value::entries).unwrap_or_default() {
            controller::federated(reader, &declared(origin, entry, "ClusterFederatedTrustDomain"), &entry.value);
        }
    }
}

/// An attestor that the values switch on.
fn attestors(reader: &mut Reader, origin: &Origin, settings: &Value) -> Vec<ServerAttestor> {
    let mut out = Vec::new();
    let Some(all) = section(settings, "nodeAttestor") else { return out };
    let enabled = |name: &str| section(all, name).filter(|a| is_true(a.get("enabled")));
    if let Some(psat) = section(all, "k8sPSAT") {
        let accounts = listed(psat, &["serviceAccountAllowList"]);
        // An empty list means the account of the chart's own agent.
        let accounts = if accounts.is_empty() { Listed { open: true, ..accounts } } else { accounts };
        let span = key_span(all, "k8sPSAT");
        let cluster = PsatCluster { name: Text::known("k8sPSAT"), accounts, audience: listed(psat, &["audience"]), charted: true, span };
        refuse_accounts(reader, origin, &cluster);
        let kind = AttestorKind::ProjectedToken { clusters: vec![cluster], open: true };
        out.push(ServerAttestor { name: Text::known("k8s_psat"), span, kind });
    }
    if let Some(challenge) = enabled("httpChallenge") {
        let patterns = listed(challenge, &["allowedDNSPatterns"]);
        let ports = (challenge.get("requiredPort"), switch(challenge, "allowNonRootPorts"));
        let kind = http_challenge(patterns, ports, challenge.is_open(), switch(challenge, "tofu"));
        refuse_every_port(reader, origin, &kind);
        out.push(ServerAttestor { name: Text::known("http_challenge"), span: key_span(all, "httpChallenge"), kind });
    }
    if let Some(aws) = enabled("awsIID") {
        let bounded = section(aws, "verifyOrganization").is_some_and(|v| v.get("enabled").and_then(Value::as_bool) != Some(false));
        let kind = AttestorKind::AwsInstance { assume_role: setting(aws, "assumeRole"), bounded: Some(bounded), skip_block_device: None };
        out.push(ServerAttestor { name: Text::known("aws_iid"), span: key_span(all, "awsIID"), kind });
    }
    out
}

/// The identities that the chart has by itself, beside `default`: it fills in whose they are.
const OWN: [&str; 10] = [
    "child-servers",
    "oidc-discovery-provider",
    "test-keys",
    "spike-keeper",
    "spike-nexus",
    "spike-bootstrap",
    "spike-pilot",
    "spire-ha-agent",
    "trustbundle-spire-identity-exchange",
    "spire-identity-exchange",
];

fn identity(reader: &mut Reader, origin: &Origin, entry: &Entry) {
    let (Some(name), spec) = (entry.key.as_known(), &entry.value) else { return };
    if spec.get("enabled").and_then(Value::as_bool) == Some(false) {
        return;
    }
    let own = OWN.contains(&name.as_str()) || text(spec, "type").is_some_and(|t| !t.is_str("base") && !t.is_str("raw"));
    let mut spec = spec.clone();
    if name == "default" && spec.get("fallback").is_none() {
        let fallback = Entry { key: Text::known("fallback"), value: Value::new(crate::partial::Kind::Bool(true), None) };
        if let crate::partial::Kind::Map { entries, .. } = &mut spec.kind {
            entries.push(fallback);
        }
    }
    controller::identity(reader, &declared(origin, entry, "ClusterSPIFFEID"), &spec, own, true);
}

/// An object that the chart makes of an entry of its values: what the entry does not say is written nowhere else.
fn declared(origin: &Origin, entry: &Entry, kind: &str) -> Origin {
    let span = entry.key.span().unwrap_or(origin.span);
    Origin { span, ..named(origin, format!("{kind} {}", entry.key)) }
}

fn agent(reader: &mut Reader, origin: &Origin, global: &Value, settings: &Value) {
    let agent = SpireAgent {
        origin: origin.clone(),
        trust_domain: first_text(&[global, settings], "trustDomain"),
        insecure: None,
        bundle_path: Setting::Absent,
        bundle_url: setting(settings, "trustBundleURL"),
        bundle_socket: Setting::Absent,
        rebootstrap: setting(settings, "rebootstrapMode"),
        join_token: Setting::Absent,
        attestor: None,
        charted: true,
    };
    bootstrap(reader, &agent);
    reader.graph.spiffe.agents.push(agent);
    let attestors = section(settings, "workloadAttestors");
    if let Some(kubernetes) = attestors.and_then(|a| section(a, "k8s")) {
        let verification = section(kubernetes, "verification");
        if let Some(kind) = verification.and_then(|v| text(v, "type")).filter(|t| t.is_str("skip")) {
            let unverified = Unverified { origin: origin.clone(), peer: Peer::KubeletByChart, span: kind.span() };
            reader.graph.spiffe.unverified.push(unverified);
        }
        if let Some(sigstore) = section(kubernetes, "sigstore").filter(|s| is_true(s.get("enabled"))) {
            let span = key_span(kubernetes, "sigstore");
            plugins::signatures(sigstore, span, &mut |peer, span| {
                reader.graph.spiffe.unverified.push(Unverified { origin: origin.clone(), peer, span });
            });
        }
    }
}

fn discovery(reader: &mut Reader, origin: &Origin, global: &Value, settings: &Value) {
    let issuer = if text(global, "jwtIssuer").is_some() { setting(global, "jwtIssuer") } else { charted(settings, "jwtIssuer") };
    reader.graph.spiffe.discoveries.push(DiscoveryProvider {
        origin: origin.clone(),
        domains: Listed { open: true, ..Listed::default() },
        issuer,
        trust_domain: first_text(&[global, settings], "trustDomain"),
        path_prefix: Setting::Absent,
        insecure_address: Setting::Absent,
        insecure_scheme: section(settings, "insecureScheme").and_then(|s| switch(s, "enabled")),
    });
}

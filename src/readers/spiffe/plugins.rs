//! The plugins of servers and agents (<https://github.com/spiffe/spire/tree/main/doc>, `plugin_*.md`).

use super::server::refuse;
use super::shape::{is_open, key_span, listed, named, section, setting, switch, text};
use crate::graph::spiffe::{
    AttestorKind, ExternalPlugin, Listed, Peer, PsatCluster, RefusalKind, Secret, SecretKind, ServerAttestor, Switch, Unverified,
};
use crate::graph::{Origin, Setting};
use crate::partial::{Text, Value, cut};
use crate::place::Span;
use crate::readers::context::Reader;
use crate::readers::credentials::value::stands_in;
use crate::readers::shape::{number, place};

/// Ports that only root may listen on end here.
const ROOT_PORTS: u32 = 1024;

/// The sorts of plugins.
const SORTS: [&str; 8] =
    ["DataStore", "KeyManager", "NodeAttestor", "UpstreamAuthority", "Notifier", "BundlePublisher", "WorkloadAttestor", "SVIDStore"];

fn data(plugin: &Value) -> Value {
    section(plugin, "plugin_data").cloned().unwrap_or_else(|| Value::map(Vec::new(), plugin.span))
}

/// The node attestors of a server.
pub(super) fn server_attestors(reader: &mut Reader, origin: &Origin, plugins: &Value) -> Vec<ServerAttestor> {
    let mut out = Vec::new();
    for (name, body) in named(plugins, "NodeAttestor") {
        let data = data(body);
        let known = name.as_known();
        let span = name.span().or_else(|| place(body));
        let kind = match known.as_deref() {
            Some("k8s_psat") => psat(reader, origin, &data),
            Some("aws_iid") => AttestorKind::AwsInstance {
                assume_role: setting(&data, "assume_role"),
                bounded: bounded(&data),
                skip_block_device: switch(&data, "skip_block_device"),
            },
            Some("gcp_iit") => google(reader, origin, &data, span),
            Some("http_challenge") => {
                let ports = (data.get("required_port"), switch(&data, "allow_non_root_ports"));
                let challenge = http_challenge(listed(&data, &["allowed_dns_patterns"]), ports, data.is_open(), switch(&data, "tofu"));
                refuse_every_port(reader, origin, &challenge);
                challenge
            }
            Some("x509pop") => AttestorKind::Certificate { any_svid: any_svid(&data) },
            Some("join_token") => AttestorKind::JoinToken,
            _ => AttestorKind::Other,
        };
        out.push(ServerAttestor { name: name.clone(), span, kind });
    }
    out
}

fn psat(reader: &mut Reader, origin: &Origin, data: &Value) -> AttestorKind {
    let mut clusters = Vec::new();
    for (name, body) in named(data, "clusters") {
        let accounts = listed(body, &["service_account_allow_list", "service_account_whitelist"]);
        let cluster = PsatCluster {
            name: name.clone(),
            accounts,
            audience: listed(body, &["audience"]),
            charted: false,
            span: name.span().or_else(|| place(body)),
        };
        refuse_accounts(reader, origin, &cluster);
        clusters.push(cluster);
    }
    AttestorKind::ProjectedToken { clusters, open: data.get("clusters").is_none() || is_open(data, "clusters") }
}

/// A cluster without accounts is refused; a star is compared like any other character
/// (<https://github.com/spiffe/spire/blob/main/pkg/server/plugin/nodeattestor/k8spsat/psat.go>).
pub(super) fn refuse_accounts(reader: &mut Reader, origin: &Origin, cluster: &PsatCluster) {
    if cluster.accounts.is_empty() {
        refuse(reader, origin, RefusalKind::NoAccounts, cluster.accounts.span.or(cluster.span));
    }
    for account in &cluster.accounts.texts {
        if account.as_known().is_some_and(|a| a.contains('*')) {
            refuse(reader, origin, RefusalKind::StarAccount, account.span());
        }
    }
}

/// Something says whose instances attest; none when it is not known.
fn bounded(data: &Value) -> Option<bool> {
    let set = |key: &str| data.get(key).is_some_and(|v| !v.is_null());
    let is = set("verify_organization") || set("validate_eks_cluster_membership") || set("account_ids_for_local_validation");
    (is || !data.is_open()).then_some(is)
}

fn google(reader: &mut Reader, origin: &Origin, data: &Value, span: Option<Span>) -> AttestorKind {
    let projects = listed(data, &["projectid_allow_list", "projectid_whitelist"]);
    if projects.is_empty() {
        refuse(reader, origin, RefusalKind::NoProjects, projects.span.or(span));
    }
    AttestorKind::GoogleInstance { projects }
}

/// What `http_challenge` asks for: one port, or one that only root may listen on.
pub(super) fn http_challenge(
    patterns: Listed,
    (required, any_port): (Option<&Value>, Option<Switch>),
    open: bool,
    first_use: Option<Switch>,
) -> AttestorKind {
    let one_port = match required {
        None if open => None,
        None => Some(false),
        Some(value) => number(Some(value)).map(|port| port > 0),
    };
    // Ports of everybody are allowed unless that is switched off.
    let below = match any_port {
        None => Some(false),
        Some(switch) => switch.on.map(|on| !on),
    };
    let low_port = required.and_then(|v| number(Some(v))).is_some_and(|port| port > 0 && port < ROOT_PORTS);
    let port_bound = match (one_port, below) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        _ if low_port => Some(true),
        (None, _) | (_, None) => None,
        _ => Some(false),
    };
    AttestorKind::HttpChallenge { patterns, port_bound, first_use }
}

/// Who may listen on any port may be somebody else the next time
/// (<https://github.com/spiffe/spire/blob/main/pkg/server/plugin/nodeattestor/httpchallenge/httpchallenge.go>).
pub(super) fn refuse_every_port(reader: &mut Reader, origin: &Origin, challenge: &AttestorKind) {
    let AttestorKind::HttpChallenge { port_bound: Some(false), first_use: Some(first_use), .. } = challenge else { return };
    if first_use.on == Some(false) {
        refuse(reader, origin, RefusalKind::EveryPort, first_use.span);
    }
}

/// `mode = "spiffe"` with an empty prefix; the documentation calls the setting `svid_prefix`.
fn any_svid(data: &Value) -> Option<Span> {
    let empty = |key: &str| data.get(key).filter(|v| v.as_str().is_some_and(|s| s.is_empty())).and_then(|v| key_span(data, key).or(v.span));
    text(data, "mode").filter(|mode| mode.is_str("spiffe"))?;
    ["spiffe_prefix", "svid_prefix"].iter().find_map(|key| empty(key))
}

/// The workload attestors of an agent: whom they believe.
pub(super) fn workload_attestors(reader: &mut Reader, origin: &Origin, plugins: &Value) {
    for (name, body) in named(plugins, "WorkloadAttestor") {
        let data = data(body);
        let mut note = |peer: Peer, span: Option<Span>| {
            reader.graph.spiffe.unverified.push(Unverified { origin: origin.clone(), peer, span });
        };
        if name.is_str("k8s") {
            let on = |key: &str| switch(&data, key).filter(|s| s.is_on()).map(|s| s.span);
            if let Some(span) = on("use_anonymous_authentication") {
                note(Peer::KubeletAnonymous, span);
            }
            if let Some(span) = on("skip_kubelet_verification") {
                note(Peer::Kubelet, span);
            }
            let port = data.get("kubelet_read_only_port");
            if number(port).is_some_and(|p| p > 0) {
                note(Peer::KubeletReadOnly, key_span(&data, "kubelet_read_only_port"));
            }
        }
        let experimental = section(&data, "experimental");
        let sigstore = section(&data, "sigstore").or_else(|| experimental.and_then(|e| section(e, "sigstore")));
        if let Some(sigstore) = sigstore {
            let span = key_span(&data, "sigstore").or_else(|| place(sigstore));
            signatures(sigstore, span, &mut note);
        }
        broker(&data, &mut note);
    }
}

/// Signatures of images, without which identities they may be of.
pub(super) fn signatures(sigstore: &Value, span: Option<Span>, note: &mut dyn FnMut(Peer, Option<Span>)) {
    let identities = sigstore.get("allowed_identities").or_else(|| sigstore.get("allowedIdentities"));
    let anybody = match identities {
        None => !sigstore.is_open(),
        Some(value) => {
            let all: Vec<_> = value.items().iter().flat_map(|v| v.entries()).collect();
            !value.is_open() && (all.is_empty() || all.iter().any(|e| takes_all(&e.key) && texts(&e.value).iter().any(takes_all)))
        }
    };
    if anybody {
        note(Peer::AnySigner, span);
    }
    for key in ["ignore_tlog", "ignoreTlog"] {
        if switch(sigstore, key).is_some_and(Switch::is_on) {
            note(Peer::UnloggedSignatures, key_span(sigstore, key));
        }
    }
}

fn texts(value: &Value) -> Vec<Text> {
    crate::readers::shape::listing(Some(value)).texts
}

/// An expression that every issuer or subject matches.
fn takes_all(expression: &Text) -> bool {
    matches!(expression.as_known().as_deref(), Some(".*" | "^.*$" | ".+" | "^.+$" | "*"))
}

/// A broker asks for the SVIDs of workloads by naming them
/// (<https://github.com/spiffe/spire/blob/main/doc/plugin_agent_workloadattestor_k8s.md>).
fn broker(data: &Value, note: &mut dyn FnMut(Peer, Option<Span>)) {
    let experimental = section(data, "experimental");
    let Some(broker) = experimental.and_then(|e| section(e, "broker")).or_else(|| section(data, "broker")) else { return };
    if text(broker, "access_policy").is_some_and(|p| p.is_str("permissive")) {
        note(Peer::Broker, key_span(broker, "access_policy"));
    }
}

/// What every plugin may have: a program of its own, secrets, a peer that is not verified.
pub(super) fn common(reader: &mut Reader, origin: &Origin, plugins: &Value) {
    for sort in SORTS {
        for (name, body) in named(plugins, sort) {
            external(reader, origin, body);
            let data = data(body);
            let name = name.as_known().unwrap_or_default();
            if name == "vault" && switch(&data, "insecure_skip_verify").is_some_and(Switch::is_on) {
                let span = key_span(&data, "insecure_skip_verify");
                reader.graph.spiffe.unverified.push(Unverified { origin: origin.clone(), peer: Peer::Vault, span });
            }
            secrets(reader, origin, sort, &name, &data);
        }
    }
}

fn external(reader: &mut Reader, origin: &Origin, plugin: &Value) {
    let Some(command) = text(plugin, "plugin_cmd") else { return };
    let checked = match setting(plugin, "plugin_checksum") {
        Setting::Absent => Some(false),
        Setting::Set(_) => Some(true),
        Setting::OneOf(_) | Setting::Unknown(_) => None,
    };
    reader.graph.spiffe.plugins.push(ExternalPlugin { origin: origin.clone(), command, checked });
}

/// Settings that hold a secret.
const SECRETS: [(&str, SecretKind); 8] = [
    ("secret_access_key", SecretKind::Cloud),
    ("app_secret", SecretKind::Cloud),
    ("client_secret", SecretKind::Cloud),
    ("app_role_secret_id", SecretKind::Vault),
    ("approle_secret_id", SecretKind::Vault),
    ("token", SecretKind::Vault),
    ("key_pass", SecretKind::Other),
    ("password", SecretKind::Other),
];

/// How deep the settings of a plugin are searched.
const MAX_SETTINGS: usize = 12;

fn secrets(reader: &mut Reader, origin: &Origin, sort: &str, name: &str, data: &Value) {
    if sort == "DataStore" {
        for key in ["connection_string", "ro_connection_string"] {
            database(reader, origin, data, key);
        }
        // `database_type "aws_postgres" { … }`.
        for (_, body) in named(data, "database_type") {
            collect(reader, origin, body, name, MAX_SETTINGS);
        }
        return;
    }
    collect(reader, origin, data, name, MAX_SETTINGS);
}

fn collect(reader: &mut Reader, origin: &Origin, value: &Value, name: &str, depth: usize) {
    if depth == 0 {
        return;
    }
    for item in value.items() {
        for entry in item.entries() {
            let key = entry.key.as_known().unwrap_or_default();
            let secret =
                SECRETS.iter().find(|(setting, _)| *setting == key).filter(|(s, _)| *s != "token" || name == "vault" || name == "token");
            if let Some((setting, kind)) = secret {
                if let Some(written) = entry.value.as_str().filter(|s| !s.is_empty()) {
                    note(reader, origin, *kind, setting, &written, entry.value.as_text().and_then(|t| t.span()).or(entry.value.span));
                }
            } else {
                collect(reader, origin, &entry.value, if key == "token_auth" { "token" } else { name }, depth - 1);
            }
        }
    }
}

/// A secret that is a placeholder is none: `<password>`, `CHANGE_ME`, `__PASSWORD__`.
fn note(reader: &mut Reader, origin: &Origin, kind: SecretKind, setting: &'static str, written: &str, span: Option<Span>) {
    if written.starts_with(['<', '{', '%', '@']) || stands_in(written) {
        return;
    }
    reader.graph.spiffe.secrets.push(Secret { origin: origin.clone(), kind, setting, span });
}

/// Secrets in the values of the chart: keys of the clouds, the password of the database.
pub(super) fn chart_secrets(reader: &mut Reader, origin: &Origin, settings: &Value) {
    let plain = |value: Option<&Value>| value.and_then(Value::as_str).filter(|s| !s.is_empty());
    let span = |value: Option<&Value>| value.and_then(|v| v.as_text().and_then(|t| t.span()).or(v.span));
    for path in [&["dataStore", "sql", "password"][..], &["dataStore", "sql", "readOnly", "password"]] {
        let value = settings.at(path);
        if let Some(written) = plain(value) {
            note(reader, origin, SecretKind::Database, "password", &written, span(value));
        }
    }
    let cloud = [
        &["upstreamAuthority", "awsPCA", "secretAccessKey"][..],
        &["keyManager", "awsKMS", "accessKeySecret"],
        &["keyManager", "awsKMS", "secretAccessKey"],
        &["nodeAttestor", "awsIID", "secretAccessKey"],
        &["upstreamAuthority", "spire", "secretAccessKey"],
    ];
    for path in cloud {
        let value = settings.at(path);
        if let Some(written) = plain(value) {
            note(reader, origin, SecretKind::Cloud, "secretAccessKey", &written, span(value));
        }
    }
}

/// A password in a connection string: `password=…` of PostgreSQL, `user:password@` of MySQL and of URLs.
fn database(reader: &mut Reader, origin: &Origin, data: &Value, key: &'static str) {
    let Some(text) = text(data, key) else { return };
    // What is not known ends every word.
    let shape = cut::flat(&text);
    let Some(password) = password(&shape).filter(|p| !p.is_empty() && !p.contains(cut::HOLE)) else { return };
    note(reader, origin, SecretKind::Database, key, password, text.find_span(password).or_else(|| text.span()));
}

fn password(connection: &str) -> Option<&str> {
    let words = connection.split_whitespace();
    if let Some(word) = words.into_iter().find_map(|w| w.strip_prefix("password=")) {
        return Some(word.trim_matches('\''));
    }
    let rest = connection.split_once("://").map_or(connection, |(_, rest)| rest);
    let (user, _) = rest.split_once('@')?;
    let (name, password) = user.split_once(':')?;
    (!name.contains([' ', '/', '('])).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::password;

    #[test]
    fn passwords_of_connection_strings() {
        for (connection, found) in [
            ("dbname=spire user=spire password=p1 host=h", Some("p1")),
            ("spire:p2@tcp(mysql:3306)/spire?parseTime=true", Some("p2")),
            ("postgres://spire:p3@h/spire", Some("p3")),
            ("spire@tcp(mysql.example:3306)/spire", None),
            ("/var/lib/spire/d.sqlite3", None),
            ("dbname=spire host=h sslmode=verify-full", None),
            ("file:///data/x.sqlite3?cache=shared", None),
        ] {
            assert_eq!(password(connection), found, "{connection}");
        }
    }
}

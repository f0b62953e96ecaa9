//! The configuration of a SPIRE agent (<https://github.com/spiffe/spire/blob/main/doc/spire_agent.md>).

use super::plugins;
use super::server::refuse;
use super::shape::{key_span, named, section, setting, switch, text};
use crate::graph::spiffe::{AgentAttestor, Peer, RefusalKind, SpireAgent, Unverified};
use crate::graph::{Origin, Setting};
use crate::partial::Value;
use crate::readers::context::Reader;

/// The settings of an agent: `agent { … }` beside `plugins { … }`.
pub(super) fn read(reader: &mut Reader, origin: &Origin, config: &Value) {
    let Some(settings) = section(config, "agent") else { return };
    let empty = Value::map(Vec::new(), None);
    let plugins = section(config, "plugins").unwrap_or(&empty);
    let agent = SpireAgent {
        origin: origin.clone(),
        trust_domain: text(settings, "trust_domain"),
        insecure: switch(settings, "insecure_bootstrap"),
        bundle_path: setting(settings, "trust_bundle_path"),
        bundle_url: setting(settings, "trust_bundle_url"),
        bundle_socket: setting(settings, "trust_bundle_unix_socket"),
        rebootstrap: setting(settings, "rebootstrap_mode"),
        join_token: setting(settings, "join_token"),
        attestor: attestor(plugins),
        charted: false,
    };
    bootstrap(reader, &agent);
    let unset = |setting: &Setting| matches!(setting, Setting::Absent);
    let nothing = unset(&agent.bundle_path) && unset(&agent.bundle_url) && agent.insecure.is_none_or(|s| s.on == Some(false));
    if nothing && !settings.is_open() && settings.get("server_address").is_some() {
        refuse(reader, origin, RefusalKind::NoBundleSource, key_span(settings, "server_address"));
    }
    reader.graph.spiffe.agents.push(agent);
    if switch(settings, "allow_unauthenticated_verifiers").is_some_and(|s| s.is_on()) {
        let span = key_span(settings, "allow_unauthenticated_verifiers");
        reader.graph.spiffe.unverified.push(Unverified { origin: origin.clone(), peer: Peer::Verifier, span });
    }
    let sds = section(settings, "sds");
    if let Some(sds) = sds.filter(|s| switch(s, "disable_spiffe_cert_validation").is_some_and(|s| s.is_on())) {
        let span = key_span(sds, "disable_spiffe_cert_validation");
        reader.graph.spiffe.unverified.push(Unverified { origin: origin.clone(), peer: Peer::SecretDiscovery, span });
    }
    plugins::workload_attestors(reader, origin, plugins);
    plugins::common(reader, origin, plugins);
}

/// An agent has one node attestor.
fn attestor(plugins: &Value) -> Option<AgentAttestor> {
    let all = named(plugins, "NodeAttestor");
    let [(name, body)] = all.as_slice() else { return None };
    let cluster = section(body, "plugin_data").map_or(Setting::Absent, |data| setting(data, "cluster"));
    Some(AgentAttestor { name: (*name).clone(), cluster, span: name.span() })
}

/// Exactly one source of the first bundle, over https unless through a socket
/// (<https://github.com/spiffe/spire/blob/main/doc/spire_agent.md#agent-configuration-file>).
pub(super) fn bootstrap(reader: &mut Reader, agent: &SpireAgent) {
    let set = |setting: &Setting| if let Setting::Set(text) = setting { Some(text.clone()) } else { None };
    let insecure = agent.insecure.filter(|s| s.is_on());
    let (path, url, socket) = (set(&agent.bundle_path), set(&agent.bundle_url), set(&agent.bundle_socket));
    let places = [insecure.map(|s| s.span), path.as_ref().map(|t| t.span()), url.as_ref().map(|t| t.span())];
    let sources: Vec<_> = places.into_iter().flatten().collect();
    if sources.len() > 1 {
        refuse(reader, &agent.origin, RefusalKind::TwoBundleSources, sources.first().copied().flatten());
        return;
    }
    if let Some(insecure) = insecure
        && let Setting::Set(mode) = &agent.rebootstrap
        && matches!(mode.as_known().as_deref(), Some("auto" | "always"))
    {
        refuse(reader, &agent.origin, RefusalKind::InsecureRebootstrap, insecure.span.or_else(|| mode.span()));
    }
    let Some(url) = url else { return };
    let known = url.known_prefix();
    let no_socket = matches!(agent.bundle_socket, Setting::Absent);
    if known.starts_with("http://") && no_socket {
        refuse(reader, &agent.origin, RefusalKind::PlainBundleUrl, url.span());
    } else if known.starts_with("https://") && socket.is_some() {
        refuse(reader, &agent.origin, RefusalKind::SecureUrlOverSocket, url.span());
    }
}

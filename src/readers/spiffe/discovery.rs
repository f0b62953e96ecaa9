//! The OIDC discovery provider's configuration
//! (<https://github.com/spiffe/spire/blob/main/support/oidc-discovery-provider/README.md>).

use super::server::refuse;
use super::shape::{listed, section, setting, switch, text};
use crate::graph::spiffe::{DiscoveryProvider, RefusalKind};
use crate::graph::{Origin, Setting};
use crate::partial::Value;
use crate::readers::context::Reader;

/// Whether a tree is the configuration of a discovery provider.
pub(super) fn is(config: &Value) -> bool {
    let has = |key: &str| config.get(key).is_some();
    (has("domains") || has("domain"))
        && ["acme", "serving_cert_file", "listen_socket_path", "insecure_addr", "server_api", "workload_api", "jwt_issuer"]
            .iter()
            .any(|k| has(k))
}

/// Reads one.
pub(super) fn read(reader: &mut Reader, origin: &Origin, config: &Value) {
    let issuer = setting(config, "jwt_issuer");
    if let Setting::Set(url) = &issuer
        && url.is_known()
        && !url.known_prefix().contains("://")
    {
        refuse(reader, origin, RefusalKind::IssuerWithoutScheme, url.span());
    }
    reader.graph.spiffe.discoveries.push(DiscoveryProvider {
        origin: origin.clone(),
        domains: listed(config, &["domains", "domain"]),
        issuer,
        trust_domain: section(config, "workload_api").and_then(|w| text(w, "trust_domain")),
        path_prefix: setting(config, "server_path_prefix"),
        insecure_address: setting(config, "insecure_addr"),
        // Behind a socket a proxy ends TLS.
        insecure_scheme: switch(config, "allow_insecure_scheme").filter(|_| config.get("listen_socket_path").is_none()),
    });
}

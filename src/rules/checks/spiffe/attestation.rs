//! How nodes prove who they are to a server, and who else can.

use crate::catalogue::{RuleId, Severity};
use crate::graph::Setting;
use crate::graph::spiffe::{AttestorKind, Listed, PsatCluster, ServerAttestor, SpireServer};
use crate::partial::Text;
use crate::place::Span;
use crate::rules::Finding;
use crate::rules::engine::Context;

/// A host that nobody means.
const STRANGE_HOST: &str = "host.attacker.example";

/// Every finding about node attestors.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.spiffe.servers.iter().flat_map(server).collect()
}

fn server(server: &SpireServer) -> Vec<Finding> {
    let mut out: Vec<Finding> = server.attestors.iter().flat_map(|a| attestor(server, a)).collect();
    let only_tokens = !server.attestors.is_empty() && server.attestors.iter().all(|a| matches!(a.kind, AttestorKind::JoinToken));
    if let Some(first) = server.attestors.first().filter(|_| only_tokens && !server.attestors_open) {
        let message = "join tokens are the only way to become an agent: they travel by hand, and an agent cannot attest again with one";
        let finding = weak(server, first.span, "join tokens", message, Severity::Low);
        out.push(finding.help("use the platform's attestor (`k8s_psat`, `aws_iid`, `gcp_iit`, `azure_imds`, `tpm_devid`, `x509pop`)"));
    }
    out
}

fn weak(server: &SpireServer, span: Option<Span>, edge: &str, message: impl Into<String>, severity: Severity) -> Finding {
    Finding::new(RuleId::SpireWeakNodeAttestation, &server.origin, span, edge, message).severity(severity)
}

fn attestor(server: &SpireServer, attestor: &ServerAttestor) -> Vec<Finding> {
    match &attestor.kind {
        AttestorKind::ProjectedToken { clusters, .. } => clusters.iter().flat_map(|c| cluster(server, c)).collect(),
        AttestorKind::AwsInstance { assume_role, bounded: Some(false), .. } if !matches!(assume_role, Setting::Absent) => {
            let span = super::set(assume_role).and_then(Text::span).or(attestor.span);
            let message = "the role is looked for in the account that the instance's document names: an instance of any AWS account that has such a role attests";
            let finding = weak(server, span, "assume_role", message, Severity::Medium);
            vec![finding.help("set `verify_organization`, so that only accounts of the organization count")]
        }
        AttestorKind::HttpChallenge { patterns, port_bound, .. } => {
            http_challenge(server, attestor, patterns, *port_bound).into_iter().collect()
        }
        AttestorKind::Certificate { any_svid: Some(span) } => {
            let message =
                "every SVID of the trust domain can be exchanged for an agent's: any workload becomes a node and obtains the ids below it";
            let finding = weak(server, Some(*span), "any svid", message, Severity::High);
            vec![finding.help("set `spiffe_prefix` to the path of the intended SVIDs, or leave it at its default")]
        }
        AttestorKind::AwsInstance { skip_block_device: Some(skip), .. } if skip.is_on() => {
            let message = "a document that was copied from a running instance attests too: `skip_block_device` leaves out the test that the instance is fresh";
            vec![weak(server, skip.span, "skip_block_device", message, Severity::Low).help("remove `skip_block_device`")]
        }
        _ => Vec::new(),
    }
}

fn cluster(server: &SpireServer, cluster: &PsatCluster) -> Vec<Finding> {
    let mut out = Vec::new();
    for account in &cluster.accounts.texts {
        let Some((namespace, name)) = account.as_known().and_then(|a| a.split_once(':').map(|(n, a)| (n.to_owned(), a.to_owned()))) else {
            continue;
        };
        if name == "default" {
            let message = format!(
                "any pod of `{namespace}` that names no ServiceAccount can become an agent, and then obtains every id registered below its node"
            );
            let finding = weak(server, account.span(), &format!("{namespace}:{name}"), message, Severity::High);
            out.push(finding.help("allow the agents' own ServiceAccount only").along_text(account));
        }
    }
    if cluster.audience.written && cluster.audience.is_empty() {
        let message = "an empty `audience` means the API server's: a ServiceAccount token made for anything in the cluster attests a node";
        let finding = weak(server, cluster.audience.span, &format!("audience of {}", cluster.name), message, Severity::Low);
        out.push(finding.help("leave out `audience`, or set it to `[\"spire-server\"]`"));
    }
    out
}

/// Names that match are believed: patterns match anywhere in a name
/// (<https://github.com/spiffe/spire/blob/main/doc/plugin_server_nodeattestor_http_challenge.md>).
fn http_challenge(server: &SpireServer, attestor: &ServerAttestor, patterns: &Listed, port_bound: Option<bool>) -> Option<Finding> {
    if patterns.is_empty() {
        let (severity, where_) = match port_bound {
            Some(false) => (Severity::High, ", on any port"),
            _ => (Severity::Medium, ""),
        };
        let message =
            format!("every host name attests{where_}: whoever answers for a name in DNS that the server resolves becomes an agent");
        let finding = weak(server, patterns.span.or(attestor.span), "every host", message, severity);
        return Some(
            finding.help("set `allowed_dns_patterns` to anchored patterns, and `required_port` or `allow_non_root_ports = false`"),
        );
    }
    for pattern in &patterns.texts {
        let Some(known) = pattern.as_known() else { continue };
        let Ok(regex) = regex::Regex::new(&known) else { continue };
        let anchored = known.starts_with('^') && known.ends_with('$');
        let (severity, message) = if regex.is_match(STRANGE_HOST) {
            (Severity::High, format!("`{known}` matches every host name, such as `{STRANGE_HOST}`"))
        } else if !anchored {
            (
                Severity::Medium,
                format!("`{known}` matches anywhere in a host name, so it also matches names of other domains that contain it"),
            )
        } else {
            continue;
        };
        return Some(weak(server, pattern.span(), &known, message, severity).help("anchor the pattern: `^…$`").along_text(pattern));
    }
    None
}

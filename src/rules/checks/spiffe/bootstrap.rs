//! Peers that are taken for what they say they are.

use super::{is_rehearsal, set};
use crate::catalogue::{RuleId, Severity};
use crate::graph::Origin;
use crate::graph::spiffe::{Peer, Program, RefusalKind, Unverified};
use crate::partial::Text;
use crate::place::Span;
use crate::rules::Finding;
use crate::rules::engine::Context;
use std::collections::BTreeMap;

/// Trust domains of the documentation, and of clusters by default.
const PLACEHOLDERS: [&str; 6] = ["example.org", "example.com", "example.net", "domain.test", "cluster.local", "example.test"];

/// Every finding about the first contact, and about names that nobody chose.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let spiffe = &context.graph.spiffe;
    let mut out = Vec::new();
    for agent in &spiffe.agents {
        let refused = spiffe.refusals.iter().any(|r| {
            matches!(r.kind, RefusalKind::TwoBundleSources | RefusalKind::InsecureRebootstrap) && r.origin.span == agent.origin.span
        });
        if let Some(insecure) = agent.insecure.filter(|s| s.is_on() && !refused) {
            out.push(first_contact(context, &agent.origin, insecure.span));
        }
        if let Some(token) = set(&agent.join_token) {
            out.extend(join_token(context, &agent.origin, token));
        }
    }
    for process in spiffe.processes.iter().filter(|p| p.program == Program::Agent) {
        if process.insecure.is_some() {
            out.push(first_contact(context, &process.origin, process.insecure));
        }
        out.extend(process.join_token.as_ref().and_then(|t| join_token(context, &process.origin, t)));
    }
    out.extend(spiffe.unverified.iter().map(|u| unverified(context, u)));
    let domains = spiffe.servers.iter().map(|s| (&s.origin, &s.trust_domain));
    let domains = domains.chain(spiffe.controllers.iter().map(|c| (&c.origin, &c.trust_domain)));
    let domains: Vec<_> = domains.filter_map(|(origin, domain)| Some((origin, domain.as_ref()?))).collect();
    out.extend(placeholders(context, &domains));
    let agents = spiffe.agents.iter().filter_map(|a| Some((&a.origin, a.trust_domain.as_ref()?)));
    let foreign = spiffe.federations.iter().map(|f| (&f.origin, &f.trust_domain));
    out.extend(domains.into_iter().chain(agents).chain(foreign).filter_map(|(origin, domain)| no_domain(origin, domain)));
    out
}

fn rehearsed(context: &Context<'_>, span: Span, severity: Severity) -> Severity {
    if is_rehearsal(context, span) { severity.min(Severity::Low) } else { severity }
}

fn first_contact(context: &Context<'_>, origin: &Origin, span: Option<Span>) -> Finding {
    let message =
        "the agent trusts the first server that answers: who stands in between hands it a trust bundle and decides who is who on this node";
    let finding = Finding::new(RuleId::SpireInsecureBootstrap, origin, span, "insecure bootstrap", message);
    finding
        .severity(rehearsed(context, origin.span, Severity::High))
        .help("give the agent the bundle: `trust_bundle_path`, or `trust_bundle_url` over https")
}

/// A join token that anybody who reads the repository can use first.
fn join_token(context: &Context<'_>, origin: &Origin, token: &Text) -> Option<Finding> {
    let known = token.as_known().filter(|t| !t.is_empty() && !t.starts_with(['<', '{', '$']))?;
    let message = "a join token is in the repository: whoever uses it first becomes this agent and obtains every id below it";
    let finding = Finding::new(RuleId::SpireInsecureBootstrap, origin, token.span(), "join token", message);
    let severity = if known.len() < MIN_TOKEN { Severity::Low } else { Severity::High };
    let severity = rehearsed(context, origin.span, severity);
    Some(finding.severity(severity).help("use `join_token_file`, or an attestor that needs no secret").along_text(token))
}

/// Shorter words are stand-ins.
const MIN_TOKEN: usize = 16;

fn unverified(context: &Context<'_>, unverified: &Unverified) -> Finding {
    let (message, help, severity) = match unverified.peer {
        Peer::Kubelet => (
            "the kubelet's certificate is not verified: who answers in its place decides the selectors of every pod of the node",
            "set `kubelet_ca_path` and leave `skip_kubelet_verification` off",
            Severity::Low,
        ),
        Peer::KubeletByChart => (
            "the kubelet's certificate is not verified: who answers in its place decides the selectors of every pod of the node",
            "set `verification.type` to `hostCert` or `apiServerCA`",
            Severity::Low,
        ),
        Peer::KubeletReadOnly => (
            "the kubelet's read-only port has neither authentication nor encryption: who answers there decides the selectors of pods",
            "use the secure port (`kubelet_secure_port`) with `kubelet_ca_path`",
            Severity::Medium,
        ),
        Peer::KubeletAnonymous => (
            "the kubelet is asked anonymously, so it has to answer everybody in the cluster",
            "let the agent authenticate with its ServiceAccount token (the default)",
            Severity::Medium,
        ),
        Peer::Vault => (
            "Vault's certificate is not verified: who answers in its place signs the CA of the trust domain",
            "set `ca_cert_path` and leave `insecure_skip_verify` off",
            Severity::High,
        ),
        Peer::AnySigner => (
            "signatures by any identity count, so `image-signature:verified` says nothing about who made the image",
            "set `allowed_identities`: issuers and the subjects that may sign",
            Severity::Medium,
        ),
        Peer::UnloggedSignatures => {
            ("the transparency log is not asked, so signatures with expired certificates count", "leave `ignore_tlog` off", Severity::Low)
        }
        Peer::Broker => (
            "the broker may ask for the SVID of any workload it names: whoever controls the broker is every workload",
            "set `access_policy` to `enforced` and name the brokers",
            Severity::Medium,
        ),
        Peer::SecretDiscovery => (
            "Envoy is told to accept certificates without looking at their SPIFFE ids: trust domains are no longer told apart",
            "leave `disable_spiffe_cert_validation` off",
            Severity::Medium,
        ),
        Peer::Verifier => (
            "processes that are not registered obtain the trust bundles of the Workload API",
            "leave `allow_unauthenticated_verifiers` off unless verifiers without an identity need it",
            Severity::Info,
        ),
    };
    let edge = format!("{:?}", unverified.peer);
    let finding = Finding::new(RuleId::SpireInsecureBootstrap, &unverified.origin, unverified.span, &edge, message);
    finding.severity(rehearsed(context, unverified.origin.span, severity)).help(help)
}

/// A trust domain that SPIRE does not accept.
fn no_domain(origin: &Origin, domain: &Text) -> Option<Finding> {
    let known = domain.as_known()?;
    let name = known.strip_prefix("spiffe://").unwrap_or(&known);
    let why = super::id_problem(&format!("spiffe://{name}/x"))?;
    let message = format!("`{known}` is no valid trust domain: {why}");
    let finding = Finding::new(RuleId::InvalidSpiffeId, origin, domain.span(), &known, message);
    Some(finding.help("write the name alone: small letters, digits, `.`, `-` and `_`, without scheme and port").along_text(domain))
}

/// One finding for each name of examples, however many files have it.
fn placeholders(context: &Context<'_>, domains: &[(&Origin, &Text)]) -> Vec<Finding> {
    let mut by_name: BTreeMap<String, Finding> = BTreeMap::new();
    for (origin, domain) in domains {
        let Some(finding) = placeholder(context, origin, domain) else { continue };
        let name = domain.to_string();
        let found = match by_name.remove(&name) {
            Some(first) => first.related_to(domain.span().unwrap_or(origin.span), "here, too"),
            None => finding,
        };
        by_name.insert(name, found);
    }
    by_name.into_values().collect()
}

fn placeholder(context: &Context<'_>, origin: &Origin, domain: &Text) -> Option<Finding> {
    let known = domain.as_known().filter(|d| PLACEHOLDERS.contains(&d.as_str()))?;
    if is_rehearsal(context, origin.span) {
        return None;
    }
    let message = format!("`{known}` is the name of examples: others use it too, and two trust domains of one name can never federate");
    let finding = Finding::new(RuleId::PlaceholderTrustDomain, origin, domain.span(), &known, message);
    Some(finding.help("choose a name under a domain that is yours").along_text(domain))
}

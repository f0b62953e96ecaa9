//! Parts of one deployment that name different things: nothing is attested, no entry applies.
//!
//! Only what is in the scan is compared, and only parts whose files lie near each other. Another part may be elsewhere, so
//! nothing here is a proof.

use super::entries::is_node;
use super::{domain_of, id_problem, near, set};
use crate::admission::spiffe::template::IdTemplate;
use crate::admission::spiffe::{SpiffeId, of_nodes};
use crate::catalogue::{RuleId, Severity};
use crate::graph::spiffe::{AttestorKind, Process, Program, PsatCluster, Registration, SpireAgent, SpireServer};
use crate::graph::{Origin, Setting};
use crate::partial::{Text, cut};
use crate::place::Span;
use crate::rules::Finding;
use crate::rules::engine::Context;

/// Every mismatch.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let spiffe = &context.graph.spiffe;
    let mut out = Vec::new();
    for agent in spiffe.agents.iter().filter(|a| !a.charted) {
        let domain = agent.trust_domain.as_ref().and_then(|d| other_domain(context, &agent.origin, d, d.as_known()?, "the agent"));
        match domain {
            Some(finding) => out.push(finding),
            None => out.extend(attestor(context, agent)),
        }
    }
    for entry in &spiffe.entries {
        out.extend(self::entry(context, entry));
    }
    for identity in &spiffe.identities {
        if let Some(domain) = IdTemplate::parse(&identity.template).trust_domain() {
            out.extend(other_domain(context, &identity.origin, &identity.template, domain, "the template"));
        }
        if !identity.charted {
            out.extend(class(context, &identity.origin, &identity.class));
        }
    }
    for federation in &spiffe.federations {
        out.extend(federation.class.as_ref().and_then(|c| class(context, &federation.origin, c)));
    }
    for controller in &spiffe.controllers {
        let domain = controller.trust_domain.as_ref().and_then(|d| served_domain(context, &controller.origin, d));
        match domain {
            Some(finding) => out.push(finding),
            None => out.extend(controller.cluster.as_ref().and_then(|c| {
                let servers = servers_of(context, controller.origin.span, controller.trust_domain.as_ref());
                unknown_cluster(&controller.origin, c, &servers, "the controller manager registers pods below agents of")
            })),
        }
    }
    for mesh in &spiffe.meshes {
        let domain = mesh.trust_domain.as_known();
        out.extend(domain.and_then(|d| other_domain(context, &mesh.origin, &mesh.trust_domain, d, "the mesh")));
    }
    out.extend(spiffe.processes.iter().filter_map(|p| account(context, p)));
    out
}

fn mismatch(origin: &Origin, span: Option<Span>, edge: &str, message: String) -> Finding {
    Finding::new(RuleId::SpireMismatch, origin, span, edge, message).certain(false)
}

/// The trust domains that servers and controllers near a place serve; none when one of them is not known.
fn served<'a>(context: &'a Context<'_>, at: Span, controllers: bool) -> Option<Vec<(&'a Text, String)>> {
    let spiffe = &context.graph.spiffe;
    let servers = spiffe.servers.iter().map(|s| (&s.origin, s.trust_domain.as_ref()));
    let others = spiffe.controllers.iter().filter(|_| controllers).map(|c| (&c.origin, c.trust_domain.as_ref()));
    let near = servers.chain(others).filter(|(origin, _)| origin.span != at && near(context, origin.span, at));
    near.map(|(_, domain)| domain.and_then(|d| Some((d, d.as_known()?)))).collect()
}

fn other_domain(context: &Context<'_>, origin: &Origin, text: &Text, domain: String, who: &str) -> Option<Finding> {
    named_otherwise(origin, text, &domain, &served(context, origin.span, true)?, who)
}

/// A controller manager against the servers.
fn served_domain(context: &Context<'_>, origin: &Origin, text: &Text) -> Option<Finding> {
    named_otherwise(origin, text, &text.as_known()?, &served(context, origin.span, false)?, "the controller manager")
}

fn named_otherwise(origin: &Origin, text: &Text, domain: &str, served: &[(&Text, String)], who: &str) -> Option<Finding> {
    let (first, name) = served.first()?;
    if served.iter().any(|(_, other)| other == domain) {
        return None;
    }
    let message = format!("{who} belongs to trust domain `{domain}`, the server to `{name}`: one refuses the identities of the other");
    let finding = mismatch(origin, text.span(), domain, message).help("write the same trust domain on both sides");
    Some(finding.along_text(text).related(first.span(), format!("the trust domain `{name}`")))
}

/// The servers near a place that may be of a trust domain.
fn servers_of<'a>(context: &'a Context<'_>, at: Span, domain: Option<&Text>) -> Vec<&'a SpireServer> {
    let same = |server: &&SpireServer| match (server.trust_domain.as_ref(), domain) {
        (Some(own), Some(domain)) => own.same(domain) || !own.is_known() || !domain.is_known(),
        _ => true,
    };
    context.graph.spiffe.servers.iter().filter(|s| near(context, s.origin.span, at)).filter(same).collect()
}

/// The clusters of the servers' `k8s_psat`; none when they are not all known, or when there are none.
fn clusters<'a>(servers: &[&'a SpireServer]) -> Option<Vec<&'a PsatCluster>> {
    let mut out = Vec::new();
    for server in servers {
        if server.attestors_open {
            return None;
        }
        for attestor in &server.attestors {
            if let AttestorKind::ProjectedToken { clusters, open } = &attestor.kind {
                if *open || clusters.iter().any(|c| c.charted || !c.name.is_known()) {
                    return None;
                }
                out.extend(clusters);
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

fn unknown_cluster(origin: &Origin, name: &Text, servers: &[&SpireServer], who: &str) -> Option<Finding> {
    let known = name.as_known()?;
    let clusters = clusters(servers)?;
    let first = clusters.first()?;
    if clusters.iter().any(|c| c.name.is_str(&known)) {
        return None;
    }
    let message =
        format!("{who} cluster `{known}`, which the server does not know: it calls its cluster `{}`, so this never matches", first.name);
    let finding = mismatch(origin, name.span(), &known, message).help("write the same cluster name on both sides");
    Some(finding.along_text(name).related(first.span, "the server's cluster"))
}

/// The agent's node attestor.
fn attestor(context: &Context<'_>, agent: &SpireAgent) -> Option<Finding> {
    let attestor = agent.attestor.as_ref()?;
    let servers = servers_of(context, agent.origin.span, agent.trust_domain.as_ref());
    if let Some(finding) = missing_attestor(&agent.origin, &attestor.name, &servers, attestor.span) {
        return Some(finding);
    }
    if !attestor.name.is_str("k8s_psat") {
        return None;
    }
    unknown_cluster(&agent.origin, set(&attestor.cluster)?, &servers, "the agent attests as a node of")
}

fn missing_attestor(origin: &Origin, name: &Text, servers: &[&SpireServer], span: Option<Span>) -> Option<Finding> {
    let known = name.as_known()?;
    let first = servers.first()?;
    let mut all = servers.iter().flat_map(|s| &s.attestors);
    if servers.iter().any(|s| s.attestors_open || s.attestors.is_empty()) || all.any(|a| a.name.is_str(&known) || !a.name.is_known()) {
        return None;
    }
    let message = format!("the agents attest with `{known}`, which the server does not have: no such agent is ever attested");
    let finding = mismatch(origin, span, &known, message).help("configure the same node attestor on both sides");
    Some(finding.related(first.attestors.first().and_then(|a| a.span), "what the server has"))
}

/// What an entry says of its trust domain, its parent and its nodes.
fn entry(context: &Context<'_>, entry: &Registration) -> Option<Finding> {
    let domain = domain_of(&entry.id).filter(|_| entry.id.as_known().is_none_or(|id| id_problem(&id).is_none()))?;
    if let Some(parent) = &entry.parent
        && let Some(other) = domain_of(parent)
        && other != domain
    {
        let message = format!("the entry is of trust domain `{domain}` and its parent of `{other}`: the server refuses it");
        let finding = mismatch(&entry.origin, parent.span(), &other, message).certain(entry.id.is_known() && parent.is_known());
        return Some(finding.help("an entry and its parent are of the server's own trust domain").along_text(parent));
    }
    let other = other_domain(context, &entry.origin, &entry.id, domain.clone(), "the entry");
    if other.is_some() || !entry.id.known_prefix().starts_with("spiffe://") {
        return other;
    }
    let servers = servers_of(context, entry.origin.span, Some(&Text::known(&domain)));
    class(context, &entry.origin, &entry.class)
        .filter(|_| entry.source == crate::graph::spiffe::RegistrationSource::Manifest)
        .or_else(|| node_selectors(entry, &servers))
        .or_else(|| parent(entry, &servers))
        .or_else(|| alias(context, entry))
}

/// A parent that is an alias of nodes, where the file holds the aliases and has none of this id.
fn alias(context: &Context<'_>, entry: &Registration) -> Option<Finding> {
    let parent = entry.parent.as_ref()?;
    let known = parent.as_known()?;
    let path = SpiffeId::parse(&known).ok()?.path;
    if is_node(entry) || path.starts_with("/spire/") {
        return None;
    }
    let beside = || context.graph.spiffe.entries.iter().filter(|e| e.origin.span.file == entry.origin.span.file);
    let first = beside().find(|e| is_node(e))?;
    if beside().any(|e| e.id.as_known().is_none_or(|id| id == known)) {
        return None;
    }
    let message =
        format!("the parent `{known}` is no agent, and none of the entries beside it is an alias of that id: no node mints this one");
    let finding = mismatch(&entry.origin, parent.span(), &known, message).severity(Severity::Low).along_text(parent);
    Some(finding.help("write the id of an alias (`-node`), or of an agent").related(first.id.span(), "an alias of nodes"))
}

/// The selectors of an alias: a cluster and an account of agents that the server knows.
fn node_selectors(entry: &Registration, servers: &[&SpireServer]) -> Option<Finding> {
    if !is_node(entry) || entry.selectors_open {
        return None;
    }
    if let Some(finding) = attested(entry, servers) {
        return Some(finding);
    }
    let value = |property: &str| {
        let all = entry.selectors.iter().filter(|s| s.kind == "k8s_psat");
        all.filter_map(|s| cut::strip_prefix(&s.value, property)).next()
    };
    if let Some(finding) = value("cluster:").and_then(|c| unknown_cluster(&entry.origin, &c, servers, "the alias asks for nodes of")) {
        return Some(finding);
    }
    let (namespace, account) = (value("agent_ns:")?.as_known()?, value("agent_sa:")?);
    let wanted = format!("{namespace}:{}", account.as_known()?);
    let list = allowed(servers, &wanted)?;
    let message =
        format!("the alias asks for agents of ServiceAccount `{wanted}`, which the server does not attest: no node has these selectors");
    let finding =
        mismatch(&entry.origin, account.span(), &wanted, message).help("write the account that `service_account_allow_list` names");
    Some(finding.related(list, "the accounts that the server attests"))
}

/// The alias asks for nodes that no attestor of the servers makes: of another attestor, of a project that is not allowed.
fn attested(entry: &Registration, servers: &[&SpireServer]) -> Option<Finding> {
    let first = entry.selectors.first().filter(|_| of_nodes(&entry.selectors))?;
    if let Some(finding) = missing_attestor(&entry.origin, &Text::known(&first.kind), servers, first.span) {
        return Some(finding);
    }
    let mut allowed = Vec::new();
    for attestor in servers.iter().flat_map(|s| &s.attestors) {
        if let AttestorKind::GoogleInstance { projects } = &attestor.kind {
            if projects.open || projects.texts.iter().any(|p| !p.is_known()) {
                return None;
            }
            allowed.extend(&projects.texts);
        }
    }
    let wanted = entry.selectors.iter().filter(|s| s.kind == "gcp_iit");
    let (value, known) = wanted.filter_map(|s| cut::strip_prefix(&s.value, "project-id:")).find_map(|v| v.as_known().map(|k| (v, k)))?;
    let one = allowed.first()?;
    if servers.iter().any(|s| s.attestors_open) || allowed.iter().any(|p| p.is_str(&known)) {
        return None;
    }
    let message = format!("the alias asks for machines of project `{known}`, which the server does not attest: no node has this selector");
    let finding = mismatch(&entry.origin, value.span().or(first.span), &known, message)
        .help("add the project to `projectid_allow_list`, or correct it");
    Some(finding.related(one.span(), "the projects that the server attests"))
}

/// Where the accounts are listed that the servers attest, when all are known and this is none of them.
fn allowed(servers: &[&SpireServer], wanted: &str) -> Option<Option<Span>> {
    let clusters = clusters(servers)?;
    let listed = |c: &&PsatCluster| c.accounts.texts.iter().any(|a| a.is_str(wanted) || !a.is_known());
    if clusters.iter().any(|c| c.accounts.open || c.accounts.is_empty() || listed(c)) {
        return None;
    }
    clusters.first().map(|c| c.accounts.texts.first().and_then(Text::span).or(c.span))
}

/// A parent that is an agent: its attestor and its cluster.
fn parent(entry: &Registration, servers: &[&SpireServer]) -> Option<Finding> {
    /// Attestors whose agents have a path that begins with their name.
    const ATTESTORS: [&str; 9] =
        ["k8s_psat", "aws_iid", "gcp_iit", "azure_msi", "azure_imds", "x509pop", "sshpop", "join_token", "tpm_devid"];
    let text = entry.parent.as_ref()?;
    let written = text.known_prefix();
    let path =
        SpiffeId::parse(&written).map_or_else(|_| written.split_once("/spire/").map(|(_, p)| format!("/spire/{p}")), |id| Some(id.path))?;
    let mut parts = path.strip_prefix("/spire/agent/")?.split('/');
    let attestor = parts.next().filter(|a| ATTESTORS.contains(a))?;
    if let Some(finding) = missing_attestor(&entry.origin, &Text::known(attestor), servers, text.span()) {
        return Some(finding);
    }
    // The cluster is whole where something follows it.
    let (cluster, more) = (parts.next()?, parts.next());
    if attestor != "k8s_psat" || more.is_none() {
        return None;
    }
    let at = text.find_span(cluster).or_else(|| text.span());
    let name = at.map_or_else(|| Text::known(cluster), |at| Text::literal(cluster, at));
    unknown_cluster(&entry.origin, &name, servers, "the parent is an agent of")
}

/// Objects of a class that no controller manager serves
/// (<https://github.com/spiffe/spire-controller-manager/blob/main/docs/spire-controller-manager-config.md>, `className`).
fn class(context: &Context<'_>, origin: &Origin, class: &Setting) -> Option<Finding> {
    let near: Vec<_> = context.graph.spiffe.controllers.iter().filter(|c| near(context, c.origin.span, origin.span)).collect();
    let first = near.first()?;
    let wanted = match class {
        Setting::Absent => None,
        Setting::Set(text) => Some(text.as_known()?),
        Setting::OneOf(_) | Setting::Unknown(_) => return None,
    };
    let mut classes = Vec::new();
    for controller in &near {
        let own = match &controller.class {
            Setting::Absent => None,
            Setting::Set(text) => Some(text.as_known()?),
            Setting::OneOf(_) | Setting::Unknown(_) => return None,
        };
        let classless = controller.classless.is_some_and(|s| s.on != Some(false));
        if own == wanted || (wanted.is_none() && classless) {
            return None;
        }
        classes.push(own.unwrap_or_default());
    }
    let served = classes.first().filter(|c| !c.is_empty()).map_or_else(|| "objects without a class".to_owned(), |c| format!("class `{c}`"));
    let message = match &wanted {
        Some(wanted) => {
            format!("no controller serves class `{wanted}`: the controller in the scan serves {served}, so this object is ignored")
        }
        None => format!("the object names no class, and the controller in the scan serves {served} only: it is ignored"),
    };
    let span = set(class).and_then(Text::span);
    let finding =
        mismatch(origin, span, &wanted.unwrap_or_default(), message).help("set `className` to the class that the controller serves");
    Some(finding.related(set(&first.class).and_then(Text::span).or(Some(first.origin.span)), "the controller"))
}

/// Agents that run with an account that the server does not attest.
fn account(context: &Context<'_>, process: &Process) -> Option<Finding> {
    let pod = process.pod.as_ref().filter(|_| process.program == Program::Agent)?;
    let namespace = pod.namespace.as_ref()?.as_known()?;
    let wanted = format!("{namespace}:{}", pod.account.as_known()?);
    let servers = servers_of(context, process.origin.span, None);
    let list = allowed(&servers, &wanted)?;
    let message = format!("the agents run with ServiceAccount `{wanted}`, which the server does not attest: every attestation is refused");
    let finding =
        mismatch(&process.origin, pod.account.span(), &wanted, message).help("name the same account in `service_account_allow_list`");
    Some(finding.related(list, "the accounts that the server attests"))
}

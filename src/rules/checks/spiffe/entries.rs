//! Registration entries: which workloads and nodes have the selectors, and what they obtain with them.

use super::id_problem;
use crate::admission::spiffe::{Breadth, NodeBreadth, SpiffeId, breadth, node_breadth, of_nodes, stranger};
use crate::catalogue::{RuleId, Severity};
use crate::graph::spiffe::{Registration, SpireServer, Switch};
use crate::partial::{Text, cut};
use crate::place::Span;
use crate::rules::Finding;
use crate::rules::engine::Context;
use std::collections::BTreeMap;

/// Every finding about entries, and about the administrators of servers.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let spiffe = &context.graph.spiffe;
    let mut findings: Vec<Finding> = spiffe.entries.iter().flat_map(one).collect();
    findings.extend(spiffe.servers.iter().flat_map(administrators));
    findings.extend(shared(&spiffe.entries));
    findings
}

fn one(entry: &Registration) -> Vec<Finding> {
    let invalid = invalid(entry);
    if !invalid.is_empty() {
        return invalid;
    }
    if is_node(entry) {
        return alias(entry).into_iter().collect();
    }
    let stored = entry.stored.is_some_and(|s| s.on != Some(false));
    if entry.selectors_open || stored {
        return privileged(entry, Breadth::Unknown).into_iter().collect();
    }
    let how = breadth(&entry.selectors);
    match privileged(entry, how) {
        Some(finding) => vec![finding],
        None => broad(entry, how).into_iter().collect(),
    }
}

/// The entry is an alias of nodes: it is told so, hangs on the server, or asks for selectors of nodes.
pub(super) fn is_node(entry: &Registration) -> bool {
    let server = entry.parent.as_ref().and_then(Text::as_known).is_some_and(|p| p.ends_with("/spire/server"));
    entry.node || server || of_nodes(&entry.selectors)
}

/// Ids that the server refuses.
fn invalid(entry: &Registration) -> Vec<Finding> {
    let mut out = Vec::new();
    for (text, own) in [(Some(&entry.id), true), (entry.parent.as_ref(), false)] {
        let Some(text) = text else { continue };
        let Some(known) = text.as_known() else { continue };
        let problem = id_problem(&known).map(|why| (why, Severity::Medium));
        let reserved = || {
            let id = SpiffeId::parse(&known).ok().filter(|_| own)?;
            if id.path.is_empty() {
                return Some(("a workload's id has a path: this is the trust domain itself".to_owned(), Severity::Medium));
            }
            let severity = if entry.node { Severity::Medium } else { Severity::High };
            id.is_reserved().then(|| ("SPIRE keeps `/spire` and all below for its servers and agents".to_owned(), severity))
        };
        let Some((why, severity)) = problem.or_else(reserved) else { continue };
        let message = format!("the server refuses the id `{known}`: {why}; the workload never obtains an identity");
        let finding = Finding::new(RuleId::InvalidSpiffeId, &entry.origin, text.span(), &known, message).severity(severity);
        out.push(finding.help("write `spiffe://trust-domain/path`, the path outside of `/spire`").along_text(text));
    }
    out
}

/// The place of the first selector.
fn selector_span(entry: &Registration) -> Option<Span> {
    entry.selectors.first().and_then(|s| s.span).or_else(|| entry.id.span())
}

/// An alias for every node of a cluster or an account.
fn alias(entry: &Registration) -> Option<Finding> {
    if entry.selectors_open {
        return None;
    }
    let (who, advice) = match node_breadth(&entry.selectors) {
        NodeBreadth::Cluster => ("every attested agent of the cluster, whatever its account, is", "add `agent_ns` and `agent_sa`"),
        NodeBreadth::Account => {
            ("every attested machine of the account or project is", "add a tag, a security group or an instance's role")
        }
        NodeBreadth::Certain | NodeBreadth::Unknown => return None,
    };
    let message = format!("{who} `{}`, and receives the identities of all workloads registered below it", entry.id);
    let finding = Finding::new(RuleId::SpireBroadSelector, &entry.origin, selector_span(entry), &cut::key(&entry.id), message);
    let witness = stranger(&entry.id.to_string(), &entry.selectors);
    Some(finding.severity(Severity::Low).witness(witness).help(format!("{advice}, so that only the intended nodes are meant")))
}

/// Who has the selectors, and how bad that is.
fn who(entry: &Registration, how: Breadth) -> Option<(&'static str, &'static str, Severity)> {
    let kubernetes = entry.selectors.iter().any(|s| s.kind == "k8s");
    Some(match how {
        Breadth::Root => ("every process of root", "add the path and the digest of the program", Severity::High),
        Breadth::User => ("every process of this user or group", "add the path and the digest of the program", Severity::Medium),
        Breadth::Namespace => ("every pod of the namespace", "add the ServiceAccount (`k8s:sa:NAME`)", Severity::Medium),
        Breadth::Chosen if kubernetes => {
            ("any pod of any namespace whose author writes these values", "add namespace and ServiceAccount", Severity::High)
        }
        Breadth::Chosen => {
            ("any container whose owner sets these values", "use `image_config_digest`, the digest of the image", Severity::Medium)
        }
        Breadth::Bounded if kubernetes => {
            ("any pod of the namespace whose author writes these values", "add the ServiceAccount (`k8s:sa:NAME`)", Severity::Low)
        }
        Breadth::Bounded => ("whoever runs this program", "add the user, or the digest of the program", Severity::Low),
        Breadth::Narrow | Breadth::Everything | Breadth::Unknown => return None,
    })
}

/// Selectors that unrelated workloads meet.
fn broad(entry: &Registration, how: Breadth) -> Option<Finding> {
    let (who, advice, severity) = who(entry, how)?;
    let message = format!("{who} obtains `{}`: the selectors ask for nothing else", entry.id);
    let finding = Finding::new(RuleId::SpireBroadSelector, &entry.origin, selector_span(entry), &cut::key(&entry.id), message);
    Some(finding.severity(severity).witness(stranger(&entry.id.to_string(), &entry.selectors)).help(advice))
}

/// `admin` and `downstream`.
fn privileged(entry: &Registration, how: Breadth) -> Option<Finding> {
    let (power, switch) = power(entry.admin, entry.downstream)?;
    let admin = entry.admin.is_some_and(Switch::is_on);
    let severity = match how {
        Breadth::Root | Breadth::Everything => Severity::Critical,
        Breadth::Namespace | Breadth::User | Breadth::Chosen => Severity::High,
        Breadth::Bounded => Severity::Medium,
        Breadth::Narrow | Breadth::Unknown if admin => Severity::Low,
        // A nested server that is told by a digest or its account is right.
        Breadth::Narrow | Breadth::Unknown => return None,
    };
    let (who, advice) = who(entry, how).map_or(("this workload", "remove it where it is not needed"), |(who, advice, _)| (who, advice));
    let message = format!("{who} {power}");
    let finding = Finding::new(RuleId::SpirePrivilegedEntry, &entry.origin, switch.span, &cut::key(&entry.id), message);
    let finding = finding.severity(severity).help(advice).witness(stranger(&entry.id.to_string(), &entry.selectors));
    Some(finding.related(selector_span(entry), "the selectors"))
}

/// What a privileged id can do.
pub(super) fn power(admin: Option<Switch>, downstream: Option<Switch>) -> Option<(&'static str, Switch)> {
    if let Some(admin) = admin.filter(|s| s.is_on()) {
        return Some(("administers the SPIRE server and can obtain every id of the trust domain", admin));
    }
    let downstream = downstream.filter(|s| s.is_on())?;
    Some(("obtains an intermediate CA and can sign every id of the trust domain", downstream))
}

/// Administrators of another trust domain.
fn administrators(server: &SpireServer) -> Vec<Finding> {
    let own = server.trust_domain.as_ref().and_then(Text::as_known);
    let mut out = Vec::new();
    for admin in &server.admins {
        let Some(known) = admin.as_known() else { continue };
        if let Some(why) = id_problem(&known) {
            let message = format!("the server refuses the id `{known}` of an administrator: {why}");
            out.push(Finding::new(RuleId::InvalidSpiffeId, &server.origin, admin.span(), &known, message).along_text(admin));
            continue;
        }
        if let (Some(own), Some(domain)) = (&own, super::domain_of(admin))
            && *own != domain
        {
            let message = format!(
                "`{known}` of trust domain `{domain}` administers the server of `{own}`: whoever controls `{domain}` can obtain every id of `{own}`"
            );
            let finding = Finding::new(RuleId::SpirePrivilegedEntry, &server.origin, admin.span(), &known, message);
            out.push(finding.severity(Severity::High).help("name an id of the server's own trust domain").along_text(admin));
        }
    }
    out
}

/// Two workloads with one id below one parent: their selectors exclude each other.
fn shared(entries: &[Registration]) -> Vec<Finding> {
    let mut first: BTreeMap<(String, String), Vec<&Registration>> = BTreeMap::new();
    let mut out = Vec::new();
    for entry in entries.iter().filter(|e| !e.selectors_open && !is_node(e)) {
        let key = (cut::key(&entry.id), entry.parent.as_ref().map(cut::key).unwrap_or_default());
        let others = first.entry(key).or_default();
        if let Some(other) = others.iter().find(|o| excludes(o, entry)) {
            let message = format!(
                "two workloads obtain `{}`: their selectors name different namespaces or ServiceAccounts, so neither can be told from the other",
                entry.id
            );
            let finding = Finding::new(RuleId::SpiffeIdCollapse, &entry.origin, entry.id.span(), "two entries", message);
            let witness = stranger(&entry.id.to_string(), &entry.selectors);
            out.push(
                finding
                    .severity(Severity::Low)
                    .witness(witness)
                    .help("give each workload an id of its own")
                    .related(other.id.span(), "the other entry"),
            );
        }
        others.push(entry);
    }
    out
}

/// The two ask for different values of what a pod has once.
fn excludes(left: &Registration, right: &Registration) -> bool {
    ["ns:", "sa:"].iter().any(|property| {
        let value = |entry: &Registration| {
            let all = entry.selectors.iter().filter(|s| s.kind == "k8s");
            all.filter_map(|s| s.value.as_known()).find(|v| v.starts_with(property))
        };
        matches!((value(left), value(right)), (Some(a), Some(b)) if a != b)
    })
}

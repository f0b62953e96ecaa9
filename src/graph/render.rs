//! The graph as text for people and tools: JSON, DOT (<https://graphviz.org/doc/info/lang.html>), Mermaid
//! (<https://mermaid.js.org/syntax/flowchart.html>). Everything from files is escaped for the format it goes to.

use super::links::Links;
use super::{Gate, GoogleSource, Graph, IdentityId, IdentityKind, PoolUser, Provider, ProviderId, ProviderKind, TrustId, WorkloadKind};
use crate::admission::iam::federated;
use crate::graph::addresses;
use crate::partial::{Text, cut};
use crate::place::Span;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Longest label in DOT and Mermaid, in characters; longer ones end in `…`.
const MAX_LABEL: usize = 120;

/// What is known of the graph beside its facts: who is admitted, and where things are written.
pub struct Notes<'a> {
    /// The verdict of each way into a trust; a way of tokens has the provider that they come through.
    pub verdicts: BTreeMap<(TrustId, Option<ProviderId>), Verdict>,
    /// The file and the line of a place.
    pub locate: &'a dyn Fn(Span) -> Option<(String, usize)>,
    /// Only this node, by its label or by what the cloud calls it, with what leads to it and what it leads to; all when absent.
    pub focus: Option<&'a str>,
    /// How many edges away from it.
    pub depth: usize,
    /// In pictures, what identities may do, too.
    pub permissions: bool,
}

impl Default for Notes<'_> {
    fn default() -> Self {
        Self { verdicts: BTreeMap::new(), locate: &|_| None, focus: None, depth: 3, permissions: true }
    }
}

/// Most edges, and most characters, that Mermaid draws as it is set up by default, GitHub's too; it draws nothing of more
/// (<https://mermaid.js.org/config/schema-docs/config.html#maxedges>).
const MERMAID_EDGES: usize = 500;
/// See [`MERMAID_EDGES`].
const MERMAID_TEXT: usize = 50_000;
/// The kind of the nodes for what identities may do.
const PERMISSION: &str = "permission";

/// Who is admitted.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// How far the way is open.
    pub way: Way,
    /// The same for programs, as the inventory has it.
    pub admits: serde_json::Value,
    /// The same in words.
    pub who: String,
    /// `who` says who is named.
    pub told: bool,
    /// What is asked of the claims.
    pub asks: Vec<String>,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// To more than the trust names.
    Open,
    /// To what it names.
    Named,
    /// To nobody.
    Dead,
    /// It is not known.
    Undecided,
}

struct Node {
    id: String,
    kind: &'static str,
    label: String,
    span: Option<Span>,
    detail: serde_json::Value,
}

impl Node {
    /// What somebody may call it.
    fn names(&self) -> Vec<&str> {
        let own = [self.label.as_str(), self.id.as_str()];
        own.into_iter().chain(self.detail.get("name").and_then(|name| name.as_str())).collect()
    }
}

struct Edge {
    from: String,
    to: String,
    kind: &'static str,
    label: String,
    verdict: Option<Verdict>,
}

impl Edge {
    fn new(from: String, to: String, kind: &'static str, label: String) -> Self {
        Self { from, to, kind, label, verdict: None }
    }
}

struct Picture {
    /// The nodes of those who are trusted and are not in the scan, by what they are called.
    outsiders: BTreeMap<Vec<String>, String>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// The graph as one JSON object: `{"version": 1, "nodes": [{id, kind, label, path, line, …}], "edges": [{from, to, kind, label, …}]}`;
/// an edge of a trust has `admits`, `who` and `asks` where they are known.
#[must_use]
pub fn json(graph: &Graph, links: &Links, notes: &Notes<'_>) -> String {
    let picture = focused(picture(graph, links, notes), notes);
    let nodes: Vec<serde_json::Value> = picture.nodes.iter().map(|node| node_json(node, notes)).collect();
    let edges: Vec<serde_json::Value> = picture.edges.iter().map(edge_json).collect();
    let mut text = serde_json::to_string_pretty(&json!({"version": 1, "nodes": nodes, "edges": edges})).unwrap_or_default();
    text.push('\n');
    text
}

fn edge_json(edge: &Edge) -> serde_json::Value {
    let mut object = json!({"from": edge.from, "to": edge.to, "kind": edge.kind, "label": edge.label});
    if let (Some(object), Some(verdict)) = (object.as_object_mut(), &edge.verdict) {
        let Verdict { admits, who, asks, .. } = verdict;
        object.extend([("admits".to_owned(), admits.clone()), ("who".to_owned(), json!(who)), ("asks".to_owned(), json!(asks))]);
    }
    object
}

fn node_json(node: &Node, notes: &Notes<'_>) -> serde_json::Value {
    let mut object = json!({"id": node.id, "kind": node.kind, "label": node.label});
    if let (Some(object), serde_json::Value::Object(detail)) = (object.as_object_mut(), &node.detail) {
        object.extend(detail.clone());
        if let Some((path, line)) = node.span.and_then(notes.locate) {
            object.extend([("path".to_owned(), json!(path)), ("line".to_owned(), json!(line))]);
        }
    }
    object
}

/// What the nodes of the graph are called.
#[must_use]
pub fn names(graph: &Graph, links: &Links) -> BTreeSet<String> {
    let picture = picture(graph, links, &Notes::default());
    picture.nodes.iter().flat_map(|node| node.names().into_iter().map(str::to_owned)).collect()
}

/// What leads to the node that is asked for and what it leads to, in a few steps.
fn focused(mut picture: Picture, notes: &Notes<'_>) -> Picture {
    let Some(name) = notes.focus else { return picture };
    let start: BTreeSet<String> = picture.nodes.iter().filter(|node| node.names().contains(&name)).map(|node| node.id.clone()).collect();
    let mut kept = start.clone();
    let side = |edge: &Edge, to: bool| if to { edge.to.clone() } else { edge.from.clone() };
    for (near, far) in [(true, false), (false, true)] {
        let mut last = start.clone();
        for _ in 0..notes.depth {
            let next: BTreeSet<String> = picture.edges.iter().filter(|e| last.contains(&side(e, near))).map(|e| side(e, far)).collect();
            last = next.into_iter().filter(|id| kept.insert(id.clone())).collect();
            if last.is_empty() {
                break;
            }
        }
    }
    picture.nodes.retain(|node| kept.contains(&node.id));
    picture.edges.retain(|e| kept.contains(&e.from) && kept.contains(&e.to));
    picture
}

/// What a picture shows: permissions when they are asked for.
fn drawn(graph: &Graph, links: &Links, notes: &Notes<'_>) -> Picture {
    let mut picture = focused(picture(graph, links, notes), notes);
    let asked = |node: &Node| notes.permissions || node.kind != PERMISSION || notes.focus.is_some_and(|name| node.names().contains(&name));
    let hidden: BTreeSet<String> = picture.nodes.iter().filter(|node| !asked(node)).map(|node| node.id.clone()).collect();
    picture.nodes.retain(|node| !hidden.contains(&node.id));
    picture.edges.retain(|e| !hidden.contains(&e.to));
    picture
}

/// The graph in the DOT language.
#[must_use]
pub fn dot(graph: &Graph, links: &Links, notes: &Notes<'_>) -> String {
    let picture = drawn(graph, links, notes);
    let mut out = String::from("digraph trust {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for node in &picture.nodes {
        let shape = match node.kind {
            "issuer" => "ellipse",
            "provider" => "hexagon",
            "identity" => "box",
            "workload" => "component",
            _ => "note",
        };
        let _ = writeln!(out, "  {} [label={}, shape={shape}];", node.id, dot_string(&node.label));
    }
    for edge in &picture.edges {
        let style = match edge.verdict.as_ref().map(|verdict| verdict.way) {
            Some(Way::Open) => ", penwidth=3",
            Some(Way::Dead) => ", style=dotted, arrowhead=tee",
            Some(Way::Undecided) => ", style=dashed, arrowhead=odot",
            Some(Way::Named) => "",
            None if edge.kind == "uses" => ", style=dashed",
            None => "",
        };
        let _ = writeln!(out, "  {} -> {} [label={}{style}];", edge.from, edge.to, dot_string(&edge_label(edge)));
    }
    out.push_str("}\n");
    out
}

/// The graph as a Mermaid flowchart: as much of it as Mermaid draws.
#[must_use]
pub fn mermaid(graph: &Graph, links: &Links, notes: &Notes<'_>) -> String {
    let picture = drawn(graph, links, notes);
    let all = picture.edges.len();
    let mut most = all.min(MERMAID_EDGES);
    loop {
        let text = flowchart(&picture, most, all);
        if text.chars().count() <= MERMAID_TEXT || most == 0 {
            return text;
        }
        most -= (most / 8).max(1);
    }
}

/// The first edges with their nodes; every node where all edges are drawn.
fn flowchart(picture: &Picture, most: usize, all: usize) -> String {
    let mut out = String::from("flowchart LR\n");
    let edges = picture.edges.get(..most).unwrap_or_default();
    let ends: BTreeSet<&str> = edges.iter().flat_map(|e| [e.from.as_str(), e.to.as_str()]).collect();
    if most < all {
        let _ = writeln!(out, "  %% {most} of {all} edges: Mermaid draws no more. Name a node: fedlint graph --focus NODE --depth N");
        let _ = writeln!(out, "  cut[\"{most} of {all} edges are shown\"]");
    }
    for node in picture.nodes.iter().filter(|node| most == all || ends.contains(node.id.as_str())) {
        let (open, close) = match node.kind {
            "issuer" => ("([", "])"),
            "provider" => ("{{", "}}"),
            "workload" => ("[[", "]]"),
            PERMISSION => ("[/", "/]"),
            _ => ("[", "]"),
        };
        let _ = writeln!(out, "  {}{open}\"{}\"{close}", node.id, mermaid_string(&node.label));
    }
    for edge in edges {
        let arrow = match edge.verdict.as_ref().map(|verdict| verdict.way) {
            Some(Way::Open) => "==>",
            Some(Way::Dead) => "--x",
            Some(Way::Undecided) => "--o",
            Some(Way::Named) => "-->",
            None if edge.kind == "uses" => "-.->",
            None => "-->",
        };
        let label = edge_label(edge);
        let label = if label.is_empty() { String::new() } else { format!("|\"{}\"|", mermaid_string(&label)) };
        let _ = writeln!(out, "  {} {arrow}{label} {}", edge.from, edge.to);
    }
    out
}

/// Who is admitted; else what the line says beside being there.
fn edge_label(edge: &Edge) -> String {
    match &edge.verdict {
        Some(Verdict { asks, who, way, told, .. }) => match (way, asks.as_slice()) {
            // Quotes of a message are no part of a label.
            (_, []) => who.replace('`', ""),
            (Way::Named, _) if *told => who.replace('`', ""),
            (Way::Named, asks) => asks.join(", "),
            (_, asks) => format!("{}: {}", who.replace('`', ""), asks.join(", ")),
        },
        None if edge.label.is_empty() && edge.kind == "uses" => edge.kind.to_owned(),
        None => edge.label.clone(),
    }
}

fn shortened(text: &str) -> String {
    // Bidirectional overrides reorder what a person reads.
    let unsafe_char = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let clean: String = text.chars().map(|c| if unsafe_char(c) { ' ' } else { c }).collect();
    match clean.char_indices().nth(MAX_LABEL) {
        Some((at, _)) => format!("{}…", clean.get(..at).unwrap_or_default()),
        None => clean,
    }
}

fn dot_string(text: &str) -> String {
    format!("\"{}\"", shortened(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// Mermaid takes `#`-entities; everything that could end the string or be markup becomes one.
fn mermaid_string(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " .,:/_-@+=…".contains(c);
    shortened(text).chars().map(|c| if plain(c) { c.to_string() } else { format!("#{};", u32::from(c)) }).collect()
}

fn picture(graph: &Graph, links: &Links, notes: &Notes<'_>) -> Picture {
    let mut picture = Picture { nodes: Vec::new(), edges: Vec::new(), outsiders: BTreeMap::new() };
    let issuers = providers(graph, &mut picture);
    identities(graph, &mut picture);
    workloads(graph, links, &mut picture);
    trusts(graph, links, &issuers, notes, &mut picture);
    grants(graph, &mut picture);
    identity_pools(graph, links, &mut picture);
    picture
}

/// Issuers by the identity of their URL: the ids of their nodes.
type Issuers = BTreeMap<String, String>;

fn issuer(picture: &mut Picture, issuers: &mut Issuers, url: &Text) -> String {
    let bare = cut::without_scheme(url);
    let next = format!("issuer{}", issuers.len());
    let key = cut::key(&bare).to_lowercase();
    if let Some(known) = issuers.get(&key) {
        return known.clone();
    }
    issuers.insert(key, next.clone());
    picture.nodes.push(Node { id: next.clone(), kind: "issuer", label: bare.to_string(), span: None, detail: json!({}) });
    next
}

fn providers(graph: &Graph, picture: &mut Picture) -> Issuers {
    let mut issuers = Issuers::new();
    for (i, provider) in graph.providers.iter().enumerate() {
        let (cloud, source) = source(provider);
        let detail = json!({"cloud": cloud, "name": provider.origin.name});
        picture.nodes.push(Node {
            id: format!("provider{i}"),
            kind: "provider",
            label: provider.origin.name.clone(),
            span: Some(provider.origin.span),
            detail,
        });
        let from = issuer(picture, &mut issuers, &source);
        picture.edges.push(Edge::new(from, format!("provider{i}"), "trust", String::new()));
    }
    // Azure credentials name their issuers themselves.
    for trust in &graph.trusts {
        if let Gate::AzureCredential { issuer: Some(url), .. } = &trust.gate {
            issuer(picture, &mut issuers, url);
        }
    }
    issuers
}

fn source(provider: &Provider) -> (&'static str, Text) {
    match &provider.kind {
        ProviderKind::AwsOidc { url, .. } => ("aws", url.clone()),
        ProviderKind::Google(google) => {
            let url = match &google.source {
                GoogleSource::Oidc { issuer, .. } => issuer.clone(),
                GoogleSource::Aws { account } => {
                    let mut text = Text::known("AWS account ");
                    text.push(account);
                    text
                }
                GoogleSource::Saml => Text::known("SAML"),
                GoogleSource::X509 => Text::known("X.509 certificates"),
                GoogleSource::Unknown => Text::known("unknown issuer"),
            };
            ("google", url)
        }
    }
}

fn identities(graph: &Graph, picture: &mut Picture) {
    for (i, identity) in graph.identities.iter().enumerate() {
        let (cloud, shown) = match &identity.kind {
            IdentityKind::AwsRole { name, arn, .. } => ("aws", arn.as_ref().or(name.as_ref()).map(Text::to_string)),
            IdentityKind::GoogleServiceAccount { email } => ("google", Some(email.to_string())),
            IdentityKind::GoogleResource { what, .. } => ("google", Some(what.clone())),
            IdentityKind::AzureIdentity { parent } => ("azure", Some(parent.to_string())),
        };
        let detail = json!({"cloud": cloud, "name": shown});
        picture.nodes.push(Node {
            id: format!("identity{i}"),
            kind: "identity",
            label: identity.origin.name.clone(),
            span: Some(identity.origin.span),
            detail,
        });
    }
}

fn workloads(graph: &Graph, links: &Links, picture: &mut Picture) {
    for (i, workload) in graph.workloads.iter().enumerate() {
        let what = match &workload.kind {
            WorkloadKind::ServiceAccount { .. } => "ServiceAccount".to_owned(),
            WorkloadKind::Pods { kind, .. } => kind.clone(),
            WorkloadKind::External { .. } => "External".to_owned(),
        };
        let detail = json!({"what": what});
        picture.nodes.push(Node {
            id: format!("workload{i}"),
            kind: "workload",
            label: workload.origin.name.clone(),
            span: Some(workload.origin.span),
            detail,
        });
        let uses = |to: String| Edge::new(format!("workload{i}"), to, "uses", String::new());
        let identities = links.workload_identities.get(i).into_iter().flatten().map(|id| uses(format!("identity{}", id.0)));
        let accounts = links.pods_accounts.get(i).into_iter().flatten().map(|id| uses(format!("workload{}", id.0)));
        picture.edges.extend(identities.chain(accounts));
    }
}

fn trusts(graph: &Graph, links: &Links, issuers: &Issuers, notes: &Notes<'_>, picture: &mut Picture) {
    for (i, trust) in graph.trusts.iter().enumerate() {
        let to = format!("identity{}", trust.identity.0);
        let (label, azure) = match &trust.gate {
            Gate::AwsPolicy(_) => (String::new(), None),
            Gate::GoogleMember { member, .. } => (member.to_string(), None),
            Gate::AzureCredential { issuer, subject, expression, .. } => {
                (subject.as_ref().or(expression.as_ref()).map(Text::to_string).unwrap_or_default(), issuer.as_ref())
            }
        };
        let id = TrustId(u32::try_from(i).unwrap_or(u32::MAX));
        let verdict = |provider: Option<ProviderId>| {
            let of = |provider| notes.verdicts.get(&(id, provider));
            of(provider).or_else(|| of(None)).cloned()
        };
        let edge = |from: String, verdict: Option<Verdict>| Edge { verdict, ..Edge::new(from, to.clone(), "trust", label.clone()) };
        let before = picture.edges.len();
        for provider in links.trust_providers.get(i).into_iter().flatten() {
            picture.edges.push(edge(format!("provider{}", provider.0), verdict(Some(*provider))));
        }
        for workload in links.trust_workloads.get(i).into_iter().flatten() {
            picture.edges.push(edge(format!("workload{}", workload.0), verdict(None)));
        }
        let issuer = azure.and_then(|url| issuers.get(&cut::key(&cut::without_scheme(url)).to_lowercase()).cloned());
        picture.edges.extend(issuer.map(|from| edge(from, verdict(None))));
        if picture.edges.len() == before {
            let from = outsider(picture, id, &trust.gate);
            picture.edges.push(edge(from, verdict(None)));
        }
    }
}

/// A node for somebody who is trusted without being in the scan.
fn outsider(picture: &mut Picture, trust: TrustId, gate: &Gate) -> String {
    let label = match gate {
        Gate::AwsPolicy(policy) => {
            let named: Vec<String> = federated(policy).into_iter().map(Text::to_string).collect();
            if named.is_empty() { "principals of the trust policy".to_owned() } else { named.join(", ") }
        }
        Gate::GoogleMember { member, .. } => member.to_string(),
        Gate::AzureCredential { .. } => "unknown issuer".to_owned(),
    };
    let key = match gate {
        Gate::AwsPolicy(policy) => federated(policy).into_iter().map(cut::key).collect(),
        Gate::GoogleMember { member, .. } => vec![cut::key(member)],
        Gate::AzureCredential { .. } => Vec::new(),
    };
    // Whoever is trusted by several is one.
    if let Some(known) = picture.outsiders.get(&key).filter(|_| !key.is_empty()) {
        return known.clone();
    }
    let id = format!("outside{}", trust.0);
    picture.outsiders.insert(key, id.clone());
    picture.nodes.push(Node { id: id.clone(), kind: "issuer", label, span: None, detail: json!({"declared": false}) });
    id
}

fn grants(graph: &Graph, picture: &mut Picture) {
    let mut permissions: BTreeMap<String, String> = BTreeMap::new();
    for grant in &graph.grants {
        let Some(identity) = grant.identity else { continue };
        let label = grant.permission.to_string();
        let next = format!("permission{}", permissions.len());
        let to = permissions.entry(label.clone()).or_insert_with(|| next.clone()).clone();
        if to == next {
            picture.nodes.push(Node { id: next, kind: PERMISSION, label, span: None, detail: json!({}) });
        }
        let on = grant.scope.as_ref().map(Text::to_string).unwrap_or_default();
        picture.edges.push(Edge::new(format!("identity{}", identity.0), to, "grant", on));
    }
}

/// Identity pools and the roles that they give out.
fn identity_pools(graph: &Graph, links: &Links, picture: &mut Picture) {
    let mut nodes: BTreeMap<String, String> = BTreeMap::new();
    for pool in &graph.identity_pools.pools {
        let id = format!("identity_pool{}", nodes.len());
        let detail = json!({"guests": pool.guests});
        picture.nodes.push(Node {
            id: id.clone(),
            kind: "provider",
            label: pool.origin.name.clone(),
            span: Some(pool.origin.span),
            detail,
        });
        nodes.insert(format!("{}|{}", pool.origin.scope, pool.origin.name), id);
    }
    for (given, roles) in graph.identity_pools.roles.iter().zip(&links.pool_roles) {
        let label = match given.user {
            PoolUser::Guest => "guests",
            PoolUser::LoggedIn => "logged in",
        };
        let named = given.pool.as_ref().map(|pool| addresses::address(pool).map_or_else(|| format!("identity pool {pool}"), str::to_owned));
        let named = named.unwrap_or_else(|| given.origin.name.clone());
        let next = format!("identity_pool{}", nodes.len());
        let from = nodes.entry(format!("{}|{named}", given.origin.scope)).or_insert_with(|| next.clone()).clone();
        if from == next {
            picture.nodes.push(Node { id: next, kind: "provider", label: named, span: None, detail: json!({"declared": false}) });
        }
        let edge = |role: &IdentityId| Edge::new(from.clone(), format!("identity{}", role.0), "gives", label.to_owned());
        picture.edges.extend(roles.iter().map(edge));
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;

//! The estate as a picture and a list: what the HTML report shows beside findings. Layers stand for roles, from left to right:
//! issuer, provider, who is admitted (or which workload asks), identity, permission.

use crate::graph::links::Links;
use crate::graph::{Graph, IdentityId, IdentityKind, JobIdentity, Origin, PoolUser, ProviderId, ProviderKind, WorkloadKind};
use crate::inventory::{Admits, Entry};
use crate::partial::Text;
use crate::place::Span;
use std::collections::BTreeMap;

/// Most permissions of one identity that are drawn; the rest is told by their number.
const MAX_GRANTS: usize = 12;

/// What a node stands for. The order is that of the layers; a workload stands where subjects do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// Who mints tokens.
    Issuer,
    /// What a cloud reads them through.
    Provider,
    /// Who is admitted.
    Subject,
    /// Pods, a ServiceAccount or a job that wants an identity.
    Workload,
    /// What is to be had.
    Identity,
    /// What that may do.
    Permission,
}

impl NodeKind {
    /// The column, from the left.
    #[must_use]
    pub const fn layer(self) -> usize {
        match self {
            Self::Issuer => 0,
            Self::Provider => 1,
            Self::Subject | Self::Workload => 2,
            Self::Identity => 3,
            Self::Permission => 4,
        }
    }

    /// In one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Provider => "provider",
            Self::Subject => "subject",
            Self::Workload => "workload",
            Self::Identity => "identity",
            Self::Permission => "permission",
        }
    }
}

/// A node of the picture.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    /// Its name.
    pub label: String,
    /// `aws`, `google`, `azure`, `kubernetes`, or the CI system.
    pub system: &'static str,
    /// Where it is declared.
    pub span: Option<Span>,
    /// What else is known of it: a word, and a text.
    pub facts: Vec<(&'static str, String)>,
    /// Who is admitted, of a subject.
    pub admits: Option<Admits>,
}

/// A way through the picture: issuer, provider where there is one, subject, identity.
#[derive(Debug, Clone)]
pub struct Path {
    /// The nodes, from left to right.
    pub nodes: Vec<usize>,
    /// Who is admitted.
    pub admits: Admits,
}

/// A line that is no trust: a workload wants an identity, an identity has a permission.
#[derive(Debug, Clone)]
pub struct Line {
    /// From the node on the left.
    pub from: usize,
    /// To the node on the right.
    pub to: usize,
    /// What it says.
    pub label: String,
}

/// The picture and the list.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The inventory.
    pub entries: Vec<Entry>,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The ways to identities, as many as there are entries and in their order.
    pub paths: Vec<Path>,
    /// Which workloads want which identities.
    pub uses: Vec<Line>,
    /// Which identities have which permissions.
    pub grants: Vec<Line>,
}

/// The picture of a graph whose inventory is known.
#[must_use]
pub fn overview(graph: &Graph, links: &Links, entries: Vec<Entry>) -> Overview {
    let mut builder = Builder { graph, out: Overview::default(), known: BTreeMap::new() };
    for entry in &entries {
        builder.path(entry);
    }
    for index in 0..graph.providers.len() {
        builder.unused_provider(ProviderId(u32::try_from(index).unwrap_or(u32::MAX)));
    }
    builder.workloads(links);
    builder.jobs(links);
    builder.identity_pools(links);
    builder.grants();
    builder.out.entries = entries;
    builder.out
}

/// What makes nodes one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// An issuer by its URL without scheme, or by what it is called.
    Issuer(String),
    Provider(u32),
    /// A provider or issuer, who is admitted, and what is asked.
    Subject(usize, Admits, String, Vec<String>),
    Workload(u32),
    Job(usize),
    Pool(String, String),
    Identity(u32),
    Permission(String),
}

struct Builder<'a> {
    graph: &'a Graph,
    out: Overview,
    known: BTreeMap<Key, usize>,
}

impl Builder<'_> {
    fn node(&mut self, key: Key, make: impl FnOnce() -> Node) -> usize {
        let next = self.out.nodes.len();
        let at = *self.known.entry(key).or_insert(next);
        if at == next {
            self.out.nodes.push(make());
        }
        at
    }

    fn issuer(&mut self, text: &str) -> usize {
        let bare = text.strip_prefix("https://").unwrap_or(text).trim_end_matches('/');
        let make = || Node::new(NodeKind::Issuer, bare.to_owned(), "");
        self.node(Key::Issuer(bare.to_lowercase()), make)
    }

    fn provider(&mut self, id: ProviderId) -> Option<usize> {
        let provider = self.graph.provider(id)?;
        let (system, facts) = match &provider.kind {
            ProviderKind::AwsOidc { audiences, .. } => {
                let audiences: Vec<String> = audiences.iter().flatten().map(Text::to_string).collect();
                ("aws", vec![("audiences", audiences.join(", "))])
            }
            ProviderKind::Google(google) => ("google", vec![("pool", google.pool_name.to_string()), ("provider", google.name.to_string())]),
        };
        let make = || Node { facts: told(facts), ..Node::of(NodeKind::Provider, &provider.origin, system) };
        Some(self.node(Key::Provider(id.0), make))
    }

    fn identity(&mut self, id: IdentityId) -> Option<usize> {
        let identity = self.graph.identity(id)?;
        let (system, name) = match &identity.kind {
            IdentityKind::AwsRole { name, arn, .. } => ("aws", arn.as_ref().or(name.as_ref()).map(Text::to_string)),
            IdentityKind::GoogleServiceAccount { email } => ("google", Some(email.to_string())),
            IdentityKind::GoogleResource { what, .. } => ("google", Some(what.clone())),
            IdentityKind::AzureIdentity { parent } => ("azure", Some(parent.to_string())),
        };
        let make = || {
            let name = name.unwrap_or_default();
            Node { facts: told(vec![("name", name)]), ..Node::of(NodeKind::Identity, &identity.origin, system) }
        };
        Some(self.node(Key::Identity(id.0), make))
    }

    fn path(&mut self, entry: &Entry) {
        let from = if entry.brings_tokens { entry.issuer.as_str() } else { principals(entry.cloud) };
        let mut nodes = vec![self.issuer(from)];
        nodes.extend(entry.provider.and_then(|id| self.provider(id)));
        let before = nodes.last().copied().unwrap_or_default();
        let key = Key::Subject(before, entry.admits, entry.who.clone(), entry.conditions.clone());
        nodes.push(self.node(key, || subject(entry)));
        let identity = self.graph.trusts.get(entry.trust.index()).map(|trust| trust.identity);
        nodes.extend(identity.and_then(|id| self.identity(id)));
        self.out.paths.push(Path { nodes, admits: entry.admits });
    }

    /// A provider that no trust names stands there all the same.
    fn unused_provider(&mut self, id: ProviderId) {
        if self.known.contains_key(&Key::Provider(id.0)) {
            return;
        }
        let Some(ProviderKind::AwsOidc { url, .. }) = self.graph.provider(id).map(|p| &p.kind) else { return };
        let from = self.issuer(&url.to_string());
        let to = self.provider(id);
        self.out.uses.extend(to.map(|to| Line { from, to, label: "is registered with".to_owned() }));
    }

    fn workloads(&mut self, links: &Links) {
        for (index, workload) in self.graph.workloads.iter().enumerate() {
            let identities = links.workload_identities.get(index).map_or(&[][..], Vec::as_slice);
            let id = u32::try_from(index).unwrap_or(u32::MAX);
            let what = match &workload.kind {
                WorkloadKind::ServiceAccount { .. } => "ServiceAccount",
                WorkloadKind::Pods { kind, .. } => kind,
                WorkloadKind::External { .. } => "set up outside of the scan",
            };
            let pods: Vec<&str> = pods(self.graph, links, index);
            let facts = vec![("kind", what.to_owned()), ("used by", pods.join(", "))];
            for identity in identities {
                let make = || Node { facts: told(facts.clone()), ..Node::of(NodeKind::Workload, &workload.origin, "kubernetes") };
                let from = self.node(Key::Workload(id), make);
                let to = self.identity(*identity);
                self.out.uses.extend(to.map(|to| Line { from, to, label: "wants".to_owned() }));
            }
        }
    }

    fn jobs(&mut self, links: &Links) {
        for (index, (job, logins)) in self.graph.jobs.iter().zip(&links.job_logins).enumerate() {
            for (login, linked) in job.logins.iter().zip(logins) {
                let label = match login.identity {
                    JobIdentity::AwsRole(_) => "assumes",
                    JobIdentity::Google { .. } => "impersonates",
                    JobIdentity::AzureClient(_) | JobIdentity::Other => "logs in to",
                };
                for identity in &linked.identities {
                    let make = || Node::of(NodeKind::Workload, &job.origin, job.system.name());
                    let from = self.node(Key::Job(index), make);
                    let to = self.identity(*identity);
                    self.out.uses.extend(to.map(|to| Line { from, to, label: label.to_owned() }));
                }
            }
        }
    }

    /// Identity pools of Cognito and the roles that they give out.
    fn identity_pools(&mut self, links: &Links) {
        for (given, roles) in self.graph.identity_pools.roles.iter().zip(&links.pool_roles) {
            let label = match given.user {
                PoolUser::Guest => "gives to guests",
                PoolUser::LoggedIn => "gives to users who logged in",
            };
            let name = given.pool.as_ref().map_or_else(|| given.origin.name.clone(), Text::to_string);
            for role in roles {
                let make = || Node { label: name.clone(), ..Node::of(NodeKind::Workload, &given.origin, "aws") };
                let from = self.node(Key::Pool(given.origin.scope.clone(), name.clone()), make);
                let to = self.identity(*role);
                self.out.uses.extend(to.map(|to| Line { from, to, label: label.to_owned() }));
            }
        }
    }

    fn grants(&mut self) {
        let mut drawn: BTreeMap<usize, usize> = BTreeMap::new();
        for grant in &self.graph.grants {
            let Some(from) = grant.identity.and_then(|id| self.known.get(&Key::Identity(id.0)).copied()) else { continue };
            let n = drawn.entry(from).or_default();
            *n += 1;
            if *n > MAX_GRANTS {
                continue;
            }
            let label = grant.permission.to_string();
            let make = || Node::new(NodeKind::Permission, label.clone(), "");
            let to = self.node(Key::Permission(label.clone()), make);
            let on = grant.scope.as_ref().map(|scope| format!("on {scope}")).unwrap_or_default();
            if !self.out.grants.iter().rev().take(MAX_GRANTS).any(|line| line.from == from && line.to == to) {
                self.out.grants.push(Line { from, to, label: on });
            }
        }
        for (from, n) in drawn {
            if let Some(node) = self.out.nodes.get_mut(from).filter(|_| n > MAX_GRANTS) {
                node.facts.push(("permissions", format!("{n}, of which {MAX_GRANTS} are drawn")));
            }
        }
    }
}

impl Node {
    fn new(kind: NodeKind, label: String, system: &'static str) -> Self {
        Self { kind, label, system, span: None, facts: Vec::new(), admits: None }
    }

    fn of(kind: NodeKind, origin: &Origin, system: &'static str) -> Self {
        Self { span: Some(origin.span), ..Self::new(kind, origin.name.clone(), system) }
    }
}

fn subject(entry: &Entry) -> Node {
    let example = entry.example.as_ref().map(|token| serde_json::json!(token).to_string());
    let facts = vec![("admits", entry.who.clone()), ("asks", entry.conditions.join("\n")), ("token", example.unwrap_or_default())];
    Node { facts: told(facts), admits: Some(entry.admits), ..Node::new(NodeKind::Subject, label(entry), entry.cloud) }
}

/// The condition that tells most of who is meant, or the words.
fn label(entry: &Entry) -> String {
    let subject = entry.conditions.iter().find(|condition| condition.starts_with("sub "));
    subject.or(entry.conditions.first()).unwrap_or(&entry.who).clone()
}

fn told(facts: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    facts.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn principals(cloud: &str) -> &'static str {
    match cloud {
        "aws" => "AWS principals",
        "google" => "Google principals",
        _ => "principals",
    }
}

/// The pods that run as a ServiceAccount, the first few.
fn pods<'a>(graph: &'a Graph, links: &Links, account: usize) -> Vec<&'a str> {
    let ids = links.account_pods.get(account).into_iter().flatten();
    ids.filter_map(|id| graph.workloads.get(id.index())).take(MAX_GRANTS).map(|w| w.origin.name.as_str()).collect()
}

//! What the readers share: the graph under construction, the indexes to find its identities, places and reasons.

use super::kubernetes::kustomize::Built;
use super::shape::{self, place};
use super::{Document, EmbeddedJson};
use crate::graph::addresses;
use crate::graph::member;
use crate::graph::{
    About, Declared, Gate, Graph, Identity, IdentityId, IdentityKind, Origin, PoolId, StaticCredential, Undecided, UndecidedKind,
};
use crate::partial::{Kind, Text, Unknown, UnknownKind, Value, cut};
use crate::place::{FileId, Span};
use crate::terraform::{Mode, Resource};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How deep lists of objects are unwrapped.
const MAX_NESTING: usize = 8;

/// The graph under construction. The maps are for look-ups only; no result depends on their order.
pub(super) struct Reader<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) embedded: &'a dyn EmbeddedJson,
    identities: HashMap<String, Vec<IdentityId>>,
    pools: HashMap<String, Vec<PoolId>>,
    /// Documents of customer-managed IAM policies, by the ways they are referred to.
    pub(super) policies: HashMap<String, (Value, Origin)>,
    /// The Secrets of the scan.
    pub(super) secrets: Vec<super::credentials::Kept>,
    /// The documents of the scan.
    pub(super) documents: &'a [Document<'a>],
    /// Templates that other templates make stacks of, and whether they were read as such.
    pub(super) nested: BTreeMap<String, bool>,
    /// Policies of roles that may be declared later.
    pub(super) attachments: Vec<super::aws::attachments::Attachment>,
    /// ARNs of policies that data sources look up, by the address of the data source.
    pub(super) looked_up: HashMap<String, Text>,
    /// Files whose text is the trust policy of a role elsewhere: they are judged there, and not once more by themselves.
    pub(super) given: BTreeSet<FileId>,
    /// The first federated way into each identity, of so many trusts.
    federated: (HashMap<IdentityId, Span>, usize),
}

/// One object of a document: the document itself, or an item of an array or of a Kubernetes list.
pub(super) struct Object<'a> {
    pub(super) file: &'a str,
    pub(super) value: &'a Value,
    pub(super) templated: bool,
    /// It is the whole document, not an item of a list.
    pub(super) whole: bool,
    /// Something that is not read may add to it or change it: what it does not say is not known to be absent.
    pub(super) open: bool,
}

impl Object<'_> {
    /// The file's name without folder.
    pub(super) fn file_name(&self) -> &str {
        self.file.rsplit('/').next().unwrap_or(self.file)
    }

    /// The file's name without folder and extension.
    pub(super) fn stem(&self) -> &str {
        let name = self.file_name();
        [".json", ".yaml", ".yml", ".template"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    }

    pub(super) fn origin(&self, name: impl Into<String>) -> Origin {
        self.origin_at(name, self.value)
    }

    pub(super) fn origin_at(&self, name: impl Into<String>, value: &Value) -> Origin {
        let span = place(value).or_else(|| place(self.value)).unwrap_or_else(shape::nowhere);
        let kind = ["kind", "Type", "type"].into_iter().find_map(|key| value.get(key).and_then(Value::as_str));
        let declared = Declared::Object(kind.unwrap_or_default().into());
        Origin {
            name: name.into(),
            declared,
            span,
            scope: self.file.to_owned(),
            library: false,
            stands_in: false,
            conditional: self.templated,
        }
    }

    /// The origin of something that a cloud's own tool printed.
    pub(super) fn printed(&self, name: impl Into<String>) -> Origin {
        self.printed_at(name, self.value)
    }

    pub(super) fn printed_at(&self, name: impl Into<String>, value: &Value) -> Origin {
        Origin { declared: Declared::Printed, ..self.origin_at(name, value) }
    }
}

/// The objects of all documents: arrays and Kubernetes lists unwrapped.
pub(super) fn objects<'a>(documents: &[Document<'a>]) -> Vec<Object<'a>> {
    let mut out = Vec::new();
    for document in documents {
        unwrap(document, document.value, MAX_NESTING, true, &mut out);
    }
    out
}

/// The objects as they are applied: those that kustomizations build as they build them.
pub(super) fn applied<'a>(written: &[Object<'a>], built: &'a Built) -> Vec<Object<'a>> {
    let mut manifests = built.manifests.iter().peekable();
    let mut out = Vec::new();
    for (index, object) in written.iter().enumerate() {
        if !built.consumed.contains(&index) {
            out.push(Object { ..*object });
        }
        while let Some(manifest) = manifests.next_if(|m| m.source <= index) {
            out.push(Object { value: &manifest.value, open: manifest.open, ..*object });
        }
    }
    out
}

fn unwrap<'a>(document: &Document<'a>, value: &'a Value, depth: usize, whole: bool, out: &mut Vec<Object<'a>>) {
    match &value.kind {
        Kind::List { items, .. } if depth > 0 => items.iter().for_each(|v| unwrap(document, v, depth - 1, false, out)),
        Kind::Map { .. } => {
            let kind = shape::known_at(value, "kind").unwrap_or_default();
            match value.get("items") {
                Some(items) if kind.ends_with("List") => unwrap(document, items, depth.saturating_sub(1), false, out),
                _ => out.push(Object { file: document.file, value, templated: document.templated, whole, open: false }),
            }
        }
        _ => {}
    }
}

/// The origin of a Terraform resource.
pub(super) fn origin(resource: &Resource) -> Origin {
    Origin {
        name: resource.address.clone(),
        declared: Declared::Block {
            resource: resource.kind.as_str().into(),
            looked_up: resource.mode == Mode::Data,
            module: resource.module().into(),
        },
        span: resource.span,
        scope: resource.root.clone(),
        library: resource.library,
        stands_in: resource.stands_in,
        conditional: resource.conditional,
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(graph: &'a mut Graph, embedded: &'a dyn EmbeddedJson) -> Self {
        Self {
            graph,
            embedded,
            identities: HashMap::new(),
            pools: HashMap::new(),
            policies: HashMap::new(),
            secrets: Vec::new(),
            documents: &[],
            nested: BTreeMap::new(),
            attachments: Vec::new(),
            looked_up: HashMap::new(),
            given: BTreeSet::new(),
            federated: (HashMap::new(), 0),
        }
    }

    /// Adds a long-lived credential.
    pub(super) fn add_credential(&mut self, credential: StaticCredential) {
        self.graph.static_credentials.push(credential);
    }

    /// Where the identity that a credential belongs to has a federated way in: a credential of Azure's, a grant to workloads on
    /// a Google service account.
    pub(super) fn federated_beside(&mut self, scope: &str, parent: &Text) -> Option<Span> {
        let azure = self.identity(&format!("azure|{scope}|{}", cut::key(parent)));
        let identity = azure.or_else(|| self.service_account(scope, parent))?;
        let federated = |gate: &Gate| match gate {
            Gate::AzureCredential { .. } => true,
            Gate::GoogleMember { member, .. } => {
                matches!(member::parse(member), member::Member::Kubernetes { .. } | member::Member::Pool { .. })
            }
            Gate::AwsPolicy(_) => false,
        };
        // each trust is looked at once, however many credentials ask
        for trust in self.graph.trusts.iter().skip(self.federated.1).filter(|t| federated(&t.gate)) {
            self.federated.0.entry(trust.identity).or_insert(trust.origin.span);
        }
        self.federated.1 = self.graph.trusts.len();
        self.federated.0.get(&identity).copied()
    }

    /// Notes what could not be read.
    pub(super) fn undecided(&mut self, span: Option<Span>, reason: impl Into<String>) {
        self.undecided_about(About::Declaration, UndecidedKind::Unreadable, span, reason);
    }

    /// Notes what is not known of something that others decide by.
    pub(super) fn undecided_about(&mut self, about: About, kind: UndecidedKind, span: Option<Span>, why: impl Into<String>) {
        self.graph.undecided.push(Undecided { about, kind, span, why: why.into() });
    }

    /// The trees that a document-valued attribute may have: JSON in a string is parsed, an unknown stays one (and is
    /// noted), each alternative is one tree.
    pub(super) fn documents(&mut self, value: &Value, what: &str, about: About, kind: UndecidedKind) -> Vec<Value> {
        let all: Vec<&Value> = value.alternatives();
        all.into_iter().filter_map(|v| self.document(v, what, about, kind)).collect()
    }

    fn document(&mut self, value: &Value, what: &str, about: About, kind: UndecidedKind) -> Option<Value> {
        let reason = match &value.kind {
            Kind::Null => return None,
            Kind::Map { .. } => return Some(value.clone()),
            Kind::Unknown(atom) => format!("{what} is unknown: {}", atom.why()),
            Kind::Text(text) => match self.parse(text) {
                Ok(parsed) if matches!(parsed.kind, Kind::Map { .. }) => return Some(parsed),
                Ok(_) => format!("{what} is not a JSON object"),
                Err(why) => match cut::only_atom(text) {
                    Some(atom) => format!("{what} is unknown: {}", atom.why()),
                    None => format!("{what} is not readable JSON: {why}"),
                },
            },
            _ => format!("{what} is neither an object nor JSON in a string"),
        };
        let declared = match about {
            About::Identity(id) => self.graph.identity(id).map(|identity| identity.origin.span),
            _ => None,
        };
        let span = place(value).or(declared);
        let atom = match &value.kind {
            Kind::Unknown(atom) => atom.clone(),
            _ => shape::unreadable(span, what, &reason),
        };
        self.undecided_about(about, kind, span, reason);
        Some(Value { kind: Kind::Unknown(atom), span, trail: value.trail.clone() })
    }

    fn parse(&self, text: &Text) -> Result<Value, String> {
        // The IAM API returns its documents percent-encoded (RFC 3986).
        let known = text.as_known().filter(|t| t.trim_start().starts_with("%7B") || t.trim_start().starts_with("%7b"));
        match known.and_then(|k| shape::percent_decode(k.trim())) {
            Some(decoded) => {
                let text = text.span().map_or_else(|| Text::known(&decoded), |span| Text::literal(&decoded, span));
                self.embedded.parse(&text)
            }
            None => self.embedded.parse(text),
        }
    }

    /// The tree of a text that is JSON.
    pub(super) fn json(&self, text: &Text) -> Option<Value> {
        self.parse(text).ok()
    }

    /// Adds an identity and the ways to find it.
    pub(super) fn add_identity(&mut self, origin: Origin, kind: IdentityKind) -> IdentityId {
        let mut keys = vec![address_key(&origin.scope, &origin.name)];
        let scope = &origin.scope;
        match &kind {
            IdentityKind::AwsRole { name, arn, .. } => {
                keys.extend(name.as_ref().map(|n| format!("role|{scope}|{}", cut::key(n))));
                keys.extend(arn.as_ref().map(|a| format!("arn|{}", cut::key(a))));
            }
            IdentityKind::GoogleServiceAccount { email } => keys.extend(email_keys(scope, email)),
            IdentityKind::GoogleResource { what, .. } => keys.push(format!("resource|{scope}|{what}")),
            IdentityKind::AzureIdentity { parent } => keys.push(format!("azure|{scope}|{}", cut::key(parent))),
        }
        let id = self.graph.add_identity(Identity { origin, kind });
        keys.sort();
        keys.dedup();
        for key in keys {
            self.identities.entry(key).or_default().push(id);
        }
        id
    }

    /// Another way to find an identity.
    pub(super) fn alias(&mut self, key: String, id: IdentityId) {
        self.identities.entry(key).or_default().push(id);
    }

    pub(super) fn identity(&self, key: &str) -> Option<IdentityId> {
        self.identities.get(key).and_then(|all| all.first()).copied()
    }

    /// The identity whose attribute the text is, when it is one hole.
    pub(super) fn referred(&self, scope: &str, text: &Text) -> Option<IdentityId> {
        self.identity(&address_key(scope, addresses::address(text)?))
    }

    /// The role that a name, an ARN or a reference names.
    pub(super) fn role(&self, scope: &str, text: &Text) -> Option<IdentityId> {
        let key = cut::key(text);
        let by_name = self.identity(&format!("role|{scope}|{key}"));
        by_name.or_else(|| self.identity(&format!("arn|{key}"))).or_else(|| self.referred(scope, text))
    }

    /// The Google service account that an e-mail, a resource name or a reference names.
    pub(super) fn service_account(&self, scope: &str, text: &Text) -> Option<IdentityId> {
        let email = email_of(text);
        let exact = self.identity(&format!("email|{}", cut::key(&email).to_lowercase()));
        exact.or_else(|| self.referred(scope, &email)).or_else(|| {
            // The same account id in one scope, one of the two projects unknown.
            let (local, _) = cut::split_once(&email, "@")?;
            let key = format!("local|{scope}|{}", cut::key(&local).to_lowercase());
            let all = self.identities.get(&key)?;
            let open = |t: &Text| cut::split_once(t, "@").is_some_and(|(_, domain)| !domain.is_known());
            let fits = |id: &&IdentityId| match self.graph.identity(**id).map(|i| &i.kind) {
                Some(IdentityKind::GoogleServiceAccount { email: other }) => open(&email) || open(other),
                _ => false,
            };
            let mut found = all.iter().filter(fits);
            let first = found.next()?;
            found.next().is_none().then_some(*first)
        })
    }

    /// The service account, declared here when nobody else does.
    pub(super) fn service_account_or_new(&mut self, origin: &Origin, text: &Text) -> IdentityId {
        match self.service_account(&origin.scope, text) {
            Some(id) => id,
            None => {
                let email = email_of(text);
                self.add_identity(origin.clone(), IdentityKind::GoogleServiceAccount { email })
            }
        }
    }

    /// Remembers a pool under the ways it is referred to.
    pub(super) fn index_pool(&mut self, id: PoolId) {
        let Some(pool) = self.graph.pool(id) else { return };
        let scope = &pool.origin.scope;
        let mut keys = vec![address_key(scope, &pool.origin.name), format!("pool|{scope}|{}", cut::key(&pool.name))];
        keys.extend(pool.resource_name.as_ref().map(|n| format!("name|{}", cut::key(n))));
        for key in keys {
            self.pools.entry(key).or_default().push(id);
        }
    }

    /// The pool that an id, a resource name or a reference names.
    pub(super) fn pool(&self, scope: &str, text: &Text) -> Option<PoolId> {
        let first = |key: &str| self.pools.get(key).and_then(|all| all.first()).copied();
        let key = cut::key(text);
        let tail = cut::rsplit_once(text, "workloadIdentityPools/").map(|(_, id)| cut::key(&id));
        first(&format!("name|{key}"))
            .or_else(|| first(&format!("pool|{scope}|{key}")))
            .or_else(|| first(&format!("pool|{scope}|{}", tail?)))
            .or_else(|| first(&address_key(scope, addresses::address(text)?)))
    }
}

/// The key of a resource's address.
pub(super) fn address_key(scope: &str, address: &str) -> String {
    format!("address|{scope}|{address}")
}

fn email_keys(scope: &str, email: &Text) -> Vec<String> {
    let mut keys = vec![format!("email|{}", cut::key(email).to_lowercase())];
    if let Some((local, _)) = cut::split_once(email, "@") {
        keys.push(format!("local|{scope}|{}", cut::key(&local).to_lowercase()));
    }
    keys
}

/// The e-mail (or reference) inside `projects/P/serviceAccounts/EMAIL`.
pub(super) fn email_of(text: &Text) -> Text {
    cut::rsplit_once(text, "serviceAccounts/").map_or_else(|| text.clone(), |(_, email)| email)
}

/// The e-mail of an account whose project may not be known.
pub(super) fn email(account: &Text, project: Option<&Text>, key: &str) -> Text {
    let mut email = account.clone();
    email.push(&Text::known("@"));
    match project {
        Some(project) => email.push(project),
        None => {
            let why = "the project is not written in the configuration";
            email.push(&Text::hole(Unknown::new(format!("{key}.project"), UnknownKind::ProjectId, "${project}", why, None), None));
        }
    }
    email.push(&Text::known(".iam.gserviceaccount.com"));
    email
}

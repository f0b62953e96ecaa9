//! The normalized facts that a rule file's `when:` predicate looks at.
//!
//! Each fact is a flat map. A setting that is certainly not there is `null`; one that is not known statically is left out, so
//! that a predicate that needs it fails and the rule stays silent: an unknown is never a yes or a no.

mod decided;

use crate::admission::iam;
use crate::graph::links::Links;
use crate::graph::{Gate, GoogleSource, Graph, IdentityKind, Origin, ProviderKind, Setting, TokenSource, WorkloadKind};
use crate::inventory::Entry;
use crate::partial::{Text, Trail};
use crate::place::Span;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// One fact.
#[derive(Debug, Clone)]
pub struct Fact<'g> {
    /// Its sort: `role`, `binding`, …
    pub on: &'static str,
    /// Where it was declared.
    pub origin: &'g Origin,
    /// Its fields.
    pub fields: Map<String, Json>,
    /// Where a field is written, and the way it came.
    pub places: BTreeMap<&'static str, (Option<Span>, Trail)>,
    /// A text as a message shows it, with what is not known of it.
    pub shown: BTreeMap<&'static str, String>,
}

impl<'g> Fact<'g> {
    fn new(on: &'static str, origin: &'g Origin) -> Self {
        let mut fields = Map::new();
        fields.insert("name".to_owned(), json!(origin.name));
        Self { on, origin, fields, places: BTreeMap::new(), shown: BTreeMap::new() }
    }

    fn set(mut self, name: &'static str, value: Json) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// A string that is certainly there.
    fn text(mut self, name: &'static str, text: &Text) -> Self {
        if let Some(known) = text.as_known() {
            self.fields.insert(name.to_owned(), json!(known));
        }
        self.places.insert(name, (text.span(), text.trail()));
        self.shown.insert(name, text.to_string());
        self
    }

    /// A string that may be absent.
    fn optional(self, name: &'static str, text: Option<&Text>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self.set(name, Json::Null),
        }
    }

    /// A list of strings; left out when one of them is not known.
    fn list(mut self, name: &'static str, texts: &[Text]) -> Self {
        let known: Option<Vec<String>> = texts.iter().map(Text::as_known).collect();
        if let Some(known) = known {
            self.fields.insert(name.to_owned(), json!(known));
        }
        if let Some(first) = texts.first() {
            self.places.insert(name, (first.span(), first.trail()));
        }
        self
    }
}

/// Every fact of the graph, in its order.
#[must_use]
pub fn facts<'g>(graph: &'g Graph, links: &Links) -> Vec<Fact<'g>> {
    let mut out = Vec::new();
    for provider in &graph.providers {
        match &provider.kind {
            ProviderKind::AwsOidc { url, audiences, .. } => {
                let fact = Fact::new("aws-provider", &provider.origin).text("url", url);
                out.push(match audiences {
                    Some(audiences) => fact.list("audiences", audiences),
                    None => fact,
                });
            }
            ProviderKind::Google(google) => {
                let fact =
                    Fact::new("google-provider", &provider.origin).text("pool", &google.pool_name).set("disabled", json!(google.disabled));
                let fact = match &google.condition {
                    Setting::Absent => fact.set("condition", Json::Null),
                    Setting::Set(text) => fact.text("condition", text),
                    Setting::OneOf(_) | Setting::Unknown(_) => fact,
                };
                out.push(match &google.source {
                    GoogleSource::Oidc { issuer, audiences } => fact.text("issuer", issuer).list("audiences", audiences),
                    GoogleSource::Aws { account } => fact.text("account", account).set("audiences", json!([])),
                    GoogleSource::Saml | GoogleSource::X509 | GoogleSource::Unknown => fact,
                });
            }
        }
    }
    for (index, identity) in graph.identities.iter().enumerate() {
        if let IdentityKind::AwsRole { max_session, .. } = &identity.kind {
            let trusts = links.identity_trusts.get(index).into_iter().flatten();
            let federated = trusts.filter_map(|t| graph.trust(*t)).any(|t| lets_tokens_in(&t.gate));
            let mut fact = Fact::new("role", &identity.origin)
                .set("max_session_seconds", max_session.as_ref().map_or(Json::Null, |s| json!(s.value)))
                .set("federated", json!(federated));
            if let Some(session) = max_session {
                fact.places.insert("max_session_seconds", (session.span, session.trail.clone()));
            }
            out.push(fact);
        }
    }
    for trust in &graph.trusts {
        match &trust.gate {
            Gate::GoogleMember { member, role, condition, .. } => {
                out.push(
                    Fact::new("binding", &trust.origin)
                        .text("member", member)
                        .text("role", role)
                        .set("conditional", json!(condition.is_some())),
                );
            }
            Gate::AzureCredential { issuer, subject, audiences, .. } => {
                let fact = Fact::new("azure-credential", &trust.origin).optional("issuer", issuer.as_ref());
                out.push(fact.optional("subject", subject.as_ref()).list("audiences", audiences));
            }
            Gate::AwsPolicy(_) => {}
        }
    }
    for workload in &graph.workloads {
        if let WorkloadKind::ServiceAccount { namespace, name, aws_role, google_service_account, azure_client, .. } = &workload.kind {
            let fact = Fact::new("service-account", &workload.origin).optional("namespace", namespace.as_ref()).text("account", name);
            let fact = fact.optional("aws_role", aws_role.as_ref()).optional("google_service_account", google_service_account.as_ref());
            out.push(fact.optional("azure_client", azure_client.as_ref()));
        }
    }
    for config in &graph.credential_configs {
        let fact = Fact::new("credential-config", &config.origin);
        out.push(match config.external.as_ref().map(|external| &external.source) {
            Some(TokenSource::Aws { sessions, environment }) => {
                fact.set("source", json!("aws")).set("imdsv2", json!(sessions)).text("environment", environment)
            }
            Some(TokenSource::Executable { command }) => fact.set("source", json!("executable")).text("command", command),
            Some(TokenSource::File { .. } | TokenSource::Other) | None => fact.set("source", Json::Null),
        });
    }
    out.extend(graph.instances.iter().map(|i| Fact::new("instance-metadata", &i.origin).text("tokens", &i.tokens)));
    spiffe(graph, &mut out);
    decided::jobs(graph, &mut out);
    for grant in &graph.grants {
        let fact = Fact::new("grant", &grant.origin).text("principal", &grant.principal).text("permission", &grant.permission);
        out.push(fact.optional("scope", grant.scope.as_ref()));
    }
    out
}

/// One fact for each way to an identity, with who is admitted by it. Each takes a decision: they are made where a rule asks.
#[must_use]
pub fn ways<'g>(graph: &'g Graph, entries: Vec<Entry>) -> Vec<Fact<'g>> {
    let mut out = Vec::new();
    decided::ways(graph, entries, &mut out);
    out
}

/// What SPIRE is configured with.
fn spiffe<'g>(graph: &'g Graph, out: &mut Vec<Fact<'g>>) {
    let attestor = |origin: &'g Origin, of: &str, name: &Text, span: Option<Span>| {
        let mut fact = Fact::new("spire-attestor", origin).set("of", json!(of)).text("attestor", name);
        fact.places.insert("attestor", (span, None));
        fact
    };
    for server in &graph.spiffe.servers {
        out.extend(server.attestors.iter().map(|a| attestor(&server.origin, "server", &a.name, a.span)));
    }
    for agent in &graph.spiffe.agents {
        out.extend(agent.attestor.iter().map(|a| attestor(&agent.origin, "agent", &a.name, a.span)));
    }
    for plugin in &graph.spiffe.plugins {
        let fact = Fact::new("spire-plugin", &plugin.origin).text("command", &plugin.command);
        out.push(match plugin.checked {
            Some(checked) => fact.set("checked", json!(checked)),
            None => fact,
        });
    }
}

/// A statement lets workloads with tokens of an OIDC provider in, wherever that provider is declared.
fn lets_tokens_in(gate: &Gate) -> bool {
    let Gate::AwsPolicy(policy) = gate else { return false };
    iam::principals(policy).iter().any(iam::PrincipalRef::brings_tokens)
}

/// The sort that takes decisions.
pub const WAY: &str = "way";

/// The sorts of fact and their fields, for the checks of rule files.
pub const SORTS: &[(&str, &[&str])] = &[
    ("aws-provider", &["name", "url", "audiences"]),
    ("google-provider", &["name", "pool", "issuer", "account", "audiences", "condition", "disabled"]),
    ("role", &["name", "max_session_seconds", "federated"]),
    ("binding", &["name", "member", "role", "conditional"]),
    ("azure-credential", &["name", "issuer", "subject", "audiences"]),
    ("service-account", &["name", "namespace", "account", "aws_role", "google_service_account", "azure_client"]),
    ("grant", &["name", "principal", "permission", "scope"]),
    ("credential-config", &["name", "source", "imdsv2", "environment", "command"]),
    ("instance-metadata", &["name", "tokens"]),
    ("spire-attestor", &["name", "of", "attestor"]),
    ("spire-plugin", &["name", "command", "checked"]),
    (WAY, &["name", "identity", "cloud", "issuer", "admits", "token", "permissions"]),
    ("job", &["name", "id", "system", "called", "logins", "repository", "token", "outsiders", "environments"]),
];

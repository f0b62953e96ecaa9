//! Every identity of a repository with whose tokens obtain it: the answer to "who can be what here?", correct trusts too.
//!
//! The views are those of the gate and the verdicts those of the search, as the checks use them; so the list and the findings agree.

mod words;

use crate::admission::entra::Credential;
use crate::admission::exposure::{self, Class, Reachability, minimal, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher};
use crate::admission::iam::{self, Effect, Policy, PrincipalKind};
use crate::admission::search::Shared;
use crate::config::Config;
use crate::gate::{Inputs, IssuerView, aws, azure, google};
use crate::graph::links::Links;
use crate::graph::{Gate, Graph, Identity, IdentityKind, ProviderId, ProviderKind, Trust, TrustId};
use crate::issuers::{Registry, Template, well_known_mistakes};
use crate::partial::{Text, cut};
use crate::token::Token;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who is admitted, in one word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admits {
    /// Tenants that the trust does not name.
    AnyTenant,
    /// More than the trust names, within its tenant or cluster.
    WithinTenant,
    /// What the trust names and nothing else.
    Named,
    /// No token.
    Nobody,
    /// Not known.
    Undecided,
}

/// One way to an identity.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The identity, as reports name it.
    pub identity: String,
    /// `aws`, `google` or `azure`.
    pub cloud: &'static str,
    /// Whose tokens, or which principals.
    pub issuer: String,
    /// Who is admitted.
    pub admits: Admits,
    /// The same in words.
    pub who: String,
    /// What the trust asks of the claims, as it is written.
    pub conditions: Vec<String>,
    /// A token that is admitted, with the claims that the trust reads.
    pub example: Option<BTreeMap<String, serde_json::Value>>,
    /// What the identity may do, as far as the scan says it.
    pub permissions: Vec<String>,
    /// The file of the trust.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The trust.
    #[serde(skip)]
    pub trust: TrustId,
    /// What the tokens come through, where the scan declares it.
    #[serde(skip)]
    pub provider: Option<ProviderId>,
    /// What else the identity is called: a role's name and ARN, an e-mail, the parent of a credential.
    #[serde(skip)]
    pub names: Vec<String>,
    /// `who` tells those whom the trust names, one by one.
    #[serde(skip)]
    pub told: bool,
    /// It is a way for tokens of an issuer; else for principals of the cloud itself, or for whoever could not be read.
    #[serde(skip)]
    pub brings_tokens: bool,
}

/// The inventory, by identity and then in the order of the graph. Places are filled in by `locate`.
#[must_use]
pub fn inventory(graph: &Graph, links: &Links, config: &Config, locate: &dyn Fn(crate::place::Span) -> (String, usize)) -> Vec<Entry> {
    let registry: &Registry = &config.registry();
    let shared = Arc::new(Shared::default());
    entries(&Inputs { graph, links, registry, shared: &shared }, config, locate)
}

/// The same, with what the run has decided already.
#[must_use]
pub fn entries(inputs: &Inputs<'_>, config: &Config, locate: &dyn Fn(crate::place::Span) -> (String, usize)) -> Vec<Entry> {
    let graph = inputs.graph;
    let mut out = Vec::new();
    for (index, trust) in graph.trusts.iter().enumerate() {
        let identity = graph.identity(trust.identity).map_or(&trust.origin.name, |i| &i.origin.name);
        let (path, line) = locate(trust.origin.span);
        let permissions = permissions(inputs, trust);
        let names = graph.identity(trust.identity).map(names).unwrap_or_default();
        for Way { cloud, issuer, provider, brings_tokens, answer } in ways(inputs, index, trust) {
            let Answer { admits, who, told, conditions, example } = answer;
            let conditions = conditions.into_iter().map(|c| c.told(config)).collect::<Vec<_>>();
            let (identity, permissions, path, example) = (identity.clone(), permissions.clone(), path.clone(), example.map(claims));
            let trust = TrustId(u32::try_from(index).unwrap_or(u32::MAX));
            out.push(Entry {
                identity,
                cloud,
                issuer,
                admits,
                who,
                conditions,
                example,
                permissions,
                path,
                line,
                trust,
                provider,
                names: names.clone(),
                told,
                brings_tokens,
            });
        }
    }
    out.sort_by(|a, b| (&a.identity, &a.path, a.line).cmp(&(&b.identity, &b.path, b.line)));
    out
}

/// What an identity is called beside the name in reports.
fn names(identity: &Identity) -> Vec<String> {
    let texts: Vec<&Text> = match &identity.kind {
        IdentityKind::AwsRole { name, arn, .. } => name.iter().chain(arn).collect(),
        IdentityKind::GoogleServiceAccount { email } => vec![email],
        IdentityKind::AzureIdentity { parent } => vec![parent],
        IdentityKind::GoogleResource { .. } => Vec::new(),
    };
    texts.into_iter().filter_map(Text::as_known).collect()
}

impl Entry {
    /// Whether the identity is called so. The ARN of a role whose account the scan does not know is known by the role's name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let of_arn = || name.split_once(":role/").map(|(_, path)| path.rsplit('/').next().unwrap_or(path));
        let has_arn = || self.names.iter().any(|known| known.contains(":role/"));
        let is = |name: &str| self.identity == name || self.names.iter().any(|known| known == name);
        is(name) || of_arn().is_some_and(|role| !has_arn() && is(role))
    }
}

fn claims(token: Token) -> BTreeMap<String, serde_json::Value> {
    match token.to_json() {
        serde_json::Value::Object(members) => members.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

fn permissions(inputs: &Inputs<'_>, trust: &Trust) -> Vec<String> {
    let own = inputs.links.identity_grants.get(trust.identity.index()).into_iter().flatten();
    let named: BTreeSet<String> = own.filter_map(|g| inputs.graph.grants.get(*g)).map(|g| g.permission.to_string()).collect();
    named.into_iter().collect()
}

/// What is known of one way.
struct Answer {
    admits: Admits,
    who: String,
    told: bool,
    conditions: Vec<Condition>,
    example: Option<Token>,
}

/// What is asked of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    text: String,
    /// The one value of the owner's id that is asked for.
    owner_id: Option<String>,
}

impl Condition {
    /// With the owner's name where the configuration says whose id it is.
    fn told(self, config: &Config) -> String {
        match self.owner_id.and_then(|id| config.tenants.github.owner_of(&id).map(str::to_owned)) {
            Some(owner) => format!("{} ({owner})", self.text),
            None => self.text,
        }
    }
}

impl Answer {
    fn of(admits: Admits, who: impl Into<String>) -> Self {
        Self { admits, who: who.into(), told: false, conditions: Vec::new(), example: None }
    }
}

/// One way to an identity, as its cloud has it.
struct Way {
    cloud: &'static str,
    issuer: String,
    provider: Option<ProviderId>,
    brings_tokens: bool,
    answer: Answer,
}

impl Way {
    /// For the tokens of an issuer.
    fn tokens(cloud: &'static str, issuer: impl Into<String>, provider: Option<ProviderId>, answer: Answer) -> Self {
        Self { cloud, issuer: issuer.into(), provider, brings_tokens: true, answer }
    }

    /// For whoever brings none.
    fn principals(cloud: &'static str, issuer: impl Into<String>, answer: Answer) -> Self {
        Self { cloud, issuer: issuer.into(), provider: None, brings_tokens: false, answer }
    }
}

/// The one of these providers that is for an issuer.
fn provider_of(graph: &Graph, providers: &[ProviderId], issuer: &str) -> Option<ProviderId> {
    if let [only] = providers {
        return Some(*only);
    }
    let issuer = cut::without_scheme(&Text::known(issuer));
    let is_it = |id: &&ProviderId| match graph.provider(**id).map(|p| &p.kind) {
        Some(ProviderKind::AwsOidc { url, .. }) => cut::key(&cut::without_scheme(url)) == cut::key(&issuer),
        _ => false,
    };
    providers.iter().find(is_it).copied()
}

fn ways(inputs: &Inputs<'_>, index: usize, trust: &Trust) -> Vec<Way> {
    let providers = inputs.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    match &trust.gate {
        Gate::AwsPolicy(policy) => {
            let views = aws::views(inputs, inputs.graph.identity(trust.identity), policy, providers);
            let judged = views.iter().map(|view| {
                let (formula, templates) = view.with_audience(inputs);
                let provider = provider_of(inputs.graph, providers, &view.recognised.iss);
                Way::tokens("aws", &view.recognised.iss, provider, judge(inputs, view, &formula, &templates))
            });
            let mut out: Vec<Way> = judged.collect();
            out.extend(principals(policy, out.is_empty()));
            out
        }
        Gate::GoogleMember { member, role, .. } => {
            let mut out: Vec<Way> = Vec::new();
            for (id, view) in providers.iter().flat_map(|id| google::views(inputs, *id).into_iter().map(|view| (*id, view))) {
                let Some(formula) = view.combined(&trust.gate) else { continue };
                let templates = view.templates_for(&formula);
                out.push(Way::tokens("google", &view.recognised.iss, Some(id), judge(inputs, &view, &formula, &templates)));
            }
            if out.is_empty() {
                let named = Answer::of(Admits::Named, format!("`{member}`"));
                out.push(Way::principals("google", format!("Google principal ({role})"), named));
            }
            out
        }
        Gate::AzureCredential { issuer, subject, audiences, expression } => {
            let Some(issuer) = issuer else {
                let unknown = Answer::of(Admits::Undecided, "the issuer is not known");
                return vec![Way::tokens("azure", "unknown issuer", None, unknown)];
            };
            let credential = Credential {
                issuer: issuer.clone(),
                subject: subject.clone(),
                audiences: audiences.clone(),
                expression: expression.clone(),
            };
            // Entra compares the issuer exactly: `azure::issuer_view` forgives what no token of the issuer carries.
            if let Some(mistake) = issuer.as_known().and_then(|url| well_known_mistakes(&url)) {
                let nobody = Answer::of(Admits::Nobody, format!("nobody: no token carries this issuer: {mistake}"));
                return vec![Way::tokens("azure", issuer.to_string(), None, nobody)];
            }
            match azure::issuer_view(inputs, trust, credential) {
                Some(view) => {
                    let (formula, templates) = view.with_audience();
                    vec![Way::tokens("azure", &view.recognised.iss, None, judge(inputs, &view, &formula, &templates))]
                }
                None => {
                    let unknown = Answer::of(Admits::Undecided, "the issuer or the subject is not known");
                    vec![Way::tokens("azure", issuer.to_string(), None, unknown)]
                }
            }
        }
    }
}

/// Whoever brings no token: AWS accounts, services, logins of other kinds.
fn principals(policy: &Policy, alone: bool) -> Vec<Way> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut everyone = false;
    for principal in iam::principals(policy) {
        if principal.effect != Effect::Deny && !principal.brings_tokens() && !principal.negated {
            everyone |= principal.kind == PrincipalKind::Everyone;
            let text =
                if everyone { "any AWS principal that satisfies the conditions".to_owned() } else { format!("`{}`", principal.text) };
            named.insert(text);
        }
    }
    if named.is_empty() {
        let unknown = Answer::of(Admits::Undecided, "cannot determine whose tokens the role takes");
        return if alone { vec![Way::principals("aws", "trust policy", unknown)] } else { Vec::new() };
    }
    let who = named.into_iter().collect::<Vec<_>>().join(", ");
    vec![Way::principals("aws", "AWS principals", Answer::of(if everyone { Admits::Undecided } else { Admits::Named }, who))]
}

/// Who gets in through a view.
fn judge<V>(inputs: &Inputs<'_>, view: &IssuerView<'_, V>, formula: &Formula, templates: &[Template]) -> Answer {
    let issuer = &view.recognised.iss;
    let mut answer = match inputs.reachability(formula, templates) {
        Reachability::Unreachable => Answer::of(Admits::Nobody, "nobody: no token can satisfy this trust"),
        Reachability::Undecided => Answer::of(Admits::Undecided, "undecided: no token was found, and that there is none is not proven"),
        Reachability::Reachable(token) => match exposure::exposure_in(formula, &inputs.shared.templates(templates)) {
            Err(why) => Answer::of(Admits::Undecided, format!("undecided: {why}")),
            Ok(found) => {
                let (admits, mut who) = words::of_class(found.class, issuer);
                let mut told = false;
                if found.class == Class::Intended
                    && let Some(words) = words::named(inputs, formula, templates, &found)
                {
                    (who, told) = (words, true);
                }
                let likely = if found.certain && view.certain { "" } else { " (likely)" };
                let example = found.witness.unwrap_or(*token);
                Answer { admits, who: format!("{who}{likely}"), told, conditions: Vec::new(), example: Some(minimal(&example, formula)) }
            }
        },
    };
    answer.conditions = conditions(formula);
    answer
}

/// What is asked of the claims, beside the audience and the issuer.
fn conditions(formula: &Formula) -> Vec<Condition> {
    let mut out: Vec<Condition> = Vec::new();
    for occurrence in shape::tests(formula) {
        let claims = shape::claims(&occurrence.test.subject);
        // That a claim is there is what a mapping asks of each that it reads.
        if matches!(occurrence.test.matcher, Matcher::Present) && occurrence.positive {
            continue;
        }
        if claims.iter().all(|claim| claim == "aud" || claim == "azp" || claim == "iss") {
            continue;
        }
        let not = if occurrence.positive { "" } else { "not " };
        let owner_id = match &occurrence.test.matcher {
            Matcher::Exact(text) if claims.len() == 1 && claims.contains("repository_owner_id") => text.as_known(),
            _ => None,
        };
        let text = format!("{not}{} {}", claims.into_iter().collect::<Vec<_>>().join("+"), written(&occurrence.test.matcher));
        let condition = Condition { text, owner_id };
        if !out.contains(&condition) {
            out.push(condition);
        }
    }
    out
}

fn written(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Present => "is there".to_owned(),
        Matcher::Exact(text) => format!("= {text}"),
        Matcher::ExactIgnoreCase(text) => format!("= {text} (in any letter case)"),
        Matcher::Glob(parts) => {
            let part = |part: &GlobPart| match part {
                GlobPart::Literal(text) => text.to_string(),
                GlobPart::Star(_) => "*".to_owned(),
                GlobPart::One(_) => "?".to_owned(),
            };
            format!("like {}", parts.iter().map(part).collect::<String>())
        }
        Matcher::Prefix(text) => format!("starts with {text}"),
        Matcher::Suffix(text) => format!("ends with {text}"),
        Matcher::Contains(text) => format!("contains {text}"),
        Matcher::Regex(text) => format!("matches {text}"),
        Matcher::Size(..) => "has a length".to_owned(),
        Matcher::Order(_, text) => format!("is ordered by {text}"),
    }
}

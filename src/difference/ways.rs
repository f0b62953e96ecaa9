//! The ways into each identity, as the gate sees them: for each issuer a formula.

use super::State;
use crate::admission::cel::google::{Member, member_formula};
use crate::admission::entra::Credential;
use crate::admission::formula::Formula;
use crate::admission::iam::{self, Effect, Policy, PrincipalKind, Viewer};
use crate::gate::{Inputs, IssuerView, aws, azure, google, principals, subjects};
use crate::graph::{Gate, IdentityId, Trust};
use crate::issuers::{SessionTags, Template, well_known_mistakes};
use crate::place::Span;
use std::collections::BTreeMap;

/// The ways of all identities that have one.
pub(super) type All<'a> = BTreeMap<IdentityId, Ways<'a>>;

/// The tokens that can matter for a formula.
type Templates<'a> = Box<dyn Fn(&Formula) -> Vec<Template> + 'a>;

/// The ways into one identity.
#[derive(Default)]
pub(super) struct Ways<'a> {
    pub(super) identity: Option<IdentityId>,
    pub(super) decided: Vec<Way<'a>>,
    /// Who is named and brings no token, by a key; as it is shown.
    pub(super) named: BTreeMap<String, String>,
    /// What cannot be told, by a key; why.
    pub(super) open: BTreeMap<String, String>,
    /// Where the trusts are written.
    pub(super) spans: Vec<Span>,
}

/// One way.
pub(super) struct Way<'a> {
    /// Ways of one key are compared with each other.
    pub(super) key: String,
    pub(super) issuer: String,
    /// The issuer is one of tokens, with a URL.
    pub(super) is_url: bool,
    /// What is asked of a token, without what the provider accepts.
    pub(super) formula: Formula,
    /// The audiences that the provider takes, where they are known.
    pub(super) accepted: Option<Formula>,
    /// The audience that its users ask for.
    pub(super) usual: Option<Formula>,
    /// The view is the only one that there can be.
    pub(super) certain: bool,
    templates: Templates<'a>,
}

impl Way<'_> {
    /// The tokens that can matter for a formula.
    pub(super) fn templates(&self, formula: &Formula) -> Vec<Template> {
        (self.templates)(formula)
    }
}

pub(super) fn all<'a>(state: &'a State<'a>) -> All<'a> {
    let inputs = state.inputs();
    let mut out = All::new();
    for (index, trust) in state.side.estate.graph.trusts.iter().enumerate() {
        if trust.gate.has_ended() {
            continue;
        }
        let ways = out.entry(trust.identity).or_insert_with(|| Ways { identity: Some(trust.identity), ..Ways::default() });
        ways.spans.push(trust.origin.span);
        match &trust.gate {
            Gate::AwsPolicy(policy) => of_policy(&inputs, index, trust, policy, ways),
            Gate::GoogleMember { .. } => of_member(&inputs, index, trust, ways),
            Gate::AzureCredential { .. } => of_credential(&inputs, trust, ways),
        }
    }
    out
}

fn of_policy<'a>(inputs: &Inputs<'a>, index: usize, trust: &'a Trust, policy: &'a Policy, ways: &mut Ways<'a>) {
    let providers = inputs.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    let mut met = false;
    for view in aws::views(inputs, inputs.graph.identity(trust.identity), policy, providers) {
        met = true;
        let issuer = view.recognised.iss.clone();
        let (formula, accepted, certain) = (view.formula.clone(), view.accepted.as_ref().map(|a| a.any.clone()), view.certain);
        let usual = view.accepted.as_ref().map(|a| a.usual.clone());
        let templates = Box::new(move |formula: &Formula| view.via.request(view.templates_for(formula), formula));
        ways.decided.push(Way { key: issuer.clone(), issuer, is_url: true, formula, accepted, usual, certain, templates });
    }
    met |= of_principals(inputs, policy, ways);
    if !met {
        ways.open.insert("policy".to_owned(), "whose tokens the role takes is not known".to_owned());
    }
}

/// Principals of AWS accounts are decided like tokens; services and others are named.
fn of_principals<'a>(inputs: &Inputs<'a>, policy: &'a Policy, ways: &mut Ways<'a>) -> bool {
    let mut met = false;
    let mut statements = Vec::new();
    for principal in iam::principals(policy) {
        if principal.effect == Effect::Deny || principal.brings_tokens() {
            continue;
        }
        met = true;
        match principal.kind {
            PrincipalKind::Aws | PrincipalKind::Everyone => statements.push(principal.statement),
            _ if principal.negated => statements.push(principal.statement),
            PrincipalKind::Service => {
                ways.named.insert(format!("service {}", principal.text), format!("the AWS service `{}`", principal.text));
            }
            _ => {
                ways.named.insert(format!("other {}", principal.text), format!("`{}`", principal.text));
            }
        }
    }
    statements.dedup();
    let views: Vec<_> = statements.iter().filter_map(|i| principals::PrincipalView::of(inputs.registry, policy, *i)).collect();
    if views.is_empty() {
        return met;
    }
    let formula = Formula::Any(views.into_iter().map(|view| view.formula).collect());
    let tags = iam::session_tags(policy, SessionTags::Any);
    let registry = inputs.registry;
    let templates = Box::new(move |formula: &Formula| {
        let read = principals::read(formula).into_iter().chain(principals::WHO.map(str::to_owned)).collect();
        let all = registry.aws_principals().map(|known| known.templates_for(&read)).unwrap_or_default();
        iam::with_request_keys(all, formula, &Viewer::Principals, tags)
    });
    let issuer = "AWS principals".to_owned();
    ways.decided.push(Way { key: issuer.clone(), issuer, is_url: false, formula, accepted: None, usual: None, certain: true, templates });
    true
}

fn of_member<'a>(inputs: &Inputs<'a>, index: usize, trust: &'a Trust, ways: &mut Ways<'a>) {
    let Gate::GoogleMember { member, role, .. } = &trust.gate else { return };
    let providers = inputs.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    let mut met = false;
    for id in providers {
        met |= google::disabled(inputs.graph, inputs.links, *id).is_some();
        for view in google::views(inputs, *id) {
            let Ok(parsed) = Member::parse(member) else { continue };
            met = true;
            let issuer = view.recognised.iss.clone();
            let formula = Formula::All(vec![member_formula(&parsed, &view.via.view), view.formula.clone()]);
            let usual = view.accepted.as_ref().map(|a| a.usual.clone());
            let (accepted, certain) = (view.accepted.as_ref().map(|a| a.any.clone()), view.certain);
            ways.decided.push(Way {
                key: format!("{issuer} {role}"),
                issuer,
                is_url: true,
                formula,
                accepted,
                usual,
                certain,
                templates: templates(view),
            });
        }
    }
    if !met {
        let (key, shown) = (format!("member {role} {member}"), format!("`{member}` with `{role}`"));
        if member.is_known() && providers.is_empty() {
            ways.named.insert(key, shown);
        } else {
            ways.open.insert(key, format!("whom {shown} lets in is not known"));
        }
    }
}

fn of_credential<'a>(inputs: &Inputs<'a>, trust: &'a Trust, ways: &mut Ways<'a>) {
    let Gate::AzureCredential { issuer, subject, audiences, expression } = &trust.gate else { return };
    let Some(issuer) = issuer else {
        ways.open.insert("issuer".to_owned(), "the issuer of a credential is not known".to_owned());
        return;
    };
    // Entra compares the issuer exactly: no token has one that is spelt otherwise.
    if issuer.as_known().and_then(|url| well_known_mistakes(&url)).is_some() {
        return;
    }
    let (subject, audiences, expression) = (subject.clone(), audiences.clone(), expression.clone());
    let credential = Credential { issuer: issuer.clone(), subject, audiences, expression };
    match azure::issuer_view(inputs, trust, credential) {
        Some(view) => {
            let issuer = view.recognised.iss.clone();
            let usual = view.accepted.as_ref().map(|a| a.usual.clone());
            let (formula, accepted, certain) = (view.formula.clone(), view.accepted.as_ref().map(|a| a.any.clone()), view.certain);
            ways.decided.push(Way {
                key: issuer.clone(),
                issuer,
                is_url: true,
                formula,
                accepted,
                usual,
                certain,
                templates: templates(view),
            });
        }
        None => {
            ways.open.insert(format!("credential {issuer}"), "the issuer or the subject of a credential is not known".to_owned());
        }
    }
}

fn templates<'a, V: 'a>(view: IssuerView<'a, V>) -> Templates<'a> {
    Box::new(move |formula: &Formula| subjects::tokens(&view.recognised, formula, view.formats).0)
}

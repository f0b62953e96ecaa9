//! What is asked of every trust, whatever its cloud: whose tokens it takes, and who of them obtains the identity.

mod escalation;
mod issuers;
mod orphans;
mod recyclable;
mod shared;
mod subjects;
pub(in crate::rules::checks) mod tenants;

pub(in crate::rules::checks) use escalation::ABOVE;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::verdict;
use crate::admission::entra::Credential;
use crate::admission::exposure::{Class, Exposure};
use crate::admission::formula::Formula;
use crate::gate;
use crate::graph::{Gate, GoogleSource, IdentityId, Trust};
use crate::issuers::{Recognised, Template, Tenancy};
use crate::place::Span;
use rayon::prelude::*;

/// Every finding of these checks.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let judged: Vec<Judged> = context.graph.trusts.par_iter().enumerate().map(|(i, t)| Judged::of(context, i, t)).collect();
    let mut out = escalation::check(context, &judged);
    out.extend(recyclable::check(context, &judged));
    out.extend(shared::check(context, &judged));
    out.extend(orphans::check(context, &judged));
    out.extend(issuers::check(context));
    out.extend(subjects::check(context));
    for judged in judged {
        out.extend(judged.unprotected);
        out.extend(judged.foreign);
    }
    out
}

/// What is known of a trust: each of its ways is looked at once.
struct Judged {
    reach: Reach,
    recycled: Option<recyclable::Recycled>,
    workloads: Vec<shared::Named>,
    account: Option<orphans::Account>,
    unprotected: Option<Finding>,
    foreign: Vec<Finding>,
}

impl Judged {
    fn of(context: &Context<'_>, index: usize, trust: &Trust) -> Self {
        let mut out =
            Self { reach: Reach::Nobody, recycled: None, workloads: Vec::new(), account: None, unprotected: None, foreign: Vec::new() };
        for way in ways(context, index, trust) {
            let Some(exposure) = way.exposure(context) else { continue };
            out.reach = out.reach.max(if way.is_wide(context, &exposure) { Reach::Wider } else { Reach::Named });
            out.recycled = out.recycled.or_else(|| recyclable::recycled(context, trust, &way, &exposure));
            out.account = out.account.or_else(|| orphans::account(&way, &exposure));
            out.unprotected = out.unprotected.or_else(|| subjects::unprotected(context, trust, &way, &exposure));
            out.foreign.extend(tenants::foreign(context, trust, &way, &exposure));
            out.workloads.extend(shared::named(&way, &exposure));
        }
        out
    }
}

/// A trust as the tokens of one issuer meet it.
struct Way<'a> {
    recognised: Recognised<'a>,
    formula: Formula,
    templates: Vec<Template>,
    /// Where the issuer is named.
    url: Option<Span>,
    /// Nothing about it is a guess.
    certain: bool,
}

impl Way<'_> {
    /// Who obtains the identity; none where that is not decided, or where nothing is known of the issuer's tokens.
    fn exposure(&self, context: &Context<'_>) -> Option<Exposure> {
        if self.recognised.issuer.tenancy.is_free() {
            return None;
        }
        context.exposed(&self.formula, &self.templates).ok()
    }

    /// More obtain it than are named. A run of `pull_request_target` is a workflow of the branch that is named.
    fn is_wide(&self, context: &Context<'_>, exposure: &Exposure) -> bool {
        if exposure.class == Class::PullRequestTarget {
            return false;
        }
        let cluster = self.recognised.issuer.tenancy == Tenancy::Cluster;
        matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix)
            || verdict::inside(context, &self.formula, &self.templates, exposure, cluster).is_some()
    }
}

/// The ways into the identity of a trust (by its index).
fn ways<'a>(context: &'a Context<'_>, index: usize, trust: &'a Trust) -> Vec<Way<'a>> {
    let inputs = context.inputs();
    let providers = context.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    match &trust.gate {
        Gate::AwsPolicy(policy) => {
            let views = gate::aws::views(&inputs, context.graph.identity(trust.identity), policy, providers);
            let way = |view: gate::aws::FederatedView<'a>| {
                let (mut formula, mut templates) = view.with_audience(&inputs);
                // STS takes only tokens that are for a client of the provider.
                if let Some(accepted) = &view.accepted {
                    formula = Formula::All(vec![formula, accepted.any.clone()]);
                    templates = view.via.request(view.templates_for(&formula), &formula);
                }
                let url = view.via.principal.span();
                Way { recognised: view.recognised, formula, templates, url, certain: view.certain }
            };
            views.into_iter().map(way).collect()
        }
        Gate::GoogleMember { .. } if trust.gate.has_ended() => Vec::new(),
        Gate::GoogleMember { .. } => {
            let views = providers.iter().flat_map(|id| gate::google::views(&inputs, *id));
            let way = |view: gate::google::ProviderView<'a>| {
                let formula = view.combined(&trust.gate)?;
                let templates = view.templates_for(&formula);
                let url = if let GoogleSource::Oidc { issuer, .. } = &view.via.google.source { issuer.span() } else { None };
                Some(Way { recognised: view.recognised, formula, templates, url, certain: view.certain })
            };
            views.filter_map(way).collect()
        }
        Gate::AzureCredential { issuer: Some(issuer), subject, audiences, expression } => {
            let (issuer, subject) = (issuer.clone(), subject.clone());
            let credential = Credential { issuer, subject, audiences: audiences.clone(), expression: expression.clone() };
            let view = gate::azure::issuer_view(&inputs, trust, credential);
            let way = |view: gate::azure::CredentialView<'a>| {
                let (formula, templates) = view.with_audience();
                let url = view.via.credential.issuer.span();
                Way { recognised: view.recognised, formula, templates, url, certain: view.certain }
            };
            view.map(way).into_iter().collect()
        }
        Gate::AzureCredential { .. } => Vec::new(),
    }
}

/// Who obtains an identity by tokens of issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Nobody, or nothing is known of them.
    Nobody,
    /// Those that its trusts name.
    Named,
    /// More than its trusts name.
    Wider,
}

/// The widest of the ways into an identity.
fn reach(context: &Context<'_>, judged: &[Judged], identity: IdentityId) -> Reach {
    let trusts = context.links.identity_trusts.get(identity.index()).into_iter().flatten();
    trusts.filter_map(|id| judged.get(id.index())).map(|j| j.reach).max().unwrap_or(Reach::Nobody)
}

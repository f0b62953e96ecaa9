//! Google workload identity federation: what the providers admit, and what the bindings make of it.

mod accounts;
mod ambiguous;
mod attributes;
mod audience;
mod binding;
mod collision;
mod conditions;
mod conflicts;
mod coverage;
mod endpoints;
mod excess;
mod impersonation;
mod limits;
mod logins;
mod mixed;
mod names;
mod privileged;
mod project;
mod provider;
mod refused;
mod shared_audience;
mod spelling;
mod subject;

pub use collision::collisions;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::{privilege, reading};
use crate::gate::google::{self, ProviderView};
use crate::graph::ProviderId;
use rayon::prelude::*;

/// Every finding about what Google providers admit.
#[must_use]
pub fn providers(context: &Context<'_>) -> Vec<Finding> {
    let all: Vec<u32> = (0..u32::try_from(context.graph.providers.len()).unwrap_or(u32::MAX)).collect();
    let one = |i: &u32| {
        let refused = refused::check(context, ProviderId(*i));
        refused.into_iter().chain(views(context, ProviderId(*i)).into_iter().flat_map(|seen| provider::check(context, &seen)))
    };
    let mut out: Vec<Finding> = all.par_iter().flat_map_iter(one).collect();
    out.extend(shared_audience::check(context));
    out.extend(mixed::check(context));
    out
}

/// Every finding about what bindings make of it.
#[must_use]
pub fn bindings(context: &Context<'_>) -> Vec<Finding> {
    let (privileged, readers) = (privilege::privileged(context.graph), reading::Readers::of(context.graph));
    let check = |(i, trust): (usize, &crate::graph::Trust)| -> Vec<Finding> {
        coverage::check(context, i, trust);
        let weigh = |f| reading::weigh(privilege::weigh(f, trust.identity, &privileged), trust.identity, &readers);
        binding::check(context, i, trust).into_iter().map(weigh).collect()
    };
    context.graph.trusts.par_iter().enumerate().flat_map_iter(check).collect()
}

/// Names that are wrong by their form: members, audiences, pools and providers; subjects that do not last.
#[must_use]
pub fn names(context: &Context<'_>) -> Vec<Finding> {
    let mut out = names::check(context);
    out.extend(subject::check(context));
    out
}

/// Logins of workloads outside of Google Cloud: what they name, what they ask for, what they call.
#[must_use]
pub fn logins(context: &Context<'_>) -> Vec<Finding> {
    let mut out = logins::check(context);
    out.extend(endpoints::check(context));
    out
}

/// Who may impersonate service accounts, and who should.
#[must_use]
pub fn impersonation(context: &Context<'_>) -> Vec<Finding> {
    let accounts = accounts::Accounts::new(context);
    let mut out = impersonation::check(context, &accounts);
    out.extend(privileged::check(context));
    out.extend(conflicts::check(context));
    out.extend(excess::check(context, &accounts));
    out.extend(project::check(context));
    out
}

/// A provider under each of the conditions that it may have, without those that Google refuses to create: see [`refused`].
pub(super) fn views<'a>(context: &'a Context<'_>, id: ProviderId) -> Vec<ProviderView<'a>> {
    if refused::is_refused(context, id) {
        return Vec::new();
    }
    google::views(&context.inputs(), id).into_iter().filter(|v| refused::is_readable(&v.via.view)).collect()
}

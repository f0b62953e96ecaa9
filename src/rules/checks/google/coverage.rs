//! Bindings of which nothing can be said: what enters their pool is not known.

use super::{Context, refused};
use crate::admission::cel::google::{Member, MemberKind};
use crate::gate::google;
use crate::graph::{Gate, ProviderId, Trust};

/// The end of the name of GKE's own pools, which the project's clusters fill and no provider.
const OF_CLUSTERS: &str = ".svc.id.goog";

/// How identities of pools begin.
const PRINCIPALS: [&str; 2] = ["principal://", "principalSet://"];

/// Notes a binding that cannot be judged.
pub(super) fn check(context: &Context<'_>, index: usize, trust: &Trust) {
    let Gate::GoogleMember { member: text, .. } = &trust.gate else { return };
    let pool = match Member::parse(text).map(|member| member.kind) {
        Ok(MemberKind::Pool { pool, .. }) => pool,
        // All of the pool's name is one unknown: `principalSet://iam.googleapis.com/${var.pool}/attribute.x/y`.
        Ok(MemberKind::Unknown) if PRINCIPALS.iter().any(|scheme| text.known_prefix().starts_with(scheme)) => {
            let why = format!("which pool `{text}` is of is not known");
            context.record_undecided(trust.origin.span, format!("cannot determine which tokens `{}` admits: {why}", trust.origin.name));
            return;
        }
        _ => return,
    };
    if pool.text.known_suffix().ends_with(OF_CLUSTERS) {
        return;
    }
    let providers = context.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    if !providers.is_empty() && providers.iter().all(|id| is_judged(context, *id)) {
        return;
    }
    let why = match providers.is_empty() {
        true => format!("no provider of the pool `{}` is in the scan", pool.text),
        false => format!("what a provider of the pool `{}` takes, or asks for, is not known", pool.text),
    };
    context.record_undecided(trust.origin.span, format!("cannot determine which tokens `{}` admits: {why}", trust.origin.name));
}

/// It is known what the provider asks for, or that it admits nobody.
fn is_judged(context: &Context<'_>, id: ProviderId) -> bool {
    google::disabled(context.graph, context.links, id).is_some()
        || refused::is_refused(context, id)
        || !google::views(&context.inputs(), id).is_empty()
}

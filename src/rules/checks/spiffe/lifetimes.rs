//! How long SVIDs live: nothing but their end revokes them.

use crate::catalogue::{RuleId, Severity};
use crate::graph::Origin;
use crate::graph::spiffe::{Lifetime, LifetimeOf};
use crate::rules::Finding;
use crate::rules::engine::Context;

const HOUR: u32 = 3600;
const DAY: u32 = 24 * HOUR;

/// Every finding about lifetimes.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let spiffe = &context.graph.spiffe;
    let servers = spiffe.servers.iter().map(|s| (&s.origin, &s.lifetimes));
    let entries = spiffe.entries.iter().map(|e| (&e.origin, &e.lifetimes));
    let identities = spiffe.identities.iter().map(|i| (&i.origin, &i.lifetimes));
    let all = servers.chain(entries).chain(identities);
    all.flat_map(|(origin, lifetimes)| lifetimes.iter().filter_map(|l| long(origin, l))).collect()
}

fn long(origin: &Origin, lifetime: &Lifetime) -> Option<Finding> {
    let seconds = lifetime.seconds.value;
    let (what, low, medium, help) = match lifetime.of {
        LifetimeOf::Token => ("JWT-SVIDs", HOUR, 12 * HOUR, "leave tokens at minutes: workloads fetch a new one for each use"),
        LifetimeOf::Certificate => ("X.509-SVIDs", DAY, 7 * DAY, "leave certificates at hours: agents renew them by themselves"),
    };
    if seconds <= low {
        return None;
    }
    let severity = if seconds >= medium { Severity::Medium } else { Severity::Low };
    let message = format!("{what} live {seconds} seconds: a stolen one stays valid for that long, and SPIRE cannot revoke it");
    let finding = Finding::new(RuleId::LongSession, origin, lifetime.seconds.span, what, message).severity(severity);
    Some(finding.help(help).along(&lifetime.seconds.trail))
}

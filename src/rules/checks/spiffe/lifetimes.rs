//! How long SVIDs live: nothing but their end revokes them.

use crate::catalogue::{RuleId, Severity};
use crate::graph::Origin;
use crate::graph::spiffe::{Lifetime, LifetimeOf, SpireServer};
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
    let mut out: Vec<Finding> = all.flat_map(|(origin, lifetimes)| lifetimes.iter().filter_map(|l| long(origin, l))).collect();
    out.extend(spiffe.servers.iter().flat_map(beyond));
    out
}

/// How many lifetimes of SVIDs a CA's has to hold
/// (<https://github.com/spiffe/spire/blob/main/pkg/server/ca/manager/manager.go>).
const CA_LIFETIMES: u32 = 6;

/// SVIDs that are to live longer than the CA allows: they get less than is written.
fn beyond(server: &SpireServer) -> Vec<Finding> {
    let Some(ca) = &server.ca_lifetime else { return Vec::new() };
    let one = |l: &Lifetime| {
        if l.seconds.value <= ca.value / CA_LIFETIMES {
            return None;
        }
        let message = format!(
            "SVIDs are to live {} seconds under a CA of {}: the server issues shorter ones than are asked for",
            l.seconds.value, ca.value
        );
        let finding = Finding::new(RuleId::LongSession, &server.origin, l.seconds.span, "longer than the CA", message);
        let help = format!("set `ca_ttl` to at least {CA_LIFETIMES} times the longest lifetime of SVIDs");
        Some(finding.severity(Severity::Low).help(help).related(ca.span, "the lifetime of the CA"))
    };
    server.lifetimes.iter().filter_map(one).collect()
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

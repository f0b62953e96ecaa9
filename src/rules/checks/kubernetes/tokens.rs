//! Tokens that pods project, and how long they live.

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::graph::WorkloadKind;
use crate::partial::Text;
use crate::rules::Finding;

/// What Kubernetes gives out at most to the clouds' own webhooks: a day.
const DAY: u32 = 86_400;
/// From here on it is no slip.
const WEEK: u32 = 7 * DAY;

/// Tokens for a named audience that live for more than a day: who copies one has it that long, and nothing revokes it before the
/// pod is gone (<https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken>).
pub(super) fn long(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for workload in &context.graph.workloads {
        let WorkloadKind::Pods { settings, .. } = &workload.kind else { continue };
        for token in &settings.tokens {
            let (Some(audience), Some(seconds)) = (&token.audience, &token.seconds) else { continue };
            if seconds.value > DAY {
                out.push(finding(&workload.origin, audience, seconds));
            }
        }
    }
    out
}

fn finding(origin: &crate::graph::Origin, audience: &Text, seconds: &crate::graph::Seconds) -> Finding {
    let days = seconds.value / DAY;
    let message = format!("the token for `{audience}` is valid for {days} days: whoever copies it from the pod can use it that long");
    let severity = if seconds.value >= WEEK { Severity::Medium } else { Severity::Low };
    Finding::new(RuleId::LongSession, origin, seconds.span, "token", message)
        .severity(severity)
        .help("set `expirationSeconds: 3600`: the kubelet renews the token before it ends")
        .along(&seconds.trail)
}

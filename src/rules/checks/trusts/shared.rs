//! One identity for several workloads: what breaks into one of them has what all of them may do.

use super::{Context, Judged, Way};
use crate::admission::exposure::{Class, Exposure};
use crate::catalogue::{RuleId, Severity};
use crate::graph::{IdentityId, Trust};
use crate::issuers::{Role, Tenancy};
use crate::place::Span;
use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Workloads of one cluster that may share an identity without a word: a pair is often one application.
const FEW: usize = 3;
/// Most names that a message has.
const MAX_NAMED: usize = 4;

/// Who obtains the identity, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    /// Workloads of a cluster, and not jobs of a CI system.
    cluster: bool,
    /// The issuer, for people.
    issuer: String,
    /// The repository, or the namespace and the ServiceAccount.
    name: String,
}

/// One of them, and where it is named.
pub(super) type Named = (Who, Option<Span>);

pub(super) fn check(context: &Context<'_>, judged: &[Judged]) -> Vec<Finding> {
    let mut all: BTreeMap<IdentityId, BTreeMap<&Who, (&Trust, Option<Span>)>> = BTreeMap::new();
    for (trust, judged) in context.graph.trusts.iter().zip(judged) {
        // What is there in one variant only is not there together with the rest.
        if trust.origin.conditional || trust.origin.library {
            continue;
        }
        for (who, span) in &judged.workloads {
            all.entry(trust.identity).or_default().entry(who).or_insert((trust, *span));
        }
    }
    all.into_values().filter_map(|who| finding(&who)).collect()
}

/// The workloads that a way names, where it names nothing else.
pub(super) fn named(way: &Way<'_>, exposure: &Exposure) -> Vec<Named> {
    let mut out: Vec<Named> = Vec::new();
    if exposure.class < Class::AnyRef {
        return out;
    }
    let names: BTreeSet<&str> =
        way.templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == Role::Project).map(|s| s.name.as_str()).collect();
    // A project within a project (a workspace, a subgroup) is one workload: the part with the most names tells them apart.
    let of = |name: &str| {
        let all = exposure.named.get(name).into_iter().flatten().filter(|c| c.complete && !c.text.is_empty());
        all.map(|c| (c.text.clone(), c.span)).collect::<BTreeMap<String, Option<Span>>>()
    };
    let Some(apart) = names.into_iter().map(of).max_by_key(BTreeMap::len) else { return out };
    let cluster = way.recognised.issuer.tenancy == Tenancy::Cluster;
    let issuer = &way.recognised.issuer.name;
    out.extend(apart.into_iter().map(|(name, span)| (Who { cluster, issuer: issuer.clone(), name }, span)));
    out
}

fn finding(who: &BTreeMap<&Who, (&Trust, Option<Span>)>) -> Option<Finding> {
    let (trust, _) = who.values().next()?;
    let clusters = who.keys().filter(|w| w.cluster).count();
    let jobs = who.len() - clusters;
    let mixed = clusters > 0 && jobs > 0;
    if !mixed && jobs < 2 && clusters < FEW {
        return None;
    }
    let names: Vec<String> = who.keys().take(MAX_NAMED).map(|w| format!("`{}` of {}", w.name, w.issuer)).collect();
    let more = who.len().saturating_sub(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let message = format!(
        "{} workloads share this identity ({}{more}): what breaks into one of them may do what all of them may, and logs do not tell them apart",
        who.len(),
        names.join(", ")
    );
    let finding = Finding::new(RuleId::SharedIdentity, &trust.origin, None, "shared", message);
    let finding = finding.severity(if mixed { Severity::Low } else { Severity::Info });
    let places = who.values().filter_map(|(_, span)| *span);
    Some(
        places
            .fold(finding, |f, span| f.related_to(span, "one of them"))
            .help("give each workload an identity of its own, with the rights that it needs"),
    )
}

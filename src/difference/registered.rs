//! Workloads that are registered with an identity where no trust says so: Pod Identity associations of EKS, profiles of IAM Roles
//! Anywhere, registration entries of SPIRE and the trust domains that it federates with.
//!
//! Each is known by everything that it says, and not by where it stands: one that says something else is one that is gone and one
//! that is new.

use super::{Difference, Registered, RegisteredKind, State};
use crate::graph::spiffe::{ClusterIdentity, LabelAsks, LabelSelector};
use crate::graph::{Authority, Origin};
use crate::partial::{Text, cut};
use std::collections::{BTreeMap, BTreeSet};

/// What is registered, by its words.
type All<'a> = BTreeMap<(RegisteredKind, String), &'a Origin>;

pub(super) fn compare(before: &State<'_>, after: &State<'_>, out: &mut Difference) {
    let (old, new) = (all(before), all(after));
    out.newly_registered = only(after, &new, &old);
    out.no_longer_registered = only(before, &old, &new);
}

fn only(state: &State<'_>, these: &All<'_>, others: &All<'_>) -> Vec<Registered> {
    let mut out = Vec::new();
    for ((kind, who), origin) in these.iter().filter(|(key, _)| !others.contains_key(*key)) {
        let (path, line) = state.locate(origin.span);
        out.push(Registered { kind: *kind, who: who.clone(), path, line });
    }
    out
}

fn all<'a>(state: &'a State<'a>) -> All<'a> {
    let mut out = All::new();
    pods(state, &mut out);
    certificates(state, &mut out);
    spire(state, &mut out);
    out
}

fn shown(text: Option<&Text>) -> String {
    text.map_or_else(|| "one that is not known".to_owned(), |text| format!("`{}`", cut::flat(text)))
}

fn pods<'a>(state: &'a State<'a>, out: &mut All<'a>) {
    let graph = &state.side.estate.graph;
    for (index, association) in graph.associations.iter().enumerate() {
        let linked = state.side.estate.links.association_roles.get(index).and_then(|roles| roles.first());
        let named = linked.and_then(|id| graph.identity(*id)).and_then(super::matching::known_name);
        let role = named.map_or_else(|| shown(Some(&association.role)), |name| format!("`{name}`"));
        let namespace = shown(association.namespace.as_ref());
        let (account, cluster) = (shown(association.service_account.as_ref()), shown(association.cluster.as_ref()));
        let who = format!("ServiceAccount {account} of namespace {namespace} in cluster {cluster} obtains {role}");
        out.insert((RegisteredKind::PodIdentity, who), &association.origin);
    }
}

fn certificates<'a>(state: &'a State<'a>, out: &mut All<'a>) {
    let anywhere = &state.side.estate.graph.anywhere;
    for anchor in &anywhere.anchors {
        let who = match anchor.authority {
            Authority::Bundle => "certificates of a bundle of authorities are taken",
            Authority::PrivateCa => "certificates of an AWS Private CA are taken",
            Authority::Unknown => "certificates of an authority that is not known are taken",
        };
        out.insert((RegisteredKind::RolesAnywhere, format!("{who} by {}", anchor.origin.name)), &anchor.origin);
    }
    for profile in &anywhere.profiles {
        match &profile.roles {
            None => {
                let who = format!("holders of certificates obtain roles of {} that are not known", profile.origin.name);
                out.insert((RegisteredKind::RolesAnywhere, who), &profile.origin);
            }
            Some(roles) => {
                for role in roles {
                    let who = format!("holders of certificates obtain {}", shown(Some(role)));
                    out.insert((RegisteredKind::RolesAnywhere, who), &profile.origin);
                }
            }
        }
    }
}

fn spire<'a>(state: &'a State<'a>, out: &mut All<'a>) {
    let spiffe = &state.side.estate.graph.spiffe;
    for entry in &spiffe.entries {
        let selectors: BTreeSet<String> = entry.selectors.iter().map(|s| format!("{}:{}", s.kind, cut::flat(&s.value))).collect();
        let more = if entry.selectors_open { " and selectors that are not known" } else { "" };
        let parent = entry.parent.as_ref().map(|parent| format!(" below {}", shown(Some(parent)))).unwrap_or_default();
        let is_on = |switch: &Option<crate::graph::spiffe::Switch>| switch.is_some_and(crate::graph::spiffe::Switch::is_on);
        let rights = [(is_on(&entry.admin), ", as an administrator"), (is_on(&entry.downstream), ", as a downstream server")];
        let rights: String = rights.iter().filter(|(on, _)| *on).map(|(_, words)| *words).collect();
        let selectors = selectors.into_iter().collect::<Vec<_>>().join(", ");
        let who = format!(
            "workloads with `{selectors}`{more}{parent} obtain {}{rights}{}",
            shown(Some(&entry.id)),
            federated(&entry.federates_with)
        );
        out.insert((RegisteredKind::Spiffe, who), &entry.origin);
    }
    for identity in &spiffe.identities {
        out.insert((RegisteredKind::Spiffe, of_template(identity)), &identity.origin);
    }
    for federation in &spiffe.federations {
        let url = federation.url.as_ref().map(|url| format!(", whose keys are at {}", shown(Some(url)))).unwrap_or_default();
        let who = format!("workloads of the trust domain {}{url}", shown(Some(&federation.trust_domain)));
        out.insert((RegisteredKind::Federation, who), &federation.origin);
    }
}

fn of_template(identity: &ClusterIdentity) -> String {
    let templates: BTreeSet<String> = identity.selectors.iter().map(cut::flat).collect();
    let beside = templates.into_iter().map(|template| format!(" with `{template}`")).collect::<String>();
    let is_on = |switch: &Option<crate::graph::spiffe::Switch>| switch.is_some_and(crate::graph::spiffe::Switch::is_on);
    let rights = [
        (is_on(&identity.fallback), ", where no other fits"),
        (is_on(&identity.admin), ", as an administrator"),
        (is_on(&identity.downstream), ", as a downstream server"),
    ];
    let rights: String = rights.iter().filter(|(on, _)| *on).map(|(_, words)| *words).collect();
    let (pods, namespaces) = (labels(&identity.pods), labels(&identity.namespaces));
    let id = shown(Some(&identity.template));
    format!("{pods} pods of {namespaces} namespaces{beside} obtain {id}{rights}{}", federated(&identity.federates_with))
}

/// The labels that are asked for, in words.
fn labels(selector: &LabelSelector) -> String {
    let mut all = BTreeSet::new();
    for requirement in &selector.requirements {
        let key = cut::flat(&requirement.key);
        all.insert(match &requirement.asks {
            LabelAsks::In(values) => {
                let values: BTreeSet<String> = values.iter().map(cut::flat).collect();
                format!("`{key}` {}", values.into_iter().collect::<Vec<_>>().join(" or "))
            }
            LabelAsks::NotIn => format!("`{key}` not of some values"),
            LabelAsks::Exists => format!("`{key}`"),
            LabelAsks::Absent => format!("no `{key}`"),
            LabelAsks::Unknown => format!("`{key}` as it is not known"),
        });
    }
    if selector.open {
        all.insert("what is not known".to_owned());
    }
    match all.len() {
        0 => "all".to_owned(),
        _ => format!("those with {} of all", all.into_iter().collect::<Vec<_>>().join(" and ")),
    }
}

fn federated(domains: &[Text]) -> String {
    let all: BTreeSet<String> = domains.iter().map(cut::flat).collect();
    match all.len() {
        0 => String::new(),
        _ => format!(", and know workloads of {}", all.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

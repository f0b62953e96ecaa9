//! Facts for rules of the users' own that are not written anywhere: who is admitted by which way, and what the jobs of CI systems are.

use super::Fact;
use crate::graph::{FactOf, FactValue, Graph, Job, Minting, Start};
use crate::inventory::{Admits, Entry};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// One fact for each way to an identity; what is not decided is left out.
pub(super) fn ways<'g>(graph: &'g Graph, entries: Vec<Entry>, out: &mut Vec<Fact<'g>>) {
    for entry in entries {
        let Some(trust) = graph.trust(entry.trust) else { continue };
        let mut fact = Fact::new(super::WAY, &trust.origin)
            .set("identity", json!(entry.identity))
            .set("cloud", json!(entry.cloud))
            .set("issuer", json!(entry.issuer))
            .set("permissions", json!(entry.permissions));
        if entry.admits != Admits::Undecided {
            fact = fact.set("admits", json!(entry.admits));
        }
        let claims: Option<Json> = entry.example.map(|claims| claims.into_iter().collect());
        out.push(fact.set("token", claims.unwrap_or(Json::Null)));
    }
}

/// One fact for each job.
pub(super) fn jobs<'g>(graph: &'g Graph, out: &mut Vec<Fact<'g>>) {
    for job in &graph.jobs {
        let mut fact = Fact::new("job", &job.origin)
            .set("id", json!(job.id))
            .set("system", json!(job.system.name()))
            .set("called", json!(job.caller.is_some()))
            .set("logins", json!(job.logins.len()));
        if let Some(own) = &job.repository {
            fact = fact.set("repository", json!(own.name));
        }
        if job.minting != Minting::Unknown {
            fact = fact.set("token", json!(!job.minting.is_refused()));
        }
        let starts = || job.runs.iter().map(|(_, set)| set.start);
        if !job.runs.is_empty() && starts().all(|start| start != Start::Unknown) {
            let outside = starts().any(|start| start != Start::Insider);
            fact = fact.set("outsiders", json!(outside));
        }
        if let Some(environments) = environments(job) {
            fact = fact.set("environments", json!(environments));
        }
        out.push(fact);
    }
}

/// The deployment environments that it runs in; none where one of them is not known.
fn environments(job: &Job) -> Option<BTreeSet<&str>> {
    let mut out = BTreeSet::new();
    for (_, set) in &job.runs {
        let of = FactOf::Claim("environment".to_owned());
        match set.facts.iter().find(|fact| fact.of == of).map(|fact| &fact.value)? {
            FactValue::Is(name) => drop(out.insert(name.as_str())),
            FactValue::Absent => {}
            FactValue::Like(..) | FactValue::Not(_) => return None,
        }
    }
    Some(out)
}

//! Trusts for jobs of the checked repository that no job of it can be: a branch that nothing runs on, an environment that no job names.

use super::super::super::engine::Context;
use crate::admission::exposure::Reachability;
use crate::catalogue::{RuleId, Severity};
use crate::gate::jobs::{self, AtDoor, Door, Tokens, at_door};
use crate::graph::{CiSystem, IdentityId, Job, JobAudience, OwnRepository, Start, TokenSet};
use crate::rules::Finding;
use std::collections::BTreeSet;

/// Most different sets of tokens of a repository that are looked at; of one that has more nothing is said.
const MAX_SETS: usize = 200;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for system in [CiSystem::Github, CiSystem::Gitlab] {
        let all: Vec<(usize, &Job)> = context.graph.jobs.iter().enumerate().filter(|(_, job)| job.system == system).collect();
        let own: Vec<&Job> = all.iter().map(|(_, job)| *job).filter(|job| job.repository.is_some()).collect();
        let Some(repository) = own.first().and_then(|job| job.repository.as_ref()) else { continue };
        // a repository whose jobs log in nowhere says nothing of who uses a trust
        let (Some(first), Some(sets)) = (own.iter().find(|job| !job.logins.is_empty()), sets(&own)) else { continue };
        let named = named(context, &all);
        for target in jobs::every(&context.inputs(), first) {
            let [door] = target.doors.all.as_slice() else { continue };
            if target.doors.open || !door.certain || target.identity.is_none_or(|id| named.contains(&id)) {
                continue;
            }
            if is_for(context, door, repository, system) && nobody(context, door, &sets, repository, system) {
                out.push(finding(door, repository));
            }
        }
    }
    out
}

/// The different tokens of jobs that may get one; none when they are too many.
fn sets<'j>(jobs: &[&'j Job]) -> Option<Vec<&'j TokenSet>> {
    let mut out: Vec<&TokenSet> = Vec::new();
    for job in jobs.iter().filter(|job| !job.minting.is_refused()) {
        for (_, set) in &job.runs {
            if out.iter().all(|known| known.facts != set.facts) {
                out.push(set);
            }
        }
        if out.len() > MAX_SETS {
            return None;
        }
    }
    Some(out)
}

/// What the jobs name: where none of them gets in that is told with the job.
fn named(context: &Context<'_>, jobs: &[(usize, &Job)]) -> BTreeSet<IdentityId> {
    let links = jobs.iter().filter_map(|(index, _)| context.links.job_logins.get(*index)).flatten();
    links.flat_map(|links| links.identities.iter().copied()).collect()
}

/// Jobs of this repository can be admitted, and of no other.
fn is_for(context: &Context<'_>, door: &Door<'_>, repository: &OwnRepository, system: CiSystem) -> bool {
    let any = TokenSet { start: Start::Unknown, shown: String::new(), facts: Vec::new() };
    let tokens = Tokens { sets: &[&any], audience: &JobAudience::Unknown, repositories: &[], own: Some((repository, system)) };
    let inputs = context.inputs();
    matches!(at_door(&inputs, &tokens, door), AtDoor::Admitted(_))
        && matches!(jobs::of_others(&inputs, door, repository, system), Reachability::Unreachable)
}

fn nobody(context: &Context<'_>, door: &Door<'_>, sets: &[&TokenSet], repository: &OwnRepository, system: CiSystem) -> bool {
    let own = Some((repository, system));
    let refused = |set: &&TokenSet| {
        let tokens = Tokens { sets: &[*set], audience: &JobAudience::Unknown, repositories: &[], own };
        matches!(at_door(&context.inputs(), &tokens, door), AtDoor::Refused(_))
    };
    sets.iter().all(refused)
}

fn finding(door: &Door<'_>, repository: &OwnRepository) -> Finding {
    let written = door.written("sub").and_then(|test| test.span);
    let message = format!(
        "the trust is for jobs of `{}`, and no job of its pipelines presents such a token: whoever can push the branch or tag, or use the environment, that it names obtains the identity by a job of their own",
        repository.name
    );
    let finding = Finding::new(RuleId::OrphanTrust, door.origin, written, "job", message);
    finding.severity(Severity::Low).certain(false).help("remove the trust, or name the ref or environment of the job that is meant")
}

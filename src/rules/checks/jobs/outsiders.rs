//! Jobs that let others log in: code of a fork, and pull requests in front of a privileged identity.

use super::super::super::engine::Context;
use super::super::privilege::Privileged;
use crate::admission::exposure::{self, Class};
use crate::admission::iam;
use crate::catalogue::{RuleId, Severity};
use crate::gate::jobs::{self, Answer, Door, Doors, Tokens};
use crate::graph::job_links::LoginLinks;
use crate::graph::{Environment, FactOf, FactValue, Job, JobLogin, NamedBy, Start, TokenSet};
use crate::partial::Text;
use crate::rules::Finding;
use crate::token::Token;

pub(super) fn check(context: &Context<'_>, index: usize, job: &Job, privileged: &Privileged<'_>) -> Vec<Finding> {
    let links = context.links.job_logins.get(index).map_or(&[][..], Vec::as_slice);
    if job.minting.is_refused() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (login, links) in job.logins.iter().zip(links) {
        let pulls: Vec<&TokenSet> = login.runs.iter().filter(|s| s.start == Start::PullRequest).collect();
        if login.foreign.is_empty() && pulls.is_empty() {
            continue;
        }
        let doors = jobs::doors(&context.inputs(), job, login, links);
        if out.iter().all(|f: &Finding| f.rule != RuleId::UntrustedCheckout) {
            out.extend(foreign(context, job, login, links, &doors));
        }
        out.extend(pull_request(context, job, login, links, &doors, &pulls, privileged));
    }
    out
}

/// The token that gets in, and by which door.
fn admitted<'d, 'a>(
    context: &Context<'_>,
    job: &Job,
    login: &JobLogin,
    sets: &[&TokenSet],
    links: &LoginLinks,
    doors: &'d Doors<'a>,
) -> Option<(Token, &'d Door<'a>)> {
    if sets.is_empty() {
        return None;
    }
    // a name that the checked tree or its fork says hides nothing
    let own = job.repository.as_ref().filter(|own| own.by == NamedBy::Configuration).map(|own| (own, job.system));
    match jobs::answer(&context.inputs(), &Tokens { own, ..Tokens::of(login, sets, links) }, doors) {
        Answer::Admitted(token, door) => {
            let door = doors.all.get(door)?;
            Some((iam::documented(exposure::minimal(&token, &door.formula)), door))
        }
        _ => None,
    }
}

fn foreign(context: &Context<'_>, job: &Job, login: &JobLogin, links: &LoginLinks, doors: &Doors<'_>) -> Option<Finding> {
    for (set, code) in &login.foreign {
        let Some((token, door)) = admitted(context, job, login, &[set], links, doors) else { continue };
        let message = format!(
            "code of a fork runs with a token for `{}`: the job is started by {}, fetches the head of the pull request and runs what is in it, and \
             any step can ask for the token",
            door.identity.and_then(|id| context.graph.identity(id)).map_or(&door.origin.name, |i| &i.origin.name),
            set.shown
        );
        let finding = Finding::new(RuleId::UntrustedCheckout, &job.origin, Some(code.fetched), "fork", message)
            .help("build the fork's code in a `pull_request` job without `id-token: write`, and hand over its results as artifacts")
            .severity(if code.unguarded { Severity::Critical } else { Severity::High })
            .witness(Some(token))
            .certain(door.certain)
            .related_to(code.run, "what was fetched runs here")
            .related_to(login.span, "the login")
            .related_to(door.origin.span, format!("`{}` admits the token", door.origin.name));
        return Some(finding);
    }
    None
}

/// The trust looks closed, and pull requests come through it all the same: by the environment that the job names.
fn pull_request(
    context: &Context<'_>,
    job: &Job,
    login: &JobLogin,
    links: &LoginLinks,
    doors: &Doors<'_>,
    pulls: &[&TokenSet],
    privileged: &Privileged<'_>,
) -> Option<Finding> {
    let pulls: Vec<&TokenSet> = pulls.iter().copied().filter(|set| !is_protected(context, set)).collect();
    let (token, door) = admitted(context, job, login, &pulls, links, doors)?;
    let grant = door.identity.and_then(|id| privileged.get(&id))?;
    // a trust that takes pull requests by itself has its own finding
    let class = context.exposed(&door.formula, &door.templates_of_trust()).ok()?.class;
    if class <= Class::PullRequest {
        return None;
    }
    let name = door.identity.and_then(|id| context.graph.identity(id)).map_or(&door.origin.name, |i| &i.origin.name);
    let message = format!(
        "pull requests log in to `{name}`, which is privileged (`{}`): whoever can push a branch runs code as it, before anybody has reviewed it",
        grant.permission
    );
    let finding = Finding::new(RuleId::PrivilegedPullRequest, &job.origin, Some(login.span), "pull request", message)
        .help("give pull requests an identity of their own that can only read, or protect the environment with reviewers")
        .witness(Some(token))
        .certain(door.certain)
        .related_to(door.origin.span, format!("`{}` admits the token", door.origin.name))
        .related_to(grant.origin.span, "this makes it privileged");
    Some(finding)
}

/// The environment is declared with reviewers or a branch policy.
fn is_protected(context: &Context<'_>, set: &TokenSet) -> bool {
    let claim = |wanted: &str| {
        set.facts.iter().find_map(|f| match (&f.of, &f.value) {
            (FactOf::Claim(name), FactValue::Is(value)) if name == wanted => Some(value),
            _ => None,
        })
    };
    let Some(environment) = claim("environment") else { return false };
    // An environment of another repository protects nothing here; names that are not known may be this one's.
    let own = claim("repository").and_then(|full| full.rsplit('/').next());
    let here = |e: &&Environment| {
        let of = e.repository.as_ref().and_then(Text::as_known);
        of.zip(own).is_none_or(|(of, own)| of.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(own)))
    };
    let named = |e: &&Environment| e.name.as_known().is_none_or(|n| n.eq_ignore_ascii_case(environment));
    let declared = context.graph.environments.iter().filter(named).filter(here);
    let mut declared = declared.peekable();
    declared.peek().is_some() && declared.all(|e| e.protected != Some(false))
}

//! Jobs of which no token is accepted by the identity that they ask for.

use super::super::super::engine::Context;
use super::says;
use crate::catalogue::{RuleId, Severity};
use crate::gate::jobs::{self, Answer, Culprit, Doors, Refusal, Tokens};
use crate::graph::job_links::LoginLinks;
use crate::graph::{CiSystem, Conflict, Job, JobIdentity, JobLogin, NamedBy, TokenSet};
use crate::rules::Finding;

pub(super) fn check(context: &Context<'_>, index: usize, job: &Job) -> Vec<Finding> {
    let links = context.links.job_logins.get(index).map_or(&[][..], Vec::as_slice);
    let inputs = context.inputs();
    let mut answers = Vec::new();
    for (login, links) in job.logins.iter().zip(links) {
        // with keys in the step no token is asked for
        let keys = matches!(login.conflict, Some((Conflict::AwsKeysInStep | Conflict::GoogleKeyInStep, _)));
        let linked = !links.identities.is_empty() || !links.providers.is_empty();
        if keys || login.ambient || !linked {
            continue;
        }
        let doors = jobs::doors(&inputs, job, login, links);
        let answer = answer(context, job, login, links, &doors);
        answers.push((login, links, doors, answer));
    }
    let mut out = Vec::new();
    for (login, links, doors, answer) in &answers {
        let Answer::Refused(refusals) = answer else { continue };
        // other entries of the same step get in: this one alone fails
        let others = answers.iter().any(|(other, _, _, a)| other.span == login.span && !matches!(a, Answer::Refused(_)));
        if others && login.optional {
            continue;
        }
        let finding = finding(context, job, login, links, doors, refusals);
        out.extend(finding.map(|f| if others && f.severity > Severity::Medium { f.severity(Severity::Medium) } else { f }));
    }
    out
}

/// What becomes of the login's tokens. What is not said by the team itself of the repository's name only counts where nothing else
/// keeps the tokens out.
fn answer(context: &Context<'_>, job: &Job, login: &JobLogin, links: &LoginLinks, doors: &Doors<'_>) -> Answer {
    let sets: Vec<&TokenSet> = login.runs.iter().collect();
    let (inputs, of_any) = (context.inputs(), Tokens::of(login, &sets, links));
    let Some(own) = &job.repository else { return jobs::answer(&inputs, &of_any, doors) };
    let of_own = Tokens { own: Some((own, job.system)), ..of_any };
    if own.by == NamedBy::Configuration {
        return jobs::answer(&inputs, &of_own, doors);
    }
    match jobs::answer(&inputs, &of_any, doors) {
        Answer::Admitted(..) => jobs::answer(&inputs, &of_own, doors),
        other => other,
    }
}

fn finding(
    context: &Context<'_>,
    job: &Job,
    login: &JobLogin,
    links: &LoginLinks,
    doors: &Doors<'_>,
    refusals: &[Refusal],
) -> Option<Finding> {
    let start = |message: String| {
        let mut finding = Finding::new(RuleId::JobNotAdmitted, &job.origin, Some(login.span), "token", message);
        if let Some((name, place)) = &job.caller {
            finding = finding.related_to(*place, format!("called by `{name}`"));
        }
        finding
    };
    let entry = login.entry.as_ref().map(|e| format!(" (`{e}`)")).unwrap_or_default();
    if doors.all.is_empty() {
        let closed = doors.closed.first()?;
        let message = format!("no token of this job{entry} is accepted: `{}` trusts no issuer of {}", closed.name, job.system.name());
        let finding = start(message).related_to(closed.span, "trusts others only");
        return Some(finding.certain(false).help("trust the issuer of the job's tokens, or name the identity that does"));
    }
    let refusal = refusals.iter().find(|r| r.culprit.is_some()).or_else(|| refusals.first())?;
    // what a step asks of a provider of Google has a finding of its own: `audience-mismatch`
    let google = job.system == CiSystem::Github && matches!(login.identity, JobIdentity::Google { .. });
    if google && matches!(refusal.culprit, Some(Culprit::Audience)) {
        return None;
    }
    let door = doors.all.get(refusal.door)?;
    let what = says::asked(context, login, door);
    let said = says::why(login, refusal);
    let message = format!("no token of this job{entry} {what}: {}", said.why);
    let mut finding = start(message).help(said.help);
    finding = finding.related(refusal.place(), "the job says so here");
    if let Some(test) = door.written(refusal.claim()) {
        finding = finding.related(test.span, "the trust wants this");
    }
    finding = finding.related_to(door.origin.span, format!("`{}` is declared here", door.origin.name));
    let named = matches!(refusal.culprit, Some(Culprit::Repository));
    let certain = doors.all.iter().all(|d| d.certain) && !links.guessed && !named && refusal.culprit.is_some();
    let finding = finding.certain(certain);
    // a fork's jobs, and those of a clone of one, are kept out on purpose
    let fork = matches!(&refusal.culprit, Some(Culprit::OwnRepository(own)) if own.by != NamedBy::Configuration);
    Some(if links.guessed || fork { finding.severity(Severity::Low).certain(false) } else { finding })
}

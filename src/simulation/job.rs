//! The tokens of a CI job before every trust of the scan: what each of them gets, and for each trust that refuses, the claim that fails.
//!
//! The gate of the jobs decides ([`crate::gate::jobs`]), so that this agrees with the findings and also shows why there is none.

use crate::admission::exposure::minimal;
use crate::admission::iam::documented;
use crate::gate::google::disabled;
use crate::gate::jobs::{AtDoor, Door, Failing, Refusal, Target, Tokens, at_door, every};
use crate::gate::{Inputs, jobs};
use crate::graph::job_links::LoginLinks;
use crate::graph::links::Links;
use crate::graph::{FactOf, FactValue, Gate, Graph, Job, JobAudience, JobLogin, Minting, TokenFact, TokenSet};
use crate::issuers::Registry;
use crate::place::Span;
use crate::token::{Decision, Token};
use std::sync::Arc;

/// What the tokens of a job get.
#[derive(Debug)]
pub struct JobOutcome<'a> {
    /// The job.
    pub job: &'a Job,
    /// Why it gets no token, and where that is decided.
    pub no_token: Option<(String, Option<Span>)>,
    /// Its tokens.
    pub tokens: Vec<TokenOutcome>,
}

/// What one token of a job gets.
#[derive(Debug)]
pub struct TokenOutcome {
    /// How the job is started: "`push` of `refs/heads/main`".
    pub started_by: String,
    /// The entry of the matrix, the phase of a run.
    pub entry: Option<String>,
    /// The audience that is asked for; none where it may be any.
    pub audience: Option<String>,
    /// The steps that ask for it.
    pub steps: Vec<Span>,
    /// What is known of its claims.
    pub claims: Vec<Known>,
    /// What each trust says.
    pub verdicts: Vec<JobVerdict>,
    /// Identities that take tokens of other issuers only.
    pub other_issuers: Vec<String>,
}

/// What is known of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The claim.
    pub claim: String,
    /// As a person says it; none for a claim that is not there.
    pub value: Option<String>,
    /// Where it is written.
    pub span: Option<Span>,
}

/// What a trust says to the token.
#[derive(Debug)]
pub struct JobVerdict {
    /// The identity's name; of a provider, its own.
    pub identity: String,
    /// `aws`, `google` or `azure`.
    pub cloud: &'static str,
    /// The member of a Google binding.
    pub via: Option<String>,
    /// The declaration of the trust.
    pub span: Span,
    /// A step that asks for the token names it.
    pub named: bool,
    /// The decision.
    pub decision: Decision,
    /// What the trust asks is known for certain.
    pub certain: bool,
    /// A token that gets in.
    pub token: Option<Token>,
    /// The claim that fails.
    pub failed: Option<Failed>,
    /// Why else it is refused or not decided.
    pub reason: Option<&'static str>,
}

/// The claim that fails.
#[derive(Debug)]
pub struct Failed {
    /// The claim.
    pub claim: String,
    /// The values that differ, of this claim or of the subject that holds it.
    pub failing: Option<Failing>,
    /// Where the trust asks for it.
    pub wanted_at: Option<Span>,
    /// Where the job says it.
    pub presented_at: Option<Span>,
}

/// The jobs of a scan that are meant by `FILE#JOB`, or by an address of Terraform: where the file's path is not the whole one, those in
/// all files that it is the end of. One that others call is several.
#[must_use]
pub fn jobs_named<'a>(graph: &'a Graph, name: &str) -> Vec<(usize, &'a Job)> {
    let (file, id) = name.split_once('#').unwrap_or(("", name));
    let file = file.strip_prefix("./").unwrap_or(file);
    let all = || graph.jobs.iter().enumerate().filter(|(_, job)| job.id == id);
    let whole: Vec<_> = all().filter(|(_, job)| job.origin.scope == file).collect();
    if !whole.is_empty() {
        return whole;
    }
    let end = |job: &Job| file.is_empty() || job.origin.scope.strip_suffix(file).is_some_and(|before| before.ends_with('/'));
    all().filter(|(_, job)| end(job)).collect()
}

/// Decides every token of a job under every trust.
#[must_use]
pub fn simulate_job<'a>(graph: &Graph, links: &Links, registry: &Registry, index: usize, job: &'a Job) -> JobOutcome<'a> {
    let shared = Arc::default();
    let inputs = &Inputs { graph, links, registry, shared: &shared };
    let targets = every(inputs, job);
    let links = links.job_logins.get(index).map_or(&[][..], Vec::as_slice);
    let mut tokens: Vec<(TokenOutcome, Asked<'_>)> = Vec::new();
    for (login, links) in job.logins.iter().zip(links) {
        for set in &login.runs {
            add(&mut tokens, set, login.entry.as_ref(), &login.audience, Some((login, links)));
        }
    }
    if job.logins.is_empty() {
        // whoever asks for a token chooses the audience
        job.runs.iter().for_each(|(entry, set)| add(&mut tokens, set, entry.as_ref(), &JobAudience::Unknown, None));
    }
    for (outcome, asked) in &mut tokens {
        for target in &targets {
            judge(inputs, job, target, asked, outcome);
        }
        outcome.verdicts.sort_by_key(|v| match v.decision {
            Decision::Admit => 0,
            Decision::Unknown => 1,
            Decision::Deny => 2,
        });
    }
    let no_token = match &job.minting {
        Minting::No { why, span } => Some((jobs::no_token(why, job.system).0, *span)),
        Minting::Yes | Minting::Unknown => None,
    };
    JobOutcome { job, no_token, tokens: tokens.into_iter().map(|(outcome, _)| outcome).collect() }
}

/// A set of tokens, and the logins that ask for one.
struct Asked<'j> {
    set: &'j TokenSet,
    audience: &'j JobAudience,
    logins: Vec<(&'j JobLogin, &'j LoginLinks)>,
}

/// Two steps that ask for the same token are one.
fn add<'j>(
    tokens: &mut Vec<(TokenOutcome, Asked<'j>)>,
    set: &'j TokenSet,
    entry: Option<&String>,
    audience: &'j JobAudience,
    login: Option<(&'j JobLogin, &'j LoginLinks)>,
) {
    let shown = shown(audience);
    let same = tokens.iter_mut().find(|(o, asked)| asked.set == set && o.audience == shown && o.entry.as_ref() == entry);
    if let Some((outcome, asked)) = same {
        outcome.steps.extend(login.map(|(login, _)| login.span).filter(|span| !outcome.steps.contains(span)));
        asked.logins.extend(login);
        return;
    }
    let outcome = TokenOutcome {
        started_by: set.shown.clone(),
        entry: entry.cloned(),
        audience: shown,
        steps: login.iter().map(|(login, _)| login.span).collect(),
        claims: set.facts.iter().filter_map(known).collect(),
        verdicts: Vec::new(),
        other_issuers: Vec::new(),
    };
    tokens.push((outcome, Asked { set, audience, logins: login.into_iter().collect() }));
}

fn shown(audience: &JobAudience) -> Option<String> {
    match audience {
        JobAudience::Known(text) => Some(text.to_string()),
        JobAudience::AnyOf(all) => Some(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        JobAudience::IssuerDefault => Some("the issuer's default".to_owned()),
        JobAudience::Unknown => None,
    }
}

fn known(fact: &TokenFact) -> Option<Known> {
    let FactOf::Claim(claim) = &fact.of else { return None };
    let value = match &fact.value {
        FactValue::Is(value) => Some(value.clone()),
        FactValue::Like(_, shown) => Some(shown.trim_matches('`').to_owned()),
        FactValue::Absent => None,
        FactValue::Not(_) => return None,
    };
    Some(Known { claim: claim.clone(), value, span: fact.span })
}

fn judge(inputs: &Inputs<'_>, job: &Job, target: &Target<'_>, asked: &Asked<'_>, outcome: &mut TokenOutcome) {
    let name = target.identity.and_then(|id| inputs.graph.identity(id)).map_or(&target.origin.name, |i| &i.origin.name);
    let named = |links: &LoginLinks| {
        target.identity.is_some_and(|id| links.identities.contains(&id)) || target.provider.is_some_and(|id| links.providers.contains(&id))
    };
    let mut verdict = JobVerdict {
        identity: name.clone(),
        cloud: cloud(target),
        via: target.trust.and_then(|t| if let Gate::GoogleMember { member, .. } = &t.gate { Some(member.to_string()) } else { None }),
        span: target.origin.span,
        named: asked.logins.iter().any(|(_, links)| named(links)),
        decision: Decision::Unknown,
        certain: target.doors.all.iter().all(|door| door.certain),
        token: None,
        failed: None,
        reason: None,
    };
    if target.doors.all.is_empty() && !target.doors.open {
        let off = target.provider.is_some_and(|id| disabled(inputs.graph, inputs.links, id).is_some());
        if !off {
            if !outcome.other_issuers.contains(name) {
                outcome.other_issuers.push(name.clone());
            }
            return;
        }
        (verdict.decision, verdict.reason) = (Decision::Deny, Some("it is disabled"));
    } else {
        decide(inputs, job, target, asked, &mut verdict);
    }
    outcome.verdicts.push(verdict);
}

fn cloud(target: &Target<'_>) -> &'static str {
    match target.trust.map(|t| &t.gate) {
        Some(Gate::AwsPolicy(_)) => "aws",
        Some(Gate::AzureCredential { .. }) => "azure",
        Some(Gate::GoogleMember { .. }) | None => "google",
    }
}

/// The doors of one trust: one that lets the token in is enough, and one that is not known leaves it open.
fn decide(inputs: &Inputs<'_>, job: &Job, target: &Target<'_>, asked: &Asked<'_>, verdict: &mut JobVerdict) {
    let own = job.repository.as_ref().map(|own| (own, job.system));
    let sets = [asked.set];
    let tokens = Tokens { sets: &sets, audience: asked.audience, repositories: &[], own };
    let mut unknown = target.doors.open.then_some("not all that the trust asks is known");
    let mut refusal: Option<(Refusal, &Door<'_>)> = None;
    for door in &target.doors.all {
        match at_door(inputs, &tokens, door) {
            AtDoor::Admitted(token) => {
                verdict.decision = Decision::Admit;
                verdict.certain = door.certain;
                verdict.token = Some(documented(minimal(&token, &door.formula)));
                return;
            }
            AtDoor::Refused(found) => {
                // a single claim says more than none
                let better = refusal.as_ref().is_none_or(|(known, _)| known.culprit.is_none() && found.culprit.is_some());
                if better {
                    refusal = Some((found, door));
                }
            }
            AtDoor::NobodyEnters => verdict.reason = Some("no token can ever satisfy this trust"),
            AtDoor::NeverRuns => unknown = Some("what is known of the job contradicts itself: it does not run in this way"),
            AtDoor::Unknown => unknown = Some("whether a token of the job satisfies the trust could not be decided"),
        }
    }
    if let Some(why) = unknown {
        verdict.reason = Some(why);
        return;
    }
    verdict.decision = Decision::Deny;
    verdict.failed = refusal.map(|(refusal, door)| Failed {
        claim: refusal.claim().to_owned(),
        failing: refusal.failing(),
        wanted_at: door.written(refusal.claim()).and_then(|test| test.span),
        presented_at: refusal.place(),
    });
    if verdict.failed.is_some() {
        verdict.reason = None;
    }
}

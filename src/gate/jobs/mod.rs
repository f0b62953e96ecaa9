//! The tokens of a job before the trusts that it asks: whether any is admitted, and if none, which claim fails.

mod doors;
mod minting;

pub use doors::{Door, Doors, Target, doors, every};
pub use minting::no_token;

use super::Inputs;
use crate::admission::exposure::Reachability;
use crate::admission::formula::{Formula, Matcher, Subject, Test, TestOrigin};
use crate::graph::job_links::LoginLinks;
use crate::graph::{CiSystem, FactOf, FactValue, JobAudience, JobLogin, NamedBy, OwnRepository, TokenFact, TokenSet};
use crate::partial::Text;
use crate::place::Span;
use crate::token::{Claim, Token, Truth};
use std::collections::BTreeSet;

/// Claims whose facts matter only to a trust that reads them.
const ONLY_WHERE_READ: [&str; 2] = ["base_ref", "job_workflow_ref"];
/// Most sets of tokens of one login that are looked at one by one.
const MAX_SETS: usize = 24;

/// Why no token of a set is admitted.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The door, by its place in [`Doors::all`].
    pub door: usize,
    /// What is presented and not wanted; none when it is no single thing.
    pub culprit: Option<Culprit>,
    /// A token of the job.
    pub presented: Option<Token>,
    /// The token nearest to it that is admitted.
    pub wanted: Option<Token>,
}

/// The one thing that, were it otherwise, would let the token in.
#[derive(Debug, Clone)]
pub enum Culprit {
    /// A claim.
    Fact(TokenFact),
    /// The audience.
    Audience,
    /// The repository whose variable names the identity.
    Repository,
    /// The repository that the job is in.
    OwnRepository(OwnRepository),
}

/// The claim that fails, and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// The claim.
    pub claim: String,
    /// What the job presents; none when it presents nothing.
    pub presented: Option<String>,
    /// What the trust wants; none when it wants nothing.
    pub wanted: Option<String>,
}

impl Refusal {
    /// The claim that fails.
    #[must_use]
    pub fn claim(&self) -> &str {
        match &self.culprit {
            Some(Culprit::Fact(TokenFact { of: FactOf::Claim(name) | FactOf::Segment(name), .. })) => name,
            Some(Culprit::Audience) => "aud",
            Some(Culprit::Repository | Culprit::OwnRepository(_)) => "repository",
            None => "sub",
        }
    }

    /// The values of a claim that the job presents and the trust wants; none when they are the same.
    fn values(&self, claim: &str) -> Option<Failing> {
        let of = |token: &Option<Token>| match token.as_ref()?.claims.get(claim)? {
            Claim::String(text) => Some(text.clone()),
            Claim::List(items) => Some(items.join(", ")),
            _ => None,
        };
        let (presented, wanted) = (of(&self.presented), of(&self.wanted));
        (presented != wanted).then(|| Failing { claim: claim.to_owned(), presented, wanted })
    }

    /// What a reader compares: the audiences, else the subjects, else the claim that fails.
    #[must_use]
    pub fn failing(&self) -> Option<Failing> {
        let shown = if self.claim() == "aud" { "aud" } else { "sub" };
        self.values(shown).or_else(|| self.values(self.claim()))
    }

    /// Where the job says what is not wanted.
    #[must_use]
    pub fn place(&self) -> Option<Span> {
        if let Some(Culprit::Fact(fact)) = &self.culprit { fact.span } else { None }
    }

    /// What the trust wants of the claim that fails.
    #[must_use]
    pub fn wanted(&self) -> Option<&str> {
        self.wanted.as_ref()?.string(self.claim())
    }
}

/// What becomes of a login.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This token gets in through the door at this place.
    Admitted(Box<Token>, usize),
    /// No token gets in; why, for each door.
    Refused(Vec<Refusal>),
    /// Not known.
    Unknown,
}

/// What a job presents: a token of one of these sets.
#[derive(Debug, Clone, Copy)]
pub struct Tokens<'l> {
    /// The sets.
    pub sets: &'l [&'l TokenSet],
    /// The audience that is asked for; where it is not known it may be any.
    pub audience: &'l JobAudience,
    /// The repositories whose variables name the identity: `octo/app`, `app`.
    pub repositories: &'l [String],
    /// The repository that the job is in, with the system that runs it.
    pub own: Option<(&'l OwnRepository, CiSystem)>,
}

impl<'l> Tokens<'l> {
    /// These tokens of a login.
    #[must_use]
    pub fn of(login: &'l JobLogin, sets: &'l [&'l TokenSet], links: &'l LoginLinks) -> Self {
        Self { sets, audience: &login.audience, repositories: &links.repositories, own: None }
    }
}

/// What is presented at one door: sets of tokens, and what holds for all of them.
struct Presented<'l> {
    sets: Vec<&'l TokenSet>,
    fixed: Vec<(Culprit, Formula)>,
}

impl<'l> Presented<'l> {
    fn of(tokens: &Tokens<'l>, door: &Door<'_>) -> Self {
        let audience = match tokens.audience {
            JobAudience::Known(text) => Some(test("aud", Matcher::Exact(text.clone()))),
            JobAudience::AnyOf(all) => Some(Formula::Any(all.iter().map(|a| test("aud", Matcher::Exact(a.clone()))).collect())),
            JobAudience::IssuerDefault => door.default_audience().map(|a| test("aud", Matcher::Exact(Text::known(a)))),
            JobAudience::Unknown => None,
        };
        let mut fixed: Vec<(Culprit, Formula)> = audience.map(|a| (Culprit::Audience, a)).into_iter().collect();
        if !tokens.repositories.is_empty() {
            let any = Formula::Any(tokens.repositories.iter().map(|name| repository(name)).collect());
            fixed.push((Culprit::Repository, any));
        }
        if let Some((own, system)) = tokens.own {
            fixed.push((Culprit::OwnRepository(own.clone()), own_repository(own, system)));
        }
        Self { sets: tokens.sets.iter().take(MAX_SETS).copied().collect(), fixed }
    }

    /// What holds for all tokens, but for one part of it.
    fn fixed(&self, without: Option<usize>) -> impl Iterator<Item = Formula> {
        self.fixed.iter().enumerate().filter(move |(i, _)| without != Some(*i)).map(|(_, (_, formula))| formula.clone())
    }
}

/// The repository of the job; a remote's address has no letter case.
fn own_repository(own: &OwnRepository, system: CiSystem) -> Formula {
    let claim = if system == CiSystem::Gitlab { "project_path" } else { "repository" };
    let name = Text::known(&own.name);
    test(claim, if own.by == NamedBy::Remote { Matcher::ExactIgnoreCase(name) } else { Matcher::Exact(name) })
}

/// A repository by `owner/name`, or by its name alone.
fn repository(name: &str) -> Formula {
    let matcher = if name.contains('/') { Matcher::Exact(Text::known(name)) } else { Matcher::Suffix(Text::known(format!("/{name}"))) };
    test("repository", matcher)
}

fn test(claim: &str, matcher: Matcher) -> Formula {
    subject_test(Subject::Claim(claim.to_owned()), matcher, Truth::False)
}

fn subject_test(subject: Subject, matcher: Matcher, absent: Truth) -> Formula {
    let label = "what the job presents".to_owned();
    Formula::Test(Box::new(Test { subject, matcher, absent, span: None, trail: None, label, origin: TestOrigin::Condition }))
}

/// A fact as a formula.
fn formula(fact: &TokenFact) -> Formula {
    let (subject, absent) = match &fact.of {
        FactOf::Claim(name) => (Subject::Claim(name.clone()), Truth::False),
        FactOf::Segment(name) => (Subject::Segment(name.clone()), Truth::True),
    };
    match &fact.value {
        FactValue::Absent => subject_test(subject, Matcher::Present, Truth::False).negate(),
        FactValue::Is(value) => subject_test(subject, Matcher::Exact(Text::known(value)), absent),
        FactValue::Like(pattern, _) => subject_test(subject, Matcher::Regex(format!("^(?:{pattern})$")), absent),
        FactValue::Not(pattern) => subject_test(subject, Matcher::Regex(format!("^(?:{pattern})$")), Truth::False).negate(),
    }
}

/// The facts that can matter at a door.
fn relevant<'s>(set: &'s TokenSet, reads: &BTreeSet<String>) -> Vec<&'s TokenFact> {
    let matters = |f: &&TokenFact| match &f.of {
        FactOf::Claim(name) => !ONLY_WHERE_READ.contains(&name.as_str()) || reads.contains(name),
        FactOf::Segment(_) => true,
    };
    set.facts.iter().filter(matters).collect()
}

/// What becomes of the tokens of a login at its doors.
#[must_use]
pub fn answer(inputs: &Inputs<'_>, tokens: &Tokens<'_>, doors: &Doors<'_>) -> Answer {
    let mut refusals = Vec::new();
    let mut unknown = doors.open || tokens.sets.len() > MAX_SETS;
    for (index, door) in doors.all.iter().enumerate() {
        match at_door(inputs, tokens, door) {
            AtDoor::Admitted(token) => return Answer::Admitted(token, index),
            AtDoor::Refused(refusal) => refusals.push(Refusal { door: index, ..refusal }),
            AtDoor::NobodyEnters | AtDoor::NeverRuns | AtDoor::Unknown => unknown = true,
        }
    }
    if unknown { Answer::Unknown } else { Answer::Refused(refusals) }
}

/// What becomes of tokens at one door.
#[derive(Debug, Clone)]
pub enum AtDoor {
    /// This one gets in.
    Admitted(Box<Token>),
    /// None gets in.
    Refused(Refusal),
    /// No token at all gets in here; that is said elsewhere.
    NobodyEnters,
    /// What is known of the job contradicts itself: it does not run.
    NeverRuns,
    /// Not known.
    Unknown,
}

/// What becomes of tokens at one door.
#[must_use]
pub fn at_door(inputs: &Inputs<'_>, tokens: &Tokens<'_>, door: &Door<'_>) -> AtDoor {
    let presented = Presented::of(tokens, door);
    let reads = door.reads();
    let alternatives: Vec<Vec<&TokenFact>> = presented.sets.iter().map(|set| relevant(set, &reads)).collect();
    let any = Formula::Any(alternatives.iter().map(|facts| Formula::All(facts.iter().map(|f| formula(f)).collect())).collect());
    let mut parts: Vec<Formula> = presented.fixed(None).collect();
    parts.push(any.clone());
    parts.push(door.formula.clone());
    match door.reachability(inputs, parts) {
        Reachability::Reachable(token) => return AtDoor::Admitted(token),
        Reachability::Undecided => return AtDoor::Unknown,
        Reachability::Unreachable => {}
    }
    match door.reachability(inputs, vec![door.formula.clone()]) {
        Reachability::Reachable(_) => {}
        Reachability::Unreachable => return AtDoor::NobodyEnters,
        Reachability::Undecided => return AtDoor::Unknown,
    }
    if !matches!(door.reachability(inputs, vec![any]), Reachability::Reachable(_)) {
        return AtDoor::NeverRuns;
    }
    AtDoor::Refused(refusal(inputs, door, &presented, &alternatives))
}

/// Whether a door lets in tokens of other repositories than this one.
#[must_use]
pub fn of_others(inputs: &Inputs<'_>, door: &Door<'_>, own: &OwnRepository, system: CiSystem) -> Reachability {
    door.reachability(inputs, vec![own_repository(own, system).negate(), door.formula.clone()])
}

/// Looks for the one thing that fails: without it the token would get in.
fn refusal(inputs: &Inputs<'_>, door: &Door<'_>, presented: &Presented<'_>, alternatives: &[Vec<&TokenFact>]) -> Refusal {
    let admitted = |parts: Vec<Formula>| match door.reachability(inputs, parts) {
        Reachability::Reachable(token) => Some(*token),
        _ => None,
    };
    for facts in alternatives {
        let all = |without: Option<usize>, fixed: Option<usize>| -> Vec<Formula> {
            let kept =
                facts.iter().enumerate().filter(|(i, f)| without.is_none_or(|w| *i != w && facts.get(w).is_none_or(|o| o.of != f.of)));
            kept.map(|(_, f)| formula(f)).chain(presented.fixed(fixed)).collect()
        };
        let found = |culprit: Culprit, mut parts: Vec<Formula>| {
            parts.push(door.formula.clone());
            let wanted = admitted(parts)?;
            let repository = !matches!(culprit, Culprit::Repository | Culprit::OwnRepository(_));
            let presented = nearest(&|parts| admitted(parts), &all(None, None), &wanted, repository);
            Some(Refusal { door: 0, culprit: Some(culprit), presented, wanted: Some(wanted) })
        };
        let by_fixed = presented.fixed.iter().enumerate().find_map(|(i, (culprit, _))| found(culprit.clone(), all(None, Some(i))));
        let by_fact = || {
            let culprit = |i: usize, fact: &&TokenFact| found(Culprit::Fact((*fact).clone()), all(Some(i), None));
            facts.iter().enumerate().rev().find_map(|(i, fact)| culprit(i, fact))
        };
        if let Some(refusal) = by_fixed.or_else(by_fact) {
            return refusal;
        }
    }
    let wanted = admitted(vec![door.formula.clone()]);
    let first: Vec<Formula> = alternatives.first().into_iter().flatten().map(|f| formula(f)).collect();
    let presented = wanted.as_ref().map_or_else(|| admitted(first.clone()), |w| nearest(&|parts| admitted(parts), &first, w, true));
    Refusal { door: 0, culprit: None, presented, wanted }
}

/// A token of the job that is as near as may be to one that is wanted: of the same repository, with a subject that begins alike.
fn nearest(find: &dyn Fn(Vec<Formula>) -> Option<Token>, parts: &[Formula], wanted: &Token, repository: bool) -> Option<Token> {
    let same = |claims: &[&str]| -> Vec<Formula> {
        let equal = |claim: &&str| wanted.string(claim).map(|value| test(claim, Matcher::Exact(Text::known(value))));
        claims.iter().filter_map(equal).collect()
    };
    let names: &[&str] = if repository { &["repository", "project_path", "terraform_workspace_name"] } else { &["repository_owner"] };
    let begins = wanted.string("sub").map(|sub| sub.splitn(3, ':').take(2).collect::<Vec<_>>().join(":"));
    let begins: Vec<Formula> =
        begins.into_iter().filter(|_| repository).map(|b| test("sub", Matcher::Prefix(Text::known(format!("{b}:"))))).collect();
    let tries = [[same(names), begins].concat(), same(names), Vec::new()];
    tries.into_iter().find_map(|more| find(parts.iter().cloned().chain(more).collect()))
}

//! The tokens of a job before the trusts that it asks: whether any is admitted, and if none, which claim fails.

use super::aws::Federated;
use super::{Inputs, azure, google, subjects};
use crate::admission::cel::google::{Member, member_formula};
use crate::admission::entra::Credential;
use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::{Formula, Matcher, Subject, Test, TestOrigin};
use crate::graph::job_links::LoginLinks;
use crate::graph::{
    About, FactOf, FactValue, Gate, GoogleLevel, IdentityId, IdentityKind, Job, JobAudience, JobIdentity, JobLogin, Origin, SubjectFormat,
    TokenFact, TokenSet, Trust, TrustId, UndecidedKind,
};
use crate::issuers::{Recognised, Template};
use crate::partial::Text;
use crate::token::{Token, Truth};
use std::collections::BTreeSet;

/// Claims whose facts matter only to a trust that reads them.
const ONLY_WHERE_READ: [&str; 2] = ["base_ref", "job_workflow_ref"];
/// Most sets of tokens of one login that are looked at one by one.
const MAX_SETS: usize = 24;

/// A trust that the tokens of a job come to.
#[derive(Debug, Clone)]
pub struct Door<'a> {
    /// Where it is declared.
    pub origin: &'a Origin,
    /// The identity behind it; none for a provider whose tokens are used as they are.
    pub identity: Option<IdentityId>,
    /// What is asked of a token, the accepted audiences included.
    pub formula: Formula,
    /// It is certain that this is asked.
    pub certain: bool,
    recognised: Recognised<'a>,
    formats: &'a [SubjectFormat],
    federated: Option<Federated>,
}

impl Door<'_> {
    fn templates(&self, formula: &Formula) -> Vec<Template> {
        let templates = subjects::tokens(&self.recognised, formula, self.formats).0;
        match &self.federated {
            Some(federated) => federated.request(templates, formula),
            None => templates,
        }
    }

    /// The tokens that the trust can tell apart.
    #[must_use]
    pub fn templates_of_trust(&self) -> Vec<Template> {
        self.templates(&self.formula)
    }

    /// Who gets in with all of these.
    fn reachability(&self, inputs: &Inputs<'_>, parts: Vec<Formula>) -> Reachability {
        let formula = Formula::All(parts);
        inputs.reachability(&formula, &self.templates(&formula))
    }

    fn reads(&self) -> BTreeSet<String> {
        shape::tests(&self.formula).iter().flat_map(|o| shape::claims(&o.test.subject)).collect()
    }

    /// The test of a claim, else of the subject, as it is written.
    #[must_use]
    pub fn written(&self, claim: &str) -> Option<&Test> {
        let tests = shape::tests(&self.formula);
        let positive = || tests.iter().filter(|o| o.positive && o.test.span.is_some()).map(|o| o.test);
        let of = |claim: &str| positive().find(|t| shape::claims(&t.subject).contains(claim));
        of(claim).or_else(|| of("sub")).or_else(|| positive().next())
    }
}

/// The trusts of a login.
#[derive(Debug, Clone, Default)]
pub struct Doors<'a> {
    /// Those that are known.
    pub all: Vec<Door<'a>>,
    /// There may be others.
    pub open: bool,
    /// Identities of the scan that take no tokens of the job's system.
    pub closed: Vec<&'a Origin>,
}

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
    /// The repository.
    Repository,
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

/// The trusts that a login asks.
#[must_use]
pub fn doors<'a>(inputs: &Inputs<'a>, job: &Job, login: &JobLogin, links: &LoginLinks) -> Doors<'a> {
    let mut out = Doors::default();
    match &login.identity {
        JobIdentity::AwsRole(names) => {
            // a name that is not known may be any
            out.open = names.iter().any(|n| !n.text.is_known()) && links.identities.is_empty();
            links.identities.iter().for_each(|id| aws(inputs, job, *id, &mut out));
        }
        JobIdentity::AzureClient(_) => links.identities.iter().for_each(|id| entra(inputs, job, *id, &mut out)),
        JobIdentity::Google { account, .. } => pool(inputs, job, links, account.is_some(), &mut out),
        JobIdentity::Other => out.open = true,
    }
    out
}

fn trusts<'a>(inputs: &Inputs<'a>, id: IdentityId) -> Vec<(TrustId, &'a Trust)> {
    let ids = inputs.links.identity_trusts.get(id.index()).into_iter().flatten();
    ids.filter_map(|t| inputs.graph.trust(*t).map(|trust| (*t, trust))).collect()
}

/// Something about the identity could not be read.
fn is_open(inputs: &Inputs<'_>, id: IdentityId, kind: UndecidedKind) -> bool {
    inputs.graph.undecided.iter().any(|u| u.kind == kind && u.about == About::Identity(id))
}

fn aws<'a>(inputs: &Inputs<'a>, job: &Job, id: IdentityId, out: &mut Doors<'a>) {
    let Some(identity) = inputs.graph.identity(id) else { return };
    let all = trusts(inputs, id);
    out.open |= all.is_empty() || identity.origin.library || is_open(inputs, id, UndecidedKind::TrustPolicy);
    let before = out.all.len();
    for (trust_id, trust) in all {
        let Gate::AwsPolicy(policy) = &trust.gate else { continue };
        let providers = inputs.links.trust_providers.get(trust_id.index()).map_or(&[][..], Vec::as_slice);
        for view in super::aws::views(inputs, Some(identity), policy, providers) {
            let ours = view.recognised.issuer.family.is_some_and(|f| job.system.families().contains(&f));
            out.open |= !ours && !view.certain;
            if ours {
                let formula = with(view.formula, view.accepted.map(|a| a.any));
                let (recognised, formats) = (view.recognised, view.formats);
                let certain = view.certain && !trust.origin.conditional;
                let federated = Some(view.via);
                out.all.push(Door { origin: &trust.origin, identity: Some(id), formula, certain, recognised, formats, federated });
            }
        }
    }
    if out.all.len() == before {
        out.closed.push(&identity.origin);
    }
}

fn entra<'a>(inputs: &Inputs<'a>, job: &Job, id: IdentityId, out: &mut Doors<'a>) {
    let Some(identity) = inputs.graph.identity(id) else { return };
    out.open |= identity.origin.library;
    let before = out.all.len();
    for (_, trust) in trusts(inputs, id) {
        let Gate::AzureCredential { issuer, subject, audiences, expression } = &trust.gate else { continue };
        let Some(issuer) = issuer else {
            out.open = true;
            continue;
        };
        let credential =
            Credential { issuer: issuer.clone(), subject: subject.clone(), audiences: audiences.clone(), expression: expression.clone() };
        let Some(view) = azure::issuer_view(inputs, trust, credential) else {
            out.open = true;
            continue;
        };
        let ours = view.recognised.issuer.family.is_some_and(|f| job.system.families().contains(&f));
        out.open |= !ours && !view.certain;
        if ours {
            let formula = with(view.formula, view.accepted.map(|a| a.any));
            let certain = view.certain && !trust.origin.conditional;
            let (recognised, formats) = (view.recognised, view.formats);
            out.all.push(Door { origin: &trust.origin, identity: Some(id), formula, certain, recognised, formats, federated: None });
        }
    }
    if out.all.len() == before {
        out.closed.push(&identity.origin);
    }
}

fn pool<'a>(inputs: &Inputs<'a>, job: &Job, links: &LoginLinks, impersonates: bool, out: &mut Doors<'a>) {
    if links.providers.is_empty() {
        // a provider that is not there is another rule's matter
        out.open = true;
        return;
    }
    let members = if impersonates { members(inputs, links, out) } else { Vec::new() };
    for id in &links.providers {
        let Some(provider) = inputs.graph.provider(*id) else { continue };
        let views = google::views(inputs, *id);
        out.open |= provider.origin.library || views.is_empty() && google::disabled(inputs.graph, inputs.links, *id).is_none();
        for view in views {
            let ours = view.recognised.issuer.family.is_some_and(|f| job.system.families().contains(&f));
            if !ours {
                out.open |= !view.certain;
                continue;
            }
            let certain = view.certain && !provider.origin.conditional;
            let entered = with(view.formula.clone(), view.accepted.as_ref().map(|a| a.any.clone()));
            let door = |origin: &'a Origin, identity, formula, certain| Door {
                origin,
                identity,
                formula,
                certain,
                recognised: view.recognised.clone(),
                formats: view.formats,
                federated: None,
            };
            if members.is_empty() {
                out.all.push(door(&provider.origin, None, entered, certain));
                continue;
            }
            for (trust_id, trust) in &members {
                let Gate::GoogleMember { member, .. } = &trust.gate else { continue };
                if !inputs.links.trust_providers.get(trust_id.index()).is_some_and(|all| all.contains(id)) {
                    continue;
                }
                let Ok(parsed) = Member::parse(member) else {
                    out.open = true;
                    continue;
                };
                let formula = Formula::All(vec![member_formula(&parsed, &view.via.view), entered.clone()]);
                let certain = certain && !trust.origin.conditional;
                out.all.push(door(&trust.origin, Some(trust.identity), formula, certain));
            }
        }
    }
    out.open |= impersonates && !members.is_empty() && out.all.is_empty();
}

/// The bindings that may let somebody impersonate the accounts; that there are none is another rule's matter.
fn members<'a>(inputs: &Inputs<'a>, links: &LoginLinks, out: &mut Doors<'a>) -> Vec<(TrustId, &'a Trust)> {
    let graph = inputs.graph;
    let reaches = |trust: &Trust| match graph.identity(trust.identity).map(|i| &i.kind) {
        Some(IdentityKind::GoogleServiceAccount { email, .. }) => links.identities.contains(&trust.identity) || !email.is_known(),
        Some(IdentityKind::GoogleResource { level, .. }) => *level != GoogleLevel::Resource,
        _ => false,
    };
    if links.identities.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (i, trust) in graph.trusts.iter().enumerate() {
        let Gate::GoogleMember { role, .. } = &trust.gate else { continue };
        if reaches(trust) && google::may_impersonate(role) {
            found.push((TrustId(u32::try_from(i).unwrap_or(u32::MAX)), trust));
        }
    }
    let about = |about: &About| match about {
        About::Identity(id) => links.identities.contains(id),
        About::GoogleResource(level) => *level != GoogleLevel::Resource,
        About::Declaration | About::Workload(_) => false,
    };
    out.open |= found.is_empty() || graph.undecided.iter().any(|u| u.kind == UndecidedKind::GoogleBinding && about(&u.about));
    found
}

fn with(formula: Formula, accepted: Option<Formula>) -> Formula {
    match accepted {
        Some(accepted) => Formula::All(vec![formula, accepted]),
        None => formula,
    }
}

/// What is presented: sets of tokens, an audience, a repository.
struct Presented<'l> {
    sets: Vec<&'l TokenSet>,
    audience: Option<Formula>,
    repository: Option<Formula>,
}

impl<'l> Presented<'l> {
    fn of(login: &'l JobLogin, links: &LoginLinks, door: &Door<'_>) -> Self {
        let audience = match &login.audience {
            JobAudience::Known(text) => Some(test("aud", Matcher::Exact(text.clone()))),
            JobAudience::AnyOf(all) => Some(Formula::Any(all.iter().map(|a| test("aud", Matcher::Exact(a.clone()))).collect())),
            JobAudience::IssuerDefault => door.recognised.default_audience().map(|a| test("aud", Matcher::Exact(Text::known(a)))),
            JobAudience::Unknown => None,
        };
        let repository =
            (!links.repositories.is_empty()).then(|| Formula::Any(links.repositories.iter().map(|name| repository(name)).collect()));
        Self { sets: login.runs.iter().take(MAX_SETS).collect(), audience, repository }
    }
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

/// What becomes of a login at its doors.
#[must_use]
pub fn answer(inputs: &Inputs<'_>, login: &JobLogin, links: &LoginLinks, doors: &Doors<'_>) -> Answer {
    answer_for(inputs, login, &login.runs.iter().collect::<Vec<_>>(), links, doors)
}

/// What becomes of these tokens of a login at its doors.
#[must_use]
pub fn answer_for(inputs: &Inputs<'_>, login: &JobLogin, sets: &[&TokenSet], links: &LoginLinks, doors: &Doors<'_>) -> Answer {
    let mut refusals = Vec::new();
    let mut unknown = doors.open || sets.len() > MAX_SETS;
    for (index, door) in doors.all.iter().enumerate() {
        let presented = Presented { sets: sets.iter().take(MAX_SETS).copied().collect(), ..Presented::of(login, links, door) };
        match one(inputs, door, &presented) {
            One::Admitted(token) => return Answer::Admitted(token, index),
            One::Refused(refusal) => refusals.push(Refusal { door: index, ..refusal }),
            One::DeadAnyway | One::NeverRuns => unknown = true,
            One::Unknown => unknown = true,
        }
    }
    if unknown { Answer::Unknown } else { Answer::Refused(refusals) }
}

enum One {
    Admitted(Box<Token>),
    Refused(Refusal),
    /// Nobody gets in here; that is said elsewhere.
    DeadAnyway,
    /// What is known of the job contradicts itself: it does not run.
    NeverRuns,
    Unknown,
}

fn one(inputs: &Inputs<'_>, door: &Door<'_>, presented: &Presented<'_>) -> One {
    let reads = door.reads();
    let fixed = || presented.audience.iter().chain(&presented.repository).cloned();
    let alternatives: Vec<Vec<&TokenFact>> = presented.sets.iter().map(|set| relevant(set, &reads)).collect();
    let any = Formula::Any(alternatives.iter().map(|facts| Formula::All(facts.iter().map(|f| formula(f)).collect())).collect());
    let mut parts: Vec<Formula> = fixed().collect();
    parts.push(any.clone());
    parts.push(door.formula.clone());
    match door.reachability(inputs, parts) {
        Reachability::Reachable(token) => return One::Admitted(token),
        Reachability::Undecided => return One::Unknown,
        Reachability::Unreachable => {}
    }
    if !matches!(door.reachability(inputs, vec![door.formula.clone()]), Reachability::Reachable(_)) {
        return One::DeadAnyway;
    }
    if !matches!(door.reachability(inputs, vec![any]), Reachability::Reachable(_)) {
        return One::NeverRuns;
    }
    One::Refused(refusal(inputs, door, presented, &alternatives))
}

/// Looks for the one thing that fails: without it the token would get in.
fn refusal(inputs: &Inputs<'_>, door: &Door<'_>, presented: &Presented<'_>, alternatives: &[Vec<&TokenFact>]) -> Refusal {
    let admitted = |parts: Vec<Formula>| match door.reachability(inputs, parts) {
        Reachability::Reachable(token) => Some(*token),
        _ => None,
    };
    for facts in alternatives {
        let all = |without: Option<usize>, audience: bool, repository: bool| -> Vec<Formula> {
            let kept =
                facts.iter().enumerate().filter(|(i, f)| without.is_none_or(|w| *i != w && facts.get(w).is_none_or(|o| o.of != f.of)));
            let mut parts: Vec<Formula> = kept.map(|(_, f)| formula(f)).collect();
            parts.extend(presented.audience.iter().filter(|_| audience).cloned());
            parts.extend(presented.repository.iter().filter(|_| repository).cloned());
            parts
        };
        let found = |culprit: Culprit, mut parts: Vec<Formula>| {
            parts.push(door.formula.clone());
            let wanted = admitted(parts)?;
            let repository = !matches!(culprit, Culprit::Repository);
            let presented = nearest(&|parts| admitted(parts), &all(None, true, true), &wanted, repository);
            Some(Refusal { door: 0, culprit: Some(culprit), presented, wanted: Some(wanted) })
        };
        let by_audience = presented.audience.as_ref().and_then(|_| found(Culprit::Audience, all(None, false, true)));
        let by_repository = || presented.repository.as_ref().and_then(|_| found(Culprit::Repository, all(None, true, false)));
        let by_fact = || {
            let culprit = |i: usize, fact: &&TokenFact| found(Culprit::Fact((*fact).clone()), all(Some(i), true, true));
            facts.iter().enumerate().rev().find_map(|(i, fact)| culprit(i, fact))
        };
        if let Some(refusal) = by_audience.or_else(by_repository).or_else(by_fact) {
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

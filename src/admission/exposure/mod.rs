//! The worst stranger that a trust lets in.
//!
//! The question "who gets in?" is asked from the outside in: any tenant, tenants whose name extends ours, any namespace,
//! any project, projects whose name extends ours, any ref, pull requests, any environment. Each question is a formula
//! ("admitted, and the owner is none that the policy names"); the first that has a witness is the trust's class.
//! What the policy *names* is read off its own literals, aligned with the issuer's templates.

pub(in crate::admission) mod asked;
pub mod chosen;
pub mod family;
pub mod fill;
pub mod shape;
mod shown;

use super::formula::{Formula, Matcher, Subject, Test};
use super::search::{self, Candidate, Compiled, HoleMode, Names, Options, Outcome, Templates, Witness};
use crate::issuers::{Context, Role, Template};
use crate::partial::{Text, Unknown};
use crate::place::Span;
use crate::token::{Token, Truth};
use asked::Asked;
pub use family::family;
use fill::Filler;
use std::collections::{BTreeMap, BTreeSet};

/// How far in a stranger stands; worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Tenants that the policy does not name.
    AnyTenant,
    /// Tenants whose name extends one that it names.
    TenantPrefix,
    /// Any namespace of the cluster.
    AnyNamespace,
    /// Namespaces whose name extends one that it names.
    NamespacePrefix,
    /// Every repository, project, workspace or ServiceAccount of a tenant.
    AnyProject,
    /// Those whose name extends one that it names.
    ProjectPrefix,
    /// Every ref of the repository.
    AnyRef,
    /// Refs whose name extends one that it names.
    RefPrefix,
    /// `pull_request_target` runs, which carry the `ref` of the target branch.
    PullRequestTarget,
    /// Pull or merge request runs.
    PullRequest,
    /// Every environment.
    AnyEnvironment,
    /// Environments whose name extends one that it names.
    EnvironmentPrefix,
    /// Tags that bear the name of the branch that is meant.
    TagAsBranch,
    /// Previews and speculative plans beside the runs that change something.
    Preview,
    /// What the policy names and nothing else.
    Intended,
}

/// What is known of a trust.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// The class.
    pub class: Class,
    /// A token of that class, with the claims that the gate reads (see [`minimal`]); none for [`Class::Intended`].
    pub witness: Option<Token>,
    /// The segments of the witness by name.
    pub segments: BTreeMap<String, String>,
    /// The class holds for every value of every unknown that was tried.
    pub certain: bool,
    /// What the policy names, per segment.
    pub named: BTreeMap<String, Vec<Candidate>>,
    /// The positive tests that hold for the witness, by their place in [`shape::tests`].
    pub admitting: Vec<usize>,
    /// Nothing but values that the caller picks stands between the class and the gate: see [`chosen`].
    pub caller_chosen: bool,
}

/// Whether anyone gets in.
#[derive(Debug, Clone)]
pub enum Reachability {
    /// This token does.
    Reachable(Box<Token>),
    /// Proved: none of the issuer's tokens does, whatever the unknowns are.
    Unreachable,
    /// Not decided.
    Undecided,
}

/// A level of the question: the roles whose segments name it.
struct Level {
    roles: &'static [Role],
    contexts: Option<&'static [Context]>,
    any: Class,
    prefix: Class,
}

const LEVELS: &[Level] = &[
    Level { roles: &[Role::Tenant, Role::TenantId], contexts: None, any: Class::AnyTenant, prefix: Class::TenantPrefix },
    Level { roles: &[Role::Namespace], contexts: None, any: Class::AnyNamespace, prefix: Class::NamespacePrefix },
    Level { roles: &[Role::Project, Role::ProjectId], contexts: None, any: Class::AnyProject, prefix: Class::ProjectPrefix },
    Level { roles: &[Role::Ref], contexts: Some(&[Context::Branch]), any: Class::AnyRef, prefix: Class::RefPrefix },
    Level { roles: &[], contexts: Some(&[Context::PullRequestTarget]), any: Class::PullRequestTarget, prefix: Class::PullRequestTarget },
    Level { roles: &[], contexts: Some(&[Context::PullRequest]), any: Class::PullRequest, prefix: Class::PullRequest },
    Level {
        roles: &[Role::Environment],
        contexts: Some(&[Context::Environment]),
        any: Class::AnyEnvironment,
        prefix: Class::EnvironmentPrefix,
    },
];

/// Whether some token gets in: first with the unknowns filled in, then, for a proof, with unknowns that may be anything.
#[must_use]
pub fn reachability(formula: &Formula, templates: &[Template]) -> Reachability {
    reachability_in(formula, &Templates::new(templates))
}

/// [`reachability`] in templates that are ready.
#[must_use]
pub fn reachability_in(formula: &Formula, templates: &Templates) -> Reachability {
    let finish = |reached: &Reached, names: &Names| match reached {
        Reached::By(witness) if names.is_empty() => Some(Reachability::Reachable(Box::new(witness.token.clone()))),
        Reached::By(witness) => Some(Reachability::Reachable(Box::new(witness.with_names(names, formula)?.token))),
        Reached::ByNobody => Some(Reachability::Unreachable),
        Reached::Undecided => Some(Reachability::Undecided),
    };
    let weight = |reached: &Reached| if let Reached::By(witness) = reached { witness.weight() } else { 0 };
    let asked = Asked { decide: &reached, finish: &finish, weight: &weight };
    templates.shared().reached.ask(formula, templates, &asked).unwrap_or(Reachability::Undecided)
}

/// [`Reachability`] with the whole witness.
#[derive(Debug, Clone)]
pub(in crate::admission) enum Reached {
    /// This token gets in.
    By(Box<Witness>),
    /// See [`Reachability::Unreachable`].
    ByNobody,
    /// See [`Reachability::Undecided`].
    Undecided,
}

fn reached(formula: &Formula, templates: &Templates) -> Reached {
    let further = || fill::fillers_of_literals(formula, templates).into_iter();
    for filler in fill::fillers(formula, templates).into_iter().chain(std::iter::once_with(further).flatten()) {
        let value = |atom: &Unknown| filler.value(atom);
        let options = Options { holes: HoleMode::Fill(&value) };
        if let Outcome::Witness(w) = Compiled::new(formula, &options).search(templates, &options) {
            return Reached::By(w);
        }
    }
    let options = Options { holes: HoleMode::Any };
    let compiled = Compiled::new(formula, &options);
    match compiled.search(templates, &options) {
        Outcome::Proof => {}
        Outcome::Witness(w) => return Reached::By(w),
        Outcome::Unknown(_) => return Reached::Undecided,
    }
    // A proof rests on what the vendor documents alone.
    match templates.loosened().map(|open| compiled.search(&open, &options)) {
        None | Some(Outcome::Proof) => Reached::ByNobody,
        Some(Outcome::Unknown(_) | Outcome::Witness(_)) => Reached::Undecided,
    }
}

/// Whether none of the tokens gets in that the vendor documents: likely dead, where [`reachability`] says that it is not proven.
#[must_use]
pub fn undocumented_in(formula: &Formula, templates: &Templates) -> bool {
    let options = Options { holes: HoleMode::Any };
    matches!(Compiled::new(formula, &options).search(templates, &options), Outcome::Proof)
}

/// Whether a token of which `asked` holds gets in under each way to fill in the gate's unknowns that lets anybody in. The
/// strings of `asked` are the question's: no unknown of the gate is taken to be one of them.
#[must_use]
pub fn always_admits(formula: &Formula, asked: &Formula, templates: &Templates) -> bool {
    // The usual gate says its audience in one test: no search is needed to see that another one is refused.
    if let Formula::Test(test) = asked
        && let (Subject::Claim(claim), Matcher::Exact(value)) = (&test.subject, &test.matcher)
        && value.as_known().is_some_and(|value| search::concrete::refuses(formula, claim, &value))
    {
        return false;
    }
    let mut open = false;
    for filler in fill::fillers(formula, templates) {
        let value = |atom: &Unknown| filler.value(atom);
        let options = Options { holes: HoleMode::Fill(&value) };
        let gate = Compiled::new(formula, &options);
        if gate.search(templates, &options).is_proof() {
            continue;
        }
        if gate.and(&Compiled::new(asked, &options)).search(templates, &options).witness().is_none() {
            return false;
        }
        open = true;
    }
    open
}

/// The exposure of a trust. With unknowns in it, the worst class over the ways to fill them in that the text around them allows.
///
/// # Errors
/// Nothing could be decided; the reason.
#[cfg(any(test, feature = "internals"))]
pub fn exposure(formula: &Formula, templates: &[Template]) -> Result<Exposure, String> {
    exposure_in(formula, &Templates::new(templates))
}

/// [`exposure`] in templates that are ready.
///
/// # Errors
/// As [`exposure`].
pub fn exposure_in(formula: &Formula, templates: &Templates) -> Result<Exposure, String> {
    let finish = |judged: &Result<Judged, String>, names: &Names| match judged {
        Ok(judged) => judged.shown(formula, templates, names).map(Ok),
        Err(why) => Some(Err(why.clone())),
    };
    let weight = |judged: &Result<Judged, String>| judged.as_ref().map_or(64, Judged::weight);
    let asked = Asked { decide: &judged, finish: &finish, weight: &weight };
    let found = templates.shared().judged.ask(formula, templates, &asked);
    found.unwrap_or_else(|| Err("the names of the policy are not told apart".to_owned()))
}

/// [`Exposure`] without what is read off the texts of one trust.
#[derive(Debug, Clone)]
pub(in crate::admission) struct Judged {
    class: Class,
    witness: Option<Box<Witness>>,
    certain: bool,
    caller_chosen: bool,
    /// The way to fill in the unknowns of which it is the verdict.
    filler: Filler,
    /// What the policy names.
    said: Vec<Said>,
}

/// What is named of a segment: its name, the text, whether it is whole, whether the letters' case does not matter.
type Said = (String, String, bool, bool);

fn said(named: &BTreeMap<String, Vec<Candidate>>) -> Vec<Said> {
    let mut out = Vec::new();
    for (segment, all) in named {
        let first = out.len();
        for c in all {
            let one: Said = (segment.clone(), c.text.clone(), c.complete, c.ignore_case);
            // The same said at several places is said once.
            if !out.get(first..).unwrap_or_default().contains(&one) {
                out.push(one);
            }
        }
    }
    out
}

impl Judged {
    /// The exposure of a trust that is this one but for its names; none where it is not.
    fn shown(&self, formula: &Formula, templates: &Templates, names: &Names) -> Option<Exposure> {
        let value = |atom: &Unknown| self.filler.value(atom);
        let options = Options { holes: HoleMode::Fill(&value) };
        let named = named(formula, templates, &options);
        let witness = match self.witness.as_deref() {
            Some(witness) if !names.is_empty() => Some(witness.with_names(names, formula)?),
            other => other.cloned(),
        };
        if !names.is_empty() {
            let own = said(&named);
            let same =
                |(own, other): (&Said, &Said)| own.0 == other.0 && names.put(&own.1) == other.1 && own.2 == other.2 && own.3 == other.3;
            if own.len() != self.said.len() || !own.iter().zip(&self.said).all(same) {
                return None;
            }
        }
        Some(Exposure {
            class: self.class,
            admitting: witness.as_ref().map(|w| admitting(formula, w, &options)).unwrap_or_default(),
            witness: witness.as_ref().map(|w| minimal(&w.token, formula)),
            segments: witness.map(|w| w.segments.into_iter().collect()).unwrap_or_default(),
            certain: self.certain,
            named,
            caller_chosen: self.caller_chosen,
        })
    }

    fn weight(&self) -> usize {
        let said: usize = self.said.iter().map(|(segment, text, ..)| 64 + segment.len() + text.len()).sum();
        256 + said + self.witness.as_ref().map_or(0, |w| w.weight())
    }
}

fn judged(formula: &Formula, templates: &Templates) -> Result<Judged, String> {
    match with_fillers(formula, templates, fill::fillers(formula, templates)) {
        Ok(Some(found)) => Ok(found),
        Err(why) => Err(why),
        Ok(None) => with_fillers(formula, templates, fill::fillers_of_literals(formula, templates))?.ok_or_else(|| {
            if fill::has_unknowns(formula) {
                return "none of the values that were tried for the unknowns lets anybody in".to_owned();
            }
            match shape::read(formula).into_iter().find(|claim| !templates.templates().any(|t| t.claim(claim).is_some())) {
                Some(claim) => format!("what the issuer's tokens hold as `{claim}` is not known"),
                None => "no token that the issuer documents satisfies it".to_owned(),
            }
        }),
    }
}

/// The worst class over the fillings; nothing when none of them lets anybody in.
fn with_fillers(formula: &Formula, templates: &Templates, fillers: Vec<Filler>) -> Result<Option<Judged>, String> {
    let mut best: Option<Judged> = None;
    let mut classes = Vec::new();
    let mut why = None;
    for filler in fillers {
        match with_filler(formula, templates, &filler) {
            Ok(Some(found)) => {
                classes.push(found.class);
                if best.as_ref().is_none_or(|b| found.class < b.class) {
                    best = Some(found);
                }
            }
            Ok(None) => {}
            Err(reason) => why = Some(reason),
        }
    }
    classes.dedup();
    match (best, why) {
        (Some(mut found), _) => {
            found.certain = found.certain && classes.len() == 1;
            Ok(Some(found))
        }
        (None, Some(why)) => Err(why),
        (None, None) => Ok(None),
    }
}

/// The witness with what a reader needs: issuer, subject, audience and the claims that the gate reads. Every other claim
/// is one that the gate does not look at, so the token is admitted with and without it.
#[must_use]
pub fn minimal(token: &Token, formula: &Formula) -> Token {
    let mut read: BTreeSet<String> = shape::read(formula);
    read.extend(["iss", "sub", "aud"].map(str::to_owned));
    let mut claims = token.claims.clone();
    claims.retain(|name, _| read.contains(name));
    // A token without a subject is told by all that it says: AWS as Google sees it.
    if claims.contains_key("sub") { Token { claims } } else { token.clone() }
}

/// One way to fill in the unknowns.
struct Gate<'a> {
    formula: &'a Formula,
    filler: &'a Filler,
    compiled: Compiled,
    templates: &'a Templates,
    options: Options<'a>,
    named: BTreeMap<String, Vec<Candidate>>,
}

/// `None`: with these fillings nobody gets in at all.
fn with_filler(formula: &Formula, templates: &Templates, filler: &Filler) -> Result<Option<Judged>, String> {
    let value = |atom: &Unknown| filler.value(atom);
    let options = Options { holes: HoleMode::Fill(&value) };
    let compiled = Compiled::new(formula, &options);
    match compiled.search(templates, &options) {
        Outcome::Witness(_) => {}
        Outcome::Proof => return Ok(None),
        Outcome::Unknown(why) => return Err(why),
    }
    let named = named(formula, templates, &options);
    let gate = Gate { formula, filler, compiled, templates, options, named };
    let mut families = None;
    for level in LEVELS.iter().filter(|l| gate.asks(l)) {
        let Some(found) = gate.level(level)? else { continue };
        // A family of branches is meant, and says nothing of the pull requests and environments beside it.
        if found.class != Class::RefPrefix || !family(&gate.named, Role::Ref, templates.templates()) {
            return Ok(Some(found));
        }
        families = families.or(Some(found));
    }
    if families.is_some() {
        return Ok(families);
    }
    if let Some(witness) = gate.tag_as_branch() {
        return Ok(Some(gate.found(Class::TagAsBranch, Some(witness))));
    }
    if let Some(witness) = gate.preview() {
        return Ok(Some(gate.found(Class::Preview, Some(witness))));
    }
    Ok(Some(gate.found(Class::Intended, None)))
}

impl Gate<'_> {
    /// Whether the question of a level makes sense: runs of `pull_request_target` pose as a branch where the gate looks at
    /// `ref` and not at the event. That the claim is there at all, as a mapping asks, says nothing of it.
    fn asks(&self, level: &Level) -> bool {
        level.any != Class::PullRequestTarget || {
            let gate: Vec<_> = shape::tests(self.formula).into_iter().filter(|o| !matches!(o.test.matcher, Matcher::Present)).collect();
            let reads = |claim: &str| gate.iter().any(|o| shape::claims(&o.test.subject).contains(claim));
            reads("ref") && !reads("event_name")
        }
    }

    /// The exposure, when a token of this level gets in.
    fn level(&self, level: &Level) -> Result<Option<Judged>, String> {
        let applies = self.templates.only(|t| {
            let context = level.contexts.is_none_or(|c| c.contains(&t.context));
            let role = level.roles.is_empty() || t.segments.iter().any(|s| level.roles.contains(&s.role));
            context && role
        });
        if applies.is_empty() {
            return Ok(None);
        }
        let segments = segments_of(level, &applies);
        let not = |formula: Formula| Compiled::new(&Formula::Not(Box::new(formula)), &self.options);
        let mut outside = self.compiled.and(&not(named_formula(level, &segments, &self.named, &applies)));
        if level.any == Class::AnyEnvironment {
            // A branch, or a family of them, that the policy names decides who gets in, whatever environments its jobs name.
            let refs = Level { roles: &[Role::Ref], contexts: level.contexts, any: Class::AnyRef, prefix: Class::RefPrefix };
            let segments = segments_of(&refs, &applies);
            outside = outside.and(&not(named_formula(&refs, &segments, &self.named, &applies)));
            outside = outside.and(&not(prefix_formula(&segments, &self.named)));
        }
        if level.any == Class::PullRequest {
            // Where a merge request's subject carries the branch it comes from, a named branch is no stranger's, nor is one of a family.
            let refs = refs_in_subject(&applies);
            outside = outside.and(&not(named_formula(level, &refs, &self.named, &applies)));
            outside = outside.and(&not(prefix_formula(&refs, &self.named)));
        }
        if matches!(level.any, Class::PullRequest | Class::PullRequestTarget) {
            // A workflow file that is pinned with its ref says itself on which events it runs.
            outside = outside.and(&not(self.pinned_workflows("workflow_ref", &applies)));
        }
        if level.any >= Class::AnyRef {
            // Whatever branch calls a reusable workflow, the ref that is pinned says what runs.
            outside = outside.and(&not(self.pinned_workflows("job_workflow_ref", &applies)));
        }
        let witness = match outside.search(&applies, &self.options) {
            Outcome::Witness(w) => w,
            Outcome::Proof => return self.below_named(level, &segments, &applies),
            // A level that could not be decided must not let a deeper one speak for the trust.
            Outcome::Unknown(why) => return Err(why),
        };
        let prefixes = prefix_formula(&segments, &self.named);
        let none = matches!(&prefixes, Formula::Any(all) if all.is_empty());
        let beyond = outside.and(&not(prefixes));
        let (class, witness, query) = if none {
            (level.any, witness, &outside)
        } else {
            match beyond.search(&applies, &self.options) {
                Outcome::Witness(w) => (level.any, w, &beyond),
                Outcome::Proof => (level.prefix, witness, &outside),
                Outcome::Unknown(why) => return Err(why),
            }
        };
        let witness = match level.any {
            Class::AnyTenant => self.unwritten(level, *witness, query, &applies),
            _ => shown::plainer(level.any, level.roles, *witness, query, &applies, &self.options),
        };
        let mut found = self.found(class, Some(witness));
        found.caller_chosen = chosen::decides(self.formula, query, &applies, level.any, &self.options);
        Ok(Some(found))
    }

    /// "The workflow is one that the gate names exactly, file and ref".
    fn pinned_workflows(&self, claim: &str, applies: &Templates) -> Formula {
        let of = |t: &Test| matches!(&t.subject, Subject::Claim(c) if c == claim);
        let pins = |t: &Test| match &t.matcher {
            Matcher::Exact(text) => text.is_known(),
            // `org/repository/.github/workflows/x.yml@refs/heads/main` without a wildcard in the ref
            Matcher::Glob(_) => names_whole(t, applies, "called_ref", &self.options),
            _ => false,
        };
        let tests = shape::tests(self.formula).into_iter().filter(|o| o.positive && of(o.test) && pins(o.test));
        Formula::Any(tests.map(|o| Formula::Test(Box::new(o.test.clone()))).collect())
    }

    /// A witness whose tenant is none that the policy spells, be it behind a wildcard (`*-acme/app`) or inside an expression:
    /// that one may be meant.
    fn unwritten(&self, level: &Level, witness: Witness, query: &Compiled, applies: &Templates) -> Witness {
        const MAX_TRIES: usize = 4;
        let written = shape::spelled(self.formula);
        let mut query = query.clone();
        let mut asked = witness.clone();
        for _ in 0..MAX_TRIES {
            let Some(template) = applies.templates().nth(asked.template) else { return witness };
            let own = template.segments.iter().filter(|s| level.roles.contains(&s.role) && s.role == Role::Tenant);
            let named = |name: &str| asked.segment(name).filter(|v| written.iter().any(|w| w.contains(&v.to_ascii_lowercase())));
            let meant: Vec<Formula> =
                own.filter_map(|s| Some(segment_test(&s.name, Matcher::ExactIgnoreCase(Text::known(named(&s.name)?))))).collect();
            if meant.is_empty() {
                return asked;
            }
            query = query.and(&Compiled::new(&Formula::Not(Box::new(Formula::Any(meant))), &self.options));
            match query.search(applies, &self.options) {
                Outcome::Witness(other) => asked = *other,
                Outcome::Proof | Outcome::Unknown(_) => return witness,
            }
        }
        asked
    }

    /// A level of several names, the outer around the inner (a project and its workspaces): what begins like the inner
    /// name inside an outer that the policy names. An inner name that is left open altogether stands for all of the outer.
    fn below_named(&self, level: &Level, segments: &[(String, Role)], applies: &Templates) -> Result<Option<Judged>, String> {
        let begun = |name: &str| self.named.get(name).into_iter().flatten().any(|c| !c.complete && !c.text.is_empty());
        for segment in segments.iter().filter(|(name, _)| begun(name)) {
            let outer = outer_segments(&segment.0, segments, applies);
            if !outer.iter().any(|name| self.named.get(name).into_iter().flatten().any(|c| !c.text.is_empty())) {
                continue;
            }
            let inner: Vec<(String, Role)> = segments.iter().filter(|(name, _)| !outer.contains(name)).cloned().collect();
            let ours = named_formula(level, &inner, &self.named, applies);
            let alike = prefix_formula(std::slice::from_ref(segment), &self.named);
            let query = Formula::All(vec![alike, Formula::Not(Box::new(ours))]);
            match self.compiled.and(&Compiled::new(&query, &self.options)).search(applies, &self.options) {
                Outcome::Witness(w) => return Ok(Some(self.found(level.prefix, Some(*w)))),
                Outcome::Proof => {}
                Outcome::Unknown(why) => return Err(why),
            }
        }
        Ok(None)
    }

    fn found(&self, class: Class, witness: Option<Witness>) -> Judged {
        Judged {
            class,
            certain: witness.as_ref().is_none_or(|w| w.certain),
            witness: witness.map(Box::new),
            caller_chosen: false,
            filler: self.filler.clone(),
            said: said(&self.named),
        }
    }

    /// A preview's token, where other runs are admitted as well: a gate for previews alone means them.
    fn preview(&self) -> Option<Witness> {
        let previews = self.templates.only(|t| t.context == Context::Preview);
        let others = self.templates.only(|t| t.context != Context::Preview);
        if previews.is_empty() || others.is_empty() {
            return None;
        }
        self.compiled.search(&others, &self.options).witness()?;
        self.compiled.search(&previews, &self.options).witness().cloned()
    }

    /// A tag's token that passes the very test of the ref that a branch's token passes.
    fn tag_as_branch(&self) -> Option<Witness> {
        let branches = self.templates.only(|t| t.context == Context::Branch);
        let tags = self.templates.only(|t| t.context == Context::Tag);
        if branches.is_empty() || tags.is_empty() {
            return None;
        }
        let pinned = Formula::Not(Box::new(self.pinned_workflows("job_workflow_ref", &tags)));
        let gate = self.compiled.and(&Compiled::new(&pinned, &self.options));
        let all: Vec<Template> = branches.templates().chain(tags.templates()).cloned().collect();
        let tests = shape::tests(self.formula);
        let refs: Vec<_> = tests.iter().filter(|o| o.positive && shape::sees(o.test, &all, Role::Ref)).collect();
        // Hundreds of subjects are asked for at once before they are asked for one by one.
        let any = Formula::Any(refs.iter().map(|o| Formula::Test(Box::new(o.test.clone()))).collect());
        if gate.and(&Compiled::new(&any, &self.options)).search(&tags, &self.options).is_proof() {
            return None;
        }
        refs.iter().find_map(|o| {
            let test = Compiled::new(&Formula::Test(Box::new(o.test.clone())), &self.options);
            let both = gate.and(&test);
            both.search(&branches, &self.options).witness()?;
            both.search(&tags, &self.options).witness().cloned()
        })
    }
}

/// The test names this segment whole, wherever a template has it.
fn names_whole(test: &Test, templates: &Templates, segment: &str, options: &Options<'_>) -> bool {
    let formula = Formula::Test(Box::new(test.clone()));
    let said: Vec<Candidate> =
        search::literals(&formula, templates, options).into_iter().filter_map(|mut all| all.remove(segment)).flatten().collect();
    !said.is_empty() && said.iter().all(|c| c.complete)
}

/// The positive tests that hold for a witness.
fn admitting(formula: &Formula, witness: &Witness, options: &Options<'_>) -> Vec<usize> {
    let holds = |test: &Test| {
        let formula = Formula::Test(Box::new(test.clone()));
        search::concrete::evaluate_in(&formula, &witness.token, &witness.segments, &options.holes) == Truth::True
    };
    shape::tests(formula).iter().enumerate().filter(|(_, o)| o.positive && holds(o.test)).map(|(i, _)| i).collect()
}

/// The segments of a level over all templates, by name.
fn segments_of(level: &Level, templates: &Templates) -> Vec<(String, Role)> {
    let mut out: Vec<(String, Role)> = Vec::new();
    for segment in templates.templates().flat_map(|t| t.segments.iter()) {
        if level.roles.contains(&segment.role) && !out.iter().any(|(n, _)| *n == segment.name) {
            out.push((segment.name.clone(), segment.role));
        }
    }
    out
}

/// The segments of a level that stand before one of them in the issuer's subjects, with the ids of the same things.
fn outer_segments(of: &str, level: &[(String, Role)], templates: &Templates) -> BTreeSet<String> {
    let mut outer = BTreeSet::new();
    for template in templates.templates() {
        let in_subject = template.claim("sub").into_iter().flatten().filter_map(|part| match part {
            crate::issuers::ClaimPart::Segment(index) => template.segments.get(*index).map(|s| s.name.as_str()),
            crate::issuers::ClaimPart::Literal(_) => None,
        });
        let names: Vec<&str> = in_subject.collect();
        if let Some(place) = names.iter().position(|name| *name == of) {
            outer.extend(names.iter().take(place).map(|name| (*name).to_owned()));
        }
    }
    outer.extend(outer.clone().into_iter().map(|name| format!("{name}_id")));
    outer.retain(|name| level.iter().any(|(known, _)| known == name));
    outer
}

/// The segments for refs that are part of a subject.
fn refs_in_subject(templates: &Templates) -> Vec<(String, Role)> {
    let mut out: Vec<(String, Role)> = Vec::new();
    for template in templates.templates() {
        for part in template.claim("sub").into_iter().flatten() {
            if let crate::issuers::ClaimPart::Segment(index) = part
                && let Some(segment) = template.segments.get(*index).filter(|s| s.role == Role::Ref)
                && !out.iter().any(|(name, _)| *name == segment.name)
            {
                out.push((segment.name.clone(), segment.role));
            }
        }
    }
    out
}

/// What the policy names, over all templates.
fn named(formula: &Formula, templates: &Templates, options: &Options<'_>) -> BTreeMap<String, Vec<Candidate>> {
    let mut out: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    let mut met: BTreeSet<(String, String, bool, bool, Option<Span>)> = BTreeSet::new();
    for literals in search::literals(formula, templates, options) {
        for (segment, candidates) in literals {
            let fresh =
                candidates.into_iter().filter(|c| met.insert((segment.clone(), c.text.clone(), c.complete, c.ignore_case, c.open_at)));
            out.entry(segment.clone()).or_default().extend(fresh);
        }
    }
    out
}

/// What the policy spells for each segment: what an unknown of it stands for is left out.
#[must_use]
pub fn spelled(formula: &Formula, templates: &Templates) -> BTreeMap<String, Vec<Candidate>> {
    // what changes with the stand-in comes from an unknown
    let with = |stand_in: &'static str| {
        let value = |_: &Unknown| stand_in.to_owned();
        named(formula, templates, &Options { holes: HoleMode::Fill(&value) })
    };
    let (mut out, other) = (with("x0x0"), with("y1y1"));
    for (segment, candidates) in &mut out {
        let others = other.get(segment).map_or(&[][..], Vec::as_slice);
        candidates.retain(|c| others.iter().any(|o| o.text == c.text && o.complete == c.complete));
    }
    out
}

/// "This segment is this text", in any letter case.
#[must_use]
pub fn segment_is(name: &str, text: &str) -> Formula {
    segment_test(name, Matcher::ExactIgnoreCase(Text::known(text)))
}

/// "A segment of this level is one that the policy names." An id that names a repository names its tenant too.
fn named_formula(level: &Level, segments: &[(String, Role)], named: &BTreeMap<String, Vec<Candidate>>, templates: &Templates) -> Formula {
    let mut names: Vec<String> = segments.iter().map(|(n, _)| n.clone()).collect();
    if level.any == Class::AnyTenant {
        let ids = templates.templates().flat_map(|t| t.segments.iter()).filter(|s| s.role == Role::ProjectId);
        names.extend(ids.map(|s| s.name.clone()));
    }
    names.sort();
    names.dedup();
    let tests = names.iter().flat_map(|name| {
        let texts = named.get(name).into_iter().flatten().filter(|c| !c.text.is_empty());
        // Where the gate does not look at case, a name in another case is the same name.
        let exact = |c: &Candidate| {
            let text = Text::known(&c.text);
            if c.ignore_case { Matcher::ExactIgnoreCase(text) } else { Matcher::Exact(text) }
        };
        texts.map(|c| segment_test(name, exact(c))).collect::<Vec<_>>()
    });
    Formula::Any(tests.collect())
}

/// "A segment of this level begins with what the policy names."
fn prefix_formula(segments: &[(String, Role)], named: &BTreeMap<String, Vec<Candidate>>) -> Formula {
    let tests = segments.iter().filter(|(_, role)| !matches!(role, Role::TenantId | Role::ProjectId)).flat_map(|(name, _)| {
        let texts = named.get(name).into_iter().flatten().filter(|c| !c.text.is_empty());
        let begins = |c: &Candidate| {
            if c.ignore_case { Matcher::Regex(format!("(?i)^{}", regex::escape(&c.text))) } else { Matcher::Prefix(Text::known(&c.text)) }
        };
        texts.map(|c| segment_test(name, begins(c))).collect::<Vec<_>>()
    });
    Formula::Any(tests.collect())
}

/// A test of a segment of the template.
pub(crate) fn segment_test(name: &str, matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test {
        subject: Subject::Segment(name.to_owned()),
        matcher,
        absent: Truth::False,
        span: None,
        trail: None,
        label: format!("segment {name}"),
        origin: crate::admission::formula::TestOrigin::Condition,
    }))
}

//! The worst stranger that a trust lets in.
//!
//! The question "who gets in?" is asked from the outside in: any tenant, tenants whose name extends ours, any namespace,
//! any project, projects whose name extends ours, any ref, pull requests, any environment. Each question is a formula
//! ("admitted, and the owner is none that the policy names"); the first that has a witness is the trust's class.
//! What the policy *names* is read off its own literals, aligned with the issuer's templates.

pub mod fill;
pub mod shape;

use super::formula::{Formula, Matcher, Subject, Test};
use super::search::{self, Candidate, HoleMode, Options, Outcome, Witness};
use super::{Token, Truth};
use crate::issuers::{Context, Role, Template};
use crate::source::Span;
use crate::value::{Atom, Text};
use fill::Filler;
use std::collections::BTreeMap;

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
    /// Pull or merge request runs.
    PullRequest,
    /// Every environment.
    AnyEnvironment,
    /// Environments whose name extends one that it names.
    EnvironmentPrefix,
    /// What the policy names and nothing else.
    Intended,
}

/// What is known of a trust.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// The class.
    pub class: Class,
    /// A token of that class; none for [`Class::Intended`].
    pub witness: Option<Token>,
    /// The segments of the witness by name.
    pub segments: BTreeMap<String, String>,
    /// The class holds for every value of every unknown that was tried.
    pub certain: bool,
    /// What the policy names, per segment.
    pub named: BTreeMap<String, Vec<Candidate>>,
    /// The wildcard that leaves the decisive segment open.
    pub open_at: Option<Span>,
}

/// Whether anybody at all gets in.
#[derive(Debug, Clone)]
pub enum Life {
    /// This token does.
    Alive(Box<Token>),
    /// Proved: none of the issuer's tokens does, whatever the unknowns are.
    Dead,
    /// Not decided.
    Unknown(String),
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
pub fn life(formula: &Formula, templates: &[Template]) -> Life {
    for filler in fill::fillers(formula, templates) {
        let value = |atom: &Atom| filler.value(atom);
        if let Outcome::Witness(w) = search::search(formula, templates, &Options { holes: HoleMode::Fill(&value) }) {
            return Life::Alive(Box::new(w.token));
        }
    }
    match search::search(formula, templates, &Options { holes: HoleMode::Any }) {
        Outcome::Proof => Life::Dead,
        Outcome::Witness(w) => Life::Alive(Box::new(w.token)),
        Outcome::Unknown(why) => Life::Unknown(why),
    }
}

/// The exposure of a trust. With unknowns in it, the mildest class over the ways to fill them in that let anybody in:
/// nothing worse can be claimed.
///
/// # Errors
/// Nothing could be decided; the reason.
pub fn exposure(formula: &Formula, templates: &[Template]) -> Result<Exposure, String> {
    let mut best: Option<Exposure> = None;
    let mut classes = Vec::new();
    let mut why = String::from("no way to fill in the unknowns lets anybody in");
    for filler in fill::fillers(formula, templates) {
        match with_filler(formula, templates, &filler) {
            Ok(Some(found)) => {
                classes.push(found.class);
                if best.as_ref().is_none_or(|b| found.class > b.class) {
                    best = Some(found);
                }
            }
            Ok(None) => {}
            Err(reason) => why = reason,
        }
    }
    classes.dedup();
    best.map(|mut e| {
        e.certain = e.certain && classes.len() == 1;
        e
    })
    .ok_or(why)
}

/// `None`: with these fillings nobody gets in at all.
fn with_filler(formula: &Formula, templates: &[Template], filler: &Filler) -> Result<Option<Exposure>, String> {
    let value = |atom: &Atom| filler.value(atom);
    let options = Options { holes: HoleMode::Fill(&value) };
    match search::search(formula, templates, &options) {
        Outcome::Witness(_) => {}
        Outcome::Proof => return Ok(None),
        Outcome::Unknown(why) => return Err(why),
    }
    let named = named(formula, templates, &options);
    let mut undecided = None;
    for level in LEVELS {
        let chosen: Vec<Template> = templates.iter().filter(|t| level.contexts.is_none_or(|c| c.contains(&t.context))).cloned().collect();
        let segments = segments_of(level, &chosen);
        if chosen.is_empty() || (segments.is_empty() && !level.roles.is_empty()) {
            continue;
        }
        let applies: Vec<Template> =
            chosen.into_iter().filter(|t| level.roles.is_empty() || t.segments.iter().any(|s| level.roles.contains(&s.role))).collect();
        let outside = Formula::All(vec![formula.clone(), Formula::Not(Box::new(named_formula(level, &segments, &named, templates)))]);
        let beyond = Formula::All(vec![outside.clone(), Formula::Not(Box::new(prefix_formula(&segments, &named)))]);
        for (query, class) in [(&beyond, level.any), (&outside, level.prefix)] {
            match search::search(query, &applies, &options) {
                Outcome::Witness(w) => return Ok(Some(found(class, *w, named, &segments))),
                Outcome::Proof => {}
                Outcome::Unknown(why) => undecided = Some(why),
            }
        }
        // A level that could not be decided must not let a deeper one speak for the trust.
        if let Some(why) = undecided {
            return Err(why);
        }
    }
    Ok(Some(Exposure { class: Class::Intended, witness: None, segments: BTreeMap::new(), certain: true, named, open_at: None }))
}

fn found(class: Class, witness: Witness, named: BTreeMap<String, Vec<Candidate>>, segments: &[(String, Role)]) -> Exposure {
    let open_at = segments.iter().filter_map(|(name, _)| named.get(name)).flatten().find_map(|c| c.open_at);
    Exposure {
        class,
        witness: Some(witness.token),
        segments: witness.segments.into_iter().collect(),
        certain: witness.certain,
        named,
        open_at,
    }
}

/// The segments of a level over all templates, by name.
fn segments_of(level: &Level, templates: &[Template]) -> Vec<(String, Role)> {
    let mut out: Vec<(String, Role)> = Vec::new();
    for segment in templates.iter().flat_map(|t| &t.segments) {
        if level.roles.contains(&segment.role) && !out.iter().any(|(n, _)| *n == segment.name) {
            out.push((segment.name.clone(), segment.role));
        }
    }
    out
}

/// What the policy names, over all templates.
fn named(formula: &Formula, templates: &[Template], options: &Options<'_>) -> BTreeMap<String, Vec<Candidate>> {
    let mut out: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for template in templates {
        for (segment, candidates) in search::literals_for_segment(formula, template, options) {
            let known = out.entry(segment).or_default();
            for candidate in candidates {
                if !known.iter().any(|k| k.text == candidate.text && k.complete == candidate.complete && k.open_at == candidate.open_at) {
                    known.push(candidate);
                }
            }
        }
    }
    out
}

/// "A segment of this level is one that the policy names." An id that names a repository names its tenant too.
fn named_formula(level: &Level, segments: &[(String, Role)], named: &BTreeMap<String, Vec<Candidate>>, templates: &[Template]) -> Formula {
    let mut names: Vec<String> = segments.iter().map(|(n, _)| n.clone()).collect();
    if level.any == Class::AnyTenant {
        let ids = templates.iter().flat_map(|t| &t.segments).filter(|s| s.role == Role::ProjectId);
        names.extend(ids.map(|s| s.name.clone()));
    }
    names.sort();
    names.dedup();
    let tests = names.iter().flat_map(|name| {
        let texts = named.get(name).into_iter().flatten().filter(|c| !c.text.is_empty());
        texts.map(|c| segment_test(name, Matcher::Exact(Text::known(&c.text)))).collect::<Vec<_>>()
    });
    Formula::Any(tests.collect())
}

/// "A segment of this level begins with what the policy names."
fn prefix_formula(segments: &[(String, Role)], named: &BTreeMap<String, Vec<Candidate>>) -> Formula {
    let tests = segments.iter().filter(|(_, role)| !matches!(role, Role::TenantId | Role::ProjectId)).flat_map(|(name, _)| {
        let texts = named.get(name).into_iter().flatten().filter(|c| !c.text.is_empty());
        texts.map(|c| segment_test(name, Matcher::Prefix(Text::known(&c.text)))).collect::<Vec<_>>()
    });
    Formula::Any(tests.collect())
}

fn segment_test(name: &str, matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test {
        subject: Subject::Segment(name.to_owned()),
        matcher,
        absent: Truth::False,
        span: None,
        trail: None,
        label: format!("segment {name}"),
    }))
}

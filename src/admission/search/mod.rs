//! The decision procedure: a formula walked together with an issuer's token templates.
//!
//! Every string test is an automaton, a token is a walk over a template's segments, and a search over (segment,
//! automaton states) either meets a state in which the formula holds (the walk is the witness) or exhausts the finite
//! space (a proof). Whatever is beyond the limits or not modelled is a third answer.

mod align;
mod budget;
mod candidates;
mod compile;
pub mod concrete;
pub mod deferred;
mod key;
mod loose;
mod machine;
mod memo;
pub mod names;
mod order;
mod resolve;
pub(in crate::admission) mod shared;
mod space;
#[cfg(test)]
mod tests;
mod track;
mod truths;

pub use align::{Candidate, literals, literals_for_segment};
pub use compile::Compiled;
pub use concrete::evaluate;
pub use names::Names;
pub use resolve::Templates;
pub use shared::Shared;

use budget::Query;

use super::formula::Formula;
use crate::issuers::Template;
use crate::partial::{Unknown, UnknownKind};
use crate::token::{Claim, Token, Truth};
use std::fmt;
use std::sync::Arc;

/// Most states that one search visits in one template.
pub const MAX_SEARCH_STATES: usize = 200_000;
/// Most tests of one formula. The clouds' own quotas (8192 characters of an IAM trust policy, 4096 of a CEL condition) allow
/// fewer.
pub const MAX_TESTS: usize = 4_096;
/// Most nodes of the first walk over readable candidates, before the exhaustive search.
pub const QUICK_CANDIDATE_NODES: usize = 256;
/// Most nodes of the walk that makes a witness readable.
pub const MAX_CANDIDATE_NODES: usize = 4_000;
/// Most segments that a template may have.
pub const MAX_SEGMENTS: usize = 64;

/// What an unknown part of a pattern stands for.
#[derive(Clone, Copy)]
pub enum HoleMode<'a> {
    /// One fixed string.
    Fill(&'a dyn Fn(&Unknown) -> String),
    /// Any string of its kind: a test with a hole is false where no filling matches, else unknown.
    Any,
}

impl fmt::Debug for HoleMode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fill(_) => "Fill",
            Self::Any => "Any",
        })
    }
}

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// What holes stand for.
    pub holes: HoleMode<'a>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { holes: HoleMode::Fill(&placeholder) }
    }
}

/// A token that the formula admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The index of its template.
    pub template: usize,
    /// The token.
    pub token: Token,
    /// The template's segments with their values, in the template's order.
    pub segments: Vec<(String, String)>,
    /// The formula holds however the unknowns turn out.
    pub certain: bool,
    /// What it was made from.
    minted: Minted,
}

/// What a witness is made from beside the values of its segments.
#[derive(Debug, Clone)]
struct Minted {
    prepared: Arc<resolve::Prepared>,
    /// The members of objects that the formula tests.
    members: Vec<(String, Vec<String>)>,
}

impl PartialEq for Minted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.prepared, &other.prepared) && self.members == other.members
    }
}

impl Eq for Minted {}

impl Witness {
    /// The value of a segment.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<&str> {
        self.segments.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The witness with its names in place of their stand-ins, for which `formula` holds; none where it is no token of the
    /// template, or not admitted.
    #[must_use]
    pub fn with_names(&self, names: &Names, formula: &Formula) -> Option<Self> {
        let mut segments = Vec::with_capacity(self.segments.len());
        for (index, (name, value)) in self.segments.iter().enumerate() {
            let named = names.back(value)?;
            if named != *value && !self.minted.prepared.alphabet(index).ok()?.contains(&named) {
                return None;
            }
            segments.push((name.clone(), named));
        }
        let values: Vec<String> = segments.iter().map(|(_, value)| value.clone()).collect();
        let token = self.minted.prepared.token(&values, &self.minted.members);
        let holds = concrete::evaluate_in(formula, &token, &segments, &Options::default().holes) == Truth::True;
        holds.then(|| Self { token, segments, ..self.clone() })
    }

    /// About how many bytes it takes.
    pub(in crate::admission) fn weight(&self) -> usize {
        let claims =
            self.token.claims.iter().map(|(name, claim)| 128 + name.len() + if let Claim::String(t) = claim { t.len() } else { 64 });
        let segments = self.segments.iter().map(|(name, value)| 64 + name.len() + value.len());
        256 + claims.sum::<usize>() + segments.sum::<usize>()
    }
}

/// The answer of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This token gets in.
    Witness(Box<Witness>),
    /// No token of any template gets in, however the unknowns turn out.
    Proof,
    /// Neither could be shown; why.
    Unknown(String),
}

impl Outcome {
    /// The witness, when there is one.
    #[must_use]
    pub fn witness(&self) -> Option<&Witness> {
        if let Self::Witness(w) = self { Some(w) } else { None }
    }

    /// True when it is proven that nobody gets in.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        matches!(self, Self::Proof)
    }

    /// About how many bytes it takes.
    fn weight(&self) -> usize {
        self.witness().map_or(64, Witness::weight)
    }
}

/// An answer, and whether it is the same for every question that differs in names alone ([`names`]): a proof, or the first of
/// the readable strings that answers it, far from every limit.
#[derive(Debug, Clone)]
struct Decided {
    outcome: Outcome,
    plain: bool,
}

/// Answers that took more moves are their question's alone: another one may be beyond a limit.
const MAX_PLAIN_MOVES: usize = budget::MAX_QUERY_MOVES / 16;

/// A readable string of the atom's kind, the same for the same atom: what a hole stands for in witnesses.
#[must_use]
pub fn placeholder(atom: &Unknown) -> String {
    match atom.kind() {
        UnknownKind::AccountId => "111122223333".to_owned(),
        UnknownKind::ProjectNumber | UnknownKind::Number => "123456789012".to_owned(),
        UnknownKind::Partition => "aws".to_owned(),
        UnknownKind::Region => "eu-west-1".to_owned(),
        UnknownKind::IssuerHostPath => "issuer.example.com".to_owned(),
        UnknownKind::Arn => "arn:aws:iam::111122223333:role/unknown".to_owned(),
        UnknownKind::Guid => "11111111-2222-3333-4444-555555555555".to_owned(),
        UnknownKind::ServiceAccountEmail => "unknown@unknown-project.iam.gserviceaccount.com".to_owned(),
        UnknownKind::Any | UnknownKind::ProjectId | UnknownKind::Word => {
            let last = atom.bare().rsplit(['.', '/']).next().unwrap_or_default();
            let word: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
            let word = word.trim_matches('-');
            if word.is_empty() { "unknown".to_owned() } else { word.to_owned() }
        }
    }
}

const TOO_LARGE: &str = "the condition has more tests than are followed";

/// Searches for a token of `templates` for which `formula` is true; see [`Compiled::search`] for repeated queries.
#[must_use]
pub fn search(formula: &Formula, templates: &[Template], options: &Options<'_>) -> Outcome {
    Compiled::new(formula, options).search(&Templates::new(templates), options)
}

impl Compiled {
    /// Searches the templates in order, readable candidates in all of them first, then exhaustively. What was asked before
    /// of templates that share their answers is not worked out again.
    #[must_use]
    pub fn search(&self, templates: &Templates, options: &Options<'_>) -> Outcome {
        if templates.budget.is_spent() {
            templates.budget.mark();
            return Outcome::Unknown(budget::SPENT.to_owned());
        }
        let mut key = key::Key::default();
        key.node(&self.root);
        for deferred in self.sources().flat_map(deferred::all) {
            key.deferred(deferred);
        }
        templates.all().iter().for_each(|t| {
            key.address(Arc::as_ptr(t));
        });
        let key = key.done();
        let known = templates.shared.answer(&key);
        let (decided, cost) = known.unwrap_or_else(|| {
            let query = Query::new(&templates.memo, &templates.shared);
            let mut decided = self.decided(templates, options, &query);
            decided.plain &= query.cost() <= MAX_PLAIN_MOVES;
            templates.shared.keep_answer(key, &decided, query.cost(), templates.all());
            (decided, query.cost())
        });
        templates.budget.spend(cost);
        if !decided.plain {
            templates.budget.mark();
        }
        decided.outcome
    }

    fn decided(&self, templates: &Templates, options: &Options<'_>, query: &Query<'_>) -> Decided {
        let mut reason: Option<String> = None;
        let mut pending = Vec::new();
        let mut strained = 0;
        let mut readable = candidates::Readable::default();
        for (index, prepared) in templates.all().iter().enumerate() {
            let machine = match machine::Machine::new(self, prepared, query) {
                Ok(machine) if machine.refuted() => continue,
                Ok(machine) => machine,
                Err(why) => {
                    reason = reason.or(Some(why));
                    continue;
                }
            };
            let quick = machine.walk_candidates(None, false, &mut readable);
            strained += usize::from(quick.strained);
            let Some(values) = quick.found else {
                pending.push((index, prepared, machine, quick.strained));
                continue;
            };
            match self.checked(index, prepared, values, options, query) {
                None => return Decided { outcome: self.exactly(templates, options, query), plain: false },
                Some(Outcome::Unknown(why)) if self.deferred => reason = reason.or(Some(why)),
                Some(outcome) => {
                    let plain = outcome.witness().is_some() && reason.is_none() && strained == 0;
                    return Decided { outcome, plain };
                }
            }
        }
        for (index, prepared, machine, own) in pending {
            match machine.exhaust() {
                machine::Found::Walk(values) => {
                    let wide = machine.walk_candidates(None, true, &mut readable);
                    // Whether another template's strings would have been found first is not a question of names either.
                    let same = wide.found.is_some() && !wide.strained && strained == usize::from(own) && reason.is_none();
                    let found = wide.found.or_else(|| machine.walk_candidates(Some(&values), true, &mut readable).found);
                    let found = found.unwrap_or_else(|| machine.polish(values, &mut readable));
                    match self.checked(index, prepared, found, options, query) {
                        None => return Decided { outcome: self.exactly(templates, options, query), plain: false },
                        Some(Outcome::Unknown(why)) if self.deferred => reason = reason.or(Some(why)),
                        Some(outcome) => {
                            let plain = same && outcome.witness().is_some();
                            return Decided { outcome, plain };
                        }
                    }
                }
                machine::Found::Nothing => {}
                machine::Found::Perhaps(why) => reason = reason.or(Some(why)),
            }
        }
        match reason {
            None => Decided { outcome: Outcome::Proof, plain: true },
            Some(why) => Decided { outcome: Outcome::Unknown(why), plain: false },
        }
    }

    /// The witness, after the concrete evaluator agreed; none where it did not, and the tests themselves can be searched.
    fn checked(
        &self,
        index: usize,
        prepared: &Arc<resolve::Prepared>,
        values: Vec<Option<String>>,
        options: &Options<'_>,
        query: &Query<'_>,
    ) -> Option<Outcome> {
        let Some(values) = prepared.complete(values) else {
            return Some(Outcome::Unknown(format!("a segment of the template `{}` has no value", prepared.template.name)));
        };
        let token = prepared.token(&values, &self.members());
        let segments: Vec<(String, String)> = prepared.template.segments.iter().map(|s| s.name.clone()).zip(values).collect();
        Some(match self.concrete(&token, &segments, &options.holes) {
            Truth::True => self.witness(index, prepared, token, segments),
            _ if self.deferred && deferred::exactly(self).is_some() => return None,
            _ if self.deferred => self.met(index, prepared, &token, &segments, options, query),
            Truth::Unknown => Outcome::Unknown("a token was found, but the second evaluator cannot decide it".to_owned()),
            other => {
                debug_assert!(false, "the two evaluators disagree ({other:?}) on {token:?}");
                Outcome::Unknown("the two evaluators disagree on a token; please report this".to_owned())
            }
        })
    }

    /// The answer by the tests that the automata did not follow.
    fn exactly(&self, templates: &Templates, options: &Options<'_>, query: &Query<'_>) -> Outcome {
        match deferred::exactly(self) {
            Some(question) => Self::new(&question, options).decided(templates, options, query).outcome,
            None => Outcome::Unknown("a token was found, but the second evaluator cannot decide it".to_owned()),
        }
    }

    fn witness(&self, template: usize, prepared: &Arc<resolve::Prepared>, token: Token, segments: Vec<(String, String)>) -> Outcome {
        let minted = Minted { prepared: Arc::clone(prepared), members: self.members() };
        Outcome::Witness(Box::new(Witness { template, token, segments, certain: true, minted }))
    }

    /// A token of the same template whose claims meet the tests against each other, near one that the search went by.
    fn met(
        &self,
        index: usize,
        prepared: &Arc<resolve::Prepared>,
        token: &Token,
        segments: &[(String, String)],
        options: &Options<'_>,
        query: &Query<'_>,
    ) -> Outcome {
        for question in deferred::met(self, token, segments) {
            let question = Self::new(&question, options);
            let Ok(machine) = machine::Machine::new(&question, prepared, query) else { continue };
            let mut readable = candidates::Readable::default();
            let found = machine.walk_candidates(None, false, &mut readable).found.or_else(|| match machine.exhaust() {
                machine::Found::Walk(values) => Some(machine.polish(values, &mut readable)),
                machine::Found::Nothing | machine::Found::Perhaps(_) => None,
            });
            let Some(values) = found.and_then(|values| prepared.complete(values)) else { continue };
            let token = prepared.token(&values, &self.members());
            let segments: Vec<(String, String)> = prepared.template.segments.iter().map(|s| s.name.clone()).zip(values).collect();
            if self.concrete(&token, &segments, &options.holes) == Truth::True {
                return self.witness(index, prepared, token, segments);
            }
        }
        Outcome::Unknown("it depends on whether two claims of one token can say the same".to_owned())
    }
}

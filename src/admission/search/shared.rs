//! What any number of trusts share: the automata of tests and the answers to whole questions.
//!
//! Everything here follows from its key alone, so that remembering changes the time of an answer and never the answer.

use super::compile::Leaf;
use super::key::Key;
use super::resolve::Prepared;
use super::{Decided, Names, Templates};
use crate::admission::exposure::asked::Answers;
use crate::admission::exposure::{Judged, Reached};
use crate::admission::formula::Formula;
use crate::issuers::Template;
use crate::language::{Dfa, FastBuild, MAX_MOVES, MAX_UNION_MOVES, TooLarge};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most bytes of keys that one table keeps; a full table starts anew.
pub(in crate::admission) const MAX_KEPT: usize = 32 << 20;
/// Longer keys are not kept: what they stand for is seen once.
const MAX_KEY: usize = 1 << 18;
/// Most cells of the automata that are kept.
const MAX_CELLS_KEPT: usize = 1 << 24;

/// The automaton of a test, or why there is none, and what it took to find out.
pub(super) type Built = (Result<Arc<Dfa>, TooLarge>, usize);

/// A table with what its entries weigh together.
#[derive(Debug)]
pub(in crate::admission) struct Table<V> {
    entries: HashMap<Vec<u8>, V, FastBuild>,
    weight: usize,
    most: usize,
}

impl<V: Clone> Table<V> {
    pub(in crate::admission) fn of(most: usize) -> Mutex<Self> {
        Mutex::new(Self { entries: HashMap::default(), weight: 0, most })
    }

    pub(in crate::admission) fn get(table: &Mutex<Self>, key: &[u8]) -> Option<V> {
        lock(table).entries.get(key).cloned()
    }

    pub(in crate::admission) fn keep(table: &Mutex<Self>, key: Vec<u8>, weight: usize, value: &V) {
        keep(table, key, weight, value);
    }
}

/// Templates that are kept, so that their addresses stay their own.
#[derive(Debug, Clone)]
pub(in crate::admission) struct Held(#[expect(dead_code, reason = "kept, never read")] Arc<Vec<Arc<Prepared>>>);

impl Templates {
    /// The templates, to be kept beside what is known of them.
    pub(in crate::admission) fn held(&self) -> Held {
        Held(Arc::clone(self.all()))
    }

    /// A question about them with stand-ins for its names, as bytes; whoever keeps these keeps the templates ([`Self::held`]).
    pub(in crate::admission) fn question(&self, formula: &Formula, names: &Names) -> Vec<u8> {
        Key::default().address(Arc::as_ptr(self.all())).formula(formula, names).done()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep<V: Clone>(table: &Mutex<Table<V>>, key: Vec<u8>, weight: usize, value: &V) {
    if key.len() > MAX_KEY {
        return;
    }
    let mut table = lock(table);
    let weight = weight.saturating_add(key.len());
    if table.weight.saturating_add(weight) > table.most {
        table.entries.clear();
        table.weight = 0;
    }
    table.weight = table.weight.saturating_add(weight);
    table.entries.insert(key, value.clone());
}

/// An answer, what it has cost, and the templates of which it is, kept so that their addresses stay their own.
type Answer = (Decided, usize, Arc<Vec<Arc<Prepared>>>);

/// What is shared.
#[derive(Debug)]
pub struct Shared {
    automata: Mutex<Table<Built>>,
    answers: Mutex<Table<Answer>>,
    templates: Mutex<Table<Templates>>,
    /// Whether anybody gets in.
    pub(in crate::admission) reached: Answers<Reached>,
    /// Who does.
    pub(in crate::admission) judged: Answers<Result<Judged, String>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            automata: Table::of(MAX_CELLS_KEPT),
            answers: Table::of(MAX_KEPT),
            templates: Table::of(MAX_KEPT),
            reached: Answers::default(),
            judged: Answers::default(),
        }
    }
}

impl Shared {
    /// These templates made ready, with a budget of their own; equal templates are made ready once.
    #[must_use]
    pub fn templates(self: &Arc<Self>, templates: &[Template]) -> Templates {
        let mut key = Key::default();
        templates.iter().for_each(|t| {
            key.template(t);
        });
        let key = key.done();
        if let Some(known) = lock(&self.templates).entries.get(&key) {
            return known.fresh(self);
        }
        let made = Templates::new(templates);
        keep(&self.templates, key, 0, &made);
        made.fresh(self)
    }

    pub(super) fn automaton(&self, leaf: &Leaf) -> Built {
        let mut key = Key::default();
        key.language(leaf);
        let key = key.done();
        if let Some(built) = lock(&self.automata).entries.get(&key) {
            return built.clone();
        }
        let dfa = leaf.build();
        let most = if leaf.parts.is_empty() { MAX_MOVES } else { MAX_UNION_MOVES };
        let cost = dfa.as_ref().map_or(most, |dfa| dfa.cost());
        let built = (dfa, cost);
        keep(&self.automata, key, built.0.as_ref().map_or(0, |dfa| dfa.cells()), &built);
        built
    }

    pub(super) fn answer(&self, key: &[u8]) -> Option<(Decided, usize)> {
        lock(&self.answers).entries.get(key).map(|(decided, cost, _)| (decided.clone(), *cost))
    }

    pub(super) fn keep_answer(&self, key: Vec<u8>, decided: &Decided, cost: usize, templates: &Arc<Vec<Arc<Prepared>>>) {
        keep(&self.answers, key, decided.outcome.weight(), &(decided.clone(), cost, Arc::clone(templates)));
    }
}

//! Questions that were asked before: a run asks the same of thousands of trusts that differ in names alone.
//!
//! A question is asked with stand-ins for its names ([`search::names`]), and what is found out is kept. Where the answer looks
//! into the names, or comes near a limit, the question is asked as it is; so nothing depends on what was asked before.

use crate::admission::formula::Formula;
use crate::admission::search::shared::{Held, Table};
use crate::admission::search::{Names, Templates};
use std::sync::Mutex;

/// What was found out of a question.
#[derive(Debug, Clone)]
enum Kept<A> {
    /// The same for all names.
    Answer(A),
    /// It is to be asked with its own names.
    Alone,
}

/// Answers of one kind, with the templates that they are about.
#[derive(Debug)]
pub(in crate::admission) struct Answers<A>(Mutex<Table<(Kept<A>, Held)>>);

impl<A: Clone> Default for Answers<A> {
    fn default() -> Self {
        Self(Table::of(crate::admission::search::shared::MAX_KEPT))
    }
}

/// How one kind of question is answered.
pub(super) struct Asked<'a, A, R> {
    /// Works the answer out.
    pub(super) decide: &'a dyn Fn(&Formula, &Templates) -> A,
    /// The answer with the names of the question in it; none where it is not the question's own. Always some without names.
    pub(super) finish: &'a dyn Fn(&A, &Names) -> Option<R>,
    /// About how many bytes an answer takes.
    pub(super) weight: &'a dyn Fn(&A) -> usize,
}

impl<A: Clone> Answers<A> {
    /// Answers a question; `None` only where `finish` gives none without names.
    pub(super) fn ask<R>(&self, formula: &Formula, templates: &Templates, asked: &Asked<'_, A, R>) -> Option<R> {
        let names = Names::of(formula, templates);
        if !names.is_empty()
            && let Kept::Answer(answer) = self.known(formula, templates, &names, asked)
            && let Some(found) = (asked.finish)(&answer, &names)
        {
            return Some(found);
        }
        let none = Names::default();
        match self.known(formula, templates, &none, asked) {
            Kept::Answer(answer) => (asked.finish)(&answer, &none),
            Kept::Alone => None,
        }
    }

    fn known<R>(&self, formula: &Formula, templates: &Templates, names: &Names, asked: &Asked<'_, A, R>) -> Kept<A> {
        let key = templates.question(formula, names);
        if let Some((known, _)) = Table::get(&self.0, &key) {
            return known;
        }
        let fresh = templates.again();
        let answer = if names.is_empty() { (asked.decide)(formula, &fresh) } else { (asked.decide)(&names.question(formula), &fresh) };
        let kept = if names.is_empty() || fresh.is_plain() { Kept::Answer(answer) } else { Kept::Alone };
        let weight = if let Kept::Answer(answer) = &kept { (asked.weight)(answer) } else { 0 };
        Table::keep(&self.0, key, weight, &(kept.clone(), templates.held()));
        kept
    }
}

//! What decisions may cost: one query, and all the queries of one trust together.
//!
//! The unit is one automaton moved by one character. What is remembered from earlier queries costs as much as when it was
//! worked out, so that an answer never depends on what was asked before, or on another thread.

use super::compile::Leaf;
use super::memo::Memo;
use super::shared::Shared;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Most moves of one query over all its templates, automata built for it included.
pub(super) const MAX_QUERY_MOVES: usize = 12_000_000;
/// Most moves of all the queries that decide one trust; past it every further query is unknown.
pub(super) const MAX_TRUST_MOVES: usize = 36_000_000;

/// Why nothing more is asked of a trust.
pub(super) const SPENT: &str = "the condition takes more steps than one trust is given";
/// Why a search ended early.
pub(super) const LIMIT: &str = "the search exceeded its limit";

/// What the queries of one trust may still cost together.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    left: AtomicUsize,
    /// An answer was given that looks into names, or that is near a limit.
    delicate: AtomicBool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(MAX_TRUST_MOVES)
    }
}

impl Budget {
    /// A budget of so many moves.
    #[must_use]
    pub(super) fn of(moves: usize) -> Self {
        Self(Arc::new(Account { left: AtomicUsize::new(moves), delicate: AtomicBool::new(false) }))
    }

    /// The moves that are left.
    #[must_use]
    pub(super) fn left(&self) -> usize {
        self.0.left.load(Ordering::Relaxed)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left() == 0
    }

    pub(super) fn spend(&self, moves: usize) {
        self.0.left.store(self.left().saturating_sub(moves), Ordering::Relaxed);
    }

    /// Notes that an answer is one of this question alone.
    pub(super) fn mark(&self) {
        self.0.delicate.store(true, Ordering::Relaxed);
    }

    /// No answer was marked, and most of the budget is left.
    pub(super) fn is_plain(&self) -> bool {
        !self.0.delicate.load(Ordering::Relaxed) && self.left() > MAX_TRUST_MOVES / 2
    }
}

/// One query under way.
pub(super) struct Query<'a> {
    pub(super) memo: &'a Memo,
    pub(super) shared: &'a Shared,
    left: Cell<usize>,
    /// The tests whose automata were paid for.
    paid: RefCell<HashSet<*const Leaf>>,
}

impl<'a> Query<'a> {
    pub(super) fn new(memo: &'a Memo, shared: &'a Shared) -> Self {
        Self { memo, shared, left: Cell::new(MAX_QUERY_MOVES), paid: RefCell::default() }
    }

    /// Takes moves off; false when there are none left.
    pub(super) fn pay(&self, moves: usize) -> bool {
        self.left.set(self.left.get().saturating_sub(moves));
        self.left.get() > 0
    }

    /// Takes off what the automaton of a test costs, once for a query.
    pub(super) fn pay_once(&self, leaf: &Arc<Leaf>, moves: usize) {
        if self.paid.borrow_mut().insert(Arc::as_ptr(leaf)) {
            self.pay(moves);
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// What the query has cost.
    pub(super) fn cost(&self) -> usize {
        MAX_QUERY_MOVES - self.left.get()
    }
}

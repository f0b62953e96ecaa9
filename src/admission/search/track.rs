//! One test in one template: its automaton and where its state is kept.

use super::budget::Query;
use super::resolve::{Piece, Prepared};
use super::truths::{FALSE, Mask, bit};
use crate::language::{Dfa, FastBuild, Out};
use crate::token::Truth;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Most cells of the transition functions that one test keeps.
const MAX_FUNCTION_CELLS: usize = 1 << 20;

/// Most moves to learn what one test can be in one template.
const MAX_NARROWING: usize = 1_000_000;

/// Most states in which a test may enter a segment before it is no longer looked at by itself.
const MAX_ENTRIES: usize = 2_000;

/// One test in this template.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) dfa: Arc<Dfa>,
    accept: Truth,
    absent: Truth,
    pub(super) pieces: Vec<Piece>,
    /// The segments are read in the order in which they stand in the subject, each once: one state suffices.
    pub(super) ordered: bool,
    /// The stage in which its last segment is read.
    last: usize,
    /// For a test in order the place of its state; else for each segment that it uses the place of its function.
    pub(super) slots: Vec<(usize, usize)>,
    functions: RefCell<Functions>,
    /// The truths that the test can have in this template.
    pub(super) can: Mask,
}

impl Track {
    pub(super) fn new(dfa: Arc<Dfa>, accept: Truth, absent: Truth, pieces: Vec<Piece>) -> Self {
        let can = bit(accept) | FALSE | if dfa.can_be_absent() { bit(absent) } else { 0 };
        Self { dfa, accept, absent, pieces, ordered: true, last: 0, slots: Vec::new(), functions: RefCell::default(), can }
    }

    /// The segments in the order of the subject.
    pub(super) fn segments(&self) -> Vec<usize> {
        self.pieces.iter().filter_map(|p| if let Piece::Segment(s) = p { Some(*s) } else { None }).collect()
    }

    /// Takes slots from `first` on, for segments that are read in this order; the first slot behind its own.
    pub(super) fn arrange(&mut self, order: &[usize], first: usize) -> usize {
        let places: Vec<usize> = self.segments().iter().filter_map(|s| order.iter().position(|o| o == s)).collect();
        self.ordered = places.is_sorted_by(|a, b| a < b);
        self.last = places.iter().copied().max().unwrap_or(0);
        let mut own = self.segments();
        own.sort_unstable();
        own.dedup();
        let slots = if self.ordered { 1 } else { own.len() };
        self.slots = own.into_iter().enumerate().map(|(n, s)| (s, if self.ordered { first } else { first + n })).collect();
        if !self.ordered {
            self.functions = RefCell::new(Functions::new(&self.dfa));
        }
        first + slots
    }

    /// Learns which truths the test can have in this template, each segment taken for itself.
    pub(super) fn narrow(&mut self, prepared: &Prepared, query: &Query<'_>) {
        let outs = query.memo.outputs(&self.dfa, prepared, &self.pieces, || outputs(&self.dfa, &self.pieces, prepared, query));
        let Some(outs) = outs.0.filter(|_| query.pay(outs.1)) else { return };
        let all = [Out::No, Out::Yes, Out::Absent];
        let can = all.iter().filter(|out| outs.contains(out)).fold(0, |m, out| m | bit(self.truth(*out)));
        // No state at all: the template has no tokens, which is for the search to say.
        if can != 0 {
            self.can &= can;
        }
    }

    pub(super) fn truth(&self, out: Out) -> Truth {
        match out {
            Out::Yes => self.accept,
            Out::No => Truth::False,
            Out::Absent => self.absent,
        }
    }

    /// The truths that the test can still have while the search is in this stage; none: past the last.
    pub(super) fn outlook(&self, state: &[u32], now: Option<usize>) -> Mask {
        // Past its last segment a test is decided.
        let decided = now.is_none_or(|now| self.slots.is_empty() || self.last < now);
        let out = match (self.ordered, decided) {
            (true, _) => {
                let q = self.slots.first().and_then(|(_, slot)| state.get(*slot)).copied().unwrap_or(0);
                if decided { Some(self.dfa.out(q)) } else { self.dfa.fixed(q) }
            }
            (false, true) => Some(self.composed(state)),
            (false, false) => None,
        };
        out.map_or(self.can, |out| bit(self.truth(out)))
    }

    /// Reads a character of a segment: the new number in the slot; none past a limit.
    pub(super) fn step(&self, slot: u32, class: u16) -> Option<u32> {
        if self.ordered {
            return Some(self.dfa.next_class(slot, usize::from(class)));
        }
        self.functions.borrow_mut().step(&self.dfa, slot, class)
    }

    /// The output over all pieces, from the functions of the segments.
    fn composed(&self, state: &[u32]) -> Out {
        let functions = self.functions.borrow();
        let end = self.pieces.iter().fold(self.dfa.start(), |q, piece| match piece {
            Piece::Literal(text) => self.dfa.run(q, text),
            Piece::Segment(s) => {
                let function = self.slot(*s).and_then(|slot| state.get(slot)).and_then(|f| functions.all.get(*f as usize));
                function.and_then(|f| f.get(q as usize)).copied().unwrap_or(q)
            }
        });
        self.dfa.out(end)
    }

    pub(super) fn slot(&self, segment: usize) -> Option<usize> {
        self.slots.iter().find(|(s, _)| *s == segment).map(|(_, slot)| *slot)
    }
}

/// The outputs that an automaton can have in a template, each segment taken for itself, none past a limit; and the moves
/// that it took to find them.
pub(super) fn outputs(dfa: &Arc<Dfa>, pieces: &[Piece], prepared: &Prepared, query: &Query<'_>) -> (Option<Arc<[Out]>>, usize) {
    let mut states = vec![dfa.start()];
    let mut cost = 0;
    for piece in pieces {
        match piece {
            Piece::Literal(text) => states.iter_mut().for_each(|q| *q = dfa.run(*q, text)),
            Piece::Segment(i) => {
                let Ok(alphabet) = prepared.alphabet(*i) else { return (None, cost) };
                let mut met = vec![false; dfa.len()];
                let mut after = Vec::new();
                for q in &states {
                    let (exits, moves) = query.memo.exits(&alphabet.0, dfa, *q);
                    cost += moves;
                    let Some(exits) = exits else { return (None, cost) };
                    cost += exits.len();
                    for exit in exits.iter() {
                        if let Some(cell) = met.get_mut(*exit as usize).filter(|m| !**m) {
                            *cell = true;
                            after.push(*exit);
                        }
                    }
                    if cost > MAX_NARROWING {
                        return (None, cost);
                    }
                }
                states = after;
            }
        }
        states.sort_unstable();
        states.dedup();
        if states.len() > MAX_ENTRIES {
            return (None, cost);
        }
    }
    let mut outs: Vec<Out> = Vec::new();
    for out in states.iter().map(|q| dfa.out(*q)) {
        if !outs.contains(&out) {
            outs.push(out);
        }
    }
    (Some(outs.into()), cost)
}

/// What segments do to the states of an automaton, as numbered functions; number 0 is the identity.
#[derive(Debug, Default)]
struct Functions {
    all: Vec<Vec<u32>>,
    ids: HashMap<Vec<u32>, u32, FastBuild>,
    steps: HashMap<(u32, u16), u32, FastBuild>,
}

impl Functions {
    fn new(dfa: &Dfa) -> Self {
        let identity: Vec<u32> = (0..u32::try_from(dfa.len()).unwrap_or(0)).collect();
        Self { ids: HashMap::from_iter([(identity.clone(), 0)]), all: vec![identity], steps: HashMap::default() }
    }

    fn step(&mut self, dfa: &Dfa, function: u32, class: u16) -> Option<u32> {
        if let Some(to) = self.steps.get(&(function, class)) {
            return Some(*to);
        }
        let next: Vec<u32> = self.all.get(function as usize)?.iter().map(|q| dfa.next_class(*q, usize::from(class))).collect();
        let fresh = u32::try_from(self.all.len()).ok()?;
        let all = &mut self.all;
        let id = *self.ids.entry(next).or_insert_with_key(|f| {
            all.push(f.clone());
            fresh
        });
        self.steps.insert((function, class), id);
        (self.all.len() * dfa.len() <= MAX_FUNCTION_CELLS).then_some(id)
    }
}

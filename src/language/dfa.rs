//! The deterministic automaton: a dense table over character classes, with three outputs.

use super::classes::{Classes, readable_rank};
use super::{FastBuild, MAX_CELLS, MAX_STATES, TooLarge};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// What an automaton says of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Out {
    /// It is not in the language.
    No,
    /// It is.
    Yes,
    /// The derived string that is tested does not exist (`split` with too few pieces).
    Absent,
}

/// A complete deterministic automaton. States from which the output can no longer change are merged.
#[derive(Debug, Clone)]
pub(crate) struct Dfa {
    pub(crate) classes: Classes,
    table: Vec<u32>,
    out: Vec<Out>,
    fixed: Vec<Option<Out>>,
    start: u32,
    absent: bool,
    /// The classes that lead from a live state to a live one.
    used: Vec<bool>,
    /// For each state the classes that do not lead where most do, one state after the other, and where each begins.
    exceptions: (Vec<u32>, Vec<u16>),
    /// What it took to build, in nodes that were moved.
    cost: usize,
}

impl Dfa {
    /// Builds the automaton of a machine that is given by its start, its step and its output.
    pub(super) fn explore<S: Clone + Eq + Hash>(
        classes: Classes,
        start: S,
        mut step: impl FnMut(&S, usize, char) -> S,
        out: impl Fn(&S) -> Out,
    ) -> Result<Self, TooLarge> {
        let width = classes.len();
        let mut ids: HashMap<S, u32, FastBuild> = HashMap::from_iter([(start.clone(), 0)]);
        let mut states = vec![start];
        let mut table: Vec<u32> = Vec::new();
        let mut at = 0;
        while let Some(state) = states.get(at).cloned() {
            for (class, c) in classes.representatives().iter().enumerate() {
                let next = step(&state, class, *c);
                let fresh = u32::try_from(states.len()).map_err(|_| TooLarge::Limit)?;
                let id = *ids.entry(next).or_insert_with_key(|key| {
                    states.push(key.clone());
                    fresh
                });
                table.push(id);
            }
            if states.len() > MAX_STATES || states.len().saturating_mul(width) > MAX_CELLS {
                return Err(TooLarge::Limit);
            }
            at += 1;
        }
        let outs: Vec<Out> = states.iter().map(out).collect();
        Ok(Self::merged(classes, &table, &outs))
    }

    /// Merges the states from which only one output can be reached.
    pub(super) fn merged(classes: Classes, table: &[u32], out: &[Out]) -> Self {
        let width = classes.len().max(1);
        let fixed = fixed_outputs(table, out, width);
        let mut rename: Vec<u32> = Vec::with_capacity(out.len());
        let (mut new_out, mut new_fixed, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        let mut sinks: HashMap<Out, u32> = HashMap::new();
        for (state, (o, f)) in out.iter().zip(&fixed).enumerate() {
            let fresh = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            let id = f.map_or(fresh, |f| *sinks.entry(f).or_insert(fresh));
            rename.push(id);
            if id == fresh {
                kept.push(state);
                new_out.push(*o);
                new_fixed.push(*f);
            }
        }
        let row = |state: usize| table.get(state * width..(state + 1) * width).unwrap_or(&[]);
        let named = |to: &u32| rename.get(*to as usize).copied().unwrap_or(0);
        let new_table = kept.iter().flat_map(|state| row(*state).iter().map(named)).collect();
        let start = rename.first().copied().unwrap_or(0);
        let absent = new_out.contains(&Out::Absent);
        let mut dfa = Self {
            classes,
            table: new_table,
            out: new_out,
            fixed: new_fixed,
            start,
            absent,
            used: Vec::new(),
            exceptions: (Vec::new(), Vec::new()),
            cost: table.len(),
        };
        dfa.used = vec![false; dfa.classes.len()];
        for (state, row) in dfa.table.chunks(width).enumerate() {
            let live = |to: u32| dfa.fixed.get(to as usize).copied().flatten().is_none_or(|out| out == Out::Yes);
            if live(u32::try_from(state).unwrap_or(u32::MAX)) {
                dfa.used.iter_mut().zip(row).for_each(|(used, to)| *used |= live(*to));
            }
        }
        dfa.exceptions = exceptions(&dfa.table, width);
        dfa
    }

    /// Adds to [`Dfa::cost`].
    pub(super) fn with_cost(mut self, moves: usize) -> Self {
        self.cost = self.cost.saturating_add(moves);
        self
    }

    /// What it took to build: the cells of its table and the nodes that were moved.
    pub(crate) fn cost(&self) -> usize {
        self.cost
    }

    /// The classes that may lead elsewhere than all the other classes do from this state.
    pub(crate) fn exceptions(&self, state: u32) -> &[u16] {
        let (starts, all) = &self.exceptions;
        let place = |i: usize| starts.get(i).map_or(all.len(), |at| *at as usize);
        all.get(place(state as usize)..place(state as usize + 1)).unwrap_or(&[])
    }

    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// What it takes of memory: transitions.
    pub(crate) fn cells(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn next_class(&self, state: u32, class: usize) -> u32 {
        self.table.get(state as usize * self.classes.len() + class).copied().unwrap_or(state)
    }

    pub(crate) fn next(&self, state: u32, c: char) -> u32 {
        self.next_class(state, self.classes.of(c))
    }

    pub(crate) fn run(&self, state: u32, text: &str) -> u32 {
        text.chars().fold(state, |state, c| self.next(state, c))
    }

    pub(crate) fn out(&self, state: u32) -> Out {
        self.out.get(state as usize).copied().unwrap_or(Out::No)
    }

    /// The one output that every continuation gives, when there is only one.
    pub(crate) fn fixed(&self, state: u32) -> Option<Out> {
        self.fixed.get(state as usize).copied().flatten()
    }

    /// True when some string gives [`Out::Absent`].
    pub(crate) fn can_be_absent(&self) -> bool {
        self.absent
    }

    /// True when the language can still be reached.
    pub(crate) fn is_live(&self, state: u32) -> bool {
        self.fixed(state).is_none_or(|out| out == Out::Yes)
    }

    /// True when some string of the language has this character.
    pub(crate) fn uses(&self, c: char) -> bool {
        self.used.get(self.classes.of(c)).copied().unwrap_or(false)
    }

    /// A shortest string that leads from `state` into the language.
    pub(crate) fn shortest_from(&self, state: u32) -> Option<String> {
        let order = readable_order(&self.classes);
        let mut from: Steps<u32> = HashMap::from([(state, None)]);
        let mut queue = VecDeque::from([state]);
        while let Some(at) = queue.pop_front() {
            if self.out(at) == Out::Yes {
                return Some(path(&from, at));
            }
            for (class, c) in &order {
                let to = self.next_class(at, *class);
                if self.is_live(to) && !from.contains_key(&to) {
                    from.insert(to, Some((at, *c)));
                    queue.push_back(to);
                }
            }
        }
        None
    }
}

/// For each state met the state before and the character between; none at the start.
pub(super) type Steps<S> = HashMap<S, Option<(S, char)>>;

/// The classes with their representatives, the most readable first.
pub(super) fn readable_order(classes: &Classes) -> Vec<(usize, char)> {
    let mut order: Vec<(usize, char)> = classes.representatives().iter().copied().enumerate().collect();
    order.sort_by_key(|(_, c)| readable_rank(*c));
    order
}

pub(super) fn path<S: Eq + Hash + Copy>(from: &Steps<S>, end: S) -> String {
    let steps = std::iter::successors(from.get(&end).copied().flatten(), |(state, _)| from.get(state).copied().flatten());
    let mut chars: Vec<char> = steps.map(|(_, c)| c).collect();
    chars.reverse();
    chars.into_iter().collect()
}

/// For each row of the table the classes that do not lead where a majority does, if there is one.
fn exceptions(table: &[u32], width: usize) -> (Vec<u32>, Vec<u16>) {
    let (mut starts, mut all) = (Vec::with_capacity(table.len() / width + 1), Vec::new());
    for row in table.chunks(width) {
        starts.push(u32::try_from(all.len()).unwrap_or(u32::MAX));
        // Boyer and Moore's vote: what has a majority is left standing.
        let (mut most, mut votes) = (0, 0_usize);
        for to in row {
            match votes {
                0 => (most, votes) = (*to, 1),
                _ if most == *to => votes += 1,
                _ => votes -= 1,
            }
        }
        let others = row.iter().enumerate().filter(|(_, to)| **to != most);
        all.extend(others.map(|(class, _)| u16::try_from(class).unwrap_or(u16::MAX)));
    }
    starts.push(u32::try_from(all.len()).unwrap_or(u32::MAX));
    (starts, all)
}

/// For each state the states before it, one list after the other, and where each begins.
fn predecessors(table: &[u32], states: usize, width: usize) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; states + 1];
    for row in table.chunks(width) {
        for group in row.chunk_by(|a, b| a == b) {
            if let Some(n) = group.first().and_then(|to| starts.get_mut(*to as usize + 1)) {
                *n += 1;
            }
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut free = starts.clone();
    let mut before = vec![0_u32; sum as usize];
    for (state, row) in table.chunks(width).enumerate() {
        for group in row.chunk_by(|a, b| a == b) {
            if let Some(place) = group.first().and_then(|to| free.get_mut(*to as usize)) {
                if let Some(cell) = before.get_mut(*place as usize) {
                    *cell = u32::try_from(state).unwrap_or(u32::MAX);
                }
                *place += 1;
            }
        }
    }
    (starts, before)
}

/// For each state the one output that all states reachable from it have.
fn fixed_outputs(table: &[u32], out: &[Out], width: usize) -> Vec<Option<Out>> {
    let (starts, before) = predecessors(table, out.len(), width);
    let place = |i: usize| starts.get(i).map_or(before.len(), |at| *at as usize);
    let mut fixed = vec![None; out.len()];
    for wanted in [Out::No, Out::Yes, Out::Absent] {
        if !out.contains(&wanted) {
            continue;
        }
        // Backwards from every state with another output: whoever is not met can only give `wanted`.
        let mut met: Vec<bool> = out.iter().map(|o| *o != wanted).collect();
        let mut stack: Vec<usize> = met.iter().enumerate().filter(|(_, m)| **m).map(|(i, _)| i).collect();
        while let Some(state) = stack.pop() {
            for b in before.get(place(state)..place(state + 1)).unwrap_or(&[]) {
                if let Some(m) = met.get_mut(*b as usize)
                    && !*m
                {
                    *m = true;
                    stack.push(*b as usize);
                }
            }
        }
        for (f, m) in fixed.iter_mut().zip(met) {
            if !m {
                *f = Some(wanted);
            }
        }
    }
    fixed
}

//! The deterministic automaton: a dense table over character classes, with three outputs.

use super::classes::{Classes, readable_rank};
use super::{FastBuild, MAX_CELLS, MAX_PAIRS, MAX_STATES, TooLarge};
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
    fn merged(classes: Classes, table: &[u32], out: &[Out]) -> Self {
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
        let mut dfa = Self { classes, table: new_table, out: new_out, fixed: new_fixed, start, absent, used: Vec::new() };
        let states = u32::try_from(dfa.out.len()).unwrap_or(0);
        let leads = |class: usize| (0..states).any(|s| dfa.is_live(s) && dfa.is_live(dfa.next_class(s, class)));
        dfa.used = (0..dfa.classes.len()).map(leads).collect();
        dfa
    }

    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.out.len()
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

    /// A shortest string whose two outputs are wanted.
    pub(super) fn product(&self, other: &Self, wanted: impl Fn(Out, Out) -> bool) -> Result<Option<String>, TooLarge> {
        let (classes, maps) = Classes::join(&[&self.classes, &other.classes], &[]);
        let order = readable_order(&classes);
        let hopeless = |(a, b): (u32, u32)| matches!((self.fixed(a), other.fixed(b)), (Some(a), Some(b)) if !wanted(a, b));
        let start = (self.start, other.start);
        let mut from: Steps<(u32, u32)> = HashMap::from([(start, None)]);
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            if wanted(self.out(at.0), other.out(at.1)) {
                return Ok(Some(path(&from, at)));
            }
            for (class, c) in &order {
                let Some([left, right, ..]) = maps.get(*class).map(Vec::as_slice) else { continue };
                let to = (self.next_class(at.0, usize::from(*left)), other.next_class(at.1, usize::from(*right)));
                if !hopeless(to) && !from.contains_key(&to) {
                    from.insert(to, Some((at, *c)));
                    queue.push_back(to);
                }
            }
            if from.len() > MAX_PAIRS {
                return Err(TooLarge::Limit);
            }
        }
        Ok(None)
    }
}

/// For each state met the state before and the character between; none at the start.
type Steps<S> = HashMap<S, Option<(S, char)>>;

/// The classes with their representatives, the most readable first.
fn readable_order(classes: &Classes) -> Vec<(usize, char)> {
    let mut order: Vec<(usize, char)> = classes.representatives().iter().copied().enumerate().collect();
    order.sort_by_key(|(_, c)| readable_rank(*c));
    order
}

fn path<S: Eq + Hash + Copy>(from: &Steps<S>, end: S) -> String {
    let steps = std::iter::successors(from.get(&end).copied().flatten(), |(state, _)| from.get(state).copied().flatten());
    let mut chars: Vec<char> = steps.map(|(_, c)| c).collect();
    chars.reverse();
    chars.into_iter().collect()
}

/// For each state the one output that all states reachable from it have.
fn fixed_outputs(table: &[u32], out: &[Out], width: usize) -> Vec<Option<Out>> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); out.len()];
    for (cell, to) in table.iter().enumerate() {
        let state = u32::try_from(cell / width).unwrap_or(u32::MAX);
        if let Some(list) = before.get_mut(*to as usize)
            && list.last() != Some(&state)
        {
            list.push(state);
        }
    }
    let mut fixed = vec![None; out.len()];
    for wanted in [Out::No, Out::Yes, Out::Absent] {
        // Backwards from every state with another output: whoever is not met can only give `wanted`.
        let mut met: Vec<bool> = out.iter().map(|o| *o != wanted).collect();
        let mut stack: Vec<usize> = met.iter().enumerate().filter(|(_, m)| **m).map(|(i, _)| i).collect();
        while let Some(state) = stack.pop() {
            for b in before.get(state).into_iter().flatten() {
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

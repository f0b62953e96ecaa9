//! The nondeterministic form in which patterns are put together, and its determinisation.

use super::classes::{Classes, Ranges};
use super::{Dfa, MAX_MOVES, MAX_NODES, Out, TooLarge};
use std::collections::HashMap;

/// A node of an [`Nfa`].
pub(crate) type NodeId = u32;

const EVERY: (u32, u32) = (0, 0x0010_FFFF);

/// When an empty edge may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Before the first character.
    Start,
    /// After the last character.
    End,
}

/// A pattern under construction: each method adds edges from a node and returns the node after them.
#[derive(Debug, Default)]
pub(crate) struct Nfa {
    empty: Vec<Vec<(NodeId, When)>>,
    edges: Vec<Vec<(u32, NodeId)>>,
    sets: Vec<Ranges>,
    ids: HashMap<Ranges, u32>,
}

impl Nfa {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn node(&mut self) -> Result<NodeId, TooLarge> {
        if self.empty.len() >= MAX_NODES {
            return Err(TooLarge::Limit);
        }
        self.empty.push(Vec::new());
        self.edges.push(Vec::new());
        Ok(u32::try_from(self.empty.len() - 1).unwrap_or(0))
    }

    pub(super) fn link(&mut self, from: NodeId, to: NodeId, when: When) {
        if let Some(list) = self.empty.get_mut(from as usize) {
            list.push((to, when));
        }
    }

    /// An empty edge: what stands at `to` may follow `from` at once.
    pub(crate) fn join(&mut self, from: NodeId, to: NodeId) {
        self.link(from, to, When::Always);
    }

    pub(super) fn edge(&mut self, from: NodeId, set: Ranges, to: NodeId) {
        let fresh = u32::try_from(self.sets.len()).unwrap_or(0);
        let id = *self.ids.entry(set).or_insert_with_key(|set| {
            self.sets.push(set.clone());
            fresh
        });
        if let Some(list) = self.edges.get_mut(from as usize) {
            list.push((id, to));
        }
    }

    pub(super) fn set(&mut self, from: NodeId, set: Ranges) -> Result<NodeId, TooLarge> {
        let to = self.node()?;
        self.edge(from, set, to);
        Ok(to)
    }

    /// These characters.
    pub(crate) fn literal(&mut self, from: NodeId, text: &str) -> Result<NodeId, TooLarge> {
        text.chars().try_fold(from, |at, c| self.set(at, vec![(u32::from(c), u32::from(c))]))
    }

    /// These characters in any ASCII case.
    pub(crate) fn literal_ignore_case(&mut self, from: NodeId, text: &str) -> Result<NodeId, TooLarge> {
        text.chars().try_fold(from, |at, c| {
            let (upper, lower) = (u32::from(c.to_ascii_uppercase()), u32::from(c.to_ascii_lowercase()));
            self.set(at, if upper == lower { vec![(upper, upper)] } else { vec![(upper, upper), (lower, lower)] })
        })
    }

    /// Any one character.
    pub(crate) fn one(&mut self, from: NodeId) -> Result<NodeId, TooLarge> {
        self.set(from, vec![EVERY])
    }

    /// Any run of characters.
    pub(crate) fn star(&mut self, from: NodeId) -> Result<NodeId, TooLarge> {
        // A node of its own: the loop must not be entered from edges that end at `from` without passing it.
        let at = self.node()?;
        self.join(from, at);
        self.edge(at, vec![EVERY], at);
        let to = self.node()?;
        self.join(at, to);
        Ok(to)
    }

    /// Adds what an empty edge reaches. `start`: before the first character; `end`: after the last.
    fn close(&self, set: &mut Vec<NodeId>, seen: &mut [bool], start: bool, end: bool) {
        for n in set.iter() {
            if let Some(s) = seen.get_mut(*n as usize) {
                *s = true;
            }
        }
        let mut at = 0;
        while let Some(node) = set.get(at).copied() {
            at += 1;
            for (to, when) in self.empty.get(node as usize).into_iter().flatten() {
                let open = match when {
                    When::Always => true,
                    When::Start => start,
                    When::End => end,
                };
                if let Some(s) = seen.get_mut(*to as usize)
                    && open
                    && !*s
                {
                    *s = true;
                    set.push(*to);
                }
            }
        }
        for n in set.iter() {
            if let Some(s) = seen.get_mut(*n as usize) {
                *s = false;
            }
        }
        set.sort_unstable();
    }

    /// The automaton of the strings that lead from `start` to `accept`.
    pub(crate) fn determinise(&self, start: NodeId, accept: NodeId) -> Result<Dfa, TooLarge> {
        let (classes, holds) = Classes::of_sets(&self.sets);
        let mut seen = vec![false; self.empty.len()];
        let mut first = vec![start];
        self.close(&mut first, &mut seen, true, false);
        let mut moves = 0_usize;
        let mut spent = false;
        let step = |state: &(Vec<NodeId>, bool), class: usize, _: char| {
            moves = moves.saturating_add(1 + state.0.len());
            if moves > MAX_MOVES {
                // From here every way leads nowhere, so that the walk ends; its result is not used.
                spent = true;
                return (Vec::new(), false);
            }
            let held = holds.get(class).map_or(&[][..], Vec::as_slice);
            let mut next: Vec<NodeId> = Vec::new();
            for node in &state.0 {
                for (set, to) in self.edges.get(*node as usize).into_iter().flatten() {
                    if held.get(*set as usize).copied().unwrap_or(false) {
                        next.push(*to);
                    }
                }
            }
            next.sort_unstable();
            next.dedup();
            self.close(&mut next, &mut seen, false, false);
            // Only nodes with edges, end anchors or the goal tell states apart.
            next.retain(|n| *n == accept || self.matters(*n));
            (next, false)
        };
        let out = |(set, at_start): &(Vec<NodeId>, bool)| {
            if set.contains(&accept) {
                return Out::Yes;
            }
            if !set.iter().any(|n| self.empty.get(*n as usize).is_some_and(|l| l.iter().any(|(_, w)| *w == When::End))) {
                return Out::No;
            }
            let mut last = set.clone();
            self.close(&mut last, &mut vec![false; self.empty.len()], *at_start, true);
            if last.contains(&accept) { Out::Yes } else { Out::No }
        };
        let dfa = Dfa::explore(classes, (first, true), step, out)?;
        if spent { Err(TooLarge::Limit) } else { Ok(dfa) }
    }

    fn matters(&self, node: NodeId) -> bool {
        self.edges.get(node as usize).is_some_and(|l| !l.is_empty())
            || self.empty.get(node as usize).is_some_and(|l| l.iter().any(|(_, w)| *w != When::Always))
    }
}

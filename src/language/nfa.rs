//! The nondeterministic form in which patterns are put together.

use super::classes::Ranges;
use super::{MAX_NODES, TooLarge};
use std::collections::HashMap;

/// A node of an [`Nfa`].
pub(crate) type NodeId = u32;

/// Every character.
pub(super) const EVERY: (u32, u32) = (0, 0x0010_FFFF);

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

    /// One character, from a node to a new one.
    pub(super) fn char(&mut self, from: NodeId, c: char) -> Result<NodeId, TooLarge> {
        self.set(from, vec![(u32::from(c), u32::from(c))])
    }

    /// One character, between two nodes.
    pub(super) fn char_to(&mut self, from: NodeId, c: char, to: NodeId) {
        self.edge(from, vec![(u32::from(c), u32::from(c))], to);
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
    pub(super) fn close(&self, set: &mut Vec<NodeId>, seen: &mut [bool], start: bool, end: bool) {
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

    /// Empty edges of every kind, then edges that read, from a node.
    pub(super) fn successors(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let empty = self.empty.get(node as usize).into_iter().flatten().map(|(to, _)| *to);
        empty.chain(self.edges.get(node as usize).into_iter().flatten().map(|(_, to)| *to))
    }

    /// The edges that read from a node: the set and where they lead.
    pub(super) fn edges(&self, node: NodeId) -> &[(u32, NodeId)] {
        self.edges.get(node as usize).map_or(&[], Vec::as_slice)
    }

    pub(super) fn sets(&self) -> &[Ranges] {
        &self.sets
    }

    pub(super) fn len(&self) -> usize {
        self.empty.len()
    }

    pub(super) fn has_empty(&self, node: NodeId) -> bool {
        self.empty.get(node as usize).is_some_and(|l| !l.is_empty())
    }

    pub(super) fn ends_here(&self, node: NodeId) -> bool {
        self.empty.get(node as usize).is_some_and(|l| l.iter().any(|(_, w)| *w == When::End))
    }

    /// Only nodes with edges or anchors (and the goal) tell states apart.
    pub(super) fn matters(&self, node: NodeId) -> bool {
        self.edges.get(node as usize).is_some_and(|l| !l.is_empty())
            || self.empty.get(node as usize).is_some_and(|l| l.iter().any(|(_, w)| *w != When::Always))
    }
}

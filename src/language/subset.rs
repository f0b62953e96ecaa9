//! Determinisation: the subset construction, with the nodes left out that change nothing.
//!
//! A star that is met makes whatever stands before it superfluous: each string that leads from there to the goal leads there
//! from the star, too (the star reads what the way to it would have read). Without those nodes a glob of many stars has an
//! automaton about as large as itself, where the plain construction keeps every place that each star could still be at.

use super::classes::Classes;
use super::nfa::{EVERY, Nfa, NodeId};
use super::{Dfa, FastBuild, MAX_CELLS, MAX_MOVES, MAX_STATES, Out, TooLarge};
use std::collections::HashMap;

/// No node.
const NONE: u32 = u32::MAX;

impl Nfa {
    /// The automaton of the strings that lead from `start` to `accept`.
    pub(crate) fn determinise(&self, start: NodeId, accept: NodeId) -> Result<Dfa, TooLarge> {
        self.determinise_within(MAX_MOVES, start, accept)
    }

    /// [`Nfa::determinise`], given up past so many moves.
    pub(crate) fn determinise_within(&self, most: usize, start: NodeId, accept: NodeId) -> Result<Dfa, TooLarge> {
        let (classes, members) = Classes::of_sets(self.sets());
        Subsets { nfa: self, accept, members, after: After::new(self, accept), seen: vec![false; self.len()], moves: 0, most }
            .build(start, classes)
    }
}

struct Subsets<'a> {
    nfa: &'a Nfa,
    accept: NodeId,
    /// The classes that each set holds.
    members: Vec<Vec<u16>>,
    after: After,
    seen: Vec<bool>,
    moves: usize,
    most: usize,
}

impl Subsets<'_> {
    fn build(mut self, start: NodeId, classes: Classes) -> Result<Dfa, TooLarge> {
        let width = classes.len();
        let every: Vec<bool> = self.nfa.sets().iter().map(|set| set.as_slice() == [EVERY]).collect();
        let mut first = vec![start];
        self.nfa.close(&mut first, &mut self.seen, true, false);
        let mut states: Vec<Vec<NodeId>> = vec![first];
        let mut ids: HashMap<Vec<NodeId>, u32, FastBuild> = HashMap::default();
        let mut table: Vec<u32> = Vec::new();
        let mut single: Vec<(u16, NodeId)> = Vec::new();
        let mut at = 0;
        while let Some(state) = states.get(at) {
            let mut rest: Vec<NodeId> = Vec::new();
            single.clear();
            for (set, to) in state.iter().flat_map(|node| self.nfa.edges(*node)) {
                if every.get(*set as usize).copied().unwrap_or(false) {
                    rest.push(*to);
                } else {
                    single.extend(self.members.get(*set as usize).into_iter().flatten().map(|class| (*class, *to)));
                }
            }
            self.moves += 1 + state.len() + single.len();
            single.sort_unstable();
            let common = self.id(rest.clone(), &mut states, &mut ids)?;
            let row = table.len();
            table.resize(row + width, common);
            for group in single.chunk_by(|a, b| a.0 == b.0) {
                let next: Vec<NodeId> = rest.iter().copied().chain(group.iter().map(|(_, to)| *to)).collect();
                let id = self.id(next, &mut states, &mut ids)?;
                if let Some(cell) = group.first().and_then(|(class, _)| table.get_mut(row + usize::from(*class))) {
                    *cell = id;
                }
            }
            if states.len() > MAX_STATES || states.len().saturating_mul(width) > MAX_CELLS || self.moves > self.most {
                return Err(TooLarge::Limit);
            }
            at += 1;
        }
        let outs: Vec<Out> = states.iter().enumerate().map(|(i, set)| self.out(set, i == 0)).collect();
        Ok(Dfa::merged(classes, &table, &outs).with_cost(self.moves))
    }

    /// The number of the state that these nodes make.
    fn id(
        &mut self,
        mut next: Vec<NodeId>,
        states: &mut Vec<Vec<NodeId>>,
        ids: &mut HashMap<Vec<NodeId>, u32, FastBuild>,
    ) -> Result<u32, TooLarge> {
        next.sort_unstable();
        next.dedup();
        if next.iter().any(|n| self.nfa.has_empty(*n)) {
            self.nfa.close(&mut next, &mut self.seen, false, false);
        }
        next.retain(|n| *n == self.accept || self.nfa.matters(*n));
        self.moves += next.len();
        self.after.prune(&mut next);
        let fresh = u32::try_from(states.len()).map_err(|_| TooLarge::Limit)?;
        Ok(*ids.entry(next).or_insert_with_key(|key| {
            states.push(key.clone());
            fresh
        }))
    }

    fn out(&mut self, set: &[NodeId], at_start: bool) -> Out {
        if set.contains(&self.accept) {
            return Out::Yes;
        }
        if !set.iter().any(|n| self.nfa.ends_here(*n)) {
            return Out::No;
        }
        let mut last = set.to_vec();
        self.nfa.close(&mut last, &mut self.seen, at_start, true);
        if last.contains(&self.accept) { Out::Yes } else { Out::No }
    }
}

/// Which nodes stand before which stars on every way to the goal: the tree of post-dominators.
struct After {
    /// Place of each node in a walk over the tree, and of the last node below it; none where the goal is out of reach.
    span: Vec<Option<(u32, u32)>>,
    star: Vec<bool>,
    any: bool,
}

impl After {
    fn new(nfa: &Nfa, accept: NodeId) -> Self {
        let nodes = u32::try_from(nfa.len()).unwrap_or(0);
        let loops =
            |n: NodeId| nfa.edges(n).iter().any(|(set, to)| *to == n && nfa.sets().get(*set as usize).is_some_and(|s| *s == [EVERY]));
        let star: Vec<bool> = (0..nodes).map(loops).collect();
        let any = star.contains(&true);
        let parents = any.then(|| parents(nfa, accept)).flatten();
        let any = parents.is_some();
        let span = parents.map_or_else(Vec::new, |p| spans(&p, accept));
        Self { span, star, any }
    }

    /// Leaves out the nodes that stand before a star of the set, and those from which the goal is out of reach.
    fn prune(&self, set: &mut Vec<NodeId>) {
        if !self.any || set.len() < 2 {
            return;
        }
        let span = |n: NodeId| self.span.get(n as usize).copied().flatten();
        let stars: Vec<(NodeId, (u32, u32))> =
            set.iter().filter(|n| self.star.get(**n as usize) == Some(&true)).filter_map(|n| span(*n).map(|s| (*n, s))).collect();
        if stars.is_empty() {
            return;
        }
        set.retain(|n| span(*n).is_some_and(|(at, _)| !stars.iter().any(|(star, (first, last))| star != n && *first <= at && at <= *last)));
    }
}

/// For each node the next one that is on every way to the goal, and the nodes in the order of a walk back from the goal, by
/// the algorithm of Cooper, Harvey and Kennedy.
struct Parents {
    of: Vec<u32>,
    /// The nodes that reach the goal, those near it first.
    order: Vec<NodeId>,
}

/// None past a limit.
fn parents(nfa: &Nfa, accept: NodeId) -> Option<Parents> {
    let order = backwards(nfa, accept);
    let mut rank = vec![NONE; nfa.len()];
    for (i, n) in order.iter().enumerate() {
        if let Some(cell) = rank.get_mut(*n as usize) {
            *cell = u32::try_from(i).unwrap_or(NONE);
        }
    }
    let rank = |n: NodeId| rank.get(n as usize).copied().unwrap_or(NONE);
    let mut of = vec![NONE; nfa.len()];
    if let Some(cell) = of.get_mut(accept as usize) {
        *cell = accept;
    }
    let (mut changed, mut moves) = (true, 0);
    while changed {
        changed = false;
        for n in order.iter().copied().filter(|n| *n != accept) {
            let mut parent = NONE;
            for next in nfa.successors(n).filter(|next| of.get(*next as usize).is_some_and(|p| *p != NONE)) {
                parent = if parent == NONE { next } else { meet(parent, next, &of, &rank, &mut moves)? };
            }
            if let Some(cell) = of.get_mut(n as usize).filter(|cell| **cell != parent) {
                *cell = parent;
                changed = true;
            }
        }
    }
    Some(Parents { of, order })
}

/// The nearest node that is on every way from both to the goal; none past a limit.
fn meet(mut a: NodeId, mut b: NodeId, of: &[u32], rank: &impl Fn(NodeId) -> u32, moves: &mut usize) -> Option<NodeId> {
    let up = |n: NodeId| of.get(n as usize).copied().unwrap_or(n);
    while a != b {
        if rank(a) > rank(b) {
            a = up(a)
        } else {
            b = up(b)
        }
        *moves += 1;
    }
    (*moves <= MAX_MOVES).then_some(a)
}

/// The nodes that reach the goal, in the reverse of the order in which a depth first walk back from it leaves them.
fn backwards(nfa: &Nfa, accept: NodeId) -> Vec<NodeId> {
    let mut before: Vec<Vec<NodeId>> = vec![Vec::new(); nfa.len()];
    for n in 0..u32::try_from(nfa.len()).unwrap_or(0) {
        for to in nfa.successors(n) {
            if let Some(list) = before.get_mut(to as usize) {
                list.push(n);
            }
        }
    }
    let mut met = vec![false; nfa.len()];
    let mut out = Vec::new();
    let mut open = vec![(accept, 0_usize)];
    while let Some((node, next)) = open.pop() {
        if let Some(m) = met.get_mut(node as usize) {
            *m = true;
        }
        let list = before.get(node as usize).map_or(&[][..], Vec::as_slice);
        let fresh = (next..list.len()).find(|i| list.get(*i).is_some_and(|n| met.get(*n as usize) == Some(&false)));
        match fresh.and_then(|i| list.get(i).map(|n| (i, *n))) {
            Some((i, n)) => open.extend([(node, i + 1), (n, 0)]),
            None => out.push(node),
        }
    }
    out.reverse();
    out
}

/// Numbers the tree so that what is below a node is an interval.
fn spans(parents: &Parents, accept: NodeId) -> Vec<Option<(u32, u32)>> {
    let mut size = vec![1_u32; parents.of.len()];
    for n in parents.order.iter().rev().filter(|n| **n != accept) {
        let own = size.get(*n as usize).copied().unwrap_or(1);
        if let Some(cell) = parents.of.get(*n as usize).and_then(|p| size.get_mut(*p as usize)) {
            *cell = cell.saturating_add(own);
        }
    }
    let mut out: Vec<Option<(u32, u32)>> = vec![None; parents.of.len()];
    // For each node the first place that is still free below it.
    let mut free = vec![0_u32; parents.of.len()];
    for n in &parents.order {
        let own = size.get(*n as usize).copied().unwrap_or(1);
        let first = match parents.of.get(*n as usize).filter(|_| *n != accept).and_then(|p| free.get_mut(*p as usize)) {
            Some(place) => {
                let first = *place;
                *place += own;
                first
            }
            None => 0,
        };
        if let (Some(cell), Some(below)) = (out.get_mut(*n as usize), free.get_mut(*n as usize)) {
            *cell = Some((first, first + own - 1));
            *below = first + 1;
        }
    }
    out
}

//! The states that an exhaustive search has met.

use super::truths::Mask;
use crate::language::FastBuild;
use std::hash::BuildHasher;

/// No state.
const NONE: u32 = u32::MAX;

/// States of equal width in one arena, each once.
#[derive(Debug)]
pub(super) struct Space {
    width: usize,
    cells: Vec<u32>,
    /// What the formula can still become in each; nothing in a state that is given up.
    outlooks: Vec<Mask>,
    /// The state before, and the character; no character where a segment ends.
    from: Vec<Option<(u32, Option<char>)>>,
    /// Open addressing over the arena; its length is a power of two.
    table: Vec<u32>,
    queue: Vec<u32>,
    next: usize,
    /// A state was met in which the formula is unknown.
    pub(super) perhaps: bool,
}

impl Space {
    /// An empty space of states of this many numbers.
    pub(super) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            cells: Vec::new(),
            outlooks: Vec::new(),
            from: Vec::new(),
            table: vec![NONE; 256],
            queue: Vec::new(),
            next: 0,
            perhaps: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.outlooks.len()
    }

    pub(super) fn state(&self, id: u32) -> &[u32] {
        let at = id as usize * self.width;
        self.cells.get(at..at + self.width).unwrap_or(&[])
    }

    pub(super) fn outlook(&self, id: u32) -> Mask {
        self.outlooks.get(id as usize).copied().unwrap_or(0)
    }

    pub(super) fn from(&self, id: u32) -> Option<(u32, Option<char>)> {
        self.from.get(id as usize).copied().flatten()
    }

    /// The next state whose successors are to be visited.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let id = self.queue.get(self.next).copied();
        self.next += 1;
        id
    }

    pub(super) fn push(&mut self, id: u32) {
        self.queue.push(id);
    }

    /// The place of a state in the table: where it is, or where it would be.
    fn place(&self, state: &[u32]) -> usize {
        let mask = self.table.len() - 1;
        let hash = FastBuild.hash_one(Words(state));
        let mut at = usize::try_from(hash >> 7).unwrap_or(0) & mask;
        while let Some(id) = self.table.get(at).copied().filter(|id| *id != NONE) {
            if self.state(id) == state {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }

    pub(super) fn holds(&self, state: &[u32]) -> bool {
        self.table.get(self.place(state)).is_some_and(|id| *id != NONE)
    }

    /// The id of a new state; none when it was met before.
    pub(super) fn add(&mut self, state: &[u32], outlook: Mask, from: Option<(u32, Option<char>)>) -> Option<u32> {
        let id = u32::try_from(self.outlooks.len()).ok().filter(|id| *id != NONE && state.len() == self.width)?;
        let place = self.place(state);
        let cell = self.table.get_mut(place).filter(|cell| **cell == NONE)?;
        *cell = id;
        self.cells.extend_from_slice(state);
        self.outlooks.push(outlook);
        self.from.push(from);
        if self.outlooks.len() * 2 > self.table.len() {
            self.grow();
        }
        Some(id)
    }

    fn grow(&mut self) {
        self.table = vec![NONE; self.table.len() * 4];
        for id in 0..u32::try_from(self.outlooks.len()).unwrap_or(NONE) {
            let place = self.place(self.state(id));
            if let Some(cell) = self.table.get_mut(place) {
                *cell = id;
            }
        }
    }
}

/// Numbers hashed one by one.
struct Words<'a>(&'a [u32]);

impl std::hash::Hash for Words<'_> {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.0.iter().for_each(|n| hasher.write_u32(*n));
    }
}

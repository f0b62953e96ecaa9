//! Two languages held against each other: how the tests compare the automata with another library.

use super::classes::Classes;
use super::dfa::{Dfa, Out, Steps, path, readable_order};
use super::{Language, TooLarge};
use std::collections::{HashMap, VecDeque};

/// Most pairs of states that a comparison of two languages visits.
pub(super) const MAX_PAIRS: usize = 200_000;

impl Language {
    /// `None` when every string is one of `other`'s, else a shortest one that is not.
    ///
    /// # Errors
    /// [`TooLarge::Limit`] past [`MAX_PAIRS`].
    pub fn outside(&self, other: &Self) -> Result<Option<String>, TooLarge> {
        self.0.product(&other.0, |a, b| a == Out::Yes && b != Out::Yes)
    }

    /// True when every string is one of `other`'s.
    ///
    /// # Errors
    /// [`TooLarge::Limit`] past [`MAX_PAIRS`].
    pub fn included_in(&self, other: &Self) -> Result<bool, TooLarge> {
        Ok(self.outside(other)?.is_none())
    }

    /// A shortest string that both have.
    ///
    /// # Errors
    /// [`TooLarge::Limit`] past [`MAX_PAIRS`].
    pub fn common(&self, other: &Self) -> Result<Option<String>, TooLarge> {
        self.0.product(&other.0, |a, b| a == Out::Yes && b == Out::Yes)
    }
}

impl Dfa {
    /// A shortest string whose two outputs are wanted.
    fn product(&self, other: &Self, wanted: impl Fn(Out, Out) -> bool) -> Result<Option<String>, TooLarge> {
        let (classes, maps) = Classes::join(&[&self.classes, &other.classes], &[]);
        let order = readable_order(&classes);
        let hopeless = |(a, b): (u32, u32)| matches!((self.fixed(a), other.fixed(b)), (Some(a), Some(b)) if !wanted(a, b));
        let start = (self.start(), other.start());
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

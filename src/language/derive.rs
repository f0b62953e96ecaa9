//! Automata of derived strings: of `f(x) in L`, the strings `x` for which it holds, and the machines that are no pattern.

use super::classes::Classes;
use super::{Dfa, MAX_STATES, Out, TooLarge};
use std::cmp::Ordering;

/// Finds a needle while the text streams by; knows which characters can no longer be part of an occurrence.
struct Needle {
    chars: Vec<char>,
    /// Length of the longest proper border of each prefix.
    border: Vec<usize>,
}

impl Needle {
    fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut border = vec![0; chars.len() + 1];
        let mut k = 0;
        for i in 1..chars.len() {
            while k > 0 && chars.get(k) != chars.get(i) {
                k = border.get(k).copied().unwrap_or(0);
            }
            if chars.get(k) == chars.get(i) {
                k += 1;
            }
            if let Some(b) = border.get_mut(i + 1) {
                *b = k;
            }
        }
        Self { chars, border }
    }

    fn len(&self) -> usize {
        self.chars.len()
    }

    /// From `k` matched characters over `c`: how many are matched then.
    fn step(&self, mut k: usize, c: char) -> usize {
        loop {
            if self.chars.get(k) == Some(&c) {
                return k + 1;
            }
            if k == 0 {
                return 0;
            }
            k = self.border.get(k).copied().unwrap_or(0);
        }
    }

    /// Feeds `dfa` what is no longer part of an occurrence after the step from `k` to `next` over `c`.
    fn release(&self, dfa: &Dfa, state: u32, k: usize, next: usize, c: char) -> u32 {
        let held = self.chars.iter().copied().take(k).chain([c]);
        held.take((k + 1).saturating_sub(next)).fold(state, |state, c| dfa.next(state, c))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// Looking for the start: how many separators were met, how much of the next is matched.
    Before(usize, usize),
    /// Inside the derived string: the inner state, how much of the end is matched.
    Inside(u32, usize),
    /// Past it.
    After(u32),
}

impl Dfa {
    /// The strings whose ASCII lower (or upper) case form this automaton judges.
    pub(crate) fn of_case(&self, upper: bool) -> Result<Self, TooLarge> {
        let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
        let (classes, _) = Classes::join(&[&self.classes], &letters);
        let fold = |c: char| if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        Self::explore(classes, self.start(), |s, _, c| self.next(*s, fold(c)), |s| self.out(*s))
    }

    /// The strings whose `extract` this automaton judges; without a match it judges `""`.
    pub(crate) fn of_extract(&self, prefix: &str, suffix: &str) -> Result<Self, TooLarge> {
        let (head, tail) = (Needle::new(prefix), Needle::new(suffix));
        let single: Vec<char> = distinct(prefix.chars().chain(suffix.chars()));
        let (classes, _) = Classes::join(&[&self.classes], &single);
        let inside = Phase::Inside(self.start(), 0);
        let start = if prefix.is_empty() { inside } else { Phase::Before(0, 0) };
        let step = |phase: &Phase, _: usize, c: char| match *phase {
            Phase::Before(n, k) => {
                let next = head.step(k, c);
                if next == head.len() { inside } else { Phase::Before(n, next) }
            }
            Phase::Inside(q, k) => self.inside(&tail, q, k, c),
            after @ Phase::After(_) => after,
        };
        let miss = self.out(self.start());
        Self::explore(classes, start, step, |phase| match *phase {
            Phase::Inside(q, _) if suffix.is_empty() => self.out(q),
            Phase::Before(..) | Phase::Inside(..) => miss,
            Phase::After(q) => self.out(q),
        })
    }

    /// The strings whose piece `index` between separators this automaton judges; absent with fewer pieces.
    pub(crate) fn of_split(&self, separator: &str, index: usize) -> Result<Self, TooLarge> {
        if separator.is_empty() || index > MAX_STATES {
            return Err(TooLarge::Limit);
        }
        let needle = Needle::new(separator);
        let (classes, _) = Classes::join(&[&self.classes], &distinct(separator.chars()));
        let inside = Phase::Inside(self.start(), 0);
        let start = if index == 0 { inside } else { Phase::Before(0, 0) };
        let step = |phase: &Phase, _: usize, c: char| match *phase {
            Phase::Before(n, k) => match needle.step(k, c) {
                next if next == needle.len() && n + 1 == index => inside,
                next if next == needle.len() => Phase::Before(n + 1, 0),
                next => Phase::Before(n, next),
            },
            Phase::Inside(q, k) => self.inside(&needle, q, k, c),
            after @ Phase::After(_) => after,
        };
        Self::explore(classes, start, step, |phase| match *phase {
            Phase::Before(..) => Out::Absent,
            Phase::Inside(q, k) => self.out(needle.chars.iter().take(k).fold(q, |q, c| self.next(q, *c))),
            Phase::After(q) => self.out(q),
        })
    }

    /// The strings of which this automaton judges the form with every `from` replaced by `to`.
    pub(crate) fn of_replace(&self, from: &str, to: &str) -> Result<Self, TooLarge> {
        if from.is_empty() {
            return Err(TooLarge::Limit);
        }
        let needle = Needle::new(from);
        let (classes, _) = Classes::join(&[&self.classes], &distinct(from.chars()));
        let step = |(q, k): &(u32, usize), _: usize, c: char| {
            let next = needle.step(*k, c);
            let q = needle.release(self, *q, *k, next, c);
            if next == needle.len() { (self.run(q, to), 0) } else { (q, next) }
        };
        let out = |(q, k): &(u32, usize)| self.out(needle.chars.iter().take(*k).fold(*q, |q, c| self.next(q, *c)));
        Self::explore(classes, (self.start(), 0), step, out)
    }

    fn inside(&self, end: &Needle, q: u32, k: usize, c: char) -> Phase {
        if end.len() == 0 {
            return Phase::Inside(self.next(q, c), 0);
        }
        let next = end.step(k, c);
        let q = end.release(self, q, k, next, c);
        if next == end.len() { Phase::After(q) } else { Phase::Inside(q, next) }
    }

    /// The strings whose length in code points compares to `n` as wanted.
    pub(crate) fn of_size(n: i64, wanted: impl Fn(Ordering) -> bool) -> Result<Self, TooLarge> {
        if n > i64::try_from(MAX_STATES).unwrap_or(i64::MAX) {
            return Err(TooLarge::Limit);
        }
        let (classes, _) = Classes::join(&[], &[]);
        let top = n.max(-1) + 1;
        let out = |size: &i64| if wanted(size.cmp(&n)) { Out::Yes } else { Out::No };
        Self::explore(classes, 0i64, |size, _, _| (*size + 1).min(top.max(1)), out)
    }

    /// The strings that compare to `text`, in code point order, as wanted.
    pub(crate) fn of_order(text: &str, wanted: impl Fn(Ordering) -> bool) -> Result<Self, TooLarge> {
        // Either still equal after so many characters, or decided.
        let goal: Vec<char> = text.chars().collect();
        let above: Vec<super::classes::Ranges> =
            goal.iter().flat_map(|c| [vec![(u32::from(*c), u32::from(*c))], vec![(u32::from(*c), 0x0010_FFFF)]]).collect();
        let (classes, _) = Classes::of_sets(&above);
        let step = |state: &Result<usize, Ordering>, _: usize, c: char| match *state {
            Ok(at) => match goal.get(at).map(|g| c.cmp(g)) {
                Some(Ordering::Equal) => Ok(at + 1),
                Some(other) => Err(other),
                None => Err(Ordering::Greater),
            },
            decided => decided,
        };
        let out = |state: &Result<usize, Ordering>| {
            let order = state.map_or_else(|o| o, |at| if at < goal.len() { Ordering::Less } else { Ordering::Equal });
            if wanted(order) { Out::Yes } else { Out::No }
        };
        Self::explore(classes, Ok(0), step, out)
    }
}

fn distinct(chars: impl Iterator<Item = char>) -> Vec<char> {
    let mut all: Vec<char> = chars.collect();
    all.sort_unstable();
    all.dedup();
    all
}

//! Character classes: which characters an automaton need not tell apart.

use super::FastBuild;
use std::collections::HashMap;

/// A set of characters as inclusive ranges of code points, in order.
pub(crate) type Ranges = Vec<(u32, u32)>;

const LAST: u32 = 0x0010_FFFF;
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);

/// A partition of all characters into classes `0..count`.
#[derive(Debug, Clone)]
pub(crate) struct Classes {
    ascii: Vec<u16>,
    /// First code point of each interval, ascending from 0, and the interval's class.
    starts: Vec<(u32, u16)>,
    /// One character of each class, the most readable.
    representatives: Vec<char>,
}

impl Classes {
    pub(crate) fn len(&self) -> usize {
        self.representatives.len()
    }

    pub(crate) fn representatives(&self) -> &[char] {
        &self.representatives
    }

    pub(crate) fn of(&self, c: char) -> usize {
        let point = u32::from(c);
        if let Some(class) = self.ascii.get(point as usize) {
            return usize::from(*class);
        }
        let at = self.starts.partition_point(|(start, _)| *start <= point);
        at.checked_sub(1).and_then(|i| self.starts.get(i)).map_or(0, |(_, class)| usize::from(*class))
    }

    /// The coarsest partition that respects every set, and for each set the classes that it holds.
    pub(crate) fn of_sets(sets: &[Ranges]) -> (Self, Vec<Vec<u16>>) {
        // Where a set begins or ends; its ranges do not overlap.
        let mut turns: Vec<(u32, usize)> = Vec::new();
        for (i, set) in sets.iter().enumerate() {
            turns.extend(set.iter().flat_map(|(lo, hi)| [(*lo, i), (hi.saturating_add(1), i)]));
        }
        turns.sort_unstable();
        let cuts: Vec<u32> = turns.iter().map(|(at, _)| *at).collect();
        let mut inside = vec![0_u64; sets.len().div_ceil(64)];
        let mut open = turns.iter().peekable();
        let (classes, signatures) = Self::partition(cuts, |point| {
            while let Some((_, set)) = open.next_if(|(at, _)| *at <= point) {
                if let Some(word) = inside.get_mut(set / 64) {
                    *word ^= 1 << (set % 64);
                }
            }
            inside.clone()
        });
        let mut members: Vec<Vec<u16>> = vec![Vec::new(); sets.len()];
        for (class, signature) in signatures.iter().enumerate() {
            let class = u16::try_from(class).unwrap_or(u16::MAX);
            for (i, list) in members.iter_mut().enumerate() {
                if signature.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1) {
                    list.push(class);
                }
            }
        }
        (classes, members)
    }

    /// The coarsest partition that refines all of `all` and tells the characters `single` apart from the others;
    /// for each new class the class in each of `all`.
    pub(crate) fn join(all: &[&Classes], single: &[char]) -> (Self, Vec<Vec<u16>>) {
        let cuts = all.iter().flat_map(|c| c.starts.iter().map(|(start, _)| *start));
        let cuts = cuts.chain(single.iter().flat_map(|c| [u32::from(*c), u32::from(*c) + 1])).collect();
        let mut at = vec![0_usize; all.len()];
        let (classes, signatures) = Self::partition(cuts, |point| {
            let c = char::from_u32(point);
            let own = single.iter().position(|s| Some(*s) == c).map_or(u16::MAX, |i| u16::try_from(i).unwrap_or(u16::MAX - 1));
            let class = |(classes, at): (&&Classes, &mut usize)| {
                while classes.starts.get(*at + 1).is_some_and(|(start, _)| *start <= point) {
                    *at += 1;
                }
                classes.starts.get(*at).map_or(0, |(_, class)| *class)
            };
            all.iter().zip(&mut at).map(class).chain([own]).collect::<Vec<u16>>()
        });
        (classes, signatures)
    }

    /// The classes of points with equal signatures, which may only change at `cuts` and is asked for in ascending order.
    fn partition<S: std::hash::Hash + Eq + Clone>(mut cuts: Vec<u32>, mut signature: impl FnMut(u32) -> S) -> (Self, Vec<S>) {
        cuts.extend([0, SURROGATES.0, SURROGATES.1 + 1]);
        cuts.retain(|c| *c <= LAST);
        cuts.sort_unstable();
        cuts.dedup();
        let mut ids: HashMap<S, u16, FastBuild> = HashMap::default();
        let mut signatures = Vec::new();
        let mut representatives: Vec<char> = Vec::new();
        let mut starts: Vec<(u32, u16)> = Vec::new();
        for (i, start) in cuts.iter().enumerate() {
            let end = cuts.get(i + 1).map_or(LAST, |next| next - 1);
            let sig = signature(*start);
            let Some(best) = most_readable(*start, end) else { continue };
            let id = *ids.entry(sig).or_insert_with_key(|sig| {
                signatures.push(sig.clone());
                representatives.push(best);
                u16::try_from(representatives.len() - 1).unwrap_or(u16::MAX)
            });
            if let Some(r) = representatives.get_mut(usize::from(id))
                && readable_rank(best) < readable_rank(*r)
            {
                *r = best;
            }
            if starts.last().is_none_or(|(_, last)| *last != id) {
                starts.push((*start, id));
            }
        }
        let mut out = Self { ascii: vec![0; 128], starts, representatives };
        let ends = out.starts.iter().skip(1).map(|(start, _)| *start).chain([u32::MAX]);
        for ((start, class), end) in out.starts.iter().zip(ends) {
            for cell in out.ascii.iter_mut().take(end as usize).skip(*start as usize) {
                *cell = *class;
            }
        }
        (out, signatures)
    }
}

/// The rank of letters beyond ASCII.
const LETTER: u32 = 1_000;

/// How gladly a person reads the character: lower is better, letters first, control characters last.
pub(crate) fn readable_rank(c: char) -> u32 {
    match c {
        'a'..='z' => u32::from(c) - u32::from('a'),
        '0'..='9' => 100 + u32::from(c) - u32::from('0'),
        'A'..='Z' => 200 + u32::from(c) - u32::from('A'),
        '-' | '.' | '_' | '/' | ':' => 300 + u32::from(c),
        '!'..='~' => 500 + u32::from(c),
        ' ' => 700,
        c if c.is_alphanumeric() => LETTER,
        c if c.is_control() => 1 << 30,
        c => 10_000 + u32::from(c),
    }
}

/// The most readable character of an interval; of a long one outside ASCII only the start is looked at.
fn most_readable(start: u32, end: u32) -> Option<char> {
    const LOOK: u32 = 256;
    // What can be seen of ASCII is better than the rest, and beyond ASCII all letters are equal.
    let ascii = (start..=end.min(0x7E)).filter_map(char::from_u32).min_by_key(|c| readable_rank(*c));
    if let Some(best) = ascii.filter(|c| !c.is_control()) {
        return Some(best);
    }
    // No letters for private use.
    if (0xE000..0xF000).contains(&start) {
        return char::from_u32(start);
    }
    let mut best: Option<(u32, char)> = None;
    for c in (start..=end.min(start.saturating_add(LOOK))).filter_map(char::from_u32) {
        let rank = readable_rank(c);
        if best.is_none_or(|(least, _)| rank < least) {
            best = Some((rank, c));
        }
        if rank == LETTER {
            break;
        }
    }
    best.map(|(_, c)| c)
}

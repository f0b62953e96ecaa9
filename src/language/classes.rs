//! Character classes: which characters an automaton need not tell apart.

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

    /// The coarsest partition that respects every set, and for each class which sets hold it.
    pub(crate) fn of_sets(sets: &[Ranges]) -> (Self, Vec<Vec<bool>>) {
        let cuts = sets.iter().flatten().flat_map(|(lo, hi)| [*lo, hi.saturating_add(1)]);
        let holds = |set: &Ranges, point: u32| {
            let at = set.partition_point(|(lo, _)| *lo <= point);
            at.checked_sub(1).and_then(|i| set.get(i)).is_some_and(|(_, hi)| point <= *hi)
        };
        Self::partition(cuts, |point| sets.iter().map(|set| holds(set, point)).collect())
    }

    /// The coarsest partition that refines all of `all` and tells the characters `single` apart from the others;
    /// for each new class the class in each of `all`.
    pub(crate) fn join(all: &[&Classes], single: &[char]) -> (Self, Vec<Vec<u16>>) {
        let cuts = all.iter().flat_map(|c| c.starts.iter().map(|(start, _)| *start));
        let cuts = cuts.chain(single.iter().flat_map(|c| [u32::from(*c), u32::from(*c) + 1]));
        let (classes, signatures) = Self::partition(cuts, |point| {
            let c = char::from_u32(point).unwrap_or('\0');
            let own = single.iter().position(|s| *s == c).map_or(u16::MAX, |i| u16::try_from(i).unwrap_or(u16::MAX - 1));
            all.iter().map(|classes| u16::try_from(classes.of(c)).unwrap_or(0)).chain([own]).collect()
        });
        (classes, signatures)
    }

    fn partition<S: std::hash::Hash + Eq + Clone>(cuts: impl Iterator<Item = u32>, signature: impl Fn(u32) -> S) -> (Self, Vec<S>) {
        let mut cuts: Vec<u32> = cuts.filter(|c| *c <= LAST).chain([0, SURROGATES.0, SURROGATES.1 + 1]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut ids: HashMap<S, u16> = HashMap::new();
        let mut signatures = Vec::new();
        let mut representatives: Vec<char> = Vec::new();
        let mut starts: Vec<(u32, u16)> = Vec::new();
        for (i, start) in cuts.iter().enumerate() {
            let end = cuts.get(i + 1).map_or(LAST, |next| next - 1);
            let Some(best) = most_readable(*start, end) else { continue };
            let sig = signature(*start);
            let id = *ids.entry(sig.clone()).or_insert_with(|| {
                signatures.push(sig);
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
        let mut out = Self { ascii: Vec::new(), starts, representatives };
        out.ascii = (0..128u8).map(|b| u16::try_from(out.of(char::from(b))).unwrap_or(0)).collect();
        (out, signatures)
    }
}

/// How gladly a person reads the character: lower is better, letters first, control characters last.
pub(crate) fn readable_rank(c: char) -> u32 {
    match c {
        'a'..='z' => u32::from(c) - u32::from('a'),
        '0'..='9' => 100 + u32::from(c) - u32::from('0'),
        'A'..='Z' => 200 + u32::from(c) - u32::from('A'),
        '-' | '.' | '_' | '/' | ':' => 300 + u32::from(c),
        '!'..='~' => 500 + u32::from(c),
        ' ' => 700,
        c if c.is_alphanumeric() => 1_000,
        c if c.is_control() => 1 << 30,
        c => 10_000 + u32::from(c),
    }
}

/// The most readable character of an interval; of a long one outside ASCII only the start is looked at.
fn most_readable(start: u32, end: u32) -> Option<char> {
    const LOOK: u32 = 256;
    (start..=end.min(start.saturating_add(LOOK))).filter_map(char::from_u32).min_by_key(|c| readable_rank(*c))
}

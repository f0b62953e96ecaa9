//! In which order the segments of a template are read: one in which as many tests as possible read theirs one after the
//! other, because such a test needs one state, and any other a function for each segment.

use super::MAX_SEGMENTS;

/// Segments in an order that keeps to the sequences, the first of them before the others where they contradict each other;
/// beside that in the order of their numbers. Segments that no sequence names are left out.
pub(super) fn order(sequences: &[Vec<usize>]) -> Vec<usize> {
    let mut used: Vec<usize> = sequences.iter().flatten().copied().filter(|s| *s < MAX_SEGMENTS).collect();
    used.sort_unstable();
    used.dedup();
    if sequences.iter().all(|s| s.is_sorted_by(|a, b| a < b)) {
        return used;
    }
    // For each segment those that come after it.
    let mut after = [0_u64; MAX_SEGMENTS];
    for sequence in sequences {
        let mut with = after;
        if sequence.windows(2).all(|pair| matches!(pair, [a, b] if precede(&mut with, *a, *b))) {
            after = with;
        }
    }
    let mut out = Vec::with_capacity(used.len());
    while !used.is_empty() {
        let free = |s: &usize| !used.iter().any(|other| bit(after.get(*other).copied().unwrap_or(0), *s));
        let at = used.iter().position(free).unwrap_or(0);
        out.push(used.remove(at));
    }
    out
}

fn bit(set: u64, at: usize) -> bool {
    set >> at & 1 == 1
}

/// Puts a segment before another with all that follows from it; false when the other comes first already.
fn precede(after: &mut [u64; MAX_SEGMENTS], first: usize, then: usize) -> bool {
    let Some(behind) = after.get(then).copied() else { return false };
    if first >= MAX_SEGMENTS || first == then || bit(behind, first) {
        return false;
    }
    let all = behind | 1 << then;
    for (i, set) in after.iter_mut().enumerate() {
        if i == first || bit(*set, first) {
            *set |= all;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn sequences_are_kept_where_they_agree() {
        assert_eq!(order(&[vec![0, 1, 2], vec![0, 1, 5]]), [0, 1, 2, 5]);
        assert_eq!(order(&[vec![0, 1, 2], vec![0, 1, 5, 2]]), [0, 1, 5, 2]);
        // The first of two that contradict each other.
        assert_eq!(order(&[vec![3, 1], vec![1, 3]]), [3, 1]);
        assert_eq!(order(&[vec![4, 2], vec![2, 0]]), [4, 2, 0]);
        // One that names a segment twice cannot be kept.
        assert_eq!(order(&[vec![2, 1, 2], vec![1, 2]]), [1, 2]);
        assert!(order(&[]).is_empty());
    }
}

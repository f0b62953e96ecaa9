//! In which order the nodes of each layer stand, so that few lines cross.
//!
//! The layers are given: an issuer is left of a provider whatever the input is. What remains of Sugiyama's method is the order within a
//! layer, by barycentres (Sugiyama, Tagawa, Toda 1981, <https://doi.org/10.1109/TSMC.1981.4308636>), with a fixed number of sweeps:
//! the checked tree is hostile, and the cost must be that of sorting.

/// How often all layers are put in order, to the right and back.
const SWEEPS: usize = 6;

/// The place of each node within its layer, from 0. `layers` holds the layer of each node, `lines` pairs of nodes; `weight` says what
/// stands at the top where lines leave a choice: the lower, the higher up.
pub(super) fn order(layers: &[usize], weight: &[usize], lines: &[(usize, usize)]) -> Vec<usize> {
    let depth = layers.iter().max().map_or(0, |deepest| deepest + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
    for (node, layer) in layers.iter().enumerate() {
        if let Some(row) = rows.get_mut(*layer) {
            row.push(node);
        }
    }
    let neighbours = Neighbours::of(layers, lines);
    let mut place = vec![0; layers.len()];
    let met = first_met(layers.len(), weight, &neighbours);
    for row in &mut rows {
        row.sort_by_key(|node| met.get(*node).copied());
        settle(row, &mut place);
    }
    for _ in 0..SWEEPS {
        for row in &mut rows {
            sort(row, &neighbours.left, &mut place);
        }
        for row in rows.iter_mut().rev() {
            sort(row, &neighbours.right, &mut place);
        }
    }
    place
}

/// When each node is met by whoever starts at the weightiest and follows the lines, depth first: what belongs together stands together.
fn first_met(nodes: usize, weight: &[usize], neighbours: &Neighbours) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..nodes).collect();
    starts.sort_by_key(|node| weight.get(*node).copied());
    let mut met = vec![usize::MAX; nodes];
    let mut next = 0;
    for start in starts {
        let mut stack = vec![start];
        while let Some(node) = stack.pop() {
            let Some(slot) = met.get_mut(node).filter(|slot| **slot == usize::MAX) else { continue };
            *slot = next;
            next += 1;
            for row in [&neighbours.left, &neighbours.right] {
                stack.extend(row.get(node).into_iter().flatten().rev());
            }
        }
    }
    met
}

/// The neighbours of each node in the layers on its left and on its right.
struct Neighbours {
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
}

impl Neighbours {
    fn of(layers: &[usize], lines: &[(usize, usize)]) -> Self {
        let mut out = Self { left: vec![Vec::new(); layers.len()], right: vec![Vec::new(); layers.len()] };
        for (from, to) in lines {
            if let Some(row) = out.right.get_mut(*from) {
                row.push(*to);
            }
            if let Some(row) = out.left.get_mut(*to) {
                row.push(*from);
            }
        }
        out
    }
}

/// Sorts a layer by the mean place of the neighbours on one side; a node without any keeps its own.
fn sort(row: &mut [usize], neighbours: &[Vec<usize>], place: &mut [usize]) {
    let mean = |node: usize| {
        let of: Vec<usize> = neighbours.get(node).into_iter().flatten().filter_map(|n| place.get(*n).copied()).collect();
        let own = place.get(node).copied().unwrap_or(0);
        // In thousandths, so that the order does not hang on rounding.
        if of.is_empty() { own * 1_000 } else { of.iter().sum::<usize>() * 1_000 / of.len() }
    };
    let mut keys: Vec<(usize, usize)> = row.iter().map(|node| (*node, mean(*node))).collect();
    keys.sort_by_key(|(_, mean)| *mean);
    for (slot, (node, _)) in row.iter_mut().zip(keys) {
        *slot = node;
    }
    settle(row, place);
}

fn settle(row: &[usize], place: &mut [usize]) {
    for (at, node) in row.iter().enumerate() {
        if let Some(slot) = place.get_mut(*node) {
            *slot = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossings(layers: &[usize], place: &[usize], lines: &[(usize, usize)]) -> usize {
        let mut n = 0;
        for (at, a) in lines.iter().enumerate() {
            for b in &lines[..at] {
                let same = layers[a.0] == layers[b.0] && layers[a.1] == layers[b.1];
                let (from, to) = (place[a.0].cmp(&place[b.0]), place[a.1].cmp(&place[b.1]));
                n += usize::from(same && from != to && from.is_ne() && to.is_ne());
            }
        }
        n
    }

    #[test]
    fn a_tree_has_no_crossing() {
        // Ten issuers, each with three subjects that stand mixed up, each with an identity.
        let mut layers = vec![0; 10];
        layers.extend(vec![2; 30]);
        layers.extend(vec![3; 30]);
        let mut lines = Vec::new();
        for subject in 0..30 {
            lines.push((subject * 7 % 10, 10 + subject));
            lines.push((10 + subject, 40 + subject * 11 % 30));
        }
        let weight: Vec<usize> = (0..layers.len()).collect();
        let place = order(&layers, &weight, &lines);
        assert_eq!(crossings(&layers, &place, &lines), 0);
    }

    #[test]
    fn each_place_is_taken_once_whatever_is_asked() {
        for lines in [vec![], vec![(0, 9), (9, 0), (3, 3)], vec![(0, 2), (1, 2), (2, 0)]] {
            let place = order(&[0, 1, 1, 4], &[3, 2, 1, 0], &lines);
            assert_eq!((place[0], place[3]), (0, 0));
            assert_eq!(place[1] + place[2], 1);
        }
        assert!(order(&[], &[], &[]).is_empty());
    }

    #[test]
    fn what_is_worst_stands_at_the_top() {
        assert_eq!(order(&[0, 0, 0], &[2, 0, 1], &[]), [2, 0, 1]);
    }
}

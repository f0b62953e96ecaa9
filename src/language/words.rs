//! Lists of known strings: a tree of their beginnings whose branches share their ends.

use super::TooLarge;
use super::nfa::{Nfa, NodeId};
use std::collections::HashMap;

impl Nfa {
    /// These strings, from `start` to `end`; one that is marked stands for all that begin with it. Lists of subjects repeat
    /// their beginnings and their ends, so that hundreds of them take little more than what tells them apart.
    pub(crate) fn words(&mut self, start: NodeId, end: NodeId, words: &mut Vec<(Vec<char>, bool)>) -> Result<(), TooLarge> {
        words.sort_unstable();
        words.dedup();
        let open = self.node()?;
        let after = self.star(open)?;
        self.join(after, end);
        let mut ends: HashMap<(char, NodeId), NodeId> = HashMap::new();
        // The nodes of the tree on the way to the word, by their depth.
        let mut path = vec![start];
        let mut before = 0;
        for (i, (word, begins)) in words.iter().enumerate() {
            let next = words.get(i + 1).map_or(0, |(next, _)| common(word, next));
            let depth = before.max(next);
            path.truncate(before + 1);
            for c in word.iter().take(depth).skip(before) {
                let at = path.last().copied().unwrap_or(start);
                path.push(self.char(at, *c)?);
            }
            let at = path.get(depth).copied().unwrap_or(start);
            let mut to = if *begins { open } else { end };
            for c in word.iter().skip(depth + 1).rev() {
                to = match ends.get(&(*c, to)) {
                    Some(node) => *node,
                    None => {
                        let node = self.node()?;
                        self.char_to(node, *c, to);
                        ends.insert((*c, to), node);
                        node
                    }
                };
            }
            match word.get(depth) {
                Some(c) => self.char_to(at, *c, to),
                None => self.join(at, to),
            }
            before = next;
        }
        Ok(())
    }
}

/// How many characters two words begin with in common.
fn common(a: &[char], b: &[char]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

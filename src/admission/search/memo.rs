//! What searches over the same templates share: joined character classes, derived automata, and how segments move tests.
//!
//! All of it follows from the automata alone, so that remembering changes the time of an answer and never the answer.

use super::compile::Leaf;
use super::resolve::{Op, through};
use crate::language::{Classes, Dfa, FastBuild, Out, TooLarge, readable_rank};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most entries of one table; a full table starts anew.
const MAX_ENTRIES: usize = 20_000;
/// Most pairs of states that are visited to learn how a segment moves a test.
const MAX_EXIT_PAIRS: usize = 20_000;

/// The classes that an alphabet and tests read in step.
#[derive(Debug)]
pub(super) struct Joint {
    pub(super) classes: Classes,
    /// For each joint class the class of the alphabet, then of each test.
    pub(super) maps: Vec<Vec<u16>>,
    /// The joint classes that the alphabet knows, the most readable first.
    pub(super) order: Vec<usize>,
}

impl Joint {
    fn new(alphabet: &Dfa, tests: &[&Arc<Dfa>]) -> Self {
        let all: Vec<&Classes> = std::iter::once(&alphabet.classes).chain(tests.iter().map(|t| &t.classes)).collect();
        let (classes, maps) = Classes::join(&all, &[]);
        let mut order: Vec<usize> = (0..classes.len()).collect();
        let representative = |k: &usize| classes.representatives().get(*k).copied().unwrap_or('\0');
        order.retain(|k| alphabet.uses(representative(k)));
        order.sort_by_key(|k| readable_rank(representative(k)));
        Self { classes, maps, order }
    }
}

/// The states in which a test can be after a segment; none past a limit.
type Exits = Option<Arc<[u32]>>;
/// An automaton by its address; the table holds it, so that the address stays its own.
type Address = usize;

/// A table whose keys are addresses, with what lives there.
type Table<K, V> = HashMap<K, (Vec<Arc<Dfa>>, V), FastBuild>;

/// A leaf, kept so that its address stays its own, and the automaton of its derived string.
type Derived = (Arc<Leaf>, Result<Arc<Dfa>, TooLarge>);

#[derive(Debug, Default)]
struct Tables {
    joints: Table<Vec<Address>, Arc<Joint>>,
    exits: Table<(Address, Address, u32), Exits>,
    derived: HashMap<(Address, Vec<Op>), Derived, FastBuild>,
}

/// The tables.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<Tables>);

fn address<T>(of: &Arc<T>) -> Address {
    Arc::as_ptr(of) as Address
}

impl Memo {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The classes of an alphabet with those of the tests.
    pub(super) fn joint(&self, alphabet: &Arc<Dfa>, tests: &[&Arc<Dfa>]) -> Arc<Joint> {
        let key: Vec<Address> = std::iter::once(alphabet).chain(tests.iter().copied()).map(address).collect();
        if let Some((_, joint)) = self.tables().joints.get(&key) {
            return Arc::clone(joint);
        }
        let joint = Arc::new(Joint::new(alphabet, tests));
        let held = std::iter::once(alphabet).chain(tests.iter().copied()).cloned().collect();
        let mut tables = self.tables();
        room(&mut tables.joints);
        tables.joints.insert(key, (held, Arc::clone(&joint)));
        joint
    }

    /// The automaton of a test on the string before its operations.
    pub(super) fn derived(&self, leaf: &Arc<Leaf>, ops: &[Op]) -> Result<Arc<Dfa>, TooLarge> {
        if ops.is_empty() {
            return leaf.dfa();
        }
        let key = (address(leaf), ops.to_vec());
        if let Some((_, dfa)) = self.tables().derived.get(&key) {
            return dfa.clone();
        }
        let dfa = leaf.dfa().and_then(|dfa| through(dfa, ops));
        let mut tables = self.tables();
        if tables.derived.len() >= MAX_ENTRIES {
            tables.derived.clear();
        }
        tables.derived.insert(key, (Arc::clone(leaf), dfa.clone()));
        dfa
    }

    /// The states in which `test`, in `state` before a segment, can be after it. A state from which the output cannot
    /// change stands for all that follow it.
    pub(super) fn exits(&self, alphabet: &Arc<Dfa>, test: &Arc<Dfa>, state: u32) -> Exits {
        if test.fixed(state).is_some() {
            return Some(Arc::from([state]));
        }
        let key = (address(alphabet), address(test), state);
        if let Some((_, exits)) = self.tables().exits.get(&key) {
            return exits.clone();
        }
        let found = explore(alphabet, test, state, &self.joint(alphabet, &[test]));
        let mut tables = self.tables();
        room(&mut tables.exits);
        tables.exits.insert(key, (vec![Arc::clone(alphabet), Arc::clone(test)], found.clone()));
        found
    }
}

fn room<K, V>(table: &mut Table<K, V>) {
    if table.len() >= MAX_ENTRIES {
        table.clear();
    }
}

fn explore(alphabet: &Dfa, test: &Dfa, state: u32, joint: &Joint) -> Exits {
    let mut exits: Vec<u32> = Vec::new();
    let start = (alphabet.start(), state);
    let mut met: HashSet<(u32, u32), FastBuild> = HashSet::from_iter([start]);
    let mut open = vec![start];
    while let Some((letters, at)) = open.pop() {
        if alphabet.out(letters) == Out::Yes {
            exits.push(at);
        }
        for class in &joint.order {
            let Some([left, right, ..]) = joint.maps.get(*class).map(Vec::as_slice) else { continue };
            let letters = alphabet.next_class(letters, usize::from(*left));
            if !alphabet.is_live(letters) {
                continue;
            }
            let to = test.next_class(at, usize::from(*right));
            if test.fixed(to).is_some() {
                if !exits.contains(&to) {
                    exits.push(to);
                }
            } else if met.insert((letters, to)) {
                open.push((letters, to));
            }
        }
        if met.len() > MAX_EXIT_PAIRS {
            return None;
        }
    }
    exits.sort_unstable();
    exits.dedup();
    Some(exits.into())
}

//! What searches over the same templates share: joined character classes, derived automata, and how segments move tests.
//!
//! All of it follows from the automata alone, so that remembering changes the time of an answer and never the answer.

use super::budget::Query;
use super::compile::Leaf;
use super::resolve::{Op, Piece, Prepared, through};
use crate::language::{Classes, Dfa, FastBuild, MAX_MOVES, Out, TooLarge, readable_rank};
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
    /// For the alphabet and each test the places in the order of its own classes.
    places: Vec<Places>,
    /// The class of the alphabet that most joint classes belong to.
    usual: u16,
}

/// For each class of one automaton the places of its joint classes, one list after the other, and where each begins.
#[derive(Debug)]
struct Places(Vec<u32>, Vec<u16>);

impl Places {
    fn new(order: &[usize], maps: &[Vec<u16>], of: usize) -> Self {
        let own = |class: &usize| maps.get(*class).and_then(|m| m.get(of)).copied().unwrap_or(0);
        let mut all: Vec<(u16, u16)> =
            order.iter().enumerate().map(|(place, class)| (own(class), u16::try_from(place).unwrap_or(u16::MAX))).collect();
        all.sort_unstable();
        let top = all.last().map_or(0, |(class, _)| u32::from(*class) + 2);
        let start = |class: u32| u32::try_from(all.partition_point(|(c, _)| u32::from(*c) < class)).unwrap_or(u32::MAX);
        let starts = (0..top).map(start).collect();
        Self(starts, all.into_iter().map(|(_, place)| place).collect())
    }

    fn of(&self, class: u16) -> &[u16] {
        let place = |i: usize| self.0.get(i).map_or(self.1.len(), |at| *at as usize);
        self.1.get(place(usize::from(class))..place(usize::from(class) + 1)).unwrap_or(&[])
    }

    fn classes(&self) -> std::ops::Range<u16> {
        0..u16::try_from(self.0.len().saturating_sub(1)).unwrap_or(u16::MAX)
    }
}

impl Joint {
    fn new(alphabet: &Dfa, tests: &[&Arc<Dfa>]) -> Self {
        let all: Vec<&Classes> = std::iter::once(&alphabet.classes).chain(tests.iter().map(|t| &t.classes)).collect();
        let (classes, maps) = Classes::join(&all, &[]);
        let mut order: Vec<usize> = (0..classes.len()).collect();
        let representative = |k: &usize| classes.representatives().get(*k).copied().unwrap_or('\0');
        order.retain(|k| alphabet.uses(representative(k)));
        order.sort_by_key(|k| readable_rank(representative(k)));
        let places: Vec<Places> = (0..all.len()).map(|i| Places::new(&order, &maps, i)).collect();
        let usual = places.first().and_then(|p| p.classes().rev().max_by_key(|class| p.of(*class).len())).unwrap_or(0);
        Self { classes, maps, order, places, usual }
    }

    /// Some joint classes of which each that is left out does as the first that is left out and marked: all that is to be
    /// tried from these states of the alphabet and of the tests. The places in the order, ascending.
    pub(super) fn successors(
        &self,
        alphabet: (&Dfa, u32),
        tests: impl Iterator<Item = Option<(impl AsRef<Dfa>, u32)>>,
        out: &mut Vec<u16>,
    ) {
        out.clear();
        let (letters, state) = alphabet;
        if let Some(places) = self.places.first() {
            let usual = letters.next_class(state, usize::from(self.usual));
            for class in places.classes().filter(|class| letters.next_class(state, usize::from(*class)) != usual) {
                out.extend_from_slice(places.of(class));
            }
        }
        let all = || 0..u16::try_from(self.order.len()).unwrap_or(u16::MAX);
        for (test, places) in tests.zip(self.places.iter().skip(1)) {
            let Some((dfa, state)) = test else {
                out.clear();
                out.extend(all());
                return;
            };
            for class in dfa.as_ref().exceptions(state) {
                out.extend_from_slice(places.of(*class));
            }
            if out.len() > 2 * self.order.len() {
                break;
            }
        }
        if out.len() > 2 * self.order.len() {
            out.clear();
            out.extend(all());
            return;
        }
        out.sort_unstable();
        out.dedup();
        // The first that is none of these stands for the rest.
        let other = all().zip(out.iter().map(|p| Some(*p)).chain(std::iter::repeat(None))).find(|(place, out)| Some(*place) != *out);
        if let Some((place, _)) = other {
            out.push(place);
            out.sort_unstable();
        }
    }
}

/// The states in which a test can be after a segment, none past a limit; and the moves that it took to find them.
type Exits = (Option<Arc<[u32]>>, usize);
/// The outputs that a test can have in a template, and the moves that it took to find them.
type Outputs = (Option<Arc<[Out]>>, usize);
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
    outputs: Table<(Address, Address, Vec<Piece>), Outputs>,
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
    pub(super) fn derived(&self, leaf: &Arc<Leaf>, ops: &[Op], query: &Query<'_>) -> Result<Arc<Dfa>, TooLarge> {
        let plain = leaf.dfa(query);
        if ops.is_empty() {
            return plain;
        }
        let price = |dfa: &Result<Arc<Dfa>, TooLarge>| query.pay(dfa.as_ref().map_or(MAX_MOVES, |dfa| dfa.cost()));
        let key = (address(leaf), ops.to_vec());
        if let Some((_, dfa)) = self.tables().derived.get(&key) {
            price(dfa);
            return dfa.clone();
        }
        let dfa = plain.and_then(|dfa| through(dfa, ops));
        price(&dfa);
        let mut tables = self.tables();
        if tables.derived.len() >= MAX_ENTRIES {
            tables.derived.clear();
        }
        tables.derived.insert(key, (Arc::clone(leaf), dfa.clone()));
        dfa
    }

    /// The outputs that a test can have over the pieces of a subject in a template.
    pub(super) fn outputs(&self, test: &Arc<Dfa>, prepared: &Prepared, pieces: &[Piece], find: impl FnOnce() -> Outputs) -> Outputs {
        let key = (address(test), std::ptr::from_ref(prepared) as Address, pieces.to_vec());
        if let Some((_, outputs)) = self.tables().outputs.get(&key) {
            return outputs.clone();
        }
        let outputs = find();
        let mut tables = self.tables();
        room(&mut tables.outputs);
        tables.outputs.insert(key, (vec![Arc::clone(test)], outputs.clone()));
        outputs
    }

    /// The states in which `test`, in `state` before a segment, can be after it. A state from which the output cannot
    /// change stands for all that follow it.
    pub(super) fn exits(&self, alphabet: &Arc<Dfa>, test: &Arc<Dfa>, state: u32) -> Exits {
        if test.fixed(state).is_some() {
            return (Some(Arc::from([state])), 0);
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

/// The states in which a test can be after a segment, for one question; none past a limit.
pub(super) fn exits(alphabet: &Arc<Dfa>, test: &Arc<Dfa>, state: u32) -> Option<Vec<u32>> {
    if test.fixed(state).is_some() {
        return Some(vec![state]);
    }
    explore(alphabet, test, state, &Joint::new(alphabet, &[test])).0.map(|exits| exits.to_vec())
}

fn explore(alphabet: &Arc<Dfa>, test: &Arc<Dfa>, state: u32, joint: &Joint) -> Exits {
    let mut exits: Vec<u32> = Vec::new();
    let start = (alphabet.start(), state);
    let mut met: HashSet<(u32, u32), FastBuild> = HashSet::from_iter([start]);
    let mut open = vec![start];
    let mut places = Vec::new();
    let mut moves = 0;
    while let Some((letters, at)) = open.pop() {
        if alphabet.out(letters) == Out::Yes {
            exits.push(at);
        }
        joint.successors((alphabet, letters), std::iter::once(Some((test, at))), &mut places);
        moves += 1 + places.len();
        for class in places.iter().filter_map(|place| joint.order.get(usize::from(*place))) {
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
            return (None, moves);
        }
    }
    exits.sort_unstable();
    exits.dedup();
    (Some(exits.into()), moves)
}

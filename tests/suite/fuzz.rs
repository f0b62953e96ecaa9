//! A bounded number of mutated inputs for every target of `examples/fuzz`: no panic, no wrong answer. The example runs them for as long
//! as one likes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../examples/fuzz/mutate.rs"]
mod mutate;
#[path = "../../examples/fuzz/seeds.rs"]
mod seeds;
#[path = "../../examples/fuzz/targets.rs"]
mod targets;

use super::invariants;
use mutate::{Random, mutated};
use rayon::prelude::*;
use targets::{TARGETS, Target};

/// The cheapest target's executions.
const EXECUTIONS: usize = 1_500;
/// What they are made from, so that what lands is not a matter of luck.
const SEED: u64 = 20_261_128;

fn fed(target: &Target) -> Vec<String> {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    let mut random = Random::new(SEED);
    let mut wrong = Vec::new();
    for _ in 0..(EXECUTIONS / target.cost).max(8) {
        let text = mutated(&mut random, &seeds, target.words);
        if let Err(why) = (target.run)(&text) {
            wrong.push(format!("{}: {why}\n{text:?}", target.name));
        }
    }
    wrong
}

#[test]
fn no_input_breaks_what_reads_it() {
    let wrong: Vec<String> = TARGETS.par_iter().flat_map_iter(fed).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_inputs_of_a_seed_are_the_same() {
    let seeds = seeds::texts(&seeds::CEL);
    let made = |seed: u64| {
        let mut random = Random::new(seed);
        (0..50).map(|_| mutated(&mut random, &seeds, &["x"])).collect::<Vec<_>>()
    };
    assert_eq!(made(7), made(7));
    assert_ne!(made(7), made(8));
}

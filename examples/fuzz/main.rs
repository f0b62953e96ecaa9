//! Feeds every parser, the evaluator, the conditions, the reports and the whole way with texts that nobody would write, and tells how
//! many each was fed.
//!
//! `cargo run --example fuzz -- [--seconds N | --executions N] [--target NAME] [--seed N] [--slow SECONDS] [--keep FILE]`: so long, or so
//! many for the cheapest target and as many fewer for the others as they cost. The inputs of a seed are the same everywhere; what ends the process by a signal is found in the file of `--keep`.
//! The test `fuzz` of the suite runs the same targets for a bounded number of inputs.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, clippy::indexing_slicing)]

#[allow(dead_code)]
#[path = "../../tests/suite/invariants.rs"]
mod invariants;
mod mutate;
mod seeds;
mod targets;
#[allow(dead_code)]
#[path = "../../tests/suite/witnesses.rs"]
mod witnesses;
#[allow(dead_code)]
#[path = "../../tests/suite/workloads.rs"]
mod workloads;

use mutate::{Random, mutated};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// As the threads have that a run decides in.
const STACK: usize = 2 << 20;

/// What was asked for.
#[derive(Clone)]
struct Options {
    seconds: Option<u64>,
    executions: u64,
    target: Option<String>,
    seed: u64,
    slow: f64,
    keep: Option<String>,
}

/// What came of a target.
#[derive(Default)]
struct Told {
    executions: u64,
    seconds: f64,
    slowest: f64,
    wrong: Vec<String>,
}

fn options() -> Options {
    let mut out = Options { seconds: None, executions: 1_000, target: None, seed: 1, slow: 2.0, keep: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        match name.as_str() {
            "--seconds" => out.seconds = value.parse().ok(),
            "--executions" => out.executions = value.parse().unwrap_or(out.executions),
            "--target" => out.target = Some(value),
            "--seed" => out.seed = value.parse().unwrap_or(out.seed),
            "--slow" => out.slow = value.parse().unwrap_or(out.slow),
            "--keep" => out.keep = Some(value),
            other => eprintln!("unknown option {other}"),
        }
    }
    out
}

fn fed(target: &'static Target, options: &Options) -> Told {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    let mut random = Random::new(options.seed);
    let mut told = Told::default();
    let begun = Instant::now();
    loop {
        let over = match options.seconds {
            Some(seconds) => begun.elapsed() >= Duration::from_secs(seconds),
            None => told.executions >= (options.executions / u64::try_from(target.cost).unwrap_or(1)).max(1),
        };
        if over || told.wrong.len() >= 20 {
            break;
        }
        let text = mutated(&mut random, &seeds, target.words);
        if let Some(keep) = &options.keep {
            let _ = std::fs::write(keep, format!("{}\n{text}", target.name));
        }
        let at = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| (target.run)(&text)));
        let seconds = at.elapsed().as_secs_f64();
        told.executions += 1;
        told.slowest = told.slowest.max(seconds);
        let wrong = match answer {
            Ok(Ok(())) if seconds > options.slow => Some(format!("{seconds:.1} s")),
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some("a panic".to_owned()),
        };
        told.wrong.extend(wrong.map(|why| format!("{}, seed {}, input {}: {why}\n{text:?}", target.name, options.seed, told.executions)));
    }
    told.seconds = begun.elapsed().as_secs_f64();
    told
}

fn main() -> ExitCode {
    let options = options();
    let mut wrong = 0;
    println!("| target | executions | seconds | slowest s | wrong |\n|---|---|---|---|---|");
    for target in TARGETS.iter().filter(|t| options.target.as_ref().is_none_or(|name| name == t.name)) {
        let own = options.clone();
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || fed(target, &own)).expect("a thread");
        let told = thread.join().expect("the target was fed");
        println!("| {} | {} | {:.0} | {:.2} | {} |", target.name, told.executions, told.seconds, told.slowest, told.wrong.len());
        told.wrong.iter().for_each(|why| eprintln!("{why}\n"));
        wrong += told.wrong.len();
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

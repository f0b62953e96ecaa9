//! The fedlint command line.

use std::process::ExitCode;

/// A run makes and drops many small trees: a third of its time went to the allocator of the system (`docs/performance.md`).
#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fedlint::command_line()
}

//! The fedlint command line.

fn main() {}

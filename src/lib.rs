//! fedlint: a static linter for workload identity federation.
//!
//! ```text
//! files -> syntax trees -> (Terraform evaluation) -> readers -> trust graph -> links -> rules (+ admission engine) -> findings -> reports
//! source   syntax          terraform                 readers    graph                   rules    admission, issuers, language     report
//! ```
//! Each arrow goes one way; a module knows only what stands left of it.
// Input is hostile: an index that is out of bounds would end the run. Tests may index.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::string_slice))]

pub mod admission;
pub mod calendar;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod gate;
pub mod graph;
pub mod issuers;
pub mod kinds;
pub mod language;
pub mod partial;
pub mod pipeline;
pub mod place;
pub mod readers;
pub mod report;
pub mod rules;
pub mod simulation;
pub mod source;
pub mod syntax;
pub mod terraform;
pub mod token;

//! The rules: one Markdown file each under `rules/`, checks, and what they find.

pub mod catalogue;
pub mod finding;

pub use finding::{Category, Confidence, Finding, Related, Severity};

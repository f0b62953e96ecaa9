//! The rules: one Markdown file each under `rules/`, checks, and what they find.

pub mod advice;
pub mod baseline;
pub mod checks;
pub mod comments;
pub mod engine;
pub mod facts;
pub mod finding;
pub mod fingerprint;
pub mod predicate;
pub mod suppress;

pub use finding::{Edit, Finding, Related, Suppressed, SuppressedBy};

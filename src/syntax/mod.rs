//! Spanned trees: what the files say, before anybody asks what it means.

pub mod bicep;
pub mod hcl;
pub mod helm;
pub mod json;
pub mod markdown;
pub mod powershell;
pub mod shell;
pub mod yaml;

use crate::partial::Value;
use crate::place::Span;

/// Something in a file that could not be read. It never hides the rest of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What, lower case, no full stop.
    pub message: String,
}

/// The documents of a file and what was wrong in it.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// The documents that could be read, in order.
    pub documents: Vec<Value>,
    /// What could not.
    pub problems: Vec<Problem>,
}

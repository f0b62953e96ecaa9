//! Shell scripts (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html>, with what bash adds).
//!
//! The parser is our own: places of words inside here-documents and substitutions are exact, nesting is bounded, and text
//! is looked at once. It runs nothing; what the words mean is the readers' business.

pub mod ast;
mod here;
mod parser;
#[cfg(test)]
mod tests;
mod word;

/// Why a script could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ShellError {
    /// The byte where reading ended.
    pub at: usize,
    /// Lower case, no full stop.
    pub message: &'static str,
}

/// The commands of a script.
///
/// # Errors
/// When the text is no script, or nests too deep.
pub fn parse(text: &str) -> Result<ast::List, ShellError> {
    parser::Parser::new(text).script()
}

/// A text in which variables and substitutions are expanded and nothing else is special: a here-document.
///
/// # Errors
/// As [`parse`].
pub fn document(text: &str) -> Result<ast::Word, ShellError> {
    parser::Parser::new(text).document()
}

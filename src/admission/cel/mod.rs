//! CEL, the Common Expression Language, as Google evaluates it in workload identity federation.
//!
//! ```text
//! Text -> lexer -> parser -> ast -> evaluate (one token)          -> google::evaluate_provider
//!                                -> google::formula (all tokens)  -> search
//! ```
//! The language: <https://github.com/google/cel-spec/blob/master/doc/langdef.md>. The source may hold holes (values
//! that static reading does not know): inside a string literal they make a string with holes, elsewhere an unknown.

pub mod ast;
pub mod evaluate;
mod format;
mod functions;
pub mod google;
mod lexer;
mod parser;
mod regex;
mod strings;
mod time;
pub mod value;

#[cfg(any(test, feature = "internals"))]
pub use evaluate::{Fault, Scope, evaluate};
pub use parser::{Problem, parse};
pub use value::Value;

#[cfg(test)]
mod tests;

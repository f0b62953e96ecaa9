//! Languages: the set of strings that a pattern accepts, as small deterministic automata over Unicode characters.
//!
//! Everything a trust can say of one string (equal, glob, prefix, regular expression, length, order) becomes one
//! [`Dfa`], so that membership, inclusion and emptiness are questions about tables. Construction is bounded by the
//! constants of this module; a pattern beyond them is [`TooLarge`], never slow.

mod classes;
#[cfg(any(test, feature = "internals"))]
mod compare;
mod derive;
mod dfa;
mod nfa;
mod regex;
mod subset;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use classes::{Classes, readable_rank};
pub(crate) use dfa::{Dfa, Out};
pub(crate) use nfa::{Nfa, NodeId};
pub(crate) use regex::to_rust as re2_to_rust;
pub(crate) use rustc_hash::FxBuildHasher as FastBuild;

use std::sync::Arc;

/// Most states of one automaton.
pub const MAX_STATES: usize = 16_384;
/// Most cells (states × character classes) of one automaton's table.
pub const MAX_CELLS: usize = 1 << 21;
/// Most states of the nondeterministic form of a pattern.
pub const MAX_NODES: usize = 65_536;
/// Most nodes that are moved by a character class while an automaton is made deterministic: hundreds of stars stay within
/// the number of states for a long time.
pub const MAX_MOVES: usize = 2_000_000;
/// The same for the union of patterns with stars: past it they are followed one by one.
pub const MAX_UNION_MOVES: usize = 100_000;

/// A pattern that is beyond the limits of this module, or that it does not model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// The automaton would exceed a limit.
    #[error("the pattern needs too large an automaton")]
    Limit,
    /// The regular expression does not parse as RE2.
    #[error("the regular expression does not parse: {0}")]
    Syntax(String),
    /// A construct without a counterpart here (word boundaries, multi-line anchors).
    #[error("the regular expression uses {0}, which is not modelled")]
    Unsupported(&'static str),
}

/// A piece of a glob: see [`Language::glob`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These characters.
    Literal(&'a str),
    /// Any run of characters, the empty one and line ends included.
    Star,
    /// Exactly one character.
    #[cfg_attr(
        not(any(test, feature = "internals")),
        expect(dead_code, reason = "patterns of policies go to the automaton piece by piece")
    )]
    One,
}

/// A set of strings.
#[derive(Debug, Clone)]
pub struct Language(pub(crate) Arc<Dfa>);

impl Language {
    fn build(f: impl FnOnce(&mut Nfa, NodeId) -> Result<NodeId, TooLarge>) -> Result<Self, TooLarge> {
        let mut nfa = Nfa::new();
        let start = nfa.node()?;
        let end = f(&mut nfa, start)?;
        Ok(Self(Arc::new(nfa.determinise(start, end)?)))
    }

    /// Every string.
    ///
    /// # Errors
    /// None in practice; the signature is that of the other constructors.
    pub fn any() -> Result<Self, TooLarge> {
        Self::glob(&[Piece::Star])
    }

    /// The strings that an IAM glob matches: `*` any run across every character, `?` one code point
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).
    ///
    /// # Errors
    /// [`TooLarge`] when the automaton would be too large (`*a??????????????`).
    pub fn glob(pieces: &[Piece<'_>]) -> Result<Self, TooLarge> {
        Self::build(|nfa, start| {
            pieces.iter().try_fold(start, |at, piece| match piece {
                Piece::Literal(text) => nfa.literal(at, text),
                Piece::Star => nfa.star(at),
                Piece::One => nfa.one(at),
            })
        })
    }

    /// The strings that contain `text`.
    ///
    /// # Errors
    /// [`TooLarge`] for a very long text.
    pub fn containing(text: &str) -> Result<Self, TooLarge> {
        Self::glob(&[Piece::Star, Piece::Literal(text), Piece::Star])
    }

    /// The strings in which an RE2 expression matches somewhere (CEL's `matches`,
    /// <https://github.com/google/cel-spec/blob/master/doc/langdef.md#regular-expressions>).
    ///
    /// # Errors
    /// [`TooLarge`] when it does not parse, is not modelled or is beyond the limits.
    pub fn regex_search(pattern: &str) -> Result<Self, TooLarge> {
        Self::build(|nfa, start| {
            let at = nfa.star(start)?;
            let at = nfa.regex(at, pattern)?;
            nfa.star(at)
        })
    }

    /// The strings that an RE2 expression matches whole.
    ///
    /// # Errors
    /// As [`Language::regex_search`].
    pub fn regex_whole(pattern: &str) -> Result<Self, TooLarge> {
        Self::build(|nfa, start| nfa.regex(start, pattern))
    }

    /// True when `text` is one of the strings.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.0.out(self.0.run(self.0.start(), text)) == Out::Yes
    }

    /// A shortest string, of readable characters where there is a choice.
    #[must_use]
    pub fn shortest(&self) -> Option<String> {
        self.0.shortest_from(self.0.start())
    }
}

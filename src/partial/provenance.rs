//! The way a value came: the steps between the literal and the place that uses it.

use crate::place::Span;
use std::sync::Arc;

/// One step on the way from a literal to the place that uses it ("local `subject`", "argument `sub` of module `x`").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Where the step is written.
    pub span: Span,
    /// What it is, lower case: "local `subjects`", "default of variable `org`", "argument `repo` of module `ci`".
    pub what: Arc<str>,
    /// The steps that came before (nearer to the literal).
    pub before: Trail,
}

/// The way a value came, nearest use first; empty for a value that is written where it is used.
pub type Trail = Option<Arc<Hop>>;

/// The hops of a trail, nearest use first.
pub fn hops(trail: &Trail) -> impl Iterator<Item = &Hop> {
    std::iter::successors(trail.as_deref(), |hop| hop.before.as_deref())
}

//! The formula over sets of truths: what it can still become.

use crate::token::Truth;
use std::sync::LazyLock;

/// A set of truths, one bit each.
pub(super) type Mask = u8;
pub(super) const TRUE: Mask = 1;
pub(super) const FALSE: Mask = 2;
const ERROR: Mask = 4;
pub(super) const UNKNOWN: Mask = 8;
pub(super) const ANYTHING: Mask = 15;

pub(super) fn bit(truth: Truth) -> Mask {
    match truth {
        Truth::True => TRUE,
        Truth::False => FALSE,
        Truth::Error => ERROR,
        Truth::Unknown => UNKNOWN,
    }
}

const TRUTHS: [Truth; 4] = [Truth::True, Truth::False, Truth::Error, Truth::Unknown];

fn map(mask: Mask, f: impl Fn(Truth) -> Truth) -> Mask {
    TRUTHS.iter().filter(|t| mask & bit(**t) != 0).fold(0, |m, t| m | bit(f(*t)))
}

/// Conjunction of two sets of truths, element by element.
static AND: LazyLock<Vec<Mask>> = LazyLock::new(|| {
    let both = |a: Mask, b: Mask| TRUTHS.iter().filter(|t| a & bit(**t) != 0).fold(0, |m, t| m | map(b, |u| t.and(u)));
    (0..=255u8).map(|pair| both(pair >> 4, pair & 15)).collect()
});

fn and(a: Mask, b: Mask) -> Mask {
    AND.get(usize::from(a << 4 | b)).copied().unwrap_or(15)
}

fn not(a: Mask) -> Mask {
    (a & 12) | (a & 1) << 1 | (a & 2) >> 1
}

/// The formula over tracks, constants folded.
#[derive(Debug, Clone)]
pub(super) enum Sim {
    Constant(Truth),
    Track(usize),
    Not(Box<Sim>),
    All(Vec<Sim>),
    Any(Vec<Sim>),
}

impl Sim {
    pub(super) fn eval(&self, track: &impl Fn(usize) -> Mask) -> Mask {
        match self {
            Self::Constant(truth) => bit(*truth),
            Self::Track(i) => track(*i),
            Self::Not(inner) => not(inner.eval(track)),
            Self::All(all) => all.iter().fold(TRUE, |m, s| if m == FALSE { m } else { and(m, s.eval(track)) }),
            Self::Any(all) => not(all.iter().fold(TRUE, |m, s| if m == FALSE { m } else { and(m, not(s.eval(track))) })),
        }
    }

    /// Folds what no track can change.
    pub(super) fn folded(self, tracks: &impl Fn(usize) -> Mask) -> Self {
        let mask = self.eval(tracks);
        if let Some(truth) = TRUTHS.iter().find(|t| bit(**t) == mask) {
            return Self::Constant(*truth);
        }
        let each = |all: Vec<Self>, neutral: Truth| {
            let folded = all.into_iter().map(|s| s.folded(tracks));
            folded.filter(|s| !matches!(s, Self::Constant(t) if *t == neutral)).collect::<Vec<_>>()
        };
        match self {
            Self::Not(inner) => Self::Not(Box::new(inner.folded(tracks))),
            Self::All(all) => Self::All(each(all, Truth::True)),
            Self::Any(all) => Self::Any(each(all, Truth::False)),
            other => other,
        }
    }

    pub(super) fn used(&self, out: &mut Vec<usize>) {
        match self {
            Self::Constant(_) => {}
            Self::Track(i) => out.push(*i),
            Self::Not(inner) => inner.used(out),
            Self::All(all) | Self::Any(all) => all.iter().for_each(|s| s.used(out)),
        }
    }
}

//! What is known of an unknown: what a `validation` block says of its variable.

use regex::Regex;
use std::sync::Arc;

/// Most values of a set that is written out.
pub const MAX_VALUES: usize = 64;

/// A condition that a string fulfils.
#[derive(Debug, Clone)]
pub enum Fact {
    /// It is one of these.
    OneOf(Vec<Arc<str>>),
    /// An RE2 expression matches somewhere in it: the expression as written and compiled.
    Matches(Arc<str>, Regex),
    /// It does not fulfil this one.
    Not(Box<Fact>),
    /// It fulfils each of these.
    All(Vec<Fact>),
    /// It fulfils one of these.
    Any(Vec<Fact>),
}

impl Fact {
    /// True when the string fulfils the condition.
    #[must_use]
    pub fn allows(&self, text: &str) -> bool {
        match self {
            Self::OneOf(all) => all.iter().any(|one| **one == *text),
            Self::Matches(_, regex) => regex.is_match(text),
            Self::Not(inner) => !inner.allows(text),
            Self::All(all) => all.iter().all(|f| f.allows(text)),
            Self::Any(all) => all.iter().any(|f| f.allows(text)),
        }
    }

    /// Every string that fulfils the condition, where they can be written out.
    #[must_use]
    pub fn values(&self) -> Option<Vec<Arc<str>>> {
        let all = match self {
            Self::OneOf(all) => all.clone(),
            Self::Matches(..) | Self::Not(_) => return None,
            Self::All(all) => {
                let set = all.iter().find_map(Self::values)?;
                set.into_iter().filter(|v| self.allows(v)).collect()
            }
            Self::Any(all) => all.iter().map(Self::values).collect::<Option<Vec<_>>>()?.concat(),
        };
        let mut out: Vec<Arc<str>> = Vec::new();
        for value in all {
            if !out.contains(&value) {
                out.push(value);
            }
        }
        (out.len() <= MAX_VALUES).then_some(out)
    }

    /// The expressions of which one must match: a place to begin when a string that fulfils the condition is wanted.
    #[must_use]
    pub fn patterns(&self) -> Vec<Arc<str>> {
        match self {
            Self::Matches(pattern, _) => vec![Arc::clone(pattern)],
            Self::All(all) | Self::Any(all) => all.iter().flat_map(Self::patterns).collect(),
            Self::OneOf(_) | Self::Not(_) => Vec::new(),
        }
    }
}

/// What is known of an unknown and of the elements of one that is a collection.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Of the unknown itself, as a string.
    pub own: Option<Fact>,
    /// Of each of its elements.
    pub items: Option<Arc<Fact>>,
}

impl Facts {
    /// Nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_none() && self.items.is_none()
    }
}

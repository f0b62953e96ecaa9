//! Tokens, and what comes of showing one: the words that issuers, evaluators and reports share.

use crate::place::Span;
use std::collections::BTreeMap;
use std::fmt;

/// A claim's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A string (numbers and booleans of a JWT are kept in their JSON form by [`Claim::Json`]).
    String(String),
    /// Several strings (`aud` as an array, `groups`).
    List(Vec<String>),
    /// Anything else of JSON: numbers, booleans, objects.
    Json(serde_json::Value),
    /// A value that was not provided: a test of it is not decided.
    Open {
        /// The token may as well lack the claim.
        optional: bool,
    },
}

/// A token: claims by name, in order of their names. Also used for ready IAM condition keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Token {
    /// The claims.
    pub claims: BTreeMap<String, Claim>,
}

impl Token {
    /// The claim as one string, when it is one.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.claims.get(name) {
            Some(Claim::String(s)) => Some(s),
            _ => None,
        }
    }

    /// Sets a string claim.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.claims.insert(name.into(), Claim::String(value.into()));
    }

    /// Reads a JSON object of claims.
    #[must_use]
    pub fn from_json(object: &serde_json::Map<String, serde_json::Value>) -> Self {
        let claim = |value: &serde_json::Value| match value {
            serde_json::Value::String(s) => Claim::String(s.clone()),
            serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_string) => {
                Claim::List(items.iter().filter_map(|i| i.as_str().map(str::to_owned)).collect())
            }
            other => Claim::Json(other.clone()),
        };
        Self { claims: object.iter().map(|(k, v)| (k.clone(), claim(v))).collect() }
    }

    /// The token as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let value = |claim: &Claim| match claim {
            Claim::String(s) => serde_json::Value::String(s.clone()),
            Claim::List(items) => serde_json::Value::from(items.clone()),
            Claim::Json(other) => other.clone(),
            Claim::Open { .. } => serde_json::Value::Null,
        };
        serde_json::Value::Object(self.claims.iter().map(|(k, v)| (k.clone(), value(v))).collect())
    }
}

/// The answer for one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The token gets in.
    Admit,
    /// It does not.
    Deny,
    /// Static reading cannot tell, or the authorities disagree.
    Unknown,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admit => "admit",
            Self::Deny => "deny",
            Self::Unknown => "unknown",
        })
    }
}

/// One test that an evaluator made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The test as a person reads it: `StringEquals token.actions.githubusercontent.com:sub`.
    pub test: String,
    /// What it came to.
    pub outcome: Truth,
    /// What was expected.
    pub expected: Option<String>,
    /// What the token holds; none for an absent claim.
    pub found: Option<String>,
    /// Where the test is written.
    pub span: Option<Span>,
    /// Why, when the outcome alone does not say it.
    pub note: Option<String>,
}

/// A decision with the tests that led to it, in the order they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The decision.
    pub decision: Decision,
    /// The tests.
    pub trace: Vec<Step>,
    /// For [`Decision::Unknown`]: why, one reason each.
    pub reasons: Vec<String>,
}

impl Evaluation {
    /// The first test that failed, for a refusal.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Step> {
        self.trace.iter().find(|s| matches!(s.outcome, Truth::False | Truth::Error))
    }
}

/// The truth of a test: CEL adds errors to the two classical values, static reading adds unknowns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Truth {
    /// Holds.
    True,
    /// Does not hold.
    False,
    /// Cannot be evaluated (a missing claim in CEL). At the top of a condition the cloud refuses.
    Error,
    /// Not decidable statically.
    Unknown,
}

impl Truth {
    /// Negation: an error or an unknown stays what it is.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            other => other,
        }
    }

    /// Conjunction with CEL's absorption: false wins over everything, then unknown, then error
    /// (<https://github.com/google/cel-spec/blob/master/doc/langdef.md#logical-operators>).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Error, _) | (_, Self::Error) => Self::Error,
            (Self::True, Self::True) => Self::True,
        }
    }

    /// Disjunction, the mirror of [`Truth::and`].
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

impl From<bool> for Truth {
    fn from(b: bool) -> Self {
        if b { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, Error, False, True, Unknown};

    /// An unknown that turns out false absorbs the error beside it, so unknown stands before error.
    #[test]
    fn false_wins_over_unknown_and_unknown_over_error() {
        let order = [False, Unknown, Error, True];
        for (i, a) in order.into_iter().enumerate() {
            for (j, b) in order.into_iter().enumerate() {
                assert_eq!(a.and(b), order[i.min(j)], "{a:?} and {b:?}");
            }
        }
        let order: [Truth; 4] = [True, Unknown, Error, False];
        for (i, a) in order.into_iter().enumerate() {
            for (j, b) in order.into_iter().enumerate() {
                assert_eq!(a.or(b), order[i.min(j)], "{a:?} or {b:?}");
            }
        }
    }
}

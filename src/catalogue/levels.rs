//! How bad, how sure, and of what sort a finding is.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A matter of doctrine or taste.
    Info,
    /// Bounded and unlikely to matter alone.
    Low,
    /// Worth a change.
    Medium,
    /// Worth a change now.
    High,
    /// A stranger gets a privileged or unknown identity.
    Critical,
}

/// What sort of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Somebody gets in who should not.
    Exposure,
    /// A trust, binding or job that can never work.
    Broken,
    /// Bounded, but weak practice.
    Hygiene,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It depends on an unknown, or on a library module's defaults.
    Likely,
    /// It holds for every value of every unknown.
    Proven,
}

macro_rules! display_lowercase {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", format!("{self:?}").to_lowercase())
            }
        }
    )*};
}
display_lowercase!(Severity, Category, Confidence);

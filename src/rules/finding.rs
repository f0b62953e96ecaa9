//! What a rule found.

use crate::place::Span;
use crate::token::Token;
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

/// A place that belongs to a finding: a hop on the way, the other side of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// What stands there, lower case.
    pub message: String,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// Its category.
    pub category: Category,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The literal that is wrong.
    pub span: Span,
    /// The identity it is about, as a person names it: `aws_iam_role.deploy`, an ARN, an e-mail.
    pub identity: Option<String>,
    /// The block, document or object that declares the identity: its instances share it.
    pub declared: Option<Span>,
    /// Judged with the defaults of a module that nobody calls.
    pub library: bool,
    /// What is wrong and why it matters.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// A token that gets in.
    pub witness: Option<Token>,
    /// Places that belong to it, nearest first.
    pub related: Vec<Related>,
    /// What the finding is about without any line number: rule, identity and trust. Hashed into the fingerprint.
    pub edge: String,
}

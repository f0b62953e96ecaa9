//! What a rule found.

use crate::catalogue::{Category, Confidence, RuleId, Severity};
use crate::place::Span;
use crate::token::Token;

/// A place that belongs to a finding: a hop on the way, the other side of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub span: Span,
    /// What stands there, lower case.
    pub message: String,
}

/// A change of the text that mends a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced, within one line.
    pub span: Span,
    /// By what.
    pub text: String,
}

/// By whose word a finding is not reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppressedBy {
    /// A comment, member or annotation beside it.
    Comment,
    /// `[[ignore]]` of the configuration.
    Configuration,
    /// The baseline.
    Baseline,
}

/// A finding that its owners have accepted.
#[derive(Debug, Clone)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// Who accepted it.
    pub by: SuppressedBy,
    /// Why, in their words; may be empty.
    pub reason: String,
    /// The last day on which that holds, as `2027-01-01`.
    pub until: Option<String>,
    /// Where it is written.
    pub span: Option<Span>,
}

/// Of how much a finding is said once that has a key to be merged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeIn {
    /// One declaration.
    Declaration,
    /// A file, with all of its declarations.
    File,
    /// All that is read.
    Run,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
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
    /// Judged with a default that only stands in for what a caller passes.
    pub stands_in: bool,
    /// What is wrong and why it matters.
    pub message: String,
    /// What is wrong with the literal, in a few words.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// The change that does it, where that is certain.
    pub edit: Option<Edit>,
    /// A token that gets in.
    pub witness: Option<Token>,
    /// Places that belong to it, nearest first.
    pub related: Vec<Related>,
    /// What the finding is about without any line number: rule, identity and trust. Hashed into the fingerprint.
    pub edge: String,
    /// What is said once of a declaration, however many values and instances it has: findings of one rule and declaration
    /// with the same key are one. None where each place is a fact of its own.
    pub merge_key: Option<String>,
    /// Not told where the same declaration is found open: what is still to be filled in is judged there as it will be.
    pub yields: bool,
    /// Of how much that is said once.
    pub merge_in: MergeIn,
    /// The finding's identity over time: the same for the same problem when lines move, 32 hexadecimal digits, unique in a run.
    pub fingerprint: String,
}

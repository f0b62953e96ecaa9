//! The parts of an IAM trust policy, each with its place.

use super::operator::Operator;
use crate::partial::{Text, Trail};
use crate::place::Span;

/// A trust policy as it was written. Elements: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// `Version`; none means 2008-10-17.
    pub version: Option<Text>,
    /// The statements in order.
    pub statements: Vec<Statement>,
    /// Why there may be more statements than these.
    pub open: Option<String>,
    /// What IAM rejects, drops or is likely not meant.
    pub problems: Vec<PolicyProblem>,
    /// The document.
    pub span: Option<Span>,
}

impl Policy {
    /// True when `${…}` in values are policy variables: only in version 2012-10-17. None when the version is unknown.
    #[must_use]
    pub fn has_variables(&self) -> Option<bool> {
        match &self.version {
            None => Some(false),
            Some(text) => text.as_known().map(|v| v == "2012-10-17"),
        }
    }
}

/// What a statement does when it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Lets in.
    Allow,
    /// Keeps out, whatever else lets in.
    Deny,
    /// Not known.
    Unknown,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// `Sid`.
    pub sid: Option<Text>,
    /// `Effect`.
    pub effect: Effect,
    /// `Principal` or `NotPrincipal`.
    pub principals: Principals,
    /// `Action` or `NotAction`.
    pub actions: Actions,
    /// The tests of `Condition`: all have to hold.
    pub conditions: Vec<ConditionTest>,
    /// Why there may be more conditions than these.
    pub open_conditions: Option<String>,
    /// Why it is not certain that the statement is there.
    pub maybe: Option<String>,
    /// The statement.
    pub span: Option<Span>,
}

impl Statement {
    /// How a person names it: its `Sid`, else its number from 1.
    #[must_use]
    pub fn name(&self, index: usize) -> String {
        self.sid.as_ref().map_or_else(|| format!("statement {}", index + 1), |sid| format!("statement `{sid}`"))
    }
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, Default)]
pub struct Principals {
    /// `NotPrincipal`.
    pub negated: bool,
    /// The principals that are known to be named.
    pub items: Vec<Principal>,
    /// Principals of which it is not known whether they are named: a condition that is not known chooses among several lists.
    pub possible: Vec<Principal>,
    /// Why there may be more principals than the items.
    pub open: Option<String>,
    /// The element.
    pub span: Option<Span>,
}

impl Principals {
    /// Why there may be more principals than the items, or more behind one of these.
    #[must_use]
    pub fn why_open(&self) -> Option<&String> {
        self.open.as_ref().or_else(|| self.items.iter().find_map(|p| p.leaf.several.as_ref()))
    }
}

/// The kinds of principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `"Principal": "*"`.
    Everyone,
    /// `AWS`.
    Aws,
    /// `Federated`.
    Federated,
    /// `Service`.
    Service,
    /// `CanonicalUser`.
    CanonicalUser,
    /// A key that IAM does not know, or an unknown one.
    Other,
}

/// One principal of a statement.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Its kind.
    pub kind: PrincipalKind,
    /// What it says, one alternative usually; more when an unknown condition chooses.
    pub leaf: Leaf,
    /// The key under which the statement names it.
    pub key: Text,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    /// `NotAction`.
    pub negated: bool,
    /// The patterns.
    pub patterns: Values,
    /// The element.
    pub span: Option<Span>,
}

/// One string of the policy.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The string; more than one when an unknown condition chooses among them. Never empty.
    pub choices: Vec<Text>,
    /// Why it may be a list of strings: nothing of it is known.
    pub several: Option<String>,
    /// Where it is written.
    pub span: Option<Span>,
    /// The way it came.
    pub trail: Trail,
}

impl Leaf {
    /// The string, when there is only one.
    #[must_use]
    pub fn text(&self) -> Option<&Text> {
        match self.choices.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

/// A list of strings.
#[derive(Debug, Clone, Default)]
pub struct Values {
    /// The lists that it can be: one usually; more when an unknown condition chooses among them.
    pub choices: Vec<ValueList>,
}

impl Values {
    /// Every string of every alternative.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.choices.iter().flat_map(|c| c.items.iter())
    }
}

/// One alternative of [`Values`].
#[derive(Debug, Clone, Default)]
pub struct ValueList {
    /// The strings.
    pub items: Vec<Leaf>,
    /// Why there may be more strings than these.
    pub open: Option<String>,
}

impl ValueList {
    /// Why there may be more strings than the items, or more behind one of these.
    #[must_use]
    pub fn why_open(&self) -> Option<&String> {
        self.open.as_ref().or_else(|| self.items.iter().find_map(|leaf| leaf.several.as_ref()))
    }
}

/// One test: an operator, a key, the values.
#[derive(Debug, Clone)]
pub struct ConditionTest {
    /// The operator; none when IAM knows no such operator.
    pub operator: Option<Operator>,
    /// The operator as written.
    pub operator_text: Text,
    /// The condition key.
    pub key: Text,
    /// The values.
    pub values: Values,
    /// Why it is not certain that the test is there.
    pub maybe: Option<String>,
    /// The key and its values.
    pub span: Option<Span>,
}

impl ConditionTest {
    /// The test as a person reads it: `StringLike token.actions.githubusercontent.com:sub`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.operator_text, self.key)
    }
}

/// What is wrong with a policy as a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The document or a part of it does not have the shape of a policy.
    Malformed,
    /// A key is there twice: the last one counts.
    DuplicateKey,
    /// An element that no policy has.
    UnknownElement,
    /// `"Principal": "*"`: invalid in a trust policy.
    PrincipalStar,
    /// `NotPrincipal`: not allowed in a trust policy.
    NotPrincipal,
    /// No `Principal`.
    MissingPrincipal,
    /// A principal of a kind that IAM does not know.
    UnknownPrincipalKind,
    /// `Resource` or `NotResource`: prohibited in a trust policy.
    Resource,
    /// An action that is not of STS.
    NonStsAction,
    /// No `Action`.
    MissingAction,
    /// No `Effect`, or neither `Allow` nor `Deny`.
    BadEffect,
    /// Cognito as a principal without a condition.
    CognitoWithoutCondition,
    /// No such condition operator.
    UnknownOperator,
    /// An operator in other letter case than documented.
    OperatorCase,
    /// `Null` with `IfExists` or a set operator.
    InvalidNull,
    /// A condition without values.
    EmptyValues,
    /// Longer than the default quota of 2048 characters.
    TooLong,
    /// Longer than any quota.
    TooLarge,
    /// A `Version` that does not exist.
    BadVersion,
}

/// Something that IAM rejects, drops, or reads differently than it looks.
#[derive(Debug, Clone)]
pub struct PolicyProblem {
    /// Where.
    pub span: Option<Span>,
    /// What sort.
    pub kind: ProblemKind,
    /// What, for a person.
    pub message: String,
}

impl ProblemKind {
    /// True when IAM refuses to store a policy with this problem. (Of empty values the documentation says nothing; the
    /// quota can be raised.)
    #[must_use]
    pub fn rejected_at_write(self) -> bool {
        !matches!(self, Self::DuplicateKey | Self::OperatorCase | Self::TooLong | Self::EmptyValues)
    }
}

//! Google Cloud workload identity federation: the provider's mapping and condition, and IAM's principal identifiers.
//!
//! A token is admitted when every mapped attribute can be computed and the condition is true
//! (<https://cloud.google.com/iam/docs/workload-identity-federation#mapping>).

mod circle;
mod compile;
mod condition;
mod evaluate;
mod exact;
mod member;
mod references;
mod symbol;

pub use circle::circles;
pub use compile::{condition_formula, member_formula};
pub use condition::{Standing, standing};
pub use evaluate::{Attributes, evaluate_member, evaluate_provider};
pub use member::{Member, MemberKind, MemberProblem, MemberProblemKind, Piece, ProjectKind, Selector};
pub use references::references;

use super::ast::Expr;
use super::parser::{Problem, parse};
use crate::partial::Text;
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// Most bytes of `google.subject` (<https://cloud.google.com/iam/docs/workload-identity-federation#mapping>).
pub const MAX_SUBJECT: usize = 127;

/// Google's default mapping of AWS providers, in force only when the provider maps nothing
/// (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#mappings-and-conditions>).
pub const AWS_DEFAULT_MAPPING: [(&str, &str); 2] = [
    ("google.subject", "assertion.arn"),
    (
        "attribute.aws_role",
        "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/' + \
         assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn",
    ),
];

/// A provider as far as admission goes.
#[derive(Debug, Clone, Default)]
pub struct GoogleView {
    /// The mapping in the order of the file: `google.subject`, `google.groups`, `attribute.x` to expressions.
    pub mapping: Vec<(String, Text)>,
    /// The provider trusts AWS: without a mapping, [`AWS_DEFAULT_MAPPING`] holds.
    pub aws: bool,
    /// The attribute condition, when there is one.
    pub condition: Option<Text>,
    /// The issuer is known and all claims that it mints (but for times and `*_verified`) are strings, so that a
    /// comparison with a number or a truth value is false.
    pub string_claims: bool,
    /// The claims of the issuer that are truth values.
    pub truths: BTreeSet<String>,
}

/// A provider with its expressions read.
pub(crate) struct Compiled {
    pub(crate) mapping: Vec<(String, Result<Expr, Problem>)>,
    pub(crate) condition: Option<Result<Expr, Problem>>,
    pub(crate) string_claims: bool,
    pub(crate) truths: BTreeSet<String>,
}

impl Compiled {
    pub(crate) fn of(view: &GoogleView) -> Self {
        let mut mapping: Vec<(String, Result<Expr, Problem>)> = if view.mapping.is_empty() && view.aws {
            AWS_DEFAULT_MAPPING.iter().map(|(k, e)| ((*k).to_owned(), parse(&Text::known(e)))).collect()
        } else {
            view.mapping.iter().map(|(k, e)| (k.clone(), parse(e))).collect()
        };
        circle::cut(&mut mapping);
        Self { mapping, condition: view.condition.as_ref().map(parse), string_claims: view.string_claims, truths: view.truths.clone() }
    }

    pub(crate) fn mapped(&self, key: &str) -> Option<&Result<Expr, Problem>> {
        self.mapping.iter().rev().find(|(k, _)| k == key).map(|(_, e)| e)
    }
}

/// Claims that are numbers or truth values at issuers whose other claims are strings.
pub(crate) fn never_a_string(claim: &str) -> bool {
    matches!(claim, "iat" | "exp" | "nbf" | "auth_time") || claim.ends_with("_verified")
}

//! IAM trust policies: read, decided for one request, and as a formula over the claims of an issuer's tokens.
//!
//! The semantics are those of the IAM User Guide; where it is silent or evaluators disagree the answer is unknown.

mod caller;
mod compare;
mod context;
mod evaluate;
mod formula;
mod keys;
mod matching;
mod operator;
mod pattern;
mod policy;
mod principal_shape;
mod principal_test;
mod principals;
mod read;
mod resolved;
#[cfg(test)]
mod tests;
mod value_formula;

pub use caller::{EXTERNAL_ID, documented, session_tags, with_request_keys};
pub use context::context_of;
pub use evaluate::{Request, Requester, evaluate};
pub use formula::{View, Viewer, action_matches, formula, lenient_formula};
pub use keys::{is_arn, scheme};
pub use operator::{Base, Operator, SetOperator};
pub use policy::{Actions, ConditionTest, Effect, Leaf, Policy, Principal, PrincipalKind, ProblemKind, Statement, ValueList, Values};
pub use principal_shape::{Flaw, Malformed, malformed, malformed_role};
pub use principals::{BUILT_IN_HOSTS, PrincipalRef, federated, is_saml, issuer_of_federated, principals};

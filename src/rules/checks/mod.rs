//! The built-in checks. A check may serve several rules: the rule files name theirs in `check:`.

pub mod aws;
mod azure;
mod azure_case;
mod azure_ids;
mod blanks;
mod credentials;
mod format;
mod fresh;
pub mod google;
mod guilty;
mod jobs;
mod kubernetes;
mod privilege;
mod privilege_aws;
mod privilege_azure;
mod reading;
mod spiffe;
mod trusts;
pub mod verdict;
mod wording;

use super::engine::Check;

/// Every check by name, in the order they run.
pub const CHECKS: &[(&str, Check)] = &[
    ("aws-trust", aws::check),
    ("google-provider", google::providers),
    ("google-binding", google::bindings),
    ("google-names", google::names),
    ("google-logins", google::logins),
    ("google-impersonation", google::impersonation),
    ("kubernetes", kubernetes::check),
    ("azure", azure::check),
    ("azure-case", azure_case::check),
    ("azure-ids", azure_ids::check),
    ("blanks", blanks::check),
    ("credentials", credentials::check),
    ("spiffe", spiffe::check),
    ("jobs", jobs::check),
    ("trusts", trusts::check),
    (crate::rules::predicate::NAME, crate::rules::predicate::check),
    ("google-collision", google::collisions),
];

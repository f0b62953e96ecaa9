//! What works but should be better: the two formats of GitHub's subject.

use super::{FederatedView, RoleTrust};
use crate::rules::Finding;

/// GitHub's classic and immutable subjects: only one of them gets in.
pub(super) fn subject_format(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    super::super::format::stale(subject.context, &subject.trust.origin, &seen.formula, &seen.templates)
}

//! Families of names: what is meant by a name that ends with a separator and goes on behind it.

use crate::admission::search::Candidate;
use crate::issuers::{Role, Template};
use std::collections::BTreeMap;

/// What the policy names of this role ends with a separator: a family of names is meant.
#[must_use]
pub fn family<'t>(named: &BTreeMap<String, Vec<Candidate>>, role: Role, templates: impl IntoIterator<Item = &'t Template>) -> bool {
    let segments = templates.into_iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == role);
    let open: Vec<_> = segments.filter_map(|s| named.get(&s.name)).flatten().filter(|c| !c.complete).collect();
    !open.is_empty() && open.iter().all(|c| begins_a_family(&c.text))
}

/// Names that go on behind a separator are a family of somebody's own naming: `release/`, `app-`, `team_`, `v1.`.
fn begins_a_family(prefix: &str) -> bool {
    prefix.ends_with(['/', '-', '_', '.'])
}

#[cfg(test)]
mod tests {
    use super::begins_a_family;

    #[test]
    fn a_separator_begins_a_family_and_a_letter_does_not() {
        for family in ["release/", "app-", "team_", "v1."] {
            assert!(begins_a_family(family), "{family}");
        }
        for open in ["", "release", "v1.0", "app:"] {
            assert!(!begins_a_family(open), "{open}");
        }
    }
}

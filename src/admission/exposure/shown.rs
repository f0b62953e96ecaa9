//! Of all tokens that answer a question, one that a reader believes.

use super::Class;
use super::segment_test;
use crate::admission::formula::{Formula, Matcher};
use crate::admission::search::{Compiled, Options, Outcome, Templates, Witness};
use crate::issuers::Role;
use crate::partial::Text;

/// The same question about a token with plainer names, where one answers it: the owner's own names, where those of the witness
/// are a stranger's though what lies outside of the level is pinned by ids (ids and names belong to one repository); and a
/// branch that is not the main one, where any branch gets in.
pub(super) fn plainer(
    any: Class,
    roles: &[Role],
    witness: Witness,
    query: &Compiled,
    applies: &Templates,
    options: &Options<'_>,
) -> Witness {
    if any == Class::AnyTenant {
        return witness;
    }
    let outer = |role: Role| role == Role::Tenant || (role == Role::Project && !roles.contains(&Role::Project));
    let (mut ours, mut branch): (Vec<Formula>, Vec<Formula>) = (Vec::new(), Vec::new());
    for segment in applies.templates().nth(witness.template).into_iter().flat_map(|t| t.segments.iter()) {
        let first = segment.samples.first().map(String::as_str) == witness.segment(&segment.name);
        let Some(other) = segment.samples.get(1).filter(|_| first) else { continue };
        let test = segment_test(&segment.name, Matcher::Exact(Text::known(other)));
        match segment.role {
            role if outer(role) => ours.push(test),
            Role::Ref if any == Class::AnyRef => branch.push(test),
            _ => {}
        }
    }
    let both: Vec<Formula> = ours.iter().chain(&branch).cloned().collect();
    // Where one cannot be had, the other may.
    for wanted in [both, ours, branch].into_iter().filter(|tests| !tests.is_empty()) {
        let asked = query.and(&Compiled::new(&Formula::All(wanted), options));
        if let Outcome::Witness(found) = asked.search(applies, options) {
            return *found;
        }
    }
    witness
}

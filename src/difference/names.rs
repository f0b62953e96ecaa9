//! Of all tokens that newly get in, one that its reader believes: where ids pin whose it is, the names belong to those ids.
//!
//! A trust that asks for `repository_owner_id = 4417` admits an owner of any name, because an owner may be called anything; the token
//! that is shown has the name that the configuration gives the id, else the one of the vendor's examples, and no stranger's.

use super::State;
use super::ways::Way;
use crate::admission::exposure::{Reachability, segment_test};
use crate::admission::formula::{Formula, Matcher};
use crate::issuers::{Family, Role, Segment, Template};
use crate::partial::Text;
use crate::token::Token;

/// The token with plainer names and the customary audience, where one with them gets in as well.
pub(super) fn plainer(token: Token, formula: &Formula, way: &Way<'_>, state: &State<'_>) -> Token {
    let inputs = state.inputs();
    let templates = way.templates(formula);
    let names = names(&token, formula, &templates, way, state);
    let usual: Vec<Formula> = way.usual.iter().cloned().collect();
    let both: Vec<Formula> = names.iter().chain(&usual).cloned().collect();
    for wanted in [both, names, usual].into_iter().filter(|tests| !tests.is_empty()) {
        let asked = Formula::All(std::iter::once(formula.clone()).chain(wanted).collect());
        if let Reachability::Reachable(found) = inputs.reachability(&asked, &templates) {
            return *found;
        }
    }
    token
}

/// "The names are these", for the segments that a pinned id leaves open.
fn names(token: &Token, formula: &Formula, templates: &[Template], way: &Way<'_>, state: &State<'_>) -> Vec<Formula> {
    let Some((template, values)) = templates.iter().find_map(|t| Some((t, t.bind(token)?))) else { return Vec::new() };
    let is_pinned = |segment: &&Segment| {
        let Some(value) = values.get(&segment.name) else { return false };
        let other = segment_test(&segment.name, Matcher::Exact(Text::known(value))).negate();
        let asked = Formula::All(vec![formula.clone(), other]);
        let all = way.templates(&asked);
        let holders: Vec<Template> = all.into_iter().filter(|t| t.segment(&segment.name).is_some()).collect();
        matches!(state.inputs().reachability(&asked, &holders), Reachability::Unreachable)
    };
    let ids = template.segments.iter().filter(|s| matches!(s.role, Role::TenantId | Role::ProjectId));
    let pinned: Vec<&Segment> = ids.filter(is_pinned).collect();
    if pinned.is_empty() {
        return Vec::new();
    }
    let owner = pinned.iter().find(|s| s.role == Role::TenantId).and_then(|s| values.get(&s.name));
    let of_github = || {
        let known = state.side.registry.recognise(&way.issuer)?;
        (known.issuer.family == Some(Family::Github)).then_some(())?;
        state.side.tenants.github.owner_of(owner?)
    };
    let of_github = of_github();
    let mut out = Vec::new();
    for segment in template.segments.iter() {
        let strangers = segment.samples.first() == values.get(&segment.name);
        let name = match segment.role {
            Role::Tenant if strangers => of_github.or(segment.samples.get(1).map(String::as_str)),
            Role::Project if strangers => segment.samples.get(1).map(String::as_str),
            _ => None,
        };
        out.extend(name.map(|name| segment_test(&segment.name, Matcher::Exact(Text::known(name)))));
    }
    out
}

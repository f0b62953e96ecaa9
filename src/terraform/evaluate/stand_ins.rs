//! Defaults of variables that only stand in for what somebody passes: an empty string, an empty list, a word such as `CHANGEME`. By
//! itself such a default often makes a trust that no token satisfies, which says nothing of the trusts that callers make, or of the
//! one that a root makes where it is applied: the module is evaluated once more with these variables unknown, and what is broken
//! only by the default is nothing to tell of a library, and little of a root.

use super::config::{ModuleConfig, Variable, literal};
use super::{values, worlds};
use crate::kinds;
use crate::partial::{Text, stand_in};
use crate::syntax::hcl::{Expr, ExprKind};
use crate::terraform::Resource;
use std::collections::BTreeMap;

/// Words that ask whoever reads them for a value, in small letters.
const WORDS: [&str; 8] = ["changeme", "change-me", "change_me", "replaceme", "replace-me", "replace_me", "todo", "fixme"];

/// Whether a module has a variable whose default only stands in for what its caller, or who applies it, passes.
pub(super) fn has_any(config: &ModuleConfig) -> bool {
    config.variables.iter().any(|(name, variable)| !config.assigned.contains_key(name) && of_variable(variable))
}

/// Whether the default of a variable is one.
pub(super) fn of_variable(variable: &Variable) -> bool {
    variable.body.attribute("default").is_some_and(|default| is_stand_in(&default.value))
}

/// Whether the default of a variable is `false`.
pub(super) fn is_off(variable: &Variable) -> bool {
    variable.body.attribute("default").is_some_and(|default| matches!(default.value.kind, ExprKind::Bool(false)))
}

fn is_stand_in(default: &Expr) -> bool {
    match &default.kind {
        ExprKind::Tuple(items) => items.is_empty(),
        ExprKind::Object(items) => items.is_empty(),
        ExprKind::Template(_) => literal(default).is_some_and(|text| {
            let word = text.trim().to_ascii_lowercase();
            word.is_empty() || WORDS.contains(&word.as_str()) || stand_in::first(&Text::known(text)).is_some()
        }),
        _ => false,
    }
}

/// Marks the resources of the world of the defaults that the world of the callers has otherwise, or not for sure.
pub(super) fn mark(defaults: &mut [Resource], callers: &[Resource]) {
    let by_address: BTreeMap<&str, &Resource> = callers.iter().map(|r| (r.address.as_str(), r)).collect();
    for resource in defaults {
        let other = by_address.get(resource.address.as_str());
        resource.stands_in = other.is_none_or(|other| !lets_in_alike(resource, other));
    }
}

/// Both let the same in: what else differs (tags, a path) breaks no trust.
fn lets_in_alike(a: &Resource, b: &Resource) -> bool {
    let gates = kinds::of(&a.kind).map_or(&[][..], kinds::ResourceKind::gates);
    if gates.is_empty() {
        return worlds::same(std::slice::from_ref(a), std::slice::from_ref(b));
    }
    let alike = values::Alike { left: &a.root, right: &b.root };
    gates.iter().all(|gate| match (a.body.get(gate), b.body.get(gate)) {
        (Some(a), Some(b)) => alike.values(a, b),
        (None, None) => true,
        _ => false,
    })
}

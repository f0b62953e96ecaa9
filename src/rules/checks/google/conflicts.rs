//! Declarations of Terraform that take each other's members away: what owns a policy, or a role in one, removes whatever it does
//! not name (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/google_service_account_iam>).

use super::Context;
use crate::catalogue::RuleId;
use crate::graph::{BindingCondition, BindingStyle, PolicyPart};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::BTreeMap;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut by_policy: BTreeMap<(&str, &str), Vec<&PolicyPart>> = BTreeMap::new();
    for part in &context.graph.policy_parts {
        by_policy.entry((&part.origin.scope, &part.on)).or_default().push(part);
    }
    let mut out = Vec::new();
    for parts in by_policy.values() {
        let mut before = Before::default();
        for (i, later) in parts.iter().enumerate() {
            let earlier = before.first(parts, later);
            out.extend(earlier.map(|earlier| finding(earlier, later)));
            before.add(i, later);
        }
    }
    out
}

/// The parts of a policy that came before, by what may take something away: a project has thousands.
#[derive(Default)]
struct Before {
    all: Vec<usize>,
    /// Those that own the whole policy.
    policies: Vec<usize>,
    /// Those that own a role, by the role.
    owners: BTreeMap<String, Vec<usize>>,
    /// Those that add to a role.
    members: BTreeMap<String, Vec<usize>>,
}

impl Before {
    fn add(&mut self, index: usize, part: &PolicyPart) {
        self.all.push(index);
        let role = part.role.as_ref().map(cut::key);
        match (part.style, role) {
            (BindingStyle::Policy, _) => self.policies.push(index),
            (BindingStyle::Binding, Some(role)) => self.owners.entry(role).or_default().push(index),
            (_, Some(role)) => self.members.entry(role).or_default().push(index),
            (_, None) => {}
        }
    }

    /// The first that one takes away from, or that takes away from it.
    fn first<'p>(&self, parts: &[&'p PolicyPart], later: &PolicyPart) -> Option<&'p PolicyPart> {
        let first = |rows: &[usize]| rows.iter().copied().find(|i| parts.get(*i).is_some_and(|earlier| fight(earlier, later)));
        let of_role = |by_role: &BTreeMap<String, Vec<usize>>| {
            let role = later.role.as_ref().map(cut::key)?;
            by_role.get(&role).and_then(|rows| first(rows))
        };
        let found = match later.style {
            BindingStyle::Policy => first(&self.all),
            BindingStyle::Binding => [first(&self.policies), of_role(&self.owners), of_role(&self.members)].into_iter().flatten().min(),
            BindingStyle::Member | BindingStyle::Exported => [first(&self.policies), of_role(&self.owners)].into_iter().flatten().min(),
        };
        found.and_then(|i| parts.get(i).copied())
    }
}

/// One removes what the other adds.
fn fight(one: &PolicyPart, other: &PolicyPart) -> bool {
    // One is there where the other is not: an unknown condition may choose between the two.
    let both = one.origin.span != other.origin.span && !(one.origin.conditional && other.origin.conditional);
    let concerns = one.federated || other.federated;
    if !both || !concerns {
        return false;
    }
    if one.style == BindingStyle::Policy || other.style == BindingStyle::Policy {
        return true;
    }
    let owned = one.style == BindingStyle::Binding || other.style == BindingStyle::Binding;
    let role = matches!((&one.role, &other.role), (Some(a), Some(b)) if a.same(b));
    owned && role && same_condition(one.condition.as_ref(), other.condition.as_ref())
}

/// A role is bound once for each condition.
fn same_condition(one: Option<&BindingCondition>, other: Option<&BindingCondition>) -> bool {
    let text = |c: Option<&BindingCondition>| c.map(|c| c.expression.clone());
    match (text(one), text(other)) {
        (None, None) => true,
        (Some(Some(a)), Some(Some(b))) => a.same(&b),
        _ => false,
    }
}

fn finding(earlier: &PolicyPart, later: &PolicyPart) -> Finding {
    let (owner, loser) = if rank(later.style) > rank(earlier.style) { (later, earlier) } else { (earlier, later) };
    let role = later.role.as_ref().or(earlier.role.as_ref());
    let what = match (owner.style, role) {
        (BindingStyle::Policy, _) | (_, None) => "the whole policy".to_owned(),
        (_, Some(role)) => format!("all members of `{role}`"),
    };
    let message = if rank(owner.style) == rank(loser.style) {
        format!(
            "`{}` and `{}` both own {what} here: each apply removes the members that the other one added",
            owner.origin.name, loser.origin.name
        )
    } else {
        format!(
            "`{}` owns {what} here and removes what `{}` adds: the workload has the identity only until the next apply",
            owner.origin.name, loser.origin.name
        )
    };
    let place = later.role.as_ref().and_then(Text::span).filter(|_| later.style != BindingStyle::Policy);
    let finding = Finding::new(RuleId::ConflictingBindings, &later.origin, place, &earlier.origin.name, message);
    finding
        .certain(!earlier.origin.conditional && !earlier.origin.library)
        .help("manage one policy in one way: only `_iam_member`, or one `_iam_binding` with all members of the role")
        .related_to(earlier.origin.span, format!("`{}` is declared here", earlier.origin.name))
}

/// How much of a policy a declaration owns.
fn rank(style: BindingStyle) -> u8 {
    match style {
        BindingStyle::Member | BindingStyle::Exported => 0,
        BindingStyle::Binding => 1,
        BindingStyle::Policy => 2,
    }
}

//! Mappings that go back to themselves. Google's mapping expressions read `assertion`; one that asks for a mapped
//! attribute has that attribute's expression put in its place, as long as that comes to an end
//! (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>).

use super::super::ast::{Expr, ExprKind};
use super::super::parser::{Problem, parse};
use super::GoogleView;
use crate::partial::Text;
use crate::place::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Longest chain of mappings that is followed.
pub(super) const MAX_CHAIN: usize = 8;

/// What the mapping of one key leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// So many further mappings.
    Ends(usize),
    /// Itself, or a mapping that never ends.
    Circle,
}

/// The keys whose mapping asks for itself, directly or over others, with the place of the expression.
#[must_use]
pub fn circles(view: &GoogleView) -> Vec<(String, Option<Span>)> {
    let mapping: Vec<_> = view.mapping.iter().map(|(k, e)| (k.clone(), parse(e))).collect();
    let uses = uses(&mapping);
    let circle = within(&uses);
    view.mapping.iter().filter(|(k, _)| circle.contains(k.as_str())).map(|(k, e)| (k.clone(), e.span())).collect()
}

/// Replaces the mappings that have no end by the error that they are, and chains that are too long by "unknown".
pub(super) fn cut(mapping: &mut [(String, Result<Expr, Problem>)]) {
    let uses = uses(mapping);
    if uses.values().all(BTreeSet::is_empty) {
        return;
    }
    let mut known = BTreeMap::new();
    let keys: Vec<String> = uses.keys().cloned().collect();
    for key in &keys {
        follow(&uses, key, &mut known, &mut BTreeSet::new());
    }
    for (key, expr) in mapping.iter_mut() {
        let Ok(read) = expr else { continue };
        let problem = match known.get(key.as_str()) {
            Some(Way::Circle) => Problem { message: format!("the mapping of `{key}` goes in a circle"), span: read.span, unknown: false },
            Some(Way::Ends(n)) if *n > MAX_CHAIN => Problem {
                message: format!("the mapping of `{key}` leads over more mappings than are followed"),
                span: read.span,
                unknown: true,
            },
            _ => continue,
        };
        *expr = Err(problem);
    }
}

/// The keys that each key's expression asks for, as far as they are mapped.
fn uses(mapping: &[(String, Result<Expr, Problem>)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, expr) in mapping {
        let mut asked = BTreeSet::new();
        if let Ok(expr) = expr {
            collect(expr, &mut asked);
        }
        // The last of two equal keys is in force.
        out.insert(key.clone(), asked);
    }
    let keys: BTreeSet<String> = out.keys().cloned().collect();
    for asked in out.values_mut() {
        asked.retain(|k| keys.contains(k));
    }
    out
}

fn collect(e: &Expr, out: &mut BTreeSet<String>) {
    let (of, field) = match &e.kind {
        ExprKind::Select { of, field } => (of, Some(field.clone())),
        ExprKind::Index { of, index } => (of, index.as_text().and_then(Text::as_known)),
        _ => return e.children().into_iter().for_each(|c| collect(c, out)),
    };
    match (&of.kind, field) {
        (ExprKind::Ident { name, .. }, Some(field)) if name == "attribute" || name == "google" => {
            out.insert(format!("{name}.{field}"));
        }
        _ => e.children().into_iter().for_each(|c| collect(c, out)),
    }
}

/// Follows a key; `open` holds the keys on the way, which bounds the depth by the number of keys that may be followed.
fn follow(uses: &BTreeMap<String, BTreeSet<String>>, key: &str, known: &mut BTreeMap<String, Way>, open: &mut BTreeSet<String>) -> Way {
    if let Some(way) = known.get(key) {
        return *way;
    }
    if !open.insert(key.to_owned()) {
        return Way::Circle;
    }
    // Whoever is so deep on the way is too long already: the rest only has to be longer than what is followed.
    let mut way = Way::Ends(0);
    if open.len() <= MAX_CHAIN * 4 {
        for next in uses.get(key).into_iter().flatten() {
            way = match (way, follow(uses, next, known, open)) {
                (Way::Circle, _) | (_, Way::Circle) => Way::Circle,
                (Way::Ends(a), Way::Ends(b)) => Way::Ends(a.max(b + 1)),
            };
        }
    } else {
        way = Way::Ends(MAX_CHAIN + 1);
    }
    open.remove(key);
    known.insert(key.to_owned(), way);
    way
}

/// The keys that lie in a circle (or between two): what is left when those that lead nowhere, and those to which nothing
/// leads, are taken away.
fn within(uses: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&str> {
    let mut backwards: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, asked) in uses {
        asked.iter().for_each(|a| backwards.entry(a).or_default().push(key));
    }
    let forwards: BTreeMap<&str, Vec<&str>> = uses.iter().map(|(k, a)| (k.as_str(), a.iter().map(String::as_str).collect())).collect();
    let mut left: BTreeSet<&str> = uses.keys().map(String::as_str).collect();
    for (out, back) in [(&forwards, &backwards), (&backwards, &forwards)] {
        let mut open: BTreeMap<&str, usize> =
            left.iter().map(|k| (*k, out.get(k).map_or(0, |all| all.iter().filter(|a| left.contains(*a)).count()))).collect();
        let mut ends: Vec<&str> = open.iter().filter(|(_, n)| **n == 0).map(|(k, _)| *k).collect();
        while let Some(key) = ends.pop() {
            left.remove(key);
            for before in back.get(key).into_iter().flatten() {
                let Some(n) = open.get_mut(before).filter(|n| **n > 0) else { continue };
                *n -= 1;
                if *n == 0 {
                    ends.push(before);
                }
            }
        }
    }
    left
}

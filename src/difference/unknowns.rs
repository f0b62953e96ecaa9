//! Unknowns of two states: those that bear one name are one value, wherever they stand.

use crate::admission::exposure::shape;
use crate::admission::formula::{Deferred, Exact, Formula, GlobPart, Matcher, PatternPart, Test};
use crate::partial::{Part, Text, Unknown};
use std::collections::{BTreeMap, BTreeSet};

/// The unknowns of a formula, each once.
pub(super) fn of(formula: &Formula) -> BTreeSet<Unknown> {
    let mut out = BTreeSet::new();
    for occurrence in shape::tests(formula) {
        for text in occurrence.test.matcher.texts() {
            out.extend(text.atoms().cloned());
        }
    }
    out
}

/// Whether a test has an unknown among these.
pub(super) fn has(test: &Test, among: &dyn Fn(&Unknown) -> bool) -> bool {
    test.matcher.texts().into_iter().any(|text| text.atoms().any(among))
}

/// New keys for the unknowns of one state: their names, with a number where several bear one.
pub(super) fn names(atoms: &BTreeSet<Unknown>) -> BTreeMap<String, String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = BTreeMap::new();
    for atom in atoms {
        let name = format!("{:?} {}", atom.kind(), atom.label());
        let before = seen.entry(name.clone()).or_default();
        out.insert(atom.key().to_owned(), format!("{name} {before}"));
        *before += 1;
    }
    out
}

/// The formula with its unknowns under new keys.
pub(super) fn renamed(formula: &Formula, names: &BTreeMap<String, String>) -> Formula {
    match formula {
        Formula::Constant(..) => formula.clone(),
        Formula::Not(inner) => Formula::Not(Box::new(renamed(inner, names))),
        Formula::All(all) => Formula::All(all.iter().map(|f| renamed(f, names)).collect()),
        Formula::Any(all) => Formula::Any(all.iter().map(|f| renamed(f, names)).collect()),
        Formula::Deferred(deferred) => {
            let part = |part: &PatternPart| match part {
                PatternPart::Glob(GlobPart::Literal(t)) => PatternPart::Glob(GlobPart::Literal(renamed_text(t, names))),
                other => other.clone(),
            };
            let exact = match &deferred.exact {
                Exact::Pattern { parts, ignore_case } => {
                    Exact::Pattern { parts: parts.iter().map(part).collect(), ignore_case: *ignore_case }
                }
                other @ Exact::AtMost(_) => other.clone(),
            };
            Formula::Deferred(Box::new(Deferred { searched: renamed(&deferred.searched, names), exact, ..(**deferred).clone() }))
        }
        Formula::Test(test) => {
            let text = |text: &Text| renamed_text(text, names);
            let matcher = match &test.matcher {
                Matcher::Exact(t) => Matcher::Exact(text(t)),
                Matcher::ExactIgnoreCase(t) => Matcher::ExactIgnoreCase(text(t)),
                Matcher::Prefix(t) => Matcher::Prefix(text(t)),
                Matcher::Suffix(t) => Matcher::Suffix(text(t)),
                Matcher::Contains(t) => Matcher::Contains(text(t)),
                Matcher::Order(order, t) => Matcher::Order(*order, text(t)),
                Matcher::Glob(parts) => Matcher::Glob(
                    parts
                        .iter()
                        .map(|part| if let GlobPart::Literal(t) = part { GlobPart::Literal(text(t)) } else { part.clone() })
                        .collect(),
                ),
                other @ (Matcher::Present | Matcher::Regex(_) | Matcher::Size(..)) => other.clone(),
            };
            Formula::Test(Box::new(Test { matcher, ..(**test).clone() }))
        }
    }
}

fn renamed_text(text: &Text, names: &BTreeMap<String, String>) -> Text {
    let part = |part: &Part| match part {
        Part::Hole { atom, span, trail } => {
            let key = names.get(atom.key()).cloned().unwrap_or_else(|| atom.key().to_owned());
            let atom = Unknown::knowing(key, atom.kind(), atom.label(), atom.why(), atom.span(), atom.facts().clone());
            Part::Hole { atom: atom.coming_from(atom_origin(part)), span: *span, trail: trail.clone() }
        }
        Part::Literal { .. } => part.clone(),
    };
    Text { parts: text.parts.iter().map(part).collect() }
}

fn atom_origin(part: &Part) -> crate::partial::UnknownOrigin {
    match part {
        Part::Hole { atom, .. } => atom.origin().clone(),
        Part::Literal { .. } => crate::partial::UnknownOrigin::default(),
    }
}

/// The test with a star in the place of unknowns: it holds at least where the test does. None where it cannot be said so.
pub(super) fn widened(test: &Test, among: &dyn Fn(&Unknown) -> bool) -> Option<Test> {
    let mut parts = Vec::new();
    match &test.matcher {
        Matcher::Exact(text) => open(text, among, &mut parts),
        Matcher::Prefix(text) => {
            open(text, among, &mut parts);
            parts.push(GlobPart::Star(None));
        }
        Matcher::Suffix(text) => {
            parts.push(GlobPart::Star(None));
            open(text, among, &mut parts);
        }
        Matcher::Contains(text) => {
            parts.push(GlobPart::Star(None));
            open(text, among, &mut parts);
            parts.push(GlobPart::Star(None));
        }
        Matcher::Glob(all) => {
            for part in all {
                match part {
                    GlobPart::Literal(text) => open(text, among, &mut parts),
                    other => parts.push(other.clone()),
                }
            }
        }
        Matcher::ExactIgnoreCase(_) | Matcher::Order(..) | Matcher::Present | Matcher::Regex(_) | Matcher::Size(..) => return None,
    }
    Some(Test { matcher: Matcher::Glob(parts), ..test.clone() })
}

fn open(text: &Text, among: &dyn Fn(&Unknown) -> bool, out: &mut Vec<GlobPart>) {
    for part in &text.parts {
        match part {
            Part::Hole { atom, .. } if among(atom) => out.push(GlobPart::Star(None)),
            other => out.push(GlobPart::Literal(Text { parts: vec![other.clone()] })),
        }
    }
}

//! Filling in unknowns: which plausible strings an unknown may be, so that a gate with holes can be searched.
//!
//! `repo:${var.repo}:*` says nothing of whether the variable holds `app` or `octo/app`; only the second can ever match a
//! GitHub subject. Each unknown gets the shapes under which the tests it stands in can hold at all.

use super::super::formula::{Formula, Matcher, Subject, Test};
use super::super::search::{Compiled, HoleMode, Options, Templates};
use super::shape;
use crate::issuers::registry;
use crate::language::Language;
use crate::partial::{Part, Unknown, UnknownKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most ways of filling in that one gate is tried with.
const MAX_FILLERS: usize = 6;
/// As many where validations list the values.
const MAX_LISTED: usize = 24;
/// Most unknowns that are given a shape of their own; the others take the first.
const MAX_ATOMS: usize = 6;
/// Most strings of other tests that an unknown is tried with.
const MAX_LITERALS: usize = 4;
/// Longest of them, in bytes.
const LONGEST_LITERAL: usize = 64;

/// What stands between the parts of a subject; a name may hold a slash, but not this.
const NAMES_END: char = ':';

/// One way to fill in every unknown.
#[derive(Debug, Clone, Default)]
pub struct Filler {
    values: BTreeMap<String, String>,
}

impl Filler {
    /// The string for an unknown.
    #[must_use]
    pub fn value(&self, atom: &Unknown) -> String {
        self.values.get(atom.key()).cloned().unwrap_or_else(|| shapes(atom).into_iter().next().unwrap_or_default())
    }
}

/// The ways to fill in the unknowns of a formula: one when it has none.
#[must_use]
pub fn fillers(formula: &Formula, templates: &Templates) -> Vec<Filler> {
    fillers_with(formula, templates, &[])
}

/// Further ways, for a gate that none of [`fillers`] opens: an unknown may be what another test of the gate asks for, as an
/// owner's id that the condition of a provider names and the member of a binding looks up.
#[must_use]
pub fn fillers_of_literals(formula: &Formula, templates: &Templates) -> Vec<Filler> {
    let mut literals: Vec<String> = Vec::new();
    for occurrence in shape::tests(formula).iter().filter(|o| o.positive) {
        let (Matcher::Exact(text) | Matcher::ExactIgnoreCase(text)) = &occurrence.test.matcher else { continue };
        if let Some(known) = text.as_known().filter(|t| !t.is_empty() && t.len() <= LONGEST_LITERAL && !literals.contains(t)) {
            literals.push(known);
        }
    }
    literals.truncate(MAX_LITERALS);
    if literals.is_empty() { Vec::new() } else { fillers_with(formula, templates, &literals) }
}

/// Whether the texts of a gate have unknowns that can be filled in.
pub(super) fn has_unknowns(formula: &Formula) -> bool {
    shape::tests(formula).iter().flat_map(|o| o.test.matcher.texts()).any(|text| text.atoms().next().is_some())
}

fn fillers_with(formula: &Formula, templates: &Templates, literals: &[String]) -> Vec<Filler> {
    let occurrences = shape::tests(formula);
    let mut atoms: Vec<Unknown> =
        occurrences.iter().flat_map(|o| o.test.matcher.texts()).flat_map(|t| t.atoms().cloned().collect::<Vec<_>>()).collect();
    // of equal unknowns the one that most is known of
    atoms.sort_by(|a, b| a.cmp(b).then(a.facts().is_empty().cmp(&b.facts().is_empty())));
    atoms.dedup();
    if atoms.is_empty() {
        return vec![Filler::default()];
    }
    let mut fillers = vec![Filler::default()];
    let mut most = MAX_FILLERS;
    for atom in atoms.iter().take(MAX_ATOMS) {
        let tests: Vec<&Test> =
            occurrences.iter().map(|o| o.test).filter(|t| t.matcher.texts().iter().any(|text| text.atoms().any(|a| a == atom))).collect();
        // where a validation lists the values, each of them counts
        let listed = atom.values().filter(|all| !all.is_empty() && fillers.len().saturating_mul(all.len()) <= MAX_LISTED);
        let possible = match &listed {
            Some(all) => all.iter().map(|v| v.to_string()).collect(),
            None => {
                let mut further = literals.to_vec();
                further.extend(owned(atom, &atoms));
                possible_shapes(atom, &tests, templates, &further)
            }
        };
        let mut next = Vec::new();
        for filler in &fillers {
            for value in &possible {
                let mut filler = filler.clone();
                filler.values.insert(atom.key().to_owned(), value.clone());
                next.push(filler);
            }
        }
        most = if listed.is_some() { MAX_LISTED } else { most };
        next.truncate(most);
        fillers = next;
    }
    fillers
}

/// `owner/name`, with the owner that another unknown of the gate may be: a condition asks for both of one project.
fn owned(atom: &Unknown, all: &[Unknown]) -> Vec<String> {
    let any = |a: &&Unknown| *a != atom && a.kind() == UnknownKind::Any && a.facts().own.is_none();
    if atom.kind() != UnknownKind::Any {
        return Vec::new();
    }
    all.iter().take(MAX_ATOMS).filter(any).map(|other| format!("{}/{}", word(other), word(atom))).collect()
}

/// The shapes of an unknown under which at least one test that it stands in can hold, else all it may be.
fn possible_shapes(atom: &Unknown, tests: &[&Test], templates: &Templates, literals: &[String]) -> Vec<String> {
    let mut all: Vec<String> = literals.iter().filter(|l| atom.allows(l)).cloned().collect();
    all.extend(shapes(atom));
    let holds = |value: &String| {
        let fill = |other: &Unknown| if other == atom { value.clone() } else { shapes(other).into_iter().next().unwrap_or_default() };
        tests.iter().any(|test| {
            let options = Options { holes: HoleMode::Fill(&fill) };
            Compiled::new(&Formula::Test(Box::new((*test).clone())), &options).search(templates, &options).witness().is_some()
        })
    };
    let mut possible: Vec<String> = all.iter().filter(|v| holds(v)).cloned().collect();
    // In `repo:${var.org}/*` the unknown ends where the policy ends a name: it is `octo` before it is `octo/app:ref:refs/heads`.
    let name = |value: &String| !value.contains(NAMES_END);
    if ended(atom, tests) && possible.iter().any(name) {
        possible.retain(name);
    }
    if !possible.is_empty() {
        return possible;
    }
    match minted(atom, tests, templates) {
        Some(value) => vec![value],
        None => all.into_iter().take(1).collect(),
    }
}

/// Whether the policy ends a name behind the unknown: `${var.org}/`, `${var.repo}:`.
fn ended(atom: &Unknown, tests: &[&Test]) -> bool {
    let ends = |pair: &[Part]| {
        let [Part::Hole { atom: hole, .. }, Part::Literal { text, .. }] = pair else { return false };
        hole == atom && text.starts_with([NAMES_END, '/'])
    };
    tests.iter().flat_map(|test| test.matcher.texts()).any(|text| text.parts.windows(2).any(ends))
}

/// What some token has in a claim that is compared with the unknown and nothing else: an id of a form that nobody would guess.
fn minted(atom: &Unknown, tests: &[&Test], templates: &Templates) -> Option<String> {
    let options = Options::default();
    tests.iter().find_map(|test| {
        let (Subject::Claim(claim), Matcher::Exact(text)) = (&test.subject, &test.matcher) else { return None };
        if text.atoms().next() != Some(atom) || text.parts.len() != 1 {
            return None;
        }
        let present = Formula::Test(Box::new(Test { matcher: Matcher::Present, ..(*test).clone() }));
        let witness = Compiled::new(&present, &options).search(templates, &options).witness()?.token.string(claim)?.to_owned();
        (atom.kind() == UnknownKind::Any && atom.allows(&witness)).then_some(witness)
    })
}

/// Plausible strings for an unknown, most likely first, as far as its `validation` allows them: else a string that it
/// does allow.
fn shapes(atom: &Unknown) -> Vec<String> {
    let all = usual_shapes(atom);
    let Some(fact) = &atom.facts().own else { return all };
    if let Some(listed) = fact.values().filter(|v| !v.is_empty()) {
        return listed.iter().map(|v| v.to_string()).collect();
    }
    let allowed: Vec<String> = all.iter().filter(|v| fact.allows(v)).cloned().collect();
    if !allowed.is_empty() {
        return allowed;
    }
    let shortest = |pattern: &Arc<str>| Language::regex_search(pattern).ok()?.shortest();
    let made: Vec<String> = fact.patterns().iter().filter_map(shortest).filter(|v| fact.allows(v)).collect();
    if made.is_empty() { all } else { made }
}

/// Plausible strings for an unknown of its kind. Each is made from the unknown's own name, so that two unknowns differ
/// and a reader recognises it.
fn usual_shapes(atom: &Unknown) -> Vec<String> {
    let word = word(atom);
    let digits: String =
        format!("{:09}", atom.key().bytes().fold(17u32, |n, b| n.wrapping_mul(31).wrapping_add(u32::from(b))) % 1_000_000_000);
    match atom.kind() {
        UnknownKind::AccountId => vec!["111122223333".to_owned()],
        UnknownKind::ProjectNumber | UnknownKind::Number => vec![format!("1{digits}")],
        UnknownKind::ProjectId => vec![format!("{word}-project")],
        UnknownKind::Partition => vec!["aws".to_owned()],
        UnknownKind::Region => vec!["eu-west-1".to_owned()],
        UnknownKind::IssuerHostPath => vec![format!("{word}.example.com")],
        UnknownKind::Arn => vec![format!("arn:aws:iam::111122223333:role/{word}")],
        UnknownKind::Guid => vec![format!("00000000-0000-4000-8000-000{digits}")],
        UnknownKind::ServiceAccountEmail => vec![format!("{word}@{word}-project.iam.gserviceaccount.com")],
        UnknownKind::Word => vec![word],
        UnknownKind::Any => {
            let mut all = vec![word.clone(), format!("my-org/{word}"), format!("1{digits}")];
            all.extend(registry().shapes().map(|shape| shape.replace("{word}", &word)));
            all.extend([
                format!("{word}:{word}"),
                format!("00000000-0000-4000-8000-000{digits}"),
                format!("arn:aws:iam::111122223333:role/{word}"),
                "111122223333".to_owned(),
            ]);
            all
        }
    }
}

/// The last word of the label: `${var.github_org}` gives `github-org`.
fn word(atom: &Unknown) -> String {
    let last =
        atom.bare().rsplit(['.', '[', '(', '"']).find(|w| w.chars().filter(char::is_ascii_alphabetic).count() > 1).unwrap_or("value");
    let mut out = String::new();
    for c in last.chars().take(24) {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let out = out.trim_matches('-');
    if out.is_empty() || !out.starts_with(|c: char| c.is_ascii_alphabetic()) { format!("v{out}") } else { out.to_owned() }
}

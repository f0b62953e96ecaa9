//! "Admitted here and not there": a token, a proof that there is none, or neither.
//!
//! What is not known is bounded from both sides. A token counts when it gets in at the least that is asked of the unknowns here and
//! the most there; "nobody" counts when nobody gets in the other way round. Unknowns that stand on both sides are one value: first a
//! plausible one is tried, and a proof takes each test of one as a switch that may stand either way.

use super::ways::{Way, Ways};
use super::{Admitted, Sureness};
use super::{State, names, unknowns};
use crate::admission::exposure::{Reachability, minimal, shape};
use crate::admission::formula::{Deferred, Exact, Formula, GlobPart, Matcher, PatternPart, Test};
use crate::gate::Inputs;
use crate::partial::{Text, Unknown, cut};
use crate::token::Truth;
use std::collections::{BTreeMap, BTreeSet};

/// Most tests with unknown values that are tried both ways.
const MAX_SWITCHES: usize = 6;

/// An answer.
pub(super) enum Verdict {
    Nobody,
    Somebody(Admitted),
    Unknown(String),
}

/// Who is admitted by the ways of one key, before and now.
pub(super) struct Question<'a> {
    pub(super) issuer: String,
    old: Formula,
    new: Formula,
    old_ways: Vec<&'a Way<'a>>,
    new_ways: Vec<&'a Way<'a>>,
    /// Neither side has a way that is not known.
    closed: (bool, bool),
    /// The keys of the unknowns that stand on both sides.
    shared: BTreeSet<String>,
}

impl<'a> Question<'a> {
    pub(super) fn new(old: &'a Ways<'a>, new: &'a Ways<'a>, key: &str, assumed: &mut Vec<String>) -> Self {
        let of = |ways: &'a Ways<'a>| -> Vec<&'a Way<'a>> { ways.decided.iter().filter(|way| way.key == key).collect() };
        let (old_ways, new_ways) = (of(old), of(new));
        let issuer = new_ways.first().or(old_ways.first()).map(|way| way.issuer.clone()).unwrap_or_default();
        // A provider that is only in one state says nothing of the other's audiences.
        let both = old_ways.iter().chain(&new_ways).all(|way| way.accepted.is_some());
        let (a, b) = (together(&old_ways, both), together(&new_ways, both));
        let (old_atoms, new_atoms) = (unknowns::of(&a), unknowns::of(&b));
        let (old_names, new_names) = (unknowns::names(&old_atoms), unknowns::names(&new_atoms));
        let named: BTreeSet<&String> = new_names.values().collect();
        let shared: BTreeSet<String> = old_names.values().filter(|name| named.contains(name)).cloned().collect();
        for (key, name) in &old_names {
            let other = new_names.iter().find(|(_, n)| *n == name).map(|(k, _)| k);
            let label = old_atoms.iter().find(|atom| atom.key() == key).map(|atom| atom.bare().to_owned()).unwrap_or_default();
            if other.is_some_and(|other| other != key) {
                assumed.push(format!("`{label}` is taken to be what it was before, though it stands elsewhere"));
            }
        }
        let (a, b) = (unknowns::renamed(&a, &old_names), unknowns::renamed(&b, &new_names));
        Self { issuer, old: a, new: b, old_ways, new_ways, closed: (old.open.is_empty(), new.open.is_empty()), shared }
    }

    /// Who gets in now and did not before.
    pub(super) fn newly(&self, state: &State<'_>) -> Verdict {
        self.only(&self.new, &self.new_ways, &self.old, &self.old_ways, self.closed.0, state)
    }

    /// Who got in before and does not now.
    pub(super) fn no_longer(&self, state: &State<'_>) -> Verdict {
        self.only(&self.old, &self.old_ways, &self.new, &self.new_ways, self.closed.1, state)
    }

    fn only(&self, here: &Formula, ways: &[&Way<'_>], there: &Formula, others: &[&Way<'_>], closed: bool, state: &State<'_>) -> Verdict {
        let inputs = &state.inputs();
        let Some(way) = ways.first() else { return Verdict::Nobody };
        let unknown = has_unknown(here) || has_unknown(there);
        if !unknown && !others.is_empty() && canonical(here) == canonical(there) {
            return Verdict::Nobody;
        }
        let foreign = |atom: &Unknown| !self.shared.contains(atom.key());
        let asked = Formula::All(vec![here.clone(), there.clone().negate()]);
        let (least, most) = (bounded(&asked, true, true, &foreign), bounded(&asked, true, false, &foreign));
        let certain = ways.iter().chain(others).all(|way| way.certain);
        if let Reachability::Reachable(token) = inputs.reachability(&least, &way.templates(&least)) {
            if !closed {
                return Verdict::Unknown("what was asked on the other side is not known".to_owned());
            }
            let sure = certain && unknowns::of(&least).is_empty();
            let token = names::plainer(*token, &least, way, state);
            let token = minimal(&token, &Formula::All(vec![here.clone(), there.clone()]));
            let confidence = if sure { Sureness::Proven } else { Sureness::Likely };
            return Verdict::Somebody(Admitted { issuer: self.issuer.clone(), token: Some(token.to_json()), who: None, confidence });
        }
        if proved(&most, way, inputs) {
            return Verdict::Nobody;
        }
        let why = first_reason(&asked, &foreign).unwrap_or_else(|| "no token was found, and that there is none is not proven".to_owned());
        Verdict::Unknown(why)
    }
}

/// What the ways ask of a token, one or the other.
fn together(ways: &[&Way<'_>], accepted: bool) -> Formula {
    let one = |way: &&Way<'_>| match way.accepted.as_ref().filter(|_| accepted) {
        Some(accepted) => Formula::All(vec![way.formula.clone(), accepted.clone()]),
        None => way.formula.clone(),
    };
    Formula::Any(ways.iter().map(one).collect())
}

/// Whether nobody satisfies a formula: by the search, and where unknown values are in it, however their tests turn out.
fn proved(formula: &Formula, way: &Way<'_>, inputs: &Inputs<'_>) -> bool {
    let nobody = |formula: &Formula| matches!(inputs.reachability(formula, &way.templates(formula)), Reachability::Unreachable);
    let with_holes = |o: &shape::Occurrence<'_>| unknowns::has(o.test, &|_| true);
    let switches: BTreeSet<String> = shape::tests(formula).iter().filter(|o| with_holes(o)).map(|o| canonical_test(o.test)).collect();
    if switches.is_empty() {
        return nobody(formula);
    }
    if switches.len() > MAX_SWITCHES {
        return false;
    }
    (0..1u32 << switches.len()).all(|bits| {
        let set: BTreeMap<&String, bool> = switches.iter().enumerate().map(|(i, test)| (test, bits & (1 << i) != 0)).collect();
        nobody(&switched(formula, &set))
    })
}

fn switched(formula: &Formula, set: &BTreeMap<&String, bool>) -> Formula {
    match formula {
        Formula::Constant(..) | Formula::Deferred(_) => formula.clone(),
        Formula::Not(inner) => switched(inner, set).negate(),
        Formula::All(all) => Formula::All(all.iter().map(|f| switched(f, set)).collect()),
        Formula::Any(all) => Formula::Any(all.iter().map(|f| switched(f, set)).collect()),
        Formula::Test(test) => match set.get(&canonical_test(test)) {
            Some(true) => Formula::TRUE,
            Some(false) => Formula::FALSE,
            None => formula.clone(),
        },
    }
}

/// The formula with what is not known as it admits the fewest, or the most (`least`); `positive` where no negation stands around it.
fn bounded(formula: &Formula, positive: bool, least: bool, foreign: &dyn Fn(&Unknown) -> bool) -> Formula {
    let unknown = || if positive == least { Formula::FALSE } else { Formula::TRUE };
    match formula {
        Formula::Constant(Truth::Unknown, _) => unknown(),
        Formula::Constant(..) => formula.clone(),
        // An unknown may be any string: what the rest of the pattern asks is asked in any case.
        Formula::Test(test) if unknowns::has(test, foreign) => match unknowns::widened(test, foreign) {
            Some(wider) if positive != least => Formula::Test(Box::new(wider)),
            _ => unknown(),
        },
        Formula::Deferred(_) if unknowns::of(formula).iter().any(foreign) => unknown(),
        Formula::Test(_) | Formula::Deferred(_) => formula.clone(),
        Formula::Not(inner) => bounded(inner, !positive, least, foreign).negate(),
        Formula::All(all) => Formula::All(all.iter().map(|f| bounded(f, positive, least, foreign)).collect()),
        Formula::Any(all) => Formula::Any(all.iter().map(|f| bounded(f, positive, least, foreign)).collect()),
    }
}

fn has_unknown(formula: &Formula) -> bool {
    match formula {
        Formula::Constant(truth, _) => *truth == Truth::Unknown,
        Formula::Test(_) | Formula::Deferred(_) => false,
        Formula::Not(inner) => has_unknown(inner),
        Formula::All(all) | Formula::Any(all) => all.iter().any(has_unknown),
    }
}

/// What in a formula is not known, for people.
fn first_reason(formula: &Formula, foreign: &dyn Fn(&Unknown) -> bool) -> Option<String> {
    match formula {
        Formula::Constant(Truth::Unknown, why) => why.clone(),
        Formula::Constant(..) => None,
        Formula::Test(_) | Formula::Deferred(_) => {
            let atom = unknowns::of(formula).into_iter().find(|atom| foreign(atom))?;
            Some(format!("`{}` is not known: {}", atom.bare(), atom.why()))
        }
        Formula::Not(inner) => first_reason(inner, foreign),
        Formula::All(all) | Formula::Any(all) => all.iter().find_map(|f| first_reason(f, foreign)),
    }
}

/// A formula as text: the same for two that differ in the order of their parts and in where they are written.
pub(super) fn canonical(formula: &Formula) -> String {
    match formula {
        Formula::Constant(truth, why) => format!("{truth:?}{}", why.as_deref().map(|w| format!("({w})")).unwrap_or_default()),
        Formula::Test(test) => canonical_test(test),
        Formula::Deferred(deferred) => canonical_deferred(deferred),
        Formula::Not(inner) => format!("not({})", canonical(inner)),
        Formula::All(all) => joined("all", all, |f| if let Formula::All(inner) = f { Some(inner) } else { None }),
        Formula::Any(all) => joined("any", all, |f| if let Formula::Any(inner) = f { Some(inner) } else { None }),
    }
}

fn joined(word: &str, all: &[Formula], same: impl Fn(&Formula) -> Option<&Vec<Formula>> + Copy) -> String {
    fn collect(all: &[Formula], same: impl Fn(&Formula) -> Option<&Vec<Formula>> + Copy, out: &mut BTreeSet<String>) {
        for formula in all {
            match same(formula) {
                Some(inner) => collect(inner, same, out),
                None => drop(out.insert(canonical(formula))),
            }
        }
    }
    let mut parts = BTreeSet::new();
    collect(all, same, &mut parts);
    match parts.len() {
        1 => parts.into_iter().next().unwrap_or_default(),
        _ => format!("{word}({})", parts.into_iter().collect::<Vec<_>>().join(",")),
    }
}

fn canonical_test(test: &Test) -> String {
    let text = |word: &str, text: &Text| format!("{word} {:?}", cut::key(text));
    let matcher = match &test.matcher {
        Matcher::Present => "there".to_owned(),
        Matcher::Exact(t) => text("is", t),
        Matcher::ExactIgnoreCase(t) => text("is-like", t),
        Matcher::Prefix(t) => text("starts", t),
        Matcher::Suffix(t) => text("ends", t),
        Matcher::Contains(t) => text("has", t),
        Matcher::Order(order, t) => text(&format!("{order:?}"), t),
        Matcher::Regex(pattern) => format!("matches {pattern:?}"),
        Matcher::Size(order, n) => format!("size {order:?} {n}"),
        Matcher::Glob(parts) => glob(parts),
    };
    format!("[{:?} {:?} {matcher}]", test.subject, test.absent)
}

fn canonical_deferred(deferred: &Deferred) -> String {
    let part = |part: &PatternPart| match part {
        PatternPart::Glob(part) => glob(std::slice::from_ref(part)),
        PatternPart::Claim(name, default) => format!("claim {name:?} {default:?}"),
    };
    let exact = match &deferred.exact {
        Exact::Pattern { parts, ignore_case } => format!("{ignore_case} {}", parts.iter().map(part).collect::<Vec<_>>().join(" ")),
        Exact::AtMost(bytes) => format!("at most {bytes}"),
    };
    format!("[{:?} {:?} {exact}]", deferred.subject, deferred.absent)
}

/// A glob without a wildcard is an equality.
fn glob(parts: &[GlobPart]) -> String {
    let mut whole = Text::known("");
    let mut out = Vec::new();
    for part in parts {
        match part {
            GlobPart::Literal(text) => whole.push(text),
            GlobPart::Star(_) | GlobPart::One(_) => {
                out.push(format!("{:?}", cut::key(&whole)));
                whole = Text::known("");
                out.push(if matches!(part, GlobPart::Star(_)) { "*" } else { "?" }.to_owned());
            }
        }
    }
    if out.is_empty() {
        return format!("is {:?}", cut::key(&whole));
    }
    out.push(format!("{:?}", cut::key(&whole)));
    format!("like {}", out.join(" "))
}

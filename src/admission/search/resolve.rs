//! What a subject is in a template: literals and segments in a row, and what is still to be derived from them.

use super::MAX_SEGMENTS;
use super::budget::Budget;
use super::compile::member_path;
use super::key::Key;
use super::memo::{Memo, exits};
use super::names::Profile;
use super::shared::Shared;
use crate::admission::formula::{Subject, extract};
use crate::issuers::template::pointer;
use crate::issuers::{ClaimPart, Template};
use crate::language::{Dfa, FastBuild, Language, Out, TooLarge};
use crate::token::{Claim, Token};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, RwLock};

/// Deepest nesting of a subject.
const MAX_DEPTH: usize = 32;
/// Most computed subjects that one template remembers.
const MAX_DERIVED: usize = 256;

/// Templates with the automata of their segments, for any number of searches, and what these may cost together.
#[derive(Debug, Clone)]
pub struct Templates {
    pub(super) all: Arc<Vec<Arc<Prepared>>>,
    pub(super) memo: Arc<Memo>,
    pub(super) shared: Arc<Shared>,
    pub(super) budget: Budget,
    /// What tells names from words in questions about them; none where they are not told apart.
    profile: Arc<OnceLock<Option<Profile>>>,
}

/// The automaton of an alphabet, built when a search first needs it; segments of equal alphabets share it.
type Cell = Arc<OnceLock<Result<Language, TooLarge>>>;

/// Most alphabets that are kept for the whole run; those of the registry are some dozens.
const MAX_ALPHABETS: usize = 1_024;

/// The automata of alphabets, by the expression that they follow from: a pure memo.
static ALPHABETS: LazyLock<RwLock<HashMap<String, Cell>>> = LazyLock::new(RwLock::default);

fn cell(alphabet: &str) -> Cell {
    if let Some(cell) = ALPHABETS.read().unwrap_or_else(PoisonError::into_inner).get(alphabet) {
        return Arc::clone(cell);
    }
    let mut all = ALPHABETS.write().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= MAX_ALPHABETS {
        return all.get(alphabet).cloned().unwrap_or_default();
    }
    Arc::clone(all.entry(alphabet.to_owned()).or_default())
}

impl Templates {
    /// Makes templates ready. Automata are built when a search first needs them.
    #[must_use]
    pub fn new(templates: &[Template]) -> Self {
        let mut cells: BTreeMap<&str, Cell> = BTreeMap::new();
        let mut all = Vec::new();
        for template in templates {
            let alphabets = template.segments.iter().map(|s| Arc::clone(cells.entry(&s.alphabet).or_insert_with(|| cell(&s.alphabet))));
            let alphabets = alphabets.collect();
            all.push(Arc::new(Prepared { template: template.clone(), alphabets, derived: Mutex::default(), open: false }));
        }
        Self::ready(all, Arc::default(), Arc::default(), Budget::default())
    }

    pub(super) fn ready(all: Vec<Arc<Prepared>>, memo: Arc<Memo>, shared: Arc<Shared>, budget: Budget) -> Self {
        Self { all: Arc::new(all), memo, shared, budget, profile: Arc::default() }
    }

    /// The same templates for another trust.
    pub(super) fn fresh(&self, shared: &Arc<Shared>) -> Self {
        let (all, profile) = (Arc::clone(&self.all), Arc::clone(&self.profile));
        Self { all, memo: Arc::default(), shared: Arc::clone(shared), budget: Budget::default(), profile }
    }

    /// The same templates for another question.
    #[must_use]
    pub(in crate::admission) fn again(&self) -> Self {
        self.fresh(&self.shared)
    }

    /// The same templates, about which questions are asked with the names that are in them.
    #[cfg(any(test, feature = "internals"))]
    #[must_use]
    pub fn as_written(mut self) -> Self {
        self.profile = Arc::new(OnceLock::from(None));
        self
    }

    /// What is answered so far is the same for every question that differs in names alone.
    #[must_use]
    pub(in crate::admission) fn is_plain(&self) -> bool {
        self.budget.is_plain()
    }

    pub(in crate::admission) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn profile(&self) -> Option<&Profile> {
        self.profile.get_or_init(|| Profile::new(self)).as_ref()
    }

    /// With this budget.
    #[cfg(test)]
    #[must_use]
    pub(super) fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Those for which `keep` holds, with the automata that are already built.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&Template) -> bool) -> Self {
        let all = self.all.iter().filter(|p| keep(&p.template)).cloned().collect();
        Self::ready(all, Arc::clone(&self.memo), Arc::clone(&self.shared), self.budget.clone())
    }

    /// The templates.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.all.iter().map(|p| &p.template)
    }

    /// True when the first segment of this name can be `text`.
    #[must_use]
    pub fn can_be(&self, segment: &str, text: &str) -> bool {
        let found = self.all.iter().find_map(|p| p.template.segments.iter().position(|s| s.name == segment).map(|i| (p, i)));
        found.and_then(|(prepared, i)| prepared.alphabet(i).ok()).is_some_and(|alphabet| alphabet.contains(text))
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Prepared> {
        self.all.iter().map(|p| &**p)
    }

    pub(super) fn all(&self) -> &Arc<Vec<Arc<Prepared>>> {
        &self.all
    }
}

/// One template.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) template: Template,
    alphabets: Vec<Cell>,
    /// What computed subjects are in it, by their key: a pure memo.
    derived: Mutex<HashMap<Vec<u8>, Resolved, FastBuild>>,
    /// A claim that nobody lists may be there.
    open: bool,
}

/// A piece of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    Segment(usize),
}

/// What is still to be done with the string, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Case { upper: bool },
    Extract { prefix: String, suffix: String },
    Split { separator: String, index: usize },
    Replace { from: String, to: String },
}

/// A subject in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolved {
    Absent,
    Unknown(String),
    String { pieces: Vec<Piece>, ops: Vec<Op> },
}

impl Prepared {
    pub(super) fn new(template: Template, open: bool) -> Self {
        let alphabets = template.segments.iter().map(|s| cell(&s.alphabet)).collect();
        Self { template, alphabets, derived: Mutex::default(), open }
    }

    /// What a claim is that the template does not have.
    fn lacking(&self, claim: &str) -> Resolved {
        if self.open && self.template.unlisted.iter().any(|c| c == claim) {
            return Resolved::Unknown(format!("`{claim}` is no claim that the issuer documents"));
        }
        Resolved::Absent
    }

    /// The strings that a segment can be.
    pub(super) fn alphabet(&self, segment: usize) -> Result<Language, TooLarge> {
        let (Some(cell), Some(segment)) = (self.alphabets.get(segment), self.template.segments.get(segment)) else {
            return Err(TooLarge::Limit);
        };
        if self.alphabets.len() > MAX_SEGMENTS {
            return Err(TooLarge::Limit);
        }
        cell.get_or_init(|| Language::regex_whole(&segment.alphabet)).clone()
    }

    /// The samples of a segment that are within its alphabet.
    pub(super) fn samples(&self, segment: usize) -> Vec<String> {
        let Ok(alphabet) = self.alphabet(segment) else { return Vec::new() };
        let all = self.template.segments.get(segment).map_or(&[][..], |s| s.samples.as_slice());
        all.iter().filter(|s| alphabet.contains(s)).cloned().collect()
    }

    /// Gives every segment that no test looks at its first sample.
    pub(super) fn complete(&self, values: Vec<Option<String>>) -> Option<Vec<String>> {
        let any = |i: usize| self.samples(i).into_iter().next().or_else(|| self.alphabet(i).ok()?.shortest());
        values.into_iter().enumerate().map(|(i, v)| v.or_else(|| any(i))).collect()
    }

    /// The token with these segments. Claims of the template that stand for a member of an object (`a/b` or `a.b`) are
    /// also put into that object, for the members that a formula tests.
    pub(super) fn token(&self, values: &[String], members: &[(String, Vec<String>)]) -> Token {
        let mut token = Token::default();
        let text = |parts: &[ClaimPart]| -> String {
            let piece = |p: &ClaimPart| match p {
                ClaimPart::Literal(text) => text.clone(),
                ClaimPart::Segment(i) => values.get(*i).cloned().unwrap_or_default(),
            };
            parts.iter().map(piece).collect()
        };
        for (name, parts) in self.template.claims.iter().filter(|(name, _)| !name.starts_with('/')) {
            token.set(name.clone(), text(parts));
        }
        for (claim, keys) in members {
            let Some(parts) = self.member(claim, keys) else { continue };
            let root = token.claims.entry(claim.clone()).or_insert_with(|| Claim::Json(serde_json::Value::Object(serde_json::Map::new())));
            if let Claim::Json(json) = root {
                insert(json, keys, &text(parts));
            }
        }
        token
    }

    /// The template's text for this member of an object.
    fn member(&self, claim: &str, keys: &[String]) -> Option<&[ClaimPart]> {
        let path: Vec<&str> = std::iter::once(claim).chain(keys.iter().map(String::as_str)).collect();
        self.template.member(&path)
    }

    /// The claim is an object, of which the template may list some members.
    fn is_object(&self, claim: &str) -> bool {
        let inside = pointer(&[claim]) + "/";
        self.template.claims.iter().any(|(name, _)| name.starts_with(&inside))
    }

    fn claim(&self, name: &str) -> Option<Vec<Piece>> {
        self.template.claim(name).map(pieces_of)
    }
}

fn pieces_of(parts: &[ClaimPart]) -> Vec<Piece> {
    let piece = |p: &ClaimPart| match p {
        ClaimPart::Literal(text) => Piece::Literal(text.clone()),
        ClaimPart::Segment(i) => Piece::Segment(*i),
    };
    parts.iter().map(piece).collect()
}

fn insert(json: &mut serde_json::Value, keys: &[String], text: &str) {
    let Some((first, rest)) = keys.split_first() else { return };
    if let serde_json::Value::Object(map) = json {
        if rest.is_empty() {
            map.insert(first.clone(), serde_json::Value::from(text));
        } else {
            let inner = map.entry(first.clone()).or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
            insert(inner, rest, text);
        }
    }
}

/// What `subject` is in the template.
pub(super) fn resolve(subject: &Subject, prepared: &Prepared) -> Resolved {
    if matches!(subject, Subject::Claim(_) | Subject::AnyItem(_) | Subject::Literal(_) | Subject::Segment(_)) {
        return at_depth(subject, prepared, 0);
    }
    let lock = || prepared.derived.lock().unwrap_or_else(PoisonError::into_inner);
    let mut key = Key::default();
    let key = key.subject(subject).done();
    if let Some(known) = lock().get(&key) {
        return known.clone();
    }
    let resolved = at_depth(subject, prepared, 0);
    let mut kept = lock();
    if kept.len() < MAX_DERIVED {
        kept.insert(key, resolved.clone());
    }
    resolved
}

fn at_depth(subject: &Subject, prepared: &Prepared, depth: usize) -> Resolved {
    if depth > MAX_DEPTH {
        return Resolved::Unknown("the tested expression is nested too deep".to_owned());
    }
    let of = |s: &Subject| at_depth(s, prepared, depth + 1);
    let found = |pieces: Option<Vec<Piece>>| pieces.map_or(Resolved::Absent, |p| string(merged(p)));
    let claim = |name: &str, pieces: Option<Vec<Piece>>| pieces.map_or_else(|| prepared.lacking(name), |p| string(merged(p)));
    match subject {
        Subject::Claim(name) if prepared.is_object(name) => Resolved::Unknown(format!("claim `{name}` is an object")),
        Subject::Claim(name) | Subject::AnyItem(name) => claim(name, prepared.claim(name)),
        Subject::Member(..) => match member_path(subject) {
            Some((root, keys)) => match prepared.member(&root, &keys) {
                Some(parts) => string(merged(pieces_of(parts))),
                None if prepared.claim(&root).is_some() => Resolved::Absent,
                // Nobody lists all members of an object: one that is not listed may be there all the same, so nothing is proven by it.
                None if prepared.is_object(&root) && !prepared.open => Resolved::Absent,
                None => Resolved::Unknown(format!("which members `{root}` has is not known")),
            },
            None => Resolved::Unknown("a member of a derived value is tested".to_owned()),
        },
        Subject::Literal(text) => string(vec![Piece::Literal(text.clone())]),
        Subject::Segment(name) => found(prepared.template.segments.iter().position(|s| s.name == *name).map(|i| vec![Piece::Segment(i)])),
        Subject::Concat(all) => concat(all.iter().map(of)),
        Subject::Extract { of: inner, prefix, suffix } => {
            then(of(inner), Op::Extract { prefix: prefix.clone(), suffix: suffix.clone() }, prepared)
        }
        Subject::Split { of: inner, separator, index } => {
            then(of(inner), Op::Split { separator: separator.clone(), index: *index }, prepared)
        }
        Subject::Lower(inner) => then(of(inner), Op::Case { upper: false }, prepared),
        Subject::Upper(inner) => then(of(inner), Op::Case { upper: true }, prepared),
        Subject::Replace { of: inner, from, to } => then(of(inner), Op::Replace { from: from.clone(), to: to.clone() }, prepared),
    }
}

fn string(pieces: Vec<Piece>) -> Resolved {
    Resolved::String { pieces, ops: Vec::new() }
}

/// Joins neighbouring literals and drops empty ones.
fn merged(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (out.last_mut(), piece) {
            (_, Piece::Literal(text)) if text.is_empty() => {}
            (Some(Piece::Literal(last)), Piece::Literal(text)) => last.push_str(&text),
            (_, piece) => out.push(piece),
        }
    }
    out
}

fn concat(all: impl Iterator<Item = Resolved>) -> Resolved {
    let mut out = Vec::new();
    for one in all {
        match one {
            Resolved::String { pieces, ops } if ops.is_empty() => out.extend(pieces),
            Resolved::String { .. } => return Resolved::Unknown("a derived string is joined with others".to_owned()),
            other => return other,
        }
    }
    string(merged(out))
}

/// Applies an operation, on the pieces where they decide it, else for later.
fn then(resolved: Resolved, op: Op, prepared: &Prepared) -> Resolved {
    let Resolved::String { pieces, mut ops } = resolved else { return resolved };
    if ops.is_empty() {
        let known = known(&pieces).map(|text| apply(&op, &text).map_or(Resolved::Absent, |t| string(vec![Piece::Literal(t)])));
        if let Some(done) = known.or_else(|| symbolic(&pieces, &op, prepared)) {
            return done;
        }
    }
    ops.push(op);
    Resolved::String { pieces, ops }
}

/// The string, when no segment is in it.
pub(super) fn known(pieces: &[Piece]) -> Option<String> {
    pieces.iter().map(|p| if let Piece::Literal(text) = p { Some(text.as_str()) } else { None }).collect()
}

fn apply(op: &Op, text: &str) -> Option<String> {
    match op {
        Op::Case { upper: true } => Some(text.to_ascii_uppercase()),
        Op::Case { upper: false } => Some(text.to_ascii_lowercase()),
        Op::Extract { prefix, suffix } => Some(extract(text, prefix, suffix)),
        Op::Split { separator, index } => text.split(separator.as_str()).nth(*index).map(str::to_owned),
        Op::Replace { from, to } => Some(text.replace(from.as_str(), to)),
    }
}

/// The operation on the pieces, where every token gives the same cut.
fn symbolic(pieces: &[Piece], op: &Op, prepared: &Prepared) -> Option<Resolved> {
    match op {
        Op::Case { upper } => cased(pieces, *upper, prepared).map(string),
        Op::Extract { prefix, suffix } => {
            let rest = if prefix.is_empty() {
                pieces.to_vec()
            } else {
                match cut(pieces, prefix, prepared)? {
                    Cut::Never => return Some(string(Vec::new())),
                    Cut::At(_, rest) => rest,
                }
            };
            if suffix.is_empty() {
                return Some(string(rest));
            }
            Some(string(match cut(&rest, suffix, prepared)? {
                Cut::Never => Vec::new(),
                Cut::At(inside, _) => inside,
            }))
        }
        Op::Split { separator, index } => {
            let mut rest = pieces.to_vec();
            for left in (0..=*index).rev() {
                match (cut(&rest, separator, prepared)?, left) {
                    (Cut::At(piece, _), 0) => return Some(string(piece)),
                    (Cut::Never, 0) => return Some(string(rest)),
                    (Cut::At(_, after), _) => rest = after,
                    (Cut::Never, _) => return Some(Resolved::Absent),
                }
            }
            None
        }
        Op::Replace { from, to } => {
            let (mut out, mut rest) = (Vec::new(), pieces.to_vec());
            while let Cut::At(before, after) = cut(&rest, from, prepared)? {
                out.extend(before);
                out.push(Piece::Literal(to.clone()));
                rest = after;
            }
            out.extend(rest);
            Some(string(merged(out)))
        }
    }
}

fn cased(pieces: &[Piece], upper: bool, prepared: &Prepared) -> Option<Vec<Piece>> {
    let moved = if upper { 'a'..='z' } else { 'A'..='Z' };
    pieces
        .iter()
        .map(|p| match p {
            Piece::Literal(text) => apply(&Op::Case { upper }, text).map(Piece::Literal),
            Piece::Segment(i) => {
                let alphabet = prepared.alphabet(*i).ok()?;
                moved.clone().all(|c| !alphabet.0.uses(c)).then_some(Piece::Segment(*i))
            }
        })
        .collect()
}

/// Where the first occurrence of a needle is, in every token.
enum Cut {
    Never,
    /// Before it and after it.
    At(Vec<Piece>, Vec<Piece>),
}

/// Cuts at the first occurrence of `needle`, if it is at the same place of the pieces in every token.
fn cut(pieces: &[Piece], needle: &str, prepared: &Prepared) -> Option<Cut> {
    let last = needle.chars().next_back()?;
    let has = Language::containing(needle).ok()?;
    // The segments one after the other, each for itself: the automaton of the needle stays where it has found it.
    let never = |pieces: &[Piece]| -> Option<bool> {
        let mut states = vec![has.0.start()];
        for piece in pieces {
            states = match piece {
                Piece::Literal(text) => states.iter().map(|q| has.0.run(*q, text)).collect(),
                Piece::Segment(i) => {
                    let alphabet = prepared.alphabet(*i).ok()?;
                    let after = states.iter().map(|q| exits(&alphabet.0, &has.0, *q)).collect::<Option<Vec<Vec<u32>>>>()?;
                    after.into_iter().flatten().collect()
                }
            };
            states.sort_unstable();
            states.dedup();
        }
        Some(!states.is_empty() && states.iter().all(|q| has.0.out(*q) != Out::Yes))
    };
    for (i, piece) in pieces.iter().enumerate() {
        let Piece::Literal(text) = piece else { continue };
        let Some(at) = text.find(needle) else { continue };
        let end = at + needle.len();
        let before = pieces.get(..i)?.to_vec();
        // No earlier occurrence: none ends before the last character of this one.
        let mut up_to = before.clone();
        up_to.push(Piece::Literal(text.get(..end - last.len_utf8())?.to_owned()));
        if !never(&up_to)? {
            return None;
        }
        let mut left = before;
        left.push(Piece::Literal(text.get(..at)?.to_owned()));
        let mut right = vec![Piece::Literal(text.get(end..)?.to_owned())];
        right.extend(pieces.get(i + 1..)?.iter().cloned());
        return Some(Cut::At(merged(left), merged(right)));
    }
    never(pieces)?.then_some(Cut::Never)
}

/// The automaton of the test on the string before the operations.
pub(super) fn through(dfa: Arc<Dfa>, ops: &[Op]) -> Result<Arc<Dfa>, TooLarge> {
    ops.iter().rev().try_fold(dfa, |dfa, op| {
        Ok(Arc::new(match op {
            Op::Case { upper } => dfa.of_case(*upper)?,
            Op::Extract { prefix, suffix } => dfa.of_extract(prefix, suffix)?,
            Op::Split { separator, index } => dfa.of_split(separator, *index)?,
            Op::Replace { from, to } => dfa.of_replace(from, to)?,
        }))
    })
}

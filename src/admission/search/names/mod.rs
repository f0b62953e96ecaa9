//! Questions that differ only in names: `repo:octo/app:*` and `repo:acme/shop:*` are one.
//!
//! A *run* is a longest row of ASCII letters and digits in a text. Nothing that decides a question looks into a run that stands
//! between delimiters in every pattern that has it and is part of no text of the issuer: such a run is a name. The question is
//! asked with a stand-in for each name, so that one answer serves all that differ in names alone, and the answer gets its names
//! back. Why that is the same answer:
//!
//! - A token that the question admits becomes one that the question with stand-ins admits, when each run of it that begins with
//!   a name begins with the name's stand-in instead. Each test says the same of both, because no two runs of the question begin
//!   alike ([`Names::of`]) and no pattern ends within a name; and the second is a token, because each alphabet lets the stand-in
//!   stand wherever it lets the name ([`profile::Profile`]). So what is proven of the one is proven of the other.
//! - A witness is a token by its own alphabets, and the formula itself holds for it, or it counts for nothing.
//! - Answers that look into names (the shortest string that is no name, whatever comes near a limit) are not taken from
//!   another question: [`super::Templates::is_plain`].

mod profile;
mod stand_ins;

pub(super) use profile::Profile;

use super::Templates;
use crate::admission::formula::{Deferred, Exact, Formula, GlobPart, Matcher, Subject, Test};
use crate::partial::Text;
use profile::Run;
use stand_ins::Kind;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most runs of a question in which names are looked for.
const MAX_RUNS: usize = 48;
/// Deepest nesting of a formula that is looked at.
const MAX_DEPTH: usize = 64;
/// Stand for the wildcards of a glob where it is one string; no text with one of them is looked at.
const STAR: char = '\u{0}';
const ONE: char = '\u{1}';

/// The names of a question, each with its stand-in.
#[derive(Debug, Clone, Default)]
pub struct Names {
    all: Vec<(String, &'static str)>,
    /// What the issuer itself writes, in order: a stand-in within one of these is none.
    words: Arc<Vec<String>>,
}

/// The runs of a text: where each begins and ends.
fn runs(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let is = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() && !is(at) {
            at += 1;
        }
        let start = at;
        while is(at) {
            at += 1;
        }
        (start < at).then_some(start..at)
    })
}

/// A glob as one string, [`STAR`] and [`ONE`] for its wildcards; none where something of it is not known.
pub(super) fn flat(parts: &[GlobPart]) -> Option<String> {
    let mut out = String::new();
    for part in parts {
        match part {
            GlobPart::Literal(text) => out.push_str(&text.as_known().filter(|t| !t.contains([STAR, ONE]))?),
            GlobPart::Star(_) => out.push(STAR),
            GlobPart::One(_) => out.push(ONE),
        }
    }
    Some(out)
}

fn glob(flat: &str) -> Vec<GlobPart> {
    let mut out = Vec::new();
    for piece in flat.split_inclusive([STAR, ONE]) {
        let literal = piece.trim_end_matches([STAR, ONE]);
        if !literal.is_empty() {
            out.push(GlobPart::Literal(Text::known(literal)));
        }
        if piece.ends_with(STAR) {
            out.push(GlobPart::Star(None));
        } else if piece.ends_with(ONE) {
            out.push(GlobPart::One(None));
        }
    }
    out
}

/// The runs of a question in the order in which they come.
#[derive(Default)]
struct Seen {
    runs: Vec<String>,
    /// For each whether some pattern goes on behind it without a delimiter.
    open: Vec<bool>,
    /// For each whether some name begins with it.
    leads: Vec<bool>,
}

impl Seen {
    /// False where the formula has what is not looked into: a test that ignores case, an expression, a derived string.
    fn formula(&mut self, formula: &Formula, profile: &Profile, depth: usize) -> bool {
        match formula {
            _ if depth > MAX_DEPTH => false,
            Formula::Constant(..) => true,
            Formula::Test(test) => self.test(test, profile),
            Formula::Not(inner) => self.formula(inner, profile, depth + 1),
            Formula::All(all) | Formula::Any(all) => all.iter().all(|f| self.formula(f, profile, depth + 1)),
            // A limit of length is held against the token that is found; a pattern with claims in it is not looked into.
            Formula::Deferred(deferred) => {
                matches!(deferred.exact, Exact::AtMost(_))
                    && self.subject(&deferred.subject, profile)
                    && self.formula(&deferred.searched, profile, depth + 1)
            }
        }
    }

    /// No run of the subject goes over the end of a segment.
    fn subject(&self, subject: &Subject, profile: &Profile) -> bool {
        match subject {
            Subject::Claim(name) | Subject::AnyItem(name) => !profile.is_glued(name),
            Subject::Segment(_) => true,
            Subject::Member(..) => !profile.has_glued(),
            _ => false,
        }
    }

    fn test(&mut self, test: &Test, profile: &Profile) -> bool {
        let known = |text: &Text| text.as_known().filter(|t| !t.contains([STAR, ONE]));
        self.subject(&test.subject, profile)
            && match &test.matcher {
                Matcher::Present => true,
                Matcher::Exact(text) => known(text).is_some_and(|t| self.text(&t)),
                Matcher::Prefix(text) => known(text).is_some_and(|t| self.text(&format!("{t}{STAR}"))),
                Matcher::Glob(parts) => flat(parts).is_some_and(|t| self.text(&t)),
                Matcher::ExactIgnoreCase(_)
                | Matcher::Suffix(_)
                | Matcher::Contains(_)
                | Matcher::Regex(_)
                | Matcher::Size(..)
                | Matcher::Order(..) => false,
            }
    }

    /// False where a pattern may begin within a run.
    fn text(&mut self, text: &str) -> bool {
        if text.contains(ONE) {
            return false;
        }
        let star = STAR as u8;
        for place in runs(text) {
            let before = place.start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            if before == Some(&star) {
                return false;
            }
            let open = text.as_bytes().get(place.end) == Some(&star);
            let leads = before.is_none_or(|c| !b"-_.".contains(c));
            let Some(run) = text.get(place) else { return false };
            match self.runs.iter().position(|known| known == run) {
                Some(at) => {
                    self.open.get_mut(at).into_iter().for_each(|known| *known |= open);
                    self.leads.get_mut(at).into_iter().for_each(|known| *known |= leads);
                }
                None => {
                    self.runs.push(run.to_owned());
                    self.open.push(open);
                    self.leads.push(leads);
                }
            }
            if self.runs.len() > MAX_RUNS {
                return false;
            }
        }
        true
    }
}

impl Seen {
    /// Two runs that a prefix, or a search for a name in a text, may take for each other.
    fn entangled(&self, i: usize, j: usize) -> bool {
        let (Some(a), Some(b)) = (self.runs.get(i), self.runs.get(j)) else { return false };
        let leads = |at: usize| self.leads.get(at).copied().unwrap_or(true);
        let ends = (leads(j) && a.ends_with(b.as_str())) || (leads(i) && b.ends_with(a.as_str()));
        a.starts_with(b.as_str()) || b.starts_with(a.as_str()) || ends || a.eq_ignore_ascii_case(b)
    }
}

/// Two runs of which one begins or ends with the other.
fn entangled(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a) || a.ends_with(b) || b.ends_with(a) || a.eq_ignore_ascii_case(b)
}

impl Names {
    /// The names of a question; none where it is to be asked as it is.
    #[must_use]
    pub fn of(formula: &Formula, templates: &Templates) -> Self {
        let Some(profile) = templates.profile() else { return Self::default() };
        let mut seen = Seen::default();
        if !seen.formula(formula, profile, 0) {
            return Self::default();
        }
        let mut kinds: Vec<Option<Kind>> = Vec::new();
        for (run, open) in seen.runs.iter().zip(&seen.open) {
            kinds.push(match profile.run(run) {
                Run::Name(kind) if !open => Some(kind),
                Run::Name(_) | Run::Fixed => None,
                Run::StandIn => return Self::default(),
            });
        }
        let leading: Vec<&String> = seen.runs.iter().zip(&seen.leads).filter_map(|(run, leads)| leads.then_some(run)).collect();
        if profile.may_be_glued(&seen.runs, &leading) || profile.goes_over(&seen.runs) {
            return Self::default();
        }
        for (i, kind) in kinds.iter_mut().enumerate().filter(|(_, kind)| kind.is_some()) {
            if (0..seen.runs.len()).any(|j| i != j && seen.entangled(i, j)) {
                *kind = None;
            }
        }
        let mut taken: BTreeMap<Kind, usize> = BTreeMap::new();
        let mut out = Vec::new();
        for (run, kind) in seen.runs.iter().zip(&kinds) {
            let Some(kind) = kind else { continue };
            let next = taken.entry(*kind).or_default();
            let Some(stand_in) = profile.stand_ins(*kind).get(*next) else { continue };
            *next += 1;
            out.push((run.clone(), *stand_in));
        }
        let kept = seen.runs.iter().filter(|run| !out.iter().any(|(name, _)| name == *run));
        if kept.into_iter().any(|run| out.iter().any(|(_, stand_in)| entangled(run, stand_in))) {
            return Self::default();
        }
        Self { all: out, words: Arc::clone(profile.words()) }
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// A text with the stand-ins.
    #[must_use]
    pub fn put(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for place in runs(text) {
            let run = text.get(place.clone()).unwrap_or_default();
            if let Some((_, stand_in)) = self.all.iter().find(|(name, _)| name == run) {
                out.push_str(text.get(done..place.start).unwrap_or_default());
                out.push_str(stand_in);
                done = place.end;
            }
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    /// The text with its names again; none where a stand-in is within a run, which no name of the question would be.
    pub(super) fn back(&self, text: &str) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for place in runs(text) {
            let run = text.get(place.clone())?;
            if self.words.binary_search_by(|word| word.as_str().cmp(run)).is_ok() {
                continue;
            }
            let found = self.all.iter().find_map(|(name, stand_in)| Some((name, run.strip_prefix(stand_in)?)));
            let rest = found.map_or(run, |(_, rest)| rest);
            if self.all.iter().any(|(_, stand_in)| rest.contains(stand_in)) {
                return None;
            }
            if let Some((name, rest)) = found {
                out.push_str(text.get(done..place.start)?);
                out.push_str(name);
                done = place.end - rest.len();
            }
        }
        out.push_str(text.get(done..)?);
        Some(out)
    }

    /// The question with the stand-ins. Where it is written is left out.
    #[must_use]
    pub fn question(&self, formula: &Formula) -> Formula {
        let all = |list: &[Formula]| list.iter().map(|f| self.question(f)).collect();
        match formula {
            Formula::Test(test) => {
                let known = |text: &Text| Text::known(self.put(&text.as_known().unwrap_or_default()));
                let matcher = match &test.matcher {
                    Matcher::Exact(text) => Matcher::Exact(known(text)),
                    Matcher::Prefix(text) => Matcher::Prefix(known(text)),
                    Matcher::Glob(parts) => Matcher::Glob(flat(parts).map(|flat| glob(&self.put(&flat))).unwrap_or_default()),
                    other => other.clone(),
                };
                Formula::Test(Box::new(Test {
                    subject: test.subject.clone(),
                    matcher,
                    absent: test.absent,
                    span: None,
                    trail: None,
                    label: self.put(&test.label),
                    origin: test.origin.clone(),
                }))
            }
            Formula::Not(inner) => self.question(inner).negate(),
            Formula::All(list) => Formula::All(all(list)),
            Formula::Any(list) => Formula::Any(all(list)),
            Formula::Deferred(deferred) => {
                Formula::Deferred(Box::new(Deferred { searched: self.question(&deferred.searched), ..(**deferred).clone() }))
            }
            Formula::Constant(..) => formula.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_get_their_names_back() {
        let names = Names { all: vec![("octo".into(), "qjkz"), ("25".into(), "93")], words: Arc::new(vec!["5e93b".into()]) };
        assert_eq!(names.put("repo:octo/octopus-25:ref"), "repo:qjkz/octopus-93:ref");
        assert_eq!(names.back("repo:qjkz/octopus-93:ref").as_deref(), Some("repo:octo/octopus-25:ref"));
        assert_eq!(names.back("qjkz-evil/93x").as_deref(), Some("octo-evil/25x"));
        assert_eq!(names.back("evilqjkz"), None);
        assert_eq!(names.back("5e93c"), None);
        assert_eq!(names.back("5e93b-93").as_deref(), Some("5e93b-25"));
        assert_eq!(names.back("").as_deref(), Some(""));
    }

    #[test]
    fn runs_end_at_what_is_no_ascii_letter_or_digit() {
        let all: Vec<_> = runs("repo:a-b_c1/é2*").collect();
        assert_eq!(all, [0..4, 5..6, 7..8, 9..11, 14..15]);
    }
}

//! What the tokens of some templates tell of a run: whether it may be a name.

use super::runs;
use super::stand_ins::Kind;
use crate::admission::search::Templates;
use crate::admission::search::candidates::STRANGER;
use crate::issuers::{ClaimPart, Role};
use crate::language::{Dfa, FastBuild, Language, Out};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Most makes of runs of which it is kept what they may be.
const MAX_KEPT: usize = 1 << 16;
/// Larger alphabets are not looked into.
const MAX_STATES: usize = 2_048;
/// Most pairs of states that are visited to see that an alphabet lets a stand-in stand where a name does.
const MAX_PAIRS: usize = 4_096;
/// Longer runs are no names.
const MAX_RUN: usize = 128;

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// A name, unless the question says more of it.
    Name(Kind),
    /// A word that means something to the issuer, or that no stand-in can stand for.
    Fixed,
    /// It looks like a stand-in.
    StandIn,
}

/// What is the same for all questions about some templates.
#[derive(Debug)]
pub(in crate::admission::search) struct Profile {
    alphabets: Vec<Alphabet>,
    /// The runs of what the issuer itself writes, in order.
    words: Arc<Vec<String>>,
    /// The runs of tenants that are shown as strangers, in small letters.
    strangers: BTreeSet<String>,
    /// The runs with which samples end: candidates are put behind them.
    ends: BTreeSet<String>,
    /// The claims in which a run may go over the end of a segment.
    glued: BTreeSet<String>,
    /// The runs of the issuer's own that a segment may go on with: of `%3A{tail}` it is `3A`.
    heads: BTreeSet<String>,
    /// Of each kind those that can stand for a name; worked out when they are first asked for.
    stand_ins: BTreeMap<Kind, OnceLock<Vec<&'static str>>>,
    /// For each ASCII character what no alphabet tells it apart from.
    classes: Vec<u8>,
    /// Whether the alphabets let a stand-in stand for runs of these classes.
    known: Mutex<HashMap<Vec<u8>, bool, FastBuild>>,
}

#[derive(Debug)]
struct Alphabet {
    dfa: Arc<Dfa>,
    /// For pairs of states whether all that leads from the first into the language does from the second.
    within: Mutex<HashMap<(u32, u32), bool, FastBuild>>,
}

impl Profile {
    /// None where an alphabet is too large.
    pub(in crate::admission::search) fn new(templates: &Templates) -> Option<Self> {
        let mut dfas: Vec<Arc<Dfa>> = Vec::new();
        let (mut words, mut strangers, mut ends) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut glued, mut heads) = (BTreeSet::new(), BTreeSet::new());
        let own = |text: &str| -> Vec<String> { runs(text).filter_map(|place| text.get(place)).map(str::to_owned).collect() };
        words.extend([STRANGER, "neutral-value", "neutral-value.yml", "0"].iter().flat_map(|t| own(t)));
        strangers.extend(own(STRANGER));
        for prepared in templates.iter() {
            for (index, segment) in prepared.template.segments.iter().enumerate() {
                let wider = segment.guessed.as_deref().map(Language::regex_whole);
                for language in std::iter::once(prepared.alphabet(index)).chain(wider) {
                    let dfa = language.ok().filter(|l| l.0.len() <= MAX_STATES)?.0;
                    if !dfas.iter().any(|known| Arc::ptr_eq(known, &dfa)) {
                        dfas.push(dfa);
                    }
                }
                for sample in &segment.samples {
                    let all = own(sample);
                    if prepared.samples(index).first() == Some(sample) {
                        ends.extend(all.last().filter(|last| sample.ends_with(last.as_str())).cloned());
                    }
                    if segment.role == Role::Tenant {
                        strangers.extend(all.iter().map(|run| run.to_ascii_lowercase()));
                    }
                    words.extend(all);
                }
            }
            for (name, parts) in prepared.template.claims.iter() {
                for part in parts {
                    if let ClaimPart::Literal(text) = part {
                        words.extend(own(text));
                    }
                }
                for part in goes_on(parts, |index| prepared.alphabet(index).ok()) {
                    match part {
                        ClaimPart::Literal(text) => heads.extend(own(text).pop()),
                        ClaimPart::Segment(_) => {
                            glued.insert(name.clone());
                        }
                    }
                }
            }
        }
        let alphabets: Vec<Alphabet> = dfas.into_iter().map(|dfa| Alphabet { dfa, within: Mutex::default() }).collect();
        let words: Arc<Vec<String>> = Arc::new(words.into_iter().collect());
        let classes = classes(&alphabets);
        let stand_ins = Kind::all().map(|kind| (kind, OnceLock::new())).collect();
        Some(Self { alphabets, words, strangers, ends, glued, heads, stand_ins, classes, known: Mutex::default() })
    }

    /// The stand-ins of a kind that no word of the issuer looks like, and that each alphabet takes for the same as the first.
    fn usable(&self, kind: Kind) -> Vec<&'static str> {
        let strange = |run: &&&str| !self.is_word(run) && !self.words.iter().any(|word| super::entangled(word, run));
        let all: Vec<&'static str> = kind.stand_ins().iter().filter(strange).copied().collect();
        let Some(first) = all.first().copied() else { return Vec::new() };
        let same = |run: &&&str| self.alphabets.iter().all(|a| a.same(first, run));
        all.iter().filter(same).copied().collect()
    }

    pub(super) fn stand_ins(&self, kind: Kind) -> &[&'static str] {
        self.stand_ins.get(&kind).map_or(&[], |all| all.get_or_init(|| self.usable(kind)))
    }

    pub(super) fn words(&self) -> &Arc<Vec<String>> {
        &self.words
    }

    pub(super) fn is_glued(&self, claim: &str) -> bool {
        self.glued.contains(claim)
    }

    /// A run of the question begins with one of the issuer's and goes on into a segment, where another run may be a name.
    pub(super) fn goes_over(&self, all: &[String]) -> bool {
        all.iter().any(|run| self.heads.iter().any(|head| run.len() > head.len() && run.starts_with(head.as_str())))
    }

    pub(super) fn has_glued(&self) -> bool {
        !self.glued.is_empty()
    }

    /// A name that begins with one of these runs, put behind a sample, may be another run of the question.
    pub(super) fn may_be_glued(&self, all: &[String], leading: &[&String]) -> bool {
        let like = |rest: &str| leading.iter().any(|run| run.starts_with(rest) || rest.starts_with(run.as_str()));
        all.iter().any(|run| self.ends.iter().any(|end| run.strip_prefix(end.as_str()).is_some_and(|rest| !rest.is_empty() && like(rest))))
    }

    /// Some word of the issuer begins with the run.
    fn is_word(&self, run: &str) -> bool {
        let at = self.words.partition_point(|word| word.as_str() < run);
        self.words.get(at).is_some_and(|word| word.starts_with(run))
    }

    pub(super) fn run(&self, run: &str) -> Run {
        if Kind::all().flat_map(|kind| kind.stand_ins()).any(|stand_in| run.starts_with(stand_in)) {
            return Run::StandIn;
        }
        let small = run.to_ascii_lowercase();
        if run.len() > MAX_RUN || self.is_word(run) || self.strangers.iter().any(|stranger| small.contains(stranger.as_str())) {
            return Run::Fixed;
        }
        let Some(kind) = Kind::of(run) else { return Run::Fixed };
        let Some(stand_in) = self.stand_ins(kind).first() else { return Run::Fixed };
        if self.lets(run, stand_in) { Run::Name(kind) } else { Run::Fixed }
    }

    /// Each alphabet lets the stand-in stand wherever it lets the name.
    fn lets(&self, name: &str, stand_in: &str) -> bool {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let class = |b: u8| self.classes.get(usize::from(b)).copied().unwrap_or(0);
        let mut key: Vec<u8> = name.bytes().map(class).collect();
        // Which stand-in it is follows from the make of the name.
        key.extend(stand_in.bytes());
        if let Some(known) = lock().get(&key) {
            return *known;
        }
        let found = self.alphabets.iter().all(|alphabet| alphabet.lets(name, stand_in));
        let mut kept = lock();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, found);
        found
    }
}

/// The ASCII characters by what no alphabet tells apart.
fn classes(alphabets: &[Alphabet]) -> Vec<u8> {
    let mut known: BTreeMap<Vec<usize>, u8> = BTreeMap::new();
    let mut out = Vec::new();
    for c in (0..128_u8).map(char::from) {
        let next = u8::try_from(known.len()).unwrap_or(u8::MAX);
        out.push(*known.entry(alphabets.iter().map(|a| a.dfa.classes.of(c)).collect()).or_insert(next));
    }
    out
}

impl Alphabet {
    fn states(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.dfa.len()).unwrap_or(0)
    }

    /// The two runs lead to the same states.
    fn same(&self, a: &str, b: &str) -> bool {
        (self.spells(a) == self.spells(b) || (self.refuses(a) && self.refuses(b)))
            && self.states().all(|q| self.dfa.run(q, a) == self.dfa.run(q, b))
    }

    /// Each character of the run is one of the alphabet's, or none is.
    fn spells(&self, run: &str) -> bool {
        run.chars().all(|c| self.dfa.uses(c))
    }

    /// No string of the alphabet has the run in it.
    fn refuses(&self, run: &str) -> bool {
        self.states().all(|q| !self.dfa.is_live(self.dfa.run(q, run)))
    }

    /// The stand-in may stand wherever the name does; and both are spelled with the alphabet's characters, or both are not, or no
    /// string has them.
    fn lets(&self, name: &str, stand_in: &str) -> bool {
        let alike = self.spells(name) == self.spells(stand_in) || (self.refuses(name) && self.refuses(stand_in));
        alike && self.states().all(|q| self.is_within(self.dfa.run(q, name), self.dfa.run(q, stand_in)))
    }

    /// All that leads from `a` into the language does from `b`.
    fn is_within(&self, a: u32, b: u32) -> bool {
        if a == b || !self.dfa.is_live(a) {
            return true;
        }
        let mut within = self.within.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = within.get(&(a, b)) {
            return *known;
        }
        let mut met: BTreeSet<(u32, u32)> = BTreeSet::from([(a, b)]);
        let mut open = vec![(a, b)];
        let mut holds = true;
        while let Some((a, b)) = open.pop() {
            if (self.dfa.out(a) == Out::Yes && self.dfa.out(b) != Out::Yes) || met.len() > MAX_PAIRS {
                holds = false;
                break;
            }
            for class in 0..self.dfa.classes.len() {
                let to = (self.dfa.next_class(a, class), self.dfa.next_class(b, class));
                let known = to.0 == to.1 || !self.dfa.is_live(to.0) || within.get(&to) == Some(&true);
                if !known && met.insert(to) {
                    open.push(to);
                }
            }
        }
        if holds {
            within.extend(met.into_iter().map(|pair| (pair, true)));
        } else {
            within.insert((a, b), false);
        }
        holds
    }
}

/// The pieces of a claim behind which a run may go on in the next piece: they stand side by side without a delimiter.
fn goes_on(parts: &[ClaimPart], alphabet: impl Fn(usize) -> Option<Language>) -> Vec<&ClaimPart> {
    let letter = |c: char| c.is_ascii_alphanumeric();
    // An empty piece leaves it to the piece behind it.
    let begins = |rest: &[ClaimPart]| -> bool {
        for part in rest {
            match part {
                ClaimPart::Literal(text) => match text.chars().next() {
                    Some(first) => return letter(first),
                    None => continue,
                },
                ClaimPart::Segment(index) => {
                    let Some(language) = alphabet(*index) else { return true };
                    let dfa = &language.0;
                    let begins = |c: char| dfa.is_live(dfa.next(dfa.start(), c));
                    if ('0'..='9').chain('A'..='Z').chain('a'..='z').any(begins) {
                        return true;
                    }
                    if dfa.out(dfa.start()) != Out::Yes {
                        return false;
                    }
                }
            }
        }
        false
    };
    let ends = |part: &ClaimPart| match part {
        ClaimPart::Literal(text) => text.chars().next_back().is_some_and(letter),
        ClaimPart::Segment(_) => true,
    };
    let mut out = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if ends(part) && parts.get(at + 1..).is_some_and(begins) {
            out.push(part);
        }
    }
    out
}

//! One formula in one template: the product of the segments' alphabets and the tests' automata.

use super::budget::{LIMIT, Query};
use super::candidates::{self, Readable};
use super::compile::{Compiled, Leaf, Node};
use super::memo::Joint;
use super::order::order;
use super::resolve::{Piece, Prepared, Resolved, known, resolve};
use super::space::Space;
use super::track::Track;
use super::truths::{ANYTHING, Mask, Sim, TRUE, UNKNOWN, bit};
use super::{MAX_CANDIDATE_NODES, MAX_SEARCH_STATES, QUICK_CANDIDATE_NODES};
use crate::admission::formula::Subject;
use crate::language::{Dfa, FastBuild, Out};
use crate::token::Truth;
use std::collections::HashMap;
use std::sync::Arc;

/// Most tests that one search follows at the same time.
const MAX_TRACKS: usize = 512;

/// Up to so many tests of a segment are looked for one by one.
const FEW: usize = 8;

/// A segment that some test looks at.
#[derive(Debug)]
struct Stage {
    segment: usize,
    alphabet: Arc<Dfa>,
    /// The classes of the alphabet and of each active track.
    joint: Arc<Joint>,
    active: Vec<Active>,
}

/// A test that moves while a segment is read.
#[derive(Debug)]
struct Active {
    track: usize,
    slot: usize,
    /// For a test in order: the characters between this segment and its next.
    after: String,
}

/// A state: the stage, the alphabet's state, then the tracks' slots.
type State = Vec<u32>;
const STAGE: usize = 0;
const ALPHABET: usize = 1;
const FIRST_SLOT: usize = 2;

/// What the exhaustive search came to.
pub(super) enum Found {
    /// These segments (of those that matter).
    Walk(Vec<Option<String>>),
    Nothing,
    Perhaps(String),
}

/// What a walk over readable strings came to.
pub(super) struct Walked {
    /// The segments (of those that matter).
    pub(super) found: Option<Vec<Option<String>>>,
    /// It came near the most nodes that it may visit.
    pub(super) strained: bool,
}

/// Where a state was come from: the state before, and the character; no character where a segment ends.
type From = Option<(u32, Option<char>)>;

pub(super) struct Machine<'a> {
    pub(super) prepared: &'a Prepared,
    query: &'a Query<'a>,
    formula: &'a Compiled,
    sim: Sim,
    tracks: Vec<Track>,
    stages: Vec<Stage>,
    slots: usize,
    reasons: Vec<String>,
}

/// What tells tests apart: the automaton, the place of the subject, the truths when it accepts and without the claim.
type Alike = (*const Dfa, usize, Truth, Truth);

/// The translation of a formula for one template.
struct Builder<'a> {
    prepared: &'a Prepared,
    query: &'a Query<'a>,
    tracks: Vec<Track>,
    leaves: HashMap<*const Leaf, usize, FastBuild>,
    subjects: Vec<(&'a Subject, Resolved)>,
    /// What became of a test, by its automaton, the place of its subject and its truths; the automaton is kept, so that its
    /// address stays its own.
    alike: HashMap<Alike, (Sim, Arc<Dfa>), FastBuild>,
    reasons: Vec<String>,
}

impl<'a> Builder<'a> {
    fn sim(&mut self, node: &'a Node) -> Sim {
        match node {
            Node::Constant(truth, why) => {
                if *truth == Truth::Unknown {
                    self.reasons.push(why.as_deref().unwrap_or("a part of the condition is not known").to_owned());
                }
                Sim::Constant(*truth)
            }
            Node::Leaf(leaf) => self.leaf(leaf),
            Node::Not(inner) => Sim::Not(Box::new(self.sim(inner))),
            Node::All(all) => Sim::All(all.iter().map(|n| self.sim(n)).collect()),
            Node::Any(all) => Sim::Any(all.iter().map(|n| self.sim(n)).collect()),
        }
    }

    fn leaf(&mut self, leaf: &'a Arc<Leaf>) -> Sim {
        if let Some(i) = self.leaves.get(&Arc::as_ptr(leaf)) {
            return Sim::Track(*i);
        }
        let at = self.subjects.iter().position(|(s, _)| **s == leaf.subject).unwrap_or_else(|| {
            self.subjects.push((&leaf.subject, resolve(&leaf.subject, self.prepared)));
            self.subjects.len() - 1
        });
        let (pieces, ops) = match self.subjects.get(at).map(|(_, r)| r) {
            Some(Resolved::String { pieces, ops }) => (pieces.clone(), ops.clone()),
            Some(Resolved::Unknown(why)) => return self.unknown(why.clone()),
            Some(Resolved::Absent) | None => {
                if leaf.absent == Truth::Unknown {
                    return self.unknown(format!("whether `{}` holds without the claim is not known", leaf.label));
                }
                return Sim::Constant(leaf.absent);
            }
        };
        if self.query.is_spent() {
            return self.unknown(LIMIT.to_owned());
        }
        let dfa = match self.query.memo.derived(leaf, &ops, self.query) {
            Ok(dfa) => dfa,
            Err(_) if !leaf.parts.is_empty() => return Sim::Any(leaf.parts.iter().map(|part| self.leaf(part)).collect()),
            Err(e) => return self.unknown(format!("`{}`: {e}", leaf.label)),
        };
        let alike = (Arc::as_ptr(&dfa), at, leaf.accept, leaf.absent);
        if let Some((sim, _)) = self.alike.get(&alike).filter(|_| leaf.accept != Truth::Unknown) {
            return sim.clone();
        }
        let sim = self.track(leaf, Arc::clone(&dfa), pieces);
        self.alike.insert(alike, (sim.clone(), dfa));
        sim
    }

    fn track(&mut self, leaf: &'a Arc<Leaf>, dfa: Arc<Dfa>, pieces: Vec<Piece>) -> Sim {
        let mut track = Track::new(dfa, leaf.accept, leaf.absent, pieces);
        if leaf.accept == Truth::Unknown {
            self.reasons.push(format!("`{}` has a part that is not known", leaf.label));
        }
        if let Some(text) = known(&track.pieces) {
            return Sim::Constant(track.truth(track.dfa.out(track.dfa.run(track.dfa.start(), &text))));
        }
        if let Some(out) = track.dfa.fixed(track.dfa.start()) {
            return Sim::Constant(track.truth(out));
        }
        track.narrow(self.prepared, self.query);
        if let Some(truth) = single(track.can) {
            return Sim::Constant(truth);
        }
        if self.tracks.len() >= MAX_TRACKS {
            return self.unknown("the condition has too many tests".to_owned());
        }
        self.leaves.insert(Arc::as_ptr(leaf), self.tracks.len());
        self.tracks.push(track);
        Sim::Track(self.tracks.len() - 1)
    }

    fn unknown(&mut self, why: String) -> Sim {
        self.reasons.push(why);
        Sim::Constant(Truth::Unknown)
    }
}

impl<'a> Machine<'a> {
    pub(super) fn new(formula: &'a Compiled, prepared: &'a Prepared, query: &'a Query<'a>) -> Result<Self, String> {
        let mut builder = Builder {
            prepared,
            query,
            tracks: Vec::new(),
            leaves: HashMap::default(),
            subjects: Vec::new(),
            alike: HashMap::default(),
            reasons: Vec::new(),
        };
        let sim = builder.sim(&formula.root);
        let Builder { tracks, reasons, .. } = builder;
        let sim = sim.folded(&|i| tracks.get(i).map_or(ANYTHING, |t| t.can));
        let mut used = Vec::new();
        sim.used(&mut used);
        used.sort_unstable();
        used.dedup();
        let mut machine = Self { prepared, query, formula, sim, tracks, stages: Vec::new(), slots: FIRST_SLOT, reasons };
        if !machine.refuted() {
            machine.lay_out(&used)?;
        }
        Ok(machine)
    }

    /// Gives the used tracks their slots and builds the stages.
    fn lay_out(&mut self, used: &[usize]) -> Result<(), String> {
        // The larger an automaton, the more its functions cost.
        let mut sizes: Vec<(usize, usize)> = used.iter().map(|i| (self.tracks.get(*i).map_or(0, |t| t.dfa.len()), *i)).collect();
        sizes.sort_by_key(|(len, i)| (std::cmp::Reverse(*len), *i));
        let sequences: Vec<Vec<usize>> = sizes.iter().filter_map(|(_, i)| self.tracks.get(*i)).map(Track::segments).collect();
        let order = order(&sequences);
        for i in used {
            if let Some(track) = self.tracks.get_mut(*i) {
                self.slots = track.arrange(&order, self.slots);
            }
        }
        for segment in order {
            let name = self.prepared.template.segments.get(segment).map_or("", |s| s.name.as_str());
            let alphabet = self.prepared.alphabet(segment).map_err(|e| format!("segment `{name}` of the issuer's tokens: {e}"))?;
            self.stages.push(self.stage(segment, alphabet.0, used));
        }
        Ok(())
    }

    fn stage(&self, segment: usize, alphabet: Arc<Dfa>, used: &[usize]) -> Stage {
        let active: Vec<Active> = used
            .iter()
            .filter_map(|i| {
                let track = self.tracks.get(*i)?;
                let slot = track.slot(segment)?;
                let at = track.pieces.iter().position(|p| *p == Piece::Segment(segment))?;
                let after = match track.pieces.get(at + 1) {
                    Some(Piece::Literal(text)) if track.ordered => text.clone(),
                    _ => String::new(),
                };
                Some(Active { track: *i, slot, after })
            })
            .collect();
        let tests: Vec<&Arc<Dfa>> = active.iter().filter_map(|a| self.tracks.get(a.track)).map(|t| &t.dfa).collect();
        let joint = self.query.memo.joint(&alphabet, &tests);
        Stage { segment, alphabet, joint, active }
    }

    /// True when no token of the template can pass, as each test by itself already shows.
    pub(super) fn refuted(&self) -> bool {
        self.sim.eval(&|i| self.tracks.get(i).map_or(ANYTHING, |t| t.can)) & (TRUE | UNKNOWN) == 0
    }

    fn initial(&self) -> State {
        let mut state: State = vec![0; self.slots];
        for track in self.tracks.iter().filter(|t| t.ordered) {
            if let Some((_, slot)) = track.slots.first()
                && let Some(cell) = state.get_mut(*slot)
            {
                *cell = match track.pieces.first() {
                    Some(Piece::Literal(text)) => track.dfa.run(track.dfa.start(), text),
                    _ => track.dfa.start(),
                };
            }
        }
        self.enter(&mut state, 0);
        state
    }

    fn enter(&self, state: &mut [u32], stage: usize) {
        let alphabet = self.stages.get(stage).map_or(0, |s| s.alphabet.start());
        if let [at, state, ..] = state {
            *at = u32::try_from(stage).unwrap_or(u32::MAX);
            *state = alphabet;
        }
    }

    /// The segments that some test looks at.
    pub(super) fn segments(&self) -> impl Iterator<Item = usize> {
        self.stages.iter().map(|s| s.segment)
    }

    fn stage_of(&self, state: &[u32]) -> Option<&Stage> {
        state.get(STAGE).and_then(|i| self.stages.get(*i as usize))
    }

    /// The number of the stage; none past the last.
    fn stage_at(&self, state: &[u32]) -> Option<usize> {
        state.get(STAGE).map(|i| *i as usize).filter(|i| *i < self.stages.len())
    }

    fn alphabet_state(state: &[u32]) -> u32 {
        state.get(ALPHABET).copied().unwrap_or(0)
    }

    /// Reads one character of the stage's segment, given by its joint class; none past a limit.
    fn advance(&self, stage: &Stage, state: &mut [u32], class: usize) -> Option<()> {
        let classes = stage.joint.maps.get(class)?;
        let cell = state.get_mut(ALPHABET)?;
        *cell = stage.alphabet.next_class(*cell, usize::from(*classes.first()?));
        for (active, class) in stage.active.iter().zip(classes.iter().skip(1)) {
            let cell = state.get_mut(active.slot)?;
            *cell = self.tracks.get(active.track)?.step(*cell, *class)?;
        }
        Some(())
    }

    /// Leaves the stage's segment.
    fn leave(&self, state: &mut [u32]) {
        let at = state.get(STAGE).copied().unwrap_or(0) as usize;
        let Some(stage) = self.stages.get(at) else { return };
        for active in stage.active.iter().filter(|a| !a.after.is_empty()) {
            if let (Some(track), Some(cell)) = (self.tracks.get(active.track), state.get_mut(active.slot)) {
                *cell = track.dfa.run(*cell, &active.after);
            }
        }
        self.enter(state, at + 1);
    }

    /// The truths that the formula can still have.
    fn outlook(&self, state: &[u32]) -> Mask {
        let now = self.stage_at(state);
        self.sim.eval(&|i| self.tracks.get(i).map_or(ANYTHING, |t| t.outlook(state, now)))
    }

    /// The truths that each test can still have.
    fn masks(&self, state: &[u32], out: &mut Vec<Mask>) {
        let now = self.stage_at(state);
        out.clear();
        out.extend(self.tracks.iter().map(|t| if t.slots.is_empty() { ANYTHING } else { t.outlook(state, now) }));
    }

    /// [`Machine::outlook`] of a state one character after another, whose tests' truths are `masks` and which has the
    /// outlook `before`: most characters change neither.
    fn outlook_after(&self, stage: &Stage, state: &[u32], masks: &[Mask], before: Mask) -> Mask {
        let at = self.stage_at(state);
        let now = |i: usize| self.tracks.get(i).map_or(ANYTHING, |t| t.outlook(state, at));
        let same = stage.active.iter().all(|a| masks.get(a.track).is_some_and(|m| *m == now(a.track)));
        if same {
            return before;
        }
        // Only active tests can differ.
        let active = |i: usize| stage.active.iter().any(|a| a.track == i);
        let few = stage.active.len() <= FEW;
        self.sim.eval(&|i| if few && !active(i) { masks.get(i).copied().unwrap_or(ANYTHING) } else { now(i) })
    }

    /// Depth first over readable strings for the segments, over few of them unless the walk is `wide`; `extra` are strings that
    /// are tried last.
    pub(super) fn walk_candidates(&self, extra: Option<&[Option<String>]>, wide: bool, readable: &mut Readable) -> Walked {
        let start = self.initial();
        if self.outlook(&start) & TRUE == 0 {
            return Walked { found: None, strained: false };
        }
        let all = if self.stages.is_empty() { Vec::new() } else { candidates::candidates(self, self.formula, extra, readable) };
        let mut chosen = vec![None; self.prepared.template.segments.len()];
        let most = if wide { MAX_CANDIDATE_NODES } else { QUICK_CANDIDATE_NODES };
        let mut budget = most;
        let found = self.walk(&start, &all, &mut chosen, &mut budget).then_some(chosen);
        Walked { found, strained: budget < most / 2 || self.query.is_spent() }
    }

    /// A walk that was found, made readable one segment at a time: what remains when the candidates are too many to try
    /// in all combinations.
    pub(super) fn polish(&self, mut values: Vec<Option<String>>, readable: &mut Readable) -> Vec<Option<String>> {
        let all = candidates::candidates(self, self.formula, None, readable);
        let start = self.initial();
        let stages: Vec<usize> = self.stages.iter().map(|s| s.segment).collect();
        // What is open after the walk's end is any string: fixed first, so that every trial is a whole token.
        let Some(whole) = self.prepared.complete(values.clone()) else { return values };
        let mut fixed: Vec<Vec<String>> = whole.into_iter().map(|v| vec![v]).collect();
        for segment in stages {
            let Some(wanted) = all.get(segment) else { continue };
            for candidate in wanted {
                let mut trial = fixed.clone();
                if let Some(cell) = trial.get_mut(segment) {
                    *cell = vec![candidate.clone()];
                }
                let (mut chosen, mut budget) = (vec![None; trial.len()], trial.len() + 1);
                if self.walk(&start, &trial, &mut chosen, &mut budget) {
                    fixed = trial;
                    values = chosen;
                    break;
                }
            }
        }
        values
    }

    fn walk(&self, state: &[u32], all: &[Vec<String>], chosen: &mut Vec<Option<String>>, budget: &mut usize) -> bool {
        let Some(stage) = self.stage_of(state) else { return self.outlook(state) == TRUE };
        for candidate in all.get(stage.segment).into_iter().flatten() {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            if !self.query.pay((candidate.len() + 1) * (stage.active.len() + 1) + self.tracks.len()) {
                return false;
            }
            let mut at = state.to_vec();
            if candidate.chars().try_for_each(|c| self.advance(stage, &mut at, stage.joint.classes.of(c))).is_none() {
                continue;
            }
            self.leave(&mut at);
            if self.outlook(&at) & TRUE != 0 {
                if let Some(c) = chosen.get_mut(stage.segment) {
                    *c = Some(candidate.clone());
                }
                if self.walk(&at, all, chosen, budget) {
                    return true;
                }
            }
        }
        false
    }

    /// The places in the stage's order of the characters that are to be tried from a state: of characters that lead to the
    /// same state the first.
    fn successors(&self, stage: &Stage, state: &[u32], out: &mut Vec<u16>) {
        let test = |active: &Active| {
            let track = self.tracks.get(active.track).filter(|t| t.ordered)?;
            Some((&track.dfa, state.get(active.slot).copied().unwrap_or(0)))
        };
        stage.joint.successors(Some((&stage.alphabet, Self::alphabet_state(state))), stage.active.iter().map(test), out);
    }

    /// Breadth first over all states: the shortest walk, or the proof that there is none.
    pub(super) fn exhaust(&self) -> Found {
        let mut space = Space::new(self.slots);
        let mut next = self.initial();
        let (mut masks, mut places) = (Vec::new(), Vec::new());
        let outlook = self.outlook(&next);
        if let Some(end) = self.visit(&mut space, &mut next, outlook, None) {
            return Found::Walk(self.strings(&space, end));
        }
        while let Some(id) = space.pop() {
            let Some(stage) = self.stage_of(space.state(id)) else { continue };
            self.masks(space.state(id), &mut masks);
            let before = space.outlook(id);
            self.successors(stage, space.state(id), &mut places);
            self.query.pay((1 + places.len()) * (1 + stage.active.len()) + self.tracks.len());
            for class in places.iter().filter_map(|place| stage.joint.order.get(usize::from(*place))) {
                next.copy_from_slice(space.state(id));
                if self.advance(stage, &mut next, *class).is_none() {
                    return Found::Perhaps(LIMIT.to_owned());
                }
                if !stage.alphabet.is_live(Self::alphabet_state(&next)) || space.holds(&next) {
                    continue;
                }
                let outlook = self.outlook_after(stage, &next, &masks, before);
                let c = stage.joint.classes.representatives().get(*class).copied();
                if let Some(end) = self.visit(&mut space, &mut next, outlook, Some((id, c))) {
                    return Found::Walk(self.strings(&space, end));
                }
            }
            if space.len() > MAX_SEARCH_STATES || self.query.is_spent() {
                return Found::Perhaps(LIMIT.to_owned());
            }
        }
        if space.perhaps {
            let why = self.reasons.first().map_or("a part of the condition is not known", String::as_str);
            return Found::Perhaps(why.to_owned());
        }
        Found::Nothing
    }

    /// Adds a state and what follows it without a character; the id of a state from which everything is admitted.
    fn visit(&self, space: &mut Space, state: &mut State, outlook: Mask, from: From) -> Option<u32> {
        let (mut outlook, mut from) = (outlook, from);
        loop {
            let wanted = if space.perhaps { TRUE } else { TRUE | UNKNOWN };
            let id = space.add(state, outlook, from)?;
            if outlook & wanted == 0 {
                return None;
            }
            let Some(stage) = self.stage_of(state) else {
                space.perhaps |= outlook & UNKNOWN != 0;
                return (outlook == TRUE).then_some(id);
            };
            let letters = Self::alphabet_state(state);
            if !stage.alphabet.is_live(letters) {
                return None;
            }
            if outlook == TRUE {
                return Some(id);
            }
            // Where no test can change any more, one way to the segment's end stands for all.
            let settled = stage.active.iter().all(|a| self.settled(a, state));
            if !settled {
                space.push(id);
                if stage.alphabet.out(letters) != Out::Yes {
                    return None;
                }
            }
            self.leave(state);
            outlook = self.outlook(state);
            from = Some((id, None));
        }
    }

    fn settled(&self, active: &Active, state: &[u32]) -> bool {
        let Some(track) = self.tracks.get(active.track).filter(|t| t.ordered) else { return false };
        state.get(active.slot).is_some_and(|q| track.dfa.fixed(*q).is_some())
    }

    /// The shortest rest of the segment in which a state is, backwards.
    fn rest(&self, space: &Space, id: u32) -> Vec<char> {
        let state = space.state(id);
        let rest = self.stage_of(state).and_then(|s| s.alphabet.shortest_from(Self::alphabet_state(state)));
        rest.unwrap_or_default().chars().rev().collect()
    }

    /// The segments on the way to a state; what is left of a segment is its shortest rest.
    fn strings(&self, space: &Space, end: u32) -> Vec<Option<String>> {
        let mut out: Vec<Option<String>> = vec![None; self.prepared.template.segments.len()];
        let mut at = end;
        let mut text = self.rest(space, end);
        loop {
            let from = space.from(at);
            if !matches!(from, Some((_, Some(_)))) {
                // The start of this segment.
                let segment = self.stage_of(space.state(at)).map(|s| s.segment);
                if let Some(cell) = segment.and_then(|s| out.get_mut(s)) {
                    *cell = Some(text.iter().rev().collect());
                }
                text.clear();
            }
            match from {
                Some((before, Some(c))) => {
                    text.push(c);
                    at = before;
                }
                Some((before, None)) => {
                    text = self.rest(space, before);
                    at = before;
                }
                None => return out,
            }
        }
    }
}

/// The one truth of a set of one.
fn single(mask: Mask) -> Option<Truth> {
    [Truth::True, Truth::False, Truth::Error, Truth::Unknown].into_iter().find(|t| bit(*t) == mask)
}

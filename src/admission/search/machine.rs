//! One formula in one template: the product of the segments' alphabets and the tests' automata.

use super::compile::{Compiled, Leaf, Node};
use super::resolve::{Piece, Prepared, Resolved, known, resolve, through};
use super::truths::{ANYTHING, FALSE, Mask, Sim, TRUE, UNKNOWN, bit};
use super::{MAX_CANDIDATE_NODES, MAX_SEARCH_STATES, QUICK_CANDIDATE_NODES, candidates};
use crate::admission::Truth;
use crate::admission::formula::Subject;
use crate::language::{Classes, Dfa, FastBuild, Out, readable_rank};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Most cells of the transition functions that one test keeps.
const MAX_FUNCTION_CELLS: usize = 1 << 20;
/// Most tests that one search follows at the same time.
const MAX_TRACKS: usize = 512;

/// One test in this template.
#[derive(Debug)]
struct Track {
    dfa: Arc<Dfa>,
    accept: Truth,
    absent: Truth,
    pieces: Vec<Piece>,
    /// The segments come in the template's order, each once: one state suffices.
    ordered: bool,
    /// For a test in order the place of its state; else for each segment that it uses the place of its function.
    slots: Vec<(usize, usize)>,
    functions: Functions,
}

impl Track {
    fn possible(&self) -> Mask {
        let absent = if self.dfa.can_be_absent() { bit(self.absent) } else { 0 };
        bit(self.accept) | FALSE | absent
    }

    fn truth(&self, out: Out) -> Truth {
        match out {
            Out::Yes => self.accept,
            Out::No => Truth::False,
            Out::Absent => self.absent,
        }
    }

    /// The output over all pieces, from the functions of the segments.
    fn composed(&self, state: &State) -> Out {
        let end = self.pieces.iter().fold(self.dfa.start(), |q, piece| match piece {
            Piece::Literal(text) => self.dfa.run(q, text),
            Piece::Segment(s) => {
                let function = self.slot(*s).and_then(|slot| state.get(slot)).and_then(|f| self.functions.all.get(*f as usize));
                function.and_then(|f| f.get(q as usize)).copied().unwrap_or(q)
            }
        });
        self.dfa.out(end)
    }

    fn slot(&self, segment: usize) -> Option<usize> {
        self.slots.iter().find(|(s, _)| *s == segment).map(|(_, slot)| *slot)
    }
}

/// What segments do to the states of an automaton, as numbered functions; number 0 is the identity.
#[derive(Debug, Default)]
struct Functions {
    all: Vec<Vec<u32>>,
    ids: HashMap<Vec<u32>, u32>,
    steps: HashMap<(u32, u16), u32>,
}

impl Functions {
    fn new(dfa: &Dfa) -> Self {
        let identity: Vec<u32> = (0..u32::try_from(dfa.len()).unwrap_or(0)).collect();
        Self { ids: HashMap::from([(identity.clone(), 0)]), all: vec![identity], steps: HashMap::new() }
    }

    fn step(&mut self, dfa: &Dfa, function: u32, class: u16) -> Option<u32> {
        if let Some(to) = self.steps.get(&(function, class)) {
            return Some(*to);
        }
        let next: Vec<u32> = self.all.get(function as usize)?.iter().map(|q| dfa.next_class(*q, usize::from(class))).collect();
        let fresh = u32::try_from(self.all.len()).ok()?;
        let all = &mut self.all;
        let id = *self.ids.entry(next).or_insert_with_key(|f| {
            all.push(f.clone());
            fresh
        });
        self.steps.insert((function, class), id);
        (self.all.len() * dfa.len() <= MAX_FUNCTION_CELLS).then_some(id)
    }
}

/// A segment that some test looks at.
#[derive(Debug)]
struct Stage {
    segment: usize,
    alphabet: Arc<Dfa>,
    classes: Classes,
    /// For each joint class the class of the alphabet, then of each active track.
    maps: Vec<Vec<u16>>,
    /// The joint classes that the alphabet knows, the most readable first.
    order: Vec<usize>,
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
type State = Box<[u32]>;
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

pub(super) struct Machine<'a> {
    pub(super) prepared: &'a Prepared,
    formula: &'a Compiled,
    sim: Sim,
    tracks: Vec<Track>,
    stages: Vec<Stage>,
    slots: usize,
    reasons: Vec<String>,
}

/// The translation of a formula for one template.
struct Builder<'a> {
    prepared: &'a Prepared,
    tracks: Vec<Track>,
    leaves: HashMap<*const Leaf, usize>,
    subjects: Vec<(&'a Subject, Resolved)>,
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
            Node::Refused(inner) => Sim::Refused(Box::new(self.sim(inner))),
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
        let dfa = match leaf.dfa().and_then(|dfa| through(dfa, &ops)) {
            Ok(dfa) => dfa,
            Err(e) => return self.unknown(format!("`{}`: {e}", leaf.label)),
        };
        let mut ordered = true;
        let mut previous = None;
        for piece in &pieces {
            if let Piece::Segment(i) = piece {
                ordered &= previous.is_none_or(|p| p < *i);
                previous = Some(*i);
            }
        }
        let functions = if ordered { Functions::default() } else { Functions::new(&dfa) };
        let track = Track { dfa, accept: leaf.accept, absent: leaf.absent, pieces, ordered, slots: Vec::new(), functions };
        if track.accept == Truth::Unknown {
            self.reasons.push(format!("`{}` has a part that is not known", leaf.label));
        }
        if let Some(text) = known(&track.pieces) {
            return Sim::Constant(track.truth(track.dfa.out(track.dfa.run(track.dfa.start(), &text))));
        }
        if let Some(out) = track.dfa.fixed(track.dfa.start()) {
            return Sim::Constant(track.truth(out));
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
    pub(super) fn new(formula: &'a Compiled, prepared: &'a Prepared) -> Result<Self, String> {
        let mut builder = Builder { prepared, tracks: Vec::new(), leaves: HashMap::new(), subjects: Vec::new(), reasons: Vec::new() };
        let sim = builder.sim(&formula.root);
        let Builder { tracks, reasons, .. } = builder;
        let sim = sim.folded(&|i| tracks.get(i).map_or(ANYTHING, Track::possible));
        let mut used = Vec::new();
        sim.used(&mut used);
        used.sort_unstable();
        used.dedup();
        let mut machine = Self { prepared, formula, sim, tracks, stages: Vec::new(), slots: FIRST_SLOT, reasons };
        machine.lay_out(&used)?;
        Ok(machine)
    }

    /// Gives the used tracks their slots and builds the stages.
    fn lay_out(&mut self, used: &[usize]) -> Result<(), String> {
        let mut segments: Vec<usize> = Vec::new();
        for i in used {
            let Some(track) = self.tracks.get_mut(*i) else { continue };
            let mut own: Vec<usize> = track.pieces.iter().filter_map(|p| if let Piece::Segment(s) = p { Some(*s) } else { None }).collect();
            own.sort_unstable();
            own.dedup();
            segments.extend(&own);
            let first = self.slots;
            let place = |(n, s): (usize, usize)| (s, if track.ordered { first } else { first + n });
            track.slots = own.into_iter().enumerate().map(place).collect();
            self.slots += if track.ordered { 1 } else { track.slots.len() };
        }
        segments.sort_unstable();
        segments.dedup();
        for segment in segments {
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
        let of_tracks = active.iter().filter_map(|a| self.tracks.get(a.track)).map(|t| &t.dfa.classes);
        let all: Vec<&Classes> = std::iter::once(&alphabet.classes).chain(of_tracks).collect();
        let (classes, maps) = Classes::join(&all, &[]);
        let mut order: Vec<usize> = (0..classes.len()).collect();
        let representative = |k: &usize| classes.representatives().get(*k).copied().unwrap_or('\0');
        order.retain(|k| alphabet.uses(representative(k)));
        order.sort_by_key(|k| readable_rank(representative(k)));
        Stage { segment, alphabet, classes, maps, order, active }
    }

    fn initial(&self) -> State {
        let mut state: State = vec![0; self.slots].into();
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

    fn enter(&self, state: &mut State, stage: usize) {
        let alphabet = self.stages.get(stage).map_or(0, |s| s.alphabet.start());
        if let [at, state, ..] = state.as_mut() {
            *at = u32::try_from(stage).unwrap_or(u32::MAX);
            *state = alphabet;
        }
    }

    fn stage_of(&self, state: &State) -> Option<&Stage> {
        state.get(STAGE).and_then(|i| self.stages.get(*i as usize))
    }

    fn alphabet_state(state: &State) -> u32 {
        state.get(ALPHABET).copied().unwrap_or(0)
    }

    /// Reads one character of the stage's segment, given by its joint class; none past a limit.
    fn advance(&mut self, state: &mut State, class: usize) -> Option<()> {
        let stage = self.stages.get(*state.get(STAGE)? as usize)?;
        let classes = stage.maps.get(class)?;
        let cell = state.get_mut(ALPHABET)?;
        *cell = stage.alphabet.next_class(*cell, usize::from(*classes.first()?));
        for (active, class) in stage.active.iter().zip(classes.iter().skip(1)) {
            let track = self.tracks.get_mut(active.track)?;
            let cell = state.get_mut(active.slot)?;
            *cell = if track.ordered {
                track.dfa.next_class(*cell, usize::from(*class))
            } else {
                track.functions.step(&track.dfa, *cell, *class)?
            };
        }
        Some(())
    }

    /// Leaves the stage's segment.
    fn leave(&self, state: &State) -> State {
        let mut next = state.clone();
        let Some(stage) = self.stage_of(state) else { return next };
        for active in stage.active.iter().filter(|a| !a.after.is_empty()) {
            if let (Some(track), Some(cell)) = (self.tracks.get(active.track), next.get_mut(active.slot)) {
                *cell = track.dfa.run(*cell, &active.after);
            }
        }
        let at = state.get(STAGE).copied().unwrap_or(0) as usize;
        self.enter(&mut next, at + 1);
        next
    }

    /// The truths that the formula can still have.
    fn outlook(&self, state: &State) -> Mask {
        let segment = self.stage_of(state).map(|s| s.segment);
        self.sim.eval(&|i| {
            let Some(track) = self.tracks.get(i) else { return ANYTHING };
            // Past its last segment a test is decided.
            let decided = segment.is_none_or(|now| track.slots.last().is_none_or(|(last, _)| *last < now));
            let out = match (track.ordered, decided) {
                (true, _) => {
                    let q = track.slots.first().and_then(|(_, slot)| state.get(*slot)).copied().unwrap_or(0);
                    if decided { Some(track.dfa.out(q)) } else { track.dfa.fixed(q) }
                }
                (false, true) => Some(track.composed(state)),
                (false, false) => None,
            };
            out.map_or_else(|| track.possible(), |out| bit(track.truth(out)))
        })
    }

    /// Depth first over readable strings for the segments; `extra` are strings that are tried last.
    pub(super) fn walk_candidates(&mut self, extra: Option<&[Option<String>]>) -> Option<Vec<Option<String>>> {
        let start = self.initial();
        if self.outlook(&start) & TRUE == 0 {
            return None;
        }
        let all = if self.stages.is_empty() { Vec::new() } else { candidates::candidates(self, self.formula, extra) };
        let mut chosen = vec![None; self.prepared.template.segments.len()];
        let mut budget = if extra.is_some() { MAX_CANDIDATE_NODES } else { QUICK_CANDIDATE_NODES };
        self.walk(&start, &all, &mut chosen, &mut budget).then_some(chosen)
    }

    /// A walk that was found, made readable one segment at a time: what remains when the candidates are too many to try
    /// in all combinations.
    pub(super) fn polish(&mut self, mut values: Vec<Option<String>>) -> Vec<Option<String>> {
        let all = candidates::candidates(self, self.formula, None);
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

    fn walk(&mut self, state: &State, all: &[Vec<String>], chosen: &mut Vec<Option<String>>, budget: &mut usize) -> bool {
        let Some(segment) = self.stage_of(state).map(|s| s.segment) else { return self.outlook(state) == TRUE };
        for candidate in all.get(segment).into_iter().flatten() {
            if *budget == 0 {
                return false;
            }
            *budget -= 1;
            let mut at = state.clone();
            let read = candidate.chars().try_for_each(|c| {
                let class = self.stage_of(state).map_or(0, |s| s.classes.of(c));
                self.advance(&mut at, class)
            });
            if read.is_none() {
                continue;
            }
            let end = self.leave(&at);
            if self.outlook(&end) & TRUE != 0 {
                if let Some(c) = chosen.get_mut(segment) {
                    *c = Some(candidate.clone());
                }
                if self.walk(&end, all, chosen, budget) {
                    return true;
                }
            }
        }
        false
    }

    /// Breadth first over all states: the shortest walk, or the proof that there is none. `work` is what
    /// the query may still do.
    pub(super) fn exhaust(&mut self, work: &mut usize) -> Found {
        let mut space = Space::default();
        let step = 1 + self.slots + self.tracks.len();
        if let Some(end) = self.visit(&mut space, self.initial(), None) {
            return Found::Walk(self.strings(&space, end));
        }
        while let Some(id) = space.queue.pop_front() {
            let Some(state) = space.states.get(id as usize).cloned() else { continue };
            let Some(order) = self.stage_of(&state).map(|s| s.order.clone()) else { continue };
            for class in order {
                let Some(left) = work.checked_sub(step) else {
                    return Found::Perhaps("the search exceeded its limit".to_owned());
                };
                *work = left;
                let mut next = state.clone();
                if self.advance(&mut next, class).is_none() {
                    return Found::Perhaps("the search exceeded its limit".to_owned());
                }
                let Some(stage) = self.stage_of(&next) else { continue };
                if !stage.alphabet.is_live(Self::alphabet_state(&next)) {
                    continue;
                }
                let c = stage.classes.representatives().get(class).copied();
                if let Some(end) = self.visit(&mut space, next, Some((id, c))) {
                    return Found::Walk(self.strings(&space, end));
                }
            }
            if space.states.len() > MAX_SEARCH_STATES {
                return Found::Perhaps("the search exceeded its limit".to_owned());
            }
        }
        if space.perhaps {
            let why = self.reasons.first().map_or("a part of the condition is not known", String::as_str);
            return Found::Perhaps(why.to_owned());
        }
        Found::Nothing
    }

    /// Adds a state and what follows it without a character; the id of a state from which everything is admitted.
    fn visit(&self, space: &mut Space, state: State, from: Option<(u32, Option<char>)>) -> Option<u32> {
        let (mut state, mut from) = (state, from);
        loop {
            let outlook = self.outlook(&state);
            let wanted = if space.perhaps { TRUE } else { TRUE | UNKNOWN };
            if outlook & wanted == 0 {
                return None;
            }
            let id = space.add(&state, from)?;
            if outlook == TRUE {
                return Some(id);
            }
            let Some(stage) = self.stage_of(&state) else {
                space.perhaps |= outlook & UNKNOWN != 0;
                return None;
            };
            if stage.alphabet.out(Self::alphabet_state(&state)) != Out::Yes {
                return None;
            }
            state = self.leave(&state);
            from = Some((id, None));
        }
    }

    /// The segments on the way to a state; what is left of the current segment is its shortest rest.
    fn strings(&self, space: &Space, end: u32) -> Vec<Option<String>> {
        let mut out: Vec<Option<String>> = vec![None; self.prepared.template.segments.len()];
        let mut at = end;
        let mut text: Vec<char> = Vec::new();
        if let Some(state) = space.states.get(end as usize)
            && let Some(stage) = self.stage_of(state)
        {
            let rest = stage.alphabet.shortest_from(Self::alphabet_state(state)).unwrap_or_default();
            text.extend(rest.chars().rev());
        }
        loop {
            let from = space.from.get(at as usize).copied().flatten();
            if !matches!(from, Some((_, Some(_)))) {
                // The start of this segment.
                let segment = space.states.get(at as usize).and_then(|s| self.stage_of(s)).map(|s| s.segment);
                if let Some(cell) = segment.and_then(|s| out.get_mut(s)) {
                    *cell = Some(text.iter().rev().collect());
                }
                text.clear();
            }
            match from {
                Some((before, c)) => {
                    text.extend(c);
                    at = before;
                }
                None => return out,
            }
        }
    }
}

/// The states met so far.
#[derive(Default)]
struct Space {
    ids: HashMap<State, u32, FastBuild>,
    states: Vec<State>,
    /// The state before, and the character; no character where a segment ends.
    from: Vec<Option<(u32, Option<char>)>>,
    queue: VecDeque<u32>,
    /// A state was met in which the formula is unknown.
    perhaps: bool,
}

impl Space {
    /// The id of a new state; none when it was met before.
    fn add(&mut self, state: &State, from: Option<(u32, Option<char>)>) -> Option<u32> {
        if self.ids.contains_key(state) {
            return None;
        }
        let id = u32::try_from(self.states.len()).ok()?;
        self.ids.insert(state.clone(), id);
        self.states.push(state.clone());
        self.from.push(from);
        self.queue.push_back(id);
        Some(id)
    }
}

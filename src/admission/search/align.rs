//! What a policy's patterns say of each segment of a template, with the places where they say it.

use super::resolve::{Op, Piece, Prepared, Resolved, Templates, resolve};
use super::{HoleMode, Options, placeholder};
use crate::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use crate::issuers::Template;
use crate::language::re2_to_rust;
use crate::partial::{Part, Text, Trail, Unknown};
use crate::place::Span;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::collections::BTreeMap;

/// Most nesting of a formula that is walked.
const MAX_DEPTH: usize = 128;
/// Most alternatives of one expression that are aligned.
const MAX_ALTERNATIVES: usize = 64;

/// What one test says of one segment.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The characters that the pattern spells out for the segment, holes filled.
    pub text: String,
    /// The pattern fixes the segment exactly.
    pub complete: bool,
    /// The letters' case does not matter.
    pub ignore_case: bool,
    /// Where the characters are written.
    pub span: Option<Span>,
    /// How the pattern came to the test.
    pub trail: Trail,
    /// The wildcard that leaves the segment open.
    pub open_at: Option<Span>,
}

/// For each segment of the template (by name) what the positively occurring tests of the formula say of it. A test that
/// no token of the template can pass says nothing.
#[must_use]
pub fn literals_for_segment(formula: &Formula, template: &Template, options: &Options<'_>) -> BTreeMap<String, Vec<Candidate>> {
    literals(formula, &Templates::new(std::slice::from_ref(template)), options).pop().unwrap_or_default()
}

/// [`literals_for_segment`] for each of the templates.
#[must_use]
pub fn literals(formula: &Formula, templates: &Templates, options: &Options<'_>) -> Vec<BTreeMap<String, Vec<Candidate>>> {
    let mut tests = Vec::new();
    positive(formula, true, 0, &mut tests);
    let tests: Vec<(&Test, Vec<Pattern>)> = tests.into_iter().map(|test| (test, patterns(test, options))).collect();
    templates.iter().map(|prepared| literals_in(&tests, prepared)).collect()
}

fn literals_in(tests: &[(&Test, Vec<Pattern>)], prepared: &Prepared) -> BTreeMap<String, Vec<Candidate>> {
    let mut found: Vec<Vec<Candidate>> = vec![Vec::new(); prepared.template.segments.len()];
    // Lists of values are tests of one subject, one after the other.
    let mut subject: Option<(&Subject, Option<(Slots, bool)>)> = None;
    for (test, patterns) in tests {
        if subject.as_ref().is_none_or(|(known, _)| **known != test.subject) {
            let slots = match resolve(&test.subject, prepared) {
                // Letters that are folded say the same name in any case.
                Resolved::String { pieces, ops } if ops.iter().all(|op| matches!(op, Op::Case { .. })) => {
                    Some((Slots::new(pieces), !ops.is_empty()))
                }
                _ => None,
            };
            subject = Some((&test.subject, slots));
        }
        let Some((_, Some((slots, folded)))) = &subject else { continue };
        for pattern in patterns {
            for (segment, candidate) in aligned(pattern, *folded || pattern.ignore_case, slots, prepared) {
                if let Some(list) = found.get_mut(segment) {
                    list.push(candidate);
                }
            }
        }
    }
    let mut out: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    for (segment, candidates) in prepared.template.segments.iter().zip(found).filter(|(_, all)| !all.is_empty()) {
        out.entry(segment.name.clone()).or_default().extend(candidates);
    }
    out
}

fn positive<'f>(formula: &'f Formula, holds: bool, depth: usize, out: &mut Vec<&'f Test>) {
    match formula {
        _ if depth > MAX_DEPTH => {}
        Formula::Constant(..) => {}
        Formula::Test(test) => out.extend(holds.then_some(&**test)),
        Formula::Not(inner) => positive(inner, !holds, depth + 1, out),
        Formula::Deferred(deferred) => positive(&deferred.searched, holds, depth + 1, out),
        Formula::All(all) | Formula::Any(all) => all.iter().for_each(|f| positive(f, holds, depth + 1, out)),
    }
}

/// A unit of a pattern.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Char(char, Option<Span>),
    Wild(Option<Span>),
}

impl Unit {
    fn wild(self) -> Option<Option<Span>> {
        if let Self::Wild(span) = self { Some(span) } else { None }
    }
}

struct Pattern {
    units: Vec<Unit>,
    ignore_case: bool,
    trail: Trail,
}

fn patterns(test: &Test, options: &Options<'_>) -> Vec<Pattern> {
    let fill: &dyn Fn(&Unknown) -> String = match options.holes {
        HoleMode::Fill(fill) => fill,
        HoleMode::Any => &placeholder,
    };
    let wild = || vec![Unit::Wild(None)];
    let one = |text: &Text, before: bool, after: bool, ignore_case: bool| {
        let units = [if before { wild() } else { Vec::new() }, units(text, fill), if after { wild() } else { Vec::new() }].concat();
        vec![Pattern { units, ignore_case, trail: text.trail().or_else(|| test.trail.clone()) }]
    };
    match &test.matcher {
        Matcher::Exact(t) => one(t, false, false, false),
        Matcher::ExactIgnoreCase(t) => one(t, false, false, true),
        Matcher::Prefix(t) => one(t, false, true, false),
        Matcher::Suffix(t) => one(t, true, false, false),
        Matcher::Contains(t) => one(t, true, true, false),
        Matcher::Glob(parts) => {
            let unit = |p: &GlobPart| match p {
                GlobPart::Literal(t) => units(t, fill),
                GlobPart::Star(span) | GlobPart::One(span) => vec![Unit::Wild(*span)],
            };
            let trail = parts.iter().find_map(|p| if let GlobPart::Literal(t) = p { t.trail() } else { None });
            let trail = trail.or_else(|| test.trail.clone());
            vec![Pattern { units: parts.iter().flat_map(unit).collect(), ignore_case: false, trail }]
        }
        Matcher::Regex(pattern) => regex_patterns(pattern, test),
        Matcher::Present | Matcher::Size(..) | Matcher::Order(..) => Vec::new(),
    }
}

/// The characters of a text with their places.
fn units(text: &Text, fill: &dyn Fn(&Unknown) -> String) -> Vec<Unit> {
    let mut out = Vec::new();
    for (i, part) in text.parts.iter().enumerate() {
        match part {
            Part::Literal { text: chars, .. } => {
                out.extend(chars.char_indices().map(|(at, c)| Unit::Char(c, text.span_of(i, at..at + c.len_utf8()))));
            }
            Part::Hole { atom, span, .. } => out.extend(fill(atom).chars().map(|c| Unit::Char(c, *span))),
        }
    }
    out
}

/// An expression as literals and wildcards, one for each of its alternatives: whatever is no literal is a wildcard.
fn regex_patterns(pattern: &str, test: &Test) -> Vec<Pattern> {
    let Ok(hir) = regex_syntax::parse(&re2_to_rust(pattern)) else { return Vec::new() };
    let pattern = |branch: Branch| {
        let (from, to) = (branch.at_start, branch.at_end);
        let wild = |anchored: bool| if anchored { Vec::new() } else { vec![Unit::Wild(test.span)] };
        let units = [wild(from), branch.units, wild(to)].concat();
        Pattern { units, ignore_case: branch.ignore_case, trail: test.trail.clone() }
    };
    let branches = branches(&hir, vec![Branch::default()], test.span, 0);
    branches.into_iter().take(MAX_ALTERNATIVES).map(pattern).collect()
}

/// One way through an expression.
#[derive(Debug, Clone, Default)]
struct Branch {
    units: Vec<Unit>,
    at_start: bool,
    at_end: bool,
    ignore_case: bool,
}

/// Every way so far, with what the expression adds to it; alternatives that are too many or nested too deep are a wildcard.
fn branches(hir: &Hir, so_far: Vec<Branch>, span: Option<Span>, depth: usize) -> Vec<Branch> {
    let each = |mut all: Vec<Branch>, add: &dyn Fn(&mut Branch)| {
        all.iter_mut().for_each(add);
        all
    };
    let wild = |b: &mut Branch| b.units.push(Unit::Wild(span));
    if depth > MAX_DEPTH {
        return each(so_far, &wild);
    }
    match hir.kind() {
        HirKind::Empty => so_far,
        HirKind::Look(Look::Start) => each(so_far, &|b| b.at_start |= b.units.is_empty()),
        HirKind::Look(Look::End) => each(so_far, &|b| b.at_end = true),
        HirKind::Look(_) => so_far,
        HirKind::Literal(text) => {
            let text = String::from_utf8_lossy(&text.0);
            each(so_far, &|b| b.units.extend(text.chars().map(|c| Unit::Char(c, span))))
        }
        HirKind::Capture(group) => branches(&group.sub, so_far, span, depth + 1),
        HirKind::Concat(all) => all.iter().fold(so_far, |so_far, h| branches(h, so_far, span, depth + 1)),
        HirKind::Alternation(all) if so_far.len() * all.len() <= MAX_ALTERNATIVES => {
            all.iter().flat_map(|h| branches(h, so_far.clone(), span, depth + 1)).collect()
        }
        HirKind::Class(class) => match one_letter(class) {
            Some(c) => each(so_far, &|b| {
                b.units.push(Unit::Char(c, span));
                b.ignore_case = true;
            }),
            None => each(so_far, &wild),
        },
        HirKind::Repetition(_) | HirKind::Alternation(_) => each(so_far, &wild),
    }
}

/// The letter of a class that is one letter in both cases: what `(?i)` makes of it.
fn one_letter(class: &Class) -> Option<char> {
    let letters: Vec<char> = match class {
        Class::Unicode(c) => c.ranges().iter().take(4).flat_map(|r| (r.start()..=r.end()).take(4)).collect(),
        Class::Bytes(c) => c.ranges().iter().take(4).flat_map(|r| (r.start()..=r.end()).take(4)).map(char::from).collect(),
    };
    let small = letters.iter().copied().find(char::is_ascii_lowercase)?;
    // `(?i)` adds the long s and the sign of Kelvin, which no name holds.
    let same = |c: &char| c.eq_ignore_ascii_case(&small) || (small == 's' && *c == '\u{17f}') || (small == 'k' && *c == '\u{212a}');
    (letters.len() > 1 && letters.iter().all(same)).then_some(small)
}

/// A piece, its characters in reading direction.
enum Slot {
    Literal(Vec<char>),
    Segment(usize),
}

/// What a walk found of a segment.
struct Found {
    segment: usize,
    chars: Vec<(char, Option<Span>)>,
    complete: bool,
}

/// The pieces of a subject in both directions.
struct Slots {
    pieces: Vec<Piece>,
    forwards: Vec<Slot>,
    backwards: Vec<Slot>,
}

impl Slots {
    fn new(pieces: Vec<Piece>) -> Self {
        let slot = |p: &Piece, reverse: bool| match p {
            Piece::Literal(t) if reverse => Slot::Literal(t.chars().rev().collect()),
            Piece::Literal(t) => Slot::Literal(t.chars().collect()),
            Piece::Segment(i) => Slot::Segment(*i),
        };
        let forwards = pieces.iter().map(|p| slot(p, false)).collect();
        let backwards = pieces.iter().rev().map(|p| slot(p, true)).collect();
        Self { pieces, forwards, backwards }
    }
}

fn aligned(pattern: &Pattern, ignore_case: bool, slots: &Slots, prepared: &Prepared) -> Vec<(usize, Candidate)> {
    let walk = Walk { prepared, ignore_case, backwards: false };
    let Some(mut found) = walk.run(&pattern.units, &slots.forwards) else { return Vec::new() };
    let backwards: Vec<Unit> = pattern.units.iter().rev().copied().collect();
    let Some(from_end) = (Walk { backwards: true, ..walk }).run(&backwards, &slots.backwards) else { return Vec::new() };
    for mut one in from_end {
        one.chars.reverse();
        match found.iter_mut().find(|f| f.segment == one.segment) {
            Some(old) if old.complete || (!one.complete && !old.chars.is_empty()) => {}
            Some(old) => *old = one,
            None => found.push(one),
        }
    }
    found.extend(walk.inner(&pattern.units, &slots.forwards).into_iter().filter(|f| !f.chars.is_empty()));
    let wildcards: Vec<Span> = pattern.units.iter().filter_map(|u| u.wild().flatten()).collect();
    for piece in &slots.pieces {
        if let Piece::Segment(segment) = piece
            && !found.iter().any(|f| f.segment == *segment)
        {
            found.push(Found { segment: *segment, chars: Vec::new(), complete: false });
        }
    }
    let candidate = |f: Found| {
        let place = |c: &(char, Option<Span>)| c.1;
        let span = match (f.chars.first().and_then(place), f.chars.last().and_then(place)) {
            (Some(a), Some(b)) if a.file == b.file && a.start <= b.end => Some(Span { file: a.file, start: a.start, end: b.end }),
            (a, _) => a,
        };
        // The wildcard next behind the characters, else the first.
        let next = span.and_then(|s| wildcards.iter().find(|w| w.file == s.file && w.start >= s.end)).or(wildcards.first());
        let open_at = if f.complete { None } else { next.copied() };
        let text = f.chars.iter().map(|(c, _)| c).collect();
        let (trail, complete) = (pattern.trail.clone(), f.complete);
        let candidate = Candidate { text, complete, ignore_case, span, trail, open_at };
        (f.segment, candidate)
    };
    found.into_iter().map(candidate).collect()
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    prepared: &'a Prepared,
    ignore_case: bool,
    backwards: bool,
}

impl Walk<'_> {
    fn same(self, a: char, b: char) -> bool {
        a == b || (self.ignore_case && a.eq_ignore_ascii_case(&b))
    }

    fn uses(self, segment: usize, c: char) -> bool {
        let Ok(alphabet) = self.prepared.alphabet(segment) else { return true };
        alphabet.0.uses(c) || (self.ignore_case && (alphabet.0.uses(c.to_ascii_lowercase()) || alphabet.0.uses(c.to_ascii_uppercase())))
    }

    fn can_be(self, segment: usize, chars: &[(char, Option<Span>)]) -> bool {
        if self.ignore_case {
            return true;
        }
        let mut text: Vec<char> = chars.iter().map(|(c, _)| *c).collect();
        if self.backwards {
            text.reverse();
        }
        let text: String = text.into_iter().collect();
        self.prepared.alphabet(segment).map_or(true, |a| a.contains(&text))
    }

    /// Walks pattern and pieces side by side up to the first wildcard; none when they cannot agree.
    fn run(self, units: &[Unit], slots: &[Slot]) -> Option<Vec<Found>> {
        let mut found: Vec<Found> = Vec::new();
        let mut at = 0;
        let mut done = 0;
        for (i, slot) in slots.iter().enumerate() {
            if i < done {
                continue;
            }
            match slot {
                Slot::Literal(text) => {
                    for c in text {
                        match units.get(at)? {
                            Unit::Wild(_) => return Some(found),
                            Unit::Char(k, _) if self.same(*k, *c) => at += 1,
                            Unit::Char(..) => return None,
                        }
                    }
                }
                Slot::Segment(segment) => {
                    let delimiter = match slots.get(i + 1) {
                        Some(Slot::Literal(text)) => text.as_slice(),
                        Some(Slot::Segment(next)) => {
                            let one = self.until_next(units.get(at..)?, *segment, *next);
                            // Nothing tells where the one ends and the next starts.
                            let Some(one) = one else { return Some(found) };
                            at += one.chars.len();
                            let complete = one.complete;
                            found.push(one);
                            if !complete {
                                return Some(found);
                            }
                            continue;
                        }
                        None => &[],
                    };
                    if let Some((len, pair)) = self.last_delimiter(units.get(at..)?, slots.get(i..)?) {
                        found.extend(pair);
                        at += len;
                        done = i + 3;
                        continue;
                    }
                    // A delimiter that the segment itself can hold says "at least this", not "exactly this".
                    let clear = delimiter.first().is_none_or(|c| !self.uses(*segment, *c));
                    let mut chars = Vec::new();
                    let complete = loop {
                        match units.get(at) {
                            None if i + 1 == slots.len() => break true,
                            None => return None,
                            Some(Unit::Wild(_)) => break false,
                            Some(Unit::Char(..)) if self.begins(units.get(at..)?, delimiter) => break clear,
                            Some(Unit::Char(c, span)) if self.uses(*segment, *c) => chars.push((*c, *span)),
                            Some(Unit::Char(..)) => return None,
                        }
                        at += 1;
                    };
                    if complete && !self.can_be(*segment, &chars) {
                        return None;
                    }
                    found.push(Found { segment: *segment, chars, complete });
                    if !complete {
                        return Some(found);
                    }
                }
            }
        }
        units.get(at..)?.iter().all(|u| u.wild().is_some()).then_some(found)
    }

    /// A segment that can hold its own delimiter, followed by one that cannot (`{subgroups}/{project}:`): the last
    /// delimiter before what neither can hold is the one. The length and what the two are.
    fn last_delimiter(self, units: &[Unit], slots: &[Slot]) -> Option<(usize, Vec<Found>)> {
        let [Slot::Segment(first), Slot::Literal(delimiter), Slot::Segment(second), Slot::Literal(end), ..] = slots else { return None };
        let ([between], stop) = (delimiter.as_slice(), *end.first()?) else { return None };
        let clear = !self.backwards && self.uses(*first, *between) && !self.uses(*second, *between);
        if !clear || self.uses(*first, stop) || self.uses(*second, stop) {
            return None;
        }
        let mut chars = Vec::new();
        for unit in units {
            match unit {
                Unit::Wild(_) => return None,
                Unit::Char(c, _) if self.same(*c, stop) => break,
                Unit::Char(c, span) => chars.push((*c, *span)),
            }
        }
        let len = chars.len();
        let cut = chars.iter().rposition(|(c, _)| self.same(*c, *between))?;
        let tail = chars.split_off(cut + 1);
        chars.pop();
        let both = self.can_be(*first, &chars) && self.can_be(*second, &tail);
        let found = |segment: &usize, chars| Found { segment: *segment, chars, complete: true };
        both.then(|| (len, vec![found(first, chars), found(second, tail)]))
    }

    /// A segment that another follows without a delimiter: it ends where the next one can begin and it cannot go on
    /// (`{group}{subgroups}`, the second empty or beginning with `/`). None when the end is not certain.
    fn until_next(self, units: &[Unit], segment: usize, next: usize) -> Option<Found> {
        let following = self.prepared.alphabet(next).ok().filter(|_| !self.backwards)?;
        let begins = |c: char| following.0.is_live(following.0.next(following.0.start(), c));
        let starts = |c: char| begins(c) || (self.ignore_case && (begins(c.to_ascii_lowercase()) || begins(c.to_ascii_uppercase())));
        let mut chars = Vec::new();
        for unit in units {
            match unit {
                Unit::Wild(_) => return Some(Found { segment, chars, complete: false }),
                Unit::Char(c, _) if !self.uses(segment, *c) => break,
                Unit::Char(c, _) if starts(*c) => return None,
                Unit::Char(c, span) => chars.push((*c, *span)),
            }
        }
        self.can_be(segment, &chars).then_some(Found { segment, chars, complete: true })
    }

    /// Does the delimiter stand here, as far as the pattern spells it out?
    fn begins(self, units: &[Unit], delimiter: &[char]) -> bool {
        let mut spelled = false;
        for (i, c) in delimiter.iter().enumerate() {
            match units.get(i) {
                Some(Unit::Char(k, _)) if self.same(*k, *c) => spelled = true,
                Some(Unit::Wild(_)) => return spelled,
                _ => return false,
            }
        }
        spelled
    }

    /// Aligns the literal runs between wildcards with every place inside the pieces' literals.
    fn inner(self, units: &[Unit], slots: &[Slot]) -> Vec<Found> {
        let mut out = Vec::new();
        let wild: Vec<usize> = units.iter().enumerate().filter(|(_, u)| u.wild().is_some()).map(|(i, _)| i).collect();
        for pair in wild.windows(2) {
            let [from, to] = pair else { continue };
            let Some(run) = units.get(from + 1..=*to).filter(|r| r.len() > 1) else { continue };
            for (i, slot) in slots.iter().enumerate() {
                let Slot::Literal(text) = slot else { continue };
                for offset in 0..text.len() {
                    let head = Slot::Literal(text.get(offset..).unwrap_or(&[]).to_vec());
                    let rest = slots.get(i + 1..).unwrap_or(&[]).iter().map(|s| match s {
                        Slot::Literal(t) => Slot::Literal(t.clone()),
                        Slot::Segment(n) => Slot::Segment(*n),
                    });
                    let here: Vec<Slot> = std::iter::once(head).chain(rest).collect();
                    out.extend(self.run(run, &here).unwrap_or_default());
                }
            }
        }
        out
    }
}

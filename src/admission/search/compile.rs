//! A formula with its automata, compiled once for any number of templates and queries.

use super::budget::Query;
use super::concrete::{compares, evaluate_in, has_holes, hole_pattern};
use super::shared::Built;
use super::{HoleMode, MAX_TESTS, Options, TOO_LARGE, deferred};
use crate::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use crate::language::{Dfa, Language, MAX_MOVES, MAX_UNION_MOVES, Nfa, NodeId, TooLarge};
use crate::partial::{Part, Text};
use crate::token::{Token, Truth};
use std::sync::{Arc, OnceLock};

/// Deepest nesting of a formula that is looked at; deeper ones are unknown.
const MAX_DEPTH: usize = 128;

/// A formula made ready for searching. Cheap to clone and to combine with others.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(super) root: Node,
    /// The formula's parts as they were given, all of which must hold, for the concrete check.
    sources: Vec<Arc<Formula>>,
    /// The formula has tests that the automata do not follow: [`super::deferred`].
    pub(super) deferred: bool,
}

/// A formula over leaves.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Constant(Truth, Option<Arc<str>>),
    Leaf(Arc<Leaf>),
    Not(Arc<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
}

/// One test, or several of one subject of which any suffices.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) subject: Subject,
    pub(super) absent: Truth,
    /// What it is worth when the automaton accepts: unknown for a pattern with open holes.
    pub(super) accept: Truth,
    /// Their holes are filled, or stand for any string.
    pub(super) matchers: Vec<Matcher>,
    dfa: OnceLock<Built>,
    pub(super) words: Vec<String>,
    pub(super) label: String,
    /// The tests of a union by themselves, for when it is too large.
    pub(super) parts: Vec<Arc<Leaf>>,
}

impl Leaf {
    /// The automaton.
    pub(super) fn dfa(self: &Arc<Self>, query: &Query<'_>) -> Result<Arc<Dfa>, TooLarge> {
        let (dfa, cost) = self.dfa.get_or_init(|| query.shared.automaton(self));
        query.pay_once(self, *cost);
        dfa.clone()
    }

    pub(super) fn build(&self) -> Result<Arc<Dfa>, TooLarge> {
        build(&self.matchers)
    }
}

impl Compiled {
    /// Makes a formula ready. Automata are built when a search first needs them.
    #[must_use]
    pub fn new(formula: &Formula, options: &Options<'_>) -> Self {
        let root =
            if too_large(formula) { Node::Constant(Truth::Unknown, Some(Arc::from(TOO_LARGE))) } else { compile(formula, options, 0) };
        Self { root, sources: vec![Arc::new(formula.clone())], deferred: !deferred::all(formula).is_empty() }
    }

    /// Both must hold.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let root = Node::All(vec![self.root.clone(), other.root.clone()]);
        Self { root, sources: self.sources.iter().chain(&other.sources).cloned().collect(), deferred: self.deferred || other.deferred }
    }

    /// The formula's parts as they were given.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Formula> {
        self.sources.iter().map(|formula| &**formula)
    }

    /// The concrete truth.
    pub(super) fn concrete(&self, token: &Token, segments: &[(String, String)], holes: &HoleMode<'_>) -> Truth {
        self.sources.iter().fold(Truth::True, |t, formula| t.and(evaluate_in(formula, token, segments, holes)))
    }

    /// The object members that the formula tests: the claim and the keys.
    pub(super) fn members(&self) -> Vec<(String, Vec<String>)> {
        let mut out = Vec::new();
        each_leaf(&self.root, &mut |leaf| members_of(&leaf.subject, &mut out));
        out.sort();
        out.dedup();
        out
    }
}

/// Visits the leaves in order.
pub(super) fn each_leaf(node: &Node, f: &mut dyn FnMut(&Arc<Leaf>)) {
    match node {
        Node::Constant(..) => {}
        Node::Leaf(leaf) => f(leaf),
        Node::Not(inner) => each_leaf(inner, f),
        Node::All(all) | Node::Any(all) => all.iter().for_each(|n| each_leaf(n, f)),
    }
}

fn members_of(subject: &Subject, out: &mut Vec<(String, Vec<String>)>) {
    match subject {
        Subject::Member(..) => out.extend(member_path(subject)),
        Subject::Concat(all) => all.iter().for_each(|s| members_of(s, out)),
        Subject::Extract { of, .. } | Subject::Split { of, .. } | Subject::Replace { of, .. } => members_of(of, out),
        Subject::Lower(of) | Subject::Upper(of) => members_of(of, out),
        Subject::Claim(_) | Subject::Literal(_) | Subject::Segment(_) | Subject::AnyItem(_) => {}
    }
}

/// The claim and the keys of a member of a claim.
pub(super) fn member_path(subject: &Subject) -> Option<(String, Vec<String>)> {
    match subject {
        Subject::Claim(name) => Some((name.clone(), Vec::new())),
        Subject::Member(of, key) => {
            let (claim, mut keys) = member_path(of)?;
            keys.push(key.clone());
            Some((claim, keys))
        }
        _ => None,
    }
}

/// More tests than [`MAX_TESTS`]; the walk stops there.
fn too_large(formula: &Formula) -> bool {
    let mut open = vec![formula];
    let mut tests = 0;
    while let Some(formula) = open.pop() {
        match formula {
            Formula::Constant(..) => {}
            Formula::Test(_) => tests += 1,
            Formula::Not(inner) => open.push(inner),
            Formula::Deferred(deferred) => open.push(&deferred.searched),
            Formula::All(all) | Formula::Any(all) => open.extend(all),
        }
        if tests > MAX_TESTS {
            return true;
        }
    }
    false
}

fn compile(formula: &Formula, options: &Options<'_>, depth: usize) -> Node {
    if depth > MAX_DEPTH {
        return Node::Constant(Truth::Unknown, Some(Arc::from("the condition is nested too deep")));
    }
    let all = |list: &[Formula]| list.iter().map(|f| compile(f, options, depth + 1)).collect::<Vec<_>>();
    match formula {
        Formula::Constant(truth, why) => Node::Constant(*truth, why.as_deref().map(Arc::from)),
        Formula::Test(test) => Node::Leaf(Arc::new(leaf(test, options))),
        Formula::Not(inner) => Node::Not(Arc::new(compile(inner, options, depth + 1))),
        Formula::Deferred(deferred) => compile(&deferred.searched, options, depth + 1),
        Formula::All(list) => Node::All(refusals(all(list))),
        Formula::Any(list) => Node::Any(grouped(all(list))),
    }
}

fn leaf(test: &Test, options: &Options<'_>) -> Leaf {
    let (matcher, accept) = match options.holes {
        HoleMode::Fill(fill) => (filled(&test.matcher, fill), Truth::True),
        HoleMode::Any if has_holes(&test.matcher) => (test.matcher.clone(), Truth::Unknown),
        HoleMode::Any => (test.matcher.clone(), Truth::True),
    };
    let words = words(&matcher);
    Leaf {
        subject: test.subject.clone(),
        absent: test.absent,
        accept,
        matchers: vec![matcher],
        dfa: OnceLock::new(),
        words,
        label: test.label.clone(),
        parts: Vec::new(),
    }
}

/// Tests of one subject of which any suffices become one test with the union of their languages.
fn grouped(nodes: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::new();
    for node in nodes {
        let group = if let Node::Leaf(new) = &node {
            out.iter_mut().find_map(|n| if let Node::Leaf(old) = n { mergeable(old, new).then_some(old) } else { None })
        } else {
            None
        };
        // Just made, so that nobody else holds it.
        match (group.and_then(Arc::get_mut), node) {
            (Some(union), Node::Leaf(new)) => union.add(new),
            (_, node) => out.push(node),
        }
    }
    out
}

/// "None of these" in a conjunction is "not any of these".
fn refusals(nodes: Vec<Node>) -> Vec<Node> {
    let leaf = |n: &Node| if let Node::Not(inner) = n { matches!(&**inner, Node::Leaf(_)) } else { false };
    if nodes.iter().filter(|n| leaf(n)).count() < 2 {
        return nodes;
    }
    let (none, mut out): (Vec<Node>, Vec<Node>) = nodes.into_iter().partition(leaf);
    let none = none.into_iter().map(|n| if let Node::Not(inner) = n { Arc::unwrap_or_clone(inner) } else { n });
    out.extend(grouped(none.collect()).into_iter().map(|n| Node::Not(Arc::new(n))));
    out
}

/// Most patterns in one union; more of them form several.
const MAX_UNION: usize = 4_096;
/// Most patterns with stars in one union.
const MAX_WILD_UNION: usize = 64;

fn mergeable(a: &Leaf, b: &Leaf) -> bool {
    let (shape, other) = (a.shape(), b.shape());
    let most = if shape == Shape::Words { MAX_UNION } else { MAX_WILD_UNION };
    shape != Shape::Alone
        && shape == other
        && a.subject == b.subject
        && a.absent == b.absent
        && a.accept == b.accept
        && a.matchers.len() < most
}

/// How the patterns of a test go together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No stars before literals: any number of them has a small union.
    Words,
    /// Stars: the union is tried.
    Wild,
    /// Open holes, expressions, lengths and orders.
    Alone,
}

impl Leaf {
    fn shape(&self) -> Shape {
        self.matchers.first().map_or(Shape::Alone, shape)
    }

    /// Takes another test in: one of the two suffices.
    fn add(&mut self, other: Arc<Self>) {
        self.matchers.extend(other.matchers.iter().cloned());
        self.words.extend(other.words.iter().cloned());
        if self.shape() == Shape::Wild {
            if self.parts.is_empty() {
                let own = Self {
                    subject: self.subject.clone(),
                    matchers: self.matchers.iter().take(1).cloned().collect(),
                    dfa: OnceLock::new(),
                    words: Vec::new(),
                    label: self.label.clone(),
                    parts: Vec::new(),
                    ..*self
                };
                self.parts.push(Arc::new(own));
            }
            self.parts.push(other);
        }
    }
}

fn shape(matcher: &Matcher) -> Shape {
    let known = match matcher {
        Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) | Matcher::Suffix(t) | Matcher::Contains(t) => t.is_known(),
        Matcher::Glob(parts) => parts.iter().all(|p| !matches!(p, GlobPart::Literal(t) if !t.is_known())),
        _ => false,
    };
    let star = match matcher {
        Matcher::Suffix(_) | Matcher::Contains(_) => true,
        Matcher::Glob(parts) => !parts.iter().rev().skip(1).all(|p| matches!(p, GlobPart::Literal(_))),
        _ => false,
    };
    match (known, star) {
        (false, _) => Shape::Alone,
        (true, false) => Shape::Words,
        (true, true) => Shape::Wild,
    }
}

fn filled(matcher: &Matcher, fill: &dyn Fn(&crate::partial::Unknown) -> String) -> Matcher {
    let known = |t: &Text| Text::known(t.fill(fill));
    match matcher {
        Matcher::Exact(t) => Matcher::Exact(known(t)),
        Matcher::ExactIgnoreCase(t) => Matcher::ExactIgnoreCase(known(t)),
        Matcher::Prefix(t) => Matcher::Prefix(known(t)),
        Matcher::Suffix(t) => Matcher::Suffix(known(t)),
        Matcher::Contains(t) => Matcher::Contains(known(t)),
        Matcher::Order(op, t) => Matcher::Order(*op, known(t)),
        Matcher::Glob(parts) => {
            let one = |p: &GlobPart| if let GlobPart::Literal(t) = p { GlobPart::Literal(known(t)) } else { p.clone() };
            Matcher::Glob(parts.iter().map(one).collect())
        }
        Matcher::Present | Matcher::Regex(_) | Matcher::Size(..) => matcher.clone(),
    }
}

/// The literal strings of a pattern, for readable candidates.
fn words(matcher: &Matcher) -> Vec<String> {
    let known = |t: &Text| t.fill(|_| "\n".to_owned());
    match matcher {
        Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) | Matcher::Suffix(t) | Matcher::Contains(t) => vec![known(t)],
        Matcher::Order(_, t) => vec![known(t)],
        Matcher::Glob(parts) => parts.iter().filter_map(|p| if let GlobPart::Literal(t) = p { Some(known(t)) } else { None }).collect(),
        Matcher::Regex(pattern) => vec![pattern.replace(['^', '$', '\\'], "")],
        Matcher::Present | Matcher::Size(..) => Vec::new(),
    }
}

fn build(patterns: &[Matcher]) -> Result<Arc<Dfa>, TooLarge> {
    match patterns {
        [one] => match one {
            Matcher::Size(op, n) => return Dfa::of_size(*n, |o| compares(*op, o)).map(Arc::new),
            Matcher::Order(op, t) => {
                return match t.as_known() {
                    Some(known) => Dfa::of_order(&known, |o| compares(*op, o)).map(Arc::new),
                    None => Language::any().map(|l| l.0),
                };
            }
            _ => {}
        },
        [] => return Language::any().map(|l| l.0),
        _ => {}
    }
    let mut nfa = Nfa::new();
    let start = nfa.node()?;
    let end = nfa.node()?;
    let mut words = Vec::new();
    for pattern in patterns {
        if let Some(word) = word(pattern) {
            words.push(word);
            continue;
        }
        let from = nfa.node()?;
        nfa.join(start, from);
        let to = add(&mut nfa, from, pattern)?;
        nfa.join(to, end);
    }
    nfa.words(start, end, &mut words)?;
    let wild = patterns.len() > 1 && patterns.iter().any(|p| shape(p) == Shape::Wild);
    let most = if wild { MAX_UNION_MOVES } else { MAX_MOVES };
    nfa.determinise_within(most, start, end).map(Arc::new)
}

/// A pattern that is a known string, or all that begins with one.
fn word(matcher: &Matcher) -> Option<(Vec<char>, bool)> {
    let known = |t: &Text, begins: bool| Some((t.as_known()?.chars().collect(), begins));
    match matcher {
        Matcher::Exact(t) => known(t, false),
        Matcher::Prefix(t) => known(t, true),
        Matcher::Glob(parts) => match parts.as_slice() {
            [GlobPart::Literal(t)] => known(t, false),
            [GlobPart::Literal(t), GlobPart::Star(_)] => known(t, true),
            _ => None,
        },
        _ => None,
    }
}

fn glob(nfa: &mut Nfa, from: NodeId, parts: &[GlobPart]) -> Result<NodeId, TooLarge> {
    parts.iter().try_fold(from, |at, part| match part {
        GlobPart::Literal(t) => text(nfa, at, t, false),
        GlobPart::Star(_) => nfa.star(at),
        GlobPart::One(_) => nfa.one(at),
    })
}

fn add(nfa: &mut Nfa, from: NodeId, matcher: &Matcher) -> Result<NodeId, TooLarge> {
    match matcher {
        Matcher::Present | Matcher::Size(..) | Matcher::Order(..) => nfa.star(from),
        Matcher::Exact(t) => text(nfa, from, t, false),
        Matcher::ExactIgnoreCase(t) => text(nfa, from, t, true),
        Matcher::Prefix(t) => {
            let at = text(nfa, from, t, false)?;
            nfa.star(at)
        }
        Matcher::Suffix(t) => {
            let at = nfa.star(from)?;
            text(nfa, at, t, false)
        }
        Matcher::Contains(t) => {
            let at = nfa.star(from)?;
            let at = text(nfa, at, t, false)?;
            nfa.star(at)
        }
        Matcher::Glob(parts) => glob(nfa, from, parts),
        Matcher::Regex(pattern) => {
            let at = nfa.star(from)?;
            let at = nfa.regex(at, pattern)?;
            nfa.star(at)
        }
    }
}

fn text(nfa: &mut Nfa, from: NodeId, text: &Text, ignore_case: bool) -> Result<NodeId, TooLarge> {
    text.parts.iter().try_fold(from, |at, part| match part {
        Part::Literal { text, .. } if ignore_case => nfa.literal_ignore_case(at, text),
        Part::Literal { text, .. } => nfa.literal(at, text),
        // Letter case inside a hole is not known either; only kinds without letters stay as they are.
        Part::Hole { .. } if ignore_case => nfa.star(at),
        Part::Hole { atom, .. } => nfa.regex(at, &hole_pattern(atom)),
    })
}

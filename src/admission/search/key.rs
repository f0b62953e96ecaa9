//! What a question comes down to, as bytes: two formulas with equal bytes have the same answers and the same witnesses,
//! wherever they are written.

use super::compile::{Leaf, Node};
use super::names::{Names, flat};
use crate::admission::formula::{Deferred, Exact, Formula, GlobPart, Matcher, PatternPart, Subject, Test};
use crate::issuers::{ClaimPart, Template};
use crate::partial::{Part, Text};
use crate::token::Truth;

/// Bytes under construction: every piece says how long it is, so that no two sequences run into each other.
#[derive(Debug, Default)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn done(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    fn tag(&mut self, tag: u8) -> &mut Self {
        self.0.push(tag);
        self
    }

    fn number(&mut self, n: usize) -> &mut Self {
        self.0.extend_from_slice(&(n as u64).to_le_bytes());
        self
    }

    fn string(&mut self, text: &str) -> &mut Self {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn truth(&mut self, truth: Truth) -> &mut Self {
        self.tag(truth as u8)
    }

    /// A template by its address; whoever keeps the key keeps the template.
    pub(super) fn address<T>(&mut self, of: *const T) -> &mut Self {
        self.number(of as usize)
    }

    pub(super) fn node(&mut self, node: &Node) -> &mut Self {
        let all = |key: &mut Self, tag: u8, all: &[Node]| {
            key.tag(tag).number(all.len());
            for node in all {
                key.node(node);
            }
        };
        match node {
            Node::Constant(truth, why) => {
                self.tag(0).truth(*truth).string(why.as_deref().unwrap_or_default());
            }
            Node::Leaf(leaf) => self.tag(1).leaf(leaf),
            Node::Not(inner) => {
                self.tag(2).node(inner);
            }
            Node::All(list) => all(self, 3, list),
            Node::Any(list) => all(self, 4, list),
        }
        self
    }

    fn leaf(&mut self, leaf: &Leaf) {
        self.subject(&leaf.subject).truth(leaf.absent).truth(leaf.accept).string(&leaf.label).language(leaf);
    }

    /// What follows the automaton of a test.
    pub(super) fn language(&mut self, leaf: &Leaf) -> &mut Self {
        self.number(leaf.matchers.len());
        for pattern in &leaf.matchers {
            self.matcher(pattern);
        }
        self
    }

    /// A formula with stand-ins for its names.
    pub(super) fn formula(&mut self, formula: &Formula, names: &Names) -> &mut Self {
        let all = |key: &mut Self, tag: u8, all: &[Formula]| {
            key.tag(tag).number(all.len());
            for formula in all {
                key.formula(formula, names);
            }
        };
        match formula {
            Formula::Constant(truth, why) => {
                self.tag(0).truth(*truth).string(why.as_deref().unwrap_or_default());
            }
            Formula::Test(test) => self.tag(1).test(test, names),
            Formula::Not(inner) => {
                self.tag(2).formula(inner, names);
            }
            Formula::All(list) => all(self, 3, list),
            Formula::Any(list) => all(self, 4, list),
            Formula::Deferred(deferred) => {
                self.tag(5).formula(&deferred.searched, names).deferred(deferred);
            }
        }
        self
    }

    fn test(&mut self, test: &Test, names: &Names) {
        // Said of what is not known alone, and that is kept for nobody else.
        self.subject(&test.subject).truth(test.absent).string(&names.put(&test.label));
        let known = |text: &Text| text.as_known().map(|text| names.put(&text));
        let put = match &test.matcher {
            Matcher::Exact(text) => known(text).map(|text| (20, text)),
            Matcher::Prefix(text) => known(text).map(|text| (21, text)),
            Matcher::Glob(parts) => flat(parts).map(|text| (22, names.put(&text))),
            _ => None,
        };
        match put {
            Some((tag, text)) => {
                self.tag(tag).string(&text);
            }
            None => self.matcher(&test.matcher),
        }
    }

    pub(super) fn subject(&mut self, subject: &Subject) -> &mut Self {
        match subject {
            Subject::Claim(name) => self.tag(0).string(name),
            Subject::Member(of, key) => self.tag(1).string(key).subject(of),
            Subject::Literal(text) => self.tag(2).string(text),
            Subject::Concat(all) => {
                self.tag(3).number(all.len());
                for one in all {
                    self.subject(one);
                }
                self
            }
            Subject::Extract { of, prefix, suffix } => self.tag(4).string(prefix).string(suffix).subject(of),
            Subject::Split { of, separator, index } => self.tag(5).string(separator).number(*index).subject(of),
            Subject::Lower(of) => self.tag(6).subject(of),
            Subject::Upper(of) => self.tag(7).subject(of),
            Subject::Replace { of, from, to } => self.tag(8).string(from).string(to).subject(of),
            Subject::Segment(name) => self.tag(9).string(name),
            Subject::AnyItem(name) => self.tag(10).string(name),
        }
    }

    /// A test that the automata do not follow.
    pub(super) fn deferred(&mut self, deferred: &Deferred) {
        self.tag(5).subject(&deferred.subject).truth(deferred.absent);
        match &deferred.exact {
            Exact::AtMost(bytes) => {
                self.tag(0).number(*bytes);
            }
            Exact::Pattern { parts, ignore_case } => {
                self.tag(1).tag(u8::from(*ignore_case)).number(parts.len());
                for part in parts {
                    match part {
                        PatternPart::Glob(part) => {
                            self.tag(0).matcher(&Matcher::Glob(vec![part.clone()]));
                        }
                        PatternPart::Claim(name, default) => {
                            self.tag(1).string(name).tag(u8::from(default.is_some())).string(default.as_deref().unwrap_or_default());
                        }
                    }
                }
            }
        }
    }

    fn matcher(&mut self, matcher: &Matcher) {
        match matcher {
            Matcher::Present => self.tag(0),
            Matcher::Exact(t) => self.tag(1).text(t),
            Matcher::ExactIgnoreCase(t) => self.tag(2).text(t),
            Matcher::Prefix(t) => self.tag(3).text(t),
            Matcher::Suffix(t) => self.tag(4).text(t),
            Matcher::Contains(t) => self.tag(5).text(t),
            Matcher::Glob(parts) => {
                self.tag(6).number(parts.len());
                for part in parts {
                    match part {
                        GlobPart::Literal(t) => self.tag(0).text(t),
                        GlobPart::Star(_) => self.tag(1),
                        GlobPart::One(_) => self.tag(2),
                    };
                }
                self
            }
            Matcher::Regex(pattern) => self.tag(7).string(pattern),
            Matcher::Size(op, n) => {
                self.tag(8).tag(*op as u8);
                self.0.extend_from_slice(&n.to_le_bytes());
                self
            }
            Matcher::Order(op, t) => self.tag(9).tag(*op as u8).text(t),
        };
    }

    fn text(&mut self, text: &Text) -> &mut Self {
        self.number(text.parts.len());
        for part in &text.parts {
            match part {
                Part::Literal { text, .. } => {
                    self.tag(0).string(text);
                }
                Part::Hole { atom, .. } => {
                    self.tag(1).tag(atom.kind() as u8).string(atom.key());
                    // Of one unknown more may be known in one place than in another: inside the module that validates it.
                    let facts = atom.facts();
                    self.string(&if facts.is_empty() { String::new() } else { format!("{facts:?}") });
                }
            }
        }
        self
    }

    /// All that a template is.
    pub(super) fn template(&mut self, template: &Template) -> &mut Self {
        self.string(&template.name).tag(template.context as u8).number(template.segments.len());
        for segment in template.segments.iter() {
            self.string(&segment.name)
                .tag(segment.role as u8)
                .string(&segment.alphabet)
                .number(segment.samples.len())
                .tag(u8::from(segment.guessed.is_some()));
            for sample in segment.samples.iter().chain(&segment.guessed) {
                self.string(sample);
            }
        }
        self.number(template.undocumented.len()).number(template.unlisted.len());
        for claim in template.undocumented.iter().chain(&template.unlisted) {
            self.string(claim);
        }
        self.number(template.claims.len());
        for (name, parts) in template.claims.iter() {
            self.string(name).number(parts.len());
            for part in parts {
                match part {
                    ClaimPart::Literal(text) => self.tag(0).string(text),
                    ClaimPart::Segment(i) => self.tag(1).number(*i),
                };
            }
        }
        self
    }
}

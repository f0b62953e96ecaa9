//! The one spanned tree for YAML, JSON and evaluated Terraform.
//!
//! What cannot be resolved statically stays in the tree as an [`Atom`]: an unknown with an identity. Equal atoms are
//! equal values, which is how a condition key `${replace(x.url, "https://", "")}:sub` meets its provider. A string
//! that is only partly known keeps its literal shape as a [`Text`] of parts.

pub mod facts;

use crate::place::Span;
use facts::{Fact, Facts};
use std::fmt;
use std::sync::Arc;

/// Most alternatives that a [`Kind::OneOf`] keeps; past it the value becomes unknown.
pub const MAX_ALTERNATIVES: usize = 16;

/// One step on the way from a literal to the place that uses it ("local `subject`", "argument `sub` of module `x`").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Where the step is written.
    pub span: Span,
    /// What it is, lower case: "local `subjects`", "default of variable `org`", "argument `repo` of module `ci`".
    pub what: Arc<str>,
    /// The steps that came before (nearer to the literal).
    pub before: Trail,
}

/// The way a value came, nearest use first; empty for a value that is written where it is used.
pub type Trail = Option<Arc<Hop>>;

/// The hops of a trail, nearest use first.
pub fn hops(trail: &Trail) -> impl Iterator<Item = &Hop> {
    std::iter::successors(trail.as_deref(), |hop| hop.before.as_deref())
}

/// What is known of the characters of an unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AtomKind {
    /// Nothing is known.
    Any,
    /// An AWS account id: 12 digits.
    AccountId,
    /// A Google project number: digits only.
    ProjectNumber,
    /// A Google project id: `[a-z][a-z0-9-]{4,28}[a-z0-9]`.
    ProjectId,
    /// An AWS partition: `aws`, `aws-cn`, `aws-us-gov`.
    Partition,
    /// A cloud region.
    Region,
    /// An issuer URL without its scheme: `oidc.eks.eu-west-1.amazonaws.com/id/…`.
    IssuerHostPath,
    /// A whole ARN.
    Arn,
    /// A GUID.
    Guid,
    /// A number.
    Number,
    /// A whole Google service account e-mail.
    ServiceAccountEmail,
    /// A word without separators (`/`, `:`, `@`, `*`): a name, a random suffix.
    Word,
}

/// An unknown with an identity: two atoms with the same key are the same unknown value.
#[derive(Debug, Clone)]
pub struct Atom(Arc<AtomData>);

#[derive(Debug)]
struct AtomData {
    key: String,
    kind: AtomKind,
    label: String,
    why: String,
    span: Option<Span>,
    facts: Facts,
}

impl Atom {
    /// A new atom. `key` is its identity over the whole run (`infra/ci|module.ci|var.org`), `label` what a person
    /// sees in its place (`${var.org}`), `why` why it is unknown ("variable `org` has no default").
    #[must_use]
    pub fn new(key: impl Into<String>, kind: AtomKind, label: impl Into<String>, why: impl Into<String>, span: Option<Span>) -> Self {
        Self::knowing(key, kind, label, why, span, Facts::default())
    }

    /// [`Atom::new`] with more that is known of it.
    #[must_use]
    pub fn knowing(
        key: impl Into<String>,
        kind: AtomKind,
        label: impl Into<String>,
        why: impl Into<String>,
        span: Option<Span>,
        facts: Facts,
    ) -> Self {
        Self(Arc::new(AtomData { key: key.into(), kind, label: label.into(), why: why.into(), span, facts }))
    }

    /// The same unknown, as if it entered at another place.
    #[must_use]
    pub fn moved(&self, span: Span) -> Self {
        Self::knowing(self.key(), self.kind(), self.label(), self.why(), Some(span), self.0.facts.clone())
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// What is known of its alphabet.
    #[must_use]
    pub fn kind(&self) -> AtomKind {
        self.0.kind
    }

    /// What a person sees in its place.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Why it is unknown.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// Where it enters.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// What is known of it beyond its alphabet.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// False when a `validation` forbids the unknown to be this string.
    #[must_use]
    pub fn allows(&self, text: &str) -> bool {
        self.0.facts.own.as_ref().is_none_or(|f| f.allows(text))
    }

    /// Every string that the unknown may be, where a `validation` lists them.
    #[must_use]
    pub fn values(&self) -> Option<Vec<Arc<str>>> {
        self.0.facts.own.as_ref().and_then(Fact::values)
    }
}

impl PartialEq for Atom {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}
impl Eq for Atom {}
impl std::hash::Hash for Atom {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}
impl PartialOrd for Atom {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Atom {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

/// A piece of a [`Text`].
#[derive(Debug, Clone)]
pub enum Part {
    /// Known characters. When `span` is as long as `text`, byte `i` of the text stands at byte `i` of the span;
    /// otherwise (escapes) the span covers the piece as a whole.
    Literal {
        /// The characters.
        text: Arc<str>,
        /// Where they are written; none for computed text.
        span: Option<Span>,
        /// The way they came.
        trail: Trail,
    },
    /// An unknown string, without wildcards.
    Hole {
        /// The unknown.
        atom: Atom,
        /// Where it is interpolated.
        span: Option<Span>,
        /// The way it came.
        trail: Trail,
    },
}

/// A string, known in part or whole. Adjacent literals are not merged: each keeps its place.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// The pieces in order.
    pub parts: Vec<Part>,
}

impl Text {
    /// A known string without a place.
    #[must_use]
    pub fn known(text: impl AsRef<str>) -> Self {
        Self { parts: vec![Part::Literal { text: Arc::from(text.as_ref()), span: None, trail: None }] }
    }

    /// A known string written at `span`.
    #[must_use]
    pub fn literal(text: impl AsRef<str>, span: Span) -> Self {
        Self { parts: vec![Part::Literal { text: Arc::from(text.as_ref()), span: Some(span), trail: None }] }
    }

    /// A string of which nothing but the atom's identity is known.
    #[must_use]
    pub fn hole(atom: Atom, span: Option<Span>) -> Self {
        Self { parts: vec![Part::Hole { atom, span, trail: None }] }
    }

    /// The whole string, when it is known.
    #[must_use]
    pub fn as_known(&self) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal { text, .. } => out.push_str(text),
                Part::Hole { .. } => return None,
            }
        }
        Some(out)
    }

    /// True when the whole string is known and is this one; compares without building it.
    #[must_use]
    pub fn is_str(&self, other: &str) -> bool {
        let mut rest = other;
        for part in &self.parts {
            let Part::Literal { text, .. } = part else { return false };
            let Some(after) = rest.strip_prefix(&**text) else { return false };
            rest = after;
        }
        rest.is_empty()
    }

    /// True when no part is a hole.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.parts.iter().all(|p| matches!(p, Part::Literal { .. }))
    }

    /// The atoms of the holes, in order.
    pub fn atoms(&self) -> impl Iterator<Item = &Atom> {
        self.parts.iter().filter_map(|p| match p {
            Part::Hole { atom, .. } => Some(atom),
            Part::Literal { .. } => None,
        })
    }

    /// The literal characters before the first hole.
    #[must_use]
    pub fn known_prefix(&self) -> String {
        let literal = |p: &Part| if let Part::Literal { text, .. } = p { Some(text.to_string()) } else { None };
        self.parts.iter().map_while(literal).collect()
    }

    /// The literal characters after the last hole.
    #[must_use]
    pub fn known_suffix(&self) -> String {
        let mut tail: Vec<&str> = Vec::new();
        for part in self.parts.iter().rev() {
            match part {
                Part::Literal { text, .. } => tail.push(text),
                Part::Hole { .. } => break,
            }
        }
        tail.into_iter().rev().collect()
    }

    /// The string with each hole replaced by what `fill` gives for it.
    pub fn fill(&self, mut fill: impl FnMut(&Atom) -> String) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal { text, .. } => out.push_str(text),
                Part::Hole { atom, .. } => out.push_str(&fill(atom)),
            }
        }
        out
    }

    /// The text with the holes for which `value` gives a string replaced by it, in their places.
    #[must_use]
    pub fn resolved(&self, value: &dyn Fn(&Atom) -> Option<String>) -> Self {
        let part = |part: &Part| match part {
            Part::Hole { atom, span, trail } => match value(atom) {
                Some(known) => Part::Literal { text: known.into(), span: *span, trail: trail.clone() },
                None => part.clone(),
            },
            Part::Literal { .. } => part.clone(),
        };
        Self { parts: self.parts.iter().map(part).collect() }
    }

    /// Appends another text.
    pub fn push(&mut self, other: &Text) {
        self.parts.extend(other.parts.iter().cloned());
    }

    /// The bytes `range` of the shape (literals only count; a hole has length 0), each part with its narrowed span.
    /// Returns the span of the first literal byte in the range: the place to underline for "this `*`".
    #[must_use]
    pub fn span_of(&self, literal_part: usize, range: std::ops::Range<usize>) -> Option<Span> {
        match self.parts.get(literal_part)? {
            Part::Literal { text, span: Some(span), .. } if span.len() == text.len() => Some(span.slice(range)),
            Part::Literal { span, .. } | Part::Hole { span, .. } => *span,
        }
    }

    /// Where the first occurrence of the characters `needle` inside one literal part is written.
    #[must_use]
    pub fn find_span(&self, needle: &str) -> Option<Span> {
        self.parts.iter().enumerate().find_map(|(i, part)| match part {
            Part::Literal { text, .. } => text.find(needle).and_then(|at| self.span_of(i, at..at + needle.len())),
            Part::Hole { .. } => None,
        })
    }

    /// The place of the text as a whole: from its first to its last part when they stand in one file in order,
    /// else the first part's.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.joint_span().or_else(|| self.parts.iter().find_map(Part::span))
    }

    /// Where most of the text is written: as [`Text::span`], but of pieces from several places the longest literal's.
    #[must_use]
    pub fn written_span(&self) -> Option<Span> {
        let written = |part: &Part| match part {
            Part::Literal { text, span: Some(span), .. } if span.len() == text.len() => Some(*span),
            Part::Literal { .. } | Part::Hole { .. } => None,
        };
        self.joint_span().or_else(|| self.parts.iter().rev().filter_map(written).max_by_key(|s| s.len())).or_else(|| self.span())
    }

    /// Where the literal is written that a part belongs to: from that part to the last after it that came the same way, what
    /// is interpolated included.
    #[must_use]
    pub fn literal_from(&self, part: usize) -> Option<Span> {
        let way = |part: &Part| match part {
            Part::Literal { trail, .. } | Part::Hole { trail, .. } => hops(trail).count(),
        };
        let own = self.parts.get(part)?;
        let first = own.span()?;
        let mut same =
            self.parts.iter().skip(part).take_while(|p| way(p) >= way(own)).filter(|p| way(p) == way(own)).filter_map(Part::span);
        let last = same.by_ref().filter(|s| s.file == first.file && s.start >= first.start).max_by_key(|s| s.end).unwrap_or(first);
        Some(Span { end: first.end.max(last.end), ..first })
    }

    /// From the first to the last part, when they stand in one file in order.
    fn joint_span(&self) -> Option<Span> {
        let spans: Vec<Span> = self.parts.iter().filter_map(Part::span).collect();
        let (first, last) = (spans.first()?, spans.last()?);
        let together = spans.iter().zip(spans.iter().skip(1)).all(|(a, b)| a.file == b.file && a.end <= b.start);
        (together && first.file == last.file).then_some(Span { file: first.file, start: first.start, end: last.end })
    }

    /// The longest trail among the parts: how the text came here.
    #[must_use]
    pub fn trail(&self) -> Trail {
        self.parts
            .iter()
            .map(|p| match p {
                Part::Literal { trail, .. } | Part::Hole { trail, .. } => trail.clone(),
            })
            .max_by_key(|t| hops(t).count())
            .flatten()
    }

    /// Equal shape: the same characters and the same atoms in the same order, however split into parts.
    #[must_use]
    pub fn same(&self, other: &Text) -> bool {
        self.shape() == other.shape()
    }

    fn shape(&self) -> Vec<Result<String, &str>> {
        let mut out: Vec<Result<String, &str>> = Vec::new();
        for part in &self.parts {
            match (part, out.last_mut()) {
                (Part::Literal { text, .. }, Some(Ok(last))) => last.push_str(text),
                (Part::Literal { text, .. }, _) => {
                    if !text.is_empty() {
                        out.push(Ok(text.to_string()));
                    }
                }
                (Part::Hole { atom, .. }, _) => out.push(Err(atom.key())),
            }
        }
        out
    }
}

impl Part {
    /// Where the part is written.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self {
            Part::Literal { span, .. } | Part::Hole { span, .. } => *span,
        }
    }
}

/// The shape as a person reads it: `repo:${var.org}/*`.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal { text, .. } => f.write_str(text)?,
                Part::Hole { atom, .. } => f.write_str(atom.label())?,
            }
        }
        Ok(())
    }
}

/// One entry of a map. Duplicate keys are kept, in the order of the file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Text,
    /// The value.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as written or in Terraform's canonical form (`1`, `0.5`, `1e30`).
    Number(Arc<str>),
    /// A string.
    Text(Text),
    /// A list, set or tuple. `open`: there may be more items than these (a `for_each` over an unknown).
    List {
        /// The items that are known to be there.
        items: Vec<Value>,
        /// There may be more.
        open: bool,
    },
    /// A map or object. `open`: there may be more entries than these.
    Map {
        /// The entries in the order of the file, duplicates kept.
        entries: Vec<Entry>,
        /// There may be more.
        open: bool,
    },
    /// One of these (both branches of a condition that is unknown).
    OneOf(Vec<Value>),
    /// Nothing is known but the identity.
    Unknown(Atom),
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it is written; none for a computed value.
    pub span: Option<Span>,
    /// The way it came.
    pub trail: Trail,
}

impl Value {
    /// A value at a place.
    #[must_use]
    pub fn new(kind: Kind, span: Option<Span>) -> Self {
        Self { kind, span, trail: None }
    }

    /// `null` without a place.
    #[must_use]
    pub fn null() -> Self {
        Self::new(Kind::Null, None)
    }

    /// A known string without a place.
    #[must_use]
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::new(Kind::Text(Text::known(text)), None)
    }

    /// An unknown.
    #[must_use]
    pub fn unknown(atom: Atom, span: Option<Span>) -> Self {
        Self::new(Kind::Unknown(atom), span)
    }

    /// A closed list.
    #[must_use]
    pub fn list(items: Vec<Value>, span: Option<Span>) -> Self {
        Self::new(Kind::List { items, open: false }, span)
    }

    /// A closed map.
    #[must_use]
    pub fn map(entries: Vec<Entry>, span: Option<Span>) -> Self {
        Self::new(Kind::Map { entries, open: false }, span)
    }

    /// The string: of a text as it is, of an unknown as one hole, of a number or bool as Terraform writes it.
    #[must_use]
    pub fn as_text(&self) -> Option<Text> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Unknown(atom) => {
                Some(Text { parts: vec![Part::Hole { atom: atom.clone(), span: self.span, trail: self.trail.clone() }] })
            }
            Kind::Number(n) => Some(self.literal(n)),
            Kind::Bool(b) => Some(self.literal(if *b { "true" } else { "false" })),
            Kind::Null | Kind::List { .. } | Kind::Map { .. } | Kind::OneOf(_) => None,
        }
    }

    fn literal(&self, text: &str) -> Text {
        Text { parts: vec![Part::Literal { text: Arc::from(text), span: self.span, trail: self.trail.clone() }] }
    }

    /// The known string.
    #[must_use]
    pub fn as_str(&self) -> Option<String> {
        if let Kind::Text(text) = &self.kind { text.as_known() } else { None }
    }

    /// The truth value, also of the strings "true" and "false".
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(b) => Some(*b),
            Kind::Text(t) => match t.as_known().as_deref() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The tree with the unknowns for which `value` gives a string replaced by it, in their places.
    #[must_use]
    pub fn resolved(&self, value: &dyn Fn(&Atom) -> Option<String>) -> Self {
        let text = |t: &Text| t.resolved(value);
        let kind = match &self.kind {
            Kind::Text(t) => Kind::Text(text(t)),
            Kind::List { items, open } => Kind::List { items: items.iter().map(|v| v.resolved(value)).collect(), open: *open },
            Kind::OneOf(all) => Kind::OneOf(all.iter().map(|v| v.resolved(value)).collect()),
            Kind::Map { entries, open } => {
                let entries = entries.iter().map(|e| Entry { key: text(&e.key), value: e.value.resolved(value) }).collect();
                Kind::Map { entries, open: *open }
            }
            Kind::Unknown(atom) => match value(atom) {
                Some(known) => {
                    Kind::Text(Text { parts: vec![Part::Literal { text: known.into(), span: self.span, trail: self.trail.clone() }] })
                }
                None => self.kind.clone(),
            },
            other => other.clone(),
        };
        Self { kind, span: self.span, trail: self.trail.clone() }
    }

    /// The items of a list; a value that is no list (nor null) is a list of itself.
    #[must_use]
    pub fn items(&self) -> Vec<&Value> {
        match &self.kind {
            Kind::List { items, .. } => items.iter().collect(),
            Kind::Null => Vec::new(),
            _ => vec![self],
        }
    }

    /// The entries of a map; empty for anything else.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        if let Kind::Map { entries, .. } = &self.kind { entries } else { &[] }
    }

    /// The last entry with this known key (the one that JSON, YAML and Terraform keep).
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().iter().rev().find(|e| e.key.is_str(key)).map(|e| &e.value)
    }

    /// [`Value::get`] along several keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |v, key| v.get(key))
    }

    /// True for `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// True when there may be more in the list or map, or nothing is known of it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.kind {
            Kind::List { open, .. } | Kind::Map { open, .. } => *open,
            Kind::Unknown(_) => true,
            Kind::OneOf(all) => all.iter().any(Value::is_open),
            _ => false,
        }
    }

    /// The alternatives: the members of a `OneOf`, else the value itself.
    #[must_use]
    pub fn alternatives(&self) -> Vec<&Value> {
        if let Kind::OneOf(all) = &self.kind { all.iter().collect() } else { vec![self] }
    }
}

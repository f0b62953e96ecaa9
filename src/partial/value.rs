//! The tree: scalars, lists and maps, each with its place and the way it came.

use super::provenance::Trail;
use super::text::{Part, Text};
use super::unknown::Unknown;
use crate::place::Span;
use std::sync::Arc;

/// Most alternatives that a [`Kind::OneOf`] keeps; past it the value becomes unknown.
pub const MAX_ALTERNATIVES: usize = 16;

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
    Unknown(Unknown),
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
    pub fn unknown(atom: Unknown, span: Option<Span>) -> Self {
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

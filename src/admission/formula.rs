//! A trust as a boolean formula over string tests on claims: what [`super::search`] decides.

use crate::partial::{Text, Trail};
use crate::place::Span;
use crate::token::{Claim, Token, Truth};

/// A formula. Connectives are those of [`Truth`].
#[derive(Debug, Clone)]
pub enum Formula {
    /// A constant; [`Truth::Unknown`] where static reading ends (with the reason).
    Constant(Truth, Option<String>),
    /// A test of one string.
    Test(Box<Test>),
    /// Negation.
    Not(Box<Formula>),
    /// All of these; empty is true.
    All(Vec<Formula>),
    /// Any of these; empty is false.
    Any(Vec<Formula>),
    /// A test that no automaton decides, or only a large one.
    Deferred(Box<Deferred>),
}

/// A test that the search does not follow at first: it goes by a stand-in, and what it finds is held against the
/// test itself ([`super::search::deferred`]).
#[derive(Debug, Clone)]
pub struct Deferred {
    /// What the search, and whoever reads the formula, goes by.
    pub searched: Formula,
    /// The string that is tested.
    pub subject: Subject,
    /// What it has to be.
    pub exact: Exact,
    /// The value of the test when the subject has no value in the token.
    pub absent: Truth,
}

/// The test that counts.
#[derive(Debug, Clone)]
pub enum Exact {
    /// A glob that has other claims of the same token in it.
    Pattern {
        /// Its pieces.
        parts: Vec<PatternPart>,
        /// ASCII letter case does not matter.
        ignore_case: bool,
    },
    /// At most so many bytes; longer ones are an error.
    AtMost(usize),
}

/// A piece of a pattern that has claims in it.
#[derive(Debug, Clone)]
pub enum PatternPart {
    /// As in a pattern without.
    Glob(GlobPart),
    /// What the claim of this name says; where the token has no such claim, this text, or nothing matches.
    Claim(String, Option<String>),
}

impl PatternPart {
    /// The claim and its default.
    #[must_use]
    pub fn claim(&self) -> Option<(&str, Option<&str>)> {
        if let Self::Claim(name, default) = self { Some((name, default.as_deref())) } else { None }
    }
}

impl Formula {
    /// Always true.
    pub const TRUE: Self = Self::Constant(Truth::True, None);
    /// Always false.
    pub const FALSE: Self = Self::Constant(Truth::False, None);

    /// Undecidable, with the reason.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Constant(Truth::Unknown, Some(why.into()))
    }

    /// Negation.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// One test: does the subject's string match?
#[derive(Debug, Clone)]
pub struct Test {
    /// The string that is tested.
    pub subject: Subject,
    /// What it has to match.
    pub matcher: Matcher,
    /// The value of the test when the subject has no value in the token.
    pub absent: Truth,
    /// Where the pattern is written.
    pub span: Option<Span>,
    /// The way the pattern came there.
    pub trail: Trail,
    /// The test as a person reads it: `StringLike …:sub`.
    pub label: String,
    /// Whose test it is.
    pub origin: TestOrigin,
}

/// What makes a test.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TestOrigin {
    /// What somebody wrote as a condition, a subject or a member.
    #[default]
    Condition,
    /// The audiences that the cloud accepts.
    Audience,
    /// The mapping of this key has to give a value.
    Mapping(String),
    /// The provider by itself: the account of an AWS provider.
    Provider,
}

/// A string derived from a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A claim by its name in the token (`sub`, `repository`). For IAM also context keys that the caller chooses
    /// (`sts:RoleSessionName`), under their full lower-case name.
    Claim(String),
    /// A member of a claim that is an object: `assertion["kubernetes.io"].namespace`.
    Member(Box<Subject>, String),
    /// A known string.
    Literal(String),
    /// The strings one after the other; absent when one is.
    Concat(Vec<Subject>),
    /// Google's `extract('prefix{name}suffix')`: the text between the first `prefix` and the next `suffix`;
    /// an empty prefix starts at the start, an empty suffix ends at the end, no match is `""`.
    Extract {
        /// Extracted from.
        of: Box<Subject>,
        /// Before the placeholder.
        prefix: String,
        /// After it.
        suffix: String,
    },
    /// `split(separator)[index]`; absent (an error) when there are fewer pieces.
    Split {
        /// Split.
        of: Box<Subject>,
        /// At each occurrence of this.
        separator: String,
        /// From 0.
        index: usize,
    },
    /// ASCII lower case.
    Lower(Box<Subject>),
    /// ASCII upper case.
    Upper(Box<Subject>),
    /// `replace(from, to)`, every occurrence.
    Replace {
        /// Replaced in.
        of: Box<Subject>,
        /// This.
        from: String,
        /// By this.
        to: String,
    },
    /// The value of the template segment with this name; absent when the template has none. Only for queries
    /// ("and the owner is not ours"): a token by itself has no segments.
    Segment(String),
    /// A list claim's member, for `'x' in assertion.groups`: the test holds when any item matches.
    AnyItem(String),
}

/// The language of a test. A hole in a [`Text`] stands for one fixed unknown string.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// Any value at all: the test is "the claim is there".
    Present,
    /// Equal.
    Exact(Text),
    /// Equal but for ASCII case.
    ExactIgnoreCase(Text),
    /// IAM's glob: `*` any run across every character, `?` one character, `${*}` and the like already unescaped
    /// into [`GlobPart::Literal`].
    Glob(Vec<GlobPart>),
    /// Starts with.
    Prefix(Text),
    /// Ends with.
    Suffix(Text),
    /// Contains.
    Contains(Text),
    /// RE2 syntax, succeeds on a substring.
    Regex(String),
    /// Length in code points compared: `size(x) op n`.
    Size(Comparison, i64),
    /// The string comes before or after another in code point order: `x < 'abc'`.
    Order(Comparison, Text),
}

impl Matcher {
    /// The texts that may have unknowns in them.
    #[must_use]
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Exact(t) | Self::ExactIgnoreCase(t) | Self::Prefix(t) | Self::Suffix(t) | Self::Contains(t) | Self::Order(_, t) => {
                vec![t]
            }
            Self::Glob(parts) => parts.iter().filter_map(|p| if let GlobPart::Literal(t) = p { Some(t) } else { None }).collect(),
            Self::Present | Self::Regex(_) | Self::Size(..) => Vec::new(),
        }
    }
}

/// A piece of a glob.
#[derive(Debug, Clone)]
pub enum GlobPart {
    /// These characters.
    Literal(Text),
    /// Any run of characters.
    Star(Option<Span>),
    /// One character.
    One(Option<Span>),
}

/// An order comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `==`
    Equal,
}

impl Subject {
    /// The subject's string in a token: `Ok(None)` when it is absent, `Err` when it is there but not a string.
    ///
    /// # Errors
    /// The claim holds something that is not a string.
    pub fn of(&self, token: &Token) -> Result<Option<String>, String> {
        let both = |of: &Subject, f: &dyn Fn(&str) -> Option<String>| of.of(token).map(|s| s.and_then(|s| f(&s)));
        match self {
            Self::Claim(name) => match token.claims.get(name) {
                None => Ok(None),
                Some(Claim::String(s)) => Ok(Some(s.clone())),
                Some(_) => Err(format!("claim `{name}` is not a string")),
            },
            Self::Member(of, key) => match member(of, token).and_then(|v| v.get(key).cloned()) {
                None => Ok(None),
                Some(serde_json::Value::String(s)) => Ok(Some(s)),
                Some(_) => Err(format!("claim member `{key}` is not a string")),
            },
            Self::Literal(text) => Ok(Some(text.clone())),
            Self::Concat(all) => {
                all.iter().try_fold(Some(String::new()), |acc, s| s.of(token).map(|piece| acc.zip(piece).map(|(a, p)| a + &p)))
            }
            Self::Extract { of, prefix, suffix } => both(of, &|s| Some(extract(s, prefix, suffix))),
            Self::Split { of, separator, index } => both(of, &|s| s.split(separator.as_str()).nth(*index).map(str::to_owned)),
            Self::Lower(of) => both(of, &|s| Some(s.to_ascii_lowercase())),
            Self::Upper(of) => both(of, &|s| Some(s.to_ascii_uppercase())),
            Self::Replace { of, from, to } => both(of, &|s| Some(s.replace(from.as_str(), to))),
            Self::Segment(name) => Err(format!("segment `{name}` is not part of a token")),
            Self::AnyItem(name) => Err(format!("claim `{name}` is a list")),
        }
    }
}

fn member(of: &Subject, token: &Token) -> Option<serde_json::Value> {
    match of {
        Subject::Claim(name) => match token.claims.get(name)? {
            Claim::Json(v) => Some(v.clone()),
            Claim::String(_) | Claim::List(_) | Claim::Open { .. } => None,
        },
        Subject::Member(inner, key) => member(inner, token)?.get(key).cloned(),
        _ => None,
    }
}

/// Google's `extract`: see [`Subject::Extract`].
#[must_use]
pub fn extract(text: &str, prefix: &str, suffix: &str) -> String {
    let Some((_, rest)) = text.split_once(prefix) else { return String::new() };
    if suffix.is_empty() {
        return rest.to_owned();
    }
    rest.split_once(suffix).map_or(String::new(), |(found, _)| found.to_owned())
}

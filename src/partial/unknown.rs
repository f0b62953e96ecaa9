//! An unknown: a value that static reading cannot tell, with an identity.

use super::blank::Blank;
use super::facts::{Fact, Facts};
use super::text::Text;
use crate::place::Span;
use std::sync::Arc;

/// What is known of the characters of an unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnknownKind {
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

/// Where an unknown comes from, for those who decide by it: its key tells unknowns apart and its label is for people.
#[derive(Debug, Clone, Default)]
pub enum UnknownOrigin {
    /// Nothing that anybody decides by.
    #[default]
    Other,
    /// The AWS account that Terraform works in.
    CallerAccount,
    /// The number of the Google project with this id.
    ProjectNumber(Text),
    /// The id of the application, service principal or managed identity of Entra that this text names.
    EntraId(Text),
    /// A variable that nobody sets, or an attribute of one.
    Variable,
    /// What is looked up under a key or an index: one of several.
    Element,
    /// An attribute of something that is declared.
    Attribute(Arc<AttributeOf>),
    /// A mark in place of a value: `<NAME>`, `{{ name }}`.
    Blank(Blank),
    /// What a function of Terraform makes of something unknown.
    Call {
        /// The function.
        function: Arc<str>,
        /// The items of a list are joined in it (`join`): it may stand for several of what surrounds it.
        joined: bool,
    },
}

/// What an unknown is an attribute of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeOf {
    /// Its type: `aws_iam_role`, also of a data source.
    pub resource: String,
    /// Its address in its root: `module.ci.aws_iam_role.x`.
    pub address: String,
    /// The attribute, where it is one of those at the top.
    pub attribute: String,
}

/// An unknown with an identity: two atoms with the same key are the same unknown value.
#[derive(Debug, Clone)]
pub struct Unknown(Arc<UnknownData>);

#[derive(Debug)]
struct UnknownData {
    key: String,
    kind: UnknownKind,
    label: String,
    why: String,
    span: Option<Span>,
    facts: Facts,
    origin: UnknownOrigin,
}

impl Unknown {
    /// A new atom. `key` is its identity over the whole run (`infra/ci|module.ci|var.org`), `label` what a person
    /// sees in its place (`${var.org}`), `why` why it is unknown ("variable `org` has no default").
    #[must_use]
    pub fn new(key: impl Into<String>, kind: UnknownKind, label: impl Into<String>, why: impl Into<String>, span: Option<Span>) -> Self {
        Self::knowing(key, kind, label, why, span, Facts::default())
    }

    /// [`Unknown::new`] with more that is known of it.
    #[must_use]
    pub fn knowing(
        key: impl Into<String>,
        kind: UnknownKind,
        label: impl Into<String>,
        why: impl Into<String>,
        span: Option<Span>,
        facts: Facts,
    ) -> Self {
        let (key, label, why, origin) = (key.into(), label.into(), why.into(), UnknownOrigin::default());
        Self(Arc::new(UnknownData { key, kind, label, why, span, facts, origin }))
    }

    /// The same unknown, as if it entered at another place.
    #[must_use]
    pub fn moved(&self, span: Span) -> Self {
        Self::knowing(self.key(), self.kind(), self.label(), self.why(), Some(span), self.0.facts.clone())
            .coming_from(self.0.origin.clone())
    }

    /// The same unknown with its origin told.
    #[must_use]
    pub fn coming_from(self, origin: UnknownOrigin) -> Self {
        let Self(data) = self;
        let (key, label, why) = (data.key.clone(), data.label.clone(), data.why.clone());
        Self(Arc::new(UnknownData { key, kind: data.kind, label, why, span: data.span, facts: data.facts.clone(), origin }))
    }

    /// The same unknown under another name for people.
    #[must_use]
    pub fn called(&self, label: impl Into<String>) -> Self {
        let data = &self.0;
        Self::knowing(self.key(), data.kind, label, self.why(), data.span, data.facts.clone()).coming_from(data.origin.clone())
    }

    /// Where it comes from.
    #[must_use]
    pub fn origin(&self) -> &UnknownOrigin {
        &self.0.origin
    }

    /// What it is an attribute of.
    #[must_use]
    pub fn attribute_of(&self) -> Option<&AttributeOf> {
        match &self.0.origin {
            UnknownOrigin::Attribute(of) => Some(of),
            _ => None,
        }
    }

    /// Whether it is what this function makes of something.
    #[must_use]
    pub fn is_call_of(&self, name: &str) -> bool {
        matches!(&self.0.origin, UnknownOrigin::Call { function, .. } if &**function == name)
    }

    /// Whether the items of a list are joined in it.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        matches!(&self.0.origin, UnknownOrigin::Call { joined: true, .. })
    }

    /// Its identity.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// What is known of its alphabet.
    #[must_use]
    pub fn kind(&self) -> UnknownKind {
        self.0.kind
    }

    /// What a person sees in its place.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// What a person sees in its place, without `${` and `}`: for other labels and for made-up examples.
    #[must_use]
    pub fn bare(&self) -> &str {
        let inner = self.label().strip_prefix("${").and_then(|l| l.strip_suffix('}')).unwrap_or(self.label());
        // A workflow's expression has two braces.
        inner.strip_prefix('{').and_then(|l| l.strip_suffix('}')).unwrap_or(inner).trim()
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

impl PartialEq for Unknown {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}
impl Eq for Unknown {}
impl std::hash::Hash for Unknown {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}
impl PartialOrd for Unknown {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Unknown {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

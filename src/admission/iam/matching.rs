//! What the concrete evaluator and the formula share: keys, absent keys, one value against one policy value.

use super::compare;
use super::operator::{Base, Operator, SetOperator};
use super::pattern::{self, Piece, Reading};
use crate::admission::glob::{self, Unit};
use crate::partial::{Text, UnknownKind, cut, hops};
use crate::token::Truth;

/// What a request holds under a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Absent,
    /// One value.
    One(String),
    /// A multi-valued key.
    Many(Vec<String>),
    /// It cannot be told, with the reason.
    Unknown(String),
}

impl Found {
    /// The value as a person reads it.
    #[must_use]
    pub(super) fn display(&self) -> Option<String> {
        match self {
            Self::Absent | Self::Unknown(_) => None,
            Self::One(s) => Some(s.clone()),
            Self::Many(all) => Some(format!("[{}]", all.join(", "))),
        }
    }
}

/// A looked up key.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    /// What is there.
    pub(super) found: Found,
    /// An assumption that was made on the way.
    pub(super) note: Option<String>,
}

impl Lookup {
    pub(super) fn certain(found: Found) -> Self {
        Self { found, note: None }
    }

    pub(super) fn unknown(why: String) -> Self {
        Self { found: Found::Unknown(why), note: None }
    }
}

/// Splits a condition key at its last `:` into the issuer's part and the claim; none when the claim has holes.
#[must_use]
pub(super) fn split_key(key: &Text) -> Option<(Text, String)> {
    let (issuer, claim) = cut::rsplit_once(key, ":")?;
    Some((issuer, claim.as_known()?))
}

/// Is the part before the claim this issuer? A part with holes that could be the issuer is unknown.
/// A literal `https://` makes a key that never exists, unless it came along with a provider's `url`.
#[must_use]
pub(super) fn same_issuer(prefix: &Text, issuer: &Text) -> Truth {
    let stripped;
    let prefix = if prefix.known_prefix().starts_with("https://") && from_url(prefix) {
        stripped = cut::tail(prefix, "https://".len());
        &stripped
    } else {
        prefix
    };
    match (prefix.as_known(), issuer.as_known()) {
        // Key names ignore letter case.
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b).into(),
        _ => pattern::equal(prefix, issuer),
    }
}

/// The text is the `url` of an IAM OIDC provider, which comes without its scheme: what a local, a variable or an
/// argument on the way is called says nothing.
pub(super) fn from_url(text: &Text) -> bool {
    let trail = text.trail();
    hops(&trail).any(|hop| hop.kind.is_aws_provider_url())
}

/// The truth of a test (other than `Null`) whose key is absent:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>.
#[must_use]
pub(super) fn absent(operator: Operator, set: Option<SetOperator>) -> Truth {
    match set {
        Some(SetOperator::ForAllValues) => Truth::True,
        Some(SetOperator::ForAnyValue) if operator.if_exists => Truth::Unknown,
        // Documented for every operator, the negated ones too.
        Some(SetOperator::ForAnyValue) => Truth::False,
        None => (operator.if_exists || operator.negated).into(),
    }
}

/// Does a value of `Null` hold?
#[must_use]
pub(super) fn null_value(text: &Text, absent: bool) -> Truth {
    match text.as_known().map(|t| t.trim().to_ascii_lowercase()).as_deref() {
        Some("true") => absent.into(),
        Some("false") => (!absent).into(),
        _ => Truth::Unknown,
    }
}

/// Pieces as tokens, with a variable standing for anything.
#[must_use]
pub(super) fn without_variables(pieces: &[Piece]) -> Vec<Unit> {
    pieces
        .iter()
        .map(|p| match p {
            Piece::Char(c, ..) => Unit::Char(*c),
            Piece::Star(_) => Unit::Star,
            Piece::One(_) => Unit::One,
            Piece::Hole(atom, _) => Unit::Hole(atom.kind()),
            Piece::Variable { .. } => Unit::Hole(UnknownKind::Any),
        })
        .collect()
}

/// Does a request value match a policy value, negation aside?
#[must_use]
pub(super) fn value_matches(operator: Operator, text: &Text, value: &str, variables: bool, lookup: &dyn Fn(&Text) -> Lookup) -> Truth {
    match operator.base {
        Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike | Base::Arn => {
            let pieces = pattern::pieces(text, Reading { wildcards: operator.takes_wildcards(), variables });
            let Some(tokens) = resolve(&pieces, lookup) else { return Truth::False };
            match operator.base {
                Base::Arn => arn(&tokens, value),
                base => glob::matches(&tokens, value, base == Base::StringEqualsIgnoreCase),
            }
        }
        base => match text.as_known() {
            None => Truth::Unknown,
            Some(expected) => match base {
                Base::Numeric(comparison) => compare::numeric(comparison, value, &expected),
                Base::Date(comparison) => compare::date(comparison, value, &expected),
                Base::IpAddress => compare::in_range(value, &expected),
                Base::Bool => compare::boolean(value, &expected),
                _ => (value == expected).into(),
            },
        },
    }
}

/// Puts the values of variables in; none when one has no value, which then matches nothing.
fn resolve(pieces: &[Piece], lookup: &dyn Fn(&Text) -> Lookup) -> Option<Vec<Unit>> {
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Piece::Variable { key, default, .. } => match lookup(key).found {
                // Wildcards in a resolved value are plain characters.
                Found::One(value) => out.extend(value.chars().map(Unit::Char)),
                Found::Absent => out.extend(pattern::plain(default.as_ref()?)),
                Found::Many(_) | Found::Unknown(_) => out.push(Unit::Hole(UnknownKind::Any)),
            },
            other => out.extend(without_variables(std::slice::from_ref(other))),
        }
    }
    Some(out)
}

/// ARNs are compared field by field; where a comparison of the whole strings would differ it is unknown.
fn arn(tokens: &[Unit], value: &str) -> Truth {
    let whole = glob::matches(tokens, value, false);
    if whole != Truth::True {
        return whole;
    }
    let fields = arn_fields(tokens);
    let values: Vec<&str> = value.splitn(ARN_FIELDS, ':').collect();
    let alike = fields.len() == ARN_FIELDS
        && values.len() == ARN_FIELDS
        && fields.iter().zip(&values).all(|(field, value)| glob::matches(field, value, false) == Truth::True);
    if alike { Truth::True } else { Truth::Unknown }
}

/// An ARN has six fields; the last holds the rest.
pub(super) const ARN_FIELDS: usize = 6;

fn arn_fields(tokens: &[Unit]) -> Vec<&[Unit]> {
    tokens.splitn(ARN_FIELDS, |t| matches!(t, Unit::Char(':'))).collect()
}

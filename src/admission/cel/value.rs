//! CEL's values, their equality and their order.

use crate::token::Claim;
use std::cmp::Ordering;
use std::sync::Arc;

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating point number.
    Double(f64),
    /// A string.
    String(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map: its entries in order, keys unique.
    Map(Arc<Vec<(Value, Value)>>),
    /// A type, by its name.
    Type(&'static str),
    /// A moment: seconds since 1970 and nanoseconds.
    Timestamp(i64, u32),
    /// A span of time in nanoseconds.
    Duration(i64),
    /// A value that was not provided: whatever is computed from it is not known.
    Open {
        /// Why.
        why: Arc<str>,
        /// It may as well not be there.
        optional: bool,
    },
}

impl Value {
    /// A string.
    #[must_use]
    pub fn string(text: impl AsRef<str>) -> Self {
        Self::String(Arc::from(text.as_ref()))
    }

    /// The value of a JSON document. Whole numbers become integers, as Google's STS does.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => n
                .as_i64()
                .map(Self::Int)
                .or_else(|| n.as_u64().map(Self::Uint))
                .unwrap_or_else(|| Self::Double(n.as_f64().unwrap_or(f64::NAN))),
            serde_json::Value::String(s) => Self::string(s),
            serde_json::Value::Array(items) => Self::List(Arc::new(items.iter().map(Self::from_json).collect())),
            serde_json::Value::Object(map) => Self::Map(Arc::new(map.iter().map(|(k, v)| (Self::string(k), Self::from_json(v))).collect())),
        }
    }

    /// The value of a claim.
    #[must_use]
    pub fn from_claim(claim: &Claim) -> Self {
        match claim {
            Claim::String(s) => Self::string(s),
            Claim::List(items) => Self::List(Arc::new(items.iter().map(Self::string).collect())),
            Claim::Json(json) => Self::from_json(json),
            Claim::Open { optional } => Self::Open { why: "its value was not provided".into(), optional: *optional },
        }
    }

    /// The name of the value's type, as `type(x)` prints it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Type(_) => "type",
            Self::Timestamp(..) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Open { .. } => "unknown",
        }
    }

    /// The string, when it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(s) = self { Some(s) } else { None }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_) | Self::Double(_))
    }

    /// CEL's `==`: values of different types differ, numbers compare by value
    /// (<https://github.com/google/cel-spec/blob/master/doc/langdef.md#equality>).
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Timestamp(a, n), Self::Timestamp(b, m)) => (a, n) == (b, m),
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(x, y)| x.equals(y)),
            (Self::Map(a), Self::Map(b)) => a.len() == b.len() && a.iter().all(|(k, v)| entry(b, k).is_some_and(|w| v.equals(w))),
            _ if self.is_number() && other.is_number() => numbers(self, other) == Some(Ordering::Equal),
            _ => false,
        }
    }

    /// CEL's order; none when the two do not compare. The outer option is "no such overload", the inner a NaN.
    #[must_use]
    pub fn order(&self, other: &Self) -> Option<Option<Ordering>> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(Some(a.cmp(b))),
            (Self::String(a), Self::String(b)) => Some(Some(a.cmp(b))),
            (Self::Bytes(a), Self::Bytes(b)) => Some(Some(a.cmp(b))),
            (Self::Timestamp(a, n), Self::Timestamp(b, m)) => Some(Some((a, n).cmp(&(b, m)))),
            (Self::Duration(a), Self::Duration(b)) => Some(Some(a.cmp(b))),
            _ if self.is_number() && other.is_number() => Some(numbers(self, other)),
            _ => None,
        }
    }
}

/// The value under a key of a map.
#[must_use]
pub(super) fn entry<'a>(map: &'a [(Value, Value)], key: &Value) -> Option<&'a Value> {
    map.iter().find(|(k, _)| k.equals(key)).map(|(_, v)| v)
}

fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(n) => Some(i128::from(*n)),
        Value::Uint(n) => Some(i128::from(*n)),
        _ => None,
    }
}

/// Numbers of any two types by their mathematical value.
fn numbers(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Double(x), Value::Double(y)) => x.partial_cmp(y),
        (Value::Double(x), _) => whole(b).and_then(|n| whole_to_double(n, *x)).map(Ordering::reverse),
        (_, Value::Double(y)) => whole(a).and_then(|n| whole_to_double(n, *y)),
        _ => Some(whole(a)?.cmp(&whole(b)?)),
    }
}

/// An integer against a double: the integer is rounded to a double first, as the specification's tests ask.
#[allow(clippy::cast_precision_loss)]
fn whole_to_double(n: i128, d: f64) -> Option<Ordering> {
    (n as f64).partial_cmp(&d)
}

//! One type for several values, as Terraform finds it: numbers and bools beside strings become strings, tuples of
//! different lengths become a list, objects with different attributes a map.
//! <https://developer.hashicorp.com/terraform/language/expressions/types#type-conversion>,
//! <https://pkg.go.dev/github.com/zclconf/go-cty/cty/convert#UnifyUnsafe>

use super::MAX_DEPTH;
use crate::partial::{Entry, Kind, Value};
use std::collections::BTreeMap;

/// The type of a value as far as conversion needs it. Values do not tell a list from a tuple, nor a map from an
/// object: what stands alone is taken for the more exact one.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Nothing is known, or null: any type will do.
    Any,
    /// No type holds all values.
    Mixed,
    String,
    Number,
    Bool,
    /// Numbers and bools: no type holds both, unless a string stands beside them.
    NumbersAndBools,
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Map(Box<Shape>),
    Object(BTreeMap<String, Shape>),
}

impl Shape {
    fn of(value: &Value, depth: usize) -> Self {
        if depth > MAX_DEPTH {
            return Self::Any;
        }
        match &value.kind {
            Kind::Null | Kind::Unknown(_) => Self::Any,
            Kind::Text(_) => Self::String,
            Kind::Number(_) => Self::Number,
            Kind::Bool(_) => Self::Bool,
            Kind::List { items, open: true } => Self::List(Box::new(Self::of_all(items.iter(), depth + 1))),
            Kind::List { items, open: false } => Self::Tuple(items.iter().map(|v| Self::of(v, depth + 1)).collect()),
            Kind::Map { entries, open } if *open || entries.iter().any(|e| !e.key.is_known()) => {
                Self::Map(Box::new(Self::of_all(entries.iter().map(|e| &e.value), depth + 1)))
            }
            Kind::Map { entries, .. } => Self::Object(entries.iter().map(|e| (e.key.to_string(), Self::of(&e.value, depth + 1))).collect()),
            Kind::OneOf(all) => Self::of_all(all.iter(), depth + 1),
        }
    }

    fn of_all<'a>(values: impl Iterator<Item = &'a Value>, depth: usize) -> Self {
        values.fold(Self::Any, |all, value| all.join(Self::of(value, depth)))
    }

    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, shape) | (shape, Self::Any) => shape,
            (a, b) if a == b => a,
            (a, b) if a.is_primitive() && b.is_primitive() => {
                if a == Self::String || b == Self::String {
                    Self::String
                } else {
                    Self::NumbersAndBools
                }
            }
            (Self::Tuple(a), Self::Tuple(b)) if a.len() == b.len() => Self::Tuple(a.into_iter().zip(b).map(|(a, b)| a.join(b)).collect()),
            (Self::Object(a), Self::Object(b)) if a.keys().eq(b.keys()) => {
                Self::Object(a.into_iter().zip(b.into_values()).map(|((key, a), b)| (key, a.join(b))).collect())
            }
            (a @ (Self::Tuple(_) | Self::List(_)), b @ (Self::Tuple(_) | Self::List(_))) => {
                Self::List(Box::new(a.element().join(b.element())))
            }
            (a @ (Self::Object(_) | Self::Map(_)), b @ (Self::Object(_) | Self::Map(_))) => {
                Self::Map(Box::new(a.element().join(b.element())))
            }
            _ => Self::Mixed,
        }
    }

    fn is_primitive(&self) -> bool {
        matches!(self, Self::String | Self::Number | Self::Bool | Self::NumbersAndBools)
    }

    fn element(self) -> Self {
        match self {
            Self::List(inner) | Self::Map(inner) => *inner,
            Self::Tuple(all) => all.into_iter().fold(Self::Any, Self::join),
            Self::Object(all) => all.into_values().fold(Self::Any, Self::join),
            other => other,
        }
    }

    fn convert(&self, value: Value) -> Value {
        let Value { kind, span, trail } = value;
        let kind = match (self, kind) {
            (Self::String, kind) => return as_string(Value { kind, span, trail }),
            (Self::List(inner), Kind::List { items, open }) => {
                Kind::List { items: items.into_iter().map(|v| inner.convert(v)).collect(), open }
            }
            (Self::Tuple(all), Kind::List { items, open }) => {
                Kind::List { items: items.into_iter().zip(all).map(|(v, shape)| shape.convert(v)).collect(), open }
            }
            (Self::Map(inner), Kind::Map { entries, open }) => {
                Kind::Map { entries: entries.into_iter().map(|e| Entry { value: inner.convert(e.value), key: e.key }).collect(), open }
            }
            (Self::Object(all), Kind::Map { entries, open }) => {
                let convert = |e: Entry| match all.get(&e.key.to_string()) {
                    Some(shape) => Entry { value: shape.convert(e.value), key: e.key },
                    None => e,
                };
                Kind::Map { entries: entries.into_iter().map(convert).collect(), open }
            }
            (_, kind) => kind,
        };
        Value { kind, span, trail }
    }
}

/// The items of one list, set or map as one type; nothing when they have none in common.
pub(super) fn one_type(items: Vec<Value>) -> Option<Vec<Value>> {
    let shape = Shape::of_all(items.iter(), 0);
    if matches!(shape, Shape::Mixed | Shape::NumbersAndBools) {
        return None;
    }
    Some(items.into_iter().map(|item| shape.convert(item)).collect())
}

/// As [`one_type`]; items that have no type in common stay as they are.
pub(super) fn unified(items: Vec<Value>) -> Vec<Value> {
    let shape = Shape::of_all(items.iter(), 0);
    items.into_iter().map(|item| shape.convert(item)).collect()
}

/// The result of a conditional: what was chosen, in the type that both branches have in common.
///
/// <https://developer.hashicorp.com/terraform/language/expressions/conditionals#result-types>
pub(in crate::terraform) fn unified_with(chosen: Value, other: &Value) -> Value {
    Shape::of(&chosen, 0).join(Shape::of(other, 0)).convert(chosen)
}

/// Whether anything inside the value could become another type.
pub(in crate::terraform) fn convertible(value: &Value) -> bool {
    fn walk(value: &Value, depth: usize) -> bool {
        match &value.kind {
            Kind::Number(_) | Kind::Bool(_) => true,
            Kind::List { items, .. } => depth < MAX_DEPTH && items.iter().any(|v| walk(v, depth + 1)),
            Kind::Map { entries, .. } => depth < MAX_DEPTH && entries.iter().any(|e| walk(&e.value, depth + 1)),
            _ => false,
        }
    }
    walk(value, 0)
}

/// A number or a bool as a string; anything else as it is.
pub(super) fn as_string(value: Value) -> Value {
    match (&value.kind, value.as_text()) {
        (Kind::Number(_) | Kind::Bool(_), Some(text)) => Value { kind: Kind::Text(text), span: value.span, trail: value.trail },
        _ => value,
    }
}

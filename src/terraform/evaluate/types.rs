//! Type constraints of variables (<https://developer.hashicorp.com/terraform/language/expressions/type-constraints>).

use super::EvalError;
use super::values::{noun, same};
use crate::partial::{Entry, Kind, Part, Text, Value};
use crate::syntax::hcl::{Expr, ExprKind as K};
use crate::terraform::functions::{canonical_number, effective};

type Result<T> = std::result::Result<T, EvalError>;

/// A type constraint.
#[derive(Debug, Clone)]
pub(super) enum Type {
    Any,
    String,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    Object(Vec<Field>),
    Tuple(Vec<Type>),
}

/// An attribute of an object type.
#[derive(Debug, Clone)]
pub(super) struct Field {
    name: String,
    kind: Type,
    optional: bool,
    default: Option<Expr>,
}

impl Type {
    /// Reads a constraint; what is not understood constrains nothing.
    pub(super) fn of(expr: &Expr) -> Self {
        match &expr.kind {
            K::Variable(name) => Self::named(name),
            K::Template(t) => t.as_literal().map_or(Self::Any, |n| Self::named(&n)),
            K::Parentheses(inner) => Self::of(inner),
            K::Call { name, args, .. } => {
                let inner = || Box::new(args.first().map_or(Self::Any, Self::of));
                match &**name {
                    "list" => Self::List(inner()),
                    "set" => Self::Set(inner()),
                    "map" => Self::Map(inner()),
                    "optional" => *inner(),
                    "tuple" => match args.first().map(|a| &a.kind) {
                        Some(K::Tuple(items)) => Self::Tuple(items.iter().map(Self::of).collect()),
                        _ => Self::Any,
                    },
                    "object" => match args.first().map(|a| &a.kind) {
                        Some(K::Object(items)) => Self::Object(items.iter().filter_map(Field::of).collect()),
                        _ => Self::Any,
                    },
                    _ => Self::Any,
                }
            }
            _ => Self::Any,
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "string" => Self::String,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "list" => Self::List(Box::new(Self::Any)),
            "map" => Self::Map(Box::new(Self::Any)),
            _ => Self::Any,
        }
    }

    /// Converts a value as Terraform does: primitives into each other, tuples into lists, objects filled and cut.
    pub(super) fn convert(&self, value: Value, eval: &dyn Fn(&Expr) -> Result<Value>) -> Result<Value> {
        if let Kind::OneOf(all) = value.kind {
            let all = all.into_iter().map(|v| self.convert(v, eval)).collect::<Result<Vec<_>>>()?;
            return Ok(Value { kind: Kind::OneOf(all), span: value.span, trail: value.trail });
        }
        if matches!(value.kind, Kind::Null) {
            return Ok(value);
        }
        if matches!(value.kind, Kind::Unknown(_)) {
            return Ok(shape_unknown(value, Some(self)));
        }
        let Value { kind, span, trail } = value;
        let whole = |kind: Kind| Value { kind, span, trail: trail.clone() };
        match (self, kind) {
            (Self::String, kind @ (Kind::Number(_) | Kind::Bool(_))) => {
                let value = whole(kind);
                Ok(value.as_text().map_or(value.clone(), |t| whole(Kind::Text(t))))
            }
            (Self::Number, Kind::Text(t)) if !t.is_known() => Ok(whole(Kind::Text(t))),
            (Self::Number, Kind::Text(t)) => number(&t).map(&whole).ok_or_else(|| wrong("a number", &whole(Kind::Text(t)))),
            (Self::Bool, Kind::Text(t)) => match t.as_known().as_deref() {
                Some("true") => Ok(whole(Kind::Bool(true))),
                Some("false") => Ok(whole(Kind::Bool(false))),
                None => Ok(whole(Kind::Text(t))),
                Some(_) => Err(wrong("a bool", &whole(Kind::Text(t)))),
            },
            (Self::List(inner), Kind::List { items, open }) => {
                let items = items.into_iter().map(|v| inner.convert(v, eval)).collect::<Result<Vec<_>>>()?;
                Ok(whole(Kind::List { items, open }))
            }
            (Self::Set(inner), Kind::List { items, open }) => {
                let items = items.into_iter().map(|v| inner.convert(v, eval)).collect::<Result<Vec<_>>>()?;
                Ok(whole(Kind::List { items: set(items), open }))
            }
            (Self::Tuple(kinds), Kind::List { items, open }) => {
                let pairs = items.into_iter().zip(kinds.iter().chain(std::iter::repeat(&Self::Any)));
                let items = pairs.map(|(v, k)| k.convert(v, eval)).collect::<Result<Vec<_>>>()?;
                Ok(whole(Kind::List { items, open }))
            }
            (Self::Map(inner), Kind::Map { entries, open }) => {
                let convert = |e: Entry| Ok(Entry { value: inner.convert(e.value, eval)?, key: e.key });
                Ok(whole(Kind::Map { entries: effective(&entries).into_iter().map(convert).collect::<Result<Vec<_>>>()?, open }))
            }
            (Self::Object(fields), kind @ Kind::Map { .. }) => object(fields, &whole(kind), eval),
            (Self::Any, kind) => Ok(whole(kind)),
            (Self::String, kind @ Kind::Text(_)) | (Self::Number, kind @ Kind::Number(_)) | (Self::Bool, kind @ Kind::Bool(_)) => {
                Ok(whole(kind))
            }
            (wanted, kind) => Err(wrong(wanted.noun(), &whole(kind))),
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a bool",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Object(_) => "an object",
            Self::Tuple(_) => "a tuple",
        }
    }
}

impl Field {
    fn of(item: &crate::syntax::hcl::ObjectItem) -> Option<Self> {
        let K::Template(key) = &item.key.kind else { return None };
        let name = key.as_literal()?;
        let kind = Type::of(&item.value);
        let (optional, default) = match &item.value.kind {
            K::Call { name, args, .. } if &**name == "optional" => (true, args.get(1).cloned()),
            _ => (false, None),
        };
        Some(Self { name, kind, optional, default })
    }
}

fn object(fields: &[Field], value: &Value, eval: &dyn Fn(&Expr) -> Result<Value>) -> Result<Value> {
    let mut entries = Vec::with_capacity(fields.len());
    for field in fields {
        let given = value.get(&field.name).filter(|v| !(field.optional && field.default.is_some() && v.is_null()));
        let inner = match (given, &field.default) {
            (Some(v), _) => field.kind.convert(v.clone(), eval)?,
            (None, _) if value.is_open() => continue,
            (None, Some(default)) => field.kind.convert(eval(default)?, eval)?,
            (None, None) if field.optional => Value::null(),
            (None, None) => return Err(EvalError::new(format!("the attribute `{}` is required", field.name), value.span)),
        };
        entries.push(Entry { key: Text::known(&field.name), value: inner });
    }
    Ok(Value { kind: Kind::Map { entries, open: value.is_open() }, span: value.span, trail: value.trail.clone() })
}

fn number(text: &Text) -> Option<Kind> {
    let known = text.as_known()?;
    canonical_number(&known).map(|n| Kind::Number(n.into()))
}

fn wrong(wanted: &str, value: &Value) -> EvalError {
    EvalError::new(format!("{wanted} is required, not {}", noun(value)), value.span)
}

/// A set: equal members once, strings in order.
fn set(items: Vec<Value>) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        if !out.iter().any(|o| same(o, &item)) {
            out.push(item);
        }
    }
    if out.iter().all(|v| v.as_str().is_some()) {
        out.sort_by_key(Value::as_str);
    }
    out
}

/// What a type tells about an unknown: a string is one hole.
pub(super) fn shape_unknown(value: Value, kind: Option<&Type>) -> Value {
    match (&value.kind, kind) {
        (Kind::Unknown(atom), Some(Type::String)) => {
            let hole = Part::Hole { atom: atom.clone(), span: value.span, trail: value.trail.clone() };
            Value { kind: Kind::Text(Text { parts: vec![hole] }), ..value }
        }
        _ => value,
    }
}

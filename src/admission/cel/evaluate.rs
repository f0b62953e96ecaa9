//! The concrete evaluator: one expression over known values, total and bounded.

use super::ast::{Expr, ExprKind, MacroKind, Op};
use super::functions;
use super::value::{Value, entry};
use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most steps of one evaluation: nodes visited plus characters built, in units of 64.
pub const MAX_STEPS: u64 = 200_000;

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// CEL's runtime error, which `&&` and `||` can absorb.
    Error(String),
    /// Static reading cannot tell, with the reason.
    Unknown(String),
}

impl Fault {
    /// The reason.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Error(m) | Self::Unknown(m) => m,
        }
    }
}

/// A value, or why there is none.
pub type Outcome = Result<Value, Fault>;

pub(super) fn error<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Error(message.into()))
}

pub(super) fn overload<T>(what: &str, of: &[&Value]) -> Result<T, Fault> {
    let types: Vec<&str> = of.iter().map(|v| v.type_name()).collect();
    error(format!("`{what}` does not apply to {}", types.join(" and ")))
}

/// The variables of an evaluation.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// By name; a name may hold dots (`a.b`), the longest that fits wins.
    pub variables: BTreeMap<String, Outcome>,
    /// The container in which names are resolved first (`com.example`), empty for none.
    pub container: String,
}

/// Evaluates an expression.
///
/// # Errors
/// [`Fault::Error`] as the language defines it (a missing key, a wrong type, an overflow), [`Fault::Unknown`] when a
/// hole decides the value or the work exceeds [`MAX_STEPS`].
pub fn evaluate(expr: &Expr, scope: &Scope) -> Outcome {
    let dotted = scope.variables.keys().any(|k| k.contains('.')) || !scope.container.is_empty();
    Evaluator { scope, dotted, steps: Cell::new(0) }.value(expr, None)
}

/// Comprehension variables, innermost first.
struct Local<'a> {
    name: &'a str,
    value: Value,
    outer: Option<&'a Local<'a>>,
}

type Locals<'a> = Option<&'a Local<'a>>;

pub(super) struct Evaluator<'a> {
    scope: &'a Scope,
    dotted: bool,
    steps: Cell<u64>,
}

impl Evaluator<'_> {
    /// Charges work before it is done.
    pub(super) fn charge(&self, steps: usize) -> Result<(), Fault> {
        let sum = self.steps.get().saturating_add(u64::try_from(steps).unwrap_or(u64::MAX));
        self.steps.set(sum);
        if sum > MAX_STEPS { Err(Fault::Unknown("the expression needs too much work".to_owned())) } else { Ok(()) }
    }

    fn value(&self, e: &Expr, locals: Locals<'_>) -> Outcome {
        match self.computed(e, locals)? {
            Value::Open { why, .. } => Err(Fault::Unknown(why.to_string())),
            value => Ok(value),
        }
    }

    fn computed(&self, e: &Expr, locals: Locals<'_>) -> Outcome {
        self.charge(1)?;
        match &e.kind {
            ExprKind::Null => Ok(Value::Null),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::Int(n) => Ok(Value::Int(*n)),
            ExprKind::Uint(n) => Ok(Value::Uint(*n)),
            ExprKind::Double(n) => Ok(Value::Double(*n)),
            ExprKind::String(text) => match text.as_known() {
                Some(s) => Ok(Value::string(s)),
                None => Err(Fault::Unknown(hole_reason(text.atoms().next()))),
            },
            ExprKind::Bytes(bytes) => Ok(Value::Bytes(bytes.as_slice().into())),
            ExprKind::Hole(atom) => Err(Fault::Unknown(hole_reason(Some(atom)))),
            ExprKind::Ident { name, absolute } => self.ident(name, *absolute, locals),
            ExprKind::Select { of, field } => match self.dotted.then(|| self.qualified(e, locals)).flatten() {
                Some(found) => found,
                None => {
                    let of = self.value(of, locals)?;
                    self.charge(weight(&of) / 8)?;
                    select(&of, field)
                }
            },
            ExprKind::Has { of, field } => match self.value(of, locals)? {
                Value::Map(entries) => holds(&entries, &Value::string(field)),
                other => overload("has", &[&other]),
            },
            ExprKind::Index { of, index } => {
                let of = self.value(of, locals)?;
                self.charge(weight(&of) / 8)?;
                index_into(&of, &self.value(index, locals)?)
            }
            ExprKind::Call { function, args } => {
                let args = self.all(args, locals)?;
                functions::call(self, function, &args)
            }
            ExprKind::Method { of, method, args } => self.method(of, method, args, locals),
            ExprKind::List(items) => Ok(Value::List(Arc::new(self.all(items, locals)?))),
            ExprKind::Map(entries) => self.map(entries, locals),
            ExprKind::Not(of) => match self.value(of, locals)? {
                Value::Bool(b) => Ok(Value::Bool(!b)),
                other => overload("!", &[&other]),
            },
            ExprKind::Negate(of) => match self.value(of, locals)? {
                Value::Int(n) => n.checked_neg().map_or_else(|| error("integer overflow"), |n| Ok(Value::Int(n))),
                Value::Double(n) => Ok(Value::Double(-n)),
                other => overload("-", &[&other]),
            },
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, locals),
            ExprKind::And(all) => self.absorb(all.iter().map(|e| self.value(e, locals)), false),
            ExprKind::Or(all) => self.absorb(all.iter().map(|e| self.value(e, locals)), true),
            ExprKind::Conditional { condition, then, otherwise } => match self.value(condition, locals)? {
                Value::Bool(true) => self.value(then, locals),
                Value::Bool(false) => self.value(otherwise, locals),
                other => overload("?:", &[&other]),
            },
            ExprKind::Macro { kind, of, variable, filter, body } => {
                let items = match self.value(of, locals)? {
                    Value::List(items) => items.to_vec(),
                    Value::Map(entries) => entries.iter().map(|(k, _)| k.clone()).collect(),
                    other => return overload(&kind.to_string(), &[&other]),
                };
                self.comprehension(*kind, items, variable, filter.as_deref(), body, locals)
            }
        }
    }

    fn all(&self, args: &[Expr], locals: Locals<'_>) -> Result<Vec<Value>, Fault> {
        args.iter().map(|a| self.value(a, locals)).collect()
    }

    /// `||` over the operands, or `&&` when `winner` is false: one operand with the winning value decides, whatever
    /// errors stand beside it; else an unknown, else an error, else the other value.
    fn absorb(&self, operands: impl Iterator<Item = Outcome>, winner: bool) -> Outcome {
        let mut fault: Option<Fault> = None;
        for operand in operands {
            let new = match operand {
                Ok(Value::Bool(b)) if b == winner => return Ok(Value::Bool(winner)),
                Ok(Value::Bool(_)) => continue,
                Ok(other) => Fault::Error(format!("{} is not a truth value", other.type_name())),
                Err(fault) => fault,
            };
            if fault.is_none() || matches!((&fault, &new), (Some(Fault::Error(_)), Fault::Unknown(_))) {
                fault = Some(new);
            }
        }
        fault.map_or(Ok(Value::Bool(!winner)), Err)
    }

    fn ident(&self, name: &str, absolute: bool, locals: Locals<'_>) -> Outcome {
        if !absolute && let Some(local) = std::iter::successors(locals, |l| l.outer).find(|l| l.name == name) {
            return Ok(local.value.clone());
        }
        if let Some(found) = self.variable(name, absolute) {
            return found;
        }
        functions::type_named(name).map_or_else(|| error(format!("unknown name `{name}`")), |t| Ok(Value::Type(t)))
    }

    fn variable(&self, name: &str, absolute: bool) -> Option<Outcome> {
        let mut container = if absolute { "" } else { self.scope.container.as_str() };
        while !container.is_empty() {
            if let Some(found) = self.scope.variables.get(&format!("{container}.{name}")) {
                return Some(found.clone());
            }
            container = container.rfind('.').map_or("", |i| container.get(..i).unwrap_or(""));
        }
        self.scope.variables.get(name).cloned()
    }

    /// A select chain as one qualified name.
    fn qualified(&self, e: &Expr, locals: Locals<'_>) -> Option<Outcome> {
        let mut names: Vec<&str> = Vec::new();
        let mut at = e;
        loop {
            match &at.kind {
                ExprKind::Select { of, field } => {
                    names.push(field);
                    at = of;
                }
                ExprKind::Ident { name, absolute } => {
                    let local = !absolute && std::iter::successors(locals, |l| l.outer).any(|l| l.name == name);
                    names.push(name);
                    names.reverse();
                    return if local { None } else { self.variable(&names.join("."), *absolute) };
                }
                _ => return None,
            }
        }
    }

    fn map(&self, entries: &[(Expr, Expr)], locals: Locals<'_>) -> Outcome {
        let mut out: Vec<(Value, Value)> = Vec::new();
        for (key, value) in entries {
            let (key, value) = (self.value(key, locals)?, self.value(value, locals)?);
            if !matches!(key, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::String(_)) {
                return error(format!("{} cannot be a key of a map", key.type_name()));
            }
            self.charge(out.len() / 8)?;
            if entry(&out, &key).is_some() {
                return error("repeated key in a map");
            }
            out.push((key, value));
        }
        Ok(Value::Map(Arc::new(out)))
    }

    fn method(&self, of: &Expr, method: &str, args: &[Expr], locals: Locals<'_>) -> Outcome {
        if let ExprKind::Ident { name, .. } = &of.kind
            && name == "strings"
            && method == "quote"
        {
            let args = self.all(args, locals)?;
            return functions::call(self, "strings.quote", &args);
        }
        let receiver = self.value(of, locals)?;
        let args = self.all(args, locals)?;
        functions::method(self, &receiver, method, &args)
    }

    fn binary(&self, op: Op, left: &Expr, right: &Expr, locals: Locals<'_>) -> Outcome {
        if matches!(op, Op::Equal | Op::NotEqual)
            && let Some(known) = self.shaped(left, right, locals).or_else(|| self.shaped(right, left, locals))
        {
            return known.map(|equal| Value::Bool(equal == (op == Op::Equal)));
        }
        let (a, b) = match (self.value(left, locals), self.value(right, locals)) {
            // An operator has no value when one side has none, whatever the other is.
            (Err(Fault::Unknown(_)), Err(Fault::Error(e))) => return Err(Fault::Error(e)),
            (a, b) => (a?, b?),
        };
        self.charge(weight(&a).saturating_mul(weight(&b)) / 8)?;
        let order = |accept: fn(Ordering) -> bool| match a.order(&b) {
            Some(order) => Ok(Value::Bool(order.is_some_and(accept))),
            None => overload(&op.to_string(), &[&a, &b]),
        };
        match op {
            Op::Equal => Ok(Value::Bool(a.equals(&b))),
            Op::NotEqual => Ok(Value::Bool(!a.equals(&b))),
            Op::Less => order(Ordering::is_lt),
            Op::LessEqual => order(Ordering::is_le),
            Op::Greater => order(Ordering::is_gt),
            Op::GreaterEqual => order(Ordering::is_ge),
            Op::In => match &b {
                Value::List(items) => {
                    self.charge(items.len() / 8)?;
                    Ok(Value::Bool(items.iter().any(|i| i.equals(&a))))
                }
                Value::Map(entries) => holds(entries, &a),
                _ => overload("in", &[&a, &b]),
            },
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder => functions::arithmetic(self, op, &a, &b),
        }
    }

    /// Equality with a string that has holes, where its known ends already exclude the other side.
    fn shaped(&self, text: &Expr, other: &Expr, locals: Locals<'_>) -> Option<Result<bool, Fault>> {
        let text = text.as_text().filter(|t| !t.is_known())?;
        let other = match self.value(other, locals) {
            Ok(value) => value,
            Err(fault) => return Some(Err(fault)),
        };
        let fits = other.as_str().is_some_and(|s| {
            let (prefix, suffix) = (text.known_prefix(), text.known_suffix());
            s.starts_with(&prefix) && s.ends_with(&suffix) && s.len() >= prefix.len() + suffix.len()
        });
        Some(if fits { Err(Fault::Unknown(hole_reason(text.atoms().next()))) } else { Ok(false) })
    }

    fn comprehension(
        &self,
        kind: MacroKind,
        items: Vec<Value>,
        variable: &str,
        filter: Option<&Expr>,
        body: &Expr,
        locals: Locals<'_>,
    ) -> Outcome {
        let with = |item: &Value, e: &Expr| self.value(e, Some(&Local { name: variable, value: item.clone(), outer: locals }));
        match kind {
            MacroKind::All => self.absorb(items.iter().map(|i| with(i, body)), false),
            MacroKind::Exists => self.absorb(items.iter().map(|i| with(i, body)), true),
            MacroKind::ExistsOne => {
                let mut found = 0;
                for item in &items {
                    found += usize::from(truth(with(item, body)?)?);
                }
                Ok(Value::Bool(found == 1))
            }
            MacroKind::Filter => {
                let mut out = Vec::new();
                for item in items {
                    if truth(with(&item, body)?)? {
                        out.push(item);
                    }
                }
                Ok(Value::List(Arc::new(out)))
            }
            MacroKind::Map => {
                let mut out = Vec::new();
                for item in &items {
                    if filter.map_or(Ok(true), |f| truth(with(item, f)?))? {
                        out.push(with(item, body)?);
                    }
                }
                Ok(Value::List(Arc::new(out)))
            }
        }
    }
}

/// How many parts a lookup or a comparison may have to look at.
fn weight(value: &Value) -> usize {
    match value {
        Value::List(items) => items.iter().map(weight).fold(1, usize::saturating_add),
        Value::Map(entries) => entries.iter().map(|(_, v)| weight(v)).fold(1, usize::saturating_add),
        _ => 1,
    }
}

fn truth(value: Value) -> Result<bool, Fault> {
    if let Value::Bool(b) = value { Ok(b) } else { error(format!("{} is not a truth value", value.type_name())) }
}

fn hole_reason(atom: Option<&crate::partial::Unknown>) -> String {
    atom.map_or_else(|| "unknown value".to_owned(), |a| format!("`{}` is not known: {}", a.label(), a.why()))
}

/// Whether a map has a key.
fn holds(map: &[(Value, Value)], key: &Value) -> Outcome {
    match entry(map, key) {
        Some(Value::Open { why, optional: true }) => Err(Fault::Unknown(why.to_string())),
        found => Ok(Value::Bool(found.is_some())),
    }
}

fn select(of: &Value, field: &str) -> Outcome {
    match of {
        Value::Map(entries) => entry(entries, &Value::string(field)).cloned().map_or_else(|| error(format!("no such key `{field}`")), Ok),
        other => error(format!("{} has no field `{field}`", other.type_name())),
    }
}

fn index_into(of: &Value, index: &Value) -> Outcome {
    match of {
        Value::Map(entries) => entry(entries, index).cloned().map_or_else(|| error("no such key"), Ok),
        Value::List(items) => {
            let at = match index {
                Value::Int(n) => usize::try_from(*n).ok(),
                Value::Uint(n) => usize::try_from(*n).ok(),
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                Value::Double(n) if n.fract() == 0.0 && *n >= 0.0 && *n < 1e9 => Some(*n as usize),
                other => return overload("[]", &[of, other]),
            };
            at.and_then(|i| items.get(i)).cloned().map_or_else(|| error("index out of range"), Ok)
        }
        other => overload("[]", &[other, index]),
    }
}

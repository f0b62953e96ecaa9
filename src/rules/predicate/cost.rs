//! What a predicate of the users' own may cost: a checked tree can bring one.
//!
//! An expression of CEL ends, but nested macros multiply. So their nesting is bounded, what they walk is counted before a fact is
//! asked, and expressions for `matches` are compiled once beforehand.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use serde_json::{Map, Value as Json};

/// Deepest nesting of macros.
const MAX_MACROS: usize = 2;
/// Largest compiled expression of `matches`, in bytes.
const MAX_REGEX: usize = 64 << 10;
/// Most steps for one fact.
pub(super) const MAX_FOR_FACT: u64 = 200_000;
/// Most steps for all facts of a run.
pub(super) const MAX_FOR_RUN: u64 = 20_000_000;
/// Deepest nesting of an expression that is looked through; the parser's own limit is lower.
const MAX_DEPTH: usize = 256;
/// A text of so many bytes costs one step more.
const BYTES_OF_A_STEP: u64 = 256;

/// What an expression is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    nodes: u64,
    /// The deepest nesting of macros.
    macros: u32,
    /// The longest list that is written out.
    longest: u64,
}

impl Shape {
    /// How many steps it may take for these fields.
    pub(super) fn steps(self, fields: &Map<String, Json>) -> u64 {
        let lengths = fields.values().map(|value| value.as_array().map_or(0, |list| list.len() as u64));
        let longest = lengths.max().unwrap_or(0).max(self.longest).max(1);
        let bytes: u64 = fields.values().map(weight).sum();
        self.nodes.saturating_mul(longest.saturating_pow(self.macros)).saturating_mul(1 + bytes / BYTES_OF_A_STEP)
    }
}

fn weight(value: &Json) -> u64 {
    match value {
        Json::String(text) => text.len() as u64,
        Json::Array(list) => list.iter().map(weight).sum(),
        _ => 0,
    }
}

/// The shape of an expression.
///
/// # Errors
/// Why it is not evaluated.
pub(super) fn shape(expression: &IdedExpr) -> Result<Shape, String> {
    let mut out = Shape::default();
    visit(expression, 0, 0, &mut out)?;
    Ok(out)
}

fn visit(expression: &IdedExpr, depth: usize, macros: usize, out: &mut Shape) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("it is nested too deeply".to_owned());
    }
    out.nodes += 1;
    let next = depth + 1;
    match &expression.expr {
        Expr::Select(select) => visit(&select.operand, next, macros, out),
        Expr::Call(call) => {
            if call.func_name == "matches" {
                pattern(call.args.last())?;
            }
            call.target.iter().try_for_each(|target| visit(target, next, macros, out))?;
            call.args.iter().try_for_each(|argument| visit(argument, next, macros, out))
        }
        Expr::List(list) => {
            out.longest = out.longest.max(list.elements.len() as u64);
            list.elements.iter().try_for_each(|element| visit(element, next, macros, out))
        }
        Expr::Map(map) => {
            out.longest = out.longest.max(map.entries.len() as u64);
            map.entries.iter().try_for_each(|item| entry(&item.expr, next, macros, out))
        }
        Expr::Struct(of) => of.entries.iter().try_for_each(|item| entry(&item.expr, next, macros, out)),
        Expr::Comprehension(of) => {
            let inner = macros + 1;
            if inner > MAX_MACROS {
                return Err(format!("macros (`exists`, `all`, `map`, …) are nested deeper than {MAX_MACROS}"));
            }
            if builds(&of.iter_range, 0) {
                return Err("a list that a macro walks is put together with `+`: walk the parts one by one".to_owned());
            }
            out.macros = out.macros.max(u32::try_from(inner).unwrap_or(u32::MAX));
            // what a list that is walked is made of may be walked in turn
            visit(&of.iter_range, next, inner, out)?;
            for part in [&of.accu_init, &of.loop_cond, &of.loop_step, &of.result] {
                visit(part, next, inner, out)?;
            }
            Ok(())
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Ok(()),
    }
}

fn entry(entry: &EntryExpr, depth: usize, macros: usize, out: &mut Shape) -> Result<(), String> {
    match entry {
        EntryExpr::StructField(field) => visit(&field.value, depth, macros, out),
        EntryExpr::MapEntry(entry) => {
            visit(&entry.key, depth, macros, out)?;
            visit(&entry.value, depth, macros, out)
        }
    }
}

/// Whether something is put together with `+` in an expression.
fn builds(expression: &IdedExpr, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return true;
    }
    let within = |inner: &IdedExpr| builds(inner, depth + 1);
    match &expression.expr {
        Expr::Call(call) => call.func_name == "_+_" || call.target.iter().any(|target| within(target)) || call.args.iter().any(within),
        Expr::List(list) => list.elements.iter().any(within),
        Expr::Select(select) => within(&select.operand),
        // the steps of a macro add to its own list
        Expr::Comprehension(of) => within(&of.iter_range),
        Expr::Map(_) | Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => false,
    }
}

/// An expression for `matches` is written out, and small.
fn pattern(argument: Option<&IdedExpr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(text))) = argument.map(|a| &a.expr) else {
        return Err("the expression of `matches` is not written out as a text".to_owned());
    };
    let built = regex::RegexBuilder::new(text.inner()).size_limit(MAX_REGEX).build();
    built
        .map(|_| ())
        .map_err(|e| format!("the expression of `matches` cannot be used: {}", e.to_string().lines().last().unwrap_or_default().trim()))
}

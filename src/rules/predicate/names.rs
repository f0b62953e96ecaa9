//! The names that a predicate and its messages use: a field that the fact does not have, or a function that is not offered,
//! would be an error for every fact, and so a rule that never speaks.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};
use std::collections::BTreeSet;

/// The functions that a rule's author may call; operators and the macros `all`, `exists`, `exists_one`, `filter`, `map` and
/// `has` are there beside them (<https://github.com/google/cel-spec/blob/master/doc/langdef.md#standard-definitions>).
pub const FUNCTIONS: &[&str] = &["contains", "double", "endsWith", "int", "matches", "size", "startsWith", "string"];
/// The variable that holds the fact.
pub(super) const FACT: &str = "fact";
/// Deepest nesting of an expression that is looked through; the parser's own limit is lower.
const MAX_DEPTH: usize = 256;

/// A name that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unknown {
    /// `fact.x`.
    Field(String),
    /// `x(…)`.
    Function(String),
    /// Any other variable.
    Variable(String),
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(name) => write!(f, "unknown field `{name}`"),
            Self::Function(name) => write!(f, "unknown function `{name}`"),
            Self::Variable(name) => write!(f, "unknown variable `{name}`: the fact is called `{FACT}`"),
        }
    }
}

/// The first name of an expression that is not there, with these fields.
pub(super) fn unknown(expression: &IdedExpr, fields: &[&str]) -> Option<Unknown> {
    let mut names = Names { fields, bound: BTreeSet::new(), unknown: None };
    names.visit(expression, 0);
    names.unknown
}

/// The first `{field}` of a message that is not there.
pub(super) fn unknown_placeholder(message: &str, fields: &[&str]) -> Option<Unknown> {
    let mut rest = message;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        if !fields.contains(&name) {
            return Some(Unknown::Field(name.to_owned()));
        }
        rest = after;
    }
    None
}

struct Names<'a> {
    fields: &'a [&'a str],
    /// The variables of the macros around.
    bound: BTreeSet<String>,
    unknown: Option<Unknown>,
}

impl Names<'_> {
    fn visit(&mut self, expression: &IdedExpr, depth: usize) {
        if self.unknown.is_some() || depth > MAX_DEPTH {
            return;
        }
        let next = depth + 1;
        match &expression.expr {
            Expr::Ident(name) if name != FACT && !self.bound.contains(name) => self.unknown = Some(Unknown::Variable(name.clone())),
            Expr::Select(select) => {
                let of_fact = matches!(&select.operand.expr, Expr::Ident(name) if name == FACT);
                if of_fact && !self.fields.contains(&select.field.as_str()) {
                    self.unknown = Some(Unknown::Field(select.field.clone()));
                }
                self.visit(&select.operand, next);
            }
            Expr::Call(call) => {
                let operator = !call.func_name.starts_with(|c: char| c.is_ascii_alphabetic());
                if !operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                    self.unknown = Some(Unknown::Function(call.func_name.clone()));
                }
                if let Some(target) = &call.target {
                    self.visit(target, next);
                }
                call.args.iter().for_each(|argument| self.visit(argument, next));
            }
            Expr::List(list) => list.elements.iter().for_each(|element| self.visit(element, next)),
            Expr::Map(map) => map.entries.iter().for_each(|entry| self.entry(&entry.expr, next)),
            Expr::Struct(of) => of.entries.iter().for_each(|entry| self.entry(&entry.expr, next)),
            Expr::Comprehension(of) => {
                self.visit(&of.iter_range, next);
                let outer = self.bound.clone();
                self.bound.extend([of.iter_var.clone(), of.accu_var.clone()]);
                self.bound.extend(of.iter_var2.clone());
                for part in [&of.accu_init, &of.loop_cond, &of.loop_step, &of.result] {
                    self.visit(part, next);
                }
                self.bound = outer;
            }
            Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn entry(&mut self, entry: &EntryExpr, depth: usize) {
        match entry {
            EntryExpr::StructField(field) => self.visit(&field.value, depth),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key, depth);
                self.visit(&entry.value, depth);
            }
        }
    }
}

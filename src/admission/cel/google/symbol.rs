//! Expressions over all tokens at once: the values an expression can take, each under its guard.

use super::super::ast::{Expr, ExprKind, Op};
use super::super::evaluate::{Fault, Scope, evaluate};
use super::super::strings::template;
use super::super::value::Value;
use super::Compiled;
use super::compile::all;
use super::references::is_constant;
use crate::admission::formula::{Formula, Subject};
use crate::partial::Text;
use std::cell::Cell;

/// Most nodes that are compiled; past it the rest is unknown.
const MAX_NODES: usize = 4096;
/// Most values that one expression can take.
const MAX_ALTERNATIVES: usize = 64;

/// What an expression is in terms of the token.
#[derive(Debug, Clone)]
pub(super) enum Symbol {
    /// A string of the token.
    Subject(Subject),
    /// A string of the policy.
    Text(Text),
    /// Another constant.
    Constant(Value),
    /// No value.
    Fault(Fault),
}

/// A value and when the expression has it.
pub(super) type Guarded = (Formula, Symbol);

/// What a comprehension variable stands for.
pub(super) enum Binding<'a> {
    /// An item of a list literal.
    Item(&'a Expr, Env<'a>),
    /// Any item of a list claim.
    AnyItem(String),
}

pub(super) struct Bound<'a> {
    pub(super) name: &'a str,
    pub(super) to: Binding<'a>,
    pub(super) outer: Env<'a>,
}

pub(super) type Env<'a> = Option<&'a Bound<'a>>;

pub(super) struct Compiler<'c> {
    pub(super) provider: &'c Compiled,
    nodes: Cell<usize>,
}

fn one(symbol: Symbol) -> Vec<Guarded> {
    vec![(Formula::TRUE, symbol)]
}

pub(super) fn unknown(why: impl Into<String>) -> Symbol {
    Symbol::Fault(Fault::Unknown(why.into()))
}

fn failure(why: impl Into<String>) -> Symbol {
    Symbol::Fault(Fault::Error(why.into()))
}

impl<'c> Compiler<'c> {
    pub(super) fn new(provider: &'c Compiled) -> Self {
        Self { provider, nodes: Cell::new(0) }
    }

    /// Counts a node; false when there have been too many.
    pub(super) fn spend(&self) -> bool {
        self.nodes.set(self.nodes.get() + 1);
        self.nodes.get() <= MAX_NODES
    }

    /// The values that an expression can take.
    pub(super) fn values<'a>(&self, e: &'a Expr, env: Env<'a>) -> Vec<Guarded>
    where
        'c: 'a,
    {
        if !self.spend() {
            return one(unknown("the expression is too large to compile"));
        }
        if let ExprKind::String(text) = &e.kind {
            return one(Symbol::Text(text.clone()));
        }
        if is_constant(e) {
            return one(match evaluate(e, &Scope::default()) {
                Ok(Value::String(s)) => Symbol::Text(Text::known(s)),
                Ok(value) => Symbol::Constant(value),
                Err(fault) => Symbol::Fault(fault),
            });
        }
        match &e.kind {
            ExprKind::Ident { name, absolute } => self.name(name, *absolute, env),
            ExprKind::Hole(atom) => one(unknown(format!("`{}` is not known: {}", atom.label(), atom.why()))),
            ExprKind::Select { of, field } => self.member(of, field, env),
            ExprKind::Index { of, index } => self.index(e, of, index, env),
            ExprKind::Conditional { condition, then, otherwise } => {
                let under = |guard: Formula, arm: Vec<Guarded>| arm.into_iter().map(move |(g, s)| (all(vec![guard.clone(), g]), s));
                let mut out: Vec<Guarded> = under(self.truth(condition, env, false), self.values(then, env)).collect();
                out.extend(under(self.truth(condition, env, true), self.values(otherwise, env)));
                limit(out)
            }
            ExprKind::Binary { op: Op::Add, left, right } => {
                let (left, right) = (self.values(left, env), self.values(right, env));
                let pairs = left.iter().flat_map(|(g, a)| right.iter().map(move |(h, b)| (all(vec![g.clone(), h.clone()]), concat(a, b))));
                limit(pairs.take(MAX_ALTERNATIVES + 1).collect())
            }
            ExprKind::Method { of, method, args } => {
                let args: Option<Vec<String>> = args.iter().map(|a| a.as_text().and_then(Text::as_known)).collect();
                self.each(of, env, |s| derived(s, method, args.as_deref(), e))
            }
            ExprKind::Call { function, args } => match (function.as_str(), args.as_slice()) {
                ("string" | "dyn", [of]) => self.values(of, env),
                ("matches" | "size", _) => one(unknown(format!("`{e}` is not a string"))),
                _ => one(unknown(format!("`{e}` is not modelled"))),
            },
            _ => one(unknown(format!("`{e}` is not modelled as a value"))),
        }
    }

    fn each<'a>(&self, of: &'a Expr, env: Env<'a>, f: impl Fn(Symbol) -> Symbol) -> Vec<Guarded>
    where
        'c: 'a,
    {
        self.values(of, env).into_iter().map(|(g, s)| (g, f(s))).collect()
    }

    fn name(&self, name: &str, absolute: bool, env: Env<'_>) -> Vec<Guarded> {
        let bound = std::iter::successors(env, |b| b.outer).find(|b| !absolute && b.name == name);
        match bound.map(|b| &b.to) {
            Some(Binding::Item(item, outer)) => self.values(item, *outer),
            Some(Binding::AnyItem(claim)) => one(Symbol::Subject(Subject::AnyItem(claim.clone()))),
            None if matches!(name, "assertion" | "attribute" | "google") => one(unknown(format!("`{name}` as a whole is not modelled"))),
            None => one(failure(format!("unknown name `{name}`"))),
        }
    }

    /// `of.field` and `of['field']`.
    fn member<'a>(&self, of: &'a Expr, field: &str, env: Env<'a>) -> Vec<Guarded>
    where
        'c: 'a,
    {
        if let ExprKind::Ident { name, .. } = &of.kind
            && !std::iter::successors(env, |b| b.outer).any(|b| b.name == name)
        {
            match name.as_str() {
                "assertion" => return one(Symbol::Subject(Subject::Claim(field.to_owned()))),
                "attribute" | "google" => return self.mapped(&format!("{name}.{field}")),
                _ => {}
            }
        }
        self.each(of, env, |s| match s {
            Symbol::Subject(of @ (Subject::Claim(_) | Subject::Member(..))) => {
                Symbol::Subject(Subject::Member(Box::new(of), field.to_owned()))
            }
            Symbol::Fault(fault) => Symbol::Fault(fault),
            _ => failure(format!("a string has no field `{field}`")),
        })
    }

    /// The values of a mapped attribute.
    pub(super) fn mapped(&self, key: &str) -> Vec<Guarded> {
        match self.provider.mapped(key) {
            Some(Ok(expr)) => self.values(expr, None),
            Some(Err(problem)) => one(if problem.unknown { unknown(&problem.message) } else { failure(&problem.message) }),
            None => one(failure(format!("`{key}` is not mapped"))),
        }
    }

    fn index<'a>(&self, e: &Expr, of: &'a Expr, index: &'a Expr, env: Env<'a>) -> Vec<Guarded>
    where
        'c: 'a,
    {
        if let Some(key) = index.as_text().and_then(Text::as_known)
            && !matches!(of.kind, ExprKind::Map(_))
        {
            return self.member(of, &key, env);
        }
        match (&of.kind, &index.kind) {
            (ExprKind::Map(entries), _) => {
                // A map has no value when any of its parts has none.
                let whole: Vec<Formula> = entries.iter().flat_map(|(k, v)| [self.defined(k, env), self.defined(v, env)]).collect();
                let whole = all(whole);
                let mut out = Vec::new();
                for (key, value) in entries {
                    let guard = all(vec![whole.clone(), self.equality(index, key, env, false)]);
                    out.extend(self.values(value, env).into_iter().map(|(g, s)| (all(vec![guard.clone(), g]), s)));
                }
                limit(out)
            }
            (ExprKind::List(items), ExprKind::Int(n)) => match usize::try_from(*n).ok().and_then(|n| items.get(n)) {
                Some(item) => {
                    let whole = all(items.iter().map(|i| self.defined(i, env)).collect());
                    self.values(item, env).into_iter().map(|(g, s)| (all(vec![whole.clone(), g]), s)).collect()
                }
                None => one(failure("index out of range")),
            },
            (ExprKind::Method { of, method, args }, ExprKind::Int(n)) if method == "split" => {
                let separator = match args.as_slice() {
                    [by] => by.as_text().and_then(Text::as_known).filter(|s| !s.is_empty()),
                    _ => None,
                };
                self.each(of, env, |s| match (s, &separator, usize::try_from(*n)) {
                    (Symbol::Subject(of), Some(separator), Ok(index)) => {
                        Symbol::Subject(Subject::Split { of: Box::new(of), separator: separator.clone(), index })
                    }
                    (Symbol::Fault(fault), _, _) => Symbol::Fault(fault),
                    (_, _, Err(_)) => failure("index out of range"),
                    _ => unknown(format!("`{e}` is not modelled")),
                })
            }
            _ => one(unknown(format!("`{e}` is not modelled"))),
        }
    }
}

fn limit(out: Vec<Guarded>) -> Vec<Guarded> {
    if out.len() > MAX_ALTERNATIVES { one(unknown("the expression has too many cases")) } else { out }
}

fn pieces(of: &Symbol) -> Option<Vec<Subject>> {
    match of {
        Symbol::Subject(Subject::Concat(all)) => Some(all.clone()),
        Symbol::Subject(s) => Some(vec![s.clone()]),
        Symbol::Text(t) => t.as_known().map(|t| vec![Subject::Literal(t)]),
        Symbol::Constant(_) | Symbol::Fault(_) => None,
    }
}

fn concat(a: &Symbol, b: &Symbol) -> Symbol {
    match (a, b) {
        (Symbol::Fault(fault @ Fault::Error(_)), _) | (_, Symbol::Fault(fault @ Fault::Error(_))) => Symbol::Fault(fault.clone()),
        (Symbol::Fault(fault), _) | (_, Symbol::Fault(fault)) => Symbol::Fault(fault.clone()),
        (Symbol::Constant(_), _) | (_, Symbol::Constant(_)) => failure("`+` does not apply to a string and another type"),
        (Symbol::Text(a), Symbol::Text(b)) => {
            let mut out = a.clone();
            out.push(b);
            Symbol::Text(out)
        }
        _ => match (pieces(a), pieces(b)) {
            (Some(mut a), Some(b)) => {
                a.extend(b);
                Symbol::Subject(Subject::Concat(a))
            }
            _ => unknown("an unknown value is joined with a claim"),
        },
    }
}

/// A string function with constant arguments over a string of the token.
fn derived(of: Symbol, method: &str, args: Option<&[String]>, e: &Expr) -> Symbol {
    let of = match of {
        Symbol::Subject(Subject::AnyItem(_)) => {
            return unknown(format!("`{e}` over the items of a list is not modelled"));
        }
        Symbol::Subject(of) => Box::new(of),
        Symbol::Fault(fault) => return Symbol::Fault(fault),
        Symbol::Text(_) => return unknown(format!("`{e}` depends on an unknown value")),
        Symbol::Constant(value) => return failure(format!("{} has no method `{method}`", value.type_name())),
    };
    match (method, args) {
        ("lowerAscii", Some([])) => Symbol::Subject(Subject::Lower(of)),
        ("upperAscii", Some([])) => Symbol::Subject(Subject::Upper(of)),
        ("replace", Some([from, to])) if !from.is_empty() => Symbol::Subject(Subject::Replace { of, from: from.clone(), to: to.clone() }),
        ("extract", Some([t])) => match template(t) {
            Some((prefix, suffix)) => Symbol::Subject(Subject::Extract { of, prefix: prefix.to_owned(), suffix: suffix.to_owned() }),
            None => failure(format!("`{t}` is not a template of `extract`")),
        },
        _ => unknown(format!("`{e}` is not modelled")),
    }
}

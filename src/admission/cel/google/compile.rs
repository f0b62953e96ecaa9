//! A provider's condition and a member as formulas over all tokens.
//!
//! Negations are pushed to the tests while compiling, so that a formula is true exactly when the cloud evaluates the
//! expression to true; what the cloud calls an error may come out as false, which refuses the token just the same.

use super::super::ast::{Expr, ExprKind, MacroKind, Op};
use super::super::evaluate::{Fault, Scope, evaluate};
use super::super::regex;
use super::super::value::Value;
use super::exact::{self, Same};
use super::member::{Member, MemberKind, Selector};
use super::references::is_constant;
use super::symbol::{Binding, Bound, Compiler, Env, Guarded, Symbol};
use super::{Compiled, GoogleView, MAX_SUBJECT, never_a_string};
use crate::admission::formula::{Comparison, Deferred, Exact, Formula, Matcher, Subject, Test, TestOrigin};
use crate::partial::Text;
use crate::token::Truth;

/// The key of a mapping that gives the subject.
const SUBJECT: &str = "google.subject";
/// Longest list literal that is written out.
const MAX_ITEMS: usize = 256;

/// Conjunction without the parts that are always true.
pub(super) fn all(parts: Vec<Formula>) -> Formula {
    let mut parts: Vec<Formula> = parts.into_iter().filter(|p| !matches!(p, Formula::Constant(Truth::True, _))).collect();
    match parts.len() {
        0 => Formula::TRUE,
        1 => parts.pop().unwrap_or(Formula::TRUE),
        _ => Formula::All(parts),
    }
}

fn any(parts: Vec<Formula>) -> Formula {
    let mut parts: Vec<Formula> = parts.into_iter().filter(|p| !matches!(p, Formula::Constant(Truth::False, _))).collect();
    match parts.len() {
        0 => Formula::FALSE,
        1 => parts.pop().unwrap_or(Formula::FALSE),
        _ => Formula::Any(parts),
    }
}

fn constant(b: bool) -> Formula {
    if b { Formula::TRUE } else { Formula::FALSE }
}

fn fault(fault: &Fault) -> Formula {
    match fault {
        Fault::Error(why) => Formula::Constant(Truth::Error, Some(why.clone())),
        Fault::Unknown(why) => Formula::unknown(why),
    }
}

fn error(why: impl Into<String>) -> Formula {
    Formula::Constant(Truth::Error, Some(why.into()))
}

fn test(subject: Subject, matcher: Matcher, e: &Expr, pattern: Option<&Text>, negated: bool) -> Formula {
    let span = pattern.and_then(Text::span).or(e.span);
    let trail = pattern.and_then(Text::trail);
    let test = Formula::Test(Box::new(Test {
        subject,
        matcher,
        absent: Truth::Error,
        span,
        trail,
        label: e.to_string(),
        origin: TestOrigin::Condition,
    }));
    if negated { test.negate() } else { test }
}

fn reason(text: &Text) -> Formula {
    let why = text.atoms().next().map_or_else(|| "unknown value".to_owned(), |a| format!("`{}` is not known: {}", a.label(), a.why()));
    Formula::unknown(why)
}

/// Equality of two texts of the policy.
fn texts(a: &Text, b: &Text, negated: bool) -> Formula {
    if a.same(b) {
        return constant(!negated);
    }
    let (known, other) = if a.is_known() { (a, b) } else { (b, a) };
    let (Some(known), false) = (known.as_known(), a.is_known() && b.is_known()) else {
        return if a.is_known() && b.is_known() { constant(negated) } else { reason(a) };
    };
    let (prefix, suffix) = (other.known_prefix(), other.known_suffix());
    let fits = known.len() >= prefix.len() + suffix.len() && known.starts_with(&prefix) && known.ends_with(&suffix);
    if fits { reason(other) } else { constant(negated) }
}

/// The union of the cases.
fn cases(alternatives: Vec<Guarded>, f: impl Fn(Symbol) -> Formula) -> Formula {
    any(alternatives.into_iter().map(|(guard, symbol)| all(vec![guard, f(symbol)])).collect())
}

impl<'c> Compiler<'c> {
    /// The formula that is true when the expression (negated: its negation) is true.
    pub(super) fn truth<'a>(&self, e: &'a Expr, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        if !self.spend() {
            return Formula::unknown("the expression is too large to compile");
        }
        match &e.kind {
            ExprKind::Bool(b) => constant(*b != negated),
            ExprKind::Not(of) => self.truth(of, env, !negated),
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let parts = parts.iter().map(|p| self.truth(p, env, negated)).collect();
                if matches!(e.kind, ExprKind::And(_)) == negated { any(parts) } else { all(parts) }
            }
            ExprKind::Conditional { condition, then, otherwise } => any(vec![
                all(vec![self.truth(condition, env, false), self.truth(then, env, negated)]),
                all(vec![self.truth(condition, env, true), self.truth(otherwise, env, negated)]),
            ]),
            ExprKind::Has { of, field } => self.has(e, of, field, negated),
            ExprKind::Binary { op: Op::Equal, left, right } => self.equality_of(e, left, right, env, negated),
            ExprKind::Binary { op: Op::NotEqual, left, right } => self.equality_of(e, left, right, env, !negated),
            ExprKind::Binary { op: Op::In, left, right } => self.within(e, left, right, env, negated),
            ExprKind::Binary { op: op @ (Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual), left, right } => {
                self.order(e, *op, left, right, env, negated)
            }
            ExprKind::Method { of, method, args } => match (method.as_str(), args.as_slice()) {
                ("startsWith" | "endsWith" | "contains" | "matches", [arg]) => self.matching(e, of, method, arg, env, negated),
                _ => Formula::unknown(format!("`{e}` is not modelled")),
            },
            ExprKind::Call { function, args } => match (function.as_str(), args.as_slice()) {
                ("matches", [of, arg]) => self.matching(e, of, "matches", arg, env, negated),
                _ => Formula::unknown(format!("`{e}` is not modelled")),
            },
            ExprKind::Macro { kind, of, variable, body, .. } => self.comprehension(e, *kind, of, variable, body, env, negated),
            _ => cases(self.values(e, env), |symbol| match symbol {
                Symbol::Constant(Value::Bool(b)) => constant(b != negated),
                Symbol::Subject(s) if self.is_string(&s) => error(format!("`{e}` is not a truth value")),
                Symbol::Subject(_) => Formula::unknown(format!("`{e}` may be a truth value")),
                Symbol::Text(_) | Symbol::Constant(_) => error(format!("`{e}` is not a truth value")),
                Symbol::Fault(f) => fault(&f),
            }),
        }
    }

    /// Whether the subject, when it is there, is certainly a string.
    fn is_string(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Claim(name) => self.provider.string_claims && !never_a_string(name),
            Subject::Member(..) | Subject::AnyItem(_) => false,
            _ => true,
        }
    }

    fn has(&self, e: &Expr, of: &Expr, field: &str, negated: bool) -> Formula {
        let subject = match &of.kind {
            ExprKind::Ident { name, .. } if name == "assertion" => Subject::Claim(field.to_owned()),
            ExprKind::Ident { name, .. } if name == "attribute" || name == "google" => {
                return constant(self.provider.mapped(&format!("{name}.{field}")).is_some() != negated);
            }
            _ => match self.values(of, None).as_slice() {
                [(_, Symbol::Subject(s @ (Subject::Claim(_) | Subject::Member(..))))] => {
                    Subject::Member(Box::new(s.clone()), field.to_owned())
                }
                _ => return Formula::unknown(format!("`{e}` is not modelled")),
            },
        };
        let (span, label) = (e.span, e.to_string());
        let test =
            Test { subject, matcher: Matcher::Present, absent: Truth::False, span, trail: None, label, origin: TestOrigin::Condition };
        let test = Formula::Test(Box::new(test));
        if negated { test.negate() } else { test }
    }

    /// Whether the expression has a value at all: true, or the error.
    pub(super) fn defined<'a>(&self, e: &'a Expr, env: Env<'a>) -> Formula
    where
        'c: 'a,
    {
        cases(self.values(e, env), |symbol| match symbol {
            Symbol::Subject(s) => test(s, Matcher::Present, e, None, false),
            Symbol::Text(_) | Symbol::Constant(_) => Formula::TRUE,
            Symbol::Fault(f) => fault(&f),
        })
    }

    /// `left == right` for a map lookup.
    pub(super) fn equality<'a>(&self, left: &'a Expr, right: &'a Expr, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        self.equality_of(left, left, right, env, negated)
    }

    fn equality_of<'a>(&self, e: &Expr, left: &'a Expr, right: &'a Expr, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        for (side, other) in [(left, right), (right, left)] {
            if let Some((of, method, arg, absent)) = sought(other, side, Op::Equal) {
                return self.matching(e, of, method, arg, env, negated != absent);
            }
            if let Some((of, arg)) = first_letters(other, side) {
                return self.matching(e, of, "startsWith", arg, env, negated);
            }
            if let ExprKind::Bool(b) = side.kind
                && is_condition(other)
            {
                return self.truth(other, env, negated == b);
            }
            if let Some((op, of)) = sized(other)
                && let ExprKind::Int(n) = side.kind
                && op
            {
                return self.size(e, of, Comparison::Equal, n, env, negated);
            }
        }
        let right = self.values(right, env);
        cases(self.values(left, env), |a| {
            let right = right.clone();
            cases(right, |b| self.equal(e, a.clone(), b, negated))
        })
    }

    fn equal(&self, e: &Expr, a: Symbol, b: Symbol, negated: bool) -> Formula {
        match (a, b) {
            (Symbol::Fault(f), Symbol::Fault(Fault::Unknown(_))) | (Symbol::Fault(f), _) | (_, Symbol::Fault(f)) => fault(&f),
            (Symbol::Text(a), Symbol::Text(b)) => texts(&a, &b, negated),
            (Symbol::Constant(a), Symbol::Constant(b)) => constant(a.equals(&b) != negated),
            (Symbol::Text(_), Symbol::Constant(_)) | (Symbol::Constant(_), Symbol::Text(_)) => constant(negated),
            (Symbol::Subject(s), Symbol::Text(t)) | (Symbol::Text(t), Symbol::Subject(s)) => match exact::equality(&s, &t) {
                Some(Same::Any(tests)) => {
                    let parts = tests.into_iter().map(|(subject, matcher)| test(subject, matcher, e, Some(&t), negated)).collect();
                    if negated { all(parts) } else { any(parts) }
                }
                Some(Same::Never) if !negated => Formula::FALSE,
                _ => {
                    let pattern = t.clone();
                    test(s, Matcher::Exact(t), e, Some(&pattern), negated)
                }
            },
            (Symbol::Subject(Subject::Claim(name)), Symbol::Constant(Value::Bool(b)))
            | (Symbol::Constant(Value::Bool(b)), Symbol::Subject(Subject::Claim(name)))
                if self.provider.truths.contains(&name) =>
            {
                test(Subject::Claim(name), Matcher::Exact(Text::known(b.to_string())), e, None, negated)
            }
            // A string never equals another type: false when the claim is there, an error when it is not.
            (Symbol::Subject(s), Symbol::Constant(_)) | (Symbol::Constant(_), Symbol::Subject(s)) => {
                if self.is_string(&s) {
                    test(s, Matcher::Present, e, None, !negated)
                } else {
                    Formula::unknown(format!("`{e}` compares a claim of unknown type"))
                }
            }
            (Symbol::Subject(a), Symbol::Subject(b)) if a == b && !matches!(a, Subject::AnyItem(_)) => {
                if negated {
                    test(a, Matcher::Present, e, None, true)
                } else {
                    test(a, Matcher::Present, e, None, false)
                }
            }
            (Symbol::Subject(_), Symbol::Subject(_)) => Formula::unknown(format!("`{e}` compares two different claims")),
        }
    }

    fn within<'a>(&self, e: &Expr, left: &'a Expr, right: &'a Expr, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        let items: Vec<&Expr> = match &right.kind {
            ExprKind::List(items) => items.iter().collect(),
            ExprKind::Map(entries) => entries.iter().map(|(k, _)| k).collect(),
            ExprKind::Ident { name, .. } if name == "assertion" => {
                return match left.as_text().and_then(Text::as_known) {
                    Some(claim) => {
                        let (span, label) = (e.span, e.to_string());
                        let subject = Subject::Claim(claim);
                        let test = Test {
                            subject,
                            matcher: Matcher::Present,
                            absent: Truth::False,
                            span,
                            trail: None,
                            label,
                            origin: TestOrigin::Condition,
                        };
                        let test = Formula::Test(Box::new(test));
                        if negated { test.negate() } else { test }
                    }
                    None => Formula::unknown(format!("`{e}` is not modelled")),
                };
            }
            _ => {
                let lists = self.values(right, env);
                return cases(self.values(left, env), |item| {
                    let lists = lists.clone();
                    cases(lists, |list| match (item.clone(), list) {
                        (Symbol::Fault(f), _) | (_, Symbol::Fault(f)) => fault(&f),
                        (Symbol::Text(t), Symbol::Subject(Subject::Claim(claim))) => {
                            let pattern = t.clone();
                            test(Subject::AnyItem(claim), Matcher::Exact(t), e, Some(&pattern), negated)
                        }
                        (_, Symbol::Text(_)) => error("`in` needs a list on its right"),
                        (_, Symbol::Subject(s)) if !matches!(s, Subject::Claim(_) | Subject::Member(..)) => {
                            error("`in` needs a list on its right")
                        }
                        _ => Formula::unknown(format!("`{e}` is not modelled")),
                    })
                });
            }
        };
        if items.len() > MAX_ITEMS {
            return Formula::unknown("the list is too long to compile");
        }
        // The list has no value when one of its items has none.
        let whole = all(items.iter().map(|item| self.defined(item, env)).collect());
        let parts = items.into_iter().map(|item| self.equality_of(e, left, item, env, negated)).collect();
        all(vec![whole, self.defined(left, env), if negated { all(parts) } else { any(parts) }])
    }

    fn matching<'a>(&self, e: &Expr, of: &'a Expr, method: &str, arg: &'a Expr, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        let patterns = self.values(arg, env);
        cases(self.values(of, env), |subject| {
            let patterns = patterns.clone();
            cases(patterns, |pattern| match (subject.clone(), pattern) {
                (Symbol::Fault(f), _) | (_, Symbol::Fault(f)) => fault(&f),
                (Symbol::Constant(v), _) | (_, Symbol::Constant(v)) => error(format!("`{method}` does not apply to {}", v.type_name())),
                (Symbol::Subject(s), Symbol::Text(t)) => {
                    let matcher = match method {
                        "startsWith" => Matcher::Prefix(t.clone()),
                        "endsWith" => Matcher::Suffix(t.clone()),
                        "contains" => Matcher::Contains(t.clone()),
                        _ => match t.as_known() {
                            None => return reason(&t),
                            Some(p) => match (regex::compile(&p), regex::translate(&p)) {
                                (Ok(_), Ok(p)) => Matcher::Regex(p),
                                (Err(why), _) => return fault(&why),
                                (_, Err(why)) => return error(format!("malformed regular expression: {why}")),
                            },
                        },
                    };
                    test(s, matcher, e, Some(&t), negated)
                }
                (Symbol::Subject(a), Symbol::Subject(b)) if a == b && method != "matches" && !matches!(a, Subject::AnyItem(_)) => {
                    test(a, Matcher::Present, e, None, negated)
                }
                (Symbol::Subject(_), Symbol::Subject(_)) => Formula::unknown(format!("`{e}` compares two different claims")),
                (Symbol::Text(s), Symbol::Text(t)) => match (s.as_known(), t.as_known(), method) {
                    (Some(s), Some(t), "startsWith") => constant(s.starts_with(&t) != negated),
                    (Some(s), Some(t), "endsWith") => constant(s.ends_with(&t) != negated),
                    (Some(s), Some(t), "contains") => constant(s.contains(&t) != negated),
                    (Some(s), Some(t), _) => regex::compile(&t).map_or_else(|why| fault(&why), |r| constant(r.is_match(&s) != negated)),
                    _ => reason(if s.is_known() { &t } else { &s }),
                },
                (Symbol::Text(_), Symbol::Subject(_)) => Formula::unknown(format!("`{e}` looks for a claim in a constant")),
            })
        })
    }

    fn order<'a>(&self, e: &Expr, op: Op, left: &'a Expr, right: &'a Expr, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        let straight = match op {
            Op::Less => Comparison::Less,
            Op::LessEqual => Comparison::LessEqual,
            Op::Greater => Comparison::Greater,
            _ => Comparison::GreaterEqual,
        };
        for (side, other, comparison) in [(right, left, straight), (left, right, mirrored(straight))] {
            let op = if std::ptr::eq(side, right) { op } else { turned(op) };
            if let Some((of, method, arg, absent)) = sought(other, side, op) {
                return self.matching(e, of, method, arg, env, negated != absent);
            }
            if let (Some((true, of)), ExprKind::Int(n)) = (sized(other), &side.kind) {
                return self.size(e, of, comparison, *n, env, negated);
            }
            if let Some(text) = side.as_text() {
                return cases(self.values(other, env), |s| match s {
                    Symbol::Subject(s) => test(s, Matcher::Order(comparison, text.clone()), e, Some(text), negated),
                    Symbol::Fault(f) => fault(&f),
                    _ => Formula::unknown(format!("`{e}` is not modelled")),
                });
            }
        }
        Formula::unknown(format!("`{e}` is not modelled"))
    }

    fn size<'a>(&self, e: &Expr, of: &'a Expr, op: Comparison, n: i64, env: Env<'a>, negated: bool) -> Formula
    where
        'c: 'a,
    {
        cases(self.values(of, env), |s| match s {
            Symbol::Subject(Subject::AnyItem(_)) => Formula::unknown(format!("`{e}` is not modelled")),
            Symbol::Subject(s) => test(s, Matcher::Size(op, n), e, None, negated),
            Symbol::Fault(f) => fault(&f),
            _ => Formula::unknown(format!("`{e}` is not modelled")),
        })
    }

    #[allow(clippy::too_many_arguments)]
    fn comprehension<'a>(
        &self,
        e: &Expr,
        kind: MacroKind,
        of: &'a Expr,
        variable: &'a str,
        body: &'a Expr,
        env: Env<'a>,
        negated: bool,
    ) -> Formula
    where
        'c: 'a,
    {
        let exists = kind == MacroKind::Exists;
        if !exists && kind != MacroKind::All {
            return Formula::unknown(format!("`{e}` is not modelled"));
        }
        if let ExprKind::List(items) = &of.kind {
            if items.len() > MAX_ITEMS {
                return Formula::unknown("the list is too long to compile");
            }
            let one = |item: &'a Expr| {
                let bound = Bound { name: variable, to: Binding::Item(item, env), outer: env };
                self.truth(body, Some(&bound), negated)
            };
            let whole = all(items.iter().map(|i| self.defined(i, env)).collect());
            let parts = items.iter().map(one).collect();
            return all(vec![whole, if exists == negated { all(parts) } else { any(parts) }]);
        }
        match self.values(of, env).as_slice() {
            [(_, Symbol::Subject(Subject::Claim(claim)))] if exists && about_one_item(body, variable) => {
                let bound = Bound { name: variable, to: Binding::AnyItem(claim.clone()), outer: None };
                let found = self.truth(body, Some(&bound), false);
                if negated { found.negate() } else { found }
            }
            _ => Formula::unknown(format!("`{e}` is not modelled")),
        }
    }
}

fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessEqual => Comparison::GreaterEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterEqual => Comparison::LessEqual,
        other => other,
    }
}

/// The operator with its sides exchanged.
fn turned(op: Op) -> Op {
    match op {
        Op::Less => Op::Greater,
        Op::LessEqual => Op::GreaterEqual,
        Op::Greater => Op::Less,
        Op::GreaterEqual => Op::LessEqual,
        other => other,
    }
}

/// `x.indexOf(y) OP n` as `startsWith` or `contains` of `x`, and whether it is their negation.
fn sought<'e>(e: &'e Expr, number: &Expr, op: Op) -> Option<(&'e Expr, &'static str, &'e Expr, bool)> {
    let ExprKind::Method { of, method, args } = &e.kind else { return None };
    let ([arg], "indexOf") = (args.as_slice(), method.as_str()) else { return None };
    let n = match evaluate(number, &Scope::default()) {
        Ok(Value::Int(n)) if is_constant(number) => n,
        _ => return None,
    };
    match (op, n) {
        (Op::Equal, 0) => Some((of, "startsWith", arg, false)),
        (Op::Equal | Op::LessEqual, -1) | (Op::Less, 0) => Some((of, "contains", arg, true)),
        (Op::GreaterEqual, 0) | (Op::Greater, -1) => Some((of, "contains", arg, false)),
        _ => None,
    }
}

/// `x.substring(0, n) == 'n letters'`: `x` starts with them.
fn first_letters<'e>(e: &'e Expr, value: &'e Expr) -> Option<(&'e Expr, &'e Expr)> {
    let ExprKind::Method { of, method, args } = &e.kind else { return None };
    let ("substring", [Expr { kind: ExprKind::Int(0), .. }, Expr { kind: ExprKind::Int(n), .. }]) = (method.as_str(), args.as_slice())
    else {
        return None;
    };
    let letters = value.as_text().and_then(Text::as_known)?.chars().count();
    (usize::try_from(*n).ok() == Some(letters)).then_some((of, value))
}

/// Whether the value of an expression can only be a truth value.
fn is_condition(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Bool(_) | ExprKind::Not(_) | ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Has { .. } => true,
        ExprKind::Binary { op, .. } => !matches!(op, Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder),
        ExprKind::Method { method, .. } => matches!(method.as_str(), "startsWith" | "endsWith" | "contains" | "matches"),
        ExprKind::Macro { kind, .. } => matches!(kind, MacroKind::All | MacroKind::Exists | MacroKind::ExistsOne),
        ExprKind::Conditional { then, otherwise, .. } => is_condition(then) && is_condition(otherwise),
        _ => false,
    }
}

/// `size(x)` and `x.size()`.
fn sized(e: &Expr) -> Option<(bool, &Expr)> {
    match &e.kind {
        ExprKind::Call { function, args } if function == "size" => args.first().map(|of| (args.len() == 1, of)),
        ExprKind::Method { of, method, args } if method == "size" => Some((args.is_empty(), of)),
        _ => None,
    }
}

/// A body that asks one question, or one of several, about the variable: "some item is x or is y" is "x is an item or
/// y is an item". A conjunction or a negation would mix items.
fn about_one_item(body: &Expr, variable: &str) -> bool {
    let is_variable = |e: &Expr| matches!(&e.kind, ExprKind::Ident { name, .. } if name == variable);
    match &body.kind {
        ExprKind::Or(parts) => parts.iter().all(|p| about_one_item(p, variable)),
        ExprKind::Binary { op: Op::Equal, left, right } => {
            (is_variable(left) && right.as_text().is_some()) || (is_variable(right) && left.as_text().is_some())
        }
        ExprKind::Method { of, method, args } => {
            is_variable(of)
                && matches!(method.as_str(), "startsWith" | "endsWith" | "contains" | "matches")
                && args.iter().all(|a| a.as_text().is_some())
        }
        _ => false,
    }
}

/// The formula of a provider: every mapping has a value and the condition is true.
#[must_use]
pub fn condition_formula(view: &GoogleView) -> Formula {
    let provider = Compiled::of(view);
    let compiler = Compiler::new(&provider);
    let mut parts = Vec::new();
    let mut seen: Vec<Subject> = Vec::new();
    for (key, expr) in &provider.mapping {
        let span = expr.as_ref().map_or_else(|p| p.span, |e| e.span);
        let groups = key == "google.groups";
        let values = compiler.mapped(key);
        if let [(_, Symbol::Subject(s))] = values.as_slice() {
            if seen.contains(s) && key != SUBJECT {
                continue;
            }
            seen.push(s.clone());
        }
        parts.push(cases(values, |symbol| match symbol {
            Symbol::Subject(Subject::Claim(claim)) if groups => present(Subject::AnyItem(claim), span, key),
            Symbol::Subject(s) if key == SUBJECT => bounded(present(s.clone(), span, key), s),
            Symbol::Subject(s) => present(s, span, key),
            Symbol::Text(_) if groups => error("`google.groups` must be a list"),
            Symbol::Text(_) => Formula::TRUE,
            Symbol::Constant(Value::List(_)) if groups => Formula::TRUE,
            Symbol::Constant(v) => error(format!("`{key}` must be a string, not {}", v.type_name())),
            Symbol::Fault(f) => fault(&f),
        }));
    }
    match &provider.condition {
        None => {}
        Some(Ok(expr)) => match compiler.truth(expr, None, false) {
            Formula::All(conjuncts) => parts.extend(conjuncts),
            other => parts.push(other),
        },
        Some(Err(problem)) if problem.unknown => parts.push(Formula::unknown(&problem.message)),
        Some(Err(problem)) => parts.push(error(&problem.message)),
    }
    all(parts)
}

/// The subject is no longer than Google takes it: such a token is refused
/// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>).
fn bounded(searched: Formula, subject: Subject) -> Formula {
    Formula::Deferred(Box::new(Deferred { searched, subject, exact: Exact::AtMost(MAX_SUBJECT), absent: Truth::Error }))
}

/// "The mapping of this key gives a value."
fn present(subject: Subject, span: Option<crate::place::Span>, key: &str) -> Formula {
    let (label, origin) = (format!("mapping of `{key}`"), TestOrigin::Mapping(key.to_owned()));
    Formula::Test(Box::new(Test { subject, matcher: Matcher::Present, absent: Truth::Error, span, trail: None, label, origin }))
}

/// Whether a list of the mapping holds the value.
fn constant_item(items: &[Value], value: &Text) -> Formula {
    let Some(known) = value.as_known() else { return reason(value) };
    constant(items.iter().any(|item| item.equals(&Value::string(&known))))
}

/// The formula of a member under a provider's mapping; together with [`condition_formula`] it says who is admitted and
/// is one of the member's identities.
#[must_use]
pub fn member_formula(member: &Member, view: &GoogleView) -> Formula {
    if member.names_nobody() {
        return Formula::Constant(Truth::False, Some("the member names the project by its id".to_owned()));
    }
    let provider = Compiled::of(view);
    let compiler = Compiler::new(&provider);
    let selector = match &member.kind {
        MemberKind::AllUsers | MemberKind::AllAuthenticatedUsers => return Formula::TRUE,
        MemberKind::Pool { selector, .. } | MemberKind::Workforce { selector, .. } => selector,
        MemberKind::ServiceAccount(_) | MemberKind::Other | MemberKind::Deleted => return Formula::FALSE,
        MemberKind::Unmodelled => return Formula::unknown("this kind of principal is not modelled"),
        MemberKind::Unknown => return Formula::unknown("the member is not known"),
    };
    let make = |subject: Subject, matcher: Matcher, pattern: &Text| {
        let label = member.text.to_string();
        Formula::Test(Box::new(Test {
            subject,
            matcher,
            absent: Truth::Error,
            span: pattern.span(),
            trail: pattern.trail(),
            label,
            origin: TestOrigin::Condition,
        }))
    };
    let equals = |key: &str, value: &Text| {
        if provider.mapped(key).is_none() {
            return Formula::Constant(Truth::False, Some(format!("`{key}` is not mapped")));
        }
        let list = key == "google.groups";
        cases(compiler.mapped(key), |symbol| match symbol {
            Symbol::Subject(Subject::Claim(claim)) if list => make(Subject::AnyItem(claim), Matcher::Exact(value.clone()), value),
            Symbol::Subject(s) => match exact::equality(&s, value) {
                Some(Same::Any(tests)) => any(tests.into_iter().map(|(subject, matcher)| make(subject, matcher, value)).collect()),
                Some(Same::Never) => Formula::FALSE,
                None => make(s, Matcher::Exact(value.clone()), value),
            },
            Symbol::Constant(Value::List(items)) if list => constant_item(&items, value),
            Symbol::Text(t) => texts(&t, value, false),
            Symbol::Constant(_) => Formula::FALSE,
            Symbol::Fault(f) => fault(&f),
        })
    };
    let kubernetes = |tail: &[&Text]| {
        let mut out = Text::known("system:serviceaccount:");
        for (i, piece) in tail.iter().enumerate() {
            if i > 0 {
                out.push(&Text::known(":"));
            }
            out.push(piece);
        }
        out
    };
    match selector {
        Selector::Everyone(_) => Formula::TRUE,
        Selector::Subject(value) => equals(SUBJECT, &value.text),
        Selector::Group(value) => equals("google.groups", &value.text),
        Selector::Attribute { name, value } => match name.text.as_known() {
            Some(name) => equals(&format!("attribute.{name}"), &value.text),
            None => Formula::unknown("the name of the attribute is not known"),
        },
        Selector::ServiceAccount { namespace, name } => {
            let pattern = kubernetes(&[&namespace.text, &name.text]);
            make(Subject::Claim("sub".to_owned()), Matcher::Exact(pattern), &name.text)
        }
        Selector::Namespace(namespace) => {
            let pattern = kubernetes(&[&namespace.text, &Text::known("")]);
            make(Subject::Claim("sub".to_owned()), Matcher::Prefix(pattern), &namespace.text)
        }
        Selector::ServiceAccountUid => Formula::unknown("the uid of a service account is not known statically"),
        Selector::Cluster(_) => Formula::unknown("which cluster the token comes from is not modelled"),
    }
}

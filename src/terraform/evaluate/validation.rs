//! `validation` blocks: what they say of a variable whose value is not known
//! (<https://developer.hashicorp.com/terraform/language/block/variable#validation>).
//!
//! Terraform refuses a value that fulfils a condition not, so every value that is applied fulfils them all. A condition
//! that is not understood says nothing.

use super::engine::{Evaluator, Scope};
use crate::partial::facts::{Fact, Facts, MAX_VALUES};
use crate::partial::{Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::syntax::hcl::{BinaryOperator as B, Body, Expr, ExprKind as K, UnaryOperator};
use crate::terraform::functions;
use regex_syntax::hir::{Class, Hir, HirKind, Look};
use std::sync::Arc;

/// Deepest nesting of a condition that is taken apart.
const MAX_LEVELS: usize = 16;
/// Most conditions of one variable that are taken apart.
const MAX_CONDITIONS: usize = 16;
/// Longest length that a condition on `length` is written out for.
const MAX_LENGTH: usize = 1000;
/// Characters that no word has.
const SEPARATORS: &[char] = &['/', ':', '@', '*', '?', ' ', '\t', '\n', '\r'];

impl Evaluator<'_> {
    /// What the validations of a variable say of its value.
    pub(super) fn facts(&self, name: &str, body: &Body, scope: &Scope) -> Facts {
        // of many conditions the first are enough
        let conditions = body.blocks.iter().filter(|b| &*b.kind == "validation").filter_map(|b| b.body.attribute("condition"));
        let conditions = conditions.take(MAX_CONDITIONS);
        let (mut own, mut items) = (Vec::new(), Vec::new());
        for condition in conditions {
            let reader = Reader { evaluator: self, scope, about: About::Variable(name) };
            own.extend(reader.fact(&condition.value, true, 0));
            items.extend(reader.of_elements(&condition.value, 0));
        }
        let all = |mut facts: Vec<Fact>| if facts.len() > 1 { Some(Fact::All(facts)) } else { facts.pop() };
        Facts { own: all(own), items: all(items).map(Arc::new) }
    }

    /// The value with what the validations of a variable add to an unknown. Where they list every value and some of
    /// these are patterns, these are its alternatives: an unknown stands for a string without wildcards.
    pub(super) fn validated(&self, name: &str, body: &Body, value: Value, scope: &Scope) -> Value {
        if !body.blocks.iter().any(|b| &*b.kind == "validation") {
            return value;
        }
        let Some(atom) = only_atom(&value) else { return value };
        let facts = self.facts(name, body, scope);
        if facts.is_empty() || !atom.facts().is_empty() {
            return value;
        }
        if let Some(all) = facts.own.as_ref().and_then(Fact::values).filter(|all| all.iter().any(|v| v.contains(['*', '?']))) {
            let one = |text: &Arc<str>| {
                let literal = Part::Literal { text: Arc::clone(text), span: value.span, trail: value.trail.clone() };
                Value { kind: Kind::Text(Text { parts: vec![literal] }), ..value.clone() }
            };
            return super::values::one_of(all.iter().map(one).collect(), || value.clone());
        }
        let kind = narrowed(atom.kind(), facts.own.as_ref());
        let atom = Unknown::knowing(atom.key(), kind, atom.label(), atom.why(), atom.span(), facts).coming_from(atom.origin().clone());
        match value.kind {
            Kind::Text(_) => {
                let hole = Part::Hole { atom, span: value.span, trail: value.trail.clone() };
                Value { kind: Kind::Text(Text { parts: vec![hole] }), ..value }
            }
            _ => Value { kind: Kind::Unknown(atom), ..value },
        }
    }
}

/// The atom of a value that is nothing but one unknown.
fn only_atom(value: &Value) -> Option<&Unknown> {
    match &value.kind {
        Kind::Unknown(atom) => Some(atom),
        Kind::Text(text) => match text.parts.as_slice() {
            [Part::Hole { atom, .. }] => Some(atom),
            _ => None,
        },
        _ => None,
    }
}

/// The kind of an unknown of which nothing was known but this.
pub(super) fn narrowed(kind: UnknownKind, fact: Option<&Fact>) -> UnknownKind {
    let Some(fact) = fact.filter(|_| kind == UnknownKind::Any) else { return kind };
    if is_word(fact) { UnknownKind::Word } else { kind }
}

/// Every string that fulfils the condition is a word.
fn is_word(fact: &Fact) -> bool {
    if let Some(all) = fact.values() {
        return all.iter().all(|v| !v.contains(SEPARATORS));
    }
    match fact {
        Fact::OneOf(_) | Fact::Not(_) => false,
        Fact::Matches(_, regex) => regex_syntax::parse(regex.as_str()).is_ok_and(|hir| is_whole_word(&hir, 0)),
        Fact::All(all) => all.iter().any(is_word),
        Fact::Any(all) => all.iter().all(is_word),
    }
}

/// The expression is anchored at both ends and has no separator between.
fn is_whole_word(hir: &Hir, level: usize) -> bool {
    match hir.kind() {
        _ if level > MAX_LEVELS => false,
        HirKind::Capture(group) => is_whole_word(&group.sub, level + 1),
        HirKind::Alternation(all) => all.iter().all(|h| is_whole_word(h, level + 1)),
        HirKind::Concat(all) => match all.as_slice() {
            [first, inner @ .., last] => {
                let is = |h: &Hir, look: Look| matches!(h.kind(), HirKind::Look(l) if *l == look);
                is(first, Look::Start) && is(last, Look::End) && inner.iter().all(|h| is_plain(h, level + 1))
            }
            [] | [_] => false,
        },
        _ => false,
    }
}

/// Nothing in the expression is a separator.
fn is_plain(hir: &Hir, level: usize) -> bool {
    match hir.kind() {
        _ if level > MAX_LEVELS => false,
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|t| !t.contains(SEPARATORS)),
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().all(|range| !SEPARATORS.iter().any(|c| (range.start()..=range.end()).contains(c)))
        }
        HirKind::Class(Class::Bytes(_)) => false,
        HirKind::Repetition(repetition) => is_plain(&repetition.sub, level + 1),
        HirKind::Capture(group) => is_plain(&group.sub, level + 1),
        HirKind::Concat(all) | HirKind::Alternation(all) => all.iter().all(|h| is_plain(h, level + 1)),
    }
}

/// Whom a condition is about.
#[derive(Clone, Copy)]
enum About<'n> {
    /// `var.name`
    Variable(&'n str),
    /// The variable of a `for` expression.
    Bound(&'n str),
}

struct Reader<'e, 'a, 'n> {
    evaluator: &'e Evaluator<'a>,
    scope: &'e Scope,
    about: About<'n>,
}

impl Reader<'_, '_, '_> {
    /// What `condition` being `outcome` says; none where it is not understood.
    fn fact(&self, condition: &Expr, outcome: bool, level: usize) -> Option<Fact> {
        if level >= MAX_LEVELS {
            return None;
        }
        match &condition.kind {
            K::Parentheses(inner) => self.fact(inner, outcome, level + 1),
            K::Unary(UnaryOperator::Not, inner) => self.fact(inner, !outcome, level + 1),
            K::Binary(operator @ (B::And | B::Or), sides) => {
                let each = sides.iter().filter(|side| !self.is_about_null(side)).map(|side| self.fact(side, outcome, level + 1));
                if (*operator == B::And) == outcome {
                    let known: Vec<Fact> = each.flatten().collect();
                    (!known.is_empty()).then_some(Fact::All(known))
                } else {
                    each.collect::<Option<Vec<Fact>>>().filter(|all| !all.is_empty()).map(Fact::Any)
                }
            }
            _ => {
                let fact = self.plain(condition)?;
                Some(if outcome { fact } else { Fact::Not(Box::new(fact)) })
            }
        }
    }

    /// One comparison or call.
    fn plain(&self, condition: &Expr) -> Option<Fact> {
        match &condition.kind {
            K::Binary(operator, sides) => {
                let [left, right] = &**sides;
                self.compared(*operator, left, right).or_else(|| self.compared(mirrored(*operator)?, right, left))
            }
            K::Call { name, args, expand: false } => match (&**name, args.as_slice()) {
                ("contains", [set, value]) if self.is_subject(value) => self.one_of(set),
                ("startswith", [value, start]) if self.is_subject(value) => self.matching(|t| format!("^{t}"), start),
                ("endswith", [value, end]) if self.is_subject(value) => self.matching(|t| format!("{t}$"), end),
                ("strcontains", [value, part]) if self.is_subject(value) => self.matching(|t| t, part),
                ("can", [inner]) => match &inner.kind {
                    K::Call { name, args, expand: false } if &**name == "regex" => match args.as_slice() {
                        [pattern, value] if self.is_subject(value) => expression(&self.known(pattern)?),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    fn compared(&self, operator: B, left: &Expr, right: &Expr) -> Option<Fact> {
        let negated = |fact: Fact| Fact::Not(Box::new(fact));
        if self.is_subject(left) {
            let text = || Some(Fact::OneOf(vec![Arc::from(self.known(right)?)]));
            return match operator {
                B::Equal => text(),
                B::NotEqual => text().map(negated),
                _ => None,
            };
        }
        let K::Call { name, args, expand: false } = &left.kind else { return None };
        let number = self.known(right)?.parse::<usize>().ok()?;
        match (&**name, args.as_slice()) {
            ("length", [value]) if self.is_subject(value) => length(operator, number),
            // `length(regexall(p, x)) > 0`
            ("length", [Expr { kind: K::Call { name, args, expand: false }, .. }]) if &**name == "regexall" => match args.as_slice() {
                [pattern, value] if self.is_subject(value) => {
                    let fact = expression(&self.known(pattern)?)?;
                    match (operator, number) {
                        (B::Greater | B::NotEqual, 0) | (B::GreaterOrEqual, 1) => Some(fact),
                        (B::Equal, 0) | (B::Less, 1) => Some(negated(fact)),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What `alltrue([for x in var.name : …])` says of each element, also as a part of `&&`.
    fn of_elements(&self, condition: &Expr, level: usize) -> Option<Fact> {
        if level >= MAX_LEVELS {
            return None;
        }
        match &condition.kind {
            K::Parentheses(inner) => self.of_elements(inner, level + 1),
            K::Binary(B::And, sides) => {
                let known: Vec<Fact> = sides.iter().filter_map(|side| self.of_elements(side, level + 1)).collect();
                (!known.is_empty()).then_some(Fact::All(known))
            }
            K::Binary(B::Or, sides) => {
                let [left, right] = &**sides;
                let inner = if self.is_about_null(left) { right } else { left };
                (self.is_about_null(left) || self.is_about_null(right)).then(|| self.of_elements(inner, level + 1))?
            }
            K::Call { name, args, expand: false } if &**name == "alltrue" => {
                let [Expr { kind: K::For(each), .. }] = args.as_slice() else { return None };
                if !self.is_subject(&each.collection) || each.condition.is_some() || each.result_key.is_some() {
                    return None;
                }
                Reader { about: About::Bound(&each.value), ..*self }.fact(&each.result, true, level + 1)
            }
            _ => None,
        }
    }

    /// The expression is the variable itself, as a string or a collection.
    fn is_subject(&self, expr: &Expr) -> bool {
        match (&expr.kind, self.about) {
            (K::Parentheses(inner), _) => self.is_subject(inner),
            (K::Attribute(base, name), About::Variable(wanted)) => {
                **name == *wanted && matches!(&base.kind, K::Variable(root) if &**root == "var")
            }
            (K::Variable(name), About::Bound(wanted)) => **name == *wanted,
            _ => false,
        }
    }

    /// `x == null`: an unknown string is not null.
    fn is_about_null(&self, condition: &Expr) -> bool {
        match &condition.kind {
            K::Parentheses(inner) => self.is_about_null(inner),
            K::Binary(B::Equal, sides) => {
                let [left, right] = &**sides;
                let null = |e: &Expr| matches!(e.kind, K::Null);
                (null(right) && self.is_subject(left)) || (null(left) && self.is_subject(right))
            }
            _ => false,
        }
    }

    /// A string or number that does not depend on what is not known.
    fn known(&self, expr: &Expr) -> Option<String> {
        self.evaluator.attempt(|| self.evaluator.eval(expr, self.scope)).ok()?.as_text()?.as_known()
    }

    fn one_of(&self, set: &Expr) -> Option<Fact> {
        let set = self.evaluator.attempt(|| self.evaluator.eval(set, self.scope)).ok()?;
        let Kind::List { items, open: false } = &set.kind else { return None };
        if items.len() > MAX_VALUES {
            return None;
        }
        // `null` allows no string
        let text = |v: &Value| Some(Arc::from(v.as_text()?.as_known()?));
        Some(Fact::OneOf(items.iter().filter(|v| !v.is_null()).map(text).collect::<Option<_>>()?))
    }

    fn matching(&self, pattern: impl Fn(String) -> String, text: &Expr) -> Option<Fact> {
        expression(&pattern(regex::escape(&self.known(text)?)))
    }
}

fn expression(pattern: &str) -> Option<Fact> {
    Some(Fact::Matches(Arc::from(pattern), functions::expression(pattern)?))
}

/// The condition that `length(x) operator number` is.
fn length(operator: B, number: usize) -> Option<Fact> {
    if number > MAX_LENGTH {
        return None;
    }
    let more = number + 1;
    let count = match operator {
        B::Greater => format!("{{{more},}}"),
        B::GreaterOrEqual => format!("{{{number},}}"),
        B::Less => format!("{{0,{}}}", number.checked_sub(1)?),
        B::LessOrEqual => format!("{{0,{number}}}"),
        B::Equal => format!("{{{number}}}"),
        B::NotEqual => return length(B::Equal, number).map(|f| Fact::Not(Box::new(f))),
        _ => return None,
    };
    expression(&format!("^(?s:.){count}$"))
}

/// The operator with its sides exchanged.
fn mirrored(operator: B) -> Option<B> {
    Some(match operator {
        B::Equal | B::NotEqual => operator,
        B::Less => B::Greater,
        B::LessOrEqual => B::GreaterOrEqual,
        B::Greater => B::Less,
        B::GreaterOrEqual => B::LessOrEqual,
        _ => return None,
    })
}

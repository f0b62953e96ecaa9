//! One token against a provider and a member.

use super::super::ast::{Expr, ExprKind};
use super::super::evaluate::{Fault, Outcome, Scope, evaluate};
use super::super::parser::Problem;
use super::super::value::Value;
use super::member::{Member, MemberKind, Piece, Selector};
use super::{Compiled, GoogleView, MAX_SUBJECT};
use crate::partial::Text;
use crate::token::{Claim, Decision, Evaluation, Step, Token, Truth};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A mapped attribute's value.
pub(super) type Mapped = Outcome;

/// The attributes of one token by key: `google.subject`, `google.groups`, `attribute.x`.
pub type Attributes = BTreeMap<String, Mapped>;

/// What a provider makes of a token.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The decision with its trace.
    pub evaluation: Evaluation,
    /// The mapped attributes, also of a token that is refused.
    pub attributes: Attributes,
}

fn read(expr: &Result<Expr, Problem>) -> Result<&Expr, Fault> {
    expr.as_ref().map_err(|p| if p.unknown { Fault::Unknown(p.message.clone()) } else { Fault::Error(p.message.clone()) })
}

/// Decides a token under a provider: every mapping has to give a value, the condition has to be true.
#[must_use]
pub fn evaluate_provider(view: &GoogleView, token: &Token) -> Admission {
    let compiled = Compiled::of(view);
    let assertion: Vec<(Value, Value)> = token.claims.iter().map(|(k, v)| (Value::string(k), claim(k, v))).collect();
    let assertion = Value::Map(Arc::new(assertion));
    let mut scope = Scope { variables: BTreeMap::from([("assertion".to_owned(), Ok(assertion))]), container: String::new() };
    let mut attributes = Attributes::new();
    let mut trace = Vec::new();
    for (key, expr) in &compiled.mapping {
        let value = read(expr).and_then(|e| evaluate(e, &scope)).and_then(|v| typed(key, v));
        if let Err(fault) = &value
            && !expr.as_ref().is_ok_and(|e| is_open(e, token))
        {
            let span = expr.as_ref().map_or_else(|p| p.span, |e| e.span);
            let test = format!("mapping of `{key}`");
            trace.push(Step { test, outcome: truth_of(fault), expected: None, found: None, span, note: Some(fault.message().to_owned()) });
        }
        attributes.insert(key.clone(), value);
    }
    let group = |prefix: &str| -> Outcome {
        let mut out = Vec::new();
        for (key, value) in &attributes {
            let Some(name) = key.strip_prefix(prefix) else { continue };
            match value {
                Ok(value) => out.push((Value::string(name), value.clone())),
                // The token is refused if it turns out to have none, so that here there is one.
                Err(Fault::Unknown(why)) => out.push((Value::string(name), Value::Open { why: why.as_str().into(), optional: false })),
                Err(Fault::Error(_)) => {}
            }
        }
        Ok(Value::Map(Arc::new(out)))
    };
    scope.variables.insert("attribute".to_owned(), group("attribute."));
    scope.variables.insert("google".to_owned(), group("google."));
    if let Some(condition) = &compiled.condition {
        condition_steps(condition, &scope, &mut trace);
    }
    let outcome = trace.iter().fold(Truth::True, |all, step| all.and(step.outcome));
    let decision = match outcome {
        Truth::True => Decision::Admit,
        Truth::False | Truth::Error => Decision::Deny,
        Truth::Unknown if trace.iter().any(|s| s.outcome == Truth::Error) => Decision::Deny,
        Truth::Unknown => Decision::Unknown,
    };
    let reasons = if decision == Decision::Unknown {
        trace.iter().filter(|s| s.outcome == Truth::Unknown).filter_map(|s| s.note.clone()).collect()
    } else {
        Vec::new()
    };
    Admission { evaluation: Evaluation { decision, trace, reasons }, attributes }
}

/// A claim's value; one that was not provided says so by its name.
fn claim(name: &str, claim: &Claim) -> Value {
    match claim {
        Claim::Open { optional } => {
            Value::Open { why: format!("the value of the token's `{name}` was not provided").into(), optional: *optional }
        }
        claim => Value::from_claim(claim),
    }
}

/// The mapping is a claim that the token has with a value that was not provided: there is a value, only not a known one.
fn is_open(mapping: &Expr, token: &Token) -> bool {
    let ExprKind::Select { of, field } = &mapping.kind else { return false };
    let assertion = matches!(&of.kind, ExprKind::Ident { name, .. } if name == "assertion");
    assertion && matches!(token.claims.get(field.as_str()), Some(Claim::Open { optional: false }))
}

fn truth_of(fault: &Fault) -> Truth {
    match fault {
        Fault::Error(_) => Truth::Error,
        Fault::Unknown(_) => Truth::Unknown,
    }
}

/// The type that a mapped attribute has to have, and the limit of the subject.
fn typed(key: &str, value: Value) -> Mapped {
    match (key, &value) {
        ("google.groups", Value::List(_)) => Ok(value),
        ("google.groups", _) => Err(Fault::Error(format!("`google.groups` must be a list, not {}", value.type_name()))),
        ("google.subject", Value::String(s)) if s.len() > MAX_SUBJECT => {
            Err(Fault::Error(format!("`google.subject` has {} bytes, more than {MAX_SUBJECT}", s.len())))
        }
        (_, Value::String(_)) => Ok(value),
        _ => Err(Fault::Error(format!("`{key}` must be a string, not {}", value.type_name()))),
    }
}

/// One step per conjunct of the condition: which of them failed is what people ask.
fn condition_steps(condition: &Result<Expr, Problem>, scope: &Scope, trace: &mut Vec<Step>) {
    let expr = match read(condition) {
        Ok(expr) => expr,
        Err(fault) => {
            let span = condition.as_ref().map_or_else(|p| p.span, |e| e.span);
            let note = Some(fault.message().to_owned());
            trace.push(Step { test: "attribute condition".to_owned(), outcome: truth_of(&fault), expected: None, found: None, span, note });
            return;
        }
    };
    for conjunct in expr.conjuncts() {
        let (outcome, note) = match evaluate(conjunct, scope) {
            Ok(Value::Bool(b)) => (Truth::from(b), None),
            Ok(other) => (Truth::Error, Some(format!("the condition is {}, not a truth value", other.type_name()))),
            Err(fault) => (truth_of(&fault), Some(fault.message().to_owned())),
        };
        let (expected, found) = sides(conjunct, scope);
        trace.push(Step { test: conjunct.to_string(), outcome, expected, found, span: conjunct.span, note });
    }
}

/// For a test of one operand: what it was compared with and what the token holds.
fn sides(e: &Expr, scope: &Scope) -> (Option<String>, Option<String>) {
    let (subject, pattern): (&Expr, &Expr) = match &e.kind {
        ExprKind::Binary { left, right, .. } if left.as_text().is_some() => (right, left),
        ExprKind::Binary { left, right, .. } => (left, right),
        ExprKind::Method { of, args, .. } => match args.as_slice() {
            [arg] => (of, arg),
            _ => return (None, None),
        },
        _ => return (None, None),
    };
    let expected = pattern.as_text().map_or_else(|| pattern.to_string(), Text::to_string);
    let found = evaluate(subject, scope).ok().and_then(|v| match v {
        Value::String(s) => Some(s.to_string()),
        Value::Int(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::List(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    });
    (Some(expected), found)
}

/// Decides whether a token with these attributes is one of a member's identities. Members of other kinds than pools
/// are no identities of tokens: false; `allUsers` is true. For GKE's pools the attributes are `google.subject` with the
/// token's `sub` (`system:serviceaccount:NS:NAME`): they have no provider that maps.
#[must_use]
pub fn evaluate_member(member: &Member, attributes: &Attributes) -> Truth {
    if member.names_nobody() {
        return Truth::False;
    }
    let selector = match &member.kind {
        MemberKind::AllUsers | MemberKind::AllAuthenticatedUsers => return Truth::True,
        MemberKind::Pool { selector, .. } | MemberKind::Workforce { selector, .. } => selector,
        MemberKind::Unknown | MemberKind::Unmodelled => return Truth::Unknown,
        MemberKind::ServiceAccount(_) | MemberKind::Other | MemberKind::Deleted => return Truth::False,
    };
    let equals = |key: &str, value: &Piece| match attributes.get(key) {
        None => Truth::False,
        Some(Err(fault)) => truth_of(fault),
        Some(Ok(Value::String(s))) => same(s, &value.text),
        Some(Ok(Value::List(items))) => items.iter().filter_map(Value::as_str).map(|s| same(s, &value.text)).fold(Truth::False, Truth::or),
        Some(Ok(_)) => Truth::False,
    };
    match selector {
        Selector::Everyone(_) => Truth::True,
        Selector::Subject(value) => equals("google.subject", value),
        Selector::Group(value) => equals("google.groups", value),
        Selector::Attribute { name, value } => match name.text.as_known() {
            Some(name) => equals(&format!("attribute.{name}"), value),
            None => Truth::Unknown,
        },
        Selector::ServiceAccount { namespace, name } => {
            let mut wanted = Text::known("system:serviceaccount:");
            wanted.push(&namespace.text);
            wanted.push(&Text::known(":"));
            wanted.push(&name.text);
            let span = name.span;
            equals("google.subject", &Piece { text: wanted, span })
        }
        Selector::Namespace(namespace) => match (attributes.get("google.subject"), namespace.text.as_known()) {
            (Some(Ok(Value::String(s))), Some(ns)) => Truth::from(s.starts_with(&format!("system:serviceaccount:{ns}:"))),
            (None, _) => Truth::False,
            _ => Truth::Unknown,
        },
        Selector::ServiceAccountUid | Selector::Cluster(_) => Truth::Unknown,
    }
}

/// A known string against one with holes.
fn same(s: &str, text: &Text) -> Truth {
    if let Some(known) = text.as_known() {
        return Truth::from(s == known);
    }
    let (prefix, suffix) = (text.known_prefix(), text.known_suffix());
    let fits = s.len() >= prefix.len() + suffix.len() && s.starts_with(&prefix) && s.ends_with(&suffix);
    if fits { Truth::Unknown } else { Truth::False }
}

//! Which claims and attributes the expressions of a provider name.

use super::super::ast::{Expr, ExprKind};
use super::{Compiled, GoogleView};
use crate::place::Span;

/// A name that an expression uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `sub`, `repository`; for attributes the whole key: `attribute.x`, `google.subject`.
    pub name: String,
    /// Where.
    pub span: Option<Span>,
    /// Only asked for: `has(assertion.x)`.
    pub has: bool,
    /// The mapping key whose expression uses it; none for the condition.
    pub mapping: Option<String>,
}

/// The names that a provider's expressions use, in the order of the source.
#[derive(Debug, Clone, Default)]
pub struct References {
    /// Members of `assertion`.
    pub claims: Vec<Reference>,
    /// `attribute.x` and `google.x`.
    pub attributes: Vec<Reference>,
}

/// Collects the references of a provider's mapping and condition; an expression that cannot be read has none.
#[must_use]
pub fn references(view: &GoogleView) -> References {
    let compiled = Compiled::of(view);
    let mut out = References::default();
    for (key, expr) in &compiled.mapping {
        if let Ok(expr) = expr {
            collect(expr, Some(key), &mut out);
        }
    }
    if let Some(Ok(expr)) = &compiled.condition {
        collect(expr, None, &mut out);
    }
    out
}

fn collect(e: &Expr, mapping: Option<&str>, out: &mut References) {
    let (of, field, has) = match &e.kind {
        ExprKind::Select { of, field } => (of, field.clone(), false),
        ExprKind::Has { of, field } => (of, field.clone(), true),
        ExprKind::Index { of, index } => match index.as_text().and_then(crate::partial::Text::as_known) {
            Some(key) => (of, key, false),
            None => return e.children().into_iter().for_each(|c| collect(c, mapping, out)),
        },
        _ => return e.children().into_iter().for_each(|c| collect(c, mapping, out)),
    };
    let ExprKind::Ident { name, .. } = &of.kind else { return collect(of, mapping, out) };
    let mapping = mapping.map(str::to_owned);
    match name.as_str() {
        "assertion" => out.claims.push(Reference { name: field, span: e.span, has, mapping }),
        "attribute" | "google" => out.attributes.push(Reference { name: format!("{name}.{field}"), span: e.span, has, mapping }),
        _ => {}
    }
}

/// True when the expression's value does not depend on the token: no name, no unknown.
#[must_use]
pub(super) fn is_constant(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Ident { .. } | ExprKind::Hole(_) => false,
        ExprKind::String(text) => text.is_known(),
        // A comprehension's variable is a name; it stays within when the rest is constant, which is not worth a scope.
        _ => e.children().into_iter().all(is_constant),
    }
}

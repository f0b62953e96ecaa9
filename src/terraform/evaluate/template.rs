//! String templates.

use super::engine::{Evaluator, Result, Scope};
use super::iteration::Items;
use super::left_out::Beside;
use super::values::{noun, one_of};
use super::{EvalError, MAX_NODES};
use crate::partial::{Kind, MAX_ALTERNATIVES, Part, Text, Value};
use crate::place::Span;
use crate::syntax::hcl::{Expr, Template, TemplatePart};

/// What one turn of a loop costs, in nodes, whatever it writes.
const COST_OF_A_TURN: usize = 2;

impl Evaluator<'_> {
    /// The value of a template: a lone interpolation is the value itself, else a string.
    pub(super) fn template(&self, template: &Template, span: Span, scope: &Scope) -> Result<Value> {
        if let [TemplatePart::Interpolation(only)] = template.parts.as_slice() {
            return self.eval(only, scope);
        }
        let texts = self.texts(template, span, scope)?;
        let values = texts.into_iter().map(|t| Value::new(Kind::Text(t), Some(span))).collect();
        let why = "too many alternatives";
        Ok(one_of(values, || Value::unknown(self.fresh_atom(scope, "\"…\"", why, span), Some(span))))
    }

    fn texts(&self, template: &Template, span: Span, scope: &Scope) -> Result<Vec<Text>> {
        let mut out = vec![Text::default()];
        for (at, part) in template.parts.iter().enumerate() {
            let choices = match part {
                TemplatePart::Literal { text, span } => {
                    vec![Text { parts: vec![Part::Literal { text: text.clone(), span: Some(*span), trail: None }] }]
                }
                TemplatePart::Interpolation(expr) => self.interpolation(expr, beside(template, at), scope)?,
                TemplatePart::If { condition, yes, no } => self.if_directive(condition, yes, no, scope)?,
                TemplatePart::For { key, value, collection, body } => {
                    let items = self.eval(collection, scope)?;
                    let Items { pairs, open } = self.items(&items, collection.span)?;
                    let mut all = vec![Text::default()];
                    for (k, v) in pairs {
                        let inner = scope.bind(value, v);
                        let inner = if let Some(key) = key { inner.bind(key, k) } else { inner };
                        all = self.append(all, &self.texts(body, collection.span, &inner)?, collection, scope)?;
                    }
                    if open {
                        all = self.append(all, &[self.hole(collection, "the collection is not known", scope)], collection, scope)?;
                    }
                    all
                }
            };
            let place = if let TemplatePart::Interpolation(expr) = part { Some(expr) } else { None };
            self.charge(out.iter().map(|t| t.parts.len()).sum(), span_of(part).unwrap_or(span))?;
            out = match (place, choices.as_slice()) {
                (_, [only]) => {
                    out.iter_mut().for_each(|t| t.push(only));
                    out
                }
                (Some(expr), _) => self.append(out, &choices, expr, scope)?,
                (None, _) if out.len() * choices.len() > MAX_ALTERNATIVES => {
                    return Err(EvalError::new("too many alternatives in a template", None));
                }
                (None, _) => cross(&out, &choices),
            };
        }
        Ok(out)
    }

    /// Every old text with every new end; a hole when that is too many. What is written is paid for.
    fn append(&self, mut before: Vec<Text>, ends: &[Text], expr: &Expr, scope: &Scope) -> Result<Vec<Text>> {
        let size = |texts: &[Text]| texts.iter().map(|t| t.parts.len()).sum::<usize>();
        let hole;
        let ends = if before.len() * ends.len() <= MAX_ALTERNATIVES || ends.len() == 1 {
            ends
        } else {
            hole = [self.hole(expr, "too many alternatives", scope)];
            &hole
        };
        let added = size(ends).saturating_mul(before.len());
        if let [only] = ends {
            self.charge(added + COST_OF_A_TURN, expr.span)?;
            if before.iter().any(|t| t.parts.len().saturating_add(only.parts.len()) > MAX_NODES) {
                return Err(self.limit("a template gives more than can be kept".to_owned(), expr.span));
            }
            before.iter_mut().for_each(|t| t.push(only));
            return Ok(before);
        }
        self.charge(added.saturating_add(size(&before).saturating_mul(ends.len())) + COST_OF_A_TURN, expr.span)?;
        Ok(cross(&before, ends))
    }

    fn hole(&self, expr: &Expr, why: &str, scope: &Scope) -> Text {
        Text::hole(self.fresh_atom(scope, &super::expression::describe(expr), why, expr.span), Some(expr.span))
    }

    fn interpolation(&self, expr: &Expr, beside: Beside, scope: &Scope) -> Result<Vec<Text>> {
        let value = self.eval_settled(expr, scope)?;
        let (mut out, mut error) = (Vec::new(), None);
        for alternative in value.alternatives() {
            match self.left_out(alternative, beside, scope).or_else(|| alternative.as_text()) {
                Some(mut text) => {
                    // a hole is interpolated here, wherever its unknown comes from
                    for part in &mut text.parts {
                        if let Part::Hole { span, .. } = part {
                            *span = Some(expr.span);
                        }
                    }
                    out.push(text);
                }
                None => error = Some(EvalError::new(format!("{} cannot be part of a string", noun(alternative)), Some(expr.span))),
            }
        }
        match error {
            // a null or a list in one branch only: that branch cannot be the one taken
            Some(error) if out.is_empty() => {
                let failed = self.settle(Err(error), expr, scope)?;
                Ok(failed.as_text().into_iter().collect())
            }
            _ => Ok(out),
        }
    }

    fn if_directive(&self, condition: &Expr, yes: &Template, no: &Template, scope: &Scope) -> Result<Vec<Text>> {
        let value = self.eval_settled(condition, scope)?;
        let outcomes: Vec<Option<bool>> = value.alternatives().iter().map(|v| v.as_bool()).collect();
        if value.alternatives().iter().any(|v| matches!(v.kind, Kind::Null | Kind::List { .. } | Kind::Map { .. })) {
            return Err(EvalError::new("the condition of the template is not a boolean", Some(condition.span)));
        }
        let mut out = Vec::new();
        if outcomes.iter().any(|o| *o != Some(false)) {
            out.extend(self.texts(yes, condition.span, scope)?);
        }
        if outcomes.iter().any(|o| *o != Some(true)) {
            out.extend(self.texts(no, condition.span, scope)?);
        }
        Ok(out)
    }
}

/// What stands on both sides of the part of a template.
fn beside(template: &Template, at: usize) -> Beside {
    // Something that is no literal is no end of a part.
    let literal = |part: &TemplatePart| match part {
        TemplatePart::Literal { text, .. } => Some(text.clone()),
        _ => None,
    };
    let before = at.checked_sub(1).and_then(|i| template.parts.get(i)).map(|p| literal(p).and_then(|t| t.chars().last()).unwrap_or('$'));
    let after = template.parts.get(at + 1).map(|p| literal(p).and_then(|t| t.chars().next()).unwrap_or('$'));
    Beside { before, after }
}

fn span_of(part: &TemplatePart) -> Option<Span> {
    match part {
        TemplatePart::Literal { span, .. } => Some(*span),
        TemplatePart::Interpolation(expr) => Some(expr.span),
        TemplatePart::If { condition, .. } => Some(condition.span),
        TemplatePart::For { collection, .. } => Some(collection.span),
    }
}

fn cross(before: &[Text], ends: &[Text]) -> Vec<Text> {
    let join = |a: &Text, b: &Text| {
        let mut text = a.clone();
        text.push(b);
        text
    };
    before.iter().flat_map(|a| ends.iter().map(move |b| join(a, b))).collect()
}

//! Module calls whose source is not in the scan: the places of a model, and calls that nobody can judge.

use super::engine::{Evaluator, Instance};
use super::{MAX_VALUE_DEPTH, Undecided};
use crate::source::{FileId, Span};
use crate::syntax::hcl::Block;
use crate::terraform::Resource;
use crate::value::{Atom, Hop, Kind, Part, Text, Trail, Value, hops};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Words in the name of an argument that say that the module makes a trust.
const TRUST_WORDS: &[&str] = &[
    "oidc",
    "provider_arn",
    "subject",
    "namespace_service_account",
    "assume_role",
    "trust_policy",
    "trusted_",
    "federated",
    "workload_identity",
    "attribute_condition",
    "irsa",
];
/// Names of arguments that say so only as a whole.
const TRUST_NAMES: &[&str] = &["role_arn", "role_arns", "service_accounts", "sa_mapping"];
/// Arguments of the call itself.
const META: &[&str] = &["source", "version", "providers", "depends_on", "count", "for_each"];

impl Evaluator<'_> {
    /// Says that nobody judges this call, when it looks as if it made a trust.
    pub(super) fn unjudged(&self, name: &str, block: &Block) {
        let trust = |n: &str| !META.contains(&n) && (TRUST_NAMES.contains(&n) || TRUST_WORDS.iter().any(|w| n.contains(w)));
        let Some(first) = block.body.attributes.iter().find(|a| trust(&a.name)) else { return };
        let why = format!("module `{name}` is not in the scan and not known: its trust is not judged");
        let entry = Undecided { span: Some(first.name_span), why };
        let mut undecided = self.undecided.borrow_mut();
        if !undecided.contains(&entry) {
            undecided.push(entry);
        }
    }
}

/// A value that leaves a model: places in the model become the place of its call.
pub(super) fn leave_model(value: Value, model: &Instance) -> Value {
    match call_of(model) {
        Some(to) => Places { builtin: &model.config.builtin, to }.value(value, MAX_VALUE_DEPTH),
        None => value,
    }
}

/// A resource of a model, as if its call had declared it.
pub(super) fn leave_model_resource(resource: Resource, model: &Instance) -> Resource {
    let Some(to) = call_of(model) else { return resource };
    Resource { span: to, body: leave_model(resource.body, model), ..resource }
}

/// The header of the call of a model; none for a module with files of its own.
fn call_of(model: &Instance) -> Option<Span> {
    model.call.as_ref().filter(|_| !model.config.builtin.is_empty()).map(|(block, _)| block.header)
}

struct Places<'a> {
    builtin: &'a BTreeSet<FileId>,
    to: Span,
}

impl Places<'_> {
    fn span(&self, span: Option<Span>) -> Option<Span> {
        span.map(|s| if self.builtin.contains(&s.file) { self.to } else { s })
    }

    fn trail(&self, trail: Trail) -> Trail {
        if !hops(&trail).any(|h| self.builtin.contains(&h.span.file)) {
            return trail;
        }
        let kept: Vec<(Span, Arc<str>)> =
            hops(&trail).filter(|h| !self.builtin.contains(&h.span.file)).map(|h| (h.span, Arc::clone(&h.what))).collect();
        kept.into_iter().rev().fold(None, |before, (span, what)| Some(Arc::new(Hop { span, what, before })))
    }

    fn atom(&self, atom: Atom) -> Atom {
        match atom.span() {
            Some(span) if self.builtin.contains(&span.file) => atom.moved(self.to),
            _ => atom,
        }
    }

    fn text(&self, text: Text) -> Text {
        let part = |part: Part| match part {
            Part::Literal { text, span, trail } => Part::Literal { text, span: self.span(span), trail: self.trail(trail) },
            Part::Hole { atom, span, trail } => Part::Hole { atom: self.atom(atom), span: self.span(span), trail: self.trail(trail) },
        };
        Text { parts: text.parts.into_iter().map(part).collect() }
    }

    fn value(&self, value: Value, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return value };
        let all = |items: Vec<Value>| items.into_iter().map(|v| self.value(v, depth)).collect::<Vec<_>>();
        let kind = match value.kind {
            Kind::Text(text) => Kind::Text(self.text(text)),
            Kind::Unknown(atom) => Kind::Unknown(self.atom(atom)),
            Kind::OneOf(items) => Kind::OneOf(all(items)),
            Kind::List { items, open } => Kind::List { items: all(items), open },
            Kind::Map { mut entries, open } => {
                for entry in &mut entries {
                    entry.key = self.text(std::mem::take(&mut entry.key));
                    entry.value = self.value(std::mem::replace(&mut entry.value, Value::null()), depth);
                }
                Kind::Map { entries, open }
            }
            plain => plain,
        };
        Value { kind, span: self.span(value.span), trail: self.trail(value.trail) }
    }
}

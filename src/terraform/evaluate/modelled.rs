//! Module calls whose source is not in the scan: the places of a model, and calls that nobody can judge.

use super::engine::{Evaluator, Instance, Item, Shape};
use super::{MAX_MODULE_LEVELS, MAX_VALUE_DEPTH, Undecided, config};
use crate::kinds::{self, ResourceKind};
use crate::partial::{Hop, HopKind, Kind, Part, Text, Trail, Unknown, Value, cut, hops};
use crate::place::{FileId, Span};
use crate::syntax::hcl::Block;
use crate::terraform::Resource;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Arguments of the call itself.
const META: &[&str] = &["source", "version", "providers", "depends_on", "count", "for_each"];
/// Most addresses that one note names.
const MOST_NAMED: usize = 5;
/// Most texts that are kept of the arguments of one call.
const MOST_HANDED: usize = 64;

impl Evaluator<'_> {
    /// Says that nobody judges this call, when it looks as if it made a trust.
    pub(super) fn unjudged(&self, name: &str, block: &Block) {
        let trust = |n: &str| !META.contains(&n) && kinds::argument_makes_trust(n);
        let by_argument = block.body.attributes.iter().find(|a| trust(&a.name)).map(|a| a.name_span);
        let source = config::source_of(block).unwrap_or_default();
        let by_source = || kinds::source_makes_trust(&source).then_some(block.header);
        let Some(span) = by_argument.or_else(by_source) else { return };
        let why = format!("module `{name}` is not in the scan and not known: its trust is not judged");
        let entry = Undecided { span: Some(span), why };
        if self.unjudged.borrow_mut().insert(span) {
            self.undecided.borrow_mut().push(entry);
        }
    }
}

impl Evaluator<'_> {
    /// The keys of the texts among the arguments of a call whose module nobody has read.
    pub(super) fn handed(&self, instance: &Rc<Instance>, name: &str, block: &Block) -> Vec<String> {
        let scope = self.off_item(instance, &format!("module.{name}"), block).scope;
        let mut out = Vec::new();
        for argument in block.body.attributes.iter().filter(|a| !META.contains(&&*a.name)) {
            if let Ok(value) = self.eval(&argument.value, &scope) {
                texts_of(&value, MAX_VALUE_DEPTH, &mut out);
            }
        }
        out
    }
}

/// The texts of a value, [`MOST_HANDED`] at most in all.
fn texts_of(value: &Value, depth: usize, out: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1).filter(|_| out.len() < MOST_HANDED) else { return };
    match &value.kind {
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter().for_each(|item| texts_of(item, depth, out)),
        Kind::Map { entries, .. } => entries.iter().for_each(|entry| texts_of(&entry.value, depth, out)),
        _ => out.extend(value.as_text().map(|text| cut::key(&text))),
    }
}

impl Evaluator<'_> {
    /// Notes a trust of the scan's own files that is not there with the values that are known.
    pub(super) fn switched_off(&self, instance: &Rc<Instance>, address: &str, block: &Block) {
        let kind = block.labels.first().map_or("", |l| &*l.text);
        if is_object(kind) {
            self.objects_off.set(true);
        }
        let trusting = &*block.kind == "resource" && kinds::of(kind).is_some_and(ResourceKind::is_trusting);
        if !trusting || !instance.config.builtin.is_empty() {
            return;
        }
        // A role for a service is nobody's federation.
        let scope = self.off_item(instance, address, block).scope;
        let policy = kinds::of(kind).and_then(ResourceKind::policy);
        let policy = policy.and_then(|argument| block.body.attribute(argument)).and_then(|a| self.eval(&a.value, &scope).ok());
        if policy.is_none_or(|p| may_federate(&p, MAX_VALUE_DEPTH)) {
            self.off.borrow_mut().insert(instance.inside(address), block.header);
        }
    }
}

impl Evaluator<'_> {
    /// Notes the trusts of a module that is called no time.
    pub(super) fn module_switched_off(&self, instance: &Rc<Instance>, name: &str, block: &Arc<Block>, path: &str) {
        let Some(config) = self.called(&instance.config, block, path) else { return };
        if instance.level >= MAX_MODULE_LEVELS || !config.builtin.is_empty() {
            return;
        }
        let item = self.off_item(instance, &format!("module.{name}"), block);
        let called = Some((Arc::clone(block), item.scope));
        let at = instance.inside(&format!("module.{name}"));
        let child = Rc::new(Instance::new(config, at, path.to_owned(), called, instance.level + 1, instance.library));
        for (address, block) in &child.config.resources {
            self.switched_off(&child, address, block);
        }
    }

    /// The instance that a block would have if it had one.
    fn off_item(&self, instance: &Rc<Instance>, address: &str, block: &Block) -> Item {
        let shape = if block.body.attribute("for_each").is_some() { Shape::Each } else { Shape::Count };
        self.stand_in(instance, address, &Value::null(), block.header, shape)
    }
}

/// An object of Kubernetes, or a chart of them.
pub(super) fn is_object(kind: &str) -> bool {
    kind.starts_with("kubernetes_") || matches!(kind, "kubectl_manifest" | "helm_release")
}

/// A policy, as text or as a tree, that may let tokens of other issuers in.
fn may_federate(policy: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    match &policy.kind {
        Kind::Unknown(_) => true,
        Kind::Text(text) => {
            let shape = text.fill(|_| String::new());
            let whole = text.atoms().next().is_some() && shape.is_empty();
            whole || kinds::text_federates(&shape)
        }
        Kind::List { items, .. } | Kind::OneOf(items) => items.iter().any(|v| may_federate(v, depth)),
        Kind::Map { entries, .. } => entries.iter().any(|e| may_federate(&e.value, depth)),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) => false,
    }
}

/// What a root switches off in all its worlds, in one note.
pub(super) fn switched_off(off: BTreeMap<String, Span>) -> Option<Undecided> {
    let span = *off.values().next()?;
    let mut named: Vec<String> = off.keys().take(MOST_NAMED).map(|a| format!("`{a}`")).collect();
    if off.len() > MOST_NAMED {
        named.push(format!("{} more", off.len() - MOST_NAMED));
    }
    let (are, trust) = if off.len() == 1 { ("is", "a trust it may have is") } else { ("are", "trust they may have is") };
    let why = format!("{} {are} switched off by `count` or `for_each`: {trust} not judged", named.join(", "));
    Some(Undecided { span: Some(span), why })
}

/// A value that leaves a model: places in the model become the place of its call.
pub(super) fn leave_model(value: Value, model: &Instance) -> Value {
    match places(model) {
        Some(places) => places.value(value, MAX_VALUE_DEPTH),
        None => value,
    }
}

/// A resource of a model, as if its call had declared it.
pub(super) fn leave_model_resource(resource: Resource, model: &Instance) -> Resource {
    let Some(places) = places(model) else { return resource };
    Resource { span: places.to, body: places.value(resource.body, MAX_VALUE_DEPTH), ..resource }
}

/// The places of a model and of the models that call it, and the header of the user's call; none for a module with
/// files of its own.
fn places(model: &Instance) -> Option<Places> {
    let mut builtin = BTreeSet::new();
    let mut at = model;
    let mut to = None;
    while let Some((block, scope)) = at.call.as_ref().filter(|_| !at.config.builtin.is_empty()) {
        builtin.extend(&at.config.builtin);
        to = Some(block.header);
        at = &scope.instance;
    }
    to.map(|to| Places { builtin, to })
}

/// A place in a model is its call's.
pub(super) fn outside(span: Span, instance: &Instance) -> Span {
    places(instance).map_or(span, |places| places.to)
}

struct Places {
    builtin: BTreeSet<FileId>,
    to: Span,
}

impl Places {
    fn span(&self, span: Option<Span>) -> Option<Span> {
        span.map(|s| if self.builtin.contains(&s.file) { self.to } else { s })
    }

    fn trail(&self, trail: Trail) -> Trail {
        if !hops(&trail).any(|h| self.builtin.contains(&h.span.file)) {
            return trail;
        }
        // That a value is the URL of a provider is a fact about it, not only a place to show.
        let keeps = |hop: &&Hop| !self.builtin.contains(&hop.span.file) || hop.kind.is_aws_provider_url();
        let step = |hop: &Hop| (self.span(Some(hop.span)).unwrap_or(self.to), Arc::clone(&hop.kind));
        let kept: Vec<(Span, Arc<HopKind>)> = hops(&trail).filter(keeps).map(step).collect();
        kept.into_iter().rev().fold(None, |before, (span, kind)| Some(Arc::new(Hop { span, kind, before })))
    }

    fn atom(&self, atom: Unknown) -> Unknown {
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

//! Bodies: arguments and nested blocks, `dynamic` included.

use super::engine::{Evaluator, Scope};
use super::iteration::Items;
use super::values::{entry, fits};
use super::{MAX_NODES, MAX_VALUE_DEPTH};
use crate::partial::{Entry, Kind, Text, Value};
use crate::syntax::hcl::{Block, Body};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Arguments and blocks that are Terraform's own, not the resource's.
const META: &[&str] = &["count", "for_each", "provider", "providers", "depends_on", "lifecycle", "provisioner", "connection"];

impl Evaluator<'_> {
    /// The body of a resource or remote module call as a map.
    pub(super) fn body(&self, body: &Body, scope: &Scope) -> Value {
        let mut entries: Vec<Entry> = Vec::new();
        for attribute in body.attributes.iter().filter(|a| !META.contains(&&*a.name)) {
            let value = self.eval(&attribute.value, scope).unwrap_or_else(|e| self.failed(&e, &attribute.value, scope));
            let key = Text::literal(&attribute.name, attribute.name_span);
            entries.push(Entry { key, value });
        }
        entries.extend(self.nested(&body.blocks, scope));
        Value::map(entries, None)
    }

    /// Nested blocks: a list of maps under each type.
    fn nested(&self, blocks: &[Block], scope: &Scope) -> Vec<Entry> {
        let mut lists: BTreeMap<String, (Vec<Value>, bool)> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for block in blocks.iter().filter(|b| !META.contains(&&*b.kind)) {
            let dynamic = &*block.kind == "dynamic";
            let name = if dynamic { block.labels.first().map(|l| l.text.to_string()).unwrap_or_default() } else { block.kind.to_string() };
            if !order.contains(&name) {
                order.push(name.clone());
            }
            let list = lists.entry(name.clone()).or_default();
            if dynamic {
                let (items, open) = self.dynamic(block, &name, scope);
                list.0.extend(items);
                list.1 |= open;
            } else {
                list.0.push(self.block(block, scope));
            }
        }
        let make = |name: String| {
            let (items, open) = lists.remove(&name).unwrap_or_default();
            let span = items.first().and_then(|v| v.span);
            entry(&name, Value::new(Kind::List { items, open }, span))
        };
        order.into_iter().map(make).collect()
    }

    fn block(&self, block: &Block, scope: &Scope) -> Value {
        let span = block.span;
        if self.enter(span).is_err() {
            return Value::new(Kind::Map { entries: Vec::new(), open: true }, Some(span));
        }
        let mut value = self.body(&block.body, scope);
        self.leave();
        value.span = Some(span);
        if let Kind::Map { entries, .. } = &mut value.kind {
            for (i, label) in block.labels.iter().enumerate() {
                entries.insert(
                    i,
                    Entry {
                        key: Text::known(i.to_string()),
                        value: Value::new(Kind::Text(Text::literal(&label.text, label.span)), Some(label.span)),
                    },
                );
            }
        }
        value
    }

    /// The blocks that a `dynamic` block makes, and whether there may be more.
    fn dynamic(&self, block: &Block, name: &str, scope: &Scope) -> (Vec<Value>, bool) {
        let (Some(each), Some(content)) = (block.body.attribute("for_each"), block.body.blocks.iter().find(|b| &*b.kind == "content"))
        else {
            return (Vec::new(), false);
        };
        let Ok(collection) = self.eval(&each.value, scope) else { return (Vec::new(), true) };
        if collection.is_null() {
            return (Vec::new(), false);
        }
        let Ok(Items { pairs, open }) = self.items(&collection, each.value.span) else { return (Vec::new(), true) };
        let iterator: Arc<str> = match block.body.attribute("iterator").map(|a| &a.value.kind) {
            Some(crate::syntax::hcl::ExprKind::Variable(name)) => Arc::clone(name),
            _ => Arc::from(name),
        };
        let (mut blocks, mut left) = (Vec::new(), MAX_NODES);
        for (key, value) in pairs {
            let bound = Value::map(vec![entry("key", key), entry("value", value)], None);
            let block = self.block(content, &scope.bind(&iterator, bound));
            let before = left;
            let whole = fits(&block, MAX_VALUE_DEPTH, &mut left);
            if self.charge(before - left, each.value.span).is_err() {
                return (Vec::new(), true);
            }
            if !whole {
                // What is left out might be anything.
                self.limit(format!("the blocks of `dynamic \"{name}\"` are too large"), each.value.span);
                return (Vec::new(), true);
            }
            blocks.push(block);
        }
        (blocks, open)
    }
}

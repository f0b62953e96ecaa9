//! Walking a root: every resource of every module instance.

use super::config::ModuleConfig;
use super::engine::{Child, Evaluator, Expansion, Instance, Item, Result, Scope, Shape};
use super::iteration::Items;
use super::{MAX_MODULE_LEVELS, ModuleCall, config, modelled};
use crate::kinds::{self, COMMON_ATTRIBUTES, ResourceKind};
use crate::partial::{AttributeOf, Kind, Unknown, UnknownKind, Value};
use crate::place::{FileId, Span};
use crate::syntax::hcl::Block;
use crate::terraform::{Mode, Resource, models};
use std::rc::Rc;
use std::sync::Arc;

/// Stands for the place of a reference in what is computed once for all of them.
const ANY_REFERENCE: Span = Span { file: FileId(u32::MAX), start: 0, end: 0 };

impl Evaluator<'_> {
    /// Every resource, data source and remote module call below the root.
    pub(super) fn resources(&self, wanted: fn(&str) -> bool) -> Vec<Resource> {
        let mut out = Vec::new();
        let root = self.root_scope().instance;
        self.walk(&root, false, wanted, &mut out);
        out
    }

    fn walk(&self, instance: &Rc<Instance>, conditional: bool, wanted: fn(&str) -> bool, out: &mut Vec<Resource>) {
        for (address, block) in instance.config.resources.iter().filter(|(_, block)| is_wanted(block, wanted)) {
            self.declared(block.span, || {
                let expansion = self.expansion(instance, address, block);
                if expansion.items.is_empty() {
                    self.switched_off(instance, address, block);
                }
                for item in &expansion.items {
                    let resource = self.resource(instance, address, block, item, conditional);
                    out.push(modelled::leave_model_resource(resource, instance));
                }
            });
        }
        for (address, block) in &instance.config.configured {
            let kind = block.labels.first().map_or_else(String::new, |l| l.text.to_string());
            if wanted(&format!("provider.{kind}")) {
                out.push(self.configured(instance, address, &kind, block, conditional));
            }
        }
        for (name, block) in &instance.config.modules {
            let path = path_of(&instance.path, name);
            let before = out.len();
            let mut unread = false;
            if self.matters(&instance.config, block, &path, instance.level, wanted) {
                unread = self.walk_call(instance, name, block, conditional, wanted, out);
            }
            let model = self.called(&instance.config, block, &path).filter(|config| !config.builtin.is_empty());
            self.calls.borrow_mut().push(ModuleCall {
                root: self.root.clone(),
                address: instance.inside(&format!("module.{name}")),
                span: modelled::outside(block.header, instance),
                modelled: model.is_some(),
                arguments: model.map(|m| m.arguments.clone()).unwrap_or_default(),
                resources: out.len().saturating_sub(before),
                handed: if unread { self.handed(instance, name, block) } else { Vec::new() },
            });
        }
    }

    /// Goes through what a call declares; true when nobody knows what that is.
    fn walk_call(
        &self,
        instance: &Rc<Instance>,
        name: &str,
        block: &Arc<Block>,
        conditional: bool,
        wanted: fn(&str) -> bool,
        out: &mut Vec<Resource>,
    ) -> bool {
        if let Some(children) = self.children(instance, name) {
            if children.is_empty() {
                self.module_switched_off(instance, name, block, &path_of(&instance.path, name));
            }
            for child in children.iter() {
                self.walk(&child.instance, conditional || child.item.conditional, wanted, out);
            }
            return false;
        }
        self.unjudged(name, block);
        if wanted("module") {
            for item in &self.expansion(instance, &format!("module.{name}"), block).items {
                out.push(self.remote_module(instance, name, block, item, conditional));
            }
        }
        true
    }

    /// Something below a module call is wanted, or nobody knows what is below: else how often it is called need not be
    /// found out.
    fn matters(&self, caller: &ModuleConfig, block: &Block, path: &str, level: usize, wanted: fn(&str) -> bool) -> bool {
        let Some(config) = self.called(caller, block, path) else { return true };
        if level >= MAX_MODULE_LEVELS {
            return true;
        }
        // the path says something only where `modules.json` does
        let installed = !self.cache.get(&self.folder).installed.is_empty();
        let key = (config.folder.clone(), if installed { path.to_owned() } else { String::new() });
        if let Some(known) = self.mattering.borrow().get(&key) {
            return *known;
        }
        // past the limit of steps everything may matter
        if self.enter(block.header).is_err() {
            return true;
        }
        self.leave();
        // a circle of calls is expanded until a limit tells of it
        self.mattering.borrow_mut().insert(key.clone(), true);
        let inner = |(name, block): (&String, &Arc<Block>)| self.matters(&config, block, &path_of(path, name), level + 1, wanted);
        let matters = config.resources.values().any(|b| is_wanted(b, wanted)) || config.modules.iter().any(inner);
        self.mattering.borrow_mut().insert(key, matters);
        matters
    }

    fn resource(&self, instance: &Rc<Instance>, address: &str, block: &Block, item: &Item, conditional: bool) -> Resource {
        let label = |i: usize| block.labels.get(i).map_or_else(String::new, |l| l.text.to_string());
        let mode = match &*block.kind {
            "data" => Mode::Data,
            "ephemeral" => Mode::Ephemeral,
            _ => Mode::Managed,
        };
        Resource {
            mode,
            kind: label(0),
            name: label(1),
            address: instance.inside(&format!("{address}{}", item.suffix)),
            root: self.root.clone(),
            body: self.resource_body(instance, address, block, item),
            span: block.header,
            library: instance.library,
            stands_in: false,
            conditional: conditional || item.conditional,
            by_command: false,
        }
    }

    /// The configuration of a provider (<https://developer.hashicorp.com/terraform/language/providers/configuration>).
    fn configured(&self, instance: &Rc<Instance>, address: &str, kind: &str, block: &Block, conditional: bool) -> Resource {
        Resource {
            mode: Mode::Provider,
            kind: kind.to_owned(),
            name: address.trim_start_matches("provider.").to_owned(),
            address: instance.inside(address),
            root: self.root.clone(),
            body: self.body(&block.body, &Scope::of(instance)),
            span: block.header,
            library: instance.library,
            stands_in: false,
            conditional,
            by_command: false,
        }
    }

    fn remote_module(&self, instance: &Rc<Instance>, name: &str, block: &Block, item: &Item, conditional: bool) -> Resource {
        Resource {
            mode: Mode::RemoteModule,
            kind: config::source_of(block).unwrap_or_default(),
            name: name.to_owned(),
            address: instance.inside(&format!("module.{name}{}", item.suffix)),
            root: self.root.clone(),
            body: self.body(&block.body, &item.scope),
            span: block.header,
            library: instance.library,
            stands_in: false,
            conditional: conditional || item.conditional,
            by_command: false,
        }
    }

    /// The evaluated body of one instance, once.
    pub(super) fn resource_body(&self, instance: &Rc<Instance>, address: &str, block: &Block, item: &Item) -> Value {
        let name = format!("body {address}{}", item.suffix);
        let body = self.remember(instance, &name, block.header, || Ok(self.body(&block.body, &item.scope)));
        body.unwrap_or_else(|_| Value::map(Vec::new(), Some(block.span)))
    }

    /// One attribute of an instance, or the whole as an open object.
    pub(super) fn resource_value(
        &self,
        instance: &Rc<Instance>,
        address: &str,
        block: &Block,
        item: &Item,
        attribute: Option<&str>,
        span: Span,
    ) -> Result<Value> {
        let full = instance.inside(&format!("{address}{}", item.suffix));
        let Some(attribute) = attribute else {
            let mut body = self.resource_body(instance, address, block, item);
            if let Kind::Map { entries, open } = &mut body.kind {
                *open = true;
                for name in COMMON_ATTRIBUTES {
                    if !entries.iter().any(|e| e.key.as_known().as_deref() == Some(name))
                        && let Ok(value) = self.resource_value(instance, address, block, item, Some(name), span)
                    {
                        entries.push(super::values::entry(name, value));
                    }
                }
            }
            return Ok(body);
        };
        let name = format!("{address}{}.{attribute}", item.suffix);
        // The value is computed once and referred to from many places: what the provider computes stands at each reference.
        let value = self.remember(instance, &name, span, || {
            if let Some(value) = self.computed(instance, address, block, item, attribute, ANY_REFERENCE) {
                let is_function = matches!(attribute, "json" | "minified_json" | "policy_data");
                return Ok(if is_function {
                    super::values::with_hop(value, block.header, super::values::document_hop(block, full.as_str()))
                } else {
                    value
                });
            }
            if let Some(set) = block.body.attribute(attribute) {
                let value = self.eval_settled(&set.value, &item.scope)?;
                if !value.is_null() {
                    return Ok(super::values::with_hop(
                        value,
                        set.name_span,
                        super::values::attribute_hop(block, full.as_str(), attribute),
                    ));
                }
            }
            if block
                .body
                .blocks
                .iter()
                .any(|b| &*b.kind == attribute || (&*b.kind == "dynamic" && b.labels.first().is_some_and(|l| &*l.text == attribute)))
            {
                let body = self.resource_body(instance, address, block, item);
                if let Some(found) = body.get(attribute) {
                    return Ok(found.clone());
                }
            }
            let resource = block.labels.first().map_or_else(String::new, |l| l.text.to_string());
            let of = AttributeOf { resource, address: full.clone(), attribute: attribute.to_owned() };
            let atom = self.computed_atom(of, attribute, kinds::kind_of_attribute(attribute), ANY_REFERENCE);
            Ok(Value::unknown(atom, Some(ANY_REFERENCE)))
        })?;
        Ok(super::values::placed(value, ANY_REFERENCE, span))
    }

    /// The instances of a called module; none when its source is not in the scan.
    pub(super) fn children(&self, instance: &Rc<Instance>, name: &str) -> Option<Rc<Vec<Child>>> {
        if let Some(known) = instance.children.borrow().get(name) {
            return Some(Rc::clone(known));
        }
        let block = instance.config.modules.get(name)?;
        let path = path_of(&instance.path, name);
        let config = self.called(&instance.config, block, &path)?;
        if instance.level >= MAX_MODULE_LEVELS {
            self.limit(format!("module calls nested deeper than {MAX_MODULE_LEVELS} levels"), block.header);
            return None;
        }
        let expansion = self.expansion(instance, &format!("module.{name}"), block);
        let child = |item: &Item| Child {
            item: item.clone(),
            instance: Rc::new(Instance::new(
                Arc::clone(&config),
                // the root that Terragrunt makes of a unit is the module itself
                if instance.config.terragrunt.is_some() {
                    instance.address.clone()
                } else {
                    instance.inside(&format!("module.{name}{}", item.suffix))
                },
                path.clone(),
                Some((Arc::clone(block), item.scope.clone())),
                instance.level + 1,
                instance.library,
            )),
        };
        let room = |_: &&Item| expansion.shape != Shape::One || self.room(block.header);
        let children = Rc::new(expansion.items.iter().filter(room).map(child).collect::<Vec<_>>());
        instance.children.borrow_mut().insert(name.to_owned(), Rc::clone(&children));
        Some(children)
    }

    /// The configuration of a called module: a folder of the scan, what `terraform init` installed, or a model.
    pub(super) fn called(&self, caller: &ModuleConfig, block: &Block, path: &str) -> Option<Arc<ModuleConfig>> {
        let installed = || self.cache.get(&self.folder).installed.get(path).cloned();
        let folder = config::local_source(&caller.folder, block).or_else(installed);
        if let Some(config) = folder.map(|f| self.cache.get(&f)).filter(|c| c.exists) {
            return Some(config);
        }
        let version = block.body.attribute("version").and_then(|a| config::literal(&a.value));
        let (source, version) = (config::source_of(block)?, version.as_deref());
        let model = self.cache.models.and_then(|m| m.find(&source, version)).or_else(|| models::find(&source, version))?;
        Some(self.cache.model(model)).filter(|c| c.exists)
    }

    /// What `count` or `for_each` makes of a block, once.
    pub(super) fn expansion(&self, instance: &Rc<Instance>, address: &str, block: &Block) -> Rc<Expansion> {
        if let Some(known) = instance.expansions.borrow().get(address) {
            return Rc::clone(known);
        }
        let scope = Scope::of(instance);
        // while the collection is evaluated, a reference back to the block meets one unknown instance
        let placeholder = Rc::new(Expansion { shape: Shape::One, items: Vec::new(), open: true });
        instance.expansions.borrow_mut().insert(address.to_owned(), placeholder);
        let expansion = if let Some(each) = block.body.attribute("for_each") {
            let value = self.eval(&each.value, &scope).unwrap_or_else(|e| self.failed(&e, &each.value, &scope));
            let mut expansion = self.expand_each(&value, instance, address, each.value.span);
            self.assume_each(&mut expansion, &each.value, &scope);
            expansion
        } else if let Some(count) = block.body.attribute("count") {
            let value = self.eval(&count.value, &scope).unwrap_or_else(|e| self.failed(&e, &count.value, &scope));
            let mut expansion = self.expand_count(&value, instance, address, count.value.span);
            self.assume_count(&mut expansion, &count.value, &scope);
            expansion
        } else {
            let only = Item { key: None, suffix: String::new(), scope, conditional: false, stand_in: false };
            Expansion { shape: Shape::One, items: vec![only], open: false }
        };
        let expansion = Rc::new(expansion);
        instance.expansions.borrow_mut().insert(address.to_owned(), Rc::clone(&expansion));
        expansion
    }

    fn expand_each(&self, value: &Value, instance: &Rc<Instance>, address: &str, span: Span) -> Expansion {
        let (mut items, mut open): (Vec<Item>, bool) = (Vec::new(), false);
        let alternatives = value.alternatives();
        for alternative in &alternatives {
            let is_list = matches!(alternative.kind, Kind::List { .. });
            let Ok(Items { pairs, open: more }) = self.items(alternative, span) else { continue };
            open |= more;
            for (key, value) in pairs {
                // of a set the key is the value
                let key = if is_list { value.clone() } else { key };
                let Some(text) = key.as_text() else {
                    open = true;
                    continue;
                };
                let suffix = format!("[{:?}]", text.to_string());
                if items.iter().any(|i| i.suffix == suffix) || !self.room(span) {
                    continue;
                }
                let scope = Scope { each: Some(Rc::new((key.clone(), value))), ..Scope::of(instance) };
                items.push(Item { key: Some(key), suffix, scope, conditional: false, stand_in: false });
            }
        }
        if alternatives.len() > 1 {
            let everywhere = |i: &Item| {
                alternatives.iter().all(|a| {
                    self.items(a, span).is_ok_and(|all| {
                        all.pairs.iter().any(|(k, v)| {
                            [k, v].iter().any(|x| x.as_text().zip(i.key.as_ref().and_then(Value::as_text)).is_some_and(|(a, b)| a.same(&b)))
                        })
                    })
                })
            };
            let sure: Vec<bool> = items.iter().map(everywhere).collect();
            items.iter_mut().zip(sure).for_each(|(i, sure)| i.conditional = !sure);
        }
        if open && items.is_empty() {
            items.push(self.stand_in(instance, address, value, span, Shape::Each));
        }
        Expansion { shape: Shape::Each, items, open }
    }

    fn expand_count(&self, value: &Value, instance: &Rc<Instance>, address: &str, span: Span) -> Expansion {
        let known =
            |v: &&Value| v.as_text().and_then(|t| t.as_known()).and_then(|n| n.parse::<f64>().ok()).filter(|n| (0.0..1e6).contains(n));
        let alternatives = value.alternatives();
        let counts: Vec<usize> = alternatives.iter().filter_map(known).map(|n| n as usize).collect();
        let open = counts.len() < alternatives.len();
        let (sure, most) = (if open { 0 } else { counts.iter().copied().min().unwrap_or(0) }, counts.iter().copied().max().unwrap_or(0));
        let mut items = Vec::new();
        for i in 0..most {
            if !self.room(span) {
                break;
            }
            let index = Value::new(Kind::Number(Arc::from(i.to_string())), None);
            let scope = Scope { count: Some(index.clone()), ..Scope::of(instance) };
            items.push(Item { key: Some(index), suffix: format!("[{i}]"), scope, conditional: i >= sure, stand_in: false });
        }
        if open && items.is_empty() {
            items.push(self.stand_in(instance, address, value, span, Shape::Count));
        }
        Expansion { shape: Shape::Count, items, open }
    }

    /// The instance that stands for those of an unknown collection.
    pub(super) fn stand_in(&self, instance: &Rc<Instance>, address: &str, of: &Value, span: Span, shape: Shape) -> Item {
        let why = match &of.kind {
            Kind::Unknown(atom) => atom.why().to_owned(),
            _ => "the collection is not known".to_owned(),
        };
        // Two blocks over one unknown collection have one unknown element: what the one binds the other one means.
        let collection = match &of.kind {
            Kind::Unknown(atom) if shape == Shape::Each => atom.key().to_owned(),
            _ => format!("{}|{}", self.root, instance.inside(address)),
        };
        let atom = |name: &str| {
            let key = format!("{collection}|{name}");
            Value::unknown(Unknown::new(key, UnknownKind::Any, format!("${{{name}}}"), why.clone(), Some(span)), Some(span))
        };
        let base = Scope::of(instance);
        let (scope, suffix) = match shape {
            Shape::Count => (Scope { count: Some(atom("count.index")), ..base }, "[count.index]"),
            _ => (Scope { each: Some(Rc::new((atom("each.key"), atom("each.value")))), ..base }, "[each.key]"),
        };
        Item { key: None, suffix: suffix.to_owned(), scope, conditional: true, stand_in: true }
    }
}

/// A reader looks at this block. A generic resource is wanted only when the type that it is given may be a wanted one.
fn is_wanted(block: &Block, wanted: fn(&str) -> bool) -> bool {
    let Some(kind) = block.labels.first() else { return false };
    let generic = kinds::of(&kind.text).and_then(ResourceKind::generic);
    let (true, false, Some((argument, part))) = (wanted(&kind.text), wanted("module"), generic) else {
        return wanted(&kind.text);
    };
    let given = block.body.attribute(argument).and_then(|t| config::literal(&t.value));
    given.is_none_or(|t| t.to_ascii_lowercase().contains(part))
}

/// The key of a module call in `modules.json`.
fn path_of(caller: &str, name: &str) -> String {
    if caller.is_empty() { name.to_owned() } else { format!("{caller}.{name}") }
}

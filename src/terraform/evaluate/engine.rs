//! The evaluator of one root: instances, scopes, memory, budget.

use super::config::{ConfigCache, ModuleConfig};
use super::worlds::{Choice, Selector, World};
use super::{EvalError, MAX_DEPTH, MAX_INSTANCES, MAX_NODES, MAX_STEPS, MAX_VALUE_DEPTH, ModuleCall, Undecided};
use crate::partial::{Entry, HopKind, Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::place::Span;
use crate::syntax::hcl::{Block, Expr};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Copying so many nodes costs as much as one evaluation step.
const NODES_PER_STEP: u64 = 2;
/// What a declaration has of its own: see [`Evaluator::declared`].
const OWN_STEPS: u64 = 200;
/// See [`Evaluator::declared`].
const STEPS_PER_BYTE: u64 = 4;

pub(super) type Result<T> = std::result::Result<T, EvalError>;

/// One instance of a module.
pub(super) struct Instance {
    pub(super) config: Arc<ModuleConfig>,
    /// `module.ci["a"]`, empty for the root.
    pub(super) address: String,
    /// The key in `modules.json`: `ci`, `ci.inner`.
    pub(super) path: String,
    /// The call, with the scope its arguments are evaluated in; none for the root.
    pub(super) call: Option<(Arc<Block>, Scope)>,
    pub(super) level: usize,
    pub(super) library: bool,
    memory: RefCell<BTreeMap<String, Memo>>,
    pub(super) children: RefCell<BTreeMap<String, Rc<Vec<Child>>>>,
    pub(super) expansions: RefCell<BTreeMap<String, Rc<Expansion>>>,
}

/// An instance of a called module with its key.
pub(super) struct Child {
    pub(super) item: Item,
    pub(super) instance: Rc<Instance>,
}

enum Memo {
    Running,
    Done(Result<Rc<Value>>),
}

/// What names mean at a place.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) instance: Rc<Instance>,
    pub(super) each: Option<Rc<(Value, Value)>>,
    pub(super) count: Option<Value>,
    pub(super) bindings: Option<Rc<Binding>>,
    /// What is true because the block exists.
    pub(super) assumed: Option<Rc<super::assume::Assumed>>,
}

/// A variable of a `for` expression, a `dynamic` block or a template.
pub(super) struct Binding {
    pub(super) name: Arc<str>,
    pub(super) value: Value,
    pub(super) next: Option<Rc<Binding>>,
}

impl Scope {
    pub(super) fn of(instance: &Rc<Instance>) -> Self {
        Self { instance: Rc::clone(instance), each: None, count: None, bindings: None, assumed: None }
    }

    pub(super) fn bind(&self, name: &Arc<str>, value: Value) -> Self {
        let binding = Binding { name: Arc::clone(name), value, next: self.bindings.clone() };
        Self { bindings: Some(Rc::new(binding)), ..self.clone() }
    }

    pub(super) fn binding(&self, name: &str) -> Option<&Value> {
        let mut next = self.bindings.as_deref();
        while let Some(binding) = next {
            if &*binding.name == name {
                return Some(&binding.value);
            }
            next = binding.next.as_deref();
        }
        None
    }
}

/// How `count` or `for_each` multiplies a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Neither.
    One,
    /// `count`.
    Count,
    /// `for_each`.
    Each,
}

/// The instances of a block.
pub(super) struct Expansion {
    pub(super) shape: Shape,
    pub(super) items: Vec<Item>,
    /// There may be more than these.
    pub(super) open: bool,
}

/// One instance of a block.
#[derive(Clone)]
pub(super) struct Item {
    /// The key: a number or a string; none without `count` and `for_each`.
    pub(super) key: Option<Value>,
    /// `[0]`, `["a"]` or nothing.
    pub(super) suffix: String,
    pub(super) scope: Scope,
    pub(super) conditional: bool,
    /// Stands for all the instances that an unknown collection gives.
    pub(super) stand_in: bool,
}

/// The evaluator of one root.
pub(super) struct Evaluator<'a> {
    pub(super) cache: &'a ConfigCache<'a>,
    /// The folder of the root.
    pub(super) folder: String,
    /// The identity of the root in keys: its folder, and the world where there are several.
    pub(super) root: String,
    /// Errors stay errors (`fedlint eval`), else they become atoms as near to their cause as possible.
    strict: bool,
    steps: Cell<u64>,
    /// How many steps may be made: those of the root, and past them what a declaration has of its own.
    ceiling: Cell<u64>,
    depth: Cell<usize>,
    trying: Cell<usize>,
    instances: Cell<usize>,
    fresh: Cell<u64>,
    /// Module calls by folder and path: whether something wanted is below.
    pub(super) mattering: RefCell<BTreeMap<(String, String), bool>>,
    /// What one unknown is taken to be.
    choice: Option<Choice>,
    /// See [`World::called`].
    pub(super) called: bool,
    /// See [`World::switched`].
    pub(super) switched: bool,
    /// A map that has to be asked lacks the key that is chosen.
    pub(super) impossible: Cell<bool>,
    /// The unknowns that pick from maps, by their keys inside the root.
    pub(super) selectors: RefCell<BTreeMap<String, Selector>>,
    pub(super) undecided: RefCell<Vec<Undecided>>,
    /// The calls of modules of which it is told that nobody judges them.
    pub(super) unjudged: RefCell<BTreeSet<Span>>,
    /// Blocks that make a trust and that a variable or an argument switches off, by address.
    pub(super) off: RefCell<BTreeMap<String, Span>>,
    /// Objects of Kubernetes are switched off.
    pub(super) objects_off: Cell<bool>,
    pub(super) calls: RefCell<Vec<ModuleCall>>,
    /// The files of Terragrunt that were included or read.
    pub(super) unit_files: RefCell<BTreeMap<String, Rc<Instance>>>,
    /// The units of Terragrunt that this one depends on, by folder.
    pub(super) units: RefCell<BTreeMap<String, Rc<Evaluator<'a>>>>,
    /// How many units were evaluated for this one or for those that depend on it.
    pub(super) units_made: Cell<usize>,
    /// The units that depend on this one, the first first.
    pub(super) chain: Vec<String>,
    root_instance: Rc<Instance>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(cache: &'a ConfigCache<'a>, root: &str, strict: bool) -> Self {
        Self::in_world(cache, World { config: cache.get(root), name: None, choice: None, called: false, switched: false }, strict)
    }

    /// The evaluator of a root with the values of one world.
    pub(super) fn in_world(cache: &'a ConfigCache<'a>, world: World, strict: bool) -> Self {
        let World { config, name, choice, called, switched } = world;
        let folder = config.folder.clone();
        let mut root = name.map_or_else(|| folder.clone(), |name| format!("{folder}@{name}"));
        if let Some(choice) = &choice {
            root = format!("{root}@{}={}", choice.label, choice.value);
        }
        if called {
            root = format!("{root}@called");
        }
        let library = called || config.is_library();
        let root_instance = Rc::new(Instance::new(config, String::new(), String::new(), None, 0, library));
        Self {
            cache,
            folder,
            root,
            strict,
            steps: Cell::new(0),
            ceiling: Cell::new(MAX_STEPS),
            depth: Cell::new(0),
            trying: Cell::new(0),
            instances: Cell::new(0),
            fresh: Cell::new(0),
            mattering: RefCell::default(),
            choice,
            called,
            switched,
            impossible: Cell::new(false),
            selectors: RefCell::default(),
            undecided: RefCell::default(),
            unjudged: RefCell::default(),
            off: RefCell::default(),
            objects_off: Cell::new(false),
            calls: RefCell::default(),
            unit_files: RefCell::default(),
            units: RefCell::default(),
            units_made: Cell::new(0),
            chain: Vec::new(),
            root_instance,
        }
    }

    /// The evaluator of a unit that `other` depends on.
    pub(super) fn depending(mut self, other: &Self) -> Self {
        self.chain.clone_from(&other.chain);
        self.chain.push(other.folder.clone());
        self
    }

    /// Lets another evaluator work with what is left of steps, instances and the stack.
    pub(super) fn lend<T>(&self, other: &Self, work: impl FnOnce() -> T) -> T {
        other.steps.set(self.steps.get());
        other.ceiling.set(self.ceiling.get());
        other.instances.set(self.instances.get());
        other.depth.set(self.depth.get());
        other.units_made.set(self.units_made.get());
        let out = work();
        self.steps.set(other.steps.get());
        self.instances.set(other.instances.get());
        self.units_made.set(other.units_made.get());
        out
    }

    pub(super) fn root_scope(&self) -> Scope {
        Scope::of(&self.root_instance)
    }

    /// The identity of an unknown whatever the world is called.
    fn inside_root(&self, atom: &Unknown) -> String {
        super::values::inside(&self.root, atom)
    }

    /// An unknown picks from the entries of a map.
    pub(super) fn picks(&self, atom: &Unknown, entries: &[Entry]) {
        let keys: Option<BTreeSet<String>> = entries.iter().map(|e| e.key.as_known()).collect();
        if let Some(keys) = keys {
            self.selectors.borrow_mut().entry(self.inside_root(atom)).or_default().pick(atom.bare(), keys);
        }
    }

    /// The value, with the unknown of this world's choice chosen.
    pub(super) fn chosen(&self, value: Value, span: Span) -> Value {
        let Some(choice) = &self.choice else { return value };
        let atom = match &value.kind {
            Kind::Unknown(atom) => atom,
            Kind::Text(text) => match text.parts.as_slice() {
                [Part::Hole { atom, .. }] => atom,
                _ => return value,
            },
            _ => return value,
        };
        if self.inside_root(atom) != choice.atom {
            return value;
        }
        let known = Value { kind: Kind::Text(Text::literal(&choice.value, span)), span: Some(span), trail: value.trail };
        super::values::with_hop(known, span, HopKind::MapKey(choice.label.as_str().into()))
    }

    /// Counts one evaluation and one level; the caller must call [`Evaluator::leave`] after an `Ok`.
    pub(super) fn enter(&self, span: Span) -> Result<()> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > self.ceiling.get() {
            return Err(self.limit(format!("more than {MAX_STEPS} evaluation steps"), span));
        }
        if self.depth.get() >= MAX_DEPTH {
            return Err(self.limit(format!("evaluation nested deeper than {MAX_DEPTH} levels"), span));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(())
    }

    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }

    /// Evaluates a declaration, which has steps of its own beside those of the root: as many as its text is long, so that what
    /// is written out is judged however much its neighbours cost, and all of them together cost what they are long.
    pub(super) fn declared<T>(&self, declaration: Span, work: impl FnOnce() -> T) -> T {
        let own = OWN_STEPS.saturating_add(STEPS_PER_BYTE.saturating_mul(declaration.len() as u64));
        let before = self.ceiling.get();
        self.ceiling.set(before.max(self.steps.get().saturating_add(own)));
        let out = work();
        self.ceiling.set(before);
        out
    }

    /// Counts the copying of a value of `size` nodes.
    pub(super) fn charge(&self, size: usize, span: Span) -> Result<()> {
        self.steps.set(self.steps.get().saturating_add(size as u64 / NODES_PER_STEP));
        if self.steps.get() > self.ceiling.get() {
            return Err(self.limit(format!("more than {MAX_STEPS} evaluation steps"), span));
        }
        Ok(())
    }

    /// The value; an error when it is too large or too deep to be kept.
    fn bounded(&self, value: Result<Value>, name: &str, span: Span) -> Result<Value> {
        let Ok(inner) = &value else { return value };
        let mut left = MAX_NODES;
        if super::values::fits(inner, MAX_VALUE_DEPTH, &mut left) {
            self.charge(MAX_NODES - left, span)?;
            return value;
        }
        Err(self.limit(format!("the value of `{name}` is too large"), span))
    }

    /// Records a limit once.
    pub(super) fn limit(&self, why: String, span: Span) -> EvalError {
        let mut undecided = self.undecided.borrow_mut();
        if !undecided.iter().any(|u| u.why == why) {
            undecided.push(Undecided { span: Some(span), why: why.clone() });
        }
        EvalError::new(why, Some(span))
    }

    /// Room for one more instance.
    pub(super) fn room(&self, span: Span) -> bool {
        self.instances.set(self.instances.get() + 1);
        let room = self.instances.get() <= MAX_INSTANCES;
        if !room {
            self.limit(format!("more than {MAX_INSTANCES} instances"), span);
        }
        room
    }

    /// Runs with errors staying errors, as `try` needs.
    pub(super) fn attempt<T>(&self, inner: impl FnOnce() -> Result<T>) -> Result<T> {
        self.trying.set(self.trying.get() + 1);
        let out = inner();
        self.trying.set(self.trying.get() - 1);
        out
    }

    /// An error becomes an atom, unless somebody wants to see it.
    pub(super) fn settle(&self, result: Result<Value>, expr: &Expr, scope: &Scope) -> Result<Value> {
        match result {
            Err(error) if !self.strict && self.trying.get() == 0 => Ok(self.failed(&error, expr, scope)),
            other => other,
        }
    }

    /// Answers as `terraform console` would.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Answers as `terraform console` would, outside of `try`.
    pub(super) fn as_console(&self) -> bool {
        self.strict && self.trying.get() == 0
    }

    /// The atom of an expression that failed.
    pub(super) fn failed(&self, error: &EvalError, expr: &Expr, scope: &Scope) -> Value {
        if self.choice.as_ref().is_some_and(|choice| error.missing_key.as_ref() == Some(&choice.value)) {
            self.impossible.set(true);
        }
        let label = super::expression::describe(expr);
        Value::unknown(self.fresh_atom(scope, &label, &error.message, expr.span), Some(expr.span))
    }

    /// An atom that equals no other.
    pub(super) fn fresh_atom(&self, scope: &Scope, label: &str, why: &str, span: Span) -> Unknown {
        self.fresh.set(self.fresh.get() + 1);
        let key = format!("{}|{}|?{}", self.root, scope.instance.address, self.fresh.get());
        Unknown::new(key, UnknownKind::Any, format!("${{{label}}}"), why, Some(span))
    }

    /// The identity of a name in a module instance.
    pub(super) fn key(&self, instance: &Instance, name: &str) -> String {
        format!("{}|{}|{name}", self.root, instance.address)
    }

    /// [`Evaluator::recall`], copied.
    pub(super) fn remember(
        &self,
        instance: &Rc<Instance>,
        name: &str,
        span: Span,
        compute: impl FnOnce() -> Result<Value>,
    ) -> Result<Value> {
        let value = self.recall(instance, name, span, compute)?;
        self.copy(&value, span)
    }

    /// A copy that is paid for.
    pub(super) fn copy(&self, value: &Value, span: Span) -> Result<Value> {
        self.charge_for(std::slice::from_ref(value), span)?;
        Ok(value.clone())
    }

    /// Counts a walk over these values.
    pub(super) fn charge_for(&self, values: &[Value], span: Span) -> Result<()> {
        let mut left = MAX_NODES;
        let _whole = values.iter().all(|v| super::values::fits(v, MAX_VALUE_DEPTH, &mut left));
        self.charge(MAX_NODES - left, span)
    }

    /// Computes once per instance; a cycle is an atom.
    pub(super) fn recall(
        &self,
        instance: &Rc<Instance>,
        name: &str,
        span: Span,
        compute: impl FnOnce() -> Result<Value>,
    ) -> Result<Rc<Value>> {
        match instance.memory.borrow().get(name) {
            Some(Memo::Done(value)) => return value.clone(),
            Some(Memo::Running) => {
                let why = format!("`{name}` refers to itself");
                if self.strict {
                    return Err(EvalError::new(why, Some(span)));
                }
                let atom = Unknown::new(self.key(instance, name), UnknownKind::Any, format!("${{{name}}}"), why, Some(span));
                return Ok(Rc::new(Value::unknown(atom, Some(span))));
            }
            None => {}
        }
        instance.memory.borrow_mut().insert(name.to_owned(), Memo::Running);
        let trying = self.trying.replace(0);
        let value = self.bounded(compute(), name, span).map(Rc::new);
        self.trying.set(trying);
        instance.memory.borrow_mut().insert(name.to_owned(), Memo::Done(value.clone()));
        value
    }
}

impl Instance {
    pub(super) fn new(
        config: Arc<ModuleConfig>,
        address: String,
        path: String,
        call: Option<(Arc<Block>, Scope)>,
        level: usize,
        library: bool,
    ) -> Self {
        Self {
            config,
            address,
            path,
            call,
            level,
            library,
            memory: RefCell::default(),
            children: RefCell::default(),
            expansions: RefCell::default(),
        }
    }

    /// The address of something inside: `module.ci.aws_iam_role.x`.
    pub(super) fn inside(&self, name: &str) -> String {
        if self.address.is_empty() { name.to_owned() } else { format!("{}.{name}", self.address) }
    }
}

/// Instances and the scopes that they remember refer to each other: take them apart.
impl Drop for Evaluator<'_> {
    fn drop(&mut self) {
        let mut queue = vec![Rc::clone(&self.root_instance)];
        while let Some(instance) = queue.pop() {
            instance.expansions.take();
            for children in instance.children.take().into_values() {
                queue.extend(children.iter().map(|c| Rc::clone(&c.instance)));
            }
        }
    }
}

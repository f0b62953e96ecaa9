//! The evaluator: folders of Terraform files become [`Resource`]s.
//!
//! A folder is a module; a root is a folder that nobody in the scan calls. Values are lazy and memoised per module
//! instance. What cannot be known stays an atom, what fails is an atom that says why.

mod assume;
mod body;
mod calls;
mod collection;
mod computed;
mod config;
mod engine;
mod expression;
mod iteration;
mod left_out;
mod modelled;
mod operators;
mod paths;
mod policy_document;
mod reference;
mod remote;
mod remote_state;
mod resources;
mod stand_ins;
mod template;
mod terragrunt;
#[cfg(test)]
mod tests;
mod traverse;
mod types;
#[cfg(test)]
mod unit_tests;
mod units;
mod validation;
mod values;
mod worlds;

use crate::place::{FileId, Span};

use crate::partial::Value;
use crate::source::SourceFile;
use crate::syntax::hcl::Duplicate;
use crate::syntax::{Problem, hcl};
use crate::terraform::Resource;
use crate::terraform::models::{Arguments, Library};
use config::ConfigCache;
use engine::Evaluator;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
pub use worlds::variable_files_by_root;

/// Most expressions that are evaluated for one root.
pub const MAX_STEPS: u64 = 2_000_000;
/// Deepest nesting of evaluations (an expression in a local in a module in …).
pub const MAX_DEPTH: usize = 400;
/// Most instances of resources and modules of one root.
pub const MAX_INSTANCES: usize = 20_000;
/// Largest value that is kept, in nodes (items, entries, pieces of strings).
pub const MAX_NODES: usize = 100_000;
/// Deepest nesting of a value.
pub const MAX_VALUE_DEPTH: usize = 64;
/// Deepest nesting of module calls.
pub const MAX_MODULE_LEVELS: usize = 12;
/// Stack of the thread that evaluates a root, in bytes: enough for [`MAX_DEPTH`].
const STACK: usize = 256 << 20;

/// The files that the evaluator may see. All paths are relative to the scanned root with `/`; `""` is the root.
pub trait ModuleFiles: Sync {
    /// The Terraform files of a folder (`.tf`, `.tofu`, their `.json` forms, `.tfvars`), in order of their names.
    fn folder(&self, folder: &str) -> Vec<Arc<SourceFile>>;
    /// Any text file inside the root.
    fn read(&self, path: &str) -> Option<Arc<SourceFile>>;
    /// The paths of the files below a folder.
    fn list(&self, folder: &str) -> Vec<String>;
    /// The variable files (`.tfvars`, `.tfvars.json`) in the folders below a root that hold no configuration themselves
    /// and belong to no other root.
    fn variable_files(&self, root: &str) -> Vec<String> {
        worlds::variable_files_by_root(&self.list(root)).remove(root).unwrap_or_default()
    }
    /// Gives a built-in file (a model of a well-known module) its place among the files; none when there is no such
    /// place, then modules that only a model describes stay remote.
    fn builtin(&self, path: &str, text: &str) -> Option<Arc<SourceFile>> {
        let _ = (path, text);
        None
    }
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalError {
    /// What is wrong, lower case.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// The key that a map has not, where that is what is wrong.
    pub missing_key: Option<String>,
}

impl EvalError {
    pub(crate) fn new(message: impl Into<String>, span: Option<Span>) -> Self {
        Self { message: message.into(), span, missing_key: None }
    }

    /// A map has no such key.
    pub(crate) fn no_key(key: &str, span: Option<Span>) -> Self {
        Self { missing_key: Some(key.to_owned()), ..Self::new(format!("the map has no key `{key}`"), span) }
    }
}

/// Something that a limit kept from being evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// Where.
    pub span: Option<Span>,
    /// Why, lower case.
    pub why: String,
}

/// Why a value is not known: the reason of its first unknown.
#[must_use]
pub fn why_unknown(value: &Value) -> Option<String> {
    values::cause(value)
}

/// A call of a module that was looked into, or that could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleCall {
    /// The root that it was evaluated for.
    pub root: String,
    /// Its address without the keys of its own instances: `module.ci["a"].module.role`.
    pub address: String,
    /// The header of the call.
    pub span: Span,
    /// Only a model describes what it calls.
    pub modelled: bool,
    /// How many wanted resources its instances declare: none when its arguments (or its `count`) switch it off.
    pub resources: usize,
    /// What its arguments are for.
    pub arguments: Arguments,
    /// The keys of the texts that it is handed, when nobody has read its module: it may bind or annotate what they name.
    pub handed: Vec<String>,
}

/// What the folders declare.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// Every resource, data source and remote module call of every root, in order of root and address.
    pub resources: Vec<Resource>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Where a limit was hit.
    pub undecided: Vec<Undecided>,
    /// What is declared and switched off in every world.
    pub absent: Vec<Undecided>,
    /// Object keys that are written twice: Terraform keeps the last.
    pub duplicates: Vec<Duplicate>,
    /// The calls of modules, one for each time a caller evaluated them.
    pub calls: Vec<ModuleCall>,
}

/// The folders of a scan.
pub struct Workspace<'a> {
    cache: ConfigCache<'a>,
    folders: Vec<String>,
    wanted: fn(&str) -> bool,
}

/// The folder that the `terragrunt.hcl` of a folder calls, where it has one and calls a module in the scan.
#[must_use]
pub fn unit_source(files: &dyn ModuleFiles, folder: &str) -> Option<String> {
    terragrunt::local_source(files, folder)
}

impl<'a> Workspace<'a> {
    /// A workspace over the folders that matter (those with a hit and their callers).
    #[must_use]
    pub fn new(files: &'a dyn ModuleFiles, folders: &[String]) -> Self {
        let folders: BTreeSet<String> = folders.iter().map(|f| paths::normal(f).unwrap_or_default()).collect();
        let folders: Vec<String> = folders.into_iter().collect();
        Self { cache: ConfigCache::new(files, folders.clone()), folders, wanted: |_| true }
    }

    /// Only resources of these types are given back; what they refer to is evaluated as far as they need it. Most of a
    /// repository is not about trust, and its values can be large.
    #[must_use]
    pub fn only(mut self, wanted: fn(&str) -> bool) -> Self {
        self.wanted = wanted;
        self
    }

    /// Further models of modules that are not on disk, before the built-in ones.
    #[must_use]
    pub fn models(mut self, models: &'a Library) -> Self {
        self.cache.models = Some(models);
        self
    }

    /// The folders that no other folder calls, with those that only a cycle of calls reaches.
    #[must_use]
    pub fn roots(&self) -> Vec<String> {
        let mut called = BTreeSet::new();
        for folder in &self.folders {
            called.extend(self.cache.get(folder).local_calls().into_iter().filter(|c| c != folder));
        }
        let mut roots: Vec<String> = self.folders.iter().filter(|f| !called.contains(*f)).cloned().collect();
        let mut reached: BTreeSet<String> = BTreeSet::new();
        roots.iter().for_each(|r| self.reach(r, &mut reached));
        for folder in &self.folders {
            if !reached.contains(folder) {
                self.reach(folder, &mut reached);
                roots.push(folder.clone());
            }
        }
        roots.sort();
        roots
    }

    fn reach(&self, folder: &str, reached: &mut BTreeSet<String>) {
        let mut queue = vec![folder.to_owned()];
        while let Some(next) = queue.pop() {
            if reached.insert(next.clone()) {
                queue.extend(self.cache.get(&next).local_calls());
            }
        }
    }

    /// Evaluates every root.
    #[must_use]
    pub fn evaluate(&self) -> Evaluated {
        let roots = self.roots();
        let each: Vec<Evaluated> = roots.par_iter().map(|root| self.on_big_stack(|| self.evaluate_root(root))).collect();
        let mut out = Evaluated::default();
        for one in each {
            out.resources.extend(one.resources);
            out.undecided.extend(one.undecided);
            out.absent.extend(one.absent);
            out.calls.extend(one.calls);
        }
        for config in self.cache.all() {
            out.problems.extend(config.problems.iter().cloned());
            out.duplicates.extend(config.duplicates.iter().cloned());
        }
        out
    }

    fn evaluate_root(&self, root: &str) -> Evaluated {
        let mut out = Evaluated::default();
        let mut seen: Vec<Vec<Resource>> = Vec::new();
        let worlds = worlds::of_root(&self.cache, root);
        let called = worlds.all.last().is_some_and(|world| world.called);
        let first = worlds.all.first().cloned();
        let mut told: BTreeSet<(Option<Span>, String)> = worlds.left.iter().map(|u| (u.span, u.why.clone())).collect();
        out.undecided.extend(worlds.left);
        let mut off: Option<BTreeMap<String, Span>> = None;
        let mut objects_off = false;
        for declared in worlds.all.into_iter().flat_map(|world| self.evaluate_world(world)) {
            out.calls.extend(declared.calls);
            for undecided in declared.undecided {
                if told.insert((undecided.span, undecided.why.clone())) {
                    out.undecided.push(undecided);
                }
            }
            let here = declared.off;
            objects_off |= declared.objects_off;
            off = Some(off.map_or_else(|| here.clone(), |before| before.into_iter().filter(|(k, _)| here.contains_key(k)).collect()));
            // values that change nothing make no other world
            if !seen.iter().any(|before| worlds::same(before, &declared.resources)) {
                seen.push(declared.resources);
            }
        }
        if called && let Some((callers, defaults)) = seen.split_last_mut() {
            defaults.iter_mut().for_each(|world| stand_ins::mark(world, callers));
        }
        out.resources = seen.into_iter().flatten().collect();
        let mut off = off.unwrap_or_default();
        if let Some(world) = first.filter(|_| !off.is_empty() || objects_off) {
            let mut more = self.switched_on(world, &out.resources);
            // Where no trust is switched off, only what somebody else's trust may be for.
            more.retain(|r| !off.is_empty() || modelled::is_object(&r.kind));
            off.retain(|address, _| !more.iter().any(|r| r.address.starts_with(address.as_str())));
            out.resources.extend(more);
        }
        out.absent.extend(modelled::switched_off(off));
        out
    }

    /// What a default of `false` switches off, as it is for whoever switches it on: it may be there.
    fn switched_on(&self, world: worlds::World, known: &[Resource]) -> Vec<Resource> {
        let evaluator = Evaluator::in_world(&self.cache, worlds::World { switched: true, ..world }, false);
        let mut more = evaluator.resources(self.wanted);
        more.retain(|r| !known.iter().any(|k| k.address == r.address || k.span == r.span));
        more.iter_mut().for_each(|r| r.conditional = true);
        more
    }

    /// What a world declares; several times where one unknown picks from several maps, once for each of its values.
    fn evaluate_world(&self, world: worlds::World) -> Vec<worlds::Declared> {
        let evaluate = |world| {
            let evaluator = Evaluator::in_world(&self.cache, world, false);
            let resources = evaluator.resources(self.wanted);
            let (undecided, off, calls) = (evaluator.undecided.take(), evaluator.off.take(), evaluator.calls.take());
            let (impossible, objects_off) = (evaluator.impossible.get(), evaluator.objects_off.get());
            (worlds::Declared { impossible, resources, undecided, off, objects_off, calls }, evaluator.selectors.take())
        };
        let (declared, selectors) = evaluate(world.clone());
        let choices = worlds::choices(&selectors);
        if choices.is_empty() || !declared.resources.iter().any(worlds::is_mixed) {
            return vec![declared];
        }
        let chosen = choices.into_iter().map(|choice| evaluate(worlds::World { choice: Some(choice), ..world.clone() }).0);
        let possible: Vec<_> = chosen.filter(|d| !d.impossible).collect();
        if possible.is_empty() { vec![declared] } else { possible }
    }

    /// The value of an expression in a root folder, as `terraform console` would see it.
    ///
    /// # Errors
    /// The text is no expression, or Terraform would refuse to evaluate it.
    pub fn evaluate_expression(&self, folder: &str, text: &str) -> Result<Value, EvalError> {
        let folder = paths::normal(folder).ok_or_else(|| EvalError::new("the folder lies outside the root", None))?;
        let expr = hcl::parse_expression(text, FileId(u32::MAX)).map_err(|p| EvalError::new(p.message, None))?;
        self.on_big_stack(|| {
            let evaluator = Evaluator::new(&self.cache, &folder, true);
            let scope = evaluator.root_scope();
            evaluator.eval(&expr, &scope)
        })
    }

    /// Runs on a thread with a stack that the depth limit fits in; on failure to start one, answers the default.
    fn on_big_stack<T: Send + OrDefault>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
            thread.ok().and_then(|t| t.join().ok()).unwrap_or_else(T::or_default)
        })
    }
}

/// What stands in for a result when the evaluating thread could not run.
trait OrDefault {
    fn or_default() -> Self;
}

impl OrDefault for Evaluated {
    fn or_default() -> Self {
        let why = "the evaluation could not run".to_owned();
        Self { undecided: vec![Undecided { span: None, why }], ..Self::default() }
    }
}

impl OrDefault for Result<Value, EvalError> {
    fn or_default() -> Self {
        Err(EvalError::new("the evaluation could not run", None))
    }
}

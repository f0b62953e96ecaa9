//! A module's configuration: the files of a folder merged, with overrides.

use super::remote_state::StatePlace;
use super::{ModuleFiles, paths, terragrunt};
use crate::place::{FileId, Span};

use crate::source::SourceFile;
use crate::syntax::Problem;
use crate::syntax::hcl::{self, Attribute, Block, Body, Duplicate, Expr, ExprKind};
use crate::terraform::models::{Arguments, Library, Model};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A variable's declaration.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) body: Arc<Body>,
    pub(super) span: Span,
}

/// The files of a folder.
#[derive(Debug, Default, Clone)]
pub(super) struct ModuleConfig {
    pub(super) folder: String,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) locals: BTreeMap<String, Attribute>,
    pub(super) outputs: BTreeMap<String, Arc<Block>>,
    /// `resource`, `data` and `ephemeral` blocks by their address (`data.aws_x.y`).
    pub(super) resources: BTreeMap<String, Arc<Block>>,
    pub(super) modules: BTreeMap<String, Arc<Block>>,
    /// `provider` blocks by their name and alias.
    pub(super) configured: BTreeMap<String, Arc<Block>>,
    /// Values of `terraform.tfvars` and `*.auto.tfvars`, later files win.
    pub(super) assigned: BTreeMap<String, (Attribute, String)>,
    /// Folders by module key (`eks`, `eks.node`), from `.terraform/modules/modules.json`.
    pub(super) installed: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
    pub(super) duplicates: Vec<Duplicate>,
    /// It configures a provider or a backend: a root, not a library.
    pub(super) is_root: bool,
    /// The block `backend` or `cloud`: where the state is kept.
    pub(super) backend: Option<Block>,
    pub(super) exists: bool,
    /// The local names of `required_providers`.
    pub(super) providers: BTreeSet<String>,
    /// It is a file of Terragrunt.
    pub(super) terragrunt: Option<Arc<terragrunt::Unit>>,
    /// The built-in files of a model: places in them mean nothing to the user.
    pub(super) builtin: BTreeSet<FileId>,
    /// What a model's arguments are for.
    pub(super) arguments: Arguments,
}

impl ModuleConfig {
    fn load(files: &dyn ModuleFiles, folder: &str) -> Self {
        let mut out = Self { folder: folder.to_owned(), ..Self::default() };
        let (mut overrides, mut variables) = (Vec::new(), Vec::new());
        for file in files.folder(folder) {
            let name = file.path.rsplit('/').next().unwrap_or("").to_owned();
            match kind_of(&name) {
                FileKind::Configuration => out.add_file(&file, false),
                FileKind::Override => overrides.push(file),
                FileKind::Variables => variables.push((name, file)),
                FileKind::OtherVariables => out.is_root = true,
                FileKind::Other => {}
            }
        }
        overrides.iter().for_each(|f| out.add_file(f, true));
        // terraform.tfvars first, then *.auto.tfvars by name
        variables.sort_by_key(|(name, _)| (!name.starts_with("terraform.tfvars"), name.clone()));
        for (name, file) in variables {
            out.is_root = true;
            out.add_variables(&file, &name);
        }
        out.add_installed(files);
        if !out.exists {
            terragrunt::add(&mut out, files);
        }
        out
    }

    /// The built-in folder of a model.
    fn of_model(files: &dyn ModuleFiles, folder: &str, model: &Model) -> Self {
        let mut out = Self { folder: folder.to_owned(), is_root: true, arguments: model.arguments.clone(), ..Self::default() };
        for (name, text) in &model.files {
            if let Some(file) = files.builtin(&format!("{folder}/{name}"), text) {
                out.builtin.insert(file.id);
                out.add_file(&file, false);
            }
        }
        out
    }

    pub(super) fn take(&mut self, file: &SourceFile) -> Body {
        let parsed = hcl::parse(file);
        self.problems.extend(parsed.problems);
        self.duplicates.extend(parsed.duplicates);
        parsed.body
    }

    /// Takes the values of a variable file; gives the names.
    pub(super) fn add_variables(&mut self, file: &SourceFile, name: &str) -> Vec<String> {
        let attributes = self.take(file).attributes;
        let names = attributes.iter().map(|a| a.name.to_string()).collect();
        for attribute in attributes {
            self.assigned.insert(attribute.name.to_string(), (attribute, name.to_owned()));
        }
        names
    }

    fn add_file(&mut self, file: &SourceFile, overrides: bool) {
        self.exists = true;
        for block in self.take(file).blocks {
            let label = |i: usize| block.labels.get(i).map_or_else(String::new, |l| l.text.to_string());
            let block_arc = Arc::new(block.clone());
            match &*block.kind {
                "variable" => {
                    let body = match self.variables.get(&label(0)) {
                        Some(before) if overrides => Arc::new(merge(&before.body, &block.body)),
                        _ => Arc::clone(&block.body),
                    };
                    self.variables.insert(label(0), Variable { body, span: block.header });
                }
                "locals" => self.locals.extend(block.body.attributes.iter().map(|a| (a.name.to_string(), a.clone()))),
                "output" => put(&mut self.outputs, label(0), block_arc, overrides),
                "module" => put(&mut self.modules, label(0), block_arc, overrides),
                "resource" => put(&mut self.resources, format!("{}.{}", label(0), label(1)), block_arc, overrides),
                "data" | "ephemeral" => {
                    put(&mut self.resources, format!("{}.{}.{}", block.kind, label(0), label(1)), block_arc, overrides);
                }
                "provider" => {
                    self.is_root = true;
                    let alias = block.body.attribute("alias").and_then(|a| literal(&a.value)).map_or_else(String::new, |a| format!(".{a}"));
                    put(&mut self.configured, format!("provider.{}{alias}", label(0)), block_arc, overrides);
                }
                "terraform" => {
                    if let Some(backend) = block.body.blocks.iter().find(|b| matches!(&*b.kind, "backend" | "cloud")) {
                        self.is_root = true;
                        self.backend = Some(backend.clone());
                    }
                    let required = block.body.blocks.iter().filter(|b| &*b.kind == "required_providers");
                    self.providers.extend(required.flat_map(|b| &b.body.attributes).map(|a| a.name.to_string()));
                }
                // `check` blocks may hold scoped data sources, `moved`, `removed`, `import` declare nothing
                _ => {}
            }
        }
    }

    fn add_installed(&mut self, files: &dyn ModuleFiles) {
        let Some(path) = paths::join(&self.folder, ".terraform/modules/modules.json") else { return };
        let Some(file) = files.read(&path) else { return };
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&file.text) else { return };
        for module in json.get("Modules").and_then(|m| m.as_array()).into_iter().flatten() {
            let field = |name: &str| module.get(name).and_then(|v| v.as_str());
            if let (Some(key), Some(dir)) = (field("Key").filter(|k| !k.is_empty()), field("Dir"))
                && let Some(folder) = paths::join(&self.folder, dir)
            {
                self.installed.insert(key.to_owned(), folder);
            }
        }
    }

    /// The folders that this module calls by a relative path.
    pub(super) fn local_calls(&self) -> Vec<String> {
        self.modules.values().filter_map(|block| local_source(&self.folder, block)).collect()
    }

    /// It looks like a module that others are meant to call: needs arguments, configures nothing and calls nothing
    /// itself. Where the folder stands among `modules` it need not need arguments.
    pub(super) fn is_library(&self) -> bool {
        let required = |v: &Variable| v.body.attribute("default").is_none();
        let named = self.folder.split('/').any(|part| part == "modules");
        !self.is_root && self.modules.is_empty() && (named || self.variables.values().any(required))
    }
}

/// The folder of a call with a relative source.
pub(super) fn local_source(folder: &str, block: &Block) -> Option<String> {
    let source = source_of(block)?;
    if source.starts_with("./") || source.starts_with("../") || source == "." || source == ".." {
        paths::join(folder, &source)
    } else {
        None
    }
}

/// A module call's source as written.
pub(super) fn source_of(block: &Block) -> Option<String> {
    literal(&block.body.attribute("source")?.value)
}

/// The characters of a plain string expression.
pub(super) fn literal(expr: &Expr) -> Option<String> {
    if let ExprKind::Template(t) = &expr.kind { t.as_literal() } else { None }
}

fn put(map: &mut BTreeMap<String, Arc<Block>>, key: String, block: Arc<Block>, overrides: bool) {
    let merged = match map.get(&key) {
        Some(before) if overrides => Arc::new(Block { body: Arc::new(merge(&before.body, &block.body)), ..(**before).clone() }),
        _ => block,
    };
    map.insert(key, merged);
}

/// Override files: each argument replaces its namesake, each kind of nested block replaces all of that kind
/// (<https://developer.hashicorp.com/terraform/language/files/override>).
fn merge(base: &Body, over: &Body) -> Body {
    let mut out = base.clone();
    out.attributes.retain(|a| over.attribute(&a.name).is_none());
    out.attributes.extend(over.attributes.iter().cloned());
    out.blocks.retain(|b| !over.blocks.iter().any(|o| o.kind == b.kind));
    out.blocks.extend(over.blocks.iter().cloned());
    out
}

enum FileKind {
    Configuration,
    Override,
    Variables,
    OtherVariables,
    Other,
}

fn kind_of(name: &str) -> FileKind {
    let plain = name.strip_suffix(".json").unwrap_or(name);
    if plain == "terraform.tfvars" || plain.ends_with(".auto.tfvars") {
        return FileKind::Variables;
    }
    if plain.ends_with(".tfvars") {
        return FileKind::OtherVariables;
    }
    match plain.strip_suffix(".tf").or_else(|| plain.strip_suffix(".tofu")) {
        Some(stem) if stem == "override" || stem.ends_with("_override") => FileKind::Override,
        Some(_) => FileKind::Configuration,
        None => FileKind::Other,
    }
}

/// The configurations that were needed so far.
pub(super) struct ConfigCache<'a> {
    pub(super) files: &'a dyn ModuleFiles,
    /// The user's models; they come before the built-in ones.
    pub(super) models: Option<&'a Library>,
    /// The folders of the scan, in order.
    pub(super) folders: Vec<String>,
    /// The roots by where they keep their state, once somebody asks.
    pub(super) states: OnceLock<HashMap<StatePlace, Option<String>>>,
    loaded: Mutex<HashMap<String, Arc<ModuleConfig>>>,
}

impl<'a> ConfigCache<'a> {
    pub(super) fn new(files: &'a dyn ModuleFiles, folders: Vec<String>) -> Self {
        Self { files, models: None, folders, states: OnceLock::new(), loaded: Mutex::default() }
    }

    pub(super) fn get(&self, folder: &str) -> Arc<ModuleConfig> {
        if let Some(config) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(folder) {
            return Arc::clone(config);
        }
        let config = Arc::new(ModuleConfig::load(self.files, folder));
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(loaded.entry(folder.to_owned()).or_insert(config))
    }

    /// The configuration of a model, in a folder that no file of a scan can stand in.
    pub(super) fn model(&self, model: &Model) -> Arc<ModuleConfig> {
        let folder = format!("{}{}", crate::terraform::models::FOLDER, model.name);
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let load = || Arc::new(ModuleConfig::of_model(self.files, &folder, model));
        Arc::clone(loaded.entry(folder.clone()).or_insert_with(load))
    }

    /// Everything that was loaded, in order of folders.
    pub(super) fn all(&self) -> Vec<Arc<ModuleConfig>> {
        let mut all: Vec<_> = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        all
    }
}

//! Terragrunt: a folder whose `terragrunt.hcl` names a module and its inputs is a root that calls the module
//! (<https://terragrunt.gruntwork.io/docs/reference/hcl/blocks/>).
//!
//! Paths are seen from the scanned root: what Terragrunt gives as an absolute path begins with `/` here.

use super::config::{self, ModuleConfig};
use super::{ModuleFiles, paths};
use crate::syntax::hcl::{Attribute, Block, Body, Expr, ExprKind as K, Label, Template, TemplatePart};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file of a unit.
const FILE: &str = "terragrunt.hcl";
/// The file that units include when they do not say which.
const PARENTS: &[&str] = &[FILE, "root.hcl"];
/// Deepest nesting of an expression that gives a path.
const MAX_LEVELS: usize = 16;
/// Most expressions that are read for one path.
const MAX_STEPS: usize = 1_000;
/// Longest path, in bytes.
const MAX_PATH: usize = 4096;
/// Most folders that are looked at on the way up.
const MAX_PARENTS: usize = 64;

/// What a Terragrunt file says beside its locals.
#[derive(Debug, Default, Clone)]
pub(super) struct Unit {
    /// The file.
    pub(super) path: String,
    /// The folder from which `find_in_parent_folders` looks up: the file's own, of an included file the unit's.
    pub(super) folder: String,
    /// The included files by label.
    pub(super) includes: BTreeMap<String, Arc<ModuleConfig>>,
    /// The folders of the units that it depends on.
    pub(super) dependencies: BTreeMap<String, Option<String>>,
    /// `inputs`, where they are more than a plain object.
    pub(super) inputs: Option<Attribute>,
}

/// Adds the call that a `terragrunt.hcl` means.
pub(super) fn add(out: &mut ModuleConfig, files: &dyn ModuleFiles) {
    let Some(path) = paths::join(&out.folder, FILE).filter(|path| files.read(path).is_some()) else { return };
    let folder = out.folder.clone();
    let Some(body) = add_file(out, files, &path, &folder) else { return };
    add_includes(out, files, &body);
    add_dependencies(out, files, &body);
    let Some((source, terraform)) = source(out, files, &body) else { return };
    let name: Arc<str> = Arc::from(out.folder.rsplit('/').next().filter(|n| !n.is_empty()).unwrap_or("root"));
    let mut attributes = vec![source];
    attributes.extend(body.attribute("inputs").map(inputs).unwrap_or_default());
    let call = Block {
        kind: Arc::from("module"),
        labels: vec![Label { text: Arc::clone(&name), span: terraform.header }],
        body: Arc::new(Body { attributes, blocks: Vec::new() }),
        header: terraform.header,
        span: terraform.span,
    };
    out.modules.insert(name.to_string(), Arc::new(call));
    out.exists = true;
    out.is_root = true;
}

/// A file that another one includes or reads, as a configuration of its own; `unit` is the folder that it looks up from.
pub(super) fn file(files: &dyn ModuleFiles, path: &str, unit: &str) -> Option<ModuleConfig> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut out = ModuleConfig { folder: folder.to_owned(), ..ModuleConfig::default() };
    let body = add_file(&mut out, files, path, unit)?;
    add_dependencies(&mut out, files, &body);
    Some(out)
}

/// The folder that the call of a unit means, where it lies in the scan.
pub(super) fn local_source(files: &dyn ModuleFiles, folder: &str) -> Option<String> {
    let mut config = ModuleConfig { folder: folder.to_owned(), ..ModuleConfig::default() };
    add(&mut config, files);
    config.local_calls().into_iter().next()
}

/// Locals and inputs of a file.
fn add_file(out: &mut ModuleConfig, files: &dyn ModuleFiles, path: &str, unit: &str) -> Option<Body> {
    let file = files.read(path)?;
    let body = out.take(&file);
    for block in body.blocks.iter().filter(|b| &*b.kind == "locals") {
        out.locals.extend(block.body.attributes.iter().map(|a| (a.name.to_string(), a.clone())));
    }
    let whole = body.attribute("inputs").filter(|a| !is_plain(a)).cloned();
    let inputs = if path.ends_with(&format!("/{FILE}")) && unit == out.folder { whole } else { body.attribute("inputs").cloned() };
    let unit = Unit { path: path.to_owned(), folder: unit.to_owned(), inputs, ..Unit::default() };
    out.terragrunt = Some(Arc::new(unit));
    Some(body)
}

fn change(out: &mut ModuleConfig, change: impl FnOnce(&mut Unit)) {
    let mut unit = out.terragrunt.as_deref().cloned().unwrap_or_default();
    change(&mut unit);
    out.terragrunt = Some(Arc::new(unit));
}

fn add_includes(out: &mut ModuleConfig, files: &dyn ModuleFiles, body: &Body) {
    let mut includes = BTreeMap::new();
    for block in body.blocks.iter().filter(|b| &*b.kind == "include") {
        let label = block.labels.first().map_or("", |l| &*l.text).to_owned();
        let path = block.body.attribute("path").and_then(|a| Paths::new(files, out).text(&a.value, 0));
        let parent = path.and_then(|path| resolve(&out.folder, &path)).and_then(|path| file(files, &path, &out.folder));
        if let Some(parent) = parent {
            out.problems.extend(parent.problems.iter().cloned());
            includes.insert(label, Arc::new(parent));
        }
    }
    change(out, |unit| unit.includes = includes);
}

fn add_dependencies(out: &mut ModuleConfig, files: &dyn ModuleFiles, body: &Body) {
    let folder = |block: &Block| {
        let path = Paths::new(files, out).text(&block.body.attribute("config_path")?.value, 0)?;
        resolve(&out.terragrunt.as_ref()?.folder, &path)
    };
    let label = |block: &Block| block.labels.first().map_or("", |l| &*l.text).to_owned();
    let dependencies = body.blocks.iter().filter(|b| &*b.kind == "dependency").map(|b| (label(b), folder(b))).collect();
    change(out, |unit| unit.dependencies = dependencies);
}

/// The source of the module: the unit's, else that of a file which it includes. A local one becomes a relative path.
fn source(out: &ModuleConfig, files: &dyn ModuleFiles, body: &Body) -> Option<(Attribute, Block)> {
    let own = body.blocks.iter().find(|b| &*b.kind == "terraform" && b.body.attribute("source").is_some());
    let unit = out.terragrunt.as_ref()?;
    let found = own.map(|b| (b.clone(), Paths::new(files, out))).or_else(|| {
        unit.includes.values().find_map(|parent| {
            let path = &parent.terragrunt.as_ref()?.path;
            let body = crate::syntax::hcl::parse(&*files.read(path)?).body;
            let block = body.blocks.into_iter().find(|b| &*b.kind == "terraform" && b.body.attribute("source").is_some())?;
            Some((block, Paths::new(files, parent)))
        })
    });
    let (block, paths) = found?;
    let attribute = block.body.attribute("source")?.clone();
    let text = paths.text(&attribute.value, 0)?;
    let place = text.split('?').next().unwrap_or(&text);
    let local = ["./", "../", "/"].iter().any(|lead| place.starts_with(lead)) || place == "." || place == "..";
    let text = if local {
        // a path in an included file is seen from the unit
        let to = paths::relative(&out.folder, &resolve(&unit.folder, place)?);
        if to.starts_with('.') { to } else { format!("./{to}") }
    } else {
        text
    };
    let span = attribute.value.span;
    let literal = K::Template(Template { parts: vec![TemplatePart::Literal { text: Arc::from(text), span }] });
    Some((Attribute { value: Arc::new(Expr { kind: literal, span }), ..attribute }, block))
}

/// Inputs that are an object with plain keys are arguments of the call.
fn is_plain(attribute: &Attribute) -> bool {
    matches!(&attribute.value.kind, K::Object(items) if items.iter().all(|i| config::literal(&i.key).is_some()))
}

fn inputs(attribute: &Attribute) -> Vec<Attribute> {
    let K::Object(items) = &attribute.value.kind else { return Vec::new() };
    if !is_plain(attribute) {
        return Vec::new();
    }
    let input = |item: &crate::syntax::hcl::ObjectItem| {
        let name = config::literal(&item.key)?;
        Some(Attribute { name: Arc::from(name), name_span: item.key.span, value: Arc::new(item.value.clone()) })
    };
    items.iter().filter_map(input).collect()
}

/// A path as Terragrunt writes it, seen from the scanned root.
pub(super) fn resolve(folder: &str, path: &str) -> Option<String> {
    match path.strip_prefix('/') {
        Some(from_root) => paths::normal(from_root.trim_start_matches('/')),
        None => paths::join(folder, path),
    }
}

/// The functions of Terragrunt that give a path, and what they give in this file; none for other functions and where
/// nothing is known.
pub(super) fn path_function(files: &dyn ModuleFiles, config: &ModuleConfig, name: &str, args: &[String]) -> Option<String> {
    let unit = config.terragrunt.as_ref()?;
    let include = || unit.includes.values().next().map(|parent| parent.folder.clone());
    // of a unit: the file that it includes; of an included file: itself
    let parent = || if unit.folder == config.folder { include() } else { Some(config.folder.clone()) };
    match name {
        "find_in_parent_folders" => find_in_parents(files, &unit.folder, args),
        "path_relative_to_include" => Some(parent().map_or_else(|| ".".to_owned(), |p| paths::relative(&p, &unit.folder))),
        "path_relative_from_include" => Some(parent().map_or_else(|| ".".to_owned(), |p| paths::relative(&unit.folder, &p))),
        "get_terragrunt_dir" | "get_original_terragrunt_dir" => Some(format!("/{}", unit.folder)),
        "get_parent_terragrunt_dir" => Some(format!("/{}", parent().unwrap_or_else(|| unit.folder.clone()))),
        "get_repo_root" => Some(format!("/{}", top(&unit.folder, files))),
        "get_path_to_repo_root" => Some(paths::relative(&unit.folder, &top(&unit.folder, files))),
        "get_path_from_repo_root" => Some(paths::relative(&top(&unit.folder, files), &unit.folder)),
        _ => None,
    }
}

fn find_in_parents(files: &dyn ModuleFiles, from: &str, args: &[String]) -> Option<String> {
    let names: Vec<&str> = args.first().map_or_else(|| PARENTS.to_vec(), |name| vec![name.as_str()]);
    let mut at = from;
    for _ in 0..MAX_PARENTS {
        if at.is_empty() {
            break;
        }
        at = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        let inside = |name: &&str| if at.is_empty() { (*name).to_owned() } else { format!("{at}/{name}") };
        if let Some(found) = names.iter().map(inside).find(|path| files.read(path).is_some()) {
            return Some(format!("/{found}"));
        }
    }
    args.get(1).cloned()
}

/// The folder that is taken for the repository's: the highest one that a file of Terraform, of Terragrunt or a README
/// stands in.
fn top(from: &str, files: &dyn ModuleFiles) -> String {
    let mut tops = vec![from];
    let mut at = from;
    while let Some((parent, _)) = at.rsplit_once('/').or_else(|| (!at.is_empty()).then_some(("", at))) {
        at = parent;
        tops.push(at);
    }
    let marked = |folder: &&&str| {
        let inside = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        !files.folder(folder).is_empty() || ["root.hcl", FILE, "README.md"].iter().any(|name| files.read(&inside(name)).is_some())
    };
    tops.iter().rev().take(MAX_PARENTS).find(marked).map_or_else(String::new, |t| (*t).to_owned())
}

/// Expressions that give a path, as far as they can be read without an evaluator.
struct Paths<'a> {
    files: &'a dyn ModuleFiles,
    config: &'a ModuleConfig,
    /// How many expressions may still be read.
    left: Cell<usize>,
}

impl<'a> Paths<'a> {
    fn new(files: &'a dyn ModuleFiles, config: &'a ModuleConfig) -> Self {
        Self { files, config, left: Cell::new(MAX_STEPS) }
    }

    fn text(&self, expr: &Expr, level: usize) -> Option<String> {
        self.left.set(self.left.get().checked_sub(1)?);
        if level >= MAX_LEVELS {
            return None;
        }
        let inner = |expr: &Expr| self.text(expr, level + 1);
        match &expr.kind {
            K::Parentheses(of) => inner(of),
            K::Template(template) => template
                .parts
                .iter()
                .map(|part| match part {
                    TemplatePart::Literal { text, .. } => Some(text.to_string()),
                    TemplatePart::Interpolation(of) => inner(of),
                    TemplatePart::If { .. } | TemplatePart::For { .. } => None,
                })
                .collect::<Option<String>>()
                .filter(|path| path.len() <= MAX_PATH),
            // which one is taken depends on where Terragrunt runs; the source that is here can be looked at
            K::Conditional(parts) => {
                let [_, yes, no] = &**parts;
                let both = [inner(yes), inner(no)];
                let local = both.iter().flatten().find(|t| t.starts_with('.') || t.starts_with('/'));
                local.or(both.iter().flatten().next()).cloned()
            }
            K::Attribute(base, name) => match &base.kind {
                K::Variable(root) if &**root == "local" => inner(&self.config.locals.get(&**name)?.value),
                K::Attribute(include, locals) if &**locals == "locals" => match &include.kind {
                    K::Attribute(root, label) if matches!(&root.kind, K::Variable(r) if &**r == "include") => {
                        let parent = self.config.terragrunt.as_ref()?.includes.get(&**label)?;
                        let value = &parent.locals.get(&**name)?.value;
                        Paths { files: self.files, config: parent, left: Cell::new(self.left.get()) }.text(value, level + 1)
                    }
                    _ => None,
                },
                _ => None,
            },
            K::Call { name, args, expand: false } => {
                let args = args.iter().map(inner).collect::<Option<Vec<_>>>()?;
                match (&**name, args.as_slice()) {
                    ("dirname", [path]) => Some(path.rsplit_once('/').map_or_else(|| ".".to_owned(), |(folder, _)| folder.to_owned())),
                    ("basename", [path]) => path.rsplit('/').next().map(str::to_owned),
                    _ => path_function(self.files, self.config, name, &args),
                }
            }
            _ => None,
        }
    }
}

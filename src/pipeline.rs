//! The way of the data, in one screen: files, trees, evaluation, facts, links, findings.

use crate::config::Config;
use crate::gate::Inputs;
use crate::graph::links::{Links, MAX_ROW, links};
use crate::graph::{DuplicateKey, Graph, NamedBy, OwnRepository, UndecidedKind};
use crate::inventory::entries;
use crate::kinds;
use crate::place::Span;
use crate::readers::scripts::Scripts;
use crate::readers::{self, Document};
use crate::report::overview::{Overview, overview};
use crate::report::{Cause, Coverage, Run, Setup, Skipped, Undecided};
use crate::rules::baseline::Baseline;
use crate::rules::engine::{self, Context, Selection};
use crate::rules::predicate;
use crate::source::git::Revision;
use crate::source::regular;
use crate::source::walk::{FileKind, Options, Scan, ScanError, matters};

use crate::partial::{Text, Value};
use crate::source::{SourceFile, Sources};
use crate::syntax::{Parsed, Problem, bicep, helm, json, markdown, powershell};
use crate::terraform::evaluate::{EvalError, Evaluated, ModuleCall, Workspace};
use crate::terraform::functions::yaml_documents;
use crate::terraform::models::Library;
use crate::terraform::plan;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

mod charts;
mod folders;

/// What to read.
#[derive(Debug, Clone)]
pub enum Input {
    /// Files and folders on disk.
    Paths(Vec<PathBuf>),
    /// Files in memory: path and text.
    Memory(Vec<(String, String)>),
}

/// A run.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to read.
    pub input: Input,
    /// Globs of what not to.
    pub exclude: Vec<String>,
    /// Read what `.gitignore` leaves out, too.
    pub no_gitignore: bool,
    /// What `.gitignore` files leave out is what this revision has in them, whatever the disk says.
    pub gitignore_of: Option<Arc<Revision>>,
    /// Read the fenced blocks of Markdown, too, as the configuration may say as well.
    pub markdown: bool,
    /// What the team knows.
    pub config: Config,
    /// Which findings are wanted.
    pub selection: Selection,
    /// The findings that are known.
    pub baseline: Option<Baseline>,
    /// The repository that is checked, where its name is known.
    pub repository: Option<OwnRepository>,
    /// Whether the run also tells of all identities and who can obtain them.
    pub overview: bool,
    /// Read the files of this revision and none of the disk.
    pub revision: Option<Arc<Revision>>,
}

impl Request {
    /// The repository that is checked: what the caller says, else the configuration's name for the files below the working directory.
    fn own_repository(&self) -> Option<OwnRepository> {
        let configured =
            |name: &String| OwnRepository { folder: String::new(), name: name.clone(), system: None, by: NamedBy::Configuration };
        self.repository.clone().or_else(|| self.config.repository.as_ref().map(configured))
    }
}

impl Default for Request {
    fn default() -> Self {
        Self {
            input: Input::Memory(Vec::new()),
            exclude: Vec::new(),
            no_gitignore: false,
            gitignore_of: None,
            markdown: false,
            config: Config::default(),
            selection: Selection::default(),
            baseline: None,
            repository: None,
            overview: false,
            revision: None,
        }
    }
}

/// What was read, before any rule looks at it.
#[derive(Debug)]
pub struct Estate {
    /// The files.
    pub sources: Arc<Sources>,
    /// The facts.
    pub graph: Graph,
    /// What belongs together.
    pub links: Links,
    /// What was looked at.
    pub coverage: Coverage,
    /// The calls of Terraform modules.
    pub calls: Vec<ModuleCall>,
    /// The configuration, with those of the parts of the tree.
    pub config: Config,
}

/// Reads, judges, reports.
///
/// # Errors
/// A path that does not exist, an exclusion that is not a valid glob, or models that cannot be used.
pub fn check(request: &Request) -> Result<Run, ScanError> {
    judge(request, &read(request)?)
}

/// What the rules say of what was read.
///
/// # Errors
/// A rule of the user's own cannot be used.
pub fn judge(request: &Request, world: &Estate) -> Result<Run, ScanError> {
    let config = &world.config;
    predicate::ready(config.own.all()).map_err(|e| ScanError::Configuration(e.to_string()))?;
    let registry = config.registry();
    let context = Context {
        shared: Arc::default(),
        graph: &world.graph,
        links: &world.links,
        sources: &world.sources,
        config,
        registry: &registry,
        calls: &world.calls,
        modelled: OnceLock::new(),
        open: Mutex::default(),
    };
    for config in std::iter::once(config).chain(&config.parts) {
        // An entry that hides nothing is shown where it is written.
        let Some(path) = &config.path else { continue };
        let text = config.held().text(Path::new(path), regular::MAX_SETTINGS).unwrap_or_default();
        world.sources.add(path.clone(), text);
    }
    let mut found = engine::run(&context, &request.selection);
    let (config_path, notes) = (config.path.clone(), config.notes());
    let mut setup = Setup { config: config.clone(), config_path, unreported: found.unreported, notes, ..Setup::default() };
    if let Some(baseline) = &request.baseline {
        let compared = baseline.compare(found.findings, &world.sources);
        found.findings = compared.kept;
        found.suppressed.extend(compared.suppressed);
        if compared.gone > 0 {
            setup.notes.push(gone(compared.gone));
        }
    }
    let overview = request.overview.then(|| estate(&context, world));
    let open = context.open.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut coverage = world.coverage.clone();
    coverage.undecided.extend(open.iter().map(|(span, why)| undecided(&world.sources, Some(*span), why, Cause::Verdict)));
    coverage.undecided.sort();
    coverage.undecided.dedup();
    Ok(Run { findings: found.findings, suppressed: found.suppressed, coverage, sources: Arc::clone(&world.sources), setup, overview })
}

/// Every identity with who can obtain it, decided as the checks decided it.
fn estate(context: &Context<'_>, world: &Estate) -> Overview {
    let inputs = Inputs { graph: context.graph, links: context.links, registry: context.registry, shared: &context.shared };
    let locate = |span| world.sources.locate(span).map_or((String::new(), 0), |(path, at)| (path, at.line));
    overview(context.graph, context.links, entries(&inputs, context.config, &locate))
}

fn gone(n: usize) -> String {
    let (entries, are) = if n == 1 { ("entry", "is") } else { ("entries", "are") };
    format!("{n} {entries} of the baseline {are} not found any more: `fedlint baseline` writes it anew")
}

/// Reads everything into one graph.
///
/// # Errors
/// As [`check`].
pub fn read(request: &Request) -> Result<Estate, ScanError> {
    let sources = Arc::new(Sources::new());
    let load = |folder: &Path| Library::load(folder, request.config.held()).map_err(ScanError::Models);
    let models = request.config.models.as_deref().map(load).transpose()?.unwrap_or_default();
    let mut scan = scan(request, &sources)?;
    let config = with_parts(request, &mut scan)?;
    let mut documents = documents(&scan);
    let mut evaluated = evaluate(&scan, &models);
    plans(&mut documents, &mut evaluated);
    let scripts = scripts(&scan, &documents);
    evaluated.resources.extend(scripts.resources.iter().cloned());
    evaluated.problems.extend(scripts.problems.iter().cloned());
    let graph = facts(&documents, &evaluated, &scripts, request.own_repository().as_ref());
    let links = links(&graph);
    let mut coverage = coverage(&sources, &scan, &documents, &evaluated, &graph);
    coverage.undecided.extend(links.cut.iter().map(|place| undecided(&sources, Some(*place), &unlinked(), Cause::Links)));
    coverage.undecided.sort();
    Ok(Estate { sources, graph, links, coverage, calls: evaluated.calls, config })
}

/// The configuration with those of the parts of what was walked; what they exclude is taken out.
fn with_parts(request: &Request, scan: &mut Scan) -> Result<Config, ScanError> {
    let (true, Input::Paths(roots)) = (request.config.reads_parts, &request.input) else { return Ok(request.config.clone()) };
    let paths = scan.files.iter().map(|file| file.path.as_str()).chain(scan.skipped.iter().map(|skipped| skipped.path.as_str()));
    let config = request.config.with_parts(roots, paths).map_err(|e| ScanError::Configuration(e.to_string()))?;
    let before = scan.files.len() + scan.skipped.len();
    scan.files.retain(|file| !config.leaves_out(&file.path));
    scan.skipped.retain(|skipped| !config.leaves_out(&skipped.path));
    scan.excluded += before - scan.files.len() - scan.skipped.len();
    Ok(config)
}

/// What is known of a Terraform expression in a folder. Modules and files are read from that folder and, where the
/// folder lies in it, from the working directory.
///
/// # Errors
/// A folder that does not exist; what is wrong with the expression is the inner error.
pub fn expression(folder: &Path, text: &str) -> Result<Result<Value, EvalError>, ScanError> {
    let sources = Arc::new(Sources::new());
    let working_directory = std::env::current_dir().map_err(ScanError::WorkingDirectory)?;
    let here = working_directory.canonicalize().map_err(ScanError::WorkingDirectory)?;
    let not_found = || ScanError::NotFound(folder.to_string_lossy().into_owned());
    let real = folder.canonicalize().ok().filter(|f| f.is_dir()).ok_or_else(not_found)?;
    let inside = real.strip_prefix(&here).ok();
    // only the loader is wanted: an explicit file would be read, an excluded tree is not walked
    let options = Options { roots: vec![real.clone()], exclude: vec!["**".to_owned()], ..Options::default() };
    let scan = Scan::run(&options, &sources)?;
    let files = folders::Files::new(&scan);
    let shown = inside.unwrap_or(&real).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    Ok(Workspace::new(&files, std::slice::from_ref(&shown)).evaluate_expression(&shown, text))
}

fn scan(request: &Request, sources: &Arc<Sources>) -> Result<Scan, ScanError> {
    let markdown = request.markdown || request.config.markdown;
    match &request.input {
        Input::Memory(files) => Ok(Scan::from_memory(files.clone(), markdown, sources)),
        Input::Paths(roots) => {
            let (roots, exclude, no_gitignore) = (roots.clone(), request.exclude.clone(), request.no_gitignore);
            let revision = request.revision.clone();
            let gitignore_of = request.gitignore_of.clone();
            let mut options = Options { roots, exclude, no_gitignore, gitignore_of, markdown, revision, ..Options::default() };
            match &request.config.folder {
                Some(folder) => options.exclude_in = Some((folder.clone(), request.config.exclude.clone())),
                None => options.exclude.extend(request.config.exclude.iter().cloned()),
            }
            Scan::run(&options, sources)
        }
    }
}

/// A file's documents.
struct Tree {
    file: Arc<SourceFile>,
    kind: FileKind,
    templated: bool,
    parsed: Parsed,
}

fn documents(scan: &Scan) -> Vec<Tree> {
    let hits: Vec<_> = scan.hits().collect();
    let charts = charts::Charts::of(scan);
    let fills = |text: &str| ["templatefile(", "template_file"].iter().any(|call| text.contains(call));
    let filled_in = hits.iter().filter(|f| f.kind.is_terraform()).filter_map(|f| f.source.as_ref()).any(|s| fills(&s.text));
    let tree = |file: &crate::source::walk::ScannedFile| {
        let source = Arc::clone(file.source.as_ref()?);
        let (templated, parsed) = match file.kind {
            FileKind::Json => (false, json::parse(&source)),
            FileKind::Template => (false, whole_json(&source, filled_in)?),
            FileKind::Yaml => {
                let values = if file.chart_template { charts.values(&file.path) } else { helm::ChartValues::default() };
                let (parsed, templated) = helm::read(&source, file.chart_template, values);
                (templated, parsed)
            }
            FileKind::Conf | FileKind::Hcl => {
                let documents = vec![readers::spiffe::config_file(&source)?];
                (false, Parsed { documents, problems: Vec::new() })
            }
            FileKind::Bicep => (false, bicep::parse(&source)),
            FileKind::PowerShell => (false, powershell::parse(&source)),
            FileKind::Markdown => (false, blocks(&source)),
            _ => return None,
        };
        Some(Tree { file: source, kind: file.kind, templated, parsed })
    };
    hits.par_iter().filter_map(|file| tree(file)).collect()
}

/// The blocks of JSON and YAML in Markdown that have to do with trust; commands are the scripts' matter.
fn blocks(source: &SourceFile) -> Parsed {
    let mut parsed = Parsed::default();
    for fence in markdown::fences(source) {
        let text = fence.text.as_known().unwrap_or_default();
        if !matters(&source.path, &text) {
            continue;
        }
        let message = match fence.language.as_str() {
            "json" | "jsonc" => match json::parse_text(&fence.text, json::Limits::default()) {
                Ok(value) => {
                    parsed.documents.push(value);
                    continue;
                }
                Err(problem) => format!("the block is no JSON: {}", problem.message),
            },
            "yaml" | "yml" => match yaml_documents(&fence.text) {
                Some(values) => {
                    parsed.documents.extend(values);
                    continue;
                }
                None => "the block is no YAML".to_owned(),
            },
            "hcl" | "terraform" | "tf" => "Terraform in documentation is not evaluated: check the files that it comes from".to_owned(),
            _ => continue,
        };
        parsed.problems.push(Problem { span: fence.span, message });
    }
    parsed
}

/// The tree of a template that is JSON before it is filled in, by something else than Terraform: what Terraform fills in (`${…}`) is
/// judged where it does. `filled_in`: Terraform fills in templates of the scan.
fn whole_json(source: &SourceFile, filled_in: bool) -> Option<Parsed> {
    let holes = source.text.contains("${") && filled_in || source.text.contains("%{");
    let could = source.text.trim_start().starts_with('{') && !holes;
    let parsed = could.then(|| json::parse(source))?;
    parsed.problems.is_empty().then_some(parsed)
}

fn evaluate(scan: &Scan, models: &Library) -> Evaluated {
    let files = folders::Files::new(scan);
    let folders = folders::to_evaluate(scan, models);
    Workspace::new(&files, &folders).models(models).only(kinds::is_wanted).evaluate()
}

/// Plans and states join the resources; as documents they would be read twice.
fn plans(documents: &mut Vec<Tree>, evaluated: &mut Evaluated) {
    let (plans, others): (Vec<Tree>, Vec<Tree>) = std::mem::take(documents)
        .into_iter()
        .partition(|t| t.kind == FileKind::Json && t.parsed.documents.first().is_some_and(plan::is_plan));
    *documents = others;
    let mut planned = Vec::new();
    for tree in plans {
        for document in &tree.parsed.documents {
            let plan = plan::read(document, tree.file.folder());
            planned.extend(plan.resources);
            evaluated.problems.extend(plan.problems);
        }
        evaluated.problems.extend(tree.parsed.problems);
    }
    if !planned.is_empty() {
        plan::join(&mut evaluated.resources, planned, &evaluated.calls);
    }
}

/// The commands of scripts and workflows.
fn scripts(scan: &Scan, documents: &[Tree]) -> Scripts {
    let files: Vec<_> =
        scan.hits().filter(|f| matches!(f.kind, FileKind::Shell | FileKind::Markdown)).filter_map(|f| f.source.clone()).collect();
    readers::scripts::read(&files, &read_documents(documents), &folders::Files::new(scan))
}

fn read_documents(documents: &[Tree]) -> Vec<Document<'_>> {
    let mut out = Vec::new();
    for tree in documents {
        let document = |value| Document { file: &tree.file.path, value, templated: tree.templated };
        out.extend(tree.parsed.documents.iter().map(document));
    }
    out
}

fn facts(documents: &[Tree], evaluated: &Evaluated, scripts: &Scripts, repository: Option<&OwnRepository>) -> Graph {
    let mut documents = read_documents(documents);
    documents.extend(scripts.documents.iter().map(|(path, value, conditional)| Document { file: path, value, templated: *conditional }));
    let embedded = |text: &Text| -> Result<Value, String> { json::parse_text(text, json::Limits::default()).map_err(|p| p.message) };
    let mut graph = Graph::default();
    let resources = &evaluated.resources;
    readers::read(&readers::Input { resources, documents: &documents, embedded: &embedded, repository }, &mut graph);
    graph.undecided.extend(scripts.undecided.iter().cloned());
    for twice in &evaluated.duplicates {
        graph.duplicates.push(DuplicateKey { key: twice.key.clone(), lost: twice.lost, kept: twice.kept });
    }
    graph
}

fn coverage(sources: &Sources, scan: &Scan, documents: &[Tree], evaluated: &Evaluated, graph: &Graph) -> Coverage {
    let problem =
        |p: &Problem| sources.locate(p.span).map(|(path, at)| Skipped { path, reason: format!("line {}: {}", at.line, p.message) });
    let mut files_skipped: Vec<Skipped> = scan.skipped.iter().map(|s| Skipped { path: s.path.clone(), reason: s.reason.clone() }).collect();
    files_skipped.extend(documents.iter().flat_map(|t| &t.parsed.problems).filter_map(problem));
    files_skipped.extend(evaluated.problems.iter().filter_map(problem));
    files_skipped.extend(scan.hits().filter(|f| f.kind == FileKind::Template).filter_map(|f| unread_template(f.source.as_ref()?)));
    let reason = "of PowerShell only the commands for federated credentials of Entra are read: what else it sets up was not judged";
    let told = |path: &str| Skipped { path: path.to_owned(), reason: reason.to_owned() };
    let silent = documents.iter().filter(|t| t.kind == FileKind::PowerShell && t.parsed.documents.is_empty());
    files_skipped.extend(silent.map(|t| told(&t.file.path)));
    files_skipped.sort();
    files_skipped.dedup();
    let mut undecided: Vec<Undecided> = graph.undecided.iter().map(|u| self::undecided(sources, u.span, &u.why, cause(u.kind))).collect();
    undecided.extend(evaluated.undecided.iter().map(|u| self::undecided(sources, u.span, &u.why, Cause::Value)));
    undecided.extend(evaluated.absent.iter().map(|u| self::undecided(sources, u.span, &u.why, Cause::Absent)));
    undecided.sort();
    undecided.dedup();
    Coverage {
        files_read: scan.read_count,
        files_excluded: scan.excluded,
        files_ignored: scan.ignored,
        files_skipped,
        trusts: graph.trusts.len(),
        undecided,
    }
}

/// Why some ServiceAccounts of a name are not looked at.
fn unlinked() -> String {
    format!("more than {MAX_ROW} ServiceAccounts may be meant, because their namespaces are not known: the others are not linked")
}

/// A template of manifests that only Terraform's `templatefile` fills in: its ServiceAccounts name identities nobody checks.
fn unread_template(file: &SourceFile) -> Option<Skipped> {
    const ANNOTATIONS: [&str; 3] = ["eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id"];
    let annotation = ANNOTATIONS.into_iter().find(|a| file.text.contains(a))?;
    let reason = format!("a template that is filled in elsewhere: what it annotates with `{annotation}` was not judged");
    Some(Skipped { path: file.path.clone(), reason })
}

fn cause(kind: UndecidedKind) -> Cause {
    match kind {
        UndecidedKind::TrustPolicy => Cause::TrustPolicy,
        UndecidedKind::GoogleBinding => Cause::Binding,
        UndecidedKind::Permissions => Cause::Permissions,
        UndecidedKind::Annotations => Cause::Workload,
        UndecidedKind::Unreadable => Cause::Unreadable,
    }
}

fn undecided(sources: &Sources, span: Option<Span>, why: &str, cause: Cause) -> Undecided {
    let (path, line) = span.and_then(|s| sources.locate(s)).map_or((String::new(), 0), |(path, at)| (path, at.line));
    Undecided { path, line, why: why.to_owned(), cause }
}

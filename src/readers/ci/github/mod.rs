//! GitHub Actions: which tokens each job of a workflow can present, and what it asks for with them
//! (<https://docs.github.com/en/actions/reference/security/oidc>).

mod events;
mod expression;
mod filters;
mod foreign;
mod permissions;
mod scope;
mod steps;
mod unused;

use super::super::context::{Object, Reader};
use super::super::shape::{blocks, field, known_at, listing, place, text_at};
use super::variables::Variables;
use crate::graph::{CiSystem, FactValue, ForeignCode, Job, JobLogin, Minting, Start, TokenFact, TokenSet};
use crate::partial::{Kind, Text, Value};
use crate::place::Span;
use crate::terraform::Resource;
use events::Trigger;
pub(super) use filters::literal;

use expression::Possible;
use scope::{Inputs, Scope};
use std::collections::BTreeMap;

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows/";
/// How deep workflows call each other (GitHub allows ten).
const MAX_CALLS: usize = 5;
/// Most ways in which one workflow starts that are told apart.
const MAX_RUNS: usize = 64;
/// Most entries of a matrix that are told apart.
const MAX_ENTRIES: usize = 64;

/// The workflows and actions of the scan.
pub(super) struct Workflows<'o> {
    workflows: BTreeMap<&'o str, &'o Object<'o>>,
    actions: BTreeMap<&'o str, (&'o str, &'o Value)>,
    variables: Variables,
}

/// One way in which a workflow starts.
#[derive(Clone)]
struct Run {
    trigger: Trigger,
    inputs: Inputs,
    caller: Option<Caller>,
}

impl Run {
    /// What whoever calls the workflow has: nobody knows that of a call from elsewhere.
    fn cap(&self) -> Option<(&Minting, &str)> {
        match &self.caller {
            Some(caller) => Some((&caller.minting, caller.name.as_str())),
            None => self.trigger.event.is_none().then_some((&Minting::Unknown, "")),
        }
    }
}

/// The job that calls a workflow.
#[derive(Clone)]
struct Caller {
    name: String,
    span: Span,
    minting: Minting,
    entry: Option<String>,
    optional: bool,
    /// What the caller's conditions say of the tokens.
    facts: Vec<TokenFact>,
    /// Conditions on the way, so that a run by somebody outside can be told.
    for_strangers: bool,
    unguarded: bool,
}

/// The jobs of all workflows.
pub(super) fn read(reader: &mut Reader, objects: &[Object<'_>], resources: &[Resource]) {
    let mut all = Workflows { workflows: BTreeMap::new(), actions: BTreeMap::new(), variables: Variables::github(resources) };
    for object in objects.iter().filter(|o| o.whole && !o.templated) {
        if object.file.contains(WORKFLOWS) && object.value.get("jobs").is_some() {
            all.workflows.insert(object.file, object);
        } else if matches!(object.file_name(), "action.yml" | "action.yaml")
            && let Some((folder, _)) = object.file.rsplit_once('/')
        {
            all.actions.insert(folder, (object.file, object.value));
        }
    }
    for (file, object) in &all.workflows {
        let mut jobs = Vec::new();
        for run in all.runs(file, MAX_CALLS) {
            all.jobs(file, object, &run, &mut jobs);
        }
        reader.graph.jobs.extend(jobs);
    }
}

/// The folder that `.github` is in, with its `/`.
fn root(file: &str) -> &str {
    file.find(WORKFLOWS).and_then(|at| file.get(..at)).unwrap_or_default()
}

impl<'o> Workflows<'o> {
    /// A file of the same repository: `./…`, or `$/…` since July 2026.
    fn local<'u>(file: &str, uses: &'u str) -> Option<(String, &'u str)> {
        let path = uses.strip_prefix("./").or_else(|| uses.strip_prefix("$/"))?;
        let path = path.split('@').next().unwrap_or(path).trim_end_matches('/');
        let own =
            if file.contains(WORKFLOWS) { root(file) } else { file.find(".github/").and_then(|at| file.get(..at)).unwrap_or_default() };
        Some((format!("{own}{path}"), path))
    }

    fn action(&self, file: &str, uses: &str) -> Option<(&'o str, &'o Value)> {
        let (path, _) = Self::local(file, uses)?;
        self.actions.get(path.as_str()).copied()
    }

    /// The ways in which a workflow starts: its events, and the jobs that call it.
    fn runs(&self, file: &str, depth: usize) -> Vec<Run> {
        let Some(object) = self.workflows.get(file) else { return Vec::new() };
        let events = events::events(object.value);
        let mut out = Vec::new();
        let mut called = false;
        for event in &events {
            if event.name == "workflow_call" {
                called = true;
                continue;
            }
            for trigger in events::triggers(event) {
                out.push(Run { trigger, inputs: dispatched(event), caller: None });
            }
        }
        if called {
            let callers = if depth > 0 { self.callers(file, depth - 1) } else { Vec::new() };
            let inputs = Inputs { open: true, ..Inputs::default() };
            if callers.is_empty() && out.is_empty() {
                out.push(Run { trigger: Trigger::unknown(), inputs, caller: None });
            }
            out.extend(callers);
        }
        out.truncate(MAX_RUNS);
        out
    }

    /// The jobs that call a workflow, each with the ways in which it starts itself.
    fn callers(&self, file: &str, depth: usize) -> Vec<Run> {
        let mut out = Vec::new();
        for (calling, object) in &self.workflows {
            for entry in object.value.get("jobs").map(Value::entries).unwrap_or_default() {
                let (job, Some(id)) = (&entry.value, entry.key.as_known()) else { continue };
                let Some(uses) = known_at(job, "uses") else { continue };
                if *calling == file || Self::local(calling, &uses).is_none_or(|(path, _)| path != file) {
                    continue;
                }
                for run in self.runs(calling, depth) {
                    out.extend(self.calls(file, calling, object, (&id, job), &run));
                }
            }
        }
        out
    }

    fn calls(&self, file: &str, calling: &str, object: &Object<'_>, (id, job): (&str, &Value), run: &Run) -> Vec<Run> {
        let called = self.workflows.get(file).and_then(|o| field(o.value, "on")).and_then(|on| field(on, "workflow_call"));
        let nothing = Value::map(Vec::new(), None);
        let name = format!("{calling}#{id}");
        let minting = permissions::of_job(object.value, job, run.cap());
        let around = [object.value];
        let mut out = Vec::new();
        for entry in entries(job, &Scope { around: &around, ..Scope::new(calling, &run.trigger, &run.inputs, &self.variables) }) {
            let scope = Scope { entry: entry.as_ref(), around: &around, ..Scope::new(calling, &run.trigger, &run.inputs, &self.variables) };
            let Some(condition) = conditions(&[text_at(job, "if")].into_iter().flatten().collect::<Vec<_>>(), &scope) else { continue };
            let before = run.caller.as_ref();
            let mut facts = condition.facts;
            facts.extend(before.iter().flat_map(|c| c.facts.clone()));
            let caller = Caller {
                name: name.clone(),
                span: place(job).unwrap_or_else(super::super::shape::nowhere),
                minting: minting.clone(),
                entry: shown(entry.as_ref()).or_else(|| before.and_then(|c| c.entry.clone())),
                optional: condition.optional || before.is_some_and(|c| c.optional),
                facts,
                for_strangers: condition.for_strangers && before.is_none_or(|c| c.for_strangers),
                unguarded: condition.unguarded && before.is_none_or(|c| c.unguarded),
            };
            let inputs = steps::inputs_of(called.unwrap_or(&nothing), field(job, "with"), &scope);
            out.push(Run { trigger: run.trigger.clone(), inputs, caller: Some(caller) });
        }
        out
    }

    fn jobs(&self, file: &'o str, object: &Object<'o>, run: &Run, out: &mut Vec<Job>) {
        for entry in object.value.get("jobs").map(Value::entries).unwrap_or_default() {
            let Some(id) = entry.key.as_known() else { continue };
            let uses = entry.value.get("uses");
            if uses.is_some_and(|uses| uses.as_str().is_some_and(|uses| Self::local(file, &uses).is_some())) {
                continue;
            }
            let Some(span) = entry.key.span().or_else(|| place(&entry.value)) else { continue };
            let name = format!("{file}#{id}");
            let caller = run.caller.as_ref().map(|c| (c.name.clone(), c.span));
            let known = out.iter().position(|j: &Job| j.origin.name == name && j.caller == caller);
            let mut job = match known {
                Some(at) => out.remove(at),
                None => Job {
                    id: id.clone(),
                    origin: object.origin_at(name, &entry.value),
                    system: CiSystem::Github,
                    caller,
                    repository: None,
                    minting: permissions::of_job(object.value, &entry.value, run.cap()),
                    runs: Vec::new(),
                    logins: Vec::new(),
                    unused_permission: None,
                },
            };
            job.origin.span = span;
            if uses.is_some() {
                // what a workflow of another repository does is not known, but how it was started
                let facts = run.trigger.facts.clone();
                job.runs.push((None, TokenSet { start: run.trigger.start, shown: run.trigger.shown.clone(), facts }));
                out.push(job);
                continue;
            }
            self.logins(file, object, &entry.value, run, &mut job);
            out.push(job);
        }
    }

    fn logins(&self, file: &'o str, object: &Object<'o>, job: &'o Value, run: &Run, out: &mut Job) {
        let outer = [job, object.value];
        let base = Scope { around: &outer, ..Scope::new(file, &run.trigger, &run.inputs, &self.variables) };
        for entry in entries(job, &base) {
            let scope = Scope { entry: entry.as_ref(), ..base };
            let environments = environments(job, &scope);
            let scope = Scope { environments: environments.as_deref(), ..scope };
            let around: Vec<Text> = text_at(job, "if").into_iter().collect();
            let Some(of_job) = conditions(&around, &scope) else { continue };
            let all = steps::steps(self, file, job, &scope);
            if run.caller.is_none() && out.logins.is_empty() {
                out.unused_permission = unused::permission(job, &all, &scope);
            }
            let foreign = self.foreign(&all, &scope, run, &of_job);
            let sets = token_sets(file, run, environments.as_deref(), &of_job, job);
            let label = shown(entry.as_ref()).or_else(|| run.caller.as_ref().and_then(|c| c.entry.clone()));
            out.runs.extend(sets.iter().map(|set| (label.clone(), set.clone())));
            for step in &all {
                let own = [step.value, job, object.value];
                let inputs = step.inputs.as_ref().unwrap_or(scope.inputs);
                let scope = Scope { around: &own, inputs, file: step.file, ..scope };
                let Some(found) = steps::login(step, &scope) else { continue };
                let Some(condition) = conditions(&step.conditions, &scope) else { continue };
                let label = label.clone();
                let sets: Vec<TokenSet> = sets.iter().map(|set| with_facts(set, &condition.facts)).collect();
                let foreign: Vec<(TokenSet, ForeignCode)> =
                    foreign.iter().flat_map(|code| sets.iter().map(|set| (set.clone(), code.clone()))).collect();
                let optional = of_job.optional || condition.optional || run.caller.as_ref().is_some_and(|c| c.optional) || found.command;
                let ambient = found.may_be_ambient && !hosted(job, &scope);
                let login = JobLogin {
                    span: step.span,
                    identity: found.identity,
                    audience: found.audience,
                    runs: sets,
                    entry: label,
                    optional,
                    ambient,
                    conflict: found.conflict,
                    foreign,
                };
                join(out, login);
            }
        }
    }

    /// What of somebody outside these steps run, when somebody outside can start them.
    fn foreign(&self, all: &[steps::Step<'_>], scope: &Scope<'_>, run: &Run, of_job: &Condition) -> Option<ForeignCode> {
        let outside = matches!(run.trigger.start, Start::PullRequestTarget | Start::Outsider);
        if !outside || !of_job.for_strangers || run.caller.as_ref().is_some_and(|c| !c.for_strangers) {
            return None;
        }
        let guarded = !of_job.unguarded || run.caller.as_ref().is_some_and(|c| !c.unguarded);
        let mut running = Vec::new();
        for step in all {
            let inputs = step.inputs.as_ref().unwrap_or(scope.inputs);
            let scope = Scope { inputs, file: step.file, stranger: true, ..*scope };
            let Some(condition) = conditions(&step.conditions, &scope) else { continue };
            if condition.for_strangers {
                running.push((step, condition.unguarded));
            }
        }
        foreign::code(&running, scope, guarded)
    }
}

/// The same step for another event: one login that has both kinds of token.
fn join(job: &mut Job, login: JobLogin) {
    let same = |l: &&mut JobLogin| l.span == login.span && l.entry == login.entry;
    match job.logins.iter_mut().find(same) {
        Some(known) => {
            known.runs.extend(login.runs);
            known.foreign.extend(login.foreign);
            known.optional |= login.optional;
        }
        None => job.logins.push(login),
    }
}

/// What conditions say.
struct Condition {
    facts: Vec<TokenFact>,
    /// They may be false.
    optional: bool,
    /// They may be true for somebody outside.
    for_strangers: bool,
    /// They are certainly true for somebody outside.
    unguarded: bool,
}

/// None when they cannot be true together.
fn conditions(texts: &[Text], scope: &Scope<'_>) -> Option<Condition> {
    let mut out = Condition { facts: Vec::new(), optional: false, for_strangers: true, unguarded: true };
    for text in texts {
        let parsed = Scope::condition(text);
        let (may_run, may_skip) = parsed.evaluate(scope).truth();
        if !may_run {
            return None;
        }
        let (stranger_may_run, stranger_may_skip) = parsed.evaluate(&Scope { stranger: true, ..*scope }).truth();
        out.facts.extend(scope.narrowed(&parsed, text.span()));
        out.optional |= may_skip;
        out.for_strangers &= stranger_may_run;
        out.unguarded &= !stranger_may_skip;
    }
    Some(out)
}

fn with_facts(set: &TokenSet, facts: &[TokenFact]) -> TokenSet {
    let mut set = set.clone();
    set.facts.extend(facts.iter().cloned());
    set
}

/// The environments that a job may be in, `""` for none; none when that is not known.
fn environments(job: &Value, scope: &Scope<'_>) -> Option<Vec<String>> {
    let Some(value) = field(job, "environment") else { return Some(vec![String::new()]) };
    let text = match &value.kind {
        Kind::Map { .. } => text_at(value, "name")?,
        _ => value.as_text()?,
    };
    let values = scope.values(&text);
    if values.open {
        return None;
    }
    values.values.iter().map(expression::Value::shown).collect()
}

/// The tokens of a job, one set for each environment.
fn token_sets(file: &str, run: &Run, environments: Option<&[String]>, of_job: &Condition, job: &Value) -> Vec<TokenSet> {
    let mut facts = run.trigger.facts.clone();
    facts.extend(of_job.facts.iter().cloned());
    facts.extend(run.caller.iter().flat_map(|c| c.facts.clone()));
    facts.push(called_workflow(file, &run.trigger));
    let span = job.entries().iter().rev().find(|e| e.key.is_str("environment")).and_then(|e| place(&e.value));
    let named = |name: &String| {
        let value = if name.is_empty() { FactValue::Absent } else { FactValue::Is(name.clone()) };
        let mut facts = facts.clone();
        facts.push(TokenFact::claim("environment", value, span));
        TokenSet { start: run.trigger.start, shown: run.trigger.shown.clone(), facts }
    };
    match environments {
        Some(names) => names.iter().map(named).collect(),
        None => vec![TokenSet { start: run.trigger.start, shown: run.trigger.shown.clone(), facts }],
    }
}

/// `job_workflow_ref` is the file that the job is in, at the ref of the run: what is called by a path is of the same commit.
fn called_workflow(file: &str, trigger: &Trigger) -> TokenFact {
    let path = file.get(root(file).len()..).unwrap_or(file);
    let of_ref = |f: &TokenFact| matches!(&f.of, crate::graph::FactOf::Claim(c) if c == "ref");
    let refs =
        trigger.facts.iter().find(|f| of_ref(f)).and_then(|f| if let FactValue::Like(re, _) = &f.value { Some(re.clone()) } else { None });
    let pattern = format!("[^/]+/[^/]+/{}@(?:{})", filters::literal(path), refs.unwrap_or_else(|| ".+".to_owned()));
    TokenFact::claim("job_workflow_ref", FactValue::Like(pattern, format!("`…/{path}@…`")), None)
}

/// The inputs of a run that somebody starts by hand; other events have none.
fn dispatched(event: &events::Event<'_>) -> Inputs {
    let mut out = Inputs::default();
    if event.name != "workflow_dispatch" {
        return out;
    }
    for entry in event.settings.and_then(|s| field(s, "inputs")).map(Value::entries).unwrap_or_default() {
        let Some(name) = entry.key.as_known() else { continue };
        let values = match known_at(&entry.value, "type").as_deref() {
            Some("choice") => listed(field(&entry.value, "options")),
            Some("boolean") => Possible::either(),
            _ => Possible::open(),
        };
        out.known.insert(name.to_lowercase(), values);
    }
    out
}

fn listed(value: Option<&Value>) -> Possible {
    let list = listing(value);
    let mut out = Possible { values: Vec::new(), open: list.open || list.odd };
    for text in &list.texts {
        out.add(text.as_known().map_or_else(Possible::open, Possible::text));
    }
    out
}

/// The entries of a job's matrix; one `None` where nothing is known of them, one empty entry where there is no matrix
/// (<https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations>).
fn entries(job: &Value, scope: &Scope<'_>) -> Vec<Option<BTreeMap<String, String>>> {
    let Some(matrix) = field(job, "strategy").and_then(|s| field(s, "matrix")) else { return vec![Some(BTreeMap::new())] };
    known_entries(matrix, scope).map_or_else(|| vec![None], |all| all.into_iter().map(Some).collect())
}

fn known_entries(matrix: &Value, scope: &Scope<'_>) -> Option<Vec<BTreeMap<String, String>>> {
    let Kind::Map { entries, open: false } = &matrix.kind else { return None };
    let mut out = vec![BTreeMap::new()];
    for entry in entries {
        let name = entry.key.as_known()?.to_lowercase();
        if matches!(name.as_str(), "include" | "exclude") {
            continue;
        }
        let values = axis(&entry.value, scope)?;
        let longer = out.iter().flat_map(|before| values.iter().map(|value| extended(before, &name, value)));
        out = longer.take(MAX_ENTRIES + 1).collect();
        if out.len() > MAX_ENTRIES {
            return None;
        }
    }
    for excluded in flat_maps(matrix, "exclude", scope)? {
        out.retain(|entry| !excluded.iter().all(|(k, v)| entry.get(k) == Some(v)));
    }
    include(&mut out, &flat_maps(matrix, "include", scope)?);
    (!out.is_empty()).then_some(out)
}

/// An included map adds to the entries that it agrees with, else it is one more.
fn include(out: &mut Vec<BTreeMap<String, String>>, included: &[BTreeMap<String, String>]) {
    let original = out.clone();
    let lone = original.iter().all(BTreeMap::is_empty);
    if lone && !included.is_empty() {
        out.clear();
    }
    for map in included {
        let agrees = |entry: &BTreeMap<String, String>| !lone && map.iter().all(|(k, v)| entry.get(k).is_none_or(|own| own == v));
        let mut found = false;
        for (at, entry) in original.iter().enumerate() {
            if agrees(entry)
                && let Some(longer) = out.get_mut(at)
            {
                found = true;
                longer.extend(map.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
        }
        if !found {
            out.push(map.clone());
        }
    }
}

fn extended(before: &BTreeMap<String, String>, name: &str, value: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut out = before.clone();
    for (key, value) in value {
        let key = if key.is_empty() { name.to_owned() } else { format!("{name}.{key}") };
        out.insert(key, value.clone());
    }
    out
}

/// The values of one axis: a text under the empty key, the keys of a map under theirs.
fn axis(value: &Value, scope: &Scope<'_>) -> Option<Vec<BTreeMap<String, String>>> {
    let Kind::List { items, open: false } = &value.kind else { return from_expression(value, scope) };
    items.iter().map(|item| flat_map(item, scope)).collect()
}

fn from_expression(value: &Value, scope: &Scope<'_>) -> Option<Vec<BTreeMap<String, String>>> {
    let values = scope.values(&value.as_text()?);
    match values.values.as_slice() {
        [expression::Value::List(items)] if !values.open => {
            Some(items.iter().map(|item| BTreeMap::from([(String::new(), item.clone())])).collect())
        }
        _ => None,
    }
}

fn flat_map(item: &Value, scope: &Scope<'_>) -> Option<BTreeMap<String, String>> {
    let text = |value: &Value| -> Option<String> {
        let values = scope.values(&value.as_text()?);
        if values.open || values.values.len() != 1 { None } else { values.values.first()?.shown() }
    };
    match &item.kind {
        Kind::Map { entries, open: false } => {
            // what is nested deeper is not known, and is not among the entries
            let known = entries.iter().filter_map(|e| Some((e.key.as_known()?.to_lowercase(), text(&e.value)?)));
            Some(known.collect())
        }
        _ => Some(BTreeMap::from([(String::new(), text(item)?)])),
    }
}

fn flat_maps(matrix: &Value, key: &str, scope: &Scope<'_>) -> Option<Vec<BTreeMap<String, String>>> {
    let Some(value) = field(matrix, key) else { return Some(Vec::new()) };
    let (maps, open) = blocks(matrix, key);
    if open || !matches!(value.kind, Kind::List { .. }) {
        return None;
    }
    maps.into_iter().map(|map| flat_map(map, scope)).collect()
}

/// How a person tells an entry from the others.
fn shown(entry: Option<&BTreeMap<String, String>>) -> Option<String> {
    let entry = entry.filter(|e| !e.is_empty())?;
    Some(entry.iter().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>().join(", "))
}

/// The job runs on a machine of GitHub's own, which has no credentials but those that it is given.
fn hosted(job: &Value, scope: &Scope<'_>) -> bool {
    let labels = field(job, "runs-on").map(|v| listing(Some(v))).unwrap_or_default();
    let own = |label: &Text| {
        let values = scope.values(label);
        let ours = |v: &expression::Value| v.shown().is_some_and(|s| ["ubuntu-", "windows-", "macos-"].iter().any(|p| s.starts_with(p)));
        !values.open && values.values.iter().all(ours)
    };
    !labels.texts.is_empty() && !labels.open && labels.texts.iter().all(own)
}

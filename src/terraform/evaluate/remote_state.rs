//! `data "terraform_remote_state"`: the outputs of another root of the scan, found by where it keeps its state.
//! <https://developer.hashicorp.com/terraform/language/state/remote-state-data>

use super::config::{ConfigCache, ModuleConfig, literal};
use super::engine::{Evaluator, Result, Scope};
use super::reference::RefStep;
use super::{paths, worlds};
use crate::partial::{HopKind, Kind, Unknown, Value};
use crate::syntax::hcl::{Block, Body, Expr};
use std::collections::HashMap;

/// Where a local backend keeps the state that nobody names.
const LOCAL_STATE: &str = "terraform.tfstate";

/// Where a state is kept: the backend and what tells its states apart. Credentials and regions say nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum StatePlace {
    /// A file, by its path in the scan.
    Local(String),
    /// Any other backend: its kind and the arguments of [`IDENTIFYING`].
    Remote(&'static str, Vec<String>),
}

/// The arguments that tell the states of a backend apart. `workspaces.name` is `workspace`.
/// <https://developer.hashicorp.com/terraform/language/backend>
const IDENTIFYING: &[(&str, &[&str])] = &[
    ("s3", &["bucket", "key"]),
    ("gcs", &["bucket", "prefix"]),
    ("azurerm", &["storage_account_name", "container_name", "key"]),
    ("http", &["address"]),
    ("remote", &["organization", "workspace"]),
    ("consul", &["address", "path"]),
    ("kubernetes", &["secret_suffix"]),
];

impl StatePlace {
    fn of(backend: &str, folder: &str, argument: impl Fn(&str) -> Option<String>) -> Option<Self> {
        if backend == "local" {
            let path = argument("path").unwrap_or_else(|| LOCAL_STATE.to_owned());
            return paths::join(folder, &path).map(Self::Local);
        }
        // The block `cloud` and the backend `remote` keep the same states.
        let backend = if backend == "cloud" { "remote" } else { backend };
        let (kind, names) = IDENTIFYING.iter().find(|(kind, _)| *kind == backend)?;
        let values: Option<Vec<String>> = names.iter().map(|name| argument(name)).collect();
        values.map(|values| Self::Remote(kind, values))
    }

    /// Where the root keeps its state; nothing where an argument of the backend comes from elsewhere.
    fn of_root(config: &ModuleConfig) -> Option<Self> {
        let Some(block) = &config.backend else {
            return Self::of("local", &config.folder, |_| None);
        };
        let kind = if &*block.kind == "cloud" { "cloud" } else { block.labels.first().map_or("", |l| &*l.text) };
        Self::of(kind, &config.folder, |name| written(&block.body, name))
    }
}

/// An argument of a backend's block, which takes literals only.
fn written(body: &Body, name: &str) -> Option<String> {
    if name == "workspace" {
        let workspaces: &Block = body.blocks.iter().find(|b| &*b.kind == "workspaces")?;
        return written(&workspaces.body, "name");
    }
    literal(&body.attribute(name)?.value)
}

impl ConfigCache<'_> {
    /// The one root of the scan that keeps its state at the place.
    fn root_with_state(&self, place: &StatePlace) -> Option<String> {
        self.states.get_or_init(|| self.all_states()).get(place)?.clone()
    }

    /// The roots by their states; nothing where two say that they keep the same.
    fn all_states(&self) -> HashMap<StatePlace, Option<String>> {
        let mut states = HashMap::new();
        for folder in &self.folders {
            let config = self.get(folder);
            let Some(place) = StatePlace::of_root(&config).filter(|_| config.exists) else { continue };
            states.entry(place).and_modify(|known| *known = None).or_insert_with(|| Some(folder.clone()));
        }
        states
    }
}

impl Evaluator<'_> {
    /// `data.terraform_remote_state.NAME.outputs.OUTPUT`; none for any other reference, and where the state is not that
    /// of a root in the scan.
    pub(super) fn remote_state(&self, address: &str, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Option<Value>> {
        let Some(state) = address.strip_prefix("data.terraform_remote_state.") else { return Ok(None) };
        let Some(block) = scope.instance.config.resources.get(address) else { return Ok(None) };
        let many = block.body.attribute("for_each").or_else(|| block.body.attribute("count"));
        let [RefStep::Attribute(outputs), named, rest @ ..] = steps else { return Ok(None) };
        if many.is_some() || &***outputs != "outputs" {
            return Ok(None);
        }
        let output = match named {
            RefStep::Attribute(name) => Some(name.to_string()),
            RefStep::Index(key) => self.eval(key, scope)?.as_str(),
            RefStep::Splat(_) => None,
        };
        let Some(output) = output else { return Ok(None) };
        let Some(place) = self.state_place(block, &Scope::of(&scope.instance)) else { return Ok(None) };
        let Some(folder) = self.cache.root_with_state(&place) else { return Ok(None) };
        if worlds::of_root(self.cache, &folder).all.len() > 1 {
            return Ok(None);
        }
        let value = match self.other_root(&folder, &output, expr) {
            Ok(value) => super::values::with_hop(value, expr.span, HopKind::StateOutput { name: output.into(), state: state.into() }),
            Err(why) => {
                let key = format!("{}|{address}.outputs.{output}", self.root);
                let kind = crate::kinds::kind_of_attribute(&output);
                let atom = Unknown::new(key, kind, format!("${{{address}.outputs.{output}}}"), why, Some(expr.span));
                Value::unknown(atom, Some(expr.span))
            }
        };
        self.follow(&value, rest, expr, scope).map(Some)
    }

    /// Where the state lies that the block reads; nothing where it is not known.
    fn state_place(&self, block: &Block, scope: &Scope) -> Option<StatePlace> {
        let argument = |name: &str| {
            let set = block.body.attribute(name)?;
            self.attempt(|| self.eval(&set.value, scope)).ok()
        };
        let backend = argument("backend")?.as_str()?;
        if argument("workspace").is_some_and(|w| w.as_str().as_deref() != Some("default")) {
            return None;
        }
        let config = argument("config");
        StatePlace::of(&backend, &self.folder, |name| {
            let config = config.as_ref().filter(|c| matches!(c.kind, Kind::Map { .. }))?;
            match name {
                "workspace" => config.get("workspaces")?.get("name")?.as_str(),
                _ => config.get(name)?.as_str(),
            }
        })
    }
}

//! Alternative worlds: variable files that are chosen with `-var-file`, one for each environment.

use super::config::{ConfigCache, ModuleConfig};
use super::{ModuleCall, ModuleFiles, Undecided, stand_ins, values};
use crate::kinds::{self, ResourceKind};
use crate::place::Span;
use crate::place::paths::folder_of;
use crate::source::SourceFile;
use crate::terraform::Resource;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most worlds of one root; further variable files are not looked at.
pub(super) const MAX_WORLDS: usize = 32;
/// Most variable files that are read to find them.
const MAX_FILES: usize = 256;
/// How deep below a root its variable files are looked for.
const MAX_FOLDERS: usize = 3;
/// Most values of an unknown that are looked at one by one.
const MAX_CHOICES: usize = 12;

/// The root's configuration with the values of one variable file.
#[derive(Clone)]
pub(super) struct World {
    pub(super) config: Arc<ModuleConfig>,
    /// The variable file; none for the values that Terraform reads without being told.
    pub(super) name: Option<String>,
    /// What an unknown is taken to be in this world.
    pub(super) choice: Option<Choice>,
    /// A library as its callers see it: what a default only stands in for is unknown.
    pub(super) called: bool,
    /// What a default of `false` switches off is on, or may be.
    pub(super) switched: bool,
}

/// An unknown that picks from maps, and one of the values that it can have.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// The unknown, by its key inside the root.
    pub(super) atom: String,
    /// What a person sees of it.
    pub(super) label: String,
    pub(super) value: String,
}

/// The keys of the maps from which an unknown picks.
#[derive(Default, Debug)]
pub(super) struct Selector {
    label: String,
    uses: usize,
    keys: BTreeSet<String>,
}

impl Selector {
    /// One more map. A key that one of the maps lacks may still be meant, where a guard keeps that map from being asked.
    pub(super) fn pick(&mut self, label: &str, keys: BTreeSet<String>) {
        self.keys.extend(keys);
        self.uses += 1;
        label.clone_into(&mut self.label);
    }
}

/// The values of the unknown that picks most often: with one of them at a time all maps agree, while mixtures of their
/// entries are worlds that cannot be.
pub(super) fn choices(selectors: &BTreeMap<String, Selector>) -> Vec<Choice> {
    let able = |s: &Selector| (2..=MAX_CHOICES).contains(&s.keys.len());
    let mut best: Option<(&String, &Selector)> = None;
    for (atom, selector) in selectors.iter().filter(|(_, s)| able(s)) {
        if best.is_none_or(|(_, b)| selector.uses > b.uses) {
            best = Some((atom, selector));
        }
    }
    let choice = |(atom, s): (&String, &Selector)| -> Vec<Choice> {
        s.keys.iter().map(|value| Choice { atom: atom.clone(), label: s.label.clone(), value: value.clone() }).collect()
    };
    best.map(choice).unwrap_or_default()
}

/// What one world declares.
pub(super) struct Declared {
    /// Terraform fails with the choice of this world: nobody applies it.
    pub(super) impossible: bool,
    pub(super) resources: Vec<Resource>,
    pub(super) undecided: Vec<Undecided>,
    pub(super) off: BTreeMap<String, Span>,
    /// Objects of Kubernetes are switched off in it.
    pub(super) objects_off: bool,
    pub(super) calls: Vec<ModuleCall>,
}

/// The gate of the resource is one of several.
pub(super) fn is_mixed(resource: &Resource) -> bool {
    let gates = kinds::of(&resource.kind).map_or(&[][..], ResourceKind::gates);
    gates.iter().filter_map(|gate| resource.body.get(gate)).any(|value| values::holds_alternatives(value, 0))
}

/// The worlds of a root.
pub(super) struct Worlds {
    /// At least one.
    pub(super) all: Vec<World>,
    /// What was not looked at.
    pub(super) left: Option<Undecided>,
}

/// The worlds of a root, at least one.
pub(super) fn of_root(cache: &ConfigCache<'_>, root: &str) -> Worlds {
    let base = cache.get(root);
    if base.variables.is_empty() {
        return Worlds { all: vec![World { config: base, name: None, choice: None, called: false, switched: false }], left: None };
    }
    let mut left = None;
    let mut worlds: Vec<World> = Vec::new();
    let mut needed = false;
    for file in variable_files(cache.files, root) {
        let mut config = (*base).clone();
        let relative = file.path.strip_prefix(&format!("{root}/")).unwrap_or(&file.path).to_owned();
        let before = config.assigned.len();
        let names = config.add_variables(&file, &relative);
        config.is_root = true;
        let declared = |name: &&String| base.variables.contains_key(*name);
        if !names.iter().any(|n| declared(&n)) {
            continue;
        }
        // without the file a required variable has no value: nobody applies that
        needed |= config.assigned.len() > before
            && names
                .iter()
                .any(|n| !base.assigned.contains_key(n) && base.variables.get(n).is_some_and(|v| v.body.attribute("default").is_none()));
        if worlds.len() >= MAX_WORLDS {
            let why = format!("a root has more than {MAX_WORLDS} variable files: with this one and those after it it is not judged");
            left = Some(Undecided { span: Some(Span::new(file.id, 0..0)), why });
            break;
        }
        worlds.push(World { config: Arc::new(config), name: Some(relative), choice: None, called: false, switched: false });
    }
    if !needed {
        worlds.insert(0, World { config: base, name: None, choice: None, called: false, switched: false });
    } else if let Some(first) = worlds.first_mut() {
        // one world needs no name
        first.name = None;
    }
    let library = worlds.first().filter(|only| worlds.len() == 1 && stand_ins::has_any(&only.config));
    if let Some(called) = library.map(|only| World { called: true, ..only.clone() }) {
        worlds.push(called);
    }
    Worlds { all: worlds, left }
}

/// The variable files that only `-var-file` reads: beside the root and in the folders of its environments.
fn variable_files(files: &dyn ModuleFiles, root: &str) -> Vec<Arc<SourceFile>> {
    let automatic = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".json");
        name == "terraform.tfvars" || name.ends_with(".auto.tfvars")
    };
    let mut out: Vec<Arc<SourceFile>> = files.folder(root).into_iter().filter(|f| is_values(&f.path) && !automatic(&f.path)).collect();
    out.extend(files.variable_files(root).iter().take(MAX_FILES).filter_map(|p| files.read(p)));
    out
}

/// A file of values that somebody applies: one that is there to be copied and filled in (`terraform.example.tfvars`) is not.
fn is_values(path: &str) -> bool {
    const PATTERNS: [&str; 3] = ["example", "sample", "template"];
    let name = path.rsplit('/').next().unwrap_or(path);
    (name.ends_with(".tfvars") || name.ends_with(".tfvars.json"))
        && !name.split(['.', '-', '_']).any(|word| PATTERNS.iter().any(|p| word.eq_ignore_ascii_case(p)))
}

/// The variable files among `paths` by the root that they belong to: they stand up to [`MAX_FOLDERS`] folders below it, in a folder
/// without configuration, and no folder between them has any.
#[must_use]
pub fn variable_files_by_root(paths: &[String]) -> BTreeMap<String, Vec<String>> {
    let is_configuration = |p: &&String| p.ends_with(".tf") || p.ends_with(".tofu") || p.ends_with(".tf.json");
    let configured: BTreeSet<&str> = paths.iter().filter(is_configuration).map(|p| folder_of(p)).collect();
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in paths.iter().filter(|p| is_values(p)) {
        let mut folder = folder_of(path);
        for _ in 0..MAX_FOLDERS {
            if folder.is_empty() || configured.contains(folder) {
                break;
            }
            folder = folder_of(folder);
            out.entry(folder.to_owned()).or_default().push(path.clone());
        }
    }
    out
}

/// Both worlds declare the same.
pub(super) fn same(a: &[Resource], b: &[Resource]) -> bool {
    let alike =
        |(x, y): (&Resource, &Resource)| x.address == y.address && values::Alike { left: &x.root, right: &y.root }.values(&x.body, &y.body);
    a.len() == b.len() && a.iter().zip(b).all(alike)
}

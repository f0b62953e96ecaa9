//! Alternative worlds: variable files that are chosen with `-var-file`, one for each environment.

use super::config::{ConfigCache, ModuleConfig};
use super::{ModuleFiles, Undecided, values};
use crate::source::{SourceFile, Span};
use crate::terraform::Resource;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most worlds of one root; further variable files are not looked at.
pub(super) const MAX_WORLDS: usize = 32;
/// Most variable files that are read to find them.
const MAX_FILES: usize = 256;
/// How deep below a root its variable files are looked for.
const MAX_FOLDERS: usize = 3;

/// The root's configuration with the values of one variable file.
pub(super) struct World {
    pub(super) config: Arc<ModuleConfig>,
    /// The variable file; none for the values that Terraform reads without being told.
    pub(super) name: Option<String>,
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
        return Worlds { all: vec![World { config: base, name: None }], left: None };
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
        worlds.push(World { config: Arc::new(config), name: Some(relative) });
    }
    if !needed {
        worlds.insert(0, World { config: base, name: None });
    } else if let Some(first) = worlds.first_mut() {
        // one world needs no name
        first.name = None;
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

fn is_values(path: &str) -> bool {
    path.ends_with(".tfvars") || path.ends_with(".tfvars.json")
}

/// Those of `paths` that are variable files below `root` and stand in no folder with configuration, nor below one.
pub fn variable_files_among(root: &str, paths: &[String]) -> Vec<String> {
    let folder_of = |p: &str| p.rsplit_once('/').map_or(String::new(), |(f, _)| f.to_owned());
    let roots: BTreeSet<String> =
        paths.iter().filter(|p| p.ends_with(".tf") || p.ends_with(".tofu") || p.ends_with(".tf.json")).map(|p| folder_of(p)).collect();
    let ours = |path: &&String| {
        let mut folder = folder_of(path);
        let below = |f: &str| f != root && (root.is_empty() || f.starts_with(&format!("{root}/")));
        let mut levels = 0;
        while below(&folder) {
            levels += 1;
            if roots.contains(&folder) {
                return false;
            }
            folder = folder_of(&folder);
        }
        folder == root && (1..=MAX_FOLDERS).contains(&levels)
    };
    paths.iter().filter(|p| is_values(p)).filter(ours).cloned().collect()
}

/// Both worlds declare the same.
pub(super) fn same(a: &[Resource], b: &[Resource]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.address == y.address && values::alike(&x.body, &y.body))
}

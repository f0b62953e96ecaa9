//! Alternative worlds: variable files that are chosen with `-var-file`, one for each environment.

use super::config::{ConfigCache, ModuleConfig};
use super::{ModuleFiles, paths, values};
use crate::source::SourceFile;
use crate::terraform::Resource;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most worlds of one root; further variable files are not looked at.
pub(super) const MAX_WORLDS: usize = 8;
/// Folders beside a root that hold variable files and no configuration.
const ENVIRONMENTS: &[&str] = &["env", "envs", "environment", "environments", "tfvars", "vars", "config"];

/// The root's configuration with the values of one variable file.
pub(super) struct World {
    pub(super) config: Arc<ModuleConfig>,
    /// The variable file; none for the values that Terraform reads without being told.
    pub(super) name: Option<String>,
}

/// The worlds of a root, at least one.
pub(super) fn of_root(cache: &ConfigCache<'_>, root: &str) -> Vec<World> {
    let base = cache.get(root);
    if base.variables.is_empty() {
        return vec![World { config: base, name: None }];
    }
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
        worlds.push(World { config: Arc::new(config), name: Some(relative) });
        if worlds.len() >= MAX_WORLDS {
            break;
        }
    }
    if !needed {
        worlds.insert(0, World { config: base, name: None });
    } else if let Some(first) = worlds.first_mut() {
        // one world needs no name
        first.name = None;
    }
    worlds
}

/// The variable files that only `-var-file` reads: beside the root and in the folders of its environments.
fn variable_files(files: &dyn ModuleFiles, root: &str) -> Vec<Arc<SourceFile>> {
    let is_values = |path: &str| path.ends_with(".tfvars") || path.ends_with(".tfvars.json");
    let automatic = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".json");
        name == "terraform.tfvars" || name.ends_with(".auto.tfvars")
    };
    let mut out: Vec<Arc<SourceFile>> = files.folder(root).into_iter().filter(|f| is_values(&f.path) && !automatic(&f.path)).collect();
    for name in ENVIRONMENTS {
        let Some(folder) = paths::join(root, name) else { continue };
        let paths = files.list(&folder);
        // a folder with configuration of its own is another root
        let folder_of = |p: &str| p.rsplit_once('/').map_or(String::new(), |(f, _)| f.to_owned());
        let roots: BTreeSet<String> = paths.iter().filter(|p| p.ends_with(".tf") || p.ends_with(".tofu")).map(|p| folder_of(p)).collect();
        let wanted = paths.iter().filter(|p| is_values(p) && !roots.contains(&folder_of(p)));
        out.extend(wanted.take(MAX_WORLDS).filter_map(|p| files.read(p)));
    }
    out.truncate(MAX_WORLDS);
    out
}

/// Both worlds declare the same.
pub(super) fn same(a: &[Resource], b: &[Resource]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.address == y.address && values::alike(&x.body, &y.body))
}

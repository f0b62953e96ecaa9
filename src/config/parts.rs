//! Parts of a tree with a configuration of their own: of several files above a path the nearest speaks, alone.
//!
//! What a file says of findings (severities, `[[ignore]]`, `exclude`, the thresholds) is said of its folder. What the whole run is made
//! with (models, issuers, tenants, …) is said by the configuration of the run: in the file of a part it is told and not obeyed.

use super::{Config, ConfigError, FILE_NAME, glob, is_default};
use crate::place::paths::tidy;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Most parts of a tree.
const MAX_PARTS: usize = 1_000;

impl Config {
    /// The configuration that speaks of a path, as reports show it.
    #[must_use]
    pub fn at(&self, path: &str) -> &Self {
        self.parts.iter().find(|part| part.from_here(path).is_some()).unwrap_or(self)
    }

    /// Whether a part leaves the path out.
    #[must_use]
    pub fn leaves_out(&self, path: &str) -> bool {
        let of = |part: &Self| part.from_here(path).filter(|_| !part.exclude.is_empty());
        let part = self.parts.iter().find(|part| part.from_here(path).is_some());
        part.is_some_and(|part| {
            of(part).is_some_and(|inside| part.exclude.iter().any(|pattern| glob(pattern).is_ok_and(|glob| glob.is_match(&inside))))
        })
    }

    /// Reads the files that stand in the folders of these paths, below the roots of the run.
    ///
    /// # Errors
    /// One of them cannot be used: it would rule what is there.
    pub fn with_parts<'p>(&self, roots: &[PathBuf], paths: impl Iterator<Item = &'p str>) -> Result<Self, ConfigError> {
        let mut out = self.clone();
        let roots: Vec<PathBuf> = roots.iter().filter_map(|root| std::path::absolute(root).ok()).map(|root| tidy(&root)).collect();
        let mut found: BTreeMap<PathBuf, Self> = BTreeMap::new();
        for folder in folders(&roots, paths) {
            let file = folder.join(FILE_NAME);
            if self.folder.as_ref() == Some(&folder) || !self.held().is_there(&file) {
                continue;
            }
            if found.len() == MAX_PARTS {
                let message = format!("more than {MAX_PARTS} files are named `{FILE_NAME}`");
                return Err(ConfigError::Invalid { path: file.to_string_lossy().into_owned(), message });
            }
            let mut part = match &self.revision {
                Some(revision) => Self::in_revision(revision, &file)?,
                None => Self::on_disk(&file, false)?,
            };
            part.is_whole = true;
            for pattern in &part.exclude {
                glob(pattern).map_err(|e| ConfigError::Invalid {
                    path: part.path.clone().unwrap_or_default(),
                    message: format!("`exclude`: `{pattern}` is not a glob: {}", e.kind()),
                })?;
            }
            found.insert(folder, part);
        }
        // the innermost first
        out.parts = found.into_values().rev().collect();
        out.parts.sort_by_key(|part| std::cmp::Reverse(part.folder.as_ref().map_or(0, |folder| folder.components().count())));
        Ok(out)
    }

    /// What this file says that is not for a part of a tree to say.
    #[must_use]
    pub fn of_the_run(&self) -> Vec<&'static str> {
        let said = [
            ("models", self.models.is_some()),
            ("custom-rules", self.custom_rules.is_some()),
            ("repository", self.repository.is_some()),
            ("baseline", self.baseline.is_some()),
            ("markdown", self.markdown),
            ("issuers", !is_default(&self.issuers)),
            ("tenants", !is_default(&self.tenants)),
            ("github", !is_default(&self.github)),
        ];
        said.into_iter().filter(|(_, is_said)| *is_said).map(|(key, _)| key).collect()
    }

    /// What the reader of a report should know of the parts.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let note = |part: &Self| {
            let (path, keys) = (part.path.clone()?, part.of_the_run());
            let folder = path.strip_suffix(FILE_NAME).unwrap_or(&path).trim_end_matches('/');
            let list = keys.join("`, `");
            (!keys.is_empty()).then(|| {
                format!("`{path}` says `{list}`, which is for the whole run and was not obeyed here: check `{folder}` alone, or say it further up")
            })
        };
        self.parts.iter().filter_map(note).collect()
    }
}

/// The folders of paths and those above them, down from the roots.
fn folders<'p>(roots: &[PathBuf], paths: impl Iterator<Item = &'p str>) -> BTreeSet<PathBuf> {
    let shown: BTreeSet<&Path> = paths.filter_map(|path| Path::new(path).parent()).collect();
    let mut out: BTreeSet<PathBuf> = BTreeSet::new();
    for folder in shown {
        let Ok(folder) = std::path::absolute(folder.join(".")).map(|folder| tidy(&folder)) else { continue };
        let Some(root) = roots.iter().find(|root| folder.starts_with(root)) else { continue };
        for above in folder.ancestors().take_while(|above| above.starts_with(root)) {
            if !out.insert(above.to_path_buf()) {
                break;
            }
        }
    }
    out
}

//! `fedlint.toml`: what a team knows about its own infrastructure, and how strict it wants to be.
//!
//! ```toml
//! fail-on = "high"
//! exclude = ["examples/**"]
//! models = "fedlint-models"              # a folder with models of our own modules, from here
//! repository = "octo-org/app"            # whose tokens the jobs of this repository have
//!
//! [rules.any-ref]
//! severity = "info"        # or "off"
//!
//! [issuers]
//! trusted = ["https://ci.example.com"]   # issuers of our own that no vendor runs: nobody else gets a token from them
//!
//! files = ["fedlint-issuers.yaml"]       # issuers of our own as the registry writes them
//!
//! [tenants]                              # who is ours at the vendors that many share
//! github = { octo-org = 4417 }
//! aws = ["111122223333"]
//!
//! [github]
//! immutable-subjects = true              # every repository emits `OWNER@ID/REPO@ID`
//!
//! [[ignore]]                             # a finding that the team has accepted
//! rule = "any-ref"
//! path = "sandbox/**"
//! identity = "aws_iam_role.preview-*"
//! reason = "previews of branches, no permissions"
//! until = "2027-01-31"
//! ```
//!
//! Paths and globs are relative to the file that says them; those of a file that stands outside of the checked repository, to that
//! repository's root.

mod ignore;
mod own;
mod parts;
pub mod tenants;

pub use ignore::Ignore;
pub use tenants::TenantConfig;

use crate::catalogue::{self, Confidence, OwnRules, RuleId, Severity};
use crate::issuers::{Registry, nearest, registry};
use crate::place::paths::tidy;
use crate::source::git::Revision;
use crate::source::held::Held;
use crate::source::regular;
use crate::source::walk::repository;

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file's name.
pub const FILE_NAME: &str = "fedlint.toml";

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The least severity that makes the run fail; `medium` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"high", extend("default" = "medium")))]
    pub fail_on: Option<Severity>,
    /// The least severity that is reported; `info` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"medium", extend("default" = "info")))]
    pub min_severity: Option<Severity>,
    /// The least confidence that is reported; `likely` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"proven", extend("default" = "likely")))]
    pub min_confidence: Option<Confidence>,
    /// Globs of files and folders that are not read, relative to this file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "internals", schemars(example = ["examples/**"], extend("default" = [])))]
    pub exclude: Vec<String>,
    /// Read the fenced blocks of Markdown files, too: commands of a shell as one session, JSON and YAML as files. `--markdown` does the same.
    #[serde(skip_serializing_if = "is_default")]
    #[cfg_attr(feature = "internals", schemars(example = true, extend("default" = false)))]
    pub markdown: bool,
    /// A folder with models of modules whose source is not in the scan (see docs/models.md), relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"fedlint-models"))]
    pub models: Option<PathBuf>,
    /// A folder with rules of your own (see docs/writing-rules.md), relative to this file. Their ids can be configured, selected and ignored like any other.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"fedlint-rules"))]
    pub custom_rules: Option<PathBuf>,
    /// What the forge calls the repository: `owner/name`, at GitLab the whole path of the project. Without it the name is that of the
    /// CI job that checks its own checkout, else that of git's remote; the jobs of the repository are its tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"octo-org/app"))]
    pub repository: Option<String>,
    /// Settings of single rules, by the rule's id or its id in another tool.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "internals", schemars(example = serde_json::json!({ "any-ref": { "severity": "info" } })))]
    pub rules: BTreeMap<String, RuleConfig>,
    /// What is known of issuers.
    #[serde(skip_serializing_if = "is_default")]
    pub issuers: IssuerConfig,
    /// Who belongs to the team at the vendors that many share.
    #[serde(skip_serializing_if = "is_default")]
    pub tenants: TenantConfig,
    /// What is known of GitHub.
    #[serde(skip_serializing_if = "is_default")]
    pub github: GithubConfig,
    /// Tools whose ignore comments hold, too, where their check finds the same: `checkov`, `trivy`, `tfsec`, `semgrep`. None unless it is said; docs/hook.md has the
    /// list of checks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "internals", schemars(example = ["checkov"], extend("default" = [])))]
    pub foreign_ignores: Vec<Tool>,
    /// Findings that the team has accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Ignore>,
    /// The file with the findings that were there when fedlint was introduced (`fedlint baseline` writes it), relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"fedlint-baseline.json"))]
    pub baseline: Option<PathBuf>,
    /// The file, as reports name it.
    #[serde(skip)]
    pub path: Option<String>,
    /// Its folder, absolute: what the file says of paths is said from there.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Where the files that it names must really stand: its repository, or without one its folder; no matter where, when
    /// it was named and stands in no repository.
    #[serde(skip)]
    pub root: Option<PathBuf>,
    /// The run reads all that the file speaks of.
    #[serde(skip)]
    pub is_whole: bool,
    /// Who mints tokens, with the issuers of [`IssuerConfig::files`]; none where there are none.
    #[serde(skip)]
    pub described: Described,
    /// The rules of [`Config::custom_rules`].
    #[serde(skip)]
    pub own: OwnRules,
    /// Files below it speak of their folders.
    #[serde(skip)]
    pub reads_parts: bool,
    /// Those files, the innermost first.
    #[serde(skip)]
    pub parts: Vec<Self>,
    /// The revision that it was read from, with the files that it names; none for the disk.
    #[serde(skip)]
    pub revision: Option<Arc<Revision>>,
}

/// The registry with the team's own files; two are the same where the files are.
#[derive(Debug, Clone, Default)]
pub struct Described(Option<Arc<Registry>>);

impl PartialEq for Described {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_some() == other.0.is_some()
    }
}

impl Eq for Described {}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A tool whose ignore comments may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// <https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html>
    Checkov,
    /// <https://trivy.dev/latest/docs/configuration/filtering/#by-inline-comments>
    Trivy,
    /// <https://aquasecurity.github.io/tfsec/latest/guides/configuration/ignores/>
    Tfsec,
    /// <https://semgrep.dev/docs/ignoring-files-folders-code>
    Semgrep,
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Checkov => "checkov",
            Self::Trivy => "trivy",
            Self::Tfsec => "tfsec",
            Self::Semgrep => "semgrep",
        })
    }
}

/// The settings of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleConfig {
    /// Another severity, or `off`.
    #[cfg_attr(feature = "internals", schemars(example = &"info"))]
    pub severity: Level,
}

/// A severity or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not reported.
    Off,
    /// A matter of doctrine or taste.
    Info,
    /// Bounded and unlikely to matter alone.
    Low,
    /// Worth a change.
    Medium,
    /// Worth a change now.
    High,
    /// An unrelated party obtains a privileged or unknown identity.
    Critical,
}

impl Level {
    /// The severity; none for `off`.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Info => Some(Severity::Info),
            Self::Low => Some(Severity::Low),
            Self::Medium => Some(Severity::Medium),
            Self::High => Some(Severity::High),
            Self::Critical => Some(Severity::Critical),
        }
    }
}

/// What is known of issuers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct IssuerConfig {
    /// URLs of issuers that only the team itself gets tokens from; those of the registry are known without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "internals", schemars(example = ["https://ci.example.com"], extend("default" = [])))]
    pub trusted: Vec<String>,
    /// Files that describe issuers of your own as the registry does (see docs/issuers.md): patterns of URLs, the claims and subjects of their tokens. Relative to
    /// this file. What the registry knows they cannot redefine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "internals", schemars(example = ["fedlint-issuers.yaml"], extend("default" = [])))]
    pub files: Vec<PathBuf>,
}

/// What is known of GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GithubConfig {
    /// `true`: every repository emits immutable subjects (`repo:OWNER@ID/REPO@ID:…`); `false`: none does. Not known when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = true))]
    pub immutable_subjects: Option<bool>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`: {why}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The file is not what it should be.
    #[error("the configuration `{path}` is not valid: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// Why, with the place.
        message: String,
    },
    /// A rule file of the user's that cannot be used.
    #[error("the rule `{path}` is not valid: {message}")]
    Rule {
        /// The file.
        path: String,
        /// Why, with the place.
        message: String,
    },
    /// A rule that does not exist.
    #[error("unknown rule `{id}` in {place}{}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_else(|| "; `fedlint rules` lists them".to_owned()))]
    UnknownRule {
        /// What was written.
        id: String,
        /// Where.
        place: String,
        /// The nearest id.
        suggestion: Option<String>,
    },
}

impl Config {
    /// Who mints tokens, the team's own issuers included.
    #[must_use]
    pub fn registry(&self) -> Cow<'_, Registry> {
        let base = self.described.0.as_deref().unwrap_or(registry());
        if self.issuers.trusted.is_empty() {
            return Cow::Borrowed(base);
        }
        base.owning(&self.issuers.trusted).map_or(Cow::Borrowed(base), Cow::Owned)
    }

    /// Reads the files that describe issuers.
    fn describe(&mut self, beside: &Path, held: Held<'_>) -> Result<(), ConfigError> {
        for file in &mut self.issuers.files {
            *file = beside.join(&*file);
            let path = shown(file);
            let text = held.text(file, regular::MAX_SETTINGS);
            let text = text.map_err(|why| ConfigError::Read { path: path.clone(), why })?;
            let base = self.described.0.as_deref().unwrap_or(registry());
            let extended = base.with_extra(&text).map_err(|e| {
                let hidden = "what the link leads to describes no issuers (a file that is linked to is not shown)";
                let message = if held.is_plain(file) { regular::one_line(&e.to_string()) } else { hidden.to_owned() };
                ConfigError::Invalid { path, message }
            })?;
            self.described = Described(Some(Arc::new(extended)));
        }
        Ok(())
    }

    /// What it says of this rule, under its id or an alias.
    #[must_use]
    pub fn level(&self, rule: RuleId) -> Option<Level> {
        self.rules.iter().find(|(id, _)| rule.is_called(id)).map(|(_, settings)| settings.severity)
    }

    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// The text is not TOML, has unknown fields, or names a rule that does not exist.
    pub fn parse(path: &str, text: &str) -> Result<Self, ConfigError> {
        let mut config: Self =
            toml::from_str(text).map_err(|e| ConfigError::Invalid { path: path.to_owned(), message: shown_error(&e) })?;
        config.ignore = Ignore::read_all(path, text, config.ignore)?;
        // rules of the user's own are known when their folder was read
        if config.custom_rules.is_none() {
            config.known_rules(path, text)?;
        }
        let owned = registry().owning(&config.issuers.trusted);
        owned.map_err(|e| ConfigError::Invalid {
            path: path.to_owned(),
            message: format!("`issuers.trusted`: {}", regular::one_line(&e.to_string())),
        })?;
        Ok(config)
    }

    /// Every rule that the file names is there.
    fn known_rules(&self, path: &str, text: &str) -> Result<(), ConfigError> {
        for id in self.rules.keys().chain(self.ignore.iter().map(|entry| &entry.rule)) {
            let line = text.lines().position(|line| line.contains(id.as_str())).map_or(String::new(), |at| format!(", line {}", at + 1));
            self.known_rule(id, &format!("`{path}`{line}"))?;
        }
        Ok(())
    }

    /// The rule with this id or alias, the user's own included.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRule`] with the nearest id; `place` says where it is named.
    pub fn known_rule(&self, id: &str, place: &str) -> Result<&catalogue::Rule, ConfigError> {
        let known = catalogue::find(id).or_else(|| self.own.find(id));
        known.ok_or_else(|| {
            let suggestion = nearest(id, self.all_rules().map(|r| r.meta.id.as_str())).map(str::to_owned);
            ConfigError::UnknownRule { id: regular::one_line(id), place: place.to_owned(), suggestion }
        })
    }

    /// The rules of the catalogue and the user's own.
    pub fn all_rules(&self) -> impl Iterator<Item = &catalogue::Rule> {
        catalogue::catalogue().iter().chain(self.own.all())
    }

    /// The configuration for a run: the file that was named, else [`FILE_NAME`] in `folder` or above it up to the
    /// repository's root, else the defaults. Paths that the file says are said from its folder.
    ///
    /// # Errors
    /// See [`Config::parse`]; a file that was named must be there, and one that was found must stand in its repository.
    pub fn load(named: Option<&Path>, folder: &Path) -> Result<Self, ConfigError> {
        let Some(path) = named.map(Path::to_path_buf).or_else(|| Self::discover(folder)) else { return Ok(Self::default()) };
        Self::on_disk(&path, named.is_some())
    }

    /// Reads a file of the disk; `named`: it was named and not found.
    fn on_disk(path: &Path, named: bool) -> Result<Self, ConfigError> {
        let own = std::path::absolute(path.parent().unwrap_or(Path::new("")).join(".")).ok().map(|folder| tidy(&folder));
        let real = own.as_ref().and_then(|own| own.canonicalize().ok());
        let around = real.as_deref().and_then(repository);
        let root = around.or_else(|| real.filter(|_| !named));
        let mut config = Self::read(path, Held::Disk(root.as_deref()))?;
        config.folder = own;
        config.root = root;
        Ok(config)
    }

    /// The same as a revision has it: nothing of the disk counts.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn of_revision(revision: &Arc<Revision>, folder: &Path) -> Result<Self, ConfigError> {
        let start = tidy(&std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf()));
        let mut above = start.ancestors().take_while(|above| above.starts_with(revision.root())).map(|folder| folder.join(FILE_NAME));
        let found = above.find(|file| Held::Revision(revision).is_there(file));
        let mut config = found.map(|file| Self::in_revision(revision, &file)).transpose()?.unwrap_or_default();
        config.revision = Some(Arc::clone(revision));
        config.reads_parts = true;
        Ok(config)
    }

    fn in_revision(revision: &Arc<Revision>, file: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::read(file, Held::Revision(revision))?;
        config.folder = file.parent().map(Path::to_path_buf);
        config.revision = Some(Arc::clone(revision));
        Ok(config)
    }

    fn read(path: &Path, held: Held<'_>) -> Result<Self, ConfigError> {
        let (shown, beside) = (shown(path), path.parent().unwrap_or(Path::new("")));
        let text = held.text(path, regular::MAX_SETTINGS).map_err(|why| ConfigError::Read { path: shown.clone(), why })?;
        let parsed = Self::parse(&shown, &text);
        // What is wrong is shown with its line: never that of a file that only a link leads to.
        let plain = held.is_plain(path);
        let mut config = if plain { parsed? } else { parsed.map_err(|_| linked(&shown))? };
        config.models = config.models.map(|models| beside.join(models));
        config.baseline = config.baseline.map(|baseline| beside.join(baseline));
        config.describe(beside, held)?;
        if let Some(folder) = &mut config.custom_rules {
            *folder = beside.join(&*folder);
            config.own = own::rules(folder, held)?;
            config.known_rules(&shown, &text).map_err(|e| if plain { e } else { linked(&shown) })?;
        }
        config.path = Some(shown);
        Ok(config)
    }

    /// Where the file stands, with those that it names.
    #[must_use]
    pub fn held(&self) -> Held<'_> {
        match &self.revision {
            Some(revision) => Held::Revision(revision),
            None => Held::Disk(self.root.as_deref()),
        }
    }

    /// The file that speaks of `folder`: in it or above it, up to the repository's root; in it alone where no repository says
    /// where the project ends. What is there under the name counts, whatever it is, so that nothing can be put in its place.
    #[must_use]
    pub fn discover(folder: &Path) -> Option<PathBuf> {
        let start = tidy(&std::path::absolute(folder).ok()?);
        let end = top(&start);
        let mut found = start.ancestors().take_while(|above| above.starts_with(end)).map(|folder| folder.join(FILE_NAME));
        found.find(|file| file.symlink_metadata().is_ok())
    }

    /// A file that stands outside of the repository of `folder` says its paths from that repository's root: whoever takes the
    /// configuration from another place than the tree that is checked writes it as if it stood there.
    pub fn speak_of(&mut self, folder: &Path) {
        let Ok(start) = std::path::absolute(folder).map(|folder| tidy(&folder)) else { return };
        let top = top(&start);
        if self.folder.as_ref().is_some_and(|own| !own.starts_with(top) && !top.starts_with(own)) {
            self.folder = Some(top.to_path_buf());
        }
    }

    /// The run reads these folders: whether that is all that the file speaks of.
    pub fn see(&mut self, folders: &[PathBuf]) {
        let own = self.folder.as_ref();
        self.is_whole = folders.iter().any(|folder| {
            let folder = std::path::absolute(folder).map(|folder| tidy(&folder)).ok();
            folder.is_some_and(|folder| own.is_some_and(|own| own.starts_with(folder)))
        });
    }

    /// A path as reports show it, seen from the file's folder; none when it lies elsewhere.
    #[must_use]
    pub fn from_here(&self, path: &str) -> Option<String> {
        let Some(folder) = &self.folder else { return Some(path.to_owned()) };
        let inside = tidy(&std::path::absolute(path).ok()?).strip_prefix(folder).ok()?.to_string_lossy().into_owned();
        Some(inside.replace(std::path::MAIN_SEPARATOR, "/"))
    }
}

/// The root of the repository of a folder, by the letters of its path; without one the folder itself.
fn top(folder: &Path) -> &Path {
    folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder)
}

/// The error with the line that it speaks of; what it quotes of the file stays on its line.
fn shown_error(error: &toml::de::Error) -> String {
    let (whole, message) = (error.to_string(), error.message());
    let head = whole.trim_end().strip_suffix(message.trim_end()).unwrap_or_default();
    format!("{head}{}", regular::one_line(message.trim_end()))
}

fn linked(path: &str) -> ConfigError {
    let message = "what the link leads to is no configuration (a file that is linked to is not shown)".to_owned();
    ConfigError::Invalid { path: path.to_owned(), message }
}

/// A path as reports show it: from the working directory where it lies in it.
#[must_use]
pub fn shown(path: &Path) -> String {
    let inside = || {
        let here = std::env::current_dir().ok()?;
        tidy(&std::path::absolute(path).ok()?).strip_prefix(here).ok().map(Path::to_path_buf)
    };
    inside().unwrap_or_else(|| path.to_path_buf()).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

/// A glob of paths as `exclude` takes them: a folder means what is in it.
fn glob(pattern: &str) -> Result<globset::GlobSet, globset::Error> {
    let bare = pattern.trim_start_matches("./").trim_end_matches('/');
    let mut set = globset::GlobSetBuilder::new();
    for pattern in [bare.to_owned(), format!("{bare}/**")] {
        set.add(globset::GlobBuilder::new(&pattern).literal_separator(true).build()?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_refused_with_their_place() {
        let error = Config::parse("fedlint.toml", "fail_on = \"high\"").unwrap_err().to_string();
        assert!(error.contains("fail_on") && error.contains('1'), "{error}");
    }
}

//! `fedlint.toml`: what a team knows about its own infrastructure, and how strict it wants to be.
//!
//! ```toml
//! fail-on = "high"
//! exclude = ["examples/**"]
//! models = "fedlint-models"              # a folder with models of our own modules, from here
//!
//! [rules.any-ref]
//! severity = "info"        # or "off"
//!
//! [issuers]
//! trusted = ["https://ci.example.com"]   # issuers of our own that no vendor runs: nobody else gets a token from them
//!
//! [github]
//! immutable-subjects = true              # every repository emits `OWNER@ID/REPO@ID`
//! ```

use crate::catalogue::{self, Confidence, RuleId, Severity};
use crate::issuers::{Registry, nearest, registry};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE_NAME: &str = "fedlint.toml";

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// The least severity that makes the run fail; `medium` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_on: Option<Severity>,
    /// The least severity that is reported; `info` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_severity: Option<Severity>,
    /// The least confidence that is reported; `likely` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_confidence: Option<Confidence>,
    /// Globs of files that are not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// A folder with models of modules whose source is not in the scan; in the file relative to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<PathBuf>,
    /// Settings of single rules, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, RuleConfig>,
    /// What is known of issuers.
    pub issuers: IssuerConfig,
    /// What is known of GitHub.
    pub github: GithubConfig,
}

/// The settings of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleConfig {
    /// Another severity, or `off`.
    pub severity: Level,
}

/// A severity or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not reported.
    Off,
    /// As [`Severity::Info`].
    Info,
    /// As [`Severity::Low`].
    Low,
    /// As [`Severity::Medium`].
    Medium,
    /// As [`Severity::High`].
    High,
    /// As [`Severity::Critical`].
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
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct IssuerConfig {
    /// URLs of issuers that only the team itself gets tokens from; those of the registry are known without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<String>,
}

/// What is known of GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GithubConfig {
    /// `true`: every repository emits immutable subjects; `false`: none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable_subjects: Option<bool>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{path}`: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("the configuration `{path}` is not valid: {message}")]
    Invalid {
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
    pub fn registry(&self) -> Cow<'static, Registry> {
        if self.issuers.trusted.is_empty() {
            return Cow::Borrowed(registry());
        }
        registry().owning(&self.issuers.trusted).map_or(Cow::Borrowed(registry()), Cow::Owned)
    }

    /// What it says of this rule, under its id or an alias.
    #[must_use]
    pub fn level(&self, rule: RuleId) -> Option<Level> {
        self.rules.iter().find(|(id, _)| RuleId::named(id) == Some(rule)).map(|(_, settings)| settings.severity)
    }

    /// Parses the text of a configuration file.
    ///
    /// # Errors
    /// The text is not TOML, has unknown fields, or names a rule that does not exist.
    pub fn parse(path: &str, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|e| ConfigError::Invalid { path: path.to_owned(), message: e.to_string().trim_end().to_owned() })?;
        for id in config.rules.keys() {
            known_rule(id, &format!("`{path}`"))?;
        }
        let owned = registry().owning(&config.issuers.trusted);
        owned.map_err(|e| ConfigError::Invalid { path: path.to_owned(), message: format!("`issuers.trusted`: {e}") })?;
        Ok(config)
    }

    /// The configuration for a run: the file that was named, else [`FILE_NAME`] in `folder` or above it up to the
    /// repository's root, else the defaults.
    ///
    /// # Errors
    /// See [`Config::parse`]; a file that was named must be there.
    pub fn load(named: Option<&Path>, folder: &Path) -> Result<Self, ConfigError> {
        let Some(path) = named.map(Path::to_path_buf).or_else(|| discover(folder)) else { return Ok(Self::default()) };
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
        let mut config = Self::parse(&shown, &text)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        config.models = config.models.map(|models| beside.join(models));
        Ok(config)
    }
}

fn discover(folder: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(folder).ok()?;
    for folder in start.ancestors() {
        let candidate = folder.join(FILE_NAME);
        if candidate.is_file() {
            return Some(candidate);
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Checks that a rule exists.
///
/// # Errors
/// [`ConfigError::UnknownRule`] with the nearest id.
pub fn known_rule(id: &str, place: &str) -> Result<&'static catalogue::Rule, ConfigError> {
    catalogue::find(id).ok_or_else(|| {
        let suggestion = nearest(id, catalogue::catalogue().iter().map(|r| r.meta.id.as_str())).map(str::to_owned);
        ConfigError::UnknownRule { id: id.to_owned(), place: place.to_owned(), suggestion }
    })
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

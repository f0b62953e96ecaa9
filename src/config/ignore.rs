//! `[[ignore]]`: findings that the team has accepted.

use super::{ConfigError, glob};
use crate::admission::glob as star;
use crate::calendar;
use crate::catalogue::RuleId;
use crate::source::regular;
use crate::token::Truth;
use serde::{Deserialize, Serialize};

/// A finding that the team has accepted: one of a rule that all the other words fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ignore {
    /// The rule, by its id or an alias.
    #[cfg_attr(feature = "internals", schemars(example = &"any-ref"))]
    pub rule: String,
    /// A glob of the file of the finding, from the configuration's folder; any file when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"sandbox/**"))]
    pub path: Option<String>,
    /// The identity, as reports name it; `*` stands for anything. Any identity when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"aws_iam_role.preview-*"))]
    pub identity: Option<String>,
    /// Why the finding is accepted; must not be empty.
    #[cfg_attr(feature = "internals", schemars(example = &"previews of branches, no permissions"))]
    pub reason: String,
    /// The last day on which it holds; for good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "internals", schemars(example = &"2027-01-31", extend("format" = "date")))]
    pub until: Option<String>,
    /// Where the entry is written: the bytes of its header.
    #[serde(skip)]
    pub range: std::ops::Range<usize>,
}

impl Ignore {
    /// The entries of a file, with their places.
    pub(super) fn read_all(path: &str, text: &str, entries: Vec<Self>) -> Result<Vec<Self>, ConfigError> {
        #[derive(Deserialize)]
        struct Places {
            #[serde(default)]
            ignore: Vec<toml::Spanned<toml::Value>>,
        }
        let places: Vec<_> = toml::from_str::<Places>(text).map(|p| p.ignore.iter().map(toml::Spanned::span).collect()).unwrap_or_default();
        let mut out = Vec::new();
        for (at, mut entry) in entries.into_iter().enumerate() {
            let invalid =
                |what: &str| ConfigError::Invalid { path: path.to_owned(), message: format!("`[[ignore]]` number {}: {what}", at + 1) };
            if entry.reason.trim().is_empty() {
                return Err(invalid("`reason` is empty: say why the finding is accepted"));
            }
            if let Some(until) = entry.until.as_deref().filter(|until| !calendar::is_date(until)) {
                return Err(invalid(&format!("`until` is not a date: write `2027-01-31` instead of `{}`", regular::one_line(until))));
            }
            if let Some(Err(e)) = entry.path.as_deref().map(glob) {
                return Err(invalid(&format!("`path` is not a glob: {}", e.kind())));
            }
            entry.range = places.get(at).cloned().unwrap_or_default();
            out.push(entry);
        }
        Ok(out)
    }

    /// Whether its last day is before `today`.
    #[must_use]
    pub fn is_over(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }

    /// Whether it speaks of a finding; `path` is seen from the configuration's folder.
    #[must_use]
    pub fn fits(&self, rule: RuleId, path: Option<&str>, identity: Option<&str>) -> bool {
        let at = |pattern: &str| path.is_some_and(|path| glob(pattern).is_ok_and(|glob| glob.is_match(path)));
        rule.is_called(&self.rule)
            && self.path.as_deref().is_none_or(at)
            && self.identity.as_deref().is_none_or(|pattern| identity.is_some_and(|name| is_like(pattern, name)))
    }
}

/// Whether a name is like a pattern of `*` and `?`.
fn is_like(pattern: &str, name: &str) -> bool {
    star::matches(&star::written(pattern), name, false) == Truth::True
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, like) in [
            ("a*", "abc", true),
            ("*", "", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("a*b*c", "a1b2c", true),
            ("aa*a", "aa", false),
            ("role[\"x\"]", "role[\"x\"]", true),
            ("a", "ab", false),
        ] {
            assert_eq!(is_like(pattern, name), like, "{pattern} {name}");
        }
    }

    #[test]
    fn an_acceptance_holds_through_its_day() {
        let text = "[[ignore]]\nrule = \"any-ref\"\nreason = \"x\"\nuntil = \"2027-01-31\"\n";
        let config = Config::parse("fedlint.toml", text).unwrap();
        let over = |today: &str| config.ignore.first().unwrap().is_over(today);
        assert!(!over("2027-01-30") && !over("2027-01-31") && over("2027-02-01"));
    }
}

//! The rule files: front matter, prose and runnable examples, compiled into the binary.
//!
//! One file is the only source of a rule's text: `explain`, the docs, SARIF's help and the tests all come from it.

mod examples;
mod levels;
mod own;

pub use examples::{Example, ExampleFile};
pub use levels::{Category, Confidence, Severity};
pub use own::{Fault, MAX_OWN, OwnId, OwnRules, read as read_own};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::LazyLock;

include!(concat!(env!("OUT_DIR"), "/rule_files.rs"));

impl RuleId {
    /// The rule with this id, or with this alias in another tool.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        find(id).map(|rule| rule.meta.id)
    }

    /// Where the generated page of the rule stands; none for a rule of the users' own.
    #[must_use]
    pub fn help_uri(self) -> Option<String> {
        let built_in = !matches!(self, Self::Own(_));
        built_in.then(|| format!("https://github.com/fedlint/fedlint/blob/main/docs/rules/{self}.md"))
    }

    /// Whether this is its id, or an alias of it.
    #[must_use]
    pub fn is_called(self, id: &str) -> bool {
        self.as_str() == id || Self::named(id) == Some(self)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RuleId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RuleId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        let rule = Self::ALL.iter().find(|rule| rule.as_str() == id);
        rule.copied().ok_or_else(|| serde::de::Error::custom(format!("unknown rule `{id}`")))
    }
}

/// The front matter of a rule file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FrontMatter {
    /// The rule's id, the name of its file. A contract: reports and suppressions name it.
    pub id: RuleId,
    /// One line, lower case: what it finds.
    pub title: String,
    /// What sort of problem it is.
    pub category: Category,
    /// The default severity; a check may say higher or lower for one finding.
    pub severity: Severity,
    /// The systems it knows: aws, gcp, azure, kubernetes, github, spiffe.
    pub systems: Vec<String>,
    /// Pages that say why.
    pub references: Vec<String>,
    /// The frameworks it maps to: `owasp-nhi`, `nist-csf`, `cwe`.
    #[serde(default)]
    pub frameworks: BTreeMap<String, Vec<String>>,
    /// The project's own source documents it comes from: for the project, not for its users.
    #[serde(default, skip_serializing)]
    pub sources: Vec<String>,
    /// Ids of the same check in other tools.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The built-in checks that find it: a run of this rule alone runs no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub check: Vec<String>,
    /// A CEL predicate over one fact, instead of `check` or beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// When a finding of a `when` rule is worse than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worse: Option<Worse>,
    /// The sort of fact that `when` looks at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// The field of the fact that a finding points at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The message of a `when` rule; `{field}` is replaced by the fact's field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The help of a `when` rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// `check: a` or `check: [a, b]`.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Names::deserialize(deserializer)? {
        Names::One(name) => vec![name],
        Names::Many(names) => names,
    })
}

/// A second predicate over the fact, and the severity of a finding for which it holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worse {
    /// A CEL predicate over the fact.
    pub when: String,
    /// The severity.
    pub severity: Severity,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its front matter.
    pub meta: FrontMatter,
    /// The Markdown below the front matter, as a person reads it: the tests' markers point at the line.
    pub body: String,
    /// The runnable examples.
    #[cfg(any(test, feature = "internals"))]
    pub examples: Vec<Example>,
    /// Where the file of a rule of the users' own stands, and its text: faults are shown in it.
    pub file: Option<(String, String)>,
}

impl Rule {
    /// The text of a section (`What`, `Why`, `Fix`), without its heading.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&str> {
        let heading = format!("## {name}\n");
        let (_, rest) = self.body.split_once(&heading)?;
        Some(rest.split_once("\n## ").map_or(rest, |(section, _)| section).trim())
    }
}

/// Reads a rule file as it is written.
///
/// # Errors
/// The front matter is missing or does not have the fields it should.
#[cfg(any(test, feature = "internals"))]
pub fn parse(name: &str, text: &str) -> Result<Rule, String> {
    let rest = text.strip_prefix("---\n").ok_or_else(|| format!("rule `{name}`: no front matter"))?;
    let (front, _) = rest.split_once("\n---\n").ok_or_else(|| format!("rule `{name}`: the front matter does not end"))?;
    let meta: FrontMatter = serde_saphyr::from_str(front).map_err(|e| format!("rule `{name}`: {e}"))?;
    rule(name, meta, text)
}

/// A built-in rule, whose front matter the build has made JSON of.
fn built_in(name: &str, front: &str, text: &str) -> Result<Rule, String> {
    let meta: FrontMatter = serde_json::from_str(front).map_err(|e| format!("rule `{name}`: {e}"))?;
    rule(name, meta, text)
}

fn rule(name: &str, meta: FrontMatter, text: &str) -> Result<Rule, String> {
    let body = text.split_once("\n---\n").map(|(_, body)| body).unwrap_or_default();
    if meta.id.as_str() != name {
        return Err(format!("rule `{name}`: the file is named unlike its id `{}`", meta.id));
    }
    if meta.check.is_empty() && meta.when.is_none() {
        return Err(format!("rule `{name}`: `check` or `when` is needed"));
    }
    Ok(Rule {
        meta,
        body: shown(body),
        #[cfg(any(test, feature = "internals"))]
        examples: examples::of(body),
        file: None,
    })
}

/// The markers of the examples as comments for a reader: `# <- any-ref`.
fn shown(body: &str) -> String {
    body.replace("# expect: ", "# <- ").replace("// expect: ", "// <- ")
}

/// Every built-in rule, in order of the ids.
#[must_use]
pub fn catalogue() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        let fronts = FRONT_MATTERS.iter().map(|(_, front)| *front);
        RULE_FILES.iter().zip(fronts).filter_map(|((name, text), front)| built_in(name, front, text).ok()).collect()
    });
    &RULES
}

/// The built-in rule with this id or alias.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    catalogue().iter().find(|r| r.meta.id.as_str() == id).or_else(|| catalogue().iter().find(|r| r.meta.aliases.iter().any(|a| a == id)))
}

/// The text of every rule file, for tests that want to know why one does not load.
#[cfg(any(test, feature = "internals"))]
#[must_use]
pub fn files() -> &'static [(&'static str, &'static str)] {
    RULE_FILES
}

/// The table of `docs/rules/README.md`.
#[must_use]
pub fn markdown_table() -> String {
    let mut out = String::from("| rule | severity | category | systems | what it finds |\n|---|---|---|---|---|\n");
    for Rule { meta, .. } in catalogue() {
        let _ = writeln!(
            out,
            "| [`{0}`]({0}.md) | {1} | {2} | {3} | {4} |",
            meta.id,
            meta.severity,
            meta.category,
            meta.systems.join(", "),
            meta.title.replace('|', "\\|")
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{FRONT_MATTERS, built_in, files, parse};

    #[test]
    fn every_rule_file_loads_as_it_is_written_and_as_it_is_built() {
        for ((name, text), (of, front)) in files().iter().zip(FRONT_MATTERS) {
            assert_eq!(name, of);
            match (parse(name, text), built_in(name, front, text)) {
                (Ok(written), Ok(built)) => {
                    assert_eq!(format!("{:?}", written.meta), format!("{:?}", built.meta));
                    assert_eq!(written.body, built.body);
                }
                (Err(error), _) | (_, Err(error)) => panic!("{error}"),
            }
        }
    }
}

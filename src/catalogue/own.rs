//! Rules of the users' own: files like the catalogue's, in a folder that their configuration names, each a CEL predicate over one
//! fact with its examples.
//!
//! A checked tree may bring them, so everything about them is bounded, and their ids stay within their configuration.

use super::examples::{self, Example};
use super::{Category, FrontMatter, Rule, RuleId, Severity, Worse, find, shown};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;

/// Most rules of one folder.
pub const MAX_OWN: usize = 200;
/// Longest id.
const MAX_ID: usize = 80;
/// Longest predicate, message and help, in bytes.
const MAX_TEXT: usize = 4096;

/// The id of such a rule, and what its file says of every finding. Ids are handed around by value as those of the catalogue are:
/// the few bytes of their text stay until the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnId {
    pub(super) id: &'static str,
    pub(super) category: Category,
    pub(super) severity: Severity,
}

/// The rules of a configuration; two are the same where their files are.
#[derive(Debug, Clone, Default)]
pub struct OwnRules(Vec<Rule>);

impl PartialEq for OwnRules {
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|rule| &rule.file).eq(other.0.iter().map(|rule| &rule.file))
    }
}

impl Eq for OwnRules {}

impl OwnRules {
    /// The rules, in the order of their ids.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.0
    }

    /// The rule with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.meta.id.as_str() == id)
    }

    /// Adds one.
    ///
    /// # Errors
    /// The id is another's.
    pub fn add(&mut self, rule: Rule) -> Result<(), Fault> {
        let id = rule.meta.id.as_str();
        let taken = |why: String| Fault { message: why, at: None };
        if let Some(other) = self.find(id).and_then(|other| other.file.as_ref()) {
            return Err(taken(format!("the id `{id}` is that of `{}`, too", other.0)));
        }
        self.0.push(rule);
        self.0.sort_by_key(|rule| rule.meta.id.as_str());
        Ok(())
    }
}

/// What is wrong with a rule file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub message: String,
    /// The bytes of the file.
    pub at: Option<Range<usize>>,
}

/// The front matter of such a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Front {
    id: String,
    title: String,
    category: Category,
    severity: Severity,
    on: String,
    when: String,
    message: String,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    help: Option<String>,
    #[serde(default)]
    worse: Option<Worse>,
    #[serde(default)]
    systems: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    frameworks: BTreeMap<String, Vec<String>>,
}

/// Reads a file; `stem` is its name without `.md`.
///
/// # Errors
/// What is wrong with it.
pub fn read(path: &str, stem: &str, text: &str) -> Result<Rule, Fault> {
    let text = text.replace("\r\n", "\n");
    let fault = |message: String, at: Option<Range<usize>>| Fault { message, at };
    let Some(rest) = text.strip_prefix("---\n") else {
        return Err(fault(
            "a rule begins with its front matter between two lines `---`".to_owned(),
            Some(0..text.find('\n').unwrap_or(text.len())),
        ));
    };
    let Some((front, body)) = rest.split_once("\n---\n") else {
        return Err(fault("the front matter does not end: a line `---` is missing".to_owned(), Some(0..3)));
    };
    // an empty line in the place of the first `---`: the lines that an error names are those of the file
    let parsed: Front = serde_saphyr::from_str(&format!("\n{front}\n")).map_err(|e| {
        let at = e.location().map(|l| line_of(&text, usize::try_from(l.line()).unwrap_or(1)));
        fault(first_line(&e.to_string()), at)
    })?;
    let id = id(&parsed.id, stem).map_err(|why| fault(why, place(&text, "id")))?;
    for (key, value) in [("when", Some(&parsed.when)), ("message", Some(&parsed.message)), ("help", parsed.help.as_ref())] {
        if value.is_some_and(|v| v.len() > MAX_TEXT) {
            return Err(fault(format!("`{key}` is longer than {MAX_TEXT} bytes"), place(&text, key)));
        }
    }
    let own = OwnId { id: Box::leak(id.into_boxed_str()), category: parsed.category, severity: parsed.severity };
    let meta = FrontMatter {
        id: RuleId::Own(own),
        title: parsed.title,
        category: parsed.category,
        severity: parsed.severity,
        systems: parsed.systems,
        references: parsed.references,
        frameworks: parsed.frameworks,
        sources: Vec::new(),
        aliases: Vec::new(),
        check: Vec::new(),
        when: Some(parsed.when),
        worse: parsed.worse,
        on: Some(parsed.on),
        at: parsed.at,
        message: Some(parsed.message),
        help: parsed.help,
    };
    let body = shown(body);
    Ok(Rule {
        meta,
        body,
        #[cfg(any(test, feature = "internals"))]
        examples: Vec::new(),
        file: Some((path.to_owned(), text)),
    })
}

impl Rule {
    /// The examples of a file of the users' own.
    #[must_use]
    pub fn own_examples(&self) -> Vec<Example> {
        let body = self.file.as_ref().and_then(|(_, text)| text.strip_prefix("---\n")?.split_once("\n---\n"));
        body.map(|(_, body)| examples::of(body)).unwrap_or_default()
    }

    /// Where a key of the front matter is written, in the file of a rule of the users' own.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<Range<usize>> {
        self.file.as_ref().and_then(|(_, text)| place(text, key))
    }
}

/// An id that is the file's name, and nobody else's.
fn id(id: &str, stem: &str) -> Result<String, String> {
    let letters =
        id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !letters || id.len() > MAX_ID {
        return Err(format!("`{}` is not an id: small letters, digits and `-`, {MAX_ID} at most", first_line(id)));
    }
    if id != stem {
        return Err(format!("the file is named unlike its id `{id}`: call it `{id}.md`"));
    }
    if let Some(built_in) = find(id) {
        return Err(format!(
            "`{id}` is the id or an alias of fedlint's own rule `{}`: begin yours with a name of your own",
            built_in.meta.id
        ));
    }
    Ok(id.to_owned())
}

/// The line of a key.
fn place(text: &str, key: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        if line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')) {
            return Some(start..end);
        }
        if start > 0 && line.trim_end() == "---" {
            return None;
        }
        start += line.len();
    }
    None
}

/// The line with this number, from 1.
fn line_of(text: &str, number: usize) -> Range<usize> {
    let start = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    let length = text.get(start..).and_then(|rest| rest.lines().next()).map_or(0, |line| line.trim_end().len());
    start..start + length
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, more: &str) -> String {
        format!("---\nid: {id}\ntitle: t\ncategory: hygiene\nseverity: low\non: role\nmessage: m\nwhen: 'true'\n{more}---\n## What\n")
    }

    #[test]
    fn faults_have_their_line() {
        assert!(read("r/acme-x.md", "acme-x", &file("acme-x", "")).is_ok());
        for (text, stem, line, why) in [
            (file("acme-x", "colour: red\n"), "acme-x", "colour: red", "unknown field `colour`"),
            (file("any-ref", ""), "any-ref", "id: any-ref", "fedlint's own rule `any-ref`"),
            (file("CKV_AWS_358", ""), "CKV_AWS_358", "id: CKV_AWS_358", "is not an id"),
            (file("acme-x", ""), "other", "id: acme-x", "call it `acme-x.md`"),
            ("# x\n".to_owned(), "x", "# x", "front matter"),
            ("---\nid: x\n".to_owned(), "x", "---", "does not end"),
            (file("acme-x", &format!("help: {}\n", "y".repeat(5000))), "acme-x", "help: y", "longer than"),
        ] {
            let fault = read("r.md", stem, &text).expect_err(why);
            let shown = fault.at.clone().and_then(|at| text.get(at)).unwrap_or_default();
            assert!(fault.message.contains(why) && shown.starts_with(line), "{fault:?}: {shown}");
        }
    }
}

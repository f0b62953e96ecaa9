//! `fedlint explain`, `fedlint rules`: the rule files as a person reads them.

use super::args::{Explain, Rules, RulesFormat};
use super::{CLEAN, CliError, print};
use crate::catalogue::{Rule, find, markdown_table};
use crate::config::Config;
use crate::report::printable_lines;
use crate::rules::predicate;
use std::fmt::Write as _;
use std::path::Path;

pub(super) fn explain(arguments: &Explain) -> Result<u8, CliError> {
    // what is built in needs no configuration
    let config = if find(&arguments.rule).is_some() { Config::default() } else { configuration(arguments.config.as_deref())? };
    let rule = config.known_rule(&arguments.rule, "the arguments")?;
    print(&printable_lines(&if arguments.full { full(rule) } else { short(rule) }))?;
    Ok(CLEAN)
}

/// The configuration of these commands, which read nothing else.
pub(super) fn configuration(named: Option<&Path>) -> Result<Config, CliError> {
    let config = Config::load(named, Path::new("."))?;
    predicate::ready(config.own.all())?;
    Ok(config)
}

/// What somebody with a finding needs: the fix, what is wrong, why it matters.
fn short(rule: &Rule) -> String {
    let mut out = headline(rule);
    for name in ["Fix", "What", "Why"] {
        if let Some(text) = section(&rule.body, name) {
            let _ = write!(out, "\n## {name}\n\n{text}\n");
        }
    }
    let page = rule.meta.id.help_uri().or_else(|| rule.file.as_ref().map(|(path, _)| format!("`{path}`"))).unwrap_or_default();
    let _ = writeln!(out, "\nexamples and references: `fedlint explain {0} --full`, {page}", rule.meta.id);
    out
}

/// The whole rule file, and its references.
fn full(rule: &Rule) -> String {
    let mut out = headline(rule);
    if !rule.meta.aliases.is_empty() {
        let _ = writeln!(out, "also known as {}", rule.meta.aliases.join(", "));
    }
    let _ = write!(out, "\n{}\n", rule.body.trim());
    if !rule.meta.references.is_empty() {
        out.push_str("\n## References\n");
    }
    for reference in &rule.meta.references {
        let _ = writeln!(out, "- {reference}");
    }
    out
}

fn headline(rule: &Rule) -> String {
    let meta = &rule.meta;
    format!("{} ({}, {})\n{}\n", meta.id, meta.severity, meta.category, meta.title)
}

/// The text under a heading of a rule file; a `##` within a fenced block is none.
fn section(body: &str, name: &str) -> Option<String> {
    let (mut out, mut inside, mut fenced) = (String::new(), false, false);
    for line in body.lines() {
        fenced ^= line.starts_with("```");
        match line.strip_prefix("## ") {
            Some(heading) if !fenced => inside = heading == name,
            _ if inside => {
                out.push_str(line);
                out.push('\n');
            }
            _ => {}
        }
    }
    let text = out.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn rules(arguments: &Rules) -> Result<u8, CliError> {
    let config = configuration(arguments.config.as_deref())?;
    if arguments.test {
        return super::test_rules::run(&config);
    }
    let text = match arguments.format {
        RulesFormat::Json => {
            let mut text = serde_json::to_string_pretty(&config.all_rules().map(|r| &r.meta).collect::<Vec<_>>())?;
            text.push('\n');
            text
        }
        RulesFormat::Table => table(&config),
        RulesFormat::Markdown => markdown_table(),
    };
    print(&printable_lines(&text))?;
    Ok(CLEAN)
}

fn table(config: &Config) -> String {
    let width = config.all_rules().map(|r| r.meta.id.as_str().len()).max().unwrap_or(0);
    let mut out = String::new();
    for Rule { meta, .. } in config.all_rules() {
        let _ = writeln!(out, "{:width$}  {:8}  {:8}  {}", meta.id, meta.severity.to_string(), meta.category.to_string(), meta.title);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::catalogue;

    #[test]
    fn a_heading_in_a_block_ends_no_section() {
        let body = "## What\n\na\n\n```sh\n## Why\n```\n\n## Why\n\nb\n";
        assert_eq!(section(body, "What").as_deref(), Some("a\n\n```sh\n## Why\n```"));
        assert_eq!(section(body, "Why").as_deref(), Some("b"));
        assert_eq!(section(body, "Fix"), None);
    }

    #[test]
    fn every_rule_has_a_short_form_that_begins_with_its_fix() {
        for rule in catalogue() {
            let text = short(rule);
            let places: Vec<_> = ["\n## Fix\n", "\n## What\n", "\n## Why\n"].iter().map(|h| text.find(h)).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}", rule.meta.id);
            assert!(!text.contains("\n## Bad\n"), "{}", rule.meta.id);
        }
    }
}
